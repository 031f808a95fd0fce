"""Candidates: which ways through a block the rules allow, and the arrays of complete mappings."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from archloom.model.arrays import MappingBatch
from archloom.search.exact.nodes import Node
from archloom.search.exact.orders import different_orders
from archloom.search.exact.setting import Setting, Spread

__all__ = ["allowed", "fits_pool", "full_batch", "joined", "orders"]

Values = NDArray[np.float64]
Indices = NDArray[np.int64]


def joined(blocks: list[tuple[Indices, Indices]]) -> tuple[Indices, Indices]:
    """Blocks of (spreads, rows) as one."""
    return np.concatenate([numbers for numbers, _ in blocks]), np.concatenate([rows for _, rows in blocks])


def allowed(setting: Setting, level: int, trips: Values) -> NDArray[np.bool_]:
    """Which rows of temporal trips [K, dims] the rules allow."""
    fine = np.ones(len(trips), bool)
    for d, span in enumerate(setting.temporal[level]):
        if span.low > 1 or span.high < setting.plan.bounds[d]:
            fine &= (trips[:, d] >= span.low) & (trips[:, d] <= span.high)
    return fine


def fits_pool(setting: Setting, node: Node, spread: Spread) -> bool:
    """Whether the spread fits the meshes where only the array as a whole limits it (Timeloop's check)."""
    rules = setting.problem.rules
    if not rules.pooled:
        return True
    outside = range(node.level + 1, setting.levels)
    x = math.prod(spread.x) * math.prod(math.prod(node.spreads[at].x) for at in outside)
    y = math.prod(spread.y) * math.prod(math.prod(node.spreads[at].y) for at in outside)
    meshes = rules.mesh[node.level :]
    return x <= math.prod(mesh[0] for mesh in meshes) and y <= math.prod(mesh[1] for mesh in meshes)


def orders(setting: Setting, level: int, trips: list[int]) -> list[list[int]]:
    """Positions of all active dims for each order of the block's loops that may differ in cost."""
    rules, active = setting.problem.rules, setting.plan.active
    present = tuple(d for d, trip in enumerate(trips) if trip > 1)
    inner = tuple(active.index(d) for d in rules.order_inner[level] if d in active)
    outer = tuple(active.index(d) for d in rules.order_outer[level] if d in active)
    latched = tuple(
        tensor for t, tensor in enumerate(setting.plan.tensors) if any(setting.keep[at][t] for at in range(level))
    )
    result: list[list[int]] = []
    for order in different_orders(present, latched, inner, outer):
        full = [*order, *(d for d in setting.plan.dims if d not in order)]
        result.append([full.index(d) for d in setting.plan.dims])
    return result


def full_batch(setting: Setting, temporal: Indices, order: Indices, x: Indices, y: Indices) -> MappingBatch:
    """Arrays over all dims of the workload: dims of bound 1 are outermost and idle."""
    problem, active = setting.problem, list(setting.plan.active)
    dims, size = len(problem.workload.dims), temporal.shape[-1]
    idle = [d for d in range(dims) if d not in active]
    tables = [np.ones((setting.levels, dims, size), np.int64) for _ in range(4)]
    for table, part in zip(tables, (temporal, order, x, y), strict=True):
        table[:, active] = part
    for k, d in enumerate(idle):
        tables[1][:, d] = len(active) + k
    keep = np.repeat(np.array(setting.keep)[:, :, None], size, axis=2)
    return MappingBatch(tables[0], tables[1], tables[2], tables[3], keep)
