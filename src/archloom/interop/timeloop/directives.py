"""What mappings and constraints have in common: factors, permutations and lists of data spaces as text or lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from archloom.errors import Place, did_you_mean
from archloom.interop.timeloop.fields import Field, Notes, kind_of
from archloom.spec.document import Value, YamlList, YamlMap

__all__ = ["Factor", "dataspaces", "factors", "permutation"]

MAX_FACTOR = 2**40
_FACTOR = re.compile(r"([A-Za-z_]\w*?)\s*(<=|>=|==|=|(?<=[A-Za-z_])(?=\d))\s*(\d{1,18})(?:,(\d{1,18}))?(?=[\s,;]|$)")
_BETWEEN = re.compile(r"[\s,;]*")


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a loop: `dim` `relation` `value`, where the value 0 stands for whatever is left of the bound."""

    dim: str
    relation: str
    value: int
    place: Place

    def __str__(self) -> str:
        return f"{self.dim}{self.relation}{self.value}"


def factors(field: Field | None, dims: Iterable[str], notes: Notes) -> tuple[Factor, ...]:
    """Parse `C=2 M=1`, `C2,M1`, `[C=2, M<=4]` or `{C: 2}`; faults go to `notes`."""
    if field is None:
        return ()
    known = tuple(dims)
    found: dict[tuple[str, str], Factor] = {}
    for factor in _parsed(field, notes):
        if factor.dim not in known:
            notes.fault(
                f"{field.owner}: the factor {factor} is over {factor.dim!r}, which is not a dimension",
                factor.place,
                did_you_mean(factor.dim, known),
            )
        elif (factor.dim, factor.relation) in found:
            notes.fault(f"{field.owner}: the factor of {factor.dim!r} is given twice", factor.place)
        else:
            found[factor.dim, factor.relation] = factor
    return tuple(found.values())


def _parsed(field: Field, notes: Notes) -> Iterator[Factor]:
    if isinstance(field.value, YamlMap):
        for key, value in field.value.items():
            place = field.value.value_places[key]
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_FACTOR:
                yield Factor(str(key), "=", value, place)
            else:
                notes.fault(f"{field.owner}: the factor of {key!r} is {kind_of(value)}; expected an integer", place)
        return
    for text, place in _texts(field, notes):
        yield from _scan(text, place, field, notes)


def _texts(field: Field, notes: Notes) -> Iterator[tuple[str, Place]]:
    if isinstance(field.value, YamlList):
        for item, place in zip(field.value, field.value.value_places, strict=True):
            if isinstance(item, str):
                yield item, place
            elif isinstance(item, YamlList) and all(isinstance(part, str | int) for part in item):
                yield "".join(str(part) for part in item), place
            else:
                notes.fault(f"{field.owner}: {field.name} has the entry {kind_of(item)}; expected text like C=2", place)
    elif isinstance(field.value, str):
        yield field.value, field.place
    else:
        notes.fault(f"{field.owner}: {field.name} is {kind_of(field.value)}; expected text like 'C=2 M=1'", field.place)


def _scan(text: str, place: Place, field: Field, notes: Notes) -> Iterator[Factor]:
    text = text.split("#", 1)[0]
    at = _skip(text, 0)
    while at < len(text):
        where = Place(place.source, place.line, place.column + at)
        match = _FACTOR.match(text, at)
        if match is None:
            rest = text[at:].split()[0][:40]
            notes.fault(
                f"{field.owner}: in {field.name}, {rest!r} is not a factor; expected C=2, C<=2, C>=2 or C2", where
            )
            return
        dim, relation, value, remainder = match.groups()
        if remainder is not None and remainder != value:
            notes.fault(
                f"{field.owner}: the factor {match.group()!r} has a remainder; imperfect factors cannot be read from Timeloop files",
                where,
                "its remainder loops are counted differently from padding; write factors that multiply to the bound",
            )
        elif int(value) > MAX_FACTOR:
            notes.fault(f"{field.owner}: the factor {match.group()!r} is too large", where)
        else:
            yield Factor(dim, relation if relation in ("<=", ">=") else "=", int(value), where)
        at = _skip(text, match.end())


def _skip(text: str, at: int) -> int:
    match = _BETWEEN.match(text, at)
    return match.end() if match else at


def permutation(field: Field | None, dims: Iterable[str], notes: Notes) -> tuple[str, ...]:
    """Parse `RSPQ`, `R,S,P`, `R S P` or `[R, S, P]` (innermost first, as written); faults go to `notes`."""
    if field is None:
        return ()
    known = tuple(dims)
    names = _permuted(field, known, notes)
    for name in dict.fromkeys(names):
        if name not in known:
            notes.fault(
                f"{field.owner}: {field.name} names {name!r}, which is not a dimension",
                field.place,
                did_you_mean(name, known),
            )
        elif names.count(name) > 1:
            notes.fault(f"{field.owner}: {field.name} names {name!r} twice", field.place)
    return tuple(name for name in dict.fromkeys(names) if name in known)


def _permuted(field: Field, known: tuple[str, ...], notes: Notes) -> list[str]:
    value = field.value
    if isinstance(value, YamlList):
        if all(isinstance(name, str) for name in value):
            return [str(name).strip() for name in value]
    elif isinstance(value, str):
        words = value.replace(",", " ").split()
        # one unbroken word is a string of one-letter names, unless it is itself a name
        return [name for word in words for name in ([word] if word in known else list(word))][:1000]
    notes.fault(
        f"{field.owner}: {field.name} is {kind_of(value)}; expected text like 'RSPQ' or a list of dimensions",
        field.place,
    )
    return []


def dataspaces(field: Field | None, tensors: Iterable[str], notes: Notes) -> tuple[str, ...]:
    """Parse a list of data spaces; `*` means all of them; faults go to `notes`."""
    if field is None:
        return ()
    known = tuple(tensors)
    value: Value = field.value
    items = list(zip(value, value.value_places, strict=True)) if isinstance(value, YamlList) else [(value, field.place)]
    names: list[str] = []
    for item, place in items:
        if item == "*":
            names += known
        elif isinstance(item, str) and item in known:
            names.append(item)
        elif isinstance(item, str):
            notes.fault(
                f"{field.owner}: {field.name} names {item!r}, which is not a data space",
                place,
                did_you_mean(item, known),
            )
        else:
            notes.fault(
                f"{field.owner}: {field.name} has the entry {kind_of(item)}; expected the name of a data space", place
            )
    return tuple(dict.fromkeys(names))
