"""One layer's problem as a piece of work: look it up, solve it under a time limit, keep the answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from archloom.errors import ArchloomError
from archloom.model.evaluate import evaluate
from archloom.search.cache import Cache, Entry
from archloom.search.canonical import from_numbers, to_numbers
from archloom.search.exact.problem import Answer, Found, Problem, Watch
from archloom.search.strategies import solve_by

__all__ = ["Flag", "Status", "Task", "recall", "run_task"]

Status = Callable[[float, float, int, float], None]
"""Hears the best objective, the bound, the mappings priced and the seconds passed."""

GRACE_S = 10.0
"""A search that has found no mapping when its time is over goes on so long."""
STATUS_EVERY_S = 0.1


class Flag(Protocol):
    """What can be set from elsewhere (an Event of threading or multiprocessing)."""

    def is_set(self) -> bool: ...


@dataclass(frozen=True)
class Task:
    """A space to search, in `parts` that have no mapping in common, and how; `key` is its name in the cache (empty: not kept)."""

    name: str
    parts: tuple[Problem, ...]
    key: str
    strategy: Any
    seed: int
    folder: Path | None

    @property
    def problem(self) -> Problem:
        """One of the parts, for what they have in common: all but the rules."""
        return self.parts[0]

    @property
    def cache(self) -> Cache | None:
        """Where its answer is kept."""
        return Cache(self.folder) if self.folder is not None and self.key else None


class _Watch(Watch):
    """Over when the time is over and a mapping is known, or when somebody says stop."""

    def __init__(self, limit_s: float | None, stop: Flag, status: Status) -> None:
        self.began = time.monotonic()
        super().__init__(None if limit_s is None else self.began + limit_s, self._hear)
        self._patience = GRACE_S
        self._stop, self._status = stop, status
        self._said = 0.0

    def expired(self) -> bool:
        if self._stop.is_set():
            return True
        return self.deadline is not None and time.monotonic() > self.deadline + self._patience

    def know(self) -> None:
        """A mapping is known: no need to go on after the deadline."""
        self._patience = 0.0

    def _hear(self, incumbent: float, bound: float, priced: int) -> None:
        if incumbent < float("inf"):
            self.know()
        now = time.monotonic()
        if now - self._said >= STATUS_EVERY_S:
            self._said = now
            self._status(incumbent, bound, priced, now - self.began)


def recall(task: Task) -> Entry | None:
    """What the cache knows of a task; an entry whose mapping does not cost what it says is none."""
    cache = task.cache
    entry = None if cache is None else cache.load(task.key)
    if entry is None or entry.mapping is None:
        return entry
    return entry if _found(entry, task.problem) is not None else None


def run_task(task: Task, limit_s: float | None, stop: Flag, status: Status) -> Entry:
    """Solve a task, or go on from what the cache has of it; what comes out is kept there."""
    known = recall(task)
    if known is not None and known.finished:
        return known
    problem, cpu = task.problem, time.process_time()
    incumbent = None if known is None else _found(known, problem)
    watch = _Watch(limit_s, stop, status)
    if incumbent is not None:
        watch.know()
    answer = solve_by(task.strategy, task.parts, watch, seed=task.seed, incumbent=incumbent)
    entry = _entry(answer, problem, time.process_time() - cpu, known)
    if task.cache is not None:
        task.cache.store(task.key, entry)
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


def _entry(answer: Answer, problem: Problem, cpu_s: float, known: Entry | None) -> Entry:
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
    )
