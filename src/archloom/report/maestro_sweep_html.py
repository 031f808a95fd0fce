"""A sweep of hardware as one HTML page that loads nothing: its best designs, its fronts plotted and listed."""

from __future__ import annotations

from dataclasses import dataclass

from archloom.report import svg
from archloom.report.maestro_html import page_basics
from archloom.report.maestro_sweep import (
    COLUMNS,
    OBJECTIVES,
    Design,
    Shown,
    Swept,
    budget_text,
    count_text,
    failure_texts,
    heads,
    miss_text,
    note,
    shown_of,
    space_text,
)
from archloom.report.maestro_sweep_charts import MARKS, VIEWS, draw_designs
from archloom.report.pages import markup, swatch, templates

__all__ = ["sweep_page"]

LONGEST_FRONT = 200


@dataclass(frozen=True, slots=True)
class Line:
    """A design as a line of a table: a name, cells, and what each is sorted by."""

    name: str
    cells: list[tuple[str, float]]


def sweep_page(shown: Shown, *, command: str = "", version: str = "") -> str:
    """All of a sweep as one page."""
    page = templates().get_template("maestro_sweep.html.j2")
    return page.render(
        shown=shown,
        space=space_text(shown) + budget_text(shown),
        heads=heads(shown),
        counts={swept.engine: [count_text(swept), *failure_texts(swept)] for swept in shown.engines},
        misses={swept.engine: miss_text(shown, swept) for swept in shown.engines if not swept.best},
        note=note(shown),
        best={
            swept.engine: [line(shown, design, OBJECTIVES[name]) for name, design in swept.best.items()]
            for swept in shown.engines
        },
        swatches={OBJECTIVES[name]: swatch(colour) for name, colour in MARKS.items()},
        views=[
            (f"{x.name.split(',')[0]}", [markup(draw_designs(shown, swept, x, y)) for swept in shown.engines])
            for x, y in VIEWS
        ],
        fronts=[(swept, [line(shown, design) for design in listed(swept)]) for swept in shown.engines],
        paper=svg.PAPER,
        **page_basics(command, version),
    )


def listed(swept: Swept) -> list[Design]:
    """The front from the fastest design on, as far as a page has room for it."""
    return sorted(swept.front, key=lambda design: (-design.throughput, design.energy_pj))[:LONGEST_FRONT]


def line(shown: Shown, design: Design, name: str = "") -> Line:
    values = [float(design.axes[axis]) for axis in shown.axes] + [float(column.of(design)) for column in COLUMNS]
    return Line(name, list(zip(shown_of(shown, design), values, strict=True)))
