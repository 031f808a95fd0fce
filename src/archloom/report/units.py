"""Numbers as people read them: a few digits, the right prefix, always a unit."""

from __future__ import annotations

import math

__all__ = ["area", "bits", "count", "energy", "percent", "ratio", "short", "short_count", "times"]

PREFIXES = ((1e-12, "p"), (1e-9, "n"), (1e-6, "µ"), (1e-3, "m"), (1.0, ""), (1e3, "k"), (1e6, "M"))
SHORT = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
BINARY = ((8 * 2**40, "TiB"), (8 * 2**30, "GiB"), (8 * 2**20, "MiB"), (8 * 2**10, "KiB"))


def _digits(value: float, digits: int = 3) -> str:
    """The value with `digits` significant digits, and never an exponent between 1e-3 and 1e15."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    rounded = round(value, decimals)
    if rounded and math.floor(math.log10(abs(rounded))) > math.floor(math.log10(abs(value))):
        decimals = max(0, decimals - 1)
    return f"{value:,.{decimals}f}" if 1e-3 <= abs(value) < 1e15 else f"{value:.{digits - 1}e}"


def energy(picojoules: float) -> str:
    """An energy: `2.59 µJ`."""
    joules = picojoules * 1e-12
    factor, prefix = PREFIXES[0]
    for bound, name in PREFIXES:
        if joules >= 0.9995 * bound:
            factor, prefix = bound, name
    return f"{_digits(joules / factor)} {prefix}J"


def area(square_micrometres: float) -> str:
    """An area: `1.23 mm²`, or in µm² below a thousandth of that."""
    if square_micrometres >= 1e3:
        return f"{_digits(square_micrometres / 1e6)} mm²"
    return f"{_digits(square_micrometres)} µm²"


def bits(number: float) -> str:
    """An amount of memory: `108 KiB`; below a KiB in bytes, or in bits where it is no whole number of bytes."""
    if math.isinf(number):
        return "unbounded"
    for bound, name in BINARY:
        if number >= bound:
            return f"{_digits(number / bound)} {name}"
    return f"{number / 8:,.0f} B" if number % 8 == 0 else f"{number:,.0f} bit"


def count(number: int) -> str:
    """A count, whole up to twelve digits: `802,816`."""
    return f"{number:,}" if abs(number) < 10**12 else f"{_digits(float(number))}"


def short_count(number: int) -> str:
    """A count in at most five or six characters: `1,234`, `803k`."""
    return f"{number:,}" if abs(number) < 10_000 else short(number)


def short(number: float) -> str:
    """A number in few characters: `118M`, `2.35k`, `0.25`."""
    for bound, name in SHORT:
        if number >= 0.9995 * bound:
            return f"{_digits(number / bound)}{name}"
    return _digits(number)


def ratio(number: float) -> str:
    """A ratio with three digits, `-` where there is none (a division by nothing)."""
    return short(number) if math.isfinite(number) else "-"


def times(number: float) -> str:
    """A factor: `3.2×`."""
    return f"{short(number)}×" if math.isfinite(number) else "-"


def percent(share: float) -> str:
    """A share of the whole: `7.3 %`; a share that rounds to nothing is `<0.1 %`."""
    value = 100 * share
    if 0 < value < 0.05:
        return "<0.1 %"
    return f"{value:.1f} %" if value < 99.95 or value > 100.05 else "100 %"
