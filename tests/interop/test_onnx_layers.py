"""ONNX operators to layers: MACs against what ONNX's reference evaluator really computes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("onnx", reason="the onnx package is not installed")

from onnx import TensorProto, helper
from tests.interop.onnx_graphs import constant, model, node, output_shapes, value, weights

from archloom.errors import InputError
from archloom.interop.onnx import load_onnx

MICROSOFT = "com.microsoft"


def message(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(InputError) as caught:
        load_onnx(*args, **kwargs)
    return str(caught.value)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[list[int], list[int], dict[str, Any]]:
    """Shapes of data and kernel, and attributes, of a convolution that fits."""
    axes, groups = draw(st.integers(1, 3)), draw(st.sampled_from([1, 1, 2, 3]))
    kernel = [draw(st.integers(1, 3)) for _ in range(axes)]
    dilations = [draw(st.integers(1, 2)) for _ in range(axes)]
    sizes = [draw(st.integers(d * (k - 1) + 1, d * (k - 1) + 6)) for k, d in zip(kernel, dilations, strict=True)]
    channels = groups * draw(st.integers(1, 2))
    attributes: dict[str, Any] = {
        "group": groups,
        "dilations": dilations,
        "strides": [draw(st.integers(1, 3)) for _ in range(axes)],
    }
    padding = draw(st.sampled_from(["pads", "SAME_UPPER", "SAME_LOWER", "VALID", ""]))
    if padding == "pads":
        attributes["pads"] = [draw(st.integers(0, 2)) for _ in range(2 * axes)]
    elif padding:
        attributes["auto_pad"] = padding
        if padding != "VALID":
            attributes["dilations"] = [1] * axes
    data = [draw(st.integers(1, 2)), channels, *sizes]
    return data, [groups * draw(st.integers(1, 2)), channels // groups, *kernel], attributes


@settings(max_examples=60)
@given(convolutions())
def test_conv(case: tuple[list[int], list[int], dict[str, Any]]) -> None:
    data, kernel, attributes = case
    made = model([node("Conv", "x w", **attributes)], {"x": data}, [weights("w", *kernel)])
    (layer,) = load_onnx(made).layers
    output = output_shapes(made, "y")["y"]
    assert layer.macs == math.prod(output) * math.prod(kernel[1:])
    assert layer.weight_words == math.prod(kernel)
    bounds = layer.workload.bounds
    assert [bounds[dim] for dim in "DPQ" if dim in bounds] == list(output[2:])
    inputs = layer.workload.shape(layer.workload.tensor("Inputs"))
    windows = zip(kernel[2:], attributes["strides"], attributes["dilations"], output[2:], strict=True)
    assert inputs[-len(output[2:]) :] == tuple(s * (p - 1) + d * (k - 1) + 1 for k, s, d, p in windows)


@settings(max_examples=60)
@given(convolutions(), st.integers(0, 1))
def test_conv_transpose(case: tuple[list[int], list[int], dict[str, Any]], extra: int) -> None:
    data, kernel, attributes = case
    attributes.pop("auto_pad", None)
    kernel[:2] = [data[1], kernel[1]]
    made = model([node("ConvTranspose", "x w", **attributes)], {"x": data}, [weights("w", *kernel)])
    network = load_onnx(made)
    assert network.macs == data[0] * math.prod(data[2:]) * math.prod(kernel)
    assert network.weight_words == math.prod(kernel)


@settings(max_examples=60)
@given(st.lists(st.integers(1, 3), max_size=3), st.integers(0, 7), st.integers(0, 7), st.data())
def test_matmul(batch: list[int], ones_a: int, ones_b: int, data: st.DataObject) -> None:
    m, k, n = (data.draw(st.integers(1, 4)) for _ in range(3))
    a = [1 if ones_a >> axis & 1 else size for axis, size in enumerate(batch)] + [m, k]
    b = [1 if ones_b >> axis & 1 else size for axis, size in enumerate(batch)] + [k, n]
    stored = data.draw(st.sampled_from(["", "a", "b"]))
    shapes = {"a": a, "b": b}
    made = model(
        [node("MatMul", "a b")],
        {name: shape for name, shape in shapes.items() if name != stored},
        [weights(stored, *shapes[stored])] if stored else [],
    )
    (layer,) = load_onnx(made).layers
    assert layer.macs == math.prod(np.matmul(np.ones(a), np.ones(b)).shape) * k
    assert layer.weight_words == (math.prod(shapes[stored]) if stored else 0)
    kept = layer.workload.tensor("Weights")
    assert layer.workload.words(kept) == math.prod(shapes[stored or "b"])


@pytest.mark.parametrize("trans_a", [0, 1])
@pytest.mark.parametrize("trans_b", [0, 1])
@pytest.mark.parametrize("kind", ["Gemm", "FusedGemm", "FusedMatMul"])
def test_gemm(kind: str, trans_a: int, trans_b: int) -> None:
    a, b = (3, 2) if trans_a else (2, 3), (4, 3) if trans_b else (3, 4)
    domain = MICROSOFT if kind.startswith("Fused") else ""
    made = model(
        [node(kind, "a b", transA=trans_a, transB=trans_b, alpha=0.5, domain=domain), node("Relu", "y", "z")],
        {"a": a},
        [weights("b", *b)],
        outputs=("z",),
    )
    network = load_onnx(made)
    assert dict(network.layers[0].workload.bounds) == {"M": 2, "N": 4, "K": 3}
    assert network.skipped[0].operations == 2 * 4


def test_weights_on_the_left_become_the_weights() -> None:
    (layer,) = load_onnx(model([node("MatMul", "w x")], {"x": (5, 7)}, [weights("w", 3, 5)])).layers
    assert dict(layer.workload.bounds) == {"M": 7, "N": 3, "K": 5}
    assert layer.weight_words == 15


def test_weights_through_a_transpose_or_dequantisation_are_stored() -> None:
    nodes = [
        node("DequantizeLinear", "q scale", "d"),
        node("Transpose", "d", "t", perm=[1, 0]),
        node("MatMul", "x t"),
    ]
    stored = [weights("q", 6, 5, kind=np.int8), constant("scale", 0.5, np.float32)]
    network = load_onnx(model(nodes, {"x": (2, 5)}, stored))
    assert network.weight_words == 30
    assert network.skipped == ()


@pytest.mark.parametrize(
    ("equation", "shapes", "macs"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)], 24),
        ("bhid,bhjd->bhij", [(2, 3, 4, 5), (2, 3, 6, 5)], 2 * 3 * 4 * 5 * 6),
        ("...ij,...jk->...ik", [(7, 2, 3), (7, 3, 4)], 7 * 24),
        ("bij,jk", [(2, 3, 4), (4, 5)], 120),
        ("ikl,kj,lj->ij", [(2, 3, 4), (3, 5), (4, 5)], 120),
    ],
)
def test_einsum(equation: str, shapes: list[tuple[int, ...]], macs: int) -> None:
    inputs = {f"x{number}": shape for number, shape in enumerate(shapes)}
    made = model([node("Einsum", " ".join(inputs), equation=equation)], inputs)
    assert load_onnx(made).macs == macs


def test_einsum_of_one_operand_is_skipped() -> None:
    nodes = [node("Einsum", "x", "s", equation="ij->i"), node("MatMul", "x w")]
    network = load_onnx(model(nodes, {"x": (4, 6)}, [weights("w", 6, 2)]))
    assert [(part.op, part.operations, part.note) for part in network.skipped] == [("Einsum", 24, "of one operand")]


def test_quantised_operators() -> None:
    kinds = {"x": TensorProto.UINT8, "m": TensorProto.UINT8}
    stored = [
        weights("s", kind=np.float32),
        weights("z", kind=np.uint8),
        weights("w", 4, 3, 2, 2, kind=np.uint8),
        weights("v", 6, 5, kind=np.uint8),
    ]
    nodes = [
        node("QLinearConv", "x s z w s z s z", "a"),
        node("ConvInteger", "x w z z", "b", strides=[2, 2]),
        node("QLinearMatMul", "m s z v s z s z", "c"),
        node("MatMulInteger", "m v z z", "d"),
        node("QLinearConv", "x s z w s z s z", "e", domain=MICROSOFT),
        node("QGemm", "m s z v s z", "f", domain=MICROSOFT),
        node("MatMulIntegerToFloat", "m v s s", "g", domain=MICROSOFT),
    ]
    network = load_onnx(model(nodes, {"x": (1, 3, 5, 5), "m": (2, 6)}, stored, "abcdefg", kinds=kinds))
    conv, small, gemm = 4 * 3 * 4 * 4 * 4, 4 * 3 * 4 * 2 * 2, 2 * 6 * 5
    assert network.macs == 2 * conv + small + 4 * gemm
    assert network.layer("f").count == 4
    assert not network.skipped


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_recurrent_layers(kind: str, direction: str) -> None:
    gates, directions = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind], 2 if direction == "bidirectional" else 1
    steps, batch, features, hidden = 7, 3, 5, 4
    stored = [weights("w", directions, gates * hidden, features), weights("r", directions, gates * hidden, hidden)]
    made = model(
        [node(kind, "x w r", hidden_size=hidden, direction=direction), node("Relu", "y", "z")],
        {"x": (steps, batch, features)},
        stored,
        outputs=("z",),
    )
    network = load_onnx(made)
    assert network.macs == directions * steps * batch * gates * hidden * (features + hidden)
    assert network.weight_words == directions * gates * hidden * (features + hidden)
    assert network.skipped[1].operations == steps * directions * batch * hidden


def attention_macs(batch: int, heads: int, rows: int, keys: int, size: int, values: int) -> int:
    return batch * heads * rows * keys * (size + values)


def test_attention_of_onnx() -> None:
    four = {"q": (2, 8, 5, 4), "k": (2, 2, 7, 4), "v": (2, 2, 7, 6), "pk": (2, 2, 3, 4), "pv": (2, 2, 3, 6)}
    network = load_onnx(model([node("Attention", "q k v - pk pv", "y nk nv")], four, opset=23))
    assert network.macs == attention_macs(2, 8, 5, 10, 4, 6)
    assert network.layers[0].workload.bounds["B"] == 4, "two sequences with two key-value heads"
    assert network.skipped[0].operations == 2 * 8 * 5 * 10
    three = {"q": (2, 5, 32), "k": (2, 7, 8), "v": (2, 7, 12)}
    made = model([node("Attention", "q k v", q_num_heads=8, kv_num_heads=2)], three, opset=23)
    assert load_onnx(made).macs == attention_macs(2, 8, 5, 7, 4, 6)
    assert output_shapes(made, "y")["y"] == (2, 5, 48)


def test_attention_of_onnx_runtime() -> None:
    made = model(
        [node("Attention", "x w", "y", domain=MICROSOFT, num_heads=4), node("MatMul", "y p", "z")],
        {"x": (2, 5, 16)},
        [weights("w", 16, 48), weights("p", 16, 3)],
        outputs=("z",),
    )
    assert load_onnx(made).macs == 10 * 16 * 48 + attention_macs(2, 4, 5, 5, 4, 4) + 10 * 16 * 3
    made = model(
        [node("MultiHeadAttention", "q k v", "y", domain=MICROSOFT, num_heads=4), node("MatMul", "y p", "z")],
        {"q": (2, 5, 16), "k": (2, 7, 16), "v": (2, 7, 24)},
        [weights("p", 24, 3)],
        outputs=("z",),
    )
    assert load_onnx(made).macs == attention_macs(2, 4, 5, 7, 4, 6) + 10 * 24 * 3
    past = {"q": (2, 1, 64), "k": (2, 1, 16), "v": (2, 1, 16), "pk": (2, 2, 9, 8), "pv": (2, 2, 9, 8)}
    grouped = node("GroupQueryAttention", "q k v pk pv s t", "y nk nv", domain=MICROSOFT, num_heads=8, kv_num_heads=2)
    stored = [constant("s", [9, 9], np.int32), constant("t", 10, np.int32)]
    assert load_onnx(model([grouped], past, stored)).macs == attention_macs(2, 8, 1, 10, 8, 8)


def test_quantised_weights_of_onnx_runtime() -> None:
    bits = node("MatMulNBits", "x w s", domain=MICROSOFT, K=64, N=16, bits=4, block_size=32)
    network = load_onnx(model([bits], {"x": (2, 3, 64)}, [weights("w", 16, 2, 16, kind=np.uint8), weights("s", 32)]))
    assert dict(network.layers[0].workload.bounds) == {"M": 6, "N": 16, "K": 64}
    assert network.weight_words == 64 * 16


def test_skipped_operators_count_by_one_rule() -> None:
    nodes = [
        node("Conv", "x w", "c", pads=[1, 1, 1, 1]),
        node("BatchNormalization", "c s s s s", "n"),
        node("Relu", "n", "r"),
        node("MaxPool", "r", "m", kernel_shape=[3, 2], strides=[2, 2]),
        node("GlobalAveragePool", "m", "g"),
        node("Flatten", "g", "f"),
        node("Softmax", "f", "e"),
        node("ReduceSum", "e", "y", keepdims=0),
    ]
    network = load_onnx(model(nodes, {"x": (1, 3, 8, 8)}, [weights("w", 4, 3, 3, 3), weights("s", 4)]))
    assert {part.op: part.operations for part in network.skipped} == {
        "BatchNormalization": 4 * 64,
        "Relu": 4 * 64,
        "MaxPool": 4 * 3 * 4 * 6,
        "GlobalAveragePool": 4 * 3 * 4,
        "Flatten": 0,
        "Softmax": 4,
        "ReduceSum": 4,
    }
    total = sum(part.operations or 0 for part in network.skipped)
    assert network.skipped_share == pytest.approx(total / (total + 2 * network.macs))


def test_an_unknown_operator_is_listed_with_the_reason() -> None:
    nodes = [node("MatMul", "x w", "a"), node("Mystery", "a", domain="local")]
    network = load_onnx(model(nodes, {"x": (2, 3)}, [weights("w", 3, 4)]))
    (part,) = network.skipped
    assert (part.op, part.operations) == ("local::Mystery", None)
    assert part.note == "operations unknown: local::Mystery 'y' is no operator that archloom knows"


def test_nothing_to_count_in_an_empty_operand() -> None:
    nodes = [node("MatMul", "x w", "a"), node("MatMul", "e f", "b")]
    stored = [weights("w", 3, 4), weights("f", 3, 4)]
    made = model([*nodes, node("Slice", "x z z", "e")], {"x": (2, 3)}, [*stored, constant("z", [0])], "ab")
    made.graph.node.insert(0, made.graph.node.pop())
    network = load_onnx(made)
    assert [(part.name, part.operations, part.note) for part in network.skipped] == [
        ("e", 0, "moves data"),
        ("b", 0, "an operand has no elements"),
    ]


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([node("Conv", "x w", name="conv1")], "Conv 'conv1': 5 channels in 1 groups of 3 do not fit together"),
        ([node("Conv", "x w", group=2, name="c")], "Conv 'c': 5 channels in 2 groups of 3 do not fit together"),
        ([node("MatMul", "x w")], "MatMul 'y': shapes (1, 5, 8, 8) and (4, 3, 2, 2) do not multiply"),
        ([node("Gemm", "x w")], "operands of the shapes (1, 5, 8, 8) and (4, 3, 2, 2) do not fit together"),
        ([node("MatMul", "x nowhere")], "the shape of 'nowhere' is not known: nothing before it produces it"),
        (
            [node("Mystery", "x", "m", domain="local"), node("Conv", "m w")],
            "local::Mystery 'm' is no operator that archloom knows",
        ),
        (
            [node("Conv", "x w", strides=1.5)],
            "the shape of 'y' is not known: Conv 'y' is not valid: Mismatched attribute type",
        ),
        ([node("Einsum", "x w", equation="a,b")], "does not fit operands of the shapes (1, 5, 8, 8), (4, 3, 2, 2)"),
        ([node("NonZero", "x", "i"), node("MatMul", "i i")], "NonZero 'i' has a size that depends on data"),
    ],
)
def test_faults_name_the_operator(nodes: list[Any], expected: str) -> None:
    found = message(model(nodes, {"x": (1, 5, 8, 8)}, [weights("w", 4, 3, 2, 2)]))
    assert expected in found
    assert found.startswith("graph: ")


def test_a_name_may_be_given_once() -> None:
    nodes = [node("MatMul", "x w", "a"), node("Relu", "a", "w"), node("Neg", "a", "a")]
    found = message(model(nodes, {"x": (2, 8)}, [weights("w", 8, 8)]))
    assert found.splitlines() == [
        "graph: Relu 'w': the name 'w' of its output is taken",
        "graph: Neg 'a': the name 'a' of its output is taken",
    ]


def test_all_faults_at_once() -> None:
    nodes = [node("Conv", "x w", f"y{number}", name=f"c{number}") for number in range(3)]
    found = message(model(nodes, {"x": (1, 5, 8, 8)}, [weights("w", 4, 3, 2, 2)], ("y0",)))
    assert [line.split("'")[1] for line in found.splitlines()] == ["c0", "c1", "c2"]


def test_a_graph_without_layers_is_refused() -> None:
    found = message(model([node("Relu", "x")], {"x": (2, 2)}))
    assert found == "graph: the network 'graph' has no layers: all of its operators are skipped (Relu)"


def test_old_models_list_their_weights_among_the_inputs() -> None:
    made = model([node("MatMul", "x w")], {"x": (2, 3)}, [weights("w", 3, 4)])
    made.graph.input.append(value("w", ("rows", 4)))
    made.ir_version = 3
    assert load_onnx(made).weight_words == 12


def test_names_come_from_the_nodes() -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="/encoder/fc"), node("MatMul", "y w", "z")]
    network = load_onnx(model(nodes, {"x": (4, 4)}, [weights("w", 4, 4)], ("z",)), name="mine")
    assert network.name == "mine"
    assert network.layers[0].names == ("/encoder/fc", "z")
