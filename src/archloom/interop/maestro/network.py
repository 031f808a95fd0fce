"""What a mapping file says: a network of layers, each with dimensions, strides and directives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from archloom.errors import Place

__all__ = ["LAYER_TYPES", "Cluster", "Dimension", "Directive", "Layer", "LayerType", "Map", "Network", "Tensors"]


@dataclass(frozen=True, slots=True)
class Tensors:
    """The variables that each tensor of a layer type is coupled to; X and Y of an output mean X' and Y'."""

    input: tuple[str, ...]
    filter: tuple[str, ...]
    output: tuple[str, ...]

    @property
    def read(self) -> tuple[str, ...]:
        """Every variable of the input or the filter, sorted."""
        return tuple(sorted({*self.input, *self.filter}))


class LayerType(Enum):
    """The layer types that MAESTRO can price; to it a TRCONV is a CONV."""

    CONV = "CONV"
    TRCONV = "TRCONV"
    DSCONV = "DSCONV"
    NGCONV = "NGCONV"
    GEMM = "GEMM"

    def tensors(self, *, batched: bool) -> Tensors:
        """Return the coupled variables, with N in input and output where the layers carry a batch."""
        base = COUPLED[self]
        if self is LayerType.GEMM or not batched:
            return base
        return Tensors(("N", *base.input), base.filter, ("N", *base.output))


LAYER_TYPES = {kind.name: kind for kind in LayerType}

CONVOLUTION = Tensors(("C", "Y", "X"), ("K", "C", "R", "S"), ("K", "Y", "X"))
COUPLED = {
    LayerType.CONV: CONVOLUTION,
    LayerType.TRCONV: CONVOLUTION,
    LayerType.DSCONV: Tensors(("C", "Y", "X"), ("C", "R", "S"), ("C", "Y", "X")),
    LayerType.NGCONV: Tensors(("G", "C", "Y", "X"), ("G", "K", "C", "R", "S"), ("G", "K", "C", "Y", "X")),
    LayerType.GEMM: Tensors(("M", "K"), ("K", "N"), ("M", "N")),
}


class Map(Enum):
    """How a directive lays out its dimension."""

    TEMPORAL = "TemporalMap"
    SPATIAL = "SpatialMap"


@dataclass(frozen=True, slots=True)
class Directive:
    """TemporalMap(size, offset) or SpatialMap(size, offset) of one dimension."""

    kind: Map
    size: int
    offset: int
    variable: str
    place: Place | None = None

    @property
    def spatial(self) -> bool:
        return self.kind is Map.SPATIAL


@dataclass(frozen=True, slots=True)
class Cluster:
    """Cluster(size): what follows is laid out inside groups of so many sub-clusters."""

    size: int
    place: Place


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension as the layer declares it, with its stride."""

    name: str
    size: int
    stride: int
    place: Place


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: `dataflow` is None where the file leaves it to the layer before."""

    name: str
    type: LayerType
    dimensions: tuple[Dimension, ...]
    dataflow: tuple[Directive | Cluster, ...] | None
    place: Place

    def declares(self, name: str) -> bool:
        return any(dimension.name == name for dimension in self.dimensions)


@dataclass(frozen=True, slots=True)
class Network:
    """The layers of a mapping file in order, and the name of the (last) network."""

    name: str
    layers: tuple[Layer, ...]
