"""Designs at mappings that are not searched for: the baseline's, a list, or one that each design brings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archloom.errors import ArchloomError, InfeasibleError
from archloom.exploration.base import Designs
from archloom.exploration.fixed import FixedSweep
from archloom.exploration.fixed_terms import BROKEN
from archloom.exploration.layerwise import BestMappings, Mapper, Sheet, record_of
from archloom.exploration.memo import Memo
from archloom.exploration.request import Request
from archloom.exploration.suite import Suite
from archloom.exploration.verdicts import LayerRecord
from archloom.mapping.nest import Mapping
from archloom.mapping.text import render
from archloom.model.arrays import MappingBatch
from archloom.model.batch import evaluate_batch, explain_code
from archloom.model.evaluate import evaluate
from archloom.search.base import rows_of
from archloom.spec.load import Spec

__all__ = ["FixedMappings", "GivenMappings", "TheseMappings"]


class TheseMappings(Mapper):
    """Each layer at a mapping of a list; one that is None has no mapping."""

    def __init__(self, request: Request, suite: Suite, mappings: Sequence[Mapping | None]) -> None:
        super().__init__(request, suite)
        self.mappings = mappings

    def map_row(self, spec: Spec, row: int, sheet: Sheet) -> None:
        for layer, (name, mapping) in enumerate(zip(self.suite.layer_names, self.mappings, strict=True)):
            if mapping is None:
                sheet.fail(row, f"{name}: there is no mapping to use")
                return
            space = self.space(spec, layer)
            try:
                cost = evaluate(space.workload, space.architecture, mapping, drain_reads=self.options.drain_reads)
            except ArchloomError as error:
                sheet.fail(row, f"{name}: {error}")
                return
            sheet.enter(row, layer, record_of(name, cost, proven=False))


class FixedMappings(BestMappings):
    """Each layer at the baseline's best mapping."""

    def __init__(self, request: Request, suite: Suite, memo: Memo) -> None:
        super().__init__(request, suite, memo)
        self._swept: FixedSweep | None = None

    def without_memory(self) -> BestMappings:
        twin = super().without_memory()
        assert isinstance(twin, FixedMappings)
        twin._swept = None
        return twin

    def prepare(self) -> None:
        self._shared()

    def _shared(self) -> list[Mapping]:
        """The mappings; raises InfeasibleError where the baseline has none for a layer."""
        found: list[Mapping] = []
        for name, answer in zip(self.suite.layer_names, self.baseline(), strict=True):
            if answer.evaluation is None:
                raise InfeasibleError(f"{name}: the baseline has no mapping that the designs could share")
            found.append(answer.evaluation.mapping)
        return found

    def map_row(self, spec: Spec, row: int, sheet: Sheet) -> None:
        TheseMappings(self.request, self.suite, self._shared()).map_row(spec, row, sheet)

    def fill(self, designs: Designs, sheet: Sheet) -> None:
        """Price all designs at once, by tables (`archloom.exploration.fixed`)."""
        rows = list(sheet.open())
        if not rows:
            return
        shared = self._shared()
        if self._swept is None:
            self._swept = FixedSweep(self.request, shared)
        swept, figures = self._swept, self._swept.judge(designs[rows])
        machine = self.request.machines.baseline.architecture
        assert machine is not None
        texts = [render(mapping, None, machine) for mapping in shared]
        limits = (*machine.names, "compute")
        for at, row in enumerate(rows):
            for layer, name in enumerate(self.suite.layer_names):
                code = int(figures["reason"][at, layer])
                if code:
                    is_known = code != BROKEN
                    why = explain_code(code, swept.layers[layer].workload, machine) if is_known else ""
                    why = why or swept.explain(designs[row], layer)
                    sheet.fail(row, f"{name}: {why}")
                    break
                energy, cycles = float(figures["energy_pj"][at, layer]), int(figures["cycles"][at, layer])
                limit = limits[int(figures["bound"][at, layer])]
                sheet.enter(row, layer, LayerRecord(name, texts[layer], energy, cycles, limit, False))


class GivenMappings(Mapper):
    """Each layer at a mapping that comes with the design: a batch per distinct layer, a row per design."""

    def __init__(self, request: Request, suite: Suite, mappings: Sequence[MappingBatch]) -> None:
        super().__init__(request, suite)
        self.mappings = mappings

    def map_row(self, spec: Spec, row: int, sheet: Sheet) -> None:
        assert spec.architecture is not None
        mappings = [
            batch.mapping(row, workload, spec.architecture, padding=self.options.padding)
            for batch, workload in zip(self.mappings, self.suite.layers, strict=True)
        ]
        TheseMappings(self.request, self.suite, mappings).map_row(spec, row, sheet)

    def fill(self, designs: Designs, sheet: Sheet) -> None:
        """Price designs of one template at once."""
        rows = np.array(list(sheet.open()), dtype=np.intp)
        codes = self.request.machines.structure(designs[rows])
        for code in np.unique(codes):
            group = rows[codes == code]
            try:
                self._price(designs, group, sheet)
            except ArchloomError:  # one of them: each is told on its own
                for row in group.tolist():
                    self.guarded(row, sheet, lambda row=row: self.map_design(designs[row], row, sheet))

    def _price(self, designs: Designs, rows: np.ndarray, sheet: Sheet) -> None:
        machines, options = self.request.machines, self.options
        spec, lanes = machines.spec(designs[rows[0]]), machines.lanes(designs[rows])
        lanes = {name: lane for name, lane in lanes.items() if not name.endswith((".fanout.x", ".fanout.y"))}
        for layer, (name, batch) in enumerate(zip(self.suite.layer_names, self.mappings, strict=True)):
            space, part = self.space(spec, layer), rows_of(batch, rows)
            costs = evaluate_batch(
                space.workload,
                space.architecture,
                part,
                hardware=lanes,
                padding=options.padding,
                drain_reads=options.drain_reads,
            )
            limits = (*space.architecture.names, "compute")
            for at, row in enumerate(rows.tolist()):
                code = int(costs.reason[at])
                if sheet.reasons[row]:
                    continue
                if code:
                    sheet.fail(row, f"{name}: {explain_code(code, space.workload, space.architecture)}")
                    continue
                mapping = part.mapping(at, space.workload, space.architecture, padding=options.padding)
                text = render(mapping, None, space.architecture)
                energy, cycles = float(costs.energy_pj[at]), int(costs.cycles[at])
                sheet.enter(row, layer, LayerRecord(name, text, energy, cycles, limits[int(costs.bound[at])], False))
