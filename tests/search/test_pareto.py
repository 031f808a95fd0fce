"""Fronts of energy and latency: every point proven, none missing."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from tests.search.mapping_cases import MACHINE, conv

import archloom as al
from archloom.errors import InputError
from archloom.mapspace.constraints import LevelConstraints
from archloom.mapspace.space import MapSpace
from archloom.model.batch import evaluate_batch
from archloom.search.network_mapping import Missing, NoMappingError
from archloom.workload.layers import gemm


def front_of(space: MapSpace) -> set[tuple[float, float]]:
    """Energies and latencies that no other mapping beats, of all mappings of a small space."""
    points: set[tuple[float, float]] = set()
    for batch in space.enumerate():
        cost = evaluate_batch(space.workload, space.architecture, batch)
        energy, cycles = np.array(cost.energy_pj), np.array(cost.cycles)
        legal = np.isfinite(energy)
        points |= set(zip(energy[legal].tolist(), cycles[legal].tolist(), strict=True))
    kept: set[tuple[float, float]] = set()
    fastest = float("inf")
    for energy, cycles in sorted(points):
        if cycles < fastest:
            kept.add((energy, cycles))
            fastest = cycles
    return kept


@pytest.mark.parametrize("parts", [False, True])
def test_the_front_is_that_of_all_mappings(parts: bool) -> None:
    workload = gemm("small", M=2, N=2, K=4)
    rules = LevelConstraints("GLB", spatial_order=("M", "N", "K")) if parts else None
    front = al.pareto(workload, MACHINE, constraints=rules)
    assert front.finished
    space = MapSpace(workload, MACHINE, rules)
    assert front.space_size == space.total
    expected = sorted(front_of(space))
    assert [point.cycles for point in front.points] == [cycles for _, cycles in expected]
    assert [point.energy_pj for point in front.points] == pytest.approx([energy for energy, _ in expected], rel=1e-12)


def test_the_ends_are_what_map_finds() -> None:
    front = al.pareto(conv(), MACHINE)
    assert front.points[0].energy_pj == al.map(conv(), MACHINE, objective="energy").energy_pj
    assert front.points[-1].cycles == al.map(conv(), MACHINE, objective="latency").cycles
    assert al.evaluate(conv(), MACHINE, front.points[0].mapping).energy_pj == front.points[0].energy_pj


def test_it_is_kept(tmp_path: Path) -> None:
    first, second = (al.pareto(conv(), MACHINE, cache=tmp_path) for _ in range(2))
    assert (first.cached, second.cached) == (False, True)
    assert first.to_dict() == second.to_dict()
    (path,) = tmp_path.rglob("*.json")
    path.write_text("broken")
    assert not al.pareto(conv(), MACHINE, cache=tmp_path).cached


def test_it_may_be_incomplete(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(NoMappingError) as caught:
        al.pareto(conv(), MACHINE, stop=stop, cache=tmp_path)
    assert caught.value.unmapped[0].missing is Missing.NOT_FOUND
    assert not list(tmp_path.rglob("*.json"))


def test_nothing_fits() -> None:
    with pytest.raises(NoMappingError, match="level 'GLB' is too small"):
        al.pareto(conv(), MACHINE.with_level("GLB", size_bits=2 * 16))


def test_only_level_cuts() -> None:
    with pytest.raises(InputError, match="level cuts and without padding only"):
        al.pareto(conv(), MACHINE, cuts="free")
