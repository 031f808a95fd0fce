"""The iteration states of directives (first, steady, last) and the cases that their combinations make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from math import prod

from archloom.errors import Fault, InputError
from archloom.interop.maestro.levels import Level
from archloom.interop.maestro.mends import Mend
from archloom.interop.maestro.network import Directive
from archloom.interop.maestro.whole import divided, wrapped

__all__ = ["Position", "State", "cases_of"]


MOST_CASES = 1_000_000
"""Three states for each of seven dimensions are 2,187; only dimensions mapped again and again make more."""


class Position(Enum):
    """Where a directive's loop stands."""

    INIT = auto()
    STEADY = auto()
    EDGE = auto()


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Some iterations of a directive that move the same data.

    `edge`: the tile, or for a SpatialMap the row of tiles, reaches beyond the dimension; `short`: the last of the
    tiles laid out in space is itself cut off.
    """

    position: Position
    occurrences: int
    edge: bool = False
    unrolled: bool = False
    short: bool = False


def temporal_states(directive: Directive, total: int) -> list[State]:
    size, offset = directive.size, directive.offset
    steps = divided(total - size, offset)
    found = [State(Position.INIT, 1, edge=total < size, unrolled=total <= size)]
    if size < total and steps > 0:
        found.append(State(Position.STEADY, steps))
    if total >= size and steps * offset + size < total:
        found.append(State(Position.EDGE, 1, edge=True))
    return found


def spatial_states(directive: Directive, total: int, count: int, mends: frozenset[Mend]) -> list[State]:
    size, offset = directive.size, directive.offset
    covered = size + offset * (count - 1)
    stride = offset * count
    steps = divided(divided(total - size, offset) + 1, count) - 1
    found = [State(Position.INIT, 1, edge=total < covered, unrolled=total <= covered, short=total < covered)]
    if covered < total and steps > 0:
        found.append(State(Position.STEADY, steps))
    if total > covered and (steps + 1) * stride + covered > total and steps * stride + covered != total:
        rest = total - (steps + 1) * stride
        active = 1 if rest < size else divided(rest - size, offset) + 1
        short = (active - 1) * offset + size < rest or (rest < size and Mend.B7 in mends)
        found.append(State(Position.EDGE, 1, edge=True, short=short))
    return found


def cases_of(level: Level, dimensions: Mapping[str, int]) -> Iterator[tuple[int, tuple[State, ...]]]:
    """Yield the cases of a level of these actual dimensions, each with how often it occurs, in MAESTRO's order."""
    lists = [
        spatial_states(directive, dimensions[directive.variable], level.sub_clusters, level.mends)
        if directive.spatial
        else temporal_states(directive, dimensions[directive.variable])
        for directive in level.directives
    ]
    if prod(len(states) for states in lists) > MOST_CASES:
        place = next((directive.place for directive in level.directives if directive.place), None)
        hint = "map each dimension once per level; MAESTRO would list them all"
        raise InputError(Fault(f"a level of clusters has more than {MOST_CASES:,} cases", place, hint))
    endless = Mend.B29 in level.mends
    below = [prod(len(states) for states in lists[place + 1 :]) for place in range(len(lists))]
    for case in range(prod(len(states) for states in lists)):
        chosen = tuple(states[-(-case // inner) % len(states)] for states, inner in zip(lists, below, strict=True))
        occurrences = prod(state.occurrences for state in chosen)
        yield occurrences if endless else wrapped(occurrences), chosen
