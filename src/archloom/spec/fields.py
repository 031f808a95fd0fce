"""Reading the keys of a YAML mapping: each value checked where it stands, every fault collected, none raised."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.spec.expressions import evaluate
from archloom.spec.quantities import Measure, Quantity, quantity
from archloom.spec.values import Value, YamlList, YamlMap, shown
from archloom.technology.component import Component

__all__ = ["Fields", "Scope"]

MAX_FAULTS = 100

_SHAPE = re.compile(r"\s*([0-9]{1,13})\s*x\s*([0-9]{1,13})\s*")


class Scope:
    """What sections are read with: the variables that expressions may use, and the faults and warnings found so far.

    `syntax` holds the faults of the YAML itself: where one stands, nothing more is reported, for the value there is lost.
    `sources` are the files in the order in which their faults are to be listed; `tables`, by path, are tables of components that
    were read before.
    """

    def __init__(self, names: Mapping[str, object] | None = None) -> None:
        self.names: Mapping[str, object] = names or {}
        self.faults: list[Fault] = []
        self.syntax: list[Fault] = []
        self.warnings: list[str] = []
        self.sources: list[str] = []
        self.tables: Mapping[str, Component] = {}

    def inner(self, names: Mapping[str, object]) -> Scope:
        """A scope with more variables that collects into the same lists."""
        scope = Scope({**self.names, **names})
        scope.faults, scope.syntax = self.faults, self.syntax
        scope.warnings, scope.sources, scope.tables = self.warnings, self.sources, self.tables
        return scope

    def fault(self, message: str, place: Place | None, hint: str | None = None) -> None:
        """Note a fault; raises InputError with all of them when there are too many to go on."""
        self.faults.append(Fault(message, place, hint))
        if len(self.faults) >= MAX_FAULTS:
            self.faults.append(Fault(f"stopped after {MAX_FAULTS} faults", place))
            self.check()

    def adopt(self, error: InputError, place: Place) -> None:
        """Take over the faults of an error; those without a place get `place`."""
        for fault in error.faults:
            self.fault(fault.message, fault.place or place, fault.hint)

    def check(self) -> None:
        """Raise InputError if there is any fault: file by file, each in the order of its lines."""
        if not self.faults and not self.syntax:
            return
        lost = {fault.place for fault in self.syntax}
        faults = [*self.syntax, *(fault for fault in self.faults if fault.place is None or fault.place not in lost)]
        sources = [*self.sources, *(fault.place.source if fault.place else "" for fault in faults)]
        order = {source: at for at, source in enumerate(dict.fromkeys(sources))}

        def key(fault: Fault) -> tuple[int, int, int]:
            place = fault.place or Place("")
            return order[place.source], place.line, place.column

        raise InputError(sorted(dict.fromkeys(faults), key=key))

    def number(self, value: Value, what: str, place: Place) -> int | float | None:
        """A number, or the result of an expression; None and a fault otherwise."""
        result: object = value
        if isinstance(value, str):
            try:
                result = evaluate(value, self.names, place=place)
            except InputError as error:
                self.adopt(error, place)
                return None
        if isinstance(result, bool) or not isinstance(result, int | float) or math.isnan(result):
            self.fault(f"{what} is {shown(value)}; expected a number", place)
            return None
        return result

    def integer(self, value: Value, what: str, place: Place, *, least: int = 1, most: int = 2**40) -> int | None:
        """A whole number from `least` to `most`; None and a fault otherwise."""
        number = self.number(value, what, place)
        if number is None:
            return None
        if number != number // 1 or not least <= number <= most:
            limit = "2**40" if most == 2**40 else str(most)
            self.fault(f"{what} is {shown(value)}; expected a whole number from {least} to {limit}", place)
            return None
        return int(number)

    def words(self, value: Value, what: str, place: Place) -> tuple[str, ...]:
        """A name or a list of names."""
        items = list(zip(value, value.value_places, strict=True)) if isinstance(value, YamlList) else [(value, place)]
        for item, where in items:
            if not isinstance(item, str) or not item:
                self.fault(f"{what} is {shown(item)}; expected a name or a list of names", where)
        return tuple(item for item, _ in items if isinstance(item, str) and item)

    def shape(self, value: Value, what: str, place: Place) -> tuple[int, int] | None:
        """A mesh `16x12` or `[16, 12]` as (x, y); a single number has y = 1."""
        match = _SHAPE.fullmatch(value) if isinstance(value, str) else None
        if match is not None:
            sides: Sequence[Value] = [int(match[1]), int(match[2])]
        else:
            sides = value if isinstance(value, YamlList) else [value, 1]
        if len(sides) != 2:
            self.fault(f"{what} is {shown(value)}; expected a mesh like 16x12", place)
            return None
        x, y = (self.integer(side, what, place) for side in sides)
        return None if x is None or y is None else (x, y)


class Fields:
    """The keys of one YAML mapping, of which only `keys` are allowed; `what` names it in messages.

    Every reader returns the default when the key is absent, and also, after noting a fault, when its value is wrong.
    """

    def __init__(self, value: Value, place: Place, what: str, keys: Sequence[str], scope: Scope) -> None:
        self.what = what
        self.scope = scope
        self.place = place
        self.map = value if isinstance(value, YamlMap) else YamlMap(place)
        if not isinstance(value, YamlMap):
            scope.fault(f"{what} is {shown(value)}; expected a mapping with keys such as {', '.join(keys[:5])}", place)
        for key in self.map:
            if key not in keys:
                message = f"{what} has the unknown key {shown(key)}"
                scope.fault(message, self.map.key_places[key], did_you_mean(str(key), keys))

    def __contains__(self, key: str) -> bool:
        return key in self.map

    def raw(self, key: str) -> Value:
        return self.map.get(key)

    def at(self, key: str) -> Place:
        """The place of the value of `key`, or of the mapping when it is absent."""
        return self.map.value_places.get(key, self.place)

    def label(self, key: str) -> str:
        return f"{key!r} of {self.what}"

    def fault(self, key: str, message: str, hint: str | None = None) -> None:
        self.scope.fault(message, self.at(key), hint)

    def require(self, *keys: str) -> bool:
        """Note a fault for each absent key; True when all are there."""
        for key in keys:
            if key not in self:
                self.scope.fault(f"{self.what} has no {key!r}", self.place)
        return all(key in self for key in keys)

    def text(self, key: str, default: str) -> str:
        value = self.map.get(key, default)
        if isinstance(value, str) and value:
            return value
        self.fault(key, f"{self.label(key)} is {shown(value)}; expected text", "put it in quotes")
        return default

    def integer(self, key: str, default: int, *, least: int = 1) -> int:
        if key not in self:
            return default
        value = self.scope.integer(self.map[key], self.label(key), self.at(key), least=least)
        return default if value is None else value

    def number(self, key: str, default: float) -> float:
        if key not in self:
            return default
        value = self.scope.number(self.map[key], self.label(key), self.at(key))
        return default if value is None else value

    def flag(self, key: str) -> bool:
        value = self.map.get(key, False)
        if not isinstance(value, bool):
            self.fault(key, f"{self.label(key)} is {shown(value)}; expected true or false")
            return False
        return value

    def words(self, key: str) -> tuple[str, ...]:
        return self.scope.words(self.map[key], self.label(key), self.at(key)) if key in self else ()

    def shape(self, key: str) -> tuple[int, int] | None:
        return self.scope.shape(self.map[key], self.label(key), self.at(key)) if key in self else None

    def quantity(self, key: str, measure: Measure, bare: str | None = None) -> Quantity | None:
        """The quantity under `key`, or the plain number under the key `bare`, whose name tells the unit (`size_bits`)."""
        if bare is not None and bare in self:
            if key in self:
                self.fault(bare, f"{self.what} has both {key!r} and {bare!r}; expected one of them")
            number = self.scope.number(self.map[bare], self.label(bare), self.at(bare))
            if number is not None and number < 0:
                self.fault(bare, f"{self.label(bare)} is {shown(self.map[bare])}; expected 0 or more")
                return None
            return None if number is None else Quantity(number, measure.bases[0])
        if key not in self:
            return None
        try:
            return quantity(self.map[key], measure, names=self.scope.names, what=self.label(key), place=self.at(key))
        except InputError as error:
            self.scope.adopt(error, self.at(key))
            return None

    def items(self, key: str, *, of: str) -> Iterator[tuple[Value, Place]]:
        """The items of a list with their places."""
        value = self.map.get(key)
        if isinstance(value, YamlList):
            yield from zip(value, value.value_places, strict=True)
        elif key in self:
            self.fault(key, f"{self.label(key)} is {shown(value)}; expected a list of {of}")

    def entries(self, key: str, *, of: str) -> Iterator[tuple[str, Value, Place]]:
        """The entries of a mapping with text keys, and the places of their values."""
        value = self.map.get(key)
        if not isinstance(value, YamlMap):
            if key in self:
                self.fault(key, f"{self.label(key)} is {shown(value)}; expected a mapping from {of}")
            return
        for name, entry in value.items():
            if isinstance(name, str) and name:
                yield name, entry, value.value_places[name]
            else:
                self.scope.fault(f"{self.label(key)} has the key {shown(name)}; expected text", value.key_places[name])
