from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archloom.errors import InputError
from archloom.technology import price

ADC = [
    {name: float(value) for name, value in row.items()}
    for row in csv.DictReader(
        line
        for line in (Path(__file__).parent / "data/adc_sweep.csv").read_text().splitlines()
        if not line.startswith("#")
    )
]


def value(name: str, action: str, **attributes: object) -> float:
    return float(np.asarray(price(name, **attributes).energy[action].value))


def test_adc_as_stated() -> None:
    priced = price("adc", enob=8, rate_hz=1e9, node_nm=32)
    assert round(float(np.asarray(priced.energy["convert"].value)), 3) == 1.714
    assert priced.area is not None
    assert round(float(np.asarray(priced.area.value))) == 5972
    assert priced.leakage is None, "it is in the conversions"


def test_adc_reproduces_the_whole_sweep() -> None:
    assert len(ADC) == 384
    request = {name: np.array([row[name] for row in ADC]) for name in ("enob", "rate_hz", "node_nm")}
    whole, apart = price("adc", **request), price("adc", leakage="apart", **request)
    wanted = {name: np.array([row[name] for row in ADC]) for name in ("energy_pj", "area_um2", "leakage_mw")}
    assert whole.area is not None
    assert apart.leakage is not None
    assert whole.energy["convert"].value == pytest.approx(wanted["energy_pj"], rel=1e-12)
    assert whole.area.value == pytest.approx(wanted["area_um2"], rel=1e-12)
    assert apart.leakage.value == pytest.approx(wanted["leakage_mw"], rel=1e-12)
    busy = np.asarray(apart.energy["convert"].value) + np.asarray(apart.leakage.value) / request["rate_hz"] * 1e9
    assert busy == pytest.approx(wanted["energy_pj"], rel=1e-12)


def test_adcs_share_a_rate() -> None:
    one, four = price("adc", enob=10, rate_hz=1e9), price("adc", enob=10, rate_hz=4e9, count=4)
    assert one.area is not None
    assert four.area is not None
    assert four.energy["convert"].value == pytest.approx(one.energy["convert"].value)
    assert four.area.value == pytest.approx(4 * np.asarray(one.area.value))


def test_leakage_of_several_adcs() -> None:
    one = price("adc", enob=10, rate_hz=1e9, leakage="apart").leakage
    four = price("adc", enob=10, rate_hz=4e9, count=4, leakage="apart").leakage
    assert one is not None
    assert four is not None
    assert four.value == pytest.approx(4 * np.asarray(one.value))


def test_dac_doubles_per_bit() -> None:
    assert value("dac", "convert", bits=9) == pytest.approx(2 * value("dac", "convert", bits=8))
    assert price("dac", bits=8).energy["convert"].confidence == "estimated"


@pytest.mark.parametrize(
    ("kind", "pj_per_bit", "confidence"),
    [
        ("LPDDR4", 8, "published"), ("LPDDR", 40, "published"), ("DDR3", 70, "published"), ("DDR4", 20.3, "published"),
        ("GDDR5", 14, "published"), ("GDDR6", 5.5, "published"), ("HBM2", 6.25, "published"), ("HBM3", 4.05, "published"),
        ("HBM4", 3.2, "published"), ("LPDDR5", 8 * (1.05 / 1.1) ** 2, "estimated"), ("DDR5", 20.3 * (1.1 / 1.2) ** 2, "estimated"),
        ("HBM2e", 6.25, "estimated"),
    ],
)  # fmt: skip
def test_dram_types(kind: str, pj_per_bit: float, confidence: str) -> None:
    figure = price("DRAM", type=kind.lower(), width_bits=64).energy["read"]
    assert figure.value == pytest.approx(64 * pj_per_bit, rel=1e-4)
    assert figure.confidence == confidence


def test_dram_sources_are_listed_and_chosen() -> None:
    figure = price("dram", type="HBM2", width_bits=64).energy["read"]
    assert "other sources, pJ/bit: accelergy 3.9, jouppi 3.9, accelforge 7.03" in figure.note
    assert value("dram", "read", type="HBM2", width_bits=64, source="accelforge") == pytest.approx(450, rel=1e-3)
    assert value("dram", "write", type="generic", width_bits=64) == pytest.approx(750)
    with pytest.raises(InputError, match="no figure for HBM3 from source 'jouppi'; there is: hwcomponents"):
        price("dram", type="HBM3", width_bits=64, source="jouppi")
    with pytest.raises(InputError, match=r"no type 'LPDDR5X' is known.*did you mean 'LPDDR5'"):
        price("dram", type="LPDDR5X", width_bits=64)


@pytest.mark.parametrize(("words", "read", "write"), [(12, 0.202, 0.177), (16, 0.251, 0.219), (192, 1.977, 1.882)])
def test_regfile_equal_to_its_source(words: int, read: float, write: float) -> None:
    priced = price("spad", size_bits=16 * words, width_bits=16, node_nm=32)
    assert priced.energy["read"].value == pytest.approx(read)
    assert priced.energy["write"].value == pytest.approx(write)
    assert priced.energy["read"].confidence == "published"


def test_a_regfile_of_one_word_is_a_register_and_grows_with_depth() -> None:
    one = price("regfile", size_bits=16, width_bits=16, node_nm=32)
    register = price("register", width_bits=16, node_nm=32)
    assert one.energy["read"].value == pytest.approx(register.energy["read"].value)
    depth = 2 ** np.arange(0, 12)
    reads = np.asarray(price("regfile", size_bits=8 * depth, width_bits=8).energy["read"].value)
    assert (np.diff(reads) > 0).all()
    deep = price("regfile", size_bits=16 * 193, width_bits=16)
    assert (deep.energy["read"].confidence, one.energy["read"].confidence) == ("estimated", "scaled")
    assert any("deeper than 192 words" in warning for warning in deep.warnings)
    assert "extrapolated" in " ".join(price("regfile", size_bits=2**14, width_bits=16).warnings)


def test_register_per_bit() -> None:
    priced = price("register", width_bits=32, size_bits=64, node_nm=40)
    assert priced.energy["read"].value == pytest.approx(32 * 0.009)
    assert priced.area is not None
    assert priced.area.value == pytest.approx(64 * 5.98)


def test_wire_is_c_v_squared() -> None:
    assert value("wire", "transfer", length_mm=1, width_bits=1, node_nm=45) == pytest.approx(0.2)
    assert value("wire", "transfer", length_mm=1, width_bits=1, voltage_v=0.7) == pytest.approx(0.098)
    assert value("wire", "transfer", length_mm=2, width_bits=64, node_nm=45) == pytest.approx(25.6)
    assert value("wire", "transfer", length_mm=0, width_bits=64) == 0
    reached = value("noc", "transfer", length_mm=0.1, width_bits=16, destinations=14, node_nm=45)
    assert reached == pytest.approx(14 * 16 * 0.1 * 0.2)


def test_router_and_crossbar_as_published() -> None:
    assert value("router", "transfer", width_bits=256, node_nm=32) == pytest.approx(20.74)
    assert value("crossbar", "transfer", width_bits=32, node_nm=40, clock_hz=5e8) == pytest.approx(0.6804)


def test_a_crossbar_grows_with_its_outputs() -> None:
    four, eight = (price("crossbar", width_bits=32, node_nm=40, outputs=n) for n in (4, 8))
    assert eight.energy["transfer"].value == pytest.approx(2 * np.asarray(four.energy["transfer"].value))
    assert any("in proportion to outputs" in warning for warning in eight.warnings)


LINKS = {
    "wire": {"length_mm": 0.5, "width_bits": 16},
    "multicast_network": {"length_mm": 0.5, "width_bits": 16, "destinations": 4},
    "router": {"width_bits": 64},
    "crossbar": {"width_bits": 64},
    "register": {"width_bits": 16},
    "regfile": {"size_bits": 256, "width_bits": 16},
    "counter": {"bits": 12},
    "adc": {"enob": 8, "rate_hz": 1e8},
    "dac": {"bits": 8},
    "smartbuffer": {"size_bits": 2**20, "width_bits": 64},
    "pe": {"bits": 16},
}


@given(name=st.sampled_from(sorted(LINKS)), nodes=st.lists(st.floats(3, 250), min_size=2, max_size=6))
def test_never_rising_as_the_node_shrinks(name: str, nodes: list[float]) -> None:
    shrinking = np.array(sorted(nodes, reverse=True))
    priced = price(name, node_nm=shrinking, **LINKS[name])
    for figure in priced.energy.values():
        values = np.asarray(figure.value)
        assert (values > 0).all()
        assert (np.diff(values) <= 1e-12 * values[1:]).all()


def test_smartbuffer_is_the_sum_of_its_parts() -> None:
    whole = price("smartbuffer_SRAM", size_bits=2**20, width_bits=64, node_nm=32)
    memory = price("sram", size_bits=2**20, width_bits=64, node_nm=32)
    step = value("address_generator", "compute", bits=14, node_nm=32)
    read = float(np.asarray(memory.energy["read"].value))
    assert whole.energy["read"].value == pytest.approx(read + step)
    assert whole.energy["read"].note.startswith("sram 18.33 + address_generator 0.08")
    assert "CACTI 7.0; Aladdin" in whole.energy["read"].source
    counter = price("address_generator", bits=14, node_nm=32).area
    assert memory.area is not None
    assert whole.area is not None
    assert counter is not None
    assert whole.area.value == pytest.approx(np.asarray(memory.area.value) + 2 * np.asarray(counter.value))
    passed = price("smartbuffer", size_bits=2**20, width_bits=64, node_nm=32, data_registers=2)
    registers = 2 * value("register", "write", width_bits=64, node_nm=32)
    assert passed.energy["read"].value == pytest.approx(read + step + registers)


def test_smartbuffer_near_the_published_global_buffer() -> None:
    """128 KB, 64 bit, 32 nm, one of 32 banks read: 18.18 pJ a read and 14.14 a write in the reference design."""
    whole = price("smartbuffer", size_bits=2**20, width_bits=64, node_nm=32)
    assert whole.energy["read"].value == pytest.approx(18.18, rel=0.02)
    assert whole.energy["write"].value == pytest.approx(14.14, rel=0.08)


def test_pe_reads_its_spads() -> None:
    whole = price("pe", bits=16, node_nm=32)
    parts = value("int_mac", "compute", bits=16, node_nm=32) + 0.202 + 1.977 + 0.251 + 0.219
    assert whole.energy["compute"].value == pytest.approx(parts)
    assert "weight spad read 1.977" in whole.energy["compute"].note
    bare = price("pe", bits=16, node_nm=32, input_words=0, weight_words=0, output_words=0)
    assert bare.energy["compute"].value == pytest.approx(bare.energy["mac"].value)
    many = price("pe", bits=16, node_nm=32, input_words=np.array([0, 12]))
    assert np.asarray(many.energy["compute"].value)[1] == pytest.approx(parts)
    assert np.diff(np.asarray(many.energy["compute"].value))[0] == pytest.approx(0.202)
