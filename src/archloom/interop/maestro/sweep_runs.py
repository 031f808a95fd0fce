"""The runs of a sweep: machines with the cycles and energies of a mapping on them, block by block."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archloom.errors import InputError
from archloom.interop.maestro.arrays import area_of, columns_of_numbers, csv_energy_nj, power_of
from archloom.interop.maestro.hardware import Hardware
from archloom.interop.maestro.network import Layer, Network
from archloom.interop.maestro.tables import Table, priced, table_of

__all__ = ["COLUMNS", "MOST_DESIGNS", "Block", "Pricer"]

Numbers = NDArray[Any]

SUMMED = ("runtime", "macs", "energy", "energy_nj")
LARGEST_OF = ("l1_required", "l2_required", "peak_bandwidth", "offchip_bandwidth")
RUN_COLUMNS = (*SUMMED, "throughput", "edp", "active_pes", *LARGEST_OF)
COLUMNS = (*RUN_COLUMNS, "area_um2", "power_mw")
"""Of a design: sums over the layers, what follows from them, the most that a layer needs, area and power."""

MOST_DESIGNS = 1 << 27
"""Designs of which a column is made as an array."""


class Block(NamedTuple):
    """Runs `start` and on: counts of PEs [P], and machines [M, 4] with each of them (bandwidth, latency, off-chip, lanes)."""

    start: int
    pes: Numbers
    machines: Numbers


class Pricer:
    """Prices the runs of a sweep. `axes` are the values of all axes, `swept` the names of those that were asked for."""

    def __init__(
        self, target: Layer | Network, axes: Mapping[str, Numbers], engine: str, *, swept: set[str], machine: Hardware
    ) -> None:
        network = target if isinstance(target, Network) else Network("", (target,))
        self.tables: tuple[Table, ...] = tuple(table_of(network, place, engine) for place in range(len(network.layers)))
        self.network = network
        self.axes = axes
        self.machine = machine
        self.pes = axes["pes"]
        self.rest = tuple(axes[name] for name in ("noc_bw", "noc_latency", "offchip_bw", "simd"))
        self.machines = math.prod(map(len, self.rest))
        self.runs = len(self.pes) * self.machines
        nothing = np.zeros(1)
        self.l1 = axes["l1"].astype(float) if "l1" in swept else nothing
        self.l2 = axes["l2"].astype(float) if "l2" in swept else nothing
        self.codes = np.zeros(len(self.pes), np.int64)
        self.known: dict[str, Numbers] = {}

    @property
    def buffers(self) -> int:
        return len(self.l1) * len(self.l2)

    def machines_at(self, places: Numbers) -> Numbers:
        found = np.unravel_index(places, tuple(map(len, self.rest)))
        return np.stack([values[place] for values, place in zip(self.rest, found, strict=True)], axis=1)

    def blocks(self, size: int) -> Iterator[Block]:
        """Yield all runs, about `size` at once."""
        if self.machines >= size:
            for number in range(len(self.pes)):
                for first in range(0, self.machines, size):
                    places = np.arange(first, min(first + size, self.machines))
                    yield Block(number * self.machines + first, self.pes[number : number + 1], self.machines_at(places))
            return
        machines, many = self.machines_at(np.arange(self.machines)), size // self.machines
        for number in range(0, len(self.pes), many):
            yield Block(number * self.machines, self.pes[number : number + many], machines)

    def price(self, block: Block) -> dict[str, Numbers]:
        """Return the columns of a block's runs [N], with pes, lanes, noc_bw and whether the mapping runs there."""
        shape = (len(block.pes), len(block.machines))
        pes = np.broadcast_to(block.pes[:, None], shape)
        machines = np.broadcast_to(block.machines, (*shape, 4))
        runs = np.ones(shape, bool)
        total: dict[str, Numbers] = {}
        before: Numbers = np.zeros(shape, np.int64)
        for table in self.tables:
            codes, wholes, reals = priced(table, block.pes, block.machines)
            self.note(block, codes)
            runs &= codes == 0
            wholes[codes != 0] = 0
            reals[codes != 0] = math.nan
            layer = columns_of_numbers(wholes, reals)
            # MAESTRO's CSV takes the accesses of the layer before, where there are clusters.
            own = layer["l1_accesses"]
            accesses = own if table.mended else np.where(layer["clustered"], before, own)
            layer["energy_nj"] = csv_energy_nj(layer, accesses, mended=bool(table.mended))
            before = own
            if not total:
                total = {name: layer[name] for name in (*SUMMED, *LARGEST_OF, "active_pes", "throughput")}
                continue
            weighted = total["active_pes"] * total["runtime"] + layer["active_pes"] * layer["runtime"]
            total |= {name: total[name] + layer[name] for name in SUMMED}
            total |= {name: np.maximum(total[name], layer[name]) for name in LARGEST_OF}
            with np.errstate(divide="ignore", invalid="ignore"):
                total["active_pes"] = weighted / total["runtime"]
                total["throughput"] = total["macs"] / total["runtime"]
        total["edp"] = total["energy"] * total["runtime"]
        for name in RUN_COLUMNS:
            if total[name].dtype.kind == "f":
                total[name] = np.where(runs, total[name], math.nan)
        total |= {"runs": runs, "pes": pes, "noc_bw": machines[..., 0], "simd": machines[..., 3]}
        return {name: values.reshape(-1) for name, values in total.items()}

    def note(self, block: Block, codes: Numbers) -> None:
        """Remember for which counts of PEs the mapping fails on every machine of a block."""
        first = block.start // self.machines
        failed = np.flatnonzero((codes != 0).all(axis=1))
        self.codes[first + failed] = 1

    def failures(self) -> dict[int, str]:
        """Return what the scalar engine says where a mapping does not run, by the count of PEs."""
        return {int(self.pes[place]): str(self.failure(int(place))) for place in np.flatnonzero(self.codes)}

    def failure(self, place: int) -> InputError:
        machine = replace(
            self.machine,
            num_pes=int(self.pes[place]),
            noc_bandwidth=int(self.rest[0][0]),
            noc_latency=int(self.rest[1][0]),
            offchip_bandwidth=int(self.rest[2][0]),
            simd_lanes=int(self.rest[3][0]),
        )
        for table in self.tables:
            try:
                table.cost(machine)
            except InputError as error:
                return error
        return InputError("the mapping does not run on any machine of the sweep with this count of PEs")

    def column(self, name: str, limits: Mapping[str, float]) -> Numbers:
        """Return a column over all designs, in the shape of the axes."""
        shape = tuple(len(values) for values in self.axes.values())
        if name not in (*COLUMNS, "feasible", "runs"):
            raise InputError(f"unknown column of a sweep: {name!r}", hint=f"one of {', '.join(COLUMNS)}, feasible")
        if math.prod(shape) > MOST_DESIGNS:
            hint = "`best` and `front` are there; sweep fewer values for arrays"
            raise InputError(f"{math.prod(shape):,} designs are too many for an array", hint=hint)
        if not self.known:
            parts = [self.price(block) for block in self.blocks(1 << 14)]
            self.known = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        if name in self.known:
            run = self.known[name].reshape((*shape[:5], 1, 1))
            return np.broadcast_to(run, shape)
        values = self.areas(self.known, np.arange(self.runs)[:, None], np.arange(self.buffers)[None, :])
        if name == "feasible":
            fits = values["fits"] & self.allowed(self.known, limits)[:, None]
            for limited in ("area_um2", "power_mw"):
                fits &= values[limited] <= limits.get(limited, math.inf)
            return np.broadcast_to(fits.reshape((*shape[:5], len(self.l1), len(self.l2))), shape)
        return np.broadcast_to(values[name].reshape((*shape[:5], len(self.l1), len(self.l2))), shape)

    def areas(self, columns: Mapping[str, Numbers], run: Numbers, buffer: Numbers) -> dict[str, Numbers]:
        """Return area, power, sizes of the buffers and whether they suffice, for pairs of runs and buffers."""
        needed1, needed2 = columns["l1_required"][run], columns["l2_required"][run]
        l1 = self.l1[buffer // len(self.l2)] if self.l1[0] else needed1
        l2 = self.l2[buffer % len(self.l2)] if self.l2[0] else needed2
        pes, lanes, bandwidth = (columns[name][run].astype(float) for name in ("pes", "simd", "noc_bw"))
        area, power = area_of(pes, lanes, bandwidth, l1, l2), power_of(pes, lanes, bandwidth, l1, l2)
        return {"area_um2": area, "power_mw": power, "l1": l1, "l2": l2, "fits": (l1 >= needed1) & (l2 >= needed2)}

    def limits(self, limits: Mapping[str, float]) -> dict[str, float]:
        """Return the limits of runs: those of their columns, and the sizes of buffers that the machine has and no axis sweeps."""
        found = {name: limit for name, limit in limits.items() if name in RUN_COLUMNS}
        for name, swept, size in (
            ("l1_required", self.l1, self.machine.l1_size),
            ("l2_required", self.l2, self.machine.l2_size),
        ):
            if not swept[0]:
                found[name] = min(found.get(name, math.inf), size)
        return found

    def allowed(self, columns: Mapping[str, Numbers], limits: Mapping[str, float]) -> Numbers:
        """Say which runs hold the limits of their own columns."""
        found = columns["runs"].copy()
        for name, limit in self.limits(limits).items():
            found &= columns[name] <= limit
        return found

    def excess(self, columns: Mapping[str, Numbers], limits: Mapping[str, float]) -> Numbers:
        """Return the factor by which runs break the limits of their own columns, infinite where the mapping does not run."""
        found = np.zeros(len(columns["runs"]))
        for name, limit in self.limits(limits).items():
            found = np.maximum(found, np.nan_to_num(columns[name] / limit))
        return np.where(columns["runs"], found, math.inf)

    def designs(self, places: Sequence[int] | Numbers) -> list[dict[str, Any]]:
        """Return the designs at these places of the space, priced anew."""
        found: dict[int, dict[str, Any]] = {}
        wanted = np.asarray(places, np.int64)
        runs, buffer = wanted // self.buffers, wanted % self.buffers
        rows = runs // self.machines
        for row in np.unique(rows):
            chosen = np.flatnonzero(rows == row)
            machines = self.machines_at(runs[chosen] % self.machines)
            columns = self.price(Block(int(row) * self.machines, self.pes[row : row + 1], machines))
            columns |= self.areas(columns, np.arange(len(chosen)), buffer[chosen])
            for place, here in enumerate(chosen):
                bandwidth, latency, offchip, lanes = (int(value) for value in machines[place])
                design = {name: columns[name][place].item() for name in DESIGN}
                found[int(here)] = design | {
                    "index": int(wanted[here]),
                    "pes": int(self.pes[row]),
                    "noc_bw": bandwidth,
                    "noc_latency": latency,
                    "offchip_bw": offchip,
                    "simd": lanes,
                    "l1": int(columns["l1"][place]),
                    "l2": int(columns["l2"][place]),
                }
        return [found[place] for place in range(len(wanted))]


DESIGN = (
    "runtime", "macs", "throughput", "energy", "energy_nj", "edp", "area_um2", "power_mw", "l1_required", "l2_required"
)  # fmt: skip
