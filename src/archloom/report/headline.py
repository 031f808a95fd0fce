"""The first lines of every report: latency, utilisation, energy, area, each with its reason in words."""

from __future__ import annotations

from dataclasses import dataclass

from archloom.architecture.hierarchy import Architecture
from archloom.model.result import Evaluation
from archloom.report import units
from archloom.report.figures import PortLoad, energy_table, port_loads
from archloom.report.names import clip
from archloom.report.technology_origins import energy_sources

__all__ = ["Line", "headline", "sources_lines"]


LONGEST_NAME = 28


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of the headline: its name, its value with unit, and what lies behind it."""

    name: str
    value: str
    note: str


def headline(evaluation: Evaluation, *, sources: bool = True) -> tuple[Line, ...]:
    """What a reader wants to know first, most important first; at the end, the `sources` of prices."""
    macs = evaluation.macs
    return (
        Line("Latency", f"{evaluation.cycles:,} cycles", _latency_note(evaluation)),
        Line("Utilisation", units.percent(evaluation.utilization), _utilisation_note(evaluation)),
        Line("Energy", units.energy(evaluation.energy_pj), _energy_note(evaluation)),
        Line("Area", units.area(evaluation.area_um2), "") if evaluation.area_um2 else Line("Area", "not given", ""),
        Line("EDP", f"{units.energy(evaluation.edp)}·cycles", f"{units.ratio(macs / evaluation.cycles)} MACs/cycle"),
        *(sources_lines(evaluation.architecture) if sources else ()),
    )


def sources_lines(architecture: Architecture) -> tuple[Line, ...]:
    """Whose energies they are, where the technology library priced something; mixed sources are all named."""
    found = energy_sources(architecture)
    if not found:
        return ()
    named = "; ".join(
        f"{source.replace('; ', ' and ')} ({', '.join(clip(name, LONGEST_NAME) for name in names)})"
        for source, names in found.items()
    )
    mixed = f"{len(found)} sources" if len(found) > 1 else "one source"
    return (Line("Prices", mixed, f"energies from {named}"),)


def _worst_port(evaluation: Evaluation, level: str) -> PortLoad:
    """The port of a level with the highest load."""
    return max(port_loads(evaluation, level), key=lambda load: load.slowdown)


def _latency_note(evaluation: Evaluation) -> str:
    network = sum(level.fanout.fill_latency + level.fanout.drain_latency for level in evaluation.architecture.levels)
    tail = f", and {network:,} cycles to fill and drain the networks" if network else ""
    if evaluation.bound_by == "compute":
        return f"bound by compute: every memory keeps up{tail}"
    load = _worst_port(evaluation, evaluation.bound_by)
    what = {"read": "reads", "write": "writes", "shared": "reads and writes"}[load.port.value]
    compute = f"{evaluation.compute.cycles:,} cycles of the MACs"
    return f"bound by {clip(evaluation.bound_by, LONGEST_NAME)}: its {what} take {units.times(load.slowdown)} the {compute}{tail}"


def _utilisation_note(evaluation: Evaluation) -> str:
    unit = evaluation.compute
    reasons: list[str] = [f"{unit.instances_used:,} of {unit.instances:,} {clip(unit.name, LONGEST_NAME)} units mapped"]
    if evaluation.cycles > unit.cycles:
        reasons.append(f"waiting {units.percent(1 - unit.cycles / evaluation.cycles)} of the time")
    padded = unit.cycles * unit.instances_used
    if padded > evaluation.macs:
        reasons.append(f"{units.percent(1 - evaluation.macs / padded)} of their work is padding")
    return ", ".join(reasons)


def _energy_note(evaluation: Evaluation) -> str:
    table = energy_table(evaluation)
    if not table.total_pj:
        return "the architecture gives no energies"
    name, row = max(table.rows.items(), key=lambda item: sum(item[1]))
    return f"{units.ratio(evaluation.energy_pj / evaluation.macs)} pJ per MAC; {units.percent(sum(row) / table.total_pj)} of it in {clip(name, LONGEST_NAME)}"
