"""What a search says while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Event", "LayerDone", "LayerStarted", "LayerStatus", "Listener", "NetworkStarted", "Step", "gap_of"]


@dataclass(frozen=True, slots=True)
class NetworkStarted:
    """A search begins: these layers are to be solved, each once; `cached` more are answered already."""

    layers: tuple[str, ...]
    cached: int


@dataclass(frozen=True, slots=True)
class LayerStarted:
    """A layer begins; `limit_s` is its share of the time limit."""

    layer: str
    limit_s: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """A moment of a search: after `elapsed_s` seconds and `priced` mappings, the best objective (infinite: none) and the bound."""

    elapsed_s: float
    objective: float
    bound: float
    priced: int

    @property
    def gap(self) -> float:
        """The part of the objective that a better mapping could save at most; 1 while there is no mapping."""
        return gap_of(self.objective, self.bound)


@dataclass(frozen=True, slots=True)
class LayerStatus:
    """How far a layer is."""

    layer: str
    step: Step

    @property
    def objective(self) -> float:
        return self.step.objective

    @property
    def bound(self) -> float:
        return self.step.bound

    @property
    def priced(self) -> int:
        return self.step.priced

    @property
    def elapsed_s(self) -> float:
        return self.step.elapsed_s

    @property
    def gap(self) -> float:
        return self.step.gap


@dataclass(frozen=True, slots=True)
class LayerDone:
    """A layer ends: proven (`finished`), stopped early with a gap, or without any mapping (`reason` says why).

    `remaining` layers are left, and will take `eta_s` more seconds if they are like those before.
    """

    layer: str
    objective: float
    bound: float
    finished: bool
    elapsed_s: float
    remaining: int
    eta_s: float
    reason: str = ""


Event = NetworkStarted | LayerStarted | LayerStatus | LayerDone
Listener = Callable[[Event], None]


def gap_of(objective: float, bound: float) -> float:
    """(objective - bound) / objective: 0 when nothing better exists, 1 when nothing is known."""
    if objective == bound or objective <= 0:
        return 0.0
    if objective == float("inf"):
        return 1.0
    return max(0.0, 1.0 - bound / objective)
