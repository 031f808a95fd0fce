"""The lattice engine: the best mapping with level-synchronous tiles, found from the outside in under exact lower bounds.

Blocks are decided from the outermost level inward. What is decided is priced exactly (`outer`); what is not yet is bounded by
the tables (`tables`), which are tight but for bandwidths and a few halos. Nodes are expanded best first, so the first complete
mapping that comes up is the optimum, and at any time the least bound in the queue is a proven bound on all mappings.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count as counter

import numpy as np
from numpy.typing import NDArray

from archloom.model.batch import evaluate_batch
from archloom.model.evaluate import evaluate
from archloom.search.exact.bounds import SLACK, Bounds
from archloom.search.exact.candidates import allowed, fits_pool, full_batch, joined, orders
from archloom.search.exact.nodes import Cells, Node, Stream, cells_of, least_shares, origin, slide_state
from archloom.search.exact.outer import Outer, OuterCosts, outer_costs
from archloom.search.exact.problem import Answer, Found, Problem, Watch
from archloom.search.exact.setting import Residency, Setting, Shared, Spread, Spreads, residencies
from archloom.search.exact.tables import build_tables
from archloom.search.objective import Objective

__all__ = ["Lattice", "solve_lattice"]

Values = NDArray[np.float64]
Indices = NDArray[np.int64]
CHUNK = 64
"""Candidates decided at once."""
COLUMNS = 8192
"""Candidates bounded at once, or a little more: their arrays stay in cache."""


Entry = tuple[float, float, int, "_Search", Node | Stream | None]
"""In the queue: objective and second figure at least, ticket, whose, what (None: a residency not yet begun)."""


class Lattice:
    """One problem's lattices, by residency; they do not depend on the objective, so several searches share them."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        shared = Shared(problem)
        self.settings = [Setting(shared, keep) for keep in residencies(problem)]
        self._cells: dict[Residency, list[Cells]] = {}

    def cells(self, setting: Setting) -> list[Cells]:
        """The tables of a residency (built on first use)."""
        if setting.keep not in self._cells:
            self._cells[setting.keep] = [cells_of(setting, table) for table in build_tables(setting)]
        return self._cells[setting.keep]

    def solve(
        self,
        objective: Objective,
        watch: Watch,
        incumbent: Found | None = None,
        *,
        cycles_limit: float = math.inf,
    ) -> Answer:
        """The best mapping over all residencies (of at most `cycles_limit` cycles), with a proven bound.

        Stops early when `watch` expires: the answer is then the best mapping so far and the bound proven by then.
        """
        state = _State(objective, watch, incumbent)
        heap: list[Entry] = []
        ticket = counter()
        for setting in self.settings:
            search = _Search(state, Bounds(setting, objective, cycles_limit), self, heap, ticket)
            value, second = search.bounds.of_residency()
            if state.worse(np.array([value]), np.array([second]))[0]:
                state.exclude("residency", 1)
            else:
                heapq.heappush(heap, (value, second, next(ticket), search, None))
        least = _run(state, heap)
        best = state.key_of_best()[0]
        finished = math.isinf(least)
        return Answer(state.best, best if finished else min(least, best), finished, state.priced, state.excluded)


def _run(state: _State, heap: list[Entry]) -> float:
    """Search until nothing can be better; returns the least bound left (inf then), sooner when the time is over."""
    ticks = 0
    while heap:
        value, second, _, search, item = heapq.heappop(heap)
        if value > state.key_of_best()[0]:
            state.exclude("bound", len(heap) + 1)
            return math.inf
        if state.worse(np.array([value]), np.array([second]))[0]:
            state.exclude("bound", 1)  # a tie: others in the queue may still win by their second figure
            continue
        if state.watch.expired():
            return value
        if state.watch.tell is not None and ticks % 16 == 0:
            state.watch.tell(state.key_of_best()[0], value, state.priced)
        ticks += 1
        search.step(item, value)
    return math.inf


def solve_lattice(problem: Problem, watch: Watch, incumbent: Found | None = None) -> Answer:
    """Find the best level-synchronous mapping of a problem, with a certificate."""
    return Lattice(problem).solve(problem.objective, watch, incumbent)


@dataclass
class _State:
    """What all residencies of a search share: the best mapping so far, and the books."""

    objective: Objective
    watch: Watch
    best: Found | None
    priced: int = 0
    excluded: dict[str, int] = field(default_factory=dict)

    def key_of_best(self) -> tuple[float, float]:
        if self.best is None:
            return math.inf, math.inf
        return self.objective.key(self.best.energy_pj, self.best.cycles)

    def worse(self, value: Values, second: Values) -> NDArray[np.bool_]:
        """Which bounds cannot beat the best mapping: a larger cost, or an equal one and no smaller second figure."""
        best, tie = self.key_of_best()
        if math.isinf(best):
            return np.isinf(value)
        return (value > best) | ((value >= best * SLACK * SLACK) & (second >= tie * SLACK * SLACK))

    def exclude(self, why: str, many: int) -> None:
        if many:
            self.excluded[why] = self.excluded.get(why, 0) + many


class _Search:
    """The search of one residency, in the queue of all."""

    def __init__(
        self, state: _State, bounds: Bounds, lattice: Lattice, heap: list[Entry], ticket: Iterator[int]
    ) -> None:
        self.state = state
        self.bounds = bounds
        self.setting = bounds.setting
        self.lattice = lattice
        self.heap = heap
        self.ticket = ticket
        self.seen: dict[tuple[object, ...], list[Values]] = {}
        self._factors: dict[int, Values] = {}

    @property
    def cells(self) -> list[Cells]:
        return self.lattice.cells(self.setting)

    def step(self, item: Node | Stream | None, value: float) -> None:
        """Take what came up in the queue one step further; the first time (None), begin with the whole workload."""
        if isinstance(item, Node):
            self._push_stream(self._expand(item, value))
        elif isinstance(item, Stream):
            self._advance(item)
        else:
            self._dive(self._whole(), value)

    def _whole(self) -> Node:
        """The workload as the one tile of the outermost level."""
        setting = self.setting
        ones = np.ones((setting.levels, len(setting.plan.bounds)), np.int64)
        each = (1.0,) * len(setting.plan.tensors)
        alone = (self.bounds.alone,) * setting.levels
        idle = np.zeros_like(ones)
        return Node(setting.levels - 1, setting.plan.bounds, ones, idle, alone, 0.0, 1.0, (0.0, 0.0), each, each)

    def _dive(self, whole: Node, value: float) -> None:
        """Follow the best bound straight down to a complete mapping: a good incumbent within milliseconds."""
        everything, self.heap = self.heap, []
        aside: list[Entry] = []
        priced = self.state.priced
        self._push_stream(self._expand(whole, value))
        while self.heap and self.state.priced == priced:
            value, _, _, _, item = heapq.heappop(self.heap)
            aside += self.heap
            self.heap = []
            self.step(item, value)
            if isinstance(item, Stream):
                deeper = [entry for entry in self.heap if isinstance(entry[-1], Node)]
                if deeper:
                    aside += [entry for entry in self.heap if isinstance(entry[-1], Stream)]
                    self.heap = deeper
                    heapq.heapify(self.heap)
            if not self.heap:
                self.heap, aside = aside, []
                heapq.heapify(self.heap)
        left, self.heap = [*self.heap, *aside], everything
        for entry in left:
            heapq.heappush(everything, entry)

    def _push_nodes(self, nodes: list[Node], known: Values | float = 0.0) -> list[int]:
        """Queue the nodes that may still win; returns which."""
        if not nodes:
            return []
        value, second = self.bounds.of_nodes(nodes, self.cells[nodes[0].level], known)
        alive = np.flatnonzero(~self.state.worse(value, second))
        self.state.exclude("bound", len(nodes) - len(alive))
        for k in alive:
            heapq.heappush(self.heap, (float(value[k]), float(second[k]), next(self.ticket), self, nodes[k]))
        return alive.tolist()

    def _push_stream(self, stream: Stream) -> None:
        if stream.at < len(stream.value):
            value, second = float(stream.value[stream.at]), float(stream.second[stream.at])
            heapq.heappush(self.heap, (value, second, next(self.ticket), self, stream))

    # -- expanding a node -------------------------------------------------------------------------------------------------

    def _expand(self, node: Node, known: float = 0.0) -> Stream:
        """All ways through block `node.level` that may beat the best mapping, sorted by their bounds (at least `known`)."""
        setting = self.setting
        target = np.array(node.tile, dtype=np.float64)
        inner = self.cells[node.level - 1] if node.level else origin(setting)
        inside = np.flatnonzero((target % inner.extents == 0).all(axis=1))
        found: list[tuple[Values, Values, Indices, Indices]] = []
        for numbers, rows in self._candidates(node, target, inner, inside):
            choices = setting.spreads[node.level]
            spread = choices[0] if len(choices) == 1 else Spreads(self.factors(node.level)[:, numbers])
            value, second = self.bounds.below(node, spread, inner, rows, known)
            fine = ~self.state.worse(value, second)
            self.state.exclude("bound", len(rows) - int(fine.sum()))
            found.append((value[fine], second[fine], numbers[fine], rows[fine]))
        if not found:
            none = np.empty(0)
            return Stream(node, none, none, none.astype(np.int64), none.astype(np.int64))
        value: Values = np.concatenate([part[0] for part in found])
        second: Values = np.concatenate([part[1] for part in found])
        spreads: Indices = np.concatenate([part[2] for part in found])
        cells: Indices = np.concatenate([part[3] for part in found])
        by = np.lexsort((second, value))
        return Stream(node, value[by], second[by], spreads[by], cells[by])

    def _candidates(
        self, node: Node, target: Values, inner: Cells, inside: Indices
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
            if not len(rows):
                continue
            blocks.append((np.full(len(rows), number), rows))
            held += len(rows)
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

    def _advance(self, stream: Stream) -> None:
        """Decide a stream's next few candidates exactly: all orders of the block, priced; the rest goes back to the queue."""
        start, stop = stream.at, min(stream.at + CHUNK, len(stream.value))
        alive = ~self.state.worse(stream.value[start:stop], stream.second[start:stop])
        self.state.exclude("bound", stop - start - int(alive.sum()))
        stream.at = stop
        self._push_stream(stream)
        chosen = (np.flatnonzero(alive) + start).tolist()
        if not chosen:
            return
        if stream.node.level == 0:
            self._price(stream, chosen)
        else:
            self._descend(stream, chosen)

    def _descend(self, stream: Stream, chosen: list[int]) -> None:
        """Queue the children of these candidates: one per loop order that can differ, unless another is at least as good."""
        setting, node = self.setting, stream.node
        inner = self.cells[node.level - 1]
        drafts: list[tuple[tuple[int, ...], tuple[Spread, ...], Indices, Indices]] = []
        floors: list[float] = []
        for k in chosen:
            spread = setting.spreads[node.level][stream.spread[k]]
            tile = tuple(int(v) for v in inner.extents[stream.cell[k]])
            trips = [n // (e * s) for n, e, s in zip(node.tile, tile, spread.factors, strict=True)]
            spreads = tuple(spread if at == node.level else old for at, old in enumerate(node.spreads))
            for order in orders(setting, node.level, trips):
                temporal, positions = node.temporal.copy(), node.order.copy()
                temporal[node.level], positions[node.level] = trips, order
                drafts.append((tile, spreads, temporal, positions))
                floors.append(float(stream.value[k]))
        costs = outer_costs(
            setting,
            Outer(
                node.level - 1,
                np.stack([temporal for _, _, temporal, _ in drafts], axis=-1).astype(np.float64),
                np.stack([positions for _, _, _, positions in drafts], axis=-1).astype(np.float64),
                np.array([[s.x for s in spreads] for _, spreads, _, _ in drafts], dtype=np.float64).transpose(1, 2, 0),
                np.array([[s.y for s in spreads] for _, spreads, _, _ in drafts], dtype=np.float64).transpose(1, 2, 0),
                np.array([tile for tile, _, _, _ in drafts], dtype=np.float64).T,
            ),
        )
        children: list[Node] = []
        known: list[float] = []
        for k, (tile, spreads, temporal, positions) in enumerate(drafts):
            shares = least_shares(setting, node.level - 1, tile, temporal, positions, spreads)
            cycles = max(node.cycles, float(costs.cycles[k]))
            runs = tuple(costs.runs[:, k].tolist())
            child = Node(
                level=node.level - 1,
                tile=tile,
                temporal=temporal,
                order=positions,
                spreads=spreads,
                energy_pj=float(costs.energy_pj[k]),
                cycles=cycles,
                words=tuple(costs.words[:, k].tolist()),
                runs=runs,
                shares=shares,
            )
            if not self._dominated(child, costs, k):
                children.append(child)
                known.append(floors[k])
        self.state.exclude("dominance", len(drafts) - len(children))
        self._push_nodes(children, np.array(known))

    def _dominated(self, node: Node, costs: OuterCosts, k: int) -> bool:
        """Whether an equal tile, reached before with the same spreads, was no worse in every figure that what is inside can see."""
        signature = (node.level, node.tile, node.spreads, slide_state(self.setting, node))
        figures = np.concatenate([[node.energy_pj, node.cycles], costs.words[:, k], -costs.runs[:, k]])
        known = self.seen.setdefault(signature, [])
        tolerance = 1e-12 * np.abs(figures)
        if any((other <= figures + tolerance).all() for other in known):
            return True
        known.append(figures)
        return False

    def _price(self, stream: Stream, chosen: list[int]) -> None:
        """Price complete mappings with the model and keep the best."""
        setting, node, problem = self.setting, stream.node, self.setting.problem
        rows = [
            tuple(setting.spreads[0][stream.spread[k]] if at == 0 else old for at, old in enumerate(node.spreads))
            for k in chosen
        ]
        temporal = np.repeat(node.temporal[:, :, None], len(chosen), axis=2)
        for row, spreads in enumerate(rows):
            temporal[0, :, row] = [n // s for n, s in zip(node.tile, spreads[0].factors, strict=True)]
        order = np.repeat(node.order[:, :, None], len(chosen), axis=2)
        order[0] = np.array(orders(setting, 0, [2] * len(setting.plan.bounds))[0])[:, None]
        x = np.array([[s.x for s in spreads] for spreads in rows]).transpose(1, 2, 0)
        y = np.array([[s.y for s in spreads] for spreads in rows]).transpose(1, 2, 0)
        batch = full_batch(setting, temporal, order, x, y)
        result = evaluate_batch(problem.workload, problem.architecture, batch, drain_reads=problem.drain_reads)
        self.state.priced += len(chosen)
        value, second = self.bounds.pair(np.asarray(result.energy_pj), np.asarray(result.cycles))
        for row in np.lexsort((second, value)).tolist():
            best, tie = self.state.key_of_best()
            if math.isinf(value[row]) or not (
                value[row] < best * SLACK**3 or (value[row] <= best and second[row] < tie * SLACK**3)
            ):
                break
            mapping = batch.mapping(row, problem.workload, problem.architecture)
            exact = evaluate(problem.workload, problem.architecture, mapping, drain_reads=problem.drain_reads)
            self.state.best = Found(mapping, exact.energy_pj, exact.cycles)
