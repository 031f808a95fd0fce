"""What the components of an architecture file cost: what the file states, and the technology library's price for the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass

from archloom.spec.fields import Fields, Scope
from archloom.spec.pricing import PriceList, Request
from archloom.spec.quantities import AREA, ENERGY, FREQUENCY, LEAKAGE, Quantity
from archloom.spec.values import Value, YamlMap, shown
from archloom.technology.component import Price

__all__ = ["Array", "CostReader", "Costs"]

_ENERGIES = ("read", "write", "update", "read_pj", "write_pj", "update_pj")


@dataclass(frozen=True, slots=True)
class Costs:
    """Energies in pJ by action (read, write, update of a block; compute), leakage per cycle and area, of one instance."""

    energy: dict[str, float]
    leak_pj: float
    area_um2: float


@dataclass(frozen=True, slots=True)
class Array:
    """What the costs of a memory go by: sizes in bits, `width` per access (None: a block), and whether it holds anything."""

    size_bits: float
    word_bits: int
    block: int
    width: int | None
    cluster: int
    used: bool


class CostReader:
    """Reads the costs of the components of one architecture, and keeps what each asks the library for."""

    def __init__(self, fields: Fields, scope: Scope) -> None:
        self.scope = scope
        clock = fields.quantity("clock", FREQUENCY, "clock_hz")
        self.clock_hz = clock.value if clock else None
        self.library = PriceList(scope, self.clock_hz)
        self.library.used = self.library.read_mode(fields)
        self.library.read_tables(fields)
        self.requests: dict[str, Request] = {}
        self._unpriced: dict[str, str] = {}

    def memory(self, fields: Fields, name: str, array: Array, node_nm: float | None) -> Costs:
        """The costs of a level; update costs what write costs unless given."""
        energy = self._energies(fields, name, array.block, array.word_bits)
        options, priced = self.library.read_options(fields), None
        if array.used:
            width, block_bits = array.width or array.block * array.word_bits, array.block * array.word_bits
            implied = {
                "size_bits": array.size_bits * array.cluster if array.size_bits < math.inf else None,
                "width_bits": float(width * array.cluster),
                "node_nm": node_nm,
                "clock_hz": self.clock_hz,
            }
            kind, accesses = fields.text("class", "memory"), -(-block_bits // width)
            own = self.library.own.get(kind.casefold())
            request = Request(kind, implied, options, accesses=accesses, cluster=array.cluster, own=own)
            priced = self._price(fields, name, request, {*energy})
            energy |= {action: float(figure.value) for action, figure in priced.energy.items()} if priced else {}
            missing = [action for action in ("read", "write") if action not in energy]
            if missing:
                self._unpriced[name] = name if len(missing) == 2 else f"{name} ({missing[0]})"
        energy = {"read": 0.0, "write": 0.0, **energy}
        energy.setdefault("update", energy["write"])
        return Costs(energy, self._leak(fields, priced), self._area(fields, priced))

    def compute(self, fields: Fields, name: str, word_bits: int, node_nm: float | None) -> Costs:
        """The costs of one of the compute units."""
        energy = _per_block(fields.quantity("energy", ENERGY, "energy_pj"), 1, word_bits)
        stated = {"compute"} if {"energy", "energy_pj"} & fields.map.keys() else set[str]()
        implied = {"bits": float(word_bits), "node_nm": node_nm, "clock_hz": self.clock_hz}
        options = self.library.read_options(fields)
        kind = fields.text("class", "mac")
        request = Request(kind, implied, options, computes=True, own=self.library.own.get(kind.casefold()))
        priced = self._price(fields, name, request, stated)
        if priced is not None:
            energy = float(priced.energy["compute"].value)
        elif not stated:
            self._unpriced[name] = name
        return Costs({"compute": energy}, self._leak(fields, priced), self._area(fields, priced))

    def warn(self) -> None:
        """Note what is not charged, and what the library has to say."""
        if self._unpriced:
            wants = self.library.wants(list(self._unpriced))
            names = ", ".join(self._unpriced.values())
            self.scope.warnings.append(f"no energy is given for {names}: counted as 0 pJ{wants}")
        self.scope.warnings += self.library.warnings()

    def clock(self, fields: Fields, key: str) -> float:
        """The clock in Hz, that a value per second needs; a fault where there is none."""
        if not self.clock_hz:
            hint = "write clock: 1 GHz in the architecture"
            fields.fault(key, f"{fields.label(key)} is given per second, and the architecture has no clock", hint)
        return self.clock_hz or 1.0

    def _price(self, fields: Fields, name: str, request: Request, stated: set[str]) -> Price | None:
        """What the library charges where the file does not state all energies."""
        self.requests[name] = request
        if stated >= ({"compute"} if request.computes else {"read", "write"}):
            return None
        kinds = {"leak": {"leak", "leak_pj"}, "area": {"area", "area_um2"}}
        said = {kind for kind, keys in kinds.items() if keys & fields.map.keys()}
        return self.library.ask(fields, name, request, stated | said)

    def _leak(self, fields: Fields, priced: Price | None) -> float:
        leak = fields.quantity("leak", LEAKAGE, "leak_pj")
        if leak is None:
            return self.library.leak_pj(priced)
        if leak.unit == "W" and leak.value:
            return leak.value * 1e12 / self.clock(fields, "leak")
        return _finite(fields, "leak" if "leak" in fields else "leak_pj", leak.value)

    def _area(self, fields: Fields, priced: Price | None) -> float:
        area = fields.quantity("area", AREA, "area_um2")
        if area is None:
            return float(priced.area.value) if priced and priced.area else 0.0
        return _finite(fields, "area" if "area" in fields else "area_um2", area.value)

    def _energies(self, fields: Fields, name: str, block: int, word_bits: int) -> dict[str, float]:
        """Energy in pJ per access of one block, by action, as far as the file gives it."""
        if "energy" in fields and not isinstance(fields.raw("energy"), YamlMap):
            one = _finite(fields, "energy", _per_block(fields.quantity("energy", ENERGY), block, word_bits))
            return {"read": one, "write": one, "update": one}
        value: Value = fields.raw("energy") if "energy" in fields else YamlMap(fields.place)
        inner = Fields(value, fields.at("energy"), f"the energy of {name!r}", _ENERGIES, self.scope)
        found: dict[str, float] = {}
        for action in _ENERGIES[:3]:
            key = f"{action}_pj" if f"{action}_pj" in inner else action
            if key in inner:
                found[action] = _finite(
                    inner, key, _per_block(inner.quantity(action, ENERGY, f"{action}_pj"), block, word_bits)
                )
        return found


def _per_block(energy: Quantity | None, block: int, word_bits: int) -> float:
    if energy is None:
        return 0.0
    per = {"pJ": 1, "pJ/word": block, "pJ/bit": block * word_bits}
    return energy.value * per[energy.unit]


def _finite(fields: Fields, key: str, value: float) -> float:
    if math.isinf(value):
        fields.fault(key, f"{fields.label(key)} is {shown(fields.raw(key))}; expected a finite value")
        return 0.0
    return float(value)
