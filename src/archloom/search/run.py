"""Running a strategy: ask, price, tell, and keep the best."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from archloom.errors import InputError, did_you_mean
from archloom.mapping.nest import Mapping
from archloom.model.arrays import MappingBatch
from archloom.model.batch import evaluate_batch
from archloom.search.annealing import Annealing
from archloom.search.base import Prices, Space, Strategy
from archloom.search.fitting import excess_of, tile_words
from archloom.search.genetic import Genetic
from archloom.search.hill_climbing import HillClimbing, Polished
from archloom.search.objective import Objective, objective_of
from archloom.search.random_search import RandomSearch

__all__ = ["BY_NAME", "Progress", "SearchResult", "price", "run", "strategy_of"]

BY_NAME: dict[str, Strategy[Any]] = {
    "random": RandomSearch(),
    "annealing": Polished(Annealing()),
    "genetic": Polished(Genetic()),
    "hill-climbing": HillClimbing(),
}
"""The strategies by the names that a user gives them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """After `evaluations` mappings and `cpu_s` seconds of CPU time, the least objective was `best` (inf: none was legal)."""

    evaluations: int
    cpu_s: float
    best: float


@dataclass(frozen=True)
class SearchResult:
    """The best mapping that a search met (None: it met no legal one), with energy (pJ), latency (cycles) and objective.

    `history` has an entry after the first batch, after each batch that found a better mapping, and after the last batch.
    """

    mapping: Mapping | None
    energy_pj: float
    cycles: float
    objective: float
    evaluations: int
    legal: int
    cpu_s: float
    history: tuple[Progress, ...]


def strategy_of(what: str | Strategy[Any]) -> Strategy[Any]:
    """A strategy by name; a strategy is itself. Raises InputError with the nearest name."""
    if isinstance(what, Strategy):
        return what
    if what not in BY_NAME:
        raise InputError(f"unknown strategy {what!r}", hint=did_you_mean(str(what), BY_NAME))
    return BY_NAME[what]


def price(
    space: Space, batch: MappingBatch, objective: Objective, *, drain_reads: bool = False
) -> tuple[Prices, np.ndarray, np.ndarray]:
    """What a batch costs: its prices, energies (pJ) and latencies (cycles), arrays [B]."""
    padding = space.rules.padding
    costs = evaluate_batch(space.workload, space.architecture, batch, padding=padding, drain_reads=drain_reads)
    energy, cycles = np.array(costs.energy_pj, float), np.array(costs.cycles, float)
    reason, excess = np.array(costs.reason, np.int32), np.zeros(len(batch))
    if (reason != 0).any() or max(space.rules.min_fill) > 0:
        words = tile_words(space, batch)
        excess = np.where(reason != 0, np.maximum(excess_of(space, words).sum(axis=0), 1e-9), 0.0)
        unfilled = (reason == 0) & ~space.fills_enough(words)
        energy[unfilled] = cycles[unfilled] = math.inf
        excess[unfilled] = 1.0
    keys = np.array([objective.key(e, c) for e, c in zip(energy.tolist(), cycles.tolist(), strict=True)]).reshape(-1, 2)
    return Prices(keys[:, 0], keys[:, 1], reason, excess), energy, cycles


def run(
    space: Space,
    strategy: str | Strategy[Any],
    objective: str | Objective | dict[str, float] = "edp",
    *,
    evaluations: int | None = 10_000,
    time_limit_s: float | None = None,
    seed: int = 0,
    drain_reads: bool = False,
    tell: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> SearchResult:
    """Search a space for the mapping with the least objective, until so many mappings are priced or so much time (s) has passed.

    Of mappings that are equal in the objective, the one that is better in the other figure (`Objective.key`). The same seed,
    strategy and number of evaluations give the same result; a time limit does not. `tell` hears every batch, `stop` is asked
    after each. The last batch is cut short where fewer evaluations are left. Raises InputError for an unknown name or no limit.
    """
    if evaluations is None and time_limit_s is None and stop is None:
        raise InputError("the search has no end; expected evaluations or time_limit_s")
    chosen, aim, book = strategy_of(strategy), objective_of(objective), _Book(space)
    state = chosen.init(space, seed)
    ends = math.inf if time_limit_s is None else time.monotonic() + time_limit_s
    left = math.inf if evaluations is None else evaluations
    while left > 0:
        batch = chosen.ask(space, state)
        if len(batch) > left:
            batch = batch[: int(left)]
            left = len(batch)
        prices, energy, cycles = price(space, batch, aim, drain_reads=drain_reads)
        progress = book.enter(batch, prices, energy, cycles)
        left -= len(batch)
        if tell is not None:
            tell(progress)
        if left <= 0 or time.monotonic() > ends or (stop is not None and stop()):
            break
        state = chosen.tell(space, state, batch, prices)
    return book.result()


class _Book:
    """What a search has found so far."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.began = time.process_time()
        self.key = (math.inf, math.inf)
        self.best: tuple[MappingBatch, float, float] | None = None
        self.evaluations = self.legal = 0
        self.history: list[Progress] = []

    def enter(self, batch: MappingBatch, prices: Prices, energy: np.ndarray, cycles: np.ndarray) -> Progress:
        first = int(prices.ranking()[0])
        key = float(prices.value[first]), float(prices.tie[first])
        found = math.isfinite(key[0]) and key < self.key
        if found:
            self.key = key
            self.best = batch[first : first + 1], float(energy[first]), float(cycles[first])
        self.evaluations += len(batch)
        self.legal += int(prices.is_legal.sum())
        self.last = Progress(self.evaluations, time.process_time() - self.began, self.key[0])
        if found or not self.history:
            self.history.append(self.last)
        return self.last

    def result(self) -> SearchResult:
        if self.history and self.history[-1] != self.last:
            self.history.append(self.last)
        mapping = None
        energy = cycles = math.inf
        if self.best is not None:
            batch, energy, cycles = self.best
            mapping = batch.mapping(0, self.space.workload, self.space.architecture, padding=self.space.rules.padding)
        cpu_s = time.process_time() - self.began
        return SearchResult(
            mapping, energy, cycles, self.key[0], self.evaluations, self.legal, cpu_s, tuple(self.history)
        )
