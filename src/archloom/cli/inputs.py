"""Reading what the user names on the command line: files of either form, loop-nest texts, machines and layers by name."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archloom.errors import Fault, InputError, Place

if TYPE_CHECKING:
    from archloom.architecture.hierarchy import Architecture
    from archloom.mapping.nest import Mapping
    from archloom.workload.einsum import Workload

__all__ = [
    "ArchOption",
    "Case",
    "FilesArgument",
    "LayerOption",
    "MappingOption",
    "SetOption",
    "TimeloopOption",
    "VerboseOption",
    "looks_like_timeloop",
    "read_case",
    "start_of",
]

FilesArgument = Annotated[list[Path] | None, typer.Argument(metavar="FILES", hidden=True)]  # described with each verb
ArchOption = Annotated[
    str | None, typer.Option("--arch", metavar="NAME|FILE", help="A machine of the zoo, such as eyeriss, or its file.")
]
LayerOption = Annotated[
    str | None,
    typer.Option(
        "--layer", metavar="NETWORK:LAYER", help="A layer of a network of the zoo or of a file, such as resnet18:conv1."
    ),
]
MappingOption = Annotated[
    Path | None, typer.Option("--mapping", metavar="FILE", help="The mapping: YAML, or a loop nest as text.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change a value first: levels.GLB.size=128KiB. May be repeated."),
]
TimeloopOption = Annotated[
    bool, typer.Option("--timeloop", help="The files are Timeloop's (found out where it is obvious).")
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say more on stderr, and show tracebacks of bugs.")
]

NEST_SUFFIXES = (".nest", ".txt")
SNIFFED = 2**20
_NATIVE = re.compile(r"^(workload|variables|network)[ \t]*:", re.M)
_TIMELOOP = re.compile(
    r"^(problem|mapper|mapspace|ERT|ART|arch|globals|components|compound[_-]components|sparse_optimizations"
    r"|architecture_constraints|mapspace_constraints)[ \t]*:|^[ \t]+-?[ \t]*(subtree|nodes|target|permutation)[ \t]*:|!Component|!Container",
    re.M,
)


@dataclass(frozen=True, slots=True)
class Case:
    """What the files say; a part that none of them has is None."""

    workload: Workload | None
    architecture: Architecture | None
    mapping: Mapping | None

    def need(self, *parts: str) -> None:
        """Raise InputError naming every one of these parts that is missing, and how to give it."""
        how = {
            "workload": "a file with a section 'workload', or --layer NETWORK:LAYER",
            "architecture": "a file with a section 'architecture', or --arch NAME",
            "mapping": "a file with a section 'mapping', or --mapping FILE",
        }
        missing = [
            Fault(f"no {part} is given", hint=f"expected {how[part]}") for part in parts if getattr(self, part) is None
        ]
        if missing:
            raise InputError(missing)


def read_case(
    files: Sequence[Path],
    *,
    arch: str | None = None,
    layer: str | None = None,
    mapping: Path | None = None,
    timeloop: bool = False,
    sets: Sequence[str] = (),
) -> Case:
    """Read everything named; the form of the files is found out unless `timeloop` says it. Raises InputError with all faults."""
    every = [*files, *([mapping] if mapping else [])]
    nests = [path for path in every if path.suffix in NEST_SUFFIXES]
    yaml = [path for path in every if path not in nests]
    if len(nests) > 1:
        raise InputError(
            [Fault("a second loop nest is given", Place(str(path)), f"the first is {nests[0]}") for path in nests[1:]]
        )
    if timeloop or looks_like_timeloop(yaml):
        case = _from_timeloop(yaml, arch, layer, sets)
    else:
        case = _from_native(yaml, arch, layer, sets)
    return _with_nest(case, nests[0]) if nests else case


def looks_like_timeloop(files: Sequence[Path]) -> bool:
    """Whether files are Timeloop's, as far as that is obvious."""
    texts = [start_of(path) for path in files]
    return any(_TIMELOOP.search(text) for text in texts) and not any(_NATIVE.search(text) for text in texts)


def start_of(path: Path) -> str:
    """The first megabyte of a file; nothing where it cannot be read."""
    try:
        if not path.is_file():
            return ""
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(SNIFFED)
    except (OSError, ValueError):
        return ""  # the loader says what is wrong with it


def _from_native(files: Sequence[Path], arch: str | None, layer: str | None, sets: Sequence[str]) -> Case:
    from archloom.spec import load

    sources = [str(path) for path in files]
    if arch is not None:
        sources.append(arch)
    if layer is not None:
        sources.append(_layer_text(layer))
    if not sources:
        return Case(None, None, None)
    spec = load(*sources, sets=sets)
    for sentence in spec.warnings:
        warnings.warn(sentence, stacklevel=2)
    return Case(spec.workload, spec.architecture, spec.mapping)


def _from_timeloop(files: Sequence[Path], arch: str | None, layer: str | None, sets: Sequence[str]) -> Case:
    from archloom.interop import timeloop

    if arch is not None or layer is not None:
        option = "--arch" if arch is not None else "--layer"
        raise InputError(
            f"{option} cannot be combined with Timeloop files",
            hint="convert them first: archloom convert FILES --to native",
        )
    loaded = timeloop.load(*(str(path) for path in files))
    case = Case(loaded.workload, loaded.architecture, loaded.mapping)
    return _changed(case, sets) if sets else case


def _changed(case: Case, sets: Sequence[str]) -> Case:
    """The case with `--set` applied, which is defined on the native form."""
    from archloom.spec import load, to_yaml

    parts = [part for part in (case.workload, case.architecture, case.mapping) if part is not None]
    spec = load(to_yaml(*parts), sets=sets)
    return Case(spec.workload, spec.architecture, spec.mapping)


def _layer_text(layer: str) -> str:
    """The layer `NETWORK:LAYER` as YAML text. Either name may contain colons: a file that exists is taken whole."""
    from archloom.spec import load_network, to_yaml

    splits = list(_splits(layer))
    if not splits:
        raise InputError(
            f"{layer!r} does not name a layer", Place("--layer"), "expected NETWORK:LAYER, such as resnet18:conv1"
        )
    network, name = next((split for split in reversed(splits) if Path(split[0]).is_file()), splits[0])
    return to_yaml(load_network(network).layer(name).workload)


def _splits(text: str) -> Iterator[tuple[str, str]]:
    for at, character in enumerate(text):
        if character == ":" and text[:at].strip() and text[at + 1 :].strip():
            yield text[:at], text[at + 1 :]


def _with_nest(case: Case, path: Path) -> Case:
    from archloom.mapping.text import parse
    from archloom.spec.document import read

    if case.mapping is not None:
        raise InputError("a second mapping is given", Place(str(path)), "the other files hold one already")
    case.need("workload", "architecture")
    assert case.workload is not None
    assert case.architecture is not None
    return Case(case.workload, case.architecture, parse(read(path), case.workload, case.architecture, source=str(path)))
