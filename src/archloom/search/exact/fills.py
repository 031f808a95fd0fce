"""Energy of filling tiles, as a function of the shape at which a tensor's free run ends; bounds, never above the truth.

Shapes come as `reach[d]`: extents of each active dim, as arrays of any common shape (grid axes or columns of rows).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archloom.search.exact.setting import Setting, Spread, Spreads
from archloom.search.exact.ways import rank_of, start_of

__all__ = [
    "Number",
    "crossed",
    "crossing_pj",
    "executions",
    "first_visits_pj",
    "held_pj",
    "least_distinct",
    "least_words",
    "price_pj",
    "reduction",
    "returned_words",
    "serving_block",
    "serving_pj",
    "slide_pj",
    "slide_words",
    "tile_words",
    "turn_pj",
    "turn_words",
]

Values = NDArray[np.float64]
AnySpread = Spread | Spreads
"""One way to use a fanout, or one per column."""
Reach = Sequence[Values] | Values
"""Extents per active dim: a sequence of arrays, or one array [dims, ...]."""
Pair = tuple[tuple[int, int], tuple[int, int]]
"""Two terms of a rank: (dim, coefficient)."""
Number = Any
"""A number, or one per column."""


def tile_words(setting: Setting, t: int, spread: AnySpread, reach: Reach) -> Values:
    """Volume of one instance's tile of t, for shapes that it makes together with a fanout spread."""
    volume: Values | float = 1.0
    for rank in setting.plan.tensors[t].ranks:
        volume = volume * _side(rank, spread, reach)
    return np.asarray(volume)


def _side(rank: tuple[tuple[int, int], ...], spread: AnySpread, reach: Reach) -> Values | float:
    side: Values | float = 1.0
    for d, c in rank:
        side = side + c * (reach[d] / spread.factors[d] - 1.0)
    return side


def executions(setting: Setting, reach: Reach) -> Values:
    """How often a shape runs, over all instances."""
    if reach is setting.grid.extents:
        return setting.grid.executions
    result: Values | float = setting.macs
    for extent in reach:
        result = result / extent
    return np.asarray(result)


def turn_words(
    setting: Setting, level: int, t: int, start: int, spread: AnySpread, reach: Reach
) -> tuple[Values, Values]:
    """(words entering the pending tiles of t, words their parent serves), over all instances, if they turn in block `level`."""
    if crossed(setting, start, level - 1):
        words = least_words(setting, t, [extent / factor for extent, factor in zip(reach, spread.factors, strict=True)])
    else:
        words = tile_words(setting, t, spread, reach)
    words = words * executions(setting, reach)
    return words * spread.total, words * _distinct(setting, level, t, spread, reach)


def slide_words(
    setting: Setting, level: int, t: int, state: int, rank: int, spread: AnySpread, reach: Reach
) -> tuple[Values, Values]:
    """Fewest words (entering, served) if the open tiles of t slide along one rank up to these shapes, then turn."""
    if rank_of(state) >= 0 or crossed(setting, start_of(state), level - 1):
        copies = math.prod(spread.factors[d] for d in setting.plan.tensors[t].irrelevant)
        words = least_words(setting, t, reach)
        words = (words - returned_words(setting, t, start_of(state), rank, words, reach)) * executions(setting, reach)
        return words * copies, words
    volume: Values | float = 1.0
    for k, terms in enumerate(setting.plan.tensors[t].ranks):
        side = _least_union(terms, spread, reach) if k == rank else _side(terms, spread, reach)
        volume = volume * np.maximum(side, 1.0)
    multicast = setting.plan.levels[level].multicast[t]
    share = least_distinct(setting, t, spread) if multicast else spread.total
    fetched = np.asarray(volume) - returned_words(setting, t, start_of(state), rank, volume, reach)
    words = fetched * executions(setting, reach)
    return words * spread.total, words * share


def returned_words(setting: Setting, t: int, start: int, rank: int, words: Number, reach: Reach) -> Values | float:
    """Most of the `words` of a slide up to these shapes that are there already when it begins again, on average.

    A loop over a dim that does not matter to t ends a slide, but a loop over the rank further out may move the tile just one step
    on from where it ended, or not at all: it then keeps its overlap, at most its words (which fit level `start`, and are fewer than
    those of the slide). Before each such move the loop that ended the slide has run at least twice.
    """
    tensor, bounds = setting.plan.tensors[t], setting.plan.bounds
    shared = {d for d, _ in tensor.ranks[rank]}

    def remains(dims: Iterable[int]) -> Any:
        left: Any = False
        for d in dims:
            left = left | (np.asarray(reach[d]) < bounds[d])
        return left

    returns = remains(shared) & np.asarray(remains(tensor.irrelevant))
    memory = setting.problem.architecture.levels[start]
    held = memory.size_bits / memory.buffering / setting.plan.levels[start].bits[t]
    most = np.minimum(np.maximum(np.asarray(words) - 1.0, 0.0), held)
    return np.where(returns, most / 2.0, 0.0)


def price_pj(setting: Setting, level: int, t: int, start: int, words: tuple[Values, Values]) -> Values:
    """Energy of words (entering, served) of the tiles of t, pending from level `start` up, that block `level` fills."""
    entering, serving = _coefficients(setting, level, t, start)
    return words[0] * entering + words[1] * serving


def turn_pj(setting: Setting, level: int, t: int, start: int, spread: Spread, reach: Reach) -> Values:
    """Energy of filling the pending tiles of t (from level `start` up) if they turn in block `level` at these shapes."""
    return price_pj(setting, level, t, start, turn_words(setting, level, t, start, spread, reach))


def slide_pj(setting: Setting, level: int, t: int, state: int, rank: int, spread: AnySpread, reach: Reach) -> Values:
    """Least energy of filling the open tiles of t if they slide along one rank up to these shapes, then turn."""
    words = slide_words(setting, level, t, state, rank, spread, reach)
    return price_pj(setting, level, t, start_of(state), words)


def crossed(setting: Setting, start: int, level: int) -> bool:
    """Whether a fanout lies above `start` and up to block `level`: what was one tile is several instances' tiles by then."""
    return any(start < at <= level for at in setting.fanouts)


def held_pj(setting: Setting, level: int, t: int, start: int) -> float:
    """Least pJ per word of the pending tiles of t below `level`, from level `start` up; the parent's side if no fanout is between."""
    entering, serving = _coefficients(setting, level, t, start)
    return entering + serving


def crossing_pj(setting: Setting, t: int, keeper: int, reach: Reach) -> Values:
    """Least energy of serving, from `keeper`, a tensor whose tiles turned inside these shapes (each word once per execution)."""
    return float(setting.parent_pj[keeper, t]) * least_words(setting, t, reach) * executions(setting, reach)


def least_words(setting: Setting, t: int, reach: Reach) -> Values:
    """Fewest different words of t that a shape needs: halos shared in full, stride holes left out."""
    alone = Spread((1,) * len(setting.plan.bounds), (1,) * len(setting.plan.bounds))
    volume: Values | float = 1.0
    for terms in setting.plan.tensors[t].ranks:
        volume = volume * (reach[terms[0][0]] if len(terms) == 1 else _least_union(terms, alone, reach))
    return np.asarray(volume)


def _coefficients(setting: Setting, level: int, t: int, start: int) -> tuple[float, float]:
    """(pJ per word entering an instance's tile, pJ per word that the parent serves) when t turns in block `level`.

    The second is 0 while a fanout lies between the block and the parent: what the parent serves is counted there (`crossing_pj`).
    """
    held = [at for at in range(start, level) if setting.keep[at][t]]
    entering = sum(setting.child_pj[at, t] for at in held) + sum(setting.parent_pj[at, t] for at in held[1:])
    parent = setting.keeper(level, t)
    later = any(level < at <= parent for at in setting.fanouts)
    return float(entering), 0.0 if later else float(setting.parent_pj[parent, t])


def least_distinct(setting: Setting, t: int, spread: AnySpread) -> Number:
    """Fewest different tile positions of t among the spatial iterations, whatever the shape below."""
    result: Number = 1
    for rank in setting.plan.tensors[t].ranks:
        result = result * (1 + sum(spread.factors[d] - 1 for d, _ in rank))
    return result


def _distinct(setting: Setting, level: int, t: int, spread: AnySpread, reach: Reach) -> Number:
    """Different tile positions among the spatial iterations, for each shape (after the fanout)."""
    if isinstance(spread, Spread) and spread.total == 1:
        return 1.0
    if not setting.plan.levels[level].multicast[t]:
        return spread.total
    result: Number = 1.0
    for rank in setting.plan.tensors[t].ranks:
        side: Number = 1 + sum(spread.factors[d] - 1 for d, _ in rank)
        for pair, where in _pairs_alone(rank, spread):
            both = _distinct_pair(pair, spread, reach)
            side = both if where is True else np.where(where, both, side)
        result = result * side
    return result


def _pairs_alone(
    rank: tuple[tuple[int, int], ...], spread: AnySpread
) -> Iterator[tuple[Pair, NDArray[np.bool_] | Literal[True]]]:
    """Pairs of a rank's dims that a spread moves, and no third one: in which columns (True: in all there are)."""
    for pair in combinations(rank, 2):
        moves = {d: spread.factors[d] > 1 for d, _ in rank}
        if isinstance(spread, Spread):
            if all(moves[d] == (d in (pair[0][0], pair[1][0])) for d in moves):
                yield pair, True
            continue
        where = np.logical_and.reduce(
            [moves[d] if d in (pair[0][0], pair[1][0]) else np.logical_not(moves[d]) for d in moves]
        )
        if where.any():
            yield pair, where


def _distinct_pair(moving: Pair, spread: AnySpread, reach: Reach) -> Values:
    (one, c1), (two, c2) = moving
    n, m = spread.factors[one], spread.factors[two]
    a = np.maximum(np.floor(reach[one] / n), 1.0).astype(np.int64) * c1
    b = np.maximum(np.floor(reach[two] / m), 1.0).astype(np.int64) * c2
    common = np.gcd(a, b)
    return n * m - np.maximum(0, n - b // common) * np.maximum(0, m - a // common).astype(np.float64)


def _least_union(terms: tuple[tuple[int, int], ...], spread: AnySpread, reach: Reach) -> Values:
    """Fewest different coordinates along a rank that one instance meets while sliding, for each shape."""
    side: Values | float = 1.0 - len(terms)
    for d, _ in terms:
        side = side + reach[d] / spread.factors[d]
    if len(terms) != 2:
        return np.asarray(side)
    (one, a), (two, b) = terms
    alone = (spread.factors[one] == 1) & (spread.factors[two] == 1)
    if not np.any(alone):
        return np.asarray(side)
    common = math.gcd(a, b)
    n, m = reach[one], reach[two]
    whole = n * m - np.maximum(0.0, n - b // common) * np.maximum(0.0, m - a // common)
    return whole if isinstance(spread, Spread) else np.where(alone, whole, side)


# -- the compute units, and first visits ----------------------------------------------------------------------------------


def serving_block(setting: Setting, t: int) -> int:
    """The block at which the tables count what the compute units get of t: its outermost fanout inside the first keeper."""
    keeper = setting.innermost[t]
    inside = [at for at in setting.fanouts if at <= keeper]
    return inside[-1] if inside else keeper


def serving_pj(setting: Setting, t: int, spreads: Mapping[int, AnySpread], inner: int) -> Number:
    """Least energy of serving the compute units with t, given the spreads of some fanouts and the trips of all inside those."""
    keeper = setting.innermost[t]
    share: Number = 1.0
    for at in setting.fanouts:
        if at > keeper:
            break
        if at in spreads:
            spread = spreads[at]
            if setting.plan.levels[at].multicast[t]:
                share = share * least_distinct(setting, t, spread) / spread.total
    known = min(spreads, default=keeper + 1)
    if any(at <= keeper and at < known for at in setting.fanouts):
        share = share / inner
    return float(setting.parent_pj[keeper, t]) * setting.macs * share


def reduction(setting: Setting, spread: AnySpread) -> Number:
    """Spatial trips of a spread that reduce the output."""
    return math.prod(spread.factors[d] for d in setting.plan.tensors[setting.output].irrelevant)


def first_visits_pj(setting: Setting, upto: int, outside: Sequence[Number]) -> Number:
    """First-visit credit (pJ, negative) inside the tile of level `upto`: reads of the levels up to it, fills of those below.

    `outside[l]` is the product of the reduction trips outside level l.
    """
    saved: Number = 0.0
    for at in range(upto + 1):
        saved = saved + setting.read_credit_pj[at] * outside[at]
        if at < upto:
            saved = saved + setting.fill_credit_pj[at] * outside[at]
    return -saved * setting.output_words
