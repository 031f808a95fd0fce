"""Where each figure of an architecture comes from: its file, or the technology library and a source behind it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from archloom.architecture.hierarchy import Architecture, Compute, Memory
from archloom.errors import InputError
from archloom.report import units
from archloom.spec.load import Spec
from archloom.spec.pricing import price_request
from archloom.technology.component import Figure, Price

__all__ = ["FILE", "Comparison", "Origin", "asked_text", "compared", "energy_sources", "figure_text", "origins"]

FILE = "the file"
SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Origin:
    """One figure of a component: `value` is in `unit`; a figure out of the file has no node, confidence or note."""

    component: str
    kind: str
    figure: str
    value: float
    unit: str
    source: str
    confidence: str = ""
    node_nm: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure that the file states beside what the library charges; None where one of them has none."""

    component: str
    asked: str
    figure: str
    unit: str
    stated: float | None
    library: float | None
    origin: str

    @property
    def ratio(self) -> float | None:
        """Library over file."""
        return self.library / self.stated if self.library and self.stated else None


def origins(architecture: Architecture) -> tuple[Origin, ...]:
    """Every figure above 0 with its origin: levels outer to inner, then the compute units.

    A figure is the library's as long as it is what the library said; one that was changed since counts as stated.
    """
    parts: list[Memory | Compute] = [*reversed(architecture.levels), architecture.compute]
    return tuple(origin for part in parts for origin in _part_origins(part, architecture))


def _part_origins(part: Memory | Compute, architecture: Architecture) -> Iterator[Origin]:
    price = architecture.prices.get(part.name)
    wires = architecture.prices.get(f"{part.name} network")
    added = float(wires.energy["transfer"].value) if wires else 0.0
    wired = {"read": added, "update": added}
    for name, value in _energies(part).items():
        figure = price.energy.get(name) if price else None
        own = value - wired.get(name, 0.0)
        if own > SAME * value:
            yield _origin(part, name, own, figure if figure and _same(figure, own) else None)
    if wires and added:
        yield _origin(part, "network", added, wires.energy["transfer"])
    if part.area_um2:
        figure = price.area if price else None
        yield _origin(part, "area", part.area_um2, figure if figure and _same(figure, part.area_um2) else None)
    if part.leak_pj:
        figure = price.leakage if price else None
        if figure is None:
            yield Origin(part.name, part.kind, "leakage", part.leak_pj, "pJ/cycle", FILE)
        else:
            yield _origin(part, "leakage", float(figure.value), figure)


def _energies(part: Memory | Compute) -> dict[str, float]:
    if isinstance(part, Compute):
        return {"compute": part.energy_pj}
    return {"read": part.read_pj, "write": part.write_pj, "update": part.update_pj}


def _same(figure: Figure, value: float) -> bool:
    return math.isclose(float(figure.value), value, rel_tol=SAME)


def _origin(part: Memory | Compute, name: str, value: float, figure: Figure | None) -> Origin:
    unit = {"area": "um2", "leakage": "mW"}.get(name, "pJ")
    if figure is None:
        return Origin(part.name, part.kind, name, value, unit, FILE)
    about = figure.source, str(figure.confidence), figure.node_nm, figure.note
    return Origin(part.name, part.kind, name, value, unit, *about)


def energy_sources(architecture: Architecture) -> dict[str, list[str]]:
    """Each source of energies, and the components that have theirs from it; empty where the library priced nothing."""
    found: dict[str, list[str]] = {}
    for origin in origins(architecture) if architecture.prices else ():
        if origin.unit == "pJ":
            names = found.setdefault(origin.source, [])
            name = f"{origin.component} network" if origin.figure == "network" else origin.component
            if name not in names:
                names.append(name)
    return found


def figure_text(value: float, unit: str) -> str:
    """A figure with its unit, as people read it."""
    if unit == "um2":
        return units.area(value)
    if unit == "mW":
        return f"{units.short(value)} mW" if value >= 0.1 else f"{units.short(1e3 * value)} µW"
    if unit == "pJ/cycle":
        return f"{units.energy(value)}/cycle"
    return f"{value:,.4g} pJ"


# -------------------------------------------------------------------------------------------- the file and the library


def compared(spec: Spec) -> tuple[Comparison, ...]:
    """Every figure that a file states, or the library has, side by side; without the energy of wires.

    Raises InputError for a spec without an architecture.
    """
    if spec.architecture is None:
        raise InputError("the file has no section 'architecture'")
    parts: list[Memory | Compute] = [*reversed(spec.architecture.levels), spec.architecture.compute]
    return tuple(row for part in parts for row in _part_comparisons(part, spec))


def _part_comparisons(part: Memory | Compute, spec: Spec) -> Iterator[Comparison]:
    request = spec.requests.get(part.name)
    stated = (
        {o.figure: o for o in _part_origins(part, spec.architecture) if o.source == FILE} if spec.architecture else {}
    )
    try:
        price = price_request(request) if request else None
        why = "not in the library"
    except InputError as error:
        price, why = None, str(error)
    library = _figures(price) if price else {}
    asked = asked_text(price) if price else part.kind
    names = [name for name in ("read", "write", "compute", "area", "leakage") if name in library or name in stated]
    for name in names:
        said, figure = stated.get(name), library.get(name)
        unit = "um2" if name == "area" else "mW" if name == "leakage" else "pJ"
        value = None if said is None else said.value
        if said is not None and said.unit == "pJ/cycle":
            clock = request.implied.get("clock_hz") if request else None
            value = said.value * clock / 1e9 if clock else None
        origin = figure.source if figure else why if price is None else "no source in the library"
        yield Comparison(part.name, asked, name, unit, value, float(figure.value) if figure else None, origin)


def _figures(price: Price) -> dict[str, Figure]:
    found = {**price.energy, "area": price.area, "leakage": price.leakage}
    return {name: figure for name, figure in found.items() if figure is not None and name != "update"}


def asked_text(price: Price) -> str:
    """What was priced, in a few words: `sram, 128 KiB, 64 bit, 28 nm, lstp`."""
    words = [price.component]
    for name, value in price.attributes.items():
        if isinstance(value, str):
            words += [value] if value not in ("default",) and name != "source" else []
        elif not math.isnan(float(value)):
            words += _shown(name, float(value))
    return ", ".join(words)


def _shown(name: str, value: float) -> list[str]:
    if name == "size_bits":
        return [units.bits(value)]
    if name == "node_nm":
        return [f"{value:g} nm"]
    if name in ("width_bits", "bits"):
        return [f"{value:g} bit"]
    if name == "length_mm":
        return [f"{value:.3g} mm"]
    if name == "voltage_v":
        return [f"{value:g} V"]
    if name in ("banks", "ports"):
        return [f"{value:g} {name}"] if value > 1 else []
    if name == "clock_hz":
        return []
    return [f"{name} {value:g}"]
