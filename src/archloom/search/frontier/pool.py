"""The pool: mappings priced on every machine of a family, and the best so far of each machine."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archloom.mapping.nest import Mapping
from archloom.model.arrays import MappingBatch, pack
from archloom.model.batch import evaluate_batch
from archloom.search.exact.residency import SLACK
from archloom.search.frontier.family import Family
from archloom.search.objective import Objective
from archloom.workload.einsum import Workload

__all__ = ["Pool", "values_of"]

Values = NDArray[np.float64]
TABLES = ("temporal", "order", "x", "y", "keep")


def values_of(objective: Objective, energy: Values, cycles: Values) -> tuple[Values, Values]:
    """Objective and second figure of energies and latencies; inf where either is."""
    with np.errstate(over="ignore", invalid="ignore"):
        if objective.energy_power or objective.cycles_power:
            value = energy**objective.energy_power * cycles**objective.cycles_power
        else:
            value = objective.energy_weight * energy + objective.cycles_weight * cycles
    energy_only = objective.cycles_power == 0 and objective.cycles_weight == 0
    impossible = ~(np.isfinite(energy) & np.isfinite(cycles))
    second = cycles if energy_only else energy
    return np.where(impossible, np.inf, value), np.where(impossible, np.inf, second)


class Pool:
    """Per machine of a family the best mapping so far: `value`, `second` (the tie-break), `energy_pj`, `cycles`, `best` [H].

    `best` numbers the mappings of `batch()`, -1 where none is legal yet.
    """

    def __init__(self, workload: Workload, family: Family, objective: Objective, *, drain_reads: bool) -> None:
        self.workload, self.family, self.objective, self.drain_reads = workload, family, objective, drain_reads
        size = len(family)
        self.value, self.second = np.full(size, math.inf), np.full(size, math.inf)
        self.energy_pj, self.cycles = np.full(size, math.inf), np.full(size, math.inf)
        self.best = np.full(size, -1, np.int64)
        self.priced = 0
        self._hardware = family.hardware()
        self._columns: list[tuple[NDArray[np.int64], ...]] = []

    def add(self, batch: MappingBatch, fits: NDArray[np.bool_] | None = None) -> None:
        """Price mappings on all machines and keep those that are the best of some; `fits` [B, H]: where they are in the space."""
        result = evaluate_batch(
            self.workload,
            self.family.architecture,
            batch,
            hardware=self._hardware,
            outer=True,
            drain_reads=self.drain_reads,
        )
        energy, cycles = np.asarray(result.energy_pj), np.asarray(result.cycles)
        if fits is not None:
            energy = np.where(fits, energy, np.inf)
        self.priced += len(batch)
        value, second = values_of(self.objective, energy, cycles)
        machines = np.arange(len(self.family))
        least = value.min(axis=0)
        tie = np.where(value <= least * (1 + 1e-12), second, np.inf)
        row = tie.argmin(axis=0)
        value, second = value[row, machines], second[row, machines]
        better = np.isfinite(value) & (
            (value < self.value * SLACK**3) | ((value <= self.value) & (second < self.second * SLACK**3))
        )
        kept = np.unique(row[better])
        number = {int(k): len(self._columns) + n for n, k in enumerate(kept)}
        self._columns += [tuple(np.asarray(getattr(batch, name))[..., k] for name in TABLES) for k in kept]
        at = machines[better]
        self.best[at] = [number[int(k)] for k in row[better]]
        self.value[at], self.second[at] = value[better], second[better]
        self.energy_pj[at], self.cycles[at] = energy[row[better], at], cycles[row[better], at]

    def add_mappings(self, mappings: Sequence[Mapping]) -> None:
        """Price mappings given as such."""
        if mappings:
            self.add(pack(self.workload, self.family.architecture, mappings))

    def batch(self) -> MappingBatch:
        """The mappings that were the best of some machine when they were found."""
        if not self._columns:
            shape = (len(self.family.architecture.levels), len(self.workload.dims), 0)
            none = np.ones(shape, np.int64)
            keep = np.zeros((shape[0], len(self.workload.tensors), 0), bool)
            return MappingBatch(none, none, none, none, keep)
        return MappingBatch(*(np.stack([column[k] for column in self._columns], axis=-1) for k in range(len(TABLES))))
