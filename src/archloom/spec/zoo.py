"""The machines that come with archloom, by name."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

__all__ = ["find_machine", "machine_names"]

_ZOO = "archloom.architecture"


def machine_names() -> tuple[str, ...]:
    """The names of the machines in the zoo, in order."""
    return tuple(sorted(file.stem for file in _folder().glob("*.yaml")))


def find_machine(name: str) -> Path | None:
    """The file of a machine, or None; case, punctuation and a final `like` do not matter: `Simba` is `simba_like`."""
    for known in machine_names():
        if _folded(known) == _folded(name):
            return _folder() / f"{known}.yaml"
    return None


def _folder() -> Path:
    return Path(str(files(_ZOO))) / "zoo"


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name[:100].casefold()).removesuffix("like")
