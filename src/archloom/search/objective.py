"""Objectives: what a search minimises, with ties broken by what is left (lexicographic)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from archloom.errors import InputError, did_you_mean

__all__ = ["Objective", "objective_of"]


@dataclass(frozen=True, slots=True)
class Objective:
    """A cost `energy**a * cycles**b` or `we * energy + wc * cycles`, monotone in both; energy in pJ.

    `value` is the cost; `key` orders mappings lexicographically: the cost first, then the other figure, so that of two
    mappings with equal energy the faster one is better, and the other way round.
    """

    name: str
    energy_power: float = 0.0
    cycles_power: float = 0.0
    energy_weight: float = 0.0
    cycles_weight: float = 0.0

    def value(self, energy_pj: float, cycles: float) -> float:
        """The cost of a mapping with this energy (pJ) and latency (cycles)."""
        if math.isinf(energy_pj) or math.isinf(cycles):
            return math.inf
        if self.energy_power or self.cycles_power:
            return energy_pj**self.energy_power * cycles**self.cycles_power
        return self.energy_weight * energy_pj + self.cycles_weight * cycles

    def key(self, energy_pj: float, cycles: float) -> tuple[float, float]:
        """Sort key: the cost, then cycles if the cost is energy alone, else energy."""
        energy_only = self.cycles_power == 0 and self.cycles_weight == 0
        return self.value(energy_pj, cycles), (cycles if energy_only else energy_pj)


KNOWN = {
    "energy": Objective("energy", energy_power=1.0),
    "latency": Objective("latency", cycles_power=1.0),
    "edp": Objective("edp", energy_power=1.0, cycles_power=1.0),
    "ed2p": Objective("ed2p", energy_power=1.0, cycles_power=2.0),
}


def objective_of(what: str | Objective | dict[str, float]) -> Objective:
    """An objective by name (energy, latency, edp, ed2p), or a weighted sum `{"energy": we, "latency": wc}`; InputError otherwise."""
    if isinstance(what, Objective):
        return what
    if isinstance(what, dict):
        for name, weight in what.items():
            if name not in ("energy", "latency") or not 0 <= weight < math.inf:
                raise InputError(
                    f"the objective weight {name!r}: {weight!r} is not one of energy, latency with a weight of 0 or more"
                )
        if not any(what.values()):
            raise InputError("every weight of the objective is 0; expected at least one above 0")
        weights = ", ".join(f"{weight:g} {name}" for name, weight in what.items())
        return Objective(weights, energy_weight=what.get("energy", 0.0), cycles_weight=what.get("latency", 0.0))
    if what not in KNOWN:
        raise InputError(f"unknown objective {what!r}", hint=did_you_mean(what, KNOWN))
    return KNOWN[what]
