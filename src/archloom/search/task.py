"""One layer's problem as a piece of work: look it up, solve it under a time limit, keep the answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from archloom.errors import ArchloomError
from archloom.mapspace.space import MapSpace
from archloom.model.evaluate import evaluate
from archloom.search.cache import Cache
from archloom.search.canonical import Numbers, from_numbers, key_of, to_numbers
from archloom.search.events import Step
from archloom.search.exact.problem import Answer, Found, Problem, Watch
from archloom.search.network_mapping import Options
from archloom.search.spaces import problems_of
from archloom.search.strategies import EXACT, identity_of, polished, polishing_s, solve_by, solve_exactly

__all__ = ["Entry", "Flag", "SearchWatch", "Status", "Task", "recall", "run_task"]

Status = Callable[[Step], None]
"""Hears how far a search is."""

STATUS_EVERY_S = 0.1
LEAST_CHANGE = 1e-4
MOST_STEPS = 200


@dataclass(frozen=True)
class Entry:
    """What is known about one problem, as the cache keeps it.

    `mapping`: the best one found, without names (None: none found). `bound`: no mapping costs less. `finished`: the mapping is the
    optimum, or there is none at all. `priced`, `cpu_s`: what that took so far; `steps`: how it went (`events.Step`).
    """

    mapping: Numbers | None
    energy_pj: float
    cycles: int
    bound: float
    finished: bool
    priced: int
    cpu_s: float
    excluded: dict[str, int] = field(default_factory=dict)
    steps: list[list[float]] = field(default_factory=list)


class Flag(Protocol):
    """What can be set from elsewhere (an Event of threading or multiprocessing)."""

    def is_set(self) -> bool: ...


@dataclass(frozen=True)
class Task:
    """A space to search, and how; `folder` is the cache (None: answers are not kept).

    `evaluations`: so many mappings a strategy other than the exact one prices (None: its own choice).
    """

    name: str
    space: MapSpace
    options: Options
    strategy: Any
    folder: Path | None
    evaluations: int | None = None

    @cached_property
    def parts(self) -> tuple[Problem, ...]:
        """The problems that the exact mapper solves; their spaces have no mapping in common."""
        return problems_of(self.space, self.options)

    @property
    def problem(self) -> Problem:
        """One of the parts, for what they have in common: all but the rules."""
        return self.parts[0]

    @property
    def is_exact(self) -> bool:
        return self.strategy == EXACT

    @cached_property
    def key(self) -> str:
        """Its content, without names: tasks with the same key have the same answer."""
        options = {"strategy": identity_of(self.strategy)}
        drawn = {"seed": self.options.seed, "evaluations": self.evaluations}
        return key_of(self.parts, options if self.is_exact else {**options, **drawn})

    @property
    def cache(self) -> Cache | None:
        """Where its answer is kept; only proofs and steps towards them are."""
        return Cache(self.folder) if self.folder is not None and self.is_exact else None


class SearchWatch(Watch):
    """Over when the time is over, or when somebody says stop; keeps the moments of the search."""

    def __init__(self, limit_s: float | None, stop: Flag, status: Status) -> None:
        self.began = time.monotonic()
        super().__init__(None if limit_s is None else self.began + limit_s, self._hear)
        self._stop, self._status = stop, status
        self._said = 0.0
        self.steps = _Steps()

    def expired(self) -> bool:
        return self._stop.is_set() or super().expired()

    def _hear(self, incumbent: float, bound: float, priced: int) -> None:
        now = time.monotonic()
        step = Step(now - self.began, incumbent, bound, priced)
        self.steps.add(step)
        if now - self._said >= STATUS_EVERY_S:
            self._said = now
            self._status(step)


class _Steps:
    """The moments of a search at which something changed; when they become many, the smaller changes are forgotten."""

    def __init__(self) -> None:
        self.kept: list[Step] = []
        self._least = LEAST_CHANGE

    def add(self, step: Step) -> None:
        """Keep a moment, if it says something new."""
        if self.kept and not self._is_news(self.kept[-1], step):
            return
        self.kept.append(step)
        if len(self.kept) > MOST_STEPS:
            self._least *= 2
            thinned = self.kept[:1]
            for later in self.kept[1:]:
                if self._is_news(thinned[-1], later):
                    thinned.append(later)
            self.kept = thinned

    def _is_news(self, before: Step, step: Step) -> bool:
        return step.objective != before.objective or step.bound > before.bound * (1 + self._least)


def recall(task: Task) -> Entry | None:
    """What the cache knows of a task; an entry whose mapping does not cost what it says is none."""
    content = None if task.cache is None else task.cache.load(task.key)
    if content is None:
        return None
    try:
        entry = Entry(**content)
    except TypeError:
        return None
    return entry if entry.mapping is None or _found(entry, task.problem) is not None else None


def run_task(task: Task, limit_s: float | None, stop: Flag, status: Status) -> Entry:
    """Solve a task, or go on from what the cache has of it; what comes out is kept there."""
    known = recall(task)
    if known is not None and known.finished:
        return known
    problem, cpu = task.problem, time.process_time()
    incumbent = None if known is None else _found(known, problem)
    if task.is_exact:
        kept_s = polishing_s(limit_s)
        watch = SearchWatch(None if limit_s is None else limit_s - kept_s, stop, status)
        answer = solve_exactly(task.parts, watch, incumbent)
        if not answer.finished:
            answer = polished(answer, task.space, problem, kept_s)
    else:
        watch = SearchWatch(limit_s, stop, status)
        seed, many = task.options.seed, task.evaluations
        answer = solve_by(task.strategy, task.space, task.parts, watch, seed=seed, evaluations=many)
    entry = _entry(answer, problem, time.process_time() - cpu, known, watch)
    if task.cache is not None:
        task.cache.store(task.key, asdict(entry))
    return entry


def _found(entry: Entry, problem: Problem) -> Found | None:
    """The mapping of an entry, if it costs what the entry says."""
    if entry.mapping is None:
        return None
    try:
        mapping = from_numbers(entry.mapping, problem.workload, problem.architecture)
        cost = evaluate(problem.workload, problem.architecture, mapping, drain_reads=problem.drain_reads)
    except (LookupError, TypeError, ValueError, ArchloomError):
        return None
    if (cost.energy_pj, cost.cycles) != (entry.energy_pj, entry.cycles):
        return None
    return Found(mapping, cost.energy_pj, cost.cycles)


def _entry(answer: Answer, problem: Problem, cpu_s: float, known: Entry | None, watch: SearchWatch) -> Entry:
    """The answer as it is kept, together with what was known before."""
    best = answer.best
    value = float("inf") if best is None else problem.objective.value(best.energy_pj, best.cycles)
    bound = value if answer.finished else min(value, max(answer.bound, known.bound if known else 0.0))
    return Entry(
        mapping=None if best is None else to_numbers(best.mapping, problem.workload),
        energy_pj=float("inf") if best is None else best.energy_pj,
        cycles=0 if best is None else best.cycles,
        bound=bound,
        finished=answer.finished,
        priced=answer.priced + (known.priced if known else 0),
        cpu_s=cpu_s + (known.cpu_s if known else 0.0),
        excluded=dict(answer.excluded),
        steps=_all_steps(known, [*watch.steps.kept, Step(time.monotonic() - watch.began, value, bound, answer.priced)]),
    )


def _all_steps(known: Entry | None, steps: list[Step]) -> list[list[float]]:
    """The steps of this search after those of the searches before it."""
    before = [] if known is None else known.steps
    elapsed, priced = (before[-1][0], before[-1][3]) if before else (0.0, 0)
    floor = known.bound if known else 0.0
    return before + [[elapsed + s.elapsed_s, s.objective, max(floor, s.bound), priced + s.priced] for s in steps]
