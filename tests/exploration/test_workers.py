"""Workers: the same verdicts wherever, and whatever dies; a design that kills or raises is recorded and stops nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.exploration.worker_judges import Deadly, Squares, Stillborn, Unpicklable, proposals

from archloom.errors import ArchloomError, InputError
from archloom.exploration.base import Proposal
from archloom.exploration.retries import TaskList
from archloom.exploration.verdicts import Verdicts
from archloom.exploration.workers import Executor, Processes, Serial, processes, serial
from archloom.model.arrays import MappingBatch

ROOT = Path(__file__).resolve().parents[2]


def all_of(executor: Executor, judge: Any, chunks: list[Proposal]) -> tuple[Verdicts, list[dict[str, Any]]]:
    answers = list(executor.map(judge, chunks))
    return Verdicts.joined([verdicts for verdicts, _ in answers]), [timing for _, timing in answers]


def plain(verdicts: Verdicts) -> str:
    return json.dumps([{k: v.tolist() for k, v in verdicts.columns.items()}, verdicts.mappings])


def reasons_of(verdicts: Verdicts) -> dict[int, str]:
    return {row: reason for row, reason in enumerate(verdicts.columns["reason"].tolist()) if reason}


def test_the_same_verdicts_wherever() -> None:
    judge = Squares()
    here, timings = all_of(serial(), judge, proposals(list(range(12)), 12))
    assert here.columns["objective:sum"].tolist() == [2.0 * n * n for n in range(12)]
    assert {timing["worker"] for timing in timings} == {f"process {os.getpid()}"}
    with Processes(2) as executor:
        for chunk in (1, 3, 50):
            beside, timings = all_of(executor, judge, proposals(list(range(12)), chunk))
            assert plain(beside) == plain(here)
            assert f"process {os.getpid()}" not in {timing["worker"] for timing in timings}
            assert all(timing["wall_s"] >= 0 and timing["cpu_s"] >= 0 for timing in timings)


def test_processes_stay_between_batches_of_a_judge() -> None:
    with Processes(2) as executor:
        judge = Squares(pause_s=0.02)
        seen = [{timing["worker"] for timing in all_of(executor, judge, proposals([1] * 12, 1))[1]} for _ in range(3)]
        assert len(set().union(*seen)) == 2
        assert {timing["worker"] for timing in all_of(executor, Squares(), proposals([1], 1))[1]}.isdisjoint(seen[0])


def test_no_more_processes_than_chunks() -> None:
    with Processes(50) as executor:
        all_of(executor, Squares(), proposals([1, 2], 2))
        assert len(executor._idle) == 1


def test_nothing_to_judge() -> None:
    with Processes(2) as executor:
        assert list(executor.map(Squares(), [])) == list(serial().map(Squares(), [])) == []
        assert not executor._idle


@pytest.mark.parametrize("chunk", [1, 5])
def test_what_kills_or_raises_is_recorded(tmp_path: Path, chunk: int) -> None:
    first = [1, 2, 13, 3, 15, 4, 16, 17, 5, 6, 14, 7]
    with Processes(2) as executor:
        found, _ = all_of(executor, Deadly(tmp_path), proposals(first, chunk))
    assert reasons_of(found) == {
        2: "each worker that judged it died, 3 of them: SIGKILL, perhaps for want of memory",
        4: "internal fault: ValueError: no such thing",
        6: "GLB: too small by 3 words",
        10: "each worker that judged it died, 3 of them: it ended with exit code 3",
    }
    values = found.columns["objective:sum"]
    for row, number in enumerate(first):
        assert values[row] == (np.inf if row in (2, 4, 6, 10) else number**2 + row**2)


def test_what_raises_is_recorded_without_processes_too() -> None:
    found, _ = all_of(serial(), Deadly(), proposals([1, 15, 16, 2], 4))
    assert reasons_of(found) == {1: "internal fault: ValueError: no such thing", 2: "GLB: too small by 3 words"}


def test_workers_that_are_killed_are_replaced() -> None:
    chunks = proposals(list(range(40)), 2)
    here, _ = all_of(serial(), Squares(), chunks)
    with Processes(2) as executor:
        answers, killed = [], 0
        for answer in executor.map(Squares(pause_s=0.01), chunks):
            answers.append(answer)
            judging = [worker for worker, task in executor._busy.items() if task is not None]
            if len(answers) > 6 * killed and judging:
                judging[0].process.kill()
                killed += 1
        assert killed >= 2
    assert plain(Verdicts.joined([verdicts for verdicts, _ in answers])) == plain(here)


def test_an_idle_worker_that_died_is_replaced() -> None:
    with Processes(2) as executor:
        judge, chunks = Squares(pause_s=0.01), proposals(list(range(6)), 1)
        before, _ = all_of(executor, judge, chunks)
        for worker in executor._idle:
            worker.process.kill()
            worker.process.join()
        assert plain(all_of(executor, judge, chunks)[0]) == plain(before)


def test_a_batch_that_is_left_is_not_heard_of_again() -> None:
    with Processes(2) as executor:
        judge = Squares(pause_s=0.05)
        answers = executor.map(judge, proposals(list(range(20)), 1))
        next(answers)
        answers.close()  # type: ignore[attr-defined]
        assert not executor._busy
        assert all_of(executor, judge, proposals([3], 1))[0].columns["objective:sum"].tolist() == [9.0]


def test_mappings_go_with_their_designs() -> None:
    tables = {name: np.zeros((2, 6), dtype=np.int64) for name in MappingBatch.__dataclass_fields__}
    tables["temporal"][:] = np.arange(6)
    proposal = Proposal(proposals(list(range(6)), 6)[0].designs, (MappingBatch(**tables),))
    tasks = TaskList(Squares(), [proposal])
    tasks._split(tasks.waiting.popleft())
    assert [len(task.proposal) for task in tasks.waiting] == [1] * 6
    for row, task in enumerate(tasks.waiting):
        assert task.proposal.mappings is not None
        assert task.proposal.designs.tolist() == [[row, row]]
        assert np.asarray(task.proposal.mappings[0].arrays()["temporal"]).tolist() == [[row], [row]]


def test_a_judge_that_cannot_be_unpacked() -> None:
    with Processes(2) as executor:
        with pytest.raises(ArchloomError, match=r"^a worker process cannot begin: RuntimeError: not here$"):
            all_of(executor, Unpicklable(), proposals([1], 1))
        with pytest.raises(ArchloomError, match=r"^worker processes die as they start \(it ended with exit code 7\): "):
            all_of(executor, Stillborn(), proposals([1], 1))
        assert all_of(executor, Squares(), proposals([1], 1))[0].columns["feasible"].all()


def test_one_process_is_this_one() -> None:
    assert isinstance(processes(1), Serial)


def test_no_processes() -> None:
    with pytest.raises(InputError, match=r"^0 processes cannot judge anything \(expected 1 or more\)$"):
        processes(0)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_workers_do_not_outlive_their_parent(ending: signal.Signals) -> None:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    script = ROOT / "tests" / "exploration" / "worker_judges.py"
    with subprocess.Popen(
        [sys.executable, str(script), "0.3"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as parent:
        assert parent.stdout is not None
        workers = {int(parent.stdout.readline()) for _ in range(4)}
        parent.send_signal(ending)
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists() and not is_zombie(pid)]


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
