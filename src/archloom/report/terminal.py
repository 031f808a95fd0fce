"""The report of one evaluation for a terminal: what bounds the latency, where the energy goes, reuse, and the loop nest."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from functools import partial

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from archloom.model.result import Evaluation, LevelCosts
from archloom.report import units
from archloom.report.bars import bar, stacked_bar
from archloom.report.figures import PortLoad, energy_table, port_loads, reuse, roofline
from archloom.report.headline import headline
from archloom.report.names import clip, printable
from archloom.report.nest_lanes import nest_lanes
from archloom.report.styles import QUIET, tensor_styles

__all__ = ["print_report"]

Section = tuple[Table | Text, str]
"""A table, or words in its stead, and a note in small print."""

LIMIT = "red"
LONGEST_NAME = 28
NOTHING = Text("-", QUIET)
NARROWEST, WIDEST = 80, 100
"""In columns. A terminal that is narrower folds the lines, so that no digit is lost."""


class Room(Enum):
    """How much room a table may take: all it likes, none for bars, none between columns, or none for long numbers."""

    ROOMY = 0
    NO_BARS = 1
    TIGHT = 2
    SHORT = 3


def print_report(evaluation: Evaluation, console: Console) -> None:
    """Print the whole report, 80 to 100 columns wide; plain where the console has no colour."""
    console.width = max(NARROWEST, min(console.width, WIDEST))
    sections: list[tuple[str, RenderableType]] = [
        ("Latency", _fitting(console, partial(_latency, evaluation))),
        ("Energy", _fitting(console, partial(_energy, evaluation))),
        ("Traffic and reuse", _fitting(console, partial(_traffic, evaluation))),
        ("Machine", _fitting(console, partial(_machine, evaluation))),
        ("Loop nest", nest_lanes(evaluation, console.width)),
    ]
    console.print(_title(evaluation))
    for name, body in sections:
        console.print(Group(Text(f"\n{name}", "bold"), body))


def _fitting(console: Console, section: Callable[[Room], Section]) -> RenderableType:
    """The roomiest form of a section whose table is not wider than the console, and the note below it."""
    unlimited = console.options.update_width(10 * WIDEST)
    for room in Room:
        table, note = section(room)
        if isinstance(table, Text) or console.measure(table, options=unlimited).maximum <= console.width:
            break
    return Group(table, Text(note, QUIET)) if note else table


def _title(evaluation: Evaluation) -> RenderableType:
    workload = evaluation.workload
    text = Text.assemble((printable(workload.name), "bold"), " on ", (printable(evaluation.architecture.name), "bold"))
    bounds = "  ".join(f"{dim}={bound:,}" for dim, bound in workload.bounds.items())
    text.append(f"\n{printable(workload.text)}\n{printable(bounds)}  = {workload.macs:,} MACs\n", QUIET)
    table = _grid(("", "left"), ("", "left"), ("", "left"))
    table.columns[-1].no_wrap = False
    for line in headline(evaluation):
        table.add_row(line.name, Text(line.value, "bold"), Text(line.note, QUIET))
    return Group(text, table)


def _grid(*columns: tuple[str, str], room: Room = Room.ROOMY) -> Table:
    """A table without lines but below its head; each column is a name and where its cells are pushed."""
    padding = (0, 1 if room in (Room.ROOMY, Room.NO_BARS) else 0)
    table = Table(box=box.SIMPLE_HEAD, show_header=any(name for name, _ in columns), pad_edge=False, padding=padding)
    table.show_edge = False
    for at, (name, justify) in enumerate(columns):
        table.add_column(
            Text(clip(name, LONGEST_NAME), QUIET),
            justify="left" if justify == "left" else "right",
            no_wrap=True,
            max_width=LONGEST_NAME if at == 0 else None,
        )
    return table


def _row_name(name: str) -> str:
    return clip(name, LONGEST_NAME)


# ----------------------------------------------------------------------------------------------------------- latency


def _latency(evaluation: Evaluation, room: Room) -> Section:
    bars = room is Room.ROOMY
    names = ("port", "words/cycle", "of", "load", *([""] if bars else []), "MACs/word", "needs", "cycles")
    table = _grid(("", "left"), *((name, "left" if name in ("port", "") else "right") for name in names), room=room)
    worst = max([1.0, *(load.slowdown for level in evaluation.levels for load in port_loads(evaluation, level.name))])
    for level in evaluation.levels:
        loads = port_loads(evaluation, level.name)
        slowest = max(loads, key=lambda load: load.slowdown) if evaluation.bound_by == level.name else None
        for at, load in enumerate(loads):
            cells = _port_cells(evaluation, level, load)
            if bars:
                cells.insert(4, bar(load.slowdown / worst, 12))
            name, cycles = (_row_name(level.name), f"{level.cycles:,}") if at == 0 else ("", "")
            table.add_row(name, *cells, cycles, style=LIMIT if load is slowest else "")
    unit = evaluation.compute
    blank = [""] * (len(names) - 1)
    table.add_row(
        _row_name(unit.name), *blank, f"{unit.cycles:,}", style="bold" if evaluation.bound_by == "compute" else ""
    )
    return table, _roofline_note(evaluation)


def _port_cells(evaluation: Evaluation, level: LevelCosts, load: PortLoad) -> list[RenderableType]:
    """Port, demand, limit, load; intensity had and needed."""
    intensity = evaluation.macs / (load.words * level.instances_used) if load.words else math.inf
    demand, has = units.ratio(load.demand), units.ratio(intensity)
    if math.isinf(load.bandwidth):
        return ["", demand, Text("no limit", QUIET), "", has, ""]
    needs = units.ratio(evaluation.compute.instances / (load.bandwidth * level.instances))
    return [load.port.value, demand, units.ratio(load.bandwidth), f"{100 * load.slowdown:,.0f} %", has, needs]


def _roofline_note(evaluation: Evaluation) -> str:
    roof = roofline(evaluation)
    note = f"Roofline: {units.ratio(roof.achieved)} of {roof.peak:,} MACs/cycle."
    return f"{note} needs: MACs/word to keep all busy."


# ------------------------------------------------------------------------------------------------------------ energy


def _energy(evaluation: Evaluation, room: Room) -> Section:
    bars = room is Room.ROOMY
    spent = energy_table(evaluation)
    total = spent.total_pj
    if not total:
        return Text("The architecture gives no energies.", QUIET), ""
    styles = [*tensor_styles(evaluation), "white", "yellow"][: len(spent.columns)]
    columns = [(name, "right") for name in (*spent.columns, "total", "")]
    table = _grid(("", "left"), *columns, *([("", "left")] if bars else []), room=room)
    largest = max(sum(row) for row in spent.rows.values())
    for name, row in spent.rows.items():
        cells = [
            Text(units.energy(value), style) if value else NOTHING for value, style in zip(row, styles, strict=True)
        ]
        drawn = [stacked_bar([value / largest for value in row], styles, 16)] if bars else []
        table.add_row(
            _row_name(name), *cells, Text(units.energy(sum(row)), "bold"), units.percent(sum(row) / total), *drawn
        )
    sums = [sum(column) for column in zip(*spent.rows.values(), strict=True)]
    table.add_section()
    table.add_row("total", *(units.energy(value) for value in sums), Text(units.energy(total), "bold"))
    table.add_row("", *(units.percent(value / total) for value in sums), style=QUIET)
    return table, ""


# ----------------------------------------------------------------------------------------------------------- traffic


def _traffic(evaluation: Evaluation, room: Room) -> Section:
    numbers = ("tile", "reads", "fills", "updates", "uses/word", "MACs/access")
    table = _grid(("", "left"), ("", "left"), *((name, "right") for name in numbers), room=room)
    write = units.short_count if room is Room.SHORT else units.count
    styles = dict(zip((tensor.name for tensor in evaluation.workload.tensors), tensor_styles(evaluation), strict=True))
    for level in evaluation.levels:
        name = _row_name(level.name)
        for tensor, held in level.tensors.items():
            if held.kept:
                counts = (held.tile_words, held.reads, held.fills, held.updates)
                found = reuse(evaluation, level.name, tensor)
                cells = (write(number) if number else NOTHING for number in counts)
                uses = (units.times(found.uses_per_word), units.ratio(found.macs_per_access))
                table.add_row(name, Text(clip(tensor, LONGEST_NAME), styles[tensor]), *cells, *uses)
                name = ""
    return table, "Words per instance. uses/word: uses of a word each time it comes in."


# ----------------------------------------------------------------------------------------------------------- machine


def _machine(evaluation: Evaluation, room: Room) -> Section:
    bars = room is Room.ROOMY
    names = ("in use", "of", "filled", "of", "", *([" "] if bars else []), "area")
    table = _grid(("", "left"), *((name, "left" if name == " " else "right") for name in names), room=room)
    for level in evaluation.levels:
        bounded = math.isfinite(level.size_bits) and level.size_bits > 0
        share = level.used_bits / level.size_bits if bounded else 0.0
        size = units.bits(level.size_bits) if bounded else Text("no limit", QUIET)
        cells: list[RenderableType] = [
            f"{level.instances_used:,}",
            f"{level.instances:,}",
            units.bits(level.used_bits),
            size,
        ]
        cells.append(f"{100 * share:.0f} %" if bounded else "")
        cells += [bar(share, 12)] if bars else []
        table.add_row(
            _row_name(level.name), *cells, _area(evaluation.architecture.level(level.name).area_um2 * level.instances)
        )
    unit = evaluation.compute
    blank = [""] * (len(names) - 3)
    area = _area(evaluation.architecture.compute.area_um2 * unit.instances)
    table.add_row(_row_name(unit.name), f"{unit.instances_used:,}", f"{unit.instances:,}", *blank, area)
    return table, ""


def _area(square_micrometres: float) -> str | Text:
    return units.area(square_micrometres) if square_micrometres else NOTHING
