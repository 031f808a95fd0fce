"""Batches: many mappings, on one machine or on many, as arrays in and arrays out (NumPy or JAX, one source)."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass
from typing import Literal

import numpy as np

from archloom.architecture.hierarchy import Architecture
from archloom.errors import Fault, InputError
from archloom.model.arrays import Array, MappingBatch, pack
from archloom.model.batch_lanes import COUNTS, blocks, nest_lanes, outcome, price, store
from archloom.model.costs import LEGAL, Reason
from archloom.model.hardware import Hardware, hardware_lanes, varies_fanouts
from archloom.model.jax_batch import run_jax
from archloom.model.plan import Plan, lower
from archloom.workload.einsum import Workload

__all__ = ["BatchEvaluation", "MappingBatch", "evaluate_batch", "explain_code", "pack"]

BACKENDS = ("numpy", "jax")
MOST_MACS = 10**300
NUMPY_ROWS = 4096
JAX_ROWS = 32768
"""Points priced at once: small enough that intermediate lanes stay in the caches, which also bounds the memory."""


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
        return explain_code(reason, workload, architecture)


def explain_code(reason: int, workload: Workload, architecture: Architecture) -> str:
    """Say what a reason code of a batch means (`archloom.model.costs.Reason`)."""
    if int(reason) == LEGAL:
        return "legal"
    kind, at = Reason.split(int(reason))
    if kind == Reason.FACTORS:
        dim = workload.dims[at]
        return f"the factors of {dim!r} do not multiply to its bound {workload.bounds[dim]}"
    what = {
        Reason.CAPACITY: "the kept tiles exceed the capacity",
        Reason.FANOUT_X: "spatial trips exceed mesh axis X of the fanout",
        Reason.FANOUT_Y: "spatial trips exceed mesh axis Y of the fanout",
        Reason.FANOUT_TOTAL: "spatial trips exceed the fanout",
        Reason.AXES: "a dimension is on both mesh axes",
        Reason.RESIDENCY: "a tensor is kept that the memory bypasses, or not kept that it has to keep",
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

    Trips are 1 or more, and `order` is a permutation at each level: that is not checked.
    `hardware` varies numbers of the machine: `{"GLB.size_bits": [H], "GLB.read_pj": ..., "GLB.fanout.x": ..., "MAC.energy_pj":
    ...}` with H = B row by row, or, with `outer`, every mapping on every machine (arrays [B, H] come back, which share their
    counts). `backend="jax"` compiles the same model for JAX's default device; JAX arrays in give JAX arrays out.
    Illegal points have infinite energy and cycles and a reason code; arrays of a wrong shape, and hardware numbers out of range,
    raise InputError. Memory beyond arguments and results does not grow with the batch.
    """
    if backend not in BACKENDS:
        raise InputError(f"the backend is {backend!r}; expected 'numpy' or 'jax'")
    machine = hardware_lanes(architecture, hardware or {})
    _check(workload, architecture, mappings, None if outer else machine.rows)
    plan = lower(workload, architecture, padding=padding, cuts=mappings.cut is not None, drain_reads=drain_reads)
    plan = plan.widened(fanouts=varies_fanouts(hardware or {}))
    if backend == "jax":
        results = run_jax(plan, mappings, machine, outer=outer, counts=counts, most=JAX_ROWS)
    else:
        results = _run_numpy(plan, mappings, machine, outer=outer, counts=counts)
    extra = {name: results.pop(name) for name in COUNTS} if counts else None
    return BatchEvaluation(**results, counts=extra)


def _check(workload: Workload, architecture: Architecture, batch: MappingBatch, machines: int | None) -> None:
    levels, dims, tensors, size = len(architecture.levels), len(workload.dims), len(workload.tensors), len(batch)
    middle = {"temporal": dims, "order": dims, "x": dims, "y": dims, "keep": tensors, "cut": tensors}
    faults = [
        Fault(
            f"mappings.{name} has the shape {getattr(batch, name).shape}; expected {(levels, wide, size)}, batch last"
        )
        for name, wide in middle.items()
        if getattr(batch, name) is not None and getattr(batch, name).shape != (levels, wide, size)
    ]
    if workload.macs > MOST_MACS:
        faults.append(Fault(f"workload {workload.name!r} has more than 1e300 multiplications, too many for float64"))
    if machines not in (None, 1, size):
        faults.append(Fault(f"hardware has {machines} rows for {size} mappings; expected as many, or outer=True"))
    if faults:
        raise InputError(faults)


def _run_numpy(plan: Plan, batch: MappingBatch, machine: Hardware, *, outer: bool, counts: bool) -> dict[str, Array]:
    shape = (len(batch), machine.rows) if outer else (len(batch),)
    results: dict[str, Array] = {}
    for rows, machines in blocks(len(batch), machine.rows, outer, NUMPY_ROWS):
        part = _numpy_block(plan, batch[rows], machine.slice(machines), outer=outer, counts=counts)
        store(results, part, shape, rows, machines)
    return results


def _numpy_block(plan: Plan, batch: MappingBatch, machine: Hardware, *, outer: bool, counts: bool) -> dict[str, Array]:
    def lane(values: Array, boolean: bool = False) -> Array:
        column = np.asarray(values) if boolean else np.asarray(values).astype(np.float64)
        return column[:, None] if outer else column

    counted, costed = price(plan, nest_lanes(plan, batch, lane), machine)
    shape = (len(batch), machine.rows) if outer else (len(batch),)
    return outcome(np, counted, costed, shape, with_counts=counts)
