"""`archloom convert`: between archloom's own files, Timeloop's and Accelergy's, and loop-nest text."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from archloom.cli.inputs import (
    ArchOption,
    Case,
    FilesArgument,
    LayerOption,
    MappingOption,
    SetOption,
    TimeloopOption,
    VerboseOption,
    read_case,
)
from archloom.cli.streams import progress, write_files
from archloom.errors import InputError

__all__ = ["Form", "convert"]


class Form(StrEnum):
    """What to convert to."""

    NATIVE = "native"
    TIMELOOP = "timeloop"
    TEXT = "text"
    ERT = "ert"
    ART = "art"


def convert(
    files: FilesArgument = None,
    *,
    to: Annotated[
        Form,
        typer.Option(
            "--to",
            metavar="native|timeloop|text|ert|art",
            help="The form wanted: archloom's YAML, Timeloop's files, the loop nest as text, or Accelergy's tables of "
            "the architecture's energies (ert) or areas (art).",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Write files into this folder, instead of all to stdout."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    arch: ArchOption = None,
    layer: LayerOption = None,
    mapping: MappingOption = None,
    sets: SetOption = None,
    timeloop: TimeloopOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Write files in another form: native, Timeloop's, text, Accelergy's tables.

    FILES hold any of workload, architecture and mapping, as YAML, Timeloop's files or loop-nest text (.nest).
    """
    del verbose
    with progress("Reading"):
        case = read_case(files or [], arch=arch, layer=layer, mapping=mapping, timeloop=timeloop, sets=sets or [])
    contents = CONVERTERS[to](case)
    if out is None:
        typer.echo("\n".join(contents.values()), nl=False)
        return
    paths = {out / name: text for name, text in contents.items()}
    write_files(paths, force=force)
    for path in paths:
        typer.echo(f"wrote {path}", err=True)


def _native(case: Case) -> dict[str, str]:
    from archloom.spec import to_yaml

    parts = {"architecture": case.architecture, "workload": case.workload, "mapping": case.mapping}
    contents = {f"{name}.yaml": to_yaml(part) for name, part in parts.items() if part is not None}
    if not contents:
        raise InputError("nothing to convert", hint="expected a workload, an architecture or a mapping")
    return contents


def _text(case: Case) -> dict[str, str]:
    from archloom.mapping.text import render

    case.need("workload", "architecture", "mapping")
    assert case.mapping is not None
    return {"mapping.nest": render(case.mapping, case.workload, case.architecture)}


def _timeloop(case: Case) -> dict[str, str]:
    from archloom.interop.timeloop.export import to_yaml

    case.need("workload", "architecture")
    assert case.workload is not None
    assert case.architecture is not None
    return {"timeloop.yaml": to_yaml(case.workload, case.architecture, case.mapping)}


def _ert(case: Case) -> dict[str, str]:
    from archloom.interop.accelergy import energies_of, write_ert

    case.need("architecture")
    assert case.architecture is not None
    return {"ERT.yaml": write_ert(energies_of(case.architecture))}


def _art(case: Case) -> dict[str, str]:
    from archloom.interop.accelergy import areas_of, write_art

    case.need("architecture")
    assert case.architecture is not None
    return {"ART.yaml": write_art(areas_of(case.architecture))}


CONVERTERS: dict[Form, Callable[[Case], dict[str, str]]] = {
    Form.NATIVE: _native,
    Form.TIMELOOP: _timeloop,
    Form.TEXT: _text,
    Form.ERT: _ert,
    Form.ART: _art,
}
