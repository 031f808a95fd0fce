"""The components of either form of architecture, outermost first, become an Architecture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from archloom.architecture.hierarchy import Architecture, Fanout, Memory
from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.interop.timeloop.components import Part, Tables, compute_from, kind_of_class, memory_from
from archloom.interop.timeloop.constraints import Axis, Constraint, LoopConstraint, ResidencyConstraint
from archloom.interop.timeloop.fields import Notes

__all__ = ["Pieces", "architecture_from"]


@dataclass(frozen=True)
class Pieces:
    """A parsed architecture: its name, its components outermost first, and the constraints written in its nodes."""

    name: str
    parts: Sequence[Part]
    constraints: tuple[Constraint, ...] = ()


def architecture_from(pieces: Pieces, tables: Tables, place: Place, notes: Notes) -> Architecture | None:
    """Lower the components; None, with faults in `notes`, when that is not possible."""
    storages = [part for part in pieces.parts if kind_of_class(part.class_name) == "memory"]
    computes = [part for part in pieces.parts if kind_of_class(part.class_name) == "compute"]
    if not storages:
        notes.fault(
            "the architecture has no storage component",
            place,
            "expected one of class DRAM, SRAM, regfile, smartbuffer or storage",
        )
    if len(computes) != 1:
        found = ", ".join(part.name for part in computes) or "none"
        notes.fault(f"the architecture has {len(computes)} compute components ({found}); expected exactly one", place)
    if not storages or len(computes) != 1:
        return None
    chain = [*storages, computes[0]]
    levels = [memory_from(part, _fanout(part, inner, notes), tables, notes) for part, inner in pairwise(chain)]
    compute = compute_from(computes[0], tables, notes)
    if storages[0].instances > 1:
        notes.fault(
            f"{storages[0].name}: the outermost storage has {storages[0].instances} instances; expected one",
            storages[0].place,
        )
    _check_gates(storages, levels, notes)
    if notes.faults:
        return None
    levels = [_constrained(level, pieces.constraints) for level in levels]
    try:
        return Architecture(pieces.name, tuple(reversed(levels)), compute, pooled=True)
    except InputError as error:
        notes.faults += [Fault(fault.message, fault.place or place, fault.hint) for fault in error.faults]
        return None


def _fanout(outer: Part, inner: Part, notes: Notes) -> Fanout:
    """How many of `inner` hang on one of `outer`, along each axis of the mesh."""
    sizes: list[int] = []
    for axis, above, below in (("meshX", outer.mesh_x, inner.mesh_x), ("meshY", outer.mesh_y, inner.mesh_y)):
        if below % above:
            notes.fault(
                f"{inner.name}: {axis} is {below}, which is not a multiple of the {above} of {outer.name} outside it",
                inner.place,
                f"{inner.name} has {inner.instances} instances, {outer.name} {outer.instances}",
            )
            return Fanout()
        sizes.append(below // above)
    fill, drain = (outer.fields.integer(f"network_{way}_latency", default=0, least=0) or 0 for way in ("fill", "drain"))
    return Fanout(sizes[0], sizes[1], fill_latency=fill, drain_latency=drain)


def _check_gates(parts: Sequence[Part], levels: Sequence[Memory], notes: Notes) -> None:
    outside: list[str] = []
    for part, level in zip(parts, levels, strict=True):
        outside.append(part.name)
        gate = level.power_gated_at
        if gate is not None and gate not in outside:
            place = part.fields.by_name["power_gated_at"].place
            notes.fault(
                f"{part.name}: power_gated_at is {gate!r}, which is not a level outside it",
                place,
                did_you_mean(gate, outside),
            )


def _constrained(level: Memory, constraints: Sequence[Constraint]) -> Memory:
    """What the nodes' own constraints say a memory holds, or a fanout cannot share, is a property of the hardware."""
    keep: set[str] = set()
    bypass: set[str] = set()
    alone: set[str] = set()
    for constraint in constraints:
        if constraint.target != level.name:
            continue
        if isinstance(constraint, ResidencyConstraint):
            keep.update(constraint.keep)
            bypass.update(constraint.bypass)
        elif isinstance(constraint, LoopConstraint) and constraint.axis is Axis.SPATIAL:
            alone.update(constraint.no_reuse)
    fanout = replace(level.fanout, no_multicast=level.fanout.no_multicast | alone)
    return replace(level, keep=level.keep | keep, bypass=level.bypass | (bypass - keep), fanout=fanout)
