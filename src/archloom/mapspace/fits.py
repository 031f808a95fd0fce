"""Fits: the limits that tie dims together (meshes and parallelism), as states that each dim's placement moves on.

Every such limit is on a product of trips: at most `high`, at least `low`. After some dims it is enough to remember how much room is
left, floor(high / product), and how much is still wanted, ceil(low / product): floor(floor(h / a) / b) = floor(h / (a * b)), and
so for ceilings. A state is that pair for every limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.mapspace.choices import Choices
from archloom.mapspace.rules import Range, Rules

__all__ = ["Limits", "Stage", "limits_of", "stages"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Limits:
    """Limits on products over places, which are the axes X of all fanouts in use and then their axes Y: `over` [J, 2F] booleans."""

    over: NDArray[np.bool_]
    high: Ints
    low: Ints

    @property
    def start(self) -> Ints:
        """The state before any dim: [2J], room left and then what is wanted."""
        return np.concatenate((self.high, self.low))

    def uses(self, x: Ints, y: Ints) -> Ints:
        """[rows, J]: the product of each limit's places, for placements x, y [rows, F]."""
        trips = np.concatenate((x, y), axis=1)
        return (
            np.stack([trips[:, places].prod(axis=1) for places in self.over], axis=1)
            if len(self.over)
            else trips[:, :0]
        )

    def advance(self, states: Ints, uses: Ints) -> tuple[Ints, Any]:
        """States [n, 2J] after uses [n, J] (broadcast), and which of them still have room (booleans [n])."""
        many = len(self.high)
        room = states[..., :many] // uses
        wanted = -(-states[..., many:] // uses)
        return np.concatenate((room, wanted), axis=-1), np.all(room >= 1, axis=-1)

    def are_met(self, states: Ints) -> Any:
        """Booleans [n]: which final states want nothing more."""
        return (states[:, len(self.high) :] <= 1).all(axis=1)


def limits_of(rules: Rules, fanouts: Sequence[int], choices: Sequence[Choices]) -> Limits:
    """The limits of some rules that can bind, given every dim's choices."""
    many = len(fanouts)
    found: list[tuple[NDArray[np.bool_], Range]] = []

    def limit(levels: Sequence[int], axes: str, span: Range) -> None:
        places = np.zeros(2 * many, bool)
        for at in levels:
            if at in fanouts:
                for axis in axes:
                    places[fanouts.index(at) + many * (axis == "y")] = True
        found.append((places, span))

    for at in fanouts:
        across = range(at, len(rules.mesh)) if rules.pooled else range(at, at + 1)
        mesh_x, mesh_y = (prod(rules.mesh[k][axis] for k in across) for axis in (0, 1))
        if rules.reshapeable[at]:
            limit(across, "xy", Range(1, mesh_x * mesh_y))
        else:
            limit(across, "x", Range(1, mesh_x))
            limit(across, "y", Range(1, mesh_y))
    for at, span in enumerate(rules.parallelism):
        limit([at], "xy", span)
    limit(range(len(rules.mesh)), "xy", rules.total_parallelism)
    found = [(places, span) for places, span in found if _can_bind(places, span, choices)]
    return Limits(
        np.array([places for places, _ in found], bool).reshape(len(found), 2 * many),
        np.array([span.high for _, span in found], np.int64),
        np.array([span.low for _, span in found], np.int64),
    )


def _can_bind(places: NDArray[np.bool_], span: Range, choices: Sequence[Choices]) -> bool:
    """Whether the most and the least that all dims can use together is outside the range."""
    most, least = 1, 1
    for dim in choices:
        used = np.concatenate((dim.x, dim.y), axis=1)[:, places].prod(axis=1)
        most *= int(used.max(initial=1))
        least *= int(used.min(initial=most))
    return most > span.high or least < span.low


@dataclass(frozen=True, eq=False)
class Stage:
    """The moves of one dim: state `at` [m] takes placement `option` [m] to state `to` [m] of the next stage; sorted by `at`."""

    states: Ints
    at: Ints
    option: Ints
    to: Ints


def stages(limits: Limits, choices: Sequence[Choices]) -> tuple[list[Stage], Ints]:
    """A stage per dim, without moves that lead nowhere, and the final states; the first stage has one state, or none."""
    found: list[Stage] = []
    states = limits.start[None, :]
    for dim in choices:
        uses = limits.uses(dim.x, dim.y)
        reached, fits = limits.advance(states[:, None, :], uses[None, :, :])
        at, option = np.nonzero(fits)
        after, to = np.unique(reached[at, option], axis=0, return_inverse=True)
        found.append(Stage(states, at, option, to.reshape(-1)))
        states = after
    alive = limits.are_met(states)
    states = states[alive]
    for k in reversed(range(len(found))):
        stage = found[k]
        kept = alive[stage.to]
        renumbered = np.cumsum(alive) - 1
        alive = np.zeros(len(stage.states), bool)
        alive[stage.at[kept]] = True
        back = np.cumsum(alive) - 1
        found[k] = Stage(stage.states[alive], back[stage.at[kept]], stage.option[kept], renumbered[stage.to[kept]])
    return found, states
