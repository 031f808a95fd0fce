"""The exhaustive search: every admitted design, in the order of the grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from archloom.exploration.base import DesignStrategy, Points, Proposal, Scores

__all__ = ["Grid", "GridState"]

LOOK = 65_536
"""Positions of the grid that are looked at in one go."""


@dataclass(frozen=True)
class GridState:
    """The position of the grid from which to go on."""

    at: int = 0


@dataclass(frozen=True)
class Grid(DesignStrategy[GridState]):
    """`batch` designs at a time, until the space is exhausted."""

    batch: int = 256

    def init(self, space: Points, seed: int) -> GridState:  # noqa: ARG002
        return GridState()

    def ask(self, space: Points, state: GridState) -> Proposal:
        found: list[np.ndarray] = []
        missing, at = self.batch, state.at
        while missing and at < space.size:
            step = min(LOOK, space.size - at)
            designs = space.unflat(range(at, at + step))
            designs = designs[space.admits(designs)][:missing]
            found.append(designs)
            missing, at = missing - len(designs), at + step
        none = np.empty((0, len(space.parameters)), np.int64)
        return Proposal(np.concatenate(found) if found else none)

    def tell(self, space: Points, state: GridState, proposal: Proposal, scores: Scores) -> GridState:  # noqa: ARG002
        last = int(space.flat(proposal.designs[-1:])[0]) if len(proposal) else state.at
        return replace(state, at=last + 1)
