"""Timeloop's problems: shapes, projections, coefficients and instances."""

from __future__ import annotations

import pytest

from archloom.errors import InputError
from archloom.interop.timeloop import load_problem
from archloom.workload.einsum import Workload

SHAPE = """
problem:
  shape:
    name: conv
    dimensions: [C, M, P, R]
    coefficients: [{name: stride, default: 2}, {name: dilation, default: 1}]
    data_spaces:
    - name: Weights
      projection: [[[C]], [[M]], [[R]]]
    - name: Inputs
      projection: "[[[C]], [[P, stride], [R, dilation]]]"
    - {name: Outputs, projection: [[[M]], [[P]]], read_write: true}
  instance: {C: 3, M: 8, P: 16, R: 3}
"""


def problem(text: str) -> Workload:
    return load_problem(text)


def message(text: str) -> str:
    with pytest.raises(InputError) as caught:
        load_problem(text)
    return str(caught.value)


def test_shape_and_instance() -> None:
    conv = problem(SHAPE)
    assert str(conv) == "conv: Outputs[M,P] += Weights[C,M,R] * Inputs[C,2*P+R]  (C=3, M=8, P=16, R=3)"
    assert [tensor.role for tensor in conv.tensors] == ["weight", "input", "output"]


def test_coefficients_of_the_instance() -> None:
    text = SHAPE.replace("R: 3}", "R: 3, stride: 1, dilation: 4}")
    assert problem(text).tensor("Inputs").ranks == ((("C", 1),), (("P", 1), ("R", 4)))


def test_instance_beside_the_shape() -> None:
    old = SHAPE.replace("  instance: {C: 3, M: 8, P: 16, R: 3}", "  C: 3\n  M: 8\n  P: 16\n  R: 3\n  stride: 3")
    assert problem(old).bounds == {"C": 3, "M": 8, "P": 16, "R": 3}
    assert problem(old).tensor("Inputs").ranks[1] == (("P", 3), ("R", 1))


def test_flat_projections() -> None:
    text = SHAPE.replace("[[[C]], [[M]], [[R]]]", "[C, [M], [[R]]]")
    assert problem(text).tensor("Weights").ranks == ((("C", 1),), (("M", 1),), (("R", 1),))
    both = SHAPE.replace('"[[[C]], [[P, stride], [R, dilation]]]"', "[C, [P, R]]")
    assert problem(both).tensor("Inputs").ranks[1] == (("P", 1), ("R", 1))
    number = SHAPE.replace('"[[[C]], [[P, stride], [R, dilation]]]"', "[C, [[P, 5], [R]]]")
    assert problem(number).tensor("Inputs").ranks[1] == (("P", 5), ("R", 1))


@pytest.mark.parametrize("name", ["cnn-layer", "cnn_layer", "cnn-layer.yaml"])
def test_built_in_convolution(name: str) -> None:
    text = f"problem:\n  shape: {name}\n  R: 3\n  S: 3\n  P: 8\n  Q: 8\n  C: 2\n  K: 4\n  N: 1\n  Wstride: 2\n"
    conv = problem(text)
    assert conv.macs == 3 * 3 * 8 * 8 * 2 * 4
    assert conv.text == "Outputs[N,K,Q,P] += Weights[C,K,R,S] * Inputs[N,C,R+2*P,S+Q]"


def test_other_built_in_shapes() -> None:
    text = "problem: {shape: gemm-ABZ, instance: {M: 2, N: 3, K: 4}}\n"
    assert problem(text).text == "Z[M,N] += A[M,K] * B[N,K]"
    assert problem(text.replace("gemm-ABZ", "gemm")).text == "D[M,N] += A[M,K] * B[N,K] * C[M,N]"
    assert problem("problem: {instance: {R: 1, S: 1, P: 1, Q: 1, C: 1, K: 1, N: 1}}\n").name == "CNN_Layer"


def test_expressions() -> None:
    text = "variables: {version: 0.4, tile: 4}\n" + SHAPE.replace("P: 16", "P: tile * tile")
    assert problem(text).bounds["P"] == 16


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("C: 3,", "C: 0,", "<text>:13:17: problem instance: C is 0; expected an integer of 1 or more"),
        ("C: 3,", "C: 2000000000000000,", "expected an integer of 1 or more"),
        ("C: 3,", "C: null,", "problem instance: the bound of 'C' is missing"),
        ("C: 3,", "", "problem instance: the bound of 'C' is missing"),
        ("[[[C]], [[M]]", "[[[C]], [[X]]", "data space 'Weights': the projection names 'X', which is not a dimension"),
        ("[P, stride]", "[P, strid]", "of the projection has no known coefficient (did you mean 'stride'?)"),
        ("[P, stride]", "[P, stride, R]", "(expected [dimension] or [dimension, coefficient])"),
        ("[[P, stride], [R, dilation]]", "[[P, stride], [P]]", "tensor 'Inputs' is indexed by 'P' twice"),
        (", read_write: true", "", "workload 'conv' has 0 outputs; expected exactly one"),
        ("[[[M]], [[P]]]", "[[[M]], [[P], [R]]]", "the output 'Outputs' has the index 'P+R'"),
        ("dimensions: [C, M, P, R]", "dimensions: [C, M, P, R, C]", "the dimension 'C' is listed twice"),
        ("dimensions: [C, M, P, R]", "dimensions: [C, M, P, R, 3]", "the dimension 3 is not a name"),
        ("dimensions: [C, M, P, R]", "dimension: [C]", "'dimensions' is missing"),
        ("data_spaces:", "data:", "'data_spaces' is missing"),
        ("name: Weights", "nam: Weights", "a data space has no name"),
        ("projection: [[[C]], [[M]], [[R]]]", "foo: 1", "data space 'Weights': 'projection' is missing"),
        ('"[[[C]], [[P, stride], [R, dilation]]]"', "'[[['", "expected nested lists like"),
        ("{name: stride,", "{name: 3x,", "a coefficient is called '3x'; expected a name"),
        ("    name: conv", "    name: conv\n    flatten: [x]", "flattened dimensions are not supported"),
        ("  shape:\n    name: conv", "  shape: foo\n  bar:\n    name: conv", "there is no built-in shape 'foo'"),
        ("name: Outputs", "name: Inputs", "names the tensor 'Inputs' twice"),
        ("read_write: true", "read_write: 7", "data space 'Outputs': read_write is 7; expected true or false"),
    ],
)
def test_messages(old: str, new: str, expected: str) -> None:
    assert old in SHAPE
    assert expected in message(SHAPE.replace(old, new))


def test_problem_of_the_wrong_kind() -> None:
    assert message("problem: [1]\n") == "<text>:1:10: the problem is a list; expected a mapping"
