"""Moves in a space of designs: a parameter a step or a jump further, and crossovers; what they make is always admitted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archloom.exploration.base import Designs, Points

__all__ = ["Moves"]

TRIES = 16
"""So often a move that leaves the admitted designs is tried anew before it is given up."""


class Moves:
    """The moves of one space, drawn from the generator that is given."""

    def __init__(self, space: Points) -> None:
        self.space = space
        self.sizes = np.array([len(axis.values) for axis in space.parameters], dtype=np.int64)
        self.ordered = np.array([axis.is_ordered for axis in space.parameters], dtype=bool)
        self.movable = np.flatnonzero(self.sizes > 1)

    def fresh(self, many: int, rng: np.random.Generator) -> Designs:
        """Designs drawn evenly from the admitted ones."""
        return self.space.sample(rng, many)

    def mutated(self, designs: Designs, rng: np.random.Generator, *, jump: float = 0.25, more: float = 0.3) -> Designs:
        """Each design with one parameter changed, and each further one with probability `more`, and so on.

        An ordered parameter goes a step up or down or, with probability `jump`, anywhere, as any other does. A design all of whose
        moves leave the admitted ones stays where it is.
        """
        if not len(self.movable):
            return designs.copy()
        result = designs.copy()
        waiting = np.arange(len(designs))
        for _ in range(TRIES):
            drafts = self._draft(designs[waiting], rng, jump, more)
            fine = self.space.admits(drafts) & (drafts != designs[waiting]).any(axis=1)
            result[waiting[fine]] = drafts[fine]
            waiting = waiting[~fine]
            if not len(waiting):
                break
        return result

    def crossed(self, one: Designs, two: Designs, rng: np.random.Generator) -> Designs:
        """Each parameter from either parent; the first parent itself where no mixture is admitted."""
        result = one.copy()
        waiting = np.arange(len(one))
        for _ in range(TRIES):
            drafts = np.where(rng.random((len(waiting), one.shape[1])) < 0.5, one[waiting], two[waiting])
            fine = self.space.admits(drafts)
            result[waiting[fine]] = drafts[fine]
            waiting = waiting[~fine]
            if not len(waiting):
                break
        return result

    def _draft(self, designs: Designs, rng: np.random.Generator, jump: float, more: float) -> Designs:
        drafts = designs.copy()
        rows: NDArray[np.intp] = np.arange(len(designs))
        while len(rows):
            which = rng.choice(self.movable, len(rows))
            here, size = drafts[rows, which], self.sizes[which]
            step = here + rng.choice((-1, 1), len(rows))
            step = np.where((step < 0) | (step >= size), 2 * here - step, step)  # reflected at the ends
            other = (here + 1 + rng.integers(0, np.maximum(size - 1, 1))) % size
            anywhere = ~self.ordered[which] | (rng.random(len(rows)) < jump)
            drafts[rows, which] = np.where(anywhere, other, step)
            rows = rows[rng.random(len(rows)) < more]
        return drafts
