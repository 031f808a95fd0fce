"""What is left of a batch when workers die or judging fails: tried again, then design by design, then recorded as failed."""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from archloom.errors import ArchloomError
from archloom.exploration.base import Proposal
from archloom.search.base import rows_of

if TYPE_CHECKING:
    from archloom.exploration.verdicts import Verdicts

__all__ = ["Answer", "Judging", "Outcome", "Task", "TaskList", "judged", "packed"]

DEATHS_OF_A_CHUNK = 2
"""So many dead workers, and the designs of a chunk are judged one by one: they may not all be to blame, or none of them."""
DEATHS_OF_A_DESIGN = 3
"""So many dead workers, and a design is recorded as failed."""

Answer = tuple["Verdicts", dict[str, Any]]
"""Verdicts, and how they came about: `wall_s`, `cpu_s`, `worker`."""


class Judging(Protocol):
    """What judges a proposal; it is pickled for workers, and gives the same verdicts wherever it does so."""

    def __call__(self, proposal: Proposal, /) -> Verdicts: ...

    def failed(self, proposal: Proposal, reason: str, /) -> Verdicts:
        """The verdicts on designs that cannot be judged, for a reason."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a chunk where it was judged: verdicts, or what went wrong; picklable."""

    verdicts: Any
    fault: str
    timing: dict[str, Any]


def judged(judge: Judging, proposal: Proposal, worker: str) -> Outcome:
    """Judge a proposal; an exception, of whatever kind, is an outcome like any other."""
    wall, cpu = time.perf_counter(), time.process_time()
    verdicts, fault = None, ""
    try:
        verdicts = judge(proposal)
    except ArchloomError as error:
        fault = str(error) or type(error).__name__
    except Exception as error:  # a fault of ours in one design must not end the study
        fault = f"internal fault: {type(error).__name__}: {error}"
    timing = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "worker": worker}
    return Outcome(verdicts, fault, timing)


@dataclass(eq=False)
class Task:
    """A chunk, or a design of one, to be judged: `at` says which."""

    proposal: Proposal
    at: tuple[int, int]
    deaths: int = 0


@dataclass
class TaskList:
    """The chunks of a batch and their answers; `ready` gives these in the order of the chunks, whatever happens to workers.

    The answer to a chunk that was taken apart comes in as many pieces.
    """

    judge: Judging
    chunks: Sequence[Proposal]
    waiting: deque[Task] = field(init=False)

    def __post_init__(self) -> None:
        self.waiting = deque(Task(chunk, (at, 0)) for at, chunk in enumerate(self.chunks))
        self._pieces = [1] * len(self.chunks)
        self._answers: list[dict[int, Answer]] = [{} for _ in self.chunks]
        self._given = 0

    @property
    def is_done(self) -> bool:
        """Whether `ready` has given all answers."""
        return self._given == len(self.chunks)

    def ready(self) -> Iterator[Answer]:
        """The answers that are next in order."""
        while not self.is_done and len(answers := self._answers[self._given]) == self._pieces[self._given]:
            self._answers[self._given] = {}
            self._given += 1
            yield from (answers[at] for at in sorted(answers))

    def put(self, task: Task, outcome: Outcome) -> None:
        """Take what became of a task; the designs of one that failed are tried one by one."""
        if not outcome.fault:
            self._enter(task, (outcome.verdicts, outcome.timing))
        elif len(task.proposal) > 1:
            self._split(task)
        else:
            self._enter(task, (self.judge.failed(task.proposal, outcome.fault), outcome.timing))

    def died(self, task: Task, how: str, *, workers: int = 1) -> None:
        """Take note that so many workers died over a task."""
        task.deaths += workers
        if len(task.proposal) > 1:
            if task.deaths >= DEATHS_OF_A_CHUNK:
                self._split(task)
            else:
                self.waiting.appendleft(task)
        elif task.deaths >= DEATHS_OF_A_DESIGN:
            reason = f"each worker that judged it died, {task.deaths} of them: {how}"
            self._enter(task, (self.judge.failed(task.proposal, reason), {}))
        else:
            self.waiting.appendleft(task)

    def _enter(self, task: Task, answer: Answer) -> None:
        chunk, piece = task.at
        self._answers[chunk][piece] = answer

    def _split(self, task: Task) -> None:
        chunk, many = task.at[0], len(task.proposal)
        self._pieces[chunk] = many
        self.waiting.extendleft(reversed([Task(_row(task.proposal, row), (chunk, row)) for row in range(many)]))


def _row(proposal: Proposal, row: int) -> Proposal:
    only = slice(row, row + 1)
    mappings = None if proposal.mappings is None else tuple(rows_of(batch, only) for batch in proposal.mappings)
    return Proposal(proposal.designs[only], mappings)


def packed(judge: Judging) -> bytes:
    """A judge as it is sent."""
    return pickle.dumps(judge, protocol=pickle.HIGHEST_PROTOCOL)
