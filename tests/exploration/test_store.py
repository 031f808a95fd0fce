"""Studies on disk: whole batches in order, one writer, the same bytes whatever is killed, and readers at any time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from archloom.errors import ArchloomError, InputError
from archloom.exploration.folder_lock import FolderLock, is_locked
from archloom.exploration.manifest import differences, make_manifest
from archloom.exploration.store import Store
from archloom.exploration.study import open_study
from archloom.exploration.timings import read_timings

INPUTS = {
    "name": "small",
    "search": {"strategy": "grid", "batch": 4},
    "texts": {"machine.yaml": "architecture:\n  name: one\n  clock: 1 GHz\n"},
}

WRITER = """\
import sys, time
from pathlib import Path
from tests.exploration.test_store import batch, manifest
from archloom.exploration.store import Store

folder, batches, pause = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
with Store(folder, manifest(), resume=True) as store:
    for number in range(store.shards, batches):
        store.append(batch(number), timing={"wall_s": time.monotonic()})
        print(number, flush=True)
        time.sleep(pause)
"""
ROOT = Path(__file__).resolve().parents[2]


def manifest(**changes: Any) -> dict[str, Any]:
    return make_manifest(
        {**INPUTS, **changes}, seed=0, space={"designs": 100, "admitted": 60}, command="archloom explore s"
    )


def batch(number: int, rows: int = 5) -> dict[str, Any]:
    """Rows as a search gives them: numbers, words, truth values, reasons, long texts, and values that are not known."""
    rng = np.random.default_rng(number)
    energy, cycles = rng.random(rows) * 1e9, rng.integers(1, 10**9, rows)
    failed = rng.random(rows) < 0.3
    return {
        "p:levels.GLB.size": 2 ** rng.integers(10, 20, rows),
        "p:dataflow": rng.choice(["rows", "outputs"], rows).astype(object),
        "energy_pj": np.where(failed, np.nan, energy),
        "cycles": cycles,
        "objective:energy": np.where(failed, np.inf, energy),
        "objective:latency": np.where(failed, np.inf, cycles.astype(float)),
        "feasible": ~failed & (energy < 9e8),
        "excess": np.where(failed, np.inf, np.maximum(0, energy / 9e8 - 1)),
        "reason": np.where(failed, "GLB: too small", "").astype(object),
        "mapping": [json.dumps([{"layer": "one", "mapping": "DRAM [ O W I ]\n" * 10, "energy_pj": e}]) for e in energy],
    }


def write(folder: Path, batches: int, **options: Any) -> None:
    with Store(folder, manifest(), **options) as store:
        for number in range(store.shards, batches):
            store.append(batch(number))


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of all that a study is: the manifest and the shards."""
    files = [folder / "manifest.json", *sorted((folder / "shards").iterdir())]
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@contextlib.contextmanager
def writing(folder: Path, batches: int, pause: float = 0.0, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process that writes a study and prints the number of each batch; it does not outlive the block."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", WRITER, str(folder), str(batches), str(pause)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path, **environment}
    ) as process:
        try:
            yield process
        finally:
            process.kill()


# -- what is written is what is read ------------------------------------------------------------------------------------------


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    write(tmp_path / "study", 3)
    read = open_study(tmp_path / "study").lazy().collect()
    assert read["design"].to_list() == list(range(15))
    for name in batch(0):
        written = np.concatenate([np.asarray(batch(number)[name]) for number in range(3)])
        back = read[name].to_numpy()
        assert np.array_equal(back, written, equal_nan=written.dtype.kind == "f"), name


def test_one_line_of_polars_or_duckdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "study", 3)
    whole = pl.read_parquet("study/shards/*.parquet")
    assert whole.height == 15
    query = "select count(*), min(energy_pj) from 'study/shards/*.parquet' where feasible"
    feasible = whole.filter("feasible")
    answer = duckdb.sql(query)
    assert answer is not None
    assert answer.fetchall() == [(feasible.height, feasible["energy_pj"].min())]


def test_the_manifest_says_what_it_was_made_from(tmp_path: Path) -> None:
    write(tmp_path / "study", 1)
    said = json.loads((tmp_path / "study" / "manifest.json").read_text())
    assert said["inputs"] == INPUTS
    assert said["space"] == {"designs": 100, "admitted": 60}
    assert said["versions"].keys() == {"archloom", "numpy", "polars"}
    text = json.dumps(INPUTS, sort_keys=True, separators=(",", ":"))
    assert said["inputs_sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_nothing_is_a_study_yet_a_valid_one(tmp_path: Path) -> None:
    write(tmp_path / "study", 0)
    study = open_study(tmp_path / "study")
    assert study.frame().height == study.front().height == study.frame(["energy_pj"]).height == 0
    assert study.best() is None
    assert study.columns == study.objectives == study.parameters == []
    assert study.progress.designs == 0


def test_a_batch_without_rows_leaves_no_shard(tmp_path: Path) -> None:
    with Store(tmp_path / "study", manifest()) as store:
        store.append({name: column[:0] for name, column in batch(0).items()})
        store.append({})
        assert store.shards == store.rows == 0


def test_a_column_keeps_its_type(tmp_path: Path) -> None:
    with Store(tmp_path / "study", manifest()) as store:
        store.append({"whole": np.array([1, 2]), "real": np.array([1.5, 2.0]), "word": ["a", None]})
        store.append({"whole": np.array([3.0]), "real": np.array([4]), "word": ["b"]})
        with pytest.raises(ArchloomError, match=r"^column 'whole' of a batch holds Float64, and the study's Int64$"):
            store.append({"whole": np.array([3.5]), "real": np.array([4.0]), "word": ["b"]})
        with pytest.raises(ArchloomError, match="a batch has other columns than the study: odd, word"):
            store.append({"whole": np.array([3]), "real": np.array([4.0]), "odd": ["b"]})
        frame = store.study().frame()
    assert frame["whole"].to_list() == [1, 2, 3]
    assert frame["real"].to_list() == [1.5, 2.0, 4.0]
    assert frame["word"].to_list() == ["a", None, "b"]


def test_a_study_without_a_folder(tmp_path: Path) -> None:
    with Store(None, manifest()) as store:
        store.append(batch(0))
        study = store.study()
    folder = store.folder
    del store
    assert study.frame().height == 5
    assert folder.exists()
    del study
    assert not folder.exists()


# -- the same bytes -----------------------------------------------------------------------------------------------------------


def test_resumed_bytes_are_those_of_an_uninterrupted_run(tmp_path: Path) -> None:
    write(tmp_path / "whole", 6)
    for upto in (0, 2, 5, 6):
        write(tmp_path / "parts", upto, resume=True)
    assert digests(tmp_path / "parts") == digests(tmp_path / "whole")


def test_threads_and_processes_do_not_change_bytes(tmp_path: Path) -> None:
    write(tmp_path / "here", 4)
    for threads in ("1", "7"):
        with writing(tmp_path / threads, 4, POLARS_MAX_THREADS=threads) as process:
            assert process.wait() == 0
        assert digests(tmp_path / threads) == digests(tmp_path / "here")


@pytest.mark.parametrize("wait_s", [0.0, 0.003, 0.011, 0.023])
def test_a_kill_loses_the_batch_under_way_at_most(tmp_path: Path, wait_s: float) -> None:
    folder = tmp_path / "killed"
    with writing(folder, 10_000) as writer:
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(3)]
        time.sleep(wait_s)
        writer.send_signal(signal.SIGKILL)
        said += [int(line) for line in writer.stdout.read().split("\n")[:-1]]
    shards = open_study(folder).progress.shards
    assert said[-1] + 1 <= shards <= said[-1] + 2
    assert not is_locked(folder)
    write(folder, shards + 2, resume=True)
    write(tmp_path / "whole", shards + 2)
    assert digests(folder) == digests(tmp_path / "whole")


def test_drafts_of_a_killed_writer_are_swept(tmp_path: Path) -> None:
    write(tmp_path / "study", 2)
    (tmp_path / "study" / "shards" / "000002.parquet.draft").write_bytes(b"PAR1 half")
    assert pl.read_parquet(tmp_path / "study" / "shards" / "*.parquet").height == 10
    write(tmp_path / "study", 3, resume=True)
    write(tmp_path / "whole", 3)
    assert digests(tmp_path / "study") == digests(tmp_path / "whole")


def test_a_last_shard_that_a_power_cut_damaged_is_worked_out_again(tmp_path: Path) -> None:
    write(tmp_path / "whole", 3)
    write(tmp_path / "study", 3)
    last = tmp_path / "study" / "shards" / "000002.parquet"
    for damage in (last.read_bytes()[:-20], b""):
        last.write_bytes(damage)
        assert open_study(tmp_path / "study").progress.designs == 10
        write(tmp_path / "study", 3, resume=True)
        assert digests(tmp_path / "study") == digests(tmp_path / "whole")


def test_a_damaged_shard_in_the_middle_is_pointed_at(tmp_path: Path) -> None:
    write(tmp_path / "study", 4)
    (tmp_path / "study" / "shards" / "000001.parquet").write_bytes(b"")
    assert open_study(tmp_path / "study").frame().height == 5
    with pytest.raises(InputError) as caught:
        write(tmp_path / "study", 4, resume=True)
    (fault,) = caught.value.faults
    assert str(fault.place).endswith("shards/000001.parquet")
    assert fault.hint == "delete it and the 2 after it, and they are worked out again"
    assert not is_locked(tmp_path / "study")


def test_replay_gives_the_batches(tmp_path: Path) -> None:
    write(tmp_path / "study", 3)
    with Store(tmp_path / "study", manifest(), resume=True) as store:
        frames = list(store.replay(["objective:energy", "excess"]))
        assert (store.shards, store.rows) == (3, 15)
    assert [frame.columns for frame in frames] == [["objective:energy", "excess"]] * 3
    for number, frame in enumerate(frames):
        assert np.array_equal(frame["excess"].to_numpy(), batch(number)["excess"])


def test_timings_are_no_part_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    with Store(folder, manifest(), run={"jobs": 2}) as store:
        store.append(batch(0), timing={"wall_s": 1.5, "cpu_s": 3.0})
    with (folder / "timings.jsonl").open("ab") as file:
        file.write(b'{"shard": 1, "rows"')  # killed while writing
    with Store(folder, manifest(), resume=True) as store:
        store.append(batch(1), timing={"wall_s": 2.0, "cpu_s": 4.0})
    assert [line.get("shard", "run") for line in read_timings(folder)] == ["run", 0, "run", 1]
    assert read_timings(folder)[0]["run"]["jobs"] == 2
    assert (open_study(folder).progress.wall_s, open_study(folder).progress.cpu_s) == (3.5, 7.0)


# -- whose folder it is -------------------------------------------------------------------------------------------------------


def refused(folder: Path, **options: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        Store(folder, manifest(), **options)
    return caught.value


def test_a_study_is_not_written_over(tmp_path: Path) -> None:
    write(tmp_path / "study", 1)
    error = refused(tmp_path / "study")
    assert str(error) == (
        f"{tmp_path}/study: there is a study in this folder already "
        "(give --resume to go on with it, --force to replace it, or choose another folder)"
    )


def test_a_study_is_replaced_if_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "study", 4)
    (tmp_path / "study" / "baseline.json").write_text("{}")
    with Store(tmp_path / "study", manifest(name="other"), replace=True) as store:
        assert (store.shards, store.rows) == (0, 0)
        with pytest.raises(InputError, match="is writing this study"):
            Store(tmp_path / "study", manifest(), replace=True)
        store.append(batch(0))
    study = open_study(tmp_path / "study")
    assert (study.name, study.progress.designs, study.get("baseline")) == ("other", 5, None)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="does not read such a study"):
        Store(tmp_path / "other", manifest(), replace=True)
    assert (tmp_path / "other" / "manifest.json").exists()


def test_a_reader_notices_that_the_study_was_replaced(tmp_path: Path) -> None:
    write(tmp_path / "study", 4)
    study = open_study(tmp_path / "study")
    assert study.frame().height == 20
    with Store(tmp_path / "study", manifest(), replace=True) as store:
        assert study.frame().height == 0
        store.append(batch(9, rows=3))
        assert study.frame()["cycles"].to_list() == batch(9, rows=3)["cycles"].tolist()


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Store(tmp_path / "study", manifest()) as store:
        store.append(batch(0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            with pytest.raises(ArchloomError) as caught:
                store.append(batch(1))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value) == (
        f"cannot write into {tmp_path}/study: File too large; what is there is whole, and --resume goes on"
    )
    assert len(list((tmp_path / "study" / "shards").iterdir())) == 1
    write(tmp_path / "study", 3, resume=True)
    write(tmp_path / "whole", 3)
    assert digests(tmp_path / "study") == digests(tmp_path / "whole")


def test_values_are_kept_beside_the_rows(tmp_path: Path) -> None:
    with Store(tmp_path / "study", manifest()) as store:
        store.put("gains", {"mapping": 1.5})
        assert store.study().get("gains") == {"mapping": 1.5}
        assert store.study().get("losses") is None


def test_other_folders_and_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert str(refused(tmp_path / "file")) == f"{tmp_path}/file: the path is a file; expected a folder"
    (tmp_path / "file" / "..").resolve()
    assert "the folder holds files that are no study" in str(refused(tmp_path))
    assert "cannot write the study: Not a directory" in str(refused(tmp_path / "file" / "inside"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_resume_begins_where_nothing_is_there(tmp_path: Path) -> None:
    write(tmp_path / "study", 1, resume=True)
    write(tmp_path / "whole", 1)
    assert digests(tmp_path / "study") == digests(tmp_path / "whole")


def test_a_study_killed_before_its_manifest_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "study" / "shards").mkdir(parents=True)
    (tmp_path / "study" / "lock").write_text('{"pid": ')
    (tmp_path / "study" / "manifest.json.draft").write_text("{")
    write(tmp_path / "study", 1)
    assert open_study(tmp_path / "study").frame().height == 5


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    with Store(folder, manifest()) as store:
        error = refused(folder, resume=True)
        assert str(error.faults[0]).startswith(f"{folder}: process {os.getpid()} on ")
        assert str(error.faults[0]).endswith(" is writing this study (wait until it ends, or choose another folder)")
        assert open_study(folder).progress.running
        store.append(batch(0))
    assert not open_study(folder).progress.running
    write(folder, 2, resume=True)


def test_a_second_process_is_refused_and_a_killed_one_is_not_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    with writing(folder, 1_000, pause=30) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "0\n"
        assert f"process {writer.pid} on " in str(refused(folder, resume=True))
    assert (folder / "lock").exists()
    write(folder, 2, resume=True)
    assert not (folder / "lock").exists()


def test_a_lock_of_another_machine_says_how_to_remove_it(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(json.dumps({"pid": 1, "host": "node-7", "boot": "x"}))
    with pytest.raises(InputError) as caught:
        FolderLock(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: process 1 on node-7 is writing this study (if that process is gone, remove {tmp_path}/lock)"
    )
    (tmp_path / "lock").unlink()
    FolderLock(tmp_path).release()


def test_where_the_file_system_knows_no_locks_processes_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archloom.exploration.folder_lock._try_lock", lambda handle, shared=False: None)
    sleeper = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    sleeper.start()
    lock = FolderLock(tmp_path)
    owner = json.loads((tmp_path / "lock").read_text())
    (tmp_path / "lock").write_text(json.dumps(owner | {"pid": sleeper.pid}))
    with pytest.raises(InputError, match=f"process {sleeper.pid} on "):
        FolderLock(tmp_path)
    assert is_locked(tmp_path)
    (tmp_path / "lock").write_text(json.dumps(owner | {"pid": sleeper.pid, "boot": "before the restart"}))
    assert not is_locked(tmp_path)
    FolderLock(tmp_path)
    (tmp_path / "lock").write_text(json.dumps(owner | {"pid": sleeper.pid}))
    sleeper.kill()
    sleeper.join()
    FolderLock(tmp_path).release()
    lock.release()


# -- other inputs -------------------------------------------------------------------------------------------------------------


def changed(**changes: Any) -> list[str]:
    return [str(fault) for fault in differences(manifest(), manifest(**changes))]


def test_other_inputs_are_named(tmp_path: Path) -> None:
    assert changed() == []
    assert changed(name="other") == ["inputs.name is 'small' in the study, and 'other' now"]
    assert changed(search={"strategy": "random", "bach": 4}) == [
        "inputs.search.strategy is 'grid' in the study, and 'random' now",
        "inputs.search.batch is in the study, and not given now ('bach' is new)",
        "inputs.search.bach is new (the study has 'batch')",
    ]
    assert changed(texts={"machine.yaml": "architecture:\n  name: one\n  clock: 2 GHz\n"}) == [
        "inputs.texts.machine.yaml, line 3, is 'clock: 1 GHz' in the study, and 'clock: 2 GHz' now"
    ]
    assert changed(texts={"machine.yaml": "architecture:\n  name: one\n  clock: 1 GHz\nmore: 1"}) == [
        "inputs.texts.machine.yaml, line 4, is '' in the study, and 'more: 1' now"
    ]
    assert changed(name="x" * 500)[0].endswith("x... now")


def test_a_resume_with_other_inputs_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "study", 1)
    before = digests(tmp_path / "study")
    with pytest.raises(InputError) as caught:
        Store(tmp_path / "study", manifest(name="other"), resume=True)
    assert [fault.message for fault in caught.value.faults] == [
        "the study was begun with another input and cannot go on with these",
        "inputs.name is 'small' in the study, and 'other' now",
    ]
    assert digests(tmp_path / "study") == before
    assert not is_locked(tmp_path / "study")


def test_other_versions_and_seeds_are_other_inputs() -> None:
    old = manifest()
    old["versions"]["numpy"] = "1.26.0"
    (fault,) = differences(old, manifest())
    assert fault.message == f"the study was made with numpy 1.26.0, and this is {np.__version__}"
    assert fault.hint == "install numpy 1.26.0 to resume it, or begin a new study"
    (fault,) = differences(make_manifest(INPUTS, seed=1), make_manifest(INPUTS, seed=2))
    assert fault.message == "seed is 1 in the study, and 2 now"


def test_a_study_may_go_on_with_another_time_limit() -> None:
    search = {"seed": 3, "time_limit_s": 60.0}
    one, other = (make_manifest({"search": search | change}, seed=3) for change in ({}, {"time_limit_s": None}))
    assert not differences(one, other)
    (fault,) = differences(one, make_manifest({"search": search | {"seed": 4}}, seed=4))
    assert fault.message == "inputs.search.seed is 3 in the study, and 4 now"


def test_the_command_and_the_order_of_keys_do_not_matter() -> None:
    turned = dict(reversed(INPUTS.items()))
    one, other = make_manifest(INPUTS, seed=0, command="a"), make_manifest(turned, seed=0, command="b")
    assert not differences(one, other)
    assert one["inputs_sha256"] == other["inputs_sha256"]


# -- readers ------------------------------------------------------------------------------------------------------------------


def test_best_and_front(tmp_path: Path) -> None:
    write(tmp_path / "study", 40)
    study = open_study(tmp_path / "study")
    whole = study.frame()
    feasible = whole.filter("feasible")
    assert study.objectives == ["energy", "latency"]
    assert study.parameters == ["levels.GLB.size", "dataflow"]
    assert whole.columns == ["design", *(name for name in batch(0) if name != "mapping")]
    for objective in (None, "energy", "latency"):
        column = f"objective:{objective or 'energy'}"
        best = study.best(objective)
        assert best is not None
        assert best[column] == feasible[column].min()
        assert best["mapping"][0]["layer"] == "one"
    values = feasible.select("objective:energy", "objective:latency").to_numpy()
    beaten = [((values <= row).all(axis=1) & (values < row).any(axis=1)).any() for row in values]
    front = study.front()
    assert set(front["design"]) == set(feasible.filter(~pl.Series(beaten))["design"])
    assert front["objective:energy"].is_sorted()
    assert front["objective:latency"].is_sorted(descending=True)
    assert study.front(["latency"])["design"].to_list() == [study.best("latency")["design"]]  # type: ignore[index]
    progress = study.progress
    assert (progress.designs, progress.feasible, progress.shards) == (200, feasible.height, 40)
    assert progress.failed == whole.filter(pl.col("reason") != "").height


def test_equal_designs_are_represented_by_the_first(tmp_path: Path) -> None:
    rows: dict[str, Any] = {
        "objective:a": np.array([3.0, 1.0, 1.0, 2.0]),
        "objective:b": np.array([1.0, 2.0, 2.0, 9.0]),
        "feasible": np.array([True, True, True, True]),
    }
    with Store(tmp_path / "study", manifest()) as store:
        store.append(rows)
        study = store.study()
    best = study.best()
    assert best is not None
    assert best["design"] == 1
    assert study.front()["design"].to_list() == [1, 0]


def test_a_study_as_json(tmp_path: Path) -> None:
    write(tmp_path / "study", 10)
    study = open_study(tmp_path / "study")
    said = json.loads(json.dumps(study.to_dict(), allow_nan=False))
    assert (said["designs"], said["failed"], said["space"]) == (
        50,
        study.progress.failed,
        {"designs": 100, "admitted": 60},
    )
    assert said["best"]["latency"]["design"] == study.best("latency")["design"]  # type: ignore[index]
    assert [row["design"] for row in said["front"]] == study.front()["design"].to_list()


def test_unknown_names_get_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "study", 1)
    study = open_study(tmp_path / "study")
    with pytest.raises(InputError, match=r"^the study has no objective 'latncy' \(did you mean 'latency'\?\)$"):
        study.best("latncy")
    with pytest.raises(InputError, match=r"^the study has no column 'cycle' \(did you mean 'cycles'\?\)$"):
        study.frame(["cycle"])
    with pytest.raises(InputError, match=r"^the study has no design 99 \(it has 5, from 0 on\)$"):
        study.row(99)


def test_no_study(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such folder \(expected the folder that `archloom explore -o` made\)$"):
        open_study(tmp_path / "nowhere")
    with pytest.raises(InputError, match="there is no study in this folder"):
        open_study(tmp_path)
    (tmp_path / "manifest.json").write_text('{"format": "archloom-study-99"}')
    with pytest.raises(InputError, match="this version of archloom does not read such a study: 'archloom-study-99'"):
        open_study(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="the manifest of the study cannot be read"):
        open_study(tmp_path)


def test_a_running_study_is_read(tmp_path: Path) -> None:
    seen: list[int] = []
    with writing(tmp_path / "study", 10_000) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        study = open_study(tmp_path / "study")
        while not seen or seen[-1] < 50:
            frame = study.frame()
            assert frame["design"].to_list() == list(range(frame.height))
            assert study.best() is not None
            seen.append(frame.height)
    assert seen == sorted(seen)
