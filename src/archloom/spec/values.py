"""What a YAML text becomes: dicts, lists and scalars that remember where they were written."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Union

from archloom.errors import Place

__all__ = ["Scalar", "Value", "YamlList", "YamlMap", "plain_scalar", "shown"]

Scalar = str | int | float | bool | None
Value = Union["YamlMap", "YamlList", Scalar]

MAX_DIGITS = 300
"""Longest number in a file, so that every integer is in the range of floats."""


class YamlMap(dict[Scalar, "Value"]):
    """A mapping with the place of itself, of each key and of each value, and its local tag (`!Component`), if any."""

    def __init__(self, place: Place, tag: str | None = None) -> None:
        super().__init__()
        self.place = place
        self.tag = tag
        self.key_places: dict[Scalar, Place] = {}
        self.value_places: dict[Scalar, Place] = {}

    def put(self, key: Scalar, value: Value, key_place: Place, value_place: Place) -> None:
        """Set `key` together with the places of it and of its value."""
        self[key] = value
        self.key_places[key] = key_place
        self.value_places[key] = value_place

    def copy(self) -> YamlMap:
        """A shallow copy that keeps places and tag."""
        twin = YamlMap(self.place, self.tag)
        twin.update(self)
        twin.key_places.update(self.key_places)
        twin.value_places.update(self.value_places)
        return twin


class YamlList(list["Value"]):
    """A sequence with the place of itself and of each item, and its local tag, if any."""

    def __init__(self, place: Place, tag: str | None = None, items: Iterable[Value] = ()) -> None:
        super().__init__(items)
        self.place = place
        self.tag = tag
        self.value_places: list[Place] = []

    def put(self, value: Value, place: Place) -> None:
        """Append `value` together with its place."""
        self.append(value)
        self.value_places.append(place)

    def copy(self) -> YamlList:
        """A shallow copy that keeps places and tag."""
        twin = YamlList(self.place, self.tag, self)
        twin.value_places.extend(self.value_places)
        return twin


_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_INTEGER = re.compile(r"[-+]?[0-9]+(_[0-9]+)*")
_BASED = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+")
_FLOAT = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


def plain_scalar(text: str) -> Scalar:
    """The value of an unquoted scalar by the rules of YAML 1.2: only true/false are booleans, `010` is ten, `1e9` a number.

    Also read: `0x10`, `0o17`, `0b101`, `1_000`, `.inf`, `.nan`, `null` and `~`. Everything else, dates included, is a string.
    Raises ValueError, with a message for the user, for a number of more than 300 digits or beyond the range of floats.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    integer = _INTEGER.fullmatch(text) is not None
    if not integer and not _FLOAT.fullmatch(text) and not _BASED.fullmatch(text):
        return text
    if len(text) > MAX_DIGITS:
        raise ValueError(f"the number {text[:20]}... has {len(text)} characters; expected at most {MAX_DIGITS}")
    if integer:
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:40]} is too large; write .inf for 'unbounded'")
    return number


def shown(value: object) -> str:
    """A value as it looks in a message: short, and in the words of YAML."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value}".replace("inf", ".inf").replace("nan", ".nan")
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    return str(value)[:60]
