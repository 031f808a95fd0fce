"""The price of one mapping with free cuts, in compiled code: docs/model.md loop by loop, for the leaves of the join."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

__all__ = ["Machine", "beats", "best_order", "distinct_in_rank", "key_of", "price"]

CLOSED, WAITING, RUN, SLIDE = -2, -3, -1, 0
"""What an order can still do for a tile: nothing; not reached yet; prolong its run; prolong its slide along rank 0, 1, ..."""

TIE = 1e-12
"""Relative difference below which two costs count as equal: sums in another order differ by less."""


class Machine(NamedTuple):
    """What does not depend on a mapping; levels inner to outer, numbers in float64.

    `ranks` [T, R, D]: coefficient of each dim in each rank (0: absent). `shared` [T, R]: ranks of two dims or more.
    `relevant` [T, D], `is_output` [T], `multicast` [L, T], `bits` [L, T], `capacity` [L] (bits), `block` [L].
    `energy` [L, 3]: pJ per read, fill, update; `leak` [L]; `gate` [L]: level of power gating, or -1. `instances` [L + 1]: of each
    level, then the compute units. `bandwidth` [L, 3]: read, write, shared; 0: unlimited. `unit` [2]: pJ per MAC, leakage.
    `latency`: cycles added once. `drain`: outputs are read when sent outwards.
    `goal` [4]: whether it is a power, the powers of energy and cycles (or their weights), whether it is energy alone.
    """

    ranks: np.ndarray
    shared: np.ndarray
    relevant: np.ndarray
    is_output: np.ndarray
    multicast: np.ndarray
    bits: np.ndarray
    capacity: np.ndarray
    block: np.ndarray
    energy: np.ndarray
    leak: np.ndarray
    gate: np.ndarray
    instances: np.ndarray
    bandwidth: np.ndarray
    unit: np.ndarray
    latency: float
    drain: bool
    goal: np.ndarray


@njit(cache=True)
def key_of(goal, energy, cycles):
    """The lexicographic key of an energy and a latency: (cost, what breaks ties)."""
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


@njit(cache=True)
def beats(first, second, best_first, best_second):
    """Whether a key is better than the best, by more than rounding."""
    if first < best_first * (1 - TIE):
        return True
    return first <= best_first * (1 + TIE) and second < best_second * (1 - TIE)


@njit(cache=True)
def distinct(m, t, level, spatial, reach):
    """Different tile positions of tensor t among the spatial iterations of a block; `reach` [D]: extents just inside it."""
    dims = spatial.shape[1]
    total = 1.0
    if not m.multicast[level, t]:
        for d in range(dims):
            total *= spatial[level, d]
        return total
    for k in range(m.ranks.shape[1]):
        total *= distinct_in_rank(m.ranks[t, k], spatial[level], reach)
    return total


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def _fetched(m, t, box, start, count, dims, trips, steps):
    """Words that enter a tile of extents `box` [D] as the loops from `start` on run; loops are listed innermost first."""
    ranks = m.ranks.shape[1]
    side = np.ones(ranks)
    advanced = np.zeros(ranks)
    first = np.zeros(ranks)
    volume = 1.0
    for k in range(ranks):
        for d in range(len(box)):
            side[k] += m.ranks[t, k, d] * (box[d] - 1)
        volume *= side[k]
    words = volume
    has_moved = False
    for j in range(start, count):
        d = dims[j]
        stays, same, overlap = True, True, 1.0
        for k in range(ranks):
            step = m.ranks[t, k, d] * steps[j]
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
                    first[k] = m.ranks[t, k, d] * steps[j]
        words = words * trips[j] - (trips[j] - 1) * saved
    return volume, words


@njit(cache=True)
def price(m, keep, temporal, spatial, count, blocks, dims, ends):
    """Energy and cycles of a mapping: trips [L, D], its `count` loops innermost first, and `ends` [L, T]: loops inside each tile.

    Also the used bits per level [L]. Same definition as archloom.model, which has the last word.
    """
    levels, wide = temporal.shape
    tensors = len(m.is_output)
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
    for t in range(tensors):
        sent = steps_in_time
        for level in range(levels):
            sent *= distinct(m, t, level, spatial, inner[level])
            if not keep[level, t]:
                continue
            end = ends[level, t]
            for d in range(wide):
                box[d] = inner[level, d] * spatial[level, d]
            for j in range(end):
                if blocks[j] == level:
                    box[dims[j]] *= trips[j]
            volume, entering = _fetched(m, t, box, end, count, dims, trips, steps)
            bits[level] += volume * m.bits[level, t]
            is_last = level == levels - 1
            reads, fills, updates = sent, entering, 0.0
            if m.is_output[t]:
                seen = 1.0
                for d in range(wide):
                    if m.relevant[t, d]:
                        seen *= inner[level, d] * spatial[level, d] * temporal[level, d]
                        for outer in range(level + 1, levels):
                            seen *= temporal[outer, d]
                reads, fills, updates = sent - seen, entering - seen, sent
                if m.drain and not is_last:
                    reads += entering
            if is_last:
                fills = 0.0
            size = m.block[level]
            if size == 1:
                spent = reads * m.energy[level, 0] + fills * m.energy[level, 1] + updates * m.energy[level, 2]
            else:
                spent = (
                    np.ceil(reads / size) * m.energy[level, 0]
                    + np.ceil(fills / size) * m.energy[level, 1]
                    + np.ceil(updates / size) * m.energy[level, 2]
                )
            energy += spent * used[level]
            taken[level, 0] += reads
            taken[level, 1] += fills + updates
            sent = entering
    cycles = steps_in_time
    for level in range(levels):
        if m.bandwidth[level, 0] > 0:
            cycles = max(cycles, np.ceil(taken[level, 0] / m.bandwidth[level, 0]))
        if m.bandwidth[level, 1] > 0:
            cycles = max(cycles, np.ceil(taken[level, 1] / m.bandwidth[level, 1]))
        if m.bandwidth[level, 2] > 0:
            cycles = max(cycles, np.ceil((taken[level, 0] + taken[level, 1]) / m.bandwidth[level, 2]))
    cycles += m.latency
    for level in range(levels):
        if m.leak[level] > 0:
            on = used[level]
            if m.gate[level] >= 0:
                on = used[m.gate[level]] * (m.instances[level] / m.instances[m.gate[level]])
            energy += m.leak[level] * cycles * on
    energy += (m.unit[0] * steps_in_time + m.unit[1] * cycles) * used[levels]
    return energy, cycles, bits


@njit(cache=True)
def _next_state(m, t, dim, state):
    """What is still open for a tile of t after a loop over `dim` outside it."""
    if state == CLOSED or not m.relevant[t, dim]:
        return state
    for k in range(m.ranks.shape[1]):
        if m.ranks[t, k, dim] > 0 and m.shared[t, k] and (state == RUN or state == k):
            return k
    return CLOSED


@njit(cache=True)
def _is_alike(m, fixed, level, one, two):
    """Whether loops over two dims are interchangeable: the same relevance, no tile slides along either, and no rule on order."""
    if fixed[0, level, one] + fixed[1, level, one] + fixed[0, level, two] + fixed[1, level, two] > 0:
        return False
    for t in range(len(m.is_output)):
        if m.relevant[t, one] != m.relevant[t, two]:
            return False
        for k in range(m.ranks.shape[1]):
            if m.shared[t, k] and (m.ranks[t, k, one] > 0 or m.ranks[t, k, two] > 0):
                return False
    return True


@njit(cache=True)
def best_order(m, keep, temporal, spatial, gap, rank, boundary, fixed, low, found_dims, found_ends):
    """The best order of the loops within their gaps, priced exactly: key, energy, cycles, bits, mappings priced.

    `gap`, `rank` [L, D] of the loops, `boundary` [L, T] position of each boundary (-1: none). `fixed` [2, L, D]: rank that rules
    prescribe among the innermost, outermost loops of the block (0: free). Stops at once where the key reaches `low`,
    a lower bound of it. The order found is left in `found_dims`, its tile ends in `found_ends` [L, T].
    """
    levels, wide = temporal.shape
    tensors = len(m.is_output)
    blocks, dims = np.empty(levels * wide, np.int64), np.empty(levels * wide, np.int64)
    count = 0
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
    ends = np.zeros((levels, tensors), np.int64)
    for level in range(levels):
        for t in range(tensors):
            for j in range(count):
                if blocks[j] < level or (blocks[j] == level and gap[level, dims[j]] <= boundary[level, t]):
                    ends[level, t] = j + 1
    found_ends[:, :] = ends
    slides = False
    for t in range(tensors):
        for k in range(m.ranks.shape[1]):
            slides = slides or m.shared[t, k]
    is_free = True
    for level in range(levels):
        for d in range(wide):
            is_free = is_free and fixed[0, level, d] == 0 and fixed[1, level, d] == 0
    if is_free and not slides:
        energy, cycles, bits = price(m, keep, temporal, spatial, count, blocks, dims, ends)
        found_dims[:count] = dims[:count]
        first, second = key_of(m.goal, energy, cycles)
        return first, second, energy, cycles, bits, 1
    # a depth-first walk over orders, innermost loop first; where no tile is open, one order stands for all
    listed = dims.copy()
    state = np.empty((count + 1, levels, tensors), np.int64)
    for level in range(levels):
        for t in range(tensors):
            state[0, level, t] = WAITING if keep[level, t] and level < levels - 1 else CLOSED
    taken = np.zeros(levels * wide, np.bool_)
    choice = np.full(count + 1, -1)
    best_first, best_second, best_energy, best_cycles = np.inf, np.inf, np.inf, np.inf
    best_bits = np.zeros(levels)
    priced = 0
    at = 0
    while at >= 0:
        if at == count:
            energy, cycles, bits = price(m, keep, temporal, spatial, count, blocks, dims, ends)
            priced += 1
            first, second = key_of(m.goal, energy, cycles)
            if beats(first, second, best_first, best_second):
                best_first, best_second, best_energy, best_cycles = first, second, energy, cycles
                best_bits[:] = bits
                found_dims[:count] = dims[:count]
                if first <= low[0] * (1 + TIE) and second <= low[1] * (1 + TIE):
                    break
            at -= 1
            continue
        level = blocks[at]
        if choice[at] >= 0:
            taken[choice[at]] = False
        opened = False
        for q in range(levels):
            for t in range(tensors):
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
                    if not taken[other] and _is_alike(m, fixed, level, listed[other], listed[pick]):
                        ok = False
            if ok and not is_free:
                ok = _is_in_order(fixed, level, at, listed, blocks, taken, pick, count)
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
            for t in range(tensors):
                now = state[at, q, t]
                state[at + 1, q, t] = now if now == WAITING else _next_state(m, t, dims[at], now)
        at += 1
    return best_first, best_second, best_energy, best_cycles, best_bits, priced


@njit(cache=True)
def _is_in_order(fixed, level, at, listed, blocks, taken, pick, count):
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
