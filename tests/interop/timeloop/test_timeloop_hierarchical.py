"""The hierarchical form of version 0.4: containers, meshes, branches, inheritance, node constraints."""

from __future__ import annotations

import warnings

import pytest

from archloom.errors import InputError
from archloom.interop.timeloop import (
    Axis,
    LoopConstraint,
    Origin,
    ResidencyConstraint,
    TimeloopInput,
    TimeloopWarning,
    load,
)
from archloom.mapping.nest import Loop

PROBLEM = """
problem:
  version: 0.4
  shape:
    name: gemm
    dimensions: [M, N, K]
    data_spaces:
    - {name: A, projection: [[[M]], [[K]]]}
    - {name: B, projection: [[[K]], [[N]]]}
    - {name: Z, projection: [[[M]], [[N]]], read_write: true}
  instance: {M: 8, N: 6, K: 4}
"""
MACHINE = """
variables: {version: 0.4, ROWS: 3, BITS: 8}
architecture:
  version: 0.4
  nodes:
  - !Container {name: system, attributes: {technology: "45nm", datawidth: BITS}}
  - !Component
    name: DRAM
    class: DRAM
    attributes: {width: 64, datawidth: 16}
  - !Container
    name: chip
    attributes: {depth: 1024}
  - !Component
    name: GLB
    class: smartbuffer_SRAM
    attributes: {width: "4 * datawidth"}
    constraints: {dataspace: {bypass: [B]}, temporal: {permutation: [K, M], factors: [N=1]}}
  - !Container
    name: column
    spatial: {meshX: "ROWS + 1"}
    constraints: {spatial: {factors: [K=1], permutation: [M, N], split: 999}}
  - !Container
    name: PE
    spatial: {meshY: ROWS}
    constraints: {spatial: {split: 0}}
  - !Parallel
    nodes:
    - !Component {name: a_reg, class: regfile, attributes: {depth: 2, width: 8}, constraints: {dataspace: {keep: [A]}}}
    - !Hierarchical
      nodes:
      - !Component {name: b_buf, class: regfile, attributes: {depth: 8, width: 8}}
      - !Component {name: b_reg, class: regfile, attributes: {depth: 2, width: 8}, constraints: {dataspace: {keep: [B]}}}
    - !Nothing {constraints: {dataspace: {keep: [Z]}}}
  - !Component {name: mac, class: intmac, spatial: {meshX: 2}}
"""


def loaded(*texts: str) -> TimeloopInput:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TimeloopWarning)
        return load(*texts)


def machine(*changes: tuple[str, str], mapping: str = "") -> TimeloopInput:
    text = MACHINE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return loaded(text, PROBLEM + mapping)


def message(*changes: tuple[str, str], mapping: str = "") -> str:
    with pytest.raises(InputError) as caught:
        machine(*changes, mapping=mapping)
    return str(caught.value)


def test_levels_and_fanouts() -> None:
    arch = machine().architecture
    assert arch.names == (
        "inter_mac_spatial",
        "b_reg",
        "b_buf",
        "a_reg",
        "inter_PE_spatial",
        "inter_column_spatial",
        "GLB",
        "DRAM",
    )
    assert arch.instances == (12, 12, 12, 12, 4, 1, 1, 1)
    assert arch.compute_instances == 24
    fanouts = {level.name: (level.fanout.x, level.fanout.y) for level in arch.levels if level.fanout.total > 1}
    assert fanouts == {"inter_mac_spatial": (2, 1), "inter_PE_spatial": (1, 3), "inter_column_spatial": (4, 1)}
    assert all(arch.level(name).bypass == {"all"} and arch.level(name).size_bits == 0 for name in fanouts)
    assert arch.name == "system"


def test_attributes_come_from_the_containers_outside() -> None:
    arch = machine().architecture
    assert arch.level("DRAM").word_bits == 16
    assert (arch.level("GLB").word_bits, arch.level("GLB").block) == (8, 4)
    assert arch.level("GLB").size_bits == 1024 * 32
    assert arch.level("a_reg").size_bits == 16
    assert arch.compute.word_bits == 8


def test_branches_of_a_parallel_hold_what_they_keep() -> None:
    arch = machine().architecture
    held = {level.name: (set(level.keep), set(level.bypass)) for level in arch.levels[1:4]}
    assert held == {"a_reg": ({"A"}, {"B", "Z"}), "b_buf": (set(), {"A", "Z"}), "b_reg": ({"B"}, {"A", "Z"})}
    assert arch.level("GLB").bypass == {"B"}


def test_constraints_of_the_nodes() -> None:
    found = machine().constraints
    assert all(constraint.origin is Origin.NODE for constraint in found)
    loops = {(found.target, found.axis): found for found in found if isinstance(found, LoopConstraint)}
    assert loops["inter_column_spatial", Axis.SPATIAL].exact() == {"K": 1}
    assert loops["inter_PE_spatial", Axis.SPATIAL].split == 0
    assert loops["GLB", Axis.TEMPORAL].permutation == ("K", "M")
    held = {found.target: (found.keep, found.bypass) for found in found if isinstance(found, ResidencyConstraint)}
    assert held["a_reg"] == (("A",), ("B", "Z"))
    assert len(held) == 4


def test_mapping_takes_what_it_leaves_open_from_the_constraints() -> None:
    mapping = """
mapping:
- {target: PE, type: spatial, factors: N=3}
- {target: column, type: spatial, factors: M=4}
- {target: GLB, type: temporal, factors: M=2 K=4}
- {target: DRAM, type: temporal, factors: N=2}
"""
    found = machine(mapping=mapping).mapping
    assert found is not None
    assert found.by_level["inter_PE_spatial"].y == (Loop("N", 3),)
    assert found.by_level["inter_column_spatial"].x == (Loop("M", 4),)
    assert found.by_level["GLB"].temporal == (Loop("M", 2), Loop("K", 4))
    assert {name: set(nest.keep) for name, nest in found.by_level.items() if nest.keep} == {
        "b_reg": {"B"},
        "b_buf": {"B"},
        "a_reg": {"A"},
        "GLB": {"A", "Z"},
        "DRAM": {"A", "B", "Z"},
    }


def test_mapping_against_the_hardware() -> None:
    mapping = (
        "mapping:\n- {target: DRAM, type: temporal, factors: M0 N0 K0}\n- {target: GLB, type: dataspace, keep: [B]}\n"
    )
    assert "mapping at 'GLB': keeps 'B', which this memory bypasses" in message(mapping=mapping)


def test_a_mapping_may_say_what_the_branches_keep() -> None:
    bare = [(", constraints: {dataspace: {keep: [A]}}", ""), (", constraints: {dataspace: {keep: [B]}}", "")]
    mapping = """
mapping:
- {target: DRAM, type: temporal, factors: M0 N0 K0}
- {target: a_reg, type: dataspace, keep: [A]}
- {target: b_reg, type: dataspace, keep: [B]}
"""
    found = machine(*bare, mapping=mapping).mapping
    assert found is not None
    assert set(found.by_level["a_reg"].keep) == {"A"}
    assert "no branch of the !Parallel keeps A, B" in message(*bare)


def test_disabled_nodes_are_left_out() -> None:
    arch = machine(("name: GLB\n", "name: GLB\n    enabled: false\n")).architecture
    assert "GLB" not in arch.names


def test_components_with_a_mesh() -> None:
    text = """
architecture:
  nodes:
  - !Component {name: DRAM, class: DRAM}
  - !Component
    name: RF
    class: regfile
    spatial: {meshX: 3, meshY: 2}
    attributes: {entries: 4}
    constraints: {spatial: {factors: [M=2]}, temporal: {factors: [K=4]}}
  - !Component {name: mac, class: mac}
"""
    given = loaded(text, PROBLEM)
    assert given.architecture.names == ("RF", "inter_RF_spatial", "DRAM")
    assert given.architecture.instances == (6, 1, 1)
    assert [(found.target, found.axis.value) for found in given.constraints if isinstance(found, LoopConstraint)] == [
        ("inter_RF_spatial", "spatial"),
        ("RF", "temporal"),
    ]


def test_power_gating_passes_to_the_level_after() -> None:
    text = """
architecture:
  nodes:
  - !Component {name: DRAM, class: DRAM}
  - !Container {name: PE, spatial: {meshX: 2}, attributes: {has_power_gating: false}}
  - !Component {name: L1, class: SRAM, attributes: {has_power_gating: true}}
  - !Component {name: L0, class: SRAM}
  - !Component {name: R, class: SRAM}
  - !Component {name: mac, class: mac}
"""
    arch = loaded(text, PROBLEM).architecture
    assert [level.power_gated_at for level in arch.levels] == ["L0", None, None, None, None]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ('meshX: "ROWS + 1"', "meshX: ROWZ"),
            "column: meshX: in the expression 'ROWZ': there is no name 'ROWZ' (did you mean",
        ),
        (('meshX: "ROWS + 1"', "meshX: 0"), "column: meshX is 0; expected an integer of 1 or more"),
        (('meshX: "ROWS + 1"', "meshX: 2000000000000"), "column: meshX is 2000000000000; expected"),
        (("{split: 0}", "{splt: 0, split: x}"), "split: in the expression 'x'"),
        (("keep: [B]", "keep: [A, B]"), "'A' is kept in two branches of a !Parallel; expected one"),
        (("{keep: [Z]}", "{keep: []}"), "no branch of the !Parallel keeps Z (add a constraint"),
        (("name: b_buf", "name: GLB"), "the name 'GLB' is used twice; it stands first at <text 1>:"),
        (("!Component {name: mac, class", "!Component {class"), "a !Component has no name"),
        (("class: intmac", "class: adder"), "the architecture has 0 compute components"),
        (
            ("- !Component {name: mac, class: intmac, spatial: {meshX: 2}}", ""),
            "the last node is b_reg; expected a compute",
        ),
        (("- !Component {name: a_reg,", "- !Container {name: a_reg,"), "a_reg: a container cannot stand directly in"),
        (("{name: a_reg,", "{name: a_reg, spatial: {meshX: 2},"), "a_reg: a component with a mesh cannot stand"),
        (
            ("temporal: {permutation", "temperal: {permutation"),
            "GLB: 'temperal' is not a kind of constraint (did you mean",
        ),
        (
            ("nodes:\n  - !Container {name: system", "nodes: 3\n  bodes:\n  - !Container {name: system"),
            "nodes is 3; expected",
        ),
        (("!Nothing", "!Nothin"), "the tag !Nothin is not allowed here (did you mean '!Nothing'?)"),
        (("factors: [N=1]", "factors: [X=1]"), "the temporal constraint of GLB: the factor X=1 is over 'X'"),
        (("- !Nothing {", "- !Nothing [1]\n    - !Nothing {"), "a node is a list; expected a mapping"),
    ],
)
def test_messages(change: tuple[str, str], expected: str) -> None:
    assert expected in message(change)


def test_places_point_into_the_nodes() -> None:
    found = message(("factors: [N=1]", "factors: [X=1]"), ("{split: 0}", "{split: -1}"))
    places = [line.split(": ")[0] for line in found.splitlines()]
    assert places == ["<text 1>:18:87", "<text 1>:26:36"]


def test_a_fault_in_the_problem_does_not_hide_those_of_the_architecture() -> None:
    with pytest.raises(InputError) as caught:
        loaded(MACHINE.replace("ROWS + 1", "ROWS - 3"), PROBLEM.replace("M: 8", "M: -8"))
    assert len(caught.value.faults) == 2


def test_what_plays_no_part_is_pointed_out() -> None:
    extra = "- !Component {name: noc, class: XY_NoC}\n  - !Component {name: GLB2, class: SRAM, sparse_optimizations: {x: 1}}\n  "
    given = machine(("- !Container\n    name: column", extra + "- !Container\n    name: column"))
    assert "the component noc of class 'XY_NoC' plays no part" in given.warnings
    assert "sparse_optimizations (GLB2)" in given.warnings
    given = machine(("name: PE\n", "name: PE\n    networks: [1]\n"))
    assert "networks of PE: networks are not modelled" in given.warnings
    given = machine(("name: chip\n", "name: chip\n    constraints: {temporal: {factors: [M=1]}}\n"))
    assert "the temporal constraint of the container chip has no level to hold it" in given.warnings


def test_no_reuse_across_a_fanout_belongs_to_the_hardware() -> None:
    given = machine(("{split: 0}", "{split: 0, no_reuse: [A]}"))
    assert given.architecture.level("inter_PE_spatial").fanout.no_multicast == {"A"}
    given = machine(("factors: [N=1]", "factors: [N=1], no_reuse: [A]"))
    assert "no_reuse (the temporal constraint of GLB): reuse over time is counted all the same" in given.warnings


def test_what_components_have_a_default_of_does_not_pass_down() -> None:
    given = machine(
        ("attributes: {depth: 1024}", "attributes: {depth: 1024, multiple_buffering: 2, has_power_gating: true}")
    )
    assert all(level.buffering == 1 and level.power_gated_at is None for level in given.architecture.levels)
    assert "multiple_buffering (chip)" in given.warnings


def test_hostile_expressions_are_refused() -> None:
    for hostile in ("9**9**9", "().__class__", "open('x')", "[x for x in range(9)]", "'a' * 9"):
        assert "in the expression" in message(('"4 * datawidth"', '"' + hostile + '"'))
