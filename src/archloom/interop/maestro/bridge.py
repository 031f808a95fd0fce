"""Bridges between MAESTRO's directives and archloom's loop nests, both ways, and what the two models make of the same."""

from __future__ import annotations

from archloom.interop.maestro.bridge_causes import Cause
from archloom.interop.maestro.bridge_in import to_archloom
from archloom.interop.maestro.bridge_machine import Clusters
from archloom.interop.maestro.bridge_out import to_maestro
from archloom.interop.maestro.bridge_traffic import Traffic, compare_traffic

__all__ = ["Cause", "Clusters", "Traffic", "compare_traffic", "to_archloom", "to_maestro"]
