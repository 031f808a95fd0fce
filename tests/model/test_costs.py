"""Energy, cycles, capacity and area against figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.errors import InfeasibleError
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.model.evaluate import evaluate
from archloom.model.result import Evaluation
from archloom.workload.einsum import einsum

GEMM = einsum("O[m,n] += W[m,k] * I[k,n]", {"m": 4, "n": 6, "k": 5})
"""120 multiplications; W has 20 words, I 30, O 24."""

ALL = frozenset("OWI")


def loops(text: str) -> tuple[Loop, ...]:
    return tuple(Loop(word[0], int(word[1:])) for word in text.split())


def nest(
    level: str, temporal: str = "", x: str = "", y: str = "", keep: frozenset[str] = ALL, **more: Any
) -> LevelNest:
    return LevelNest(level, loops(temporal), loops(x), loops(y), keep, **more)


def one_memory(compute: Compute | None = None, **fields: Any) -> Evaluation:
    """All loops in one memory: 120 cycles, reads of W and I 120 each, of O 120 - 24, updates of O 120."""
    machine = Architecture("one", (Memory("RAM", **fields),), compute or Compute())
    return evaluate(GEMM, machine, Mapping((nest("RAM", "m4 n6 k5"),)))


TWO = Architecture("two", (Memory("PE", fanout=Fanout(2, 2)), Memory("RAM", fanout=Fanout(5, 3))))
ACROSS = Mapping((nest("PE", "m2 k5", "n2"), nest("RAM", "m2", "n3")))
"""20 cycles; 3 of the 15 PEs are used, and 6 of the 60 units."""


def across(pe: dict[str, Any] | None = None, ram: dict[str, Any] | None = None, **compute: Any) -> Evaluation:
    machine = TWO.with_level("PE", **pe or {}).with_level("RAM", **ram or {})
    return evaluate(GEMM, replace(machine, compute=Compute(**compute)), ACROSS)


# ------------------------------------------------------------------------------------------------------------- energy


def test_every_action_has_its_price() -> None:
    assert one_memory(read_pj=1).energy_pj == 120 + 120 + 96
    assert one_memory(update_pj=1).energy_pj == 120
    assert one_memory(write_pj=1).energy_pj == 0  # the backing store is never filled
    assert one_memory(Compute(energy_pj=0.5)).energy_pj == 60


def test_accesses_are_rounded_up_to_blocks_once_for_each_tensor_and_action() -> None:
    cost = one_memory(read_pj=1, block=7)
    assert {name: t.energy_pj for name, t in cost.level("RAM").tensors.items()} == {"W": 18, "I": 18, "O": 14}
    assert cost.level("RAM").tensors["W"].reads == 120  # words stay words


def test_energies_are_those_of_all_used_instances() -> None:
    cost = across(pe={"write_pj": 1})
    fills = {name: t.fills for name, t in cost.level("PE").tensors.items()}
    assert fills == {"W": 2 * 10, "I": 5 * 2, "O": 0}
    assert cost.level("PE").instances_used == 3
    assert cost.energy_pj == 3 * (20 + 10)
    assert across(energy_pj=1).energy_pj == 120


@pytest.mark.parametrize(("cluster", "arrays"), [(1, 3), (5, 3), (7, 2), (15, 1), (100, 1)])
def test_instances_of_a_cluster_share_an_access(cluster: int, arrays: int) -> None:
    """The three used PEs of 15 are spread over as many clusters as there are."""
    cost = across(pe={"write_pj": 1, "cluster": cluster})
    assert cost.energy_pj == arrays * (20 + 10)
    assert cost.level("PE").instances_used == 3
    assert across(pe={"leak_pj": 1, "cluster": cluster}).energy_pj == 20 * 3


def test_used_instances_leak() -> None:
    assert one_memory(leak_pj=0.5).energy_pj == 0.5 * 120
    assert across(ram={"leak_pj": 1}).energy_pj == 20
    assert across(pe={"leak_pj": 1}).energy_pj == 20 * 3
    assert across(leak_pj=1).energy_pj == 20 * 6
    assert across(pe={"leak_pj": 1}).level("PE").leakage_pj == 60


def test_gated_at_an_outer_level_everything_below_its_used_instances_leaks() -> None:
    assert across(pe={"leak_pj": 1, "power_gated_at": "RAM"}).energy_pj == 20 * 15
    assert across(pe={"leak_pj": 1, "power_gated_at": "PE"}).energy_pj == 20 * 3
    levels = (
        Memory("RF", leak_pj=1, power_gated_at="PE"),
        Memory("PE", fanout=Fanout(4)),
        Memory("RAM", fanout=Fanout(5)),
    )
    machine = Architecture("three", levels)
    mapping = Mapping((nest("RF", "m4 k5"), nest("PE", "", "n2"), nest("RAM", "", "n3")))
    cost = evaluate(GEMM, machine, mapping)
    assert cost.level("RF").instances_used == 6
    assert cost.energy_pj == 20 * 3 * 4  # three PEs are on, with four RFs each


def test_leakage_lasts_for_the_slowed_down_run() -> None:
    cost = across(pe={"leak_pj": 1}, ram={"read_bandwidth": 1}, leak_pj=1)
    assert cost.cycles == 20 + 30  # W and I once; the PEs take in no O
    assert cost.energy_pj == 50 * 3 + 50 * 6


# ------------------------------------------------------------------------------------------------------------- cycles


@pytest.mark.parametrize(
    ("ports", "cycles"),
    [
        ({}, 120),
        ({"read_bandwidth": 2}, 336 / 2),
        ({"write_bandwidth": 0.5}, 240),
        ({"shared_bandwidth": 2}, (336 + 120) / 2),
        ({"read_bandwidth": 100, "write_bandwidth": 100, "shared_bandwidth": 100}, 120),
        ({"read_bandwidth": 2.5}, 135),  # 134.4
        ({"read_bandwidth": 1, "write_bandwidth": 0.25}, 480),
    ],
)
def test_the_slowest_port_sets_the_cycles(ports: dict[str, Any], cycles: int) -> None:
    cost = one_memory(**ports)
    assert cost.cycles == cost.levels[0].cycles == cycles
    assert cost.bound_by == ("RAM" if cycles > 120 else "compute")
    assert cost.compute.cycles == 120
    assert cost.utilization == 120 / cycles


def test_the_slowest_level_sets_the_latency() -> None:
    cost = across(pe={"read_bandwidth": 0.5}, ram={"write_bandwidth": 0.5})
    # a PE reads W 20 (one read serves two units), I 40 and O 40 - 8; the RAM takes 24 words of O
    assert [level.cycles for level in cost.levels] == [48, (20 + 40 + 32) * 2]
    assert (cost.cycles, cost.bound_by) == (184, "PE")


def test_of_equally_slow_levels_the_inner_one_is_named() -> None:
    cost = across(pe={"read_bandwidth": 0.5}, ram={"write_bandwidth": 24 / 184})
    assert [level.cycles for level in cost.levels] == [184, 184]
    assert cost.bound_by == "PE"


def test_fill_and_drain_of_every_network_are_added_once() -> None:
    slow = Fanout(2, 2, fill_latency=3, drain_latency=4), Fanout(5, 3, fill_latency=10)
    cost = across(pe={"fanout": slow[0], "leak_pj": 1}, ram={"fanout": slow[1]})
    assert cost.cycles == 20 + 17
    assert cost.bound_by == "compute"
    assert cost.energy_pj == 37 * 3
    assert cost.utilization == 120 / (60 * 37)
    assert across(ram={"fanout": slow[1], "read_bandwidth": 1}).cycles == 50 + 10


def test_padded_iterations_take_time_and_energy_but_are_no_use() -> None:
    machine = Architecture("one", (Memory("RAM", read_pj=1),), Compute(energy_pj=1))
    cost = evaluate(GEMM, machine, Mapping((nest("RAM", "m4 n6 k6"),), padding=True))
    assert (cost.cycles, cost.macs, cost.utilization) == (144, 120, 120 / 144)
    assert cost.energy_pj == 144 + 144 + (144 - 24) + 144


# ----------------------------------------------------------------------------------------------------------- capacity


@pytest.mark.parametrize(
    ("fields", "bits"),
    [({}, 74 * 16), ({"word_bits": 8}, 74 * 8), ({"buffering": 2}, 2 * 74 * 16), ({"buffering": 1.5}, 1.5 * 74 * 16)],
)
def test_tiles_fit_to_the_bit(fields: dict[str, Any], bits: float) -> None:
    assert one_memory(size_bits=bits, **fields).levels[0].used_bits == 74 * fields.get("word_bits", 16)
    with pytest.raises(InfeasibleError, match="level 'RAM': capacity"):
        one_memory(size_bits=bits - 1, **fields)


def test_a_tensor_may_have_words_of_its_own() -> None:
    workload = einsum(GEMM.text, GEMM.bounds, word_bits={"O": 32, "W": 4})
    machine = Architecture("one", (Memory("RAM", size_bits=24 * 32 + 20 * 4 + 30 * 16),))
    mapping = Mapping((nest("RAM", "m4 n6 k5"),))
    assert evaluate(workload, machine, mapping).levels[0].used_bits == machine.levels[0].size_bits
    with pytest.raises(InfeasibleError) as caught:
        evaluate(workload, machine.with_level("RAM", size_bits=1000), mapping)
    assert str(caught.value) == (
        "level 'RAM': capacity: the tiles need 1,328 bits (W 20 words x 4 bits, I 30 words x 16 bits, O 24 words x 32 bits), "
        "but only 1,000 bits are usable"
    )


def test_only_what_is_kept_takes_room() -> None:
    machine = Architecture("two", (Memory("BUF", size_bits=24 * 16), Memory("RAM")))
    mapping = Mapping((nest("BUF", "m4 n6 k5", keep=frozenset("O")), nest("RAM")))
    assert evaluate(GEMM, machine, mapping).level("BUF").used_bits == 24 * 16
    cut = Mapping((nest("BUF", "m4 n6 k5", keep=frozenset("OW"), cut={"O": 1, "W": 1}), nest("RAM")))
    assert evaluate(GEMM, machine, cut).level("BUF").used_bits == (1 + 5) * 16


# --------------------------------------------------------------------------------------------------------------- area


def test_area_counts_every_instance_used_or_not() -> None:
    cost = across(pe={"area_um2": 10}, ram={"area_um2": 1000}, area_um2=0.5)
    assert cost.area_um2 == 1000 + 15 * 10 + 60 * 0.5
