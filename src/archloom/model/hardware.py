"""Hardware numbers as lanes: those of one architecture, and arrays that vary some of them by name."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from archloom.architecture.hierarchy import Architecture
from archloom.errors import InputError, did_you_mean

__all__ = ["Hardware", "hardware_lanes", "hardware_of"]

Lane = Any

PER_LEVEL = (
    "read_bandwidth",
    "write_bandwidth",
    "shared_bandwidth",
    "read_pj",
    "write_pj",
    "update_pj",
    "leak_pj",
    "area_um2",
)
OF_COMPUTE = {"energy_pj": "mac_pj", "leak_pj": "mac_leak_pj", "area_um2": "mac_area_um2"}
OF_LEVEL = {"size_bits": "capacity_bits", "fanout.x": "mesh_x", "fanout.y": "mesh_y", **{name: name for name in PER_LEVEL}}


@dataclass(frozen=True, slots=True)
class Hardware:
    """Hardware numbers as lanes, per level inner to outer: units as in `architecture.hierarchy.Memory`.

    `capacity_bits` is the usable size (after buffering). Absent bandwidths are None. `rows` is the number of machines.
    """

    capacity_bits: list[Lane]
    read_bandwidth: list[Lane]
    write_bandwidth: list[Lane]
    shared_bandwidth: list[Lane]
    read_pj: list[Lane]
    write_pj: list[Lane]
    update_pj: list[Lane]
    leak_pj: list[Lane]
    area_um2: list[Lane]
    mesh_x: list[Lane]
    mesh_y: list[Lane]
    mac_pj: Lane
    mac_leak_pj: Lane
    mac_area_um2: Lane
    rows: int = 1

    def map(self, change: Any) -> Hardware:
        """A copy with `change` applied to every lane that is not None (`rows` stays)."""

        def each(lane: Lane) -> Lane:
            return None if lane is None else change(lane)

        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "rows"}
        changed = {name: [each(v) for v in value] if isinstance(value, list) else each(value) for name, value in values.items()}
        return Hardware(**changed, rows=self.rows)

    def slice(self, rows: slice) -> Hardware:
        """The rows of every array lane; numbers stay."""
        return self.map(lambda lane: lane if isinstance(lane, int | float) else lane[rows])


def hardware_of(architecture: Architecture) -> Hardware:
    """The hardware numbers of an architecture, as Python numbers."""
    levels = architecture.levels
    return Hardware(
        capacity_bits=[level.size_bits / level.buffering for level in levels],
        mesh_x=[level.fanout.x for level in levels],
        mesh_y=[level.fanout.y for level in levels],
        mac_pj=architecture.compute.energy_pj,
        mac_leak_pj=architecture.compute.leak_pj,
        mac_area_um2=architecture.compute.area_um2,
        **{name: [getattr(level, name) for level in levels] for name in PER_LEVEL},
    )


def hardware_lanes(architecture: Architecture, changes: MappingABC[str, Any]) -> tuple[Hardware, int]:
    """Hardware with some numbers replaced by arrays [H], and H (1 if none).

    `changes` maps `LEVEL.field` (`GLB.size_bits`, `GLB.read_pj`, `GLB.fanout.x`, `MAC.energy_pj` ...) to arrays of one length.
    Raises InputError for an unknown name, for arrays that differ in length or have values out of range.
    """
    machine = hardware_of(architecture)
    rows = 1
    for name, values in changes.items():
        part, _, field = name.partition(".")
        at = _position(architecture, part, field, name)
        lane = np.asarray(values, dtype=np.float64).reshape(-1)
        if lane.size == 0 or np.isnan(lane).any() or (lane < 0).any():
            raise InputError(f"hardware {name!r} has no values, or values below 0 or not a number")
        if rows not in (1, lane.size) and lane.size != 1:
            raise InputError(f"hardware {name!r} has {lane.size} values, but others have {rows}")
        rows = max(rows, lane.size)
        if at is None:
            values_of = {f.name: getattr(machine, f.name) for f in fields(machine)}
            machine = Hardware(**{**values_of, OF_COMPUTE[field]: lane})
        else:
            usable = lane / architecture.levels[at].buffering if field == "size_bits" else lane
            getattr(machine, OF_LEVEL[field])[at] = usable
    values_of = {f.name: getattr(machine, f.name) for f in fields(machine)}
    return Hardware(**{**values_of, "rows": rows}), rows


def _position(architecture: Architecture, part: str, field: str, name: str) -> int | None:
    parts = [*architecture.names, architecture.compute.name]
    if part not in parts:
        raise InputError(f"hardware {name!r}: no component is called {part!r}", hint=did_you_mean(part, parts))
    is_compute = part == architecture.compute.name
    known = OF_COMPUTE if is_compute else OF_LEVEL
    if field not in known:
        raise InputError(f"hardware {name!r}: {field!r} cannot vary in a batch", hint=did_you_mean(field, known))
    return None if is_compute else architecture.index(part)
