"""Where the two engines differ on a layer, and which mends make the difference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from archloom.errors import InputError
from archloom.interop.maestro.engines import attempts
from archloom.interop.maestro.hardware import Hardware
from archloom.interop.maestro.mends import COMPATIBLE, CORRECTED, Mend
from archloom.interop.maestro.network import Network

__all__ = ["ERROR", "Difference", "differences"]

ERROR = "error"
"""The key of a layer that an engine refuses; its value is the message."""

Numbers = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """One number of a layer (counted from 0) that is not the same in both engines.

    `key` is its path in the layer's dict ("summary.runtime"). `reasons` are the mends that change the number when they
    alone are made, or alone left out; where it takes several at once, the fewest that were found to do so. A layer that
    one engine refuses has the key "error" alone, and None for the engine that prices it.
    """

    layer: int
    key: str
    compatible: Any
    corrected: Any
    reasons: tuple[Mend, ...]


def differences(network: Network, hardware: Hardware) -> list[Difference]:
    """Return every number that the engines do not agree on, in the order of layers and columns.

    Reasons are found by pricing the network with each mend alone, and with all but each. Raises InputError for what
    neither engine reads.
    """
    return Comparison(network, hardware).found()


class Comparison:
    """Prices of a network under sets of mends; each set is priced once."""

    def __init__(self, network: Network, hardware: Hardware) -> None:
        self.network = network
        self.hardware = hardware
        self.priced: dict[frozenset[Mend], list[Numbers]] = {}

    def under(self, mends: frozenset[Mend]) -> list[Numbers]:
        """Return the numbers of every layer by their keys."""
        if mends not in self.priced:
            self.priced[mends] = [
                {ERROR: str(columns)} if isinstance(columns, InputError) else dict(flat(columns))
                for columns in attempts(self.network, self.hardware, mends)
            ]
        return self.priced[mends]

    def found(self) -> list[Difference]:
        compatible, corrected = self.under(COMPATIBLE), self.under(CORRECTED)
        result: list[Difference] = []
        for layer, (before, after) in enumerate(zip(compatible, corrected, strict=True)):
            refused = ERROR in before or ERROR in after
            for key in (ERROR,) if refused else before:
                if not same(before.get(key), after.get(key)):
                    reasons = self.reasons(layer, key)
                    result.append(Difference(layer, key, before.get(key), after.get(key), reasons))
        return result

    def reasons(self, layer: int, key: str) -> tuple[Mend, ...]:
        def value(mends: frozenset[Mend]) -> Any:
            return self.under(mends)[layer].get(key)

        before, after = value(COMPATIBLE), value(CORRECTED)
        alone = tuple(
            mend
            for mend in Mend
            if not same(value(frozenset({mend})), before) or not same(value(CORRECTED - {mend}), after)
        )
        if alone:
            return alone
        needed = CORRECTED
        for mend in Mend:
            if not same(value(needed - {mend}), before):
                needed -= {mend}
        return tuple(mend for mend in Mend if mend in needed)


def flat(columns: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the numbers of nested dicts, each with its path."""
    for key, value in columns.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def same(a: Any, b: Any) -> bool:
    """Compare two values; sums of reals may end in other digits."""
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-12)
    return a == b
