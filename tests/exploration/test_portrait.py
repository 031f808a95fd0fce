"""Portraits: a design's networks at the recorded mappings cost what the study says they do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archloom.errors import ArchloomError
from archloom.exploration.explore import explore
from archloom.exploration.portrait import baseline_values, portrait_of
from archloom.exploration.rebuild import request_of
from archloom.exploration.request import Request
from archloom.exploration.study import Study
from archloom.exploration.verdicts import records_of

SPACE = """\
explore:
  networks:
    - {workload: {name: one, gemm: {M: 8, N: 4, K: 8}}}
    - {workload: {name: two, gemm: {M: 4, N: 4, K: 4}}}
  parameters:
    levels.GLB.size: [1 KiB, 4 KiB]
    lanes: [1, 4]
    array.x: [1, 2]
    array.y: 4 // lanes
    levels.GLB.leak: [0, 1 pJ/cycle]
  objectives: [energy]
architecture:
  name: two_levels
  clock: 1 GHz
  variables: {lanes: 2}
  levels:
    - {name: DRAM, energy: 200 pJ, shared_bandwidth: 4 words/cycle}
    - {name: GLB, size: 3 * 8192 bit, energy: {read: 6 pJ, write: 7 pJ}, area: 0.1 mm2, fanout: {x: lanes, y: 2}}
    - {name: RF, size: 8 words, energy: 1 pJ, area: 500 um2}
  compute: {name: MAC, energy: 0.5 pJ, area: 1000 um2}
"""


@pytest.fixture
def case(tmp_path: Path) -> tuple[Study, Request, dict[str, Any]]:
    study = explore(None, SPACE, folder=tmp_path / "study")
    request, best = request_of(study.manifest["inputs"]), study.best()
    assert request is not None
    assert best is not None
    return study, request, best


def test_a_portrait_costs_what_the_study_says(case: tuple[Study, Request, dict[str, Any]]) -> None:
    study, request, best = case
    (design,) = request.space.unflat([best["position"]])
    records = records_of(study.mappings([best["design"]])[best["design"]])
    base = study.get("baseline")
    for row, portrait in (
        (best, portrait_of(request, "best", records, design)),
        (base, portrait_of(request, "baseline", records_of(base["mapping"]))),
    ):
        assert [network.name for network in portrait.networks] == ["one", "two"]
        for network in portrait.networks:
            assert sum(layer.count * layer.evaluation.energy_pj for layer in network.layers) == pytest.approx(
                row[f"energy_pj@{network.name}"]
            )
            assert network.cycles == row[f"cycles@{network.name}"]
        total = sum(row[f"energy_pj@{network.name}"] for network in portrait.networks)
        assert sum(portrait.energy_by_level.values()) == pytest.approx(total)
        assert sum(portrait.area_by_level.values()) * 1e-6 == pytest.approx(row["area_mm2"])
        assert list(portrait.area_by_level) == ["GLB", "RF", "MAC"]


def test_records_of_another_study_are_refused(case: tuple[Study, Request, dict[str, Any]]) -> None:
    study, request, best = case
    records = records_of(study.mappings([best["design"]])[best["design"]])
    with pytest.raises((ArchloomError, ValueError)):
        portrait_of(request, "best", records[:1])


def test_the_baseline_has_the_values_of_its_file(case: tuple[Study, Request, dict[str, Any]]) -> None:
    _, request, _ = case
    assert baseline_values(request) == {"levels.GLB.size": "3 KiB", "lanes": "2", "array.x": "2", "array.y": "2"}


def test_only_the_mappings_that_are_asked_for(case: tuple[Study, Request, dict[str, Any]]) -> None:
    study, _, best = case
    assert list(study.mappings([best["design"], 10**6])) == [best["design"]]
    assert study.mappings([]) == {}
