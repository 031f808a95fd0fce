"""Architecture sections of YAML files: levels outer to inner, with units, lowered to the frozen core objects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.errors import InputError, Place, did_you_mean
from archloom.spec.expressions import resolve_names
from archloom.spec.fields import Fields, Scope
from archloom.spec.quantities import AREA, BANDWIDTH, ENERGY, FREQUENCY, LEAKAGE, LENGTH, SIZE, WORD, Quantity
from archloom.spec.values import Value, YamlMap, shown

__all__ = ["ArchitectureSection", "read_architecture", "read_variables"]

DEFAULT_WORD_BITS = 16

_COMMON = ("name", "class", "node", "word", "word_bits", "energy", "leak", "leak_pj", "area", "area_um2")
_LEVEL_KEYS = (
    *_COMMON,
    *("size", "size_bits", "block", "cluster", "buffering", "read_bandwidth", "write_bandwidth", "shared_bandwidth"),
    *("keep", "bypass", "fanout", "power_gated_at"),
)
_COMPUTE_KEYS = (*_COMMON, "energy_pj")
_KEYS = ("name", "levels", "compute", "variables", "clock", "clock_hz", "word", "word_bits", "node", "pooled")
_TIMELOOP_KEYS = ("subtree", "nodes", "version", "local")


@dataclass(frozen=True, slots=True)
class ArchitectureSection:
    """What an architecture section says: the machine, and the technology node in nm of each component that names one."""

    architecture: Architecture
    nodes: Mapping[str, float]


def read_variables(value: Value, place: Place, scope: Scope) -> Scope:
    """The scope inside a section with these `variables`, which may refer to each other and to outer ones."""
    if not isinstance(value, YamlMap):
        scope.fault(f"'variables' is {shown(value)}; expected a mapping from names to numbers", place)
        return scope
    variables: dict[str, object] = {}
    for name, entry in value.items():
        if isinstance(name, str) and name.isidentifier():
            variables[name] = entry
        else:
            message = f"the variable {shown(name)} is no name; expected letters, digits and _"
            scope.fault(message, value.key_places[name])
    places = {name: value.value_places[name] for name in variables}
    try:
        return scope.inner(resolve_names(variables, scope.names, places=places))
    except InputError as error:
        scope.adopt(error, place)
    # so that one faulty variable is not reported again wherever it is used
    return scope.inner(dict.fromkeys(variables, 1))


def read_architecture(value: Value, place: Place, scope: Scope) -> ArchitectureSection | None:
    """Read an architecture section; None, with faults in `scope`, when it has any."""
    before = len(scope.faults)
    if isinstance(value, YamlMap) and any(key in value for key in _TIMELOOP_KEYS):
        scope.fault(
            "this is an architecture in Timeloop's form", place, "load it with archloom.interop.timeloop or --timeloop"
        )
        return None
    if isinstance(value, YamlMap) and "variables" in value:
        scope = read_variables(value["variables"], value.value_places["variables"], scope)
    fields = Fields(value, place, "the architecture", _KEYS, scope)
    reader = _Reader(fields, scope)
    fields.require("levels")
    levels = [reader.memory(item, where) for item, where in fields.items("levels", of="levels, outer to inner")]
    compute = reader.compute(fields)
    reader.check_references(levels)
    name = fields.text("name", "architecture")
    pooled = fields.flag("pooled")
    if len(scope.faults) > before:
        return None
    try:
        architecture = Architecture(name, tuple(reversed(levels)), compute, pooled)
    except InputError as error:
        for fault in error.faults:
            scope.fault(fault.message, reader.place_in(fault.message) or place, fault.hint)
        return None
    reader.warn()
    return ArchitectureSection(architecture, reader.nodes)


class _Reader:
    """Reads levels and compute units with the defaults of their architecture."""

    def __init__(self, fields: Fields, scope: Scope) -> None:
        self.scope = scope
        clock = fields.quantity("clock", FREQUENCY, "clock_hz")
        self.clock_hz = clock.value if clock else None
        self.word_bits = self._word(fields, DEFAULT_WORD_BITS)
        node = fields.quantity("node", LENGTH)
        self.node_nm = node.value if node else None
        self.nodes: dict[str, float] = {}
        self.places: dict[str, Place] = {}
        self.gates: list[tuple[int, str, Place]] = []
        self.unpriced: list[str] = []

    def memory(self, value: Value, place: Place) -> Memory:
        what = (
            f"level {value['name']!r}"
            if isinstance(value, YamlMap) and isinstance(value.get("name"), str)
            else "a level"
        )
        fields = Fields(value, place, what, _LEVEL_KEYS, self.scope)
        fields.require("name")
        name = self._name(fields)
        word_bits = self._word(fields, self.word_bits)
        block = fields.integer("block", 1)
        keep, bypass = frozenset(fields.words("keep")), frozenset(fields.words("bypass"))
        read, write, update = self._energies(fields, name, block, word_bits, needed="all" not in bypass)
        gate = fields.text("power_gated_at", name) if "power_gated_at" in fields else None
        if gate is not None:
            self.gates.append((len(self.places) - 1, gate, fields.at("power_gated_at")))
        return Memory(
            name=name,
            size_bits=self._size(fields, word_bits),
            word_bits=word_bits,
            block=block,
            cluster=fields.integer("cluster", 1),
            read_bandwidth=self._bandwidth(fields, "read_bandwidth", word_bits),
            write_bandwidth=self._bandwidth(fields, "write_bandwidth", word_bits),
            shared_bandwidth=self._bandwidth(fields, "shared_bandwidth", word_bits),
            buffering=self._buffering(fields),
            keep=keep,
            bypass=bypass,
            read_pj=read,
            write_pj=write,
            update_pj=update,
            leak_pj=self._leak(fields),
            power_gated_at=gate,
            area_um2=self._area(fields),
            fanout=self._fanout(fields),
            kind=fields.text("class", "memory"),
        )

    def compute(self, outer: Fields) -> Compute:
        value: Value = outer.raw("compute") if "compute" in outer else YamlMap(outer.place)
        fields = Fields(value, outer.at("compute"), "the compute units", _COMPUTE_KEYS, self.scope)
        name = self._name(fields, "MAC")
        word_bits = self._word(fields, self.word_bits)
        energy = fields.quantity("energy", ENERGY, "energy_pj")
        if energy is None and not {"energy", "energy_pj"} & fields.map.keys():
            self.unpriced.append(name)
        return Compute(
            name=name,
            energy_pj=_per_block(energy, 1, word_bits),
            leak_pj=self._leak(fields),
            area_um2=self._area(fields),
            word_bits=word_bits,
            kind=fields.text("class", "mac"),
        )

    def check_references(self, levels: list[Memory]) -> None:
        for at, gate, place in self.gates:
            outer = [level.name for level in levels[: at + 1]]
            if gate not in outer:
                message = f"'power_gated_at' names {gate!r}; expected this level or one outside it"
                self.scope.fault(message, place, did_you_mean(gate, outer))

    def place_in(self, message: str) -> Place | None:
        """The place of the level that a message of the core is about."""
        return next((place for name, place in self.places.items() if f"level {name!r}:" in message), None)

    def warn(self) -> None:
        if self.unpriced:
            self.scope.warnings.append(f"no energy is given for {', '.join(self.unpriced)}: counted as 0 pJ")

    def _name(self, fields: Fields, default: str = "?") -> str:
        name = fields.text("name", default)
        if name in self.places and name != "?":
            fields.fault("name", f"the name {name!r} is used twice; it stands first at {self.places[name]}")
        if name == "?" and name in self.places:
            name = f"?{len(self.places)}"
        self.places[name] = fields.at("name")
        node = fields.quantity("node", LENGTH)
        node_nm = node.value if node else self.node_nm
        if node_nm is not None:
            self.nodes[name] = node_nm
        return name

    def _word(self, fields: Fields, default: int) -> int:
        quantity = fields.quantity("word", WORD, "word_bits")
        if quantity is None:
            return default
        if not 1 <= quantity.value <= 2**20 or quantity.value % 1:
            key = "word" if "word" in fields else "word_bits"
            fields.fault(
                key, f"{fields.label(key)} is {shown(fields.raw(key))}; expected a whole number of bits from 1 to 2**20"
            )
            return default
        return int(quantity.value)

    def _size(self, fields: Fields, word_bits: int) -> float:
        size = fields.quantity("size", SIZE, "size_bits")
        if size is None:
            return math.inf
        return size.value * word_bits if size.unit == "word" else size.value

    def _buffering(self, fields: Fields) -> float:
        value = fields.number("buffering", 1.0)
        if not 1 <= value < math.inf:
            fields.fault(
                "buffering", f"{fields.label('buffering')} is {shown(fields.raw('buffering'))}; expected 1 or more"
            )
            return 1.0
        return value

    def _bandwidth(self, fields: Fields, key: str, word_bits: int) -> float | None:
        given = fields.quantity(key, BANDWIDTH)
        if given is None or math.isinf(given.value):
            return None
        value = given.value if given.unit.startswith("word") else given.value / word_bits
        if given.unit.endswith("/s"):
            value /= self._clock(fields, key)
        if not value > 0:
            fields.fault(key, f"{fields.label(key)} is {shown(fields.raw(key))}; expected more than 0")
            return None
        return value

    def _clock(self, fields: Fields, key: str) -> float:
        if not self.clock_hz:
            hint = "write clock: 1 GHz in the architecture"
            fields.fault(key, f"{fields.label(key)} is given per second, and the architecture has no clock", hint)
        return self.clock_hz or 1.0

    def _leak(self, fields: Fields) -> float:
        leak = fields.quantity("leak", LEAKAGE, "leak_pj")
        if leak is None:
            return 0.0
        if leak.unit == "W" and leak.value:
            return leak.value * 1e12 / self._clock(fields, "leak")
        return _finite(fields, "leak" if "leak" in fields else "leak_pj", leak.value)

    def _area(self, fields: Fields) -> float:
        area = fields.quantity("area", AREA, "area_um2")
        return _finite(fields, "area" if "area" in fields else "area_um2", area.value) if area else 0.0

    def _energies(
        self, fields: Fields, name: str, block: int, word_bits: int, *, needed: bool
    ) -> tuple[float, float, float]:
        """Energy in pJ per access of one block, for read, write and update; update costs what write costs unless given."""
        if "energy" in fields and not isinstance(fields.raw("energy"), YamlMap):
            one = _finite(fields, "energy", _per_block(fields.quantity("energy", ENERGY), block, word_bits))
            return one, one, one
        keys = ("read", "write", "update", "read_pj", "write_pj", "update_pj")
        value: Value = fields.raw("energy") if "energy" in fields else YamlMap(fields.place)
        inner = Fields(value, fields.at("energy"), f"the energy of {name!r}", keys, self.scope)
        found: dict[str, float] = {}
        for action in keys[:3]:
            key = f"{action}_pj" if f"{action}_pj" in inner else action
            if key in inner:
                found[action] = _finite(
                    inner, key, _per_block(inner.quantity(action, ENERGY, f"{action}_pj"), block, word_bits)
                )
        missing = [action for action in keys[:2] if action not in found]
        if missing and needed:
            self.unpriced.append(name if len(missing) == 2 else f"{name} ({missing[0]})")
        write = found.get("write", 0.0)
        return found.get("read", 0.0), write, found.get("update", write)

    def _fanout(self, fields: Fields) -> Fanout:
        if "fanout" not in fields:
            return Fanout()
        value = fields.raw("fanout")
        if not isinstance(value, YamlMap):
            x, y = fields.shape("fanout") or (1, 1)
            return Fanout(x, y)
        keys = ("x", "y", "no_multicast", "reshapeable", "fill_latency", "drain_latency")
        inner = Fields(value, fields.at("fanout"), f"the fanout of {fields.what}", keys, self.scope)
        return Fanout(
            x=inner.integer("x", 1),
            y=inner.integer("y", 1),
            no_multicast=frozenset(inner.words("no_multicast")),
            reshapeable=inner.flag("reshapeable"),
            fill_latency=inner.integer("fill_latency", 0, least=0),
            drain_latency=inner.integer("drain_latency", 0, least=0),
        )


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
