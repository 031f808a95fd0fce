"""Mapspaces: all mappings of a workload on an architecture under constraints; counted, sampled, listed, walked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archloom.architecture.hierarchy import Architecture
from archloom.errors import InfeasibleError, InputError
from archloom.mapping.nest import Mapping as LoopMapping
from archloom.mapspace.axes import Axis, restricted
from archloom.mapspace.constraints import Given, as_constraints
from archloom.mapspace.counting import count
from archloom.mapspace.enumeration import Enumerator
from archloom.mapspace.membership import first_fault, obeys
from archloom.mapspace.neighbours import steps_from
from archloom.mapspace.part import Part
from archloom.mapspace.projections import (
    count_orders,
    count_parallelisms,
    count_residencies,
    count_shapes,
    count_tilings,
)
from archloom.mapspace.resolve import resolve
from archloom.mapspace.rules import Axes, Cuts, Rules
from archloom.mapspace.sampling import Sampler
from archloom.model.arrays import MappingBatch, pack
from archloom.workload.einsum import Workload

__all__ = ["MapSpace", "SpaceSize"]

LISTED = 10_000_000
"""Enumeration refuses larger spaces unless told otherwise."""


@dataclass(frozen=True)
class SpaceSize:
    """How large a mapspace is: `total` mappings, and how many different values each axis takes among them."""

    total: int
    axes: Mapping[Axis, int]

    def __str__(self) -> str:
        per_axis = ", ".join(f"{axis.value} {many:,}" for axis, many in self.axes.items())
        return f"{self.total:,} mappings ({per_axis})"


class MapSpace:
    """All mappings of `workload` on `architecture` that obey `constraints`.

    `constraints` may also be what a file was loaded into (by `archloom.load` or `archloom.interop.timeloop.load`).
    `cuts`: tiles end at the border of their level's block (`level`), or anywhere inside it (`free`). `padding`: factors may cover a
    bound instead of multiplying to it (`archloom.mapspace.factors` says which covers count). Tiles may exceed their memory:
    the model says so, and what it prices as infinite is in the space all the same.
    Raises InputError with every fault of the constraints.

    `architecture` is the one to evaluate on: it has the constraints on multicast in its fanouts. `parts` are the rules: one table, or
    a few without common mappings where a permutation across a fanout ties dims together. `warnings` are sentences for the user.

    >>> from archloom.architecture.hierarchy import Memory
    >>> from archloom.workload.einsum import einsum
    >>> dot = einsum("O[m] += W[m,k] * I[k]", {"m": 2, "k": 4})
    >>> space = MapSpace(dot, Architecture("two", (Memory("buffer", keep={"all"}), Memory("RAM"))))
    >>> print(space.size())
    10 mappings (tiling 6, order 10, parallelism 1, shape 1, residency 1)
    """

    def __init__(
        self,
        workload: Workload,
        architecture: Architecture,
        constraints: Given = None,
        *,
        cuts: Literal["level", "free"] = "level",
        padding: bool = False,
    ) -> None:
        if cuts not in ("level", "free"):
            raise InputError(f"cuts is {cuts!r}; expected 'level' or 'free'")
        given = as_constraints(constraints)
        resolved = resolve(workload, architecture, given, cuts=Cuts(cuts), padding=padding)
        self.workload = workload
        self.architecture = resolved.architecture
        self.constraints = given
        self.parts = resolved.parts
        self.warnings = resolved.warnings

    def __repr__(self) -> str:
        return f"MapSpace({self.workload.name!r} on {self.architecture.name!r}, {self.total:,} mappings)"

    @property
    def cuts(self) -> str:
        return self.parts[0].cuts.value

    @property
    def padding(self) -> bool:
        return self.parts[0].padding

    @cached_property
    def rules(self) -> Rules:
        """One table of rules that all mappings of the space obey; with a single part, exactly these do."""
        return reduce(_hull, self.parts)

    @cached_property
    def unconstrained(self) -> MapSpace:
        """The same space without constraints."""
        return MapSpace(self.workload, self.architecture, cuts=self.parts[0].cuts.value, padding=self.padding)

    def fixed(self, mapping: LoopMapping, *axes: Axis) -> MapSpace:
        """The mappings of the space that are like `mapping` along some axes."""
        batch = pack(self.workload, self.architecture, [mapping])
        found = object.__new__(MapSpace)
        found.__dict__.update(
            {name: getattr(self, name) for name in ("workload", "architecture", "constraints", "warnings")}
        )
        found.parts = tuple(restricted(rules, batch, 0, axes) for rules in self.parts)
        return found

    def isolated(self, axis: Axis, mapping: LoopMapping) -> MapSpace:
        """The mappings of the space that differ from `mapping` along one axis only."""
        return self.fixed(mapping, *(other for other in Axis if other is not axis))

    # -- counting --------------------------------------------------------------------------------------------------------

    @cached_property
    def _parts(self) -> list[Part]:
        return [Part(rules) for rules in self.parts]

    @cached_property
    def _counts(self) -> list[int]:
        return [count(part) for part in self._parts]

    @cached_property
    def total(self) -> int:
        """The exact number of mappings: distinct tilings on mesh axes, orders of the loops that are there, and residencies."""
        return sum(self._counts)

    def size(self) -> SpaceSize:
        """The exact number of mappings, and of the values that each axis takes among them."""
        parts = self._parts
        return SpaceSize(
            self.total,
            {
                Axis.TILING: count_tilings(parts),
                Axis.ORDER: count_orders(parts, Part(self.rules)),
                Axis.PARALLELISM: count_parallelisms(parts),
                Axis.SHAPE: count_shapes(parts),
                Axis.RESIDENCY: count_residencies(parts),
            },
        )

    def why_empty(self) -> str | None:
        """Why there is no mapping at all, in a sentence; None if there is one."""
        if any(not part.is_empty for part in self._parts):
            return None
        for d, dim in enumerate(self.workload.dims):
            if all(not len(part.choices[d].placed) for part in self._parts):
                kind = "cover" if self.padding else "factorisation"
                return (
                    f"no {kind} of the bound {self.workload.bounds[dim]} of {dim!r} obeys the constraints on its loops"
                )
        return "no tiling obeys the constraints and the sizes of the fanouts for all dims together"

    def _check_not_empty(self) -> None:
        reason = self.why_empty()
        if reason is not None:
            raise InfeasibleError(
                f"the mapspace of {self.workload.name!r} on {self.architecture.name!r} is empty: {reason}"
            )

    # -- drawing and listing ---------------------------------------------------------------------------------------------

    @cached_property
    def _samplers(self) -> list[Sampler]:
        return [Sampler(part) for part in self._parts]

    def sample(self, n: int, seed: int | np.random.Generator = 0) -> MappingBatch:
        """`n` mappings, independent, each with the same probability (to the rounding of float64); raises InfeasibleError if there are none.

        The same seed and version give the same mappings.
        """
        self._check_not_empty()
        rng = np.random.default_rng(seed)
        if len(self.parts) == 1:
            return self._samplers[0].sample(n, rng)
        shares = np.array([many / self.total for many in self._counts])
        drawn = rng.multinomial(n, shares / shares.sum())
        batches = [sampler.sample(int(many), rng) for sampler, many in zip(self._samplers, drawn, strict=True) if many]
        return _taken(_joined(batches), rng.permutation(n)) if batches else self._nothing()

    def enumerate(self, *, limit: int = LISTED, block: int = 65536) -> Iterator[MappingBatch]:
        """Every mapping of the space once, in blocks of at most `block`; raises InputError for more than `limit` of them."""
        if self.total > limit:
            raise InputError(
                f"the mapspace has {self.total:,} mappings; at most {limit:,} are listed",
                hint="sample it, narrow it by constraints, or raise the limit",
            )
        for part in self._parts:
            yield from Enumerator(part, block).batches()

    # -- single mappings -------------------------------------------------------------------------------------------------

    def contains(self, mapping: LoopMapping) -> str | None:
        """None if the mapping is in the space, else why it is not, in a sentence. Capacity is not looked at."""
        try:
            batch = pack(self.workload, self.architecture, [mapping])
        except InputError as error:
            return str(error.faults[0])
        reason = first_fault(self.rules, batch, self.workload, self.architecture)
        if reason is None and not self.admits(batch)[0]:
            tied = [
                name
                for at, name in enumerate(self.architecture.names)
                if len({rules.x[at] for rules in self.parts}) > 1
            ]
            return (
                f"the permutation across {' and '.join(tied)} does not let these dims lie on these mesh axes together"
            )
        return reason

    def admits(self, batch: MappingBatch) -> NDArray[np.bool_]:
        """[B]: whether each mapping of a batch is in the space."""
        return reduce(np.logical_or, (obeys(rules, batch) for rules in self.parts))

    def neighbours(self, mapping: LoopMapping | MappingBatch, row: int = 0) -> MappingBatch:
        """The mappings of the space that are one step from a mapping (or from a row of a batch); see `archloom.mapspace.neighbours`."""
        if isinstance(mapping, LoopMapping):
            mapping = pack(self.workload, self.architecture, [mapping])
        found = steps_from(self.rules, mapping, row)
        return _taken(found, np.flatnonzero(self.admits(found)))

    def mapping(self, batch: MappingBatch, row: int = 0) -> LoopMapping:
        """A row of a batch as a mapping."""
        return batch.mapping(row, self.workload, self.architecture, padding=self.padding)

    def fills_enough(self, tile_words: NDArray[Any]) -> NDArray[np.bool_]:
        """[B]: whether tiles of `tile_words` [L, T, B] words (0 where bypassed) use the least share of each level's usable bits."""
        passed = np.ones(tile_words.shape[-1], bool)
        for at, level in enumerate(self.architecture.levels):
            least = self.rules.min_fill[at] * level.size_bits / level.buffering
            if self.rules.min_fill[at] > 0 and np.isfinite(least):
                bits = np.array([level.tensor_bits(tensor) for tensor in self.workload.tensors])
                passed &= (tile_words[at] * bits[:, None]).sum(axis=0) >= least
        return passed

    def _nothing(self) -> MappingBatch:
        return _taken(self._samplers[0].sample(1, np.random.default_rng(0)), np.arange(0))


def _hull(one: Rules, two: Rules) -> Rules:
    def either(a: Axes, b: Axes) -> Axes:
        return tuple(tuple(s | t for s, t in zip(x, y, strict=True)) for x, y in zip(a, b, strict=True))

    return replace(one, x=either(one.x, two.x), y=either(one.y, two.y))


def _tables(batch: MappingBatch) -> tuple[Any, ...]:
    return batch.temporal, batch.order, batch.x, batch.y, batch.keep, batch.cut


def _taken(batch: MappingBatch, rows: NDArray[np.signedinteger]) -> MappingBatch:
    return MappingBatch(*(None if table is None else table[..., rows] for table in _tables(batch)))


def _joined(batches: list[MappingBatch]) -> MappingBatch:
    tables = zip(*map(_tables, batches), strict=True)
    return MappingBatch(*(None if some[0] is None else np.concatenate(some, axis=-1) for some in tables))
