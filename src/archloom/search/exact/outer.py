"""Exact costs of an outer half: what the levels from some level outward cost, whatever mapping goes inside its tile.

A tile's traffic depends on its shape and on the loops outside it alone. So with everything inside lumped into one tile, the model
itself prices the outer levels of a mapping that is only decided from the outside down to there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from archloom.architecture.hierarchy import Architecture, Fanout
from archloom.model.plan import lower
from archloom.model.tiles import Nest
from archloom.model.traffic import count, free_runs
from archloom.search.exact.ports import port_cycles
from archloom.search.exact.setting import Setting

__all__ = ["Outer", "OuterCosts", "outer_costs"]

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Outer:
    """A batch of mappings decided for the blocks outside `level`; arrays [levels, active dims, B], inner blocks all ones."""

    level: int
    temporal: Values
    order: Values
    x: Values
    y: Values
    tile: Values
    """Extents of the tiles at `level`: [active dims, B]."""


@dataclass(frozen=True, eq=False)
class OuterCosts:
    """Known costs [B]: energy (pJ), the most cycles any outer level needs so far, port words [ports, B], free runs [T, B]."""

    energy_pj: Values
    cycles: Values
    words: Values
    runs: Values


@lru_cache(maxsize=256)
def _outer_architecture(architecture: Architecture, level: int) -> Architecture:
    levels = architecture.levels[level:]
    return replace(architecture, levels=(replace(levels[0], fanout=Fanout(), power_gated_at=None), *levels[1:]))


def outer_costs(setting: Setting, outer: Outer) -> OuterCosts:
    """Price the fills of every tile at `outer.level` and outward, and what they read from their parents."""
    problem = setting.problem
    level, size = outer.level, outer.tile.shape[-1]
    plan = lower(problem.workload, _outer_architecture(problem.architecture, level), drain_reads=problem.drain_reads)
    dims = range(len(setting.plan.bounds))
    temporal = [[outer.tile[d] for d in dims]] + [
        [outer.temporal[at, d] for d in dims] for at in range(level + 1, setting.levels)
    ]
    open_fanout = [False] + [setting.plan.levels[at].has_fanout for at in range(level + 1, setting.levels)]
    spread = [
        [[table[at, d] if open_fanout[at - level] else 1 for d in dims] for at in range(level, setting.levels)]
        for table in (outer.x, outer.y)
    ]
    nest = Nest(
        temporal=temporal,
        order=[[outer.order[at, d] for d in dims] for at in range(level, setting.levels)],
        x=spread[0],
        y=spread[1],
        keep=[list(row) for row in setting.keep[level:]],
    )
    counts = count(plan, nest)
    energy = np.zeros(size)
    reads = np.zeros((setting.levels - level, size))
    writes = np.zeros((setting.levels - level, size))
    for t in range(len(setting.plan.tensors)):
        keepers = [at for at in range(level, setting.levels) if setting.keep[at][t]]
        for at in keepers:
            memory = problem.architecture.levels[at]
            used = counts.used[at - level]
            if memory.cluster > 1:
                used = np.minimum(used, max(1, problem.architecture.instances[at] // memory.cluster))
            filled = counts.fills[at - level][t]
            drained = counts.reads[at - level][t] if at != keepers[0] else 0
            updated = counts.updates[at - level][t] if at != keepers[0] else 0
            energy += (
                (filled * memory.write_pj + drained * memory.read_pj + updated * memory.update_pj) / memory.block * used
            )
            reads[at - level] += drained
            writes[at - level] += filled + updated
            if at == keepers[0] and problem.drain_reads and t == setting.output and at < setting.levels - 1:
                # The tile's own drain reads are known, although what the inside reads of it is not.
                energy += (
                    _drained(setting, plan_fills=counts.fills[at - level][t], t=t, nest=nest, at=at - level)
                    * memory.read_pj
                    / memory.block
                    * used
                )
    runs = np.stack([np.broadcast_to(np.asarray(run, dtype=np.float64), (size,)) for run in free_runs(plan, nest, 0)])
    return OuterCosts(energy, _cycles(setting, level, reads, writes), np.concatenate([reads, writes]), runs)


def _drained(setting: Setting, *, plan_fills: Values, t: int, nest: Nest, at: int) -> Values:
    """Words that a tile sends outwards: its fills, first visits included."""
    seen: Values | float = 1.0
    for d in setting.plan.tensors[t].relevant:
        for inside in range(at + 1):
            seen = seen * nest.temporal[inside][d] * nest.x[inside][d] * nest.y[inside][d]
        for outside in range(at + 1, len(nest.temporal)):
            seen = seen * nest.temporal[outside][d]
    return plan_fills + seen


def _cycles(setting: Setting, level: int, reads: Values, writes: Values) -> Values:
    needed = np.ones(reads.shape[-1])
    for at in range(level, setting.levels):
        memory = setting.problem.architecture.levels[at]
        cycles = port_cycles(memory, reads[at - level], writes[at - level])
        needed = np.maximum(needed, np.ceil(cycles * (1 - 1e-12)))
    return needed
