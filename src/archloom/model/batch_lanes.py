"""From arrays to lanes and back: the thin layer that NumPy and JAX batches share around the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from archloom.model.arrays import Array, MappingBatch
from archloom.model.costs import LEGAL, Costs, Reason, cost
from archloom.model.hardware import Hardware
from archloom.model.plan import Plan
from archloom.model.tiles import Nest
from archloom.model.traffic import Counts, count

__all__ = ["COUNTS", "blocks", "nest_lanes", "outcome", "price", "store"]

COUNTS = ("tile_words", "reads", "fills", "updates")
"""Names of the per-level, per-tensor count arrays [L, T, B]."""


def nest_lanes(plan: Plan, batch: MappingBatch, lane: Any) -> Nest:
    """The batch as lanes; `lane(array)` turns one row of integers into a float64 lane. Fixed axes become numbers."""
    active = plan.active

    def trips(table: Array, at: int, fixed: bool) -> list[Any]:
        return [1 if fixed else lane(table[at, d]) for d in active]

    def held(at: int, t: int) -> Any:
        level = plan.levels[at]
        if level.must_keep[t] or not level.may_keep[t]:
            return level.must_keep[t]
        return lane(batch.keep[at, t], boolean=True)

    levels = range(len(plan.levels))
    return Nest(
        temporal=[trips(batch.temporal, at, fixed=False) for at in levels],
        order=[trips(batch.order, at, fixed=False) for at in levels],
        x=[trips(batch.x, at, fixed=not plan.levels[at].has_fanout) for at in levels],
        y=[trips(batch.y, at, fixed=not plan.levels[at].has_fanout) for at in levels],
        keep=[[held(at, t) for t in range(len(plan.tensors))] for at in levels],
        cut=None
        if batch.cut is None
        else [[lane(batch.cut[at, t]) for t in range(len(plan.tensors))] for at in levels],
        illegal=[(code, lane(wrong, boolean=True)) for code, wrong in _illegal(plan, batch)],
    )


def _illegal(plan: Plan, batch: MappingBatch) -> Iterator[tuple[int, Array]]:
    """Reason codes, and the rows where they hold, for what the plan takes as given and does not look at."""
    for dim in range(batch.temporal.shape[1]):
        if dim not in plan.active:
            temporal, x, y = (table[:, dim] != 1 for table in (batch.temporal, batch.x, batch.y))
            yield Reason.FACTORS + 8 * dim, (temporal | x | y).any(axis=0)
    for at, level in enumerate(plan.levels):
        wrong: Any = False
        for t, must in enumerate(level.must_keep):
            if must or not level.may_keep[t]:
                wrong = (batch.keep[at, t] != must) | wrong
        if wrong is not False:
            yield Reason.RESIDENCY + 8 * at, wrong
        if not level.has_fanout:
            yield Reason.FANOUT_TOTAL + 8 * at, ((batch.x[at] != 1) | (batch.y[at] != 1)).any(axis=0)


def outcome(xp: Any, counts: Counts, costs: Costs, shape: tuple[int, ...], *, with_counts: bool) -> dict[str, Array]:
    """Lanes to result arrays of `shape`, with +inf where illegal."""

    def full(lane: Any, dtype: str) -> Array:
        return xp.broadcast_to(xp.asarray(lane, dtype=dtype), shape)

    reason = full(costs.reason, "int32")
    result = {
        "energy_pj": xp.where(reason == LEGAL, full(costs.energy_pj, "float64"), xp.inf),
        "cycles": xp.where(reason == LEGAL, full(costs.cycles, "float64"), xp.inf),
        "utilization": full(costs.utilization, "float64"),
        "area_um2": full(costs.area_um2, "float64"),
        "bound": full(costs.bound, "int32"),
        "reason": reason,
    }
    if with_counts:
        rows = shape[:1]
        for name, table in (
            ("tile_words", counts.tile),
            ("reads", counts.reads),
            ("fills", counts.fills),
            ("updates", counts.updates),
        ):
            lanes = [[xp.broadcast_to(xp.asarray(v, dtype="float64").reshape(-1), rows) for v in row] for row in table]
            result[name] = xp.stack([xp.stack(row) for row in lanes])
    return result


def price(plan: Plan, nest: Nest, machine: Hardware) -> tuple[Counts, Costs]:
    """Count and cost lanes; in an outer product, mapping lanes are columns [B, 1] against machine lanes [H]."""
    counts = count(plan, nest)
    return counts, cost(plan, nest, counts, machine)


def blocks(size: int, machines: int, outer: bool, most: int) -> Iterator[tuple[slice, slice]]:
    """Slices of the mappings and of the machines that together are the whole batch, of at most `most` points each.

    At least one, even of an empty batch, since types and shapes come from it.
    """
    wide = min(max(machines, 1), most) if outer else 1
    tall = most // wide
    for start in range(0, max(size, 1), tall):
        rows = slice(start, min(start + tall, size))
        if not outer:
            yield rows, slice(0, 1) if machines == 1 else rows
            continue
        for first in range(0, max(machines, 1), wide):
            yield rows, slice(first, min(first + wide, machines))


def store(
    results: dict[str, Array], part: dict[str, Array], shape: tuple[int, ...], rows: slice, machines: slice
) -> None:
    """Put the results of one block where they belong in those of the batch, which has `shape`."""
    for name, values in part.items():
        if name not in results:
            whole = (*values.shape[:2], shape[0]) if name in COUNTS else shape
            results[name] = np.empty(whole, values.dtype)
        if name in COUNTS:
            results[name][..., rows] = values
        else:
            results[name][(rows, machines)[: len(shape)]] = values
