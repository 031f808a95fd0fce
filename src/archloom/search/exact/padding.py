"""Imperfect factorisations: which larger bounds a dim may be padded to, and in which order they are worth solving."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from archloom.search.exact.problem import Problem

__all__ = ["padded_bounds", "padded_problems"]


@lru_cache(maxsize=4096)
def padded_bounds(bound: int, slots: int) -> tuple[int, ...]:
    """Products at or above `bound` of at most `slots` factors none of which can be decreased without falling below it.

    >>> padded_bounds(7, 3)
    (7, 8, 9)
    """
    found = [bound]
    for product in range(bound + 1, 2 * bound):
        largest = math.ceil(product / (product - bound)) - 1
        if _splits(product, slots, largest):
            found.append(product)
    return tuple(found)


@lru_cache(maxsize=65536)
def _splits(product: int, slots: int, largest: int) -> bool:
    """Whether a number is a product of at most `slots` factors, each from 2 to `largest`."""
    if product == 1:
        return True
    if slots == 0 or largest < 2 or largest**slots < product:
        return False
    return any(product % f == 0 and _splits(product // f, slots - 1, f) for f in range(min(largest, product), 1, -1))


def padded_problems(problem: Problem) -> Iterator[tuple[float, Problem]]:
    """The problem at every combination of padded bounds, by growing iteration count, with that count.

    Bounds of 1 are never padded. Costs only grow with the count, so a caller may stop at a bound.
    """
    slots = sum(1 + 2 * (level.fanout.total > 1) for level in problem.architecture.levels)
    dims = problem.workload.dims
    choices = [
        (1,) if problem.workload.bounds[d] == 1 else padded_bounds(problem.workload.bounds[d], slots) for d in dims
    ]
    start: tuple[int, ...] = (0,) * len(dims)
    heap: list[tuple[int, tuple[int, ...]]] = [(math.prod(options[0] for options in choices), start)]
    seen: set[tuple[int, ...]] = {start}
    while heap:
        count, at = heapq.heappop(heap)
        bounds = {d: options[k] for d, options, k in zip(dims, choices, at, strict=True)}
        yield float(count), _padded(problem, bounds)
        for d, options in enumerate(choices):
            grown: tuple[int, ...] = (*at[:d], at[d] + 1, *at[d + 1 :])
            if at[d] + 1 < len(options) and grown not in seen:
                seen.add(grown)
                many = math.prod(options[k] for options, k in zip(choices, grown, strict=True))
                heapq.heappush(heap, (many, grown))


def _padded(problem: Problem, bounds: dict[str, int]) -> Problem:
    rules = replace(problem.rules, bounds=tuple(bounds.values()))
    return replace(problem, workload=problem.workload.with_bounds(**bounds), rules=rules, padding=False)
