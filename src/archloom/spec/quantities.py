"""Numbers with units: `128 KiB`, `16 B/cycle`, `12 pJ`, `4 mm2`, converted to one base unit per kind of quantity."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from archloom.errors import InputError, Place, did_you_mean
from archloom.spec.expressions import evaluate
from archloom.spec.values import shown

__all__ = [
    "AREA",
    "BANDWIDTH",
    "DISTANCE",
    "ENERGY",
    "FREQUENCY",
    "LEAKAGE",
    "LENGTH",
    "SIZE",
    "UNITS",
    "VOLTAGE",
    "WIRE",
    "WORD",
    "Measure",
    "Quantity",
    "quantity",
    "split_unit",
]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value in a base unit (bit, word, pJ, pJ/bit, pJ/word, pJ/cycle, W, um2, Hz, nm, mm, V, pJ/bit/mm, word/cycle, bit/cycle, word/s, bit/s)."""

    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A kind of quantity: what to call it, the base units it may come in, and an example for messages."""

    name: str
    bases: tuple[str, ...]
    example: str


SIZE = Measure("a size", ("bit", "word"), "128 KiB")
WORD = Measure("a word width", ("bit",), "16 bit")
ENERGY = Measure("an energy", ("pJ", "pJ/word", "pJ/bit"), "12 pJ")
AREA = Measure("an area", ("um2",), "4 mm2")
FREQUENCY = Measure("a frequency", ("Hz",), "1 GHz")
LENGTH = Measure("a length", ("nm",), "28 nm")
DISTANCE = Measure("a distance", ("mm", "nm"), "2 mm")
VOLTAGE = Measure("a voltage", ("V",), "0.8 V")
WIRE = Measure("an energy of a wire", ("pJ/bit/mm",), "0.1 pJ/bit/mm")
LEAKAGE = Measure("a leakage", ("pJ/cycle", "W"), "0.2 pJ/cycle' or '3 mW")
BANDWIDTH = Measure("a bandwidth", ("word/cycle", "bit/cycle", "word/s", "bit/s"), "4 words/cycle' or '16 B/cycle")

_DATA = {
    "bit": 1,
    "B": 8,
    "KiB": 8 * 2**10,
    "MiB": 8 * 2**20,
    "GiB": 8 * 2**30,
    "TiB": 8 * 2**40,
    "Kibit": 2**10,
    "Mibit": 2**20,
    "Gibit": 2**30,
}
_DECIMAL_DATA = {"kB": 8e3, "MB": 8e6, "GB": 8e9, "TB": 8e12, "kbit": 1e3, "Mbit": 1e6, "Gbit": 1e9, "Tbit": 1e12}
_JOULES = {"aJ": 1e-6, "fJ": 1e-3, "pJ": 1, "nJ": 1e3, "uJ": 1e6, "mJ": 1e9, "J": 1e12}
_WATTS = {"pW": 1e-12, "nW": 1e-9, "uW": 1e-6, "mW": 1e-3, "W": 1}


def _units() -> dict[str, tuple[str, float]]:
    units: dict[str, tuple[str, float]] = {"word": ("word", 1)}
    units |= {name: ("bit", factor) for name, factor in _DATA.items()}
    for name, factor in (_DATA | _DECIMAL_DATA).items():
        units |= {f"{name}/cycle": ("bit/cycle", factor), f"{name}/s": ("bit/s", factor)}
    units |= {"word/cycle": ("word/cycle", 1), "word/s": ("word/s", 1)}
    for name, factor in _JOULES.items():
        units |= {name: ("pJ", factor), f"{name}/cycle": ("pJ/cycle", factor), f"{name}/word": ("pJ/word", factor)}
        units |= {f"{name}/bit": ("pJ/bit", factor), f"{name}/B": ("pJ/bit", factor / 8)}
    units |= {name: ("W", factor) for name, factor in _WATTS.items()}
    units |= {"nm2": ("um2", 1e-6), "um2": ("um2", 1), "mm2": ("um2", 1e6)}
    units |= {"Hz": ("Hz", 1), "kHz": ("Hz", 1e3), "MHz": ("Hz", 1e6), "GHz": ("Hz", 1e9)}
    units |= {f"{name}/bit/mm": ("pJ/bit/mm", factor) for name, factor in _JOULES.items()}
    return units | {"nm": ("nm", 1), "um": ("nm", 1e3), "mm": ("mm", 1), "mV": ("V", 1e-3), "V": ("V", 1)}


UNITS: dict[str, tuple[str, float]] = _units()
"""Every unit: its base unit and the factor to it. Also understood: `bits`, `words`, `Bytes`, `cycles`, `µ` for u, `²` or `^2` for 2."""

_DECIMAL_SIZE = {"KB": "KiB", "kB": "KiB", "MB": "MiB", "GB": "GiB", "TB": "TiB", "K": "KiB", "M": "MiB", "G": "GiB"}
_NUMBER = re.compile(r"\s*([-+]?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)(?:\s*(\S+))?\s*")
_EXPRESSION = re.compile(r"(.*[\s)])([^\W\d_][^\s()*+\-]*)\s*", re.DOTALL)
_OPEN_END = re.compile(r"(^|[-+*/%(,<>=!]|\b(if|else|and|or|not))\s*$")
_PLURALS = {"bits": "bit", "words": "word", "bytes": "B", "byte": "B", "Bytes": "B", "Byte": "B", "cycles": "cycle"}


def quantity(
    value: object,
    measure: Measure,
    *,
    names: Mapping[str, object] | None = None,
    what: str = "the value",
    place: Place | None = None,
) -> Quantity:
    """Read `value` (text such as `128 KiB` or `2 * n words`) as a quantity of the kind `measure`, in its base unit.

    The number may be an expression over `names`. 0 and `.inf` need no unit; any other bare number is an error that says which
    units fit. Decimal sizes (kB, MB) are refused as ambiguous, decimal bandwidths (GB/s) are not.
    Raises InputError at `place` for unknown units (with the nearest), units of another kind, negative values and NaN.

    >>> quantity("128KiB", SIZE)
    Quantity(value=1048576, unit='bit')
    """
    number, unit = _split(value, names or {}, place)
    if isinstance(number, bool) or not isinstance(number, int | float) or math.isnan(number):
        raise InputError(f"{what} is {shown(value)}; expected {measure.name} such as '{measure.example}'", place)
    if number < 0:
        raise InputError(f"{what} is {shown(value)}; expected 0 or more", place)
    if unit is None:
        if number in (0, math.inf):
            return Quantity(number, measure.bases[0])
        raise InputError(
            f"{what} is {shown(value)}, which has no unit; write {measure.name} such as '{measure.example}'", place
        )
    base, factor = _unit(unit, measure, what, place)
    try:
        scaled = number * factor
        too_large = math.isinf(scaled) and not math.isinf(number)
    except OverflowError:
        scaled, too_large = math.inf, True
    if too_large:
        raise InputError(f"{what} is {shown(value)}, which is too large", place)
    return Quantity(scaled, base)


def split_unit(text: str) -> tuple[str, str | None]:
    """The text of a quantity as the expression of its number and the unit after it, None where there is none.

    >>> split_unit("2 * n words"), split_unit("2 * n"), split_unit("2 * KiB")
    (('2 * n ', 'words'), ('2 * n', None), ('2 * KiB', None))
    """
    simple = _NUMBER.fullmatch(text)
    if simple is not None and (simple.group(2) is None or simple.group(2)[0] not in "*/+-%<>=!)("):
        return simple.group(1), simple.group(2)
    composed = _EXPRESSION.fullmatch(text)
    if composed is None or _OPEN_END.search(composed.group(1)):
        return text, None
    return composed.group(1), composed.group(2)


def _split(value: object, names: Mapping[str, object], place: Place | None) -> tuple[object, str | None]:
    """The number and the unit of a quantity."""
    if not isinstance(value, str):
        return value, None
    number, unit = split_unit(value)
    return evaluate(number, names, place=place), unit


def _unit(text: str, measure: Measure, what: str, place: Place | None) -> tuple[str, float]:
    unit = "/".join(_PLURALS.get(part, part) for part in text.replace("µ", "u").replace("μ", "u").split("/"))
    unit = unit.replace("²", "2").replace("^2", "2")
    fitting = [name for name, (base, _) in UNITS.items() if base in measure.bases]
    if unit in fitting:
        return UNITS[unit]
    if "bit" in measure.bases and unit in _DECIMAL_SIZE:
        binary = _DECIMAL_SIZE[unit]
        raise InputError(
            f"{what} has the unit {text!r}, which is ambiguous",
            place,
            f"write {binary} for powers of 1024, or e.g. 1e3 B",
        )
    if "bit" in measure.bases and unit == "b":
        raise InputError(f"{what} has the unit 'b'", place, "write bit for bits, B for bytes")
    if unit in UNITS:
        raise InputError(f"{what} has the unit {text!r}; expected {measure.name} such as '{measure.example}'", place)
    raise InputError(f"{what} has the unknown unit {text[:40]!r}", place, did_you_mean(unit, fitting))
