"""Chains: the factorisations of each dim over the slots of a machine, in classes of equal spatial trips; and cells of classes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.mapspace.factors import divisors
from archloom.mapspace.rules import Rules
from archloom.model.plan import Plan
from archloom.search.exact.join_compile import njit
from archloom.search.exact.join_rows import Chain

__all__ = ["axes_of", "cells_of", "chain_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Chains:
    """Factorisations of one dim: `temporal` [N, L], sorted by class; `starts` [C + 1] rows of the classes; `spatial` [C, L]."""

    temporal: Floats
    starts: NDArray[np.int64]
    spatial: Floats


@lru_cache(maxsize=4096)
def chains_of(bound: int, slots: tuple[tuple[int, ...], ...], levels: int) -> Chains:
    """All ways to write `bound` as a product of one number per slot: the spatial slots of each level, then the temporal ones."""
    rest = np.array([bound], np.int64)
    picked = np.empty((1, 0), np.int64)
    for slot in slots[:-1]:
        values = np.array(slot, np.int64)
        row, column = np.nonzero(rest[:, None] % values == 0)
        picked = np.column_stack([picked[row], values[column]])
        rest = rest[row] // values[column]
    fits = np.isin(rest, np.array(slots[-1], np.int64))
    table = np.column_stack([picked[fits], rest[fits]])
    spatial, temporal = table[:, :levels], table[:, levels:]
    if not len(table):
        return Chains(temporal.astype(np.float64), np.zeros(1, np.int64), spatial.astype(np.float64))
    change = np.any(spatial[1:] != spatial[:-1], axis=1)
    starts = np.concatenate([[0], np.nonzero(change)[0] + 1, [len(table)]]).astype(np.int64)
    return Chains(temporal.astype(np.float64), starts, spatial[starts[:-1]].astype(np.float64))


def chain_of(plan: Plan, rules: Rules) -> tuple[Chain, list[Chains]] | None:
    """The factorisations of all dims, together and one by one; None where the rules leave a dim without any."""
    chains = [chains_of(bound, slots_of(plan, rules, d), len(plan.levels)) for d, bound in enumerate(plan.bounds)]
    if any(not len(chain.spatial) for chain in chains):
        return None
    rows = np.cumsum([0, *(len(chain.temporal) for chain in chains)])
    starts = [rows[d] + chain.starts[:-1] for d, chain in enumerate(chains)]
    together = Chain(
        np.ascontiguousarray(np.concatenate([chain.temporal for chain in chains])),
        np.concatenate([*starts, rows[-1:]]).astype(np.int64),
        np.ascontiguousarray(np.concatenate([chain.spatial for chain in chains])),
        np.cumsum([0, *(len(chain.spatial) for chain in chains)]).astype(np.int64),
        np.array(plan.bounds, np.float64),
    )
    return together, chains


def slots_of(plan: Plan, rules: Rules, dim: int) -> tuple[tuple[int, ...], ...]:
    """Trips that each slot of a plan dim may have by itself: across the fanout of each level, then in time at each level."""
    d = plan.active[dim]
    all_trips = divisors(plan.bounds[dim])
    across: list[tuple[int, ...]] = []
    for level, planned in enumerate(plan.levels):
        trips = [trip for trip in all_trips if trip == 1 or planned.has_fanout]
        across.append(
            tuple(t for t in trips if t in rules.spatial[level][d] and any(_axes_for(plan, rules, level, dim, t)))
        )
    return (*across, *(tuple(t for t in all_trips if t in rules.temporal[at][d]) for at in range(len(plan.levels))))


def _axes_for(plan: Plan, rules: Rules, level: int, dim: int, trip: int) -> tuple[bool, bool]:
    """Whether a spatial trip may lie on mesh axis X, on Y."""
    d = plan.active[dim]
    x, y = _mesh(plan, rules, level)
    if plan.levels[level].reshapeable:
        x = y = x * y
    on_x = trip in rules.x[level][d] and 1 in rules.y[level][d] and trip <= x
    on_y = trip in rules.y[level][d] and 1 in rules.x[level][d] and trip <= y
    return on_x, on_y


def _mesh(plan: Plan, rules: Rules, level: int) -> tuple[int, int]:
    """The mesh that the trips of a fanout (pooled: and of all outside it) fit in."""
    across = range(level, len(rules.mesh)) if plan.pooled else (level,)
    return math.prod(rules.mesh[at][0] for at in across), math.prod(rules.mesh[at][1] for at in across)


def cells_of(plan: Plan, rules: Rules, chains: Sequence[Chains]) -> NDArray[np.int64]:
    """All choices of a class per dim that the fanouts can hold, as numbers of classes over all dims: [K, D]."""
    levels = len(plan.levels)
    spatial = np.concatenate([chain.spatial for chain in chains])
    starts = np.cumsum([0, *(len(chain.spatial) for chain in chains)])
    on = np.zeros((len(spatial), levels, 2), np.bool_)
    for dim, chain in enumerate(chains):
        for k in range(len(chain.spatial)):
            for level in range(levels):
                on[starts[dim] + k, level] = _axes_for(plan, rules, level, dim, int(chain.spatial[k, level]))
    mesh = np.array([_mesh(plan, rules, level) for level in range(levels)], np.float64)
    limits = np.array([[r.low, r.high] for r in (*rules.parallelism, rules.total_parallelism)], np.float64)
    free = np.array([level.reshapeable for level in plan.levels])
    return _cells(spatial, starts.astype(np.int64), on, mesh, free, limits, plan.pooled).copy()


@njit(cache=True, error_model="numpy")
def _cells(spatial, starts, on, mesh, free, limits, pooled):
    wide, levels = len(starts) - 1, spatial.shape[1]
    room = 1024
    found = np.empty((room, wide), np.int64)
    count = 0
    pick = np.empty(wide, np.int64)
    for d in range(wide):
        pick[d] = starts[d]
    parallel = np.ones((wide + 1, levels))
    d = 0
    while d >= 0:
        if d == wide:
            if _is_within(parallel[wide], limits) and _find_axes(spatial, pick, on, mesh, free, pooled) >= 0:
                if count == room:
                    room *= 2
                    larger = np.empty((room, wide), np.int64)
                    for row in range(count):
                        for k in range(wide):
                            larger[row, k] = found[row, k]
                    found = larger
                for k in range(wide):
                    found[count, k] = pick[k]
                count += 1
            d -= 1
            pick[d] += 1
            continue
        if pick[d] == starts[d + 1]:
            pick[d] = starts[d]
            d -= 1
            if d >= 0:
                pick[d] += 1
            continue
        ok = True
        outer = 1.0
        for level in range(levels - 1, -1, -1):
            parallel[d + 1, level] = parallel[d, level] * spatial[pick[d], level]
            outer = parallel[d + 1, level] * (outer if pooled else 1.0)
            ok = ok and outer <= mesh[level, 0] * mesh[level, 1]
        if ok:
            d += 1
            if d < wide:
                pick[d] = starts[d]
        else:
            pick[d] += 1
    return found[:count]


@njit(error_model="numpy")
def _is_within(parallel, limits):
    total = 1.0
    for level in range(len(parallel)):
        total *= parallel[level]
        if not limits[level, 0] <= parallel[level] <= limits[level, 1]:
            return False
    return limits[-1, 0] <= total <= limits[-1, 1]


@njit(error_model="numpy")
def _find_axes(spatial, pick, on, mesh, free, pooled):
    """A choice of axis for each spatial loop, as bits over (level, dim) loops of more than one trip (1: Y); -1: none."""
    levels, wide = spatial.shape[1], len(pick)
    loops = 0
    for level in range(levels):
        for d in range(wide):
            loops += spatial[pick[d], level] > 1
    for way in range(1 << loops):
        x, y, bit, ok = 1.0, 1.0, 0, True
        for level in range(levels - 1, -1, -1):
            if not pooled:
                x, y = 1.0, 1.0
            for d in range(wide):
                trip = spatial[pick[d], level]
                if trip > 1:
                    axis = (way >> bit) & 1
                    bit += 1
                    ok = ok and on[pick[d], level, axis]
                    if axis:
                        y *= trip
                    else:
                        x *= trip
            if free[level]:
                ok = ok and x * y <= mesh[level, 0] * mesh[level, 1]
            else:
                ok = ok and x <= mesh[level, 0] and y <= mesh[level, 1]
            if not ok:
                break
        if ok:
            return way
    return -1


def axes_of(plan: Plan, rules: Rules, spatial: Floats) -> list[list[int]]:
    """The mesh axis (0: X, 1: Y) of every spatial loop `spatial` [L, D] of a cell: [L][D]."""
    levels, wide = spatial.shape
    loops = [(level, d) for level in range(levels) for d in range(wide) if spatial[level, d] > 1]
    for way in itertools.product((0, 1), repeat=len(loops)):
        axis = [[0] * wide for _ in range(levels)]
        for (level, d), a in zip(loops, way, strict=True):
            axis[level][d] = a
        if _is_placed(plan, rules, spatial, axis):
            return axis
    raise AssertionError("the spatial trips of a cell fit no mesh axis")


def _is_placed(plan: Plan, rules: Rules, spatial: Any, axis: list[list[int]]) -> bool:
    levels, wide = spatial.shape
    for level in range(levels):
        across = range(level, levels) if plan.pooled else (level,)
        x, y = (math.prod(int(spatial[b, d]) for b in across for d in range(wide) if axis[b][d] == a) for a in (0, 1))
        mesh_x, mesh_y = _mesh(plan, rules, level)
        if (x * y > mesh_x * mesh_y) if plan.levels[level].reshapeable else (x > mesh_x or y > mesh_y):
            return False
        for d in range(wide):
            if not _axes_for(plan, rules, level, d, int(spatial[level, d]))[axis[level][d]] and spatial[level, d] > 1:
                return False
    return True
