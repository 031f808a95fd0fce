"""Neighbours: the mappings one small step away from a mapping."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, permutations

import numpy as np
from numpy.typing import NDArray

from archloom.mapspace.factors import divisors
from archloom.mapspace.orders import positions, settled_cuts
from archloom.mapspace.rules import Cuts, Rules
from archloom.model.arrays import MappingBatch

__all__ = ["steps_from"]

Ints = NDArray[np.int64]
Place = tuple[int, int]
"""A place for a factor: 0, 1, 2 for time, X, Y; and the level."""


@dataclass(frozen=True, eq=False)
class _Origin:
    """One mapping as plain arrays: `factors` [3, L, D] (time, X, Y), `order` [L, D], `keep` and `cut` [L, T]."""

    factors: Ints
    order: Ints
    keep: NDArray[np.bool_]
    cut: Ints


@dataclass(frozen=True, slots=True)
class _Edit:
    """What a step changes: factors of a dim by place, positions of two dims, or a tensor's keep or cut."""

    factors: tuple[tuple[Place, int, int], ...] = ()
    swap: tuple[int, int, int] | None = None
    keep: tuple[int, int] | None = None
    cut: tuple[int, int, int] | None = None


def steps_from(rules: Rules, batch: MappingBatch, row: int) -> MappingBatch:
    """Every mapping one step from a row of a batch, each once; some may not obey the rules.

    The steps: a prime factor of a dim moves to another place (another level, into time, across an axis); a dim changes its mesh
    axis; two adjacent loops of a block change places; a tensor is kept or no longer kept at a level; a cut moves by one
    loop. With padding also: a factor grows or shrinks by one while another one makes up for it. A loop that was not there before
    becomes the outermost of its block, or takes the place that the rules fix.
    """
    levels, dims = len(rules.temporal), len(rules.bounds)
    everything = np.full((levels, len(rules.keep[0])), dims, np.int64)
    origin = _Origin(
        np.stack([np.asarray(table[:, :, row], np.int64) for table in (batch.temporal, batch.x, batch.y)]),
        np.asarray(batch.order[:, :, row], np.int64),
        np.asarray(batch.keep[:, :, row], bool),
        everything if batch.cut is None else np.asarray(batch.cut[:, :, row], np.int64),
    )
    edits = [*_tile_steps(rules, origin), *_axis_steps(origin), *_order_steps(origin)]
    edits += [*_keep_steps(rules), *(_cut_steps(rules, origin) if rules.cuts is Cuts.FREE else ())]
    return _distinct(_applied(rules, origin, [_Edit(), *edits]))


def _places(rules: Rules, d: int) -> list[Place]:
    tables = (rules.temporal, rules.x, rules.y)
    return [(kind, at) for kind, table in enumerate(tables) for at in range(len(table)) if table[at][d].high > 1]


def _primes(number: int) -> list[int]:
    return [f for f in divisors(number)[1:] if len(divisors(f)) == 2]


def _tile_steps(rules: Rules, origin: _Origin) -> Iterator[_Edit]:
    for d, bound in enumerate(rules.bounds):
        for one, two in permutations(_places(rules, d), 2):
            a, b = int(origin.factors[*one, d]), int(origin.factors[*two, d])
            for prime in _primes(a):
                yield _Edit(((one, d, a // prime), (two, d, b * prime)))
            if rules.padding:
                others = int(origin.factors[:, :, d].prod()) // (a * b)
                for changed in (a - 1, a + 1):
                    if changed >= 1:
                        yield _Edit(((one, d, changed), (two, d, -(-bound // (others * changed)))))


def _axis_steps(origin: _Origin) -> Iterator[_Edit]:
    for at, d in zip(*np.nonzero((origin.factors[1:] > 1).any(axis=0)), strict=True):
        x, y = (int(origin.factors[kind, at, d]) for kind in (1, 2))
        yield _Edit((((1, int(at)), int(d), y), ((2, int(at)), int(d), x)))


def _order_steps(origin: _Origin) -> Iterator[_Edit]:
    for at, order in enumerate(origin.order):
        there = [int(d) for d in np.argsort(order, kind="stable") if origin.factors[0, at, d] > 1]
        for d, e in pairwise(there):
            yield _Edit(swap=(at, d, e))


def _keep_steps(rules: Rules) -> Iterator[_Edit]:
    for at, row in enumerate(rules.keep):
        for t, values in enumerate(row):
            if len(values) > 1:
                yield _Edit(keep=(at, t))


def _cut_steps(rules: Rules, origin: _Origin) -> Iterator[_Edit]:
    for at in range(len(rules.keep) - 1):
        many = int((origin.factors[0, at] > 1).sum())
        for t in range(len(rules.keep[at])):
            now = min(int(origin.cut[at, t]), many)
            for cut in (now - 1, now + 1):
                if 0 <= cut <= many:
                    yield _Edit(cut=(at, t, cut))


def _applied(rules: Rules, origin: _Origin, edits: list[_Edit]) -> MappingBatch:
    many, dims = len(edits), len(rules.bounds)
    factors = np.repeat(origin.factors[..., None], many, axis=-1)
    keys = np.repeat(origin.order[..., None], many, axis=-1)
    keep = np.repeat(origin.keep[..., None], many, axis=-1)
    for b, edit in enumerate(edits):
        for (kind, at), d, value in edit.factors:
            factors[kind, at, d, b] = value
        if edit.swap is not None:
            at, d, e = edit.swap
            keys[at, [d, e], b] = keys[at, [e, d], b]
        if edit.keep is not None:
            keep[*edit.keep, b] ^= True
    loops = factors[0] > 1
    order = positions(rules, loops, keys)
    cut = None
    if rules.cuts is Cuts.FREE:
        # a cut stays where it is between the loops: those inside it that vanish are no longer counted
        inside = origin.order[:, None, :] < origin.cut[:, :, None]
        shrunk = np.einsum("ltd,ldb->ltb", inside.astype(np.int64), loops.astype(np.int64))
        spans = origin.cut >= (origin.factors[0] > 1).sum(axis=1)[:, None]
        cut = np.where(spans[..., None], dims, shrunk)
        for b, edit in enumerate(edits):
            if edit.cut is not None:
                cut[edit.cut[0], edit.cut[1], b] = edit.cut[2]
        cut = settled_cuts(cut, keep, loops.sum(axis=1), dims)
    most = int(factors.max(initial=1))
    small = factors.astype(np.int16 if most < 2**15 else np.int32 if most < 2**31 else np.int64)
    return MappingBatch(small[0], order, small[1], small[2], keep, cut)


def _distinct(batch: MappingBatch) -> MappingBatch:
    """The batch without its first row, and without repetitions of it or of each other."""
    tables = [batch.temporal, batch.x, batch.y, batch.order, batch.keep, *([] if batch.cut is None else [batch.cut])]
    rows = np.concatenate([np.asarray(table, np.int64).reshape(-1, len(batch)) for table in tables])
    _, first = np.unique(rows, axis=1, return_index=True)
    kept = np.sort(first[first > 0])
    parts = (batch.temporal, batch.order, batch.x, batch.y, batch.keep, batch.cut)
    return MappingBatch(*(None if part is None else part[..., kept] for part in parts))
