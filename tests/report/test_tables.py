"""Rows for other programs: every number there, and summing to the total."""

from __future__ import annotations

import csv
import io

import pytest

from archloom.model.result import Evaluation
from archloom.report.tables import detail_rows, summary_row, to_csv


def test_rows_hold_the_counts_and_sum_to_the_total(evaluation: Evaluation) -> None:
    rows = detail_rows(evaluation)
    assert [(row["level"], row["what"]) for row in rows] == [
        ("DRAM", "Weights"),
        ("DRAM", "Inputs"),
        ("DRAM", "Outputs"),
        ("GLB", "Inputs"),
        ("GLB", "Outputs"),
        ("RF", "Weights"),
        ("RF", "Inputs"),
        ("RF", "Outputs"),
        ("RF", "leakage"),
        ("MAC", "MACs"),
    ]
    assert rows[3]["reads"] == evaluation.level("GLB").tensors["Inputs"].reads
    assert len({tuple(row) for row in rows}) == 1, "every row has the same columns"
    assert sum(float(row["energy_pj"] or 0) for row in rows) == pytest.approx(evaluation.energy_pj, rel=1e-12)


def test_summary(evaluation: Evaluation) -> None:
    row = summary_row(evaluation)
    assert row["cycles"] == evaluation.cycles
    assert row["edp_pj_cycles"] == evaluation.energy_pj * evaluation.cycles
    assert (row["workload"], row["architecture"], row["bound_by"]) == ("conv1", "rows", "compute")


def test_csv_reads_back(evaluation: Evaluation, hostile: Evaluation) -> None:
    for costs in (evaluation, hostile):
        rows = detail_rows(costs)
        again = list(csv.DictReader(io.StringIO(to_csv(rows))))
        assert [row["level"] for row in again] == [row["level"] for row in rows]
        for ours, theirs in zip(rows, again, strict=True):
            assert float(theirs["energy_pj"]) == ours["energy_pj"]
            assert theirs["reads"] == ("" if ours["reads"] is None else str(ours["reads"]))
    assert to_csv([]) == "\n"
