"""Timeloop's constraints in a neutral form: what a mapping of this machine must look like, for the mapper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from archloom.errors import Place, did_you_mean
from archloom.interop.timeloop.directives import Factor, dataspaces, factors, permutation
from archloom.interop.timeloop.fields import Fields, Notes, as_map
from archloom.spec.document import Value, YamlList, YamlMap
from archloom.workload.einsum import Workload

__all__ = [
    "UNMODELLED",
    "Axis",
    "Constraint",
    "LoopConstraint",
    "Origin",
    "OverbookingConstraint",
    "ResidencyConstraint",
    "UtilizationConstraint",
    "constraint_from",
    "constraints_from",
]


class Axis(Enum):
    """Whether loops run in time or across the fanout below their level."""

    TEMPORAL = "temporal"
    SPATIAL = "spatial"


class Origin(Enum):
    """Where a constraint was written: it belongs to the hardware, or to the search for a mapping."""

    NODE = "node"
    ARCHITECTURE = "architecture"
    MAPSPACE = "mapspace"


@dataclass(frozen=True, slots=True)
class LoopConstraint:
    """Limits on the loops of one level along one axis.

    `factors`: `=`, `<=` or `>=` a value, 0 standing for whatever is left of the bound. `permutation`: dimensions that come first,
    innermost first. `split`: how many dimensions of the permutation lie on the mesh axis X (the rest on Y). `no_reuse`: data spaces
    without multicast and reduction (spatial) or without reuse over time (temporal). `no_link_transfer`: data spaces that are not
    passed between neighbours. `rmw_first_update`: outputs whose first update reads, too. `max_factor`, `min_factor`: for the
    dimensions without a factor of their own. `maximize`: groups of dimensions to make as large as fits, one group after the other.
    `remainders`: whether factors may be imperfect.
    """

    target: str
    axis: Axis
    origin: Origin
    place: Place
    factors: tuple[Factor, ...] = ()
    permutation: tuple[str, ...] = ()
    split: int | None = None
    no_reuse: tuple[str, ...] = ()
    no_link_transfer: tuple[str, ...] = ()
    rmw_first_update: tuple[str, ...] = ()
    max_factor: int | None = None
    min_factor: int | None = None
    maximize: tuple[tuple[str, ...], ...] = ()
    remainders: bool | None = None

    def exact(self) -> dict[str, int]:
        """The factors given with `=`, by dimension."""
        return {factor.dim: factor.value for factor in self.factors if factor.relation == "="}


@dataclass(frozen=True, slots=True)
class ResidencyConstraint:
    """The data spaces that a level must hold (`keep`), must not hold (`bypass`), or must not coalesce."""

    target: str
    origin: Origin
    place: Place
    keep: tuple[str, ...] = ()
    bypass: tuple[str, ...] = ()
    no_coalesce: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UtilizationConstraint:
    """At least this fraction of the units below the target is used (Timeloop's `utilization` or `parallelism`)."""

    target: str
    origin: Origin
    place: Place
    minimum: float


@dataclass(frozen=True, slots=True)
class OverbookingConstraint:
    """At most this fraction of a level's tiles may exceed its capacity (sparse tensors)."""

    target: str
    origin: Origin
    place: Place
    proportion: float


Constraint = LoopConstraint | ResidencyConstraint | UtilizationConstraint | OverbookingConstraint

UNMODELLED = {
    "no_temporal_reuse": "reuse over time is counted all the same",
    "no_reuse": "reuse over time is counted all the same",
    "rmw_first_update": "the first update of a word reads nothing here",
    "rmw_on_first_writeback": "the first update of a word reads nothing here",
}
"""What temporal loops may be told that the model does not know, and what it does instead."""

_TYPES = {
    "temporal": "temporal",
    "spatial": "spatial",
    "dataspace": "dataspace",
    "datatype": "dataspace",
    "bypass": "dataspace",
    "bypassing": "dataspace",
    "utilization": "utilization",
    "parallelism": "utilization",
    "max_overbooked_proportion": "max_overbooked_proportion",
}


def constraints_from(
    section: Value, place: Place, origin: Origin, workload: Workload, notes: Notes
) -> tuple[Constraint, ...]:
    """Parse a list of constraints, or a mapping with such a list under `targets` or `constraints`."""
    found: list[Constraint] = []
    for entry in _entries(section, place, notes):
        fields = Fields(entry, "constraint", notes)
        target = _target(fields)
        inner = fields.take("constraints")
        if inner is None:
            if entry:
                found += constraint_from(fields.text("type"), target, fields, origin, workload, notes)
            continue
        for below in _entries(inner.value, inner.place, notes):
            nested = Fields(below, "constraint", notes)
            found += constraint_from(nested.text("type"), target, nested, origin, workload, notes)
    return tuple(found)


def _entries(section: Value, place: Place, notes: Notes) -> Iterator[YamlMap]:
    if section is None:
        return
    if isinstance(section, YamlMap):
        fields = Fields(section, "constraints", notes)
        fields.take("version")
        for field in [fields.take("targets"), fields.take("constraints")]:
            if field is not None:
                yield from _entries(field.value, field.place, notes)
        return
    if not isinstance(section, YamlList):
        notes.fault("the constraints are not a list", place, "expected a list of targets")
        return
    for item, where in zip(section, section.value_places, strict=True):
        entry = as_map(item, "a constraint", where, notes)
        if entry is not None:
            yield entry


def _target(fields: Fields) -> str:
    return fields.text("target", "name")


def constraint_from(
    kind: str, target: str, fields: Fields, origin: Origin, workload: Workload, notes: Notes
) -> list[Constraint]:
    """Parse one constraint of the given type; none, with a fault, when the type is unknown."""
    attributes = fields.map("attributes")
    if attributes is not None:
        fields = Fields(attributes, "constraint", notes, inherited=fields)
    fields.call(f"the {kind or 'untyped'} constraint of {target or 'no target'}")
    fields.take("type")
    if not target:
        notes.fault(f"{fields.owner}: 'target' is missing", fields.place)
    known = _TYPES.get(kind.replace("-", "_"))
    if known is None:
        notes.fault(f"{fields.owner}: expected a known type", fields.place, did_you_mean(kind, _TYPES))
        return []
    if known in ("temporal", "spatial"):
        return [_loops(Axis(known), target, fields, origin, workload, notes)]
    if known == "dataspace":
        return [_residency(target, fields, origin, workload, notes)]
    if known == "utilization":
        return [UtilizationConstraint(target, origin, fields.place, fields.number("min", default=0.0) or 0.0)]
    proportion = fields.number("proportion", default=0.0) or 0.0
    return [OverbookingConstraint(target, origin, fields.place, proportion)]


def _loops(axis: Axis, target: str, fields: Fields, origin: Origin, workload: Workload, notes: Notes) -> LoopConstraint:
    dims, tensors = workload.dims, [tensor.name for tensor in workload.tensors]
    given = factors(fields.take("factors"), dims, notes) + _macros(fields, workload, notes)
    unique = {(factor.dim, factor.relation): factor for factor in reversed(given)}
    no_reuse = "no_multicast_no_reduction" if axis is Axis.SPATIAL else "no_temporal_reuse"
    remainders = fields.take("remainders")
    if axis is Axis.TEMPORAL:
        _point_out(fields, notes)
    return LoopConstraint(
        target=target,
        axis=axis,
        origin=origin,
        place=fields.place,
        factors=tuple(factor for factor in given if unique.get((factor.dim, factor.relation)) is factor),
        permutation=permutation(fields.take("permutation"), dims, notes),
        split=fields.integer("split", least=0),
        no_reuse=dataspaces(fields.take("no_reuse", no_reuse, "no_multicast"), tensors, notes),
        no_link_transfer=dataspaces(fields.take("no_link_transfer"), tensors, notes),
        rmw_first_update=dataspaces(fields.take("rmw_first_update", "rmw_on_first_writeback"), tensors, notes),
        max_factor=fields.integer("default_max_factor"),
        min_factor=fields.integer("default_min_factor"),
        maximize=_maximize(fields, workload, notes),
        remainders=None if remainders is None else bool(remainders.value),
    )


def _point_out(fields: Fields, notes: Notes) -> None:
    for name, consequence in UNMODELLED.items():
        given = fields.by_name.get(name)
        if given is not None and given.value:
            notes.remark(f"{given.name} ({fields.owner}): {consequence}")


def _macros(fields: Fields, workload: Workload, notes: Notes) -> tuple[Factor, ...]:
    """The shorthands of the front end, written out: `factors_only`, `no_iteration_over_dataspaces`, `must_iterate_over_dataspaces`."""
    dims, tensors = workload.dims, [tensor.name for tensor in workload.tensors]
    found: tuple[Factor, ...] = ()
    only = fields.take("factors_only")
    if only is not None:
        found += factors(only, dims, notes)
        found += tuple(Factor(dim, "=", 1, only.place) for dim in dims if dim not in {factor.dim for factor in found})
    without = fields.take("no_iteration_over_dataspaces")
    if without is not None:
        still = _dims_of(dataspaces(without, tensors, notes), workload)
        found += tuple(Factor(dim, "=", 1, without.place) for dim in dims if dim in still)
    over = fields.take("must_iterate_over_dataspaces")
    if over is not None:
        moving = _dims_of(dataspaces(over, tensors, notes), workload)
        found += tuple(Factor(dim, "=", 1, over.place) for dim in dims if dim not in moving)
    return found


def _dims_of(names: Iterable[str], workload: Workload) -> set[str]:
    return {dim for name in names for dim in workload.tensor(name).dims}


def _maximize(fields: Fields, workload: Workload, notes: Notes) -> tuple[tuple[str, ...], ...]:
    field = fields.take("maximize_dims")
    if field is None or not isinstance(field.value, YamlList):
        return ()
    groups = field.value if all(isinstance(item, YamlList) for item in field.value) else [field.value]
    named: list[tuple[str, ...]] = []
    for group in groups:
        names = tuple(str(dim) for dim in group) if isinstance(group, YamlList) else ()
        named.append(names)
        for dim in names:
            if dim not in workload.dims:
                notes.fault(
                    f"{fields.owner}: maximize_dims names {dim!r}, which is not a dimension",
                    field.place,
                    did_you_mean(dim, workload.dims),
                )
    return tuple(named)


def _residency(target: str, fields: Fields, origin: Origin, workload: Workload, notes: Notes) -> ResidencyConstraint:
    tensors = [tensor.name for tensor in workload.tensors]
    keep = dataspaces(fields.take("keep"), tensors, notes)
    bypass = dataspaces(fields.take("bypass"), tensors, notes)
    for name, is_keep in (("keep_only", True), ("bypass_only", False)):
        field = fields.take(name)
        if field is not None:
            listed = dataspaces(field, tensors, notes)
            others = tuple(tensor for tensor in tensors if tensor not in listed)
            keep, bypass = (keep + listed, bypass + others) if is_keep else (keep + others, bypass + listed)
    keep, bypass = tuple(dict.fromkeys(keep)), tuple(dict.fromkeys(bypass))
    for name in keep:
        if name in bypass:
            notes.fault(f"{fields.owner}: {name!r} is both kept and bypassed", fields.place)
    return ResidencyConstraint(
        target, origin, fields.place, keep, bypass, dataspaces(fields.take("no_coalesce"), tensors, notes)
    )
