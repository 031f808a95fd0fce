"""Layers priced as MAESTRO prices them, by one engine or both: what the terminal, the pages and the files show of it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from archloom.interop.maestro.columns import area_and_power
from archloom.interop.maestro.corrected import true_macs
from archloom.interop.maestro.mends import Mend
from archloom.report import units

if TYPE_CHECKING:
    from archloom.interop.maestro.differences import Difference
    from archloom.interop.maestro.hardware import Hardware
    from archloom.interop.maestro.translate import Translation

__all__ = [
    "MAC_PJ",
    "UNLIMITED",
    "Limit",
    "Miscount",
    "Priced",
    "Totals",
    "finite",
    "limits",
    "machine_text",
    "miscounts",
    "power_text",
    "priced_dict",
    "totals",
]

MAC_PJ = 0.23
"""What MAESTRO takes a MAC to cost; its other energies are multiples of this."""

UNLIMITED = 2**31 - 1
SHOWN = (
    "num_macs",
    "summary.runtime",
    "summary.throughput",
    "summary.total_energy_consumption",
    "summary.total_l1_buffer_requirement",
    "summary.total_l2_buffer_requirement",
)
"""The numbers of a layer that the tables show."""

Block = dict[str, Any]


@dataclass(frozen=True)
class Priced:
    """The layers of a network on a machine: for each engine a dict per layer, and where two engines differ, and why."""

    label: str
    dataflow: str
    machine: Hardware
    layers: Translation
    engines: Mapping[str, Sequence[Block]]
    differences: tuple[Difference, ...] = ()

    @property
    def names(self) -> list[str]:
        return [layer.name for layer in self.layers.network.layers]

    @property
    def peak(self) -> int:
        """MACs per cycle of all PEs."""
        return self.machine.num_pes * self.machine.simd_lanes

    def mends_at(self, layer: int) -> list[Mend]:
        """The mends that change a number of a layer that is in the tables."""
        changes = (change for change in self.differences if change.layer == layer and change.key in SHOWN)
        found = {mend for change in changes for mend in change.reasons}
        return [mend for mend in Mend if mend in found]


@dataclass(frozen=True, slots=True)
class Totals:
    """Of all layers with their counts: cycles, MACs and pJ added up; of the rest the most that a layer needs.

    Area and power are those of a machine with just these buffers.
    """

    cycles: int
    macs: int
    energy_pj: float
    l1: int
    l2: int
    noc_bandwidth: int
    offchip_bandwidth: int
    area_um2: float
    power_mw: float

    @property
    def throughput(self) -> float:
        """MACs per cycle."""
        return self.macs / self.cycles if self.cycles else math.nan

    @property
    def edp(self) -> float:
        """Energy times time, in pJ times cycles."""
        return self.energy_pj * self.cycles


def totals(priced: Priced, engine: str) -> Totals:
    """Add up the layers of one engine."""
    rows = list(zip(priced.engines[engine], priced.layers.counts, strict=True))

    def most(column: str) -> Any:
        return max(row["csv"][column] for row, _ in rows)

    l1, l2 = most("L1 SRAM Size Req (Bytes)"), most("L2 SRAM Size Req (Bytes)")
    area_um2, power_mw = area_and_power(priced.machine, l1, l2)
    return Totals(
        cycles=sum(count * row["summary"]["runtime"] for row, count in rows),
        macs=sum(count * row["num_macs"] for row, count in rows),
        energy_pj=MAC_PJ * sum(count * row["summary"]["total_energy_consumption"] for row, count in rows),
        l1=l1,
        l2=l2,
        noc_bandwidth=most("Peak BW Req"),
        offchip_bandwidth=most("Offchip BW Req (Elements/cycle)"),
        area_um2=area_um2,
        power_mw=sum(power_mw.values()),
    )


@dataclass(frozen=True, slots=True)
class Miscount:
    """A layer whose tiles leave gaps or overlap: the MACs that the corrected engine counts, and those of the layer."""

    layer: str
    counted: int
    macs: int

    def __str__(self) -> str:
        how = "overlap" if self.counted > self.macs else "leave gaps"
        return f"the tiles of {self.layer} {how}: {self.counted:,} MACs are counted, and it has {self.macs:,}"


def miscounts(priced: Priced) -> list[Miscount]:
    """The layers that no engine can price right, because their directives do not cover them exactly once."""
    layers = zip(priced.layers.network.layers, priced.engines.get("corrected", ()), strict=False)
    found = (Miscount(layer.name, block["num_macs"], true_macs(layer)) for layer, block in layers)
    return [one for one in found if one.counted != one.macs]


@dataclass(frozen=True, slots=True)
class Limit:
    """What the layers need at most of something that the machine has, and which layer needs it."""

    name: str
    unit: str
    needed: int
    given: int
    layer: str

    @property
    def fits(self) -> bool:
        return self.needed <= self.given

    @property
    def limited(self) -> bool:
        return self.given < UNLIMITED


def limits(priced: Priced, engine: str) -> list[Limit]:
    """Buffers and bandwidths as the last lines of MAESTRO's output compare them."""
    machine = priced.machine
    wanted = (
        ("L1 of each PE", "elements", "L1 SRAM Size Req (Bytes)", machine.l1_size),
        ("L2", "elements", "L2 SRAM Size Req (Bytes)", machine.l2_size),
        ("NoC", "elements/cycle", "Peak BW Req", machine.noc_bandwidth),
        ("off-chip", "elements/cycle", "Offchip BW Req (Elements/cycle)", machine.offchip_bandwidth),
    )
    found: list[Limit] = []
    for name, unit, column, given in wanted:
        needs = [row["csv"][column] for row in priced.engines[engine]]
        at = max(range(len(needs)), key=needs.__getitem__)
        found.append(Limit(name, unit, needs[at], given, priced.names[at]))
    return found


def machine_text(machine: Hardware, *, without: Collection[str] = ()) -> str:
    """A machine in a line, `without` what a sweep varies (pes, simd, noc_bw, noc_latency, offchip_bw, l1, l2)."""
    parts: list[str] = []
    if "pes" not in without:
        parts.append(f"{machine.num_pes:,} PEs")
    if machine.simd_lanes > 1 and "simd" not in without:
        parts.append(f"{machine.simd_lanes} lanes each")
    noc = [] if "noc_bw" in without else [rate_text(machine.noc_bandwidth)]
    if "noc_latency" not in without:
        noc.append(f"after {machine.noc_latency} cycle{'' if machine.noc_latency == 1 else 's'}")
    parts += [" ".join(["NoC", *noc])] if noc else []
    if "offchip_bw" not in without:
        parts.append(f"off-chip {rate_text(machine.offchip_bandwidth)}")
    for what, size in (("L1", machine.l1_size), ("L2", machine.l2_size)):
        if what.lower() not in without:
            parts.append(f"{what} {size:,}" if size < UNLIMITED else f"{what} unlimited")
    return ", ".join(parts)


def rate_text(bandwidth: int) -> str:
    return f"{bandwidth:,} elements/cycle" if bandwidth < UNLIMITED else "unlimited"


def power_text(milliwatts: float) -> str:
    """A power: `450 mW`, `3.63 W`."""
    return f"{units.ratio(milliwatts)} mW" if milliwatts < 1000 else f"{units.ratio(milliwatts / 1000)} W"


def priced_dict(priced: Priced) -> dict[str, Any]:
    """All of it as plain values: totals and layers of each engine, differences with their reasons, and what is left out."""
    named = [
        {"layer": layer.name, "type": layer.type.name, "count": count}
        for layer, count in zip(priced.layers.network.layers, priced.layers.counts, strict=True)
    ]
    return {
        "network": priced.label,
        "dataflow": priced.dataflow or None,
        "machine": asdict(priced.machine),
        "engines": {
            engine: {
                "totals": {**asdict(totals(priced, engine)), "throughput": totals(priced, engine).throughput},
                "layers": [{**name, **block} for name, block in zip(named, blocks, strict=True)],
            }
            for engine, blocks in priced.engines.items()
        },
        "differences": [
            {
                "layer": priced.names[change.layer],
                "key": change.key,
                "compatible": change.compatible,
                "corrected": change.corrected,
                "reasons": [mend.name for mend in change.reasons],
            }
            for change in priced.differences
        ],
        "reasons": {mend.name: mend.reason for mend in Mend} if len(priced.engines) > 1 else {},
        "miscounts": [asdict(miscount) for miscount in miscounts(priced)],
        "left_out": [asdict(layer) for layer in priced.layers.left_out],
    }


def finite(value: Any) -> Any:
    """The value with null for every number that is none, as JSON wants it."""
    if isinstance(value, dict):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
