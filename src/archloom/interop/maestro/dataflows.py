"""A dataflow: directives without a layer, which are put onto any layer of a type that it knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from archloom.errors import Fault, InputError, Place
from archloom.interop.maestro.network import Cluster, Directive, Layer, LayerType, Map

__all__ = ["ClusterOf", "Dataflow", "MapOf", "across", "cluster", "steps", "whole", "window"]

KERNEL_OF = {"X": "S", "Y": "R", "X'": "S", "Y'": "R"}
"""The filter variable that slides over each variable of the image."""


@dataclass(frozen=True, slots=True)
class MapOf:
    """A TemporalMap or SpatialMap whose size may depend on the layer.

    `size` counts elements, or outputs where `halo` says that the filter's overhang comes on top; None is the whole dimension.
    """

    kind: Map
    variable: str
    size: int | None
    halo: bool = False

    def on(self, sizes: Mapping[str, int], place: Place) -> Directive:
        """The directive for dimensions of these sizes: tiles no larger than the dimension, offsets that skip nothing."""
        full = sizes[self.variable]
        overhang = sizes[KERNEL_OF[self.variable]] - 1 if self.halo else 0
        step = full - overhang if self.size is None else min(self.size, full - overhang)
        return Directive(self.kind, step + overhang, step, self.variable, place)


@dataclass(frozen=True, slots=True)
class ClusterOf:
    """A Cluster of a fixed size, or as large as a dimension of the layer."""

    size: int | str

    def on(self, sizes: Mapping[str, int], place: Place) -> Cluster:
        return Cluster(sizes[self.size] if isinstance(self.size, str) else self.size, place)


Step = MapOf | ClusterOf


def steps(variable: str, size: int = 1) -> MapOf:
    """A TemporalMap in tiles of `size`."""
    return MapOf(Map.TEMPORAL, variable, size)


def across(variable: str, size: int = 1) -> MapOf:
    """A SpatialMap in tiles of `size`."""
    return MapOf(Map.SPATIAL, variable, size)


def window(variable: str, outputs: int = 1, kind: Map = Map.TEMPORAL) -> MapOf:
    """A map of X or Y that covers so many outputs: as wide as they need, and moved by as much."""
    return MapOf(kind, variable, outputs, halo=True)


def whole(*variables: str) -> tuple[MapOf, ...]:
    """TemporalMaps that cover their dimensions."""
    return tuple(MapOf(Map.TEMPORAL, variable, None) for variable in variables)


def cluster(size: int | str) -> ClusterOf:
    """A Cluster of `size` sub-clusters, or of as many as a dimension has elements."""
    return ClusterOf(size)


@dataclass(frozen=True, slots=True)
class Dataflow:
    """Directives for some types of layers, under a name; `source` says whose accelerator or which file it stands for."""

    name: str
    aliases: tuple[str, ...]
    about: str
    source: str
    templates: Mapping[LayerType, Sequence[Step]]

    def template(self, kind: LayerType) -> Sequence[Step] | None:
        """The directives for a type of layers: grouped ones go group by group where nothing else is said."""
        if kind is LayerType.NGCONV and kind not in self.templates and LayerType.CONV in self.templates:
            return (steps("G"), *self.templates[LayerType.CONV])
        return self.templates.get(LayerType.CONV if kind is LayerType.TRCONV else kind)

    def on(self, layer: Layer) -> Layer:
        """The layer with this dataflow instead of its own. Raises InputError for a type of layer that it does not know.

        A dimension N goes image by image, outside of everything else.
        """
        template = self.template(layer.type)
        if template is None:
            known = " and ".join(kind.name for kind in self.templates)
            message = f"the dataflow {self.name} has no directives for a {layer.type.name}"
            raise InputError(Fault(message, layer.place, f"it knows layers of type {known}"))
        sizes = sizes_of(layer)
        missing = [name for name in needed(template) if name not in sizes]
        if missing:
            message = f"the layer {layer.name} has no dimension {', '.join(missing)}"
            raise InputError(Fault(message, layer.place, f"the dataflow {self.name} maps it"))
        if "N" in sizes and layer.type is not LayerType.GEMM:
            template = (steps("N"), *template)
        return replace(layer, dataflow=tuple(step.on(sizes, layer.place) for step in template))


def needed(template: Sequence[Step]) -> list[str]:
    names = [step.variable if isinstance(step, MapOf) else step.size for step in template]
    return [name for name in dict.fromkeys(names) if isinstance(name, str)]


def sizes_of(layer: Layer) -> dict[str, int]:
    """The dimensions of a layer, the first of a name, with X and Y or X' and Y' added. Strides make fewer outputs of them."""
    sizes: dict[str, int] = {}
    for dimension in layer.dimensions:
        sizes.setdefault(dimension.name, dimension.size)
    for axis, kernel in (("X", "S"), ("Y", "R")):
        if kernel in sizes and axis in sizes:
            sizes.setdefault(f"{axis}'", sizes[axis] - sizes[kernel] + 1)
        elif kernel in sizes and f"{axis}'" in sizes:
            sizes[axis] = sizes[f"{axis}'"] + sizes[kernel] - 1
    return sizes
