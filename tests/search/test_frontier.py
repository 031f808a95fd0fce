"""One search for a family of machines against one exact search per machine."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.search.frontier_cases import Case, best_of_each, family_case, nested_case

import archloom as al
from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.errors import InputError
from archloom.mapspace import MapSpace
from archloom.model.batch import evaluate_batch
from archloom.search.frontier import FamilyAnswer, family_best
from archloom.search.frontier import search as family_search
from archloom.search.objective import objective_of
from archloom.workload.einsum import einsum

GEMM = einsum("O[m,n] += W[m,k] * I[k,n]", {"m": 8, "n": 4, "k": 6})
LEVELS = (
    Memory("RF", 8 * 16, read_pj=1, write_pj=1, update_pj=1, fanout=Fanout(1)),
    Memory("GLB", 40 * 16, read_pj=6, write_pj=6, update_pj=6, fanout=Fanout(4, 2)),
    Memory("DRAM", read_pj=100, write_pj=100, update_pj=100),
)
MACHINE = Architecture("three", LEVELS, Compute("MAC", 1.0))


def check(case: Case) -> int:
    """Compare; returns the number of machines that have a mapping."""
    space, objective, drain_reads, hardware = case
    answer = family_best(space, hardware, objective, drain_reads=drain_reads)
    mapped = 0
    for row, expected in enumerate(best_of_each(case)):
        assert answer.finished[row]
        if expected is None:
            assert answer.best[row] == -1
            assert math.isinf(answer.energy_pj[row]) and math.isinf(answer.cycles[row])
            continue
        mapped += 1
        found = objective.key(float(answer.energy_pj[row]), float(answer.cycles[row]))
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12), row
    repriced(case, answer)
    return mapped


def repriced(case: Case, answer: FamilyAnswer) -> None:
    """Every mapping of the answer is in the space, and costs on its machine what the answer says."""
    space, _, drain_reads, hardware = case
    if not len(answer.mappings):
        return
    assert space.admits(answer.mappings).all()
    cost = evaluate_batch(
        space.workload,
        space.architecture,
        answer.mappings,
        hardware=hardware,
        outer=True,
        padding=space.padding,
        drain_reads=drain_reads,
    )
    rows = np.flatnonzero(answer.best >= 0)
    energy = np.broadcast_to(cost.energy_pj, (len(answer.mappings), len(answer.best)))
    np.testing.assert_allclose(energy[answer.best[rows], rows], answer.energy_pj[rows], rtol=1e-9)
    cycles = np.broadcast_to(cost.cycles, energy.shape)
    np.testing.assert_array_equal(cycles[answer.best[rows], rows], answer.cycles[rows])


@pytest.mark.parametrize("seed", range(12))
def test_the_same_as_one_search_per_machine(seed: int) -> None:
    case = family_case(seed, constrained=False, size=4)
    assert case is not None
    check(case)


@pytest.mark.parametrize("block", range(4))
def test_the_same_under_constraints(block: int) -> None:
    cases = (family_case(seed, constrained=True, size=4) for seed in range(6 * block, 6 * block + 6))
    assert sum(check(case) for case in cases if case is not None) > 0


@pytest.mark.parametrize("seed", range(8))
def test_a_tile_in_a_larger_memory_does_not_hide_one_that_fits_the_smaller(seed: int) -> None:
    check(nested_case(seed))


def test_machines_in_several_groups_and_bounded_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small limits, so that a small problem meets groups of machines and tables made for a few anchors only."""
    from archloom.search.frontier import tables

    monkeypatch.setattr(family_search, "TOGETHER", 2)
    monkeypatch.setattr(family_search, "AT_MOST", 3)
    monkeypatch.setattr(family_search, "AT_ONCE", 10)
    monkeypatch.setattr(tables, "EXACT_CLASSES", 0)
    monkeypatch.setattr(tables, "FEW_KEYS", 0)
    mapped = 0
    for seed in range(100, 108):
        case = family_case(seed, constrained=False, size=5)
        assert case is not None
        mapped += check(case)
    assert mapped > 10


def test_a_larger_memory_that_costs_the_same_is_never_worse() -> None:
    sizes = 16.0 * np.array([3, 6, 12, 24, 48, 96, 192])
    answer = family_best(MapSpace(GEMM, MACHINE), {"GLB.size_bits": sizes}, "energy")
    assert answer.finished.all()
    assert (np.diff(answer.energy_pj[answer.best >= 0]) <= 0).all()
    assert answer.searched == len(sizes)


def test_equal_machines_are_searched_once() -> None:
    hardware = {"GLB.read_pj": np.array([5.0, 5.0, 7.0]), "GLB.area_um2": np.array([1.0, 2.0, 3.0])}
    answer = family_best(MapSpace(GEMM, MACHINE), hardware, "edp")
    assert answer.searched == 2
    assert answer.best[0] == answer.best[1]
    assert answer.energy_pj[0] == answer.energy_pj[1]


def test_no_machines_numbers_is_the_machine_itself() -> None:
    answer = family_best(MapSpace(GEMM, MACHINE), {}, "latency")
    assert answer.best.shape == (1,)
    assert answer.finished.all()


def test_out_of_time_says_so() -> None:
    space = MapSpace(GEMM, MACHINE)
    answer = family_best(space, {"GLB.read_pj": np.array([1.0, 2.0])}, "edp", time_limit_s=1e-9)
    assert not answer.finished.any()
    whole = family_best(space, {"GLB.read_pj": np.array([1.0, 2.0])}, "edp")
    assert (answer.bound <= whole.energy_pj * whole.cycles * (1 + 1e-9)).all()


def test_another_mesh_is_another_family() -> None:
    with pytest.raises(InputError, match="the machines of a family have the same fanouts"):
        family_best(MapSpace(GEMM, MACHINE), {"GLB.fanout.x": np.array([2.0, 4.0])}, "edp")
    with pytest.raises(InputError, match="no component is called 'GLC'"):
        family_best(MapSpace(GEMM, MACHINE), {"GLC.read_pj": np.array([2.0, 4.0])}, "edp")


def test_a_real_layer() -> None:
    spec = al.load("eyeriss")
    assert spec.architecture is not None
    layer = next(layer for layer in al.load_network("resnet18").layers if layer.name == "layer4.0.downsample")
    bits = 8192.0 * np.array([16, 32, 100, 512, 100, 100])
    hardware = {
        "GLB.size_bits": bits,
        "GLB.read_pj": 20.0 * np.sqrt(bits / bits[0]),
        "GLB.write_pj": 18.0 * np.sqrt(bits / bits[0]),
        "weight_spad.size_bits": np.array([224, 224, 112, 224, 224, 112]) * 16.0,
        "weight_spad.leak_pj": np.array([0.2, 0.2, 0.1, 0.2, 0.2, 0.1]),
        "DRAM.shared_bandwidth": np.array([1.2, 1.2, 1.2, 1.2, 0.3, 4.8]),
    }
    space = MapSpace(layer.workload, spec.architecture, spec)
    assert check((space, objective_of("edp"), False, hardware)) == len(bits)


@pytest.mark.parametrize("cuts", ["free"])
def test_free_cuts_go_one_by_one(cuts: str) -> None:
    pytest.importorskip("numba")
    space = MapSpace(einsum("O[m] += W[m,k] * I[k]", {"m": 4, "k": 4}), MACHINE, cuts=cuts)  # pyright: ignore[reportArgumentType]
    answer = family_best(space, {"GLB.read_pj": np.array([5.0, 7.0])}, "energy")
    assert answer.finished.all()
    assert (answer.best >= 0).all()
