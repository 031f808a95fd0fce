"""Requests: attributes as a user gave them, completed with defaults, checked against the ranges, as arrays of one shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from archloom.errors import Fault, InputError, did_you_mean
from archloom.technology.component import Attribute, Component

__all__ = ["Request", "complete"]

LONGEST = 60
"""Characters of a value that are shown."""


@dataclass(frozen=True, eq=False)
class Request:
    """Complete attributes by name, and the common shape of those that came as arrays (None: all were single numbers)."""

    values: dict[str, Any]
    shape: tuple[int, ...] | None


def complete(component: Component, given: Mapping[str, Any]) -> Request:
    """Fill defaults, check names and ranges, and broadcast arrays; InputError with all faults at once."""
    known = {attribute.name: attribute for attribute in component.attributes}
    faults = [
        Fault(f"{component.name} has no attribute {name!r}", hint=did_you_mean(name, known))
        for name in given
        if name not in known
    ]
    values: dict[str, Any] = {}
    for attribute in component.attributes:
        value = given.get(attribute.name)
        if value is None:
            if attribute.default is None:
                faults.append(_missing(component, attribute))
            values[attribute.name] = attribute.default
        elif attribute.choices:
            values[attribute.name] = _word(component, attribute, value, faults)
        else:
            values[attribute.name] = _number(component, attribute, value, faults)
    if faults:
        raise InputError(faults)
    return _broadcast(component, values)


def _broadcast(component: Component, values: dict[str, Any]) -> Request:
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    if not arrays:
        return Request(values, None)
    try:
        shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise InputError(f"the arrays given for {component.name} do not go together: {shapes}") from None
    return Request({**values, **{name: np.broadcast_to(array, shape) for name, array in arrays.items()}}, shape)


def _word(component: Component, attribute: Attribute, value: Any, faults: list[Fault]) -> str:
    by_fold = {choice.casefold(): choice for choice in attribute.choices}
    found = by_fold.get(value.casefold()) if isinstance(value, str) else None
    if found is None:
        hint = did_you_mean(value, attribute.choices) if isinstance(value, str) else ""
        words = ", ".join(attribute.choices)
        message = f"{component.name}: no {attribute.name} {_shown(value)} is known; there are {words}"
        faults.append(Fault(message, hint=hint if hint.startswith("did") else None))
    return found or attribute.choices[0]


def _number(component: Component, attribute: Attribute, value: Any, faults: list[Fault]) -> Any:
    if type(value) in (int, float):  # the short way, for one price
        number = float(value) if abs(value) < 1e300 else math.inf
        if not _fits(attribute, number):
            faults.append(_out_of_range(component, attribute, value))
        return number
    if isinstance(value, (bool, str)) or np.asarray(value).dtype.kind not in "iuf":
        faults.append(
            Fault(f"{component.name}: {attribute.name} is a number{_in_words(attribute)}, not {_shown(value)}")
        )
        return 1.0
    array = np.asarray(value, dtype=np.float64)
    wrong = ~((array >= attribute.low) & (array <= attribute.high) & np.isfinite(array))
    if attribute.whole:
        wrong |= array != np.rint(array)
    if wrong.any():
        first = int(np.argmax(wrong.ravel()))
        at = f" at index {first} ({int(wrong.sum())} of {array.size} are wrong)" if array.ndim else ""
        faults.append(_out_of_range(component, attribute, float(array.ravel()[first]), at))
    return array if array.ndim else float(array)


def _shown(value: Any) -> str:
    """A user's value, cut short."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _fits(attribute: Attribute, number: float) -> bool:
    if not (attribute.low <= number <= attribute.high) or math.isinf(number):
        return False
    return not attribute.whole or number == math.floor(number)


def _out_of_range(component: Component, attribute: Attribute, value: Any, at: str = "") -> Fault:
    kind = "a whole number" if attribute.whole else "a number"
    bounds = f"from {attribute.low:.15g} to {attribute.high:.15g}"
    if math.isinf(attribute.high):
        bounds = f"of at least {attribute.low:.15g}"
    given = f"{value:.12g}" if isinstance(value, float) else _shown(value)
    message = f"{component.name}: {attribute.name} is {kind} {bounds}{_unit(attribute)}, not {given}{at}"
    return Fault(message, hint=attribute.about or None)


def _missing(component: Component, attribute: Attribute) -> Fault:
    about = f": {attribute.about}" if attribute.about else ""
    return Fault(f"{component.name} needs {attribute.name}{_in_words(attribute)}{about}")


def _in_words(attribute: Attribute) -> str:
    return f" ({attribute.unit})" if attribute.unit else ""


def _unit(attribute: Attribute) -> str:
    return f" {attribute.unit}" if attribute.unit else ""
