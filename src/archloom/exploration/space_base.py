"""The base machine of a space: a machine of the zoo, a file, or the architecture in the space file itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from archloom.architecture.hierarchy import Architecture
from archloom.errors import InputError, Place
from archloom.exploration.space_paths import with_mesh_keys
from archloom.exploration.space_sources import Sources
from archloom.spec.document import YamlList, YamlMap, read
from archloom.spec.fields import Fields, Scope
from archloom.spec.load import load_document, read_document
from archloom.spec.paths import apply_set
from archloom.spec.values import shown
from archloom.spec.zoo import find_machine
from archloom.technology.own import parse as parse_table

__all__ = ["BaseMachine", "read_base"]

_SECTIONS = ("architecture", "variables", "constraints")


@dataclass(frozen=True)
class BaseMachine:
    """The file of the base machine, with every fanout by its axes; what it says (None where that is faulty), and its tables' texts."""

    document: YamlMap
    architecture: Architecture | None
    tables: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def read_base(
    fields: Fields, document: YamlMap, sets: tuple[str, ...], sources: Sources, scope: Scope
) -> BaseMachine | None:
    """The base machine, changed by `sets`; None, with the faults in `scope`, where there is none."""
    try:
        found = _sections(fields, document, sources)
        for assignment in sets:
            found = apply_set(found, assignment)
        found = with_mesh_keys(found)
        tables = _tables(found)
    except InputError as error:
        scope.adopt(error, fields.at("architecture"))
        return None
    for path, text in tables.items():
        sources.keep(path, text)
    try:
        spec = read_document(found, tables={path: parse_table(text, path) for path, text in tables.items()})
    except InputError as error:
        scope.adopt(error, fields.at("architecture"))
        return BaseMachine(found, None, tables)
    return BaseMachine(found, spec.architecture, tables, spec.warnings)


def _sections(fields: Fields, document: YamlMap, sources: Sources) -> YamlMap:
    """The sections of the machine, from wherever the space file says."""
    value, place = fields.raw("architecture"), fields.at("architecture")
    own = YamlMap(document.place)
    for key in _SECTIONS:
        if key in document:
            own.put(key, document[key], document.key_places[key], document.value_places[key])
    if value is None:
        if "architecture" not in own:
            raise InputError("no base machine is given", place, "write architecture: eyeriss, a file, or a section")
        return _with_zoo(own, sources)
    if "architecture" in own:
        where = own.key_places["architecture"]
        raise InputError(f"the base machine is given twice; it stands first at {place}", where)
    if isinstance(value, YamlMap):
        own.put("architecture", value, place, place)
        return own
    if not isinstance(value, str):
        raise InputError(f"the base machine is {shown(value)}; expected a name, a file or a section", place)
    return _merged(_from_name(value, place, sources), own)


def _with_zoo(own: YamlMap, sources: Sources) -> YamlMap:
    """A section `architecture: eyeriss` stands for that machine, as in any file."""
    value = own["architecture"]
    if not isinstance(value, str):
        return own
    return _merged(_from_name(value, own.value_places["architecture"], sources), own)


def _merged(found: YamlMap, own: YamlMap) -> YamlMap:
    """The machine's file, with sections of the space file in place of its own."""
    for key in ("variables", "constraints"):
        if key in own:
            found.put(key, own[key], own.key_places[key], own.value_places[key])
    return found


def _from_name(name: str, place: Place, sources: Sources) -> YamlMap:
    """The sections of a file, or of a machine in the zoo."""
    machine = None if sources.is_file(name) else find_machine(name)
    path = sources.path(name) if machine is None and (Path(name).suffix or sources.is_file(name)) else name
    try:
        found = load_document(path)
    except InputError as error:
        at_file = [fault for fault in error.faults if fault.place is not None and fault.place.line]
        raise (
            error
            if at_file
            else InputError([type(fault)(_said(fault.message, name), place, fault.hint) for fault in error.faults])
        ) from None
    sources.keep(name, read(machine or path))
    kept = YamlMap(found.place)
    for key in _SECTIONS:
        if key in found:
            kept.put(key, found[key], found.key_places[key], found.value_places[key])
    if "architecture" not in kept:
        raise InputError(f"the file {name!r} has no section 'architecture'", place)
    return kept


def _said(message: str, name: str) -> str:
    return f"the base machine {name!r}: {message}"


def _tables(document: YamlMap) -> dict[str, str]:
    """The texts of the tables of components that the machine names, by path."""
    section = document.get("architecture")
    if not isinstance(section, YamlMap) or "components" not in section:
        return {}
    value = section["components"]
    names = value if isinstance(value, YamlList) else [value]
    # as the reader of architectures finds them: from the file that names them
    folder = Path(section.place.source).parent
    paths = [str(folder / name) for name in names if isinstance(name, str)]
    return {path: read(path) for path in paths}
