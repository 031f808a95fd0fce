"""What is computed: einsums, layers, networks."""

from __future__ import annotations

from archloom.workload.einsum import Tensor, Workload, einsum, parse_einsum
from archloom.workload.network import Layer, Network, Skipped

__all__ = ["Layer", "Network", "Skipped", "Tensor", "Workload", "einsum", "parse_einsum"]
