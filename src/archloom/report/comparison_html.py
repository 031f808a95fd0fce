"""Several machines (or sets of rules) on the same network as one HTML page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import archloom
from archloom.report import svg, units
from archloom.report.comparison import FIGURES, Case
from archloom.report.comparison_charts import (
    Side,
    case_colours,
    draw_case_energy,
    draw_case_time,
    draw_ratios,
    side_by_side,
)
from archloom.report.figures import Port
from archloom.report.machine_rows import machine_rows
from archloom.report.mapping_figures import ROLES
from archloom.report.mapping_headline import layers_text, objective_name, objective_text
from archloom.report.mapping_html import gap_markup
from archloom.report.mapping_roofline import WORDS, Panel, draw_panel, panels
from archloom.report.names import clip, squeeze
from archloom.report.pages import markup, page_script, swatch, templates
from archloom.report.sources import sources_of
from archloom.report.theme import dark_style
from archloom.search.network_mapping import LayerMapping, NetworkMapping

__all__ = ["comparison_page"]

SAME = 1e-9


def comparison_page(cases: Sequence[Case], *, command: str = "", version: str = "") -> str:
    """The whole comparison as one HTML page, which loads nothing; at least one case has a mapping."""
    first = next(case.mapping for case in cases if case.mapping is not None)
    version = version or archloom.__version__
    page = templates().get_template("comparison.html.j2")
    return page.render(
        _contents(cases, first) | _charts(cases, first),
        made={"command": command, "version": f"archloom {version}"} if command else {"version": f"archloom {version}"},
        version=version,
        dark=markup(dark_style()),
        **page_script(),
    )


# ------------------------------------------------------------------------------------------------------------ totals


TOTALS = (replace(FIGURES[0], name="cycles"), *FIGURES[1:])
"""The totals of the terminal; a card has room for a short name only."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of a table: its text, how many times the best it is (empty for the best), and whether it is the best."""

    value: float | None
    text: str
    times: str = ""
    best: bool = False


def _cells(values: Sequence[float | None], write: Callable[[float], str], least: bool | None) -> list[Cell]:
    known = [value for value in values if value is not None]
    best = 0.0 if not known or least is None else min(known) if least else max(known)
    cells: list[Cell] = []
    for value in values:
        if value is None:
            cells.append(Cell(None, "none"))
        elif not best:
            cells.append(Cell(value, write(value)))
        else:
            wins = abs(value / best - 1) <= SAME
            cells.append(Cell(value, write(value), "" if wins else units.times(value / best), wins and len(known) > 1))
    return cells


def _totals(cases: Sequence[Case]) -> dict[str, list[Cell]]:
    """For each figure a cell per case. Cases that lack layers are in no contest."""
    rows: dict[str, list[Cell]] = {}
    for figure in TOTALS:
        values = [None if case.mapping is None else figure.of(case.mapping) for case in cases]
        whole = all(case.mapping is not None and not case.mapping.unmapped for case in cases)
        rows[figure.name] = _cells(values, figure.write, figure.least if whole else None)
    return rows


# ------------------------------------------------------------------------------------------------------------ contents


def _contents(cases: Sequence[Case], first: NetworkMapping) -> dict[str, Any]:
    objective = first.options.objective
    sides = side_by_side(cases)
    return {
        "cases": cases,
        "first": first,
        "layers": layers_text(first),
        "objective": objective_name(objective),
        "totals": _totals(cases),
        "rows": [_LayerRow.of(side, partial(objective_text, objective)) for side in sides],
        "colours": [swatch(colour) for colour in case_colours(cases)],
        "machines": [(case, machine_rows(case.mapping.architecture)) for case in cases if case.mapping is not None],
        "sources": {case.label: sources_of(case.mapping.architecture) for case in cases if case.mapping is not None},
        "role_swatches": {plural: swatch(svg.ROLE_COLOURS[role]) for role, plural in ROLES.items()},
        "gap_of": gap_markup,
    }


@dataclass(frozen=True, slots=True)
class _LayerRow:
    """A layer in every case: its objective, and where it is mapped its cost."""

    side: Side
    cells: list[Cell]

    @classmethod
    def of(cls, side: Side, write: Callable[[float], str]) -> _LayerRow:
        values = [None if layer is None else layer.objective for layer in side.layers]
        return cls(side, _cells(values, write, least=True))


def _charts(cases: Sequence[Case], first: NetworkMapping) -> dict[str, Any]:
    costs: list[tuple[str, Callable[[LayerMapping], float]]] = [
        ("energy", lambda layer: layer.evaluation.energy_pj),
        ("cycles", lambda layer: layer.evaluation.cycles),
    ]
    objective = first.options.objective
    if objective.name not in ("energy", "latency"):
        costs.insert(0, (objective_name(objective), lambda layer: layer.objective))
    views = {name: draw_ratios(cases, cost, name) for name, cost in costs}
    drawn = [(case, panel) for case in cases if case.mapping is not None for panel in _shown_panels(case.mapping)]
    every = [panel for _, panel in drawn]
    return {
        "energy": markup(draw_case_energy(cases)),
        "time": markup(draw_case_time(cases)),
        "views": {name: markup(drawing) for name, drawing in views.items() if drawing},
        "panels": [
            markup(draw_panel(panel, beside=every, title=_panel_title(case, panel), links=False))
            for case, panel in drawn
        ],
    }


def _panel_title(case: Case, panel: Panel) -> str:
    port = "" if panel.port is Port.SHARED else f" {WORDS[panel.port]}"
    return f"{squeeze(case.label, 24)}: {clip(panel.level, 16)}{port}"


def _shown_panels(mapping: NetworkMapping) -> list[Panel]:
    """The ports of the outermost memory, and those that some layer waits for."""
    bounds = {layer.evaluation.bound_by for layer in mapping.layers}
    return [
        panel for panel in panels(mapping) if panel.level == mapping.architecture.names[-1] or panel.level in bounds
    ]
