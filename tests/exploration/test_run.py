"""The loop of an exploration, on a toy space: what is judged when, what is on disk, and that a killed search ends with the same bytes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.exploration.toy_space import ToySpace

from archloom.errors import InputError
from archloom.exploration.base import Proposal
from archloom.exploration.manifest import make_manifest
from archloom.exploration.run import Explored, StudyStep, search_designs
from archloom.exploration.store import Store
from archloom.exploration.strategies import strategy_of
from archloom.exploration.verdicts import Verdicts
from archloom.exploration.workers import Serial

SPACE = ToySpace()


@dataclass
class ToyJudge:
    """Judges by the distance from the optimum; dies after so many designs."""

    lives: int = 1_000_000
    judged: list[int] = field(default_factory=list[int])

    def __call__(self, proposal: Proposal) -> Verdicts:
        self.judged += SPACE.flat(proposal.designs).tolist()
        if len(self.judged) > self.lives:
            raise KeyboardInterrupt
        scores = SPACE.scores(proposal.designs)
        columns: dict[str, Any] = {
            "objective:far": scores.values[:, 0],
            "excess": scores.excess,
            "feasible": scores.is_feasible,
            "reason": ["" if fine else "over" for fine in scores.is_feasible],
        }
        return Verdicts(columns, ["[]"] * len(proposal))

    def failed(self, proposal: Proposal, reason: str) -> Verdicts:
        raise AssertionError(reason)


def explored(
    folder: Path, strategy: str, judge: ToyJudge, *, resume: bool = False, chunk: int = 7, **how: Any
) -> Explored:
    manifest = make_manifest({"strategy": strategy}, seed=1)
    with Store(folder, manifest, resume=resume) as store:
        return search_designs(
            SPACE,
            strategy_of(strategy),
            judge,
            store,
            Serial(chunk),
            names=["far"],
            seed=1,
            positions=lambda designs: SPACE.flat(designs).tolist(),
            **how,
        )


def bytes_of(folder: Path) -> dict[str, str]:
    files = [folder / "manifest.json", *sorted((folder / "shards").iterdir())]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_a_grid_is_exhausted_and_every_design_is_judged_once(tmp_path: Path) -> None:
    judge = ToyJudge()
    result = explored(tmp_path / "s", "grid", judge)
    assert result.ended == "exhausted" and result.designs == SPACE.size == len(judge.judged)
    assert sorted(judge.judged) == list(range(SPACE.size))


@pytest.mark.parametrize("strategy", ["genetic", "annealing", "random"])
def test_no_design_is_judged_twice_and_the_number_of_evaluations_is_kept(tmp_path: Path, strategy: str) -> None:
    judge = ToyJudge()
    result = explored(tmp_path / "s", strategy, judge, evaluations=101)
    assert result == Explored("evaluations", 101, result.feasible)
    assert len(judge.judged) == len(set(judge.judged)) == 101


@pytest.mark.parametrize("strategy", ["grid", "genetic", "nsga2", "annealing", "random", "bayesian", "pymoo"])
@pytest.mark.parametrize("lives", [10, 70])
def test_a_search_cut_off_and_resumed_ends_with_the_same_bytes(tmp_path: Path, strategy: str, lives: int) -> None:
    if strategy in ("bayesian", "pymoo"):
        pytest.importorskip({"bayesian": "optuna"}.get(strategy, strategy))
    explored(tmp_path / "whole", strategy, ToyJudge(), evaluations=100)
    with pytest.raises(KeyboardInterrupt):
        explored(tmp_path / "cut", strategy, ToyJudge(lives=lives), evaluations=100)
    before = len(list((tmp_path / "cut" / "shards").iterdir()))
    again = ToyJudge()
    explored(tmp_path / "cut", strategy, again, evaluations=100, resume=True, chunk=3)
    assert bytes_of(tmp_path / "cut") == bytes_of(tmp_path / "whole")
    assert len(again.judged) == 100 - sum(len(rows) for rows in _shards(tmp_path / "whole")[:before]), (
        "what was on disk was judged again"
    )


def _shards(folder: Path) -> Sequence[Any]:
    pl = pytest.importorskip("polars")
    return [pl.read_parquet(path) for path in sorted((folder / "shards").iterdir())]


def test_a_search_runs_dry_when_there_is_nothing_new(tmp_path: Path) -> None:
    judge = ToyJudge()
    result = explored(tmp_path / "s", "genetic", judge)
    assert result.ended == "dry"
    assert 0.5 * SPACE.size < result.designs <= SPACE.size


def test_stop_ends_after_the_batch_under_way_and_progress_says_where_it_is(tmp_path: Path) -> None:
    stop, steps = threading.Event(), list[StudyStep]()

    def hear(step: StudyStep) -> None:
        steps.append(step)
        if len(steps) == 3:
            stop.set()

    result = explored(tmp_path / "s", "genetic", ToyJudge(), evaluations=5000, progress=hear, stop=stop)
    assert result.ended == "stopped" and len(steps) == 3
    assert steps[-1].designs == result.designs and steps[-1].planned == 5000
    best = [step.best[0] for step in steps]
    assert best == sorted(best, reverse=True) and np.isfinite(best[-1])
    again: list[StudyStep] = []
    explored(
        tmp_path / "s", "genetic", ToyJudge(), evaluations=5000, progress=again.append, resume=True, time_limit_s=0
    )
    assert not again  # no time at all: nothing is even replayed


def test_the_batches_of_another_search_are_refused(tmp_path: Path) -> None:
    explored(tmp_path / "s", "genetic", ToyJudge(), evaluations=100)
    manifest = make_manifest({"strategy": "genetic"}, seed=1)
    with Store(tmp_path / "s", manifest, resume=True) as store, pytest.raises(InputError, match="batch 0 of the study"):
        search_designs(
            SPACE,
            strategy_of("random"),
            ToyJudge(),
            store,
            Serial(),
            names=["far"],
            seed=1,
            evaluations=100,
            positions=lambda designs: SPACE.flat(designs).tolist(),
        )
