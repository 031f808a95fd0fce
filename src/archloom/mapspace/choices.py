"""Choices: everything that one dim can do in a mapspace, listed: its factors, and the mesh axes they lie on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from archloom.mapspace.factors import factorisations
from archloom.mapspace.rules import Range, Rules

__all__ = ["Choices", "all_choices"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Choices:
    """The choices of one dim.

    `temporal` [n, L]: trips in time. `spread` [n]: the row of `spreads` [g, F] with its trips across the fanouts (those in
    `fanouts`, whatever the axis). `x`, `y` [o, F]: those trips laid on axes, one row per placement, `placed` [o] the spread
    that it lays out. A choice is a row of `temporal` together with a placement of its spread.
    Rows are sorted by spread, then by `pattern` [n]: the levels with a loop, as bits.
    """

    temporal: Ints
    spread: Ints
    pattern: Ints
    spreads: Ints
    x: Ints
    y: Ints
    placed: Ints

    def __len__(self) -> int:
        return len(self.temporal)

    @cached_property
    def patterns(self) -> Ints:
        """The patterns that occur, ascending."""
        return np.unique(self.pattern)

    @cached_property
    def starts(self) -> Ints:
        """[g, patterns + 1]: where the rows of a spread and pattern begin (and those of the last one end)."""
        keys = self.spread * (len(self.patterns) + 1) + np.searchsorted(self.patterns, self.pattern)
        wanted = np.arange(len(self.spreads))[:, None] * (len(self.patterns) + 1) + np.arange(len(self.patterns) + 1)
        return np.searchsorted(keys, wanted)

    @cached_property
    def counts(self) -> Ints:
        """[g, patterns]: how many rows have a spread and pattern."""
        return np.diff(self.starts, axis=1)

    def loops_at(self, level: int) -> NDArray[np.bool_]:
        """[patterns]: whether there is a loop at a level."""
        return (self.patterns >> level & 1).astype(bool)


def all_choices(rules: Rules) -> tuple[list[int], list[Choices]]:
    """The fanouts in use (their levels), and the choices of every dim."""
    used = range(len(rules.bounds))
    fanouts = [
        at
        for at in range(len(rules.mesh))
        if any(min(rules.spatial[at][d].high, max(rules.x[at][d].high, rules.y[at][d].high)) > 1 for d in used)
    ]
    return fanouts, [_choices(rules, d, fanouts) for d in used]


def _choices(rules: Rules, d: int, fanouts: Sequence[int]) -> Choices:
    levels = len(rules.temporal)
    empty = any(_is_shut(rules, at, d) for at in range(levels) if at not in fanouts)
    places = [rules.temporal[at][d] for at in range(levels)]
    places += [rules.spatial[at][d] & _either(rules.x[at][d], rules.y[at][d]) for at in fanouts]
    open_places = [k for k, span in enumerate(places) if span.high > 1]
    empty = empty or any(1 not in span for span in places if span.high <= 1)
    listed = factorisations(rules.bounds[d], [places[k] for k in open_places], padding=rules.padding)
    rows = np.ones((0 if empty else len(listed), len(places)), np.int64)
    rows[:, open_places] = listed[: len(rows)]
    return _sorted(rules, d, fanouts, rows[:, :levels], rows[:, levels:])


def _is_shut(rules: Rules, at: int, d: int) -> bool:
    """Whether even a trip of 1 is forbidden where there is no fanout."""
    return not (1 in rules.x[at][d] and 1 in rules.y[at][d] and 1 in rules.spatial[at][d])


def _either(x: Range, y: Range) -> Range:
    """The trips that some axis may take while the other one has none."""
    spans = [span for span, other in ((x, y), (y, x)) if 1 in other]
    return spans[0] | spans[-1] if spans else Range(2, 1)


def _sorted(rules: Rules, d: int, fanouts: Sequence[int], temporal: Ints, spatial: Ints) -> Choices:
    if spatial.size:
        spreads, spread = np.unique(spatial, axis=0, return_inverse=True)
        spread = spread.reshape(-1)
    else:
        spreads, spread = spatial[:1], np.zeros(len(spatial), np.int64)
    placements = [
        (g, *axes) for g, trips in enumerate(spreads.tolist()) for axes in _placements(rules, d, fanouts, trips)
    ]
    placed = np.array([g for g, _, _ in placements], np.int64)
    x = np.array([x for _, x, _ in placements], np.int64).reshape(len(placements), len(fanouts))
    y = np.array([y for _, _, y in placements], np.int64).reshape(len(placements), len(fanouts))
    pattern = ((temporal > 1) << np.arange(temporal.shape[1])).sum(axis=1)
    possible = np.isin(spread, placed)
    order = np.lexsort((pattern, spread))
    order = order[possible[order]]
    return Choices(temporal[order], spread[order], pattern[order], spreads, x, y, placed)


def _placements(
    rules: Rules, d: int, fanouts: Sequence[int], trips: Sequence[int]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The ways to lay the trips of one dim across the fanouts on axis X or Y."""
    options: list[list[tuple[int, int]]] = []
    for at, trip in zip(fanouts, trips, strict=True):
        ways = {(trip, 1), (1, trip)}
        options.append(sorted((a, b) for a, b in ways if a in rules.x[at][d] and b in rules.y[at][d]))
    return [(tuple(a for a, _ in ways), tuple(b for _, b in ways)) for ways in product(*options)]
