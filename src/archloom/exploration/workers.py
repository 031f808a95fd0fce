"""Where designs are judged: in this process, in processes beside it, or on a cluster (`archloom.exploration.cluster`)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from typing import Any, Protocol, Self

from archloom.errors import ArchloomError, InputError
from archloom.exploration.base import Proposal
from archloom.exploration.retries import Answer, Judging, Outcome, Task, TaskList, judged, packed
from archloom.exploration.worker_process import READY, Unusable, WorkerProcess

__all__ = ["Executor", "Processes", "Serial", "processes", "serial"]

MOST_FALSE_STARTS = 5
"""So many workers in a row that die before they can be given anything, and no more are started."""


class Executor(Protocol):
    """Judges chunks of designs somewhere; to be entered (`with`), and used for any number of batches.

    `map` gives verdicts with timings (`wall_s`, `cpu_s`, `worker`), in the order of the chunks; where a chunk had to be taken apart,
    in pieces. A design that cannot be judged (an exception, or worker after worker dies over it) is recorded as failed and stops
    nothing. Verdicts are the same whatever the executor, the chunks and the deaths. `chunk`: how many designs to send at a time.
    """

    @property
    def chunk(self) -> int: ...
    def map(self, judge: Judging, chunks: Sequence[Proposal], /) -> Iterator[Answer]: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None: ...


class Serial:
    """Judges here, one chunk after the other."""

    def __init__(self, chunk: int = 1024) -> None:
        self.chunk = chunk

    def map(self, judge: Judging, chunks: Sequence[Proposal]) -> Iterator[Answer]:
        """See Executor."""
        tasks, name = TaskList(judge, chunks), f"process {os.getpid()}"
        while tasks.waiting:
            task = tasks.waiting.popleft()
            tasks.put(task, judged(judge, task.proposal, name))
            yield from tasks.ready()

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Processes:
    """Judges in `many` spawned processes, which stay between batches; one that dies is replaced.

    Scripts that use it need `if __name__ == "__main__":`. Raises ArchloomError where processes cannot be started.
    """

    def __init__(self, many: int, chunk: int = 4) -> None:
        self.many = many
        self.chunk = chunk
        self._judge: Judging | None = None
        self._packed = b""
        self._idle: list[WorkerProcess] = []
        self._busy: dict[WorkerProcess, Task | None] = {}
        self._false_starts = 0

    def map(self, judge: Judging, chunks: Sequence[Proposal]) -> Iterator[Answer]:
        """See Executor."""
        if judge is not self._judge:
            self.close()
            self._judge, self._packed = judge, packed(judge)
        tasks = TaskList(judge, chunks)
        try:
            while not tasks.is_done:
                self._hand_out(tasks)
                yield from tasks.ready()
                if self._busy:
                    self._listen(tasks)
        except BaseException:
            self.close()  # what is under way would answer the next batch
            raise

    def _hand_out(self, tasks: TaskList) -> None:
        """Give a task to every worker that has none, and start as many workers as are of use."""
        while tasks.waiting and self._idle:
            worker, task = self._idle.pop(), tasks.waiting.popleft()
            self._busy[worker] = task
            with contextlib.suppress(OSError):  # it died: that is heard of where answers are
                worker.wire.send(task.proposal)
        starting = sum(1 for task in self._busy.values() if task is None)
        for _ in range(min(self.many - len(self._busy), len(tasks.waiting) - starting)):
            self._busy[WorkerProcess(self._packed)] = None

    def _listen(self, tasks: TaskList) -> None:
        """Wait for an answer, or for a death."""
        by_wire = {worker.wire: worker for worker in self._busy}
        for wire in wait(list(by_wire)):
            worker = by_wire[wire]  # type: ignore[index]
            try:
                said = worker.wire.recv()
            except (EOFError, OSError):
                self._bury(worker, tasks)
                continue
            task = self._busy.pop(worker)
            self._idle.append(worker)
            if said == READY:
                self._false_starts = 0
            elif isinstance(said, Outcome):
                assert task is not None
                tasks.put(task, said)
            elif isinstance(said, Unusable):
                raise ArchloomError(f"a worker process cannot begin: {said}")

    def _bury(self, worker: WorkerProcess, tasks: TaskList) -> None:
        task, how = self._busy.pop(worker), worker.end
        worker.dismiss(at_once=True)
        if task is not None:
            tasks.died(task, how)
            return
        self._false_starts += 1
        if self._false_starts >= MOST_FALSE_STARTS:
            raise ArchloomError(
                f"worker processes die as they start ({how}): want of memory, or a script without "
                "`if __name__ == '__main__':`; what was judged is in the study (fewer jobs need less memory)"
            )

    def close(self) -> None:
        """End the processes; those that are judging, at once."""
        for worker in self._idle:
            worker.dismiss(at_once=False)
        for worker in self._busy:
            worker.dismiss(at_once=True)
        self._idle.clear()
        self._busy.clear()
        self._judge = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serial(chunk: int = 1024) -> Serial:
    """Judge in this process."""
    return Serial(chunk)


def processes(many: int, chunk: int = 4) -> Serial | Processes:
    """Judge in so many processes side by side; one is this one. Raises InputError for none."""
    if many < 1:
        raise InputError(f"{many} processes cannot judge anything", hint="expected 1 or more")
    return serial() if many == 1 else Processes(many, chunk)
