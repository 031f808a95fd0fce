"""Charts of a study as SVG: all designs in the plane of two figures with the front, and how searches converged."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archloom.report import svg
from archloom.report.names import clip
from archloom.report.study_axes import Axis, axis_of

__all__ = ["Curve", "Dot", "Side", "draw_convergence", "draw_front", "legend"]

WIDTH = 1120.0
BLUE, GREEN, ORANGE, PURPLE = svg.TENSOR_COLOURS[:4]
HALO: dict[str, str] = {"paint_order": "stroke", "stroke": svg.PAPER, "stroke_width": "4"}
"""Words that lie on lines have an edge in the colour of the paper."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A design in the plane of two figures; `kind` is `judged`, `over` (a budget), `front`, `best` or `baseline`."""

    x: float
    y: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Side:
    """What stands at an axis, and whether less of it is better."""

    name: str
    least: bool = True


DOTS: dict[str, tuple[str, float, float]] = {
    "over": (svg.LEAKAGE_COLOUR, 2.6, 0.9),
    "judged": (svg.MACS_COLOUR, 2.8, 0.5),
    "front": (BLUE, 4.8, 1.0),
    "best": (ORANGE, 7.0, 1.0),
    "baseline": (PURPLE, 9.0, 0.0),
}
"""Colour, radius and opacity of each kind of dot, in the order in which they are drawn; the baseline is a ring around its place."""
NAMES = {
    "over": "over budget",
    "judged": "within budget",
    "front": "Pareto front",
    "best": "best",
    "baseline": "baseline",
}


def draw_front(dots: Sequence[Dot], across: Side, up: Side, *, stairs: bool = True) -> str:
    """All dots on two axes, with the front as a staircase (`stairs`): no design lies beyond it.

    The axes go around what is within budget; dots over a budget that lie further off are left out.
    """
    left, right, top, bottom, height = 84.0, 24.0, 44.0, 56.0, 460.0
    inner = [dot for dot in dots if dot.kind != "over"] or list(dots)
    reach = (_reach([dot.x for dot in inner]), _reach([dot.y for dot in inner]))
    shown = [dot for dot in dots if dot.kind != "over" or _is_in(dot, reach)]
    x = axis_of((dot.x for dot in shown), left, WIDTH - right)
    y = axis_of((dot.y for dot in shown), height - bottom, top)
    parts = [*_frame(x, y, across.name, up.name, top, height - bottom, left, WIDTH - right)]
    if stairs:
        parts += _stairs([dot for dot in shown if dot.kind in ("front", "best")], x, y, across, up)
    for kind, (colour, radius, opacity) in DOTS.items():
        parts += [_dot(dot, x, y, colour, radius, opacity) for dot in shown if dot.kind == kind]
    kinds = [kind for kind in DOTS if any(dot.kind == kind for dot in shown)]
    parts += legend(
        [(NAMES[kind], DOTS[kind][0]) for kind in kinds],
        left,
        rings=kinds.index("baseline") if "baseline" in kinds else None,
    )
    return svg.drawing(WIDTH, height, f"{up.name} against {across.name} of all designs judged", *parts)


def _reach(values: Sequence[float]) -> tuple[float, float]:
    """A range around values, and half as much again on both sides."""
    least, most = min(values), max(values)
    room = 0.5 * (most - least) or 0.5 * abs(most) or 1.0
    low = least - room
    return (least / 2 if least > 0 and low <= 0 else low), most + room


def _is_in(dot: Dot, reach: tuple[tuple[float, float], tuple[float, float]]) -> bool:
    (left, right), (low, high) = reach
    return left <= dot.x <= right and low <= dot.y <= high


def _stairs(dots: Sequence[Dot], x: Axis, y: Axis, across: Side, up: Side) -> Iterator[str]:
    steps = sorted({(dot.x if across.least else -dot.x, dot.y if up.least else -dot.y) for dot in dots})
    places = [(x(_shown(a, across)), y(_shown(b, up))) for a, b in steps]
    if len(places) > 1:
        path = f"M{places[0][0]:.1f} {places[0][1]:.1f}" + "".join(f"H{a:.1f}V{b:.1f}" for a, b in places[1:])
        yield svg.tag("path", d=path, fill="none", stroke=BLUE, stroke_width=1.5, stroke_opacity=0.6)


def _shown(value: float, side: Side) -> float:
    """A value as shown, of one to be minimised."""
    return value if side.least else -value


def _dot(dot: Dot, x: Axis, y: Axis, colour: str, radius: float, opacity: float) -> str:
    edge: dict[str, str | float] = {"stroke": svg.PAPER, "stroke_width": 1.2} if radius > 4 else {}
    if not opacity:
        edge = {"stroke": colour, "stroke_width": 2.4}
    return svg.tag(
        "circle", svg.titled(dot.title), cx=x(dot.x), cy=y(dot.y), r=radius, fill=colour, fill_opacity=opacity, **edge
    )


def _frame(
    x: Axis, y: Axis, x_name: str, y_name: str, top: float, bottom: float, left: float, right: float
) -> Iterator[str]:
    for value, words in x.marks():
        yield svg.line(x(value), top, x(value), bottom, stroke=svg.LINE)
        yield svg.text(x(value), bottom + 18, words, text_anchor="middle", font_size=11.0, fill=svg.QUIET)
    for value, words in y.marks():
        yield svg.line(left, y(value), right, y(value), stroke=svg.LINE)
        yield svg.text(left - 8, y(value) + 4, words, text_anchor="end", font_size=11.0, fill=svg.QUIET)
    yield svg.text(
        (left + right) / 2, bottom + 42, clip(x_name, 110), title=x_name, text_anchor="middle", font_size=12.0
    )
    turned = f"rotate(-90 20 {(top + bottom) / 2:.1f})"
    shown = clip(y_name, int((bottom - top) / 6.6))
    yield svg.text(20, (top + bottom) / 2, shown, title=y_name, transform=turned, text_anchor="middle", font_size=12.0)


def legend(
    entries: Sequence[tuple[str, str]], left: float, y: float = 24.0, *, rings: int | None = None, right: float = WIDTH
) -> Iterator[str]:
    """Names behind dots of their colours, one after the other, as long as there is room; `rings`: which one's is hollow."""
    room = max(6, int(((right - left) / max(1, len(entries)) - 36) / 6.9))
    at = left
    for number, (name, colour) in enumerate(entries):
        shown = clip(name, room)
        hollow = {"fill_opacity": 0.0, "stroke": colour, "stroke_width": 2.0} if number == rings else {}
        yield svg.circle(at + 5, y - 4, 5, fill=colour, **hollow)
        yield svg.text(at + 16, y, shown, title=name, font_size=12.0, fill=svg.QUIET)
        at += 16 + 6.9 * len(shown) + 20


# ---------------------------------------------------------------------------------------------------------- convergence


@dataclass(frozen=True, slots=True)
class Curve:
    """A search: its name, and the best value after so many designs, at each improvement and at the end."""

    name: str
    steps: tuple[tuple[int, float], ...]


def draw_convergence(curves: Sequence[Curve], what: str, baseline: float | None = None) -> str:
    """The best so far against the number of designs judged, a staircase per search; the baseline as a dashed line."""
    left, right, top, bottom, height = 84.0, 24.0, 44.0, 56.0, 340.0
    base = baseline if baseline is not None and math.isfinite(baseline) else None
    counts = [float(count) for curve in curves for count, _ in curve.steps]
    values = [value for curve in curves for _, value in curve.steps] + ([] if base is None else [base])
    x, y = axis_of(counts, left, WIDTH - right), axis_of(values, height - bottom, top)
    parts = [*_frame(x, y, "designs judged", what, top, height - bottom, left, WIDTH - right)]
    if base is not None:
        parts.append(svg.line(left, y(base), WIDTH - right, y(base), stroke=PURPLE, stroke_dasharray="5 4"))
    for at, curve in enumerate(curves):
        parts += _staircase(curve, x, y, svg.TENSOR_COLOURS[at % len(svg.TENSOR_COLOURS)])
    if base is not None:
        words = {"text_anchor": "end", "fill": PURPLE, **HALO}
        parts.append(svg.text(WIDTH - right - 4, y(base) - 6, "baseline", font_size=11.0, **words))
    if len(curves) > 1:
        entries = [(curve.name, svg.TENSOR_COLOURS[at % len(svg.TENSOR_COLOURS)]) for at, curve in enumerate(curves)]
        parts += legend(entries, left)
    return svg.drawing(WIDTH, height, f"Convergence: {what} after so many designs", *parts)


def _staircase(curve: Curve, x: Axis, y: Axis, colour: str) -> Iterator[str]:
    if not curve.steps:
        return
    first, *others = curve.steps
    path = f"M{x(first[0]):.1f} {y(first[1]):.1f}" + "".join(f"H{x(a):.1f}V{y(b):.1f}" for a, b in others)
    yield svg.tag("path", d=path, fill="none", stroke=colour, stroke_width=2)
    for count, value in curve.steps:
        title = svg.titled(f"{curve.name}: {value:.6g} after {count:,} designs")
        last = count == curve.steps[-1][0]
        yield svg.tag("circle", title, cx=x(count), cy=y(value), r=4.5 if last else 3, fill=colour)
