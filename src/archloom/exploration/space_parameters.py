"""The parameters, helpers and constraints of a space file, read into a DesignSpace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import cast

from archloom.architecture.hierarchy import Architecture
from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.exploration.column_arithmetic import ARITIES
from archloom.exploration.design_space import DesignSpace, Linked
from archloom.exploration.domains import ANY, Parameter, read_domain
from archloom.exploration.expressions import UNIT_CONSTANTS, Expression, read_expression
from archloom.exploration.space_paths import Steps, full_path, levels_of
from archloom.spec.document import Value, YamlMap
from archloom.spec.fields import Fields, Scope
from archloom.spec.quantities import quantity, split_unit
from archloom.spec.values import shown

__all__ = ["read_space"]

_UNITS = {
    **dict.fromkeys(("size", "word", "width"), "bit"),
    **dict.fromkeys(("clock",), "Hz"),
    **dict.fromkeys(("node",), "nm"),
    **dict.fromkeys(("voltage",), "V"),
    **dict.fromkeys(("area",), "um2"),
    **dict.fromkeys(("energy", "read", "write", "update"), "pJ"),
}
"""In which unit a linked value is meant that names none, by the last key of its path."""
_WHOLE = {**dict.fromkeys(("block", "cluster", "banks", "ports"), 1), "fill_latency": 0, "drain_latency": 0}
"""Keys that take whole numbers only, and the least of them."""


@dataclass(frozen=True)
class _Entry:
    """A parameter of the file: its name, path and value."""

    name: str
    path: str
    steps: Steps
    value: Value
    place: Place
    key_place: Place


def read_space(fields: Fields, document: YamlMap, base: Architecture | None, scope: Scope) -> DesignSpace | None:
    """Read `parameters`, `let` and `constraints`; None, with the faults in `scope`, where there are any.

    `document` is the file of the base machine, and `base` what it says (None where it cannot be read).
    """
    before = len(scope.faults)
    entries = list(_entries(fields, document, scope))
    _check_overlaps(entries, scope)
    free = [entry for entry in entries if not _is_linked(entry.value)]
    parameters = [found for entry in free if (found := _parameter(entry, entries, document, base, scope))]
    linked_entries = [entry for entry in entries if _is_linked(entry.value)]
    helpers = list(_helpers(fields, [entry.name for entry in entries], scope))
    names = [*(entry.name for entry in entries), *(name for name, _, _ in helpers)]
    linked = [found for entry in linked_entries if (found := _linked(entry, names, base, scope))]
    linked += [
        Linked(name, found, place=place)
        for name, text, place in helpers
        if (found := _expression(text, names, place, scope)) is not None
    ]
    ordered = _ordered(linked, scope)
    constraints = list(_constraints(fields, names, scope))
    if not free and len(scope.faults) == before:
        scope.fault("no parameter is free; expected at least one with values to choose from", fields.at("parameters"))
    if len(scope.faults) > before:
        return None
    return DesignSpace(tuple(parameters), tuple(ordered), tuple(constraints))


def _entries(fields: Fields, document: YamlMap, scope: Scope) -> Iterable[_Entry]:
    if not fields.require("parameters"):
        return
    value = fields.raw("parameters")
    for name, entry, place in fields.entries("parameters", of="paths to values"):
        assert isinstance(value, YamlMap)
        key_place = value.key_places[name]
        try:
            path, steps = full_path(name, document, key_place)
        except InputError as error:
            scope.adopt(error, key_place)
        else:
            yield _Entry(name, path, steps, entry, place, key_place)


def _is_linked(value: Value) -> bool:
    return isinstance(value, str)


def _check_overlaps(entries: list[_Entry], scope: Scope) -> None:
    """Two parameters must not set the same value, or one inside the other's."""
    for at, entry in enumerate(entries):
        for other in entries[:at]:
            short = min(len(entry.steps), len(other.steps))
            if entry.steps[:short] == other.steps[:short]:
                message = f"the parameters {other.name!r} and {entry.name!r} set the same part of the machine"
                scope.fault(message, entry.key_place, "leave one of them out, or link them")


def _parameter(
    entry: _Entry, entries: list[_Entry], document: YamlMap, base: Architecture | None, scope: Scope
) -> Parameter | None:
    what = f"the parameter {entry.name!r}"
    try:
        domain = read_domain(entry.value, entry.place, what, word_bits=_word_bits(entry, entries, document, base))
    except InputError as error:
        scope.adopt(error, entry.place)
        return None
    return Parameter(entry.name, entry.path, domain.values, domain.numbers, entry.key_place, domain.places)


def _word_bits(entry: _Entry, entries: list[_Entry], document: YamlMap, base: Architecture | None) -> int | None:
    """The width of a word in the level that a parameter is about; None where it varies, or there is no such level."""
    match entry.steps:
        case ("architecture", "levels", int(at), *_) if base is not None and at < len(levels_of(document)):
            varies = any(other.steps[-1] in ("word", "word_bits") for other in entries)
            return None if varies else base.levels[len(base.levels) - 1 - at].word_bits
        case _:
            return None


def _helpers(fields: Fields, parameters: list[str], scope: Scope) -> Iterable[tuple[str, str, Place]]:
    """The entries of `let`."""
    value = fields.raw("let")
    for name, text, place in fields.entries("let", of="names to expressions"):
        assert isinstance(value, YamlMap)
        where = value.key_places[name]
        if not name.isidentifier():
            scope.fault(f"{name!r} in 'let' is no name; expected letters, digits and _", where)
        elif name in UNIT_CONSTANTS or name in ARITIES:
            scope.fault(f"{name!r} in 'let' already is a unit or a function", where, "take another name")
        elif name in parameters:
            scope.fault(f"{name!r} in 'let' is the name of a parameter", where, "take another name")
        elif isinstance(text, bool) or not isinstance(text, str | int | float):
            scope.fault(f"{name!r} in 'let' is {shown(text)}; expected an expression", place)
        else:
            yield name, str(text), place


def _expression(text: str, names: Iterable[str], place: Place, scope: Scope) -> Expression | None:
    try:
        return read_expression(text, names, place)
    except InputError as error:
        scope.adopt(error, place)
        return None


def _linked(entry: _Entry, names: list[str], base: Architecture | None, scope: Scope) -> Linked | None:
    """A parameter that follows from others, with the unit that it is written in."""
    text = cast("str", entry.value)
    number, unit = split_unit(text)
    key = str(entry.steps[-1])
    try:
        factor = 1.0 if unit is None else quantity(f"1 {unit}", ANY, place=entry.place).value
    except InputError:
        # what looks like a unit may be a name, or one that is misspelt: the expression's own message is better
        number, unit, factor = text, None, 1.0
    expression = _expression(number, names, entry.place, scope)
    if expression is None:
        return None
    if expression.is_test:
        scope.fault(f"the parameter {entry.name!r} is true or false; expected a number", entry.place)
        return None
    if unit is None:
        unit = _UNITS.get(key)
    elif unit in ("word", "words") and isinstance(entry.steps[2], int) and base is not None:
        factor = float(base.levels[len(base.levels) - 1 - entry.steps[2]].word_bits)
    least = 1 if "fanout" in entry.steps and key in ("x", "y") else _WHOLE.get(key)
    return Linked(entry.name, expression, entry.path, unit, factor, least, entry.place)


def _ordered(linked: list[Linked], scope: Scope) -> list[Linked]:
    """Each after those that it refers to."""
    by_name = {one.name: one for one in linked}
    uses = {name: one.expression.names & by_name.keys() for name, one in by_name.items()}
    try:
        return [by_name[name] for name in TopologicalSorter(uses).static_order()]
    except CycleError as error:
        cycle: list[str] = list(reversed(cast("list[str]", error.args[1])))
        message = f"the parameters refer to each other in a circle: {' -> '.join(cycle)}"
        scope.fault(message, by_name[cycle[0]].place, "give one of them values to choose from")
        return []


def _constraints(fields: Fields, names: list[str], scope: Scope) -> Iterable[Expression]:
    key = "constraints"
    value = fields.raw(key)
    items: Iterable[tuple[Value, Place]] = [(value, fields.at(key))] if isinstance(value, str) else []
    if key in fields and not isinstance(value, str):
        items = fields.items(key, of="conditions")
    for item, place in items:
        if not isinstance(item, str):
            scope.fault(f"the constraint {shown(item)} is no condition; expected such as array.x >= 4", place)
            continue
        expression = _expression(item, names, place, scope)
        if expression is None:
            continue
        if not expression.is_test:
            hint = "write a comparison, such as array.x >= 4"
            scope.fault(f"the constraint {item!r} is a number; expected a condition", place, hint)
        elif not expression.names:
            hint = did_you_mean("", names)
            scope.faults.append(Fault(f"the constraint {item!r} is about no parameter", place, hint))
        else:
            yield expression
