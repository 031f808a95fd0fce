"""The texts that one load reads, and the top-level sections that they make together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from archloom.errors import ArchloomError, Fault, InputError, Place, did_you_mean
from archloom.interop.timeloop.fields import Notes, canonical, kind_of
from archloom.interop.timeloop.hierarchical import TAGS
from archloom.interop.timeloop.templates import Renderer
from archloom.spec.document import Value, YamlList, YamlMap, read

__all__ = ["Section", "Sections", "Source", "read_sections"]

Source = str | PathLike[str]

MAX_SOURCES = 1000
_SINGLE = {
    "arch": "architecture",
    "architecture": "architecture",
    "prob": "problem",
    "problem": "problem",
    "mapper": "mapper",
}
_JOINED = {"map": "mapping", "mapping": "mapping", "ERT": "ERT", "ART": "ART", "variables": "variables"}
_UNMODELLED = ("globals", "sparse_optimizations", "mapspace", "layout", "crypto")
_SILENT = ("dumped_by_timeloop_front_end", "version")


@dataclass(frozen=True)
class Section:
    """What stands under one top-level key, and where."""

    key: str
    value: Value
    place: Place


@dataclass
class Sections:
    """The sections of all sources: at most one of the single ones, any number of the others, in the order given."""

    single: dict[str, Section] = field(default_factory=dict)
    joined: dict[str, list[Section]] = field(default_factory=dict)

    def all(self, name: str) -> list[Section]:
        return self.joined.get(name, [])


def read_sections(
    sources: Sequence[Source], variables: Mapping[str, object], folders: Iterable[str | PathLike[str]], notes: Notes
) -> Sections:
    """Read, render and parse every source, and sort their top-level keys; raises InputError with the faults of all of them."""
    texts = list(_texts(sources, notes))
    inside = [text.folder for text in texts if text.folder is not None] + [Path(folder) for folder in folders]
    allowed = list(dict.fromkeys(Path(os.path.realpath(folder)) for folder in inside))
    renderer = Renderer(dict(variables), allowed, TAGS)
    result = Sections()
    for text in texts:
        try:
            document = renderer.document(text.text, text.name, text.folder)
        except ArchloomError as error:
            notes.faults += error.faults if isinstance(error, InputError) else [Fault(str(error))]
            continue
        if isinstance(document, YamlMap):
            _sort(document, result, notes)
        else:
            notes.fault(
                f"the text is {kind_of(document)}; expected a mapping with keys like 'architecture', 'problem', 'mapping'",
                Place(text.name),
            )
    notes.check()
    return result


@dataclass(frozen=True)
class _Text:
    name: str
    text: str
    folder: Path | None


def _texts(sources: Sequence[Source], notes: Notes) -> Iterable[_Text]:
    if not sources:
        raise InputError("no Timeloop files are given", hint="expected paths, or YAML texts")
    if len(sources) > MAX_SOURCES:
        raise InputError(f"{len(sources)} files are given; expected at most {MAX_SOURCES}")
    for number, source in enumerate(sources, 1):
        if isinstance(source, str) and "\n" in source:
            yield _Text("<text>" if len(sources) == 1 else f"<text {number}>", source, None)
            continue
        path = Path(os.fspath(source)) if isinstance(source, str | PathLike) else None
        if path is None:
            notes.fault(f"{type(source).__name__} is not a source; expected a path or a YAML text")
        elif isinstance(source, str) and not source.strip():
            notes.fault("an empty text is given; expected a path or a YAML text")
        elif "\0" not in str(path) and path.is_dir():
            notes.fault("is a folder; expected files", Place(str(path)), _files_in(path))
        else:
            try:
                yield _Text(str(path), read(path), path.parent)
            except InputError as error:
                notes.faults += error.faults


def _files_in(folder: Path) -> str:
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.suffix in (".yaml", ".yml", ".jinja2"))
    except OSError:
        names = []
    if not names:
        return "give the files in it"
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"give the files in it: {shown}"


def _sort(document: YamlMap, result: Sections, notes: Notes) -> None:
    for key, value in document.items():
        name = canonical(key)
        section = Section(str(key), value, document.value_places[key])
        if name in _SINGLE:
            before = result.single.setdefault(_SINGLE[name], section)
            if before is not section:
                notes.fault(f"{key!r} is given twice; it stands first at {before.place}", document.key_places[key])
        elif name in _JOINED:
            result.joined.setdefault(_JOINED[name], []).append(section)
        elif "constraints" in name:
            result.joined.setdefault("constraints", []).append(section)
        elif "components" in name:
            result.joined.setdefault("components", []).append(section)
        elif name in _UNMODELLED:
            if _says_something(name, value):
                notes.remark(
                    f"{key}: ignored"
                    + (", every count is that of dense tensors" if name == "sparse_optimizations" else "")
                )
        elif name not in _SILENT and not name.endswith("ignore"):
            known = [*_SINGLE, *_JOINED, "constraints", "components", *_UNMODELLED]
            hint = did_you_mean(str(key), known)
            notes.remark(
                f"{key} ({section.place}): no section of Timeloop's" + (f", {hint}" if hint.startswith("did") else "")
            )


def _says_something(name: str, value: Value) -> bool:
    """Whether a section holds more than its version (and, for `globals`, more than settings of Timeloop's own run)."""
    if isinstance(value, YamlMap):
        harmless = ("version", "environment_variables") if name == "globals" else ("version",)
        return any(inner not in (None, [], {}) for key, inner in value.items() if str(key) not in harmless)
    return isinstance(value, YamlList) and bool(value)
