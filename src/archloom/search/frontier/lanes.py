"""Energies and ports of many machines at once, as the lattice's bounds use them: a lane per machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archloom.search.exact.problem import Problem
from archloom.search.exact.setting import Residency, Setting, Shared
from archloom.search.frontier.family import Family

__all__ = ["Lanes", "least_problem", "unit_problem", "with_numbers"]

Values = NDArray[np.float64]
READ, WRITE, UPDATE = range(3)


def unit_problem(problem: Problem, family: Family) -> Problem:
    """The problem on a machine that charges 1 pJ per access everywhere and holds what any machine of the family holds.

    What the bounds say of it are words.
    """
    sizes = family.capacity_bits.max(axis=1)
    return with_numbers(problem, family, sizes, np.ones((3, len(sizes))))


def least_problem(problem: Problem, family: Family) -> Problem:
    """The problem on a machine that holds what any machine of the family holds, for the least that any of them charges."""
    relaxed = with_numbers(problem, family, family.capacity_bits.max(axis=1), family.energy_pj.min(axis=2))
    compute = replace(relaxed.architecture.compute, energy_pj=float(family.mac_pj.min()), leak_pj=0.0)
    return replace(relaxed, architecture=replace(relaxed.architecture, compute=compute))


def with_numbers(problem: Problem, family: Family, capacity_bits: Values, energy_pj: Values) -> Problem:
    """The problem on a machine with these usable sizes [L] and energies [actions, L], without ports that limit it.

    The least share that a tile fills of a memory is lowered to what the smallest machine of the family asks for.
    """
    levels = tuple(
        replace(
            level,
            size_bits=float(capacity_bits[at]) * level.buffering,
            read_pj=float(energy_pj[READ, at]),
            write_pj=float(energy_pj[WRITE, at]),
            update_pj=float(energy_pj[UPDATE, at]),
            leak_pj=0.0,
            read_bandwidth=None,
            write_bandwidth=None,
            shared_bandwidth=None,
        )
        for at, level in enumerate(problem.architecture.levels)
    )
    least = family.capacity_bits.min(axis=1)
    share = tuple(
        least_share * float(low / high) * (1 - 1e-12) if np.isfinite(high) and high > 0 else 0.0
        for least_share, low, high in zip(problem.rules.min_fill, least, capacity_bits, strict=True)
    )
    rules = replace(problem.rules, min_fill=share)
    return replace(problem, architecture=replace(problem.architecture, levels=levels), rules=rules)


@dataclass(frozen=True, eq=False)
class Lanes:
    """One residency's energies per word, with a lane for each of M machines; the counterparts of those of a `Setting`.

    `setting` is that of the unit machine: it knows the structure, and its energies are words.
    """

    setting: Setting
    family: Family
    rows: NDArray[np.int64]
    """The lanes' numbers among those of the whole family."""

    @classmethod
    def of(cls, shared: Shared, keep: Residency, family: Family) -> Lanes:
        return cls(Setting(shared, keep), family, np.arange(len(family)))

    def taken(self, rows: NDArray[np.int64]) -> Lanes:
        """Some of the lanes of a whole family."""
        return Lanes(self.setting, self.family.taken(rows), rows)

    def __len__(self) -> int:
        return len(self.family)

    @cached_property
    def per_word(self) -> Values:
        """[action, level, lane]: pJ per word of an access, shared blocks and clusters counted at their least."""
        levels = self.setting.problem.architecture.levels
        parts = np.array([self.setting.charged(at) / level.block for at, level in enumerate(levels)])
        return self.family.energy_pj * parts[:, None]

    @cached_property
    def child_pj(self) -> Values:
        """[level, tensor, lane]: of one word that enters the tile of a tensor (and of draining an output from it)."""
        setting = self.setting
        table = np.repeat(self.per_word[WRITE][:, None], len(setting.plan.tensors), axis=1)
        if setting.problem.drain_reads:
            table[:, setting.output] += self.per_word[READ]
        table[-1] = 0.0
        return table

    @cached_property
    def parent_pj(self) -> Values:
        """[level, tensor, lane]: of serving one word (for an output: of reading and updating it)."""
        setting = self.setting
        table = np.repeat(self.per_word[READ][:, None], len(setting.plan.tensors), axis=1)
        table[:, setting.output] += self.per_word[UPDATE]
        return table

    @cached_property
    def _uncharged(self) -> Values:
        blocks = np.array([level.block for level in self.setting.problem.architecture.levels])
        return self.family.energy_pj / blocks[:, None]

    @cached_property
    def read_credit_pj(self) -> Values:
        """[level, lane]: what the first visit of an output word saves by not being read."""
        held = np.array([keep[self.setting.output] for keep in self.setting.keep])
        return self._uncharged[READ] * held[:, None]

    @cached_property
    def fill_credit_pj(self) -> Values:
        """[level, lane]: what it saves by not being filled."""
        held = np.array([keep[self.setting.output] for keep in self.setting.keep])
        held[-1] = False
        return self._uncharged[WRITE] * held[:, None]

    def coefficients(self, level: int, t: int, start: int) -> tuple[Values, Values]:
        """[lane]: (pJ per word entering an instance's tile, per word that the parent serves) when t turns in block `level`.

        As in `exact.fills`: the second is 0 while a fanout lies between the block and the parent.
        """
        setting = self.setting
        held = [at for at in range(start, level) if setting.keep[at][t]]
        none = np.zeros(len(self))
        entering = sum((self.child_pj[at, t] for at in held), none)
        entering = sum((self.parent_pj[at, t] for at in held[1:]), entering)
        parent = setting.keeper(level, t)
        later = any(level < at <= parent for at in setting.fanouts)
        return entering, none if later else self.parent_pj[parent, t]

    def held_pj(self, level: int, t: int, start: int) -> Values:
        """[lane]: least pJ per word of the pending tiles of t below `level`; the parent's side if no fanout is between."""
        entering, serving = self.coefficients(level, t, start)
        return entering + serving

    def port_cycles(self, level: int, reads: Values, writes: Values, both: Values | None = None) -> Values | None:
        """[lane, K]: cycles that a level's ports need for words per instance [K]; None where nothing limits it."""
        cycles: Values | None = None
        ports = self.family.bandwidth
        for words, lanes in (
            (reads, ports[0][level]),
            (writes, ports[1][level]),
            (reads + writes if both is None else both, ports[2][level]),
        ):
            if lanes is not None:
                needed = words[None, :] / lanes[:, None]
                cycles = needed if cycles is None else np.maximum(cycles, needed)
        return cycles

    def first_visits_pj(self, upto: int, outside: Sequence[int]) -> Values:
        """[lane]: first-visit credit (negative) inside the tile of level `upto`, for reduction trips outside each level."""
        saved = np.zeros(len(self))
        for at in range(upto + 1):
            saved = saved + self.read_credit_pj[at] * outside[at]
            if at < upto:
                saved = saved + self.fill_credit_pj[at] * outside[at]
        return -saved * self.setting.output_words
