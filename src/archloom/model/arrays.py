"""Mappings as arrays: one integer array per axis, with the batch last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from archloom.architecture.hierarchy import Architecture
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.workload.einsum import Workload

__all__ = ["Array", "MappingBatch", "pack"]

Array = Any
"""A NumPy or JAX array."""


@dataclass(frozen=True, eq=False)
class MappingBatch:
    """B mappings as integer arrays (NumPy or JAX), batch last; levels inner to outer, dims in the workload's order.

    `temporal`, `x`, `y` [L, D, B]: trip counts in time and across the mesh axes of the fanout below level l.
    `order` [L, D, B]: position of each loop in its level's block, 0 = innermost, a permutation of 0..D-1.
    `keep` [L, T, B]: booleans. `cut` [L, T, B]: loops of block l at positions below it are inside t's tile (None: all).
    Any integer type will do; small ones (int16, int8) are the fastest.
    """

    temporal: Array
    order: Array
    x: Array
    y: Array
    keep: Array
    cut: Array | None = None

    def __len__(self) -> int:
        return int(self.temporal.shape[-1])

    def __getitem__(self, rows: slice) -> MappingBatch:
        return MappingBatch(**{name: part[..., rows] for name, part in self.arrays().items()})

    def arrays(self) -> dict[str, Array]:
        """The arrays by field name, without an absent `cut`."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}

    def mapping(self, row: int, workload: Workload, architecture: Architecture, *, padding: bool = False) -> Mapping:
        """Row `row` as a `Mapping`; loops of one trip are left out."""
        return Mapping(
            tuple(self._nest(row, at, workload, level.name) for at, level in enumerate(architecture.levels)),
            padding=padding,
        )

    def _nest(self, row: int, at: int, workload: Workload, name: str) -> LevelNest:
        position = [int(v) for v in self.order[at, :, row]]
        outermost_first = sorted(range(len(position)), key=position.__getitem__, reverse=True)
        temporal = [Loop(workload.dims[d], int(self.temporal[at, d, row])) for d in outermost_first]
        cut: dict[str, int] = {}
        if self.cut is not None:
            for t, tensor in enumerate(workload.tensors):
                limit = int(self.cut[at, t, row])
                inside = [d for d in outermost_first if position[d] < limit and int(self.temporal[at, d, row]) > 1]
                cut[tensor.name] = len(inside)
        loops = tuple(loop for loop in temporal if loop.trip > 1)
        return LevelNest(
            level=name,
            temporal=loops,
            x=_spatial(self.x[at, :, row], workload),
            y=_spatial(self.y[at, :, row], workload),
            keep=frozenset(tensor.name for t, tensor in enumerate(workload.tensors) if bool(self.keep[at, t, row])),
            cut={name: n for name, n in cut.items() if n < len(loops)},
        )


def _spatial(trips: Array, workload: Workload) -> tuple[Loop, ...]:
    return tuple(Loop(dim, int(trip)) for dim, trip in zip(workload.dims, trips, strict=True) if int(trip) > 1)


def pack(workload: Workload, architecture: Architecture, mappings: Sequence[Mapping]) -> MappingBatch:
    """Pack mappings of one workload and architecture into arrays; raises InputError for one of another form.

    The mesh that a mapping gives for a reshapeable fanout is left out: arrays fit any mesh of that size.
    """
    for mapping in mappings:
        mapping.check(workload, architecture)
    shape = (len(architecture.levels), len(workload.dims), len(mappings))
    longest = max((loop.trip for mapping in mappings for nest in mapping.levels for loop in nest.loops()), default=1)
    temporal, x, y = (np.ones(shape, np.int32 if longest < 2**31 else np.int64) for _ in range(3))
    order = np.zeros(shape, np.int8 if len(workload.dims) < 128 else np.int32)
    tensors = [tensor.name for tensor in workload.tensors]
    keep = np.zeros((shape[0], len(tensors), shape[2]), bool)
    cut = np.full(keep.shape, len(workload.dims), order.dtype)
    number = {dim: d for d, dim in enumerate(workload.dims)}
    for row, mapping in enumerate(mappings):
        for at, nest in enumerate(mapping.levels):
            for table, loops in ((temporal, nest.temporal), (x, nest.x), (y, nest.y)):
                for loop in loops:
                    table[at, number[loop.dim], row] = loop.trip
            listed = [loop.dim for loop in reversed(nest.temporal)]
            for position, dim in enumerate([*listed, *(dim for dim in workload.dims if dim not in listed)]):
                order[at, number[dim], row] = position
            keep[at, :, row] = [name in nest.keep for name in tensors]
            for name, inside in nest.cut.items():
                cut[at, tensors.index(name), row] = inside if inside < len(nest.temporal) else len(workload.dims)
    has_cuts = bool((cut < len(workload.dims)).any())
    return MappingBatch(temporal, order, x, y, keep, cut if has_cuts else None)
