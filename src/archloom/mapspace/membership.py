"""Membership: which mappings of a batch obey a table of rules, and why one does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from archloom.architecture.hierarchy import Architecture
from archloom.mapspace.rules import Cuts, Range, Rules
from archloom.model.arrays import MappingBatch
from archloom.workload.einsum import Workload

__all__ = ["first_fault", "obeys"]

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Check:
    """Which rows pass, and a sentence about one that does not: `before`, its `value` if there is one, `after`."""

    passed: Flags
    before: str
    value: NDArray[np.int64] | None = None
    after: str = ""

    def sentence(self, row: int) -> str:
        return f"{self.before}{'' if self.value is None else int(self.value[row])}{self.after}"


def obeys(rules: Rules, batch: MappingBatch) -> Flags:
    """[B]: whether each mapping, in the form of arrays, is in the space of the rules."""
    passed = np.ones(len(batch), bool)
    for check in _checks(rules, batch, None, None):
        passed &= check.passed
    return passed


def first_fault(
    rules: Rules, batch: MappingBatch, workload: Workload, architecture: Architecture, row: int = 0
) -> str | None:
    """Why a row is not in the space of the rules, in a sentence; None if it is."""
    failed = (check for check in _checks(rules, batch, workload, architecture) if not check.passed[row])
    check = next(failed, None)
    return None if check is None else check.sentence(row)


def _checks(
    rules: Rules, batch: MappingBatch, workload: Workload | None, architecture: Architecture | None
) -> Iterator[_Check]:
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


def _factor_checks(rules: Rules, batch: MappingBatch, dims: tuple[str, ...]) -> Iterator[_Check]:
    for d, bound in enumerate(rules.bounds):
        factors = np.concatenate([np.asarray(t[:, d], np.int64) for t in (batch.temporal, batch.x, batch.y)])
        product = factors.prod(axis=0)
        before = f"the factors of {dims[d]!r} multiply to "
        if not rules.padding:
            yield _Check(product == bound, before, product, f"; expected its bound {bound}")
            continue
        yield _Check(product >= bound, before, product, f", below its bound {bound}")
        tight = ((factors == 1) | (product - product // np.maximum(factors, 1) < bound)).all(axis=0)
        after = f", and one of them can be smaller and still cover its bound {bound}"
        yield _Check(tight | (product == bound), before, product, after)


def _trip_checks(rules: Rules, batch: MappingBatch, at: int, level: str, dims: tuple[str, ...]) -> Iterator[_Check]:
    for d, dim in enumerate(dims):
        x, y = np.asarray(batch.x[at, d], np.int64), np.asarray(batch.y[at, d], np.int64)
        yield _Check((x == 1) | (y == 1), f"{dim!r} is on both mesh axes at {level!r}")
        tables = (
            (np.asarray(batch.temporal[at, d], np.int64), rules.temporal, "in time"),
            (x, rules.x, "along axis X"),
            (y, rules.y, "along axis Y"),
            (x * y, rules.spatial, "across the fanout"),
        )
        for trips, table, where in tables:
            yield _span_check(trips, table[at][d], f"the trip of {dim!r} {where} at {level!r}")


def _span_check(values: NDArray[np.int64], span: Range, what: str) -> _Check:
    return _Check((values >= span.low) & (values <= span.high), f"{what} is ", values, f"; expected {span}")


def _across(batch: MappingBatch, levels: range, axes: str = "xy") -> NDArray[np.int64]:
    """[B]: the product of all trips along some axes of some levels' fanouts."""
    found = np.ones(len(batch), np.int64)
    for at in levels:
        for axis in axes:
            found = found * np.asarray(batch.x[at] if axis == "x" else batch.y[at], np.int64).prod(axis=0)
    return found


def _mesh_checks(rules: Rules, batch: MappingBatch, at: int, level: str) -> Iterator[_Check]:
    across = range(at, len(rules.mesh)) if rules.pooled else range(at, at + 1)
    mesh = [prod(rules.mesh[k][axis] for k in across) for axis in (0, 1)]
    what = f"the fanout of {level!r}"
    if prod(rules.mesh[at]) == 1:
        pass  # the trips are 1, which was checked; a pool counts where there is a mesh
    elif rules.reshapeable[at]:
        yield _span_check(_across(batch, across), Range(1, prod(mesh)), f"the parallelism across {what}")
    else:
        for axis, size in zip("xy", mesh, strict=True):
            yield _span_check(
                _across(batch, across, axis), Range(1, size), f"the parallelism along axis {axis.upper()} of {what}"
            )
    yield _span_check(_across(batch, range(at, at + 1)), rules.parallelism[at], f"the parallelism across {what}")


def _order_checks(rules: Rules, batch: MappingBatch, at: int, level: str, dims: tuple[str, ...]) -> Iterator[_Check]:
    inner, outer = rules.order_inner[at], rules.order_outer[at]
    loops = np.asarray(batch.temporal[at]) > 1
    order = np.asarray(batch.order[at])
    free = [d for d in range(len(dims)) if d not in inner and d not in outer]
    chains = [inner, outer] + [(d, e) for d in inner for e in (*free, *outer)] + [(d, e) for d in free for e in outer]
    for chain in chains:
        for k, d in enumerate(chain):
            for e in chain[k + 1 :]:
                right = ~(loops[d] & loops[e]) | (order[d] < order[e])
                text = f"the loop over {dims[d]!r} lies outside that over {dims[e]!r} at {level!r}; expected it inside"
                yield _Check(right, text)


def _residency_checks(rules: Rules, batch: MappingBatch, at: int, level: str, tensors: list[str]) -> Iterator[_Check]:
    loops = np.asarray(batch.temporal[at]) > 1
    many = loops.sum(axis=0)
    for t, name in enumerate(tensors):
        keep = np.asarray(batch.keep[at, t], bool)
        wanted = "kept" if True in rules.keep[at][t] else "to bypass it"
        yield _Check(np.isin(keep, rules.keep[at][t]), f"{name!r} at {level!r}: expected it {wanted}")
        if batch.cut is None:
            continue
        cut = np.asarray(batch.cut[at, t])
        inside = (loops & (np.asarray(batch.order[at]) < cut)).sum(axis=0)
        fixed = rules.cut[at][t] if rules.cut else None
        if rules.cuts is Cuts.LEVEL or at == len(rules.mesh) - 1:
            text = (
                f"the tile of {name!r} at {level!r} leaves loops of that level outside; expected it to span all of them"
            )
            yield _Check((inside == many) | ~keep, text)
        elif fixed is not None:
            text = f"the tile of {name!r} at {level!r} does not span just the innermost {fixed} loops of that level"
            yield _Check((inside == np.minimum(fixed, many)) | ~keep, text)
