"""The price of one mapping with free cuts, in compiled code: docs/model.md loop by loop, for the leaves of the join."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from archloom.search.exact.join_compile import njit

__all__ = ["TIE", "Leaf", "Machine", "Tensors", "beats", "distinct_in_rank", "key_of", "price", "price_leaf"]

CLOSED, WAITING, RUN, SLIDE = -3, -2, -1, 0
"""What an order can still do for a tile: nothing; not reached yet; prolong its run; prolong its slide along rank 0, 1, ..."""

TIE = 1e-12
"""Relative difference below which two costs count as equal: sums in another order differ by less."""

CAPACITY, LEAST, BLOCK, ENERGY, LEAK, GATE, INSTANCES, CLUSTER, BANDWIDTH = 0, 1, 2, 3, 6, 7, 8, 9, 10
"""Columns of `Machine.levels`; three energies (read, fill, update) and three bandwidths (read, write, shared; 0: no limit)."""


class Tensors(NamedTuple):
    """Tensors as arrays: `ranks` [T, R, D] coefficients (0: absent), `shared` [T, R] by two dims or more, `relevant` [T, D],
    `multicast` [L, T], `is_output` [T].
    """

    ranks: np.ndarray
    shared: np.ndarray
    relevant: np.ndarray
    multicast: np.ndarray
    is_output: np.ndarray


class Machine(NamedTuple):
    """Hardware numbers: `levels` [L, 13] (see CAPACITY ...), `bits` [L, T], `compute` [5]: pJ per MAC, leakage, cycles of latency
    added once, whether outputs are read when sent outwards, instances.

    `goal` [5]: whether the cost is a power, the powers of energy and cycles (or their weights), whether it is energy alone, and
    the most cycles a mapping may take.
    """

    levels: np.ndarray
    bits: np.ndarray
    compute: np.ndarray
    goal: np.ndarray


class Leaf(NamedTuple):
    """A complete join: `chain` [D] (rows of the factorisations), `picks` [D, L], `cell` [D] classes, and of its template
    `gap`, `rank` [D, L, O], `boundary` [L, T]. `order_rules` [2, L, D]: place that rules prescribe among the innermost,
    outermost loops of the block (0: none).
    """

    chain: np.ndarray
    picks: np.ndarray
    cell: np.ndarray
    gap: np.ndarray
    rank: np.ndarray
    boundary: np.ndarray
    order_rules: np.ndarray


@njit(error_model="numpy")
def key_of(goal, energy, cycles):
    """The lexicographic key of an energy and a latency: (cost, what breaks ties), infinite beyond the most cycles allowed."""
    if cycles > goal[4]:
        return np.inf, np.inf
    if goal[0] > 0:
        first = 1.0
        if goal[1] == 1.0:
            first *= energy
        elif goal[1] != 0.0:
            first *= energy ** goal[1]
        if goal[2] == 1.0:
            first *= cycles
        elif goal[2] != 0.0:
            first *= cycles ** goal[2]
    else:
        first = goal[1] * energy + goal[2] * cycles
    return first, (cycles if goal[3] > 0 else energy)


@njit(error_model="numpy")
def beats(first, second, best_first, best_second):
    """Whether a key is better than the best, by more than rounding."""
    if first < best_first * (1 - TIE):
        return True
    return first <= best_first * (1 + TIE) and second < best_second * (1 - TIE)


@njit(error_model="numpy")
def distinct(tensors, t, level, spatial, reach):
    """Different tile positions of tensor t among the spatial iterations of a block; `reach` [D]: extents just inside it."""
    dims = spatial.shape[1]
    total = 1.0
    if not tensors.multicast[level, t]:
        for d in range(dims):
            total *= spatial[level, d]
        return total
    for k in range(tensors.ranks.shape[1]):
        total *= distinct_in_rank(tensors.ranks[t, k], spatial[level], reach)
    return total


@njit(error_model="numpy")
def distinct_in_rank(coefficients, trips, reach):
    """Different positions along one rank among spatial loops of `trips` [D] over dims with `coefficients` [D] and extents `reach`."""
    one, two, moving = -1, -1, 0
    for d in range(len(trips)):
        if coefficients[d] > 0 and trips[d] > 1:
            moving += 1
            if one < 0:
                one = d
            else:
                two = d
    if moving == 0:
        return 1.0
    if moving == 1:
        return trips[one]
    if moving > 2:
        return _positions(coefficients, trips, reach)
    a, b = coefficients[one] * reach[one], coefficients[two] * reach[two]
    g = float(math.gcd(int(a), int(b)))
    n, w = trips[one], trips[two]
    return n * w - max(0.0, n - b / g) * max(0.0, w - a / g)


@njit(error_model="numpy")
def _positions(coefficients, trips, reach):
    """Different sums of three or more spatial loops that share a rank."""
    size = 1
    for d in range(len(trips)):
        if coefficients[d] > 0:
            size += int((trips[d] - 1) * coefficients[d] * reach[d])
    seen = np.zeros(size, np.bool_)
    seen[0] = True
    for d in range(len(trips)):
        if coefficients[d] > 0 and trips[d] > 1:
            step = int(coefficients[d] * reach[d])
            before = seen.copy()
            for i in range(1, int(trips[d])):
                for at in range(size - i * step):
                    if before[at]:
                        seen[at + i * step] = True
    return float(seen.sum())


@njit(error_model="numpy")
def _fetched(tensors, t, box, start, count, dims, trips, steps):
    """Words that enter a tile of extents `box` [D] as the loops from `start` on run; loops are listed innermost first."""
    ranks = tensors.ranks.shape[1]
    side = np.ones(ranks)
    advanced = np.zeros(ranks)
    first = np.zeros(ranks)
    volume = 1.0
    for k in range(ranks):
        for d in range(len(box)):
            side[k] += tensors.ranks[t, k, d] * (box[d] - 1)
        volume *= side[k]
    words = volume
    has_moved = False
    for j in range(start, count):
        d = dims[j]
        stays, same, overlap = True, True, 1.0
        for k in range(ranks):
            step = tensors.ranks[t, k, d] * steps[j]
            move = step - advanced[k]
            stays = stays and move == 0
            same = same and move == first[k]
            overlap *= max(0.0, side[k] - abs(move))
            advanced[k] += (trips[j] - 1) * step
        saved = 0.0
        if stays:
            saved = volume
        elif same or not has_moved:
            saved = overlap
            if not has_moved:
                has_moved = True
                for k in range(ranks):
                    first[k] = tensors.ranks[t, k, d] * steps[j]
        words = words * trips[j] - (trips[j] - 1) * saved
    return volume, words


@njit(error_model="numpy")
def price(tensors, m, keep, temporal, spatial, count, blocks, dims, ends):
    """Energy and cycles of a mapping: trips [L, D], its `count` loops innermost first, and `ends` [L, T]: loops inside each tile.

    Also the used bits per level [L]. Same definition as archloom.model, which has the last word.
    """
    levels, wide = temporal.shape
    many = len(tensors.is_output)
    trips, steps = np.empty(count), np.empty(count)
    inner = np.ones((levels, wide))
    used = np.ones(levels + 1)
    steps_in_time = 1.0
    for level in range(levels):
        for d in range(wide):
            if level:
                inner[level, d] = inner[level - 1, d] * spatial[level - 1, d] * temporal[level - 1, d]
            steps_in_time *= temporal[level, d]
    for level in range(levels - 1, -1, -1):
        parallel = 1.0
        for d in range(wide):
            parallel *= spatial[level, d]
        below = level - 1 if level else levels
        used[below] = used[level] * parallel
    for j in range(count):
        d = dims[j]
        trips[j] = temporal[blocks[j], d]
        steps[j] = inner[blocks[j], d] * spatial[blocks[j], d]
    energy = 0.0
    taken = np.zeros((levels, 2))
    bits = np.zeros(levels)
    box = np.empty(wide)
    for t in range(many):
        sent = steps_in_time
        for level in range(levels):
            sent *= distinct(tensors, t, level, spatial, inner[level])
            if not keep[level, t]:
                continue
            end = ends[level, t]
            for d in range(wide):
                box[d] = inner[level, d] * spatial[level, d]
            for j in range(end):
                if blocks[j] == level:
                    box[dims[j]] *= trips[j]
            volume, entering = _fetched(tensors, t, box, end, count, dims, trips, steps)
            bits[level] += volume * m.bits[level, t]
            is_last = level == levels - 1
            reads, fills, updates = sent, entering, 0.0
            if tensors.is_output[t]:
                seen = 1.0
                for d in range(wide):
                    if tensors.relevant[t, d]:
                        seen *= inner[level, d] * spatial[level, d] * temporal[level, d]
                        for outer in range(level + 1, levels):
                            seen *= temporal[outer, d]
                reads, fills, updates = sent - seen, entering - seen, sent
                if m.compute[3] > 0 and not is_last:
                    reads += entering
            if is_last:
                fills = 0.0
            size = m.levels[level, BLOCK]
            spent = np.ceil(reads / size) * m.levels[level, ENERGY]
            spent += np.ceil(fills / size) * m.levels[level, ENERGY + 1]
            spent += np.ceil(updates / size) * m.levels[level, ENERGY + 2]
            charged = used[level]
            if m.levels[level, CLUSTER] > 1:
                charged = min(charged, max(np.floor(m.levels[level, INSTANCES] / m.levels[level, CLUSTER]), 1.0))
            energy += spent * charged
            taken[level, 0] += reads
            taken[level, 1] += fills + updates
            sent = entering
    cycles = steps_in_time
    for level in range(levels):
        moved = (taken[level, 0], taken[level, 1], taken[level, 0] + taken[level, 1])
        for port in range(3):
            if m.levels[level, BANDWIDTH + port] > 0:
                cycles = max(cycles, np.ceil(moved[port] / m.levels[level, BANDWIDTH + port]))
    cycles += m.compute[2]
    for level in range(levels):
        gate = int(m.levels[level, GATE])
        on = used[level]
        if gate >= 0:
            on = used[gate] * (m.levels[level, INSTANCES] / m.levels[gate, INSTANCES])
        energy += m.levels[level, LEAK] * cycles * on
    energy += (m.compute[0] * steps_in_time + m.compute[1] * cycles) * used[levels]
    return energy, cycles, bits


@njit(error_model="numpy")
def _next_state(tensors, t, dim, state):
    """What is still open for a tile of t after a loop over `dim` outside it."""
    if state == CLOSED or not tensors.relevant[t, dim]:
        return state
    for k in range(tensors.ranks.shape[1]):
        if tensors.ranks[t, k, dim] > 0 and tensors.shared[t, k] and state in (RUN, k):
            return k
    return CLOSED


@njit(error_model="numpy")
def _is_alike(tensors, fixed, level, one, two):
    """Whether loops over two dims are interchangeable: the same relevance, no tile slides along either, and no rule on order."""
    if fixed[0, level, one] + fixed[1, level, one] + fixed[0, level, two] + fixed[1, level, two] > 0:
        return False
    for t in range(len(tensors.is_output)):
        if tensors.relevant[t, one] != tensors.relevant[t, two]:
            return False
        for k in range(tensors.ranks.shape[1]):
            if tensors.shared[t, k] and (tensors.ranks[t, k, one] > 0 or tensors.ranks[t, k, two] > 0):
                return False
    return True


@njit(error_model="numpy")
def _best_order(tensors, m, keep, temporal, spatial, gap, rank, boundary, fixed, low, found_dims, found_ends):
    """The best order of the loops within their gaps, priced exactly: key, energy, cycles, bits, mappings priced.

    `gap`, `rank` [L, D] of the loops, `boundary` [L, T] position of each boundary (-1: none). `fixed` [2, L, D]: rank that rules
    prescribe among the innermost, outermost loops of the block (0: free). Stops at once where the key reaches `low`,
    a lower bound of it. The order found is left in `found_dims`, its tile ends in `found_ends` [L, T].
    """
    levels, wide = temporal.shape
    many = len(tensors.is_output)
    blocks, dims = np.empty(levels * wide, np.int64), np.empty(levels * wide, np.int64)
    count = np.int64(0)
    for level in range(levels):
        start = count
        for d in range(wide):
            if temporal[level, d] > 1:
                at = count
                while at > start and (gap[level, dims[at - 1]], rank[level, dims[at - 1]]) > (
                    gap[level, d],
                    rank[level, d],
                ):
                    dims[at] = dims[at - 1]
                    at -= 1
                blocks[count] = level
                dims[at] = d
                count += 1
    ends = np.full((levels, many), count)
    for level in range(levels - 1):
        for t in range(many):
            ends[level, t] = 0
            for j in range(count):
                if blocks[j] < level or (blocks[j] == level and gap[level, dims[j]] <= boundary[level, t]):
                    ends[level, t] = j + 1
    for level in range(levels):
        for t in range(many):
            found_ends[level, t] = ends[level, t]
    slides = False
    for t in range(many):
        for k in range(tensors.ranks.shape[1]):
            slides = slides or tensors.shared[t, k]
    is_free = True
    for level in range(levels):
        for d in range(wide):
            is_free = is_free and fixed[0, level, d] == 0 and fixed[1, level, d] == 0
    # a depth-first walk over orders, innermost loop first; where no tile is open, one order stands for all
    listed = dims.copy()
    state = np.empty((count + 1, levels, many), np.int64)
    for level in range(levels):
        for t in range(many):
            matters = keep[level, t] and level < levels - 1 and (slides or not is_free)
            state[0, level, t] = WAITING if matters else CLOSED
    taken = np.zeros(levels * wide, np.bool_)
    choice = np.full(count + 1, -1)
    best_first, best_second, best_energy, best_cycles = np.inf, np.inf, np.inf, np.inf
    best_bits = np.zeros(levels)
    priced = 0
    at = 0
    while at >= 0:
        if at == count:
            energy, cycles, bits = price(tensors, m, keep, temporal, spatial, count, blocks, dims, ends)
            priced += 1
            first, second = key_of(m.goal, energy, cycles)
            if beats(first, second, best_first, best_second):
                best_first, best_second, best_energy, best_cycles = first, second, energy, cycles
                for level in range(levels):
                    best_bits[level] = bits[level]
                for j in range(count):
                    found_dims[j] = dims[j]
                if first <= low[0] * (1 + TIE) and second <= low[1] * (1 + TIE):
                    break
            at -= 1
            continue
        level = blocks[at]
        if choice[at] >= 0:
            taken[choice[at]] = False
        opened = False
        for q in range(levels):
            for t in range(many):
                if state[at, q, t] == WAITING and ends[q, t] <= at:
                    state[at, q, t] = RUN
                opened = opened or state[at, q, t] >= RUN
        head, tail = at, at + 1
        while head > 0 and blocks[head - 1] == level and gap[level, listed[head - 1]] == gap[level, listed[at]]:
            head -= 1
        while tail < count and blocks[tail] == level and gap[level, listed[tail]] == gap[level, listed[at]]:
            tail += 1
        pick = choice[at] + 1 if choice[at] >= 0 else head
        if choice[at] >= 0 and not opened:
            pick = tail
        while pick < tail:
            ok = not taken[pick]
            if ok:
                for other in range(head, pick):
                    if not taken[other] and _is_alike(tensors, fixed, level, listed[other], listed[pick]):
                        ok = False
            if ok and not is_free:
                ok = _is_in_order(fixed, level, listed, blocks, taken, pick, count)
            if ok:
                break
            pick += 1
        if pick >= tail:
            choice[at] = -1
            at -= 1
            continue
        choice[at] = pick
        taken[pick] = True
        dims[at] = listed[pick]
        for q in range(levels):
            for t in range(many):
                now = state[at, q, t]
                state[at + 1, q, t] = now if now == WAITING else _next_state(tensors, t, dims[at], now)
        at += 1
    return best_first, best_second, best_energy, best_cycles, best_bits, priced


@njit(error_model="numpy")
def _is_in_order(fixed, level, listed, blocks, taken, pick, count):
    """Whether the rules on order let loop `pick` be the next one outwards, of all loops of its block not yet placed."""
    inner, outer = fixed[0, level, listed[pick]], fixed[1, level, listed[pick]]
    for other in range(count):
        if blocks[other] != level or taken[other] or other == pick:
            continue
        its_inner, its_outer = fixed[0, level, listed[other]], fixed[1, level, listed[other]]
        if its_inner > 0 and (inner == 0 or its_inner < inner):
            return False
        if outer > 0 and (its_outer == 0 or its_outer < outer):
            return False
    return True


@njit(cache=True, error_model="numpy")
def price_leaf(
    tensors, m, keep, chain_temporal, class_spatial, leaf, low, key, temporal, spatial, found_dims, found_ends
):
    """Price a complete join in the best order of loops within its gaps; where it beats `key` [4], it replaces it and is left
    in `temporal`, `spatial` [L, D], `found_dims` (loops, innermost first) and `found_ends` [L, T] (loops inside each tile).

    Returns how many mappings were priced. `low`: a lower bound of the key.
    """
    levels, wide = temporal.shape
    trips, across = np.empty((levels, wide)), np.empty((levels, wide))
    gap, rank = np.zeros((levels, wide), np.int64), np.zeros((levels, wide), np.int64)
    for d in range(wide):
        for level in range(levels):
            trips[level, d] = chain_temporal[leaf.chain[d], level]
            across[level, d] = class_spatial[leaf.cell[d], level]
            gap[level, d] = leaf.gap[d, level, leaf.picks[d, level]]
            rank[level, d] = leaf.rank[d, level, leaf.picks[d, level]]
    dims, ends = np.empty(levels * wide, np.int64), np.empty((levels, len(tensors.is_output)), np.int64)
    first, second, energy, cycles, bits, priced = _best_order(
        tensors, m, keep, trips, across, gap, rank, leaf.boundary, leaf.order_rules, low, dims, ends
    )
    for level in range(levels):
        if bits[level] > m.levels[level, CAPACITY] or bits[level] < m.levels[level, LEAST]:
            return priced
    if beats(first, second, key[0], key[1]):
        key[0], key[1], key[2], key[3] = first, second, energy, cycles
        for level in range(levels):
            for d in range(wide):
                temporal[level, d], spatial[level, d] = trips[level, d], across[level, d]
                found_dims[level * wide + d] = dims[level * wide + d]
            for t in range(ends.shape[1]):
                found_ends[level, t] = ends[level, t]
    return priced
