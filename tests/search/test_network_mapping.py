"""Totals of a mapped network, and the bound on the network as a whole."""

from __future__ import annotations

import json
import math
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.search.mapping_cases import MACHINE, NETWORK

import archloom as al
from archloom.search.events import gap_of
from archloom.search.network_mapping import NetworkMapping


@pytest.fixture(scope="module")
def mapped() -> dict[str, NetworkMapping]:
    return {
        what: al.map(NETWORK, MACHINE, objective=what, cache=False) for what in ("energy", "latency", "edp", "ed2p")
    }


def test_totals(mapped: dict[str, NetworkMapping]) -> None:
    found = mapped["edp"]
    one, two, three = found.layers
    assert found.macs == NETWORK.macs == one.evaluation.macs + 3 * two.evaluation.macs + three.evaluation.macs
    assert found.cycles == one.evaluation.cycles + 3 * two.evaluation.cycles + three.evaluation.cycles
    assert found.energy_pj == math.fsum(layer.count * layer.evaluation.energy_pj for layer in found.layers)
    assert found.edp == found.energy_pj * found.cycles
    assert found.utilization == found.macs / (8 * found.cycles)
    assert found.area_um2 == 10.0
    assert list(found.energy_by_level) == ["DRAM", "GLB", "RF", "MAC"]
    assert sum(found.energy_by_level.values()) == pytest.approx(found.energy_pj, rel=1e-12)


def test_traffic(mapped: dict[str, NetworkMapping]) -> None:
    """What goes over the outermost memory, in bits: at least every word once, where nothing is held twice."""
    moved = mapped["energy"].outer_traffic_bits
    words = {"weight": 0, "input": 0, "output": 0}
    for layer in mapped["energy"].layers:
        for tensor in layer.workload.tensors:
            words[tensor.role] += 16 * layer.count * layer.workload.words(tensor)
    assert moved["weight"]["write"] == moved["input"]["write"] == 0
    assert moved["weight"]["read"] >= words["weight"]
    assert moved["input"]["read"] >= words["input"]
    assert moved["output"]["write"] >= words["output"]


@pytest.mark.parametrize("what", ["energy", "latency"])
def test_sums_are_proven_as_a_whole(mapped: dict[str, NetworkMapping], what: str) -> None:
    assert mapped[what].finished
    assert mapped[what].objective == pytest.approx(mapped[what].bound, rel=1e-12)
    assert mapped[what].gap == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("what", ["edp", "ed2p"])
def test_no_choice_of_mappings_beats_the_bound_of_a_product(mapped: dict[str, NetworkMapping], what: str) -> None:
    """The bound holds for every choice of one point of each layer's front of energy and latency."""
    found = mapped[what]
    fronts = [al.pareto(layer.workload, MACHINE).points for layer in NETWORK.layers]
    counts = [layer.count for layer in NETWORK.layers]
    values = [
        found.options.objective.value(
            sum(n * point.energy_pj for n, point in zip(counts, chosen, strict=True)),
            sum(n * point.cycles for n, point in zip(counts, chosen, strict=True)),
        )
        for chosen in product(*fronts)
    ]
    assert 0 < found.bound <= min(values)
    assert min(values) <= found.objective * (1 + 1e-12)


def test_a_layer_alone_has_its_own_bound() -> None:
    found = al.map(NETWORK.layers[0].workload, MACHINE)
    assert found.bound == found.objective == found.layers[0].objective
    assert found.gap == 0


def test_plain_values(mapped: dict[str, NetworkMapping]) -> None:
    plain = json.loads(json.dumps(mapped["edp"].to_dict(), allow_nan=False))
    assert plain["network"] == "three"
    assert plain["options"]["objective"] == "edp"
    assert plain["totals"]["cycles"] == mapped["edp"].cycles
    assert [layer["name"] for layer in plain["layers"]] == ["first", "second", "third"]
    first: dict[str, Any] = plain["layers"][0]
    assert first["bounds"] == {"m": 4, "c": 4, "p": 6, "r": 3}
    assert first["evaluation"] == mapped["edp"].layers[0].evaluation.to_dict()
    assert [level["level"] for level in first["mapping"]["levels"]] == ["DRAM", "GLB", "RF"]
    assert first["steps"][-1]["objective"] == first["objective"]


@given(st.floats(0, 1e300), st.floats(0, 1))
def test_gaps(objective: float, share: float) -> None:
    gap = gap_of(objective, objective * share)
    assert 0 <= gap <= 1
    assert gap_of(objective, objective) == 0
    assert gap_of(math.inf, objective) == 1
    assert gap_of(math.inf, math.inf) == 0


def test_notebooks_and_files(mapped: dict[str, NetworkMapping], tmp_path: Any) -> None:
    assert "three" in (mapped["edp"]._repr_html_() or "")
    assert mapped["edp"].layers[0]._repr_html_()
    written = mapped["edp"].save(tmp_path / "saved")
    assert {path.name for path in written} == {path.name for path in (tmp_path / "saved").iterdir()}
    for path in written:
        if path.name.endswith(".timeloop.yaml") or path.name == "manifest.json":
            continue
        spec = al.load(str(path))
        layer = mapped["edp"].layer(spec.workload.name if spec.workload else "")
        assert spec.workload and spec.architecture and spec.mapping
        assert al.evaluate(spec.workload, spec.architecture, spec.mapping).to_dict() == layer.evaluation.to_dict()
