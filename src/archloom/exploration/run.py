"""The loop of an exploration: ask the strategy for designs, judge the new ones, keep them on disk, tell the strategy."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archloom.errors import InputError, Place
from archloom.exploration.base import Designs, DesignStrategy, Proposal, Scores
from archloom.search.base import rows_of

if TYPE_CHECKING:
    from archloom.exploration.retries import Judging
    from archloom.exploration.store import Store
    from archloom.exploration.workers import Executor

__all__ = ["POSITION", "Explored", "StudyStep", "search_designs"]

MOST_IDLE = 200
"""So many proposals in a row without a new design end the search: it has run dry."""
POSITION = "position"
"""The column with the place of a design in the grid."""


@dataclass(frozen=True, slots=True)
class StudyStep:
    """How far an exploration is: designs judged of at most `planned` (None: no limit), and the least of each objective so far.

    `replayed` of the designs come from an earlier run of the study.
    """

    designs: int
    planned: int | None
    feasible: int
    replayed: int
    best: tuple[float, ...]
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Explored:
    """Why a search ended (`exhausted`, `dry`, `evaluations`, `time`, `stopped`), and how many designs it had judged."""

    ended: str
    designs: int
    feasible: int


@dataclass
class _Archive:
    """What is known of every design judged so far, by its place in the grid."""

    objectives: int
    rows: dict[object, int] = field(default_factory=dict[object, int])
    values: list[NDArray[np.float64]] = field(default_factory=list[NDArray[np.float64]])
    excess: list[float] = field(default_factory=list[float])
    feasible: int = 0
    best: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.best = np.full(self.objectives, np.inf)

    def __len__(self) -> int:
        return len(self.excess)

    def enter(self, keys: Sequence[object], scores: Scores) -> None:
        for key in keys:
            self.rows[key] = len(self.rows)
        self.values += list(scores.values)
        self.excess += scores.excess.tolist()
        good = scores.is_feasible
        self.feasible += int(good.sum())
        if good.any():
            self.best = np.minimum(self.best, scores.values[good].min(axis=0))

    def scores(self, keys: Sequence[object]) -> Scores:
        at = [self.rows[key] for key in keys]
        return Scores(np.stack([self.values[row] for row in at]), np.array([self.excess[row] for row in at]))


def search_designs(
    subject: Any,
    strategy: DesignStrategy[Any],
    judge: Judging,
    store: Store,
    executor: Executor,
    *,
    names: Sequence[str],
    seed: int,
    evaluations: int | None = None,
    time_limit_s: float | None = None,
    positions: Callable[[Designs], Sequence[int]],
    progress: Callable[[StudyStep], None] | None = None,
    stop: threading.Event | None = None,
) -> Explored:
    """Search `subject` (a space of designs, or the joint space) and put every design judged into the store, a shard per batch.

    `names`: the objectives. `positions`: the place of a design in the grid. The batches that the store has from an earlier run are
    taken from there, in order, so that a search that was cut off ends as it would have. `evaluations` designs at most are judged; a
    design that a strategy proposes again is not judged again, unless it comes with mappings of its own. Raises InputError where the
    store holds the batches of another search.
    """
    began, archive = time.monotonic(), _Archive(len(names))
    goals = [f"objective:{name}" for name in names]
    known = store.replay([POSITION, "excess", *goals])
    state, replayed, idle, number = strategy.init(subject, seed), 0, 0, 0

    def ended() -> str:
        if stop is not None and stop.is_set():
            return "stopped"
        if time_limit_s is not None and time.monotonic() - began > time_limit_s:
            return "time"
        return "evaluations" if evaluations is not None and len(archive) >= evaluations else ""

    why = ended()
    while not why:
        proposal = strategy.ask(subject, state)
        if not len(proposal):
            why = "exhausted"
            break
        keys = _keys(proposal, positions(proposal.designs))
        fresh = _first_of_each(keys, archive.rows)
        if evaluations is not None:
            fresh = fresh[: evaluations - len(archive)]
        if fresh:
            part, places = _rows(proposal, fresh), [keys[row] for row in fresh]
            scores = _replayed(known, part, positions, goals, store, number)
            replayed += len(part) if scores is not None else 0
            if scores is None:
                scores = _judged(part, positions, judge, executor, store, goals)
            archive.enter(places, scores)
            number += 1
        idle = 0 if fresh else idle + 1
        if progress is not None:
            elapsed = time.monotonic() - began
            best = tuple(archive.best.tolist())
            progress(StudyStep(len(archive), evaluations, archive.feasible, replayed, best, elapsed))
        why = ended() or ("dry" if idle >= MOST_IDLE else "")
        if not why:
            state = strategy.tell(subject, state, proposal, archive.scores(keys))
    return Explored(why, len(archive), archive.feasible)


def _keys(proposal: Proposal, positions: Sequence[int]) -> list[object]:
    """What tells designs apart: their places and, where they have them, their mappings."""
    if proposal.mappings is None:
        return [int(place) for place in positions]
    tables = [np.asarray(part) for batch in proposal.mappings for part in batch.arrays().values()]
    return [(int(place), *(table[..., row].tobytes() for table in tables)) for row, place in enumerate(positions)]


def _first_of_each(keys: Sequence[object], known: dict[object, int]) -> list[int]:
    """The rows whose key is new, each key once."""
    seen: set[object] = set()
    found: list[int] = []
    for row, key in enumerate(keys):
        if key not in known and key not in seen:
            seen.add(key)
            found.append(row)
    return found


def _rows(proposal: Proposal, rows: Sequence[int]) -> Proposal:
    at = np.array(rows, dtype=np.intp)
    mappings = None if proposal.mappings is None else tuple(rows_of(batch, at) for batch in proposal.mappings)
    return Proposal(proposal.designs[at], mappings)


def _replayed(
    known: Iterator[Any],
    proposal: Proposal,
    positions: Callable[[Designs], Sequence[int]],
    goals: Sequence[str],
    store: Store,
    number: int,
) -> Scores | None:
    """The scores of a batch as the store has them; None where it has no further batch."""
    frame = next(known, None)
    if frame is None:
        return None
    if [str(place) for place in frame[POSITION]] != [str(place) for place in positions(proposal.designs)]:
        message = f"batch {number} of the study is not the one that this search would make"
        raise InputError(message, Place(str(store.folder)), "begin a new study: another version made this one")
    return Scores(frame.select(goals).to_numpy().astype(np.float64), frame["excess"].to_numpy().astype(np.float64))


def _judged(
    proposal: Proposal,
    positions: Callable[[Designs], Sequence[int]],
    judge: Judging,
    executor: Executor,
    store: Store,
    goals: Sequence[str],
) -> Scores:
    """The scores of a batch that is judged now, and then is on disk."""
    began, size = time.monotonic(), max(1, executor.chunk)
    chunks = [_rows(proposal, range(at, min(at + size, len(proposal)))) for at in range(0, len(proposal), size)]
    parts, spent = list[Any](), list[dict[str, Any]]()
    for verdicts, timing in executor.map(judge, chunks):
        parts.append(verdicts)
        spent.append(timing)
    columns = {name: _together([part.columns[name] for part in parts]) for name in parts[0].columns}
    mappings = [text for part in parts for text in part.mappings]
    places = positions(proposal.designs)
    is_small = all(int(place) < 2**63 for place in places)
    position = np.array(places, dtype=np.int64) if is_small else [str(place) for place in places]
    timing = {
        "wall_s": time.monotonic() - began,
        "cpu_s": math.fsum(float(line.get("cpu_s", 0.0)) for line in spent),
        "workers": sorted({str(line["worker"]) for line in spent if "worker" in line}),
    }
    store.append({POSITION: position, **columns, "mapping": mappings}, timing=timing)
    values = np.stack([np.asarray(columns[goal], dtype=np.float64) for goal in goals], axis=1)
    return Scores(values, np.asarray(columns["excess"], dtype=np.float64))


def _together(columns: list[Any]) -> Any:
    if all(isinstance(column, np.ndarray) for column in columns):
        return np.concatenate(columns)
    return [value for column in columns for value in column]
