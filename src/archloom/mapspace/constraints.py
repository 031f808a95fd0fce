"""Constraints as a user states them: by the names of levels, dims and tensors, in no tool's own language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from archloom.errors import Place

__all__ = ["Constraints", "FactorRule", "LevelConstraints", "Relation"]

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

    A level may occur more than once; all its constraints hold together. `strict`: whether naming a dim or tensor that the
    workload does not have is a fault; a machine's own rules name dims that only some workloads have, and set it to False.
    `pooled` overrides `Architecture.pooled` (None: as the architecture says): False lets a fanout use only its own mesh.
    """

    levels: tuple[LevelConstraints, ...] = ()
    min_total_parallelism: int = 1
    max_total_parallelism: int | None = None
    strict: bool = True
    pooled: bool | None = None


def _words(value: str | Iterable[str]) -> frozenset[str]:
    return frozenset({value} if isinstance(value, str) else value)
