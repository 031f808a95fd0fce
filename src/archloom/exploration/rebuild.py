"""The request of a study again, from its manifest alone: for reports, which have none of the files that it was made from."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from archloom.errors import ArchloomError
from archloom.exploration.machines import Machines
from archloom.exploration.request import Request
from archloom.exploration.space_file import load_space
from archloom.exploration.suite import Suite
from archloom.spec.document import YamlList, YamlMap, parse
from archloom.spec.load import load
from archloom.spec.paths import set_value
from archloom.spec.zoo import find_machine
from archloom.workload.network import Layer, Network

__all__ = ["request_of", "tables_of"]

SECTIONS = ("architecture", "variables", "constraints")
TABLES = "architecture.components"


def request_of(inputs: Mapping[str, Any]) -> Request | None:
    """The request that a manifest's `inputs` came from; None where they cannot be read any more.

    Its goal is that of the space file. Paths in its document are as the files wrote them, though nothing is read from there.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _request(inputs, Path(folder))
    except (ArchloomError, LookupError, TypeError, ValueError, OSError):
        return None


def tables_of(request: Request) -> list[str]:
    """The tables of components that the base machine names, as its file writes them."""
    section = request.document.get("architecture")
    given: Any = section.get("components", []) if isinstance(section, YamlMap) else []
    return [str(name) for name in (given if isinstance(given, list) else [given])]


def _request(inputs: Mapping[str, Any], folder: Path) -> Request:
    texts: Mapping[str, str] = inputs["texts"]
    name, plain = _space(texts)
    section = plain["explore"]
    base = section.get("architecture")
    if isinstance(base, str) and (base in texts and find_machine(base) is None):
        own = parse(texts[base], base)
        assert isinstance(own, YamlMap)
        section.pop("architecture")
        for key in SECTIONS:
            if key in own:
                plain.setdefault(key, _plain(own[key]))
    names = _tables(plain, texts, folder)
    networks = [_network(entry) for entry in inputs["networks"]]
    section["networks"] = "given below"
    _without_files(section)
    import yaml

    request = load_space(yaml.safe_dump(plain, sort_keys=False), inputs["sets"], networks=networks)
    weights = tuple(float(entry["weight"]) for entry in inputs["networks"])
    return replace(
        request,
        name=inputs["name"] or name,
        suite=Suite(tuple(networks), weights, inputs["mean"]),
        machines=_with_names(request.machines, names),
        mapping=replace(request.mapping, given=dict(inputs["mapping"]["given"])),
    )


def _space(texts: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The space file among the texts: its name, and what it says."""
    for name, text in texts.items():
        if "explore" in text:
            document = parse(text, name)
            if isinstance(document, YamlMap) and isinstance(document.get("explore"), YamlMap):
                return name, _plain(document)
    raise LookupError("the manifest has no space file")


def _without_files(section: dict[str, Any]) -> None:
    """Drop the mappings that the base machine is given with: their texts are known."""
    mapping = section.get("mapping")
    if isinstance(mapping, dict):
        mapping.pop("given", None)  # pyright: ignore[reportUnknownMemberType]


def _tables(plain: dict[str, Any], texts: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Write the tables of components that the machine names into the folder, and name them there: where each is -> its own name."""
    section = plain.get("architecture", plain["explore"].get("architecture"))
    if not isinstance(section, dict) or "components" not in section:
        return {}
    given: Any = section["components"]
    found: dict[str, str] = {}
    for name in given if isinstance(given, list) else [given]:
        end = str(Path(name))
        text = next(texts[key] for key in texts if key == end or key.endswith(f"/{end}"))
        path = folder / f"table-{len(found)}.yaml"
        path.write_text(text, "utf-8")
        found[str(path)] = name
    section["components"] = list(found)
    return found


def _with_names(machines: Machines, names: Mapping[str, str]) -> Machines:
    """The same machines with the tables by their own names."""
    if not names:
        return machines
    place = machines.document.place
    own = YamlList(place)
    for name in names.values():
        own.put(name, place)
    document = set_value(machines.document, TABLES, own if len(own) > 1 else own[0], place)
    folder = Path(place.source).parent
    return Machines(document, machines.space, {str(folder / name): machines.tables[at] for at, name in names.items()})


def _network(entry: Mapping[str, Any]) -> Network:
    layers: list[Layer] = []
    for layer in entry["layers"]:
        workload = load(layer["workload"]).workload
        assert workload is not None
        layers.append(Layer(workload, int(layer["count"]), tuple(layer["names"])))
    return Network(entry["name"], tuple(layers))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
