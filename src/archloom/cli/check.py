"""`archloom check`: everything wrong with the files, all at once, and nothing computed but whether the mapping fits."""

from __future__ import annotations

from collections.abc import Iterator

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
from archloom.cli.streams import progress
from archloom.errors import InputError

__all__ = ["check"]


def check(
    files: FilesArgument = None,
    *,
    arch: ArchOption = None,
    layer: LayerOption = None,
    mapping: MappingOption = None,
    sets: SetOption = None,
    timeloop: TimeloopOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Say everything that is wrong with files.

    FILES hold any of workload, architecture and mapping, as YAML, Timeloop's files or loop-nest text (.nest). Every fault is
    named with its line, all at once; exit code 1 where all is well written but the mapping does not fit.
    """
    del verbose
    with progress("Reading"):
        case = read_case(files or [], arch=arch, layer=layer, mapping=mapping, timeloop=timeloop, sets=sets or [])
    if (case.workload, case.architecture, case.mapping) == (None, None, None):
        raise InputError("nothing to check", hint="expected a workload, an architecture or a mapping")
    from archloom.report.names import printable

    for line in _lines(case):
        typer.echo(printable(line))


def _lines(case: Case) -> Iterator[str]:
    if case.workload is not None:
        yield f"ok  workload      {case.workload.name}: {case.workload.text}, {case.workload.macs:,} MACs"
    if case.architecture is not None:
        counts = zip(reversed(case.architecture.names), reversed(case.architecture.instances), strict=True)
        chain = " > ".join(name if count == 1 else f"{count:,} {name}" for name, count in counts)
        units = f"{case.architecture.compute_instances:,} {case.architecture.compute.name}"
        yield f"ok  architecture  {case.architecture.name}: {chain} > {units}"
    if case.workload is not None and case.architecture is not None and case.mapping is not None:
        from archloom.model.evaluate import evaluate

        unit = evaluate(case.workload, case.architecture, case.mapping).compute
        yield f"ok  mapping       fits; uses {unit.instances_used:,} of {unit.instances:,} {unit.name}"
