"""A small machine and small layers that the tests of the mapper share; every search takes a fraction of a second."""

from __future__ import annotations

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.workload.einsum import Workload, einsum
from archloom.workload.layers import gemm
from archloom.workload.network import Layer, Network

MACHINE = Architecture(
    "small",
    (
        Memory("RF", 8 * 16, read_pj=1.0, write_pj=1.0, update_pj=1.0),
        Memory(
            "GLB",
            64 * 16,
            read_pj=6.0,
            write_pj=7.0,
            update_pj=7.0,
            keep=frozenset({"all"}),
            fanout=Fanout(4, 2),
            area_um2=10.0,
        ),
        Memory("DRAM", read_pj=200.0, write_pj=210.0, update_pj=210.0, shared_bandwidth=2.0),
    ),
    Compute("MAC", 0.5),
)


def conv(name: str = "conv", **bounds: int) -> Workload:
    """A one-dimensional convolution."""
    return einsum("O[m,p] += W[m,c,r] * I[c,p+r]", {"m": 4, "c": 4, "p": 6, "r": 3} | bounds, name=name)


NETWORK = Network(
    "three",
    (
        Layer(conv("first")),
        Layer(gemm("second", M=8, N=4, K=6), count=3),
        Layer(gemm("third", M=2, N=6, K=16)),
    ),
)
