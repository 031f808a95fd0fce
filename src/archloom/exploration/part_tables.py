"""Tables of one part of a machine: its numbers for each combination of the parameters that it depends on, read when first needed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from archloom.architecture.hierarchy import Architecture, Memory
from archloom.errors import ArchloomError
from archloom.exploration.base import Designs
from archloom.exploration.dependencies import ASPECTS, COMPUTE, MACHINE, RULES, Part
from archloom.exploration.design_space import DesignSpace
from archloom.spec.load import Spec

__all__ = ["FIELDS", "LEVEL_FIELDS", "PartTable", "level_of", "number_of"]

FIELDS: dict[str, tuple[str, ...]] = {
    "size": ("size_bits", "holds_bits"),
    "fanout": ("fanout.x", "fanout.y"),
    "bandwidth": ("read_bandwidth", "write_bandwidth", "shared_bandwidth"),
    "energy": ("read_pj", "write_pj", "update_pj"),
    "costs": ("leak_pj", "area_um2"),
    "form": (),
    COMPUTE: ("energy_pj", "leak_pj", "area_um2"),
    MACHINE: ("clock_hz",),
    RULES: (),
}
"""The numbers of each part; `holds_bits` is the size, but 0 for a pure fanout. A bandwidth or clock that is absent is inf or nan."""

LEVEL_FIELDS = {field: aspect for aspect in ASPECTS for field in FIELDS[aspect]}
"""Which aspect of a level each of its numbers belongs to."""

DENSE = 1 << 22
"""Combinations for which there is an index of rows; beyond, a dictionary."""
GROW = 64


class Readers(Protocol):
    """Who reads the machine of a design."""

    @property
    def space(self) -> DesignSpace: ...
    def spec(self, design: NDArray[np.int64], /) -> Spec: ...


def level_of(machine: Architecture, level: int) -> Memory:
    """The level with this number, counted outer to inner as files list them."""
    return machine.levels[len(machine.levels) - 1 - level]


def number_of(spec: Spec, part: Part, name: str) -> float:
    """One of the FIELDS of a part."""
    machine = spec.architecture
    assert machine is not None
    if part == MACHINE:
        return math.nan if spec.clock_hz is None else spec.clock_hz
    if not isinstance(part, tuple):
        return getattr(machine.compute, name)
    own = level_of(machine, part[0])
    if name == "holds_bits":
        return 0.0 if "all" in own.bypass and own.size_bits == math.inf else own.size_bits
    value = getattr(own.fanout, name[-1]) if name.startswith("fanout.") else getattr(own, name)
    return math.inf if value is None else value


def _kind_of(spec: Spec, part: Part) -> Any:
    """All of a part that a mapping's counts and legality depend on, apart from prices and sizes."""
    machine = spec.architecture
    assert machine is not None
    if part == MACHINE:
        return machine.pooled, machine.names
    if part == RULES:
        return repr([(rule.level, *(getattr(rule, name) for name in _RULES)) for rule in spec.constraints])
    if part == COMPUTE:
        return machine.compute.name, machine.compute.word_bits
    assert isinstance(part, tuple)
    if part[1] != "form":
        return None
    own = level_of(machine, part[0])
    words = tuple(sorted(words) for words in (own.keep, own.bypass, own.fanout.no_multicast))
    fanout = own.fanout
    mesh = (fanout.x, fanout.y, fanout.reshapeable, fanout.fill_latency, fanout.drain_latency)
    return repr((own.name, own.word_bits, own.block, own.cluster, own.buffering, own.power_gated_at, words, mesh))


_RULES = ("keep", "bypass", "temporal", "x", "y", "spatial", "no_multicast", "no_reuse", "parallelism", "utilization")


class PartTable:
    """The rows read so far: `numbers` [fields, rows], `kinds` [rows] (a number per structure, -1: cannot be built), `reasons`."""

    def __init__(
        self, part: Part, machines: Readers, parameters: tuple[int, ...], reference: NDArray[np.int64]
    ) -> None:
        self.part = part
        self.fields = FIELDS[part[1] if isinstance(part, tuple) else part]
        self.parameters = parameters
        self.reasons: list[str] = []
        self._machines, self._reference = machines, reference
        self._sizes = [len(machines.space.parameters[at]) for at in parameters]
        self._many = math.prod(self._sizes)
        self._dense = np.full(self._many, -1, np.int32) if self._many <= DENSE else None
        self._known: dict[int, int] = {}
        self._codes: dict[Any, int] = {}
        self._numbers = np.empty((len(self.fields), GROW))
        self._kinds = np.empty(GROW, np.int64)

    @property
    def numbers(self) -> NDArray[np.float64]:
        return self._numbers[:, : len(self.reasons)]

    @property
    def kinds(self) -> NDArray[np.int64]:
        return self._kinds[: len(self.reasons)]

    def column(self, name: str, designs: Designs) -> NDArray[np.float64]:
        """[B]: one of the part's FIELDS."""
        rows = self.rows(designs)
        return self.numbers[self.fields.index(name)][rows]

    def keys(self, designs: Designs) -> NDArray[Any]:
        """[B]: which combination of this part's parameters."""
        keys = np.zeros(len(designs), np.int64 if self._many < 2**62 else object)
        for at, size in zip(self.parameters, self._sizes, strict=True):
            keys = keys * size + designs[:, at]
        return keys

    def rows(self, designs: Designs) -> NDArray[np.int64]:
        """[B]: the row of each design."""
        keys = self.keys(designs)
        if self._dense is not None:
            rows = self._dense[keys]
            if (rows < 0).any():
                self._learn(designs, keys, rows < 0)
                rows = self._dense[keys]
            return rows.astype(np.int64)
        different, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        for key, row in zip(different.tolist(), first.tolist(), strict=True):
            if key not in self._known:
                self._known[key] = self._read(designs[row])
        return np.array([self._known[key] for key in different.tolist()], np.int64)[inverse]

    def _learn(self, designs: Designs, keys: NDArray[Any], missing: NDArray[np.bool_]) -> None:
        assert self._dense is not None
        at = np.flatnonzero(missing)
        different, first = np.unique(keys[at], return_index=True)
        for key, row in zip(different.tolist(), at[first].tolist(), strict=True):
            self._dense[key] = self._read(designs[row])

    def _read(self, design: NDArray[np.int64]) -> int:
        """Read the machine with this design's values of the part's parameters; the number of the new row."""
        row = len(self.reasons)
        if row == self._numbers.shape[1]:
            self._numbers = np.concatenate((self._numbers, np.empty_like(self._numbers)), axis=1)
            self._kinds = np.concatenate((self._kinds, np.empty_like(self._kinds)))
        try:
            spec = self._spec(design)
        except ArchloomError as error:
            self._numbers[:, row], self._kinds[row] = math.nan, -1
            self.reasons.append(str(error))
            return row
        self._numbers[:, row] = [number_of(spec, self.part, name) for name in self.fields]
        self._kinds[row] = self._codes.setdefault(_kind_of(spec, self.part), len(self._codes))
        self.reasons.append("")
        return row

    def _spec(self, design: NDArray[np.int64]) -> Spec:
        """The machine of the design or, where another part of it cannot be built, of one with the same values for this part."""
        try:
            return self._machines.spec(design)
        except ArchloomError:
            varied = self._reference.copy()
            own = list(self.parameters)
            varied[own] = design[own]
            return self._machines.spec(varied)

    def variants(self, most: int = 16) -> Iterator[NDArray[np.int64]]:
        """Designs that differ from the reference in one of this part's parameters, at most so many for each."""
        yield self._reference
        for at, size in zip(self.parameters, self._sizes, strict=True):
            for value in np.unique(np.linspace(0, size - 1, min(size, most)).astype(np.int64)).tolist():
                design = self._reference.copy()
                design[at] = value
                yield design
