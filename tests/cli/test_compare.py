"""`archloom compare`: machines and rules side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Archloom = Callable[..., Any]


def test_two_machines(archloom: Archloom) -> None:
    done = archloom("compare", "layer.yaml", "--arch", "machine.yaml", "--arch", "machine.yaml,levels.GLB.fanout.x=2")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "my_layer, mapped for the least EDP"
    assert lines[1:3] == ["A  machine", "B  machine GLB.fanout.x=2"]
    for words in (
        "Totals",
        "EDP of each layer, ·cycles",
        "Best for: A 1 of 1   B 0 of 1",
        "Roofline, in MACs per cycle",
        "achieved",
    ):
        assert words in done.out
    assert max(map(len, lines)) <= 100


def test_numbers(archloom: Archloom) -> None:
    done = archloom(
        "compare", "layer.yaml", "--arch", "machine.yaml", "--arch", "machine.yaml,levels.GLB.fanout.x=2", "--json"
    )
    found = json.loads(done.out)
    assert found["network"] == "my_layer"
    assert [case["label"] for case in found["cases"]] == ["machine", "machine GLB.fanout.x=2"]
    assert found["best_of_each_layer"] == {"my_layer": ["machine"]}
    alone = json.loads(archloom("map", "layer.yaml", "machine.yaml", "--json").out)
    assert found["cases"][0]["mapping"]["totals"]["edp_pj_cycles"] == alone["totals"]["edp_pj_cycles"]


def test_sets_of_rules(archloom: Archloom, folder: Path) -> None:
    (folder / "rules.yaml").write_text("constraints:\n  - {level: GLB, x: {dims: []}, y: {dims: []}}\n", "utf-8")
    done = archloom(
        "compare",
        "layer.yaml",
        "--arch",
        "machine.yaml",
        "--constraints",
        "none",
        "--constraints",
        "rules.yaml",
        "--json",
    )
    free, ruled = json.loads(done.out)["cases"]
    assert (free["label"], ruled["label"]) == ("machine, no rules", "machine, rules")
    assert ruled["mapping"]["layers"][0]["evaluation"]["compute"]["instances_used"] == 1
    assert free["mapping"]["totals"]["objective"] < ruled["mapping"]["totals"]["objective"]


def test_equal_cases(archloom: Archloom) -> None:
    done = archloom("compare", "layer.yaml", "--arch", "machine.yaml", "--arch", "machine.yaml")
    assert done.code == 0
    assert "all the same" in done.out
    assert "machine (2)" in done.out


def test_a_machine_without_a_mapping(archloom: Archloom) -> None:
    small = "machine.yaml,levels.GLB.keep=all,levels.GLB.size=4 B"
    done = archloom("compare", "layer.yaml", "--arch", "machine.yaml", "--arch", small)
    assert done.code == 1
    assert "infeasible: layer 'my_layer': level 'GLB' is too small" in done.err
    assert "no mapping" in done.out
    nothing = archloom("compare", "layer.yaml", "--arch", small, "--arch", small, "--json")
    assert (nothing.code, nothing.out) == (1, "")


def test_files(archloom: Archloom, folder: Path) -> None:
    cases = ("--arch", "machine.yaml", "--arch", "machine.yaml,levels.GLB.fanout.x=2")
    assert archloom("compare", "layer.yaml", *cases, "-o", "both.html", "-o", "both.json").code == 0
    assert "<html" in (folder / "both.html").read_text("utf-8")
    assert len(json.loads((folder / "both.json").read_text("utf-8"))["cases"]) == 2
    done = archloom("compare", "layer.yaml", *cases, "-o", "both.html", "-o", "both.pdf")
    assert done.code == 2
    assert done.err.splitlines() == [
        "error: both.html: the file exists already (give --force to replace it)",
        "error: both.pdf: cannot write a .pdf (expected one of: .html, .json)",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("layer.yaml",),
            "there is nothing to compare (expected --arch twice or more, or several --constraints for one machine)",
        ),
        (("layer.yaml", "--arch", "machine.yaml"), "there is nothing to compare"),
        (("layer.yaml", "--arch", "machine.yaml", "--arch", "eyeris"), "(did you mean 'eyeriss'?)"),
        (("layer.yaml", "--arch", "tiny", "--arch", "tiny,levels.Bufer.size=1KiB"), "Bufer"),
        (("resnet81", "--arch", "tiny", "--arch", "eyeriss"), "(did you mean 'resnet18'?)"),
    ],
)
def test_mistakes(archloom: Archloom, arguments: tuple[str, ...], message: str) -> None:
    done = archloom("compare", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
