"""Evaluations to report on: a convolution on a machine like Eyeriss, with figures of the test's own making."""

from __future__ import annotations

import pytest

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.model.evaluate import evaluate
from archloom.model.result import Evaluation
from archloom.workload.einsum import einsum

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


@pytest.fixture
def evaluation() -> Evaluation:
    return evaluate(CONV, ROWS, NEST)
