"""Figures and objectives of designs as people read them: names, units with the right prefix, and which way is better."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from archloom.report import units

__all__ = ["MARKS", "Quantity", "gain_of", "gain_text", "number_text"]

LARGEST = 10.0
"""A ratio beyond this says nothing of an expression of one's own, which may well be a difference that comes near 0."""

_UNITS: dict[str, tuple[float, str, bool]] = {
    "energy_pj": (1e-12, "J", True),
    "energy_uj": (1e-6, "J", True),
    "latency_s": (1.0, "s", True),
    "edp": (1e-12, "J·cycles", True),
    "ed2p": (1e-12, "J·cycles²", True),
    "edp_js": (1.0, "J·s", True),
    "ed2p_js2": (1.0, "J·s²", True),
    "power_mw": (1e-3, "W", True),
    "area_mm2": (1.0, "mm²", False),
    "utilization": (100.0, "%", False),
    "gap": (100.0, "%", False),
    "cycles": (1.0, "cycles", False),
    "macs": (1.0, "MACs", False),
    "throughput": (1.0, "MACs/cycle", False),
    "flops_per_cycle": (1.0, "FLOP/cycle", False),
    "gflops": (1.0, "GFLOP/s", False),
    "throughput_per_area": (1.0, "MACs/cycle/mm²", False),
    "pes": (1.0, "MAC units", False),
    "onchip_kib": (1.0, "KiB", False),
}
"""Of each figure: a factor, the unit that it leads to, and whether prefixes go before that unit."""
_BARE = ("throughput", "flops_per_cycle", "gflops", "throughput_per_area")
"""Figures that are written without a unit: their names have it."""
_PREFIXES = dict(zip(range(-18, 19, 3), ("a", "f", "p", "n", "µ", "m", "", "k", "M", "G", "T", "P", "E"), strict=True))


def number_text(value: float) -> str:
    """A number of any kind in few characters."""
    if not math.isfinite(value):
        return "–"
    sign = "-" if value < 0 else ""
    return sign + (units.short(abs(value)) if abs(value) >= 1e-3 or value == 0 else f"{abs(value):.3g}")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A figure of a design: its column, what it is called, and the figure (of `exploration.metrics`) whose unit it has ("": none).

    `sign`: what the column is multiplied by to be shown (-1 for an objective that is maximised). `least`: whether less of what is
    shown is better; None: neither is.
    """

    column: str
    name: str
    metric: str = ""
    sign: float = 1.0
    least: bool | None = True

    def write(self, value: float) -> str:
        """A value as shown, with its unit."""
        if not math.isfinite(value):
            return "–"
        if self.metric in ("cycles", "pes", "macs"):
            return f"{value:,.0f}" if abs(value) < 1e12 else number_text(value)
        if self.metric == "onchip_kib":
            return units.bits(round(value * 8192)) if value > 0 else "0"
        if self.metric in ("utilization", "gap"):
            return units.percent(value)
        factor, unit = self.scale((value,))
        text = number_text(value * factor)
        return f"{text} {unit}" if unit and self.metric not in _BARE else text

    def scale(self, values: Iterable[float]) -> tuple[float, str]:
        """For an axis with these values: what they are multiplied by, and the unit that this leads to ("": none)."""
        if self.metric not in _UNITS:
            return 1.0, ""
        factor, unit, prefixed = _UNITS[self.metric]
        if not prefixed:
            return factor, unit
        most = max((abs(value) for value in values if math.isfinite(value)), default=0.0) * factor
        power = 0 if not most else 3 * math.floor(math.log10(most * 1.0005) / 3)
        power = min(18, max(-18, power))
        return factor * 10.0**-power, _PREFIXES[power] + unit

    def titled(self, unit: str) -> str:
        """The name with a unit, unless it says so itself."""
        own = {"mm²": "_mm2", "KiB": "_kib", "cycles": "cycles"}.get(unit)
        return self.name if not unit or (own and self.name.endswith(own)) else f"{self.name}, {unit}"

    @property
    def better(self) -> str:
        """Which way is better, in words; "" where neither is."""
        return "" if self.least is None else "less is better" if self.least else "more is better"


MARKS = (
    Quantity("cycles", "latency, cycles", "cycles"),
    Quantity("latency_s", "latency", "latency_s"),
    Quantity("energy_pj", "energy", "energy_pj"),
    Quantity("edp", "EDP", "edp"),
    Quantity("power_mw", "power", "power_mw"),
    Quantity("utilization", "utilisation", "utilization", least=False),
    Quantity("throughput", "MACs per cycle", "throughput", least=False),
    Quantity("gflops", "GFLOP/s", "gflops", least=False),
    Quantity("area_mm2", "area", "area_mm2"),
    Quantity("throughput_per_area", "MACs/cycle/mm²", "throughput_per_area", least=False),
    Quantity("pes", "MAC units", "pes", least=None),
    Quantity("onchip_kib", "memory on chip", "onchip_kib", least=None),
)
"""The figures that are compared, in the order in which they are shown."""


def gain_text(factor: float) -> str:
    """A gain: `1.8× better`, `3.2 % better`, `1.2 % worse`."""
    if abs(factor - 1) < 5e-4:
        return "the same"
    if factor >= 1.5:
        return f"{number_text(factor)}× better"
    if factor > 1:
        return f"{100 * (factor - 1):.2g} % better"
    return f"{100 * (1 / factor - 1):.2g} % worse" if factor > 1 / 1.5 else f"{number_text(1 / factor)}× worse"


def gain_of(quantity: Quantity, values: Sequence[float | None]) -> tuple[str, str]:
    """What a second value is worth beside a first, both as shown: in words, and `good`, `bad` or "" (no gain to speak of)."""
    before, after = values
    if (
        quantity.least is None
        or before is None
        or after is None
        or not math.isfinite(before)
        or not math.isfinite(after)
    ):
        return "", ""
    is_known = bool(quantity.metric) or 1 / LARGEST < after / before < LARGEST if before > 0 and after > 0 else False
    if is_known:
        text = gain_text(before / after if quantity.least else after / before)
        return text, "good" if "better" in text else "bad" if "worse" in text else ""
    difference = after - before
    if abs(difference) < 5e-4 * max(abs(before), abs(after)) or not difference:
        return "the same", ""
    is_good = (difference < 0) == quantity.least
    words = f"{number_text(abs(difference))} {'lower' if difference < 0 else 'higher'}"
    return words, "good" if is_good else "bad"
