"""The best designs and the Pareto front of a sweep, kept up to date block after block."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archloom.interop.maestro.arrays import noc_terms
from archloom.interop.maestro.kernel_reduce import nearest, nondominated, reduce_designs
from archloom.interop.maestro.sweep_runs import Block, Pricer

__all__ = ["Reduction"]

Numbers = NDArray[Any]


class Part(NamedTuple):
    """What a block contributes: feasible designs, the best of each objective with their values, and the front within the block."""

    feasible: int
    best: Numbers
    values: Numbers
    points: Numbers
    places: Numbers


class Reduction:
    """`objectives` are columns to be least one by one, `front` those to be least together."""

    def __init__(self, objectives: tuple[str, ...], front: tuple[str, ...]) -> None:
        self.objectives = objectives
        self.front = front
        self.columns = tuple(dict.fromkeys((*objectives, *(name for name in front if name not in LAST))))
        self.chosen = [(*self.columns, *LAST).index(name) for name in front]
        self.feasible = 0
        self.best = np.full(len(self.columns), -1)
        self.values = np.full((len(self.columns), 3), math.inf)
        self.points = np.empty((0, len(front)))
        self.places = np.empty(0, np.int64)

    def part(self, pricer: Pricer, block: Block, limits: Mapping[str, float]) -> Part:
        """Price and reduce a block."""
        columns = pricer.price(block)
        allowed, values_of = pricer.allowed(columns, limits), [columns[name] for name in self.columns]
        runs = (terms_of(columns), np.stack(values_of, axis=1).astype(float), allowed, *rooms(pricer, limits))
        best, values = np.full(len(self.columns), -1), np.full((len(self.columns), 3), math.inf)
        room = 2 * len(allowed)
        while True:
            found, places = np.empty((room, len(self.columns) + 2)), np.empty(room, np.int64)
            feasible, count = reduce_designs(*runs, block.start, best, values, found, places)
            if feasible >= 0:
                break
            room *= 4
        points, places = undominated(found[:count, self.chosen], places[:count])
        return Part(feasible, best, values, points, places)

    def miss(self, pricer: Pricer, block: Block, limits: Mapping[str, float]) -> tuple[float, int]:
        """Return by which factor the nearest design of a block breaks its limits, and its place."""
        columns = pricer.price(block)
        return nearest(terms_of(columns), pricer.excess(columns, limits), *rooms(pricer, limits), block.start)

    def take(self, part: Part) -> None:
        """Add what a block contributes."""
        self.feasible += part.feasible
        for place in range(len(self.columns)):
            if tuple(part.values[place]) < tuple(self.values[place]):
                self.values[place], self.best[place] = part.values[place], part.best[place]
        points, places = np.concatenate([self.points, part.points]), np.concatenate([self.places, part.places])
        self.points, self.places = undominated(points, places)

    def best_places(self) -> list[int]:
        return [int(place) for place in self.best[: len(self.objectives)]] if self.feasible else []


def terms_of(columns: Mapping[str, Numbers]) -> Numbers:
    bus, arbiter, power = noc_terms(columns["pes"], columns["noc_bw"])
    terms = (columns["pes"], columns["simd"], bus, arbiter, power, columns["l1_required"], columns["l2_required"])
    return np.stack(terms, axis=1).astype(float)


def rooms(pricer: Pricer, limits: Mapping[str, float]) -> tuple[Numbers, Numbers, float, float]:
    return pricer.l1, pricer.l2, limits.get("area_um2", math.inf), limits.get("power_mw", math.inf)


def undominated(points: Numbers, places: Numbers) -> tuple[Numbers, Numbers]:
    """Return the points that no other is as good as, in the order of their columns, and their places; of equals the first place."""
    order = np.lexsort((places, *points.T[::-1]))
    points, places = np.ascontiguousarray(points[order]), places[order]
    kept = nondominated(points)
    return points[kept], places[kept]


LAST = ("area_um2", "power_mw")
"""Columns that depend on the buffers; the kernel puts them last."""
