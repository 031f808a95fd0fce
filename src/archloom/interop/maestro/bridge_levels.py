"""A loop nest of a two-level machine cut into levels of clusters, each with one dimension in space."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from archloom.architecture.hierarchy import Architecture
from archloom.errors import Fault, InputError
from archloom.interop.maestro.bridge_einsum import LayerShape
from archloom.interop.maestro.bridge_layers import SLIDING
from archloom.interop.maestro.levels import MOST_CLUSTERS
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.workload.einsum import Workload

__all__ = ["Step", "buffer_of", "levels_of_a_pe", "steps_of"]


@dataclass(frozen=True, slots=True)
class Step:
    """One level of clusters: loops in time, outermost first, and one variable across its `count` sub-clusters.

    Without a variable in space, `idle` is the one whose SpatialMap has a single tile, or a single sub-cluster.
    """

    temporal: tuple[tuple[str, int], ...]
    spatial: str | None = None
    across: int = 1
    count: int = 1
    idle: str = ""

    def trips(self, name: str) -> int:
        """Return how often the level steps through a variable in time."""
        return dict(self.temporal).get(name, 1)


def levels_of_a_pe(architecture: Architecture, mapping: Mapping) -> int:
    """Return how many levels a PE has: the memories below the innermost fanout that lies between two memories."""
    inside = (at for at, level in enumerate(architecture.levels) if at and level.fanout.total > 1)
    split = next(inside, 1)
    return next((at + 1 for at in reversed(range(split)) if mapping.levels[at].keep), 1)


def buffer_of(architecture: Architecture, mapping: Mapping) -> int:
    """Return the number of the level that is MAESTRO's L2: the memory at the outermost fanout, or next outside it."""
    split = levels_of_a_pe(architecture, mapping)
    levels = range(split, len(architecture.levels))
    shared = [at for at in levels if architecture.levels[at].fanout.total > 1]
    outermost = shared[-1] if shared else split
    return next((at for at in levels if at >= outermost and mapping.levels[at].keep), outermost)


def steps_of(workload: Workload, architecture: Architecture, mapping: Mapping, layer: LayerShape) -> tuple[Step, ...]:
    """Return the levels of clusters, outermost first. Raises InputError with everything that stands against it."""
    split = levels_of_a_pe(architecture, mapping)
    check_machine(workload, architecture, mapping, split)
    buffer = architecture.names[buffer_of(architecture, mapping)]
    segments = segments_of(mapping.levels[: split - 1 : -1], layer, buffer)
    steps = [step for segment in segments for step in segment]
    steps = with_top(steps, architecture.instances[0], layer)
    if len(steps) > MOST_CLUSTERS + 1:
        what = ", ".join(step.spatial or f"{step.idle} (idle)" for step in steps)
        raise InputError(
            f"the mapping needs {len(steps)} levels of clusters, one for each dimension in space: {what}",
            hint=f"MAESTRO has {MOST_CLUSTERS + 1}: at most {MOST_CLUSTERS} Clusters",
        )
    check_strided_taps(steps, layer)
    return tuple(steps)


def check_machine(workload: Workload, architecture: Architecture, mapping: Mapping, split: int) -> None:
    """Raise InputError unless a buffer and the PEs hold every tensor, whole, and nothing else holds some of them."""
    if split == len(mapping.levels):
        message = "one memory is all there is; MAESTRO has an L1 in each PE and an L2 outside"
        raise InputError(f"architecture {architecture.name!r}: {message}")
    names = frozenset(tensor.name for tensor in workload.tensors)
    faults = [Fault(message) for message in faults_of_memories(names, architecture, mapping, split)]
    faults += [
        Fault(f"mapping at {nest.level!r}: {message}")
        for at, nest in enumerate(mapping.levels)
        for message in (
            *faults_of_tiles(nest),
            *(faults_of_pe(names, mapping.levels[:split], at) if at < split else ()),
        )
    ]
    faults += [
        Fault(f"the factors of {dim!r} multiply to {mapping.factor(dim)}, above {bound}; MAESTRO pads nothing")
        for dim, bound in workload.bounds.items()
        if mapping.factor(dim) > bound
    ]
    if faults:
        raise InputError(faults)


def faults_of_memories(
    names: frozenset[str], architecture: Architecture, mapping: Mapping, split: int
) -> Iterator[str]:
    l2 = buffer_of(architecture, mapping)
    memories = [architecture.names[at] for at in range(l2, len(mapping.levels)) if mapping.levels[at].keep]
    if len(memories) > 2:
        above = ", ".join(reversed(memories))
        yield f"the machine has {above} outside its PEs; MAESTRO has an L2 and the memory behind it"
    for at, nest in enumerate(mapping.levels[split:], split):
        absent = sorted(names - nest.keep)
        if absent and nest.keep:
            outer, inner = "MAESTRO's L2 holds every tensor", "between L2 and the PEs MAESTRO has all or nothing"
            yield f"mapping at {nest.level!r}: bypasses {', '.join(map(repr, absent))}; {outer if at >= l2 else inner}"


def faults_of_tiles(nest: LevelNest) -> Iterator[str]:
    for name, cut in nest.cut.items():
        if name in nest.keep and any(loop.trip > 1 for loop in nest.temporal[: len(nest.temporal) - cut]):
            yield f"cuts the tile of {name!r}; MAESTRO has no such word"


def faults_of_pe(names: frozenset[str], pe: Sequence[LevelNest], at: int) -> Iterator[str]:
    """Say what a PE does not hold around the loops of one of its levels, and what it does at once."""
    held = frozenset[str]().union(*(nest.keep for nest in pe[at:]))
    if at == 0 or any(loop.trip > 1 for loop in pe[at].temporal):
        for name in sorted(names - held):
            yield f"the PE does not hold {name!r} around these loops; MAESTRO's L1 holds every tensor"
    for loop in (*pe[at].x, *pe[at].y):
        if loop.trip > 1:
            yield f"{loop} in space inside a PE; MAESTRO's files cannot give a PE lanes"


def segments_of(outside: Sequence[LevelNest], layer: LayerShape, buffer: str) -> list[list[Step]]:
    """Cut the nest after every level that has loops in space, and before a dimension that is looped over again."""
    found: list[list[Step]] = []
    faults: list[Fault] = []
    temporal: list[tuple[str, int]] = []
    for nest in outside:
        for name, trip in variables(nest.temporal, layer):
            if name in SLIDING.values():
                hint = "move it to the PE, or lay it out in space"
                faults.append(
                    Fault(f"mapping at {nest.level!r}: {name} is cut in time; MAESTRO refuses that", hint=hint)
                )
            elif temporal and temporal[-1][0] == name:
                temporal[-1] = (name, temporal[-1][1] * trip)
            elif name in dict(temporal) and nest.level == buffer:
                message = f"a second loop over {name}, and others between the two; MAESTRO's L2 has one loop over it"
                faults.append(Fault(f"mapping at {nest.level!r}: {message}"))
            elif name in dict(temporal):
                found.append([Step(tuple(temporal))])
                temporal = [(name, trip)]
            else:
                temporal.append((name, trip))
        spatial = variables((*nest.x, *nest.y), layer)
        if spatial:
            found.append(segment(temporal, spatial))
            temporal = []
    if faults:
        raise InputError(faults)
    if temporal or not found:
        found.append([Step(tuple(temporal))])
    return found


def variables(loops: Sequence[Loop], layer: LayerShape) -> list[tuple[str, int]]:
    return [(layer.variables[loop.dim], loop.trip) for loop in loops if loop.trip > 1]


def segment(temporal: Sequence[tuple[str, int]], spatial: Sequence[tuple[str, int]]) -> list[Step]:
    """Give each dimension in space a level of its own; those of filters come last, as their windows stand still there."""
    looped = dict(temporal)
    rows = sorted(spatial, key=lambda row: (row[0] in SLIDING.values(), row[0] in looped))
    first = rows[0][0]
    steps = [Step((), name, trip, trip) for name, trip in rows]
    if first in SLIDING.values() and any(axis in looped for axis, kernel in SLIDING.items() if kernel == first):
        return [Step(tuple(temporal)), *steps]
    return [replace(steps[0], temporal=tuple(temporal)), *steps[1:]]


def with_top(steps: Sequence[Step], pes: int, layer: LayerShape) -> list[Step]:
    """Give the outermost level all the sub-clusters that the others leave it, and the idle levels something to lay out."""
    found = list(steps)
    top = found[0]
    count = pes // math.prod(step.count for step in found[1:])
    if top.spatial and top.trips(top.spatial) > 1 and top.across != count:
        # MAESTRO would lay out as many tiles in a row as there are sub-clusters.
        found = [Step(top.temporal), replace(top, temporal=()), *found[1:]]
        count = pes // math.prod(step.count for step in found[1:])
    found[0] = replace(found[0], count=count)
    if found[0].spatial is None and not idle_of(found[0], layer):
        found = [replace(found[0], count=1), Step((), count=count), *found[1:]]
    return [step if step.spatial else replace(step, idle=idle_of(step, layer)) for step in found]


def idle_of(step: Step, layer: LayerShape) -> str:
    """Return a variable whose SpatialMap changes nothing: any where there is one sub-cluster, else one that stands still."""
    if step.temporal and step.count == 1:
        return step.temporal[0][0]
    looped = dict(step.temporal)
    still = [name for name in layer.sizes if name not in looped and (name != "N" or layer.sizes[name] > 1)]
    return min(still, key=lambda name: name in SLIDING.values(), default="")


def check_strided_taps(steps: Sequence[Step], layer: LayerShape) -> None:
    """Refuse filters in space under windows that MAESTRO would widen by their stride."""
    tile = dict(layer.sizes)
    for step in steps:
        for name, trip in step.temporal:
            tile[name] //= trip
        if step.spatial:
            tile[step.spatial] //= step.across
        for axis, kernel in SLIDING.items():
            wide = step.spatial == kernel and layer.window(axis, tile[axis], tile[kernel]) >= layer.sizes[kernel]
            if wide and layer.strides[axis] > 1:
                message = (
                    f"{kernel} lies in space under {tile[axis]} outputs along {axis} of stride {layer.strides[axis]}"
                )
                raise InputError(
                    message, hint=f"MAESTRO widens such a window: one output along {axis} at a time will do"
                )
