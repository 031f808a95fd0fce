"""Figures derived from an evaluation, against the counts they come from."""

from __future__ import annotations

import math

import pytest

from archloom.architecture.hierarchy import Architecture, Fanout, Memory
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.model.evaluate import evaluate
from archloom.model.result import Evaluation
from archloom.report.figures import Port, energy_table, port_loads, reuse, roofline
from archloom.workload.einsum import einsum


def test_energies_add_up_to_the_total(evaluation: Evaluation) -> None:
    table = energy_table(evaluation)
    assert table.columns == ("Weights", "Inputs", "Outputs", "MACs", "leakage")
    assert list(table.rows) == ["DRAM", "GLB", "RF", "MAC"]
    assert table.total_pj == pytest.approx(evaluation.energy_pj, rel=1e-12)
    for level in evaluation.levels:
        assert sum(table.rows[level.name]) == pytest.approx(level.energy_pj, rel=1e-12)


def test_leakage_has_a_column_only_where_there_is_any(bare: Evaluation) -> None:
    assert energy_table(bare).columns == ("W", "I", "O", "MACs")


def test_the_worst_port_explains_the_cycles_of_every_level(slow: Evaluation) -> None:
    for level in slow.levels:
        slowdown = max(1.0, *(load.slowdown for load in port_loads(slow, level.name)))
        assert level.cycles == math.ceil(slow.compute.cycles * slowdown)
    (dram,) = port_loads(slow, "DRAM")
    assert dram.port is Port.SHARED
    assert [load.port for load in port_loads(slow, "GLB")] == [Port.READ, Port.WRITE]


def test_a_level_without_limits_has_one_port_with_all_its_words(evaluation: Evaluation) -> None:
    (load,) = port_loads(evaluation, "RF")
    held = evaluation.level("RF").tensors.values()
    assert load.words == sum(t.reads + t.fills + t.updates for t in held)
    assert load.slowdown == 0


def test_reuse_of_a_product_in_closed_form() -> None:
    matmul = einsum("Z[m,n] += A[m,k] * B[k,n]", {"m": 8, "n": 8, "k": 8})
    machine = Architecture("two", (Memory("buffer"), Memory("store")))
    mapping = Mapping(
        (
            LevelNest("buffer", (Loop("m", 4), Loop("n", 4), Loop("k", 2)), keep=frozenset("ABZ")),
            LevelNest("store", (Loop("m", 2), Loop("n", 2), Loop("k", 4)), keep=frozenset("ABZ")),
        )
    )
    costs = evaluate(matmul, machine, mapping)
    assert reuse(costs, "buffer", "A").uses_per_word == 4  # once for each n of the tile
    assert reuse(costs, "buffer", "B").uses_per_word == 4  # once for each m of the tile
    assert reuse(costs, "buffer", "Z").uses_per_word == 8  # all of k, since k is innermost outside
    assert reuse(costs, "store", "A").uses_per_word == 2  # read again for each n outside
    assert reuse(costs, "store", "Z").uses_per_word == 1
    assert reuse(costs, "buffer", "A").macs_per_access == 512 / (512 + 128)


def test_spilled_partial_sums_are_used_less_often() -> None:
    matmul = einsum("Z[m,n] += A[m,k] * B[k,n]", {"m": 4, "n": 4, "k": 8})
    machine = Architecture("two", (Memory("buffer", fanout=Fanout(2)), Memory("store", fanout=Fanout(2))))
    mapping = Mapping(
        (
            LevelNest("buffer", (Loop("k", 2), Loop("n", 2)), x=(Loop("m", 2),), keep=frozenset("ABZ")),
            LevelNest("store", (Loop("k", 4), Loop("n", 2)), x=(Loop("m", 2),), keep=frozenset("ABZ")),
        )
    )
    costs = evaluate(matmul, machine, mapping)
    # Each instance sends every sum out once per step of the outer k, and adds to it twice in between.
    assert reuse(costs, "buffer", "Z").uses_per_word == 2


def test_what_never_moves_has_no_reuse() -> None:
    scale = einsum("O[m] += W[m] * I[m]", {"m": 4})
    mapping = Mapping((LevelNest("RAM", (Loop("m", 4),), keep=frozenset("OWI")),))
    costs = evaluate(scale, Architecture("one", (Memory("RAM"),)), mapping)
    assert reuse(costs, "RAM", "W").uses_per_word == 1
    assert reuse(costs, "RAM", "O").macs_per_access == 1


def test_roofline(evaluation: Evaluation, slow: Evaluation, bare: Evaluation) -> None:
    roof = roofline(evaluation)
    assert (roof.peak, roof.achieved) == (168, pytest.approx(98))
    assert [(line.level, line.port.value) for line in roof.roofs] == [
        ("DRAM", "shared"),
        ("GLB", "read"),
        ("GLB", "write"),
    ]
    dram = roof.roofs[0]
    words = sum(t.reads + t.fills + t.updates for t in evaluation.level("DRAM").tensors.values())
    assert dram.macs_per_word == pytest.approx(evaluation.macs / words)
    assert roof.outer_macs_per_word == pytest.approx(evaluation.macs / words)
    assert dram.balance == 168 / 4
    for line in roof.roofs:
        assert roof.achieved <= line.ceiling * (1 + 1e-12)
    limited = roofline(slow)
    assert limited.achieved == pytest.approx(limited.roofs[0].ceiling, rel=1e-4)
    assert roofline(bare).roofs == ()
