"""Mapping one layer from a mapping known before: the same question always has the same answer, and nothing is kept on disk."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from archloom.errors import ArchloomError
from archloom.mapping.nest import Mapping
from archloom.mapspace.space import MapSpace
from archloom.model.evaluate import evaluate
from archloom.model.result import Evaluation
from archloom.search.canonical import Numbers, from_numbers, key_of, to_numbers
from archloom.search.exact.problem import Found, Problem, Watch
from archloom.search.infeasible import why_certainly
from archloom.search.network_mapping import Options
from archloom.search.spaces import problems_of
from archloom.search.strategies import polished, polishing_s, solve_exactly
from archloom.search.task import SearchWatch

__all__ = ["LayerAnswer", "LayerQuestion"]


@dataclass(frozen=True)
class LayerAnswer:
    """The best mapping of a layer, as `evaluation` prices it (None: none was found).

    No mapping has an objective below `bound`; `finished`: this is the best one, or there is none at all.
    """

    evaluation: Evaluation | None
    bound: float
    finished: bool


class LayerQuestion:
    """What the best mapping of a space is, when `start` (a mapping of another machine, perhaps) is known before.

    A `start` that is not in the space, or is not legal there, is left out. Of mappings that are equal in cost, the answer is the
    start if it is one of them, else the one that the search meets first; so a start is part of the question and of its `key`.
    """

    def __init__(self, space: MapSpace, options: Options, start: Mapping | None = None) -> None:
        self.space = space
        self.options = options
        self.parts: tuple[Problem, ...] = problems_of(space, options)
        self._start = None if start is None else _legal(space, self.parts[0], start)

    @property
    def start(self) -> Mapping | None:
        """The mapping that the search starts from."""
        return None if self._start is None else self._start.mapping

    @cached_property
    def key(self) -> str:
        """The question's content without names, as 64 hex digits: questions with the same key have the same answer."""
        start = None if self.start is None else to_numbers(self.start, self.space.workload)
        return self.key_without_start if start is None else key_of(self.parts, {"strategy": "exact", "start": start})

    @cached_property
    def key_without_start(self) -> str:
        """The key of the question where no mapping is known before."""
        return key_of(self.parts, {"strategy": "exact", "start": None})

    def answer(self, time_limit_s: float | None = None, stop: threading.Event | None = None) -> LayerAnswer:
        """Search; stopped by the time limit (wall clock), the best mapping so far and the bound proven by then."""
        problem, kept_s = self.parts[0], polishing_s(time_limit_s)
        limit_s = None if time_limit_s is None else max(0.0, time_limit_s - kept_s)
        watch: Watch = SearchWatch(limit_s, stop or threading.Event(), lambda _: None)
        found = solve_exactly(self.parts, watch, self._start)
        if not found.finished:
            found = polished(found, self.space, problem, kept_s)
        if found.best is None:
            return LayerAnswer(None, found.bound, found.finished)
        exact = self._price(found.best.mapping)
        value = problem.objective.value(exact.energy_pj, exact.cycles)
        return LayerAnswer(exact, value if found.finished else min(value, found.bound), found.finished)

    def recalled(self, numbers: Numbers | None, energy_pj: float, cycles: int) -> LayerAnswer | None:
        """The proven answer that is kept as a mapping without names; None if that does not cost here what it is said to cost."""
        if numbers is None:
            return LayerAnswer(None, math.inf, True)
        try:
            cost = self._price(from_numbers(numbers, self.space.workload, self.space.architecture))
        except (LookupError, TypeError, ValueError, ArchloomError):
            return None
        if (cost.energy_pj, cost.cycles) != (energy_pj, cycles):
            return None
        return LayerAnswer(cost, self.options.objective.value(energy_pj, cycles), True)

    def _price(self, mapping: Mapping) -> Evaluation:
        return evaluate(self.space.workload, self.space.architecture, mapping, drain_reads=self.options.drain_reads)

    def why_none(self) -> str:
        """Why no mapping exists, as far as that is seen without searching: the same sentence every time."""
        return why_certainly(self.parts, self.space.why_empty()) or (
            "no mapping satisfies the rules, the fanouts and all capacities at once"
        )


def _legal(space: MapSpace, problem: Problem, mapping: Mapping) -> Found | None:
    try:
        mapping.check(space.workload, space.architecture)
        if space.contains(mapping) is not None:
            return None
        cost = evaluate(space.workload, space.architecture, mapping, drain_reads=problem.drain_reads)
    except ArchloomError:
        return None
    words = [[level.tensors[tensor.name].tile_words for tensor in space.workload.tensors] for level in cost.levels]
    if not space.fills_enough(np.array(words[::-1])[:, :, None])[0]:
        return None
    return Found(mapping, cost.energy_pj, cost.cycles)
