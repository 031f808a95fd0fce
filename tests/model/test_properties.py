"""What has to hold for any mapping on any machine (docs/model.md)."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.model.simulation_cases import Case, random_case

from archloom.architecture.hierarchy import Architecture, Fanout, Memory
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.model.evaluate import evaluate
from archloom.model.result import Evaluation
from archloom.model.tiles import _sums
from archloom.workload.einsum import Tensor, Workload

seeds = st.integers(min_value=0, max_value=2**62)
cases = seeds.map(random_case)
randoms = seeds.map(random.Random)


def run(case: Case, **changes: Any) -> Evaluation:
    workload, architecture, mapping, drain_reads = case
    return evaluate(
        changes.get("workload", workload),
        changes.get("architecture", architecture),
        changes.get("mapping", mapping),
        drain_reads=changes.get("drain_reads", drain_reads),
    )


def traffic(cost: Evaluation, level: str, tensor: str) -> tuple[int, int, int]:
    counts = cost.level(level).tensors[tensor]
    return counts.reads, counts.fills, counts.updates


def touched(workload: Workload, tensor: Tensor) -> int:
    """Words of a tensor that some iteration needs; each dim is in one rank, so ranks are independent."""
    sizes: list[int] = []
    for rank in tensor.ranks:
        ranges = [range(0, c * workload.bounds[dim], c) for dim, c in rank]
        sizes.append(len({sum(values) for values in itertools.product(*ranges)}))
    return math.prod(sizes)


# ----------------------------------------------------------------------------------------------------------- traffic


@given(cases)
def test_the_backing_store_moves_at_least_every_word_once(case: Case) -> None:
    workload, architecture, _, _ = case
    cost = run(case)
    for tensor in workload.tensors:
        reads, fills, updates = traffic(cost, architecture.names[-1], tensor.name)
        assert (updates if tensor.is_output else reads) >= touched(workload, tensor)
        assert fills == 0


@given(cases)
def test_counts_are_whole_and_never_negative(case: Case) -> None:
    cost = run(case)
    for level in cost.levels:
        for counts in level.tensors.values():
            for name in ("tile_words", "reads", "fills", "updates"):
                assert type(getattr(counts, name)) is int
                assert getattr(counts, name) >= 0
            if not counts.kept:
                assert (counts.tile_words, counts.reads, counts.fills, counts.updates, counts.energy_pj) == (0,) * 5


@given(cases, randoms)
def test_loops_of_one_trip_change_nothing(case: Case, rng: random.Random) -> None:
    workload, _, mapping, _ = case

    def with_idle_loops(nest: LevelNest) -> LevelNest:
        absent = [dim for dim in workload.dims if dim not in {loop.dim for loop in nest.loops()}]
        for dim in rng.sample(absent, rng.randint(0, len(absent))):
            where = rng.choice(("temporal", "x", "y"))
            loops = getattr(nest, where)
            at = rng.randint(0, len(loops))
            if where == "temporal":  # a new loop among those inside the tile is inside the tile
                inside = len(loops) - at
                nest = replace(nest, cut={name: cut + (cut > inside) for name, cut in nest.cut.items()})
            nest = replace(nest, **{where: (*loops[:at], Loop(dim, 1), *loops[at:])})
        return nest

    padded_out = replace(mapping, levels=tuple(with_idle_loops(nest) for nest in mapping.levels))
    assert run(case, mapping=padded_out).to_dict() == run(case).to_dict()


@given(cases, randoms)
def test_splitting_a_loop_in_place_changes_nothing(case: Case, rng: random.Random) -> None:
    """The inner part of a block moves to a level of its own, which keeps nothing, just inside."""
    _, architecture, mapping, _ = case
    splits = [
        (at, number, factor)
        for at, nest in enumerate(mapping.levels)
        if not (nest.x or nest.y or nest.cut or architecture.levels[at].fanout.reshapeable)
        for number, loop in enumerate(nest.temporal)
        for factor in range(1, loop.trip + 1)
        if loop.trip % factor == 0
    ]
    assume(splits)
    at, number, factor = rng.choice(splits)
    memory, nest = architecture.levels[at], mapping.levels[at]
    loop = nest.temporal[number]
    outside = LevelNest(nest.level, (*nest.temporal[:number], Loop(loop.dim, factor)), keep=nest.keep)
    inside = LevelNest("extra", (Loop(loop.dim, loop.trip // factor), *nest.temporal[number + 1 :]))
    extra = Memory("extra", size_bits=0, bypass=frozenset({"all"}), fanout=memory.fanout)
    wider = replace(
        architecture,
        levels=(*architecture.levels[:at], extra, replace(memory, fanout=Fanout()), *architecture.levels[at + 1 :]),
    )
    split = replace(mapping, levels=(*mapping.levels[:at], inside, outside, *mapping.levels[at + 1 :]))
    before, after = run(case), run(case, architecture=wider, mapping=split)
    assert after.cycles == before.cycles
    assert after.energy_pj == pytest.approx(before.energy_pj, rel=1e-12)
    for name in architecture.names:
        assert after.level(name).tensors == before.level(name).tensors
    assert after.level("extra").energy_pj == after.level("extra").used_bits == 0


@given(cases)
def test_swapping_adjacent_irrelevant_loops_changes_nothing(case: Case) -> None:
    workload, architecture, mapping, _ = case
    before = run(case)
    for at, nest in enumerate(mapping.levels):
        for number in range(len(nest.temporal) - 1):
            outer, inner = nest.temporal[number : number + 2]
            loops = (*nest.temporal[:number], inner, outer, *nest.temporal[number + 2 :])
            edge = len(nest.temporal) - number - 1  # a cut here lies between the two
            swapped = replace(
                mapping,
                levels=(*mapping.levels[:at], replace(nest, temporal=loops), *mapping.levels[at + 1 :]),
            )
            same = [
                tensor.name
                for tensor in workload.tensors
                if not {outer.dim, inner.dim} & tensor.dims and nest.cut.get(tensor.name) != edge
            ]
            if not same:
                continue
            roomy = replace(architecture, levels=tuple(replace(m, size_bits=math.inf) for m in architecture.levels))
            after = run(case, architecture=roomy, mapping=swapped)
            for name in same:
                for level in architecture.names:
                    assert traffic(after, level, name) == traffic(before, level, name)


@given(cases)
def test_drain_reads_only_add_what_an_instance_sends_up(case: Case) -> None:
    workload, architecture, _, _ = case
    without, drained = run(case, drain_reads=False), run(case, drain_reads=True)
    output = workload.output.name
    for name in architecture.names:
        for tensor, counts in without.level(name).tensors.items():
            other = drained.level(name).tensors[tensor]
            if tensor == output and counts.kept and name != architecture.names[-1]:
                extra = other.reads - counts.reads
                assert extra >= counts.fills  # what is filled again was sent up before
                assert extra >= counts.tile_words
                other = replace(other, reads=counts.reads, energy_pj=counts.energy_pj)
            assert other == counts


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 12)), min_size=3, max_size=4))
def test_sums_of_spatial_loops_are_told_apart(loops: list[tuple[int, int]]) -> None:
    positions = itertools.product(*(range(0, trip * step, step) for trip, step in loops))
    assert _sums(loops) == len({sum(position) for position in positions})


# ------------------------------------------------------------------------------------------------------------- costs


@given(cases, randoms)
def test_more_capacity_changes_nothing_that_was_legal(case: Case, rng: random.Random) -> None:
    _, architecture, _, _ = case
    larger = tuple(replace(level, size_bits=level.size_bits * rng.choice((1, 1.5, 8))) for level in architecture.levels)
    before, after = run(case).to_dict(), run(case, architecture=replace(architecture, levels=larger)).to_dict()
    for level in (*before["levels"], *after["levels"]):
        level.pop("size_bits")
    assert after == before


@given(cases)
def test_utilization_is_a_share(case: Case) -> None:
    cost = run(case)
    assert 0 < cost.utilization <= 1
    assert cost.macs <= cost.compute.cycles * cost.compute.instances_used
    assert cost.cycles >= max(level.cycles for level in cost.levels) >= cost.compute.cycles
    assert cost.utilization == cost.macs / (cost.compute.instances * cost.cycles)


@given(cases)
def test_energies_add_up(case: Case) -> None:
    cost = run(case)
    for level in cost.levels:
        parts = sum(tensor.energy_pj for tensor in level.tensors.values())
        assert level.energy_pj == pytest.approx(parts + level.leakage_pj, rel=1e-12)
    parts = sum(level.energy_pj for level in cost.levels) + cost.compute.energy_pj
    assert cost.energy_pj == pytest.approx(parts, rel=1e-12)
    assert cost.edp == cost.energy_pj * cost.cycles


def mixed(one: Architecture, two: Architecture, a: float, b: float) -> Architecture:
    """A machine whose energies per action are `a` times those of `one` plus `b` times those of `two`."""

    def mix(left: Any, right: Any) -> Any:
        names = [f.name for f in fields(left) if f.name.endswith("_pj")]
        return replace(left, **{name: a * getattr(left, name) + b * getattr(right, name) for name in names})

    levels = tuple(itertools.starmap(mix, zip(one.levels, two.levels, strict=True)))
    return replace(one, levels=levels, compute=mix(one.compute, two.compute))


@given(cases, randoms)
def test_energy_is_linear_in_the_costs_of_actions(case: Case, rng: random.Random) -> None:
    _, architecture, _, _ = case
    levels = tuple(
        replace(level, read_pj=rng.random(), write_pj=rng.random(), update_pj=rng.random(), leak_pj=rng.random())
        for level in architecture.levels
    )
    other = replace(architecture, levels=levels, compute=replace(architecture.compute, energy_pj=rng.random()))
    a, b = rng.random(), rng.random()
    total = a * run(case).energy_pj + b * run(case, architecture=other).energy_pj
    found = run(case, architecture=mixed(architecture, other, a, b))
    assert found.energy_pj == pytest.approx(total, rel=1e-9)
    assert found.cycles == run(case).cycles


@given(cases, st.sampled_from(["read_bandwidth", "write_bandwidth", "shared_bandwidth"]), randoms)
def test_a_narrower_port_is_never_faster(case: Case, port: str, rng: random.Random) -> None:
    _, architecture, _, _ = case
    at = rng.randrange(len(architecture.levels))
    level = architecture.levels[at]
    speeds = [None, 8.0, 1.0, 0.3, 0.01]
    costs = [run(case, architecture=architecture.with_level(level.name, **{port: speed})) for speed in speeds]
    cycles = [cost.cycles for cost in costs]
    assert cycles == sorted(cycles)
    for cost in costs[1:]:
        assert cost.compute.cycles == costs[0].compute.cycles
        for counts, others in zip(cost.levels, costs[0].levels, strict=True):
            assert counts.tensors == others.tensors


@given(cases)
def test_a_mapping_costs_the_same_however_dims_are_named_and_listed(case: Case) -> None:
    workload, _, mapping, _ = case
    names = {dim: f"{dim}_{number}" for number, dim in enumerate(workload.dims)}

    def renamed(loops: tuple[Loop, ...]) -> tuple[Loop, ...]:
        return tuple(Loop(names[loop.dim], loop.trip) for loop in loops)

    tensors = tuple(
        replace(tensor, ranks=tuple(tuple((names[dim], c) for dim, c in reversed(rank)) for rank in tensor.ranks))
        for tensor in workload.tensors
    )
    bounds = {names[dim]: bound for dim, bound in reversed(list(workload.bounds.items()))}
    levels = tuple(
        replace(nest, temporal=renamed(nest.temporal), x=renamed(nest.x), y=renamed(nest.y)) for nest in mapping.levels
    )
    found = run(
        case, workload=replace(workload, bounds=bounds, tensors=tensors), mapping=Mapping(levels, mapping.padding)
    )
    assert found.to_dict() == run(case).to_dict()
