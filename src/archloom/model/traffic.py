"""Traffic: how many words enter each tile, and how often each level is read and updated (docs/model.md, sections 2 to 4).

A tile is fetched whole each time a loop outside it turns, except that loops over dims irrelevant to the tensor, before
any relevant one, leave it in place, and that a tile sliding along a rank shared by two dims keeps its overlap. So
`fills = volume * visits - savings`: `visits` counts the turns, `savings` the words that slides did not fetch again.
Everything is a product or sum of integers, hence exact.
"""

from __future__ import annotations

from dataclasses import dataclass

from archloom.model import ops
from archloom.model.ops import Lane
from archloom.model.plan import Plan, PlannedTensor
from archloom.model.tiles import Extents, Nest, distinct, extents, rank_extents, spatial_trips

__all__ = ["Counts", "count", "free_runs"]

NEVER = 1 << 20
"""An order position beyond every loop."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Words per instance, as lanes `[level][tensor]`, inner to outer; `used[l]` counts used instances of level l.

    `tile` is the tile volume where kept, else 0. `cycles` is the product of all temporal trips.
    """

    tile: list[list[Lane]]
    reads: list[list[Lane]]
    fills: list[list[Lane]]
    updates: list[list[Lane]]
    used: list[Lane]
    used_compute: Lane
    cycles: Lane
    covered: list[Lane]
    """Product of all factors of each dim: its bound, or more with padding."""


@dataclass(frozen=True, slots=True)
class _Slide:
    """One block's loops over a shared rank: what each would move, and how it stands among the block's other loops."""

    present: Lane
    first_step: Lane
    others_from: Lane
    """Position of the block's innermost loop over another relevant dim: it turns the tile and ends the slide."""
    advance: Lane
    """How far the rank has moved when all the block's loops over it are at their ends."""
    loops: list[tuple[Lane, Lane, Lane, Lane]]
    """Per loop: (position, step, advance of the block's loops inside it, times it moves the tile)."""


@dataclass(frozen=True, slots=True)
class _View:
    """One block of temporal loops as a tensor sees it."""

    moves: Lane
    turns: Lane
    slides: list[_Slide]


def count(plan: Plan, nest: Nest) -> Counts:
    """Count words moved at every level for every tensor; arguments and result are lanes."""
    reach = extents(plan, nest)
    outside = _trips_from(plan, nest)
    used, used_compute = _used_instances(plan, nest)
    tile = [[0] * len(plan.tensors) for _ in plan.levels]
    reads, fills, updates = ([[0] * len(plan.tensors) for _ in plan.levels] for _ in range(3))
    for t, tensor in enumerate(plan.tensors):
        views = [_view(plan, nest, reach, level, tensor, outside[level + 1]) for level in range(len(plan.levels))]
        visits = _visits(views)
        sent: Lane = outside[0]
        for level, planned in enumerate(plan.levels):
            before = reach.after[level - 1] if level else [1] * len(plan.bounds)
            sent = ops.product((sent, distinct(plan, nest, before, level, t)))
            if not planned.may_keep[t]:
                continue
            kept = nest.keep[level][t]
            is_outermost = level == len(plan.levels) - 1
            box, own = _tile(plan, nest, reach, level, t, tensor, outside[level + 1])
            sides = rank_extents(tensor, box)
            volume = ops.product(sides)
            entering = ops.product(
                (volume, visits[level + 1] if own is None else ops.select(own.moves, own.turns, visits[level + 1]))
            )
            entering = entering - _savings(tensor, sides, ([] if own is None else [own]) + views[level + 1 :])
            seen = ops.product(_seen(nest, level, dim, reach) for dim in tensor.relevant) if tensor.is_output else 0
            drained = entering if plan.drain_reads and tensor.is_output and not is_outermost else 0
            tile[level][t] = ops.select(kept, volume, 0)
            reads[level][t] = ops.select(kept, ops.total((sent, drained)) - seen, 0)
            updates[level][t] = ops.select(kept, sent, 0) if tensor.is_output else 0
            fills[level][t] = 0 if is_outermost else ops.select(kept, entering - seen, 0)
            sent = ops.select(kept, entering, sent)
    return Counts(tile, reads, fills, updates, used, used_compute, outside[0], reach.after[-1])


def _trips_from(plan: Plan, nest: Nest) -> list[Lane]:
    """Product of all temporal trips of level l and outward, for l = 0 .. L (1 at the end)."""
    products: list[Lane] = [1]
    for level in reversed(range(len(plan.levels))):
        products.append(ops.product(nest.temporal[level], start=products[-1]))
    return products[::-1]


def _used_instances(plan: Plan, nest: Nest) -> tuple[list[Lane], Lane]:
    used: list[Lane] = []
    running: Lane = 1
    for level in reversed(range(len(plan.levels))):
        used.append(running)
        if plan.levels[level].has_fanout:
            running = ops.product((spatial_trips(nest, level, d) for d in plan.dims), start=running)
    return used[::-1], running


def _tile(
    plan: Plan, nest: Nest, reach: Extents, level: int, t: int, tensor: PlannedTensor, outside: Lane
) -> tuple[list[Lane], _View | None]:
    """The box of t's tile at `level`, and the view of the block's own loops beyond the cut (None: no cuts)."""
    if not plan.cuts or nest.cut is None:
        return reach.after[level], None
    cut = nest.cut[level][t]
    temporal, order = nest.temporal[level], nest.order[level]
    within = [order[d] < cut for d in plan.dims]
    box = [ops.product((reach.inside[level][d], ops.select(within[d], temporal[d], 1))) for d in plan.dims]
    beyond = [ops.select(within[d], 1, temporal[d]) for d in plan.dims]
    return box, _build_view(plan, tensor, beyond, order, reach.inside[level], outside)


def _view(plan: Plan, nest: Nest, reach: Extents, level: int, tensor: PlannedTensor, outside: Lane) -> _View:
    return _build_view(plan, tensor, nest.temporal[level], nest.order[level], reach.inside[level], outside)


def _build_view(
    plan: Plan, tensor: PlannedTensor, trips: list[Lane], order: list[Lane], step: list[Lane], outside: Lane
) -> _View:
    position = {d: ops.select(trips[d] > 1, order[d], NEVER) for d in tensor.relevant}
    first = ops.smallest((NEVER, *position.values()))
    idle = [ops.select(order[d] > first, trips[d], 1) for d in tensor.irrelevant]
    turns = ops.product([*(trips[d] for d in tensor.relevant), *idle], start=outside)
    slides = [_slide(plan, tensor.ranks[k], position, trips, order, step, outside) for k in tensor.sliding]
    return _View(first < NEVER, turns, slides)


def _slide(
    plan: Plan,
    rank: tuple[tuple[int, int], ...],
    position: dict[int, Lane],
    trips: list[Lane],
    order: list[Lane],
    step: list[Lane],
    outside: Lane,
) -> _Slide:
    shared = dict(rank)
    others_from = ops.smallest((NEVER, *(at for d, at in position.items() if d not in shared)))
    moved = {d: ops.product((step[d], c)) for d, c in rank}
    advance = {d: (trips[d] - 1) * moved[d] for d in shared}
    first = ops.smallest(position[d] for d in shared)
    first_step: Lane = 0
    loops: list[tuple[Lane, Lane, Lane, Lane]] = []
    for d in shared:
        first_step = ops.select(position[d] == first, moved[d], first_step)
        beyond = [ops.select(order[e] > order[d], trips[e], 1) for e in plan.dims if e != d]
        inside = ops.total(ops.select(order[e] < order[d], advance[e], 0) for e in shared if e != d)
        loops.append((order[d], moved[d], inside, ops.product(beyond, start=outside) * (trips[d] - 1)))
    return _Slide(first < NEVER, first_step, others_from, ops.total(advance.values()), loops)


def _visits(views: list[_View]) -> list[Lane]:
    """`visits[l]`: how often a tile just inside block l is fetched whole, if it never slides."""
    visits: list[Lane] = [1]
    for view in reversed(views):
        visits.append(ops.select(view.moves, view.turns, visits[-1]))
    return visits[::-1]


def _savings(tensor: PlannedTensor, sides: list[Lane], views: list[_View]) -> Lane:
    """Words that the tile keeps while it slides: along one shared rank, until another relevant dim moves."""
    saved: list[Lane] = []
    for s, k in enumerate(tensor.sliding):
        side = sides[k]
        first_step: Lane = 0
        for view in reversed(views):
            first_step = ops.select(view.slides[s].present, view.slides[s].first_step, first_step)
        overlap = ops.largest((side - first_step, 0))
        undisturbed: Lane = True
        advanced: Lane = 0
        kept: list[Lane] = []
        for view in views:
            slide = view.slides[s]
            for position, step, inside, times in slide.loops:
                move = step - ops.total((advanced, inside))
                words = ops.select(move == first_step, overlap, ops.select(move == 0, side, 0))
                kept.append(ops.select(ops.logical_and(undisturbed, position < slide.others_from), words, 0) * times)
            undisturbed = ops.logical_and(undisturbed, slide.others_from >= NEVER)
            advanced = ops.total((advanced, slide.advance))
        saved.append(ops.product((side for at, side in enumerate(sides) if at != k), start=ops.total(kept)))
    return ops.total(saved)


def _seen(nest: Nest, level: int, dim: int, reach: Extents) -> Lane:
    """Extent of `dim` that one instance of `level` ever sees: its own reach times the temporal trips outside it."""
    return ops.product(
        (nest.temporal[outer][dim] for outer in range(level + 1, len(nest.temporal))), start=reach.after[level][dim]
    )


def free_runs(plan: Plan, nest: Nest, level: int) -> list[Lane]:
    """Per tensor: trips of the run of irrelevant loops directly outside block `level`, during which its tile stays."""
    reach = extents(plan, nest)
    outside = _trips_from(plan, nest)
    runs: list[Lane] = []
    for tensor in plan.tensors:
        visits: Lane = 1
        for at in reversed(range(level + 1, len(plan.levels))):
            view = _view(plan, nest, reach, at, tensor, outside[at + 1])
            visits = ops.select(view.moves, view.turns, visits)
        runs.append(outside[level + 1] / visits)
    return runs
