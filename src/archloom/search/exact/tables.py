"""Lower bounds from the inside out: for every tile shape at every level, the least energy that anything inside it can cost.

One pass per block of loops, over the whole divisor lattice at once (EXACT_MAPPER: "a shortest path over tile shapes"): the energy of
filling the tiles below a block depends only on the shape at which each tensor's free run of irrelevant loops ends, so a
temporal block is a few running minima along the lattice. Halos are credited in full, a run that crosses a fanout
forgets its multicast there, and bandwidths are left out: what comes out is never above the energy of any mapping.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archloom.search.exact.fills import (
    first_visits_pj,
    reduction,
    serving_block,
    serving_pj,
    slide_pj,
    tile_words,
    turn_pj,
)
from archloom.search.exact.setting import Setting, Spread

__all__ = ["Key", "Step", "Table", "build_tables", "open_credit", "sequences"]

Values = NDArray[np.float64]


class Key(NamedTuple):
    """What a partial (inner) mapping leaves open.

    `pending[t]`: the innermost level whose tile of t is still being filled (its run of irrelevant loops goes on), or -1.
    `spread`: product of the spatial trips so far. `reduced`: per fanout so far, the trips that reduce the output.
    """

    pending: tuple[int, ...]
    spread: int
    reduced: tuple[int, ...]


class Step(NamedTuple):
    """One step through a block, innermost first: tensors whose tile turns here, then dims whose loops follow."""

    turns: tuple[tuple[int, int], ...]
    """(tensor, rank): rank -1 turns the tile; otherwise it slides along that rank, over the step's dims, and then turns."""
    dims: tuple[int, ...]


@dataclass
class Table:
    """Least inner energy of each tile shape, per key."""

    values: dict[Key, Values] = field(default_factory=dict)

    def merge(self, key: Key, values: Values) -> None:
        """Keep the smaller of what is known and `values`."""
        known = self.values.get(key)
        if known is None:
            self.values[key] = values.copy()
        else:
            np.minimum(known, values, out=known)


def build_tables(setting: Setting) -> list[Table]:
    """`tables[l]`: for each shape of the tiles at level l (after its loops), the least energy of everything inside it.

    Shapes that do not fit level l are +inf.
    """
    start = Table()
    origin = np.full(setting.grid.shape, np.inf)
    origin.flat[0] = 0.0
    start.values[Key((-1,) * len(setting.plan.tensors), 1, ())] = origin
    tables: list[Table] = []
    for level in range(setting.levels):
        inner = tables[-1] if tables else start
        tables.append(_after_block(setting, level, inner))
    return tables


def _after_block(setting: Setting, level: int, inner: Table) -> Table:
    grown: dict[tuple[Key, frozenset[int]], Values] = {}
    served = [t for t in range(len(setting.plan.tensors)) if serving_block(setting, t) == level]
    for key, values in inner.values.items():
        pending = tuple(
            h if h >= 0 else (level - 1 if level and setting.keep[level - 1][t] else -1)
            for t, h in enumerate(key.pending)
        )
        steps = _block_sequences(setting, frozenset(t for t, h in enumerate(pending) if h >= 0))
        for spread in setting.spreads[level]:
            moved = setting.grid.shifted(values, spread.factors)
            here = {level: spread} if level in setting.fanouts else {}
            fixed = sum(
                (serving_pj(setting, t, here, key.spread) for t in served), _credit(setting, level, key, spread)
            )
            after = _key_after(setting, level, key, spread)
            moved = moved + fixed
            costs = [
                turn_pj(setting, level, t, h, spread, setting.grid.extents) if h >= 0 else None
                for t, h in enumerate(pending)
            ]
            for sequence, left in steps:
                _walk(setting, level, moved, spread, sequence, left, pending, costs, after, grown)
    result = Table()
    every = frozenset(setting.plan.dims)
    for (key, done), values in grown.items():
        rest = tuple(sorted(every - done))
        if any(h >= 0 for h in key.pending):
            blocked = {d for t, h in enumerate(key.pending) if h >= 0 for d in setting.plan.tensors[t].relevant}
            if any(setting.temporal[level][d].low > 1 for d in rest if d in blocked):
                continue
            rest = tuple(d for d in rest if d not in blocked)
        result.merge(key, setting.grid.reach(values, rest, setting.temporal[level]))
    fits = _fits(setting, level)
    for values in result.values.values():
        values[~fits] = np.inf
    return Table({key: values for key, values in result.values.items() if np.isfinite(values).any()})


def _walk(
    setting: Setting,
    level: int,
    values: Values,
    spread: Spread,
    sequence: tuple[Step, ...],
    left: frozenset[int],
    pending: tuple[int, ...],
    costs: list[Values | None],
    after: Key,
    grown: dict[tuple[Key, frozenset[int]], Values],
) -> None:
    """Run one sequence of steps and merge where it leads."""
    done: set[int] = set()
    for step in sequence:
        for t, rank in step.turns:
            if rank < 0:
                cost = costs[t]
                assert cost is not None
                values = values + cost
        sliding = [(t, rank) for t, rank in step.turns if rank >= 0]
        for t, rank in sliding:
            along = tuple(d for d, _ in setting.plan.tensors[t].ranks[rank] if d not in done)
            values = setting.grid.reach(values, along, setting.temporal[level])
            done.update(along)
            values = values + slide_pj(setting, level, t, pending[t], rank, spread, setting.grid.extents)
        rest = tuple(d for d in step.dims if d not in done)
        values = setting.grid.reach(values, rest, setting.temporal[level])
        done.update(rest)
    key = after._replace(pending=tuple(h if t in left else -1 for t, h in enumerate(pending)))
    slot = (key, frozenset(done))
    known = grown.get(slot)
    grown[slot] = np.minimum(known, values) if known is not None else values


@lru_cache(maxsize=4096)
def _sequences(
    classes: tuple[tuple[int, ...], ...],
    relevant: tuple[tuple[int, ...], ...],
    slides: tuple[tuple[tuple[int, tuple[int, ...]], ...], ...],
    pending: frozenset[int],
) -> tuple[tuple[tuple[Step, ...], frozenset[int]], ...]:
    found: dict[tuple[tuple[Step, ...], frozenset[int]], None] = {}

    def extend(steps: tuple[Step, ...], left: frozenset[int], used: frozenset[int], opened: frozenset[int]) -> None:
        if not any(opened & set(relevant[t]) for t in left):
            found[steps, left] = None
        if not left:
            return
        for number, dims in enumerate(classes):
            turning = sorted(t for t in left if set(relevant[t]) & set(dims))
            if number in used:
                continue
            if not turning:
                if any(not set(relevant[t]) & set(dims) for t in left):
                    extend((*steps, Step((), dims)), left, used | {number}, opened | set(dims))
                continue
            for choice in _slide_choices(turning, dims, slides):
                along = {d for t, rank in choice if rank >= 0 for r, ds in slides[t] if r == rank for d in ds}
                remaining = left - set(turning)
                shown = dims if remaining else tuple(sorted(along))
                extend((*steps, Step(choice, shown)), remaining, used | {number}, opened | set(dims) | along)

    extend((), pending, frozenset(), frozenset())
    return tuple(found)


def _slide_choices(
    turning: list[int], dims: tuple[int, ...], slides: tuple[tuple[tuple[int, tuple[int, ...]], ...], ...]
) -> Iterator[tuple[tuple[int, int], ...]]:
    """Every way for the tensors that turn to slide first: along none or one of the ranks that the class's dims move."""
    if not turning:
        yield ()
        return
    first, *others = turning
    options = [-1] + [rank for rank, ds in slides[first] if set(ds) & set(dims)]
    for option in options:
        for rest in _slide_choices(others, dims, slides):
            yield ((first, option), *rest)


def _block_sequences(setting: Setting, pending: frozenset[int]) -> tuple[tuple[tuple[Step, ...], frozenset[int]], ...]:
    tensors = setting.plan.tensors
    slides = tuple(tuple((k, tuple(d for d, _ in tensor.ranks[k])) for k in tensor.sliding) for tensor in tensors)
    return _sequences(setting.classes, tuple(tensor.relevant for tensor in tensors), slides, pending)


def sequences(setting: Setting, pending: frozenset[int]) -> tuple[tuple[tuple[Step, ...], frozenset[int]], ...]:
    """Ways through a block that differ in cost: (steps, tensors still pending after it)."""
    return _block_sequences(setting, pending)


def _key_after(setting: Setting, level: int, key: Key, spread: Spread) -> Key:
    if level not in setting.fanouts:
        return key
    trail = () if level == setting.fanouts[-1] else (*key.reduced, reduction(setting, spread))
    return Key(key.pending, key.spread * spread.total, trail)


def _credit(setting: Setting, level: int, key: Key, spread: Spread) -> float:
    """First-visit credit of the output (pJ, negative) that becomes known with block `level`: once no fanout is left outside."""
    fanouts = setting.fanouts
    if fanouts and level < fanouts[-1]:
        return 0.0
    if fanouts and level == fanouts[-1]:
        outside = [reduction(setting, spread) * _reduced_outside(setting, at, key.reduced) for at in range(level)]
        return first_visits_pj(setting, level, [*outside, 1])
    here = setting.read_credit_pj[level] + (setting.fill_credit_pj[level - 1] if level else 0.0)
    return -float(here) * setting.output_words


def _reduced_outside(setting: Setting, level: int, reduced: tuple[int, ...]) -> int:
    """Reduction trips of the known fanouts outside `level`."""
    return math.prod(trips for at, trips in zip(setting.fanouts, reduced, strict=False) if at > level)


def open_credit(setting: Setting, level: int, key: Key, outside: int) -> float:
    """Credit (pJ, negative) that `tables[level]` does not hold yet, given the reduction trips outside the level."""
    if not setting.fanouts or level >= setting.fanouts[-1]:
        return 0.0
    return first_visits_pj(
        setting, level, [_reduced_outside(setting, at, key.reduced) * outside for at in range(level + 1)]
    )


def _fits(setting: Setting, level: int) -> NDArray[np.bool_]:
    """Whether the tiles kept at a level fit it (and fill it enough), for each shape."""
    memory = setting.problem.architecture.levels[level]
    bits = np.zeros(setting.grid.shape)
    alone = Spread((1,) * len(setting.plan.bounds), (1,) * len(setting.plan.bounds))
    for t, width in enumerate(setting.plan.levels[level].bits):
        if setting.keep[level][t]:
            bits = bits + tile_words(setting, t, alone, setting.grid.extents) * width
    usable = memory.size_bits / memory.buffering
    return (bits <= usable) & (bits >= setting.problem.rules.min_fill[level] * usable if np.isfinite(usable) else True)
