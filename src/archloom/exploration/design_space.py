"""Design spaces: the values of free parameters, those that follow from them, and the constraints on both."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.errors import InputError, Place
from archloom.exploration.base import Designs
from archloom.exploration.components import Group, groups_of
from archloom.exploration.domains import Parameter, text_of, written
from archloom.exploration.expressions import Expression, Undefined

__all__ = ["DesignSpace", "Linked"]

BIG = 2**62
"""Positions beyond are Python integers in arrays of objects."""


@dataclass(frozen=True)
class Linked:
    """A value that follows from others: a parameter of the machine with its `path`, or a helper (`let`) without.

    `unit`: what a file writes after the number; `factor`: how many base units (bits, Hz ...) that is. `least`: the least whole number
    that the parameter may be, where it has to be one.
    """

    name: str
    expression: Expression
    path: str | None = None
    unit: str | None = None
    factor: float = 1.0
    least: int | None = None
    place: Place = field(default=Place(""), compare=False)


@dataclass(frozen=True)
class DesignSpace:
    """Free parameters, linked ones (each after those that it refers to) and constraints.

    A design is a row of indices, one into the values of each free parameter; a batch of designs is an int64 array [B, parameters].
    The grid runs through the last parameter fastest.
    """

    parameters: tuple[Parameter, ...]
    linked: tuple[Linked, ...] = ()
    constraints: tuple[Expression, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The free parameters' names."""
        return tuple(parameter.name for parameter in self.parameters)

    @cached_property
    def size(self) -> int:
        """Designs before the constraints."""
        return math.prod(len(parameter) for parameter in self.parameters)

    def count(self) -> int:
        """Designs that fulfil the constraints, exactly; InputError where they tie too many parameters together."""
        return math.prod(group.count for group in self.groups)

    def uses(self, names: frozenset[str] | Sequence[str]) -> frozenset[int]:
        """The numbers of the free parameters that these names stand on, directly or through linked ones."""
        found: set[int] = set()
        for name in names:
            found |= self._uses.get(name, frozenset())
        return frozenset(found)

    @cached_property
    def _uses(self) -> dict[str, frozenset[int]]:
        uses = {name: frozenset({at}) for at, name in enumerate(self.names)}
        for linked in self.linked:
            uses[linked.name] = frozenset[int]().union(*(uses[name] for name in linked.expression.names))
        return uses

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The parameters in groups that no constraint ties together."""
        found: list[Group] = []
        for members, numbers in groups_of(len(self.parameters), [self.uses(test.names) for test in self.constraints]):
            found.append(self.group_of(members, [self.constraints[number] for number in numbers]))
        return tuple(found)

    def group_of(self, members: Sequence[int], tests: Sequence[Expression]) -> Group:
        """Some of the parameters, with constraints that are about no others."""
        return Group(
            tuple(members),
            tuple(len(self.parameters[at]) for at in members),
            _Tests(self, tuple(members), tuple(tests)) if tests else None,
            tuple(self.parameters[at].name for at in members),
            tests[0].place if tests else None,
        )

    def columns(self, designs: Designs, names: frozenset[str] | None = None) -> dict[str, NDArray[Any]]:
        """Name -> values [B] in base units (words as text) of free and linked parameters and helpers; of `names` and what they need."""
        wanted = self._closure(names)
        columns: dict[str, NDArray[Any]] = {}
        for at, parameter in enumerate(self.parameters):
            if parameter.name in wanted:
                columns[parameter.name] = parameter.column[designs[:, at]]
        for linked in self.linked:
            if linked.name in wanted:
                columns[linked.name] = self._values(linked, columns, designs)
        return columns

    def _values(self, linked: Linked, columns: Mapping[str, Any], designs: Designs) -> NDArray[Any]:
        try:
            values = linked.expression(columns)
        except Undefined as problem:
            raise self._said(linked.expression, problem, designs) from None
        return np.broadcast_to(np.asarray(values), len(designs)) * linked.factor

    def _said(self, expression: Expression, problem: Undefined, designs: Designs) -> InputError:
        row = min(problem.row, len(designs) - 1)
        at = self.described(designs[row], self.uses(expression.names)) if len(designs) else ""
        return InputError(f"in the expression {expression.text!r}: {problem} at {at}", expression.place)

    def _closure(self, names: frozenset[str] | None) -> frozenset[str]:
        """All names that these need; None: all there are."""
        if names is None:
            return frozenset({*self.names, *(linked.name for linked in self.linked)})
        wanted = set(names)
        for linked in reversed(self.linked):
            if linked.name in wanted:
                wanted |= linked.expression.names
        return frozenset(wanted)

    def admits(self, designs: Designs) -> NDArray[np.bool_]:
        """[B]: which designs fulfil all constraints."""
        return self.fulfils(designs, self.constraints)

    def fulfils(self, designs: Designs, tests: Sequence[Expression]) -> NDArray[np.bool_]:
        """[B]: which designs fulfil these constraints."""
        holds = np.ones(len(designs), bool)
        if not tests or not len(designs):
            return holds
        columns = self.columns(designs, frozenset[str]().union(*(test.names for test in tests)))
        for test in tests:
            try:
                holds &= np.asarray(test(columns), bool)
            except Undefined as problem:
                raise self._said(test, problem, designs) from None
        return holds

    def settings(self, design: NDArray[np.int64]) -> dict[str, Any]:
        """Path -> value, as the machine's file would have them, of one design; linked ones too."""
        chosen = {p.path: p.values[index] for p, index in zip(self.parameters, design.tolist(), strict=True)}
        if any(linked.path for linked in self.linked):
            columns = self.columns(np.asarray(design, np.int64)[None, :])
            for linked in self.linked:
                if linked.path is not None:
                    chosen[linked.path] = _setting(linked, columns)
        return chosen

    def values(self, design: NDArray[np.int64]) -> dict[str, Any]:
        """Name -> value as written, of one design; linked parameters too, helpers not."""
        settings = self.settings(design)
        named = [(p.name, p.path) for p in self.parameters] + [(p.name, p.path) for p in self.linked if p.path]
        return {name: settings[path] for name, path in named}

    def described(self, design: NDArray[np.int64], only: frozenset[int] | None = None) -> str:
        """A design in words: `array.x = 12, levels.GLB.size = 64 KiB`; `only` some of the free parameters."""
        at = range(len(self.parameters)) if only is None else sorted(only)
        return ", ".join(f"{self.names[k]} = {self.parameters[k].texts[int(design[k])]}" for k in at)

    def blocks(self, rows: int) -> Iterator[Designs]:
        """The admitted designs in the order of the grid, at most `rows` at a time."""
        waiting, held = list[Designs](), 0
        for start in range(0, self.size, LOOK):
            designs = self.unflat(range(start, min(start + LOOK, self.size)))
            designs = designs[self.admits(designs)]
            waiting.append(designs)
            held += len(designs)
            while held >= rows:
                whole = np.concatenate(waiting)
                yield whole[:rows]
                waiting, held = [whole[rows:]], held - rows
        if held:
            yield np.concatenate(waiting)

    def sample(self, rng: np.random.Generator, many: int) -> Designs:
        """`many` designs, each drawn evenly from all that are admitted."""
        designs = np.empty((many, len(self.parameters)), np.int64)
        for group in self.groups:
            designs[:, list(group.parameters)] = group.draw(rng, many)
        return designs

    def neighbours(self, design: NDArray[np.int64]) -> Designs:
        """The admitted designs that differ in one parameter: by one step where its values are in order, else by any."""
        found = [design]
        for at, parameter in enumerate(self.parameters):
            here = int(design[at])
            others = (here - 1, here + 1) if parameter.is_ordered else range(len(parameter))
            for value in others:
                if 0 <= value < len(parameter) and value != here:
                    other = design.copy()
                    other[at] = value
                    found.append(other)
        designs = np.array(found[1:], dtype=np.int64).reshape(-1, len(self.parameters))
        return designs[self.admits(designs)]

    def flat(self, designs: Designs) -> NDArray[Any]:
        """Positions in the grid [B]: int64, or Python integers in a space of more than 2**62 designs."""
        numbers = np.zeros(len(designs), np.int64 if self.size < BIG else object)
        for at, parameter in enumerate(self.parameters):
            numbers = numbers * len(parameter) + designs[:, at]
        return numbers

    def unflat(self, numbers: Any) -> Designs:
        """The designs at these positions of the grid."""
        if isinstance(numbers, range) and self.size < BIG:
            rest: NDArray[Any] = np.arange(numbers.start, numbers.stop, numbers.step, dtype=np.int64)
        else:
            rest = np.array(numbers, dtype=np.int64 if self.size < BIG else object)
        designs = np.empty((len(rest), len(self.parameters)), np.int64)
        for at in range(len(self.parameters) - 1, -1, -1):
            many = len(self.parameters[at])
            designs[:, at] = rest % many
            rest = rest // many
        return designs

    def nearest(self, values: Mapping[str, Any]) -> NDArray[np.int64] | None:
        """The design whose free parameters are nearest to these values (by name, as written or in base units), None without one.

        A parameter without a value, or with a word that it does not take, is at its first value. None where the constraints rule
        that design out.
        """
        design = np.array([_nearest(p, values.get(p.name)) for p in self.parameters], dtype=np.int64)
        return design if bool(self.admits(design[None, :])[0]) else None

    def __getstate__(self) -> dict[str, object]:
        """Without what was worked out from the rest."""
        return {key: self.__dict__[key] for key in ("parameters", "linked", "constraints")}


LOOK = 65_536


@dataclass(frozen=True)
class _Tests:
    """The constraints of one group, over its own parameters."""

    space: DesignSpace
    members: tuple[int, ...]
    tests: tuple[Expression, ...]

    def __call__(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        designs = np.zeros((len(rows), len(self.space.parameters)), np.int64)
        designs[:, list(self.members)] = rows
        return self.space.fulfils(designs, self.tests)


def _setting(linked: Linked, columns: Mapping[str, Any]) -> Any:
    """The value of a linked parameter as a file writes it."""
    value = np.asarray(linked.expression(columns)).reshape(-1)[0].item()
    if not isinstance(value, int | float) or isinstance(value, bool):
        return value
    if linked.unit == "bit":
        return written(value, "bit")
    number = int(value) if value == value // 1 and abs(value) < BIG else value
    return number if linked.unit is None else f"{number!r} {linked.unit}"


def _nearest(parameter: Parameter, value: Any) -> int:
    if value is None:
        return 0
    text = text_of(value)
    if text in parameter.texts:
        return parameter.texts.index(text)
    if parameter.numbers is None or isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(np.argmin(np.abs(parameter.numbers - value)))
