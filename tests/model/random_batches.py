"""Random batches: mappings of one workload on one machine as arrays, legal ones and every kind of illegal ones."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
from tests.model.simulation_cases import random_case

from archloom.architecture.hierarchy import Architecture
from archloom.model.batch import MappingBatch
from archloom.workload.einsum import Workload

__all__ = ["Problem", "random_batch", "random_problem"]

Problem = tuple[Workload, Architecture]


def random_problem(seed: int) -> Problem:
    """A small workload and a machine with tight memories; the same seed gives the same."""
    workload, architecture, _, _ = random_case(seed)
    rng = random.Random(f"problem {seed}")
    *inner, outermost = architecture.levels
    sizes = [*(rng.choice((math.inf, 2048, 16384)) for _ in inner), outermost.size_bits]
    levels = tuple(
        replace(level, size_bits=size, area_um2=rng.choice((0.0, 2.5)), cluster=rng.choice((1, 1, 2, 3)))
        for level, size in zip(architecture.levels, sizes, strict=True)
    )
    compute = replace(architecture.compute, area_um2=rng.choice((0.0, 1.5)))
    return workload, replace(architecture, levels=levels, compute=compute)


def random_batch(
    seed: int, workload: Workload, architecture: Architecture, size: int, *, padding: bool = False, cuts: bool = False
) -> MappingBatch:
    """Mappings over all axes; about one in six is not a mapping of this problem."""
    rng = random.Random(f"batch {seed}")
    levels, dims, tensors = len(architecture.levels), len(workload.dims), workload.tensors
    temporal, x, y = (np.ones((levels, dims, size), np.int16) for _ in range(3))
    order = np.array([[rng.sample(range(dims), dims) for _ in range(levels)] for _ in range(size)], np.int8)
    keep = np.zeros((levels, len(tensors), size), bool)
    for row in range(size):
        for d, bound in enumerate(workload.bounds.values()):
            for prime in primes(bound + (rng.choice((0, 0, 1, 2)) if padding else 0)):
                at = rng.randrange(levels)
                fans_out = architecture.levels[at].fanout.total > 1
                rng.choice((temporal, x, y) if fans_out else (temporal,))[at, d, row] *= prime
            for at in range(levels):
                if x[at, d, row] > 1 and y[at, d, row] > 1 and rng.random() < 0.95:
                    both = x[at, d, row] * y[at, d, row]
                    x[at, d, row], y[at, d, row] = rng.choice(((both, 1), (1, both)))
        if rng.random() < 0.06:
            rng.choice((temporal, x, y))[rng.randrange(levels), rng.randrange(dims), row] *= 2
        for at, level in enumerate(architecture.levels):
            for t, tensor in enumerate(tensors):
                free = rng.random() < 0.6
                keep[at, t, row] = at == levels - 1 or level.must_keep(tensor) or (level.may_keep(tensor) and free)
        if rng.random() < 0.06:
            keep[rng.randrange(levels), rng.randrange(len(tensors)), row] ^= True
    limit = np.array([rng.randint(0, dims) for _ in range(keep.size)], np.int8).reshape(keep.shape)
    return MappingBatch(temporal, np.moveaxis(order, 0, 2), x, y, keep, limit if cuts else None)


def primes(number: int) -> list[int]:
    """The prime factors of `number`, each as often as it divides it."""
    for prime in range(2, number + 1):
        if number % prime == 0:
            return [prime, *primes(number // prime)]
    return []
