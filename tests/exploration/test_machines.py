"""Machines as arrays: for random spaces, number by number what the reader of files says of each design."""

from __future__ import annotations

import math
import pickle
import random
import time

import numpy as np
import pytest

from archloom.errors import ArchloomError
from archloom.exploration.machines import Machines
from archloom.exploration.space_file import load_space
from archloom.model.arrays import pack
from archloom.model.batch import evaluate_batch
from archloom.model.evaluate import evaluate
from archloom.search.mapper import map as map_network
from archloom.spec.load import Spec

GEMM = "[{workload: {name: mm, gemm: {M: 8, N: 8, K: 8}}}]"

PARAMETERS = {
    "levels.GLB.size": "{log2: [4 KiB, 32 KiB]}",
    "levels.RF.size": "[8 words, 16 words, 64 words]",
    "array.x": "[2, 4]",
    "array.y": "[1, 2, 3]",
    "clock": "[100 MHz, 1 GHz]",
    "node": "[45 nm, 28 nm]",
    "e": "[1, 2.5]",
    "wide": "[1, 2, 4]",
    "levels.GLB.block": "[1, 2]",
    "levels.GLB.read_bandwidth": "[1 GB/s, 16 B/cycle]",
    "levels.DRAM.shared_bandwidth": "{range: [1 GB/s, 3 GB/s, 1 GB/s]}",
    "levels.GLB.energy": "[e * 3 pJ, 7 pJ/word]",
    "levels.RF.leak": "[1 mW, 0.1 pJ/cycle]",
    "levels.GLB.class": "[sram, regfile]",
    "levels.RF.class": "[sram, regfile]",
    "levels.RF.cluster": "[1, 2]",
    "levels.RF.keep": "{choices: [[weights], all]}",
    "levels.GLB.buffering": "[1, 2]",
    "compute.energy": "[e * 2 pJ, 0.5 pJ]",
    "compute.area": "[100 um2, 300 um2]",
    "network": "[wires, none]",
    "levels.GLB.network": "{choices: [wires, {energy: 0.2 pJ/bit/mm}]}",
    "word": "[8 bit, 16 bit]",
    "technology": "[library, none]",
    "levels.RF.power_gated_at": "[RF, GLB]",
    "constraints.GLB.no_multicast": "[inputs, outputs]",
}

GLB = {
    "stated": "energy: e * 6 pJ, area: 9 um2",
    "priced": "class: sram, cell: lstp",
    "partly": "class: sram, energy: {read: e * 1 pJ}",
}
RF = {
    "stated": "energy: {read: e * 1 pJ, write: 2 pJ}, leak: 0.5 mW, area: 5 um2",
    "priced": "class: regfile",
    "unnamed": "leak: wide * 1 pJ/cycle",
}


def machine(glb: str, rf: str, network: str) -> str:
    return f"""variables: {{e: 1.5, wide: 2, twice: wide * 2}}
architecture:
  clock: 500 MHz
  node: 45 nm
  word: 16 bit
{network}
  levels:
    - {{name: DRAM, class: dram, type: LPDDR4, energy: e * 100 pJ, keep: all, shared_bandwidth: 8 B/cycle}}
    - {{name: GLB, size: 16 KiB, {GLB[glb]}, fanout: {{x: wide, y: 2}}, write_bandwidth: twice words/cycle}}
    - {{name: RF, size: 32 words, {RF[rf]}}}
  compute: {{name: MAC, energy: e * 1 pJ, area: 50 um2}}
constraints:
  - {{level: GLB, x: {{factors: {{M: <= wide}}}}}}
"""


def random_space(seed: int, parameters: int = 5) -> Machines:
    """The machines of a random space over a random machine."""
    rng = random.Random(seed)
    network = rng.choice(["", "", "  network: wires"])
    text = machine(rng.choice([*GLB]), rng.choice([*RF]), network)
    for _ in range(50):
        chosen = rng.sample([*PARAMETERS], parameters)
        linked = ""
        if "array.x" in chosen and "array.y" not in chosen and rng.random() < 0.5:
            linked = "    array.y: 8 // array.x\n"
        lines = "".join(f"    {name}: {PARAMETERS[name]}\n" for name in chosen)
        try:
            return load_space(f"{text}explore:\n  networks: {GEMM}\n  parameters:\n{lines}{linked}").machines
        except ArchloomError:
            continue
    raise AssertionError("no such space can be read")


@pytest.mark.parametrize("seed", range(60))
def test_arrays_are_what_whole_machines_say(seed: int) -> None:
    machines = random_space(seed)
    machines.check(25, seed)
    designs = machines.space.sample(np.random.default_rng(seed), 25)
    reasons = machines.reasons(designs)
    specs: list[Spec | None] = []
    for design in designs:
        try:
            specs.append(machines.spec(design))
        except ArchloomError:
            specs.append(None)
    assert [spec is None for spec in specs] == [bool(reason) for reason in reasons]
    columns = {
        "clock": machines.clock_hz(designs),
        "area": machines.area_um2(designs),
        "pes": machines.pes(designs),
        "bits": machines.onchip_bits(designs),
    }
    codes = machines.structure(designs)
    for row, spec in enumerate(specs):
        if spec is None:
            assert codes[row] == -1
            continue
        whole = spec.architecture
        assert whole is not None
        assert columns["clock"][row] == spec.clock_hz
        assert columns["area"][row] == whole.area_um2
        assert columns["pes"][row] == whole.compute_instances
        inside = zip(whole.levels[:-1], whole.instances[:-1], strict=True)
        assert columns["bits"][row] == sum(level.size_bits * count for level, count in inside)
        for other, there in enumerate(specs[:row]):
            if there is not None and codes[other] == codes[row]:
                assert _form(there) == _form(spec)


def _form(spec: Spec) -> object:
    """What equal codes promise."""
    assert spec.architecture is not None
    levels = [
        (
            level.name,
            level.word_bits,
            level.block,
            level.cluster,
            level.buffering,
            level.keep,
            level.bypass,
            level.fanout,
        )
        for level in spec.architecture.levels
    ]
    return levels, spec.constraints, spec.architecture.pooled


@pytest.mark.parametrize("seed", range(6))
def test_lanes_price_mappings_as_whole_machines_do(seed: int) -> None:
    machines = random_space(seed + 1000, 4)
    designs = machines.space.sample(np.random.default_rng(seed), 12)
    designs = designs[machines.structure(designs) >= 0]
    workload = load_space(
        f"explore: {{networks: {GEMM}, architecture: tiny, parameters: {{array.x: [2]}}}}\n"
    ).suite.layers[0]
    for code in np.unique(machines.structure(designs)):
        group = designs[machines.structure(designs) == code]
        first = machines.spec(group[0]).architecture
        assert first is not None
        try:
            found = map_network(workload, first, cache=False)
        except ArchloomError:
            continue
        mapping = found.layers[0].mapping
        batch = evaluate_batch(
            workload, first, pack(workload, first, [mapping]), hardware=machines.lanes(group), outer=True
        )
        for at, design in enumerate(group):
            own = machines.spec(design).architecture
            assert own is not None
            try:
                cost = evaluate(workload, own, mapping)
            except ArchloomError:
                assert batch.reason[0, at]
                continue
            assert batch.cycles[0, at] == cost.cycles
            assert batch.energy_pj[0, at] == pytest.approx(cost.energy_pj, rel=1e-12)
            assert batch.area_um2[0, at] == pytest.approx(cost.area_um2, rel=1e-12)


def test_a_design_that_cannot_be_built_has_a_reason_and_no_code() -> None:
    text = machine("priced", "stated", "") + (
        f"explore:\n  networks: {GEMM}\n  parameters:\n    levels.GLB.size: [16 KiB, 64 B]\n"
        "    levels.GLB.banks: [1, 1024]\n    levels.RF.size: [8 words, 16 words]\n"
    )
    machines = load_space(text).machines
    designs = machines.space.unflat(range(8))
    reasons, codes = machines.reasons(designs), machines.structure(designs)
    for design, reason, code in zip(designs, reasons, codes.tolist(), strict=True):
        assert (code < 0) == bool(reason)
        if reason:
            with pytest.raises(ArchloomError):
                machines.spec(design)
        else:
            assert machines.spec(design).architecture is not None
    assert any(reasons)
    assert not all(reasons)
    assert np.isnan(machines.lanes(designs)["GLB.read_pj"]).tolist() == [bool(reason) for reason in reasons]


def test_parts_depend_on_their_own_parameters_only() -> None:
    text = machine("stated", "stated", "") + (
        f"explore:\n  networks: {GEMM}\n  parameters:\n    levels.GLB.size: [16 KiB, 1 KiB]\n"
        "    e: [1, 2]\n    wide: [2, 4]\n    clock: [1 GHz, 2 GHz]\n"
    )
    found = {part: uses for part, uses in load_space(text).machines.dependencies.items() if uses}
    assert found == {
        (0, "energy"): (1,),
        (0, "costs"): (1,),
        (1, "size"): (0,),
        (1, "fanout"): (2,),
        (1, "bandwidth"): (2,),
        (1, "energy"): (1,),
        (1, "costs"): (1,),
        (1, "form"): (2,),
        (2, "energy"): (1, 3),
        (2, "costs"): (1, 3),
        "compute": (1,),
        "machine": (3,),
        "rules": (2,),
    }


def test_no_clock_is_nan_and_an_absent_bandwidth_is_infinite() -> None:
    text = f"explore:\n  networks: {GEMM}\n  architecture: tiny\n  parameters: {{levels.Buffer.read_bandwidth: [1 word/cycle]}}\n"
    machines = load_space(text).machines
    designs = machines.space.unflat([0])
    assert math.isnan(machines.clock_hz(designs)[0])
    assert machines.lanes(designs)["Buffer.read_bandwidth"].tolist() == [1]
    assert math.isinf(machines.column(1, "write_bandwidth", designs)[0])
    assert not machines.varies_clock


def test_a_hundred_thousand_designs_in_well_under_a_second() -> None:
    text = f"""explore:
  networks: {GEMM}
  architecture: eyeriss
  parameters:
    levels.GLB.size: {{log2: [16 KiB, 1 MiB]}}
    array.x: {{divisors_of: 168}}
    array.y: 168 / array.x
    levels.ifmap_spad.size: {{range: [8 words, 64 words, 8 words]}}
    levels.psum_spad.size: {{range: [8 words, 64 words, 8 words]}}
    levels.weight_spad.size: {{range: [32 words, 512 words, 32 words]}}
    mac: [1, 2.2]
"""
    machines = pickle.loads(pickle.dumps(load_space(text).machines))
    designs = machines.space.sample(np.random.default_rng(0), 100_000)
    began = time.process_time()
    for ask in (machines.lanes, machines.structure, machines.area_um2):
        ask(designs)
    assert time.process_time() - began < 2
