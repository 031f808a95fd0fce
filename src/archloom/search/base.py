"""Strategies: what proposes mappings and learns from their prices, as pure functions over an explicit state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from archloom.mapspace.space import MapSpace
from archloom.model.arrays import MappingBatch

__all__ = ["Prices", "Space", "Strategy", "joined", "random_numbers", "rows_of"]

State = TypeVar("State")

Space = MapSpace
"""What a strategy searches: `sample`, `admits`, `neighbours` and `rules` are what it may want of it."""

ILLEGAL = 1e4
"""The height of the lowest illegal mapping: above the logarithm of any price."""


@dataclass(frozen=True, eq=False)
class Prices:
    """What a batch costs, arrays [B]: `value` is the objective (+inf where illegal), `tie` the other figure.

    `reason` is 0 where legal, else a code of `archloom.model.costs.Reason`; `excess` says how far from legal a mapping is: the
    sum over levels of log2(bits that its tiles take / bits there are), 0 where legal.
    """

    value: NDArray[np.float64]
    tie: NDArray[np.float64]
    reason: NDArray[np.int32]
    excess: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.value)

    @property
    def is_legal(self) -> NDArray[np.bool_]:
        return np.isfinite(self.value)

    @property
    def height(self) -> NDArray[np.float64]:
        """[B]: finite numbers to descend on: the logarithm of the price; illegal mappings stand above all legal ones, by excess."""
        price = np.log(np.maximum(np.where(self.is_legal, self.value, 1.0), 1e-300))
        return np.where(self.is_legal, price, ILLEGAL + self.excess)

    def ranking(self) -> NDArray[np.intp]:
        """[B]: the rows from best to worst: by price, then by the tie; the illegal ones last, by excess. Equal rows keep their order."""
        return np.lexsort((self.tie, self.value, self.excess))

    def rows(self, rows: NDArray[Any]) -> Prices:
        return Prices(self.value[rows], self.tie[rows], self.reason[rows], self.excess[rows])

    def and_then(self, other: Prices) -> Prices:
        """Both, one after the other."""
        pairs = zip(self._parts(), other._parts(), strict=True)
        return Prices(*(np.concatenate(pair) for pair in pairs))

    def better_than(self, other: Prices) -> NDArray[np.bool_]:
        """[B]: whether each row here comes before the same row there."""
        better = np.zeros(len(self), bool)
        open_ = np.ones(len(self), bool)
        for mine, theirs in ((self.excess, other.excess), (self.value, other.value), (self.tie, other.tie)):
            better |= open_ & (mine < theirs)
            open_ &= mine == theirs
        return better

    def _parts(self) -> tuple[NDArray[Any], ...]:
        return self.value, self.tie, self.reason, self.excess


class Strategy(ABC, Generic[State]):
    """A way to search: `init` makes a state, `ask` proposes a batch, `tell` learns from its prices.

    All three are pure: they draw random numbers from what the state holds (see `random_numbers`), change neither state nor
    batch, and give the same answer for the same arguments. A state is a frozen dataclass of any kind. `ask` proposes at least one
    mapping and only mappings that the space admits; they may be illegal for the model, which prices them as infinite.
    `tests/search/strategy_contract.py` checks all this for any strategy.
    """

    @abstractmethod
    def init(self, space: Space, seed: int) -> State:
        """The state before the first batch."""

    @abstractmethod
    def ask(self, space: Space, state: State) -> MappingBatch:
        """The mappings to price next."""

    @abstractmethod
    def tell(self, space: Space, state: State, batch: MappingBatch, prices: Prices) -> State:
        """The state after `batch`, which was asked for in `state`, turned out to cost `prices`."""


def random_numbers(seed: int, step: int, stream: int = 0) -> np.random.Generator:
    """The random numbers of one step of a search: the same for the same arguments, independent for others."""
    return np.random.default_rng([seed, step, stream])


def rows_of(batch: MappingBatch, rows: NDArray[Any] | slice) -> MappingBatch:
    """Some rows of a batch, as arrays of their own."""
    return MappingBatch(**{name: np.asarray(part)[..., rows].copy() for name, part in batch.arrays().items()})


def joined(batches: Sequence[MappingBatch]) -> MappingBatch:
    """Batches one after the other."""
    tables = [batch.arrays() for batch in batches]
    return MappingBatch(**{name: np.concatenate([t[name] for t in tables], axis=-1) for name in tables[0]})
