"""Moves: small random changes along the axes of many mappings at once, which stay in the space and fit if they can."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.mapspace.factors import divisors
from archloom.mapspace.orders import positions, settled_cuts
from archloom.mapspace.rules import Cuts
from archloom.model.arrays import MappingBatch
from archloom.search.base import Space, joined, rows_of
from archloom.search.fitting import excess_of, tile_words

__all__ = ["KINDS", "Moves", "distinct"]

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

KINDS = ("tiling", "parallelism", "order", "residency", "cut")
"""What a move changes: a factor goes elsewhere in time; into, out of, or across a fanout; a loop changes its place; a tensor is
kept or no longer kept; a tile's border moves."""

SHRINKS = 64
"""Steps of making a mapping smaller before it is left as it is."""
TRIES = 3
MISSES = 6
"""So many draws in a row that nothing more fits into a fanout mean that it is full."""


@dataclass(frozen=True, eq=False)
class _Genes:
    """Mappings as arrays that moves work on: `factors` [3, L, D, B] (time, X, Y), `keys` [L, D, B] (loops by ascending key)."""

    factors: Ints
    keys: NDArray[np.float64]
    keep: Flags
    cut: Ints | None

    def __len__(self) -> int:
        return self.factors.shape[-1]

    def rows(self, rows: NDArray[Any]) -> _Genes:
        cut = None if self.cut is None else self.cut[..., rows]
        return _Genes(self.factors[..., rows], self.keys[..., rows], self.keep[..., rows], cut)

    def put(self, rows: NDArray[Any], other: _Genes) -> None:
        """Overwrite rows (of arrays that are this function's own)."""
        self.factors[..., rows], self.keys[..., rows], self.keep[..., rows] = other.factors, other.keys, other.keep
        if self.cut is not None and other.cut is not None:
            self.cut[..., rows] = other.cut


class Moves:
    """Moves in one space; all methods are pure but for the random numbers that they draw."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.rules = space.rules

    # -- tables ----------------------------------------------------------------------------------------------------------

    @cached_property
    def _limits(self) -> tuple[Ints, Ints]:
        """(low, high) [3, L, D] of every factor."""
        rules, levels = self.rules, range(len(self.rules.temporal))
        low = [[[span.low for span in row] for row in table] for table in (rules.temporal, rules.x, rules.y)]
        high = [
            [[span.high for span in rules.temporal[at]] for at in levels],
            [[min(a.high, b.high) for a, b in zip(rules.x[at], rules.spatial[at], strict=True)] for at in levels],
            [[min(a.high, b.high) for a, b in zip(rules.y[at], rules.spatial[at], strict=True)] for at in levels],
        ]
        bound = np.array(rules.bounds, np.int64)
        return np.array(low, np.int64), np.minimum(np.array(high, np.int64), np.maximum(2 * bound, 1))

    @cached_property
    def _primes(self) -> Ints:
        """[D, K]: the primes of each bound, filled up with 0."""
        found = [[p for p in divisors(bound)[1:] if len(divisors(p)) == 2] for bound in self.rules.bounds]
        table = np.zeros((len(found), max(1, *map(len, found))), np.int64)
        for d, primes in enumerate(found):
            table[d, : len(primes)] = primes
        return table

    @cached_property
    def _free_keeps(self) -> Flags:
        """[L, T]: whether keeping is a choice."""
        return np.array([[len(set(values)) > 1 for values in row] for row in self.rules.keep])

    @cached_property
    def _free_cuts(self) -> Flags:
        levels, tensors = len(self.rules.keep), len(self.rules.keep[0])
        free = np.full((levels, tensors), self.rules.cuts is Cuts.FREE)
        free[-1] = False
        for at, row in enumerate(self.rules.cut):
            free[at] &= [cut is None for cut in row]
        return free

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of moves that can change something here."""
        _, high = self._limits
        possible = {
            "tiling": (high[0] > 1).any(),
            "parallelism": (high[1:] > 1).any(),
            "order": any(len(row) - len(i) - len(o) > 1 for row, i, o in self._order_rows),
            "residency": self._free_keeps.any(),
            "cut": self._free_cuts.any(),
        }
        return tuple(kind for kind in KINDS if possible[kind]) or ("tiling",)

    @property
    def _order_rows(self) -> zip[tuple[Any, Any, Any]]:
        return zip(self.rules.temporal, self.rules.order_inner, self.rules.order_outer, strict=True)

    @cached_property
    def _relevant(self) -> Flags:
        """[T, D]: whether a dim is in a tensor's index."""
        workload = self.space.workload
        return np.array([[dim in tensor.dims for dim in workload.dims] for tensor in workload.tensors])

    # -- arrays <-> genes ------------------------------------------------------------------------------------------------

    def genes(self, batch: MappingBatch) -> _Genes:
        """A batch as genes, in arrays of their own."""
        factors = np.stack([np.asarray(table, np.int64) for table in (batch.temporal, batch.x, batch.y)])
        cut = None
        if self.rules.cuts is Cuts.FREE:
            dims = len(self.rules.bounds)
            cut = np.full(batch.keep.shape, dims, np.int64) if batch.cut is None else np.array(batch.cut, np.int64)
        return _Genes(factors, np.array(batch.order, float), np.array(batch.keep, bool), cut)

    def batch(self, genes: _Genes) -> MappingBatch:
        """Genes as a batch, in the form in which the space counts mappings."""
        loops = genes.factors[0] > 1
        dims = len(self.rules.bounds)
        keys = np.clip(genes.keys, 0, dims)
        order = positions(self.rules, loops, keys)
        cut = None if genes.cut is None else settled_cuts(genes.cut, genes.keep, loops.sum(axis=1), dims)
        most = 2 * max(self.rules.bounds, default=1)
        small = genes.factors.astype(np.int16 if most < 2**15 else np.int32 if most < 2**31 else np.int64)
        return MappingBatch(small[0], order, small[1], small[2], genes.keep.copy(), cut)

    # -- public moves ----------------------------------------------------------------------------------------------------

    def fresh(self, many: int, rng: np.random.Generator) -> MappingBatch:
        """Mappings drawn from the whole space, then made to fit."""
        return self.repaired(self.space.sample(many, rng), rng)

    def mutated(
        self, batch: MappingBatch, rng: np.random.Generator, *, most: int = 3, kinds: tuple[str, ...] = KINDS
    ) -> MappingBatch:
        """Each mapping changed by 1 to `most` moves (one is the likeliest) of some kinds, then made to fit."""
        kinds = tuple(kind for kind in self.kinds if kind in kinds) or self.kinds
        origin = self.genes(batch)
        result, left = self.genes(batch), np.arange(len(batch))
        for _ in range(TRIES):
            if not len(left):
                break
            changed = origin.rows(left)
            changed = replace(
                changed, factors=changed.factors.copy(), keys=changed.keys.copy(), keep=changed.keep.copy()
            )
            many = np.minimum(rng.geometric(0.5, len(left)), most)
            for move in range(int(many.max())):
                self._move(changed, np.flatnonzero(many > move), kinds, rng)
            fitted = self.genes(self.repaired(self.batch(changed), rng))
            settled = self.batch(fitted)
            good = self.space.admits(settled) & self._differ(settled, rows_of(batch, left))
            result.put(left[good], fitted.rows(np.flatnonzero(good)))
            left = left[~good]
        return self.batch(result)

    def crossed(self, one: MappingBatch, two: MappingBatch, rng: np.random.Generator) -> MappingBatch:
        """Children of pairs: each dim's tiling, each level's order and each residency come from either parent; then made to fit."""
        a, b = self.genes(one), self.genes(two)
        levels, dims, many = a.keys.shape
        by_dim = rng.random((1, 1, dims, many)) < 0.5
        by_level = rng.random((levels, 1, many)) < 0.5
        held = rng.random(a.keep.shape) < 0.5
        cut = None if a.cut is None or b.cut is None else np.where(held, a.cut, b.cut)
        child = _Genes(
            np.where(by_dim, a.factors, b.factors),
            np.where(by_level, a.keys, b.keys),
            np.where(held, a.keep, b.keep),
            cut,
        )
        settled = self.batch(child)
        good = self.space.admits(settled)
        child.put(np.flatnonzero(~good), a.rows(np.flatnonzero(~good)))
        return self.repaired(self.batch(child), rng)

    def repaired(self, batch: MappingBatch, rng: np.random.Generator) -> MappingBatch:
        """The batch with factors moved outwards (and tensors dropped where that is a choice) until tiles fit, as far as possible."""
        over = excess_of(self.space, tile_words(self.space, batch))
        left = np.flatnonzero((over > 0).any(axis=0))
        if not len(left):
            return batch
        genes = self.genes(batch)
        part, over = genes.rows(left), over[:, left]
        active = np.arange(len(left))
        for _ in range(SHRINKS):
            self._shrink(part, active, over, rng)
            words = tile_words(self.space, self.batch(part.rows(active)))
            over = excess_of(self.space, words)
            still = (over > 0).any(axis=0)
            active, over = active[still], over[:, still]
            if not len(active):
                break
        good = self.space.admits(self.batch(part))
        genes.put(left[good], part.rows(np.flatnonzero(good)))
        return self.batch(genes)

    def filled(self, batch: MappingBatch, rng: np.random.Generator) -> MappingBatch:
        """The batch with factors moved from time into fanouts, at random, for as long as one goes; tiles may no longer fit after it."""
        genes, left = self.genes(batch), np.arange(len(batch))
        time, space = np.zeros((2, 3, *self._limits[0].shape[1:], 1), bool)
        time[0], space[1:] = True, True
        missed, is_loose = np.zeros(len(batch), np.int64), self.rules.pooled or any(self.rules.reshapeable)
        while len(left):
            before = genes.rows(left)
            before = replace(before, factors=before.factors.copy(), keys=before.keys.copy())
            self._shift(genes, left, time, space, rng)
            if is_loose:  # moves do not look at the room that such fanouts have
                wrong = np.flatnonzero(~self.space.admits(self.batch(genes.rows(left))))
                genes.put(left[wrong], before.rows(wrong))
            same = (genes.factors[..., left] == before.factors).all(axis=(0, 1, 2))
            missed[left] = np.where(same, missed[left] + 1, 0)
            left = left[missed[left] < MISSES]
        settled = self.batch(genes)
        fine = self.space.admits(settled)
        rows = np.where(fine, 0, len(batch)) + np.arange(len(batch))
        return rows_of(joined((settled, batch)), rows)

    # -- single moves, in place, on some rows ----------------------------------------------------------------------------

    def _move(self, genes: _Genes, rows: Ints, kinds: tuple[str, ...], rng: np.random.Generator) -> None:
        share = {"tiling": 4.0, "parallelism": 4.0, "order": 3.0, "residency": 1.0, "cut": 3.0}
        chance = np.array([share[kind] for kind in kinds])
        drawn = rng.choice(len(kinds), len(rows), p=chance / chance.sum())
        for k, kind in enumerate(kinds):
            chosen = rows[drawn == k]
            if len(chosen):
                getattr(self, f"_move_{kind}")(genes, chosen, rng)

    def _move_tiling(self, genes: _Genes, rows: Ints, rng: np.random.Generator) -> None:
        source, target = np.zeros((2, 3, *self._limits[0].shape[1:], 1), bool)
        source[0], target[0] = True, True
        self._shift(genes, rows, source, target, rng)

    def _move_parallelism(self, genes: _Genes, rows: Ints, rng: np.random.Generator) -> None:
        """Into a fanout, out of it, or to the other axis."""
        drawn = rng.integers(0, 5, len(rows))
        shape = (3, *self._limits[0].shape[1:], 1)
        time, space = np.zeros((2, *shape), bool)
        time[0], space[1:] = True, True
        self._shift(genes, rows[(drawn == 0) | (drawn == 1)], time, space, rng)
        self._shift(genes, rows[drawn == 2], space, time, rng)
        self._shift(genes, rows[drawn == 3], space, space, rng)
        flipped = rows[drawn == 4]
        if not len(flipped):
            return
        x, y = genes.factors[1][..., flipped], genes.factors[2][..., flipped]
        chosen = _picked(((x > 1) | (y > 1)).reshape(-1, len(flipped)), rng)
        at, d = np.unravel_index(chosen, x.shape[:2])
        k = np.arange(len(flipped))
        genes.factors[1, at, d, flipped], genes.factors[2, at, d, flipped] = y[at, d, k], x[at, d, k]

    def _move_order(self, genes: _Genes, rows: Ints, rng: np.random.Generator) -> None:
        """A loop to any place of its block."""
        levels, dims, _ = genes.keys.shape
        loops = genes.factors[0][..., rows] > 1
        loops &= loops.sum(axis=1, keepdims=True) > 1
        at, d = np.unravel_index(_picked(loops.reshape(-1, len(rows)), rng), (levels, dims))
        many = loops[at, :, np.arange(len(rows))].sum(axis=1)
        genes.keys[:, :, rows] = positions(
            self.rules, genes.factors[0][..., rows] > 1, np.clip(genes.keys[..., rows], 0, dims)
        )
        place = genes.keys[at, d, rows]
        jump = rng.integers(0, np.maximum(many, 1))
        genes.keys[at, d, rows] = np.where(jump < place, jump - 0.5, jump + 0.5)
        genes.keys[:, :, rows] = np.maximum(genes.keys[:, :, rows] + 0.5, 0)

    def _move_residency(self, genes: _Genes, rows: Ints, rng: np.random.Generator) -> None:
        at, t = np.unravel_index(
            _picked(np.repeat(self._free_keeps.reshape(-1, 1), len(rows), axis=1), rng), self._free_keeps.shape
        )
        genes.keep[at, t, rows] ^= self._free_keeps[at, t]

    def _move_cut(self, genes: _Genes, rows: Ints, rng: np.random.Generator) -> None:
        assert genes.cut is not None
        able = self._free_cuts[..., None] & genes.keep[..., rows]
        at, t = np.unravel_index(_picked(able.reshape(-1, len(rows)), rng), self._free_cuts.shape)
        many = (genes.factors[0, at, :, rows] > 1).sum(axis=1)
        drawn = rng.integers(0, many + 1)
        now = np.minimum(genes.cut[at, t, rows], many)
        near = np.clip(now + rng.choice([-1, 1], len(rows)), 0, many)
        found = np.where(rng.random(len(rows)) < 0.5, near, drawn)
        genes.cut[at, t, rows] = np.where(able[at, t, np.arange(len(rows))], found, genes.cut[at, t, rows])

    def _shrink(self, genes: _Genes, active: Ints, over: NDArray[np.float64], rng: np.random.Generator) -> None:
        """One step towards fitting, on the innermost level that is too full."""
        level = (over > 0).argmax(axis=0)
        levels = over.shape[0]
        keeps = genes.keep[level, :, active]
        droppable = keeps & self._free_keeps[level]
        drop = droppable.any(axis=1) & (rng.random(len(active)) < 0.15)
        dropped = active[drop]
        genes.keep[level[drop], _picked(droppable[drop].T, rng), dropped] = False
        rows, at = active[~drop], level[~drop]
        matters = (keeps[~drop][:, :, None] & self._relevant[None]).any(axis=1).T  # [D, B]
        inner: Flags = np.less_equal(np.arange(levels)[:, None], at)
        source = np.broadcast_to(
            (np.expand_dims(inner, 1) & np.expand_dims(matters, 0))[None], (3, levels, *matters.shape)
        )
        target = np.zeros((3, levels, 1, len(rows)), bool)
        target[0] = ~np.expand_dims(inner, 1)
        time = source.copy()
        time[1:] = False
        keep_parallel = rng.random(len(rows)) < 0.8
        has_time = ((genes.factors[..., rows] > 1) & time).any(axis=(0, 1, 2))
        source = np.where(keep_parallel & has_time, time, source)
        self._shift(genes, rows, source, target, rng, whole=0.0)
        if genes.cut is not None:
            cuttable = self._free_cuts[level]
            pulled = (cuttable & keeps).any(axis=1) & (rng.random(len(active)) < 0.3)
            t = _picked((cuttable & keeps)[pulled].T, rng)
            where = (level[pulled], t, active[pulled])
            many = (genes.factors[0][level[pulled], :, active[pulled]] > 1).sum(axis=1)
            genes.cut[where] = np.maximum(np.minimum(genes.cut[where], many) - 1, 0)

    def _shift(
        self, genes: _Genes, rows: Ints, source: Flags, target: Flags, rng: np.random.Generator, whole: float = 0.25
    ) -> None:
        """Move a prime (or, with a chance of `whole`, all) of a factor from a place in `source` to one in `target` [3, L, D, B]."""
        if not len(rows):
            return
        low, high = self._limits
        factors = genes.factors[..., rows]
        kinds, levels, dims, many = factors.shape
        able = source & (factors > low[..., None])
        able &= (target & (high > 1)[..., None]).any(axis=(0, 1), keepdims=True)
        chosen = _picked(able.reshape(-1, many), rng)
        k = np.arange(many)
        possible = able.reshape(-1, many)[chosen, k]
        place, d = np.divmod(chosen, dims)
        value = factors.reshape(-1, dims, many)[place, d, k]
        moved = self._part_of(value, d, rng)
        moved = np.where(rng.random(many) < whole, value, moved)
        bound = np.array(self.rules.bounds)[d]
        after = value // np.maximum(moved, 1) if not self.rules.padding else -(-value // np.maximum(moved, 1))
        flat = factors.reshape(-1, dims, many)
        column = flat[:, d, k]  # [3L, B]
        open_ = np.broadcast_to(target, (kinds, levels, dims, many)).reshape(-1, dims, many)[:, d, k].copy()
        open_[place, k] = False
        top = high.reshape(-1, dims)[:, d]
        fits = open_ & (column * moved <= top) if not self.rules.padding else open_ & (top > 1)
        fits &= self._axis_is_free(column, place, levels) & self._mesh_has_room(factors, moved, levels)
        goal = _picked(fits, rng)
        possible &= fits[goal, k] & (moved > 1)
        place, d, goal, k, rows = place[possible], d[possible], goal[possible], k[possible], rows[possible]
        column = column[:, possible]
        j = np.arange(len(k))
        column[place, j] = after[possible]
        if self.rules.padding:
            others = np.prod(np.where(np.arange(len(column))[:, None] == goal, 1, column), axis=0)
            column[goal, j] = -(-bound[possible] // others)
            column = _tightened(column, bound[possible])
        else:
            column[goal, j] *= moved[possible]
        target_rows = genes.factors.reshape(kinds * levels, dims, -1)
        target_rows[:, d, rows] = column
        outermost = (goal < levels) & (rng.random(len(goal)) < 0.5)
        # a new loop may also go anywhere in its block
        genes.keys[goal[outermost], d[outermost], rows[outermost]] = rng.random(int(outermost.sum())) * dims

    def _part_of(self, value: Ints, d: Ints, rng: np.random.Generator) -> Ints:
        """A prime factor of each value; with padding, any small number."""
        if self.rules.padding:
            return np.minimum(rng.choice([2, 2, 3, 5, 7], len(value)), np.maximum(value, 1))
        primes = self._primes[d].T  # [K, B]
        divides = (primes > 0) & (value % np.maximum(primes, 1) == 0)
        picked = primes[_picked(divides, rng), np.arange(len(value))]
        return np.where(divides.any(axis=0), picked, 1)

    def _axis_is_free(self, column: Ints, place: Ints, levels: int) -> Flags:
        """[3L, B]: whether the dim is not on the other axis of that fanout (or just leaves it)."""
        free = np.ones(column.shape, bool)
        for axis, other in ((1, 2), (2, 1)):
            rows = slice(axis * levels, (axis + 1) * levels)
            others = np.arange(other * levels, (other + 1) * levels)
            free[rows] = (column[others] == 1) | (others[:, None] == place)
        return free

    def _mesh_has_room(self, factors: Ints, moved: Ints, levels: int) -> Flags:
        """[3L, B]: whether the axis can take so many times more; pooled and reshapeable fanouts are left to the space."""
        room = np.ones((3 * levels, factors.shape[-1]), bool)
        if self.rules.pooled:
            return room
        for axis in (1, 2):
            used = factors[axis].prod(axis=1)
            for at in range(levels):
                if not self.rules.reshapeable[at]:
                    room[axis * levels + at] = used[at] * moved <= self.rules.mesh[at][axis - 1]
        return room

    def _differ(self, one: MappingBatch, two: MappingBatch) -> Flags:
        """[B]: whether rows are different mappings."""
        pairs = zip(one.arrays().values(), two.arrays().values(), strict=True)
        return np.any([(a != b).any(axis=(0, 1)) for a, b in pairs], axis=0)


def _picked(able: Flags, rng: np.random.Generator) -> NDArray[np.intp]:
    """[B]: one of the true rows of each column, each as likely; row 0 where there is none."""
    return (rng.random(able.shape, dtype=np.float32) * able + able).argmax(axis=0)


def _tightened(column: Ints, bound: Ints) -> Ints:
    """Factors [P, B] made as small as covers of their bound may be."""
    for at in range(len(column)):
        others = np.prod(np.delete(column, at, axis=0), axis=0)
        column[at] = -(-bound // others)
    return column


def distinct(batches: list[MappingBatch]) -> tuple[MappingBatch, NDArray[np.intp]]:
    """Batches joined without repetitions, and the rows kept, in order."""
    whole = joined(batches)
    rows = np.concatenate([np.asarray(t, np.int64).reshape(-1, len(whole)) for t in whole.arrays().values()])
    _, first = np.unique(rows, axis=1, return_index=True)
    kept = np.sort(first)
    return rows_of(whole, kept), kept
