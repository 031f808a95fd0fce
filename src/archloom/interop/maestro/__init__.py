"""MAESTRO's mapping and hardware files, and the numbers that MAESTRO gives for them."""

from archloom.interop.maestro.corrected import true_macs
from archloom.interop.maestro.dataflows import Dataflow
from archloom.interop.maestro.dataflows_zoo import DATAFLOWS, dataflow
from archloom.interop.maestro.differences import Difference, differences
from archloom.interop.maestro.directive_sweep import DirectiveSweep, directive_sweep
from archloom.interop.maestro.engines import price_network, run
from archloom.interop.maestro.hardware import Hardware, parse_hardware
from archloom.interop.maestro.mends import Mend
from archloom.interop.maestro.network import Cluster, Dimension, Directive, Layer, LayerType, Map, Network
from archloom.interop.maestro.parse import parse_mapping
from archloom.interop.maestro.sweep import Design, Sweep, hardware_sweep
from archloom.interop.maestro.translate import LeftOut, Translation, network_of, translate
from archloom.interop.maestro.write import hardware_text, mapping_text

__all__ = [
    "DATAFLOWS",
    "Cluster",
    "Dataflow",
    "Design",
    "Difference",
    "Dimension",
    "Directive",
    "DirectiveSweep",
    "Hardware",
    "Layer",
    "LayerType",
    "LeftOut",
    "Map",
    "Mend",
    "Network",
    "Sweep",
    "Translation",
    "dataflow",
    "differences",
    "directive_sweep",
    "hardware_sweep",
    "hardware_text",
    "mapping_text",
    "network_of",
    "parse_hardware",
    "parse_mapping",
    "price_network",
    "run",
    "translate",
    "true_macs",
]
