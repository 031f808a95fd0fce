"""The group joins against exhaustive enumeration of spaces with free cuts, and their certificates."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from tests.search.joins_cases import EINSUMS, OBJECTIVES, best_key, costs_of_all, free_rules, random_problem

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.errors import InputError
from archloom.mapspace.rules import Range
from archloom.mapspace.space import MapSpace
from archloom.model.batch import evaluate_batch
from archloom.model.evaluate import evaluate
from archloom.search.exact.certificate import refute
from archloom.search.exact.problem import Answer, Found, Problem, Watch
from archloom.search.objective import objective_of
from archloom.workload.einsum import einsum

pytest.importorskip("numba")

from archloom.search.exact.joins import solve_joins

CLOSE = 1e-11


def check(problem: Problem, answer: Answer, best: tuple[float, float] | None) -> None:
    """Whether an answer is the optimum, is priced as `evaluate` prices it, and says that it is proven."""
    assert answer.finished
    if best is None:
        assert answer.best is None
        assert answer.bound == math.inf
        return
    assert answer.best is not None
    found = problem.objective.key(answer.best.energy_pj, answer.best.cycles)
    assert found == pytest.approx(best, rel=CLOSE)
    assert answer.bound == found[0]
    exact = evaluate(problem.workload, problem.architecture, answer.best.mapping, drain_reads=problem.drain_reads)
    assert (exact.energy_pj, exact.cycles) == (answer.best.energy_pj, answer.best.cycles)
    assert refute(problem, answer) is None


def check_all_objectives(problem: Problem, limit: int) -> bool:
    """Compare with enumeration under every objective; False where there is too much to enumerate."""
    costs = costs_of_all(problem, limit)
    if costs is None:
        return False
    for named in OBJECTIVES:
        this = replace(problem, objective=objective_of(named))
        check(this, solve_joins(this, Watch()), best_key(this.objective, *costs))
    return True


@pytest.mark.parametrize("block", range(10))
def test_optimum_is_that_of_exhaustive_enumeration(block: int) -> None:
    checked = sum(check_all_objectives(random_problem(seed), 12_000) for seed in range(20 * block, 20 * block + 20))
    assert checked >= 5


@pytest.mark.parametrize("block", range(4))
def test_three_levels(block: int) -> None:
    seeds = range(5000 + 15 * block, 5015 + 15 * block)
    checked = sum(check_all_objectives(random_problem(seed, depth=3, bounds=(1, 2, 2, 3)), 25_000) for seed in seeds)
    assert checked >= 2


def test_runs_over_a_level_that_bypasses_the_tensor() -> None:
    """The best order puts a loop that reuses Z innermost in a block whose level holds only the other tensors."""
    workload = einsum("Z[m,n] += A[m,k] * B[k,n]", {"m": 4, "n": 2, "k": 4})
    levels = (
        Memory(
            "L0", 8 * 3, word_bits=8, keep=frozenset("Z"), bypass=frozenset("AB"), read_pj=1, update_pj=1, write_pj=1
        ),
        Memory(
            "L1", 8 * 6, word_bits=8, keep=frozenset("AB"), bypass=frozenset("Z"), read_pj=6, write_pj=6, update_pj=6
        ),
        Memory("L2", word_bits=8, read_pj=100, write_pj=100, update_pj=100),
    )
    architecture = Architecture("bypass", levels, Compute())
    problem = Problem(workload, architecture, free_rules(workload, architecture), objective_of("energy"), "free")
    assert check_all_objectives(problem, 200_000)


@pytest.mark.parametrize("seed", range(12))
def test_mapspace_lists_the_same_space(seed: int) -> None:
    """An enumeration that shares nothing with this one: that of MapSpace."""
    problem = random_problem(9000 + seed, bounds=(1, 2, 2, 3))
    space = MapSpace(problem.workload, problem.architecture, cuts="free")
    if space.total > 30_000:
        pytest.skip("too many mappings")
    best = None
    energy, cycles = [np.zeros(0)], [np.zeros(0)]
    for batch in space.enumerate():
        result = evaluate_batch(problem.workload, problem.architecture, batch, drain_reads=problem.drain_reads)
        is_legal = np.isfinite(result.energy_pj)
        energy.append(result.energy_pj[is_legal])
        cycles.append(result.cycles[is_legal])
    for named in OBJECTIVES:
        this = replace(problem, rules=space.rules, objective=objective_of(named))
        best = best_key(this.objective, np.concatenate(energy), np.concatenate(cycles))
        check(this, solve_joins(this, Watch()), best)


def conv(**bounds: int) -> Problem:
    """A convolution on a small array of elements."""
    workload = einsum("O[m,p] += W[m,c,r] * I[c,p+r]", {"m": 4, "c": 4, "p": 8, "r": 3, **bounds})
    keep = frozenset("WIO")
    levels = (
        Memory("Reg", 8 * 12, word_bits=8, keep=keep, read_pj=0.5, write_pj=0.5, update_pj=0.5),
        Memory(
            "GLB",
            8 * 128,
            word_bits=8,
            keep=keep,
            read_pj=6,
            write_pj=6,
            update_pj=6,
            shared_bandwidth=4,
            fanout=Fanout(4),
        ),
        Memory("DRAM", word_bits=8, read_pj=100, write_pj=100, update_pj=100, shared_bandwidth=2),
    )
    architecture = Architecture("array", levels, Compute("MAC", 1.0))
    return Problem(workload, architecture, free_rules(workload, architecture), objective_of("edp"), "free")


def test_no_sampled_mapping_beats_the_proven_one() -> None:
    """Where enumeration is out of reach: random mappings, and the bound is below all of them."""
    problem = conv()
    answer = solve_joins(problem, Watch())
    space = MapSpace(problem.workload, problem.architecture, cuts="free")
    batch = space.sample(20_000, seed=1)
    result = evaluate_batch(problem.workload, problem.architecture, batch)
    assert answer.finished
    assert answer.bound <= result.edp.min()


def test_exchange_arguments_change_no_optimum() -> None:
    """A rule that allows everything, but switches off all arguments that move loops, leads to the same optimum."""
    compared = 0
    for seed in range(300, 330):
        problem = random_problem(seed, depth=2)
        rules = problem.rules
        if not math.isfinite(problem.architecture.levels[0].size_bits) or True not in rules.keep[0][0]:
            continue
        if any(rules.min_fill) or any(map(any, (*rules.order_inner, *rules.order_outer))):
            continue
        held = replace(rules, keep=(((True,), *rules.keep[0][1:]), *rules.keep[1:]))  # something to fill the level
        one = solve_joins(replace(problem, rules=held), Watch())
        other = solve_joins(replace(problem, rules=replace(held, min_fill=(1e-12, *rules.min_fill[1:]))), Watch())
        assert one.bound == pytest.approx(other.bound, rel=CLOSE)
        compared += 1
    assert compared >= 10


def test_an_incumbent_that_is_optimal_stays() -> None:
    problem = conv()
    first = solve_joins(problem, Watch())
    again = solve_joins(problem, Watch(), first.best)
    assert again.best == first.best
    assert again.finished
    assert again.bound == first.bound


def test_a_planted_better_mapping_refutes_a_certificate() -> None:
    problem = conv()
    answer = solve_joins(problem, Watch())
    worse = solve_joins(replace(problem, objective=objective_of("energy")), Watch(), cycles_limit=10_000).best
    assert answer.best is not None
    assert worse is not None
    value = problem.objective.value(answer.best.energy_pj, answer.best.cycles)
    claim = Answer(Found(worse.mapping, worse.energy_pj, worse.cycles), 1.01 * value, False, 1)
    assert refute(problem, claim, answer.best.mapping) is not None


def test_a_deadline_leaves_an_honest_bound() -> None:
    problem = conv(m=8, c=8, p=24)
    told: list[tuple[float, float, int]] = []
    watch = Watch(deadline=time.monotonic() - 1, tell=lambda best, bound, priced: told.append((best, bound, priced)))
    early = solve_joins(problem, watch)
    assert not early.finished
    assert early.best is not None
    value = problem.objective.value(early.best.energy_pj, early.best.cycles)
    assert early.bound <= value
    assert told
    assert all(bound <= best for best, bound, _ in told)
    full = solve_joins(replace(problem, workload=problem.workload), Watch(deadline=time.monotonic() + 120))
    assert early.bound <= full.bound <= value


def test_fewer_cycles_cost_energy() -> None:
    """With a limit on cycles: the least energy of the mappings within it, by enumeration."""
    problem = random_problem(17, depth=2)
    for seed in (17, 23, 40, 41, 58):
        problem = random_problem(seed, depth=2)
        costs = costs_of_all(problem, 30_000)
        if costs is None or not len(costs[0]):
            continue
        for limit in np.unique(costs[1])[:4]:
            within = costs[1] <= limit
            answer = solve_joins(problem, Watch(), cycles_limit=float(limit))
            check(problem, answer, best_key(problem.objective, costs[0][within], costs[1][within]))
        assert solve_joins(problem, Watch(), cycles_limit=float(costs[1].min()) - 1).best is None


def test_rules_that_nothing_obeys() -> None:
    problem = conv()
    none = replace(problem.rules, temporal=((Range(5, 5),) * 4, *problem.rules.temporal[1:]))
    assert solve_joins(replace(problem, rules=none), Watch()) == Answer(None, math.inf, True, 0, {"rules": 1})


def test_a_backing_store_too_small_for_the_tensors_holds_nothing() -> None:
    problem = conv()
    small = problem.architecture.with_level("DRAM", size_bits=8.0)
    assert solve_joins(replace(problem, architecture=small), Watch()).best is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cuts": "level"}, "group joins search free cuts; the problem has the cuts 'level'"),
        ({"padding": True}, "group joins search perfect factors; give the problem its padded bounds instead"),
    ],
)
def test_problems_of_another_kind_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        solve_joins(replace(conv(), **change), Watch())  # type: ignore[arg-type]


def test_given_cuts_are_refused() -> None:
    problem = conv()
    given = replace(problem.rules, cut=((0, None, None), (None,) * 3, (None,) * 3))
    with pytest.raises(InputError, match="takes no cut as given"):
        solve_joins(replace(problem, rules=given), Watch())


def test_einsums_of_the_cases_cover_slides_and_shared_reuse() -> None:
    texts = " ".join(text for text, _ in EINSUMS)
    assert "p+r" in texts
    assert "C[l,j]" in texts
