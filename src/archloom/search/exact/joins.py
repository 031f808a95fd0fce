"""The exact mapper for free cuts: templates of tile boundaries, each a join of short sorted lists, best bound first."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from archloom.errors import InputError
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.model.evaluate import evaluate
from archloom.model.plan import Plan, lower
from archloom.search.exact.join_chains import axes_of, cells_of, chains_of, slots_of
from archloom.search.exact.join_flows import flows_of, forms_of, machine_of
from archloom.search.exact.join_kernel import Best, Flows, Forms, Ground, bounds, build, join, open_stack
from archloom.search.exact.join_price import Machine
from archloom.search.exact.join_templates import Kept, Shape, templates
from archloom.search.exact.problem import Answer, Found, Problem, Watch

__all__ = ["solve_joins"]

NODES = 1 << 20
"""Nodes of a join between two looks at the clock."""

SLACK = 1e-12


@dataclass
class _Search:
    """A search under way."""

    problem: Problem
    watch: Watch
    plan: Plan
    machine: Machine
    ground: Ground
    best: Best
    excluded: dict[str, int] = field(default_factory=dict)


def solve_joins(problem: Problem, watch: Watch, incumbent: Found | None = None) -> Answer:
    """The best mapping with free cuts, proven by group joins; with a deadline, the best so far and an honest bound.

    Any einsum, fanouts, bypass and rules but for padding. `incumbent` is a mapping of the space found before.
    Raises InputError for a problem of another kind.
    """
    _check(problem)
    search = _open(problem, watch, incumbent)
    if search is None:
        return Answer(None, math.inf, True, 0, {"rules": 1})
    queue: list[tuple[float, float, int, int]] = []
    masks: list[tuple[Flows, Forms]] = []
    for kept in _keep_masks(search):
        flows = flows_of(search.plan, search.machine, search.ground, kept, drain=problem.drain_reads)
        forms = forms_of(templates(_shape(search), kept), search.plan)
        for n, (first, second) in enumerate(bounds(search.machine, search.ground, flows, forms)):
            queue.append((float(first), float(second), len(masks), n))
        masks.append((flows, forms))
    queue.sort()
    bound = _run(search, queue, masks)
    return _answer(search, incumbent, bound)


def _check(problem: Problem) -> None:
    if problem.cuts != "free":
        raise InputError(f"group joins search free cuts; the problem has the cuts {problem.cuts!r}")
    if problem.padding or problem.rules.padding:
        raise InputError("the exact search with free cuts does not support padding yet; use perfect factors")
    if problem.rules.min_fill[-1] > 0:
        raise InputError("the exact search with free cuts does not support a least fill of the backing store")


def _open(problem: Problem, watch: Watch, incumbent: Found | None) -> _Search | None:
    """Lower a problem to arrays; None where the rules allow nothing."""
    rules = problem.rules
    plan = lower(problem.workload, problem.architecture, cuts=True, drain_reads=problem.drain_reads)
    idle = [d for d in range(len(problem.workload.dims)) if d not in plan.active]
    if not plan.bounds:  # a single operation: keep one dim of bound 1, so that there is something to list
        plan = replace(plan, active=(0,), bounds=(1,), tensors=tuple(replace(t, irrelevant=(0,)) for t in plan.tensors))
    for table in (rules.temporal, rules.spatial, rules.x, rules.y):
        if any(1 not in row[d] for row in table for d in idle):
            return None
    machine = machine_of(plan, problem)
    ground = _ground(plan, problem)
    if ground is None:
        return None
    levels, wide, tensors = len(plan.levels), len(plan.bounds), len(plan.tensors)
    key = np.full(4, np.inf)
    if incumbent is not None:
        key[:2] = problem.objective.key(incumbent.energy_pj, incumbent.cycles)
        key[2:] = incumbent.energy_pj, incumbent.cycles
    best = Best(
        key,
        np.zeros((levels, tensors), np.bool_),
        np.zeros((levels, wide)),
        np.zeros((levels, wide)),
        np.zeros(levels * wide, np.int64),
        np.zeros((levels, tensors), np.int64),
        np.zeros(5, np.int64),
    )
    return _Search(problem, watch, plan, machine, ground, best)


def _ground(plan: Plan, problem: Problem) -> Ground | None:
    rules, levels = problem.rules, len(plan.levels)
    chains = [chains_of(bound, slots_of(plan, rules, d), levels) for d, bound in enumerate(plan.bounds)]
    if any(len(chain.starts) < 2 for chain in chains):
        return None
    cells = cells_of(plan, rules, chains)
    if not len(cells):
        return None
    class_starts = np.cumsum([0, *(len(chain.spatial) for chain in chains)]).astype(np.int64)
    rows = np.cumsum([0, *(len(chain.temporal) for chain in chains)])
    groups = _groups(plan)
    dims = [d for group in groups for d in group]
    places = np.zeros((len(cells), len(groups)), np.int64)
    for g, group in enumerate(groups):
        for d in group:
            places[:, g] = places[:, g] * len(chains[d].spatial) + cells[:, d] - class_starts[d]
    capacity = [level.size_bits / level.buffering for level in problem.architecture.levels]
    least = [share * bits if share else 0.0 for share, bits in zip(rules.min_fill, capacity, strict=True)]
    return Ground(
        size=np.array(plan.bounds, np.float64),
        temporal=np.ascontiguousarray(np.concatenate([chain.temporal for chain in chains])),
        row_starts=np.array(
            [rows[d] + s for d, chain in enumerate(chains) for s in chain.starts[:-1]] + [rows[-1]], np.int64
        ),
        spatial=np.ascontiguousarray(np.concatenate([chain.spatial for chain in chains])),
        class_starts=class_starts,
        group_dims=np.array(dims, np.int64),
        group_starts=np.cumsum([0, *(len(group) for group in groups)]).astype(np.int64),
        cells=cells,
        places=places,
        order_rules=_order_rules(plan, problem),
        least_bits=np.array(least),
    )


def _groups(plan: Plan) -> list[list[int]]:
    """Dims that share a rank of some tensor go together."""
    group = list(range(len(plan.bounds)))
    for tensor in plan.tensors:
        for k in tensor.sliding:
            shared = [d for d, _ in tensor.ranks[k]]
            old = {group[d] for d in shared}
            group = [min(old) if g in old else g for g in group]
    return [[d for d in plan.dims if group[d] == g] for g in sorted(set(group))]


def _order_rules(plan: Plan, problem: Problem) -> NDArray[np.int64]:
    table = np.zeros((2, len(plan.levels), len(plan.bounds)), np.int64)
    number = {d: k for k, d in enumerate(plan.active)}
    for side, listed in enumerate((problem.rules.order_inner, problem.rules.order_outer)):
        for level, dims in enumerate(listed):
            for place, d in enumerate(dims):
                if d in number:
                    table[side, level, number[d]] = place + 1
    return table


def _shape(search: _Search) -> Shape:
    plan, rules = search.plan, search.problem.rules
    movable = tuple(
        all(
            rules.temporal[level][d].low <= 1 and rules.temporal[level][d].high >= bound
            for level in range(len(plan.levels))
        )
        for d, bound in zip(plan.active, plan.bounds, strict=True)
    )
    return Shape(
        levels=len(plan.levels),
        dims=len(plan.bounds),
        relevant=tuple(frozenset(tensor.relevant) for tensor in plan.tensors),
        sliding=frozenset(t for t, tensor in enumerate(plan.tensors) if tensor.sliding),
        movable=movable,
        fixed_orders=_is_strict(search),
        backing_is_finite=math.isfinite(search.machine.capacity[-1]),
    )


def _is_strict(search: _Search) -> bool:
    """Whether loops may not change places at will: some rule limits their order, or asks for full tiles."""
    return bool(search.ground.order_rules.any() or search.ground.least_bits.any())


def _keep_masks(search: _Search) -> list[Kept]:
    rules = search.problem.rules
    tensors = range(len(search.plan.tensors))
    if not all(True in rules.keep[-1][t] for t in tensors):
        return []
    per_level = [
        [
            tuple(t for t, is_kept in zip(tensors, held, strict=True) if is_kept)
            for held in itertools.product(*(rules.keep[level][t] for t in tensors))
        ]
        for level in range(len(search.plan.levels) - 1)
    ]
    return list(itertools.product(*per_level))


def _run(search: _Search, queue: list[tuple[float, float, int, int]], masks: list[tuple[Flows, Forms]]) -> float:
    """Join template after template; returns the proven lower bound of the objective."""
    key, watch = search.best.key, search.watch
    can_prune = not any(tensor.sliding for tensor in search.plan.tensors) and not _is_strict(search)
    for at, (first, second, mask, n) in enumerate(queue):
        if first > key[0] * (1 + SLACK) or math.isinf(first):
            search.excluded["templates by bound"] = len(queue) - at
            break
        if first >= key[0] * (1 - SLACK) and second >= key[1] * (1 - SLACK):
            search.excluded["templates by bound"] = search.excluded.get("templates by bound", 0) + 1
            continue
        flows, forms = masks[mask]
        rows = build(search.machine, search.ground, flows, forms, n, can_prune)
        stack = open_stack(search.machine, search.ground, flows, rows)
        while not join(search.machine, search.ground, flows, forms, n, rows, stack, search.best, NODES):
            if watch.tell is not None:
                watch.tell(float(key[0]), first, int(search.best.tally[1]))
            if watch.expired():
                return min(first, float(key[0]))
    return float(key[0])


def _answer(search: _Search, incumbent: Found | None, bound: float) -> Answer:
    best, problem = search.best, search.problem
    nodes, priced, by_bound, by_capacity, cells = (int(v) for v in best.tally)
    excluded = {
        **search.excluded,
        "spatial cells by bound": cells,
        "partial joins by bound": by_bound,
        "partial joins by capacity": by_capacity,
    }
    found = incumbent
    if best.spatial.any():
        mapping = _mapping(search)
        cost = evaluate(problem.workload, problem.architecture, mapping, drain_reads=problem.drain_reads)
        found = Found(mapping, cost.energy_pj, cost.cycles)
    value = math.inf if found is None else problem.objective.value(found.energy_pj, found.cycles)
    finished = bound >= float(best.key[0])
    return Answer(found, value if finished else min(bound, value), finished, priced, excluded)


def _mapping(search: _Search) -> Mapping:
    plan, best, workload = search.plan, search.best, search.problem.workload
    names = [workload.dims[at] for at in plan.active]
    axis = axes_of(plan, search.problem.rules, best.spatial)
    loops: list[list[Loop]] = [[] for _ in plan.levels]
    count = int((best.temporal > 1).sum())
    levels = [level for level in range(len(plan.levels)) for _ in range(int((best.temporal[level] > 1).sum()))]
    for level, d in zip(levels, best.dims[:count], strict=True):
        loops[level].append(Loop(names[d], int(best.temporal[level, d])))
    before = 0
    nests: list[LevelNest] = []
    for level, block in enumerate(loops):
        kept = [t for t in range(len(plan.tensors)) if best.keep[level, t]]
        cut = {plan.tensors[t].name: max(0, int(best.ends[level, t]) - before) for t in kept}
        across = [
            tuple(
                Loop(names[d], int(best.spatial[level, d]))
                for d in plan.dims
                if best.spatial[level, d] > 1 and axis[level][d] == a
            )
            for a in (0, 1)
        ]
        nests.append(
            LevelNest(
                level=search.problem.architecture.levels[level].name,
                temporal=tuple(reversed(block)),
                x=across[0],
                y=across[1],
                keep=frozenset(plan.tensors[t].name for t in kept),
                cut={name: inside for name, inside in cut.items() if inside < len(block)},
            )
        )
        before += len(block)
    return Mapping(tuple(nests))
