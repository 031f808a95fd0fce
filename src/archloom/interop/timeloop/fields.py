"""Reading mappings whose keys are spelled with hyphens or underscores, and remembering what nobody asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass

from archloom.errors import Fault, InputError, Place
from archloom.spec.document import Scalar, Value, YamlList, YamlMap
from archloom.spec.expressions import evaluate, resolve_names

__all__ = ["Field", "Fields", "Notes", "as_list", "as_map", "canonical", "kind_of", "place_of"]

MAX_COUNT = 2**40
MAX_FAULTS = 100
MAX_REMARKS = 200
MAX_OWNERS = 20


def canonical(key: object) -> str:
    """The spelling under which a key is looked up: hyphens are underscores."""
    return str(key).replace("-", "_")


def kind_of(value: Value) -> str:
    """What a value is, for messages."""
    if isinstance(value, YamlMap):
        return "a mapping"
    if isinstance(value, YamlList):
        return "a list"
    return "empty" if value is None else repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "..."


@dataclass(slots=True)
class Field:
    """One `key: value` of a mapping, and whether anybody used it."""

    name: str
    value: Value
    place: Place
    owner: str
    used: bool = False


class Notes:
    """What a load finds on its way: faults, remarks, and attributes that have no meaning here."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.remarks: dict[str, None] = {}
        self.fields: list[Field] = []

    def fault(self, message: str, place: Place | None = None, hint: str | None = None) -> None:
        self.faults.append(Fault(message, place, hint))
        if len(self.faults) >= MAX_FAULTS:
            raise InputError([*self.faults, Fault(f"stopped after {MAX_FAULTS} faults", place)])

    def remark(self, message: str) -> None:
        if len(self.remarks) < MAX_REMARKS:
            self.remarks[message] = None

    def check(self) -> None:
        """Raise InputError with every fault so far, if there is one."""
        if self.faults:
            raise InputError(dict.fromkeys(self.faults))

    def warnings(self) -> tuple[str, ...]:
        """The remarks, then one line per attribute that nobody used."""
        owners: dict[str, dict[str, None]] = {}
        for field in self.fields:
            if not field.used:
                owners.setdefault(field.name, {})[field.owner] = None
        unused = [f"{name} ({_listed(list(names))})" for name, names in owners.items()]
        more = [f"{len(unused) - MAX_REMARKS} more attributes"] if len(unused) > MAX_REMARKS else []
        return (*self.remarks, *unused[:MAX_REMARKS], *more)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:MAX_OWNERS]) + (", ..." if len(names) > MAX_OWNERS else "")


class Fields:
    """The keys of one mapping; `take` marks a key as used, what is left over ends up in the warning.

    `names` are the variables that expressions may use besides the mapping's own keys, `inherited` is looked at after the mapping.
    """

    def __init__(
        self,
        source: YamlMap,
        owner: str,
        notes: Notes,
        *,
        names: Mapping[str, object] | None = None,
        inherited: Fields | None = None,
    ) -> None:
        self.owner = owner
        self.notes = notes
        self.place = source.place
        self.by_name: dict[str, Field] = {}
        self.outer = names or {}
        self._names: Mapping[str, object] | None = None
        for key, value in source.items():
            name = canonical(key)
            if name in self.by_name:
                notes.fault(
                    f"{owner}: {key!r} is given twice, once as {self.by_name[name].name!r}", source.key_places[key]
                )
                continue
            field = Field(str(key), value, source.value_places[key], owner, used=value is None)
            self.by_name[name] = field
            notes.fields.append(field)
        self.own = tuple(self.by_name.values())
        if inherited is not None:
            self.by_name = {**inherited.by_name, **self.by_name}

    def call(self, owner: str) -> None:
        """Name the mapping in messages, once it is known what it describes."""
        self.owner = owner
        for field in self.own:
            field.owner = owner

    def ignore(self) -> None:
        """Count every key as used."""
        for field in self.own:
            field.used = True

    def without(self, names: frozenset[str]) -> Fields:
        """The same fields without some of them."""
        rest = copy(self)
        rest.by_name = {name: field for name, field in self.by_name.items() if name not in names}
        return rest

    @property
    def names(self) -> Mapping[str, object]:
        """Values that an expression may refer to: the keys of this mapping, then the variables around it."""
        if self._names is None:
            scalars = {name: f.value for name, f in self.by_name.items() if isinstance(f.value, str | int | float)}
            places = {name: self.by_name[name].place for name in scalars}
            try:
                own = resolve_names(scalars, self.outer, places=places, lenient=True)
            except InputError as error:
                self.notes.faults += error.faults
                own = {}
            self._names = {**self.outer, **own}
        return self._names

    def take(self, *names: str) -> Field | None:
        """The first of `names` that is given and not null; all of them count as used."""
        found: Field | None = None
        for name in names:
            field = self.by_name.get(name)
            if field is not None:
                field.used = True
                if found is None and field.value is not None:
                    found = field
        return found

    def scalar(self, field: Field) -> Scalar:
        """The value of a field that has to be a number, a boolean, or an expression for one; None when it is faulty."""
        value = field.value
        if isinstance(value, str):
            text = value.strip()
            try:
                return float(text) if not text.lstrip("+-").isdigit() or len(text) > 300 else int(text)
            except ValueError:
                pass
            if text.casefold() in ("true", "false"):
                return text.casefold() == "true"
            try:
                return evaluate(value, self.names, place=field.place)
            except InputError as error:
                self.notes.faults += [
                    Fault(f"{self.owner}: {field.name}: {f.message}", f.place, f.hint) for f in error.faults
                ]
                return None
        if isinstance(value, YamlMap | YamlList) or value is None:
            self.notes.fault(f"{self.owner}: {field.name} is {kind_of(value)}; expected a number", field.place)
            return None
        return value

    def number(
        self, *names: str, default: float | None = None, least: float = 0.0, above: bool = False
    ) -> float | None:
        """A finite number of at least `least` (more than it, with `above`)."""
        field = self.take(*names)
        if field is None:
            return default
        value = self.scalar(field)
        if value is None:
            return default
        if (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and least <= value < math.inf
            and not (above and value == least)
        ):
            return value
        expected = f"a number above {least:g}" if above else f"a number of {least:g} or more"
        self.notes.fault(f"{self.owner}: {field.name} is {kind_of(value)}; expected {expected}", field.place)
        return default

    def integer(self, *names: str, default: int | None = None, least: int = 1, most: int = MAX_COUNT) -> int | None:
        """An integer from `least` to `most`; 8.0 is one."""
        field = self.take(*names)
        if field is None:
            return default
        value = self.scalar(field)
        if value is None:
            return default
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        expected = f"an integer of {least} or more" if most >= MAX_COUNT else f"an integer from {least} to {most}"
        self.notes.fault(f"{self.owner}: {field.name} is {kind_of(value)}; expected {expected}", field.place)
        return default

    def flag(self, *names: str, default: bool = False) -> bool:
        """A boolean; 0 and 1 are accepted."""
        field = self.take(*names)
        if field is None:
            return default
        value = self.scalar(field)
        if value is None:
            return default
        if value in (0, 1):
            return bool(value)
        self.notes.fault(f"{self.owner}: {field.name} is {kind_of(value)}; expected true or false", field.place)
        return default

    def text(self, *names: str, default: str = "") -> str:
        """A name or other short text; numbers are taken as written."""
        field = self.take(*names)
        if field is None:
            return default
        if isinstance(field.value, str | int | float):
            return str(field.value)
        self.notes.fault(f"{self.owner}: {field.name} is {kind_of(field.value)}; expected text", field.place)
        return default

    def list(self, *names: str) -> YamlList | None:
        """A list; null and absent are None."""
        field = self.take(*names)
        return None if field is None else as_list(field.value, f"{self.owner}: {field.name}", field.place, self.notes)

    def map(self, *names: str) -> YamlMap | None:
        """A mapping; null and absent are None."""
        field = self.take(*names)
        return None if field is None else as_map(field.value, f"{self.owner}: {field.name}", field.place, self.notes)


def as_list(value: Value, what: str, place: Place, notes: Notes) -> YamlList | None:
    """`value` if it is a list, else a fault and None."""
    if isinstance(value, YamlList):
        return value
    notes.fault(f"{what} is {kind_of(value)}; expected a list", place)
    return None


def as_map(value: Value, what: str, place: Place, notes: Notes) -> YamlMap | None:
    """`value` if it is a mapping, else a fault and None."""
    if isinstance(value, YamlMap):
        return value
    notes.fault(f"{what} is {kind_of(value)}; expected a mapping", place)
    return None


def place_of(value: Value, default: Place) -> Place:
    """The place of a mapping or list, else `default`."""
    return value.place if isinstance(value, YamlMap | YamlList) else default
