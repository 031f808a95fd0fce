"""A setting: one mapping problem with the residency fixed, as the plain numbers that the lattice engine works on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product as cartesian

import numpy as np
from numpy.typing import NDArray

from archloom.mapspace.rules import Range
from archloom.model.plan import Plan, lower
from archloom.search.exact.grid import Grid
from archloom.search.exact.problem import Problem

__all__ = ["Setting", "Shared", "Spread", "Spreads", "residencies"]

Residency = tuple[tuple[bool, ...], ...]
"""keep[level][tensor]."""


@dataclass(frozen=True)
class Spread:
    """One way to use a fanout: trip counts across mesh axis X and Y, per active dim."""

    x: tuple[int, ...]
    y: tuple[int, ...]

    @cached_property
    def factors(self) -> tuple[int, ...]:
        return tuple(a * b for a, b in zip(self.x, self.y, strict=True))

    @cached_property
    def total(self) -> int:
        return math.prod(self.x) * math.prod(self.y)


@dataclass(frozen=True, eq=False)
class Spreads:
    """Several ways to use a fanout at once, one per column: trips per active dim [dims, K]."""

    factors: NDArray[np.float64]

    @cached_property
    def total(self) -> NDArray[np.float64]:
        return self.factors.prod(axis=0)


def residencies(problem: Problem) -> list[Residency]:
    """Every residency that the rules allow, the ones that hold the most first."""
    choices = [options for level in problem.rules.keep for options in level]
    width = len(problem.workload.tensors)
    found = [tuple(flat[at : at + width] for at in range(0, len(flat), width)) for flat in cartesian(*choices)]
    return sorted(found, key=lambda keep: -sum(map(sum, keep)))


@dataclass(frozen=True, eq=False)
class Shared:
    """What all residencies of a problem have in common, worked out once; `stretches` is kept by `serving`."""

    problem: Problem
    stretches: dict[tuple[tuple[int, ...], int], dict[int, float]] = field(default_factory=dict)

    @cached_property
    def plan(self) -> Plan:
        plan = lower(self.problem.workload, self.problem.architecture, drain_reads=self.problem.drain_reads)
        if not plan.bounds:  # a single operation: keep one dim of bound 1, so that there is a grid
            plan = replace(
                plan, active=(0,), bounds=(1,), tensors=tuple(replace(t, irrelevant=(0,)) for t in plan.tensors)
            )
        return plan

    @cached_property
    def grid(self) -> Grid:
        return Grid(self.plan.bounds)

    @cached_property
    def spreads(self) -> tuple[tuple[Spread, ...], ...]:
        """Per level: the ways to use its fanout that the rules allow, the widest first; one of each product per dim suffices."""
        return tuple(tuple(self._spreads(at)) for at in range(len(self.plan.levels)))

    def _spreads(self, at: int) -> list[Spread]:
        rules = self.problem.rules
        active = self.plan.active
        mesh_x, mesh_y = rules.mesh[at]
        if rules.pooled:
            mesh_x = math.prod(x for x, _ in rules.mesh[at:])
            mesh_y = math.prod(y for _, y in rules.mesh[at:])
        limit = mesh_x * mesh_y
        if rules.reshapeable[at]:
            mesh_x = mesh_y = limit
        partial: dict[tuple[int, ...], set[tuple[int, int, tuple[int, ...]]]] = {(): {(1, 1, ())}}
        for position, d in enumerate(active):
            grown: dict[tuple[int, ...], set[tuple[int, int, tuple[int, ...]]]] = {}
            for factors, states in partial.items():
                for trip in self.grid.divisors[position]:
                    if trip not in rules.spatial[at][d]:
                        continue
                    ways: set[tuple[int, int, tuple[int, ...]]] = set()
                    for x, y, axes in states:
                        if trip == 1:
                            if 1 in rules.x[at][d] and 1 in rules.y[at][d]:
                                ways.add((x, y, (*axes, 0)))
                            continue
                        if (
                            x * trip <= mesh_x
                            and trip in rules.x[at][d]
                            and x * y * trip <= limit
                            and 1 in rules.y[at][d]
                        ):
                            ways.add((x * trip, y, (*axes, 0)))
                        if (
                            y * trip <= mesh_y
                            and trip in rules.y[at][d]
                            and x * y * trip <= limit
                            and 1 in rules.x[at][d]
                        ):
                            ways.add((x, y * trip, (*axes, 1)))
                    if ways:
                        best = _undominated(ways)
                        grown.setdefault((*factors, trip), set()).update(best)
            partial = grown
        spreads: list[Spread] = []
        for factors, states in partial.items():
            if math.prod(factors) not in rules.parallelism[at]:
                continue
            for _, _, axes in states if rules.pooled else [min(states)]:
                x = tuple(f if axis == 0 else 1 for f, axis in zip(factors, axes, strict=True))
                y = tuple(f if axis == 1 else 1 for f, axis in zip(factors, axes, strict=True))
                spreads.append(Spread(x, y))
        return sorted(spreads, key=lambda spread: -spread.total)


@dataclass(frozen=True)
class Setting:
    """Problem and residency, over active dims (bound above 1); per-word energies in pJ (block accesses as quotients)."""

    shared: Shared
    keep: Residency

    @cached_property
    def problem(self) -> Problem:
        return self.shared.problem

    @cached_property
    def plan(self) -> Plan:
        return self.shared.plan

    @cached_property
    def grid(self) -> Grid:
        return self.shared.grid

    @cached_property
    def spreads(self) -> tuple[tuple[Spread, ...], ...]:
        return self.shared.spreads

    @property
    def levels(self) -> int:
        return len(self.plan.levels)

    @cached_property
    def macs(self) -> float:
        return float(math.prod(self.plan.bounds))

    @cached_property
    def output(self) -> int:
        return next(t for t, tensor in enumerate(self.plan.tensors) if tensor.is_output)

    @cached_property
    def temporal(self) -> tuple[tuple[Range, ...], ...]:
        """Allowed temporal trips [level][active dim]."""
        return tuple(tuple(row[d] for d in self.plan.active) for row in self.problem.rules.temporal)

    @cached_property
    def classes(self) -> tuple[tuple[int, ...], ...]:
        """Active dims grouped by the set of tensors that they index."""
        groups: dict[tuple[bool, ...], list[int]] = {}
        for d in self.plan.dims:
            groups.setdefault(tuple(d in tensor.relevant for tensor in self.plan.tensors), []).append(d)
        return tuple(tuple(dims) for dims in groups.values())

    # -- energy per word ------------------------------------------------------------------------------------------------

    def charged(self, level: int) -> float:
        """Least share of a level's accesses that is charged, where clusters of instances share an array (1: no clusters)."""
        cluster, instances = self.plan.levels[level].cluster, self.problem.architecture.instances[level]
        return max(1, instances // cluster) / instances if cluster > 1 else 1.0

    @cached_property
    def child_pj(self) -> NDArray[np.float64]:
        """[level, tensor]: energy of one word that enters the tile of t at a level (and of draining an output from it)."""
        table = np.zeros((self.levels, len(self.plan.tensors)))
        for at, level in enumerate(self.problem.architecture.levels[:-1]):
            table[at, :] = level.write_pj / level.block * self.charged(at)
            if self.problem.drain_reads:
                table[at, self.output] += level.read_pj / level.block * self.charged(at)
        return table

    @cached_property
    def parent_pj(self) -> NDArray[np.float64]:
        """[level, tensor]: energy of serving one word from a level (for an output: of reading and updating it)."""
        table = np.zeros((self.levels, len(self.plan.tensors)))
        for at, level in enumerate(self.problem.architecture.levels):
            table[at, :] = level.read_pj / level.block * self.charged(at)
            table[at, self.output] += level.update_pj / level.block * self.charged(at)
        return table

    @cached_property
    def read_credit_pj(self) -> NDArray[np.float64]:
        """[level]: energy that the first visit of an output word saves by not being read at a level that keeps the output."""
        levels = zip(self.problem.architecture.levels, self.keep, strict=True)
        return np.array([level.read_pj / level.block if keep[self.output] else 0.0 for level, keep in levels])

    @cached_property
    def fill_credit_pj(self) -> NDArray[np.float64]:
        """[level]: energy that it saves by not being filled there."""
        levels = zip(self.problem.architecture.levels[:-1], self.keep, strict=False)
        return np.array([*(level.write_pj / level.block if keep[self.output] else 0.0 for level, keep in levels), 0.0])

    @cached_property
    def output_words(self) -> float:
        return float(math.prod(self.plan.bounds[d] for d in self.plan.tensors[self.output].relevant))

    # -- structure ------------------------------------------------------------------------------------------------------

    def parent(self, level: int, tensor: int) -> int:
        """The next level outside `level` that keeps the tensor."""
        return next(at for at in range(level + 1, self.levels) if self.keep[at][tensor])

    def keeper(self, level: int, tensor: int) -> int:
        """The first level from `level` outward that keeps the tensor."""
        return next(at for at in range(level, self.levels) if self.keep[at][tensor])

    def last_fanout(self, level: int, tensor: int) -> int | None:
        """The outermost fanout, at `level` or outward, between there and the next keeper of the tensor; None if there is none."""
        return max((at for at in self.fanouts if level <= at <= self.keeper(level, tensor)), default=None)

    @cached_property
    def innermost(self) -> tuple[int, ...]:
        """Per tensor: its innermost keeper, which serves the compute units."""
        return tuple(next(at for at in range(self.levels) if self.keep[at][t]) for t in range(len(self.plan.tensors)))

    @cached_property
    def fanouts(self) -> tuple[int, ...]:
        """Levels with a fanout below them, inner to outer."""
        return tuple(at for at, level in enumerate(self.plan.levels) if level.has_fanout)


def _undominated(ways: set[tuple[int, int, tuple[int, ...]]]) -> set[tuple[int, int, tuple[int, ...]]]:
    """The assignments of dims to axes that leave the most room: no other uses at most as much of both axes."""
    kept: set[tuple[int, int, tuple[int, ...]]] = set()
    least_y = math.inf
    for x, y, axes in sorted(ways):
        if y < least_y:
            kept.add((x, y, axes))
            least_y = y
    return kept
