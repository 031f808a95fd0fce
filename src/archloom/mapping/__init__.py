"""How it is computed: the loops of each level in time and space, and which tensors live where."""

from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.mapping.text import parse, render

__all__ = ["LevelNest", "Loop", "Mapping", "parse", "render"]
