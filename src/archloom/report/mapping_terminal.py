"""The report of a mapped network for a terminal: totals, every layer with its proof, what costs most, traffic and energy."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from archloom.report import units
from archloom.report.bars import bar, stacked_bar
from archloom.report.mapping_figures import costliest, network_energy, outer_traffic
from archloom.report.mapping_headline import layers_text, mapping_headline
from archloom.report.names import clip, printable
from archloom.report.nest_lanes import nest_lanes
from archloom.report.styles import QUIET, TENSORS
from archloom.search.network_mapping import LayerMapping, Missing, NetworkMapping

__all__ = ["gap_text", "gap_words", "grid", "over", "print_mapping", "space_text"]

NARROWEST, WIDEST = 80, 100
LONGEST_NAME = 22
SHOWN = 8
"""Layers listed by cost."""
NOTHING = Text("-", QUIET)
OPEN = "yellow"
MISSING = {Missing.NONE_EXISTS: "red", Missing.NOT_FOUND: OPEN, Missing.NOT_SEARCHED: QUIET}


def print_mapping(mapping: NetworkMapping, console: Console, *, nests: bool = False) -> None:
    """Print the whole report, 80 to 100 columns wide; plain where the console has no colour.

    `nests`: with the loop nest of every layer; that of a single layer is always shown.
    """
    console.width = max(NARROWEST, min(console.width, WIDEST))
    sections: list[tuple[str, RenderableType | None]] = [
        ("Layers", _layers(mapping, console.width)),
        ("What costs most", _costliest(mapping) if len(mapping.layers) > 1 else None),
        ("Energy", _energy(mapping)),
        (f"Traffic of {clip(mapping.architecture.names[-1], LONGEST_NAME)}", _traffic(mapping)),
    ]
    console.print(_title(mapping))
    if nests or len(mapping.layers) == 1:
        for layer in mapping.layers:
            sections.append((f"Best mapping of {clip(layer.name, 60)}", nest_lanes(layer.evaluation, console.width)))
    for name, body in sections:
        if body is not None:
            console.print(Group(Text(f"\n{name}", "bold"), body))


def grid(*columns: tuple[str, str], gap: int = 1) -> Table:
    """A table without lines but below its head; each column is a name and where its cells are pushed."""
    table = Table(box=box.SIMPLE_HEAD, show_header=any(name for name, _ in columns), pad_edge=False, padding=(0, gap))
    table.padding = (0, gap, 0, 0)
    table.show_edge = False
    for name, justify in columns:
        table.add_column(Text(name, QUIET), justify="left" if justify == "left" else "right", no_wrap=True)
    return table


def gap_text(gap: float, finished: bool) -> Text:
    """How far from proven: `0` when it is, else the share that could still be saved."""
    if finished:
        return Text("0")
    return Text(gap_words(gap), OPEN)


def gap_words(gap: float) -> str:
    """A gap in percent: `3.2 %`, `87 %`, `<0.01 %`."""
    if gap < 0.0001:
        return "<0.01 %"
    return f"{100 * gap:.2g} %" if gap < 0.1 else f"{100 * gap:.3g} %"


def over(value: float, best: float) -> str:
    """How much a value is above (or below) the best: `+3.2 %`, `2.3×`."""
    ratio = value / best
    if 0.5 < ratio < 2:
        return f"{100 * (ratio - 1):+.2g} %"
    return units.times(ratio)


def space_text(size: int | None) -> str:
    """The size of a space: `812`, `4e+18`."""
    if size is None:
        return "-"
    if size < 100_000:
        return f"{size:,}"
    digits = len(str(size)) - 1
    return f"{str(size)[0]}e{digits}"


# -------------------------------------------------------------------------------------------------------------- title


def _title(mapping: NetworkMapping) -> RenderableType:
    text = Text.assemble((printable(mapping.name), "bold"), " on ", (printable(mapping.architecture.name), "bold"))
    text.append(f"\n{layers_text(mapping)}, {mapping.macs:,} MACs{_skipped(mapping)}\n", QUIET)
    table = grid(("", "left"), ("", "left"), ("", "left"))
    table.columns[-1].no_wrap = False
    for line in mapping_headline(mapping):
        table.add_row(line.name, Text(line.value, "bold"), Text(line.note, QUIET))
    return Group(text, table)


def _skipped(mapping: NetworkMapping) -> str:
    return f"; {len(mapping.skipped)} operators are no layers and are skipped" if mapping.skipped else ""


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}" if seconds < 10 else f"{seconds:.1f}" if seconds < 100 else f"{seconds:,.0f}"


# ------------------------------------------------------------------------------------------------------------- layers


def _layers(mapping: NetworkMapping, width: int) -> RenderableType:
    """Every distinct layer: cost of all its executions, and certificate. In a narrow terminal in two tables."""
    cost = ("MACs", "util", "cycles", "bound by", "energy", "EDP")
    proof = ("gap", "space", "priced", "CPU s")
    unlimited = 10 * WIDEST
    whole = _layer_table(mapping, cost, proof)
    console = Console(width=unlimited)
    if console.measure(whole).maximum <= width:
        return Group(whole, *_layer_notes(mapping))
    return Group(
        _layer_table(mapping, cost, ()),
        Text(""),
        _layer_table(mapping, ("objective", "bound"), proof),
        *_layer_notes(mapping),
    )


def _layer_table(mapping: NetworkMapping, cost: Sequence[str], proof: Sequence[str]) -> Table:
    names = [*cost, *proof]
    left = ("bound by",)
    table = grid(("", "left"), ("×", "right"), *((name, "left" if name in left else "right") for name in names))
    for layer in mapping.layers:
        cells = {
            "MACs": units.short(layer.macs),
            "util": f"{100 * layer.evaluation.utilization:.0f} %",
            "cycles": units.short(layer.cycles),
            "bound by": clip(layer.evaluation.bound_by, 10),
            "energy": units.energy(layer.energy_pj),
            "EDP": units.energy(layer.evaluation.edp),
            "objective": f"{layer.objective:.4g}",
            "bound": f"{layer.bound:.4g}",
            "gap": gap_text(layer.gap, layer.finished),
            "space": space_text(layer.space_size),
            "priced": units.short_count(layer.priced),
            "CPU s": Text(_seconds(layer.cpu_s), QUIET if layer.cached else ""),
        }
        table.add_row(clip(layer.name, LONGEST_NAME), f"{layer.count}", *(cells[name] for name in names))
    for layer in mapping.unmapped:
        style = MISSING[layer.missing]
        cells = {"MACs": units.short(layer.count * layer.workload.macs), "bound by": Text(layer.missing.value, style)}
        row = (cells.get(name, NOTHING) for name in names)
        table.add_row(Text(clip(layer.name, LONGEST_NAME), style), f"{layer.count}", *row)
    return table


def _layer_notes(mapping: NetworkMapping) -> list[Text]:
    notes = ["MACs, cycles and energy are of all × executions, EDP (·cycles) of one; gap 0: proven to be the best."]
    cached = sum(layer.cached for layer in mapping.layers)
    if cached:
        which = "All answers are" if cached == len(mapping.layers) else f"{cached} of {len(mapping.layers)} answers are"
        notes.append(f"{which} of earlier runs, and so are their CPU seconds (dim).")
    return [Text(note, QUIET) for note in notes]


# --------------------------------------------------------------------------------------------------------- what costs


def _costliest(mapping: NetworkMapping) -> RenderableType:
    ranked = costliest(mapping)
    table = grid(("", "left"), ("cycles", "right"), ("", "left"), ("energy", "right"), ("", "left"))
    top = max(max(_shares(mapping, layer)) for layer in ranked)
    for layer in ranked[:SHOWN]:
        time, energy = _shares(mapping, layer)
        name = clip(layer.name, LONGEST_NAME) + (f" ×{layer.count}" if layer.count > 1 else "")
        table.add_row(
            name,
            units.percent(time),
            bar(time / top, 24, "blue"),
            units.percent(energy),
            bar(energy / top, 24, "green"),
        )
    rest = ranked[SHOWN:]
    if rest:
        time, energy = (sum(_shares(mapping, layer)[k] for layer in rest) for k in (0, 1))
        table.add_row(Text(f"{len(rest)} others", QUIET), units.percent(time), "", units.percent(energy), "")
    return table


def _shares(mapping: NetworkMapping, layer: LayerMapping) -> tuple[float, float]:
    """Of all cycles, and of all energy."""
    return layer.cycles / mapping.cycles, layer.energy_pj / mapping.energy_pj if mapping.energy_pj else 0.0


# ------------------------------------------------------------------------------------------------------------- energy


def _energy(mapping: NetworkMapping) -> RenderableType:
    spent = network_energy(mapping)
    total = spent.total_pj
    if not total:
        return Text("The architecture gives no energies.", QUIET)
    styles = [*TENSORS[:3], "white", "yellow"][: len(spent.columns)]
    table = grid(("", "left"), *((name, "right") for name in (*spent.columns, "total", "")), ("", "left"))
    largest = max(sum(row) for row in spent.rows.values())
    for name, row in spent.rows.items():
        cells = [
            Text(units.energy(value), style) if value else NOTHING for value, style in zip(row, styles, strict=True)
        ]
        drawn = stacked_bar([value / largest for value in row], styles, 20)
        table.add_row(
            clip(name, LONGEST_NAME),
            *cells,
            Text(units.energy(sum(row)), "bold"),
            units.percent(sum(row) / total),
            drawn,
        )
    sums = [sum(column) for column in zip(*spent.rows.values(), strict=True)]
    table.add_section()
    table.add_row("total", *(units.energy(value) for value in sums), Text(units.energy(total), "bold"))
    table.add_row("", *(units.percent(value / total) for value in sums), style=QUIET)
    return table


# ------------------------------------------------------------------------------------------------------------ traffic


def _traffic(mapping: NetworkMapping) -> RenderableType:
    moved = [part for part in outer_traffic(mapping) if part.least_bits]
    table = grid(
        ("", "left"), *((name, "right") for name in ("read", "written", "total", "", "moves/word")), ("", "left")
    )
    whole = sum(part.bits for part in moved)
    for part, style in zip(moved, TENSORS, strict=False):
        table.add_row(
            Text(part.role, style),
            units.bits(part.read_bits) if part.read_bits else NOTHING,
            units.bits(part.write_bits) if part.write_bits else NOTHING,
            Text(units.bits(part.bits), "bold"),
            units.percent(part.bits / whole) if whole else "",
            units.times(part.times) if not math.isnan(part.times) else "",
            bar(part.bits / whole if whole else 0.0, 20, style),
        )
    least = sum(part.least_bits for part in moved)
    table.add_section()
    table.add_row(
        "total",
        units.bits(sum(part.read_bits for part in moved)),
        units.bits(sum(part.write_bits for part in moved)),
        Text(units.bits(whole), "bold"),
        "",
        units.times(whole / least) if least else "",
    )
    return table
