"""Given mappings on many machines: the whole grid of a design space, or any designs, priced by a few look-ups and additions each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from archloom.architecture.hierarchy import Architecture
from archloom.errors import ArchloomError, InputError
from archloom.exploration.base import Designs
from archloom.exploration.components import MOST
from archloom.exploration.dependencies import COMPUTE
from archloom.exploration.fixed_terms import COLUMNS, SHARED, GivenLayer, LevelTerm, level_terms
from archloom.exploration.machines import Machines
from archloom.exploration.request import Request
from archloom.mapping.nest import Mapping
from archloom.model.evaluate import evaluate
from archloom.search.network_mapping import Options
from archloom.search.spaces import space_of
from archloom.spec.load import Spec

__all__ = ["FixedSweep", "Swept"]

Values = NDArray[np.float64]

CHUNK = 1 << 18
FRONT = 1 << 12
OBJECTIVES = ("energy", "latency", "edp")


@dataclass(frozen=True, eq=False)
class Swept:
    """What a sweep of the grid found: designs looked at, admitted by the constraints, and legal at the given mappings.

    `best`: objective -> (position in the grid, value), of equal ones the first; positions are -1 where nothing is legal. `front`:
    positions of the designs that no other beats in energy (pJ), cycles and area (um2), in the order of the grid, with `figures` [F, 3].
    """

    designs: int
    admitted: int
    legal: int
    best: dict[str, tuple[int, float]]
    front: NDArray[np.int64]
    figures: Values


class FixedSweep:
    """The designs of a request, each layer of its suite at a given mapping.

    `mappings`: one per distinct layer (`request.suite.layers`). Energies, cycles and areas are those of `evaluate`, bit by bit.
    """

    def __init__(self, request: Request, mappings: Sequence[Mapping]) -> None:
        self.request = request
        self.machines: Machines = request.machines
        workloads = request.suite.layers
        if len(mappings) != len(workloads):
            raise InputError(f"{len(mappings)} mappings are given for {len(workloads)} distinct layers")
        drain_reads = request.mapping.drain_reads
        self.layers = [GivenLayer(w, mapping, drain_reads) for w, mapping in zip(workloads, mappings, strict=True)]
        self.options = Options(request.mapping.objective, request.mapping.cuts, request.mapping.padding, drain_reads)
        self.terms: list[LevelTerm] = level_terms(self.machines, self.layers, self.architecture)
        counts = [_work(layer) for layer in self.layers]
        self._work = np.array([[float(cycles), float(used)] for cycles, used in counts])

    def architecture(self, spec: Spec, layer: GivenLayer) -> Architecture:
        """The machine as a layer's mapping finds it, with the rules for its networks."""
        assert spec.architecture is not None
        given = [spec, *self.request.mapping.constraints]
        if not any(rule.no_multicast or rule.no_reuse for one in given for rule in one.constraints):
            return spec.architecture
        return space_of(layer.workload, spec.architecture, given, self.options).architecture

    @property
    def distinct(self) -> int:
        """How many different (level, layer) rows were worked out: the work that is not look-ups and additions."""
        return sum(len(term.shared) for term in self.terms) * len(self.layers)

    # -- any designs ---------------------------------------------------------------------------------------------------------

    def judge(self, designs: Designs) -> dict[str, NDArray[Any]]:
        """Columns of designs [B]: `energy_pj`, `cycles` [B, layers] (inf where illegal), `reason` [B, layers] (0: legal), `bound`.

        `reason` is the code of `model.costs.Reason`, or BROKEN for a machine that cannot be built or on which the mapping is none
        (`explain` has the sentence). `bound` [B, layers] is the level that sets the latency, counted inner to outer (the number of
        levels for the compute units). `area_um2` [B].
        """
        designs = np.asarray(designs, np.int64)
        rows = [term.rows(designs) for term in self.terms]
        latency, area = np.zeros(len(designs)), np.zeros(len(designs))
        for term, row in zip(self.terms, rows, strict=True):
            latency = latency + term.shared[row, SHARED.index("latency")]
            area = area + term.shared[row, SHARED.index("area_um2")]
        mac_pj, mac_leak, mac_area = (
            self.machines.column(COMPUTE, name, designs) for name in ("energy_pj", "leak_pj", "area_um2")
        )
        area = area + mac_area * self.machines.pes(designs)
        shape = (len(designs), len(self.layers))
        found: dict[str, NDArray[Any]] = {
            "energy_pj": np.empty(shape),
            "cycles": np.empty(shape),
            "reason": np.empty(shape, np.int64),
            "bound": np.empty(shape, np.int64),
        }
        for i in range(len(self.layers)):
            for name, column in self._layer(i, rows, latency, mac_pj, mac_leak).items():
                found[name][:, i] = column
        return {**found, "area_um2": area}

    def _layer(
        self, i: int, rows: list[NDArray[np.int32]], latency: Values, mac_pj: Values, mac_leak: Values
    ) -> dict[str, NDArray[Any]]:
        """What one layer costs on each design; the order of the additions is the model's."""
        most, used = self._work[i].tolist()
        cycles, bound = np.full(len(latency), most), np.full(len(latency), len(self.terms))
        reason = np.zeros(len(latency), np.int64)
        energy = np.zeros(len(latency))
        for level, (term, row) in enumerate(zip(self.terms, rows, strict=True)):
            table = term.own[i][row]
            slower = table[:, 0] > cycles
            cycles, bound = np.where(slower, table[:, 0], cycles), np.where(slower, level, bound)
            reason = np.where(reason == 0, table[:, COLUMNS.index("reason")].astype(np.int64), reason)
            for column in range(len(COLUMNS), table.shape[1]):
                energy = energy + table[:, column]
        cycles = cycles + latency
        for term, row in zip(self.terms, rows, strict=True):
            energy = energy + term.shared[row, 0] * cycles * term.own[i][row, COLUMNS.index("on")]
        energy = energy + mac_pj * most * used
        energy = energy + mac_leak * cycles * used
        illegal = reason != 0
        return {
            "energy_pj": np.where(illegal, np.inf, energy),
            "cycles": np.where(illegal, np.inf, cycles),
            "reason": reason,
            "bound": bound,
        }

    def explain(self, design: NDArray[np.int64], layer: int) -> str:
        """Why a layer's mapping is not legal on a design, in a sentence; "" if it is."""
        try:
            spec = self.machines.spec(design)
            given = self.layers[layer]
            evaluate(given.workload, self.architecture(spec, given), given.mapping, drain_reads=given.drain_reads)
        except ArchloomError as error:
            return str(error)
        return ""

    # -- the whole grid ------------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Work out all rows that the grid may need; `sweep` does so where it has not been done."""
        _ = self._tables

    def warm_up(self) -> None:
        """Have the loop compiled, where that has not been done on this computer yet."""
        self._chunk(self._tables, 0, 1)

    def sweep(self, *, threads: int | None = None) -> Swept:
        """Price every design of the grid; `threads` side by side (as many as there are cores), whatever their number the same answer."""
        from archloom.exploration.fixed_kernel import FIGURES, merge_front

        size = self.machines.space.size
        if size >= 2**53:
            raise InputError(f"the grid has {size:,} designs; expected fewer than 2**53 for a sweep")
        tables = self._tables
        chunks = [(start, min(start + CHUNK, size)) for start in range(0, size, CHUNK)]
        with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
            parts = list(pool.map(lambda chunk: self._chunk(tables, *chunk), chunks))
        front, held = np.empty((FRONT, FIGURES + 1)), 0
        best, where = np.full(3, np.inf), np.full(3, -1, np.int64)
        for values, positions, own, _ in parts:
            better = values < best
            best, where = np.where(better, values, best), np.where(better, positions, where)
            while (grown := merge_front(front, held, own)) < 0:
                front, held = _grown(front, held, parts)
            held = grown
        rows = front[:held][np.argsort(front[:held, FIGURES])]
        tally = np.sum([part[3] for part in parts], axis=0)
        found = {name: (int(at), float(value)) for name, at, value in zip(OBJECTIVES, where, best, strict=True)}
        positions = rows[:, FIGURES].astype(np.int64)
        return Swept(size, int(tally[0]), int(tally[1]), found, positions, rows[:, :FIGURES].copy())

    def _chunk(self, tables: tuple[Any, ...], start: int, stop: int) -> tuple[Values, NDArray[np.int64], Values, Any]:
        from archloom.exploration.fixed_kernel import FIGURES, sweep_range

        most, compiled = FRONT, cast("Any", sweep_range)
        while True:
            best, where = np.full(3, np.inf), np.full(3, -1, np.int64)
            front, tally = np.empty((most, FIGURES + 1)), np.zeros(2, np.int64)
            held = compiled(start, stop, *tables, best, where, front, tally)
            if held >= 0:
                order = np.argsort(front[:held, FIGURES])
                return best, where, front[:held][order], tally
            most *= 8

    @cached_property
    def _tables(self) -> tuple[Any, ...]:
        """The arguments of the compiled loop that are the same for all chunks."""
        space = self.machines.space
        for term in self.terms:
            term.fill()
        groups = [group for group in space.groups if group.test is not None]
        tests = [np.zeros(_listable(group.size, group.names), bool) for group in groups]
        for group, test in zip(groups, tests, strict=True):
            for flat in group.admitted():
                test[flat] = True
        strides = [term.strides for term in self.terms]
        unit_strides, compute = self._compute()
        strides.append(unit_strides)
        for group in groups:
            own = np.zeros(len(space.parameters), np.int64)
            for at, parameter in enumerate(group.parameters):
                own[parameter] = int(np.prod(group.sizes[at + 1 :], dtype=np.int64))
            strides.append(own)
        counts = dict[int, int]()
        for member in self.request.suite.members[:1]:
            counts = dict(member)
        work = np.column_stack((self._work, [float(counts.get(i, 0)) for i in range(len(self.layers))]))
        own, own_at, widths = self._own_tables()
        shared = [term.shared for term in self.terms]
        return (
            np.array([len(parameter) for parameter in space.parameters], np.int64),
            np.array(strides, np.int64),
            np.concatenate([*tests, np.empty(0, bool)]),
            _starts(tests),
            np.concatenate([term.index for term in self.terms]),
            _starts([term.index for term in self.terms]),
            own,
            own_at,
            widths,
            np.concatenate(shared),
            _starts(shared),
            compute,
            work,
        )

    def _own_tables(self) -> tuple[Values, NDArray[np.int64], NDArray[np.int64]]:
        """The layers' tables in one array, without the energies that are 0 everywhere, and where each begins."""
        parts: list[Values] = []
        at = np.zeros((len(self.layers), len(self.terms)), np.int64)
        widths = np.zeros_like(at)
        total = 0
        for i in range(len(self.layers)):
            for k, term in enumerate(self.terms):
                table = term.own[i]
                kept = [c for c in range(table.shape[1]) if c < len(COLUMNS) or table[:, c].any()]
                parts.append(np.ascontiguousarray(table[:, kept]).reshape(-1))
                at[i, k], widths[i, k] = total, len(kept)
                total += parts[-1].size
        return np.concatenate(parts), at, widths

    def _compute(self) -> tuple[NDArray[np.int64], Values]:
        """The key of the compute units, and their rows: energy, leakage, area, and how many there are."""
        machines, space = self.machines, self.machines.space
        inner = self.terms[0]
        own = sorted({*machines.dependencies[COMPUTE], *inner.parameters})
        strides = np.zeros(len(space.parameters), np.int64)
        size = 1
        for at in reversed(own):
            strides[at] = size
            size *= len(space.parameters[at])
        designs = np.tile(space.sample(np.random.default_rng(0), 1), (_listable(size, ("the compute units",)), 1))
        keys = np.arange(size)
        for at in own:
            designs[:, at] = keys // strides[at] % len(space.parameters[at])
        inside = [test for test in space.constraints if space.uses(test.names) <= set(own)]
        fine = space.fulfils(designs, inside)
        rows = np.zeros((size, 4))
        for column, name in enumerate(("energy_pj", "leak_pj", "area_um2")):
            rows[fine, column] = machines.column(COMPUTE, name, designs[fine])
        rows[fine, 3] = machines.pes(designs[fine])
        return strides, rows


def _listable(size: int, names: Sequence[str]) -> int:
    if size > MOST:
        raise InputError(
            f"{', '.join(names)} have {size:,} combinations, too many for a sweep", hint=f"at most {MOST:,}"
        )
    return size


def _starts(parts: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    """Where each part begins when all stand one after the other."""
    return np.cumsum([0, *(len(part) for part in parts)], dtype=np.int64)[: max(len(parts), 1)]


def _grown(front: Values, held: int, parts: Sequence[Any]) -> tuple[Values, int]:
    """A larger array for the front."""
    larger = np.empty((len(front) * 2 + max(len(part[2]) for part in parts), front.shape[1]))
    larger[:held] = front[:held]
    return larger, held


def _work(layer: GivenLayer) -> tuple[int, int]:
    """Compute cycles and used units of a mapping, which no machine changes."""
    cycles = used = 1
    for nest in layer.mapping.levels:
        for loop in nest.temporal:
            cycles *= loop.trip
        for loop in (*nest.x, *nest.y):
            used *= loop.trip
    return cycles, used
