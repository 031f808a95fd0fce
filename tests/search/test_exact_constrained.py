"""The exact mapper under random constraints, padding and objectives, against all that the mapspace lists."""

from __future__ import annotations

import math

import pytest
from tests.search.constrained_cases import best_of_space, constrained_problem

from archloom.search.exact.problem import Watch
from archloom.search.exact.solve import solve
from archloom.search.network_mapping import Options
from archloom.search.spaces import problems_of


@pytest.mark.parametrize("block", range(10))
def test_nothing_that_the_constraints_allow_is_better(block: int) -> None:
    listed = 0
    for seed in range(15 * block, 15 * block + 15):
        case = constrained_problem(seed)
        if case is None:
            continue
        space, objective, drain_reads = case
        found = math.inf, math.inf
        for problem in problems_of(space, Options(objective, padding=space.padding, drain_reads=drain_reads)):
            answer = solve(problem, Watch())
            assert answer.finished
            if answer.best is not None:
                assert space.contains(answer.best.mapping) is None
                found = min(found, objective.key(answer.best.energy_pj, answer.best.cycles))
        assert found == pytest.approx(best_of_space(space, objective, drain_reads=drain_reads), rel=1e-9), seed
        listed += 1
    assert listed >= 8
