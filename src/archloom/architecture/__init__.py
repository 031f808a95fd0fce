"""Where it is computed: memories, fanouts and compute units, outer to inner."""

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory

__all__ = ["Architecture", "Compute", "Fanout", "Memory"]
