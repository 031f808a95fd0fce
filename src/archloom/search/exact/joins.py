"""The exact mapper for free cuts: templates of tile boundaries, each a join of short sorted lists, best bound first.

Where every tile may end is settled by a few *templates* (join_templates), whatever the sizes. Under a template, cost is a sum of
flows that are products over groups of dims, so each group's factorisations are listed once (join_rows), without those that another
dominates, and joined depth first under lower bounds (join_kernel). What survives is priced exactly (join_price).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from archloom.errors import InputError
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.model.evaluate import evaluate
from archloom.model.plan import Plan, lower
from archloom.search.exact.join_chains import axes_of, cells_of, chain_of
from archloom.search.exact.join_flows import Flows, flows_of, machine_of, tensors_of
from archloom.search.exact.join_kernel import DONE, LEAF, Lists, Lows, Stack, join, open_stack, template_bounds
from archloom.search.exact.join_layout import Layout, layout_of
from archloom.search.exact.join_price import TIE, Leaf, Machine, Tensors, price_leaf
from archloom.search.exact.join_rows import Chain, Rows, build_rows
from archloom.search.exact.join_templates import Kept, Shape
from archloom.search.exact.problem import Answer, Found, Problem, Watch

__all__ = ["solve_joins"]

NODES = 1 << 19
"""Nodes of a join between two looks at the clock."""

MEMORY = 1 << 27
"""Bytes of rows that a keep mask holds in memory for the templates to come; the others are built again."""


@dataclass(eq=False)
class _Best:
    """The incumbent: `key` [4] (cost, what breaks ties, energy, cycles), and its loops as price_leaf leaves them."""

    key: NDArray[np.float64]
    temporal: NDArray[np.float64]
    spatial: NDArray[np.float64]
    dims: NDArray[np.int64]
    ends: NDArray[np.int64]
    keep: NDArray[np.bool_] | None = None

    def is_beaten(self, first: float, second: float) -> bool:
        """Whether nothing at or above these bounds of a key can be better."""
        return first > self.key[0] * (1 + TIE) or (
            first >= self.key[0] * (1 - TIE) and second >= self.key[1] * (1 - TIE)
        )


@dataclass(eq=False)
class _Search:
    """A search under way; `strict`: rules on order or least fills forbid exchange arguments."""

    problem: Problem
    watch: Watch
    plan: Plan
    tensors: Tensors
    machine: Machine
    chain: Chain
    cells: NDArray[np.int64]
    groups: tuple[tuple[int, ...], ...]
    places: NDArray[np.int64]
    order_rules: NDArray[np.int64]
    strict: bool
    best: _Best
    priced: int = 0
    tally: NDArray[np.int64] = field(default_factory=lambda: np.zeros(4, np.int64))
    excluded: dict[str, int] = field(default_factory=dict)


@dataclass(eq=False)
class _Mask:
    """One keep mask under search: its `open` templates (a deadline cuts off the others), rows held in memory, least values."""

    flows: Flows
    layout: Layout
    open: NDArray[np.int64]
    rows: dict[int, Rows]
    lows: Lows
    offset: NDArray[np.int64]


def solve_joins(
    problem: Problem, watch: Watch, incumbent: Found | None = None, *, cycles_limit: float = math.inf
) -> Answer:
    """The best mapping with free cuts, of at most `cycles_limit` cycles, proven by group joins; or with a deadline, the best so far.

    Any einsum, fanouts, bypass and rules but padding (solve each padded bound by itself) and given cuts. `incumbent`: a
    mapping of the space found before. Raises InputError for another kind of problem.
    """
    _check(problem)
    search = _open(problem, watch, incumbent, cycles_limit)
    if search is None:
        return Answer(incumbent, math.inf, True, 0, {"rules": 1})
    queue: list[tuple[float, float, int, int]] = []
    masks: list[_Mask] = []
    floor = math.inf
    for kept in _keep_masks(search):
        if masks and watch.expired():
            floor = _floor(problem)
            break
        mask = _open_mask(search, kept)
        found = template_bounds(
            mask.flows.costs, mask.flows.cells, mask.lows, mask.offset[mask.layout.form_of[mask.open]]
        )
        queue += [
            (float(first), float(second), len(masks), int(n))
            for n, (first, second) in zip(mask.open, found, strict=True)
        ]
        masks.append(mask)
        if len(mask.open) < len(mask.layout.form_of):
            floor = _floor(problem)
            break
    queue.sort()
    return _answer(search, incumbent, min(floor, _run(search, queue, masks)))


def _floor(problem: Problem) -> float:
    """What every mapping costs at least: its multiplications, on the whole array."""
    workload, architecture = problem.workload, problem.architecture
    cycles = max(1.0, workload.macs / architecture.compute_instances)
    return problem.objective.value(architecture.compute.energy_pj * workload.macs, cycles) * (1 - 1e-9)


def _check(problem: Problem) -> None:
    if problem.cuts != "free":
        raise InputError(f"group joins search free cuts; the problem has the cuts {problem.cuts!r}")
    if problem.padding:
        raise InputError("group joins search perfect factors; give the problem its padded bounds instead")
    if any(cut is not None for row in problem.rules.cut[:-1] for cut in row):
        raise InputError("the exact search with free cuts takes no cut as given: leave the cuts free")


def _open(problem: Problem, watch: Watch, incumbent: Found | None, cycles_limit: float) -> _Search | None:
    """Lower a problem to arrays; None where the rules allow nothing."""
    rules = problem.rules
    plan = lower(problem.workload, problem.architecture, cuts=True, drain_reads=problem.drain_reads)
    idle = [d for d in range(len(problem.workload.dims)) if d not in plan.active]
    if any(
        1 not in row[d] for table in (rules.temporal, rules.spatial, rules.x, rules.y) for row in table for d in idle
    ):
        return None
    if not plan.bounds:  # a single operation: keep one dim of bound 1, so that there is something to list
        plan = replace(plan, active=(0,), bounds=(1,), tensors=tuple(replace(t, irrelevant=(0,)) for t in plan.tensors))
    capacity = [level.size_bits / level.buffering for level in problem.architecture.levels]
    least = [share * bits if bits < math.inf else 0.0 for share, bits in zip(rules.min_fill, capacity, strict=True)]
    whole = sum(
        math.prod(problem.workload.shape(tensor)) * problem.architecture.levels[-1].tensor_bits(tensor)
        for tensor in problem.workload.tensors
    )
    if not least[-1] <= whole <= capacity[-1]:
        return None
    found = chain_of(plan, rules)
    if found is None:
        return None
    chain, listed = found
    cells = cells_of(plan, rules, listed)
    if not len(cells):
        return None
    groups = _groups(plan)
    order_rules = _order_rules(plan, problem)
    tensors = tensors_of(plan)
    return _Search(
        problem=problem,
        watch=watch,
        plan=plan,
        tensors=tensors,
        machine=machine_of(plan, problem, least, cycles_limit),
        chain=chain,
        cells=cells,
        groups=groups,
        places=_places(chain, cells, groups),
        order_rules=order_rules,
        strict=bool(order_rules.any() or any(least[:-1])),
        best=_first_best(problem, plan, incumbent),
    )


def _first_best(problem: Problem, plan: Plan, incumbent: Found | None) -> _Best:
    levels, wide = len(plan.levels), len(plan.bounds)
    key = np.full(4, np.inf)
    if incumbent is not None:
        key[:2] = problem.objective.key(incumbent.energy_pj, incumbent.cycles)
        key[2:] = incumbent.energy_pj, incumbent.cycles
    return _Best(
        key,
        np.zeros((levels, wide)),
        np.zeros((levels, wide)),
        np.zeros(levels * wide, np.int64),
        np.zeros((levels, len(plan.tensors)), np.int64),
    )


def _groups(plan: Plan) -> tuple[tuple[int, ...], ...]:
    """Dims that share a rank of some tensor go together."""
    group = list(plan.dims)
    for tensor in plan.tensors:
        for k in tensor.sliding:
            old = {group[d] for d, _ in tensor.ranks[k]}
            group = [min(old) if g in old else g for g in group]
    return tuple(tuple(d for d in plan.dims if group[d] == g) for g in sorted(set(group)))


def _places(chain: Chain, cells: NDArray[np.int64], groups: tuple[tuple[int, ...], ...]) -> NDArray[np.int64]:
    """The class of each group in each cell: [K, G]."""
    places = np.zeros((len(cells), len(groups)), np.int64)
    for g, group in enumerate(groups):
        for d in group:
            many = chain.classes[d + 1] - chain.classes[d]
            places[:, g] = places[:, g] * many + cells[:, d] - chain.classes[d]
    return places


def _order_rules(plan: Plan, problem: Problem) -> NDArray[np.int64]:
    table = np.zeros((2, len(plan.levels), len(plan.bounds)), np.int64)
    number = {d: k for k, d in enumerate(plan.active)}
    for side, listed in enumerate((problem.rules.order_inner, problem.rules.order_outer)):
        for level, dims in enumerate(listed):
            for place, d in enumerate(dims):
                if d in number:
                    table[side, level, number[d]] = place + 1
    return table


def _keep_masks(search: _Search) -> Iterator[Kept]:
    """Every allowed choice of the tensors that each level but the last keeps."""
    rules = search.problem.rules
    tensors = range(len(search.plan.tensors))
    if not all(True in rules.keep[-1][t] for t in tensors):
        return
    per_level = [
        [
            tuple(t for t, is_kept in zip(tensors, held, strict=True) if is_kept)
            for held in itertools.product(*(rules.keep[level][t] for t in tensors))
        ]
        for level in range(len(search.plan.levels) - 1)
    ]
    yield from itertools.product(*per_level)


def _open_mask(search: _Search, kept: Kept) -> _Mask:
    """Lower a keep mask: its flows, its templates, and the rows of every form its groups take, at least of the first template."""
    plan, rules = search.plan, search.problem.rules
    shape = Shape(
        levels=len(plan.levels),
        dims=len(plan.bounds),
        relevant=tuple(frozenset(tensor.relevant) for tensor in plan.tensors),
        sliding=frozenset(t for t, tensor in enumerate(plan.tensors) if tensor.sliding),
        movable=tuple(
            all(row[d].low <= 1 and row[d].high >= bound for row in rules.temporal)
            for d, bound in zip(plan.active, plan.bounds, strict=True)
        ),
        fixed_orders=search.strict,
    )
    flows = flows_of(
        search.problem,
        plan,
        search.tensors,
        search.machine,
        search.chain,
        search.groups,
        search.cells,
        search.places,
        kept,
    )
    layout = layout_of(shape, kept, search.groups)
    rows: dict[int, Rows] = {}
    lows: list[Lows] = []
    held = 0
    first = int(layout.form_of[0].max(initial=-1)) if len(layout.form_of) else -1
    for f in range(len(layout.forms)):
        if f > first and search.watch.expired():
            break
        built = _build(search, flows, layout, f)
        lows.append(Lows(built.low_cost, built.low_factor, built.low_foot))
        held += sum(table.nbytes for table in built)
        if held <= MEMORY:
            rows[f] = built
    starts = np.cumsum([0, *(len(low.cost) for low in lows)])[:-1]
    complete = np.nonzero(np.all(layout.form_of < len(lows), axis=1))[0]
    return _Mask(
        flows, layout, complete, rows, Lows(*(np.concatenate(tables) for tables in zip(*lows, strict=True))), starts
    )


def _build(search: _Search, flows: Flows, layout: Layout, f: int) -> Rows:
    can_prune = not search.strict and not any(tensor.sliding for tensor in search.plan.tensors)
    costs = flows.costs
    return build_rows(
        search.tensors,
        search.chain,
        flows.columns,
        layout.forms[f],
        costs.foot_bits,
        costs.foot_room,
        flows.sort,
        can_prune,
    )


def _run(search: _Search, queue: list[tuple[float, float, int, int]], masks: list[_Mask]) -> float:
    """Join template after template, best bound first; returns the proven lower bound of the objective."""
    best, watch = search.best, search.watch
    for at, (first, second, number, n) in enumerate(queue):
        if first > best.key[0] * (1 + TIE) or math.isinf(first):
            search.excluded["templates by bound"] = search.excluded.get("templates by bound", 0) + len(queue) - at
            break
        if best.is_beaten(first, second):
            search.excluded["templates by bound"] = search.excluded.get("templates by bound", 0) + 1
            continue
        if (at and watch.expired()) or not _join(search, masks[number], n, first):
            return min(first, float(best.key[0]))
    return float(best.key[0])


def _join(search: _Search, mask: _Mask, n: int, bound: float) -> bool:
    """Search one template; False if time ran out."""
    best, watch, flows = search.best, search.watch, mask.flows
    forms = [int(f) for f in mask.layout.form_of[n]]
    rows = [mask.rows[f] if f in mask.rows else _build(search, flows, mask.layout, f) for f in forms]
    lists, offsets = _lists(rows), mask.offset[forms]
    stack = open_stack(flows.costs, flows.cells, mask.lows, offsets)
    while True:
        why = join(flows.costs, flows.cells, lists, mask.lows, offsets, stack, best.key, search.tally, NODES)
        if why == DONE:
            return True
        is_news = why != LEAF or _price(search, mask, n, rows, stack)
        if is_news and watch.tell is not None:
            watch.tell(float(best.key[0]), min(bound, float(best.key[0])), search.priced)
        if watch.expired():
            return False


def _lists(rows: list[Rows]) -> Lists:
    first = np.cumsum([0, *(len(built.chain) for built in rows)])
    return Lists(
        np.concatenate([built.cost for built in rows]),
        np.concatenate([built.factor for built in rows]),
        np.concatenate([built.foot for built in rows]),
        np.concatenate([built.starts + at for built, at in zip(rows, first, strict=False)]),
        np.concatenate([built.ends + at for built, at in zip(rows, first, strict=False)]),
        np.cumsum([0, *(len(built.starts) for built in rows)]),
    )


def _price(search: _Search, mask: _Mask, n: int, rows: list[Rows], stack: Stack) -> bool:
    """Price the complete join that a stack stands at; whether it is the best so far."""
    plan, best = search.plan, search.best
    cell = stack.cells[stack.at[0]]
    picked = np.zeros(len(plan.bounds), np.int64)
    picks = np.zeros((len(plan.bounds), len(plan.levels)), np.int64)
    starts = np.cumsum([0, *(len(built.chain) for built in rows)])
    for depth, g in enumerate(stack.groups):
        row = stack.next[depth] - 1 - starts[g]
        dims = list(search.groups[g])
        picked[dims], picks[dims] = rows[g].chain[row], rows[g].picks[row]
    layout = mask.layout
    leaf = Leaf(
        picked, picks, search.cells[cell], layout.gap[n], layout.rank[n], layout.boundary[n], search.order_rules
    )
    before = float(best.key[2]), float(best.key[3])
    low = (float(stack.bound[cell, 0]), float(stack.bound[cell, 1]))
    search.priced += price_leaf(
        search.tensors,
        search.machine,
        mask.flows.keep,
        search.chain.temporal,
        search.chain.spatial,
        leaf,
        low,
        best.key,
        best.temporal,
        best.spatial,
        best.dims,
        best.ends,
    )
    is_better = before != (float(best.key[2]), float(best.key[3]))
    if is_better:
        best.keep = mask.flows.keep
    return is_better


def _answer(search: _Search, incumbent: Found | None, bound: float) -> Answer:
    best, problem = search.best, search.problem
    _, by_bound, by_capacity, cells = (int(many) for many in search.tally)
    excluded = {
        **search.excluded,
        "spatial cells by bound": cells,
        "partial joins by bound": by_bound,
        "partial joins by capacity": by_capacity,
    }
    found = incumbent
    if best.keep is not None:
        mapping = _mapping(search, best.keep)
        cost = evaluate(problem.workload, problem.architecture, mapping, drain_reads=problem.drain_reads)
        found = Found(mapping, cost.energy_pj, cost.cycles)
    value = math.inf if found is None else problem.objective.value(found.energy_pj, found.cycles)
    finished = bound >= float(best.key[0])
    return Answer(found, value if finished else min(bound, value), finished, search.priced, excluded)


def _mapping(search: _Search, keep: NDArray[np.bool_]) -> Mapping:
    """The incumbent as a mapping."""
    plan, best, problem = search.plan, search.best, search.problem
    names = [problem.workload.dims[at] for at in plan.active]
    axis = axes_of(plan, problem.rules, best.spatial)
    nests: list[LevelNest] = []
    before = 0
    for level, memory in enumerate(problem.architecture.levels):
        many = int((best.temporal[level] > 1).sum())
        block = [Loop(names[d], int(best.temporal[level, d])) for d in best.dims[before : before + many]]
        kept = [t for t in range(len(plan.tensors)) if keep[level, t]]
        cut = {plan.tensors[t].name: max(0, int(best.ends[level, t]) - before) for t in kept}
        x, y = (
            tuple(
                Loop(names[d], int(best.spatial[level, d]))
                for d in plan.dims
                if best.spatial[level, d] > 1 and axis[level][d] == side
            )
            for side in (0, 1)
        )
        nests.append(
            LevelNest(
                level=memory.name,
                temporal=tuple(reversed(block)),
                x=x,
                y=y,
                keep=frozenset(plan.tensors[t].name for t in kept),
                cut={name: inside for name, inside in cut.items() if inside < many},
            )
        )
        before += many
    return Mapping(tuple(nests))
