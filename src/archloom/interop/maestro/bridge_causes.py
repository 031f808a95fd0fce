"""Why MAESTRO counts other traffic than the main model for the same loops, loop by loop of its outermost level."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from archloom.interop.maestro.bridge_layers import SLIDING
from archloom.interop.maestro.levels import Level
from archloom.model.result import TensorCosts

__all__ = ["Cause", "TopLevel", "read_causes", "write_causes"]


class Cause(Enum):
    """Why MAESTRO counts other words than the main model, where both have the same loops."""

    TURN = "a loop starts anew under an outer one that leaves the tensor alone: MAESTRO does not fetch its first tile again"
    HALO = "neighbouring windows overlap: MAESTRO lets neighbours share what two of them need, the main model does not"
    FIRST = "a row of windows moves on: MAESTRO has the first sub-cluster fetch its whole window, also what it held"
    ROW = "a row has fewer tiles than sub-clusters: MAESTRO leaves out what is new in its last tile"
    CLUSTER = (
        "the PEs of a cluster need overlapping windows, or its loops come back to a tile: "
        "MAESTRO lets the cluster keep it, over wires L2 sends it again"
    )
    STAY = "an output stays in L1 over several steps: MAESTRO writes it to L2 in each of them"
    SUMS = "unfinished sums that left a PE come back: MAESTRO writes them and never reads them"
    MEET = "a filter lies in space and its sums meet on the way to L2: MAESTRO writes some of every sub-cluster's"
    CHANNELS = "MAESTRO gives the outputs of a grouped convolution an index over the channels that are summed up"
    READOUT = "finished outputs leave L2: MAESTRO counts the read, the main model the write behind L2 alone"
    MULTICAST = "one read of L2 serves several PEs: MAESTRO counts one write to L1, the main model one in each of them"
    EDGE = "a stride, or a tile that reaches beyond its dimension: MAESTRO counts inputs or outputs that are not there"

    @property
    def reason(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Step:
    """Steps of the outermost level in which the same loop moves on, and all inside it start anew; None is the first."""

    moved: int | None
    occurrences: int


class TopLevel:
    """The loops of the outermost level of clusters as one tensor sees them: `variables` are those it is coupled to.

    `tile`: its words in a sub-cluster; `rows`: sub-clusters with different tiles; `short`: others are without work.
    """

    def __init__(self, level: Level, variables: tuple[str, ...], *, outputs: bool) -> None:
        self.directives = level.directives
        self.coupled = [directive.variable in variables for directive in level.directives]
        tiles = [(level.dimensions[d.variable] - d.size) // d.offset + 1 for d in level.directives]
        tiles = [max(count, 1) for count in tiles]
        across = [
            min(count, level.sub_clusters) if d.spatial else 1 for d, count in zip(level.directives, tiles, strict=True)
        ]
        self.trips = [count // together for count, together in zip(tiles, across, strict=True)]
        names = [f"{d.variable}'" if outputs and d.variable in SLIDING else d.variable for d in level.directives]
        self.sizes = [
            level.sizes.get(name, level.sizes[d.variable]) for name, d in zip(names, level.directives, strict=True)
        ]
        found = (at for at, count in enumerate(across) if count > 1 and self.coupled[at])
        self.spatial = next(found, None)
        self.diagonal = sum(count > 1 for count in across) > 1
        if self.diagonal and outputs:
            self.spatial = None
        self.rows = 1 if self.spatial is None else across[self.spatial]
        self.short = self.spatial is not None and self.rows < level.sub_clusters
        self.step = [d.offset * together for d, together in zip(level.directives, across, strict=True)]
        self.whole = [
            min(size.tile, level.dimensions[d.variable]) for d, size in zip(level.directives, self.sizes, strict=True)
        ]
        self.over_windows = self.spatial is not None and self.directives[self.spatial].variable in SLIDING

    @property
    def tile(self) -> int:
        return self.words({})

    def words(self, narrowed: Mapping[int, int]) -> int:
        """Return the words of a tile, some of its sides narrowed."""
        return math.prod(narrowed.get(at, side) for at, side in enumerate(self.whole) if self.coupled[at])

    def steps(self) -> Iterator[Step]:
        yield Step(None, 1)
        for at, trips in enumerate(self.trips):
            yield Step(at, (trips - 1) * math.prod(self.trips[:at]))

    def restarts(self, moved: int) -> bool:
        """Say whether a loop over the tensor starts anew inside the one that moves."""
        return any(
            trips > 1 and own for trips, own in zip(self.trips[moved + 1 :], self.coupled[moved + 1 :], strict=True)
        )

    def needed(self, step: Step) -> int:
        """Return the words that a sub-cluster does not have yet, as the main model counts them."""
        if step.moved is None or self.restarts(step.moved):
            return self.tile
        if not self.coupled[step.moved]:
            return 0
        new = min(self.whole[step.moved], self.step[step.moved])
        return self.words({step.moved: new})

    def fetched(self, step: Step) -> Row:
        """Return the words that MAESTRO has L2 send to the sub-clusters of a row."""
        at, others = self.spatial, self.rows - 1
        if step.moved is None:
            return Row(self.tile, self.tile * others)
        if not self.coupled[step.moved]:
            return Row(0, 0)
        moved, new = step.moved, not self.restarts(step.moved)
        sides = {moved: self.sizes[moved].unique} if new and not self.directives[moved].spatial else {}
        first = self.words(sides)
        if at is None or not (at > moved or (at == moved and new)):
            return Row(first, first * others)
        other = self.words({**sides, at: self.sizes[at].unique})
        missed = other - self.words({**sides, at: self.sizes[at].edge_unique}) if self.short else 0
        return Row(first, other * others - missed, missed)


@dataclass(frozen=True, slots=True)
class Row:
    """Words sent to the first sub-cluster of a row, to the others, and those that a short row leaves out."""

    first: int
    others: int
    missed: int = 0


def read_causes(top: TopLevel, held: TensorCosts, wires: TensorCosts) -> dict[Cause, int]:
    """Return what MAESTRO counts beyond the main model when L2 is read, by cause."""
    found = dict.fromkeys((Cause.TURN, Cause.HALO, Cause.FIRST, Cause.ROW), 0)
    for step in top.steps():
        row, needed = top.fetched(step), top.needed(step)
        beyond = step.occurrences * (row.first - needed)
        rest = step.occurrences * (row.others + row.missed - needed * (top.rows - 1))
        if not row.first:
            found[Cause.TURN] += beyond + rest
        elif step.moved is not None and top.directives[step.moved].spatial:
            found[Cause.FIRST] += beyond
            found[Cause.HALO] += rest
        else:
            found[Cause.HALO] += beyond + rest
        found[Cause.ROW] -= step.occurrences * row.missed
    return {**found, Cause.CLUSTER: held.reads - wires.reads}


def write_causes(top: TopLevel, held: TensorCosts, wires: TensorCosts) -> dict[Cause, int]:
    """Return what MAESTRO counts beyond the main model when outputs are written to L2, by cause."""
    steps = sum(step.occurrences for step in top.steps())
    every = steps * top.tile * top.rows
    lost = steps * top.tile if top.short and not top.over_windows else 0
    return {Cause.STAY: every - held.updates, Cause.ROW: -lost, Cause.CLUSTER: held.updates - wires.updates}
