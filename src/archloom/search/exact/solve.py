"""The exact mapper: picks the engine for a problem, goes over padded bounds, and traces Pareto fronts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from archloom.model.evaluate import evaluate
from archloom.search.exact.lattice import Lattice
from archloom.search.exact.padding import padded_problems
from archloom.search.exact.problem import Answer, Found, Problem, Watch
from archloom.search.objective import objective_of

__all__ = ["pareto_front", "solve"]


def solve(problem: Problem, watch: Watch, incumbent: Found | None = None) -> Answer:
    """Find the best mapping of a problem and prove it; stopped early, the best so far and the bound proven by then.

    The answer's cost is what `evaluate` gives for its mapping, and no mapping of the space costs less than its bound.
    """
    if not problem.padding:
        return _engine(problem, watch, incumbent)
    return _solve_padded(problem, watch, incumbent)


def _engine(problem: Problem, watch: Watch, incumbent: Found | None) -> Answer:
    if problem.cuts == "free":
        from archloom.search.exact.joins import solve_joins

        return solve_joins(problem, watch, incumbent)
    return Lattice(problem).solve(problem.objective, watch, incumbent)


def _solve_padded(problem: Problem, watch: Watch, incumbent: Found | None) -> Answer:
    """Solve the problem at each combination of padded bounds, fewest iterations first, until more iterations alone cost too much."""
    best, priced = incumbent, 0
    excluded: dict[str, int] = {}
    least = math.inf
    finished = True
    for iterations, padded in padded_problems(problem):
        floor = _floor(problem, iterations)
        value = math.inf if best is None else problem.objective.value(best.energy_pj, best.cycles)
        if floor > value:
            excluded["iterations of padded bounds"] = excluded.get("iterations of padded bounds", 0) + 1
            break
        if watch.expired():
            least, finished = min(least, floor), False
            break
        answer = _engine(padded, watch, best)
        best = answer.best
        priced += answer.priced
        for why, many in answer.excluded.items():
            excluded[why] = excluded.get(why, 0) + many
        if not answer.finished:
            least, finished = min(least, answer.bound), False
    if best is not None and best is not incumbent:
        mapping = replace(best.mapping, padding=True)
        exact = evaluate(problem.workload, problem.architecture, mapping, drain_reads=problem.drain_reads)
        best = Found(mapping, exact.energy_pj, exact.cycles)
    value = math.inf if best is None else problem.objective.value(best.energy_pj, best.cycles)
    return Answer(best, value if finished else min(least, value), finished, priced, excluded)


def _floor(problem: Problem, iterations: float) -> float:
    """The least objective of any mapping that runs so many iterations: their compute energy, on the whole array."""
    architecture = problem.architecture
    cycles = max(1.0, iterations / architecture.compute_instances)
    return problem.objective.value(architecture.compute.energy_pj * iterations, cycles) * (1 - 1e-9)


def pareto_front(problem: Problem, watch: Watch) -> Iterator[Found]:
    """The mappings that no other beats in both energy and latency, from the least energy to the least latency.

    Each point is proven: the least energy of all mappings faster than the point before (epsilon constraint). Ends early, without
    the faster points, when `watch` expires.
    """
    lattice = Lattice(problem)
    objective = objective_of("energy")
    limit = math.inf
    while not watch.expired():
        answer = lattice.solve(objective, watch, cycles_limit=limit)
        if answer.best is None or not answer.finished:
            return
        yield answer.best
        limit = answer.best.cycles - 1
