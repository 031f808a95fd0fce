from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archloom.errors import InputError
from archloom.technology import price

REFERENCE = Path(__file__).resolve().parents[3] / "shared/reference/technology/compute.csv"

# Jouppi et al. 2021, table 2, both columns: pJ at 45 nm (Horowitz) and 7 nm.
TABLE_2 = [
    ("int_add", 8, 0.03, 0.007),
    ("int_add", 32, 0.1, 0.03),
    ("fp_add", 16, 0.4, 0.16),
    ("fp_add", 32, 0.9, 0.38),
    ("int_multiply", 8, 0.2, 0.07),
    ("int_multiply", 32, 3.1, 1.48),
    ("fp_multiply", 16, 1.1, 0.34),
    ("fp_multiply", 32, 3.7, 1.31),
]
NAMES = ["int_add", "int_multiply", "fp_add", "fp_multiply", "int_mac", "fp_mac"]


def energy(name: str, **attributes: object) -> float:
    return float(np.asarray(price(name, **attributes).energy["compute"].value))


@pytest.mark.parametrize(("name", "bits", "old", "new"), TABLE_2)
def test_both_nodes_of_the_default_are_published_figures(name: str, bits: int, old: float, new: float) -> None:
    assert energy(name, bits=bits, node_nm=45) == pytest.approx(old, rel=1e-12)
    assert energy(name, bits=bits, node_nm=7) == pytest.approx(new, rel=1e-12)
    assert price(name, bits=bits, node_nm=7).energy["compute"].confidence == "published"
    assert energy(name, bits=bits, node_nm=45, source="horowitz") == pytest.approx(old, rel=1e-12)
    assert energy(name, bits=bits, node_nm=7, source="jouppi") == pytest.approx(new, rel=1e-12)
    assert new < energy(name, bits=bits, node_nm=22) < old


def test_beyond_both_nodes_the_nearer_is_scaled() -> None:
    assert energy("int_multiply", bits=8, node_nm=90) == pytest.approx(0.2 * 1.89731898)
    assert energy("int_multiply", bits=8, node_nm=3) == pytest.approx(0.07 * 0.06173971 / 0.09430897)


def test_16_bit_adder_of_horowitz() -> None:
    priced = price("int_add", bits=16, node_nm=45)
    assert priced.energy["compute"].value == pytest.approx(0.05)
    assert priced.area is not None
    assert priced.area.value == pytest.approx(67)


def test_every_row_of_the_table_is_what_is_asked_for_at_its_width_node_and_clock() -> None:
    text = files("archloom.technology").joinpath("tables/arithmetic.csv").read_text()
    checked = 0
    for row in csv.DictReader(text.splitlines()):
        width = "width_bits" if row["component"] in ("register", "crossbar", "router") else "bits"
        request = {width: int(row["bits"]), "node_nm": float(row["node_nm"])}
        if row["latency_ns"]:
            request["clock_hz"] = 1e9 / float(row["latency_ns"])
        if row["component"] in NAMES:
            request["source"] = row["key"]
        if row["format"]:
            request["format"] = row["format"]
        priced = price(row["component"], **request)
        (figure, *_) = priced.energy.values()
        assert figure.value == pytest.approx(float(row["energy_pj"]), rel=1e-9), row
        assert figure.confidence == "published", row
        for column, got in (("area_um2", priced.area), ("leakage_mw", priced.leakage)):
            if row[column] and row["format"] != "bfloat":
                assert got is not None
                assert got.value == pytest.approx(float(row[column]), rel=1e-9), row
        checked += 1
    assert checked == 115


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference numbers are not beside this checkout")
def test_the_table_is_the_reference() -> None:
    with REFERENCE.open() as file:
        wanted = sorted(float(row["energy_pJ"]) for row in csv.DictReader(file))
    text = files("archloom.technology").joinpath("tables/arithmetic.csv").read_text()
    assert sorted(float(row["energy_pj"]) for row in csv.DictReader(text.splitlines())) == wanted


@given(
    name=st.sampled_from(NAMES),
    bits=st.integers(1, 128),
    nodes=st.tuples(st.floats(3, 250), st.floats(3, 250)),
    source=st.sampled_from(["horowitz-jouppi", "horowitz", "jouppi", "aladdin"]),
    voltage=st.sampled_from([float("nan")]) | st.just(0.8),
)
def test_positive_and_monotone_in_node_and_width(
    name: str, bits: int, nodes: tuple[float, float], source: str, voltage: float
) -> None:
    request = {"source": source} | ({} if np.isnan(voltage) else {"voltage_v": voltage})
    small, large = (energy(name, bits=bits, node_nm=node, **request) for node in sorted(nodes))
    assert 0 < small <= large * (1 + 1e-12)
    assert energy(name, bits=bits + 1, node_nm=nodes[0], **request) >= energy(
        name, bits=bits, node_nm=nodes[0], **request
    )


def test_an_array_gives_what_its_elements_give() -> None:
    bits, node = np.array([8, 13, 32, 64]), np.array([45.0, 7.0, 28.0, 130.0])
    for name in NAMES:
        many = np.asarray(price(name, bits=bits, node_nm=node).energy["compute"].value)
        single = [energy(name, bits=int(b), node_nm=float(n)) for b, n in zip(bits, node, strict=True)]
        assert many == pytest.approx(single, rel=1e-12)


def test_a_mac_is_a_multiplier_and_an_adder() -> None:
    assert energy("mac", bits=8, node_nm=45) == pytest.approx(0.2 + 0.05)
    assert energy("mac", bits=8, node_nm=45, accumulator_bits=32) == pytest.approx(0.2 + 0.1)
    assert energy("fp_mac", bits=16, node_nm=45) == pytest.approx(1.1 + 0.4)
    assert energy("int_mac", bits=8, node_nm=7) == pytest.approx(0.084, rel=0.01), "TPUv4i's 8-bit MAC at 7 nm"
    assert energy("int_mac", bits=16, node_nm=45, source="sparseloop") == pytest.approx(2.2)
    assert "multiply 0.2, add 0.05 pJ" in price("mac", bits=8, node_nm=45).energy["compute"].note


def test_between_widths_multipliers_are_nearly_quadratic_and_adders_linear() -> None:
    assert energy("int_multiply", bits=16, node_nm=45) == pytest.approx(np.sqrt(0.2 * 3.1))
    assert energy("int_multiply", bits=64, node_nm=45) == pytest.approx(4 * 3.1)
    assert energy("int_add", bits=64, node_nm=45) == pytest.approx(2 * 0.1)
    assert energy("int_add", bits=4, node_nm=45) == pytest.approx(0.03 / 2)
    assert "8 to 32 bit" in price("int_multiply", bits=64, node_nm=45).warnings[0]


def test_bfloat_by_its_ratio_to_half_precision() -> None:
    assert energy("fp_multiply", bits=16, node_nm=7, format="bfloat") == pytest.approx(0.21)
    assert energy("fp_multiply", bits=16, node_nm=45, format="bfloat") == pytest.approx(1.1 * 0.21 / 0.34)
    wide = [energy("fp_mac", bits=16, node_nm=7, format="bfloat", accumulator_bits=bits) for bits in (16, 32)]
    assert wide == pytest.approx([0.21 + 0.11, 0.21 + 0.38])
    both = price("fp_mac", bits=16, node_nm=7, format="bfloat", accumulator_bits=[16, 32])
    assert both.energy["compute"].value == pytest.approx(wide)
    with pytest.raises(InputError, match="bfloat is known at 16 bits only"):
        price("fp_add", bits=32, format="bfloat")


def test_voltage_is_relative_to_the_source() -> None:
    assert energy("int_multiply", bits=8, node_nm=45, voltage_v=0.9) == pytest.approx(0.2)
    assert energy("int_multiply", bits=8, node_nm=45, voltage_v=0.45) == pytest.approx(0.05)
    assert energy("int_multiply", bits=8, node_nm=7, voltage_v=0.7) == pytest.approx(0.07)


def test_what_a_source_does_not_give_is_said() -> None:
    priced = price("int_multiply", bits=8, node_nm=45)
    assert priced.leakage is None
    assert any("no leakage in Horowitz" in warning for warning in priced.warnings)
    with pytest.raises(InputError, match=r"no source 'horowits' is known.*did you mean 'horowitz'"):
        price("int_add", bits=8, source="horowits")
    with pytest.raises(InputError, match=r"bits is a whole number from 1 to 256 bit, not 8\.5"):
        price("int_add", bits=8.5)
