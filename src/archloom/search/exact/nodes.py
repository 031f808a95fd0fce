"""What the lattice search walks over: mappings decided from the outside down to some level, and what their loops still do inside."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archloom.search.exact.setting import Setting, Spread
from archloom.search.exact.tables import Key, Table

__all__ = ["Cells", "Node", "Stream", "cells_of", "least_shares", "origin", "slide_state"]

Values = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Node:
    """A mapping decided for all blocks outside `level`, exactly priced there; `tile` is the shape of level's tiles."""

    level: int
    tile: tuple[int, ...]
    temporal: Indices
    order: Indices
    spreads: tuple[Spread, ...]
    energy_pj: float
    cycles: float
    words: tuple[float, ...]
    """Known words per instance: what the levels from `level` outward read, then what is written to them."""
    runs: tuple[float, ...]
    """Per tensor: trips of the free run directly outside the tile."""
    shares: tuple[float, ...]
    """Per tensor: least share of a tile that is fetched anew when the loops outside move it (1: it cannot slide)."""


@dataclass(eq=False)
class Stream:
    """A node's ways through its next block, best bound first: (spread, shape of the tiles below) by index."""

    node: Node
    value: Values
    second: Values
    spread: Indices
    cell: Indices
    at: int = 0


@dataclass(frozen=True, eq=False)
class Cells:
    """A table as rows: the shapes that some key reaches, [rows, dims], and their least inner energy [keys, rows]."""

    extents: Values
    keys: list[Key]
    values: Values
    row_of: dict[int, int]
    """Flat index in the grid -> row."""


def cells_of(setting: Setting, table: Table) -> Cells:
    """The reachable shapes of a table."""
    keys = list(table.values)
    if not keys:
        return Cells(np.empty((0, len(setting.plan.bounds))), [], np.empty((0, 0)), {})
    stacked = np.stack([table.values[key].reshape(-1) for key in keys])
    rows = np.flatnonzero(np.isfinite(stacked).any(axis=0))
    return Cells(setting.grid.table[rows], keys, stacked[:, rows], {int(flat): row for row, flat in enumerate(rows)})


def origin(setting: Setting) -> Cells:
    """The one shape inside everything: a single iteration."""
    key = Key((-1,) * len(setting.plan.tensors), 1, ())
    return Cells(np.ones((1, len(setting.plan.bounds))), [key], np.zeros((1, 1)), {0: 0})


def slide_state(setting: Setting, node: Node) -> tuple[object, ...]:
    """The loops outside the tile that can still slide a tensor's inner tiles, innermost first, with trips."""
    tensors = enumerate(setting.plan.tensors)
    return tuple(
        tuple(_chain(setting, t, node.level, node.temporal, node.order)[0]) for t, tensor in tensors if tensor.sliding
    )


def least_shares(
    setting: Setting, level: int, tile: tuple[int, ...], temporal: Indices, order: Indices, spreads: tuple[Spread, ...]
) -> tuple[float, ...]:
    """Least share of an inner tile fetched anew per move of the loops outside `level`: 1 where nothing slides."""
    shares: list[float] = []
    for t, tensor in enumerate(setting.plan.tensors):
        loops, shared = _chain(setting, t, level, temporal, order) if tensor.sliding else ([], frozenset[int]())
        sliding = [(at, d) for at, d, _ in loops if d in shared]
        if not sliding:
            shares.append(1.0)
            continue
        terms = next(tensor.ranks[k] for k in tensor.sliding if {d for d, _ in tensor.ranks[k]} == shared)
        side = 1 + sum(c * (tile[d] - 1) for d, c in terms)
        at, first = sliding[0]
        step = dict(terms)[first] * tile[first] * math.prod(spreads[o].factors[first] for o in range(level + 1, at + 1))
        # With two dims in the chain a move may bring the tile back to where it was, but never the first of them.
        shares.append(min(1.0, step / side) if len({d for _, d in sliding}) == 1 else 0.5 / side)
    return tuple(shares)


def _chain(
    setting: Setting, t: int, level: int, temporal: Indices, order: Indices
) -> tuple[list[tuple[int, int, int]], frozenset[int]]:
    """Loops (level, dim, trip) outside `level` until one turns the tile of t, and the dims of the rank that it slides along."""
    tensor = setting.plan.tensors[t]
    loops: list[tuple[int, int, int]] = []
    shared: frozenset[int] | None = None
    for at in range(level + 1, setting.levels):
        positions = order[at]
        for d in sorted(setting.plan.dims, key=positions.__getitem__):
            trip = int(temporal[at, d])
            if trip == 1:
                continue
            if d in tensor.relevant:
                if shared is None:
                    ranks = [frozenset(e for e, _ in tensor.ranks[k]) for k in tensor.sliding]
                    shared = next((rank for rank in ranks if d in rank), frozenset())
                if d not in shared:
                    return loops, shared
            loops.append((at, d, trip))
    return loops, shared or frozenset()
