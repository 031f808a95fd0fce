"""Reading what `archloom technology` is asked: the component by name or words, and its attributes in the library's units."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from archloom.errors import Fault, InputError, Place, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from archloom.technology.component import Component

__all__ = ["add_tables", "in_options", "read_attributes", "search"]


def add_tables(paths: list[Path]) -> None:
    """Put the components of tables of one's own into the library, for this run. Raises InputError with all faults."""
    from archloom.technology.library import register
    from archloom.technology.own import load

    faults: list[Fault] = []
    for path in paths:
        try:
            register(load(path))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)


def search(names: list[str]) -> list[Component]:
    """The component of that name, or those that have all the words in what is said of them."""
    from archloom.spec.pricing import library_component
    from archloom.technology import components

    exact = library_component(" ".join(names)) if names else None
    if exact is not None:
        return [exact]
    words = [word.casefold() for word in names]
    found = [component for component in components().values() if all(word in _text(component) for word in words)]
    if not found:
        known = [name for c in components().values() for name in (c.name, *c.aliases)]
        wanted = " ".join(names)
        raise InputError(
            f"there is no component {wanted!r}, and none that is described so", hint=did_you_mean(wanted, known)
        )
    return found


def _text(component: Component) -> str:
    return " ".join((component.name, *component.aliases, component.about, *component.sources)).casefold()


def read_attributes(component: Component, given: dict[str, str], sets: list[str]) -> dict[str, list[Any]]:
    """The attributes as numbers in the units of the library, and words; each a list. Raises InputError with all faults."""
    faults: list[Fault] = []
    known = {attribute.name: attribute for attribute in component.attributes}
    found: dict[str, list[Any]] = {}
    texts = dict(given)
    for assignment in sets:
        name, equals, text = assignment.partition("=")
        if not equals or not text.strip():
            faults.append(Fault(f"{assignment!r} is no NAME=VALUE", Place("--set")))
        else:
            texts[name.strip()] = text
    for name, text in texts.items():
        option = _option_of(name)
        if name not in known:
            names = [_option_of(attribute) for attribute in known]
            faults.append(Fault(f"{component.name} takes no {option}", hint=f"it takes {', '.join(names)}"))
            continue
        for part in text.split(","):
            try:
                value = part.strip() if known[name].choices else _number(name, part.strip(), option)
            except InputError as error:
                faults += error.faults
            else:
                found.setdefault(name, []).append(value)
    if faults:
        raise InputError(faults)
    return found


def _option_of(name: str) -> str:
    from archloom.report.technology_terminal import OPTIONS

    return OPTIONS.get(name, f"--set {name}=")


def _number(name: str, text: str, option: str) -> float:
    from archloom.spec import quantities
    from archloom.spec.expressions import evaluate

    measures = {
        "size_bits": quantities.SIZE,
        "node_nm": quantities.LENGTH,
        "length_mm": quantities.DISTANCE,
        "voltage_v": quantities.VOLTAGE,
        "clock_hz": quantities.FREQUENCY,
    }
    if name in ("width_bits", "bits"):
        text = text.removesuffix("bits").removesuffix("bit").strip()
    if name not in measures:
        number = evaluate(text, {}, place=Place(option))
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise InputError(f"{text!r} is no number", Place(option))
        return float(number)
    measure = measures[name]
    found = quantities.quantity(text, measure, what="the value", place=Place(option))
    if found.unit == "word":
        raise InputError(f"{text!r} is in words, whose width is not known", Place(option), "write it in KiB or bit")
    return found.value * 1e-6 if measure is quantities.DISTANCE and found.unit == "nm" else float(found.value)


def in_options(fault: Fault, component: Component) -> Fault:
    """The fault in the words of the command line."""
    message = fault.message
    for attribute in component.attributes:
        option = _option_of(attribute.name)
        message = re.sub(rf"(needs|:) {attribute.name}\b", rf"\1 {option}", message)
    return Fault(message, fault.place, fault.hint)
