"""The judge: every design at its best mappings (or at given ones), against objectives and budgets; a failure is a row, not an exception."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.errors import InputError
from archloom.exploration.base import Designs, Proposal
from archloom.exploration.frontier import FrontierMappings
from archloom.exploration.given import FixedMappings, GivenMappings, TheseMappings
from archloom.exploration.layerwise import BestMappings, Sheet
from archloom.exploration.memo import Memo, default_memo_folder
from archloom.exploration.metrics import METRICS, STATIC, Chips, chip_of, metrics_of, never_known, why_unknown
from archloom.exploration.objective import Goal
from archloom.exploration.request import Request
from archloom.exploration.suite import Suite
from archloom.exploration.verdicts import GOAL, PARAMETER, Verdicts, records_text
from archloom.mapping.nest import Mapping
from archloom.search.events import gap_of
from archloom.search.network_mapping import bound_of_all

__all__ = ["Judge", "Verdicts"]

Values = NDArray[np.float64]

FEW = 8


class Judge:
    """Judges the designs of a request; picklable, and the same designs get the same verdicts whoever asks, in whatever batches.

    `memo`: where proven mappings are kept and looked up: a folder, True for the user's cache, False for memory alone. (With a
    time limit, mappings that are not proven by then differ from run to run; `proven` and `gap` say which.)
    Raises InputError for objectives or budgets that this request's machines have no figures for.
    """

    def __init__(self, request: Request, *, memo: bool | str | Path = True) -> None:
        self.request = request
        self.folder = default_memo_folder() if memo is True else None if memo is False else Path(memo)
        self.suite: Suite = request.suite
        self.goal: Goal = request.goal
        self._mapper: BestMappings | None = None
        self._check()

    def _check(self) -> None:
        """Look at some designs: a figure that none of them can have is a mistake in the request."""
        machines = self.request.machines
        for designs in self.request.space.blocks(FEW):
            built = designs[[not reason for reason in machines.reasons(designs)]]
            faults = never_known(self.goal.figures, _chips_of(machines, built)) if len(built) else ()
            if faults:
                raise InputError(faults)
            return

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_mapper": None if self._mapper is None else self._mapper.without_memory()}

    def prepare(self) -> None:
        """Work out what all designs need (the baseline's best mappings), so that copies of this judge do not each do so."""
        self.mapper.prepare()

    @property
    def mapper(self) -> BestMappings:
        """What finds the mappings."""
        if self._mapper is None:
            kinds: dict[str, type[BestMappings]] = {
                "best": BestMappings,
                "frontier": FrontierMappings,
                "fixed": FixedMappings,
            }
            self._mapper = kinds[self.request.mapping.kind](self.request, self.suite, Memo(self.folder))
        return self._mapper

    def __call__(self, proposal: Proposal | Designs) -> Verdicts:
        """Judge designs [B, P] at their best mappings, or a proposal that brings mappings at just these."""
        given = proposal.mappings if isinstance(proposal, Proposal) else None
        designs = np.asarray(proposal.designs if isinstance(proposal, Proposal) else proposal, dtype=np.int64)
        sheet = Sheet(len(designs), len(self.suite.layers))
        chips, parameters = self._chips(designs, sheet), dict(self.request.space.columns(designs))
        static = {**parameters, **chips.columns()}
        over = self.goal.static_excess(static)
        for row in np.flatnonzero(over > 0).tolist():
            sheet.fail(row, self.goal.why(static, row, static=True))
        mapper = self.mapper if given is None else GivenMappings(self.request, self.suite, given)
        mapper.fill(designs, sheet)
        return self._verdicts(sheet, chips, parameters, np.where(over > 0, over, np.inf))

    def failed(self, proposal: Proposal | Designs, reason: str) -> Verdicts:
        """The verdicts on designs that cannot be judged, for a reason from outside."""
        designs = np.asarray(proposal.designs if isinstance(proposal, Proposal) else proposal, dtype=np.int64)
        sheet = Sheet(len(designs), len(self.suite.layers))
        for row in range(len(designs)):
            sheet.fail(row, reason)
        nothing = Chips(*(np.full(len(designs), np.nan) for _ in range(4)))
        parameters = dict(self.request.space.columns(designs))
        return self._verdicts(sheet, nothing, parameters, np.full(len(designs), np.inf))

    def judge_one(self, design: NDArray[np.int64], mappings: Sequence[Mapping | None]) -> Verdicts:
        """The verdict on one design at given mappings of the distinct layers; one that is None has no mapping."""
        sheet = Sheet(1, len(self.suite.layers))
        designs = design[None, :]
        chips = self._chips(designs, sheet)
        for row in sheet.open():
            TheseMappings(self.request, self.suite, mappings).fill_one(self.request.machines.spec(designs[row]), sheet)
        return self._verdicts(sheet, chips, dict(self.request.space.columns(designs)), np.full(1, np.inf))

    def judge_baseline(self, mappings: Sequence[Mapping | None] | None = None) -> Verdicts:
        """The verdict on the base machine, at its best mappings or at given ones; figures of parameters are those of its design.

        Where the base machine is no design of the space, its parameters are nan, and so are objectives that mention them.
        """
        sheet, spec = Sheet(1, len(self.suite.layers)), self.request.machines.baseline
        mapper = self.mapper.at_best() if mappings is None else TheseMappings(self.request, self.suite, mappings)
        mapper.fill_one(spec, sheet)
        assert spec.architecture is not None
        chip = chip_of(spec.architecture, spec.clock_hz)
        return self._verdicts(sheet, chip, self._baseline_parameters(), np.full(1, np.inf))

    def _baseline_parameters(self) -> dict[str, NDArray[Any]]:
        space, design = self.request.space, self.request.baseline_design
        if design is not None:
            return dict(space.columns(design[None, :]))
        columns = space.columns(next(iter(space.blocks(1))))
        return {
            name: np.array([""], dtype=object) if column.dtype == object else np.full(1, np.nan)
            for name, column in columns.items()
        }

    # -- what needs no mapping --------------------------------------------------------------------------------------------

    def _chips(self, designs: Designs, sheet: Sheet) -> Chips:
        """The figures that need no mapping; designs that cannot be built fail."""
        for row, reason in enumerate(self.request.machines.reasons(designs)):
            if reason:
                sheet.fail(row, reason)
        return _chips_of(self.request.machines, designs)

    # -- figures ----------------------------------------------------------------------------------------------------------

    def _verdicts(self, sheet: Sheet, chips: Chips, parameters: dict[str, NDArray[Any]], excess: Values) -> Verdicts:
        mapped = np.array([not reason for reason in sheet.reasons], dtype=bool)
        energy, cycles = self.suite.total(sheet.energy_pj), self.suite.total(sheet.cycles)
        energy[~mapped] = cycles[~mapped] = np.nan
        figures = metrics_of(self.suite, chips, energy, cycles)
        figures["gap"] = self._gap(sheet, energy, cycles, mapped)
        for name in set(figures) - {*STATIC, "macs"}:
            figures[name] = np.where(mapped, figures[name], np.nan)
        scope = {**parameters, **figures}
        values = np.where(mapped[:, None], self.goal.values(scope), np.inf)
        excess = np.where(mapped, self.goal.excess(scope), excess)
        reasons = list(sheet.reasons)
        for row in np.flatnonzero(mapped).tolist():
            reasons[row] = self._reason(scope, values, row)
        known = np.isfinite(values).all(axis=1)
        excess = np.where(known | ~mapped, excess, np.inf)
        columns: dict[str, NDArray[Any]] = {f"{PARAMETER}{name}": column for name, column in parameters.items()}
        columns |= {name: figures[name] for name in METRICS}
        columns |= {f"{GOAL}{name}": values[:, at] for at, name in enumerate(self.goal.names)}
        columns |= {
            "feasible": mapped & known & (excess == 0),
            "excess": excess,
            "reason": np.array(reasons, dtype=object),
            "proven": mapped & sheet.proven,
        }
        for n, name in enumerate(self.suite.names):
            columns[f"energy_pj@{name}"], columns[f"cycles@{name}"] = energy[:, n], cycles[:, n]
        texts = [records_text(sheet.records[row]) if mapped[row] else "" for row in range(len(mapped))]
        return Verdicts(columns, texts)

    def _gap(self, sheet: Sheet, energy: Values, cycles: Values, mapped: NDArray[np.bool_]) -> Values:
        """[B]: what other choices of mappings could save of the mapping objective at most, of the mean over the suite."""
        rule = self.request.mapping.objective
        reached, bounds = np.full(energy.shape, np.nan), np.full(energy.shape, np.nan)
        for row in np.flatnonzero(mapped).tolist():
            for n, member in enumerate(self.suite.members):
                reached[row, n] = rule.value(float(energy[row, n]), float(cycles[row, n]))
                layers = [(count, float(sheet.bound[row, at])) for at, count in member]
                if not any(math.isnan(bound) for _, bound in layers):
                    bounds[row, n] = bound_of_all(rule, layers, float(reached[row, n]))
        pairs = zip(self.suite.average(reached).tolist(), self.suite.average(bounds).tolist(), strict=True)
        return np.array(
            [np.nan if np.isnan(bound) else gap_of(value, bound) for value, bound in pairs], dtype=np.float64
        )

    def _reason(self, scope: dict[str, NDArray[Any]], values: Values, row: int) -> str:
        """Why a mapped design is not feasible: an objective that is not known, or a budget."""
        said: list[str] = []
        for at, aim in enumerate(self.goal.aims):
            if not np.isfinite(values[row, at]):
                unknown = [name for name in sorted(self.goal.figures_of(aim)) if np.isnan(scope[name][row])]
                why = (
                    f"{unknown[0]} is not known: {why_unknown(unknown[0], scope, row)}"
                    if unknown
                    else "it has no value"
                )
                said.append(f"objective {aim.name!r}: {why}")
        over = self.goal.why(scope, row)
        return "; ".join([*said, over] if over else said)


def _chips_of(machines: Any, designs: Designs) -> Chips:
    parts = (machines.pes, machines.clock_hz, machines.area_um2, machines.onchip_bits)
    return Chips(*(np.asarray(part(designs), dtype=np.float64) for part in parts))
