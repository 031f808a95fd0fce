"""The columns of many prices at once: what `columns` makes of one, as arrays, in the same order of additions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.interop.maestro.columns import L1_ENERGY, L2_ENERGY, MAC_NJ
from archloom.interop.maestro.cost import Cost

__all__ = ["area_of", "columns_of_numbers", "csv_energy_nj", "noc_terms", "numbers_of_cost", "power_of"]

Numbers = NDArray[Any]

STAGES = ("ingress", "egress", "computation")
TENSORS = ("input", "filter", "output")
L2_SIZE, L2_WRITE, L2_READ, L1_WRITE, SUMS, MACS, L1_SIZE, BELOW = 12, 15, 18, 21, 24, 25, 26, 29
"""Where the numbers of a price start in the kernel's rows; before them are runtime, bandwidths and delays."""


def numbers_of_cost(cost: Cost) -> tuple[list[int], list[float]]:
    """Return the row that the kernel makes, of a price of the scalar engine."""
    wholes = [cost.runtime, cost.peak_bandwidth, cost.offchip_bandwidth]
    for stage in (cost.ingress, cost.egress, cost.computation):
        wholes += stage.summary(cost.occurrences).values()
    tensors = list(cost.tensors.values())
    for part in ("l2_size", "l2_write", "l2_read", "l1_write"):
        wholes += [getattr(counts, part) for counts in tensors]
    wholes += [cost.output.l1_read, cost.macs]
    wholes += [counts.l1_size for counts in cost.first_priced.tensors.values()]
    wholes.append(int(cost.innermost is not None))
    return wholes, [cost.active, cost.average_bandwidth, cost.intensity]


def columns_of_numbers(wholes: Numbers, reals: Numbers) -> dict[str, Numbers]:
    """Return named columns of rows `wholes` [..., 30] and `reals` [..., 3].

    Cycles, elements, elements per cycle; `energy` in units of one MAC is the total of MAESTRO's summary. `l1_accesses` and
    `l2_accesses` are what the energy of its CSV file is made of.
    """
    found: dict[str, Numbers] = {
        "runtime": wholes[..., 0],
        "peak_bandwidth": wholes[..., 1],
        "offchip_bandwidth": wholes[..., 2],
        "macs": wholes[..., MACS],
        "active_pes": reals[..., 0],
        "average_bandwidth": reals[..., 1],
        "intensity": reals[..., 2],
    }
    for number, stage in enumerate(STAGES):
        for place, part in enumerate(("min", "max", "avg")):
            found[f"{stage}_{part}"] = wholes[..., 3 + 3 * number + place]
    for place, tensor in enumerate(TENSORS):
        found[f"{tensor}_l2_size"] = wholes[..., L2_SIZE + place]
        found[f"{tensor}_l1_size"] = wholes[..., L1_SIZE + place]
        found[f"{tensor}_l2_write"] = wholes[..., L2_WRITE + place]
        found[f"{tensor}_l2_read"] = wholes[..., L2_READ + place]
        found[f"{tensor}_l1_write"] = wholes[..., L1_WRITE + place]
        found[f"{tensor}_l1_read"] = wholes[..., SUMS if tensor == "output" else MACS]
    found["clustered"] = wholes[..., BELOW] != 0
    found["l1_required"] = sum_of(found, "l1_size")
    found["l2_required"] = sum_of(found, "l2_size")
    found["l1_accesses"] = sum_of(found, "l1_write") + sum_of(found, "l1_read")
    energy = 0.0
    for part, each in (
        ("l2_write", L2_ENERGY),
        ("l2_read", L2_ENERGY),
        ("l1_write", L1_ENERGY),
        ("l1_read", L1_ENERGY),
    ):
        energy = energy + sum(each * found[f"{tensor}_{part}"] for tensor in TENSORS)
    found["energy"] = energy + found["macs"]
    with np.errstate(divide="ignore", invalid="ignore"):
        found["throughput"] = found["macs"] / found["runtime"]
    return found


def sum_of(columns: dict[str, Numbers], part: str) -> Numbers:
    return sum(columns[f"{tensor}_{part}"] for tensor in TENSORS)  # pyright: ignore[reportReturnType]


def csv_energy_nj(columns: dict[str, Numbers], l1_accesses: Numbers, *, mended: bool) -> Numbers:
    """Return the energy of MAESTRO's CSV file in nJ: without MACs and without the reads of outputs, unless that is mended."""
    if mended:
        return MAC_NJ * columns["energy"]
    accesses = sum_of(columns, "l2_write") + columns["input_l2_read"] + columns["filter_l2_read"]
    return MAC_NJ * (L2_ENERGY * accesses + L1_ENERGY * l1_accesses)


def noc_terms(pes: Numbers, bandwidth: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Return the bus's and the arbiter's area (um2), and the power of both (mW)."""
    pes, bandwidth = pes.astype(float), bandwidth.astype(float)
    arbiter = 1.2886 * pes * pes + 5.5814 * pes - 23.711
    bus = 14.662 * pes + 28.895
    power = 0.8 * bus / 1000 * bandwidth + np.maximum(0.34 * arbiter / 1000, 0.34)
    return 101.7938 * bus * bandwidth, np.maximum(395.473 * arbiter, 395.473), power


def area_of(pes: Numbers, lanes: Numbers, bandwidth: Numbers, l1: Numbers, l2: Numbers) -> Numbers:
    """Return um2 of machines with buffers of `l1` and `l2` elements."""
    bus, arbiter, _ = noc_terms(pes, bandwidth)
    return pes * (283 * lanes + 0.104 * np.maximum(l1, 1)) + 0.104 * np.maximum(l2, 1) + bus + arbiter


def power_of(pes: Numbers, lanes: Numbers, bandwidth: Numbers, l1: Numbers, l2: Numbers) -> Numbers:
    """Return mW of machines with buffers of `l1` and `l2` elements."""
    _, _, noc = noc_terms(pes, bandwidth)
    return pes * 1.2223 * lanes + pes * 0.00345 * np.maximum(l1, 1) + 0.00345 * np.maximum(l2, 1) + noc
