"""Shapes, one operator at a time: ONNX's own inference, constants computed, and rules for what it does not know."""

from __future__ import annotations

import math
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

from archloom.interop.onnx.scope import SMALL, Op, Scope, Shape, shape_of, tensor_type, whole, words

if TYPE_CHECKING:
    from onnx import NodeProto, TypeProto

__all__ = ["as_standard", "infer_outputs"]

_FOLDED = words(
    """Abs Add And ArgMax ArgMin BitShift Cast CastLike Ceil Clip Compress Concat ConstantOfShape CumSum Div Equal Expand Flatten Floor
    Gather GatherElements GatherND Greater GreaterOrEqual Identity Less LessOrEqual Max Min Mod Mul Neg NonZero Not OneHot Or Pad
    Pow Range ReduceMax ReduceMin ReduceProd ReduceSum Reshape Round ScatterElements ScatterND Sign Slice Split Sqrt Squeeze Sub
    Sum Tile Transpose Trilu Unsqueeze Where Xor"""
)
"""Operators of shape arithmetic, computed when their operands are small constants."""

_DATA_DEPENDENT = frozenset({"Compress", "NonZero"})
"""The output is as large as the values say, and no larger than a few times the operands."""

_RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)

_SAME = words(
    """BatchNormalization Celu Clip Dropout Elu Erf Gelu GroupNormalization HardSigmoid HardSwish Hardmax Identity
    InstanceNormalization LayerNormalization LeakyRelu LogSoftmax LpNormalization LRN MeanVarianceNormalization Mish PRelu
    RMSNormalization Relu RotaryEmbedding Selu Shrink Sigmoid SimplifiedLayerNormalization Softmax Softplus Softsign Swish Tanh
    ThresholdedRelu
    BiasAdd BiasDropout BiasGelu BiasSoftmax BiasSplitGelu FastGelu GroupNorm QLinearLeakyRelu QLinearSigmoid QLinearSoftmax
    QuickGelu SkipGroupNorm SkipLayerNormalization SkipSimplifiedLayerNormalization"""
)
"""Operators whose first output has the shape of the first operand, whatever their domain."""

_MICROSOFT = "com.microsoft"
_STANDARD: dict[str, tuple[str, tuple[int, ...]]] = {
    "DynamicQuantizeMatMul": ("MatMul", (0, 1)),
    "FusedConv": ("Conv", (0, 1)),
    "FusedGemm": ("Gemm", (0, 1)),
    "FusedMatMulActivation": ("FusedMatMul", (0, 1)),
    "GemmFastGelu": ("MatMul", (0, 1)),
    "MatMulIntegerToFloat": ("MatMul", (0, 1)),
    "QGemm": ("Gemm", (0, 3)),
    "QLinearAdd": ("Add", (0, 3)),
    "QLinearConv": ("Conv", (0, 3)),
    "QLinearMul": ("Mul", (0, 3)),
    "TransposeMatMul": ("FusedMatMul", (0, 1)),
}
"""Operators of ONNX Runtime and the ones they extend: type, and the operands that decide the shape."""


def as_standard(node: NodeProto) -> NodeProto:
    """The standard operator that one of ONNX Runtime extends, or the node itself."""
    if node.domain != _MICROSOFT or node.op_type not in _STANDARD:
        return node
    kind, operands = _STANDARD[node.op_type]
    twin = type(node)()
    twin.CopyFrom(node)
    twin.op_type, twin.domain = kind, _MICROSOFT if kind == "FusedMatMul" else ""
    del twin.input[:]
    twin.input.extend(node.input[number] for number in operands if number < len(node.input))
    return twin


def infer_outputs(op: Op) -> None:
    """Enter what is known about the outputs of an operator into its scope."""
    node, scope = op.node, op.scope
    if node.op_type == "Constant" and not node.domain and _constant(op):
        return
    standard = as_standard(node)
    types, reason = _inferred(standard, scope, plain=standard is not node)
    for number, name in enumerate(node.output):
        if not name:
            continue
        kind = _best(
            types.get(name), scope.declared.get(name), lambda number=number: _by_rule(op) if number == 0 else None
        )
        scope.types[name] = kind
        if whole(shape_of(kind)) is None:
            scope.why[name] = _cause(op) or f"{op.kind} {op.name!r} {reason}"
    _fold(op)
    given = [name for name in node.input if name]
    if (
        all(name in scope.stored for name in given)
        and node.op_type not in _RANDOM
        and (given or node.op_type == "Constant")
    ):
        scope.stored.update(name for name in node.output if name)


def _inferred(node: NodeProto, scope: Scope, *, plain: bool) -> tuple[dict[str, TypeProto], str]:
    """The types by ONNX's inference, and what to say when it does not find them; if `plain`, as if all tensors were floats."""
    from onnx import TypeProto, defs, helper, numpy_helper, shape_inference

    version = scope.opsets.get(node.domain, scope.opsets.get("", 1) if node.domain == "ai.onnx" else 0)
    try:
        schema = defs.get_schema(node.op_type, version, "" if node.domain == "ai.onnx" else node.domain)
    except Exception:  # SchemaError is no public name
        return {}, "is no operator that archloom knows"
    given = [name for name in node.input if name]
    types = {name: tensor_type(scope.shape(name)) if plain else scope.types.get(name, TypeProto()) for name in given}
    data = {name: numpy_helper.from_array(scope.constants[name], name) for name in given if name in scope.constants}
    opsets = [helper.make_opsetid(domain, number) for domain, number in scope.opsets.items()]
    reason = ""
    # Operator sets older than a float format refuse it, though the shapes would be the same
    for attempt in (0, 1):
        kinds = {name: _as_float(kind) for name, kind in types.items()} if attempt else types
        try:
            found = shape_inference.infer_node_outputs(schema, node, kinds, data, opset_imports=opsets)
            return found, "has a size that depends on data"
        except Exception as error:  # InferenceError, and what malformed nodes raise besides
            lines = str(error).strip().splitlines() or [type(error).__name__]
            reason = reason or f"is not valid: {lines[0][:200]}"
    return {}, reason


def _as_float(kind: TypeProto) -> TypeProto:
    """The type with a float of any other width, or of eight bits and fewer, taken for a plain one."""
    return tensor_type(shape_of(kind)) if kind.tensor_type.elem_type in _other_floats() else kind


@cache
def _other_floats() -> frozenset[int]:
    from onnx import TensorProto

    names = ("DOUBLE", "FLOAT16", "BFLOAT16", "FLOAT8", "FLOAT4")
    return frozenset(number for name, number in TensorProto.DataType.items() if name.startswith(names))


def _best(inferred: TypeProto | None, declared: TypeProto | None, by_rule: Any) -> TypeProto:
    """The first type with a whole shape; else what inference and declaration know together."""
    for candidate in (inferred, declared):
        if whole(shape_of(candidate)) is not None or (
            candidate is not None and candidate.WhichOneof("value") not in (None, "tensor_type")
        ):
            assert candidate is not None
            return candidate
    elem_type = inferred.tensor_type.elem_type if inferred is not None else 0
    elem_type = elem_type or (declared.tensor_type.elem_type if declared is not None else 0) or 1
    shape, stated, rule = shape_of(inferred), shape_of(declared), by_rule()
    for other in (rule, stated):
        if shape is None:
            shape = other
        elif other is not None and len(other) == len(shape):
            shape = tuple(mine if mine is not None else theirs for mine, theirs in zip(shape, other, strict=True))
    return tensor_type(shape, elem_type)


def _by_rule(op: Op) -> Shape | None:
    """The shape of the first output by our own rules, for what ONNX's inference leaves open."""
    kind, first = op.node.op_type, op.scope.shape(op.node.input[0]) if op.has(0) else None
    if kind in _SAME:
        return first
    if op.node.domain != _MICROSOFT or first is None:
        return None
    return _microsoft(op, as_standard(op.node).op_type, first)


def _microsoft(op: Op, kind: str, first: Shape) -> Shape | None:
    second = op.scope.shape(op.node.input[1]) if op.has(1) else None
    if kind == "FusedMatMul" and second is not None and min(len(first), len(second)) >= 2:
        rows = first[-1] if op.attribute("transA", 0) else first[-2]
        columns = second[-2] if op.attribute("transB", 0) else second[-1]
        longer = first if len(first) >= len(second) else second
        return (*longer[:-2], rows, columns)
    if kind == "MatMulNBits":
        return (*first[:-1], op.integer("N", 0))
    if kind == "EmbedLayerNormalization" and op.has(2):
        table = op.scope.shape(op.node.input[2])
        return (*first, table[-1]) if table else None
    if kind == "Attention" and second:
        return (*first[:-1], op.integers("qkv_hidden_sizes", [(second[-1] or 0) // 3] * 3)[-1])
    if kind == "MultiHeadAttention":
        value = op.scope.shape(op.node.input[2]) if op.has(2) else None
        if value is not None and len(first) == 3 and len(value) in (3, 4):
            return (*first[:-1], value[-1] if len(value) == 3 else _product(value[1], value[3]))
        return (*first[:2], _product(first[2], first[4])) if len(first) == 5 else first
    if kind == "GroupQueryAttention":
        heads, kv_heads = op.integer("num_heads", 0), op.integer("kv_num_heads", 0)
        packed = not op.has(1) and heads > 0 and kv_heads > 0
        return (*first[:-1], first[-1] // (heads + 2 * kv_heads) * heads) if packed and first[-1] else first
    return None


def _product(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a * b


def _cause(op: Op) -> str | None:
    """Why an operand has no known shape: the first reason along the way to this operator."""
    for name in op.node.input:
        if name and whole(op.scope.shape(name)) is None:
            return op.scope.why.get(name, f"nothing produces {name!r} before {op.kind} {op.name!r} reads it")
    return None


def _constant(op: Op) -> bool:
    """Enter the value of a Constant; whether it was found."""
    import numpy as np

    name = op.node.output[0]
    for attribute in op.node.attribute:
        if attribute.name == "value":
            op.scope.add_stored(name, attribute.t)
            return True
        if attribute.name in ("value_int", "value_ints", "value_float", "value_floats"):
            kind = np.int64 if "int" in attribute.name else np.float32
            op.scope.add_constant(name, np.asarray(op.attribute(attribute.name), kind))
            return True
    return False


def _fold(op: Op) -> None:
    """Compute an operator of shape arithmetic; its outputs are constants then."""
    import numpy as np

    node, scope = op.node, op.scope
    if node.domain not in ("", "ai.onnx"):
        return
    if node.op_type in ("Shape", "Size"):
        shape = scope.known(node.input[0]) if op.has(0) else None
        if shape is not None and node.output and math.prod(shape) < 2**63:
            part = shape[op.integer("start", 0) : op.integer("end", len(shape))]
            value = part if node.op_type == "Shape" else math.prod(shape)
            scope.add_constant(node.output[0], np.asarray(value, np.int64))
        return
    if node.op_type not in _FOLDED or any(name and name not in scope.constants for name in node.input):
        return
    if node.op_type not in _DATA_DEPENDENT:
        sizes = [scope.known(name) for name in node.output if name]
        if any(size is None or math.prod(size) > SMALL for size in sizes):
            return
    for name, value in _compute(op).items():
        scope.add_constant(name, value)


def _compute(op: Op) -> dict[str, Any]:
    """The outputs by ONNX's reference implementation, or nothing when that fails."""
    import numpy as np
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    inputs = list(dict.fromkeys(name for name in op.node.input if name))
    outputs = [name for name in op.node.output if name]
    opsets = [helper.make_opsetid("", op.scope.opsets.get("", 1))]
    try:
        with warnings.catch_warnings(action="ignore"):
            function = helper.make_function("archloom", "fold", inputs, outputs, [op.node], opsets)
            feeds = {name: op.scope.constants[name] for name in inputs}
            results = ReferenceEvaluator(function).run(None, feeds, {})
    except Exception:  # a malformed node: its value stays unknown
        return {}
    arrays = {name: np.asarray(result) for name, result in zip(outputs, results, strict=False)}
    return {name: array for name, array in arrays.items() if array.size <= SMALL and array.dtype.kind in "iufb"}
