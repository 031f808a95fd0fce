"""The states of a directive in compiled code, and what each makes of tiles and partial sums; as `states` and `traffic`."""

from __future__ import annotations

from archloom.interop.maestro.kernel_compile import compiled
from archloom.interop.maestro.kernel_tiles import cut
from archloom.interop.maestro.kernel_work import (
    AT_EDGE,
    END_ONE,
    END_OTHER,
    FAILS,
    FILTER,
    FILTER_FACTORS,
    IN,
    IN_FACTORS,
    INIT,
    LAST,
    MOST_SLOTS,
    NEW,
    O_NEW,
    O_REST,
    O_REST_NEW,
    O_SIZE,
    OCCURS,
    ONE,
    OTHER,
    OUT,
    OUT_FACTORS,
    PLACE,
    POSITION,
    REST,
    REST_NEW,
    ROLE,
    ROW,
    SHORT,
    SIZE,
    SPATIAL,
    SPLIT,
    STATES,
    STEADY,
    SUM_FACTORS,
)

__all__ = ["slot_of"]


@compiled
def state_of(size, offset, total, spatial, count, mends, states, column):
    """Fill the states of a directive; return how many there are."""
    if not spatial:
        steps = cut(total - size, offset)
        put(states, column, 0, INIT, 1, total < size, total <= size, False)
        number = 1
        if size < total and steps > 0:
            put(states, column, number, STEADY, steps, False, False, False)
            number += 1
        if total >= size and steps * offset + size < total:
            put(states, column, number, LAST, 1, True, False, False)
            number += 1
        return number
    covered, stride = size + offset * (count - 1), offset * count
    steps = cut(cut(total - size, offset) + 1, count) - 1
    put(states, column, 0, INIT, 1, total < covered, total <= covered, total < covered)
    number = 1
    if covered < total and steps > 0:
        put(states, column, number, STEADY, steps, False, False, False)
        number += 1
    if total > covered and (steps + 1) * stride + covered > total and steps * stride + covered != total:
        rest = total - (steps + 1) * stride
        active = 1 if rest < size else (rest - size) // offset + 1
        put(
            states, column, number, LAST, 1, True, False, (active - 1) * offset + size < rest or (mends and rest < size)
        )
        number += 1
    return number


@compiled
def put(states, column, number, position, occurrences, edge, unrolled, short):
    states[column, number, 0] = position
    states[column, number, 1] = occurrences
    states[column, number, 2] = edge
    states[column, number, 3] = unrolled
    states[column, number, 4] = short


@compiled
def slot_of(plan, work, mends, level, place, total, kernel):
    """Return where the states and factors of a directive are, for a dimension of `total`; they are worked out once.

    Outputs depend on the dimension of the `kernel` that slides over this one as well.
    """
    live, heads, keys, active = work.live, work.heads, work.keys, work.tiles.active[level]
    slot = heads[level, place]
    while slot >= 0:
        if keys[slot, 0] == total and keys[slot, 1] == active and keys[slot, 2] == kernel:
            return slot
        slot = keys[slot, 3]
    slot = work.stamp[1]
    if slot == MOST_SLOTS:
        return -1
    work.stamp[1] += 1
    keys[slot, 0], keys[slot, 1], keys[slot, 2], keys[slot, 3] = total, active, kernel, heads[level, place]
    heads[level, place] = slot

    variable, spatial, role = plan.variable[level, place], plan.spatial[level, place] != 0, plan.role[level, place]
    made, size, offset = plan.outputs[level, place], work.tiles.size[level, place], work.tiles.offset[level, place]
    states, table, subs = work.states, work.tiles.table, work.tiles.subs[level]
    count = state_of(size, offset, total, spatial, subs, mends, states, slot)
    live[slot, ROLE], live[slot, SPATIAL], live[slot, PLACE], live[slot, STATES] = role, spatial, place, count
    for column in range(4):
        live[slot, SIZE + column] = table[level, variable, column]
        live[slot, O_SIZE + column] = table[level, made if role & OUT else variable, column]
    live[slot, ROW], live[slot, SPLIT] = offset * subs, spatial and subs > 1
    for lower in range(level + 1, len(plan.counts) if mends else 0):
        for other in range(plan.counts[lower]):
            if plan.spatial[lower, other] and plan.variable[lower, other] == variable and work.tiles.subs[lower] > 1:
                live[slot, SPLIT] = 1
    steps = 0.0
    for number in range(count):
        steps += states[slot, number, OCCURS]
    most = max(abs(live[slot, SIZE]), abs(live[slot, REST]), abs(live[slot, O_REST]), 1)
    work.bounds[slot] = steps * most
    follow(live, states, work.factors, work.masks, work.steps, work.start, slot, active, mends)
    return slot


@compiled
def follow(live, states, factors, masks, steps, start, slot, active, mends):
    """Fill the factors of every state: outside the directive that changed, at it, and inside it, where all are at their start."""
    role, spatial, bit = live[slot, ROLE], live[slot, SPATIAL] != 0, 1 << live[slot, PLACE]
    size, new, rest, rest_new = live[slot, SIZE], live[slot, NEW], live[slot, REST], live[slot, REST_NEW]
    for number in range(live[slot, STATES]):
        edge, short = states[slot, number, AT_EDGE] != 0, states[slot, number, SHORT] != 0
        factors[slot, number, 0] = states[slot, number, OCCURS]
        outgoing(live, states, factors, slot, number, active, mends)
        masks[slot, number, 0] = ((role | 8) if edge and spatial else 0) | ((role | 8) << 4 if short and spatial else 0)
        masks[slot, number, 1] = bit if edge and (not spatial or active == 1) else 0
        masks[slot, number, 2] = bit if edge else 0
        incoming(live, states, factors, IN_FACTORS, slot, number, role & IN, mends)
        incoming(live, states, factors, FILTER_FACTORS, slot, number, role & FILTER, mends)
        incoming(live, states, steps, 0, slot, number, 1, mends)
        steps[slot, number, FAILS] = changing(live, states, steps, slot, number, mends)
    edge = states[slot, 0, AT_EDGE] != 0
    if spatial:
        alone = edge and active == 1
        start[slot, ONE], start[slot, OTHER], start[slot, END_ONE], start[slot, END_OTHER] = size, new, rest, rest_new
        start[slot, 4 + ONE] = rest if alone else size
        start[slot, 4 + OTHER] = new if mends else 1 if alone else size
        start[slot, 4 + END_ONE] = rest if edge else size
        start[slot, 4 + END_OTHER] = rest_new if mends else rest if edge else size
    else:
        for factor in range(8):
            start[slot, factor] = rest if edge else size


@compiled
def incoming(live, states, factors, first, column, number, coupled, mends):
    """Fill what a state outside the directive that changed makes of an input's or a filter's tile."""
    one, other, end_one, end_other = 1, 1, 1, 1
    if coupled:
        one, end_one = live[column, SIZE], live[column, REST]
        other, end_other = one, end_one
        if live[column, SPATIAL]:
            if mends:
                other, end_other = live[column, NEW], live[column, REST_NEW]
        else:
            if states[column, number, AT_EDGE] and (mends or states[column, number, POSITION] == INIT):
                one = end_one
            other, end_one, end_other = one, one, one
    factors[column, number, first + ONE] = one
    factors[column, number, first + OTHER] = other
    factors[column, number, first + END_ONE] = end_one
    factors[column, number, first + END_OTHER] = end_other


@compiled
def changing(live, states, steps, slot, number, mends):
    """Fill the new part of a tile where its directive has changed and no loop inside starts over; return whether it fails."""
    if states[slot, number, POSITION] == INIT:
        return False
    if live[slot, SPATIAL]:
        steps[slot, number, OTHER], steps[slot, number, END_OTHER] = live[slot, NEW], live[slot, REST_NEW]
        if mends:
            size, rest, row = live[slot, SIZE], live[slot, REST], live[slot, ROW]
            steps[slot, number, ONE] = min(size, max(row, 0))
            steps[slot, number, END_ONE] = min(rest, max(row - (size - rest), 0))
        return False
    cut_off = states[slot, number, AT_EDGE] != 0 and mends != 0
    new = live[slot, REST_NEW] if cut_off else live[slot, NEW]
    for factor in range(4):
        steps[slot, number, factor] = new
    return not cut_off and new == 0


@compiled
def outgoing(live, states, factors, column, number, active, mends):
    """Fill what a state makes of the tile of outputs, and of the partial sums for them."""
    coupled = live[column, ROLE] & OUT
    size, new, rest, rest_new = (
        live[column, O_SIZE],
        live[column, O_NEW],
        live[column, O_REST],
        live[column, O_REST_NEW],
    )
    position, edge = states[column, number, POSITION], states[column, number, AT_EDGE] != 0
    if not live[column, SPATIAL]:
        one = rest if edge else size
        other, end_one, end_other, alone = one, one, one, one
    else:
        one, end_one = size, size
        other = new if new else 1
        end_other, alone = other, other
        if position == LAST:
            if active == 1:
                one = rest if mends else live[column, REST]
                other, end_one, end_other, alone = 1, one, one, one
            else:
                other = new
                end_one, end_other, alone = rest_new, rest_new, rest_new
        elif position == INIT and edge:
            end_one, alone = rest, rest
            end_other = rest_new if coupled and active > 1 else rest
    factors[column, number, OUT_FACTORS + ONE] = one if coupled else 1
    factors[column, number, OUT_FACTORS + OTHER] = other if coupled else 1
    factors[column, number, OUT_FACTORS + END_ONE] = end_one if coupled else 1
    factors[column, number, OUT_FACTORS + END_OTHER] = end_other if coupled else 1
    factors[column, number, SUM_FACTORS] = one
    factors[column, number, SUM_FACTORS + 1] = end_one
    factors[column, number, SUM_FACTORS + 2] = alone
