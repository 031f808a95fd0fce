"""Mapspaces: which mappings of a workload on an architecture exist, along five axes and under constraints."""

from archloom.mapspace.axes import Axis
from archloom.mapspace.constraints import Constraints, FactorRule, LevelConstraints
from archloom.mapspace.rules import Cuts, Range, Rules
from archloom.mapspace.space import MapSpace, SpaceSize

__all__ = [
    "Axis",
    "Constraints",
    "Cuts",
    "FactorRule",
    "LevelConstraints",
    "MapSpace",
    "Range",
    "Rules",
    "SpaceSize",
]
