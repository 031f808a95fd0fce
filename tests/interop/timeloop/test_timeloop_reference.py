"""Files of other projects, where they are at hand: 21 dense exercises, four designs, and the layers of three networks."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from archloom.interop.timeloop import TimeloopInput, load, load_problem
from archloom.model.evaluate import evaluate

pytestmark = pytest.mark.filterwarnings("ignore::archloom.interop.timeloop.TimeloopWarning")

DESIGNS = ("eyeriss_like", "simba_like", "simple_output_stationary", "simple_weight_stationary")


def differences(given: TimeloopInput, expected: dict[str, Any]) -> list[str]:
    assert given.mapping is not None
    found = evaluate(given.workload, given.architecture, given.mapping).to_dict()
    levels = {level["name"]: level for level in expected["levels_inner_to_outer"]}
    wrong = [] if found["cycles"] == expected["summary"]["cycles"] else ["cycles"]
    for level in found["levels"]:
        theirs = levels[level["name"]]
        for name, tensor in level["tensors"].items():
            ours = [tensor["reads"], tensor["fills"], tensor["updates"], tensor["tile_words"]]
            if ours != [theirs[key][name] for key in ("reads", "fills", "updates", "utilized_capacity")]:
                wrong.append(f"{level['name']} {name}")
        if level["instances"] != theirs["instances"]:
            wrong.append(f"{level['name']} instances")
        near = math.isclose(level["energy_pj"], theirs["energy_total_pJ"], rel_tol=1e-6, abs_tol=1e-9)
        if not near:
            wrong.append(f"{level['name']} energy")
    return wrong


def test_dense_exercises(reference: Path) -> None:
    found: dict[str, list[str]] = {}
    for folder in sorted((reference / "exercises").iterdir()):
        given = load(folder / "input_expanded.yaml")
        if not any("dense tensors" in warning for warning in given.warnings):
            found[folder.name] = differences(given, json.loads((folder / "expected.json").read_text("utf-8")))
    assert len(found) == 21
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("from_template", [True, False])
def test_designs(reference: Path, design: str, from_template: bool) -> None:
    top = reference / "designs_v04"
    stored = [top / design / f"timeloop-mapper.{kind}.yaml" for kind in ("map", "ERT", "ART")]
    if from_template:
        given = load(top / "top.yaml.jinja2", *stored, variables={"architecture": design})
    else:
        parts = [*sorted((top / "_components").glob("*.yaml")), *sorted((top / "_include").glob("*.yaml"))]
        given = load(top / design / "arch.yaml", *parts, *stored)
    expected = json.loads((reference / "exercises" / f"design_{design}" / "expected.json").read_text("utf-8"))
    assert differences(given, expected) == []
    assert given.mapper["victory_condition"] == 100
    assert len(given.constraints) >= 8


def test_processed_input_is_the_same_machine(reference: Path) -> None:
    """The front end's own expansion of a design has the levels, meshes and sizes that the nodes are read as."""
    top = reference / "designs_v04"
    for design in DESIGNS:
        parts = [top / design / "arch.yaml", top / "_include" / "default_problem.yaml"]
        ours = load(*parts).architecture
        theirs = load(reference / "exercises" / f"design_{design}" / "input_expanded.yaml").architecture
        assert ours.names == theirs.names
        assert ours.instances == theirs.instances
        for one, other in zip(ours.levels, theirs.levels, strict=True):
            same = ("size_bits", "word_bits", "block", "fanout", "read_bandwidth", "write_bandwidth", "kind")
            assert [getattr(one, name) for name in same] == [getattr(other, name) for name in same]


def test_layer_shapes(reference: Path) -> None:
    top = reference / "designs_v04"
    files = sorted((top / "layer_shapes").glob("*/*.yaml"))
    assert len(files) == 45
    layers = [load_problem(file, folders=[top]) for file in files]
    assert all(layer.macs > 1 for layer in layers)
    given = load(
        top / "top.yaml.jinja2",
        variables={"architecture": "eyeriss_like", "problem": "layer_shapes/vgg16/05.yaml"},
    )
    assert given.workload == layers[files.index(top / "layer_shapes" / "vgg16" / "05.yaml")]
    assert given.mapping is None


def test_examples_are_what_the_cases_are_written_as(reference: Path, dense_cases: list[dict[str, Any]]) -> None:
    by_id = {case["id"]: case for case in dense_cases}
    files = [file for file in sorted((reference / "yaml_examples").glob("*.yaml")) if file.stem in by_id]
    assert len(files) == 17
    for file in files:
        given = load(file)
        assert given.mapping is not None
        found = evaluate(given.workload, given.architecture, given.mapping)
        assert found.cycles == by_id[file.stem]["expected"]["cycles"]
