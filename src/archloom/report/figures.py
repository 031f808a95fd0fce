"""What an evaluation means: load of every port, reuse of every tile, position under the roofline, shares of the energy."""

from __future__ import annotations

import math
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass
from enum import Enum

from archloom.architecture.hierarchy import Memory
from archloom.model.result import Evaluation, LevelCosts, TensorCosts
from archloom.workload.einsum import Tensor

__all__ = [
    "EnergyTable",
    "Port",
    "PortLoad",
    "Reuse",
    "Roof",
    "Roofline",
    "energy_table",
    "port_loads",
    "reuse",
    "roofline",
]


class Port(Enum):
    """What a bandwidth of a memory limits: its reads, its writes (fills and updates), or both together."""

    READ = "read"
    WRITE = "write"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class PortLoad:
    """What one port of one instance is asked to do: `words` over the whole run, `demand` in words per compute cycle.

    `bandwidth` is its limit in words per cycle, infinite where the file gives none.
    """

    port: Port
    words: int
    demand: float
    bandwidth: float

    @property
    def slowdown(self) -> float:
        """Demand over bandwidth: above 1 this port stretches the latency."""
        return self.demand / self.bandwidth


def port_loads(evaluation: Evaluation, level: str) -> tuple[PortLoad, ...]:
    """The load of every port of the memory called `level` that has a bandwidth; of its shared port where none has one."""
    costs, memory = evaluation.level(level), evaluation.architecture.level(level)
    reads = sum(tensor.reads for tensor in costs.tensors.values())
    writes = sum(tensor.fills + tensor.updates for tensor in costs.tensors.values())
    words = {Port.READ: reads, Port.WRITE: writes, Port.SHARED: reads + writes}
    cycles = evaluation.compute.cycles
    loads = [PortLoad(port, words[port], words[port] / cycles, _bandwidth(memory, port)) for port in Port]
    limited = [load for load in loads if math.isfinite(load.bandwidth)]
    return tuple(limited or loads[-1:])


def _bandwidth(memory: Memory, port: Port) -> float:
    limits = {
        Port.READ: memory.read_bandwidth,
        Port.WRITE: memory.write_bandwidth,
        Port.SHARED: memory.shared_bandwidth,
    }
    limit = limits[port]
    return math.inf if limit is None else limit


@dataclass(frozen=True, slots=True)
class Reuse:
    """How well one level serves one tensor.

    `uses_per_word`: how often a word is used between entering this level and leaving it (reads per fill of an input,
    updates per word sent out of an output); at the backing store, how often each word of the tensor is read or written.
    `macs_per_access`: MACs for each word read, filled or updated here, over all instances.
    """

    uses_per_word: float
    macs_per_access: float


def reuse(evaluation: Evaluation, level: str, tensor: str) -> Reuse:
    """The reuse of `tensor` at `level`; NaN or infinite where nothing moves."""
    costs, held = evaluation.level(level), evaluation.level(level).tensors[tensor]
    accesses = (held.reads + held.fills + held.updates) * costs.instances_used
    what = evaluation.workload.tensor(tensor)
    uses = held.updates if what.is_output else held.reads
    return Reuse(_ratio(uses, _words_in(evaluation, costs, held, what)), _ratio(evaluation.macs, accesses))


def _words_in(evaluation: Evaluation, costs: LevelCosts, held: TensorCosts, tensor: Tensor) -> float:
    """Words that enter one instance (an input), or that it sends outwards (an output); at the outermost keeper, what it holds."""
    if costs.name == evaluation.levels[0].name:
        return evaluation.workload.words(tensor)
    if tensor.is_output:
        return held.fills + _first_visits(evaluation, costs, tensor)
    return held.fills


def _first_visits(evaluation: Evaluation, costs: LevelCosts, tensor: Tensor) -> int:
    """Words of the output that one instance ever sees: the (padded) tensor over the relevant spatial trips outside it."""
    at = evaluation.architecture.index(costs.name)
    outside = [
        loop for nest in evaluation.mapping.levels[at + 1 :] for loop in (*nest.x, *nest.y) if loop.dim in tensor.dims
    ]
    whole = math.prod(evaluation.mapping.factor(dim) for dim in tensor.dims)
    return whole // math.prod(loop.trip for loop in outside)


def _ratio(above: float, below: float) -> float:
    return above / below if below else math.nan


@dataclass(frozen=True, slots=True)
class Roof:
    """One bandwidth as a roof over the machine: its port at `level` moves `words_per_cycle` in all instances together.

    `macs_per_word` is the operational intensity of this mapping at that port, `balance` the intensity at which the roof
    meets the peak; `ceiling` the MACs per cycle that the port allows this mapping, at most the peak.
    """

    level: str
    port: Port
    words_per_cycle: float
    macs_per_word: float
    balance: float
    ceiling: float


@dataclass(frozen=True, slots=True)
class Roofline:
    """Where a mapping stands (Williams et al., CACM 2009), in MACs per cycle; `roofs` outer to inner, one per limited port."""

    peak: int
    achieved: float
    roofs: tuple[Roof, ...]
    outer_macs_per_word: float
    """Operational intensity at the backing store, all its traffic together."""


def roofline(evaluation: Evaluation) -> Roofline:
    """The roofs of the machine over this mapping."""
    peak = evaluation.compute.instances
    roofs: list[Roof] = []
    for costs in evaluation.levels:
        for load in port_loads(evaluation, costs.name):
            if math.isfinite(load.bandwidth) and load.words:
                intensity = evaluation.macs / (load.words * costs.instances_used)
                moved = load.bandwidth * costs.instances
                roofs.append(Roof(costs.name, load.port, moved, intensity, peak / moved, min(peak, intensity * moved)))
    outer = evaluation.levels[0]
    words = outer.instances_used * sum(held.reads + held.fills + held.updates for held in outer.tensors.values())
    return Roofline(peak, evaluation.macs / evaluation.cycles, tuple(roofs), _ratio(evaluation.macs, words))


@dataclass(frozen=True, slots=True)
class EnergyTable:
    """Energy in pJ by component (rows: levels outer to inner, then the compute units) and by what it is spent on.

    Columns are the tensors, then `MACs`, then `leakage` where there is any. Each row has one value per column.
    """

    columns: tuple[str, ...]
    rows: MappingABC[str, tuple[float, ...]]

    @property
    def total_pj(self) -> float:
        return sum(sum(row) for row in self.rows.values())


def energy_table(evaluation: Evaluation) -> EnergyTable:
    """Who spends the energy on what."""
    tensors = [tensor.name for tensor in evaluation.workload.tensors]
    rows: dict[str, tuple[float, ...]] = {}
    for costs in evaluation.levels:
        rows[costs.name] = (*(costs.tensors[name].energy_pj for name in tensors), 0.0, costs.leakage_pj)
    compute = evaluation.compute
    rows[compute.name] = (*(0.0 for _ in tensors), compute.energy_pj - compute.leakage_pj, compute.leakage_pj)
    if any(row[-1] for row in rows.values()):
        return EnergyTable((*tensors, "MACs", "leakage"), rows)
    return EnergyTable((*tensors, "MACs"), {name: row[:-1] for name, row in rows.items()})
