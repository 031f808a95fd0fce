"""DiGamma on real machines: the contract, the optimum, memories as large as the mappings need, and its share of each mesh."""

from __future__ import annotations

import numpy as np
import pytest
from tests.exploration import small_study
from tests.exploration.strategy_contract import check, proposals, same

from archloom.exploration.base import Proposal
from archloom.exploration.digamma import DiGamma
from archloom.search.base import rows_of


def test_contract() -> None:
    strategy, joint = DiGamma(population=12, batch=8, patience=3), small_study.joint()
    check(strategy, joint, steps=6, scoring=small_study.scored)
    used, unused = (proposals(strategy, space, 9, 4, small_study.scored) for space in (joint, small_study.joint()))
    assert all(map(same, used, unused)), "what was asked before makes a difference"


def test_designs_are_large_enough_and_no_larger() -> None:
    """The judge prices every mapping on its design; on the next smaller memory it does not fit any more, or there is none."""
    joint = small_study.joint()
    found = proposals(DiGamma(population=24, batch=24), joint, 0, 4, small_study.scored)
    columns = [axis.name for axis in joint.parameters]
    sizes = {columns.index(f"levels.{level}.size"): level for level in ("Buffer", "Registers")}
    assert joint.sized == sizes
    smaller = 0
    for proposal in found:
        assert small_study.scored(proposal).is_feasible.all()
        assert proposal.mappings is not None
        for column, level in sizes.items():
            tried = proposal.designs.copy()
            tried[:, column] -= 1
            rows = np.flatnonzero((tried[:, column] >= 0) & joint.points.admits(np.maximum(tried, 0)))
            if not len(rows):
                continue
            less = Proposal(tried[rows], tuple(rows_of(batch, rows) for batch in proposal.mappings))
            verdicts = small_study.judge()(less)
            smaller += len(rows)
            assert not verdicts.columns["feasible"].any()
            assert all(level in reason for reason in verdicts.columns["reason"]), verdicts.columns["reason"][0]
    assert smaller > 50


def test_no_mesh_takes_all_places() -> None:
    """A share `niche` of the living at most has one mesh, as long as there are others."""
    joint, strategy = small_study.joint(), DiGamma(population=32, batch=32, niche=0.25)
    state = strategy.init(joint, 0)
    for _ in range(8):
        proposal = strategy.ask(joint, state)
        state = strategy.tell(joint, state, proposal, small_study.scored(proposal))
        assert state.living is not None
        designs, _, scores = state.living
        assert (np.diff(scores.values[:, 0]) >= 0).all()
    assert len(designs) == 32
    assert np.bincount(joint.templates(designs)).tolist() == [8, 8, 8, 8]


def test_a_niche_may_be_larger_where_there_is_nothing_else() -> None:
    strategy = DiGamma(population=8, niche=0.25)
    assert strategy._survivors(np.zeros(20, np.int64)).tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert strategy._survivors(np.array([3, 3, 3, 3, 5, 3, 5, 5, 7, 3])).tolist() == [0, 1, 2, 3, 4, 5, 6, 8]


@pytest.mark.parametrize("seed", range(2))
def test_finds_the_optimum_of_a_small_space(seed: int) -> None:
    _, scores = small_study.truth()
    found = proposals(DiGamma(), small_study.joint(), seed, 24, small_study.scored)
    best = min(float(small_study.scored(proposal).values.min()) for proposal in found)
    assert best == pytest.approx(float(scores.values.min()), rel=1e-12)
