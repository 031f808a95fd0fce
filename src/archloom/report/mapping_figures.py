"""What a mapped network means: who spends the energy on what, what goes over the outermost memory, which layers cost most."""

from __future__ import annotations

import math
from dataclasses import dataclass

from archloom.report.figures import EnergyTable, energy_table, port_loads
from archloom.search.network_mapping import LayerMapping, NetworkMapping

__all__ = [
    "NetworkRoof",
    "NetworkRoofline",
    "Traffic",
    "costliest",
    "network_energy",
    "network_roofline",
    "outer_traffic",
]

ROLES = {"weight": "weights", "input": "inputs", "output": "outputs"}


def network_energy(mapping: NetworkMapping) -> EnergyTable:
    """Energy in pJ of all executions: rows are the levels, outer to inner, then the compute units; columns the roles of tensors."""
    columns = [*ROLES.values(), "MACs", "leakage"]
    rows: dict[str, list[float]] = {}
    for layer in mapping.layers:
        roles = {tensor.name: ROLES[tensor.role] for tensor in layer.workload.tensors}
        table = energy_table(layer.evaluation)
        for name, row in table.rows.items():
            sums = rows.setdefault(name, [0.0] * len(columns))
            for column, value in zip(table.columns, row, strict=True):
                sums[columns.index(roles.get(column, column))] += layer.count * value
    if not any(row[-1] for row in rows.values()):
        return EnergyTable(tuple(columns[:-1]), {name: tuple(row[:-1]) for name, row in rows.items()})
    return EnergyTable(tuple(columns), {name: tuple(row) for name, row in rows.items()})


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bits between the backing store and the machine, of all tensors of one role; `least_bits`: every word moved once."""

    role: str
    read_bits: float
    write_bits: float
    least_bits: float

    @property
    def bits(self) -> float:
        """Both ways."""
        return self.read_bits + self.write_bits

    @property
    def times(self) -> float:
        """How often each word is moved; NaN where there are none."""
        return self.bits / self.least_bits if self.least_bits else math.nan


def outer_traffic(mapping: NetworkMapping) -> tuple[Traffic, ...]:
    """What the backing store reads and writes, by role of the tensors."""
    memory = mapping.architecture.levels[-1]
    least = dict.fromkeys(ROLES, 0.0)
    for layer in mapping.layers:
        for tensor in layer.workload.tensors:
            least[tensor.role] += layer.count * layer.workload.words(tensor) * memory.tensor_bits(tensor)
    moved = mapping.outer_traffic_bits
    return tuple(
        Traffic(plural, moved[role]["read"], moved[role]["write"], least[role]) for role, plural in ROLES.items()
    )


def costliest(mapping: NetworkMapping) -> tuple[LayerMapping, ...]:
    """The layers by how much of the network's cost is theirs: the larger of their shares of all cycles and of all energy."""

    def share(layer: LayerMapping) -> float:
        energy = layer.energy_pj / mapping.energy_pj if mapping.energy_pj else 0.0
        return max(layer.cycles / mapping.cycles, energy)

    return tuple(sorted(mapping.layers, key=share, reverse=True))


@dataclass(frozen=True, slots=True)
class NetworkRoof:
    """The busiest port of a level over the whole network: `words` moved, and the MACs per cycle that this allows at most."""

    level: str
    port: str
    words: float
    macs_per_word: float
    ceiling: float


@dataclass(frozen=True, slots=True)
class NetworkRoofline:
    """Where a machine stands with a network, in MACs per cycle; `roofs` outer to inner, of the ports with a bandwidth."""

    peak: int
    achieved: float
    roofs: tuple[NetworkRoof, ...]


def network_roofline(mapping: NetworkMapping) -> NetworkRoofline:
    """The roofs of the machine over the network: all words of all layers through each port, at its bandwidth."""
    words: dict[tuple[str, str], float] = {}
    rates: dict[tuple[str, str], float] = {}
    for layer in mapping.layers:
        for level in layer.evaluation.levels:
            for load in port_loads(layer.evaluation, level.name):
                if math.isfinite(load.bandwidth):
                    key = level.name, load.port.value
                    words[key] = words.get(key, 0.0) + layer.count * load.words * level.instances_used
                    rates[key] = load.bandwidth * level.instances
    peak = mapping.architecture.compute_instances
    roofs = tuple(
        NetworkRoof(level, port, moved, mapping.macs / moved, min(peak, mapping.macs / moved * rates[level, port]))
        for (level, port), moved in words.items()
        if moved
    )
    return NetworkRoofline(peak, mapping.macs / mapping.cycles, roofs)
