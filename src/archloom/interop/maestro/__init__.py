"""MAESTRO's mapping and hardware files, and the numbers that MAESTRO gives for them."""

from archloom.interop.maestro.compatible import price_network, run
from archloom.interop.maestro.hardware import Hardware, parse_hardware
from archloom.interop.maestro.network import Cluster, Dimension, Directive, Layer, LayerType, Map, Network
from archloom.interop.maestro.parse import parse_mapping

__all__ = [
    "Cluster",
    "Dimension",
    "Directive",
    "Hardware",
    "Layer",
    "LayerType",
    "Map",
    "Network",
    "parse_hardware",
    "parse_mapping",
    "price_network",
    "run",
]
