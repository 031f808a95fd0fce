"""From designs to mapped layers: at the best mapping of each, at the baseline's, or at given ones."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from archloom.errors import ArchloomError
from archloom.exploration.base import Designs
from archloom.exploration.memo import Memo
from archloom.exploration.request import Request
from archloom.exploration.suite import Suite
from archloom.exploration.verdicts import LayerRecord
from archloom.mapping.text import render
from archloom.mapspace.space import MapSpace
from archloom.model.result import Evaluation
from archloom.search.layer import LayerAnswer, LayerQuestion
from archloom.search.network_mapping import REASONS, Missing, Options
from archloom.search.spaces import space_of
from archloom.spec.load import Spec

__all__ = ["BestMappings", "Mapper", "Sheet", "record_of"]


class Sheet:
    """What is known of a batch so far: per design and distinct layer energy (pJ), cycles, the bound on the mapping objective; records.

    A design with a reason has failed, and is not looked at any further.
    """

    def __init__(self, designs: int, layers: int) -> None:
        self.energy_pj = np.full((designs, layers), np.nan)
        self.cycles = np.full((designs, layers), np.nan)
        self.bound = np.full((designs, layers), np.nan)
        self.proven = np.ones(designs, dtype=bool)
        self.reasons = [""] * designs
        self.records: list[list[LayerRecord]] = [[] for _ in range(designs)]

    def open(self) -> Iterator[int]:
        """The designs that have not failed."""
        return (row for row, reason in enumerate(self.reasons) if not reason)

    def fail(self, row: int, reason: str) -> None:
        """Note the first reason why a design fails."""
        self.reasons[row] = self.reasons[row] or reason or "it failed"

    def enter(self, row: int, layer: int, record: LayerRecord, bound: float = math.nan) -> None:
        """Note what a layer costs on a design; nan: no bound is known."""
        self.energy_pj[row, layer], self.cycles[row, layer] = record.energy_pj, record.cycles
        self.bound[row, layer] = bound
        self.proven[row] &= record.proven
        self.records[row].append(record)


def record_of(name: str, cost: Evaluation, *, proven: bool) -> LayerRecord:
    """What is recorded of an evaluated layer."""
    text = render(cost.mapping, None, cost.architecture)
    return LayerRecord(name, text, cost.energy_pj, cost.cycles, cost.bound_by, proven)


class Mapper(ABC):
    """Finds mappings for the layers of a suite on designs."""

    def __init__(self, request: Request, suite: Suite) -> None:
        self.request = request
        self.suite = suite
        wanted = request.mapping
        self.options = Options(
            wanted.objective, wanted.cuts, wanted.padding, wanted.drain_reads, time_limit_s=wanted.time_limit_s
        )

    def fill(self, designs: Designs, sheet: Sheet) -> None:
        """Map the designs that have not failed. What goes wrong with a design is its reason."""
        for row in sheet.open():
            self.guarded(row, sheet, lambda row=row: self.map_design(designs[row], row, sheet))

    def fill_one(self, spec: Spec, sheet: Sheet) -> None:
        """Map the only row of a sheet: any machine."""
        for row in sheet.open():
            self.guarded(row, sheet, lambda row=row: self.map_row(spec, row, sheet))

    def guarded(self, row: int, sheet: Sheet, work: Callable[[], None]) -> None:
        """Do the work for a row; what goes wrong is its reason."""
        try:
            work()
        except ArchloomError as error:
            sheet.fail(row, str(error))
        except Exception as error:  # a fault of ours in one design must not cost the others
            sheet.fail(row, f"internal fault: {type(error).__name__}: {error}")

    def map_design(self, design: NDArray[np.int64], row: int, sheet: Sheet) -> None:
        """Map one design."""
        self.map_row(self.request.machines.spec(design), row, sheet)

    @abstractmethod
    def map_row(self, spec: Spec, row: int, sheet: Sheet) -> None:
        """Map one machine."""

    def space(self, spec: Spec, layer: int) -> MapSpace:
        """The mapspace of a distinct layer on a design."""
        assert spec.architecture is not None
        given = [spec, *self.request.mapping.constraints]
        return space_of(self.suite.layers[layer], spec.architecture, given, self.options)


class BestMappings(Mapper):
    """Each layer at the best mapping that the design has for it; the baseline's best mapping is known at the start, where it is legal."""

    def __init__(self, request: Request, suite: Suite, memo: Memo) -> None:
        super().__init__(request, suite)
        self.memo = memo
        self._baseline: tuple[tuple[str, LayerAnswer], ...] | None = None

    def without_memory(self) -> BestMappings:
        """A copy that is worth sending elsewhere: with what is known of the baseline, and an empty memory."""
        twin = copy.copy(self)
        twin.memo = Memo(self.memo.folder)
        return twin

    def at_best(self) -> BestMappings:
        """One that finds the best mapping of each layer, and knows what this one knows."""
        twin = BestMappings(self.request, self.suite, self.memo)
        twin._baseline = self._known()
        return twin

    def prepare(self) -> None:
        """Work out what all designs need."""
        self.baseline()

    def baseline(self) -> tuple[LayerAnswer, ...]:
        """What is best for each distinct layer on the baseline."""
        return tuple(answer for _, answer in self._known())

    def _known(self) -> tuple[tuple[str, LayerAnswer], ...]:
        """The baseline's answers, each with the key of its question."""
        if self._baseline is None:
            spec, layers = self.request.machines.baseline, range(len(self.suite.layers))
            asked = [LayerQuestion(self.space(spec, layer), self.options) for layer in layers]
            self._baseline = tuple((question.key, self._answer(question)) for question in asked)
        return self._baseline

    def _answer(self, question: LayerQuestion) -> LayerAnswer:
        return self.memo.answer(question, self.options.time_limit_s)

    def map_row(self, spec: Spec, row: int, sheet: Sheet) -> None:
        for layer, (name, (key, known)) in enumerate(zip(self.suite.layer_names, self._known(), strict=True)):
            start = None if known.evaluation is None else known.evaluation.mapping
            question = LayerQuestion(self.space(spec, layer), self.options, start)
            is_same = known.finished and question.key_without_start == key
            answer = known if is_same else self._answer(question)
            if answer.evaluation is None:
                why = question.why_none() if answer.finished else REASONS[Missing.NOT_FOUND]
                sheet.fail(row, f"{name}: {why}")
                return
            sheet.enter(row, layer, record_of(name, answer.evaluation, proven=answer.finished), answer.bound)
