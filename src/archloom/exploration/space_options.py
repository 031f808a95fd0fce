"""The options of a space file: how designs are mapped, and how they are searched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from archloom.architecture.hierarchy import Architecture
from archloom.errors import InputError, Place, did_you_mean
from archloom.exploration.objective import MAPPING_OBJECTIVES, Goal
from archloom.exploration.request import MappingChoice, SearchChoice
from archloom.exploration.space_sources import Sources
from archloom.exploration.strategies import NAMES, strategy_of
from archloom.search.objective import Objective, objective_of
from archloom.spec.constraints_section import read_constraints
from archloom.spec.document import Value, YamlList, YamlMap, read
from archloom.spec.fields import Fields, Scope
from archloom.spec.load import Spec
from archloom.spec.values import shown

__all__ = ["read_mapping_choice", "read_search"]

KINDS = ("best", "frontier", "fixed")
CUTS = ("level", "free")
_MAPPING_KEYS = ("kind", "objective", "cuts", "padding", "drain_reads", "time_limit", "constraints", "given")
_SEARCH_KEYS = ("strategy", "evaluations", "seed", "time_limit")
_TIME = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*(s|min|h)?\s*")
_SECONDS = {"s": 1, "min": 60, "h": 3600, None: 1}


def read_mapping_choice(
    outer: Fields, base: Architecture | None, goal: Goal | None, sources: Sources, scope: Scope
) -> MappingChoice | None:
    """The key `mapping`: `best`, `frontier`, `fixed`, or a mapping with more; None after faults."""
    before = len(scope.faults)
    value, place = outer.raw("mapping"), outer.at("mapping")
    if not isinstance(value, YamlMap):
        value, word = YamlMap(place), value
        if word is not None:
            value.put("kind", word, place, place)
    fields = Fields(value, place, "'mapping'", _MAPPING_KEYS, scope)
    kind, cuts = _one_of(fields, "kind", KINDS), _one_of(fields, "cuts", CUTS)
    objective = _objective(fields, goal)
    limit = _seconds(fields)
    rules = ()
    if "constraints" in fields:
        rules = (Spec(constraints=read_constraints(fields.raw("constraints"), fields.at("constraints"), scope, base)),)
    given = _given(fields, sources)
    padding, drain_reads = fields.flag("padding"), fields.flag("drain_reads")
    if len(scope.faults) > before or objective is None:
        return None
    return MappingChoice(kind, objective, cuts, padding, drain_reads, limit, rules, given)


def _one_of(fields: Fields, key: str, words: tuple[str, ...]) -> str:
    word = fields.text(key, words[0])
    if word not in words:
        fields.fault(key, f"{fields.label(key)} is {shown(word)}", did_you_mean(word, words))
    return word


def _objective(fields: Fields, goal: Goal | None) -> Objective | None:
    """What a mapping minimises: as said, or what the first objective of the study says."""
    if "objective" not in fields:
        return None if goal is None else objective_of(goal.mapping_objective)
    value = fields.raw("objective")
    try:
        if isinstance(value, YamlMap):
            return objective_of({str(key): _plain(number) for key, number in value.items()})
        return objective_of(str(value))
    except (InputError, TypeError) as error:
        hint = did_you_mean(str(value), MAPPING_OBJECTIVES)
        fields.fault("objective", f"{fields.label('objective')}: {str(error).partition(' (')[0]}", hint)
        return None


def _plain(number: Value) -> float:
    return float(number) if isinstance(number, int | float) else -1.0


def _seconds(fields: Fields) -> float | None:
    value = fields.raw("time_limit")
    if value is None:
        return None
    match = _TIME.fullmatch(str(value)) if isinstance(value, str | int | float) else None
    seconds = 0.0 if match is None else float(match[1]) * _SECONDS[match[2]]
    if seconds <= 0:
        fields.fault("time_limit", f"{fields.label('time_limit')} is {shown(value)}; expected such as 10s or 5min")
        return None
    return seconds


def _given(fields: Fields, sources: Sources) -> dict[str, str]:
    """The texts of the baseline's own mappings, by layer ("" for all layers)."""
    value = fields.raw("given")
    if value is None:
        return {}
    entries: list[tuple[str, Value, Place]] = [("", value, fields.at("given"))]
    if not isinstance(value, str):
        entries = list(fields.entries("given", of="layers to mapping files"))
    found: dict[str, str] = {}
    for layer, name, place in entries:
        try:
            if not isinstance(name, str):
                raise InputError(f"the mapping file is {shown(name)}; expected a path", place)
            found[layer] = read(sources.path(name))
            sources.keep(name, found[layer])
        except InputError as error:
            fields.scope.adopt(InputError(error.faults[0].message, place, error.faults[0].hint), place)
    return found


def read_search(outer: Fields, scope: Scope) -> SearchChoice | None:
    """The key `search`: a strategy by name, or a mapping with its options; None after faults."""
    before = len(scope.faults)
    value, place = outer.raw("search"), outer.at("search")
    if not isinstance(value, YamlMap):
        value, word = YamlMap(place), value
        if word is not None:
            value.put("strategy", word, place, place)
    own = YamlMap(place)
    options: dict[str, Any] = {}
    for key, entry in value.items():
        if key in _SEARCH_KEYS:
            own.put(key, entry, value.key_places[key], value.value_places[key])
        else:
            options[str(key)] = _option(entry)
    fields = Fields(own, place, "'search'", _SEARCH_KEYS, scope)
    strategy = _one_of(fields, "strategy", NAMES) if "strategy" in fields else NAMES[0]
    evaluations = fields.integer("evaluations", 1) if "evaluations" in fields else None
    seed = fields.integer("seed", 0, least=0)
    limit = _seconds(fields)
    if strategy in NAMES:
        _check_options(strategy, options, value, place, scope)
    if len(scope.faults) > before:
        return None
    return SearchChoice(strategy, evaluations, seed, limit, options)


def _option(value: Value) -> Any:
    if isinstance(value, YamlMap):
        return {str(key): _option(entry) for key, entry in value.items()}
    return [_option(entry) for entry in value] if isinstance(value, YamlList) else value


def _check_options(strategy: str, options: Mapping[str, Any], value: YamlMap, place: Place, scope: Scope) -> None:
    """Note what the strategy does not take, at the option's place."""
    for key, option in options.items():
        try:
            strategy_of(strategy, {key: option})
        except InputError as error:
            where = value.key_places.get(key, place)
            hint = error.faults[0].hint
            scope.adopt(InputError([type(fault)(fault.message, where, hint) for fault in error.faults]), where)
