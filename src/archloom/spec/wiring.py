"""Energy of the wires between levels, where a file asks for it: bits times the way they have to go, which areas tell."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from archloom.architecture.hierarchy import Compute, Memory
from archloom.errors import InputError, did_you_mean
from archloom.spec.fields import Fields, Scope
from archloom.spec.quantities import DISTANCE, WIRE
from archloom.spec.values import YamlMap, shown
from archloom.technology.component import Figure, Price
from archloom.technology.library import price

__all__ = ["NO_WIRES", "Wires", "read_wires", "with_wires"]

_MODES = ("wires", "none")
_KEYS = ("energy", "length")
STATED = "the file"


@dataclass(frozen=True, slots=True)
class Wires:
    """What a file says of the wires below a level: whether they are charged, pJ/bit/mm and mm as far as it states them."""

    charged: bool
    energy: float | None = None
    length: float | None = None


NO_WIRES = Wires(False)


def read_wires(fields: Fields, default: Wires, scope: Scope) -> Wires:
    """The key `network`: `wires`, `none`, or `{energy: 0.1 pJ/bit/mm, length: 2 mm}`."""
    if "network" not in fields:
        return default
    value = fields.raw("network")
    if isinstance(value, YamlMap):
        inner = Fields(value, fields.at("network"), f"the network of {fields.what}", _KEYS, scope)
        energy, length = inner.quantity("energy", WIRE), inner.quantity("length", DISTANCE)
        millimetres = None if length is None else length.value * (1e-6 if length.unit == "nm" else 1.0)
        for key, number in (("energy", energy.value if energy else None), ("length", millimetres)):
            if number is not None and math.isinf(number):
                inner.fault(key, f"{inner.label(key)} is {shown(inner.raw(key))}; expected a finite value")
                return default
        return Wires(
            True,
            energy.value if energy else default.energy,
            default.length if millimetres is None else millimetres,
        )
    if value not in _MODES:
        hint = did_you_mean(value, _MODES) if isinstance(value, str) else "expected one of: wires, none"
        fields.fault(
            "network", f"{fields.label('network')} is {shown(value)}; expected wires, none, or energy and length", hint
        )
    return replace(default, charged=True) if value == "wires" else NO_WIRES


def with_wires(
    levels: list[Memory],
    compute: Compute,
    wires: list[Wires],
    nodes: dict[str, float],
    prices: dict[str, Price],
    warnings: list[str],
) -> list[Memory]:
    """The levels (outer to inner) with the energy of the wires below each in its `read_pj` and `update_pj`.

    A block that is read for the inside, and one that comes up from there, goes along a wire as long as the side of a square
    with the area of all that lies inside one instance; a multicast is one block on one wire. What was added goes into `prices`
    under `<level> network`.
    """
    found: list[Memory] = []
    for at, (level, wire) in enumerate(zip(levels, wires, strict=True)):
        bits = level.block * level.word_bits
        if not wire.charged or ("all" in level.bypass and level.size_bits == math.inf):
            found.append(level)
            continue
        length = wire.length if wire.length is not None else math.sqrt(_inside(levels[at:], compute) / 1e6)
        if not length:
            warnings.append(f"{level.name}: the wires below it are not charged, for nothing inside it has an area")
            found.append(level)
            continue
        try:
            priced = _price(level.name, length, bits, wire, nodes.get(level.name))
        except InputError as error:
            warnings.append(f"{level.name}: the wires below it are not charged: {error}")
            found.append(level)
            continue
        prices[f"{level.name} network"] = priced
        added = float(priced.energy["transfer"].value)
        found.append(replace(level, read_pj=level.read_pj + added, update_pj=level.update_pj + added))
    return found


def _inside(levels: list[Memory], compute: Compute) -> float:
    """The area in um2 of all that lies inside one instance of the first level."""
    area = compute.area_um2
    for inner in reversed(levels[1:]):
        area = inner.area_um2 + inner.fanout.total * area
    return levels[0].fanout.total * area


def _price(name: str, length: float, bits: int, wire: Wires, node: float | None) -> Price:
    if wire.energy is not None:
        figure = Figure(wire.energy * bits * length, "pJ", STATED, "estimated", None, f"{wire.energy:g} pJ/bit/mm")
        return Price("wire", {"length_mm": length, "width_bits": bits}, {"transfer": figure})
    if node is None:
        raise InputError(f"{name!r} has no node", hint="write node: 28 nm, or network: {energy: 0.1 pJ/bit/mm}")
    return price("wire", length_mm=length, width_bits=bits, node_nm=node)
