"""Random search: mappings drawn from the whole space, and nothing learned."""

from __future__ import annotations

from dataclasses import dataclass, replace

from archloom.model.arrays import MappingBatch
from archloom.search.base import Prices, Space, Strategy, random_numbers
from archloom.search.moves import Moves

__all__ = ["RandomSearch", "RandomState"]


@dataclass(frozen=True, slots=True)
class RandomState:
    """The seed, and how many batches there were."""

    seed: int
    step: int = 0


@dataclass(frozen=True)
class RandomSearch(Strategy[RandomState]):
    """Draws `batch` mappings at a time, uniformly; with `repair` those that do not fit are made smaller until they do."""

    batch: int = 256
    repair: bool = True

    def init(self, space: Space, seed: int) -> RandomState:  # noqa: ARG002
        return RandomState(seed)

    def ask(self, space: Space, state: RandomState) -> MappingBatch:
        rng = random_numbers(state.seed, state.step)
        drawn = space.sample(self.batch, rng)
        return Moves(space).repaired(drawn, rng) if self.repair else drawn

    def tell(self, space: Space, state: RandomState, batch: MappingBatch, prices: Prices) -> RandomState:  # noqa: ARG002
        return replace(state, step=state.step + 1)
