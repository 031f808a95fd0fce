"""Quantities: every unit against its definition, and messages that name the unit that is meant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archloom.errors import InputError, Place
from archloom.spec.quantities import (
    AREA,
    BANDWIDTH,
    ENERGY,
    FREQUENCY,
    LEAKAGE,
    LENGTH,
    SIZE,
    UNITS,
    WORD,
    Measure,
    Quantity,
    quantity,
)

NAMES = {"n": 4, "words": 7}
MEASURES = (SIZE, WORD, ENERGY, AREA, FREQUENCY, LENGTH, LEAKAGE, BANDWIDTH)


@pytest.mark.parametrize(
    ("text", "measure", "value", "unit"),
    [
        *(
            ("128KiB", SIZE, 2**20, "bit"),
            ("16 bits", SIZE, 16, "bit"),
            ("3 Bytes", SIZE, 24, "bit"),
            ("4 word", SIZE, 4, "word"),
        ),
        *(
            ("2 MiB", SIZE, 2**24, "bit"),
            ("1 Kibit", SIZE, 1024, "bit"),
            ("1e3 B", SIZE, 8000, "bit"),
            ("1 GHz", FREQUENCY, 1e9, "Hz"),
        ),
        *(
            ("4 mm2", AREA, 4e6, "um2"),
            ("4 mm²", AREA, 4e6, "um2"),
            ("4 µm^2", AREA, 4, "um2"),
            ("28nm", LENGTH, 28, "nm"),
        ),
        *(
            ("12 pJ", ENERGY, 12, "pJ"),
            ("1 nJ", ENERGY, 1000, "pJ"),
            ("8 pJ/bit", ENERGY, 8, "pJ/bit"),
            ("8 pJ/B", ENERGY, 1, "pJ/bit"),
        ),
        *(("16 B/cycle", BANDWIDTH, 128, "bit/cycle"), ("4 words/cycle", BANDWIDTH, 4, "word/cycle")),
        *(("25.6 GB/s", BANDWIDTH, 25.6 * 8e9, "bit/s"), ("1 GiB/s", BANDWIDTH, 8 * 2**30, "bit/s")),
        *(("3 mW", LEAKAGE, 0.003, "W"), ("3 fJ/cycle", LEAKAGE, 0.003, "pJ/cycle"), ("1e9Hz", FREQUENCY, 1e9, "Hz")),
        *(("2 * n KiB", SIZE, 2**16, "bit"), ("(n + 1)KiB", SIZE, 5 * 2**13, "bit"), ("1/2 pJ", ENERGY, 0.5, "pJ")),
        *(
            (0, SIZE, 0, "bit"),
            (float("inf"), SIZE, float("inf"), "bit"),
            ("n - 4", ENERGY, 0, "pJ"),
            ("inf", SIZE, float("inf"), "bit"),
        ),
        ("8 if n > 3 else 4 KiB", SIZE, 2**16, "bit"),
    ],
)
def test_values(text: Any, measure: Measure, value: float, unit: str) -> None:
    found = quantity(text, measure, names=NAMES)
    assert found.unit == unit
    assert found.value == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "measure", "message"),
    [
        (
            "128 KB",
            SIZE,
            "f.yaml:2:3: size has the unit 'KB', which is ambiguous (write KiB for powers of 1024, or e.g. 1e3 B)",
        ),
        (
            "1 MB",
            SIZE,
            "f.yaml:2:3: size has the unit 'MB', which is ambiguous (write MiB for powers of 1024, or e.g. 1e3 B)",
        ),
        (128, SIZE, "f.yaml:2:3: size is 128, which has no unit; write a size such as '128 KiB'"),
        ("128", SIZE, "f.yaml:2:3: size is '128', which has no unit; write a size such as '128 KiB'"),
        ("n * words", SIZE, "f.yaml:2:3: size is 'n * words', which has no unit; write a size such as '128 KiB'"),
        ("12 pj", ENERGY, "f.yaml:2:3: size has the unknown unit 'pj' (did you mean 'pJ'?)"),
        ("12 KiBs", SIZE, "f.yaml:2:3: size has the unknown unit 'KiBs' (did you mean 'KiB'?)"),
        ("12 pJ", SIZE, "f.yaml:2:3: size has the unit 'pJ'; expected a size such as '128 KiB'"),
        ("12 um", AREA, "f.yaml:2:3: size has the unit 'um'; expected an area such as '4 mm2'"),
        ("16 b", WORD, "f.yaml:2:3: size has the unit 'b' (write bit for bits, B for bytes)"),
        ("-1 pJ", ENERGY, "f.yaml:2:3: size is '-1 pJ'; expected 0 or more"),
        (None, SIZE, "f.yaml:2:3: size is empty; expected a size such as '128 KiB'"),
        (True, SIZE, "f.yaml:2:3: size is true; expected a size such as '128 KiB'"),
        ([1], SIZE, "f.yaml:2:3: size is a list; expected a size such as '128 KiB'"),
        (float("nan"), SIZE, "f.yaml:2:3: size is .nan; expected a size such as '128 KiB'"),
        ("1e308 TiB", SIZE, "f.yaml:2:3: size is '1e308 TiB', which is too large"),
        ("9**9**9 KiB", SIZE, "the result is too large"),
        ("m KiB", SIZE, "there is no name 'm'"),
        ("KiB", SIZE, "there is no name 'KiB'"),
    ],
)
def test_faults(text: Any, measure: Measure, message: str) -> None:
    with pytest.raises(InputError) as error:
        quantity(text, measure, names=NAMES, what="size", place=Place("f.yaml", 2, 3))
    assert message in str(error.value)


@pytest.mark.parametrize("name", UNITS)
def test_every_unit_is_of_some_measure(name: str) -> None:
    base, factor = UNITS[name]
    measures = [measure for measure in MEASURES if base in measure.bases and "s" not in name.split("/")[1:]]
    for measure in measures:
        if name in ("word", "word/s"):
            continue
        assert quantity(f"3 {name}", measure) == Quantity(3 * factor, base)


@given(st.floats(0, 1e12, allow_nan=False), st.sampled_from(["pJ", "bit", "um2", "pJ/cycle", "word/cycle"]))
def test_base_units_keep_every_bit(number: float, unit: str) -> None:
    measure = next(measure for measure in MEASURES if unit in measure.bases)
    for text in (f"{number!r} {unit}", f"{number!r}{unit}", f"0 + {number!r} {unit}"):
        assert quantity(text, measure).value == number


@given(
    st.text(max_size=30) | st.from_regex(r"[0-9a-z.+*/ ()-]{0,12}[A-Za-z/0-9]{1,6}", fullmatch=True),
    st.sampled_from(MEASURES),
)
def test_nothing_but_input_errors(text: str, measure: Measure) -> None:
    try:
        found = quantity(text, measure, names=NAMES)
    except InputError:
        return
    assert found.value >= 0
    assert found.unit in measure.bases
