"""The machines of the zoo: the sizes that their sources give, energies in a sensible order, rules that fit."""

from __future__ import annotations

import itertools
import math

import pytest

from archloom.architecture.hierarchy import Architecture
from archloom.errors import InputError
from archloom.model.evaluate import evaluate
from archloom.spec import load, load_architecture, machine_names
from archloom.spec.constraints_section import DIM_GROUPS
from archloom.spec.zoo import find_machine

MACS = {"tiny": 16, "eyeriss": 168, "nvdla_like": 16 * 64, "simba_like": 16 * 8 * 8, "tpu_like": 256 * 256}
KIB = 8 * 1024


def test_names() -> None:
    assert set(machine_names()) == set(MACS)


@pytest.mark.parametrize(
    ("name", "file"),
    [("simba", "simba_like"), ("TPU", "tpu_like"), ("nvdla-like", "nvdla_like"), ("Eyeriss", "eyeriss")],
)
def test_spellings(name: str, file: str) -> None:
    found = find_machine(name)
    assert found is not None
    assert found.stem == file


def test_unknown() -> None:
    assert find_machine("like") is None
    assert find_machine("") is None
    with pytest.raises(InputError, match=r"eyris: no such file \(did you mean 'eyeriss'\?\)"):
        load_architecture("eyris")


@pytest.mark.parametrize("name", MACS)
def test_machine(name: str) -> None:
    spec = load(name)
    machine = spec.architecture
    assert machine is not None
    assert machine.name == name
    assert machine.compute_instances == MACS[name]
    assert spec.warnings == ()
    assert set(spec.nodes) == {*machine.names, machine.compute.name}
    outer = machine.levels[-1]
    assert math.isinf(outer.size_bits)
    assert outer.keep == {"all"}
    assert all(math.isfinite(level.size_bits) for level in machine.levels[:-1])


@pytest.mark.parametrize("name", MACS)
def test_energy_per_bit_falls_inwards(name: str) -> None:
    """A memory that holds the same tensors further in is cheaper per bit, or it would be there for nothing."""
    levels = load_architecture(name).levels
    for inner, outer in itertools.pairwise(levels):
        per_bit = [level.read_pj / (level.block * level.word_bits) for level in (inner, outer)]
        if not inner.keep or outer.keep == {"all"} or inner.keep & outer.keep:
            assert per_bit[0] < per_bit[1], (inner.name, outer.name)
    assert levels[-1].read_pj / levels[-1].block > load_architecture(name).compute.energy_pj


@pytest.mark.parametrize("name", MACS)
def test_source_and_node_are_named(name: str) -> None:
    path = find_machine(name)
    assert path is not None
    text = path.read_text("utf-8")
    comment = text.partition("architecture:")[0]
    assert "nm" in comment
    assert "Energies" in comment
    assert "izes" in comment


@pytest.mark.parametrize("name", MACS)
def test_rules_are_about_dims_of_layers(name: str) -> None:
    known = {*"NGMCPQRSKB", *DIM_GROUPS}
    for rule in load(name).constraints:
        for loops in (rule.temporal, rule.x, rule.y):
            assert set(loops.dims or ()) <= known
            assert set(loops.factors) <= known


def sizes(machine: Architecture) -> dict[str, float]:
    return {level.name: level.size_bits for level in machine.levels if math.isfinite(level.size_bits)}


def test_eyeriss() -> None:
    """JSSC 2017: 100 of the 108 KB for inputs and partial sums; 12, 224 and 24 words of 16 bits; 14 columns, 12 rows."""
    machine = load_architecture("eyeriss")
    assert sizes(machine) == {"GLB": 100 * KIB, "ifmap_spad": 12 * 16, "weight_spad": 224 * 16, "psum_spad": 24 * 16}
    assert (machine.level("GLB").fanout.x, machine.level("GLB").fanout.y) == (14, 12)
    assert machine.level("DRAM").shared_bandwidth == pytest.approx(64 / 16 * 60 / 200)
    per_word = {level.name: level.read_pj / level.block / machine.compute.energy_pj for level in machine.levels}
    assert per_word == pytest.approx({"DRAM": 200, "GLB": 6, "ifmap_spad": 1, "weight_spad": 1, "psum_spad": 1})


def test_nvdla() -> None:
    machine = load_architecture("nvdla")
    assert sizes(machine) == {"CBUF": 512 * KIB, "CACC": 128 * 96 * 8, "weight_regs": 2 * 16}
    assert machine.level("CBUF").read_bandwidth == 128
    assert machine.compute.energy_pj == 1.5


def test_simba() -> None:
    machine = load_architecture("simba")
    assert sizes(machine) == {
        "GlobalBuffer": 64 * KIB,
        "InputBuffer": 8 * KIB,
        "WeightBuffer": 32 * KIB,
        "AccumulationBuffer": 3 * KIB,
        "WeightRegs": 8,
    }
    assert machine.instances[machine.index("WeightBuffer")] == 16
    assert machine.level("AccumulationBuffer").word_bits == 24


def test_tpu() -> None:
    machine = load_architecture("tpu")
    assert sizes(machine) == {
        "UnifiedBuffer": 24 * 1024 * KIB,
        "WeightFIFO": 4 * 64 * KIB,
        "Accumulators": 4096 * 256 * 32,
        "weight_regs": 2 * 8,
    }
    assert machine.level("DRAM").shared_bandwidth == pytest.approx(34e9 / 700e6)


@pytest.mark.parametrize("name", MACS)
def test_evaluates(name: str) -> None:
    """One multiplication at a time, everything from the backing store: legal on every machine, and dear."""
    layer = "workload: {conv2d: {M: 4, C: 2, P: 5, Q: 5, R: 3, S: 3}}\n"
    outer = load_architecture(name).levels[-1].name
    spec = load(name, layer, f"mapping:\n  levels: [{{level: {outer}, temporal: M4 C2 P5 Q5 R3 S3}}]\n")
    assert spec.workload is not None
    assert spec.architecture is not None
    assert spec.mapping is not None
    result = evaluate(spec.workload, spec.architecture, spec.mapping)
    assert result.cycles >= result.macs == 4 * 2 * 25 * 9
    assert result.energy_pj > result.macs * spec.architecture.compute.energy_pj


def test_weight_stationary() -> None:
    """The dataflow of the TPU-like machine: each weight read once, inputs broadcast to columns, sums added down the rows."""
    layer = "workload: {gemm: {M: 512, N: 256, K: 256}}\n"
    nest = "mapping:\n  levels:\n    - {level: Accumulators, x: N256, y: K256}\n    - {level: weight_regs, temporal: M512}\n"
    spec = load("tpu", layer, nest)
    assert spec.workload is not None
    assert spec.architecture is not None
    assert spec.mapping is not None
    result = evaluate(spec.workload, spec.architecture, spec.mapping)
    assert result.level("WeightFIFO").tensors["Weights"].reads == 256 * 256
    assert result.level("UnifiedBuffer").tensors["Inputs"].reads == 512 * 256
    assert result.level("Accumulators").tensors["Outputs"].updates == 512 * 256
    assert result.level("DRAM").tensors["Weights"].reads == 256 * 256
    assert result.compute.instances_used == 65536
