"""The networks of a space file, with their weights."""

from __future__ import annotations

import math
from typing import Any

from archloom.errors import InputError, Place, did_you_mean
from archloom.exploration.space_sources import Sources
from archloom.exploration.suite import MEANS, Suite
from archloom.spec.document import Value, YamlList, YamlMap, read
from archloom.spec.fields import Fields, Scope
from archloom.spec.networks import load_network
from archloom.spec.values import shown
from archloom.spec.workload_section import read_workload
from archloom.workload.network import Layer, Network

__all__ = ["read_suite"]

_KEYS = ("network", "workload", "weight", "layers")


def read_suite(fields: Fields, given: Any, sources: Sources, scope: Scope) -> Suite | None:
    """The suite of `networks`, or of those `given` instead; None, with the faults in `scope`, where there are any."""
    before = len(scope.faults)
    networks: list[tuple[Network, float]] = []
    if given is not None:
        for network in given if isinstance(given, list | tuple) else [given]:
            try:
                networks.append((load_network(network), 1.0))
            except InputError as error:
                scope.adopt(error, Place("networks"))
    elif fields.require("networks"):
        value, place = fields.raw("networks"), fields.at("networks")
        items = list(zip(value, value.value_places, strict=True)) if isinstance(value, YamlList) else [(value, place)]
        if not items:
            scope.fault("'networks' is empty; expected at least one", place)
        networks = [found for item, where in items if (found := _network(item, where, sources, scope))]
    mean = fields.text("mean", MEANS[0])
    if mean not in MEANS:
        fields.fault("mean", f"unknown mean {mean!r}", did_you_mean(mean, MEANS))
    if len(scope.faults) > before:
        return None
    return Suite(tuple(network for network, _ in networks), tuple(weight for _, weight in networks), mean)


def _network(value: Value, place: Place, sources: Sources, scope: Scope) -> tuple[Network, float] | None:
    """One entry: a name or file, or a mapping with `network` or `workload`, a `weight`, and `layers` to take alone."""
    if isinstance(value, str):
        network = _named(value, place, sources, scope)
        return None if network is None else (network, 1.0)
    if not isinstance(value, YamlMap):
        scope.fault(f"{shown(value)} is no network; expected a name, a file, or {{network: ..., weight: 2}}", place)
        return None
    fields = Fields(value, place, "the network", _KEYS, scope)
    if ("network" in fields) == ("workload" in fields):
        scope.fault("the network has neither 'network' nor 'workload', or both; expected one of them", place)
        return None
    weight = fields.number("weight", 1.0)
    if not 0 < weight < math.inf:
        fields.fault("weight", f"'weight' of the network is {shown(fields.raw('weight'))}; expected more than 0")
    network = _of(fields, sources, scope)
    if network is not None and "layers" in fields:
        network = _only(network, fields)
    return None if network is None else (network, float(weight))


def _of(fields: Fields, sources: Sources, scope: Scope) -> Network | None:
    key = "network" if "network" in fields else "workload"
    value, place = fields.raw(key), fields.at(key)
    if isinstance(value, str):
        return _named(value, place, sources, scope)
    if key == "network":
        scope.fault(f"the network is {shown(value)}; expected a name or a file", place)
        return None
    workload = read_workload(value, place, scope)
    return None if workload is None else Network(workload.name, (Layer(workload),))


def _named(name: str, place: Place, sources: Sources, scope: Scope) -> Network | None:
    """A network of the zoo or of a file; `resnet18:conv1` is one of its layers."""
    whole, _, layer = name.rpartition(":")
    candidates = [(name, "")] if not whole or sources.is_file(name) else [(name, ""), (whole, layer)]
    first: InputError | None = None
    for source, part in reversed(candidates):
        path = sources.path(source) if sources.is_file(source) else source
        try:
            network = load_network(path)
        except InputError as error:
            first = first or error
            continue
        if sources.is_file(source) and not source.casefold().endswith(".onnx"):
            sources.keep(source, read(path))
        if not part:
            return network
        try:
            return Network(f"{network.name}:{part}", (network.layer(part),))
        except InputError as error:
            scope.adopt(error, place)
            return None
    assert first is not None
    for fault in first.faults:
        at = fault.place if fault.place is not None and fault.place.line else place
        scope.fault(fault.message, at, fault.hint)
    return None


def _only(network: Network, fields: Fields) -> Network | None:
    """The network reduced to some of its layers, with their counts."""
    layers: list[Layer] = []
    for name in fields.words("layers"):
        try:
            layers.append(network.layer(name))
        except InputError as error:
            fields.scope.adopt(error, fields.at("layers"))
    return Network(network.name, tuple(layers)) if layers else None
