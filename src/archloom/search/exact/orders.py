"""Loop orders that can differ in cost: permutations of a block's loops, one of each kind."""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations

from archloom.model.plan import PlannedTensor

__all__ = ["different_orders"]


def different_orders(
    present: tuple[int, ...],
    tensors: tuple[PlannedTensor, ...],
    inner: tuple[int, ...] = (),
    outer: tuple[int, ...] = (),
) -> tuple[tuple[int, ...], ...]:
    """Orders (innermost first) of the loops over `present` dims such that every other order costs the same as one of them.

    Of a block's order only two things count: which loops lie in each tensor's free run, and, for a tensor that slides, the loops
    over the shared rank that come before any other relevant one, with what lies outside each. `inner` / `outer` are dims
    that constraints fix innermost first / outermost (the last of `outer` outermost).
    """
    return _different_orders(present, tuple((t.relevant, t.ranks, t.sliding) for t in tensors), inner, outer)


@lru_cache(maxsize=8192)
def _different_orders(
    present: tuple[int, ...],
    tensors: tuple[tuple[tuple[int, ...], tuple[tuple[tuple[int, int], ...], ...], tuple[int, ...]], ...],
    inner: tuple[int, ...],
    outer: tuple[int, ...],
) -> tuple[tuple[int, ...], ...]:
    first = tuple(d for d in inner if d in present)
    last = tuple(d for d in outer if d in present)
    free = tuple(d for d in present if d not in first and d not in last)
    found: dict[tuple[object, ...], tuple[int, ...]] = {}
    for middle in permutations(free):
        order = (*first, *middle, *last)
        found.setdefault(tuple(_view(order, *tensor) for tensor in tensors), order)
    return tuple(found.values())


def _view(
    order: tuple[int, ...],
    relevant: tuple[int, ...],
    ranks: tuple[tuple[tuple[int, int], ...], ...],
    sliding: tuple[int, ...],
) -> object:
    """What a tensor sees of an order: its free run, then the loops that slide it, each with what lies outside."""
    run: list[int] = []
    for d in order:
        if d in relevant:
            break
        run.append(d)
    rest = order[len(run) :]
    shared = next((dims for k in sliding if (dims := {d for d, _ in ranks[k]}) and rest and rest[0] in dims), None)
    if shared is None:
        return frozenset(run)
    chain: list[tuple[int, frozenset[int]]] = []
    for at, d in enumerate(rest):
        if d in relevant and d not in shared:
            break
        if d in shared:
            chain.append((d, frozenset(rest[at + 1 :])))
    return frozenset(run), tuple(chain)
