"""The loop nest of a mapping as one sequence from outside to inside: holders of tiles, loops, and what each tile measures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, replace
from enum import Enum

from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.workload.einsum import Tensor, Workload

__all__ = ["Axis", "Holder", "NestLoop", "Node", "canonical", "walk"]


class Axis(Enum):
    """Where the iterations of a loop go: one after the other, or side by side along a mesh axis."""

    TIME = "time"
    X = "x"
    Y = "y"


@dataclass(frozen=True, slots=True)
class Holder:
    """A place in the nest where tiles live: everything below it in the nest is inside these tiles.

    `words` maps each tensor held here to the size of its tile in words, or to None where no workload was given. The first
    holder of a level (`opens`) may hold nothing; a later one of the same level holds tensors with a cut.
    """

    level: str
    words: MappingABC[str, int | None]
    opens: bool
    mesh: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class NestLoop:
    """A loop of a level's block, with the axis along which it runs."""

    level: str
    loop: Loop
    axis: Axis


Node = Holder | NestLoop


def canonical(mapping: Mapping) -> Mapping:
    """The same mapping without what has no meaning: loops of trip 1, cuts of tensors not held, cuts around the whole block."""
    return replace(mapping, levels=tuple(_canonical_level(nest) for nest in mapping.levels))


def _canonical_level(nest: LevelNest) -> LevelNest:
    temporal = _real(nest.temporal)
    cut: dict[str, int] = {}
    for name in sorted(nest.keep & nest.cut.keys()):
        inside = len(_real(nest.temporal[len(nest.temporal) - nest.cut[name] :]))
        if inside < len(temporal):
            cut[name] = inside
    return replace(nest, temporal=temporal, x=_real(nest.x), y=_real(nest.y), cut=cut)


def _real(loops: tuple[Loop, ...]) -> tuple[Loop, ...]:
    return tuple(loop for loop in loops if loop.trip != 1)


def walk(mapping: Mapping, workload: Workload | None = None) -> tuple[Node, ...]:
    """The nest of `mapping` in its canonical form, outside to inside.

    Each level gives a holder, its loops in time (with a further holder wherever a cut ends a tile between two of them),
    then its loops along X and along Y. With a `workload`, holders know the words of their tiles (MODEL.md, section 1).
    """
    nests = canonical(mapping).levels
    extents = {loop.dim: 1 for nest in nests for loop in nest.loops()}
    levels: list[list[Node]] = []
    for nest in nests:
        levels.append(list(_level_inside_out(nest, extents, workload)))
    return tuple(node for level in reversed(levels) for node in reversed(level))


def _level_inside_out(nest: LevelNest, extents: dict[str, int], workload: Workload | None) -> Iterator[Node]:
    for axis, loops in ((Axis.Y, nest.y), (Axis.X, nest.x)):
        for loop in reversed(loops):
            yield _enclose(nest, loop, axis, extents)
    for inside in range(len(nest.temporal) + 1):
        names = [name for name in nest.keep if nest.cut.get(name, len(nest.temporal)) == inside]
        opens = inside == len(nest.temporal)
        if names or opens:
            yield Holder(nest.level, _words(names, extents, workload), opens, nest.mesh if opens else None)
        if not opens:
            yield _enclose(nest, nest.temporal[-1 - inside], Axis.TIME, extents)


def _enclose(nest: LevelNest, loop: Loop, axis: Axis, extents: dict[str, int]) -> NestLoop:
    extents[loop.dim] *= loop.trip
    return NestLoop(nest.level, loop, axis)


def _words(names: list[str], extents: MappingABC[str, int], workload: Workload | None) -> dict[str, int | None]:
    if workload is None:
        return dict.fromkeys(sorted(names))
    return {tensor.name: _tile_words(tensor, extents) for tensor in workload.tensors if tensor.name in names}


def _tile_words(tensor: Tensor, extents: MappingABC[str, int]) -> int:
    return math.prod(1 + sum(c * (extents.get(dim, 1) - 1) for dim, c in rank) for rank in tensor.ranks)
