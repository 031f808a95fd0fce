"""Filling the array: trips from time into space, as far as rules and meshes let them, and the best of several ways to do so."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archloom.mapspace.space import MapSpace
from archloom.model.arrays import MappingBatch
from archloom.search.base import joined, rows_of
from archloom.search.moves import Moves

__all__ = ["array_use", "best_filled", "chosen", "emptied", "on_meshes", "put"]


def array_use(space: MapSpace, batch: MappingBatch) -> NDArray[np.float64]:
    """[B]: the share of the compute units that each mapping has work for."""
    spatial = np.asarray(batch.x, np.float64) * np.asarray(batch.y, np.float64)
    units = np.prod([float(level.fanout.total) for level in space.architecture.levels])
    return spatial.prod(axis=(0, 1)) / units


def best_filled(moves: Moves, batch: MappingBatch, rng: np.random.Generator, draws: int) -> MappingBatch:
    """Each mapping filled in one of `draws` ways and made to fit, or as it is: whichever uses most of the array, the first of equals.

    Every other way first clears one or both axes of the meshes.
    """
    many, space = len(batch), moves.space
    ways = rows_of(batch, np.tile(np.arange(many), draws))
    cleared = (rng.random((2, draws, many)) < 0.5) & (np.arange(draws) % 2 == 1)[:, None]
    ways = emptied(space, ways, cleared.reshape(2, -1))
    ways = moves.repaired(moves.filled(ways, rng), rng)
    every = joined((ways, batch))
    use = array_use(space, every).reshape(draws + 1, many)
    return rows_of(every, use.argmax(axis=0) * many + np.arange(many))


def emptied(space: MapSpace, batch: MappingBatch, axes: NDArray[np.bool_]) -> MappingBatch:
    """The batch with all trips across a mesh axis moved into the time outside of it, where `axes` [2, B] says so; rows that may not stay."""
    tables = {name: np.asarray(part).copy() for name, part in batch.arrays().items()}
    for axis, rows in zip(("x", "y"), axes, strict=True):
        tables["temporal"][..., rows] *= tables[axis][..., rows]
        tables[axis][..., rows] = 1
    return chosen(space.admits(MappingBatch(**tables)), MappingBatch(**tables), batch)


def on_meshes(space: MapSpace, batch: MappingBatch) -> MappingBatch:
    """The batch with spatial trips moved into time, the last dim's first, where they exceed a mesh axis."""
    tables = {name: np.asarray(part).copy() for name, part in batch.arrays().items()}
    for at, level in enumerate(space.architecture.levels):
        for axis, room in (("x", level.fanout.x), ("y", level.fanout.y)):
            if level.fanout.reshapeable:
                room = level.fanout.total
            for d in reversed(range(tables[axis].shape[1])):
                over = tables[axis][at].astype(np.int64).prod(axis=0) > room
                tables["temporal"][at, d, over] *= tables[axis][at, d, over]
                tables[axis][at, d, over] = 1
    return MappingBatch(**tables)


def chosen(flags: NDArray[np.bool_], one: MappingBatch, two: MappingBatch) -> MappingBatch:
    """Rows of one batch where the flags say so, of the other elsewhere."""
    rows = np.where(flags, 0, len(flags)) + np.arange(len(flags))
    return rows_of(joined((one, two)), rows)


def put(batch: MappingBatch, rows: NDArray[np.intp], part: MappingBatch) -> MappingBatch:
    """The batch with some rows replaced by those of a part."""
    where = np.arange(len(batch))
    where[rows] = len(batch) + np.arange(len(rows))
    return rows_of(joined((batch, part)), where)
