"""The ways to search a mapspace: exactly, or by a strategy that proposes and learns, whose answer is measured by a proven bound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from archloom.errors import InputError, did_you_mean
from archloom.mapping.nest import Mapping
from archloom.mapspace.space import MapSpace
from archloom.model.evaluate import evaluate
from archloom.search.base import Strategy
from archloom.search.exact.problem import Answer, Found, Problem, Watch
from archloom.search.exact.solve import solve
from archloom.search.hill_climbing import HillClimbing
from archloom.search.run import BY_NAME, Progress, run

__all__ = ["EXACT", "check_strategy", "identity_of", "name_of", "polished", "polishing_s", "solve_by", "solve_exactly"]

EXACT = "exact"
EVALUATIONS = 10_000
"""So many mappings a strategy prices per layer, unless told otherwise or limited by time."""
POLISHING_S, POLISHING_SHARE = 1.0, 0.1
"""So long, and so much of the time that there is, goes into the mapping of a search that came to its end before its proof."""


def check_strategy(strategy: Any) -> None:
    """Raise InputError, with the nearest name, for a strategy that does not exist."""
    names = [EXACT, *BY_NAME]
    if not isinstance(strategy, Strategy) and strategy not in names:
        raise InputError(f"unknown strategy {strategy!r}", hint=did_you_mean(str(strategy), names))


def name_of(strategy: Any) -> str:
    """What to call a strategy."""
    return strategy if isinstance(strategy, str) else type(strategy).__name__


def identity_of(strategy: Any) -> str:
    """All that tells a strategy from others: which class it is, and its parameters."""
    if isinstance(strategy, str):
        return strategy
    kind = type(strategy)
    parameters = sorted(vars(strategy).items()) if hasattr(strategy, "__dict__") else strategy
    return f"{kind.__module__}.{kind.__qualname__} {parameters!r}"


def solve_exactly(parts: Sequence[Problem], watch: Watch, incumbent: Found | None = None) -> Answer:
    """Search the parts of a space, which have no mapping in common, one after the other; the best of all, and a bound on all."""
    best, finished, priced = incumbent, True, 0
    excluded: dict[str, int] = {}
    open_bounds: list[float] = []
    for problem in parts:
        answer = solve(problem, watch, best)
        best = answer.best
        priced += answer.priced
        for why, many in answer.excluded.items():
            excluded[why] = excluded.get(why, 0) + many
        if not answer.finished:
            finished = False
            open_bounds.append(answer.bound)
    value = math.inf if best is None else parts[0].objective.value(best.energy_pj, best.cycles)
    return Answer(best, min([value, *open_bounds]), finished, priced, excluded)


def solve_by(
    strategy: Any,
    space: MapSpace,
    parts: Sequence[Problem],
    watch: Watch,
    *,
    seed: int = 0,
    evaluations: int | None = None,
) -> Answer:
    """Search by a strategy until the watch expires, or until it has priced enough where there is no deadline.

    The bound is what the exact mapper proves without searching, so the gap is honest, and seldom 0.
    """
    bound = _bound(parts)

    def tell(progress: Progress) -> None:
        if watch.tell is not None:
            watch.tell(progress.best, min(bound, progress.best), progress.evaluations)

    problem = parts[0]
    many = EVALUATIONS if evaluations is None and watch.deadline is None else evaluations
    found = run(
        space,
        strategy,
        problem.objective,
        evaluations=many,
        seed=seed,
        drain_reads=problem.drain_reads,
        tell=tell,
        stop=watch.expired,
    )
    if found.mapping is None:
        return Answer(None, bound, math.isinf(bound), found.evaluations)
    best = _priced(found.mapping, space, problem)
    value = problem.objective.value(best.energy_pj, best.cycles)
    return Answer(best, min(bound, value), value <= bound, found.evaluations)


def polishing_s(limit_s: float | None) -> float:
    """How much of a time limit is kept for `polished`."""
    return POLISHING_S if limit_s is None else min(POLISHING_S, POLISHING_SHARE * limit_s)


def polished(answer: Answer, space: MapSpace, problem: Problem, limit_s: float) -> Answer:
    """An answer that came to its end before its proof, with a better mapping if a hill climber finds one.

    The exact mapper works on its bound; what it has met on the way may be far from the best. With no mapping at all, the limit
    is longer.
    """
    rough = run(
        space,
        HillClimbing(),
        problem.objective,
        time_limit_s=limit_s if answer.best is not None else POLISHING_S,
        drain_reads=problem.drain_reads,
    )
    priced = answer.priced + rough.evaluations
    if rough.mapping is None:
        return replace(answer, priced=priced)
    best, key = _priced(rough.mapping, space, problem), problem.objective.key
    if answer.best is not None and key(answer.best.energy_pj, answer.best.cycles) <= key(best.energy_pj, best.cycles):
        best = answer.best
    bound = min(answer.bound, problem.objective.value(best.energy_pj, best.cycles))
    return Answer(best, bound, False, priced, answer.excluded)


def _priced(mapping: Mapping, space: MapSpace, problem: Problem) -> Found:
    cost = evaluate(space.workload, space.architecture, mapping, drain_reads=problem.drain_reads)
    return Found(mapping, cost.energy_pj, cost.cycles)


class _Over(Watch):
    """A time that is over before it begins."""

    def expired(self) -> bool:
        return True


def _bound(parts: Sequence[Problem]) -> float:
    """What is proven at once about all mappings of a space; 0 where the exact mapper does not know such spaces."""
    try:
        return solve_exactly(parts, _Over()).bound
    except InputError:
        return 0.0
