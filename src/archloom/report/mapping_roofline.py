"""Rooflines of a mapped network as SVG: under the roof of each bandwidth, every layer as a dot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archloom.report import svg, units
from archloom.report.axes import LogAxis, log_axis, tick_text
from archloom.report.figures import Port, Roof, roofline
from archloom.report.mapping_charts import bound_colours
from archloom.report.names import clip, squeeze
from archloom.search.network_mapping import LayerMapping, NetworkMapping

__all__ = ["WORDS", "Dot", "Panel", "draw_panel", "panels", "spans"]

LEFT, RIGHT, TOP, BOTTOM = 58.0, 18.0, 50.0, 52.0
LARGEST, SMALLEST = 13.0, 3.5
"""Radius of a dot that stands for all cycles of the network, and of the smallest."""
NAMED = 6
LONGEST_NAME = 20
SAME_PLACE = 8.0
"""Of dots closer together than half of this one is named."""
WORDS = {Port.SHARED: "reads and writes", Port.READ: "reads", Port.WRITE: "writes"}
"""What goes through a port."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A layer (its number in the network) under one roof."""

    at: int
    layer: LayerMapping
    roof: Roof

    @property
    def performance(self) -> float:
        """MACs per cycle."""
        return self.layer.evaluation.macs / self.layer.evaluation.cycles


@dataclass(frozen=True, slots=True)
class Panel:
    """One bandwidth of the machine, and the layers that use it."""

    mapping: NetworkMapping
    level: str
    port: Port
    dots: tuple[Dot, ...]

    @property
    def peak(self) -> int:
        """MACs per cycle of all MAC units."""
        return self.mapping.architecture.compute_instances

    @property
    def words_per_cycle(self) -> float:
        """Of all instances of the level together."""
        return self.dots[0].roof.words_per_cycle

    @property
    def balance(self) -> float:
        """MACs per word at which the bandwidth keeps all MAC units busy."""
        return self.peak / self.words_per_cycle


def panels(mapping: NetworkMapping) -> tuple[Panel, ...]:
    """A panel for each port with a bandwidth, outer to inner."""
    found: dict[tuple[str, Port], list[Dot]] = {}
    for at, layer in enumerate(mapping.layers):
        for roof in roofline(layer.evaluation).roofs:
            found.setdefault((roof.level, roof.port), []).append(Dot(at, layer, roof))
    order = list(reversed(mapping.architecture.names))
    keys = sorted(found, key=lambda key: (order.index(key[0]), list(WORDS).index(key[1])))
    return tuple(Panel(mapping, level, port, tuple(found[level, port])) for level, port in keys)


def spans(drawn: Sequence[Panel]) -> tuple[list[float], list[float]]:
    """The intensities and the performances that the axes have to show, so that panels side by side can be compared."""
    intensities = [dot.roof.macs_per_word for panel in drawn for dot in panel.dots]
    intensities += [panel.balance for panel in drawn]
    return intensities, [dot.performance for panel in drawn for dot in panel.dots] + [panel.peak for panel in drawn]


def draw_panel(
    panel: Panel,
    *,
    beside: Sequence[Panel] = (),
    width: float = 572.0,
    height: float = 380.0,
    title: str = "",
    links: bool = True,
) -> str:
    """One roof with its layers, on the axes of all the panels `beside`; dots grow with their share of the cycles.

    `links`: a click on a dot leads to the layer's details.
    """
    intensities, performances = spans([panel, *beside])
    x = log_axis(intensities, LEFT, width - RIGHT, margin=0.3)
    y = log_axis(performances, height - BOTTOM, TOP, margin=0.25)
    what = title or f"{clip(panel.level, 24)} {WORDS[panel.port]}"
    note = f"{units.ratio(panel.words_per_cycle)} words/cycle, balanced at {units.ratio(panel.balance)} MACs/word"
    parts = [
        svg.text(LEFT, 22, what, font_weight="600"),
        svg.text(LEFT, 38, note, font_size=11.0, fill=svg.QUIET),
        *_grid(x, y),
        *_roof(panel, x, y),
        *_dots(panel, x, y, links=links),
        *_names(panel, x, y),
    ]
    label = f"Roofline of {panel.mapping.name} on {panel.mapping.architecture.name}: {panel.level} {panel.port.value}"
    return svg.drawing(width, height, label, *parts)


def _grid(x: LogAxis, y: LogAxis) -> Iterator[str]:
    frame = {"fill": "none", "stroke": svg.LINE}
    yield svg.rect(x.start, y.end, x.end - x.start, y.start - y.end, **frame)
    for value in x.ticks():
        at = x(value)
        yield svg.line(at, y.end, at, y.start, stroke=svg.LINE)
        yield svg.text(at, y.start + 17, tick_text(value), text_anchor="middle", font_size=11.0, fill=svg.QUIET)
    for value in y.ticks():
        at = y(value)
        yield svg.line(x.start, at, x.end, at, stroke=svg.LINE)
        yield svg.text(x.start - 7, at + 4, tick_text(value), text_anchor="end", font_size=11.0, fill=svg.QUIET)
    middle = (x.start + x.end) / 2, (y.start + y.end) / 2
    below = y.start + 38
    yield svg.text(middle[0], below, "operational intensity, MACs per word", text_anchor="middle", font_size=11.5)
    turned = f"rotate(-90 15 {middle[1]:.1f})"
    yield svg.text(15, middle[1], "MACs per cycle", transform=turned, text_anchor="middle", font_size=11.5)


def _roof(panel: Panel, x: LogAxis, y: LogAxis) -> Iterator[str]:
    low = max(10.0**x.low, 10.0**y.low / panel.words_per_cycle)
    ridge = x(panel.balance), y(panel.peak)
    foot = x(low), y(low * panel.words_per_cycle)
    under = f"{foot[0]:.1f},{foot[1]:.1f} {ridge[0]:.1f},{ridge[1]:.1f} {x.end:.1f},{ridge[1]:.1f} {x.end:.1f},{y.start:.1f} {foot[0]:.1f},{y.start:.1f}"
    yield svg.tag("polygon", points=under, fill=svg.QUIET, fill_opacity=0.05)
    yield svg.line(*foot, *ridge, stroke=bound_colours(panel.mapping)[panel.level], stroke_width=2.2)
    yield svg.line(*ridge, x.end, ridge[1], stroke=svg.MACS_COLOUR, stroke_width=2.2)
    yield svg.text(x.end - 4, ridge[1] - 6, f"peak {panel.peak:,}", text_anchor="end", font_size=11.0)


def _radius(panel: Panel, dot: Dot) -> float:
    return max(SMALLEST, LARGEST * (dot.layer.cycles / panel.mapping.cycles) ** 0.5)


def _dots(panel: Panel, x: LogAxis, y: LogAxis, *, links: bool) -> Iterator[str]:
    """Large dots first, so that small ones lie above them."""
    colours = bound_colours(panel.mapping)
    for dot in sorted(panel.dots, key=lambda dot: -dot.layer.cycles):
        drawn = svg.tag(
            "circle",
            svg.titled(_story(panel, dot)),
            cx=x(dot.roof.macs_per_word),
            cy=y(dot.performance),
            r=_radius(panel, dot),
            fill=colours[dot.layer.evaluation.bound_by],
            fill_opacity=0.7,
            stroke=svg.PAPER,
            stroke_width=1.2,
        )
        yield svg.tag("a", drawn, href=f"#layer-{dot.at}") if links else drawn


def _story(panel: Panel, dot: Dot) -> str:
    """What appears on hovering: who it is, what bounds it, and its mapping in a line per level."""
    layer, cost = dot.layer, dot.layer.evaluation
    count = f" ×{layer.count:,}" if layer.count > 1 else ""
    lines = [
        f"{layer.name}{count}: {units.percent(layer.cycles / panel.mapping.cycles)} of the cycles",
        f"bound by {cost.bound_by}, {units.ratio(dot.performance)} of {panel.peak:,} MACs/cycle, {units.ratio(dot.roof.macs_per_word)} MACs/word",
    ]
    for nest in reversed(layer.mapping.levels):
        across = [f"{axis}({' '.join(map(str, loops))})" for axis, loops in (("x", nest.x), ("y", nest.y)) if loops]
        loops = " ".join([*map(str, nest.temporal), *across])
        if loops:
            lines.append(f"{nest.level}: {loops}")
    return "\n".join(lines)


def _names(panel: Panel, x: LogAxis, y: LogAxis) -> Iterator[str]:
    """The names of the layers that take longest, where there is room for them."""
    taken = [*_obstacles(panel, x, y), *(_box(panel, dot, x, y) for dot in panel.dots)]
    named: list[Box] = []
    for dot in sorted(panel.dots, key=lambda dot: -dot.layer.cycles)[:NAMED]:
        own = _box(panel, dot, x, y)
        if any(abs(own[0] + own[2] - b[0] - b[2]) + abs(own[1] + own[3] - b[1] - b[3]) < SAME_PLACE for b in named):
            continue
        named.append(own)
        name = squeeze(dot.layer.name, LONGEST_NAME)
        length = 6.2 * len(name)
        middle = (own[0] + own[2]) / 2 - length / 2
        beside = (own[1] + own[3]) / 2 + 4
        for left, base in (
            (own[2] + 5, beside),
            (own[0] - 5 - length, beside),
            (middle, own[3] + 14),
            (middle, own[1] - 6),
            (own[2] + 2, own[3] + 12),
            (own[0] - 2 - length, own[1] - 4),
        ):
            box = left, base - 10, left + length, base + 3
            inside = box[0] > x.start and box[2] < x.end and box[1] > y.end - 4 and box[3] < y.start
            if inside and not any(_meet(box, other) for other in taken if other != own):
                taken.append(box)
                yield svg.text(left, base, name, font_size=11.0)
                break


Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def _box(panel: Panel, dot: Dot, x: LogAxis, y: LogAxis) -> Box:
    cx, cy, r = x(dot.roof.macs_per_word), y(dot.performance), _radius(panel, dot)
    return cx - r, cy - r, cx + r, cy + r


def _obstacles(panel: Panel, x: LogAxis, y: LogAxis) -> Iterator[Box]:
    """Where the roof and its name are."""
    ridge, peak = x(panel.balance), y(panel.peak)
    yield ridge, peak - 3, x.end, peak + 3
    yield x.end - 70, peak - 18, x.end, peak
    slope = (x.end - x.start) / (x.high - x.low), (y.start - y.end) / (y.high - y.low)
    steps = int((ridge - x.start) / 8)
    for step in range(steps):
        right = ridge - 8 * step
        top = peak + 8 * step * slope[1] / slope[0]
        yield right - 8, top, right, top + 8 * slope[1] / slope[0]


def _meet(one: Box, two: Box) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]
