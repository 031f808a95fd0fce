"""Timeloop's constraints as bounds of a mapspace: each kind, and whole designs with the mappings Timeloop found in them."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from archloom.errors import InputError
from archloom.interop import timeloop
from archloom.mapspace import Axis, MapSpace

PROBLEM = "problem: {shape: gemm-ABZ, instance: {M: 8, N: 12, K: 4}}\n"
TREE = """
architecture:
  version: 0.3
  subtree:
  - name: system
    local:
    - {name: DRAM, class: DRAM, attributes: {width: 64, word-bits: 16}}
    - {name: GLB, class: SRAM, attributes: {depth: 4096, width: 16, word-bits: 16}}
    subtree:
    - name: PE[0..15]
      local:
      - {name: RF, class: regfile, attributes: {depth: 64, width: 16, word-bits: 16, meshX: 4}}
      - {name: MAC, class: intmac, attributes: {meshX: 4}}
"""
NODES = """
architecture:
  version: 0.4
  nodes:
  - !Component {name: DRAM, class: DRAM, attributes: {width: 64, datawidth: 16}}
  - !Container
    name: PE
    spatial: {meshX: 4, meshY: 4}
    constraints: {spatial: {permutation: [M, K], split: 1, factors: [N=1]}}
  - !Component {name: RF, class: smartbuffer_RF, attributes: {depth: 64, width: 16, datawidth: 16}}
  - !Component {name: mac, class: intmac}
"""


def space_of(architecture: str, constraints: str = "") -> tuple[timeloop.TimeloopInput, MapSpace]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", timeloop.TimeloopWarning)
        loaded = timeloop.load(architecture, PROBLEM, *([constraints] if constraints else []))
    return loaded, MapSpace(loaded.workload, loaded.architecture, loaded)


def trips(space: MapSpace, level: str, table: str = "temporal") -> dict[str, set[int]]:
    """The trips that occur at a level, per dim, in many samples."""
    batch = space.sample(3000, 0)
    values = getattr(batch, table)[space.architecture.index(level)]
    return {dim: set(values[d].tolist()) for d, dim in enumerate(space.workload.dims)}


def test_factors() -> None:
    _, space = space_of(TREE, "constraints: [{target: GLB, type: temporal, factors: M=2 N<=3 K>=2}]\n")
    assert trips(space, "GLB") == {"M": {2}, "N": {1, 2, 3}, "K": {2, 4}}


def test_factors_above_the_bound_are_cut_down() -> None:
    _, space = space_of(TREE, "constraints: [{target: GLB, type: temporal, factors: M=64}]\n")
    assert trips(space, "GLB")["M"] == {8}


def test_a_factor_of_zero_is_the_rest() -> None:
    text = "constraints: [{target: DRAM, type: temporal, factors: N=0}, {target: GLB, type: spatial, factors: N=3}]\n"
    _, space = space_of(TREE, text)
    assert trips(space, "DRAM")["N"] == {4}
    assert trips(space, "GLB")["N"] == trips(space, "RF")["N"] == {1}


def test_defaults_are_for_dims_without_a_factor() -> None:
    _, space = space_of(TREE, "constraints: [{target: RF, type: temporal, factors: M=4, default_max_factor: 2}]\n")
    assert trips(space, "RF") == {"M": {4}, "N": {1, 2}, "K": {1, 2}}


def test_permutation_is_innermost_first() -> None:
    _, space = space_of(TREE, "constraints: [{target: DRAM, type: temporal, permutation: KM}]\n")
    batch = space.sample(2000, 0)
    at = space.architecture.index("DRAM")
    m, n, k = (space.workload.dims.index(dim) for dim in "MNK")
    loops, order = batch.temporal[at] > 1, batch.order[at]
    assert (order[k] < order[m])[loops[k] & loops[m]].all()
    assert (order[m] < order[n])[loops[m] & loops[n]].all()
    assert (order[k] < order[n])[loops[k] & loops[n]].all()


@pytest.mark.parametrize(("split", "on_x"), [(0, ""), (1, "K"), (2, "KM"), (9, "KMN")])
def test_split_in_the_tree_form_counts_the_permutation(split: int, on_x: str) -> None:
    _, space = space_of(
        TREE, f"constraints: [{{target: GLB, type: spatial, permutation: KMN, split: {split}, factors: N=1}}]\n"
    )
    x, y = (trips(space, "GLB", axis) for axis in "xy")
    assert {dim for dim in "MNK" if x[dim] != {1}} == set(on_x) - {"N"}
    assert {dim for dim in "MNK" if y[dim] != {1}} == set("MK") - set(on_x)


def test_the_front_end_puts_idle_dims_first() -> None:
    """In the hierarchical form N, which has no loop, stands before the permutation: the split counts it, and M, K are on Y."""
    loaded, space = space_of(NODES)
    assert loaded.is_hierarchical
    assert not space_of(TREE)[0].is_hierarchical
    assert all(values == {1} for values in trips(space, "inter_PE_spatial", "x").values())
    assert trips(space, "inter_PE_spatial", "y") == {"M": {1, 2, 4}, "N": {1}, "K": {1, 2, 4}}
    plain = timeloop.mapspace_constraints(loaded.constraints, loaded.workload, loaded.architecture)
    as_written = MapSpace(loaded.workload, loaded.architecture, plain)
    assert trips(as_written, "inter_PE_spatial", "x") == {"M": {1, 2, 4}, "N": {1}, "K": {1}}


def test_a_fanout_only_uses_its_own_mesh() -> None:
    """Timeloop's mapper filters by each fanout's own mesh, though its model would take units of a neighbour."""
    loaded, space = space_of(TREE)
    assert loaded.architecture.pooled
    rf = space.architecture.index("RF")
    meshes = space.rules.mesh
    assert meshes[rf] == (1, 1) or meshes[rf][0] * meshes[rf][1] <= 4
    batch = space.sample(2000, 0)
    for at, (x, y) in enumerate(meshes):
        assert (batch.x[at].prod(axis=0) <= x).all()
        assert (batch.y[at].prod(axis=0) <= y).all()


def test_residency() -> None:
    _, space = space_of(TREE, "constraints: [{target: GLB, type: bypass, keep: [A], bypass: [Z]}]\n")
    batch = space.sample(500, 0)
    at = space.architecture.index("GLB")
    held = {tensor.name: set(batch.keep[at, t].tolist()) for t, tensor in enumerate(space.workload.tensors)}
    assert held == {"A": {True}, "B": {False, True}, "Z": {False}}


def test_utilization_is_of_all_compute_units() -> None:
    _, space = space_of(TREE, "constraints: [{target: RF, type: utilization, min: 0.4}]\n")
    batch = space.sample(1000, 0)
    used = np.prod(batch.x.astype(int), axis=(0, 1)) * np.prod(batch.y.astype(int), axis=(0, 1))
    assert used.min() >= 0.4 * space.architecture.compute_instances


def test_multicast_and_reuse() -> None:
    text = """
constraints:
- {target: GLB, type: spatial, no_multicast_no_reduction: [A]}
- {target: RF, type: temporal, no_temporal_reuse: [B]}
"""
    _, space = space_of(TREE, text)
    assert space.architecture.level("GLB").fanout.no_multicast == {"A"}
    assert space.warnings == ("no_reuse of 'B' at 'RF': the model counts reuse over time all the same",)


def test_maximize_dims_fills_the_fanout() -> None:
    text = "constraints: [{target: GLB, type: spatial, factors: N=2, maximize_dims: [[M, K]]}]\n"
    _, space = space_of(TREE, text)
    batch, at = space.sample(200, 0), space.architecture.index("GLB")
    across = {dim: set((batch.x[at, d] * batch.y[at, d]).tolist()) for d, dim in enumerate(space.workload.dims)}
    assert across == {"M": {4}, "N": {2}, "K": {2}}, (
        "M = 8 would fill 16 units too, but fits on neither axis of a 4 x 4 mesh"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{target: GLB, type: temporal, maximize_dims: [[M]]}",
            "maximize_dims of 'GLB' is on loops in time, which nothing bounds",
        ),
        (
            "{target: GLB, type: spatial, factors: M=2, maximize_dims: [[M]]}",
            "maximize_dims of 'GLB' names 'M', which has a factor already",
        ),
        (
            "{target: GLB, type: temporal, permutation: MN}, {target: GLB, type: temporal, permutation: NM}",
            "order_inner of 'GLB' is given twice, differently",
        ),
        (
            "{target: GLB, type: temporal, factors: M=2}, {target: GLB, type: temporal, factors: M=4}",
            "the temporal factor M=4 of 'GLB': it is fixed to 2 already",
        ),
    ],
)
def test_faults(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        space_of(TREE, f"constraints: [{text}]\n")
    fault = caught.value.faults[0]
    assert fault.message == message
    assert fault.place is not None
    assert fault.place.line == 1


# -- whole designs -------------------------------------------------------------------------------------------------------

DESIGNS = Path(__file__).parents[4] / "shared" / "reference" / "timeloop" / "designs_v04"


@pytest.mark.parametrize("name", ["eyeriss_like", "simba_like", "simple_output_stationary", "simple_weight_stationary"])
def test_designs_contain_what_timeloop_found(name: str) -> None:
    top = DESIGNS / "top.yaml.jinja2"
    if not top.exists():
        pytest.skip(f"the reference designs are not at {DESIGNS}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", timeloop.TimeloopWarning)
        loaded = timeloop.load(top, DESIGNS / name / "timeloop-mapper.map.yaml", variables={"architecture": name})
    assert loaded.mapping is not None
    space = MapSpace(loaded.workload, loaded.architecture, loaded)
    assert space.contains(loaded.mapping) is None
    assert 10**8 < space.total < space.unconstrained.total
    assert space.size().axes[Axis.TILING] <= space.total
    batch = space.sample(500, 0)
    assert space.admits(batch).all()
    assert space.unconstrained.admits(batch).all()
    assert space.admits(space.neighbours(loaded.mapping)).all()
