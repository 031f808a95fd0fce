"""What is known about the values of an ONNX graph: shapes, small constants, and which values are stored weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from archloom.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from onnx import GraphProto, NodeProto, TensorProto, TypeProto, ValueInfoProto

__all__ = ["SMALL", "Op", "Scope", "Shape", "shape_of", "tensor_type", "whole", "words"]

Shape = tuple[int | None, ...]
"""Sizes of the axes; None where one is not known."""

SMALL = 8192
"""Elements of the largest constant that is computed with: shapes, indices and masks of shapes are far smaller."""

MAX_SIZE = 2**48

FLOAT = 1


@dataclass
class Scope:
    """The values visible at one place of a graph, by name.

    `types`: the type as ONNX holds it. `constants`: small values known before anything runs. `stored`: weights, and whatever is
    computed from them alone, so that a runtime folds it when it loads the model. `declared`: the shapes that the file states.
    `why`: for a value whose shape is not known, the reason.
    """

    opsets: dict[str, int]
    dims: Mapping[str, int]
    types: dict[str, TypeProto] = field(default_factory=dict)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    stored: set[str] = field(default_factory=set)
    declared: dict[str, TypeProto] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)

    def inner(self) -> Scope:
        """A copy for a nested graph, which sees all outer values."""
        return Scope(
            self.opsets,
            self.dims,
            self.types.copy(),
            self.constants.copy(),
            self.stored.copy(),
            self.declared.copy(),
            self.why.copy(),
        )

    def shape(self, name: str) -> Shape | None:
        """The shape of a value as far as it is known."""
        return shape_of(self.types.get(name))

    def known(self, name: str) -> tuple[int, ...] | None:
        """The shape of a value if all of it is known."""
        return whole(self.shape(name))

    def add_graph(self, graph: GraphProto) -> None:
        """Enter the initializers of a graph and the shapes it declares; its inputs are the caller's."""
        for value in (*graph.value_info, *graph.output):
            self.declared[value.name] = self.concrete(value)
        for tensor in graph.initializer:
            self.add_stored(tensor.name, tensor)
        for sparse in graph.sparse_initializer:
            self.types[sparse.values.name] = tensor_type(sparse.dims, sparse.values.data_type)
            self.stored.add(sparse.values.name)

    def add_stored(self, name: str, tensor: TensorProto) -> None:
        """Enter a stored tensor, with its value where it is small and its data is here."""
        self.types[name] = tensor_type(tensor.dims, tensor.data_type)
        self.stored.add(name)
        if tensor.data_location == tensor.EXTERNAL or math.prod(tensor.dims) > SMALL or any(n < 0 for n in tensor.dims):
            return
        from onnx import numpy_helper

        try:
            value = numpy_helper.to_array(tensor)
        except Exception:  # damaged data of whichever kind: the value stays unknown
            return
        if value.dtype.kind in "iufb":
            self.constants[name] = value

    def add_constant(self, name: str, value: np.ndarray) -> None:
        """Enter a value known before anything runs."""
        import numpy as np
        from onnx import helper

        self.types[name] = tensor_type(value.shape, helper.np_dtype_to_tensor_dtype(np.dtype(value.dtype)))
        self.constants[name] = value
        self.stored.add(name)

    def concrete(self, value: ValueInfoProto) -> TypeProto:
        """The declared type of a value, its symbolic dimensions replaced where they are given."""
        if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
            return value.type
        kind = value.type.tensor_type
        sizes = [
            self.dims.get(dim.dim_param) if dim.dim_param else (dim.dim_value if dim.HasField("dim_value") else None)
            for dim in kind.shape.dim
        ]
        return tensor_type([None if size is None or size < 0 else size for size in sizes], kind.elem_type)


def words(text: str) -> frozenset[str]:
    """The words of a text, for long lists of operators."""
    return frozenset(text.split())


def tensor_type(shape: Iterable[int | None] | None, elem_type: int = FLOAT) -> TypeProto:
    """The ONNX type of a tensor with this shape."""
    from onnx import helper

    return helper.make_tensor_type_proto(elem_type, None if shape is None else [_sane(size) for size in shape])


def shape_of(value_type: TypeProto | None) -> Shape | None:
    """The shape in an ONNX type, if it is one of a tensor with a rank."""
    if value_type is None or not value_type.tensor_type.HasField("shape"):
        return None
    dims = value_type.tensor_type.shape.dim
    return tuple(_sane(dim.dim_value) if dim.HasField("dim_value") else None for dim in dims)


def _sane(size: int | None) -> int | None:
    """The size, or None where it cannot be one; ONNX's inference crashes on negative sizes."""
    return size if size is not None and 0 <= size <= MAX_SIZE else None


def whole(shape: Shape | None) -> tuple[int, ...] | None:
    """The shape if every axis is known."""
    if shape is None or any(size is None for size in shape):
        return None
    return tuple(size for size in shape if size is not None)


@dataclass(frozen=True)
class Op:
    """An operator together with what is known about its operands."""

    node: NodeProto
    scope: Scope

    @property
    def name(self) -> str:
        """The node's name, or else that of its first output, or its type."""
        return self.node.name or next((name for name in self.node.output if name), self.node.op_type)

    @property
    def kind(self) -> str:
        """The operator with its domain, which is left out where it is ONNX's own."""
        domain = self.node.domain
        return self.node.op_type if domain in ("", "ai.onnx") else f"{domain}::{self.node.op_type}"

    def has(self, number: int) -> bool:
        """Whether this operand is given."""
        return number < len(self.node.input) and bool(self.node.input[number])

    def shape(self, number: int) -> tuple[int, ...]:
        """The shape of an operand; raises InputError with the reason when it is not known."""
        if not self.has(number):
            raise InputError(f"operand {number} is missing")
        return self._known(self.node.input[number])

    def maybe_shape(self, number: int) -> tuple[int, ...] | None:
        """The shape of an operand if it is given and known."""
        return self.scope.known(self.node.input[number]) if self.has(number) else None

    def output_shape(self) -> tuple[int, ...]:
        """The shape of the first output; raises InputError with the reason when it is not known."""
        return self._known(self.node.output[0])

    def _known(self, name: str) -> tuple[int, ...]:
        shape = self.scope.known(name)
        if shape is None:
            reason = self.scope.why.get(name, "nothing before it produces it")
            raise InputError(f"the shape of {name!r} is not known: {reason}")
        return shape

    def is_stored(self, number: int) -> bool:
        """Whether an operand is a stored weight, or computed from stored weights alone."""
        return self.has(number) and self.node.input[number] in self.scope.stored

    def attribute(self, name: str, default: Any = None) -> Any:
        """The value of an attribute as a Python number, string or list; `default` when it is not given."""
        from onnx import helper

        for attribute in self.node.attribute:
            if attribute.name == name:
                value = helper.get_attribute_value(attribute)
                if value is not None:
                    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        return default

    def integer(self, name: str, default: int) -> int:
        """An attribute that is an integer; raises InputError when it is something else."""
        value = self.attribute(name, default)
        if not isinstance(value, int):
            raise InputError(f"the attribute {name!r} is {value!r}; expected an integer")
        return value

    def text(self, name: str) -> str:
        """An attribute that is text; raises InputError when it is missing or something else."""
        value = self.attribute(name)
        if not isinstance(value, str):
            raise InputError(f"the attribute {name!r} is {value!r}; expected text")
        return value

    def integers(self, name: str, default: list[int]) -> list[int]:
        """An attribute that is a list of integers; raises InputError when it is something else."""
        value = self.attribute(name, default)
        if isinstance(value, int | float | str) or not all(isinstance(item, int) for item in value):
            raise InputError(f"the attribute {name!r} is {value!r}; expected a list of integers")
        return list(value) or default
