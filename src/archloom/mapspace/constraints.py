"""Constraints as a user states them: by the names of levels, dims and tensors, in no tool's own language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Literal, Protocol

from archloom.errors import InputError, Place

__all__ = ["Constraints", "FactorRule", "Given", "GivesConstraints", "LevelConstraints", "Relation", "as_constraints"]

Relation = Literal["=", "<=", ">="]

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FactorRule:
    """A rule for the trip count of one dim (or of each dim of a group): `=`, `<=` or `>=` a value.

    `= 0` takes the rest: all that the factors fixed with `=` elsewhere leave of the bound. Every other factor of that dim is 1
    then, unless a rule fixes it. `place` is where the rule was written.
    """

    dim: str
    op: Relation
    value: int
    place: Place | None = None

    def __str__(self) -> str:
        return f"{self.dim}{self.op}{self.value}"


@dataclass(frozen=True)
class LevelConstraints:
    """Constraints on one level: its loops in time, its fanout, what it holds.

    Dims are named by the workload's names or by groups (`archloom.mapspace.groups`), tensors by selectors (name, role, `all`).

    Factors: `temporal`, `spatial` (across the fanout, whichever axis), `x`, `y`. Dims that may have loops there at all:
    `temporal_dims`, `x_dims`, `y_dims` (None: any).
    Order: `order_inner` are the innermost loops, innermost first; `order_outer` the outermost ones, outermost last; loops not
    named lie between, in any order.
    Axes: `spatial_order` and `split` are Timeloop's permutation of the fanout's loops and how many of its dims lie on X: dims not
    named come after, in any order; without a split any is allowed (`archloom.mapspace.splits`).
    Residency: `keep`, `bypass`. Network: `no_multicast` selects tensors sent once per instance. `no_reuse` selects tensors whose
    tile is fetched anew at each step in time; the model has no such memory, so it only leads to a warning.
    Use: `min_parallelism` and `max_parallelism` of the product of all trips across the fanout, `min_utilization` of the share
    of its usable bits (0 to 1) that the tiles fill; the model checks the latter.
    `strict`: whether naming a dim or tensor that the workload does not have is a fault; a machine's own rules name dims that only some
    workloads have, and set it to False. `place`: where the constraints were written.
    """

    level: str
    temporal: tuple[FactorRule, ...] = ()
    spatial: tuple[FactorRule, ...] = ()
    x: tuple[FactorRule, ...] = ()
    y: tuple[FactorRule, ...] = ()
    temporal_dims: frozenset[str] | None = None
    x_dims: frozenset[str] | None = None
    y_dims: frozenset[str] | None = None
    order_inner: tuple[str, ...] = ()
    order_outer: tuple[str, ...] = ()
    spatial_order: tuple[str, ...] = ()
    split: int | None = None
    keep: frozenset[str] = NOTHING
    bypass: frozenset[str] = NOTHING
    no_multicast: frozenset[str] = NOTHING
    no_reuse: frozenset[str] = NOTHING
    min_parallelism: int = 1
    max_parallelism: int | None = None
    min_utilization: float = 0.0
    strict: bool = True
    place: Place | None = None

    def __post_init__(self) -> None:
        for name in ("keep", "bypass", "no_multicast", "no_reuse"):
            object.__setattr__(self, name, _words(getattr(self, name)))
        for name in ("temporal_dims", "x_dims", "y_dims"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else _words(value))


@dataclass(frozen=True)
class Constraints:
    """Constraints on a mapspace: those of each level, and on the parallelism of the whole machine (product of all trips in space).

    A level may occur more than once; all its constraints hold together.
    `pooled` overrides `Architecture.pooled` (None: as the architecture says): False lets a fanout use only its own mesh.
    """

    levels: tuple[LevelConstraints, ...] = ()
    min_total_parallelism: int = 1
    max_total_parallelism: int | None = None
    pooled: bool | None = None


class GivesConstraints(Protocol):
    """What a file was read into, and what has constraints in it: they may depend on nothing but itself."""

    def mapspace_constraints(self) -> Constraints:
        """The constraints on a mapspace."""
        ...


Given = Constraints | LevelConstraints | GivesConstraints | Iterable["LevelConstraints | GivesConstraints"] | None
"""What is taken for constraints: the objects of this module, anything read from files that gives them, or several of these."""


def as_constraints(given: Given) -> Constraints:
    """Anything that is taken for constraints, as Constraints; raises InputError for anything else.

    Of several, all hold together.
    """
    if given is None:
        return Constraints()
    if isinstance(given, Constraints):
        return given
    if isinstance(given, LevelConstraints):
        return Constraints((given,))
    own = getattr(given, "mapspace_constraints", None)
    if own is not None:
        return own()
    if isinstance(given, Iterable) and not isinstance(given, str):
        return reduce(_together, map(as_constraints, given), Constraints())
    raise InputError(
        f"cannot read constraints from {type(given).__name__}",
        hint="expected Constraints, LevelConstraints, or what a file with constraints was loaded into",
    )


def _together(one: Constraints, two: Constraints) -> Constraints:
    most = [limit for limit in (one.max_total_parallelism, two.max_total_parallelism) if limit is not None]
    return Constraints(
        one.levels + two.levels,
        max(one.min_total_parallelism, two.min_total_parallelism),
        min(most, default=None),
        False if False in (one.pooled, two.pooled) else one.pooled or two.pooled,
    )


def _words(value: str | Iterable[str]) -> frozenset[str]:
    return frozenset({value} if isinstance(value, str) else value)
