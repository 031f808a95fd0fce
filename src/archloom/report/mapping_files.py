"""The mappings of a network as files that `archloom evaluate` and Timeloop read, with a manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import archloom
from archloom.errors import InputError
from archloom.interop.timeloop import to_yaml as to_timeloop
from archloom.mapping.text import render
from archloom.search.network_mapping import LayerMapping, NetworkMapping
from archloom.spec import to_yaml

__all__ = ["mapping_files", "save"]

MANIFEST = "manifest.json"


def mapping_files(mapping: NetworkMapping) -> dict[str, str]:
    """File names and contents: for each layer its case as native YAML and as Timeloop's, and `manifest.json` with all numbers.

    Where Timeloop's files cannot express a mapping (cuts, padding, ...), the manifest says why there is none.
    """
    contents: dict[str, str] = {}
    manifest = {"archloom": archloom.__version__, **mapping.to_dict()}
    for layer, entry, stem in zip(mapping.layers, manifest["layers"], _stems(mapping.layers), strict=True):
        architecture = layer.evaluation.architecture
        native = f"{stem}.yaml"
        contents[native] = _comment(mapping, layer) + to_yaml(layer.workload, architecture, layer.mapping)
        files = {"native": native}
        try:
            text = to_timeloop(layer.workload, architecture, layer.mapping)
        except InputError as error:
            entry["no_timeloop_file"] = [fault.message for fault in error.faults]
        else:
            files["timeloop"] = f"{stem}.timeloop.yaml"
            contents[files["timeloop"]] = text
        entry["files"] = files
    contents[MANIFEST] = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    return contents


def save(mapping: NetworkMapping, folder: str | PathLike[str]) -> list[Path]:
    """Write `mapping_files` into a folder, replacing what an earlier call wrote; the paths written."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name, text in mapping_files(mapping).items():
        path = place / name
        draft = place / f".{name}.draft"
        draft.write_text(text, "utf-8")
        draft.replace(path)
        written.append(path)
    return written


def _comment(mapping: NetworkMapping, layer: LayerMapping) -> str:
    """What the file is, and the loop nest for people to read."""
    proof = "proven" if layer.finished else f"at most {100 * layer.gap:.3g} % from it"
    head = f"{layer.name} of {mapping.name}, {layer.count} times: best {mapping.options.objective.name}, {proof}"
    nest = render(layer.mapping, layer.workload, layer.evaluation.architecture)
    return "".join(f"# {line}\n" for line in "".join(_harmless(head)).splitlines() + nest.splitlines())


def _harmless(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _stems(layers: Iterable[LayerMapping]) -> list[str]:
    """A file name for each layer, in order, without characters that a file system may not like."""
    found: list[str] = []
    for number, layer in enumerate(layers, start=1):
        plain = re.sub(r"[^A-Za-z0-9._-]+", "_", layer.name)[:60].strip("._") or "layer"
        found.append(f"{number:02d}-{plain}")
    return found
