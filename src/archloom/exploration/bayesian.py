"""Bayesian search of designs by Optuna's tree-structured Parzen estimator, as a pure strategy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from archloom.errors import InputError
from archloom.exploration.base import Designs, DesignStrategy, Points, Proposal, Scores, random_numbers
from archloom.exploration.moves import Moves

__all__ = ["Bayesian", "BayesianState"]

MOST = 1e12
"""What stands for infinitely far over the budget."""


@dataclass(frozen=True, eq=False)
class BayesianState:
    """All that is known: the designs judged so far and their scores (None before the first batch)."""

    seed: int
    step: int = 0
    known: tuple[Designs, Scores] | None = None


@dataclass(frozen=True)
class Bayesian(DesignStrategy[BayesianState]):
    """`batch` designs at a time, the first `start` at random; each of the others the best of `candidates` under the estimator.

    Needs Optuna (T. Akiba et al., KDD 2019; J. Bergstra et al., NeurIPS 2011). Budgets are its constraints. The estimator is built
    anew from all designs judged so far at each step, of which it remembers the last `memory`.
    """

    batch: int = 8
    start: int = 32
    candidates: int = 24
    memory: int = 2000

    def init(self, space: Points, seed: int) -> BayesianState:  # noqa: ARG002
        return BayesianState(seed)

    def ask(self, space: Points, state: BayesianState) -> Proposal:
        rng, moves = random_numbers(state.seed, state.step), Moves(space)
        if state.known is None:
            return Proposal(moves.fresh(self.start, rng))
        designs, _ = state.known
        seen = {row.tobytes() for row in designs}
        study, distributions = self._study(space, state)
        found: list[Designs] = []
        for _ in range(self.batch):
            trial = study.ask(distributions)
            design = np.array([[trial.params[axis.name] for axis in space.parameters]], np.int64)
            for _ in range(8):  # a design that is not admitted, or known, gives way to one beside it, and then to any
                if space.admits(design)[0] and design.tobytes() not in seen:
                    break
                start = design if space.admits(design)[0] else moves.fresh(1, rng)
                design = moves.mutated(start, rng)
            seen.add(design.tobytes())
            found.append(design)
        return Proposal(np.concatenate(found))

    def tell(self, space: Points, state: BayesianState, proposal: Proposal, scores: Scores) -> BayesianState:  # noqa: ARG002
        designs = proposal.designs
        if state.known is not None:
            designs, scores = np.concatenate((state.known[0], designs)), state.known[1].and_then(scores)
        return replace(state, step=state.step + 1, known=(designs, scores))

    def _study(self, space: Points, state: BayesianState) -> tuple[Any, dict[str, Any]]:
        """What is known as a study of Optuna's."""
        optuna = _optuna()
        distributions = {
            axis.name: optuna.distributions.IntDistribution(0, len(axis.values) - 1)
            if axis.is_ordered
            else optuna.distributions.CategoricalDistribution(range(len(axis.values)))
            for axis in space.parameters
        }
        assert state.known is not None
        designs, known = state.known[0][-self.memory :], state.known[1].rows(slice(-self.memory, None))
        finite = np.asarray(np.isfinite(known.values).all(axis=1))
        worst = known.values[finite].max(axis=0) if finite.any() else np.zeros(known.values.shape[1])
        values = np.where(finite[:, None], known.values, worst)
        excess = np.minimum(np.nan_to_num(known.excess, nan=MOST, posinf=MOST), MOST)
        names = [axis.name for axis in space.parameters]
        trials = [
            optuna.trial.create_trial(
                params=dict(zip(names, map(int, design), strict=True)),
                distributions=distributions,
                values=list(map(float, value)),
                constraints={"budget": float(over)},
            )
            for design, value, over in zip(designs, values, excess, strict=True)
        ]
        seed = int(random_numbers(state.seed, state.step, 1).integers(0, 2**31))
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=1, n_ei_candidates=self.candidates)
        study = optuna.create_study(directions=["minimize"] * values.shape[1], sampler=sampler)
        study.add_trials(trials)
        return study, distributions


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise InputError(
            "the strategy 'bayesian' needs Optuna", hint="install it with: pip install 'archloom[optuna]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
