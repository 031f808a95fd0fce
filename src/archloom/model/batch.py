"""Batches: many mappings, on one machine or on many, as arrays in and arrays out (NumPy or JAX, one source)."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from archloom.architecture.hierarchy import Architecture
from archloom.errors import InputError
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.model.costs import LEGAL, Costs, Reason, cost
from archloom.model.hardware import Hardware, hardware_lanes
from archloom.model.plan import Plan, lower
from archloom.model.tiles import Nest
from archloom.model.traffic import Counts, count
from archloom.workload.einsum import Workload

__all__ = ["BatchEvaluation", "MappingBatch", "evaluate_batch", "pack"]

Array = Any
"""A NumPy or JAX array."""

NUMPY_ROWS = 4096
JAX_ROWS = 32768
"""Rows priced at once: small enough that intermediate lanes stay in the caches, which also bounds the memory."""


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
        parts = (self.temporal, self.order, self.x, self.y, self.keep, self.cut)
        return MappingBatch(*(None if part is None else part[..., rows] for part in parts))

    def mapping(self, row: int, workload: Workload, architecture: Architecture, *, padding: bool = False) -> Mapping:
        """Row `row` as a `Mapping`; loops of one trip are left out."""
        return Mapping(
            tuple(self._nest(row, at, workload, level.name) for at, level in enumerate(architecture.levels)),
            padding=padding,
        )

    def _nest(self, row: int, at: int, workload: Workload, name: str) -> LevelNest:
        by_position = np.argsort([int(v) for v in self.order[at, :, row]], kind="stable")[::-1]
        dims = [workload.dims[d] for d in by_position]
        temporal = tuple(Loop(dim, int(self.temporal[at, d, row])) for d, dim in zip(by_position, dims, strict=True))
        cut: dict[str, int] = {}
        if self.cut is not None:
            position = {int(d): int(self.order[at, d, row]) for d in by_position}
            for t, tensor in enumerate(workload.tensors):
                limit = int(self.cut[at, t, row])
                inside = [d for d in by_position if position[int(d)] < limit and int(self.temporal[at, d, row]) > 1]
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
    """Pack mappings of one workload and architecture into arrays; raises InputError for one of another form."""
    shape = (len(architecture.levels), len(workload.dims), len(mappings))
    temporal, x, y = (np.ones(shape, np.int32) for _ in range(3))
    order = np.zeros(shape, np.int8 if len(workload.dims) < 128 else np.int32)
    tensors = [tensor.name for tensor in workload.tensors]
    keep = np.zeros((shape[0], len(tensors), shape[2]), bool)
    cut = np.full(keep.shape, len(workload.dims), order.dtype)
    number = {dim: d for d, dim in enumerate(workload.dims)}
    for row, mapping in enumerate(mappings):
        mapping.check(workload, architecture)
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


@dataclass(frozen=True, eq=False)
class BatchEvaluation:
    """Costs of a batch: arrays [B] (with `outer` hardware [B, H]), NumPy or JAX like the input.

    `energy_pj`, `cycles` are +inf where `reason` is not 0; `bound` is the level that sets the latency (L: compute);
    `utilization` is a fraction, `area_um2` the machine's area. `counts` holds `tile_words`, `reads`, `fills`, `updates`
    [L, T, B] in words per instance, when asked for.
    """

    energy_pj: Array
    cycles: Array
    utilization: Array
    area_um2: Array
    bound: Array
    reason: Array
    counts: MappingABC[str, Array] | None = None

    @property
    def edp(self) -> Array:
        """Energy-delay product, pJ x cycles."""
        return self.energy_pj * self.cycles

    def explain(self, reason: int, workload: Workload, architecture: Architecture) -> str:
        """Say what a reason code means."""
        if int(reason) == LEGAL:
            return "legal"
        kind, at = Reason.split(int(reason))
        if kind == Reason.FACTORS:
            dim = [dim for dim in workload.dims if workload.bounds[dim] > 1][at]
            return f"the factors of {dim!r} do not multiply to its bound {workload.bounds[dim]}"
        what = {
            Reason.CAPACITY: "the kept tiles exceed the capacity",
            Reason.FANOUT_X: "spatial trips exceed mesh axis X of the fanout",
            Reason.FANOUT_Y: "spatial trips exceed mesh axis Y of the fanout",
            Reason.FANOUT_TOTAL: "spatial trips exceed the fanout",
            Reason.AXES: "a dimension is on both mesh axes",
        }
        return f"level {architecture.levels[at].name!r}: {what[kind]}"


def evaluate_batch(
    workload: Workload,
    architecture: Architecture,
    mappings: MappingBatch,
    *,
    hardware: MappingABC[str, Array] | None = None,
    outer: bool = False,
    padding: bool = False,
    drain_reads: bool = False,
    counts: bool = False,
    backend: Literal["numpy", "jax"] = "numpy",
) -> BatchEvaluation:
    """Cost a batch of mappings, and of hardware numbers, in float64 (counts exact below 2**53).

    `hardware` varies numbers of the machine: `{"GLB.size_bits": [H], "GLB.read_pj": ..., "GLB.fanout.x": ..., "MAC.energy_pj":
    ...}` with H = B row by row, or, with `outer`, every mapping on every machine (arrays [B, H] come back; counts are made once
    per mapping). `backend="jax"` compiles the same model for JAX's default device; JAX arrays in give JAX arrays out.
    Illegal points have infinite energy and cycles and a reason code; malformed arrays raise InputError.
    Memory beyond arguments and results does not grow with the batch.
    """
    plan = lower(workload, architecture, padding=padding, cuts=mappings.cut is not None, drain_reads=drain_reads)
    machine, rows = hardware_lanes(architecture, hardware or {})
    plan = plan.widened(fanouts=bool(hardware and any(".fanout." in name for name in hardware)))
    _check(workload, architecture, plan, mappings, None if outer else rows)
    if backend == "jax":
        from archloom.model.jax_batch import run_jax

        results = run_jax(plan, mappings, machine, outer=outer, counts=counts, rows=JAX_ROWS)
    else:
        results = _run_numpy(plan, mappings, machine, outer=outer, counts=counts)
    extra = {name: results.pop(name) for name in ("tile_words", "reads", "fills", "updates")} if counts else None
    return BatchEvaluation(**results, counts=extra)


def _check(workload: Workload, architecture: Architecture, plan: Plan, batch: MappingBatch, rows: int | None) -> None:
    levels, dims, size = len(architecture.levels), len(workload.dims), len(batch)
    shapes = {"temporal": dims, "order": dims, "x": dims, "y": dims, "keep": len(workload.tensors), "cut": len(workload.tensors)}
    for name, middle in shapes.items():
        array = getattr(batch, name)
        if array is not None and array.shape != (levels, middle, size):
            raise InputError(f"mappings.{name} has the shape {array.shape}; expected {(levels, middle, size)}, batch last")
    if rows is not None and rows not in (1, size):
        raise InputError(f"hardware has {rows} rows for {size} mappings; expected as many, or outer=True")
    idle = [d for d in range(dims) if d not in plan.active]
    for name in ("temporal", "x", "y"):
        for d in idle:
            if not bool((getattr(batch, name)[:, d] == 1).all()):
                raise InputError(f"mappings.{name} has trips above 1 over {workload.dims[d]!r}, whose bound is 1")
    for at, level in enumerate(plan.levels):
        for t, tensor in enumerate(plan.tensors):
            held = batch.keep[at, t]
            if (level.must_keep[t] and not bool(held.all())) or (not level.may_keep[t] and bool(held.any())):
                verb = "keeps" if level.must_keep[t] else "bypasses"
                raise InputError(f"level {architecture.levels[at].name!r} {verb} {tensor.name!r}; mappings.keep differs in some row")


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
        cut=None if batch.cut is None else [[lane(batch.cut[at, t]) for t in range(len(plan.tensors))] for at in levels],
    )


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
        for name, table in (("tile_words", counts.tile), ("reads", counts.reads), ("fills", counts.fills), ("updates", counts.updates)):
            lanes = [[xp.broadcast_to(xp.asarray(v, dtype="float64").reshape(-1), rows) for v in row] for row in table]
            result[name] = xp.stack([xp.stack(row) for row in lanes])
    return result


def price(plan: Plan, nest: Nest, machine: Hardware) -> tuple[Counts, Costs]:
    """Count and cost lanes; in an outer product, mapping lanes are columns [B, 1] against machine lanes [H]."""
    counts = count(plan, nest)
    return counts, cost(plan, nest, counts, machine)


def _run_numpy(plan: Plan, batch: MappingBatch, machine: Hardware, *, outer: bool, counts: bool) -> dict[str, Array]:
    size, machines = len(batch), machine.rows
    step = max(1, NUMPY_ROWS // (machines if outer else 1))
    shape = (size, machines) if outer else (size,)
    results: dict[str, Array] = {}
    for start in range(0, max(size, 1), step):
        rows = slice(start, min(start + step, size))
        part = _numpy_rows(plan, batch[rows], machine if outer else machine.slice(rows), outer=outer, counts=counts)
        for name, values in part.items():
            if name not in results:
                whole = (*values.shape[:2], size) if values.ndim == 3 and name in ("tile_words", "reads", "fills", "updates") else shape
                results[name] = np.empty(whole, values.dtype)
            target = results[name][..., rows] if name in ("tile_words", "reads", "fills", "updates") else results[name][rows]
            target[...] = values
    return results


def _numpy_rows(plan: Plan, batch: MappingBatch, machine: Hardware, *, outer: bool, counts: bool) -> dict[str, Array]:
    def lane(values: Array, boolean: bool = False) -> Array:
        column = np.asarray(values) if boolean else np.asarray(values).astype(np.float64)
        return column[:, None] if outer else column

    nest = nest_lanes(plan, batch, lane)
    counted, costed = price(plan, nest, machine)
    shape = (len(batch), machine.rows) if outer else (len(batch),)
    return outcome(np, counted, costed, shape, with_counts=counts)
