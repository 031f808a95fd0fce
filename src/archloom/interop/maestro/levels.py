"""The cluster analysis: the directives of a layer as levels of sub-clusters, with the tile sizes of each level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.interop.maestro.network import Cluster, Directive, Layer, Map, Tensors
from archloom.interop.maestro.whole import divided

__all__ = ["MOST_CLUSTERS", "Level", "Sizes", "levels_of", "table_of_dimensions"]

MOST_CLUSTERS = 3
SLIDING = (("X", "S"), ("Y", "R"))
"""Input variables, and the filter variable that slides over each."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of one variable: its tile, the new part of it, and both at the edge of the dimension."""

    tile: int
    unique: int
    edge_tile: int
    edge_unique: int


@dataclass(frozen=True, slots=True)
class Level:
    """One level of clusters: its directives, how many sub-clusters it has, and its nominal tile sizes.

    `sizes` also holds X' and Y', the outputs made from X and Y.
    """

    directives: tuple[Directive, ...]
    dimensions: Mapping[str, int]
    sub_clusters: int
    sizes: Mapping[str, Sizes]
    active_at_edge: int


def table_of_dimensions(layer: Layer) -> tuple[dict[str, int], dict[str, int]]:
    """Return the sizes of a layer's dimensions, X' and Y' or X and Y added, and the strides of X and Y.

    The stride of X' goes to Y and that of Y' to X, as in MAESTRO. Raises InputError if X stands beside X'.
    """
    sizes: dict[str, int] = {}
    strides: dict[str, int] = {}
    for dimension in layer.dimensions:
        sizes.setdefault(dimension.name, dimension.size)
        strides.setdefault(dimension.name, dimension.stride)
    found = {"X": strides.get("X", 1), "Y": strides.get("Y", 1)}
    crossed = {"X": "Y", "Y": "X"}
    for axis, kernel in SLIDING:
        out = f"{axis}'"
        if axis in sizes and out in sizes:
            place = next(d.place for d in layer.dimensions if d.name == out)
            hint = "keep one of them; MAESTRO stops with exit code 255"
            raise InputError(Fault(f"the layer {layer.name} declares both {axis} and {out}", place, hint))
        if axis not in sizes and out not in sizes:
            continue
        if kernel not in sizes:
            raise missing(kernel, layer.place, sizes)
        if axis in sizes:
            sizes[out] = sizes[axis] - sizes[kernel] + 1
        else:
            sizes[axis] = sizes[out] + sizes[kernel] - 1
            found[crossed[axis]] = strides.get(out, 1)
    return sizes, found


def missing(name: str, place: Place | None, valid: Mapping[str, int]) -> InputError:
    # An apostrophe from a word processor is another letter to MAESTRO (its own maeri.m has one).
    close = did_you_mean(name.replace("\u2019", "'"), valid)
    hint = f"{close}; MAESTRO stops with exit code 255: Dimension {name} not found"
    return InputError(Fault(f"the layer has no dimension {name}", place, hint))


def levels_of(
    layer: Layer, dataflow: Sequence[Directive | Cluster], tensors: Tensors, num_pes: int
) -> tuple[Level, ...]:
    """Return the levels of a layer's directives, outermost first.

    Raises InputError where MAESTRO stops or dies: too few PEs, no SpatialMap or more than two, unknown dimensions.
    """
    groups, clusters = split(dataflow)
    size_of_unit = 1
    for cluster in clusters:
        size_of_unit *= cluster.size
    if num_pes // size_of_unit < 1:
        message = f"the clusters need {size_of_unit} PEs and the machine has {num_pes}"
        raise InputError(Fault(message, clusters[0].place, "MAESTRO dies of a division by zero (SIGFPE)"))
    if len(clusters) > MOST_CLUSTERS:
        message = f"{len(clusters)} clusters, at most {MOST_CLUSTERS}"
        raise InputError(Fault(message, clusters[MOST_CLUSTERS].place, "MAESTRO aborts: std::out_of_range"))
    counts = [num_pes // size_of_unit, *(cluster.size for cluster in clusters)]
    dimensions, strides = table_of_dimensions(layer)
    kernels = {axis: dimensions.get(kernel, 0) for axis, kernel in SLIDING}
    found: list[Level] = []
    above: tuple[Directive, ...] = ()
    for depth, (group, count) in enumerate(zip(groups, counts, strict=True)):
        place = group[0].place if group else clusters[depth - 1].place if depth else layer.place
        directives = complete(group, above, dimensions, tensors)
        for directive in directives:
            if directive.variable not in dimensions:
                raise missing(directive.variable, directive.place or place, dimensions)
        strided = tuple(with_stride(d, strides, kernels, top=depth == 0) for d in directives)
        check_spatial(strided, len(clusters) - depth, place)
        level = level_of(strided, dimensions, count)
        found.append(level)
        for variable in tensors.read:
            if variable not in level.sizes:
                raise missing(variable, layer.place, dimensions)
        dimensions = {v: min(level.sizes[v].tile, dimensions[v]) for v in tensors.read}
        above = strided
    return tuple(found)


def split(dataflow: Sequence[Directive | Cluster]) -> tuple[list[list[Directive]], list[Cluster]]:
    groups: list[list[Directive]] = [[]]
    clusters: list[Cluster] = []
    for entry in dataflow:
        if isinstance(entry, Cluster):
            clusters.append(entry)
            groups.append([])
        else:
            groups[-1].append(entry)
    return groups, clusters


def complete(
    group: Sequence[Directive], above: Sequence[Directive], dimensions: Mapping[str, int], tensors: Tensors
) -> list[Directive]:
    """Add to the directives written at a level those of the level above, in front, and maps of whole dimensions."""
    directives = to_inputs(group)
    have = {directive.variable for directive in directives}
    for directive in above:
        if directive.variable not in have:
            directives.insert(0, replace(directive, kind=Map.TEMPORAL))
    have |= {directive.variable for directive in above}
    for variable in tensors.read:
        if variable in dimensions and variable not in have:
            size = dimensions[variable]
            directives.append(Directive(Map.TEMPORAL, size, size, variable))
    return directives


def to_inputs(group: Sequence[Directive]) -> list[Directive]:
    """Turn maps of X' and Y' into maps of X and Y, as wide as the filter's map of this level makes them."""
    have = {directive.variable: directive.size for directive in reversed(group)}
    found: list[Directive] = []
    for directive in group:
        for axis, kernel in SLIDING:
            if directive.variable == f"{axis}'" and axis not in have:
                if kernel not in have:
                    message = f"{directive.variable} is mapped at a level that does not map {kernel}"
                    hint = f"add TemporalMap(Sz({kernel}),Sz({kernel})) {kernel}; MAESTRO reads an uninitialised number"
                    raise InputError(Fault(message, directive.place, hint))
                directive = replace(directive, variable=axis, size=directive.size + have[kernel] - 1)
        found.append(directive)
    return found


def with_stride(
    directive: Directive, strides: Mapping[str, int], kernels: Mapping[str, int], *, top: bool
) -> Directive:
    """Widen a map of X or Y by the stride of the layer; `kernels` are the whole S and R."""
    stride = strides.get(directive.variable, 1)
    if stride == 1:
        return directive
    kernel = kernels[directive.variable]
    if directive.size < kernel:
        return directive
    outputs = divided(directive.size + stride - kernel, stride)
    size = outputs * min(stride, kernel) + max(kernel - stride, 0)
    offset = outputs * (kernel if kernel < stride and not top else stride)
    return replace(directive, size=size, offset=offset)


def check_spatial(directives: Sequence[Directive], index: int, place: Place | None) -> None:
    spatial = [directive for directive in directives if directive.spatial]
    if not spatial:
        hint = f"every level needs one; MAESTRO stops with exit code 255: Cluster level: {index}, No spatial map in a cluster"
        raise InputError(Fault("no SpatialMap at this level of clusters", place, hint))
    if len(spatial) > 2:
        hint = "at most 2; MAESTRO stops with exit code 255: Found too many spatial maps within a single cluster"
        raise InputError(Fault(f"{len(spatial)} SpatialMaps at one level of clusters", spatial[2].place or place, hint))


def level_of(directives: tuple[Directive, ...], dimensions: Mapping[str, int], count: int) -> Level:
    """Work out the tile sizes of a level from its nominal dimensions."""
    offsets: dict[str, int] = {}
    sizes: dict[str, Sizes] = {}
    for directive in directives:
        offsets[directive.variable] = directive.offset
        sizes[directive.variable] = sizes_of(directive, dimensions[directive.variable])
    for axis, kernel in SLIDING:
        if axis in sizes and kernel in sizes:
            sizes[f"{axis}'"] = outputs_of(sizes[axis], sizes[kernel], offsets[axis])
    first = next(directive for directive in directives if directive.spatial)
    active = active_at_edge(first, dimensions[first.variable], count)
    return Level(directives, dimensions, count, sizes, active)


def sizes_of(directive: Directive, total: int) -> Sizes:
    size, offset = directive.size, directive.offset
    steps = max(divided(total - size, offset), 0)
    rest = total - (steps + 1) * offset
    if rest < 0:
        rest = total
    edge = rest if steps * offset + size < total or size > total else size
    unique = 0 if not directive.spatial and total <= size else min(size, offset)
    return Sizes(size, unique, edge, max(offset - (size - rest), 0))


def outputs_of(window: Sizes, kernel: Sizes, offset: int) -> Sizes:
    edge = window.edge_tile - kernel.edge_tile + 1
    return Sizes(window.tile - kernel.tile + 1, min(offset, window.tile), edge, min(offset, edge))


def active_at_edge(directive: Directive, total: int, count: int) -> int:
    """Sub-clusters at work in the last, partial step of a SpatialMap."""
    size, offset = directive.size, directive.offset
    if total > offset * (count - 1) + size:
        steps = divided(divided(total - size, offset) + 1, count) - 1
        rest = total - (steps + 1) * offset * count
        return 1 if rest < size else divided(rest - size, offset) + 1
    if total <= size:
        return 1
    active = divided(total - size, offset) + 1
    return active + 1 if offset * (active - 1) + size < total else active
