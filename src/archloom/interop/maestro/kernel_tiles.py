"""The sizes of one mapping's tiles in compiled code, level by level; as `levels`, in numbers instead of names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from archloom.interop.maestro.kernel_compile import compiled

__all__ = ["ABOVE", "FEW_PES", "FITS", "NOT_WHOLE", "OWN", "WHOLE", "Plan", "Tiles", "cut", "fill_table", "fill_tiles"]

OWN, ABOVE, WHOLE = range(3)
"""Where a directive comes from: written at its level, inherited from the level above, or implied."""

FITS, NOT_WHOLE, FEW_PES = range(3)
"""What becomes of a mapping's sizes."""

TILE, UNIQUE, EDGE, EDGE_UNIQUE = range(4)


class Plan(NamedTuple):
    """What all mappings of a template share: L levels of at most D directives over V variables.

    `counts` [L]; `variable`, `spatial`, `role`, `outputs`, `source`, `entry`, `widened` [L, D]: the directives with the bits of the tensors
    that they are coupled to (1 input, 2 filter, 4 output) and where their sizes come from; `first` [L]: the SpatialMap that counts
    sub-clusters; `slides` [L, 2, 3]: X, S, X' and Y, R, Y', or -1; `clusters` [L]: entries of the clusters; `dimensions`, `strides`,
    `steps`, `kernels`, `read` [V]; `tensors` [3, V]; `slid` [V, 2]: the filter variable that slides over an output's variable, or -1; `made` [V]: the outputs that a variable stands for;
    `whole` [E]: what a TemporalMap of R or S has to cover, or 0.
    """

    counts: np.ndarray
    variable: np.ndarray
    spatial: np.ndarray
    role: np.ndarray
    outputs: np.ndarray
    source: np.ndarray
    entry: np.ndarray
    widened: np.ndarray
    first: np.ndarray
    slides: np.ndarray
    clusters: np.ndarray
    dimensions: np.ndarray
    strides: np.ndarray
    steps: np.ndarray
    kernels: np.ndarray
    read: np.ndarray
    tensors: np.ndarray
    slid: np.ndarray
    made: np.ndarray
    whole: np.ndarray


class Tiles(NamedTuple):
    """Of one mapping: `size`, `offset` [L, D], `dimensions` [L, V], `table` [L, V, 4] of tile, unique and their edges, `subs`, `active` [L]."""

    size: np.ndarray
    offset: np.ndarray
    dimensions: np.ndarray
    table: np.ndarray
    subs: np.ndarray
    active: np.ndarray


@compiled
def cut(a, b):
    """Divide as C++ does, cut off towards zero."""
    quotient = a // b
    if quotient < 0 and quotient * b != a:
        quotient += 1
    return quotient


@compiled
def fill_tiles(plan, sizes, pes, mends, tiles):
    """Work out the levels of a mapping; `sizes` [E, 2] are sizes and offsets of the entries of its dataflow."""
    for entry in range(len(plan.whole)):
        if plan.whole[entry] and not (sizes[entry, 0] == sizes[entry, 1] == plan.whole[entry]):
            return NOT_WHOLE
    unit = 1
    for level in range(1, len(plan.counts)):
        tiles.subs[level] = sizes[plan.clusters[level], 0]
        unit *= tiles.subs[level]
        if unit > pes:
            return FEW_PES
    tiles.subs[0] = pes // unit
    for variable in range(len(plan.read)):
        tiles.dimensions[0, variable] = plan.dimensions[variable]
    for level in range(len(plan.counts)):
        directives(plan, sizes, level, mends, tiles)
        tiles.active[level] = fill_table(plan, level, tiles.dimensions[level], mends, tiles)
        if level + 1 < len(plan.counts):
            for variable in range(len(plan.read)):
                if plan.read[variable]:
                    least = min(tiles.table[level, variable, TILE], tiles.dimensions[level, variable])
                    tiles.dimensions[level + 1, variable] = least
    return FITS


@compiled
def directives(plan, sizes, level, mends, tiles):
    """Resolve sizes and offsets of one level's directives, widened by the stride."""
    for place in range(plan.counts[level]):
        variable, entry = plan.variable[level, place], plan.entry[level, place]
        source, widened = plan.source[level, place], plan.widened[level, place]
        stride, kernel, step = plan.strides[variable], plan.kernels[variable], plan.steps[variable]
        if source == OWN:
            size, offset = sizes[entry, 0], sizes[entry, 1]
            if widened >= 0:
                size = (size - 1) * (stride if mends else 1) + sizes[widened, 0]
        elif source == ABOVE:
            size, offset = tiles.size[level - 1, entry], tiles.offset[level - 1, entry]
        else:
            size = tiles.dimensions[level, variable]
            offset = size
        if stride != 1 and size >= kernel:
            if not mends:
                outputs = (size + stride - kernel) // stride
                size = outputs * min(stride, kernel) + max(kernel - stride, 0)
                offset = outputs * (kernel if kernel < stride and level > 0 else stride)
            elif source == OWN:
                outputs = (size - kernel) // stride + 1
                size, offset = (outputs - 1) * step + kernel, outputs * step
        tiles.size[level, place] = size
        tiles.offset[level, place] = offset


@compiled
def fill_table(plan, level, dimensions, mends, tiles):
    """Fill a level's table of tiles for these dimensions; return the sub-clusters at work in its last row."""
    table = tiles.table
    for place in range(plan.counts[level]):
        variable = plan.variable[level, place]
        size, offset, total = tiles.size[level, place], tiles.offset[level, place], dimensions[variable]
        steps = max(cut(total - size, offset), 0)
        rest = total - (steps + 1) * offset
        if rest < 0 or (mends and size > total):
            rest = total
        edge = rest if steps * offset + size < total or size > total else size
        table[level, variable, TILE] = size
        table[level, variable, UNIQUE] = 0 if not plan.spatial[level, place] and total <= size else min(size, offset)
        table[level, variable, EDGE] = edge
        table[level, variable, EDGE_UNIQUE] = max(offset - (size - (edge if mends else rest)), 0)
    for pair in range(2):
        axis, kernel, out = plan.slides[level, pair, 0], plan.slides[level, pair, 1], plan.slides[level, pair, 2]
        if axis >= 0:
            offset = 0
            for place in range(plan.counts[level]):
                if plan.variable[level, place] == axis:
                    offset = tiles.offset[level, place]
            tile, step = table[level, axis, TILE], plan.steps[axis]
            made = (tile - table[level, kernel, TILE]) // step + 1
            edge = (table[level, axis, EDGE] - table[level, kernel, EDGE]) // step + 1
            if mends:
                made, edge = max(made, 0), max(edge, 0)
            table[level, out, TILE] = made
            table[level, out, UNIQUE] = min(offset // step, tile)
            table[level, out, EDGE] = edge
            table[level, out, EDGE_UNIQUE] = min(offset // step, edge)
    place = plan.first[level]
    total = dimensions[plan.variable[level, place]]
    return at_edge(tiles.size[level, place], tiles.offset[level, place], total, tiles.subs[level], mends)


@compiled
def at_edge(size, offset, total, count, mends):
    """Count the sub-clusters at work in the last, partial step of a SpatialMap."""
    if total > offset * (count - 1) + size:
        steps = ((total - size) // offset + 1) // count - 1
        rest = total - (steps + 1) * offset * count
        active = 1 if rest < size else (rest - size) // offset + 1
        return active + 1 if mends and offset * (active - 1) + size < rest else active
    if total <= size:
        return 1
    active = (total - size) // offset + 1
    return active + 1 if offset * (active - 1) + size < total else active
