"""Group joins in compiled code: rows of a template per group of dims, bounds of its cells, and the join of the rows.

A *row* is a factorisation of one group's dims with a gap for each loop; a *cell* fixes the spatial trips of all dims, and with
them compute cycles and used instances. Costs are sums over *flows* (words into or out of the tiles of a tensor), each a product
over groups, so a partial join has a lower bound: what is joined times the least of what is not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from archloom.search.exact.join_price import beats, best_order, distinct_in_rank, key_of

__all__ = ["Best", "Flows", "Forms", "Ground", "Rows", "Stack", "bounds", "build", "join", "open_stack"]

TIE = 1e-12
SLACK = 1 - 1e-9
"""Margin under quotients before they are rounded up to whole cycles."""


class Ground(NamedTuple):
    """What holds for every keep mask. Classes are sets of factorisations of a dim with equal spatial trips; numbers in float64.

    `size` [D] bounds. `temporal` [N, L] trips, listed by class; `row_starts` [C + 1]; `spatial` [C, L]; `class_starts` [D + 1].
    `group_dims` [D], `group_starts` [G + 1]. `cells` [K, D]: classes. `places` [K, G]: class of each group.
    `order_rules` [2, L, D], `least_bits` [L]: see join_price, Rules.min_fill.
    """

    size: np.ndarray
    temporal: np.ndarray
    row_starts: np.ndarray
    spatial: np.ndarray
    class_starts: np.ndarray
    group_dims: np.ndarray
    group_starts: np.ndarray
    cells: np.ndarray
    places: np.ndarray
    order_rules: np.ndarray
    least_bits: np.ndarray


class Flows(NamedTuple):
    """What a keep mask makes flow. Index 0 of a coefficient is energy, the others are ports of limited bandwidth.

    `keep` [L, T]. `tiles` [Q, 2]: level, tensor. A column is [tile (-1: compute units), tensor, parent (-1: words into the tile),
    rank that slides (-1: none)]: `single` [S, 4] depend on one group, `single_group` [S], `single_cost` [F, S]; `joint` [J, 4] on
    several, `variants` [V + 1]: the alternatives of each flow, `joint_cost` [F, V]. `still` [N, 2]: tensor, parent of flows into
    the compute units, `still_cost` [F, N]. `seen_cost` [F, L]: of the outputs' first visits. `ports` [F, 2]: level, words/cycle.
    `feet` [A, 3]: level, tensor, tile (-1: the backing store) where capacity matters.
    """

    keep: np.ndarray
    tiles: np.ndarray
    single: np.ndarray
    single_group: np.ndarray
    single_cost: np.ndarray
    joint: np.ndarray
    variants: np.ndarray
    joint_cost: np.ndarray
    still: np.ndarray
    still_cost: np.ndarray
    seen_cost: np.ndarray
    ports: np.ndarray
    feet: np.ndarray


class Forms(NamedTuple):
    """Templates of one keep mask: `options` [N, D, L]: how many gaps; `gap`, `inside`, `rank` [N, D, L, O]; `boundary` [N, L, T]."""

    options: np.ndarray
    gap: np.ndarray
    inside: np.ndarray
    rank: np.ndarray
    boundary: np.ndarray


class Rows(NamedTuple):
    """Rows of one template. `chain`, `picks` [N, W], [N, W, L]: factorisation and options of each dim of the group.

    `cost` [N, F], `factor` [N, J], `foot` [N, A]; `starts`, `ends` [P]: rows of each class of each group, at `offsets` [G + 1];
    `low_*` [P, ...]: least values of a class.
    """

    chain: np.ndarray
    picks: np.ndarray
    cost: np.ndarray
    factor: np.ndarray
    foot: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    offsets: np.ndarray
    low_cost: np.ndarray
    low_factor: np.ndarray
    low_foot: np.ndarray


class Stack(NamedTuple):
    """A join that can be left and resumed: cells by bound, where it stands, and the partial costs of each depth."""

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


class Best(NamedTuple):
    """The incumbent: `key` [4] (cost, tie, energy, cycles), `keep` [L, T], trips [L, D], loops innermost first, tile ends [L, T].

    `tally` [5]: nodes, leaves priced, cut by bound, cut by capacity, cells cut by bound.
    """

    key: np.ndarray
    keep: np.ndarray
    temporal: np.ndarray
    spatial: np.ndarray
    dims: np.ndarray
    ends: np.ndarray
    tally: np.ndarray


@njit(cache=True)
def _is_beaten(first, second, key):
    """Whether nothing at or above these lower bounds can beat the incumbent."""
    return first > key[0] * (1 + TIE) or (first >= key[0] * (1 - TIE) and second >= key[1] * (1 - TIE))


@njit(cache=True)
def _dim_rows(ground, forms, n, dim, tiles, relevant):
    """All rows of one dim: chain, picks [., L], value [., Q] (relevant: trips inside; else: trips outside), class starts."""
    levels = ground.temporal.shape[1]
    first, last = ground.class_starts[dim], ground.class_starts[dim + 1]
    wide = len(tiles)
    total = 0
    for c in range(ground.row_starts[first], ground.row_starts[last]):
        ways = 1
        for level in range(levels):
            if ground.temporal[c, level] > 1:
                ways *= forms.options[n, dim, level]
        total += ways
    chain = np.empty(total, np.int64)
    picks = np.zeros((total, levels), np.int64)
    value = np.ones((total, wide))
    starts = np.empty(last - first + 1, np.int64)
    row = 0
    for k in range(first, last):
        starts[k - first] = row
        for c in range(ground.row_starts[k], ground.row_starts[k + 1]):
            ways = 1
            for level in range(levels):
                if ground.temporal[c, level] > 1:
                    ways *= forms.options[n, dim, level]
            for way in range(ways):
                rest = way
                chain[row] = c
                for level in range(levels):
                    trip = ground.temporal[c, level]
                    if trip > 1:
                        pick = rest % forms.options[n, dim, level]
                        rest //= forms.options[n, dim, level]
                        picks[row, level] = pick
                        inside = forms.inside[n, dim, level, pick]
                        for q in range(wide):
                            if ((inside >> q) & 1 == 1) == relevant[tiles[q, 1], dim]:
                                value[row, q] *= trip
                row += 1
    starts[last - first] = row
    return chain, picks, value, starts


@njit(cache=True)
def _slide(m, ground, forms, n, t, rank, level, boundary, dims, chains, picks):
    """Fewest words along one rank while a tile slides over it, if nothing else turned the tile (a lower bound)."""
    levels = ground.temporal.shape[1]
    one, two = -1, -1
    side = 1.0
    spread = 1.0
    for i in range(len(dims)):
        d = dims[i]
        if m.ranks[t, rank, d] > 0:
            if one < 0:
                one = i
            elif two < 0:
                two = i
            else:
                two = -2
    reach = np.ones((2, levels))
    trips = np.ones((2, levels))
    gaps = np.zeros((2, levels), np.int64)
    for e in range(2):
        i = one if e == 0 else two
        if i < 0:
            continue
        d = dims[i]
        k = _class_of(ground, d, chains[i])
        extent = 1.0
        for b in range(levels):
            extent *= ground.spatial[k, b]
            reach[e, b] = extent * m.ranks[t, rank, d]
            trips[e, b] = ground.temporal[chains[i], b]
            gaps[e, b] = forms.gap[n, d, b, picks[i, b]]
            if b > level:
                spread *= ground.spatial[k, b]
            inside = extent if b <= level else 0.0
            if b == level:
                if trips[e, b] > 1 and gaps[e, b] <= boundary:
                    inside *= trips[e, b]
                    trips[e, b] = 1.0
                side += m.ranks[t, rank, d] * (inside - 1)
            extent *= ground.temporal[chains[i], b]
    if two == -2:
        return 1.0
    same = 0
    for b in range(level, levels):
        if trips[0, b] > 1 and trips[1, b] > 1 and gaps[0, b] == gaps[1, b]:
            same += 1
    best = np.inf
    for way in range(1 << same):
        words, advanced, first = side, 0.0, 0.0
        seen = 0
        for b in range(level, levels):
            lead = 0 if gaps[0, b] < gaps[1, b] else 1
            if trips[0, b] > 1 and trips[1, b] > 1 and gaps[0, b] == gaps[1, b]:
                lead = (way >> seen) & 1
                seen += 1
            for turn in range(2):
                e = lead if turn == 0 else 1 - lead
                if trips[e, b] > 1:
                    move = reach[e, b] - advanced
                    saved = 0.0
                    if move == 0:
                        saved = side
                    elif move == first or first == 0:
                        saved = max(0.0, side - abs(move))
                        if first == 0:
                            first = reach[e, b]
                    words = words * trips[e, b] - (trips[e, b] - 1) * saved
                    advanced += (trips[e, b] - 1) * reach[e, b]
        best = min(best, words)
    return best * spread


@njit(cache=True)
def _class_of(ground, dim, chain):
    """The class of a factorisation."""
    low, high = ground.class_starts[dim], ground.class_starts[dim + 1]
    while high - low > 1:
        middle = (low + high) // 2
        if ground.row_starts[middle] <= chain:
            low = middle
        else:
            high = middle
    return low


@njit(cache=True)
def _factor(m, ground, forms, n, column, level, dims, classes, chains, picks, values):
    """Factor of a group in a column; `values` [W, Q] of the row's dims."""
    q, t, parent, slides = column[0], column[1], column[2], column[3]
    wide = len(dims)
    result = 1.0
    for i in range(wide):
        d, k = dims[i], classes[i]
        if m.relevant[t, d]:
            continue
        outside = 1.0
        if q >= 0:
            outside = values[i, q]
        else:
            for b in range(ground.temporal.shape[1]):
                outside *= ground.temporal[chains[i], b]
        for b in range(level + 1, ground.temporal.shape[1]):
            if b > parent or not m.multicast[b, t]:
                outside *= ground.spatial[k, b]
        result *= outside
    for r in range(m.ranks.shape[1]):
        if not m.shared[t, r]:
            continue
        concerned = False
        for i in range(wide):
            concerned = concerned or m.ranks[t, r, dims[i]] > 0
        if not concerned:
            continue
        if r == slides and q >= 0:
            words = _slide(m, ground, forms, n, t, r, level, forms.boundary[n, level, t], dims, chains, picks)
        else:
            side, turns = 1.0, 1.0
            for i in range(wide):
                d, k = dims[i], classes[i]
                if m.ranks[t, r, d] > 0:
                    extent = 1.0
                    if q >= 0:
                        extent = values[i, q]
                        for b in range(level + 1):
                            extent *= ground.spatial[k, b]
                    side += m.ranks[t, r, d] * (extent - 1)
                    turns *= ground.size[d] / extent
            words = side * turns
        if parent >= 0:
            words *= _sharing(m, ground, t, r, level, parent, dims, classes, chains)
        result *= words
    return result


@njit(cache=True)
def _sharing(m, ground, t, rank, level, parent, dims, classes, chains):
    """Distinct positions over spatial iterations along a shared rank, between a tile and its parent."""
    result = 1.0
    levels = ground.temporal.shape[1]
    wide = len(dims)
    reach, trips, coefficients = np.ones(wide), np.ones(wide), np.empty(wide)
    for i in range(wide):
        coefficients[i] = m.ranks[t, rank, dims[i]]
    for b in range(min(parent + 1, levels)):
        both = 1.0
        for i in range(wide):
            trips[i] = ground.spatial[classes[i], b]
            if coefficients[i] > 0:
                both *= trips[i]
        if b > level and both > 1 and m.multicast[b, t]:
            result *= distinct_in_rank(coefficients, trips, reach) / both
        for i in range(wide):
            reach[i] *= trips[i] * ground.temporal[chains[i], b]
    return result


@njit(cache=True)
def build(m, ground, flows, forms, n, prune):
    """All rows of template n that can be part of a legal mapping; `prune`: without those that another one dominates."""
    groups = len(ground.group_starts) - 1
    levels = ground.temporal.shape[1]
    tiles = flows.tiles
    kinds, joints, feet = flows.ports.shape[0], flows.joint.shape[0], flows.feet.shape[0]
    widest = 0
    for g in range(groups):
        widest = max(widest, ground.group_starts[g + 1] - ground.group_starts[g])
    offsets = np.zeros(groups + 1, np.int64)
    for g in range(groups):
        places = 1
        for at in range(ground.group_starts[g], ground.group_starts[g + 1]):
            d = ground.group_dims[at]
            places *= ground.class_starts[d + 1] - ground.class_starts[d]
        offsets[g + 1] = offsets[g] + places
    dims_of = ground.group_dims
    # rows of each dim, then how many rows each class of each group has
    d_chain = [np.empty(0, np.int64)]
    d_picks = [np.empty((0, levels), np.int64)]
    d_value = [np.empty((0, len(tiles)))]
    d_starts = [np.empty(0, np.int64)]
    for d in range(len(ground.size)):
        chain, picks, value, starts = _dim_rows(ground, forms, n, d, tiles, m.relevant)
        d_chain.append(chain)
        d_picks.append(picks)
        d_value.append(value)
        d_starts.append(starts)
    starts, ends = np.empty(offsets[groups], np.int64), np.empty(offsets[groups], np.int64)
    total = 0
    digits = np.zeros(widest, np.int64)
    for g in range(groups):
        at, wide = ground.group_starts[g], ground.group_starts[g + 1] - ground.group_starts[g]
        for place in range(offsets[g + 1] - offsets[g]):
            rest, rows = place, 1
            for i in range(wide - 1, -1, -1):
                d = dims_of[at + i]
                classes = ground.class_starts[d + 1] - ground.class_starts[d]
                k = rest % classes
                rest //= classes
                rows *= d_starts[d + 1][k + 1] - d_starts[d + 1][k]
            starts[offsets[g] + place] = total
            total += rows
            ends[offsets[g] + place] = total
    chain = np.zeros((total, widest), np.int64)
    picks = np.zeros((total, widest, levels), np.int64)
    cost = np.zeros((total, kinds))
    factor = np.ones((total, joints))
    foot = np.ones((total, feet))
    low_cost = np.full((offsets[groups], kinds), np.inf)
    low_factor = np.full((offsets[groups], joints), np.inf)
    low_foot = np.full((offsets[groups], feet), np.inf)
    values = np.ones((widest, len(tiles)))
    classes_at = np.zeros(widest, np.int64)
    for g in range(groups):
        at, wide = ground.group_starts[g], ground.group_starts[g + 1] - ground.group_starts[g]
        dims = dims_of[at : at + wide]
        for place in range(offsets[g + 1] - offsets[g]):
            rest = place
            for i in range(wide - 1, -1, -1):
                d = dims[i]
                classes = ground.class_starts[d + 1] - ground.class_starts[d]
                classes_at[i] = ground.class_starts[d] + rest % classes
                rest //= classes
                digits[i] = 0
            p = offsets[g] + place
            for row in range(starts[p], ends[p]):
                for i in range(wide):
                    d = dims[i]
                    source = d_starts[d + 1][classes_at[i] - ground.class_starts[d]] + digits[i]
                    chain[row, i] = d_chain[d + 1][source]
                    picks[row, i] = d_picks[d + 1][source]
                    values[i] = d_value[d + 1][source]
                _fill_row(
                    m,
                    ground,
                    flows,
                    forms,
                    n,
                    g,
                    dims,
                    classes_at,
                    chain[row],
                    picks[row],
                    values,
                    cost[row],
                    factor[row],
                    foot[row],
                )
                i = wide - 1
                while i >= 0:
                    d = dims[i]
                    k = classes_at[i] - ground.class_starts[d]
                    digits[i] += 1
                    if digits[i] < d_starts[d + 1][k + 1] - d_starts[d + 1][k]:
                        break
                    digits[i] = 0
                    i -= 1
    # drop what cannot fit even beside the smallest rows of the other groups
    smallest = np.full((groups, feet), np.inf)
    for g in range(groups):
        for row in range(starts[offsets[g]], ends[offsets[g + 1] - 1]):
            for a in range(feet):
                smallest[g, a] = min(smallest[g, a], foot[row, a])
    for g in range(groups):
        for p in range(offsets[g], offsets[g + 1]):
            row = starts[p]
            for source in range(starts[p], ends[p]):
                if _fits_alone(m, flows, g, foot[source], smallest):
                    if row != source:
                        _copy_row(chain, picks, cost, factor, foot, source, row)
                    row += 1
            ends[p] = row
    if prune:
        for g in range(groups):
            for p in range(offsets[g], offsets[g + 1]):
                ends[p] = _prune(flows, chain, picks, cost, factor, foot, starts[p], ends[p])
    for g in range(groups):
        for p in range(offsets[g], offsets[g + 1]):
            for row in range(starts[p], ends[p]):
                for f in range(kinds):
                    low_cost[p, f] = min(low_cost[p, f], cost[row, f])
                for j in range(joints):
                    low_factor[p, j] = min(low_factor[p, j], factor[row, j])
                for a in range(feet):
                    low_foot[p, a] = min(low_foot[p, a], foot[row, a])
    return Rows(chain, picks, cost, factor, foot, starts, ends, offsets, low_cost, low_factor, low_foot)


@njit(cache=True)
def _fill_row(m, ground, flows, forms, n, g, dims, classes, chains, picks, values, cost, factor, foot):
    """Costs, factors and footprints of one row."""
    wide = len(dims)
    for s in range(flows.single.shape[0]):
        if flows.single_group[s] == g:
            column = flows.single[s]
            level = flows.tiles[column[0], 0] if column[0] >= 0 else -1
            words = _factor(m, ground, forms, n, column, level, dims, classes, chains, picks, values)
            for f in range(len(cost)):
                cost[f] += flows.single_cost[f, s] * words
    for j in range(flows.joint.shape[0]):
        column = flows.joint[j]
        level = flows.tiles[column[0], 0] if column[0] >= 0 else -1
        factor[j] = _factor(m, ground, forms, n, column, level, dims, classes, chains, picks, values)
    for a in range(flows.feet.shape[0]):
        level, t, q = flows.feet[a, 0], flows.feet[a, 1], flows.feet[a, 2]
        words = 1.0
        for r in range(m.ranks.shape[1]):
            side, concerned = 1.0, False
            for i in range(wide):
                d = dims[i]
                if m.ranks[t, r, d] > 0:
                    concerned = True
                    extent = 1.0
                    for b in range(level + 1):
                        extent *= ground.spatial[classes[i], b]
                    if q >= 0:
                        extent *= values[i, q]
                    else:
                        for b in range(level):
                            extent *= ground.temporal[chains[i], b]
                    side += m.ranks[t, r, d] * (extent - 1)
            if concerned:
                words *= side
        foot[a] = words


@njit(cache=True)
def _fits_alone(m, flows, g, foot, smallest):
    level = -1
    used = 0.0
    for a in range(len(foot)):
        if flows.feet[a, 0] != level:
            used = 0.0
            level = flows.feet[a, 0]
        words = foot[a] * m.bits[level, flows.feet[a, 1]]
        for other in range(smallest.shape[0]):
            if other != g:
                words *= smallest[other, a]
        used += words
        if used > m.capacity[level]:
            return False
    return True


@njit(cache=True)
def _copy_row(chain, picks, cost, factor, foot, source, row):
    chain[row] = chain[source]
    picks[row] = picks[source]
    cost[row] = cost[source]
    factor[row] = factor[source]
    foot[row] = foot[source]


@njit(cache=True)
def _prune(flows, chain, picks, cost, factor, foot, start, end):
    """Keep the rows of a class that no other dominates in every column, best energy first; returns their new end."""
    count = end - start
    if count == 0:
        return end
    weight = np.empty(count)
    for i in range(count):
        weight[i] = cost[start + i, 0]
        for v in range(len(flows.variants) - 1):
            weight[i] += flows.joint_cost[0, v] * factor[start + i, flows.variants[v]]
    order = np.argsort(weight, kind="mergesort")
    kept = np.empty(count, np.int64)
    size = 0
    for o in range(count):
        row = start + order[o]
        beaten = False
        for i in range(size):
            if _dominates(cost, factor, foot, kept[i], row):
                beaten = True
                break
        if not beaten:
            kept[size] = row
            size += 1
    new_chain, new_picks = chain[kept[:size]].copy(), picks[kept[:size]].copy()
    new_cost, new_factor, new_foot = cost[kept[:size]].copy(), factor[kept[:size]].copy(), foot[kept[:size]].copy()
    chain[start : start + size] = new_chain
    picks[start : start + size] = new_picks
    cost[start : start + size] = new_cost
    factor[start : start + size] = new_factor
    foot[start : start + size] = new_foot
    return start + size


@njit(cache=True)
def _dominates(cost, factor, foot, one, other):
    for f in range(cost.shape[1]):
        if cost[one, f] > cost[other, f]:
            return False
    for j in range(factor.shape[1]):
        if factor[one, j] > factor[other, j]:
            return False
    for a in range(foot.shape[1]):
        if foot[one, a] > foot[other, a]:
            return False
    return True


@njit(cache=True)
def cell_costs(m, ground, flows):
    """What a cell fixes: [K, F] costs of the flows it settles, [K, F] words per cycle of each port over all instances,
    [K] compute cycles, [K] leakage per cycle.
    """
    cells, wide = ground.cells.shape
    levels = ground.temporal.shape[1]
    kinds = flows.ports.shape[0]
    base, rate = np.zeros((cells, kinds)), np.ones((cells, kinds))
    steps, leak = np.empty(cells), np.zeros(cells)
    used = np.ones(levels + 1)
    macs = 1.0
    for d in range(wide):
        macs *= ground.size[d]
    output = 0
    for t in range(len(m.is_output)):
        if m.is_output[t]:
            output = t
    for c in range(cells):
        for level in range(levels - 1, -1, -1):
            parallel = 1.0
            for d in range(wide):
                parallel *= ground.spatial[ground.cells[c, d], level]
            used[level - 1 if level else levels] = used[level] * parallel
        steps[c] = macs / used[levels]
        for f in range(kinds):
            for s in range(flows.still.shape[0]):
                t, parent = flows.still[s, 0], flows.still[s, 1]
                words = macs
                for b in range(parent + 1):
                    if m.multicast[b, t]:
                        for d in range(wide):
                            if not m.relevant[t, d]:
                                words /= ground.spatial[ground.cells[c, d], b]
                base[c, f] += flows.still_cost[f, s] * words
            for level in range(levels):
                if flows.seen_cost[f, level] != 0:
                    words = 1.0
                    for d in range(wide):
                        if m.relevant[output, d]:
                            words *= ground.size[d]
                        else:
                            for b in range(level + 1, levels):
                                words *= ground.spatial[ground.cells[c, d], b]
                    base[c, f] -= flows.seen_cost[f, level] * words
            if f > 0:
                rate[c, f] = used[int(flows.ports[f, 0])] * flows.ports[f, 1]
        base[c, 0] += m.unit[0] * macs
        for level in range(levels):
            on = used[level]
            if m.gate[level] >= 0:
                on = used[m.gate[level]] * (m.instances[level] / m.instances[m.gate[level]])
            leak[c] += m.leak[level] * on
        leak[c] += m.unit[1] * used[levels]
    return base, rate, steps, leak


@njit(cache=True)
def _keys(m, kinds, costs, rate, steps, leak):
    """Lower bounds of a key from lower bounds of the costs [F] of a cell."""
    cycles = steps
    for f in range(1, kinds):
        cycles = max(cycles, np.ceil(costs[f] / rate[f] * SLACK))
    cycles += m.latency
    return key_of(m.goal, costs[0] + leak * cycles, cycles)


@njit(cache=True)
def _cell_bound(m, ground, flows, rows, c, base, rate, steps, leak):
    """Lower bounds of the key of a cell, infinite where nothing fits."""
    groups = ground.places.shape[1]
    kinds = flows.ports.shape[0]
    costs = base[c].copy()
    for g in range(groups):
        p = rows.offsets[g] + ground.places[c, g]
        if rows.starts[p] == rows.ends[p]:
            return np.inf, np.inf
        for f in range(kinds):
            costs[f] += rows.low_cost[p, f]
    used, level = 0.0, -1
    for a in range(flows.feet.shape[0]):
        if flows.feet[a, 0] != level:
            used, level = 0.0, flows.feet[a, 0]
        words = m.bits[level, flows.feet[a, 1]]
        for g in range(groups):
            words *= rows.low_foot[rows.offsets[g] + ground.places[c, g], a]
        used += words
        if used > m.capacity[level]:
            return np.inf, np.inf
    for v in range(len(flows.variants) - 1):
        least = np.inf
        for j in range(flows.variants[v], flows.variants[v + 1]):
            words = 1.0
            for g in range(groups):
                words *= rows.low_factor[rows.offsets[g] + ground.places[c, g], j]
            least = min(least, words)
        for f in range(kinds):
            costs[f] += flows.joint_cost[f, v] * least
    return _keys(m, kinds, costs, rate[c], steps[c], leak[c])


@njit(cache=True)
def bounds(m, ground, flows, forms):
    """Lower bounds [N, 2] of the keys of all templates of a keep mask."""
    base, rate, steps, leak = cell_costs(m, ground, flows)
    templates = forms.options.shape[0]
    result = np.full((templates, 2), np.inf)
    for n in range(templates):
        rows = build(m, ground, flows, forms, n, False)
        for c in range(ground.cells.shape[0]):
            first, second = _cell_bound(m, ground, flows, rows, c, base, rate, steps, leak)
            if first < result[n, 0] or (first == result[n, 0] and second < result[n, 1]):
                result[n, 0], result[n, 1] = first, second
    return result


@njit(cache=True)
def open_stack(m, ground, flows, rows):
    """A join that has not started yet: the cells that something fits in, best bound first."""
    base, rate, steps, leak = cell_costs(m, ground, flows)
    count = ground.cells.shape[0]
    first, second = np.empty(count), np.empty(count)
    for c in range(count):
        first[c], second[c] = _cell_bound(m, ground, flows, rows, c, base, rate, steps, leak)
    order = np.argsort(second, kind="mergesort")
    order = order[np.argsort(first[order], kind="mergesort")]
    possible = 0
    while possible < count and first[order[possible]] < np.inf:
        possible += 1
    order = order[:possible]
    bound = np.empty((possible, 2))
    bound[:, 0] = first[order]
    bound[:, 1] = second[order]
    groups = ground.places.shape[1]
    kinds, joints, feet = flows.ports.shape[0], flows.joint.shape[0], flows.feet.shape[0]
    at = np.zeros(2, np.int64)
    at[1] = -1
    return Stack(
        order,
        bound,
        at,
        np.zeros(groups, np.int64),
        np.zeros(groups, np.int64),
        np.zeros(groups, np.int64),
        np.zeros((groups + 1, kinds)),
        np.ones((groups + 1, joints)),
        np.ones((groups + 1, feet)),
        np.zeros((groups + 1, kinds)),
        np.ones((groups + 1, joints)),
        np.ones((groups + 1, feet)),
    )


@njit(cache=True)
def _enter_cell(ground, rows, stack, c, base):
    """Set up the join of one cell: short lists first, and the least that the rest of the groups adds at each depth."""
    groups = ground.places.shape[1]
    for h in range(groups):
        p = rows.offsets[h] + ground.places[c, h]
        size = rows.ends[p] - rows.starts[p]
        at = h
        while at > 0:
            other = rows.offsets[stack.groups[at - 1]] + ground.places[c, stack.groups[at - 1]]
            if rows.ends[other] - rows.starts[other] <= size:
                break
            stack.groups[at] = stack.groups[at - 1]
            at -= 1
        stack.groups[at] = h
    stack.rest_cost[groups, :] = 0.0
    stack.rest_factor[groups, :] = 1.0
    stack.rest_foot[groups, :] = 1.0
    for h in range(groups - 1, -1, -1):
        p = rows.offsets[stack.groups[h]] + ground.places[c, stack.groups[h]]
        stack.rest_cost[h] = stack.rest_cost[h + 1] + rows.low_cost[p]
        stack.rest_factor[h] = stack.rest_factor[h + 1] * rows.low_factor[p]
        stack.rest_foot[h] = stack.rest_foot[h + 1] * rows.low_foot[p]
        stack.next[h] = rows.starts[p]
        stack.stop[h] = rows.ends[p]
    stack.cost[0] = base[c]
    stack.factor[0, :] = 1.0
    stack.foot[0, :] = 1.0


@njit(cache=True)
def _fits(m, flows, stack, h):
    used, level = 0.0, -1
    for a in range(flows.feet.shape[0]):
        if flows.feet[a, 0] != level:
            used, level = 0.0, flows.feet[a, 0]
        used += stack.foot[h, a] * stack.rest_foot[h, a] * m.bits[level, flows.feet[a, 1]]
        if used > m.capacity[level]:
            return False
    return True


@njit(cache=True)
def join(m, ground, flows, forms, n, rows, stack, best, budget):
    """Join the rows of template n until done (True) or `budget` nodes are spent (False); improves `best`."""
    base, rate, steps, leak = cell_costs(m, ground, flows)
    groups = ground.places.shape[1]
    kinds, joints, feet = flows.ports.shape[0], flows.joint.shape[0], flows.feet.shape[0]
    flow_count = len(flows.variants) - 1
    costs = np.empty(kinds)
    spent = 0
    while stack.at[0] < len(stack.cells):
        c = stack.cells[stack.at[0]]
        if _is_beaten(stack.bound[stack.at[0], 0], stack.bound[stack.at[0], 1], best.key):
            if stack.bound[stack.at[0], 0] > best.key[0] * (1 + TIE):
                best.tally[4] += len(stack.cells) - stack.at[0]
                stack.at[0] = len(stack.cells)
                break
            best.tally[4] += 1
            stack.at[0] += 1
            stack.at[1] = -1
            continue
        if stack.at[1] < 0:
            _enter_cell(ground, rows, stack, c, base)
            stack.at[1] = 0
        h = stack.at[1]
        while h >= 0:
            if stack.next[h] >= stack.stop[h]:
                h -= 1
                continue
            row = stack.next[h]
            stack.next[h] += 1
            spent += 1
            for f in range(kinds):
                stack.cost[h + 1, f] = stack.cost[h, f] + rows.cost[row, f]
                costs[f] = stack.cost[h + 1, f] + stack.rest_cost[h + 1, f]
            for j in range(joints):
                stack.factor[h + 1, j] = stack.factor[h, j] * rows.factor[row, j]
            for v in range(flow_count):
                least = np.inf
                for j in range(flows.variants[v], flows.variants[v + 1]):
                    least = min(least, stack.factor[h + 1, j] * stack.rest_factor[h + 1, j])
                for f in range(kinds):
                    costs[f] += flows.joint_cost[f, v] * least
            first, second = _keys(m, kinds, costs, rate[c], steps[c], leak[c])
            if _is_beaten(first, second, best.key):
                best.tally[2] += 1
                continue
            for a in range(feet):
                stack.foot[h + 1, a] = stack.foot[h, a] * rows.foot[row, a]
            if not _fits(m, flows, stack, h + 1):
                best.tally[3] += 1
                continue
            if h < groups - 1:
                h += 1
                p = rows.offsets[stack.groups[h]] + ground.places[c, stack.groups[h]]
                stack.next[h] = rows.starts[p]
            else:
                spent += 20 * _leaf(m, ground, flows, forms, n, rows, stack, c, first, second, best)
            if spent >= budget:
                break
        if h >= 0:
            stack.at[1] = h
            best.tally[0] += spent
            return False
        stack.at[0] += 1
        stack.at[1] = -1
        if spent >= budget:
            break
    best.tally[0] += spent
    return stack.at[0] >= len(stack.cells)


@njit(cache=True)
def _leaf(m, ground, flows, forms, n, rows, stack, c, first, second, best):
    """Price a complete join, in the best order of loops within its gaps."""
    levels, wide = ground.temporal.shape[1], len(ground.size)
    temporal, spatial = np.empty((levels, wide)), np.empty((levels, wide))
    gap, rank = np.zeros((levels, wide), np.int64), np.zeros((levels, wide), np.int64)
    for h in range(len(stack.groups)):
        row = stack.next[h] - 1
        at = ground.group_starts[stack.groups[h]]
        for i in range(ground.group_starts[stack.groups[h] + 1] - at):
            d = ground.group_dims[at + i]
            for level in range(levels):
                temporal[level, d] = ground.temporal[rows.chain[row, i], level]
                spatial[level, d] = ground.spatial[ground.cells[c, d], level]
                pick = rows.picks[row, i, level]
                gap[level, d] = forms.gap[n, d, level, pick]
                rank[level, d] = forms.rank[n, d, level, pick]
    dims, ends = np.empty(levels * wide, np.int64), np.empty((levels, len(m.is_output)), np.int64)
    low = (first, second)
    key_first, key_second, energy, cycles, bits, priced = best_order(
        m, flows.keep, temporal, spatial, gap, rank, forms.boundary[n], ground.order_rules, low, dims, ends
    )
    best.tally[1] += priced
    for level in range(levels):
        if bits[level] > m.capacity[level] or bits[level] < ground.least_bits[level]:
            return priced
    if beats(key_first, key_second, best.key[0], best.key[1]):
        best.key[0], best.key[1], best.key[2], best.key[3] = key_first, key_second, energy, cycles
        best.keep[:, :] = flows.keep
        best.temporal[:, :] = temporal
        best.spatial[:, :] = spatial
        best.dims[:] = dims
        best.ends[:, :] = ends
    return priced
