"""The CSV file that MAESTRO writes, with its own header: names, order, and the blanks before the names that scripts rely on."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from archloom.report.maestro import Priced

__all__ = ["header", "maestro_csv"]

TIGHT = ("Neural Network Name", "filter l1 read", "output l1 read", "Ingress Delay (Min)", "Compute Delay (Min)")
LOOSE = ("L2 SRAM Size Req (Bytes)", "Egress Delay (Avg)")
"""Columns with no blank before their name, and with two; all others have one."""
SECOND = {"Compute Delay (Min)#2": " Compute Delay (Min)"}
"""MAESTRO calls the largest delay the least one, too."""


def header(columns: Sequence[str]) -> list[str]:
    """The names of the columns as MAESTRO writes them."""
    return [title(column) for column in columns]


def title(column: str) -> str:
    if column in SECOND:
        return SECOND[column]
    blanks = 0 if column in (*TIGHT, "Avg number of utilized PEs") else 2 if column in LOOSE else 1
    return " " * blanks + column


def maestro_csv(priced: Priced) -> str:
    """A row per layer in MAESTRO's columns; with two engines a row of each, and last a column that says which."""
    several = len(priced.engines) > 1
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    first = next(iter(priced.engines.values()))
    writer.writerow([*header(list(first[0]["csv"])), *([" Engine"] if several else [])])
    for at in range(len(priced.names)):
        for engine, blocks in priced.engines.items():
            writer.writerow([*blocks[at]["csv"].values(), *([engine] if several else [])])
    return text.getvalue()
