"""Both engines: a mapping file priced as the released MAESTRO prices it, bugs included, or with its bugs mended."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import Any

from archloom.errors import Fault, InputError
from archloom.interop.maestro.columns import columns_of
from archloom.interop.maestro.cost import Cost, price
from archloom.interop.maestro.hardware import Hardware, hardware_from_options
from archloom.interop.maestro.levels import levels_of
from archloom.interop.maestro.mends import Mend, mends_of
from archloom.interop.maestro.network import Cluster, Directive, Layer, LayerType, Map, Network, Tensors
from archloom.interop.maestro.parse import PARSE_ERROR, parse_mapping

__all__ = ["attempts", "price_network", "run"]


def run(
    mapping_text: str,
    hw_text: str | None = None,
    *,
    engine: str | frozenset[Mend] = "compatible",
    mapping_source: str = "<mapping>",
    hw_source: str = "<hardware>",
    **options: Any,
) -> list[dict[str, Any]]:
    """Price every layer of a mapping file as MAESTRO (commit 4eb08d1) does, and return its columns, a dict per layer.

    `engine` is "compatible" (bugs included), "corrected" (every `Mend` made), or the set of mends to make.
    `hw_text` overrides the options num_pes, noc_bw_cstr, noc_hops, noc_hop_latency, offchip_bw_cstr, l1_size_cstr and
    l2_size_cstr; num_simd_lanes is always an option. Each dict has num_macs, tensors, summary, delays, csv and name:
    elements, cycles, energy in units of one MAC (nJ in csv), um2 and mW. Numbers are not rounded to six digits.
    Raises InputError at file:line:column for bad files and wherever MAESTRO fails.
    """
    mends = mends_of(engine)
    network = parse_mapping(mapping_text, mapping_source)
    return price_network(network, hardware_from_options(hw_text, hw_source, options), engine=mends)


def price_network(
    network: Network, hardware: Hardware, *, engine: str | frozenset[Mend] = "compatible"
) -> list[dict[str, Any]]:
    """Price a network that was read before; as `run`."""
    found: list[dict[str, Any]] = []
    for columns in attempts(network, hardware, mends_of(engine)):
        if isinstance(columns, InputError):
            raise columns
        found.append(columns)
    return found


def attempts(network: Network, hardware: Hardware, mends: frozenset[Mend]) -> Iterator[dict[str, Any] | InputError]:
    """Yield the columns of each layer, or why it has none. Raises InputError for filters that are not whole."""
    if Mend.B9 in mends:
        network = with_shared_dataflows(network)
    check_whole_filters(network)
    coupled: dict[LayerType, Tensors] = {}
    known: dict[Hashable, Cost] = {}
    before = 0
    for layer in network.layers:
        tensors = layer.type.tensors(batched=layer.declares("N"))
        if Mend.B16 not in mends:
            # MAESTRO makes the table of a type once, so that the first layer decides about N.
            tensors = coupled.setdefault(layer.type, tensors)
        key = (tensors, *contents_of(layer))
        try:
            cost = known[key] if key in known else cost_of(layer, tensors, hardware, mends)
        except InputError as error:
            yield error
            continue
        known[key] = cost
        own = l1_accesses_of(cost)
        accesses = None if Mend.B3 in mends else before if cost.innermost else own
        yield columns_of(network, layer, tensors, cost, hardware, accesses)
        before = own


def cost_of(layer: Layer, tensors: Tensors, hardware: Hardware, mends: frozenset[Mend]) -> Cost:
    levels = levels_of(layer, dataflow_of(layer), tensors, hardware.num_pes, mends)
    cost = price(levels, tensors, hardware, layer.place, mends)
    check_range(layer, cost)
    return cost


def contents_of(layer: Layer) -> Iterator[Hashable]:
    """Yield what a layer costs by: networks repeat layers under other names."""
    for dimension in layer.dimensions:
        yield dimension.name, dimension.size, dimension.stride
    for entry in layer.dataflow or ():
        yield entry.size if isinstance(entry, Cluster) else (entry.kind, entry.size, entry.offset, entry.variable)


def l1_accesses_of(cost: Cost) -> int:
    """Reads and writes of L1, for which MAESTRO takes those of the layer before where there are clusters."""
    return sum(counts.l1_write + counts.l1_read for counts in cost.tensors.values())


def check_range(layer: Layer, cost: Cost) -> None:
    amounts = [cost.macs, cost.runtime]
    for counts in cost.tensors.values():
        amounts += [counts.l2_size, counts.l1_size, counts.l2_write, counts.l2_read, counts.l1_write, counts.l1_read]
    if max(map(abs, amounts)) >= 2**63:
        hint = "MAESTRO's numbers are wrong here: they wrap around"
        raise InputError(Fault(f"the layer {layer.name} is too large for 64-bit counts", layer.place, hint))


def with_shared_dataflows(network: Network) -> Network:
    """Give every layer without a Dataflow that of the layer before it, with the sizes that stand there."""
    layers: list[Layer] = []
    for layer in network.layers:
        shared = layers[-1].dataflow if layer.dataflow is None and layers else layer.dataflow
        layers.append(replace(layer, dataflow=shared))
    return replace(network, layers=tuple(layers))


def dataflow_of(layer: Layer) -> tuple[Directive | Cluster, ...]:
    if layer.dataflow is None:
        hint = "give the layer its own; MAESTRO shares that of the layer before and stops with exit code 255"
        raise InputError(Fault(f"the layer {layer.name} has no Dataflow", layer.place, hint))
    return layer.dataflow


def check_whole_filters(network: Network) -> None:
    """Refuse TemporalMaps of R or S that do not cover the filter, as MAESTRO's reader does; all of them at once."""
    faults: list[Fault] = []
    for layer in network.layers:
        sizes = {dimension.name: dimension.size for dimension in reversed(layer.dimensions)}
        for entry in layer.dataflow or ():
            if isinstance(entry, Cluster) or entry.kind is not Map.TEMPORAL or entry.variable not in ("R", "S"):
                continue
            name = entry.variable
            if not entry.size == entry.offset == sizes.get(name):
                what = (
                    f"TemporalMap({entry.size},{entry.offset}) {name} does not cover {name}, which is {sizes.get(name)}"
                )
                faults.append(
                    Fault(what, entry.place, f"write TemporalMap(Sz({name}),Sz({name})) {name}; {PARSE_ERROR}")
                )
    if faults:
        raise InputError(faults)
