"""Compound components as Accelergy 0.3 and 0.4 write them: read into classes that remember where everything stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.spec.document import Value, YamlList, YamlMap, parse, read
from archloom.spec.values import shown

__all__ = [
    "MUST_SPECIFY",
    "Action",
    "CompoundClass",
    "Located",
    "SubAction",
    "Subcomponent",
    "Use",
    "compounds_from",
    "read_compounds",
]

MUST_SPECIFY = "must_specify"
SECTIONS = ("compound_components", "components", "primitive_components")
_CLASS_KEYS = ("name", "attributes", "subcomponents", "actions", "version", "primitive_type")
_PART_KEYS = ("name", "class", "attributes", "area_scale", "area_share", "energy_scale", "n_instances", "enabled")
_SCALES = ("repeat", "action_share", "energy_share", "energy_scale")
_NAME = re.compile(r"\s*([^\[\]\s]+)\s*(?:\[([^\[\]]*)\])?\s*")


@dataclass(frozen=True)
class Located:
    """A number, a word or the text of an expression, and its place."""

    value: str | int | float
    place: Place | None = None


@dataclass(frozen=True)
class Subcomponent:
    """A part of a compound: `indices` is what stands between the brackets of `storage[1..width*depth]`, None without brackets."""

    name: str
    indices: Located | None
    class_name: str
    attributes: Mapping[str, Located]
    area_scales: tuple[Located, ...]
    energy_scales: tuple[Located, ...]
    place: Place


@dataclass(frozen=True)
class SubAction:
    """What a compound's action does with a part: the part's action, its arguments, and how often (all `scales` multiply)."""

    name: str
    arguments: Mapping[str, Located]
    scales: tuple[Located, ...]
    place: Place


@dataclass(frozen=True)
class Use:
    """The instances of one part that take part in an action."""

    part: str
    indices: Located | None
    actions: tuple[SubAction, ...]
    place: Place


@dataclass(frozen=True)
class Action:
    """An action of a compound; `arguments` are ranges such as `0..1`, whose bounds may be expressions."""

    name: str
    arguments: Mapping[str, Located]
    uses: tuple[Use, ...]
    place: Place


@dataclass(frozen=True)
class CompoundClass:
    """A class of components; one without parts is a primitive class, of which only the default attributes count."""

    name: str
    attributes: Mapping[str, Located]
    parts: Mapping[str, Subcomponent]
    actions: Mapping[str, Action]
    place: Place


def read_compounds(*sources: str | PathLike[str]) -> dict[str, CompoundClass]:
    """Read compound components from files (or texts, which contain a newline): class name -> class.

    Raises InputError with every fault of all of them: places, what was expected, the nearest valid name.
    """
    faults: list[Fault] = []
    classes: dict[str, CompoundClass] = {}
    for source in sources:
        try:
            text, name = (
                (source, "<text>") if isinstance(source, str) and "\n" in source else (read(source), str(source))
            )
            document = parse(text, name)
            for name, found in compounds_from(document).items():
                _add(classes, name, found, faults)
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)
    return classes


def compounds_from(value: Value) -> dict[str, CompoundClass]:
    """The classes of parsed YAML: a whole file, or what stands under `compound_components`; raises InputError with every fault."""
    reader = _Reader()
    classes = reader.section(value)
    if reader.faults:
        raise InputError(reader.faults)
    return classes


def _add(classes: dict[str, CompoundClass], name: str, found: CompoundClass, faults: list[Fault]) -> None:
    if name in classes:
        faults.append(
            Fault(f"the class {name!r} is defined twice; it stands first at {classes[name].place}", found.place)
        )
    else:
        classes[name] = found


@dataclass
class _Reader:
    """Reads classes and keeps every fault on the way."""

    faults: list[Fault] = field(default_factory=list)

    def section(self, value: Value) -> dict[str, CompoundClass]:
        if isinstance(value, YamlMap):
            for key in SECTIONS:
                if key in value:
                    return self.section(value[key])
        listed = value.get("classes") if isinstance(value, YamlMap) else value
        classes: dict[str, CompoundClass] = {}
        if not isinstance(listed, YamlList):
            place = value.place if isinstance(value, YamlMap) else None
            self.fault(f"the classes are {shown(listed)}; expected a list 'classes' under 'compound_components'", place)
            return classes
        for item, place in zip(listed, listed.value_places, strict=True):
            found = self.a_class(item, place)
            if found is not None:
                _add(classes, found.name, found, self.faults)
        return classes

    def a_class(self, value: Value, place: Place) -> CompoundClass | None:
        source = self.mapping(value, "a class", place)
        name = None if source is None else self.text(source, "name", "a class")
        if source is None or name is None:
            return None
        what = f"the class {name!r}"
        self.known(source, what, _CLASS_KEYS)
        attributes = self.scalars(source, "attributes", what)
        parts: dict[str, Subcomponent] = {}
        broken = len(self.faults)
        for item, where in self.items(source, "subcomponents", what):
            part = self.part(item, where, what)
            if part is not None and part.name in parts:
                self.fault(f"{what}: the subcomponent {part.name!r} is given twice", part.place)
            elif part is not None:
                parts[part.name] = part
        known = parts if broken == len(self.faults) else None
        actions: dict[str, Action] = {}
        for item, where in self.items(source, "actions", what):
            action = self.action(item, where, what, known)
            if action is not None and action.name in actions:
                self.fault(f"{what}: the action {action.name!r} is given twice", action.place)
            elif action is not None:
                actions[action.name] = action
        return CompoundClass(name, attributes, parts, actions, place)

    def part(self, value: Value, place: Place, owner: str) -> Subcomponent | None:
        source = self.mapping(value, f"{owner}: a subcomponent", place)
        named = None if source is None else self.name(source, f"{owner}: a subcomponent")
        if source is None or named is None:
            return None
        what = f"{owner}, subcomponent {named[0]!r}"
        self.known(source, what, _PART_KEYS)
        class_name = self.text(source, "class", what)
        if class_name is None:
            return None
        area = self.amounts(source, ("area_scale", "area_share", "n_instances"), what)
        energy = self.amounts(source, ("energy_scale", "n_instances"), what)
        return Subcomponent(*named, class_name, self.scalars(source, "attributes", what), area, energy, place)

    def action(self, value: Value, place: Place, owner: str, parts: Mapping[str, Subcomponent] | None) -> Action | None:
        source = self.mapping(value, f"{owner}: an action", place)
        name = None if source is None else self.text(source, "name", f"{owner}: an action")
        if source is None or name is None:
            return None
        what = f"{owner}, action {name!r}"
        self.known(source, what, ("name", "arguments", "subcomponents"))
        uses = [self.use(item, where, what, parts) for item, where in self.items(source, "subcomponents", what)]
        arguments = self.scalars(source, "arguments", what)
        return Action(name, arguments, tuple(use for use in uses if use is not None), place)

    def use(self, value: Value, place: Place, owner: str, parts: Mapping[str, Subcomponent] | None) -> Use | None:
        source = self.mapping(value, f"{owner}: a subcomponent", place)
        named = None if source is None else self.name(source, f"{owner}: a subcomponent")
        if source is None or named is None:
            return None
        if parts is not None and named[0] not in parts:
            self.fault(
                f"{owner}: there is no subcomponent {named[0]!r}",
                source.value_places["name"],
                did_you_mean(named[0], parts),
            )
        what = f"{owner}, subcomponent {named[0]!r}"
        self.known(source, what, ("name", "actions"))
        actions = [self.sub_action(item, where, what) for item, where in self.items(source, "actions", what)]
        return Use(*named, tuple(action for action in actions if action is not None), place)

    def sub_action(self, value: Value, place: Place, owner: str) -> SubAction | None:
        source = self.mapping(value, f"{owner}: an action", place)
        name = None if source is None else self.text(source, "name", f"{owner}: an action")
        if source is None or name is None:
            return None
        what = f"{owner}, action {name!r}"
        self.known(source, what, ("name", "arguments", *_SCALES))
        arguments = self.scalars(source, "arguments", what)
        return SubAction(name, arguments, self.amounts(source, _SCALES, what), place)

    def fault(self, message: str, place: Place | None, hint: str | None = None) -> None:
        self.faults.append(Fault(message, place, hint))

    def mapping(self, value: Value, what: str, place: Place) -> YamlMap | None:
        if isinstance(value, YamlMap):
            return value
        self.fault(f"{what} is {shown(value)}; expected a mapping", place)
        return None

    def known(self, source: YamlMap, what: str, keys: tuple[str, ...]) -> None:
        for key in source:
            if str(key) not in keys:
                self.fault(
                    f"{what}: {shown(key)} is not understood", source.key_places[key], did_you_mean(str(key), keys)
                )

    def text(self, source: YamlMap, key: str, what: str) -> str | None:
        value = source.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
        found = f"{what}: {key!r} is {shown(value)}; expected" if key in source else f"{what} has no {key!r}; expected"
        self.fault(f"{found} a name", source.value_places.get(key, source.place))
        return None

    def name(self, source: YamlMap, what: str) -> tuple[str, Located | None] | None:
        """A name and what stands in its brackets."""
        text = self.text(source, "name", what)
        if text is None:
            return None
        place = source.value_places["name"]
        match = _NAME.fullmatch(text)
        if match is None:
            self.fault(f"{what}: the name is {shown(text)}; expected one like 'adder' or 'storage[1..width]'", place)
            return None
        indices = match.group(2)
        if indices is None:
            return match.group(1), None
        at = Place(place.source, place.line, place.column + match.start(2)) if place.line else place
        return match.group(1), Located(indices, at)

    def scalars(self, source: YamlMap, key: str, what: str) -> dict[str, Located]:
        given = source.get(key)
        if given is None:
            return {}
        found = self.mapping(given, f"{what}: {key}", source.value_places[key])
        result: dict[str, Located] = {}
        for name, value in () if found is None else found.items():
            place = found.value_places[name] if found is not None else source.place
            if isinstance(value, str | int | float):
                result[str(name)] = Located(value, place)
            elif value is not None:
                self.fault(
                    f"{what}: {key}: {name} is {shown(value)}; expected a number, a word or an expression", place
                )
        return result

    def amounts(self, source: YamlMap, keys: tuple[str, ...], what: str) -> tuple[Located, ...]:
        """Those of `keys` that are given, each a number or an expression."""
        found: list[Located] = []
        for key in keys:
            value = source.get(key)
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                found.append(Located(value, source.value_places[key]))
            elif value is not None:
                self.fault(
                    f"{what}: {key} is {shown(value)}; expected a number or an expression", source.value_places[key]
                )
        return tuple(found)

    def items(self, source: YamlMap, key: str, what: str) -> Iterator[tuple[Value, Place]]:
        listed = source.get(key)
        if isinstance(listed, YamlList):
            yield from zip(listed, listed.value_places, strict=True)
        elif listed is not None:
            self.fault(f"{what}: {key} is {shown(listed)}; expected a list", source.value_places[key])
