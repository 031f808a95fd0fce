"""Division of whole numbers and of reals as C++ does it."""

from __future__ import annotations

import math

__all__ = ["divided", "ratio", "wrapped"]


def divided(a: int, b: int) -> int:
    """Return a / b cut off towards zero."""
    return a // b if (a >= 0) == (b > 0) else -(-a // b)


def ratio(a: float, b: float) -> float:
    """Return a / b, infinite or not a number where b is zero."""
    if b:
        try:
            return a / b
        except OverflowError:
            return math.copysign(math.inf, a) * math.copysign(1, b)
    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a)


def wrapped(value: int) -> int:
    """Return what an overflowing 32-bit number keeps of a value."""
    return (value + 2**31) % 2**32 - 2**31
