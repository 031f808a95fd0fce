"""SRAM by size, width, node, banks and cells: the CACTI 7 sweep, interpolated."""

from __future__ import annotations

from typing import Any

import numpy as np

from archloom.errors import Fault, InputError
from archloom.technology.component import Attribute, Component, Confidence, Figure, Price
from archloom.technology.scaling import NODE, VOLTAGE, node_warnings, voltage_factor
from archloom.technology.sram_grid import sweep
from archloom.technology.sram_sweep import CELLS, NODES, points

__all__ = ["COMPONENTS", "SIZE", "WIDTH", "check_shape"]

SOURCE = "CACTI 7.0"
BETWEEN = "interpolated (held-out points of the sweep: median error 5 %, 90 % within 18 %)"

SMALLEST = 128
"""Bits; the sweep begins at 64 bytes, and what is below 16 is no SRAM but a register file."""

SIZE = Attribute(
    "size_bits", "bit", None, SMALLEST, 2**36, whole=True,
    about="16 bytes to 8 GiB; what is smaller is a register file: class regfile, or register",
)  # fmt: skip
WIDTH = Attribute("width_bits", "bit", None, 1, 2**16, whole=True, about="bits per access, at most the size")
CELL = Attribute(
    "cell", "", "lstp", choices=CELLS,
    about="ITRS devices: low standby power, high performance, low operating power; lstp-hp: lstp cells, hp periphery",
)  # fmt: skip
BANKS = Attribute("banks", "", 1, 1, 1024, whole=True, about="banks that the size is divided into; one is accessed")
PORTS = Attribute("ports", "", 1, 1, 8, whole=True, about="read-write ports; the sweep has one, more are estimated")


def check_shape(name: str, size_bits: Any, width_bits: Any, banks: Any = 1) -> None:
    """Raise InputError where an access is wider than the memory (than one bank of it)."""
    bank = np.divide(size_bits, banks)
    wrong = np.greater(width_bits, bank)
    if not np.any(wrong):
        return
    first = int(np.argmax(wrong))
    size, width, count = (
        float(np.ravel(np.broadcast_to(x, np.shape(wrong)))[first]) for x in (size_bits, width_bits, banks)
    )
    holds = f"the memory of {size:.12g} bit" if count == 1 else f"one of {count:.12g} banks of {size:.12g} bit in all"
    at = f" (index {first}; {int(np.sum(wrong))} in all)" if np.ndim(wrong) else ""
    message = f"{name}: an access of {width:.12g} bit is wider than {holds}{at}"
    raise InputError(Fault(message, hint="width_bits is the bits of one access: lower it, or give a larger size_bits"))


def _price(
    *, size_bits: Any, width_bits: Any, node_nm: Any, banks: Any, cell: str, ports: Any, voltage_v: Any
) -> Price:
    check_shape("sram", size_bits, width_bits, banks)
    read, write, leakage, area = sweep().figures(size_bits, width_bits, node_nm, cell, banks)
    volts = voltage_factor(voltage_v, node_nm, cell.removesuffix("-hp"))
    side = 1 + (np.sqrt(2) - 1) * (np.asarray(ports) - 1)
    confidence, note = _standing(size_bits, width_bits, node_nm, banks, cell, ports, voltage_v)

    def figure(value: Any, unit: str) -> Figure:
        return Figure(value, unit, SOURCE, confidence, _nearest_node(node_nm), note)

    written = figure(write * volts * side, "pJ")
    return Price(
        "sram", {},
        {"read": figure(read * volts * side, "pJ"), "write": written, "update": written},
        figure(area * side**2, "um2"), figure(leakage * side**2, "mW"),
        _warnings(size_bits, width_bits, node_nm, banks, ports),
    )  # fmt: skip


def _nearest_node(node_nm: Any) -> float | None:
    if np.ndim(node_nm):
        return None
    return min(NODES, key=lambda node: abs(np.log(node / node_nm)))


def _is_point(size_bits: Any, width_bits: Any, node_nm: Any, banks: Any, cell: str) -> bool:
    if any(np.ndim(value) for value in (size_bits, width_bits, node_nm, banks)):
        return False
    return (node_nm, cell, banks, size_bits / 8, width_bits) in points()


def _standing(
    size_bits: Any, width_bits: Any, node_nm: Any, banks: Any, cell: str, ports: Any, voltage_v: Any
) -> tuple[Confidence, str]:
    notes = [f"{cell} cells"]
    notes.append("a point of the sweep" if _is_point(size_bits, width_bits, node_nm, banks, cell) else BETWEEN)
    confidence: Confidence = "modelled"
    if np.any(np.less(node_nm, NODES[0]) | np.greater(node_nm, NODES[-1])):
        near = _nearest_node(node_nm)
        notes.append(f"scaled from {near:g} nm" if near else "below 22 and above 90 nm scaled from these")
        confidence = "scaled"
    if not np.all(np.isnan(voltage_v)):
        notes.append("by the square of the supply")
        confidence = "scaled"
    if np.any(np.greater(ports, 1)):
        notes.append("ports estimated")
        confidence = "estimated"
    return confidence, "; ".join(notes)


def _warnings(size_bits: Any, width_bits: Any, node_nm: Any, banks: Any, ports: Any) -> tuple[str, ...]:
    found = list(node_warnings(node_nm))
    deep = np.divide(size_bits, width_bits)
    if np.any(np.less(deep, 32)):
        found.append("sram: fewer than 32 rows is less than CACTI makes: extrapolated (a regfile may be meant)")
    if np.any(np.greater(size_bits, 2**26)):
        found.append("sram: more than 8 MiB in one array is beyond most of the sweep: extrapolated")
    if np.any(np.greater(width_bits, 1024)):
        found.append("sram: more than 1024 bits per access: priced as slices of 1024 bits side by side")
    if np.any(np.less(width_bits, 8)):
        found.append("sram: fewer than 8 bits per access is less than the sweep has: extrapolated")
    if np.any(np.greater(banks, 16)):
        found.append("sram: more than 16 banks: priced as 16 (the sweep's most)")
    if np.any(np.greater(ports, 1)):
        found.append("sram: the sweep has one port: more are estimated (a second port doubles the cell's area)")
    return tuple(found)


COMPONENTS = (
    Component(
        "sram",
        "on-chip memory: CACTI 7 sweep, 22 to 90 nm, 64 bytes to 32 MiB, 8 to 1024 bits wide",
        (SIZE, WIDTH, NODE, BANKS, CELL, PORTS, VOLTAGE),
        _price,
        aliases=("scratchpad", "buffer", "cache"),
        sources=("CACTI 7.0",),
    ),
)
