"""Architecture sections of YAML files: levels outer to inner, with units, lowered to the frozen core objects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.errors import InputError, Place, did_you_mean
from archloom.spec.costs_section import Array, CostReader
from archloom.spec.expressions import resolve_names
from archloom.spec.fields import Fields, Scope
from archloom.spec.pricing import COMPUTE_KEYS, LEVEL_KEYS, Request
from archloom.spec.quantities import BANDWIDTH, LENGTH, SIZE, WORD, Quantity
from archloom.spec.values import Value, YamlMap, shown
from archloom.spec.wiring import NO_WIRES, Wires, read_wires, with_wires

__all__ = ["ArchitectureSection", "read_architecture", "read_variables"]

DEFAULT_WORD_BITS = 16

_COMMON = ("name", "class", "node", "word", "word_bits", "energy", "leak", "leak_pj", "area", "area_um2")
_LEVEL_KEYS = (
    *_COMMON,
    *("size", "size_bits", "block", "cluster", "buffering", "read_bandwidth", "write_bandwidth", "shared_bandwidth"),
    *("keep", "bypass", "fanout", "power_gated_at", "width", "width_bits", "network"),
    *LEVEL_KEYS,
)
_COMPUTE_KEYS = (*_COMMON, "energy_pj", *COMPUTE_KEYS)
_KEYS = (
    *("name", "levels", "compute", "variables", "clock", "clock_hz", "word", "word_bits", "node", "pooled"),
    *("technology", "network", "components"),
)
_TIMELOOP_KEYS = ("subtree", "nodes", "version", "local")


@dataclass(frozen=True, slots=True)
class ArchitectureSection:
    """The machine that a section describes; each component's node in nm, what it asks the technology library for, and the clock."""

    architecture: Architecture
    nodes: Mapping[str, float]
    requests: Mapping[str, Request]
    clock_hz: float | None = None


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
    prices = reader.costs.library.prices
    wired = with_wires(levels, compute, reader.wires, reader.nodes, prices, reader.wire_warnings)
    try:
        architecture = Architecture(name, tuple(reversed(wired)), compute, pooled, prices)
    except InputError as error:
        for fault in error.faults:
            scope.fault(fault.message, reader.place_in(fault.message) or place, fault.hint)
        return None
    reader.costs.warn()
    scope.warnings += reader.wire_warnings
    return ArchitectureSection(architecture, reader.nodes, reader.costs.requests, reader.costs.clock_hz)


class _Reader:
    """Reads levels and compute units with the defaults of their architecture."""

    def __init__(self, fields: Fields, scope: Scope) -> None:
        self.scope = scope
        self.costs = CostReader(fields, scope)
        self.word_bits = self._word(fields, DEFAULT_WORD_BITS)
        node = fields.quantity("node", LENGTH)
        self.node_nm = node.value if node else None
        self.nodes: dict[str, float] = {}
        self.places: dict[str, Place] = {}
        self.gates: list[tuple[int, str, Place]] = []
        self.network = read_wires(fields, NO_WIRES, scope)
        self.wires: list[Wires] = []
        self.wire_warnings: list[str] = []

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
        size_bits, width = self._size(fields, word_bits), self._width(fields)
        block = fields.integer("block", max(1, width // word_bits) if width else 1)
        cluster = fields.integer("cluster", 1)
        keep, bypass = frozenset(fields.words("keep")), frozenset(fields.words("bypass"))
        array = Array(size_bits, word_bits, block, width, cluster, used="all" not in bypass)
        costs = self.costs.memory(fields, name, array, self.nodes.get(name))
        self.wires.append(read_wires(fields, self.network, self.scope))
        gate = fields.text("power_gated_at", name) if "power_gated_at" in fields else None
        if gate is not None:
            self.gates.append((len(self.places) - 1, gate, fields.at("power_gated_at")))
        return Memory(
            name=name,
            size_bits=size_bits,
            word_bits=word_bits,
            block=block,
            cluster=cluster,
            read_bandwidth=self._bandwidth(fields, "read_bandwidth", word_bits),
            write_bandwidth=self._bandwidth(fields, "write_bandwidth", word_bits),
            shared_bandwidth=self._bandwidth(fields, "shared_bandwidth", word_bits),
            buffering=self._buffering(fields),
            keep=keep,
            bypass=bypass,
            read_pj=costs.energy["read"],
            write_pj=costs.energy["write"],
            update_pj=costs.energy["update"],
            leak_pj=costs.leak_pj,
            power_gated_at=gate,
            area_um2=costs.area_um2,
            fanout=self._fanout(fields),
            kind=fields.text("class", "memory"),
        )

    def compute(self, outer: Fields) -> Compute:
        value: Value = outer.raw("compute") if "compute" in outer else YamlMap(outer.place)
        fields = Fields(value, outer.at("compute"), "the compute units", _COMPUTE_KEYS, self.scope)
        name = self._name(fields, "MAC")
        word_bits = self._word(fields, self.word_bits)
        costs = self.costs.compute(fields, name, word_bits, self.nodes.get(name))
        return Compute(
            name=name,
            energy_pj=costs.energy["compute"],
            leak_pj=costs.leak_pj,
            area_um2=costs.area_um2,
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

    def _width(self, fields: Fields) -> int | None:
        """Bits of one access, as a quantity or a bare number; None where the file leaves it to the block."""
        value = fields.raw("width")
        if isinstance(value, int | float) and not isinstance(value, bool):
            found: Quantity | None = Quantity(value, "bit")
        else:
            found = fields.quantity("width", WORD, "width_bits")
        if found is None:
            return None
        if not 1 <= found.value <= 2**30 or found.value % 1:
            key = "width" if "width" in fields else "width_bits"
            fields.fault(
                key, f"{fields.label(key)} is {shown(fields.raw(key))}; expected a whole number of bits from 1 to 2**30"
            )
            return None
        return int(found.value)

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
            value /= self.costs.clock(fields, key)
        if not value > 0:
            fields.fault(key, f"{fields.label(key)} is {shown(fields.raw(key))}; expected more than 0")
            return None
        return value

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
