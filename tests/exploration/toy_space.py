"""A space of designs in plain NumPy, for strategies to be tested on without any architecture."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from archloom.exploration.base import Scores


@dataclass(frozen=True)
class ToyAxis:
    name: str
    values: tuple[int, ...]
    is_ordered: bool = True


@dataclass(frozen=True)
class ToySpace:
    """Designs over axes of these lengths; those whose indices add up to a multiple of `forbidden` are not admitted."""

    lengths: tuple[int, ...] = (7, 5, 6, 4)
    forbidden: int = 0
    unordered: tuple[int, ...] = (3,)
    optimum: tuple[int, ...] = field(default=(5, 1, 2, 3))

    @property
    def parameters(self) -> tuple[ToyAxis, ...]:
        return tuple(ToyAxis(f"p{k}", tuple(range(n)), k not in self.unordered) for k, n in enumerate(self.lengths))

    @property
    def size(self) -> int:
        return int(np.prod(self.lengths))

    def admits(self, designs: np.ndarray) -> np.ndarray:
        inside = ((designs >= 0) & (designs < np.array(self.lengths))).all(axis=1)
        return np.asarray(inside if not self.forbidden else inside & (designs.sum(axis=1) % self.forbidden != 0))

    def flat(self, designs: np.ndarray) -> np.ndarray:
        return np.asarray(np.ravel_multi_index(tuple(designs.T), self.lengths))

    def unflat(self, numbers: object) -> np.ndarray:
        return np.stack(np.unravel_index(np.asarray(numbers), self.lengths), axis=1).astype(np.int64)

    @cached_property
    def admitted(self) -> np.ndarray:
        every = self.unflat(range(self.size))
        return every[self.admits(every)]

    def sample(self, rng: np.random.Generator, many: int) -> np.ndarray:
        return self.admitted[rng.integers(0, len(self.admitted), many)]

    def scores(self, designs: np.ndarray, objectives: int = 1) -> Scores:
        """The distance from the optimum, against the distance from its mirror image; designs with a low first index are over budget."""
        far = np.abs(designs - np.array(self.optimum)).sum(axis=1).astype(float)
        mirror = np.array(self.lengths) - 1 - np.array(self.optimum)
        near = np.abs(designs - mirror).sum(axis=1).astype(float)
        values = np.stack([far, near][:objectives], axis=1)
        values[designs[:, 1] == 4] = np.inf  # designs that fail
        excess = np.where(designs[:, 0] == 0, 0.5, 0.0)
        excess[designs[:, 1] == 4] = np.inf
        return Scores(values, excess)
