"""The binary's tree form: every attribute and spelling, instances and meshes, ERT and ART, and what is wrong with them."""

from __future__ import annotations

import math
import warnings
from typing import Any

import pytest

from archloom.architecture.hierarchy import Architecture, Memory
from archloom.errors import InputError
from archloom.interop.timeloop import TimeloopInput, TimeloopWarning, load

PROBLEM = """
problem:
  shape:
    name: dot
    dimensions: [M, K]
    data-spaces:
    - {name: A, projection: [[[K]]]}
    - {name: Z, projection: [[[M]]], read-write: true}
  instance: {M: 4, K: 8}
"""
ERT = """
ERT:
  version: 0.4
  tables:
  - name: system.RAM[1..1]
    actions: [{name: read, energy: 4}, {name: write, energy: 5}, {name: update, energy: 6}, {name: leak, energy: 0.25}]
  - name: system.MAC[1..1]
    actions: [{name: compute, energy: 1}]
"""


def one(attributes: str, *, ert: str = ERT, kind: str = "SRAM", fields: str = "") -> str:
    return (
        "architecture:\n  version: 0.4\n  subtree:\n  - name: system\n    local:\n"
        f"    - {{name: RAM, class: {kind}, attributes: {{{attributes}}}{fields}}}\n"
        "    - {name: MAC, class: intmac, attributes: {meshX: 1}}\n" + PROBLEM + ert
    )


def loaded(*texts: str) -> TimeloopInput:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TimeloopWarning)
        return load(*texts)


def memory(attributes: str, **more: str) -> Memory:
    return loaded(one(attributes, **more)).architecture.levels[0]


def message(*texts: str) -> str:
    with pytest.raises(InputError) as caught:
        loaded(*texts)
    return str(caught.value)


@pytest.mark.parametrize(
    ("attributes", "changes"),
    [
        ("", {"size_bits": math.inf, "word_bits": 16, "block": 1, "buffering": 1}),
        ("word-bits: 8, entries: 64", {"word_bits": 8, "size_bits": 512}),
        ("word_bits: 8, entries: 64", {"word_bits": 8, "size_bits": 512}),
        ("word_width: 8, depth: 64", {"word_bits": 8, "size_bits": 512}),
        ("datawidth: 8, memory_depth: 64, block-size: 4", {"word_bits": 8, "size_bits": 2048, "block": 4}),
        ("datawidth: 8, depth: 16, width: 64", {"word_bits": 8, "block": 8, "size_bits": 1024}),
        ("datawidth: 8, depth: 16, memory_width: 64", {"block": 8}),
        ("datawidth: 8, depth: 1, width: 512, cluster_size: 64", {"block": 1, "cluster": 64, "size_bits": 8}),
        ("datawidth: 8, n_words: 2, width: 64, entries: 16", {"block": 2, "size_bits": 128}),
        ("sizeKB: 2, word-bits: 32", {"size_bits": 2 * 8192}),
        ("sizeKB: 1, word-bits: 24", {"size_bits": 341 * 24}),
        ("read_bandwidth: 4, write-bandwidth: 2.5", {"read_bandwidth": 4, "write_bandwidth": 2.5}),
        ("bandwidth: 4", {"read_bandwidth": 2, "write_bandwidth": 2}),
        ("shared_bandwidth: 3", {"shared_bandwidth": 3, "read_bandwidth": None}),
        ("multiple-buffering: 2", {"buffering": 2}),
        ("multiple_buffering: 1.5", {"buffering": 1.5}),
        ("vector-access-energy: 9", {"read_pj": 9, "write_pj": 9, "update_pj": 9, "leak_pj": 0.25}),
        ("cluster-area: 7", {"area_um2": 7}),
        ("depth: 2 ** 4, word-bits: 'min(8, depth)'", {"size_bits": 128}),
        ("power_gated_at: RAM", {"power_gated_at": None}),
        ("", {"read_pj": 4, "write_pj": 5, "update_pj": 6, "leak_pj": 0.25, "kind": "SRAM"}),
    ],
)
def test_attributes(attributes: str, changes: dict[str, Any]) -> None:
    level = memory(attributes)
    assert {name: getattr(level, name) for name in changes} == changes


def test_latencies_of_the_network() -> None:
    fanout = memory("network_fill_latency: 3, network_drain_latency: 4").fanout
    assert (fanout.fill_latency, fanout.drain_latency) == (3, 4)


def test_actions_of_the_ert_by_priority() -> None:
    ert = """
ERT:
  version: 0.3
  tables:
  - name: system.chip.RAM[1..1]
    actions: [{name: read, energy: 1}, {name: write, energy: 2}, {name: random_write, energy: 3}, {name: fill, energy: 4}]
  - name: MAC
    actions: [{name: compute, energy: 5}, {name: mac_random, energy: 6}]
"""
    given = loaded(one("", ert=ert))
    level = given.architecture.levels[0]
    assert (level.read_pj, level.write_pj, level.update_pj) == (1, 3, 3)
    assert given.architecture.compute.energy_pj == 6


def test_instances_and_meshes_make_fanouts() -> None:
    text = """
architecture:
  version: 0.3
  subtree:
  - name: system
    local:
    - {name: DRAM, class: DRAM, attributes: {width: 64, word-bits: 16}}
    subtree:
    - name: chip
      local:
      - {name: GLB, class: smartbuffer_SRAM, attributes: {entries: 1024}}
      - {name: NoC, class: XY_NoC, attributes: {x: 1}}
      - {name: widget, class: decoder}
      subtree:
      - name: PE[0..167]
        local:
        - {name: RF, class: regfile, attributes: {entries: 16, meshX: 14}}
        - {name: "MAC[1..4]", class: mac, attributes: {meshX: 56, meshY: 12}}
"""
    given = loaded(text, PROBLEM)
    arch = given.architecture
    assert arch.names == ("RF", "GLB", "DRAM")
    assert arch.instances == (168, 1, 1)
    assert arch.compute_instances == 672
    assert [(level.fanout.x, level.fanout.y) for level in arch.levels] == [(4, 1), (14, 12), (1, 1)]
    assert arch.level("DRAM").block == 4
    assert "the component NoC of class 'XY_NoC' plays no part" in given.warnings
    assert "the component widget of class 'decoder' plays no part" in given.warnings


def test_classic_form() -> None:
    text = """
arch:
  arithmetic: {instances: 256, word-bits: 8, meshX: 16, energy: 0.5}
  storage:
  - {name: RF, entries: 64, instances: 256, meshX: 16, word-bits: 8}
  - {name: DRAM, technology: DRAM, instances: 1, word-bits: 8, block-size: 4}
"""
    arch = loaded(text, PROBLEM).architecture
    assert arch.names == ("RF", "DRAM")
    assert arch.level("DRAM").kind == "DRAM"
    assert (arch.level("DRAM").fanout.x, arch.level("DRAM").fanout.y) == (16, 16)
    assert arch.compute.energy_pj == 0.5


def test_dummy_storage_is_a_pure_fanout() -> None:
    text = """
architecture:
  subtree:
  - name: s
    local:
    - {name: DRAM, class: DRAM}
    - {name: inter_PE_spatial, class: dummy_storage, attributes: {width: 1, depth: 1, datawidth: 1, technology: -1}}
    - {name: "MAC[1..8]", class: mac, attributes: {meshX: 2}}
"""
    given = loaded(text, PROBLEM)
    level = given.architecture.level("inter_PE_spatial")
    assert (level.size_bits, level.bypass, level.fanout.x, level.fanout.y) == (0, frozenset({"all"}), 2, 4)
    assert not any("inter_PE" in warning for warning in given.warnings)


def test_one_warning_lists_what_has_no_meaning() -> None:
    text = one("energy_per_hop: 2, n_banks: 4, num-ports: 2, foo: bar, has_power_gating: false, cluster_size: 1")
    with pytest.warns(TimeloopWarning) as caught:
        given = load(text)
    assert len(caught) == 1
    assert given.warnings == ("energy_per_hop (RAM)", "n_banks (RAM)", "num-ports (RAM)", "foo (RAM)")
    assert all(name in str(caught[0].message) for name in ("energy_per_hop", "n_banks", "num-ports", "foo"))


@pytest.mark.parametrize(
    ("attributes", "remark"),
    [
        ("min-utilization: 0.5", "min_utilization of RAM"),
        ("allow_overbooking: true", "allow_overbooking of RAM"),
        ("reduction_supported: 0", "reduction_supported of RAM"),
    ],
)
def test_values_that_change_nothing_here_are_pointed_out(attributes: str, remark: str) -> None:
    assert loaded(one(attributes)).warnings[0].startswith(remark)


def test_nothing_to_warn_about() -> None:
    usual = "has_power_gating: false, min_utilization: 0, allow_overbooking: 0, reduction_supported: 1, cluster_size: 1"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        given = load(one(usual + ", technology: 45nm, power_gated_at: null"))
    assert given.warnings == ()


def test_missing_energies_are_pointed_out() -> None:
    assert loaded(one("", ert="")).warnings[0].startswith("no ERT: every access energy is 0")
    partial = "ERT: {version: 0.4, tables: [{name: RAM, actions: [{name: write, energy: 1}]}]}\n"
    assert loaded(one("", ert=partial)).warnings == (
        "the ERT of RAM lacks the action read: its energy is 0",
        "no ERT entry for MAC: its energies are 0",
    )


def test_leakage_of_the_compute_units_is_left_out() -> None:
    leaky = ERT.replace("{name: compute, energy: 1}", "{name: compute, energy: 1}, {name: leak, energy: 2}")
    given = loaded(one("", ert=leaky))
    assert given.architecture.compute.leak_pj == 0
    assert given.warnings[0].startswith("leak of MAC: Timeloop does not charge")


def test_power_gating() -> None:
    text = """
architecture:
  subtree:
  - name: s
    local:
    - {name: DRAM, class: DRAM}
    - {name: GLB, class: SRAM, attributes: {entries: 64}}
    - {name: "RF[1..4]", class: regfile, attributes: {entries: 4, power_gated_at: GLB}}
    - {name: "MAC[1..4]", class: mac}
"""
    assert loaded(text, PROBLEM).architecture.level("RF").power_gated_at == "GLB"
    assert "RF: power_gated_at is 'GBL', which is not a level outside it (did you mean 'GLB'?)" in message(
        text.replace("gated_at: GLB", "gated_at: GBL"), PROBLEM
    )


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("entries: -1", "<text>:6:54: RAM: entries is -1; expected an integer of 0 or more"),
        ("entries: many", "<text>:6:54: RAM: entries: in the expression 'many': there is no name 'many'"),
        ("entries: 1.5", "RAM: entries is 1.5; expected an integer of 0 or more"),
        ("entries: [1]", "RAM: entries is a list; expected a number"),
        ("entries: true", "RAM: entries is True; expected an integer of 0 or more"),
        ("entries: 9**9**9", "RAM: entries: in the expression '9**9**9'"),
        ("entries: ().__class__", "RAM: entries: in the expression"),
        ("read_bandwidth: 0", "RAM: read_bandwidth is 0; expected a number above 0"),
        ("word-bits: 0", "RAM: word-bits is 0; expected an integer from 1 to 1048576"),
        ("word-bits: 8, word_bits: 8", "RAM: 'word_bits' is given twice, once as 'word-bits'"),
        ("width: 20, datawidth: 8", "RAM: width is 20, which is not a multiple of the word width, 8"),
        ("width: 64, datawidth: 8, block_size: 3", "not a multiple of the block_size x word width, 24"),
        ("width: 64, datawidth: 8, block_size: 4, cluster_size: 4", "block_size x cluster_size x word width is 128"),
        ("sizeKB: 1, entries: 5", "RAM: both sizeKB and entries are given"),
        ("meshX: 2", "RAM: meshX 2 does not make 1 instances"),
        ("meshY: 3", "RAM: meshY 3 does not make 1 instances"),
        ("instances: 4", "RAM: the outermost storage has 4 instances; expected one"),
        ("multiple_buffering: 0.5", "RAM: multiple_buffering is 0.5; expected a number of 1 or more"),
        ("allow_overbooking: maybe", "there is no name 'maybe'"),
        ("power_gated_at: [x]", "RAM: power_gated_at is a list; expected text"),
    ],
)
def test_messages(attributes: str, expected: str) -> None:
    assert expected in message(one(attributes))


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        ("{}", "the architecture has no components (expected 'subtree' (the binary's form) or 'nodes'"),
        ("3", "<text>:1:15: the architecture is 3; expected a mapping"),
        ("{version: 0.9, subtree: []}", "the architecture has the version 0.9; expected 0.1, 0.2, 0.3, 0.4"),
        ("{subtree: [{name: s}, {name: t}]}", "subtree has 2 entries; expected exactly one"),
        (
            "{subtree: [{name: s, local: [{name: A, class: SRAM}]}]}",
            "has 0 compute components (none); expected exactly",
        ),
        ("{subtree: [{name: s, local: [{name: A, class: mac}]}]}", "the architecture has no storage component"),
        ("{subtree: [{name: s, local: [{name: 'A[3..1]', class: mac}]}]}", "'A[3..1]' makes -1 instances"),
        ("{subtree: [{name: s, local: [{name: 'A[', class: mac}]}]}", "the name is 'A['; expected a name like"),
        ("{subtree: [{name: s, local: 4}]}", "s: local is 4; expected a list"),
        (
            "{subtree: [{name: s, local: [{name: A, class: SRAM}, {name: A, class: SRAM}, {name: M, class: mac}]}]}",
            "the name 'A' is used twice",
        ),
        (
            "{subtree: [{name: s, local: [{name: D, class: DRAM}, {name: 'A[1..4]', class: SRAM}, {name: 'M[1..6]', class: mac}]}]}",
            "M: meshX is 6, which is not a multiple of the 4 of A outside it (M has 6 instances, A 4)",
        ),
    ],
)
def test_messages_of_the_structure(architecture: str, expected: str) -> None:
    assert expected in message(f"architecture: {architecture}\n{PROBLEM}")


def test_every_fault_at_once() -> None:
    text = one("entries: -1, read_bandwidth: fast") + "mapping:\n- {target: RMA, type: temporal, factors: M=4 X=2}\n"
    found = message(text)
    assert len(found.splitlines()) == 3
    assert "there is no storage level 'RMA' (did you mean 'RAM'?)" in found


def test_missing_sections() -> None:
    assert message(PROBLEM) == "no source has the section 'architecture' (found only: problem)"
    assert "no source has the section 'problem'" in message("architecture: {}\n")


def test_sections_given_twice() -> None:
    assert "'problem' is given twice; it stands first at <text 1>:" in message(one(""), PROBLEM)


def test_other_sections_are_mentioned() -> None:
    more = "mapspace: {template: uber}\nfoo: 3\nbase_ignore: {x: 1}\nmaping: []\n"
    given = loaded(one(""), more)
    assert given.warnings[0] == "mapspace: ignored"
    assert given.warnings[1].startswith("foo (<text 2>:2:6): no section of Timeloop's")
    assert "did you mean 'mapping'?" in given.warnings[2]
    assert len(given.warnings) == 3


def test_options_of_the_mapper() -> None:
    options = "mapper: {version: 0.4, timeout: 100, optimization-metrics: [edp], nested: {a: [1]}}\n"
    assert loaded(one(""), options).mapper == {
        "timeout": 100,
        "optimization-metrics": ["edp"],
        "nested": {"a": [1]},
    }


def test_architecture_is_checked_as_timeloop_checks() -> None:
    arch: Architecture = loaded(one("")).architecture
    assert arch.pooled
    assert arch.name == "system"
