"""A layer with its plan and its sizes, priced by the compiled engine, or by the scalar one where numbers grow too large for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archloom.errors import InputError
from archloom.interop.maestro.arrays import numbers_of_cost
from archloom.interop.maestro.cost import Cost, price
from archloom.interop.maestro.engines import check_range, check_whole_filters, dataflow_of, with_shared_dataflows
from archloom.interop.maestro.hardware import Hardware
from archloom.interop.maestro.levels import levels_of
from archloom.interop.maestro.mends import Mend, mends_of
from archloom.interop.maestro.network import Cluster, Directive, Layer, LayerType, Network, Tensors

if TYPE_CHECKING:
    from archloom.interop.maestro.kernel_tiles import Plan

__all__ = ["Table", "dataflow_from_sizes", "priced", "priced_mappings", "sizes_of_dataflow", "table_of"]

Numbers = NDArray[Any]
LARGE, REFUSED = -1, 5


@dataclass(frozen=True)
class Table:
    """A layer as the compiled engine reads it: `sizes` [E, 2] are those that its dataflow says."""

    layer: Layer
    tensors: Tensors
    mends: frozenset[Mend]
    plan: Plan
    sizes: Numbers

    @property
    def mended(self) -> int:
        return int(bool(self.mends))

    def cost(self, hardware: Hardware) -> Cost:
        """Return the price of the scalar engine. Raises InputError where it fails."""
        check_whole_filters(Network("", (self.layer,)))
        dataflow = dataflow_of(self.layer)
        levels = levels_of(self.layer, dataflow, self.tensors, hardware.num_pes, self.mends)
        cost = price(levels, self.tensors, hardware, self.layer.place, self.mends)
        check_range(self.layer, cost)
        return cost


def table_of(network: Network, place: int, engine: str) -> Table:
    """Return the table of one layer of a network. Raises InputError for an unknown engine, for what no sizes would mend, and without numba."""
    from archloom.interop.maestro.plans import plan_of

    mends = mends_of(engine)
    if mends not in (frozenset(), frozenset(Mend)):
        raise InputError("a sweep knows the engines compatible and corrected, and no choice of mends")
    if Mend.B9 in mends:
        network = with_shared_dataflows(network)
    layer = network.layers[place]
    tensors, dataflow = tensors_of(network, place, mends), dataflow_of(layer)
    return Table(layer, tensors, mends, plan_of(layer, tensors, mends), sizes_of_dataflow(dataflow))


def tensors_of(network: Network, place: int, mends: frozenset[Mend]) -> Tensors:
    """Return the tensors of a layer; the first layer of its type decides about N where that is not mended."""
    kind: LayerType = network.layers[place].type
    decides = network.layers[place]
    if Mend.B16 not in mends:
        decides = next(layer for layer in network.layers if layer.type is kind)
    return kind.tensors(batched=decides.declares("N"))


def sizes_of_dataflow(dataflow: tuple[Directive | Cluster, ...]) -> Numbers:
    """Return sizes and offsets [E, 2] of the entries of a dataflow; a cluster has no offset."""
    rows = [(entry.size, 0 if isinstance(entry, Cluster) else entry.offset) for entry in dataflow]
    return np.array(rows, np.int64).reshape(-1, 2)


def priced(table: Table, pes: Numbers, machines: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Price a layer on all counts `pes` [P] with all `machines` [M, 4]; return codes [P, M], 0 where it runs, and rows of numbers."""
    from archloom.interop.maestro.kernel_price import REALS, WHOLES, price_machines
    from archloom.interop.maestro.kernel_work import new_work

    shape = (len(pes), len(machines))
    codes, wholes, reals = np.zeros(shape, np.int64), np.zeros((*shape, WHOLES), np.int64), np.zeros((*shape, REALS))
    work = new_work(len(table.plan.counts), len(table.plan.dimensions))
    price_machines(table.plan, work, table.sizes, pes, machines, table.mended, codes, wholes, reals)
    for place, machine in np.argwhere(codes == LARGE):
        bandwidth, latency, offchip, lanes = (int(value) for value in machines[machine])
        hardware = Hardware(int(pes[place]), lanes, bandwidth, latency, offchip)
        codes[place, machine] = scalar_row(table, hardware, wholes[place, machine], reals[place, machine])
    return codes, wholes, reals


def scalar_row(table: Table, hardware: Hardware, wholes: Numbers, reals: Numbers) -> int:
    """Fill a row with the numbers of the scalar engine; return 0, or the code of a failure."""
    try:
        numbers = numbers_of_cost(table.cost(hardware))
    except InputError:
        return REFUSED
    wholes[:], reals[:] = numbers
    return 0


def dataflow_from_sizes(layer: Layer, sizes: Numbers) -> tuple[Directive | Cluster, ...]:
    """Return the dataflow of a layer with other sizes [E, 2]."""
    found: list[Directive | Cluster] = []
    for entry, (size, offset) in zip(layer.dataflow or (), sizes.tolist(), strict=True):
        changed = {"size": size} if isinstance(entry, Cluster) else {"size": size, "offset": offset}
        found.append(replace(entry, **changed))
    return tuple(found)


def priced_mappings(table: Table, sizes: Numbers, hardware: Hardware) -> tuple[Numbers, Numbers, Numbers]:
    """Price mappings `sizes` [N, E, 2] of a layer on one machine; return codes [N], 0 where it runs, and rows of numbers."""
    from archloom.interop.maestro.kernel_price import REALS, WHOLES, price_mappings
    from archloom.interop.maestro.kernel_work import new_work

    codes, wholes, reals = (
        np.zeros(len(sizes), np.int64),
        np.zeros((len(sizes), WHOLES), np.int64),
        np.zeros((len(sizes), REALS)),
    )
    work = new_work(len(table.plan.counts), len(table.plan.dimensions))
    machine = (hardware.noc_bandwidth, hardware.noc_latency, hardware.offchip_bandwidth, hardware.simd_lanes)
    price_mappings(table.plan, work, sizes, hardware.num_pes, machine, table.mended, codes, wholes, reals)
    for place in np.flatnonzero(codes == LARGE):
        one = replace(table, layer=replace(table.layer, dataflow=dataflow_from_sizes(table.layer, sizes[place])))
        codes[place] = scalar_row(one, hardware, wholes[place], reals[place])
    return codes, wholes, reals
