"""Enumeration: every mapping of a part, once, in blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archloom.mapspace.orders import permutation_table, positions, settled_cuts
from archloom.mapspace.part import Part
from archloom.mapspace.rules import Cuts
from archloom.mapspace.sampling import Tilings, assembled
from archloom.model.arrays import MappingBatch

__all__ = ["Enumerator"]

Ints = NDArray[np.int64]


class Enumerator:
    """Lists one part: its tilings dim after dim, and for each of them all orders and residencies."""

    def __init__(self, part: Part, block: int) -> None:
        self.part = part
        self.block = block

    @cached_property
    def pairs(self) -> list[tuple[Ints, Ints]]:
        """Per dim: every (row, placement) that belong together."""
        found: list[tuple[Ints, Ints]] = []
        for dim in self.part.choices:
            many = dim.counts.sum(axis=1)[dim.placed]
            option = np.repeat(np.arange(len(dim.placed)), many)
            first = dim.starts[:, 0][dim.placed]
            row = np.arange(len(option)) + np.repeat(first - np.cumsum(many) + many, many)
            found.append((row, option))
        return found

    def batches(self) -> Iterator[MappingBatch]:
        """All mappings, at most a block at a time."""
        if self.part.is_empty:
            return
        nothing = np.zeros((self.part.dims, 1), np.int64)
        for tilings in self._tilings(0, Tilings(nothing, nothing), self.part.limits.start[None, :]):
            yield from self._completed(tilings)

    def _tilings(self, d: int, chosen: Tilings, states: Ints) -> Iterator[Tilings]:
        """The tilings that begin with the chosen ones of dims below d."""
        if d == self.part.dims:
            met = self.part.limits.are_met(states)
            if met.any():
                yield chosen.taken(met)
            return
        row, option = self.pairs[d]
        dim = self.part.choices[d]
        uses = self.part.limits.uses(dim.x, dim.y)[option]
        step = max(1, self.block // max(1, len(row)))
        for start in range(0, len(chosen), step):
            some = slice(start, start + step)
            after, fits = self.part.limits.advance(states[some, None, :], uses[None, :, :])
            before, pair = np.nonzero(fits)
            grown = Tilings(chosen.row[:, some][:, before], chosen.option[:, some][:, before])
            grown.row[d], grown.option[d] = row[pair], option[pair]
            if len(grown):
                yield from self._tilings(d + 1, grown, after[before, pair])

    def _completed(self, tilings: Tilings) -> Iterator[MappingBatch]:
        """Tilings with all their orders and residencies."""
        loops = assembled(self.part, tilings)[0] > 1
        free = (loops & self.part.is_free[:, :, None]).sum(axis=1)
        both = loops.sum(axis=1)
        ways = [
            math.prod(
                math.factorial(int(free[at, b])) * self.part.ways_to_hold(at, int(both[at, b]))
                for at in range(self.part.levels)
            )
            for b in range(len(tilings))
        ]
        ends = np.cumsum(np.array(ways, np.int64))
        for start in range(0, int(ends[-1]), self.block):
            number = np.arange(start, min(start + self.block, int(ends[-1])))
            which = np.searchsorted(ends, number, side="right")
            yield self._numbered(tilings.taken(which), number - (ends - ways)[which])

    def _numbered(self, tilings: Tilings, number: Ints) -> MappingBatch:
        """Each tiling with the order and residency of a number below its `ways`."""
        rules = self.part.rules
        temporal, x, y = assembled(self.part, tilings)
        loops = temporal > 1
        free = loops & self.part.is_free[:, :, None]
        rank = np.cumsum(free, axis=1) - 1
        many_loops = loops.sum(axis=1)
        keys = np.zeros(loops.shape)
        shape = (self.part.levels, len(rules.keep[0]), len(tilings))
        keep, cut = np.zeros(shape, bool), np.full(shape, self.part.dims, np.int64)
        for at in range(self.part.levels):
            number, keys[at] = _ordered(number, free[at], rank[at])
            for t, tensor in enumerate(self.part.residency[at]):
                ways = int(tensor.bypass) + int(tensor.keep) * (many_loops[at] + 1 if tensor.free_cut else 1)
                number, chosen = number // ways, number % ways - int(tensor.bypass)
                keep[at, t] = (chosen >= 0) & tensor.keep
                if tensor.free_cut:
                    cut[at, t] = np.maximum(chosen, 0)
                elif tensor.cut is not None:
                    cut[at, t] = tensor.cut
        order = positions(rules, loops, keys)
        cuts = settled_cuts(cut, keep, many_loops, self.part.dims) if rules.cuts is Cuts.FREE else None
        return MappingBatch(temporal, order, x, y, keep, cuts)


def _ordered(number: Ints, free: NDArray[np.bool_], rank: Ints) -> tuple[Ints, NDArray[np.float64]]:
    """What is left of the numbers after one block's order, and the keys [D, B] of that order."""
    keys = np.zeros(free.shape)
    left = number.copy()
    many = free.sum(axis=0)
    for n in np.unique(many).tolist():
        rows = many == n
        table = permutation_table(n)
        chosen = table[number[rows] % len(table)]
        left[rows] //= len(table)
        if n:
            keys[:, rows] = np.take_along_axis(chosen, np.maximum(rank[:, rows], 0).T, axis=1).T
    return left, keys
