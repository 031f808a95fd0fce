"""Families of published figures: tables by width from one source each, read between widths, scaled between nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from archloom.technology.scaling import factor
from archloom.technology.tabled import rows

__all__ = ["Family", "along", "between_nodes", "family"]


@dataclass(frozen=True)
class Point:
    """The rows of one width: figures by latency (ns) where the source has several, else one."""

    bits: float
    latency_ns: tuple[float, ...]
    energy_pj: tuple[float, ...]
    area_um2: tuple[float, ...]
    leakage_mw: tuple[float, ...]


@dataclass(frozen=True)
class Family:
    """What one source gives for one component: points over width, at one node."""

    source: str
    node_nm: float
    points: tuple[Point, ...]

    @property
    def bits(self) -> tuple[float, ...]:
        """Widths of the source."""
        return tuple(point.bits for point in self.points)

    def at(self, quantity: str, bits: Any, exponent: float, clock_hz: Any = 1e9) -> Any:
        """Energy, area or leakage at a width (arrays or numbers), or None if the source has none.

        Exact at the widths of the source, log-log between them; beyond them it grows by `exponent`: 1 for adders, 2 for multipliers.
        Where the source has several latencies, they are read at 1 / clock.
        """
        known = [point for point in self.points if getattr(point, quantity)]
        if not known:
            return None
        latency = np.log(1e9 / np.asarray(clock_hz))
        ys = [
            np.interp(latency, np.log(point.latency_ns), np.log(getattr(point, quantity)))
            if len(point.latency_ns) > 1
            else np.log(getattr(point, quantity)[0])
            for point in known
        ]
        return np.exp(along(np.log(bits), [float(np.log(point.bits)) for point in known], ys, exponent))


def along(x: Any, xs: Sequence[float], ys: Sequence[Any], slope: float) -> Any:
    """Return the line through the points (xs ascending; ys numbers or arrays) at x, continued by `slope` beyond both ends."""
    y = ys[0] + slope * (x - xs[0])
    for i in range(1, len(xs)):
        part = (x - xs[i - 1]) / (xs[i] - xs[i - 1])
        y = np.where(x >= xs[i - 1], ys[i - 1] * (1 - part) + ys[i] * part, y)
    return np.where(x >= xs[-1], ys[-1] + slope * (x - xs[-1]), y)


@cache
def family(component: str, key: str, form: str = "") -> Family | None:
    """Return what source `key` gives for the component (floating-point format `form`), or None if nothing."""
    mine = [
        row
        for row in rows("arithmetic")
        if row["component"] == component and row["key"] == key and row["format"] == form
    ]
    if not mine:
        return None
    widths = sorted({float(row["bits"]) for row in mine})
    return Family(mine[0]["source"], float(mine[0]["node_nm"]), tuple(_point(width, mine) for width in widths))


def _point(width: float, mine: list[dict[str, str]]) -> Point:
    here = sorted((row for row in mine if float(row["bits"]) == width), key=lambda row: float(row["latency_ns"] or 1))

    def column(name: str) -> tuple[float, ...]:
        return tuple(float(row[name]) for row in here if row[name])

    return Point(width, column("latency_ns") or (1.0,), column("energy_pj"), column("area_um2"), column("leakage_mw"))


def position(node_nm: Any, old_nm: float = 45.0, new_nm: float = 7.0) -> Any:
    """Return how far a node is from the old to the new one, on the scale of the energy factors: 0 at the old, 1 at the new."""
    return np.log(factor("energy", old_nm, node_nm)) / np.log(factor("energy", old_nm, new_nm))


def between_nodes(old: Any, new: Any, node_nm: Any, old_nm: float = 45.0, new_nm: float = 7.0) -> Any:
    """Return energy at a node from those known at two: exact at both, geometric between them, scaled as usual beyond them."""
    at = np.clip(position(node_nm, old_nm, new_nm), 0.0, 1.0)
    nearest = np.clip(node_nm, new_nm, old_nm)
    return np.exp((1 - at) * np.log(old) + at * np.log(new)) * factor("energy", nearest, node_nm)
