"""Random layers with mappings that cover every MAC exactly once, as the rules of directives say; the engine is not asked.

A map is legal when its offset is its size less the halo, the filter is whole at every level, and the only filter row
laid out in space goes along with the input row of one output.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from archloom.errors import Place
from archloom.interop.maestro import Cluster, Dimension, Directive, Hardware, Layer, LayerType, Map

__all__ = ["Legal", "legal_mapping"]

HERE = Place("legal.m", 1, 1)
COUPLED = {
    LayerType.CONV: "KCRSYX",
    LayerType.DSCONV: "CRSYX",
    LayerType.NGCONV: "GKCRSYX",
    LayerType.GEMM: "MNK",
}
FILTER_OF = {"Y": "R", "X": "S"}


@dataclass(frozen=True)
class Legal:
    """A layer, its machine, and what is known of it: sizes by variable (Y and X in outputs) and the strides."""

    layer: Layer
    hardware: Hardware
    sizes: dict[str, int]
    strides: dict[str, int]

    @property
    def macs(self) -> int:
        return math.prod(self.sizes.values())

    @property
    def diagonal(self) -> bool:
        """Say whether rows or columns of the filter lie in space."""
        flow = self.layer.dataflow or ()
        return any(isinstance(entry, Directive) and entry.spatial and entry.variable in "RS" for entry in flow)

    @property
    def elements(self) -> dict[str, int]:
        """Elements of input, filter and output that the layer needs; inputs that a stride skips are not needed."""

        def product(names: str, *, window: bool = False) -> int:
            return math.prod(self.extent(v) if window else self.sizes[v] for v in names if v in self.sizes)

        if self.layer.type is LayerType.GEMM:
            return {"input": product("MK"), "filter": product("KN"), "output": product("MN")}
        channels = "C" if self.layer.type is LayerType.DSCONV else "K"
        return {
            "input": product("NGCYX", window=True),
            "filter": product("GKCRS"),
            "output": product("NGYX" + channels) * (self.sizes["C"] if self.layer.type is LayerType.NGCONV else 1),
        }

    def extent(self, variable: str) -> int:
        """Inputs used along Y or X: windows that overlap share, gaps between windows do not count."""
        if variable not in FILTER_OF:
            return self.sizes[variable]
        kernel = self.sizes[FILTER_OF[variable]]
        return (self.sizes[variable] - 1) * min(self.strides.get(variable, 1), kernel) + kernel


def legal_mapping(rng: random.Random, *, largest: int = 9, strided: bool = False) -> Legal:
    """Draw a layer of up to `largest` per dimension, and a mapping of one to four levels for it."""
    kind = rng.choice([LayerType.CONV, LayerType.CONV, LayerType.DSCONV, LayerType.NGCONV, LayerType.GEMM])
    sizes = {variable: rng.randint(1, largest) for variable in COUPLED[kind]}
    if "G" in sizes:
        sizes["G"] = rng.randint(1, 3)
    for kernel in FILTER_OF.values():
        if kernel in sizes:
            sizes[kernel] = rng.randint(1, 4)
    if kind is not LayerType.GEMM and rng.random() < 0.4:
        sizes["N"] = rng.randint(1, 3)
    strides = {axis: rng.randint(1, 4) for axis in FILTER_OF if strided and axis in sizes}
    depth = rng.choice([0, 0, 1, 1, 1, 2, 2, 3])
    drawing = Drawing(rng, sizes, strides)
    dataflow, unit = drawing.dataflow(depth)
    hardware = Hardware(
        num_pes=unit * rng.randint(1, 7) + rng.randrange(unit),
        simd_lanes=rng.choice([1, 1, 2, 4]),
        noc_bandwidth=rng.choice([1, 4, 16, 2**31 - 1]),
        noc_latency=rng.choice([0, 1, 3]),
    )
    layer = Layer("L", kind, drawing.dimensions(), tuple(dataflow), HERE)
    return Legal(layer, hardware, sizes, strides)


class Drawing:
    """One random mapping; `tiles` holds what the level being drawn sees of each variable, Y and X in outputs."""

    def __init__(self, rng: random.Random, sizes: dict[str, int], strides: dict[str, int]) -> None:
        self.rng = rng
        self.sizes = sizes
        self.strides = strides
        self.tiles = {variable: size for variable, size in sizes.items() if variable not in FILTER_OF.values()}

    def dimensions(self) -> tuple[Dimension, ...]:
        """Declare the layer, Y and X sometimes by their outputs, and sometimes with inputs that no window reaches."""
        found: list[Dimension] = []
        for variable, size in self.sizes.items():
            name, stride = variable, self.strides.get(variable, 1)
            if variable in FILTER_OF:
                if self.rng.random() < 0.3:
                    name = f"{variable}'"
                else:
                    size = (size - 1) * stride + self.sizes[FILTER_OF[variable]] + self.rng.randrange(stride)
            found.append(Dimension(name, size, stride, HERE))
        self.rng.shuffle(found)
        return tuple(found)

    def dataflow(self, clusters: int) -> tuple[list[Directive | Cluster], int]:
        """Draw the levels; sometimes one of them, below the top, is a diagonal of filter and input rows (or columns)."""
        rng = self.rng
        diagonal = rng.randint(1, clusters) if clusters and "R" in self.sizes and rng.random() < 0.25 else None
        axis = rng.choice("YYX")
        found: list[Directive | Cluster] = []
        unit = 1
        for depth in range(clusters + 1):
            if depth:
                least = self.sizes[FILTER_OF[axis]] if depth == diagonal else 1
                found.append(Cluster(rng.randint(least, least + 4), HERE))
                unit *= found[-1].size
            if depth == diagonal:
                found += self.diagonal_of(axis)
            else:
                found += self.level(one=axis if depth + 1 == diagonal else None)
        return found, unit

    def level(self, *, one: str | None) -> list[Directive]:
        """Draw the maps of one level: one of them in space; of the axis `one`, the level below gets one output."""
        rng = self.rng
        mapped = [variable for variable in self.tiles if rng.random() < 0.7] or [rng.choice(list(self.tiles))]
        if one and one not in mapped:
            mapped.append(one)
        spatial = rng.choice(mapped)
        whole = [name for name in FILTER_OF.values() if name in self.sizes and rng.random() < 0.6]
        found = [Directive(Map.TEMPORAL, self.sizes[name], self.sizes[name], name, HERE) for name in whole]
        for variable in mapped:
            now = self.tiles[variable]
            size = rng.choice([1, rng.randint(1, now), rng.randint(1, now), rng.randint(1, now + 3)])
            if variable == one:
                size = 1
            kind = Map.SPATIAL if variable == spatial else Map.TEMPORAL
            found.append(self.directive(kind, variable, size, whole))
            self.tiles[variable] = min(size, now)
        rng.shuffle(found)
        return found

    def directive(self, kind: Map, variable: str, size: int, whole: list[str]) -> Directive:
        kernel = FILTER_OF.get(variable)
        if kernel is None:
            return Directive(kind, size, size, variable, HERE)
        if kernel in whole and self.rng.random() < 0.4:
            return Directive(kind, size, size, f"{variable}'", HERE)
        stride = self.strides.get(variable, 1)
        window = (size - 1) * stride + self.sizes[kernel] + self.rng.randrange(stride)
        return Directive(kind, window, size * stride, variable, HERE)

    def diagonal_of(self, axis: str) -> list[Directive]:
        """Row-stationary: filter rows and the input rows that meet them lie side by side."""
        found = [Directive(Map.SPATIAL, 1, 1, name, HERE) for name in (axis, FILTER_OF[axis])]
        other = "X" if axis == "Y" else "Y"
        if self.rng.random() < 0.5:
            size = self.rng.randint(1, self.tiles[other])
            found.append(self.directive(Map.TEMPORAL, other, size, []))
            self.tiles[other] = size
        self.rng.shuffle(found)
        return found
