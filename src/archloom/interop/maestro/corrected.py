"""What the corrected engine has to count: the MACs of a layer, from its dimensions alone."""

from __future__ import annotations

import math

from archloom.interop.maestro.mends import CORRECTED
from archloom.interop.maestro.network import Layer
from archloom.interop.maestro.strides import SLIDING, missing, windows_of

__all__ = ["true_macs"]


def true_macs(layer: Layer) -> int:
    """Return the MACs of a layer: its outputs, strides heeded, times what is summed up for each.

    The corrected engine counts as many wherever the tiles of a mapping cover the layer without gap or overlap; another
    count says that they do not. K of a depthwise layer is none of its dimensions. Raises InputError as `run`.
    """
    dimensions = windows_of(layer, CORRECTED).dimensions
    tensors = layer.type.tensors(batched=layer.declares("N"))
    primed = {axis: f"{axis}'" for axis, _ in SLIDING}
    used = {*tensors.read, *tensors.output}
    for variable in used:
        if variable not in dimensions:
            raise missing(variable, layer.place, dimensions)
    return math.prod(max(dimensions[primed.get(variable, variable)], 0) for variable in used)
