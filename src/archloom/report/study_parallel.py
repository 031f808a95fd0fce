"""Parallel coordinates as SVG: a line per design across an axis per parameter and objective."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archloom.report import svg
from archloom.report.names import clip, squeeze
from archloom.report.study_charts import BLUE, HALO, ORANGE, WIDTH

__all__ = ["Column", "Line", "draw_parallel"]

TOP, BOTTOM, HEIGHT, SIDE = 58.0, 30.0, 440.0, 92.0
MANY = 60
"""Of more lines the ordinary ones are faint."""


@dataclass(frozen=True, slots=True)
class Column:
    """An axis: its name and its marks, as (place from 0, at the bottom, to 1, words)."""

    name: str
    marks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A design across all axes: its place on each, from 0 (bottom) to 1 (nan: it has none), and how good it is, 0 the best."""

    places: tuple[float, ...]
    rank: float
    title: str
    best: bool = False


def draw_parallel(columns: Sequence[Column], lines: Sequence[Line]) -> str:
    """All lines, the best tenth coloured and the best one on top."""
    gap = (WIDTH - 2 * SIDE) / max(1, len(columns) - 1)
    parts: list[str] = []
    for line in sorted(lines, key=lambda line: (line.best, -line.rank)):
        parts.append(_line(line, gap, faint=0.15 if len(lines) > MANY else 0.4))
    for at, column in enumerate(columns):
        parts += _column(column, SIDE + at * gap, gap, low=at % 2 == 1)
    label = "Parallel coordinates: every design judged across its parameters and figures"
    return svg.drawing(WIDTH, HEIGHT, label, *parts)


def _y(place: float) -> float:
    return HEIGHT - BOTTOM - place * (HEIGHT - TOP - BOTTOM)


def _line(line: Line, gap: float, *, faint: float) -> str:
    points = [f"{SIDE + at * gap:.0f} {_y(place):.1f}" for at, place in enumerate(line.places) if place == place]
    is_good = line.rank < 0.1
    return svg.tag(
        "path",
        svg.titled(line.title),
        d="M" + "L".join(points),
        fill="none",
        stroke=ORANGE if line.best else BLUE if is_good else svg.MACS_COLOUR,
        stroke_width=2.8 if line.best else 1.2,
        stroke_opacity=1.0 if line.best else 0.6 if is_good else faint,
    )


def _column(column: Column, x: float, gap: float, *, low: bool) -> Iterator[str]:
    """An axis; names stand in two rows by turns, so that long ones do not run into each other."""
    yield svg.line(x, TOP, x, HEIGHT - BOTTOM, stroke=svg.INK, stroke_width=1.2)
    name = squeeze(column.name, max(6, int(min(2 * gap, 2 * SIDE) / 8.0)))
    bold = {"text_anchor": "middle", "font_weight": "600", "font_size": 12.0}
    yield svg.text(x, 46 if low else 28, name, title=column.name, **bold)
    room = max(3, int((min(gap, SIDE) - 14) / 6.2))
    for place, words in column.marks:
        yield svg.line(x - 4, _y(place), x, _y(place), stroke=svg.INK)
        small = {"text_anchor": "end", "fill": svg.QUIET, **HALO}
        yield svg.text(x - 7, _y(place) + 4, clip(words, room), title=words, font_size=10.5, **small)
