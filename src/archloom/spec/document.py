"""The YAML loader: safe, strict about duplicates, and every value knows its file, line and column."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.spec.composer import Composer
from archloom.spec.values import Scalar, Value, YamlList, YamlMap

__all__ = ["Scalar", "Value", "YamlList", "YamlMap", "parse", "read", "salvage"]

MAX_BYTES = 64 * 2**20
MAX_DIRECTIVES = 100

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONG_NAME = re.compile(r"(?:^|[\s\[{,:-])[!&*][^\s]{4096}")


def read(path: str | PathLike[str]) -> str:
    """Return the text of a file; raises InputError when it is missing, too large (64 MiB) or not UTF-8."""
    file = Path(path)
    place = Place(str(path))
    try:
        if not file.is_file():
            what = "is a folder; expected a file" if file.is_dir() else "no such file"
            raise InputError(Fault(what, place, _neighbour(file)))
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"the file has {size / 2**20:.0f} MiB; expected at most {MAX_BYTES // 2**20}", place)
        data = file.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"cannot read the file: {reason}", place) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        message = f"the file is not UTF-8 text: byte 0x{data[error.start]:02x} cannot be decoded"
        raise InputError(message, Place(str(path), line, column)) from None


def _neighbour(file: Path) -> str | None:
    names = [entry.name for entry in file.parent.iterdir()] if file.parent.is_dir() else []
    hint = did_you_mean(file.name, names)
    return hint if hint.startswith("did") else None


def parse(text: str, source: str, *, tags: frozenset[str] = frozenset()) -> Value:
    """Parse one YAML document into dicts, lists and scalars that carry their places.

    `source` names the text in messages. Mappings and sequences with a local tag of `tags` (such as `!Component`) keep it in
    `.tag`; any other tag is a fault. Merge keys `<<` (shallow) and `<<<` (nested mappings are merged too) are applied, keys
    written beside them win, and of several merged mappings the first wins. The place of a quoted string is its first character.
    Raises InputError with every fault found: syntax, duplicate keys, unknown tags and aliases, cycles, more than 300,000
    values (1,000,000 after aliases are expanded), nesting beyond 100, control characters, several documents, an empty text.
    """
    faults: list[Fault] = []
    value = salvage(text, source, faults, tags=tags)
    if faults:
        raise InputError(faults)
    return value


def salvage(text: str, source: str, faults: list[Fault], *, tags: frozenset[str] = frozenset()) -> Value:
    """Parse as `parse` does, but append the faults to `faults` and return what could still be read (None if nothing)."""
    try:
        _check_characters(text, source)
        composer = Composer(text, source, tags)
        value = composer.document()
    except InputError as error:
        faults += error.faults
        return None
    faults += composer.faults
    return value


def _check_characters(text: str, source: str) -> None:
    if len(text) > MAX_BYTES:
        raise InputError(f"the text has more than {MAX_BYTES // 2**20} Mi characters", Place(source))
    bad = _FORBIDDEN.search(text)
    if bad is not None:
        start = bad.start()
        place = Place(source, text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start))
        raise InputError(
            f"the character U+{ord(bad.group()):04X} is not allowed in YAML; expected printable text", place
        )
    # libyaml reads a long tag in quadratic time
    long = _LONG_NAME.search(text)
    if long is not None:
        place = Place(source, text.count("\n", 0, long.start()) + 1, 1)
        raise InputError("a tag, anchor or alias of more than 4096 characters", place)
    # libyaml compares every %TAG directive with all earlier ones
    if text.count("\n%") > MAX_DIRECTIVES:
        raise InputError(f"more than {MAX_DIRECTIVES} lines start with '%' (YAML directives)", Place(source))
