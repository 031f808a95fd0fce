"""Tiles: how far the loops inside a point reach, how many words that is, and how many instances differ.

Sections 1 and 3 of docs/model.md, over lanes (see `ops`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from archloom.errors import InputError
from archloom.model import ops
from archloom.model.ops import Lane
from archloom.model.plan import Plan, PlannedTensor

__all__ = ["Extents", "Nest", "distinct", "extents", "rank_extents", "spatial_trips"]

MOST_SUMS = 1 << 20
"""Beyond so many, sums of spatial loops are not told apart; no mapping that fits a fanout comes near."""


@dataclass(frozen=True, slots=True)
class Nest:
    """A mapping (or a batch of them) as lanes, inner to outer.

    `temporal[l][d]`, `x[l][d]`, `y[l][d]`: trip counts. `order[l][d]`: position in level l's block, 0 = innermost.
    `keep[l][t]`: whether t is held at l. `cut[l][t]`: loops of block l at positions below it lie inside t's tile (None: all).
    `illegal`: reason codes (see `costs.Reason`) with where they hold, for what the plan leaves out of the other lanes: loops
    over dims that it has dropped, spatial loops where there is no fanout, and residency that the hardware does not allow.
    """

    temporal: list[list[Lane]]
    order: list[list[Lane]]
    x: list[list[Lane]]
    y: list[list[Lane]]
    keep: list[list[Lane]]
    cut: list[list[Lane]] | None = None
    illegal: Sequence[tuple[int, Lane]] = ()


@dataclass(frozen=True, slots=True)
class Extents:
    """Reach of each dim, per level: `inside[l][d]` within the spatial loops of block l, `after[l][d]` with its temporal ones too."""

    inside: list[list[Lane]]
    after: list[list[Lane]]


def spatial_trips(nest: Nest, level: int, dim: int) -> Lane:
    """Trip count of `dim` across the fanout below `level`, whichever axis it is on."""
    return ops.product((nest.x[level][dim], nest.y[level][dim]))


def extents(plan: Plan, nest: Nest) -> Extents:
    """Extents of every dim just inside and just outside each level's temporal loops."""
    inside: list[list[Lane]] = []
    after: list[list[Lane]] = []
    reach: list[Lane] = [1] * len(plan.bounds)
    for level in range(len(plan.levels)):
        inside.append([ops.product((reach[d], spatial_trips(nest, level, d))) for d in plan.dims])
        reach = [ops.product((inside[-1][d], nest.temporal[level][d])) for d in plan.dims]
        after.append(reach)
    return Extents(inside, after)


def rank_extents(tensor: PlannedTensor, reach: list[Lane]) -> list[Lane]:
    """Extent of each rank of `tensor` for a box of `reach[d]` iterations: sum of c * (e_d - 1) + 1."""
    result: list[Lane] = []
    for rank in tensor.ranks:
        if len(rank) == 1 and rank[0][1] == 1:
            result.append(reach[rank[0][0]])
            continue
        terms = [reach[dim] if c == 1 else reach[dim] * c for dim, c in rank]
        result.append(ops.total(terms) + (1 - sum(c for _, c in rank)))
    return result


def distinct(plan: Plan, nest: Nest, reach: list[Lane], level: int, tensor: int) -> Lane:
    """Number of different tile positions of a tensor among the spatial iterations of block `level`.

    `reach[d]` is the extent of d just inside those loops: the step of a spatial loop.
    """
    if not plan.levels[level].has_fanout:
        return 1
    trips = [spatial_trips(nest, level, d) for d in plan.dims]
    if not plan.levels[level].multicast[tensor]:
        return ops.product(trips)
    counts: list[Lane] = []
    for rank in plan.tensors[tensor].ranks:
        moving = [(d, c) for d, c in rank if not (isinstance(trips[d], int) and trips[d] == 1)]
        if len(moving) <= 1:
            counts += [trips[d] for d, _ in moving]
        elif len(moving) == 2:
            counts.append(_distinct_pair(plan, trips, reach, moving[0], moving[1]))
        else:
            counts.append(_distinct_many([(trips[d], c * reach[d]) for d, c in moving]))
    return ops.product(counts)


def _distinct_pair(
    plan: Plan, trips: list[Lane], reach: list[Lane], one: tuple[int, int], two: tuple[int, int]
) -> Lane:
    """Different values of a*i + b*j for i < n, j < m: n*m - max(0, n - b/g) * max(0, m - a/g), g = gcd(a, b)."""
    if plan.bounds[one[0]] < plan.bounds[two[0]]:
        one, two = two, one
    n, m = trips[one[0]], trips[two[0]]
    a, b = reach[one[0]] * one[1], reach[two[0]] * two[1]
    short = plan.bounds[two[0]]
    if isinstance(a, int) and isinstance(b, int):
        g = ops.gcd(a, b)
        over_a, over_b = a // g, b // g
    elif plan.padding or short > 16:
        g = ops.gcd(a, b)
        over_a, over_b = a / g, b / g
    else:
        # A collision needs a/g < m <= the bound of the shorter dim: try those few values instead of a gcd.
        over_a, over_b = short, 2.0**60
        ratio = b / a
        for k in range(short - 1, 0, -1):
            quotient = ops.floor(ratio * k + 0.5)
            hit = quotient * a == b * k
            over_a, over_b = ops.select(hit, k, over_a), ops.select(hit, quotient, over_b)
    return n * m - ops.largest((n - over_b, 0)) * ops.largest((m - over_a, 0))


def _distinct_many(loops: list[tuple[Lane, Lane]]) -> Lane:
    """Different values of a sum of three or more spatial loops (trip, step), row by row (rare: three dims in one rank)."""
    lanes = [lane for loop in loops for lane in loop]
    if all(isinstance(lane, int) for lane in lanes):
        return _sums(loops)
    import numpy as np

    if not all(isinstance(lane, int | float | np.ndarray) for lane in lanes):
        raise InputError(
            "the jax backend cannot spread three or more dimensions of one index over a fanout; expected backend='numpy'"
        )
    columns = np.broadcast_arrays(*lanes)
    rows = np.stack([column.reshape(-1) for column in columns], axis=1)
    different, place = np.unique(rows, axis=0, return_inverse=True)
    counts = [_sums([(int(row[k]), int(row[k + 1])) for k in range(0, len(lanes), 2)]) for row in different]
    return np.array(counts, np.float64)[place.reshape(-1)].reshape(columns[0].shape)


def _sums(loops: list[tuple[int, int]]) -> int:
    """Different values of a sum of loops of whole (trip, step).

    The longest loop turns each sum of the others into a run of values one step apart; runs that share a residue may overlap.
    """
    *short, (trip, step) = sorted(loops)
    if math.prod(n for n, _ in short) > MOST_SUMS:
        return math.prod(n for n, _ in loops)
    starts = {0}
    for n, by in short:
        starts = {at + k * by for at in starts for k in range(n)}
    runs = sorted((at % step, at // step) for at in starts)
    overlaps = (max(0, trip - (after[1] - run[1])) for run, after in pairwise(runs) if run[0] == after[0])
    return len(runs) * trip - sum(overlaps)
