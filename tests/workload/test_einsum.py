"""Einsums: text to tensors and back, every fault named, sizes against NumPy."""

from __future__ import annotations

import contextlib
import math
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archloom.errors import InputError, Place
from archloom.workload.einsum import MAX_BOUND, Tensor, Workload, einsum, parse_einsum

CONV = "O[n,m,p,q] += W[m,c,r,s] * I[n,c,2*p+r,2*q+s]"
BOUNDS = {"n": 1, "m": 8, "c": 4, "p": 5, "q": 6, "r": 3, "s": 2}


def message(call: object, *args: object, **kwargs: object) -> str:
    assert callable(call)
    with pytest.raises(InputError) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def test_parse_gives_inputs_first_and_ranks_as_terms() -> None:
    weights, inputs, outputs = parse_einsum(CONV)
    assert inputs.ranks == ((("n", 1),), (("c", 1),), (("p", 2), ("r", 1)), (("q", 2), ("s", 1)))
    assert [tensor.role for tensor in (weights, inputs, outputs)] == ["weight", "input", "output"]
    assert outputs.is_output
    assert not inputs.is_output
    assert inputs.dims == {"n", "c", "p", "r", "q", "s"}


@pytest.mark.parametrize(
    "text",
    [
        CONV,
        "O[n,m,p,q]+=W[m,c,r,s],I[n,c,2*p+r,2*q+s]",
        "O[n,m,p,q] = W[m,c,r,s] * I[ n , c , p*2 + r , q * 2+s ]",
    ],
)
def test_spelling_does_not_matter(text: str) -> None:
    assert parse_einsum(text) == parse_einsum(CONV)


def test_text_is_canonical() -> None:
    assert einsum(CONV, BOUNDS).text == CONV
    assert (
        str(einsum("O[m] += W[m,k] * I[k]", {"m": 2, "k": 3}, name="dot")) == "dot: O[m] += W[m,k] * I[k]  (m=2, k=3)"
    )


def test_a_scalar_output_has_no_ranks() -> None:
    workload = einsum("O[] += A[k] * B[k]", {"k": 7})
    assert workload.output.ranks == ()
    assert workload.words(workload.output) == 1


def test_sizes_are_bounding_boxes() -> None:
    workload = einsum(CONV, BOUNDS)
    assert workload.macs == math.prod(BOUNDS.values())
    assert workload.shape(workload.tensor("I")) == (1, 4, 2 * 4 + 2 + 1, 2 * 5 + 1 + 1)
    assert workload.words(workload.tensor("W")) == 8 * 4 * 3 * 2
    assert [tensor.name for tensor in workload.inputs] == ["W", "I"]


def test_selectors_are_names_roles_and_all() -> None:
    weights = parse_einsum(CONV)[0]
    for word in ("W", "w", "weight", "Weights", "all"):
        assert weights.is_selected_by(frozenset({word}))
    assert not weights.is_selected_by(frozenset({"I", "inputs", "output"}))


def test_roles_and_widths_can_be_given() -> None:
    workload = einsum("O[m,n] += X[m,k] * Y[k,n]", {"m": 1, "n": 2, "k": 3}, roles={"Y": "weight"}, word_bits={"O": 32})
    assert workload.tensor("Y").role == "weight"
    assert workload.tensor("O").word_bits == 32
    assert workload.tensor("X").word_bits is None


def test_equal_workloads_are_equal_keys() -> None:
    assert einsum(CONV, BOUNDS) == einsum(CONV, dict(BOUNDS))
    assert hash(einsum(CONV, BOUNDS)) == hash(einsum(CONV, BOUNDS))
    assert einsum(CONV, BOUNDS).with_bounds(m=9).bounds["m"] == 9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("O[m] W[m]", "expected '+=' between the output and the inputs"),
        ("O[m] += ", "at character 8: expected a tensor like 'I[n,c,2*p+r]'"),
        ("O[m] += W[m] +", "expected '*' between inputs, found '+'"),
        ("O[m] * P[m] += W[m]", "expected exactly one output tensor before '+='"),
        ("O[m] += W[m,-1*r]", "at character 13: expected an index like 'p' or '2*p+r', found '-1*r'"),
        ("O[m] += W[2*m*3]", "expected an index like 'p' or '2*p+r', found '2*m*3'"),
        ("O[m] += W[m,]", "expected an index like 'p' or '2*p+r', found ''"),
        ("O[m] += W[m", "expected a tensor like"),
        ("O[m] += W[" + "9" * 5000 + "*m]", "the coefficient before 'm' has 5000 digits"),
        ("O[m] += " + "W" * 20_000 + "[m]", "longer than 10,000 characters"),
    ],
)
def test_syntax_faults_say_where(text: str, expected: str) -> None:
    assert expected in message(parse_einsum, text)


def test_a_place_in_a_file_moves_with_the_character() -> None:
    with pytest.raises(InputError) as caught:
        parse_einsum("O[m] += W[m,?]", Place("net.yaml", 3, 10))
    assert caught.value.faults[0].place == Place("net.yaml", 3, 22)


@pytest.mark.parametrize(
    ("text", "bounds", "expected"),
    [
        ("O[m] += W[m,k]", {"m": 2}, "tensor 'W' is indexed by 'k', which has no bound"),
        ("O[m] += W[m,k]", {"m": 2, "K": 4}, "did you mean 'K'?"),
        ("O[m] += W[m,k]", {"m": 2, "k": 0}, "the bound of 'k' is 0; expected an integer from 1 to 2**40"),
        ("O[m] += W[m,k]", {"m": 2, "k": 2.0}, "the bound of 'k' is 2.0"),
        ("O[m] += W[m,k]", {"m": True, "k": 2}, "the bound of 'm' is True"),
        ("O[m] += W[m,k]", {"m": 2, "k": MAX_BOUND + 1}, "2**40"),
        ("O[2*m] += W[m]", {"m": 2}, "the output 'O' has the index '2*m'; expected one plain dimension"),
        ("O[m+k] += W[m,k]", {"m": 2, "k": 2}, "the output 'O' has the index 'm+k'"),
        ("O[m] += W[m,m]", {"m": 2}, "'m' twice"),
        ("O[m] += W[m] * W[m]", {"m": 2}, "names the tensor 'W' twice"),
        ("O[m] += W[m,0*k]", {"m": 2, "k": 2}, "the coefficient 0 before 'k'"),
    ],
)
def test_faults_of_a_workload(text: str, bounds: dict[str, int], expected: str) -> None:
    assert expected in message(einsum, text, bounds)


def test_messages_stay_short() -> None:
    assert len(message(parse_einsum, "O[m] += " + "W" * 20_000 + "[m]")) < 300


def test_all_faults_at_once() -> None:
    with pytest.raises(InputError) as caught:
        einsum("O[m] += W[m,k] * I[j]", {"m": 0})
    assert len(caught.value.faults) == 3


def test_faults_of_tensors_given_directly() -> None:
    output = Tensor("O", ((("m", 1),),), is_output=True, role="output")
    assert "has 0 outputs" in message(Workload, "w", {"m": 1}, (Tensor("I", ()),))
    assert "has no input tensor" in message(Workload, "w", {"m": 1}, (output,))
    assert "did you mean 'weight'?" in message(Workload, "w", {"m": 1}, (output, Tensor("I", (), role="wieght")))
    assert "words of 0 bits" in message(Workload, "w", {"m": 1}, (output, Tensor("I", (), word_bits=0)))
    assert "has no dimensions" in message(Workload, "w", {}, (Tensor("O", (), True, role="output"), Tensor("I", ())))


def test_unknown_names_bring_the_nearest() -> None:
    assert "did you mean 'W'?" in message(einsum(CONV, BOUNDS).tensor, "w")
    assert "did you mean 'O'?" in message(einsum, CONV, BOUNDS, word_bits={"o": 8})


@st.composite
def tensors(draw: st.DrawFn) -> tuple[str, tuple[tuple[tuple[str, int], ...], ...]]:
    dims = draw(st.lists(st.sampled_from(string.ascii_lowercase), unique=True, max_size=5))
    ranks: list[tuple[tuple[str, int], ...]] = []
    while dims:
        size = draw(st.integers(1, len(dims)))
        ranks.append(tuple((dim, draw(st.integers(1, 99))) for dim in dims[:size]))
        dims = dims[size:]
    return draw(st.from_regex(r"[A-Za-z_]\w{0,6}", fullmatch=True)), tuple(ranks)


@given(st.lists(tensors(), min_size=1, max_size=4, unique_by=lambda tensor: tensor[0]))
def test_any_tensors_survive_text(parts: list[tuple[str, tuple[tuple[tuple[str, int], ...], ...]]]) -> None:
    made = [Tensor(name, ranks) for name, ranks in parts]
    text = "out0[] += " + " * ".join(str(tensor) for tensor in made)
    assert [tensor.ranks for tensor in parse_einsum(text)[:-1]] == [tensor.ranks for tensor in made]


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        assert parse_einsum(text)[-1].is_output


def test_shape_is_what_numpy_needs() -> None:
    """Every index that the loops reach lies in the tensor's shape, and the last one is its corner."""
    workload = einsum("O[p,q] += W[r,s] * I[3*p+2*r,q+4*s]", {"p": 3, "q": 4, "r": 2, "s": 3})
    inputs = workload.tensor("I")
    reached = {(3 * p + 2 * r, q + 4 * s) for p in range(3) for q in range(4) for r in range(2) for s in range(3)}
    assert tuple(np.max(list(reached), axis=0) + 1) == workload.shape(inputs)
