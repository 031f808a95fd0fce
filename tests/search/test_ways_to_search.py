"""What tells strategies apart, and what a search without a proof still does for its answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.search.mapping_cases import MACHINE, conv

from archloom.mapspace.space import MapSpace
from archloom.model.arrays import MappingBatch
from archloom.search.annealing import Annealing
from archloom.search.base import Prices, Space, Strategy
from archloom.search.exact.problem import Answer, Found
from archloom.search.hill_climbing import Polished
from archloom.search.network_mapping import Options
from archloom.search.objective import objective_of
from archloom.search.random_search import RandomSearch
from archloom.search.spaces import problems_of
from archloom.search.strategies import identity_of, polished, polishing_s
from archloom.search.task import Task

OPTIONS = Options(objective_of("edp"))
SPACE = MapSpace(conv(), MACHINE)


class Drawing(Strategy[Any]):
    """Draws at random."""

    def init(self, space: Space, seed: int) -> Any:
        return RandomSearch().init(space, seed)

    def ask(self, space: Space, state: Any) -> MappingBatch:
        return RandomSearch().ask(space, state)

    def tell(self, space: Space, state: Any, batch: MappingBatch, prices: Prices) -> Any:
        return RandomSearch().tell(space, state, batch, prices)


class Own(Drawing):
    """A user's strategy whose parameters are plain attributes."""

    def __init__(self, size: int) -> None:
        self.size = size


class Grown(RandomSearch):
    """A dataclass with a parameter that is no field of it."""

    def __init__(self, size: int) -> None:
        super().__init__()
        object.__setattr__(self, "size", size)


@dataclass(frozen=True)
class Frozen(Drawing):
    """Another one, as a dataclass."""

    size: int


def key(strategy: Any, evaluations: int | None = None, seed: int = 0) -> str:
    return Task("layer", SPACE, replace(OPTIONS, seed=seed), strategy, None, evaluations).key


def test_other_parameters_make_another_problem() -> None:
    different = [
        "exact",
        "genetic",
        "random",
        Own(1),
        Own(2),
        Frozen(1),
        Frozen(2),
        Grown(1),
        Grown(2),
        RandomSearch(3),
        RandomSearch(4),
    ]
    different += [Annealing(1), Polished(Annealing(1)), Polished(Annealing(2))]
    assert len({key(strategy) for strategy in different}) == len(different)
    for one, same in ((Own(1), Own(1)), (Frozen(1), Frozen(1)), (Polished(Annealing(1)), Polished(Annealing(1)))):
        assert key(one) == key(same)
    assert len({key(Own(1)), key(Own(1), evaluations=5), key(Own(1), seed=5)}) == 3
    assert key("exact") == key("exact", evaluations=5, seed=5), "nothing is drawn at random"


def test_two_classes_of_one_name_are_two_strategies() -> None:
    other: Any = type("Own", (Own,), {"__module__": "elsewhere"})
    assert identity_of(other(1)) != identity_of(Own(1))


@pytest.mark.parametrize("objective", ["edp", "energy", "latency"])
def test_an_answer_without_a_proof_is_polished(objective: str) -> None:
    (problem, *_) = problems_of(SPACE, replace(OPTIONS, objective=objective_of(objective)))
    (start,) = (polished(Answer(None, 1.0, False, 7), SPACE, problem, 0.01).best,)
    assert start is not None
    poor = Answer(Found(start.mapping, 1e15, 10**9), 1.0, False, 7, {"bound": 2})
    better = polished(poor, SPACE, problem, 0.2)
    assert better.best is not None
    assert problem.objective.value(better.best.energy_pj, better.best.cycles) < 1e15
    assert (better.bound, better.finished, better.excluded) == (1.0, False, {"bound": 2})
    assert better.priced > 7
    best = Answer(Found(start.mapping, 0.5, 1), 0.25, False, 7)
    assert polished(best, SPACE, problem, 0.01).best == best.best


def test_polishing_takes_its_share_of_the_time() -> None:
    assert [polishing_s(limit) for limit in (None, 100.0, 2.0, 0.0)] == [1.0, 1.0, 0.2, 0.0]
