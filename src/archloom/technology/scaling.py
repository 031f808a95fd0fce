"""Node scaling: what a figure known at one technology node is at another (Stillmaker and Baas), and V squared for energy."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.technology.component import Attribute
from archloom.technology.tabled import rows

__all__ = ["NODE", "VOLTAGE", "factor", "node_warnings", "nominal_voltage", "voltage_factor"]

LOWEST, HIGHEST = 3.0, 250.0
"""Nodes beyond these are refused (nm)."""

TABLE_LOW, TABLE_HIGH = 7.0, 130.0
"""Nodes of the paper; between these and the limits factors are extrapolated, with a warning (nm)."""

NODE = Attribute(
    "node_nm",
    "nm",
    45.0,
    LOWEST,
    HIGHEST,
    about="the scaling table reaches from 130 nm to 7 nm, extrapolated to 250 nm and 3 nm",
)
VOLTAGE = Attribute(
    "voltage_v",
    "V",
    float("nan"),
    0.2,
    3.0,
    about="supply; energy goes by its square; left out: the nominal supply of the node",
)


@cache
def _table() -> dict[str, NDArray[np.float64]]:
    """Columns over ascending node, as logarithms (node and factors)."""
    ordered = sorted(rows("node_scaling"), key=lambda row: float(row["node_nm"]))
    names = ("node_nm", "energy", "area", "leakage", "delay")
    return {name: np.log([float(row[name]) for row in ordered]) for name in names}


@cache
def _supplies() -> dict[str, NDArray[np.float64]]:
    ordered = sorted(rows("supply"), key=lambda row: float(row["node_nm"]))
    return {name: np.array([float(row[name]) for row in ordered]) for name in ("node_nm", "hp", "lstp", "lop")}


def _relative(quantity: str, node_nm: Any) -> Any:
    """Logarithm of the quantity relative to 45 nm: straight lines over log node, the last two continued above 130 nm."""
    table = _table()
    nodes, values = table["node_nm"], table[quantity]
    x = np.log(node_nm)
    slope = (values[-1] - values[-2]) / (nodes[-1] - nodes[-2])
    return np.interp(x, nodes, values) + slope * np.maximum(x - nodes[-1], 0.0)


def factor(quantity: str, from_nm: Any, to_nm: Any) -> Any:
    """Return what a figure known at `from_nm` is multiplied by at `to_nm`; `quantity`: energy, area, leakage or delay.

    Arrays or numbers (nm). Equal to the table at its nodes, geometric between them, so never rising as the node shrinks. Areas are
    those from 45 nm: the paper rounds them to two digits for each two nodes, so that they are not quite ratios of each other.
    Source: A. Stillmaker, B. Baas, Integration 58 (2017), 130 to 7 nm; 5 and 3 nm are extrapolations.

    >>> round(float(factor("energy", 45, 7)), 4)
    0.0943
    """
    return np.exp(_relative(quantity, to_nm) - _relative(quantity, from_nm))


def nominal_voltage(node_nm: Any, cell: str = "hp") -> Any:
    """Return the nominal supply (V) of a node for high-performance, low-standby-power or low-operating-power devices (ITRS)."""
    table = _supplies()
    return np.interp(np.log(node_nm), np.log(table["node_nm"]), table[cell])


def voltage_factor(voltage_v: Any, node_nm: Any, cell: str = "hp") -> Any:
    """Return (V / nominal V) squared, by which switching energy grows; nan stands for the nominal supply."""
    nominal = nominal_voltage(node_nm, cell)
    ratio = np.where(np.isnan(voltage_v), 1.0, voltage_v / nominal)
    return ratio * ratio if ratio.ndim else float(ratio) ** 2


def node_warnings(node_nm: Any) -> tuple[str, ...]:
    """Return a warning where nodes are beyond the scaling table."""
    if not np.size(node_nm):
        return ()
    low, high = np.min(node_nm), np.max(node_nm)
    beyond = [float(node) for node in (low, high) if not TABLE_LOW <= node <= TABLE_HIGH]
    if not beyond:
        return ()
    shown = " and ".join(dict.fromkeys(f"{node:g}" for node in beyond))
    return (f"{shown} nm is beyond the scaling table (130 to 7 nm): figures there are extrapolated",)
