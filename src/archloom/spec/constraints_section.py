"""Constraint sections of YAML files: what a mapper has to respect at each level, read and checked for form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from archloom.architecture.hierarchy import Architecture
from archloom.errors import Place, did_you_mean
from archloom.spec.fields import Fields, Scope
from archloom.spec.values import Value, YamlList, YamlMap, shown

__all__ = ["DIM_GROUPS", "FactorRule", "LevelRules", "LoopRules", "read_constraints"]

DIM_GROUPS = ("reduction", "filters", "pixels", "groups", "all")
"""Words for sets of dimensions, so that a machine's rules fit any einsum: `reduction` dims index both operands but not the output,
`filters` the weights and the output, `pixels` the inputs and the output, `groups` all three, and `all` means every dim."""

_LEVEL_KEYS = ("level", "keep", "bypass", "temporal", "x", "y")
_LOOP_KEYS = ("dims", "factors", "order")
_AT_MOST = re.compile(r"<=\s*(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FactorRule:
    """A rule for one trip count: exactly `trip`, at most `trip`, or, when it is None, whatever is left of the bound."""

    trip: int | None
    at_most: bool = False


@dataclass(frozen=True, slots=True)
class LoopRules:
    """Rules for the loops in time, or across one mesh axis, of a level.

    `dims`: the only dimensions (or DIM_GROUPS) that may have loops here; None allows all. `factors`: rules for trip counts.
    `order`: dimensions, outermost first, in the order that their loops have to have.
    """

    dims: tuple[str, ...] | None = None
    factors: Mapping[str, FactorRule] = field(default_factory=dict[str, FactorRule])
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LevelRules:
    """Rules for one level: tensors (selectors) that must and must not be held there, and rules for its loops."""

    level: str
    keep: frozenset[str] = frozenset()
    bypass: frozenset[str] = frozenset()
    temporal: LoopRules = field(default_factory=LoopRules)
    x: LoopRules = field(default_factory=LoopRules)
    y: LoopRules = field(default_factory=LoopRules)


def read_constraints(
    value: Value, place: Place, scope: Scope, architecture: Architecture | None
) -> tuple[LevelRules, ...]:
    """Read a constraints section: a list with the rules of one level each.

    Dimensions are not checked against a workload: a machine's rules may name dimensions that only some workloads have.
    """
    if not isinstance(value, YamlList):
        scope.fault(f"'constraints' is {shown(value)}; expected a list of entries, each with a 'level'", place)
        return ()
    rules: list[LevelRules] = []
    places: dict[str, Place] = {}
    for item, where in zip(value, value.value_places, strict=True):
        rule = _level(item, where, scope, architecture)
        if rule is None:
            continue
        if rule.level in places:
            scope.fault(f"the entry for {rule.level!r} is given twice; it stands first at {places[rule.level]}", where)
        places[rule.level] = where
        rules.append(rule)
    return tuple(rules)


def _level(value: Value, place: Place, scope: Scope, architecture: Architecture | None) -> LevelRules | None:
    name = value.get("level") if isinstance(value, YamlMap) else None
    what = f"the entry for {name!r}" if isinstance(name, str) else "an entry of the constraints"
    fields = Fields(value, place, what, _LEVEL_KEYS, scope)
    if not fields.require("level"):
        return None
    level = fields.text("level", "?")
    if architecture is not None and level not in architecture.names and level != "?":
        names = list(reversed(architecture.names))
        fields.fault("level", f"the architecture has no level {level!r}", did_you_mean(level, names))
    keep, bypass = frozenset(fields.words("keep")), frozenset(fields.words("bypass"))
    for both in sorted(keep & bypass):
        fields.fault("bypass", f"{what} both keeps and bypasses {both!r}")
    return LevelRules(level, keep, bypass, *(_loops(fields, key) for key in ("temporal", "x", "y")))


def _loops(outer: Fields, key: str) -> LoopRules:
    if key not in outer:
        return LoopRules()
    fields = Fields(outer.raw(key), outer.at(key), f"{key!r} in {outer.what}", _LOOP_KEYS, outer.scope)
    factors: dict[str, FactorRule] = {}
    for dim, rule, where in fields.entries("factors", of="dimensions to trip counts"):
        factor = _factor(rule, f"the factor of {dim!r}", where, outer.scope)
        if factor is not None:
            factors[dim] = factor
    order = fields.words("order")
    for dim in sorted({dim for dim in order if order.count(dim) > 1}):
        fields.fault("order", f"{fields.label('order')} names {dim!r} twice")
    return LoopRules(fields.words("dims") if "dims" in fields else None, factors, order)


def _factor(value: Value, what: str, place: Place, scope: Scope) -> FactorRule | None:
    """`3`, `<= 3`, `rows // 2` or `rest`."""
    if value == "rest":
        return FactorRule(None)
    bound = _AT_MOST.fullmatch(value.strip()) if isinstance(value, str) else None
    trip = scope.integer(bound[1] if bound else value, what, place)
    return None if trip is None else FactorRule(trip, at_most=bound is not None)
