"""What a study's page and terminal say: the rows and which of them are the best, the baseline beside them, and their machines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.errors import ArchloomError
from archloom.exploration.metrics import ALIASES, METRICS
from archloom.exploration.portrait import Portrait, baseline_values, portrait_of
from archloom.exploration.rebuild import request_of
from archloom.exploration.request import Request
from archloom.exploration.study import GOAL, MAPPING, PARAMETER, Study
from archloom.exploration.verdicts import LayerRecord, records_of
from archloom.report.study_quantities import MARKS, Quantity

__all__ = ["BASELINE", "StudyFigures", "value_text"]

BASELINE = "baseline"
PLANE = {"cycles": "latency", "latency_s": "latency", "energy_pj": "energy"}


class StudyFigures:
    """The figures of one study, read once; `request` gives the machines back (None: only what the rows say is shown)."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.progress = study.progress
        self.frame = study.frame()
        self._columns: dict[str, NDArray[np.float64]] = {}

    @cached_property
    def request(self) -> Request | None:
        """The inputs of the study, worked out again; None where this version cannot."""
        return request_of(self.study.manifest["inputs"])

    @property
    def inputs(self) -> Mapping[str, Any]:
        return self.study.manifest["inputs"]

    # -- columns ----------------------------------------------------------------------------------------------------------

    @cached_property
    def objectives(self) -> list[Quantity]:
        """The objectives, the first one first, with the figure that each is, if it is one; none before the first design."""
        found: list[Quantity] = []
        for aim in self.inputs["objectives"]:
            column = GOAL + str(aim["name"])
            if column in self.frame.columns:
                sign = -1.0 if aim["maximise"] else 1.0
                metric = self._metric(str(aim["expression"]), sign * self.column(column))
                found.append(Quantity(column, str(aim["name"]), metric, sign, least=not aim["maximise"]))
        return found

    def _metric(self, expression: str, values: NDArray[np.float64]) -> str:
        """The figure that an expression is the name of; of two that a name may stand for, the one whose values these are."""
        for name in (expression, *ALIASES.get(expression, ())):
            known = np.isfinite(values)
            if name in METRICS and (not known.any() or np.allclose(self.column(name)[known], values[known], rtol=1e-9)):
                return name
        return ""

    def column(self, name: str) -> NDArray[np.float64]:
        """[rows]: a column of numbers; nan where the study has none."""
        if name not in self._columns:
            has = name in self.frame.columns
            found = self.frame[name].to_numpy().astype(np.float64) if has else np.full(self.frame.height, np.nan)
            self._columns[name] = found
        return self._columns[name]

    def shown(self, quantity: Quantity) -> NDArray[np.float64]:
        """[rows]: a quantity as it is shown; nan where it is not known."""
        values = quantity.sign * self.column(quantity.column)
        return np.where(np.isfinite(values), values, np.nan)

    def goal(self, quantity: Quantity) -> NDArray[np.float64]:
        """[rows]: an objective to be minimised, +inf for designs that are not within budget."""
        return np.where(self.feasible, self.column(quantity.column), np.inf)

    @cached_property
    def feasible(self) -> NDArray[np.bool_]:
        if "feasible" not in self.frame.columns:
            return np.zeros(self.frame.height, dtype=bool)
        return self.frame["feasible"].to_numpy().astype(bool)

    @cached_property
    def designs(self) -> NDArray[np.int64] | None:
        """[rows, parameters]: the number of each parameter's value; None without the request."""
        if self.request is None or "position" not in self.frame.columns:
            return None
        places = self.frame["position"]
        return self.request.space.unflat(places.to_numpy() if places.dtype.is_integer() else [int(at) for at in places])

    # -- designs ----------------------------------------------------------------------------------------------------------

    @cached_property
    def best(self) -> int | None:
        """The row of the least first objective within budget."""
        return self.best_of(self.objectives[0]) if self.objectives else None

    def best_of(self, quantity: Quantity) -> int | None:
        """The row that is the best in an objective, within budget."""
        goal = self.goal(quantity)
        return int(np.argmin(goal)) if np.isfinite(goal).any() else None

    def number(self, row: int) -> int:
        """The number of the design of a row."""
        return int(self.frame["design"][row])

    @cached_property
    def plane(self) -> list[Quantity]:
        """The quantities that span the front: the objectives or, where there is one, latency and energy."""
        if len(self.objectives) > 1:
            return self.objectives
        latency = "latency_s" if self.varies_clock else "cycles"
        return [Quantity(name, PLANE[name], name) for name in (latency, "energy_pj")]

    @cached_property
    def varies_clock(self) -> bool:
        """Whether designs differ in their clock, so that cycles say little."""
        with np.errstate(divide="ignore", invalid="ignore"):
            clocks = self.column("cycles") / self.column("latency_s")
        clocks = clocks[np.isfinite(clocks)]
        return bool(len(clocks)) and float(np.ptp(clocks)) > 1e-6 * float(clocks.max())

    @cached_property
    def front(self) -> list[int]:
        """The rows of the Pareto front, by the first objective; with one objective, that of energy and latency."""
        if self.best is None:
            return []
        values = np.stack([self.column(quantity.column) for quantity in self.plane], axis=1)
        rows = np.flatnonzero(self.feasible & np.isfinite(values).all(axis=1))
        if not len(rows):
            return []
        import moocore

        kept = rows[np.asarray(moocore.is_nondominated(np.ascontiguousarray(values[rows])), dtype=bool)]
        return kept[np.lexsort(values[kept].T[::-1])].tolist()

    def records(self, rows: Sequence[int]) -> dict[int, list[LayerRecord]]:
        """The mappings of some rows."""
        numbers = {self.number(row): row for row in rows}
        return {
            numbers[design]: records_of(text) for design, text in self.study.mappings(list(numbers)).items() if text
        }

    def values(self, row: int) -> dict[str, str]:
        """Parameter -> value as written, free ones first."""
        return {name: value_text(self.frame[PARAMETER + name][row], self.texts.get(name)) for name in self.parameters}

    @cached_property
    def parameters(self) -> list[str]:
        return [name.removeprefix(PARAMETER) for name in self.frame.columns if name.startswith(PARAMETER)]

    @cached_property
    def texts(self) -> dict[str, dict[float, str]]:
        """Per free parameter with numbers: number -> as written."""
        if self.request is None:
            return {}
        return {
            p.name: dict(zip(p.numbers.tolist(), p.texts, strict=True))
            for p in self.request.space.parameters
            if p.numbers is not None
        }

    def title(self, row: int, records: Sequence[LayerRecord] | None = None) -> str:
        """What appears on hovering over a design; all figures, what bounds it and a mapping for one whose records are given."""
        lines = [f"design {self.number(row)}"]
        lines += [f"{name} = {value}" for name, value in self.values(row).items()]
        for quantity in self._titled(in_full=records is not None):
            value = float(self.shown(quantity)[row])
            if math.isfinite(value):
                lines.append(f"{quantity.name}: {quantity.write(value)}")
        if not self.feasible[row]:
            lines.append(str(self.frame["reason"][row]))
        return "\n".join([*lines, *_mapping_lines(records or ())])

    def short_title(self, row: int) -> str:
        """What appears on hovering over a design whose parameters are seen."""
        aims = [f"{aim.name}: {aim.write(float(self.shown(aim)[row]))}" for aim in self.objectives]
        return "\n".join([f"design {self.number(row)}", *aims])

    def _titled(self, *, in_full: bool) -> list[Quantity]:
        """The quantities of a hover text, none twice."""
        found: dict[str, Quantity] = {}
        for quantity in (*self.objectives, *(MARKS if in_full else self.plane)):
            same = {"energy_uj": "energy_pj"}.get(quantity.metric, quantity.metric)
            found.setdefault(same or quantity.column, quantity)
        return list(found.values())

    # -- the baseline -----------------------------------------------------------------------------------------------------

    @cached_property
    def baseline(self) -> Mapping[str, Any] | None:
        """The row of the baseline at its best mappings, as the study keeps it; None where it has none."""
        row = self.study.get(BASELINE)
        return row if row and row.get(MAPPING) else None

    @cached_property
    def gains(self) -> Mapping[str, Any] | None:
        """The gains of the best design, as the study keeps them; None before its end, and where they are those of another design."""
        found = self.study.get("gains")
        return found if found and self.best is not None and found["design"] == self.number(self.best) else None

    @cached_property
    def baseline_values(self) -> dict[str, str]:
        """Parameter -> the baseline's own value as its file has it, "–" where the file does not say."""
        row = self.study.get(BASELINE) or {}
        found = {} if self.request is None else baseline_values(self.request)
        for name in self.parameters:
            value = row.get(PARAMETER + name)
            if value not in (None, ""):
                found[name] = value_text(value, self.texts.get(name))
        return found

    @cached_property
    def portraits(self) -> list[Portrait]:
        """The baseline and the best design, as far as they can be drawn."""
        found: list[Portrait] = []
        request = self.request
        if request is None:
            return found
        try:
            if self.baseline is not None:
                found.append(portrait_of(request, BASELINE, records_of(self.baseline[MAPPING])))
            if self.best is not None and self.designs is not None:
                label = f"design {self.number(self.best)}"
                found.append(portrait_of(request, label, self.records([self.best])[self.best], self.designs[self.best]))
        except (ArchloomError, LookupError, ValueError):
            return found
        return found

    # -- failures ---------------------------------------------------------------------------------------------------------

    def failures(self) -> dict[str, int]:
        """Reason -> how many designs have it, the most frequent first; a budget is one reason, by however much it is missed."""
        if "reason" not in self.frame.columns:
            return {}
        counted = self.frame["reason"].value_counts()
        found: dict[str, int] = {}
        for reason, many in zip(counted["reason"], counted["count"], strict=True):
            for short in _reasons(str(reason)):
                found[short] = found.get(short, 0) + int(many)
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def nearest(self, many: int) -> list[int]:
        """The rows that miss their budgets by least, the nearest first."""
        if "excess" not in self.frame.columns:
            return []
        excess = self.column("excess")
        rows = np.flatnonzero(np.isfinite(excess) & (excess > 0))
        return rows[np.argsort(excess[rows], kind="stable")][:many].tolist()


def _reasons(reason: str) -> list[str]:
    """The reasons that a sentence gives, without the amounts of a budget: `over budget: area_mm2 is over 16`."""
    found: list[str] = []
    for part in reason.split("; ") if reason else ():
        head, is_budget, rest = part.partition(" is ")
        side = next(
            (
                f"{word} {rest.split(f', {word} ')[1].split(' by ')[0]}"
                for word in ("over", "under")
                if f", {word} " in rest
            ),
            "",
        )
        found.append(f"{head} is {side}" if part.startswith("over budget") and is_budget and side else part)
    return found


def _mapping_lines(records: Sequence[LayerRecord]) -> list[str]:
    """What bounds a design, and the mapping of its longest layer."""
    if not records:
        return []
    bounds: dict[str, int] = {}
    for record in records:
        bounds[record.bound_by] = bounds.get(record.bound_by, 0) + 1
    by = ", ".join(
        name if len(bounds) == 1 else f"{name} ({many} layer{'s' * (many > 1)})" for name, many in bounds.items()
    )
    longest = max(records, key=lambda record: record.cycles)
    return [f"bound by {by}", f"mapping of {longest.layer}:", *longest.mapping.strip().split("\n")]


def value_text(value: Any, texts: Mapping[float, str] | None = None) -> str:
    """A parameter's value as written where that is known, else in few characters."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if texts and value in texts:
        return texts[value]
    number = float(value)
    if not math.isfinite(number):
        return "–"
    return f"{number:,.0f}" if number == int(number) and abs(number) < 1e12 else f"{number:.6g}"
