"""Small random problems with free cuts, and their optimum by pricing every mapping there is."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
from tests.search.brute_force import free_rules as level_rules

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.mapspace.rules import ANY, NO_LIMIT, ONE, Cuts, Range, Rules
from archloom.model.arrays import MappingBatch
from archloom.model.batch import evaluate_batch
from archloom.search.exact.problem import Problem
from archloom.search.objective import Objective, objective_of
from archloom.workload.einsum import Workload, einsum

OBJECTIVES = ("energy", "latency", "edp", "ed2p", {"energy": 1.0, "latency": 20.0})

EINSUMS = (
    ("Z[m,n] += A[m,k] * B[k,n]", "mnk"),
    ("Z[b,m,n] += A[b,m,k] * B[b,k,n]", "bmnk"),
    ("Z[m] += A[m,k] * B[k]", "mk"),
    ("Z[m,n] += A[m,k] * B[n]", "mnk"),
    ("Z[i] += A[i,j] * B[i]", "ij"),
    ("O[i,j] += A[i,k,l] * B[k,j] * C[l,j]", "ijkl"),
    ("O[m,p] += W[m,c,r] * I[c,p+r]", "mcpr"),
    ("O[m,p] += W[m,c,r] * I[c,2*p+r]", "mcpr"),
    ("O[c,p] += W[c,r] * I[c,p+r]", "cpr"),
    ("O[p] += W[r] * I[p+r]", "pr"),
    ("O[p] += W[r] * I[p+2*r]", "pr"),
    ("O[p] += W[r] * I[3*p+2*r]", "pr"),
    ("O[p,q] += W[r,s] * I[p+r,q+s]", "pqrs"),
    ("O[p,q] += W[r,s] * I[2*p+r,q+2*s]", "pqrs"),
    ("O[p,q] += W[r] * I[p+r,q]", "pqr"),
    ("O[p] += W[r,u] * I[p+r+2*u]", "pru"),
    ("O[n,m,p] += W[m,r] * I[n,p+r]", "nmpr"),
    ("O[p] += A[p+r] * B[p+2*r] * W[r]", "pr"),
)


def free_rules(workload: Workload, architecture: Architecture) -> Rules:
    """The rules of an unconstrained mapspace with free cuts."""
    levels, dims = architecture.levels, len(workload.dims)
    open_fanouts = [
        any(level.fanout.total > 1 for level in (levels[at:] if architecture.pooled else levels[at : at + 1]))
        for at in range(len(levels))
    ]
    spatial = tuple((ANY if is_open else ONE,) * dims for is_open in open_fanouts)
    rules = level_rules(workload, architecture)
    return replace(rules, x=spatial, y=spatial, spatial=spatial, cuts=Cuts.FREE)


def random_problem(
    seed: int, *, depth: int | None = None, bounds: tuple[int, ...] = (1, 2, 2, 3, 4, 4, 6, 8)
) -> Problem:
    """A problem small enough to enumerate: any einsum, machine and rules; its objective is energy."""
    rng = random.Random(seed)
    text, dims = rng.choice(EINSUMS)
    workload = einsum(text, {d: rng.choice(bounds) for d in dims})
    levels = depth or rng.choice((1, 2, 2, 2, 3, 3))
    if len(workload.tensors) > 3:
        levels = min(levels, 2)  # four tensors on three levels: thousands of templates, seconds each
    architecture = _random_architecture(rng, workload, levels)
    rules = _random_rules(rng, workload, architecture)
    return Problem(workload, architecture, rules, objective_of("energy"), "free", drain_reads=rng.random() < 0.5)


def _random_architecture(rng: random.Random, workload: Workload, depth: int) -> Architecture:
    is_rich = rng.random() < 0.5
    levels = [_random_memory(rng, workload, at, depth, is_rich) for at in range(depth)]
    if is_rich and depth > 1 and rng.random() < 0.3:
        levels[0] = replace(levels[0], power_gated_at=rng.choice(levels).name)
    leak = rng.choice((0.0, 0.0, 0.2)) if is_rich else 0.0
    unit = Compute("MAC", rng.choice((0.0, 1.0)), leak_pj=leak)
    return Architecture("random", tuple(levels), unit, pooled=is_rich and rng.random() < 0.2)


def _random_memory(rng: random.Random, workload: Workload, at: int, depth: int, is_rich: bool) -> Memory:
    def bandwidth(chance: float) -> float | None:
        return rng.choice((0.25, 0.5, 1, 2, 3, 8)) if rng.random() < chance else None

    def energy() -> float:
        return rng.choice((0.0, 0.5, 1.0, 2.0, 6.0, 7.5, 100.0))

    is_last = at == depth - 1
    dice = [(tensor.name, rng.random()) for tensor in workload.tensors]
    fanout = Fanout()
    if rng.random() < 0.4:
        lonely = frozenset(tensor.name for tensor in workload.tensors if is_rich and rng.random() < 0.2)
        free = is_rich and rng.random() < 0.2
        fanout = Fanout(rng.choice((2, 3, 4)), rng.choice((1, 1, 2)), lonely, free, rng.choice((0, 0, 3)))
    return Memory(
        f"L{at}",
        size_bits=math.inf
        if is_last and rng.random() < 0.8
        else rng.choice((4, 6, 8, 12, 16, 24, 40)) * (8, 24)[at > 0],
        word_bits=8,
        block=rng.choice((1, 1, 2, 4)) if is_rich else 1,
        cluster=rng.choice((1, 1, 2)) if is_rich else 1,
        read_bandwidth=bandwidth(0.3) if is_rich else None,
        write_bandwidth=bandwidth(0.3) if is_rich else None,
        shared_bandwidth=bandwidth(0.5),
        buffering=rng.choice((1, 1, 2)) if is_rich else 1,
        keep=frozenset(name for name, d in dice if d < 0.55 and not is_last),
        bypass=frozenset(name for name, d in dice if 0.55 <= d < 0.7 and not is_last),
        read_pj=energy(),
        write_pj=energy(),
        update_pj=energy(),
        leak_pj=rng.choice((0, 0, 0.3, 5.0)) if is_rich else 0.0,
        fanout=fanout,
    )


def _random_rules(rng: random.Random, workload: Workload, architecture: Architecture) -> Rules:
    rules = free_rules(workload, architecture)
    depth, dims = len(architecture.levels), len(workload.dims)

    def few() -> Range:
        return Range(1, rng.choice((1, 2, 3, 4))) if rng.random() < 0.25 else ANY

    dice = rng.random()
    if dice < 0.6:
        return rules
    if dice < 0.75:
        return replace(rules, temporal=tuple(tuple(few() for _ in range(dims)) for _ in range(depth)))
    if dice < 0.85:
        inner: list[tuple[int, ...]] = []
        outer: list[tuple[int, ...]] = []
        for _ in range(depth):
            order = rng.sample(range(dims), dims)
            many = rng.randint(0, min(2, dims))
            inner.append(tuple(order[:many]))
            outer.append(tuple(order[many : many + rng.randint(0, min(1, dims - many))]))
        return replace(rules, order_inner=tuple(inner), order_outer=tuple(outer))
    if dice < 0.93:
        parallelism = tuple(Range(1, rng.choice((1, 2, 4, 8))) if rng.random() < 0.5 else ANY for _ in range(depth))
        return replace(rules, parallelism=parallelism, total_parallelism=Range(rng.choice((1, 2)), NO_LIMIT))
    return replace(rules, min_fill=tuple(rng.choice((0.0, 0.3, 0.6)) if at < depth - 1 else 0.0 for at in range(depth)))


def every_mapping(problem: Problem, limit: int) -> list[MappingBatch] | None:
    """Every mapping of the space as batches, loops of one trip left out; None where there are more than `limit`."""
    rules, workload = problem.rules, problem.workload
    masks = list(itertools.product(*(itertools.product(*row) for row in rules.keep)))
    batches: list[MappingBatch] = []
    total = 0
    splits = _splits(problem)
    if math.prod(map(len, splits)) > 4 * limit:
        return None
    for temporal, x, y in _tilings(problem, splits):
        present = [tuple(int(d) for d in np.nonzero(row > 1)[0]) for row in temporal]
        for mask in masks:
            blocks = [
                _arrangements(
                    loops,
                    held if at < len(present) - 1 else (False,) * len(held),
                    tuple(d for d in rules.order_inner[at] if d in loops),
                    tuple(d for d in rules.order_outer[at] if d in loops),
                    len(workload.dims),
                )
                for at, (loops, held) in enumerate(zip(present, mask, strict=True))
            ]
            many = math.prod(len(orders) for orders, _ in blocks)
            total += many
            if total > limit:
                return None
            if not many:
                continue
            picks = np.indices([len(orders) for orders, _ in blocks]).reshape(len(blocks), -1)
            order = np.stack([orders[pick] for (orders, _), pick in zip(blocks, picks, strict=True)])
            cut = np.stack([cuts[pick] for (_, cuts), pick in zip(blocks, picks, strict=True)])
            tables = (temporal, x, y, np.array(mask))
            temporal_, x_, y_, keep = (np.repeat(table[..., None], many, axis=-1) for table in tables)
            batches.append(MappingBatch(temporal_, np.moveaxis(order, 1, -1), x_, y_, keep, np.moveaxis(cut, 1, -1)))
    return batches


def _splits(problem: Problem) -> list[list[np.ndarray]]:
    """For each dim, its trips [3, L] in time, on X and on Y, that the rules on it alone allow."""
    rules, depth = problem.rules, len(problem.architecture.levels)
    per_dim: list[list[np.ndarray]] = []
    for d, bound in enumerate(problem.workload.bounds.values()):
        slots = [rules.temporal[at][d] for at in range(depth)]
        slots += [axis[at][d] for axis in (rules.x, rules.y) for at in range(depth)]
        rows = [np.array(row).reshape(3, depth) for row in _factorisations(bound, tuple(slots))]
        per_dim.append(
            [
                row
                for row in rows
                if not ((row[1] > 1) & (row[2] > 1)).any()
                and all(int(row[1, at] * row[2, at]) in rules.spatial[at][d] for at in range(depth))
            ]
        )
    return per_dim


def _tilings(problem: Problem, per_dim: list[list[np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Trips [L, D] in time and on both axes of the meshes that the rules allow together."""
    depth, dims = len(problem.architecture.levels), len(problem.workload.dims)
    for combination in itertools.product(*per_dim):
        temporal, x, y = np.moveaxis(np.array(combination), 0, -1).reshape(3, depth, dims)
        if _spreads(problem, x.prod(axis=1).tolist(), y.prod(axis=1).tolist()):
            yield temporal, x, y


def _spreads(problem: Problem, x: list[int], y: list[int]) -> bool:
    rules, levels = problem.rules, problem.architecture.levels
    if not all(a * b in allowed for a, b, allowed in zip(x, y, rules.parallelism, strict=True)):
        return False
    if math.prod(x) * math.prod(y) not in rules.total_parallelism:
        return False
    for at in range(len(levels)):
        across = range(at, len(levels)) if rules.pooled else (at,)
        used_x, used_y = math.prod(x[b] for b in across), math.prod(y[b] for b in across)
        mesh_x, mesh_y = (math.prod(getattr(levels[b].fanout, axis) for b in across) for axis in "xy")
        if any(levels[b].fanout.reshapeable for b in across):
            if used_x * used_y > mesh_x * mesh_y:
                return False
        elif used_x > mesh_x or used_y > mesh_y:
            return False
    return True


@cache
def _factorisations(number: int, slots: tuple[Range, ...]) -> tuple[tuple[int, ...], ...]:
    if not slots:
        return ((),) if number == 1 else ()
    return tuple(
        (factor, *rest)
        for factor in range(1, number + 1)
        if number % factor == 0 and factor in slots[0]
        for rest in _factorisations(number // factor, slots[1:])
    )


@cache
def _arrangements(
    loops: tuple[int, ...], held: tuple[bool, ...], inner: tuple[int, ...], outer: tuple[int, ...], dims: int
) -> tuple[np.ndarray, np.ndarray]:
    """All orders [A, D] of a block's loops that the rules allow, with all cuts [A, T] of the tensors held."""
    cuts = list(itertools.product(*(range(len(loops) + 1) if is_held else (dims,) for is_held in held)))
    idle = [d for d in range(dims) if d not in loops]
    orders = [
        np.argsort([*order, *idle])
        for order in itertools.permutations(loops)
        if order[: len(inner)] == inner and order[len(order) - len(outer) :] == outer
    ]
    pairs = list(itertools.product(orders, cuts))
    return np.array([o for o, _ in pairs]).reshape(-1, dims), np.array([c for _, c in pairs]).reshape(-1, len(held))


def costs_of_all(problem: Problem, limit: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Energy and cycles of every legal mapping; None where there are more than `limit` mappings."""
    batches = every_mapping(problem, limit)
    if batches is None:
        return None
    if not batches:
        return np.zeros(0), np.zeros(0)
    names = ("temporal", "order", "x", "y", "keep", "cut")
    whole = MappingBatch(*(np.concatenate([getattr(batch, name) for batch in batches], axis=-1) for name in names))
    result = evaluate_batch(
        problem.workload,
        problem.architecture,
        whole,
        drain_reads=problem.drain_reads,
        counts=any(problem.rules.min_fill),
    )
    is_legal = np.isfinite(np.asarray(result.energy_pj))
    for at, level in enumerate(problem.architecture.levels):
        share = problem.rules.min_fill[at]
        if share and result.counts is not None:
            widths = [level.tensor_bits(tensor) for tensor in problem.workload.tensors]
            used = np.einsum("tb,t->b", result.counts["tile_words"][at], widths)
            is_legal &= used >= share * level.size_bits / level.buffering
    return np.asarray(result.energy_pj)[is_legal], np.asarray(result.cycles)[is_legal]


def best_key(objective: Objective, energy: np.ndarray, cycles: np.ndarray) -> tuple[float, float] | None:
    """The least objective, and the least second figure among the mappings that reach it; None: no mapping is legal."""
    if not len(energy):
        return None
    if objective.energy_power or objective.cycles_power:
        first = energy**objective.energy_power * cycles**objective.cycles_power
    else:
        first = objective.energy_weight * energy + objective.cycles_weight * cycles
    is_energy_only = objective.cycles_power == 0 and objective.cycles_weight == 0
    second = cycles if is_energy_only else energy
    least = first.min()
    return float(least), float(second[first <= least * (1 + 1e-12)].min())
