"""A node's block with many candidates for what lies below it: the words of every way through, before a machine prices them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ways", "WaysBuilder"]

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
LARGE = 1e300
"""Words of a way that is not possible."""


@dataclass(frozen=True, eq=False)
class Ways:
    """The ways through a block for K candidates: `words` [ways, 2 * tensors, K], entering and served, LARGE where not possible.

    `possible` [K]: whether there is any way; `ports`: the fewest reads, writes and both [K].
    """

    words: Values
    possible: Flags
    ports: tuple[Values, Values, Values]

    def energy_pj(self, prices: Values) -> Values:
        """[lane, K]: the least of all ways, for prices [lane, 2 * tensors]."""
        best = np.full((len(prices), self.words.shape[2]), np.inf)
        for words in _undominated(self.words):
            np.minimum(best, prices @ words, out=best)
        best[:, ~self.possible] = np.inf
        return best


def _undominated(words: Values) -> Values:
    """The ways that another is not below everywhere."""
    kept: list[int] = []
    for way in np.argsort(np.minimum(words, 1e200).sum(axis=(1, 2)), kind="stable"):
        if not any((words[other] <= words[way]).all() for other in kept):
            kept.append(int(way))
    return words[kept]


class WaysBuilder:
    """Collects ways."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.ports = [np.full(size, np.inf) for _ in range(3)]
        self._words: list[Values] = []
        self._seen: set[bytes] = set()
        self._possible = np.zeros(size, bool)

    def add(self, words: list[Values], possible: Flags, served: tuple[Values, Values, Values]) -> None:
        """One way: words per tensor (entering, served), where it is possible, and what the ports move."""
        flat = np.stack([np.broadcast_to(part, (self.size,)) for part in words])
        if not possible.all():
            flat[:, ~possible] = LARGE
        self._possible |= possible
        for port, moved in zip(self.ports, served, strict=True):
            np.minimum(port, np.where(possible, moved, np.inf), out=port)
        mark = flat.tobytes()
        if mark not in self._seen:
            self._seen.add(mark)
            self._words.append(flat)

    def ways(self) -> Ways:
        """All of them."""
        reads, writes, both = self.ports
        return Ways(np.stack(self._words), self._possible, (reads, writes, both))
