"""Layers: each constructor against NumPy, run as loops or by its shapes; transposed convolutions against their definition."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archloom.errors import InputError
from archloom.workload import layers
from archloom.workload.einsum import Workload


def run(workload: Workload, **arrays: np.ndarray) -> np.ndarray:
    """Execute the einsum point by point."""
    out = np.zeros(workload.shape(workload.output), np.int64)
    dims = workload.dims
    for point in product(*(range(workload.bounds[dim]) for dim in dims)):
        at = dict(zip(dims, point, strict=True))
        value = 1
        for tensor in workload.inputs:
            value *= int(arrays[tensor.name][tuple(sum(c * at[d] for d, c in rank) for rank in tensor.ranks)])
        out[tuple(at[rank[0][0]] for rank in workload.output.ranks)] += value
    return out


def random_arrays(workload: Workload, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {tensor.name: rng.integers(-5, 6, workload.shape(tensor)) for tensor in workload.inputs}


def message(call: object, *args: object, **kwargs: object) -> str:
    assert callable(call)
    with pytest.raises(InputError) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def test_conv2d_is_a_convolution() -> None:
    workload = layers.conv2d(N=2, M=3, C=2, H=7, W=6, R=3, S=2, stride=(2, 1), dilation=(1, 2))
    arrays = random_arrays(workload)
    inputs, weights = arrays["Inputs"], arrays["Weights"]
    expected = np.zeros((2, 3, 3, 4), np.int64)
    for r, s in product(range(3), range(2)):
        window = inputs[:, :, r : r + 5 : 2, 2 * s : 2 * s + 4]
        expected += np.einsum("ncpq,mc->nmpq", window, weights[:, :, r, s])
    assert np.array_equal(run(workload, **arrays), expected)
    assert inputs.shape == (2, 2, 7, 6)


def test_groups_convolve_apart() -> None:
    whole = layers.conv2d(M=6, C=4, P=3, Q=2, R=2, S=2, groups=2)
    one = layers.conv2d(M=3, C=2, P=3, Q=2, R=2, S=2)
    arrays = random_arrays(whole)
    result = run(whole, **arrays)
    assert dict(whole.bounds) == {"N": 1, "G": 2, "M": 3, "C": 2, "P": 3, "Q": 2, "R": 2, "S": 2}
    for g in range(2):
        part = run(one, Weights=arrays["Weights"][g], Inputs=arrays["Inputs"][:, g])
        assert np.array_equal(result[:, g], part)


def test_depthwise_has_a_group_per_channel() -> None:
    workload = layers.depthwise_conv2d(C=5, H=8, W=8, R=3, S=3, padding=1, stride=2, multiplier=2)
    assert dict(workload.bounds) == {"N": 1, "G": 5, "M": 2, "C": 1, "P": 4, "Q": 4, "R": 3, "S": 3}
    assert workload.words(workload.tensor("Weights")) == 5 * 2 * 9


def test_conv1d_and_conv3d() -> None:
    line = layers.conv1d(M=2, C=3, H=9, R=3, stride=2)
    arrays = random_arrays(line)
    expected = sum(
        np.einsum("ncp,mc->nmp", arrays["Inputs"][:, :, r : r + 7 : 2], arrays["Weights"][:, :, r]) for r in range(3)
    )
    assert np.array_equal(run(line, **arrays), expected)
    volume = layers.conv3d(M=2, C=3, D=4, P=5, Q=6, T=1, R=2, S=3, stride=(1, 2, 3))
    assert volume.macs == 2 * 3 * 4 * 5 * 6 * 1 * 2 * 3
    assert volume.shape(volume.tensor("Inputs")) == (1, 3, 4, 10, 18)


@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.integers(0, 3))
def test_output_size_counts_the_windows(size: int, kernel: int, stride: int, dilation: int, padding: int) -> None:
    reach = dilation * (kernel - 1)
    starts = [start for start in range(-padding, size + padding) if (start + padding) % stride == 0]
    fitting = [start for start in starts if start + reach < size + padding]
    positions = layers.output_size(size, kernel, stride=stride, dilation=dilation, padding=padding)
    assert max(0, positions) == len(fitting)


sizes = st.integers(1, 7)


@given(kernel=sizes, stride=sizes, dilation=st.integers(1, 4), inputs=st.integers(1, 5))
def test_transposed_convolution_is_its_output_phases(kernel: int, stride: int, dilation: int, inputs: int) -> None:
    """By definition input i and tap r add to output stride*i + dilation*r: sort the taps by the phase they reach."""
    parts = layers.conv_transpose1d(M=3, C=2, H=inputs, R=kernel, stride=stride, dilation=dilation)
    phases: dict[int, list[int]] = {}
    for tap in range(kernel):
        phases.setdefault(dilation * tap % stride, []).append(dilation * tap // stride)
    expected = Counter(len(taps) for taps in phases.values())
    assert {part.bounds["R"]: part.bounds["M"] // 3 for part in parts} == dict(expected)
    assert sum(part.macs for part in parts) == 3 * 2 * inputs * kernel
    for part in parts:
        assert part.bounds["P"] == inputs
        spread = dict(part.tensor("Inputs").ranks[2])["R"]
        for taps in phases.values():
            if len(taps) == part.bounds["R"]:
                assert all(after - before == spread for before, after in pairwise(taps))


@given(
    r=sizes,
    s=sizes,
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    groups=st.sampled_from([1, 2]),
    n=st.integers(1, 2),
)
def test_transposed_macs_and_weights_are_the_usual_ones(
    r: int, s: int, stride: tuple[int, int], groups: int, n: int
) -> None:
    parts = layers.conv_transpose2d(N=n, M=4, C=6, H=3, W=5, R=r, S=s, stride=stride, groups=groups)
    assert sum(part.macs for part in parts) == n * 4 * 6 // groups * 3 * 5 * r * s
    assert sum(part.words(part.tensor("Weights")) for part in parts) == 4 * 6 // groups * r * s
    assert len(parts) == len({(part.bounds["R"], part.bounds["S"]) for part in parts}) <= 4


def test_a_stride_that_divides_the_kernel_gives_one_layer() -> None:
    (part,) = layers.conv_transpose2d(M=64, C=128, H=28, W=28, R=4, S=2, stride=2)
    assert dict(part.bounds) == {"N": 1, "M": 256, "C": 128, "P": 28, "Q": 28, "R": 2, "S": 1}
    (cube,) = layers.conv_transpose3d(M=2, C=4, inputs=(3, 4, 5), kernel=(2, 2, 2), stride=2)
    assert cube.bounds["M"] == 16
    assert cube.macs == 2 * 4 * 60 * 8


@given(st.lists(st.sampled_from([1, 1, 2, 3]), max_size=3), st.integers(0, 7), st.integers(0, 7), st.data())
def test_matmul_counts_as_numpy_does(batch: list[int], ones_a: int, ones_b: int, data: st.DataObject) -> None:
    m, k, n = (data.draw(st.integers(1, 4)) for _ in range(3))
    a = [1 if ones_a >> axis & 1 else size for axis, size in enumerate(batch)]
    b = [1 if ones_b >> axis & 1 else size for axis, size in enumerate(batch)]
    a, b = [*a[data.draw(st.integers(0, len(a))) :], m, k], [*b[data.draw(st.integers(0, len(b))) :], k, n]
    result = np.matmul(np.ones(a), np.ones(b))
    for weights in (0, 1):
        workload = layers.matmul(a, b, weights=weights)
        words = {tensor.name: workload.words(tensor) for tensor in workload.tensors}
        shapes = (b, a) if weights == 0 else (a, b)
        assert workload.macs == result.size * k
        assert words == {"Inputs": math.prod(shapes[0]), "Weights": math.prod(shapes[1]), "Outputs": result.size}


def test_matmul_of_vectors() -> None:
    assert dict(layers.matmul((5,), (5,)).bounds) == {"M": 1, "N": 1, "K": 5}
    assert dict(layers.matmul((5,), (2, 5, 3)).bounds) == {"M": 1, "N": 6, "K": 5}
    assert dict(layers.matmul((4, 5), (5,)).bounds) == {"M": 4, "N": 1, "K": 5}


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)]),
        ("bhid,bhjd->bhij", [(2, 3, 4, 5), (2, 3, 6, 5)]),
        ("bij,jk", [(2, 3, 4), (4, 5)]),
        ("...ij,...jk->...ik", [(2, 1, 3, 4), (5, 4, 6)]),
        ("ij,kj->", [(2, 3), (4, 3)]),
        ("ij,ij->ij", [(2, 3), (2, 3)]),
        ("i,j->ij", [(2,), (3,)]),
        ("ijk,ikl->jl", [(2, 3, 4), (2, 4, 5)]),
        ("ikl,kj,lj->ij", [(2, 3, 4), (3, 5), (4, 5)]),
        ("ij,k->jk", [(2, 3), (4,)]),
        ("...i,oij,...j->...o", [(7, 2), (5, 2, 3), (7, 3)]),
    ],
)
def test_contractions_count_what_numpy_einsum_does(equation: str, shapes: list[tuple[int, ...]]) -> None:
    arrays = [np.ones(shape) for shape in shapes]
    result = np.einsum(equation, *arrays)
    workload = layers.contraction(equation, shapes)
    # Ones everywhere: each output is the number of products that went into it
    assert workload.macs == int(result.sum())
    assert workload.words(workload.output) == result.size
    inputs = sorted(workload.words(tensor) for tensor in workload.inputs)
    assert inputs == sorted(math.prod(shape) for shape in shapes)


@pytest.mark.parametrize(("heads", "kv_heads"), [(8, None), (8, 2), (8, 1)])
def test_attention_counts_shared_keys_once(heads: int, kv_heads: int | None) -> None:
    scores, context = layers.attention(B=3, heads=heads, kv_heads=kv_heads, M=5, N=7, K=4, V=6)
    shared = kv_heads or heads
    assert scores.macs == 3 * heads * 5 * 7 * 4
    assert context.macs == 3 * heads * 5 * 7 * 6
    words = [{tensor.role: part.words(tensor) for tensor in part.tensors} for part in (scores, context)]
    assert words[0] == {"weight": 3 * shared * 7 * 4, "input": 3 * heads * 5 * 4, "output": 3 * heads * 5 * 7}
    assert words[1] == {"weight": 3 * shared * 7 * 6, "input": 3 * heads * 5 * 7, "output": 3 * heads * 5 * 6}


def test_mttkrp_is_its_definition() -> None:
    workload = layers.mttkrp(I=3, J=2, K=4, L=5)
    arrays = random_arrays(workload)
    expected = np.einsum("ikl,kj,lj->ij", arrays["Inputs"], arrays["WeightsK"], arrays["WeightsL"])
    assert np.array_equal(run(workload, **arrays), expected)
    assert [tensor.role for tensor in workload.tensors] == ["weight", "weight", "input", "output"]


def test_linear_and_gemm_are_the_same() -> None:
    assert layers.linear("fc", rows=4, in_features=6, out_features=8) == layers.gemm("fc", M=4, N=8, K=6)


def test_word_widths_are_passed_on() -> None:
    for workload in (
        layers.conv2d(M=1, C=1, P=1, Q=1, R=1, S=1, word_bits={"Outputs": 24}),
        layers.gemm(M=1, N=1, K=1, word_bits={"Outputs": 24}),
        *layers.attention(heads=1, M=1, K=1, word_bits={"Outputs": 24}),
        *layers.conv_transpose2d(M=1, C=1, H=1, W=1, R=3, S=3, stride=2, word_bits={"Outputs": 24}),
    ):
        assert workload.output.word_bits == 24


SQUARE: dict[str, Any] = {"M": 4, "C": 4, "R": 3, "S": 3}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: layers.conv2d("c1", **SQUARE),
            "c1: expected either the output size (P and Q) or the input size (H and W, and padding)",
        ),
        (lambda: layers.conv2d(**SQUARE, P=3, Q=3, H=5, W=5), "expected either the output size"),
        (lambda: layers.conv2d(**SQUARE, P=3), "expected either the output size"),
        (lambda: layers.conv2d(**SQUARE, P=3, Q=3, padding=1), "expected either the output size"),
        (lambda: layers.conv2d(**SQUARE, H=2, W=9), "does not fit an input of [2, 9]"),
        (
            lambda: layers.conv2d(**SQUARE, P=3, Q=3, groups=3),
            "M=4 and C=4 channels in 3 groups; expected multiples of 3",
        ),
        (lambda: layers.conv2d(**SQUARE, P=3, Q=3, stride=(1, 2, 3)), "3 values for stride; expected one, or 2"),
        (lambda: layers.conv2d(**SQUARE, P=3, Q=3, stride=0), "stride[0]=0, stride[1]=0; expected positive integers"),
        (lambda: layers.conv2d(**SQUARE, P=3, Q=True), "output[1]=True; expected positive integers"),
        (lambda: layers.conv2d(**SQUARE, H=5, W=5, padding=-1), "padding=-1; expected integers of at least 0"),
        (lambda: layers.convolution(M=1, C=1, outputs=(1,) * 4, kernel=(1,) * 4), "expected one to three of each"),
        (lambda: layers.conv_transpose2d("up", M=0, C=1, H=1, W=1, R=1, S=1), "up: M=0; expected positive integers"),
        (lambda: layers.conv_transpose3d(M=1, C=1, inputs=(1, 1), kernel=(1, 1)), "2 input sizes; expected three"),
        (lambda: layers.attention(heads=6, kv_heads=4, M=1, K=1), "6 heads share 4 key-value heads"),
        (lambda: layers.matmul((2, 3), (4, 5)), "shapes (2, 3) and (4, 5) do not multiply"),
        (lambda: layers.matmul((2, 1, 3), (4, 3, 1)), "do not broadcast: 2 meets 4"),
        (lambda: layers.matmul((), (3,)), "do not multiply"),
        (lambda: layers.matmul((0, 3), (3, 1)), "a[0]=0; expected positive integers"),
        (lambda: layers.contraction("ij,jk", [(2, 3), (4, 5)]), "the label 'j' has the sizes 3 and 4"),
        (lambda: layers.contraction("ij,jk", [(2, 3)]), "with 1 operands; expected at least two"),
        (lambda: layers.contraction("ij,jk", [(2,), (2, 3)]), "does not fit operands of the shapes (2,), (2, 3)"),
        (lambda: layers.contraction("i?,j", [(2,), (2,)]), "expected an equation like 'bij,bjk->bik'"),
        (lambda: layers.contraction("i,j->k", [(2,), (2,)]), "labels that no operand has"),
    ],
)
def test_faults_say_what_was_expected(call: object, expected: str) -> None:
    assert expected in message(call)
