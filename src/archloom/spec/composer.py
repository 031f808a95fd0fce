"""From the events of the YAML parser to values with places, collecting every fault on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import yaml

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.spec.values import Scalar, Value, YamlList, YamlMap, plain_scalar

__all__ = ["Composer"]

MAX_NODES = 1_000_000
"""Values once every alias is expanded; the next bounds those really written, which cost time to read."""
MAX_WRITTEN = 300_000
MAX_DEPTH = 100
MAX_FAULTS = 50

_LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_STANDARD = "tag:yaml.org,2002:"
_MERGES = ("<<", "<<<")


def _events(text: str) -> Iterator[Any]:
    # libyaml's own composer recurses in C without a limit; its parser does not
    yield from yaml.parse(text, Loader=_LOADER)  # pyright: ignore[reportUnknownMemberType]


class Composer:
    """One pass over the events of a YAML text, in `document`; values come out with their height (levels of nesting below and including)."""

    def __init__(self, text: str, source: str, tags: frozenset[str]) -> None:
        self.text = text.removeprefix("\ufeff")
        self.source = source
        self.tags = tags
        self.faults: list[Fault] = []
        self.anchors: dict[str, tuple[Value, int, int, Place]] = {}
        self.open_anchors: dict[str, Place] = {}
        self.nodes = 0
        self.written = 0

    def document(self) -> Value:
        """The value of the text; what is wrong with it is in `faults`. Raises InputError where there is no going on."""
        try:
            return self._document(_events(self.text))
        except yaml.MarkedYAMLError as error:
            self._fatal(self._syntax_fault(error))
        except yaml.YAMLError as error:
            self._fatal(Fault(f"not valid YAML: {' '.join(str(error).split())[:300]}", Place(self.source)))

    def _document(self, events: Iterator[Any]) -> Value:
        value: Value = None
        found = False
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if found:
                    self._fault(
                        "a second YAML document starts here; expected one document per file", self._place(event)
                    )
                    break
            elif isinstance(event, yaml.NodeEvent):
                found = True
                value, _ = self._value(event, events, 1)
        if not found or (value is None and not self.faults):
            self._fatal(Fault("the file is empty; expected YAML", Place(self.source)))
        return value

    def _value(self, event: Any, events: Iterator[Any], depth: int) -> tuple[Value, int]:
        place = self._place(event)
        if depth > MAX_DEPTH:
            self._fatal(Fault(f"nested more than {MAX_DEPTH} levels deep", place))
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, place, depth)
        self._count(1, place)
        self.written += 1
        if self.written > MAX_WRITTEN:
            self._fatal(Fault(f"the file has more than {MAX_WRITTEN:,} values", place))
        if isinstance(event, yaml.ScalarEvent):
            value, height = self._scalar(event, place), 1
            nodes = 1
        else:
            start = self.nodes
            if event.anchor is not None:
                self.open_anchors[event.anchor] = place
            compose = self._mapping if isinstance(event, yaml.MappingStartEvent) else self._sequence
            value, height = compose(event, events, place, depth)
            nodes = self.nodes - start + 1
            if event.anchor is not None:
                self.open_anchors.pop(event.anchor, None)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, height, nodes, place)
        return value, height

    def _alias(self, event: Any, place: Place, depth: int) -> tuple[Value, int]:
        name: str = event.anchor
        if name in self.open_anchors:
            self._fault(
                f"the alias *{name} stands inside its own anchor, set at {self.open_anchors[name]}; cycles are not allowed",
                place,
            )
            return None, 1
        if name not in self.anchors:
            self._fault(f"the alias *{name} has no anchor before it", place, did_you_mean(name, self.anchors))
            return None, 1
        value, height, nodes, _ = self.anchors[name]
        self._count(nodes, place)
        if depth + height - 1 > MAX_DEPTH:
            self._fatal(Fault(f"nested more than {MAX_DEPTH} levels deep once *{name} is expanded", place))
        return value, height

    def _scalar(self, event: Any, place: Place) -> Scalar | YamlMap:
        text: str = event.value
        tag: str | None = event.tag
        plain = event.implicit[0] and tag is None
        if tag in self.tags and not text:
            return YamlMap(place, tag)
        try:
            if plain:
                return plain_scalar(text)
            if tag is None or tag == "!" or tag == _STANDARD + "str":
                return text
            if tag in (_STANDARD + "int", _STANDARD + "float", _STANDARD + "bool", _STANDARD + "null"):
                return _forced(text, tag.removeprefix(_STANDARD))
        except ValueError as error:
            self._fault(str(error), place)
            return None
        if tag in self.tags:
            self._fault(f"{tag} stands before a scalar; expected a mapping", place)
        else:
            self._unknown_tag(tag, place)
        return text

    def _sequence(self, event: Any, events: Iterator[Any], place: Place, depth: int) -> tuple[YamlList, int]:
        result = YamlList(place, self._tag(event, place, "seq"))
        height = 0
        for item in events:
            if isinstance(item, yaml.SequenceEndEvent):
                break
            value, below = self._value(item, events, depth + 1)
            result.put(value, self._text_place(item))
            height = max(height, below)
        return result, height + 1

    def _mapping(self, event: Any, events: Iterator[Any], place: Place, depth: int) -> tuple[YamlMap, int]:
        result = YamlMap(place, self._tag(event, place, "map"))
        merges: dict[str, tuple[Value, Place]] = {}
        height = 0
        for key_event in events:
            if isinstance(key_event, yaml.MappingEndEvent):
                break
            key_place = self._text_place(key_event)
            key, below = self._value(key_event, events, depth + 1)
            value_event = next(events)
            value, below_value = self._value(value_event, events, depth + 1)
            height = max(height, below, below_value)
            if isinstance(key, dict | list):
                self._fault("a mapping or sequence is used as a key; expected a name", key_place)
            elif _is_merge(key_event):
                if key in merges:
                    self._duplicate(str(key), key_place, merges[str(key)][1])
                merges[str(key)] = (value, key_place)
            elif key in result:
                self._duplicate(str(key), key_place, result.key_places[key])
            else:
                result.put(key, value, key_place, self._text_place(value_event))
        for name, (value, key_place) in merges.items():
            self._merge(result, value, key_place, deep=name == "<<<")
        return result, height + 1

    def _merge(self, into: YamlMap, value: Value, place: Place, *, deep: bool) -> None:
        for part in value if isinstance(value, YamlList) else [value]:
            if isinstance(part, YamlMap):
                _fill(into, part, deep=deep)
            elif not self.faults:
                self._fault("a merge key (<<) takes a mapping, or a list of mappings", place)

    def _tag(self, event: Any, place: Place, kind: str) -> str | None:
        tag: str | None = event.tag
        if tag is None or tag == "!" or tag == _STANDARD + kind:
            return None
        if tag not in self.tags:
            self._unknown_tag(tag, place)
        return tag

    def _unknown_tag(self, tag: str, place: Place) -> None:
        shown = "!!" + tag.removeprefix(_STANDARD) if tag.startswith(_STANDARD) else tag
        hint = did_you_mean(shown, sorted(self.tags)) if self.tags else "tags are not used in this kind of file"
        self._fault(f"the tag {shown[:80]} is not allowed here", place, hint)

    def _duplicate(self, key: str, place: Place, first: Place) -> None:
        self._fault(f"the key {key[:80]!r} is given twice; it stands first at {first.line}:{first.column}", place)

    def _count(self, nodes: int, place: Place) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            self._fatal(Fault(f"the file expands to more than {MAX_NODES:,} values", place))

    def _fault(self, message: str, place: Place, hint: str | None = None) -> None:
        self.faults.append(Fault(message, place, hint))
        if len(self.faults) >= MAX_FAULTS:
            self._fatal(Fault(f"stopped after {MAX_FAULTS} faults", place))

    def _fatal(self, fault: Fault) -> NoReturn:
        raise InputError([*self.faults, fault])

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self.source, mark.line + 1, mark.column + 1)

    def _text_place(self, event: Any) -> Place:
        mark = event.start_mark
        inside = isinstance(event, yaml.ScalarEvent) and self.text[mark.index : mark.index + 1] in ("'", '"')
        return Place(self.source, mark.line + 1, mark.column + 1 + inside)

    def _syntax_fault(self, error: Any) -> Fault:
        mark = error.problem_mark or error.context_mark
        place = Place(self.source, mark.line + 1, mark.column + 1) if mark else Place(self.source)
        if mark and self.text[mark.index : mark.index + 1] == "\t":
            return Fault("a tab stands where YAML wants spaces", place)
        context = ""
        if error.context:
            begun = error.context_mark
            where = f" begun at {begun.line + 1}:{begun.column + 1}" if begun else ""
            context = f" {error.context}{where}"
        return Fault(f"not valid YAML: {error.problem}{context}", place, _advice(str(error.problem)))


def _advice(problem: str) -> str | None:
    if "mapping values are not allowed" in problem:
        return "is the indentation right, and is text with ': ' in quotes?"
    if "expected" in problem and "block end" in problem:
        return "is the indentation the same as above?"
    if "cannot start any token" in problem:
        return "text that starts with @, %, ` or similar needs quotes"
    return None


def _is_merge(event: Any) -> bool:
    if not isinstance(event, yaml.ScalarEvent) or event.value not in _MERGES:
        return False
    return bool(event.implicit[0]) or event.tag == _STANDARD + "merge"


def _fill(into: YamlMap, source: YamlMap, *, deep: bool) -> None:
    for key, value in source.items():
        if key not in into:
            into.put(key, value, source.key_places[key], source.value_places[key])
            continue
        mine = into[key]
        if deep and isinstance(mine, YamlMap) and isinstance(value, YamlMap):
            merged = mine.copy()
            _fill(merged, value, deep=True)
            into[key] = merged


def _forced(text: str, kind: str) -> Scalar:
    value = plain_scalar(text) if text else None
    if kind == "null" or (kind == "bool" and isinstance(value, bool)):
        return value if kind == "bool" else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if kind == "float" else int(value)
    raise ValueError(f"!!{kind} stands before {text[:40]!r}, which is not one")
