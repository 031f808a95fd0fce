"""Lowering for group joins: tensors, hardware and the flows of a keep mask, as arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.architecture.hierarchy import Memory
from archloom.model.plan import Plan
from archloom.search.exact.join_kernel import Cells, Costs, cell_costs
from archloom.search.exact.join_price import Machine, Tensors
from archloom.search.exact.join_rows import Chain, Columns
from archloom.search.exact.join_templates import Kept, tiles_of
from archloom.search.exact.problem import Problem

__all__ = ["Flows", "flows_of", "machine_of", "tensors_of"]

Floats = NDArray[np.float64]
NONE = -1
READ, WRITE, SHARED = range(3)


def tensors_of(plan: Plan) -> Tensors:
    """The tensors of a plan as arrays."""
    width = max((len(tensor.ranks) for tensor in plan.tensors), default=0) or 1
    ranks = np.zeros((len(plan.tensors), width, len(plan.bounds)))
    shared = np.zeros((len(plan.tensors), width), np.bool_)
    relevant = np.zeros((len(plan.tensors), len(plan.bounds)), np.bool_)
    for t, tensor in enumerate(plan.tensors):
        relevant[t, list(tensor.relevant)] = True
        for k, rank in enumerate(tensor.ranks):
            shared[t, k] = k in tensor.sliding
            for d, coefficient in rank:
                ranks[t, k, d] = coefficient
    multicast = np.array([level.multicast for level in plan.levels])
    return Tensors(ranks, shared, relevant, multicast, np.array([tensor.is_output for tensor in plan.tensors]))


def machine_of(plan: Plan, problem: Problem, least_bits: list[float], cycles_limit: float) -> Machine:
    """The hardware of a problem, and its objective."""
    architecture, objective = problem.architecture, problem.objective
    rows = [
        [
            memory.size_bits / memory.buffering,
            least_bits[at],
            planned.block,
            memory.read_pj,
            memory.write_pj,
            memory.update_pj,
            memory.leak_pj,
            NONE if planned.gate is None else planned.gate,
            architecture.instances[at],
            planned.cluster,
            *_bandwidths(memory),
        ]
        for at, (memory, planned) in enumerate(zip(architecture.levels, plan.levels, strict=True))
    ]
    unit = architecture.compute
    compute = [unit.energy_pj, unit.leak_pj, plan.latency, problem.drain_reads, architecture.compute_instances]
    is_power = bool(objective.energy_power or objective.cycles_power)
    weights = (
        (objective.energy_power, objective.cycles_power)
        if is_power
        else (objective.energy_weight, objective.cycles_weight)
    )
    energy_only = objective.cycles_power == 0 and objective.cycles_weight == 0
    return Machine(
        np.array(rows, np.float64),
        np.array([level.bits for level in plan.levels], np.float64),
        np.array(compute, np.float64),
        np.array([is_power, *weights, energy_only, cycles_limit], np.float64),
    )


def _bandwidths(memory: Memory) -> tuple[float, float, float]:
    return memory.read_bandwidth or 0.0, memory.write_bandwidth or 0.0, memory.shared_bandwidth or 0.0


@dataclass(frozen=True, eq=False)
class Flows:
    """What flows under a keep mask: the columns of rows, how they become a key, and the cells. `keep` [L, T], `sort` [J]."""

    keep: NDArray[np.bool_]
    columns: Columns
    costs: Costs
    cells: Cells
    sort: Floats


@dataclass(frozen=True, slots=True)
class _Flow:
    """Words of a tensor into tile `tile` (-1: the compute units), counted there (`parent` -1) or where they come from."""

    tile: int
    tensor: int
    parent: int


@dataclass(frozen=True, slots=True)
class _Meter:
    """What is counted: energy first, then the energies of levels in clusters, then the words at each limited port."""

    plan: Plan
    levels: tuple[Memory, ...]

    @property
    def scaled(self) -> list[int]:
        return [at for at, level in enumerate(self.plan.levels) if level.cluster > 1]

    @property
    def ports(self) -> list[tuple[int, int]]:
        return [(at, kind) for at, level in enumerate(self.levels) for kind in range(3) if _bandwidths(level)[kind] > 0]

    def cost(self, at: int, *, reads: int = 0, fills: int = 0, updates: int = 0) -> Floats:
        """What one word costs that is read, filled or updated at a level."""
        level = self.levels[at]
        energy = (reads * level.read_pj + fills * level.write_pj + updates * level.update_pj) / level.block
        moved = {READ: reads, WRITE: fills + updates, SHARED: reads + fills + updates}
        return np.array(
            [
                0.0 if at in self.scaled else energy,
                *(energy if at == other else 0.0 for other in self.scaled),
                *(moved[kind] if at == other else 0.0 for other, kind in self.ports),
            ]
        )

    def table(self) -> Floats:
        """Level, words per cycle (0: an energy), instances per cluster of each count."""
        rows = [(0, 0, 1)]
        rows += [(at, 0, self.plan.levels[at].cluster) for at in self.scaled]
        rows += [(at, _bandwidths(self.levels[at])[kind], 1) for at, kind in self.ports]
        return np.array(rows, np.float64)


def flows_of(
    problem: Problem,
    plan: Plan,
    tensors: Tensors,
    machine: Machine,
    chain: Chain,
    groups: tuple[tuple[int, ...], ...],
    cells: NDArray[np.int64],
    places: NDArray[np.int64],
    kept: Kept,
) -> Flows:
    """Everything that flows under a keep mask, with what a word of it costs; `cells` [K, D], `places` [K, G]."""
    meter = _Meter(plan, problem.architecture.levels)
    costs, seen = _costs(plan, meter, kept, problem.drain_reads)
    single: list[tuple[int, ...]] = []
    owners: list[int] = []
    single_cost: list[Floats] = []
    joint: list[tuple[int, ...]] = []
    variants = [0]
    joint_cost: list[Floats] = []
    still: list[tuple[int, int]] = []
    still_cost: list[Floats] = []
    can_merge = all(level.block == 1 for level in plan.levels)
    for flow, cost in costs.items():
        tensor = plan.tensors[flow.tensor]
        if not cost.any():
            continue
        if flow.tile == NONE and not tensor.sliding:
            still.append((flow.tensor, flow.parent))
            still_cost.append(cost)
            continue
        cost = cost * math.prod(
            plan.bounds[d] for k, rank in enumerate(tensor.ranks) if k not in tensor.sliding for d, _ in rank
        )
        concerned = [g for g, dims in enumerate(groups) if any(d in tensor.irrelevant for d in dims)]
        if can_merge and not tensor.sliding and len(concerned) <= 1:
            single.append((flow.tile, flow.tensor, flow.parent, NONE))
            owners.append(concerned[0] if concerned else 0)
            single_cost.append(cost)
            continue
        slides = tensor.sliding if tensor.sliding and flow.tile != NONE else (NONE,)
        joint += [(flow.tile, flow.tensor, flow.parent, k) for k in slides]
        variants.append(len(joint))
        joint_cost.append(cost)
    tiles = tiles_of(kept)
    feet = [(level, t, q) for q, (level, t) in enumerate(tiles) if math.isfinite(machine.levels[level, 0])]
    columns = Columns(
        _table(tiles, 2),
        _table(single, 4),
        np.array(owners, np.int64),
        _columns(single_cost, meter),
        _table(joint, 4),
        _table([foot[:2] for foot in feet], 2),
        np.array([foot[2] for foot in feet], np.int64),
    )
    summed = _columns(joint_cost, meter)
    rules = Costs(
        summed,
        np.array(variants, np.int64),
        len(meter.scaled),
        np.ascontiguousarray(columns.feet[:, 0]),
        machine.bits[columns.feet[:, 0], columns.feet[:, 1]],
        machine.levels[columns.feet[:, 0], 0],
        machine.goal,
        float(plan.latency),
    )
    fixed = cell_costs(
        chain.spatial,
        cells,
        tensors.relevant,
        tensors.multicast,
        chain.size,
        int(np.argmax(tensors.is_output)),
        _table(still, 2),
        _columns(still_cost, meter),
        seen,
        meter.table(),
        machine.levels[:, 6:8].copy(),
        machine.compute[:2],
        machine.levels[:, 8].copy(),
    )
    keep = np.zeros((len(plan.levels), len(plan.tensors)), np.bool_)
    keep[-1] = True
    for level, t in tiles:
        keep[level, t] = True
    lead = np.repeat(np.arange(len(variants) - 1), np.diff(variants))
    sort = summed[0, lead] / np.diff(variants)[lead] if joint else np.zeros(0)
    return Flows(keep, columns, rules, Cells(places, *fixed), sort)


def _costs(plan: Plan, meter: _Meter, kept: Kept, drain: bool) -> tuple[dict[_Flow, Floats], Floats]:
    """Cost [F] per word of every flow, and per word of the outputs' first visits at each level, [F, L]."""
    levels = len(plan.levels)
    number = {tile: q for q, tile in enumerate(tiles_of(kept))}
    costs: dict[_Flow, Floats] = {}
    seen = np.zeros((len(meter.table()), levels))

    def add(flow: _Flow, cost: Floats) -> None:
        costs[flow] = costs[flow] + cost if flow in costs else cost

    for t, tensor in enumerate(plan.tensors):
        inner, tile = NONE, NONE
        for level in [*(c for c in range(levels - 1) if t in kept[c]), levels - 1]:
            has_fanout = any(plan.levels[b].has_fanout for b in range(inner + 1, level + 1))
            served = _Flow(tile, t, level if has_fanout or tile == NONE else NONE)
            add(served, meter.cost(level, reads=1, updates=int(tensor.is_output)))
            is_last = level == levels - 1
            if tensor.is_output:
                seen[:, level] = meter.cost(level, reads=1, fills=int(not is_last))
            if not is_last:
                inner, tile = level, number[level, t]
                add(_Flow(tile, t, NONE), meter.cost(level, reads=int(drain and tensor.is_output), fills=1))
    return costs, seen


def _table(rows: list[Any], width: int) -> NDArray[np.int64]:
    return np.array(rows, np.int64).reshape(-1, width)


def _columns(costs: list[Floats], meter: _Meter) -> Floats:
    return np.ascontiguousarray(np.array(costs, np.float64).reshape(-1, len(meter.table())).T)
