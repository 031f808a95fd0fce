"""Loading files: any number of them, each with any of the sections architecture, workload, mapping and constraints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from archloom.architecture.hierarchy import Architecture
from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.mapping.nest import Mapping as LoopMapping
from archloom.mapspace.constraints import Constraints
from archloom.spec.architecture_section import ArchitectureSection, read_architecture, read_variables
from archloom.spec.constraints import LevelRules, mapspace_constraints
from archloom.spec.constraints_section import read_constraints
from archloom.spec.document import parse, read, salvage
from archloom.spec.fields import Scope
from archloom.spec.mapping_section import read_mapping
from archloom.spec.paths import SECTIONS, apply_set
from archloom.spec.pricing import Request
from archloom.spec.values import Value, YamlMap, shown
from archloom.spec.workload_section import read_workload
from archloom.spec.zoo import find_machine, machine_names
from archloom.technology.component import Component, Price
from archloom.workload.einsum import ROLES, Workload

__all__ = ["Source", "Spec", "load", "load_document", "read_document"]

Source = str | PathLike[str]
"""A path, the name of a machine in the zoo, or YAML text (a string with a newline in it)."""

_TIMELOOP_SECTIONS = (
    *("problem", "mapper", "mapspace", "ERT", "ART", "components", "globals", "arch", "compound_components"),
    *("sparse_optimizations", "architecture_constraints", "mapspace_constraints", "compound-components"),
)


@dataclass(frozen=True)
class Spec:
    """What a set of files says; parts that no file has are None.

    `nodes`: technology node in nm of the components that name one. `prices`: what the technology library charges for those that
    state no energy, each figure with its source (also in `architecture.prices`); `requests`: what each component asks the library for, or would. `warnings`: sentences for the user, about what was
    understood but is probably not meant. `clock_hz`: the clock of the architecture, None where it states none.
    """

    workload: Workload | None = None
    architecture: Architecture | None = None
    mapping: LoopMapping | None = None
    constraints: tuple[LevelRules, ...] = ()
    nodes: Mapping[str, float] = field(default_factory=dict[str, float])
    warnings: tuple[str, ...] = ()
    prices: Mapping[str, Price] = field(default_factory=dict[str, Price], compare=False)
    requests: Mapping[str, Request] = field(default_factory=dict[str, Request])
    clock_hz: float | None = None

    def mapspace_constraints(self) -> Constraints:
        """What the constraints section says, for a mapspace."""
        return mapspace_constraints(self.constraints)


def load(*sources: Source, sets: Iterable[str] = ()) -> Spec:
    """Load files, zoo machines and YAML texts into one Spec; each section may be given once.

    `sets` are changes such as `levels.GLB.size=128KiB`, made before anything is read. Raises InputError with the faults of all
    files together, each with its file, line and column.
    """
    scope = Scope()
    spec = _sections(_document(sources, sets, scope), scope)
    scope.check()
    return spec


def load_document(*sources: Source, sets: Iterable[str] = ()) -> YamlMap:
    """The sections of files, zoo machines and YAML texts in one mapping, changed by `sets`, for `read_document`.

    Raises InputError with all faults of the files' form; what the sections say is not looked at.
    """
    scope = Scope()
    document = _document(sources, sets, scope)
    scope.check()
    return document


def read_document(document: YamlMap, *, tables: Mapping[str, Component] | None = None) -> Spec:
    """Read the sections of a document as `load` does; `tables` has components by the path of the table that a file names.

    Raises InputError with all faults.
    """
    scope = Scope()
    scope.tables = tables or {}
    spec = _sections(document, scope)
    scope.check()
    return spec


def _document(sources: tuple[Source, ...], sets: Iterable[str], scope: Scope) -> YamlMap:
    document = YamlMap(Place("input"))
    if not sources:
        raise InputError("no files are given; expected a workload, an architecture, a mapping, or several")
    for number, source in enumerate(sources, start=1):
        try:
            part = _parsed(source, number if len(sources) > 1 else 0, scope)
        except InputError as error:
            scope.adopt(error, Place("input"))
        else:
            _gather(part, document, scope)
    _enter_zoo(document, scope)
    for assignment in sets if not scope.faults and not scope.syntax else ():
        try:
            document = apply_set(document, assignment)
        except InputError as error:
            scope.adopt(error, Place("--set"))
    return document


def _parsed(source: Source, number: int, scope: Scope) -> YamlMap:
    """The sections of one file, as far as they can be read."""
    if isinstance(source, str) and "\n" in source:
        name, text = f"text {number}" if number else "text", source
    else:
        name, text = _file(source)
    scope.sources.append(name)
    before = len(scope.syntax)
    value = salvage(text, name, scope.syntax)
    if isinstance(value, YamlMap):
        return value
    if len(scope.syntax) == before:
        message = f"the file holds {shown(value)}; expected a mapping with {', '.join(SECTIONS)}"
        scope.fault(message, Place(name))
    return YamlMap(Place(name))


def _file(source: Source) -> tuple[str, str]:
    """The name and the text of a file, or of a machine in the zoo when there is no such file."""
    try:
        return str(source), read(source)
    except InputError as error:
        machine = find_machine(source) if isinstance(source, str) and not Path(source).suffix else None
        if machine is not None and not _exists(source):
            return machine.name, read(machine)
        hint = did_you_mean(str(source), machine_names())
        if isinstance(source, str) and not Path(source).suffix and hint.startswith("did"):
            raise InputError(
                [Fault(fault.message, fault.place, fault.hint or hint) for fault in error.faults]
            ) from None
        raise


def _exists(source: Source) -> bool:
    try:
        return Path(source).exists()
    except (OSError, ValueError):
        return False


def _gather(part: YamlMap, document: YamlMap, scope: Scope) -> None:
    """Put the sections of one file into the document."""
    for key, value in part.items():
        place = part.key_places[key]
        if key in document:
            scope.fault(
                f"the section {shown(key)} is given twice; it stands first at {document.key_places[key]}", place
            )
        elif key in _TIMELOOP_SECTIONS:
            hint = "load Timeloop files with archloom.interop.timeloop or --timeloop"
            scope.fault(f"the section {key!r} belongs to Timeloop's form", place, hint)
        elif key == "network":
            scope.fault("a network stands where one workload is expected", place, "load it with archloom.load_network")
        elif key not in SECTIONS:
            scope.fault(f"there is no section {shown(key)}", place, did_you_mean(str(key), SECTIONS))
        else:
            document.put(key, value, place, part.value_places[key])


def _enter_zoo(document: YamlMap, scope: Scope) -> None:
    """Replace `architecture: eyeriss` by the sections of that machine's file."""
    name = document.get("architecture")
    if not isinstance(name, str):
        return
    place = document.value_places["architecture"]
    machine = find_machine(name)
    if machine is None:
        scope.fault(f"there is no machine {shown(name)} in the zoo", place, did_you_mean(name, machine_names()))
        del document["architecture"]
        return
    sections = parse(read(machine), machine.name)
    assert isinstance(sections, YamlMap)
    for key, value in sections.items():
        if key == "architecture" or key not in document:
            document.put(key, value, sections.key_places[key], sections.value_places[key])


def _sections(document: YamlMap, scope: Scope) -> Spec:
    def at(section: str) -> tuple[Value, Place]:
        return document[section], document.value_places[section]

    if "variables" in document:
        scope = read_variables(*at("variables"), scope)
    workload = read_workload(*at("workload"), scope) if "workload" in document else None
    section: ArchitectureSection | None = None
    if "architecture" in document:
        section = read_architecture(*at("architecture"), scope)
    architecture = section.architecture if section else None
    if workload and architecture:
        _check_selectors(workload, architecture, scope)
    constraints = read_constraints(*at("constraints"), scope, architecture) if "constraints" in document else ()
    mapping: LoopMapping | None = None
    if "mapping" in document:
        missing = [name for name in ("workload", "architecture") if name not in document]
        if missing and not scope.faults and not scope.syntax:
            place = document.key_places["mapping"]
            scope.fault(f"a mapping is given without its {' and its '.join(missing)}", place, "give that file too")
        # after a fault of syntax, names may be missing that the mapping is right to use
        if workload and architecture and not scope.syntax:
            mapping = read_mapping(*at("mapping"), scope, workload, architecture)
    nodes: Mapping[str, float] = section.nodes if section else {}
    prices: Mapping[str, Price] = architecture.prices if architecture else {}
    requests: Mapping[str, Request] = section.requests if section else {}
    clock_hz = section.clock_hz if section else None
    return Spec(workload, architecture, mapping, constraints, nodes, tuple(scope.warnings), prices, requests, clock_hz)


def _check_selectors(workload: Workload, architecture: Architecture, scope: Scope) -> None:
    """Warn of selectors that mean no tensor; a machine may name tensors that only other workloads have."""
    known = {*ROLES, *(f"{role}s" for role in ROLES), "all", *(tensor.name.casefold() for tensor in workload.tensors)}
    for level in reversed(architecture.levels):
        for selector in sorted(level.keep | level.bypass | level.fanout.no_multicast):
            if selector.casefold() not in known:
                hint = did_you_mean(selector, [*(tensor.name for tensor in workload.tensors), *known])
                scope.warnings.append(
                    f"level {level.name!r} selects {shown(selector)}, which is no tensor of the workload; {hint}"
                )
