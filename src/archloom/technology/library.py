"""The library of components: what there is, by name, and what one of it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from archloom.errors import Fault, InputError, did_you_mean
from archloom.technology.component import Component, Figure, Price
from archloom.technology.own import entry_points
from archloom.technology.request import Request, complete

__all__ = ["components", "find", "price", "register", "sources_of"]

MODULES = ("sram", "regfile", "dram", "arithmetic", "logic", "wires", "converters", "compounds")
GROUP = "archloom.components"

_registered: dict[str, Component] = {}


@cache
def _built_in() -> dict[str, Component]:
    modules = [import_module(f"archloom.technology.{name}") for name in MODULES]
    return {component.name: component for module in modules for component in module.COMPONENTS}


@cache
def _plugged_in() -> tuple[dict[str, Component], list[Fault]]:
    return entry_points(GROUP)


def components() -> dict[str, Component]:
    """Return all components by name: built in, from entry points (`archloom.components`), and registered; later ones win."""
    return {**_built_in(), **_plugged_in()[0], **_registered}


def register(component: Component) -> Component:
    """Add a component to the library for this process, in the place of one of the same name; returns it."""
    if not isinstance(component, Component):
        raise InputError(f"register takes a Component, not {type(component).__name__}")
    _registered[component.name] = component
    _names.cache_clear()
    return component


@cache
def _names() -> dict[str, Component]:
    by_name: dict[str, Component] = {}
    for component in components().values():
        for name in (component.name, *component.aliases):
            by_name[name.casefold()] = component
    for component in components().values():
        by_name[component.name.casefold()] = component
    return by_name


def find(name: str) -> Component:
    """Return the component of that name or alias (case ignored); InputError with the nearest name if there is none."""
    found = _names().get(str(name).casefold())
    if found is None:
        fault = Fault(f"no component {name!r} in the library", hint=did_you_mean(str(name), sorted(_names())))
        raise InputError([fault, *_plugged_in()[1]])
    return found


def price(name: str | Component, **attributes: Any) -> Price:
    """Price one instance of a component: energy per action (pJ), area (um2) and leakage (mW), each with its source.

    Attributes are numbers or arrays (broadcast together: many variants in one call), or words; their names, units, ranges and
    defaults are `find(name).attributes`. Raises InputError with every attribute that is missing, unknown or out of range.

    >>> round(float(price("int_multiply", bits=8, node_nm=45).energy["compute"].value), 3)
    0.2
    """
    component = name if isinstance(name, Component) else find(name)
    request = complete(component, attributes)
    priced = component.pricer(**request.values)
    return _filled(priced, component, request)


def _filled(priced: Price, component: Component, request: Request) -> Price:
    """Name and attributes filled in, and all figures in the shape of the request."""
    priced = replace(priced, component=component.name, attributes={**priced.attributes, **request.values})
    return replace(
        priced,
        energy={action: _shaped(figure, request.shape) for action, figure in priced.energy.items()},
        area=priced.area and _shaped(priced.area, request.shape),
        leakage=priced.leakage and _shaped(priced.leakage, request.shape),
    )


def _shaped(figure: Figure, shape: tuple[int, ...] | None) -> Figure:
    if shape is None:
        return figure if type(figure.value) is float else replace(figure, value=float(figure.value))
    if np.shape(figure.value) == shape:
        return figure
    return replace(figure, value=np.array(np.broadcast_to(figure.value, shape)))


def sources_of(prices: Mapping[str, Price]) -> dict[str, list[str]]:
    """Return source -> names of the parts priced by it, to tell when an architecture mixes sources."""
    found: dict[str, list[str]] = {}
    for name, priced in prices.items():
        for source in dict.fromkeys(figure.source for figure in priced.energy.values()):
            found.setdefault(source, []).append(name)
    return found
