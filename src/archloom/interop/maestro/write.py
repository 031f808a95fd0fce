"""Networks and machines written as MAESTRO's files, which MAESTRO reads too."""

from __future__ import annotations

from collections.abc import Sequence

from archloom.interop.maestro.hardware import Hardware
from archloom.interop.maestro.network import Cluster, Layer, Network

__all__ = ["hardware_text", "mapping_text"]


def mapping_text(network: Network, *, remarks: Sequence[str] = ()) -> str:
    """A network as a mapping file; `remarks`, one for each layer where given, become comments above them."""
    parts = [f"Network {network.name or 'network'} {{"]
    for at, layer in enumerate(network.layers):
        parts += [f"  // {remarks[at]}"] if remarks and remarks[at] else []
        parts += [f"  {line}" for line in layer_lines(layer)]
    return "\n".join([*parts, "}"]) + "\n"


def layer_lines(layer: Layer) -> list[str]:
    lines = [f"Layer {layer.name} {{", f"  Type: {layer.type.name}"]
    strides = {dimension.name: dimension.stride for dimension in layer.dimensions if dimension.stride != 1}
    if strides:
        lines.append(f"  Stride {{ {listed(strides)} }}")
    lines.append(f"  Dimensions {{ {listed({d.name: d.size for d in layer.dimensions})} }}")
    if layer.dataflow is not None:
        lines.append("  Dataflow {")
        for entry in layer.dataflow:
            if isinstance(entry, Cluster):
                lines.append(f"    Cluster({entry.size}, P);")
            else:
                lines.append(f"    {entry.kind.value}({entry.size},{entry.offset}) {entry.variable};")
        lines.append("  }")
    return [*lines, "}"]


def listed(sizes: dict[str, int]) -> str:
    return ", ".join(f"{name}: {size}" for name, size in sizes.items())


def hardware_text(hardware: Hardware) -> str:
    """A machine as a hardware file. The lanes of a PE have no word there, and are left out."""
    values = {
        "num_pes": hardware.num_pes,
        "l1_size_cstr": hardware.l1_size,
        "l2_size_cstr": hardware.l2_size,
        "noc_bw_cstr": hardware.noc_bandwidth,
        "offchip_bw_cstr": hardware.offchip_bandwidth,
        "NoC_NumHops": hardware.noc_latency,
    }
    return "".join(f"{name}: {value}\n" for name, value in values.items())
