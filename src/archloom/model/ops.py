"""The few array operations the model needs, for Python integers, NumPy and JAX alike.

The model is written once over *lanes*: one value per (level, dimension) or (level, tensor), which is a Python number
(one mapping, exact integers of any size) or an array over a batch of mappings. A lane known beforehand, such as the
trip count 1 of a level without fanout, stays a Python number inside a batch too, and work on it is done once, here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

__all__ = [
    "Lane",
    "ceil_divide",
    "floor",
    "gcd",
    "largest",
    "logical_and",
    "logical_or",
    "product",
    "select",
    "smallest",
    "total",
]

Lane = Any
"""A Python number or boolean, or an array over the batch."""


def _namespace(*lanes: Lane) -> Any:
    """The array library of the first array among `lanes`, or None when all are Python numbers."""
    for lane in lanes:
        if not isinstance(lane, int | float):
            import numpy

            if isinstance(lane, numpy.ndarray | numpy.generic):
                return numpy
            import jax.numpy

            return jax.numpy
    return None


def select(condition: Lane, yes: Lane, no: Lane) -> Lane:
    """`yes` where `condition` holds, else `no`."""
    if isinstance(condition, bool):
        return yes if condition else no
    if yes is no:
        return yes
    return _namespace(condition).where(condition, yes, no)


def logical_and(a: Lane, b: Lane) -> Lane:
    """Whether both hold."""
    if isinstance(a, bool):
        return b if a else False
    if isinstance(b, bool):
        return a if b else False
    return a & b


def logical_or(a: Lane, b: Lane) -> Lane:
    """Whether either holds."""
    if isinstance(a, bool):
        return True if a else b
    if isinstance(b, bool):
        return True if b else a
    return a | b


def product(lanes: Iterable[Lane], start: Lane = 1) -> Lane:
    """The product of `lanes`; factors known to be 1 cost nothing."""
    known: Lane = 1
    result: Lane = None
    for lane in (start, *lanes):
        if isinstance(lane, int | float):
            known *= lane
        else:
            result = lane if result is None else result * lane
    if result is None:
        return known
    return result if known == 1 else result * known


def total(lanes: Iterable[Lane]) -> Lane:
    """The sum of `lanes`; terms known to be 0 cost nothing."""
    known: Lane = 0
    result: Lane = None
    for lane in lanes:
        if isinstance(lane, int | float):
            known += lane
        else:
            result = lane if result is None else result + lane
    if result is None:
        return known
    return result if known == 0 else result + known


def smallest(lanes: Iterable[Lane]) -> Lane:
    """The least of `lanes`."""
    return _extreme(lanes, min, "minimum")


def largest(lanes: Iterable[Lane]) -> Lane:
    """The greatest of `lanes`."""
    return _extreme(lanes, max, "maximum")


def _extreme(lanes: Iterable[Lane], scalar: Any, name: str) -> Lane:
    known: Lane = None
    result: Lane = None
    for lane in lanes:
        if isinstance(lane, int | float):
            known = lane if known is None else scalar(known, lane)
        elif result is None:
            result = lane
        else:
            result = getattr(_namespace(lane), name)(result, lane)
    if result is None:
        return known
    return result if known is None else getattr(_namespace(result), name)(result, known)


def floor(lane: Lane) -> Lane:
    """The whole number at or below `lane`."""
    xp = _namespace(lane)
    return math.floor(lane) if xp is None else xp.floor(lane)


def ceil_divide(count: Lane, size: Lane) -> Lane:
    """`count / size` rounded up; exact for Python integers of any size over whole numbers, and for floats below 2**53."""
    if isinstance(count, int) and isinstance(size, int | float):
        return -(-count // int(size)) if float(size).is_integer() else math.ceil(count / size)
    if isinstance(size, int) and size == 1:
        return count
    ratio = count / size
    return _namespace(ratio).ceil(ratio)


def gcd(a: Lane, b: Lane) -> Lane:
    """Greatest common divisor of positive integers (held as floats in a batch)."""
    xp = _namespace(a, b)
    if xp is None:
        return math.gcd(int(a), int(b))
    exact = xp.gcd(xp.asarray(a).astype("int64"), xp.asarray(b).astype("int64"))
    return exact.astype("float64")
