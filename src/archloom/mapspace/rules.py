"""Rules: what constraints, architecture and workload together allow, as numbers over levels, dims and tensors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["ANY", "NO_LIMIT", "ONE", "Axes", "Cuts", "Range", "Rules"]

NO_LIMIT = 2**62
"""The upper end of a range without one: above every bound, and still an int64."""


class Cuts(Enum):
    """Where a tile may end: at the border of its level's block, or anywhere inside that block."""

    LEVEL = "level"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Range:
    """Whole numbers from `low` to `high`, both included; none when `low` is above `high`."""

    low: int = 1
    high: int = NO_LIMIT

    def __contains__(self, value: int) -> bool:
        return self.low <= value <= self.high

    def __and__(self, other: Range) -> Range:
        return Range(max(self.low, other.low), min(self.high, other.high))

    def __or__(self, other: Range) -> Range:
        return Range(min(self.low, other.low), max(self.high, other.high))

    def __str__(self) -> str:
        if self.low > self.high:
            return "nothing"
        if self.low == self.high:
            return str(self.low)
        if self.high >= NO_LIMIT:
            return f"{self.low} or more"
        return f"{self.low} to {self.high}" if self.low > 1 else f"at most {self.high}"


Axes = tuple[tuple[Range, ...], ...]
"""A range for each level (inner to outer) and dim."""


ANY = Range()
ONE = Range(1, 1)


@dataclass(frozen=True)
class Rules:
    """A resolved mapspace: what each loop, order, mesh and residency of a mapping may be.

    Tables run over levels (inner to outer), then over all dims of the workload in its order, or over its tensors.
    A mapping is in the space iff all rules hold, and its factors multiply to the bounds (or cover them, with `padding`: see
    `archloom.mapspace.factors`). Whether tiles fit their memories is not a rule: the model says so.
    A space whose rules do not fit one such table is a few of them that have no mapping in common (`MapSpace.parts`).

    `temporal[l][d]`: trip of the loop over d in time. `x[l][d]`, `y[l][d]`: trip on each mesh axis of the fanout below l; a dim
    is on at most one axis of a fanout. `spatial[l][d]`: trip across the fanout, whichever axis it is on. `mesh[l]`: size of the
    axes; `reshapeable[l]`: only their product counts. `pooled`: the trips of a fanout and all those outside it fit their axes
    together (see Architecture.pooled). `parallelism[l]`: product of all trips across the fanout; `total_parallelism`: of all
    fanouts. `order_inner[l]`: dims whose loops are innermost, in that order, innermost first; `order_outer[l]`: dims whose loops
    are outermost, the last of them outermost; loops of one trip are skipped. `keep[l][t]`: the allowed values of keep.
    `min_fill[l]`: least share of a level's usable bits that its tiles fill, for the model to check. `cuts`: where tiles may end;
    `cut[l][t]`: with free cuts, how many loops of block l lie in t's tile, None where that is free (an empty table: all are).
    """

    bounds: tuple[int, ...]
    temporal: Axes
    x: Axes
    y: Axes
    spatial: Axes
    mesh: tuple[tuple[int, int], ...]
    reshapeable: tuple[bool, ...]
    pooled: bool
    order_inner: tuple[tuple[int, ...], ...]
    order_outer: tuple[tuple[int, ...], ...]
    keep: tuple[tuple[tuple[bool, ...], ...], ...]
    parallelism: tuple[Range, ...]
    total_parallelism: Range
    min_fill: tuple[float, ...]
    cuts: Cuts = Cuts.LEVEL
    padding: bool = False
    cut: tuple[tuple[int | None, ...], ...] = ()
