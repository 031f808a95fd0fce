"""An evaluation as plain rows, for CSV files and data frames: one row per level and tensor, or one of totals."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable

from archloom.model.result import Evaluation
from archloom.report.figures import reuse

__all__ = ["Row", "detail_rows", "summary_row", "to_csv"]

Row = dict[str, str | int | float | bool | None]


def summary_row(evaluation: Evaluation) -> Row:
    """The totals of one evaluation, with the names of what was evaluated. Units are in the keys."""
    return {
        "workload": evaluation.workload.name,
        "architecture": evaluation.architecture.name,
        "macs": evaluation.macs,
        "cycles": evaluation.cycles,
        "compute_cycles": evaluation.compute.cycles,
        "bound_by": evaluation.bound_by,
        "utilization": evaluation.utilization,
        "energy_pj": evaluation.energy_pj,
        "edp_pj_cycles": evaluation.edp,
        "area_um2": evaluation.area_um2,
    }


def detail_rows(evaluation: Evaluation) -> list[Row]:
    """One row per level and tensor kept there, outer to inner, then one for the leakage of each level, one for the compute units.

    Counts are words per instance; `energy_pj` is over all instances, and its column sums to the total.
    """
    rows: list[Row] = []
    for level in evaluation.levels:
        place: Row = {"level": level.name, "instances": level.instances, "instances_used": level.instances_used}
        for name, held in level.tensors.items():
            if held.kept:
                rows.append(
                    {
                        **place,
                        "what": name,
                        "tile_words": held.tile_words,
                        "reads": held.reads,
                        "fills": held.fills,
                        "updates": held.updates,
                        "uses_per_word": _number(reuse(evaluation, level.name, name).uses_per_word),
                        "macs_per_access": _number(reuse(evaluation, level.name, name).macs_per_access),
                        "energy_pj": held.energy_pj,
                    }
                )
        if level.leakage_pj:
            rows.append({**place, "what": "leakage", "energy_pj": level.leakage_pj})
    unit = evaluation.compute
    place = {"level": unit.name, "instances": unit.instances, "instances_used": unit.instances_used}
    rows.append({**place, "what": "MACs", "energy_pj": unit.energy_pj - unit.leakage_pj})
    if unit.leakage_pj:
        rows.append({**place, "what": "leakage", "energy_pj": unit.leakage_pj})
    keys = dict.fromkeys(key for row in rows for key in row if key != "energy_pj")
    return [{**dict.fromkeys(keys), **row} for row in rows]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def to_csv(rows: Iterable[Row]) -> str:
    """The rows as CSV text with a header line; an absent value is empty, floats keep all their digits."""
    listed = list(rows)
    text = io.StringIO()
    keys = dict.fromkeys(key for row in listed for key in row)
    writer = csv.DictWriter(text, list(keys), lineterminator="\n")
    writer.writeheader()
    writer.writerows(listed)
    return text.getvalue()
