"""The oracle: runs the loop nest of a small problem iteration by iteration, moves words between levels and counts them."""

from __future__ import annotations

import math
from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archloom.architecture.hierarchy import Architecture
from archloom.errors import InputError
from archloom.mapping.nest import LevelNest, Mapping
from archloom.workload.einsum import Tensor, Workload

__all__ = ["MAX_POINTS", "SimulatedCounts", "SimulatedLevel", "SimulatedTensor", "simulate"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MAX_POINTS = 2**22
"""Most iterations that `simulate` agrees to run (about 0.1 s and 100 MB for each million)."""

COMPUTE = -1


@dataclass(frozen=True, slots=True)
class SimulatedTensor:
    """What was counted for one tensor at one level, in words per instance; all 0 where the tensor is not kept."""

    kept: bool
    tile_words: int
    reads: int
    fills: int
    updates: int


@dataclass(frozen=True, slots=True)
class SimulatedLevel:
    """One level: the instances that held anything, and the counts of each tensor."""

    name: str
    instances_used: int
    tensors: MappingABC[str, SimulatedTensor]


@dataclass(frozen=True, slots=True)
class SimulatedCounts:
    """What `simulate` counted; `levels` run outer to inner, as in an `Evaluation`.

    `compute_cycles`: steps in time. `macs`: iterations executed, those of the padding included.
    """

    levels: tuple[SimulatedLevel, ...]
    compute_instances_used: int
    compute_cycles: int
    macs: int

    def level(self, name: str) -> SimulatedLevel:
        return next(level for level in self.levels if level.name == name)


def simulate(
    workload: Workload, architecture: Architecture, mapping: Mapping, *, drain_reads: bool = False
) -> SimulatedCounts:
    """Execute `mapping` and count the words every level reads, fills and updates.

    Every iteration of every instance is enumerated: which word each compute unit touches at each step in time, and from that
    the box of words each buffer holds at each step. Nothing is shared with the analytical model, which this is the judge of.
    With `drain_reads`, an instance also reads the outputs it sends up. Sizes and mesh limits are not enforced.

    Raises InputError if the mapping does not have the form of one for this workload and architecture, or if it has more than
    `MAX_POINTS` iterations.
    """
    mapping.check(workload, architecture)
    nest = _Nest.of(mapping)
    if nest.steps * nest.units > MAX_POINTS:
        raise InputError(
            f"workload {workload.name!r} has {nest.steps * nest.units} iterations in this mapping; "
            f"simulate runs at most {MAX_POINTS}, evaluate any number"
        )
    counted = {t.name: _run(t, workload, architecture, mapping, nest, drain_reads) for t in workload.tensors}
    levels = tuple(
        SimulatedLevel(name, nest.units_outside(at), {tensor: counts[at] for tensor, counts in counted.items()})
        for at, name in enumerate(architecture.names)
    )
    return SimulatedCounts(levels[::-1], nest.units, nest.steps, nest.steps * nest.units)


# ------------------------------------------------------------------------------------------------------- the loop nest


@dataclass(frozen=True, slots=True)
class _Axis:
    """One loop of the nest: the level whose block it is in, and by how much one iteration advances its dimension."""

    level: int
    dim: str
    trip: int
    step: int


@dataclass(frozen=True, slots=True)
class _Nest:
    """All loops, outermost first: those in time, and those across instances."""

    time: tuple[_Axis, ...]
    space: tuple[_Axis, ...]

    @classmethod
    def of(cls, mapping: Mapping) -> _Nest:
        covered: dict[str, int] = {}
        time: list[_Axis] = []
        space: list[_Axis] = []
        for level, nest in enumerate(mapping.levels):
            for loops, axes in ((nest.y, space), (nest.x, space), (nest.temporal, time)):
                for loop in reversed(loops):
                    step = covered.get(loop.dim, 1)
                    axes.append(_Axis(level, loop.dim, loop.trip, step))
                    covered[loop.dim] = step * loop.trip
        return cls(tuple(reversed(time)), tuple(reversed(space)))

    @property
    def steps(self) -> int:
        return math.prod(axis.trip for axis in self.time)

    @property
    def units(self) -> int:
        """Compute units at work."""
        return self.units_outside(COMPUTE)

    def units_outside(self, level: int) -> int:
        """Instances of `level` at work: every combination of the spatial loops outside it."""
        return math.prod(axis.trip for axis in self.space if axis.level > level)

    def fan(self, level: int) -> int:
        """Instances at work below one instance of `level`."""
        return math.prod(axis.trip for axis in self.space if axis.level == level)

    def tiles(self, level: int, nest: LevelNest, tensor: Tensor) -> int:
        """How often the loops outside the tile of (level, tensor) step."""
        inside = nest.cut.get(tensor.name, len(nest.temporal))
        outside = [axis for axis in self.time if axis.level > level]
        own = [axis for axis in self.time if axis.level == level]
        return math.prod(axis.trip for axis in [*outside, *own[: len(own) - inside]])


def _touched(tensor: Tensor, workload: Workload, nest: _Nest) -> Ints:
    """The word that each compute unit touches at each step: indices of shape (steps, units, ranks)."""
    in_time, in_space = (_values(axes, workload) for axes in (nest.time, nest.space))
    words = np.zeros((nest.steps, nest.units, len(tensor.ranks)), np.int64)
    for at, rank in enumerate(tensor.ranks):
        for dim, coefficient in rank:
            words[:, :, at] += coefficient * (in_time[dim][:, None] + in_space[dim][None, :])
    return words


def _values(axes: Sequence[_Axis], workload: Workload) -> dict[str, Ints]:
    """The part of each dimension's value that `axes` contribute, at every iteration of them in nest order."""
    iteration = np.arange(math.prod(axis.trip for axis in axes), dtype=np.int64)
    values = {dim: np.zeros_like(iteration) for dim in workload.dims}
    for axis in reversed(axes):
        values[axis.dim] += axis.step * (iteration % axis.trip)
        iteration //= axis.trip
    return values


# ------------------------------------------------------------------------------------------------- one tensor on its way


@dataclass(frozen=True, slots=True)
class _Buffer:
    """The tiles of one tensor at one level over time: `corner` (tiles, instances, ranks), `extent` (ranks).

    `fetched` (tiles): words that each instance takes in when the tile takes that position.
    """

    level: int
    corner: Ints
    extent: Ints
    fetched: Ints

    @property
    def tile_words(self) -> int:
        return math.prod(self.extent.tolist())

    @property
    def instances(self) -> int:
        return self.corner.shape[1]


def _run(
    tensor: Tensor, workload: Workload, architecture: Architecture, mapping: Mapping, nest: _Nest, drain_reads: bool
) -> list[SimulatedTensor]:
    """Counts of one tensor at every level, inner to outer."""
    touched = _touched(tensor, workload, nest)
    shape = touched.max(axis=(0, 1)) + 1
    child = _units_at_work(touched)
    counts = [SimulatedTensor(False, 0, 0, 0, 0)] * len(architecture.levels)
    outermost = max(at for at, level in enumerate(mapping.levels) if tensor.name in level.keep)
    for at, level in enumerate(mapping.levels):
        if tensor.name not in level.keep:
            continue
        buffer = _buffer(at, touched, nest.tiles(at, level, tensor), nest.units_outside(at))
        requests = _requests(child, buffer, tensor, architecture, nest)
        if tensor.is_output:
            updates, first_from_below = _visits(requests, child, buffer.instances, shape)
            reads = updates - first_from_below
            sent, first_held = _visits(buffer.fetched[:, None] > 0, buffer, buffer.instances, shape)
            fills = sent - first_held
            if drain_reads and at != outermost:
                reads += sent
        else:
            updates = 0
            reads = _words(requests, child, buffer.instances)
            fills = int(buffer.fetched.sum())
        counts[at] = SimulatedTensor(True, buffer.tile_words, reads, 0 if at == outermost else fills, updates)
        child = buffer
    return counts


def _units_at_work(touched: Ints) -> _Buffer:
    """The compute units: they latch nothing, so each asks for its word at every step."""
    steps, _, ranks = touched.shape
    return _Buffer(COMPUTE, touched, np.ones((ranks,), np.int64), np.ones((steps,), np.int64))


def _buffer(level: int, touched: Ints, tiles: int, instances: int) -> _Buffer:
    """What each instance of a level holds: the bounding box of what the units below it touch while its tile stays."""
    steps, units, ranks = touched.shape
    blocks = touched.reshape(tiles, steps // tiles, instances, units // instances, ranks)
    corner, last = blocks.min(axis=(1, 3)), blocks.max(axis=(1, 3))
    extents = last - corner + 1
    moves = np.diff(corner, axis=0)
    extent: Ints = _alike(extents.reshape(tiles * instances, ranks), "the tiles of a level differ in size")
    _alike(moves.swapaxes(0, 1), "the instances of a level move apart")
    return _Buffer(level, corner, extent, _fetched(moves[:, 0], extent))


def _fetched(moves: Ints, extent: Ints) -> Ints:
    """Words taken in at each position of a tile, by the rule of a buffer that remembers its last accepted move.

    The tile stays: nothing. No accepted move, or the accepted one again: the words not yet held. Another move: the whole tile.
    """
    whole = math.prod(extent.tolist())
    new: dict[tuple[int, ...], int] = {}
    words = [whole]
    accepted: tuple[int, ...] | None = None
    for move in map(tuple, moves.tolist()):
        if not any(move):
            words.append(0)
        elif accepted is None or move == accepted:
            accepted = move
            if move not in new:
                new[move] = _new_words(move, extent)
            words.append(new[move])
        else:
            accepted = None
            words.append(whole)
    return np.array(words, np.int64)


def _new_words(move: tuple[int, ...], extent: Ints) -> int:
    """Words of the moved box that the box did not hold, counted one by one."""
    before = _points(extent) + np.array(move, np.int64)
    held = ((before >= 0) & (before < extent)).all(axis=1)
    return int((~held).sum())


def _points(extent: Ints) -> Ints:
    """All points of a box at the origin: (words, ranks)."""
    points = np.empty((math.prod(extent.tolist()), len(extent)), np.int64)
    at = np.arange(len(points), dtype=np.int64)
    for rank in reversed(range(len(extent))):
        points[:, rank] = at % extent[rank]
        at //= extent[rank]
    return points


# ----------------------------------------------------------------------------------------------- from child to parent


def _requests(child: _Buffer, parent: _Buffer, tensor: Tensor, architecture: Architecture, nest: _Nest) -> Bools:
    """Which fetches of the child's instances reach the parent: (tiles, child instances), False where another's serves.

    Going up, each fanout that can multicast forwards one request for the nodes below it that want exactly the same data; what
    a node wants is all that its own subtree wants. Nodes that overlap in part are served apart.
    """
    tiles, instances, ranks = child.corner.shape
    reach = (child.fetched > 0)[:, None] & np.ones((1, instances), np.bool_)
    wants = _labels(child.corner.reshape(tiles * instances, ranks)).reshape(tiles, instances)
    below = 1
    for level in range(child.level + 1, parent.level + 1):
        fan = nest.fan(level)
        if fan == 1:
            continue
        siblings = wants.reshape(-1, fan)
        if not tensor.is_selected_by(architecture.levels[level].fanout.no_multicast):
            first = _first_of_equals(siblings)
            reach &= np.repeat(first.reshape(tiles, -1), below, axis=1)
            siblings = np.where(first, siblings, -1)
        below *= fan
        if below < instances:
            wants = _labels(np.sort(siblings, axis=1)).reshape(tiles, -1)
    return reach


def _labels(rows: Ints) -> Ints:
    """A number for each row, equal for equal rows: (rows,)."""
    if not rows.shape[1]:
        return np.zeros(len(rows), np.int64)
    labels = rows[:, 0] - rows[:, 0].min()
    for column in rows.T[1:]:
        labels = labels * (np.ptp(column) + 1) + column - column.min()
        if labels.max() >= 2**31:
            labels = np.unique(labels, return_inverse=True)[1].reshape(-1)
    return labels


def _first_of_equals(rows: Ints) -> Bools:
    """Mark, in each row, the first of the entries that are equal."""
    order = np.argsort(rows, axis=1, kind="stable")
    ordered = np.take_along_axis(rows, order, axis=1)
    differs = np.ones(rows.shape, np.bool_)
    differs[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.empty_like(differs)
    np.put_along_axis(first, order, differs, axis=1)
    return first


def _words(requests: Bools, child: _Buffer, parents: int) -> int:
    """Words that one parent instance hands out for the requests that reach it."""
    handed = (requests * child.fetched[:, None]).reshape(len(requests), parents, -1).sum(axis=(0, 2))
    return int(_alike(handed, "the instances of a level are read unequally"))


def _visits(tiles: Bools, child: _Buffer, owners: int, shape: Ints) -> tuple[int, int]:
    """Visits to words of an output by one of `owners` instances, and how many of those are the first to their word.

    `tiles` (tiles, child instances) marks the child tiles that come; each of their words is one visit.
    """
    if not (np.isin(child.fetched, (0, child.tile_words))).all():
        raise AssertionError("an output tile slid over words it held")
    tiles = np.broadcast_to(tiles, child.corner.shape[:2])
    at, instance = np.nonzero(tiles)
    owner = instance // (child.instances // owners)
    word = child.corner[at, instance][:, None, :] + _points(child.extent)[None, :, :]
    size = math.prod(shape.tolist())
    flat = np.broadcast_to(owner[:, None] * size, word.shape[:2]).copy()
    stride = size
    for rank, extent in enumerate(shape.tolist()):
        stride //= extent
        flat += word[:, :, rank] * stride
    seen = np.zeros(owners * size, np.bool_)
    seen[flat] = True
    visits = np.bincount(owner, minlength=owners) * child.tile_words
    first = seen.reshape(owners, size).sum(axis=1)
    complaint = "the instances of a level do not see equal shares of an output"
    return int(_alike(visits, complaint)), int(_alike(first, complaint))


def _alike(rows: Ints, complaint: str) -> Ints:
    """The one value that all rows have: a count per instance has a meaning only while the instances are alike."""
    one: Ints = np.asarray(rows[0], np.int64)
    if (rows != one).any():
        raise AssertionError(complaint)
    return one
