"""Checking a certificate from outside: the answer is what it says, and no given mapping refutes its bound."""

from __future__ import annotations

import math
from dataclasses import replace

from archloom.mapping.nest import Mapping
from archloom.model.evaluate import evaluate
from archloom.search.exact.problem import Answer, Problem

__all__ = ["refute"]

TOLERANCE = 1e-9


def refute(problem: Problem, answer: Answer, mapping: Mapping | None = None) -> str | None:
    """Say why a certificate is wrong, or None if nothing speaks against it.

    Checks that the best mapping costs what the answer says, that the bound is not above it (and equals it when finished), and,
    where a mapping is given, that its cost is not below the bound. Raises InfeasibleError for an illegal mapping.
    """
    objective = problem.objective
    if answer.best is not None:
        exact = evaluate(
            problem.workload,
            problem.architecture,
            replace(answer.best.mapping, padding=problem.padding),
            drain_reads=problem.drain_reads,
        )
        told = answer.best.energy_pj, answer.best.cycles
        if not math.isclose(exact.energy_pj, told[0], rel_tol=TOLERANCE) or exact.cycles != told[1]:
            return f"the best mapping costs {exact.energy_pj:g} pJ and {exact.cycles} cycles, not {told[0]:g} and {told[1]}"
        value = objective.value(exact.energy_pj, exact.cycles)
        if answer.bound > value * (1 + TOLERANCE):
            return f"the bound {answer.bound:g} is above the best mapping's cost {value:g}"
        if answer.finished and answer.bound < value * (1 - TOLERANCE):
            return f"the search says it is finished, but its bound {answer.bound:g} is below the best cost {value:g}"
    if mapping is not None:
        costs = evaluate(problem.workload, problem.architecture, mapping, drain_reads=problem.drain_reads)
        value = objective.value(costs.energy_pj, costs.cycles)
        if value < answer.bound * (1 - TOLERANCE):
            return f"a mapping costs {value:g}, below the bound {answer.bound:g}"
    return None
