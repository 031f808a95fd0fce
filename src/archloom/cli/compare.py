"""`archloom compare`: machines, or sets of rules, on the same network side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archloom.cli.inputs import SetOption, VerboseOption
from archloom.cli.map import settled
from archloom.cli.mapping_inputs import (
    CutsOption,
    DrainReadsOption,
    JobsOption,
    Machine,
    NoCacheOption,
    ObjectiveOption,
    PaddingOption,
    SeedOption,
    StrategyOption,
    TimeLimitOption,
    read_machine,
    read_network,
    read_objective,
    read_seconds,
)
from archloom.cli.messages import note
from archloom.cli.streams import console, progress, unwritable, write_files
from archloom.errors import Fault, InputError, Place

if TYPE_CHECKING:
    from archloom.report.comparison import Case

__all__ = ["compare"]


def compare(
    context: typer.Context,
    network: Annotated[str, typer.Argument(metavar="NETWORK", hidden=True)],
    *,
    archs: Annotated[
        list[str] | None,
        typer.Option(
            "--arch",
            metavar="NAME|FILE[,PATH=VALUE...]",
            help="A machine, perhaps changed: eyeriss,levels.GLB.size=64KiB. Give two or more.",
        ),
    ] = None,
    constraints: Annotated[
        list[str] | None,
        typer.Option(
            "--constraints",
            metavar="own|none|FILE",
            help="The rules that mappings keep to: the machine's own (the default), none, or a file's; "
            "several to compare them, each on every machine.",
        ),
    ] = None,
    objective: ObjectiveOption = "edp",
    cuts: CutsOption = "level",
    padding: PaddingOption = False,
    drain_reads: DrainReadsOption = False,
    sets: SetOption = None,
    strategy: StrategyOption = "exact",
    time_limit: TimeLimitOption = None,
    jobs: JobsOption = 0,
    seed: SeedOption = 0,
    no_cache: NoCacheOption = False,
    out: Annotated[
        list[Path] | None,
        typer.Option("--out", "-o", metavar="FILE", help="Also write .html or .json. May be repeated."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON, and nothing else.")] = False,
    verbose: VerboseOption = False,
) -> None:
    """Map a network onto several machines, side by side.

    NETWORK is a name of the zoo, a layer such as resnet18:conv1, an ONNX file or YAML. Every machine gets its best mappings; the
    time limit is for each.
    """
    _check_outputs(out or [], force=force)
    options = {
        "objective": read_objective(objective),
        "cuts": cuts,
        "padding": padding,
        "drain_reads": drain_reads,
        "time_limit_s": read_seconds(time_limit),
        "cache": not no_cache,
        "strategy": strategy,
        "seed": seed,
        "jobs": jobs,
    }
    with progress("Reading"):
        machines = _machines(archs or [], constraints or ["own"], sets or [])
        subject = read_network(network)
    from archloom.report.comparison import Case, print_comparison

    cases: list[Case] = []
    worst = 0
    for machine in machines:
        if verbose:
            note(machine.label)
        mapping, failure = settled(subject, machine, options)
        cases.append(Case(machine.label, mapping))
        worst = max(worst, failure)
    if any(case.mapping is not None for case in cases):
        command = str(context.find_root().obj)
        write_files({path: WRITERS[path.suffix](cases, command) for path in out or []}, force=force)
        if as_json:
            typer.echo(_json(cases), nl=False)
        else:
            print_comparison(cases, console())
    if worst:
        raise typer.Exit(worst)


def _check_outputs(paths: list[Path], *, force: bool) -> None:
    """Raise InputError before the search where its results could not be written."""
    faults: list[Fault] = []
    for path in paths:
        if path.suffix not in WRITERS:
            hint = f"expected one of: {', '.join(WRITERS)}"
            faults.append(Fault(f"cannot write a {path.suffix or 'file without suffix'}", Place(str(path)), hint))
        elif os.path.lexists(path) and not force:
            faults.append(Fault("the file exists already", Place(str(path)), "give --force to replace it"))
        else:
            faults += filter(None, [unwritable(path)])
    if faults:
        raise InputError(faults)


def _json(cases: Sequence[Case], _: str = "") -> str:
    import json

    from archloom.report.comparison import comparison_dict

    return json.dumps(comparison_dict(cases), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _html(cases: Sequence[Case], command: str) -> str:
    from archloom.report.comparison_html import comparison_page

    return comparison_page(cases, command=command)


WRITERS: dict[str, Callable[[Sequence[Case], str], str]] = {".html": _html, ".json": _json}


def _machines(archs: list[str], rules: list[str], sets: list[str]) -> list[Machine]:
    """Every machine with every set of rules; raises InputError unless that makes two."""
    machines = [read_machine(arch, rule, sets) for arch in archs for rule in rules]
    if len(machines) < 2:
        raise InputError(
            "there is nothing to compare",
            hint="expected --arch twice or more, or several --constraints for one machine",
        )
    seen: dict[str, int] = {}
    labelled: list[Machine] = []
    for machine in machines:
        seen[machine.label] = seen.get(machine.label, 0) + 1
        suffix = f" ({seen[machine.label]})" if seen[machine.label] > 1 else ""
        labelled.append(Machine(machine.label + suffix, machine.architecture, machine.constraints))
    return labelled
