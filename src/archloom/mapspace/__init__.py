"""Mapspaces: which mappings of a workload on an architecture exist, along five axes and under constraints."""
