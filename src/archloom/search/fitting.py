"""Fitting: how many words the tiles of mappings take, and making those smaller that do not fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archloom.model.arrays import MappingBatch
from archloom.search.base import Space

__all__ = ["excess_of", "tile_words"]

Floats = NDArray[np.float64]


def tile_words(space: Space, batch: MappingBatch) -> Floats:
    """[L, T, B]: words of each tile, 0 where the tensor bypasses (docs/model.md, section 1)."""
    workload, levels = space.workload, len(space.architecture.levels)
    number = {dim: d for d, dim in enumerate(workload.dims)}
    spatial = np.asarray(batch.x, float) * np.asarray(batch.y, float)
    temporal = np.asarray(batch.temporal, float)
    inside = np.ones(temporal.shape[1:])
    found = np.zeros(np.shape(batch.keep))
    for at in range(levels):
        inside = inside * spatial[at]
        for t, tensor in enumerate(workload.tensors):
            within = temporal[at]
            if batch.cut is not None and at < levels - 1:
                within = np.where(np.asarray(batch.order[at]) < np.asarray(batch.cut[at, t]), within, 1.0)
            words = np.ones(len(batch))
            for rank in tensor.ranks:
                words = words * (1 + sum(c * (inside[number[dim]] * within[number[dim]] - 1) for dim, c in rank))
            found[at, t] = np.where(batch.keep[at, t], words, 0.0)
        inside = inside * temporal[at]
    return found


def excess_of(space: Space, words: Floats) -> Floats:
    """[L, B]: log2(bits that tiles take / usable bits) where that is above 0; a memory without room has the most."""
    found = np.zeros((words.shape[0], words.shape[2]))
    for at, level in enumerate(space.architecture.levels):
        usable = level.size_bits / level.buffering
        if np.isinf(usable):
            continue
        bits = np.array([level.tensor_bits(tensor) for tensor in space.workload.tensors], float)
        used = (words[at] * bits[:, None]).sum(axis=0)
        ratio = np.log2(np.maximum(used, 1.0) / max(usable, 1e-3))
        found[at] = np.where(used > usable, np.maximum(ratio, 1e-9), 0.0)
    return found
