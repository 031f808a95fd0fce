"""An exploration from its request to its study: the baseline, the search, and what the best design gains."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archloom.errors import ArchloomError, InfeasibleError, InputError
from archloom.exploration.base import Designs, DesignStrategy
from archloom.exploration.digamma import DiGamma
from archloom.exploration.durable import write_durably
from archloom.exploration.gains import Gains, gains
from archloom.exploration.joint import JointSpace
from archloom.exploration.judge import Judge
from archloom.exploration.manifest import Manifest, make_manifest
from archloom.exploration.metrics import METRICS
from archloom.exploration.request import Request
from archloom.exploration.run import StudyStep, search_designs
from archloom.exploration.space_file import load_space
from archloom.exploration.store import Store
from archloom.exploration.strategies import strategy_of
from archloom.exploration.study import Study
from archloom.exploration.verdicts import GOAL, Verdicts
from archloom.exploration.workers import processes, serial

if TYPE_CHECKING:
    from archloom.exploration.retries import Judging
    from archloom.exploration.workers import Executor

__all__ = ["BASELINE", "ENDED", "GAINS", "explore", "explore_request", "manifest_of"]

BASELINE, GAINS, ENDED = "baseline.json", "gains.json", "ended.json"
"""Files of a study beside its shards: the baseline's row, what the best design gains, and how the search ended."""


def explore(
    networks: Any,
    space: str | PathLike[str] | Mapping[str, Any],
    *,
    budget: Mapping[str, Any] | Sequence[str] | None = None,
    objectives: Any = None,
    strategy: str | DesignStrategy[Any] | None = None,
    evaluations: int | None = None,
    seed: int | None = None,
    jobs: int = 1,
    folder: str | PathLike[str] | None = None,
    resume: bool = False,
    sets: Sequence[str] = (),
    progress: Callable[[StudyStep], None] | None = None,
) -> Study:
    """Search a space of designs for the best accelerator for some networks, each design judged at its best mappings.

    `networks`: what `load_network` takes, or a list (None: those that the space names). `space`: a space file, its text, or the same
    as a mapping. The other arguments replace what it says. `folder`: where the study is kept (None: a temporary folder). `resume`
    goes on with the study that is there. `jobs` processes work side by side (1: this one, alone); results do not depend on how many.

    Raises InputError for bad input, InfeasibleError where no design was within budget.
    """
    changes: dict[str, Any] = {"budget": _plain(budget), "objectives": _plain(objectives)}
    source = dict(space) if isinstance(space, Mapping) else str(space)
    request = load_space(source, sets, networks=networks, **changes)
    chosen: dict[str, Any] = {}
    if isinstance(strategy, str):
        same = strategy == request.search.strategy
        chosen = {"strategy": strategy, "options": request.search.options if same else {}}
    if evaluations is not None:
        chosen["evaluations"] = evaluations
    if seed is not None:
        chosen["seed"] = seed
    request = request.with_search(**chosen)
    given = strategy if isinstance(strategy, DesignStrategy) else None
    with ExitStack() as stack:
        executor = stack.enter_context(serial() if jobs == 1 else processes(jobs))
        store = stack.enter_context(Store(folder, manifest_of(request, strategy=given), resume=resume))
        study = explore_request(request, store=store, executor=executor, strategy=given, progress=progress)
    if study.best() is None:
        raise InfeasibleError(why_none(study))
    return study


def manifest_of(request: Request, *, strategy: DesignStrategy[Any] | None = None, command: str = "") -> Manifest:
    """The manifest of a study of a request; `strategy`: one that the caller made."""
    space = request.space
    inputs = request.to_manifest()
    if strategy is not None:
        inputs["search"]["strategy"] = repr(strategy)
    try:
        admitted: int | None = space.count()
    except InputError:
        admitted = None
    counted = {"size": space.size, "admitted": admitted}
    return make_manifest(inputs, seed=request.search.seed, space=counted, command=command)


def explore_request(
    request: Request,
    *,
    store: Store,
    executor: Executor,
    strategy: DesignStrategy[Any] | None = None,
    judge: Judge | None = None,
    progress: Callable[[StudyStep], None] | None = None,
    stop: threading.Event | None = None,
) -> Study:
    """Search the designs of a request by its strategy (or the one given) and keep everything in the store.

    The baseline is mapped first; where it has no mapping, the study has none to compare with. At the end, what the best design gains
    over it is worked out, the mapping and the hardware apart.
    """
    chosen = strategy or strategy_of(request.search.strategy, request.search.options)
    judge = judge or Judge(request)
    _write(store, BASELINE, _baseline(judge))
    space, subject = request.space, _subject(request, chosen)

    def positions(designs: Designs) -> Sequence[int]:
        return [int(place) for place in space.flat(designs)]

    judging: Judging = judge
    ended = search_designs(
        subject,
        chosen,
        judging,
        store,
        executor,
        names=request.goal.names,
        seed=request.search.seed,
        evaluations=request.search.evaluations,
        time_limit_s=request.search.time_limit_s,
        positions=positions,
        progress=progress,
        stop=stop,
    )
    study = store.study()
    best = study.best()
    if best is not None and ended.ended != "stopped":
        (design,) = space.unflat([int(best["position"])])
        _write(store, GAINS, _gains(request, judge, design, int(best["design"])))
    _write(store, ENDED, {"ended": ended.ended, "designs": ended.designs, "feasible": ended.feasible})
    return study


def why_none(study: Study) -> str:
    """Why a study has no design within budget, in a sentence or two: the nearest miss."""
    frame = study.frame(["design", "excess", "reason"])
    if not frame.height:
        return "the search proposed no design at all: do the constraints admit any?"
    order = np.argsort(frame["excess"].to_numpy(), kind="stable")
    nearest, reason = int(frame["design"][int(order[0])]), frame["reason"][int(order[0])]
    return f"none of {frame.height:,} designs is within budget; the nearest, design {nearest}: {reason}"


def _subject(request: Request, strategy: DesignStrategy[Any]) -> Any:
    """What a strategy searches."""
    if not isinstance(strategy, DiGamma):
        return request.space
    wanted = request.mapping
    return JointSpace(request.space, request.machines, request.suite.layers, wanted.cuts, wanted.padding)


def _baseline(judge: Judge) -> dict[str, Any] | None:
    """The row of the baseline, None where it has no mapping."""
    try:
        return _row(judge.judge_baseline())
    except InfeasibleError:
        return None


def _row(verdicts: Verdicts) -> dict[str, Any]:
    """The one row of some verdicts as plain values."""
    row = {name: _value(column[0]) for name, column in verdicts.columns.items()}
    return {**row, "mapping": verdicts.mappings[0]}


def _gains(request: Request, judge: Judge, design: NDArray[np.int64], number: int) -> dict[str, Any] | None:
    """What a design gains in each figure and objective, as plain values."""
    try:
        found: Gains = gains(request, judge, design)
    except ArchloomError:
        return None
    figures = [*METRICS, *(f"{GOAL}{name}" for name in request.goal.names)]
    factors = {name: found.factors(name) for name in figures}
    cases = {"given": found.given, "baseline": found.baseline, "winner": found.winner, "transferred": found.transferred}
    return {
        "design": number,
        "factors": {
            name: {key: _value(getattr(factor, key)) for key in factor.__slots__} for name, factor in factors.items()
        },
        "figures": {
            name: None if case is None else {key: _value(value) for key, value in case.figures.items()}
            for name, case in cases.items()
        },
        "proven": {name: None if case is None else case.proven for name, case in cases.items()},
        "reasons": {name: "" if case is None else case.reason for name, case in cases.items()},
    }


def _value(value: Any) -> Any:
    """A plain value for JSON: numbers that are none become null."""
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not np.isfinite(plain) else plain


def _write(store: Store, name: str, content: Any) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_durably(store.folder / name, lambda draft: draft.write_text(text, "utf-8"))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
