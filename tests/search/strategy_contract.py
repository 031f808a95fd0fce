"""What any strategy has to hold to; use it on your own: `for check in CHECKS: check(MyStrategy())`."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.mapspace.constraints import Constraints, FactorRule, LevelConstraints
from archloom.mapspace.space import MapSpace
from archloom.model.arrays import MappingBatch
from archloom.model.costs import Reason
from archloom.search.base import Prices, Strategy
from archloom.search.objective import objective_of
from archloom.search.run import price, run
from archloom.workload.einsum import Workload, einsum

__all__ = ["CHECKS", "contract_spaces"]

STEPS = 7
EDP = objective_of("edp")


def contract_spaces() -> list[MapSpace]:
    """Spaces of many kinds: tiny memories, two fanouts, bypass, free cuts, padding, constraints, one mapping only."""
    conv = einsum(
        "O[m,p,q] += W[m,c,r,s] * I[c,2*p+r,q+s]", {"m": 8, "c": 4, "p": 6, "q": 6, "r": 3, "s": 3}, name="conv"
    )
    gemm = einsum("O[m,n] += W[m,k] * I[k,n]", {"m": 12, "n": 7, "k": 10}, name="gemm")
    dot = einsum("O[m] += W[m,k] * I[k]", {"m": 1, "k": 1}, name="dot")
    machine = _machine(8)
    ties = Constraints(
        (
            LevelConstraints("RF", temporal_dims=frozenset({"c", "r", "s"}), order_inner=("s", "r")),
            LevelConstraints("GLB", spatial_order=("m",), x=(FactorRule("r", "=", 3),), max_parallelism=12),
        )
    )
    return [
        MapSpace(conv, machine),
        MapSpace(conv, machine, cuts="free"),
        MapSpace(conv, machine, ties),
        MapSpace(gemm, _machine(3), padding=True),
        MapSpace(gemm, _machine(3), cuts="free", padding=True),
        MapSpace(dot, Architecture("one", (Memory("RAM"),))),
    ]


def _machine(words: int) -> Architecture:
    levels = (
        Memory("RF", 16 * words, read_pj=1, write_pj=1, update_pj=1, fanout=Fanout(2)),
        Memory("GLB", 16 * 60, read_pj=6, write_pj=6, update_pj=6, fanout=Fanout(4, 3)),
        Memory("DRAM", read_pj=200, write_pj=200, update_pj=200, read_bandwidth=2),
    )
    return Architecture("small", levels, Compute("MAC", 1.0))


def _walk(
    strategy: Strategy[Any], space: MapSpace, seed: int, steps: int = STEPS
) -> list[tuple[Any, MappingBatch, Prices]]:
    """The states, and what was asked for in each and priced."""
    state, found = strategy.init(space, seed), []
    for _ in range(steps):
        batch = strategy.ask(space, state)
        prices, _, _ = price(space, batch, EDP)
        found.append((state, batch, prices))
        state = strategy.tell(space, state, batch, prices)
    return found


def _bytes(batch: MappingBatch) -> bytes:
    return b"".join(np.ascontiguousarray(part).tobytes() for part in batch.arrays().values())


def same_seed_same_batches(strategy: Strategy[Any]) -> None:
    for space in contract_spaces():
        one, two = (_walk(strategy, space, 7, 5) for _ in range(2))
        assert [_bytes(batch) for _, batch, _ in one] == [_bytes(batch) for _, batch, _ in two]


def other_seed_other_batches(strategy: Strategy[Any]) -> None:
    space = contract_spaces()[0]
    one, two = (_walk(strategy, space, seed, 3) for seed in (0, 1))
    assert [_bytes(batch) for _, batch, _ in one] != [_bytes(batch) for _, batch, _ in two]


def asks_only_for_mappings_of_the_space(strategy: Strategy[Any]) -> None:
    for space in contract_spaces():
        for _, batch, prices in _walk(strategy, space, 3):
            assert len(batch) >= 1
            assert space.admits(batch).all()
            kinds = prices.reason[prices.reason != 0] % 8
            assert (kinds == Reason.CAPACITY).all(), "only capacity is the model's to refuse"
            row = len(batch) - 1
            assert space.contains(space.mapping(batch, row)) is None


def changes_neither_state_nor_batch(strategy: Strategy[Any]) -> None:
    for space in contract_spaces():
        state = strategy.init(space, 5)
        for _ in range(STEPS):
            before = pickle.dumps(state)
            batch = strategy.ask(space, state)
            assert pickle.dumps(state) == before, "ask changed the state"
            assert _bytes(strategy.ask(space, state)) == _bytes(batch), "ask is not a function of the state"
            asked = _bytes(batch)
            prices, _, _ = price(space, batch, EDP)
            told = pickle.dumps(prices)
            later = strategy.tell(space, state, batch, prices)
            assert pickle.dumps(state) == before, "tell changed the state"
            assert _bytes(batch) == asked, "tell changed the batch"
            assert pickle.dumps(prices) == told, "tell changed the prices"
            assert pickle.dumps(strategy.tell(space, state, batch, prices)) == pickle.dumps(later)
            state = later


def goes_on_when_all_is_illegal(strategy: Strategy[Any]) -> None:
    for space in contract_spaces():
        state = strategy.init(space, 1)
        for _ in range(STEPS):
            batch = strategy.ask(space, state)
            many = len(batch)
            nothing = np.full(many, np.inf)
            reason = np.full(many, Reason.CAPACITY, np.int32)
            state = strategy.tell(space, state, batch, Prices(nothing, nothing, reason, np.full(many, 3.0)))
            assert space.admits(batch).all()


def keeps_the_budget(strategy: Strategy[Any]) -> None:
    space = contract_spaces()[0]
    for many in (1, 77, 500):
        assert run(space, strategy, evaluations=many, seed=2).evaluations == many


def finds_a_legal_mapping_where_few_are(strategy: Strategy[Any]) -> None:
    workload: Workload = einsum("O[m,p] += W[m,c,r] * I[c,p+r]", {"m": 32, "c": 16, "p": 28, "r": 3}, name="tight")
    everything = frozenset({"all"})
    levels = (
        Memory("RF", 16 * 3, keep=everything, read_pj=1, write_pj=1, update_pj=1, fanout=Fanout(2)),
        Memory("GLB", 16 * 24, keep=everything, read_pj=6, write_pj=6, update_pj=6, fanout=Fanout(4, 3)),
        Memory("DRAM", read_pj=200, write_pj=200, update_pj=200),
    )
    space = MapSpace(workload, Architecture("tight", levels, Compute("MAC", 1.0)))
    assert run(space, strategy, evaluations=1000, seed=0).mapping is not None


CHECKS: tuple[Callable[[Strategy[Any]], None], ...] = (
    same_seed_same_batches,
    other_seed_other_batches,
    asks_only_for_mappings_of_the_space,
    changes_neither_state_nor_batch,
    goes_on_when_all_is_illegal,
    keeps_the_budget,
    finds_a_legal_mapping_where_few_are,
)
