"""`archloom explore`: which of the designs of a space is best for these networks, within these budgets."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archloom.cli.explore_inputs import (
    ClusterOption,
    ClusterOptionOption,
    ClusterOptionsOption,
    executor_of,
    read_cluster_options,
)
from archloom.cli.explore_progress import ExploreProgress
from archloom.cli.mapping_inputs import read_seconds
from archloom.cli.mapping_progress import stoppable
from archloom.cli.messages import note
from archloom.cli.streams import progress
from archloom.cli.study_outputs import print_study, study_json
from archloom.errors import InfeasibleError, InputError, Place

if TYPE_CHECKING:
    from archloom.exploration.request import Request

__all__ = ["INTERRUPTED", "explore"]

INTERRUPTED = 130
CHUNKS = {"best": 4, "frontier": 32, "fixed": 128}
"""How many designs are sent to a worker at a time, by how they are mapped."""


def explore(
    context: typer.Context,
    space: Annotated[Path | None, typer.Argument(metavar="SPACE.yaml", hidden=True)] = None,
    *,
    strategy: Annotated[
        str | None,
        typer.Option("--strategy", metavar="NAME", help="How to search: grid, random, genetic ... (else the file's)."),
    ] = None,
    evaluations: Annotated[
        int | None, typer.Option("--evaluations", "-n", metavar="N", min=1, help="Judge so many designs at most.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", min=0, help="For strategies that draw at random.")
    ] = None,
    time_limit: Annotated[
        str | None,
        typer.Option("--time-limit", metavar="TIME", help="End after the batch at such a time: 60s, 5min, 2h."),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PATH=VALUE",
            help="Change the space or its base machine first: budget.area_mm2=10. May be repeated.",
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            min=0,
            show_default=False,
            help="Processes side by side; 0, the default: one per core.",
        ),
    ] = 0,
    cluster: ClusterOption = None,
    cluster_option: ClusterOptionOption = None,
    cluster_options: ClusterOptionsOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FOLDER", help="The folder of the study; by default NAME.study, here."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the study that is in the folder.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the study that is in the folder.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON, and nothing else.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show tracebacks of bugs.")] = False,
) -> None:
    """Find the best design of a space, within its budgets.

    SPACE.yaml says which parameters of which machine are free, the networks, objectives and budgets. Every design is judged at its
    best mappings. What is found is a study: a folder that can be read and reported on at any time, also while it grows.
    """
    del verbose  # main looks for it
    from archloom.exploration.explore import explore_request, manifest_of, why_none
    from archloom.exploration.store import Store

    if space is None:
        raise InputError("no space is given", hint="expected a file with a section 'explore'")
    if resume and force:
        raise InputError("--resume and --force exclude each other", hint="one goes on, the other begins anew")
    seconds = read_seconds(time_limit)
    options = read_cluster_options(cluster, cluster_option or [], cluster_options)
    with progress("Reading"):
        request = _read(space, sets or [], strategy, evaluations, seed, seconds)
    for sentence in request.warnings:
        warnings.warn(sentence, stacklevel=2)
    folder = out if out is not None else Path(f"{request.name}.study")
    typed = str(context.find_root().obj)
    command = _command(space, sets or [], strategy, evaluations, seed)
    with progress("Counting designs"):
        manifest = manifest_of(request, command=command)
    note(_count_words(**manifest["space"]))
    if manifest["space"]["admitted"] == 0:
        raise InfeasibleError("no design of the space fulfils its constraints")
    planned = _planned(manifest["space"]["admitted"], request.search.evaluations)
    with (
        stoppable() as stop,
        executor_of(jobs, cluster, options, chunk=CHUNKS.get(request.mapping.kind, 1)) as workers,
        Store(folder, manifest, resume=resume, replace=force, run={"command": typed}) as store,
        ExploreProgress(stop, {aim.name: aim.maximise for aim in request.goal.aims}, planned) as shown,
    ):
        study = explore_request(request, store=store, executor=workers, progress=shown, stop=stop)
    stopped = stop.is_set()
    if as_json:
        typer.echo(study_json(study), nl=False)
    else:
        print_study(study)
    if stopped:
        note(f"stopped; to go on: {_resumed(typed)}")
        raise typer.Exit(INTERRUPTED)
    if study.best() is None:
        raise InfeasibleError(why_none(study))


def _read(
    space: Path,
    sets: Sequence[str],
    strategy: str | None,
    evaluations: int | None,
    seed: int | None,
    time_limit_s: float | None,
) -> Request:
    """The request of a file, with what the command line says about the search."""
    from archloom.exploration.space_file import load_space
    from archloom.exploration.strategies import strategy_of

    request = load_space(space, sets)
    changes: dict[str, Any] = {"evaluations": evaluations, "seed": seed, "time_limit_s": time_limit_s}
    changes = {name: value for name, value in changes.items() if value is not None}
    if strategy is not None and strategy != request.search.strategy:
        try:
            known = {field.name for field in fields(strategy_of(strategy))}  # type: ignore[arg-type]
        except InputError as error:
            raise InputError(error.faults[0].message, Place("--strategy"), error.faults[0].hint) from None
        own = {name: value for name, value in request.search.options.items() if name in known}
        changes |= {"strategy": strategy, "options": own}
    return request.with_search(**changes) if changes else request


def _count_words(size: int, admitted: int | None) -> str:
    designs = f"{size:,} design{'' if size == 1 else 's'}"
    if admitted is None:
        return f"{designs} before the constraints, which tie too many parameters together to be counted after them"
    return designs if size == admitted else f"{designs}, {admitted:,} of them within the constraints"


def _planned(admitted: int | None, evaluations: int | None) -> int | None:
    """How many designs are judged at most, as far as that is known."""
    known = [number for number in (admitted, evaluations) if number is not None]
    return min(known) if known else None


def _command(space: Path, sets: Sequence[str], strategy: str | None, evaluations: int | None, seed: int | None) -> str:
    """What was asked for, as far as results depend on it: not on how many processes, nor on where they are kept."""
    words = ["archloom", "explore", str(space)]
    words += [word for change in sets for word in ("--set", change)]
    for option, value in (("--strategy", strategy), ("--evaluations", evaluations), ("--seed", seed)):
        words += [option, str(value)] if value is not None else []
    return shlex.join(words)


def _resumed(typed: str) -> str:
    words = [word for word in shlex.split(typed) if word != "--force"]
    return shlex.join(words if "--resume" in words else [*words, "--resume"])
