"""Off-chip memories: energy per bit by type, each type with one default source and the others to choose from."""

from __future__ import annotations

from functools import cache
from typing import Any

from archloom.errors import InputError
from archloom.technology.component import Attribute, Component, Confidence, Figure, Price
from archloom.technology.tabled import rows

__all__ = ["COMPONENTS"]

TYPES = (
    "LPDDR", "LPDDR4", "LPDDR5", "DDR3", "DDR4", "DDR5", "GDDR5", "GDDR6", "HBM2", "HBM2e", "HBM3", "HBM4", "generic",
)  # fmt: skip
SOURCES = ("default", "accelergy", "hwcomponents", "jouppi", "horowitz", "accelforge", "zigzag", "estimated")


@cache
def _by_type() -> dict[str, tuple[dict[str, str], ...]]:
    """Type -> its rows, the default first."""
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows("dram"):
        found.setdefault(row["type"], []).append(row)
    return {name: tuple(sorted(group, key=lambda row: row["default"] != "yes")) for name, group in found.items()}


def _row(kind: str, source: str) -> dict[str, str]:
    choices = _by_type()[kind]
    if source == "default":
        return choices[0]
    for row in choices:
        if row["key"] == source:
            return row
    others = ", ".join(row["key"] for row in choices)
    raise InputError(f"dram: no figure for {kind} from source {source!r}; there is: {others}")


def _price(*, type: str, width_bits: Any, source: str) -> Price:  # noqa: A002 (the field's word)
    row = _row(type, source)
    others = [f"{other['key']} {float(other['read_pj_per_bit']):g}" for other in _by_type()[type] if other is not row]
    note = f"{float(row['read_pj_per_bit']):g} pJ/bit"
    note += f"; {row['note']}" if row["note"] else ""
    note += f"; other sources, pJ/bit: {', '.join(others)}" if others else ""
    confidence: Confidence = "estimated" if row["key"] == "estimated" else "published"

    def figure(column: str) -> Figure:
        return Figure(float(row[column]) * width_bits, "pJ", row["source"], confidence, None, note)

    energy = {
        "read": figure("read_pj_per_bit"),
        "write": figure("write_pj_per_bit"),
        "update": figure("write_pj_per_bit"),
    }
    warnings = ["dram: no source gives background, refresh or die area: only accesses are charged"]
    if row["key"] == "estimated":
        warnings.append(f"dram: no source gives {type}: {row['note']}")
    return Price("dram", {}, energy, warnings=tuple(warnings))


COMPONENTS = (
    Component(
        "dram",
        "off-chip memory: energy per access by type (interface and array; no background power)",
        (
            Attribute("type", "", "LPDDR4", choices=TYPES, about="kind of memory"),
            Attribute("width_bits", "bit", 64.0, 1, 2**20, whole=True, about="bits per access"),
            Attribute("source", "", "default", choices=SOURCES, about="which source, where a type has several"),
        ),
        _price,
        aliases=("offchip", "main_memory"),
        sources=("accelergy-cacti-plug-in", "hwcomponents-cacti 1.0.40", "Jouppi et al. ISCA 2021"),
    ),
)
