"""The cluster analysis: the directives of a layer as levels of sub-clusters, with the tile sizes of each level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from archloom.errors import Fault, InputError, Place
from archloom.interop.maestro.mends import COMPATIBLE, Mend
from archloom.interop.maestro.network import Cluster, Directive, Layer, Map, Tensors
from archloom.interop.maestro.strides import SLIDING, missing, windows_of
from archloom.interop.maestro.tiles import Sizes, active_at_edge, outputs_of, sizes_of

__all__ = ["MOST_CLUSTERS", "Level", "levels_of"]

MOST_CLUSTERS = 3


@dataclass(frozen=True, slots=True)
class Level:
    """One level of clusters: its directives, how many sub-clusters it has, and its nominal tile sizes.

    `sizes` also holds X' and Y', the outputs made from X and Y; `steps` says how far their windows are apart.
    """

    directives: tuple[Directive, ...]
    dimensions: Mapping[str, int]
    sub_clusters: int
    sizes: Mapping[str, Sizes]
    active_at_edge: int
    steps: Mapping[str, int]
    mends: frozenset[Mend] = COMPATIBLE

    def output_name(self, variable: str) -> str:
        """Return the variable of the outputs that a variable of an output tensor stands for."""
        primed = f"{variable}'"
        return primed if variable in ("X", "Y") and primed in self.sizes else variable

    def resized(self, dimensions: Mapping[str, int]) -> Level:
        """Return the level with its tile sizes worked out anew, from the actual dimensions of a case above."""
        return level_of(self.directives, dimensions, self.sub_clusters, self.steps, self.mends)


def levels_of(
    layer: Layer,
    dataflow: Sequence[Directive | Cluster],
    tensors: Tensors,
    num_pes: int,
    mends: frozenset[Mend] = COMPATIBLE,
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
    windows = windows_of(layer, mends)
    dimensions = windows.dimensions
    found: list[Level] = []
    above: tuple[Directive, ...] = ()
    for depth, (group, count) in enumerate(zip(groups, counts, strict=True)):
        place = group[0].place if group else clusters[depth - 1].place if depth else layer.place
        directives = complete(windows.maps(group), above, dimensions, tensors)
        for directive in directives:
            if directive.variable not in dimensions:
                raise missing(directive.variable, directive.place or place, dimensions)
        strided = windows.widened(directives, top=depth == 0)
        check_spatial(strided, len(clusters) - depth, place)
        level = level_of(strided, dimensions, count, windows.steps, mends)
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
    written: Sequence[Directive], above: Sequence[Directive], dimensions: Mapping[str, int], tensors: Tensors
) -> list[Directive]:
    """Add to the directives written at a level those of the level above, in front, and maps of whole dimensions."""
    directives = list(written)
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


def check_spatial(directives: Sequence[Directive], index: int, place: Place | None) -> None:
    spatial = [directive for directive in directives if directive.spatial]
    if not spatial:
        hint = f"every level needs one; MAESTRO stops with exit code 255: Cluster level: {index}, No spatial map in a cluster"
        raise InputError(Fault("no SpatialMap at this level of clusters", place, hint))
    if len(spatial) > 2:
        hint = "at most 2; MAESTRO stops with exit code 255: Found too many spatial maps within a single cluster"
        raise InputError(Fault(f"{len(spatial)} SpatialMaps at one level of clusters", spatial[2].place or place, hint))


def level_of(
    directives: tuple[Directive, ...],
    dimensions: Mapping[str, int],
    count: int,
    steps: Mapping[str, int],
    mends: frozenset[Mend],
) -> Level:
    """Work out the tile sizes of a level from its dimensions: the nominal ones, or those of a case above."""
    offsets: dict[str, int] = {}
    sizes: dict[str, Sizes] = {}
    for directive in directives:
        offsets[directive.variable] = directive.offset
        sizes[directive.variable] = sizes_of(directive, dimensions[directive.variable], mends)
    for axis, kernel in SLIDING:
        if axis in sizes and kernel in sizes:
            held = sizes[kernel]
            if Mend.B2 in mends:
                held = replace(held, tile=min(held.tile, dimensions[kernel]))
            sizes[f"{axis}'"] = outputs_of(sizes[axis], held, offsets[axis], steps.get(axis, 1), mends)
    first = next(directive for directive in directives if directive.spatial)
    active = active_at_edge(first, dimensions[first.variable], count, mends)
    return Level(directives, dimensions, count, sizes, active, steps, mends)
