"""Changing one value of a document by its path: `levels.GLB.size=128KiB`."""

from __future__ import annotations

from collections.abc import Iterable

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.spec.document import parse
from archloom.spec.values import Scalar, Value, YamlList, YamlMap

__all__ = ["SECTIONS", "apply_set", "locate", "set_value"]

SECTIONS = ("architecture", "workload", "mapping", "constraints", "variables")
"""What a file may hold at the top; a path may leave out the first of them that holds its first name."""

_NAME_KEYS = ("name", "level")


def apply_set(document: YamlMap, assignment: str) -> YamlMap:
    """Return the document with one value changed; the given one stays as it is.

    `assignment` is `path=value` with the value in YAML. A path is keys joined by dots; items of lists go by their `name` (or
    `level`), or by their number from 0. The section may be left out where it is clear: `levels.GLB.size=128KiB`. The last key
    may be new: whether it is a valid one is for the section's reader to say. Raises InputError naming the nearest valid step.
    """
    path, equals, text = assignment.partition("=")
    place = Place(f"--set {assignment if len(assignment) <= 80 else assignment[:77] + '...'}")
    steps = [step.strip() for step in path.split(".")]
    if not equals or not all(steps) or not text.strip() or len(steps) > 20:
        raise InputError("expected path=value, such as levels.GLB.size=128KiB", place)
    try:
        value = parse(text.strip(), place.source)
    except InputError as error:
        raise InputError([Fault(fault.message, place, fault.hint) for fault in error.faults]) from None
    return _changed_map(document, _full_path(document, steps, place), 0, value, place)


def set_value(document: YamlMap, path: str, value: Value, place: Place) -> YamlMap:
    """Return the document with the value at `path` replaced, as `apply_set` does for values that are already read."""
    steps = [step.strip() for step in path.split(".")]
    if not all(steps) or len(steps) > 20:
        raise InputError(f"{path[:80]!r} is no path; expected such as levels.GLB.size", place)
    return _changed_map(document, _full_path(document, steps, place), 0, value, place)


def locate(document: YamlMap, path: str, place: Place) -> tuple[str | int, ...]:
    """The keys, and numbers of items, that lead to the value at `path`, its section first; InputError as for `set_value`.

    The last key, or all from the first that is missing in a mapping, may be new.
    """
    steps = _full_path(document, [step.strip() for step in path.split(".")], place)
    found: list[str | int] = []
    node: Value = document
    for at, step in enumerate(steps):
        if isinstance(node, YamlList):
            index = _item(node, steps, at, place)
            found.append(index)
            node = node[index]
        elif isinstance(node, YamlMap):
            found.append(step)
            if step not in node:
                return (*found, *steps[at + 1 :])
            node = node[step]
        else:
            _changed(node, steps, at, None, place)
    return tuple(found)


def _full_path(document: YamlMap, steps: list[str], place: Place) -> list[str]:
    """The path with its section, if that was left out."""
    if steps[0] == "variables" and len(steps) > 1:
        return _variable_path(document, steps, place)
    if steps[0] in document or steps[0] in SECTIONS:
        return steps
    for section in SECTIONS:
        if steps[0] in _keys(document, section):
            return [section, *steps]
    names = [*map(str, document), *(str(key) for section in SECTIONS for key in _keys(document, section))]
    raise InputError(f"there is no {steps[0]!r} to change", place, did_you_mean(steps[0], dict.fromkeys(names)))


def _variable_path(document: YamlMap, steps: list[str], place: Place) -> list[str]:
    """The path of a variable where it is defined: at the top, or in one of the sections."""
    known: list[str] = []
    for section in ("", *SECTIONS):
        part = document.get(section) if section else document
        names = _keys(part, "variables") if isinstance(part, YamlMap) else ()
        if steps[1] in names:
            return [section, *steps] if section else steps
        known += map(str, names)
    raise InputError(f"there is no variable {steps[1]!r}", place, did_you_mean(steps[1], dict.fromkeys(known)))


def _keys(document: YamlMap, section: str) -> Iterable[Scalar]:
    part = document.get(section)
    return part if isinstance(part, YamlMap) else ()


def _changed(node: Value, steps: list[str], at: int, value: Value, place: Place) -> Value:
    if at == len(steps):
        return value
    if isinstance(node, YamlMap):
        return _changed_map(node, steps, at, value, place)
    if isinstance(node, YamlList):
        twin = node.copy()
        index = _item(node, steps, at, place)
        twin[index] = _changed(node[index], steps, at + 1, value, place)
        if at + 1 == len(steps):
            twin.value_places[index] = place
        return twin
    above = ".".join(steps[:at])
    raise InputError(f"{above} is {str(node)[:40]!r}, which has no {steps[at]!r} inside", place)


def _changed_map(node: YamlMap, steps: list[str], at: int, value: Value, place: Place) -> YamlMap:
    key = steps[at]
    twin = node.copy()
    inside = node[key] if key in node else YamlMap(place)
    changed = _changed(inside, steps, at + 1, value, place)
    known = key in node
    # a value that was there keeps its place unless it is the one replaced
    where = place if at + 1 == len(steps) or not known else node.value_places[key]
    twin.put(key, changed, node.key_places[key] if known else place, where)
    return twin


def _item(node: YamlList, steps: list[str], at: int, place: Place) -> int:
    step = steps[at]
    names: dict[str, int] = {}
    for index, item in enumerate(node):
        if isinstance(item, YamlMap):
            for key in _NAME_KEYS:
                names.setdefault(str(item.get(key, "")), index)
    names.pop("", None)
    if step in names:
        return names[step]
    if step.isdecimal() and len(step) < 7 and int(step) < len(node):
        return int(step)
    above = ".".join(steps[:at])
    hint = did_you_mean(step, names) if names else f"expected a number from 0 to {len(node) - 1}"
    raise InputError(f"{above} has no item {step!r}", place, hint)
