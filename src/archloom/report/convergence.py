"""How the search for a mapping went, as SVG: the best mapping known and the bound proven, over the time."""

from __future__ import annotations

import math

from archloom.report import svg, units
from archloom.report.names import squeeze
from archloom.search.events import Step
from archloom.search.network_mapping import LayerMapping

__all__ = ["BEST_COLOUR", "BOUND_COLOUR", "draw_course"]

WIDTH, HEIGHT = 278.0, 138.0
LEFT, RIGHT, TOP, BOTTOM = 28.0, 12.0, 30.0, 24.0
BEST_COLOUR, BOUND_COLOUR = svg.TENSOR_COLOURS[2], svg.TENSOR_COLOURS[0]
HIGHEST = 1.6
"""Where a mapping is so many times as bad as the best, the picture ends."""
SHORTEST_S = 1e-3


def draw_course(layer: LayerMapping) -> str | None:
    """The best mapping known coming down, the bound coming up, as parts of the best in the end; None where no steps are known."""
    steps, best = layer.steps, layer.objective
    if not steps or not best:
        return None
    begun = [Step(0.0, math.inf, 0.0, 0), *steps]
    known = [step for step in steps if step.objective < math.inf]
    end = max(SHORTEST_S, steps[-1].elapsed_s)
    top = min(HIGHEST, max([1.15, *(step.objective / best for step in known)]))

    def place(step: Step, value: float) -> tuple[float, float]:
        share = min(top, max(0.0, value / best)) / top
        x = LEFT + min(1.0, step.elapsed_s / end) * (WIDTH - LEFT - RIGHT)
        return x, HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    one = place(steps[-1], best)[1]
    note = "proven" if layer.finished else f"gap {units.percent(layer.gap)}"
    name = squeeze(layer.name, 24)
    parts = [
        svg.text(LEFT - 18, 19, name, title=layer.name, note=note, font_size=12.0, font_weight="600"),
        svg.line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, stroke=svg.LINE),
        svg.line(LEFT, one, WIDTH - RIGHT, one, stroke=svg.LINE, stroke_dasharray="2 3"),
        _small(LEFT - 6, one + 4, "1", "end"),
        _small(LEFT - 6, HEIGHT - BOTTOM + 4, "0", "end"),
        _small(LEFT, HEIGHT - 8, "0 s", "start"),
        _small(WIDTH - RIGHT, HEIGHT - 8, f"{end:.3g} s", "end"),
        _line(
            [place(step, min(step.bound, step.objective)) for step in begun],
            place(steps[-1], layer.bound),
            BOUND_COLOUR,
        ),
        _line([place(step, step.objective) for step in known], place(steps[-1], best), BEST_COLOUR),
    ]
    return svg.drawing(WIDTH, HEIGHT, f"Search for {layer.name}: best mapping and bound over the time", *parts)


def _small(x: float, y: float, words: str, anchor: str) -> str:
    return svg.text(x, y, words, text_anchor=anchor, font_size=10.5, fill=svg.QUIET)


def _line(points: list[tuple[float, float]], end: tuple[float, float], colour: str) -> str:
    """A line that keeps its height until the next point, and a dot at its end."""
    corners: list[tuple[float, float]] = []
    for x, y in [*points, end]:
        if corners and corners[-1][1] != y:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    shown = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    line = svg.tag("polyline", points=shown, fill="none", stroke=colour, stroke_width=1.8)
    return line + svg.circle(*end, 2.5, fill=colour)
