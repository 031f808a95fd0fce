"""A machine's own rules for mappings: what a `constraints` section says, level by level, and what it means for a mapspace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from archloom.errors import Place
from archloom.mapspace import constraints as mapspace
from archloom.mapspace.groups import DIM_GROUPS

__all__ = ["DIM_GROUPS", "OTHERS", "FactorRule", "LevelRules", "LoopRules", "mapspace_constraints"]

OTHERS = "..."
"""In an order: all loops that it does not name."""


@dataclass(frozen=True, slots=True)
class FactorRule:
    """A rule for one trip count: exactly, at most or at least `trip`; None takes whatever is left of the bound."""

    trip: int | None
    at_most: bool = False
    at_least: bool = False
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class LoopRules:
    """Rules for the loops in time, or across a mesh axis or a whole fanout, of a level.

    `dims`: the only dimensions (or DIM_GROUPS) that may have loops here; None allows all. `factors`: rules for trip counts.
    `order`: loops, outermost first; `...` stands for those not named, which are outside all others unless it says otherwise.
    """

    dims: tuple[str, ...] | None = None
    factors: Mapping[str, FactorRule] = field(default_factory=dict[str, FactorRule])
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LevelRules:
    """Rules for one level: tensors (selectors) that must and must not be held there, and rules for its loops and its fanout.

    `spatial`: trips across the fanout, whichever axis. `parallelism`: least and most (None: any) of their product.
    `utilization`: least share of the memory's usable bits in use. A rule for the `level` "" is for the whole machine, and only
    has a `parallelism`.
    """

    level: str
    keep: frozenset[str] = frozenset()
    bypass: frozenset[str] = frozenset()
    temporal: LoopRules = field(default_factory=LoopRules)
    x: LoopRules = field(default_factory=LoopRules)
    y: LoopRules = field(default_factory=LoopRules)
    spatial: LoopRules = field(default_factory=LoopRules)
    no_multicast: frozenset[str] = frozenset()
    no_reuse: frozenset[str] = frozenset()
    parallelism: tuple[int, int | None] = (1, None)
    utilization: float = 0.0
    place: Place | None = field(default=None, compare=False)

    def mapspace_constraints(self) -> mapspace.Constraints:
        """What the rules of this level say, for a mapspace."""
        return mapspace_constraints((self,))


def mapspace_constraints(rules: Iterable[LevelRules]) -> mapspace.Constraints:
    """Rules of a machine as constraints on a mapspace; names that a workload does not have are passed over.

    >>> mapspace_constraints([LevelRules("GLB", x=LoopRules(dims=("filters",)))]).levels[0].x_dims
    frozenset({'filters'})
    """
    least, most = 1, None
    levels: list[mapspace.LevelConstraints] = []
    for rule in rules:
        if rule.level:
            levels.append(_level(rule))
        else:
            least, most = rule.parallelism
    return mapspace.Constraints(tuple(levels), least, most)


def _level(rule: LevelRules) -> mapspace.LevelConstraints:
    outer, inner = _ends(rule.temporal.order)
    across = rule.spatial.dims
    x_dims, y_dims = (_both(across, axis.dims) for axis in (rule.x, rule.y))
    return mapspace.LevelConstraints(
        level=rule.level,
        temporal=_factors(rule.temporal),
        spatial=_factors(rule.spatial),
        x=_factors(rule.x),
        y=_factors(rule.y),
        temporal_dims=None if rule.temporal.dims is None else frozenset(rule.temporal.dims),
        x_dims=x_dims,
        y_dims=y_dims,
        order_inner=tuple(reversed(inner)),
        order_outer=tuple(reversed(outer)),
        keep=rule.keep,
        bypass=rule.bypass,
        no_multicast=rule.no_multicast,
        no_reuse=rule.no_reuse,
        min_parallelism=rule.parallelism[0],
        max_parallelism=rule.parallelism[1],
        min_utilization=rule.utilization,
        strict=False,
        place=rule.place,
    )


def _both(one: tuple[str, ...] | None, two: tuple[str, ...] | None) -> frozenset[str] | None:
    """Dims that both lists name; None names all."""
    if one is None or two is None:
        chosen = two if one is None else one
        return None if chosen is None else frozenset(chosen)
    return frozenset(one) & frozenset(two)


def _ends(order: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The outermost and the innermost loops of an order, outermost first."""
    if OTHERS not in order:
        return (), order
    at = order.index(OTHERS)
    return order[:at], order[at + 1 :]


def _factors(rules: LoopRules) -> tuple[mapspace.FactorRule, ...]:
    found: list[mapspace.FactorRule] = []
    for dim, rule in rules.factors.items():
        relation: mapspace.Relation = "<=" if rule.at_most else ">=" if rule.at_least else "="
        found.append(mapspace.FactorRule(dim, relation, rule.trip or 0, rule.place))
    return tuple(found)
