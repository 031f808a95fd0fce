"""What the compiled engine works on: the tree of a mapping's cases, and the room of one thread; the names of their columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from archloom.interop.maestro.kernel_tiles import Tiles

__all__ = [
    "AT_EDGE",
    "BUILT",
    "CASE",
    "COUNT",
    "COVERED",
    "CRITICAL",
    "EDGE",
    "EDGE_UNIQUE",
    "EGRESS",
    "END_ONE",
    "END_OTHER",
    "FACTORS",
    "FAILS",
    "FILTER",
    "FILTER_FACTORS",
    "FILTER_NEW",
    "FILTER_WHOLE",
    "FIRST",
    "IN",
    "INGRESS",
    "INIT",
    "IN_FACTORS",
    "IN_NEW",
    "IN_WHOLE",
    "L1_WRITE",
    "L2_READ",
    "L2_SIZE",
    "L2_WRITE",
    "LARGE",
    "LAST",
    "MACS",
    "MOST_CASES",
    "MOST_DIRECTIVES",
    "MOST_NODES",
    "MOST_SLOTS",
    "MOVES",
    "NEW",
    "OCCURS",
    "ONE",
    "OTHER",
    "OTHERS",
    "OUT",
    "OUT_FACTORS",
    "O_NEW",
    "O_REST",
    "O_REST_NEW",
    "O_SIZE",
    "PLACE",
    "POSITION",
    "REST",
    "REST_NEW",
    "ROLE",
    "ROW",
    "SECOND",
    "SHORT",
    "SIZE",
    "SPATIAL",
    "SPLIT",
    "STARTS",
    "STATES",
    "STEADY",
    "SUMS",
    "SUM_FACTORS",
    "TILE",
    "TIMES",
    "TOTALS",
    "UNIQUE",
    "UNROLLED",
    "Tree",
    "Work",
    "new_work",
]

BUILT, COVERED, LARGE = 0, 3, -1
"""What becomes of a tree: a dimension moves that its map covers (noted at the node), or the scalar engine has to do it."""

INIT, STEADY, LAST = range(3)
IN, FILTER, OUT = 1, 2, 4
TILE, UNIQUE, EDGE, EDGE_UNIQUE = range(4)
MOST_CASES, MOST_NODES = 1 << 14, 1 << 11
MOST_DIRECTIVES, MOST_SLOTS = 32, 512

(
    TIMES,
    STARTS,
    INGRESS,
    EGRESS,
    CRITICAL,
    FIRST,
    SECOND,
    COUNT,
    OTHERS,
    MOVES,
    IN_NEW,
    FILTER_NEW,
    IN_WHOLE,
    FILTER_WHOLE,
    CASE,
) = range(15)
"""Columns of a case: occurrences, all directives at their start, elements in and out, sums of the busiest sub-cluster, the nodes
below (or -1) and how many sub-clusters each stands for; with mends: the tensors with new tiles (bits), and of input and filter what
the PEs receive at the lowest level, or the new part of a tile above it, as a fraction."""

L2_SIZE, L2_WRITE, L2_READ = 0, 3, 6
L1_WRITE, SUMS, MACS = 9, 12, 13
TOTALS = 14
"""Columns of the totals: three tensors each, then the sums written, and those of cases that are not skipped."""

POSITION, OCCURS, AT_EDGE, UNROLLED, SHORT = range(5)
ROLE, SPATIAL, SIZE, NEW, REST, REST_NEW, O_SIZE, O_NEW, O_REST, O_REST_NEW, PLACE, STATES, ROW, SPLIT = range(14)
FAILS = 4

ONE, OTHER, END_ONE, END_OTHER = range(4)
"""Of a row of sub-clusters: what the first moves, what another moves, and both where the tile is cut at the edge."""

IN_FACTORS, FILTER_FACTORS, OUT_FACTORS, SUM_FACTORS, FACTORS = 1, 5, 9, 13, 16
"""Columns of the factors of a state: occurrences, then ONE to END_OTHER of input, filter and outputs, and ONE, END_ONE and END_OTHER
of the partial sums."""


class Tree(NamedTuple):
    """Nodes and cases of a mapping.

    `cases` [M, 15]; of node n `begin[n]:begin[n + 1]`; `level`, `inner`, `bad` [N]: its level, the node below that
    was priced first (or -1), the case that fails (or -1); `l1` [N, 3]: sizes that L1 needs; `fills` [N, 3]: writes to it,
    and which tensors move (bits); `active`, `weight` [N]; `dimensions` [N, V];
    `totals` [14]: of the top; `intensity` [1].
    """

    cases: np.ndarray
    begin: np.ndarray
    level: np.ndarray
    inner: np.ndarray
    bad: np.ndarray
    l1: np.ndarray
    fills: np.ndarray
    active: np.ndarray
    weight: np.ndarray
    dimensions: np.ndarray
    totals: np.ndarray
    intensity: np.ndarray


class Work(NamedTuple):
    """Room of one thread.

    Of a directive with a dimension, at a *slot*: `live` [S, 14]: role and tile sizes; `states` [S, 3, 5]: position,
    occurrences, edge, unrolled, short; `factors` [S, 3, 16], `masks` [S, 3, 3], `steps` [S, 3, 5], `start` [S, 8], `bounds` [S]: as
    `follow` fills them; `heads` [L, D], `keys` [S, 4]: how to find it. Of a node: `slots` [D] of the directives with several states;
    `suffix` [D + 1, 8], `moves`, `again` [D], `whole` [8]; `chosen` [D]: the states of a case; `run` [D + 1, 16], `flags` [D + 1, 4]:
    factors and masks of the outer directives, multiplied; `known` [1024, 2]: nodes below by mask, valid where `stamp` [2] is theirs.
    """

    tiles: Tiles
    tree: Tree
    live: np.ndarray
    states: np.ndarray
    factors: np.ndarray
    masks: np.ndarray
    steps: np.ndarray
    start: np.ndarray
    bounds: np.ndarray
    heads: np.ndarray
    keys: np.ndarray
    slots: np.ndarray
    suffix: np.ndarray
    moves: np.ndarray
    again: np.ndarray
    whole: np.ndarray
    chosen: np.ndarray
    run: np.ndarray
    flags: np.ndarray
    known: np.ndarray
    stamp: np.ndarray
    runtime: np.ndarray
    bad: np.ndarray


def new_work(levels: int, variables: int) -> Work:
    """Return room for one thread."""
    whole = np.int64
    tiles = Tiles(
        np.zeros((levels, MOST_DIRECTIVES), whole),
        np.zeros((levels, MOST_DIRECTIVES), whole),
        np.zeros((levels, variables), whole),
        np.zeros((levels, variables, 4), whole),
        np.zeros(levels, whole),
        np.zeros(levels, whole),
    )
    tree = Tree(
        np.zeros((MOST_CASES, CASE), whole),
        np.zeros(MOST_NODES + 1, whole),
        np.zeros(MOST_NODES, whole),
        np.zeros(MOST_NODES, whole),
        np.zeros(MOST_NODES, whole),
        np.zeros((MOST_NODES, 3), whole),
        np.zeros((MOST_NODES, 3), whole),
        np.zeros(MOST_NODES),
        np.zeros(MOST_NODES, whole),
        np.zeros((MOST_NODES, variables), whole),
        np.zeros(TOTALS, whole),
        np.zeros(1),
    )
    return Work(
        tiles,
        tree,
        np.zeros((MOST_SLOTS, 14), whole),
        np.zeros((MOST_SLOTS, 3, 5), whole),
        np.zeros((MOST_SLOTS, 3, FACTORS), whole),
        np.zeros((MOST_SLOTS, 3, 3), whole),
        np.zeros((MOST_SLOTS, 3, 5), whole),
        np.zeros((MOST_SLOTS, 8), whole),
        np.zeros(MOST_SLOTS),
        np.zeros((levels, MOST_DIRECTIVES), whole),
        np.zeros((MOST_SLOTS, 4), whole),
        np.zeros(MOST_DIRECTIVES, whole),
        np.zeros((MOST_DIRECTIVES + 1, 8), whole),
        np.zeros(MOST_DIRECTIVES, whole),
        np.zeros(MOST_DIRECTIVES, whole),
        np.zeros(8, whole),
        np.zeros(MOST_DIRECTIVES, whole),
        np.zeros((MOST_DIRECTIVES + 1, FACTORS), whole),
        np.zeros((MOST_DIRECTIVES + 1, 4), whole),
        np.zeros((1 << 10, 2), whole),
        np.zeros(2, whole),
        np.zeros(MOST_NODES, whole),
        np.zeros(MOST_NODES, np.bool_),
    )
