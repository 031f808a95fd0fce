"""Tables of facts that come with the package, read once."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

__all__ = ["rows"]


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of `tables/<name>.csv` as dictionaries of text; lines that begin with `#` are remarks."""
    text = files("archloom.technology").joinpath("tables", f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
