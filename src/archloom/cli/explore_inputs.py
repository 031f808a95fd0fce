"""Where `explore` is to judge: processes here or a cluster, with the options of its batch system."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archloom.errors import Fault, InputError, Place

if TYPE_CHECKING:
    from archloom.exploration.workers import Executor

__all__ = ["ClusterOption", "ClusterOptionOption", "ClusterOptionsOption", "executor_of", "read_cluster_options"]

ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster", metavar="WHERE", help="Judge on a Dask cluster: tcp://HOST:PORT, or slurm (pbs, lsf ...)."
    ),
]
ClusterOptionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--cluster-option",
        metavar="NAME=VALUE",
        help="For slurm and its like: jobs=10, queue=short, walltime=02:00:00, memory=8GB. May be repeated.",
    ),
]
ClusterOptionsOption = Annotated[
    Path | None, typer.Option("--cluster-options", metavar="FILE", help="The same, as a YAML file.")
]


def read_cluster_options(cluster: str | None, given: Sequence[str], file: Path | None) -> dict[str, Any]:
    """The options for a batch system: those of the file, then those of the command line. Raises InputError with all faults."""
    if cluster is None and (given or file is not None):
        raise InputError(
            "options are given for a cluster, and no cluster", hint="expected --cluster slurm, or its like"
        )
    options = {} if file is None else _from_file(file)
    faults: list[Fault] = []
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            faults.append(Fault(f"{text!r} is no option", Place("--cluster-option"), "expected such as memory=8GB"))
        else:
            options[name.strip().replace("-", "_")] = _value(value.strip())
    if faults:
        raise InputError(faults)
    return options


def _from_file(file: Path) -> dict[str, Any]:
    from archloom.spec.document import YamlMap, parse, read

    content = parse(read(file), str(file))
    if not isinstance(content, YamlMap):
        raise InputError(
            "the file is no table of options", Place(str(file), 1, 1), "expected lines such as memory: 8GB"
        )
    return {str(name).replace("-", "_"): _plain(value) for name, value in content.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value


def _value(text: str) -> Any:
    """A number where it is one."""
    return int(text) if text.isascii() and text.isdigit() else text


def executor_of(jobs: int, cluster: str | None, options: dict[str, Any], *, chunk: int) -> Executor:
    """Who judges: the cluster, or so many processes here (0: one per core; one: this one)."""
    if cluster is not None:
        from archloom.exploration import cluster as clusters

        return clusters.cluster(cluster, options, chunk=chunk)
    from archloom.exploration.workers import processes

    return processes(jobs or _cores(), chunk)


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
