"""Requests from manifests alone: the same machines, mappings and suite, wherever the files are by then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archloom as al
from archloom.exploration.explore import explore, manifest_of
from archloom.exploration.rebuild import request_of, tables_of
from archloom.exploration.request import Request
from archloom.exploration.space_file import load_space
from archloom.exploration.study import open_study

MACHINE = """\
variables: {lanes: 2}
architecture:
  name: priced
  node: 45 nm
  clock: 1 GHz
  components: tables/ram.yaml
  levels:
    - {name: DRAM, energy: 200 pJ}
    - {name: GLB, class: vendor_ram, size: 2 KiB, width: 32, fanout: {x: lanes, y: 2}}
  compute: {name: MAC, energy: 0.5 pJ}
constraints:
  - {level: GLB, x: {dims: [M]}}
"""
TABLE = """\
name: vendor_ram
source: the vendor's memory compiler, 2024
confidence: published
node_nm: 45
attributes: {size_bits: bit, width_bits: bit}
rows:
  - {size_bits: 8192, width_bits: 32, read_pj: 1.5, write_pj: 1.8, area_um2: 3000, leakage_mw: 0.02}
  - {size_bits: 32768, width_bits: 32, read_pj: 2.5, write_pj: 2.8, area_um2: 9000, leakage_mw: 0.05}
"""
LAYER = "workload: {name: product, gemm: {M: 4, N: 4, K: 4}}\n"
SPACE = """\
explore:
  name: away
  networks: [{network: layer.yaml, weight: 2}, {workload: {name: other, gemm: {M: 4, N: 2, K: 4}}}]
  architecture: machines/base.yaml
  parameters:
    lanes: [1, 2, 4]
    levels.GLB.size: {log2: [1 KiB, 4 KiB]}
    levels.GLB.fanout.y: 4 // lanes
  constraints: [lanes <= 2]
  objectives: [{maximise: throughput}, energy]
  mapping: {kind: best, objective: latency, given: given.yaml}
"""
GIVEN = "mapping:\n  levels:\n    - {level: DRAM, temporal: M4 N4 K4}\n    - {level: GLB}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"machines/base.yaml": MACHINE, "machines/tables/ram.yaml": TABLE, "layer.yaml": LAYER}
    for name, text in (files | {"space.yaml": SPACE, "given.yaml": GIVEN}).items():
        path = tmp_path / "here" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def there_and_back(request: Request) -> Request:
    manifest = json.loads(json.dumps(dict(manifest_of(request))))
    found = request_of(manifest["inputs"])
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["here/space.yaml", "absolute"])
def test_the_request_needs_no_files(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(folder)
    first = load_space(folder / "here/space.yaml" if name == "absolute" else name, ["levels.DRAM.energy=150 pJ"])
    (folder / "here").rename(folder / "gone")
    again = there_and_back(first)
    assert again.suite.names == first.suite.names == ("product", "other")
    assert again.suite.weights == (2.0, 1.0)
    assert (again.name, again.mapping.given) == (first.name, first.mapping.given)
    assert again.mapping.objective == first.mapping.objective
    assert (again.space.size, again.space.count()) == (first.space.size, first.space.count())
    for design in first.space.sample(np.random.default_rng(0), 4):
        assert again.machines.spec(design).architecture == first.machines.spec(design).architecture
        assert again.space.settings(design) == first.space.settings(design)
    assert again.machines.baseline.architecture == first.machines.baseline.architecture
    assert tables_of(again) == tables_of(first) == ["tables/ram.yaml"]


@pytest.mark.parametrize("changes", [{"texts": {}}, {"networks": None}, {"sets": ["levels.NOWHERE.size=1"]}])
def test_what_cannot_be_read_is_nothing(folder: Path, changes: dict[str, Any]) -> None:
    inputs = load_space(folder / "here/space.yaml").to_manifest()
    assert request_of(inputs) is not None
    assert request_of(inputs | changes) is None


def test_budgets_from_python(folder: Path) -> None:
    """What Python says beside the file is no part of the machines."""
    request = load_space(folder / "here/space.yaml", budget={"pes": 4}, objectives=["edp"])
    assert there_and_back(request).space.size == request.space.size


def test_the_winner_is_the_machine_that_was_judged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the study is read from elsewhere: the file names its tables by the paths of the base machine's file."""
    monkeypatch.chdir(folder / "here")
    plain = SPACE.replace(", given: given.yaml", "")
    Path("space.yaml").write_text(plain)
    study = explore(None, "space.yaml", folder=folder / "study", evaluations=4)
    best = study.best()
    assert best is not None
    monkeypatch.chdir(folder)
    text = open_study("study").winner_yaml()
    assert text is not None
    head, needs, *_ = text.splitlines()
    assert head == f"# away: design {best['design']}, the best in throughput"
    assert needs == "# It needs these tables of components, by paths from this file: tables/ram.yaml"
    winner = folder / "here/machines/winner.yaml"
    winner.write_text(text)
    spec = al.load(winner)
    request = load_space("here/space.yaml")
    (design,) = request.space.unflat([best["position"]])
    assert spec.architecture == request.machines.spec(design).architecture
    assert spec.architecture is not None
    assert spec.architecture.area_um2 * 1e-6 == pytest.approx(best["area_mm2"])
    assert spec.architecture.compute_instances == best["pes"]
    assert len(spec.constraints) == 1
