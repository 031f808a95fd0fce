"""Genetic search of designs, with one objective or several (NSGA-II)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from archloom.exploration.base import Designs, DesignStrategy, Points, Proposal, Scores, random_numbers, ranking
from archloom.exploration.moves import Moves

__all__ = ["Genetic", "GeneticState"]


@dataclass(frozen=True, eq=False)
class GeneticState:
    """The living, best first (None before the first batch), and since how many generations they are the same."""

    seed: int
    step: int = 0
    living: tuple[Designs, Scores] | None = None
    stale: int = 0


@dataclass(frozen=True)
class Genetic(DesignStrategy[GeneticState]):
    """`population` designs live; each generation has `batch` children, and the best of all survive, each design once.

    Parents are drawn in tournaments of `rivals`; a share `crossover` of the children has two of them, and all children but those
    mutate, of those a share `mutation`. With several objectives the best are those of NSGA-II: by front, then by crowding distance
    (K. Deb et al., IEEE TEVC 6(2), 2002). After `patience` generations without a change, only the first front lives on, among newly
    drawn designs.
    """

    population: int = 64
    batch: int = 32
    rivals: int = 2
    crossover: float = 0.7
    mutation: float = 0.5
    patience: int = 12

    def init(self, space: Points, seed: int) -> GeneticState:  # noqa: ARG002
        return GeneticState(seed)

    def ask(self, space: Points, state: GeneticState) -> Proposal:
        rng, moves = random_numbers(state.seed, state.step), Moves(space)
        if state.living is None:
            return Proposal(_unlike(moves.fresh(self.population, rng)))
        if state.stale >= self.patience:
            return Proposal(_unlike(moves.fresh(self.batch, rng)))
        living = state.living[0]
        one, two = (living[self._parents(len(living), rng)] for _ in range(2))
        pairs = rng.random(self.batch) < self.crossover
        children = one.copy()
        children[pairs] = moves.crossed(one[pairs], two[pairs], rng)
        known = {row.tobytes() for row in living}
        same = np.array([row.tobytes() in known for row in children])
        mutates = ~pairs | same | (rng.random(self.batch) < self.mutation)
        children[mutates] = moves.mutated(children[mutates], rng)
        return Proposal(_unlike(children))

    def tell(self, space: Points, state: GeneticState, proposal: Proposal, scores: Scores) -> GeneticState:  # noqa: ARG002
        later = replace(state, step=state.step + 1)
        designs = proposal.designs
        if state.living is not None:
            old, known = state.living
            if state.stale >= self.patience:
                kept = ranking(known)[: max(1, self.population // 8)]
                old, known = old[kept], known.rows(kept)
            designs, scores = np.concatenate((old, designs)), known.and_then(scores)
        _, first = np.unique(designs, axis=0, return_index=True)
        first = np.sort(first)
        designs, scores = designs[first], scores.rows(first)
        rows = ranking(scores)[: self.population]
        living = designs[rows], scores.rows(rows)
        same = state.living is not None and np.array_equal(living[0], state.living[0])
        stale = 0 if state.stale >= self.patience or not same else state.stale + 1
        return replace(later, living=living, stale=stale)

    def _parents(self, many: int, rng: np.random.Generator) -> np.ndarray:
        """The winners of tournaments; the living stand in order, so the least number wins."""
        return rng.integers(0, many, (self.rivals, self.batch)).min(axis=0)


def _unlike(designs: Designs) -> Designs:
    """The designs without repeats, in their order."""
    _, first = np.unique(designs, axis=0, return_index=True)
    return designs[np.sort(first)]
