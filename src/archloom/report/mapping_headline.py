"""The first lines of a network's report: latency, energy, utilisation, traffic, proof, each with its reason in words."""

from __future__ import annotations

from archloom.report import units
from archloom.report.headline import Line, sources_lines
from archloom.report.mapping_figures import outer_traffic
from archloom.report.names import clip
from archloom.search.network_mapping import LayerMapping, NetworkMapping
from archloom.search.objective import Objective

__all__ = ["certificate", "layers_text", "mapping_headline", "objective_name", "objective_text", "space_text"]

LONGEST_NAME = 28
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def mapping_headline(mapping: NetworkMapping) -> tuple[Line, ...]:
    """What a reader wants to know first, most important first."""
    lines = [
        Line("Latency", f"{mapping.cycles:,} cycles", _latency_note(mapping)),
        Line("Energy", units.energy(mapping.energy_pj), _energy_note(mapping)),
        Line("EDP", f"{units.energy(mapping.edp)}·cycles", "all energy times all cycles"),
        Line("Utilisation", units.percent(mapping.utilization), _utilisation_note(mapping)),
        _traffic(mapping),
        _proof(mapping),
    ]
    if mapping.area_um2:
        lines.append(Line("Area", units.area(mapping.area_um2), "of the whole machine"))
    return (*lines, *sources_lines(mapping.architecture))


def layers_text(mapping: NetworkMapping) -> str:
    """How many layers there are: `21 layers, 12 of them distinct`."""
    executions = sum(layer.count for layer in mapping.layers)
    if executions == 1:
        return "1 layer"
    distinct = len(mapping.layers)
    return f"{executions:,} layers" + (f", {distinct:,} of them distinct" if distinct != executions else "")


def _latency_note(mapping: NetworkMapping) -> str:
    by: dict[str, int] = {}
    for layer in mapping.layers:
        by[layer.evaluation.bound_by] = by.get(layer.evaluation.bound_by, 0) + layer.cycles
    shares = sorted(by.items(), key=lambda item: -item[1])[:2]
    parts = [f"{units.percent(cycles / mapping.cycles)} bound by {clip(name, LONGEST_NAME)}" for name, cycles in shares]
    return ", ".join(parts)


def _energy_note(mapping: NetworkMapping) -> str:
    if not mapping.energy_pj:
        return "the architecture gives no energies"
    spent = mapping.energy_by_level
    most = max(spent, key=lambda name: spent[name])
    share = units.percent(spent[most] / mapping.energy_pj)
    return f"{units.ratio(mapping.energy_pj / mapping.macs)} pJ per MAC; {share} of it in {clip(most, LONGEST_NAME)}"


def _utilisation_note(mapping: NetworkMapping) -> str:
    name, count = mapping.architecture.compute.name, mapping.architecture.compute_instances
    return f"{units.ratio(mapping.macs / mapping.cycles)} MACs per cycle on {count:,} {clip(name, LONGEST_NAME)} units"


def _traffic(mapping: NetworkMapping) -> Line:
    moved = outer_traffic(mapping)
    whole, least = sum(part.bits for part in moved), sum(part.least_bits for part in moved)
    name = f"{clip(mapping.architecture.names[-1], 16)} traffic"
    if not whole:
        return Line(name, "none", "")
    most = max(moved, key=lambda part: part.bits)
    times = f"{units.times(whole / least)} as if each word moved once; " if least else ""
    return Line(name, units.bits(whole), f"{times}{units.percent(most.bits / whole)} of it {most.role}")


# ------------------------------------------------------------------------------------------------------- certificate


def _proof(mapping: NetworkMapping) -> Line:
    what, every = objective_name(mapping.options.objective), len(mapping.layers)
    proven = sum(layer.finished for layer in mapping.layers)
    value = f"best {what}, proven" if proven == every else f"{proven} of {every} layers proven"
    notes: list[str] = []
    if proven < every:
        worst = max(mapping.layers, key=lambda layer: layer.gap)
        notes.append(f"{clip(worst.name, LONGEST_NAME)} could be up to {units.percent(worst.gap)} better")
    if every > 1 and not mapping.unmapped and 0 < mapping.gap < 1:
        notes.append(f"the network's {what} at most {units.percent(mapping.gap / (1 - mapping.gap))} above the least")
    priced = sum(layer.priced for layer in mapping.layers)
    notes.append(f"{priced:,} {'mapping' if priced == 1 else 'mappings'} costed in {_seconds(mapping.cpu_s)} CPU-s")
    return Line("Certificate", value, "; ".join(notes))


def objective_name(objective: Objective) -> str:
    """How an objective is written: `EDP`."""
    return {"edp": "EDP", "ed2p": "ED²P"}.get(objective.name, objective.name)


def objective_text(objective: Objective, value: float) -> str:
    """A value of an objective with its unit, as far as it has one."""
    if objective.name == "latency":
        return f"{value:,.0f} cycles"
    units_of = {"energy": "", "edp": "·cycles", "ed2p": "·cycles²"}
    if objective.name in units_of:
        return units.energy(value) + units_of[objective.name]
    return f"{value:.4g}"


def space_text(size: int | None) -> str:
    """The size of a mapspace: `812`, `4.2 × 10¹⁸`; a dash where it was not counted."""
    if size is None:
        return "–"
    if size < 10**6:
        return f"{size:,}"
    digits = str(size)
    return f"{digits[0]}.{digits[1]} × 10{str(len(digits) - 1).translate(SUPERSCRIPT)}"


def certificate(layer: LayerMapping, objective: Objective) -> str:
    """What is proven about the mapping of a layer, in a sentence."""
    what, bound = objective_name(objective), objective_text(objective, layer.bound)
    if layer.finished:
        many = "" if layer.space_size is None else f"{space_text(layer.space_size)} "
        return f"Proven: none of the {many}mappings of its mapspace has a lower {what}."
    if layer.bound <= 0:
        return f"Not proven: nothing is known about how low the {what} of other mappings may be."
    saved = units.percent(layer.gap)
    return (
        f"Not proven: another mapping may have a lower {what}, but none has one below {bound}, which is {saved} less."
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}" if seconds < 10 else f"{seconds:.1f}" if seconds < 100 else f"{seconds:,.0f}"
