"""One mapping: exact counts of any size, plain dicts, and what is said when a mapping does not fit."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.model.simulation_cases import random_case

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.errors import InfeasibleError, InputError
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.model.evaluate import evaluate
from archloom.model.simulate import simulate
from archloom.workload.einsum import Workload, einsum

GEMM = einsum("O[m,n] += W[m,k] * I[k,n]", {"m": 4, "n": 6, "k": 5})
ALL = frozenset("OWI")
CHIP = Architecture(
    "chip", (Memory("RF", 16 * 100, fanout=Fanout(2, 2)), Memory("GLB", 16 * 500, fanout=Fanout(4)), Memory("DRAM"))
)


def loops(text: str) -> tuple[Loop, ...]:
    return tuple(Loop(word[0], int(word[1:])) for word in text.split())


def nests(*blocks: str, names: tuple[str, ...] = CHIP.names, padding: bool = False) -> Mapping:
    """Levels outer to inner, each as `m2 k4 / x / y`, all keeping everything."""
    levels: list[LevelNest] = []
    for name, block in zip(names, reversed(blocks), strict=True):
        temporal, x, y = (loops(part) for part in f"{block}//".split("/")[:3])
        levels.append(LevelNest(name, temporal, x, y, ALL))
    return Mapping(tuple(levels), padding)


def refusal(machine: Architecture, mapping: Mapping, workload: Workload = GEMM) -> str:
    with pytest.raises(InfeasibleError) as caught:
        evaluate(workload, machine, mapping)
    return str(caught.value)


# --------------------------------------------------------------------------------------------------------------- sizes


def test_counts_beyond_float64_stay_exact() -> None:
    m, n, k = 2**40, 3**25, 7**14
    workload = einsum(GEMM.text, {"m": m, "n": n, "k": k})
    machine = CHIP.with_level("DRAM", block=3, read_bandwidth=2, shared_bandwidth=3)
    mapping = Mapping(
        (
            LevelNest("RF", (Loop("k", 49),), keep=frozenset("O")),
            LevelNest("GLB", (), (Loop("m", 4),), keep=frozenset("W")),
            LevelNest("DRAM", (Loop("k", k // 49), Loop("n", n), Loop("m", m // 4)), keep=ALL),
        )
    )
    cost = evaluate(workload, machine, mapping)
    assert cost.macs == m * n * k
    assert cost.compute.cycles == m * n * k // 4
    dram = cost.level("DRAM").tensors
    assert (dram["W"].reads, dram["I"].reads) == (4 * 49 * (m // 4) * (k // 49) * n, k * n * (m // 4))
    assert (dram["O"].updates, dram["O"].reads) == (m * n * (k // 49), m * n * (k // 49) - m * n)
    assert cost.level("RF").tensors["O"].reads == (m // 4) * n * k - (m // 4) * n
    assert cost.level("RF").tensors["O"].fills == (m // 4) * n * (k // 49) - (m // 4) * n
    reads = dram["W"].reads + dram["I"].reads + dram["O"].reads
    assert cost.cycles == max(-(-reads // 2), -(-(reads + dram["O"].updates) // 3))
    assert cost.cycles > 2**100
    assert 0 < cost.utilization < 1
    assert json.loads(json.dumps(cost.to_dict()))["cycles"] == cost.cycles


def test_costs_beyond_floating_point() -> None:
    dims = [f"d{number}" for number in range(30)]
    workload = einsum(f"O[{','.join(dims)}] += W[d0] * I[d0]", dict.fromkeys(dims, 2**40), name="endless")
    machine = Architecture("one", (Memory("RAM", read_pj=1.5),))
    mapping = Mapping((LevelNest("RAM", tuple(Loop(dim, 2**40) for dim in dims), keep=ALL),))
    with pytest.raises(InputError, match="workload 'endless': the costs of this mapping are beyond 1e308"):
        evaluate(workload, machine, mapping)


# Names without the types of their arguments, for callers that do not care about types.
memory: Any = Memory
level_nest: Any = LevelNest
a_loop: Any = Loop
fanout: Any = Fanout
architecture: Any = Architecture
mapping_of: Any = Mapping


def test_numbers_of_other_libraries_become_pythons() -> None:
    level = memory("RAM", np.int64(10**6), read_pj=np.float32(0.5), block=np.int8(2), fanout=fanout(np.int16(3)))
    block = [a_loop("m", np.int8(4)), Loop("n", 6), a_loop("k", np.uint16(5))]
    found = evaluate(GEMM, architecture("one", [level]), mapping_of([level_nest("RAM", block, keep=["O", "W", "I"])]))
    wanted = Architecture("one", (Memory("RAM", 10**6, read_pj=0.5, block=2, fanout=Fanout(3)),))
    assert found.to_dict() == evaluate(GEMM, wanted, nests("m4 n6 k5", names=("RAM",))).to_dict()
    assert json.dumps(found.to_dict())


def test_sets_and_lists_do_where_frozen_ones_are_meant() -> None:
    level = memory("RAM", keep=["weights"], bypass=[], fanout=fanout(2, no_multicast="outputs"))
    nest = level_nest("RAM", [*loops("m4 k5 n3")], [Loop("n", 2)], keep={"O", "W", "I"})
    cost = evaluate(GEMM, architecture("one", [level]), mapping_of([nest]))
    assert hash(cost.mapping) == hash(Mapping((nest,)))
    assert cost.level("RAM").tensors["O"].updates == 120


# ----------------------------------------------------------------------------------------------------------- as a dict


def test_as_a_dict() -> None:
    machine = Architecture(
        "two",
        (Memory("PE", 16 * 99, read_pj=1, fanout=Fanout(2)), Memory("RAM", area_um2=3)),
        Compute("MAC", 2.0, area_um2=1),
    )
    keep = {"PE": frozenset("OI"), "RAM": ALL}
    mapping = Mapping(
        (LevelNest("PE", loops("m4 k5"), loops("n2"), keep=keep["PE"]), LevelNest("RAM", loops("n3"), keep=keep["RAM"]))
    )
    told = evaluate(GEMM, machine, mapping).to_dict()
    levels = told.pop("levels")
    assert told == {
        "cycles": 60,
        "utilization": 1.0,
        "energy_pj": 120 + 96 + 240.0,
        "area_um2": 5.0,
        "macs": 120,
        "bound_by": "compute",
        "compute": {"name": "MAC", "instances": 2, "instances_used": 2, "energy_pj": 240.0},
    }
    assert [level["name"] for level in levels] == ["RAM", "PE"]
    assert [level["size_bits"] for level in levels] == [None, 16 * 99]
    assert levels[1]["tensors"] == {
        "W": {"kept": False, "tile_words": 0, "reads": 0, "fills": 0, "updates": 0, "energy_pj": 0},
        "I": {"kept": True, "tile_words": 10, "reads": 120, "fills": 30, "updates": 0, "energy_pj": 120.0},
        "O": {"kept": True, "tile_words": 8, "reads": 96, "fills": 0, "updates": 120, "energy_pj": 96.0},
    }
    assert {key: value for key, value in levels[1].items() if key != "tensors"} == {
        "name": "PE",
        "instances": 1,
        "instances_used": 1,
        "energy_pj": 216.0,
        "leakage_pj": 0.0,
        "cycles": 60,
        "used_bits": 18 * 16,
        "size_bits": 16 * 99,
    }


def test_a_level_by_its_name() -> None:
    cost = evaluate(GEMM, CHIP, nests("m4 n6 k5", "", ""))
    assert [level.name for level in cost.levels] == ["DRAM", "GLB", "RF"]
    assert all(cost.level(name).name == name for name in CHIP.names)
    with pytest.raises(InputError, match=r"architecture 'chip' has no level 'GBL' \(did you mean 'GLB'\?\)"):
        cost.level("GBL")


# ------------------------------------------------------------------------------------------------------- does not fit


def test_the_tiles_are_named_that_do_not_fit() -> None:
    assert refusal(CHIP.with_level("RF", size_bits=16), nests("", "", "m4 n6 k5")) == (
        "level 'RF': capacity: the tiles need 1,184 bits (W 20 words x 16 bits, I 30 words x 16 bits, O 24 words x 16 bits), "
        "but only 16 bits are usable"
    )
    assert refusal(CHIP.with_level("GLB", size_bits=2000, buffering=2), nests("", "m4 n6 k5", "")) == (
        "level 'GLB': capacity: the tiles need 1,184 bits (W 20 words x 16 bits, I 30 words x 16 bits, O 24 words x 16 bits), "
        "but only 1,000 bits are usable (1/2 of 2,000: buffering 2)"
    )


def test_the_loops_are_named_that_do_not_fit_a_mesh_axis() -> None:
    assert refusal(CHIP, nests("m4 k5", "", "n2 / n3")) == (
        "level 'RF': fanout: the mapping spreads n3 = 3 instances of 'MAC' across mesh axis X, but there are 2"
    )
    assert refusal(CHIP, nests("n6", " / m2 / k5", "m2")) == (
        "level 'GLB': fanout: the mapping spreads k5 = 5 instances of 'RF' across mesh axis Y, but there is 1"
    )


def test_a_level_without_a_fanout_spreads_nothing() -> None:
    assert refusal(CHIP, nests("m4 k5 / n2", "", "n3")) == (
        "level 'DRAM': fanout: the mapping spreads over 2 x 1 instances of 'GLB', but there is 1"
    )
    alone = Architecture("alone", (Memory("RAM"),))
    assert refusal(alone, nests("m4 n6 / / k5", names=("RAM",))) == (
        "level 'RAM': fanout: the mapping spreads over 1 x 5 instances of 'MAC', but there is 1"
    )


def test_a_reshapeable_fanout_takes_any_mesh_of_its_size() -> None:
    machine = CHIP.with_level("RF", fanout=Fanout(6, 2, reshapeable=True))
    for mesh in ("/ n6 / m2", "/ m2 / n6", "/ / n6 m2", "/ n3 m2 / k1"):
        rest = "m4 n6 k5"
        for word in mesh.replace("/", " ").split():
            rest = " ".join(f"{w[0]}{int(w[1:]) // int(word[1:])}" if w[0] == word[0] else w for w in rest.split())
        assert evaluate(GEMM, machine, nests(rest, "", mesh)).level("RF").instances_used == 1
    assert refusal(machine, nests("m4", "", "n3 / n2 / k5 m2", padding=True)) == (
        "level 'RF': fanout: the mapping spreads over 2 x 10 instances of 'MAC', but there are 12"
    )


@pytest.mark.parametrize(
    ("mesh", "message"),
    [
        ((4, 3), None),
        ((3, 2), None),
        ((7, 2), "the mapping arranges a mesh of 7 x 2, but there are 12 instances"),
        ((2, 6), "the mapping spreads over 3 x 2 instances, but the mesh that it chooses is 2 x 6"),
        ((12, 1), "the mapping spreads over 3 x 2 instances, but the mesh that it chooses is 12 x 1"),
    ],
)
def test_a_chosen_mesh_fits_the_fanout_and_holds_the_loops(mesh: tuple[int, int], message: str | None) -> None:
    machine = CHIP.with_level("RF", fanout=Fanout(12, reshapeable=True))
    mapping = nests("m2 n2 k5", "", " / n3 / m2")
    shaped = Mapping((replace(mapping.levels[0], mesh=mesh), *mapping.levels[1:]))
    if message is None:
        assert evaluate(GEMM, machine, shaped).energy_pj == evaluate(GEMM, machine, mapping).energy_pj
    else:
        assert refusal(machine, shaped) == f"level 'RF': fanout: {message}"


def test_a_pooled_machine_lends_instances_across_parents() -> None:
    mapping = nests("m4 k5", "", "n2 / n3")  # 3 of the 2 x 4 units along X
    cost = evaluate(GEMM, replace(CHIP, pooled=True), mapping)
    assert (cost.cycles, cost.compute.instances_used, cost.utilization) == (40, 3, 120 / (16 * 40))
    too_wide = nests("m4", " / n3", " / n2 k5")
    assert refusal(replace(CHIP, pooled=True), too_wide) == (
        "level 'RF': fanout: the mapping spreads n2 k5 n3 = 30 instances of 'MAC' across mesh axis X, but there are 8"
    )
    # a level of its own may have no fanout, if those outside have instances to spare
    inner = replace(CHIP, levels=(replace(CHIP.levels[0], fanout=Fanout()), *CHIP.levels[1:]), pooled=True)
    assert evaluate(GEMM, inner, nests("m4 k5", "", "n3 / n2")).level("GLB").tensors["O"].updates == 24
    assert refusal(inner, nests("m4 k5 / n2", "", "n3")).startswith("level 'DRAM': fanout")


def test_padding_of_a_dim_of_bound_one_is_paid_for() -> None:
    workload = GEMM.with_bounds(n=1)
    mapping = nests("n2", "m4 k5", "", padding=True)
    cost = evaluate(workload, CHIP, mapping)
    counted = simulate(workload, CHIP, mapping)
    assert (cost.cycles, cost.macs) == (40, 20)
    for name in CHIP.names:
        for tensor, counts in counted.level(name).tensors.items():
            found = cost.level(name).tensors[tensor]
            assert (found.reads, found.fills, found.updates) == (counts.reads, counts.fills, counts.updates)


def test_bad_mappings_are_bad_input_with_all_faults() -> None:
    with pytest.raises(InputError) as caught:
        evaluate(GEMM, CHIP, nests("m4 q6 k5", "n0", ""))
    assert [fault.message for fault in caught.value.faults] == [
        "mapping at 'GLB': the loop over 'n' has the trip count 0; expected at least 1",
        "mapping at 'DRAM': loop over 'q', which is not a dimension (expected one of: m, n, k)",
        "the factors of 'n' multiply to 0, below its bound 6",
    ]


def test_evaluations_are_repeatable_and_leave_their_arguments_alone() -> None:
    workload, machine, mapping, drain_reads = random_case(7)
    before = repr((workload, machine, mapping))
    first = evaluate(workload, machine, mapping, drain_reads=drain_reads)
    assert evaluate(workload, machine, mapping, drain_reads=drain_reads) == first
    assert repr((workload, machine, mapping)) == before
    assert math.isfinite(first.energy_pj)
