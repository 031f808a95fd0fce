"""Random search: designs drawn evenly from the admitted ones, none of them twice where the space is small enough to shuffle."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from archloom.exploration.base import Designs, DesignStrategy, Points, Proposal, Scores, random_numbers

__all__ = ["Random", "RandomState"]

SHUFFLED = 1 << 20
"""A space of at most so many designs is gone through in a random order, so that a long search is an exhaustive one."""


@dataclass(frozen=True)
class RandomState:
    """`at`: the place in the shuffled space."""

    seed: int
    step: int = 0
    at: int = 0


@dataclass(frozen=True)
class Random(DesignStrategy[RandomState]):
    """`batch` designs at a time."""

    batch: int = 64

    def init(self, space: Points, seed: int) -> RandomState:  # noqa: ARG002
        return RandomState(seed)

    def ask(self, space: Points, state: RandomState) -> Proposal:
        if space.size > SHUFFLED:
            return Proposal(space.sample(random_numbers(state.seed, state.step), self.batch))
        return Proposal(self._next(space, state)[0])

    def tell(self, space: Points, state: RandomState, proposal: Proposal, scores: Scores) -> RandomState:  # noqa: ARG002
        at = self._next(space, state)[1] if space.size <= SHUFFLED else 0
        return replace(state, step=state.step + 1, at=at)

    def _next(self, space: Points, state: RandomState) -> tuple[Designs, int]:
        """The next admitted designs of the shuffled space, and where they end."""
        order = random_numbers(state.seed, 0, 1).permutation(space.size)
        at, found, missing = state.at, list[Designs](), self.batch
        while missing and at < len(order):
            look = order[at : at + max(4 * missing, 256)]
            designs = space.unflat(look)
            rows = np.flatnonzero(space.admits(designs))[:missing]
            found.append(designs[rows])
            missing -= len(rows)
            at += len(look) if missing else int(rows[-1]) + 1
        none = np.empty((0, len(space.parameters)), np.int64)
        return (np.concatenate(found) if found else none), at
