"""Hardware numbers as lanes: those of one architecture, and arrays that vary some of them by name."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.architecture.hierarchy import Architecture
from archloom.errors import Fault, InputError, did_you_mean
from archloom.model.ops import Lane

__all__ = ["Hardware", "hardware_lanes", "hardware_of", "varies_fanouts"]

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
OF_LEVEL = {
    "size_bits": "capacity_bits",
    "fanout.x": "mesh_x",
    "fanout.y": "mesh_y",
    **{name: name for name in PER_LEVEL},
}


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

    def lanes(self) -> dict[str, Any]:
        """All lanes by field name; `Hardware(**lanes, rows=...)` puts them together again."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "rows"}

    def map(self, change: Callable[[Lane], Lane]) -> Hardware:
        """A copy with `change` applied to every lane that is not None (`rows` stays)."""

        def each(lanes: Any) -> Any:
            if isinstance(lanes, list):
                return [each(lane) for lane in lanes]  # pyright: ignore[reportUnknownVariableType]
            return None if lanes is None else change(lanes)

        return Hardware(**{name: each(lanes) for name, lanes in self.lanes().items()}, rows=self.rows)

    def slice(self, rows: slice) -> Hardware:
        """The rows of every array lane; numbers stay."""

        def part(lane: Lane) -> Lane:
            return lane if isinstance(lane, int | float) else lane[rows]

        sizes = range(self.rows)[rows]
        return replace(self.map(part), rows=len(sizes))


def hardware_of(architecture: Architecture) -> Hardware:
    """The hardware numbers of an architecture, as Python numbers."""
    levels = architecture.levels
    per_level: dict[str, Any] = {name: [getattr(level, name) for level in levels] for name in PER_LEVEL}
    return Hardware(
        capacity_bits=[level.size_bits / level.buffering for level in levels],
        mesh_x=[level.fanout.x for level in levels],
        mesh_y=[level.fanout.y for level in levels],
        mac_pj=architecture.compute.energy_pj,
        mac_leak_pj=architecture.compute.leak_pj,
        mac_area_um2=architecture.compute.area_um2,
        **per_level,
    )


def hardware_lanes(architecture: Architecture, changes: MappingABC[str, Any]) -> Hardware:
    """Hardware with some numbers replaced by arrays [H] (those of one value by that number).

    `changes` maps `LEVEL.field` (`GLB.size_bits`, `GLB.read_pj`, `GLB.fanout.x`, `MAC.energy_pj` ...) to arrays of one length.
    Raises InputError, with every fault, for unknown names, arrays that differ in length, and values out of range.
    """
    machine = hardware_of(architecture)
    faults: list[Fault] = []
    lengths: dict[str, int] = {}
    for name, values in changes.items():
        try:
            at, field = _place(architecture, name)
            array = _array(name, field, values)
        except InputError as error:
            faults += error.faults
            continue
        if array.size != 1:
            lengths[name] = array.size
        lane: Lane = float(array[0]) if array.size == 1 else array
        if at is None:
            machine = replace(machine, **{OF_COMPUTE[field]: lane})
        else:
            usable = lane / architecture.levels[at].buffering if field == "size_bits" else lane
            getattr(machine, OF_LEVEL[field])[at] = usable
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
        faults.append(Fault(f"the hardware arrays differ in length: {shown}"))
    if faults:
        raise InputError(faults)
    return replace(machine, rows=next(iter(lengths.values()), 1))


def varies_fanouts(changes: MappingABC[str, Any]) -> bool:
    """Whether some of the changes are to the size of a fanout."""
    return any(name.endswith((".fanout.x", ".fanout.y")) for name in changes)


def _place(architecture: Architecture, name: str) -> tuple[int | None, str]:
    """The level (None: the compute units) and the field that `name` stands for."""
    parts = (*architecture.names, architecture.compute.name)
    part = max((part for part in parts if name.startswith(f"{part}.")), key=len, default=None)
    if part is None:
        found = name.partition(".")[0]
        raise InputError(f"hardware {name!r}: no component is called {found!r}", hint=did_you_mean(found, parts))
    field = name[len(part) + 1 :]
    known = OF_COMPUTE if part == architecture.compute.name else OF_LEVEL
    if field not in known:
        raise InputError(f"hardware {name!r}: {field!r} cannot vary in a batch", hint=did_you_mean(field, known))
    return None if part == architecture.compute.name else architecture.index(part), field


def _array(name: str, field: str, values: Any) -> NDArray[np.float64]:
    try:
        array = np.asarray(values, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(f"hardware {name!r} is {values!r:.60}; expected numbers") from None
    if field.startswith("fanout"):
        right, expected = (array >= 1) & (array == np.floor(array)) & (array < np.inf), "whole numbers, at least 1"
    elif field.endswith("bandwidth"):
        right, expected = array > 0, "more than 0"
    else:
        right, expected = (array >= 0) & ((array < np.inf) | (field == "size_bits")), "0 or more"
    if not right.all():
        row = int(np.argmin(right))
        raise InputError(f"hardware {name!r} is {array[row]:g} in row {row}; expected {expected}")
    return array
