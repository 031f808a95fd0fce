"""Canonical problems: names do not matter, everything else does."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from tests.search.mapping_cases import MACHINE, conv

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.mapspace.rules import Range
from archloom.mapspace.space import MapSpace
from archloom.search.canonical import canonical_text, engine_fingerprint, from_numbers, key_of, to_numbers
from archloom.search.exact.problem import Problem
from archloom.search.network_mapping import Options
from archloom.search.objective import objective_of
from archloom.search.spaces import problems_of
from archloom.workload.einsum import Workload, einsum


def problem(workload: Workload | None = None, architecture: Architecture = MACHINE, **options: bool | str) -> Problem:
    space = MapSpace(workload or conv(), architecture)
    (only,) = problems_of(space, Options(objective_of("edp"), **options))  # type: ignore[arg-type]
    return only


def key(case: Problem) -> str:
    return key_of([case], {})


def test_names_do_not_matter() -> None:
    renamed = einsum("Z[x,y] += B[x,k,f] * A[k,y+f]", {"x": 4, "k": 4, "y": 6, "f": 3}, name="other")
    levels = tuple(replace(level, name=f"level {at}", kind="thing") for at, level in enumerate(MACHINE.levels))
    machine = replace(MACHINE, name="other", levels=levels, compute=replace(MACHINE.compute, name="PE"))
    assert key(problem(renamed, machine)) == key(problem())


def test_areas_do_not_matter() -> None:
    assert key(problem(architecture=MACHINE.with_level("RF", area_um2=7.0))) == key(problem())


@pytest.mark.parametrize("bounds", [{"m": 8}, {"p": 12}, {"r": 1}])
def test_bounds_matter(bounds: dict[str, int]) -> None:
    assert key(problem(conv().with_bounds(**bounds))) != key(problem())


def test_indices_matter() -> None:
    strided = einsum("O[m,p] += W[m,c,r] * I[c,2*p+r]", conv().bounds)
    assert key(problem(strided)) != key(problem())


CHANGES = {
    "size_bits": 4096.0,
    "block": 2,
    "read_bandwidth": 3.0,
    "write_bandwidth": 3.0,
    "shared_bandwidth": 3.0,
    "buffering": 2.0,
    "cluster": 2,
    "keep": frozenset({"W"}),
    "bypass": frozenset({"W"}),
    "read_pj": 1.5,
    "write_pj": 1.5,
    "update_pj": 1.5,
    "leak_pj": 0.5,
    "power_gated_at": "GLB",
    "word_bits": 8,
    "fanout": Fanout(2, 1),
}


@pytest.mark.parametrize("field", [f.name for f in fields(Memory) if f.name not in ("name", "kind", "area_um2")])
def test_every_number_of_a_memory_matters(field: str) -> None:
    assert key(problem(architecture=MACHINE.with_level("RF", **{field: CHANGES[field]}))) != key(problem())


@pytest.mark.parametrize(
    "fanout",
    [
        Fanout(2, 4),
        Fanout(4, 2, reshapeable=True),
        Fanout(4, 2, fill_latency=3),
        Fanout(4, 2, drain_latency=3),
        Fanout(4, 2, no_multicast=frozenset({"weights"})),
    ],
)
def test_every_part_of_a_fanout_matters(fanout: Fanout) -> None:
    assert key(problem(architecture=MACHINE.with_level("GLB", fanout=fanout))) != key(problem())


def test_selectors_that_mean_the_same_are_the_same() -> None:
    by_role = MACHINE.with_level("GLB", fanout=Fanout(4, 2, no_multicast=frozenset({"weights"})))
    by_name = MACHINE.with_level("GLB", fanout=Fanout(4, 2, no_multicast=frozenset({"W"})))
    assert key(problem(architecture=by_role)) == key(problem(architecture=by_name))


@pytest.mark.parametrize(
    "change",
    [
        {"compute": Compute("MAC", 0.6)},
        {"compute": Compute("MAC", 0.5, leak_pj=0.1)},
        {"pooled": True},
    ],
)
def test_the_rest_of_the_machine_matters(change: dict[str, object]) -> None:
    assert key(problem(architecture=replace(MACHINE, **change))) != key(problem())  # type: ignore[arg-type]


def test_rules_objective_and_options_matter() -> None:
    base = problem()
    rules = replace(base.rules, total_parallelism=Range(1, 4))
    others = [
        replace(base, rules=rules),
        replace(base, objective=objective_of("energy")),
        replace(base, objective=objective_of({"energy": 1.0})),
        replace(base, cuts="free"),
        replace(base, padding=True),
        replace(base, drain_reads=True),
    ]
    assert len({key(base), key_of([base], {"seed": 1}), key_of([base, base], {}), *map(key, others)}) == 9


def test_a_key_is_the_same_in_every_process() -> None:
    assert canonical_text([problem()], {}).startswith('{"bounds":[4,4,6,3],"compute":{"energy_pj":0.5,"leak_pj":0.0}')
    assert len(key(problem())) == 64
    assert len(engine_fingerprint()) == 16


def test_mappings_take_other_names_with_them() -> None:
    case = problem()
    batch = MapSpace(conv(), MACHINE, cuts="free").sample(20, seed=1)
    renamed = einsum("Z[x,y] += B[x,k,f] * A[k,y+f]", {"x": 4, "k": 4, "y": 6, "f": 3})
    for row in range(20):
        mapping = batch.mapping(row, conv(), MACHINE)
        numbers = to_numbers(mapping, conv())
        assert from_numbers(numbers, case.workload, MACHINE) == mapping
        other = from_numbers(numbers, renamed, MACHINE)
        other.check(renamed, MACHINE)
        assert to_numbers(other, renamed) == numbers
