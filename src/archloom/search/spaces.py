"""From what a user asks for to mapspaces and the problems that an engine solves."""

from __future__ import annotations

import math
from typing import Any

from archloom.architecture.hierarchy import Architecture
from archloom.errors import Fault, InputError, did_you_mean
from archloom.mapspace.space import MapSpace
from archloom.search.exact.problem import Problem
from archloom.search.network_mapping import Options
from archloom.workload.einsum import Workload
from archloom.workload.network import Network

__all__ = ["check_request", "problems_of", "space_of"]


def check_request(network: Any, architecture: Any, options: Options, *, jobs: int) -> None:
    """Raise InputError with everything that is wrong with what is asked for."""
    faults: list[Fault] = []
    if not isinstance(network, Network | Workload):
        faults.append(
            Fault(f"cannot map {type(network).__name__}", hint="expected a Network or a Workload; see load_network")
        )
    if not isinstance(architecture, Architecture):
        faults.append(
            Fault(
                f"cannot map onto {type(architecture).__name__}", hint="expected an Architecture; see load_architecture"
            )
        )
    if options.cuts not in ("level", "free"):
        faults.append(Fault(f"unknown cuts {options.cuts!r}", hint=did_you_mean(str(options.cuts), ("level", "free"))))
    limit = options.time_limit_s
    if limit is not None and not (isinstance(limit, int | float) and 0 < limit < math.inf):
        faults.append(Fault(f"the time limit is {limit!r}; expected seconds, more than 0"))
    if not isinstance(jobs, int) or jobs < 1:
        faults.append(Fault(f"jobs is {jobs!r}; expected a whole number, at least 1"))
    if faults:
        raise InputError(faults)


def space_of(workload: Workload, architecture: Architecture, constraints: Any, options: Options) -> MapSpace:
    """The mapspace of a layer; `constraints` as `map` takes them."""
    return MapSpace(
        workload, architecture, constraints, cuts="free" if options.cuts == "free" else "level", padding=options.padding
    )


def problems_of(space: MapSpace, options: Options) -> tuple[Problem, ...]:
    """The parts of a mapspace as problems."""
    return tuple(
        Problem(
            space.workload,
            space.architecture,
            rules,
            options.objective,
            options.cuts,
            options.padding,
            options.drain_reads,
        )
        for rules in space.parts
    )
