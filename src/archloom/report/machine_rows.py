"""A machine as a table: for each level, and the compute units, the numbers that costs are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass

from archloom.architecture.hierarchy import Architecture, Memory
from archloom.report import units
from archloom.report.mapping_shares import ports_text

__all__ = ["MachineRow", "machine_rows"]


@dataclass(frozen=True, slots=True)
class MachineRow:
    """One level of a machine, or its compute units, in words; `energies`: pJ per read, write and update of a block, and leakage."""

    name: str
    kind: str
    instances: int
    size: str
    word: str
    block: str
    bandwidth: str
    energies: tuple[float | None, ...]
    area: str
    holds: str


def machine_rows(architecture: Architecture) -> tuple[MachineRow, ...]:
    """The levels, outer to inner, then the compute units."""
    levels = zip(reversed(architecture.levels), reversed(architecture.instances), strict=True)
    unit = architecture.compute
    compute = MachineRow(
        name=unit.name,
        kind=unit.kind,
        instances=architecture.compute_instances,
        size="",
        word=f"{unit.word_bits} bit",
        block="",
        bandwidth="",
        energies=(unit.energy_pj, None, None, unit.leak_pj),
        area=units.area(unit.area_um2) if unit.area_um2 else "",
        holds="energy per MAC",
    )
    return (*(_level_row(level, count, architecture) for level, count in levels), compute)


def _level_row(level: Memory, instances: int, architecture: Architecture) -> MachineRow:
    bounded = math.isfinite(level.size_bits)
    return MachineRow(
        name=level.name,
        kind=level.kind,
        instances=instances,
        size=units.bits(level.size_bits) if bounded and level.size_bits else "" if bounded else "no limit",
        word=f"{level.word_bits} bit",
        block=f"{level.block}" if level.size_bits else "",
        bandwidth=ports_text(architecture, level.name) or "no limit",
        energies=(level.read_pj, level.write_pj, level.update_pj, level.leak_pj),
        area=units.area(level.area_um2) if level.area_um2 else "",
        holds=_holds(level),
    )


def _holds(level: Memory) -> str:
    parts = [f"always {', '.join(sorted(level.keep))}" if level.keep else ""]
    parts.append(f"never {', '.join(sorted(level.bypass))}" if level.bypass else "")
    return "; ".join(filter(None, parts)) or "what the mapping likes"
