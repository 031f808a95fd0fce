"""MAESTRO's recorded runs: a sample that is always here, and all of them where they are at hand."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from archloom.errors import InputError
from archloom.interop.maestro import run

SAMPLE = Path(__file__).parents[2] / "data" / "maestro_records.jsonl.gz"
REFERENCE = Path(__file__).parents[4] / "shared" / "reference" / "maestro"

Record = dict[str, Any]


def read(path: Path) -> list[Record]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def options_of(record: Record) -> dict[str, Any]:
    pairs = (option.lstrip("-").split("=") for option in record.get("cli") or ())
    return {name: int(value) for name, value in pairs}


def near(theirs: Any, ours: Any) -> bool:
    if isinstance(theirs, str) or isinstance(ours, str):
        return theirs == ours
    if math.isnan(theirs):
        return math.isnan(ours)
    return math.isclose(theirs, ours, rel_tol=2e-5)


def unlike(theirs: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Every number of a record, its binary printed six digits, that is not the same here."""
    if isinstance(theirs, dict):
        if theirs.keys() != ours.keys():
            yield f"{path}: keys {sorted(theirs.keys() ^ ours.keys())}"
        for key in theirs.keys() & ours.keys():
            yield from unlike(theirs[key], ours[key], f"{path}/{key}")
    elif not near(theirs, ours):
        yield f"{path}: {theirs} there, {ours} here"


def compare(record: Record) -> list[str]:
    """What differs between a recorded run and ours; a failure of the binary has to be an InputError with a place."""
    code = record["rc"] if "rc" in record else record["result"]["rc"]
    layers = record["layers"] if "layers" in record else record["result"]["layers"]
    try:
        found = run(record["mapping"], record["hw"], **options_of(record))
    except InputError as error:
        unplaced = [fault.message for fault in error.faults if fault.place is None or not fault.place.line]
        return [f"refused: {error}"] if code == 0 else unplaced
    if code:
        return [f"the binary fails with {code}"]
    if len(found) != len(layers):
        return [f"{len(layers)} layers there, {len(found)} here"]
    return [
        difference
        for number, (theirs, ours) in enumerate(zip(layers, found, strict=True))
        for difference in unlike(theirs, ours, str(number))
    ]


@pytest.fixture(scope="session")
def sample() -> list[Record]:
    return read(SAMPLE)


@pytest.fixture(scope="session")
def differences() -> Callable[[Record], list[str]]:
    return compare


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], list[Record]]:
    """Read one of the complete files of records, or skip where they are not at hand."""

    def all_of(name: str) -> list[Record]:
        path = REFERENCE / f"{name}.jsonl.gz"
        if not path.exists():
            pytest.skip("needs the complete records of MAESTRO, which are not part of this project")
        return read(path)

    return all_of
