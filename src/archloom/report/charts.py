"""Charts of one evaluation as SVG: energy by level and tensor, and the rooflines of its memories."""

from __future__ import annotations

from collections.abc import Iterator

from archloom.model.result import Evaluation
from archloom.report import svg, units
from archloom.report.axes import log_axis, tick
from archloom.report.figures import Roof, Roofline, energy_table, roofline
from archloom.report.names import clip

__all__ = ["draw_energy", "draw_roofline"]

MARGIN = 18.0
WIDTH = 640.0
BAR, GAP = 22.0, 12.0
NAMES, NUMBERS = 120.0, 130.0
LONGEST_NAME = 15


def draw_energy(evaluation: Evaluation) -> str | None:
    """Stacked bars: a bar per level and for the compute units, in pieces per tensor; None where no energies are given."""
    table = energy_table(evaluation)
    if not table.total_pj:
        return None
    colours = [*svg.tensor_colours(evaluation.workload).values(), svg.MACS_COLOUR, svg.LEAKAGE_COLOUR]
    scale = (WIDTH - NAMES - NUMBERS - 2 * MARGIN) / max(sum(row) for row in table.rows.values())
    parts = list(_key(table.columns, colours))
    top = 52.0
    for at, (name, row) in enumerate(table.rows.items()):
        y = top + at * (BAR + GAP)
        parts.append(svg.text(MARGIN, y + 15.5, clip(name, LONGEST_NAME), title=name, font_weight="600"))
        x = MARGIN + NAMES
        for what, energy, colour in zip(table.columns, row, colours, strict=False):
            if energy:
                title = f"{name}, {what}: {units.energy(energy)}"
                parts.append(svg.rect(x, y, max(0.5, energy * scale), BAR, title=title, fill=colour))
                x += energy * scale
        share = units.percent(sum(row) / table.total_pj)
        parts.append(svg.text(x + 8, y + 15.5, units.energy(sum(row)), note=share))
    height = top + len(table.rows) * (BAR + GAP) + MARGIN / 2
    label = f"Energy of {evaluation.workload.name} by level and tensor, {units.energy(table.total_pj)} in all"
    return svg.drawing(WIDTH, height, label, *parts)


def _key(names: tuple[str, ...], colours: list[str]) -> Iterator[str]:
    x = MARGIN + NAMES
    for name, colour in zip(names, colours, strict=False):
        shown = clip(name, LONGEST_NAME)
        yield svg.rect(x, 18, 11, 11, rx=2, fill=colour)
        yield svg.text(x + 17, 28, shown, title=name, font_size=12.0, fill=svg.QUIET)
        x += 17 + 7.2 * len(shown) + 16


# ---------------------------------------------------------------------------------------------------------- roofline

LEFT, RIGHT, TOP, BOTTOM, HEIGHT = 66.0, 196.0, 26.0, 54.0, 340.0


class _Axes:
    """Two logarithmic axes: operational intensity in MACs per word, and performance in MACs per cycle."""

    def __init__(self, roof: Roofline) -> None:
        intensities = [value for line in roof.roofs for value in (line.macs_per_word, line.balance)]
        self.x = log_axis(intensities, LEFT, WIDTH - RIGHT)
        performances = [roof.achieved, roof.peak, *(line.ceiling for line in roof.roofs)]
        self.y = log_axis(performances, HEIGHT - BOTTOM, TOP)


def draw_roofline(evaluation: Evaluation) -> str | None:
    """One roof per port that has a bandwidth, and where this mapping stands under it; None where no port has one."""
    roof = roofline(evaluation)
    if not roof.roofs:
        return None
    axes = _Axes(roof)
    colours = [svg.TENSOR_COLOURS[(at + 3) % len(svg.TENSOR_COLOURS)] for at in range(len(roof.roofs))]
    parts = [*_ticks(axes), *_peak(axes, roof)]
    for line, colour in zip(roof.roofs, colours, strict=True):
        parts.append(_slope(axes, line, roof.peak, colour))
    for line, colour in zip(roof.roofs, colours, strict=True):
        parts += _point(axes, line, roof.achieved, colour)
    parts += _names(roof, colours)
    height = max(HEIGHT, TOP + 20 + 38 * len(roof.roofs))
    label = f"Roofline of {evaluation.workload.name} on {evaluation.architecture.name}"
    return svg.drawing(WIDTH, height, label, *parts)


def _ticks(axes: _Axes) -> Iterator[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for exponent in axes.x.decades():
        x = axes.x(10.0**exponent)
        yield svg.line(x, TOP, x, bottom, stroke=svg.LINE)
        yield svg.text(x, bottom + 18, tick(exponent), text_anchor="middle", font_size=11.0, fill=svg.QUIET)
    for exponent in axes.y.decades():
        y = axes.y(10.0**exponent)
        yield svg.line(LEFT, y, right, y, stroke=svg.LINE)
        yield svg.text(LEFT - 8, y + 4, tick(exponent), text_anchor="end", font_size=11.0, fill=svg.QUIET)
    yield svg.text(
        (LEFT + right) / 2, bottom + 40, "operational intensity, MACs per word", text_anchor="middle", font_size=12.0
    )
    turned = f"rotate(-90 20 {(TOP + bottom) / 2:.1f})"
    yield svg.text(20, (TOP + bottom) / 2, "MACs per cycle", transform=turned, text_anchor="middle", font_size=12.0)


def _peak(axes: _Axes, roof: Roofline) -> Iterator[str]:
    y = axes.y(roof.peak)
    start = axes.x(min(line.balance for line in roof.roofs))
    yield svg.line(start, y, WIDTH - RIGHT, y, stroke=svg.INK, stroke_width=2)
    yield svg.text(WIDTH - RIGHT - 6, y - 7, f"peak {roof.peak:,}", text_anchor="end", font_size=11.0)


def _slope(axes: _Axes, line: Roof, peak: int, colour: str) -> str:
    """The roof of one bandwidth: from where it enters the picture up to the peak."""
    low = max(10.0**axes.x.low, 10.0**axes.y.low / line.words_per_cycle)
    start, end = (axes.x(low), axes.y(low * line.words_per_cycle)), (axes.x(line.balance), axes.y(peak))
    return svg.line(*start, *end, stroke=colour, stroke_width=2)


def _point(axes: _Axes, line: Roof, achieved: float, colour: str) -> Iterator[str]:
    x, y, ceiling = axes.x(line.macs_per_word), axes.y(achieved), axes.y(line.ceiling)
    yield svg.line(x, y, x, ceiling, stroke=colour, stroke_dasharray="3 3")
    yield svg.circle(x, y, 5, fill=colour, stroke="#ffffff", stroke_width=1.5)


def _names(roof: Roofline, colours: list[str]) -> Iterator[str]:
    x = WIDTH - RIGHT + 20
    for at, (line, colour) in enumerate(zip(roof.roofs, colours, strict=True)):
        y = TOP + 10 + 38 * at
        name = f"{line.level} {line.port.value}"
        yield svg.line(x, y - 4, x + 16, y - 4, stroke=colour, stroke_width=2)
        yield svg.circle(x + 8, y - 4, 4, fill=colour)
        yield svg.text(x + 24, y, clip(name, 22), title=name, font_size=12.0, font_weight="600")
        note = f"has {units.ratio(line.macs_per_word)}, needs {units.ratio(line.balance)}"
        yield svg.text(x + 24, y + 15, note, font_size=11.0, fill=svg.QUIET)
