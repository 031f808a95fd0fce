"""Which layers an ONNX operator computes: convolutions, matrix products, attention and recurrent cells, in all their spellings."""

from __future__ import annotations

import math
from collections.abc import Callable

from archloom.errors import InputError
from archloom.interop.onnx.infer import as_standard
from archloom.interop.onnx.scope import Op
from archloom.workload import layers
from archloom.workload.einsum import Workload
from archloom.workload.network import Layer, Skipped

__all__ = ["lower"]

Parts = list[Layer | Skipped]


def lower(op: Op) -> Parts | None:
    """The layers of an operator, and what of it is skipped; None when it computes no products.

    Raises InputError when a shape is missing or does not fit.
    """
    node = as_standard(op.node)
    domain = "" if node.domain == "ai.onnx" else node.domain
    rule = _RULES.get((domain, node.op_type))
    if rule is None:
        return None
    return rule(Op(node, op.scope) if node is not op.node else op)


def _conv(op: Op, weights: int = 1) -> Parts:
    data, kernel, output = op.shape(0), op.shape(weights), op.output_shape()
    groups, axes = op.integer("group", 1), len(kernel) - 2
    _check(len(data) == len(output) == len(kernel) and axes >= 1, f"operands of the shapes {data} and {kernel}")
    _check(groups >= 1 and data[1] == kernel[1] * groups, f"{data[1]} channels in {groups} groups of {kernel[1]}")
    workload = layers.convolution(
        op.name,
        N=data[0],
        M=kernel[0],
        C=data[1],
        outputs=output[2:],
        kernel=kernel[2:],
        stride=op.integers("strides", [1] * axes),
        dilation=op.integers("dilations", [1] * axes),
        groups=groups,
    )
    return [_layer(workload, op.is_stored(weights))]


def _conv_transpose(op: Op) -> Parts:
    data, kernel = op.shape(0), op.shape(1)
    groups, axes = op.integer("group", 1), len(kernel) - 2
    _check(len(data) == len(kernel) and axes >= 1, f"operands of the shapes {data} and {kernel}")
    _check(groups >= 1 and data[1] == kernel[0], f"{data[1]} input channels for weights of {kernel[0]}")
    workloads = layers.transposed_convolution(
        op.name,
        N=data[0],
        M=kernel[1] * groups,
        C=data[1],
        inputs=data[2:],
        kernel=kernel[2:],
        stride=op.integers("strides", [1] * axes),
        dilation=op.integers("dilations", [1] * axes),
        groups=groups,
    )
    return [_layer(workload, op.is_stored(1)) for workload in workloads]


def _deform_conv(op: Op) -> Parts:
    sampled = math.prod(op.output_shape()[2:]) * math.prod(op.shape(1)[2:]) * math.prod(op.shape(0)[:2])
    return [*_conv(op), Skipped(op.name, op.kind, sampled, "samples between the pixels")]


def _matmul(op: Op, second: int = 1) -> Parts:
    return _product(op, op.shape(0), op.shape(second), second)


def _transposing_matmul(op: Op) -> Parts:
    _check(not op.attribute("transBatchA", 0) and not op.attribute("transBatchB", 0), "transBatchA or transBatchB")
    return _product(
        op, _transposed(op.shape(0), op.attribute("transA", 0)), _transposed(op.shape(1), op.attribute("transB", 0))
    )


def _gemm(op: Op) -> Parts:
    _check(len(op.shape(0)) == len(op.shape(1)) == 2, f"operands of the shapes {op.shape(0)} and {op.shape(1)}")
    return _transposing_matmul(op)


def _matmul_bits(op: Op) -> Parts:
    data, inner, columns = op.shape(0), op.integer("K", 0), op.integer("N", 0)
    return [_layer(layers.matmul(data, (inner, columns), op.name), stored=True)]


def _product(op: Op, a: tuple[int, ...], b: tuple[int, ...], second: int = 1) -> Parts:
    if 0 in (*a, *b):
        return [Skipped(op.name, op.kind, 0, "an operand has no elements")]
    stored = op.is_stored(0), op.is_stored(second)
    return [_layer(layers.matmul(a, b, op.name, weights=0 if stored == (True, False) else 1), any(stored))]


def _einsum(op: Op) -> Parts:
    equation, shapes = op.text("equation"), [op.shape(number) for number in range(len(op.node.input))]
    if len(shapes) == 1:
        return [Skipped(op.name, op.kind, max(math.prod(shapes[0]), math.prod(op.output_shape())), "of one operand")]
    stored = [number for number in range(len(shapes)) if op.is_stored(number)]
    weights = stored[0] if stored else 1
    return [_layer(layers.contraction(equation, shapes, op.name, weights=weights), bool(stored))]


def _attention(op: Op) -> Parts:
    """`Attention` of ONNX: operands of 3 axes (batch, position, heads x size) or 4 (batch, head, position, size)."""
    query, key, value, past = op.shape(0), op.shape(1), op.shape(2), op.maybe_shape(4)
    if len(query) == 3:
        heads, kv_heads = op.integer("q_num_heads", 0), op.integer("kv_num_heads", 0)
        query, key, value = _split(query, heads), _split(key, kv_heads), _split(value, kv_heads)
    _check(len(query) == len(key) == len(value) == 4, f"queries of the shape {query}, keys {key}, values {value}")
    return _scores(op, query, key[1], key[2] + (past[2] if past and len(past) == 4 else 0), value[3])


def _multi_head_attention(op: Op) -> Parts:
    """`MultiHeadAttention` of ONNX Runtime: separate, or packed as (batch, position, heads, 2 or 3, size)."""
    heads, query, past = op.integer("num_heads", 0), op.shape(0), op.maybe_shape(6)
    if len(query) == 5:
        batch, positions, heads, _, size = query
        return _scores(op, (batch, heads, positions, size), heads, positions, size)
    key = op.shape(1)
    if len(key) == 5:
        keys, values = key[1], key[4]
    else:
        value = op.shape(2)
        _check(len(key) in (3, 4) and len(value) in (3, 4), f"keys of the shape {key} and values {value}")
        keys = key[1] if len(key) == 3 else key[2]
        values = _split(value, heads)[3] if len(value) == 3 else value[3]
    return _scores(op, _split(query, heads), heads, keys + (past[2] if past and len(past) == 4 else 0), values)


def _grouped_query_attention(op: Op) -> Parts:
    """`GroupQueryAttention` of ONNX Runtime: keys as long as the total length where it is a constant, else past and new."""
    heads, kv_heads, query, past = (
        op.integer("num_heads", 0),
        op.integer("kv_num_heads", 0),
        op.shape(0),
        op.maybe_shape(3),
    )
    _check(
        len(query) == 3 and heads > 0 and kv_heads > 0, f"queries of the shape {query} for {heads} and {kv_heads} heads"
    )
    size = query[2] // (heads if op.has(1) else heads + 2 * kv_heads)
    keys = query[1] + (past[2] if past and len(past) == 4 else 0)
    total = op.scope.constants.get(op.node.input[6]) if op.has(6) else None
    if total is not None and total.size == 1:
        keys = int(total.reshape(-1)[0])
    return _scores(op, (query[0], heads, query[1], size), kv_heads, keys, size)


def _packed_attention(op: Op) -> Parts:
    """`Attention` of ONNX Runtime: the projection to queries, keys and values, and the attention."""
    data, projection, heads, past = op.shape(0), op.shape(1), op.integer("num_heads", 0), op.maybe_shape(4)
    _check(len(data) == 3 and len(projection) == 2, f"operands of the shapes {data} and {projection}")
    sizes = op.integers("qkv_hidden_sizes", [projection[1] // 3] * 3)
    _check(len(sizes) == 3 and sum(sizes) == projection[1], f"weights of the shape {projection} and sizes {sizes}")
    query = _split((*data[:2], sizes[0]), heads)
    keys = data[1] + (past[3] if past and len(past) == 5 else 0)
    project = _layer(layers.matmul(data, projection, f"{op.name}.qkv"), op.is_stored(1))
    return [project, *_scores(op, query, heads, keys, _split((*data[:2], sizes[2]), heads)[3])]


def _scores(op: Op, query: tuple[int, ...], kv_heads: int, keys: int, values: int) -> Parts:
    batch, heads, positions, size = query
    pair = layers.attention(op.name, B=batch, heads=heads, kv_heads=kv_heads, M=positions, N=keys, K=size, V=values)
    softmax = Skipped(f"{op.name}.softmax", op.kind, batch * heads * positions * keys, "softmax of the scores")
    return [_layer(pair[0], stored=False), softmax, _layer(pair[1], stored=False)]


def _split(shape: tuple[int, ...], heads: int) -> tuple[int, ...]:
    _check(len(shape) == 3 and heads > 0 and shape[2] % heads == 0, f"{heads} heads in a tensor of the shape {shape}")
    return shape[0], heads, shape[1], shape[2] // heads


def _recurrent(op: Op) -> Parts:
    """LSTM, GRU, RNN: the inputs of all steps in one product, and one product per step and direction for the state."""
    data, weights, recurrence = op.shape(0), op.shape(1), op.shape(2)
    _check(len(data) == len(weights) == len(recurrence) == 3, f"operands of the shapes {data}, {weights}, {recurrence}")
    batch_first = op.integer("layout", 0)
    steps, batch = (data[1], data[0]) if batch_first else data[:2]
    directions, gates, hidden = recurrence
    _check(weights[:2] == (directions, gates) and weights[2] == data[2], f"weights of the shape {weights}")
    fed = layers.gemm(f"{op.name}.input", M=steps * batch, N=gates, K=data[2])
    state = layers.gemm(f"{op.name}.state", M=batch, N=gates, K=hidden)
    return [
        Layer(fed, directions, weight_words=math.prod(weights) if op.is_stored(1) else 0),
        Layer(state, directions * steps, weight_words=math.prod(recurrence) if op.is_stored(2) else 0),
        Skipped(f"{op.name}.gates", op.kind, directions * steps * batch * gates, "gates"),
    ]


def _transposed(shape: tuple[int, ...], flag: object) -> tuple[int, ...]:
    return (*shape[:-2], shape[-1], shape[-2]) if flag and len(shape) >= 2 else shape


def _layer(workload: Workload, stored: bool) -> Layer:
    return Layer(workload, weight_words=-1 if stored else 0)


def _check(right: bool, found: str) -> None:
    if not right:
        raise InputError(f"{found} do not fit together")


def _quantised(rule: Callable[[Op, int], Parts]) -> Callable[[Op], Parts]:
    """The rule for an operator whose second operand comes after the scale and the zero point of the first."""
    return lambda op: rule(op, 3)


_RULES: dict[tuple[str, str], Callable[[Op], Parts]] = {
    ("", "Attention"): _attention,
    ("", "Conv"): _conv,
    ("", "ConvInteger"): _conv,
    ("", "ConvTranspose"): _conv_transpose,
    ("", "DeformConv"): _deform_conv,
    ("", "Einsum"): _einsum,
    ("", "GRU"): _recurrent,
    ("", "Gemm"): _gemm,
    ("", "LSTM"): _recurrent,
    ("", "MatMul"): _matmul,
    ("", "MatMulInteger"): _matmul,
    ("", "QLinearConv"): _quantised(_conv),
    ("", "QLinearMatMul"): _quantised(_matmul),
    ("", "RNN"): _recurrent,
    ("com.microsoft", "Attention"): _packed_attention,
    ("com.microsoft", "FusedMatMul"): _transposing_matmul,
    ("com.microsoft", "GroupQueryAttention"): _grouped_query_attention,
    ("com.microsoft", "MatMulNBits"): _matmul_bits,
    ("com.microsoft", "MultiHeadAttention"): _multi_head_attention,
}
