"""Charts of a mapped network as SVG, a row per layer: where its energy goes, and what its time is spent on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from archloom.architecture.hierarchy import Architecture
from archloom.report import svg, units
from archloom.report.figures import Port
from archloom.report.mapping_shares import MACS, Piece, busy_ports, energy_pieces, limited_levels
from archloom.report.names import clip, squeeze
from archloom.search.network_mapping import LayerMapping, NetworkMapping

__all__ = ["EnergyScale", "Paint", "bound_colours", "draw_layer_energy", "draw_layer_time", "piece_paint"]

WIDTH = 1160.0
ROW, BAR = 25.0, 15.0
MARGIN, NAMES = 16.0, 205.0
LONGEST_NAME = 22
FAINTEST, MACS_SHADE = 0.34, 0.55


class EnergyScale(Enum):
    """What the length of a bar is: the energy of all executions of a layer, or its energy for each of its MACs."""

    TOTAL = "total"
    PER_MAC = "per MAC"


@dataclass(frozen=True, slots=True)
class Paint:
    """A colour of the drawings, and how strong it is."""

    colour: str
    opacity: float | None = None


def piece_paint(architecture: Architecture, level: str, role: str) -> Paint:
    """How energy that a level spends on a role is drawn: the role is the colour, the level its strength, the outermost in full."""
    if role not in svg.ROLE_COLOURS:
        return Paint(svg.MACS_COLOUR, MACS_SHADE) if role == MACS else Paint(svg.LEAKAGE_COLOUR)
    inwards = len(architecture.levels) - 1 - architecture.index(level)
    if not inwards:
        return Paint(svg.ROLE_COLOURS[role])
    return Paint(svg.ROLE_COLOURS[role], round(1 - (1 - FAINTEST) * inwards / (len(architecture.levels) - 1), 2))


def bound_colours(mapping: NetworkMapping) -> dict[str, str]:
    """A colour for everything that may bound a layer: `compute`, and the levels with a bandwidth, outer to inner."""
    free = [*svg.TENSOR_COLOURS[len(svg.ROLE_COLOURS) :], *svg.TENSOR_COLOURS[: len(svg.ROLE_COLOURS)]]
    levels = {name: free[at % len(free)] for at, name in enumerate(limited_levels(mapping))}
    return {"compute": svg.MACS_COLOUR, **levels}


# ------------------------------------------------------------------------------------------------------------- rows


def _row_y(at: int, top: float) -> float:
    return top + at * ROW


def _row_name(layer: LayerMapping, at: int, y: float) -> str:
    """The name of a layer, which leads to its details."""
    times = f"×{layer.count}" if layer.count > 1 else ""
    name = svg.text(
        MARGIN,
        y + 12,
        squeeze(layer.name, LONGEST_NAME),
        title=layer.name,
        note=times,
        font_size=12.0,
        font_weight="600",
    )
    return svg.tag("a", name, href=f"#layer-{at}")


def _stripes(rows: int, top: float, left: float = 0.0) -> Iterator[str]:
    """A tint behind every second row."""
    for at in range(0, rows, 2):
        yield svg.rect(left, _row_y(at, top) - (ROW - BAR) / 2, WIDTH - left, ROW, fill=svg.BANDS[0])


def _caption(x: float, y: float, words: str, *, anchor: str | None = None) -> str:
    return svg.text(x, y, words, font_size=11.5, fill=svg.QUIET, text_anchor=anchor)


# ----------------------------------------------------------------------------------------------------------- energy


def draw_layer_energy(mapping: NetworkMapping, scale: EnergyScale = EnergyScale.TOTAL) -> str | None:
    """Stacked bars: one per layer, in pieces per level and tensor; None where no energies are given.

    The colour is the role of the tensor, its strength the level.
    """
    if not mapping.energy_pj:
        return None
    factors = [layer.count if scale is EnergyScale.TOTAL else 1 / layer.evaluation.macs for layer in mapping.layers]
    longest = max(layer.evaluation.energy_pj * by for layer, by in zip(mapping.layers, factors, strict=True))
    per_pj = (WIDTH - MARGIN - NAMES - 150) / longest if longest else 0.0
    top = 14.0
    parts = [*_stripes(len(mapping.layers), top)]
    for at, (layer, by) in enumerate(zip(mapping.layers, factors, strict=True)):
        y, x = _row_y(at, top), MARGIN + NAMES
        parts.append(_row_name(layer, at, y))
        for piece in energy_pieces(layer):
            width = piece.energy_pj * by * per_pj
            parts.append(_piece(piece, layer, mapping, x, y, width))
            x += width
        parts.append(_energy_note(layer, mapping, scale, x + 8, y + 12))
    words = "energy of all executions" if scale is EnergyScale.TOTAL else "energy per MAC"
    height = _row_y(len(mapping.layers), top) + 4
    return svg.drawing(WIDTH, height, f"{words} of the layers of {mapping.name}, by level and tensor", *parts)


def _piece(piece: Piece, layer: LayerMapping, mapping: NetworkMapping, x: float, y: float, width: float) -> str:
    energy = piece.energy_pj * layer.count
    shares = f"{units.percent(piece.energy_pj / layer.evaluation.energy_pj)} of the layer"
    title = f"{layer.name}: {piece.what} at {piece.level}, {units.energy(energy)}\n{shares}, {units.percent(energy / mapping.energy_pj)} of {mapping.name}"
    shown = width - 0.8 if width > 3 else max(0.3, width)
    paint = piece_paint(layer.evaluation.architecture, piece.level, piece.role)
    return svg.rect(x, y, shown, BAR, title=title, fill=paint.colour, fill_opacity=paint.opacity)


def _energy_note(layer: LayerMapping, mapping: NetworkMapping, scale: EnergyScale, x: float, y: float) -> str:
    if scale is EnergyScale.PER_MAC:
        return svg.text(x, y, f"{units.ratio(layer.evaluation.energy_pj / layer.evaluation.macs)} pJ", font_size=12.0)
    share = units.percent(layer.energy_pj / mapping.energy_pj)
    return svg.text(x, y, units.energy(layer.energy_pj), note=share, font_size=12.0)


# ------------------------------------------------------------------------------------------------------------- time

SHARES, SHARES_END = 745.0, WIDTH - 40.0
"""Where the panel of shares begins and ends."""
WORDS = {Port.SHARED: "", Port.READ: " reads", Port.WRITE: " writes"}
KEY_LINE = 18.0


def draw_layer_time(mapping: NetworkMapping) -> str:
    """Cycles of all executions of each layer, in the colour of what bounds them; beside it how busy each part of the machine is."""
    colours, layers = bound_colours(mapping), mapping.layers
    key = _key(mapping, colours)
    top = 60.0 + KEY_LINE * (1 + max(entry.line for entry in key))
    bottom = _row_y(len(layers), top)
    parts = [
        *_stripes(len(layers), top),
        _caption(MARGIN + NAMES, 24, "cycles of all executions, bound by"),
        _caption(SHARES, 24, "share of the layer's time"),
        *(part for entry in key for part in entry.draw()),
        *_share_axis(top, bottom),
    ]
    per_cycle = (SHARES - MARGIN - NAMES - 205) / max(layer.cycles for layer in layers)
    for at, layer in enumerate(layers):
        y = _row_y(at, top)
        parts += [_row_name(layer, at, y), *_cycles(layer, mapping, y, layer.cycles * per_cycle, colours)]
        parts += _busy(layer, y, colours)
    label = f"Cycles of the layers of {mapping.name}, and how busy compute units and memories are"
    return svg.drawing(WIDTH, bottom + 4, label, *parts)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the key: its mark, drawn around the origin, its words, and its place."""

    mark: str
    words: str
    x: float
    line: int

    def draw(self) -> Iterator[str]:
        y = 40 + KEY_LINE * self.line
        yield svg.tag("g", self.mark, transform=f"translate({self.x + 8:.1f} {y:.1f})")
        yield _caption(self.x + 21, y + 4, self.words)


def _key(mapping: NetworkMapping, colours: dict[str, str]) -> list[_Entry]:
    """What the colours on the left and the marks on the right mean, in as many lines as they take."""
    used = {layer.evaluation.bound_by for layer in mapping.layers}
    left = [
        (svg.rect(-5, -5, 10, 10, rx=2, fill=colour, fill_opacity=0.85), clip(name, LONGEST_NAME))
        for name, colour in colours.items()
        if name in used
    ]
    right = [(svg.rect(-8, -4, 16, 8, fill=svg.MACS_COLOUR, fill_opacity=0.28), "MACs on all units")]
    right.append((_mark(0, 0, colours["compute"], None), "loops"))
    seen = {(busy.level, busy.port) for layer in mapping.layers for busy in busy_ports(layer)}
    for level in limited_levels(mapping):
        for port, words in WORDS.items():
            if (level, port) in seen:
                right.append((_mark(0, 0, colours[level], port), clip(level, 18) + words))
    return [*_placed(left, MARGIN + NAMES, SHARES - 30), *_placed(right, SHARES, WIDTH)]


def _placed(entries: list[tuple[str, str]], start: float, end: float) -> Iterator[_Entry]:
    x, line = start, 0
    for mark, words in entries:
        length = 21 + 6.7 * len(words)
        if x > start and x + length > end:
            x, line = start, line + 1
        yield _Entry(mark, words, x, line)
        x += length + 14


def _share_axis(top: float, bottom: float) -> Iterator[str]:
    for percent in (0, 25, 50, 75, 100):
        x = _share_x(percent / 100)
        yield svg.line(x, top - 6, x, bottom, stroke=svg.LINE, stroke_dasharray="2 3" if 0 < percent < 100 else None)
        yield _caption(x, top - 10, f"{percent} %" if percent else "0", anchor="middle")


def _share_x(share: float) -> float:
    return SHARES + min(1.0, share) * (SHARES_END - SHARES)


def _cycles(
    layer: LayerMapping, mapping: NetworkMapping, y: float, width: float, colours: dict[str, str]
) -> Iterator[str]:
    bound = layer.evaluation.bound_by
    title = f"{layer.name}: {layer.count:,} × {layer.evaluation.cycles:,} cycles, bound by {bound}"
    yield svg.rect(MARGIN + NAMES, y, max(0.5, width), BAR, title=title, fill=colours[bound], fill_opacity=0.85)
    share = units.percent(layer.cycles / mapping.cycles)
    yield svg.text(MARGIN + NAMES + width + 8, y + 12, f"{layer.cycles:,}", note=share, font_size=12.0)


def _busy(layer: LayerMapping, y: float, colours: dict[str, str]) -> Iterator[str]:
    cost = layer.evaluation
    yield svg.rect(
        SHARES,
        y + 2.5,
        _share_x(cost.utilization) - SHARES,
        BAR - 5,
        title=f"{layer.name}: {units.percent(cost.utilization)} of the MAC units' time is spent on MACs",
        fill=svg.MACS_COLOUR,
        fill_opacity=0.28,
    )
    compute = cost.compute.cycles / cost.cycles
    title = f"{layer.name}: the loops take {units.percent(compute)} of the time"
    yield _mark(_share_x(compute), y + BAR / 2, colours["compute"], None, title)
    for busy in busy_ports(layer):
        what = WORDS[busy.port] or " reads and writes"
        title = f"{layer.name}: {busy.level} is busy with{what} {units.percent(busy.share)} of the time"
        yield _mark(_share_x(busy.share), y + BAR / 2, colours[busy.level], busy.port, title)


def _mark(x: float, y: float, colour: str, port: Port | None, title: str = "") -> str:
    """A bar for the compute units, a dot for reads and writes together, triangles for reads (out) and writes (in)."""
    inner = (svg.titled(title),) if title else ()
    if port is None:
        return svg.tag("rect", *inner, x=x - 1.75, y=y - 7, width=3.5, height=14.0, rx=1, fill=colour)
    if port is Port.SHARED:
        return svg.tag("circle", *inner, cx=x, cy=y, r=4.5, fill=colour)
    tip = -5 if port is Port.READ else 5
    points = f"{x:.1f},{y + tip:.1f} {x - 5:.1f},{y - tip * 0.8:.1f} {x + 5:.1f},{y - tip * 0.8:.1f}"
    return svg.tag("polygon", *inner, points=points, fill=colour)
