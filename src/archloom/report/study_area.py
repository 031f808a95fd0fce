"""A chart of areas as SVG: a stacked bar per design, in pieces per component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archloom.report import svg, units
from archloom.report.names import clip

__all__ = ["draw_areas"]

WIDTH, MARGIN, NAMES, NUMBERS = 1120.0, 16.0, 150.0, 110.0
BAR, GAP = 24.0, 12.0
COLOURS = (*svg.TENSOR_COLOURS, svg.MACS_COLOUR, svg.LEAKAGE_COLOUR)


def draw_areas(designs: Sequence[tuple[str, Mapping[str, float]]]) -> str | None:
    """Designs with the area (um2) of each component, outermost first; None where no component has one."""
    most = max((sum(areas.values()) for _, areas in designs), default=0.0)
    if not most:
        return None
    parts_names = list(dict.fromkeys(name for _, areas in designs for name in areas))
    colours = {name: COLOURS[at % len(COLOURS)] for at, name in enumerate(parts_names)}
    shapes: list[str] = []
    x = MARGIN
    for name in parts_names:
        shown = clip(name, 18)
        shapes += [svg.rect(x, 18, 11, 11, rx=2, fill=colours[name])]
        shapes += [svg.text(x + 17, 28, shown, title=name, font_size=12.0, fill=svg.QUIET)]
        x += 17 + 7.2 * len(shown) + 16
    scale = (WIDTH - NAMES - NUMBERS - 2 * MARGIN) / most
    for at, (label, areas) in enumerate(designs):
        y, x = 48 + at * (BAR + GAP), MARGIN + NAMES
        shapes.append(svg.text(MARGIN, y + 16.5, clip(label, 18), title=label, font_weight="600"))
        for name, area in areas.items():
            title = f"{label}, {name}: {units.area(area)}"
            shapes.append(svg.rect(x, y, max(0.5, area * scale), BAR, title=title, fill=colours[name]))
            x += area * scale
        shapes.append(svg.text(x + 8, y + 16.5, units.area(sum(areas.values()))))
    height = 48 + len(designs) * (BAR + GAP) + MARGIN / 2
    return svg.drawing(WIDTH, height, "Area of the designs by component", *shapes)
