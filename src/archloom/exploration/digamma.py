"""Co-optimisation of hardware and mapping: both are genes of one individual, and memories are just as large as the mapping needs.

After S.-C. Kao, M. Pellauer, A. Parashar, T. Krishna, "DiGamma: Domain-aware Genetic Algorithm for HW-Mapping Co-optimization for DNN
Accelerators", DATE 2022: operators of their own for the hardware and for each axis of a mapping, and buffers allocated to exactly
what the tiles take.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from archloom.errors import InfeasibleError
from archloom.exploration.base import Designs, DesignStrategy, Proposal, Scores, random_numbers, ranking
from archloom.exploration.joint import JointSpace, MappingRows
from archloom.exploration.moves import Moves
from archloom.search.base import joined, rows_of
from archloom.search.moves import KINDS

__all__ = ["DiGamma", "DiGammaState"]

TRIES = 8


@dataclass(frozen=True, eq=False)
class DiGammaState:
    """The living, best first: designs, their mappings, their scores (None before the first batch)."""

    seed: int
    step: int = 0
    living: tuple[Designs, MappingRows, Scores] | None = None
    stale: int = 0


@dataclass(frozen=True)
class DiGamma(DesignStrategy[DiGammaState]):
    """`population` individuals live; each generation has `batch` children, and the best of all survive.

    A share `even` of the parents is drawn evenly, the others in tournaments of `rivals`. A share `crossover` of the children takes its
    hardware from either parent, parameter by parameter, and its mappings from both where they are of one template; a share `hardware`
    then has a parameter of its hardware changed (not the size of a memory). Where that changed the mesh, the mappings fill it anew, in
    the best of `draws` ways. Each axis of a mapping is changed in a share of the layers of its own: `tiling`, `parallelism`, `order`,
    `residency`, `cut`; and a share `filling` is emptied of what lies across some axes of the meshes, and filled anew.

    While there are others, designs of one template (one mesh) take at most a share `niche` of the population. After `patience`
    generations without a change of the best, all but the best eighth give way to new ones. Judged at just its mappings, an individual
    costs no mapping search.
    """

    population: int = 64
    batch: int = 64
    rivals: int = 3
    even: float = 0.4
    crossover: float = 0.5
    hardware: float = 0.4
    tiling: float = 0.35
    parallelism: float = 0.2
    order: float = 0.2
    residency: float = 0.1
    cut: float = 0.2
    filling: float = 0.15
    draws: int = 8
    niche: float = 0.125
    patience: int = 25

    def init(self, space: JointSpace, seed: int) -> DiGammaState:  # noqa: ARG002
        return DiGammaState(seed)

    def ask(self, space: JointSpace, state: DiGammaState) -> Proposal:
        rng = random_numbers(state.seed, state.step)
        if state.living is None or state.stale >= self.patience:
            return self._fresh(space, rng)
        designs, mappings, _ = state.living
        one, two = (self._parents(len(designs), rng) for _ in range(2))
        children, made = designs[one], tuple(rows_of(batch, one) for batch in mappings)
        children, made = self._crossed(space, state, children, made, two, rng)
        children, made = self._rebuilt(space, children, made, rng, designs[one])
        made = space.mutated(children, made, rng, self._rates, self.draws)
        return Proposal(space.fitted(children, made), made)

    def tell(self, space: JointSpace, state: DiGammaState, proposal: Proposal, scores: Scores) -> DiGammaState:
        assert proposal.mappings is not None
        designs, mappings = proposal.designs, proposal.mappings
        reborn = state.stale >= self.patience
        if state.living is not None:
            kept = np.arange(max(1, self.population // 8) if reborn else len(state.living[0]))
            kept = kept[kept < len(state.living[0])]
            old = state.living[0][kept], tuple(rows_of(batch, kept) for batch in state.living[1])
            designs = np.concatenate((old[0], designs))
            mappings = tuple(joined(pair) for pair in zip(old[1], mappings, strict=True))
            scores = state.living[2].rows(kept).and_then(scores)
        rows = ranking(scores)
        rows = rows[_first_of_each(designs[rows], scores.rows(rows))]
        rows = rows[self._survivors(space.templates(designs[rows]))]
        living = designs[rows], tuple(rows_of(batch, rows) for batch in mappings), scores.rows(rows)
        same = state.living is not None and np.array_equal(living[2].values[0], state.living[2].values[0])
        stale = 0 if reborn or not same else state.stale + 1
        return replace(state, step=state.step + 1, living=living, stale=stale)

    def _fresh(self, space: JointSpace, rng: np.random.Generator) -> Proposal:
        for _ in range(TRIES):
            try:
                designs, mappings = space.fresh(Moves(space.points).fresh(self.population, rng), rng, self.draws)
            except InfeasibleError:
                continue
            return Proposal(space.fitted(designs, mappings), mappings)
        return Proposal(np.empty((0, len(space.parameters)), np.int64), ())

    def _crossed(
        self,
        space: JointSpace,
        state: DiGammaState,
        designs: Designs,
        mappings: MappingRows,
        two: np.ndarray,
        rng: np.random.Generator,
    ) -> tuple[Designs, MappingRows]:
        """A share of the children with a second parent."""
        assert state.living is not None
        pairs = np.flatnonzero(rng.random(len(designs)) < self.crossover)
        if not len(pairs):
            return designs, mappings
        others = state.living[0][two[pairs]]
        result = designs.copy()
        result[pairs] = Moves(space.points).crossed(designs[pairs], others, rng)
        result = _possible(space, result, designs)
        own = space.templates(designs[pairs])
        alike = (space.templates(result[pairs]) == own) & (space.templates(others) == own)
        rows = pairs[alike]
        if not len(rows):
            return result, mappings
        ones = tuple(rows_of(batch, rows) for batch in mappings)
        twos = tuple(rows_of(batch, two[rows]) for batch in state.living[1])
        made = space.crossed(result[rows], ones, twos, rng)
        where = np.arange(len(designs))
        where[rows] = len(designs) + np.arange(len(rows))
        return result, tuple(rows_of(joined(pair), where) for pair in zip(mappings, made, strict=True))

    def _rebuilt(
        self, space: JointSpace, designs: Designs, mappings: MappingRows, rng: np.random.Generator, parents: Designs
    ) -> tuple[Designs, MappingRows]:
        """A share of the children with other hardware, and all mappings on the meshes that they now have."""
        result, sizes = designs.copy(), list(space.sized)
        rows = np.flatnonzero(rng.random(len(designs)) < self.hardware)
        mutated = Moves(space.points).mutated(designs[rows], rng)
        mutated[:, sizes] = designs[rows][:, sizes]
        fine = space.points.admits(mutated)
        result[rows[fine]] = mutated[fine]
        result = _possible(space, result, designs)
        others = space.templates(result) != space.templates(parents)
        return result, space.moved(result, mappings, rng, self.draws, others)

    @property
    def _rates(self) -> dict[str, float]:
        """How often each axis of a mapping is changed."""
        return {name: getattr(self, name) for name in (*KINDS, "filling")}

    def _survivors(self, kinds: NDArray[np.int64]) -> NDArray[np.intp]:
        """Who lives on of individuals that stand in order: at most a share `niche` of one kind while there are others."""
        quota = max(1, round(self.niche * self.population))
        order = np.argsort(kinds, kind="stable")
        starts = np.searchsorted(kinds[order], kinds[order])
        place = np.empty(len(kinds), np.int64)
        place[order] = np.arange(len(kinds)) - starts
        within = np.flatnonzero(place < quota)[: self.population]
        beyond = np.flatnonzero(place >= quota)[: self.population - len(within)]
        return np.sort(np.concatenate((within, beyond)))

    def _parents(self, many: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """The winners of tournaments, and a share drawn evenly; the living stand in order, so the least number wins."""
        drawn = rng.integers(0, many, (self.rivals, self.batch))
        return np.where(rng.random(self.batch) < self.even, drawn[0], drawn.min(axis=0))


def _possible(space: JointSpace, designs: Designs, otherwise: Designs) -> Designs:
    """The designs whose template has mappings for every layer, and the others' parents."""
    return np.where(space.templates(designs)[:, None] >= 0, designs, otherwise)


def _first_of_each(designs: Designs, scores: Scores) -> np.ndarray:
    """Rows that are not the same design with the same scores as an earlier one."""
    keys = np.concatenate((designs.astype(np.float64), scores.values, scores.excess[:, None]), axis=1)
    _, first = np.unique(keys, axis=0, return_index=True)
    return np.sort(first)
