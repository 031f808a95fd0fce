"""A mapped network as an HTML page of its own that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import archloom
from archloom.architecture.hierarchy import Architecture, Memory
from archloom.mapping.text import render as nest_text
from archloom.report import svg, units
from archloom.report.convergence import BEST_COLOUR, BOUND_COLOUR, draw_course
from archloom.report.figures import EnergyTable
from archloom.report.html import evaluation_contents
from archloom.report.mapping_charts import EnergyScale, Paint, draw_layer_energy, draw_layer_time, piece_paint
from archloom.report.mapping_figures import ROLES, network_energy, outer_traffic
from archloom.report.mapping_headline import (
    certificate,
    layers_text,
    mapping_headline,
    objective_name,
    objective_text,
    space_text,
)
from archloom.report.mapping_roofline import draw_panel, panels
from archloom.report.mapping_shares import ports_text
from archloom.report.pages import markup, page_script, swatch, templates
from archloom.report.sources import sources_of
from archloom.report.theme import dark_style
from archloom.search.network_mapping import LayerMapping, NetworkMapping
from archloom.workload.network import Skipped

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["gap_markup", "machine_rows", "mapping_page"]


def mapping_page(
    mapping: NetworkMapping,
    *,
    command: str = "",
    version: str = "",
    sources: Sequence[str] | None = None,
    warnings: Sequence[str] = (),
) -> str:
    """The whole report of a mapped network as one HTML page; it loads nothing, and works without its script.

    `command`: how the mapping was asked for. `sources`: where the machine's numbers come from, one sentence or more each; by default what the zoo says of a machine of
    this name.
    """
    whole = _contents(mapping) | _charts(mapping) | _search(mapping)
    page = templates().get_template("mapping.html.j2")
    return page.render(
        whole,
        sources=sources_of(mapping.architecture) if sources is None else sources,
        warnings=warnings,
        made=_made(mapping, command, version or archloom.__version__),
        version=version or archloom.__version__,
        dark=markup(dark_style()),
        **page_script(),
    )


def gap_markup(of: LayerMapping | NetworkMapping) -> Markup:
    """`proven` where nothing better exists, otherwise what a better mapping could save at most, in percent."""
    if of.finished and not of.gap:
        return markup('<span class="good">proven</span>')
    percent = f"{100 * of.gap:.2g} %" if of.gap >= 0.00005 else "&lt;0.01 %"
    return markup(f'<span class="open">{percent}</span>')


def _contents(mapping: NetworkMapping) -> dict[str, Any]:
    """Words and numbers."""
    objective = mapping.options.objective
    ideal = -(-mapping.macs // mapping.architecture.compute_instances)
    return {
        "mapping": mapping,
        "layers": layers_text(mapping),
        "executions": sum(layer.count for layer in mapping.layers),
        "objective": objective_name(objective),
        "headline": mapping_headline(mapping),
        "most": {
            "cycles": max(layer.cycles for layer in mapping.layers),
            "energy": max(layer.energy_pj for layer in mapping.layers),
        },
        "ideal": ideal,
        "traffic": [part for part in outer_traffic(mapping) if part.least_bits],
        "arguments": list(dict.fromkeys(why for layer in mapping.layers for why in layer.excluded)),
        "details": [_details(layer, mapping) for layer in mapping.layers],
        "machine": machine_rows(mapping.architecture),
        "skipped": _skipped(mapping.skipped),
        "objective_of": lambda value: objective_text(objective, value),
        "gap_of": gap_markup,
        "space_of": space_text,
    }


def _details(layer: LayerMapping, mapping: NetworkMapping) -> dict[str, Any]:
    cost = layer.evaluation
    return evaluation_contents(cost) | {
        "certificate": certificate(layer, mapping.options.objective),
        "text": nest_text(layer.mapping, layer.workload, cost.architecture),
    }


def _charts(mapping: NetworkMapping) -> dict[str, Any]:
    spent = network_energy(mapping)
    drawn = panels(mapping)
    width = 572.0 if len(drawn) > 1 else 1160.0
    return {
        "spent": spent,
        "columns": [sum(column) for column in zip(*spent.rows.values(), strict=True)],
        "swatches": _swatches(mapping, spent),
        "role_swatches": {plural: swatch(svg.ROLE_COLOURS[role]) for role, plural in ROLES.items()},  # pyright: ignore[reportArgumentType]
        "energy": markup(draw_layer_energy(mapping)),
        "energy_per_mac": markup(draw_layer_energy(mapping, EnergyScale.PER_MAC)),
        "time": markup(draw_layer_time(mapping)),
        "panels": [markup(draw_panel(panel, beside=drawn, width=width)) for panel in drawn],
    }


def _swatches(mapping: NetworkMapping, spent: EnergyTable) -> dict[str, list[Any]]:
    """For each level and column of the energy table, the colour that it has in the bars."""
    roles = {plural: role for role, plural in ROLES.items()}
    paints = {
        level: [piece_paint(mapping.architecture, level, roles.get(column, column)) for column in spent.columns]
        for level in spent.rows
        if level in mapping.architecture.names
    }
    paints[mapping.architecture.compute.name] = [Paint(svg.LEAKAGE_COLOUR)] * len(spent.columns)
    paints[mapping.architecture.compute.name][len(ROLES)] = piece_paint(mapping.architecture, "", "MACs")
    return {level: [swatch(paint.colour, paint.opacity) for paint in row] for level, row in paints.items()}


def _search(mapping: NetworkMapping) -> dict[str, Any]:
    drawn = [draw_course(layer) for layer in mapping.layers]
    return {
        "courses": [markup(picture) for picture in drawn if picture],
        "line_swatches": [swatch(BEST_COLOUR), swatch(BOUND_COLOUR)],
        "cached": sum(layer.cached for layer in mapping.layers),
    }


# ----------------------------------------------------------------------------------------------------------- machine


@dataclass(frozen=True, slots=True)
class MachineRow:
    """One level of a machine, or its compute units, in words; `energies`: pJ per read, write and update of a block, and leakage."""

    name: str
    kind: str
    instances: int
    size: str
    word: str
    block: str
    bandwidth: str
    energies: tuple[float | None, ...]
    area: str
    holds: str


def machine_rows(architecture: Architecture) -> tuple[MachineRow, ...]:
    """The levels, outer to inner, then the compute units."""
    levels = zip(reversed(architecture.levels), reversed(architecture.instances), strict=True)
    unit = architecture.compute
    compute = MachineRow(
        name=unit.name,
        kind=unit.kind,
        instances=architecture.compute_instances,
        size="",
        word=f"{unit.word_bits} bit",
        block="",
        bandwidth="",
        energies=(unit.energy_pj, None, None, unit.leak_pj),
        area=units.area(unit.area_um2) if unit.area_um2 else "",
        holds="energy per MAC",
    )
    return (*(_level_row(level, count, architecture) for level, count in levels), compute)


def _level_row(level: Memory, instances: int, architecture: Architecture) -> MachineRow:
    bounded = math.isfinite(level.size_bits)
    return MachineRow(
        name=level.name,
        kind=level.kind,
        instances=instances,
        size=units.bits(level.size_bits) if bounded and level.size_bits else "" if bounded else "no limit",
        word=f"{level.word_bits} bit",
        block=f"{level.block}" if level.size_bits else "",
        bandwidth=ports_text(architecture, level.name) or "no limit",
        energies=(level.read_pj, level.write_pj, level.update_pj, level.leak_pj),
        area=units.area(level.area_um2) if level.area_um2 else "",
        holds=_holds(level),
    )


def _holds(level: Memory) -> str:
    parts = [f"always {', '.join(sorted(level.keep))}" if level.keep else ""]
    parts.append(f"never {', '.join(sorted(level.bypass))}" if level.bypass else "")
    return "; ".join(filter(None, parts)) or "what the mapping likes"


# ----------------------------------------------------------------------------------------------------------- skipped


@dataclass
class SkippedRow:
    """Operators of one kind that are no layers, for one reason; `sizes`: their operations, as far as they are known."""

    op: str
    note: str
    found: list[str] = field(default_factory=list[str])
    sizes: list[int] = field(default_factory=list[int])

    @property
    def times(self) -> int:
        return len(self.found)

    @property
    def names(self) -> str:
        return ", ".join(self.found)

    @property
    def operations(self) -> str:
        """Their sum; with a plus where some are not known."""
        if not self.sizes:
            return "not known"
        return f"{sum(self.sizes):,}" + ("" if len(self.sizes) == len(self.found) else " +")


def _skipped(parts: Sequence[Skipped]) -> list[SkippedRow]:
    """One row per operator and reason, most operations first."""
    rows: dict[tuple[str, str], SkippedRow] = {}
    for part in parts:
        row = rows.setdefault((part.op, part.note), SkippedRow(part.op, part.note))
        row.found.append(part.name)
        if part.operations is not None:
            row.sizes.append(part.operations)
    return sorted(rows.values(), key=lambda row: -sum(row.sizes))


def _made(mapping: NetworkMapping, command: str, version: str) -> dict[str, str]:
    options = mapping.options
    limit = "none" if options.time_limit_s is None else f"{options.time_limit_s:g} s"
    cuts = {"level": "end at the border of their level's block", "free": "end anywhere in their level's block"}
    rows = {
        "command": command,
        "version": f"archloom {version}",
        "objective": f"{objective_name(options.objective)}, for each layer on its own",
        "tiles": cuts.get(options.cuts, options.cuts),
        "factors": "may multiply to more than a bound (padding)"
        if options.padding
        else "multiply to each bound exactly",
        "outputs sent outwards": "are read first (drain reads)" if options.drain_reads else "are not counted as reads",
        "strategy": f"{options.strategy}, seed {options.seed}",
        "time limit": limit,
        "search": f"{mapping.cpu_s:,.2f} CPU-seconds, earlier runs' included",
    }
    return {name: value for name, value in rows.items() if value}
