"""A component's energy against size and against node, as SVG and as a page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from archloom.errors import InputError
from archloom.report import svg, units
from archloom.report.axes import LogAxis, log_axis, tick_text
from archloom.report.names import printable
from archloom.report.technology_origins import asked_text
from archloom.report.technology_terminal import OPTIONS
from archloom.report.theme import dark_style
from archloom.technology.component import Attribute, Component, Price
from archloom.technology.library import price

__all__ = ["draw_component", "plot_page"]

WIDTH, PANEL_HEIGHT = 980.0, 330.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 96.0, 62.0, 52.0
SIZES = ("size_bits", "bits", "length_mm", "width_bits", "enob", "rate_hz")
"""What may lie along the first axis: the first of these that a component has."""
TITLES = {
    "size_bits": "size",
    "bits": "width of the words, bit",
    "width_bits": "bits per access",
    "length_mm": "length, mm",
    "enob": "effective bits",
    "rate_hz": "conversions per second",
}
SPANS = {"size_bits": (2**12, 2**26), "bits": (4, 64), "width_bits": (8, 1024), "length_mm": (0.1, 20), "enob": (4, 12)}
"""From where to where an axis goes, as far as the component reaches."""
NODES = (130.0, 90.0, 65.0, 45.0, 32.0, 22.0, 16.0, 7.0)
CURVES = (90.0, 45.0, 28.0, 16.0, 7.0)
POINTS = 61
NEAREST = 13.0
"""Names at the ends of curves keep so far apart."""
COLOURS = svg.TENSOR_COLOURS


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of a plot: where it goes, and what is said at its end."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]


def draw_component(component: Component, given: Mapping[str, Any]) -> str:
    """The energy of each action against size, one curve per node, and against node, one curve per size.

    `given` attributes hold for all curves; a list of nodes or sizes says which curves there are. Raises InputError where the
    component has nothing to vary, or `given` is wrong.
    """
    known = {a.name: a for a in component.attributes}
    sizes = [name for name in SIZES if name in known and known[name].default is None and name not in given]
    sizes = sizes or [name for name in SIZES if name in known]
    if not sizes:
        raise InputError(f"{component.name} has no size or width to plot against")
    panels = [*_against_size(component, sizes[0], given), *_against_node(component, sizes[0], given)]
    half = WIDTH / 2
    rows = math.ceil(len(panels) / 2)
    fixed = {k: v for k, v in given.items() if k not in (sizes[0], "node_nm")}
    label = asked_text(Price(component.name, {k: v[0] if isinstance(v, list) else v for k, v in fixed.items()}, {}))
    parts = [svg.text(20, 28, label, font_weight="600", font_size=15.0)]
    for at, (title, axis, curves, is_node) in enumerate(panels):
        inner = "".join(_panel(title, axis, curves, half, nodes=is_node))
        across, down = (at % 2) * half, 36 + (at // 2) * PANEL_HEIGHT
        parts.append(svg.tag("g", inner, transform=f"translate({across:.0f} {down:.0f})"))
    return svg.drawing(WIDTH, 44 + rows * PANEL_HEIGHT, f"Energy of {component.name}", *parts)


def plot_page(component: Component, given: Mapping[str, Any], version: str) -> str:
    """The drawing as a page of its own that loads nothing."""
    drawing = draw_component(component, given)
    style = "body { margin: 24px auto; max-width: 1000px; background: #eef0f4; font-family: system-ui, sans-serif; }"
    notes = "; ".join(component.sources)
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{escape(printable(component.name))} - archloom</title>\n'
        f'<style>{style}\n{dark_style()}</style></head>\n<body><div class="archloom">{drawing}\n'
        f"<p>{escape(printable(component.about))}. Sources: {escape(printable(notes))}. archloom {escape(version)}</p></div></body>\n</html>\n"
    )


Panel = tuple[str, str, list[Curve], bool]
"""Title, name of the x axis, curves, and whether nodes lie along it."""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _choices(component: Component, size: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """What holds for every point, and the curves: by node where the component has one, else by type, by what is given in lists."""
    fixed = {name: value[0] if isinstance(value, list) else value for name, value in given.items() if name != size}
    known = {attribute.name: attribute for attribute in component.attributes}
    if "node_nm" in known:
        nodes = _listed(given.get("node_nm", list(CURVES)))
        return fixed, {"node_nm": [node for node in nodes if known["node_nm"].low <= node <= known["node_nm"].high]}
    if "type" in known:
        return fixed, {"type": _listed(given.get("type", list(known["type"].choices)))}
    return fixed, {}


def _span(attribute: Attribute, value: Any) -> Any:
    given = _listed(value) if value is not None else []
    low, high = SPANS.get(attribute.name, (attribute.low or 1.0, attribute.high))
    low, high = max(low, attribute.low), min(high, attribute.high)
    if given:
        low, high = min(low, *given), max(high, *given)
    values = np.geomspace(low, high, POINTS)
    return np.unique(np.rint(values)) if attribute.whole else values


def _against_size(component: Component, size: str, given: Mapping[str, Any]) -> Iterator[Panel]:
    attribute = next(a for a in component.attributes if a.name == size)
    xs = _span(attribute, given.get(size))
    fixed, varied = _choices(component, size, given)
    _need(component, fixed, size)
    name, values = next(iter(varied.items()), ("", [None]))
    found: dict[str, list[Curve]] = {}
    for value in values:
        priced = price(component, **{**fixed, size: xs, **({name: value} if name else {})})
        shown = f"{value:g} nm" if name == "node_nm" else str(value or "")
        for action, figure in _distinct(priced):
            found.setdefault(action, []).append(Curve(shown, list(xs), list(np.broadcast_to(figure, xs.shape))))
    for action, curves in found.items():
        yield f"{action}, against {TITLES[size].split(',')[0]}", size, curves, False


def _against_node(component: Component, size: str, given: Mapping[str, Any]) -> Iterator[Panel]:
    known = {attribute.name: attribute for attribute in component.attributes}
    if "node_nm" not in known:
        return
    low, high = max(7.0, known["node_nm"].low), min(130.0, known["node_nm"].high)
    xs = np.geomspace(low, high, 97)
    xs = np.unique(np.concatenate([xs, [node for node in NODES if low <= node <= high]]))
    fixed, _ = _choices(component, size, given)
    fixed.pop("node_nm", None)
    attribute = known[size]
    start, end = _span(attribute, None)[[0, -1]]
    steps = {"size_bits": [2**16, 2**19, 2**22, 2**25], "bits": [8, 16, 32], "width_bits": [16, 64, 256]}
    usual = [value for value in steps.get(size, []) if start <= value <= end] or [start, math.sqrt(start * end), end]
    sizes = _listed(given.get(size, usual))
    found: dict[str, list[Curve]] = {}
    for value in sizes:
        priced = price(component, **{**fixed, size: float(value), "node_nm": xs})
        shown = _size(value) if size == "size_bits" else f"{value:.3g}" + (" bit" if "bits" in size else "")
        for action, figure in _distinct(priced):
            found.setdefault(action, []).append(Curve(shown, list(xs), list(np.broadcast_to(figure, xs.shape))))
    for action, curves in found.items():
        yield f"{action}, against node", "node_nm", curves, True


def _need(component: Component, given: Mapping[str, Any], size: str) -> None:
    missing = [a.name for a in component.attributes if a.default is None and a.name not in given and a.name != size]
    if missing:
        options = ", ".join(OPTIONS.get(name, f"--set {name}=") for name in missing)
        raise InputError(f"to plot {component.name}, its {' and '.join(missing)} is needed too", hint=f"give {options}")


def _distinct(priced: Price) -> Iterator[tuple[str, Any]]:
    """The actions, without an update that costs what a write costs."""
    for action, figure in priced.energy.items():
        write = priced.energy.get("write")
        if action != "update" or write is None or not np.array_equal(figure.value, write.value):
            yield action, figure.value


# ----------------------------------------------------------------------------------------------------------- drawing


def _panel(title: str, axis: str, curves: list[Curve], width: float, *, nodes: bool) -> Iterator[str]:
    xs, ys = curves[0].xs, [y for curve in curves for y in curve.ys if y > 0]
    if not ys:
        return
    low, high = math.log10(min(xs)), math.log10(max(xs))
    x = LogAxis(low, high, LEFT, width - RIGHT)
    if nodes:  # the new ones right, as time goes
        x = LogAxis(low, high, width - RIGHT, LEFT)
    y = log_axis(ys, PANEL_HEIGHT - BOTTOM, TOP - 24, margin=0.12)
    yield svg.text(LEFT, TOP - 34, title, font_weight="600")
    yield from _grid(x, y, axis)
    ends: list[tuple[float, str, str]] = []
    for at, curve in enumerate(curves):
        colour = COLOURS[at % len(COLOURS)]
        points = [(x(a), y(b)) for a, b in zip(curve.xs, curve.ys, strict=True) if b > 0]
        yield svg.tag(
            "polyline",
            svg.titled(f"{curve.name}: {curve.ys[0]:.3g} to {curve.ys[-1]:.3g} pJ"),
            points=" ".join(f"{a:.1f},{b:.1f}" for a, b in points),
            fill="none",
            stroke=colour,
            stroke_width=1.8,
        )
        ends.append((max(points)[1], curve.name, colour))
    yield from _end_names(ends, width - RIGHT + 6, y)


def _end_names(ends: list[tuple[float, str, str]], at: float, y: LogAxis) -> Iterator[str]:
    """The names of the curves at their ends, pushed apart where they would lie on each other."""
    ordered = sorted(ends)
    places = [height for height, _, _ in ordered]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + NEAREST)
    overflow = max(0.0, places[-1] - y.start)
    places = [place - overflow for place in places]
    for place, (_, name, colour) in zip(places, ordered, strict=True):
        yield svg.text(at, place + 4, name, font_size=11.0, fill=colour)


def _grid(x: LogAxis, y: LogAxis, axis: str) -> Iterator[str]:
    left, right = min(x.start, x.end), max(x.start, x.end)
    yield svg.rect(left, y.end, right - left, y.start - y.end, fill="none", stroke=svg.LINE)
    for value in _x_ticks(x, axis):
        at = x(value)
        yield svg.line(at, y.end, at, y.start, stroke=svg.LINE)
        shown = _size(value) if axis == "size_bits" else tick_text(value)
        yield svg.text(at, y.start + 17, shown, text_anchor="middle", font_size=11.0, fill=svg.QUIET)
    for value in y.ticks():
        at = y(value)
        yield svg.line(left, at, right, at, stroke=svg.LINE)
        yield svg.text(left - 7, at + 4, tick_text(value), text_anchor="end", font_size=11.0, fill=svg.QUIET)
    title = "node, nm" if axis == "node_nm" else TITLES[axis]
    yield svg.text((left + right) / 2, y.start + 38, title, text_anchor="middle", font_size=11.5)
    middle = (y.start + y.end) / 2
    turned = f"rotate(-90 16 {middle:.1f})"
    yield svg.text(16, middle, "pJ per action", transform=turned, text_anchor="middle", font_size=11.5)


def _size(bits: float) -> str:
    number, _, unit = units.bits(bits).partition(" ")
    return f"{float(number.replace(',', '')):g} {unit}"


def _x_ticks(x: LogAxis, axis: str) -> list[float]:
    low, high = 10**x.low * (1 - 1e-9), 10**x.high * (1 + 1e-9)
    if axis == "node_nm":
        return [node for node in NODES if low <= node <= high]
    if axis in ("size_bits", "bits", "width_bits"):
        powers = [
            2.0**e
            for e in range(math.ceil(x.low / math.log10(2) - 1e-9), math.floor(x.high / math.log10(2) + 1e-9) + 1)
        ]
        step = math.ceil(len(powers) / 7)
        return [power for power in powers[::step] if low <= power <= high]
    return list(x.ticks())
