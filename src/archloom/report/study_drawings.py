"""The drawings of a study's page, made of its rows; of many designs so many are drawn that the page stays light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.exploration.portrait import Portrait
from archloom.report.comparison import Case
from archloom.report.comparison_charts import draw_case_energy, draw_case_time
from archloom.report.study_axes import axis_of
from archloom.report.study_charts import Curve, Dot, Side, draw_convergence, draw_front
from archloom.report.study_figures import StudyFigures
from archloom.report.study_parallel import Column, Line, draw_parallel
from archloom.report.study_quantities import Quantity
from archloom.report.study_sensitivity import Profile

__all__ = ["breakdown", "convergence", "curve_of", "fronts", "parallel"]

DOTS, LINES, AXES, MAPPINGS, MARKS = 2000, 300, 11, 60, 12
"""So many designs are drawn in a plane and as lines, parameters as axes; so many of the front have their mapping on hovering."""
WORDS = 20_000
"""So many lines of text appear on hovering over the designs of a plane, all together: of many parameters, fewer designs are drawn."""


def breakdown(portraits: Sequence[Portrait]) -> list[tuple[str, list[str]]]:
    """Per network its name, and drawings of energy and of cycles, of the baseline and the best design."""
    found: list[tuple[str, list[str]]] = []
    for at in range(len(portraits[0].networks)) if portraits else ():
        cases = [Case(portrait.label, portrait.networks[at]) for portrait in portraits]
        drawings = [drawing for drawing in (draw_case_energy(cases), draw_case_time(cases)) if drawing]
        found.append((portraits[0].networks[at].name, drawings))
    return found


def _side(quantity: Quantity, values: NDArray[np.float64]) -> tuple[float, Side]:
    factor, unit = quantity.scale(values)
    return factor, Side(f"{quantity.titled(unit)} ({quantity.better})", quantity.least is not False)


def _chosen(rows: NDArray[np.intp], many: int, always: Sequence[int]) -> NDArray[np.intp]:
    """At most so many of the rows, the same ones each time, and these always."""
    if len(rows) > many:
        rows = np.random.default_rng(0).choice(rows, many, replace=False)
    return np.union1d(rows, np.array(always, dtype=np.intp))


def fronts(figures: StudyFigures) -> tuple[list[str], str]:
    """The designs in planes, that of the first objective with each other (at most three), and a remark; no plane without designs."""
    if not figures.objectives or len(figures.plane) < 2:
        return [], ""
    front = figures.front
    listed = front if len(front) <= DOTS else [front[k] for k in np.linspace(0, len(front) - 1, DOTS).astype(int)]
    best = [] if figures.best is None else [figures.best]
    records = figures.records([*listed[:MAPPINGS], *best])
    found: list[str] = []
    note = ""
    for other in figures.plane[1:4]:
        first = figures.plane[0]
        known = np.isfinite(figures.shown(first)) & np.isfinite(figures.shown(other))
        if not known.any():
            continue
        most = min(DOTS, WORDS // (len(figures.parameters) + 5) // (len(figures.plane) - 1))
        rows = _chosen(np.flatnonzero(known), most, [row for row in (*listed, *best) if known[row]])
        kinds = dict.fromkeys(listed, "front") | ({best[0]: "best"} if best else {})
        pairs = [(row, kinds.get(row, "judged" if figures.feasible[row] else "over")) for row in rows.tolist()]
        sides, dots = _plane(figures, first, other, pairs, records)
        found.append(draw_front(dots, *sides, stairs=len(figures.plane) == 2))
        if len(rows) < known.sum():
            note = f"{len(rows):,} of {int(known.sum()):,} designs are drawn, the front among them."
    words = "One design is on the front." if len(front) == 1 else f"{len(front):,} designs are on the front."
    return found, f"{words if front else ''} {note}".strip()


def _plane(
    figures: StudyFigures, across: Quantity, up: Quantity, pairs: Sequence[tuple[int, str]], records: dict[int, Any]
) -> tuple[list[Side], list[Dot]]:
    rows = [row for row, _ in pairs]
    values = [figures.shown(quantity)[rows] for quantity in (across, up)]
    scales = [_side(quantity, column) for quantity, column in zip((across, up), values, strict=True)]
    x, y = (column * factor for column, (factor, _) in zip(values, scales, strict=True))
    dots = [
        Dot(float(x[at]), float(y[at]), kind, figures.title(row, records.get(row)))
        for at, (row, kind) in enumerate(pairs)
    ]
    base = figures.baseline or {}
    place = [base.get(quantity.column) for quantity in (across, up)]
    if None not in place:
        a, b = (
            float(value or 0) * quantity.sign * factor
            for value, quantity, (factor, _) in zip(place, (across, up), scales, strict=True)
        )
        dots.append(Dot(a, b, "baseline", "the baseline at its best mappings"))
    return [side for _, side in scales], dots


def parallel(figures: StudyFigures, profiles: Sequence[Profile]) -> tuple[str, str]:
    """All designs across the parameters (those that matter most, where there are many) and objectives, and a remark."""
    request, designs, best = figures.request, figures.designs, figures.best
    if request is None or designs is None or best is None:
        return "", ""
    goal = figures.goal(figures.objectives[0])
    rows = np.flatnonzero(np.isfinite(goal))
    order = rows[np.argsort(goal[rows], kind="stable")]
    ranks = {int(row): at / max(1, len(order) - 1) for at, row in enumerate(order)}
    shown = order
    if len(order) > LINES:  # the best of them, and some of the others
        many = LINES // 3
        shown = np.concatenate((order[:many], _chosen(order[many:], LINES - many, [])))
    kept = {profile.name for profile in profiles[:AXES]}
    columns: list[Column] = []
    places: list[NDArray[np.float64]] = []
    for at, parameter in enumerate(request.space.parameters):
        if parameter.name in kept:
            last = len(parameter) - 1
            every = max(1, math.ceil((last + 1) / MARKS))
            marks = tuple((k / last, parameter.texts[k]) for k in range(0, last + 1, every))
            columns.append(Column(parameter.name, marks))
            places.append(designs[shown, at] / last)
    for quantity in figures.objectives:
        column, at = _objective(figures, quantity, shown)
        columns.append(column)
        places.append(at)
    lines = [
        Line(tuple(float(column[k]) for column in places), ranks[row], figures.short_title(row), row == best)
        for k, row in enumerate(shown.tolist())
    ]
    notes = [
        f"{len(lines):,} of {len(ranks):,} designs are drawn, the best ones among them."
        if len(lines) < len(ranks)
        else "",
        f"Of {len(profiles)} parameters, the {AXES} that matter most are shown." if len(profiles) > AXES else "",
    ]
    return draw_parallel(columns, lines), " ".join(filter(None, notes))


def _objective(figures: StudyFigures, quantity: Quantity, rows: NDArray[np.intp]) -> tuple[Column, NDArray[np.float64]]:
    values = figures.shown(quantity)[rows]
    factor, unit = quantity.scale(values)
    axis = axis_of(values * factor, 0.0, 1.0)
    name = quantity.titled(unit) + (" ↓" if quantity.least else " ↑")
    marks = tuple((axis(value), words) for value, words in axis.marks())
    return Column(name, marks), np.array([axis(float(value) * factor) for value in values])


def curve_of(figures: StudyFigures, quantity: Quantity, name: str, factor: float) -> Curve:
    """The best of an objective after so many designs, as shown times a factor."""
    goal = figures.goal(quantity)
    so_far = np.minimum.accumulate(goal) if len(goal) else goal
    changes = np.flatnonzero(np.diff(so_far, prepend=np.inf) < 0)
    value = quantity.sign * factor
    steps = [(int(at) + 1, float(so_far[at]) * value) for at in changes]
    if steps and steps[-1][0] != len(goal):
        steps.append((len(goal), float(so_far[-1]) * value))
    return Curve(name, tuple(steps))


def convergence(named: Sequence[tuple[str, StudyFigures]]) -> str:
    """How the first objective of searches of the same space came down (or up), each with a name; "" where none found a design."""
    found = [(name, figures) for name, figures in named if figures.best is not None]
    if not found:
        return ""
    first = found[0][1]
    quantity = first.objectives[0]
    bests = [figures.shown(figures.objectives[0])[figures.feasible] for _, figures in found]
    factor, unit = quantity.scale(np.concatenate(bests))
    curves = [curve_of(figures, figures.objectives[0], name, factor) for name, figures in found]
    base = (first.baseline or {}).get(quantity.column)
    what = f"{'least' if quantity.least else 'most'} {quantity.titled(unit)} so far"
    return draw_convergence(
        curves,
        what,
        None if base is None else float(base) * quantity.sign * factor,
    )
