"""The parameters' paths in the file of the base machine: the mesh by its short names, and which part of the machine a path is in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

from archloom.errors import InputError, Place, did_you_mean
from archloom.spec.document import Value, YamlList, YamlMap
from archloom.spec.fields import Scope
from archloom.spec.paths import locate

__all__ = ["Steps", "full_path", "levels_of", "mentions", "with_mesh_keys"]

Steps = tuple[str | int, ...]
"""Keys and numbers of items, the section first."""

_AXES = ("array.x", "array.y")
_NEW_KEYS = ("clock", "clock_hz", "node", "word", "word_bits", "technology", "network", "pooled")
_NAME = re.compile(r"[^\W\d]\w*")


def levels_of(document: YamlMap) -> YamlList:
    """The levels of the base machine as its file lists them, outer to inner; empty where it lists none."""
    section = document.get("architecture")
    levels = section.get("levels") if isinstance(section, YamlMap) else None
    return levels if isinstance(levels, YamlList) else YamlList(document.place)


def with_mesh_keys(document: YamlMap) -> YamlMap:
    """The document with every fanout as `{x: ..., y: ...}`, also where the file writes `16x12`, so that each axis has a path."""
    levels = levels_of(document)
    if not levels:
        return document
    twin, section = document.copy(), document["architecture"]
    assert isinstance(section, YamlMap)
    changed, listed = section.copy(), levels.copy()
    for at, level in enumerate(levels):
        if isinstance(level, YamlMap) and "fanout" in level and not isinstance(level["fanout"], YamlMap):
            listed[at] = _with_axes(level)
    changed["levels"] = listed
    twin["architecture"] = changed
    return twin


def _with_axes(level: YamlMap) -> YamlMap:
    place, value = level.value_places["fanout"], level["fanout"]
    scope = Scope()
    if isinstance(value, str):
        shape = scope.shape(value, "the fanout", place)
        sides: list[Value] = [*shape] if shape else []
    else:
        sides = [*value] if isinstance(value, YamlList) else [value, 1]
    if len(sides) != 2:
        return level
    fanout = YamlMap(place)
    for axis, side in zip("xy", sides, strict=True):
        fanout.put(axis, side, place, place)
    twin = level.copy()
    twin["fanout"] = fanout
    return twin


def full_path(name: str, document: YamlMap, place: Place) -> tuple[str, Steps]:
    """The path that a parameter's name stands for, and its steps; InputError with the nearest name where there is no such place.

    `array.x` and `array.y` are the mesh axes of the only fanout; a variable goes by its bare name too.
    """
    path = _mesh_path(name, document, place) if name in _AXES else name
    if "." not in path and path in _variables(document):
        path = f"variables.{path}"
    section = document.get("architecture")
    known = section if isinstance(section, YamlMap) else YamlMap(place)
    first = path.partition(".")[0]
    if first in _NEW_KEYS and first not in known and first not in document:
        path = f"architecture.{path}"
    try:
        return path, locate(document, path, place)
    except InputError as error:
        if "." in path or not error.faults[0].message.startswith("there is no"):
            raise
        names = [*_variables(document), *_AXES, *_NEW_KEYS, *(str(key) for key in known)]
        message = f"the base machine has no parameter {name!r}"
        raise InputError(message, place, did_you_mean(name, dict.fromkeys(names))) from None


def _variables(document: YamlMap) -> list[str]:
    section = document.get("architecture")
    holders = [document.get("variables"), section.get("variables") if isinstance(section, YamlMap) else None]
    return [str(name) for holder in holders if isinstance(holder, YamlMap) for name in holder]


def _mesh_path(name: str, document: YamlMap, place: Place) -> str:
    """The path of an axis of the only fanout."""
    levels = [level for level in levels_of(document) if isinstance(level, YamlMap)]
    with_fanout = [str(level.get("name")) for level in levels if "fanout" in level]
    axis = name.partition(".")[2]
    if len(with_fanout) == 1:
        return f"levels.{with_fanout[0]}.fanout.{axis}"
    if with_fanout:
        paths = ", ".join(f"levels.{level}.fanout.{axis}" for level in with_fanout)
        raise InputError(f"{name!r} could be any of several fanouts", place, f"write one of: {paths}")
    raise InputError(f"{name!r}: the base machine has no fanout", place, f"write such as levels.NAME.fanout.{axis}")


def mentions(value: Any) -> Iterable[str]:
    """Every word in the texts of a value, however deep: names of variables are among them."""
    if isinstance(value, str):
        yield from _NAME.findall(value)
    elif isinstance(value, dict):
        for entry in cast("dict[Any, Any]", value).values():
            yield from mentions(entry)
    elif isinstance(value, list):
        for entry in cast("list[Any]", value):
            yield from mentions(entry)
