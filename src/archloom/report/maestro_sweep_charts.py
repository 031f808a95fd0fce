"""Sweeps as SVG: every design as a dot, the Pareto front as a line, and the best of each objective marked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from archloom.report import svg
from archloom.report.axes import LogAxis, log_axis
from archloom.report.maestro_sweep import AXES, BUDGET_TEXT, COLUMNS, OBJECTIVES, Design, Shown, Swept

__all__ = ["VIEWS", "Quantity", "draw_designs"]

LEFT, RIGHT, TOP, BOTTOM = 66.0, 20.0, 56.0, 54.0
FRONT_COLOUR, CLOUD_COLOUR = svg.TENSOR_COLOURS[0], svg.QUIET
MARKS = {"throughput": svg.TENSOR_COLOURS[2], "energy": svg.TENSOR_COLOURS[1], "edp": svg.TENSOR_COLOURS[3]}
FEWEST_TICKS = 3
SAME_PLACE = 3.0
"""Marks closer together than this are drawn one on top of the other."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that an axis shows, with its name there, how its ticks are written, and whether less of it is better."""

    name: str
    of: Callable[[Design], float]
    tick: Callable[[float], str]
    less: bool = True
    budget: str = ""


def prefixed(unit: str, factor: float) -> Callable[[float], str]:
    """Writes values with an SI prefix; `factor` makes the unit of a value."""

    def write(value: float) -> str:
        for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n")):
            if value * factor >= size * (1 - 1e-9):
                return f"{value * factor / size:.4g} {prefix}{unit}".rstrip()
        return f"{value * factor:.3g} {unit}".rstrip()

    return write


THROUGHPUT = Quantity(
    "throughput, MACs/cycle", lambda design: design.throughput, lambda value: f"{value:,.4g}", less=False
)
ENERGY = Quantity("energy", lambda design: design.energy_pj, prefixed("J", 1e-12))
AREA = Quantity("area, mm²", lambda design: design.area_um2 / 1e6, lambda value: f"{value:,.4g}", budget="area")
POWER = Quantity("power", lambda design: design.power_mw, prefixed("W", 1e-3), budget="power")
VIEWS = ((AREA, THROUGHPUT), (ENERGY, THROUGHPUT), (POWER, THROUGHPUT))
"""What is drawn against what: along the bottom, and upwards."""


def draw_designs(
    shown: Shown, swept: Swept, x: Quantity, y: Quantity, *, width: float = 572.0, height: float = 400.0
) -> str:
    """One engine's designs, on the axes of all engines so that they can be compared."""
    every = [design for other in shown.engines for design in (*other.cloud, *other.front, *other.best.values())]
    across = log_axis(positive(map(x.of, every)), LEFT, width - RIGHT, margin=0.08)
    upward = log_axis(positive(map(y.of, every)), height - BOTTOM, TOP, margin=0.08)
    parts = [
        svg.text(LEFT, 22, f"{swept.engine}: {y.name.split(',')[0]} and {x.name.split(',')[0]}", font_weight="600"),
        *key(swept),
        *frame(across, upward, x, y),
        *budget_line(shown, across, upward, x),
        *cloud(swept, across, upward, x, y),
        *front(shown, swept, across, upward, x, y),
        *marks(shown, swept, across, upward, x, y),
    ]
    label = f"{shown.label} by the {swept.engine} engine: {y.name} against {x.name} of {swept.designs:,} designs"
    return svg.drawing(width, height, label, *parts)


def positive(values: Iterable[float]) -> list[float]:
    return [value for value in values if value > 0 and math.isfinite(value)] or [1.0]


def has_place(design: Design, x: Quantity, y: Quantity) -> bool:
    """Whether logarithmic axes can show a design."""
    return all(value > 0 and math.isfinite(value) for value in (x.of(design), y.of(design)))


def key(swept: Swept) -> Iterator[str]:
    x = LEFT
    yield svg.circle(x + 4, 38, 2.2, fill=CLOUD_COLOUR, fill_opacity=0.5)
    yield svg.text(x + 12, 42, "designs", font_size=11.0, fill=svg.QUIET)
    x += 66
    yield svg.line(x, 38, x + 16, 38, stroke=FRONT_COLOUR, stroke_width=1.6)
    yield svg.text(x + 21, 42, "front", font_size=11.0, fill=svg.QUIET)
    x += 60
    for objective in OBJECTIVES:
        if objective in swept.best:
            yield mark(objective, x + 5, 38)
            words = f"best {OBJECTIVES[objective]}"
            yield svg.text(x + 14, 42, words, font_size=11.0, fill=svg.QUIET)
            x += 26 + 6.0 * len(words)


def frame(across: LogAxis, upward: LogAxis, x: Quantity, y: Quantity) -> Iterator[str]:
    yield svg.rect(
        across.start, upward.end, across.end - across.start, upward.start - upward.end, fill="none", stroke=svg.LINE
    )
    for value in ticks(across):
        at = across(value)
        yield svg.line(at, upward.end, at, upward.start, stroke=svg.LINE)
        yield svg.text(at, upward.start + 17, x.tick(value), text_anchor="middle", font_size=11.0, fill=svg.QUIET)
    for value in ticks(upward):
        at = upward(value)
        yield svg.line(across.start, at, across.end, at, stroke=svg.LINE)
        yield svg.text(across.start - 7, at + 4, y.tick(value), text_anchor="end", font_size=11.0, fill=svg.QUIET)
    middle = (across.start + across.end) / 2, (upward.start + upward.end) / 2
    yield svg.text(middle[0], upward.start + 38, x.name, text_anchor="middle", font_size=11.5)
    turned = f"rotate(-90 15 {middle[1]:.1f})"
    yield svg.text(15, middle[1], y.name, transform=turned, text_anchor="middle", font_size=11.5)


def ticks(axis: LogAxis) -> list[float]:
    """Round values along an axis, closer ones where it is short."""
    exponents = range(math.floor(axis.low), math.floor(axis.high) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5)):
        values = [step * 10.0**exponent for exponent in exponents for step in steps]
        found = [value for value in values if axis.low <= math.log10(value) <= axis.high]
        if len(found) >= FEWEST_TICKS:
            return found
    low, high = 10.0**axis.low, 10.0**axis.high
    step = 10.0 ** math.floor(math.log10((high - low) / 2))
    for factor in (5, 2, 1, 0.5, 0.2):
        first, last = math.ceil(low / step / factor), math.floor(high / step / factor)
        if last - first + 1 >= FEWEST_TICKS:
            return [at * step * factor for at in range(first, last + 1)][:: 1 + (last - first) // 9]
    return found


def budget_line(shown: Shown, across: LogAxis, upward: LogAxis, x: Quantity) -> Iterator[str]:
    """Where the budget of what the axis shows ends, if that is in sight."""
    if x.budget not in shown.budgets:
        return
    limit = shown.budgets[x.budget]
    value = limit / 1e6 if x.budget == "area" else limit
    if across.low < math.log10(value) < across.high:
        at = across(value)
        yield svg.line(at, upward.end, at, upward.start, stroke=svg.INK, stroke_dasharray="4 3")
        words = f"budget {BUDGET_TEXT[x.budget](limit)}"
        right = at > (across.start + across.end) / 2
        anchor = "end" if right else "start"
        yield svg.text(at + (-6 if right else 6), upward.start - 8, words, text_anchor=anchor, font_size=11.0)


def cloud(swept: Swept, across: LogAxis, upward: LogAxis, x: Quantity, y: Quantity) -> Iterator[str]:
    seen: set[tuple[int, int]] = set()
    for design in swept.cloud:
        if not has_place(design, x, y):
            continue
        at = across(x.of(design)), upward(y.of(design))
        spot = round(at[0] * 2), round(at[1] * 2)
        if spot not in seen:
            seen.add(spot)
            yield svg.circle(*at, 2.0, fill=CLOUD_COLOUR, fill_opacity=0.35)


def front(shown: Shown, swept: Swept, across: LogAxis, upward: LogAxis, x: Quantity, y: Quantity) -> Iterator[str]:
    """The designs of the front that no other beats in the two quantities shown, as a staircase; the rest of it as dots."""
    drawn = [design for design in swept.front if has_place(design, x, y)]
    best = staircase(drawn, x, y)
    if len(best) > 1:
        corners: list[tuple[float, float]] = []
        for design in best:
            at = across(x.of(design)), upward(y.of(design))
            if corners:
                corners.append((at[0], corners[-1][1]))
            corners.append(at)
        points = " ".join(f"{px:.1f},{py:.1f}" for px, py in corners)
        yield svg.tag("polyline", points=points, fill="none", stroke=FRONT_COLOUR, stroke_width=1.6)
    for design in drawn:
        at = across(x.of(design)), upward(y.of(design))
        title = svg.titled(story(shown, design))
        yield svg.tag("circle", title, cx=at[0], cy=at[1], r=3.2, fill=FRONT_COLOUR, fill_opacity=0.8)


def staircase(designs: Sequence[Design], x: Quantity, y: Quantity) -> list[Design]:
    """From the least x on, each design with a better y than all before it."""
    sign = 1 if y.less else -1
    found: list[Design] = []
    for design in sorted(designs, key=lambda design: (x.of(design), sign * y.of(design))):
        if not found or sign * y.of(design) < sign * y.of(found[-1]):
            found.append(design)
    return found


def marks(shown: Shown, swept: Swept, across: LogAxis, upward: LogAxis, x: Quantity, y: Quantity) -> Iterator[str]:
    """The best designs; of several at one place the first is drawn largest, and the others on top of it."""
    places = {
        objective: (across(x.of(design)), upward(y.of(design)))
        for objective, design in swept.best.items()
        if has_place(design, x, y)
    }
    for at, (objective, place) in enumerate(places.items()):
        above = sum(math.dist(place, other) < SAME_PLACE for other in list(places.values())[at + 1 :])
        title = f"best {OBJECTIVES[objective]}\n{story(shown, swept.best[objective])}"
        yield mark(objective, *place, title, scale=1 + 0.7 * above)


def mark(objective: str, x: float, y: float, title: str = "", *, scale: float = 1.0) -> str:
    """A triangle for throughput, a square for energy, a diamond for EDP."""
    shapes = {
        "throughput": ((0, -7), (6.5, 5), (-6.5, 5)),
        "energy": ((-5, -5), (5, -5), (5, 5), (-5, 5)),
        "edp": ((0, -7), (7, 0), (0, 7), (-7, 0)),
    }
    points = " ".join(f"{x + dx * scale:.1f},{y + dy * scale:.1f}" for dx, dy in shapes[objective])
    inner = (svg.titled(title),) if title else ()
    return svg.tag("polygon", *inner, points=points, fill=MARKS[objective], stroke=svg.PAPER, stroke_width=1.2)


def story(shown: Shown, design: Design) -> str:
    """What appears on hovering over a design."""
    values = ", ".join(f"{AXES[axis]} {design.axes[axis]:,}" for axis in shown.axes)
    figures = [f"{column.name} {column.write(column.of(design))}" for column in COLUMNS]
    return "\n".join([values, ", ".join(figures[:4]), ", ".join(figures[4:])])
