"""Ways through a block of temporal loops that differ in cost: whose tile turns when, and whose fill stays open."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from archloom.search.exact.setting import Setting

__all__ = [
    "SETTLED",
    "UNSERVED",
    "State",
    "Step",
    "Turn",
    "open_states",
    "opening",
    "rank_of",
    "sequences",
    "start_of",
]

SETTLED, UNSERVED = -1, -2
STRIDE = 64
"""Levels are below this; an open fill is encoded as its level plus STRIDE times (rank + 1) of the rank it slides along."""

State = tuple[int, int]
"""(tensor, rank that it slides along so far, or -1: no relevant loop has moved it yet)."""


def opening(start: int, rank: int) -> int:
    """An open fill from level `start` up, sliding along `rank` (-1: not moved yet)."""
    return start + STRIDE * (rank + 1)


def start_of(state: int) -> int:
    """The innermost level of an open fill."""
    return state % STRIDE


def rank_of(state: int) -> int:
    """The rank along which an open fill slides, -1 if nothing relevant has moved it yet."""
    return state // STRIDE - 1


def open_states(pending: tuple[int, ...]) -> frozenset[State]:
    """The tensors with an open fill, and how it stands."""
    return frozenset((t, rank_of(h)) for t, h in enumerate(pending) if h >= 0)


class Turn(NamedTuple):
    """A tensor whose fill ends: at once (rank -1), or after sliding along a rank, by loops over `along`."""

    tensor: int
    rank: int
    along: tuple[int, ...] = ()


class Step(NamedTuple):
    """One step through a block, innermost first: tensors whose tile turns here, then dims whose loops follow."""

    turns: tuple[Turn, ...]
    dims: tuple[int, ...]


Way = tuple[tuple[Step, ...], frozenset[State]]
Slides = tuple[tuple[tuple[int, frozenset[int]], ...], ...]


def sequences(setting: Setting, states: frozenset[State]) -> tuple[Way, ...]:
    """Ways through a block for these open fills: (steps, fills still open after it)."""
    tensors = setting.plan.tensors
    slides = tuple(tuple((k, frozenset(d for d, _ in tensor.ranks[k])) for k in tensor.sliding) for tensor in tensors)
    return _ways(setting.classes, tuple(frozenset(tensor.relevant) for tensor in tensors), slides, states)


@lru_cache(maxsize=4096)
def _ways(
    classes: tuple[tuple[int, ...], ...], relevant: tuple[frozenset[int], ...], slides: Slides, states: frozenset[State]
) -> tuple[Way, ...]:
    found: dict[Way, None] = {}

    def moves(state: State, dims: frozenset[int]) -> bool:
        """Whether loops over `dims` end the fill: a relevant one, or for a fill that slides, any but its rank's."""
        t, rank = state
        return bool(relevant[t] & dims) if rank < 0 else not dims <= dict(slides[t])[rank]

    def extend(steps: tuple[Step, ...], left: frozenset[State], used: frozenset[int], opened: frozenset[int]) -> None:
        if not any(moves(state, opened) for state in left):
            found[steps, left] = None
            for way in stays(steps, left):
                found[way] = None
        if not left:
            return
        for number, dims in enumerate(classes):
            if number in used:
                continue
            turning = sorted(state for state in left if moves(state, frozenset(dims)))
            if not turning:
                extend((*steps, Step((), dims)), left, used | {number}, opened | set(dims))
                continue
            remaining = left - set(turning)
            for choice in _choices(turning, frozenset(dims), slides, in_part=bool(remaining)):
                along = frozenset(d for turn in choice for d in turn.along)
                shown = dims if remaining else ()
                extend((*steps, Step(choice, shown)), remaining, used | {number}, opened | set(dims) | along)

    def stays(steps: tuple[Step, ...], left: frozenset[State]) -> Iterator[Way]:
        """Ways that end the block with loops over one shared rank only, so that a tensor may go on sliding outside."""
        for t, at in left:
            for rank, shared in slides[t]:
                if at not in (-1, rank):
                    continue
                parts = {shared} | {shared & frozenset(dims) for dims in classes}
                for part in sorted(parts - {frozenset[int]()}, key=sorted):
                    others = sorted(state for state in left if state[0] != t and moves(state, part))
                    for choice in _choices(others, part, slides, in_part=False):
                        rest = frozenset(state for state in left if state[0] != t and state not in others)
                        going = {
                            turn for turn in choice if turn.rank >= 0 and part <= dict(slides[turn.tensor])[turn.rank]
                        }
                        yield (*steps, Step(choice, tuple(sorted(part)))), rest | {(t, rank)}
                        if going:
                            turns = tuple(turn for turn in choice if turn not in going)
                            still = {(turn.tensor, turn.rank) for turn in going}
                            yield (*steps, Step(turns, tuple(sorted(part)))), rest | still | {(t, rank)}

    extend((), states, frozenset(), frozenset())
    return tuple(found)


def _choices(
    turning: list[State], dims: frozenset[int], slides: Slides, *, in_part: bool
) -> Iterator[tuple[Turn, ...]]:
    """Every way for the fills that end to do so: at once, or after sliding along a rank that the loops move.

    A slide takes all loops of its rank along, which costs least; with `in_part` also those over `dims` alone, because the others
    would end a fill that stays open.
    """
    if not turning:
        yield ()
        return
    (t, at), *others = turning
    options = [] if at >= 0 else [Turn(t, -1)]
    for rank, shared in slides[t]:
        if at == rank or (at < 0 and shared & dims):
            parts = {shared, shared & dims} if in_part else {shared}
            options += [Turn(t, rank, tuple(sorted(part))) for part in sorted(parts, key=sorted)]
            if at >= 0 and in_part:
                options.append(Turn(t, rank))
    for option in options:
        for rest in _choices(others, dims, slides, in_part=in_part):
            yield (option, *rest)
