"""Mapping sections of YAML files: the loops and the residency of each level, outer to inner."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archloom.architecture.hierarchy import Architecture, Memory
from archloom.errors import InputError, Place, did_you_mean
from archloom.mapping import text as nest_text
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.spec.fields import Fields, Scope
from archloom.spec.values import Value, YamlMap, shown
from archloom.workload.einsum import MAX_BOUND, Tensor, Workload

__all__ = ["read_mapping"]

_KEYS = ("levels", "padding")
_LEVEL_KEYS = ("level", "temporal", "x", "y", "keep", "bypass", "cut", "mesh")
_TOKEN = re.compile(r"[^\s,]+")
_LOOP = re.compile(r"(?:([^\W\d]\w*)=|([^\W\d](?:\w*[^\W\d])?))([0-9]{1,13})")


def read_mapping(
    value: Value, place: Place, scope: Scope, workload: Workload, architecture: Architecture
) -> Mapping | None:
    """Read a mapping section, or loop-nest text; None, with faults in `scope`, when it has any."""
    if isinstance(value, str):
        return _from_text(value, place, scope, workload, architecture)
    before = len(scope.faults)
    if not isinstance(value, YamlMap):
        hint = "write 'levels:' above the list" if isinstance(value, list) else None
        scope.fault(
            f"the mapping is {shown(value)}; expected a mapping with the key 'levels', or loop-nest text", place, hint
        )
        return None
    fields = Fields(value, place, "the mapping", _KEYS, scope)
    fields.require("levels")
    reader = _Reader(scope, workload, architecture)
    for item, where in fields.items("levels", of="levels, outer to inner"):
        reader.level(item, where)
    padding = fields.flag("padding")
    if len(scope.faults) > before:
        return None
    nests = [reader.nests.get(level.name) or reader.empty(level) for level in architecture.levels]
    mapping = Mapping(tuple(nests), padding)
    try:
        mapping.check(workload, architecture)
    except InputError as error:
        scope.adopt(error, fields.at("levels"))
        return None
    return mapping


def _from_text(text: str, place: Place, scope: Scope, workload: Workload, architecture: Architecture) -> Mapping | None:
    try:
        return nest_text.parse(text, workload, architecture, source=place.source)
    except InputError as error:
        # a block of text starts on the line after its `|`; how far it is indented is not known here
        for fault in error.faults:
            line = fault.place.line if fault.place else 0
            where = Place(place.source, place.line + line, 1) if line and place.line else place
            scope.fault(fault.message, where, fault.hint)
        return None


class _Reader:
    """Reads the levels of one mapping for its workload and architecture."""

    def __init__(self, scope: Scope, workload: Workload, architecture: Architecture) -> None:
        self.scope = scope
        self.workload = workload
        self.tensors = {tensor.name: tensor for tensor in workload.tensors}
        self.memories = {level.name: level for level in reversed(architecture.levels)}
        self.order = list(self.memories)
        self.nests: dict[str, LevelNest] = {}
        self.places: dict[str, Place] = {}

    def empty(self, memory: Memory) -> LevelNest:
        """A level that the mapping does not mention: no loops, and it keeps what it may."""
        return LevelNest(memory.name, keep=self._allowed(memory))

    def level(self, value: Value, place: Place) -> None:
        what = (
            f"the mapping at {value['level']!r}"
            if isinstance(value, YamlMap) and isinstance(value.get("level"), str)
            else "a level of the mapping"
        )
        fields = Fields(value, place, what, _LEVEL_KEYS, self.scope)
        if not fields.require("level"):
            return
        name = fields.text("level", "")
        if not name or not self._in_order(name, fields.at("level")):
            return
        memory = self.memories[name]
        temporal, x, y = (tuple(self._loops(fields, key)) for key in ("temporal", "x", "y"))
        for dim in sorted({loop.dim for loop in x if loop.trip > 1} & {loop.dim for loop in y if loop.trip > 1}):
            fields.fault("y", f"{what}: {dim!r} is on both mesh axes; expected at most one")
        keep = self._keep(fields, memory)
        mesh = fields.shape("mesh")
        if mesh is not None and not memory.fanout.reshapeable:
            fields.fault("mesh", f"{what} gives a mesh, but the fanout of {name!r} is not reshapeable")
        self.nests[name] = LevelNest(name, temporal, x, y, keep, self._cut(fields, len(temporal)), mesh)

    def _in_order(self, name: str, place: Place) -> bool:
        """Whether the level exists and is inside the one before it."""
        if name not in self.memories:
            self.scope.fault(f"the architecture has no level {name!r}", place, did_you_mean(name, self.order))
            return False
        if name in self.places:
            self.scope.fault(f"the level {name!r} is given twice; it stands first at {self.places[name]}", place)
            return False
        outer = next(reversed(self.places), None)
        self.places[name] = place
        if outer is not None and self.order.index(name) < self.order.index(outer):
            self.scope.fault(
                f"the level {name!r} is outside {outer!r}; expected the levels outer to inner: {', '.join(self.order)}",
                place,
            )
        return True

    def _loops(self, fields: Fields, key: str) -> Iterator[Loop]:
        """The loops under `key`, outermost first: text like `M4 P2 h0=3`, or a mapping from dims to trips."""
        value = fields.raw(key)
        seen: set[str] = set()
        for loop, where in self._mapped(fields, key) if isinstance(value, YamlMap) else self._tokens(fields, key):
            if loop.dim not in self.workload.bounds:
                hint = did_you_mean(loop.dim, self.workload.bounds)
                self.scope.fault(f"{fields.what}: loop over {loop.dim!r}, which is not a dimension", where, hint)
            elif loop.dim in seen:
                self.scope.fault(f"{fields.what}: two {key} loops over {loop.dim!r}; merge them", where)
            seen.add(loop.dim)
            yield loop

    def _mapped(self, fields: Fields, key: str) -> Iterator[tuple[Loop, Place]]:
        for dim, trip, where in fields.entries(key, of="dimensions to trips"):
            number = self.scope.integer(trip, f"the trip count of {dim!r}", where, most=MAX_BOUND)
            yield Loop(dim, number or 1), where

    def _tokens(self, fields: Fields, key: str) -> Iterator[tuple[Loop, Place]]:
        value, place = fields.raw(key), fields.at(key)
        if value is None:
            return
        if not isinstance(value, str):
            fields.fault(key, f"{fields.label(key)} is {shown(value)}; expected loops like 'M4 P2'")
            return
        for match in _TOKEN.finditer(value):
            where = Place(place.source, place.line, place.column + match.start()) if place.line else place
            loop = _LOOP.fullmatch(match[0])
            if loop is None or not 1 <= int(loop[3]) <= MAX_BOUND:
                message = f"{shown(match[0])} is not a loop; expected a dimension and its trip count, like M4 or h0=4"
                self.scope.fault(message, where)
            else:
                yield Loop(loop[1] or loop[2], int(loop[3])), where

    def _allowed(self, memory: Memory) -> frozenset[str]:
        return frozenset(tensor.name for tensor in self.workload.tensors if memory.may_keep(tensor))

    def _keep(self, fields: Fields, memory: Memory) -> frozenset[str]:
        if "keep" not in fields:
            dropped = self._selected(fields, "bypass")
            for tensor in dropped:
                if memory.must_keep(tensor):
                    fields.fault(
                        "bypass", f"{fields.what} bypasses {tensor.name!r}, which the architecture keeps there"
                    )
            return self._allowed(memory) - {tensor.name for tensor in dropped}
        if "bypass" in fields:
            fields.fault("bypass", f"{fields.what} has both 'keep' and 'bypass'; expected one of them")
        kept = self._selected(fields, "keep")
        for tensor in kept:
            if not memory.may_keep(tensor):
                fields.fault("keep", f"{fields.what} keeps {tensor.name!r}, which the architecture bypasses there")
        for tensor in self.workload.tensors:
            if tensor not in kept and memory.must_keep(tensor):
                fields.fault("keep", f"{fields.what} does not keep {tensor.name!r}, which the architecture keeps there")
        return frozenset(tensor.name for tensor in kept)

    def _selected(self, fields: Fields, key: str) -> list[Tensor]:
        """The tensors named by selectors: a name, a role such as `inputs`, or `all`."""
        found: list[Tensor] = []
        for selector in fields.words(key):
            chosen = [tensor for tensor in self.workload.tensors if tensor.is_selected_by(frozenset({selector}))]
            if not chosen:
                hint = did_you_mean(selector, [*self.tensors, "all"])
                fields.fault(key, f"{fields.what}: {shown(selector)} selects no tensor of the workload", hint)
            found += chosen
        return found

    def _cut(self, fields: Fields, loops: int) -> dict[str, int]:
        cuts: dict[str, int] = {}
        for name, cut, where in fields.entries("cut", of="tensors to numbers of loops"):
            if name not in self.tensors:
                self.scope.fault(f"{fields.what}: {name!r} is not a tensor", where, did_you_mean(name, self.tensors))
            number = self.scope.integer(cut, f"the cut of {name!r}", where, least=0, most=loops)
            if number is not None:
                cuts[name] = number
        return cuts
