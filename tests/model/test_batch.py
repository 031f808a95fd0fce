"""A batch costs what its mappings cost one by one, with NumPy and with JAX, on one machine and on many."""

from __future__ import annotations

import itertools
import math
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.model.random_batches import Problem, random_batch, random_problem

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.errors import ArchloomError, InputError
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.model import batch as batch_module
from archloom.model.arrays import pack
from archloom.model.batch import BatchEvaluation, MappingBatch, evaluate_batch
from archloom.model.costs import LEGAL, Reason
from archloom.model.evaluate import evaluate
from archloom.model.result import Evaluation
from archloom.workload.einsum import Workload, einsum

BACKENDS = ("numpy", "jax")
COUNTS = ("tile_words", "reads", "fills", "updates")
FIT = {
    Reason.CAPACITY: "capacity",
    Reason.FANOUT_X: "axis X",
    Reason.FANOUT_Y: "axis Y",
    Reason.FANOUT_TOTAL: "spreads over",
}

GEMM = einsum("O[m,n] += W[m,k] * I[k,n]", {"m": 4, "n": 6, "k": 8})
CHIP = Architecture(
    "chip",
    (
        Memory(
            "RF",
            16 * 64,
            keep=frozenset({"outputs"}),
            bypass=frozenset({"weights"}),
            read_pj=1,
            write_pj=1,
            update_pj=1,
            fanout=Fanout(2, 2),
        ),
        Memory("GLB", 16 * 512, block=4, read_pj=6, write_pj=7, update_pj=8, leak_pj=0.25, fanout=Fanout(4, 1)),
        Memory("DRAM", block=8, read_bandwidth=2, read_pj=100, write_pj=100, update_pj=100),
    ),
    Compute("MAC", 0.5, 0.01, 10.0),
)


def nests(*blocks: str, keep: str = "OWI") -> Mapping:
    """Levels outer to inner, each as `m2 k4 / x / y`, all keeping all that CHIP lets them."""
    levels: list[LevelNest] = []
    for level, block in zip(CHIP.levels, reversed(blocks), strict=True):
        temporal, x, y = (
            tuple(Loop(word[0], int(word[1:])) for word in part.split()) for part in f"{block}//".split("/")[:3]
        )
        held = frozenset(tensor.name for tensor in GEMM.tensors if level.may_keep(tensor)) & frozenset(keep)
        levels.append(LevelNest(level.name, temporal, x, y, held))
    return Mapping(tuple(levels))


FITS = nests("m2 n3", "k2 / k2", "m2 / n2 / k2")


def assert_same(found: BatchEvaluation, expected: BatchEvaluation) -> None:
    """Whole numbers exactly, the others to 1e-12."""
    for name in ("cycles", "bound", "reason"):
        np.testing.assert_array_equal(np.asarray(getattr(found, name)), getattr(expected, name), name)
    for name in ("energy_pj", "utilization", "area_um2"):
        np.testing.assert_allclose(np.asarray(getattr(found, name)), getattr(expected, name), 1e-12, 0, err_msg=name)
    assert (found.counts is None) == (expected.counts is None)
    for name in COUNTS if expected.counts else ():
        assert found.counts and expected.counts
        np.testing.assert_array_equal(np.asarray(found.counts[name]), expected.counts[name], name)


def on_jax(batch: MappingBatch) -> MappingBatch:
    import jax.numpy as jnp

    return MappingBatch(**{name: jnp.asarray(part) for name, part in batch.arrays().items()})


# ------------------------------------------------------------------------------------------------------- one by one

SHAPES = list(itertools.product(range(6), (False, True), (False, True)))


def test_numpy_equals_one_by_one() -> None:
    met: Counter[str] = Counter()
    for seed, (_, padding, cuts) in enumerate(SHAPES * 2):
        workload, architecture = random_problem(seed)
        batch = random_batch(seed, workload, architecture, 50, padding=padding, cuts=cuts)
        drain_reads = seed % 3 == 0
        costs = evaluate_batch(workload, architecture, batch, padding=padding, drain_reads=drain_reads, counts=True)
        for row in range(len(batch)):
            mapping = batch.mapping(row, workload, architecture, padding=padding)
            told = f"seed {seed}, row {row}: {workload}\n{mapping}"
            met[compare(workload, architecture, mapping, costs, row, drain_reads, told)] += 1
    assert min(met[kind] for kind in ("legal", "not a mapping", *FIT.values())) >= 20, met


def compare(
    workload: Workload,
    architecture: Architecture,
    mapping: Mapping,
    costs: BatchEvaluation,
    row: int,
    drain_reads: bool,
    told: str,
) -> str:
    """Hold one row to `evaluate`; say what became of it."""
    code = int(costs.reason[row])
    one = outcome(workload, architecture, mapping, drain_reads)
    if isinstance(one, ArchloomError):
        assert math.isinf(costs.energy_pj[row]), told
        assert math.isinf(costs.cycles[row]), told
        kind, at = Reason.split(code)
        if isinstance(one, InputError):
            assert code != LEGAL, told
            return "not a mapping"
        assert str(one).startswith(f"level {architecture.levels[at].name!r}: "), told
        assert FIT[kind] in str(one), told
        return FIT[kind]
    assert code == LEGAL, f"{costs.explain(code, workload, architecture)}: {told}"
    assert costs.cycles[row] == one.cycles, told
    assert costs.energy_pj[row] == pytest.approx(one.energy_pj, rel=1e-12), told
    assert costs.utilization[row] == pytest.approx(one.utilization, rel=1e-12), told
    assert costs.area_um2[row] == pytest.approx(one.area_um2, rel=1e-12), told
    assert (*architecture.names, "compute")[costs.bound[row]] == one.bound_by, told
    assert costs.counts is not None
    for at, level in enumerate(reversed(one.levels)):
        for t, tensor in enumerate(workload.tensors):
            found = [int(costs.counts[name][at, t, row]) for name in COUNTS]
            assert found == [getattr(level.tensors[tensor.name], name) for name in COUNTS], told
    return "legal"


def outcome(
    workload: Workload, architecture: Architecture, mapping: Mapping, drain_reads: bool
) -> Evaluation | ArchloomError:
    try:
        return evaluate(workload, architecture, mapping, drain_reads=drain_reads)
    except ArchloomError as error:
        return error


# --------------------------------------------------------------------------------------------------------------- JAX


def problem_for_jax(seed: int) -> Problem:
    """A random problem without an index of three dimensions, which JAX refuses to spread."""
    for other in itertools.count(seed, 1000):
        workload, architecture = random_problem(other)
        if max((len(rank) for tensor in workload.tensors for rank in tensor.ranks), default=0) < 3:
            return workload, architecture
    raise AssertionError


@pytest.mark.parametrize("seed", range(10))
def test_jax_equals_numpy(seed: int) -> None:
    pytest.importorskip("jax")
    padding, cuts = seed % 4 == 3, seed % 2 == 1
    workload, architecture = problem_for_jax(seed)
    batch = random_batch(seed, workload, architecture, 400, padding=padding, cuts=cuts)
    options: dict[str, Any] = {"padding": padding, "drain_reads": seed % 3 == 0, "counts": True}
    found = evaluate_batch(workload, architecture, batch, backend="jax", **options)
    assert_same(found, evaluate_batch(workload, architecture, batch, **options))
    assert isinstance(found.energy_pj, np.ndarray)


def test_jax_leaves_its_settings_alone_and_works_in_float64() -> None:
    jax = pytest.importorskip("jax")
    costs = evaluate_batch(GEMM, CHIP, on_jax(pack(GEMM, CHIP, [FITS])), backend="jax")
    assert costs.energy_pj.dtype == costs.cycles.dtype == np.float64
    assert not jax.config.jax_enable_x64
    assert jax.numpy.ones(1).dtype == np.float32


@pytest.mark.parametrize("outer", [False, True])
def test_jax_arrays_stay_jax_arrays(outer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    jax = pytest.importorskip("jax")
    batch = random_batch(1, GEMM, CHIP, 300)
    hardware = {"GLB.size_bits": np.linspace(100, 9000, 150 if outer else 300)}
    monkeypatch.setattr(batch_module, "JAX_ROWS", 64)
    options: dict[str, Any] = {"hardware": hardware, "outer": outer, "counts": True}
    found = evaluate_batch(GEMM, CHIP, on_jax(batch), backend="jax", **options)
    assert found.counts
    assert all(
        isinstance(part, jax.Array) for part in (found.energy_pj, found.reason, found.edp, *found.counts.values())
    )
    assert_same(found, evaluate_batch(GEMM, CHIP, batch, **options))


def test_jax_arrays_do_for_numpy_too() -> None:
    pytest.importorskip("jax")
    batch = random_batch(1, GEMM, CHIP, 100)
    found = evaluate_batch(GEMM, CHIP, on_jax(batch))
    assert isinstance(found.energy_pj, np.ndarray)
    assert_same(found, evaluate_batch(GEMM, CHIP, batch))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("hardware", [{}, {"GLB.size_bits": 20_000, "RF.fanout.x": 4}])
def test_blocks_do_not_show(backend: Any, hardware: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    if backend == "jax":
        pytest.importorskip("jax")
    batch = random_batch(2, GEMM, CHIP, 150, cuts=True)
    lanes = {name: np.linspace(1, most, 150).round() for name, most in hardware.items()}
    for outer in (False, True):
        options: dict[str, Any] = {"hardware": lanes, "outer": outer, "counts": True}
        whole = evaluate_batch(GEMM, CHIP, batch, **options)
        with monkeypatch.context() as patch:
            patch.setattr(batch_module, "NUMPY_ROWS", 37)
            patch.setattr(batch_module, "JAX_ROWS", 128)
            assert_same(evaluate_batch(GEMM, CHIP, batch, backend=backend, **options), whole)


def test_results_may_be_written_to() -> None:
    pytest.importorskip("jax")
    batch = pack(GEMM, CHIP, [FITS])
    for backend in BACKENDS:
        costs = evaluate_batch(GEMM, CHIP, batch, backend=backend)
        costs.energy_pj[0] = 0


# ---------------------------------------------------------------------------------------------------- many machines

VARIED: dict[str, list[float]] = {
    "RF.size_bits": [math.inf, 16 * 9, 16 * 64],
    "RF.fanout.x": [2, 4, 1],
    "RF.fanout.y": [2, 1, 3],
    "GLB.fanout.x": [4, 8, 1],
    "DRAM.read_bandwidth": [2, 0.125, 0.5],
    "GLB.shared_bandwidth": [0.5, 0.25, 3],  # CHIP has none
    "GLB.write_bandwidth": [0.25, 1, 0.125],
    "RF.read_pj": [0, 1, 2.5],
    "GLB.leak_pj": [0, 0.5, 1],
    "DRAM.area_um2": [1, 2, 3],
    "MAC.energy_pj": [0, 1, 2],
    "MAC.area_um2": [1, 1.5, 2],
}


def changed(architecture: Architecture, name: str, value: float) -> Architecture:
    part, _, field = name.partition(".")
    if part == "MAC":
        return replace(architecture, compute=replace(architecture.compute, **{field: value}))
    if field.startswith("fanout"):
        fanout = replace(architecture.level(part).fanout, **{field[-1]: int(value)})
        return architecture.with_level(part, fanout=fanout)
    return architecture.with_level(part, **{field: value})


def machines() -> list[Architecture]:
    found: list[Architecture] = []
    for k in range(3):
        architecture = CHIP
        for name, values in VARIED.items():
            architecture = changed(architecture, name, values[k])
        found.append(architecture)
    return found


@pytest.mark.parametrize("backend", BACKENDS)
def test_many_machines_equal_one_by_one(backend: Any) -> None:
    if backend == "jax":
        pytest.importorskip("jax")
    batch = random_batch(3, GEMM, CHIP, 120)
    grid = evaluate_batch(GEMM, CHIP, batch, hardware=VARIED, outer=True, counts=True, backend=backend)
    assert grid.energy_pj.shape == (120, 3)
    assert grid.counts and grid.counts["reads"].shape == (3, 3, 120)
    assert len({tuple(row) for row in grid.reason.tolist()}) > 5
    for k, machine in enumerate(machines()):
        alone = evaluate_batch(GEMM, machine, batch, counts=True)
        for name in ("energy_pj", "cycles", "area_um2"):
            np.testing.assert_allclose(getattr(grid, name)[:, k], getattr(alone, name), 1e-12, err_msg=name)
        legal = alone.reason == LEGAL
        assert legal.any()
        np.testing.assert_array_equal(grid.reason[:, k] == LEGAL, legal)
        np.testing.assert_array_equal(grid.bound[legal, k], alone.bound[legal])
        np.testing.assert_allclose(grid.utilization[legal, k], alone.utilization[legal], 1e-12)
        assert alone.counts
        np.testing.assert_array_equal(grid.counts["reads"][..., legal], alone.counts["reads"][..., legal])


def test_sizes_that_vary_are_buffered_too() -> None:
    batch = random_batch(6, GEMM, CHIP, 100)
    sizes = [100.0, 400.0, 1600.0]
    double = CHIP.with_level("RF", buffering=2)
    grid = evaluate_batch(GEMM, double, batch, hardware={"RF.size_bits": sizes}, outer=True)
    alone = [evaluate_batch(GEMM, double.with_level("RF", size_bits=size), batch).reason for size in sizes]
    np.testing.assert_array_equal(grid.reason, np.stack(alone, axis=1))
    assert len({tuple(reason) for reason in alone}) == 3


@pytest.mark.parametrize("backend", BACKENDS)
def test_row_by_row_is_the_diagonal_of_outer(backend: Any) -> None:
    if backend == "jax":
        pytest.importorskip("jax")
    batch = random_batch(4, GEMM, CHIP, 90)
    hardware = {name: np.resize(values, 90) for name, values in VARIED.items()} | {"DRAM.read_pj": np.array([7.0])}
    rows = evaluate_batch(GEMM, CHIP, batch, hardware=hardware, backend=backend)
    grid = evaluate_batch(GEMM, CHIP, batch, hardware=hardware, outer=True, backend=backend)
    for name in ("energy_pj", "cycles", "utilization", "area_um2", "bound", "reason"):
        np.testing.assert_array_equal(getattr(rows, name), np.diagonal(getattr(grid, name)), name)


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_value_is_for_every_row(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if backend == "jax":
        pytest.importorskip("jax")
    monkeypatch.setattr(batch_module, "NUMPY_ROWS", 16)
    batch = random_batch(5, GEMM, CHIP, 50)
    expected = evaluate_batch(GEMM, CHIP.with_level("GLB", read_pj=11.0), batch)
    for value in (11, [11.0], np.full(1, 11.0), np.full(50, 11.0)):
        assert_same(evaluate_batch(GEMM, CHIP, batch, hardware={"GLB.read_pj": value}, backend=backend), expected)


# ------------------------------------------------------------------------------------------------------ what is wrong


def altered(**changes: dict[tuple[int, int], int]) -> MappingBatch:
    """FITS with some entries [level, dim or tensor] of its arrays changed."""
    batch = pack(GEMM, CHIP, [FITS])
    for name, entries in changes.items():
        for at, value in entries.items():
            getattr(batch, name)[at] = value
    return batch


M, N, K = range(3)
SMALL = CHIP.with_level("GLB", size_bits=64)
TIGHT = CHIP.with_level("RF", size_bits=16 * 35)
LOOSE = CHIP.with_level("RF", fanout=Fanout(5, 1, reshapeable=True))
RESIDENCY = "a tensor is kept that the memory bypasses, or not kept that it has to keep"
WRONG = [
    ("the factors of 'n' do not multiply to its bound 6", CHIP, altered(temporal={(2, N): 2})),
    ("level 'RF': the kept tiles exceed the capacity", TIGHT, pack(GEMM, TIGHT, [nests("", "/ k4", "m4 n6 k2")])),
    ("level 'GLB': the kept tiles exceed the capacity", SMALL, pack(GEMM, SMALL, [FITS])),
    ("level 'RF': spatial trips exceed mesh axis X of the fanout", CHIP, altered(x={(0, N): 6}, temporal={(2, N): 1})),
    ("level 'RF': spatial trips exceed mesh axis Y of the fanout", CHIP, altered(y={(0, K): 4}, temporal={(1, K): 1})),
    ("level 'DRAM': spatial trips exceed the fanout", CHIP, altered(y={(2, N): 3}, temporal={(2, N): 1})),
    ("level 'RF': spatial trips exceed the fanout", LOOSE, altered(x={(0, N): 6}, temporal={(2, N): 1})),
    (
        "level 'RF': a dimension is on both mesh axes",
        CHIP,
        altered(x={(0, N): 1, (0, K): 2}, temporal={(2, N): 6, (1, K): 1}),
    ),
    (f"level 'RF': {RESIDENCY}", CHIP, altered(keep={(0, 0): True})),
    (f"level 'RF': {RESIDENCY}", CHIP, altered(keep={(0, 2): False})),
    (f"level 'DRAM': {RESIDENCY}", CHIP, altered(keep={(2, 1): False})),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("text", "machine", "batch"), WRONG)
def test_every_reason_has_its_words(text: str, machine: Architecture, batch: MappingBatch, backend: Any) -> None:
    if backend == "jax":
        pytest.importorskip("jax")
    costs = evaluate_batch(GEMM, machine, batch, backend=backend)
    assert costs.explain(int(costs.reason[0]), GEMM, machine) == text
    assert np.isinf([costs.energy_pj[0], costs.cycles[0], costs.edp[0]]).all()


def test_a_mesh_of_any_shape_fits_a_reshapeable_fanout() -> None:
    square = CHIP.with_level("RF", fanout=Fanout(2, 2))
    batch = altered(x={(0, N): 1}, y={(0, K): 4}, temporal={(1, K): 1, (2, N): 6})
    costs = [evaluate_batch(GEMM, machine, batch) for machine in (square, LOOSE)]
    assert (
        costs[0]
        .explain(int(costs[0].reason[0]), GEMM, square)
        .startswith("level 'RF': spatial trips exceed mesh axis Y")
    )
    assert costs[1].explain(int(costs[1].reason[0]), GEMM, LOOSE) == "legal"


def test_loops_over_a_dim_of_bound_one() -> None:
    workload = GEMM.with_bounds(n=1)
    mapping = nests("m2", "k2 / k2", "m2 / / k2")
    batch = pack(workload, CHIP, [mapping, mapping])
    batch.temporal[1, N, 1] = 2
    costs = evaluate_batch(workload, CHIP, batch)
    assert [costs.explain(code, workload, CHIP) for code in costs.reason] == [
        "legal",
        "the factors of 'n' do not multiply to its bound 1",
    ]
    padded = evaluate_batch(workload, CHIP, batch, padding=True)
    assert padded.reason.tolist() == [0, 0]
    assert padded.cycles.tolist() == [20, 24]  # one row of O moves twice
    one = evaluate(workload, CHIP, batch.mapping(1, workload, CHIP, padding=True))
    assert padded.energy_pj[1] == pytest.approx(one.energy_pj)
    assert one.utilization == padded.utilization[1] < costs.utilization[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"x": np.ones((3, 3, 2), int), "keep": np.ones((2, 3, 1), bool)},
            "mappings.x has the shape (3, 3, 2); expected (3, 3, 1), batch last\n"
            "mappings.keep has the shape (2, 3, 1); expected (3, 3, 1), batch last",
        ),
        ({"cut": np.ones((3, 1), int)}, "mappings.cut has the shape (3, 1); expected (3, 3, 1), batch last"),
    ],
)
def test_arrays_of_another_shape(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        evaluate_batch(GEMM, CHIP, replace(pack(GEMM, CHIP, [FITS]), **change))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("hardware", "message"),
    [
        ({"GBL.size_bits": 8}, "hardware 'GBL.size_bits': no component is called 'GBL' (did you mean 'GLB'?)"),
        ({"GLB.size": 8}, "hardware 'GLB.size': 'size' cannot vary in a batch (did you mean 'size_bits'?)"),
        ({"GLB": 8}, "hardware 'GLB': no component is called 'GLB' (did you mean 'GLB'?)"),
        ({"MAC.read_pj": 8}, "hardware 'MAC.read_pj': 'read_pj' cannot vary in a batch (did you mean 'leak_pj'?)"),
        ({"GLB.read_pj": "much"}, "hardware 'GLB.read_pj' is 'much'; expected numbers"),
        ({"GLB.read_pj": [1, -2]}, "hardware 'GLB.read_pj' is -2 in row 1; expected 0 or more"),
        ({"GLB.read_pj": [math.inf]}, "hardware 'GLB.read_pj' is inf in row 0; expected 0 or more"),
        ({"GLB.size_bits": [math.nan]}, "hardware 'GLB.size_bits' is nan in row 0; expected 0 or more"),
        ({"RF.fanout.x": [2, 0]}, "hardware 'RF.fanout.x' is 0 in row 1; expected whole numbers, at least 1"),
        ({"RF.fanout.y": [2.5]}, "hardware 'RF.fanout.y' is 2.5 in row 0; expected whole numbers, at least 1"),
        ({"DRAM.read_bandwidth": 0}, "hardware 'DRAM.read_bandwidth' is 0 in row 0; expected more than 0"),
        (
            {"GLB.read_pj": [1, 2], "GLB.write_pj": [1, 2, 3], "GLB.leak_pj": [-1]},
            "hardware 'GLB.leak_pj' is -1 in row 0; expected 0 or more\n"
            "the hardware arrays differ in length: 'GLB.read_pj' has 2, 'GLB.write_pj' has 3",
        ),
        ({"GLB.read_pj": [1, 2]}, "hardware has 2 rows for 1 mappings; expected as many, or outer=True"),
    ],
)
def test_hardware_that_is_wrong(hardware: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        evaluate_batch(GEMM, CHIP, pack(GEMM, CHIP, [FITS]), hardware=hardware)
    assert str(caught.value) == message


def test_levels_with_dots_in_their_names() -> None:
    machine = replace(CHIP, levels=tuple(replace(level, name=f"chip.{level.name}") for level in CHIP.levels))
    mapping = Mapping(tuple(replace(nest, level=f"chip.{nest.level}") for nest in FITS.levels))
    batch = pack(GEMM, machine, [mapping])
    found = evaluate_batch(GEMM, machine, batch, hardware={"chip.GLB.read_pj": 0, "chip.RF.fanout.x": 4})
    plain = evaluate_batch(GEMM, CHIP, batch, hardware={"GLB.read_pj": 0, "RF.fanout.x": 4})
    assert_same(found, plain)


def test_an_unknown_backend() -> None:
    wrong: Any = "jacks"
    with pytest.raises(InputError, match="the backend is 'jacks'; expected 'numpy' or 'jax'"):
        evaluate_batch(GEMM, CHIP, pack(GEMM, CHIP, [FITS]), backend=wrong)


# ------------------------------------------------------------------------------------------------------------- corners


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("outer", [False, True])
@pytest.mark.parametrize("machines", [0, 1, 3])
def test_no_mappings_and_no_machines(backend: Any, outer: bool, machines: int) -> None:
    if backend == "jax":
        pytest.importorskip("jax")
    batch = pack(GEMM, CHIP, [FITS] if outer and not machines else [])
    hardware = {"GLB.read_pj": np.ones(machines if outer else min(machines, 1))}
    costs = evaluate_batch(GEMM, CHIP, batch, hardware=hardware, outer=outer, counts=True, backend=backend)
    assert costs.energy_pj.shape == ((len(batch), machines) if outer else (0,))
    assert costs.counts and costs.counts["fills"].shape == (3, 3, len(batch))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", ["O[] += A[]", "O[i] += A[i] * B[]", "O[i,j] += A[i] * B[j]"])
def test_a_single_multiplication(text: str, backend: Any) -> None:
    """All bounds are 1: no dimension is left for the model to look at."""
    if backend == "jax":
        pytest.importorskip("jax")
    workload = einsum(text, {dim: 1 for dim in "ij" if dim in text} or {"k": 1})
    machine = Architecture("one", (Memory("RAM", read_pj=1, update_pj=2, leak_pj=4, fanout=Fanout(3, 2)),))
    names = frozenset(tensor.name for tensor in workload.tensors)
    mapping = Mapping((LevelNest("RAM", keep=names),))
    one = evaluate(workload, machine, mapping)
    assert one.energy_pj == len(workload.inputs) * 1 + 2 + 4
    assert (one.cycles, one.macs, one.utilization) == (1, 1, 1 / 6)
    costs = evaluate_batch(workload, machine, pack(workload, machine, [mapping] * 3), counts=True, backend=backend)
    assert costs.energy_pj.tolist() == [one.energy_pj] * 3
    assert costs.utilization.tolist() == [one.utilization] * 3
    assert costs.counts and costs.counts["reads"].shape == (1, len(workload.tensors), 3)


def test_three_dims_of_one_index_across_a_fanout() -> None:
    workload = einsum("O[p] += W[r,k] * I[2*p+3*r+5*k]", {"p": 4, "r": 3, "k": 2})
    machine = Architecture("mesh", (Memory("RAM", fanout=Fanout(24, 6)),))
    keep = frozenset("OWI")
    mappings = [
        Mapping((LevelNest("RAM", (), (Loop("p", 4),), (Loop("r", 3), Loop("k", 2)), keep),)),
        Mapping((LevelNest("RAM", (Loop("r", 3),), (Loop("p", 4), Loop("k", 2)), (), keep),)),
    ]
    batch = pack(workload, machine, mappings)
    costs = evaluate_batch(workload, machine, batch, counts=True)
    words = len({2 * p + 3 * r + 5 * k for p in range(4) for r in range(3) for k in range(2)})
    assert costs.counts
    assert costs.counts["reads"][0, 1].tolist() == [words, 3 * len({2 * p + 5 * k for p in range(4) for k in range(2)})]
    assert evaluate(workload, machine, mappings[0]).level("RAM").tensors["I"].reads == words
    pytest.importorskip("jax")
    with pytest.raises(InputError, match=re.escape("of one index over a fanout; expected backend='numpy'")):
        evaluate_batch(workload, machine, batch, backend="jax")


def test_arrays_and_mappings_turn_into_each_other() -> None:
    met: set[bool] = set()
    for seed in range(20):
        workload, architecture = random_problem(seed)
        batch = random_batch(seed, workload, architecture, 20, cuts=seed % 2 == 0)
        mappings = [batch.mapping(row, workload, architecture, padding=True) for row in range(20)]
        legal = [m for m in mappings if is_mapping(m, workload, architecture)]
        again = pack(workload, architecture, legal)
        assert [again.mapping(row, workload, architecture, padding=True) for row in range(len(legal))] == legal
        met.add(again.cut is None)
    assert met == {True, False}


def is_mapping(mapping: Mapping, workload: Workload, architecture: Architecture) -> bool:
    try:
        mapping.check(workload, architecture)
    except InputError:
        return False
    return True


@pytest.mark.parametrize("backend", BACKENDS)
def test_trips_beyond_32_bits_and_products_beyond_64(backend: Any) -> None:
    if backend == "jax":
        pytest.importorskip("jax")
    workload = GEMM.with_bounds(m=2**35, n=2**38, k=2**40)
    mapping = nests(f"m{2**35} n{2**38} k{2**40}", "", "")
    batch = pack(workload, CHIP, [mapping])
    assert batch.temporal[2, M, 0] == 2**35
    costs = evaluate_batch(workload, CHIP, batch, counts=True, backend=backend)
    one = evaluate(workload, CHIP, mapping)
    assert costs.cycles.tolist() == [float(one.cycles)]
    assert costs.energy_pj.tolist() == pytest.approx([one.energy_pj], rel=1e-12)
    assert costs.utilization.tolist() == pytest.approx([one.utilization], rel=1e-12)
    assert costs.counts
    assert costs.counts["reads"][2, 1, 0] == float(one.level("DRAM").tensors["I"].reads)


def test_too_many_multiplications_for_a_batch() -> None:
    dims = [f"d{number}" for number in range(26)]
    workload = einsum(f"O[{','.join(dims)}] += A[d0]", dict.fromkeys(dims, 2**40), name="endless")
    machine = Architecture("one", (Memory("RAM"),))
    mapping = Mapping((LevelNest("RAM", tuple(Loop(dim, 2**40) for dim in dims), keep=frozenset("OA")),))
    with pytest.raises(
        InputError, match="workload 'endless' has more than 1e300 multiplications, too many for float64"
    ):
        evaluate_batch(workload, machine, pack(workload, machine, [mapping]))


# --------------------------------------------------------------------------------------------------------------- memory

MEMORY = """
import resource, sys
import numpy as np
from tests.model.test_batch import CHIP, FITS, GEMM
from archloom.model.batch import evaluate_batch, pack, MappingBatch

backend, size, machines = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
one = pack(GEMM, CHIP, [FITS])

def run(size, machines):
    parts = {name: np.broadcast_to(part, (*part.shape[:2], size)) for name, part in one.arrays().items()}
    hardware = {"GLB.read_pj": np.ones(machines)} if machines else {}
    return evaluate_batch(GEMM, CHIP, MappingBatch(**parts), hardware=hardware, outer=bool(machines), backend=backend)

run(100_000, 0), run(2, machines)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
costs = run(size, machines)
assert (costs.reason == 0).all() and costs.energy_pj.size == size * max(machines, 1)
results = sum(getattr(costs, name).nbytes for name in ("energy_pj", "cycles", "utilization", "area_um2", "bound", "reason"))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, results / 2**20)
"""


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("size", "machines"), [(3_000_000, 0), (3, 1_000_000)])
def test_memory_does_not_grow_with_the_batch(backend: str, size: int, machines: int) -> None:
    if backend == "jax":
        pytest.importorskip("jax")
    command = [sys.executable, "-c", MEMORY, backend, str(size), str(machines)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    grown, results = map(float, done.stdout.split())
    assert results > 100
    assert grown < 1.2 * results + 100  # MiB
