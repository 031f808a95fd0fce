"""Answers of earlier searches on disk, found by the content of the problem; safe to share, to kill, and to damage."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
import warnings
from os import PathLike
from pathlib import Path
from typing import Any

from archloom.search.canonical import engine_fingerprint

__all__ = ["Cache", "Content", "default_folder", "open_cache"]

FORMAT = "archloom-mapping-1"
STALE_S = 3600.0
"""A draft this old was left by a process that was killed."""


Content = dict[str, Any]
"""An entry: plain values, with at least `finished`, whether it is the last word on the problem."""


class Cache:
    """A folder with one file per problem.

    Files are written beside and renamed into place, so a reader sees a whole entry or none, whoever writes, and whatever is
    killed. Each begins with the digest of its content: a damaged one is no entry. A disk that is full or read-only costs one
    warning, and the answers are not kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._works = True

    def load(self, key: str) -> Content | None:
        """The entry of a problem, or None."""
        try:
            head, _, body = self._path(key).read_text("utf-8").partition("\n")
            if head != f"{FORMAT} {_digest(body)}":
                return None
            content = json.loads(body)
            return content if content.pop("key") == key and isinstance(content["finished"], bool) else None
        except (OSError, ValueError, TypeError, LookupError, AttributeError):
            return None

    def store(self, key: str, content: Content) -> None:
        """Keep an entry; a finished one is never replaced by an unfinished one."""
        known = self.load(key)
        if known is not None and known["finished"] and not content["finished"]:
            return
        body = json.dumps({"key": key, **content}, sort_keys=True)
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
