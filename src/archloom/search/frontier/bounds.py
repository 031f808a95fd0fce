"""Lower bounds for many machines at once: the lattice's bounds, with the words worked out once and priced in every lane."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product as cartesian
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from archloom.search.exact.bounds import SAME, SLACK, Bounds
from archloom.search.exact.fills import (
    crossed,
    executions,
    least_distinct,
    least_words,
    serving_block,
    serving_pj,
    slide_words,
    tile_words,
    turn_words,
)
from archloom.search.exact.nodes import Node
from archloom.search.exact.setting import Spread, Spreads
from archloom.search.exact.ways import UNSERVED, open_states, rank_of, sequences, start_of
from archloom.search.frontier.blocks import Ways, WaysBuilder
from archloom.search.frontier.lanes import Lanes
from archloom.search.frontier.pool import values_of
from archloom.search.frontier.tables import NEVER, Inside, LaneTable
from archloom.search.objective import Objective

__all__ = ["LaneBounds"]

Values = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
Pair = tuple[Values, Values]
MOST_SPREADS = 20_000


class LaneBounds(Bounds):
    """Bounds for one residency and objective in every lane: pairs (objective, second figure), arrays [lane, K]."""

    def __init__(self, lanes: Lanes, objective: Objective) -> None:
        super().__init__(lanes.setting, objective)
        self.lanes = lanes
        self._stretch_by_total: dict[int, dict[int, Values]] = {}
        self._slid: WeakKeyDictionary[Node, dict[tuple[int, int], float]] = WeakKeyDictionary()

    # -- ways through a block ---------------------------------------------------------------------------------------------

    def ways_below(
        self, node: Node, known: Pair, spread: Spreads, inner: LaneTable, rows: Indices, lanes: Lanes, *, together: bool
    ) -> Pair:
        """Bounds of a node's children with these spreads and tile shapes, in some lanes: [lane, K].

        `known`: energy and cycles [lane] of the node so far; `inner` has those lanes. In the closer look (`together`) all tensors
        share one order of loops; without it, each may have the one that suits it.
        """
        block = _Block(node, spread, inner.extents[rows].T)
        return self._over_keys(block, *known, inner, rows, lanes, together=together)

    def _over_keys(
        self,
        block: _Block,
        energy: Values,
        cycles: Values,
        inner: LaneTable,
        rows: Indices,
        lanes: Lanes,
        *,
        together: bool,
    ) -> Pair:
        """The cheapest key of each child, after the cheapest way through the node's block."""
        setting, node, level, spread = self.setting, block.node, block.node.level, block.spread
        spreads: dict[int, Spread | Spreads] = {at: node.spreads[at] for at in range(level + 1, setting.levels)}
        spreads[level] = spread
        totals = np.ones((setting.levels, len(rows)))
        for at, one in spreads.items():
            totals[at] = one.total
        fixed = energy[:, None] + self._credit_late(node, spreads, lanes)
        stretched = self._stretched({at: one for at, one in spreads.items() if at in setting.fanouts}, lanes)
        outside = self._reduced(spreads, level)
        filled: dict[tuple[int, ...], Pair] = {}
        best: Pair | None = None
        for k, key in enumerate(inner.keys):
            pending = self._pending(level, key)
            if pending not in filled:
                traffic, needed = self._filled(block, cycles, pending, lanes, together=together)
                crossing = self._crossed_words(node, spread, block.tile, pending, lanes)
                filled[pending] = fixed + traffic + crossing, needed
            total = filled[pending][0] + inner.at(k, rows)
            if level:
                total = total + self._credit_open(level - 1, key, outside, lanes)
            total = total + self._served_outside(level, spreads, key.high, lanes)
            pair = self._pairs(total, filled[pending][1], totals, key, stretched, level, lanes)
            best = pair if best is None else _better(best, pair)
        assert best is not None
        return best

    def _filled(self, block: _Block, cycles: Values, pending: tuple[int, ...], lanes: Lanes, *, together: bool) -> Pair:
        """Least energy of filling what is pending below the node's block, and the least cycles that its level needs for it."""
        level = block.node.level
        states = open_states(pending)
        if not states:
            return np.zeros((len(lanes), 1)), cycles[:, None]
        ways = self._words_through(block, pending) if together else self._words_alone(block, pending)
        tensors = sorted(t for t, _ in states)
        prices = np.concatenate([np.stack(lanes.coefficients(level, t, start_of(pending[t]))) for t in tensors])
        return ways.energy_pj(prices.T), self._cycles_below(block.node, cycles, ways.ports, lanes)

    def _words_alone(self, block: _Block, pending: tuple[int, ...]) -> Ways:
        """The fewest words of each tensor that is pending, whatever the order of loops that this takes: as one way.

        They only fall with the loops that a fill spans: those over all dims that do not matter to it, and its rank's.
        """
        setting, node, level, spread = self.setting, block.node, block.node.level, block.spread
        start = block.tile * spread.factors
        target = np.broadcast_to(np.array(node.tile, dtype=np.float64)[:, None], start.shape)
        still = start == target
        fewest: dict[int, tuple[Values, Values]] = {}
        for t, rank in sorted(open_states(pending)):
            tensor = setting.plan.tensors[t]
            options: list[tuple[Values, Values]] = []
            if rank < 0:
                reach = _onward(start, target, tensor.irrelevant)
                options.append(turn_words(setting, level, t, start_of(pending[t]), spread, reach))
                options.append(self._if_open(block, t, pending[t], -1, target, still, tensor.irrelevant))
            for along in tensor.sliding if rank < 0 else (rank,):
                dims = (*tensor.irrelevant, *(d for d, _ in tensor.ranks[along]))
                reach = _onward(start, target, dims)
                options.append(slide_words(setting, level, t, pending[t], along, spread, reach))
                options.append(self._if_open(block, t, pending[t], along, target, still, dims))
            entering, served = (np.minimum.reduce(np.broadcast_arrays(*parts)) for parts in zip(*options, strict=True))
            fewest[t] = entering, served
        found = WaysBuilder(start.shape[1])
        words = [part for t in sorted(fewest) for part in fewest[t]]
        found.add(words, np.ones(start.shape[1], bool), self._served(level, fewest, start.shape[1]))
        return found.ways()

    def _if_open(
        self, block: _Block, t: int, state: int, rank: int, target: Values, still: Flags, done: tuple[int, ...]
    ) -> tuple[Values, Values]:
        """Words of a fill that the block leaves open, inf where loops that would end it are needed."""
        possible = still[[d for d in self.setting.plan.dims if d not in done]].all(axis=0)
        if not possible.any():
            none = np.full(possible.shape, np.inf)
            return none, none
        entering, served = self._left_open(block.node, t, state, rank, block.spread, target)
        return np.where(possible, entering, np.inf), np.where(possible, served, np.inf)

    def _slid_words(self, node: Node, t: int, rank: int) -> float:
        known = self._slid.setdefault(node, {})
        if (t, rank) not in known:
            known[t, rank] = super()._slid_words(node, t, rank)
        return known[t, rank]

    def _pending(self, level: int, key: Inside) -> tuple[int, ...]:
        if level == 0:
            return key.pending
        kept = self.setting.keep[level - 1]
        return tuple(level - 1 if h == -1 and kept[t] else h for t, h in enumerate(key.pending))

    def _crossed_words(
        self, node: Node, spread: Spreads, tile: Values, pending: tuple[int, ...], lanes: Lanes
    ) -> Values | float:
        """Least energy of serving tensors that turned inside the tiles, where the fanout before their parent is crossed."""
        setting, level = self.setting, node.level
        total: Values | float = 0.0
        for t, h in enumerate(pending):
            if h != UNSERVED:
                continue
            at = setting.last_fanout(level, t)
            if at is None or at == level:
                reach = tile * spread.factors
                words = least_words(setting, t, reach) * executions(setting, reach)
            else:
                words = self._fetched([node], t, 1.0)
            total = total + lanes.parent_pj[setting.keeper(level, t), t][:, None] * words
        return total

    def _words_through(self, block: _Block, pending: tuple[int, ...]) -> Ways:
        """The words of all ways of filling what is pending below the node's block."""
        setting, node, level, spread = self.setting, block.node, block.node.level, block.spread
        start = block.tile * spread.factors
        size = start.shape[1]
        target = np.broadcast_to(np.array(node.tile, dtype=np.float64)[:, None], start.shape)
        still = start == target
        states = open_states(pending)
        tensors = sorted(t for t, _ in states)
        known: dict[tuple[object, ...], tuple[Values, Values]] = {}

        def turned(t: int, reach: Values, done: frozenset[int]) -> tuple[Values, Values]:
            """The words if t turns here: the same for all ways that come here by loops over the same dims."""
            if (t, done) not in known:
                known[t, done] = turn_words(setting, level, t, start_of(pending[t]), spread, reach)
            return known[t, done]

        found = WaysBuilder(size)
        for steps, left in sequences(setting, states):
            reach, done = start, frozenset[int]()
            words: dict[int, tuple[Values, Values]] = {}
            for step in steps:
                for turn in step.turns:
                    if turn.rank < 0:
                        words[turn.tensor] = turned(turn.tensor, reach, done)
                for turn in step.turns:
                    if turn.rank >= 0:
                        reach, done = _onward(reach, target, turn.along), done | frozenset(turn.along)
                        t, slid = turn.tensor, (turn.tensor, turn.rank, done, "slid")
                        if slid not in known:
                            known[slid] = slide_words(setting, level, t, pending[t], turn.rank, spread, reach)
                        words[t] = known[slid]
                if step.dims:
                    reach, done = _onward(reach, target, step.dims), done | frozenset(step.dims)
            possible = np.ones(size, bool)
            for t, rank in left:
                dims = setting.plan.tensors[t].relevant if rank < 0 else setting.plan.dims
                possible &= still[[d for d in dims if d not in done]].all(axis=0)
                if (t, rank, "open") not in known:
                    known[t, rank, "open"] = self._left_open(node, t, pending[t], rank, spread, target)
                words[t] = known[t, rank, "open"]
            if possible.any():
                found.add([part for t in tensors for part in words[t]], possible, self._served(level, words, size))
        return found.ways()

    def _cycles_below(self, node: Node, cycles: Values, ports: tuple[Values, Values, Values], lanes: Lanes) -> Values:
        setting, level = self.setting, node.level
        used = math.prod(node.spreads[at].total for at in range(level + 1, setting.levels))
        filled = node.words[len(node.words) // 2]
        reads, writes, both = (port / used for port in ports)
        needed = lanes.port_cycles(level, reads, writes + filled, both + filled)
        return cycles[:, None] if needed is None else np.maximum(cycles[:, None], needed * SLACK)

    def _credit_late(self, node: Node, spreads: Mapping[int, Spread | Spreads], lanes: Lanes) -> Values:
        """First-visit credit of a block: the reads of the output's next keeper, and its fills just below the block."""
        keeper = self._keeper(node.level)
        saved = lanes.read_credit_pj[keeper][:, None] * self._reduced(spreads, keeper + 1)
        if node.level:
            saved = saved + lanes.fill_credit_pj[node.level - 1][:, None] * self._reduced(spreads, node.level)
        return -saved * self.setting.output_words

    def _credit_open(self, level: int, key: Inside, outside: Any, lanes: Lanes) -> Values | float:
        """Credit that the table of a level does not hold yet, given the reduction trips outside: [lane, K or 1]."""
        setting = self.setting
        if not setting.fanouts or level >= setting.fanouts[-1]:
            return 0.0
        trails = [
            math.prod(trips for f, trips in zip(setting.fanouts, key.reduced, strict=False) if f > at)
            for at in range(level + 1)
        ]
        return lanes.first_visits_pj(level, trails)[:, None] * outside

    def _served_outside(
        self, level: int, spreads: Mapping[int, Spread | Spreads], inner: int, lanes: Lanes
    ) -> Values | float:
        """Least energy of serving the compute units from keepers that no table inside block `level` has counted: [lane, K or 1]."""
        setting = self.setting
        fanned = {at: spread for at, spread in spreads.items() if at in setting.fanouts}
        total: Values | float = 0.0
        for t, keeper in enumerate(setting.innermost):
            if serving_block(setting, t) >= level:
                words = serving_pj(setting, t, fanned, inner) / setting.parent_pj[keeper, t]
                total = total + lanes.parent_pj[keeper, t][:, None] * words
        return total

    # -- nodes ------------------------------------------------------------------------------------------------------------

    def nodes(self, nodes: Sequence[Node], energy: Values, cycles: Values, table: LaneTable) -> Pair:
        """Bounds [lane, node] of nodes of one level, of which `energy`, `cycles` [lane, node] are known."""
        setting, level, lanes = self.setting, nodes[0].level, self.lanes
        rows = np.array([table.row_of.get(setting.grid.flat(node.tile), -1) for node in nodes])
        totals = np.ones((setting.levels, len(nodes)))
        for at in range(level + 1, setting.levels):
            totals[at] = [node.spreads[at].total for node in nodes]
        groups: dict[tuple[Spread, ...], int] = {}
        group = np.array([groups.setdefault(node.spreads[level + 1 :], len(groups)) for node in nodes])
        outer = [dict(enumerate(spreads, level + 1)) for spreads in groups]
        reduced = np.array([self._reduced(some, level + 1) for some in outer])[group]
        fixed = energy
        keeper = self._keeper(level)
        if keeper > level:
            late = np.array([self._reduced(some, keeper + 1) for some in outer])[group]
            fixed = fixed - lanes.read_credit_pj[keeper][:, None] * late * setting.output_words
        stretched = np.concatenate([self._stretched(some, lanes) for some in outer], axis=1)[:, group]
        waiting: dict[tuple[int, ...], Pair] = {}
        best: Pair | None = None
        for k, key in enumerate(table.keys):
            if key.pending not in waiting:
                filled = fixed + self._open_fills(nodes, key.pending)
                waiting[key.pending] = filled, self._open_cycles(nodes, cycles, totals, key.pending)
            total = waiting[key.pending][0] + table.at(k, rows)
            total = total + self._credit_open(level, key, reduced[None, :], lanes)
            unserved = [self._served_outside(level + 1, some, key.high, lanes) for some in outer]
            if not all(isinstance(one, float) for one in unserved):
                total = total + np.concatenate([np.asarray(one) for one in unserved], axis=1)[:, group]
            pair = self._pairs(total, waiting[key.pending][1], totals, key, stretched, level + 1, lanes)
            best = pair if best is None else _better(best, pair)
        nowhere = rows < 0
        if best is None:
            nowhere = np.ones(len(nodes), bool)
            best = np.empty((len(lanes), len(nodes))), np.empty((len(lanes), len(nodes)))
        return np.where(nowhere, np.inf, best[0]), np.where(nowhere, np.inf, best[1])

    def _open_fills(self, nodes: Sequence[Node], pending: tuple[int, ...]) -> Values:
        """Least energy [lane, node] of what waits for the loops outside: fills that go on, and parents behind a fanout."""
        setting, level, lanes = self.setting, nodes[0].level, self.lanes
        tile = np.array([node.tile for node in nodes], dtype=np.float64).T
        energy = np.zeros((len(lanes), len(nodes)))
        for t, h in enumerate(pending):
            if h >= 0 and rank_of(h) < 0:
                moved = np.array([node.shares[t] / node.runs[t] for node in nodes])
                inside = crossed(setting, h, level)
                words = least_words(setting, t, tile) if inside else tile_words(setting, t, self.alone, tile)
                words = words * executions(setting, tile) * moved
                energy = energy + lanes.held_pj(level, t, h)[:, None] * words
            elif h >= 0:
                slid = np.array([self._slid_words(node, t, rank_of(h)) for node in nodes])
                energy = energy + lanes.held_pj(level, t, start_of(h))[:, None] * slid
                continue
            if h == UNSERVED or (
                h >= 0 and not setting.keep[level][t] and setting.last_fanout(level + 1, t) is not None
            ):
                price = lanes.parent_pj[setting.keeper(level + 1, t), t]
                again = 1.0 if h == UNSERVED else np.array([node.shares[t] / node.runs[t] for node in nodes])
                energy = energy + price[:, None] * self._fetched(nodes, t, again)
        return energy

    def _open_cycles(self, nodes: Sequence[Node], cycles: Values, totals: Values, pending: tuple[int, ...]) -> Values:
        """Least cycles [lane, node] of the outer levels, with each word that a tensor held further inside must still fetch."""
        setting, level, lanes = self.setting, nodes[0].level, self.lanes
        if all(lane is None for port in lanes.family.bandwidth for lane in port[level:]):
            return cycles
        words = np.array([node.words for node in nodes]).T
        reads, writes = words[: setting.levels - level].copy(), words[setting.levels - level :].copy()
        for t, tensor in enumerate(setting.plan.tensors):
            keeper = setting.keeper(level, t)
            h = pending[t]
            if h >= 0 and rank_of(h) >= 0:
                continue
            again = np.array([node.shares[t] / node.runs[t] for node in nodes]) if h >= 0 else 1.0
            target = writes if tensor.is_output else reads
            target[keeper - level] += self._fetched(nodes, t, again) / totals[keeper + 1 :].prod(axis=0)
        for at in range(level, setting.levels):
            needed = lanes.port_cycles(at, np.maximum(reads[at - level], 0.0), np.maximum(writes[at - level], 0.0))
            if needed is not None:
                cycles = np.maximum(cycles, needed * SLACK)
        return cycles

    # -- totals -----------------------------------------------------------------------------------------------------------

    def _pairs(
        self, energy: Values, cycles: Values, totals: Values, key: Inside, slow: Values, level: int, lanes: Lanes
    ) -> Pair:
        """Pairs from bounds on the traffic energy: adds compute, leakage and the latency bound.

        `totals` [levels, K]: spatial trips of the decided fanouts (1 elsewhere); `slow`: cycles per step of the array.
        """
        setting, family = self.setting, lanes.family
        most, least_used = totals.prod(axis=0) * key.high, totals.prod(axis=0) * key.low
        inside = self._stretched_inside(level, key)
        if inside is not None:
            slow = np.maximum(slow, inside[lanes.rows][:, None])
        least = np.maximum(setting.macs / most * slow * SLACK, cycles) + setting.plan.latency
        running: Values | float = 0.0
        if family.mac_leak_pj.any():
            running = running + family.mac_leak_pj[:, None] * least_used
        for at, leak in enumerate(family.leak_pj):
            if leak.any():
                gate = setting.plan.levels[at].gate
                instances = setting.problem.architecture.instances
                per = 1.0 if gate is None else instances[at] / instances[gate]
                on = totals[(at if gate is None else gate) + 1 :].prod(axis=0)
                running = running + leak[:, None] * (on * per)
        total = energy + family.mac_pj[:, None] * setting.macs + running * least
        span = setting.problem.rules.total_parallelism
        total = np.where((energy > NEVER / 10) | (most < span.low) | (least_used > span.high), np.inf, total)
        value, second = values_of(self.objective, total, np.broadcast_to(least, total.shape))
        return value * SLACK, second * SLACK

    def _stretched(self, spreads: Mapping[int, Spread | Spreads], lanes: Lanes) -> Values:
        """Least cycles per step of the array [lane, K or 1], for the spreads of some fanouts; see `serving.stretch`."""
        setting = self.setting
        slow = np.ones((len(lanes), 1))
        for at in sorted(set(setting.innermost)):
            if all(port[at] is None for port in lanes.family.bandwidth):
                continue
            reads, writes = np.zeros(1), np.zeros(1)
            for t, innermost in enumerate(setting.innermost):
                if innermost != at:
                    continue
                words: Any = np.ones(1)
                for fanout in setting.fanouts:
                    if fanout <= at and fanout in spreads:
                        spread = spreads[fanout]
                        alone = not setting.plan.levels[fanout].multicast[t]
                        words = words * (spread.total if alone else least_distinct(setting, t, spread))
                reads, writes = (reads, writes + words) if t == setting.output else (reads + words, writes)
            reads, writes = np.broadcast_arrays(reads, writes)
            needed = lanes.port_cycles(at, reads, writes)
            assert needed is not None
            slow = np.maximum(slow, needed)
        return slow

    def _stretched_inside(self, level: int, key: Inside) -> Values | None:
        """[lane] the least that the fanouts inside a level do to the ports, for trips as in the key; None: nothing is known."""
        known = [at for at in self.setting.fanouts if at < level]
        if level not in self._stretch_by_total:
            self._stretch_by_total[level] = self._least_stretch(known)
        table = self._stretch_by_total[level]
        values = [value for total, value in table.items() if key.low <= total <= key.high]
        return np.minimum.reduce(values) if values else None

    def _least_stretch(self, known: list[int]) -> dict[int, Values]:
        setting, family = self.setting, self.lanes.family
        bounded = any(port[at] is not None for port in family.bandwidth for at in set(setting.innermost))
        if not known or not bounded or math.prod(len(setting.spreads[at]) for at in known) > MOST_SPREADS:
            return {}
        found: dict[int, Values] = {}
        for spreads in cartesian(*(setting.spreads[at] for at in known)):
            total = math.prod(spread.total for spread in spreads)
            value = self._stretched(dict(zip(known, spreads, strict=True)), self.lanes)[:, 0]
            found[total] = np.minimum(found[total], value) if total in found else value
        return found


@dataclass(eq=False)
class _Block:
    """A node's block with K candidates: spreads, and shapes of the tiles below [dims, K]."""

    node: Node
    spread: Spreads
    tile: Values


def _better(one: Pair, two: Pair) -> Pair:
    """The lexicographically smaller of two pairs, element by element; of objectives that may be equal, the least of both figures."""
    first, second = np.minimum(one[0], two[0]), np.minimum(one[1], two[1])
    with np.errstate(invalid="ignore"):
        apart = np.abs(one[0] - two[0]) > SAME * first
    return first, np.where(apart, np.where(two[0] < one[0], two[1], one[1]), second)


def _onward(reach: Values, target: Values, dims: tuple[int, ...]) -> Values:
    moved = reach.copy()
    moved[list(dims)] = target[list(dims)]
    return moved
