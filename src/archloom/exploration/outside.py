"""Strategies of pymoo, by ask and tell: any of its algorithms over the indices of a space of designs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from archloom.errors import InputError, did_you_mean
from archloom.exploration.base import Designs, DesignStrategy, Points, Proposal, Scores, random_numbers
from archloom.exploration.moves import Moves

__all__ = ["ALGORITHMS", "Pymoo", "PymooState"]

MOST = 1e12
"""What stands for a value, or an excess, that is infinite."""
TRIES = 8

ALGORITHMS = {
    "ga": ("pymoo.algorithms.soo.nonconvex.ga", "GA"),
    "de": ("pymoo.algorithms.soo.nonconvex.de", "DE"),
    "pso": ("pymoo.algorithms.soo.nonconvex.pso", "PSO"),
    "nsga2": ("pymoo.algorithms.moo.nsga2", "NSGA2"),
    "age-moea": ("pymoo.algorithms.moo.age", "AGEMOEA"),
    "sms-emoa": ("pymoo.algorithms.moo.sms", "SMSEMOA"),
}
"""The algorithms that have a name here; the first three take one objective."""


@dataclass(frozen=True, eq=False)
class PymooState:
    """pymoo's algorithm as it stands, which is never changed but copied (None before the first batch), and the designs proposed so far."""

    seed: int
    step: int = 0
    algorithm: Any = None
    seen: frozenset[bytes] = frozenset()


@dataclass(frozen=True)
class Pymoo(DesignStrategy[PymooState]):
    """An algorithm of pymoo (J. Blank, K. Deb, IEEE Access 8, 2020) by name, or `make()` for one that you set up yourself.

    Designs are vectors of indices, rounded; one that the space does not admit, or that was proposed before, gives way to another one
    beside it. Budgets are one inequality constraint. The first `population` designs are drawn at random.
    """

    algorithm: str = "nsga2"
    population: int = 32
    make: Callable[[], Any] | None = None

    def __post_init__(self) -> None:
        if self.make is None and self.algorithm not in ALGORITHMS:
            raise InputError(
                f"there is no algorithm {self.algorithm!r} of pymoo here",
                hint=did_you_mean(self.algorithm, ALGORITHMS),
            )

    def init(self, space: Points, seed: int) -> PymooState:  # noqa: ARG002
        return PymooState(seed)

    def ask(self, space: Points, state: PymooState) -> Proposal:
        if state.algorithm is None:
            return Proposal(Moves(space).fresh(self.population, random_numbers(state.seed, 0)))
        return Proposal(self._asked(space, state)[2])

    def tell(self, space: Points, state: PymooState, proposal: Proposal, scores: Scores) -> PymooState:
        if state.algorithm is None:
            algorithm, population = self._begun(space, state, proposal.designs, scores)
        else:
            algorithm, population, _ = self._asked(space, state)
        _enter(population, proposal.designs, scores)
        if state.algorithm is None:
            algorithm.initialization.sampling = population
            population = algorithm.ask()
        algorithm.tell(infills=population)
        seen = state.seen | {row.tobytes() for row in proposal.designs}
        return replace(state, step=state.step + 1, algorithm=algorithm, seen=seen)

    def _asked(self, space: Points, state: PymooState) -> tuple[Any, Any, Designs]:
        """A copy of the algorithm that has proposed a population, and that population as admitted designs."""
        algorithm = copy.deepcopy(state.algorithm)
        population = algorithm.ask()
        rng, moves = random_numbers(state.seed, state.step, 1), Moves(space)
        raw = np.asarray(population.get("X"), dtype=np.float64)
        designs = np.clip(np.rint(raw), 0, moves.sizes - 1).astype(np.int64)
        outside = ~space.admits(designs)
        designs[outside] = moves.fresh(int(outside.sum()), rng)
        seen = set(state.seen)
        for row in range(len(designs)):
            for _ in range(TRIES):
                if designs[row].tobytes() not in seen:
                    break
                designs[row] = moves.mutated(designs[row : row + 1], rng)[0]
            seen.add(designs[row].tobytes())
        return algorithm, population, designs

    def _begun(self, space: Points, state: PymooState, designs: Designs, scores: Scores) -> tuple[Any, Any]:
        """The algorithm, set up for this space and so many objectives, and its first population."""
        problem_of, population_of = _pymoo()
        upper = np.array([len(axis.values) - 1 for axis in space.parameters], dtype=np.float64)
        problem = problem_of(
            n_var=len(upper), n_obj=scores.values.shape[1], n_ieq_constr=1, xl=np.zeros(len(upper)), xu=upper
        )
        population = population_of(designs.astype(np.float64))
        algorithm = self._made(len(designs))
        seed = int(random_numbers(state.seed, 0, 2).integers(0, 2**31))
        algorithm.setup(problem, termination=("n_gen", 10**9), seed=seed, verbose=False)
        return algorithm, population

    def _made(self, population: int) -> Any:
        if self.make is not None:
            return self.make()
        from importlib import import_module

        module, name = ALGORITHMS[self.algorithm]
        return getattr(import_module(module), name)(pop_size=population)


def _pymoo() -> tuple[Any, Any]:
    try:
        from pymoo.core.population import Population
        from pymoo.core.problem import Problem
    except ImportError:
        raise InputError(
            "the strategy 'pymoo' needs pymoo", hint="install it with: pip install 'archloom[pymoo]'"
        ) from None
    return Problem, lambda vectors: Population.new(X=vectors)


def _enter(population: Any, designs: Designs, scores: Scores) -> None:
    """Write designs and scores into a population."""
    values = np.minimum(np.nan_to_num(scores.values, nan=MOST, posinf=MOST), MOST)
    excess = np.minimum(np.nan_to_num(scores.excess, nan=MOST, posinf=MOST), MOST)[:, None]
    population.set("X", designs.astype(np.float64))
    population.set("F", values, "G", excess, "H", np.empty((len(designs), 0)))
    population.apply(lambda individual: individual.evaluated.update(["F", "G", "H"]))
