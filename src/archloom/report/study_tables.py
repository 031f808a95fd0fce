"""The tables of a study: the best design beside the baseline, its parameters, its networks, the front, the nearest misses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from archloom.report.study_figures import StudyFigures
from archloom.report.study_quantities import MARKS, Quantity, gain_of

__all__ = ["BestTable", "Gain", "Row", "best_table", "miss_rows", "network_table", "parameter_rows"]


@dataclass(frozen=True, slots=True)
class Gain:
    """A gain in words, and its tone: `good`, `bad` or ""."""

    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of the best design and its companions; `aim`: whether it is an objective."""

    name: str
    cells: list[str]
    gains: list[Gain] = field(default_factory=list[Gain])
    aim: bool = False


@dataclass(frozen=True, slots=True)
class BestTable:
    """The best design, last, after the baseline (at its best mappings; before that as given), with a gain per step."""

    heads: list[str]
    gain_heads: list[str]
    rows: list[Row]


def best_table(figures: StudyFigures) -> BestTable:
    """The figures of the best design beside those of the baseline; no rows without one."""
    if figures.best is None:
        return BestTable([], [], [])
    cases = _cases(figures)
    steps = {1: [], 2: [("gain", 0, 1)], 3: [("mapping", 0, 1), ("hardware", 1, 2), ("gain", 0, 2)]}[len(cases)]
    rows: list[Row] = []
    for quantity, is_aim in _quantities(figures):
        values = [_shown(quantity, case) for _, case in cases]
        if values[-1] is None:
            continue
        gains = [Gain(*gain_of(quantity, (values[one], values[two]))) for _, one, two in steps]
        cells = ["–" if value is None else quantity.write(value) for value in values]
        rows.append(Row(quantity.name, cells, gains, is_aim))
    return BestTable([label for label, _ in cases], [name for name, _, _ in steps], rows)


def _quantities(figures: StudyFigures) -> list[tuple[Quantity, bool]]:
    """What is listed, and whether it is an objective: the usual figures, and objectives that are none of them."""
    aims = {_unified(aim.metric) for aim in figures.objectives}
    usual = [(mark, _unified(mark.metric) in aims and bool(mark.metric)) for mark in MARKS]
    known = {_unified(mark.metric or mark.column) for mark in MARKS}
    return [*usual, *((aim, True) for aim in figures.objectives if _unified(aim.metric) not in known)]


def _unified(metric: str) -> str:
    return "energy_pj" if metric == "energy_uj" else metric


def _cases(figures: StudyFigures) -> list[tuple[str, Mapping[str, Any]]]:
    """The columns of the table: the baseline as given, at its best mappings, the best design."""
    assert figures.best is not None
    found: list[tuple[str, Mapping[str, Any]]] = []
    given = (figures.gains or {}).get("figures", {}).get("given")
    if figures.baseline is not None:
        if given:
            found.append(("baseline as given", given))
        found.append(("baseline, best mapping" if given else "baseline", figures.baseline))
    found.append((f"design {figures.number(figures.best)}", figures.frame.row(figures.best, named=True)))
    return found


def _shown(quantity: Quantity, case: Mapping[str, Any]) -> float | None:
    value = case.get(quantity.column)
    return quantity.sign * float(value) if value is not None and math.isfinite(float(value)) else None


def parameter_rows(figures: StudyFigures) -> list[tuple[str, str, str, bool]]:
    """Parameter, the baseline's value ("" if not known), the best design's, and whether it is another one."""
    if figures.best is None:
        return []
    old, new = figures.baseline_values, figures.values(figures.best)
    pairs = [(name, old.get(name, ""), value) for name, value in new.items()]
    return [(name, before, now, before not in ("", now, now.removesuffix(" bit"))) for name, before, now in pairs]


def network_table(figures: StudyFigures) -> list[Row]:
    """Of several networks each one's energy and cycles: of the baseline where it has them, then the best design's, with the gain.

    The cells are energies, then cycles; the gains are one of each.
    """
    names = [name.partition("@")[2] for name in figures.frame.columns if name.startswith("cycles@")]
    if figures.best is None or len(names) < 2:
        return []
    best, base = figures.frame.row(figures.best, named=True), figures.baseline
    rows: list[Row] = []
    for name in names:
        cells: list[str] = []
        gains: list[Gain] = []
        for mark in (MARKS[2], MARKS[0]):
            quantity = replace(mark, column=f"{mark.column}@{name}")
            values = [_shown(quantity, case) for case in (base, best) if case is not None]
            cells += ["–" if value is None else quantity.write(value) for value in values]
            if len(values) == 2:
                gains.append(Gain(*gain_of(quantity, values)))
        rows.append(Row(name, cells, gains))
    return rows


def miss_rows(figures: StudyFigures, many: int) -> list[tuple[str, dict[str, str], str]]:
    """The designs that miss their budgets by least: number, parameters, and by how much; none where some design is within budget."""
    if figures.best is not None:
        return []
    rows: Sequence[int] = figures.nearest(many)
    return [(str(figures.number(row)), figures.values(row), str(figures.frame["reason"][row])) for row in rows]
