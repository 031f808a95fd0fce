"""The plain way through a family: one exact search per machine, each starting from what the others found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from archloom.errors import InfeasibleError
from archloom.model.evaluate import evaluate
from archloom.search.exact.problem import Found, Problem, Watch
from archloom.search.exact.solve import solve
from archloom.search.frontier.family import Family

__all__ = ["Single", "solve_each"]


@dataclass(frozen=True)
class Single:
    """The answer for one machine: the best mapping (None: none is legal, or none was found in time), and a bound on all."""

    best: Found | None
    bound: float
    finished: bool
    priced: int


def solve_each(parts: Sequence[Problem], family: Family, watch: Watch, *, seeded: bool = True) -> list[Single]:
    """The best mapping of every machine of a family within the rules of some part.

    With `seeded`, a search starts from the best mapping of the machine before, where that is legal.
    """
    answers: list[Single] = []
    for row in range(len(family)):
        before = answers[-1].best if seeded and answers else None
        answers.append(_solve(parts, family, row, watch, before))
    return answers


def _solve(parts: Sequence[Problem], family: Family, row: int, watch: Watch, before: Found | None) -> Single:
    machine = family.machine(row)
    problems = [replace(part, architecture=machine) for part in parts]
    best = None if before is None else _priced(problems[0], before)
    bound, finished, priced = float("inf"), True, 0
    for problem in problems:
        answer = solve(problem, watch, best)
        best, priced = answer.best, priced + answer.priced
        bound, finished = min(bound, answer.bound), finished and answer.finished
    return Single(best, bound, finished, priced)


def _priced(problem: Problem, found: Found) -> Found | None:
    """What is known of another machine, priced on this one; None where it is not legal or could be too small a share of a memory."""
    if any(problem.rules.min_fill):
        return None
    try:
        exact = evaluate(problem.workload, problem.architecture, found.mapping, drain_reads=problem.drain_reads)
    except InfeasibleError:
        return None
    return Found(found.mapping, exact.energy_pj, exact.cycles)
