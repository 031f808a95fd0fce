"""Evaluations to report on, with energies and sizes of the tests' own making."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.model.evaluate import evaluate
from archloom.model.result import Evaluation
from archloom.workload.einsum import Tensor, Workload, einsum

CONV = einsum(
    "Outputs[m,p,q] += Weights[m,c,r,s] * Inputs[c,2*p+r,2*q+s]",
    {"m": 64, "c": 4, "r": 7, "s": 7, "p": 112, "q": 112},
    name="conv1",
)
ROWS = Architecture(
    "rows",
    (
        Memory("RF", 512 * 16, read_pj=1.0, write_pj=1.0, update_pj=1.0, leak_pj=0.001, area_um2=2_000, kind="regfile"),
        Memory(
            "GLB",
            108 * 1024 * 8,
            read_pj=6.0,
            write_pj=6.5,
            update_pj=6.5,
            read_bandwidth=16,
            write_bandwidth=8,
            bypass=frozenset({"weights"}),
            area_um2=1.2e6,
            fanout=Fanout(14, 12),
            kind="SRAM",
        ),
        Memory("DRAM", read_pj=200.0, write_pj=200.0, update_pj=200.0, shared_bandwidth=4, kind="DRAM"),
    ),
    Compute(energy_pj=0.6, area_um2=900),
)
NEST = Mapping(
    (
        LevelNest("RF", (Loop("m", 8), Loop("s", 7)), keep=frozenset({"Weights", "Inputs", "Outputs"})),
        LevelNest(
            "GLB",
            (Loop("c", 4), Loop("q", 28)),
            x=(Loop("p", 14),),
            y=(Loop("r", 7),),
            keep=frozenset({"Inputs", "Outputs"}),
            cut={"Outputs": 1},
        ),
        LevelNest(
            "DRAM",
            (Loop("m", 8), Loop("q", 4), Loop("p", 8)),
            keep=frozenset({"Weights", "Inputs", "Outputs"}),
        ),
    )
)
HOSTILE = "<img src=x onerror=\"alert('x')\">&\x07\x1b[31m\n"


@pytest.fixture
def evaluation() -> Evaluation:
    """A convolution on a machine with rows of register files, bound by compute."""
    return evaluate(CONV, ROWS, NEST)


@pytest.fixture
def slow() -> Evaluation:
    """The same, bound by the backing store, with a network that takes time to fill."""
    machine = ROWS.with_level("DRAM", shared_bandwidth=0.5).with_level("GLB", fanout=Fanout(14, 12, fill_latency=9))
    return evaluate(CONV, machine, NEST)


@pytest.fixture
def bare() -> Evaluation:
    """A dot product, padded, on one memory of which nothing is known."""
    nest = LevelNest("RAM", (Loop("k", 10),), keep=frozenset("OWI"))
    return evaluate(
        einsum("O[] += W[k] * I[k]", {"k": 8}), Architecture("one", (Memory("RAM"),)), Mapping((nest,), padding=True)
    )


@pytest.fixture
def hostile() -> Evaluation:
    """Names that would break out of HTML, SVG or a terminal, if they were let."""
    names = {"Weights": HOSTILE + "w", "Inputs": HOSTILE + "i", "Outputs": HOSTILE + "o"}
    tensors = tuple(
        Tensor(names[t.name], tuple(tuple((HOSTILE + d, c) for d, c in rank) for rank in t.ranks), t.is_output)
        for t in CONV.tensors
    )
    workload = Workload(HOSTILE, {HOSTILE + dim: bound for dim, bound in CONV.bounds.items()}, tensors)
    levels = tuple(replace(level, name=HOSTILE + level.name, bypass=frozenset()) for level in ROWS.levels)

    def renamed(loops: tuple[Loop, ...]) -> tuple[Loop, ...]:
        return tuple(Loop(HOSTILE + loop.dim, loop.trip) for loop in loops)

    nests = tuple(
        LevelNest(
            HOSTILE + nest.level,
            renamed(nest.temporal),
            renamed(nest.x),
            renamed(nest.y),
            frozenset(names[name] for name in nest.keep),
            {names[name]: cut for name, cut in nest.cut.items()},
        )
        for nest in NEST.levels
    )
    return evaluate(workload, Architecture(HOSTILE, levels, Compute(HOSTILE, energy_pj=1)), Mapping(nests))
