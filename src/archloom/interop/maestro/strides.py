"""Inputs and outputs of windows that slide by a stride: as MAESTRO counts them, and as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.interop.maestro.mends import Mend
from archloom.interop.maestro.network import Directive, Layer
from archloom.interop.maestro.whole import divided

__all__ = ["SLIDING", "Windows", "missing", "table_of_dimensions", "windows_of"]

SLIDING = (("X", "S"), ("Y", "R"))
"""Input variables, and the filter variable that slides over each."""


@dataclass(frozen=True, slots=True)
class Windows:
    """The dimensions of a layer, X' and Y' or X and Y added, and how its windows lie along X and Y.

    `strides` are those that maps of X and Y are widened by, `kernels` the whole S and R. Where strides are mended (B4)
    X and Y count only inputs that a window uses, and `steps` says how many of these lie from window to window;
    MAESTRO takes it for 1.
    """

    dimensions: Mapping[str, int]
    strides: Mapping[str, int]
    kernels: Mapping[str, int]
    steps: Mapping[str, int]

    def maps(self, group: Sequence[Directive]) -> list[Directive]:
        """Return the maps written at a level as maps of inputs; strided as well where that is mended."""
        if not self.steps:
            return to_inputs(group, {})
        return [self.of_used_inputs(directive) for directive in to_inputs(group, self.strides)]

    def of_used_inputs(self, directive: Directive) -> Directive:
        """Return a map of inputs as a map of used inputs: windows that lie apart (S below the stride) close up."""
        stride, kernel = self.strides.get(directive.variable, 1), self.kernels.get(directive.variable, 0)
        if stride == 1 or directive.size < kernel:
            return directive
        step = self.steps[directive.variable]
        outputs = (directive.size - kernel) // stride + 1
        return replace(directive, size=(outputs - 1) * step + kernel, offset=outputs * step)

    def widened(self, directives: Sequence[Directive], *, top: bool) -> tuple[Directive, ...]:
        """Widen the maps of X and Y at a level by the strides, as MAESTRO does at every level."""
        if self.steps:
            return tuple(directives)
        return tuple(with_stride(directive, self.strides, self.kernels, top=top) for directive in directives)


def windows_of(layer: Layer, mends: frozenset[Mend]) -> Windows:
    """Return the dimensions of a layer and its strides. Raises InputError for dimensions that clash or are missing."""
    dimensions, strides = table_of_dimensions(layer)
    kernels = {axis: dimensions[kernel] for axis, kernel in SLIDING if kernel in dimensions}
    if Mend.B4 not in mends:
        return Windows(dimensions, strides, kernels, {})
    declared = {dimension.name: dimension for dimension in reversed(layer.dimensions)}
    steps = {"X": 1, "Y": 1}
    for axis, kernel in kernels.items():
        given = declared.get(axis) or declared.get(f"{axis}'")
        if given is None:
            continue
        stride = strides[axis] = given.stride
        steps[axis] = min(stride, kernel)
        outputs = (given.size - kernel) // stride + 1 if given.name == axis else given.size
        if outputs > 0:
            dimensions[axis] = (outputs - 1) * steps[axis] + kernel
            dimensions[f"{axis}'"] = outputs
    return Windows(dimensions, strides, kernels, steps)


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
    """Return the error for a dimension that the layer does not have."""
    # An apostrophe from a word processor is another letter to MAESTRO (its own maeri.m has one).
    close = did_you_mean(name.replace("\u2019", "'"), valid)
    hint = f"{close}; MAESTRO stops with exit code 255: Dimension {name} not found"
    return InputError(Fault(f"the layer has no dimension {name}", place, hint))


def to_inputs(group: Sequence[Directive], strides: Mapping[str, int]) -> list[Directive]:
    """Turn maps of X' and Y' into maps of X and Y, as wide as the filter's map of this level makes them.

    MAESTRO does it without strides.
    """
    have = {directive.variable: directive.size for directive in reversed(group)}
    found: list[Directive] = []
    for directive in group:
        for axis, kernel in SLIDING:
            if directive.variable == f"{axis}'" and axis not in have:
                if kernel not in have:
                    message = f"{directive.variable} is mapped at a level that does not map {kernel}"
                    hint = f"add TemporalMap(Sz({kernel}),Sz({kernel})) {kernel}; MAESTRO reads an uninitialised number"
                    raise InputError(Fault(message, directive.place, hint))
                directive = replace(
                    directive, variable=axis, size=(directive.size - 1) * strides.get(axis, 1) + have[kernel]
                )
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
