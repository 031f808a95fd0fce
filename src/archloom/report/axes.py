"""Logarithmic axes: decades around some values, and where on the drawing each value lies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["LogAxis", "log_axis", "tick", "tick_text"]

PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
SHORT = 2.0
"""An axis of fewer decades is marked between them too."""


@dataclass(frozen=True, slots=True)
class LogAxis:
    """From 10**`low` at `start` to 10**`high` at `end`, in the units of the drawing; called with a value, its place."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    def decades(self) -> Iterator[int]:
        """The exponents of the decades that it shows."""
        return iter(range(math.ceil(self.low), math.floor(self.high) + 1))

    def ticks(self) -> Iterator[float]:
        """Round values along the axis: the decades, and on a short axis 2 and 5 times them."""
        steps = (1, 2, 5) if self.high - self.low < SHORT else (1,)
        for exponent in range(math.floor(self.low), math.floor(self.high) + 1):
            for value in (step * 10.0**exponent for step in steps):
                if self.low <= math.log10(value) <= self.high:
                    yield value


def log_axis(values: Iterable[float], start: float, end: float, *, margin: float | None = None) -> LogAxis:
    """An axis around the values (above 0): of whole decades, at least two of them, or with a `margin`, in decades, on each side."""
    listed = list(values)
    if margin is not None:
        return LogAxis(math.log10(min(listed)) - margin, math.log10(max(listed)) + margin, start, end)
    low, high = math.floor(math.log10(min(listed)) - 0.1), math.ceil(math.log10(max(listed)) + 0.1)
    return LogAxis(low if high - low >= 2 else high - 2, high, start, end)


def tick(exponent: int) -> str:
    """What is written at a decade: `0.01`, `10`, `100k`."""
    return tick_text(10.0**exponent)


def tick_text(value: float) -> str:
    """What is written at a round value: `0.02`, `50`, `200k`."""
    for size, prefix in PREFIXES:
        if value >= size * (1 - 1e-9):
            return f"{value / size:.4g}{prefix}"
    return f"{value:g}"
