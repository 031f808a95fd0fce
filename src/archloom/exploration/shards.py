"""The rows of a study as Parquet files, one per batch: written whole, in order, with the same bytes for the same rows."""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archloom.errors import ArchloomError, InputError, Place
from archloom.exploration.durable import DRAFT, write_durably

if TYPE_CHECKING:
    import polars

__all__ = [
    "SHARDS",
    "need_polars",
    "rows_in",
    "shard_frame",
    "shard_path",
    "shard_with",
    "shards_of",
    "sweep",
    "write_shard",
]

SHARDS = "shards"
_MAGIC = b"PAR1"
_NAME = re.compile(r"(\d{6,})\.parquet")


def need_polars() -> None:
    """Raise InputError, saying how to install it, where Polars is missing."""
    if find_spec("polars") is None:
        raise InputError(
            "studies are kept as Parquet files, which needs Polars", hint="pip install 'archloom[explore]'"
        )


def shards_of(folder: Path, known: Sequence[Path] = ()) -> list[Path]:
    """The complete shards of a study, from the first on without a gap; `known`: the first of them, as an earlier call gave them."""
    found = list(known)
    while _is_whole(path := shard_path(folder, len(found))):
        found.append(path)
    return found


def shard_path(folder: Path, number: int) -> Path:
    """Where shard `number` is."""
    return folder / SHARDS / f"{number:06d}.parquet"


def sweep(folder: Path) -> list[Path]:
    """Remove what a killed writer left after the last complete shard: drafts, and what a power cut damaged; the latter's paths.

    Raises InputError where a damaged shard is followed by others: no writer that was stopped leaves that.
    """
    for path in _files(folder):
        if path.name.endswith(DRAFT):
            path.unlink(missing_ok=True)
    numbered = sorted((int(m[1]), path) for path in _files(folder) if (m := _NAME.fullmatch(path.name)))
    beyond = [path for number, path in numbered if number >= len(shards_of(folder))]
    if len(beyond) > 1:
        advice = f"delete it and the {len(beyond) - 1} after it, and they are worked out again"
        raise InputError("the shard is damaged or missing before this one", Place(str(beyond[0])), advice)
    for path in beyond:
        path.unlink()
    return beyond


def write_shard(folder: Path, number: int, frame: polars.DataFrame) -> None:
    """Write rows as shard `number`, a single row group. Raises OSError."""
    content = BytesIO()  # Polars, given a path, tells of a full disk in its own way
    frame.write_parquet(content, compression="zstd", row_group_size=max(1, frame.height))
    write_durably(shard_path(folder, number), lambda draft: draft.write_bytes(content.getvalue()))


def shard_frame(columns: Mapping[str, Any], first: int, schema: Mapping[str, Any] | None = None) -> polars.DataFrame:
    """Columns of equal length as a frame, after `design`: the numbers of its rows from `first` on.

    Integers, floats and truth values are 64, 64 and 1 bits wide; all else is text, null where None. With the `schema` of the
    shards before, columns have to be those, and values have to fit without loss.
    """
    import polars as pl

    series = [_series(name, column) for name, column in columns.items()]
    rows = len(series[0]) if series else 0
    design = pl.Series("design", np.arange(first, first + rows, dtype=np.int64))
    frame = pl.DataFrame([design, *series])
    if schema is None or dict(frame.schema) == dict(schema):
        return frame
    if list(frame.schema) != list(schema):
        odd = sorted(set(frame.schema) ^ set(schema)) or list(frame.schema)
        raise ArchloomError(f"a batch has other columns than the study: {', '.join(odd)}")
    for name, wanted in schema.items():
        if frame.schema[name] != wanted:
            frame = frame.with_columns(_fitted(frame[name], wanted))
    return frame


def _series(name: str, column: Any) -> polars.Series:
    import polars as pl

    values = np.asarray(column) if not isinstance(column, (list, tuple)) else _plain_array(column)
    kind = values.dtype.kind
    if kind == "b":
        return pl.Series(name, values.astype(bool))
    if kind in "iu":
        return pl.Series(name, values).cast(pl.Int64)
    if kind == "f":
        return pl.Series(name, values.astype(np.float64))
    return pl.Series(name, [None if v is None else str(v) for v in values.tolist()], dtype=pl.String)


def _plain_array(column: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Lists of texts stay lists: NumPy would pad all to the longest."""
    if any(isinstance(value, str) or value is None for value in column):
        values = np.empty(len(column), dtype=object)
        values[:] = list(column)
        return values
    return np.asarray(column)


def _fitted(series: polars.Series, wanted: Any) -> polars.Series:
    import polars as pl

    if wanted == pl.String:
        return series.cast(pl.String)
    if wanted == pl.Float64 and series.dtype == pl.Int64:
        return series.cast(pl.Float64)
    if wanted == pl.Int64 and series.dtype == pl.Float64:
        whole = series.cast(pl.Int64, strict=False)
        if whole.null_count() == 0 and (whole.cast(pl.Float64) == series).all():
            return whole
    raise ArchloomError(f"column {series.name!r} of a batch holds {series.dtype}, and the study's {wanted}")


def rows_in(shards: Sequence[Path]) -> int:
    """How many designs so many shards hold: one more than the number of the last."""
    return int(_designs(shards[-1])[-1]) + 1 if shards else 0


def shard_with(shards: Sequence[Path], design: int) -> Path | None:
    """The shard that holds a design; None if none does."""
    at = bisect_right(shards, design, key=lambda path: int(_designs(path)[0])) - 1
    return shards[at] if at >= 0 and design in _designs(shards[at]) else None


def _designs(shard: Path) -> polars.Series:
    import polars as pl

    return pl.read_parquet(shard, columns=["design"])["design"]


def _files(folder: Path) -> list[Path]:
    try:
        return list((folder / SHARDS).iterdir())
    except FileNotFoundError:
        return []


def _is_whole(path: Path) -> bool:
    """Whether a Parquet file has its head and its foot."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
            size = file.seek(0, 2)
            if size < 12:
                return False
            file.seek(-8, 2)
            foot = file.read(8)
    except OSError:
        return False
    (length,) = struct.unpack("<I", foot[:4])
    return head == foot[4:] == _MAGIC and length + 12 <= size
