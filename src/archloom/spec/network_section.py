"""Network sections of YAML files: a list of layers, each a workload with a name and a count."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace

from archloom.errors import InputError, Place
from archloom.spec.fields import Fields, Scope
from archloom.spec.values import Value, YamlList, YamlMap
from archloom.spec.workload_section import LAYERS, read_workload
from archloom.workload import layers
from archloom.workload.einsum import Workload
from archloom.workload.network import Layer, Network

__all__ = ["read_network"]

_SEVERAL: dict[str, Callable[..., tuple[Workload, ...]]] = {
    "attention": layers.attention,
    "conv_transpose1d": layers.conv_transpose1d,
    "conv_transpose2d": layers.conv_transpose2d,
    "conv_transpose3d": layers.conv_transpose3d,
}
"""Layers that are several workloads."""

_OF_ACTIVATIONS = ("attention", "batched_matmul")
"""Layers whose weights are not stored, unless the file says so."""


def read_network(value: Value, place: Place, scope: Scope) -> Network | None:
    """Read a network section; None, with faults in `scope`, when it has any."""
    before = len(scope.faults)
    fields = Fields(value, place, "the network", ("name", "layers"), scope)
    name = fields.text("name", "network")
    found: list[Layer] = []
    if fields.require("layers"):
        for number, (item, where) in enumerate(fields.items("layers", of="layers")):
            found += _layers(item, where, scope, number)
        if not found and len(scope.faults) == before:
            scope.fault("the network has no layers", fields.at("layers"), "expected at least one")
    return None if len(scope.faults) > before else Network(name, tuple(found))


def _layers(value: Value, place: Place, scope: Scope, number: int) -> list[Layer]:
    if not isinstance(value, YamlMap):
        Fields(value, place, f"layer {number}", ("name", "count", *LAYERS), scope)
        return []
    rest = value.copy()
    for key in ("count", "stored"):
        rest.pop(key, None)
    own = YamlMap(place)
    for key in value.keys() & {"count", "stored"}:
        own.put(key, value[key], value.key_places[key], value.value_places[key])
    fields = Fields(own, place, f"layer {number}", ("count", "stored"), scope)
    count, kind = fields.integer("count", 1), next((key for key in _SEVERAL if key in value), None)
    stored = fields.flag("stored") if "stored" in fields else not any(key in value for key in _OF_ACTIVATIONS)
    if kind is None:
        workload = read_workload(rest, place, scope)
        workloads = (
            () if workload is None else (workload if "name" in value else replace(workload, name=f"layer{number}"),)
        )
    else:
        workloads = _several(rest, place, scope, kind, f"layer{number}")
    return [Layer(workload, count, weight_words=-1 if stored else 0) for workload in workloads]


def _several(value: YamlMap, place: Place, scope: Scope, kind: str, name: str) -> tuple[Workload, ...]:
    """A layer that is several workloads, by its sizes."""
    before = len(scope.faults)
    fields = Fields(value, place, "the layer", ("name", kind), scope)
    parameters = inspect.signature(_SEVERAL[kind]).parameters
    sizes = [key for key in parameters if key not in ("name", "word_bits")]
    inner = Fields(fields.raw(kind), fields.at(kind), kind, sizes, scope)
    given: dict[str, object] = {"name": fields.text("name", name)}
    for key in sizes:
        if key in inner:
            given[key] = _size(inner, key)
        elif parameters[key].default is inspect.Parameter.empty:
            scope.fault(f"{kind} has no {key!r}", inner.place)
    if len(scope.faults) > before:
        return ()
    try:
        return _SEVERAL[kind](**given)
    except InputError as error:
        scope.adopt(error, inner.place)
        return ()


def _size(fields: Fields, key: str) -> int | list[int]:
    value = fields.raw(key)
    if isinstance(value, YamlList):
        sides = zip(value, value.value_places, strict=True)
        return [fields.scope.integer(side, fields.label(key), where, least=0) or 0 for side, where in sides]
    return fields.integer(key, 1, least=0)
