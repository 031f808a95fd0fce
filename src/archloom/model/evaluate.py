"""Evaluate one mapping: exact integer counts, and the costs of docs/model.md by level and tensor."""

from __future__ import annotations

import math

from archloom.architecture.hierarchy import Architecture
from archloom.errors import InfeasibleError, InputError
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.model.costs import LEGAL, Costs, Reason, cost
from archloom.model.hardware import hardware_of
from archloom.model.ops import Lane
from archloom.model.plan import Plan, lower
from archloom.model.result import ComputeCosts, Evaluation, LevelCosts, TensorCosts
from archloom.model.tiles import Nest
from archloom.model.traffic import Counts, count
from archloom.workload.einsum import Workload

__all__ = ["evaluate", "explain_reason", "lanes_of"]


def evaluate(
    workload: Workload, architecture: Architecture, mapping: Mapping, *, drain_reads: bool = False
) -> Evaluation:
    """Cost one mapping of a workload on an architecture: latency in cycles, energy in pJ, area in um2, and where they arise.

    Counts are exact integers of any size. `drain_reads`: each instance also reads the outputs that it sends outwards
    (AccelForge's accounting; Timeloop's is without). Raises InputError for a mapping that is not one for this workload and
    architecture, InfeasibleError where a tile or a fanout does not fit. Source: docs/model.md, after Timeloop (Parashar et
    al., ISPASS 2019).

    >>> from archloom.architecture.hierarchy import Memory
    >>> from archloom.mapping.nest import Loop
    >>> from archloom.workload.einsum import einsum
    >>> dot = einsum("O[m] += W[m,k] * I[k]", {"m": 2, "k": 8})
    >>> arch = Architecture("one", (Memory("RAM", read_pj=1.0, update_pj=1.0),))
    >>> nest = LevelNest("RAM", (Loop("m", 2), Loop("k", 8)), keep=frozenset("OWI"))
    >>> evaluate(dot, arch, Mapping((nest,))).cycles
    16
    """
    mapping.check(workload, architecture)
    _check_meshes(architecture, mapping)
    plan = lower(workload, architecture, padding=mapping.padding, cuts=_has_cuts(mapping), drain_reads=drain_reads)
    nest = lanes_of(plan, workload, mapping)
    counts = count(plan, nest)
    try:
        costs = cost(plan, nest, counts, hardware_of(architecture))
    except OverflowError:
        raise InputError(f"workload {workload.name!r}: the costs of this mapping are beyond 1e308") from None
    if costs.reason != LEGAL:
        raise InfeasibleError(explain_reason(costs.reason, workload, architecture, mapping, counts, costs))
    return _evaluation(workload, architecture, mapping, counts, costs)


def _check_meshes(architecture: Architecture, mapping: Mapping) -> None:
    """Raise InfeasibleError where the mesh that a mapping chooses is larger than the fanout, or smaller than its loops."""
    for level, nest in zip(architecture.levels, mapping.levels, strict=True):
        if nest.mesh is None:
            continue
        what, (wide, high) = f"level {level.name!r}: fanout: the mapping", nest.mesh
        if wide * high > level.fanout.total:
            raise InfeasibleError(
                f"{what} arranges a mesh of {wide} x {high}, but there are {level.fanout.total} instances"
            )
        x, y = _spread(nest.x), _spread(nest.y)
        if x > wide or y > high:
            raise InfeasibleError(
                f"{what} spreads over {x} x {y} instances, but the mesh that it chooses is {wide} x {high}"
            )


def _has_cuts(mapping: Mapping) -> bool:
    return any(cut < len(nest.temporal) for nest in mapping.levels for cut in nest.cut.values())


def lanes_of(plan: Plan, workload: Workload, mapping: Mapping) -> Nest:
    """One mapping as lanes of Python integers, for the plan's active dims."""
    dims = [workload.dims[at] for at in plan.active]
    names = [tensor.name for tensor in workload.tensors]

    def trips(loops: tuple[Loop, ...]) -> list[Lane]:
        table = {loop.dim: loop.trip for loop in loops}
        return [table.get(dim, 1) for dim in dims]

    def positions(nest: LevelNest) -> list[Lane]:
        listed = [loop.dim for loop in reversed(nest.temporal)]
        absent = [dim for dim in workload.dims if dim not in listed]
        return [[*listed, *absent].index(dim) for dim in dims]

    return Nest(
        temporal=[trips(nest.temporal) for nest in mapping.levels],
        order=[positions(nest) for nest in mapping.levels],
        x=[trips(nest.x) for nest in mapping.levels],
        y=[trips(nest.y) for nest in mapping.levels],
        keep=[[name in nest.keep for name in names] for nest in mapping.levels],
        cut=[[nest.cut.get(name, len(workload.dims)) for name in names] for nest in mapping.levels]
        if plan.cuts
        else None,
        illegal=[
            (Reason.FANOUT_TOTAL + 8 * at, True)
            for at, nest in enumerate(mapping.levels)
            if not plan.levels[at].has_fanout and _spread((*nest.x, *nest.y)) > 1
        ],
    )


def explain_reason(
    reason: int, workload: Workload, architecture: Architecture, mapping: Mapping, counts: Counts, costs: Costs
) -> str:
    """Say in a sentence which level cannot hold or spread what the mapping asks of it."""
    kind, at = Reason.split(int(reason))
    level = architecture.levels[at]
    if kind == Reason.CAPACITY:
        tiles = [
            f"{tensor.name} {int(words):,} words x {level.tensor_bits(tensor)} bits"
            for tensor, words in zip(workload.tensors, counts.tile[at], strict=True)
            if words
        ]
        usable = level.size_bits / level.buffering
        halved = (
            f" (1/{level.buffering:g} of {level.size_bits:,.0f}: buffering {level.buffering:g})"
            if level.buffering != 1
            else ""
        )
        return (
            f"level {level.name!r}: capacity: the tiles need {int(costs.used_bits[at]):,} bits ({', '.join(tiles)}), "
            f"but only {usable:,.0f} bits are usable{halved}"
        )
    below = architecture.levels[at - 1].name if at else architecture.compute.name
    across = range(at, len(mapping.levels)) if architecture.pooled else (at,)
    x_loops = tuple(loop for k in across for loop in mapping.levels[k].x)
    y_loops = tuple(loop for k in across for loop in mapping.levels[k].y)
    x, y = _spread(x_loops), _spread(y_loops)
    mesh_x, mesh_y = (math.prod(getattr(architecture.levels[k].fanout, axis) for k in across) for axis in ("x", "y"))
    if kind == Reason.FANOUT_TOTAL:
        there = mesh_x * mesh_y
        return (
            f"level {level.name!r}: fanout: the mapping spreads over {x} x {y} instances of {below!r}, "
            f"but there {'is' if there == 1 else 'are'} {there}"
        )
    axis, asked, there = ("X", x, mesh_x) if kind == Reason.FANOUT_X else ("Y", y, mesh_y)
    loops = x_loops if axis == "X" else y_loops
    return (
        f"level {level.name!r}: fanout: the mapping spreads {' '.join(map(str, loops))} = {asked} instances of {below!r} "
        f"across mesh axis {axis}, but there {'is' if there == 1 else 'are'} {there}"
    )


def _spread(loops: tuple[Loop, ...]) -> int:
    return math.prod(loop.trip for loop in loops)


def _evaluation(
    workload: Workload, architecture: Architecture, mapping: Mapping, counts: Counts, costs: Costs
) -> Evaluation:
    levels = [
        LevelCosts(
            name=level.name,
            instances=architecture.instances[at],
            instances_used=counts.used[at],
            energy_pj=sum(costs.access_pj[at]) + costs.leak_pj[at],
            leakage_pj=costs.leak_pj[at],
            cycles=costs.level_cycles[at],
            used_bits=costs.used_bits[at],
            size_bits=level.size_bits,
            tensors={
                tensor.name: TensorCosts(
                    kept=tensor.name in mapping.levels[at].keep,
                    tile_words=counts.tile[at][t],
                    reads=counts.reads[at][t],
                    fills=counts.fills[at][t],
                    updates=counts.updates[at][t],
                    energy_pj=costs.access_pj[at][t],
                )
                for t, tensor in enumerate(workload.tensors)
            },
        )
        for at, level in enumerate(architecture.levels)
    ]
    compute = ComputeCosts(
        name=architecture.compute.name,
        instances=architecture.compute_instances,
        instances_used=counts.used_compute,
        energy_pj=costs.compute_pj + costs.compute_leak_pj,
        leakage_pj=costs.compute_leak_pj,
        cycles=counts.cycles,
    )
    bound = int(costs.bound)
    return Evaluation(
        workload=workload,
        architecture=architecture,
        mapping=mapping,
        cycles=costs.cycles,
        utilization=costs.utilization,
        energy_pj=costs.energy_pj,
        area_um2=architecture.area_um2,
        macs=workload.macs,
        bound_by="compute" if bound == len(levels) else architecture.levels[bound].name,
        levels=tuple(reversed(levels)),
        compute=compute,
    )
