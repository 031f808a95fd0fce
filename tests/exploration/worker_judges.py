"""Judges for the tests of workers: quick, with verdicts that are known, and with all the ways to fail."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from archloom.errors import InfeasibleError
from archloom.exploration.base import Proposal
from archloom.exploration.verdicts import Verdicts


class Squares:
    """The objective is the sum of squares; designs are failed by what they begin with."""

    def __init__(self, folder: Path | None = None, pause_s: float = 0.0) -> None:
        self.folder = folder
        self.pause_s = pause_s

    def __call__(self, proposal: Proposal) -> Verdicts:
        time.sleep(self.pause_s * len(proposal))
        for design in proposal.designs.tolist():
            self.look(design[0])
        values = (proposal.designs.astype(float) ** 2).sum(axis=1)
        return verdicts(values, [""] * len(proposal))

    def look(self, first: int) -> None:
        """Nothing is wrong with any design."""

    def failed(self, proposal: Proposal, reason: str) -> Verdicts:
        return verdicts(np.full(len(proposal), np.inf), [reason] * len(proposal))


class Deadly(Squares):
    """Design 13 kills its worker, 14 ends it, 15 and 16 raise, 17 kills the first worker that meets it."""

    def look(self, first: int) -> None:
        if first == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        if first == 14:
            os._exit(3)
        if first == 15:
            raise ValueError("no such thing")
        if first == 16:
            raise InfeasibleError("GLB: too small by 3 words")
        if first == 17 and self.folder is not None and not (self.folder / "met").exists():
            (self.folder / "met").touch()
            os.kill(os.getpid(), signal.SIGKILL)


class Unpicklable(Squares):
    """Cannot be unpacked by a worker."""

    def __setstate__(self, state: object) -> None:
        raise RuntimeError("not here")


class Stillborn(Squares):
    """Kills who unpacks it."""

    def __setstate__(self, state: object) -> None:
        os._exit(7)


def verdicts(values: np.ndarray, reasons: list[str]) -> Verdicts:
    good = np.isfinite(values)
    columns = {
        "objective:sum": values,
        "feasible": good,
        "excess": np.where(good, 0.0, np.inf),
        "reason": np.array(reasons, dtype=object),
    }
    return Verdicts(columns, [f'[{{"layer":"one","energy_pj":{value}}}]' for value in values])


def proposals(first: list[int], chunk: int) -> list[Proposal]:
    designs = np.stack([np.array(first), np.arange(len(first))], axis=1)
    return [Proposal(designs[at : at + chunk]) for at in range(0, len(first), chunk)]


if __name__ == "__main__":  # judge slowly in two processes until killed: `python worker_judges.py`
    from archloom.exploration.workers import Processes

    with Processes(2, chunk=1) as executor:
        for _, timing in executor.map(Squares(pause_s=float(sys.argv[1])), proposals(list(range(1000)), 1)):
            print(timing["worker"].split()[1], flush=True)
