"""What hardware costs: energy, area and leakage of components by size, width and node, each number with its source."""

from archloom.technology.component import Attribute, Component, Figure, Price
from archloom.technology.library import components, find, price, register
from archloom.technology.own import from_rows, load

__all__ = ["Attribute", "Component", "Figure", "Price", "components", "find", "from_rows", "load", "price", "register"]
