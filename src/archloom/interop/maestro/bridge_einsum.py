"""An einsum as a layer of MAESTRO: which of its variables each dimension is, by where it occurs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archloom.errors import Fault, InputError
from archloom.interop.maestro.bridge_layers import SLIDING
from archloom.interop.maestro.network import LayerType
from archloom.workload.einsum import Rank, Tensor, Workload

__all__ = ["LayerShape", "layer_of"]


@dataclass(frozen=True, slots=True)
class LayerShape:
    """A layer type, and for each dimension of an einsum its variable, where Y and X stand for the outputs along them.

    `sizes`: trips by variable, 1 for those that the einsum does not have; `strides`: those of Y and X.
    """

    type: LayerType
    variables: Mapping[str, str]
    sizes: Mapping[str, int]
    strides: Mapping[str, int]

    def window(self, axis: str, outputs: int, taps: int) -> int:
        """Return the inputs along an axis that so many outputs of a filter of so many taps see."""
        return (outputs - 1) * self.strides[axis] + taps


def layer_of(workload: Workload) -> LayerShape:
    """Return the layer that an einsum is: a matrix product, or a convolution with up to two windows.

    Raises InputError with everything that MAESTRO cannot say: a third operand, dilation, a second dimension of a kind.
    """
    if len(workload.inputs) != 2:
        raise InputError(f"{workload.text} has {len(workload.inputs)} operands; a layer of MAESTRO has two")
    reader = EinsumReader(workload)
    reader.read()
    if reader.faults:
        raise InputError(reader.faults)
    kind = reader.kind()
    names = {"GEMM": "MNK", "DSCONV": "NCYXRS", "NGCONV": "NGKCYXRS"}.get(kind.value, "NKCYXRS")
    found = {dim: name for dim, name in reader.variables.items() if name in names}
    sizes = dict.fromkeys(names, 1) | {name: workload.bounds[dim] for dim, name in found.items()}
    return LayerShape(kind, found, sizes, reader.strides)


@dataclass
class EinsumReader:
    """Finds the variable of every dimension of an einsum of two operands."""

    workload: Workload
    variables: dict[str, str] = field(default_factory=dict[str, str])
    strides: dict[str, int] = field(default_factory=lambda: {"Y": 1, "X": 1})
    faults: list[Fault] = field(default_factory=list[Fault])

    def __post_init__(self) -> None:
        self.input, self.weights = self.operands()

    def operands(self) -> tuple[Tensor, Tensor]:
        """Return the tensor that windows slide over (or else the one in the role of the input), and the other."""
        first, second = self.workload.inputs
        slides = [any(len(rank) > 1 for rank in tensor.ranks) for tensor in (first, second)]
        if slides == [True, False] or (slides[0] == slides[1] and second.role == "weight"):
            return first, second
        return second, first

    def fault(self, message: str, hint: str | None = None) -> None:
        self.faults.append(Fault(f"{self.workload.text}: {message}", hint=hint))

    def read(self) -> None:
        axes = iter(SLIDING)
        for rank in self.input.ranks:
            if len(rank) > 1 or any(step > 1 for _, step in rank):
                axis = next(axes, None)
                if axis is None:
                    self.fault("a third window; MAESTRO has two")
                    return
                self.window(rank, axis)
        kinds: dict[tuple[bool, bool, bool], list[str]] = {}
        for dim in self.workload.bounds:
            if dim not in self.variables:
                tensors = (self.input, self.weights, self.workload.output)
                where = tuple(dim in tensor.dims for tensor in tensors)
                kinds.setdefault((where[0], where[1], where[2]), []).append(dim)
        self.outer(kinds.pop((True, False, True), []), list(axes))
        for where, name in (((True, True, True), "G"), ((False, True, True), "K"), ((True, True, False), "C")):
            self.only(kinds.pop(where, []), name)
        for dim in (dim for dims in kinds.values() for dim in dims if self.workload.bounds[dim] > 1):
            self.fault(f"{dim} is in one tensor only, as no variable of MAESTRO is")

    def window(self, rank: Rank, axis: str) -> None:
        """Read a rank like `2*p+r`: the outputs and the taps of one axis."""
        outputs = [(dim, c) for dim, c in rank if dim in self.workload.output.dims and dim not in self.weights.dims]
        taps = [(dim, c) for dim, c in rank if dim in self.weights.dims and dim not in self.workload.output.dims]
        if len(outputs) != 1 or len(taps) > 1 or len(taps) + 1 != len(rank):
            self.fault(
                f"the index {'+'.join(dim for dim, _ in rank)} is no window of one output and one filter dimension"
            )
            return
        self.variables[outputs[0][0]] = axis
        self.strides[axis] = outputs[0][1]
        for dim, spread in taps:
            self.variables[dim] = SLIDING[axis]
            if spread > 1 and self.workload.bounds[dim] > 1:
                self.fault(f"{dim} is dilated by {spread}; MAESTRO's filters are dense")

    def outer(self, dims: list[str], axes: list[str]) -> None:
        """Name what input and output share beside the windows: the batch, or the rows and columns of a 1 x 1 filter."""
        names = axes if len(dims) == len(axes) == 2 else ["N", *axes]
        if len(dims) > len(names):
            self.fault(f"{' and '.join(dims)} are in input and output; MAESTRO has {', '.join(names)} there")
        self.variables |= dict(zip(dims, names, strict=False))

    def only(self, dims: list[str], name: str) -> None:
        large = [dim for dim in dims if self.workload.bounds[dim] > 1] or dims[:1]
        if len(large) > 1:
            self.fault(f"{' and '.join(large)} are both what MAESTRO calls {name}, which it has once")
        self.variables |= dict.fromkeys(large, name)

    def kind(self) -> LayerType:
        """Return the layer type; a product's variables take the names that a GEMM has for them."""
        names = set(self.variables.values())
        sizes = {name: self.workload.bounds[dim] for dim, name in self.variables.items()}
        if not names & {"Y", "X", "G"}:
            called = {"N": "M", "K": "N", "C": "K"}
            self.variables = {dim: called[name] for dim, name in self.variables.items()}
            return LayerType.GEMM
        if "G" not in names:
            return LayerType.CONV
        if sizes.get("K", 1) == sizes.get("C", 1) == 1:
            self.variables = {dim: "C" if name == "G" else name for dim, name in self.variables.items() if name != "C"}
            return LayerType.DSCONV
        return LayerType.NGCONV
