"""Accelergy's tables: energy per action (ERT) and area (ART) of each component, read and written."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any

from archloom.errors import Fault, InputError, Place
from archloom.spec.document import Value, YamlList, YamlMap, parse, read
from archloom.spec.plain_yaml import plain_yaml

__all__ = ["art_from", "ert_from", "leaf_name", "read_art", "read_ert", "write_art", "write_ert"]

VERSIONS = ("0.2", "0.3", "0.4")
_LEAF = re.compile(r"(?:.*\.)?([^.\[\]]+)(?:\[[^\[\]]*\])?")


def leaf_name(full_name: str) -> str:
    """The component's own name in `system.chip.PE[0..167].spad[1..1]`: the last part, without its range (`spad`)."""
    match = _LEAF.fullmatch(full_name)
    return match.group(1) if match else full_name


def read_ert(source: str | PathLike[str]) -> dict[str, dict[str, float]]:
    """Read an ERT file (or text, when it contains a newline): component -> action -> energy in pJ.

    An action listed several times, for different arguments, has its largest energy, as Timeloop takes it.
    Raises InputError with every fault.
    """
    return ert_from(_section(source, "ERT"))


def read_art(source: str | PathLike[str]) -> dict[str, float]:
    """Read an ART file (or text, when it contains a newline): component -> area in um^2; raises InputError."""
    return art_from(_section(source, "ART"))


def write_ert(energies_pj: Mapping[str, Mapping[str, float]]) -> str:
    """Write component -> action -> pJ as an ERT of version 0.4."""
    return _dump({"ERT": ert_section(energies_pj)})


def write_art(areas_um2: Mapping[str, float]) -> str:
    """Write component -> um^2 as an ART of version 0.4."""
    return _dump({"ART": art_section(areas_um2)})


def ert_section(energies_pj: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """The ERT as plain data, as it stands under the key `ERT`."""
    tables = [
        {
            "name": name,
            "actions": [{"name": action, "arguments": {}, "energy": energy} for action, energy in actions.items()],
        }
        for name, actions in energies_pj.items()
    ]
    return {"version": "0.4", "tables": tables}


def art_section(areas_um2: Mapping[str, float]) -> dict[str, Any]:
    """The ART as plain data, as it stands under the key `ART`."""
    return {"version": "0.4", "tables": [{"name": name, "area": area} for name, area in areas_um2.items()]}


def ert_from(value: Value) -> dict[str, dict[str, float]]:
    """The ERT of parsed YAML (what stands under `ERT`): component -> action -> pJ; raises InputError with every fault."""
    faults: list[Fault] = []
    table: dict[str, dict[str, float]] = {}
    for name, entry in _entries(value, "ERT", faults):
        actions = table.setdefault(name, {})
        for action, energy in _actions(name, entry, faults):
            actions[action] = max(energy, actions.get(action, 0.0))
    if faults:
        raise InputError(faults)
    return table


def art_from(value: Value) -> dict[str, float]:
    """The ART of parsed YAML (what stands under `ART`): component -> um^2; raises InputError with every fault."""
    faults: list[Fault] = []
    table: dict[str, float] = {}
    for name, entry in _entries(value, "ART", faults):
        table[name] = _amount(entry, "area", f"the ART of {name!r}", faults)
    if faults:
        raise InputError(faults)
    return table


def _section(source: str | PathLike[str], key: str) -> Value:
    text, name = (source, "<text>") if isinstance(source, str) and "\n" in source else (read(source), str(source))
    document = parse(text, name)
    if isinstance(document, YamlMap):
        return document.get(key, document)
    return document


def _entries(value: Value, key: str, faults: list[Fault]) -> Iterator[tuple[str, YamlMap]]:
    """Each component with its entry, from the list of versions 0.3 and 0.4 or the mapping of version 0.2."""
    if not isinstance(value, YamlMap):
        faults.append(
            Fault(f"the {key} is {_kind(value)}; expected a mapping with 'version' and 'tables'", _place_of(value))
        )
        return
    version = value.get("version")
    if version is not None and str(version) not in VERSIONS:
        faults.append(
            Fault(
                f"the {key} has the version {version!r}; expected {', '.join(VERSIONS)}", value.value_places["version"]
            )
        )
    tables = value.get("tables")
    if isinstance(tables, YamlMap):
        for name, entry in tables.items():
            if isinstance(entry, YamlMap):
                yield str(name), entry
            else:
                faults.append(
                    Fault(f"the {key} of {name!r} is {_kind(entry)}; expected a mapping", tables.value_places[name])
                )
    elif isinstance(tables, YamlList):
        for entry, place in zip(tables, tables.value_places, strict=True):
            if isinstance(entry, YamlMap) and isinstance(entry.get("name"), str):
                yield str(entry["name"]), entry
            else:
                faults.append(Fault(f"an entry of the {key} has no 'name'", place))
    else:
        faults.append(Fault(f"the {key} has no list 'tables'", value.place))


def _actions(name: str, entry: YamlMap, faults: list[Fault]) -> Iterator[tuple[str, float]]:
    what = f"the ERT of {name!r}"
    actions = entry.get("actions")
    if isinstance(actions, YamlList):
        for action, place in zip(actions, actions.value_places, strict=True):
            if isinstance(action, YamlMap) and isinstance(action.get("name"), str):
                yield str(action["name"]), _amount(action, "energy", f"{what}, action {action['name']!r}", faults)
            else:
                faults.append(Fault(f"an action in {what} has no 'name'", place))
        return
    if "actions" in entry or "name" in entry:
        faults.append(Fault(f"{what} has no list 'actions'", entry.place))
        return
    for action, content in entry.items():
        variants = content if isinstance(content, YamlList) else [content]
        for variant in variants:
            if isinstance(variant, YamlMap):
                yield str(action), _amount(variant, "energy", f"{what}, action {action!r}", faults)
            else:
                faults.append(
                    Fault(
                        f"{what}, action {action!r} is {_kind(variant)}; expected a mapping", entry.value_places[action]
                    )
                )


def _amount(entry: YamlMap, key: str, what: str, faults: list[Fault]) -> float:
    value = entry.get(key)
    place = entry.value_places.get(key, entry.place)
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        return value
    found = "is missing" if key not in entry else f"is {value!r}"
    faults.append(Fault(f"{what}: {key} {found}; expected a number of 0 or more", place))
    return 0.0


def _kind(value: Value) -> str:
    return "a mapping" if isinstance(value, YamlMap) else "a list" if isinstance(value, YamlList) else repr(value)


def _place_of(value: Value) -> Place | None:
    return value.place if isinstance(value, YamlMap | YamlList) else None


def _dump(data: dict[str, Any]) -> str:
    return plain_yaml(data)
