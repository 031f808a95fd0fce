"""Permutation and split of a fanout, as Timeloop's mapper reads them: which dims may lie on which mesh axis together.

The loops across a fanout stand in a row: those of the permutation as written, then all others in any order. The first `split`
of the row lie on axis X and the rest on Y; without a split, it may be anywhere. Every dim has a place in the row, also one of
trip 1. (Timeloop: mapspaces/uber.cpp, PermuteSubnests and AssignSpatialTilingDirections.)

Such a rule ties dims together. It is written out here as cases without overlap, each of which only limits single trips.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from archloom.mapspace.rules import NO_LIMIT, ONE, Range

__all__ = ["AxisCase", "axis_cases"]

SPREAD = Range(2, NO_LIMIT)
"""A loop that is there."""


@dataclass(frozen=True)
class AxisCase:
    """Extra limits on the trips of some dims along X and Y; other dims are as free as before."""

    x: dict[int, Range] = field(default_factory=dict[int, Range])
    y: dict[int, Range] = field(default_factory=dict[int, Range])

    def off_x(self, dims: Sequence[int]) -> AxisCase:
        return AxisCase({**self.x, **dict.fromkeys(dims, ONE)}, self.y)

    def off_y(self, dims: Sequence[int]) -> AxisCase:
        return AxisCase(self.x, {**self.y, **dict.fromkeys(dims, ONE)})

    def on_x(self, dim: int) -> AxisCase:
        return AxisCase({**self.x, dim: SPREAD}, {**self.y, dim: ONE})

    def on_y(self, dim: int) -> AxisCase:
        return AxisCase({**self.x, dim: ONE}, {**self.y, dim: SPREAD})


def axis_cases(
    order: Sequence[int],
    split: int | None,
    dims: int,
    may_x: Sequence[bool],
    may_y: Sequence[bool],
    most: tuple[int, int] | None = None,
) -> Iterator[AxisCase]:
    """The cases of a permutation `order` (dim numbers) and `split` over `dims` dims.

    `may_x[d]`, `may_y[d]`: whether dim d can have a trip above 1 on that axis at all; `most`: how many dims can on X and on Y
    together. Impossible cases are left out. Every placement that the rule allows is in exactly one case.
    """
    first = list(order)
    others = [d for d in range(dims) if d not in first]
    if split is None:
        yield from _any_split(first, others, may_x, may_y)
    elif split <= len(first):
        yield AxisCase().off_y(first[:split]).off_x(first[split:] + others)
    else:
        movable = [d for d in others if may_x[d] or may_y[d]]
        room = split - len(first), max(0, dims - split)
        yield from _share(AxisCase().off_y(first), movable, room, most or (dims, dims), (may_x, may_y))


def _any_split(first: list[int], others: list[int], may_x: Sequence[bool], may_y: Sequence[bool]) -> Iterator[AxisCase]:
    """A permutation without a split: by the first dim of the permutation that lies on Y, or none."""
    for at, dim in enumerate(first):
        after = first[at + 1 :] + others
        if not any(may_x[d] for d in after):
            yield AxisCase().off_y(first[:at])
            return
        if may_y[dim]:
            yield AxisCase().off_y(first[:at]).on_y(dim).off_x(after)
    yield AxisCase().off_y(first)


def _share(
    case: AxisCase,
    free: list[int],
    room: tuple[int, int],
    most: tuple[int, int],
    may: tuple[Sequence[bool], Sequence[bool]],
) -> Iterator[AxisCase]:
    """Deal dims of free order to the places left on X and Y."""
    could = [min(sum(axis[d] for d in free), limit) for axis, limit in zip(may, most, strict=True)]
    if not room[0] or not room[1]:
        yield case.off_x(free if not room[0] else []).off_y(free if not room[1] else [])
    elif could[0] <= room[0] and could[1] <= room[1]:
        yield case
    else:
        dim, *rest = free
        yield from _share(case.off_x([dim]).off_y([dim]), rest, room, most, may)
        if may[0][dim] and most[0]:
            yield from _share(case.on_x(dim), rest, (room[0] - 1, room[1]), (most[0] - 1, most[1]), may)
        if may[1][dim] and most[1]:
            yield from _share(case.on_y(dim), rest, (room[0], room[1] - 1), (most[0], most[1] - 1), may)
