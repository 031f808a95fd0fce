"""Timeloop's constraints as constraints on a mapspace, with the meaning that Timeloop's mapper gives them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from archloom.architecture.hierarchy import Architecture, Fanout
from archloom.errors import Fault, InputError, did_you_mean
from archloom.interop.timeloop.constraints import (
    Axis,
    Constraint,
    LoopConstraint,
    ResidencyConstraint,
    UtilizationConstraint,
)
from archloom.mapspace.constraints import Constraints, FactorRule, LevelConstraints, Relation
from archloom.mapspace.factors import divisors
from archloom.workload.einsum import Workload

__all__ = ["mapspace_constraints"]

RELATIONS: Mapping[str, Relation] = {"=": "=", "<=": "<=", ">=": ">="}


def mapspace_constraints(
    constraints: Iterable[Constraint], workload: Workload, architecture: Architecture, *, front_end: bool = False
) -> Constraints:
    """Lower Timeloop's constraints.

    Factors above a bound are cut down to it. A temporal permutation is the order of the innermost loops; one across a fanout stands
    in a row of all dims, of which the first `split` lie on X. With `front_end`, dims of the fanout that a factor or a bound of 1
    gives no loop, and that the permutation does not name, come first in that row, as Timeloop's front end puts them (the hierarchical
    form always passes through it), so that the split counts them. `default_max_factor` and `default_min_factor` are for the dims
    of a target without a factor of their own; `maximize_dims` fixes the largest factors that fill a fanout. The least utilization
    is of all compute units. As in Timeloop's mapper, a fanout only uses its own mesh (`pooled=False`); its model is more
    lenient. `no_link_transfer`, `rmw_first_update`, `no_coalesce`, `remainders` and overbooking change nothing here.
    Raises InputError for what has no such meaning. Source: Timeloop's mapping/constraints.cpp, mapspaces/uber.cpp and, for
    `maximize_dims`, its front end.
    """
    given = [constraint for constraint in constraints if constraint.target in architecture.names]
    faults: list[Fault] = []
    levels: list[LevelConstraints] = []
    least = 1
    left = _left_of_bounds(given, workload)
    for constraint in given:
        if isinstance(constraint, LoopConstraint):
            levels.append(_loops(constraint, workload, architecture, left, faults, front_end=front_end))
        elif isinstance(constraint, ResidencyConstraint):
            levels.append(
                LevelConstraints(
                    constraint.target,
                    keep=frozenset(constraint.keep),
                    bypass=frozenset(constraint.bypass),
                    place=constraint.place,
                )
            )
        elif isinstance(constraint, UtilizationConstraint):
            # Timeloop compares products of ratios: a count that reaches the share but for rounding is enough
            least = max(least, math.ceil(constraint.minimum * architecture.compute_instances - 1e-6))
    if faults:
        raise InputError(faults)
    return Constraints(tuple(levels), min_total_parallelism=least, pooled=False)


def _loops(
    given: LoopConstraint,
    workload: Workload,
    architecture: Architecture,
    left: dict[str, int],
    faults: list[Fault],
    *,
    front_end: bool,
) -> LevelConstraints:
    rules = [
        FactorRule(
            factor.dim,
            RELATIONS[factor.relation],
            _at_most_bound(factor.relation, factor.value, workload.bounds[factor.dim]),
            factor.place,
        )
        for factor in given.factors
    ]
    rules += _maximized(given, architecture, left, faults)
    named = {rule.dim for rule in rules}
    for dim, bound in workload.bounds.items():
        if dim not in named and given.max_factor is not None:
            rules.append(FactorRule(dim, "<=", given.max_factor, given.place))
        if dim not in named and given.min_factor is not None:
            rules.append(FactorRule(dim, ">=", min(given.min_factor, bound), given.place))
    if given.axis is Axis.TEMPORAL:
        return LevelConstraints(
            given.target,
            temporal=tuple(rules),
            order_inner=given.permutation,
            no_reuse=frozenset(given.no_reuse),
            place=given.place,
        )
    return LevelConstraints(
        given.target,
        spatial=tuple(rules),
        spatial_order=_row(given, rules, workload) if front_end else given.permutation,
        split=given.split,
        no_multicast=frozenset(given.no_reuse),
        place=given.place,
    )


def _row(given: LoopConstraint, rules: Sequence[FactorRule], workload: Workload) -> tuple[str, ...]:
    """A permutation across a fanout as the front end hands it on."""
    row = list(given.permutation)
    idle = [rule.dim for rule in rules if rule.value == 1] + [
        dim for dim, bound in workload.bounds.items() if bound == 1
    ]
    for dim in idle:
        if dim not in row:
            row.insert(0, dim)
    return tuple(row)


def _at_most_bound(relation: str, value: int, bound: int) -> int:
    return value if relation == "<=" else min(value, bound)


def _left_of_bounds(given: Sequence[Constraint], workload: Workload) -> dict[str, int]:
    """What the fixed factors of all constraints leave of each bound."""
    left = dict(workload.bounds)
    for constraint in given:
        for dim, value in constraint.exact().items() if isinstance(constraint, LoopConstraint) else ():
            left[dim] = math.ceil(left[dim] / value) if value else 1
    return left


def _maximized(
    given: LoopConstraint, architecture: Architecture, left: dict[str, int], faults: list[Fault]
) -> list[FactorRule]:
    """The factors that `maximize_dims` means: group after group, the largest product that the mesh of the fanout still holds.

    Of equal products, the one that takes more of the dims named first. `left` is updated. Timeloop's front end looks at the
    number of instances only, and so asks for trips that its mapper can lay along no axis.
    """
    rules: list[FactorRule] = []
    if given.maximize and given.axis is Axis.TEMPORAL:
        hint = "give the factors themselves"
        faults.append(
            Fault(f"maximize_dims of {given.target!r} is on loops in time, which nothing bounds", given.place, hint)
        )
        return rules
    fanout = architecture.level(given.target).fanout
    placed = [factor.value for factor in given.factors if factor.relation in ("=", ">=") and factor.value > 1]
    for group in given.maximize:
        for dim in group:
            if dim in {factor.dim for factor in given.factors}:
                faults.append(
                    Fault(f"maximize_dims of {given.target!r} names {dim!r}, which has a factor already", given.place)
                )
        known = [dim for dim in group if dim in left]
        for dim in group:
            if dim not in left:
                faults.append(
                    Fault(f"maximize_dims of {given.target!r} names {dim!r}", given.place, did_you_mean(dim, left))
                )
        options = product(*(divisors(left[dim]) for dim in known))
        best = max(
            (trips for trips in options if max(trips, default=1) == 1 or _fits([*placed, *trips], fanout)),
            key=lambda trips: (math.prod(trips), trips),
        )
        for dim, trip in zip(known, best, strict=True):
            rules.append(FactorRule(dim, "=", trip, given.place))
            left[dim] //= trip
        placed += best
    return rules


def _fits(trips: Sequence[int], fanout: Fanout) -> bool:
    """Whether loops with these trips can lie across a fanout, each along one axis of its mesh."""
    if fanout.reshapeable:
        return math.prod(trips) <= fanout.total
    reached = {(1, 1)}
    for trip in trips:
        laid = {place for x, y in reached for place in ((x * trip, y), (x, y * trip))}
        reached = {(x, y) for x, y in laid if x <= fanout.x and y <= fanout.y}
    return bool(reached)
