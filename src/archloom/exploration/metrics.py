"""Figures of merit of a batch of designs: energy, time, power, area and what follows from them, as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archloom.architecture.hierarchy import Architecture
from archloom.errors import Fault
from archloom.exploration.suite import Suite

__all__ = ["ALIASES", "METRICS", "STATIC", "Chips", "chip_of", "metrics_of", "never_known", "why_unknown"]

Values = NDArray[np.float64]

METRICS = {
    "energy_pj": "pJ: all layers, leakage included",
    "energy_uj": "uJ",
    "cycles": "all layers, one after the other",
    "latency_s": "seconds",
    "edp": "energy-delay product, pJ x cycles",
    "ed2p": "pJ x cycles^2",
    "edp_js": "energy-delay product, J x s",
    "ed2p_js2": "J x s^2",
    "macs": "multiply-accumulates",
    "utilization": "MACs over MAC units times cycles, at most 1",
    "throughput": "MACs per cycle",
    "flops_per_cycle": "(2 x MACs - outputs) per cycle",
    "gflops": "(2 x MACs - outputs) per nanosecond",
    "power_mw": "mW: energy over time",
    "area_mm2": "mm2, of all components",
    "throughput_per_area": "MACs per cycle and mm2",
    "pes": "MAC units",
    "onchip_kib": "KiB of all memories but the outermost",
    "gap": "the part of the mapping objective that other mappings could save at most",
}
"""The figures of merit, and their units."""

STATIC = ("area_mm2", "pes", "onchip_kib")
"""Those that are known without a mapping."""

ALIASES = {
    "energy": ("energy_pj", "energy_pj"),
    "latency": ("cycles", "latency_s"),
    "edp": ("edp", "edp_js"),
    "ed2p": ("ed2p", "ed2p_js2"),
    "area": ("area_mm2", "area_mm2"),
    "power": ("power_mw", "power_mw"),
    "utilisation": ("utilization", "utilization"),
}
"""Other names: what each means where all designs have one clock, and where the clock is part of the design."""

NEEDS_CLOCK = frozenset({"latency_s", "edp_js", "ed2p_js2", "gflops", "power_mw"})
NEEDS_AREA = frozenset({"area_mm2", "throughput_per_area"})
NO_CLOCK, NO_AREA = "the machine has no clock", "no component of the machine has an area"


@dataclass(frozen=True, eq=False)
class Chips:
    """What is known of designs without a mapping, arrays [B]: MAC units, clock (nan: none), area in um2, bits on chip.

    An area of 0 means that no component has one.
    """

    pes: Values
    clock_hz: Values
    area_um2: Values
    onchip_bits: Values

    def columns(self) -> dict[str, Values]:
        """The figures that need no mapping (STATIC)."""
        area = np.where(self.area_um2 > 0, self.area_um2 * 1e-6, np.nan)
        return {"area_mm2": area, "pes": self.pes, "onchip_kib": self.onchip_bits / 8192}


def chip_of(architecture: Architecture, clock_hz: float | None) -> Chips:
    """One machine as a batch of one. A pure fanout (a level that bypasses all and has no size) holds no bits."""
    onchip = sum(
        count * (0.0 if level.size_bits == np.inf and "all" in level.bypass else level.size_bits)
        for level, count in zip(architecture.levels[:-1], architecture.instances[:-1], strict=True)
    )
    figures = architecture.compute_instances, np.nan if clock_hz is None else clock_hz, architecture.area_um2, onchip
    return Chips(*(np.array([figure], dtype=np.float64) for figure in figures))


def metrics_of(suite: Suite, chips: Chips, energy_pj: Values, cycles: Values) -> dict[str, Values]:
    """All METRICS but `gap`, arrays [B], of a suite's energy (pJ) and latency (cycles), [B, networks].

    Each figure is worked out per network and averaged by the suite's mean; area, PEs and memory are the chip's. nan where a figure
    is not known (`why_unknown`) or where energy and cycles are nan.
    """
    static = chips.columns()
    macs, outputs = (np.array(count, dtype=np.float64) for count in (suite.macs, suite.outputs))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        seconds = cycles / chips.clock_hz[:, None]
        joules = energy_pj * 1e-12
        rate = macs / cycles
        flops = (2 * macs - outputs) / cycles
        per_network = {
            "energy_pj": energy_pj,
            "energy_uj": energy_pj * 1e-6,
            "cycles": cycles,
            "latency_s": seconds,
            "edp": energy_pj * cycles,
            "ed2p": energy_pj * cycles**2,
            "edp_js": joules * seconds,
            "ed2p_js2": joules * seconds**2,
            "macs": np.broadcast_to(macs, energy_pj.shape),
            "utilization": macs / (chips.pes[:, None] * cycles),
            "throughput": rate,
            "flops_per_cycle": flops,
            "gflops": flops * chips.clock_hz[:, None] * 1e-9,
            "power_mw": joules / seconds * 1e3,
            "throughput_per_area": rate / static["area_mm2"][:, None],
        }
    found = {name: suite.average(values) for name, values in per_network.items()}
    return {name: found[name] if name in found else static[name] for name in METRICS if name != "gap"}


def why_unknown(name: str, columns: Mapping[str, Values], row: int) -> str:
    """Why a figure of a mapped design is nan, in a sentence."""
    if name in NEEDS_CLOCK and np.isnan(columns["latency_s"][row]):
        return NO_CLOCK
    if name in NEEDS_AREA and np.isnan(columns["area_mm2"][row]):
        return NO_AREA
    return "it is not a number"


def never_known(names: Iterable[str], chips: Chips) -> list[Fault]:
    """A fault for each of these figures that no mapping would give, for want of a clock or of areas in all designs."""
    faults: list[Fault] = []
    for name in sorted(names):
        if name in NEEDS_CLOCK and np.isnan(chips.clock_hz).all():
            faults.append(Fault(f"{name} is not known: {NO_CLOCK}", hint="write clock: 1 GHz in the architecture"))
        if name in NEEDS_AREA and not (chips.area_um2 > 0).any():
            faults.append(
                Fault(f"{name} is not known: {NO_AREA}", hint="give the components area, or a class and a node")
            )
    return faults
