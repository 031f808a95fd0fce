"""`archloom explore` and `archloom report`: what is printed and written, other workers and clusters, kills and resumes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from archloom.cli import explore as explore_module
from archloom.cli import explore_progress
from archloom.cli.explore_inputs import executor_of, read_cluster_options
from archloom.cli.explore_progress import ExploreProgress, clock, step_words
from archloom.errors import InputError
from archloom.exploration.run import StudyStep
from archloom.exploration.study import open_study
from archloom.exploration.workers import Serial

Archloom = Callable[..., Any]

SPACE = """\
explore:
  name: tiny
  networks: small.yaml
  architecture: machine.yaml
  parameters:
    levels.GLB.size: {log2: [256 words, 2048 words]}
    levels.RF.size: [16 words, 24 words, 64 words]
    levels.GLB.fanout.x: [2, 4]
  constraints: [levels.GLB.size <= 1024 * word]
  objectives: [energy, latency]
  budget: {pes: 8}
  search: {strategy: grid, batch: 4}
"""


LAYER = """\
workload:
  name: small
  gemm: {M: 4, N: 2, K: 4}
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What these tests have mapped already; no test depends on it."""
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def space(folder: Path, cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHLOOM_CACHE", cache)
    monkeypatch.setattr(explore_progress, "PATIENCE_S", 600.0)
    (folder / "small.yaml").write_text(LAYER, "utf-8")
    machine = (folder / "machine.yaml").read_text("utf-8")
    (folder / "machine.yaml").write_text(machine.replace("size: 4 KiB", "size: 2048 words"), "utf-8")
    (folder / "space.yaml").write_text(SPACE.replace("1024 * word", "1024 * 16"), "utf-8")


def digests(study: Path) -> dict[str, str]:
    files = [study / "manifest.json", *sorted((study / "shards").iterdir())]
    return {str(f.relative_to(study)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def test_a_space_is_explored(archloom: Archloom, folder: Path) -> None:
    done = archloom("explore", "space.yaml", "-j", "1")
    assert done.code == 0
    assert done.err == "24 designs, 18 of them within the constraints\n"
    assert "tiny" in done.out
    frame = pl.read_parquet(folder / "tiny.study" / "shards" / "*.parquet")
    assert frame.height == 18
    assert len(list((folder / "tiny.study" / "shards").iterdir())) == 5
    study = open_study(folder / "tiny.study")
    assert study.parameters == ["levels.GLB.size", "levels.RF.size", "levels.GLB.fanout.x"]
    assert study.objectives == ["energy", "latency"]
    manifest = json.loads((folder / "tiny.study" / "manifest.json").read_text())
    assert manifest["command"] == "archloom explore space.yaml"
    assert manifest["space"] == {"size": 24, "admitted": 18}
    assert "machine.yaml" in str(manifest["inputs"]["texts"].keys())


def test_numbers_as_json(archloom: Archloom, folder: Path) -> None:
    done = archloom("explore", "space.yaml", "-j", "1", "--json", "-o", "here")
    assert done.code == 0
    said = json.loads(done.out)
    assert (said["designs"], said["feasible"], said["running"]) == (18, 18, False)
    best = said["best"]["energy"]
    frame = open_study(folder / "here").frame()
    assert best["objective:energy"] == frame["objective:energy"].min()
    again = archloom(
        "map",
        "small.yaml",
        "machine.yaml",
        "-j",
        "1",
        "--json",
        "--objective",
        "energy",
        *(f"--set=levels.{name}.size={int(best[f'p:levels.{name}.size'])} bit" for name in ("GLB", "RF")),
        f"--set=levels.GLB.fanout.x={int(best['p:levels.GLB.fanout.x'])}",
    )
    assert json.loads(again.out)["totals"]["energy_pj"] == best["energy_pj"]
    report = archloom("report", "here", "--json")
    assert (report.code, report.err) == (0, "")
    assert json.loads(report.out) == said


def test_a_study_is_reported_on(archloom: Archloom, folder: Path) -> None:
    explored = archloom("explore", "space.yaml", "-j", "1")
    shown = archloom("report", "tiny.study")
    assert (shown.code, shown.err, shown.out) == (0, "", explored.out)
    written = archloom("report", "tiny.study", "-o", "numbers.json")
    assert (written.code, written.out, written.err) == (0, "", "")
    assert json.loads((folder / "numbers.json").read_text())["designs"] == 18
    again = archloom("report", "tiny.study", "-o", "numbers.json")
    assert (again.code, again.err) == (2, "error: numbers.json: the file exists already (give --force to replace it)\n")
    assert archloom("report", "tiny.study", "-o", "numbers.json", "--force").code == 0


def test_a_page_is_written(archloom: Archloom, folder: Path) -> None:
    pytest.importorskip("archloom.report.study_html")
    archloom("explore", "space.yaml", "-j", "1")
    done = archloom("report", "tiny.study", "-o", "page.html")
    assert (done.code, done.out, done.err) == (0, "", "")
    page = (folder / "page.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "tiny" in page


def test_the_best_design_is_a_file(archloom: Archloom, folder: Path) -> None:
    archloom("explore", "space.yaml", "-j", "1")
    done = archloom("report", "tiny.study", "-o", "best.yaml")
    assert (done.code, done.out, done.err) == (0, "", "")
    best = open_study(folder / "tiny.study").best()
    assert best is not None
    assert (
        (folder / "best.yaml")
        .read_text("utf-8")
        .startswith(f"# tiny: design {best['design']}, the best in energy\narchitecture:\n")
    )
    mapped = archloom("map", "small.yaml", "--arch", "best.yaml", "--json", "-j", "1", "--objective", "energy")
    assert json.loads(mapped.out)["totals"]["energy_pj"] == best["energy_pj"]


def test_studies_side_by_side(archloom: Archloom, folder: Path) -> None:
    archloom("explore", "space.yaml", "-j", "1")
    archloom("explore", "space.yaml", "-j", "1", "--strategy", "random", "-n", "9", "-o", "other")
    shown = archloom("report", "tiny.study", "other")
    assert (shown.code, shown.err) == (0, "")
    assert "18 designs judged" in shown.out
    assert "9 designs judged" in shown.out
    assert archloom("report", "tiny.study", "other", "-o", "page.html").code == 0
    assert "random" in (folder / "page.html").read_text("utf-8")


def test_the_search_is_what_the_command_line_says(archloom: Archloom, folder: Path) -> None:
    arguments = ("--strategy", "random", "--evaluations", "7", "--seed", "5", "--set", "budget.pes=4")
    done = archloom("explore", "space.yaml", "-j", "1", *arguments)
    assert done.code == 0
    manifest = json.loads((folder / "tiny.study" / "manifest.json").read_text())
    search = manifest["inputs"]["search"]
    assert (search["strategy"], search["evaluations"], search["seed"]) == ("random", 7, 5)
    assert search["options"] == {"batch": 4}
    assert manifest["command"] == (
        "archloom explore space.yaml --set budget.pes=4 --strategy random --evaluations 7 --seed 5"
    )
    frame = open_study(folder / "tiny.study").frame()
    assert frame.height == 7
    assert all(frame.filter("feasible")["pes"] <= 4)


def test_no_design_is_within_budget(archloom: Archloom) -> None:
    done = archloom("explore", "space.yaml", "-j", "1", "--set", "budget.pes=1")
    assert done.code == 1
    assert "infeasible: none of 18 designs is within budget; the nearest, design " in done.err


def test_no_design_fulfils_the_constraints(archloom: Archloom, folder: Path) -> None:
    text = (folder / "space.yaml").read_text("utf-8").replace("<= 1024 * 16", "<= 16")
    (folder / "space.yaml").write_text(text, "utf-8")
    done = archloom("explore", "space.yaml", "-j", "1")
    assert done.code in (1, 2)
    assert "traceback" not in done.err.lower()
    assert not (folder / "tiny.study").exists()


# -- mistakes -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no space is given (expected a file with a section 'explore')"),
        (("--resume", "--force", "space.yaml"), "--resume and --force exclude each other"),
        (("--strategy", "gentic", "space.yaml"), "--strategy: there is no strategy 'gentic' (did you mean 'genetic'?)"),
        (("--time-limit", "soon", "space.yaml"), "--time-limit: 'soon' is no time"),
        (("--cluster-option", "memory=1GB", "space.yaml"), "options are given for a cluster, and no cluster"),
        (("--cluster", "slurm", "--cluster-option", "memory", "space.yaml"), "'memory' is no option"),
        (
            ("--cluster", "nowhere", "space.yaml"),
            "--cluster: 'nowhere' is no cluster (expected tcp://HOST:PORT, or slurm)",
        ),
        (("nothing.yaml",), "no such file"),
        (("layer.yaml",), "there is no section 'workload'"),
    ],
)
def test_mistakes(archloom: Archloom, folder: Path, arguments: tuple[str, ...], message: str) -> None:
    done = archloom("explore", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.out == ""
    assert not (folder / "tiny.study").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no study is given"),
        (("nowhere",), "nowhere: no such folder"),
        ((".",), "there is no study in this folder"),
        ((".", "-o", "page.pdf"), "page.pdf: cannot write a .pdf (expected one of: .html, .json, .yaml)"),
        ((".", "-o", "page"), "page: cannot write a file without an ending (expected one of: .html, .json, .yaml)"),
    ],
)
def test_mistakes_about_studies(archloom: Archloom, arguments: tuple[str, ...], message: str) -> None:
    done = archloom("report", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_study_that_is_there(archloom: Archloom, folder: Path) -> None:
    archloom("explore", "space.yaml", "-j", "1")
    before = digests(folder / "tiny.study")
    again = archloom("explore", "space.yaml", "-j", "1")
    assert again.code == 2
    assert "tiny.study: there is a study in this folder already (give --resume to go on" in again.err
    other = archloom("explore", "space.yaml", "-j", "1", "--seed", "3", "--resume")
    assert other.code == 2
    assert "error: inputs.search.seed is 0 in the study, and 3 now" in other.err
    assert digests(folder / "tiny.study") == before
    resumed = archloom("explore", "space.yaml", "-j", "1", "--resume", "--time-limit", "1h")
    assert resumed.code == 0
    assert digests(folder / "tiny.study") == before
    assert archloom("explore", "space.yaml", "-j", "1", "--seed", "3", "--force").code == 0
    assert digests(folder / "tiny.study") != before


# -- the same bytes -----------------------------------------------------------------------------------------------------------


def run(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "archloom", "explore", "--json", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_killed_anywhere_and_resumed_with_other_jobs(archloom: Archloom, folder: Path) -> None:
    archloom("explore", "--json", "space.yaml", "-j", "1", "-o", "whole")
    shards = folder / "killed" / "shards"
    for upto in (1, 3):
        with run(folder, "space.yaml", "-j", "1", "-o", "killed", "--resume") as process:
            deadline = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < deadline:
                if shards.exists() and len(list(shards.glob("*.parquet"))) >= upto:
                    break
                time.sleep(0.002)
            os.killpg(process.pid, signal.SIGKILL)
    done = archloom("explore", "--json", "space.yaml", "-j", "2", "-o", "killed", "--resume")
    assert done.code == 0
    assert digests(folder / "killed") == digests(folder / "whole")


def test_ctrl_c_ends_after_the_batch_and_the_study_goes_on(
    archloom: Archloom, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archloom("explore", "--json", "space.yaml", "-j", "1", "-o", "whole")

    class Impatient(ExploreProgress):
        def __call__(self, step: StudyStep) -> None:
            super().__call__(step)
            if step.designs == 8:
                os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as changed:
        changed.setattr(explore_module, "ExploreProgress", Impatient)
        done = archloom("explore", "--json", "space.yaml", "-j", "1", "-o", "cut")
    assert done.code == 130
    assert done.err.endswith("stopped; to go on: archloom explore --json space.yaml -j 1 -o cut --resume\n")
    assert open_study(folder / "cut").progress.designs == 8
    assert archloom("explore", "--json", "space.yaml", "-j", "1", "-o", "cut", "--resume").code == 0
    assert digests(folder / "cut") == digests(folder / "whole")


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def test_workers_are_killed(archloom: Archloom, folder: Path) -> None:
    archloom("explore", "--json", "space.yaml", "-j", "1", "-o", "whole")
    killed: set[int] = set()
    with run(folder, "space.yaml", "-j", "2", "-o", "killed") as process:
        deadline = time.monotonic() + 60
        while process.poll() is None and len(killed) < 3 and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                for worker in set(workers_of(process)) - killed:
                    time.sleep(0.3)
                    os.kill(worker, signal.SIGKILL)
                    killed.add(worker)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "24 designs, 18 of them within the constraints\n")
    assert len(killed) >= 2
    assert digests(folder / "killed") == digests(folder / "whole")


@pytest.mark.parametrize("wait_s", [0.0, 0.1, 0.3])
def test_ctrl_c_while_workers_start(archloom: Archloom, folder: Path, wait_s: float) -> None:
    with run(folder, "space.yaml", "-j", "2", "-o", "cut") as process:
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if workers_of(process):
                    break
        time.sleep(wait_s)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert "Traceback" not in out + err
    if open_study(folder / "cut").progress.designs < 18:  # else it was quicker than we are
        assert process.returncode == 130
        assert "stopped; to go on: archloom explore --json space.yaml -j 2 -o cut --resume" in err
    archloom("explore", "--json", "space.yaml", "-j", "1", "-o", "whole")
    assert archloom("explore", "--json", "space.yaml", "-j", "1", "-o", "cut", "--resume").code == 0
    assert digests(folder / "cut") == digests(folder / "whole")


def test_on_a_cluster(archloom: Archloom, folder: Path) -> None:
    pytest.importorskip("distributed")
    from tests.exploration.test_cluster import end, start

    archloom("explore", "--json", "space.yaml", "-j", "1", "-o", "whole")
    running = start(folder, 2)
    try:
        done = archloom("explore", "--json", "space.yaml", "--cluster", running.address, "-o", "there")
    finally:
        end(running)
    assert done.code == 0
    assert digests(folder / "there") == digests(folder / "whole")


# -- pieces -------------------------------------------------------------------------------------------------------------------


def test_cluster_options(folder: Path) -> None:
    (folder / "options.yaml").write_text("memory: 8GB\njob-extra-directives: [--exclusive]\ncores: 2\n", "utf-8")
    found = read_cluster_options("slurm", ["cores=4", "walltime=02:00:00"], folder / "options.yaml")
    assert found == {"memory": "8GB", "job_extra_directives": ["--exclusive"], "cores": 4, "walltime": "02:00:00"}
    (folder / "options.yaml").write_text("- 1\n", "utf-8")
    with pytest.raises(InputError, match="the file is no table of options"):
        read_cluster_options("slurm", [], folder / "options.yaml")


def test_one_job_is_done_here() -> None:
    assert isinstance(executor_of(1, None, {}, chunk=4), Serial)


def test_progress_in_words() -> None:
    step = StudyStep(120, 1000, 80, 0, (1.25e9, -4000.0), 60.0)
    assert step_words(step, {"energy": False, "gflops": True}, 1000) == (
        "120 of 1,000 designs, 80 within budget, best energy 1.25e+09, gflops 4000"
    )
    none = StudyStep(3, None, 0, 0, (float("inf"),), 1.0)
    assert step_words(none, {"edp": False}, None) == "3 designs, 0 within budget"
    assert [clock(s) for s in (7.2, 750, 3723)] == ["0:07", "12:30", "1:02:03"]


def test_time_left_counts_this_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    shown = ExploreProgress(threading.Event(), {"edp": False}, 100)
    assert shown.left_s(100.0) is None
    now[0] = 101.0
    shown(StudyStep(40, None, 40, 40, (1.0,), 1.0))
    assert shown.left_s(101.0) is None
    now[0] = 111.0
    shown(StudyStep(60, None, 60, 40, (1.0,), 11.0))
    assert shown.left_s(111.0) == pytest.approx(20.0)
