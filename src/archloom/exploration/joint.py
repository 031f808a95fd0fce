"""The joint space of designs and mappings: every design with one mapping per layer, and memories as large as these need."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from archloom.errors import InfeasibleError, InputError
from archloom.exploration.base import Designs, Points
from archloom.exploration.filling import best_filled, chosen, emptied, on_meshes, put
from archloom.mapspace.space import MapSpace
from archloom.model.arrays import MappingBatch
from archloom.search.base import joined, rows_of
from archloom.search.fitting import tile_words
from archloom.search.moves import Moves as MappingMoves
from archloom.workload.einsum import Workload

__all__ = ["JointSpace", "MappingRows", "by_template"]

MappingRows = tuple[MappingBatch, ...]
"""A batch per distinct layer, a row per design."""

SIZE = re.compile(r"(?:architecture\.)?levels\.(?P<level>.+)\.size")


class Machinery(Protocol):
    """What is asked of the machines of a space (`exploration.machines.Machines`)."""

    @property
    def baseline(self) -> Any: ...
    def spec(self, design: NDArray[np.int64], /) -> Any: ...
    def structure(self, designs: Designs, /) -> NDArray[np.int64]: ...
    def lanes(self, designs: Designs, /) -> dict[str, NDArray[np.float64]]: ...


@dataclass(eq=False)
class JointSpace:
    """Designs of `points` on `machines`, with mappings of `workloads` (the distinct layers) whose tiles are cut by `cuts`."""

    points: Points
    machines: Machinery
    workloads: Sequence[Workload]
    cuts: str = "level"
    padding: bool = False
    _templates: dict[int, int] = field(default_factory=dict[int, int], repr=False)
    _numbers: dict[Any, int] = field(default_factory=dict[Any, int], repr=False)
    _spaces: dict[int, tuple[MapSpace, ...] | None] = field(default_factory=dict[int, Any], repr=False)

    @property
    def parameters(self) -> Sequence[Any]:
        return self.points.parameters

    @property
    def sized(self) -> dict[int, str]:
        """The free parameters that are the size of a level: column -> level."""
        found: dict[int, str] = {}
        for column, axis in enumerate(self.points.parameters):
            match = SIZE.fullmatch(getattr(axis, "path", axis.name))
            if match and axis.is_ordered:
                found[column] = match["level"]
        return found

    def largest(self, designs: Designs) -> Designs:
        """The designs with the largest value of each size that the space admits with the rest as it is."""
        result, before = designs.copy(), None
        while before is None or not np.array_equal(result, before):  # a constraint may let one size follow another
            before = result.copy()
            for column in self.sized:
                capacity = self._capacities(result, column)
                for value in np.argsort(capacity.max(axis=1), kind="stable"):
                    tried = result.copy()
                    tried[:, column] = value
                    fine = self.points.admits(tried)
                    fine &= capacity[value] >= capacity[result[:, column], np.arange(len(result))]
                    result[fine] = tried[fine]
        return result

    def templates(self, designs: Designs) -> NDArray[np.int64]:
        """[B]: equal numbers for designs on which the same mappings are possible, with the largest memories; -1 where there are none.

        Structures (`Machines.structure`) that differ in what a mapping costs but not in which there are, such as the width of a
        memory, have one template.
        """
        codes = self.machines.structure(designs)
        for code in np.unique(codes):
            if int(code) not in self._templates:
                self._templates[int(code)] = self._template(designs[int(np.argmax(codes == code))])
        return np.array([self._templates[int(code)] for code in codes], dtype=np.int64)

    def spaces(self, template: int) -> tuple[MapSpace, ...]:
        """The mapspaces of the layers on a template."""
        found = self._spaces[template]
        assert found is not None
        return found

    def _template(self, design: NDArray[np.int64]) -> int:
        try:
            spec = self.machines.spec(self.largest(design[None, :])[0])
        except (InputError, InfeasibleError):
            return -1
        sizes = tuple(
            (level.size_bits, level.buffering, level.word_bits, level.fanout) for level in spec.architecture.levels
        )
        keeps = tuple((level.name, level.keep, level.bypass) for level in spec.architecture.levels)
        key = sizes, keeps, repr(spec.constraints)
        if key not in self._numbers:
            number = len(self._numbers)
            self._spaces[number] = self._mapspaces(spec)
            self._numbers[key] = number if self._spaces[number] is not None else -1
        return self._numbers[key]

    def _mapspaces(self, spec: Any) -> tuple[MapSpace, ...] | None:
        rules = spec.mapspace_constraints() if spec.constraints else None
        cuts = "free" if self.cuts == "free" else "level"
        try:
            spaces = tuple(
                MapSpace(workload, spec.architecture, rules, cuts=cuts, padding=self.padding)
                for workload in self.workloads
            )
        except (InputError, InfeasibleError):
            return None
        return None if any(space.why_empty() for space in spaces) else spaces

    def fitted(self, designs: Designs, mappings: MappingRows) -> Designs:
        """Each design with every size at its least value that holds the tiles of its mappings; at its largest where none does."""
        result, needs, before = self.largest(designs), self._needs(designs, mappings), None
        while before is None or not np.array_equal(result, before):
            before = result.copy()
            for column, level in self.sized.items():
                capacity = self._capacities(result, column)
                done = np.zeros(len(designs), bool)
                for value in np.argsort(capacity.max(axis=1), kind="stable"):
                    tried = result.copy()
                    tried[:, column] = value
                    fine = ~done & (capacity[value] >= needs[level]) & self.points.admits(tried)
                    result[fine] = tried[fine]
                    done |= fine
        return result

    def _capacities(self, designs: Designs, column: int) -> NDArray[np.float64]:
        """[values, B]: the bits of a level for each value of its size."""
        level, many = self.sized[column], len(self.points.parameters[column].values)
        tried = np.tile(designs, (many, 1))
        tried[:, column] = np.repeat(np.arange(many), len(designs))
        usual = self.machines.baseline.architecture.level(level).size_bits
        bits = self.machines.lanes(tried).get(f"{level}.size_bits", np.full(len(tried), usual))
        return np.nan_to_num(bits, nan=0.0).reshape(many, len(designs))  # what cannot be built holds nothing

    def _needs(self, designs: Designs, mappings: MappingRows) -> dict[str, NDArray[np.float64]]:
        """Bits that the tiles of each design's mappings take at the levels whose size is free, at most over the layers."""
        needs = {level: np.zeros(len(designs)) for level in self.sized.values()}

        def add(rows: NDArray[np.intp], spaces: tuple[MapSpace, ...]) -> None:
            for space, batch in zip(spaces, mappings, strict=True):
                words = tile_words(space, rows_of(batch, rows))
                for name, need in needs.items():
                    at = space.architecture.index(name)
                    level = space.architecture.levels[at]
                    bits = np.array([level.tensor_bits(tensor) for tensor in space.workload.tensors], float)
                    used = (words[at] * bits[:, None]).sum(axis=0) * level.buffering
                    need[rows] = np.maximum(need[rows], used)

        by_template(self, designs, add)
        return needs

    # -- mappings of many designs -----------------------------------------------------------------------------------------

    def fresh(self, designs: Designs, rng: np.random.Generator, draws: int = 1) -> tuple[Designs, MappingRows]:
        """The designs that have mappings at all, with mappings drawn at random for each, of `draws` those that use most of the array."""

        def draw(moves: MappingMoves, _layer: int, rows: NDArray[np.intp]) -> MappingBatch:
            return best_filled(moves, moves.fresh(len(rows), rng), rng, draws)

        return self._rebuilt(designs, draw)

    def mutated(
        self, designs: Designs, mappings: MappingRows, rng: np.random.Generator, rates: Mapping[str, float], draws: int
    ) -> MappingRows:
        """The mappings changed along each axis of a mapping in a share of the layers: `rates` by axis (`search.moves.KINDS`).

        `filling` is an axis too: what lies across one or both axes of the meshes comes out, and the array is filled anew.
        """

        def change(moves: MappingMoves, layer: int, rows: NDArray[np.intp]) -> MappingBatch:
            batch = rows_of(mappings[layer], rows)
            for kind, rate in rates.items():
                drawn = np.flatnonzero(rng.random(len(rows)) < rate)
                if not len(drawn):
                    continue
                part = rows_of(batch, drawn)
                if kind == "filling":
                    part = best_filled(moves, emptied(moves.space, part, rng.random((2, len(drawn))) < 0.5), rng, draws)
                elif kind in moves.kinds:
                    part = moves.mutated(part, rng, most=2, kinds=(kind,))
                batch = put(batch, drawn, part)
            return batch

        return self._rebuilt(designs, change)[1]

    def crossed(self, designs: Designs, one: MappingRows, two: MappingRows, rng: np.random.Generator) -> MappingRows:
        """Per layer the mapping of either parent, or a crossover of both; all of the same structure."""

        def cross(moves: MappingMoves, layer: int, rows: NDArray[np.intp]) -> MappingBatch:
            a, b = rows_of(one[layer], rows), rows_of(two[layer], rows)
            whole = chosen(rng.random(len(rows)) < 0.5, a, b)
            return chosen(rng.random(len(rows)) < 0.5, moves.crossed(a, b, rng), whole)

        return self._rebuilt(designs, cross)[1]

    def moved(
        self, designs: Designs, mappings: MappingRows, rng: np.random.Generator, draws: int, others: NDArray[np.bool_]
    ) -> MappingRows:
        """Mappings on these designs; `others` [B] says where they were made for other meshes, which they now fill.

        Trips that a mesh has no room for go into time, and others into space; what is still outside the rules is drawn anew.
        """

        def settle(moves: MappingMoves, layer: int, rows: NDArray[np.intp]) -> MappingBatch:
            old = rows_of(mappings[layer], rows)
            new = np.flatnonzero(others[rows])
            if not len(new):
                return moves.repaired(old, rng)
            part = on_meshes(moves.space, rows_of(old, new))
            part = chosen(moves.space.admits(part), part, moves.fresh(len(new), rng))
            return moves.repaired(put(old, new, best_filled(moves, part, rng, draws)), rng)

        return self._rebuilt(designs, settle)[1]

    def _rebuilt(
        self, designs: Designs, make: Callable[[MappingMoves, int, NDArray[np.intp]], MappingBatch]
    ) -> tuple[Designs, MappingRows]:
        """Mappings made template by template and layer by layer, put back in the order of the designs; others are left out."""
        parts: list[tuple[NDArray[np.intp], MappingRows]] = []

        def add(rows: NDArray[np.intp], spaces: tuple[MapSpace, ...]) -> None:
            made = tuple(make(MappingMoves(space), layer, rows) for layer, space in enumerate(spaces))
            parts.append((rows, made))

        by_template(self, designs, add)
        if not parts:
            raise InfeasibleError("no design that was drawn has a mapping for every layer")
        order = np.concatenate([rows for rows, _ in parts])
        sorting = np.argsort(order, kind="stable")
        layers = zip(*(made for _, made in parts), strict=True)
        return designs[order[sorting]], tuple(rows_of(joined(batches), sorting) for batches in layers)


def by_template(
    joint: JointSpace, designs: Designs, do: Callable[[NDArray[np.intp], tuple[MapSpace, ...]], None]
) -> None:
    """Call `do(rows, mapspaces)` for each group of designs with the same template that has mappings, in the order of their first rows."""
    templates = joint.templates(designs)
    different, first = np.unique(templates, return_index=True)
    for template in different[np.argsort(first)].tolist():
        if template >= 0:
            do(np.flatnonzero(templates == template), joint.spaces(template))
