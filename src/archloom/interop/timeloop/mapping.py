"""Timeloop's `mapping` section: a list of directives becomes a Mapping."""

from __future__ import annotations

import math
from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from dataclasses import dataclass, field

from archloom.architecture.hierarchy import Architecture, Memory
from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.interop.timeloop.constraints import (
    UNMODELLED,
    Axis,
    Constraint,
    LoopConstraint,
    Origin,
    ResidencyConstraint,
)
from archloom.interop.timeloop.directives import dataspaces, factors, permutation
from archloom.interop.timeloop.fields import Fields, Notes, as_map
from archloom.interop.timeloop.hierarchical import spatial_name
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.spec.document import Value, YamlList, YamlMap
from archloom.workload.einsum import Workload

__all__ = ["Directives", "directives_from", "mapping_from"]

_KINDS = {
    "temporal": "temporal",
    "spatial": "spatial",
    "dataspace": "residency",
    "datatype": "residency",
    "bypass": "residency",
    "bypassing": "residency",
}
MAX_DIRECTIVES = 10_000
_UNMODELLED = {**UNMODELLED, "passthrough": "it is ignored", "no_coalesce": "it is ignored"}


@dataclass
class _Loops:
    """The factors and permutation of one level along one axis."""

    place: Place
    factors: dict[str, int] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    split: int | None = None


@dataclass
class Directives:
    """A parsed mapping: what it says of each level, by name. `no_multicast` names data spaces that a fanout sends one by one."""

    place: Place
    loops: dict[tuple[str, Axis], _Loops] = field(default_factory=dict)
    keep: dict[tuple[str, str], bool] = field(default_factory=dict)
    no_multicast: dict[str, frozenset[str]] = field(default_factory=dict)


def directives_from(
    section: Value, place: Place, levels: Sequence[str], workload: Workload, notes: Notes
) -> Directives | None:
    """Parse a mapping; `levels` are the storage levels' names, innermost first. None when the section is empty."""
    if isinstance(section, YamlMap):
        fields = Fields(section, "mapping", notes)
        fields.take("version")
        inner = fields.take("targets", "mapping")
        section, place = (None, place) if inner is None else (inner.value, inner.place)
    if section is None or section == []:
        return None
    if not isinstance(section, YamlList):
        notes.fault("the mapping is not a list of directives", place)
        return None
    if len(section) > MAX_DIRECTIVES:
        notes.fault(f"the mapping has {len(section)} directives; expected at most {MAX_DIRECTIVES}", place)
        return None
    result = Directives(place)
    for item, where in zip(section, section.value_places, strict=True):
        source = as_map(item, "a directive of the mapping", where, notes)
        if source is not None:
            _directive(Fields(source, "mapping", notes), result, levels, workload, notes)
    return result


def _directive(fields: Fields, result: Directives, levels: Sequence[str], workload: Workload, notes: Notes) -> None:
    kind = fields.text("type")
    target = _target(fields, kind, levels, notes)
    fields.call(f"mapping, {kind} at {target}" if target else "mapping")
    if kind == "skew":
        notes.remark(f"the skew at {target} is ignored")
        fields.ignore()
        return
    if kind not in _KINDS:
        where = fields.by_name["type"].place if "type" in fields.by_name else fields.place
        notes.fault(f"mapping: the directive has the type {kind!r}", where, did_you_mean(kind, _KINDS))
        return
    if target is None:
        return
    if _KINDS[kind] == "residency":
        _residency(fields, target, result, workload, notes)
    else:
        _loops(Axis(kind), fields, target, result, workload, notes)


def _target(fields: Fields, kind: str, levels: Sequence[str], notes: Notes) -> str | None:
    """The level a directive is for: by name, by number from the inside, or by the container whose fanout it is."""
    given = fields.take("target", "name")
    if given is None:
        notes.fault("mapping: a directive has no 'target'", fields.place)
        return None
    value = given.value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(levels):
        return levels[value]
    text = str(value) if isinstance(value, str | int) else ""
    if kind == "spatial" and spatial_name(text) in levels:
        return spatial_name(text)
    if text in levels:
        return text
    notes.fault(f"mapping: there is no storage level {text or value!r}", given.place, did_you_mean(text, levels[::-1]))
    return None


def _residency(fields: Fields, target: str, result: Directives, workload: Workload, notes: Notes) -> None:
    tensors = [tensor.name for tensor in workload.tensors]
    for name, kept in (("keep", True), ("bypass", False)):
        listed = fields.take(name)
        for tensor in dataspaces(listed, tensors, notes):
            if result.keep.get((target, tensor), kept) is not kept:
                notes.fault(
                    f"{fields.owner}: {tensor!r} is both kept and bypassed", listed.place if listed else fields.place
                )
            result.keep[target, tensor] = kept
    _point_out(fields, notes)


def _loops(axis: Axis, fields: Fields, target: str, result: Directives, workload: Workload, notes: Notes) -> None:
    before = result.loops.get((target, axis))
    if before is not None:
        notes.fault(
            f"{fields.owner}: given twice; it stands first at {before.place}", fields.place, "merge the two directives"
        )
        return
    loops = _Loops(fields.place)
    for factor in factors(fields.take("factors"), workload.dims, notes):
        if factor.relation != "=":
            notes.fault(f"{fields.owner}: the factor {factor} is a limit; a mapping needs exact factors", factor.place)
        loops.factors[factor.dim] = factor.value
    loops.order = permutation(fields.take("permutation"), workload.dims, notes)
    if axis is Axis.SPATIAL:
        loops.split = fields.integer("split", least=0)
        tensors = [tensor.name for tensor in workload.tensors]
        alone = dataspaces(fields.take("no_multicast_no_reduction", "no_multicast", "no_reuse"), tensors, notes)
        if alone:
            result.no_multicast[target] = frozenset(alone)
        # link transfers between neighbours are never counted here, so switching them off changes nothing
        fields.take("no_link_transfer")
    result.loops[target, axis] = loops
    _point_out(fields, notes)


def _point_out(fields: Fields, notes: Notes) -> None:
    for name, consequence in _UNMODELLED.items():
        given = fields.by_name.get(name)
        if given is not None and not given.used and given.value:
            notes.remark(f"{given.name} ({fields.owner}): {consequence}")
        if given is not None:
            given.used = True


def mapping_from(
    directives: Directives,
    workload: Workload,
    architecture: Architecture,
    constraints: Sequence[Constraint],
    notes: Notes,
) -> Mapping | None:
    """Build the mapping: what the directives leave open follows the nodes' constraints, then Timeloop's defaults.

    The defaults: a factor is 1, dimensions missing from a permutation come last, every mesh loop lies on X, everything is kept
    that the memory may keep. None, with faults in `notes`, when the factors do not multiply to the bounds.
    """
    _inherit_loops(directives, constraints, architecture)
    bounds = _resolve_rest(directives, workload, notes)
    _check_products(directives, bounds, workload, notes)
    kept = {**_default_keep(constraints), **directives.keep}
    nests = tuple(_nest(level, directives, bounds, kept, workload, notes) for level in architecture.levels)
    if notes.faults:
        return None
    mapping = Mapping(nests)
    try:
        mapping.check(workload, architecture)
    except InputError as error:
        notes.faults += [Fault(fault.message, fault.place or directives.place, fault.hint) for fault in error.faults]
        return None
    return mapping


def _inherit_loops(directives: Directives, constraints: Sequence[Constraint], architecture: Architecture) -> None:
    for constraint in constraints:
        if (
            not isinstance(constraint, LoopConstraint)
            or constraint.origin is not Origin.NODE
            or constraint.target not in architecture.names
        ):
            continue
        loops = directives.loops.setdefault((constraint.target, constraint.axis), _Loops(constraint.place))
        for dim, value in constraint.exact().items():
            loops.factors.setdefault(dim, value)
        loops.order = loops.order or constraint.permutation
        loops.split = constraint.split if loops.split is None else loops.split


def _resolve_rest(directives: Directives, workload: Workload, notes: Notes) -> dict[tuple[str, Axis, str], int]:
    """All factors, with each 0 replaced by what the other factors leave of the bound."""
    values = {(*key, dim): value for key, loops in directives.loops.items() for dim, value in loops.factors.items()}
    for dim, bound in workload.bounds.items():
        open_keys = [key for key, value in values.items() if key[2] == dim and value == 0]
        if not open_keys:
            continue
        others = math.prod(value for key, value in values.items() if key[2] == dim and value)
        place = directives.loops[open_keys[0][0], open_keys[0][1]].place
        if len(open_keys) > 1:
            notes.fault(
                f"mapping: the factor of {dim} is 0 (the rest) at {len(open_keys)} places; expected at most one", place
            )
        elif bound % others:
            notes.fault(
                f"mapping: the factor of {dim} is 0 (the rest), but the others multiply to {others}, which does not divide its bound {bound}",
                place,
            )
        for key in open_keys:
            values[key] = max(1, bound // others)
    return values


def _check_products(
    directives: Directives, values: MappingABC[tuple[str, Axis, str], int], workload: Workload, notes: Notes
) -> None:
    if notes.faults:
        return
    for dim, bound in workload.bounds.items():
        used = {key: value for key, value in values.items() if key[2] == dim and value != 1}
        product = math.prod(used.values())
        if product == bound:
            continue
        spelled = " x ".join(f"{value} at {key[0]}" for key, value in used.items())
        place = next((directives.loops[key[0], key[1]].place for key in used), directives.place)
        notes.fault(
            f"mapping: the product of all factors of {dim} is {product}, not {bound}, the size of that dimension",
            place,
            spelled or None,
        )


def _default_keep(constraints: Sequence[Constraint]) -> dict[tuple[str, str], bool]:
    found: dict[tuple[str, str], bool] = {}
    for constraint in constraints:
        if isinstance(constraint, ResidencyConstraint):
            found.update(
                {
                    (constraint.target, tensor): False
                    for tensor in constraint.bypass
                    if (constraint.target, tensor) not in found
                }
            )
            found.update({(constraint.target, tensor): True for tensor in constraint.keep})
    return found


def _nest(
    level: Memory,
    directives: Directives,
    values: MappingABC[tuple[str, Axis, str], int],
    kept: MappingABC[tuple[str, str], bool],
    workload: Workload,
    notes: Notes,
) -> LevelNest:
    temporal, _ = _ordered(level.name, Axis.TEMPORAL, directives, values, workload)
    spatial, split = _ordered(level.name, Axis.SPATIAL, directives, values, workload)
    x, y = ([loop for loop, at in spatial if at < split], [loop for loop, at in spatial if at >= split])
    if spatial and level.fanout.total == 1:
        place = directives.loops[level.name, Axis.SPATIAL].place
        notes.fault(
            f"mapping: {level.name} has no fanout below it for the spatial loops {' '.join(str(loop) for loop, _ in spatial)}",
            place,
        )
    keep = frozenset(
        tensor.name for tensor in workload.tensors if kept.get((level.name, tensor.name), level.may_keep(tensor))
    )
    return LevelNest(
        level.name, tuple(loop for loop, _ in reversed(temporal)), tuple(reversed(x)), tuple(reversed(y)), keep
    )


def _ordered(
    name: str, axis: Axis, directives: Directives, values: MappingABC[tuple[str, Axis, str], int], workload: Workload
) -> tuple[list[tuple[Loop, int]], int]:
    """The loops with more than one iteration, innermost first, each with its position in the whole permutation; and the split."""
    loops = directives.loops.get((name, axis))
    if loops is None:
        return [], 0
    order = (*loops.order, *(dim for dim in workload.dims if dim not in loops.order))
    found = [(Loop(dim, values.get((name, axis, dim), 1)), at) for at, dim in enumerate(order)]
    return [(loop, at) for loop, at in found if loop.trip > 1], len(order) if loops.split is None else loops.split
