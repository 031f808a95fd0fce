"""What each part of a machine adds to the costs of given mappings, by the parameters that the part depends on.

At a given mapping the counts are known, so energy, port cycles, legality and area of a level go by that level's own numbers and by
how many instances there are of it; a design's costs are sums and maxima over one row of each level's table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.architecture.hierarchy import Architecture
from archloom.errors import ArchloomError, InputError
from archloom.exploration.base import Designs
from archloom.exploration.dependencies import COMPUTE, RULES
from archloom.exploration.machines import Machines
from archloom.exploration.meshes import mesh_parameters
from archloom.mapping.nest import Mapping
from archloom.model.costs import cost, violations
from archloom.model.evaluate import lanes_of
from archloom.model.hardware import PER_LEVEL, Hardware
from archloom.model.plan import lower
from archloom.model.traffic import count
from archloom.workload.einsum import Workload

__all__ = ["BROKEN", "COLUMNS", "SHARED", "GivenLayer", "LevelTerm", "level_terms"]

Values = NDArray[np.float64]

SHARED = ("leak_pj", "latency", "area_um2")
"""What all layers have in common: leakage per instance and cycle, cycles of the network, area of all instances."""
COLUMNS = ("cycles", "on", "reason")
"""What a layer has at a level, before its energies per tensor: the cycles of the ports, instances that leak, the reason code."""
BROKEN = 1 << 20
"""The reason code of machines that cannot be built, or on which the mapping is none."""
MOST_ROWS = 1 << 24


@dataclass(frozen=True)
class GivenLayer:
    """A layer at a given mapping; `drain_reads` as for `evaluate`."""

    workload: Workload
    mapping: Mapping
    drain_reads: bool = False


class LevelTerm:
    """One level: `shared` [rows, SHARED] and, per layer, `own` [rows, COLUMNS and tensors]; rows are worked out when first needed."""

    def __init__(
        self,
        level: int,
        parameters: Sequence[int],
        machines: Machines,
        layers: Sequence[GivenLayer],
        architecture_of: Any,
    ) -> None:
        self.level = level
        self.parameters = tuple(parameters)
        self.layers = layers
        self.machines = machines
        self._architecture_of = architecture_of
        sizes = [len(machines.space.parameters[at]) for at in self.parameters]
        if math.prod(sizes) > MOST_ROWS:
            names = ", ".join(machines.space.names[at] for at in self.parameters)
            raise InputError(
                f"one level depends on {names} together, which have {math.prod(sizes):,} values; expected at most {MOST_ROWS:,}"
            )
        self.strides = np.zeros(len(machines.space.parameters), np.int64)
        self.strides[list(self.parameters)] = [math.prod(sizes[at + 1 :]) for at in range(len(sizes))]
        self.index = np.full(math.prod(sizes), -1, np.int32)
        self.shared: Values = np.empty((0, len(SHARED)))
        self.own: list[Values] = [np.empty((0, len(COLUMNS) + len(layer.workload.tensors))) for layer in layers]

    @property
    def name(self) -> str:
        machine = self.machines.baseline.architecture
        assert machine is not None
        return machine.levels[self.level].name

    def rows(self, designs: Designs) -> NDArray[np.int32]:
        """[B]: the row of each design."""
        keys = designs @ self.strides
        rows = self.index[keys]
        if (rows < 0).any():
            missing = np.flatnonzero(rows < 0)
            different, first = np.unique(keys[missing], return_index=True)
            self._learn(designs[missing[first]], different)
            rows = self.index[keys]
        return rows

    def fill(self) -> None:
        """Work out all rows that an admitted design may need."""
        space = self.machines.space
        reference = space.sample(np.random.default_rng(0), 1)[0]
        sizes = [len(space.parameters[at]) for at in self.parameters]
        inside = [test for test in space.constraints if space.uses(test.names) <= set(self.parameters)]
        for start in range(0, len(self.index), 1 << 18):
            keys = np.arange(start, min(start + (1 << 18), len(self.index)))
            designs = np.tile(reference, (len(keys), 1))
            for at, size in zip(self.parameters, sizes, strict=True):
                designs[:, at] = keys // self.strides[at] % size
            self.rows(designs[space.fulfils(designs, inside)])

    def _learn(self, designs: Designs, keys: NDArray[np.int64]) -> None:
        """Add a row for each design, under its key."""
        codes = self.machines.structure(designs)
        for row in np.flatnonzero(codes < 0).tolist():
            designs, codes = self._mended(designs, codes, row)
        shared = np.zeros((len(designs), len(SHARED)))
        own = [np.zeros((len(designs), table.shape[1])) for table in self.own]
        for code in np.unique(codes).tolist():
            rows = np.flatnonzero(codes == code)
            if code < 0:
                for table in own:
                    table[rows, COLUMNS.index("reason")] = BROKEN
            else:
                self._price(designs[rows], rows, shared, own)
        self.index[keys] = np.arange(len(self.shared), len(self.shared) + len(keys))
        self.shared = np.concatenate((self.shared, shared))
        self.own = [np.concatenate((old, new)) for old, new in zip(self.own, own, strict=True)]

    def _mended(self, designs: Designs, codes: NDArray[np.int64], row: int) -> tuple[Designs, NDArray[np.int64]]:
        """With another design of the same row in place of one that cannot be built, for the fault may be in another level."""
        space = self.machines.space
        others = space.sample(np.random.default_rng(1), 64)
        others[:, list(self.parameters)] = designs[row, list(self.parameters)]
        others = others[space.admits(others)]
        fine = self.machines.structure(others) if len(others) else np.empty(0, np.int64)
        for other, code in zip(others, fine.tolist(), strict=True):
            if code >= 0:
                designs, codes = designs.copy(), codes.copy()
                designs[row], codes[row] = other, code
                break
        return designs, codes

    def _price(self, designs: Designs, rows: NDArray[np.intp], shared: Values, own: list[Values]) -> None:
        """The rows of designs with the same structure."""
        spec = self.machines.spec(designs[0])
        machine = spec.architecture
        assert machine is not None
        hardware = _hardware(self.machines, designs, machine)
        level = self.level
        instances = _instances(hardware, level)
        fanout = machine.levels[level].fanout
        latency = fanout.fill_latency + fanout.drain_latency
        shared[rows] = np.stack(
            (hardware.leak_pj[level], np.full(len(rows), latency), hardware.area_um2[level] * instances), 1
        )
        for layer, table in zip(self.layers, own, strict=True):
            table[rows] = _layer_rows(layer, self._architecture_of(spec, layer), hardware, level)


def _instances(hardware: Hardware, level: int) -> Any:
    product: Any = 1.0
    for at in range(len(hardware.mesh_x) - 1, level, -1):
        product = product * (hardware.mesh_x[at] * hardware.mesh_y[at])
    return product


def _hardware(machines: Machines, designs: Designs, machine: Architecture) -> Hardware:
    """The numbers of designs of one structure as lanes, every one of them an array."""
    levels = machine.levels
    count_levels = len(levels)

    def lanes(name: str) -> list[Any]:
        return [machines.column(count_levels - 1 - at, name, designs) for at in range(count_levels)]

    return Hardware(
        capacity_bits=[size / level.buffering for size, level in zip(lanes("size_bits"), levels, strict=True)],
        mesh_x=lanes("fanout.x"),
        mesh_y=lanes("fanout.y"),
        mac_pj=machines.column(COMPUTE, "energy_pj", designs),
        mac_leak_pj=machines.column(COMPUTE, "leak_pj", designs),
        mac_area_um2=machines.column(COMPUTE, "area_um2", designs),
        rows=len(designs),
        **{name: lanes(name) for name in PER_LEVEL},
    )


def _layer_rows(layer: GivenLayer, machine: Architecture, hardware: Hardware, level: int) -> Values:
    """COLUMNS and the energies per tensor of one layer at one level, [rows, ...]."""
    rows, tensors = hardware.rows, len(layer.workload.tensors)
    table = np.zeros((rows, len(COLUMNS) + tensors))
    try:
        layer.mapping.check(layer.workload, machine)
    except ArchloomError:
        table[:, COLUMNS.index("reason")] = BROKEN
        return table
    has_cuts = any(cut < len(nest.temporal) for nest in layer.mapping.levels for cut in nest.cut.values())
    plan = lower(layer.workload, machine, padding=layer.mapping.padding, cuts=has_cuts, drain_reads=layer.drain_reads)
    nest = lanes_of(plan, layer.workload, layer.mapping)
    counts = count(plan, nest)
    costs = cost(plan, nest, counts, hardware)
    reason = np.zeros(rows)
    found = [(code, wrong) for code, wrong in nest.illegal if code // 8 == level]
    found += [(kind + 8 * level, wrong) for kind, wrong in violations(plan, nest, hardware, costs.used_bits, level)]
    mesh = layer.mapping.levels[level].mesh
    if mesh is not None:
        wide = math.prod(loop.trip for loop in layer.mapping.levels[level].x)
        high = math.prod(loop.trip for loop in layer.mapping.levels[level].y)
        too_small = wide > mesh[0] or high > mesh[1]
        found.append((BROKEN, (mesh[0] * mesh[1] > hardware.mesh_x[level] * hardware.mesh_y[level]) | too_small))
    for code, wrong in reversed(found):
        reason = np.where(wrong, code, reason)
    gate = plan.levels[level].gate
    on: Any = counts.used[level]
    if gate is not None:
        on = counts.used[gate] * (_instances(hardware, level) / _instances(hardware, gate))
    for at, column in enumerate((costs.level_cycles[level], on, reason, *costs.access_pj[level])):
        table[:, at] = column
    return table


def level_terms(machines: Machines, layers: Sequence[GivenLayer], architecture_of: Any) -> list[LevelTerm]:
    """The terms of all levels, inner to outer as the core counts them; each goes by its own parameters and the meshes outside."""
    meshes = mesh_parameters(machines)
    many = len(meshes)
    terms: list[LevelTerm] = []
    for level in range(many):
        part = many - 1 - level
        outside = frozenset[int]().union(*meshes[:part])
        own = {*machines.level_parameters(part), *outside, *_ruling(machines)}
        terms.append(LevelTerm(level, sorted(own), machines, layers, architecture_of))
    return terms


def _ruling(machines: Machines) -> set[int]:
    """Parameters that decide what a mapping may do on a whole machine: pooled fanouts, and rules that change what a network does."""
    networks = any(rule.no_multicast or rule.no_reuse for rule in machines.baseline.constraints)
    paths = [*(p.path for p in machines.space.parameters), *(one.path or "" for one in machines.space.linked)]
    rules = networks or any(path.startswith("constraints") for path in paths)
    pooling = {at for at, parameter in enumerate(machines.space.parameters) if parameter.path.endswith("pooled")}
    return pooling | {*(machines.dependencies[RULES] if rules else ())}
