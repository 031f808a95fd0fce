"""How much each parameter matters: what its other values cost, at best and around the best design."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archloom.report.study_figures import StudyFigures
from archloom.report.study_quantities import Quantity, number_text

__all__ = ["Profile", "Sensitivity", "profiles_of", "sensitivity_of"]


@dataclass(frozen=True, slots=True)
class Profile:
    """A parameter and what its values cost at best, as shown, in the unit of the objective's axis.

    `least`: the best of all designs with each value (nan: none within budget); `alone`: that of the design which differs from the
    best in nothing else (nan: none within budget), and `judged` whether it was judged at all; `chosen`: which value the best design has. `is_ordered`: the values are numbers that grow
    or shrink.
    """

    name: str
    values: tuple[str, ...]
    least: tuple[float, ...]
    alone: tuple[float, ...]
    judged: tuple[bool, ...]
    chosen: int
    is_ordered: bool
    write: Callable[[float], str]

    @property
    def spread(self) -> float:
        """How far the best values lie apart."""
        known = [value for value in self.least if math.isfinite(value)]
        return max(known) - min(known)


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """A parameter in a table: the best value, what the cheapest step off it costs, and what the worst value costs."""

    name: str
    best: str
    step: str
    worst: str
    value: str


def profiles_of(figures: StudyFigures) -> list[Profile]:
    """The sensitivity of the first objective to each free parameter with a choice, those that matter most first."""
    designs, best = figures.designs, figures.best
    if best is None or designs is None or figures.request is None:
        return []
    quantity = figures.objectives[0]
    goal = figures.goal(quantity)
    factor, unit = quantity.scale(figures.shown(quantity)[figures.feasible])
    found: list[Profile] = []
    for at, parameter in enumerate(figures.request.space.parameters):
        if len(parameter) < 2:
            continue
        others = [k for k in range(designs.shape[1]) if k != at]
        beside = (designs[:, others] == designs[best, others]).all(axis=1)
        least, alone = (
            tuple(float(value) * factor * quantity.sign for value in _least(goal, designs[:, at], len(parameter), rows))
            for rows in (np.ones(len(goal), dtype=bool), beside)
        )

        def write(value: float) -> str:
            return f"{number_text(value)} {unit}".strip()

        judged = tuple(np.isin(np.arange(len(parameter)), designs[beside, at]).tolist())
        chosen = int(designs[best, at])
        found.append(
            Profile(parameter.name, parameter.texts, least, alone, judged, chosen, parameter.is_ordered, write)
        )
    return sorted(found, key=lambda profile: -profile.spread)


def _least(
    goal: NDArray[np.float64], values: NDArray[np.int64], many: int, rows: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """[values]: the least finite goal among these rows of each value; nan where there is none."""
    found = np.full(many, np.inf)
    kept = rows & np.isfinite(goal)
    np.minimum.at(found, values[kept], goal[kept])
    return np.where(np.isfinite(found), found, np.nan)


def sensitivity_of(profile: Profile, quantity: Quantity) -> Sensitivity:
    """A profile in a few words."""
    chosen, many = profile.chosen, len(profile.values)
    beside = (chosen - 1, chosen + 1) if profile.is_ordered else [at for at in range(many) if at != chosen]
    beside = [at for at in beside if 0 <= at < many]
    steps = [profile.alone[at] for at in beside if math.isfinite(profile.alone[at])]
    none = "over budget" if any(profile.judged[at] for at in beside) else "not judged"
    best = profile.least[chosen]
    way = 1.0 if quantity.least else -1.0
    known = [
        (value * way, value, name)
        for value, name in zip(profile.least, profile.values, strict=True)
        if math.isfinite(value)
    ]
    _, worst, where = max(known)
    return Sensitivity(
        profile.name,
        profile.values[chosen],
        _off((min if quantity.least else max)(steps), best) if steps else none,
        _off(worst, best) if len(known) > 1 else "",
        where if len(known) > 1 else "",
    )


def _off(value: float, best: float) -> str:
    """How far a value is off the best one."""
    if abs(value - best) <= 5e-7 * max(abs(best), abs(value)):
        return "nothing"
    sign = "+" if value > best else "-"
    if best <= 0 or value <= 0:
        return f"{sign}{number_text(abs(value - best))}"
    if value >= 2 * best:
        return f"{number_text(value / best)}×"
    share = 100 * abs(value / best - 1)
    return f"{sign}{share:.2g} %" if share >= 0.01 else f"{sign}<0.01 %"
