"""Sampling: mappings of a part, each with the same probability, many at once.

Counting by nodes (see `quadrature`) is a mixture: draw a node for every level with the share of the count that it stands for; given the
nodes, draw dim after dim, each of its choices with the share of what it leaves to the dims after it; orders and residencies last.
The draw is exact up to the rounding of float64. Only free cuts take a rejection step: what they count has no positive nodes, so
tilings are drawn by an upper envelope and kept with the ratio of the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archloom.mapspace.choices import Choices
from archloom.mapspace.counting import Columns, Grid
from archloom.mapspace.orders import positions, settled_cuts
from archloom.mapspace.part import Part
from archloom.mapspace.quadrature import Nodes, real_nodes
from archloom.model.arrays import MappingBatch

__all__ = ["Sampler", "Tilings", "assembled", "whole_numbers"]

KEPT = 8_000_000
"""Tables of up to so many entries are made once; larger ones are made for the nodes that a call draws."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tilings:
    """Per dim: rows of its `Choices.temporal`, and its placements; [D, B] each."""

    row: Ints
    option: Ints

    def __len__(self) -> int:
        return self.row.shape[1]

    def taken(self, rows: Ints | NDArray[np.bool_]) -> Tilings:
        return Tilings(self.row[:, rows], self.option[:, rows])


def whole_numbers(part: Part) -> type[np.signedinteger]:
    """The smallest type for the trips of a part."""
    most = 2 * max(part.rules.bounds, default=1)
    return np.int16 if most < 2**15 else np.int32 if most < 2**31 else np.int64


def assembled(part: Part, tilings: Tilings) -> tuple[NDArray[np.signedinteger], ...]:
    """Tilings as arrays: temporal, x, y [L, D, B]."""
    shape = (part.levels, part.dims, len(tilings))
    temporal, x, y = (np.ones(shape, whole_numbers(part)) for _ in range(3))
    for d, dim in enumerate(part.choices):
        temporal[:, d] = dim.temporal.astype(temporal.dtype)[tilings.row[d]].T
        x[part.fanouts, d] = dim.x[tilings.option[d]].T
        y[part.fanouts, d] = dim.y[tilings.option[d]].T
    return temporal, x, y


@dataclass(frozen=True, eq=False)
class _Shares:
    """Categories in segments: `ends` [K, m] cumulates shares so that those of segment s span s to s + 1; `starts` [s + 1]."""

    ends: Floats
    starts: Ints

    def draw(self, k: Ints, segment: Ints, chance: Floats) -> Ints:
        """One category in each segment, by bisection."""
        low, high = self.starts[segment], self.starts[segment + 1] - 1
        flat, base = self.ends.reshape(-1), k * self.ends.shape[1]
        target = segment + chance
        for _ in range(int(np.diff(self.starts).max(initial=1)).bit_length()):
            middle = (low + high) >> 1
            beyond = flat[base + middle] <= target
            low, high = np.where(beyond, np.minimum(middle + 1, high), low), np.where(beyond, high, middle)
        return low


@dataclass(frozen=True, eq=False)
class Sampler:
    """Draws from one part that is not empty."""

    part: Part

    @cached_property
    def envelope(self) -> list[tuple[float, float]]:
        """Per level (c, C): a block with n loops has at most C * c**n residencies."""
        found: list[tuple[float, float]] = []
        for at in range(self.part.levels):
            most = self.part.most_loops(at, free=True) + self.part.most_loops(at, free=False)
            ways = [self.part.ways_to_hold(at, n) for n in range(most + 1)]
            ratio = ways[most // 2 + 1] / ways[most // 2] if most else 1.0
            found.append((ratio, max(many / ratio**n for n, many in enumerate(ways))))
        return found

    @cached_property
    def grid(self) -> Grid:
        nodes: list[Nodes] = []
        for at, (ratio, scale) in enumerate(self.envelope):
            plain = real_nodes(self.part.most_loops(at, free=True))
            nodes.append(Nodes(plain.free * ratio, plain.fixed * ratio, plain.weight * scale))
        return Grid(nodes, None)

    @cached_property
    def ahead(self) -> list[Floats]:
        """Per stage and after the last one: [states, K], what the dims from there on count."""
        parts = [self.grid.passes(self.part, columns) for columns in self.grid.chunks(self.part)]
        return [np.concatenate(stage, axis=1) for stage in zip(*parts, strict=True)]

    @cached_property
    def node_shares(self) -> Floats:
        """Cumulated over the nodes' combinations."""
        share = np.cumsum(self.grid.weight * self.ahead[0][0])
        return share / share[-1]

    def _moves(self, d: int, columns: Columns) -> _Shares:
        """The placements of dim d, per state."""
        stage, dim = self.part.stages[d], self.part.choices[d]
        spreads = self.grid.spreads(self.part, d, columns)
        share = spreads[dim.placed[stage.option]] * self.ahead[d + 1][:, columns][stage.to]
        share = share / self.ahead[d][:, columns][stage.at]
        starts = np.searchsorted(stage.at, np.arange(len(stage.states) + 1))
        return _Shares(np.ascontiguousarray(np.cumsum(share, axis=0).T), starts)

    def _patterns(self, d: int, columns: Columns) -> tuple[_Shares, Ints]:
        """The patterns of dim d, per spread; and which pattern each category is."""
        dim = self.part.choices[d]
        spread, pattern = np.nonzero(dim.counts)
        loops = self.grid.loops(dim.patterns, self.part.is_free[:, d], columns)
        share = dim.counts[spread, pattern][:, None] * loops[pattern]
        starts = np.searchsorted(spread, np.arange(len(dim.spreads) + 1))
        filled = starts[1:] > starts[:-1]
        totals = np.ones((len(dim.spreads), share.shape[1]))
        totals[filled] = np.add.reduceat(share, starts[:-1][filled], axis=0)
        # a spread without rows would shift the count of segments: none is left, see choices
        ends: Floats = np.cumsum(share / totals[spread], axis=0) + (spread + 1.0 - np.cumsum(filled)[spread])[:, None]
        return _Shares(np.ascontiguousarray(ends.T), starts), pattern

    def _tables(self, columns: Columns) -> list[tuple[_Shares, _Shares, Ints]]:
        return [(self._moves(d, columns), *self._patterns(d, columns)) for d in range(self.part.dims)]

    @cached_property
    def _entries(self) -> int:
        """Entries of all tables, per combination of nodes."""
        return sum(
            len(s.at) + int((c.counts > 0).sum()) for s, c in zip(self.part.stages, self.part.choices, strict=True)
        )

    @cached_property
    def _all_tables(self) -> list[tuple[_Shares, _Shares, Ints]]:
        return self._tables(slice(0, len(self.grid)))

    def tilings(self, many: int, rng: np.random.Generator) -> Tilings:
        """Tilings by the envelope."""
        nodes = np.sort(
            np.minimum(np.searchsorted(self.node_shares, rng.random(many), side="right"), len(self.grid) - 1)
        )
        found = Tilings(np.empty((self.part.dims, many), np.int64), np.empty((self.part.dims, many), np.int64))
        if self._entries * len(self.grid) <= KEPT:
            self._fill(found, slice(0, many), nodes, self._all_tables, rng)
        else:
            used, k = np.unique(nodes, return_inverse=True)
            step = max(1, KEPT // self._entries)
            for start in range(0, len(used), step):
                columns = used[start : start + step]
                rows = slice(*np.searchsorted(nodes, [columns[0], columns[-1] + 1]))
                self._fill(found, rows, k.reshape(-1)[rows] - start, self._tables(columns), rng)
        return found.taken(rng.permutation(many))

    def _fill(
        self,
        found: Tilings,
        rows: slice,
        k: Ints,
        tables: list[tuple[_Shares, _Shares, Ints]],
        rng: np.random.Generator,
    ) -> None:
        state = np.zeros(len(k), np.int64)
        for d, (moves, patterns, pattern_of) in enumerate(tables):
            stage, dim = self.part.stages[d], self.part.choices[d]
            chances = rng.random((3, len(k)))
            move = moves.draw(k, state, chances[0])
            spread = dim.placed[stage.option[move]]
            found.option[d, rows] = stage.option[move]
            found.row[d, rows] = _row(dim, spread, pattern_of[patterns.draw(k, spread, chances[1])], chances[2])
            state = stage.to[move]

    def sample(self, many: int, rng: np.random.Generator) -> MappingBatch:
        """`many` mappings, independent and uniform."""
        accepted: list[Tilings] = []
        missing = many
        while missing > 0 or not accepted:
            drawn = self.tilings(missing + missing // 4 + 16 if self._has_cuts else missing, rng)
            if self._has_cuts:
                drawn = drawn.taken(self._accept(drawn, rng))
            accepted.append(drawn.taken(np.arange(min(len(drawn), missing))))
            missing -= len(accepted[-1])
        rows = Tilings(
            *(np.concatenate(parts, axis=1) for parts in zip(*((t.row, t.option) for t in accepted), strict=True))
        )
        return self._finish(rows, rng)

    @property
    def _has_cuts(self) -> bool:
        return any(self.part.has_free_cuts(at) for at in range(self.part.levels))

    def _accept(self, drawn: Tilings, rng: np.random.Generator) -> NDArray[np.bool_]:
        loops = np.zeros((len(drawn), self.part.levels), np.int64)
        for dim, row in zip(self.part.choices, drawn.row, strict=True):
            loops += dim.temporal[row] > 1
        ratio = np.ones(len(drawn))
        for at, (base, scale) in enumerate(self.envelope):
            most = int(np.max(loops[:, at], initial=0))
            kept = np.array([self.part.ways_to_hold(at, n) / (scale * base**n) for n in range(most + 1)])
            ratio *= kept[loops[:, at]]
        return rng.random(len(drawn)) < ratio

    def _finish(self, tilings: Tilings, rng: np.random.Generator) -> MappingBatch:
        """Draw orders and residencies."""
        temporal, x, y = assembled(self.part, tilings)
        loops = temporal > 1
        order = positions(self.part.rules, loops, rng.random(loops.shape))
        many_loops = loops.sum(axis=1)
        shape = (self.part.levels, len(self.part.rules.keep[0]), len(tilings))
        keep, cut = np.zeros(shape, bool), np.full(shape, self.part.dims, np.int64)
        for at, row in enumerate(self.part.residency):
            for t, tensor in enumerate(row):
                if tensor.keep and not tensor.bypass and not tensor.free_cut:
                    keep[at, t] = True
                else:
                    ways = int(tensor.bypass) + int(tensor.keep) * (many_loops[at] + 1 if tensor.free_cut else 1)
                    chosen = (rng.random(len(tilings)) * ways).astype(np.int64) - int(tensor.bypass)
                    keep[at, t] = (chosen >= 0) & tensor.keep
                    if tensor.free_cut:
                        cut[at, t] = np.maximum(chosen, 0)
                if tensor.cut is not None:
                    cut[at, t] = tensor.cut
        cuts = settled_cuts(cut, keep, many_loops, self.part.dims) if self.part.rules.cuts.value == "free" else None
        return MappingBatch(temporal, order, x, y, keep, cuts)


def _row(dim: Choices, spread: Ints, pattern: Ints, chance: Floats) -> Ints:
    """One of the rows with this spread and pattern; they are all alike."""
    first = dim.starts[spread, pattern]
    return first + (chance * dim.counts[spread, pattern]).astype(np.int64)
