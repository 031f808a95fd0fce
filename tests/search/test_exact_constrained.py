"""The exact mapper under random constraints, padding and objectives, against all that the mapspace lists."""

from __future__ import annotations

import math
import time
from typing import Literal

import pytest
from tests.search.constrained_cases import best_of_space, constrained_problem

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.mapspace import LevelConstraints, MapSpace
from archloom.search.exact.problem import Watch
from archloom.search.exact.solve import solve
from archloom.search.network_mapping import Options
from archloom.search.objective import objective_of
from archloom.search.spaces import problems_of
from archloom.workload.einsum import einsum


def check(seeds: range, cuts: Literal["level", "free"], limit_s: float | None = None) -> int:
    """Compare the mapper with the listing; returns how many problems were compared."""
    compared = 0
    for seed in seeds:
        case = constrained_problem(seed, cuts)
        if case is None:
            continue
        space, objective, drain_reads = case
        found, finished = (math.inf, math.inf), True
        options = Options(objective, cuts=cuts, padding=space.padding, drain_reads=drain_reads)
        for problem in problems_of(space, options):
            answer = solve(problem, Watch(None if limit_s is None else time.monotonic() + limit_s))
            finished = finished and answer.finished
            if answer.best is not None:
                assert space.contains(answer.best.mapping) is None
                found = min(found, objective.key(answer.best.energy_pj, answer.best.cycles))
        if finished:
            assert found == pytest.approx(best_of_space(space, objective, drain_reads=drain_reads), rel=1e-9), seed
            compared += 1
    return compared


@pytest.mark.parametrize("block", range(10))
def test_nothing_that_the_constraints_allow_is_better(block: int) -> None:
    assert check(range(15 * block, 15 * block + 15), "level") >= 8


@pytest.mark.parametrize("block", range(5))
def test_with_free_cuts_too(block: int) -> None:
    pytest.importorskip("numba")
    assert check(range(20 * block, 20 * block + 20), "free", limit_s=5.0) >= 8


def test_a_window_that_comes_back_past_a_tile_of_the_output() -> None:
    """Found by enumeration: with p in two blocks and r between, a step of r undoes the last one of p, and nothing is fetched."""
    pytest.importorskip("numba")
    workload = einsum("O[p] += W[r] * I[2*p+2*r]", {"p": 4, "r": 3})
    levels = (
        Memory("L0", 20 * 16, read_pj=1, write_pj=1.1, update_pj=1.2, leak_pj=0.3),
        Memory("L1", write_bandwidth=1.0, read_pj=100, write_pj=110, update_pj=120),
    )
    space = MapSpace(workload, Architecture("two", levels, Compute("MAC", 1.0, leak_pj=0.1)), cuts="free")
    objective = objective_of("energy")
    (problem,) = problems_of(space, Options(objective, cuts="free"))
    answer = solve(problem, Watch())
    assert answer.best is not None
    assert answer.best.energy_pj == pytest.approx(best_of_space(space, objective, drain_reads=False)[0], rel=1e-9)


def test_a_loop_that_would_end_a_run_further_out_stays_inside() -> None:
    """Found by enumeration: j may not leave the tile of C, which stays while i and k run two blocks further out."""
    pytest.importorskip("numba")
    workload = einsum("O[i,j] += A[i,k] * B[k,j] * C[j]", {"i": 2, "j": 3, "k": 4})
    levels = (
        Memory("L0", 6 * 16, bypass=frozenset("AOB"), read_pj=1, write_pj=1.1, update_pj=1.2),
        Memory("L1", 6 * 16, keep=frozenset("OA"), bypass=frozenset("CB"), read_pj=6, write_pj=6.6, update_pj=7.2,
               fanout=Fanout(2)),
        Memory("L2", read_pj=100, write_pj=110, update_pj=120, block=2),
    )  # fmt: skip
    rules = LevelConstraints("L1", temporal_dims=frozenset("ij"), x_dims=frozenset("ijk"))
    space = MapSpace(workload, Architecture("three", levels, Compute("MAC", 1.0)), rules, cuts="free")
    objective = objective_of("energy")
    (problem,) = problems_of(space, Options(objective, cuts="free"))
    answer = solve(problem, Watch())
    assert answer.best is not None
    assert answer.best.energy_pj == pytest.approx(best_of_space(space, objective, drain_reads=False)[0], rel=1e-9)
