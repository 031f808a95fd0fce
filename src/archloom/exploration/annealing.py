"""Simulated annealing of designs: chains side by side, each with its own balance of the objectives.

After S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, "Optimization by Simulated Annealing", Science 220, 1983; with several objectives each
chain minimises another weighted sum of them, so that the chains end along the Pareto front.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from archloom.exploration.base import Designs, DesignStrategy, Points, Proposal, Scores, random_numbers
from archloom.exploration.moves import Moves

__all__ = ["Annealing", "AnnealingState"]

OVER = 1e3
"""The height of a design just over its budget, in units of the spread of the first designs."""


@dataclass(frozen=True, eq=False)
class AnnealingState:
    """Where each chain is (None before the first batch), the best that each has seen, and the scale of the objectives.

    `low` and `spread` [objectives]: the least value and the spread of the first designs within their budgets.
    """

    seed: int
    length: int
    step: int = 0
    since: int = 0
    current: tuple[Designs, Scores] | None = None
    best: tuple[Designs, Scores] | None = None
    low: NDArray[np.float64] | None = None
    spread: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Annealing(DesignStrategy[AnnealingState]):
    """`batch` chains cool from `hot` to `cold` (in units of the spread of the first designs) over `length` steps, then over twice as many.

    At each heating the chains go on from the best designs that they have seen.
    """

    batch: int = 8
    length: int = 16
    hot: float = 0.1
    cold: float = 0.003

    def init(self, space: Points, seed: int) -> AnnealingState:  # noqa: ARG002
        return AnnealingState(seed, self.length)

    def ask(self, space: Points, state: AnnealingState) -> Proposal:
        rng, moves = random_numbers(state.seed, state.step), Moves(space)
        if state.current is None:
            return Proposal(moves.fresh(self.batch, rng))
        return Proposal(moves.mutated(state.current[0], rng))

    def tell(self, space: Points, state: AnnealingState, proposal: Proposal, scores: Scores) -> AnnealingState:  # noqa: ARG002
        later = replace(state, step=state.step + 1)
        if state.current is None or state.best is None:
            low, spread = _scale(scores)
            here = proposal.designs, scores
            return replace(later, current=here, best=here, low=low, spread=spread)
        assert state.low is not None
        assert state.spread is not None
        weights = self._weights(state, scores.values.shape[1])
        new, old, best = (
            _height(some, weights, state.low, state.spread) for some in (scores, state.current[1], state.best[1])
        )
        temperature = self.hot * (self.cold / self.hot) ** (state.since / max(1, state.length - 1))
        chance = random_numbers(state.seed, state.step, 1).random(len(scores))
        with np.errstate(invalid="ignore"):  # two failed designs are infinitely high
            taken = ~(new - old > -temperature * np.log(np.maximum(chance, 1e-300)))
        here = proposal.designs, scores
        later = replace(
            later,
            since=state.since + 1,
            current=_merged(state.current, here, taken),
            best=_merged(state.best, here, new < best),
        )
        if later.since < later.length:
            return later
        return replace(later, since=0, length=2 * later.length, current=later.best)

    def _weights(self, state: AnnealingState, objectives: int) -> NDArray[np.float64]:
        """[chains, objectives]: what each chain minimises; the first one weighs all alike."""
        weights = random_numbers(state.seed, 0, 2).dirichlet(np.ones(objectives), self.batch)
        weights[0] = 1 / objectives
        return weights


def _scale(scores: Scores) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least value of each objective, and how far its values lie apart."""
    good = scores.values[scores.is_feasible] if scores.is_feasible.any() else scores.values
    good = good[np.isfinite(good).all(axis=1)]
    if not len(good):
        return np.zeros(scores.values.shape[1]), np.ones(scores.values.shape[1])
    low = good.min(axis=0)
    spread = np.median(good, axis=0) - low
    return low, np.where(spread > 0, spread, np.maximum(np.abs(low), 1e-12))


def _height(
    scores: Scores, weights: NDArray[np.float64], low: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What each chain descends on; designs over their budget stand above all others, by how much they are over it."""
    inside = scores.is_feasible
    heights = OVER * (1 + np.where(np.isnan(scores.excess), np.inf, scores.excess))
    heights[inside] = (weights * (scores.values - low) / spread)[inside].sum(axis=1)
    return heights


def _merged(
    old: tuple[Designs, Scores], new: tuple[Designs, Scores], taken: NDArray[np.bool_]
) -> tuple[Designs, Scores]:
    """The new rows where taken, the old ones elsewhere."""
    designs = np.where(taken[:, None], new[0], old[0])
    values = np.where(taken[:, None], new[1].values, old[1].values)
    return designs, Scores(values, np.where(taken, new[1].excess, old[1].excess))
