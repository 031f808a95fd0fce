"""Machines, layers and random mapping batches that the benchmarks share."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import numpy as np

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.model.batch import MappingBatch
from archloom.workload.einsum import Workload, einsum


def eyeriss_like() -> Architecture:
    """An Eyeriss-like machine of five memories, 168 PEs; the global buffer may hold any tensor (JSSC 2017 sizes, 16-bit words)."""
    some = frozenset
    pe = [
        Memory(
            "PSPAD",
            24 * 16,
            keep=some(["outputs"]),
            bypass=some(["inputs", "weights"]),
            read_pj=1,
            write_pj=1,
            update_pj=1,
        ),
        Memory(
            "WSPAD",
            224 * 16,
            keep=some(["weights"]),
            bypass=some(["inputs", "outputs"]),
            read_pj=1,
            write_pj=1,
            update_pj=1,
        ),
        Memory(
            "ISPAD",
            12 * 16,
            keep=some(["inputs"]),
            bypass=some(["weights", "outputs"]),
            read_pj=1,
            write_pj=1,
            update_pj=1,
        ),
    ]
    buffer = Memory(
        "GLB",
        108 * 1024 * 8,
        block=4,
        read_bandwidth=16,
        write_bandwidth=16,
        read_pj=24,
        write_pj=24,
        update_pj=24,
        fanout=Fanout(14, 12),
    )
    dram = Memory("DRAM", block=4, read_bandwidth=4, write_bandwidth=4, read_pj=800, write_pj=800, update_pj=800)
    return Architecture("eyeriss-like", (*pe, buffer, dram), Compute("MAC", 1.0))


def resnet_3x3() -> Workload:
    """The 3x3 convolution 64 -> 64 on 56x56 of ResNet."""
    bounds = {"N": 1, "M": 64, "C": 64, "P": 56, "Q": 56, "R": 3, "S": 3}
    return einsum("Outputs[N,M,P,Q] += Weights[M,C,R,S] * Inputs[N,C,P+R,Q+S]", bounds, name="resnet_3x3_64_64_56")


def random_batch(
    workload: Workload, architecture: Architecture, size: int, *, seed: int = 0, cuts: bool = False
) -> MappingBatch:
    """Random mappings with all axes as data: every factorisation, order, mesh split and allowed residency may occur."""
    rng = np.random.default_rng(seed)
    levels, dims = len(architecture.levels), len(workload.dims)
    open_levels = [at for at, level in enumerate(architecture.levels) if level.fanout.total > 1]
    temporal, x, y = (np.ones((levels, dims, size), np.int16) for _ in range(3))
    rows = np.arange(size)
    for d, bound in enumerate(workload.bounds.values()):
        for prime in _prime_factors(bound):
            place = rng.integers(0, levels + len(open_levels), size)
            for at in range(levels):
                temporal[at, d, rows[place == at]] *= prime
            for k, at in enumerate(open_levels):
                across = rows[place == levels + k]
                x[at, d, across] *= prime
        for at in open_levels:
            flip = rng.random(size) < 0.5
            x[at, d], y[at, d] = np.where(flip, 1, x[at, d]), np.where(flip, x[at, d], 1)
    order = np.argsort(rng.random((levels, dims, size), dtype=np.float32), axis=1).astype(np.int8)
    keep = rng.random((levels, len(workload.tensors), size)) < 0.5
    for at, level in enumerate(architecture.levels):
        for t, tensor in enumerate(workload.tensors):
            if at == levels - 1 or level.must_keep(tensor):
                keep[at, t] = True
            elif not level.may_keep(tensor):
                keep[at, t] = False
    cut = rng.integers(0, dims + 1, keep.shape).astype(np.int8) if cuts else None
    return MappingBatch(temporal, order, x, y, keep, cut)


def _prime_factors(number: int) -> list[int]:
    factors: list[int] = []
    prime = 2
    while number > 1:
        while number % prime == 0:
            factors.append(prime)
            number //= prime
        prime += 1
    return factors


def machine_name() -> str:
    """Processor and core count, for the head of a table."""
    model = platform.processor() or "unknown processor"
    try:
        with Path("/proc/cpuinfo").open() as info:
            model = next(line.split(":", 1)[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{model}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, NumPy {np.__version__}"
