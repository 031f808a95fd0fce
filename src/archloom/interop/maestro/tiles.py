"""The tile of each variable at a level: what is new in it, and what is left of it at the edge of the dimension."""

from __future__ import annotations

from dataclasses import dataclass

from archloom.interop.maestro.mends import Mend
from archloom.interop.maestro.network import Directive
from archloom.interop.maestro.whole import divided

__all__ = ["Sizes", "active_at_edge", "outputs_of", "sizes_of"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of one variable: its tile, the new part of it, and both at the edge of the dimension."""

    tile: int
    unique: int
    edge_tile: int
    edge_unique: int


def sizes_of(directive: Directive, total: int, mends: frozenset[Mend]) -> Sizes:
    """Return the tile sizes of a variable that is `total` long at this level."""
    size, offset = directive.size, directive.offset
    steps = max(divided(total - size, offset), 0)
    rest = total - (steps + 1) * offset
    if rest < 0 or (size > total and Mend.B2 in mends):
        rest = total
    edge = rest if steps * offset + size < total or size > total else size
    unique = 0 if not directive.spatial and total <= size else min(size, offset)
    return Sizes(size, unique, edge, max(offset - (size - (edge if Mend.B24 in mends else rest)), 0))


def outputs_of(window: Sizes, kernel: Sizes, offset: int, stride: int, mends: frozenset[Mend]) -> Sizes:
    """Return the tile sizes of the outputs that a tile of inputs makes with a filter."""
    tile = (window.tile - kernel.tile) // stride + 1
    edge = (window.edge_tile - kernel.edge_tile) // stride + 1
    if Mend.B2 in mends:
        tile, edge = max(tile, 0), max(edge, 0)
    return Sizes(tile, min(offset // stride, window.tile), edge, min(offset // stride, edge))


def active_at_edge(directive: Directive, total: int, count: int, mends: frozenset[Mend]) -> int:
    """Sub-clusters at work in the last, partial step of a SpatialMap."""
    size, offset = directive.size, directive.offset
    if total > offset * (count - 1) + size:
        steps = divided(divided(total - size, offset) + 1, count) - 1
        rest = total - (steps + 1) * offset * count
        active = 1 if rest < size else divided(rest - size, offset) + 1
        return active + 1 if offset * (active - 1) + size < rest and Mend.B23 in mends else active
    if total <= size:
        return 1
    active = divided(total - size, offset) + 1
    return active + 1 if offset * (active - 1) + size < total else active
