"""Verdicts: what a judge says of a batch of designs, as columns with a row per design."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.exploration.base import Scores

__all__ = ["GOAL", "PARAMETER", "LayerRecord", "Verdicts", "records_of", "records_text"]

GOAL, PARAMETER = "objective:", "p:"
"""What the names of the columns of objectives and of parameters begin with."""


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """A distinct layer on a design: its mapping as loop-nest text, energy (pJ), latency (cycles), what bounds it, whether proven best."""

    layer: str
    mapping: str
    energy_pj: float
    cycles: int
    bound_by: str
    proven: bool


@dataclass(frozen=True, eq=False)
class Verdicts:
    """A row per design.

    `columns`: `p:NAME` (parameters), the figures of `archloom.exploration.metrics` (nan where not known), `objective:NAME` (to be minimised; +inf where not
    known), `feasible` (judged, and within all budgets), `excess` (0 within budget, else the relative overshoots added up, +inf
    without a judgement), `reason` (why not feasible, "" if it is), `proven` (every layer has a mapping that is proven to be the
    best), `energy_pj@NETWORK`, `cycles@NETWORK`.
    `mappings`: JSON, a list of `LayerRecord`s; "" for a design that is not mapped.
    """

    columns: dict[str, NDArray[Any]]
    mappings: list[str]

    def __len__(self) -> int:
        return len(self.mappings)

    @property
    def scores(self) -> Scores:
        """What a strategy is told."""
        values = [column for name, column in self.columns.items() if name.startswith(GOAL)]
        return Scores(np.stack(values, axis=1), self.columns["excess"])

    @staticmethod
    def joined(parts: Sequence[Verdicts]) -> Verdicts:
        """Batches one after the other."""
        names = list(parts[0].columns)
        columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in names}
        return Verdicts(columns, [text for part in parts for text in part.mappings])


def records_text(records: Sequence[LayerRecord]) -> str:
    """Records as JSON, the same bytes for the same records."""
    plain = [{name: getattr(record, name) for name in LayerRecord.__slots__} for record in records]
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False)


def records_of(text: str) -> list[LayerRecord]:
    """Records from their JSON."""
    return [LayerRecord(**entry) for entry in json.loads(text)] if text else []
