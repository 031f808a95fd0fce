"""What an exact engine is asked and what it answers: a mapping problem, and a certificate."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from archloom.architecture.hierarchy import Architecture
from archloom.mapping.nest import Mapping
from archloom.mapspace.rules import Rules
from archloom.search.objective import Objective
from archloom.workload.einsum import Workload

__all__ = ["Answer", "Found", "Problem", "Watch"]


@dataclass(frozen=True)
class Problem:
    """The best mapping of `workload` on `architecture` within `rules`, by `objective`.

    `cuts`: `level` (every kept tile spans its level's whole block) or `free` (each tensor has a cut of its own).
    """

    workload: Workload
    architecture: Architecture
    rules: Rules
    objective: Objective
    cuts: str = "level"
    padding: bool = False
    drain_reads: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A mapping with its exact cost, as `evaluate` gives it."""

    mapping: Mapping
    energy_pj: float
    cycles: int


@dataclass(frozen=True)
class Answer:
    """A proven answer: `best` (None: no legal mapping exists), and a lower bound on the objective of every mapping.

    `finished` means that the bound equals the best objective: nothing better exists. `priced` counts mappings costed exactly,
    `excluded` says what ruled out the rest: argument -> how many subproblems it excluded.
    """

    best: Found | None
    bound: float
    finished: bool
    priced: int
    excluded: dict[str, int] = field(default_factory=dict)


@dataclass
class Watch:
    """The clock and the ear of a search: `deadline` in time.monotonic seconds, `tell(incumbent, bound, priced)` for progress."""

    deadline: float | None = None
    tell: Callable[[float, float, int], None] | None = None

    def expired(self) -> bool:
        """Whether the time limit has passed."""
        return self.deadline is not None and time.monotonic() > self.deadline
