"""The columns that MAESTRO prints and writes for a layer, by their names."""

from __future__ import annotations

import math
from typing import Any

from archloom.interop.maestro.cost import Cost, Counts
from archloom.interop.maestro.hardware import Hardware
from archloom.interop.maestro.network import Layer, Network, Tensors
from archloom.interop.maestro.whole import ratio

__all__ = ["columns_of"]

L2_ENERGY = 18.61
L1_ENERGY = 1.68
"""Energy of an access in units of one MAC."""

MAC_NJ = 0.00023


def columns_of(
    network: Network, layer: Layer, tensors: Tensors, cost: Cost, hardware: Hardware, l1_accesses: int | None
) -> dict[str, Any]:
    """Return the blocks num_macs, tensors, summary, delays and csv of a layer.

    The energy of the CSV takes `l1_accesses` and neither MACs nor reads of outputs; None takes all of the layer's own.
    """
    blocks = {name: tensor_block(counts, cost.first_priced.tensors[name]) for name, counts in cost.tensors.items()}
    delays = {
        name: stage.summary(cost.occurrences)
        for name, stage in (("ingress", cost.ingress), ("egress", cost.egress), ("computation", cost.computation))
    }
    summary = summary_of(cost, blocks)
    row = csv_row(network, layer, tensors, cost, hardware, blocks, summary, delays, l1_accesses)
    return {
        "num_macs": cost.macs,
        "tensors": blocks,
        "summary": summary,
        "delays": delays,
        "csv": row,
        "name": label(layer.name),
    }


def label(name: str) -> str | int:
    """Return a name as a reader of the CSV file sees it: `Conv2d-7` is written as 7, a number."""
    return int(name) if name.isascii() and name.isdigit() and len(name) < 10 else name


def tensor_block(counts: Counts, innermost: Counts) -> dict[str, Any]:
    return {
        "l2_size_requirement": counts.l2_size,
        "l1_size_requirement": innermost.l1_size,
        "l2_buffer_write": counts.l2_write,
        "l2_buffer_read": counts.l2_read,
        "l1_buffer_write": counts.l1_write,
        "l1_buffer_read": counts.l1_read,
        "data_reuse_factor": ratio(counts.l1_read, counts.l1_write),
        "l2_buffer_write_energy": L2_ENERGY * counts.l2_write,
        "l2_buffer_read_energy": L2_ENERGY * counts.l2_read,
        "l1_buffer_write_energy": L1_ENERGY * counts.l1_write,
        "l1_buffer_read_energy": L1_ENERGY * counts.l1_read,
    }


def summary_of(cost: Cost, blocks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    def total(key: str) -> Any:
        return sum(block[key] for block in blocks.values())

    accesses = ("l2_buffer_write_energy", "l2_buffer_read_energy", "l1_buffer_write_energy", "l1_buffer_read_energy")
    energy = sum(total(key) for key in accesses) + cost.macs
    throughput = ratio(cost.macs, cost.runtime)
    return {
        "runtime": cost.runtime,
        "throughput": throughput,
        "overall_data_reuse_factor": ratio(total("l1_buffer_read"), total("l1_buffer_write")),
        "total_l2_buffer_requirement": total("l2_size_requirement"),
        "total_l1_buffer_requirement": total("l1_size_requirement"),
        **{f"total_{key}": total(key) for key in accesses},
        "total_mac_energy": cost.macs,
        "peak_bandwidth_requirement": cost.peak_bandwidth,
        "avg_bandwidth_requirement": cost.average_bandwidth,
        "total_energy_consumption": energy,
        "performance_per_mac_energy": ratio(throughput, energy),
        "average_number_of_utilized_pes": cost.active,
        "arithmetic_intensity": cost.intensity,
    }


def area_and_power(hardware: Hardware, l1: int, l2: int) -> tuple[float, dict[str, float]]:
    """Return um2 and mW of a machine with just the buffers that the layer needs."""
    pes, lanes, bandwidth = hardware.num_pes, hardware.simd_lanes, hardware.noc_bandwidth
    l1, l2 = max(l1, 1), max(l2, 1)
    arbiter = 1.2886 * pes * pes + 5.5814 * pes - 23.711
    bus = 14.662 * pes + 28.895
    area = pes * (283 * lanes + 0.104 * l1) + 0.104 * l2 + 101.7938 * bus * bandwidth + max(395.473 * arbiter, 395.473)
    power = {
        "PE power": pes * 1.2223 * lanes,
        "L1 power": pes * 0.00345 * l1,
        "L2 power": 0.00345 * l2,
        "NOC power": 0.8 * bus / 1000 * bandwidth + max(0.34 * arbiter / 1000, 0.34),
    }
    return area, power


def csv_row(
    network: Network,
    layer: Layer,
    tensors: Tensors,
    cost: Cost,
    hardware: Hardware,
    blocks: dict[str, dict[str, Any]],
    summary: dict[str, Any],
    delays: dict[str, dict[str, int]],
    l1_accesses: int | None,
) -> dict[str, Any]:
    l2_accesses = sum(counts.l2_write for counts in cost.tensors.values()) + cost.input.l2_read + cost.filter.l2_read
    energy = MAC_NJ * summary["total_energy_consumption"]
    if l1_accesses is not None:
        energy = MAC_NJ * (L2_ENERGY * l2_accesses + L1_ENERGY * l1_accesses)
    l1, l2 = summary["total_l1_buffer_requirement"], summary["total_l2_buffer_requirement"]
    area, power = area_and_power(hardware, l1, l2)
    row = {
        "Neural Network Name": network.name,
        "Layer Number": label(layer.name),
        "NumPEs": hardware.num_pes,
        "Runtime (Cycles)": cost.runtime,
        "Activity count-based Energy (nJ)": energy,
        "Throughput (MACs/Cycle)": summary["throughput"],
        "Throughput Per Energy (GMACs/s*J)": ratio(summary["throughput"], energy) * 1e9,
        "Area": area,
        "Power": sum(power.values()),
        "NoC BW Req (Elements/cycle)": cost.peak_bandwidth,
        "Avg BW Req": cost.average_bandwidth,
        "Peak BW Req": cost.peak_bandwidth,
        "Vector Width": hardware.simd_lanes,
        "Offchip BW Req (Elements/cycle)": cost.offchip_bandwidth,
        "L2 SRAM Size Req (Bytes)": l2,
        "L1 SRAM Size Req (Bytes)": l1,
        "Multicasting Factor (Weight)": ratio(cost.filter.l1_write, cost.filter.l2_read),
        "Multicasting Factor (Input)": ratio(cost.input.l1_write, cost.input.l2_read),
        "Num Total Input Pixels": declared(layer, tensors.input),
        "Num Total Weight Pixels": declared(layer, tensors.filter),
        "Ops/J": ratio(cost.macs, energy) * 1e9,
        "Num MACs": cost.macs,
        **power,
    }
    for name, block in blocks.items():
        for memory in ("l1", "l2"):
            for access in ("read", "write"):
                row[f"{name} {memory} {access}"] = block[f"{memory}_buffer_{access}"]
        row[f"{name} reuse factor"] = block["data_reuse_factor"]
    for stage, title in (("ingress", "Ingress"), ("egress", "Egress"), ("computation", "Compute")):
        second = "Compute Delay (Min)#2" if stage == "computation" else f"{title} Delay (Max)"
        row[f"{title} Delay (Min)"] = delays[stage]["min"]
        row[second] = delays[stage]["max"]
        row[f"{title} Delay (Avg)"] = delays[stage]["avg"]
    row["Avg number of utilized PEs"] = cost.active
    row["Arithmetic Intensity"] = cost.intensity
    return row


def declared(layer: Layer, variables: tuple[str, ...]) -> int:
    return math.prod(dimension.size for dimension in layer.dimensions if dimension.name in variables)
