"""ONNX graphs: symbolic dimensions, shape arithmetic, nested graphs, local functions, and the totals of real models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the onnx package is not installed")

from onnx import TensorProto, helper
from tests.interop.onnx_graphs import OPSET, constant, model, node, output_shapes, value, weights

from archloom.errors import InputError
from archloom.interop.onnx import load_onnx

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "onnx"


def message(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(InputError) as caught:
        load_onnx(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "macs", "distinct"),
    [("resnet18", 1_814_073_344, 12), ("mobilenetv2", 300_774_272, 31), ("attention_head", 14_680_064, 3)],
)
def test_real_graphs_give_their_totals(name: str, macs: int, distinct: int) -> None:
    path = REFERENCE / f"{name}.onnx"
    if not path.is_file():
        pytest.skip("the reference graphs are not here")
    network = load_onnx(path)
    assert (network.macs, len(network.layers)) == (macs, distinct)
    assert network.skipped
    assert network.name == name


LINEAR = [node("MatMul", "x w")]


def test_symbolic_dimensions_need_sizes() -> None:
    made = model(LINEAR, {"x": ("batch", "sequence", None, 8)}, [weights("w", 8, 4)])
    assert message(made) == (
        "graph: the inputs have dimensions without a size: batch (of x[0]), sequence (of x[1]), x[2] "
        "(give them: dims={'batch': 1, 'sequence': 1, 'x[2]': 1})"
    )
    assert "without a size: x[2]" in message(made, dims={"batch": 1, "sequence": 2})
    assert load_onnx(made, dims={"batch": 3, "sequence": 5, "x[2]": 7}).macs == 3 * 5 * 7 * 8 * 4


def test_dims_are_checked() -> None:
    made = model(LINEAR, {"x": ("batch", 8)}, [weights("w", 8, 4)])
    assert "no symbolic dimension 'Batch' (did you mean 'batch'?)" in message(made, dims={"batch": 1, "Batch": 2})
    assert "'batch' is given as 0; expected an integer from 1 to 2**40" in message(made, dims={"batch": 0})
    fixed = model(LINEAR, {"x": (2, 8)}, [weights("w", 8, 4)])
    assert "no symbolic dimension 'n' (all dimensions of its inputs have sizes)" in message(fixed, dims={"n": 1})


def test_an_input_without_a_shape_is_named_where_it_matters() -> None:
    made = model([*LINEAR], {}, [weights("w", 8, 4)])
    made.graph.input.append(value("x", None))
    assert "the shape of 'x' is not known: the input has no shape in the file" in message(made)


def test_shapes_computed_in_the_graph_are_followed() -> None:
    """A reshape to heads whose sizes come from the input's own shape, as exporters write it."""
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "batch"),
        node("Gather", "s one", "rows"),
        node("Unsqueeze", "batch axis", "batch1"),
        node("Unsqueeze", "rows axis", "rows1"),
        node("Div", "width heads", "size"),
        node("Concat", "batch1 rows1 heads size", "split", axis=0),
        node("Reshape", "x split", "h"),
        node("Transpose", "h", "q", perm=[0, 2, 1, 3]),
        node("Transpose", "h", "k", perm=[0, 2, 3, 1]),
        node("MatMul", "q k"),
    ]
    stored = [
        constant("zero", 0),
        constant("one", 1),
        constant("axis", [0]),
        constant("width", [32]),
        constant("heads", [4]),
    ]
    made = model(nodes, {"x": ("n", "t", 32)}, stored)
    network = load_onnx(made, dims={"n": 2, "t": 6})
    assert network.macs == 2 * 4 * 6 * 6 * 8
    assert {part.op for part in network.skipped} == {"Reshape", "Transpose"}, (
        "shape arithmetic is no work of the network"
    )


@pytest.mark.parametrize(
    "nodes",
    [
        [node("ConstantOfShape", "two", "f"), node("Expand", "x f2", "y1"), node("MatMul", "y1 w")],
        [node("Shape", "x", "s", start=1), node("Concat", "m1 s", "t", axis=0), node("Reshape", "x t", "r"), node("MatMul", "r w")],
        [node("Size", "x", "n"), node("Reshape", "n one", "n1"), node("Reshape", "x n1", "r"), node("MatMul", "r v")],
        [node("Range", "a b c", "i"), node("Gather", "x i", "g"), node("MatMul", "g w")],
        [node("NonZero", "pick", "i"), node("Reshape", "i m1", "j"), node("Gather", "x j", "g"), node("MatMul", "g w")],
        [node("Slice", "x from to axis", "g"), node("MatMul", "g w")],
        [node("Shape", "x", "s"), node("Split", "s", "h1 h2", num_outputs=2), node("Concat", "h1 h2", "t", axis=0), node("Reshape", "x t", "g"), node("MatMul", "g w")],
        [node("Tile", "x rep", "g"), node("MatMul", "g w")],
        [node("TopK", "x one", "g i", axis=0), node("MatMul", "g w")],
        [node("Resize", "x - - sizes", "g"), node("MatMul", "g w")],
        [node("Pad", "x pads", "g"), node("MatMul", "g w")],
    ],
    ids=lambda nodes: nodes[0].op_type,
)  # fmt: skip
def test_shapes_agree_with_the_reference_evaluator(nodes: list[Any]) -> None:
    stored = [
        *(
            constant(name, data)
            for name, data in {"two": [2], "f2": [6, 8], "m1": [-1], "one": [1], "axis": [0], "from": [1]}.items()
        ),
        *(
            constant(name, data)
            for name, data in {"to": [4], "rep": [3, 1], "sizes": [9, 8], "pads": [1, 0, 2, 0]}.items()
        ),
        *(constant(name, data) for name, data in {"a": 0, "b": 5, "c": 2, "pick": [0, 1, 1, 0]}.items()),
        weights("w", 8, 4),
        weights("v", 48, 3),
    ]
    made = model(nodes, {"x": (6, 8)}, stored)
    product = next(item for item in nodes if item.op_type == "MatMul")
    shapes = output_shapes(made, *product.output)
    (layer,) = load_onnx(made).layers
    inner = 8 if "w" in product.input else 48
    assert layer.macs == np.prod(shapes["y"], dtype=int) * inner


def test_attributes_of_old_operator_sets() -> None:
    nodes = [
        node("Unsqueeze", "x", "u", axes=[0]),
        node("Squeeze", "u", "v", axes=[0]),
        node("Slice", "v", "s", starts=[0], ends=[2], axes=[0]),
        node("MatMul", "s w"),
    ]
    assert load_onnx(model(nodes, {"x": (6, 8)}, [weights("w", 8, 4)], opset=9)).macs == 2 * 8 * 4


def test_float_formats_newer_than_the_operator_set() -> None:
    half = {"x": TensorProto.BFLOAT16, "w": TensorProto.BFLOAT16}
    nodes = [node("Conv", "x w", "c"), node("Flatten", "c", "f"), node("Gemm", "f f", transB=1)]
    assert load_onnx(model(nodes, {"x": (1, 3, 4, 4), "w": (2, 3, 3, 3)}, kinds=half, opset=17)).macs == 2 * 27 * 4 + 8


def test_declared_shapes_help_where_nothing_else_does() -> None:
    nodes = [node("Mystery", "x", "m", domain="local"), node("MatMul", "m w")]
    made = model(nodes, {"x": ("n", 8)}, [weights("w", 8, 4)])
    made.graph.value_info.append(value("m", ("n", 8)))
    assert load_onnx(made, dims={"n": 5}).macs == 5 * 8 * 4


def branch(name: str, *nodes: Any, output: str) -> Any:
    return helper.make_graph(list(nodes), name, [], [value(output, None)])


def conditional(then: Any, other: Any) -> Any:
    return node("If", "c", "y", then_branch=then, else_branch=other)


THEN = branch("then", node("MatMul", "x w", "a"), output="a")
ELSE = branch("else", node("MatMul", "x v", "b"), node("Relu", "b", "b2"), output="b2")


def test_a_constant_condition_takes_its_branch() -> None:
    stored = [weights("w", 8, 4), weights("v", 8, 6), constant("c", True, np.bool_)]
    network = load_onnx(model([conditional(THEN, ELSE)], {"x": (2, 8)}, stored))
    assert (network.macs, network.skipped) == (2 * 8 * 4, ())


def test_branches_have_to_compute_the_same_layers() -> None:
    kinds = {"c": TensorProto.BOOL}
    stored = [weights("w", 8, 4), weights("v", 8, 4)]
    network = load_onnx(model([conditional(THEN, ELSE)], {"x": (2, 8), "c": ()}, stored, kinds=kinds))
    assert network.macs == 2 * 8 * 4
    assert [part.op for part in network.skipped] == ["Relu"], "the branch with more operations counts"
    stored = [weights("w", 8, 4), weights("v", 8, 6)]
    found = message(model([conditional(THEN, ELSE)], {"x": (2, 8), "c": ()}, stored, kinds=kinds))
    assert "If 'y': its branches compute different layers (1 layer with 64 MACs and 1 layer with 96 MACs)" in found


def loop_body(*nodes: Any) -> Any:
    inputs = [value("i", (), TensorProto.INT64), value("go", (), TensorProto.BOOL), value("state", None)]
    outputs = [value("go_on", (), TensorProto.BOOL), value("next", None), value("seen", None)]
    return helper.make_graph(
        [node("Identity", "go", "go_on"), *nodes, node("Relu", "next", "seen")], "body", inputs, outputs
    )


def test_a_loop_counts_its_trips() -> None:
    body = loop_body(node("MatMul", "state w", "next"))
    nodes = [node("Loop", "trips go x", "last all", body=body), node("MatMul", "all w")]
    stored = [weights("w", 8, 8), constant("trips", 5), constant("go", True, np.bool_)]
    network = load_onnx(model(nodes, {"x": (2, 8)}, stored))
    assert network.macs == 5 * 2 * 64 + 5 * 2 * 64, "five steps, and one product of what they stacked"
    assert {part.op: part.operations for part in network.skipped} == {"Relu": 5 * 16}


def test_a_loop_as_long_as_data_says_is_refused() -> None:
    body = loop_body(node("MatMul", "state w", "next"))
    nodes = [node("Loop", "trips go x", "last all", body=body)]
    stored = [weights("w", 8, 8), constant("go", True, np.bool_)]
    found = message(model(nodes, {"x": (2, 8), "trips": ()}, stored, ("all",), {"trips": TensorProto.INT64}))
    assert "Loop 'last': its body computes 1 layer with 128 MACs, and how often depends on data" in found
    grows = loop_body(node("MatMul", "state w", "m"), node("Concat", "m m", "next", axis=0))
    stored.append(constant("trips", 5))
    found = message(model([node("Loop", "trips go x", "last all", body=grows)], {"x": (2, 8)}, stored, ("all",)))
    assert "'next' changes its shape from one iteration to the next" in found


def test_a_loop_without_layers_is_listed() -> None:
    nodes = [
        node("Loop", "trips go x", "last all", body=loop_body(node("Neg", "state", "next"))),
        node("MatMul", "last w"),
    ]
    stored = [weights("w", 8, 4), constant("go", True, np.bool_)]
    network = load_onnx(model(nodes, {"x": (2, 8), "trips": ()}, stored, kinds={"trips": TensorProto.INT64}))
    assert [(part.op, part.operations, part.note) for part in network.skipped] == [
        ("Loop", None, "how often it runs depends on data")
    ]


def test_a_scan_counts_its_slices() -> None:
    body = helper.make_graph(
        [node("MatMul", "h w", "m"), node("Add", "m slice", "h2"), node("Identity", "h2", "out")],
        "body",
        [value("h", (1, 8)), value("slice", (1, 8))],
        [value("h2", (1, 8)), value("out", (1, 8))],
    )
    nodes = [
        node("Scan", "h0 x", "last all", body=body, num_scan_inputs=1, scan_input_axes=[1]),
        node("MatMul", "all v"),
    ]
    network = load_onnx(model(nodes, {"h0": (1, 8), "x": (1, 7, 8)}, [weights("w", 8, 8), weights("v", 8, 2)]))
    assert network.macs == 7 * 64 + 7 * 8 * 2


def local_function(name: str, *nodes: Any, inputs: str = "a b", output: str = "o") -> Any:
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("local", 1)]
    return helper.make_function("local", name, inputs.split(), [output], list(nodes), opsets)


def test_local_functions_are_inlined() -> None:
    inner = local_function("Product", node("MatMul", "a b", "o"))
    outer = local_function(
        "Twice", node("Product", "a b", "p", domain="local"), node("Product", "p b", "o", domain="local")
    )
    made = model([node("Twice", "x w", domain="local")], {"x": (2, 8)}, [weights("w", 8, 8)], functions=[outer, inner])
    assert load_onnx(made).macs == 2 * 2 * 64


def test_local_functions_that_never_end_are_refused() -> None:
    one = local_function("One", node("Two", "a b", "o", domain="local"))
    two = local_function("Two", node("One", "a b", "o", domain="local"))
    found = message(
        model([node("One", "x w", domain="local")], {"x": (2, 8)}, [weights("w", 8, 8)], functions=[one, two])
    )
    assert "the local functions call each other in a circle: " in found
    bombs = [
        local_function(
            f"F{n}", node(f"F{n + 1}", "a b", "p", domain="local"), node(f"F{n + 1}", "p b", "o", domain="local")
        )
        for n in range(40)
    ]
    bombs.append(local_function("F40", node("MatMul", "a b", "o")))
    found = message(model([node("F0", "x w", domain="local")], {"x": (2, 8)}, [weights("w", 8, 8)], functions=bombs))
    assert "the local functions expand to 1,099,511,627,776 operators; expected at most 1,000,000" in found
