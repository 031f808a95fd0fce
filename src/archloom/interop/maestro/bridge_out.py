"""From a loop nest to directives: a mapping of a two-level machine as MAESTRO's mapping and hardware files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from archloom.architecture.hierarchy import Architecture, Memory
from archloom.errors import InputError
from archloom.interop.maestro.bridge_einsum import LayerShape, layer_of
from archloom.interop.maestro.bridge_layers import SLIDING
from archloom.interop.maestro.bridge_levels import Step, buffer_of, levels_of_a_pe, steps_of
from archloom.interop.maestro.network import LayerType
from archloom.interop.maestro.parse import LARGEST
from archloom.mapping.nest import Mapping
from archloom.workload.einsum import Workload

__all__ = ["to_maestro"]


def to_maestro(workload: Workload, architecture: Architecture, mapping: Mapping) -> tuple[str, str]:
    """Return a mapping file and a hardware file that say what a mapping does on a machine of two levels.

    Two levels are a buffer that holds every tensor and, below one fanout or several, a PE with memories of its own; a
    backing store may stand outside. Loops of the fanouts become SpatialMaps, with a Cluster between two of them; the
    loops of a PE become the tile of the innermost level, for which their order counts nothing. Bandwidths are those of the
    slowest port, and the latency that of the slowest fanout; energies and areas cannot be said.

    Raises InputError with everything that directives cannot say.
    """
    mapping.check(workload, architecture)
    layer = layer_of(workload)
    steps = steps_of(workload, architecture, mapping, layer)
    lines = list(directives_of(layer, steps))
    name = re.sub(r"\W", "_", workload.name) or "layer"
    sizes = [f"{shown}: {size}" for shown, size in dimensions_of(layer)]
    strides = [f"{axis}: {stride}" for axis, stride in layer.strides.items() if stride > 1]
    parts = [f"Type: {layer.type.value}"]
    parts += [f"Stride {{ {', '.join(strides)} }}"] if strides else []
    parts += [f"Dimensions {{ {', '.join(sizes)} }}", "Dataflow {", *(f"  {line};" for line in lines), "}"]
    body = "\n".join(f"    {part}" for part in parts)
    text = f"Network {name} {{\n  Layer {name} {{\n{body}\n  }}\n}}\n"
    return text, hardware_text(architecture, mapping)


def dimensions_of(layer: LayerShape) -> Iterator[tuple[str, int]]:
    """Yield the dimensions as MAESTRO declares them: inputs, and a batch only where there is one."""
    for name, trips in layer.sizes.items():
        size = layer.window(name, trips, layer.sizes[SLIDING[name]]) if name in SLIDING else trips
        if size > LARGEST:
            raise InputError(f"{name} is {size}, which MAESTRO's 32 bits cannot hold", hint=f"at most {LARGEST}")
        if name != "N" or size > 1 or layer.type is LayerType.GEMM:
            yield name, size


def directives_of(layer: LayerShape, steps: Sequence[Step]) -> Iterator[str]:
    """Yield the directives, outermost level first."""
    tile = dict(layer.sizes)
    for depth, step in enumerate(steps):
        if depth:
            yield f"Cluster({step.count}, P)"
        spatial = step.spatial or step.idle
        for name, trip in step.temporal:
            tile[name] //= trip
        if step.spatial:
            tile[step.spatial] //= step.across
        if step.trips(spatial) == 1:
            yield from rows(layer, tile, spatial, moving=step.spatial is not None)
        for name, _ in step.temporal:
            yield written("SpatialMap" if name == spatial else "TemporalMap", layer, tile, name)
        for axis, kernel in SLIDING.items():
            if depth == 0 and kernel in tile and kernel != spatial:
                yield f"TemporalMap(Sz({kernel}),Sz({kernel})) {kernel}"
            elif depth and widens_again(layer, axis) and axis not in (spatial, *dict(step.temporal)):
                yield written("TemporalMap", layer, tile, axis)


def widens_again(layer: LayerShape, axis: str) -> bool:
    """Say whether MAESTRO takes the outputs of an inherited map for inputs, and divides them by the stride once more."""
    return layer.strides[axis] > layer.sizes.get(SLIDING[axis], 1)


def rows(layer: LayerShape, tile: dict[str, int], name: str, *, moving: bool) -> Iterator[str]:
    """Yield the SpatialMap of a variable; a filter's that moves brings with it the input that it slides over."""
    for axis, kernel in SLIDING.items():
        if moving and name == kernel:
            taps = tile[kernel]
            yield f"SpatialMap({layer.window(axis, tile[axis], taps)},{taps}) {axis}"
    yield written("SpatialMap", layer, tile, name)


def written(kind: str, layer: LayerShape, tile: dict[str, int], name: str) -> str:
    size = offset = tile[name]
    if name in SLIDING:
        size, offset = layer.window(name, size, tile[SLIDING[name]]), size * layer.strides[name]
    return f"{kind}({size},{offset}) {name}"


def hardware_text(architecture: Architecture, mapping: Mapping) -> str:
    """Return the hardware file: PEs, sizes, bandwidths in elements per cycle, and the latency of the network."""
    split = levels_of_a_pe(architecture, mapping)
    fans = [level for level in architecture.levels[split:] if level.fanout.total > 1]
    l2 = architecture.levels[buffer_of(architecture, mapping)]
    given: dict[str, float | None] = {
        "num_pes": architecture.instances[0],
        "l1_size_cstr": sum(elements(level) for level in architecture.levels[:split]),
        "l2_size_cstr": elements(l2),
        "noc_bw_cstr": bandwidth(l2),
        "offchip_bw_cstr": bandwidth(architecture.levels[-1]) if l2 is not architecture.levels[-1] else None,
        "NoC_NumHops": max((level.fanout.fill_latency for level in fans), default=0),
    }
    kept = {key: value for key, value in given.items() if value is not None and value < LARGEST}
    return "".join(f"{key}: {int(value)}\n" for key, value in kept.items())


def elements(level: Memory) -> float:
    return level.size_bits / level.word_bits


def bandwidth(level: Memory) -> float | None:
    """Return the elements per cycle of the slowest port, or None without a limit. Raises InputError unless it is whole."""
    ports = [level.read_bandwidth, level.write_bandwidth, level.shared_bandwidth]
    slowest = min((port for port in ports if port is not None), default=None)
    if slowest is not None and slowest != int(slowest):
        raise InputError(f"{level.name} moves {slowest:g} words per cycle; MAESTRO's files have whole numbers only")
    return slowest
