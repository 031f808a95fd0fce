"""Sweeps of machines: every design is what the scalar engine says, and the reduction is what all designs say."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest

from archloom.errors import InputError
from archloom.interop.maestro import Hardware, Layer, Network, parse_mapping, price_network
from archloom.interop.maestro.sweep import AXES, Design, hardware_sweep

pytest.importorskip("numba")

MAPPING = """Network own {
  Layer A {
    Type: CONV
    Dimensions { K: 24, C: 10, R: 3, S: 3, Y: 13, X: 15 }
    Dataflow {
      SpatialMap(1,1) K; TemporalMap(4,4) C; TemporalMap(3,3) R; TemporalMap(3,3) S;
      TemporalMap(5,3) Y; TemporalMap(3,1) X;
      Cluster(4,P);
      SpatialMap(1,1) C; TemporalMap(3,1) Y; TemporalMap(3,1) X;
    }
  }
  Layer B {
    Type: DSCONV
    Dimensions { C: 12, R: 3, S: 3, Y: 12, X: 12 }
    Dataflow { TemporalMap(1,1) C; SpatialMap(3,1) Y; TemporalMap(3,1) X; }
  }
  Layer C {
    Type: GEMM
    Dimensions { M: 9, N: 7, K: 20 }
    Dataflow { SpatialMap(2,2) M; TemporalMap(3,3) N; TemporalMap(5,5) K; Cluster(2,P); SpatialMap(1,1) K; }
  }
}
"""
NETWORK = parse_mapping(MAPPING)
ENGINES = ("compatible", "corrected")
SPACE = {
    "pes": [4, 5, 8, 12, 16, 31, 64],
    "noc_bw": [1, 3, 8, 64],
    "noc_latency": [0, 1, 5],
    "offchip_bw": [1, 7, 1000],
    "simd": [1, 2, 4],
}


def machine_of(design: Design) -> Hardware:
    return Hardware(
        num_pes=design.pes,
        simd_lanes=design.simd,
        noc_bandwidth=design.noc_bw,
        noc_latency=design.noc_latency,
        offchip_bandwidth=design.offchip_bw,
    )


def one_by_one(network: Network, design: Design, engine: str) -> dict[str, float]:
    layers = price_network(network, machine_of(design), engine=engine)
    rows = [layer["csv"] for layer in layers]
    return {
        "runtime": sum(row["Runtime (Cycles)"] for row in rows),
        "macs": sum(row["Num MACs"] for row in rows),
        "energy": sum(layer["summary"]["total_energy_consumption"] for layer in layers),
        "energy_nj": sum(row["Activity count-based Energy (nJ)"] for row in rows),
        "l1_required": max(row["L1 SRAM Size Req (Bytes)"] for row in rows),
        "l2_required": max(row["L2 SRAM Size Req (Bytes)"] for row in rows),
        "area_um2": max(row["Area"] for row in rows) if len(rows) == 1 else design.area_um2,
        "power_mw": max(row["Power"] for row in rows) if len(rows) == 1 else design.power_mw,
        "throughput": sum(row["Num MACs"] for row in rows) / sum(row["Runtime (Cycles)"] for row in rows),
    }


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("layer", [0, 1, 2, None])
def test_designs_are_what_the_scalar_engine_says(engine: str, layer: int | None) -> None:
    target: Layer | Network = NETWORK if layer is None else NETWORK.layers[layer]
    network = target if isinstance(target, Network) else Network("", (target,))
    sweep = hardware_sweep(target, SPACE, engine=engine, threads=1)
    rng = random.Random(7)
    sample = rng.sample(range(sweep.designs), 60)
    found = [Design(**design) for design in sweep.pricer.designs(sample)]
    for place, design in zip(sample, found, strict=True):
        here = np.unravel_index(place, sweep.shape)
        for name, value in one_by_one(network, design, engine).items():
            assert getattr(design, name) == value, (name, design)
            assert sweep.column(name)[here] == value
        for axis, values in sweep.axes.items():
            if axis not in ("l1", "l2"):
                assert getattr(design, axis) == values[here[list(AXES).index(axis)]]


def all_designs(sweep: Any) -> dict[str, np.ndarray]:
    names = ("runtime", "energy", "edp", "area_um2", "power_mw", "feasible", "l1_required", "l2_required")
    return {name: sweep.column(name).ravel() for name in names}


def brute_front(points: np.ndarray) -> set[tuple[float, ...]]:
    return {
        tuple(point) for point in points if not (((points <= point).all(axis=1)) & ((points < point).any(axis=1))).any()
    }


BUFFERS = {"l1": [8, 64, 100, 512], "l2": [100, 1000, 4096, 10**5]}


@pytest.mark.parametrize("buffers", [{}, {"l1": BUFFERS["l1"]}, BUFFERS])
@pytest.mark.parametrize("budgets", [{}, {"area": 5e5, "power": 30.0}, {"runtime": 60_000, "power_mw": 40}])
@pytest.mark.parametrize(
    "front", [("runtime", "area_um2"), ("energy", "runtime", "power_mw"), ("runtime", "energy", "area_um2", "power_mw")]
)
def test_best_and_front_are_those_of_all_designs(
    buffers: dict[str, list[int]], budgets: dict[str, float], front: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small blocks: results must not depend on where a block ends.
    monkeypatch.setattr("archloom.interop.maestro.sweep.BLOCK", 50)
    space = SPACE | {"noc_latency": [1], "simd": [1, 2]} | buffers
    sweep = hardware_sweep(NETWORK.layers[0], space, budgets=budgets, front=front)
    every = all_designs(sweep)
    grid = list(itertools.product(*(values.tolist() for values in sweep.axes.values())))
    feasible = np.ones(len(grid), bool)
    for number, design in enumerate(grid):
        l1, l2 = design[5:]
        feasible[number] &= not buffers.get("l1") or l1 >= every["l1_required"][number]
        feasible[number] &= not buffers.get("l2") or l2 >= every["l2_required"][number]
    for name, limit in budgets.items():
        feasible &= every[{"area": "area_um2"}.get(name, {"power": "power_mw"}.get(name, name))] <= limit
    np.testing.assert_array_equal(every["feasible"], feasible)
    assert sweep.feasible_designs == feasible.sum() > 0
    assert sweep.designs == len(grid)
    points = np.stack([every[name][feasible] for name in front], axis=1)
    found = [tuple(float(getattr(design, name)) for name in front) for design in sweep.front]
    assert set(found) == brute_front(points) and len(found) == len(set(found))
    for objective, column in (("throughput", "runtime"), ("energy", "energy"), ("edp", "edp")):
        best = sweep.best[objective]
        assert getattr(best, column) == every[column][feasible].min()
        assert every["feasible"][best.index]
        same = feasible & (every[column] == getattr(best, column))
        assert best.area_um2 == every["area_um2"][same].min()


def test_given_buffers_are_priced_as_given() -> None:
    needed = hardware_sweep(NETWORK.layers[0], {"pes": [8], "noc_bw": [4]}).best["energy"]
    exact = hardware_sweep(
        NETWORK.layers[0], {"pes": [8], "noc_bw": [4], "l1": [needed.l1_required], "l2": [needed.l2_required]}
    )
    assert exact.best["energy"] == needed
    larger = hardware_sweep(NETWORK.layers[0], {"pes": [8], "noc_bw": [4], "l2": [needed.l2_required + 1000]}).best[
        "energy"
    ]
    assert larger.area_um2 == pytest.approx(needed.area_um2 + 104)
    assert (larger.l2, larger.runtime) == (needed.l2 + 1000, needed.runtime)
    small = hardware_sweep(NETWORK.layers[0], {"pes": [8], "noc_bw": [4], "l2": [needed.l2_required - 1]})
    assert not small.feasible_designs and not small.front and not small.best
    assert small.nearest_excess == pytest.approx(needed.l2_required / (needed.l2_required - 1))
    machine = Hardware(l2_size=needed.l2_required - 1)
    assert not hardware_sweep(NETWORK.layers[0], {"pes": [8], "noc_bw": [4]}, hardware=machine).feasible_designs


def test_the_nearest_miss() -> None:
    sweep = hardware_sweep(NETWORK.layers[0], {"pes": [8, 16], "noc_bw": [4, 8]}, budgets={"area": 1e4, "power": 1e9})
    assert sweep.feasible_designs == 0 and sweep.nearest is not None
    assert (sweep.nearest.pes, sweep.nearest.noc_bw) == (8, 4)
    assert sweep.nearest_excess == sweep.nearest.area_um2 / 1e4


def test_counts_of_pes_that_the_clusters_do_not_fit_are_not_feasible() -> None:
    sweep = hardware_sweep(NETWORK.layers[0], {"pes": [2, 3, 4, 8], "noc_bw": [4]})
    assert list(sweep.failures) == [2, 3] and "the clusters need 4 PEs and the machine has 3" in sweep.failures[3]
    assert sweep.feasible.ravel().tolist() == [False, False, True, True]
    assert np.isnan(sweep.energy.ravel()[:2]).all()
    with pytest.raises(InputError, match=r"<mapping>:8:7: the clusters need 4 PEs and the machine has 2"):
        hardware_sweep(NETWORK.layers[0], {"pes": [2, 3], "noc_bw": [4]})


@pytest.mark.parametrize(
    ("axes", "options", "message"),
    [
        ({"noc_bandwidth": [1]}, {}, "unknown axis of a sweep: 'noc_bandwidth' .*noc_bw"),
        ({"pes": []}, {}, "the axis pes of a sweep is not a list of whole numbers"),
        ({"pes": [1.5]}, {}, "not a list of whole numbers"),
        ({"pes": [4, 0]}, {}, "pes is 0 in a sweep, expected 1 to 2147483647"),
        ({"pes": [4]}, {"budgets": {"aera": 1.0}}, "unknown column in a budget: 'aera' .*area"),
        ({"pes": [4]}, {"budgets": {"area": 0.0}}, "the budget of area is 0"),
        ({"pes": [4]}, {"front": ["runtme"]}, "unknown column of a front: 'runtme' .*runtime"),
        ({"pes": [4]}, {"engine": "corected"}, "unknown engine: 'corected' .*corrected"),
    ],
)
def test_faults(axes: dict[str, Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        hardware_sweep(NETWORK.layers[0], axes, **options)


def test_a_space_larger_than_memory_has_its_front_and_refuses_arrays() -> None:
    axes = {"pes": [8, 16], "noc_bw": range(1, 65), "l1": range(1, 1025), "l2": range(1, 2049)}
    sweep = hardware_sweep(NETWORK.layers[0], axes, front=("runtime", "area_um2"))
    assert sweep.designs == 2 * 64 * 1024 * 2048 and 0 < sweep.feasible_designs < sweep.designs
    assert {design.l1 for design in sweep.front} == {design.l1_required for design in sweep.front}
    with pytest.raises(InputError, match=r"268,435,456 designs are too many for an array"):
        _ = sweep.runtime


def test_a_frame_has_a_row_per_design() -> None:
    polars = pytest.importorskip("polars")
    sweep = hardware_sweep(NETWORK, SPACE)
    frame = sweep.to_frame()
    assert frame.height == sweep.designs and frame["runtime"].dtype == polars.Int64
    row = frame.row(sweep.best["edp"].index, named=True)
    assert row["runtime"] == sweep.best["edp"].runtime and row["noc_bw"] == sweep.best["edp"].noc_bw


def test_the_number_of_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archloom.interop.maestro.sweep.BLOCK", 40)
    one, two = (hardware_sweep(NETWORK, SPACE | BUFFERS, threads=threads) for threads in (1, 2))
    assert (one.best, one.front, one.feasible_designs) == (two.best, two.front, two.feasible_designs)
