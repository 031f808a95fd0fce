"""Layers priced as MAESTRO prices them, as one HTML page that loads nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import archloom
from archloom.interop.maestro.mends import Mend
from archloom.interop.maestro.write import layer_lines
from archloom.report import units
from archloom.report.maestro import MAC_PJ, Block, Priced, limits, machine_text, miscounts, totals
from archloom.report.maestro_charts import draw_energy_of_engines
from archloom.report.maestro_terminal import TOTALS, Figure
from archloom.report.names import squeeze
from archloom.report.pages import markup, page_script, templates
from archloom.report.theme import dark_style

__all__ = ["page_basics", "priced_page"]

LAYER_FIGURES = (
    ("MACs", lambda block: block["num_macs"], units.short_count),
    ("cycles", lambda block: block["summary"]["runtime"], units.short_count),
    ("MACs/cycle", lambda block: block["summary"]["throughput"], units.ratio),
    ("energy", lambda block: MAC_PJ * block["summary"]["total_energy_consumption"], units.energy),
    ("L1", lambda block: block["summary"]["total_l1_buffer_requirement"], units.short_count),
    ("L2", lambda block: block["summary"]["total_l2_buffer_requirement"], units.short_count),
)
"""Columns of the table of layers, for each engine."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A number as text, what it is sorted by, and whether it differs from the number of the first engine."""

    text: str
    value: float | str
    differs: bool = False


def page_basics(command: str, version: str = "") -> dict[str, Any]:
    """What every page needs: how it was made, its script, and its dark colours."""
    version = version or archloom.__version__
    made = {"command": command} if command else {}
    return {
        "version": version,
        "made": {**made, "version": f"archloom {version}"},
        "dark": markup(dark_style()),
        **page_script(),
    }


def priced_page(priced: Priced, *, command: str = "", version: str = "") -> str:
    """All of it as one page: totals, energy, layers, differences with their reasons, limits, and the directives."""
    page = templates().get_template("maestro.html.j2")
    return page.render(
        priced=priced,
        machine=machine_text(priced.machine),
        totals=_totals(priced),
        energy=markup(draw_energy_of_engines(priced)),
        figures=[name for name, _, _ in LAYER_FIGURES],
        rows=[_row(priced, at) for at in range(len(priced.names))],
        mends=_mends(priced),
        limits=list(zip(*(limits(priced, engine) for engine in priced.engines), strict=True)),
        wrong=miscounts(priced),
        directives=["\n".join(layer_lines(layer)) for layer in priced.layers.network.layers],
        **page_basics(command, version),
    )


def _totals(priced: Priced) -> list[tuple[str, list[Cell], str]]:
    """A row per figure: its name, a cell per engine, and how many times the first the second is."""
    sums = [totals(priced, engine) for engine in priced.engines]
    rows: list[tuple[str, list[Cell], str]] = []
    utilisation = Figure("utilisation", lambda total: total.throughput / priced.peak, _percent)
    for figure in (*TOTALS[:3], utilisation, *TOTALS[3:]):
        cells = _cells([figure.of(total) for total in sums], figure.write)
        first = figure.of(sums[0])
        times = units.times(figure.of(sums[-1]) / first) if cells[-1].differs and first else ""
        rows.append((figure.name, cells, times))
    return rows


def _percent(share: float) -> str:
    return units.percent(share) if math.isfinite(share) else "-"


def _cells(values: list[float], write: Any) -> list[Cell]:
    first = write(values[0])
    return [
        Cell(text, value if math.isfinite(value) else "", text != first)
        for value in values
        for text in [write(value) if math.isfinite(value) else "-"]
    ]


@dataclass(frozen=True, slots=True)
class Row:
    """A layer: for each engine its figures and utilisation, and the mends that change any of its numbers."""

    name: str
    kind: str
    count: int
    engines: list[list[Cell]]
    utilisation: list[float | None]
    mends: str


def _row(priced: Priced, at: int) -> Row:
    layer = priced.layers.network.layers[at]
    blocks: list[Block] = [blocks[at] for blocks in priced.engines.values()]
    columns = [_cells([of(block) for block in blocks], write) for _, of, write in LAYER_FIGURES]
    shares = [block["summary"]["throughput"] / priced.peak for block in blocks]
    return Row(
        layer.name,
        layer.type.name,
        priced.layers.counts[at],
        [list(cells) for cells in zip(*columns, strict=True)],
        [share if math.isfinite(share) else None for share in shares],
        " ".join(mend.name for mend in priced.mends_at(at)),
    )


def _mends(priced: Priced) -> list[dict[str, Any]]:
    """Every mend that changes something, with the numbers that it changes, layer by layer."""
    found: list[dict[str, Any]] = []
    for mend in Mend:
        changes = [change for change in priced.differences if mend in change.reasons]
        if changes:
            layers: dict[int, list[str]] = {}
            for change in changes:
                layers.setdefault(change.layer, []).append(change.key)
            shown = [
                f"{squeeze(priced.names[index], 28)}: {len(keys)} numbers" for index, keys in list(layers.items())[:40]
            ]
            found.append({"name": mend.name, "reason": mend.reason, "numbers": len(changes), "layers": shown})
    return found
