"""Layers priced as MAESTRO prices them, in a terminal: totals, every layer, and where and why the two engines differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from archloom.interop.maestro.dataflows import ClusterOf, Dataflow, MapOf, Step
from archloom.interop.maestro.mends import Mend
from archloom.report import units
from archloom.report.maestro import MAC_PJ, Block, Priced, Totals, limits, machine_text, miscounts, power_text, totals
from archloom.report.mapping_terminal import grid
from archloom.report.names import printable, squeeze
from archloom.report.styles import QUIET

__all__ = ["TOTALS", "count_text", "print_dataflows", "print_priced"]

NARROWEST, WIDEST = 80, 160
LONGEST_NAME = 24
MENDED = "cyan"
"""What the corrected engine says where it says something else."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A total with its name and how it is written."""

    name: str
    of: Callable[[Totals], float]
    write: Callable[[float], str]


def count_text(value: float) -> str:
    """A count in full, where it is one."""
    return units.count(int(value)) if math.isfinite(value) else "-"


TOTALS = (
    Figure("cycles", lambda total: total.cycles, count_text),
    Figure("MACs", lambda total: total.macs, count_text),
    Figure("MACs/cycle", lambda total: total.throughput, units.ratio),
    Figure("energy", lambda total: total.energy_pj, units.energy),
    Figure("L1 needed, elements", lambda total: total.l1, count_text),
    Figure("L2 needed, elements", lambda total: total.l2, count_text),
    Figure("area", lambda total: total.area_um2, units.area),
    Figure("power", lambda total: total.power_mw, power_text),
)


def print_priced(priced: Priced, console: Console) -> None:
    """Print the whole of it, as wide as the console, 80 to 160 columns."""
    console.width = max(NARROWEST, min(console.width, WIDEST))
    flow = f", dataflow {priced.dataflow}" if priced.dataflow else ""
    console.print(Text.assemble((printable(priced.label), "bold"), f"{flow}\n", (machine_text(priced.machine), QUIET)))
    sections: list[tuple[str, RenderableType]] = [("Totals", _totals(priced)), ("Layers", _layers(priced))]
    if priced.differences:
        sections.append(("Why they differ", _reasons(priced)))
    sections.append(("Buffers and bandwidths", _limits(priced)))
    wrong = miscounts(priced)
    if wrong:
        sections.insert(1, ("Not covered once", Text("\n".join(f"{printable(str(one))}." for one in wrong), "yellow")))
    if priced.layers.left_out:
        sections.append(("Left out", _left_out(priced)))
    for name, body in sections:
        console.print(Group(Text(f"\n{name}", "bold"), body))


def _totals(priced: Priced) -> RenderableType:
    sums = {engine: totals(priced, engine) for engine in priced.engines}
    table = grid(("", "left"), *((engine, "right") for engine in sums), ("", "right"))
    for figure in (*TOTALS[:3], _utilisation(priced), *TOTALS[3:]):
        values = [figure.of(total) for total in sums.values()]
        first, *others = (figure.write(value) for value in values)
        change = units.times(values[-1] / values[0]) if others and others[-1] != first and values[0] else ""
        cells = [Text(first), *(Text(other, MENDED if other != first else "") for other in others)]
        table.add_row(figure.name, *cells, Text(change, QUIET))
    note = "Energy as MAESTRO's summary has it, a MAC at 0.23 pJ; area and power with just the buffers needed."
    return Group(table, Text(note, QUIET))


def _utilisation(priced: Priced) -> Figure:
    return Figure("utilisation", lambda total: total.throughput / priced.peak, _percent)


def _percent(share: float) -> str:
    return units.percent(share) if math.isfinite(share) else "-"


# ------------------------------------------------------------------------------------------------------------- layers


def _layers(priced: Priced) -> RenderableType:
    columns = ("MACs", "cycles", "MACs/cycle", "util", "energy", "L1", "L2")
    heads: list[tuple[str, str]] = [("", "left"), ("×", "right"), *((name, "right") for name in columns)]
    both = len(priced.engines) > 1
    table = grid(*heads, *([("mended", "left")] if both else []))
    table.columns[-1].no_wrap = not both
    for at, name in enumerate(priced.names):
        first, *others = (blocks[at] for blocks in priced.engines.values())
        cells = _cells(first, priced.peak)
        table.add_row(squeeze(name, LONGEST_NAME), str(priced.layers.counts[at]), *cells)
        for other in others:
            changed = [now if now != was else "" for now, was in zip(_cells(other, priced.peak), cells, strict=True)]
            if any(changed):
                mends = " ".join(mend.name for mend in priced.mends_at(at))
                table.add_row("", "", *(Text(cell, MENDED) for cell in changed), Text(mends, MENDED))
    note = "Of one execution of each layer"
    if both:
        note += "; the second line is what the corrected engine says instead"
    return Group(table, Text(f"{note}.", QUIET))


def _cells(block: Block, peak: int) -> list[str]:
    summary = block["summary"]
    return [
        units.short_count(block["num_macs"]),
        units.short_count(summary["runtime"]),
        units.ratio(summary["throughput"]),
        _percent(summary["throughput"] / peak),
        units.energy(MAC_PJ * summary["total_energy_consumption"]),
        units.short_count(summary["total_l1_buffer_requirement"]),
        units.short_count(summary["total_l2_buffer_requirement"]),
    ]


# ------------------------------------------------------------------------------------------------------------ reasons


def _reasons(priced: Priced) -> RenderableType:
    """Every mend that changes something: what is wrong in MAESTRO, in which layers, and the columns that it changes."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column()
    for mend in Mend:
        touched = [change for change in priced.differences if mend in change.reasons]
        if touched:
            layers = dict.fromkeys(priced.names[change.layer] for change in touched)
            names = ", ".join(squeeze(name, LONGEST_NAME) for name in list(layers)[:4])
            more = f" and {len(layers) - 4} more" if len(layers) > 4 else ""
            what = Text.assemble(printable(mend.reason), (f"\n{len(touched)} numbers of {names}{more}", QUIET))
            table.add_row(Text(mend.name, MENDED), what)
    return table


# ------------------------------------------------------------------------------------------------------------- limits


def _limits(priced: Priced) -> RenderableType:
    """What the neediest layer needs of each buffer and bandwidth, by each engine, beside what the machine has."""
    both = len(priced.engines) > 1
    heads = [(f"{engine} needs" if both else "needs", "right") for engine in priced.engines]
    last = [] if both else [("most in", "left")]
    table = grid(("", "left"), ("has", "right"), *(head for name in heads for head in (name, ("", "left"))), *last)
    for found in zip(*(limits(priced, engine) for engine in priced.engines), strict=True):
        cells: list[str | Text] = [units.count(found[0].given) if found[0].limited else "unlimited"]
        for limit in found:
            verdict = Text("enough", "green") if limit.fits else Text("too little", "red")
            cells += [units.count(limit.needed), verdict]
        layer = [] if both else [Text(squeeze(found[0].layer, LONGEST_NAME), QUIET)]
        table.add_row(f"{found[0].name}, {found[0].unit}", *cells, *layer)
    note = "MAESTRO only warns of too little; only the delays of a bandwidth change for it."
    return Group(table, Text(note, QUIET))


def _left_out(priced: Priced) -> RenderableType:
    table = grid(("", "left"), ("MACs", "right"), ("why", "left"))
    table.columns[-1].no_wrap = False
    for layer in priced.layers.left_out:
        table.add_row(
            squeeze(layer.name, LONGEST_NAME), units.short_count(layer.macs), Text(printable(layer.reason), QUIET)
        )
    return table


# ---------------------------------------------------------------------------------------------------------- dataflows


def print_dataflows(dataflows: Sequence[Dataflow], console: Console) -> None:
    """The stock dataflows: names, what they lay out, where they come from, and their directives, a line per level."""
    console.width = max(NARROWEST, min(console.width, WIDEST))
    for flow in dataflows:
        also = f"  {', '.join(flow.aliases)}" if flow.aliases else ""
        console.print(Text.assemble((flow.name, "bold"), (also, QUIET)))
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 2))
        table.add_row(Text(f"{flow.about}. {flow.source}.", QUIET))
        for kind, template in flow.templates.items():
            table.add_row(Text.assemble((f"{kind.name} ", "green"), "; ".join(map(step_text, template))))
        console.print(table)
        console.print()


def step_text(step: Step) -> str:
    """A step as a directive, the sizes that depend on the layer with Sz."""
    if isinstance(step, ClusterOf):
        size = f"Sz({step.size})" if isinstance(step.size, str) else str(step.size)
        return f"Cluster({size}, P)"
    return map_text(step)


def map_text(step: MapOf) -> str:
    whole = f"Sz({step.variable})"
    if step.size is None:
        return f"{step.kind.value}({whole},{whole}) {step.variable}"
    kernel = {"X": "Sz(S)", "Y": "Sz(R)"}.get(step.variable, "")
    size = str(step.size) if not step.halo else kernel if step.size == 1 else f"{kernel}+{step.size - 1}"
    return f"{step.kind.value}({size},{step.size}) {step.variable}"
