"""`archloom map`: the best mapping of every layer of a network, with the proof that none is better."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archloom.cli.inputs import ArchOption, SetOption, TimeloopOption
from archloom.cli.mapping_inputs import (
    ConstraintsOption,
    CutsOption,
    DrainReadsOption,
    JobsOption,
    Machine,
    NoCacheOption,
    ObjectiveOption,
    PaddingOption,
    SeedOption,
    SourcesArgument,
    StrategyOption,
    TimeLimitOption,
    read_objective,
    read_seconds,
    read_sources,
)
from archloom.cli.mapping_outputs import check_outputs, to_json, write_outputs
from archloom.cli.mapping_progress import SearchProgress, stoppable
from archloom.cli.messages import note, print_error
from archloom.cli.streams import console, progress

if TYPE_CHECKING:
    from archloom.search.network_mapping import NetworkMapping
    from archloom.workload.network import Network

__all__ = ["INTERRUPTED", "map_command", "settled"]

INTERRUPTED = 130


def map_command(
    context: typer.Context,
    sources: SourcesArgument = None,
    *,
    arch: ArchOption = None,
    objective: ObjectiveOption = "edp",
    constraints: ConstraintsOption = None,
    no_constraints: Annotated[bool, typer.Option("--no-constraints", help="Short for --constraints none.")] = False,
    cuts: CutsOption = "level",
    padding: PaddingOption = False,
    drain_reads: DrainReadsOption = False,
    sets: SetOption = None,
    timeloop: TimeloopOption = False,
    strategy: StrategyOption = "exact",
    time_limit: TimeLimitOption = None,
    jobs: JobsOption = 0,
    seed: SeedOption = 0,
    no_cache: NoCacheOption = False,
    pareto: Annotated[
        bool, typer.Option("--pareto", help="Each layer's trade-offs of energy and latency, instead of one mapping.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON, and nothing else.")] = False,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR|FILE",
            help="Write all mappings into a folder, or a file: .html, .csv, .json or .parquet. May be repeated.",
        ),
    ] = None,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="FILE", help="Write one row per layer as Parquet.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show every best mapping as a loop nest, and tracebacks of bugs.")
    ] = False,
) -> None:
    """Find the best mapping of each layer, proven.

    NETWORK is a name of the zoo, a layer such as resnet18:conv1, an ONNX file or YAML. FILES hold a workload or a network, an
    architecture and constraints, together or apart: YAML, or Timeloop's files.
    """
    outputs = [*(out or []), *([parquet] if parquet else [])]
    check_outputs(outputs, parquet=parquet, force=force)
    options: dict[str, Any] = {
        "objective": read_objective(objective),
        "cuts": cuts,
        "padding": padding,
        "drain_reads": drain_reads,
        "time_limit_s": read_seconds(time_limit),
        "cache": not no_cache,
    }
    rules = "none" if no_constraints else constraints
    with progress("Reading"):
        network, machine = read_sources(sources or [], arch=arch, constraints=rules, sets=sets or [], timeloop=timeloop)
    if pareto:
        from archloom.cli.pareto import show_fronts

        show_fronts(network, machine, options, outputs=outputs, as_json=as_json, force=force)
        return
    options |= {"strategy": strategy, "seed": seed, "jobs": jobs}
    mapping, failure = settled(network, machine, options)
    if mapping is not None:
        command = str(context.find_root().obj)
        write_outputs(mapping, outputs, parquet=parquet, force=force, command=command)
        if as_json:
            typer.echo(to_json(mapping), nl=False)
        else:
            from archloom.report.mapping_terminal import print_mapping

            print_mapping(mapping, console(), nests=verbose)
    if failure:
        raise typer.Exit(failure)


def settled(network: Network, machine: Machine, options: dict[str, Any]) -> tuple[NetworkMapping | None, int]:
    """Map a network under the user's eyes: the result, as far as there is one, and an exit code.

    Layers without a mapping are named on stderr (1). Ctrl-C ends the search early, with what is known by then (130).
    """
    from archloom.search.mapper import map as search
    from archloom.search.network_mapping import NoMappingError

    options = {**options, "jobs": options["jobs"] or _cores()}
    with stoppable() as stop:
        try:
            with SearchProgress(stop) as shown:
                found = search(
                    network, machine.architecture, constraints=machine.constraints, progress=shown, stop=stop, **options
                )
        except NoMappingError as error:
            if stop.is_set():
                note(f"stopped: {len(error.unmapped)} of {len(network.layers)} layers have no mapping yet")
                return error.mapping, INTERRUPTED
            print_error(error)
            return error.mapping, error.exit_code
        return found, INTERRUPTED if stop.is_set() else 0


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
