"""Answers of earlier searches on disk, found by the content of the problem; safe to share, to kill, and to damage."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
import warnings
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path

from archloom.search.canonical import Numbers, engine_fingerprint

__all__ = ["Cache", "Entry", "default_folder", "open_cache"]

FORMAT = "archloom-mapping-1"
STALE_S = 3600.0
"""A draft this old was left by a process that was killed."""


@dataclass(frozen=True)
class Entry:
    """What is known about one problem.

    `mapping`: the best one found, without names (None: none found). `bound`: no mapping costs less. `finished`: the mapping is the
    optimum, or there is none at all. `priced`, `cpu_s`: what that took so far.
    """

    mapping: Numbers | None
    energy_pj: float
    cycles: int
    bound: float
    finished: bool
    priced: int
    cpu_s: float
    excluded: dict[str, int] = field(default_factory=dict)


class Cache:
    """A folder with one file per problem.

    Files are written beside and renamed into place, so a reader sees a whole entry or none, whoever writes, and whatever is
    killed. Each begins with the digest of its content: a damaged one is no entry. A disk that is full or read-only costs one
    warning, and the answers are not kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._works = True

    def load(self, key: str) -> Entry | None:
        """The entry of a problem, or None."""
        try:
            head, _, body = self._path(key).read_text("utf-8").partition("\n")
            if head != f"{FORMAT} {_digest(body)}":
                return None
            content = json.loads(body)
            return Entry(**content) if content.pop("key") == key else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def store(self, key: str, entry: Entry) -> None:
        """Keep an entry, unless a better one is there: a finished one is never replaced by an unfinished one."""
        known = self.load(key)
        if known is not None and known.finished and not entry.finished:
            return
        body = json.dumps({"key": key, **asdict(entry)}, sort_keys=True)
        if self._works:
            try:
                self._write(self._path(key), f"{FORMAT} {_digest(body)}\n{body}")
            except OSError as error:
                self._works = False
                reason = error.strerror or error
                warnings.warn(f"answers are not kept: cannot write to the cache {self.folder}: {reason}", stacklevel=2)

    def _path(self, key: str) -> Path:
        return self.folder / engine_fingerprint() / key[:2] / f"{key[2:]}.json"

    def _write(self, path: Path, text: str) -> None:
        drafts = self.folder / "drafts"
        for folder in (drafts, path.parent):
            folder.mkdir(parents=True, exist_ok=True)
        _sweep(drafts)
        handle, name = tempfile.mkstemp(dir=drafts)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _sweep(drafts: Path) -> None:
    """Remove what killed processes left."""
    now = time.time()
    for draft in drafts.iterdir():
        with contextlib.suppress(OSError):
            if now - draft.stat().st_mtime > STALE_S:
                draft.unlink()


def default_folder() -> Path:
    """`$ARCHLOOM_CACHE`, else `archloom` in `$XDG_CACHE_HOME` or `~/.cache`."""
    own = os.environ.get("ARCHLOOM_CACHE")
    if own:
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "archloom"


def open_cache(where: bool | str | PathLike[str]) -> Cache | None:
    """The cache in a folder; with True in the default one, with False none."""
    if where is False:
        return None
    return Cache(default_folder() if where is True else Path(where))
