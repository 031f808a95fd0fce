"""Given mappings on a whole grid: the sweep says of each design what `evaluate` says."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from archloom.architecture.hierarchy import Architecture
from archloom.errors import ArchloomError
from archloom.exploration.fixed import FixedSweep
from archloom.exploration.space_file import load_space
from archloom.mapping.nest import Mapping
from archloom.model.evaluate import evaluate
from archloom.search.mapper import map as map_network
from archloom.workload.einsum import Workload

TEXT = """variables: {e: 1.5}
architecture:
  clock: 500 MHz
  node: 45 nm
  levels:
    - {name: DRAM, energy: e * 100 pJ, keep: all, shared_bandwidth: 4 B/cycle}
    - {name: GLB, class: sram, size: 16 KiB, block: 2, fanout: {x: 4, y: 2, fill_latency: 3}}
    - {name: RF, size: 64 words, energy: {read: e * 1 pJ, write: 2 pJ}, leak: 0.5 mW, area: 5 um2, fanout: 2}
  compute: {name: MAC, energy: e * 1 pJ, leak: 0.1 pJ/cycle, area: 50 um2}
explore:
  networks: [{workload: {name: mm, gemm: {M: 4, N: 8, K: 4}}}]
"""

SPACES = {
    "sizes and bandwidths": """
    levels.GLB.size: {log2: [64 B, 1 KiB]}
    levels.RF.size: [2 words, 4 words, 64 words]
    levels.DRAM.shared_bandwidth: [1 B/cycle, 2.5 B/cycle, 64 B/cycle]
    e: [1, 2.5]
""",
    "meshes and what goes by them": """
    array.x: [1, 2, 4, 8]
    levels.GLB.fanout.y: 8 // levels.GLB.fanout.x
    levels.RF.power_gated_at: [RF, GLB, DRAM]
    levels.RF.cluster: [1, 2]
    levels.GLB.block: [1, 2, 4]
    clock: [100 MHz, 1 GHz]
""",
    "form": """
    pooled: [false, true]
    levels.RF.keep: {choices: [[weights], [outputs], all]}
    levels.GLB.buffering: [1, 2]
    word: [8 bit, 16 bit]
    levels.GLB.fanout: [4x2, 2x4, 8, {x: 4, y: 2, drain_latency: 5}]
    network: [none, wires]
""",
}


def sweep_of(parameters: str, constraints: str = "[]") -> FixedSweep:
    if "array.x" in parameters:
        parameters = parameters.replace("array.x", "levels.GLB.fanout.x")
    request = load_space(f"{TEXT}  parameters:{parameters}  constraints: {constraints}\n")
    base = request.machines.baseline
    assert base.architecture is not None
    return FixedSweep(request, [mapping_of(request.suite.layers[0], base.architecture)])


@cache
def mapping_of(workload: Workload, machine: Architecture) -> Mapping:
    """A good mapping of the base machine."""
    return map_network(workload, machine, strategy="random", evaluations=500, cache=False).layers[0].mapping


@pytest.mark.parametrize("name", SPACES)
def test_every_design_of_a_grid_costs_what_evaluate_says(name: str) -> None:
    sweep = sweep_of(SPACES[name])
    space = sweep.machines.space
    designs = space.unflat(range(space.size))
    columns = sweep.judge(designs)
    legal: dict[int, tuple[float, int, float]] = {}
    for row, design in enumerate(designs):
        try:
            machine = sweep.machines.spec(design).architecture
            assert machine is not None
            cost = evaluate(sweep.layers[0].workload, machine, sweep.layers[0].mapping)
        except ArchloomError:
            assert columns["reason"][row, 0] != 0, space.described(design)
            assert math.isinf(columns["energy_pj"][row, 0])
            assert sweep.explain(design, 0)
            continue
        assert columns["reason"][row, 0] == 0, space.described(design)
        assert (columns["energy_pj"][row, 0], columns["cycles"][row, 0]) == (cost.energy_pj, cost.cycles)
        assert columns["area_um2"][row] == machine.area_um2
        assert [*machine.names, "compute"][columns["bound"][row, 0]] == cost.bound_by
        assert sweep.explain(design, 0) == ""
        legal[row] = (cost.energy_pj, cost.cycles, machine.area_um2)
    assert len(legal) > 0
    _check_sweep(sweep, legal)


def _check_sweep(sweep: FixedSweep, legal: dict[int, tuple[float, int, float]]) -> None:
    """The sweep's best designs and front, against all legal designs (figures by position)."""
    swept = sweep.sweep(threads=2)
    assert swept.legal == len(legal)
    for at, name in enumerate(("energy", "latency")):
        assert swept.best[name] == min(((value[at], row) for row, value in legal.items()))[::-1]
    assert swept.best["edp"] == min(((energy * cycles, row) for row, (energy, cycles, _) in legal.items()))[::-1]
    front = [
        row
        for row, own in legal.items()
        if not any(
            all(a <= b for a, b in zip(other, own, strict=True)) and (other != own or at < row)
            for at, other in legal.items()
        )
    ]
    assert swept.front.tolist() == front
    assert swept.figures.tolist() == [[float(value) for value in legal[row]] for row in front]


def test_constraints_leave_designs_out_and_threads_do_not_matter() -> None:
    sweep = sweep_of(SPACES["sizes and bandwidths"], "[levels.GLB.size >= 128 * byte, levels.RF.size > 40 or e > 2]")
    space = sweep.machines.space
    designs = space.unflat(range(space.size))
    admitted = space.admits(designs)
    columns = sweep.judge(designs)
    legal = {
        row: (columns["energy_pj"][row, 0], columns["cycles"][row, 0], columns["area_um2"][row])
        for row in np.flatnonzero(admitted & (columns["reason"][:, 0] == 0)).tolist()
    }
    assert 0 < len(legal) < space.size
    assert sweep.sweep().admitted == space.count()
    _check_sweep(sweep, legal)


def test_chunks_and_full_fronts_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sweep_of(SPACES["sizes and bandwidths"]).sweep(threads=1)
    monkeypatch.setattr("archloom.exploration.fixed.CHUNK", 7)
    monkeypatch.setattr("archloom.exploration.fixed.FRONT", 1)
    parts = sweep_of(SPACES["sizes and bandwidths"]).sweep(threads=3)
    assert parts.front.tolist() == whole.front.tolist()
    assert parts.best == whole.best
    assert (parts.admitted, parts.legal) == (whole.admitted, whole.legal)


def test_several_layers_add_up_with_their_counts() -> None:
    text = TEXT.replace("[{workload: {name: mm, gemm: {M: 4, N: 8, K: 4}}}]", "net.yaml")
    layers = "{name: a, count: 3, gemm: {M: 4, N: 4, K: 4}}, {name: b, gemm: {M: 2, N: 8, K: 4}}"
    network = f"network:\n  name: net\n  layers: [{layers}]\n"
    request = load_space(
        text + "  parameters: {levels.GLB.size: [1 KiB, 4 KiB], e: [1, 2]}\n", networks=network, objectives=["energy"]
    )
    base = request.machines.baseline
    assert base.architecture is not None
    sweep = FixedSweep(request, [mapping_of(layer, base.architecture) for layer in request.suite.layers])
    designs = request.space.unflat(range(4))
    columns = sweep.judge(designs)
    energy = columns["energy_pj"] @ [3, 1]
    swept = sweep.sweep()
    assert swept.best["energy"] == (int(np.argmin(energy)), pytest.approx(energy.min(), rel=1e-14))
    assert swept.best["latency"][1] == (columns["cycles"] @ [3, 1]).min()
