"""What a parameter of a design space may be: choices, ranges, powers of two and divisors, with the values as a file would write them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.spec.document import Scalar, Value, YamlList, YamlMap
from archloom.spec.expressions import evaluate
from archloom.spec.quantities import UNITS, Measure, quantity, split_unit
from archloom.spec.values import shown

__all__ = ["ANY", "Domain", "Parameter", "read_domain", "text_of", "written"]

MOST_VALUES = 1_000_000
ANY = Measure("a number with a unit", tuple(dict.fromkeys(base for base, _ in UNITS.values())), "128 KiB")
"""Any kind of quantity."""

_BITS = ("GiB", "MiB", "KiB", "B", "bit")
_FORMS = {
    "choices": "choices: [1, 2, 4]",
    "log2": "log2: [16 KiB, 1 MiB]",
    "range": "range: [4, 16, 4]",
    "linspace": "linspace: [0.5, 1.0, 6]",
    "geomspace": "geomspace: [1, 1000, 4]",
    "divisors_of": "divisors_of: 168",
}


@dataclass(frozen=True)
class Parameter:
    """A free parameter: its name, the path that it sets, and its values as a file would write them.

    `numbers` are the values in base units (bits, Hz, pJ ...), None where some are words. `places`: where each value is from.
    """

    name: str
    path: str
    values: tuple[Any, ...]
    numbers: NDArray[np.float64] | None = field(compare=False)
    place: Place = field(default=Place(""), compare=False)
    places: tuple[Place, ...] = field(default=(), compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def is_ordered(self) -> bool:
        """Whether neighbouring values are close: numbers that only grow or only shrink."""
        if self.numbers is None:
            return False
        steps = np.diff(self.numbers)
        return bool((steps > 0).all() or (steps < 0).all())

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The values as text."""
        return tuple(text_of(value) for value in self.values)

    @cached_property
    def column(self) -> NDArray[Any]:
        """What expressions and records see: numbers in base units, or the values as text."""
        return self.numbers if self.numbers is not None else np.array(self.texts, dtype=object)


@dataclass(frozen=True)
class Domain:
    """The values of a parameter, as written and in base units (None where some are words)."""

    values: tuple[Any, ...]
    numbers: NDArray[np.float64] | None
    places: tuple[Place, ...]


@dataclass(frozen=True)
class _Amount:
    """A number, in units of `unit` (None: plain), which is `factor` times the base unit `base`."""

    number: float
    unit: str | None
    factor: float
    base: str | None

    @property
    def value(self) -> float:
        return self.number * self.factor


def text_of(value: Any) -> str:
    """A value in one line: words as they are, lists and mappings as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def read_domain(value: Value, place: Place, what: str, *, word_bits: int | None = None) -> Domain:
    """Read the domain of a parameter: a list of choices, one value, or a mapping with one of the forms.

    `word_bits` turns sizes in words into bits; without it they count as words and not as numbers. Raises InputError with every fault.
    """
    if isinstance(value, YamlList):
        return _choices(value, value.value_places, place, what, word_bits)
    if not isinstance(value, YamlMap):
        return _choices([value], [place], place, what, word_bits)
    return _form(value, place, what, word_bits)


def _form(value: YamlMap, place: Place, what: str, word_bits: int | None) -> Domain:
    forms = [key for key in value if key in _FORMS]
    unknown = [key for key in value if key not in _FORMS]
    if unknown:
        key = unknown[0]
        hint = did_you_mean(str(key), _FORMS)
        raise InputError(f"{what} has the unknown domain {shown(key)}", value.key_places[key], hint)
    if len(forms) != 1:
        count = "several domains" if forms else "no domain"
        raise InputError(f"{what} has {count}; expected one, such as {_FORMS['log2']}", place)
    name = str(forms[0])
    inner, where = value[name], value.value_places[name]
    label = f"{name!r} of {what}"
    if name == "choices":
        if not isinstance(inner, YamlList):
            raise InputError(f"{label} is {shown(inner)}; expected a list such as {_FORMS[name]}", where)
        return _choices(inner, inner.value_places, where, what, word_bits)
    if name == "divisors_of":
        number = _count(_amount(inner, where, label), where, label)
        return _numeric([_Amount(d, None, 1, None) for d in _divisors(number)], where)
    least, most = _ARGUMENTS[name]
    if not isinstance(inner, YamlList) or not least <= len(inner) <= most:
        raise InputError(f"{label} is {shown(inner)}; expected such as {_FORMS[name]}", where)
    amounts = [_amount(item, at, label) for item, at in zip(inner, inner.value_places, strict=True)]
    return _numeric(_SERIES[name](amounts, inner.value_places, label), where, word_bits)


def _choices(
    items: list[Any] | YamlList, places: list[Place], place: Place, what: str, word_bits: int | None
) -> Domain:
    if not items:
        raise InputError(f"{what} has an empty list of values; expected at least one", place)
    faults: list[Fault] = []
    seen: dict[str, Place] = {}
    for item, where in zip(items, places, strict=True):
        text = text_of(item)
        if item is None:
            faults.append(Fault(f"{what} has an empty value", where))
        elif text in seen:
            faults.append(Fault(f"{what} has the value {text[:60]} twice; it stands first at {seen[text]}", where))
        seen.setdefault(text, where)
    if faults:
        raise InputError(faults)
    return Domain(tuple(items), _numbers(items, word_bits), tuple(places))


def _numbers(items: list[Any] | YamlList, word_bits: int | None) -> NDArray[np.float64] | None:
    """The values in one base unit, or None where they are not all numbers of one kind."""
    numbers: list[float] = []
    bases: set[str | None] = set()
    for item in items:
        try:
            amount = _amount(item, Place(""), "")
        except InputError:
            return None
        number, base = amount.value, amount.base
        if base == "word" and word_bits is not None:
            number, base = number * word_bits, "bit"
        numbers.append(number)
        # 0 and infinity go with any unit
        bases |= {base} if base is not None or number not in (0, math.inf) else set()
    return np.array(numbers, dtype=np.float64) if len(bases) <= 1 and "word" not in bases else None


def _amount(value: Value, place: Place, what: str) -> _Amount:
    """A plain number, or one with a unit of any kind; expressions of numbers are understood."""
    if isinstance(value, str):
        number, unit = split_unit(value)
        if unit is None:
            result = evaluate(number, {}, place=place)
            return _Amount(_real(result, value, place, what), None, 1, None)
        plain = _real(evaluate(number, {}, place=place), value, place, what)
        one = quantity(f"1 {unit}", ANY, what=what, place=place)
        base = quantity(value, ANY, what=what, place=place)
        assert base.unit == one.unit
        return _Amount(plain, unit, one.value, one.unit)
    return _Amount(_real(value, value, place, what), None, 1, None)


def _real(number: object, value: object, place: Place, what: str) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float) or math.isnan(number):
        raise InputError(f"{what} is {shown(value)}; expected a number, with a unit where it has one", place)
    return number


def _count(amount: _Amount, place: Place, what: str) -> int:
    if amount.base is not None or amount.number != amount.number // 1 or not 1 <= amount.number <= 2**40:
        raise InputError(f"{what} is {amount.number:g}; expected a whole number from 1 to 2**40", place)
    return int(amount.number)


def _divisors(number: int) -> list[int]:
    small = [d for d in range(1, math.isqrt(number) + 1) if number % d == 0]
    return small + [number // d for d in reversed(small) if d * d != number]


def _same_kind(amounts: list[_Amount], places: list[Place], what: str) -> None:
    for amount, place in zip(amounts[1:], places[1:], strict=True):
        if amount.base != amounts[0].base:
            kinds = [other.unit or "no unit" for other in (amounts[0], amount)]
            raise InputError(f"{what} mixes units: {kinds[0]} and {kinds[1]}", place)
    for amount, place in zip(amounts, places, strict=True):
        if math.isinf(amount.number):
            raise InputError(f"{what} has an infinite end; expected finite numbers", place)


def _log2(amounts: list[_Amount], places: list[Place], what: str) -> list[_Amount]:
    _same_kind(amounts, places, what)
    first, last = amounts
    if first.value <= 0:
        raise InputError(f"{what} starts at {written(first.value, first.unit)}; expected more than 0", places[0])
    if last.value < first.value:
        raise InputError(f"{what} is empty: it ends before it starts", places[1], "write the smaller value first")
    steps = math.floor(math.log2(last.value / first.value) + 1e-9)
    if first.value * 2**steps != last.value:
        near = [text_of(written(first.value * 2**k, first.unit)) for k in (steps, steps + 1)]
        message = f"{what} ends at {shown_amount(last)}, which is no power of two times {shown_amount(first)}"
        raise InputError(message, places[1], f"expected such as {near[0]} or {near[1]}")
    return [_Amount(first.number * 2**k, first.unit, first.factor, first.base) for k in range(steps + 1)]


def shown_amount(amount: _Amount) -> str:
    """An amount as it was written."""
    return f"{amount.number:g} {amount.unit}" if amount.unit else f"{amount.number:g}"


def _range(amounts: list[_Amount], places: list[Place], what: str) -> list[_Amount]:
    if len(amounts) == 2:
        amounts = [*amounts, _Amount(1, amounts[0].unit, amounts[0].factor, amounts[0].base)]
        places = [*places, places[1]]
    _same_kind(amounts, places, what)
    first, last, step = amounts
    if step.value <= 0:
        raise InputError(f"{what} has the step {shown_amount(step)}; expected more than 0", places[2])
    if last.value < first.value:
        raise InputError(f"{what} is empty: it ends before it starts", places[1], "write the smaller value first")
    steps = math.floor((last.value - first.value) / step.value + 1e-9)
    if steps >= MOST_VALUES:
        raise InputError(
            f"{what} has {steps + 1:,} values; expected at most {MOST_VALUES:,}", places[-1], "take a larger step"
        )
    return [_in_unit(_on_grid(first.value, step.value, k), first) for k in range(steps + 1)]


def _on_grid(first: float, step: float, k: int) -> float:
    return first + k * step


def _in_unit(value: float, like: _Amount) -> _Amount:
    """An amount of so many base units in the unit of another."""
    number = value / like.factor
    rounded = round(number, 12)
    number = rounded if rounded * like.factor == value or math.isclose(rounded, number, rel_tol=1e-13) else number
    return _Amount(int(number) if number == int(number) else number, like.unit, like.factor, like.base)


def _points(amounts: list[_Amount], places: list[Place], what: str, space: Callable[..., Any]) -> list[_Amount]:
    _same_kind(amounts[:2], places[:2], what)
    many = _count(amounts[2], places[2], f"the number of points of {what}")
    if many < 2 or many > MOST_VALUES:
        raise InputError(f"{what} has {many} points; expected 2 to {MOST_VALUES:,}", places[2])
    first, last = amounts[:2]
    if first.value == last.value:
        raise InputError(f"{what} starts where it ends", places[1], f"write [{shown_amount(first)}]")
    if space is np.geomspace and min(first.value, last.value) <= 0:
        raise InputError(f"{what} has an end of 0 or less; expected more than 0", places[0])
    values = [float(value) for value in space(first.value, last.value, many)]
    values[0], values[-1] = first.value, last.value
    return [_in_unit(value, first) for value in values]


_ARGUMENTS = {"log2": (2, 2), "range": (2, 3), "linspace": (3, 3), "geomspace": (3, 3)}
_SERIES: dict[str, Callable[[list[_Amount], list[Place], str], list[_Amount]]] = {
    "log2": _log2,
    "range": _range,
    "linspace": lambda amounts, places, what: _points(amounts, places, what, np.linspace),
    "geomspace": lambda amounts, places, what: _points(amounts, places, what, np.geomspace),
}


def _numeric(amounts: list[_Amount], place: Place, word_bits: int | None = None) -> Domain:
    values = tuple(written(amount.value, amount.unit) for amount in amounts)
    return Domain(values, _numbers(list(values), word_bits), (place,) * len(values))


def written(value: float, unit: str | None) -> Scalar:
    """So many base units as a file writes them in `unit` (bits in the largest unit that divides them); plain without a unit."""
    if unit is None:
        return int(value) if value == int(value) else float(value)
    one = quantity(f"1 {unit}", ANY)
    if one.unit == "bit":
        unit = next((name for name in _BITS if value % UNITS[name][1] == 0), unit)
        one = quantity(f"1 {unit}", ANY)
    number = value / one.value
    text = repr(int(number)) if number == int(number) else repr(float(number))
    if float(text) * one.value != value:
        rounded = repr(round(number, 12))
        text = rounded if math.isclose(float(rounded) * one.value, value, rel_tol=1e-12) else text
    return f"{text} {unit}"
