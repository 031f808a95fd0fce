from __future__ import annotations

import numpy as np
import pytest

from archloom.errors import InputError
from archloom.technology import Attribute, Component, Figure, Price, components, find, library, price, register
from archloom.technology.contract import check
from archloom.technology.library import sources_of

NAMES = (
    "sram regfile register dram int_add int_multiply int_mac fp_add fp_multiply fp_mac comparator counter shifter bitwise "
    "address_generator wire multicast_network router crossbar adc dac smartbuffer pe"
)


def test_all_components_are_there_and_go_by_their_other_names() -> None:
    assert set(NAMES.split()) <= set(components())
    aliases = {
        "SRAM": "sram", "scratchpad": "sram", "buffer": "sram", "smartbuffer_SRAM": "smartbuffer", "register_file": "regfile",
        "rf": "regfile", "spad": "regfile", "flipflop": "register", "reg": "register", "DRAM": "dram", "mac": "int_mac",
        "intmac": "int_mac", "noc": "multicast_network",
    }  # fmt: skip
    for alias, name in aliases.items():
        assert find(alias).name == name


def test_no_two_components_go_by_one_name() -> None:
    names = [name.casefold() for c in components().values() for name in (c.name, *c.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", sorted(components()))
def test_every_component_keeps_the_contract(name: str) -> None:
    assert check(find(name)) == []


@pytest.mark.parametrize("name", sorted(components()))
def test_every_attribute_has_its_default_in_range(name: str) -> None:
    component = find(name)
    assert component.about
    assert component.sources
    for attribute in component.attributes:
        default = attribute.default
        if attribute.choices:
            assert default is None or default in attribute.choices
        elif default is not None and not np.isnan(default):
            assert attribute.low <= default <= attribute.high


def test_all_faults_at_once() -> None:
    with pytest.raises(InputError) as caught:
        price("sram", size_bits=-1, width_bits="wide", nodes=7, cell="x")
    assert [fault.message.split(",")[0] for fault in caught.value.faults] == [
        "sram has no attribute 'nodes'",
        "sram: size_bits is a whole number from 128 to 68719476736 bit",
        "sram: width_bits is a number (bit)",
        "sram: no cell 'x' is known; there are lstp",
    ]
    assert caught.value.faults[0].hint == "did you mean 'node_nm'?"


def test_an_unknown_component_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no component 'srams' in the library \(did you mean 'sram'\?\)"):
        price("srams", size_bits=1024, width_bits=8)


@pytest.mark.parametrize(
    "value", [True, "64", None, [1, "a"], complex(1), float("inf"), float("nan"), 10**400, {}, b"8"]
)
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="width_bits"):
        price("sram", size_bits=1024, width_bits=value)


def test_numbers_come_out_as_numbers_and_arrays_in_the_shape_asked_for() -> None:
    one = price("sram", size_bits=np.float64(2**16), width_bits=np.int32(64))
    assert type(one.energy["read"].value) is float
    assert one.leakage is not None
    assert type(one.leakage.value) is float
    many = price("sram", size_bits=np.full((3, 1), 2**16), width_bits=[8, 16], node_nm=28)
    for figure in (*many.energy.values(), many.area, many.leakage):
        assert figure is not None
        assert np.shape(figure.value) == (3, 2)
    types = price("dram", width_bits=[8, 16])
    assert np.asarray(types.energy["read"].value).tolist() == [64, 128]


@pytest.mark.parametrize("name", sorted(components()))
def test_no_variants_cost_nothing_and_are_no_error(name: str) -> None:
    sized = {"size_bits": [], "width_bits": [], "bits": [], "length_mm": [], "enob": [], "rate_hz": []}
    wanted = {a.name: sized.get(a.name, 1) for a in find(name).attributes if a.default is None}
    for figure in price(name, **(wanted or {"width_bits": []})).energy.values():
        assert np.shape(figure.value) == (0,)


def test_a_hostile_value_is_cut_short() -> None:
    for value in (10**5000, "x" * 10**6, ["x"] * 10**4):
        with pytest.raises(InputError) as caught:
            price("sram", size_bits=value, width_bits=8)
        assert len(str(caught.value)) < 400


def test_the_request_is_kept_and_not_changed() -> None:
    sizes = np.array([2.0**16, 2.0**17])
    priced = price("SRAM", size_bits=sizes, width_bits=64)
    assert priced.component == "sram"
    assert priced.attributes["node_nm"] == 45
    assert priced.attributes["cell"] == "lstp"
    assert sizes.tolist() == [2.0**16, 2.0**17]


def test_sources_tell_who_is_priced_by_what() -> None:
    prices = {
        "buffer": price("sram", size_bits=2**16, width_bits=64),
        "rows": price("sram", size_bits=2**12, width_bits=64),
        "off": price("dram", type="HBM3", width_bits=64),
    }
    assert sources_of(prices) == {"CACTI 7.0": ["buffer", "rows"], "hwcomponents-cacti 1.0.40": ["off"]}


def test_a_ten_line_component(monkeypatch: pytest.MonkeyPatch) -> None:
    def priced(*, bits: float, node_nm: float) -> Price:
        energy = Figure(0.01 * bits * node_nm / 28, "pJ", "our synthesis run", "modelled", 28)
        return Price("popcount", {}, {"compute": energy})

    monkeypatch.setattr(library, "_registered", {})
    bits, node = Attribute("bits", "bit", None, 1, 64, whole=True), Attribute("node_nm", "nm", 28, 7, 90)
    own = register(Component("popcount", "counts ones", (bits, node), priced, aliases=("ones",)))
    assert check(own) == []
    assert price("Ones", bits=[8, 16]).energy["compute"].value == pytest.approx([0.08, 0.16])
    register(Component("sram", "ours", (bits,), lambda *, bits: price(own, bits=bits)))
    assert find("SRAM").about == "ours", "one's own goes before what is built in"
    library._names.cache_clear()
    with pytest.raises(InputError, match="register takes a Component, not int"):
        register(3)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def clear() -> object:
    yield
    library._names.cache_clear()


def broken(what: str) -> Component:
    def priced(*, bits: float, node_nm: float) -> Price:
        value = {
            "negative": -1.0 * np.asarray(bits),
            "infinite": np.asarray(bits) * np.inf,
            "scalar": float(np.max(bits)),
            "rising": np.divide(bits, node_nm),
        }.get(what, 1.0)
        if what == "raises" and np.ndim(bits):
            raise ValueError("only numbers")
        unit = "nJ" if what == "unit" else "pJ"
        figure = Figure(value, unit, "" if what == "source" else "us", "estimated")
        return Price("own", {}, {} if what == "nothing" else {"compute": figure})

    return Component(
        "own", "", (Attribute("bits", "bit", None, 1, 64), Attribute("node_nm", "nm", 45.0, 3, 250)), priced
    )


@pytest.mark.parametrize(
    ("what", "fault"),
    [
        ("negative", "own: energy of compute is negative: -8 pJ"),
        ("infinite", "own: energy of compute is not finite: inf"),
        ("scalar", "own: energy of compute over an array of bits differs from the same one by one"),
        ("rising", "own: energy of compute rises from "),
        ("raises", "own: an array of bits raises ValueError: only numbers"),
        ("unit", "own: energy of compute is in nJ, not pJ"),
        ("source", "own: energy of compute names no source"),
        ("nothing", "own: no action has an energy"),
    ],
)
def test_the_contract_finds_what_is_wrong(what: str, fault: str) -> None:
    assert any(found.startswith(fault) for found in check(broken(what), bits=8)), check(broken(what), bits=8)


def test_the_contract_finds_crashes() -> None:
    def crashes(*, bits: float) -> Price:
        raise KeyError(bits)

    assert check(Component("own", "", (Attribute("bits", "bit", None, 1, 64),), crashes)) == [
        "own: raises KeyError: 8.0"
    ]
    loose = Component(
        "own", "", (Attribute("bits", "bit", None, -np.inf, np.inf),), lambda *, bits: price("register", width_bits=8)
    )
    assert "own: bits = -inf is not refused" not in check(loose, bits=8)
