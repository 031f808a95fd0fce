"""Timeloop's files: read as workload, architecture, mapping and constraints, and written back."""

from archloom.interop.timeloop.constraints import (
    Axis,
    Constraint,
    LoopConstraint,
    Origin,
    OverbookingConstraint,
    ResidencyConstraint,
    UtilizationConstraint,
)
from archloom.interop.timeloop.directives import Factor
from archloom.interop.timeloop.export import to_yaml
from archloom.interop.timeloop.load import TimeloopInput, TimeloopWarning, load, load_problem
from archloom.interop.timeloop.mapspace import mapspace_constraints

__all__ = [
    "Axis",
    "Constraint",
    "Factor",
    "LoopConstraint",
    "Origin",
    "OverbookingConstraint",
    "ResidencyConstraint",
    "TimeloopInput",
    "TimeloopWarning",
    "UtilizationConstraint",
    "load",
    "load_problem",
    "mapspace_constraints",
    "to_yaml",
]
