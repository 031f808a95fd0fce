"""The machine that MAESTRO has in mind, as an architecture: DRAM, L2, a fanout for each level of clusters, L1, MACs."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.interop.maestro.columns import L1_ENERGY, L2_ENERGY, MAC_NJ
from archloom.interop.maestro.hardware import Hardware
from archloom.interop.maestro.parse import LARGEST

__all__ = ["Clusters", "machine_of"]

MAC_PJ = MAC_NJ * 1000
ELEMENT_BITS = 8
"""MAESTRO counts elements and calls them bytes."""

EVERYTHING = frozenset({"all"})


class Clusters(Enum):
    """What stands between L2 and the PEs of a cluster.

    WIRES: nothing, so that L2 sends again what the loops inside a cluster come back to. BUFFERS: a memory in each
    cluster that holds its tile, as MAESTRO counts L2's reads; it has no energy, as in MAESTRO.
    """

    WIRES = "wires"
    BUFFERS = "buffers"


def machine_of(hardware: Hardware, sub_clusters: Sequence[int], clusters: Clusters) -> Architecture:
    """Return the machine whose levels of clusters have so many sub-clusters, outermost first."""
    noc = limit(hardware.noc_bandwidth)
    fans = [Fanout(count, fill_latency=hardware.noc_latency) for count in sub_clusters]
    l1 = memory("L1", L1_ENERGY, Fanout(hardware.simd_lanes))
    inner = [
        Memory(f"Cluster{at}", fanout=fan, word_bits=ELEMENT_BITS, kind="cluster buffer", read_bandwidth=noc)
        if clusters is Clusters.BUFFERS
        else Memory(f"Cluster{at}", size_bits=0, bypass=EVERYTHING, fanout=fan, kind="network")
        for at, fan in enumerate(fans[1:], 1)
    ]
    l2 = memory("L2", L2_ENERGY, fans[0], noc)
    off_chip = limit(hardware.offchip_bandwidth)
    dram = Memory("DRAM", word_bits=ELEMENT_BITS, kind="DRAM", read_bandwidth=off_chip, write_bandwidth=off_chip)
    return Architecture("maestro", (l1, *reversed(inner), l2, dram), Compute(energy_pj=MAC_PJ, word_bits=ELEMENT_BITS))


def memory(name: str, energy: float, fanout: Fanout, bandwidth: float | None = None) -> Memory:
    cost = energy * MAC_PJ
    return Memory(
        name,
        word_bits=ELEMENT_BITS,
        keep=EVERYTHING,
        read_pj=cost,
        write_pj=cost,
        update_pj=cost,
        read_bandwidth=bandwidth,
        write_bandwidth=bandwidth,
        fanout=fanout,
        kind="SRAM",
    )


def limit(bandwidth: int) -> float | None:
    return None if bandwidth >= LARGEST else bandwidth
