"""Space files: what they mean, and that every fault is named with its place, all at once."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from archloom.errors import InputError
from archloom.exploration.space_file import load_space

GEMM = "[{workload: {name: mm, gemm: {M: 16, N: 16, K: 16}}}]"

TEXT = f"""explore:
  networks: {GEMM}
  architecture: eyeriss
  parameters:
    levels.GLB.size: {{log2: [16 KiB, 1 MiB]}}
    array.x: {{divisors_of: 168}}
    array.y: 168 / array.x
    levels.ifmap_spad.size: [12 words, 24 words, 48 words]
    clock: {{range: [100 MHz, 500 MHz, 100 MHz]}}
    mac: [1, 2.2]
  let: {{kib: levels.GLB.size / KiB}}
  constraints: [levels.GLB.size <= 512 * KiB, array.x >= 4, kib < 500 or array.y > 4]
  objectives: [edp]
  budget: {{pes: 168, onchip_kib: 256}}
"""

TINY = f"""explore:
  networks: {GEMM}
  architecture: tiny
"""


def fault_of(text: str) -> str:
    with pytest.raises(InputError) as caught:
        load_space(text)
    return str(caught.value)


def test_a_space_as_the_documentation_shows_it() -> None:
    request = load_space(TEXT)
    space = request.space
    assert space.names == ("levels.GLB.size", "array.x", "levels.ifmap_spad.size", "clock", "mac")
    assert space.size == 7 * 16 * 3 * 5 * 2
    assert space.count() == (5 * 13 + sum(168 // x > 4 for x in (4, 6, 7, 8, 12, 14, 21, 24, 28, 42, 56, 84, 168))) * 30
    design = np.array([1, 8, 2, 0, 1])
    assert space.settings(design) == {
        "levels.GLB.size": "32 KiB",
        "levels.GLB.fanout.x": 14,
        "levels.GLB.fanout.y": 12,
        "levels.ifmap_spad.size": "48 words",
        "clock": "100 MHz",
        "variables.mac": 2.2,
    }
    assert space.values(design)["array.y"] == 12
    spec = request.machines.spec(design)
    assert spec.architecture is not None
    assert spec.clock_hz == 1e8
    assert spec.architecture.level("GLB").size_bits == 32 * 8192
    assert spec.architecture.level("GLB").fanout.x == 14
    assert spec.architecture.level("ifmap_spad").size_bits == 48 * 16
    columns = space.columns(design[None, :])
    assert {name: column[0] for name, column in columns.items()} == {
        "levels.GLB.size": 32 * 8192,
        "array.x": 14,
        "array.y": 12,
        "levels.ifmap_spad.size": 768,
        "clock": 1e8,
        "mac": 2.2,
        "kib": 32,
    }
    assert request.machines.varies_clock
    assert request.goal.clocked
    assert request.name == "text"


def test_a_request_is_plain_enough_to_send_and_to_keep() -> None:
    request = load_space(TEXT, ["search.seed=3", "levels.psum_spad.size=32 words", "parameters.mac=[1]"])
    again = pickle.loads(pickle.dumps(request))
    design = request.space.sample(np.random.default_rng(0), 1)[0]
    assert again.machines.spec(design) == request.machines.spec(design)
    assert json.dumps(again.to_manifest()) == json.dumps(request.to_manifest())
    assert request.search.seed == 3
    assert request.machines.baseline.architecture is not None
    assert request.machines.baseline.architecture.level("psum_spad").size_bits == 32 * 16
    assert request.space.parameters[-1].values == (1,)
    assert request.to_manifest()["sets"] == ["search.seed=3", "levels.psum_spad.size=32 words", "parameters.mac=[1]"]


def test_a_mapping_of_python_and_changes_by_keyword() -> None:
    from archloom.workload.products import gemm

    own = {"architecture": "tiny", "parameters": {"array.x": [2, 4]}}
    request = load_space(own, networks=gemm("mm", M=4, N=4, K=4), budget={"pes": 16}, objectives=["energy", "area"])
    assert request.suite.layers[0].name == "mm"
    assert request.goal.names == ("energy", "area")
    assert [limit.text for limit in request.goal.limits] == ["pes <= 16"]


def test_the_machine_in_the_same_file_or_in_another(tmp_path: Path) -> None:
    machine = """architecture:
  name: own
  variables: {side: 4}
  levels:
    - {name: RAM, energy: 10 pJ, keep: all}
    - {name: Buf, size: 1 KiB, energy: 1 pJ, fanout: side x 2}
  compute: {name: MAC, energy: 1 pJ}
""".replace("side x 2", "4x2")
    explore = f"explore:\n  networks: {GEMM}\n  parameters: {{array.x: [2, 4], levels.Buf.size: [1 KiB, 2 KiB]}}\n"
    one = load_space(machine + explore)
    (tmp_path / "machine.yaml").write_text(machine)
    (tmp_path / "space.yaml").write_text(explore + "  architecture: machine.yaml\n")
    two = load_space(tmp_path / "space.yaml")
    for design in one.space.unflat(range(one.space.size)):
        assert one.machines.spec(design).architecture == two.machines.spec(design).architecture
    assert one.baseline_design is not None
    assert one.space.described(one.baseline_design) == "array.x = 4, levels.Buf.size = 1 KiB"
    assert two.name == "space"
    assert sorted(two.texts) == [str(tmp_path / "space.yaml"), "machine.yaml"] or len(two.texts) == 2


def test_the_baseline_is_found_through_links_or_lies_outside() -> None:
    inside = load_space(
        TINY + "  parameters: {array.x: [2, 4, 8], array.y: 16 / array.x, levels.Buffer.size: [4 KiB, 8192 B]}"
    )
    assert inside.baseline_design is not None
    assert inside.baseline_design.tolist() == [1, 1]
    outside = load_space(TINY + "  parameters: {array.x: [2, 4, 8], array.y: 8 / array.x}")
    assert outside.baseline_design is None
    ruled_out = load_space(TINY + "  parameters: {array.x: [2, 4, 8]}\n  constraints: [array.x != 4]")
    assert ruled_out.baseline_design is None


def test_values_need_not_be_numbers() -> None:
    request = load_space(
        TINY
        + """  parameters:
    levels.Registers.keep: {choices: [[weights], [inputs, outputs]]}
    levels.Buffer.class: [sram, regfile]
    levels.Buffer.fanout: [{x: 2, y: 2}, 4x4]
  constraints: [levels.Buffer.class == 'sram']
"""
    )
    assert request.space.count() == 4
    kept = [
        request.machines.spec(design).architecture.level("Registers").keep  # type: ignore[union-attr]
        for block in request.space.blocks(9)
        for design in block
    ]
    assert set(kept) == {frozenset({"weights"}), frozenset({"inputs", "outputs"})}


def test_a_linked_value_may_say_its_unit() -> None:
    text = TINY + "  parameters: {n: [4, 8], levels.Buffer.size: 2 * n words, levels.Buffer.energy: n / 4 pJ/word}"
    text = text.replace(
        "architecture: tiny",
        "architecture: {variables: {n: 4}, levels: [{name: DRAM, energy: 1 pJ, keep: all}, "
        "{name: Buffer, size: 9 words, energy: 1 pJ}], compute: {name: MAC, energy: 1 pJ}}",
    )
    request = load_space(text)
    found = [request.machines.spec(design).architecture.level("Buffer") for design in request.space.unflat(range(2))]  # type: ignore[union-attr]
    assert [level.size_bits for level in found] == [8 * 16, 16 * 16]
    assert [level.read_pj for level in found] == [1, 2]
    assert request.space.columns(np.array([[1]]))["levels.Buffer.size"].tolist() == [256]


def test_networks_weights_layers_and_the_mean() -> None:
    text = TINY.replace(GEMM, "[{network: resnet18, weight: 2, layers: [conv1]}, 'alexnet:conv1', vgg16]")
    request = load_space(text + "  mean: arithmetic\n  parameters: {array.x: [2]}")
    assert request.suite.names == ("resnet18", "alexnet_original_grouped_n1:conv1", "vgg16_n1")
    assert request.suite.weights == (2, 1, 1)
    assert request.suite.mean == "arithmetic"
    assert len(request.suite.networks[0].layers) == 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("levels.Bufer.size: [1 KiB]", "text:4:16: architecture.levels has no item 'Bufer' (did you mean 'Buffer'?)"),
        ("levels.Buffer.sice: [1 KiB]", "level 'Buffer' has the unknown key 'sice' (did you mean 'size'?)"),
        ("nodes.Buffer: [1]", "there is no 'nodes' to change (did you mean 'node'?)"),
        ("clok: [1 MHz]", "the base machine has no parameter 'clok' (did you mean 'clock'?)"),
        ("variables.mac: [1]", "there is no variable 'mac'"),
        ("levels.Buffer.size: [1 KiBB]", "'size' of level 'Buffer' has the unknown unit 'KiBB' (did you mean 'KiB'?)"),
        ("levels.Buffer.size: [1, 2]", "'size' of level 'Buffer' is 1, which has no unit"),
        ("array.x: [0, 4]", "'x' of the fanout of level 'Buffer' is 0; expected a whole number from 1 to 2**40"),
        ("array.x: []", "the parameter 'array.x' has an empty list of values"),
        ("array.x: {log2: [4, 24]}", "'log2' of the parameter 'array.x' ends at 24, which is no power of two times 4"),
        (
            "{array.x: [4], levels.Buffer.fanout.x: [2]}",
            "the parameters 'array.x' and 'levels.Buffer.fanout.x' set the same part",
        ),
        (
            "{array.x: [4], levels.Buffer.fanout: [4x4]}",
            "the parameters 'array.x' and 'levels.Buffer.fanout' set the same part",
        ),
        (
            "{array.x: [3, 4, 5], array.y: 12 / array.x}",
            "array.y = 12 / array.x is 2.4 at array.x = 5; expected a whole number, at least 1 (write // instead of /, or add a constraint",
        ),
        ("{array.x: [4, 8], array.y: array.x - 8}", "array.y = array.x - 8 is -4 at array.x = 4"),
        ("{array.x: [0, 8], array.y: 8 / array.x}", "in the expression '8 / array.x': division by zero at array.x = 0"),
        (
            "{array.x: array.y, array.y: array.x, levels.Buffer.size: [8 KiB]}",
            "the parameters refer to each other in a circle: array.",
        ),
        ("{array.x: 2 * array.z, array.y: [1]}", "there is no name 'array.z' (did you mean 'array.y'?)"),
        ("{array.x: 4 + 4}", "no parameter is free; expected at least one with values to choose from"),
        ("{array.x: 2 <= 4, array.y: [1]}", "the parameter 'array.x' is true or false; expected a number"),
    ],
)
def test_faulty_parameters(parameters: str, message: str) -> None:
    parameters = parameters if parameters.startswith("{") else "{" + parameters + "}"
    found = fault_of(f"{TINY}  parameters: {parameters}\n")
    assert message in found
    assert "text:4:" in found


def test_fractions_that_constraints_rule_out_are_no_fault() -> None:
    text = TINY + "  parameters: {array.x: {range: [1, 12]}, array.y: 12 / array.x}\n"
    assert "is 2.4 at array.x = 5" in fault_of(text)
    request = load_space(text + "  constraints: [12 % array.x == 0]\n")
    assert request.space.count() == 6
    assert load_space(text.replace("12 / array", "12 // array")).space.count() == 12


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("constraints: [array.z >= 4]", "there is no name 'array.z'"),
        ("constraints: [array.x + 4]", "the constraint 'array.x + 4' is a number; expected a condition"),
        ("constraints: [2 < 3]", "the constraint '2 < 3' is about no parameter"),
        ("constraints: [12]", "the constraint 12 is no condition; expected such as array.x >= 4"),
        (
            "constraints: [array.x > 99]",
            "no values of array.x fulfil the constraints ('array.x > 99' alone excludes all of them)",
        ),
        ("constraints: [array.x > 3, array.x < 3]", "(together the constraints exclude all of them)"),
        ("let: {KiB: 3}", "'KiB' in 'let' already is a unit or a function"),
        ("let: {a b: 3}", "'a b' in 'let' is no name"),
        ("let: {one: two, two: one}", "the parameters refer to each other in a circle"),
        ("objectives: [edpp]", "there is no name 'edpp' (did you mean 'edp'?)"),
        ("budget: {arae_mm2: 3}", "there is no name 'arae_mm2'"),
        ("mean: harmonic", "unknown mean 'harmonic' (expected one of: geometric, arithmetic)"),
        ("mapping: bests", "'kind' of 'mapping' is 'bests' (did you mean 'best'?)"),
        ("mapping: {objective: enrgy}", "unknown objective 'enrgy' (did you mean 'energy'?)"),
        ("mapping: {time_limit: soon}", "'time_limit' of 'mapping' is 'soon'; expected such as 10s or 5min"),
        ("mapping: {cut: free}", "'mapping' has the unknown key 'cut' (did you mean 'cuts'?)"),
        ("mapping: {constraints: [{level: Bufer}]}", "the architecture has no level 'Bufer' (did you mean 'Buffer'?)"),
        ("search: gird", "'strategy' of 'search' is 'gird' (did you mean 'grid'?)"),
        ("search: {strategy: genetic, populaton: 3}", "the strategy 'genetic' has no option 'populaton'"),
        ("search: {seed: -1}", "'seed' of 'search' is -1; expected a whole number from 0"),
        ("serch: {}", "the section 'explore' has the unknown key 'serch' (did you mean 'search'?)"),
    ],
)
def test_faults_in_the_rest_of_the_section(rest: str, message: str) -> None:
    found = fault_of(f"{TINY}  parameters: {{array.x: [2, 3, 4]}}\n  {rest}\n")
    assert message in found
    assert "text:5:" in found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("explore: {}\n", "text:1:10: the section 'explore' has no 'networks'"),
        ("explore: {}\n", "no base machine is given (write architecture: eyeriss, a file, or a section)"),
        ("exlpore: {}\n", "there is no section 'exlpore' (did you mean 'explore'?)"),
        (
            "explore:\n  networks: resnet81\n",
            "text:2:13: no such file, and no network 'resnet81' in the zoo (did you mean 'resnet18'?)",
        ),
        ("explore:\n  networks: [{network: resnet18, weight: 0}]\n", "expected more than 0"),
        ("explore:\n  networks: resnet18:conv99\n", "has no layer 'conv99'"),
        (
            "explore:\n  architecture: eyeris\n",
            "text:2:17: the base machine 'eyeris': no such file (did you mean 'eyeriss'?)",
        ),
        ("explore:\n  architecture: no.yaml\n", "the base machine 'no.yaml': no such file"),
        ("explore: [\n", "text:"),
        (
            "explore: {networks: resnet18}\narchitecture: {levels: 3}\n",
            "'levels' of the architecture is 3; expected a list",
        ),
    ],
)
def test_faulty_files(text: str, message: str) -> None:
    assert message in fault_of(text)


def test_all_faults_at_once_in_the_order_of_the_lines() -> None:
    text = (
        TINY.replace(GEMM, "resnet81")
        + "  parameters: {array.x: [4, 4], levels.Bufer.size: [1 KiB]}\n  mean: harmonic\n"
    )
    found = fault_of(text).splitlines()
    assert [line.split(":")[1] for line in found] == ["2", "4", "4", "5"]


def test_array_needs_one_fanout() -> None:
    text = TINY.replace("tiny", "simba_like") + "  parameters: {array.x: [4]}\n"
    found = fault_of(text)
    assert "'array.x' could be any of several fanouts" in found
    assert "levels.GlobalBuffer.fanout.x, levels.AccumulationBuffer.fanout.x" in found


def test_changes_on_the_command_line_are_checked_too() -> None:
    text = TINY + "  parameters: {array.x: [2, 4]}\n"
    with pytest.raises(InputError, match=r"--set levels\.Bufer.size=1KiB: architecture.levels has no item 'Bufer'"):
        load_space(text, ["levels.Bufer.size=1KiB"])
    with pytest.raises(InputError, match="there is no name 'nope'"):
        load_space(text, ["objectives=[nope]"])
    assert load_space(text, ["budget.pes=4", "parameters.levels.Buffer.size=[1 KiB, 2 KiB]"]).space.size == 4


def test_tables_of_components_travel_with_the_request(tmp_path: Path) -> None:
    (tmp_path / "table.yaml").write_text(
        "name: scratch\nsource: ours\nattributes: {size_bits: bit}\nrows:\n"
        "  - {size_bits: 1024, read_pj: 1, write_pj: 2}\n  - {size_bits: 8192, read_pj: 4, write_pj: 8}\n"
    )
    (tmp_path / "machine.yaml").write_text(
        "architecture:\n  components: table.yaml\n  levels:\n    - {name: DRAM, energy: 9 pJ, keep: all}\n"
        "    - {name: Buf, class: scratch, size: 128 B}\n  compute: {name: MAC, energy: 1 pJ}\n"
    )
    space = tmp_path / "space.yaml"
    space.write_text(
        f"explore:\n  networks: {GEMM}\n  architecture: machine.yaml\n  parameters: {{levels.Buf.size: {{log2: [128 B, 1 KiB]}}}}\n"
    )
    request = load_space(space)
    sent = pickle.dumps(request)
    for name in ("table.yaml", "machine.yaml", "space.yaml"):
        (tmp_path / name).unlink()
    lanes = pickle.loads(sent).machines.lanes(np.array([[0], [3]]))
    assert lanes["Buf.read_pj"].tolist() == pytest.approx([1, 4])
