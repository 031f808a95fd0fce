"""Projections: how many different values each axis takes over a whole space.

A value of one axis counts iff some mapping of the space has it. For each dim, the choices with the same value form a class; a
combination of classes counts iff some choice of each fits the limits that tie dims together. The pass over the dims carries
the *set* of states that a combination can be in: a deterministic automaton, built once and then run with weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from archloom.mapspace.choices import Choices
from archloom.mapspace.counting import modular_grid, primes_for
from archloom.mapspace.fits import Limits
from archloom.mapspace.part import Part
from archloom.mapspace.quadrature import join_residues

__all__ = ["count_orders", "count_parallelisms", "count_residencies", "count_shapes", "count_tilings"]

Ints = NDArray[np.int64]


def count_tilings(parts: Sequence[Part]) -> int:
    """Different trips in time."""
    if all(part.is_empty for part in parts):
        return 0
    classes = [_classes(parts, d, lambda choices: choices.temporal) for d in range(parts[0].dims)]
    weights = [[int(many) for many in np.bincount(of, minlength=len(sets))] for _, of, sets in classes]
    automaton = _automaton(parts, [sets for _, _, sets in classes])
    values = [1 if accepted else 0 for accepted in automaton.accepted]
    for edges, size, weight in reversed(list(zip(automaton.edges, automaton.sizes, weights, strict=True))):
        before = [0] * size
        for at, symbol, to in edges:
            before[at] += weight[symbol] * values[to]
        values = before
    return values[0]


def count_orders(parts: Sequence[Part], hull: Part) -> int:
    """Different sequences of loops over all levels; `hull` obeys rules that all parts obey."""
    if all(part.is_empty for part in parts):
        return 0
    classes = [_classes(parts, d, lambda choices: choices.pattern[:, None]) for d in range(hull.dims)]
    automaton = _automaton(parts, [sets for _, _, sets in classes])
    most = math.prod(len(keys) for keys, _, _ in classes)
    most *= math.prod(math.factorial(hull.most_loops(at, free=True)) for at in range(hull.levels))
    primes = primes_for(most)
    residues: list[int] = []
    for prime in primes:
        grid = modular_grid(hull, prime, orders_only=True)
        values = [np.full(len(grid), int(accepted), np.int64) for accepted in automaton.accepted]
        for d in reversed(range(hull.dims)):
            keys, of, sets = classes[d]
            loops = grid.loops(keys[:, 0], hull.is_free[:, d], slice(None))
            weights = [loops[of == symbol].sum(axis=0) % prime for symbol in range(len(sets))]
            before = [np.zeros(len(grid), np.int64) for _ in range(automaton.sizes[d])]
            for at, symbol, to in automaton.edges[d]:
                before[at] = (before[at] + weights[symbol] * values[to]) % prime
            values = before
        residues.append(int((values[0] * grid.weight % prime).sum()) % prime)
    return join_residues(residues, primes)


def count_parallelisms(parts: Sequence[Part]) -> int:
    """Different trips across the fanouts, axes included; no two parts have one in common."""
    total = 0
    for part in parts:
        if part.is_empty:
            continue
        ahead = [1] * (int(part.stages[-1].to.max()) + 1)
        for stage in reversed(part.stages):
            here = [0] * len(stage.states)
            for at, to in zip(stage.at.tolist(), stage.to.tolist(), strict=True):
                here[at] += ahead[to]
            ahead = here
        total += ahead[0]
    return total


def count_shapes(parts: Sequence[Part]) -> int:
    """Different extents (X, Y) in use, over all reshapeable fanouts; 1 where every mesh is as it is."""
    found: set[tuple[int, ...]] = set()
    for part in parts:
        if part.is_empty:
            continue
        shaped = [k for k, at in enumerate(part.fanouts) if part.rules.reshapeable[at]]
        width = 2 * len(part.limits.high)
        rows = np.concatenate((part.limits.start, np.ones(2 * len(shaped), np.int64)))[None, :]
        for dim in part.choices:
            extents = np.concatenate((dim.x[:, shaped], dim.y[:, shaped]), axis=1)
            uses = part.limits.uses(dim.x, dim.y)
            both = np.unique(np.concatenate((uses, extents), axis=1), axis=0)
            uses, extents = both[:, : uses.shape[1]], both[:, uses.shape[1] :]
            after, fits = part.limits.advance(rows[:, None, :width], uses[None])
            grown = rows[:, None, width:] * extents[None]
            rows = np.unique(np.concatenate((after[fits], grown[fits]), axis=1), axis=0)
        rows = rows[part.limits.are_met(rows[:, :width])]
        found.update(map(tuple, rows[:, width:].tolist()))
    return len(found)


def count_residencies(parts: Sequence[Part]) -> int:
    """Different tables of keep and cuts."""
    alive = [part for part in parts if not part.is_empty]
    if not alive:
        return 0
    cut = [at for at in range(alive[0].levels) if any(t.free_cut or t.cut is not None for t in alive[0].residency[at])]
    total = math.prod(alive[0].ways_to_hold(at, 0) for at in range(alive[0].levels) if at not in cut)
    if not cut:
        return total
    reached = np.unique(np.concatenate([_loop_counts(part, cut) for part in alive]), axis=0)
    spans = [_cut_classes(alive[0], at, int(reached[:, k].max())) for k, at in enumerate(cut)]
    many = 0
    for classes in product(*spans):
        low, high = (np.array([c[k] for c in classes]) for k in (0, 1))
        if ((reached >= low) & (reached <= high)).all(axis=1).any():
            many += math.prod(c[2] for c in classes)
    return total * many


def _cut_classes(part: Part, at: int, most: int) -> list[tuple[int, int, int]]:
    """The tables of one level, grouped by the numbers of loops that allow them: (least, most, how many tables)."""
    found: dict[tuple[int, int], int] = {(0, most): 1}
    for tensor in part.residency[at]:
        options: list[tuple[int, int]] = [(0, most)] if tensor.bypass else []
        if tensor.keep and tensor.free_cut:
            options += [(0, most), *((inside + 1, most) for inside in range(most))]
        elif tensor.keep and tensor.cut is not None:
            options += [(tensor.cut + 1, most), (0, min(tensor.cut, most))]
        elif tensor.keep:
            options += [(0, most)]
        grown: dict[tuple[int, int], int] = {}
        for (low, high), many in found.items():
            for least, largest in options:
                key = max(low, least), min(high, largest)
                if key[0] <= key[1]:
                    grown[key] = grown.get(key, 0) + many
        found = grown
    return [(low, high, many) for (low, high), many in found.items()]


def _loop_counts(part: Part, levels: Sequence[int]) -> Ints:
    """[n, levels]: every combination of how many loops the blocks of some levels have."""
    width = 2 * len(part.limits.high)
    rows = np.concatenate((part.limits.start, np.zeros(len(levels), np.int64)))[None, :]
    for dim in part.choices:
        spread, pattern = np.nonzero(dim.counts)
        here = dim.patterns[pattern][:, None] >> np.array(levels) & 1
        uses = part.limits.uses(dim.x, dim.y)
        options = [
            np.concatenate((uses[[option]].repeat(int((spread == g).sum()), axis=0), here[spread == g]), axis=1)
            for option, g in enumerate(dim.placed.tolist())
        ]
        both = np.unique(np.concatenate(options), axis=0)
        uses, here = both[:, : uses.shape[1]], both[:, uses.shape[1] :]
        after, fits = part.limits.advance(rows[:, None, :width], uses[None])
        grown = rows[:, None, width:] + here[None]
        rows = np.unique(np.concatenate((after[fits], grown[fits]), axis=1), axis=0)
    return rows[part.limits.are_met(rows[:, :width]), width:]


# -- combinations of classes ---------------------------------------------------------------------------------------------


def _classes(parts: Sequence[Part], d: int, key: Callable[[Choices], Ints]) -> tuple[Ints, Ints, list[list[Ints]]]:
    """The classes of dim d by a key of its choices: keys [c, ...]; for each, the number of its set; and the sets.

    A set holds, per part, the uses [u, J] that the class allows.
    """
    keys = [key(part.choices[d]) for part in parts]
    values, of = np.unique(np.concatenate(keys), axis=0, return_inverse=True)
    ends = np.cumsum([0, *(len(part.choices[d].spreads) for part in parts)])
    allowed = np.zeros((len(values), ends[-1]), bool)
    start = 0
    for k, part in enumerate(parts):
        mine = of.reshape(-1)[start : start + len(keys[k])]
        allowed[mine, ends[k] + part.choices[d].spread] = True
        start += len(keys[k])
    kinds, number = np.unique(allowed, axis=0, return_inverse=True)
    sets = [[_uses(part, d, kind[ends[k] : ends[k + 1]]) for k, part in enumerate(parts)] for kind in kinds]
    return values, number.reshape(-1), sets


def _uses(part: Part, d: int, allowed: NDArray[np.bool_]) -> Ints:
    dim = part.choices[d]
    chosen = allowed[dim.placed]
    return np.unique(part.limits.uses(dim.x[chosen], dim.y[chosen]), axis=0)


@dataclass(frozen=True)
class _Automaton:
    """Per dim: edges (node, set, node of the next dim) and the number of nodes; which of the last nodes hold a mapping."""

    edges: list[list[tuple[int, int, int]]]
    sizes: list[int]
    accepted: list[bool]


def _automaton(parts: Sequence[Part], sets: Sequence[list[list[Ints]]]) -> _Automaton:
    nodes = [[part.limits.start[None, :] for part in parts]]
    edges: list[list[tuple[int, int, int]]] = []
    sizes: list[int] = []
    for symbols in sets:
        numbers: dict[tuple[tuple[int, bytes], ...], int] = {}
        grown: list[list[Ints]] = []
        found: list[tuple[int, int, int]] = []
        for at, node in enumerate(nodes):
            for symbol, uses in enumerate(symbols):
                after = [_after(part.limits, states, u) for part, states, u in zip(parts, node, uses, strict=True)]
                if not any(map(len, after)):
                    continue
                name = tuple((len(states), states.tobytes()) for states in after)
                if name not in numbers:
                    numbers[name] = len(grown)
                    grown.append(after)
                found.append((at, symbol, numbers[name]))
        edges.append(found)
        sizes.append(len(nodes))
        nodes = grown
    accepted = [
        any(bool(part.limits.are_met(states).any()) for part, states in zip(parts, node, strict=True)) for node in nodes
    ]
    return _Automaton(edges, sizes, accepted)


def _after(limits: Limits, states: Ints, uses: Ints) -> Ints:
    """The states after any of some uses, sorted; where nothing is wanted, only those with the most room."""
    after, fits = limits.advance(states[:, None, :], uses[None])
    rows = np.unique(after[fits], axis=0)
    many = len(limits.high)
    if len(rows) > 1 and (limits.low <= 1).all():
        at_least = (rows[:, None, :many] >= rows[None, :, :many]).all(axis=2) & ~np.eye(len(rows), dtype=bool)
        rows = rows[~at_least.any(axis=0)]
    return rows
