"""Expressions: the same numbers as Python where both understand them, and a clear refusal of everything else."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archloom.errors import InputError, Place
from archloom.spec.expressions import FUNCTIONS, evaluate, names_in, resolve_names

NAMES: dict[str, Any] = {"pes_x": 14, "pes_y": 12, "node": "45nm", "wide": True, "items": [1]}
PLACE = Place("f.yaml", 3, 10)


def fault(text: str, names: dict[str, Any] = NAMES) -> str:
    with pytest.raises(InputError) as error:
        evaluate(text, names, place=PLACE)
    assert len(error.value.faults) == 1, str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("pes_x * pes_y", 168), ("2 ** 10", 1024), ("-2 ** 2", -4), ("7 // 2", 3), ("7 % 4", 3), ("1 / 4", 0.25)),
        *(("8 if wide else 4", 8), ("node == '45nm'", True), ("node != '45nm'", False), ("1 < 2 < 3", True)),
        *(("not wide or pes_x > 3 and true", True), ("max(1, 2.5)", 2.5), ("min(3)", 3), ("ceil(2.1)", 3)),
        *(("log2(8)", 3.0), ("log(8, 2)", 3.0), ("round(2.345, 2)", 2.35), ("round(2.6)", 3), ("int(3.7)", 3)),
        *(("pow(2, 3)", 8), ("sqrt(16)", 4.0), ("inf", float("inf")), ("  1 + 1 ", 2), ("1_000", 1000), ("0x10", 16)),
        *(("true", True), ("2 ** -1", 0.5), ("1 or 9 ** 9 ** 9", True), ("abs(-2)", 2), ("log10(100)", 2.0)),
        ("float(3)", 3.0),
    ],
)
def test_values(text: str, value: Any) -> None:
    result = evaluate(text, NAMES)
    assert (type(result), result) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9**9**9", "f.yaml:3:10: in the expression '9**9**9': the result is too large"),
        ("pow(9, 9**9)", "f.yaml:3:10: in the expression 'pow(9, 9**9)': the result is too large"),
        ("'a' * 10**9", "f.yaml:3:10: in the expression \"'a' * 10**9\": 'a' is a string; expected a number"),
        ("1 / 0", "f.yaml:3:10: in the expression '1 / 0': division by zero"),
        ("0 ** -1", "f.yaml:3:10: in the expression '0 ** -1': division by zero"),
        ("1 + pes_X", "f.yaml:3:14: in the expression '1 + pes_X': there is no name 'pes_X' (did you mean 'pes_x'?)"),
        ("mim(1, 2)", "f.yaml:3:10: in the expression 'mim(1, 2)': there is no function 'mim' (did you mean 'min'?)"),
        ("min", "f.yaml:3:10: in the expression 'min': 'min' is a function; expected min(...)"),
        ("min()", "f.yaml:3:10: in the expression 'min()': min() takes one or more numbers, 0 given"),
        ("log2('8')", "f.yaml:3:10: in the expression \"log2('8')\": log2() takes 1 number, not the string '8'"),
        ("node < 3", "f.yaml:3:10: in the expression 'node < 3': strings can only be compared with == and !="),
        ("items", "f.yaml:3:10: in the expression 'items': 'items' is a list; expected a number"),
        ("(1", "f.yaml:3:10: in the expression '(1': not arithmetic: '(' was never closed"),
        ("1)+(1", "f.yaml:3:11: in the expression '1)+(1': not arithmetic: unmatched ')'"),
        ("1, 2", "f.yaml:3:10: in the expression '1, 2': several values with commas; expected one"),
        ("", "f.yaml:3:10: in the expression '': it is empty; expected a number or arithmetic"),
        ("1\n+1", "f.yaml:3:10: in the expression '1\\n+1': expected one line without backslashes"),
        ("1" + "0" * 2000, "longer than 1000 characters"),
        ("-" * 900 + "1", "nested more than 100 levels deep"),
        ("(" * 400 + "1" + ")" * 400, "too many nested parentheses"),
        ("2 ** 2000", "the result is too large"),
        ("9" * 900, "the result is too large"),
        ("0.5 ** -5000", "the result is too large"),
        ("inf - inf", "the result is not a number"),
        ("int(inf)", "the result is too large"),
        ("(-8) ** 0.5", "expected a number"),
        ("log(0)", "math domain error"),
        ("round(5, -10**9)", "round() takes 0 to 30 digits"),
        ("round(5, 10**9)", "round() takes 0 to 30 digits"),
        ("min(x=1)", "min() takes plain arguments only"),
        ("()()", "only a function's name can be called"),
        ("None", "None is not a number"),
        ("1j", "1j is not a number"),
        ("b'x'", "b'x' is not a number"),
    ],
)
def test_faults(text: str, message: str) -> None:
    assert message in fault(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *(
            ("().__class__", "attribute access (.)"),
            ("pes_x.real", "attribute access (.)"),
            ("items[0]", "subscripts ([...])"),
        ),
        *(
            ("lambda: 1", "lambda"),
            ("[i for i in items]", "comprehensions"),
            ("{1: 2}", "dictionaries"),
            ("[1]", "lists"),
        ),
        *(
            ("f'{1}'", "f-strings"),
            ("(x := 1)", "assignments (:=)"),
            ("min(*items)", "stars"),
            ("1 << 3", "this operator"),
        ),
        *(
            ("~1", "this operator"),
            ("1 is 1", "this operator"),
            ("{1}", "sets"),
            ("min(i for i in items)", "comprehensions"),
        ),
        *(("await pes_x", "await"), ("(yield)", "yield"), ("1 in items", "this operator"), ("1 @ 2", "this operator")),
    ],
)
def test_python_beyond_arithmetic(text: str, kind: str) -> None:
    assert f"{kind} cannot be used here (expected numbers, names, + - * / // % **, comparisons and functions)" in fault(
        text
    )


@pytest.mark.parametrize(
    "text", ["__class__", "__import__('os')", "open('x')", "eval('1')", "print", "exec", "globals()"]
)
def test_no_names_but_those_given(text: str) -> None:
    assert "there is no" in fault(text)


def test_all_unknown_names_at_once() -> None:
    with pytest.raises(InputError) as error:
        evaluate("a + min(b, c) * __d__", {}, place=PLACE)
    assert [fault.place.column for fault in error.value.faults if fault.place] == [10, 18, 21, 26]


def test_functions_can_be_added() -> None:
    assert evaluate("half(8) + max(1, 2)", {}, functions={"half": lambda x: x / 2}) == 6
    with pytest.raises(InputError, match="the result is a list; expected a number"):
        evaluate("bad()", {}, functions={"bad": lambda: [1]})
    with pytest.raises(InputError, match="missing 1 required positional argument"):
        evaluate("half()", {}, functions={"half": lambda x, /: x})


def test_names_in() -> None:
    assert names_in("min(a, b) + c if d else 'e'") == {"a", "b", "c", "d"}
    assert names_in("no arithmetic") == frozenset()


class TestResolveNames:
    def test_any_order(self) -> None:
        values = resolve_names({"a": "b + outer", "b": "c * 2", "c": 3, "d": True}, {"outer": 1})
        assert values == {"a": 7, "b": 6, "c": 3, "d": True}
        assert list(values) == ["a", "b", "c", "d"]

    def test_own_name_means_the_outer_one(self) -> None:
        assert resolve_names({"width": "width + 1"}, {"width": 3}) == {"width": 4}

    def test_cycle(self) -> None:
        with pytest.raises(InputError, match="circle: a -> b -> c -> a"):
            resolve_names({"a": "b", "b": "c + 1", "c": "a"})

    def test_all_faults_but_no_consequences(self) -> None:
        places = {name: Place("f.yaml", line, 5) for line, name in enumerate("abcd", start=1)}
        with pytest.raises(InputError) as error:
            resolve_names({"a": "x1", "b": "a + 1", "c": "1 +", "d": [1]}, places=places)
        assert sorted(fault.place.line for fault in error.value.faults if fault.place) == [1, 3, 4]

    def test_lenient(self) -> None:
        values = resolve_names({"t": "45nm", "kind": "SRAM", "w": "d * 2", "d": 8, "x": "t"}, lenient=True)
        assert values == {"t": "45nm", "kind": "SRAM", "w": 16, "d": 8, "x": "45nm"}

    def test_long_chains(self) -> None:
        chain: dict[str, object] = {f"v{i}": f"v{i + 1} + 1" for i in range(5000)}
        assert resolve_names({**chain, "v5000": 0})["v0"] == 5000


NUMBERS = st.integers(0, 1000) | st.floats(0, 1000, allow_nan=False)
OPERATORS = st.sampled_from(["+", "-", "*", "/", "//", "%", "<", "<=", "==", "!="])
TERMS = st.recursive(
    NUMBERS.map(repr) | st.sampled_from(["a", "b"]),
    lambda inner: (
        st.tuples(inner, OPERATORS, inner).map(lambda parts: f"({''.join(parts)})")
        | inner.map(lambda text: f"-{text}")
        | st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})")
    ),
    max_leaves=8,
)


@given(TERMS, st.integers(0, 9), st.integers(0, 9))
def test_agrees_with_python(text: str, a: int, b: int) -> None:
    names = {"a": a, "b": b}
    try:
        expected = eval(text, {"__builtins__": {}}, names)  # of text made above
    except ZeroDivisionError:
        with pytest.raises(InputError):
            evaluate(text, names)
        return
    try:
        assert evaluate(text, names) == expected
    except InputError as error:
        assert "not a number" in str(error)  # noqa: PT017


@pytest.mark.parametrize("a", [True, False])
@pytest.mark.parametrize("b", [True, False])
def test_logic_gives_booleans(a: bool, b: bool) -> None:
    names = {"a": int(a), "b": int(b)}
    assert evaluate("a and b", names) is (a and b)
    assert evaluate("a or b", names) is (a or b)
    assert evaluate("not a", names) is (not a)


ALPHABET = st.sampled_from(
    [
        *"abx019.+-*/%()[]{}<>=!,:'\"_ \\@#~",
        "**",
        "//",
        " if ",
        " else ",
        " and ",
        " not ",
        "__class__",
        "lambda ",
        "min(",
        *FUNCTIONS,
    ]
)


@given(st.lists(ALPHABET, max_size=40).map("".join) | st.text(max_size=60))
def test_nothing_but_input_errors(text: str) -> None:
    start = time.process_time()
    try:
        result = evaluate(text, {"a": 3, "b": 2.5, "x": "s"})
    except InputError:
        pass
    else:
        assert isinstance(result, int | float | str)
    assert time.process_time() - start < 1
