"""Figures added up: the sum keeps the sources of its terms and trusts them no more than the weakest one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from archloom.errors import InputError
from archloom.spec.values import shown
from archloom.technology.component import Confidence, Figure

__all__ = ["Term", "total"]

_ORDER: tuple[Confidence, ...] = get_args(Confidence)
"""From the most to the least trustworthy."""

MAX_SOURCES = 4


@dataclass(frozen=True)
class Term:
    """A figure, counted so many times."""

    figure: Figure
    times: float


def total(terms: Sequence[Term], unit: str, compound: str) -> Figure:
    """The sum of the terms; nothing at all is 0, as a compound says whose action uses no part."""
    value = sum(float(term.figure.value) * term.times for term in terms)
    if not math.isfinite(value):
        raise InputError(f"the sum over the parts of {compound} is {shown(value)}; expected a finite number")
    figures = [term.figure for term in terms if term.times and float(term.figure.value)] or [
        term.figure for term in terms
    ]
    sources = list(dict.fromkeys(part for figure in figures for part in figure.source.split("; ")))
    listed = "; ".join(sources[:MAX_SOURCES]) + ("; ..." if len(sources) > MAX_SOURCES else "")
    nodes = {figure.node_nm for figure in figures}
    weakest = max((_ORDER.index(figure.confidence) for figure in figures), default=len(_ORDER) - 1)
    note = f"sum over the parts of {compound}"
    return Figure(
        value, unit, listed or "nothing takes part", _ORDER[weakest], nodes.pop() if len(nodes) == 1 else None, note
    )
