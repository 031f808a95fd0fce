"""The model equals brute force: every count of thousands of random small problems, as integers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.model.simulation_cases import random_case

from archloom.model.evaluate import evaluate
from archloom.model.simulate import simulate

FIXED = range(5000)
STEP = 500


def check(seed: int) -> None:
    workload, architecture, mapping, drain_reads = random_case(seed)
    expected = simulate(workload, architecture, mapping, drain_reads=drain_reads)
    found = evaluate(workload, architecture, mapping, drain_reads=drain_reads)
    told = f"seed {seed}: {workload}\n{mapping}"
    for level, counted in zip(found.levels, expected.levels, strict=True):
        assert level.instances_used == counted.instances_used, told
        for name, tensor in level.tensors.items():
            numbers = tensor.tile_words, tensor.reads, tensor.fills, tensor.updates
            assert all(type(number) is int for number in numbers), told
            other = counted.tensors[name]
            assert numbers == (other.tile_words, other.reads, other.fills, other.updates), (
                f"{level.name}, {name}, {told}"
            )
            assert tensor.kept == other.kept, told
    assert found.compute.instances_used == expected.compute_instances_used, told
    assert found.compute.cycles == expected.compute_cycles, told
    assert found.cycles >= expected.compute_cycles, told


@pytest.mark.parametrize("start", FIXED[::STEP])
def test_every_count_equals_brute_force(start: int) -> None:
    for seed in range(start, start + STEP):
        check(seed)


@settings(max_examples=max(500, settings().max_examples))
@given(st.integers(min_value=FIXED.stop, max_value=2**62))
def test_every_count_equals_brute_force_on_seeds_not_met_before(seed: int) -> None:
    """The same seeds each time, but fresh ones with HYPOTHESIS_PROFILE=explore."""
    check(seed)
