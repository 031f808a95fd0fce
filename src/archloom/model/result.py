"""What an evaluation says: counts, energy, cycles and area, each broken down by level and tensor."""

from __future__ import annotations

import math
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from archloom.architecture.hierarchy import Architecture
from archloom.display import Displayed
from archloom.mapping.nest import Mapping
from archloom.workload.einsum import Workload

__all__ = ["ComputeCosts", "Evaluation", "LevelCosts", "TensorCosts"]


@dataclass(frozen=True, slots=True)
class TensorCosts:
    """One tensor at one level. Counts are words per instance (exact integers); energy is pJ over all used instances."""

    kept: bool
    tile_words: int
    reads: int
    fills: int
    updates: int
    energy_pj: float


@dataclass(frozen=True, slots=True)
class LevelCosts:
    """One level. `energy_pj` is the tensors' access energy plus `leakage_pj`, over all instances; bits are per instance."""

    name: str
    instances: int
    instances_used: int
    energy_pj: float
    leakage_pj: float
    cycles: int
    used_bits: int
    size_bits: float
    tensors: MappingABC[str, TensorCosts]


@dataclass(frozen=True, slots=True)
class ComputeCosts:
    """The compute units. `energy_pj` is MACs times energy per MAC plus `leakage_pj`; `cycles` = the compute cycles."""

    name: str
    instances: int
    instances_used: int
    energy_pj: float
    leakage_pj: float
    cycles: int


@dataclass(frozen=True)
class Evaluation(Displayed):
    """The cost of one mapping; `levels` run outer to inner.

    `cycles`: total latency. `utilization`: true MACs over MAC units times cycles, at most 1. `energy_pj`: everything,
    leakage included. `bound_by`: `compute`, or the name of the level whose bandwidth sets the latency.
    """

    workload: Workload
    architecture: Architecture
    mapping: Mapping
    cycles: int
    utilization: float
    energy_pj: float
    area_um2: float
    macs: int
    bound_by: str
    levels: tuple[LevelCosts, ...]
    compute: ComputeCosts

    @cached_property
    def edp(self) -> float:
        """Energy-delay product in pJ x cycles."""
        return self.energy_pj * self.cycles

    def level(self, name: str) -> LevelCosts:
        """The level called `name`; raises InputError naming the nearest one."""
        at = self.architecture.index(name)
        return self.levels[len(self.levels) - 1 - at]

    def to_dict(self) -> dict[str, Any]:
        """The numbers as plain dicts, lists, ints and floats (an unbounded `size_bits` is None), ready for JSON."""
        return {
            "cycles": self.cycles,
            "utilization": self.utilization,
            "energy_pj": self.energy_pj,
            "area_um2": self.area_um2,
            "macs": self.macs,
            "bound_by": self.bound_by,
            "levels": [
                {
                    "name": level.name,
                    "instances": level.instances,
                    "instances_used": level.instances_used,
                    "energy_pj": level.energy_pj,
                    "leakage_pj": level.leakage_pj,
                    "cycles": level.cycles,
                    "used_bits": level.used_bits,
                    "size_bits": None if math.isinf(level.size_bits) else int(level.size_bits),
                    "tensors": {
                        name: {
                            "kept": costs.kept,
                            "tile_words": costs.tile_words,
                            "reads": costs.reads,
                            "fills": costs.fills,
                            "updates": costs.updates,
                            "energy_pj": costs.energy_pj,
                        }
                        for name, costs in level.tensors.items()
                    },
                }
                for level in self.levels
            ],
            "compute": {
                "name": self.compute.name,
                "instances": self.compute.instances,
                "instances_used": self.compute.instances_used,
                "energy_pj": self.compute.energy_pj,
            },
        }
