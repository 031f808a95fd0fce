"""The sections of a file: what they mean, and what is said of each fault in them."""

from __future__ import annotations

import math

import pytest

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.errors import InputError
from archloom.mapping.nest import LevelNest, Loop
from archloom.spec import load
from archloom.spec.constraints_section import FactorRule, LevelRules, LoopRules
from archloom.workload.einsum import einsum
from archloom.workload.layers import conv2d, gemm

MACHINE = """
architecture:
  name: tiny
  levels:
    - {name: DRAM, energy: 1 pJ, keep: all}
    - {name: GLB, energy: 1 pJ, keep: [inputs, O], bypass: weights, fanout: {x: 4, y: 2}}
    - {name: RF, energy: 1 pJ, fanout: {x: 8, reshapeable: true}}
  compute: {energy: 1 pJ}
"""
LAYER = """
workload:
  einsum: O[m,n] += W[m,k] * I[k,n]
  bounds: {m: 8, n: 4, k: 16}
"""


def architecture(text: str) -> Architecture:
    found = load(text).architecture
    assert found is not None
    return found


def level(text: str, above: str = "") -> Memory:
    """The level with these fields, as the only one of an architecture."""
    return architecture(f"architecture:\n  {above}\n  levels:\n    - {{name: L, {text}}}\n").levels[0]


def faults(*texts: str) -> list[str]:
    with pytest.raises(InputError) as error:
        load(*texts)
    return [str(fault) for fault in error.value.faults]


def level_faults(text: str) -> list[str]:
    return [fault.partition(": ")[2] for fault in faults(f"architecture:\n  levels:\n    - {{name: L, {text}}}\n")]


class TestArchitecture:
    def test_everything(self) -> None:
        text = """
architecture:
  name: full
  clock: 500 MHz
  word: 8 bit
  pooled: true
  variables: {half: whole // 2, whole: 16}
  levels:
    - name: DRAM
      class: dram
      word: 16 bit
      block: half / 2
      cluster: 2
      read_bandwidth: 4 words/cycle
      write_bandwidth: 16 B/cycle
      shared_bandwidth: 3.2 GB/s
      energy: {read: 200 pJ, write: 210 pJ, update: 220 pJ}
      keep: all
    - name: GLB
      size: 108KiB
      buffering: 2
      energy: {read_pj: 6, write: 0.5 pJ/bit}
      leak: 1 mW
      area: 0.5 mm2
      keep: [inputs, outputs]
      bypass: Weights
      power_gated_at: DRAM
      fanout: {x: whole - 2, y: 12, no_multicast: inputs, reshapeable: true, fill_latency: 3, drain_latency: 4}
    - {name: RF, size: 24 words, block: 4, energy: 2 pJ/word, leak: 0.1 pJ/cycle, area: 50 um2, fanout: 3x2}
  compute: {name: PE, class: fp_mac, word: 32 bit, energy: 1.5 pJ, leak_pj: 0.25, area_um2: 100}
"""
        assert architecture(text) == Architecture(
            "full",
            (
                Memory(
                    "RF",
                    size_bits=24 * 8,
                    word_bits=8,
                    block=4,
                    read_pj=8,
                    write_pj=8,
                    update_pj=8,
                    leak_pj=0.1,
                    area_um2=50,
                    fanout=Fanout(3, 2),
                ),
                Memory(
                    "GLB",
                    size_bits=108 * 8192,
                    word_bits=8,
                    buffering=2,
                    read_pj=6,
                    write_pj=4,
                    update_pj=4,
                    leak_pj=2,
                    area_um2=5e5,
                    keep=frozenset({"inputs", "outputs"}),
                    bypass=frozenset({"Weights"}),
                    power_gated_at="DRAM",
                    fanout=Fanout(14, 12, frozenset({"inputs"}), True, 3, 4),
                ),
                Memory(
                    "DRAM",
                    word_bits=16,
                    block=4,
                    cluster=2,
                    read_bandwidth=4,
                    write_bandwidth=8,
                    shared_bandwidth=3.2e9 * 8 / 16 / 500e6,
                    read_pj=200,
                    write_pj=210,
                    update_pj=220,
                    keep=frozenset({"all"}),
                    kind="dram",
                ),
            ),
            Compute("PE", 1.5, 0.25, 100, 32, "fp_mac"),
            pooled=True,
        )

    def test_defaults(self) -> None:
        bare = architecture("architecture:\n  levels: [{name: L}]\n")
        assert bare == Architecture("architecture", (Memory("L"),), Compute())

    def test_units_in_the_keys(self) -> None:
        assert level("size_bits: 640, word_bits: 32, leak_pj: 2, area_um2: 3") == Memory(
            "L", size_bits=640, word_bits=32, leak_pj=2, area_um2=3
        )
        assert level("leak: 1 W", "clock_hz: 1e12").leak_pj == 1

    def test_unbounded(self) -> None:
        memory = level("size: .inf, read_bandwidth: .inf")
        assert (memory.size_bits, memory.read_bandwidth) == (math.inf, None)

    def test_missing_energies_are_one_warning(self) -> None:
        text = """
architecture:
  levels:
    - {name: DRAM, energy: {read: 1 pJ, write: 1 pJ}}
    - {name: GLB, class: sram, node: 28 nm}
    - {name: dummy, bypass: all}
    - {name: RF, energy: {write: 1 pJ}}
"""
        (warning,) = load(text).warnings
        what, _, advice = warning.partition("; ")
        assert what == "no energy is given for GLB, RF (read), MAC: counted as 0 pJ"
        assert advice == "to have them priced give size: 64 KiB for GLB"

    def test_nodes(self) -> None:
        spec = load("architecture:\n  node: 45 nm\n  levels: [{name: A}, {name: B, node: 0.028 um}]\n")
        assert spec.nodes == {"A": 45, "B": 28, "MAC": 45}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("sise: 3 B", "level 'L' has the unknown key 'sise' (did you mean 'size'?)"),
            (
                "3: 3 B",
                "level 'L' has the unknown key 3 (expected one of: name, class, node, word, word_bits, energy, leak, leak_pj, area, area_um2, size, size_bits, ...)",
            ),
            ("size: 3", "'size' of level 'L' is 3, which has no unit; write a size such as '128 KiB'"),
            ("size: 3 B, size_bits: 24", "level 'L' has both 'size' and 'size_bits'; expected one of them"),
            ("size_bits: -1", "'size_bits' of level 'L' is -1; expected 0 or more"),
            ("size: [1]", "'size' of level 'L' is a list; expected a size such as '128 KiB'"),
            ("word: 2.5 bit", "'word' of level 'L' is '2.5 bit'; expected a whole number of bits from 1 to 2**20"),
            ("block: 0", "'block' of level 'L' is 0; expected a whole number from 1 to 2**40"),
            ("block: 1.5", "'block' of level 'L' is 1.5; expected a whole number from 1 to 2**40"),
            ("block: true", "'block' of level 'L' is true; expected a number"),
            ("block: 2**41", "'block' of level 'L' is '2**41'; expected a whole number from 1 to 2**40"),
            ("buffering: 0.5", "'buffering' of level 'L' is 0.5; expected 1 or more"),
            ("buffering: .nan", "'buffering' of level 'L' is .nan; expected a number"),
            ("keep: [inputs, 3]", "'keep' of level 'L' is 3; expected a name or a list of names"),
            ("read_bandwidth: 0 B/cycle", "'read_bandwidth' of level 'L' is '0 B/cycle'; expected more than 0"),
            (
                "read_bandwidth: 4",
                "'read_bandwidth' of level 'L' is 4, which has no unit; write a bandwidth such as '4 words/cycle' or '16 B/cycle'",
            ),
            (
                "read_bandwidth: 1 GB/s",
                "'read_bandwidth' of level 'L' is given per second, and the architecture has no clock (write clock: 1 GHz in the architecture)",
            ),
            (
                "leak: 1 mW",
                "'leak' of level 'L' is given per second, and the architecture has no clock (write clock: 1 GHz in the architecture)",
            ),
            ("leak: .inf", "'leak' of level 'L' is .inf; expected a finite value"),
            ("energy: {raed: 1 pJ}", "the energy of 'L' has the unknown key 'raed' (did you mean 'read'?)"),
            ("energy: {read: 1 pj}", "'read' of the energy of 'L' has the unknown unit 'pj' (did you mean 'pJ'?)"),
            ("fanout: {x: 0}", "'x' of the fanout of level 'L' is 0; expected a whole number from 1 to 2**40"),
            (
                "fanout: {z: 1}",
                "the fanout of level 'L' has the unknown key 'z' (expected one of: x, y, no_multicast, reshapeable, fill_latency, drain_latency)",
            ),
            ("fanout: {reshapeable: 1}", "'reshapeable' of the fanout of level 'L' is 1; expected true or false"),
            ("fanout: [1, 2, 3]", "'fanout' of level 'L' is a list; expected a mesh like 16x12"),
            ("class: 3", "'class' of level 'L' is 3; expected text (put it in quotes)"),
            (
                "power_gated_at: X",
                "'power_gated_at' names 'X'; expected this level or one outside it (expected one of: L)",
            ),
        ],
    )
    def test_faults_of_a_level(self, text: str, message: str) -> None:
        assert message in level_faults(text)

    def test_places(self) -> None:
        found = faults(
            MACHINE.replace("keep: all", "keeps: all")
            .replace("{name: RF", "{name: GLB")
            .replace("1 pJ, keep: [", "1 pj, keep: [")
        )
        assert found == [
            "text:5:34: level 'DRAM' has the unknown key 'keeps' (did you mean 'keep'?)",
            "text:6:27: 'energy' of level 'GLB' has the unknown unit 'pj' (did you mean 'pJ'?)",
            "text:7:14: the name 'GLB' is used twice; it stands first at text:6:14",
        ]

    def test_what_the_core_refuses_has_the_place_of_its_level(self) -> None:
        assert faults(MACHINE.replace("keep: all", "bypass: inputs")) == [
            "text:5:14: architecture 'tiny': level 'DRAM': bypasses inputs; the backing store keeps every tensor"
        ]
        assert faults(MACHINE.replace("bypass: weights", "bypass: input")) == [
            "text:6:14: architecture 'tiny': level 'GLB': both keeps and bypasses 'input'"
        ]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("architecture: {}\n", "text:1:15: the architecture has no 'levels'"),
            (
                "architecture: {levels: []}\n",
                "text:1:15: architecture 'architecture': has no memory; expected at least one level",
            ),
            (
                "architecture:\n  - 1\n",
                "text:2:3: the architecture is a list; expected a mapping with keys such as name, levels, compute, variables, clock",
            ),
            (
                "architecture: {levels: 3}\n",
                "text:1:24: 'levels' of the architecture is 3; expected a list of levels, outer to inner",
            ),
            (
                "architecture: {levels: [3]}\n",
                "text:1:25: a level is 3; expected a mapping with keys such as name, class, node, word, word_bits",
            ),
            (
                "architecture:\n  version: 0.4\n  nodes: []\n",
                "text:2:3: this is an architecture in Timeloop's form (load it with archloom.interop.timeloop or --timeloop)",
            ),
            (
                "architecture: {variables: {a: b, b: a}, levels: [{name: L, size: a B}]}\n",
                "text:1:31: the variables refer to each other in a circle: a -> b -> a",
            ),
            (
                "architecture: {variables: {3x: 1}, levels: [{name: L}]}\n",
                "text:1:28: the variable '3x' is no name; expected letters, digits and _",
            ),
            (
                "architecture: {variables: 3, levels: [{name: L}]}\n",
                "text:1:27: 'variables' is 3; expected a mapping from names to numbers",
            ),
            (
                "architecture: eyerris\n",
                "text:1:15: there is no machine 'eyerris' in the zoo (did you mean 'eyeriss'?)",
            ),
        ],
    )
    def test_faults(self, text: str, message: str) -> None:
        assert message in faults(text)


class TestWorkload:
    def test_einsum(self) -> None:
        text = LAYER + "  name: mm\n  word_bits: {O: 2 * w}\n  roles: {I: weight, W: input}\n  variables: {w: 16}\n"
        expected = einsum(
            "O[m,n] += W[m,k] * I[k,n]",
            {"m": 8, "n": 4, "k": 16},
            name="mm",
            word_bits={"O": 32},
            roles={"I": "weight", "W": "input"},
        )
        assert load(text).workload == expected

    def test_one_width_for_all(self) -> None:
        for width in ("word: 8 bit", "word_bits: 8", "word: {O: 8 bit, W: 1 B, I: 8 bits}"):
            workload = load(f"{LAYER}  {width}\n").workload
            assert workload is not None
            assert [tensor.word_bits for tensor in workload.tensors] == [8, 8, 8]

    def test_layers(self) -> None:
        text = "workload:\n  name: c\n  conv2d: {M: 8, C: 4 // 2, P: 5, Q: 6, R: 3, S: 1, stride: [2, 1]}\n"
        assert load(text).workload == conv2d("c", M=8, C=2, P=5, Q=6, R=3, S=1, stride=(2, 1))
        assert load("workload: {gemm: {M: 8, N: 4, K: 2}}\n").workload == gemm("gemm", M=8, N=4, K=2)

    def test_unused_dimension(self) -> None:
        assert load(LAYER.replace("k: 16", "k: 16, z: 3")).warnings == (
            "the dimension 'z' of the workload 'einsum' indexes no tensor",
        )

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                LAYER.replace("k: 16", "kk: 16"),
                "text:4:11: the dimension 'k' of the einsum has no bound (did you mean 'kk'?)",
            ),
            (
                LAYER.replace("k: 16", "k: 0"),
                "text:4:27: the bound of 'k' is 0; expected a whole number from 1 to 2**40",
            ),
            (
                LAYER.replace("[k,n]", "[k,n"),
                "text:3:29: in the einsum 'O[m,n] += W[m,k] * I[k,n' at character 19: expected a tensor like 'I[n,c,2*p+r]'",
            ),
            (
                LAYER.replace("O[m,n]", "O[m+n]"),
                "text:3:11: the output 'O' has the index 'm+n'; expected one plain dimension per output index",
            ),
            (
                LAYER + "  word_bits: {P: 8}\n",
                "text:5:15: 'word_bits' of the workload has the unknown key 'P' (expected one of: W, I, O)",
            ),
            (
                LAYER + "  word: 8\n",
                "text:5:9: 'word' of the workload is 8, which has no unit; write a word width such as '16 bit'",
            ),
            (LAYER + "  word_bits: 8 bit\n", "text:5:16: in the expression '8 bit': not arithmetic"),
            (
                LAYER + "  word_bits: 0\n",
                "text:5:14: 'word_bits' of the workload is 0; expected a whole number of bits from 1 to 4096",
            ),
            (
                LAYER + "  word_bits: 8\n  word: 8 bit\n",
                "text:6:9: the workload has both 'word' and 'word_bits'; expected one of them",
            ),
            (LAYER + "  roles: {I: wait}\n", "text:5:14: the role of 'I' is 'wait' (did you mean 'weight'?)"),
            (
                LAYER + "  roles: {I: output}\n",
                "text:5:14: the role of 'I' is 'output'; only the tensor left of += is the output",
            ),
            (
                LAYER + "  roles: {J: input}\n",
                "text:5:14: 'J' is not a tensor of the workload (expected one of: W, I, O)",
            ),
            (LAYER + "  gemm: {}\n", "text:5:9: the workload has both 'einsum' and 'gemm'; expected one of them"),
            (
                "workload: {bounds: {m: 1}}\n",
                "text:1:11: the workload has no 'einsum' and no layer; expected one of: einsum, conv1d",
            ),
            ("workload: {einsum: 'O[m] += I[m]'}\n", "text:1:11: the workload has no 'bounds'"),
            (
                "workload: {einsun: 'O[m] += I[m]'}\n",
                "text:1:12: the workload has the unknown key 'einsun' (did you mean 'einsum'?)",
            ),
            ("workload: {gemm: {M: 1, N: 2}}\n", "text:1:18: gemm has no 'K'"),
            (
                "workload: {gemm: {M: 1, N: 2, K: 3, L: 4}}\n",
                "text:1:37: gemm has the unknown key 'L' (expected one of: M, N, K)",
            ),
            (
                "workload: {gemm: {M: 1, N: 2, K: 0}}\n",
                "text:1:18: workload 'gemm': the bound of 'K' is 0; expected an integer from 1 to 2**40",
            ),
            ("workload: {conv2d: {M: 1, C: 1, H: 2, W: 2, R: 3, S: 3}}\n", "text:1:20: conv2d: "),
            ("workload: {data_spaces: []}\n", "text:1:11: this is a workload in Timeloop's form"),
            (
                "workload: 3\n",
                "text:1:11: the workload is 3; expected a mapping with keys such as name, einsum, bounds, word, word_bits",
            ),
        ],
    )
    def test_faults(self, text: str, message: str) -> None:
        assert any(fault.startswith(message) for fault in faults(text)), faults(text)


class TestMapping:
    def test_everything(self) -> None:
        text = """
mapping:
  levels:
    - {level: DRAM, temporal: m2, keep: all}
    - {level: GLB, keep: [I, outputs], temporal: {k: 4, m: 2 // 2}, x: m4, y: k2, cut: {I: 1}}
    - {level: RF, bypass: I, temporal: "n=4", x: k2, mesh: 2x4}
"""
        mapping = load(MACHINE, LAYER, text).mapping
        assert mapping is not None
        assert mapping.levels == (
            LevelNest("RF", (Loop("n", 4),), (Loop("k", 2),), (), frozenset("WO"), {}, (2, 4)),
            LevelNest("GLB", (Loop("k", 4), Loop("m", 1)), (Loop("m", 4),), (Loop("k", 2),), frozenset("IO"), {"I": 1}),
            LevelNest("DRAM", (Loop("m", 2),), (), (), frozenset("WIO")),
        )

    def test_levels_left_out_have_no_loops_and_keep_what_they_may(self) -> None:
        mapping = load(MACHINE, LAYER, "mapping:\n  levels: [{level: DRAM, temporal: m8 n4 k16}]\n").mapping
        assert mapping is not None
        assert mapping.by_level["GLB"] == LevelNest("GLB", keep=frozenset("IO"))
        assert mapping.by_level["RF"] == LevelNest("RF", keep=frozenset("WIO"))

    def test_padding(self) -> None:
        text = "mapping:\n  padding: true\n  levels: [{level: DRAM, temporal: m9 n4 k16}]\n"
        mapping = load(MACHINE, LAYER, text).mapping
        assert mapping is not None
        assert (mapping.padding, mapping.factor("m")) == (True, 9)

    def test_dimensions_that_end_in_a_digit(self) -> None:
        layer = "workload:\n  einsum: O[h0,h1] += I[h0,h1]\n  bounds: {h0: 6, h1: 5}\n"
        mapping = load(MACHINE, layer, "mapping:\n  levels: [{level: DRAM, temporal: h0=6 h1=5}]\n").mapping
        assert mapping is not None
        assert mapping.levels[-1].temporal == (Loop("h0", 6), Loop("h1", 5))

    def test_loop_nest_text(self) -> None:
        text = "mapping: |\n  DRAM [ W I O ]\n  | for m in 0..8\n  |   for n in 0..4\n  GLB [ I O ]\n  RF [ W I O ]\n  | for k in 0..16\n  | MAC\n"
        mapping = load(MACHINE, LAYER, text).mapping
        assert mapping is not None
        assert mapping.levels[-1].temporal == (Loop("m", 8), Loop("n", 4))
        assert faults(MACHINE, LAYER, text.replace("0..16", "0..x")) == [
            "text 3:7:1: '0..x' is not a range of iterations (expected 0..N with N from 1 to 2**40)"
        ]

    @pytest.mark.parametrize(
        ("levels", "message"),
        [
            ("{level: GBL}", "the architecture has no level 'GBL' (did you mean 'GLB'?)"),
            ("{levle: GLB}", "a level of the mapping has the unknown key 'levle' (did you mean 'level'?)"),
            ("{temporal: m8}", "a level of the mapping has no 'level'"),
            (
                "{level: RF}, {level: GLB}",
                "the level 'GLB' is outside 'RF'; expected the levels outer to inner: DRAM, GLB, RF",
            ),
            ("{level: RF}, {level: RF}", "the level 'RF' is given twice; it stands first at text 3:2:20"),
            (
                "{level: RF, temporal: m8 x}",
                "text 3:2:37: 'x' is not a loop; expected a dimension and its trip count, like M4 or h0=4",
            ),
            ("{level: RF, temporal: m8 M0}", "text 3:2:37: 'M0' is not a loop"),
            (
                "{level: RF, temporal: m8 kk4}",
                "text 3:2:37: the mapping at 'RF': loop over 'kk', which is not a dimension (did you mean 'k'?)",
            ),
            (
                "{level: RF, temporal: m4 m2}",
                "text 3:2:37: the mapping at 'RF': two temporal loops over 'm'; merge them",
            ),
            (
                "{level: RF, temporal: 3}",
                "text 3:2:34: 'temporal' of the mapping at 'RF' is 3; expected loops like 'M4 P2'",
            ),
            (
                "{level: RF, temporal: {m: 0}}",
                "text 3:2:38: the trip count of 'm' is 0; expected a whole number from 1 to 2**40",
            ),
            ("{level: GLB, x: m4, y: m2}", "the mapping at 'GLB': 'm' is on both mesh axes; expected at most one"),
            (
                "{level: GLB, keep: [I, O, W]}",
                "text 3:2:31: the mapping at 'GLB' keeps 'W', which the architecture bypasses there",
            ),
            (
                "{level: GLB, keep: I}",
                "text 3:2:31: the mapping at 'GLB' does not keep 'O', which the architecture keeps there",
            ),
            (
                "{level: GLB, bypass: inputs}",
                "text 3:2:33: the mapping at 'GLB' bypasses 'I', which the architecture keeps there",
            ),
            (
                "{level: RF, keep: [J]}",
                "text 3:2:30: the mapping at 'RF': 'J' selects no tensor of the workload (expected one of: W, I, O, all)",
            ),
            (
                "{level: RF, keep: I, bypass: O}",
                "the mapping at 'RF' has both 'keep' and 'bypass'; expected one of them",
            ),
            ("{level: RF, temporal: m8, cut: {I: 2}}", "the cut of 'I' is 2; expected a whole number from 0 to 1"),
            ("{level: RF, cut: {J: 0}}", "the mapping at 'RF': 'J' is not a tensor (expected one of: W, I, O)"),
            (
                "{level: GLB, mesh: 2x4}",
                "the mapping at 'GLB' gives a mesh, but the fanout of 'GLB' is not reshapeable",
            ),
            ("{level: RF, mesh: [2, 3, 4]}", "'mesh' of the mapping at 'RF' is a list; expected a mesh like 16x12"),
            ("{level: RF, temporal: m8 n4 k8}", "text 3:2:11: the factors of 'k' multiply to 8, below its bound 16"),
            (
                "{level: RF, temporal: m8 n4 k32}",
                "text 3:2:11: the factors of 'k' multiply to 32, above its bound 16; set padding to allow it",
            ),
            (
                "{level: DRAM, keep: []}",
                "text 3:2:32: the mapping at 'DRAM' does not keep 'W', which the architecture keeps there",
            ),
        ],
    )
    def test_faults(self, levels: str, message: str) -> None:
        found = faults(MACHINE, LAYER, f"mapping:\n  levels: [{levels}]\n")
        assert any(message in fault for fault in found), found

    def test_not_a_mapping(self) -> None:
        assert faults(MACHINE, LAYER, "mapping:\n  - {level: RF}\n") == [
            "text 3:2:3: the mapping is a list; expected a mapping with the key 'levels', or loop-nest text (write 'levels:' above the list)"
        ]

    def test_alone(self) -> None:
        assert faults("mapping: {levels: []}\n") == [
            "text:1:1: a mapping is given without its workload and its architecture (give that file too)"
        ]


class TestConstraints:
    def test_everything(self) -> None:
        text = """
constraints:
  - level: GLB
    keep: inputs
    bypass: [weights]
    temporal: {dims: [m, pixels], factors: {m: 3, n: <= 4, k: rest, z: "<=2*2"}, order: [k, m]}
    x: {dims: []}
  - {level: RF}
"""
        factors = {
            "m": FactorRule(3),
            "n": FactorRule(4, at_most=True),
            "k": FactorRule(None),
            "z": FactorRule(4, at_most=True),
        }
        assert load(MACHINE, text).constraints == (
            LevelRules(
                "GLB",
                frozenset({"inputs"}),
                frozenset({"weights"}),
                LoopRules(("m", "pixels"), factors, ("k", "m")),
                x=LoopRules(()),
            ),
            LevelRules("RF"),
        )

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{level: GBL}", "the architecture has no level 'GBL' (did you mean 'GLB'?)"),
            ("{x: {}}", "an entry of the constraints has no 'level'"),
            (
                "{level: GLB, z: {}}",
                "the entry for 'GLB' has the unknown key 'z' (expected one of: level, keep, bypass, temporal, x, y, spatial, no_multicast, no_reuse, parallelism, utilization)",
            ),
            (
                "{level: GLB, x: {dim: [m]}}",
                "'x' in the entry for 'GLB' has the unknown key 'dim' (did you mean 'dims'?)",
            ),
            ("{level: GLB, x: {factors: {m: 0}}}", "the factor of 'm' is 0; expected a whole number from 1 to 2**40"),
            ("{level: GLB, x: {factors: {m: <= y}}}", "there is no name 'y'"),
            ("{level: GLB, x: {order: [m, m]}}", "names 'm' twice"),
            ("{level: GLB, keep: I, bypass: I}", "the entry for 'GLB' both keeps and bypasses 'I'"),
            ("{level: GLB}, {level: GLB}", "the entry for 'GLB' is given twice; it stands first at text 2:1:15"),
            ("3", "an entry of the constraints is 3; expected a mapping"),
        ],
    )
    def test_faults(self, text: str, message: str) -> None:
        found = faults(MACHINE, f"constraints: [{text}]\n")
        assert any(message in fault for fault in found), found

    def test_not_a_list(self) -> None:
        assert faults("constraints: {level: GLB}\n") == [
            "text:1:14: 'constraints' is a mapping; expected a list of entries, each with a 'level'"
        ]
