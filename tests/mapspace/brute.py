"""A mapspace by brute force: every mapping of a small problem, tried one by one against the words of the constraints.

Shares nothing with the package's way of listing, counting or checking: no divisors, no states, no arrays, no cases.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product
from math import prod

from archloom.architecture.hierarchy import Architecture, Fanout, Memory
from archloom.mapspace.constraints import Constraints, FactorRule, LevelConstraints
from archloom.model.arrays import MappingBatch
from archloom.workload.einsum import Workload, einsum

__all__ = ["Point", "brute_points", "points_of", "random_problem"]


@dataclass(frozen=True)
class Point:
    """One mapping: trips [level][dim], loops of each level innermost first, what is kept, and how many loops each tile spans."""

    temporal: tuple[tuple[int, ...], ...]
    x: tuple[tuple[int, ...], ...]
    y: tuple[tuple[int, ...], ...]
    order: tuple[tuple[int, ...], ...]
    keep: tuple[tuple[bool, ...], ...]
    cut: tuple[tuple[int, ...], ...] | None


def points_of(batch: MappingBatch) -> list[Point]:
    """The rows of a batch; what has no meaning in the arrays (places of loops that are not there, cuts of what is not kept) is dropped."""
    found: list[Point] = []
    levels, dims, many = batch.temporal.shape
    for b in range(many):
        temporal, x, y = (
            tuple(tuple(int(v) for v in line) for line in table[:, :, b])
            for table in (batch.temporal, batch.x, batch.y)
        )
        order = tuple(
            tuple(sorted((d for d in range(dims) if temporal[at][d] > 1), key=lambda d: int(batch.order[at, d, b])))
            for at in range(levels)
        )
        keep = tuple(tuple(bool(v) for v in line) for line in batch.keep[:, :, b])
        cut = None
        if batch.cut is not None:
            cut = tuple(
                tuple(
                    sum(int(batch.order[at, d, b]) < int(batch.cut[at, t, b]) for d in order[at])
                    if kept
                    else len(order[at])
                    for t, kept in enumerate(row)
                )
                for at, row in enumerate(keep)
            )
        found.append(Point(temporal, x, y, order, keep, cut))
    return found


def brute_points(
    workload: Workload, architecture: Architecture, constraints: Constraints | None, *, free_cuts: bool, padding: bool
) -> set[Point]:
    """All mappings of the space."""
    given = constraints or Constraints()
    per_dim = [list(_tilings(bound, architecture, padding)) for bound in workload.bounds.values()]
    found: set[Point] = set()
    for chosen in product(*per_dim):
        levels = range(len(architecture.levels))
        temporal, x, y = (tuple(tuple(dim[k][at] for dim in chosen) for at in levels) for k in range(3))
        if _tiling_allowed(workload, architecture, given, temporal, x, y):
            found.update(_completed(workload, architecture, given, temporal, x, y, free_cuts=free_cuts))
    return found


def _tilings(bound: int, architecture: Architecture, padding: bool) -> Iterator[tuple[tuple[int, ...], ...]]:
    """(temporal, x, y) of one dim per level: products at (or, padded, least above) the bound, and one axis per fanout."""
    many = len(architecture.levels)
    places: list[range] = []
    for level in architecture.levels:
        pure = level.size_bits == 0 and level.bypass == {"all"}
        places.append(range(1, 2 if pure else bound + 1))
    across = range(1, bound + 1)
    spatial = [across if level.fanout.total > 1 else range(1, 2) for level in architecture.levels]
    for temporal in product(*places):
        if padding or bound % prod(temporal) == 0:
            for trips in product(*spatial):
                factors = (*temporal, *trips)
                if not _covers(factors, bound, padding):
                    continue
                for axes in product(*((0, 1) if trip > 1 else (0,) for trip in trips)):
                    x = tuple(trip if axis == 0 else 1 for trip, axis in zip(trips, axes, strict=True))
                    y = tuple(trip if axis == 1 else 1 for trip, axis in zip(trips, axes, strict=True))
                    assert len(x) == many
                    yield temporal, x, y


def _covers(factors: tuple[int, ...], bound: int, padding: bool) -> bool:
    if prod(factors) == bound:
        return True
    if not padding or prod(factors) < bound:
        return False
    smaller = (prod((*factors[:k], f - 1, *factors[k + 1 :])) for k, f in enumerate(factors) if f > 1)
    return all(product_ < bound for product_ in smaller)


def _tiling_allowed(workload: Workload, architecture: Architecture, given: Constraints, temporal, x, y) -> bool:
    pooled = architecture.pooled if given.pooled is None else given.pooled
    for at, level in enumerate(architecture.levels):
        if level.fanout.total == 1:
            continue
        span = range(at, len(architecture.levels)) if pooled else [at]
        used_x, used_y = prod(prod(x[k]) for k in span), prod(prod(y[k]) for k in span)
        mesh_x = prod(architecture.levels[k].fanout.x for k in span)
        mesh_y = prod(architecture.levels[k].fanout.y for k in span)
        if level.fanout.reshapeable:
            if used_x * used_y > mesh_x * mesh_y:
                return False
        elif used_x > mesh_x or used_y > mesh_y:
            return False
    total = prod(prod(row) for table in (x, y) for row in table)
    if not given.min_total_parallelism <= total <= (given.max_total_parallelism or total):
        return False
    return all(_level_allowed(workload, architecture, c, temporal, x, y) for c in given.levels)


def _level_allowed(workload: Workload, architecture: Architecture, c: LevelConstraints, temporal, x, y) -> bool:
    at = architecture.names.index(c.level)
    spatial = tuple(a * b for a, b in zip(x[at], y[at], strict=True))
    for rules, trips in ((c.temporal, temporal[at]), (c.spatial, spatial), (c.x, x[at]), (c.y, y[at])):
        for rule in rules:
            value = trips[workload.dims.index(rule.dim)]
            if not {"=": value == rule.value, "<=": value <= rule.value, ">=": value >= rule.value}[rule.op]:
                return False
    for allowed, trips in ((c.temporal_dims, temporal[at]), (c.x_dims, x[at]), (c.y_dims, y[at])):
        if allowed is not None and any(
            trip > 1 and dim not in allowed for dim, trip in zip(workload.dims, trips, strict=True)
        ):
            return False
    if not c.min_parallelism <= prod(spatial) <= (c.max_parallelism or prod(spatial)):
        return False
    return _row_of_loops_allowed(workload, architecture, c, x[at], y[at])


def _row_of_loops_allowed(workload: Workload, architecture: Architecture, c: LevelConstraints, x, y) -> bool:
    """Timeloop's words: some row of all dims that begins with the permutation, cut at the split, has the dims on their axes."""
    if not c.spatial_order and c.split is None:
        return True
    first = [workload.dims.index(dim) for dim in c.spatial_order]
    mesh = architecture.level(c.level).fanout
    others = [d for d in range(len(x)) if d not in first]
    if not first and min(mesh.x, mesh.y) == 1:
        first, others = others, []
    splits = range(len(x) + 1) if c.split is None else [c.split]
    for rest in permutations(others):
        row = [*first, *rest]
        for split in splits:
            if all(y[d] == 1 for d in row[:split]) and all(x[d] == 1 for d in row[split:]):
                return True
    return False


def _completed(
    workload: Workload, architecture: Architecture, given: Constraints, temporal, x, y, *, free_cuts: bool
) -> Iterator[Point]:
    """All orders and residencies of a tiling."""
    orders = [
        [
            order
            for order in permutations([d for d, trip in enumerate(row) if trip > 1])
            if _order_allowed(workload, given, name, order)
        ]
        for name, row in zip(architecture.names, temporal, strict=True)
    ]
    holds = [_holds(workload, architecture, given, at) for at in range(len(architecture.levels))]
    for order in product(*orders):
        for keep in product(*holds):
            if not free_cuts:
                yield Point(temporal, x, y, order, keep, None)
                continue
            options = [
                [range(len(order[at]) + 1) if kept and at < len(keep) - 1 else [len(order[at])] for kept in keep[at]]
                for at in range(len(keep))
            ]
            for cut in product(*(product(*row) for row in options)):
                yield Point(temporal, x, y, order, keep, cut)


def _order_allowed(workload: Workload, given: Constraints, name: str, order: tuple[int, ...]) -> bool:
    loops = [workload.dims[d] for d in order]
    for c in given.levels:
        if c.level == name:
            inner = [dim for dim in c.order_inner if dim in loops]
            outer = [dim for dim in c.order_outer if dim in loops]
            if loops[: len(inner)] != inner or loops[len(loops) - len(outer) :] != outer:
                return False
    return True


def _holds(workload: Workload, architecture: Architecture, given: Constraints, at: int) -> list[tuple[bool, ...]]:
    level = architecture.levels[at]
    options: list[list[bool]] = []
    for tensor in workload.tensors:
        allowed = (
            [True]
            if at == len(architecture.levels) - 1
            else [
                v
                for v in (False, True)
                if not (v and not level.may_keep(tensor)) and not (not v and level.must_keep(tensor))
            ]
        )
        for c in given.levels:
            if c.level == level.name:
                if tensor.name in c.keep:
                    allowed = [v for v in allowed if v]
                if tensor.name in c.bypass:
                    allowed = [v for v in allowed if not v]
        options.append(allowed)
    return list(product(*options))


# -- random problems -----------------------------------------------------------------------------------------------------

EINSUMS = (
    ("O[m] += W[m,k] * I[k]", "mk"),
    ("O[m,n] += W[m,k] * I[k,n]", "mkn"),
    ("O[p] += W[r] * I[p+r]", "pr"),
    ("O[m,p] += W[m,r] * I[p+r]", "mpr"),
    ("O[g,m] += W[g,m] * I[g]", "gm"),
)


def random_problem(
    seed: int, *, constrained: bool, bounds: tuple[int, ...] = (1, 2, 3, 4, 6)
) -> tuple[Workload, Architecture, Constraints | None]:
    """A small problem: one to three levels, meshes with one or two axes, some reshapeable or pooled."""
    rng = random.Random(seed)
    text, dims = rng.choice(EINSUMS)
    workload = einsum(text, {d: rng.choice(bounds) for d in dims})
    levels: list[Memory] = []
    many = rng.choice((1, 2, 2, 3)) if len(dims) < 3 else rng.choice((1, 2))
    for at in range(many):
        fanout = Fanout(rng.choice((1, 1, 2, 3)), rng.choice((1, 1, 2)), reshapeable=rng.random() < 0.3)
        names = [t.name for t in workload.tensors]
        keep = frozenset(name for name in names if rng.random() < 0.5)
        bypass = frozenset(name for name in names if name not in keep and rng.random() < 0.3)
        if at < many - 1 and rng.random() < 0.1:
            levels.append(Memory(f"L{at}", size_bits=0, bypass=frozenset({"all"}), fanout=fanout))
        else:
            levels.append(Memory(f"L{at}", keep=keep, bypass=frozenset() if at == many - 1 else bypass, fanout=fanout))
    architecture = Architecture("small", tuple(levels), pooled=rng.random() < 0.3)
    return workload, architecture, _random_constraints(rng, workload, architecture) if constrained else None


def _random_constraints(rng: random.Random, workload: Workload, architecture: Architecture) -> Constraints:
    levels = [
        _random_level(rng, workload, level, at == len(architecture.levels) - 1)
        for at, level in enumerate(architecture.levels)
    ]
    return Constraints(
        tuple(level for level in levels if rng.random() < 0.7),
        min_total_parallelism=rng.choice((1, 1, 1, 2, 3)),
        max_total_parallelism=rng.choice((None, None, 4, 6)),
        pooled=rng.choice((None, None, False)),
    )


def _random_level(rng: random.Random, workload: Workload, level: Memory, is_last: bool) -> LevelConstraints:
    dims = list(workload.dims)

    def rules() -> tuple[FactorRule, ...]:
        if rng.random() < 0.6:
            return ()
        return (FactorRule(rng.choice(dims), rng.choice(("=", "<=", ">=")), rng.choice((1, 2, 3))),)

    def some() -> frozenset[str] | None:
        return None if rng.random() < 0.7 else frozenset(d for d in dims if rng.random() < 0.7)

    def listed() -> tuple[str, ...]:
        return () if rng.random() < 0.6 else tuple(rng.sample(dims, rng.randint(1, len(dims))))

    order = listed()
    middle = rng.randint(0, len(order))
    free = [t.name for t in workload.tensors if level.may_keep(t) and not level.must_keep(t)]
    held = rng.choice(free) if free and rng.random() < 0.3 and not is_last else None
    return LevelConstraints(
        level.name,
        temporal=rules(),
        spatial=rules(),
        x=rules() if rng.random() < 0.3 else (),
        y=rules() if rng.random() < 0.3 else (),
        temporal_dims=some(),
        x_dims=some(),
        y_dims=some(),
        order_inner=order[:middle],
        order_outer=order[middle:],
        spatial_order=listed(),
        split=rng.choice((None, None, 0, 1, 2, 9)),
        keep=frozenset({held} if held and rng.random() < 0.5 else ()),
        bypass=frozenset(),
        min_parallelism=rng.choice((1, 1, 1, 2)),
        max_parallelism=rng.choice((None, None, 2, 4)),
    )
