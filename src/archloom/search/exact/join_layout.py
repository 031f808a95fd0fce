"""Layouts: the templates of a keep mask as arrays, and the few different forms that each group of dims takes in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from archloom.search.exact.join_rows import Form
from archloom.search.exact.join_templates import Kept, Shape, templates

__all__ = ["Layout", "layout_of"]

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Layout:
    """Templates as arrays: `gap`, `rank` [N, D, L, O], `boundary` [N, L, T] (-1: none); `forms`: every different form of a group,
    `form_of` [N, G]: which of them a template has.
    """

    gap: Indices
    rank: Indices
    boundary: Indices
    forms: tuple[Form, ...]
    form_of: Indices


@lru_cache(maxsize=1024)
def layout_of(shape: Shape, kept: Kept, groups: tuple[tuple[int, ...], ...]) -> Layout:
    """The templates of a keep mask, laid out for groups of dims."""
    found = templates(shape, kept)
    most = max((len(options) for template in found for dim in template.options for options in dim), default=1) or 1
    count = np.zeros((len(found), shape.dims, shape.levels), np.int64)
    gap, inside, rank = (np.zeros((*count.shape, most), np.int64) for _ in range(3))
    boundary = np.full((len(found), shape.levels, len(shape.relevant)), -1, np.int64)
    for n, template in enumerate(found):
        for d, blocks in enumerate(template.options):
            for level, options in enumerate(blocks):
                count[n, d, level] = len(options)
                for o, option in enumerate(options):
                    gap[n, d, level, o], inside[n, d, level, o], rank[n, d, level, o] = (
                        option.gap,
                        option.inside,
                        option.rank,
                    )
        for level, order in enumerate(template.boundaries):
            boundary[n, level, list(order)] = range(len(order))
    forms: dict[tuple[object, ...], int] = {}
    listed: list[Form] = []
    form_of = np.zeros((len(found), len(groups)), np.int64)
    for n in range(len(found)):
        for g, dims in enumerate(groups):
            at = list(dims)
            key = (g, count[n, at].tobytes(), inside[n, at].tobytes())
            if len(dims) > 1:  # a slide depends on the order of gaps too
                key = (*key, gap[n, at].tobytes(), boundary[n, :, sorted(shape.sliding)].tobytes())
            if key not in forms:
                forms[key] = len(listed)
                arrays = (count[n, at], gap[n, at], inside[n, at], boundary[n])
                listed.append(Form(g, np.array(at, np.int64), *(np.ascontiguousarray(table) for table in arrays)))
            form_of[n, g] = forms[key]
    return Layout(gap, rank, boundary, tuple(listed), form_of)
