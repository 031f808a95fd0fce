"""Which layers an ATen operator computes: convolutions, matrix products, attention and recurrent cells."""

from __future__ import annotations

import math
from collections.abc import Callable

from archloom.errors import InputError
from archloom.interop.torch.call import Call, shape_of
from archloom.workload import layers
from archloom.workload.einsum import Workload
from archloom.workload.network import Layer, Skipped

__all__ = ["lower", "takes_products"]

Parts = list[Layer | Skipped]


def takes_products(kind: str) -> bool:
    """Whether an operator, such as `aten.conv2d`, is one that `lower` has a rule for."""
    return kind in _RULES or kind in _UNREAD


def lower(call: Call) -> Parts | None:
    """The layers of a call, and what of it is skipped; None when it computes no products.

    Raises InputError when a shape does not fit, or the operator is one that hides several layers.
    """
    if call.kind in _UNREAD:
        raise InputError(
            "it hides several layers", hint="give torch.export.export(...).run_decompositions() instead of the module"
        )
    rule = _RULES.get(call.kind)
    return rule(call) if rule is not None else None


def _conv(call: Call) -> Parts:
    data, kernel, output = call.shape(0), call.shape(1), call.output_shape()
    if call.get("transposed", False):
        return _conv_transpose(call)
    axes = len(kernel) - 2
    workload = layers.convolution(
        call.name,
        N=_batch(data, axes),
        M=kernel[0],
        C=data[-axes - 1],
        outputs=output[-axes:],
        kernel=kernel[2:],
        stride=call.numbers("stride", axes),
        dilation=call.numbers("dilation", axes),
        groups=call.get("groups", 1),
    )
    return [_layer(workload, stored=call.is_stored(1))]


def _conv_transpose(call: Call) -> Parts:
    data, kernel, groups = call.shape(0), call.shape(1), call.get("groups", 1)
    axes = len(kernel) - 2
    workloads = layers.transposed_convolution(
        call.name,
        N=_batch(data, axes),
        M=kernel[1] * groups,
        C=data[-axes - 1],
        inputs=data[-axes:],
        kernel=kernel[2:],
        stride=call.numbers("stride", axes),
        dilation=call.numbers("dilation", axes),
        groups=groups,
    )
    return [_layer(workload, stored=call.is_stored(1)) for workload in workloads]


def _batch(data: tuple[int, ...], axes: int) -> int:
    if len(data) not in (axes + 1, axes + 2):
        raise InputError(f"an input of the shape {data} for {axes} spatial axes")
    return data[0] if len(data) == axes + 2 else 1


def _linear(call: Call) -> Parts:
    data, weights = call.shape(0), call.shape(1)
    return [_layer(layers.matmul(data, weights[::-1], call.name), stored=call.is_stored(1))]


def _matmul(call: Call, first: int = 0) -> Parts:
    a, b = call.factors(first)
    if 0 in (*a, *b):
        return [Skipped(call.name, call.kind, 0, "an operand has no elements")]
    stored = call.is_stored(first), call.is_stored(first + 1)
    workload = layers.matmul(a, b, call.name, weights=0 if stored == (True, False) else 1)
    return [_layer(workload, stored=any(stored))]


def _added_matmul(call: Call) -> Parts:
    """`addmm` and its kin: the matrix to add comes first."""
    return _matmul(call, 1)


def _summed_matmul(call: Call) -> Parts:
    """`addbmm`: the products of a batch are summed."""
    return [
        _layer(layers.contraction("bmk,bkn->mn", [call.shape(1), call.shape(2)], call.name), stored=call.is_stored(2))
    ]


def _einsum(call: Call) -> Parts:
    operands = call.operand(1)
    shapes = [shape_of(operand) for operand in operands]
    if len(shapes) == 1:
        operations = max(math.prod(shapes[0]), call.output_elements() or 0)
        return [Skipped(call.name, call.kind, operations, "of one operand")]
    stored = [number for number, operand in enumerate(operands) if operand in call.stored]
    workload = layers.contraction(call.operand(0), shapes, call.name, weights=stored[0] if stored else 1)
    return [_layer(workload, stored=bool(stored))]


def _tensordot(call: Call) -> Parts:
    a, b, left, right = call.shape(0), call.shape(1), call.operand(2), call.operand(3)
    if len(a) + len(b) > 40:
        raise InputError(f"operands with {len(a)} and {len(b)} axes; expected fewer")
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    first, second = list(letters[: len(a)]), list(letters[len(a) : len(a) + len(b)])
    for one, other in zip(left, right, strict=True):
        second[other] = first[one]
    output = [label for label in first + second if (label in first) != (label in second)]
    equation = f"{''.join(first)},{''.join(second)}->{''.join(output)}"
    return [_layer(layers.contraction(equation, [a, b], call.name), stored=call.is_stored(1))]


def _bilinear(call: Call) -> Parts:
    shapes = [call.shape(0), call.shape(2), call.shape(1)]
    return [_layer(layers.contraction("...i,oij,...j->...o", shapes, call.name), stored=call.is_stored(2))]


def _attention(call: Call) -> Parts:
    query, key, value = call.shape(0), call.shape(1), call.shape(2)
    if min(len(query), len(key), len(value)) < 2:
        raise InputError(f"queries of the shape {query}, keys {key}, values {value}")
    heads, kv_heads = (shape[-3] if len(shape) > 2 else 1 for shape in (query, key))
    name, batch, (rows, size) = call.name, math.prod(query[:-3]), query[-2:]
    pair = layers.attention(name, B=batch, heads=heads, kv_heads=kv_heads, M=rows, N=key[-2], K=size, V=value[-1])
    softmax = Skipped(f"{name}.softmax", call.kind, batch * heads * rows * key[-2], "softmax of the scores")
    return [_layer(pair[0], stored=False), softmax, _layer(pair[1], stored=False)]


def _recurrent(call: Call) -> Parts:
    """All layers and directions: the inputs of all steps in one product, and a product per step for the state."""
    data, both = call.shape(0), bool(call.get("bidirectional", False))
    depth, biases = call.get("num_layers", 1), bool(call.get("has_biases", True))
    weights = [shape_of(weight) for weight in call.get("params", [])]
    directions = 2 if both else 1
    cell, rest = divmod(len(weights), depth * directions)
    if rest or cell < 2 or len(data) not in (2, 3):
        raise InputError("its arguments are not those of a plain recurrent layer; packed sequences are not read")
    steps, batch = (
        (data[0], 1) if len(data) == 2 else (data[1], data[0]) if call.get("batch_first", False) else data[:2]
    )
    parts: Parts = []
    for layer in range(depth):
        fed, state = weights[layer * directions * cell :][:2]
        parts += _cell(f"{call.name}.l{layer}", fed, state, steps, batch, directions)
        if cell == (5 if biases else 3):
            smaller = weights[layer * directions * cell + cell - 1]
            project = layers.gemm(f"{call.name}.l{layer}.projection", M=batch, N=smaller[0], K=smaller[1])
            parts.append(Layer(project, directions * steps, weight_words=directions * math.prod(smaller)))
    return parts


def _one_step(call: Call) -> Parts:
    """A single cell: input, state (or states), and the two weight matrices."""
    data, weights = call.shape(0), [shape_of(call.get(name)) for name in ("w_ih", "w_hh")]
    return _cell(call.name, weights[0], weights[1], 1, data[0] if len(data) == 2 else 1, 1)


def _cell(name: str, fed: tuple[int, ...], state: tuple[int, ...], steps: int, batch: int, directions: int) -> Parts:
    return [
        Layer(
            layers.gemm(f"{name}.input", M=steps * batch, N=fed[0], K=fed[1]),
            directions,
            weight_words=directions * math.prod(fed),
        ),
        Layer(
            layers.gemm(f"{name}.state", M=batch, N=state[0], K=state[1]),
            directions * steps,
            weight_words=directions * math.prod(state),
        ),
        Skipped(f"{name}.gates", "gates", directions * steps * batch * fed[0]),
    ]


def _layer(workload: Workload, *, stored: bool) -> Layer:
    return Layer(workload, weight_words=-1 if stored else 0)


_BY_RULE: dict[Callable[[Call], Parts], str] = {
    _conv: "conv1d conv2d conv3d convolution _convolution cudnn_convolution mkldnn_convolution",
    _conv_transpose: "conv_transpose1d conv_transpose2d conv_transpose3d",
    _linear: "linear mkldnn_linear",
    _matmul: "matmul mm bmm mv dot vdot _int_mm _scaled_mm",
    _added_matmul: "addmm baddbmm addmv",
    _summed_matmul: "addbmm",
    _einsum: "einsum",
    _tensordot: "tensordot",
    _bilinear: "bilinear",
    _attention: """scaled_dot_product_attention _scaled_dot_product_attention_math _scaled_dot_product_flash_attention
        _scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_efficient_attention
        _scaled_dot_product_cudnn_attention _scaled_dot_product_fused_attention_overrideable""",
    _recurrent: "lstm gru rnn_tanh rnn_relu",
    _one_step: "lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell",
}
_RULES = {f"aten.{name}": rule for rule, names in _BY_RULE.items() for name in names.split()} | {
    "flex_attention": _attention
}

_UNREAD = frozenset(
    f"aten.{name}"
    for name in """_native_multi_head_attention _transformer_encoder_layer_fwd _trilinear chain_matmul conv_tbc inner linalg_multi_dot
    linalg_matrix_power mkldnn_rnn_layer quantized_lstm quantized_gru""".split()  # noqa: SIM905
)
