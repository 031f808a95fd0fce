"""A genetic mapper with operators on the axes of a mapping.

The operators are those of GAMMA (S.-C. Kao, T. Krishna, "GAMMA: Automating the HW Mapping of DNN Models on Accelerators via Genetic Algorithm",
ICCAD 2020): crossover of tiles by dim, reordering, mutation of tiles and of parallelism; its growth and ageing of levels are the flips
of residency here: a tensor that bypasses a level makes that level vanish for it. What they make always is in the mapspace.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from archloom.model.arrays import MappingBatch
from archloom.search.base import Prices, Space, Strategy, joined, random_numbers, rows_of
from archloom.search.moves import Moves, distinct

__all__ = ["Genetic", "GeneticState"]


@dataclass(frozen=True, eq=False)
class GeneticState:
    """The living, best first (None before the first batch), and how many generations ago the best of them was born."""

    seed: int
    step: int = 0
    living: tuple[MappingBatch, Prices] | None = None
    stale: int = 0


@dataclass(frozen=True)
class Genetic(Strategy[GeneticState]):
    """`population` mappings live; each generation has `children`, and the best of all survive, each mapping once.

    Parents are drawn in tournaments of `rivals`; a share `crossover` of the children has two of them, and all children but those mutate.
    After `patience` generations without a better mapping, only the best one lives on, among newly drawn ones.
    """

    population: int = 128
    children: int = 64
    rivals: int = 3
    crossover: float = 0.5
    mutation: float = 0.5
    patience: int = 60

    def init(self, space: Space, seed: int) -> GeneticState:  # noqa: ARG002
        return GeneticState(seed)

    def ask(self, space: Space, state: GeneticState) -> MappingBatch:
        rng, moves = random_numbers(state.seed, state.step), Moves(space)
        if state.living is None or state.stale >= self.patience:
            return moves.fresh(self.population, rng)
        batch, _ = state.living
        one, two = (self._parents(len(batch), rng) for _ in range(2))
        pairs = rng.random(self.children) < self.crossover
        mutates = ~pairs | (rng.random(self.children) < self.mutation)
        children = rows_of(batch, one)
        crossed = moves.crossed(rows_of(batch, one[pairs]), rows_of(batch, two[pairs]), rng) if pairs.any() else None
        children = children if crossed is None else _replaced(children, np.flatnonzero(pairs), crossed)
        if not mutates.any():
            return children
        mutated = moves.mutated(rows_of(children, mutates), rng)
        return _replaced(children, np.flatnonzero(mutates), mutated)

    def tell(self, space: Space, state: GeneticState, batch: MappingBatch, prices: Prices) -> GeneticState:  # noqa: ARG002
        later = replace(state, step=state.step + 1)
        if state.living is None:
            return replace(later, living=self._survivors([(batch, prices)]))
        living = state.living
        if state.stale >= self.patience:
            first = np.arange(1)
            living = rows_of(living[0], first), living[1].rows(first)
        survivors = self._survivors([living, (batch, prices)])
        is_better = survivors[1].rows(np.arange(1)).better_than(living[1].rows(np.arange(1)))[0]
        fresh = is_better or state.stale >= self.patience
        return replace(later, living=survivors, stale=0 if fresh else state.stale + 1)

    def _parents(self, many: int, rng: np.random.Generator) -> np.ndarray:
        """The winners of tournaments; the living stand in order, so the least number wins."""
        return rng.integers(0, many, (self.rivals, self.children)).min(axis=0)

    def _survivors(self, groups: list[tuple[MappingBatch, Prices]]) -> tuple[MappingBatch, Prices]:
        batch, kept = distinct([group for group, _ in groups])
        prices = groups[0][1]
        for _, more in groups[1:]:
            prices = prices.and_then(more)
        prices = prices.rows(kept)
        ranked = prices.ranking()[: self.population]
        return rows_of(batch, ranked), prices.rows(ranked)


def _replaced(batch: MappingBatch, rows: np.ndarray, by: MappingBatch) -> MappingBatch:
    """A batch with some rows replaced."""
    wanted = np.arange(len(batch))
    wanted[rows] = len(batch) + np.arange(len(rows))
    return rows_of(joined((batch, by)), wanted)
