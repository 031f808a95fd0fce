"""Attributes and counts of compound components, evaluated with archloom's safe expressions."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import product

from archloom.errors import Fault, InputError
from archloom.interop.accelergy.compound_files import MUST_SPECIFY, Action, CompoundClass, Located
from archloom.spec.expressions import Result, evaluate, names_in, resolve_names
from archloom.spec.values import shown

__all__ = ["argument_values", "attributes_of", "count_of", "missing_in", "number", "word_or_number"]

Scope = Mapping[str, Result]
MOST = 2**40
MAX_COMBINATIONS = 256
_CALL = re.compile(r"[A-Za-z_]\w*\s*\(")


def word_or_number(located: Located, scope: Scope) -> Result:
    """The value of an attribute: a number, the value of an expression, or a word such as `45nm` or `LPDDR4` as it stands.

    A text that calls a function or uses a known name is an expression: one that cannot be evaluated is an InputError.
    """
    value = located.value
    if not isinstance(value, str):
        return value
    try:
        return evaluate(value, scope, place=located.place)
    except InputError:
        if _CALL.search(value) or names_in(value) & scope.keys():
            raise
        return value


def number(located: Located, scope: Scope, what: str) -> float:
    """The finite number of 0 or more that a value or expression comes to; raises InputError."""
    value = located.value
    if isinstance(value, str):
        value = evaluate(value, scope, place=located.place)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        return value
    raise InputError(f"{what} is {shown(value)}; expected a number of 0 or more", located.place)


def missing_in(definition: CompoundClass, given: Scope) -> list[str]:
    """The attributes that a class must be given and is not."""
    return [
        name
        for name, default in definition.attributes.items()
        if default.value == MUST_SPECIFY and given.get(name, MUST_SPECIFY) == MUST_SPECIFY
    ]


def attributes_of(definition: CompoundClass, given: Scope) -> dict[str, Result]:
    """What is given, and the defaults of the class for the rest; raises InputError with every fault."""
    given = {name: value for name, value in given.items() if value != MUST_SPECIFY}
    defaults = {name: default for name, default in definition.attributes.items() if name not in given}
    found = resolve_names(
        {name: default.value for name, default in defaults.items()},
        given,
        places={name: default.place for name, default in defaults.items() if default.place is not None},
        lenient=True,
    )
    scope: dict[str, Result] = {**given, **found}
    faults: list[Fault] = []
    for name, default in defaults.items():
        if isinstance(default.value, str) and found[name] == default.value:
            try:
                scope[name] = word_or_number(default, {other: scope[other] for other in scope if other != name})
            except InputError as error:
                faults += error.faults
    if faults:
        raise InputError(faults)
    return scope


def count_of(indices: Located | None, scope: Scope, what: str) -> float:
    """How many instances `1..width*depth` (or `3`) stands for; one without brackets. Raises InputError."""
    if indices is None:
        return 1
    bounds = str(indices.value).split("..")
    if len(bounds) > 2:
        raise InputError(f"{what}: the range is {shown(indices.value)}; expected 'first..last'", indices.place)
    ends = [_whole(Located(bound.strip(), indices.place), scope, what) for bound in bounds]
    count = 1 if len(ends) == 1 else ends[1] - ends[0] + 1
    if not 0 <= count <= MOST:
        raise InputError(
            f"{what}: the range {shown(indices.value)} is {ends[0]}..{ends[-1]}; expected the first to be no more than the last",
            indices.place,
        )
    return count


def _whole(located: Located, scope: Scope, what: str) -> int:
    value = number(located, scope, f"{what}: {shown(located.value)}")
    if value != int(value) or value > MOST:
        raise InputError(f"{what}: {shown(located.value)} is {value:g}; expected a whole number", located.place)
    return int(value)


def argument_values(action: Action, scope: Scope, what: str) -> list[dict[str, Result]]:
    """Every combination of the values that an action's arguments may take, from ranges like `0..n-1`; raises InputError."""
    ranges: dict[str, range] = {}
    for name, located in action.arguments.items():
        bounds = str(located.value).split("..")
        ends = [
            _whole(Located(bound.strip(), located.place), scope, f"{what}, argument {name!r}") for bound in bounds[:2]
        ]
        if len(bounds) > 2 or ends[-1] < ends[0]:
            raise InputError(
                f"{what}, argument {name!r}: the range is {shown(located.value)}; expected 'first..last'", located.place
            )
        ranges[name] = range(ends[0], ends[-1] + 1)
    if math.prod(map(len, ranges.values())) > MAX_COMBINATIONS:
        raise InputError(f"{what}: its arguments have more than {MAX_COMBINATIONS} combinations", action.place)
    return [dict(zip(ranges, values, strict=True)) for values in product(*ranges.values())]
