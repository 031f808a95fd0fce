"""Architectures: what they count, what a memory keeps, and every fault of a bad one at once."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.errors import InputError
from archloom.workload.einsum import Tensor

W = Tensor("W", ((("m", 1),),), role="weight")
I = Tensor("I", ((("m", 1),),), role="input")  # noqa: E741
O = Tensor("O", ((("m", 1),),), is_output=True, role="output")  # noqa: E741

CHIP = Architecture(
    "chip",
    (Memory("RF", area_um2=2, fanout=Fanout(2, 3)), Memory("GLB", area_um2=5, fanout=Fanout(4)), Memory("DRAM")),
    Compute(area_um2=0.5),
)


HALF: dict[str, Any] = {"y": 1.5}


def faults(**fields: Any) -> list[str]:
    """What is said of a machine whose inner memory has these fields."""
    with pytest.raises(InputError) as caught:
        Architecture("chip", (Memory("RF", **fields), Memory("DRAM")))
    start = "architecture 'chip': level 'RF': "
    assert all(fault.message.startswith(start) for fault in caught.value.faults)
    return [fault.message.removeprefix(start) for fault in caught.value.faults]


def test_instances_are_the_product_of_the_fanouts_outside() -> None:
    assert CHIP.names == ("RF", "GLB", "DRAM")
    assert CHIP.instances == (4, 1, 1)
    assert CHIP.compute_instances == 24
    assert CHIP.area_um2 == 4 * 2 + 5 + 24 * 0.5


def test_levels_by_name() -> None:
    assert CHIP.index("GLB") == 1
    assert CHIP.level("DRAM") is CHIP.levels[2]
    with pytest.raises(InputError) as caught:
        CHIP.level("dram2")
    assert str(caught.value) == "architecture 'chip' has no level 'dram2' (did you mean 'DRAM'?)"


def test_a_copy_with_one_level_changed() -> None:
    wider = CHIP.with_level("GLB", size_bits=8, fanout=Fanout(8))
    assert wider.instances == (8, 1, 1)
    assert wider.level("GLB").area_um2 == 5
    with pytest.raises(InputError) as caught:
        CHIP.with_level("GLB", size_bit=8)
    assert str(caught.value) == "level 'GLB' has no field 'size_bit' (did you mean 'size_bits'?)"


@pytest.mark.parametrize(
    ("keep", "bypass", "may", "must"),
    [
        ((), (), "WIO", ""),
        (("all",), (), "WIO", "WIO"),
        ((), ("all",), "", ""),
        (("weights",), (), "WIO", "W"),
        ((), ("inputs", "O"), "W", ""),
        # the closer word counts: a name before a role before `all`
        (("weights",), ("all",), "W", "W"),
        (("W",), ("weights",), "WIO", "W"),
        (("W",), ("all",), "W", "W"),
        (("weight",), ("W",), "IO", ""),
        (("all",), ("weights",), "IO", "IO"),
        (("all", "W"), ("weights",), "WIO", "WIO"),
        (("OUTPUTS", "i"), ("All",), "IO", "IO"),
        (("somebody else's",), ("nobody",), "WIO", ""),
    ],
)
def test_what_a_memory_keeps(keep: tuple[str, ...], bypass: tuple[str, ...], may: str, must: str) -> None:
    memory = Memory("RF", keep=frozenset(keep), bypass=frozenset(bypass))
    assert "".join(tensor.name for tensor in (W, I, O) if memory.may_keep(tensor)) == may
    assert "".join(tensor.name for tensor in (W, I, O) if memory.must_keep(tensor)) == must


def test_words_have_the_width_of_their_tensor_or_else_of_the_memory() -> None:
    assert Memory("RF", word_bits=8).tensor_bits(W) == 8
    assert Memory("RF", word_bits=8).tensor_bits(Tensor("A", (), word_bits=3)) == 3


def test_numbers_and_words_settle() -> None:
    np = pytest.importorskip("numpy")
    words: Any = ["W", "inputs"]
    one: Any = "weights"
    memory = Memory("RF", np.float32(64), np.int16(8), keep=words, bypass=one, fanout=Fanout(np.int64(3)))
    assert memory == Memory("RF", 64.0, 8, keep=frozenset(words), bypass=frozenset({"weights"}), fanout=Fanout(3))
    assert [type(value) for value in (memory.size_bits, memory.word_bits, memory.fanout.x)] == [float, int, int]
    assert hash(memory)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"fanout": Fanout(0)}, "fanout x is 0; expected a whole number, at least 1"),
        ({"fanout": replace(Fanout(2), **HALF)}, "fanout y is 1.5; expected a whole number, at least 1"),
        ({"fanout": Fanout(drain_latency=-1)}, "fanout drain_latency is -1; expected a whole number, at least 0"),
        ({"word_bits": 0}, "word_bits is 0; expected a whole number, at least 1"),
        ({"block": "4"}, "block is '4'; expected a whole number, at least 1"),
        ({"cluster": 0}, "cluster is 0; expected a whole number, at least 1"),
        ({"block": True}, "block is True; expected a whole number, at least 1"),
        ({"buffering": 0.5}, "buffering is 0.5; expected at least 1"),
        ({"buffering": math.inf}, "buffering is inf; expected at least 1"),
        ({"read_bandwidth": 0}, "read_bandwidth is 0; expected more than 0"),
        ({"write_bandwidth": math.nan}, "write_bandwidth is nan; expected more than 0"),
        ({"shared_bandwidth": "fast"}, "shared_bandwidth is 'fast'; expected more than 0"),
        ({"read_pj": -1}, "read_pj is -1; expected 0 or more"),
        ({"leak_pj": math.inf}, "leak_pj is inf; expected 0 or more"),
        ({"area_um2": None}, "area_um2 is None; expected 0 or more"),
        ({"size_bits": math.nan}, "size_bits is nan; expected 0 or more"),
        ({"size_bits": -8}, "size_bits is -8; expected 0 or more"),
        ({"keep": {"W"}, "bypass": {"w"}}, "both keeps and bypasses 'w'"),
        ({"keep": {"Input"}, "bypass": {"inputs"}}, "both keeps and bypasses 'input'"),
        (
            {"power_gated_at": "GBL"},
            "power_gated_at names 'GBL', which is not this level or one outside it (expected one of: RF, DRAM)",
        ),
    ],
)
def test_what_a_level_may_not_have(fields: dict[str, Any], message: str) -> None:
    assert faults(**fields) == [message]


def test_all_faults_at_once() -> None:
    assert len(faults(fanout=Fanout(0, 0), word_bits=0, block=0, read_pj=-1, size_bits=-1)) == 6
    with pytest.raises(InputError) as caught:
        Architecture(
            "chip",
            (Memory("RF"), Memory("RF", block=0), Memory("DRAM", power_gated_at="RF", bypass=frozenset({"weights"}))),
            Compute("DRAM", energy_pj=-1),
        )
    assert [fault.message.removeprefix("architecture 'chip': ") for fault in caught.value.faults] == [
        "the name 'DRAM' is used twice",
        "the name 'RF' is used twice",
        "level 'RF': block is 0; expected a whole number, at least 1",
        "level 'DRAM': power_gated_at names 'RF', which is not this level or one outside it (expected one of: DRAM)",
        "level 'DRAM': bypasses weights; the backing store keeps every tensor",
        "compute 'DRAM': energy_pj is -1; expected 0 or more",
    ]


def test_an_architecture_has_a_memory() -> None:
    with pytest.raises(InputError, match="architecture 'none': has no memory; expected at least one level"):
        Architecture("none", ())
