"""Cycles and bandwidths of a tree of cases on one machine, and many mappings or machines in a run, in compiled code; as `cost`."""

from __future__ import annotations

import numpy as np

from archloom.interop.maestro.kernel_cases import build
from archloom.interop.maestro.kernel_compile import compiled, entered
from archloom.interop.maestro.kernel_tiles import FITS, cut, fill_tiles
from archloom.interop.maestro.kernel_work import (
    BUILT,
    COVERED,
    CRITICAL,
    EGRESS,
    FIRST,
    INGRESS,
    LARGE,
    SECOND,
    STARTS,
    TIMES,
)

__all__ = ["IDLE", "REALS", "WHOLES", "price_machines", "price_mappings"]

IDLE, LAZY = 4, 6
"""What becomes of a tree: a case of the top takes no cycles; no case of the top does any work."""

NO_CASE = -(2**63)
TOO_LARGE = 2.0**62

RUNTIME, PEAK, OFFCHIP, DELAYS, TOTALS, L1, BELOW = 0, 1, 2, 3, 12, 26, 29
WHOLES = 30
"""Columns of whole numbers: cycles, bandwidths, least, most and average of three delays, totals, L1, whether levels lie below."""

ACTIVE, AVERAGE, INTENSITY = range(3)
REALS = 3


@compiled
def cut_any(a, b):
    """Divide as C++ does; the divisor may be negative."""
    return cut(a, b) if b > 0 else cut(-a, -b)


@compiled
def delay(elements, bandwidth, latency, mends):
    """Return the cycles that a transfer takes."""
    if mends and not elements:
        return 0
    if 0 <= elements <= bandwidth:
        return latency if elements else latency - 1
    return latency - (-elements) // bandwidth - 1


@compiled
def price_below(cases, begins, nodes, bandwidth, latency, lanes, mends, runtime):
    """Work out the cycles of all nodes but the top; return whether they are small enough for whole numbers."""
    for node in range(nodes - 1, 0, -1):
        total, shadow = 0, 0.0
        for case in range(begins[node], begins[node + 1]):
            cycles = computes(cases, case, lanes, runtime)
            come = delay(cases[case, INGRESS], bandwidth, latency, mends)
            if cases[case, STARTS]:
                step = cycles + come
            else:
                step = max(cycles, come, delay(cases[case, EGRESS], bandwidth, latency, mends))
            total += cases[case, TIMES] * step
            shadow += abs(float(cases[case, TIMES]) * float(step))
        if shadow > TOO_LARGE:
            return False
        runtime[node] = total
    return True


@compiled
def computes(cases, case, lanes, runtime):
    """Return the cycles of the slowest sub-cluster."""
    first, second = cases[case, FIRST], cases[case, SECOND]
    if first < 0:
        return -(-cases[case, CRITICAL] // lanes)
    return max(runtime[first], runtime[second]) if second >= 0 else runtime[first]


@compiled
def failing(tree, nodes, bad):
    """Mark the nodes that fail or reach one that does; return whether there is any."""
    found = False
    for node in range(nodes - 1, -1, -1):
        bad[node] = tree.bad[node] >= 0
        found |= bad[node]
    if found:
        for node in range(nodes - 1, 0, -1):
            for place in range(tree.begin[node], tree.begin[node + 1]):
                for column in (FIRST, SECOND):
                    child = tree.cases[place, column]
                    if child >= 0 and bad[child]:
                        bad[node] = True
    return found


@compiled
def price_tree(tree, nodes, hardware, mends, runtime, bad, wholes, reals):
    """Price a tree on a machine (bandwidth, latency, off-chip bandwidth, lanes); return what becomes of it."""
    bandwidth, latency, offchip, lanes = hardware
    any_bad = failing(tree, nodes, bad)
    if not price_below(tree.cases, tree.begin, nodes, bandwidth, latency, lanes, mends, runtime):
        return LARGE
    totals = tree.totals
    read, written = totals[0] + totals[1], totals[2]
    floor = max(cut(cut(read, offchip), 2), cut(cut(written, offchip), 2))
    total, shadow, peak, average, needed = 0, 0.0, 0, 0.0, 0
    least_in, most_in, all_in, least_out, most_out, all_out = 0, 0, 0, 0, 0, 0
    least_work, most_work, all_work = 0, 0, 0
    begin, end, cases = tree.begin[0], tree.begin[1], tree.cases
    for case in range(begin, end):
        if any_bad and (
            (cases[case, FIRST] >= 0 and bad[cases[case, FIRST]])
            or (cases[case, SECOND] >= 0 and bad[cases[case, SECOND]])
        ):
            return COVERED
        times, cycles = cases[case, TIMES], computes(cases, case, lanes, runtime)
        come = delay(cases[case, INGRESS], bandwidth, latency, mends)
        leave = delay(cases[case, EGRESS], bandwidth, latency, mends)
        step = cycles + come if cases[case, STARTS] else max(cycles, come, leave)
        if cycles == 0:
            return IDLE
        most = max(cut_any(written, cycles), cut_any(read, cycles))
        needed = max(needed, cut(most, 2)) if mends else cut(max(needed, most), 2)
        step = max(step, floor)
        total += times * step
        shadow += abs(float(times) * float(max(step, leave, come, cycles)))
        cycles = max(cycles, 1)
        busiest = max(cases[case, INGRESS], cases[case, EGRESS])
        peak = max(peak, cut(busiest, cycles))
        average += float(cut(times * busiest, cycles))
        if case == begin:
            least_in, least_out, least_work = come, leave, cycles
        least_in, most_in, all_in = min(least_in, come), max(most_in, come), all_in + times * come
        least_out, most_out, all_out = min(least_out, leave), max(most_out, leave), all_out + times * leave
        least_work, most_work, all_work = min(least_work, cycles), max(most_work, cycles), all_work + times * cycles
    if bad[0]:
        return COVERED
    if shadow > TOO_LARGE:
        return LARGE
    weight = tree.weight[0]
    if mends and not weight:
        return LAZY
    wholes[RUNTIME], wholes[PEAK], wholes[OFFCHIP] = total, peak, needed
    some = end > begin
    wholes[DELAYS] = least_in if some else NO_CASE
    wholes[DELAYS + 1] = most_in
    wholes[DELAYS + 2] = cut_any(all_in, weight) if weight else NO_CASE
    wholes[DELAYS + 3] = least_out if some else NO_CASE
    wholes[DELAYS + 4] = most_out
    wholes[DELAYS + 5] = cut_any(all_out, weight) if weight else NO_CASE
    wholes[DELAYS + 6] = least_work if some else NO_CASE
    wholes[DELAYS + 7] = most_work
    wholes[DELAYS + 8] = cut_any(all_work, weight) if weight else NO_CASE
    for column in range(14):
        wholes[TOTALS + column] = totals[column]
    innermost = 0
    while tree.inner[innermost] >= 0:
        innermost = tree.inner[innermost]
    for tensor in range(3):
        wholes[L1 + tensor] = tree.l1[innermost, tensor]
    wholes[BELOW] = tree.inner[0] >= 0
    reals[ACTIVE] = tree.active[0]
    reals[AVERAGE] = average / weight if weight else (np.nan if average == 0 else np.inf if average > 0 else -np.inf)
    reals[INTENSITY] = tree.intensity[0]
    return BUILT


@entered
def price_mappings(plan, work, sizes, pes, hardware, mends, codes, wholes, reals):
    """Price mappings of one template, `sizes` [M, E, 2], on a machine; fill `codes` [M], `wholes` [M, 30] and `reals` [M, 3]."""
    for mapping in range(len(sizes)):
        code = fill_tiles(plan, sizes[mapping], pes, mends, work.tiles)
        if code == FITS:
            nodes = build(plan, work, mends)
            code = LARGE
            if nodes > 0:
                code = price_tree(
                    work.tree, nodes, hardware, mends, work.runtime, work.bad, wholes[mapping], reals[mapping]
                )
        codes[mapping] = code


@entered
def price_machines(plan, work, sizes, pes, machines, mends, codes, wholes, reals):
    """Price one mapping, `sizes` [E, 2], on all counts `pes` [P] with all `machines` [M, 4]; fill `codes` [P, M], `wholes` [P, M, 30], `reals` [P, M, 3]."""
    for place in range(len(pes)):
        code, nodes = fill_tiles(plan, sizes, pes[place], mends, work.tiles), 0
        if code == FITS:
            nodes = build(plan, work, mends)
            code = BUILT if nodes > 0 else LARGE
        for machine in range(len(machines)):
            codes[place, machine] = code
            if code == BUILT:
                hardware = (machines[machine, 0], machines[machine, 1], machines[machine, 2], machines[machine, 3])
                codes[place, machine] = price_tree(
                    work.tree,
                    nodes,
                    hardware,
                    mends,
                    work.runtime,
                    work.bad,
                    wholes[place, machine],
                    reals[place, machine],
                )
