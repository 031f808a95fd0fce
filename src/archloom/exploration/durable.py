"""Files that are there whole or not at all, also after a power cut."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["DRAFT", "write_durably"]

DRAFT = ".draft"
"""What the name of a file ends with while it is being written."""


def write_durably(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a draft beside `path`, wait until the disk has it, and give it its name. Raises OSError."""
    draft = path.with_name(path.name + DRAFT)
    try:
        write(draft)
        _sync(draft)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """So that the name outlasts a power cut, too; not every system lets a folder be synced."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
