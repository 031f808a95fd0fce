"""Lower bounds on the objective of every mapping inside a node: its exact outer cost, plus the tables for what is open."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from archloom.search.exact.fills import (
    Number,
    crossed,
    crossing_pj,
    executions,
    held_pj,
    least_distinct,
    least_words,
    price_pj,
    reduction,
    returned_words,
    serving_block,
    serving_pj,
    slide_words,
    tile_words,
    turn_words,
)
from archloom.search.exact.nodes import Cells, Node
from archloom.search.exact.ports import port_cycles
from archloom.search.exact.residency import SLACK, floor_of
from archloom.search.exact.serving import stretch, stretch_by_total
from archloom.search.exact.setting import Setting, Spread, Spreads
from archloom.search.exact.tables import open_credit, pending_below
from archloom.search.exact.ways import UNSERVED, open_states, rank_of, sequences, start_of
from archloom.search.objective import Objective

__all__ = ["SLACK", "Bounds"]

Values = NDArray[np.float64]
Indices = NDArray[np.int64]
Pair = tuple[Values, Values]
SAME = 1e-10
"""Objectives this close, relative, may be equal: more than the slack of the bounds."""


class Bounds:
    """Bounds for one residency and objective: pairs (objective, second figure), compared lexicographically.

    Mappings of more than `cycles_limit` cycles are ruled out.
    """

    def __init__(self, setting: Setting, objective: Objective, cycles_limit: float = math.inf) -> None:
        self.setting = setting
        self.objective = objective
        self.cycles_limit = cycles_limit
        self.energy_only = objective.cycles_power == 0 and objective.cycles_weight == 0
        self.alone = Spread((1,) * len(setting.plan.bounds), (1,) * len(setting.plan.bounds))
        self._unserved: dict[tuple[object, ...], float] = {}
        self._shares: dict[tuple[int, Spread], float] = {}
        self._stretches: dict[tuple[Spread, ...], float] = {}

    def pair(self, energy: Values, cycles: Values) -> Pair:
        """Objective and second figure of energies and latencies, lowered by the slack."""
        objective = self.objective
        with np.errstate(over="ignore", invalid="ignore"):
            if objective.energy_power or objective.cycles_power:
                value = energy**objective.energy_power * cycles**objective.cycles_power
            else:
                value = objective.energy_weight * energy + objective.cycles_weight * cycles
        impossible = ~np.isfinite(energy) | (cycles > self.cycles_limit)
        second = cycles if self.energy_only else energy
        return np.where(impossible, np.inf, value * SLACK), np.where(impossible, np.inf, second * SLACK)

    # -- a residency as a whole -------------------------------------------------------------------------------------------

    def of_residency(self) -> tuple[float, float]:
        """A bound that needs no table."""
        energy, cycles = floor_of(self.setting)
        value, second = self.pair(np.array([energy]), np.array([cycles]))
        return float(value[0]), float(second[0])

    # -- ways through a block ---------------------------------------------------------------------------------------------

    def below(self, node: Node, spread: Spread | Spreads, inner: Cells, rows: Indices, known: float = 0.0) -> Pair:
        """Bounds of the children with these tile shapes: the cheapest key, after the cheapest way through the node's block.

        `spread` is that of all rows, or has a column for each. No objective is below `known`.
        """
        setting, level = self.setting, node.level
        spreads: dict[int, Spread | Spreads] = {at: node.spreads[at] for at in range(level + 1, setting.levels)}
        spreads[level] = spread
        totals = np.array(
            np.broadcast_arrays(
                *(np.atleast_1d(spreads[at].total if at in spreads else 1) for at in range(setting.levels))
            ),
            dtype=np.float64,
        )
        reach = inner.extents[rows].T
        best = np.full(len(rows), np.inf), np.full(len(rows), np.inf)
        ways: dict[tuple[int, ...], tuple[Values, Values]] = {}
        fixed = node.energy_pj + self._late_credit(node, spreads)
        outside = self._reduced(spreads, level)
        stretched = stretch(setting, {at: one for at, one in spreads.items() if at in setting.fanouts})
        for k, key in enumerate(inner.keys):
            pending = pending_below(setting, level, key)
            if pending not in ways:
                energy, cycles = self._through(node, spread, reach, pending)
                ways[pending] = energy + self._crossings(node, spread, reach, pending), cycles
            open_pj = open_credit(setting, level - 1, key, outside) if level else 0.0
            unserved = self._unserved_pj(level, spreads, key.spread)
            energy = fixed + ways[pending][0] + inner.values[k, rows] + open_pj + unserved
            slow = np.maximum(stretched, self._stretch_inside(level, key.spread))
            pair = self._totals(energy, ways[pending][1], totals, key.spread, slow)
            best = _better(best, _at_least(pair, known))
        return best

    def _crossings(
        self, node: Node, spread: Spread | Spreads, tile: Values, pending: tuple[int, ...]
    ) -> Values | float:
        """Least energy of serving tensors that turned inside the tiles, where the fanout before their parent is crossed."""
        setting, level = self.setting, node.level
        total: Values | float = 0.0
        for t, h in enumerate(pending):
            if h != UNSERVED:
                continue
            at = setting.last_fanout(level, t)
            if at is None or at == level:
                reach = tile * _columns(spread)
                total = total + crossing_pj(setting, t, setting.keeper(level, t), reach)
            else:
                total = total + float(setting.parent_pj[setting.keeper(level, t), t]) * float(
                    self._fetched([node], t, 1.0)[0]
                )
        return total

    def _through(
        self, node: Node, spread: Spread | Spreads, tile: Values, pending: tuple[int, ...]
    ) -> tuple[Values, Values]:
        """Least energy of filling what is pending below the node's block, and the least cycles that the block's level needs for it.

        Both are over all ways through the block, each on its own, for tile shapes [dims, K].
        """
        setting, level = self.setting, node.level
        size = tile.shape[1]
        states = open_states(pending)
        if not states:
            return np.zeros(size), np.full(size, node.cycles)
        start = tile * _columns(spread)
        target = np.broadcast_to(np.array(node.tile, dtype=np.float64)[:, None], start.shape)
        still = start == target
        turned = {
            t: turn_words(setting, level, t, start_of(pending[t]), spread, start) for t, rank in states if rank < 0
        }
        best = np.full(size, np.inf)
        ports = [np.full(size, np.inf) for _ in range(3)]
        for steps, left in sequences(setting, states):
            reach, done = start, set[int]()
            words: dict[int, tuple[Values, Values]] = {}
            for step in steps:
                for turn in step.turns:
                    t = turn.tensor
                    if turn.rank < 0:
                        start_level = start_of(pending[t])
                        words[t] = (
                            turned[t] if reach is start else turn_words(setting, level, t, start_level, spread, reach)
                        )
                for turn in step.turns:
                    if turn.rank >= 0:
                        reach = _onward(reach, target, turn.along)
                        done.update(turn.along)
                        t = turn.tensor
                        words[t] = slide_words(setting, level, t, pending[t], turn.rank, spread, reach)
                if step.dims:
                    reach = _onward(reach, target, step.dims)
                    done.update(step.dims)
            possible = np.ones(size, bool)
            for t, rank in left:
                words[t] = self._left_open(node, t, pending[t], rank, spread, target)
                dims = setting.plan.tensors[t].relevant if rank < 0 else setting.plan.dims
                possible &= still[[d for d in dims if d not in done]].all(axis=0)
            energy = sum(
                (price_pj(setting, level, t, start_of(pending[t]), w) for t, w in words.items()), np.zeros(size)
            )
            best = np.minimum(best, np.where(possible, energy, np.inf))
            for port, served in zip(ports, self._served(level, words, size), strict=True):
                np.minimum(port, np.where(possible, served, np.inf), out=port)
        return best, self._port_cycles(node, ports)

    def _served(self, level: int, words: dict[int, tuple[Values, Values]], size: int) -> tuple[Values, Values, Values]:
        """Words that a level reads, that are written to it, and both, for the tensors that it keeps."""
        reads, writes = np.zeros(size), np.zeros(size)
        for t, (_, served) in words.items():
            if self.setting.keep[level][t]:
                if t == self.setting.output:
                    writes = writes + served
                else:
                    reads = reads + served
        return reads, writes, reads + writes

    def _port_cycles(self, node: Node, ports: Sequence[Values]) -> Values:
        """Least cycles of the node's level, from the words (over all instances) that its ports move and its known fills."""
        setting, level = self.setting, node.level
        used = math.prod(node.spreads[at].total for at in range(level + 1, setting.levels))
        filled = node.words[len(node.words) // 2]
        memory = setting.problem.architecture.levels[level]
        reads, writes, both = (port / used for port in ports)
        needed = port_cycles(memory, reads, writes + filled, both + filled)
        return np.maximum(np.full(reads.shape, node.cycles), needed * SLACK)

    def _left_open(
        self, node: Node, t: int, state: int, rank: int, spread: Spread | Spreads, target: Values
    ) -> tuple[Values, Values]:
        """Fewest words (entering, served) of a fill that the block leaves open to the loops outside, for tiles inside that shape."""
        if rank < 0:
            entering, served = turn_words(self.setting, node.level, t, start_of(state), spread, target)
            again = node.shares[t] / node.runs[t]
            return entering * again, served * again
        slid = np.full(target.shape[1], self._slid_words(node, t, rank))
        return slid, slid

    def _slid_words(self, node: Node, t: int, rank: int) -> float:
        """Fewest words that all instances fetch for a tensor that slides along a rank inside the node's tile and may go on outside."""
        setting = self.setting
        shared = {d for d, _ in setting.plan.tensors[t].ranks[rank]}
        extents = np.array(node.tile, dtype=np.float64)
        for at in range(node.level + 1, setting.levels):
            extents = extents * np.array(node.spreads[at].factors)
            order = sorted(setting.plan.dims, key=node.order[at].__getitem__)
            loops = [d for d in order if node.temporal[at, d] > 1]
            for d in loops:
                if d not in shared:
                    break
                extents[d] *= node.temporal[at, d]
            if any(d not in shared for d in loops):
                break
        reach = extents[:, None]
        words = least_words(setting, t, reach)
        words = words - returned_words(setting, t, self._widest(t), rank, words, reach)
        return float((words * executions(setting, reach))[0])

    def _widest(self, t: int) -> int:
        """The largest of the memories that may hold a tile of t."""
        held = [at for at in range(self.setting.levels) if self.setting.keep[at][t]]
        return max(held, key=lambda at: self.setting.problem.architecture.levels[at].size_bits)

    def _late_credit(self, node: Node, spreads: Mapping[int, Spread | Spreads]) -> Number:
        """First-visit credit of a block: the reads of the output's next keeper, and its fills just below the block."""
        setting = self.setting
        keeper = self._keeper(node.level)
        saved = setting.read_credit_pj[keeper] * self._reduced(spreads, keeper + 1)
        if node.level:
            saved = saved + setting.fill_credit_pj[node.level - 1] * self._reduced(spreads, node.level)
        return -saved * setting.output_words

    def _keeper(self, level: int) -> int:
        return next(at for at in range(level, self.setting.levels) if self.setting.keep[at][self.setting.output])

    def _reduced(self, spreads: Mapping[int, Spread | Spreads], level: int) -> Number:
        """Reduction trips of the fanouts at `level` and outward."""
        return math.prod(reduction(self.setting, spread) for at, spread in spreads.items() if at >= level)

    def _unserved_pj(self, level: int, spreads: Mapping[int, Spread | Spreads], inner: int) -> Number:
        """Least energy of serving the compute units from keepers that no table inside block `level` has counted."""
        setting = self.setting
        fanned = {at: spread for at, spread in spreads.items() if at in setting.fanouts}
        if any(isinstance(spread, Spreads) for spread in fanned.values()):
            return self._served_late(level, fanned, inner)
        known = (level, inner, *(spreads.get(at) for at in setting.fanouts))
        if known not in self._unserved:
            self._unserved[known] = self._served_late(level, fanned, inner)
        return self._unserved[known]

    def _served_late(self, level: int, fanned: Mapping[int, Spread | Spreads], inner: int) -> Number:
        setting = self.setting
        late = [t for t in range(len(setting.plan.tensors)) if serving_block(setting, t) >= level]
        return sum(serving_pj(setting, t, fanned, inner) for t in late)

    # -- nodes ------------------------------------------------------------------------------------------------------------

    def of_nodes(self, nodes: Sequence[Node], cells: Cells, known: Values | float = 0.0) -> Pair:
        """Bounds of nodes of one level from the table of that level; +inf for a tile that the table does not reach."""
        setting, level = self.setting, nodes[0].level
        size = len(nodes)
        rows = np.array([cells.row_of.get(setting.grid.flat(node.tile), -1) for node in nodes])
        totals = np.ones((setting.levels, size))
        for at in range(level + 1, setting.levels):
            totals[at] = [node.spreads[at].total for node in nodes]
        spreads = [{at: node.spreads[at] for at in range(level + 1, setting.levels)} for node in nodes]
        reduced = [self._reduced(some, level + 1) for some in spreads]
        fixed = np.array([node.energy_pj for node in nodes])
        keeper = self._keeper(level)
        if keeper > level:
            late = np.array([self._reduced(some, keeper + 1) for some in spreads])
            fixed = fixed - float(setting.read_credit_pj[keeper]) * late * setting.output_words
        best = np.full(size, np.inf), np.full(size, np.inf)
        waiting: dict[tuple[int, ...], tuple[Values, Values]] = {}
        stretched = np.array([self._stretch_outside(node) for node in nodes])
        for k, key in enumerate(cells.keys):
            if key.pending not in waiting:
                waiting[key.pending] = self._waiting(nodes, key.pending), self._cycles(nodes, totals, key.pending)
            energy = np.where(rows >= 0, fixed + cells.values[k, rows], np.inf) + waiting[key.pending][0]
            energy = energy + np.array([open_credit(setting, level, key, many) for many in reduced])
            energy = energy + np.array([self._unserved_pj(level + 1, some, key.spread) for some in spreads])
            slow = np.maximum(stretched, self._stretch_inside(level + 1, key.spread))
            pair = self._totals(energy, waiting[key.pending][1], totals, key.spread, slow)
            best = _better(best, _at_least(pair, known))
        return best

    def _waiting(self, nodes: Sequence[Node], pending: tuple[int, ...]) -> Values:
        """Least energy of what waits for the loops outside the tile: fills that go on, and parents behind a fanout."""
        setting, level = self.setting, nodes[0].level
        tile = np.array([node.tile for node in nodes], dtype=np.float64).T
        energy = np.zeros(len(nodes))
        for t, h in enumerate(pending):
            if h >= 0 and rank_of(h) < 0:
                moved = np.array([node.shares[t] / node.runs[t] for node in nodes])
                words = (
                    least_words(setting, t, tile)
                    if crossed(setting, h, level)
                    else tile_words(setting, t, self.alone, tile)
                )
                energy = energy + words * executions(setting, tile) * moved * held_pj(setting, level, t, h)
            elif h >= 0:
                slid = np.array([self._slid_words(node, t, rank_of(h)) for node in nodes])
                energy = energy + slid * held_pj(setting, level, t, start_of(h))
                continue
            if h == UNSERVED or (
                h >= 0 and not setting.keep[level][t] and setting.last_fanout(level + 1, t) is not None
            ):
                price = float(setting.parent_pj[setting.keeper(level + 1, t), t])
                again = 1.0 if h == UNSERVED else np.array([node.shares[t] / node.runs[t] for node in nodes])
                energy = energy + price * self._fetched(nodes, t, again)
        return energy

    def _cycles(self, nodes: Sequence[Node], totals: Values, pending: tuple[int, ...]) -> Values:
        """Least cycles of the outer levels: their known words, and each word that a tensor held further inside must still fetch."""
        setting, level = self.setting, nodes[0].level
        cycles = np.array([node.cycles for node in nodes])
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
            memory = setting.problem.architecture.levels[at]
            r, w = np.maximum(reads[at - level], 0.0), np.maximum(writes[at - level], 0.0)
            cycles = np.maximum(cycles, port_cycles(memory, r, w) * SLACK)
        return cycles

    def _fetched(self, nodes: Sequence[Node], t: int, part: Values | float) -> Values:
        """Fewest words that the next keeper outside each node's tile serves a tensor held further inside, over all instances.

        Each execution of the tile needs its words anew, but for the `part` that the loops outside move, and shared by multicast.
        """
        setting, level = self.setting, nodes[0].level
        tile = np.array([node.tile for node in nodes], dtype=np.float64).T
        words = least_words(setting, t, tile) * executions(setting, tile) * part
        for at in setting.fanouts:
            if level < at <= setting.keeper(level, t) and setting.plan.levels[at].multicast[t]:
                words = words * np.array([self._least_share(t, node.spreads[at]) for node in nodes])
        return words

    def _least_share(self, t: int, spread: Spread) -> float:
        """Least share of a fanout's instances that get words of t of their own."""
        if (t, spread) not in self._shares:
            self._shares[t, spread] = least_distinct(self.setting, t, spread) / spread.total
        return self._shares[t, spread]

    def _stretch_outside(self, node: Node) -> float:
        """What the fanouts outside a node's level do to the ports that feed the compute units."""
        outside = [at for at in self.setting.fanouts if at > node.level]
        known = tuple(node.spreads[at] for at in outside)
        if known not in self._stretches:
            self._stretches[known] = float(stretch(self.setting, dict(zip(outside, known, strict=True))))
        return self._stretches[known]

    def _stretch_inside(self, level: int, total: int) -> float:
        """The least that the fanouts inside a level do to them, for the product of their trips."""
        return stretch_by_total(self.setting, level).get(total, 1.0)

    def _totals(self, energy: Values, cycles: Values, totals: Values, inner: int, slow: Values | float) -> Pair:
        """Pairs from bounds on the traffic energy: adds compute, leakage and the latency bound.

        `totals` [levels, B or 1]: spatial trips of the decided fanouts (1 elsewhere); `inner`: of all others together;
        `slow`: cycles per step of the array.
        """
        setting = self.setting
        used = totals.prod(axis=0) * inner
        architecture = setting.problem.architecture
        least = np.maximum(setting.macs / used * slow * SLACK, cycles) + setting.plan.latency
        running = architecture.compute.leak_pj * used
        for at, memory in enumerate(architecture.levels):
            if memory.leak_pj:
                gate = setting.plan.levels[at].gate
                of = at if gate is None else gate
                on = totals[of + 1 :].prod(axis=0)
                per = 1.0 if gate is None else architecture.instances[at] / architecture.instances[gate]
                running = running + memory.leak_pj * on * per
        energy = energy + architecture.compute.energy_pj * setting.macs + running * least
        span = setting.problem.rules.total_parallelism
        value, second = self.pair(energy, np.broadcast_to(least, energy.shape))
        outside = (used < span.low) | (used > span.high)
        return np.where(outside, np.inf, value), np.where(outside, np.inf, second)


def _at_least(pair: Pair, known: Values | float) -> Pair:
    """A pair whose objective is known to be no less; to be applied before pairs are compared, lest a tie is taken for none."""
    return np.maximum(pair[0], known), pair[1]


def _better(one: Pair, two: Pair) -> Pair:
    """The lexicographically smaller of two pairs, element by element; of objectives that may be equal, the least of both figures."""
    first, second = np.minimum(one[0], two[0]), np.minimum(one[1], two[1])
    with np.errstate(invalid="ignore"):
        apart = np.abs(one[0] - two[0]) > SAME * first
    return first, np.where(apart, np.where(two[0] < one[0], two[1], one[1]), second)


def _columns(spread: Spread | Spreads) -> Values:
    """Trips per dim, [dims, 1 or K]."""
    return np.asarray(spread.factors, dtype=np.float64).reshape(len(spread.factors), -1)


def _onward(reach: Values, target: Values, dims: tuple[int, ...]) -> Values:
    moved = reach.copy()
    moved[list(dims)] = target[list(dims)]
    return moved
