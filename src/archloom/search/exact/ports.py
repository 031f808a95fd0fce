"""Cycles that a memory's ports need for the words they move."""

from __future__ import annotations

from typing import Any

import numpy as np

from archloom.architecture.hierarchy import Memory

__all__ = ["port_cycles"]

Number = Any
"""A number, or one per column."""


def port_cycles(memory: Memory, reads: Number, writes: Number, both: Number = None) -> Number:
    """Words per instance over bandwidths, the slowest port's; 0 where nothing limits it. `both`: reads and writes, if less than their sum."""
    both = reads + writes if both is None else both
    cycles: Number = 0.0
    for words, bandwidth in (
        (reads, memory.read_bandwidth),
        (writes, memory.write_bandwidth),
        (both, memory.shared_bandwidth),
    ):
        if bandwidth is not None:
            cycles = np.maximum(cycles, words / bandwidth)
    return cycles
