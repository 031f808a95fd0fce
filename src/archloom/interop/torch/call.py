"""One call in a graph of torch.export: the operator, its arguments by name, and the shapes of its tensors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from archloom.errors import InputError

__all__ = ["Call", "is_node", "shape_of"]


@dataclass(frozen=True)
class Call:
    """An operator called in a graph; `stored` holds the nodes that are parameters, or are computed from these alone."""

    node: Any
    name: str
    stored: set[Any]

    @property
    def kind(self) -> str:
        """The operator without its overload: `aten.conv2d`."""
        schema = getattr(self.node.target, "_schema", None)
        return schema.name.replace("::", ".") if schema is not None else str(self.node.target)

    def get(self, name: str, default: Any = None) -> Any:
        """The argument with this name in the operator's schema; what the schema says, or `default`, when it is not given."""
        if name in self.node.kwargs:
            return self.node.kwargs[name]
        schema = getattr(self.node.target, "_schema", None)
        for number, argument in enumerate(schema.arguments if schema is not None else ()):
            if argument.name == name:
                if number < len(self.node.args):
                    return self.node.args[number]
                return argument.default_value if argument.has_default_value() else default
        return default

    def operand(self, number: int) -> Any:
        """The positional argument with this number; raises InputError when it is missing."""
        if number >= len(self.node.args):
            raise InputError(f"argument {number} is missing")
        return self.node.args[number]

    def shape(self, number: int) -> tuple[int, ...]:
        """The shape of a positional argument; raises InputError when it is not a tensor with fixed sizes."""
        return shape_of(self.operand(number))

    def factors(self, number: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shapes of two factors from argument `number` on, without the copies that `expand` only pretends to make.

        Decomposed graphs expand a weight matrix over the batch; such an axis has the stride 0, and counts as 1 in one factor.
        """
        a, b = self.shape(number), self.shape(number + 1)
        shapes, spread = (list(a), list(b)), (_expanded(self.operand(number)), _expanded(self.operand(number + 1)))
        if len(a) == len(b):
            for axis in range(len(a) - 2):
                for mine, theirs in ((0, 1), (1, 0)):
                    if axis in spread[mine] and axis not in spread[theirs]:
                        shapes[mine][axis] = 1
        return tuple(shapes[0]), tuple(shapes[1])

    def is_stored(self, number: int) -> bool:
        """Whether a positional argument is a parameter, or computed from parameters alone."""
        return is_node(self.operand(number)) and self.operand(number) in self.stored

    def numbers(self, name: str, axes: int, default: int = 1) -> list[int]:
        """An argument with one integer per axis, or one for all."""
        value = self.get(name, default)
        values = list(value) if isinstance(value, Sequence) else [value]
        if not all(isinstance(item, int) for item in values) or len(values) not in (0, 1, axes):
            raise InputError(f"the argument {name!r} is {value!r}; expected fixed integers")
        return values * axes if len(values) == 1 else values or [default] * axes

    def output_shape(self) -> tuple[int, ...]:
        """The shape of the result, which is one tensor; raises InputError when it is not."""
        return shape_of(self.node)

    def output_elements(self) -> int | None:
        """Elements of the first tensor of the result; None when it has none, or no fixed size."""
        sizes = next((_sizes(value) for value in _flat(self.node.meta.get("val")) if _sizes(value) is not None), None)
        return None if sizes is None or not all(isinstance(size, int) for size in sizes) else math.prod(sizes)

    def input_elements(self) -> int:
        """Elements of the first tensor among the arguments."""
        tensors = (
            argument
            for argument in self.node.args
            if is_node(argument) and _sizes(argument.meta.get("val")) is not None
        )
        return next((math.prod(shape_of(tensor)) for tensor in tensors), 0)


def is_node(value: Any) -> bool:
    """Whether an argument is the result of another node, and not a plain value."""
    return hasattr(value, "meta") and hasattr(value, "all_input_nodes")


def shape_of(argument: Any) -> tuple[int, ...]:
    """The sizes of a tensor argument; raises InputError for other arguments and for symbolic sizes."""
    sizes = _sizes(argument.meta.get("val")) if is_node(argument) else None
    if sizes is None:
        raise InputError(f"the argument {argument} is no tensor")
    if not all(isinstance(size, int) for size in sizes):
        shown = ", ".join(str(size) for size in sizes)
        raise InputError(f"{argument} has the symbolic shape ({shown})", hint="export the module with fixed sizes")
    return tuple(sizes)


def _expanded(argument: Any) -> set[int]:
    """The axes along which a tensor repeats the same memory."""
    value = argument.meta["val"]
    return {
        axis
        for axis, (size, stride) in enumerate(zip(value.shape, value.stride(), strict=True))
        if stride == 0 and size > 1
    }


def _sizes(value: Any) -> Any:
    """The shape of a tensor, of whose sizes some may be symbols; None for anything else."""
    return getattr(value, "shape", None)


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)
    else:
        yield value
