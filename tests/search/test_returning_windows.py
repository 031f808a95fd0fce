"""Sliding windows that come back to where they ended, on machines of three and four memories: exact searches against enumeration."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from tests.search.frontier_cases import nested_case

from archloom.architecture.hierarchy import Architecture, Compute, Memory
from archloom.mapspace import MapSpace
from archloom.model.batch import evaluate_batch
from archloom.search.exact.problem import Watch
from archloom.search.network_mapping import Options
from archloom.search.objective import Objective, objective_of
from archloom.search.spaces import problems_of
from archloom.search.strategies import solve_exactly
from archloom.workload.einsum import einsum

ALL = frozenset({"all"})


def enumerated(space: MapSpace, objective: Objective) -> tuple[float, float]:
    """The least objective of all mappings, and the least second figure of those that have it."""
    best = math.inf, math.inf
    for batch in space.enumerate(limit=400_000):
        costs = evaluate_batch(space.workload, space.architecture, batch)
        energy, cycles = np.asarray(costs.energy_pj), np.asarray(costs.cycles)
        legal = np.isfinite(energy)
        energy, cycles = energy[legal], cycles[legal]
        if not len(energy):
            continue
        value = energy**objective.energy_power * cycles**objective.cycles_power
        near = value <= value.min() * (1 + 1e-12)
        keys = (objective.key(float(e), float(c)) for e, c in zip(energy[near], cycles[near], strict=True))
        best = min(best, *keys)
    return best


def check(space: MapSpace, objective: Objective) -> None:
    answer = solve_exactly(problems_of(space, Options(objective)), Watch())
    expected = enumerated(space, objective)
    assert answer.finished
    if answer.best is None:
        assert math.isinf(expected[0])
        return
    found = objective.key(answer.best.energy_pj, answer.best.cycles)
    assert found == pytest.approx(expected, rel=1e-9)


def test_a_window_that_is_still_there_after_another_loop() -> None:
    """p inside a block, then m, then p further out: at each outer step of p, the window of I is where the last one ended."""
    conv = einsum("O[m,p] += W[m,c,r] * I[c,p+r]", {"m": 4, "p": 6, "c": 1, "r": 2})
    levels = (
        Memory("RF", 48, read_pj=1, write_pj=1, update_pj=1),
        Memory("L1", 64, read_pj=3, write_pj=2, update_pj=2, keep=ALL),
        Memory("GLB", 192, read_pj=12, write_pj=6, update_pj=6, keep=ALL),
        Memory("DRAM", read_pj=100, write_pj=100, update_pj=100, shared_bandwidth=0.5),
    )
    space = MapSpace(conv, Architecture("four", levels, Compute("MAC", 1.0)))
    check(space, objective_of("edp"))


@pytest.mark.parametrize("seed", range(24))
def test_the_best_mapping_on_deep_hierarchies(seed: int) -> None:
    nested, objective, _, hardware = nested_case(seed)
    machine, row = nested.architecture, random.Random(seed).randrange(6)
    for name, values in hardware.items():
        level, field = name.split(".")
        machine = machine.with_level(level, **{field: float(values[row])})
    space = MapSpace(nested.workload, machine)
    if space.total > 300_000:
        pytest.skip("too many mappings to list")
    check(space, objective)
