"""A floor under all mappings with one residency that needs no table, so that hopeless residencies cost next to nothing."""

from __future__ import annotations

import math

from archloom.search.exact.ports import port_cycles
from archloom.search.exact.serving import stretch_by_total
from archloom.search.exact.setting import Setting

__all__ = ["SLACK", "floor_of"]

SLACK = 1 - 1e-11
"""Bounds are lowered by this factor, so that rounding never excludes an optimum."""


def floor_of(setting: Setting) -> tuple[float, float]:
    """(energy in pJ, cycles): every word enters every level that keeps it once, and MACs are fed from the innermost."""
    widest = [max((spread.total for spread in spreads), default=1) for spreads in setting.spreads]
    energy = 0.0
    for t, tensor in enumerate(setting.plan.tensors):
        words = _words(setting, t)
        share = 1.0
        for at in setting.fanouts:
            if at <= setting.innermost[t] and setting.plan.levels[at].multicast[t]:
                share /= widest[at]
        innermost = setting.innermost[t]
        served = max(setting.macs * share, words)
        serving = setting.parent_pj[innermost, t] * served
        if tensor.is_output:
            first_visits = setting.read_credit_pj[innermost] * words * math.prod(widest)
            updates = setting.parent_pj[innermost, t] - setting.read_credit_pj[innermost] * setting.charged(innermost)
            serving = max(serving - first_visits, updates * served)  # no more reads are saved than there are
        energy += serving
        for at in range(setting.levels - 1):
            if setting.keep[at][t] and not tensor.is_output:
                energy += words * (setting.child_pj[at, t] + setting.parent_pj[setting.parent(at, t), t])
            if setting.keep[at][t] and tensor.is_output:
                memory = setting.problem.architecture.levels[setting.parent(at, t)]
                energy += words * memory.update_pj / memory.block
    energy = max(energy, 0.0) + setting.problem.architecture.compute.energy_pj * setting.macs
    steps = min(
        (setting.macs / total * slow * SLACK for total, slow in stretch_by_total(setting, setting.levels).items()),
        default=setting.macs / math.prod(widest),
    )
    cycles = max(1.0, steps, _port_cycles(setting, widest)) + setting.plan.latency
    return energy, cycles


def _port_cycles(setting: Setting, widest: list[int]) -> float:
    """Cycles that the ports need for moving every word once, over as many instances as there can be."""
    cycles = 0.0
    for at, memory in enumerate(setting.problem.architecture.levels):
        reads = writes = 0.0
        for t in range(len(setting.plan.tensors)):
            if not setting.keep[at][t]:
                continue
            if t == setting.output:
                writes += _words(setting, t)
            else:
                reads += _words(setting, t)
                writes += _words(setting, t) if at < setting.levels - 1 else 0.0
        instances = math.prod(widest[at + 1 :])
        cycles = max(cycles, float(port_cycles(memory, reads / instances, writes / instances)) * SLACK)
    return cycles


def _words(setting: Setting, t: int) -> float:
    """Fewest words of a tensor that the workload touches, whatever its strides."""
    bounds = setting.plan.bounds
    sides = (
        math.prod(bounds[d] for d, _ in rank) if len(rank) == 1 else max(bounds[d] for d, _ in rank)
        for rank in setting.plan.tensors[t].ranks
    )
    return float(math.prod(sides))
