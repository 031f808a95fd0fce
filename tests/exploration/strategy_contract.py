"""What every strategy over designs has to keep to; for strategies of users too."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from archloom.exploration.base import DesignStrategy, Proposal, Scores

Scoring = Callable[[Proposal], Scores]


def searched(strategy: DesignStrategy[Any], space: Any, seed: int, steps: int, objectives: int = 1) -> np.ndarray:
    """All designs that a strategy proposes, in order."""
    return np.concatenate(
        [one.designs for one in proposals(strategy, space, seed, steps, _looked_up(space, objectives))]
    )


def proposals(strategy: DesignStrategy[Any], space: Any, seed: int, steps: int, scoring: Scoring) -> list[Proposal]:
    """All that a strategy proposes, batch by batch."""
    state, found = strategy.init(space, seed), list[Proposal]()
    for _ in range(steps):
        proposal = strategy.ask(space, state)
        if not len(proposal):
            break
        found.append(proposal)
        state = strategy.tell(space, state, proposal, scoring(proposal))
    return found


def same(one: Proposal, two: Proposal) -> bool:
    """Whether two proposals are the same designs with the same mappings."""
    return np.array_equal(one.designs, two.designs) and _tables(one) == _tables(two)


def check(
    strategy: DesignStrategy[Any], space: Any, *, objectives: int = 1, steps: int = 12, scoring: Scoring | None = None
) -> None:
    """Pure, the same for the same seed, and within the admitted designs.

    `scoring` says what a proposal is worth; without it, the space does (`space.scores(designs, objectives)`). A space that is not one
    of designs alone has these as its `points`.
    """
    scoring = scoring or _looked_up(space, objectives)
    points = getattr(space, "points", space)
    state = strategy.init(space, 3)
    for _ in range(steps):
        kept = pickle.dumps(state) if not hasattr(state, "algorithm") else None
        proposal = strategy.ask(space, state)
        again = strategy.ask(space, copy.deepcopy(state))
        assert same(proposal, again), "ask is not pure"
        assert proposal.designs.dtype == np.int64 and proposal.designs.shape[1:] == (len(points.parameters),)
        if not len(proposal):
            return
        assert points.admits(proposal.designs).all(), "a proposed design is not admitted"
        for batch in proposal.mappings or ():
            assert len(batch) == len(proposal), "there is not one mapping per design"
        before, scores = copy.deepcopy(proposal), scoring(proposal)
        later = strategy.tell(space, state, proposal, scores)
        assert same(before, proposal), "tell changed the proposal"
        assert kept is None or pickle.dumps(state) == kept, "ask or tell changed the state"
        other = strategy.tell(space, copy.deepcopy(state), proposal, scores)
        assert same(strategy.ask(space, later), strategy.ask(space, other)), "tell is not pure"
        state = later
    one, two = (proposals(strategy, space, 5, steps, scoring) for _ in range(2))
    assert len(one) == len(two) and all(map(same, one, two)), "the same seed searches otherwise"


def _looked_up(space: Any, objectives: int) -> Scoring:
    return lambda proposal: space.scores(proposal.designs, objectives)


def _tables(proposal: Proposal) -> list[bytes]:
    batches = proposal.mappings or ()
    return [np.ascontiguousarray(part).tobytes() for batch in batches for part in batch.arrays().values()]
