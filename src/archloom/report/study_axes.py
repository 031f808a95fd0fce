"""Axes for any figures: logarithmic where values above 0 span much, else linear, with round marks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from archloom.report.axes import LogAxis, tick_text
from archloom.report.units import short

__all__ = ["Axis", "axis_of"]

WIDE = 6.0
"""Values above 0 whose ratio is larger than this are shown on a logarithmic axis."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Where values lie on a drawing, and the marks with what is written at them."""

    low: float
    high: float
    start: float
    end: float
    log: LogAxis | None = None

    def __call__(self, value: float) -> float:
        if self.log is not None:
            return self.log(max(value, 10.0**self.log.low))
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def marks(self) -> list[tuple[float, str]]:
        """Round values and their text."""
        if self.log is not None:
            ticks = [value for value in self.log.ticks() if self.low <= value <= self.high]
            if len(ticks) > 1:
                return [(value, tick_text(value)) for value in ticks]
        step = _step(self.high - self.low)
        first = math.ceil(self.low / step - 1e-9)
        found = [at * step for at in range(first, math.floor(self.high / step + 1e-9) + 1)]
        texts = [_text(value, step) for value in found]
        if len(set(texts)) < len(texts):
            texts = [f"{value:,.0f}" for value in found]
        return list(zip(found, texts, strict=True))


def axis_of(values: Iterable[float], start: float, end: float) -> Axis:
    """An axis around finite values, with a little room at its ends."""
    listed = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    least, most = min(listed), max(listed)
    if least > 0 and most / least > WIDE:
        margin = 0.04 * math.log10(most / least)
        low, high = math.log10(least) - margin, math.log10(most) + margin
        return Axis(10**low, 10**high, start, end, LogAxis(low, high, start, end))
    room = (most - least) * 0.06 or abs(most) * 0.1 or 1.0
    return Axis(least - room, most + room, start, end)


def _step(span: float) -> float:
    """A round distance between some five marks."""
    raw = span / 5
    size = 10.0 ** math.floor(math.log10(raw))
    return next(size * many for many in (1, 2, 5, 10) if size * many >= raw * (1 - 1e-9))


def _text(value: float, step: float) -> str:
    if abs(value) < step * 1e-6:
        return "0"
    if abs(value) >= 1e4:
        return ("-" if value < 0 else "") + short(abs(value))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:.{decimals}f}"
