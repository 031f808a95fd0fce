"""What is written for Timeloop is read back to the same costs; what cannot be written is refused."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.errors import InputError
from archloom.interop.timeloop import ResidencyConstraint, load, to_yaml
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.model.evaluate import evaluate
from archloom.workload.einsum import Workload, einsum

TEXTS = (
    "O[m,p] += W[m,c,r] * I[c,2*p+r]",
    "O[n,p,q] += I[n,3*p+2*r,q+s] * W[r,s]",
    "Z[m,n] += A[m,k] * B[k,n]",
    "D[i,j] += A[i,k,l] * B[k,j] * C[l,j]",
)


@st.composite
def problems(draw: st.DrawFn) -> tuple[Workload, Architecture, Mapping]:
    """A random einsum on a random machine that holds all of it, with a random mapping that fits."""
    text = draw(st.sampled_from(TEXTS))
    dims = sorted({letter for letter in text if letter.islower()})
    depth = draw(st.integers(1, 4))
    workload = einsum(text, dict.fromkeys(dims, 1), name="random")
    tensors = [tensor.name for tensor in workload.tensors]
    bounds = dict.fromkeys(dims, 1)
    nests: list[LevelNest] = []
    for at in range(depth):
        blocks: dict[str, list[Loop]] = {"temporal": [], "x": [], "y": []}
        for axis in blocks:
            taken = {loop.dim for loop in blocks["x"]} if axis == "y" else set()
            for dim in draw(st.lists(st.sampled_from(dims), unique=True, max_size=2)):
                if dim not in taken:
                    blocks[axis].append(Loop(dim, draw(st.integers(2, 3))))
                    bounds[dim] *= blocks[axis][-1].trip
        keep = tensors if at == depth - 1 else draw(st.lists(st.sampled_from(tensors), unique=True))
        nests.append(LevelNest(f"L{at}", *(tuple(loops) for loops in blocks.values()), keep=frozenset(keep)))
    levels = tuple(draw(levels_for(nest, tensors)) for nest in nests)
    workload = workload.with_bounds(**bounds)
    compute = Compute("MAC", energy_pj=draw(costs), area_um2=draw(costs), word_bits=draw(st.sampled_from([8, 16])))
    return workload, Architecture("random", levels, compute), Mapping(tuple(nests))


costs = st.integers(0, 100) | st.floats(0, 1e3, allow_subnormal=False)
bandwidths = st.none() | st.sampled_from([0.25, 1, 2.5, 8])


@st.composite
def levels_for(draw: st.DrawFn, nest: LevelNest, tensors: list[str]) -> Memory:
    x = math.prod(loop.trip for loop in nest.x) + draw(st.integers(0, 1))
    y = math.prod(loop.trip for loop in nest.y) + draw(st.integers(0, 1))
    alone = draw(st.lists(st.sampled_from(tensors), unique=True)) if x * y > 1 else []
    fanout = Fanout(x, y, frozenset(alone), fill_latency=draw(st.integers(0, 3)), drain_latency=draw(st.integers(0, 3)))
    if not nest.keep and draw(st.booleans()):
        return Memory(nest.level, size_bits=0, bypass=frozenset({"all"}), fanout=fanout, area_um2=draw(costs))
    word = draw(st.sampled_from([8, 16, 24]))
    return Memory(
        nest.level,
        size_bits=draw(st.sampled_from([math.inf, word * 2**31, word * 2**31 + 5])),
        word_bits=word,
        block=draw(st.integers(1, 4)),
        read_bandwidth=draw(bandwidths),
        write_bandwidth=draw(bandwidths),
        shared_bandwidth=draw(bandwidths),
        buffering=draw(st.sampled_from([1, 2, 3])),
        bypass=frozenset(set(draw(st.lists(st.sampled_from(tensors)))) - nest.keep),
        keep=frozenset(set(draw(st.lists(st.sampled_from(tensors)))) & nest.keep),
        read_pj=draw(costs),
        write_pj=draw(costs),
        update_pj=draw(costs),
        leak_pj=draw(costs),
        area_um2=draw(costs),
        power_gated_at=draw(st.sampled_from([None, nest.level])),
        fanout=fanout,
        kind=draw(st.sampled_from(["SRAM", "register", "my own", "dram"])),
    )


def costs_of(workload: Workload, architecture: Architecture, mapping: Mapping | None) -> dict[str, Any]:
    assert mapping is not None
    found = evaluate(workload, architecture, mapping).to_dict()
    for level in found["levels"]:
        level["size_bits"] = None  # written in whole words
    return found


@given(problems())
def test_random_round_trip(problem: tuple[Workload, Architecture, Mapping]) -> None:
    workload, architecture, mapping = problem
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = load(to_yaml(workload, architecture, mapping))
    assert again.workload.bounds == workload.bounds
    assert again.workload.text == workload.text
    assert costs_of(again.workload, again.architecture, again.mapping) == costs_of(workload, architecture, mapping)
    assert again.architecture.area_um2 == pytest.approx(architecture.area_um2)
    for constraint in again.constraints:
        assert isinstance(constraint, ResidencyConstraint)
        level = architecture.level(constraint.target)
        assert set(constraint.bypass) == {t.name for t in workload.tensors if not level.may_keep(t)}


GEMM = einsum("Z[m,n] += A[m,k] * B[k,n]", {"m": 4, "n": 2, "k": 8}, name="a gemm!")
MACHINE = Architecture("m", (Memory("RF", size_bits=4096, fanout=Fanout(2, 1)), Memory("DRAM", kind="DRAM")), Compute())
NEST = Mapping(
    (
        LevelNest("RF", (Loop("k", 8),), x=(Loop("m", 2),), keep=frozenset("ABZ")),
        LevelNest("DRAM", (Loop("m", 2), Loop("n", 2)), keep=frozenset("ABZ")),
    )
)


def test_written_text() -> None:
    text = to_yaml(GEMM, MACHINE, NEST)
    data = yaml.safe_load(text)
    names = [part["name"] for part in data["architecture"]["subtree"][0]["local"]]
    assert names == ["DRAM[1..1]", "RF[1..1]", "MAC[1..2]"]
    assert data["problem"]["shape"]["name"] == "a_gemm_"
    assert data["mapping"][1] == {
        "target": "RF",
        "type": "spatial",
        "factors": "m=2 n=1 k=1",
        "permutation": "mnk",
        "split": 1,
    }
    assert data["mapping"][2] == {
        "target": "RF",
        "type": "temporal",
        "factors": "m=1 n=1 k=8",
        "permutation": "kmn",
    }


def test_without_a_mapping() -> None:
    again = load(to_yaml(GEMM, MACHINE))
    assert again.mapping is None
    assert again.architecture.names == MACHINE.names


def level(**changes: Any) -> Architecture:
    return MACHINE.with_level("RF", **changes)


def nest(**changes: Any) -> Mapping:
    return replace(NEST, levels=(replace(NEST.levels[0], **changes), NEST.levels[1]))


@pytest.mark.parametrize(
    ("workload", "architecture", "mapping", "expected"),
    [
        (
            einsum("Z[row] += A[row]", {"row": 2}),
            MACHINE,
            None,
            "the dimension 'row' has a name that Timeloop cannot read",
        ),
        (GEMM, replace(MACHINE, compute=Compute(leak_pj=1)), NEST, "compute 'MAC' leaks; Timeloop does not charge"),
        (GEMM, replace(MACHINE, compute=Compute("a b")), NEST, "the name 'a b' cannot be written"),
        (GEMM, level(fanout=Fanout(2, reshapeable=True)), NEST, "level 'RF': its fanout is reshapeable"),
        (
            GEMM,
            level(word_bits=24, size_bits=100, buffering=1.5),
            NEST,
            "level 'RF': 100 bits are no whole number of words",
        ),
        (
            GEMM,
            level(size_bits=0, bypass=frozenset({"all"}), read_pj=1),
            None,
            "level 'RF': a pure fanout has energies",
        ),
        (
            GEMM,
            level(size_bits=2**40),
            NEST,
            "level 'RF': it has 6.87195e+10 words; Timeloop reads sizes below 2**32 words",
        ),
        (GEMM, MACHINE, nest(cut={"A": 0}), "mapping at 'RF': the tiles of A have a cut"),
        (GEMM.with_bounds(k=7), MACHINE, replace(NEST, padding=True), "the mapping pads a dimension"),
        (GEMM.with_bounds(k=7), MACHINE, NEST, "the factors of 'k' multiply to 8, above its bound 7"),
        (
            einsum("Z[m,n] += A[m,k] * B[k,n]", dict(GEMM.bounds), word_bits={"Z": 32}),
            MACHINE,
            NEST,
            "level 'RF': 'Z' has words of 32 bits; in Timeloop all words of a memory have its 16",
        ),
    ],
)
def test_what_cannot_be_written(
    workload: Workload, architecture: Architecture, mapping: Mapping | None, expected: str
) -> None:
    with pytest.raises(InputError) as caught:
        to_yaml(workload, architecture, mapping)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "size", "written"),
    [
        ("sram", 4096, "SRAM"),
        ("SRAM", math.inf, "DRAM"),
        ("LPDDR4_DRAM", math.inf, "LPDDR4_DRAM"),
        ("register", 4096, "regfile"),
        ("smartbuffer_RF", 4096, "smartbuffer_RF"),
        ("flip-flops", 4096, "storage"),
        ("dummy_storage", 4096, "storage"),
    ],
)
def test_classes(kind: str, size: float, written: str) -> None:
    data = yaml.safe_load(to_yaml(GEMM, level(kind=kind, size_bits=size)))
    assert data["architecture"]["subtree"][0]["local"][1]["class"] == written


def test_everything_that_cannot_be_written_at_once() -> None:
    with pytest.raises(InputError) as caught:
        to_yaml(
            GEMM, replace(level(fanout=Fanout(2, reshapeable=True)), compute=Compute(leak_pj=1)), nest(cut={"A": 0})
        )
    assert len(caught.value.faults) == 3


def test_what_changes_nothing_is_written() -> None:
    """Padding that pads nothing, a full cut, and a word width that is the memory's own."""
    workload = einsum("Z[m,n] += A[m,k] * B[k,n]", dict(GEMM.bounds), word_bits={"Z": 16})
    mapping = replace(nest(cut={"A": 1}), padding=True)
    again = load(to_yaml(workload, MACHINE, mapping))
    assert costs_of(again.workload, again.architecture, again.mapping) == costs_of(workload, MACHINE, mapping)
