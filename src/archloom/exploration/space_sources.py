"""The files that a space file leads to: paths go from its folder, and each text is kept under the name it was asked for by."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path

from archloom.spec.document import read

__all__ = ["Sources"]


class Sources:
    """The texts read so far; `name` is that of the space file, whose folder paths start from."""

    def __init__(self) -> None:
        self.name = "text"
        self.texts: dict[str, str] = {}

    def open(self, path: str | PathLike[str]) -> str:
        """The text of the space file itself. Raises InputError where it cannot be read."""
        self.name = os.fspath(path)
        return read(path)

    def keep(self, name: str, text: str) -> None:
        """Keep a text for the record."""
        self.texts[name] = text

    def path(self, name: str) -> str:
        """Where the file is that the space file calls `name`, as a path from here."""
        folder = Path(self.name).parent
        return name if Path(name).is_absolute() or str(folder) == "." else str(folder / name)

    def is_file(self, name: str) -> bool:
        """Whether there is such a file."""
        try:
            return Path(self.path(name)).is_file()
        except (OSError, ValueError):
            return False
