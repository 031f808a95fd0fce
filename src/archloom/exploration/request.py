"""Requests: everything an exploration is to do, resolved, so that a worker needs no files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.exploration.baseline import baseline_design
from archloom.exploration.design_space import DesignSpace
from archloom.exploration.machines import Machines
from archloom.exploration.objective import Goal
from archloom.exploration.suite import Suite
from archloom.search.objective import Objective
from archloom.spec.document import YamlMap
from archloom.spec.load import Spec
from archloom.spec.write import to_yaml

__all__ = ["MappingChoice", "Request", "SearchChoice"]


@dataclass(frozen=True)
class MappingChoice:
    """How a design is mapped: `best`, `frontier` (the same, from one search per family of designs) or `fixed`.

    `constraints`: rules beside the machine's own, as `map` takes them. `given`: mapping files by layer ("" for all), which say how
    the baseline was published.
    """

    kind: str
    objective: Objective
    cuts: str = "level"
    padding: bool = False
    drain_reads: bool = False
    time_limit_s: float | None = None
    constraints: tuple[Spec, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class SearchChoice:
    """How designs are searched: the strategy and its own `options`, at most `evaluations` designs, and the seed."""

    strategy: str = "grid"
    evaluations: int | None = None
    seed: int = 0
    time_limit_s: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Request:
    """An exploration: which designs, judged how, on which networks.

    `machines` has the base machine (its file with the sections architecture, variables and constraints) and makes those of designs.
    `texts`: the text of every file that was read, by its name. `warnings`: sentences for the user.
    """

    name: str
    suite: Suite
    machines: Machines
    goal: Goal
    mapping: MappingChoice
    search: SearchChoice
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    sets: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def space(self) -> DesignSpace:
        return self.machines.space

    @property
    def document(self) -> YamlMap:
        """The file of the base machine."""
        return self.machines.document

    @cached_property
    def baseline_design(self) -> NDArray[np.int64] | None:
        """The design that is the base machine itself; None where it does not lie in the space."""
        return baseline_design(self.machines)

    def with_search(self, **changes: Any) -> Request:
        """A copy with other search options (`strategy`, `evaluations`, `seed`, `time_limit_s`, `options`)."""
        return replace(self, search=replace(self.search, **changes))

    def to_manifest(self) -> dict[str, Any]:
        """Everything that the results depend on, as plain values ready for JSON."""
        mapping, search, space = self.mapping, self.search, self.space
        return {
            "name": self.name,
            "networks": [
                {
                    "name": name,
                    "weight": weight,
                    "layers": [
                        {"names": list(layer.names), "count": layer.count, "workload": to_yaml(layer.workload)}
                        for layer in network.layers
                    ],
                }
                for name, network, weight in zip(self.suite.names, self.suite.networks, self.suite.weights, strict=True)
            ],
            "mean": self.suite.mean,
            "parameters": {p.name: {"path": p.path, "values": [*p.values]} for p in space.parameters},
            "linked": {p.name: {"path": p.path, "expression": p.expression.text} for p in space.linked},
            "constraints": [test.text for test in space.constraints],
            "objectives": [
                {"name": aim.name, "expression": aim.expression.text, "maximise": aim.maximise}
                for aim in self.goal.aims
            ],
            "budget": [limit.text for limit in self.goal.limits],
            "mapping": {
                "kind": mapping.kind,
                "objective": mapping.objective.name,
                "cuts": mapping.cuts,
                "padding": mapping.padding,
                "drain_reads": mapping.drain_reads,
                "time_limit_s": mapping.time_limit_s,
                "given": dict(mapping.given),
            },
            "search": {
                "strategy": search.strategy,
                "evaluations": search.evaluations,
                "seed": search.seed,
                "time_limit_s": search.time_limit_s,
                "options": dict(search.options),
            },
            "sets": list(self.sets),
            "texts": dict(self.texts),
        }
