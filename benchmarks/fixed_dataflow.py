"""Designs per second at a fixed dataflow: a whole grid by FixedSweep, and evaluate_batch on designs of the same grid beside it.

Run: python benchmarks/fixed_dataflow.py [--threads N] [--batch B]

The Eyeriss of the zoo with technology-priced memories at 45 nm, free mesh, memories, bandwidth and MAC energy; one layer (ResNet-18,
3x3, 64->64) at a mapping that most designs can hold. Per design: energy, cycles, EDP, area and legality, the best design per objective and the
Pareto front of energy, cycles and area. A design is priced by look-ups of rows that are worked out once: these are the distinct work.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np
from machines import machine_name

import archloom as al
from archloom.errors import ArchloomError
from archloom.exploration.fixed import FixedSweep
from archloom.exploration.space_file import load_space
from archloom.model.arrays import pack
from archloom.model.batch import evaluate_batch

SPACE = """
architecture:
  name: eyeriss_priced
  word: 16 bit
  clock: 200 MHz
  node: 45 nm
  variables: {mac: 2.2}
  levels:
    - {name: DRAM, class: dram, type: LPDDR4, block: 4, shared_bandwidth: 480 MB/s, energy: 128 pJ/word, keep: all}
    - {name: GLB, class: sram, size: 128 KiB, block: 4, keep: [inputs, outputs], bypass: weights, fanout: {x: 14, y: 12}}
    - {name: ifmap_spad, class: regfile, size: 12 words, keep: inputs, bypass: [weights, outputs]}
    - {name: weight_spad, class: regfile, size: 224 words, keep: weights, bypass: [inputs, outputs]}
    - {name: psum_spad, class: regfile, size: 24 words, keep: outputs, bypass: [inputs, weights]}
  compute: {name: MAC, class: int_mac, energy: mac * 1 pJ}
constraints:
  - {level: GLB, x: {dims: [P, filters]}, y: {dims: [R, C, K, filters]}}
  - {level: ifmap_spad, temporal: {dims: []}}
  - {level: weight_spad, temporal: {dims: [S, C, K]}}
  - {level: psum_spad, temporal: {dims: [filters]}}
explore:
  name: fixed dataflow
  networks: "resnet18:layer1.0.conv1"
  parameters:
    levels.GLB.size: {range: [64 KiB, 512 KiB, 32 KiB]}
    array.x: {range: [8, 20]}
    array.y: {range: [8, 20]}
    levels.ifmap_spad.size: {range: [8 words, 40 words, 4 words]}
    levels.weight_spad.size: {range: [128 words, 512 words, 64 words]}
    levels.psum_spad.size: {range: [8 words, 40 words, 4 words]}
    levels.DRAM.shared_bandwidth: {range: [200 MB/s, 2000 MB/s, 200 MB/s]}
    mac: {range: [0.5, 3.5, 0.25]}
  constraints: [array.x * array.y <= 256]
  objectives: [edp]
"""


def timed(run: Callable[[], object]) -> float:
    """Seconds of one call, after one call to warm up."""
    run()
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def main() -> None:
    """Print designs per second by each way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--batch", type=int, default=200_000)
    options = parser.parse_args()
    began = time.perf_counter()
    request = load_space(SPACE)
    space, layer = request.space, request.suite.layers[0]
    print(f"{machine_name()}, {options.threads} threads")
    print(
        f"{space.size:,} designs, {space.count():,} within the constraints; read in {time.perf_counter() - began:.2f} s"
    )
    # a dataflow that also smaller machines can hold: the best mapping of one near the lower end
    small = space.nearest(
        {"levels.GLB.size": 96 * 8192, "array.x": 12, "array.y": 12, "levels.ifmap_spad.size": 12 * 16}
    )
    assert small is not None
    spec = request.machines.spec(small)
    machine = spec.architecture
    assert machine is not None
    mapping = al.map(layer, machine, constraints=spec, objective="edp").layers[0].mapping
    began = time.perf_counter()
    sweep = FixedSweep(request, [mapping])
    sweep.judge(space.sample(np.random.default_rng(0), 1))
    sweep.prepare()
    print(f"distinct work: {sweep.distinct:,} rows of levels, worked out in {time.perf_counter() - began:.2f} s")
    sweep.warm_up()
    began, cpu = time.perf_counter(), time.process_time()
    swept = sweep.sweep(threads=options.threads)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(f"FixedSweep.sweep            {swept.designs / seconds / 1e6:8.1f} M designs/s of the grid")
    print(f"                            {swept.admitted / seconds / 1e6:8.1f} M/s within the constraints")
    print(
        f"                            {swept.legal / seconds / 1e6:8.1f} M/s legal at this mapping, all priced in full"
    )
    print(
        f"                            {swept.legal / cpu / 1e6:8.1f} M legal designs per CPU-second, {swept.admitted / cpu / 1e6:.1f} M admitted"
    )
    designs = space.sample(np.random.default_rng(1), options.batch)
    seconds = timed(lambda: sweep.judge(designs))
    print(f"FixedSweep.judge            {len(designs) / seconds / 1e6:8.2f} M designs/s (columns of random designs)")
    rows, lanes = pack(layer, machine, [mapping]), request.machines.lanes(designs)
    for backend in ("numpy", "jax"):
        seconds = timed(
            lambda name=backend: np.asarray(
                evaluate_batch(layer, machine, rows, hardware=lanes, outer=True, backend=name).cycles
            )
        )
        print(
            f"evaluate_batch, {backend:5}       {len(designs) / seconds / 1e6:8.2f} M designs/s (of one mapping, lanes given)"
        )
    check(sweep, designs[:50])
    name = {"energy": "pJ", "latency": "cycles", "edp": "pJ x cycles"}
    for objective, (position, value) in swept.best.items():
        print(f"best {objective:8} {value:.6g} {name[objective]}: {space.described(space.unflat([position])[0])}")
    print(f"front of {len(swept.front)} designs in energy, cycles and area")


def check(sweep: FixedSweep, designs: np.ndarray) -> None:
    """Every number is what `evaluate` says."""
    columns, given = sweep.judge(designs), sweep.layers[0]
    for row, design in enumerate(designs):
        machine = sweep.machines.spec(design).architecture
        assert machine is not None
        try:
            cost = al.evaluate(given.workload, machine, given.mapping)
        except ArchloomError:
            assert columns["reason"][row, 0]
            continue
        assert (cost.energy_pj, cost.cycles) == (columns["energy_pj"][row, 0], columns["cycles"][row, 0])


if __name__ == "__main__":
    main()
