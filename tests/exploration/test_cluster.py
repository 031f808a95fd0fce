"""Clusters: a real Dask scheduler with workers in processes of their own that are killed, and a batch system that is played."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.exploration.test_workers import all_of, is_zombie, plain, reasons_of
from tests.exploration.worker_judges import Deadly, Squares, proposals

from archloom.errors import ArchloomError, InputError
from archloom.exploration import cluster as cluster_module
from archloom.exploration.cluster import SYSTEMS, Cluster, cluster
from archloom.exploration.verdicts import Verdicts
from archloom.exploration.workers import serial

pytest.importorskip("distributed")
ROOT = Path(__file__).resolve().parents[2]

SCHEDULER = """\
import dask, sys
from distributed import LocalCluster

if __name__ == "__main__":
    dask.config.set({"distributed.scheduler.allowed-failures": int(sys.argv[2])})
    with LocalCluster(
        n_workers=int(sys.argv[1]), threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as running:
        print(running.scheduler_address, flush=True)
        sys.stdin.read()
"""


@dataclass
class Running:
    """A scheduler with its workers in a process beside this one."""

    process: subprocess.Popen[str]
    address: str


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


def start(folder: Path, workers: int, allowed_failures: int = 3) -> Running:
    (folder / "scheduler.py").write_text(SCHEDULER, "utf-8")
    process = subprocess.Popen(
        [sys.executable, "scheduler.py", str(workers), str(allowed_failures)],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    return Running(process, process.stdout.readline().strip())


def end(running: Running) -> None:
    with running.process as process:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("dask"), 2)
    yield running
    end(running)


def workers_of(executor: Cluster) -> list[int]:
    return list(executor._client.run(os.getpid).values())


def test_the_same_verdicts_as_here(two_workers: Running) -> None:
    chunks = proposals(list(range(12)), 3)
    here, _ = all_of(serial(), Squares(), chunks)
    with cluster(two_workers.address) as executor:
        judge = Squares()
        for _ in range(2):
            there, timings = all_of(executor, judge, chunks)
            assert plain(there) == plain(here)
            pids = {int(timing["worker"].split()[-1]) for timing in timings}
            assert pids <= set(workers_of(executor))
        assert all_of(executor, Deadly(), proposals([15, 1], 2))[0].columns["reason"].tolist() == [
            "internal fault: ValueError: no such thing",
            "",
        ]


def test_killed_workers_change_nothing(two_workers: Running) -> None:
    chunks = proposals(list(range(30)), 2)
    here, _ = all_of(serial(), Squares(), chunks)
    killed: list[int] = []
    with cluster(two_workers.address) as executor:
        answers: list[Any] = []
        for answer in executor.map(Squares(pause_s=0.1), chunks):
            answers.append(answer)
            worker = int(answer[1]["worker"].split()[-1])
            if len(answers) > 3 * len(killed) and len(killed) < 2 and worker not in killed:
                os.kill(worker, signal.SIGKILL)
                killed.append(worker)
    assert len(killed) == 2
    assert plain(Verdicts.joined([verdicts for verdicts, _ in answers])) == plain(here)


def test_a_design_that_kills_its_workers_is_recorded(tmp_path: Path) -> None:
    running = start(tmp_path, 2, allowed_failures=1)
    try:
        with cluster(running.address) as executor:
            found, _ = all_of(executor, Deadly(), proposals([1, 13, 2, 3], 2))
    finally:
        end(running)
    assert reasons_of(found) == {1: "each worker that judged it died, 4 of them: Dask gave up on it"}
    assert found.columns["objective:sum"].tolist() == [1.0, float("inf"), 8.0, 18.0]


def test_a_scheduler_that_goes_away(tmp_path: Path) -> None:
    running, pids = start(tmp_path, 1), list[int]()
    try:
        with cluster(running.address) as executor:
            answers = executor.map(Squares(pause_s=0.2), proposals(list(range(50)), 1))
            next(answers)
            pids = workers_of(executor)
            running.process.kill()
            with pytest.raises(ArchloomError, match=r"^the cluster does not judge: .* --resume goes on$"):
                list(answers)
    finally:
        end(running)
        for pid in pids:
            if not is_zombie(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def test_a_batch_that_is_left_is_cancelled(two_workers: Running) -> None:
    with cluster(two_workers.address) as executor:
        answers = executor.map(Squares(pause_s=0.2), proposals(list(range(200)), 1))
        next(answers)
        answers.close()  # type: ignore[attr-defined]
        began = time.monotonic()
        all_of(executor, Squares(), proposals([1], 1))
        assert time.monotonic() - began < 10


def test_workers_with_another_version(two_workers: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster(two_workers.address) as executor:
        monkeypatch.setattr(cluster_module, "_version", lambda: "archloom 99")
        with pytest.raises(InputError, match=r"has archloom \S+ \(\w+\), and the study archloom 99 .install the same"):
            all_of(executor, Squares(), proposals([1], 1))
    monkeypatch.undo()
    real = cluster_module._version()
    monkeypatch.setattr(cluster_module, "_version", NewerHere())
    with pytest.raises(InputError) as caught:
        cluster(two_workers.address)
    assert len(caught.value.faults) == 2
    assert f"the worker has {real}, and this is archloom 99" in str(caught.value.faults[0])


class NewerHere:
    """A version that is another one here; where it is unpacked, the real one."""

    def __call__(self) -> str:
        return "archloom 99"

    def __reduce__(self) -> Any:
        from operator import attrgetter

        return attrgetter("_version"), (cluster_module_by_name(),)


def cluster_module_by_name() -> Any:
    return cluster_module


@pytest.mark.parametrize(
    ("address", "options", "message"),
    [
        ("slrum", {}, "--cluster: 'slrum' is no cluster (did you mean 'slurm'?)"),
        ("localhost:8786", {}, "--cluster: 'localhost:8786' is no cluster (expected tcp://HOST:PORT, or slurm)"),
        (
            "tcp://127.0.0.1:1",
            {"memory": "2GB"},
            "--cluster-option: options cannot be given to a cluster that runs already: memory",
        ),
        ("slurm", {"memroy": "2GB"}, "--cluster-option: SLURMCluster has no option 'memroy' (did you mean 'memory'?)"),
        ("slurm", {"jobs": 0}, "--cluster-option: jobs: 0 is no number of jobs (expected 1 or more)"),
    ],
)
def test_what_is_no_cluster(address: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        cluster(address, options)
    assert str(caught.value) == message


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "LIMIT_S", 1.0)
    with pytest.raises(InputError, match=r"^tcp://127.0.0.1:9: no Dask scheduler answers there: .*start one with"):
        cluster("tcp://127.0.0.1:9")


def test_a_missing_package_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "find_spec", lambda name: None)
    with pytest.raises(InputError) as caught:
        cluster("slurm")
    assert str(caught.value) == "judging on a cluster needs the package distributed (pip install 'archloom[cluster]')"


# -- a batch system, played by two scripts ------------------------------------------------------------------------------------

SBATCH = """\
#!/bin/sh
# Run the job here, in the background, as Slurm would elsewhere.
cp "$1" job.sh
setsid sh job.sh >job.log 2>&1 &
echo $! >job.pid
echo 41
"""
SCANCEL = """\
#!/bin/sh
touch cancelled
kill -9 -- -$(cat job.pid)
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, script in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (tmp_path / name).write_text(script, "utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    return tmp_path


def test_a_batch_system(slurm: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    chunks = proposals(list(range(6)), 2)
    here, _ = all_of(serial(), Squares(), chunks)
    options = {"memory": "1GB", "queue": "short", "interface": "lo", "jobs": 1}
    with cluster("slurm", options) as executor:
        there, timings = all_of(executor, Squares(), chunks)
        assert plain(there) == plain(here)
        assert str(os.getpid()) not in {timing["worker"].split()[-1] for timing in timings}
    script = (slurm / "job.sh").read_text("utf-8")
    assert "#SBATCH -p short" in script
    assert "#SBATCH --mem=954M" in script
    assert (slurm / "cancelled").exists()


def test_a_batch_system_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError) as caught:
        cluster("slurm", {"interface": "lo"})
    assert str(caught.value) == (
        "--cluster: there is no command 'sbatch' here (run this where jobs for slurm are submitted)"
    )


def test_a_job_that_is_refused(slurm: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    (slurm / "sbatch").write_text("#!/bin/sh\necho 'invalid partition: shrot' >&2; exit 1\n", "utf-8")
    with pytest.raises(InputError, match=r"^--cluster-option: SLURMCluster does not start: .*invalid partition: shrot"):
        cluster("slurm", {"interface": "lo", "queue": "shrot"})


def test_all_systems_are_there() -> None:
    dask_jobqueue = pytest.importorskip("dask_jobqueue")
    for name in SYSTEMS.values():
        assert {"cores", "memory", "queue", "walltime"} & set(cluster_module._options_of(getattr(dask_jobqueue, name)))
