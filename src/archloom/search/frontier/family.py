"""A family of machines: one template whose sizes, energies, bandwidths and leakage vary, as arrays over the machines."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.architecture.hierarchy import Architecture
from archloom.errors import InputError
from archloom.model.hardware import hardware_lanes, varies_fanouts

__all__ = ["Family", "family_of"]

Values = NDArray[np.float64]
BANDWIDTHS = ("read_bandwidth", "write_bandwidth", "shared_bandwidth")
ENERGIES = ("read_pj", "write_pj", "update_pj")


@dataclass(frozen=True, eq=False)
class Family:
    """H machines of one template: numbers per level [L, H] (inner to outer) and of the compute units [H].

    `capacity_bits` is the usable size. `bandwidth[port][level]` is words per cycle [H], None where nothing limits any machine;
    the ports are those of `BANDWIDTHS`. `energy_pj[action][level]` is per access of a block; the actions are read, write, update.
    """

    architecture: Architecture
    capacity_bits: Values
    energy_pj: Values
    leak_pj: Values
    bandwidth: tuple[tuple[Values | None, ...], ...]
    mac_pj: Values
    mac_leak_pj: Values

    def __len__(self) -> int:
        return len(self.mac_pj)

    def taken(self, rows: NDArray[np.int64]) -> Family:
        """Some of the machines."""
        return Family(
            self.architecture,
            self.capacity_bits[:, rows],
            self.energy_pj[:, :, rows],
            self.leak_pj[:, rows],
            tuple(tuple(None if lane is None else lane[rows] for lane in port) for port in self.bandwidth),
            self.mac_pj[rows],
            self.mac_leak_pj[rows],
        )

    @cached_property
    def columns(self) -> Values:
        """Every number that a mapping's cost depends on: [H, numbers]."""
        ports = [lane for port in self.bandwidth for lane in port if lane is not None]
        parts = [*self.capacity_bits, *self.energy_pj.reshape(-1, len(self)), *self.leak_pj, *ports]
        return np.stack([*parts, self.mac_pj, self.mac_leak_pj], axis=1)

    def distinct(self) -> tuple[Family, NDArray[np.int64]]:
        """The machines that differ, and for each machine which of those it is."""
        _, first, place = np.unique(self.columns, axis=0, return_index=True, return_inverse=True)
        return self.taken(first.astype(np.int64)), place.reshape(-1).astype(np.int64)

    def hardware(self) -> dict[str, Values]:
        """The numbers as `evaluate_batch` takes them."""
        found: dict[str, Values] = {}
        for at, level in enumerate(self.architecture.levels):
            found[f"{level.name}.size_bits"] = self.capacity_bits[at] * level.buffering
            found[f"{level.name}.leak_pj"] = self.leak_pj[at]
            for action, name in enumerate(ENERGIES):
                found[f"{level.name}.{name}"] = self.energy_pj[action, at]
            for port, name in enumerate(BANDWIDTHS):
                lane = self.bandwidth[port][at]
                if lane is not None:
                    found[f"{level.name}.{name}"] = lane
        compute = self.architecture.compute.name
        return {**found, f"{compute}.energy_pj": self.mac_pj, f"{compute}.leak_pj": self.mac_leak_pj}

    def machine(self, row: int) -> Architecture:
        """One of the machines."""
        levels = tuple(
            replace(
                level,
                size_bits=float(self.capacity_bits[at, row]) * level.buffering,
                leak_pj=float(self.leak_pj[at, row]),
                **{name: float(self.energy_pj[action, at, row]) for action, name in enumerate(ENERGIES)},
                **{name: _number(self.bandwidth[port][at], row) for port, name in enumerate(BANDWIDTHS)},
            )
            for at, level in enumerate(self.architecture.levels)
        )
        compute = replace(
            self.architecture.compute, energy_pj=float(self.mac_pj[row]), leak_pj=float(self.mac_leak_pj[row])
        )
        return replace(self.architecture, levels=levels, compute=compute)


def _number(lane: Values | None, row: int) -> float | None:
    return None if lane is None else float(lane[row])


def family_of(architecture: Architecture, hardware: MappingABC[str, Any]) -> Family:
    """The family that `hardware` (as `evaluate_batch` takes it: `{"GLB.size_bits": [H], "GLB.read_pj": ...}`) makes of a machine.

    Raises InputError for unknown names, arrays that differ in length, values out of range, and fanouts, which make another template.
    """
    machine = hardware_lanes(architecture, hardware)
    if varies_fanouts(hardware):
        raise InputError("the machines of a family have the same fanouts; expected a family for each mesh")
    rows = machine.rows

    def lane(value: Any) -> Values:
        return np.broadcast_to(np.asarray(value, dtype=np.float64), (rows,)).copy()

    return Family(
        architecture,
        np.stack([lane(value) for value in machine.capacity_bits]),
        np.stack([[lane(value) for value in getattr(machine, name)] for name in ENERGIES]),
        np.stack([lane(value) for value in machine.leak_pj]),
        tuple(tuple(None if value is None else lane(value) for value in getattr(machine, name)) for name in BANDWIDTHS),
        lane(machine.mac_pj),
        lane(machine.mac_leak_pj),
    )
