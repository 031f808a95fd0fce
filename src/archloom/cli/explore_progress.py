"""How far an exploration is, on stderr: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archloom.cli.messages import note

if TYPE_CHECKING:
    from rich.console import RenderableType

    from archloom.exploration.run import StudyStep

__all__ = ["ExploreProgress", "clock", "step_words"]

PATIENCE_S = 2.0
"""Where stderr is no terminal, nothing is said about explorations shorter than this."""
EVERY_S = 10.0
"""Seconds between two lines."""
STOPPING = "stopping after this batch; Ctrl-C again: at once"


class ExploreProgress:
    """Hears how far an exploration is and shows it; to be entered around it. `stop` is what Ctrl-C sets.

    `objectives`: name -> whether it is maximised; `planned`: how many designs there are to judge at most, None if that is not known.
    """

    def __init__(self, stop: threading.Event, objectives: Mapping[str, bool], planned: int | None) -> None:
        self.stop = stop
        self.objectives = dict(objectives)
        self.planned = planned
        self.step: StudyStep | None = None
        self._live: Any = None
        self._began = self._said = time.monotonic()
        self._heard: tuple[float, int] | None = None

    def __enter__(self) -> ExploreProgress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            screen = Console(file=sys.stderr, highlight=False, markup=False, emoji=False)
            self._live = Live(get_renderable=self._draw, console=screen, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, step: StudyStep) -> None:
        """Take note of a batch."""
        now = time.monotonic()
        if self._heard is None or step.designs == step.replayed:
            self._heard = now, step.replayed
        self.step = step
        if self._live is None and now - self._began > PATIENCE_S and now - self._said > EVERY_S:
            self._said = now
            left = self.left_s(now)
            words = step_words(step, self.objectives, self.planned)
            note(words + (f", about {clock(left)} left" if left else ""))

    def left_s(self, now: float) -> float | None:
        """Seconds until all planned designs are judged, at the speed of this run; None where that cannot be said."""
        if self.step is None or self.planned is None or self._heard is None:
            return None
        began, before = self._began, self.step.replayed
        if before:
            began = self._heard[0]
        done = self.step.designs - before
        if done <= 0:
            return None
        return max(0.0, (self.planned - self.step.designs) * (now - began) / done)

    def _draw(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        from archloom.report.bars import bar

        now = time.monotonic()
        if self.step is None:
            line = Text("mapping the base machine and the first designs")
        else:
            line = Text(_designs(self.step, self.planned))
            if self.planned:
                line.append("  ").append_text(bar(min(1.0, self.step.designs / self.planned), 20, "green"))
        line.append(f"  {clock(now - self._began)}", "dim")
        if left := self.left_s(now):
            line.append(f", about {clock(left)} left", "dim")
        if self.stop.is_set():
            line.append(f"  {STOPPING}", "yellow")
        found = Text("" if self.step is None else _found(self.step, self.objectives), "dim")
        return Group(line, found)


def step_words(step: StudyStep, objectives: Mapping[str, bool], planned: int | None) -> str:
    """`120 of 1,000 designs, 80 within budget, best edp 1.2e+15`."""
    return f"{_designs(step, planned)}, {_found(step, objectives)}"


def _designs(step: StudyStep, planned: int | None) -> str:
    of = f" of {planned:,}" if planned is not None else ""
    return f"{step.designs:,}{of} designs"


def _found(step: StudyStep, objectives: Mapping[str, bool]) -> str:
    said = f"{step.feasible:,} within budget"
    if step.feasible:
        pairs = zip(objectives.items(), step.best, strict=True)
        best = ", ".join(f"{name} {-value if maximised else value:.4g}" for (name, maximised), value in pairs)
        said += f", best {best}"
    return said


def clock(seconds: float) -> str:
    """`0:07`, `12:30`, `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
