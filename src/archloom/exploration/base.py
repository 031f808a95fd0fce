"""Strategies over designs: what proposes designs and learns from their scores, as pure functions over an explicit state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from archloom.model.arrays import MappingBatch

__all__ = ["DesignStrategy", "Designs", "Points", "Proposal", "Scores", "random_numbers", "ranking"]

State = TypeVar("State")

Designs = NDArray[np.int64]
"""A batch of designs [B, P]: per free parameter, which of its values."""


Points = Any
"""A space of designs (`exploration.design_space.DesignSpace`): of it a strategy may use `parameters` (`name`, `values`, `is_ordered`), `size`,
`admits`, `sample`, `neighbours`, `flat` and `unflat`."""


@dataclass(frozen=True, eq=False)
class Proposal:
    """Designs to judge: each at its best mappings or, with `mappings`, at just these: a batch per distinct layer, a row per design."""

    designs: Designs
    mappings: tuple[MappingBatch, ...] | None = None

    def __len__(self) -> int:
        return len(self.designs)


@dataclass(frozen=True, eq=False)
class Scores:
    """What designs are worth: `values` [B, objectives], all minimised (+inf where a design failed), and `excess` [B].

    `excess` says how far a design is over its budgets: 0 within all of them, the sum of the relative overshoots outside, +inf where
    the design failed.
    """

    values: NDArray[np.float64]
    excess: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.excess)

    def rows(self, rows: NDArray[Any] | slice) -> Scores:
        return Scores(self.values[rows], self.excess[rows])

    def and_then(self, other: Scores) -> Scores:
        """Both, one after the other."""
        return Scores(np.concatenate((self.values, other.values)), np.concatenate((self.excess, other.excess)))

    @property
    def is_feasible(self) -> NDArray[np.bool_]:
        return (self.excess <= 0) & np.isfinite(self.values).all(axis=1)


class DesignStrategy(ABC, Generic[State]):
    """A way to search a space of designs: `init` makes a state, `ask` proposes a batch, `tell` learns from its scores.

    All three are pure: they draw random numbers from what the state holds (see `random_numbers`), change neither state nor batch,
    and give the same answer for the same arguments; a study that is resumed relies on it. Proposed designs are admitted by the
    space. An empty proposal ends the search. `tests/exploration/strategy_contract.py` checks this for any strategy.
    """

    @abstractmethod
    def init(self, space: Any, seed: int) -> State:
        """The state before the first batch."""

    @abstractmethod
    def ask(self, space: Any, state: State) -> Proposal:
        """The designs to judge next; none if the search is over."""

    @abstractmethod
    def tell(self, space: Any, state: State, proposal: Proposal, scores: Scores) -> State:
        """The state after `proposal`, which was asked for in `state`, turned out to be worth `scores`."""


def random_numbers(seed: int, step: int, stream: int = 0) -> np.random.Generator:
    """The random numbers of one step of a search: the same for the same arguments, independent for others."""
    return np.random.default_rng([seed, step, stream])


def ranking(scores: Scores) -> NDArray[np.intp]:
    """[B]: the rows from best to worst: within budget first, by front and then by how alone they stand in it; then by excess.

    With one objective that is its order. After K. Deb et al., "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", IEEE
    TEVC 6(2), 2002, with its rule for constraints. Equal rows keep their order.
    """
    feasible = scores.is_feasible
    first, second = np.zeros(len(scores)), np.zeros(len(scores))
    if feasible.any():
        values = scores.values[feasible]
        if values.shape[1] == 1:
            first[feasible] = values[:, 0]
        else:
            front = _fronts(values)
            first[feasible], second[feasible] = front, -_crowding(values, front)
    over = ~feasible
    first[over] = np.where(np.isnan(scores.excess[over]), np.inf, scores.excess[over])
    second[over] = np.nan_to_num(scores.values[over, 0], nan=np.inf)
    return np.lexsort((second, first, over))


def _fronts(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The number of the front that each row is in, 0 for the rows that no other dominates."""
    import moocore

    return np.asarray(moocore.pareto_rank(values), dtype=np.float64)


def _crowding(values: NDArray[np.float64], fronts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The crowding distance of each row in its front, +inf at the ends."""
    distance = np.zeros(len(values))
    for front in np.unique(fronts):
        rows = np.flatnonzero(fronts == front)
        for column in values[rows].T:
            order = np.argsort(column, kind="stable")
            span = column[order[-1]] - column[order[0]]
            distance[rows[order[[0, -1]]]] = np.inf
            if span > 0 and len(rows) > 2:
                distance[rows[order[1:-1]]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance
