"""The lattice engine against exhaustive enumeration, its certificates, and its time limit."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import replace

import numpy as np
import pytest
from tests.search.brute_force import best_by_enumeration, every_mapping, free_rules, random_problem

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.errors import InfeasibleError
from archloom.search.exact.certificate import refute
from archloom.search.exact.lattice import Lattice, solve_lattice
from archloom.search.exact.padding import padded_bounds
from archloom.search.exact.problem import Problem, Watch
from archloom.search.objective import objective_of
from archloom.workload.einsum import einsum


def problem_of(seed: int) -> Problem:
    workload, architecture, objective, drain = random_problem(seed)
    return Problem(
        workload, architecture, free_rules(workload, architecture), objective_of(objective), drain_reads=drain
    )


def check_against_enumeration(seed: int) -> None:
    problem = problem_of(seed)
    answer = solve_lattice(problem, Watch())
    best = best_by_enumeration(
        problem.workload, problem.architecture, problem.objective, drain_reads=problem.drain_reads
    )
    if math.isinf(best[0]):
        assert answer.best is None
        return
    assert answer.best is not None
    assert answer.finished
    assert problem.objective.key(answer.best.energy_pj, answer.best.cycles) == pytest.approx(best, rel=1e-9)
    assert refute(problem, answer) is None


@pytest.mark.parametrize("block", range(20))
def test_optimum_is_that_of_exhaustive_enumeration(block: int) -> None:
    for seed in range(10 * block, 10 * block + 10):
        check_against_enumeration(seed)


def test_a_window_that_comes_back_to_its_place_across_levels() -> None:
    """Found by enumeration: the outer loop over p undoes the slide of the inner loop over r, so nothing is fetched again."""
    check_against_enumeration(827)
    workload = einsum("O[p] += W[r] * I[2*p+2*r]", {"p": 8, "r": 3})
    some = frozenset
    levels = (
        Memory("L0", 20 * 16, bypass=some("W"), read_pj=1, write_pj=1.1, update_pj=1.2, fanout=Fanout(3)),
        Memory(
            "L1", 6 * 16, keep=some("WO"), bypass=some("I"), read_pj=6, write_pj=6.6, update_pj=7.2, fanout=Fanout(2)
        ),
        Memory("L2", read_pj=100, write_pj=110, update_pj=120),
    )
    architecture = Architecture("slide", levels, Compute("MAC", 1.0))
    problem = Problem(workload, architecture, free_rules(workload, architecture), objective_of("energy"))
    answer = solve_lattice(problem, Watch())
    assert answer.best is not None
    assert answer.best.energy_pj == pytest.approx(best_by_enumeration(workload, architecture, problem.objective)[0])


def test_a_tie_in_latency_that_a_raised_bound_makes() -> None:
    """Found by enumeration: what the parent knows raises bounds to a tie, and the least energy among the tied is another one."""
    check_against_enumeration(1410)


def test_weighted_objectives_and_their_ties() -> None:
    for seed, weights in (
        (3, {"energy": 1.0, "latency": 5.0}),
        (8, {"energy": 0.0, "latency": 1.0}),
        (12, {"energy": 2.0}),
    ):
        workload, architecture, _, _ = random_problem(seed)
        objective = objective_of(weights)
        problem = Problem(workload, architecture, free_rules(workload, architecture), objective)
        answer = solve_lattice(problem, Watch())
        assert answer.best is not None
        best = best_by_enumeration(workload, architecture, objective)
        assert objective.key(answer.best.energy_pj, answer.best.cycles) == pytest.approx(best, rel=1e-9)


def test_no_mapping_refutes_a_certificate_and_a_planted_one_does() -> None:
    problem = problem_of(5)
    answer = solve_lattice(problem, Watch())
    assert answer.best is not None
    for batch in every_mapping(problem.workload, problem.architecture):
        mapping = batch.mapping(
            int(np.random.default_rng(0).integers(len(batch))), problem.workload, problem.architecture
        )
        with contextlib.suppress(InfeasibleError):
            assert refute(problem, answer, mapping) is None
    planted = replace(answer, bound=answer.bound * 1.01)
    assert "above the best mapping's cost" in str(refute(problem, planted))
    worse = replace(answer, best=None, bound=answer.bound * 1.01)
    assert "below the bound" in str(refute(problem, worse, answer.best.mapping))
    lying = replace(answer, best=replace(answer.best, energy_pj=answer.best.energy_pj * 0.9))
    assert "pJ" in str(refute(problem, lying))
    unproven = replace(answer, bound=answer.bound * 0.9)
    assert "says it is finished" in str(refute(problem, unproven))


def convolution_problem(objective: str = "edp") -> Problem:
    workload = einsum(
        "O[m,p,q] += W[m,c,r,s] * I[c,p+r,q+s]", {"m": 16, "c": 8, "p": 14, "q": 14, "r": 3, "s": 3}, name="conv"
    )
    everything = frozenset(["all"])
    levels = (
        Memory("RF", 64 * 16, keep=everything, read_pj=1, write_pj=1, update_pj=1),
        Memory(
            "GLB", 4096 * 16, keep=everything, read_pj=6, write_pj=6, update_pj=6, fanout=Fanout(7, 4), read_bandwidth=8
        ),
        Memory("DRAM", read_pj=200, write_pj=200, update_pj=200, shared_bandwidth=2),
    )
    architecture = Architecture("three", levels, Compute("MAC", 1.0))
    return Problem(workload, architecture, free_rules(workload, architecture), objective_of(objective))


def test_out_of_time_gives_an_honest_bound() -> None:
    problem = convolution_problem()
    whole = solve_lattice(problem, Watch())
    assert whole.best is not None
    early = solve_lattice(problem, Watch(deadline=time.monotonic() - 1))
    assert not early.finished
    assert early.bound <= whole.bound
    assert early.best is None or problem.objective.value(early.best.energy_pj, early.best.cycles) >= whole.bound


def test_an_incumbent_and_a_shared_lattice_do_not_change_the_answer() -> None:
    problem = convolution_problem()
    lattice = Lattice(problem)
    first = lattice.solve(problem.objective, Watch())
    again = lattice.solve(problem.objective, Watch(), first.best)
    assert again.best == first.best
    assert again.bound == pytest.approx(first.bound)


def test_a_limit_on_cycles_trades_energy_for_speed() -> None:
    problem = convolution_problem("energy")
    lattice = Lattice(problem)
    free = lattice.solve(problem.objective, Watch())
    assert free.best is not None
    fast = lattice.solve(problem.objective, Watch(), cycles_limit=free.best.cycles - 1)
    if fast.best is not None:
        assert fast.best.cycles < free.best.cycles
        assert fast.best.energy_pj >= free.best.energy_pj * (1 - 1e-12)


def test_progress_is_told_with_a_bound_below_the_incumbent() -> None:
    told: list[tuple[float, float, int]] = []
    solve_lattice(convolution_problem(), Watch(tell=lambda best, bound, priced: told.append((best, bound, priced))))
    assert told
    assert all(bound <= best * (1 + 1e-9) for best, bound, _ in told)


def test_padded_bounds_are_the_minimal_covers() -> None:
    for bound in (1, 2, 3, 5, 7, 11, 12, 13, 56):
        for slots in (1, 2, 3):
            assert padded_bounds(bound, slots) == _covers(bound, slots)


def _covers(bound: int, slots: int) -> tuple[int, ...]:
    """Products of minimal covers, by trying all factor tuples."""
    found: set[int] = set()

    def extend(factors: tuple[int, ...]) -> None:
        product = math.prod(factors)
        if product >= bound:
            if product == bound or all(product // f * (f - 1) < bound for f in factors if f > 1):
                found.add(product)
            return
        if len(factors) < slots:
            for factor in range(2, bound + 1):
                extend((*factors, factor))

    extend(())
    return tuple(sorted(found or {bound}))
