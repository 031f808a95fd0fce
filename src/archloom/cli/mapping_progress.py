"""How far a search is, on stderr: a live table in a terminal, a line per layer elsewhere."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from archloom.cli.messages import note
from archloom.search.events import Event, LayerDone, LayerStarted, LayerStatus, NetworkStarted

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["SearchProgress", "stoppable"]

PATIENCE_S = 2.0
"""Where stderr is no terminal, nothing is said about searches shorter than this."""
LONGEST_NAME = 24
STOPPING = "stopping; Ctrl-C again: at once"


@contextlib.contextmanager
def stoppable() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, to end a search early but in order; a second Ctrl-C interrupts it at once."""
    stop = threading.Event()

    def interrupt(*_: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        if not sys.stderr.isatty():  # there the live table says it
            note(STOPPING)

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass
class _Running:
    """A layer that is being searched."""

    began: float
    limit_s: float | None
    status: LayerStatus | None = None


@dataclass
class SearchProgress:
    """Hears the events of a search and shows them; to be entered around it. `stop` is what Ctrl-C sets."""

    stop: threading.Event
    total: int = 0
    done: int = 0
    running: dict[str, _Running] = field(default_factory=dict[str, _Running])
    eta_s: float | None = None

    def __enter__(self) -> SearchProgress:
        self._began = time.monotonic()
        self._eta_at = self._began
        self._live: Any = None
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

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        if isinstance(event, NetworkStarted):
            self.total += len(event.layers)
        elif isinstance(event, LayerStarted):
            self.running[event.layer] = _Running(time.monotonic(), event.limit_s)
        elif isinstance(event, LayerStatus):
            if event.layer in self.running:
                self.running[event.layer].status = event
        else:
            self.running.pop(event.layer, None)
            self.done = self.total - event.remaining
            self.eta_s, self._eta_at = event.eta_s, time.monotonic()
            self._say(event)

    def _say(self, event: LayerDone) -> None:
        """A line of its own for what has no mapping; and for every layer, where nothing else is shown."""
        from archloom.report.names import printable

        name = printable(event.layer)
        if event.reason:
            self._line(f"{name}: {event.reason}")
        elif self._live is None and time.monotonic() - self._began > PATIENCE_S:
            how = "proven" if event.finished else f"gap {_gap(event.objective, event.bound)}"
            self._line(f"{self.done} of {self.total}  {name}: {how} in {_time(event.elapsed_s)}")

    def _line(self, text: str) -> None:
        if self._live is not None:
            self._live.console.print(text, style="yellow")
        else:
            note(text)

    # -- the live table ---------------------------------------------------------------------------------------------------

    def _draw(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        from archloom.report.bars import bar

        now = time.monotonic()
        head = Text.assemble((f"{self.done} of {self.total} layers ", "bold"))
        head.append_text(bar(self.done / max(1, self.total), 20, "green"))
        head.append(f"  {_time(now - self._began)}", "dim")
        if self.eta_s and self.done < self.total:
            head.append(f", about {_time(max(1.0, self.eta_s - (now - self._eta_at)))} left", "dim")
        if self.stop.is_set():
            head.append(f"  {STOPPING}", "yellow")
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        for name, layer in list(self.running.items()):
            table.add_row(*self._cells(name, layer, now))
        return Group(head, table)

    def _cells(self, name: str, layer: _Running, now: float) -> list[str]:
        from archloom.report.names import clip

        limit = "" if layer.limit_s is None else f" of {_time(layer.limit_s)}"
        elapsed = f"{_time(now - layer.began)}{limit}"
        if layer.status is None:
            return [clip(name, LONGEST_NAME), elapsed, "searching"]
        status = layer.status.step
        best = "no mapping yet" if status.objective == float("inf") else f"best {status.objective:.4g}"
        rate = status.priced / status.elapsed_s if status.elapsed_s else 0.0
        return [
            clip(name, LONGEST_NAME),
            elapsed,
            best,
            f"bound {status.bound:.4g}",
            f"gap {_gap(status.objective, status.bound)}",
            f"{status.priced:,} costed, {rate:,.0f}/s",
        ]


def _gap(objective: float, bound: float) -> str:
    from archloom.report.mapping_terminal import gap_words
    from archloom.search.events import gap_of

    return gap_words(gap_of(objective, bound))


def _time(seconds: float) -> str:
    """`0:07`, `12:30`, `1:02:03`."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
