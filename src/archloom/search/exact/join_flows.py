"""Lowering for group joins: hardware numbers, the flows of a keep mask and the templates of a shape, as arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from archloom.model.plan import Plan
from archloom.search.exact.join_kernel import Flows, Forms, Ground
from archloom.search.exact.join_price import Machine
from archloom.search.exact.join_templates import Kept, Template, tiles_of
from archloom.search.exact.problem import Problem

__all__ = ["flows_of", "forms_of", "machine_of"]

NONE = -1
READ, WRITE, SHARED = range(3)


def machine_of(plan: Plan, problem: Problem) -> Machine:
    """The hardware and the tensors of a problem as arrays."""
    levels, tensors = problem.architecture.levels, plan.tensors
    width = max((len(tensor.ranks) for tensor in tensors), default=0) or 1
    ranks = np.zeros((len(tensors), width, len(plan.bounds)))
    shared = np.zeros((len(tensors), width), np.bool_)
    relevant = np.zeros((len(tensors), len(plan.bounds)), np.bool_)
    for t, tensor in enumerate(tensors):
        relevant[t, list(tensor.relevant)] = True
        for k, rank in enumerate(tensor.ranks):
            shared[t, k] = k in tensor.sliding
            for d, coefficient in rank:
                ranks[t, k, d] = coefficient
    objective = problem.objective
    is_power = bool(objective.energy_power or objective.cycles_power)
    first, second = (
        (objective.energy_power, objective.cycles_power)
        if is_power
        else (objective.energy_weight, objective.cycles_weight)
    )
    energy_only = objective.cycles_power == 0 and objective.cycles_weight == 0
    return Machine(
        ranks=ranks,
        shared=shared,
        relevant=relevant,
        is_output=np.array([tensor.is_output for tensor in tensors]),
        multicast=np.array([level.multicast for level in plan.levels]),
        bits=np.array([level.bits for level in plan.levels], np.float64),
        capacity=np.array([level.size_bits / level.buffering for level in levels], np.float64),
        block=np.array([level.block for level in plan.levels], np.float64),
        energy=np.array([[level.read_pj, level.write_pj, level.update_pj] for level in levels], np.float64),
        leak=np.array([level.leak_pj for level in levels], np.float64),
        gate=np.array([NONE if level.gate is None else level.gate for level in plan.levels], np.int64),
        instances=np.array([*problem.architecture.instances, problem.architecture.compute_instances], np.float64),
        bandwidth=np.array(
            [[level.read_bandwidth or 0, level.write_bandwidth or 0, level.shared_bandwidth or 0] for level in levels],
            np.float64,
        ),
        unit=np.array([problem.architecture.compute.energy_pj, problem.architecture.compute.leak_pj], np.float64),
        latency=float(plan.latency),
        drain=problem.drain_reads,
        goal=np.array([is_power, first, second, energy_only], np.float64),
    )


@dataclass(frozen=True, slots=True)
class _Flow:
    """Words of tensor t into tile `tile` (-1: the compute units), counted there (`parent` -1) or where they come from."""

    tile: int
    tensor: int
    parent: int


def flows_of(plan: Plan, machine: Machine, ground: Ground, kept: Kept, *, drain: bool) -> Flows:
    """Everything that flows under a keep mask, with what a word of it costs in energy and at each port."""
    levels = len(plan.levels)
    tiles = tiles_of(kept)
    number = {tile: q for q, tile in enumerate(tiles)}
    ports = [(level, kind) for level in range(levels) for kind in range(3) if machine.bandwidth[level, kind] > 0]
    costs: dict[_Flow, np.ndarray] = {}
    seen = np.zeros((1 + len(ports), levels))
    for t, tensor in enumerate(plan.tensors):
        inner, tile = NONE, NONE
        for level in [*(c for c in range(levels - 1) if t in kept[c]), levels - 1]:
            served = _Flow(tile, t, level)
            if tile != NONE and not any(plan.levels[b].has_fanout for b in range(inner + 1, level + 1)):
                served = _Flow(tile, t, NONE)
            is_last = level == levels - 1
            _add(costs, served, _cost(machine, ports, level, reads=1, updates=int(tensor.is_output)))
            drained = int(drain and tensor.is_output)
            if not is_last:
                entering = _Flow(number[level, t], t, NONE)
                _add(costs, entering, _cost(machine, ports, level, reads=drained, fills=1))
                tile = number[level, t]
            if tensor.is_output:
                seen[:, level] = _cost(machine, ports, level, reads=1, fills=int(not is_last))
            inner = level
    return _arrays(plan, machine, ground, kept, costs, seen, ports)


def _add(costs: dict[_Flow, np.ndarray], flow: _Flow, cost: np.ndarray) -> None:
    costs[flow] = costs[flow] + cost if flow in costs else cost


def _cost(
    machine: Machine, ports: list[tuple[int, int]], level: int, *, reads: int = 0, fills: int = 0, updates: int = 0
) -> np.ndarray:
    """Cost of one word: energy per word, then the words that each port of the level moves."""
    energy = machine.energy[level] / machine.block[level]
    moved = {READ: reads, WRITE: fills + updates, SHARED: reads + fills + updates}
    first = reads * energy[0] + fills * energy[1] + updates * energy[2]
    return np.array([first, *(moved[kind] if at == level else 0 for at, kind in ports)], np.float64)


def _arrays(
    plan: Plan,
    machine: Machine,
    ground: Ground,
    kept: Kept,
    costs: dict[_Flow, np.ndarray],
    seen: np.ndarray,
    ports: list[tuple[int, int]],
) -> Flows:
    levels, kinds = len(plan.levels), 1 + len(ports)
    tiles = tiles_of(kept)
    group_of = {
        int(d): g
        for g in range(len(ground.group_starts) - 1)
        for d in ground.group_dims[ground.group_starts[g] : ground.group_starts[g + 1]]
    }
    mergeable = bool((machine.block == 1).all())
    single: list[list[int]] = []
    single_group: list[int] = []
    single_cost: list[np.ndarray] = []
    joint: list[list[int]] = []
    variants = [0]
    joint_cost: list[np.ndarray] = []
    still: list[list[int]] = []
    still_cost: list[np.ndarray] = []
    for flow, cost in costs.items():
        tensor = plan.tensors[flow.tensor]
        if not cost.any():
            continue
        if flow.tile == NONE and not tensor.sliding:
            still.append([flow.tensor, flow.parent])
            still_cost.append(cost)
            continue
        whole = math.prod(
            plan.bounds[d] for k, rank in enumerate(tensor.ranks) if k not in tensor.sliding for d, _ in rank
        )
        concerned = sorted({group_of[d] for d in tensor.irrelevant})
        if mergeable and not tensor.sliding and len(concerned) <= 1:
            single.append([flow.tile, flow.tensor, flow.parent, NONE])
            single_group.append(concerned[0] if concerned else 0)
            single_cost.append(cost * whole)
            continue
        slides = tensor.sliding if tensor.sliding and flow.tile != NONE else (NONE,)
        joint += [[flow.tile, flow.tensor, flow.parent, k] for k in slides]
        variants.append(len(joint))
        joint_cost.append(cost * whole)
    feet = [[level, t, q] for q, (level, t) in enumerate(tiles) if math.isfinite(machine.capacity[level])]
    if math.isfinite(machine.capacity[-1]):
        feet += [[levels - 1, t, NONE] for t in range(len(plan.tensors))]
    keep = np.zeros((levels, len(plan.tensors)), np.bool_)
    keep[-1] = True
    for level, t in tiles:
        keep[level, t] = True
    return Flows(
        keep=keep,
        tiles=np.array(tiles, np.int64).reshape(-1, 2),
        single=np.array(single, np.int64).reshape(-1, 4),
        single_group=np.array(single_group, np.int64),
        single_cost=_columns(single_cost, kinds),
        joint=np.array(joint, np.int64).reshape(-1, 4),
        variants=np.array(variants, np.int64),
        joint_cost=_columns(joint_cost, kinds),
        still=np.array(still, np.int64).reshape(-1, 2),
        still_cost=_columns(still_cost, kinds),
        seen_cost=seen,
        ports=np.array([[0, 0], *([level, machine.bandwidth[level, kind]] for level, kind in ports)], np.float64),
        feet=np.array(feet, np.int64).reshape(-1, 3),
    )


def _columns(rows: list[np.ndarray], kinds: int) -> np.ndarray:
    return np.ascontiguousarray(np.array(rows, np.float64).reshape(-1, kinds).T)


def forms_of(found: tuple[Template, ...], plan: Plan) -> Forms:
    """Templates as arrays."""
    levels, wide, tensors = len(plan.levels), len(plan.bounds), len(plan.tensors)
    most = max((len(o) for template in found for dim in template.options for o in dim), default=1) or 1
    count = np.zeros((len(found), wide, levels), np.int64)
    table = np.zeros((3, len(found), wide, levels, most), np.int64)
    boundary = np.full((len(found), levels, tensors), NONE, np.int64)
    for n, template in enumerate(found):
        for d, blocks in enumerate(template.options):
            for level, options in enumerate(blocks):
                count[n, d, level] = len(options)
                for o, option in enumerate(options):
                    table[:, n, d, level, o] = option.gap, option.inside, option.rank
        for level, order in enumerate(template.boundaries):
            for place, t in enumerate(order):
                boundary[n, level, t] = place
    return Forms(
        count, np.ascontiguousarray(table[0]), np.ascontiguousarray(table[1]), np.ascontiguousarray(table[2]), boundary
    )
