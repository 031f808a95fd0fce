"""Loading Timeloop files: all texts together become one workload, architecture, mapping, constraints and options."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any, TypeVar

from archloom.architecture.hierarchy import Architecture
from archloom.errors import Fault, InputError, Place
from archloom.interop.accelergy import art_from, ert_from, leaf_name
from archloom.interop.timeloop.architecture import Pieces, architecture_from
from archloom.interop.timeloop.components import Tables, kind_of_class
from archloom.interop.timeloop.constraints import (
    Axis,
    Constraint,
    LoopConstraint,
    Origin,
    ResidencyConstraint,
    constraints_from,
)
from archloom.interop.timeloop.fields import Fields, Notes, as_map
from archloom.interop.timeloop.hierarchical import hierarchical_pieces, spatial_name
from archloom.interop.timeloop.mapping import Directives, directives_from, mapping_from
from archloom.interop.timeloop.mapspace import mapspace_constraints
from archloom.interop.timeloop.priced import priced, warnings_of
from archloom.interop.timeloop.problem import problem_from
from archloom.interop.timeloop.sources import Section, Sections, Source, read_sections
from archloom.interop.timeloop.tree import classic_parts, tree_parts
from archloom.mapping.nest import Mapping as LoopMapping
from archloom.mapspace.constraints import Constraints
from archloom.spec.document import Value, YamlList, YamlMap
from archloom.spec.expressions import resolve_names
from archloom.technology.component import Price
from archloom.workload.einsum import Workload

__all__ = ["TimeloopInput", "TimeloopWarning", "load", "load_problem"]

Lowered = TypeVar("Lowered")

VERSIONS = ("0.1", "0.2", "0.3", "0.4")


class TimeloopWarning(UserWarning):
    """What Timeloop files say that has no meaning here, all of it in one message, or what is to be known of prices."""


@dataclass(frozen=True)
class TimeloopInput:
    """Timeloop files, lowered.

    `mapping` is None when the files have none. `constraints` are all constraints, wherever they were written. `mapper` holds the
    options of Timeloop's mapper as plain values. `warnings` lists what has no meaning here, one attribute or remark each.
    `is_hierarchical`: whether the files are in the form of version 0.4, which passes through Timeloop's front end.
    `prices`: where the energies and areas are from, by component, when there is no ERT and they could be priced.
    """

    workload: Workload
    architecture: Architecture
    mapping: LoopMapping | None
    constraints: tuple[Constraint, ...] = ()
    mapper: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    is_hierarchical: bool = False
    prices: Mapping[str, Price] = field(default_factory=dict)

    def mapspace_constraints(self) -> Constraints:
        """The constraints as they bound a mapspace."""
        return mapspace_constraints(self.constraints, self.workload, self.architecture, front_end=self.is_hierarchical)


def load(
    *sources: Source,
    variables: Mapping[str, object] | None = None,
    folders: Iterable[str | PathLike[str]] = (),
) -> TimeloopInput:
    """Load Timeloop files, in the binary's tree form or the hierarchical form of version 0.4, as one input.

    A source is a path, or YAML text (a string with a newline in it). `variables` are given to Jinja2 templates, e.g.
    `{"architecture": "eyeriss_like"}`. Templates may include files from the folders of the sources and from `folders`.
    Warns once (TimeloopWarning) about everything that has no meaning here, and once about prices found without an ERT; raises InputError with every fault of all sources.
    Source: Timeloop (Parashar et al., ISPASS 2019) and its front end, version 0.4.
    """
    notes = Notes()
    sections = read_sections(sources, variables or {}, folders, notes)
    _require(sections, ("architecture", "problem"))
    result = _lowered(sections, notes)
    if result.warnings:
        warnings.warn(TimeloopWarning("these have no meaning here: " + "; ".join(result.warnings)), stacklevel=2)
    about_prices = warnings_of(result.prices)
    if about_prices:
        warnings.warn(TimeloopWarning("there is no ERT; of the prices: " + "; ".join(about_prices)), stacklevel=2)
    return result


def load_problem(
    *sources: Source,
    variables: Mapping[str, object] | None = None,
    folders: Iterable[str | PathLike[str]] = (),
) -> Workload:
    """Load only the workload of Timeloop files, e.g. of one layer of a network; parameters and errors as for `load`."""
    notes = Notes()
    sections = read_sections(sources, variables or {}, folders, notes)
    _require(sections, ("problem",))
    workload = _problem(sections, notes, _variables(sections, notes))
    notes.check()
    return _settled(workload, sections.single["problem"])


def _require(sections: Sections, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in sections.single]
    if missing:
        given = [section.key for section in sections.single.values()] + list(sections.joined)
        hint = f"found only: {', '.join(given)}" if given else None
        raise InputError([Fault(f"no source has the section {name!r}", hint=hint) for name in missing])


def _variables(sections: Sections, notes: Notes) -> dict[str, object]:
    given: dict[str, object] = {}
    places: dict[str, Place] = {}
    for section in sections.all("variables"):
        source = as_map(section.value, "variables", section.place, notes)
        for key, value in source.items() if source is not None else ():
            name = str(key)
            if name == "version" or not isinstance(value, str | int | float):
                continue
            if given.get(name, value) != value:
                notes.fault(
                    f"the variable {name!r} is given twice, with different values",
                    source.key_places[key] if source else None,
                )
            given[name], places[name] = value, source.value_places[key] if source else section.place
    try:
        return dict(resolve_names(given, places=places, lenient=True))
    except InputError as error:
        notes.faults += error.faults
        return {}


def _problem(sections: Sections, notes: Notes, names: dict[str, object]) -> Workload | None:
    section = sections.single["problem"]
    return problem_from(section.value, section.place, notes, names)


def _lowered(sections: Sections, notes: Notes) -> TimeloopInput:
    """Everything in order; a section that is faulty does not keep the others from being checked."""
    names = _variables(sections, notes)
    workload = _problem(sections, notes, names)
    written = [] if workload is None else _written_constraints(sections, workload, notes)
    pieces = _pieces(sections, workload, notes, names, written)
    tables, prices = _tables(sections, notes), dict[str, Price]()
    if tables.energies_pj is None:
        tables, prices = priced(pieces.parts, tables, sections.all("components"), notes)
    architecture = architecture_from(pieces, tables, sections.single["architecture"].place, notes)
    levels = [part.name for part in reversed(pieces.parts) if kind_of_class(part.class_name) == "memory"]
    constraints = (*pieces.constraints, *_on_levels(written, levels, notes))
    directives = None if workload is None else _directives(sections, workload, levels, notes)
    notes.check()
    workload = _settled(workload, sections.single["problem"])
    architecture = _settled(architecture, sections.single["architecture"])
    mapping = None
    if directives is not None:
        architecture = _without_multicast(architecture, directives)
        mapping = mapping_from(directives, workload, architecture, constraints, notes)
    notes.check()
    source = sections.single["architecture"].value
    is_hierarchical = isinstance(source, YamlMap) and "nodes" in source
    return TimeloopInput(
        workload, architecture, mapping, constraints, _mapper(sections), notes.warnings(), is_hierarchical, prices
    )


def _settled(value: Lowered | None, section: Section) -> Lowered:
    """What a section was lowered to; every fault has been raised before, so this is only for the type checker."""
    if value is None:
        raise InputError(f"the section {section.key!r} cannot be read", section.place)
    return value


def _written_constraints(sections: Sections, workload: Workload, notes: Notes) -> list[Constraint]:
    return [
        constraint
        for section in sections.all("constraints")
        for constraint in constraints_from(section.value, section.place, _origin(section.key), workload, notes)
    ]


def _pieces(
    sections: Sections, workload: Workload | None, notes: Notes, names: dict[str, object], written: list[Constraint]
) -> Pieces:
    section = sections.single["architecture"]
    source = as_map(section.value, "the architecture", section.place, notes)
    if source is None:
        return Pieces("architecture", ())
    fields = Fields(source, "architecture", notes, names=names)
    version = fields.text("version", default=VERSIONS[-1])
    if version not in VERSIONS:
        notes.fault(
            f"the architecture has the version {version}; expected {', '.join(VERSIONS)}",
            fields.by_name["version"].place,
        )
    if "nodes" in fields.by_name:
        return hierarchical_pieces(fields, workload, notes, names, [*written, *_kept_by_mapping(sections)])
    fields.take("name", "attributes")
    if "subtree" in fields.by_name:
        return Pieces(_tree_name(source), tree_parts(fields, notes, names))
    if "storage" in fields.by_name:
        return Pieces("architecture", classic_parts(fields, notes, names))
    hint = "expected 'subtree' (the binary's form) or 'nodes' (the hierarchical form of version 0.4)"
    notes.fault("the architecture has no components", section.place, hint)
    return Pieces("architecture", ())


def _tree_name(source: YamlMap) -> str:
    subtree = source.get("subtree")
    top = subtree[0] if isinstance(subtree, YamlList) and subtree else None
    name = top.get("name") if isinstance(top, YamlMap) else None
    return name if isinstance(name, str) else "architecture"


def _kept_by_mapping(sections: Sections) -> list[Constraint]:
    """What the mapping says is kept where, for finding out which branch of a !Parallel keeps what."""
    found: list[Constraint] = []
    for section in sections.all("mapping"):
        for item in section.value if isinstance(section.value, YamlList) else ():
            keep = item.get("keep") if isinstance(item, YamlMap) else None
            if isinstance(item, YamlMap) and isinstance(keep, YamlList):
                names = tuple(str(name) for name in keep)
                found.append(ResidencyConstraint(str(item.get("target")), Origin.MAPSPACE, item.place, keep=names))
    return found


def _tables(sections: Sections, notes: Notes) -> Tables:
    energies: dict[str, dict[str, float]] | None = None
    areas: dict[str, float] | None = None
    for section in sections.all("ERT"):
        energies = (energies or {}) | {
            leaf_name(name): actions for name, actions in _table(ert_from, section, notes).items()
        }
    for section in sections.all("ART"):
        areas = (areas or {}) | {leaf_name(name): area for name, area in _table(art_from, section, notes).items()}
    return Tables(energies, areas)


def _table(parse: Any, section: Section, notes: Notes) -> dict[str, Any]:
    try:
        return parse(section.value)
    except InputError as error:
        notes.faults += [replace(fault, place=fault.place or section.place) for fault in error.faults]
        return {}


def _origin(key: str) -> Origin:
    return Origin.MAPSPACE if "map" in key.casefold() else Origin.ARCHITECTURE


def _on_levels(constraints: list[Constraint], levels: list[str], notes: Notes) -> list[Constraint]:
    """The constraints with the levels' own names; one for a container is for the level that stands for its fanout."""
    found: list[Constraint] = []
    for constraint in constraints:
        target = constraint.target
        if target.isascii() and target.isdigit() and len(target) < 6 and int(target) < len(levels):
            target = levels[int(target)]
        is_spatial = isinstance(constraint, LoopConstraint) and constraint.axis is Axis.SPATIAL
        if (is_spatial or target not in levels) and spatial_name(target) in levels:
            target = spatial_name(target)
        if target not in levels:
            notes.remark(f"the constraint at {constraint.place} is for {target!r}, which is no storage level")
        found.append(replace(constraint, target=target))
    return found


def _directives(sections: Sections, workload: Workload, levels: list[str], notes: Notes) -> Directives | None:
    found: Directives | None = None
    for section in sections.all("mapping"):
        part = directives_from(section.value, section.place, levels, workload, notes)
        if part is None:
            continue
        if found is not None:
            notes.fault(f"a second mapping; the first stands at {found.place}", section.place)
            break
        found = part
    return found


def _without_multicast(architecture: Architecture, directives: Directives) -> Architecture:
    for name, tensors in directives.no_multicast.items():
        level = architecture.level(name)
        architecture = architecture.with_level(
            name, fanout=replace(level.fanout, no_multicast=level.fanout.no_multicast | tensors)
        )
    return architecture


def _mapper(sections: Sections) -> dict[str, Any]:
    section = sections.single.get("mapper")
    options = _plain(section.value) if section is not None else {}
    return (
        {key: value for key, value in options.items() if key != "version"}
        if isinstance(options, dict)
        else {"options": options}
    )


def _plain(value: Value) -> Any:
    if isinstance(value, YamlMap):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(item) for item in value] if isinstance(value, YamlList) else value
