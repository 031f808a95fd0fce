"""From directives to a loop nest: a layer of MAESTRO on an equivalent machine, for the main model to price."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from archloom.architecture.hierarchy import Architecture
from archloom.errors import Fault, InputError, Place
from archloom.interop.maestro.bridge_layers import SLIDING, Shape, shape_of
from archloom.interop.maestro.bridge_machine import Clusters, machine_of
from archloom.interop.maestro.hardware import Hardware
from archloom.interop.maestro.levels import Level, levels_of
from archloom.interop.maestro.mends import CORRECTED
from archloom.interop.maestro.network import Directive, Layer
from archloom.mapping.nest import LevelNest, Loop
from archloom.mapping.nest import Mapping as LoopNest
from archloom.workload.einsum import Workload

__all__ = ["to_archloom"]


def to_archloom(
    layer: Layer, hardware: Hardware, *, clusters: Clusters = Clusters.WIRES
) -> tuple[Workload, Architecture, LoopNest]:
    """Return the layer as an einsum, MAESTRO's machine as an architecture, and the directives as a mapping on it.

    The machine is DRAM, L2, the fanouts of the clusters, L1 and the MACs of a PE (its lanes): 8 bits to an element, the
    energies of MAESTRO in pJ at 0.23 pJ a MAC (none for DRAM), its bandwidths in elements per cycle. As in MAESTRO, L2
    holds whole tensors and the limits of L1 and L2 refuse nothing: `Architecture.with_level` sets sizes where they are
    to count. The loops of the outermost directives are L2's, those of a level of clusters its fanout's, and the tile of
    the innermost level is L1's.

    Raises InputError with every directive that loops cannot say: tiles that overlap, leave gaps or do not divide, a last
    row of tiles that leaves sub-clusters idle, two dimensions laid out together (other than a filter's over its input).
    """
    shape = shape_of(layer)
    if layer.dataflow is None:
        raise InputError(Fault(f"the layer {layer.name} has no Dataflow", layer.place))
    tensors = layer.type.tensors(batched=layer.declares("N"))
    levels = levels_of(layer, layer.dataflow, tensors, hardware.num_pes, CORRECTED)
    tile = whole_tile(shape)
    nests: list[tuple[list[Loop], list[Loop]]] = []
    faults: list[Fault] = []
    for level in levels:
        reader = LevelReader(shape, level, tile, layer.place)
        nests.append(reader.loops())
        faults += reader.faults
        tile = reader.inside
    lanes = None if faults else lanes_of(tile, hardware.simd_lanes)
    if not faults and lanes is None:
        held = " x ".join(f"{name} {size}" for name, size in tile.loops.items() if size > 1) or "1 MAC"
        message = f"{hardware.simd_lanes} lanes cannot share the tile of a PE evenly: {held}"
        faults.append(Fault(message, layer.place, "choose lanes that divide the tile's sizes"))
    if lanes is None:
        raise InputError(faults)
    machine = machine_of(hardware, [level.sub_clusters for level in levels], clusters)
    return shape.workload, machine, nest_of(shape.workload, machine, nests, tile, lanes, clusters)


@dataclass(frozen=True, slots=True)
class Tile:
    """What a level of clusters is given: inputs by MAESTRO's variables, and trips by the letters of the loops."""

    sizes: Mapping[str, int]
    loops: Mapping[str, int]


def whole_tile(shape: Shape) -> Tile:
    return Tile(shape.sizes, shape.workload.bounds)


@dataclass
class LevelReader:
    """The loops of one level; `inside` is the tile of a sub-cluster, `faults` what no loop can say."""

    shape: Shape
    level: Level
    outside: Tile
    place: Place
    faults: list[Fault] = field(default_factory=list[Fault])
    inside: Tile = field(init=False)

    def __post_init__(self) -> None:
        self.directives = {directive.variable: directive for directive in self.level.directives}
        self.inside = self.outside

    def loops(self) -> tuple[list[Loop], list[Loop]]:
        """Return the loops in time, outermost first, and those in space."""
        temporal: list[Loop] = []
        spatial: list[Loop] = []
        sizes, trips = dict(self.outside.sizes), dict(self.outside.loops)
        for directive in self.level.directives:
            found = self.steps(directive)
            sizes[directive.variable] = min(directive.size, self.outside.sizes.get(directive.variable, directive.size))
            if found is None:
                continue
            letter, steps, left = found
            trips[letter] = left
            if steps == 1:
                continue
            if directive.spatial:
                together = self.in_space(directive, steps)
                temporal += [Loop(letter, steps // together)] if steps > together else []
                spatial += [Loop(letter, together)] if together > 1 else []
            else:
                temporal.append(Loop(letter, steps))
        self.check_once()
        self.check_rows()
        self.inside = Tile(sizes, trips)
        return temporal, spatial

    def fault(self, directive: Directive, message: str, hint: str | None = None) -> None:
        written = f"{directive.kind.value}({directive.size},{directive.offset}) {directive.variable}"
        self.faults.append(Fault(f"{written}: {message}", directive.place or self.place, hint))

    def steps(self, directive: Directive) -> tuple[str, int, int] | None:
        """Return the loop that a directive becomes, its trips, and the trips left inside; None where another says it."""
        name = directive.variable
        letter = self.shape.letters.get(name)
        if letter is None:
            if self.shape.sizes.get(name, 1) > 1:
                self.fault(directive, f"{name} is an index of no tensor of this layer", "MAESTRO only multiplies by it")
            return None
        if name in SLIDING:
            return self.window_steps(directive, letter)
        if name in SLIDING.values():
            return self.kernel_steps(directive)
        if letter not in self.outside.loops:
            return None
        total = self.outside.loops[letter]
        if directive.size >= total:
            return letter, 1, total
        return letter, self.count(directive, total, directive.size, directive.offset), directive.size

    def count(self, directive: Directive, total: int, size: int, offset: int, what: str = "") -> int:
        """Return how many tiles of `size` there are, and fault those that overlap, leave gaps or do not divide."""
        what = what or directive.variable
        if offset != size:
            which = "overlap" if offset < size else "leave gaps"
            self.fault(directive, f"its tiles of {size} {what} move by {offset} and {which}", "loops do neither")
        elif total % size:
            self.fault(directive, f"its tiles of {size} do not divide the {total} {what}", "choose a divisor")
        return max(total // size, 1)

    def window_steps(self, directive: Directive, letter: str) -> tuple[str, int, int] | None:
        """Read a map of Y or X: it moves over outputs, by as many as its window makes."""
        axis, kernel = directive.variable, SLIDING[directive.variable]
        total, step = self.outside.loops[letter], self.shape.steps[axis]
        taps = self.directives[kernel]
        if self.slides_with(taps, directive):
            return None
        window, taps_size = self.outside.sizes[axis], min(taps.size, self.outside.sizes[kernel])
        if directive.size >= window:
            return letter, 1, total
        if directive.size < taps_size:
            hint = f"a tile of {axis} is at least as wide as its tile of {kernel}"
            self.fault(directive, f"no output: its {kernel} is {taps_size} wide", hint)
            return None
        size = (directive.size - taps_size) // step + 1
        if directive.offset % step:
            hint = f"choose an offset of {size * step}"
            self.fault(directive, f"its offset is no multiple of the {step} inputs between two outputs", hint)
            return None
        return letter, self.count(directive, total, size, directive.offset // step, f"{axis}' (outputs)"), size

    def kernel_steps(self, directive: Directive) -> tuple[str, int, int]:
        """Read a map of R or S: whole, or laid out in space together with the window that it slides over."""
        name, total = directive.variable, self.outside.sizes[directive.variable]
        if directive.size >= total:
            return name, 1, total
        axis = next(axis for axis, kernel in SLIDING.items() if kernel == name)
        window = self.directives[axis]
        steps = self.count(directive, total, directive.size, directive.offset)
        if not self.slides_with(directive, window):
            message = f"{name} is cut into {steps} and {axis} does not move with it"
            hint = f"lay out both in space with the same offset, or map {name} whole"
            self.fault(directive, message, hint)
        return name, steps, directive.size

    def slides_with(self, taps: Directive, window: Directive) -> bool:
        """Say whether a filter's map is laid out diagonally over its input: each sub-cluster has the same outputs."""
        total, width = self.outside.sizes[taps.variable], self.outside.sizes[window.variable]
        both = taps.spatial and window.spatial and taps.offset == window.offset
        return both and taps.size < total and width - window.size == total - taps.size

    def in_space(self, directive: Directive, steps: int) -> int:
        """Return how many of the steps are taken at once."""
        count = self.level.sub_clusters
        if steps > count and steps % count:
            idle = count - steps % count
            message = f"its {steps} tiles on {count} sub-clusters leave {idle} of them idle in the last row"
            self.fault(directive, message, "loops fill every row: choose PEs or tiles that divide")
        return min(steps, count)

    def check_rows(self) -> None:
        """Fault dimensions that are laid out in space together: MAESTRO gives sub-cluster 5 the fifth tile of both."""
        spatial = [directive for directive in self.level.directives if directive.spatial]
        moving = [d for d in spatial if d.size < self.outside.sizes.get(d.variable, 1)]
        if len(moving) == 2:
            taps, window = sorted(moving, key=lambda directive: directive.variable in SLIDING)
            if SLIDING.get(window.variable) != taps.variable or not self.slides_with(taps, window):
                message = (
                    f"laid out in space together with {moving[0].variable}: a sub-cluster has the same step of both"
                )
                self.fault(moving[1], message, "loops cross: put a Cluster between the two")
            elif taps.size + taps.offset * (self.level.sub_clusters - 1) < self.outside.sizes[taps.variable]:
                message = f"its tiles need more than the {self.level.sub_clusters} sub-clusters of this level"
                self.fault(taps, message, f"{taps.variable} and {window.variable} move together in space only")
        elif moving and moving[0] is not spatial[0]:
            message = f"laid out after the single tile of {spatial[0].variable}: MAESTRO has one sub-cluster at work"
            self.fault(moving[0], message, f"write {moving[0].variable} first")

    def check_once(self) -> None:
        seen: set[str] = set()
        for directive in self.level.directives:
            if directive.variable in seen:
                self.fault(directive, f"{directive.variable} is mapped twice at this level", "keep one of the two")
            seen.add(directive.variable)


def lanes_of(tile: Tile, lanes: int) -> dict[str, int] | None:
    """Return the trips of each loop of a PE's tile that its lanes take at once; None where they do not divide.

    MAESTRO rounds the steps of a PE up: lanes may be idle, but not in the last step alone.
    """
    macs = math.prod(tile.loops.values())
    steps = -(-macs // lanes)
    if macs % steps:
        return None
    left, found = macs // steps, dict[str, int]()
    for name, size in tile.loops.items():
        found[name] = math.gcd(size, left)
        left //= found[name]
    return found


def nest_of(
    workload: Workload,
    machine: Architecture,
    nests: Sequence[tuple[list[Loop], list[Loop]]],
    tile: Tile,
    lanes: Mapping[str, int],
    clusters: Clusters,
) -> LoopNest:
    everything = frozenset(tensor.name for tensor in workload.tensors)
    names = iter(reversed(machine.names))
    levels = [LevelNest(next(names), keep=everything)]
    for depth, (temporal, spatial) in enumerate(nests):
        keep = everything if depth == 0 or clusters is Clusters.BUFFERS else frozenset[str]()
        levels.append(LevelNest(next(names), tuple(temporal), tuple(spatial), keep=keep))
    levels.append(LevelNest(next(names), tuple(serial(tile, lanes)), tuple(parallel(lanes)), keep=everything))
    return LoopNest(tuple(reversed(levels)))


def serial(tile: Tile, lanes: Mapping[str, int]) -> Iterator[Loop]:
    for name, size in tile.loops.items():
        if size > lanes[name]:
            yield Loop(name, size // lanes[name])


def parallel(lanes: Mapping[str, int]) -> Iterator[Loop]:
    return (Loop(name, trip) for name, trip in lanes.items() if trip > 1)
