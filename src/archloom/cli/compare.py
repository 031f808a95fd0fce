"""`archloom compare`: machines, or sets of rules, on the same network side by side."""

from __future__ import annotations

from typing import Annotated

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
from archloom.cli.streams import console, progress
from archloom.errors import InputError

__all__ = ["compare"]


def compare(
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
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON, and nothing else.")] = False,
    verbose: VerboseOption = False,
) -> None:
    """Map a network onto several machines, side by side.

    NETWORK is a name of the zoo, a layer such as resnet18:conv1, an ONNX file or YAML. Every machine gets its best mappings; the
    time limit is for each.
    """
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
    from archloom.report.comparison import Case, comparison_dict, print_comparison

    cases: list[Case] = []
    worst = 0
    for machine in machines:
        if verbose:
            note(machine.label)
        mapping, failure = settled(subject, machine, options)
        cases.append(Case(machine.label, mapping))
        worst = max(worst, failure)
    if as_json:
        import json

        typer.echo(json.dumps(comparison_dict(cases), indent=2, ensure_ascii=False, allow_nan=False))
    elif any(case.mapping is not None for case in cases):
        print_comparison(cases, console())
    if worst:
        raise typer.Exit(worst)


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
