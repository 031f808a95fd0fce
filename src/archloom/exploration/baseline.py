"""Where the base machine lies in the space of designs, if it does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archloom.errors import ArchloomError, Place
from archloom.exploration.domains import Parameter
from archloom.exploration.machines import Machines
from archloom.spec.load import Spec, read_document
from archloom.spec.paths import set_value

__all__ = ["baseline_design", "is_same_machine"]


def baseline_design(machines: Machines) -> NDArray[np.int64] | None:
    """The design whose machine is the base machine, number by number; None where no design is."""
    own = [_own_value(machines, parameter) for parameter in machines.space.parameters]
    if None in own:
        return None
    design = np.array(own, dtype=np.int64)
    try:
        admitted = bool(machines.space.admits(design[None, :])[0])
        return design if admitted and is_same_machine(machines.spec(design), machines.baseline) else None
    except ArchloomError:
        return None


def is_same_machine(one: Spec, two: Spec) -> bool:
    """Whether two files say the same of machine, clock and constraints."""
    return (one.architecture, one.clock_hz, one.constraints) == (two.architecture, two.clock_hz, two.constraints)


def _own_value(machines: Machines, parameter: Parameter) -> int | None:
    """The number of the value that leaves the base machine as it is."""
    for at, value in enumerate(parameter.values):
        try:
            document = set_value(machines.document, parameter.path, value, Place(""))
            if is_same_machine(read_document(document, tables=machines.components), machines.baseline):
                return at
        except ArchloomError:
            continue
    return None
