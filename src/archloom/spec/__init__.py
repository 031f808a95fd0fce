"""The native YAML form: architectures, workloads, mappings and constraints, with positions, units and safe expressions."""

from archloom.spec.architectures import load_architecture
from archloom.spec.load import Spec, load
from archloom.spec.networks import load_network
from archloom.spec.paths import apply_set
from archloom.spec.sections import mapping_from_yaml
from archloom.spec.write import to_yaml
from archloom.spec.zoo import machine_names

__all__ = [
    "Spec",
    "apply_set",
    "load",
    "load_architecture",
    "load_network",
    "machine_names",
    "mapping_from_yaml",
    "to_yaml",
]
