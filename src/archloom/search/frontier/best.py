"""The best mapping of every machine of a family, from one search."""

from __future__ import annotations

import time
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.mapspace.space import MapSpace
from archloom.model.arrays import MappingBatch, pack
from archloom.search.exact.problem import Problem, Watch
from archloom.search.frontier.family import family_of
from archloom.search.frontier.one_by_one import Single, solve_each
from archloom.search.frontier.pool import Pool
from archloom.search.frontier.search import search_family
from archloom.search.objective import Objective, objective_of

__all__ = ["FamilyAnswer", "family_best"]

Values = NDArray[np.float64]
FEW = 3
"""So many machines are searched one by one; as are free cuts and padding, which the common search does not know."""


@dataclass(frozen=True, eq=False)
class FamilyAnswer:
    """The best mapping of each of H machines, proven.

    `best` [H] numbers `mappings`; -1: none is legal (or, where not `finished` [H], none was found in time). `energy_pj`, `cycles`
    [H] are inf there. No mapping has an objective below `bound` [H]. `searched`: machines that differ in anything a mapping's cost
    depends on; `priced`: mappings costed exactly.
    """

    mappings: MappingBatch
    best: NDArray[np.int64]
    energy_pj: Values
    cycles: Values
    bound: Values
    finished: NDArray[np.bool_]
    searched: int
    priced: int


def family_best(
    space: MapSpace,
    hardware: MappingABC[str, Any],
    objective: str | Objective | dict[str, float] = "edp",
    *,
    drain_reads: bool = False,
    time_limit_s: float | None = None,
) -> FamilyAnswer:
    """The best mapping of a space on each of H machines of one template: the same as one exact search per machine finds.

    `hardware` is as in `evaluate_batch`, `{"GLB.size_bits": [H], "GLB.read_pj": [H], "DRAM.shared_bandwidth": [H], ...}`: sizes,
    energies, leakage, areas and bandwidths that replace those of the space's machine. Of mappings with equal objectives it is the
    one that is better in the other figure. Raises InputError for unknown names, values out of range, and fanouts (a machine with
    another mesh belongs to another family).
    """
    aim = objective_of(objective)
    family, place = family_of(space.architecture, hardware).distinct()
    parts = [
        Problem(space.workload, space.architecture, rules, aim, space.cuts, space.padding, drain_reads)
        for rules in space.parts
    ]
    watch = Watch(None if time_limit_s is None else time.monotonic() + time_limit_s)
    if space.cuts == "free" or space.padding or len(family) <= FEW:
        return _of_singles(space, solve_each(parts, family, watch), place)
    pool = Pool(space.workload, family, aim, drain_reads=drain_reads)
    bound = np.full(len(family), np.inf)
    for part in parts:
        bound = np.minimum(bound, search_family(part, pool, watch))
    finished = np.isinf(bound)
    return FamilyAnswer(
        pool.batch(),
        pool.best[place],
        pool.energy_pj[place],
        pool.cycles[place],
        np.minimum(bound, pool.value)[place],
        finished[place],
        len(family),
        pool.priced,
    )


def _of_singles(space: MapSpace, singles: list[Single], place: NDArray[np.int64]) -> FamilyAnswer:
    number: dict[Any, int] = {}
    best = np.array(
        [-1 if one.best is None else number.setdefault(one.best.mapping, len(number)) for one in singles], np.int64
    )
    energy = np.array([np.inf if one.best is None else one.best.energy_pj for one in singles])
    cycles = np.array([np.inf if one.best is None else float(one.best.cycles) for one in singles])
    return FamilyAnswer(
        pack(space.workload, space.architecture, list(number)),
        best[place],
        energy[place],
        cycles[place],
        np.array([one.bound for one in singles])[place],
        np.array([one.finished for one in singles], bool)[place],
        len(singles),
        sum(one.priced for one in singles),
    )
