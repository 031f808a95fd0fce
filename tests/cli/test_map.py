"""`archloom map`: the best mappings with their proofs, to read, as JSON and as files that other commands read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archloom.cli.mapping_inputs import read_objective, read_seconds
from archloom.errors import InputError
from archloom.search.objective import objective_of

Archloom = Callable[..., Any]

NETWORK = """\
network:
  name: my_net
  layers:
    - {name: one, einsum: "O[m,p] += W[m,c,r] * I[c,p+r]", bounds: {m: 4, c: 4, p: 6, r: 3}}
    - {name: two, gemm: {M: 8, N: 4, K: 6}, count: 3}
"""
RULES = """\
constraints:
  - {level: GLB, x: {dims: [filters]}, y: {dims: [pixels]}}
"""


@pytest.fixture(autouse=True)
def network(folder: Path) -> None:
    (folder / "net.yaml").write_text(NETWORK, "utf-8")
    (folder / "rules.yaml").write_text(RULES, "utf-8")


def test_a_layer_and_a_machine_in_files(archloom: Archloom) -> None:
    done = archloom("map", "layer.yaml", "machine.yaml")
    assert (done.code, done.err) == (0, "")
    for words in (
        "my_layer on my_machine",
        "best EDP, proven",
        "MACs per cycle",
        "Traffic of DRAM",
        "Best mapping of my_layer",
    ):
        assert words in done.out
    assert max(map(len, done.out.split("\n"))) <= 100


def test_a_network(archloom: Archloom) -> None:
    done = archloom("map", "net.yaml", "machine.yaml", "-j", "1")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("my_net on my_machine\n4 layers, 2 of them distinct, 864 MACs\n")
    assert "What costs most" in done.out
    assert "Best mapping of" not in done.out
    assert "Best mapping of two" in archloom("map", "net.yaml", "machine.yaml", "-j", "1", "--verbose").out


def test_numbers_as_json_are_those_of_evaluate(archloom: Archloom, folder: Path) -> None:
    done = archloom("map", "net.yaml", "machine.yaml", "--json", "--out", "saved", "-j", "1")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert found["totals"]["finished"] is True
    assert found["totals"]["gap"] < 1
    for number, layer in enumerate(found["layers"], start=1):
        again = archloom("evaluate", f"saved/{number:02d}-{layer['name']}.yaml", "--json")
        assert again.code == 0
        assert json.loads(again.out) == layer["evaluation"]
        assert layer["objective"] == layer["bound"] == layer["evaluation"]["energy_pj"] * layer["evaluation"]["cycles"]
        assert int(layer["space_size"]) > 1000
    energies = [layer["count"] * layer["evaluation"]["energy_pj"] for layer in found["layers"]]
    assert found["totals"]["energy_pj"] == pytest.approx(sum(energies), rel=1e-12)
    assert found["totals"]["energy_pj"] == pytest.approx(sum(found["totals"]["energy_by_level_pj"].values()), rel=1e-12)


def test_saved_mappings_are_read_by_timeloops_front_end_too(archloom: Archloom, folder: Path) -> None:
    (folder / "gemm.yaml").write_text(
        'workload: {name: g, einsum: "Z[M,N] += A[M,K] * B[K,N]", bounds: {M: 8, N: 4, K: 6}}\n', "utf-8"
    )
    assert archloom("map", "gemm.yaml", "machine.yaml", "--out", "saved").code == 0
    names = sorted(path.name for path in (folder / "saved").iterdir())
    assert names == ["01-g.timeloop.yaml", "01-g.yaml", "manifest.json"]
    native, theirs = (json.loads(archloom("evaluate", f"saved/{name}", "--json").out) for name in (names[1], names[0]))
    assert native["energy_pj"] == theirs["energy_pj"]
    assert native["cycles"] == theirs["cycles"]
    manifest = json.loads((folder / "saved" / "manifest.json").read_text("utf-8"))
    assert manifest["layers"][0]["files"] == {"native": "01-g.yaml", "timeloop": "01-g.timeloop.yaml"}


def test_what_timeloop_cannot_express_is_said(archloom: Archloom, folder: Path) -> None:
    archloom("map", "layer.yaml", "machine.yaml", "--set", "levels.GLB.fanout.reshapeable=true", "--out", "saved")
    manifest = json.loads((folder / "saved" / "manifest.json").read_text("utf-8"))
    assert manifest["layers"][0]["files"] == {"native": "01-my_layer.yaml"}
    assert "its fanout is reshapeable" in manifest["layers"][0]["no_timeloop_file"][0]


def test_files_of_all_kinds(archloom: Archloom, folder: Path) -> None:
    outputs = [part for name in ("a.json", "a.csv", "a.html", "a.parquet") for part in ("--out", name)]
    done = archloom("map", "net.yaml", "machine.yaml", "-j", "1", *outputs, "--parquet", "b.parquet")
    assert (done.code, done.err) == (0, "")
    import polars

    frame = polars.read_parquet(folder / "a.parquet")
    assert frame.equals(polars.read_parquet(folder / "b.parquet"))
    assert frame["layer"].to_list() == ["one", "two"]
    assert frame["finished"].to_list() == [True, True]
    assert (folder / "a.csv").read_text("utf-8").count("my_machine") == 2
    assert json.loads((folder / "a.json").read_text("utf-8"))["network"] == "my_net"
    page = (folder / "a.html").read_text("utf-8")
    assert "archloom map net.yaml machine.yaml" in page


def test_results_are_not_lost_after_a_long_search(archloom: Archloom, folder: Path) -> None:
    """What cannot be written is said before the search, all at once."""
    (folder / "there.csv").write_text("mine")
    (folder / "full").mkdir()
    (folder / "full" / "file").write_text("")
    done = archloom(
        "map",
        "net.yaml",
        "machine.yaml",
        "-o",
        "there.csv",
        "-o",
        "full",
        "-o",
        "x.pdf",
        "-o",
        "layer.yaml",
        "-o",
        "new",
    )
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "error: there.csv: the file exists already (give --force to replace it)",
        "error: full: the folder is not empty (give --force to write into it)",
        "error: x.pdf: cannot write a .pdf (expected a folder, or one of: .html, .csv, .json, .parquet)",
        "error: layer.yaml: cannot write a .yaml (expected a folder, or one of: .html, .csv, .json, .parquet)",
    ]
    assert archloom("map", "net.yaml", "machine.yaml", "-j", "1", "-o", "there.csv", "--force").code == 0
    assert "my_machine" in (folder / "there.csv").read_text("utf-8")


def test_a_machine_brings_its_rules(archloom: Archloom) -> None:
    """The zoo's machines have a dataflow, which is kept to unless told otherwise."""
    own, none = (
        json.loads(archloom("map", "resnet18:layer4.0.downsample", "--arch", "eyeriss", "--json", *more).out)["layers"][
            0
        ]
        for more in ((), ("--no-constraints",))
    )
    assert int(own["space_size"]) < int(none["space_size"])
    assert own["objective"] >= none["objective"]


def test_rules_from_a_file(archloom: Archloom) -> None:
    def layer(*more: str) -> dict[str, Any]:
        return json.loads(archloom("map", "layer.yaml", "machine.yaml", "--json", *more).out)["layers"][0]

    ruled = layer("--constraints", "rules.yaml")
    (glb,) = [level for level in ruled["mapping"]["levels"] if level["level"] == "GLB"]
    assert {dim for dim, _ in glb["x"]} <= {"m"}
    assert {dim for dim, _ in glb["y"]} <= {"p"}
    assert layer("rules.yaml")["objective"] == ruled["objective"]
    assert layer("rules.yaml", "--constraints", "none")["objective"] <= ruled["objective"]


def test_timeloop_files(archloom: Archloom, folder: Path) -> None:
    done = archloom("map", "timeloop.yaml", "--json")
    assert done.code == 0
    free = json.loads(done.out)["layers"][0]
    rules = "mapspace_constraints:\n  targets:\n    - {target: buffer, type: temporal, factors: K=2}\n"
    (folder / "ruled.yaml").write_text((folder / "timeloop.yaml").read_text("utf-8") + rules, "utf-8")
    ruled = json.loads(archloom("map", "ruled.yaml", "--timeloop", "--json").out)["layers"][0]
    assert int(ruled["space_size"]) < int(free["space_size"])
    (buffer,) = [level for level in ruled["mapping"]["levels"] if level["level"] == "buffer"]
    assert ["K", 2] in buffer["temporal"]
    dropped = json.loads(archloom("map", "ruled.yaml", "--no-constraints", "--json").out)["layers"][0]
    assert dropped["space_size"] == free["space_size"]


def test_set_changes_the_machine(archloom: Archloom) -> None:
    done = archloom("map", "layer.yaml", "machine.yaml", "--set", "levels.GLB.fanout.x=2", "--json")
    assert json.loads(done.out)["layers"][0]["evaluation"]["compute"]["instances"] == 4


def test_layers_without_a_mapping(archloom: Archloom) -> None:
    done = archloom(
        "map", "net.yaml", "machine.yaml", "-j", "1", "--set", "levels.GLB.keep=all", "--set", "levels.GLB.size=4 B"
    )
    assert (done.code, done.out) == (1, "")
    first, second = done.err.splitlines()[-2:]
    assert first.startswith("infeasible: layer 'one': level 'GLB' is too small: even the smallest tiles it has to hold")
    assert second.startswith("layer 'two': level 'GLB' is too small")


def test_the_others_are_shown(archloom: Archloom, folder: Path) -> None:
    (folder / "odd_net.yaml").write_text(NETWORK + "    - {name: odd, gemm: {M: 5, N: 7, K: 1}}\n", "utf-8")
    (folder / "odd.yaml").write_text("constraints:\n  - {level: GLB, spatial: {factors: {filters: 4}}}\n", "utf-8")
    done = archloom("map", "odd_net.yaml", "machine.yaml", "odd.yaml", "-j", "1")
    assert done.code == 1
    assert "infeasible: layer 'odd': " in done.err
    assert "none exists" in done.out
    assert "best EDP" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "error: nothing to map (expected a network, such as resnet18, and --arch NAME)"),
        (
            ("net.yaml",),
            "error: no architecture is given (expected --arch NAME, or a file with a section 'architecture')",
        ),
        (
            ("resnet18",),
            "error: no architecture is given (expected --arch NAME, or a file with a section 'architecture')",
        ),
        (("machine.yaml",), "error: no network is given (expected a network of the zoo, such as resnet18, or a file)"),
        (
            ("resnet81", "--arch", "eyeriss"),
            "error: no such file, and no network 'resnet81' in the zoo (did you mean 'resnet18'?)",
        ),
        (
            ("resnet18:fcc", "--arch", "eyeriss"),
            "error: the network 'resnet18' has no layer 'fcc' (did you mean 'fc'?)",
        ),
        (
            ("resnet18", "vgg16", "--arch", "eyeriss"),
            "error: a second network 'vgg16' is given; the first is 'resnet18'",
        ),
        (("resnet18", "--arch", "eyeris"), "(did you mean 'eyeriss'?)"),
        (("net.yaml", "machine.yaml", "--objective", "edb"), "error: unknown objective 'edb' (did you mean 'edp'?)"),
        (
            ("net.yaml", "machine.yaml", "--objective", "energy=much"),
            "error: --objective: 'energy=much' is no weight (expected such as energy=1,latency=0.5)",
        ),
        (
            ("net.yaml", "machine.yaml", "--time-limit", "soon"),
            "error: --time-limit: 'soon' is no time (expected such as 60s, 5min or 1h)",
        ),
        (("net.yaml", "machine.yaml", "--cuts", "fre"), "error: unknown cuts 'fre' (did you mean 'free'?)"),
        (
            ("net.yaml", "machine.yaml", "--strategy", "genetik"),
            "error: unknown strategy 'genetik' (did you mean 'genetic'?)",
        ),
        (("net.yaml", "machine.yaml", "--constraints", "nope.yaml"), "error: nope.yaml: no such file"),
        (
            ("net.yaml", "machine.yaml", "--constraints", "layer.yaml"),
            "error: layer.yaml: the file has no section 'constraints'",
        ),
        (("timeloop.yaml", "--arch", "eyeriss"), "error: --arch cannot be combined with Timeloop files"),
    ],
)
def test_mistakes(archloom: Archloom, arguments: tuple[str, ...], message: str) -> None:
    done = archloom("map", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.startswith("error: ")


def test_outputs_that_cannot_be_written_are_known_before(archloom: Archloom, folder: Path) -> None:
    (folder / "file").write_text("")
    for command in (
        ("map", "layer.yaml", "machine.yaml"),
        ("compare", "layer.yaml", "--arch", "tiny", "--arch", "eyeriss"),
    ):
        done = archloom(*command, "-o", "file/x.html", "-o", "file/deep/x.json")
        assert (done.code, done.out) == (2, "")
        assert done.err.splitlines() == [
            "error: file/x.html: cannot write the file: file is no folder",
            "error: file/deep/x.json: cannot write the file: file is no folder",
        ]
    assert archloom("map", "layer.yaml", "machine.yaml", "-o", "file/saved").code == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_folders_without_permission(archloom: Archloom, folder: Path) -> None:
    (folder / "shut").mkdir(mode=0o500)
    done = archloom("map", "layer.yaml", "machine.yaml", "--parquet", "shut/a.parquet")
    assert done.code == 2
    assert "cannot write the file: nothing may be written into the folder shut" in done.err


def test_times_and_objectives() -> None:
    assert [read_seconds(text) for text in (None, "60", "60s", "5min", "1.5 h", ".5m")] == [None, 60, 60, 300, 5400, 30]
    for text in ("", "s", "-3", "0", "5 parsecs", "1e3"):
        with pytest.raises(InputError, match="is no time"):
            read_seconds(text)
    assert read_objective("EDP") == "edp"
    assert read_objective("energy=1, latency=0.5") == {"energy": 1.0, "latency": 0.5}
    assert objective_of(read_objective("energy=1,latency=0.5")).value(10.0, 4.0) == 12.0


def test_fronts(archloom: Archloom) -> None:
    done = archloom("map", "net.yaml", "machine.yaml", "--pareto", "--json")
    assert (done.code, done.err) == (0, "")
    one, two = json.loads(done.out)
    assert (one["workload"], two["workload"]) == ("one", "two")
    for front in (one, two):
        assert front["finished"] is True
        energies = [point["energy_pj"] for point in front["points"]]
        cycles = [point["cycles"] for point in front["points"]]
        assert energies == sorted(energies)
        assert cycles == sorted(cycles, reverse=True)
    for objective, key in (("energy", "energy_pj"), ("latency", "cycles")):
        found = json.loads(
            archloom("map", "net.yaml", "machine.yaml", "-j", "1", "--objective", objective, "--json").out
        )
        for layer, front in zip(found["layers"], (one, two), strict=True):
            assert layer["objective"] == min(point[key] for point in front["points"])
    shown = archloom("map", "net.yaml", "machine.yaml", "--pareto")
    assert "no mapping beats any of them in both" in shown.out or "one point" in shown.out


def test_a_front_needs_level_cuts(archloom: Archloom) -> None:
    done = archloom("map", "net.yaml", "machine.yaml", "--pareto", "--padding")
    assert done.code == 2
    assert "fronts are found with level cuts and without padding only" in done.err


def test_the_second_time_is_remembered(archloom: Archloom) -> None:
    first = json.loads(archloom("map", "layer.yaml", "machine.yaml", "--json").out)["layers"][0]
    second = json.loads(archloom("map", "layer.yaml", "machine.yaml", "--json").out)["layers"][0]
    assert (first["cached"], second["cached"]) == (False, True)
    assert {**first, "cached": True} == second
    assert not json.loads(archloom("map", "layer.yaml", "machine.yaml", "--json", "--no-cache").out)["layers"][0][
        "cached"
    ]


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONUTF8": "1", **changes}


def test_json_is_pure_in_a_process_of_its_own(process: Archloom) -> None:
    done = process("map", "net.yaml", "machine.yaml", "--json", "--jobs", "2")
    assert done.code == 0
    assert json.loads(done.out)["network"] == "my_net"


def test_plain_terminals(process: Archloom) -> None:
    done = process("map", "net.yaml", "machine.yaml", PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert done.code == 0
    assert done.out.isascii()
    narrow = process("map", "net.yaml", "machine.yaml", COLUMNS="80")
    assert max(map(len, narrow.out.split("\n"))) <= 80


def test_interrupted_it_shows_what_is_done(folder: Path) -> None:
    """Ctrl-C once: the layers that are done are printed and kept, and the exit code says that it was interrupted."""
    large = "network:\n  layers:\n    - {name: easy, gemm: {M: 2, N: 2, K: 2}}\n    - {name: hard, gemm: {M: 7200, N: 7200, K: 7200}}\n"
    (folder / "large.yaml").write_text(large, "utf-8")
    command = [sys.executable, "-m", "archloom", "map", "large.yaml", "machine.yaml", "-j", "1"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), cwd=folder
    ) as process:
        try:
            cache = Path(os.environ["ARCHLOOM_CACHE"])
            ends = time.monotonic() + 60
            while not list(cache.rglob("*.json")) and time.monotonic() < ends:
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "stopping; Ctrl-C again: at once" in err
    assert "easy" in out
    assert "Traceback" not in err
    assert list(cache.rglob("*.json"))
