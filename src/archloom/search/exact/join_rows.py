"""Rows of a join in compiled code: every factorisation of a group of dims, with a gap for each loop, and what it costs.

Costs are sums over *flows* (words into the tiles of a tensor, or out of where they come from), each a product over groups. Flows
that depend on one group only are added up at once (`cost`); of the others a row holds its factor.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from archloom.search.exact.join_compile import njit
from archloom.search.exact.join_price import distinct_in_rank

__all__ = ["Chain", "Columns", "Form", "Rows", "build_rows", "sort_by"]

SPAN = 3
"""Dims of one rank whose slide is bounded closely, plus one."""


class Chain(NamedTuple):
    """Factorisations of all dims: `temporal` [N, L] trips listed by class, `starts` [C + 1]; `spatial` [C, L] trips of the
    classes; `classes` [D + 1]: the classes of each dim; `size` [D]: bounds.
    """

    temporal: np.ndarray
    starts: np.ndarray
    spatial: np.ndarray
    classes: np.ndarray
    size: np.ndarray


class Columns(NamedTuple):
    """What rows hold. `tiles` [Q, 2]: level, tensor. A flow is [tile (-1: compute units), tensor, parent (-1: counted at the
    tile), rank that slides (-1: none)]: `single` [S, 4] depend on one group, `single_group` [S], `single_cost` [F, S];
    `joint` [J, 4] on several. `feet` [A, 2]: level, tensor of tiles with a capacity; `foot_tile` [A].
    """

    tiles: np.ndarray
    single: np.ndarray
    single_group: np.ndarray
    single_cost: np.ndarray
    joint: np.ndarray
    feet: np.ndarray
    foot_tile: np.ndarray


class Form(NamedTuple):
    """What a template says about a group: `dims` [W], `count` [W, L] of gaps, `gap`, `inside` [W, L, O], `boundary` [L, T]."""

    group: int
    dims: np.ndarray
    count: np.ndarray
    gap: np.ndarray
    inside: np.ndarray
    boundary: np.ndarray


class Rows(NamedTuple):
    """Rows of one group: `chain` [N, W], `picks` [N, W, L] (factorisation and gaps of each dim), `cost` [N, F], `factor` [N, J],
    `foot` [N, A]; `starts`, `ends` [P] of each class, and the least values of a class: `low_*` [P, ...].
    """

    chain: np.ndarray
    picks: np.ndarray
    cost: np.ndarray
    factor: np.ndarray
    foot: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    low_cost: np.ndarray
    low_factor: np.ndarray
    low_foot: np.ndarray


@njit(error_model="numpy")
def _ways(chain, form, i, row):
    """Choices of gaps for the loops of a factorisation of dim i of the group."""
    ways = 1
    for level in range(form.count.shape[1]):
        if chain.temporal[row, level] > 1:
            ways *= form.count[i, level]
    return ways


@njit(error_model="numpy")
def _count_rows(chain, form):
    """Rows of each class of the group: ends [P]."""
    wide = len(form.dims)
    places = 1
    for d in form.dims:
        places *= chain.classes[d + 1] - chain.classes[d]
    ends = np.empty(places, np.int64)
    total = 0
    for place in range(places):
        rest, rows = place, 1
        for i in range(wide - 1, -1, -1):
            d = form.dims[i]
            many = chain.classes[d + 1] - chain.classes[d]
            k = chain.classes[d] + rest % many
            rest //= many
            ways = 0
            for row in range(chain.starts[k], chain.starts[k + 1]):
                ways += _ways(chain, form, i, row)
            rows *= ways
        total += rows
        ends[place] = total
    return ends


@njit(cache=True, error_model="numpy")
def build_rows(tensors, chain, columns, form, foot_bits, foot_room, sort_cost, prune):
    """All rows of a group that can be part of a legal mapping, cheapest first; `prune`: without those that another dominates."""
    wide, levels = form.count.shape
    counted = _count_rows(chain, form)  # rows that do not fit drop out, so `ends` may fall behind
    total = counted[-1]
    kinds, joints, feet = columns.single_cost.shape[0], len(columns.joint), len(columns.feet)
    starts, ends = np.empty_like(counted), np.empty_like(counted)
    chains = np.empty((total, wide), np.int32)
    picks = np.empty((total, wide, levels), np.int8)
    cost, factor, foot = np.empty((total, kinds)), np.empty((total, joints)), np.empty((total, feet))
    weight = np.empty(total)
    classes = np.zeros(wide, np.int64)
    ways, now = np.zeros(wide, np.int64), np.zeros(wide, np.int64)
    values = np.ones((wide, len(columns.tiles)))
    room = np.empty((6, max(wide, levels)))
    row = 0
    for place in range(len(counted)):
        starts[place] = row
        rest, is_empty = place, False
        for i in range(wide - 1, -1, -1):
            d = form.dims[i]
            many = chain.classes[d + 1] - chain.classes[d]
            classes[i] = chain.classes[d] + rest % many
            rest //= many
        first = row
        if counted[place] > (counted[place - 1] if place else 0):
            for i in range(wide):
                chains[row, i] = chain.starts[classes[i]]
                while _ways(chain, form, i, chains[row, i]) == 0:
                    chains[row, i] += 1
                ways[i] = 0
        else:
            is_empty = True
        while not is_empty:
            for i in range(wide):
                _place_loops(tensors, chain, columns, form, i, chains[row, i], ways[i], picks[row, i], values[i])
            _fill_feet(tensors, chain, columns, form, classes, values, foot[row])
            for i in range(wide):
                now[i] = chains[row, i]
            if _fits(foot[row], columns.feet, foot_bits, foot_room):
                _fill_costs(
                    tensors,
                    chain,
                    columns,
                    form,
                    classes,
                    chains[row],
                    picks[row],
                    values,
                    room,
                    cost[row],
                    factor[row],
                )
                row += 1
            i = wide - 1
            while i >= 0:
                ways[i] += 1
                while now[i] < chain.starts[classes[i] + 1] and ways[i] >= _ways(chain, form, i, now[i]):
                    now[i] += 1
                    ways[i] = 0
                if now[i] < chain.starts[classes[i] + 1]:
                    break
                now[i] = chain.starts[classes[i]]
                while _ways(chain, form, i, now[i]) == 0:
                    now[i] += 1
                i -= 1
            if i < 0:
                break
            for i in range(wide):
                chains[row, i] = now[i]
        ends[place] = row
        for at in range(first, row):
            weight[at] = cost[at, 0]
            for j in range(joints):
                weight[at] += sort_cost[j] * factor[at, j]
    order = np.empty(row, np.int64)
    size = 0
    for place in range(len(ends)):
        first = size
        for at in range(starts[place], ends[place]):
            order[size] = at
            size += 1
        sort_by(weight, order, first, size)
        if prune:
            size = _prune(cost, factor, foot, order, first, size)
        starts[place], ends[place] = first, size
    kept_chains, kept_picks = np.empty((size, wide), np.int32), np.empty((size, wide, levels), np.int8)
    for at in range(size):
        for i in range(wide):
            kept_chains[at, i] = chains[order[at], i]
            for level in range(levels):
                kept_picks[at, i, level] = picks[order[at], i, level]
    cost, factor, foot = _take(cost, order, size), _take(factor, order, size), _take(foot, order, size)
    low_cost, low_factor, low_foot = (
        _least(cost, starts, ends),
        _least(factor, starts, ends),
        _least(foot, starts, ends),
    )
    return Rows(kept_chains, kept_picks, cost, factor, foot, starts, ends, low_cost, low_factor, low_foot)


@njit(error_model="numpy")
def _take(table, order, size):
    """The rows of a table in this order."""
    taken = np.empty((size, table.shape[1]))
    for at in range(size):
        for k in range(table.shape[1]):
            taken[at, k] = table[order[at], k]
    return taken


@njit(error_model="numpy")
def _least(table, starts, ends):
    low = np.full((len(starts), table.shape[1]), np.inf)
    for place in range(len(starts)):
        for row in range(starts[place], ends[place]):
            for k in range(table.shape[1]):
                low[place, k] = min(low[place, k], table[row, k])
    return low


@njit(error_model="numpy")
def _place_loops(tensors, chain, columns, form, i, row, way, picks, value):
    """Gaps of choice `way` for a factorisation, and its trips: inside each tile for a relevant dim, outside for another."""
    d = form.dims[i]
    for q in range(len(value)):
        value[q] = 1.0
    for level in range(form.count.shape[1]):
        trip = chain.temporal[row, level]
        picks[level] = 0
        if trip > 1:
            pick = way % form.count[i, level]
            way //= form.count[i, level]
            picks[level] = pick
            inside = form.inside[i, level, pick]
            for q in range(len(value)):
                if ((inside >> q) & 1 == 1) == tensors.relevant[columns.tiles[q, 1], d]:
                    value[q] *= trip


@njit(error_model="numpy")
def _fill_costs(tensors, chain, columns, form, classes, chains, picks, values, room, cost, factor):
    """Costs and factors of one row; `room` [6, max(W, L)] is scratch."""
    for f in range(len(cost)):
        cost[f] = 0.0
    for s in range(len(columns.single)):
        if columns.single_group[s] == form.group:
            words = _factor(tensors, chain, columns, form, columns.single[s], classes, chains, picks, values, room)
            for f in range(len(cost)):
                cost[f] += columns.single_cost[f, s] * words
    for j in range(len(factor)):
        factor[j] = _factor(tensors, chain, columns, form, columns.joint[j], classes, chains, picks, values, room)


@njit(error_model="numpy")
def _fill_feet(tensors, chain, columns, form, classes, values, foot):
    """Footprints of one row."""
    for a in range(len(foot)):
        level, t, q = columns.feet[a, 0], columns.feet[a, 1], columns.foot_tile[a]
        words = 1.0
        for r in range(tensors.ranks.shape[1]):
            side = 1.0
            for i in range(len(form.dims)):
                coefficient = tensors.ranks[t, r, form.dims[i]]
                if coefficient > 0:
                    side += coefficient * (values[i, q] * _across(chain, classes[i], 0, level) - 1)
            words *= side
        foot[a] = words


@njit(error_model="numpy")
def _across(chain, k, first, last):
    """Product of the spatial trips of a class over levels first..last."""
    trips = 1.0
    for level in range(first, last + 1):
        trips *= chain.spatial[k, level]
    return trips


@njit(error_model="numpy")
def _factor(tensors, chain, columns, form, flow, classes, chains, picks, values, room):
    """The factor of a row in a flow."""
    q, t, parent, slides = flow[0], flow[1], flow[2], flow[3]
    level = columns.tiles[q, 0] if q >= 0 else -1
    levels = chain.temporal.shape[1]
    result = 1.0
    for i in range(len(form.dims)):
        if tensors.relevant[t, form.dims[i]]:
            continue
        if q >= 0:
            result *= values[i, q]
        else:
            for b in range(levels):
                result *= chain.temporal[chains[i], b]
        for b in range(level + 1, levels):
            if b > parent or not tensors.multicast[b, t]:
                result *= chain.spatial[classes[i], b]
    for r in range(tensors.ranks.shape[1]):
        if tensors.shared[t, r]:
            side, turns, concerned = 1.0, 1.0, False
            for i in range(len(form.dims)):
                d = form.dims[i]
                coefficient = tensors.ranks[t, r, d]
                if coefficient > 0:
                    concerned = True
                    extent = values[i, q] * _across(chain, classes[i], 0, level) if q >= 0 else 1.0
                    side += coefficient * (extent - 1)
                    turns *= chain.size[d] / extent
            if not concerned:
                continue
            if r == slides:
                result *= _slide(tensors, chain, form, t, r, level, side, classes, chains, picks, room)
            else:
                result *= side * turns
            if parent >= 0:
                result *= _sharing(tensors, chain, form, t, r, level, parent, classes, chains, room)
    return result


@njit(error_model="numpy")
def _slide(tensors, chain, form, t, rank, level, side, classes, chains, picks, room):
    """Fewest words along a rank while a tile slides over it, over all instances, if no other dim turned the tile."""
    levels = chain.temporal.shape[1]
    reach, trips, gaps = room[0:2], room[2:4], room[4:6]
    for b in range(levels):
        for e in range(2):
            reach[e, b], trips[e, b], gaps[e, b] = 1.0, 1.0, 0.0
    found, spread = 0, 1.0
    for i in range(len(form.dims)):
        d = form.dims[i]
        coefficient = tensors.ranks[t, rank, d]
        if coefficient == 0:
            continue
        if found == 2:
            return 1.0
        spread *= _across(chain, classes[i], level + 1, levels - 1)
        extent = coefficient
        for b in range(levels):
            extent *= chain.spatial[classes[i], b]
            reach[found, b] = extent
            extent *= chain.temporal[chains[i], b]
            gaps[found, b] = form.gap[i, b, picks[i, b]]
            if b > level or (b == level and gaps[found, b] > form.boundary[level, t]):
                trips[found, b] = chain.temporal[chains[i], b]
        found += 1
    same = 0
    for b in range(level, levels):
        same += trips[0, b] > 1 and trips[1, b] > 1 and gaps[0, b] == gaps[1, b]
    best = np.inf
    for way in range(1 << same):
        words, advanced, first, seen = side, 0.0, 0.0, 0
        for b in range(level, levels):
            lead = 0 if gaps[0, b] < gaps[1, b] else 1
            if trips[0, b] > 1 and trips[1, b] > 1 and gaps[0, b] == gaps[1, b]:
                lead = (way >> seen) & 1
                seen += 1
            for e in (lead, 1 - lead):
                if trips[e, b] > 1:
                    move, saved = reach[e, b] - advanced, 0.0
                    if move == 0:
                        saved = side
                    elif move == first or first == 0:
                        saved = max(0.0, side - abs(move))
                        if first == 0:
                            first = move
                    words = words * trips[e, b] - (trips[e, b] - 1) * saved
                    advanced += (trips[e, b] - 1) * reach[e, b]
        best = min(best, words)
    return best * spread


@njit(error_model="numpy")
def _sharing(tensors, chain, form, t, rank, level, parent, classes, chains, room):
    """Share of the spatial iterations between a tile and its parent that want different words, along a shared rank."""
    wide = len(form.dims)
    result = 1.0
    reach, trips, coefficients = room[0, :wide], room[1, :wide], room[2, :wide]
    for i in range(wide):
        reach[i], trips[i], coefficients[i] = 1.0, 1.0, tensors.ranks[t, rank, form.dims[i]]
    for b in range(parent + 1):
        both = 1.0
        for i in range(wide):
            trips[i] = chain.spatial[classes[i], b]
            if coefficients[i] > 0:
                both *= trips[i]
        if b > level and both > 1 and tensors.multicast[b, t]:
            result *= distinct_in_rank(coefficients, trips, reach) / both
        for i in range(wide):
            reach[i] *= trips[i] * chain.temporal[chains[i], b]
    return result


@njit(error_model="numpy")
def _fits(foot, feet, bits, room):
    """Whether the tiles fit if no other group enlarges them."""
    level, used = -1, 0.0
    for a in range(len(foot)):
        if feet[a, 0] != level:
            level, used = feet[a, 0], 0.0
        used += foot[a] * bits[a]
        if used > room[a]:
            return False
    return True


@njit(error_model="numpy")
def sort_by(weight, order, first, last):
    """Sort a stretch of row numbers by weight, in place (Shell sort: small to compile)."""
    gap = 1
    while gap < last - first:
        gap = gap * 3 + 1
    while gap > 0:
        for at in range(first + gap, last):
            row, to = order[at], at
            while to >= first + gap and weight[order[to - gap]] > weight[row]:
                order[to] = order[to - gap]
                to -= gap
            order[to] = row
        gap //= 3


@njit(error_model="numpy")
def _prune(cost, factor, foot, order, first, last):
    """Drop the rows that one before them equals or beats in every column; returns the new end of the stretch."""
    size = first
    for at in range(first, last):
        row = order[at]
        is_beaten = False
        for before in range(first, size):
            one = order[before]
            is_beaten = True
            for a in range(foot.shape[1]):
                is_beaten = is_beaten and foot[one, a] <= foot[row, a]
            for f in range(cost.shape[1]):
                is_beaten = is_beaten and cost[one, f] <= cost[row, f]
            for j in range(factor.shape[1]):
                is_beaten = is_beaten and factor[one, j] <= factor[row, j]
            if is_beaten:
                break
        if not is_beaten:
            order[size] = row
            size += 1
    return size
