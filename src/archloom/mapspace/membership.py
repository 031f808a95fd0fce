"""Membership: which mappings of a batch obey a table of rules, and why one does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

import numpy as np
from numpy.typing import NDArray

from archloom.architecture.hierarchy import Architecture
from archloom.mapspace.rules import Cuts, Range, Rules
from archloom.model.arrays import MappingBatch
from archloom.workload.einsum import Workload

__all__ = ["first_fault", "obeys"]

Flags = NDArray[np.bool_]
Check = tuple[Flags, Callable[[int], str]]
"""Which rows pass, and a sentence about a row that does not."""


def obeys(rules: Rules, batch: MappingBatch) -> Flags:
    """[B]: whether each mapping, in the form of arrays, is in the space of the rules."""
    passed = np.ones(len(batch), bool)
    for flags, _ in _checks(rules, batch, None, None):
        passed &= flags
    return passed


def first_fault(
    rules: Rules, batch: MappingBatch, workload: Workload, architecture: Architecture, row: int = 0
) -> str | None:
    """Why a row is not in the space of the rules, in a sentence; None if it is."""
    for flags, sentence in _checks(rules, batch, workload, architecture):
        if not flags[row]:
            return sentence(row)
    return None


def _checks(
    rules: Rules, batch: MappingBatch, workload: Workload | None, architecture: Architecture | None
) -> Iterator[Check]:
    dims = workload.dims if workload else tuple(f"dim {d}" for d in range(len(rules.bounds)))
    tensors = [t.name for t in workload.tensors] if workload else [f"tensor {t}" for t in range(len(rules.keep[0]))]
    names = architecture.names if architecture else tuple(f"level {at}" for at in range(len(rules.temporal)))
    yield from _factor_checks(rules, batch, dims)
    for at, level in enumerate(names):
        yield from _trip_checks(rules, batch, at, level, dims)
    for at, level in enumerate(names):
        yield from _mesh_checks(rules, batch, at, level)
    yield _span_check(_across(batch, range(len(names))), rules.total_parallelism, "the total parallelism")
    for at, level in enumerate(names):
        yield from _order_checks(rules, batch, at, level, dims)
        yield from _residency_checks(rules, batch, at, level, tensors)


def _factor_checks(rules: Rules, batch: MappingBatch, dims: tuple[str, ...]) -> Iterator[Check]:
    for d, bound in enumerate(rules.bounds):
        factors = np.concatenate([np.asarray(t[:, d], np.int64) for t in (batch.temporal, batch.x, batch.y)])
        product = factors.prod(axis=0)
        if not rules.padding:
            yield product == bound, lambda b, d=d, p=product, n=bound: (
                f"the factors of {dims[d]!r} multiply to {p[b]}; expected its bound {n}"
            )
            continue
        yield product >= bound, lambda b, d=d, p=product, n=bound: (
            f"the factors of {dims[d]!r} multiply to {p[b]}, below its bound {n}"
        )
        tight = ((factors == 1) | (product - product // np.maximum(factors, 1) < bound)).all(axis=0)
        yield tight | (product == bound), lambda b, d=d, p=product, n=bound: (
            f"the factors of {dims[d]!r} multiply to {p[b]}, and one of them can be smaller and still cover its bound {n}"
        )


def _trip_checks(rules: Rules, batch: MappingBatch, at: int, level: str, dims: tuple[str, ...]) -> Iterator[Check]:
    for d, dim in enumerate(dims):
        x, y = np.asarray(batch.x[at, d], np.int64), np.asarray(batch.y[at, d], np.int64)
        yield (x == 1) | (y == 1), lambda b, dim=dim: f"{dim!r} is on both mesh axes at {level!r}"
        tables = (
            (np.asarray(batch.temporal[at, d], np.int64), rules.temporal, "in time"),
            (x, rules.x, "along axis X"),
            (y, rules.y, "along axis Y"),
            (x * y, rules.spatial, "across the fanout"),
        )
        for trips, table, where in tables:
            yield _span_check(trips, table[at][d], f"the trip of {dim!r} {where} at {level!r}")


def _span_check(values: NDArray[np.int64], span: Range, what: str) -> Check:
    return (values >= span.low) & (values <= span.high), lambda b: f"{what} is {values[b]}; expected {span}"


def _across(batch: MappingBatch, levels: range, axes: str = "xy") -> NDArray[np.int64]:
    """[B]: the product of all trips along some axes of some levels' fanouts."""
    found = np.ones(len(batch), np.int64)
    for at in levels:
        for axis in axes:
            found = found * np.asarray(batch.x[at] if axis == "x" else batch.y[at], np.int64).prod(axis=0)
    return found


def _mesh_checks(rules: Rules, batch: MappingBatch, at: int, level: str) -> Iterator[Check]:
    across = range(at, len(rules.mesh)) if rules.pooled else range(at, at + 1)
    mesh = [prod(rules.mesh[k][axis] for k in across) for axis in (0, 1)]
    what = f"the fanout of {level!r}"
    if prod(rules.mesh[at]) == 1:
        pass  # the trips are 1, which was checked; a pool counts where there is a mesh
    elif rules.reshapeable[at]:
        yield _span_check(_across(batch, across), Range(1, prod(mesh)), f"the parallelism across {what}")
    else:
        for axis, size in zip("xy", mesh, strict=True):
            yield _span_check(_across(batch, across, axis), Range(1, size), f"the parallelism along axis {axis.upper()} of {what}")
    yield _span_check(_across(batch, range(at, at + 1)), rules.parallelism[at], f"the parallelism across {what}")


def _order_checks(rules: Rules, batch: MappingBatch, at: int, level: str, dims: tuple[str, ...]) -> Iterator[Check]:
    inner, outer = rules.order_inner[at], rules.order_outer[at]
    loops = np.asarray(batch.temporal[at]) > 1
    order = np.asarray(batch.order[at])
    free = [d for d in range(len(dims)) if d not in inner and d not in outer]
    chains = [inner, outer] + [(d, e) for d in inner for e in (*free, *outer)] + [(d, e) for d in free for e in outer]
    for chain in chains:
        for k, d in enumerate(chain):
            for e in chain[k + 1 :]:
                right = ~(loops[d] & loops[e]) | (order[d] < order[e])
                yield right, lambda b, d=d, e=e: (
                    f"the loop over {dims[d]!r} lies outside that over {dims[e]!r} at {level!r}; expected it inside"
                )


def _residency_checks(rules: Rules, batch: MappingBatch, at: int, level: str, tensors: list[str]) -> Iterator[Check]:
    loops = np.asarray(batch.temporal[at]) > 1
    many = loops.sum(axis=0)
    for t, name in enumerate(tensors):
        keep = np.asarray(batch.keep[at, t], bool)
        allowed = np.isin(keep, rules.keep[at][t])
        yield allowed, lambda b, k=keep, name=name: (
            f"{name!r} is kept at {level!r}; expected it to bypass" if k[b] else f"{name!r} bypasses {level!r}; expected it kept"
        )
        if batch.cut is None:
            continue
        cut = np.asarray(batch.cut[at, t])
        inside = (loops & (np.asarray(batch.order[at]) < cut)).sum(axis=0)
        if rules.cuts is Cuts.LEVEL or at == len(rules.mesh) - 1:
            yield (inside == many) | ~keep, lambda b, name=name: (
                f"the tile of {name!r} at {level!r} leaves loops of that level outside; expected it to span all of them"
            )
        elif rules.cut and rules.cut[at][t] is not None:
            fixed = rules.cut[at][t]
            assert fixed is not None
            yield (inside == np.minimum(fixed, many)) | ~keep, lambda b, name=name, fixed=fixed: (
                f"the tile of {name!r} at {level!r} does not span the innermost {fixed} loops of that level"
            )
