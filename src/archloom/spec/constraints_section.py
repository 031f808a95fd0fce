"""Constraint sections of YAML files: what a mapper has to respect at each level, read and checked for form."""

from __future__ import annotations

import re

from archloom.architecture.hierarchy import Architecture
from archloom.errors import Place, did_you_mean
from archloom.spec.constraints import DIM_GROUPS, FactorRule, LevelRules, LoopRules
from archloom.spec.fields import Fields, Scope
from archloom.spec.values import Value, YamlList, YamlMap, shown

__all__ = ["DIM_GROUPS", "FactorRule", "LevelRules", "LoopRules", "read_constraints"]

_LEVEL_KEYS = (
    *("level", "keep", "bypass", "temporal", "x", "y", "spatial"),
    *("no_multicast", "no_reuse", "parallelism", "utilization"),
)
_LOOP_KEYS = ("dims", "factors", "order")
_LIMIT = re.compile(r"(<=|>=)\s*(.+)", re.DOTALL)


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
    if isinstance(value, YamlMap) and list(value) == ["parallelism"]:
        fields = Fields(value, place, "the entry for the whole machine", _LEVEL_KEYS, scope)
        return LevelRules("", parallelism=_parallelism(fields), place=place)
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
    return LevelRules(
        level,
        keep,
        bypass,
        *(_loops(fields, key) for key in ("temporal", "x", "y", "spatial")),
        no_multicast=frozenset(fields.words("no_multicast")),
        no_reuse=frozenset(fields.words("no_reuse")),
        parallelism=_parallelism(fields),
        utilization=_utilization(fields),
        place=place,
    )


def _parallelism(fields: Fields) -> tuple[int, int | None]:
    """`4`, `<= 4`, `>= 4`, or `{min: 2, max: 4}`."""
    key = "parallelism"
    value = fields.raw(key)
    if isinstance(value, YamlMap):
        inner = Fields(value, fields.at(key), fields.label(key), ("min", "max"), fields.scope)
        least, most = inner.integer("min", 1), inner.integer("max", 1) if "max" in inner else None
    else:
        rule = None if key not in fields else _factor(value, fields.label(key), fields.at(key), fields.scope)
        trip = 1 if rule is None or rule.trip is None else rule.trip
        least, most = (trip if rule and not rule.at_most else 1), (trip if rule and not rule.at_least else None)
    if most is not None and most < least:
        fields.fault(key, f"{fields.label(key)} is at least {least} and at most {most}")
    return least, most


def _utilization(fields: Fields) -> float:
    share = fields.number("utilization", 0.0)
    if not 0 <= share <= 1:
        fields.fault("utilization", f"{fields.label('utilization')} is {share}; expected a share from 0 to 1")
        return 0.0
    return float(share)


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
    if order and key != "temporal":
        outer.scope.warnings.append(
            f"{fields.at('order')}: {fields.label('order')} has no meaning: loops across a fanout are side by side"
        )
    for dim in sorted({dim for dim in order if order.count(dim) > 1}):
        fields.fault("order", f"{fields.label('order')} names {dim!r} twice")
    return LoopRules(fields.words("dims") if "dims" in fields else None, factors, order)


def _factor(value: Value, what: str, place: Place, scope: Scope) -> FactorRule | None:
    """`3`, `<= 3`, `>= 3`, `rows // 2` or `rest`."""
    if value == "rest":
        return FactorRule(None, place=place)
    limit = _LIMIT.fullmatch(value.strip()) if isinstance(value, str) else None
    if limit is None and isinstance(value, str) and value.strip().startswith(("<", ">", "=")):
        scope.fault(f"{what} is {shown(value)}; expected such as 4, <= 4, >= 4 or rest", place)
        return None
    trip = scope.integer(limit[2] if limit else value, what, place)
    if trip is None:
        return None
    return FactorRule(
        trip, at_most=bool(limit and limit[1] == "<="), at_least=bool(limit and limit[1] == ">="), place=place
    )
