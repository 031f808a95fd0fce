"""The architecture as Timeloop's binary reads it: a chain of subtrees with local components, or the classic storage list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from archloom.errors import Place
from archloom.interop.timeloop.components import SPOKEN_FOR, Part, kind_of_class
from archloom.interop.timeloop.fields import Fields, Notes, as_list, as_map
from archloom.spec.document import YamlMap

__all__ = ["classic_parts", "tree_parts"]

MAX_INSTANCES = 2**40
MAX_PARTS = 1000
_NAME = re.compile(r"([^\[\]]+?)(?:\[(\d{1,12})\.\.(\d{1,12})\])?")


def tree_parts(architecture: Fields, notes: Notes, names: dict[str, object]) -> list[Part]:
    """The components of a `subtree` architecture, outermost first, with instances and meshes."""
    parts: list[Part] = []
    count = 1
    node: Fields | None = architecture
    while node is not None:
        node.take("version")
        subtree, node = _only_child(node, notes), None
        if subtree is None:
            break
        node = Fields(subtree, "subtree", notes)
        node.owner, size = _named(node, notes)
        shared = Fields(node.map("attributes") or YamlMap(node.place), node.owner, notes, names=names)
        shared.take("version", *SPOKEN_FOR)
        names = {
            **names,
            **{name: shared.names[name] for name in SPOKEN_FOR if name in shared.by_name and name in shared.names},
        }
        count *= size
        listed = node.list("local")
        for item, place in zip(listed or [], listed.value_places if listed else [], strict=True):
            entry = as_map(item, f"{node.owner}: a local component", place, notes)
            part = None if entry is None else _component(entry, count, notes, names)
            if part is not None:
                parts.append(part)
            if len(parts) > MAX_PARTS:
                notes.fault(f"the architecture has more than {MAX_PARTS} components", place)
                return parts
        if "subtree" not in node.by_name:
            break
    return parts


def _only_child(node: Fields, notes: Notes) -> YamlMap | None:
    field = node.take("subtree")
    listed = None if field is None else as_list(field.value, f"{node.owner}: subtree", field.place, notes)
    if field is None or listed is None:
        return None
    if len(listed) != 1:
        notes.fault(
            f"{node.owner}: subtree has {len(listed)} entries; expected exactly one",
            field.place,
            "Timeloop's hierarchies are chains",
        )
        return None
    return as_map(listed[0], f"{node.owner}: subtree", listed.value_places[0], notes)


def _named(fields: Fields, notes: Notes) -> tuple[str, int]:
    """The name before `[1..168]`, and how many that makes (Timeloop counts from either 0 or 1)."""
    text = fields.text("name")
    match = _NAME.fullmatch(text.strip())
    place = fields.by_name["name"].place if "name" in fields.by_name else fields.place
    if match is None:
        notes.fault(f"{fields.owner}: the name is {text!r}; expected a name like 'GLB' or 'PE[1..168]'", place)
        return text, 1
    first, last = int(match.group(2) or 1), int(match.group(3) or match.group(2) or 1)
    if not 1 <= last - first + 1 <= MAX_INSTANCES:
        notes.fault(f"{text!r} makes {last - first + 1} instances; expected at least 1", place)
        return match.group(1), 1
    return match.group(1), last - first + 1


def _component(entry: YamlMap, count: int, notes: Notes, names: dict[str, object]) -> Part | None:
    fields = Fields(entry, "component", notes)
    name, size = _named(fields, notes)
    class_name = fields.text("class")
    subclass = fields.text("subclass")
    fields.take("required_actions")
    fields.take("enabled")
    fields.call(name)
    kind = kind_of_class(class_name)
    if kind in ("network", "other"):
        fields.take("attributes", "constraints")
        notes.remark(f"the component {name} of class {class_name!r} plays no part")
        return None
    attributes = fields.map("attributes")
    source = Fields(attributes if attributes is not None else _beside(entry, fields), name, notes, names=names)
    part = _part(name, class_name, source, count * size, fields.place, notes)
    return replace(part, subclass=subclass)


def _beside(entry: YamlMap, fields: Fields) -> YamlMap:
    """Attributes written directly in the component, as the oldest files have them."""
    beside = entry.copy()
    for key in [
        key
        for key in beside
        if key in ("name", "class", "subclass", "required_actions", "enabled", "attributes", "local", "subtree")
    ]:
        del beside[key]
    fields.ignore()
    return beside


def _part(name: str, class_name: str, source: Fields, count: int, place: Place, notes: Notes) -> Part:
    instances = source.integer("instances", default=count, most=MAX_INSTANCES) or count
    if instances > MAX_INSTANCES:
        notes.fault(f"{name}: there are {instances} instances; expected at most 2**40", place)
    mesh_x, mesh_y = source.integer("meshX", most=MAX_INSTANCES), source.integer("meshY", most=MAX_INSTANCES)
    stated = source.by_name.get("meshX") or source.by_name.get("meshY")
    x, y = _mesh(instances, mesh_x, mesh_y)
    if x * y != instances:
        shape = " x ".join(
            f"{axis} {size}" for axis, size in (("meshX", mesh_x), ("meshY", mesh_y)) if size is not None
        )
        notes.fault(f"{name}: {shape} does not make {instances} instances", stated.place if stated else place)
    return Part(name, class_name, instances, x, y, source, place)


def _mesh(instances: int, x: int | None, y: int | None) -> tuple[int, int]:
    if x is not None:
        return x, y if y is not None else max(1, instances // x)
    return (max(1, instances // y), y) if y is not None else (instances, 1)


def classic_parts(architecture: Fields, notes: Notes, names: dict[str, object]) -> list[Part]:
    """The components of the oldest form: `arithmetic`, and a list `storage` from the inside out. Outermost first."""
    parts = [
        _part(fields.text("name", default=default), class_name, fields, 1, fields.place, notes)
        for default, class_name, fields in _classic(architecture, notes, names)
    ]
    return parts[::-1]


def _classic(architecture: Fields, notes: Notes, names: dict[str, object]) -> Iterator[tuple[str, str, Fields]]:
    arithmetic = architecture.map("arithmetic")
    if arithmetic is None:
        notes.fault("architecture: 'arithmetic' is missing", architecture.place)
    else:
        yield "MAC", "mac", Fields(arithmetic, "arithmetic", notes, names=names)
    listed = architecture.list("storage")
    for at, item in enumerate(listed or []):
        entry = as_map(item, "architecture: an entry of storage", architecture.place, notes)
        if entry is not None:
            fields = Fields(entry, "storage", notes, names=names)
            technology = fields.text("technology")
            yield f"storage{at}", "DRAM" if technology == "DRAM" else "SRAM", fields
