"""Logarithmic axes: whole decades around some values, and where on the drawing each value lies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["LogAxis", "log_axis", "tick"]


@dataclass(frozen=True, slots=True)
class LogAxis:
    """From 10**`low` at `start` to 10**`high` at `end`, in the units of the drawing; called with a value, its place."""

    low: int
    high: int
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    def decades(self) -> Iterator[int]:
        """The exponents of the whole decades."""
        return iter(range(self.low, self.high + 1))


def log_axis(values: Iterable[float], start: float, end: float) -> LogAxis:
    """An axis of whole decades around the values (above 0), at least two of them."""
    listed = list(values)
    low, high = math.floor(math.log10(min(listed)) - 0.1), math.ceil(math.log10(max(listed)) + 0.1)
    return LogAxis(low if high - low >= 2 else high - 2, high, start, end)


def tick(exponent: int) -> str:
    """What is written at a decade: `0.01`, `10`, `100k`."""
    for start, prefix in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if exponent >= start:
            return f"{10 ** (exponent - start)}{prefix}"
    return f"{10.0**exponent:g}"
