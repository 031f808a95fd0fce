"""Simulated annealing: chains side by side that also accept worse mappings, ever fewer as they cool, and are heated up again.

After S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, "Optimization by Simulated Annealing", Science 220, 1983. Differences are taken between
logarithms of prices, so that temperatures mean the same for every layer and objective.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from archloom.model.arrays import MappingBatch
from archloom.search.base import Prices, Space, Strategy, joined, random_numbers, rows_of
from archloom.search.moves import Moves

__all__ = ["Annealing", "AnnealingState"]


@dataclass(frozen=True, eq=False)
class AnnealingState:
    """Where each chain is, the best that each has seen, and how far the cooling is.

    `current` and `best` have a row per chain and are None before the first batch. `since` counts the steps since the last heating,
    `length` those of the whole cooling.
    """

    seed: int
    length: int
    step: int = 0
    since: int = 0
    current: tuple[MappingBatch, Prices] | None = None
    best: tuple[MappingBatch, Prices] | None = None


@dataclass(frozen=True)
class Annealing(Strategy[AnnealingState]):
    """`chains` chains cool from `hot` to `cold` (in units of ln price) over `length` steps, then over twice as many, and so on.

    At each heating the worse half of the chains goes on from the best mappings of the better half.
    """

    chains: int = 32
    length: int = 32
    hot: float = 0.5
    cold: float = 0.003
    most_moves: int = 3

    def init(self, space: Space, seed: int) -> AnnealingState:  # noqa: ARG002
        return AnnealingState(seed, self.length)

    def ask(self, space: Space, state: AnnealingState) -> MappingBatch:
        rng = random_numbers(state.seed, state.step)
        if state.current is None:
            return Moves(space).fresh(self.chains, rng)
        return Moves(space).mutated(state.current[0], rng, most=self.most_moves)

    def tell(self, space: Space, state: AnnealingState, batch: MappingBatch, prices: Prices) -> AnnealingState:  # noqa: ARG002
        later = replace(state, step=state.step + 1)
        if state.current is None or state.best is None:
            return replace(later, current=(batch, prices), best=(batch, prices))
        chance = random_numbers(state.seed, state.step, 1).random(len(batch))
        climb = prices.height - state.current[1].height
        taken = climb <= -self._temperature(state) * np.log(np.maximum(chance, 1e-300))
        later = replace(
            later,
            since=state.since + 1,
            current=_merged(state.current, (batch, prices), taken),
            best=_merged(state.best, (batch, prices), prices.better_than(state.best[1])),
        )
        return self._heated(later) if later.since >= later.length else later

    def _temperature(self, state: AnnealingState) -> float:
        return self.hot * (self.cold / self.hot) ** (state.since / max(1, state.length - 1))

    def _heated(self, state: AnnealingState) -> AnnealingState:
        assert state.best is not None
        batch, prices = state.best
        ranked = prices.ranking()
        rows = np.concatenate((ranked[: len(ranked) - len(ranked) // 2], ranked[: len(ranked) // 2]))
        start = rows_of(batch, rows), prices.rows(rows)
        return replace(state, since=0, length=2 * state.length, current=start, best=start)


def _merged(
    old: tuple[MappingBatch, Prices], new: tuple[MappingBatch, Prices], taken: np.ndarray
) -> tuple[MappingBatch, Prices]:
    """The new rows where taken, the old ones elsewhere."""
    rows = np.where(taken, np.arange(len(taken)) + len(taken), np.arange(len(taken)))
    return rows_of(joined((old[0], new[0])), rows), old[1].and_then(new[1]).rows(rows)
