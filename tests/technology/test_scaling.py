from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archloom.technology.scaling import factor, node_warnings, nominal_voltage, voltage_factor

FACTORS = list(
    csv.DictReader(
        line
        for line in (Path(__file__).parent / "data/node_factors.csv").read_text().splitlines()
        if not line.startswith("#")
    )
)
QUANTITIES = ("energy", "area", "leakage", "delay")
nodes = st.floats(3, 250)


@pytest.mark.parametrize("quantity", ["energy", "leakage", "delay"])
def test_every_pair_of_the_table_to_printed_precision(quantity: str) -> None:
    assert len(FACTORS) == 256
    for row in FACTORS:
        got = factor(quantity, float(row["from_nm"]), float(row["to_nm"]))
        assert got == pytest.approx(float(row[quantity]), rel=1e-4), row  # five digits


def test_areas_from_45_nm_exactly_and_between_the_papers_nodes_as_far_as_it_rounds() -> None:
    paper = {"130", "90", "65", "45", "32", "20", "16", "14", "10", "7"}
    for row in FACTORS:
        got = factor("area", float(row["from_nm"]), float(row["to_nm"]))
        if row["from_nm"] == "45":
            assert got == pytest.approx(float(row["area"]), rel=1e-12), row
        elif {row["from_nm"], row["to_nm"]} <= paper:
            assert got == pytest.approx(float(row["area"]), rel=0.06), row


@pytest.mark.parametrize("quantity", QUANTITIES)
@given(a=nodes, b=nodes)
def test_never_rises_as_the_node_shrinks_and_is_a_ratio(quantity: str, a: float, b: float) -> None:
    small, large = sorted((a, b))
    assert 0 < factor(quantity, large, small) <= 1 + 1e-12
    assert factor(quantity, a, b) * factor(quantity, b, a) == pytest.approx(1)
    assert factor(quantity, a, a) == 1


def test_28_to_22_nm_lowers_energy_where_the_old_library_raised_it() -> None:
    (row,) = [row for row in FACTORS if row["from_nm"] == "28" and row["to_nm"] == "22"]
    assert float(row["accelergy_energy"]) > 1.5
    assert factor("energy", 28, 22) == pytest.approx(0.57303, rel=1e-4)


def test_between_nodes_it_is_geometric() -> None:
    middle = float(np.sqrt(45 * 65))
    assert factor("energy", 45, middle) == pytest.approx(np.sqrt(1.2406568), rel=1e-6)


def test_warned_beyond_the_paper() -> None:
    assert node_warnings(7) == node_warnings(130) == ()
    assert "5 nm is beyond" in node_warnings(5)[0]
    assert "5 and 180 nm is beyond" in node_warnings(np.array([5, 45, 180]))[0]


def test_voltage_is_squared_and_nan_is_nominal() -> None:
    assert nominal_voltage(45) == 1.0
    assert nominal_voltage(45, "lop") == 0.7
    assert voltage_factor(0.5, 45) == pytest.approx(0.25)
    assert voltage_factor(float("nan"), 45) == 1.0
    assert voltage_factor(np.array([np.nan, 2.0]), 45.0) == pytest.approx([1.0, 4.0])
