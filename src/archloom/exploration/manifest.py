"""The manifest of a study: what it was made from, in full, and how two such differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from archloom.errors import Fault, InputError, Place, nearest
from archloom.exploration.durable import write_durably

__all__ = ["MANIFEST", "Manifest", "differences", "make_manifest", "read_manifest", "versions", "write_manifest"]

MANIFEST = "manifest.json"
FORMAT = "archloom-study-1"
PACKAGES = ("archloom", "numpy", "polars")
MOST_SHOWN = 60
ENDINGS = ("inputs.search.time_limit_s",)
"""What says when a run ends, and no more: a study may go on with another."""

Manifest = dict[str, Any]
"""Plain values, ready for JSON: `format`, `inputs`, `inputs_sha256`, `seed`, `versions`, `command`, `space`."""


def make_manifest(
    inputs: Mapping[str, Any], *, seed: int, space: Mapping[str, Any] | None = None, command: str = ""
) -> Manifest:
    """The manifest of a study of these resolved inputs (plain values, every source text among them).

    `space` says how many designs there are, before and after constraints. `command` should name only what the results depend on.
    """
    plain = json.loads(_text(inputs))
    return {
        "format": FORMAT,
        "inputs": plain,
        "inputs_sha256": hashlib.sha256(_text(plain).encode()).hexdigest(),
        "seed": seed,
        "space": json.loads(_text(space or {})),
        "versions": versions(),
        "command": command,
    }


def versions() -> dict[str, str]:
    """The versions of what a study's bytes depend on; empty for what is not installed."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = ""
    return found


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it whole. Raises OSError."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_durably(folder / MANIFEST, lambda draft: draft.write_text(text, "utf-8", newline="\n"))


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the study in a folder. Raises InputError where there is none, or none that this version reads."""
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        what = "there is no study in this folder" if folder.is_dir() else "no such folder"
        raise InputError(what, Place(str(folder)), "expected the folder that `archloom explore -o` made") from None
    except (OSError, ValueError) as error:
        raise InputError(f"the manifest of the study cannot be read: {error}", Place(str(path))) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else content
        raise InputError(f"this version of archloom does not read such a study: {found!r}", Place(str(path), 1, 1))
    return content


def differences(old: Manifest, new: Manifest) -> list[Fault]:
    """What keeps a study from going on with other inputs: a fault for each value that differs; none if it may go on."""
    faults = [
        Fault(
            f"the study was made with {package} {old['versions'].get(package)}, and this is {now}",
            hint=f"install {package} {old['versions'].get(package)} to resume it, or begin a new study",
        )
        for package, now in new["versions"].items()
        if old["versions"].get(package) != now
    ]
    searches = old["inputs"].get("search"), new["inputs"].get("search")
    if not all(isinstance(search, dict) and "seed" in search for search in searches):
        faults += _unequal("seed", old["seed"], new["seed"])
    return [*faults, *_unequal("inputs", old["inputs"], new["inputs"])]


def _unequal(path: str, old: Any, new: Any) -> Iterator[Fault]:
    if path in ENDINGS:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _unequal_tables(path, old, new)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for at, (before, now) in enumerate(zip(old, new, strict=True)):
            yield from _unequal(f"{path}[{at}]", before, now)
    elif isinstance(old, str) and isinstance(new, str) and ("\n" in old or "\n" in new):
        yield from _unequal_texts(path, old, new)
    elif type(old) is not type(new) or old != new:
        yield Fault(f"{path} is {_shown(old)} in the study, and {_shown(new)} now")


def _unequal_tables(path: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Fault]:
    gone, added = [key for key in old if key not in new], [key for key in new if key not in old]
    for key in old:
        if key in new:
            yield from _unequal(f"{path}.{key}", old[key], new[key])
    for key in gone:
        close = nearest(key, added)
        yield Fault(f"{path}.{key} is in the study, and not given now", hint=f"{close!r} is new" if close else None)
    for key in added:
        close = nearest(key, gone)
        yield Fault(f"{path}.{key} is new", hint=f"the study has {close!r}" if close else None)


def _unequal_texts(path: str, old: str, new: str) -> Iterator[Fault]:
    """Where two texts part: one fault, at the first line that differs."""
    if old == new:
        return
    before, now = old.split("\n"), new.split("\n")
    pairs = zip(before, now, strict=False)
    at = next((k for k, (a, b) in enumerate(pairs) if a != b), min(len(before), len(now)))
    was, is_now = ("" if at >= len(lines) else lines[at].strip() for lines in (before, now))
    yield Fault(f"{path}, line {at + 1}, is {_shown(was)} in the study, and {_shown(is_now)} now")


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def _text(value: Any) -> str:
    """The value as JSON, the same for equal values whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
