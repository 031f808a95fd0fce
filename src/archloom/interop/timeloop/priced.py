"""Components without an ERT, priced: by the compound classes in the files, else by the technology library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from archloom.errors import Fault, InputError
from archloom.interop.accelergy.compound_files import CompoundClass, compounds_from
from archloom.interop.accelergy.compounds import PriceBook, UnpricedError
from archloom.interop.accelergy.library import library_name, node_of, understood
from archloom.interop.timeloop.components import Part, Tables, is_dummy
from archloom.interop.timeloop.fields import Notes
from archloom.interop.timeloop.sources import Section
from archloom.spec.expressions import Result
from archloom.technology.component import Price

__all__ = ["priced", "table_of", "warnings_of"]

CYCLE = "global_cycle_seconds"
DEFAULT_CYCLE_S = 1e-9


def priced(
    parts: Sequence[Part], tables: Tables, components: Sequence[Section], notes: Notes
) -> tuple[Tables, dict[str, Price]]:
    """The tables with the energies and areas of every component that says enough, and their prices by component.

    A component says enough with a technology (`technology: 45nm`), a DRAM with its type. What cannot be priced is remarked; when
    nothing can, the tables are returned as they are. Faults of compound classes go to `notes`.
    """
    wanted = [part for part in parts if not is_dummy(part.class_name) and _says_enough(part)]
    if not wanted:
        return tables, {}
    book = PriceBook(_classes(components, notes))
    prices: dict[str, Price] = {}
    for part in wanted:
        try:
            prices[part.name] = _price(part, book)
        except UnpricedError as error:
            notes.remark(f"{part.name} is not priced: {error.faults[0]}")
        except InputError as error:
            notes.faults += [replace(fault, message=f"{part.name}: {fault.message}") for fault in error.faults]
    energies = {part.name: table_of(prices[part.name], _cycle_s(part)) for part in wanted if part.name in prices}
    areas = {name: float(price.area.value) for name, price in prices.items() if price.area is not None}
    return Tables(energies or None, areas | dict(tables.areas_um2 or {})), prices


def warnings_of(prices: Mapping[str, Price]) -> list[str]:
    """What is to be known of the prices, each sentence once, with the components it is about."""
    about: dict[str, list[str]] = {}
    for name, price in prices.items():
        for warning in price.warnings:
            about.setdefault(warning, []).append(name)
    return [f"{warning} ({', '.join(names)})" for warning, names in about.items()]


def table_of(price: Price, cycle_s: float) -> dict[str, float]:
    """The ERT entry of a price: action -> pJ, and its leakage as `leak` in pJ per cycle."""
    energies = {action: float(figure.value) for action, figure in price.energy.items() if "(" not in action}
    if price.leakage is not None:
        energies["leak"] = float(price.leakage.value) * cycle_s * 1e9
    return energies


def _says_enough(part: Part) -> bool:
    if library_name(_class_of(part)) == "dram":
        return "type" in part.fields.by_name
    return "technology" in part.fields.names and node_of(part.fields.names["technology"]) is not None  # type: ignore[arg-type]


def _class_of(part: Part) -> str:
    return part.subclass or part.class_name


def _price(part: Part, book: PriceBook) -> Price:
    attributes: dict[str, Result] = {
        name: value for name, value in part.fields.names.items() if isinstance(value, str | int | float)
    }
    attributes.setdefault(CYCLE, DEFAULT_CYCLE_S)
    class_name = _class_of(part)
    price = book.price(class_name, attributes, part.place)
    definition = book.classes.get(class_name)
    part.fields.take(*(definition.attributes if definition is not None else understood(class_name)))
    return price


def _cycle_s(part: Part) -> float:
    value = part.fields.names.get(CYCLE)
    return float(value) if isinstance(value, int | float) and value > 0 else DEFAULT_CYCLE_S


def _classes(components: Sequence[Section], notes: Notes) -> dict[str, CompoundClass]:
    classes: dict[str, CompoundClass] = {}
    for section in components:
        try:
            found = compounds_from(section.value)
        except InputError as error:
            notes.faults += [Fault(f.message, f.place or section.place, f.hint) for f in error.faults]
            continue
        classes |= {name: definition for name, definition in found.items() if name not in classes}
    return classes
