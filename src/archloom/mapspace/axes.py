"""Axes: the five independent choices of which a mapping consists, each of which can be held fixed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import Enum
from math import prod

import numpy as np

from archloom.mapspace.orders import positions
from archloom.mapspace.rules import Axes, Cuts, Range, Rules
from archloom.model.arrays import MappingBatch

__all__ = ["Axis", "restricted"]


class Axis(Enum):
    """An axis of a mapspace.

    TILING: trips in time. ORDER: the sequence of the loops of each block. PARALLELISM: trips across the fanouts, with the mesh axis
    they lie on. SHAPE: the extents (X, Y) in use of each reshapeable fanout. RESIDENCY: what each level keeps, and where cuts are.
    """

    TILING = "tiling"
    ORDER = "order"
    PARALLELISM = "parallelism"
    SHAPE = "shape"
    RESIDENCY = "residency"


def restricted(rules: Rules, batch: MappingBatch, row: int, axes: Iterable[Axis]) -> Rules:
    """The rules with some axes held at the value that a row of a batch has.

    A fixed order is that of the order array, also for dims that have no loop in that mapping (outside the others, unless the
    rules give them a place). A fixed shape makes each reshapeable
    mesh the one in use: other mappings fit it, and need not fill it. Where fanouts pool their units, no mesh is a fanout's own, and
    fixing the shape changes nothing.
    """
    for axis in axes:
        rules = _FIX[axis](rules, batch, row)
    return rules


def _fixed(table: Axes, trips: np.ndarray) -> Axes:
    return tuple(
        tuple(span & Range(int(trip), int(trip)) for span, trip in zip(spans, line, strict=True))
        for spans, line in zip(table, trips, strict=True)
    )


def _fix_tiling(rules: Rules, batch: MappingBatch, row: int) -> Rules:
    return replace(rules, temporal=_fixed(rules.temporal, np.asarray(batch.temporal)[..., row]))


def _fix_order(rules: Rules, batch: MappingBatch, row: int) -> Rules:
    # as if every dim had a loop: those that the rules fix innermost or outermost keep their place
    order = np.asarray(batch.order)[..., row, None]
    order = positions(rules, np.ones(order.shape, bool), order)[..., 0]
    inner = tuple(tuple(int(d) for d in np.argsort(line, kind="stable")) for line in order)
    return replace(rules, order_inner=inner, order_outer=tuple(() for _ in inner))


def _fix_parallelism(rules: Rules, batch: MappingBatch, row: int) -> Rules:
    x, y = np.asarray(batch.x)[..., row], np.asarray(batch.y)[..., row]
    return replace(rules, x=_fixed(rules.x, x), y=_fixed(rules.y, y))


def _fix_shape(rules: Rules, batch: MappingBatch, row: int) -> Rules:
    if rules.pooled:
        return rules
    mesh = list(rules.mesh)
    for at, reshapeable in enumerate(rules.reshapeable):
        if reshapeable:
            extents = (prod(int(trip) for trip in np.asarray(table)[at, :, row]) for table in (batch.x, batch.y))
            mesh[at] = next(extents), next(extents)
    return replace(rules, mesh=tuple(mesh), reshapeable=tuple(False for _ in mesh))


def _fix_residency(rules: Rules, batch: MappingBatch, row: int) -> Rules:
    keep = np.asarray(batch.keep)[..., row]
    rules = replace(rules, keep=tuple(tuple((bool(value),) for value in line) for line in keep))
    if rules.cuts is not Cuts.FREE:
        return rules
    everything = len(rules.bounds)
    cut = np.full(keep.shape, everything) if batch.cut is None else np.asarray(batch.cut)[..., row]
    return replace(rules, cut=tuple(tuple(int(value) for value in line) for line in cut))


_FIX = {
    Axis.TILING: _fix_tiling,
    Axis.ORDER: _fix_order,
    Axis.PARALLELISM: _fix_parallelism,
    Axis.SHAPE: _fix_shape,
    Axis.RESIDENCY: _fix_residency,
}
