"""Mapping a network: the best mapping of every distinct layer, each with its certificate."""

from __future__ import annotations

import math
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import Any

from archloom.architecture.hierarchy import Architecture
from archloom.errors import Fault, InputError
from archloom.model.evaluate import evaluate
from archloom.search.cache import open_cache
from archloom.search.canonical import from_numbers
from archloom.search.events import LayerDone, LayerStarted, LayerStatus, Listener, NetworkStarted, Step
from archloom.search.infeasible import why_infeasible
from archloom.search.network_mapping import (
    REASONS,
    LayerMapping,
    Missing,
    NetworkMapping,
    NoMappingError,
    Options,
    Unmapped,
)
from archloom.search.objective import Objective, objective_of
from archloom.search.pool import Ear, run_tasks
from archloom.search.spaces import check_request, space_of
from archloom.search.strategies import check_strategy, name_of
from archloom.search.task import Entry, Task, recall
from archloom.workload.einsum import Workload
from archloom.workload.network import Layer, Network

__all__ = ["map"]

Answers = dict[str, tuple[Entry | None, bool]]
"""By key: what was found, and whether the cache knew it."""


def map(  # noqa: A001
    network: Network | Workload,
    architecture: Architecture,
    *,
    objective: str | Objective | dict[str, float] = "edp",
    constraints: Any = None,
    cuts: str = "level",
    padding: bool = False,
    drain_reads: bool = False,
    strategy: Any = "exact",
    time_limit_s: float | None = None,
    evaluations: int | None = None,
    seed: int = 0,
    jobs: int = 1,
    cache: bool | str | PathLike[str] = True,
    progress: Listener | None = None,
    stop: threading.Event | None = None,
) -> NetworkMapping:
    """The best mapping of every distinct layer of a network on a machine, with the proof that none is better.

    A workload alone counts as a network of one layer. `objective` is `energy`, `latency`, `edp`, `ed2p` or weights such as
    `{"energy": 1, "latency": 0.5}` (pJ and cycles); of mappings that are equal in it, the one that is better in the other figure.
    `constraints` narrows the space: what `load(...)` or `interop.timeloop.load(...)` found. `cuts`: tiles end at the border of
    their level's block (`level`) or anywhere in it (`free`); `padding` allows factors that multiply to more than a bound.

    `time_limit_s` is for the whole call (wall clock), shared out fairly between the layers; what is not proven by then says so by
    its gap. `jobs` processes work side by side; answers do not depend on how many. Answers are kept on disk by content and taken
    from there next time, unless `cache` is False or names another folder. `progress` hears events (`archloom.search.events`);
    setting `stop` ends the search early, as the time limit does.

    `strategy`: `exact`, or `random`, `annealing`, `genetic`, `hill-climbing` or a `Strategy` of your own, which draw at random from
    `seed` and price `evaluations` mappings per layer (10,000, or as many as the time allows); their answers are not kept.

    Raises InputError for bad input, and NoMappingError, an InfeasibleError, with all layers that have no legal mapping, and why.
    """
    options = Options(objective_of(objective), cuts, padding, drain_reads, name_of(strategy), seed, time_limit_s)
    check_request(network, architecture, options, jobs=jobs)
    check_strategy(strategy)
    whole = network if isinstance(network, Network) else Network(network.name, (Layer(network),))
    store = open_cache(cache)
    make = partial(Task, strategy=strategy, folder=None if store is None else store.folder, evaluations=evaluations)
    tasks = _tasks(whole, architecture, constraints, options, make)
    answers: Answers = {task.key: (entry, True) for task in tasks if (entry := recall(task)) and entry.finished}
    first = {task.key: task for task in reversed(tasks)}
    open_tasks = [task for task in tasks if task.key not in answers and first[task.key] is task]
    teller = _Teller(progress, open_tasks, jobs, stop)
    if progress:
        progress(NetworkStarted(tuple(task.name for task in open_tasks), len(answers)))
    found = run_tasks(
        open_tasks,
        jobs=jobs,
        time_limit_s=time_limit_s,
        stop=teller.stop,
        ear=Ear(teller.started, teller.status, teller.done),
    )
    answers |= {task.key: (entry, False) for task, entry in zip(open_tasks, found, strict=True)}
    return _result(whole, architecture, options, tasks, answers, teller.reasons)


# -- tasks ------------------------------------------------------------------------------------------------------------------


def _tasks(
    network: Network, architecture: Architecture, constraints: Any, options: Options, make: Callable[..., Task]
) -> list[Task]:
    """One task per layer; layers that differ in names only have tasks with the same key. Raises InputError with all faults."""
    tasks: list[Task] = []
    faults: dict[Fault, None] = {}
    said: dict[str, None] = {}
    for layer in network.layers:
        try:
            space = space_of(layer.workload, architecture, constraints, options)
        except InputError as error:
            faults.update(dict.fromkeys(error.faults))
            continue
        said.update(dict.fromkeys(space.warnings))
        tasks.append(make(layer.name, space, options))
    if faults:
        raise InputError(faults)
    for remark in said:
        warnings.warn(remark, stacklevel=3)
    return tasks


# -- results ----------------------------------------------------------------------------------------------------------------


def _result(
    network: Network,
    architecture: Architecture,
    options: Options,
    tasks: Sequence[Task],
    answers: Answers,
    reasons: dict[str, str],
) -> NetworkMapping:
    mapped: list[LayerMapping] = []
    unmapped: list[Unmapped] = []
    for layer, task in zip(network.layers, tasks, strict=True):
        entry, cached = answers[task.key]
        if entry is not None and entry.mapping is not None:
            mapped.append(_layer_mapping(layer, task, entry, cached))
        else:
            missing = _missing(entry)
            reason = reasons.get(task.key) or (_why(task) if missing is Missing.NONE_EXISTS else REASONS[missing])
            unmapped.append(Unmapped(layer.names, layer.count, layer.workload, missing, reason))
    result = NetworkMapping(network.name, architecture, options, tuple(mapped), network.skipped, tuple(unmapped))
    if unmapped:
        raise NoMappingError(tuple(unmapped), result if mapped else None)
    return result


def _layer_mapping(layer: Layer, task: Task, entry: Entry, cached: bool) -> LayerMapping:
    """The answer with the layer's own names, checked: it costs what the search says, and is in the space."""
    space, problem = task.space, task.problem
    assert entry.mapping is not None
    mapping = from_numbers(entry.mapping, layer.workload, space.architecture)
    evaluation = evaluate(layer.workload, space.architecture, mapping, drain_reads=problem.drain_reads)
    if (evaluation.energy_pj, evaluation.cycles) != (entry.energy_pj, entry.cycles):
        raise RuntimeError(f"the search and the model disagree about the best mapping of {layer.name!r}")
    outside = space.contains(mapping)
    if outside is not None:
        raise RuntimeError(f"the search left the mapspace of {layer.name!r}: {outside}")
    return LayerMapping(
        names=layer.names,
        count=layer.count,
        evaluation=evaluation,
        objective=problem.objective.value(evaluation.energy_pj, evaluation.cycles),
        bound=entry.bound,
        finished=entry.finished,
        space_size=space.total,
        priced=entry.priced,
        cpu_s=entry.cpu_s,
        excluded=entry.excluded,
        cached=cached,
        steps=tuple(Step(elapsed, value, bound, int(priced)) for elapsed, value, bound, priced in entry.steps),
    )


def _missing(entry: Entry | None) -> Missing:
    """What an answer without a mapping means."""
    if entry is None:
        return Missing.NOT_SEARCHED
    return Missing.NONE_EXISTS if entry.finished else Missing.NOT_FOUND


def _why(task: Task, stop: threading.Event | None = None) -> str:
    """Why a task has no mapping."""
    return why_infeasible(task.parts, task.space.why_empty(), stop)


@dataclass
class _Teller:
    """Turns what the tasks do into events, and finds out why a layer has no mapping."""

    listener: Listener | None
    tasks: Sequence[Task]
    jobs: int
    given_stop: threading.Event | None

    def __post_init__(self) -> None:
        self.stop = self.given_stop or threading.Event()
        self.reasons: dict[str, str] = {}
        self._began = time.monotonic()
        self._done: set[int] = set()

    def started(self, at: int, share: float | None) -> None:
        if self.listener:
            self.listener(LayerStarted(self.tasks[at].name, share))

    def status(self, at: int, step: Step) -> None:
        if self.listener:
            self.listener(LayerStatus(self.tasks[at].name, step))

    def done(self, at: int, entry: Entry, elapsed_s: float) -> None:
        task, reason = self.tasks[at], ""
        if entry.mapping is None:
            missing = _missing(entry)
            reason = _why(task, self.stop) if missing is Missing.NONE_EXISTS else REASONS[missing]
            self.reasons[task.key] = reason
        self._done.add(at)
        if self.listener:
            remaining = len(self.tasks) - len(self._done)
            eta_s = (time.monotonic() - self._began) / len(self._done) * remaining
            objective = task.problem.objective
            value = math.inf if entry.mapping is None else objective.value(entry.energy_pj, entry.cycles)
            self.listener(LayerDone(task.name, value, entry.bound, entry.finished, elapsed_s, remaining, eta_s, reason))
