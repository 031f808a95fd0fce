"""Design spaces: counts, samples and positions against plain enumeration."""

from __future__ import annotations

import itertools
import pickle
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archloom.errors import InputError, Place
from archloom.exploration import components
from archloom.exploration.design_space import DesignSpace, Linked
from archloom.exploration.domains import Parameter, read_domain
from archloom.exploration.expressions import read_expression
from archloom.spec.document import parse


def parameter(name: str, *values: float | str) -> Parameter:
    words = any(isinstance(value, str) for value in values)
    return Parameter(name, name, values, None if words else np.array(values, dtype=np.float64))


def space(parameters: list[Parameter], constraints: list[str] = [], linked: dict[str, str] = {}) -> DesignSpace:  # noqa: B006
    names = [*(p.name for p in parameters), *linked]
    return DesignSpace(
        tuple(parameters),
        tuple(Linked(name, read_expression(text, names), name) for name, text in linked.items()),
        tuple(read_expression(text, names, Place("f", 1, 1)) for text in constraints),
    )


def grid(of: DesignSpace) -> np.ndarray:
    return np.array(list(itertools.product(*(range(len(p)) for p in of.parameters))), dtype=np.int64)


TESTS = ["a + b <= c", "a % 2 == 0", "b * c >= 4", "d != 3 or a > 1", "l <= 6", "d <= 9", "c > 99"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=4, max_size=4),
    st.lists(st.sampled_from(TESTS), max_size=3, unique=True),
    st.integers(0, 99),
)
def test_count_blocks_and_samples_are_those_of_the_enumeration(sizes: list[int], tests: list[str], seed: int) -> None:
    own = space(
        [parameter(name, *range(size)) for name, size in zip("abcd", sizes, strict=True)], tests, {"l": "a + d"}
    )
    designs = grid(own)
    admitted = [row for row in designs.tolist() if _holds(dict(zip("abcd", row, strict=True)), tests)]
    assert own.size == len(designs)
    assert own.count() == len(admitted)
    assert [row for block in own.blocks(7) for row in block.tolist()] == admitted
    assert own.admits(designs).tolist() == [row in admitted for row in designs.tolist()]
    assert own.unflat(own.flat(designs)).tolist() == designs.tolist()
    assert own.flat(designs).tolist() == list(range(own.size))
    if admitted:
        drawn = own.sample(np.random.default_rng(seed), 20).tolist()
        assert all(row in admitted for row in drawn)
        assert drawn == own.sample(np.random.default_rng(seed), 20).tolist()
    else:
        with pytest.raises(InputError, match="fulfil the constraints"):
            own.sample(np.random.default_rng(seed), 1)


def _holds(values: dict[str, int], tests: list[str]) -> bool:
    scope = {**values, "l": values["a"] + values["d"]}
    return all(eval(test, {}, scope) for test in tests)  # the plain meaning of Python is the oracle


@pytest.mark.parametrize("kept", [1 << 22, 1])
def test_samples_are_even(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(components, "KEPT", kept)
    own = space([parameter("a", *range(6)), parameter("b", *range(5)), parameter("c", 1, 2)], ["a <= b"])
    many = Counter(map(tuple, own.sample(np.random.default_rng(1), 30_000).tolist()))
    assert len(many) == own.count() == 30
    assert all(abs(count - 1000) < 150 for count in many.values())


def test_hardly_any_design_admitted_is_still_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(components, "KEPT", 1)
    own = space([parameter("a", *range(2000)), parameter("b", *range(2000))], ["a == 1999", "b == 7 or a + b == 3998"])
    assert own.count() == 2
    assert {tuple(row) for row in own.sample(np.random.default_rng(1), 50).tolist()} == {(1999, 7), (1999, 1999)}


def test_constraints_that_tie_too_much_together_are_refused_with_advice() -> None:
    own = space([parameter(name, *range(1000)) for name in "abcd"], ["a + b + c + d <= 9"])
    with pytest.raises(InputError) as caught:
        own.count()
    assert "tie a, b, c, d together, which have 1,000,000,000,000 combinations; that is too many" in str(caught.value)
    assert "at most 200,000,000" in str(caught.value)
    own = space([parameter(name, *range(1000)) for name in "abcd"], ["a <= 9", "b < c"])
    assert own.count() == 10 * 1000 * (1000 * 999 // 2)
    assert own.size == 10**12


def test_positions_beyond_64_bits_are_python_integers() -> None:
    own = space([parameter(f"p{at}", *range(10)) for at in range(30)])
    assert own.size == own.count() == 10**30
    designs = own.sample(np.random.default_rng(0), 5)
    numbers = own.flat(designs)
    assert numbers.dtype == object
    assert [int("".join(map(str, row))) for row in designs.tolist()] == list(numbers)
    assert own.unflat(numbers).tolist() == designs.tolist()


def test_neighbours_are_one_step_away_and_admitted() -> None:
    own = space([parameter("a", 1, 2, 4, 8), parameter("w", "x", "y", "z"), parameter("u", 3, 1, 2)], ["a <= 4"])
    found = {tuple(row) for row in own.neighbours(np.array([2, 0, 0])).tolist()}
    assert found == {(1, 0, 0), (2, 1, 0), (2, 2, 0), (2, 0, 1), (2, 0, 2)}


def test_nearest_takes_values_as_written_and_as_numbers() -> None:
    own = space([parameter("a", 1, 2, 4, 8), parameter("w", "x", "y")], ["a <= 4"])
    assert own.nearest({"a": 5, "w": "y"}) is not None
    assert own.nearest({"a": 5, "w": "y"}).tolist() == [2, 1]  # type: ignore[union-attr]
    assert own.nearest({"a": 9}) is None


def test_columns_and_settings_follow_the_links() -> None:
    domain = read_domain(_yaml("{log2: [16 KiB, 64 KiB]}"), Place("f"), "a")
    free = Parameter("levels.A.size", "levels.A.size", domain.values, domain.numbers)
    names = ["levels.A.size", "half", "mesh"]
    linked = (
        Linked("half", read_expression("levels.A.size / 2", names), "levels.B.size", "bit"),
        Linked("mesh", read_expression("half // KiB", names), "levels.A.fanout.x", None, 1.0, 1),
    )
    own = DesignSpace((free,), linked)
    designs = np.array([[0], [2]])
    assert {name: column.tolist() for name, column in own.columns(designs).items()} == {
        "levels.A.size": [131072, 524288],
        "half": [65536, 262144],
        "mesh": [8, 32],
    }
    assert own.settings(designs[1]) == {"levels.A.size": "64 KiB", "levels.B.size": "32 KiB", "levels.A.fanout.x": 32}
    assert own.described(designs[1]) == "levels.A.size = 64 KiB"
    again = pickle.loads(pickle.dumps(own))
    assert again.settings(designs[0]) == own.settings(designs[0])


def _yaml(text: str) -> Any:
    document = parse(f"a: {text}", "f")
    assert isinstance(document, dict)
    return document["a"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{log2: [16 KiB, 64 KiB]}", ["16 KiB", "32 KiB", "64 KiB"]),
        ("{log2: [3, 24]}", [3, 6, 12, 24]),
        ("{log2: [512 KiB, 2 MiB]}", ["512 KiB", "1 MiB", "2 MiB"]),
        ("{log2: [12 words, 48 words]}", ["12 words", "24 words", "48 words"]),
        ("{range: [1, 5]}", [1, 2, 3, 4, 5]),
        ("{range: [1, 6, 2]}", [1, 3, 5]),
        ("{range: [0.1, 0.4, 0.1]}", [0.1, 0.2, 0.3, 0.4]),
        ("{range: [100 MHz, 0.3 GHz, 100 MHz]}", ["100 MHz", "200 MHz", "300 MHz"]),
        ("{linspace: [1 pJ, 2 pJ, 5]}", ["1 pJ", "1.25 pJ", "1.5 pJ", "1.75 pJ", "2 pJ"]),
        ("{geomspace: [1, 1000, 4]}", [1, 10, 100, 1000]),
        ("{divisors_of: 12}", [1, 2, 3, 4, 6, 12]),
        ("{choices: [lstp, hp]}", ["lstp", "hp"]),
        ("[4, 2]", [4, 2]),
        ("7", [7]),
    ],
)
def test_domains(text: str, values: list[Any]) -> None:
    assert list(read_domain(_yaml(text), Place("f"), "p").values) == values


def test_numbers_are_in_base_units_and_words_have_none() -> None:
    assert read_domain(_yaml("[1 KiB, 8 bit]"), Place("f"), "p").numbers.tolist() == [8192, 8]  # type: ignore[union-attr]
    assert read_domain(_yaml("[12 words]"), Place("f"), "p", word_bits=16).numbers.tolist() == [192]  # type: ignore[union-attr]
    assert read_domain(_yaml("[12 words]"), Place("f"), "p").numbers is None
    assert read_domain(_yaml("[1 KiB, 8 MHz]"), Place("f"), "p").numbers is None
    assert read_domain(_yaml("[true, false]"), Place("f"), "p").numbers is None
    assert parameter("p", 1, 2, 3).is_ordered
    assert not parameter("p", 1, 3, 2).is_ordered
    assert not parameter("p", "a", "b").is_ordered


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "p has an empty list of values; expected at least one"),
        ("[4, 4]", "p has the value 4 twice"),
        ("[1, ~]", "p has an empty value"),
        ("{rnge: [1, 2]}", "p has the unknown domain 'rnge' (did you mean 'range'?)"),
        ("{range: [1, 2], log2: [1, 2]}", "p has several domains; expected one"),
        ("{}", "p has no domain; expected one, such as log2"),
        ("{log2: [24 KiB, 1 MiB]}", "'log2' of p ends at 1 MiB, which is no power of two times 24 KiB"),
        ("{log2: [4, 2]}", "'log2' of p is empty: it ends before it starts"),
        ("{log2: [0, 2]}", "'log2' of p starts at 0; expected more than 0"),
        ("{log2: [1 KiB, 2 MHz]}", "'log2' of p mixes units: KiB and MHz"),
        ("{log2: 4}", "'log2' of p is 4; expected such as log2: [16 KiB, 1 MiB]"),
        ("{log2: [1 KiB, x]}", "in the expression 'x': there is no name 'x'"),
        ("{range: [5, 1]}", "'range' of p is empty"),
        ("{range: [1, 5, 0]}", "'range' of p has the step 0; expected more than 0"),
        ("{range: [1, 1e9]}", "'range' of p has 1,000,000,000 values; expected at most 1,000,000"),
        ("{range: [1, .inf]}", "'range' of p has an infinite end"),
        ("{range: [1 KB, 4 KB]}", "'range' of p has the unit 'KB', which is ambiguous"),
        ("{linspace: [1, 2, 1]}", "'linspace' of p has 1 points; expected 2 to 1,000,000"),
        ("{linspace: [2, 2, 3]}", "'linspace' of p starts where it ends"),
        ("{geomspace: [0, 2, 3]}", "'geomspace' of p has an end of 0 or less"),
        ("{divisors_of: 1.5}", "'divisors_of' of p is 1.5; expected a whole number from 1 to 2**40"),
        ("{choices: 4}", "'choices' of p is 4; expected a list such as choices: [1, 2, 4]"),
    ],
)
def test_faulty_domains(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_domain(_yaml(text), Place("f", 1, 4), "p")
    assert message in str(caught.value)
    assert str(caught.value).startswith("f:1:")
