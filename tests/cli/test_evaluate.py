"""`archloom evaluate`: every way to name its inputs, and everything it can put out."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import archloom as al
from archloom.mapping.text import parse

Archloom = Callable[..., Any]


@pytest.fixture
def expected(folder: Path) -> dict[str, Any]:
    spec = al.load("all.yaml")
    assert spec.workload
    assert spec.architecture
    assert spec.mapping
    return al.evaluate(spec.workload, spec.architecture, spec.mapping).to_dict()


@pytest.mark.parametrize(
    "arguments",
    [
        ("all.yaml",),
        ("layer.yaml", "machine.yaml", "mapping.yaml"),
        ("mapping.yaml", "layer.yaml", "machine.yaml"),
        ("layer.yaml", "machine.yaml", "mapping.nest"),
        ("layer.yaml", "machine.yaml", "--mapping", "mapping.yaml"),
        ("layer.yaml", "machine.yaml", "--mapping", "mapping.nest"),
        ("layer.yaml", "--arch", "machine.yaml", "--mapping", "mapping.yaml"),
    ],
)
def test_json_is_the_evaluation_and_nothing_else(
    archloom: Archloom, expected: dict[str, Any], arguments: tuple[str, ...]
) -> None:
    done = archloom("evaluate", *arguments, "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == expected


def test_the_report(archloom: Archloom) -> None:
    done = archloom("evaluate", "all.yaml")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("my_layer on my_machine\nO[m,p] += W[m,c,r] * I[c,p+r]\n")
    for section in ("Latency", "Energy", "Traffic and reuse", "Machine", "Loop nest"):
        assert f"\n{section}\n" in done.out
    assert max(map(len, done.out.split("\n"))) <= 100


def test_set_changes_the_numbers(archloom: Archloom, expected: dict[str, Any]) -> None:
    more = json.loads(archloom("evaluate", "all.yaml", "--json", "--set", "levels.DRAM.energy=400 pJ").out)
    assert more["levels"][0]["energy_pj"] == 2 * expected["levels"][0]["energy_pj"]
    slow = archloom("evaluate", "all.yaml", "--json", "--set", "levels.DRAM.shared_bandwidth=0.01 words/cycle")
    assert json.loads(slow.out)["bound_by"] == "DRAM"


def test_drain_reads_adds_reads(archloom: Archloom, expected: dict[str, Any]) -> None:
    drained = json.loads(archloom("evaluate", "all.yaml", "--json", "--drain-reads").out)
    before, after = (levels[-1]["tensors"]["O"]["reads"] for levels in (expected["levels"], drained["levels"]))
    assert after > before


def test_machines_and_layers_of_the_zoo(archloom: Archloom, folder: Path) -> None:
    layer = al.load_network("resnet18").layer("conv1").workload
    machine = al.load_architecture("tiny")
    loops = tuple(al.Loop(dim, bound) for dim, bound in layer.bounds.items() if bound > 1)
    tensors = frozenset(tensor.name for tensor in layer.tensors)
    nests = [
        al.LevelNest(level.name, keep=frozenset(t.name for t in layer.tensors if level.must_keep(t)))
        for level in machine.levels
    ]
    nests[-1] = al.LevelNest(machine.levels[-1].name, loops, keep=tensors)
    from archloom.mapping.text import render

    (folder / "zoo.nest").write_text(render(al.Mapping(tuple(nests)), layer, machine), "utf-8")
    arguments = ("--arch", "tiny", "--layer", "resnet18:conv1", "--mapping", "zoo.nest", "--json")
    done = archloom("evaluate", *arguments)
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["macs"] == layer.macs
    assert json.loads(archloom("evaluate", "tiny", *arguments[2:]).out)["macs"] == layer.macs


@pytest.mark.parametrize("flags", [(), ("--timeloop",)])
def test_timeloop_files_are_recognised(archloom: Archloom, flags: tuple[str, ...]) -> None:
    done = archloom("evaluate", "timeloop.yaml", "--json", *flags)
    assert done.code == 0, done.err
    assert json.loads(done.out)["macs"] == 128


def test_set_works_on_timeloop_files(archloom: Archloom) -> None:
    done = archloom("evaluate", "timeloop.yaml", "--json", "--set", "levels.buffer.energy=3 pJ")
    assert json.loads(done.out)["levels"][1]["energy_pj"] > 0


def test_files_of_every_kind(archloom: Archloom, folder: Path, expected: dict[str, Any]) -> None:
    outs = [f"new/r{suffix}" for suffix in (".html", ".svg", ".csv", ".json", ".nest")]
    done = archloom("evaluate", "all.yaml", *(word for out in outs for word in ("--out", out)))
    assert done.code == 0
    assert "my_layer" in done.out
    new = folder / "new"
    assert (new / "r.html").read_text("utf-8").startswith("<!doctype html>")
    assert ElementTree.parse(new / "r.svg").getroot().tag.endswith("svg")
    rows = list(csv.DictReader((new / "r.csv").read_text("utf-8").splitlines()))
    assert sum(float(row["energy_pj"]) for row in rows) == pytest.approx(expected["energy_pj"])
    assert json.loads((new / "r.json").read_text("utf-8")) == expected
    spec = al.load("all.yaml")
    assert spec.workload
    assert spec.architecture
    assert parse((new / "r.nest").read_text("utf-8"), spec.workload, spec.architecture) == spec.mapping
    assert sorted(path.name for path in new.iterdir()) == ["r.csv", "r.html", "r.json", "r.nest", "r.svg"]


def test_files_are_replaced_only_when_asked(archloom: Archloom, folder: Path) -> None:
    (folder / "r.csv").write_text("precious", "utf-8")
    done = archloom("evaluate", "all.yaml", "--out", "r.csv", "--out", "r.svg")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: r.csv: the file exists already (give --force to replace it)\n"
    assert (folder / "r.csv").read_text("utf-8") == "precious"
    assert not (folder / "r.svg").exists()
    assert archloom("evaluate", "all.yaml", "--out", "r.csv", "--force").code == 0
    assert (folder / "r.csv").read_text("utf-8").startswith("level,")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "r.pdf"), "error: r.pdf: cannot write a .pdf (expected one of: .html, .svg, .csv, .json, .nest)\n"),
        (
            ("--out", "r"),
            "error: r: cannot write a file without suffix (expected one of: .html, .svg, .csv, .json, .nest)\n",
        ),
        (("--out", "layer.yaml/r.csv"), "error: layer.yaml/r.csv: cannot write the file: "),
    ],
)
def test_files_that_cannot_be_written(archloom: Archloom, arguments: tuple[str, ...], message: str) -> None:
    done = archloom("evaluate", "all.yaml", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(message)


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            (),
            [
                "no workload is given (expected a file with a section 'workload', or --layer NETWORK:LAYER)",
                "no architecture is given (expected a file with a section 'architecture', or --arch NAME)",
                "no mapping is given (expected a file with a section 'mapping', or --mapping FILE)",
            ],
        ),
        (
            ("layer.yaml", "machine.yaml"),
            ["no mapping is given (expected a file with a section 'mapping', or --mapping FILE)"],
        ),
        (
            ("mapping.nest",),
            [
                "no workload is given (expected a file with a section 'workload', or --layer NETWORK:LAYER)",
                "no architecture is given (expected a file with a section 'architecture', or --arch NAME)",
            ],
        ),
        (("all.yaml", "mapping.nest"), ["mapping.nest: a second mapping is given (the other files hold one already)"]),
        (("layer.yaml", "mapping.nest", "b.nest"), ["b.nest: a second loop nest is given (the first is mapping.nest)"]),
        (("al.yaml",), ["al.yaml: no such file (did you mean 'all.yaml'?)"]),
        (
            ("--layer", "conv1"),
            ["--layer: 'conv1' does not name a layer (expected NETWORK:LAYER, such as resnet18:conv1)"],
        ),
        (("--layer", "resnet18:conv"), ["the network 'resnet18' has no layer 'conv' (did you mean 'conv1'?)"]),
        (
            ("timeloop.yaml", "--arch", "tiny"),
            ["--arch cannot be combined with Timeloop files (convert them first: archloom convert FILES --to native)"],
        ),
    ],
)
def test_what_is_missing_or_too_much(archloom: Archloom, arguments: tuple[str, ...], lines: list[str]) -> None:
    done = archloom("evaluate", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [f"error: {line}" for line in lines]


def test_faults_show_their_line(archloom: Archloom, folder: Path) -> None:
    (folder / "bad.nest").write_text(
        (folder / "mapping.nest").read_text("utf-8").replace("for r in 0..3", "\tfor rr in 0..3"), "utf-8"
    )
    done = archloom("evaluate", "layer.yaml", "machine.yaml", "bad.nest")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: bad.nest:10:8: 'rr' is not a dimension of 'my_layer' (did you mean 'r'?)\n"
        "    10 |    for rr in 0..3\n"
        "       |        ^\n"
    )


def test_faults_of_all_yaml_files_come_together(archloom: Archloom, folder: Path) -> None:
    (folder / "layer.yaml").write_text("workload:\n  einsum: O[m] += I[k\n  bounds: {m: 4, k: -1}\n", "utf-8")
    (folder / "machine.yaml").write_text("architecture:\n  nam: x\n  levels: []\n", "utf-8")
    done = archloom("evaluate", "layer.yaml", "machine.yaml", "mapping.yaml")
    assert done.code == 2
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) >= 3
    assert any(line.startswith("error: layer.yaml:") for line in errors)
    assert any(line.startswith("error: machine.yaml:2:3: ") for line in errors)


def test_a_mapping_that_does_not_fit_is_infeasible(archloom: Archloom) -> None:
    done = archloom("evaluate", "all.yaml", "--json", "--set", "levels.RF.size=1 words")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("infeasible: level 'RF': capacity: the tiles need ")


def test_hostile_names_do_not_reach_the_terminal(archloom: Archloom, folder: Path) -> None:
    text = (folder / "all.yaml").read_text("utf-8").replace("my_layer", '"\\e[31mred\\a"')
    (folder / "all.yaml").write_text(text, "utf-8")
    for verb in ("evaluate", "check"):
        done = archloom(verb, "all.yaml")
        assert "\x1b" not in done.out + done.err
        assert "\x07" not in done.out + done.err


def test_verbose_tells_the_time(archloom: Archloom) -> None:
    done = archloom("evaluate", "all.yaml", "--verbose")
    assert done.code == 0
    assert done.err.startswith("read in ")
