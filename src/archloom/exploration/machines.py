"""The machines of a design space: one by one as files would describe them, and all of a batch at once as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.errors import ArchloomError, InputError, Place
from archloom.exploration.base import Designs
from archloom.exploration.dependencies import ASPECTS, COMPUTE, MACHINE, RULES, Part, Reading, parts_of
from archloom.exploration.design_space import DesignSpace
from archloom.exploration.part_tables import LEVEL_FIELDS, PartTable, level_of, number_of
from archloom.exploration.space_paths import full_path, levels_of
from archloom.spec.document import YamlMap
from archloom.spec.load import Spec, read_document
from archloom.spec.paths import set_value
from archloom.technology.component import Component
from archloom.technology.own import parse

__all__ = ["Machines"]

REMEMBERED = 512
"""Machines that are kept; all parts of a batch are read from the same ones."""
CHECKS = 24
"""So many random designs are read whole, to check what the tables of the parts say."""


@dataclass(frozen=True)
class Machines:
    """The machines that the designs of a space are, made from the file of the base machine (its `document`).

    The numbers of a batch come from a table per part of the machine (a level, the compute units), filled with what the ordinary
    reader of files says of each combination of the parameters that the part depends on. `tables`: the texts of the files with
    tables of components that the machine names, by path.
    """

    document: YamlMap
    space: DesignSpace
    tables: Mapping[str, str] = field(default_factory=dict[str, str])

    @cached_property
    def baseline(self) -> Spec:
        """The base machine as it is, parameters or not."""
        return self._read(self.document)

    def spec(self, design: NDArray[np.int64]) -> Spec:
        """The machine of one design with its constraints, by the ordinary reader; InputError where it cannot be built."""
        key = np.asarray(design, np.int64).tobytes()
        found = self._specs.get(key)
        if found is None:
            found = self._read(self._document_of(design))
            if len(self._specs) >= REMEMBERED:
                self._specs.clear()
            self._specs[key] = found
        return found

    @cached_property
    def _specs(self) -> dict[bytes, Spec]:
        return {}

    def structure(self, designs: Designs) -> NDArray[np.int64]:
        """[B]: equal numbers for designs on which a mapping has the same counts, -1 for those that cannot be built.

        They have the same meshes, levels, rules, blocks and word widths; sizes, energies, bandwidths, leakage and areas may differ.
        """
        code, broken = np.zeros(len(designs), np.int64), np.zeros(len(designs), bool)
        kinds: list[NDArray[np.int64]] = []
        for part, table in self._tables.items():
            rows = table.rows(designs)
            own = table.kinds[rows]
            broken |= own < 0
            if table.parameters and (not isinstance(part, tuple) or part[1] == "form"):
                kinds.append(own)
                _, code = np.unique(code * (int(own.max(initial=0)) + 2) + own + 1, return_inverse=True)
        _, first = np.unique(code, return_index=True)
        known = self._structures
        numbers = [known.setdefault(tuple(int(kind[row]) for kind in kinds), len(known)) for row in first.tolist()]
        return np.where(broken, -1, np.array(numbers, np.int64)[code]) if len(designs) else code

    @cached_property
    def _structures(self) -> dict[tuple[int, ...], int]:
        return {}

    def lanes(self, designs: Designs) -> dict[str, NDArray[np.float64]]:
        """`evaluate_batch(hardware=...)` of these designs: every number that differs between them, or from the base machine.

        Where some machines have a bandwidth and some have none, it is infinite for these. nan for designs that cannot be built.
        """
        base = self.baseline
        assert base.architecture is not None
        lanes: dict[str, NDArray[np.float64]] = {}
        for part, table in self._tables.items():
            if part in (MACHINE, RULES):
                continue
            own = level_of(base.architecture, part[0]) if isinstance(part, tuple) else base.architecture.compute
            rows = table.rows(designs)
            for at, name in enumerate(table.fields):
                column = table.numbers[at][rows]
                if name != "holds_bits" and (column != number_of(base, part, name)).any():
                    lanes[f"{own.name}.{name}"] = column
        if not lanes:
            compute = base.architecture.compute
            lanes[f"{compute.name}.energy_pj"] = np.full(len(designs), compute.energy_pj)
        return lanes

    def reasons(self, designs: Designs) -> list[str]:
        """[B]: why a design cannot be built; "" where it can."""
        reasons = [""] * len(designs)
        for table in self._tables.values():
            rows = table.rows(designs)
            for row in np.flatnonzero(table.kinds[rows] < 0).tolist():
                reasons[row] = reasons[row] or table.reasons[int(rows[row])]
        return reasons

    def clock_hz(self, designs: Designs) -> NDArray[np.float64]:
        """[B]: the clock; nan without one."""
        table = self._tables[MACHINE]
        rows = table.rows(designs)
        return table.numbers[0, rows]

    @property
    def varies_clock(self) -> bool:
        """Whether designs can differ in their clock."""
        table = self._tables[MACHINE]
        return len({self._clock(design) for design in table.variants()} - {None}) > 1 if table.parameters else False

    def _clock(self, design: NDArray[np.int64]) -> float | None:
        """The clock of one design, None without one, or where it cannot be built."""
        try:
            return self.spec(design).clock_hz
        except ArchloomError:
            return None

    def column(self, level: int | str, name: str, designs: Designs) -> NDArray[np.float64]:
        """[B]: a number (`part_tables.FIELDS`) of a level, counted outer to inner, or of the compute units (COMPUTE)."""
        part = (level, LEVEL_FIELDS[name]) if isinstance(level, int) else level
        return self._tables[part].column(name, designs)

    def area_um2(self, designs: Designs) -> NDArray[np.float64]:
        """[B]: the sum of the areas of all components times their instances."""
        instances = self._instances(designs)
        total = np.zeros(len(designs))
        for level in reversed(range(len(instances) - 1)):
            total = total + self.column(level, "area_um2", designs) * instances[level]
        return total + self.column(COMPUTE, "area_um2", designs) * instances[-1]

    def pes(self, designs: Designs) -> NDArray[np.float64]:
        """[B]: compute units."""
        return self._instances(designs)[-1]

    def onchip_bits(self, designs: Designs) -> NDArray[np.float64]:
        """[B]: bits of all levels but the outermost, times instances; infinite where one of them is. A pure fanout has none."""
        instances = self._instances(designs)
        total = np.zeros(len(designs))
        for level in range(1, len(instances) - 1):
            total = total + self.column(level, "holds_bits", designs) * instances[level]
        return total

    def _instances(self, designs: Designs) -> list[NDArray[np.float64]]:
        """[B] per level, outer to inner, and for the compute units last."""
        counts = [np.ones(len(designs))]
        for level in range(len(levels_of(self.document))):
            mesh = self.column(level, "fanout.x", designs) * self.column(level, "fanout.y", designs)
            counts.append(counts[-1] * mesh)
        return counts

    # -- reading -----------------------------------------------------------------------------------------------------------

    def _read(self, document: YamlMap) -> Spec:
        spec = read_document(document, tables=self.components)
        if spec.architecture is None:
            raise InputError("the base machine has no section 'architecture'")
        return spec

    @cached_property
    def components(self) -> dict[str, Component]:
        return {path: parse(text, path) for path, text in self.tables.items()}

    def _document_of(self, design: NDArray[np.int64]) -> YamlMap:
        document, space = self.document, self.space
        places = {p.path: p.places[i] for p, i in zip(space.parameters, design.tolist(), strict=True) if p.places}
        places |= {linked.path: linked.place for linked in space.linked if linked.path}
        for path, value in space.settings(design).items():
            document = set_value(document, path, value, places.get(path, Place("")))
        return document

    @cached_property
    def _tables(self) -> dict[Part, PartTable]:
        """A table per part of the machine, levels outer to inner."""
        parameters = self.dependencies
        reference = self._reference()
        return {part: PartTable(part, self, parameters[part], reference) for part in parts_of(self.document)}

    @cached_property
    def dependencies(self) -> dict[Part, tuple[int, ...]]:
        """Per part, the numbers of the free parameters that can change it."""
        space, document = self.space, self.document
        chosen: list[tuple[str, frozenset[int], list[Any]]] = [
            (parameter.path, frozenset({at}), list(parameter.values)) for at, parameter in enumerate(space.parameters)
        ]
        chosen += [(linked.path, space.uses([linked.name]), []) for linked in space.linked if linked.path]
        steps = [full_path(path, document, Place(""))[1] for path, _, _ in chosen]
        reading = Reading(
            document, tuple((at, tuple(values)) for at, (_, _, values) in zip(steps, chosen, strict=True))
        )
        found: dict[Part, set[int]] = {part: set() for part in parts_of(document)}
        for (_, uses, _), at in zip(chosen, steps, strict=True):
            for part in reading.touched(at):
                found[part] |= uses
        return {part: tuple(sorted(uses)) for part, uses in found.items()}

    def level_parameters(self, level: int) -> frozenset[int]:
        """The numbers of the free parameters that can change anything of a level, counted outer to inner."""
        return frozenset(at for aspect in ASPECTS for at in self.dependencies[level, aspect])

    def _reference(self) -> NDArray[np.int64]:
        """A design that can be built, from which the tables vary the parameters of one part."""
        error: ArchloomError | None = None
        for design in self.space.sample(np.random.default_rng(0), 64):
            try:
                self.spec(design)
            except ArchloomError as problem:
                error = error or problem
            else:
                return design
        assert error is not None
        raise error

    def check(self, many: int = CHECKS, seed: int = 0) -> None:
        """Compare the arrays with whole machines for random designs; an AssertionError would be a fault of this module."""
        designs = self.space.sample(np.random.default_rng(seed), many)
        lanes, reasons = self.lanes(designs), self.reasons(designs)
        for row, design in enumerate(designs):
            try:
                spec = self.spec(design)
            except ArchloomError:
                assert reasons[row], self.space.described(design)
                continue
            assert not reasons[row], reasons[row]
            self._compare(spec, lanes, row, self.space.described(design))

    def _compare(self, spec: Spec, lanes: Mapping[str, NDArray[np.float64]], row: int, what: str) -> None:
        base = self.baseline
        assert base.architecture is not None
        for part, table in self._tables.items():
            own = level_of(base.architecture, part[0]) if isinstance(part, tuple) else base.architecture.compute
            for name in table.fields if part != MACHINE else ():
                key, true = f"{own.name}.{name}", number_of(spec, part, name)
                found = float(lanes[key][row]) if key in lanes else number_of(base, part, name)
                assert found == true or name == "holds_bits", f"{key} is {found}, and {true} in the machine of {what}"

    def __getstate__(self) -> dict[str, object]:
        """Without the tables, which fill again."""
        return {key: self.__dict__[key] for key in ("document", "space", "tables")}
