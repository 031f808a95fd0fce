"""A process that judges what it is sent, until its parent lets go of it or dies."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import warnings
from collections.abc import Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from archloom.exploration.retries import judged

__all__ = ["READY", "Unusable", "WorkerProcess", "work"]

READY = "ready"


class Unusable(str):
    """Why a worker cannot begin."""

    __slots__ = ()


class WorkerProcess:
    """A spawned process with its end of the wire; the judge is sent to it at the start, packed."""

    def __init__(self, judge: bytes) -> None:
        context = multiprocessing.get_context("spawn")
        self.wire, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, judge), daemon=True)
        with _no_interrupts():
            self.process.start()
        theirs.close()  # so that its end of the wire closes with it
        self.is_ready = False

    @property
    def end(self) -> str:
        """How the process ended, after waiting until it has."""
        self.process.join()
        code = self.process.exitcode or 0
        if code >= 0:
            return f"it ended with exit code {code}"
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            return f"{name}, perhaps for want of memory" if name == "SIGKILL" else name
        return f"signal {-code}"

    def dismiss(self, *, at_once: bool) -> None:
        """End it: when it has nothing to do, or at once."""
        self.wire.close()
        if at_once:
            self.process.kill()
        self.process.join(timeout=5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """What is started here does not hear Ctrl-C, not even before it could say so itself; we hear of it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # starting that, too, would lift the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def work(wire: Connection[Any, Any], judge: bytes) -> None:
    """Be a worker: say READY or why not, then answer each proposal with an Outcome. Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        judging = pickle.loads(judge)  # noqa: S301 - our parent's own
    except Exception as error:
        wire.send(Unusable(f"{type(error).__name__}: {error}"))
        return
    name = f"process {os.getpid()}"
    with contextlib.suppress(EOFError, OSError):  # the parent lets go
        wire.send(READY)
        while True:
            wire.send(judged(judging, wire.recv(), name))


def _leave_with_parent() -> None:
    """Do not go on for a parent that was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
