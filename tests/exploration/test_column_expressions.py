"""Expressions over columns say row by row what the evaluator of input files says, and name what they refuse."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archloom.errors import InputError, Place
from archloom.exploration.expressions import Undefined, read_expression
from archloom.spec.expressions import evaluate

NAMES = ("levels.GLB.size", "array.x", "n")
CODED = dict(zip(NAMES, ("a", "b", "c"), strict=True))


def trees(leaf: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner).map(
                lambda t: f"({t[0]} {t[1]} {t[2]})"
            ),
            st.tuples(inner, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), inner).map(
                lambda t: f"({t[0]} {t[1]} {t[2]})"
            ),
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]} > 2 {t[1]} {t[2]} < 5)"),
            st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} > 3 else {t[2]})"),
            st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
            st.tuples(st.sampled_from(["ceil", "floor", "abs", "log2", "sqrt", "-", "not "]), inner).map(
                lambda t: f"({t[0]}({t[1]}))"
            ),
        )

    return st.recursive(leaf, deeper, max_leaves=8)


@settings(max_examples=300, deadline=None)
@given(
    trees(st.sampled_from([*NAMES, "1", "2", "3", "0.5", "7"])),
    st.lists(st.tuples(*[st.integers(0, 9)] * 3), min_size=1, max_size=6),
)
def test_rows_are_what_the_scalar_evaluator_says(text: str, rows: list[tuple[int, int, int]]) -> None:
    expression = read_expression(text, NAMES)
    columns = {name: np.array([row[at] for row in rows], dtype=np.float64) for at, name in enumerate(NAMES)}
    scalar = text
    for name, code in CODED.items():
        scalar = scalar.replace(name, code) if "." in name else scalar
    wanted: list[float | None] = []
    for row in rows:
        try:
            wanted.append(float(evaluate(scalar, {"a": row[0], "b": row[1], "n": row[2]})))
        except InputError:
            wanted.append(None)
    if None in wanted:
        found = np.asarray(expression(columns, strict=False), dtype=np.float64)
        assert len(np.broadcast_to(found, len(rows))) == len(rows)
        return
    found = np.broadcast_to(np.asarray(expression(columns), dtype=np.float64), len(rows)).tolist()
    for here, there in zip(found, wanted, strict=True):
        assert there is not None
        assert math.isclose(here, there, rel_tol=1e-12, abs_tol=1e-12)


def test_a_guarded_division_is_not_evaluated_where_it_does_not_matter() -> None:
    columns = {"n": np.array([0.0, 4.0])}
    assert read_expression("8 / n if n > 0 else 1", ["n"])(columns).tolist() == [1, 2]
    assert read_expression("n == 0 or 8 / n > 1", ["n"])(columns).tolist() == [True, True]
    assert read_expression("n > 0 and 8 / n > 1", ["n"])(columns).tolist() == [False, True]


def test_an_undefined_value_names_its_row_or_is_nan() -> None:
    expression = read_expression("8 / n", ["n"])
    with pytest.raises(Undefined, match="division by zero") as caught:
        expression({"n": np.array([1.0, 0.0])})
    assert caught.value.row == 1
    assert np.isnan(expression({"n": np.array([1.0, 0.0])}, strict=False)).tolist() == [False, True]


def test_words_can_be_compared() -> None:
    columns = {"cell": np.array(["lstp", "hp"], dtype=object)}
    assert read_expression("cell == 'lstp'", ["cell"])(columns).tolist() == [True, False]
    with pytest.raises(Undefined, match="word"):
        read_expression("cell * 2", ["cell"])(columns)


def test_units_are_known_names() -> None:
    assert float(read_expression("2 * KiB + 3 * byte + MHz", [])({})) == 2 * 8192 + 24 + 1e6


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("levels.GLB.sise * 2", 5, "there is no name 'levels.GLB.sise' (did you mean 'levels.GLB.size'?)"),
        ("1 + array.y", 9, "there is no name 'array.y' (did you mean 'array.x'?)"),
        ("maxx(n, 2)", 5, "there is no function 'maxx' (did you mean 'max'?)"),
        ("max()", 5, "max() takes 1 or more numbers, 0 given"),
        ("array.x 3", 13, "not arithmetic: invalid syntax"),
        ("n.real", 5, "there is no name 'n.real'"),
        ("[1, 2]", 5, "lists cannot be used here"),
        ("(lambda: 1)()", 5, "only a function's name can be called"),
        ("9 ** 9 ** 9 ** n +", 5, "not arithmetic"),
    ],
)
def test_faults_name_the_character_and_the_nearest_name(text: str, column: int, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_expression(text, NAMES, Place("space.yaml", 3, 5))
    fault = caught.value.faults[0]
    assert message in str(fault)
    assert fault.place is not None
    assert fault.place.line == 3
    assert fault.place.column >= column


def test_names_with_other_characters_than_letters() -> None:
    name = "levels.L1-cache.size"
    expression = read_expression(f"{name} - 1", [name, "levels.L1"])
    assert expression.names == {name}
    assert expression({name: np.array([5.0])}).tolist() == [4]
    assert pickle.loads(pickle.dumps(expression)) == expression
