"""Arithmetic: integer and floating-point add, multiply and multiply-accumulate by width and node, from one source at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from archloom.errors import InputError
from archloom.technology.component import Attribute, Component, Confidence, Figure, Price, Pricer
from archloom.technology.families import Family, between_nodes, family, position
from archloom.technology.scaling import NODE, VOLTAGE, factor, node_warnings

__all__ = ["BITS", "CLOCK", "COMPONENTS", "operation"]

DEFAULT = "horowitz-jouppi"
"""The default: Horowitz at 45 nm and Jouppi et al. at 7 nm are two columns of one table (Jouppi et al. 2021, table 2)."""

BITS = Attribute("bits", "bit", None, 1, 256, whole=True, about="width of the operands")
CLOCK = Attribute("clock_hz", "Hz", 1e9, 1e5, 1e10, about="only Aladdin's figures depend on it (0.5 to 10 ns)")
FORMAT = Attribute(
    "format", "", "ieee", choices=("ieee", "bfloat"), about="bfloat: bfloat16, as given by Jouppi et al."
)
ACCUMULATOR = Attribute("accumulator_bits", "bit", float("nan"), 1, 256, whole=True, about="width of the sum")

EXPONENT = {"int_add": 1.0, "fp_add": 1.0, "int_multiply": 2.0, "fp_multiply": 2.0, "int_mac": 2.0}
"""How energy and area grow with width beyond the widths of the source."""


def operation(name: str, *, bits: Any, node_nm: Any, source: str, clock_hz: Any = 1e9, form: str = "") -> Price:
    """Price one add or multiply from one source; `form` is the floating-point format ("" for integers)."""
    if form == "bfloat":
        return _bfloat(name, bits=bits, node_nm=node_nm, source=source, clock_hz=clock_hz)
    if source == DEFAULT:
        return _two_nodes(name, bits, node_nm, form)
    known = family(name, source, form)
    if known is None:
        raise InputError(f"{name}: {source} gives no figure for it", hint=f"leave `source` out for {DEFAULT}")
    return _one_node(name, known, bits, node_nm, clock_hz)


def _one_node(name: str, known: Family, bits: Any, node_nm: Any, clock_hz: Any) -> Price:
    exponent = EXPONENT[name]

    def figure(quantity: str, unit: str, scale: str) -> Figure | None:
        value = known.at(quantity, bits, exponent, clock_hz)
        if value is None:
            return None
        confidence, note = _standing(known, bits, node_nm)
        return Figure(
            value * factor(scale, known.node_nm, node_nm), unit, known.source, confidence, known.node_nm, note
        )

    energy = figure("energy_pj", "pJ", "energy")
    assert energy is not None
    area, leakage = figure("area_um2", "um2", "area"), figure("leakage_mw", "mW", "leakage")
    return Price(name, {}, {"compute": energy}, area, leakage, _warnings(name, known, bits, node_nm, area, leakage))


def _two_nodes(name: str, bits: Any, node_nm: Any, form: str) -> Price:
    old, new = family(name, "horowitz", form), family(name, "jouppi", form)
    assert old is not None
    assert new is not None
    exponent = EXPONENT[name]
    value = between_nodes(old.at("energy_pj", bits, exponent), new.at("energy_pj", bits, exponent), node_nm)
    exact = bool(np.all(((node_nm == 45) & np.isin(bits, old.bits)) | ((node_nm == 7) & np.isin(bits, new.bits))))
    confidence: Confidence = "published" if exact else "scaled"
    note = "" if exact else "geometric between 45 and 7 nm, Stillmaker and Baas beyond; log-log between widths"
    energy = Figure(value, "pJ", f"{old.source}; {new.source}", confidence, None, note)
    area = old.at("area_um2", bits, exponent) * factor("area", 45, node_nm)
    confidence, note = _standing(old, bits, node_nm)
    figure = Figure(area, "um2", old.source, confidence, 45, note)
    return Price(name, {}, {"compute": energy}, figure, None, _warnings(name, old, bits, node_nm, figure, None))


def _bfloat(name: str, **request: Any) -> Price:
    """The format is known at 16 bits and 7 nm: its ratio to IEEE half precision there holds for the other nodes."""
    if np.any(request["bits"] != 16):
        raise InputError(f"{name}: bfloat is known at 16 bits only", hint="use `format: ieee` for other widths")
    known, like = family(name, "jouppi", "bfloat"), family(name, "jouppi", "ieee")
    assert known is not None
    assert like is not None
    ratio = known.at("energy_pj", 16, 1.0) / like.at("energy_pj", 16, 1.0)
    priced = operation(name, form="ieee", **request)
    energy = priced.energy["compute"]
    exact = bool(np.all(request["node_nm"] == 7))
    note = "bfloat16" if exact else f"bfloat16: {ratio:.3g} of IEEE half precision, as at 7 nm; {energy.note}"
    confidence: Confidence = "published" if exact else "estimated"
    return Price(
        name, {}, {"compute": Figure(energy.value * ratio, "pJ", known.source, confidence, 7, note)},
        warnings=(*node_warnings(request["node_nm"]), f"{name}: no source gives area or leakage of bfloat: none is charged"),
    )  # fmt: skip


def _standing(known: Family, bits: Any, node_nm: Any) -> tuple[Confidence, str]:
    notes: list[str] = []
    if not np.all(np.isin(bits, known.bits)):
        single = f"in proportion from {min(known.bits):g} bit"
        notes.append("log-log between widths" if len(known.points) > 1 else single)
    if not np.all(node_nm == known.node_nm):
        notes.append(f"scaled from {known.node_nm:g} nm")
    return ("scaled" if notes else "published"), "; ".join(notes)


def _warnings(name: str, known: Family, bits: Any, node_nm: Any, area: Any, leakage: Any) -> tuple[str, ...]:
    found = list(node_warnings(node_nm))
    low, high = min(known.bits), max(known.bits)
    if np.any((bits < low) | (bits > high)):
        reach = f"{low:g} to {high:g} bit" if high > low else f"{low:g} bit"
        found.append(f"{name}: the source reaches {reach}; other widths are extrapolated")
    missing = " or ".join(what for what, figure in (("area", area), ("leakage", leakage)) if figure is None)
    if missing:
        found.append(f"{name}: no {missing} in {known.source}: none is charged")
    return tuple(found)


def supply(node_nm: Any) -> Any:
    """Supply (V) that arithmetic figures stand for: 0.9 V at 45 nm (Horowitz) and above, 0.7 V at 7 nm and below."""
    return 0.9 * (0.7 / 0.9) ** np.clip(position(node_nm), 0.0, 1.0)


def at_voltage(priced: Price, voltage_v: Any, node_nm: Any) -> Price:
    """The price with energies at another supply: they go by its square."""
    if np.all(np.isnan(voltage_v)):
        return priced
    scale = np.where(np.isnan(voltage_v), 1.0, (voltage_v / supply(node_nm)) ** 2)
    energy = {
        action: Figure(
            figure.value * scale, "pJ", figure.source, "scaled", figure.node_nm,
            "; ".join(filter(None, (figure.note, "by the square of the supply"))),
        )
        for action, figure in priced.energy.items()
    }  # fmt: skip
    return replace(priced, energy=energy)


def _single(name: str) -> Pricer:
    def priced(
        *,
        bits: Any,
        node_nm: Any,
        voltage_v: Any,
        clock_hz: Any,
        source: str,
        format: str = "",  # noqa: A002
    ) -> Price:
        found = operation(name, bits=bits, node_nm=node_nm, source=source, clock_hz=clock_hz, form=format)
        return at_voltage(found, voltage_v, node_nm)

    return priced


def _mac(name: str, multiply: str, add: str, growth: float) -> Pricer:
    def priced(
        *,
        bits: Any,
        accumulator_bits: Any,
        node_nm: Any,
        voltage_v: Any,
        clock_hz: Any,
        source: str,
        format: str = "",  # noqa: A002
    ) -> Price:
        if source not in (DEFAULT, "horowitz", "jouppi", "aladdin"):
            known = family(name, source)
            assert known is not None
            return at_voltage(_one_node(name, known, bits, node_nm, clock_hz), voltage_v, node_nm)
        wide = np.where(np.isnan(accumulator_bits), growth * bits, accumulator_bits)
        product = operation(multiply, bits=bits, node_nm=node_nm, source=source, clock_hz=clock_hz, form=format)
        total = _sum(add, wide, node_nm, source, clock_hz, format)
        return at_voltage(together(name, product, total), voltage_v, node_nm)

    return priced


def _sum(add: str, wide: Any, node_nm: Any, source: str, clock_hz: Any, form: str) -> Price:
    """The adder of a MAC; behind bfloat products one of another width than 16 bits is of the IEEE format."""
    if form != "bfloat":
        return operation(add, bits=wide, node_nm=node_nm, source=source, clock_hz=clock_hz, form=form)
    ieee = operation(add, bits=wide, node_nm=node_nm, source=source, clock_hz=clock_hz, form="ieee")
    if np.all(wide != 16):
        return ieee
    short = operation(add, bits=16.0, node_nm=node_nm, source=source, clock_hz=clock_hz, form="bfloat")
    energy = replace(
        short.energy["compute"], value=np.where(wide == 16, short.energy["compute"].value, ieee.energy["compute"].value)
    )
    return replace(short, energy={"compute": energy})


def together(name: str, product: Price, total: Price) -> Price:
    """One multiply and one add per compute; area and leakage are those of both, or None where one has none."""

    def both(a: Figure | None, b: Figure | None) -> Figure | None:
        if a is None or b is None:
            return None
        confidence = a.confidence if a.confidence == b.confidence else "scaled"
        source = a.source if a.source == b.source else f"{a.source}; {b.source}"
        shares = f"multiply {np.min(a.value):.4g}, add {np.min(b.value):.4g} {a.unit}" if np.size(a.value) == 1 else ""
        note = "; ".join(dict.fromkeys(filter(None, (shares, a.note, b.note))))
        return Figure(a.value + b.value, a.unit, source, confidence, a.node_nm, note)

    energy = both(product.energy["compute"], total.energy["compute"])
    assert energy is not None
    warnings = tuple(dict.fromkeys((*product.warnings, *total.warnings)))
    return Price(
        name, {}, {"compute": energy}, both(product.area, total.area), both(product.leakage, total.leakage), warnings
    )


def _source(*more: str) -> Attribute:
    return Attribute(
        "source", "", DEFAULT, choices=(DEFAULT, "horowitz", "jouppi", "aladdin", *more), about="one source"
    )


SOURCES = ("Horowitz, ISSCC 2014", "Jouppi et al., ISCA 2021", "Aladdin plug-in of Accelergy")
COMMON = (NODE, VOLTAGE, CLOCK)

COMPONENTS = (
    Component("int_add", "integer adder", (BITS, *COMMON, _source()), _single("int_add"), ("intadder", "int_adder", "adder"), SOURCES),
    Component(
        "int_multiply", "integer multiplier", (BITS, *COMMON, _source("sze")), _single("int_multiply"),
        ("intmultiplier", "int_multiplier", "multiplier"), SOURCES,
    ),
    Component("fp_add", "floating-point adder", (BITS, FORMAT, *COMMON, _source()), _single("fp_add"), ("fpadder", "fp_adder"), SOURCES),
    Component(
        "fp_multiply", "floating-point multiplier", (BITS, FORMAT, *COMMON, _source()), _single("fp_multiply"),
        ("fpmultiplier", "fp_multiplier"), SOURCES,
    ),
    Component(
        "int_mac", "integer multiply-accumulate: a multiplier and an adder of twice the width, unless told otherwise",
        (BITS, ACCUMULATOR, *COMMON, _source("sparseloop", "eyeriss_ert", "tpu_v4i")),
        _mac("int_mac", "int_multiply", "int_add", 2.0), ("mac", "intmac"), SOURCES,
    ),
    Component(
        "fp_mac", "floating-point multiply-accumulate: a multiplier and an adder of the same width, unless told otherwise",
        (BITS, ACCUMULATOR, FORMAT, *COMMON, _source()), _mac("fp_mac", "fp_multiply", "fp_add", 1.0), ("fpmac",), SOURCES,
    ),
)  # fmt: skip
