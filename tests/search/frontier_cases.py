"""Random families of small machines, and what one exact search per machine says of them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from tests.search.brute_force import random_problem
from tests.search.constrained_cases import constrained_problem

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.mapspace import MapSpace
from archloom.search.exact.problem import Watch
from archloom.search.frontier.family import family_of
from archloom.search.frontier.one_by_one import solve_each
from archloom.search.network_mapping import Options
from archloom.search.objective import Objective, objective_of
from archloom.search.spaces import problems_of
from archloom.workload.einsum import einsum


def random_family(rng: random.Random, architecture: Architecture, size: int) -> dict[str, np.ndarray]:
    """Arrays that vary some numbers of a machine: sizes (some too small for anything), energies (some 0), ports, leakage."""
    hardware: dict[str, np.ndarray] = {}

    def vary(name: str, choices: list[float]) -> None:
        hardware[name] = np.array([rng.choice(choices) for _ in range(size)])

    for at, level in enumerate(architecture.levels):
        name = level.name
        if at < len(architecture.levels) - 1 and rng.random() < 0.7:
            vary(f"{name}.size_bits", [16.0 * rng.choice([1, 2, 3, 4, 6, 10, 20, 40, 80]) for _ in range(3)])
        if rng.random() < 0.2:
            hardware[f"{name}.size_bits"] = np.array([rng.choice([math.inf, 160.0, 640.0]) for _ in range(size)])
        for field, base in (("read_pj", level.read_pj), ("write_pj", level.write_pj), ("update_pj", level.update_pj)):
            if rng.random() < 0.5:
                vary(f"{name}.{field}", [base * rng.choice([0.0, 0.3, 0.5, 1.0, 1.0, 2.0, 7.5]) for _ in range(4)])
        for field in ("read_bandwidth", "write_bandwidth", "shared_bandwidth"):
            if rng.random() < 0.25:
                vary(f"{name}.{field}", [0.25, 0.5, 1.0, 3.0, math.inf])
        if rng.random() < 0.25:
            vary(f"{name}.leak_pj", [0.0, 0.1, 1.0])
    if rng.random() < 0.3:
        vary(f"{architecture.compute.name}.leak_pj", [0.0, 0.5])
    if rng.random() < 0.3:
        vary(f"{architecture.compute.name}.energy_pj", [0.0, 1.0, 4.0])
    return hardware


Case = tuple[MapSpace, Objective, bool, dict[str, np.ndarray]]


def family_case(seed: int, *, constrained: bool, size: int = 6) -> Case | None:
    """(space, objective, drain_reads, hardware) of a random small problem; None where the constraints leave nothing."""
    rng = random.Random(f"family {seed}")
    if constrained:
        case = constrained_problem(seed)
        if case is None:
            return None
        space, objective, drain = case
    else:
        workload, architecture, name, drain = random_problem(seed)
        space, objective = MapSpace(workload, architecture), objective_of(name)
    return space, objective, drain, random_family(rng, space.architecture, size)


def nested_case(seed: int, *, size: int = 6) -> Case:
    """Machines of three or four memories that all keep everything, with sizes that differ in the middle of the hierarchy."""
    rng = random.Random(seed)
    if rng.random() < 0.5:
        bounds = {"m": rng.choice([2, 4, 6]), "n": rng.choice([2, 4]), "k": rng.choice([2, 4, 6])}
        workload = einsum("O[m,n] += W[m,k] * I[k,n]", bounds)
    else:
        bounds = {
            dim: rng.choice(some) for dim, some in zip("mpcr", ([2, 4], [2, 4, 6], [1, 2], [1, 2, 3]), strict=True)
        }
        workload = einsum("O[m,p] += W[m,c,r] * I[c,p+r]", bounds)
    read = rng.choice([1, 2, 3])
    levels = [
        Memory("RF", 16 * rng.choice([3, 4, 8]), read_pj=1, write_pj=1, update_pj=1),
        Memory(
            "L1", 256, read_pj=read, write_pj=2, update_pj=2, fanout=Fanout(rng.choice([1, 2])), keep=frozenset({"all"})
        ),
        Memory(
            "GLB",
            1280,
            read_pj=6,
            write_pj=6,
            update_pj=6,
            fanout=Fanout(rng.choice([1, 2, 4])),
            keep=frozenset({"all"}),
        ),
        Memory("DRAM", read_pj=100, write_pj=100, update_pj=100, shared_bandwidth=rng.choice([None, 0.5, 2])),
    ]
    if rng.random() < 0.4:
        levels.pop(1)
    hardware: dict[str, np.ndarray] = {}
    words = {"RF": [2, 3, 4, 8], "L1": [4, 6, 8, 12, 20], "GLB": [8, 12, 16, 24, 40, 60]}
    for level in levels[:-1]:
        some = [16.0 * rng.choice(words[level.name]) for _ in range(2)]
        hardware[f"{level.name}.size_bits"] = np.array([rng.choice(some) for _ in range(size)])
        factors = [rng.choice([0.5, 1, 2, 4]) for _ in range(2)]
        hardware[f"{level.name}.read_pj"] = level.read_pj * np.array([rng.choice(factors) for _ in range(size)])
    architecture = Architecture("nested", tuple(levels), Compute("MAC", 1.0))
    return MapSpace(workload, architecture), objective_of(rng.choice(["edp", "energy", "latency"])), False, hardware


def best_of_each(case: Case) -> Iterator[tuple[float, float] | None]:
    """What one exact search per machine finds: (objective, second figure), None where no mapping is legal."""
    space, objective, drain, hardware = case
    options = Options(objective, padding=space.padding, drain_reads=drain)
    family = family_of(space.architecture, hardware)
    parts = [replace(problem) for problem in problems_of(space, options)]
    for single in solve_each(parts, family, Watch(), seeded=False):
        assert single.finished
        best = single.best
        yield None if best is None else objective.key(best.energy_pj, best.cycles)
