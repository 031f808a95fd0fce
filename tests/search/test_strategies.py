"""The strategies against their contract, and against the proven optimum: none beats it, and each reaches it on small problems."""

from __future__ import annotations

import math
import re
import sys
import types
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.search.brute_force import free_rules, random_problem
from tests.search.strategy_contract import CHECKS, contract_spaces

import archloom as al
from archloom.errors import InputError
from archloom.mapspace.space import MapSpace
from archloom.model.arrays import MappingBatch
from archloom.model.batch import evaluate_batch
from archloom.model.evaluate import evaluate
from archloom.search.annealing import Annealing
from archloom.search.base import Strategy
from archloom.search.exact.lattice import solve_lattice
from archloom.search.exact.problem import Problem, Watch
from archloom.search.fitting import excess_of, tile_words
from archloom.search.genetic import Genetic
from archloom.search.hill_climbing import HillClimbing
from archloom.search.moves import Moves
from archloom.search.objective import Objective, objective_of
from archloom.search.random_search import RandomSearch
from archloom.search.run import BY_NAME, run, strategy_of
from archloom.workload.einsum import einsum

PLAIN = {"annealing alone": Annealing(), "genetic alone": Genetic()}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", [*BY_NAME, *PLAIN])
def test_contract(name: str, check: Any) -> None:
    check({**BY_NAME, **PLAIN}[name])


@pytest.mark.parametrize("strategy", [RandomSearch(3), Annealing(1), Genetic(2, 1, 1), HillClimbing(1, 1, 1)])
def test_contract_at_the_smallest_sizes(strategy: Strategy[Any]) -> None:
    for check in CHECKS[2:5]:
        check(strategy)


@cache
def proven(seed: int) -> tuple[MapSpace, Objective, bool, float]:
    """A small problem, and its optimum by the exact mapper (inf: nothing is legal)."""
    workload, architecture, name, drain = random_problem(seed)
    objective = objective_of(name)
    problem = Problem(workload, architecture, free_rules(workload, architecture), objective, drain_reads=drain)
    best = solve_lattice(problem, Watch()).best
    value = math.inf if best is None else objective.value(best.energy_pj, best.cycles)
    return MapSpace(workload, architecture), objective, drain, value


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("block", range(5))
def test_none_beats_the_proven_optimum_and_each_reaches_it(name: str, block: int) -> None:
    for seed in range(200 + 10 * block, 210 + 10 * block):
        space, objective, drain, optimum = proven(seed)
        many = 200
        for _ in range(3):
            result = run(space, name, objective, evaluations=many, seed=seed, drain_reads=drain)
            assert result.objective >= optimum * (1 - 1e-9), f"problem {seed}: the optimum is beaten"
            if result.objective <= optimum * (1 + 1e-9):
                break
            many *= 10
        else:
            pytest.fail(f"problem {seed}: {result.objective} after {many // 10} evaluations; the optimum is {optimum}")


@pytest.mark.parametrize("name", BY_NAME)
def test_the_result_is_what_its_mapping_costs(name: str) -> None:
    for space in contract_spaces():
        result = run(space, name, "energy", evaluations=300, seed=4)
        assert result.mapping is not None
        assert space.contains(result.mapping) is None
        exact = evaluate(space.workload, space.architecture, result.mapping)
        assert (result.energy_pj, result.cycles) == (pytest.approx(exact.energy_pj, rel=1e-12), exact.cycles)
        assert result.objective == result.energy_pj
        falling = [entry.best for entry in result.history]
        assert falling == sorted(falling, reverse=True)
        assert falling[-1] == result.objective
        assert result.history[-1].evaluations == result.evaluations == 300


@pytest.mark.parametrize("name", BY_NAME)
def test_the_same_seed_gives_the_same_result(name: str) -> None:
    space = contract_spaces()[1]
    one, two = (run(space, name, evaluations=700, seed=11) for _ in range(2))
    assert one.mapping == two.mapping
    assert [(e.evaluations, e.best) for e in one.history] == [(e.evaluations, e.best) for e in two.history]


def test_of_equal_prices_the_better_other_figure_is_kept() -> None:
    for seed in (201, 204, 206):
        space, _, drain, _ = proven(seed)
        objective = objective_of("latency")
        result = run(space, "genetic", objective, evaluations=1000, drain_reads=drain)
        batch = next(iter(space.enumerate(block=1_000_000)))
        costs = evaluate_batch(space.workload, space.architecture, batch, drain_reads=drain)
        legal = np.isfinite(costs.energy_pj)
        keys = zip(costs.energy_pj[legal].tolist(), costs.cycles[legal].tolist(), strict=True)
        assert objective.key(result.energy_pj, result.cycles) == min(objective.key(*pair) for pair in keys)


def test_tile_words_are_those_of_the_model() -> None:
    for space in contract_spaces():
        batch = space.sample(300, 0)
        costs = evaluate_batch(space.workload, space.architecture, batch, padding=space.padding, counts=True)
        assert costs.counts is not None
        words = tile_words(space, batch)
        kept = np.asarray(batch.keep)
        assert (words[kept] == costs.counts["tile_words"][kept]).all()
        assert (words[~kept] == 0).all()
        assert ((excess_of(space, words) > 0).any(axis=0) == (costs.reason != 0)).all()


@pytest.mark.parametrize("layer", ["conv", "depthwise"])
def test_a_tight_machine_of_the_zoo_gets_legal_mappings_only(layer: str) -> None:
    """Eyeriss holds 12 words of inputs in an element: hardly any mapping drawn uniformly fits."""
    text = {
        "conv": "O[m,p,q] += W[m,c,r,s] * I[c,p+r,q+s]",
        "depthwise": "O[m,p,q] += W[m,r,s] * I[m,2*p+r,2*q+s]",
    }[layer]
    bounds = {"m": 64, "c": 64, "p": 56, "q": 56, "r": 3, "s": 3}
    workload = einsum(text, {dim: bound for dim, bound in bounds.items() if dim in text})
    space = MapSpace(workload, al.load_architecture("eyeriss"))
    drawn = space.sample(2000, 0)
    fitted = Moves(space).repaired(drawn, np.random.default_rng(0))
    costs = [evaluate_batch(space.workload, space.architecture, batch) for batch in (drawn, fitted)]
    assert np.isfinite(costs[0].energy_pj).mean() < 0.1
    assert np.isfinite(costs[1].energy_pj).all()
    assert space.admits(fitted).all()


@pytest.mark.parametrize("padding", [False, True])
def test_moves_lead_from_any_mapping_of_a_small_space_to_any_other(padding: bool) -> None:
    workload = einsum("O[m] += W[m,k] * I[k]", {"m": 2, "k": 3})
    levels = (al.Memory("RF", fanout=al.Fanout(2, 3), keep=frozenset("W")), al.Memory("RAM"))
    space = MapSpace(workload, al.Architecture("two", levels), cuts="free", padding=padding)
    whole = next(iter(space.enumerate()))
    moves, rng, names = Moves(space), np.random.default_rng(0), _names(whole)
    steps: dict[bytes, set[bytes]] = {name: set() for name in names}
    for _ in range(60):
        for one, other in zip(names, _names(moves.mutated(whole, rng, most=1)), strict=True):
            steps[one].add(other)
    for start in (names[0], names[-1]):
        reached, border = {start}, [start]
        while border:
            border = [other for one in border for other in steps[one] - reached]
            reached.update(border)
        assert reached == set(names)


def _names(batch: MappingBatch) -> list[bytes]:
    tables = [np.asarray(part, np.int8).reshape(-1, len(batch)) for part in batch.arrays().values()]
    return [column.tobytes() for column in np.concatenate(tables).T]


def test_a_minimum_use_of_a_memory_is_kept() -> None:
    from archloom.mapspace.constraints import Constraints, LevelConstraints

    workload = einsum("O[m,n] += W[m,k] * I[k,n]", {"m": 8, "n": 8, "k": 8})
    levels = (al.Memory("RF", 16 * 64, keep=frozenset({"all"}), read_pj=1), al.Memory("RAM", read_pj=100))
    space = MapSpace(
        workload, al.Architecture("two", levels), Constraints((LevelConstraints("RF", min_utilization=0.75),))
    )
    for name in BY_NAME:
        result = run(space, name, evaluations=1000)
        assert result.mapping is not None
        exact = evaluate(workload, space.architecture, result.mapping)
        assert exact.levels[0].used_bits >= 0.75 * 16 * 64


def test_bad_input_is_named() -> None:
    space = contract_spaces()[0]
    with pytest.raises(InputError, match="unknown strategy 'genetics'"):
        strategy_of("genetics")
    with pytest.raises(InputError, match="the search has no end"):
        run(space, "random", evaluations=None)


def test_the_limits_of_time_and_stop_end_a_search() -> None:
    space = contract_spaces()[0]
    told: list[int] = []
    result = run(space, "annealing", evaluations=None, time_limit_s=0.05, tell=lambda p: told.append(p.evaluations))
    assert told[-1] == result.evaluations
    stopped = run(space, "annealing", evaluations=None, stop=lambda: True)
    assert stopped.evaluations == 32


def test_the_strategy_of_the_docs_keeps_the_contract() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "strategies.md"
    code = next(
        block
        for block in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
        if "class Elite" in block
    )
    module = types.ModuleType("strategy_of_the_docs")
    sys.modules[module.__name__] = module  # states are pickled by name
    try:
        exec(code[: code.index("print(")], module.__dict__)
        strategy = module.Elite()
        for check in CHECKS:
            check(strategy)
    finally:
        del sys.modules[module.__name__]
