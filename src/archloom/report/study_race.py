"""Several searches of one space beside each other: how far each strategy came, after how many designs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archloom.errors import Fault, InputError, Place
from archloom.exploration.study import Study
from archloom.report.study_figures import StudyFigures
from archloom.report.study_quantities import number_text
from archloom.report.study_words import strategy_of

__all__ = ["Racer", "race_names", "race_rows"]

ALIKE = ("parameters", "linked", "constraints", "objectives", "budget", "networks", "mean", "mapping")
"""What has to be the same of the inputs."""


@dataclass(frozen=True, slots=True)
class Racer:
    """A search: the best of each objective (with its unit), and after how many designs it had that of the first."""

    name: str
    strategy: str
    designs: int
    feasible: int
    bests: list[str]
    after: str
    cpu: str


def race_names(searches: Sequence[StudyFigures]) -> list[tuple[str, StudyFigures]]:
    """Each search with a name of its own: its strategy or, where several have that, with the study's name.

    Raises InputError, naming what differs, where one of them searches for something else than the first.
    """
    _check_alike([figures.study for figures in searches])
    names = [strategy_of(figures.study) for figures in searches]
    if len(set(names)) < len(names):
        seeds = [
            f"{name}, seed {figures.study.manifest.get('seed')}" for name, figures in zip(names, searches, strict=True)
        ]
        names = seeds
    if len(set(names)) < len(names):
        names = [f"{figures.study.folder.name}: {name}" for name, figures in zip(names, searches, strict=True)]
    return list(zip(names, searches, strict=True))


def _check_alike(studies: Sequence[Study]) -> None:
    """Raise InputError where one of the studies searches for something else than the first."""
    first = studies[0].manifest["inputs"]
    faults: list[Fault] = []
    for study in studies[1:]:
        inputs = study.manifest["inputs"]
        unlike = [key for key in ALIKE if _text(inputs.get(key)) != _text(first.get(key))]
        if unlike:
            message = f"the study does not search for what {studies[0].folder} does: {', '.join(unlike)} differ"
            faults.append(Fault(message, Place(str(study.folder)), "report on it by itself"))
    if faults:
        raise InputError(faults)


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def race_rows(named: Sequence[tuple[str, StudyFigures]]) -> list[Racer]:
    """A row per search."""
    rows: list[Racer] = []
    for name, figures in named:
        now, bests = figures.progress, list[str]()
        for quantity in figures.objectives:
            row = figures.best_of(quantity)
            bests.append("–" if row is None else quantity.write(float(figures.shown(quantity)[row])))
        after = "–" if figures.best is None else f"{int(np.int64(figures.best)) + 1:,}"
        cpu = f"{number_text(now.cpu_s)} s"
        rows.append(Racer(name, strategy_of(figures.study), now.designs, now.feasible, bests, after, cpu))
    return rows
