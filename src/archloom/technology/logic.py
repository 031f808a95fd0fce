"""Plain logic by width and node: registers, comparators, counters, shifters, bitwise units, crossbars and routers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from archloom.technology.arithmetic import BITS, CLOCK
from archloom.technology.component import Attribute, Component, Confidence, Figure, Price
from archloom.technology.families import Family, family
from archloom.technology.scaling import NODE, factor, node_warnings

__all__ = ["COMPONENTS", "WIDE", "Unit"]

WIDE = Attribute("width_bits", "bit", None, 1, 2**16, whole=True, about="bits per access or transfer")
HELD = Attribute(
    "size_bits", "bit", float("nan"), 1, 2**20, whole=True, about="bits held; left out: those of one access"
)
OUTPUTS = Attribute("outputs", "", 4, 1, 1024, whole=True, about="outputs that one input can be switched to")


@dataclass(frozen=True)
class Unit:
    """A unit of logic as one source gives it: figures grow in proportion to its width, and scale with the node."""

    name: str
    key: str = "aladdin"

    @property
    def known(self) -> Family:
        """What the source says."""
        found = family(self.name, self.key)
        assert found is not None
        return found

    def figure(
        self, quantity: str, unit: str, scale: str, bits: Any, node_nm: Any, clock_hz: Any, times: Any = 1.0
    ) -> Figure | None:
        """One figure at a width and node, `times` so many; None where the source has none."""
        value = self.known.at(quantity, bits, 1.0, clock_hz)
        if value is None:
            return None
        notes = []
        if not np.all(np.isin(bits, self.known.bits)):
            notes.append(f"in proportion to the width, from {self.known.bits[0]:g} bit")
        if not np.all(node_nm == self.known.node_nm):
            notes.append(f"scaled from {self.known.node_nm:g} nm")
        confidence: Confidence = "scaled" if notes else "published"
        value = value * factor(scale, self.known.node_nm, node_nm) * times
        return Figure(value, unit, self.known.source, confidence, self.known.node_nm, "; ".join(notes))

    def price(self, action: str, bits: Any, node_nm: Any, clock_hz: Any = 1e9) -> Price:
        """One action per use of the whole width."""
        energy = self.figure("energy_pj", "pJ", "energy", bits, node_nm, clock_hz)
        area = self.figure("area_um2", "um2", "area", bits, node_nm, clock_hz)
        leakage = self.figure("leakage_mw", "mW", "leakage", bits, node_nm, clock_hz)
        assert energy is not None
        return Price(self.name, {}, {action: energy}, area, leakage, self.warnings(node_nm, leakage))

    def warnings(self, node_nm: Any, leakage: Figure | None) -> tuple[str, ...]:
        """What a user should know: nodes beyond the table, no leakage."""
        missing = () if leakage else (f"{self.name}: no leakage in {self.known.source}: none is charged",)
        return (*node_warnings(node_nm), *missing)


def _computing(name: str) -> Any:
    def priced(*, bits: Any, node_nm: Any, clock_hz: Any) -> Price:
        return Unit(name).price("compute", bits, node_nm, clock_hz)

    return priced


def _shift_add(*, bits: Any, node_nm: Any) -> Price:
    return Unit("shift_add", "isaac").price("compute", bits, node_nm)


def _address_generator(*, bits: Any, node_nm: Any, clock_hz: Any) -> Price:
    counter = Unit("counter").price("compute", bits, node_nm, clock_hz)
    return Price("address_generator", {}, counter.energy, counter.area, counter.leakage, counter.warnings)


def _register(*, width_bits: Any, size_bits: Any, node_nm: Any, clock_hz: Any) -> Price:
    unit = Unit("register")
    held = np.where(np.isnan(size_bits), width_bits, size_bits)
    energy = unit.figure("energy_pj", "pJ", "energy", 1.0, node_nm, clock_hz, width_bits)
    area = unit.figure("area_um2", "um2", "area", 1.0, node_nm, clock_hz, held)
    leakage = unit.figure("leakage_mw", "mW", "leakage", 1.0, node_nm, clock_hz, held)
    assert energy is not None
    warnings = list(unit.warnings(node_nm, leakage))
    if np.any(held > width_bits):
        warnings.append("register: choosing among several words is not charged (class regfile does)")
    return Price("register", {}, dict.fromkeys(("read", "write", "update"), energy), area, leakage, tuple(warnings))


def _router(*, width_bits: Any, node_nm: Any) -> Price:
    return Unit("router", "isaac").price("transfer", width_bits, node_nm)


def _crossbar(*, width_bits: Any, outputs: Any, node_nm: Any, clock_hz: Any) -> Price:
    unit, wide = Unit("crossbar"), np.divide(outputs, 4.0)
    energy = unit.figure("energy_pj", "pJ", "energy", width_bits, node_nm, clock_hz, wide)
    area = unit.figure("area_um2", "um2", "area", width_bits, node_nm, clock_hz, wide)
    assert energy is not None
    warnings = list(unit.warnings(node_nm, None))
    if np.any(wide != 1):
        warnings.append("crossbar: the source has 4 outputs; energy and area are taken in proportion to outputs")
    return Price("crossbar", {}, {"transfer": energy}, area, None, tuple(warnings))


ALADDIN, ISAAC = ("Aladdin plug-in of Accelergy (40 nm)",), ("ISAAC (Shafiee et al., ISCA 2016; 32 nm)",)
TIMED = (BITS, NODE, CLOCK)

COMPONENTS = (
    Component(
        "register", "flip-flops: energy per bit read or written", (WIDE, HELD, NODE, CLOCK), _register,
        ("flipflop", "reg", "dff"), ALADDIN,
    ),
    Component("comparator", "compares two words", TIMED, _computing("comparator"), (), ALADDIN),
    Component("counter", "register and incrementer", TIMED, _computing("counter"), (), ALADDIN),
    Component("shifter", "barrel shifter", TIMED, _computing("shifter"), (), ALADDIN),
    Component("bitwise", "bitwise unit (and, or, xor)", TIMED, _computing("bitwise"), ("logic",), ALADDIN),
    Component("shift_add", "shift-and-add unit", (BITS, NODE), _shift_add, (), ISAAC),
    Component(
        "address_generator", "steps through addresses: a counter of the address's width", TIMED, _address_generator,
        ("addr_gen", "agu"), ALADDIN,
    ),
    Component("router", "router of a mesh: energy per word and hop", (WIDE, NODE), _router, (), ISAAC),
    Component("crossbar", "switch from one input to several outputs", (WIDE, OUTPUTS, NODE, CLOCK), _crossbar, (), ALADDIN),
)  # fmt: skip
