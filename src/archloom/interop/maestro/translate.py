"""Networks of archloom as networks of MAESTRO, under a dataflow."""

from __future__ import annotations

import re
from dataclasses import dataclass

from archloom.errors import Fault, InputError, Place
from archloom.interop.maestro.dataflows import Dataflow, MapOf
from archloom.interop.maestro.network import Dimension, Layer, LayerType, Map, Network
from archloom.interop.maestro.shapes import Shape, Unsayable, shapes_of
from archloom.workload.einsum import Workload
from archloom.workload.network import Network as Workloads

__all__ = ["LeftOut", "Translation", "network_of", "translate"]

WORD = re.compile(r"[{}\s,\->():;/]+")
"""What would cut a name in two, or open a comment, in a mapping file."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A layer that MAESTRO cannot say, and why; `macs` are those of all its executions."""

    name: str
    macs: int
    reason: str


@dataclass(frozen=True, slots=True)
class Translation:
    """The distinct layers of a network under a dataflow, how often each is executed, and the layers that are left out."""

    network: Network
    counts: tuple[int, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def unrolled(self) -> Network:
        """The network with every layer as often as it is executed."""
        layers = zip(self.network.layers, self.counts, strict=True)
        return Network(self.network.name, tuple(layer for layer, count in layers for _ in range(count)))


def network_of(network: Workloads, dataflow: Dataflow) -> Network:
    """The distinct layers of a network as MAESTRO's, under a dataflow, without those that MAESTRO cannot say; see `translate`."""
    return translate(network, dataflow).network


def translate(network: Workloads, dataflow: Dataflow) -> Translation:
    """Say every layer of a network that can be said as one of MAESTRO's, with the directives of a dataflow.

    The inputs have the size that the outputs need, padding among them, so that MACs are those of the network. A matrix product is
    a 1x1 convolution to a dataflow for convolutions, with its rows as pixels; several of them at once are groups. Raises
    InputError when no layer can be said.
    """
    rows = rows_axis(dataflow)
    said: list[tuple[str, Shape, int]] = []
    left_out: list[LeftOut] = []
    for layer in network.layers:
        try:
            said.append((layer.name, shape_under(layer.workload, dataflow, rows), layer.count))
        except Unsayable as reason:
            left_out.append(LeftOut(layer.name, layer.macs, str(reason)))
    if not said:
        faults = [Fault(f"the layer {layer.name} cannot be said: {layer.reason}") for layer in left_out]
        raise InputError(faults)
    batched = {shape.type for _, shape, _ in said if "N" in shape.sizes and shape.type is not LayerType.GEMM}
    # MAESTRO takes N from the first layer of a type: all of them declare it, or none.
    layers = (
        dataflow.on(layer_of(network.name, name, shape, batched=shape.type in batched)) for name, shape, _ in said
    )
    return Translation(
        Network(word(network.name), tuple(layers)), tuple(count for _, _, count in said), tuple(left_out)
    )


def rows_axis(dataflow: Dataflow) -> str:
    """The image axis that rows of a matrix product become: the one that the dataflow lays out over PEs."""
    template = dataflow.template(LayerType.CONV) or ()
    spread = {step.variable[0] for step in template if isinstance(step, MapOf) and step.kind is Map.SPATIAL}
    return "X" if "X" in spread and "Y" not in spread else "Y"


def shape_under(workload: Workload, dataflow: Dataflow, rows: str) -> Shape:
    shapes = shapes_of(workload, rows=rows)
    for shape in shapes:
        if dataflow.template(shape.type) is not None:
            return shape
    wanted = " or ".join(dict.fromkeys(shape.type.name for shape in shapes))
    raise Unsayable(f"it is a {wanted}, for which the dataflow {dataflow.name} has no directives")


def layer_of(network: str, name: str, shape: Shape, *, batched: bool) -> Layer:
    place = Place(f"{network}:{name}")
    sizes = {"N": 1, **shape.sizes} if batched else shape.sizes
    dimensions = (Dimension(name, size, shape.strides.get(name, 1), place) for name, size in sizes.items())
    return Layer(word(name), shape.type, tuple(dimensions), None, place)


def word(name: str) -> str:
    """The name as one word of a mapping file."""
    return WORD.sub("_", name).strip("_") or "layer"
