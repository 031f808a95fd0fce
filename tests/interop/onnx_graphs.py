"""Small ONNX models for the tests, and their counts by ONNX's reference evaluator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the onnx package is not installed")

from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

OPSET = 21


def node(op: str, inputs: str, outputs: str = "y", **attributes: Any) -> NodeProto:
    """A node with its inputs as words; a dash stands for one that is not given."""
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(op, names, outputs.split(), **attributes)


def value(name: str, shape: Sequence[int | str | None] | None, kind: int = TensorProto.FLOAT) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def weights(name: str, *shape: int, kind: type = np.float32) -> TensorProto:
    return numpy_helper.from_array(np.ones(shape, kind), name)


def constant(name: str, data: object, kind: type = np.int64) -> TensorProto:
    return numpy_helper.from_array(np.asarray(data, kind), name)


def graph(
    nodes: Sequence[NodeProto],
    inputs: Mapping[str, Sequence[int | str | None]],
    stored: Sequence[TensorProto] = (),
    outputs: Sequence[str] = ("y",),
    kinds: Mapping[str, int] | None = None,
) -> GraphProto:
    kinds = kinds or {}
    given = [value(name, shape, kinds.get(name, TensorProto.FLOAT)) for name, shape in inputs.items()]
    return helper.make_graph(list(nodes), "graph", given, [value(name, None) for name in outputs], list(stored))


def model(*args: Any, opset: int = OPSET, functions: Sequence[FunctionProto] = (), **kwargs: Any) -> ModelProto:
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("local", 1)]
    return helper.make_model(graph(*args, **kwargs), opset_imports=opsets, functions=list(functions), ir_version=8)


def output_shapes(of: ModelProto, *names: str) -> dict[str, tuple[int, ...]]:
    """The shapes of values when the model really runs on ones."""
    inputs = {
        item.name: np.ones(
            [dim.dim_value for dim in item.type.tensor_type.shape.dim],
            helper.tensor_dtype_to_np_dtype(item.type.tensor_type.elem_type),
        )
        for item in of.graph.input
    }
    results = ReferenceEvaluator(of).run(list(names), inputs)
    assert isinstance(results, list)
    return {name: np.shape(result) for name, result in zip(names, results, strict=True)}
