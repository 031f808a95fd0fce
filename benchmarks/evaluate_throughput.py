"""Mappings per second of evaluate_batch, against a bound from operations and bytes per mapping.

Run: python benchmarks/evaluate_throughput.py [--rows N] [--seconds S]

Workload: Eyeriss-like machine (5 memories, 168 PEs) x the ResNet 3x3 layer 64->64, 56x56; tiling, order, parallelism,
mesh and residency are all data (with and without free cuts), in float64. The bound is the time that the model's elementary
operations (counted in its JAX graph) take at the fastest rate measured here for such operations, or its input bytes at the
measured read rate, whichever is longer.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from machines import eyeriss_like, machine_name, random_batch, resnet_3x3

from archloom.architecture.hierarchy import Architecture
from archloom.mapping.nest import Mapping
from archloom.model.batch import MappingBatch, evaluate_batch
from archloom.model.batch_lanes import nest_lanes, price
from archloom.model.evaluate import evaluate
from archloom.model.hardware import hardware_of
from archloom.model.plan import lower
from archloom.workload.einsum import Workload


def rate(run: Callable[[], object], size: int, seconds: float) -> float:
    """Items per second of `run`, after one call to warm up."""
    run()
    start, calls = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        run()
        calls += 1
    return calls * size / (time.perf_counter() - start)


def operations(workload: Workload, machine: Architecture, batch: MappingBatch) -> tuple[int, int]:
    """(elementary operations, input bytes) per mapping, read off the model's own JAX graph."""
    import jax

    plan = lower(workload, machine, cuts=batch.cut is not None)

    def energy(block: dict[str, Any]) -> Any:
        nest = nest_lanes(plan, MappingBatch(**block), lambda v, boolean=False: v if boolean else v.astype("float64"))
        _, costs = price(plan, nest, hardware_of(machine))
        return costs.energy_pj, costs.cycles, costs.reason

    block = parts(batch[slice(0, 64)])
    with jax.enable_x64(True):
        graph = jax.make_jaxpr(energy)(block)
    free = {"slice", "squeeze", "convert_element_type", "broadcast_in_dim", "reshape"}
    count = sum(1 for equation in graph.eqns if equation.primitive.name not in free)
    return count, sum(part.nbytes for part in block.values()) // 64


def parts(batch: MappingBatch) -> dict[str, Any]:
    names = ("temporal", "order", "x", "y", "keep", "cut")
    return {name: getattr(batch, name) for name in names if getattr(batch, name) is not None}


def elementwise_rate(rows: int, seconds: float) -> float:
    """Measured elementary float64 operations per second: independent chains of multiply, add, compare and select, in cache."""
    import jax
    import jax.numpy as jnp

    chains, steps = 16, 24

    def work(values: Any) -> Any:
        lanes = [values * (1 + chain / chains) for chain in range(chains)]
        for _ in range(steps):
            lanes = [jnp.where(lane > values, lane * values, lane + values) for lane in lanes]
        return sum(lanes)

    with jax.enable_x64(True):
        run = jax.jit(work)
        values = jnp.linspace(0.1, 0.9, rows)
        return rate(lambda: run(values).block_until_ready(), rows * chains * steps * 4, seconds)


def copy_rate(seconds: float, size: int = 1 << 26) -> float:
    """Measured bytes read per second, far beyond the caches."""
    import jax

    data = jax.numpy.ones(size // 4, "int32")
    run = jax.jit(lambda v: v.sum())
    return rate(lambda: run(data).block_until_ready(), size, seconds)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1 << 18, help="mappings per call")
    arguments.add_argument("--seconds", type=float, default=2.0, help="time per figure")
    options = arguments.parse_args()
    import jax

    jax.config.update("jax_compilation_cache_dir", None)
    workload, machine = resnet_3x3(), eyeriss_like()
    device = jax.devices()[0]
    print(f"machine: {machine_name()}; JAX {jax.__version__} on {device.device_kind} ({device.platform})")
    peak, reading = (
        elementwise_rate(1 << (15 if device.platform == "cpu" else 24), options.seconds),
        copy_rate(options.seconds),
    )
    print(f"measured: {peak / 1e9:,.1f} G elementwise float64 operations/s, {reading / 1e9:,.1f} GB/s read")
    print(f"{'':34}{'M mappings/s':>14}{'of bound':>10}{'operations':>12}{'bytes':>7}")
    for cuts in (False, True):
        batch = random_batch(workload, machine, options.rows, cuts=cuts)
        ops, size = operations(workload, machine, batch)
        bound = min(peak / ops, reading / size)
        label = "with free cuts" if cuts else "level tiles"
        small = batch[slice(0, 1 << 16)]
        show(
            f"NumPy, {label}",
            rate(lambda b=small: evaluate_batch(workload, machine, b), len(small), options.seconds),
            bound,
            ops,
            size,
        )

        def from_host(b: MappingBatch = batch) -> object:
            return evaluate_batch(workload, machine, b, backend="jax")

        show(f"JAX, {label}, arrays on host", rate(from_host, len(batch), options.seconds), bound, ops, size)
        with jax.enable_x64(True):
            resident = MappingBatch(**{name: jax.device_put(part) for name, part in parts(batch).items()})

        def on_device(b: MappingBatch = resident) -> object:
            return evaluate_batch(workload, machine, b, backend="jax").energy_pj.block_until_ready()

        show(f"JAX, {label}, arrays on device", rate(on_device, len(batch), options.seconds), bound, ops, size)
    single(workload, machine)
    print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


def show(name: str, found: float, bound: float, ops: int, size: int) -> None:
    print(f"{name:34}{found / 1e6:14.2f}{found / bound:10.0%}{ops:12}{size:7}")


def single(workload: Workload, machine: Architecture) -> None:
    """One `evaluate` of one mapping object, warm."""
    batch = random_batch(workload, machine, 20000, seed=1)
    legal = np.flatnonzero(evaluate_batch(workload, machine, batch).reason == 0)
    mapping: Mapping = batch.mapping(int(legal[0]), workload, machine)
    found = rate(lambda: evaluate(workload, machine, mapping), 1, 1.0)
    print(f"single evaluate: {1e3 / found:.2f} ms")


if __name__ == "__main__":
    main()
