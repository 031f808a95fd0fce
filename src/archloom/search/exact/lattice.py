"""The lattice engine: the best mapping with level-synchronous tiles, found from the outside in under exact lower bounds.

Blocks are decided from the outermost level inward. What is decided is priced exactly (`outer`); what is not yet is bounded by
the tables (`tables`), which are tight but for bandwidths and a few halos. Nodes are expanded best first, so the first complete
mapping that comes up is the optimum, and at any time the least bound in the queue is a proven bound on all mappings.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from itertools import count as counter

import numpy as np
from numpy.typing import NDArray

from archloom.mapping.nest import Mapping
from archloom.model.arrays import MappingBatch
from archloom.model.batch import evaluate_batch
from archloom.model.evaluate import evaluate
from archloom.search.exact.fills import (
    executions,
    held_pj,
    reduction,
    serving_block,
    serving_pj,
    slide_pj,
    tile_words,
    turn_pj,
)
from archloom.search.exact.orders import different_orders
from archloom.search.exact.outer import Outer, OuterCosts, outer_costs
from archloom.search.exact.problem import Answer, Found, Problem, Watch
from archloom.search.exact.setting import Setting, Spread, residencies
from archloom.search.exact.tables import Key, Table, build_tables, open_credit, sequences

__all__ = ["solve_lattice"]

Values = NDArray[np.float64]
Indices = NDArray[np.int64]
SLACK = 1 - 1e-11
"""Bounds are lowered by this factor, so that rounding never excludes an optimum."""
CHUNK = 64


@dataclass(frozen=True, eq=False)
class Node:
    """A mapping decided for all blocks outside `level`, exactly priced there; `tile` is the shape of level's tiles."""

    level: int
    tile: tuple[int, ...]
    temporal: NDArray[np.int64]
    order: NDArray[np.int64]
    spreads: tuple[Spread, ...]
    energy_pj: float
    cycles: float
    runs: tuple[float, ...]
    slides: tuple[float, ...]
    """Per tensor: least share of a tile that is fetched anew when the loops outside move it (1: it cannot slide)."""


@dataclass(eq=False)
class Stream:
    """A node's ways through its next block, best bound first: (spread, shape of the tiles below) by index."""

    node: Node
    value: Values
    second: Values
    spread: Indices
    cell: Indices
    at: int = 0


@dataclass
class Cells:
    """A table as rows: shapes that some key reaches."""

    extents: Values
    keys: list[Key]
    values: Values


@dataclass
class Search:
    """One residency's search."""

    setting: Setting
    watch: Watch
    best: Found | None
    cells: list[Cells] = field(default_factory=list)
    heap: list[tuple[float, float, int, Node | Stream]] = field(default_factory=list)
    priced: int = 0
    excluded: dict[str, int] = field(default_factory=dict)
    seen: dict[tuple[object, ...], list[Values]] = field(default_factory=dict)
    ticket: counter[int] = field(default_factory=counter)

    # -- bookkeeping ------------------------------------------------------------------------------------------------

    def key_of_best(self) -> tuple[float, float]:
        if self.best is None:
            return math.inf, math.inf
        return self.setting.problem.objective.key(self.best.energy_pj, self.best.cycles)

    def worse(self, value: Values, second: Values) -> NDArray[np.bool_]:
        """Which bounds cannot beat the best mapping: a larger cost, or an equal one and no smaller second figure."""
        best, tie = self.key_of_best()
        if math.isinf(best):
            return np.isinf(value)
        equal = value >= best * SLACK
        return (value > best) | (equal & (second >= tie * SLACK))

    def push(self, value: float, second: float, item: Node | Stream) -> None:
        heapq.heappush(self.heap, (value, second, next(self.ticket), item))

    def exclude(self, why: str, many: int) -> None:
        if many:
            self.excluded[why] = self.excluded.get(why, 0) + many

    # -- bounds -----------------------------------------------------------------------------------------------------

    def keys(self, energy: Values, cycles: Values) -> tuple[Values, Values]:
        """Objective bound and second figure, as arrays."""
        objective = self.setting.problem.objective
        with np.errstate(over="ignore", invalid="ignore"):
            if objective.energy_power or objective.cycles_power:
                value = energy**objective.energy_power * cycles**objective.cycles_power
            else:
                value = objective.energy_weight * energy + objective.cycles_weight * cycles
        only_energy = objective.cycles_power == 0 and objective.cycles_weight == 0
        value = np.where(np.isfinite(energy), value, np.inf)
        return value * SLACK, (cycles if only_energy else energy) * SLACK


def solve_lattice(problem: Problem, watch: Watch, incumbent: Found | None = None) -> Answer:
    """Find the best level-synchronous mapping, over all residencies that the rules allow, with a proven bound.

    Stops early when `watch` expires: the answer is then the best mapping so far and the bound proven by then.
    """
    best, bound, priced = incumbent, math.inf, 0
    excluded: dict[str, int] = {}
    finished = True
    for keep in residencies(problem):
        search = Search(Setting(problem, keep), watch, best)
        least = _run(search)
        best, priced = search.best, priced + search.priced
        for why, many in search.excluded.items():
            excluded[why] = excluded.get(why, 0) + many
        bound = min(bound, least)
        finished = finished and not watch.expired()
    value = math.inf if best is None else problem.objective.value(best.energy_pj, best.cycles)
    return Answer(best, value if finished else min(bound, value), finished, priced, excluded)


def _run(search: Search) -> float:
    """Search one residency; returns the least bound left (inf when nothing better can exist)."""
    setting = search.setting
    tables = build_tables(setting)
    search.cells = [_cells(setting, table) for table in tables]
    ones = np.ones((setting.levels, len(setting.plan.bounds)), np.int64)
    alone = Spread(tuple(ones[0].tolist()), tuple(ones[0].tolist()))
    root = Node(
        setting.levels - 1,
        setting.plan.bounds,
        ones,
        np.zeros_like(ones),
        (alone,) * setting.levels,
        0.0,
        1.0,
        (1.0,) * len(setting.plan.tensors),
        (1.0,) * len(setting.plan.tensors),
    )
    value, second = _node_bound(search, root)
    if not search.worse(np.array([value]), np.array([second]))[0]:
        search.push(value, second, root)
    else:
        search.exclude("bound of a residency", 1)
    ticks = 0
    while search.heap:
        value, second, _, item = heapq.heappop(search.heap)
        if search.worse(np.array([value]), np.array([second]))[0]:
            search.exclude("bound", len(search.heap) + 1)
            return math.inf
        if search.watch.expired():
            return value
        ticks += 1
        if search.watch.tell is not None and ticks % 16 == 0:
            search.watch.tell(search.key_of_best()[0], value, search.priced)
        if isinstance(item, Node):
            stream = _expand(search, item)
            if len(stream.value):
                search.push(float(stream.value[0]), float(stream.second[0]), stream)
        else:
            _advance(search, item)
    return math.inf


def _cells(setting: Setting, table: Table) -> Cells:
    keys = list(table.values)
    if not keys:
        return Cells(np.empty((0, len(setting.plan.bounds))), [], np.empty((0, 0)))
    stacked = np.stack([table.values[key].reshape(-1) for key in keys])
    rows = np.flatnonzero(np.isfinite(stacked).any(axis=0))
    return Cells(setting.grid.table[rows], keys, stacked[:, rows])


# -- expanding a node -----------------------------------------------------------------------------------------------------


def _expand(search: Search, node: Node) -> Stream:
    """All ways through block `node.level`, with a lower bound each, those that may beat the best mapping sorted by it."""
    setting = search.setting
    target = np.array(node.tile, dtype=np.float64)
    values: list[Values] = []
    seconds: list[Values] = []
    spreads: list[Indices] = []
    cells: list[Indices] = []
    below = search.cells[node.level - 1] if node.level else _origin(setting)
    inside = np.flatnonzero((target % below.extents == 0).all(axis=1))
    for number, spread in enumerate(setting.spreads[node.level]):
        factors = np.array(spread.factors, dtype=np.float64)
        if (target % factors).any() or not _fits_pool(setting, node, spread):
            continue
        rows = inside[((target / factors) % below.extents[inside] == 0).all(axis=1)]
        rows = rows[_trips_allowed(setting, node.level, target / factors / below.extents[rows])]
        if not len(rows):
            continue
        value, second = _bounds_below(search, node, spread, below, rows)
        fine = ~search.worse(value, second)
        values.append(value[fine])
        seconds.append(second[fine])
        spreads.append(np.full(int(fine.sum()), number))
        cells.append(rows[fine])
    if not values:
        empty = np.empty(0)
        return Stream(node, empty, empty, empty.astype(np.int64), empty.astype(np.int64))
    value, second = np.concatenate(values), np.concatenate(seconds)
    by = np.lexsort((second, value))
    return Stream(node, value[by], second[by], np.concatenate(spreads)[by], np.concatenate(cells)[by])


def _origin(setting: Setting) -> Cells:
    key = Key((-1,) * len(setting.plan.tensors), 1, ())
    return Cells(np.ones((1, len(setting.plan.bounds))), [key], np.zeros((1, 1)))


def _trips_allowed(setting: Setting, level: int, trips: Values) -> NDArray[np.bool_]:
    allowed = np.ones(len(trips), bool)
    for d, span in enumerate(setting.temporal[level]):
        if span.low > 1 or span.high < setting.plan.bounds[d]:
            allowed &= (trips[:, d] >= span.low) & (trips[:, d] <= span.high)
    return allowed


def _fits_pool(setting: Setting, node: Node, spread: Spread) -> bool:
    """Whether the spread fits the meshes, where only the array as a whole limits it (Timeloop's check), and the total parallelism."""
    rules = setting.problem.rules
    total = spread.total * math.prod(node.spreads[at].total for at in range(node.level + 1, setting.levels))
    if total > rules.total_parallelism.high:
        return False
    if not rules.pooled:
        return True
    outside = range(node.level, setting.levels)
    x = math.prod(spread.x) * math.prod(math.prod(node.spreads[at].x) for at in outside if at > node.level)
    y = math.prod(spread.y) * math.prod(math.prod(node.spreads[at].y) for at in outside if at > node.level)
    return x <= math.prod(rules.mesh[at][0] for at in outside) and y <= math.prod(rules.mesh[at][1] for at in outside)


def _bounds_below(search: Search, node: Node, spread: Spread, below: Cells, rows: Indices) -> tuple[Values, Values]:
    """Bounds of the children with these tile shapes: the cheapest key of the table, after the cheapest way through the block."""
    setting, level = search.setting, node.level
    spreads = {at: node.spreads[at] for at in range(level + 1, setting.levels)} | {level: spread}
    reach = below.extents[rows].T
    best = np.full(len(rows), np.inf), np.full(len(rows), np.inf)
    way: dict[tuple[int, ...], Values] = {}
    fixed = node.energy_pj + _late_credit(setting, node, spread)
    for k, key in enumerate(below.keys):
        pending = _pending_below(setting, level, key)
        if pending not in way:
            way[pending] = _block_pj(setting, node, spread, reach, pending)
        outside = _reduced(setting, spreads, level)
        open_pj = open_credit(setting, level - 1, key, outside) if level else 0.0
        energy = (
            fixed + way[pending] + below.values[k, rows] + open_pj + _unserved_pj(setting, level, spreads, key.spread)
        )
        best = _better(best, _totals(search, energy, node.cycles, spreads, key.spread))
    return best


def _better(one: tuple[Values, Values], two: tuple[Values, Values]) -> tuple[Values, Values]:
    """The lexicographically smaller of two (value, second) pairs, element by element."""
    take = (two[0] < one[0]) | ((two[0] == one[0]) & (two[1] < one[1]))
    return np.where(take, two[0], one[0]), np.where(take, two[1], one[1])


def _totals(
    search: Search, energy: Values, cycles: float, spreads: dict[int, Spread], inner: int
) -> tuple[Values, Values]:
    """Objective bound and second figure from a bound on the traffic energy: adds compute, leakage and the latency bound.

    `spreads` are those of the levels decided; `inner` is the product of all spatial trips inside.
    """
    setting = search.setting
    used = math.prod(spread.total for spread in spreads.values()) * inner
    rules = setting.problem.rules
    if not rules.total_parallelism.low <= used <= rules.total_parallelism.high:
        return np.full(energy.shape, np.inf), np.full(energy.shape, np.inf)
    architecture = setting.problem.architecture
    least = max(setting.macs / used, cycles)
    running = architecture.compute.leak_pj * used
    for at, memory in enumerate(architecture.levels):
        if memory.leak_pj:
            gate = setting.plan.levels[at].gate
            of = at if gate is None else gate
            on = math.prod(spread.total for o, spread in spreads.items() if o > of)
            running += (
                memory.leak_pj
                * on
                * (1.0 if gate is None else architecture.instances[at] / architecture.instances[gate])
            )
    total = energy + architecture.compute.energy_pj * setting.macs + running * (least + setting.plan.latency)
    return search.keys(total, np.full(energy.shape, least + setting.plan.latency))


def _pending_below(setting: Setting, level: int, key: Key) -> tuple[int, ...]:
    if level == 0:
        return key.pending
    return tuple(h if h >= 0 else (level - 1 if setting.keep[level - 1][t] else -1) for t, h in enumerate(key.pending))


def _reduced(setting: Setting, spreads: dict[int, Spread], level: int) -> int:
    """Reduction trips of the fanouts at `level` and outward."""
    return math.prod(reduction(setting, spread) for at, spread in spreads.items() if at >= level)


def _late_credit(setting: Setting, node: Node, spread: Spread) -> float:
    """First-visit credit of a block: the reads of the output's next keeper, and its fills just below the block."""
    keeper = next(at for at in range(node.level, setting.levels) if setting.keep[at][setting.output])
    spreads = {at: node.spreads[at] for at in range(node.level + 1, setting.levels)} | {node.level: spread}
    saved = setting.read_credit_pj[keeper] * _reduced(setting, spreads, keeper + 1)
    if node.level:
        saved += setting.fill_credit_pj[node.level - 1] * _reduced(setting, spreads, node.level)
    return -float(saved) * setting.output_words


def _unserved_pj(setting: Setting, level: int, spreads: dict[int, Spread], inner: int) -> float:
    """Least energy of serving the compute units from keepers that no table inside block `level` has counted."""
    late = [t for t in range(len(setting.plan.tensors)) if serving_block(setting, t) >= level]
    return sum(
        serving_pj(setting, t, {at: s for at, s in spreads.items() if at in setting.fanouts}, inner) for t in late
    )


def _block_pj(setting: Setting, node: Node, spread: Spread, tile: Values, pending: tuple[int, ...]) -> Values:
    """Least energy of filling what is pending below the block, over the ways through it, for tile shapes [dims, K]."""
    start = tile * np.array(spread.factors, dtype=np.float64)[:, None]
    target = np.broadcast_to(np.array(node.tile, dtype=np.float64)[:, None], start.shape)
    best = np.full(tile.shape[1], np.inf)
    waiting = frozenset(t for t, h in enumerate(pending) if h >= 0)
    if not waiting:
        return np.zeros(tile.shape[1])
    level = node.level
    for steps, left in sequences(setting, waiting):
        reach, energy = start, np.zeros(tile.shape[1])
        for step in steps:
            for t, rank in step.turns:
                if rank < 0:
                    energy = energy + turn_pj(setting, level, t, pending[t], spread, reach)
            for t, rank in step.turns:
                if rank >= 0:
                    reach = _onward(reach, target, tuple(d for d, _ in setting.plan.tensors[t].ranks[rank]))
                    energy = energy + slide_pj(setting, level, t, pending[t], rank, spread, reach)
            reach = _onward(reach, target, step.dims)
        for t in left:
            relevant = list(setting.plan.tensors[t].relevant)
            still = (start[relevant] == target[relevant]).all(axis=0)
            waits = turn_pj(setting, level, t, pending[t], spread, target) * node.slides[t] / node.runs[t]
            energy = np.where(still, energy + waits, np.inf)
        best = np.minimum(best, energy)
    return best


def _onward(reach: Values, target: Values, dims: tuple[int, ...]) -> Values:
    moved = reach.copy()
    moved[list(dims)] = target[list(dims)]
    return moved


def _node_bound(search: Search, node: Node) -> tuple[float, float]:
    """Bound of a node from the table of its level."""
    setting, level = search.setting, node.level
    cells = search.cells[level]
    rows = np.flatnonzero((cells.extents == np.array(node.tile)).all(axis=1))
    if not len(rows):
        return math.inf, math.inf
    spreads = {at: node.spreads[at] for at in range(level + 1, setting.levels)}
    tile = np.array(node.tile, dtype=np.float64)[:, None]
    runs = executions(setting, tile)
    keeper = next(at for at in range(level, setting.levels) if setting.keep[at][setting.output])
    fixed = node.energy_pj
    if keeper > level:
        fixed -= float(setting.read_credit_pj[keeper]) * _reduced(setting, spreads, keeper + 1) * setting.output_words
    alone = Spread((1,) * len(node.tile), (1,) * len(node.tile))
    best = np.array([math.inf]), np.array([math.inf])
    for k, key in enumerate(cells.keys):
        energy = np.array(
            [fixed + cells.values[k, rows[0]] + open_credit(setting, level, key, _reduced(setting, spreads, level + 1))]
        )
        for t, h in enumerate(key.pending):
            if h >= 0:
                words = tile_words(setting, t, alone, tile) * held_pj(setting, level, t, h)
                energy = energy + words * runs * node.slides[t] / node.runs[t]
        energy = energy + _unserved_pj(setting, level + 1, spreads, key.spread)
        best = _better(best, _totals(search, energy, node.cycles, spreads, key.spread))
    return float(best[0][0]), float(best[1][0])


# -- advancing a stream ------------------------------------------------------------------------------------------------------


def _advance(search: Search, stream: Stream) -> None:
    """Decide a stream's next few candidates exactly: all orders of the block, priced; the rest goes back to the queue."""
    stop = min(stream.at + CHUNK, len(stream.value))
    picked = range(stream.at, stop)
    live = ~search.worse(stream.value[stream.at : stop], stream.second[stream.at : stop])
    chosen = [k for k, fine in zip(picked, live, strict=True) if fine]
    search.exclude("bound", len(picked) - len(chosen))
    stream.at = stop
    if stop < len(stream.value):
        search.push(float(stream.value[stop]), float(stream.second[stop]), stream)
    if not chosen:
        return
    if stream.node.level == 0:
        _price(search, stream, chosen)
    else:
        _descend(search, stream, chosen)


def _descend(search: Search, stream: Stream, chosen: list[int]) -> None:
    setting, node = search.setting, stream.node
    below = search.cells[node.level - 1]
    drafts: list[tuple[tuple[int, ...], Spread, NDArray[np.int64], NDArray[np.int64]]] = []
    for k in chosen:
        spread = setting.spreads[node.level][stream.spread[k]]
        tile = tuple(int(v) for v in below.extents[stream.cell[k]])
        trips = [n // (e * s) for n, e, s in zip(node.tile, tile, spread.factors, strict=True)]
        for order in _orders(setting, node.level, trips):
            temporal, positions = node.temporal.copy(), node.order.copy()
            temporal[node.level] = trips
            positions[node.level] = order
            drafts.append((tile, spread, temporal, positions))
    spreads = [tuple(s if at == node.level else old for at, old in enumerate(node.spreads)) for _, s, _, _ in drafts]
    outer = Outer(
        node.level - 1,
        np.stack([t for _, _, t, _ in drafts], axis=-1).astype(np.float64),
        np.stack([o for _, _, _, o in drafts], axis=-1).astype(np.float64),
        np.array([[s.x for s in row] for row in spreads], dtype=np.float64).transpose(1, 2, 0),
        np.array([[s.y for s in row] for row in spreads], dtype=np.float64).transpose(1, 2, 0),
        np.array([tile for tile, _, _, _ in drafts], dtype=np.float64).T,
    )
    costs = outer_costs(setting, outer)
    for k, (tile, _, temporal, positions) in enumerate(drafts):
        child = Node(
            node.level - 1,
            tile,
            temporal,
            positions,
            spreads[k],
            float(costs.energy_pj[k]),
            max(node.cycles, float(costs.cycles[k])),
            tuple(costs.runs[:, k].tolist()),
            _least_shares(setting, node.level - 1, tile, temporal, positions, spreads[k]),
        )
        value, second = _node_bound(search, child)
        if search.worse(np.array([value]), np.array([second]))[0]:
            search.exclude("bound", 1)
        elif _dominated(search, child, costs, k):
            search.exclude("dominance", 1)
        else:
            search.push(value, second, child)


def _orders(setting: Setting, level: int, trips: list[int]) -> list[list[int]]:
    """Positions of all active dims for each order of the block's loops that may differ in cost."""
    rules, active = setting.problem.rules, setting.plan.active
    present = tuple(d for d, trip in enumerate(trips) if trip > 1)
    inner = tuple(active.index(d) for d in rules.order_inner[level] if d in active)
    outer = tuple(active.index(d) for d in rules.order_outer[level] if d in active)
    latched = tuple(
        tensor for t, tensor in enumerate(setting.plan.tensors) if any(setting.keep[at][t] for at in range(level))
    )
    result: list[list[int]] = []
    for order in different_orders(present, latched, inner, outer):
        full = [*order, *(d for d in setting.plan.dims if d not in order)]
        result.append([full.index(d) for d in setting.plan.dims])
    return result


def _dominated(search: Search, node: Node, costs: OuterCosts, k: int) -> bool:
    """Whether an equal tile, reached before with the same spreads, was no worse in every figure that what is inside can see."""
    setting = search.setting
    signature = (node.level, node.tile, node.spreads, _slide_state(setting, node))
    figures = np.concatenate([[node.energy_pj, node.cycles], costs.words[:, k], -costs.runs[:, k]])
    known = search.seen.setdefault(signature, [])
    tolerance = 1e-9 * np.maximum(np.abs(figures), 1.0)
    if any((other <= figures + tolerance).all() for other in known):
        return True
    known.append(figures)
    return False


def _slide_state(setting: Setting, node: Node) -> tuple[object, ...]:
    """The loops outside the tile that can still slide a tensor's inner tiles, innermost first, with trips."""
    return tuple(
        tuple(_chain(setting, t, node.level, node.temporal, node.order)[0])
        for t, tensor in enumerate(setting.plan.tensors)
        if tensor.sliding
    )


def _chain(
    setting: Setting, t: int, level: int, temporal: NDArray[np.int64], order: NDArray[np.int64]
) -> tuple[list[tuple[int, int, int]], frozenset[int]]:
    """Loops (level, dim, trip) outside `level` until one turns the tile of t, and the dims of the rank that it slides along."""
    tensor = setting.plan.tensors[t]
    loops: list[tuple[int, int, int]] = []
    shared: frozenset[int] | None = None
    for at in range(level + 1, setting.levels):
        for d in sorted(setting.plan.dims, key=lambda d, at=at: order[at, d]):
            trip = int(temporal[at, d])
            if trip == 1:
                continue
            if d in tensor.relevant:
                if shared is None:
                    ranks = [frozenset(e for e, _ in tensor.ranks[k]) for k in tensor.sliding]
                    shared = next((rank for rank in ranks if d in rank), frozenset())
                if d not in shared:
                    return loops, shared
            loops.append((at, d, trip))
    return loops, shared or frozenset()


def _least_shares(
    setting: Setting,
    level: int,
    tile: tuple[int, ...],
    temporal: NDArray[np.int64],
    order: NDArray[np.int64],
    spreads: tuple[Spread, ...],
) -> tuple[float, ...]:
    """Least share of an inner tile fetched anew per move of the loops outside `level`: 1 where nothing slides."""
    shares: list[float] = []
    for t, tensor in enumerate(setting.plan.tensors):
        loops, shared = _chain(setting, t, level, temporal, order)
        sliding = [(at, d) for at, d, _ in loops if d in shared]
        if not sliding:
            shares.append(1.0)
            continue
        terms = next(tensor.ranks[k] for k in tensor.sliding if {d for d, _ in tensor.ranks[k]} == shared)
        side = 1 + sum(c * (tile[d] - 1) for d, c in terms)
        at, first = sliding[0]
        step = dict(terms)[first] * tile[first] * math.prod(spreads[o].factors[first] for o in range(level + 1, at + 1))
        shares.append(min(1.0, step / side) if len({d for _, d in sliding}) == 1 else 0.5 / side)
    return tuple(shares)


def _price(search: Search, stream: Stream, chosen: list[int]) -> None:
    """Price complete mappings with the model and keep the best."""
    setting, node = search.setting, stream.node
    spreads = [setting.spreads[0][stream.spread[k]] for k in chosen]
    temporal = np.repeat(node.temporal[:, :, None], len(chosen), axis=2)
    for row, spread in enumerate(spreads):
        temporal[0, :, row] = [n // s for n, s in zip(node.tile, spread.factors, strict=True)]
    order = np.repeat(node.order[:, :, None], len(chosen), axis=2)
    first = _orders(setting, 0, [2] * len(setting.plan.bounds))[0]
    order[0] = np.array(first)[:, None]
    x = np.array([[(s if at == 0 else old).x for at, old in enumerate(node.spreads)] for s in spreads]).transpose(
        1, 2, 0
    )
    y = np.array([[(s if at == 0 else old).y for at, old in enumerate(node.spreads)] for s in spreads]).transpose(
        1, 2, 0
    )
    batch = _full_batch(setting, temporal, order, x, y)
    problem = setting.problem
    result = evaluate_batch(problem.workload, problem.architecture, batch, drain_reads=problem.drain_reads)
    search.priced += len(chosen)
    for row in range(len(chosen)):
        energy, cycles = float(result.energy_pj[row]), float(result.cycles[row])
        if math.isinf(energy):
            continue
        value, second = problem.objective.key(energy, cycles)
        best, tie = search.key_of_best()
        if value < best * SLACK or (value <= best / SLACK and second < tie * SLACK):
            mapping: Mapping = batch.mapping(row, problem.workload, problem.architecture)
            exact = evaluate(problem.workload, problem.architecture, mapping, drain_reads=problem.drain_reads)
            search.best = Found(mapping, exact.energy_pj, exact.cycles)


def _full_batch(setting: Setting, temporal: Indices, order: Indices, x: Indices, y: Indices) -> MappingBatch:
    """Arrays over all dims of the workload: dims of bound 1 are outermost and idle."""
    problem, active = setting.problem, list(setting.plan.active)
    dims, size = len(problem.workload.dims), temporal.shape[-1]
    idle = [d for d in range(dims) if d not in active]
    tables = [np.ones((setting.levels, dims, size), np.int64) for _ in range(4)]
    for table, part in zip(tables, (temporal, order, x, y), strict=True):
        table[:, active] = part
    for k, d in enumerate(idle):
        tables[1][:, d] = len(active) + k
    keep = np.repeat(np.array(setting.keep)[:, :, None], size, axis=2)
    return MappingBatch(tables[0], tables[1], tables[2], tables[3], keep)
