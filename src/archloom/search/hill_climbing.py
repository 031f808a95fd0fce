"""Hill climbing: go to a better neighbour while there is one, then jump a little and climb again; and as the polish of others.

Jumping from the best local optimum so far is iterated local search (H. R. Lourenço, O. C. Martin, T. Stützle, 2003).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from archloom.model.arrays import MappingBatch
from archloom.search.base import Prices, Space, Strategy, random_numbers, rows_of
from archloom.search.moves import Moves

__all__ = ["ClimbState", "HillClimbing", "Polished", "PolishedState"]

Point = tuple[MappingBatch, Prices]
"""One mapping and its price, each with one row."""


@dataclass(frozen=True, eq=False)
class ClimbState:
    """Where the climber stands, its best local optimum, and the neighbours that it has not looked at yet.

    `here` is None when the next batch is made of starting points.
    """

    seed: int
    step: int = 0
    here: Point | None = None
    best: Point | None = None
    open: MappingBatch | None = None
    jumps: int = 0


@dataclass(frozen=True)
class HillClimbing(Strategy[ClimbState]):
    """Looks at neighbours, `batch` at a time in random order, and takes the best of the first batch that has a better one.

    Neighbours that do not fit are made smaller. On a hilltop it jumps: `batch` variations, `jump` moves away from the best hilltop, of which it
    takes the best; every `restart`-th time it starts from newly drawn mappings.
    """

    batch: int = 64
    jump: int = 6
    restart: int = 8

    def init(self, space: Space, seed: int) -> ClimbState:  # noqa: ARG002
        return ClimbState(seed)

    def ask(self, space: Space, state: ClimbState) -> MappingBatch:
        rng, moves = random_numbers(state.seed, state.step), Moves(space)
        if state.here is not None and state.open is not None:
            return moves.repaired(rows_of(state.open, slice(0, self.batch)), rng)
        if state.best is None or state.jumps % self.restart == self.restart - 1:
            return moves.fresh(self.batch, rng)
        origin = rows_of(state.best[0], np.zeros(max(1, self.batch // 16), np.intp))
        for _ in range(self.jump):
            origin = moves.mutated(origin, rng, most=1)
        return origin

    def tell(self, space: Space, state: ClimbState, batch: MappingBatch, prices: Prices) -> ClimbState:
        later = replace(state, step=state.step + 1)
        first = prices.ranking()[:1]
        found = rows_of(batch, first), prices.rows(first)
        if state.here is None or _is_better(found, state.here):
            return self.started(space, later, found)
        assert state.open is not None
        rest = rows_of(state.open, slice(self.batch, None))
        if len(rest):
            return replace(later, open=rest)
        best = state.here if state.best is None or _is_better(state.here, state.best) else state.best
        return replace(later, here=None, open=None, best=best, jumps=state.jumps + 1)

    def started(self, space: Space, state: ClimbState, point: Point) -> ClimbState:
        """The state of a climber that stands at a point."""
        near = space.neighbours(point[0])
        best = point if state.best is None or _is_better(point, state.best) else state.best
        if not len(near):
            return replace(state, here=None, open=None, best=best, jumps=state.jumps + 1)
        shuffled = random_numbers(state.seed, state.step, 1).permutation(len(near))
        return replace(state, here=point, best=best, open=rows_of(near, shuffled))


def _is_better(one: Point, two: Point) -> bool:
    return bool(one[1].better_than(two[1])[0])


@dataclass(frozen=True, eq=False)
class PolishedState:
    """The states of both, the best mapping so far, and whose turn it is."""

    inner: Any
    climb: ClimbState
    best: Point | None = None
    step: int = 0


@dataclass(frozen=True)
class Polished(Strategy[PolishedState]):
    """A strategy that shares its batches with a hill climber: every `every`-th batch climbs from the best mapping found so far."""

    inner: Strategy[Any]
    climber: HillClimbing = HillClimbing()
    every: int = 3

    def init(self, space: Space, seed: int) -> PolishedState:
        return PolishedState(self.inner.init(space, seed), self.climber.init(space, seed))

    def ask(self, space: Space, state: PolishedState) -> MappingBatch:
        if self._climbs(state):
            return self.climber.ask(space, state.climb)
        return self.inner.ask(space, state.inner)

    def tell(self, space: Space, state: PolishedState, batch: MappingBatch, prices: Prices) -> PolishedState:
        first = prices.ranking()[:1]
        found = rows_of(batch, first), prices.rows(first)
        is_better = state.best is None or _is_better(found, state.best)
        later = replace(state, step=state.step + 1, best=found if is_better else state.best)
        if self._climbs(state):
            return replace(later, climb=self.climber.tell(space, state.climb, batch, prices))
        climb = self.climber.started(space, state.climb, found) if is_better else state.climb
        return replace(later, climb=climb, inner=self.inner.tell(space, state.inner, batch, prices))

    def _climbs(self, state: PolishedState) -> bool:
        return state.step % self.every == self.every - 1
