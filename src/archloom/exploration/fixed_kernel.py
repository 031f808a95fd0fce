"""The compiled loop over a grid of designs at given mappings: one row per level is looked up, added and compared."""

from __future__ import annotations

import numpy as np

from archloom.errors import InputError

try:
    from numba import njit
except ImportError as error:
    raise InputError("the sweep of a grid needs numba", hint="pip install 'archloom[cuts]'") from error

__all__ = ["FIGURES", "merge_front", "sweep_range"]

FIGURES = 3
"""Energy, cycles and area, of which a front is kept."""


@njit(nogil=True, cache=True)
def enter_front(front, held, energy, cycles, area, position):  # type: ignore[no-untyped-def]
    """Put a design into the front unless one of it is at least as good in everything; the new number of designs, -1 if full.

    What turns a design away moves forward, so that the next one meets it early.
    """
    for at in range(held):
        if front[at, 0] <= energy and front[at, 1] <= cycles and front[at, 2] <= area:
            if at > 0:
                other = at >> 1
                for column in range(4):
                    front[at, column], front[other, column] = front[other, column], front[at, column]
            return held
    kept = 0
    for at in range(held):
        if not (energy <= front[at, 0] and cycles <= front[at, 1] and area <= front[at, 2]):
            if kept != at:
                for column in range(4):
                    front[kept, column] = front[at, column]
            kept += 1
    if kept == len(front):
        return -1
    front[kept, 0], front[kept, 1], front[kept, 2], front[kept, 3] = energy, cycles, area, position
    return kept + 1


@njit(nogil=True, cache=True)
def merge_front(front, held, more):  # type: ignore[no-untyped-def]
    """Enter all rows of `more`; the number of designs in the front, -1 if it is full."""
    for row in range(len(more)):
        held = enter_front(front, held, more[row, 0], more[row, 1], more[row, 2], more[row, 3])
        if held < 0:
            return held
    return held


@njit(nogil=True, cache=True)
def sweep_range(  # type: ignore[no-untyped-def]  # noqa: C901
    start,
    stop,
    sizes,
    strides,
    tests,
    test_at,
    index,
    index_at,
    own,
    own_at,
    widths,
    shared,
    shared_at,
    compute,
    work,
    best,
    where,
    front,
    tally,
):
    """Price the designs from `start` to `stop` of the grid. Returns how many designs the front has, -1 where it is full.

    `strides` [levels + 1 + groups, parameters]: keys of the levels (inner to outer), the compute units and the groups of constraints.
    `tests`: which combinations of each group are admitted. `index` -> row; `own` rows (cycles, on, reason, energies per tensor) per
    layer and level; `shared` rows (leakage, latency, area) per level; `compute` rows (energy, leakage, area, units).
    `work` [layers, 3]: compute cycles, used units, and how often the layer is executed.
    Out: `best`, `where` (energy, cycles, EDP and at which position), `front`, `tally` (admitted, legal).
    """
    parameters, levels, layers = len(sizes), own_at.shape[1], len(work)
    groups = len(strides) - levels - 1
    digits = np.zeros(parameters, np.int64)
    rest = start
    for at in range(parameters - 1, -1, -1):
        digits[at] = rest % sizes[at]
        rest //= sizes[at]
    keys = np.zeros(len(strides), np.int64)
    for k in range(len(strides)):
        for at in range(parameters):
            keys[k] += digits[at] * strides[k, at]
    rows = np.zeros(levels, np.int64)
    held = 0
    for position in range(start, stop):
        if position > start:
            at = parameters - 1
            while digits[at] == sizes[at] - 1:
                for k in range(len(strides)):
                    keys[k] -= digits[at] * strides[k, at]
                digits[at] = 0
                at -= 1
            digits[at] += 1
            for k in range(len(strides)):
                keys[k] += strides[k, at]
        admitted = True
        for g in range(groups):
            if not tests[test_at[g] + keys[levels + 1 + g]]:
                admitted = False
                break
        if not admitted:
            continue
        tally[0] += 1
        latency, area = 0.0, 0.0
        for k in range(levels):
            rows[k] = index[index_at[k] + keys[k]]
            latency += shared[shared_at[k] + rows[k], 1]
            area += shared[shared_at[k] + rows[k], 2]
        unit = keys[levels]
        area += compute[unit, 2] * compute[unit, 3]
        legal = True
        whole_energy, whole_cycles = 0.0, 0.0
        for i in range(layers):
            cycles, energy = work[i, 0], 0.0
            for k in range(levels):
                at = own_at[i, k] + rows[k] * widths[i, k]
                if own[at + 2] != 0.0:
                    legal = False
                    break
                cycles = max(cycles, own[at])
                for column in range(3, widths[i, k]):
                    energy += own[at + column]
            if not legal:
                break
            cycles += latency
            for k in range(levels):
                leak = shared[shared_at[k] + rows[k], 0]
                if leak != 0.0:
                    energy += leak * cycles * own[own_at[i, k] + rows[k] * widths[i, k] + 1]
            energy += compute[unit, 0] * work[i, 0] * work[i, 1]
            energy += compute[unit, 1] * cycles * work[i, 1]
            whole_energy += energy * work[i, 2]
            whole_cycles += cycles * work[i, 2]
        if not legal:
            continue
        tally[1] += 1
        product = whole_energy * whole_cycles
        if whole_energy < best[0]:
            best[0], where[0] = whole_energy, position
        if whole_cycles < best[1]:
            best[1], where[1] = whole_cycles, position
        if product < best[2]:
            best[2], where[2] = product, position
        held = enter_front(front, held, whole_energy, whole_cycles, area, float(position))
        if held < 0:
            return -1
    return held
