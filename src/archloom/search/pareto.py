"""Trade-offs of energy and latency: all mappings of a layer that no other one beats in both."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

from archloom.architecture.hierarchy import Architecture
from archloom.errors import ArchloomError, InputError
from archloom.mapping.nest import Mapping
from archloom.model.evaluate import evaluate
from archloom.model.result import Evaluation
from archloom.search.cache import open_cache
from archloom.search.canonical import from_numbers, key_of, to_numbers
from archloom.search.exact.problem import Problem
from archloom.search.exact.solve import pareto_front
from archloom.search.infeasible import why_infeasible
from archloom.search.network_mapping import REASONS, Missing, NoMappingError, Options, Unmapped, mapping_dict
from archloom.search.objective import objective_of
from archloom.search.spaces import check_request, problems_of, space_of
from archloom.search.task import SearchWatch
from archloom.workload.einsum import Workload

__all__ = ["ParetoFront", "ParetoPoint", "pareto"]


@dataclass(frozen=True, slots=True)
class ParetoPoint:
    """A mapping that no other beats in both energy and latency; `evaluation` is what `evaluate` says of it."""

    evaluation: Evaluation

    @property
    def mapping(self) -> Mapping:
        return self.evaluation.mapping

    @property
    def energy_pj(self) -> float:
        return self.evaluation.energy_pj

    @property
    def cycles(self) -> int:
        return self.evaluation.cycles


@dataclass(frozen=True)
class ParetoFront:
    """The points from the least energy to the least latency; each is proven.

    `finished`: there are no others; else the search ended early, and faster ones are missing. `cpu_s` CPU-seconds were spent, by
    an earlier search where `cached`.
    """

    workload: Workload
    architecture: Architecture
    points: tuple[ParetoPoint, ...]
    finished: bool
    space_size: int
    cpu_s: float
    cached: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "workload": self.workload.name,
            "einsum": self.workload.text,
            "bounds": dict(self.workload.bounds),
            "architecture": self.architecture.name,
            "finished": self.finished,
            "space_size": str(self.space_size),
            "cpu_s": self.cpu_s,
            "points": [
                {
                    "energy_pj": point.energy_pj,
                    "cycles": point.cycles,
                    "edp_pj_cycles": point.evaluation.edp,
                    "utilization": point.evaluation.utilization,
                    "bound_by": point.evaluation.bound_by,
                    "mapping": mapping_dict(point.mapping),
                }
                for point in self.points
            ],
        }


def pareto(
    workload: Workload,
    architecture: Architecture,
    *,
    constraints: Any = None,
    cuts: str = "level",
    padding: bool = False,
    drain_reads: bool = False,
    time_limit_s: float | None = None,
    cache: bool | str | PathLike[str] = True,
    stop: threading.Event | None = None,
) -> ParetoFront:
    """All trade-offs of energy and latency of a layer on a machine, proven; parameters as for `map`.

    Raises InputError for bad input, and for free cuts and padding, for which there is no exact search of fronts yet;
    NoMappingError, an InfeasibleError, when there is no legal mapping.
    """
    options = Options(objective_of("energy"), cuts, padding, drain_reads, time_limit_s=time_limit_s)
    check_request(workload, architecture, options, jobs=1)
    if cuts != "level" or padding:
        raise InputError("fronts are found with level cuts and without padding only; use map for a single objective")
    space = space_of(workload, architecture, constraints, options)
    parts = problems_of(space, options)
    store, key = open_cache(cache), key_of(parts, {"strategy": "pareto"})
    content = store.load(key) if store else None
    known = _recalled(content, parts[0]) if content and content["finished"] else None
    if known is not None and content is not None:
        points, finished, cpu_s = known, True, float(content["cpu_s"])
    else:
        began = time.process_time()
        watch = SearchWatch(time_limit_s, stop or threading.Event(), lambda _: None)
        points = _undominated([point for part in parts for point in _points(part, watch)])
        finished, cpu_s = not watch.expired(), time.process_time() - began
        if store and finished:
            mappings = [to_numbers(point.mapping, workload) for point in points]
            store.store(key, {"mappings": mappings, "cpu_s": cpu_s, "finished": True})
    if not points:
        missing = Missing.NONE_EXISTS if finished else Missing.NOT_FOUND
        reason = why_infeasible(parts, space.why_empty(), stop) if finished else REASONS[missing]
        raise NoMappingError((Unmapped((workload.name,), 1, workload, missing, reason),), None)
    return ParetoFront(workload, space.architecture, tuple(points), finished, space.total, cpu_s, known is not None)


def _points(problem: Problem, watch: SearchWatch) -> Iterator[ParetoPoint]:
    for found in pareto_front(problem, watch):
        yield ParetoPoint(
            evaluate(problem.workload, problem.architecture, found.mapping, drain_reads=problem.drain_reads)
        )


def _undominated(points: Sequence[ParetoPoint]) -> list[ParetoPoint]:
    """The points that no other beats, by growing energy."""
    kept: list[ParetoPoint] = []
    for point in sorted(points, key=lambda point: (point.energy_pj, point.cycles)):
        if not kept or point.cycles < kept[-1].cycles:
            kept.append(point)
    return kept


def _recalled(content: dict[str, Any], problem: Problem) -> list[ParetoPoint] | None:
    """The points of an entry of the cache; None where it makes no sense."""
    try:
        float(content["cpu_s"])
        mappings = [from_numbers(numbers, problem.workload, problem.architecture) for numbers in content["mappings"]]
        return [
            ParetoPoint(evaluate(problem.workload, problem.architecture, mapping, drain_reads=problem.drain_reads))
            for mapping in mappings
        ]
    except (LookupError, TypeError, ValueError, ArchloomError):
        return None
