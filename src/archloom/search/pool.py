"""Working through tasks: here or in processes beside this one, under one time limit that is shared out fairly."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

from archloom.errors import ArchloomError
from archloom.search.events import Step
from archloom.search.task import Entry, Flag, Task, run_task

__all__ = ["Ear", "run_tasks"]

TICK_S = 0.2
AGAIN = 1.5
"""A layer is tried again when it gets so many times the time that it had."""


@dataclass
class Ear:
    """Whom to tell: a task (by its number) starts with a share of the time, is so far, ends."""

    started: Callable[[int, float | None], None]
    status: Callable[[int, Step], None]
    done: Callable[[int, Entry, float], None]


def run_tasks(
    tasks: Sequence[Task], *, jobs: int, time_limit_s: float | None, stop: threading.Event, ear: Ear
) -> list[Entry | None]:
    """The answer to each task, in their order; None for those that `stop` kept from being started.

    With a time limit the easy tasks go first, each with an equal share of the time that is left, so that what they do not need
    goes to the others; tasks that are not finished then go on with what remains. Raises ArchloomError when a process dies.
    """
    plan = _Plan(tasks, min(jobs, len(tasks)), time_limit_s)
    if plan.jobs <= 1:
        for at, share in plan.work():
            if stop.is_set():
                break
            ear.started(at, share)
            began = time.monotonic()
            entry = run_task(tasks[at], share, stop, lambda step, at=at: ear.status(at, step))
            plan.put(at, entry)
            ear.done(at, entry, time.monotonic() - began)
    else:
        _run_beside(plan, stop, ear)
    return [plan.entries.get(at) for at in range(len(tasks))]


@dataclass
class _Plan:
    """Which task is next, and how long it may take."""

    tasks: Sequence[Task]
    jobs: int
    limit_s: float | None
    entries: dict[int, Entry] = field(default_factory=dict[int, Entry])
    waiting: deque[int] = field(default_factory=deque[int])
    shares: dict[int, float] = field(default_factory=dict[int, float])

    def __post_init__(self) -> None:
        order = range(len(self.tasks))
        if self.limit_s is not None:
            order = sorted(order, key=self._effort)
        elif self.jobs > 1:
            order = sorted(order, key=self._effort, reverse=True)
        self.waiting.extend(order)
        self.began = time.monotonic()

    def _effort(self, at: int) -> float:
        """A guess at how hard a task is: the number of tile shapes."""
        shapes = 1.0
        for bound in self.tasks[at].problem.rules.bounds:
            shapes *= sum(1 for n in range(1, min(bound, 4096) + 1) if bound % n == 0)
        return shapes * sum(
            len(options) for part in self.tasks[at].parts for level in part.rules.keep for options in level
        )

    def left_s(self) -> float | None:
        """Seconds until the limit."""
        return None if self.limit_s is None else max(0.0, self.limit_s - (time.monotonic() - self.began))

    def next(self, running: int = 0) -> tuple[int, float | None] | None:
        """A task and its share of the time; None when nothing waits."""
        if not self.waiting and not running:
            self._another_round()
        if not self.waiting:
            return None
        left, many = self.left_s(), len(self.waiting) + running
        share = None if left is None else left * min(self.jobs, many) / many
        at = self.waiting.popleft()
        if share is not None:
            self.shares[at] = share
        return at, share

    def work(self) -> Iterator[tuple[int, float | None]]:
        """All tasks with their shares, one at a time."""
        while (found := self.next()) is not None:
            yield found

    def put(self, at: int, entry: Entry) -> None:
        """Take the answer to a task."""
        self.entries[at] = entry

    def _another_round(self) -> None:
        """Queue what is not finished, where enough time is left to get further than before."""
        left = self.left_s()
        opened = [at for at, entry in self.entries.items() if not entry.finished and self.tasks[at].is_exact]
        if left is None or not opened:
            return
        share = left * min(self.jobs, len(opened)) / len(opened)
        self.waiting.extend(sorted((at for at in opened if share > AGAIN * self.shares[at]), key=self._effort))


# -- processes ----------------------------------------------------------------------------------------------------------------

_here: dict[str, Any] = {}
"""What a worker process was given when it started: `stop`, and `say`, a queue."""


def _enter(stop: Flag, say: Any) -> None:
    """Begin as a worker: Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    say.cancel_join_thread()
    _here.update(stop=stop, say=say)


def _work(at: int, task: Task, limit_s: float | None) -> tuple[Entry, float]:
    began = time.monotonic()
    entry = run_task(task, limit_s, _here["stop"], lambda step: _here["say"].put((at, step)))
    return entry, time.monotonic() - began


def _run_beside(plan: _Plan, stop: threading.Event, ear: Ear) -> None:
    """Keep `jobs` processes busy; they are spawned, so they share nothing with this one but the cache."""
    context = multiprocessing.get_context("spawn")
    halt, say = context.Event(), context.Queue()
    pool = ProcessPoolExecutor(plan.jobs, mp_context=context, initializer=_enter, initargs=(halt, say))
    running: dict[Future[tuple[Entry, float]], int] = {}
    try:
        while True:
            while len(running) < plan.jobs and not stop.is_set() and (found := plan.next(len(running))) is not None:
                at, share = found
                ear.started(at, share)
                running[pool.submit(_work, at, plan.tasks[at], share)] = at
            if not running:
                break
            done, _ = wait(running, timeout=TICK_S, return_when=FIRST_COMPLETED)
            _listen(say, ear)
            if stop.is_set():
                halt.set()
            for future in done:
                at = running.pop(future)
                entry, elapsed = future.result()
                plan.put(at, entry)
                ear.done(at, entry, elapsed)
    except BrokenProcessPool:
        raise ArchloomError(
            "a worker process died: killed, perhaps for want of memory, or started by a script without "
            "`if __name__ == '__main__':`; what was finished is in the cache (fewer jobs need less memory)"
        ) from None
    finally:
        halt.set()
        pool.shutdown(wait=True, cancel_futures=True)
        say.close()


def _listen(say: Any, ear: Ear) -> None:
    from queue import Empty

    with contextlib.suppress(Empty):
        while True:
            ear.status(*say.get_nowait())
