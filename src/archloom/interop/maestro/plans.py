"""The plan of a template: where each level's directives, and their sizes, come from, whatever the sizes are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from archloom.interop.maestro.kernel_tiles import ABOVE, OWN, WHOLE, Plan
from archloom.interop.maestro.levels import levels_of
from archloom.interop.maestro.mends import COMPATIBLE, Mend
from archloom.interop.maestro.network import Cluster, Directive, Layer, Map, Tensors
from archloom.interop.maestro.strides import SLIDING, windows_of

__all__ = ["plan_of"]

IN, FILTER, OUT = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Origin:
    """A directive of a level: its variable, its layout, and where its size comes from."""

    variable: str
    spatial: bool
    source: int
    entry: int = 0
    widened: int = -1


def plan_of(layer: Layer, tensors: Tensors, mends: frozenset[Mend] = COMPATIBLE) -> Plan:
    """Return the plan of a layer's dataflow. Raises InputError for what no choice of sizes would mend."""
    dataflow = layer.dataflow or ()
    units = [entry.size for entry in dataflow if isinstance(entry, Cluster)]
    # The scalar engine knows all messages: it looks at the sizes that are written.
    levels_of(layer, dataflow, tensors, math.prod(units), mends)
    windows = windows_of(layer, mends)
    dimensions, strides = windows.dimensions, windows.strides
    codes = {name: code for code, name in enumerate(dimensions)}
    levels, clusters = origins_of(dataflow, dimensions, tensors)
    most = max(map(len, levels))

    def table(value: int = 0) -> np.ndarray:
        return np.full((len(levels), most), value, np.int64)

    variable, spatial, role, outputs, source, entry, widened = (table() for _ in range(7))
    slides = np.full((len(levels), 2, 3), -1, np.int64)
    for depth, level in enumerate(levels):
        have = {origin.variable for origin in level}
        for pair, (axis, kernel) in enumerate(SLIDING):
            if axis in have and kernel in have:
                slides[depth, pair] = codes[axis], codes[kernel], codes[f"{axis}'"]
                have.add(f"{axis}'")
        for place, origin in enumerate(level):
            name = origin.variable
            primed = f"{name}'" if name in ("X", "Y") and f"{name}'" in have else name
            variable[depth, place], spatial[depth, place] = codes[name], origin.spatial
            role[depth, place] = role_of(name, tensors)
            outputs[depth, place] = codes[primed]
            source[depth, place], entry[depth, place] = origin.source, origin.entry
            widened[depth, place] = origin.widened
    kernels = {axis: dimensions.get(kernel, 0) for axis, kernel in SLIDING}
    slid = np.full(len(codes), -1, np.int64)
    for axis, kernel in SLIDING:
        if axis in codes and kernel in codes:
            slid[codes[axis]] = codes[kernel]
    return Plan(
        counts=np.array([len(level) for level in levels]),
        variable=variable,
        spatial=spatial,
        role=role,
        outputs=outputs,
        source=source,
        entry=entry,
        widened=widened,
        first=np.array([next(i for i, origin in enumerate(level) if origin.spatial) for level in levels]),
        slides=slides,
        clusters=np.array([0, *clusters]),
        dimensions=np.array(list(dimensions.values()), np.int64),
        strides=np.array([strides.get(name, 1) for name in codes], np.int64),
        steps=np.array([windows.steps.get(name, 1) for name in codes], np.int64),
        kernels=np.array([kernels.get(name, 0) for name in codes], np.int64),
        read=np.array([name in tensors.read for name in codes]),
        tensors=np.array(
            [[name in part for name in codes] for part in (tensors.input, tensors.filter, tensors.output)]
        ),
        slid=slid,
        made=np.array(
            [codes[f"{name}'"] if name in ("X", "Y") and f"{name}'" in codes else codes[name] for name in codes]
        ),
        whole=np.array([whole_of(item, dimensions) for item in dataflow], np.int64),
    )


def role_of(name: str, tensors: Tensors) -> int:
    return IN * (name in tensors.input) | FILTER * (name in tensors.filter) | OUT * (name in tensors.output)


def whole_of(entry: Directive | Cluster, dimensions: Mapping[str, int]) -> int:
    """Return what a TemporalMap of a filter's dimension has to cover; 0 for anything else."""
    if isinstance(entry, Cluster) or entry.kind is not Map.TEMPORAL or entry.variable not in ("R", "S"):
        return 0
    return dimensions.get(entry.variable, -1)


def origins_of(
    dataflow: Sequence[Directive | Cluster], dimensions: Mapping[str, int], tensors: Tensors
) -> tuple[list[list[Origin]], list[int]]:
    """Return the directives of all levels, outermost first, and the entries of the clusters between them."""
    groups: list[list[tuple[int, Directive]]] = [[]]
    clusters: list[int] = []
    for index, entry in enumerate(dataflow):
        if isinstance(entry, Cluster):
            clusters.append(index)
            groups.append([])
        else:
            groups[-1].append((index, entry))
    levels: list[list[Origin]] = []
    for group in groups:
        levels.append(completed(group, levels[-1] if levels else [], dimensions, tensors))
        dimensions = {name: dimensions[name] for name in tensors.read}
    return levels, clusters


def completed(
    group: Sequence[tuple[int, Directive]], above: Sequence[Origin], dimensions: Mapping[str, int], tensors: Tensors
) -> list[Origin]:
    """As `levels.complete`: those written here, those of the level above in front, and maps of whole dimensions."""
    entries = {directive.variable: index for index, directive in reversed(group)}
    found: list[Origin] = []
    for index, directive in group:
        name, widened = directive.variable, -1
        for axis, kernel in SLIDING:
            if name == f"{axis}'" and axis not in entries:
                name, widened = axis, entries[kernel]
        found.append(Origin(name, directive.spatial, OWN, index, widened))
    have = {origin.variable for origin in found}
    for place, origin in enumerate(above):
        if origin.variable not in have:
            found.insert(0, Origin(origin.variable, spatial=False, source=ABOVE, entry=place))
    have |= {origin.variable for origin in above}
    found += [
        Origin(name, spatial=False, source=WHOLE) for name in tensors.read if name in dimensions and name not in have
    ]
    return found
