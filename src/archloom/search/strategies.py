"""The ways to search a mapspace, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archloom.errors import InputError, did_you_mean
from archloom.search.exact.problem import Answer, Found, Problem, Watch
from archloom.search.exact.solve import solve

__all__ = ["STRATEGIES", "check_strategy", "solve_by"]

STRATEGIES = ("exact",)


def check_strategy(strategy: Any) -> None:
    """Raise InputError, with the nearest name, for a strategy that does not exist."""
    if strategy not in STRATEGIES:
        raise InputError(f"unknown strategy {strategy!r}", hint=did_you_mean(str(strategy), STRATEGIES))


def solve_by(
    strategy: Any, parts: Sequence[Problem], watch: Watch, *, seed: int = 0, incumbent: Found | None = None
) -> Answer:
    """Search the parts of a space, which have no mapping in common, one after the other; the best of all, and a bound on all."""
    del strategy, seed
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
    value = float("inf") if best is None else parts[0].objective.value(best.energy_pj, best.cycles)
    return Answer(best, min([value, *open_bounds]), finished, priced, excluded)
