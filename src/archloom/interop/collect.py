"""What a pass over the graph of another framework collects: layers, what is skipped, and faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace

from archloom.errors import Fault
from archloom.workload.network import Layer, Skipped

__all__ = ["Found"]


@dataclass
class Found:
    """Layers, skipped parts and faults, in the order of the graph."""

    layers: list[Layer] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def add(self, parts: Iterable[Layer | Skipped]) -> None:
        """Append layers and skipped parts."""
        for part in parts:
            if isinstance(part, Layer):
                self.layers.append(part)
            else:
                self.skipped.append(part)

    def repeat(self, other: Found, times: int) -> None:
        """Append what another pass found, computed `times` times; stored weights stay what they are."""
        self.faults.extend(other.faults)
        if times < 1:
            return
        self.layers.extend(replace(layer, count=layer.count * times) for layer in other.layers)
        for part in other.skipped:
            operations = None if part.operations is None else part.operations * times
            self.skipped.append(replace(part, operations=operations))

    def repeat_either(self, one: Found, other: Found) -> bool:
        """Append the larger of two branches if both compute the same layers; whether they do."""
        if one._work() != other._work():
            return False
        self.repeat(max(one, other, key=Found.operations), 1)
        return True

    def operations(self) -> int:
        """Operations of what is skipped, as far as they are known."""
        return sum(part.operations or 0 for part in self.skipped)

    def described(self) -> str:
        """The layers in words: how many, and their MACs."""
        macs = sum(layer.macs for layer in self.layers)
        return f"{len(self.layers)} layer{'s' * (len(self.layers) != 1)} with {macs:,} MACs"

    def _work(self) -> Counter[Hashable]:
        work: Counter[Hashable] = Counter()
        for layer in self.layers:
            work[tuple(layer.workload.bounds.items()), layer.workload.tensors] += layer.count
        return work
