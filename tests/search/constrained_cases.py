"""Small random mapping problems under random constraints, and their optimum by pricing all that the mapspace lists."""

from __future__ import annotations

import math
import random
from typing import Literal

import numpy as np
from tests.search.brute_force import random_problem

from archloom.architecture.hierarchy import Architecture
from archloom.errors import InputError
from archloom.mapspace import Constraints, FactorRule, LevelConstraints, MapSpace
from archloom.model.batch import evaluate_batch
from archloom.search.objective import Objective, objective_of
from archloom.workload.einsum import Workload

LISTED = 200_000


def random_constraints(rng: random.Random, workload: Workload, architecture: Architecture) -> Constraints:
    """Rules of every kind, on some of the levels; they may well contradict each other."""
    levels: list[LevelConstraints] = []
    dims = list(workload.dims)
    tensors = [tensor.name for tensor in workload.tensors]
    for at, memory in enumerate(architecture.levels):
        outermost = at == len(architecture.levels) - 1
        rule: dict[str, object] = {}
        if rng.random() < 0.3:
            dim = rng.choice(dims)
            divisors = [n for n in range(1, workload.bounds[dim] + 1) if workload.bounds[dim] % n == 0]
            value = rng.choice([0, *divisors])
            rule["temporal"] = (FactorRule(dim, rng.choice(["=", "<=", ">="]) if value else "=", value),)
        if rng.random() < 0.2:
            rule["temporal_dims"] = frozenset(rng.sample(dims, rng.randint(1, len(dims))))
        if rng.random() < 0.3:
            rule["order_inner"] = tuple(rng.sample(dims, rng.randint(1, len(dims))))
        elif rng.random() < 0.2:
            rule["order_outer"] = tuple(rng.sample(dims, rng.randint(1, len(dims))))
        if not outermost and rng.random() < 0.3:
            rule[rng.choice(["keep", "bypass"])] = frozenset([rng.choice(tensors)])
        if memory.fanout.total > 1:
            if rng.random() < 0.2:
                rule["spatial"] = (FactorRule(rng.choice(dims), rng.choice(["<=", ">="]), rng.choice([1, 2])),)
            if rng.random() < 0.2:
                rule["x_dims"] = frozenset(rng.sample(dims, rng.randint(1, len(dims))))
            if rng.random() < 0.2:
                rule["y_dims"] = frozenset(rng.sample(dims, rng.randint(1, len(dims))))
            if rng.random() < 0.15:
                rule["spatial_order"] = tuple(rng.sample(dims, rng.randint(1, len(dims))))
                rule["split"] = rng.randint(0, len(dims))
            if rng.random() < 0.2:
                rule["min_parallelism"] = 2
            if rng.random() < 0.2:
                rule["max_parallelism"] = rng.choice([2, 3])
            if rng.random() < 0.1:
                rule["no_multicast"] = frozenset([rng.choice(tensors)])
        if not outermost and math.isfinite(memory.size_bits) and rng.random() < 0.1:
            rule["min_utilization"] = rng.choice([0.2, 0.5])
        if rule:
            levels.append(LevelConstraints(memory.name, **rule))  # pyright: ignore[reportArgumentType]
    total = rng.choice([(1, None), (1, None), (1, None), (2, None), (1, 3)])
    return Constraints(tuple(levels), *total, pooled=rng.choice([None, None, None, True]))


def constrained_problem(seed: int, cuts: Literal["level", "free"] = "level") -> tuple[MapSpace, Objective, bool] | None:
    """(space, objective, drain_reads), or None where the constraints leave nothing or too much to list."""
    workload, architecture, objective, drain = random_problem(seed)
    rng = random.Random(f"constraints {seed} {cuts}")
    padding = rng.random() < (0.25 if cuts == "level" else 0.5)
    constraints = random_constraints(rng, workload, architecture)
    try:
        space = MapSpace(workload, architecture, constraints, padding=padding, cuts=cuts)
    except InputError:
        return None
    aim = rng.choice([objective_of(objective), objective_of("ed2p"), objective_of({"energy": 1.0, "latency": 3.0})])
    return (space, aim, drain) if 0 < space.total <= (LISTED if cuts == "level" else LISTED // 4) else None


def best_of_space(space: MapSpace, objective: Objective, *, drain_reads: bool) -> tuple[float, float]:
    """The least objective of all mappings of a space, and the least second figure among those that reach it."""
    best = math.inf, math.inf
    for batch in space.enumerate(limit=LISTED):
        cost = evaluate_batch(
            space.workload, space.architecture, batch, padding=space.padding, drain_reads=drain_reads, counts=True
        )
        assert cost.counts is not None
        enough = space.fills_enough(np.asarray(cost.counts["tile_words"]))
        energy, cycles = np.asarray(cost.energy_pj)[enough], np.asarray(cost.cycles)[enough]
        legal = np.isfinite(energy) & np.isfinite(cycles)
        for e, c in {(float(e), float(c)) for e, c in zip(energy[legal], cycles[legal], strict=True)}:
            key = objective.key(e, c)
            if key[0] < best[0] * (1 - 1e-12) or (key[0] <= best[0] * (1 + 1e-12) and key[1] < best[1]):
                best = key
    return best
