"""The traffic of one mapping in both models, and every difference between them by its cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archloom.interop.maestro.bridge_causes import Cause, TopLevel, read_causes, write_causes
from archloom.interop.maestro.bridge_in import to_archloom
from archloom.interop.maestro.bridge_machine import Clusters
from archloom.interop.maestro.engines import price_network
from archloom.interop.maestro.hardware import Hardware
from archloom.interop.maestro.levels import levels_of
from archloom.interop.maestro.network import Layer, LayerType, Network
from archloom.model.evaluate import evaluate

__all__ = ["Traffic", "compare_traffic"]

TENSORS = {"input": "Inputs", "filter": "Weights", "output": "Outputs"}
KEYS = {"L2 reads": "l2_buffer_read", "L2 writes": "l2_buffer_write", "L1 writes": "l1_buffer_write"}
"""The accesses that are compared, and MAESTRO's names for them."""

Causes = dict[Cause, int]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Words of one tensor through one port, all instances together; `causes` add up to `compatible` - `main`."""

    tensor: str
    access: str
    compatible: int
    corrected: int
    main: int
    causes: Mapping[Cause, int]


def compare_traffic(layer: Layer, hardware: Hardware) -> list[Traffic]:
    """Return the reads and writes of L2 and the writes of L1, tensor by tensor, in both engines and the main model.

    Raises InputError where the layer's directives cannot be said as loops, as `to_archloom`.
    """
    network = Network(layer.name, (layer,))
    compatible, corrected = (price_network(network, hardware, engine=e)[0] for e in ("compatible", "corrected"))
    main = main_traffic(layer, hardware)
    found: list[Traffic] = []
    for name, ours in TENSORS.items():
        for access, key in KEYS.items():
            theirs, mended = compatible["tensors"][name][key], corrected["tensors"][name][key]
            words, causes = main[name, access]
            rest = theirs - words - sum(causes.values())
            known = {**causes, other_cause(layer, name, access): rest}
            found.append(Traffic(ours, access, theirs, mended, words, {c: n for c, n in known.items() if n}))
    return found


def main_traffic(layer: Layer, hardware: Hardware) -> dict[tuple[str, str], tuple[int, Causes]]:
    """Return the main model's words by tensor and access, and what MAESTRO counts beyond them."""
    wires = evaluate(*to_archloom(layer, hardware))
    buffers = evaluate(*to_archloom(layer, hardware, clusters=Clusters.BUFFERS))
    tensors = layer.type.tensors(batched=layer.declares("N"))
    level = levels_of(layer, layer.dataflow or (), tensors, hardware.num_pes)[0]
    pes = wires.level("L1").instances_used
    found: dict[tuple[str, str], tuple[int, Causes]] = {}
    for name, ours in TENSORS.items():
        l2, held, l1 = (
            wires.level("L2").tensors[ours],
            buffers.level("L2").tensors[ours],
            wires.level("L1").tensors[ours],
        )
        filled = l1.fills * pes
        if name == "output":
            summed = "C" if layer.type is LayerType.NGCONV else ""
            top = TopLevel(level, tuple(v for v in tensors.output if v != summed), outputs=True)
            found[name, "L2 reads"] = l2.reads, {Cause.SUMS: -l2.reads}
            found[name, "L2 writes"] = l2.updates, write_causes(top, held, l2)
            found[name, "L1 writes"] = l1.updates * pes + filled, {Cause.SUMS: -filled}
        else:
            causes = read_causes(TopLevel(level, getattr(tensors, name), outputs=False), held, l2)
            found[name, "L2 reads"] = l2.reads, causes
            found[name, "L2 writes"] = l2.fills, {}
            found[name, "L1 writes"] = filled, {**causes, Cause.MULTICAST: l2.reads - filled}
    return found


def other_cause(layer: Layer, tensor: str, access: str) -> Cause:
    """Return the cause of what the others do not account for."""
    if tensor != "output":
        return Cause.EDGE
    if access == "L2 reads":
        return Cause.READOUT
    return Cause.CHANNELS if layer.type is LayerType.NGCONV else Cause.MEET
