"""How long each batch of a study took, and on which worker: lines beside the study that no result depends on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["TIMINGS", "append_timing", "read_timings"]

TIMINGS = "timings.jsonl"


def append_timing(folder: Path, line: Mapping[str, Any]) -> None:
    """Add a line; what a killed process left unfinished is closed first, so that this one can be read."""
    path = folder / TIMINGS
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, 2)
            torn = file.read(1) != b"\n"
            file.seek(0, 2)
            if torn:
                file.write(b"\n")
        file.write(json.dumps(dict(line), sort_keys=True).encode() + b"\n")


def read_timings(folder: Path) -> list[dict[str, Any]]:
    """All lines that can be read, in the order they were written."""
    try:
        lines = (folder / TIMINGS).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    found: list[dict[str, Any]] = []
    for line in lines:
        try:
            content = json.loads(line)
        except ValueError:
            continue
        if isinstance(content, dict):
            found.append(content)
    return found
