"""Designs and mappings of MAESTRO dataflows priced per second: sweeps of machines and of directive sizes, beside the scalar engine.

Run: python benchmarks/maestro_sweeps.py [--mappings N] [--runs N] [--threads N]

The layer is CONV11 of VGG-16 (512 filters, 512 channels, 14 x 14 outputs) for the KC-P-like dataflow and CONV2 (64, 64, 224 x 224) for
the YR-P-like one. A design counts if its cycles, energy, area, power and feasibility under two budgets were worked out and entered
the best designs and the Pareto front; distinct runs are counted beside it. A mapping counts with every column. Each measurement is
taken N times and the best is shown; the first, uncounted one compiles.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from machines import machine_name

from archloom.errors import InputError
from archloom.interop.maestro import Hardware, Layer, Network, parse_mapping, price_network
from archloom.interop.maestro.directive_sweep import directive_sweep
from archloom.interop.maestro.sweep import hardware_sweep

KC_P = """Network vgg16 { Layer CONV11 { Type: CONV
  Dimensions { K: 512, C: 512, R: 3, S: 3, Y: 16, X: 16 }
  Dataflow {
    SpatialMap(1,1) K; TemporalMap(64,64) C; TemporalMap(Sz(R),Sz(R)) R; TemporalMap(Sz(S),Sz(S)) S;
    TemporalMap(Sz(R),1) Y; TemporalMap(Sz(S),1) X;
    Cluster(64, P);
    SpatialMap(1,1) C; TemporalMap(Sz(R),1) Y; TemporalMap(Sz(S),1) X; TemporalMap(Sz(R),Sz(R)) R; TemporalMap(Sz(S),Sz(S)) S;
} } }"""
YR_P = """Network vgg16 { Layer CONV2 { Type: CONV
  Dimensions { K: 64, C: 64, R: 3, S: 3, Y: 226, X: 226 }
  Dataflow {
    TemporalMap(2,2) C; TemporalMap(2,2) K; SpatialMap(Sz(R),1) Y; TemporalMap(Sz(S),1) X;
    TemporalMap(Sz(R),Sz(R)) R; TemporalMap(Sz(S),Sz(S)) S;
    Cluster(Sz(R), P);
    SpatialMap(1,1) Y; SpatialMap(1,1) R; TemporalMap(Sz(S),Sz(S)) S;
} } }"""

HARDWARE = Hardware(num_pes=256, noc_bandwidth=64, noc_latency=1, offchip_bandwidth=1000)
ENGINES = ("compatible", "corrected")


def layer_of(text: str) -> Layer:
    return parse_mapping(text).layers[0]


def kc_p_sizes(count: int, rng: np.random.Generator) -> dict[int, Any]:
    """Tiles of K, C, Y and X and the size of the clusters, drawn at random."""
    k, c, y, x = (rng.integers(1, most + 1, count) for most in (8, 512, 14, 14))
    pairs = {0: (k, k), 1: (c, c), 4: (y + 2, y), 5: (x + 2, x)}
    return {entry: np.stack(pair, axis=1) for entry, pair in pairs.items()} | {6: rng.integers(1, 129, count)}


def yr_p_sizes(count: int, rng: np.random.Generator) -> dict[int, Any]:
    """Tiles of C, K and X, drawn at random; a cluster of a PE per row of the filter makes one row of outputs."""
    c, k, x = (rng.integers(1, most + 1, count) for most in (64, 64, 224))
    pairs = {0: (c, c), 1: (k, k), 3: (x + 2, x)}
    return {entry: np.stack(pair, axis=1) for entry, pair in pairs.items()}


def best_of(run: Callable[[], object], runs: int) -> tuple[float, float]:
    """Least wall and CPU seconds."""
    run()
    walls, processors = [], []
    for _ in range(runs):
        wall, processor = time.perf_counter(), time.process_time()
        run()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return min(walls), min(processors)


def line(what: str, count: int, seconds: tuple[float, float], note: str = "") -> None:
    print(f"  {what:34}{count / seconds[0]:16,.0f}{count / seconds[1]:16,.0f}   {note}")


def machines(runs: int, threads: int) -> None:
    buffers = {"l1": range(16, 16 * 33, 16), "l2": range(2048, 2048 * 33, 2048)}
    # Multiples of the cluster: with any other count of PEs some would idle, and two counts make the same run.
    space = {"pes": range(64, 64 * 33, 64), "noc_bw": range(1, 4097)}
    for engine in ENGINES:
        for name, axes in (("PEs x bandwidth x L1 x L2", space | buffers), ("PEs x bandwidth", space)):
            budgets = {"area": 16e6, "power": 450.0}

            def run(axes: dict[str, range] = axes, engine: str = engine, budgets: dict[str, float] = budgets) -> object:
                return hardware_sweep(
                    layer_of(KC_P), axes, hardware=HARDWARE, engine=engine, budgets=budgets, threads=threads
                )

            sweep = hardware_sweep(layer_of(KC_P), axes, hardware=HARDWARE, engine=engine, budgets=budgets)
            note = f"{sweep.designs:,} designs, {sweep.runs:,} distinct runs, front of {len(sweep.front)}"
            line(f"designs, {engine}", sweep.designs, best_of(run, runs), f"{name}: {note}")


def mappings(count: int, runs: int, threads: int) -> None:
    rng = np.random.default_rng(0)
    for name, text, sizes in (("KC-P", KC_P, kc_p_sizes(count, rng)), ("YR-P", YR_P, yr_p_sizes(count, rng))):
        layer = layer_of(text)
        for engine in ENGINES:
            sweep = directive_sweep(layer, sizes, HARDWARE, engine=engine, threads=threads)

            def run(layer: Layer = layer, sizes: dict[int, Any] = sizes, engine: str = engine) -> object:
                return directive_sweep(layer, sizes, HARDWARE, engine=engine, threads=threads)

            distinct = len(np.unique(sweep.sizes.reshape(count, -1), axis=0))
            note = f"{name}: {count:,} mappings, {distinct:,} distinct, {sweep.priced.sum():,} run"
            line(f"mappings, {engine}", count, best_of(run, runs), note)
            some = [Network("", (sweep.mapping(place),)) for place in range(0, count, max(count // 100, 1))]

            def scalar(some: list[Network] = some, engine: str = engine) -> None:
                for network in some:
                    try:
                        price_network(network, HARDWARE, engine=engine)
                    except InputError:
                        continue

            line(f"mappings, {engine}, one by one", len(some), best_of(scalar, 1), name)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--mappings", type=int, default=200_000, help="mappings in a sweep")
    arguments.add_argument("--runs", type=int, default=3, help="runs of each")
    arguments.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = arguments.parse_args()
    print(f"machine: {machine_name()}; {options.threads} threads")
    print(f"  {'':34}{'per second':>16}{'per CPU-second':>16}")
    machines(options.runs, options.threads)
    mappings(options.mappings, options.runs, options.threads)
    print(
        "MAESTRO itself: 400 to 4,600 layers per CPU-second (recorded, -O3, in one process); its paper: 170,000 designs per second"
    )


if __name__ == "__main__":
    main()
