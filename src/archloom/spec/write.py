"""Writing workloads, architectures and mappings as the YAML that `load` reads back to equal objects."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.errors import InputError
from archloom.mapping.nest import LevelNest, Loop
from archloom.mapping.nest import Mapping as LoopMapping
from archloom.spec.values import plain_scalar
from archloom.workload.einsum import Workload, parse_einsum

__all__ = ["to_yaml"]

Node = str | int | float | Sequence["Node"] | Mapping[str, "Node"]
"""What is written: scalars, lists and mappings."""

_PLAIN = re.compile(r"[A-Za-z_./0-9][\w ./=^+*-]*(?<! )", re.ASCII)
_UNPRINTABLE = re.compile("[\x7f-\xa0\ud800-\udfff\ufeff\ufffe\uffff\u2028\u2029]")
_KIB = 8 * 1024


def to_yaml(*parts: Workload | Architecture | LoopMapping) -> str:
    """The parts as sections of one YAML text, which `load` reads back.

    Numbers come back equal, bit for bit. Tensors come back inputs first, and energies of accesses per block. Raises InputError
    for a workload whose names cannot stand in einsum text.
    """
    return "\n".join(_section(part) for part in parts)


def _section(part: Workload | Architecture | LoopMapping) -> str:
    if isinstance(part, Workload):
        return _block("workload", _workload(part))
    if isinstance(part, Architecture):
        levels = [_memory(level) for level in reversed(part.levels)]
        pooled = {"pooled": True} if part.pooled else {}
        return _block(
            "architecture", {"name": part.name, **pooled, "levels": levels, "compute": _compute(part.compute)}
        )
    nests = [_nest(nest) for nest in reversed(part.levels)]
    return _block("mapping", {**({"padding": True} if part.padding else {}), "levels": nests})


def _block(name: str, entries: Mapping[str, Node]) -> str:
    lines = [f"{name}:"]
    for key, value in entries.items():
        if isinstance(value, list) and value:
            lines += [f"  {key}:", *(f"    - {_flow(item)}" for item in value)]
        else:
            lines.append(f"  {key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _flow(value: Node) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return _number(value)
    return _text(str(value))


def _number(value: float) -> str:
    return ".inf" if value == math.inf else repr(value)


def _text(text: str) -> str:
    """The text without quotes where it reads back as itself, else in double quotes."""
    if _PLAIN.fullmatch(text) and len(text) < 400 and plain_scalar(text) == text:
        return text
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def _workload(workload: Workload) -> dict[str, Node]:
    try:
        parsed = parse_einsum(workload.text)
    except InputError:
        parsed = ()
    if {(tensor.name, tensor.ranks) for tensor in parsed} != {
        (tensor.name, tensor.ranks) for tensor in workload.tensors
    }:
        raise InputError(f"the workload {workload.name!r} cannot be written as an einsum: {workload.text[:200]}")
    guessed = {tensor.name: tensor.role for tensor in parsed}
    widths = {tensor.name: tensor.word_bits for tensor in workload.tensors if tensor.word_bits is not None}
    roles = {tensor.name: tensor.role for tensor in workload.tensors if tensor.role != guessed[tensor.name]}
    return {
        "name": workload.name,
        "einsum": workload.text,
        "bounds": dict(workload.bounds),
        **({"word_bits": widths} if widths else {}),
        **({"roles": roles} if roles else {}),
    }


def _memory(level: Memory) -> dict[str, Node]:
    entries: dict[str, Node] = {"name": level.name}
    if level.kind != "memory":
        entries["class"] = level.kind
    if level.size_bits != math.inf:
        entries["size"] = _size(level.size_bits)
    entries["word"] = f"{level.word_bits} bit"
    if level.block != 1:
        entries["block"] = level.block
    if level.cluster != 1:
        entries["cluster"] = level.cluster
    for port in ("read_bandwidth", "write_bandwidth", "shared_bandwidth"):
        words = {"read_bandwidth": level.read_bandwidth, "write_bandwidth": level.write_bandwidth}.get(
            port, level.shared_bandwidth
        )
        if words is not None:
            entries[port] = f"{_number(words)} words/cycle"
    if level.buffering != 1:
        entries["buffering"] = level.buffering
    entries |= {"energy": _energy(level)}
    entries |= _leak_and_area(level)
    if level.power_gated_at is not None:
        entries["power_gated_at"] = level.power_gated_at
    for key, selectors in (("keep", level.keep), ("bypass", level.bypass)):
        if selectors:
            entries[key] = sorted(selectors)
    if level.fanout != Fanout():
        entries["fanout"] = _fanout(level.fanout)
    return entries


def _size(bits: float) -> str:
    return f"{int(bits) // _KIB} KiB" if bits and bits % _KIB == 0 else f"{_number(bits)} bit"


def _energy(level: Memory) -> Node:
    if level.read_pj == level.write_pj == level.update_pj:
        return f"{_number(level.read_pj)} pJ"
    energy = {"read": f"{_number(level.read_pj)} pJ", "write": f"{_number(level.write_pj)} pJ"}
    return energy if level.update_pj == level.write_pj else {**energy, "update": f"{_number(level.update_pj)} pJ"}


def _leak_and_area(part: Memory | Compute) -> dict[str, Node]:
    leak = {"leak": f"{_number(part.leak_pj)} pJ/cycle"} if part.leak_pj else {}
    return {**leak, **({"area": f"{_number(part.area_um2)} um2"} if part.area_um2 else {})}


def _fanout(fanout: Fanout) -> dict[str, Node]:
    entries: dict[str, Node] = {"x": fanout.x, "y": fanout.y}
    if fanout.no_multicast:
        entries["no_multicast"] = sorted(fanout.no_multicast)
    if fanout.reshapeable:
        entries["reshapeable"] = True
    latencies = {"fill_latency": fanout.fill_latency, "drain_latency": fanout.drain_latency}
    return entries | {key: cycles for key, cycles in latencies.items() if cycles}


def _compute(compute: Compute) -> dict[str, Node]:
    entries: dict[str, Node] = {"name": compute.name}
    if compute.kind != "mac":
        entries["class"] = compute.kind
    entries |= {"word": f"{compute.word_bits} bit", "energy": f"{_number(compute.energy_pj)} pJ"}
    return entries | _leak_and_area(compute)


def _nest(nest: LevelNest) -> dict[str, Node]:
    entries: dict[str, Node] = {"level": nest.level, "keep": sorted(nest.keep)}
    for key, loops in (("temporal", nest.temporal), ("x", nest.x), ("y", nest.y)):
        if loops:
            entries[key] = _loops(loops)
    if nest.cut:
        entries["cut"] = dict(nest.cut)
    if nest.mesh is not None:
        entries["mesh"] = f"{nest.mesh[0]}x{nest.mesh[1]}"
    return entries


def _loops(loops: Iterable[Loop]) -> str:
    """Loops as in `M4 P2`; a dim that ends in a digit needs the form `h0=4`."""
    return " ".join(f"{loop.dim}={loop.trip}" if loop.dim[-1:].isdigit() else str(loop) for loop in loops)
