"""The lattice's tables for many machines: least inner energies, exact per class of machines, or from a few relaxed ones.

For given sizes, what the inside of a tile shape costs at least is a minimum of linear functions of the energies per access, so
it is concave in them: at a machine whose energies are a mean of two others' it is at least the mean of theirs. And
it never grows with the sizes. So the tables of a few machines with the largest sizes ("anchors") bound those of all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archloom.search.exact.fills import reduction
from archloom.search.exact.problem import Problem
from archloom.search.exact.setting import Residency, Setting, Shared
from archloom.search.exact.tables import Key, Table, build_tables
from archloom.search.frontier.lanes import READ, UPDATE, WRITE, Lanes, with_numbers

__all__ = ["Inside", "LaneTable", "inside_all", "lane_tables"]

Values = NDArray[np.float64]
Indices = NDArray[np.int64]
NEVER = 1e300
"""Stands for +inf where tables are averaged."""
EXACT_CLASSES = 48
EXACT_CELLS = 6000
"""Tables of at most so many values are made for each class of machines, if those are at most so many; larger ones are bounded."""
ANCHORS = 3
FEW_KEYS = 16
STEPS = (1.0, 0.93, 0.8, 0.6, 0.4, 0.2, 0.05)
"""Where spatial trips are told apart in bounded tables, as shares of the most there can be."""


class Inside(NamedTuple):
    """What a partial (inner) mapping leaves open, as `tables.Key`; its spatial trips are from `low` to `high`."""

    pending: tuple[int, ...]
    low: int
    high: int
    reduced: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class LaneTable:
    """Least inner energy of tile shapes [rows, dims] for each lane: `shares[anchor, lane]` of the anchors' values, plus a constant."""

    extents: Values
    keys: list[Inside]
    values: Values
    shares: Values
    constant: Values
    row_of: dict[int, int]

    def taken(self, lanes: Indices) -> LaneTable:
        """Some of the lanes."""
        return LaneTable(self.extents, self.keys, self.values, self.shares[:, lanes], self.constant[lanes], self.row_of)

    def at(self, key: int, rows: Indices) -> Values:
        """[lane, K]: least inner energy; NEVER or so where no mapping leads."""
        part = self.values[:, key, rows]
        if self._alone is not None:
            return part[self._alone] + self.constant[:, None]
        return self.shares.T @ part + self.constant[:, None]

    @cached_property
    def coarse(self) -> LaneTable:
        """The table with one key for all that differ in their spatial trips alone."""
        alike: dict[tuple[tuple[int, ...], tuple[int, ...]], list[int]] = {}
        for k, key in enumerate(self.keys):
            alike.setdefault((key.pending, key.reduced), []).append(k)
        keys = [
            Inside(pending, min(self.keys[k].low for k in some), max(self.keys[k].high for k in some), reduced)
            for (pending, reduced), some in alike.items()
        ]
        values = np.stack([self.values[:, some].min(axis=1) for some in alike.values()], axis=1)
        return LaneTable(self.extents, keys, values, self.shares, self.constant, self.row_of)

    @cached_property
    def _alone(self) -> Indices | None:
        """The one anchor of each lane, if each has only one, in full."""
        first = self.shares.argmax(axis=0)
        is_whole = self.shares[first, np.arange(len(first))] == 1.0
        return first if is_whole.all() else None


def inside_all(setting: Setting) -> LaneTable:
    """The one shape inside everything, a single iteration, for any lanes."""
    key = Inside((-1,) * len(setting.plan.tensors), 1, 1, ())
    one = np.ones((1, len(setting.plan.bounds)))
    return LaneTable(one, [key], np.zeros((1, 1, 1)), np.ones((1, 1)), np.zeros(1), {0: 0})


def lane_tables(problem: Problem, keep: Residency, lanes: Lanes, *, by_spread: bool) -> list[LaneTable]:
    """`tables[l]` for the tiles of each level but the outermost; `by_spread`: whether spatial trips matter beyond the energy.

    Shapes are those that fit some machine of the family: whether they fit a lane's own memory at that level is not looked at.
    """
    levels = lanes.setting.levels
    relaxed = _Maker(problem, keep, lanes)
    first = relaxed.tables(_relaxed_energy(lanes), levels - 1)
    found: list[LaneTable] = []
    for level in range(levels - 1):
        classes, place = relaxed.classes(level)
        cells = sum(int(np.isfinite(values).sum()) for values in first[level].values.values())
        if len(classes) <= EXACT_CLASSES and cells <= EXACT_CELLS:
            made = [relaxed.exact(level, int(row)) for row in classes]
            shares = np.zeros((len(made), len(lanes)))
            shares[place, np.arange(len(lanes))] = 1.0
            found.append(_joined(lanes, made, shares, np.zeros(len(lanes)), steps=STEPS if by_spread else (1.0,)))
        else:
            anchors, shares = _anchors(lanes, level)
            made = [first[level], *(relaxed.tables(energy, level + 1)[level] for energy in anchors[1:])]
            constant = _surplus(lanes, level, anchors, shares)
            found.append(_joined(lanes, made, shares, constant, steps=STEPS if by_spread else (1.0,)))
    return found


@dataclass(frozen=True, eq=False)
class _Maker:
    problem: Problem
    keep: Residency
    lanes: Lanes

    def tables(self, energy_pj: Values, levels: int, row: int | None = None) -> list[Table]:
        """Tables of the innermost levels at these energies, with the sizes of a machine below the last of them, else the largest."""
        family = self.lanes.family
        sizes = family.capacity_bits.max(axis=1)
        if row is not None:
            sizes[: levels - 1] = family.capacity_bits[: levels - 1, row]
        problem = with_numbers(self.problem, family, sizes, energy_pj)
        return build_tables(Setting(Shared(problem), self.keep), levels)

    def classes(self, level: int) -> tuple[Indices, Indices]:
        """Machines of which each stands for all with equal tables of a level, and for every machine which stands for it."""
        family = self.lanes.family
        energy = family.energy_pj[:, _concerned(self.lanes.setting, level)].reshape(-1, len(family))
        columns = np.concatenate([energy, family.capacity_bits[:level]]).T
        _, first, place = np.unique(columns, axis=0, return_index=True, return_inverse=True)
        return first, place.reshape(-1)

    def exact(self, level: int, row: int) -> Table:
        return self.tables(self.lanes.family.energy_pj[:, :, row], level + 1, row)[level]


def _concerned(setting: Setting, level: int) -> list[int]:
    """Levels whose energies the table of a level depends on: those inside, and parents without a fanout between."""
    outside = {
        parent
        for inner in range(level + 1)
        for t in range(len(setting.plan.tensors))
        if (parent := setting.keeper(inner, t)) > level
        and not any(level < fanout <= parent for fanout in setting.fanouts)
    }
    return [*range(level + 1), *sorted(outside)]


def _relaxed_energy(lanes: Lanes) -> Values:
    return lanes.family.energy_pj.min(axis=2)


def _anchors(lanes: Lanes, level: int) -> tuple[list[Values], Values]:
    """Energies [action, level] of a few machines that bound the table of a level, and the share of each for each lane.

    The first is the least of all; others are spread over the family, but for memories that only feed the compute units: what
    they cost beyond is added by `_surplus`.
    """
    setting, energy = lanes.setting, lanes.family.energy_pj
    least = _relaxed_energy(lanes)
    concerned = _concerned(setting, level)
    feeding = [
        at
        for at in concerned
        if all(at == setting.innermost[t] for t in range(len(setting.plan.tensors)) if setting.keep[at][t])
    ]
    varied = energy.copy()
    varied[:, feeding] = least[:, feeding, None]
    others = [at for at in range(setting.levels) if at not in concerned]
    varied[:, others] = least[:, others, None]
    flat, base = varied.reshape(-1, len(lanes)), least.reshape(-1, 1)
    scale = np.where(flat.mean(axis=1) > 0, 1 / np.maximum(flat.mean(axis=1), 1e-300), 0.0)
    points, chosen = flat * scale[:, None], [base]
    apart = np.abs(points - base * scale[:, None]).sum(axis=0)
    while len(chosen) < ANCHORS and apart.max() > 1e-6:
        far = int(apart.argmax())
        chosen.append(flat[:, far : far + 1])
        apart = np.minimum(apart, np.abs(points - points[:, far : far + 1]).sum(axis=0))
    shares = _shares([one[:, 0] for one in chosen], flat, scale)
    return [one[:, 0].reshape(least.shape) for one in chosen], shares


def _shares(anchors: list[Values], energy: Values, scale: Values) -> Values:
    """[anchor, lane]: for each lane the mean of two anchors that is not above its energies anywhere, and the most in sum."""
    lanes = energy.shape[1]
    best, shares = np.full(lanes, -1.0), np.zeros((len(anchors), lanes))
    for i, low in enumerate(anchors):
        below = (low[:, None] <= energy).all(axis=0)
        for j, high in enumerate(anchors):
            rise = (high - low)[:, None]
            with np.errstate(divide="ignore", invalid="ignore"):
                room = np.where(rise > 0, (energy - low[:, None]) / rise, np.inf)
            share = np.clip(room.min(axis=0), 0.0, 1.0) * (1 - 1e-12) if i != j else np.zeros(lanes)
            worth = (scale * low).sum() + share * (scale * (high - low)).sum()
            better = below & (worth > best)
            best = np.where(better, worth, best)
            shares[:, better] = 0.0
            shares[i, better] = 1.0 - share[better]
            shares[j, better] += share[better]
    return shares


def _surplus(lanes: Lanes, level: int, anchors: list[Values], shares: Values) -> Values:
    """[lane]: what a lane's energies beyond the mean of its anchors' cost at least inside any tile of a level.

    Every iteration reads its operands; of the first visits of output words, no more are saved than there can be.
    """
    setting = lanes.setting
    known = sum(anchor[:, :, None] * share for anchor, share in zip(anchors, shares, strict=True))
    blocks = np.array([memory.block for memory in setting.problem.architecture.levels])[:, None]
    beyond = np.maximum(lanes.family.energy_pj - known, 0.0) / blocks
    widest = [max((spread.total for spread in spreads), default=1) for spreads in setting.spreads]
    surplus = np.zeros(len(lanes))
    for t, keeper in enumerate(setting.innermost):
        if keeper > level:
            continue
        many = [widest[at] for at in setting.fanouts if at <= keeper and setting.plan.levels[at].multicast[t]]
        served = setting.macs / math.prod(many) * setting.charged(keeper)
        surplus += beyond[READ, keeper] * served
        if t == setting.output:
            surplus += beyond[UPDATE, keeper] * served
    return surplus - _most_credit(setting, level, beyond)


def _most_credit(setting: Setting, level: int, beyond: Values) -> Values:
    """[lane]: the most that first visits of output words can save of such energies per word."""
    reduced = [max((reduction(setting, spread) for spread in spreads), default=1) for spreads in setting.spreads]
    saved = np.zeros(beyond.shape[2])
    for at in range(level + 1):
        if setting.keep[at][setting.output]:
            outside = math.prod(reduced[at + 1 :]) * setting.output_words
            saved += (beyond[READ, at] + beyond[WRITE, at]) * outside
    return saved


# -- many tables as one ---------------------------------------------------------------------------------------------------


def _joined(
    lanes: Lanes, tables: list[Table], shares: Values, constant: Values, *, steps: tuple[float, ...]
) -> LaneTable:
    grid = lanes.setting.grid
    members: dict[Inside, list[Key]] = {}
    for key, inside in _merged({key for table in tables for key in table.values}, steps).items():
        members.setdefault(inside, []).append(key)
    keys = list(members)
    values = np.full((len(tables), len(keys), grid.size), NEVER)
    for a, table in enumerate(tables):
        for k, inside in enumerate(keys):
            for key in members[inside]:
                if key in table.values:
                    np.minimum(values[a, k], table.values[key].reshape(-1), out=values[a, k])
    rows = np.flatnonzero((values < NEVER).any(axis=(0, 1)))
    row_of = {int(flat): row for row, flat in enumerate(rows)}
    return LaneTable(grid.table[rows], keys, values[:, :, rows], shares, constant, row_of)


def _merged(keys: set[Key], steps: tuple[float, ...]) -> dict[Key, Inside]:
    """Keys that differ in their spatial trips alone, by a few classes of those."""
    alike: dict[tuple[tuple[int, ...], tuple[int, ...]], list[Key]] = {}
    for key in sorted(keys):
        alike.setdefault((key.pending, key.reduced), []).append(key)
    if len(keys) <= FEW_KEYS:
        return {key: Inside(key.pending, key.spread, key.spread, key.reduced) for key in sorted(keys)}
    found: dict[Key, Inside] = {}
    for (pending, reduced), some in alike.items():
        most = max(key.spread for key in some)
        classes: dict[int, list[Key]] = {}
        for key in some:
            classes.setdefault(sum(key.spread <= most * step for step in steps), []).append(key)
        for same in classes.values():
            trips = [key.spread for key in same]
            found.update(dict.fromkeys(same, Inside(pending, min(trips), max(trips), reduced)))
    return found
