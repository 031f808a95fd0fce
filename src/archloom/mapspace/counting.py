"""Counting: the exact number of mappings of a part, of any size, by one pass over the dims (see `quadrature`)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.mapspace.part import Part
from archloom.mapspace.quadrature import Nodes, join_residues, modular_nodes, prime_fields

__all__ = ["Columns", "Grid", "count", "modular_grid", "primes_for"]

AT_ONCE = 2_000_000
"""So many products are held at once."""

Ints = NDArray[np.int64]

Columns = slice | Ints
"""Which columns of a grid: each stands for one node per level."""


class Grid:
    """All combinations of one node per level: `free`, `fixed` [L, K] and `weight` [K]; modulo `prime`, or real (None)."""

    def __init__(self, per_level: list[Nodes], prime: int | None) -> None:
        self.prime = prime
        index = np.array(list(product(*(range(len(nodes)) for nodes in per_level))), np.int64)
        self.free = np.stack([nodes.free[index[:, at]] for at, nodes in enumerate(per_level)])
        self.fixed = np.stack([nodes.fixed[index[:, at]] for at, nodes in enumerate(per_level)])
        weight = np.ones(len(index), self.free.dtype)
        for at, nodes in enumerate(per_level):
            weight = self.reduced(weight * nodes.weight[index[:, at]])
        self.weight = weight

    def __len__(self) -> int:
        return len(self.weight)

    def reduced(self, values: NDArray[Any]) -> NDArray[Any]:
        return values if self.prime is None else values % self.prime

    def loops(self, patterns: Ints, is_free: NDArray[np.bool_], columns: Columns) -> NDArray[Any]:
        """[patterns, columns]: the product over the loops of each pattern (levels as bits); `is_free` [L]: whose place is free."""
        found = np.ones((len(patterns), len(self.weight[columns])), self.weight.dtype)
        for at, free in enumerate(is_free.tolist()):
            here = (patterns >> at & 1).astype(bool)
            if here.any():
                table = self.free if free else self.fixed
                found[here] = self.reduced(found[here] * table[at, columns])
        return found

    def spreads(self, part: Part, d: int, columns: Columns) -> NDArray[Any]:
        """[g, columns]: the same, summed over the choices of dim d with each spread."""
        counts = part.choices[d].counts.astype(self.weight.dtype)
        return self.reduced(counts @ self.loops(part.choices[d].patterns, part.is_free[:, d], columns))

    def passes(self, part: Part, columns: Columns) -> list[NDArray[Any]]:
        """Per stage, and after the last one: [states, columns], what all further dims count from each state on."""
        many = len(self.weight[columns])
        found: list[NDArray[Any]] = [np.ones((1, many), self.weight.dtype)]
        last = True
        for d in reversed(range(part.dims)):
            stage, after = part.stages[d], found[-1]
            if last:
                after, last = np.ones((int(stage.to.max(initial=-1)) + 1, many), self.weight.dtype), False
                found[-1] = after
            spreads = self.spreads(part, d, columns)
            moves = self.reduced(spreads[part.choices[d].placed[stage.option]] * after[stage.to])
            starts = np.searchsorted(stage.at, np.arange(len(stage.states)))
            found.append(self.reduced(np.add.reduceat(moves, starts, axis=0)))
        return found[::-1]

    def chunks(self, part: Part) -> Iterator[slice]:
        """The columns, a few at a time."""
        most = max((len(stage.at) for stage in part.stages), default=1)
        step = max(1, AT_ONCE // max(1, most))
        for start in range(0, len(self), step):
            yield slice(start, start + step)


def modular_grid(part: Part, prime: int, *, orders_only: bool = False) -> Grid:
    """The grid that counts orders and residencies (or orders only) modulo a prime."""
    nodes: list[Nodes] = []
    for at in range(part.levels):
        free, fixed = part.most_loops(at, free=True), part.most_loops(at, free=False)
        if orders_only or not part.has_free_cuts(at):
            nodes.append(modular_nodes(free, fixed, None, prime))
            continue

        def value(a: int, b: int, at: int = at) -> int:
            return math.factorial(a) * part.ways_to_hold(at, a + b)

        nodes.append(modular_nodes(free, fixed, value, prime))
    return Grid(nodes, prime)


def count(part: Part) -> int:
    """The number of mappings of a part: its tilings on mesh axes, times orders, times residencies.

    Mappings are distinct points of the array encoding (`MappingBatch`): trips in time and on each axis, the order of the loops with
    more than one trip, keep, and cuts counted in such loops, for tensors that are kept. Capacity is not looked at.
    """
    if part.is_empty:
        return 0
    constant = math.prod(part.ways_to_hold(at, 0) for at in range(part.levels) if not part.has_free_cuts(at))
    primes = primes_for(_at_most(part))
    residues: list[int] = []
    for prime in primes:
        grid = modular_grid(part, prime)
        total = 0
        for columns in grid.chunks(part):
            first = grid.passes(part, columns)[0][0]
            total += int((first * grid.weight[columns] % prime).sum())
        residues.append(total % prime)
    return constant * join_residues(residues, primes)


def primes_for(number: int) -> list[int]:
    """Enough primes to tell all numbers up to this one apart."""
    return list(islice(prime_fields(), number.bit_length() // 30 + 1))


def _at_most(part: Part) -> int:
    """A number that is not below the count (without constant residencies)."""
    total = 1
    for dim in part.choices:
        total *= int(dim.counts.sum(axis=1)[dim.placed].sum())
    for at in range(part.levels):
        free, fixed = part.most_loops(at, free=True), part.most_loops(at, free=False)
        total *= math.factorial(free) * (part.ways_to_hold(at, free + fixed) if part.has_free_cuts(at) else 1)
    return total
