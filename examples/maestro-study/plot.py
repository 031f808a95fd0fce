"""The fronts of the study as one SVG: throughput against energy, a panel for each layer, a colour for each dataflow."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from archloom.report import svg

__all__ = ["Mark", "Series", "draw"]

WIDTH, HEIGHT = 980.0, 480.0
LEFT, RIGHT, TOP, BOTTOM = 66.0, 22.0, 112.0, 52.0
COLOURS = (svg.TENSOR_COLOURS[0], svg.TENSOR_COLOURS[2])
SIDES = {"throughput": 9.0, "energy": 7.0, "EDP": 4.5}
"""Half the widths of the marks, so that one shows under another."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A design that is best in something: `objective` chooses its shape, `title` appears on hovering."""

    objective: str
    energy: float
    throughput: float
    title: str


@dataclass(frozen=True, slots=True)
class Series:
    """One dataflow on one layer: points of energy and throughput, the front among them, and the best designs."""

    name: str
    cloud: Sequence[tuple[float, float]]
    front: Sequence[tuple[float, float]]
    marks: Sequence[Mark]


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` at `start` to `high` at `end` of the drawing; called with a value, its place."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> Iterator[float]:
        """Yield round values, at most seven of them."""
        rough = (self.high - self.low) / 6
        decade = 10 ** math.floor(math.log10(rough))
        step = next(factor * decade for factor in (1, 2, 5, 10) if factor * decade >= rough)
        for count in range(math.ceil(self.low / step), math.floor(self.high / step) + 1):
            yield count * step


def draw(panels: Mapping[str, Sequence[Series]], title: str, note: str) -> str:
    """Return the picture: all panels share their vertical axis."""
    parts = [svg.text(20, 28, title, font_weight="600", font_size=15.0), svg.text(20, 47, note, fill=svg.QUIET)]
    parts += legend([series.name for series in next(iter(panels.values()))])
    high = max(throughput for many in panels.values() for series in many for _, throughput in series.cloud)
    up, wide = Axis(0, high * 1.07, HEIGHT - BOTTOM, TOP), WIDTH / len(panels)
    for at, (name, many) in enumerate(panels.items()):
        ends = [energy for series in many for energy, _ in series.front]
        margin = 0.15 * (max(ends) - min(ends))
        across = Axis(min(ends) - margin, max(ends) + margin, LEFT, wide - RIGHT)
        parts.append(svg.tag("g", *panel(name, many, across, up), transform=f"translate({at * wide:.0f} 0)"))
    return svg.drawing(WIDTH, HEIGHT, title, *parts)


def panel(name: str, many: Sequence[Series], across: Axis, up: Axis) -> Iterator[str]:
    """Yield one layer: the grid, the dots, and over them the fronts; dots beyond the axis are left out."""
    middle = (across.start + across.end) / 2
    yield svg.text(middle, up.end - 10, name, font_weight="600", text_anchor="middle")
    for value in across.ticks():
        x = across(value)
        yield svg.line(x, up.start, x, up.end, stroke=svg.LINE, stroke_width=0.6)
        yield svg.text(x, up.start + 16, f"{value:,.0f}", text_anchor="middle", fill=svg.QUIET, font_size=11.0)
    for value in up.ticks():
        y = up(value)
        yield svg.line(across.start, y, across.end, y, stroke=svg.LINE, stroke_width=0.6)
        yield svg.text(across.start - 6, y + 4, f"{value:g}", text_anchor="end", fill=svg.QUIET, font_size=11.0)
    yield svg.text(middle, up.start + 36, "energy, µJ", text_anchor="middle", fill=svg.QUIET)
    turn = f"rotate(-90 18 {(up.start + up.end) / 2:.0f})"
    yield svg.text(18, (up.start + up.end) / 2, "MACs per cycle", text_anchor="middle", fill=svg.QUIET, transform=turn)
    for series, colour in zip(many, COLOURS, strict=False):
        for energy, throughput in series.cloud:
            if across.low <= energy <= across.high:
                yield svg.circle(across(energy), up(throughput), 1.3, fill=colour, fill_opacity=0.25)
    for series, colour in zip(many, COLOURS, strict=False):
        yield from front(series, colour, across, up)


def front(series: Series, colour: str, across: Axis, up: Axis) -> Iterator[str]:
    """Yield the front as a staircase, and the best designs on it."""
    points = sorted(series.front)
    path, before = "", None
    for energy, throughput in points:
        x, y = across(energy), up(throughput)
        path += f"M{x:.1f} {y:.1f}" if before is None else f"L{x:.1f} {before:.1f}L{x:.1f} {y:.1f}"
        before = y
    yield svg.tag("path", d=path, fill="none", stroke=colour, stroke_width=1.8)
    for energy, throughput in points:
        yield svg.circle(across(energy), up(throughput), 2.2, fill=colour)
    for mark in sorted(series.marks, key=lambda mark: -SIDES[mark.objective]):
        yield shape(mark.objective, across(mark.energy), up(mark.throughput), colour, mark.title)


def shape(objective: str, x: float, y: float, colour: str, title: str = "") -> str:
    """Return the mark of an objective: a triangle for throughput, a square for energy, a diamond for EDP."""
    s = SIDES[objective]
    corners = {
        "throughput": [(x, y - s), (x + s, y + 0.8 * s), (x - s, y + 0.8 * s)],
        "energy": [
            (x - 0.8 * s, y - 0.8 * s),
            (x + 0.8 * s, y - 0.8 * s),
            (x + 0.8 * s, y + 0.8 * s),
            (x - 0.8 * s, y + 0.8 * s),
        ],
        "EDP": [(x, y - 1.15 * s), (x + 1.15 * s, y), (x, y + 1.15 * s), (x - 1.15 * s, y)],
    }[objective]
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)
    inner = (svg.titled(title),) if title else ()
    return svg.tag("polygon", *inner, points=points, fill=colour, stroke=svg.PAPER, stroke_width=1.2)


def legend(names: Sequence[str]) -> Iterator[str]:
    x, y = 20.0, 72.0
    for name, colour in zip(names, COLOURS, strict=False):
        yield svg.line(x, y - 4, x + 22, y - 4, stroke=colour, stroke_width=2.2)
        yield svg.text(x + 28, y, name)
        x += 44 + 8.0 * len(name)
    for objective, words in (("throughput", "most throughput"), ("energy", "least energy"), ("EDP", "least EDP")):
        yield shape(objective, x + 14, y - 4, svg.QUIET)
        yield svg.text(x + 26, y, words)
        x += 52 + 7.2 * len(words)
