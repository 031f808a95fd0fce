"""Files that leave energies to the technology library: what is charged, what the file wins, and what is said of faults."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import archloom as al
from archloom.architecture.hierarchy import Architecture, Memory
from archloom.errors import InputError
from archloom.spec import Spec, load, to_yaml
from archloom.technology import price


def machine(level: str, *, above: str = "clock: 1 GHz, node: 28 nm", compute: str = "energy: 1 pJ") -> Spec:
    """An architecture of one level L below a DRAM, and compute units."""
    given = "".join(f"  {entry.strip()}\n" for entry in above.split(", ") if entry)
    levels = f"  levels:\n    - {{name: DRAM, energy: 1 pJ}}\n    - {{name: L, {level}}}\n"
    return load(f"architecture:\n{given}{levels}  compute: {{{compute}}}\n")


def part(spec: Spec, name: str = "L") -> Memory:
    assert spec.architecture is not None
    return spec.architecture.level(name)


def faults(level: str, **parts: str) -> list[str]:
    with pytest.raises(InputError) as error:
        machine(level, **parts)
    return [str(fault) for fault in error.value.faults]


SRAM = "class: sram, size: 128 KiB, width: 64"
PRICE = price("sram", size_bits=2**20, width_bits=64, node_nm=28)


def value(figure: object) -> float:
    return float(figure.value)  # type: ignore[attr-defined]


class TestWhatIsCharged:
    def test_an_sram_has_the_librarys_figures(self) -> None:
        level = part(machine(SRAM))
        assert level.read_pj == value(PRICE.energy["read"])
        assert level.write_pj == level.update_pj == value(PRICE.energy["write"])
        assert level.area_um2 == value(PRICE.area)
        # mW at 1 GHz are pJ per cycle
        assert level.leak_pj == pytest.approx(value(PRICE.leakage))

    def test_leakage_goes_by_the_clock(self) -> None:
        slow, fast = (part(machine(SRAM, above=f"clock: {clock}, node: 28 nm")) for clock in ("100 MHz", "1 GHz"))
        assert slow.leak_pj == pytest.approx(10 * fast.leak_pj)

    def test_no_clock_no_leakage_and_a_warning(self) -> None:
        spec = machine(SRAM, above="node: 28 nm")
        assert part(spec).leak_pj == 0
        assert "the leakage of L is not charged, for there is no clock (write clock: 1 GHz)" in spec.warnings

    def test_the_issues_line(self) -> None:
        spec = machine("class: sram, size: 128KiB, width: 64, node: 28nm", above="")
        assert part(spec).read_pj == value(PRICE.energy["read"])

    def test_a_class_by_another_name_and_case(self) -> None:
        assert part(machine(SRAM.replace("sram", "SRAM"))).read_pj == part(machine(SRAM)).read_pj
        assert part(machine(SRAM.replace("sram", "scratchpad"))).read_pj == part(machine(SRAM)).read_pj

    def test_compute_units(self) -> None:
        spec = machine("energy: 1 pJ", compute="class: int_mac, word: 8 bit")
        assert spec.architecture is not None
        expected = price("int_mac", bits=8, node_nm=28, clock_hz=1e9)
        assert spec.architecture.compute.energy_pj == value(expected.energy["compute"])
        assert spec.architecture.compute.area_um2 == value(expected.area)

    def test_options_reach_the_library(self) -> None:
        level = part(machine(f"{SRAM}, banks: 4, cell: hp, voltage: 900 mV"))
        expected = price("sram", size_bits=2**20, width_bits=64, node_nm=28, banks=4, cell="hp", voltage_v=0.9)
        assert level.read_pj == value(expected.energy["read"])
        assert level.leak_pj == pytest.approx(value(expected.leakage))

    def test_other_attributes_and_expressions(self) -> None:
        spec = machine(
            "energy: 1 pJ",
            compute="class: int_mac, word: 8 bit, attributes: {accumulator_bits: 4 * 8, source: horowitz}",
        )
        assert spec.architecture is not None
        expected = price("int_mac", bits=8, node_nm=28, clock_hz=1e9, accumulator_bits=32, source="horowitz")
        assert spec.architecture.compute.energy_pj == value(expected.energy["compute"])

    def test_dram_needs_no_node(self) -> None:
        level = part(machine("class: dram, type: HBM2, width: 128 bit", above=""))
        assert level.read_pj == value(price("dram", type="HBM2", width_bits=128).energy["read"])
        assert level.block == 8

    def test_the_node_of_the_level_wins(self) -> None:
        assert part(machine(f"{SRAM}, node: 45 nm")).read_pj > part(machine(SRAM)).read_pj


class TestWidth:
    def test_a_block_is_as_wide_as_an_access(self) -> None:
        level = part(machine(SRAM))
        assert (level.block, level.word_bits) == (4, 16)

    def test_without_it_an_access_is_a_block(self) -> None:
        assert part(machine("class: sram, size: 128 KiB, block: 4")) == part(machine(SRAM))

    def test_a_wider_block_takes_several_accesses(self) -> None:
        wide = part(machine(f"{SRAM}, block: 10"))
        assert wide.read_pj == pytest.approx(3 * part(machine(SRAM)).read_pj)  # 160 bits of 64
        assert wide.area_um2 == part(machine(SRAM)).area_um2

    def test_a_narrower_block_takes_a_whole_one(self) -> None:
        assert part(machine(f"{SRAM}, block: 1")).read_pj == part(machine(SRAM)).read_pj

    def test_a_cluster_shares_its_array(self) -> None:
        level = part(machine("class: sram, size: 64 KiB, width: 32, cluster: 2"))
        assert level.read_pj == part(machine(SRAM)).read_pj
        assert level.area_um2 == pytest.approx(part(machine(SRAM)).area_um2 / 2)

    @pytest.mark.parametrize("width", ["0", "-64", "3.5", "64 KB", ".inf", "true", "wide"])
    def test_faults(self, width: str) -> None:
        (fault,) = faults(f"class: sram, size: 128 KiB, width: {width}")
        assert "'width' of level 'L'" in fault or "expression 'wide'" in fault


class TestWhatTheFileStates:
    def test_all_energies_stated_is_not_priced(self) -> None:
        spec = machine(f"{SRAM}, energy: 5 pJ")
        assert part(spec) == part(machine("class: sram, size: 128 KiB, block: 4, energy: 5 pJ"))
        assert (part(spec).area_um2, spec.prices) == (0, {})

    def test_one_energy(self) -> None:
        spec = machine(f"{SRAM}, energy: {{read: 5 pJ}}")
        assert (part(spec).read_pj, part(spec).write_pj) == (5, value(PRICE.energy["write"]))
        assert set(spec.prices["L"].energy) == {"write", "update"}

    def test_a_stated_write_is_the_update_too(self) -> None:
        level = part(machine(f"{SRAM}, energy: {{write: 5 pJ}}"))
        assert (level.read_pj, level.write_pj, level.update_pj) == (value(PRICE.energy["read"]), 5, 5)

    @pytest.mark.parametrize(
        ("text", "field"), [("area: 7 um2", "area_um2"), ("leak: 7 pJ/cycle", "leak_pj"), ("leak_pj: 7", "leak_pj")]
    )
    def test_area_and_leakage(self, text: str, field: str) -> None:
        spec = machine(f"{SRAM}, {text}")
        assert getattr(part(spec), field) == 7
        assert part(spec).read_pj == value(PRICE.energy["read"])
        assert (spec.prices["L"].area if field == "area_um2" else spec.prices["L"].leakage) is None

    @pytest.mark.parametrize(
        "text", [f"{SRAM}, technology: none", SRAM.replace("sram", "my_ram"), SRAM.replace("class: sram, ", "")]
    )
    def test_not_priced(self, text: str) -> None:
        spec = machine(text)
        assert spec.warnings == ("no energy is given for L: counted as 0 pJ",)
        assert (part(spec).read_pj, part(spec).area_um2, spec.prices) == (0, 0, {})

    def test_none_for_the_whole_machine(self) -> None:
        assert machine(SRAM, above="node: 28 nm, technology: none").prices == {}
        assert "L" in machine(f"{SRAM}, technology: library", above="node: 28 nm, technology: none").prices

    def test_a_level_that_holds_nothing_is_not_priced(self) -> None:
        assert machine("class: sram, bypass: all").warnings == ()

    @pytest.mark.parametrize(
        ("text", "advice"),
        [
            ("class: sram, size: 128 KiB", "node: 28 nm for L"),
            ("class: sram", "size: 64 KiB and node: 28 nm for L"),
        ],
    )
    def test_what_is_missing_is_said(self, text: str, advice: str) -> None:
        (warning,) = machine(text, above="").warnings
        assert warning == f"no energy is given for L: counted as 0 pJ; to have them priced give {advice}"

    def test_a_component_of_another_kind(self) -> None:
        spec = machine("class: int_mac, attributes: {bits: 8}")
        assert any("the class int_mac of the library is not of this kind" in warning for warning in spec.warnings)


class TestProvenance:
    def test_prices_are_the_architectures_too(self) -> None:
        spec = machine(SRAM)
        assert spec.architecture is not None
        assert spec.architecture.prices is spec.prices
        assert spec.prices["L"].energy["read"].source == "CACTI 7.0"

    def test_they_are_no_part_of_what_the_machine_is(self) -> None:
        spec = machine(SRAM)
        assert spec.architecture is not None
        bare = Architecture(spec.architecture.name, spec.architecture.levels, spec.architecture.compute)
        assert spec.architecture == bare
        assert hash(spec.architecture) == hash(bare)

    def test_written_and_read_again_it_costs_the_same(self) -> None:
        architecture = machine(f"{SRAM}, cluster: 2", compute="class: int_mac").architecture
        assert architecture is not None
        assert al.load_architecture(to_yaml(architecture)) == architecture

    def test_requests_of_stated_components(self) -> None:
        request = load("eyeriss").requests["GLB"]
        assert (request.kind, request.implied["size_bits"], request.implied["node_nm"]) == ("sram", 100 * 8192, 65)


class TestFaults:
    def test_too_small(self) -> None:
        (fault,) = faults("class: sram, width: 8, size: 3 B")
        assert fault.startswith("text:6:46: level 'L' cannot be priced: sram: size is a whole number from 128 to ")
        assert "give its energy, or write technology: none)" in fault

    def test_the_node(self) -> None:
        (fault,) = faults(f"{SRAM}, node: 2 nm")
        assert "level 'L' cannot be priced: sram: node is a number from 3 to 250 nm, not 2" in fault

    def test_an_unknown_cell(self) -> None:
        (fault,) = faults(f"{SRAM}, cell: lst")
        assert "no cell 'lst' is known; there are lstp, hp" in fault
        assert fault.startswith("text:6:62: ")

    def test_an_option_that_the_component_does_not_take(self) -> None:
        (fault,) = faults("class: dram, banks: 4")
        assert "level 'L' cannot be priced: dram has no attribute 'banks'" in fault

    def test_all_at_once(self) -> None:
        assert len(faults("class: sram, size: 3 B, width: 8, node: 1 nm, cell: x")) == 3

    @pytest.mark.parametrize("mode", ["no", "off", "3", "[none]"])
    def test_the_mode(self, mode: str) -> None:
        (fault,) = faults(f"{SRAM}, technology: {mode}")
        assert "'technology' of level 'L' is" in fault
        assert "expected library or none" in fault

    @pytest.mark.parametrize("text", ["attributes: 3", "attributes: {banks: [1]}", "banks: 0", "cell: 3", "voltage: 1"])
    def test_wrong_values(self, text: str) -> None:
        (fault,) = faults(f"{SRAM}, {text}")
        assert "level 'L'" in fault


class TestWires:
    def test_off_unless_asked_for(self) -> None:
        assert machine(SRAM) == machine(SRAM, above="clock: 1 GHz, node: 28 nm, network: none")

    def test_length_from_the_area_inside(self) -> None:
        text = f"{SRAM}, fanout: 4x4, network: {{energy: 0.1 pJ/bit/mm}}"
        plain, wired = (machine(t, compute="energy: 1 pJ, area: 0.25 mm2") for t in (text.split(", network")[0], text))
        added = 0.1 * 64 * math.sqrt(16 * 0.25)
        assert part(wired).read_pj == pytest.approx(part(plain).read_pj + added)
        assert part(wired).update_pj == pytest.approx(part(plain).update_pj + added)
        assert part(wired).write_pj == part(plain).write_pj
        assert wired.prices["L network"].energy["transfer"].source == "the file"

    def test_areas_of_all_that_lies_inside(self) -> None:
        text = """
architecture:
  network: {energy: 1 pJ/bit/mm}
  levels:
    - {name: A, energy: 0 pJ, fanout: 2}
    - {name: B, energy: 0 pJ, area: 3 mm2, fanout: 5}
    - {name: C, energy: 0 pJ, area: 1 mm2, network: none}
  compute: {energy: 1 pJ, area: 2 mm2}
"""
        spec = load(text)
        assert part(spec, "A").read_pj == pytest.approx(16 * math.sqrt(2 * (3 + 5 * (1 + 2))))
        assert part(spec, "B").read_pj == pytest.approx(16 * math.sqrt(5 * (1 + 2)))
        assert part(spec, "C").read_pj == 0

    def test_a_level_adds_to_what_the_architecture_says(self) -> None:
        spec = machine("energy: 1 pJ, network: {energy: 1 pJ/bit/mm}", above="network: {length: 3 mm}, node: 28 nm")
        assert part(spec).read_pj == 1 + 16 * 3

    def test_by_the_library(self) -> None:
        spec = machine("energy: 1 pJ, network: {length: 2 mm}")
        expected = price("wire", length_mm=2, width_bits=16, node_nm=28).energy["transfer"]
        assert part(spec).read_pj == pytest.approx(1 + value(expected))

    @pytest.mark.parametrize(
        ("level", "above", "why"),
        [
            ("energy: 1 pJ, network: wires", "node: 28 nm", "nothing inside it has an area"),
            ("energy: 1 pJ, network: {length: 1 mm}", "", "'L' has no node"),
        ],
    )
    def test_what_cannot_be_charged_is_said(self, level: str, above: str, why: str) -> None:
        spec = machine(level, above=above)
        assert part(spec).read_pj == 1
        assert any(why in warning for warning in spec.warnings)

    @pytest.mark.parametrize(
        "text", ["on", "{energy: 1 pJ}", "{length: 2 GHz}", "{lenght: 2 mm}", "{energy: .inf}", "3"]
    )
    def test_faults(self, text: str) -> None:
        (fault,) = faults(f"energy: 1 pJ, network: {text}")
        assert "level 'L'" in fault


class TestOwnTables:
    MACHINE = """\
architecture:
  node: 22 nm
  components: {table}
  levels:
    - {{name: DRAM, energy: 1 pJ}}
    - {{name: L, class: {kind}, size: {size}, width: 64}}
  compute: {{energy: 1 pJ}}
"""
    TABLE = """\
name: vendor_ram
aliases: [sram]
source: a vendor
confidence: published
node_nm: 22
attributes: {size_bits: bit, width_bits: bit}
rows:
  - {size_bits: 65536, width_bits: 64, read_pj: 2.0, write_pj: 2.4}
  - {size_bits: 1048576, width_bits: 64, read_pj: 7.0, write_pj: 7.9}
"""

    def spec(self, folder: Path, kind: str = "vendor_ram", size: str = "128 KiB", table: str = "ram.yaml") -> Spec:
        (folder / "ram.yaml").write_text(self.TABLE, "utf-8")
        (folder / "own.yaml").write_text(self.MACHINE.format(kind=kind, size=size, table=table), "utf-8")
        return load(folder / "own.yaml")

    @pytest.mark.parametrize("kind", ["vendor_ram", "SRAM"])
    def test_go_before_the_library(self, tmp_path: Path, kind: str) -> None:
        spec = self.spec(tmp_path, kind)
        assert part(spec).read_pj == pytest.approx(7.0)
        assert spec.prices["L"].energy["read"].source == "a vendor"

    def test_are_known_to_their_file_alone(self, tmp_path: Path) -> None:
        self.spec(tmp_path)
        assert part(machine(SRAM)).read_pj == value(PRICE.energy["read"])

    def test_their_range(self, tmp_path: Path) -> None:
        with pytest.raises(
            InputError, match=r"own.yaml:6:\d+: level 'L' cannot be priced: vendor_ram: size is .* not 8388608"
        ):
            self.spec(tmp_path, size="1 MiB")

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"own.yaml:3:\d+: .*nix.yaml"):
            self.spec(tmp_path, table="nix.yaml")
