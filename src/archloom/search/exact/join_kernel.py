"""Group joins in compiled code: bounds of the cells of a template, and the join of its groups' rows.

A *cell* fixes the spatial trips of all dims, and with them compute cycles and used instances. A partial join has a lower bound:
what is joined with the least of what is not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from archloom.search.exact.join_compile import njit
from archloom.search.exact.join_price import TIE, key_of
from archloom.search.exact.join_rows import sort_by

__all__ = [
    "DONE",
    "LEAF",
    "PAUSED",
    "Cells",
    "Costs",
    "Lists",
    "Lows",
    "Stack",
    "cell_costs",
    "join",
    "open_stack",
    "template_bounds",
]

SLACK = 1 - 1e-9
"""Margin under quotients before they are rounded up to whole cycles."""

PAUSED, DONE, LEAF = range(3)
"""Why a join returns: its nodes are spent; nothing is left; a complete join beats the incumbent's bound."""

NODES, BY_BOUND, BY_CAPACITY, CELLS = range(4)


class Costs(NamedTuple):
    """How flows become a key. `joint` [F, V]: cost of each flow on several groups, whose alternatives are the columns
    `variants` [V + 1]; `scaled`: how many of the costs 1.. are energies that a cell scales, the rest are words at ports.
    `foot_level`, `foot_bits`, `foot_room` [A]. `goal` [5], `latency`: see join_price.
    """

    joint: np.ndarray
    variants: np.ndarray
    scaled: int
    foot_level: np.ndarray
    foot_bits: np.ndarray
    foot_room: np.ndarray
    goal: np.ndarray
    latency: float


class Cells(NamedTuple):
    """All cells: `places` [K, G] class of each group; `base` [K, F] costs that a cell fixes; `rate` [K, F]: scale of an energy, or
    words per cycle of a port over all instances; `steps` [K] compute cycles; `leak` [K] energy per cycle.
    """

    places: np.ndarray
    base: np.ndarray
    rate: np.ndarray
    steps: np.ndarray
    leak: np.ndarray


class Lows(NamedTuple):
    """Least values of the classes of many row lists: `cost` [P, F], `factor` [P, J], `foot` [P, A]; infinite where empty."""

    cost: np.ndarray
    factor: np.ndarray
    foot: np.ndarray


class Lists(NamedTuple):
    """The rows of one template: `cost`, `factor`, `foot`, and `starts`, `ends` of each class; those of group g from `offsets[g]`."""

    cost: np.ndarray
    factor: np.ndarray
    foot: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    offsets: np.ndarray


class Stack(NamedTuple):
    """A join that can be left and resumed: cells by `bound` [K, 2], where it stands, and partial costs at each depth."""

    cells: np.ndarray
    bound: np.ndarray
    at: np.ndarray
    groups: np.ndarray
    next: np.ndarray
    stop: np.ndarray
    cost: np.ndarray
    factor: np.ndarray
    foot: np.ndarray
    rest_cost: np.ndarray
    rest_factor: np.ndarray
    rest_foot: np.ndarray


@njit(cache=True, error_model="numpy")
def cell_costs(
    spatial, cells, relevant, multicast, size, output, still, still_cost, seen_cost, ports, leak, unit, instances
):
    """What cells fix under a keep mask: base [K, F], rate [K, F], steps [K], leak [K].

    `still` [N, 2]: (tensor, parent) of flows into the compute units, `still_cost` [F, N]; `seen_cost` [F, L]: of the outputs' first
    visits; `ports` [F, 3]: level, words per cycle (0: an energy), instances per cluster; `leak` [L, 2]: energy, gate level or -1.
    """
    count, wide = cells.shape
    levels, kinds = spatial.shape[1], len(ports)
    base, rate = np.zeros((count, kinds)), np.ones((count, kinds))
    steps, leaks = np.empty(count), np.zeros(count)
    used = np.ones(levels + 1)
    macs = 1.0
    for d in range(wide):
        macs *= size[d]
    for c in range(count):
        for level in range(levels - 1, -1, -1):
            below = level - 1 if level else levels
            used[below] = used[level]
            for d in range(wide):
                used[below] *= spatial[cells[c, d], level]
        steps[c] = macs / used[levels]
        for s in range(len(still)):
            words = macs
            for b in range(still[s, 1] + 1):
                for d in range(wide):
                    if multicast[b, still[s, 0]] and not relevant[still[s, 0], d]:
                        words /= spatial[cells[c, d], b]
            for f in range(kinds):
                base[c, f] += still_cost[f, s] * words
        for level in range(levels):
            words = 1.0
            for d in range(wide):
                if relevant[output, d]:
                    words *= size[d]
                else:
                    for b in range(level + 1, levels):
                        words *= spatial[cells[c, d], b]
            for f in range(kinds):
                base[c, f] -= seen_cost[f, level] * words
        base[c, 0] += unit[0] * macs
        for f in range(1, kinds):
            level = int(ports[f, 0])
            if ports[f, 1] > 0:
                rate[c, f] = used[level] * ports[f, 1]
            else:
                rate[c, f] = min(1.0, max(np.floor(instances[level] / ports[f, 2]), 1.0) / used[level])
        for level in range(levels):
            gate = int(leak[level, 1])
            on = used[level] if gate < 0 else used[gate] * (instances[level] / instances[gate])
            leaks[c] += leak[level, 0] * on
        leaks[c] += unit[1] * used[levels]
    return base, rate, steps, leaks


@njit(error_model="numpy")
def _bound(k, values, cells, c):
    """Lower bound of the key from lower bounds of the costs [F] in a cell."""
    energy, cycles = values[0], cells.steps[c]
    for f in range(1, len(values)):
        if f <= k.scaled:
            energy += values[f] * cells.rate[c, f]
        else:
            cycles = max(cycles, np.ceil(values[f] / cells.rate[c, f] * SLACK))
    cycles += k.latency
    return key_of(k.goal, energy + cells.leak[c] * cycles, cycles)


@njit(error_model="numpy")
def _add_joint(k, values, factor, rest):
    """Add to the costs [F] what the joint flows cost at least, given factors [J] and least factors of the rest."""
    for v in range(len(k.variants) - 1):
        least = np.inf
        for j in range(k.variants[v], k.variants[v + 1]):
            least = min(least, factor[j] * rest[j])
        for f in range(len(values)):
            values[f] += k.joint[f, v] * least


@njit(error_model="numpy")
def _fits(k, foot, rest):
    level, used = -1, 0.0
    for a in range(len(foot)):
        if k.foot_level[a] != level:
            level, used = k.foot_level[a], 0.0
        used += foot[a] * rest[a] * k.foot_bits[a]
        if used > k.foot_room[a]:
            return False
    return True


@njit(error_model="numpy")
def _cell_bound(k, cells, c, lows, offsets, values, factor, foot, ones):
    """Lower bound of the key over a cell; infinite where it holds no mapping."""
    for f in range(len(values)):
        values[f] = cells.base[c, f]
    for j in range(len(factor)):
        factor[j] = 1.0
    for a in range(len(foot)):
        foot[a] = 1.0
    for g in range(cells.places.shape[1]):
        p = offsets[g] + cells.places[c, g]
        if not lows.cost[p, 0] < np.inf:
            return np.inf, np.inf
        for f in range(len(values)):
            values[f] += lows.cost[p, f]
        for j in range(len(factor)):
            factor[j] *= lows.factor[p, j]
        for a in range(len(foot)):
            foot[a] *= lows.foot[p, a]
    if not _fits(k, foot, ones):
        return np.inf, np.inf
    _add_joint(k, values, factor, ones)
    return _bound(k, values, cells, c)


@njit(cache=True, error_model="numpy")
def template_bounds(k, cells, lows, offsets):
    """Lower bounds [N, 2] of the keys of templates, each given by where its groups' classes start in `lows`: offsets [N, G]."""
    result = np.full((len(offsets), 2), np.inf)
    values, factor, foot = np.empty(cells.base.shape[1]), np.empty(lows.factor.shape[1]), np.empty(lows.foot.shape[1])
    ones = np.ones(max(len(factor), len(foot)))
    for n in range(len(offsets)):
        for c in range(len(cells.steps)):
            first, second = _cell_bound(k, cells, c, lows, offsets[n], values, factor, foot, ones)
            if first < result[n, 0] or (first == result[n, 0] and second < result[n, 1]):
                result[n, 0], result[n, 1] = first, second
    return result


@njit(cache=True, error_model="numpy")
def open_stack(k, cells, lows, offsets):
    """A join that has not started: the cells of a template that something fits in, best bound first."""
    count, groups = cells.places.shape
    kinds, joints, feet = cells.base.shape[1], lows.factor.shape[1], lows.foot.shape[1]
    values, factor, foot = np.empty(kinds), np.empty(joints), np.empty(feet)
    ones = np.ones(max(joints, feet))
    bound = np.empty((count, 2))
    for c in range(count):
        bound[c, 0], bound[c, 1] = _cell_bound(k, cells, c, lows, offsets, values, factor, foot, ones)
    order = np.empty(count, np.int64)
    possible = 0
    for c in range(count):
        if bound[c, 0] < np.inf:
            order[possible] = c
            possible += 1
    sort_by(bound[:, 0].copy(), order, 0, possible)
    at = np.array([0, -1])
    numbers = np.zeros((3, groups), np.int64)
    cost, factors, foots = (
        np.zeros((2, groups + 1, kinds)),
        np.ones((2, groups + 1, joints)),
        np.ones((2, groups + 1, feet)),
    )
    return Stack(
        order[:possible],
        bound,
        at,
        numbers[0],
        numbers[1],
        numbers[2],
        cost[0],
        factors[0],
        foots[0],
        cost[1],
        factors[1],
        foots[1],
    )


@njit(error_model="numpy")
def _enter_cell(cells, lists, lows, lows_offsets, stack, c):
    """Set up the join of one cell: short lists first, and the least that the groups not yet joined add at each depth."""
    groups = cells.places.shape[1]
    for g in range(groups):
        p = lists.offsets[g] + cells.places[c, g]
        size = lists.ends[p] - lists.starts[p]
        at = g
        while at > 0:
            other = lists.offsets[stack.groups[at - 1]] + cells.places[c, stack.groups[at - 1]]
            if lists.ends[other] - lists.starts[other] <= size:
                break
            stack.groups[at] = stack.groups[at - 1]
            at -= 1
        stack.groups[at] = g
    for h in range(groups - 1, -1, -1):
        g = stack.groups[h]
        p = lows_offsets[g] + cells.places[c, g]
        for f in range(stack.cost.shape[1]):
            stack.rest_cost[h, f] = stack.rest_cost[h + 1, f] + lows.cost[p, f]
        for j in range(stack.factor.shape[1]):
            stack.rest_factor[h, j] = stack.rest_factor[h + 1, j] * lows.factor[p, j]
        for a in range(stack.foot.shape[1]):
            stack.rest_foot[h, a] = stack.rest_foot[h + 1, a] * lows.foot[p, a]
        p = lists.offsets[g] + cells.places[c, g]
        stack.next[h], stack.stop[h] = lists.starts[p], lists.ends[p]
    for f in range(stack.cost.shape[1]):
        stack.cost[0, f] = cells.base[c, f]


@njit(error_model="numpy")
def _is_beaten(first, second, key):
    """Whether nothing at or above these lower bounds can beat the incumbent's key."""
    return first > key[0] * (1 + TIE) or (first >= key[0] * (1 - TIE) and second >= key[1] * (1 - TIE))


@njit(cache=True, error_model="numpy")
def join(k, cells, lists, lows, lows_offsets, stack, key, tally, budget):
    """Join the rows of a template until a complete join may beat `key`, nothing is left, or `budget` nodes are spent.

    At a LEAF, `stack.next - 1` are the rows, in the order `stack.groups`, in the cell `stack.cells[stack.at[0]]`. `tally` [4]
    counts nodes, partial joins cut by bound and by capacity, and cells cut by bound.
    """
    groups, joints, feet = cells.places.shape[1], stack.factor.shape[1], stack.foot.shape[1]
    kinds = stack.cost.shape[1]
    values = np.empty(kinds)
    spent = 0
    is_sorted = joints == 0 and k.scaled == 0
    while stack.at[0] < len(stack.cells):
        c = stack.cells[stack.at[0]]
        first, second = stack.bound[c, 0], stack.bound[c, 1]
        if stack.at[1] < 0:
            if first > key[0] * (1 + TIE):
                tally[CELLS] += len(stack.cells) - stack.at[0]
                stack.at[0] = len(stack.cells)
                break
            if _is_beaten(first, second, key):
                tally[CELLS] += 1
                stack.at[0] += 1
                continue
            _enter_cell(cells, lists, lows, lows_offsets, stack, c)
            stack.at[1] = 0
        h = stack.at[1]
        fastest = max(cells.steps[c] + k.latency, second if k.goal[3] > 0 else 0.0)
        while h >= 0:
            if stack.next[h] >= stack.stop[h]:
                h -= 1
                continue
            if spent >= budget:
                stack.at[1] = h
                tally[NODES] += spent
                return PAUSED
            row = stack.next[h]
            stack.next[h] += 1
            spent += 1
            for f in range(kinds):
                stack.cost[h + 1, f] = stack.cost[h, f] + lists.cost[row, f]
                values[f] = stack.cost[h + 1, f] + stack.rest_cost[h + 1, f]
            if is_sorted:
                first, second = key_of(k.goal, values[0] + cells.leak[c] * fastest, fastest)
                if _is_beaten(first, second, key):
                    tally[BY_BOUND] += stack.stop[h] - row
                    stack.next[h] = stack.stop[h]
                    continue
            for a in range(feet):
                stack.foot[h + 1, a] = stack.foot[h, a] * lists.foot[row, a]
            if not _fits(k, stack.foot[h + 1], stack.rest_foot[h + 1]):
                tally[BY_CAPACITY] += 1
                continue
            for j in range(joints):
                stack.factor[h + 1, j] = stack.factor[h, j] * lists.factor[row, j]
            _add_joint(k, values, stack.factor[h + 1], stack.rest_factor[h + 1])
            first, second = _bound(k, values, cells, c)
            if _is_beaten(first, second, key):
                tally[BY_BOUND] += 1
                continue
            if h == groups - 1:
                stack.at[1] = h
                tally[NODES] += spent
                return LEAF
            h += 1
            p = lists.offsets[stack.groups[h]] + cells.places[c, stack.groups[h]]
            stack.next[h] = lists.starts[p]
        stack.at[0] += 1
        stack.at[1] = -1
    tally[NODES] += spent
    return DONE
