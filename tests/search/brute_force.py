"""Small random mapping problems, and their optimum by pricing every mapping there is."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator

import numpy as np

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.mapspace.rules import ANY, ONE, Rules
from archloom.model.arrays import MappingBatch
from archloom.model.batch import evaluate_batch
from archloom.search.objective import Objective
from archloom.workload.einsum import Workload, einsum


def free_rules(workload: Workload, architecture: Architecture) -> Rules:
    """The rules of an unconstrained mapspace with level-synchronous tiles."""
    levels, dims = architecture.levels, len(workload.dims)
    spatial = tuple(tuple(ANY if level.fanout.total > 1 else ONE for _ in range(dims)) for level in levels)
    keep = tuple(
        tuple(
            (True,) if at == len(levels) - 1 or level.must_keep(t) else (False, True) if level.may_keep(t) else (False,)
            for t in workload.tensors
        )
        for at, level in enumerate(levels)
    )
    return Rules(
        bounds=tuple(workload.bounds.values()),
        temporal=tuple((ANY,) * dims for _ in levels),
        x=spatial,
        y=spatial,
        spatial=spatial,
        mesh=tuple((level.fanout.x, level.fanout.y) for level in levels),
        reshapeable=tuple(level.fanout.reshapeable for level in levels),
        pooled=architecture.pooled,
        order_inner=((),) * len(levels),
        order_outer=((),) * len(levels),
        keep=keep,
        parallelism=(ANY,) * len(levels),
        total_parallelism=ANY,
        min_fill=(0.0,) * len(levels),
    )


def random_problem(seed: int) -> tuple[Workload, Architecture, str, bool]:
    """(workload, architecture, objective name, drain_reads): small enough to enumerate."""
    rng = random.Random(seed)
    workload = _random_workload(rng)
    architecture = _random_architecture(rng, workload)
    return workload, architecture, rng.choice(["energy", "latency", "edp"]), rng.random() < 0.3


def _random_workload(rng: random.Random) -> Workload:
    def pick(*values: int) -> int:
        return rng.choice(values)

    kind = rng.choice(["gemm", "conv1d", "strided", "depthwise", "mttkrp", "batched", "conv2d", "chain"])
    if kind == "gemm":
        return einsum("O[m,n] += W[m,k] * I[k,n]", {"m": pick(2, 4, 6), "n": pick(2, 3, 4), "k": pick(2, 4, 8)})
    if kind == "conv1d":
        bounds = {"m": pick(1, 2), "c": pick(2, 1), "p": pick(4, 6, 2), "r": pick(3, 2)}
        return einsum("O[m,p] += W[m,c,r] * I[c,p+r]", bounds)
    if kind == "strided":
        text = f"O[p] += W[r] * I[{pick(1, 2, 3)}*p+{pick(1, 2)}*r]"
        return einsum(text, {"p": pick(4, 6, 8), "r": pick(3, 2, 4)})
    if kind == "depthwise":
        return einsum("O[c,p] += W[c,r] * I[c,p+r]", {"c": pick(2, 3), "p": pick(4, 2), "r": pick(3, 2)})
    if kind == "batched":
        bounds = {"b": 2, "m": pick(2, 3), "n": pick(2, 4), "k": pick(2, 4)}
        return einsum("O[b,m,n] += W[b,m,k] * I[b,k,n]", bounds)
    if kind == "conv2d":
        return einsum("O[p,q] += W[r,s] * I[p+r,q+s]", {"p": pick(2, 4), "q": 2, "r": pick(2, 3), "s": 2})
    if kind == "chain":
        return einsum("O[p] += I[p+r] * W[r]", {"p": pick(8, 12), "r": pick(2, 4, 3)})
    return einsum("O[i,j] += A[i,k] * B[k,j] * C[j]", {"i": pick(2, 4), "j": pick(2, 3), "k": pick(2, 4)})


def _random_architecture(rng: random.Random, workload: Workload) -> Architecture:
    depth = rng.choice([2, 2, 3]) if len(workload.dims) < 4 else 2
    levels: list[Memory] = []
    fanouts = 0
    for at in range(depth):
        fanout = Fanout()
        if fanouts < 2 and rng.random() < 0.5:
            no_multicast = frozenset(["all"]) if rng.random() < 0.1 else frozenset[str]()
            fanout = Fanout(rng.choice([2, 3, 4]), rng.choice([1, 2]), no_multicast)
            fanouts += 1
        keep, bypass = frozenset[str](), frozenset[str]()
        for tensor in workload.tensors if at < depth - 1 else ():
            dice = rng.random()
            keep |= {tensor.name} if dice < 0.3 else frozenset()
            bypass |= {tensor.name} if 0.3 <= dice < 0.5 else frozenset()
        price = [1.0, 6.0, 100.0][at if depth == 3 else 2 * at]
        levels.append(
            Memory(
                f"L{at}",
                size_bits=math.inf if at == depth - 1 else 16 * rng.choice([3, 6, 10, 20, 40]),
                block=rng.choice([1, 1, 2]),
                read_bandwidth=rng.choice([None, None, 1.0, 0.5]),
                write_bandwidth=rng.choice([None, None, 1.0]),
                shared_bandwidth=rng.choice([None, None, None, 0.7]),
                keep=keep,
                bypass=bypass,
                read_pj=price,
                write_pj=1.1 * price,
                update_pj=1.2 * price,
                leak_pj=rng.choice([0.0, 0.0, 0.3]),
                fanout=fanout,
            )
        )
    return Architecture("random", tuple(levels), Compute("MAC", 1.0, leak_pj=rng.choice([0.0, 0.1])))


def every_mapping(workload: Workload, architecture: Architecture) -> Iterator[MappingBatch]:
    """Every mapping of the unconstrained level-synchronous space, in batches (orders of the innermost level are equal)."""
    depth, dims, tensors = len(architecture.levels), len(workload.dims), len(workload.tensors)
    fanned = [at for at, level in enumerate(architecture.levels) if level.fanout.total > 1]
    slots = [("temporal", at) for at in range(depth)] + [(axis, at) for at in fanned for axis in ("x", "y")]
    choices = [
        [
            factors
            for factors in _factorisations(workload.bounds[dim], len(slots))
            if all(1 in (factors[slots.index(("x", at))], factors[slots.index(("y", at))]) for at in fanned)
        ]
        for dim in workload.dims
    ]
    grid = np.array(np.meshgrid(*[np.arange(len(c)) for c in choices], indexing="ij")).reshape(dims, -1)
    tables = {name: np.ones((depth, dims, grid.shape[1]), np.int64) for name in ("temporal", "x", "y")}
    for d in range(dims):
        factors = np.array(choices[d])
        for slot, (name, at) in enumerate(slots):
            tables[name][at, d] = factors[grid[d], slot]
    fits = np.ones(grid.shape[1], bool)
    for at in fanned:
        fanout = architecture.levels[at].fanout
        fits &= (tables["x"][at].prod(0) <= fanout.x) & (tables["y"][at].prod(0) <= fanout.y)
    temporal, x, y = (tables[name][..., fits] for name in ("temporal", "x", "y"))
    size = temporal.shape[-1]
    held = [options for level in free_rules(workload, architecture).keep for options in level]
    for keep in itertools.product(*held):
        kept = np.repeat(np.array(keep).reshape(depth, tensors, 1), size, axis=2)
        for orders in itertools.product(itertools.permutations(range(dims)), repeat=depth - 1):
            order = np.array([tuple(range(dims)), *orders])[:, :, None]
            yield MappingBatch(temporal, np.repeat(order, size, axis=2), x, y, kept)


def _factorisations(number: int, parts: int) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (number,)
        return
    for factor in range(1, number + 1):
        if number % factor == 0:
            for rest in _factorisations(number // factor, parts - 1):
                yield (factor, *rest)


def best_by_enumeration(
    workload: Workload, architecture: Architecture, objective: Objective, *, drain_reads: bool = False
) -> tuple[float, float]:
    """The least objective of all mappings, and the least second figure among those that reach it (inf: none is legal)."""
    best = math.inf, math.inf
    for batch in every_mapping(workload, architecture):
        result = evaluate_batch(workload, architecture, batch, drain_reads=drain_reads)
        for energy, cycles in _front(np.asarray(result.energy_pj), np.asarray(result.cycles)):
            key = objective.key(energy, cycles)
            if key[0] < best[0] * (1 - 1e-12) or (key[0] <= best[0] * (1 + 1e-12) and key[1] < best[1]):
                best = key
    return best


def _front(energy: np.ndarray, cycles: np.ndarray) -> Iterator[tuple[float, float]]:
    """The undominated (energy, cycles) pairs: whatever the objective, the best is among them."""
    least = math.inf
    for row in np.lexsort((cycles, energy)):
        if cycles[row] < least:
            least = cycles[row]
            yield float(energy[row]), float(cycles[row])
