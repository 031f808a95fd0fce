"""A mapping walked step by step and element by element: what directives mean, without the engine and its formulas."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import numpy as np
from tests.interop.maestro.legal_mappings import COUPLED, FILTER_OF, Legal

from archloom.interop.maestro import Cluster, LayerType, Map

__all__ = ["Walked", "walk"]

Box = dict[str, tuple[int, int]]
"""The interval that each variable covers, its end excluded; Y and X are inputs that some window uses."""


@dataclass(frozen=True)
class Loop:
    """One directive with its sizes in used inputs."""

    spatial: bool
    size: int
    offset: int
    variable: str


@dataclass
class Walked:
    """What was counted: how often each MAC was made, cycles, PEs at work in a step, and elements that moved.

    A sub-cluster keeps what its tile has in common with the tile of the step before if it slid forward along one
    variable; what several fetch in one step leaves L2 once. Sums leave for L2 when their tile changes. `resumed` says
    that a sub-cluster idled while it had a tile. A step takes as long as the slowest of computing, fetching and sending;
    only the first of a level fetches before it computes.
    """

    macs: np.ndarray
    cycles: int = 0
    active: float = 0.0
    l2_reads: dict[str, int] = field(default_factory=lambda: {"input": 0, "filter": 0})
    l1_writes: dict[str, int] = field(default_factory=lambda: {"input": 0, "filter": 0})
    l2_writes_of_sums: int = 0
    resumed: bool = False


def walk(legal: Legal) -> Walked:
    """Walk a mapping with all its levels."""
    walker = Walker(legal)
    box: Box = {variable: (0, legal.extent(variable)) for variable in legal.sizes}
    walker.found.cycles, walker.found.active = walker.run(0, box, ())
    return walker.found


class Walker:
    def __init__(self, legal: Legal) -> None:
        self.legal = legal
        self.lanes = legal.hardware.simd_lanes
        self.names = list(legal.sizes)
        self.found = Walked(np.zeros([legal.sizes[name] for name in self.names], int))
        clusters = [entry.size for entry in legal.layer.dataflow or () if isinstance(entry, Cluster)]
        self.counts = [legal.hardware.num_pes // math.prod(clusters), *clusters]
        self.levels = self.expanded()
        self.tensors = self.tensor_variables()
        self.l1: dict[tuple[int, ...], dict[str, Box]] = {}

    def tensor_variables(self) -> dict[str, str]:
        kind = self.legal.layer.type
        if kind is LayerType.GEMM:
            return {"input": "MK", "filter": "KN", "output": "MN"}
        group = "G" if "G" in COUPLED[kind] else ""
        channels = "C" if kind is LayerType.DSCONV else "KC" if group else "K"
        filters = "CRS" if kind is LayerType.DSCONV else "KCRS"
        known = {"input": "N" + group + "CYX", "filter": group + filters, "output": "N" + group + channels + "YX"}
        return {name: "".join(v for v in all_of if v in self.legal.sizes) for name, all_of in known.items()}

    def expanded(self) -> list[list[Loop]]:
        """Give every level the loops of the level above, inverted and in front, that it does not map itself."""
        groups: list[list[Loop]] = [[]]
        for entry in self.legal.layer.dataflow or ():
            if isinstance(entry, Cluster):
                groups.append([])
                continue
            variable, size, offset = entry.variable, entry.size, entry.offset
            axis = variable.rstrip("'")
            if axis in FILTER_OF:
                kernel, stride = self.legal.sizes[FILTER_OF[axis]], self.legal.strides.get(axis, 1)
                outputs = size if variable != axis else (size - kernel) // stride + 1
                if outputs > 0:
                    step = min(stride, kernel)
                    size, offset = (outputs - 1) * step + kernel, outputs * step
            groups[-1].append(Loop(entry.kind is Map.SPATIAL, size, offset, axis))
        for above, group in itertools.pairwise(groups):
            written = {loop.variable for loop in group}
            for loop in above:
                if loop.variable not in written:
                    group.insert(0, Loop(False, loop.size, loop.offset, loop.variable))
        return groups

    def run(self, depth: int, box: Box, path: tuple[int, ...]) -> tuple[int, float]:
        """Walk one sub-cluster's work; return its cycles and how many of its PEs are at work in a step."""
        loops, count = self.levels[depth], self.counts[depth]
        tiles = [tiles_of(loop, *box[loop.variable]) for loop in loops]
        ranges = [range(-(-len(t) // count) if loop.spatial else len(t)) for loop, t in zip(loops, tiles, strict=True)]
        cycles, active, steps = 0, 0.0, 0
        before: list[Box | None] = [None] * count
        for step in itertools.product(*ranges):
            boxes: list[Box | None] = []
            for place in range(count):
                inner: Box | None = dict(box)
                for loop, own, at in zip(loops, tiles, step, strict=True):
                    index = at * count + place if loop.spatial else at
                    if inner is not None:
                        inner = {**inner, loop.variable: own[index]} if index < len(own) else None
                boxes.append(inner)
            read, written = self.moved(before, boxes)
            if depth == 0:
                for name, elements_read in read.items():
                    self.found.l2_reads[name] += elements_read
                self.found.l2_writes_of_sums += written
            results = [self.work(depth, inner, (*path, p)) for p, inner in enumerate(boxes) if inner is not None]
            busy = max(result[0] for result in results)
            taken, sent = self.delay(sum(read.values())), self.delay(written)
            cycles += max(busy, taken, sent) if steps else busy + taken
            active += sum(result[1] for result in results)
            steps += 1
            self.found.resumed |= any(old and not now for old, now in zip(before, boxes, strict=True))
            # An idle sub-cluster keeps what it has.
            before = [now or old for now, old in zip(boxes, before, strict=True)]
        return cycles, active / steps

    def work(self, depth: int, box: Box, path: tuple[int, ...]) -> tuple[int, float]:
        if depth + 1 < len(self.levels):
            return self.run(depth + 1, box, path)
        outputs = {variable: self.outputs(box, variable) for variable in self.names}
        region = tuple(slice(*outputs[variable]) for variable in self.names)
        self.found.macs[region] += 1
        macs = math.prod(stop - start for start, stop in outputs.values())
        held = self.l1.setdefault(path, {})
        for name in ("input", "filter"):
            now = {variable: box[variable] for variable in self.tensors[name]}
            self.found.l1_writes[name] += volume(now) - common(now, held.get(name))
            held[name] = now
        return -(-macs // self.lanes), 1.0

    def outputs(self, box: Box, variable: str) -> tuple[int, int]:
        """Return the outputs along Y and X whose windows lie inside: R and S may be parts of the filter."""
        if variable not in FILTER_OF:
            return box[variable]
        step = min(self.legal.strides.get(variable, 1), self.legal.sizes[FILTER_OF[variable]])
        (start, stop), (first, last) = box[variable], box[FILTER_OF[variable]]
        return -(-(start - first) // step), (stop - last) // step + 1

    def moved(self, before: list[Box | None], boxes: list[Box | None]) -> tuple[dict[str, int], int]:
        """Return what sub-clusters fetch for this step, and the sums that they send by its end."""
        read: dict[str, int] = {}
        for name in ("input", "filter"):
            new: set[tuple[int, ...]] = set()
            for old, now in zip(before, boxes, strict=True):
                if now is not None:
                    new |= elements(now, self.tensors[name]) - kept(old, now, self.tensors[name])
            read[name] = len(new)
        tiles = [{v: self.outputs(box, v) for v in self.tensors["output"]} if box else None for box in boxes]
        past = [{v: self.outputs(box, v) for v in self.tensors["output"]} if box else None for box in before]
        if all(tile is None or tile == old for tile, old in zip(tiles, past, strict=True)):
            return read, 0
        return read, len(set().union(*(elements(tile, self.tensors["output"]) for tile in tiles if tile)))

    def delay(self, count: int) -> int:
        machine = self.legal.hardware
        return machine.noc_latency + -(-count // machine.noc_bandwidth) - 1 if count else 0


def tiles_of(loop: Loop, start: int, stop: int) -> list[tuple[int, int]]:
    count = max(-(-(stop - start - loop.size) // loop.offset), 0) + 1
    return [(at, min(at + loop.size, stop)) for at in range(start, start + count * loop.offset, loop.offset)]


def volume(box: Box) -> int:
    return math.prod(stop - start for start, stop in box.values())


def slid(old: Box | None, now: Box, variables: str) -> bool:
    if old is None:
        return False
    moved = [v for v in variables if old[v] != now[v]]
    return len(moved) <= 1 and all(old[v][0] <= now[v][0] for v in moved)


def kept(old: Box | None, now: Box, variables: str) -> set[tuple[int, ...]]:
    return elements(old, variables) if old is not None and slid(old, now, variables) else set()


def common(a: Box, b: Box | None) -> int:
    if b is None or not slid(b, a, "".join(a)):
        return 0
    return math.prod(max(min(a[v][1], b[v][1]) - max(a[v][0], b[v][0]), 0) for v in a)


def elements(box: Box, variables: str) -> set[tuple[int, ...]]:
    return set(itertools.product(*(range(*box[variable]) for variable in variables)))
