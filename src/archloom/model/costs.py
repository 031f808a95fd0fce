"""Costs: energy, cycles, capacity and area from counts and hardware numbers (docs/model.md, section 5).

Counts do not depend on any hardware number, so one set of counts prices any number of technologies, sizes and bandwidths.
"""

from __future__ import annotations

from dataclasses import dataclass

from archloom.model import ops
from archloom.model.hardware import Hardware
from archloom.model.ops import Lane
from archloom.model.plan import Plan
from archloom.model.tiles import Nest
from archloom.model.traffic import Counts

__all__ = ["LEGAL", "Costs", "Reason", "cost", "violations"]

LEGAL = 0
"""The reason code of a legal mapping."""


class Reason:
    """Why a mapping is illegal: `kind + 8 * level`, level 0 innermost (for FACTORS: 8 * dim of the workload); 0 is legal."""

    CAPACITY = 1
    FANOUT_X = 2
    FANOUT_Y = 3
    FANOUT_TOTAL = 4
    AXES = 5
    FACTORS = 6
    RESIDENCY = 7

    @staticmethod
    def split(code: int) -> tuple[int, int]:
        """(kind, level or dim) of a code above 0."""
        return code % 8, code // 8


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs as lanes; where `reason` is not 0 (see `Reason`) they mean nothing.

    Energies are pJ over all instances: `access_pj[l][t]`, `leak_pj[l]`. `bound` is the level that sets `cycles` (L for compute).
    """

    energy_pj: Lane
    cycles: Lane
    bound: Lane
    utilization: Lane
    area_um2: Lane
    reason: Lane
    access_pj: list[list[Lane]]
    leak_pj: list[Lane]
    level_cycles: list[Lane]
    used_bits: list[Lane]
    compute_pj: Lane
    compute_leak_pj: Lane


def cost(plan: Plan, nest: Nest, counts: Counts, hardware: Hardware) -> Costs:
    """Price counts: energy, latency, legality and area; arguments and result are lanes."""
    instances = _instances(plan, hardware)
    access = [
        [_access_pj(plan, counts, hardware, instances, level, t) for t in range(len(plan.tensors))]
        for level in range(len(plan.levels))
    ]
    level_cycles = [_level_cycles(counts, hardware, level) for level in range(len(plan.levels))]
    cycles, bound = counts.cycles, len(plan.levels)
    for level, lane in enumerate(level_cycles):
        slower = lane > cycles
        cycles, bound = ops.select(slower, lane, cycles), ops.select(slower, level, bound)
    cycles = ops.total((cycles, plan.latency))
    leak = [
        ops.product((hardware.leak_pj[level], cycles, _instances_on(plan, counts, instances, level)))
        for level in range(len(plan.levels))
    ]
    used_bits = [
        ops.total(ops.product((words, bits)) for words, bits in zip(counts.tile[level], planned.bits, strict=True))
        for level, planned in enumerate(plan.levels)
    ]
    compute_pj = ops.product((hardware.mac_pj, counts.cycles, counts.used_compute))
    compute_leak = ops.product((hardware.mac_leak_pj, cycles, counts.used_compute))
    area = ops.total(ops.product(pair) for pair in zip(hardware.area_um2, instances[:-1], strict=True))
    return Costs(
        energy_pj=ops.total([lane for row in access for lane in row] + leak + [compute_pj, compute_leak]),
        cycles=cycles,
        bound=bound,
        utilization=_utilization(plan, ops.product((instances[-1], cycles))),
        area_um2=ops.total((area, ops.product((hardware.mac_area_um2, instances[-1])))),
        reason=_reason(plan, nest, counts, hardware, used_bits),
        access_pj=access,
        leak_pj=leak,
        level_cycles=level_cycles,
        used_bits=used_bits,
        compute_pj=compute_pj,
        compute_leak_pj=compute_leak,
    )


def _instances(plan: Plan, hardware: Hardware) -> list[Lane]:
    """Instances of each level, inner to outer, then of the compute units (last)."""
    counts: list[Lane] = [1]
    for level in reversed(range(len(plan.levels))):
        counts.append(ops.product((counts[-1], hardware.mesh_x[level], hardware.mesh_y[level])))
    return [*counts[-2::-1], counts[-1]]


def _utilization(plan: Plan, slots: Lane) -> Lane:
    """Share of the unit-cycles in which a true multiplication is done; array libraries know no integers as large as `macs`."""
    return (plan.macs if isinstance(slots, int) else float(plan.macs)) / slots


def _access_pj(plan: Plan, counts: Counts, hardware: Hardware, instances: list[Lane], level: int, t: int) -> Lane:
    block = plan.levels[level].block
    actions = (
        (counts.reads[level][t], hardware.read_pj[level]),
        (counts.fills[level][t], hardware.write_pj[level]),
        (counts.updates[level][t], hardware.update_pj[level]),
    )
    per_instance = ops.total(ops.product((ops.ceil_divide(words, block), energy)) for words, energy in actions)
    cluster, used = plan.levels[level].cluster, counts.used[level]
    if cluster > 1:  # used instances are spread over as many clusters as there are
        used = ops.smallest((used, ops.largest((ops.floor(instances[level] / cluster), 1))))
    return ops.product((per_instance, used))


def _level_cycles(counts: Counts, hardware: Hardware, level: int) -> Lane:
    """Cycles that the level's ports need, at least the compute cycles."""
    reads = ops.total(counts.reads[level])
    writes = ops.total((*counts.fills[level], *counts.updates[level]))
    ports = (
        (reads, hardware.read_bandwidth[level]),
        (writes, hardware.write_bandwidth[level]),
        (ops.total((reads, writes)), hardware.shared_bandwidth[level]),
    )
    busy = [ops.ceil_divide(words, bandwidth) for words, bandwidth in ports if bandwidth is not None]
    return ops.largest((counts.cycles, *busy))


def _instances_on(plan: Plan, counts: Counts, instances: list[Lane], level: int) -> Lane:
    gate = plan.levels[level].gate
    if gate is None:
        return counts.used[level]
    return counts.used[gate] * (instances[level] / instances[gate])


def _reason(plan: Plan, nest: Nest, counts: Counts, hardware: Hardware, used_bits: list[Lane]) -> Lane:
    """The reason code: what is no mapping first, then the innermost level that something does not fit at; 0 if all fits."""
    found = [*nest.illegal]
    found += [(Reason.FACTORS + 8 * dim, _wrong_factors(plan, counts, d)) for d, dim in enumerate(plan.active)]
    for level in range(len(plan.levels)):
        found += [(kind + 8 * level, wrong) for kind, wrong in violations(plan, nest, hardware, used_bits, level)]
    reason: Lane = LEGAL
    for code, wrong in reversed(found):
        reason = ops.select(wrong, code, reason)
    return reason


def _wrong_factors(plan: Plan, counts: Counts, dim: int) -> Lane:
    covered, bound = counts.covered[dim], plan.bounds[dim]
    return covered < bound if plan.padding else covered != bound


def violations(plan: Plan, nest: Nest, hardware: Hardware, used_bits: list[Lane], level: int) -> list[tuple[int, Lane]]:
    """What may not fit at a level, as kinds of `Reason` with where they hold; the first that holds is the reason."""
    found = [(Reason.CAPACITY, used_bits[level] > hardware.capacity_bits[level])]
    if not plan.levels[level].has_fanout:
        return found
    across = range(level, len(plan.levels)) if plan.pooled else (level,)
    x = ops.product(lane for at in across for lane in nest.x[at])
    y = ops.product(lane for at in across for lane in nest.y[at])
    mesh_x = ops.product(hardware.mesh_x[at] for at in across)
    mesh_y = ops.product(hardware.mesh_y[at] for at in across)
    if plan.levels[level].reshapeable:
        found.append((Reason.FANOUT_TOTAL, ops.product((x, y)) > ops.product((mesh_x, mesh_y))))
    else:
        found += [(Reason.FANOUT_X, x > mesh_x), (Reason.FANOUT_Y, y > mesh_y)]
    on_both: Lane = False
    for d in plan.dims:
        on_both = ops.logical_or(on_both, ops.logical_and(nest.x[level][d] > 1, nest.y[level][d] > 1))
    return [*found, (Reason.AXES, on_both)]
