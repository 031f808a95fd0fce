"""Families of designs: those on which a mapping has the same counts, so that one search serves them all."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from archloom.exploration.base import Designs
from archloom.exploration.design_space import DesignSpace
from archloom.exploration.machines import Machines

__all__ = ["Families", "Family"]

Family = tuple[int, ...]
"""What tells a family from others, in this process."""

MOST = 2048
"""So many designs a family has at most."""
SAMPLES = 8
"""So many random designs are looked at to see which parameters can change a template."""


class Families:
    """Splits a space into families: a design's family is the same whichever of its designs asks for it, and in whatever order.

    Designs of a family are alike in all parameters but those that leave the template of a machine as it is (`loose`), have one
    template (`Machines.structure`), and where that would be more than MOST designs, lie in one stretch of the grid of the loose ones.
    """

    def __init__(self, space: DesignSpace, machines: Machines) -> None:
        self.space = space
        self.machines = machines

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Values of each parameter."""
        return tuple(len(parameter.values) for parameter in self.space.parameters)

    @cached_property
    def loose(self) -> tuple[int, ...]:
        """The parameters that change no template, as far as a few random designs show; another choice costs time, and is not wrong."""
        designs = self.space.sample(np.random.default_rng(0), SAMPLES)
        return tuple(at for at in range(len(self.sizes)) if self._is_loose(at, designs))

    def _is_loose(self, at: int, designs: Designs) -> bool:
        varied = np.repeat(designs, self.sizes[at], axis=0)
        varied[:, at] = np.tile(np.arange(self.sizes[at]), len(designs))
        codes = self.machines.structure(varied).reshape(len(designs), -1)
        return all(len({code for code in row if code >= 0}) <= 1 for row in codes.tolist())

    def families(self, designs: Designs) -> list[Family]:
        """[B]: the family of each design."""
        fixed = [at for at in range(len(self.sizes)) if at not in self.loose]
        codes, stretches = self.machines.structure(designs), self._places(designs) // MOST
        return [
            (int(code), int(stretch), *(int(value) for value in design[fixed]))
            for design, code, stretch in zip(designs, codes, stretches, strict=True)
        ]

    def members(self, design: np.ndarray, family: Family) -> Designs:
        """All designs of a family of which one is known, in the order of the grid: those that the space admits and that can be built."""
        code, stretch = family[:2]
        sizes = [self.sizes[at] for at in self.loose]
        places = range(stretch * MOST, min((stretch + 1) * MOST, math.prod(sizes)))
        members = np.repeat(design[None, :], len(places), axis=0)
        for k, place in enumerate(places):
            for at, size in zip(reversed(self.loose), reversed(sizes), strict=True):
                place, members[k, at] = divmod(place, size)
        members = members[self.space.admits(members)]
        return members[self.machines.structure(members) == code]

    def _places(self, designs: Designs) -> np.ndarray:
        """[B]: places in the grid of the loose parameters."""
        places = np.zeros(len(designs), dtype=object)
        for at in self.loose:
            places = places * self.sizes[at] + designs[:, at].astype(object)
        return places
