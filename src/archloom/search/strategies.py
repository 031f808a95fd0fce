"""The ways to search a mapspace: exactly, or by a strategy that proposes and learns, whose answer is measured by a proven bound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

from archloom.errors import InputError, did_you_mean
from archloom.mapspace.space import MapSpace
from archloom.model.evaluate import evaluate
from archloom.search.base import Space, Strategy
from archloom.search.exact.problem import Answer, Found, Problem, Watch
from archloom.search.exact.solve import solve
from archloom.search.run import BY_NAME, Progress, run

__all__ = ["EXACT", "check_strategy", "name_of", "solve_by", "solve_exactly"]

EXACT = "exact"
EVALUATIONS = 10_000
"""So many mappings a strategy prices per layer, unless told otherwise or limited by time."""


def check_strategy(strategy: Any) -> None:
    """Raise InputError, with the nearest name, for a strategy that does not exist."""
    names = [EXACT, *BY_NAME]
    if not isinstance(strategy, Strategy) and strategy not in names:
        raise InputError(f"unknown strategy {strategy!r}", hint=did_you_mean(str(strategy), names))


def name_of(strategy: Any) -> str:
    """What to call a strategy."""
    return strategy if isinstance(strategy, str) else type(strategy).__name__


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
        cast(Space, space),
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
    cost = evaluate(space.workload, space.architecture, found.mapping, drain_reads=problem.drain_reads)
    value = problem.objective.value(cost.energy_pj, cost.cycles)
    best = Found(found.mapping, cost.energy_pj, cost.cycles)
    return Answer(best, min(bound, value), value <= bound, found.evaluations)


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
