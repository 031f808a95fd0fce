"""A part of a mapspace: one table of rules, with the choices of its dims and what its levels count."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archloom.mapspace.choices import Choices, all_choices
from archloom.mapspace.fits import Limits, Stage, limits_of, stages
from archloom.mapspace.rules import Cuts, Rules

__all__ = ["Part", "TensorChoices"]


@dataclass(frozen=True, slots=True)
class TensorChoices:
    """What a level may do with a tensor: bypass it, or keep it with a cut that is free, or fixed to `cut` loops (None: all)."""

    bypass: bool
    keep: bool
    free_cut: bool
    cut: int | None = None

    def many(self, loops: int) -> int:
        """How many ways there are in a block of so many loops."""
        return int(self.bypass) + int(self.keep) * (loops + 1 if self.free_cut else 1)


@dataclass(frozen=True, eq=False)
class Part:
    """One table of rules and everything that follows from it, made when first asked for."""

    rules: Rules

    @property
    def levels(self) -> int:
        return len(self.rules.temporal)

    @property
    def dims(self) -> int:
        return len(self.rules.bounds)

    @cached_property
    def _listed(self) -> tuple[list[int], list[Choices]]:
        return all_choices(self.rules)

    @property
    def fanouts(self) -> list[int]:
        """Levels with a fanout in use."""
        return self._listed[0]

    @property
    def choices(self) -> list[Choices]:
        """The choices of each dim."""
        return self._listed[1]

    @cached_property
    def limits(self) -> Limits:
        return limits_of(self.rules, self.fanouts, self.choices)

    @cached_property
    def _moves(self) -> tuple[list[Stage], NDArray[np.int64]]:
        return stages(self.limits, self.choices)

    @property
    def stages(self) -> list[Stage]:
        """The moves of each dim through the limits that tie dims together."""
        return self._moves[0]

    @property
    def is_empty(self) -> bool:
        return not len(self._moves[1])

    @cached_property
    def is_free(self) -> NDArray[np.bool_]:
        """[L, D]: whether the place of a loop in its block is free."""
        free = np.ones((self.levels, self.dims), bool)
        for at in range(self.levels):
            free[at, [*self.rules.order_inner[at], *self.rules.order_outer[at]]] = False
        return free

    @cached_property
    def may_loop(self) -> NDArray[np.bool_]:
        """[L, D]: whether some choice of d has a loop at l."""
        return np.array([[bool(dim.loops_at(at).any()) for dim in self.choices] for at in range(self.levels)])

    def most_loops(self, level: int, *, free: bool) -> int:
        """The most loops that a block can have, of those whose place is free, or of the others."""
        return int((self.may_loop[level] & (self.is_free[level] == free)).sum())

    @cached_property
    def residency(self) -> tuple[tuple[TensorChoices, ...], ...]:
        """[L][T]: what each level may do with each tensor. The tiles of the backing store always span its block."""
        table: list[tuple[TensorChoices, ...]] = []
        for at, row in enumerate(self.rules.keep):
            has_cuts = self.rules.cuts is Cuts.FREE and at < self.levels - 1
            given = self.rules.cut[at] if self.rules.cut else (None,) * len(row)
            table.append(
                tuple(
                    TensorChoices(False in values, True in values, has_cuts and cut is None, cut if has_cuts else None)
                    for values, cut in zip(row, given, strict=True)
                )
            )
        return tuple(table)

    def ways_to_hold(self, level: int, loops: int) -> int:
        """How many residencies a level has whose block has so many loops."""
        return math.prod(tensor.many(loops) for tensor in self.residency[level])

    def has_free_cuts(self, level: int) -> bool:
        return any(tensor.keep and tensor.free_cut for tensor in self.residency[level])
