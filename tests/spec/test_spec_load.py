"""Loading several files: sections from anywhere, all faults together, changes by path."""

from __future__ import annotations

from pathlib import Path

import pytest

from archloom.errors import InputError
from archloom.spec import apply_set, load, load_architecture, mapping_from_yaml
from archloom.spec.document import YamlMap, parse

MACHINE = """
architecture:
  levels:
    - {name: DRAM, energy: 1 pJ}
    - {name: GLB, size: 2 KiB, energy: {read: 1 pJ, write: 2 pJ}, fanout: {x: pes}}
  compute: {energy: 1 pJ}
  variables: {pes: 4}
"""
LAYER = "workload:\n  einsum: O[m] += I[m]\n  bounds: {m: 8}\n"
NEST = "mapping:\n  levels: [{level: DRAM, temporal: m8}]\n"


def faults(*sources: str | Path, sets: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(InputError) as error:
        load(*sources, sets=sets)
    return [str(fault) for fault in error.value.faults]


class TestLoad:
    def test_one_file_or_several(self, tmp_path: Path) -> None:
        whole = load(MACHINE + LAYER + NEST)
        for number, text in enumerate((NEST, LAYER, MACHINE)):
            (tmp_path / f"{number}.yaml").write_text(text, "utf-8")
        parts = load(*(tmp_path / f"{number}.yaml" for number in range(3)))
        assert parts == whole
        assert whole.mapping is not None

    def test_parts_that_are_missing(self) -> None:
        spec = load(MACHINE)
        assert spec.architecture is not None
        assert (spec.workload, spec.mapping, spec.constraints) == (None, None, ())

    def test_variables_for_all_sections(self) -> None:
        spec = load(
            "variables: {n: 2 * m, m: 4}\n" + MACHINE.replace("pes: 4", "pes: n"), LAYER.replace("m: 8", "m: n")
        )
        assert spec.workload is not None
        assert spec.architecture is not None
        assert (spec.workload.bounds["m"], spec.architecture.compute_instances) == (8, 8)

    def test_a_machine_by_name_inside_a_file_brings_its_rules(self) -> None:
        spec = load(LAYER + "architecture: Eyeriss\n")
        assert spec.architecture == load_architecture("eyeriss")
        assert spec.constraints
        assert load(LAYER + "architecture: Eyeriss\nconstraints: []\n").constraints == ()

    def test_a_file_comes_before_a_machine_of_its_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert load("tiny").architecture == load_architecture("tiny")
        Path("tiny").write_text(MACHINE, "utf-8")
        assert load("tiny") == load(MACHINE)

    def test_all_faults_of_all_files(self, tmp_path: Path) -> None:
        bad = tmp_path / "machine.yaml"
        bad.write_text(MACHINE.replace("size: 2 KiB", "size: 2 KB").replace("pes: 4", "pes: 4, pes: 5"), "utf-8")
        found = faults(bad, LAYER.replace("[m]\n", "[m\n"), "mapping: {levels: [\n", tmp_path / "other.yml")
        assert found == [
            f"{bad}:5:25: 'size' of level 'GLB' has the unit 'KB', which is ambiguous (write KiB for powers of 1024, or e.g. 1e3 B)",
            f"{bad}:7:23: the key 'pes' is given twice; it stands first at 7:15",
            "text 2:2:18: in the einsum 'O[m] += I[m' at character 8: expected a tensor like 'I[n,c,2*p+r]'",
            "text 3:2:1: not valid YAML: did not find expected node content while parsing a flow node begun at 2:1",
            f"{tmp_path / 'other.yml'}: no such file",
        ]

    def test_broken_values_are_reported_once(self) -> None:
        assert faults("architecture:\n  levels: [{name: DRAM, energy: *x, size: 1e999}]\n") == [
            "text:2:33: the alias *x has no anchor before it (nothing is defined here)",
            "text:2:43: the number 1e999 is too large; write .inf for 'unbounded'",
        ]

    def test_no_consequences_in_the_mapping_of_a_fault_of_syntax(self) -> None:
        assert faults(MACHINE.replace("name: DRAM", "name: *x"), LAYER, NEST) == [
            "text 1:4:14: the alias *x has no anchor before it (nothing is defined here)"
        ]

    @pytest.mark.parametrize(
        ("sources", "message"),
        [
            (
                (MACHINE, MACHINE),
                "text 2:2:1: the section 'architecture' is given twice; it stands first at text 1:2:1",
            ),
            (("architectur: {}\n",), "text:1:1: there is no section 'architectur' (did you mean 'architecture'?)"),
            (
                ("problem: {}\n",),
                "text:1:1: the section 'problem' belongs to Timeloop's form (load Timeloop files with archloom.interop.timeloop or --timeloop)",
            ),
            (
                ("network: {}\n",),
                "text:1:1: a network stands where one workload is expected (load it with archloom.load_network)",
            ),
            (
                ("- 1\n",),
                "text: the file holds a list; expected a mapping with architecture, workload, mapping, constraints, variables",
            ),
            (
                ("word\n",),
                "text: the file holds 'word'; expected a mapping with architecture, workload, mapping, constraints, variables",
            ),
            (("\n",), "text: the file is empty; expected YAML"),
            (("eyeris",), "eyeris: no such file (did you mean 'eyeriss'?)"),
            ((), "no files are given; expected a workload, an architecture, a mapping, or several"),
        ],
    )
    def test_faults(self, sources: tuple[str, ...], message: str) -> None:
        assert faults(*sources) == [message]

    def test_selectors_that_mean_nothing_are_a_warning(self) -> None:
        text = MACHINE.replace("size: 2 KiB", "size: 2 KiB, keep: [inptus, i, weights]")
        assert load(text, LAYER).warnings == (
            "level 'GLB' selects 'inptus', which is no tensor of the workload; did you mean 'inputs'?",
        )


class TestLoadArchitecture:
    def test_sources(self, tmp_path: Path) -> None:
        (tmp_path / "m.yaml").write_text(MACHINE, "utf-8")
        assert load_architecture(tmp_path / "m.yaml") == load_architecture(MACHINE)
        assert load_architecture("Simba") == load_architecture("simba_like") == load_architecture("simba-like")

    def test_warnings_and_sets(self) -> None:
        warnings: list[str] = []
        machine = load_architecture(MACHINE.replace("energy: 1 pJ}", "}"), sets=["variables.pes=7"], warnings=warnings)
        assert machine.compute_instances == 7
        assert warnings == ["no energy is given for DRAM, MAC: counted as 0 pJ"]

    def test_no_architecture(self) -> None:
        with pytest.raises(InputError, match="the file has no section 'architecture'"):
            load_architecture(LAYER)


class TestMappingFromYaml:
    def test_same_as_load(self) -> None:
        spec = load(MACHINE, LAYER, NEST)
        assert spec.workload is not None
        assert spec.architecture is not None
        assert mapping_from_yaml(NEST, spec.workload, spec.architecture) == spec.mapping
        assert (
            mapping_from_yaml(
                MACHINE + "variables: {a: 8}\n" + NEST.replace("m8", "{m: a}"), spec.workload, spec.architecture
            )
            == spec.mapping
        )

    def test_faults(self) -> None:
        spec = load(MACHINE, LAYER)
        assert spec.workload is not None
        assert spec.architecture is not None
        with pytest.raises(InputError, match="nest:2:39: 'x' is not a loop"):
            mapping_from_yaml(NEST.replace("m8", "m8 x"), spec.workload, spec.architecture, source="nest")
        with pytest.raises(InputError, match="text: there is no section 'mapping'"):
            mapping_from_yaml(LAYER, spec.workload, spec.architecture)


def document(text: str) -> YamlMap:
    value = parse(text, "f.yaml")
    assert isinstance(value, YamlMap)
    return value


class TestSets:
    @pytest.mark.parametrize(
        ("assignment", "value"),
        [
            ("levels.GLB.size=128KiB", 128 * 8192),
            ("architecture.levels.GLB.size = 1 KiB", 8192),
            ("levels.1.size=.inf", float("inf")),
            ("levels.GLB={name: GLB, size: 3 B}", 24),
        ],
    )
    def test_values(self, assignment: str, value: float) -> None:
        machine = load(MACHINE, sets=[assignment]).architecture
        assert machine is not None
        assert machine.level("GLB").size_bits == value

    def test_a_new_key(self) -> None:
        machine = load(
            MACHINE,
            sets=["levels.DRAM.read_bandwidth=4 words/cycle", "levels.GLB.energy.update=9 pJ", "compute.area=1 um2"],
        ).architecture
        assert machine is not None
        assert (machine.level("DRAM").read_bandwidth, machine.level("GLB").update_pj, machine.compute.area_um2) == (
            4,
            9,
            1,
        )

    def test_other_sections(self) -> None:
        sets = ["bounds.m=4", "mapping.levels.DRAM.temporal=m4", "variables.pes=9"]
        spec = load(MACHINE, LAYER, NEST, sets=sets)
        assert spec.workload is not None
        assert spec.mapping is not None
        assert spec.architecture is not None
        assert (spec.workload.macs, spec.mapping.factor("m"), spec.architecture.compute_instances) == (4, 4, 9)

    def test_in_a_machine_of_the_zoo(self) -> None:
        machine = load("eyeriss", sets=["levels.GLB.fanout.x=7"]).architecture
        assert machine is not None
        assert machine.compute_instances == 84

    def test_aliases_are_changed_in_one_place_only(self) -> None:
        before = document("a: &x {k: 1}\nb: *x\nc: [*x]\n")
        after = apply_set(before, "b.k=2")
        assert after == {"a": {"k": 1}, "b": {"k": 2}, "c": [{"k": 1}]}
        assert before == {"a": {"k": 1}, "b": {"k": 1}, "c": [{"k": 1}]}

    @pytest.mark.parametrize(
        ("assignment", "message"),
        [
            (
                "levels.GBL.size=1KiB",
                "--set levels.GBL.size=1KiB: architecture.levels has no item 'GBL' (did you mean 'GLB'?)",
            ),
            (
                "levels.7.size=1KiB",
                "--set levels.7.size=1KiB: architecture.levels has no item '7' (expected one of: DRAM, GLB)",
            ),
            (
                "levels.GLB.sise=1KiB",
                "--set levels.GLB.sise=1KiB: level 'GLB' has the unknown key 'sise' (did you mean 'size'?)",
            ),
            (
                "levels.GLB.size=1KB",
                "--set levels.GLB.size=1KB: 'size' of level 'GLB' has the unit 'KB', which is ambiguous (write KiB for powers of 1024, or e.g. 1e3 B)",
            ),
            (
                "levels.GLB.size.x=1",
                "--set levels.GLB.size.x=1: architecture.levels.GLB.size is '2 KiB', which has no 'x' inside",
            ),
            ("level.GLB.size=1", "--set level.GLB.size=1: there is no 'level' to change (did you mean 'levels'?)"),
            ("variables.pe=1", "--set variables.pe=1: there is no variable 'pe' (did you mean 'pes'?)"),
            ("levels.GLB.size", "--set levels.GLB.size: expected path=value, such as levels.GLB.size=128KiB"),
            ("levels..size=1", "--set levels..size=1: expected path=value, such as levels.GLB.size=128KiB"),
            ("levels.GLB.size=", "--set levels.GLB.size=: expected path=value, such as levels.GLB.size=128KiB"),
            (
                "levels.GLB.fanout.x=9**9**9",
                "--set levels.GLB.fanout.x=9**9**9: in the expression '9**9**9': the result is too large",
            ),
        ],
    )
    def test_faults(self, assignment: str, message: str) -> None:
        assert faults(MACHINE, sets=(assignment,)) == [message]

    def test_value_that_is_not_yaml(self) -> None:
        (found,) = faults(MACHINE, sets=("levels.GLB.size=[1",))
        assert found.startswith("--set levels.GLB.size=[1: not valid YAML")

    def test_all_faults(self) -> None:
        assert len(faults(MACHINE, sets=("a=1", "levels.X.size=1", "levels.GLB.sise=3 B"))) == 3
