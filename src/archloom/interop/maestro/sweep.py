"""One mapping on very many machines: PEs, bandwidths, latency, lanes and buffers, priced and reduced as arrays."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.errors import InputError, did_you_mean
from archloom.interop.maestro.hardware import Hardware
from archloom.interop.maestro.network import Layer, Network
from archloom.interop.maestro.parse import LARGEST
from archloom.interop.maestro.sweep_runs import COLUMNS, Block, Pricer

__all__ = ["AXES", "OBJECTIVES", "Design", "Sweep", "hardware_sweep"]

Numbers = NDArray[Any]

AXES = {
    "pes": "num_pes",
    "noc_bw": "noc_bandwidth",
    "noc_latency": "noc_latency",
    "offchip_bw": "offchip_bandwidth",
    "simd": "simd_lanes",
    "l1": "l1_size",
    "l2": "l2_size",
}
"""What can be swept, outermost first, and the fields of `Hardware`."""

OBJECTIVES = {"throughput": "runtime", "energy": "energy", "edp": "edp"}
"""What designs are best in, and the column that is least there: all machines do the same MACs."""

FRONT = ("runtime", "energy", "area_um2", "power_mw")

BUDGETS = {"area": "area_um2", "power": "power_mw"}
"""Other names of columns."""

BLOCK = 1 << 14
"""Runs priced at once."""


@dataclass(frozen=True, slots=True)
class Design:
    """One machine of a sweep: its place in the space, its axes, and what the mapping costs on it.

    Cycles, MACs per cycle, energy in units of one MAC (`energy_nj` is the CSV's, in nJ), um2, mW; `l1` and `l2` are the elements that
    the buffers have: the given ones, or just what the mapping needs (`l1_required`, `l2_required`).
    """

    index: int
    pes: int
    noc_bw: int
    noc_latency: int
    offchip_bw: int
    simd: int
    l1: int
    l2: int
    runtime: int
    macs: int
    throughput: float
    energy: float
    energy_nj: float
    edp: float
    area_um2: float
    power_mw: float
    l1_required: int
    l2_required: int


@dataclass(frozen=True)
class Sweep:
    """The designs of a sweep. `axes` are the values of every axis, outermost first; `shape` that of all arrays of designs.

    `feasible_designs` of `designs` hold all budgets; `best` is the best design of each objective (throughput, energy, edp; of equals
    that of least area) and `front` all that no other design is as good as in `front_objectives`, by cycles; both are empty if nothing is
    feasible, and then `nearest` is the design that exceeds its limits by the least factor, `nearest_excess`. `failures` says for counts
    of PEs why the mapping does not run there; those designs are not feasible.

    The columns are arrays over all designs, computed when asked for; raises InputError where they would not fit in memory.
    """

    axes: dict[str, Numbers]
    budgets: dict[str, float]
    best: dict[str, Design]
    front: tuple[Design, ...]
    front_objectives: tuple[str, ...]
    designs: int
    feasible_designs: int
    runs: int
    failures: dict[int, str]
    nearest: Design | None = None
    nearest_excess: float = math.nan
    pricer: Pricer = field(repr=False, kw_only=True)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(values) for values in self.axes.values())

    def column(self, name: str) -> Numbers:
        """Return a column of all designs, e.g. `runtime` or `area_um2`. Raises InputError for an unknown name or too many designs."""
        return self.pricer.column(BUDGETS.get(name, name), self.budgets)

    @property
    def runtime(self) -> Numbers:
        return self.column("runtime")

    @property
    def energy(self) -> Numbers:
        return self.column("energy")

    @property
    def edp(self) -> Numbers:
        return self.column("edp")

    @property
    def throughput(self) -> Numbers:
        return self.column("throughput")

    @property
    def area_um2(self) -> Numbers:
        return self.column("area_um2")

    @property
    def power_mw(self) -> Numbers:
        return self.column("power_mw")

    @property
    def l1_required(self) -> Numbers:
        return self.column("l1_required")

    @property
    def l2_required(self) -> Numbers:
        return self.column("l2_required")

    @property
    def feasible(self) -> Numbers:
        return self.column("feasible")

    def to_frame(self) -> Any:
        """Return a polars DataFrame with a row per design. Raises InputError without polars."""
        try:
            import polars
        except ImportError as error:
            raise InputError("a frame of designs needs polars", hint="pip install 'archloom[parquet]'") from error
        grids = np.meshgrid(*self.axes.values(), indexing="ij")
        columns = {name: grid.ravel() for name, grid in zip(self.axes, grids, strict=True)}
        names = ("runtime", "macs", "throughput", "energy", "energy_nj", "edp", "area_um2", "power_mw")
        for name in (*names, "l1_required", "l2_required", "feasible"):
            columns[name] = self.column(name).ravel()
        return polars.DataFrame(columns)


def hardware_sweep(
    target: Layer | Network,
    axes: Mapping[str, Sequence[int]],
    *,
    hardware: Hardware | None = None,
    engine: str = "compatible",
    budgets: Mapping[str, float] | None = None,
    front: Sequence[str] = FRONT,
    threads: int | None = None,
) -> Sweep:
    """Price the mappings of a layer or a network on every machine of a space.

    `axes` (pes, noc_bw, noc_latency in cycles, offchip_bw, simd, l1, l2) are the values to try, all combinations of them; what is
    not an axis is taken from `hardware`. Each design has the numbers that `price_network` gives for its machine; over several layers
    cycles and energies are sums and requirements maxima. Area and power are those of machines with just the buffers that the mapping
    needs, as in MAESTRO's columns; with an axis `l1` or `l2`, of machines with buffers of the given sizes, and a design whose
    buffers are smaller than needed is not feasible. `budgets` are upper limits of columns (area in um2, power in mW, ...); `front`
    names the columns to be least on the Pareto front. Only what an axis changes is computed again: runs are priced for every
    combination of pes, noc_bw, noc_latency, offchip_bw and simd, and areas, powers and limits for every design.

    Raises InputError for unknown names, values out of range, and where the mapping runs on none of the machines.
    """
    machine = hardware or Hardware()
    values = checked_axes(axes, machine)
    pricer = Pricer(target, values, engine, swept=set(axes), machine=machine)
    limits = checked_budgets(budgets or {})
    columns = checked_names(front)
    return reduced(pricer, values, limits, columns, threads or os.cpu_count() or 1)


def checked_axes(axes: Mapping[str, Sequence[int]], machine: Hardware) -> dict[str, Numbers]:
    for name in axes:
        if name not in AXES:
            raise InputError(f"unknown axis of a sweep: {name!r}", hint=did_you_mean(name, AXES))
    found: dict[str, Numbers] = {}
    for name, attribute in AXES.items():
        given = np.atleast_1d(np.asarray(axes.get(name, [getattr(machine, attribute)])))
        least = 0 if name == "noc_latency" else 1
        if given.ndim != 1 or not given.size or given.dtype.kind not in "iu":
            raise InputError(f"the axis {name} of a sweep is not a list of whole numbers: {axes.get(name)!r}")
        if given.min() < least or given.max() > LARGEST:
            wrong = given[(given < least) | (given > LARGEST)][0]
            raise InputError(f"{name} is {wrong} in a sweep, expected {least} to {LARGEST}")
        found[name] = given.astype(np.int64)
    return found


def checked_budgets(budgets: Mapping[str, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, limit in budgets.items():
        full = BUDGETS.get(name, name)
        if full not in COLUMNS:
            raise InputError(f"unknown column in a budget: {name!r}", hint=did_you_mean(name, [*COLUMNS, *BUDGETS]))
        if not limit > 0:
            raise InputError(f"the budget of {name} is {limit}, expected a positive number")
        found[full] = min(float(limit), found.get(full, math.inf))
    return found


def checked_names(front: Sequence[str]) -> tuple[str, ...]:
    names = tuple(BUDGETS.get(name, name) for name in front)
    for name in names:
        if name not in COLUMNS:
            raise InputError(f"unknown column of a front: {name!r}", hint=did_you_mean(name, COLUMNS))
    return tuple(dict.fromkeys(names))


def reduced(
    pricer: Pricer, axes: dict[str, Numbers], limits: dict[str, float], front: tuple[str, ...], threads: int
) -> Sweep:
    """Price and reduce block after block; only the best designs and the front so far are kept."""
    from archloom.interop.maestro.sweep_reduce import Reduction

    reduction = Reduction(tuple(OBJECTIVES.values()), front)
    miss = (math.nan, -1)
    with ThreadPoolExecutor(threads) as pool:
        for blocks in batches(pricer.blocks(BLOCK), 4 * threads):
            for part in pool.map(lambda block: reduction.part(pricer, block, limits), blocks):
                reduction.take(part)
        if pricer.codes.all():
            raise pricer.failure(0)
        if not reduction.feasible:
            miss = min(pool.map(lambda block: reduction.miss(pricer, block, limits), pricer.blocks(BLOCK)))
    best, ends = reduction.best_places(), len(reduction.places)
    designs = [
        Design(**design)
        for design in pricer.designs([*reduction.places.tolist(), *best, *([miss[1]] if miss[1] >= 0 else [])])
    ]
    return Sweep(
        axes=axes,
        budgets=limits,
        best=dict(zip(OBJECTIVES, designs[ends:], strict=False)) if best else {},
        front=tuple(designs[:ends]),
        front_objectives=front,
        designs=math.prod(len(values) for values in axes.values()),
        feasible_designs=reduction.feasible,
        runs=pricer.runs,
        failures=pricer.failures(),
        nearest=designs[-1] if miss[1] >= 0 else None,
        nearest_excess=miss[0],
        pricer=pricer,
    )


def batches(blocks: Iterator[Block], size: int) -> Iterator[list[Block]]:
    while batch := list(islice(blocks, size)):
        yield batch
