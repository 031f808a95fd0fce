"""Strategies over designs: the contract, the optimum of small spaces, fronts, budgets, and options."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.exploration import small_study
from tests.exploration.strategy_contract import check, proposals, searched
from tests.exploration.toy_space import ToySpace

from archloom.errors import InputError
from archloom.exploration.base import DesignStrategy, Scores, ranking
from archloom.exploration.moves import Moves
from archloom.exploration.strategies import NAMES, strategy_of

GENERAL = [name for name in NAMES if name != "digamma"]


def made(name: str, **options: object) -> DesignStrategy[Any]:
    if name in ("bayesian", "pymoo"):
        pytest.importorskip({"bayesian": "optuna"}.get(name, name))
    return strategy_of(name, options)


@pytest.mark.parametrize("forbidden", [0, 3])
@pytest.mark.parametrize("objectives", [1, 2])
@pytest.mark.parametrize("name", GENERAL)
def test_contract(name: str, objectives: int, forbidden: int) -> None:
    steps = 5 if name == "bayesian" else 12  # it is slow
    check(made(name), ToySpace(forbidden=forbidden), objectives=objectives, steps=steps)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", GENERAL)
def test_finds_the_optimum_of_a_small_space(name: str, seed: int) -> None:
    space = ToySpace()
    options = {"algorithm": "ga"} if name == "pymoo" else {}
    designs = searched(made(name, **options), space, seed, 40)
    best = space.scores(space.admitted).values.min()
    assert space.scores(designs).values.min() == best


@pytest.mark.parametrize("name", GENERAL)
def test_finds_the_optimum_of_real_machines(name: str) -> None:
    """Every design of a real space at its proven best mapping: what the grid finds, the others find."""
    _, scores = small_study.truth()
    options = {"algorithm": "ga"} if name == "pymoo" else {}
    found = proposals(made(name, **options), small_study.request().space, 0, 25, small_study.looked_up)
    best = min(float(small_study.looked_up(proposal).values.min()) for proposal in found)
    assert best == float(scores.values[scores.is_feasible].min())


@pytest.mark.parametrize("name", ["annealing", "genetic", "nsga2", "bayesian", "pymoo"])
def test_learns(name: str) -> None:
    """On a space of a million designs, far better than as many random ones."""
    space = ToySpace(lengths=(32, 32, 32, 32), unordered=(), optimum=(20, 3, 11, 30))
    options = {"algorithm": "ga"} if name == "pymoo" else {}
    steps = 80 if name == "annealing" else 20  # batches of 8 designs, of some 32 otherwise
    found, drawn = [], []
    for seed in range(3):
        designs = searched(made(name, **options), space, seed, steps)
        found.append(space.scores(designs).values.min())
        drawn.append(space.scores(space.sample(np.random.default_rng(seed), len(designs))).values.min())
    assert np.median(found) < 0.6 * np.median(drawn)


def test_grid_lists_every_admitted_design_once() -> None:
    space = ToySpace(forbidden=3)
    assert np.array_equal(searched(strategy_of("grid", {"batch": 17}), space, 0, 10_000), space.admitted)


def test_random_lists_every_admitted_design_once() -> None:
    space = ToySpace(forbidden=3)
    designs = searched(strategy_of("random", {"batch": 17}), space, 0, 10_000)
    assert np.array_equal(designs[np.lexsort(designs.T[::-1])], space.admitted)
    assert not np.array_equal(designs, space.admitted)


def test_several_objectives_find_the_front() -> None:
    space = ToySpace()
    values = space.scores(space.admitted, 2).values[space.scores(space.admitted).is_feasible]
    front = {tuple(row) for row in values if not ((values <= row).all(axis=1) & (values < row).any(axis=1)).any()}
    designs = searched(strategy_of("nsga2"), space, 1, 25, 2)
    scores = space.scores(designs, 2)
    found = {tuple(row) for row in scores.values[scores.is_feasible]}
    assert front <= found


def test_ranking_puts_budgets_before_values_and_fronts_before_crowds() -> None:
    values = np.array([[1.0, 9.0], [0.0, 0.0], [5.0, 5.0], [9.0, 1.0], [6.0, 6.0], [np.inf, np.inf]])
    scores = Scores(values, np.array([0, 0.1, 0, 0, 0, np.inf]))
    assert ranking(scores).tolist() == [0, 3, 2, 4, 1, 5]
    single = Scores(np.array([[3.0], [-2.0], [1.0]]), np.zeros(3))
    assert ranking(single).tolist() == [1, 2, 0]


def test_moves_stay_admitted_and_move() -> None:
    space, rng = ToySpace(forbidden=2), np.random.default_rng(0)
    designs = space.sample(rng, 300)
    moved = Moves(space).mutated(designs, rng)
    assert space.admits(moved).all()
    assert (moved != designs).any(axis=1).mean() > 0.95
    crossed = Moves(space).crossed(designs, space.sample(rng, 300), rng)
    assert space.admits(crossed).all()


def test_unknown_names_and_options_name_the_nearest() -> None:
    with pytest.raises(InputError, match=r"there is no strategy 'genetik'.*genetic"):
        strategy_of("genetik")
    with pytest.raises(InputError, match=r"no option 'populaton'.*population"):
        strategy_of("genetic", {"populaton": 3})
    with pytest.raises(InputError, match="expected a whole number, at least 1"):
        strategy_of("genetic", {"population": 0})
    with pytest.raises(InputError, match=r"no algorithm 'nsga22'.*nsga2"):
        strategy_of("pymoo", {"algorithm": "nsga22"})


@pytest.mark.parametrize("name", NAMES)
def test_every_strategy_and_option_is_in_the_docs(name: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "exploration-strategies.md").read_text("utf-8")
    strategy: Any = strategy_of(name)
    options = {field.name for field in fields(strategy)} - {"make"}
    assert [word for word in sorted({name, *options}) if f"`{word}`" not in page] == []
