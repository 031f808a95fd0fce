"""`archloom technology`: lists, prices, drawings and origins, and one clear message where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from archloom.technology import components, price

PRICED = """\
architecture:
  name: priced
  clock: 1 GHz
  node: 28 nm
  levels:
    - {name: DRAM, energy: 8 pJ/bit}
    - {name: GLB, class: sram, size: 128 KiB, width: 64}
  compute: {class: int_mac}
"""


def test_lists_all_components(archloom: Any) -> None:
    done = archloom("technology")
    assert done.code == 0
    for name in components():
        assert name in done.out


def test_searches(archloom: Any) -> None:
    done = archloom("technology", "floating-point", "adder")
    assert "fp_add" in done.out
    assert "sram" not in done.out.splitlines()[2]


def test_tells_what_a_component_takes(archloom: Any) -> None:
    done = archloom("technology", "SRAM")
    assert done.code == 0
    for word in ("--size", "needed", "--cell", "lstp", "16 B to 8.00 GiB"):
        assert word in done.out


def test_prices_one(archloom: Any) -> None:
    done = archloom("technology", "sram", "--size", "128KiB", "--width", "64", "--node", "28nm")
    expected = float(price("sram", size_bits=2**20, width_bits=64, node_nm=28).energy["read"].value)
    assert f"{expected:.4g} pJ" in done.out
    for word in ("CACTI 7.0", "modelled", "32 nm", "leakage", "mm²"):
        assert word in done.out


def test_prices_as_json(archloom: Any) -> None:
    done = archloom("technology", "sram", "--size", "128KiB", "--width", "64 bit", "--node", "28nm,45nm", "--json")
    found = json.loads(done.out)
    assert [each["attributes"]["node_nm"] for each in found] == [28, 45]
    expected = price("sram", size_bits=2**20, width_bits=64, node_nm=28)
    assert found[0]["energy"]["read"]["value"] == float(expected.energy["read"].value)
    assert found[0]["energy"]["read"]["unit"] == "pJ"
    assert found[0]["area"]["source"] == "CACTI 7.0"


def test_several_side_by_side(archloom: Any) -> None:
    done = archloom("technology", "dram", "--type", "HBM2,LPDDR4")
    assert [line.split()[0] for line in done.out.splitlines()[3:5]] == ["HBM2", "LPDDR4"]


def test_other_attributes(archloom: Any) -> None:
    done = archloom(
        "technology", "int_mac", "--bits", "8", "--set", "accumulator_bits=32", "--set", "source=horowitz", "--json"
    )
    expected = price("int_mac", bits=8, accumulator_bits=32, source="horowitz")
    assert json.loads(done.out)["energy"]["compute"]["value"] == float(expected.energy["compute"].value)


def test_everything_is_json(archloom: Any) -> None:
    listed = json.loads(archloom("technology", "--json").out)
    assert {each["name"] for each in listed} == set(components())
    assert json.loads(archloom("technology", "sram", "--json").out)["attributes"][0]["required"] is True
    assert {row["source"] for row in json.loads(archloom("technology", "--of", "eyeriss", "--json").out)} == {
        "the file"
    }
    assert json.loads(archloom("technology", "--of", "tiny", "--compare", "--json").out)[0]["component"] == "DRAM"


@pytest.mark.parametrize("suffix", [".svg", ".html"])
def test_plots(archloom: Any, folder: Path, suffix: str) -> None:
    done = archloom("technology", "sram", "--width", "64", "--plot", f"a{suffix}")
    assert (done.code, done.out) == (0, "")
    assert "polyline" in (folder / f"a{suffix}").read_text("utf-8")
    again = archloom("technology", "sram", "--width", "64", "--plot", f"a{suffix}")
    assert again.code == 2
    assert "give --force to replace it" in again.err


def test_origins_of_a_file(archloom: Any, folder: Path) -> None:
    (folder / "priced.yaml").write_text(PRICED, "utf-8")
    done = archloom("technology", "--of", "priced.yaml")
    assert done.code == 0
    assert "the file" in done.out
    assert "CACTI 7.0" in done.out
    changed = archloom("technology", "--of", "priced.yaml", "--set", "levels.GLB.energy=1 pJ")
    assert "CACTI 7.0" not in changed.out


TABLE = """\
name: vendor_ram
source: a vendor
confidence: published
node_nm: 22
attributes: {size_bits: bit, width_bits: bit}
rows:
  - {size_bits: 65536, width_bits: 64, read_pj: 2.0, write_pj: 2.4}
  - {size_bits: 1048576, width_bits: 64, read_pj: 7.0, write_pj: 7.9}
"""


def test_tables_of_ones_own(process: Any, folder: Path) -> None:
    (folder / "ram.yaml").write_text(TABLE, "utf-8")
    asked = ("technology", "vendor_ram", "--size", "128KiB", "--width", "64", "--node", "22nm", "--json")
    done = process(*asked, "--table", "ram.yaml")
    assert json.loads(done.out)["energy"]["read"]["value"] == pytest.approx(7.0)
    assert process(*asked).code == 2


def test_comparison_with_the_zoo(archloom: Any) -> None:
    done = archloom("technology", "--of", "simba_like", "--compare")
    assert "GlobalBuffer" in done.out
    assert "1.00×" in done.out
    moved = archloom("technology", "--of", "simba_like", "--compare", "--node", "16nm")
    assert "16 nm" in moved.out


def test_sources_in_a_report(archloom: Any, folder: Path) -> None:
    (folder / "priced.yaml").write_text(PRICED, "utf-8")
    (folder / "map.yaml").write_text("mapping:\n  levels:\n    - {level: DRAM, temporal: c4 m8 p12 r3}\n", "utf-8")
    done = archloom("evaluate", "priced.yaml", "layer.yaml", "map.yaml", "--out", "page.html")
    assert done.code == 0, done.err
    assert "3 sources" in done.out
    assert "CACTI 7.0 (GLB)" in (folder / "page.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("sram --size 3B --width 8 --node 45nm", "sram: --size is a whole number from 128"),
        ("sram --size 64KiB --width 8 --node 2nm", "sram: --node is a number from 3 to 250 nm, not 2"),
        ("sram --size 64KiB --width=-8", "sram: --width is a whole number from 1"),
        ("sram --size 64KB --width 8", "which is ambiguous (write KiB for powers of 1024, or e.g. 1e3 B)"),
        ("sram --size 64words --width 8", "is in words, whose width is not known"),
        ("sram --width 8", "sram needs --size"),
        ("sram --size 64KiB --width 8 --bits 3", "sram takes no --bits (it takes --size, --width,"),
        ("sram --size 64KiB --width 8 --set nix=3", "sram takes no --set nix="),
        ("sram --size 64KiB --width 8 --set nix", "'nix' is no NAME=VALUE"),
        ("sram --size 64KiB --width 8 --cell hq", "there are lstp, hp"),
        ("srm", "there is no component 'srm', and none that is described so (did you mean 'sram'?)"),
        ("--size 3B", "no component is named"),
        ("memory --plot a.svg", "no component is named"),
        ("sram --plot a.svg", "give --width"),
        ("sram --width 64 --plot a.png", "cannot draw a .png"),
        ("--compare", "--compare needs an architecture"),
        ("--of eyeris", "did you mean 'eyeriss'?"),
        ("--of eyeriss --size 3B", "--of does not go with attributes of a component"),
        ("--of eyeriss sram", "--of does not go with the component 'sram'"),
        ("--of layer.yaml", "the file has no section 'architecture'"),
    ],
)
def test_one_clear_message(archloom: Any, folder: Path, arguments: str, message: str) -> None:
    done = archloom("technology", *arguments.split())
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err
    assert not list(folder.glob("a.*"))
