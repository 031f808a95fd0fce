"""The functions that expressions may call, and powers, with a bound on the size of the result."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["FUNCTIONS", "MAX_BITS", "power"]

MAX_BITS = 1000
"""Integers stay well inside the range of floats; powers are refused before they are computed."""

MANY = 1000


def power(base: float, exponent: float) -> object:
    """`base ** exponent`; raises OverflowError instead of computing integers beyond MAX_BITS."""
    whole = isinstance(base, int) and isinstance(exponent, int) and exponent > 0
    # the result has more than (bits - 1) * exponent bits
    if whole and (int(base).bit_length() - 1) * int(exponent) > MAX_BITS:
        raise OverflowError
    return base**exponent


def _numeric(name: str, function: Callable[..., object], least: int = 1, most: int = 1) -> Callable[..., object]:
    wanted = f"{least} to {most} numbers" if most > least else "1 number" if least == 1 else f"{least} numbers"
    if most == MANY:
        wanted = "one or more numbers"

    def call(*arguments: object) -> object:
        if not least <= len(arguments) <= most:
            raise TypeError(f"{name}() takes {wanted}, {len(arguments)} given")
        for argument in arguments:
            if isinstance(argument, str):
                raise TypeError(f"{name}() takes {wanted}, not the string {argument[:40]!r}")
        return function(*arguments)

    return call


def _round(value: float, digits: float = 0) -> float:
    if digits not in range(31):
        raise ValueError("round() takes 0 to 30 digits")
    return round(value, int(digits)) if digits else round(value)


def _minimum(*values: float) -> float:
    return min(values)


def _maximum(*values: float) -> float:
    return max(values)


FUNCTIONS: dict[str, Callable[..., object]] = {
    "min": _numeric("min", _minimum, 1, MANY),
    "max": _numeric("max", _maximum, 1, MANY),
    "ceil": _numeric("ceil", math.ceil),
    "floor": _numeric("floor", math.floor),
    "round": _numeric("round", _round, 1, 2),
    "abs": _numeric("abs", abs),
    "log2": _numeric("log2", math.log2),
    "log10": _numeric("log10", math.log10),
    "log": _numeric("log", math.log, 1, 2),
    "sqrt": _numeric("sqrt", math.sqrt),
    "int": _numeric("int", int),
    "float": _numeric("float", float),
    "pow": _numeric("pow", power, 2, 2),
}
"""The functions an expression may call, by name."""
