"""Designs reduced to the best of each objective and to the Pareto front, in compiled code.

A design is a *run* (a machine with its cycles and energies) with an L1 and an L2. Of runs there are `terms` [N, 7], the `values` [N, K]
to be least, and whether their own limits hold, `allowed` [N]; `buffers1` and `buffers2` are sizes in elements, or one 0 where a
design has just what it needs.
"""

from __future__ import annotations

import numpy as np

from archloom.interop.maestro.kernel_compile import reducing

__all__ = ["nearest", "nondominated", "reduce_designs"]

L1_NEEDED, L2_NEEDED = 5, 6
"""Columns of a run's terms, after PEs, lanes, areas of bus and arbiter (um2) and the power of both (mW): elements that it needs."""


@reducing
def reduce_designs(
    terms, values, allowed, buffers1, buffers2, most_area, most_power, start, best, best_values, found, places
):
    """Price all designs of the runs; return how many are feasible, and how many may be on the front.

    `best` [K] and `best_values` [K, 3] keep the first best design of every value, by value, area and power; `found` [M, K + 2] and
    `places` [M] get the candidates: in each run the design of least area, if it also has the least power, or else all that are
    feasible. `start` is the number of the first run. Returns (-1, 0) where `found` is too small.
    """
    many, objectives = len(buffers2), values.shape[1]
    buffers, feasible, count = len(buffers1) * many, 0, 0
    areas, powers = np.empty(buffers), np.empty(buffers)
    for run in range(len(terms)):
        if not allowed[run]:
            continue
        pes, lanes, bus, arbiter, noc = terms[run, 0], terms[run, 1], terms[run, 2], terms[run, 3], terms[run, 4]
        least_area, power_there, least_power, place = np.inf, np.inf, np.inf, -1
        for first in range(len(buffers1)):
            size1 = buffers1[first] if buffers1[0] else terms[run, L1_NEEDED]
            # The order of additions is that of `columns.area_and_power`.
            area1 = pes * (283 * lanes + 0.104 * max(size1, 1.0))
            power1 = pes * 1.2223 * lanes + pes * 0.00345 * max(size1, 1.0)
            fits1 = size1 >= terms[run, L1_NEEDED]
            for second in range(many):
                size2 = buffers2[second] if buffers2[0] else terms[run, L2_NEEDED]
                area = area1 + 0.104 * max(size2, 1.0) + bus + arbiter
                power = power1 + 0.00345 * max(size2, 1.0) + noc
                fits = fits1 and size2 >= terms[run, L2_NEEDED] and area <= most_area and power <= most_power
                here = first * many + second
                areas[here] = area if fits else np.inf
                powers[here] = power
                if fits:
                    feasible += 1
                    least_power = min(least_power, power)
                    if area < least_area or (area == least_area and power < power_there):
                        least_area, power_there, place = area, power, here
        if place < 0:
            continue
        for value in range(objectives):
            own = values[run, value]
            if own < best_values[value, 0] or (
                own == best_values[value, 0]
                and (least_area, power_there) < (best_values[value, 1], best_values[value, 2])
            ):
                best_values[value, 0], best_values[value, 1], best_values[value, 2] = own, least_area, power_there
                best[value] = (start + run) * buffers + place
        alone = power_there == least_power
        for here in range(place if alone else 0, place + 1 if alone else buffers):
            if areas[here] < np.inf:
                if count == len(found):
                    return -1, 0
                for value in range(objectives):
                    found[count, value] = values[run, value]
                found[count, objectives], found[count, objectives + 1] = areas[here], powers[here]
                places[count] = (start + run) * buffers + here
                count += 1
    return feasible, count


@reducing
def nearest(terms, excess, buffers1, buffers2, most_area, most_power, start):
    """Return the factor by which the nearest design breaks its limits, and its place; `excess` [N]: factors of the runs' own limits."""
    least, place, many = np.inf, -1, len(buffers2)
    for run in range(len(terms)):
        pes, lanes, rest, noc = terms[run, 0], terms[run, 1], terms[run, 2] + terms[run, 3], terms[run, 4]
        for first in range(len(buffers1)):
            size1 = buffers1[first] if buffers1[0] else terms[run, L1_NEEDED]
            for second in range(many):
                size2 = buffers2[second] if buffers2[0] else terms[run, L2_NEEDED]
                area = pes * (283 * lanes + 0.104 * max(size1, 1.0)) + 0.104 * max(size2, 1.0) + rest
                power = pes * 1.2223 * lanes + pes * 0.00345 * max(size1, 1.0) + 0.00345 * max(size2, 1.0) + noc
                factor = max(excess[run], area / most_area, power / most_power)
                if size1:
                    factor = max(factor, terms[run, L1_NEEDED] / size1)
                if size2:
                    factor = max(factor, terms[run, L2_NEEDED] / size2)
                if factor < least:
                    least, place = factor, (start + run) * len(buffers1) * many + first * many + second
    return least, place


@reducing
def nondominated(points):
    """Mark the points [N, K], sorted by their columns, that no other is at least as good as in all columns; of equals, the first."""
    kept, last = 0, 0
    order, found = np.empty(len(points), np.int64), np.zeros(len(points), np.bool_)
    for point in range(len(points)):
        dominated = False
        for number in range(-1, kept):
            # What dominated the point before often dominates this one too.
            other = order[last] if number < 0 else order[number]
            if number < 0 and not kept:
                continue
            dominated = True
            for column in range(points.shape[1]):
                if points[other, column] > points[point, column]:
                    dominated = False
                    break
            if dominated:
                last = max(number, last) if number < 0 else number
                break
        if not dominated:
            order[kept] = point
            kept += 1
            found[point] = True
    return found
