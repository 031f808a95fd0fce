"""Why a layer has no legal mapping: the smallest tile that does not fit, the bound that no factors reach, or what would help."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from archloom.mapspace.rules import Range
from archloom.search.exact.problem import Problem, Watch
from archloom.search.exact.solve import solve
from archloom.search.objective import objective_of

__all__ = ["why_certainly", "why_infeasible"]

PATIENCE_S = 3.0
"""So long one attempt at a larger memory may take."""


def why_infeasible(parts: Sequence[Problem], empty: str | None = None, stop: threading.Event | None = None) -> str:
    """A sentence on why these parts of a space have no mapping between them: what is too small, or what contradicts.

    `empty`: what the space says about being empty, where it is.
    """
    return why_certainly(parts, empty) or _what_would_help(parts, stop)


def why_certainly(parts: Sequence[Problem], empty: str | None = None) -> str | None:
    """The part of the answer that takes no search; None where only a search would tell."""
    for problem in parts:
        reasons = list(_certain(problem))
        if reasons and len(parts) == 1:
            return "; ".join(reasons)
    common = [set(_certain(problem)) for problem in parts]
    shared = sorted(set.intersection(*common))
    return "; ".join(shared) if shared else empty


@dataclass(frozen=True)
class _Slot:
    """One loop that a dim may have: at which level, in space (below) or in time, and its trip."""

    level: int
    where: str
    span: Range


def _certain(problem: Problem) -> Iterator[str]:
    """What already a single dim, or the smallest tiles, rule out."""
    least = _least_extents(problem)
    dims = problem.workload.dims
    for d, per_level in enumerate(least):
        if per_level is None:
            bound = problem.workload.bounds[dims[d]]
            yield f"the rules leave no factors for {dims[d]}={bound}: {_spans(problem, d)}"
    if any(per_level is None for per_level in least):
        return
    for level in range(len(problem.architecture.levels)):
        yield from _too_small(problem, level, [per_level[level] for per_level in least if per_level])


def _slots(problem: Problem, d: int) -> list[_Slot]:
    """The loops of a dim, inner to outer."""
    rules = problem.rules
    slots: list[_Slot] = []
    for level, (mesh_x, mesh_y) in enumerate(rules.mesh):
        most = mesh_x * mesh_y
        if rules.pooled:
            most = math.prod(x * y for x, y in rules.mesh[level:])
        both = Range(rules.x[level][d].low * rules.y[level][d].low, max(rules.x[level][d].high, rules.y[level][d].high))
        slots.append(_Slot(level, "space", rules.spatial[level][d] & both & Range(1, most)))
        slots.append(_Slot(level, "time", rules.temporal[level][d]))
    return slots


def _least_extents(problem: Problem) -> list[list[int] | None]:
    """Per dim: the least extent of the tile at each level, or None where no factors multiply to the bound."""
    return [_least_of(_slots(problem, d), bound, problem.padding) for d, bound in enumerate(problem.rules.bounds)]


def _least_of(slots: list[_Slot], bound: int, padding: bool) -> list[int] | None:
    """Least product of the trips up to each level's loops in time, over all ways to reach the bound."""
    if padding:
        low = [math.prod(slot.span.low for slot in slots if slot.level <= level) for level in range(len(slots) // 2)]
        return None if math.prod(min(slot.span.high, bound) for slot in slots) < bound else low
    divisors = [n for n in range(1, math.isqrt(bound) + 1) if bound % n == 0]
    divisors = sorted({*divisors, *(bound // n for n in divisors)})
    inward: list[set[int]] = [{1}]
    for slot in slots:
        inward.append({a * n for a in inward[-1] for n in divisors if bound % (a * n) == 0 and n in slot.span})
    if bound not in inward[-1]:
        return None
    outward = {bound}
    least: list[int] = []
    for at in range(len(slots), 0, -1):
        if slots[at - 1].where == "time":
            least.append(min(outward & inward[at]))
        outward = {a // n for a in outward for n in divisors if a % n == 0 and n in slots[at - 1].span}
        outward &= inward[at - 1]
    return least[::-1]


def _spans(problem: Problem, d: int) -> str:
    """What the rules allow the loops of a dim, where that is limited."""
    names, meshes = problem.architecture.names, problem.rules.mesh
    limited = [
        slot
        for slot in reversed(_slots(problem, d))
        if slot.span != Range(1, problem.rules.bounds[d])
        and (slot.where == "time" or math.prod(meshes[slot.level]) > 1)
    ]
    texts = [
        f"{slot.span} {'in time' if slot.where == 'time' else 'across'} at {names[slot.level]}" for slot in limited
    ]
    return ", ".join(texts) or "their divisors exclude each other"


def _too_small(problem: Problem, level: int, extents: list[int]) -> Iterator[str]:
    workload, memory = problem.workload, problem.architecture.levels[level]
    by_dim = dict(zip(workload.dims, extents, strict=True))
    tiles: list[tuple[str, int, int]] = []
    for tensor, options in zip(workload.tensors, problem.rules.keep[level], strict=True):
        if options == (True,):
            words = math.prod(1 + sum(c * (by_dim[dim] - 1) for dim, c in rank) for rank in tensor.ranks)
            tiles.append((tensor.name, words, memory.tensor_bits(tensor)))
    needed, usable = sum(words * bits for _, words, bits in tiles), memory.size_bits / memory.buffering
    if needed > usable and problem.cuts != "free":
        shown = ", ".join(f"{name} {words:,} words x {bits} bits" for name, words, bits in tiles)
        yield (
            f"level {memory.name!r} is too small: even the smallest tiles it has to hold need {needed:,} bits ({shown}), "
            f"but only {usable:,.0f} bits are usable"
        )


class _UntilFound(Watch):
    """Over with the first mapping."""

    def __init__(self, stop: threading.Event | None) -> None:
        super().__init__(time.monotonic() + PATIENCE_S, self._hear)
        self._found, self._stop = False, stop

    def expired(self) -> bool:
        return self._found or super().expired() or (self._stop is not None and self._stop.is_set())

    def _hear(self, incumbent: float, *_: float) -> None:
        self._found = self._found or incumbent < math.inf


def _what_would_help(parts: Sequence[Problem], stop: threading.Event | None) -> str:
    """The memories of which one alone, if it were larger, would let a mapping fit."""
    helpful: list[str] = []
    for level in parts[0].architecture.levels:
        if level.size_bits < math.inf and any(_fits(_larger(problem, level.name), stop) for problem in parts):
            helpful.append(repr(level.name))
    if helpful:
        which = helpful[0] if len(helpful) == 1 else f"any one of {', '.join(helpful)}"
        return f"no mapping fits all memories at once; one would if {which} were larger"
    filled = [
        level for level, share in zip(parts[0].architecture.levels, parts[0].rules.min_fill, strict=True) if share
    ]
    if filled:
        return (
            f"no mapping fits all memories and fills {', '.join(repr(level.name) for level in filled)} as the rules ask"
        )
    return "no mapping satisfies the rules, the fanouts and all capacities at once"


def _larger(problem: Problem, level: str) -> Problem:
    return replace(problem, architecture=problem.architecture.with_level(level, size_bits=math.inf))


def _fits(problem: Problem, stop: threading.Event | None) -> bool:
    return solve(replace(problem, objective=objective_of("latency")), _UntilFound(stop)).best is not None
