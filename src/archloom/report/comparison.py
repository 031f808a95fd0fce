"""Several machines (or sets of rules) on the same network, side by side in a terminal: totals, the winner of every layer, rooflines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from archloom.report import units
from archloom.report.bars import bar
from archloom.report.mapping_figures import network_roofline, outer_traffic
from archloom.report.mapping_headline import objective_name, objective_text
from archloom.report.mapping_terminal import gap_text, grid
from archloom.report.names import clip, printable
from archloom.report.styles import QUIET
from archloom.search.network_mapping import LayerMapping, NetworkMapping

__all__ = ["Case", "comparison_dict", "print_comparison"]

NARROWEST, WIDEST = 80, 160
LONGEST_NAME, LONGEST_LABEL = 22, 30
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
    sections: list[tuple[str, RenderableType]] = [
        ("Totals", _totals(cases)),
        (f"{what} of each layer", _layers(cases)),
        ("Roofline, in MACs per cycle", _rooflines(cases)),
    ]
    for name, body in sections:
        console.print(Group(Text(f"\n{name}", "bold"), body))


# ------------------------------------------------------------------------------------------------------------- totals


@dataclass(frozen=True, slots=True)
class _Figure:
    """A total: how to read and write it; `least` says whether less is better, None that neither is."""

    name: str
    of: Callable[[NetworkMapping], float]
    write: Callable[[float], str]
    least: bool | None = True


FIGURES = (
    _Figure("latency, cycles", lambda m: m.cycles, lambda v: f"{v:,.0f}"),
    _Figure("energy", lambda m: m.energy_pj, units.energy),
    _Figure("EDP, ·cycles", lambda m: m.edp, units.energy),
    _Figure("utilisation", lambda m: m.utilization, units.percent, least=False),
    _Figure("MAC units", lambda m: m.architecture.compute_instances, lambda v: f"{v:,.0f}", least=None),
    _Figure("outer traffic", lambda m: sum(part.bits for part in outer_traffic(m)), units.bits),
    _Figure("area", lambda m: m.area_um2, lambda v: units.area(v) if v else "not given", least=None),
)


def _totals(cases: Sequence[Case]) -> Table:
    """A row per total, a column per case: the value, and how many times the best it is."""
    table = _table(cases, "")
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


def _table(cases: Sequence[Case], first: str) -> Table:
    heads: list[tuple[str, str]] = []
    for case in cases:
        heads += [(clip(case.label, LONGEST_LABEL), "right"), ("", "left")]
    return grid((first, "left"), *heads, gap=1)


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
            cells += [Text(write(value), BEST if wins else ""), Text("" if wins else units.times(value / best), QUIET)]
    return cells


# ------------------------------------------------------------------------------------------------------------- layers


def _layers(cases: Sequence[Case]) -> RenderableType:
    table = _table(cases, "")
    table.add_column(Text("best", QUIET), no_wrap=True)
    rows = _aligned(cases)
    wins = dict.fromkeys((case.label for case in cases), 0)
    for name, count, layers in rows:
        values = [None if layer is None else layer.objective for layer in layers]
        objective = next(case.mapping for case in cases if case.mapping is not None).options.objective
        winners = _winners(cases, values)
        for label in winners:
            wins[label] += 1
        shown = clip(name, LONGEST_NAME) + (f" ×{count}" if count > 1 else "")
        said = "all the same" if len(winners) == len(cases) > 1 else ", ".join(winners)
        table.add_row(shown, *_cells(values, lambda v: objective_text(objective, v)), clip(said, LONGEST_LABEL))
    total = len(rows)
    score = "   ".join(f"{printable(label)} {many} of {total}" for label, many in wins.items())
    return Group(table, Text(f"Best for: {score}. Costs are of one execution.", QUIET))


def _winners(cases: Sequence[Case], values: Sequence[float | None]) -> list[str]:
    """The labels of the cases with the least value."""
    known = [value for value in values if value is not None]
    return [
        case.label
        for case, value in zip(cases, values, strict=True)
        if value is not None and value <= min(known) * (1 + SAME)
    ]


def _aligned(cases: Sequence[Case]) -> list[tuple[str, int, list[LayerMapping | None]]]:
    """Each layer of the network with its mapping in every case; None where it has none."""
    names: dict[str, int] = {}
    for case in cases:
        if case.mapping is not None:
            names |= {layer.name: layer.count for layer in case.mapping.layers}
    order = [
        layer for case in cases if case.mapping is not None for layer in (*case.mapping.layers, *case.mapping.unmapped)
    ]
    listed = dict.fromkeys(layer.name for layer in order)
    found: list[tuple[str, int, list[LayerMapping | None]]] = []
    for name in listed:
        count = next(layer.count for layer in order if layer.name == name)
        mapped = [
            None if case.mapping is None else next((l for l in case.mapping.layers if l.name == name), None)
            for case in cases
        ]
        found.append((name, count, mapped))
    return found


# ---------------------------------------------------------------------------------------------------------- rooflines


def _rooflines(cases: Sequence[Case]) -> RenderableType:
    """For each machine its peak, what each limited port would allow the network, and what is reached."""
    table = grid(("", "left"), ("", "left"), ("", "right"), ("", "left"), ("", "left"))
    for case in cases:
        if case.mapping is None:
            continue
        roof = network_roofline(case.mapping)
        label = clip(case.label, LONGEST_LABEL)
        rows: list[tuple[str, float, str, str]] = [("peak", roof.peak, QUIET, "")]
        for port in sorted(roof.roofs, key=lambda roof: roof.ceiling):
            if port.ceiling < roof.peak:
                what = f"{clip(port.level, LONGEST_NAME)} {port.port}".removesuffix(" shared")
                rows.append((what, port.ceiling, "yellow", f"{units.ratio(port.macs_per_word)} MACs per word"))
        rows.append(("achieved", roof.achieved, "green", units.percent(roof.achieved / roof.peak)))
        for name, value, style, note in rows:
            table.add_row(label, name, units.ratio(value), bar(value / roof.peak, 40, style), Text(note, QUIET))
            label = ""
    return table


# --------------------------------------------------------------------------------------------------------------- JSON


def comparison_dict(cases: Sequence[Case]) -> dict[str, Any]:
    """Plain values, ready for JSON: every case as `NetworkMapping.to_dict` has it, and the best case of each layer."""
    first = next((case.mapping for case in cases if case.mapping is not None), None)
    best: dict[str, list[str]] = {}
    for name, _, layers in _aligned(cases):
        best[name] = _winners(cases, [None if layer is None else layer.objective for layer in layers])
    return {
        "network": None if first is None else first.name,
        "cases": [
            {"label": case.label, "mapping": None if case.mapping is None else case.mapping.to_dict()} for case in cases
        ],
        "best_of_each_layer": best,
    }
