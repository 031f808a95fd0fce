"""The best mapping of two small layers: proven, priced again, and compared with what a random search finds."""

from __future__ import annotations

import archloom as al
from archloom.workload.layers import conv2d, gemm
from archloom.workload.network import Layer, Network


def main() -> None:
    """Map, check and compare."""
    machine = al.load("eyeriss")
    assert machine.architecture is not None
    network = Network(
        "example", (Layer(conv2d("conv", M=8, C=4, P=8, Q=8, R=3, S=3)), Layer(gemm("fc", M=1, N=10, K=512)))
    )
    best = al.map(network, machine.architecture, constraints=machine, objective="edp")
    drawn = al.map(network, machine.architecture, constraints=machine, objective="edp", strategy="random", seed=1)
    for layer, other in zip(best.layers, drawn.layers, strict=True):
        again = al.evaluate(layer.workload, machine.architecture, layer.mapping)
        assert again.edp == layer.objective == layer.bound
        print(f"{layer.name}: EDP {layer.objective:.4g} is the least of {layer.space_size:,} mappings,", end=" ")
        print(f"{other.objective / layer.objective:.2f} times less than the best of {other.priced:,} random ones")


if __name__ == "__main__":
    main()
