"""Lower bounds from the inside out: for every tile shape at every level, the least energy that anything inside it can cost.

One pass per block of loops, over the whole divisor lattice at once (EXACT_MAPPER: "a shortest path over tile shapes"): the energy of
filling the tiles below a block depends only on the shape at which each tensor's free run of irrelevant loops ends, so a
temporal block is a few running minima along the lattice. Halos are credited in full, a run that crosses a fanout
forgets its multicast there, and bandwidths are left out: what comes out is never above the energy of any mapping.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archloom.search.exact.fills import (
    crossing_pj,
    first_visits_pj,
    reduction,
    serving_block,
    serving_pj,
    slide_pj,
    tile_words,
    turn_pj,
)
from archloom.search.exact.setting import Setting, Spread
from archloom.search.exact.ways import (
    SETTLED,
    UNSERVED,
    State,
    Step,
    open_states,
    opening,
    rank_of,
    sequences,
    start_of,
)

__all__ = ["Key", "Table", "build_tables", "open_credit", "pending_below"]

Values = NDArray[np.float64]


class Key(NamedTuple):
    """What a partial (inner) mapping leaves open.

    `pending[t]`: SETTLED (-1); UNSERVED (-2): t has turned, but a fanout lies between it and its parent, whose side is counted there;
    otherwise an open fill (see `opening`): the innermost level whose tile of t is still being filled, because its run of
    irrelevant loops goes on, or because it slides along a rank and may go on sliding.
    `spread`: product of the spatial trips so far. `reduced`: per fanout so far, the trips that reduce the output.
    """

    pending: tuple[int, ...]
    spread: int
    reduced: tuple[int, ...]


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


def build_tables(setting: Setting, levels: int | None = None) -> list[Table]:
    """`tables[l]`: for each shape of the tiles at level l (after its loops), the least energy of everything inside it.

    Shapes that do not fit level l are +inf. The outermost level has no table: its one tile is the whole workload. `levels`: so
    many of the innermost levels only.
    """
    start = Table()
    origin = np.full(setting.grid.shape, np.inf)
    origin.flat[0] = 0.0
    start.values[Key((-1,) * len(setting.plan.tensors), 1, ())] = origin
    tables: list[Table] = []
    for level in range(setting.levels - 1 if levels is None else levels):
        inner = tables[-1] if tables else start
        tables.append(_after_block(setting, level, inner))
    return tables


def _after_block(setting: Setting, level: int, inner: Table) -> Table:
    grown: dict[tuple[Key, frozenset[int]], Values] = {}
    served = [t for t in range(len(setting.plan.tensors)) if serving_block(setting, t) == level]
    for key, values in inner.values.items():
        pending = pending_below(setting, level, key)
        crossing = [t for t, h in enumerate(pending) if h == UNSERVED and setting.last_fanout(level, t) == level]
        pending = tuple(SETTLED if t in crossing else h for t, h in enumerate(pending))
        ways = sequences(setting, open_states(pending))
        for spread in setting.spreads[level]:
            moved = setting.grid.shifted(values, spread.factors)
            here = {level: spread} if level in setting.fanouts else {}
            moved = moved + sum(
                (serving_pj(setting, t, here, key.spread) for t in served), _credit(setting, level, key, spread)
            )
            for t in crossing:
                moved = moved + crossing_pj(setting, t, setting.keeper(level, t), setting.grid.extents)
            after = _key_after(setting, level, key, spread)
            turned = {
                t: turn_pj(setting, level, t, start_of(h), spread, setting.grid.extents)
                for t, h in enumerate(pending)
                if h >= 0 and rank_of(h) < 0
            }
            reached: dict[tuple[Step, ...], tuple[Values, frozenset[int]]] = {(): (moved, frozenset())}
            for steps, left in ways:
                part, done = _walk(setting, level, steps, spread, pending, turned, reached)
                key_then = after._replace(pending=_states_after(setting, level, pending, left))
                known = grown.get((key_then, done))
                if known is None:
                    grown[key_then, done] = part.copy()
                else:
                    np.minimum(known, part, out=known)
    result = Table()
    every = frozenset(setting.plan.dims)
    for (key, done), values in grown.items():
        closed = _closed_dims(setting, key, done)
        if any(setting.temporal[level][d].low > 1 for d in closed):
            continue
        result.merge(key, setting.grid.reach(values, tuple(sorted(every - done - closed)), setting.temporal[level]))
    fits = _fits(setting, level)
    for values in result.values.values():
        values[~fits] = np.inf
    return Table({key: values for key, values in result.values.items() if np.isfinite(values).any()})


def _closed_dims(setting: Setting, key: Key, done: frozenset[int]) -> frozenset[int]:
    """Dims that cannot have a loop in the rest of the block, because it would turn a tensor that the key leaves open."""
    closed: set[int] = set()
    for t, h in enumerate(key.pending):
        if h >= 0:
            closed.update(setting.plan.tensors[t].relevant if rank_of(h) < 0 else setting.plan.dims)
    return frozenset(closed - done)


def _walk(
    setting: Setting,
    level: int,
    steps: tuple[Step, ...],
    spread: Spread,
    pending: tuple[int, ...],
    turned: dict[int, Values],
    reached: dict[tuple[Step, ...], tuple[Values, frozenset[int]]],
) -> tuple[Values, frozenset[int]]:
    """Least energy after some steps through the block, and the dims looped over; ways share what they begin with."""
    if steps in reached:
        return reached[steps]
    values, done = _walk(setting, level, steps[:-1], spread, pending, turned, reached)
    step = steps[-1]
    for turn in step.turns:
        if turn.rank < 0:
            values = values + turned[turn.tensor]
    for turn in step.turns:
        if turn.rank >= 0:
            along = tuple(d for d in turn.along if d not in done)
            values = setting.grid.reach(values, along, setting.temporal[level])
            done = done | frozenset(along)
            t = turn.tensor
            values = values + slide_pj(setting, level, t, pending[t], turn.rank, spread, setting.grid.extents)
    rest = tuple(d for d in step.dims if d not in done)
    values = setting.grid.reach(values, rest, setting.temporal[level])
    reached[steps] = values, done | frozenset(rest)
    return reached[steps]


def _states_after(setting: Setting, level: int, pending: tuple[int, ...], left: frozenset[State]) -> tuple[int, ...]:
    ranks = dict(left)
    return tuple(
        opening(start_of(h), ranks[t]) if t in ranks else _state_after(setting, level, t, h)
        for t, h in enumerate(pending)
    )


def _state_after(setting: Setting, level: int, t: int, state: int) -> int:
    if state < 0:
        return state
    return SETTLED if setting.last_fanout(level + 1, t) is None or setting.keep[level][t] else UNSERVED


def pending_below(setting: Setting, level: int, key: Key) -> tuple[int, ...]:
    """A key's pending states as block `level` meets them: the tiles kept just below it have opened."""
    if level == 0:
        return key.pending
    kept = setting.keep[level - 1]
    return tuple(level - 1 if h == SETTLED and kept[t] else h for t, h in enumerate(key.pending))


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
