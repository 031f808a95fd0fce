"""Resolving: constraints by name, on a workload and an architecture, become rules in numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from archloom.architecture.hierarchy import Architecture
from archloom.errors import InputError
from archloom.mapspace.constraints import Constraints
from archloom.mapspace.groups import expand
from archloom.mapspace.narrowing import Narrowing, Table
from archloom.mapspace.rules import NO_LIMIT, Axes, Cuts, Range, Rules
from archloom.mapspace.splits import AxisCase, axis_cases
from archloom.workload.einsum import Workload

__all__ = ["MAX_PARTS", "Resolved", "resolve"]

MAX_PARTS = 512
"""Permutations that leave many dims free of order make many cases; beyond this they are refused."""


@dataclass(frozen=True)
class Resolved:
    """Rules without overlap whose union is the space, the architecture with the constraints on its networks, and warnings."""

    parts: tuple[Rules, ...]
    architecture: Architecture
    warnings: tuple[str, ...]


def resolve(
    workload: Workload,
    architecture: Architecture,
    constraints: Constraints | None = None,
    *,
    cuts: Cuts = Cuts.LEVEL,
    padding: bool = False,
) -> Resolved:
    """Lower constraints to rules; raises InputError with every fault: unknown names, contradictions, values out of range."""
    given = constraints or Constraints()
    state = Narrowing(workload, architecture, given)
    for level in given.levels:
        state.add(level)
    state.check_total()
    if state.faults:
        raise InputError(state.faults)
    state.settle_rest(padding=padding)
    if state.faults:
        raise InputError(state.faults)
    return Resolved(_parts(state, cuts, padding=padding), _network(state), tuple(dict.fromkeys(state.warnings)))


def _network(state: Narrowing) -> Architecture:
    """The architecture, with the constraints on multicast in its fanouts."""
    levels = tuple(
        level
        if names == level.fanout.no_multicast
        else replace(level, fanout=replace(level.fanout, no_multicast=names))
        for level, names in zip(state.architecture.levels, state.no_multicast, strict=True)
    )
    return state.architecture if levels == state.architecture.levels else replace(state.architecture, levels=levels)


def _parts(state: Narrowing, cuts: Cuts, *, padding: bool) -> tuple[Rules, ...]:
    per_level = [_cases(state, at) for at in range(len(state.architecture.levels))]
    if math.prod(map(len, per_level)) > MAX_PARTS:
        names = [
            level.name for level, cases in zip(state.architecture.levels, per_level, strict=True) if len(cases) > 1
        ]
        raise InputError(
            f"the permutations across the fanouts of {', '.join(names)} leave too many cases open; "
            "name more dims in them, or say per axis which dims may lie on it"
        )
    limits = state.constraints
    high = NO_LIMIT if limits.max_total_parallelism is None else limits.max_total_parallelism
    plain = Rules(
        bounds=state.bounds,
        temporal=_frozen(state.temporal),
        x=_frozen(state.x),
        y=_frozen(state.y),
        spatial=_frozen(state.spatial),
        mesh=tuple((level.fanout.x, level.fanout.y) for level in state.architecture.levels),
        reshapeable=tuple(level.fanout.reshapeable for level in state.architecture.levels),
        pooled=state.pooled,
        order_inner=tuple(map(tuple, state.inner)),
        order_outer=tuple(map(tuple, state.outer)),
        keep=tuple(map(tuple, state.keep)),
        parallelism=tuple(state.parallelism),
        total_parallelism=Range(limits.min_total_parallelism, high),
        min_fill=tuple(state.min_fill),
        cuts=cuts,
        padding=padding,
    )
    return tuple(_in_case(plain, cases) for cases in product(*per_level))


def _cases(state: Narrowing, at: int) -> list[AxisCase]:
    dims = [state.workload.dims.index(dim) for dim in expand(state.order[at], state.workload)[0]]
    fanout = state.architecture.levels[at].fanout
    if not dims and state.split[at] is not None and min(fanout.x, fanout.y) == 1:
        dims = list(range(len(state.bounds)))  # Timeloop permutes nothing across a mesh with one axis
    may_x, may_y = (
        [(span & wide).high > 1 for span, wide in zip(table[at], state.spatial[at], strict=True)]
        for table in (state.x, state.y)
    )
    cases: list[AxisCase] = []
    # each loop takes at least half of the room on its axis
    most = state.room(at, "x").bit_length() - 1, state.room(at, "y").bit_length() - 1
    for case in axis_cases(dims, state.split[at], len(state.bounds), may_x, may_y, most):
        cases.append(case)
        if len(cases) > MAX_PARTS:
            break
    return cases


def _frozen(table: Table) -> Axes:
    return tuple(map(tuple, table))


def _in_case(rules: Rules, cases: Sequence[AxisCase]) -> Rules:
    """The rules with the extra limits of one case per level."""
    x = [
        [span & case.x.get(d, Range()) for d, span in enumerate(row)] for row, case in zip(rules.x, cases, strict=True)
    ]
    y = [
        [span & case.y.get(d, Range()) for d, span in enumerate(row)] for row, case in zip(rules.y, cases, strict=True)
    ]
    return replace(rules, x=_frozen(x), y=_frozen(y))
