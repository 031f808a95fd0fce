"""One search for many machines: the lattice from the outside in, each node bounded in the lane of every machine at once.

What is decided of a mapping is counted once, and every machine prices the counts. A node stays open while it may still beat the
best mapping of some machine; in each round every machine takes the step that looks best to it, and all profit. When nothing is
open for a machine, its best mapping is proven.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.search.exact.bounds import Bounds
from archloom.search.exact.candidates import allowed, fits_pool, full_batch, joined, orders
from archloom.search.exact.fills import tile_words
from archloom.search.exact.nodes import Node, least_shares, slide_state
from archloom.search.exact.outer import Outer
from archloom.search.exact.problem import Problem, Watch
from archloom.search.exact.residency import SLACK
from archloom.search.exact.setting import Residency, Setting, Shared, Spread, Spreads, residencies
from archloom.search.frontier.bounds import LaneBounds
from archloom.search.frontier.columns import outer_columns
from archloom.search.frontier.family import Family
from archloom.search.frontier.lanes import Lanes, least_problem, unit_problem
from archloom.search.frontier.pool import Pool
from archloom.search.frontier.tables import LaneTable, inside_all, lane_tables

__all__ = ["search_family"]

Values = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
Pair = tuple[Values, Values]
TOGETHER = 160
AT_MOST = 256
"""Machines that are searched together: at least, and at most."""
COLUMNS = 4096
"""Candidates bounded at once."""
NEAR = 1e-9
"""Objectives this close, relative, are compared by their second figures too."""
AT_ONCE = 3000
CLOSELY = 128
CHUNK = 16
"""Candidates that a machine has looked at closely, and decided, at once."""


def search_family(problem: Problem, pool: Pool, watch: Watch) -> Values:
    """Find the best mapping within one table of rules for every machine of the pool's family; returns the bounds proven [H].

    The bounds are inf where the search is finished: no mapping of this space beats the pool's best. What is found for one group of
    machines is where the others begin.
    """
    bound = np.full(len(pool.family), np.inf)
    for machines in _groups(pool.family):
        family = pool.family.taken(machines)
        spaces = [_Space(problem, keep, family) for keep in residencies(problem)]
        for space in sorted(spaces, key=lambda space: space.floor):
            if not _worse(pool, machines, *space.floor).all():
                left = _search(space, machines, pool, watch)
                bound[machines] = np.minimum(bound[machines], left)
    return bound


def _groups(family: Family) -> Iterator[Indices]:
    """Machines to search together: those with the same inner memories, and their neighbours until they are enough.

    The largest table is made for the largest inner memories of a group, and is the looser the more these differ.
    """
    inner = family.capacity_bits[: max(0, len(family.capacity_bits) - 2)]
    by = np.lexsort([*inner[::-1], np.zeros(len(family))])
    changes = np.any(inner[:, by[1:]] != inner[:, by[:-1]], axis=0) if len(inner) else np.zeros(len(family) - 1, bool)
    start = 0
    for end in [*(np.flatnonzero(changes) + 1).tolist(), len(family)]:
        if end - start >= TOGETHER or end == len(family):
            yield from np.array_split(by[start:end], max(1, (end - start) // AT_MOST))
            start = end


def _search(space: _Space, machines: Indices, pool: Pool, watch: Watch) -> Values:
    """Search one residency for some machines until nothing in it can be better; the bounds left if the time is over first."""
    if watch.expired():
        return np.full(len(machines), space.floor[0])
    search = _Residency(space.problem, space.lanes, machines, pool)
    while search.prune():
        if watch.expired():
            return search.value_of_open()
        search.step()
    return np.full(len(machines), np.inf)


class _Space:
    """One residency for a group of machines."""

    def __init__(self, problem: Problem, keep: Residency, family: Family) -> None:
        self.problem, self.keep, self.family = problem, keep, family

    @cached_property
    def lanes(self) -> Lanes:
        return Lanes.of(Shared(unit_problem(self.problem, self.family)), self.keep, self.family)

    @cached_property
    def floor(self) -> tuple[float, float]:
        """A bound on the objective and second figure of all mappings on all machines that needs no table."""
        relaxed = least_problem(self.problem, self.family)
        return Bounds(Setting(Shared(relaxed), self.keep), self.problem.objective).of_residency()


def _worse(pool: Pool, machines: Indices, value: Any, second: Any) -> Flags:
    """Which bounds [lane, ...] cannot beat the machines' best mappings."""
    best, tie = pool.value[machines], pool.second[machines]
    if np.ndim(value) > 1:
        best, tie = best[:, None], tie[:, None]
    return (value > best) | ((value >= best * SLACK * SLACK) & (second >= tie * SLACK * SLACK)) | np.isinf(value)


@dataclass(eq=False)
class _Open:
    """A node to expand, with what is known of it in each lane [M]."""

    node: Node
    energy: Values
    cycles: Values


@dataclass(eq=False)
class _Stream:
    """Ways through a node's block that may be best in some of its lanes; values [lanes, K]."""

    node: Node
    energy: Values
    cycles: Values
    lanes: Indices
    family: Lanes
    inner: LaneTable
    value: Values
    second: Values
    spread: Indices
    cell: Indices
    is_rough: Flags

    def ahead(self, size: int) -> tuple[Values, Values]:
        """Per machine the best that is left [size]."""
        value, second = np.full(size, np.inf), np.full(size, np.inf)
        if self.value.shape[1]:
            first = self.value.min(axis=1)
            value[self.lanes] = first
            near = self.value <= first[:, None] * (1 + NEAR)
            second[self.lanes] = np.where(near, self.second, np.inf).min(axis=1)
        return value, second

    def keep(self, columns: Flags) -> None:
        self.value, self.second = self.value[:, columns], self.second[:, columns]
        self.spread, self.cell, self.is_rough = self.spread[columns], self.cell[columns], self.is_rough[columns]


class _Residency:
    """The search of one residency for some machines, a lane each."""

    def __init__(self, problem: Problem, lanes: Lanes, machines: Indices, pool: Pool) -> None:
        self.problem, self.lanes, self.machines, self.pool = problem, lanes, machines, pool
        self.setting = lanes.setting
        self.bounds = LaneBounds(lanes, problem.objective)
        leaks = bool(lanes.family.leak_pj.any() or lanes.family.mac_leak_pj.any())
        by_spread = leaks or not self.bounds.energy_only or problem.rules.total_parallelism.low > 1
        self.tables = lane_tables(problem, lanes.setting.keep, lanes, by_spread=by_spread)
        self.items: list[_Open | _Stream] = []
        self.drafts: dict[int, list[tuple[list[Node], Values]]] = {}
        self.value, self.second = np.empty((0, len(machines))), np.empty((0, len(machines)))
        self.seen: dict[tuple[object, ...], list[Values]] = {}
        self._factors: dict[int, Values] = {}
        self._fitting: dict[int, tuple[Values, Values, Values]] = {}
        self._push_whole()

    # -- the open items ---------------------------------------------------------------------------------------------------

    def worse(self, value: Values, second: Values, lanes: Indices | slice = slice(None)) -> Flags:
        """Which bounds [lane, K] cannot beat the machines' best mappings."""
        return _worse(self.pool, self.machines[lanes], value, second)

    def prune(self) -> bool:
        """Drop what can be best nowhere any more; returns whether anything is left."""
        if self.items:
            dead = self.worse(self.value.T, self.second.T).T
            self.value[dead] = np.inf
            alive = np.any(np.isfinite(self.value), axis=1)
            if not alive.all():
                self.items = [item for item, kept in zip(self.items, alive, strict=True) if kept]
                self.value, self.second = self.value[alive], self.second[alive]
        return bool(self.items)

    def value_of_open(self) -> Values:
        return self.value.min(axis=0)

    def _push(self, items: list[_Open | _Stream], value: Values, second: Values) -> None:
        """Queue items with their bounds [items, M]."""
        self.items += items
        self.value, self.second = np.concatenate([self.value, value]), np.concatenate([self.second, second])

    def _push_whole(self) -> None:
        """The workload as the one tile of the outermost level."""
        setting = self.setting
        ones = np.ones((setting.levels, len(setting.plan.bounds)), np.int64)
        each = (1.0,) * len(setting.plan.tensors)
        alone = (self.bounds.alone,) * setting.levels
        node = Node(
            setting.levels - 1, setting.plan.bounds, ones, np.zeros_like(ones), alone, 0.0, 1.0, (0.0, 0.0), each, each
        )
        size = len(self.lanes)
        known = np.zeros((1, size))
        self._push([_Open(node, np.zeros(size), np.ones(size))], known, known.copy())

    def step(self) -> None:
        """Take what looks best to each machine one step further."""
        depth = np.array([item.node.level + isinstance(item, _Open) * 0.5 for item in self.items])
        value = self.value
        diving = np.isinf(self.pool.value[self.machines])
        if diving.any():
            deep = np.where(np.isfinite(value[:, diving]), depth[:, None], np.inf)
            value = value.copy()
            value[:, diving] = np.where(deep <= deep.min(axis=0), value[:, diving], np.inf)
        least = value.min(axis=0)
        near = value <= least * (1 + NEAR)
        tie = np.where(near, self.second, np.inf)
        tie_least = tie.min(axis=0)
        choice = np.where(near & (tie <= tie_least * (1 + NEAR)), depth[:, None], np.inf).argmin(axis=0)
        busy = np.flatnonzero(np.isfinite(least))
        for number in np.unique(choice[busy]).tolist():
            item = self.items[number]
            mine = busy[choice[busy] == number]
            if isinstance(item, _Open):
                stream = self._expand(item, self.value[number])
                self.items[number] = stream
                self.value[number], self.second[number] = stream.ahead(len(self.lanes))
            else:
                self._advance(item, mine)
                self.value[number], self.second[number] = item.ahead(len(self.lanes))
        drafts, self.drafts = self.drafts, {}
        for some in drafts.values():
            self._push_children(
                [node for nodes, _ in some for node in nodes], np.concatenate([k for _, k in some], axis=1)
            )

    # -- expanding a node -------------------------------------------------------------------------------------------------

    def _expand(self, item: _Open, known: Values) -> _Stream:
        """All ways through the node's block that may be best for some machine."""
        node, setting = item.node, self.setting
        lanes = np.flatnonzero(~self.worse(known[:, None], np.zeros((len(known), 1)))[:, 0])
        some = self.lanes.taken(lanes)
        table = self.tables[node.level - 1] if node.level else inside_all(setting)
        inner = table.taken(lanes) if node.level else table
        target = np.array(node.tile, dtype=np.float64)
        inside = np.flatnonzero((target % inner.extents == 0).all(axis=1))
        if node.level:
            inside = inside[self._fits(node.level - 1, inside, lanes).any(axis=0)]
        parts: list[tuple[Values, Values, Indices, Indices]] = []
        for numbers, rows in self._candidates(node, target, inner, inside):
            spread = Spreads(self.factors(node.level)[:, numbers])
            fits = self._fits(node.level - 1, rows, lanes) if node.level else np.ones((len(lanes), len(rows)), bool)
            value, second = self.bounds.ways_below(
                node, (item.energy[lanes], item.cycles[lanes]), spread, inner.coarse, rows, some, together=False
            )
            value = np.maximum(value, known[lanes, None])
            value = np.where(self.worse(value, second, lanes) | ~fits, np.inf, value)
            fine = np.isfinite(value).any(axis=0)
            parts.append((value[:, fine], second[:, fine], numbers[fine], rows[fine]))
        if not parts:
            none, empty = np.empty((len(lanes), 0)), np.empty(0, np.int64)
            parts = [(none, none, empty, empty)]
        value, second, numbers, rows = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
        is_rough = np.ones(len(rows), bool)
        stream = _Stream(node, item.energy, item.cycles, lanes, some, inner, value, second, numbers, rows, is_rough)
        if 0 < len(rows) <= AT_ONCE:
            self._look_closely(stream, np.arange(len(rows)))
        return stream

    def _fits(self, level: int, rows: Indices, lanes: Indices) -> Flags:
        """[lane, K]: whether tile shapes fit each machine's own memory at a level, and fill it enough."""
        if level not in self._fitting:
            setting = self.setting
            bits = np.zeros(len(self.tables[level].extents))
            for t, width in enumerate(setting.plan.levels[level].bits):
                if setting.keep[level][t]:
                    bits = bits + tile_words(setting, t, self.bounds.alone, self.tables[level].extents.T) * width
            usable = self.lanes.family.capacity_bits[level]
            share = self.problem.rules.min_fill[level]
            least = np.where(np.isfinite(usable), share * np.where(np.isfinite(usable), usable, 0.0), 0.0)
            self._fitting[level] = bits, least, usable
        bits, least, usable = self._fitting[level]
        return (bits[rows] <= usable[lanes, None]) & (bits[rows] >= least[lanes, None])

    def _candidates(
        self, node: Node, target: Values, inner: LaneTable, inside: Indices
    ) -> Iterator[tuple[Indices, Indices]]:
        """(spreads, rows of the tiles below) that make up the node's tile by loops that the rules allow, a block at a time."""
        setting = self.setting
        blocks: list[tuple[Indices, Indices]] = []
        held = 0
        for number, spread in enumerate(setting.spreads[node.level]):
            factors = np.array(spread.factors, dtype=np.float64)
            if (target % factors).any() or not fits_pool(setting, node, spread):
                continue
            trips = target / factors / inner.extents[inside]
            rows = inside[(trips == np.floor(trips)).all(axis=1) & allowed(setting, node.level, trips)]
            for start in range(0, len(rows), COLUMNS):
                part = rows[start : start + COLUMNS]
                blocks.append((np.full(len(part), number), part))
                held += len(part)
                if held >= COLUMNS:
                    yield joined(blocks)
                    blocks, held = [], 0
        if blocks:
            yield joined(blocks)

    def factors(self, level: int) -> Values:
        """Trips of every spread of a level, [dims, spreads]."""
        if level not in self._factors:
            self._factors[level] = np.array([s.factors for s in self.setting.spreads[level]], dtype=np.float64).T
        return self._factors[level]

    # -- advancing a stream -----------------------------------------------------------------------------------------------

    def _advance(self, stream: _Stream, machines: Indices) -> None:
        """Decide the candidates that look best to some machines, when a closer look has confirmed them."""
        lanes = np.flatnonzero(np.isin(stream.lanes, machines))
        while True:
            stream.value[self.worse(stream.value, stream.second, stream.lanes)] = np.inf
            stream.keep(np.any(np.isfinite(stream.value), axis=0))
            chosen = _best_of(stream.value[lanes], CHUNK)
            if not (chosen & stream.is_rough).any():
                break
            rough = stream.is_rough & (chosen | _best_of(stream.value[lanes], CLOSELY))
            self._look_closely(stream, np.flatnonzero(rough))
        columns = np.flatnonzero(chosen)
        if not len(columns):
            return
        value, spread, cell = stream.value[:, columns], stream.spread[columns], stream.cell[columns]
        stream.keep(~chosen)
        if stream.node.level == 0:
            self._price(stream.node, spread)
        else:
            self._descend(stream, value, spread, cell)

    def _look_closely(self, stream: _Stream, columns: Indices) -> None:
        node = stream.node
        spread = Spreads(self.factors(node.level)[:, stream.spread[columns]])
        known = stream.energy[stream.lanes], stream.cycles[stream.lanes]
        value, second = self.bounds.ways_below(
            node, known, spread, stream.inner, stream.cell[columns], stream.family, together=True
        )
        stream.value[:, columns] = np.maximum(stream.value[:, columns], value)
        stream.second[:, columns] = second
        stream.is_rough[columns] = False

    def _descend(self, stream: _Stream, value: Values, spread: Indices, cell: Indices) -> None:
        """Draft the children of these candidates: one per loop order that can differ."""
        setting, node, level = self.setting, stream.node, stream.node.level - 1
        drafts: list[Node] = []
        source: list[int] = []
        for k, row in enumerate(cell):
            way = setting.spreads[node.level][spread[k]]
            tile = tuple(int(v) for v in self.tables[level].extents[row])
            trips = [n // (e * s) for n, e, s in zip(node.tile, tile, way.factors, strict=True)]
            spreads = tuple(way if at == node.level else old for at, old in enumerate(node.spreads))
            for order in orders(setting, node.level, trips):
                temporal, positions = node.temporal.copy(), node.order.copy()
                temporal[node.level], positions[node.level] = trips, order
                drafts.append(
                    replace(node, level=level, tile=tile, temporal=temporal, order=positions, spreads=spreads)
                )
                source.append(k)
        known = np.full((len(self.lanes), len(drafts)), np.inf)
        known[stream.lanes] = value[:, source]
        self.drafts.setdefault(level, []).append((drafts, known))

    def _push_children(self, drafts: list[Node], known: Values) -> None:
        """Queue nodes, whose bounds are at least `known` [lane, node], unless others are at least as good."""
        setting, level = self.setting, drafts[0].level
        outer = _outer(drafts)
        counts, held = outer_columns(setting, outer), self._held_outside(outer)
        children: list[Node] = []
        kept: list[int] = []
        for k, draft in enumerate(drafts):
            shares = least_shares(setting, level, draft.tile, draft.temporal, draft.order, draft.spreads)
            runs = tuple(counts.runs[:, k].tolist())
            child = replace(draft, words=tuple(counts.words[:, k].tolist()), runs=runs, shares=shares)
            paid = counts.accesses[:, :, k].reshape(-1)
            figures = np.concatenate([paid, counts.words[:, k], -counts.runs[:, k], held[:, k]])
            if not self._dominated(child, figures):
                children.append(child)
                kept.append(k)
        if not children:
            return
        energy, cycles = counts.energy_pj(self.lanes)[:, kept], counts.cycles(self.lanes, level)[:, kept]
        value, second = self.bounds.nodes(children, energy, cycles, self.tables[level])
        value = np.maximum(value, known[:, kept])
        value[self.worse(value, second)] = np.inf
        alive = np.flatnonzero(np.isfinite(value).any(axis=0))
        items: list[_Open | _Stream] = [_Open(children[k], energy[:, k], cycles[:, k]) for k in alive]
        self._push(items, value.T[alive], second.T[alive])

    def _dominated(self, node: Node, figures: Values) -> bool:
        """Whether an equal tile, reached before with the same spreads, had no more of anything that any machine pays for.

        The outer memories count too: a tile that was reached through a larger one outside is of no use to a machine that cannot hold it.
        """
        signature = (node.level, node.tile, node.spreads, slide_state(self.setting, node))
        known = self.seen.setdefault(signature, [])
        tolerance = 1e-12 * np.abs(figures)
        if any((other <= figures + tolerance).all() for other in known):
            return True
        known.append(figures)
        return False

    def _held_outside(self, outer: Outer) -> Values:
        """[figures, B]: bits that the memories outside the nodes' level hold, where machines differ in their sizes.

        Where the rules ask for a least share of a memory, less is no better: then the negatives are figures as well.
        """
        setting, family = self.setting, self.lanes.family
        reach, found = outer.tile, [np.empty((0, outer.tile.shape[-1]))]
        for at in range(outer.level + 1, setting.levels - 1):
            reach = reach * outer.temporal[at] * outer.x[at] * outer.y[at]
            usable = family.capacity_bits[at]
            if (usable == usable[0]).all():
                continue
            bits = np.zeros((1, reach.shape[-1]))
            for t, width in enumerate(setting.plan.levels[at].bits):
                if setting.keep[at][t]:
                    bits = bits + tile_words(setting, t, self.bounds.alone, reach) * width
            found.append(bits)
            if self.problem.rules.min_fill[at]:
                found.append(-bits)
        return np.concatenate(found)

    def _price(self, node: Node, spread: Indices) -> None:
        """Price complete mappings on every machine."""
        setting, size = self.setting, len(spread)
        rows = [
            tuple(setting.spreads[0][number] if at == 0 else old for at, old in enumerate(node.spreads))
            for number in spread
        ]
        temporal = np.repeat(node.temporal[:, :, None], size, axis=2)
        for row, spreads in enumerate(rows):
            temporal[0, :, row] = [n // s for n, s in zip(node.tile, spreads[0].factors, strict=True)]
        order = np.repeat(node.order[:, :, None], size, axis=2)
        order[0] = np.array(orders(setting, 0, [2] * len(setting.plan.bounds))[0])[:, None]
        x, y = _axes(rows)
        fits = self._fills_all(temporal, x * y)
        self.pool.add(full_batch(setting, temporal, order, x, y), fits)

    def _fills_all(self, temporal: Indices, spatial: Indices) -> Flags | None:
        """[B, H]: whether the tiles fill each machine's memories as much as the rules ask; None where they do not ask."""
        rules, setting = self.problem.rules, self.setting
        if not any(rules.min_fill[: setting.levels - 1]):
            return None
        fits = np.ones((temporal.shape[-1], len(self.pool.family)), bool)
        reach = np.ones(temporal.shape[1:])
        for level in range(setting.levels - 1):
            reach = reach * temporal[level] * spatial[level]
            bits = sum(
                (
                    tile_words(setting, t, self.bounds.alone, reach) * width
                    for t, width in enumerate(setting.plan.levels[level].bits)
                    if setting.keep[level][t]
                ),
                np.zeros(len(fits)),
            )
            usable = self.pool.family.capacity_bits[level]
            least = np.where(np.isfinite(usable), rules.min_fill[level] * np.nan_to_num(usable, posinf=0.0), 0.0)
            fits &= bits[:, None] >= least
        return fits


def _best_of(value: Values, many: int) -> Flags:
    """[K]: the candidates that are among the best of some lane, of values [lane, K]."""
    chosen = np.zeros(value.shape[1], bool)
    if value.shape[1] > many:
        first = np.argpartition(value, many - 1, axis=1)[:, :many]
        chosen[first[np.isfinite(np.take_along_axis(value, first, axis=1))]] = True
        return chosen
    return np.any(np.isfinite(value), axis=0)


def _axes(rows: list[tuple[Spread, ...]]) -> tuple[Indices, Indices]:
    """Trips on both mesh axes: [levels, dims, B]."""
    x = np.array([[spread.x for spread in spreads] for spreads in rows]).transpose(1, 2, 0)
    y = np.array([[spread.y for spread in spreads] for spreads in rows]).transpose(1, 2, 0)
    return x, y


def _outer(nodes: list[Node]) -> Outer:
    x, y = _axes([node.spreads for node in nodes])
    return Outer(
        nodes[0].level,
        np.stack([node.temporal for node in nodes], axis=-1).astype(np.float64),
        np.stack([node.order for node in nodes], axis=-1).astype(np.float64),
        x.astype(np.float64),
        y.astype(np.float64),
        np.array([node.tile for node in nodes], dtype=np.float64).T,
    )
