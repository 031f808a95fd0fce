"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archloom.report import units


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (units.energy(0), "0 pJ"),
        (units.energy(0.25), "0.250 pJ"),
        (units.energy(1234), "1.23 nJ"),
        (units.energy(999.9), "1.00 nJ"),
        (units.energy(2.585e9), "2.58 mJ"),
        (units.energy(1e18), "1.00 MJ"),
        (units.area(900), "900 µm²"),
        (units.area(151_200), "0.151 mm²"),
        (units.area(4.1e6), "4.10 mm²"),
        (units.bits(math.inf), "unbounded"),
        (units.bits(3), "3 bit"),
        (units.bits(1136), "142 B"),
        (units.bits(108 * 8192), "108 KiB"),
        (units.bits(2.5 * 8 * 2**20), "2.50 MiB"),
        (units.count(802_816), "802,816"),
        (units.count(3 * 10**14), "300,000,000,000,000"),
        (units.short_count(9_999), "9,999"),
        (units.short_count(802_816), "803k"),
        (units.ratio(math.nan), "-"),
        (units.ratio(0.241), "0.241"),
        (units.ratio(999.9), "1.00k"),
        (units.times(8.516), "8.52×"),
        (units.times(math.inf), "-"),
        (units.percent(1), "100 %"),
        (units.percent(0.4651), "46.5 %"),
        (units.percent(0.0001), "<0.1 %"),
        (units.percent(0), "0.0 %"),
    ],
)
def test_text(shown: str, text: str) -> None:
    assert shown == text


@given(st.floats(min_value=1e-9, max_value=1e18))
def test_energies_keep_three_digits(picojoules: float) -> None:
    number, unit = units.energy(picojoules).split()
    scale = {"pJ": 1, "nJ": 1e3, "µJ": 1e6, "mJ": 1e9, "J": 1e12, "kJ": 1e15, "MJ": 1e18}[unit]
    assert float(number.replace(",", "")) * scale == pytest.approx(picojoules, rel=6e-3)


@given(st.floats(min_value=1e-3, max_value=1e15))
def test_short_numbers_keep_three_digits(number: float) -> None:
    text = units.short(number)
    scale = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}.get(text[-1], 1)
    assert float(text.rstrip("kMGT").replace(",", "")) * scale == pytest.approx(number, rel=6e-3)
    assert len(text) <= 7
