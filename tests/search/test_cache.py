"""The cache: whole entries or none, whoever writes, whatever breaks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archloom.search.cache import STALE_S, Cache, default_folder, open_cache

KEY = "ab" + "0" * 62
DONE = {"finished": True, "cycles": 7, "energy_pj": 0.1 + 0.2, "bound": float("inf")}
OPEN = {"finished": False, "cycles": 9}


def entry_file(cache: Cache) -> Path:
    (path,) = list(cache.folder.rglob("*.json"))
    return path


def test_what_is_stored_comes_back(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.load(KEY) is None
    cache.store(KEY, DONE)
    assert cache.load(KEY) == DONE
    assert Cache(tmp_path).load(KEY) == DONE
    assert cache.load("cd" + KEY[2:]) is None
    assert not list((tmp_path / "drafts").iterdir())


def test_finished_entries_stay(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.store(KEY, OPEN)
    cache.store(KEY, OPEN | {"cycles": 8})
    assert cache.load(KEY) == OPEN | {"cycles": 8}
    cache.store(KEY, DONE)
    cache.store(KEY, OPEN)
    assert cache.load(KEY) == DONE


def test_an_entry_is_for_its_own_key_only(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.store(KEY, DONE)
    path = entry_file(cache)
    path.rename(path.with_name("1" * 62 + ".json"))
    assert cache.load("ab" + "1" * 62) is None


@given(st.data())
def test_a_damaged_entry_is_no_entry(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    cache = Cache(tmp_path_factory.mktemp("cache"))
    cache.store(KEY, DONE)
    path = entry_file(cache)
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    broken = data.draw(
        st.sampled_from(
            [whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], whole + b"x", whole[at + 1 :]]
        )
    )
    path.write_bytes(broken)
    assert cache.load(KEY) is None
    cache.store(KEY, DONE)
    assert cache.load(KEY) == DONE


@pytest.mark.parametrize("content", ["[]", "null", "3", '{"key": 1}', "{}", '{"finished": 1}'])
def test_other_content_is_no_entry(tmp_path: Path, content: str) -> None:
    import hashlib

    cache = Cache(tmp_path)
    cache.store(KEY, DONE)
    head = f"archloom-mapping-1 {hashlib.sha256(content.encode()).hexdigest()}"
    entry_file(cache).write_text(f"{head}\n{content}")
    assert cache.load(KEY) is None


def test_a_cache_that_cannot_be_written_warns_once(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    cache = Cache(blocked / "cache")
    with pytest.warns(UserWarning, match="answers are not kept: cannot write to the cache .*: Not a directory"):
        cache.store(KEY, DONE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.store(KEY, DONE)
    assert cache.load(KEY) is None


def test_drafts_of_the_dead_are_swept(tmp_path: Path) -> None:
    drafts = tmp_path / "drafts"
    drafts.mkdir()
    (drafts / "old").write_text("")
    (drafts / "new").write_text("")
    old = time.time() - STALE_S - 10
    os.utime(drafts / "old", (old, old))
    Cache(tmp_path).store(KEY, DONE)
    assert [path.name for path in drafts.iterdir()] == ["new"]


def test_another_engine_knows_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path)
    cache.store(KEY, DONE)
    monkeypatch.setattr("archloom.search.cache.engine_fingerprint", lambda: "another")
    assert cache.load(KEY) is None


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARCHLOOM_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_folder() == tmp_path / "own"
    monkeypatch.delenv("ARCHLOOM_CACHE")
    assert default_folder() == tmp_path / "xdg" / "archloom"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder() == Path.home() / ".cache" / "archloom"
    assert open_cache(False) is None
    there, here = open_cache(True), open_cache(str(tmp_path))
    assert there and there.folder == default_folder()
    assert here and here.folder == tmp_path


WRITER = """
import sys
from archloom.search.cache import Cache
cache = Cache(__import__("pathlib").Path(sys.argv[1]))
print("ready", flush=True)
for turn in range(100000):
    for at in range(8):
        key = f"{at:02x}" + "0" * 62
        content = cache.load(key)
        assert content is None or content["text"] == content["turn"] * 1000
        cache.store(key, {"finished": True, "turn": sys.argv[2], "text": sys.argv[2] * 1000})
"""


def test_two_writers_and_a_sudden_end(tmp_path: Path) -> None:
    """Two processes write the same keys as fast as they can and are killed at some moment: every entry is whole."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), name], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for name in "ab"
    ]
    for writer in writers:
        assert writer.stdout and writer.stdout.readline() == b"ready\n"
    time.sleep(0.7)
    for writer in writers:
        assert writer.poll() is None, writer.communicate()
        writer.kill()
        writer.communicate()
    cache = Cache(tmp_path)
    for at in range(8):
        content = cache.load(f"{at:02x}" + "0" * 62)
        assert content is not None
        assert content["text"] in ("a" * 1000, "b" * 1000)
    for path in tmp_path.rglob("*.json"):
        json.loads(path.read_text().partition("\n")[2])
