"""Charts of several machines with the same network as SVG: energy, time, and how far each is from the best at every layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from archloom.report import svg, units
from archloom.report.comparison import Case
from archloom.report.mapping_charts import bound_colours, piece_paint
from archloom.report.mapping_figures import ROLES
from archloom.report.mapping_shares import energy_pieces
from archloom.report.names import clip, squeeze
from archloom.search.network_mapping import LayerMapping, NetworkMapping

__all__ = ["Side", "case_colours", "draw_case_energy", "draw_case_time", "draw_ratios", "side_by_side"]

WIDTH, MARGIN, NAMES = 1160.0, 16.0, 205.0
ROW, BAR = 34.0, 22.0
LONGEST_NAME = 26


@dataclass(frozen=True, slots=True)
class Side:
    """A layer of the network in every case; None where it has no mapping."""

    name: str
    count: int
    layers: tuple[LayerMapping | None, ...]


def side_by_side(cases: Sequence[Case]) -> tuple[Side, ...]:
    """Every layer that any case has, in the order of the network."""
    counts: dict[str, int] = {}
    for case in cases:
        if case.mapping is not None:
            found = {layer.name: layer.count for layer in (*case.mapping.layers, *case.mapping.unmapped)}
            counts = found | counts if len(found) > len(counts) else counts | found
    mapped = [{} if case.mapping is None else {layer.name: layer for layer in case.mapping.layers} for case in cases]
    return tuple(Side(name, count, tuple(layers.get(name) for layers in mapped)) for name, count in counts.items())


def case_colours(cases: Sequence[Case]) -> list[str]:
    """A colour for each case; first those that stand for no role of tensors."""
    return [svg.TENSOR_COLOURS[-1 - at % len(svg.TENSOR_COLOURS)] for at in range(len(cases))]


# ------------------------------------------------------------------------------------------------- energy and time


def draw_case_energy(cases: Sequence[Case]) -> str | None:
    """A stacked bar per case: the network's energy by level and role; None where no case has energies."""
    known = [case.mapping.energy_pj for case in cases if case.mapping is not None and case.mapping.energy_pj]
    if not known:
        return None
    rows = [
        _Row(
            case.label,
            0.0 if case.mapping is None else case.mapping.energy_pj,
            units.energy,
            _energy(case.mapping),
            _whole(case),
        )
        for case in cases
    ]
    return _bars("Energy of the network by level and tensor", rows)


def draw_case_time(cases: Sequence[Case]) -> str:
    """A stacked bar per case: the network's cycles by what bounds them."""
    rows = [
        _Row(
            case.label,
            0.0 if case.mapping is None else case.mapping.cycles,
            _cycles_text,
            _cycles(case.mapping),
            _whole(case),
        )
        for case in cases
    ]
    return _bars("Cycles of the network by what bounds them", rows)


def _whole(case: Case) -> bool:
    return case.mapping is None or not case.mapping.unmapped


def _cycles_text(cycles: float) -> str:
    return f"{cycles:,.0f}"


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a bar: what it is, how much, and how it is drawn."""

    name: str
    amount: float
    colour: str
    opacity: float | None


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    total: float
    write: Callable[[float], str]
    parts: list[_Part]
    whole: bool
    """Whether every layer has a mapping, so that the total compares with others."""


def _energy(mapping: NetworkMapping | None) -> list[_Part]:
    """The pieces of all layers, those of equal level and role together."""
    if mapping is None:
        return []
    sums: dict[tuple[str, str], float] = {}
    for layer in mapping.layers:
        for piece in energy_pieces(layer):
            key = piece.level, piece.role
            sums[key] = sums.get(key, 0.0) + layer.count * piece.energy_pj
    order = [*reversed(mapping.architecture.names), mapping.architecture.compute.name]
    parts: list[_Part] = []
    for (level, role), amount in sorted(sums.items(), key=lambda item: order.index(item[0][0])):
        paint = piece_paint(mapping.architecture, level, role)
        parts.append(_Part(f"{level}: {ROLES.get(role, role)}", amount, paint.colour, paint.opacity))
    return parts


def _cycles(mapping: NetworkMapping | None) -> list[_Part]:
    if mapping is None:
        return []
    sums: dict[str, float] = {}
    for layer in mapping.layers:
        bound = layer.evaluation.bound_by
        sums[bound] = sums.get(bound, 0.0) + layer.cycles
    colours = bound_colours(mapping)
    return [_Part(f"bound by {name}", sums[name], colour, 0.85) for name, colour in colours.items() if name in sums]


def _bars(label: str, rows: Sequence[_Row]) -> str:
    scale = (WIDTH - MARGIN - NAMES - 190) / max(row.total for row in rows)
    best = min(row.total for row in rows if row.total) if all(row.whole for row in rows) else 0.0
    parts: list[str] = []
    for at, row in enumerate(rows):
        y, x = 14 + at * ROW, MARGIN + NAMES
        parts.append(
            svg.text(
                MARGIN, y + 15.5, squeeze(row.label, LONGEST_NAME), title=row.label, font_size=12.5, font_weight="600"
            )
        )
        for part in row.parts:
            parts += _segment(part, row, x, y, part.amount * scale)
            x += part.amount * scale
        note = units.times(row.total / best) if best else ""
        note = "" if note == units.times(1.0) else note
        parts.append(svg.text(x + 8, y + 15.5, row.write(row.total) if row.total else "no mapping", note=note))
    return svg.drawing(WIDTH, 14 + len(rows) * ROW + 2, label, *parts)


def _segment(part: _Part, row: _Row, x: float, y: float, width: float) -> Iterator[str]:
    """A piece of a bar, with its name inside where there is room."""
    title = f"{row.label}, {part.name}: {row.write(part.amount)}, {units.percent(part.amount / row.total)}"
    shown = width - 0.8 if width > 3 else max(0.3, width)
    yield svg.rect(x, y, shown, BAR, title=title, fill=part.colour, fill_opacity=part.opacity)
    name = clip(part.name, 34)
    if 6.3 * len(name) + 10 < width:
        strong = (part.opacity or 1.0) > 0.7
        fill = svg.PAPER if strong else svg.INK
        yield svg.text(x + 7, y + 15, name, font_size=11.0, fill=fill, pointer_events="none")


# ----------------------------------------------------------------------------------------------------------- ratios

LINE = 25.0
TOP = 66.0
PLOT, PLOT_END = MARGIN + NAMES + 14.0, WIDTH - 24.0
TICKS = (1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70)


def draw_ratios(cases: Sequence[Case], cost: Callable[[LayerMapping], float], what: str) -> str | None:
    """For each layer a dot per case: how many times the cost of the best case; None where there is nothing to compare."""
    sides = [side for side in side_by_side(cases) if _ratios(side, cost)]
    ratios = [ratio for side in sides for ratio in _ratios(side, cost).values()]
    if not ratios:
        return None
    end = max(1.6, 1.08 * max(ratios))
    bottom = TOP + LINE * len(sides)
    parts = [*_scale(end, bottom, what), *_case_key(cases)]
    for at, side in enumerate(sides):
        parts += _dots(side, cases, _ratios(side, cost), TOP + LINE * (at + 0.5), end, striped=at % 2 == 0)
    return svg.drawing(WIDTH, bottom + 6, f"{what} of each layer on each machine, over that of the best", *parts)


def _ratios(side: Side, cost: Callable[[LayerMapping], float]) -> dict[int, float]:
    """For the number of each case that has a mapping, its cost over the least."""
    costs = {at: cost(layer) for at, layer in enumerate(side.layers) if layer is not None}
    least = min(costs.values(), default=0.0)
    return {at: value / least for at, value in costs.items()} if least else {}


def _place(ratio: float, end: float) -> float:
    return PLOT + math.log(max(1.0, ratio)) / math.log(end) * (PLOT_END - PLOT)


def _scale(end: float, bottom: float, what: str) -> Iterator[str]:
    yield svg.text(PLOT, 22, f"{what}, in times the best", font_size=11.5, fill=svg.QUIET)
    decade = 0
    last = -math.inf
    while 10**decade <= end:
        for tick in TICKS:
            if tick < 10 and tick * 10**decade <= end and _place(tick * 10**decade, end) - last >= 44:
                last = _place(tick * 10**decade, end)
                yield svg.line(last, TOP - 4, last, bottom, stroke=svg.LINE)
                yield svg.text(
                    last, TOP - 9, f"{tick * 10**decade:,g}×", text_anchor="middle", font_size=11.0, fill=svg.QUIET
                )
        decade += 1


def _case_key(cases: Sequence[Case]) -> Iterator[str]:
    x = PLOT + 240
    for case, colour in zip(cases, case_colours(cases), strict=True):
        name = squeeze(case.label, LONGEST_NAME)
        yield svg.circle(x, 18, 5, fill=colour)
        yield svg.text(x + 10, 22, name, title=case.label, font_size=12.0)
        x += 10 + 7.2 * len(name) + 20


def _dots(
    side: Side, cases: Sequence[Case], ratios: dict[int, float], y: float, end: float, *, striped: bool
) -> Iterator[str]:
    if striped:
        yield svg.rect(0, y - LINE / 2, WIDTH, LINE, fill=svg.BANDS[0])
    note = f"×{side.count}" if side.count > 1 else ""
    yield svg.text(MARGIN, y + 4, squeeze(side.name, 22), title=side.name, note=note, font_size=12.0, font_weight="600")
    colours = case_colours(cases)
    yield svg.line(_place(1, end), y, _place(max(ratios.values()), end), y, stroke=svg.LINE, stroke_width=1.5)
    taken: list[float] = []
    for at, ratio in sorted(ratios.items(), key=lambda item: -item[1]):
        x = _place(ratio, end)
        beside = sum(abs(x - other) < 7 for other in taken)
        taken.append(x)
        title = f"{side.name} on {cases[at].label}: {units.times(ratio)} the best"
        up = (0.0, -5.5, 5.5, -9.0, 9.0)[min(beside, 4)]
        yield svg.tag(
            "circle", svg.titled(title), cx=x, cy=y + up, r=5.5, fill=colours[at], stroke=svg.PAPER, stroke_width=1.2
        )
