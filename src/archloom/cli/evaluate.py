"""`archloom evaluate`: what a mapping costs, as a report, as JSON, or as a file."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archloom.cli.inputs import (
    ArchOption,
    FilesArgument,
    LayerOption,
    MappingOption,
    SetOption,
    TimeloopOption,
    VerboseOption,
    read_case,
)
from archloom.cli.messages import note
from archloom.cli.streams import console, progress, write_files
from archloom.errors import InputError, Place

if TYPE_CHECKING:
    from archloom.model.result import Evaluation

__all__ = ["evaluate"]


def evaluate(
    files: FilesArgument = None,
    *,
    arch: ArchOption = None,
    layer: LayerOption = None,
    mapping: MappingOption = None,
    sets: SetOption = None,
    timeloop: TimeloopOption = False,
    drain_reads: Annotated[
        bool,
        typer.Option(
            "--drain-reads", help="Count a read where an instance sends outputs outwards, as AccelForge does."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON, and nothing else.")] = False,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Also write a file: .html, .svg, .csv, .json or .nest. May be repeated."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    verbose: VerboseOption = False,
) -> None:
    """Cost one mapping: latency, energy, area, and the reasons.

    FILES hold a workload, an architecture and a mapping, together or apart: YAML, or Timeloop's files, or for the mapping
    a loop nest as text (.nest). Machines and layers of the zoo need no file.
    """
    _check_outputs(out or [])
    began = time.perf_counter()
    with progress("Reading"):
        case = read_case(files or [], arch=arch, layer=layer, mapping=mapping, timeloop=timeloop, sets=sets or [])
    case.need("workload", "architecture", "mapping")
    assert case.workload is not None
    assert case.architecture is not None
    assert case.mapping is not None
    read = time.perf_counter()
    with progress("Evaluating"):
        from archloom.model.evaluate import evaluate as cost

        evaluation = cost(case.workload, case.architecture, case.mapping, drain_reads=drain_reads)
    if verbose:
        note(f"read in {read - began:.2f} s, evaluated in {time.perf_counter() - read:.2f} s")
    write_files({path: WRITERS[path.suffix](evaluation) for path in out or []}, force=force)
    if as_json:
        typer.echo(_json(evaluation), nl=False)
    else:
        from archloom.report.terminal import print_report

        print_report(evaluation, console())


def _check_outputs(paths: list[Path]) -> None:
    for path in paths:
        if path.suffix not in WRITERS:
            raise InputError(
                f"cannot write a {path.suffix or 'file without suffix'}",
                Place(str(path)),
                f"expected one of: {', '.join(WRITERS)}",
            )


def _json(evaluation: Evaluation) -> str:
    import json

    return json.dumps(evaluation.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _html(evaluation: Evaluation) -> str:
    import archloom
    from archloom.report.html import evaluation_page

    return evaluation_page(evaluation, version=archloom.__version__)


def _svg(evaluation: Evaluation) -> str:
    from archloom.report.nest_drawing import draw_nest

    return draw_nest(evaluation.mapping, evaluation.workload, evaluation.architecture) + "\n"


def _csv(evaluation: Evaluation) -> str:
    from archloom.report.tables import detail_rows, to_csv

    return to_csv(detail_rows(evaluation))


def _nest(evaluation: Evaluation) -> str:
    from archloom.mapping.text import render

    return render(evaluation.mapping, evaluation.workload, evaluation.architecture)


WRITERS: dict[str, Callable[[Evaluation], str]] = {
    ".html": _html,
    ".svg": _svg,
    ".csv": _csv,
    ".json": _json,
    ".nest": _nest,
}
