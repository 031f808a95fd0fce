"""Prices of the technology library for the components of an architecture file that state no energy of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.spec.fields import Fields, Scope
from archloom.spec.quantities import VOLTAGE
from archloom.spec.values import YamlMap, shown
from archloom.technology.component import Component, Figure, Price
from archloom.technology.library import components, price
from archloom.technology.own import load as load_table

__all__ = ["COMPUTE_KEYS", "LEVEL_KEYS", "PriceList", "Request", "library_component", "price_request"]

COMPUTE_KEYS = ("technology", "attributes", "voltage")
LEVEL_KEYS = (*COMPUTE_KEYS, "banks", "ports", "cell", "type")
"""What a file may say to the library alone; size, width, node and word say something to the machine too."""

_WORDS = ("cell", "type")
_KEYS = {
    "size_bits": "size",
    "width_bits": "width",
    "node_nm": "node",
    "voltage_v": "voltage",
    "clock_hz": "clock",
    "bits": "word",
}
"""The file's key for an attribute of the library, where the two differ."""
_EXAMPLES = {"size": "size: 64 KiB", "width": "width: 64 bit", "node": "node: 28 nm", "clock": "clock: 1 GHz"}
_UNCHARGED = re.compile(r"\bcharged\b")
"""What no source tells is said where a price is shown, not whenever a file is read."""
_MODES = ("library", "none")
_NO_PRICE = "give its energy, or write technology: none"


@dataclass(frozen=True, slots=True)
class Request:
    """What a component of a file would ask the library for, whether or not the file states its energy.

    `implied` is what the file says to the machine too, passed on as far as the component takes it; `options` it says to the
    library. A block takes `accesses` accesses, and `cluster` instances share what is asked for.
    """

    kind: str
    implied: Mapping[str, float | None]
    options: Mapping[str, Any]
    computes: bool = False
    accesses: int = 1
    cluster: int = 1
    own: Component | None = None
    """The component of a table that the file names, where its class is one of these."""

    def component(self) -> Component | None:
        """Who prices it: a component of the file's own, or of the library; None where there is none of that class."""
        return self.own or library_component(self.kind)

    def attributes(self, component: Component) -> dict[str, Any]:
        """What is asked of this component of the library."""
        taken = {attribute.name for attribute in component.attributes}
        given = {key: value for key, value in self.implied.items() if key in taken and value is not None}
        return {**given, **self.options}

    def missing(self, component: Component) -> list[str]:
        """What the component needs and the file does not say; a node is never guessed."""
        given = self.attributes(component)
        needed = (a.name for a in component.attributes if a.default is None or a.name == "node_nm")
        return [name for name in needed if name not in given]


def library_component(kind: str) -> Component | None:
    """The component of the library that a class names, by its name or another that it goes by; None where there is none."""
    wanted, known = kind.casefold(), components()
    if wanted in known:
        return known[wanted]
    return next((c for c in known.values() if wanted in (c.name.casefold(), *(a.casefold() for a in c.aliases))), None)


def price_request(request: Request) -> Price | None:
    """The figures that the library charges, per access of a block and per instance; None where it has no such component.

    Raises InputError where something is missing or out of range.
    """
    component = request.component()
    if component is None:
        return None
    missing = request.missing(component)
    if missing:
        raise InputError(f"{component.name} needs {', '.join(_EXAMPLES.get(_KEYS.get(m, m), m) for m in missing)}")
    priced = price(component, **request.attributes(component))
    wanted = {"compute"} if request.computes else {"read", "write"}
    if not wanted <= priced.energy.keys():
        return None
    energy = {"update": priced.energy["write"], **priced.energy} if "write" in wanted else dict(priced.energy)
    many, shared = f"{request.accesses} accesses for a block", f"an array shared by {request.cluster} instances"
    return replace(
        priced,
        energy={a: _scaled(energy[a], request.accesses, many) for a in (*sorted(wanted), "update") if a in energy},
        area=_scaled(priced.area, 1 / request.cluster, shared) if priced.area else None,
        leakage=_scaled(priced.leakage, 1 / request.cluster, shared) if priced.leakage else None,
    )


class PriceList:
    """What the library charges for the components of one architecture, kept by their names.

    Figures are those that are charged: energies per access of a block, area and leakage (mW) per instance. What the file states
    itself is not in them.
    """

    def __init__(self, scope: Scope, clock_hz: float | None, *, used: bool = True) -> None:
        self.scope = scope
        self.clock_hz = clock_hz
        self.used = used
        self.prices: dict[str, Price] = {}
        self.own: dict[str, Component] = {}
        self._wanting: dict[str, list[str]] = {}
        self._misplaced: dict[str, str] = {}

    def read_mode(self, fields: Fields) -> bool:
        """Whether the library is to be asked: `technology: library` or `none`, or what holds for the whole machine."""
        if "technology" not in fields:
            return self.used
        mode = fields.raw("technology")
        if mode not in _MODES:
            hint = did_you_mean(mode, _MODES) if isinstance(mode, str) else "expected one of: library, none"
            fields.fault("technology", f"{fields.label('technology')} is {shown(mode)}; expected library or none", hint)
        return mode != "none"

    def read_tables(self, fields: Fields) -> None:
        """The key `components`: files with tables of components, which go before the library's; paths go from the file."""
        folder = Path(fields.place.source).parent
        for path in fields.words("components"):
            try:
                component = self.scope.tables.get(str(folder / path)) or load_table(folder / path)
            except InputError as error:
                self.scope.adopt(error, fields.at("components"))
                continue
            for name in (component.name, *component.aliases):
                self.own[name.casefold()] = component

    def read_options(self, fields: Fields) -> dict[str, Any]:
        """What a component says to the library alone, by the library's names for it."""
        options: dict[str, Any] = {}
        for key in ("banks", "ports"):
            if key in fields:
                options[key] = float(fields.integer(key, 1))
        words = {key: fields.text(key, "") for key in _WORDS if key in fields}
        options |= {key: word for key, word in words.items() if word}
        voltage = fields.quantity("voltage", VOLTAGE)
        if voltage is not None:
            options["voltage_v"] = float(voltage.value)
        return options | self._attributes(fields)

    def _attributes(self, fields: Fields) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value, place in fields.entries("attributes", of="attributes of the component to numbers or words"):
            word = isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w .-]*", value) and value not in self.scope.names
            number = value if word else self.scope.number(value, f"the attribute {name!r} of {fields.what}", place)
            if number is not None:
                found[name] = number if word else float(number)  # type: ignore[arg-type]
        return found

    def ask(self, fields: Fields, name: str, request: Request, stated: set[str]) -> Price | None:
        """The price of one component of the file, of what it does not state; None where the library has none for it.

        Faults go to the scope, at the places of what they are about.
        """
        if not self.read_mode(fields) or "class" not in fields:
            return None
        component = request.component()
        if component is None:
            return None
        missing = request.missing(component)
        if missing:
            self._wanting[name] = [_KEYS.get(key, key) for key in missing]
            return None
        try:
            priced = price_request(request)
        except InputError as error:
            for fault in error.faults:
                self._note(fault, fields, component)
            return None
        if priced is None:
            self._misplaced[name] = component.name
            return None
        # a file's update costs what its write costs
        stated = stated | ({"update"} if "write" in stated else set())
        self.prices[name] = kept = replace(
            priced,
            energy={action: figure for action, figure in priced.energy.items() if action not in stated},
            area=None if "area" in stated else priced.area,
            leakage=None if "leak" in stated else priced.leakage,
        )
        return kept

    def _note(self, fault: Fault, fields: Fields, component: Component) -> None:
        """A fault of the library at the key that it is about, in the words of the file."""
        words = set(re.findall(r"\w+", fault.message))
        names = [*(attribute.name for attribute in component.attributes), *LEVEL_KEYS]
        about = next((name for name in names if name in words), "")
        key = _KEYS.get(about, about)
        message = re.sub(rf"\b{re.escape(about)}\b", key, fault.message, count=1) if about else fault.message
        hint = f"{fault.hint}; {_NO_PRICE}" if fault.hint else _NO_PRICE
        self.scope.fault(f"{fields.what} cannot be priced: {message}", _place(fields, key), hint)

    def leak_pj(self, priced: Price | None) -> float:
        """The leakage of one instance in pJ per cycle; 0 without a clock, of which `warnings` tells."""
        if priced is None or priced.leakage is None or not self.clock_hz:
            return 0.0
        return float(priced.leakage.value) * 1e9 / self.clock_hz

    def wants(self, names: list[str]) -> str:
        """What is missing of unpriced components for the library to price them; empty where nothing is."""
        groups: dict[tuple[str, ...], list[str]] = {}
        for name in names:
            if name in self._wanting:
                groups.setdefault(tuple(self._wanting[name]), []).append(name)
        parts = [
            f"{' and '.join(_EXAMPLES.get(key, key) for key in keys)} for {', '.join(of)}"
            for keys, of in groups.items()
        ]
        return f"; to have them priced give {', and '.join(parts)}" if parts else ""

    def warnings(self) -> list[str]:
        """Sentences for the user: what the library warns of, and leakage that is not charged."""
        said: dict[str, list[str]] = {}
        for name, priced in self.prices.items():
            for sentence in dict.fromkeys(priced.warnings):
                if not _UNCHARGED.search(sentence):
                    said.setdefault(sentence.removeprefix(f"{priced.component}: "), []).append(name)
        found = [f"{', '.join(names)}: {sentence}" for sentence, names in said.items()]
        for name, component in self._misplaced.items():
            found.append(
                f"{name}: the class {component} of the library is not of this kind of component, and is not used"
            )
        leaking = [name for name, priced in self.prices.items() if priced.leakage and priced.leakage.value]
        if leaking and not self.clock_hz:
            found.append(
                f"the leakage of {', '.join(leaking)} is not charged, for there is no clock (write clock: 1 GHz)"
            )
        return found


def _place(fields: Fields, key: str) -> Place:
    """Where a key stands, in the component or among its attributes."""
    inner = fields.raw("attributes")
    if isinstance(inner, YamlMap) and key in inner:
        return inner.value_places[key]
    return fields.at(key) if key in fields else fields.at("class")


def _scaled(figure: Figure, factor: float, note: str) -> Figure:
    if factor == 1:
        return replace(figure, value=float(figure.value))
    return replace(figure, value=float(figure.value) * factor, note=f"{figure.note}; {note}" if figure.note else note)
