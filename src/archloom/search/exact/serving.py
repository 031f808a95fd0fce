"""How much the ports that feed the compute units stretch the latency: words that each step of the array needs, over bandwidths."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product as cartesian
from typing import Any

import numpy as np

from archloom.search.exact.fills import least_distinct
from archloom.search.exact.ports import port_cycles
from archloom.search.exact.setting import Setting, Spread, Spreads

__all__ = ["stretch", "stretch_by_total"]

Number = Any
"""A number, or one per column."""
MOST = 20_000
"""Combinations of spreads that are gone through; beyond, nothing is said."""


def stretch(setting: Setting, spreads: Mapping[int, Spread | Spreads]) -> Number:
    """Least cycles per step of the array (1 or more), for the spreads of some fanouts; unknown ones count as multicasting to all.

    A level that feeds the compute units directly moves, per instance and step, one word for each of the instances inside it that
    need one of their own.
    """
    least: Number = 1.0
    for at, memory in enumerate(setting.problem.architecture.levels):
        reads: Number = 0.0
        writes: Number = 0.0
        for t, innermost in enumerate(setting.innermost):
            if innermost != at:
                continue
            words: Number = 1.0
            for fanout in setting.fanouts:
                if fanout <= at and fanout in spreads:
                    spread = spreads[fanout]
                    alone = not setting.plan.levels[fanout].multicast[t]
                    words = words * (spread.total if alone else least_distinct(setting, t, spread))
            if t == setting.output:
                writes = writes + words
            else:
                reads = reads + words
        least = np.maximum(least, port_cycles(memory, reads, writes))
    return least


def stretch_by_total(setting: Setting, inside: int) -> dict[int, float]:
    """For the fanouts inside level `inside`: product of their trips -> the least stretch of any spreads with that product.

    Empty where there are too many to go through, or where no level that feeds the compute units has a bandwidth.
    """
    key = setting.innermost, inside
    if key not in setting.shared.stretches:
        setting.shared.stretches[key] = _by_total(setting, inside)
    return setting.shared.stretches[key]


def _by_total(setting: Setting, inside: int) -> dict[int, float]:
    known = [at for at in setting.fanouts if at < inside]
    ports = [setting.problem.architecture.levels[at] for at in set(setting.innermost)]
    bounded = any(m.read_bandwidth or m.write_bandwidth or m.shared_bandwidth for m in ports)
    if not bounded or math.prod(len(setting.spreads[at]) for at in known) > MOST:
        return {}
    found: dict[int, float] = {}
    for spreads in cartesian(*(setting.spreads[at] for at in known)):
        total = math.prod(spread.total for spread in spreads)
        value = float(stretch(setting, dict(zip(known, spreads, strict=True))))
        found[total] = min(found.get(total, math.inf), value)
    return found
