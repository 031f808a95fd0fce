"""A mapped network as an HTML page of its own that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import archloom
from archloom.mapping.text import render as nest_text
from archloom.report import svg
from archloom.report.convergence import BEST_COLOUR, BOUND_COLOUR, draw_course
from archloom.report.figures import EnergyTable
from archloom.report.html import evaluation_contents
from archloom.report.machine_rows import machine_rows
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
from archloom.report.pages import markup, page_script, swatch, templates
from archloom.report.sources import sources_of
from archloom.report.theme import dark_style
from archloom.search.network_mapping import LayerMapping, NetworkMapping
from archloom.search.objective import Objective
from archloom.workload.network import Skipped

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["gap_markup", "layer_fragment", "mapping_page", "network_fragment"]


def mapping_page(
    mapping: NetworkMapping,
    *,
    command: str = "",
    version: str = "",
    sources: Sequence[str] | None = None,
    warnings: Sequence[str] = (),
) -> str:
    """The whole report of a mapped network as one HTML page; it loads nothing, and works without its script.

    `command`: how the mapping was asked for. `sources`: where the machine's numbers come from, a paragraph each; by default what
    the zoo says of a machine of this name. `warnings`: what was said on the way, a sentence each.
    """
    version = version or archloom.__version__
    page = templates().get_template("mapping.html.j2")
    return page.render(
        _contents(mapping) | _charts(mapping) | _details(mapping) | _search(mapping),
        sources=sources_of(mapping.architecture) if sources is None else sources,
        warnings=warnings,
        made=_made(mapping, command, version),
        version=version,
        dark=markup(dark_style()),
        **page_script(),
    )


def network_fragment(mapping: NetworkMapping) -> str:
    """Totals, layers and their charts as a piece of HTML with its own style, as notebooks show it."""
    page = templates().get_template("mapping_fragment.html.j2")
    return page.render(_contents(mapping) | _charts(mapping), link="")


def layer_fragment(layer: LayerMapping) -> str:
    """The mapping of a layer, its costs and its certificate as a piece of HTML with its own style."""
    page = templates().get_template("layer_fragment.html.j2")
    return page.render(evaluation_contents(layer.evaluation), certificate=certificate(layer, Objective("objective")))


def gap_markup(of: LayerMapping | NetworkMapping) -> Markup:
    """`proven` where nothing better exists, otherwise what a better mapping could save at most, in percent."""
    if of.finished and not of.gap:
        return markup('<span class="good">proven</span>')
    percent = f"{100 * of.gap:.2g} %" if of.gap >= 0.00005 else "&lt;0.01 %"
    return markup(f'<span class="open">{percent}</span>')


def _contents(mapping: NetworkMapping) -> dict[str, Any]:
    """Words and numbers."""
    ideal = -(-mapping.macs // mapping.architecture.compute_instances)
    return {
        "mapping": mapping,
        "layers": layers_text(mapping),
        "executions": sum(layer.count for layer in mapping.layers),
        "objective": objective_name(mapping.options.objective),
        "headline": mapping_headline(mapping),
        "most": {
            "cycles": max(layer.cycles for layer in mapping.layers),
            "energy": max(layer.energy_pj for layer in mapping.layers),
        },
        "ideal": ideal,
        "gap_of": gap_markup,
    }


def _details(mapping: NetworkMapping) -> dict[str, Any]:
    """Every layer by itself, the machine, and what is left out."""
    objective = mapping.options.objective
    details = [
        evaluation_contents(layer.evaluation, sources=False)
        | {
            "certificate": certificate(layer, objective),
            "text": nest_text(layer.mapping, layer.workload, layer.evaluation.architecture),
        }
        for layer in mapping.layers
    ]
    return {
        "details": details,
        "machine": machine_rows(mapping.architecture),
        "skipped": _skipped(mapping.skipped),
        "arguments": list(dict.fromkeys(why for layer in mapping.layers for why in layer.excluded)),
        "traffic": [part for part in outer_traffic(mapping) if part.least_bits],
        "objective_of": lambda value: objective_text(objective, value),
        "space_of": space_text,
        "link": "#layer-",
    }


def _charts(mapping: NetworkMapping) -> dict[str, Any]:
    spent = network_energy(mapping)
    drawn = panels(mapping)
    width = 572.0 if len(drawn) > 1 else 1160.0
    return {
        "spent": spent,
        "columns": [sum(column) for column in zip(*spent.rows.values(), strict=True)],
        "swatches": _swatches(mapping, spent),
        "role_swatches": {plural: swatch(svg.ROLE_COLOURS[role]) for role, plural in ROLES.items()},
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
