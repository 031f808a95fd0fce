"""A design in full: its machine, and each network of the suite at the mappings that the study recorded for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.architecture.hierarchy import Architecture
from archloom.errors import InputError, Place
from archloom.exploration.domains import Parameter, read_domain, text_of, written
from archloom.exploration.request import Request
from archloom.exploration.verdicts import LayerRecord
from archloom.mapping.text import parse
from archloom.model.evaluate import evaluate
from archloom.search.network_mapping import LayerMapping, NetworkMapping, Options
from archloom.search.spaces import space_of
from archloom.spec.document import YamlList, YamlMap
from archloom.spec.load import Spec
from archloom.spec.paths import locate

__all__ = ["Portrait", "baseline_values", "portrait_of"]

BITS = (" bit", " B", " KiB", " MiB", " GiB")
"""How sizes end as a space writes them."""


@dataclass(frozen=True, eq=False)
class Portrait:
    """A design: its machine, and the networks of the suite as they are mapped onto it."""

    label: str
    spec: Spec
    networks: tuple[NetworkMapping, ...]

    @property
    def architecture(self) -> Architecture:
        assert self.spec.architecture is not None
        return self.spec.architecture

    @cached_property
    def energy_by_level(self) -> dict[str, float]:
        """PJ of all networks by component, outermost first, leakage included."""
        found: dict[str, float] = {}
        for network in self.networks:
            for layer in network.layers:
                parts = [*layer.evaluation.levels, layer.evaluation.compute]
                for part in parts:
                    found[part.name] = found.get(part.name, 0.0) + layer.count * part.energy_pj
        return found

    @cached_property
    def area_by_level(self) -> dict[str, float]:
        """um2 by component, outermost first; those without an area left out."""
        machine = self.architecture
        pairs = [
            (level.name, level.area_um2 * many) for level, many in zip(machine.levels, machine.instances, strict=True)
        ]
        pairs = [*reversed(pairs), (machine.compute.name, machine.compute.area_um2 * machine.compute_instances)]
        return {name: area for name, area in pairs if area}


def portrait_of(
    request: Request, label: str, records: Sequence[LayerRecord], design: NDArray[np.int64] | None = None
) -> Portrait:
    """The portrait of a design (None: the baseline) with recorded mappings, one per distinct layer of the suite.

    Raises InputError where the records do not belong to this request.
    """
    spec = request.machines.baseline if design is None else request.machines.spec(design)
    options = _options(request)
    suite = request.suite
    mapped: list[tuple[LayerRecord, Any]] = []
    assert spec.architecture is not None
    for workload, record in zip(suite.layers, records, strict=True):
        machine = space_of(workload, spec.architecture, [spec, *request.mapping.constraints], options).architecture
        mapping = parse(record.mapping, workload, machine, source=f"{label}: {record.layer}")
        mapped.append((record, evaluate(workload, machine, mapping, drain_reads=options.drain_reads)))
    networks: list[NetworkMapping] = []
    for name, network, members in zip(suite.names, suite.networks, suite.members, strict=True):
        layers: list[LayerMapping] = []
        for layer, (at, count) in zip(network.layers, members, strict=True):
            record, cost = mapped[at]
            value = options.objective.value(cost.energy_pj, cost.cycles)
            bound = value if record.proven else 0.0
            layers.append(LayerMapping(layer.names, count, cost, value, bound, record.proven, None, 0, 0.0))
        networks.append(NetworkMapping(name, spec.architecture, options, tuple(layers), network.skipped))
    return Portrait(label, spec, tuple(networks))


def baseline_values(request: Request) -> dict[str, str]:
    """Parameter -> what the base machine's file says there, free ones first, then linked ones; those that it leaves out are left out."""
    space = request.space
    paths = {p.name: p.path for p in space.parameters} | {p.name: p.path for p in space.linked if p.path is not None}
    section = request.document.get("architecture")
    holders = [request.document.get("variables"), section.get("variables") if isinstance(section, YamlMap) else None]
    variables = {str(key): value for holder in holders if isinstance(holder, YamlMap) for key, value in holder.items()}
    found: dict[str, str] = {}
    for name, path in paths.items():
        node: Any = request.document
        try:
            for step in locate(request.document, path, Place("")):
                node = node[step]
        except (InputError, LookupError, TypeError):
            continue
        found[name] = text_of(_resolved(node, variables))
    return found | {p.name: _as_in(p, found[p.name]) for p in space.parameters if p.name in found}


def _as_in(parameter: Parameter, text: str) -> str:
    """A value as the space would write it: `12 * 16 bit` as `24 B`; what cannot be read alone as it is."""
    place = Place("")
    listed = YamlList(place)
    listed.put(text, place)
    try:
        numbers = read_domain(listed, place, "").numbers
    except InputError:
        return text
    if numbers is None or parameter.numbers is None:
        return text
    number = float(numbers[0])
    same = dict(zip(parameter.numbers.tolist(), parameter.texts, strict=True))
    is_plain = len(text.split()) <= 2 and (len(text.split()) == 2 or not text_of(parameter.values[0]).endswith(BITS))
    return same.get(number, text if is_plain else text_of(written(number, "bit")))


def _resolved(value: Any, variables: Mapping[str, Any]) -> Any:
    """What a variable's name stands for; other values as they are."""
    seen: set[str] = set()
    while isinstance(value, str) and value in variables and value not in seen:
        seen.add(value)
        value = variables[value]
    return value


def _options(request: Request) -> Options:
    wanted = request.mapping
    return Options(wanted.objective, wanted.cuts, wanted.padding, wanted.drain_reads)
