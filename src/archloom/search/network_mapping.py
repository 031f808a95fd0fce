"""What mapping a network says: the best mapping of every distinct layer with its certificate, and totals."""

from __future__ import annotations

import math
from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

from archloom.architecture.hierarchy import Architecture
from archloom.display import Displayed, Saved
from archloom.errors import InfeasibleError, InputError, did_you_mean
from archloom.mapping.nest import Mapping
from archloom.model.result import Evaluation
from archloom.search.events import Step, gap_of
from archloom.search.objective import Objective
from archloom.workload.einsum import Workload
from archloom.workload.network import Skipped

__all__ = [
    "REASONS",
    "LayerMapping",
    "Missing",
    "NetworkMapping",
    "NoMappingError",
    "Options",
    "Unmapped",
    "bound_of_all",
]

ROUNDING = 1e-12
"""What powers of floats may be off by, generously."""


@dataclass(frozen=True)
class Options:
    """How a network was mapped: which space, which objective, and how it was searched."""

    objective: Objective
    cuts: str = "level"
    padding: bool = False
    drain_reads: bool = False
    strategy: str = "exact"
    seed: int = 0
    time_limit_s: float | None = None


@dataclass(frozen=True)
class LayerMapping(Displayed):
    """The best mapping found for a layer, and what is proven about it.

    `evaluation` is what `evaluate` says of `mapping`, for one of the `count` executions. No mapping of the space (of `space_size`
    mappings) has an objective below `bound`; `finished` means that this one has just that. `priced` mappings were costed, in
    `cpu_s` CPU-seconds; `excluded` says what ruled out the others: argument -> how many sets of mappings. `cached`: an earlier
    search answered, and `priced` and `cpu_s` are that one's. `steps`: how the search went.
    """

    names: tuple[str, ...]
    count: int
    evaluation: Evaluation
    objective: float
    bound: float
    finished: bool
    space_size: int | None
    priced: int
    cpu_s: float
    excluded: MappingABC[str, int] = field(default_factory=dict[str, int])
    cached: bool = False
    steps: tuple[Step, ...] = ()

    @property
    def name(self) -> str:
        """The first of the names."""
        return self.names[0]

    @property
    def workload(self) -> Workload:
        return self.evaluation.workload

    @property
    def mapping(self) -> Mapping:
        return self.evaluation.mapping

    @property
    def gap(self) -> float:
        """The part of the objective that a better mapping could save at most: 0 is a proof that there is none."""
        return gap_of(self.objective, self.bound)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all executions."""
        return self.count * self.evaluation.macs

    @property
    def cycles(self) -> int:
        """Cycles of all executions."""
        return self.count * self.evaluation.cycles

    @property
    def energy_pj(self) -> float:
        """Energy of all executions."""
        return self.count * self.evaluation.energy_pj

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; `space_size` is a string, for it may have hundreds of digits."""
        return {
            "name": self.name,
            "names": list(self.names),
            "count": self.count,
            "einsum": self.workload.text,
            "bounds": dict(self.workload.bounds),
            "objective": self.objective,
            "bound": self.bound,
            "gap": self.gap,
            "finished": self.finished,
            "space_size": None if self.space_size is None else str(self.space_size),
            "priced": self.priced,
            "cpu_s": self.cpu_s,
            "cached": self.cached,
            "excluded": dict(self.excluded),
            "steps": [
                {
                    "elapsed_s": step.elapsed_s,
                    "objective": step.objective if math.isfinite(step.objective) else None,
                    "bound": step.bound,
                    "priced": step.priced,
                }
                for step in self.steps
            ],
            "mapping": mapping_dict(self.mapping),
            "evaluation": self.evaluation.to_dict(),
        }


class Missing(Enum):
    """Why a layer has no mapping: there is none, none was found before the search ended, or it was not searched at all."""

    NONE_EXISTS = "none exists"
    NOT_FOUND = "none found"
    NOT_SEARCHED = "not searched"


REASONS = {
    Missing.NOT_FOUND: "no mapping was found in the time given",
    Missing.NOT_SEARCHED: "the search was stopped before it",
}
"""The sentence where nothing more is known."""


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A layer without a mapping; `reason` says in a sentence why."""

    names: tuple[str, ...]
    count: int
    workload: Workload
    missing: Missing
    reason: str

    @property
    def name(self) -> str:
        """The first of the names."""
        return self.names[0]


class NoMappingError(InfeasibleError):
    """Layers have no legal mapping: which and why in the message; `mapping` has the other layers, None when there are none."""

    def __init__(self, unmapped: tuple[Unmapped, ...], mapping: NetworkMapping | None) -> None:
        self.unmapped = unmapped
        self.mapping = mapping
        super().__init__(_sentence(unmapped))


def _sentence(unmapped: tuple[Unmapped, ...]) -> str:
    """One line per reason, naming the layers that share it."""
    by_reason: dict[str, list[str]] = {}
    for layer in unmapped:
        by_reason.setdefault(layer.reason, []).append(layer.name)
    lines: list[str] = []
    for reason, names in by_reason.items():
        shown = ", ".join(repr(name) for name in names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        lines.append(f"{'layer' if len(names) == 1 else 'layers'} {shown}: {reason}")
    return "\n".join(lines)


@dataclass(frozen=True)
class NetworkMapping(Displayed, Saved):
    """The mappings of a network's distinct layers on one machine, one after the other, with totals over all executions.

    `save(folder)` writes each layer as a file that `archloom evaluate` reads and as one that Timeloop reads, and a manifest.

    `unmapped` is empty unless this comes from a `NoMappingError`; then totals are without those layers.
    """

    name: str
    architecture: Architecture
    options: Options
    layers: tuple[LayerMapping, ...]
    skipped: tuple[Skipped, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()

    def layer(self, name: str) -> LayerMapping:
        """The layer with this name; raises InputError with the nearest one."""
        for layer in self.layers:
            if name in layer.names:
                return layer
        names = [name for layer in self.layers for name in layer.names]
        raise InputError(f"the network {self.name!r} has no layer {name!r}", hint=did_you_mean(name, names))

    # -- totals -----------------------------------------------------------------------------------------------------------

    @cached_property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @cached_property
    def cycles(self) -> int:
        """All layers, one after the other."""
        return sum(layer.cycles for layer in self.layers)

    @cached_property
    def energy_pj(self) -> float:
        return math.fsum(layer.energy_pj for layer in self.layers)

    @property
    def edp(self) -> float:
        """All energy times all cycles, in pJ x cycles: not the sum of the layers' products."""
        return self.energy_pj * self.cycles

    @property
    def utilization(self) -> float:
        """True MACs over MAC units times all cycles."""
        return self.macs / (self.architecture.compute_instances * self.cycles)

    @property
    def area_um2(self) -> float:
        return self.architecture.area_um2

    @cached_property
    def energy_by_level(self) -> dict[str, float]:
        """Energy in pJ per level, outer to inner, then the compute units; leakage included."""
        totals = dict.fromkeys([*reversed(self.architecture.names), self.architecture.compute.name], 0.0)
        for layer in self.layers:
            for level in layer.evaluation.levels:
                totals[level.name] += layer.count * level.energy_pj
            totals[self.architecture.compute.name] += layer.count * layer.evaluation.compute.energy_pj
        return totals

    @cached_property
    def outer_traffic_bits(self) -> dict[str, dict[str, float]]:
        """Bits that the backing store reads and writes, per role: `{"weight": {"read": ..., "write": ...}, ...}`."""
        totals = {role: {"read": 0.0, "write": 0.0} for role in ("weight", "input", "output")}
        memory = self.architecture.levels[-1]
        for layer in self.layers:
            outer = layer.evaluation.levels[0]
            for tensor in layer.workload.tensors:
                held = outer.tensors[tensor.name]
                bits = layer.count * outer.instances_used * memory.tensor_bits(tensor)
                totals[tensor.role]["read"] += bits * held.reads
                totals[tensor.role]["write"] += bits * (held.fills + held.updates)
        return totals

    # -- proof ------------------------------------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether every layer has a mapping that is proven to be the best."""
        return not self.unmapped and all(layer.finished for layer in self.layers)

    @property
    def objective(self) -> float:
        """The objective of the network as a whole: of all energy and all cycles."""
        return self.options.objective.value(self.energy_pj, self.cycles)

    @cached_property
    def bound(self) -> float:
        """No choice of mappings gives the network as a whole a lower objective.

        See `bound_of_all`.
        """
        bounds = [(layer.count, layer.bound) for layer in self.layers]
        return bound_of_all(self.options.objective, bounds, self.objective)

    @property
    def gap(self) -> float:
        """The part of the network's objective that another choice of mappings could save at most."""
        return gap_of(self.objective, self.bound)

    @property
    def cpu_s(self) -> float:
        """CPU-seconds of all searches, those of cached answers included."""
        return math.fsum(layer.cpu_s for layer in self.layers)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: totals, then one entry per distinct layer."""
        options = self.options
        return {
            "network": self.name,
            "architecture": self.architecture.name,
            "options": {
                "objective": options.objective.name,
                "cuts": options.cuts,
                "padding": options.padding,
                "drain_reads": options.drain_reads,
                "strategy": options.strategy,
                "seed": options.seed,
                "time_limit_s": options.time_limit_s,
            },
            "totals": {
                "macs": self.macs,
                "cycles": self.cycles,
                "energy_pj": self.energy_pj,
                "edp_pj_cycles": self.edp,
                "utilization": self.utilization,
                "area_um2": self.area_um2,
                "objective": self.objective,
                "bound": self.bound,
                "gap": self.gap,
                "finished": self.finished,
                "cpu_s": self.cpu_s,
                "energy_by_level_pj": self.energy_by_level,
                "outer_traffic_bits": self.outer_traffic_bits,
            },
            "layers": [layer.to_dict() for layer in self.layers],
            "unmapped": [
                {"name": layer.name, "count": layer.count, "missing": layer.missing.value, "reason": layer.reason}
                for layer in self.unmapped
            ],
            "skipped": [
                {"name": part.name, "op": part.op, "operations": part.operations, "note": part.note}
                for part in self.skipped
            ],
        }


def bound_of_all(rule: Objective, layers: Sequence[tuple[int, float]], reached: float) -> float:
    """A bound on the objective of layers (count, bound on each alone) as a whole, which is `reached` by mappings that are known.

    A sum of (weighted) costs is bounded by the sum of the layers' bounds. A product, energy^a x cycles^b, is at least
    (sum of bound^(1/(a+b)))^(a+b), by Hölder's inequality: the best mapping of each layer alone need not be the best choice for
    the product over the network, and this says by how much at most.
    """
    degree = rule.energy_power + rule.cycles_power
    if not degree or (rule.energy_power, rule.cycles_power) in ((1, 0), (0, 1)):
        return min(reached, math.fsum(count * bound for count, bound in layers))
    if len(layers) == 1:
        count, bound = layers[0]
        return min(reached, count**degree * bound)
    roots = math.fsum(count * bound ** (1 / degree) for count, bound in layers)
    return min(reached, roots**degree * (1 - ROUNDING))


def mapping_dict(mapping: Mapping) -> dict[str, Any]:
    """A mapping as plain values: its levels, outer to inner, with loops as `[dim, trip]`, outermost first."""
    return {
        "padding": mapping.padding,
        "levels": [
            {
                "level": nest.level,
                "temporal": [[loop.dim, loop.trip] for loop in nest.temporal],
                "x": [[loop.dim, loop.trip] for loop in nest.x],
                "y": [[loop.dim, loop.trip] for loop in nest.y],
                "keep": sorted(nest.keep),
                "cut": dict(sorted(nest.cut.items())),
                "mesh": None if nest.mesh is None else list(nest.mesh),
            }
            for nest in reversed(mapping.levels)
        ],
    }
