"""Every layer of a mapped network in pieces: its energy by level and tensor, and how busy each part of the machine is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from archloom.architecture.hierarchy import Architecture
from archloom.report.figures import Port, energy_table, port_loads
from archloom.search.network_mapping import LayerMapping, NetworkMapping

__all__ = ["Busy", "Piece", "busy_ports", "energy_pieces", "limited_levels", "ports_text"]

MACS, LEAKAGE = "MACs", "leakage"


@dataclass(frozen=True, slots=True)
class Piece:
    """Energy of one execution of a layer that one `level` (or the compute units) spends on one thing.

    `role`: the role of the tensor, `MACs` or `leakage`; `what`: the tensor's name, or the same.
    """

    level: str
    role: str
    what: str
    energy_pj: float


def energy_pieces(layer: LayerMapping) -> Iterator[Piece]:
    """Where the energy of a layer goes, outer to inner; within a level weights, inputs, outputs, leakage; nothing that is 0."""
    roles = {tensor.name: tensor.role for tensor in layer.workload.tensors}
    order = ["weight", "input", "output", MACS, LEAKAGE]
    table = energy_table(layer.evaluation)
    for level, row in table.rows.items():
        pieces = [Piece(level, roles.get(what, what), what, pj) for what, pj in zip(table.columns, row, strict=True)]
        yield from sorted((piece for piece in pieces if piece.energy_pj), key=lambda piece: order.index(piece.role))


@dataclass(frozen=True, slots=True)
class Busy:
    """A port of a level with a bandwidth, and the share of a layer's latency that it is busy: 1 where it is the bound."""

    level: str
    port: Port
    share: float


def busy_ports(layer: LayerMapping) -> tuple[Busy, ...]:
    """How busy every port with a bandwidth is, outer to inner."""
    cost = layer.evaluation
    return tuple(
        Busy(level.name, load.port, load.slowdown * cost.compute.cycles / cost.cycles)
        for level in cost.levels
        for load in port_loads(cost, level.name)
        if math.isfinite(load.bandwidth)
    )


def limited_levels(mapping: NetworkMapping) -> tuple[str, ...]:
    """The levels with a bandwidth, outer to inner."""
    return tuple(
        level.name for level in reversed(mapping.architecture.levels) if ports_text(mapping.architecture, level.name)
    )


def ports_text(architecture: Architecture, level: str) -> str:
    """The bandwidths of a level in words per cycle and instance: `16 read, 8 write`; empty where it has none."""
    memory = architecture.level(level)
    limits = ((memory.read_bandwidth, "read"), (memory.write_bandwidth, "write"), (memory.shared_bandwidth, "shared"))
    return ", ".join(f"{limit:.4g} {port}" for limit, port in limits if limit is not None and math.isfinite(limit))
