"""Mappings: for each level the loops it runs in time and across its fanout, and what it holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from functools import cached_property

from archloom.architecture.hierarchy import Architecture, Memory, plain
from archloom.display import Displayed
from archloom.errors import Fault, InputError, did_you_mean
from archloom.workload.einsum import MAX_BOUND, Workload
from archloom.workload.sizes import is_whole

__all__ = ["LevelNest", "Loop", "Mapping"]


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop over `dim` with `trip` iterations."""

    dim: str
    trip: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "trip", plain(self.trip))

    def __str__(self) -> str:
        return f"{self.dim}{self.trip}"


@dataclass(frozen=True)
class LevelNest:
    """What one level does: its block of loops and the tensors it keeps.

    `temporal`: loops in time, outermost first. `x`, `y`: loops across the two mesh axes of the fanout below, outermost first.
    `keep`: names of the tensors held here. `cut`: how many of the `temporal` loops, counted from the innermost, lie inside a
    tensor's tile; a tensor not named has all of them inside. `mesh`: the X x Y shape chosen for a reshapeable fanout.
    """

    level: str
    temporal: tuple[Loop, ...] = ()
    x: tuple[Loop, ...] = ()
    y: tuple[Loop, ...] = ()
    keep: frozenset[str] = frozenset()
    cut: MappingABC[str, int] = field(default_factory=dict[str, int])
    mesh: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name in ("temporal", "x", "y"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        keep: str | Iterable[str] = self.keep
        object.__setattr__(self, "keep", frozenset({keep} if isinstance(keep, str) else keep))
        object.__setattr__(self, "cut", dict(self.cut))

    def __hash__(self) -> int:
        return hash((self.level, self.temporal, self.x, self.y, self.keep, tuple(sorted(self.cut.items())), self.mesh))

    def loops(self) -> Iterator[Loop]:
        """All loops of the block, temporal first."""
        yield from self.temporal
        yield from self.x
        yield from self.y


@dataclass(frozen=True)
class Mapping(Displayed):
    """A mapping: one `LevelNest` per level of the architecture, inner to outer (`levels[0]` next to the compute units).

    With `padding`, the factors of a dimension may multiply to more than its bound (an imperfect factorisation);
    without it they must multiply to exactly the bound.
    """

    levels: tuple[LevelNest, ...]
    padding: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(self.levels))

    @cached_property
    def by_level(self) -> dict[str, LevelNest]:
        return {nest.level: nest for nest in self.levels}

    def factor(self, dim: str) -> int:
        """Product of all trips over `dim`."""
        return math.prod(loop.trip for nest in self.levels for loop in nest.loops() if loop.dim == dim)

    def check(self, workload: Workload, architecture: Architecture) -> None:
        """Raise InputError, with every fault, unless this mapping has the form of one for this workload and architecture.

        The form is: the same levels in the same order, known dims and tensors, factors that multiply to each bound (or above it,
        with padding), a dim on at most one mesh axis of a level, a backing store that keeps everything. Whether tiles, fanouts
        and meshes *fit* is not checked here: `evaluate` says so.
        """
        faults = [Fault(message) for message in _faults(self, workload, architecture)]
        if faults:
            raise InputError(faults)


def _faults(mapping: Mapping, workload: Workload, architecture: Architecture) -> list[str]:
    names = tuple(nest.level for nest in mapping.levels)
    if names != architecture.names:
        return [
            f"the mapping has the levels {list(reversed(names))}; expected {list(reversed(architecture.names))} (outer to inner)"
        ]
    faults: list[str] = []
    for nest, level in zip(mapping.levels, architecture.levels, strict=True):
        found = [*_loop_faults(nest, workload), *_mesh_faults(nest, level), *_residency_faults(nest, level, workload)]
        faults += [f"mapping at {nest.level!r}: {message}" for message in found]
    for tensor in workload.tensors:
        if tensor.name not in mapping.levels[-1].keep:
            faults.append(
                f"mapping at {names[-1]!r}: does not keep {tensor.name!r}; the backing store keeps every tensor"
            )
    if not _have_trips(loop for nest in mapping.levels for loop in nest.loops()):
        return faults
    for dim, bound in workload.bounds.items():
        product = mapping.factor(dim)
        if product < bound:
            faults.append(f"the factors of {dim!r} multiply to {product}, below its bound {bound}")
        elif product > bound and not mapping.padding:
            faults.append(
                f"the factors of {dim!r} multiply to {product}, above its bound {bound}; set padding to allow it"
            )
    return faults


def _have_trips(loops: Iterable[Loop]) -> bool:
    """Whether products of the trips mean something, and can be written out."""
    return all(is_whole(loop.trip) and loop.trip <= MAX_BOUND for loop in loops)


def _loop_faults(nest: LevelNest, workload: Workload) -> Iterator[str]:
    for loop in nest.loops():
        if loop.dim not in workload.bounds:
            hint = did_you_mean(loop.dim, workload.bounds)
            yield f"loop over {loop.dim!r}, which is not a dimension ({hint})"
        if not is_whole(loop.trip):
            yield f"the loop over {loop.dim!r} has the trip count {loop.trip!r}; expected a whole number"
        elif loop.trip < 1:
            yield f"the loop over {loop.dim!r} has the trip count {loop.trip}; expected at least 1"
        elif loop.trip > MAX_BOUND:
            yield f"the loop over {loop.dim!r} has a trip count above 2**40"
    for axis in (nest.temporal, nest.x, nest.y):
        seen = [loop.dim for loop in axis]
        for dim in sorted({dim for dim in seen if seen.count(dim) > 1}):
            yield f"two loops over {dim!r} in one block; merge them"


def _mesh_faults(nest: LevelNest, level: Memory) -> Iterator[str]:
    both = {loop.dim for loop in nest.x if loop.trip != 1} & {loop.dim for loop in nest.y if loop.trip != 1}
    for dim in sorted(both):
        yield f"{dim!r} is on both mesh axes; expected at most one"
    if nest.mesh is None:
        return
    if not level.fanout.reshapeable:
        yield f"gives the mesh {nest.mesh}, but this fanout is not reshapeable"
    elif len(nest.mesh) != 2 or not all(is_whole(size) and size >= 1 for size in nest.mesh):
        yield f"gives the mesh {nest.mesh}; expected two whole numbers, at least 1"


def _residency_faults(nest: LevelNest, level: Memory, workload: Workload) -> Iterator[str]:
    names = [tensor.name for tensor in workload.tensors]
    for name in sorted(nest.keep.difference(names)):
        yield f"keeps {name!r}, which is not a tensor ({did_you_mean(name, names)})"
    for name, cut in nest.cut.items():
        if name not in names:
            yield f"cuts {name!r}, which is not a tensor ({did_you_mean(name, names)})"
        if not (is_whole(cut) and 0 <= cut <= len(nest.temporal)):
            yield f"the cut of {name!r} is {cut}; expected 0 to {len(nest.temporal)}, the loops of this level"
    for tensor in workload.tensors:
        if tensor.name in nest.keep and not level.may_keep(tensor):
            yield f"keeps {tensor.name!r}, which this memory bypasses"
        if tensor.name not in nest.keep and level.must_keep(tensor):
            yield f"bypasses {tensor.name!r}, which this memory keeps"
