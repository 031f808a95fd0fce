"""A study being written: a folder with a manifest and a shard per batch that a kill at any moment cannot spoil."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sys
import tempfile
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from archloom.errors import ArchloomError, Fault, InputError, Place
from archloom.exploration.durable import write_durably
from archloom.exploration.folder_lock import LOCK, FolderLock
from archloom.exploration.manifest import MANIFEST, Manifest, differences, read_manifest, write_manifest
from archloom.exploration.shards import (
    SHARDS,
    need_polars,
    rows_in,
    shard_frame,
    shard_path,
    shards_of,
    sweep,
    write_shard,
)
from archloom.exploration.timings import TIMINGS, append_timing

if TYPE_CHECKING:
    import polars

    from archloom.exploration.study import Study

__all__ = ["Store"]

OURS = {LOCK, SHARDS, TIMINGS, f"{MANIFEST}.draft"}
"""What a folder may hold whose study was killed before it began."""


class Store:
    """The folder of a study while it is written: `append` adds a batch of rows that is then on disk.

    With `resume` the study that is there goes on: `replay` gives its batches, and `manifest` has to say the same as before; where
    there is none, it begins. With `replace` a study that is there is deleted. Without a folder a temporary one is used, for as long
    as the Study of it is. Raises InputError where another process writes the same study, where the inputs are others (which), or
    where the folder holds anything else.
    """

    def __init__(
        self,
        folder: str | PathLike[str] | None,
        manifest: Manifest,
        *,
        resume: bool = False,
        replace: bool = False,
        run: Mapping[str, Any] | None = None,
    ) -> None:
        need_polars()
        self._kept = _Kept() if folder is None else None
        self.folder = Path(self._kept.path if self._kept else folder or "")
        self.manifest = manifest
        _look(self.folder, may_go_on=resume or replace)
        try:
            (self.folder / SHARDS).mkdir(parents=True, exist_ok=True)
            self._lock = FolderLock(self.folder)
            try:
                begun = _look(self.folder, may_go_on=resume or replace)  # again: another may have begun it since
                if begun and replace and not resume:
                    begun = _delete(self.folder)
                self._enter(begun)
                append_timing(self.folder, {"run": _run_line(run)})
            except BaseException:
                self._lock.release()
                raise
        except OSError as error:
            raise InputError(f"cannot write the study: {error.strerror or error}", Place(str(self.folder))) from None

    def _enter(self, begun: bool) -> None:
        """With the folder ours, take up what is there."""
        self._schema: Mapping[str, Any] | None = None
        if not begun:
            write_manifest(self.folder, self.manifest)
        else:
            before = read_manifest(self.folder)
            if faults := differences(before, self.manifest):
                raise InputError([_refused(self.folder, len(faults)), *faults])
            self.manifest = before
        sweep(self.folder)
        self._paths = shards_of(self.folder)
        self.rows = rows_in(self._paths)
        if self._paths:
            import polars as pl

            self._schema = pl.read_parquet_schema(self._paths[0])

    @property
    def shards(self) -> int:
        """How many batches are on disk."""
        return len(self._paths)

    def replay(self, columns: Sequence[str]) -> Iterator[polars.DataFrame]:
        """The batches that were on disk when this was opened, one frame each, with these columns."""
        import polars as pl

        for path in list(self._paths):
            try:
                yield pl.read_parquet(path, columns=list(columns))
            except (OSError, pl.exceptions.PolarsError) as error:
                advice = "delete it and those after it, and they are worked out again"
                raise InputError(f"the shard cannot be read: {error}", Place(str(path)), advice) from None

    def append(self, columns: Mapping[str, Any], *, timing: Mapping[str, Any] | None = None) -> None:
        """Put a batch on disk: columns of equal length, without `design`, which is added; nothing happens for no rows.

        `timing` goes into a file beside, as it differs from run to run. Raises ArchloomError when the disk does not take it.
        """
        frame = shard_frame(columns, self.rows, self._schema)
        if not frame.height:
            return
        number = len(self._paths)
        with self._writing():
            write_shard(self.folder, number, frame)
            append_timing(self.folder, {"shard": number, "rows": frame.height, "at": time.time(), **(timing or {})})
        self._schema = frame.schema
        self._paths.append(shard_path(self.folder, number))
        self.rows += frame.height

    def put(self, name: str, content: Any) -> None:
        """Keep plain values beside the rows, as `NAME.json`; `Study.get` reads them. Raises ArchloomError as `append` does."""
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        with self._writing():
            write_durably(self.folder / f"{name}.json", lambda draft: draft.write_text(text, "utf-8", newline="\n"))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ArchloomError(
                f"cannot write into {self.folder}: {error.strerror or error}; what is there is whole, and --resume goes on"
            ) from None

    def study(self) -> Study:
        """What is on disk, to read."""
        from archloom.exploration.study import Study

        return Study(self.folder, self.manifest, kept=self._kept)

    def close(self) -> None:
        """Let others write; a second call does nothing."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Kept:
    """A temporary folder that goes when nobody holds this any longer."""

    def __init__(self) -> None:
        self.path = tempfile.mkdtemp(prefix="archloom-study-")
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def _look(folder: Path, *, may_go_on: bool) -> bool:
    """Whether a study is there to go on with. Raises InputError where the folder is not ours to write into."""
    if (folder / MANIFEST).exists():
        if not may_go_on:
            hint = "give --resume to go on with it, --force to replace it, or choose another folder"
            raise InputError("there is a study in this folder already", Place(str(folder)), hint)
        return True
    if folder.exists() and not folder.is_dir():
        raise InputError("the path is a file; expected a folder", Place(str(folder)))
    if folder.is_dir() and any(entry.name not in OURS for entry in folder.iterdir()):
        raise InputError("the folder holds files that are no study", Place(str(folder)), "choose another folder")
    return False


def _delete(folder: Path) -> bool:
    """Delete the study in a folder that is ours, manifest first: whether one is left."""
    read_manifest(folder)  # nothing is deleted that is no study
    (folder / MANIFEST).unlink()
    for path in (folder / SHARDS).iterdir():
        path.unlink()
    for path in [*folder.glob("*.json"), folder / TIMINGS]:
        path.unlink(missing_ok=True)
    return False


def _refused(folder: Path, many: int) -> Fault:
    what = "another input" if many == 1 else f"{many} other inputs"
    return Fault(
        f"the study was begun with {what} and cannot go on with these", Place(str(folder)), "begin a new study"
    )


def _run_line(run: Mapping[str, Any] | None) -> dict[str, Any]:
    python = ".".join(map(str, sys.version_info[:3]))
    return {"at": time.time(), "host": socket.gethostname(), "pid": os.getpid(), "python": python, **(run or {})}
