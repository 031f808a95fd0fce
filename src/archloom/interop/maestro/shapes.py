"""An einsum as one of MAESTRO's layer types: what its dimensions are called there, or why it cannot be said."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from archloom.interop.maestro.network import LayerType
from archloom.workload.einsum import Rank, Tensor, Workload

__all__ = ["Shape", "Unsayable", "shapes_of"]


class Unsayable(Exception):  # noqa: N818 - it is an answer, not an error
    """Why a layer cannot be one of MAESTRO's."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A layer type with the sizes of its dimensions, and the strides of X and Y."""

    type: LayerType
    sizes: dict[str, int]
    strides: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Axis:
    """An image axis: outputs, taps of the filter, and stride; one without a filter has a single tap."""

    outputs: int
    taps: int = 1
    stride: int = 1

    @property
    def inputs(self) -> int:
        """Inputs that are touched, padding among them."""
        return self.stride * (self.outputs - 1) + self.taps

    @property
    def plain(self) -> bool:
        """Whether each output has an input of its own, and no filter slides."""
        return self.inputs == self.outputs


def shapes_of(workload: Workload, *, rows: str = "Y") -> tuple[Shape, ...]:
    """The ways in which MAESTRO can say a workload, the closest first; each has the MACs of the workload.

    Dimensions of the same role become one. Rows of a matrix product become pixels of a 1x1 convolution along the axis `rows`, Y
    or X. Raises Unsayable for anything but two inputs, more than two sliding axes, dilated filters, and sums of other kinds.
    """
    weights, inputs = operands(workload)
    outside = {dim for dim in workload.dims if dim not in workload.output.dims}
    axes: list[Axis] = []
    slid: set[str] = set()
    for rank in inputs.ranks:
        if len(rank) > 1:
            axis, dims = sliding(workload, rank, weights)
            slid |= dims
            axes.append(axis)
        elif rank and rank[0][1] != 1 and workload.bounds[rank[0][0]] > 1:
            if rank[0][0] in weights.dims or rank[0][0] in outside:
                raise Unsayable(f"{rank[0][0]} moves by {rank[0][1]} and is not an axis of the outputs alone")
            slid.add(rank[0][0])
            axes.append(Axis(workload.bounds[rank[0][0]], stride=rank[0][1]))
    groups, filters, channels, images = roles(workload, weights, inputs, slid)
    axes = [axis for axis in axes if axis.outputs > 1 or axis.taps > 1]
    return tuple(said(axes, groups, filters, channels, images, rows))


def operands(workload: Workload) -> tuple[Tensor, Tensor]:
    """The tensor that stands for the filter, and the other input."""
    if len(workload.inputs) != 2:
        count = len(workload.inputs)
        raise Unsayable(f"it has {count} input{'' if count == 1 else 's'}, and MAESTRO's layers have two")
    first, second = workload.inputs
    weights = second if second.role == "weight" and first.role != "weight" else first
    if any(len(rank) > 1 for rank in weights.ranks):
        weights = second if weights is first else first
    if any(len(rank) > 1 for rank in weights.ranks):
        raise Unsayable("both of its inputs are slid over")
    return weights, first if weights is second else second


def sliding(workload: Workload, rank: Rank, weights: Tensor) -> tuple[Axis, set[str]]:
    """A rank such as 2*p+r: an output position with a filter tap."""
    positions = [(dim, c) for dim, c in rank if dim in workload.output.dims and dim not in weights.dims]
    taps = [(dim, c) for dim, c in rank if dim not in workload.output.dims and dim in weights.dims]
    if len(rank) != 2 or len(positions) != 1 or len(taps) != 1:
        text = "+".join(dim if c == 1 else f"{c}*{dim}" for dim, c in rank)
        raise Unsayable(f"the index {text} is not an output position with a filter tap")
    (position, stride), (tap, spread) = positions[0], taps[0]
    outputs, width = workload.bounds[position], workload.bounds[tap]
    if spread != 1 and width > 1:
        raise Unsayable(f"its filter is dilated ({spread}*{tap})")
    return Axis(outputs, width, stride if outputs > 1 else 1), {position, tap}


def roles(workload: Workload, weights: Tensor, inputs: Tensor, slid: set[str]) -> tuple[int, int, int, int]:
    """The sizes of groups, filters, input channels and images (or rows): dimensions by the tensors that they occur in."""
    sizes = {"GROUPS": 1, "FILTERS": 1, "CHANNELS": 1, "IMAGES": 1}
    for dim, bound in workload.bounds.items():
        where = (dim in weights.dims, dim in inputs.dims, dim in workload.output.dims)
        if where in ROLES and dim not in slid:
            sizes[ROLES[where]] *= bound
        elif dim not in slid and bound > 1:
            raise Unsayable(f"{dim} occurs in {'no tensor' if not any(where) else 'one tensor only'}")
    return sizes["GROUPS"], sizes["FILTERS"], sizes["CHANNELS"], sizes["IMAGES"]


ROLES = {
    (True, True, True): "GROUPS",
    (True, False, True): "FILTERS",
    (True, True, False): "CHANNELS",
    (False, True, True): "IMAGES",
}
"""What a dimension is, by whether it occurs in the weights, the inputs and the outputs."""


def said(axes: list[Axis], groups: int, filters: int, channels: int, images: int, rows: str) -> Iterator[Shape]:
    if len(axes) > 2:
        images *= math.prod(axis.outputs for axis in axes if axis.plain)
        axes = [axis for axis in axes if not axis.plain]
        if len(axes) > 2:
            raise Unsayable(f"it slides along {len(axes)} axes, and MAESTRO knows X and Y")
    if groups == 1 and all(axis.plain for axis in axes):
        pixels = math.prod(axis.outputs for axis in axes)
        yield Shape(LayerType.GEMM, {"M": images * pixels, "N": filters, "K": channels})
    if not axes:
        axes, images = [Axis(images)], 1
    if len(axes) < 2:
        axes = [Axis(1), *axes] if rows == "X" else [*axes, Axis(1)]
    high, wide = axes
    sizes = {"C": channels, "R": high.taps, "S": wide.taps, "Y": high.inputs, "X": wide.inputs}
    if images > 1:
        sizes = {"N": images, **sizes}
    strides = {name: axis.stride for name, axis in (("X", wide), ("Y", high)) if axis.stride > 1}
    if groups == 1:
        yield Shape(LayerType.CONV, {"K": filters, **sizes}, strides)
        return
    if filters == channels == 1:
        yield Shape(LayerType.DSCONV, {**sizes, "C": groups}, strides)
    yield Shape(LayerType.NGCONV, {"G": groups, "K": filters, **sizes}, strides)
