"""What can be wrong with a space although each line of its file is right: values that no machine takes, fractions, an empty space."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from archloom.errors import ArchloomError, Fault, InputError, Place
from archloom.exploration.components import KEPT, Group, groups_of
from archloom.exploration.design_space import DesignSpace, Linked
from archloom.exploration.machines import Machines
from archloom.spec.fields import Scope
from archloom.spec.load import read_document
from archloom.spec.paths import set_value

__all__ = ["check_space"]

MOST_VALUES = 64
"""So many values of a parameter are tried on the base machine, spread evenly; those of designs are read anyway."""
TRIES = 3
BLOCK = 1 << 18


def check_space(machines: Machines, scope: Scope) -> None:
    """Note a fault for each value that the reader of machines refuses, each linked value that is no whole number, an empty space."""
    space = machines.space
    for linked in space.linked:
        try:
            _check_linked(space, linked, scope)
        except InputError as error:
            scope.adopt(error, linked.place)
    if scope.faults:
        return
    try:
        if not _check_empty(space, scope):
            _check_values(machines, scope)
    except InputError as error:
        scope.adopt(error, Place(""))


def _check_linked(space: DesignSpace, linked: Linked, scope: Scope) -> None:
    uses = space.uses([linked.name])
    alone = Group(tuple(sorted(uses)), tuple(len(space.parameters[at]) for at in sorted(uses)))
    related = _related(space, uses)
    try:
        wrong = _first_wrong(space, linked, alone) if alone.size <= KEPT else np.empty(0, np.int64)
    except InputError:
        wrong = np.empty(0, np.int64)
    if wrong is None:
        return
    if related.test is not None:
        if related.size > KEPT * 8:
            names = ", ".join(related.names)
            message = f"{linked.name} = {linked.expression.text} may be no whole number: there are too many values of {names} to try"
            scope.fault(message, linked.place, "round it, for instance with // instead of /")
            return
        wrong = _first_wrong(space, linked, related)
    if wrong is None:
        return
    if not len(wrong):
        wrong = _first_wrong(space, linked, alone)
        if wrong is None:
            return
    value = np.asarray(space.columns(wrong[None, :], frozenset({linked.name}))[linked.name])[0]
    message = f"{linked.name} = {linked.expression.text} is {value:.10g} at {space.described(wrong, uses)}"
    if linked.least is None:
        scope.fault(f"{message}; expected a number of 0 or more", linked.place, _LEAVE_OUT)
    else:
        message += f"; expected a whole number, at least {linked.least}"
        scope.fault(message, linked.place, f"write // instead of /, or {_LEAVE_OUT}")


_LEAVE_OUT = "add a constraint that leaves such designs out"


def _related(space: DesignSpace, uses: frozenset[int]) -> Group:
    """All parameters that constraints tie to these, with the constraints."""
    ties = [*(space.uses(test.names) for test in space.constraints), uses]
    at = next(iter(uses), None)
    for members, numbers in groups_of(len(space.parameters), ties):
        if at in members:
            tests = [space.constraints[number] for number in numbers if number < len(space.constraints)]
            return space.group_of(members, tests)
    return Group((), ())


def _first_wrong(space: DesignSpace, linked: Linked, group: Group) -> NDArray[np.int64] | None:
    """The first admitted design of the group whose linked value cannot be; None where there is none."""
    for flat in group.admitted():
        designs = np.zeros((len(flat), len(space.parameters)), np.int64)
        designs[:, list(group.parameters)] = group.indices(flat)
        if not len(designs):
            continue
        values = np.asarray(space.columns(designs, frozenset({linked.name}))[linked.name])
        if linked.path is None or values.dtype.kind not in "fi":
            continue
        wrong = ~np.isfinite(values) | (values < (linked.least or 0))
        if linked.least is not None:
            wrong |= values != np.floor(values)
        if wrong.any():
            return designs[int(np.argmax(wrong))]
    return None


def _check_empty(space: DesignSpace, scope: Scope) -> bool:
    """Whether a small enough group of parameters has no admitted values at all; notes which constraints do that."""
    empty = False
    for group in space.groups:
        if group.test is None or group.size > KEPT or group.count:
            continue
        empty = True
        alone = [test for test in space.constraints if space.group_of(group.parameters, [test]).count == 0]
        texts = ", ".join(repr(test.text) for test in alone)
        hint = (
            f"{texts} alone excludes all of them" if len(alone) == 1 else "together the constraints exclude all of them"
        )
        scope.fault(f"no values of {', '.join(group.names)} fulfil the constraints", group.place, hint)
    return empty


def _check_values(machines: Machines, scope: Scope) -> None:
    """Note the values that are refused both on the base machine and in designs."""
    for at, parameter in enumerate(machines.space.parameters):
        refused: list[Fault] = []
        for index in _spread(len(parameter), MOST_VALUES):
            place = parameter.places[index] if parameter.places else parameter.place
            try:
                read_document(
                    set_value(machines.document, parameter.path, parameter.values[index], place),
                    tables=machines.components,
                )
            except ArchloomError as error:
                refused += _refused_in_designs(machines, at, index, error, place)
        for fault in dict.fromkeys(refused):
            scope.fault(f"the parameter {parameter.name!r}: {fault.message}", fault.place, fault.hint)


def _refused_in_designs(machines: Machines, at: int, index: int, error: ArchloomError, place: Place) -> list[Fault]:
    """The faults of a value that designs do not take either; none where one does, or where none is admitted with it."""
    for design in _designs_with(machines.space, at, index):
        try:
            machines.spec(design)
        except ArchloomError as problem:
            error = problem
        else:
            return []
    faults = error.faults if isinstance(error, InputError) else (Fault(str(error)),)
    return [Fault(fault.message, fault.place or place, fault.hint) for fault in faults[:1]]


def _designs_with(space: DesignSpace, at: int, index: int) -> Iterator[NDArray[np.int64]]:
    """A few admitted designs with one value of one parameter."""
    designs = space.sample(np.random.default_rng(0), 256)
    designs[:, at] = index
    yield from designs[space.admits(designs)][:TRIES]


def _spread(many: int, most: int) -> list[int]:
    return np.unique(np.linspace(0, many - 1, min(many, most)).astype(np.int64)).tolist()
