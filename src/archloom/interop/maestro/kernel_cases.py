"""The cases of a mapping's levels in compiled code: what each moves, computes and hands down; as `states`, `traffic` and `cost`.

Levels of the same actual dimensions are one *node*; node 0 is the top. Whatever does not depend on bandwidths, latencies and lanes is
done here, once per mapping and count of PEs.
"""

from __future__ import annotations

import numpy as np

from archloom.interop.maestro.kernel_compile import compiled
from archloom.interop.maestro.kernel_states import slot_of
from archloom.interop.maestro.kernel_tiles import cut, fill_table
from archloom.interop.maestro.kernel_work import (
    COUNT,
    CRITICAL,
    EDGE,
    EGRESS,
    FACTORS,
    FAILS,
    FILTER,
    FILTER_FACTORS,
    FIRST,
    IN,
    IN_FACTORS,
    IN_NEW,
    IN_WHOLE,
    INGRESS,
    L1_WRITE,
    L2_READ,
    L2_SIZE,
    L2_WRITE,
    LARGE,
    MACS,
    MOST_CASES,
    MOST_NODES,
    MOVES,
    NEW,
    OTHERS,
    OUT,
    OUT_FACTORS,
    REST,
    REST_NEW,
    ROLE,
    SECOND,
    SIZE,
    SPATIAL,
    SPLIT,
    STARTS,
    STATES,
    SUM_FACTORS,
    SUMS,
    TILE,
    TIMES,
    TOTALS,
    UNROLLED,
)

__all__ = ["build"]


@compiled
def build(plan, work, mends):
    """Make the tree of the mapping in `work.tiles`; return how many nodes it has, or LARGE."""
    tree = work.tree
    for variable in range(len(plan.read)):
        tree.dimensions[0, variable] = work.tiles.dimensions[0, variable]
    tree.level[0] = 0
    tree.begin[0] = 0
    tree.intensity[0] = 0.0
    for column in range(TOTALS):
        tree.totals[column] = 0
    for level in range(len(plan.counts)):
        for place in range(plan.counts[level]):
            work.heads[level, place] = -1
    work.stamp[1] = 0
    # A plain 0 would be a type of its own to numba, and its callees compiled for each.
    nodes, node = np.int64(1), np.int64(0)
    while node < nodes:
        nodes = expand(plan, work, mends, node, nodes)
        if nodes < 0:
            return LARGE
        node += 1
    tree.totals[L1_WRITE + 2] = tree.totals[SUMS]
    for node in range(nodes - 1, -1, -1):
        weigh(tree.cases, tree.active, tree.weight, tree.begin[node], tree.begin[node + 1], node)
        if mends and not fill(tree.cases, tree.fills, tree.begin[node], tree.begin[node + 1], node):
            return LARGE
    for tensor in range(2):
        tree.totals[L1_WRITE + tensor] = tree.fills[0, tensor] if mends else tree.totals[L2_READ + tensor]
    if mends:
        tree.totals[L2_READ + 2] = max(tree.totals[L2_READ + 2], tree.totals[L2_WRITE + 2])
        tree.intensity[0] = quotient(tree.totals[MACS], tree.totals[L2_READ] + tree.totals[L2_READ + 1])
    return nodes


@compiled
def weigh(cases, active, weights, begin, end, node):
    """Average the PEs at work of a node, whose nodes below have been weighed."""
    total, weight = 0.0, 0
    for case in range(begin, end):
        working, first, second = float(cases[case, COUNT]), cases[case, FIRST], cases[case, SECOND]
        if first >= 0:
            working *= max(active[first], 1.0)
            if second >= 0:
                working += max(active[second], 1.0) * cases[case, OTHERS]
        total += cases[case, TIMES] * working
        weight += cases[case, TIMES]
    active[node] = total / weight if weight else 0.0
    weights[node] = weight


@compiled
def fill(cases, fills, begin, end, node):
    """Add up what a node writes to the L1s of all PEs, each for itself; return whether that can be said."""
    fills[node, 0] = fills[node, 1] = fills[node, 2] = 0
    for case in range(begin, end):
        moves = cases[case, MOVES] & (IN | FILTER)
        if not cases[case, STARTS]:
            fills[node, 2] |= moves
        if cases[case, FIRST] < 0:
            for tensor in range(2):
                fills[node, tensor] += cases[case, TIMES] * cases[case, IN_NEW + tensor]
            continue
        for part in (FIRST, SECOND):
            below = cases[case, part]
            if below < 0:
                continue
            fills[node, 2] |= fills[below, 2]
            weight = cases[case, COUNT] if part == FIRST else cases[case, OTHERS]
            for tensor in range(2):
                written = fills[below, tensor]
                if not fills[below, 2] & 1 << tensor:
                    if not moves & 1 << tensor:
                        continue
                    if cases[case, IN_WHOLE + tensor] <= 0:
                        return False
                    written = written * cases[case, IN_NEW + tensor] // cases[case, IN_WHOLE + tensor]
                fills[node, tensor] += cases[case, TIMES] * weight * written
    return True


@compiled
def expand(plan, work, mends, node, nodes):  # noqa: C901 - a call per case would double its time
    """List the cases of a node and the nodes below it; return how many nodes there are now, or -1."""
    tree, tiles, live, chosen = work.tree, work.tiles, work.live, work.chosen
    level, leaf = tree.level[node], tree.level[node] + 1 == len(plan.counts)
    dimensions = tree.dimensions[node]
    if mends:
        tiles.active[level] = fill_table(plan, level, dimensions, mends, tiles)
    subs, active, begin = tiles.subs[level], tiles.active[level], tree.begin[node]
    factors, masks, steps, suffix, whole, run, flags, slots, moves, again, start = (
        work.factors,
        work.masks,
        work.steps,
        work.suffix,
        work.whole,
        work.run,
        work.flags,
        work.slots,
        work.moves,
        work.again,
        work.start,
    )
    # Directives with one state are factors of every case: only the others are walked through.
    width, cases, bound, masked, space, counter = 0, 1, float(subs), 0, 0, 0
    fixed_in, fixed_filter, fixed_out, fixed_sums = 1, 1, 1, 1
    for place in range(plan.counts[level]):
        variable = plan.variable[level, place]
        kernel = plan.slid[variable] if mends else -1
        slot = slot_of(plan, work, mends, level, place, dimensions[variable], dimensions[kernel] if kernel >= 0 else 0)
        if slot < 0:
            return -1
        bound *= work.bounds[slot]
        role = live[slot, ROLE]
        if live[slot, STATES] > 1 or live[slot, SPATIAL]:
            if live[slot, SPATIAL]:
                space |= role | 8
                if place == plan.first[level]:
                    counter = width
            slots[width] = slot
            width += 1
            cases *= live[slot, STATES]
            continue
        fixed_in *= factors[slot, 0, IN_FACTORS]
        fixed_filter *= factors[slot, 0, FILTER_FACTORS]
        fixed_out *= factors[slot, 0, OUT_FACTORS]
        fixed_sums *= factors[slot, 0, SUM_FACTORS]
        masked |= masks[slot, 0, 2]
    if bound > 1e18 or cases > MOST_CASES or begin + cases > MOST_CASES or (not leaf and plan.counts[level] > 10):
        return -1
    run[0, 0] = 1
    for factor in range(4):
        run[0, IN_FACTORS + factor] = fixed_in
        run[0, FILTER_FACTORS + factor] = fixed_filter
        run[0, OUT_FACTORS + factor] = fixed_out
        whole[factor], whole[4 + factor] = fixed_in, fixed_filter
        suffix[width, factor] = suffix[width, 4 + factor] = 1
    run[0, SUM_FACTORS] = run[0, SUM_FACTORS + 1] = run[0, SUM_FACTORS + 2] = fixed_sums
    over = 0
    for column in range(width - 1, -1, -1):
        slot = slots[column]
        role = live[slot, ROLE]
        moves[column], again[column] = role | over if mends else role, over
        for factor in range(4):
            inside, alone = start[slot, factor], start[slot, 4 + factor]
            suffix[column, factor] = suffix[column + 1, factor] * (inside if role & IN else 1)
            suffix[column, 4 + factor] = suffix[column + 1, 4 + factor] * (inside if role & FILTER else 1)
            whole[factor] *= alone if role & IN else 1
            whole[4 + factor] *= alone if role & FILTER else 1
        if not work.states[slot, 0, UNROLLED]:
            over |= role
    cases_of, totals, known = tree.cases, tree.totals, work.known
    work.stamp[0] += 1
    stamp = work.stamp[0]
    tree.bad[node] = -1
    tree.inner[node] = -1
    tree.l1[node, 0] = tree.l1[node, 1] = tree.l1[node, 2] = 0
    end, started, starting, column = begin, False, True, 0
    flags[0, 0], flags[0, 1], flags[0, 2], flags[0, 3] = -1, 0, masked, masked
    for place in range(width):
        chosen[place] = 0
    while True:
        for place in range(column, width):
            state, slot = chosen[place], slots[place]
            for factor in range(FACTORS):
                run[place + 1, factor] = run[place, factor] * factors[slot, state, factor]
            flags[place + 1, 0] = place if state else flags[place, 0]
            for flag in range(3):
                flags[place + 1, flag + 1] = flags[place, flag + 1] | masks[slot, state, flag]
        changed, edges = flags[width, 0], flags[width, 1]
        if changed < 0 and not starting:
            break
        times = run[width, 0] if mends else (run[width, 0] + 2147483648) % 4294967296 - 2147483648
        nothing, moved = np.int64(0), IN | FILTER | OUT
        taken_in, taken_filter = nothing, nothing
        role, over, slot = 0, 0, 0
        in_one, in_end, filter_one, filter_end = nothing, nothing, nothing, nothing
        if changed < 0:
            in_one, in_end, filter_one, filter_end = whole[0], whole[2], whole[4], whole[6]
            taken_in = spread(in_one, whole[1], in_end, whole[3], space, edges, IN, subs, active)
            taken_filter = spread(filter_one, whole[5], filter_end, whole[7], space, edges, FILTER, subs, active)
        else:
            moved, state, slot = moves[changed], chosen[changed], slots[changed]
            role, over = live[slot, ROLE], again[changed]
            if moved & IN:
                one, other, in_end, end_other = 1, 1, 1, 1
                if role & IN & ~over:
                    one, other = steps[slot, state, 0], steps[slot, state, 1]
                    in_end, end_other = steps[slot, state, 2], steps[slot, state, 3]
                elif role & IN:
                    one, other = factors[slot, state, 1], factors[slot, state, 2]
                    in_end, end_other = factors[slot, state, 3], factors[slot, state, 4]
                in_one = run[changed, 1] * one * suffix[changed + 1, 0]
                other = run[changed, 2] * other * suffix[changed + 1, 1]
                in_end = run[changed, 3] * in_end * suffix[changed + 1, 2]
                end_other = run[changed, 4] * end_other * suffix[changed + 1, 3]
                taken_in = spread(in_one, other, in_end, end_other, space, edges, IN, subs, active)
            if moved & FILTER:
                one, other, filter_end, end_other = 1, 1, 1, 1
                if role & FILTER & ~over:
                    one, other = steps[slot, state, 0], steps[slot, state, 1]
                    filter_end, end_other = steps[slot, state, 2], steps[slot, state, 3]
                elif role & FILTER:
                    one, other = factors[slot, state, 5], factors[slot, state, 6]
                    filter_end, end_other = factors[slot, state, 7], factors[slot, state, 8]
                filter_one = run[changed, 5] * one * suffix[changed + 1, 4]
                other = run[changed, 6] * other * suffix[changed + 1, 5]
                filter_end = run[changed, 7] * filter_end * suffix[changed + 1, 6]
                end_other = run[changed, 8] * end_other * suffix[changed + 1, 7]
                taken_filter = spread(filter_one, other, filter_end, end_other, space, edges, FILTER, subs, active)
            if steps[slot, state, FAILS] and role & (IN | FILTER) & ~over:
                tree.bad[node] = end
                break
        out = nothing
        if moved & OUT or not mends:
            out = spread(run[width, 9], run[width, 10], run[width, 11], run[width, 12], space, edges, OUT, subs, active)
        one, end_one = run[width, 13], run[width, 14]
        short = edges >> 7 & 1
        if not edges & 8:
            sums = subs * one
        elif active > 1:
            sums = max(active - short, 1) * one + (run[width, 15] if short else 0)
        else:
            sums = end_one if short and active == 1 else one
        ends = (edges >> 3 & edges >> 7) & 1 if mends else (edges >> 2 & edges >> 6) & 1
        critical = end_one if ends and active == 1 else one

        if not started:
            require(plan, tree, tiles, mends, node, level, dimensions, taken_in, taken_filter, out)
        if node == 0:
            totals[L2_WRITE + 2] += times * out
            totals[SUMS] += times * sums
        if critical > 0:
            started = True
            if node == 0:
                totals[MACS] += times * sums
                totals[L2_READ] += times * taken_in
                totals[L2_READ + 1] += times * taken_filter
                tree.intensity[0] = quotient(sums, taken_in + taken_filter)
            at_edge = masks[slots[counter], chosen[counter], 0]
            edge, short = at_edge & 8, at_edge & 128
            first, second, count = -1, -1, active if edge else subs
            if not leaf:
                mask = flags[width, 3] if edge and short else flags[width, 2]
                if known[mask, 0] != stamp:
                    nodes = below(plan, work, node, mask, nodes)
                    if nodes < 0:
                        return -1
                first = known[mask, 1]
                if edge and short:
                    count = 1
                    if active > 1:
                        mask = flags[width, 2]
                        if known[mask, 0] != stamp:
                            nodes = below(plan, work, node, mask, nodes)
                            if nodes < 0:
                                return -1
                        second = known[mask, 1]
                        cases_of[end, OTHERS] = active - 1
                if tree.inner[node] < 0:
                    tree.inner[node] = first
            cases_of[end, TIMES], cases_of[end, STARTS] = times, changed < 0
            cases_of[end, INGRESS], cases_of[end, EGRESS] = taken_in + taken_filter, out
            cases_of[end, CRITICAL], cases_of[end, COUNT] = critical, count
            cases_of[end, FIRST], cases_of[end, SECOND] = first, second
            if mends:
                cases_of[end, MOVES] = moved
                for tensor in range(2):
                    one, end_one = (filter_one, filter_end) if tensor else (in_one, in_end)
                    new, tile = 1, 1
                    if leaf:
                        new = received(one, end_one, edges, subs, active)
                    elif changed >= 0 and role & 1 << tensor and not over & 1 << tensor and not live[slot, SPLIT]:
                        cut_off = masks[slot, chosen[changed], 2] != 0
                        new = live[slot, REST_NEW] if cut_off else live[slot, NEW]
                        tile = live[slot, REST] if cut_off else live[slot, SIZE]
                    cases_of[end, IN_NEW + tensor], cases_of[end, IN_WHOLE + tensor] = new, tile
            end += 1
        # MAESTRO's order: first all directives at their start; then loops in which the start comes last.
        if starting:
            starting, column = False, 0
            for place in range(width):
                chosen[place] = 1 if live[slots[place], STATES] > 1 else 0
            continue
        column = width - 1
        while column >= 0 and chosen[column] == 0:
            if live[slots[column], STATES] > 1:
                chosen[column] = 1
            column -= 1
        if column < 0:
            break
        chosen[column] = chosen[column] + 1 if chosen[column] + 1 < live[slots[column], STATES] else 0
    tree.begin[node + 1] = end
    return nodes


@compiled
def quotient(a, b):
    """Divide real numbers; infinite or not a number where `b` is zero."""
    if b:
        return a / b
    return np.nan if a == 0 else np.inf if a > 0 else -np.inf


@compiled
def received(one, end_one, edges, subs, active):
    """Add up what a row of PEs receives, each for itself."""
    if not edges & 8:
        return subs * one
    short = edges >> 7 & 1
    return (active - short) * one + short * end_one


@compiled
def spread(one, other, end_one, end_other, space, edges, tensor, subs, active):
    """Add up what a row of sub-clusters moves: the first, the others, and the last where its tile is cut."""
    if not space & tensor:
        return one
    if not edges & tensor:
        return one + (subs - 1) * other
    short = 1 if edges & tensor << 4 else 0
    if active <= 1:
        return end_one if short and active == 1 else one
    return one + max(active - short - 1, 0) * other + (end_other if short else 0)


@compiled
def require(plan, tree, tiles, mends, node, level, dimensions, taken_in, taken_filter, out):
    """Note what the buffers must hold, twice as both halves are used in turn, and the whole tensors."""
    table = tiles.table
    for tensor in range(3):
        held, whole = 1, 1
        for variable in range(len(plan.read)):
            if not plan.tensors[tensor, variable]:
                continue
            slides = plan.slid[variable] if tensor == 2 else -1
            size = dimensions[variable]
            if slides >= 0:
                size = cut(size - dimensions[slides], plan.steps[variable]) + 1
            whole *= size
            name = plan.made[variable] if mends and tensor == 2 else variable
            beyond = mends and table[level, variable, TILE] > dimensions[variable]
            held *= table[level, name, EDGE] if beyond else table[level, name, TILE]
        tree.l1[node, tensor] = 2 * held + (tree.l1[node, tensor] if tensor < 2 else 0)
        if node == 0:
            tree.totals[L2_READ + 2 if tensor == 2 else L2_WRITE + tensor] = whole
    if node == 0:
        tree.totals[L2_SIZE] += 2 * taken_in
        tree.totals[L2_SIZE + 1] += 2 * taken_filter
        tree.totals[L2_SIZE + 2] = 2 * out


@compiled
def below(plan, work, parent, mask, nodes):
    """Find or add the node below `parent` whose tiles are cut where `mask` says; return how many nodes there are, or -1."""
    tree = work.tree
    if nodes == MOST_NODES:
        return -1
    level, dimensions = tree.level[parent], tree.dimensions
    for place in range(plan.counts[level]):
        variable = plan.variable[level, place]
        if plan.read[variable]:
            dimensions[nodes, variable] = work.tiles.table[level, variable, EDGE if mask >> place & 1 else TILE]
    work.known[mask, 0] = work.stamp[0]
    for node in range(parent + 1, nodes):
        if tree.level[node] == level + 1:
            same = True
            for variable in range(len(plan.read)):
                if plan.read[variable] and dimensions[node, variable] != dimensions[nodes, variable]:
                    same = False
                    break
            if same:
                work.known[mask, 1] = node
                return nodes
    tree.level[nodes] = level + 1
    work.known[mask, 1] = nodes
    return nodes + 1
