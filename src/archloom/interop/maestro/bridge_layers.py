"""A layer of MAESTRO as an einsum, with the letters that its variables take there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archloom.errors import Fault, InputError
from archloom.interop.maestro.mends import CORRECTED
from archloom.interop.maestro.network import Layer, LayerType
from archloom.interop.maestro.strides import windows_of
from archloom.workload.einsum import Workload
from archloom.workload.layers import conv2d, depthwise_conv2d, gemm

__all__ = ["SLIDING", "Shape", "shape_of"]

SLIDING = {"Y": "R", "X": "S"}
"""Input variables, and the filter variable that slides over each."""

CONVOLUTION = {"N": "N", "G": "G", "K": "M", "C": "C", "Y": "P", "X": "Q", "R": "R", "S": "S"}
DEPTHWISE = {"N": "N", "C": "G", "Y": "P", "X": "Q", "R": "R", "S": "S"}
PRODUCT = {"M": "M", "N": "N", "K": "K"}


@dataclass(frozen=True, slots=True)
class Shape:
    """A layer as an einsum.

    `letters`: the loop that each variable of MAESTRO becomes; Y and X become the loops over their outputs. `sizes`: the
    variables' sizes, of Y and X only inputs that some window uses; `steps`: how many of these lie from window to window.
    """

    workload: Workload
    letters: Mapping[str, str]
    sizes: Mapping[str, int]
    steps: Mapping[str, int]


def shape_of(layer: Layer) -> Shape:
    """Return the einsum of a layer; MAESTRO makes no difference between TRCONV and CONV, and so there is none here.

    Raises InputError for a layer that lacks a dimension or whose filter does not fit its input.
    """
    windows = windows_of(layer, CORRECTED)
    sizes, strides = windows.dimensions, windows.strides
    if layer.type is LayerType.GEMM:
        needed, letters = ("M", "N", "K"), PRODUCT
    elif layer.type is LayerType.DSCONV:
        needed, letters = ("C", "R", "S", "Y", "X"), DEPTHWISE
    else:
        needed, letters = ("K", "C", "R", "S", "Y", "X"), CONVOLUTION
    if layer.type is LayerType.NGCONV:
        needed = ("G", *needed)
    absent = [name for name in needed if name not in sizes]
    if absent:
        message = f"the layer {layer.name} has no dimension {', '.join(absent)}, which a {layer.type.value} needs"
        raise InputError(Fault(message, layer.place))
    if layer.type is LayerType.GEMM:
        workload = gemm(layer.name, M=sizes["M"], N=sizes["N"], K=sizes["K"])
        return Shape(workload, letters, sizes, windows.steps)
    rows, columns = sizes["Y'"], sizes["X'"]
    if rows < 1 or columns < 1:
        message = f"the filter of {sizes['R']} x {sizes['S']} does not fit the input of {sizes['Y']} x {sizes['X']}"
        raise InputError(Fault(f"the layer {layer.name}: {message}", layer.place))
    place: dict[str, Any] = {"P": rows, "Q": columns, "R": sizes["R"], "S": sizes["S"], "N": sizes.get("N", 1)}
    place["stride"] = strides["Y"], strides["X"]
    if layer.type is LayerType.DSCONV:
        workload = depthwise_conv2d(layer.name, C=sizes["C"], **place)
    else:
        groups = sizes["G"] if layer.type is LayerType.NGCONV else 1
        workload = conv2d(layer.name, M=sizes["K"] * groups, C=sizes["C"] * groups, groups=groups, **place)
    return Shape(workload, letters, sizes, windows.steps)
