"""Writing a workload, architecture and mapping as the YAML that Timeloop's binary reads, with an ERT and an ART."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from archloom.architecture.hierarchy import Architecture, Memory
from archloom.errors import Fault, InputError
from archloom.interop.accelergy.of_architecture import TOP, areas_of, energies_of, is_pure_fanout, ranged_names
from archloom.interop.accelergy.reference_tables import art_section, ert_section
from archloom.interop.timeloop.components import is_dummy, kind_of_class
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.workload.einsum import Tensor, Workload

__all__ = ["to_yaml"]

MAX_WORDS = 2**32
_CLASSES = {"dram": "DRAM", "sram": "SRAM", "regfile": "regfile", "register": "regfile"}
_NAME = re.compile(r"[A-Za-z_][\w-]*")


def to_yaml(workload: Workload, architecture: Architecture, mapping: Mapping | None = None) -> str:
    """Write an evaluation's inputs as one YAML text in Timeloop's tree form (version 0.4), which `load` reads back.

    Without a mapping the text has none. Timeloop's default mode counts transfers between neighbours and samples iterations, so
    its numbers may differ. It also lets a fanout use instances beside its own parent (`pooled`), which only matters to mappings
    that are illegal here. Raises InputError with everything that Timeloop's files cannot express: padding, cuts, reshapeable
    fanouts, words of different widths in one memory, dimension names of several letters, leakage of compute units.
    """
    faults = [Fault(message) for message in _inexpressible(workload, architecture, mapping)]
    if faults:
        raise InputError(faults)
    if mapping is not None:
        mapping.check(workload, architecture)
    sections: dict[str, Any] = {"architecture": _architecture(architecture)}
    limits = _residency(workload, architecture)
    if limits:
        sections["architecture_constraints"] = {"targets": limits}
    sections["problem"] = _problem(workload)
    if mapping is not None:
        sections["mapping"] = list(_mapping(workload, architecture, mapping))
    sections["ERT"] = ert_section(energies_of(architecture))
    sections["ART"] = art_section(areas_of(architecture))
    return yaml.safe_dump(sections, sort_keys=False, default_flow_style=None, width=120)


def _inexpressible(workload: Workload, architecture: Architecture, mapping: Mapping | None) -> Iterator[str]:
    for dim in workload.dims:
        if not re.fullmatch(r"[A-Za-z]", dim):
            yield f"the dimension {dim!r} has a name that Timeloop cannot read; expected a single letter"
    for name in [*architecture.names, architecture.compute.name, *(tensor.name for tensor in workload.tensors)]:
        if not _NAME.fullmatch(name):
            yield f"the name {name!r} cannot be written to Timeloop's files; expected letters, digits, _ and -"
    if architecture.compute.leak_pj:
        yield f"compute {architecture.compute.name!r} leaks; Timeloop does not charge the leakage of arithmetic units"
    for level in architecture.levels:
        yield from _inexpressible_level(level, workload)
    for nest in () if mapping is None else mapping.levels:
        cuts = [name for name, cut in nest.cut.items() if cut < len(nest.temporal)]
        if cuts:
            yield f"mapping at {nest.level!r}: the tiles of {', '.join(sorted(cuts))} have a cut; in Timeloop a tile covers all loops of its level"
    if (
        mapping is not None
        and mapping.padding
        and any(mapping.factor(dim) != bound for dim, bound in workload.bounds.items())
    ):
        yield "the mapping pads a dimension; Timeloop's factors multiply to the bounds"


def _inexpressible_level(level: Memory, workload: Workload) -> Iterator[str]:
    what = f"level {level.name!r}"
    if level.fanout.reshapeable:
        yield f"{what}: its fanout is reshapeable; Timeloop's meshes are fixed"
    if level.power_gated_at is not None and level.leak_pj and is_pure_fanout(level):
        yield f"{what}: a pure fanout cannot leak"
    for tensor in workload.tensors:
        if level.may_keep(tensor) and level.tensor_bits(tensor) != level.word_bits:
            yield f"{what}: {tensor.name!r} has words of {level.tensor_bits(tensor)} bits; in Timeloop all words of a memory have its {level.word_bits}"
    if is_pure_fanout(level) and any((level.read_pj, level.write_pj, level.update_pj, level.leak_pj)):
        yield f"{what}: a pure fanout has energies; Timeloop's dummy storage has none here"
    if MAX_WORDS <= level.size_bits / level.word_bits < math.inf:
        yield f"{what}: it has {level.size_bits / level.word_bits:g} words; Timeloop reads sizes below 2**32 words (leave the size out)"
    if level.size_bits < math.inf and level.size_bits % level.word_bits and level.buffering != int(level.buffering):
        yield f"{what}: {level.size_bits:g} bits are no whole number of words, and buffering is {level.buffering:g}"


def _class_of(level: Memory) -> str:
    """The component class by which Timeloop knows a memory; only a DRAM may be without a size there."""
    if is_pure_fanout(level):
        return "dummy_storage"
    if level.size_bits == math.inf and "DRAM" not in level.kind:
        return "DRAM"
    if kind_of_class(level.kind) == "memory" and not is_dummy(level.kind):
        return level.kind
    return _CLASSES.get(level.kind.casefold(), "storage")


def _architecture(architecture: Architecture) -> dict[str, Any]:
    local: list[dict[str, Any]] = []
    mesh_x = mesh_y = 1
    for level, name in zip(reversed(architecture.levels), ranged_names(architecture), strict=False):
        attributes = {**_attributes(level), "meshX": mesh_x, "meshY": mesh_y}
        local.append({"name": name, "class": _class_of(level), "attributes": attributes})
        mesh_x, mesh_y = mesh_x * level.fanout.x, mesh_y * level.fanout.y
    compute = architecture.compute
    kind = compute.kind if kind_of_class(compute.kind) == "compute" else "intmac"
    attributes = {"word_bits": compute.word_bits, "meshX": mesh_x, "meshY": mesh_y}
    local.append({"name": ranged_names(architecture)[-1], "class": kind, "attributes": attributes})
    return {"version": "0.4", "subtree": [{"name": TOP, "attributes": {"version": "0.4"}, "local": local}]}


def _attributes(level: Memory) -> dict[str, Any]:
    if is_pure_fanout(level):
        return {"width": 1, "depth": 1, "datawidth": 1, **_latencies(level)}
    attributes: dict[str, Any] = {"word_bits": level.word_bits, "block_size": level.block}
    if level.cluster > 1:
        attributes["cluster_size"] = level.cluster
    if level.size_bits < math.inf:
        attributes["entries"] = int(level.size_bits // level.word_bits)
    for name in ("read_bandwidth", "write_bandwidth", "shared_bandwidth"):
        value = getattr(level, name)
        if value is not None and value < math.inf:
            attributes[name] = value
    if level.buffering != 1:
        attributes["multiple_buffering"] = level.buffering
    if level.power_gated_at is not None:
        attributes["power_gated_at"] = level.power_gated_at
    return {**attributes, **_latencies(level)}


def _latencies(level: Memory) -> dict[str, int]:
    pairs = (("network_fill_latency", level.fanout.fill_latency), ("network_drain_latency", level.fanout.drain_latency))
    return {name: cycles for name, cycles in pairs if cycles}


def _residency(workload: Workload, architecture: Architecture) -> list[dict[str, Any]]:
    """What each memory must and must not hold, as constraints; pure fanouts say so by their class."""
    targets: list[dict[str, Any]] = []
    for level in architecture.levels:
        keep = [tensor.name for tensor in workload.tensors if level.must_keep(tensor)]
        bypass = [tensor.name for tensor in workload.tensors if not level.may_keep(tensor)]
        if (keep or bypass) and not is_pure_fanout(level):
            targets.append({"target": level.name, "type": "bypass", "keep": keep, "bypass": bypass})
    return targets


def _problem(workload: Workload) -> dict[str, Any]:
    coefficients: dict[str, int] = {}
    spaces: list[dict[str, Any]] = []
    for tensor in workload.tensors:
        projection = [[_term(tensor, dim, value, coefficients) for dim, value in rank] for rank in tensor.ranks]
        spaces.append({"name": tensor.name, "projection": projection, "read_write": tensor.is_output})
    shape = {
        "name": re.sub(r"[^\w-]+", "_", workload.name) or "problem",
        "dimensions": list(workload.dims),
        "coefficients": [{"name": name, "default": value} for name, value in coefficients.items()],
        "data_spaces": spaces,
    }
    return {"version": "0.4", "instance": {**workload.bounds, **coefficients}, "shape": shape}


def _term(tensor: Tensor, dim: str, value: int, coefficients: dict[str, int]) -> list[str]:
    if value == 1:
        return [dim]
    name = f"{tensor.name.replace('-', '_')}_{dim}_step"
    coefficients[name] = value
    return [dim, name]


def _mapping(workload: Workload, architecture: Architecture, mapping: Mapping) -> Iterator[dict[str, Any]]:
    for level, nest in zip(architecture.levels, mapping.levels, strict=True):
        keep = [tensor.name for tensor in workload.tensors if tensor.name in nest.keep]
        bypass = [tensor.name for tensor in workload.tensors if tensor.name not in nest.keep]
        yield {"target": level.name, "type": "bypass", "keep": keep, "bypass": bypass}
        alone = [tensor.name for tensor in workload.tensors if tensor.is_selected_by(level.fanout.no_multicast)]
        if level.fanout.total > 1:
            yield _spatial(nest, workload, alone)
        yield {"target": level.name, "type": "temporal", **_loops(nest.temporal, workload)}


def _spatial(nest: LevelNest, workload: Workload, alone: list[str]) -> dict[str, Any]:
    x = [loop for loop in nest.x if loop.trip > 1]
    loops = _loops((*(loop for loop in nest.y if loop.trip > 1), *x), workload)
    directive = {"target": nest.level, "type": "spatial", **loops, "split": len(x)}
    return {**directive, "no_reuse": alone} if alone else directive


def _loops(loops: tuple[Loop, ...], workload: Workload) -> dict[str, str]:
    """Factors of every dimension, and the permutation, innermost first, dimensions without a loop last."""
    trips = {dim: math.prod(loop.trip for loop in loops if loop.dim == dim) for dim in workload.dims}
    inner_first = [loop.dim for loop in reversed(loops) if loop.trip > 1]
    rest = [dim for dim in workload.dims if dim not in inner_first]
    return {
        "factors": " ".join(f"{dim}={trip}" for dim, trip in trips.items()),
        "permutation": "".join([*inner_first, *rest]),
    }
