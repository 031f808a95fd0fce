"""Several machines (or sets of rules) on the same network, side by side in a terminal: totals, the winner of every layer, rooflines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from archloom.report import units
from archloom.report.bars import bar
from archloom.report.mapping_figures import network_roofline, outer_traffic
from archloom.report.mapping_headline import objective_name
from archloom.report.mapping_terminal import gap_text, grid, over
from archloom.report.names import clip, printable
from archloom.report.styles import QUIET
from archloom.search.network_mapping import LayerMapping, NetworkMapping
from archloom.search.objective import Objective

__all__ = ["FIGURES", "Case", "Figure", "comparison_dict", "print_comparison"]

NARROWEST, WIDEST = 80, 160
LONGEST_NAME, LONGEST_LABEL = 22, 14
MOST_LABELS = 3
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
UNIT = {"edp": ", ·cycles", "ed2p": ", ·cycles²", "latency": ", in cycles"}
BEST = "bold green"
SAME = 1e-9


@dataclass(frozen=True)
class Case:
    """A machine with its rules, and what the network costs there; None where no layer has a mapping."""

    label: str
    mapping: NetworkMapping | None


def print_comparison(cases: Sequence[Case], console: Console) -> None:
    """Print the whole comparison, as wide as the console, 80 to 160 columns."""
    console.width = max(NARROWEST, min(console.width, WIDEST))
    first = next(case.mapping for case in cases if case.mapping is not None)
    what = objective_name(first.options.objective)
    console.print(Text.assemble((printable(first.name), "bold"), (f", mapped for the least {what}", QUIET)))
    heads = _heads(cases)
    for case, head in zip(cases, heads, strict=True):
        if head != clip(case.label, LONGEST_LABEL):
            console.print(Text.assemble((f"{head}  ", "bold"), printable(case.label)))
    sections: list[tuple[str, RenderableType]] = [
        ("Totals", _totals(cases, heads)),
        (f"{what} of each layer{UNIT.get(first.options.objective.name, '')}", _layers(cases, heads)),
        ("Roofline, in MACs per cycle", _rooflines(cases, heads)),
    ]
    for name, body in sections:
        console.print(Group(Text(f"\n{name}", "bold"), body))


def _heads(cases: Sequence[Case]) -> list[str]:
    """What stands above the columns: the labels where there is room for all of them, else letters."""
    labels = [clip(case.label, LONGEST_LABEL) for case in cases]
    if (
        all(label == printable(case.label) for case, label in zip(cases, labels, strict=True))
        and len(cases) <= MOST_LABELS
    ):
        return labels
    return [LETTERS[at % len(LETTERS)] * (1 + at // len(LETTERS)) for at in range(len(cases))]


# ------------------------------------------------------------------------------------------------------------- totals


@dataclass(frozen=True, slots=True)
class Figure:
    """A total of a network: how to read and write it; `least` says whether less is better, None that neither is."""

    name: str
    of: Callable[[NetworkMapping], float]
    write: Callable[[float], str]
    least: bool | None = True


FIGURES = (
    Figure("latency, cycles", lambda m: m.cycles, lambda v: f"{v:,.0f}"),
    Figure("energy", lambda m: m.energy_pj, units.energy),
    Figure("EDP, ·cycles", lambda m: m.edp, units.energy),
    Figure("utilisation", lambda m: m.utilization, units.percent, least=False),
    Figure("MAC units", lambda m: m.architecture.compute_instances, lambda v: f"{v:,.0f}", least=None),
    Figure("outer traffic", lambda m: sum(part.bits for part in outer_traffic(m)), units.bits),
    Figure("area", lambda m: m.area_um2, lambda v: units.area(v) if v else "not given", least=None),
)


def _totals(cases: Sequence[Case], heads: Sequence[str]) -> Table:
    """A row per total, a column per case: the value, and how many times the best it is."""
    table = _table(heads)
    for figure in FIGURES:
        values = [None if case.mapping is None else figure.of(case.mapping) for case in cases]
        table.add_row(figure.name, *_cells(values, figure.write, figure.least))
    proofs: list[RenderableType] = []
    for case in cases:
        proofs += [_proof(case.mapping), ""]
    table.add_row("gap of the layers", *proofs)
    return table


def _proof(mapping: NetworkMapping | None) -> Text:
    if mapping is None:
        return Text("no mapping", "red")
    if mapping.unmapped:
        return Text(f"{len(mapping.unmapped)} have none", "red")
    worst = max(mapping.layers, key=lambda layer: layer.gap)
    return gap_text(worst.gap, mapping.finished)


def _table(heads: Sequence[str]) -> Table:
    columns: list[tuple[str, str]] = []
    for head in heads:
        columns += [(head, "right"), ("", "left")]
    return grid(("", "left"), *columns)


def _cells(
    values: Sequence[float | None], write: Callable[[float], str], least: bool | None = True
) -> list[RenderableType]:
    """For each value its text, and its ratio to the best."""
    known = [value for value in values if value is not None]
    best = (min(known) if least else max(known)) if known and least is not None else None
    cells: list[RenderableType] = []
    for value in values:
        if value is None:
            cells += [Text("none", "red"), ""]
        elif best is None or not best:
            cells += [write(value), ""]
        else:
            wins = abs(value / best - 1) <= SAME
            cells += [Text(write(value), BEST if wins else ""), Text("" if wins else over(value, best), QUIET)]
    return cells


# ------------------------------------------------------------------------------------------------------------- layers


def _layers(cases: Sequence[Case], heads: Sequence[str]) -> RenderableType:
    table = _table(heads)
    table.add_column(Text("best", QUIET), no_wrap=True)
    rows = _aligned(cases)
    objective = next(case.mapping for case in cases if case.mapping is not None).options.objective
    wins = dict.fromkeys(heads, 0)
    for name, count, layers in rows:
        values = [None if layer is None else layer.objective for layer in layers]
        winners = _winners(heads, values)
        for label in winners:
            wins[label] += 1
        shown = clip(name, LONGEST_NAME) + (f" ×{count}" if count > 1 else "")
        said = "all the same" if len(winners) == len(cases) > 1 else ", ".join(winners)
        table.add_row(shown, *_cells(values, partial(_short, objective)), said)
    total = len(rows)
    score = "   ".join(f"{head} {many} of {total}" for head, many in wins.items())
    return Group(table, Text(f"Best for: {score}. Costs are of one execution.", QUIET))


def _short(objective: Objective, value: float) -> str:
    """A value of an objective, without the unit that stands above the table."""
    if objective.name == "latency":
        return units.short(value)
    return units.energy(value) if objective.name in ("energy", "edp", "ed2p") else f"{value:.4g}"


def _winners(names: Sequence[str], values: Sequence[float | None]) -> list[str]:
    """The names of the least values."""
    known = [value for value in values if value is not None]
    return [
        name
        for name, value in zip(names, values, strict=True)
        if value is not None and value <= min(known) * (1 + SAME)
    ]


def _aligned(cases: Sequence[Case]) -> list[tuple[str, int, list[LayerMapping | None]]]:
    """Each layer of the network, its count, and its mapping in every case; None where it has none."""
    counts: dict[str, int] = {}
    mapped: list[dict[str, LayerMapping]] = []
    for case in cases:
        layers = () if case.mapping is None else case.mapping.layers
        missing = () if case.mapping is None else case.mapping.unmapped
        counts |= {layer.name: layer.count for layer in (*layers, *missing)}
        mapped.append({layer.name: layer for layer in layers})
    return [(name, count, [layers.get(name) for layers in mapped]) for name, count in counts.items()]


# ---------------------------------------------------------------------------------------------------------- rooflines


def _rooflines(cases: Sequence[Case], heads: Sequence[str]) -> RenderableType:
    """For each machine its peak, what each limited port would allow the network, and what is reached."""
    table = grid(("", "left"), ("", "left"), ("", "right"), ("", "left"), ("", "left"))
    for case, label in zip(cases, heads, strict=True):
        if case.mapping is None:
            continue
        roof = network_roofline(case.mapping)
        rows: list[tuple[str, float, str, str]] = [("peak", roof.peak, QUIET, "")]
        for port in sorted(roof.roofs, key=lambda roof: roof.ceiling):
            if port.ceiling < roof.peak:
                what = f"{clip(port.level, LONGEST_NAME)} {port.port}".removesuffix(" shared")
                rows.append((what, port.ceiling, "yellow", f"{units.ratio(port.macs_per_word)} MACs per word"))
        rows.append(("achieved", roof.achieved, "green", units.percent(roof.achieved / roof.peak)))
        for name, value, style, note in rows:
            table.add_row(label, name, units.ratio(value), bar(value / roof.peak, 30, style), Text(note, QUIET))
            label = ""
    return table


# --------------------------------------------------------------------------------------------------------------- JSON


def comparison_dict(cases: Sequence[Case]) -> dict[str, Any]:
    """Plain values, ready for JSON: every case as `NetworkMapping.to_dict` has it, and the best case of each layer."""
    first = next((case.mapping for case in cases if case.mapping is not None), None)
    best: dict[str, list[str]] = {}
    labels = [case.label for case in cases]
    for name, _, layers in _aligned(cases):
        best[name] = _winners(labels, [None if layer is None else layer.objective for layer in layers])
    return {
        "network": None if first is None else first.name,
        "cases": [
            {"label": case.label, "mapping": None if case.mapping is None else case.mapping.to_dict()} for case in cases
        ],
        "best_of_each_layer": best,
    }
