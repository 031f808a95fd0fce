"""Counts of an outer half: what the levels from some level outward do, whatever goes inside, before any machine prices it.

The counterpart of `exact.outer`, with one column per level and action instead of one energy.
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
from archloom.search.exact.outer import Outer
from archloom.search.exact.setting import Setting
from archloom.search.frontier.lanes import Lanes

__all__ = ["OuterColumns", "outer_columns"]

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OuterColumns:
    """Known counts of B nodes: blocks accessed [action, level, B], port words [ports, B], free runs [tensors, B]."""

    accesses: Values
    words: Values
    runs: Values

    def energy_pj(self, lanes: Lanes) -> Values:
        """[lane, B]."""
        flat = self.accesses.reshape(-1, self.accesses.shape[-1])
        return lanes.family.energy_pj.reshape(len(flat), -1).T @ flat

    def cycles(self, lanes: Lanes, level: int) -> Values:
        """[lane, B]: the most cycles that any level from `level` outward needs so far."""
        needed = np.ones((len(lanes), self.words.shape[-1]))
        half = len(self.words) // 2
        for at in range(level, level + half):
            cycles = lanes.port_cycles(at, self.words[at - level], self.words[half + at - level])
            if cycles is not None:
                needed = np.maximum(needed, np.ceil(cycles * (1 - 1e-12)))
        return needed


@lru_cache(maxsize=256)
def _outer_architecture(architecture: Architecture, level: int) -> Architecture:
    levels = architecture.levels[level:]
    return replace(architecture, levels=(replace(levels[0], fanout=Fanout(), power_gated_at=None), *levels[1:]))


def outer_columns(setting: Setting, outer: Outer) -> OuterColumns:
    """Count the fills of every tile at `outer.level` and outward, and what they read from their parents."""
    problem, level, size = setting.problem, outer.level, outer.tile.shape[-1]
    plan = lower(problem.workload, _outer_architecture(problem.architecture, level), drain_reads=problem.drain_reads)
    nest = _nest(setting, outer)
    counts = count(plan, nest)
    accesses = np.zeros((3, setting.levels, size))
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
            read = counts.reads[at - level][t] if at != keepers[0] else 0
            updated = counts.updates[at - level][t] if at != keepers[0] else 0
            reads[at - level] += read
            writes[at - level] += filled + updated
            if at == keepers[0] and problem.drain_reads and t == setting.output and at < setting.levels - 1:
                # The tile's own drain reads are known, although what the inside reads of it is not.
                read = filled + _seen(setting, t, nest, at - level)
            for action, words in enumerate((read, filled, updated)):
                accesses[action, at] += words / memory.block * used
    runs = np.stack([np.broadcast_to(np.asarray(run, dtype=np.float64), (size,)) for run in free_runs(plan, nest, 0)])
    return OuterColumns(accesses, np.concatenate([reads, writes]), runs)


def _nest(setting: Setting, outer: Outer) -> Nest:
    level, dims = outer.level, range(len(setting.plan.bounds))
    fanned = [False] + [setting.plan.levels[at].has_fanout for at in range(level + 1, setting.levels)]
    x, y = (
        [[table[at, d] if fanned[at - level] else 1 for d in dims] for at in range(level, setting.levels)]
        for table in (outer.x, outer.y)
    )
    return Nest(
        temporal=[
            [outer.tile[d] for d in dims],
            *([outer.temporal[at, d] for d in dims] for at in range(level + 1, setting.levels)),
        ],
        order=[[outer.order[at, d] for d in dims] for at in range(level, setting.levels)],
        x=x,
        y=y,
        keep=[list(row) for row in setting.keep[level:]],
    )


def _seen(setting: Setting, t: int, nest: Nest, at: int) -> Values | float:
    """Words of t that one instance ever sees."""
    seen: Values | float = 1.0
    for d in setting.plan.tensors[t].relevant:
        for inside in range(at + 1):
            seen = seen * nest.temporal[inside][d] * nest.x[inside][d] * nest.y[inside][d]
        for outside in range(at + 1, len(nest.temporal)):
            seen = seen * nest.temporal[outside][d]
    return seen
