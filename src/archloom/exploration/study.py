"""A study to read: the designs judged so far, the best, the front; also while it is still being written."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archloom.display import Displayed
from archloom.errors import InputError, Place, did_you_mean
from archloom.exploration.folder_lock import is_locked
from archloom.exploration.manifest import Manifest, read_manifest
from archloom.exploration.shards import need_polars, shard_path, shard_with, shards_of
from archloom.exploration.timings import read_timings

if TYPE_CHECKING:
    import polars

__all__ = ["GOAL", "MAPPING", "PARAMETER", "Study", "StudyProgress", "open_study"]

PARAMETER, GOAL, MAPPING = "p:", "objective:", "mapping"
"""What the names of the columns of parameters and of objectives begin with, and the name of the column of mappings."""


@dataclass(frozen=True, slots=True)
class StudyProgress:
    """How far a study is: designs judged, within budget, and without an answer; shards; whether a process is writing it.

    `admitted` is the number of designs in the space, None where it is not known. `wall_s` and `cpu_s` add up all batches.
    """

    designs: int
    feasible: int
    failed: int
    shards: int
    admitted: int | None
    running: bool
    wall_s: float
    cpu_s: float


class Study(Displayed):
    """The rows of a study as far as they are on disk; each call sees what is there by then.

    A row is a design: `design` (its number), `p:NAME` (parameters), metrics with their units in the names, `objective:NAME`
    (minimised), `feasible`, `excess` (how far over budget), `reason` (why it has no answer) and `mapping` (JSON).
    """

    def __init__(self, folder: Path, manifest: Manifest, *, kept: object = None) -> None:
        self.folder = folder
        self.manifest = manifest
        self._kept = kept  # a temporary folder goes when nobody holds it any longer
        self._shards: list[Path] = []
        self._rows: polars.DataFrame | None = None
        self._columns: list[str] = []
        self._mark: tuple[int, int] | None = None

    def __repr__(self) -> str:
        now = self.progress
        state = "running" if now.running else "at rest"
        return f"Study({str(self.folder)!r}: {now.designs:,} designs, {now.feasible:,} within budget, {state})"

    @property
    def name(self) -> str:
        """The name that its file gives it, else that of its folder."""
        return str(self.manifest["inputs"].get("name") or self.folder.name)

    @property
    def columns(self) -> list[str]:
        """The names of all columns; none before the first batch."""
        self._read()
        return list(self._columns)

    @property
    def parameters(self) -> list[str]:
        """The names of the parameters that are recorded."""
        return [name.removeprefix(PARAMETER) for name in self.columns if name.startswith(PARAMETER)]

    @property
    def objectives(self) -> list[str]:
        """The names of the objectives, the first one first."""
        return [name.removeprefix(GOAL) for name in self.columns if name.startswith(GOAL)]

    def lazy(self) -> polars.LazyFrame:
        """All columns of all rows, as a query that reads what it needs; `mapping` is by far the largest column."""
        import polars as pl

        self._read()
        return pl.scan_parquet(self._shards) if self._shards else _no_rows()

    def frame(self, columns: Sequence[str] | None = None) -> polars.DataFrame:
        """The rows in the order of their numbers: with these columns, or all but `mapping`. Raises InputError, naming the nearest."""
        rows, known = self._read(), self.columns
        if columns is None or not known:
            return rows
        if unknown := [name for name in columns if name not in known]:
            raise InputError(f"the study has no column {unknown[0]!r}", hint=did_you_mean(unknown[0], known))
        return self.lazy().select(columns).collect() if MAPPING in columns else rows.select(columns)

    def row(self, design: int) -> dict[str, Any]:
        """Everything about one design, `mapping` as plain values. Raises InputError for a number that no row has."""
        import polars as pl

        rows = self._read()
        shard = shard_with(self._shards, design)
        if shard is None:
            raise InputError(f"the study has no design {design}", hint=f"it has {rows.height:,}, from 0 on")
        (row,) = pl.read_parquet(shard).filter(pl.col("design") == design).to_dicts()
        if row.get(MAPPING):
            row[MAPPING] = json.loads(row[MAPPING])
        return row

    def mappings(self, designs: Sequence[int]) -> dict[int, str]:
        """The `mapping` of some designs, as JSON, by their numbers; of the others nothing is read."""
        import polars as pl

        if not len(designs) or MAPPING not in self.columns:
            return {}
        found: dict[int, str] = {}
        for design in designs:
            if design in found:
                continue
            shard = shard_with(self._shards, design)
            if shard is not None:
                rows = pl.scan_parquet(shard).filter(pl.col("design").is_in(list(designs))).select("design", MAPPING)
                found |= dict(rows.collect().iter_rows())
        return {design: found[design] for design in designs if design in found}

    def best(self, objective: str | None = None) -> dict[str, Any] | None:
        """The `row` with the least of an objective, by default the first, within budget; None if there is none.

        Of equal ones, the first. Raises InputError for an unknown objective.
        """
        goals = self._goals(None if objective is None else [objective])[:1]
        rows = self._settled(goals)
        if not rows.height:
            return None
        return self.row(int(rows["design"][int(np.argmin(rows[goals[0]].to_numpy()))]))

    def winner_yaml(self, objective: str | None = None) -> str | None:
        """The file of the machine of `best`, with its constraints, as `archloom map --arch` takes it; None if there is none.

        Raises InputError where the inputs of the study cannot be read any more.
        """
        from archloom.exploration.rebuild import request_of, tables_of
        from archloom.exploration.winner import design_yaml

        best = self.best(objective)
        if best is None:
            return None
        request = request_of(self.manifest["inputs"])
        if request is None:
            raise InputError(
                "this version of archloom cannot read the inputs of the study again", Place(str(self.folder))
            )
        (design,) = request.space.unflat([int(best["position"])])
        goal = objective or self.objectives[0]
        title = f"{self.name}: design {best['design']}, the best in {goal}"
        if names := tables_of(request):
            title += f"\nIt needs these tables of components, by paths from this file: {', '.join(names)}"
        return design_yaml(request, design, title=title)

    def front(self, objectives: Sequence[str] | None = None) -> polars.DataFrame:
        """The rows within budget that no other beats in all objectives, by the first objective; of equal ones, the first.

        All columns but `mapping`. Raises InputError for an unknown objective.
        """
        import polars as pl

        goals = self._goals(objectives)
        rows = self._settled(goals)
        if rows.height:
            rows = rows.filter(pl.Series(_undominated(rows.select(goals).to_numpy())))
        return rows.sort([*goals, "design"])

    def get(self, name: str) -> Any:
        """What the store keeps beside the rows as `NAME.json`; None if there is none."""
        try:
            return json.loads((self.folder / f"{name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def to_dict(self) -> dict[str, Any]:
        """The study in short, as plain values ready for JSON: progress, the best design per objective, the front. None: not known.

        Beside them the baseline at its best mappings, and what the best design gains over it.
        """
        now, base = self.progress, self.get("baseline")
        return {
            "name": self.name,
            "folder": str(self.folder),
            "inputs_sha256": self.manifest["inputs_sha256"],
            "space": self.manifest["space"],
            "designs": now.designs,
            "feasible": now.feasible,
            "failed": now.failed,
            "running": now.running,
            "ended": (self.get("ended") or {}).get("ended"),
            "cpu_s": now.cpu_s,
            "objectives": self.objectives,
            "best": {name: _plain(self.best(name)) for name in self.objectives},
            "front": [_plain(row) for row in self.front().iter_rows(named=True)],
            "baseline": None if base is None else {name: value for name, value in base.items() if name != MAPPING},
            "gains": self.get("gains"),
        }

    @property
    def progress(self) -> StudyProgress:
        """How far it is."""
        running, rows = is_locked(self.folder), self._read()
        lines = {line["shard"]: line for line in read_timings(self.folder) if "shard" in line}
        wall, cpu = (sum(float(line.get(name, 0)) for line in lines.values()) for name in ("wall_s", "cpu_s"))
        feasible = failed = 0
        if {"feasible", "reason", "excess"} <= set(rows.columns):
            feasible = int(rows["feasible"].sum())
            failed = int(((rows["reason"] != "") & rows["excess"].is_infinite()).sum())
        admitted = self.manifest["space"].get("admitted")
        return StudyProgress(rows.height, feasible, failed, len(self._shards), admitted, running, wall, cpu)

    def _read(self) -> polars.DataFrame:
        """All columns but `mapping` of all rows that are there now; what an earlier call read is kept."""
        import polars as pl

        mark = _mark(shard_path(self.folder, 0))
        if mark != self._mark:  # another study is in the folder now
            self._mark, self._shards, self._rows, self._columns = mark, [], None, []
        shards = shards_of(self.folder, self._shards)
        if new := shards[len(self._shards) :]:
            query = pl.scan_parquet(new)
            self._columns = query.collect_schema().names()
            rows = query.select(name for name in self._columns if name != MAPPING).collect()
            self._rows = rows if self._rows is None else pl.concat([self._rows, rows])
            self._shards = shards
        return _no_rows().collect() if self._rows is None else self._rows

    def _goals(self, objectives: Sequence[str] | None) -> list[str]:
        """The columns of objectives, by default of all; none before the first batch."""
        known = self.objectives
        for name in objectives or ():
            if known and name not in known:
                raise InputError(f"the study has no objective {name!r}", hint=did_you_mean(name, known))
        return [GOAL + name for name in objectives or known] if known else []

    def _settled(self, goals: Sequence[str]) -> polars.DataFrame:
        """The rows that are within budget and have all of these objectives."""
        import polars as pl

        rows = self._read()
        if not goals:
            return rows.clear()
        return rows.filter("feasible", *(pl.col(goal).is_finite() for goal in goals))


def _mark(path: Path) -> tuple[int, int] | None:
    """What tells a file from another of the same name; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _no_rows() -> polars.LazyFrame:
    """No rows, before there are columns."""
    import polars as pl

    return pl.LazyFrame({"design": pl.Series([], dtype=pl.Int64)})


def _plain(value: Any) -> Any:
    """The value with None for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _undominated(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """[B]: whether no other row is at least as good in all columns and better in one; of equal rows only the first is."""
    if values.shape[1] == 1:
        only = np.zeros(len(values), dtype=bool)
        only[np.argmin(values[:, 0])] = True
        return only
    import moocore

    return np.asarray(moocore.is_nondominated(np.ascontiguousarray(values, dtype=np.float64)), dtype=bool)


def open_study(folder: str | PathLike[str]) -> Study:
    """The study in a folder, finished or not. Raises InputError where there is none."""
    need_polars()
    path = Path(folder)
    return Study(path, read_manifest(path))
