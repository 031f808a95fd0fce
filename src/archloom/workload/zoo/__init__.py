"""Published networks, ready to use."""

from __future__ import annotations

from archloom.workload.zoo.tables import ZooEntry, load_zoo_network, zoo_entries, zoo_entry

__all__ = ["ZooEntry", "load_zoo_network", "zoo_entries", "zoo_entry"]
