"""Wires and networks by length: the energy of charging a wire, C V squared per bit and millimetre."""

from __future__ import annotations

from typing import Any

import numpy as np

from archloom.technology.component import Attribute, Component, Confidence, Figure, Price
from archloom.technology.logic import WIDE
from archloom.technology.scaling import NODE, VOLTAGE, node_warnings, nominal_voltage

__all__ = ["COMPONENTS", "wire_energy"]

CAPACITANCE = 0.2
"""Of an on-chip wire with repeaters, pF per mm (0.2 fF per um); hardly changes with the node."""

SOURCE = "C V^2 with 0.2 pF/mm (the wire of the hwcomponents library)"

LENGTH = Attribute("length_mm", "mm", None, 0.0, 1000.0, about="length that the signal travels")
ACTIVITY = Attribute(
    "activity", "", 1.0, 0.0, 1.0, about="share of the full swing C V^2 drawn per bit: 0.25 for random data"
)
DESTINATIONS = Attribute("destinations", "", 1, 1, 2**20, whole=True, about="receivers of one transfer")
NO_AREA = "no area or leakage is charged for wires and their repeaters"


def wire_energy(length_mm: Any, width_bits: Any, node_nm: Any, voltage_v: Any, activity: Any = 1.0) -> Any:
    """Return the energy (pJ) of sending `width_bits` over `length_mm`: C V^2 per bit and mm times the activity.

    The supply is the node's nominal one where `voltage_v` is nan.

    >>> round(float(wire_energy(1.0, 1, 45, float("nan"))), 3)
    0.2
    """
    volts = np.where(np.isnan(voltage_v), nominal_voltage(node_nm), voltage_v)
    return CAPACITANCE * volts**2 * length_mm * width_bits * activity


def _figure(value: Any, node_nm: Any, voltage_v: Any, more: str = "") -> Figure:
    volts = "given supply" if not np.all(np.isnan(voltage_v)) else "nominal supply of the node"
    node = None if np.ndim(node_nm) else float(node_nm)
    confidence: Confidence = "modelled"
    return Figure(value, "pJ", SOURCE, confidence, node, "; ".join(filter(None, (volts, more))))


def _wire(*, length_mm: Any, width_bits: Any, node_nm: Any, voltage_v: Any, activity: Any) -> Price:
    energy = wire_energy(length_mm, width_bits, node_nm, voltage_v, activity)
    warnings = (*node_warnings(node_nm), f"wire: {NO_AREA}")
    return Price("wire", {}, {"transfer": _figure(energy, node_nm, voltage_v)}, warnings=warnings)


def _multicast(
    *, length_mm: Any, width_bits: Any, destinations: Any, node_nm: Any, voltage_v: Any, activity: Any
) -> Price:
    energy = wire_energy(length_mm, width_bits, node_nm, voltage_v, activity) * destinations
    figure = _figure(energy, node_nm, voltage_v, "one stretch of wire per destination")
    warnings = (*node_warnings(node_nm), f"multicast_network: {NO_AREA}")
    return Price("multicast_network", {}, {"transfer": figure}, warnings=warnings)


COMMON = (NODE, VOLTAGE, ACTIVITY)

COMPONENTS = (
    Component("wire", "point-to-point wire: energy per word", (LENGTH, WIDE, *COMMON), _wire, ("link",), (SOURCE,)),
    Component(
        "multicast_network",
        "wire past several destinations: `length_mm` from each to the next, one transfer drives all of it",
        (LENGTH, WIDE, DESTINATIONS, *COMMON),
        _multicast,
        ("noc", "network", "bus"),
        (SOURCE,),
    ),
)
