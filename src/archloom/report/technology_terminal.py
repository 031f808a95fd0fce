"""The technology library in a terminal: what there is, what one costs, and where the figures of a machine come from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from archloom.architecture.hierarchy import Architecture
from archloom.report import units
from archloom.report.names import printable
from archloom.report.styles import QUIET
from archloom.report.technology_origins import Comparison, Origin, asked_text, figure_text, origins
from archloom.technology.component import Attribute, Component, Figure, Price

__all__ = ["print_comparison", "print_component", "print_components", "print_origins", "print_prices"]

OPTIONS = {
    "size_bits": "--size",
    "width_bits": "--width",
    "node_nm": "--node",
    "length_mm": "--length",
    "voltage_v": "--voltage",
    "clock_hz": "--clock",
    **{name: f"--{name}" for name in ("bits", "banks", "ports", "cell", "type")},
}
"""The option of the command line for an attribute; the others are given with --set."""


def _table(*columns: str, right: Sequence[str] = ()) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    for name in columns:
        table.add_column(Text(name, QUIET), justify="right" if name in right else "left")
    return table


def _cell(text: str, style: str = "") -> Text:
    return Text(printable(text), style)


def print_components(found: Iterable[Component], console: Console) -> None:
    """One line for each component: its name, other names, what it is, and its sources."""
    table = _table("component", "also", "what it is", "sources")
    table.columns[0].no_wrap = True
    for component in found:
        table.add_row(
            _cell(component.name, "bold"),
            _cell(", ".join(component.aliases), QUIET),
            _cell(component.about),
            _cell("; ".join(component.sources), QUIET),
        )
    console.print(table)
    console.print(
        Text(
            "\nMore about one: archloom technology NAME. A price: archloom technology sram --size 128KiB --node 28nm.",
            QUIET,
        )
    )


def print_component(component: Component, console: Console) -> None:
    """What a component takes: attributes with the option of each, units, ranges and defaults; and its sources."""
    also = f"  ({', '.join(component.aliases)})" if component.aliases else ""
    console.print(
        Text.assemble(
            (printable(component.name), "bold"), (printable(also), QUIET), f"\n{printable(component.about)}\n"
        )
    )
    table = _table("attribute", "option", "values", "default", "")
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for attribute in component.attributes:
        option = OPTIONS.get(attribute.name, f"--set {attribute.name}=")
        cells = (attribute.name, option, _range(attribute), _default(attribute), attribute.about)
        table.add_row(*map(_cell, cells))
    console.print(table)
    if component.sources:
        console.print(Text(f"\nSources: {'; '.join(map(printable, component.sources))}", QUIET))


def _range(attribute: Attribute) -> str:
    if attribute.choices:
        return ", ".join(attribute.choices)
    if attribute.name == "size_bits":
        return f"{units.bits(attribute.low)} to {units.bits(attribute.high)}"
    high = f"to {attribute.high:g}" if math.isfinite(attribute.high) else "and more"
    return f"{attribute.low:g} {high} {attribute.unit}".rstrip()


def _default(attribute: Attribute) -> str:
    value = attribute.default
    if value is None:
        return "needed"
    if isinstance(value, float) and math.isnan(value):
        return ""
    return f"{value:g} {attribute.unit}".rstrip() if isinstance(value, int | float) else str(value)


# ------------------------------------------------------------------------------------------------------------- prices


def print_prices(prices: Sequence[Price], console: Console) -> None:
    """One price with all that is known of it, or several of them as a line each."""
    if len(prices) == 1:
        _print_price(prices[0], console)
    else:
        _print_lines(prices, console)
    for sentence in dict.fromkeys(sentence for price in prices for sentence in price.warnings):
        console.print(_cell(f"Note: {sentence}.", "yellow"))


def _figures(price: Price) -> dict[str, Figure | None]:
    write, update = price.energy.get("write"), price.energy.get("update")
    same = write is not None and update is not None and write.value == update.value
    energies = {name: figure for name, figure in price.energy.items() if name != "update" or not same}
    return {**energies, "area": price.area, "leakage": price.leakage}


def _print_price(price: Price, console: Console) -> None:
    console.print(_cell(asked_text(price), "bold"))
    table = _table("", "value", "source", "node", "confidence", right=("value",))
    table.columns[1].no_wrap = table.columns[3].no_wrap = True
    for name, figure in _figures(price).items():
        if figure is None:
            table.add_row(_cell(name), Text("not known", QUIET), "", "", "")
        else:
            value = Text(figure_text(float(figure.value), figure.unit), "bold")
            table.add_row(_cell(name), value, _cell(figure.source), _node(figure.node_nm), _cell(figure.confidence))
    console.print(table)
    notes: dict[str, list[str]] = {}
    for name, figure in _figures(price).items():
        if figure is not None and figure.note:
            notes.setdefault(figure.note, []).append(name)
    for note, names in notes.items():
        console.print(_cell(f"{', '.join(names)}: {note}.", QUIET))


def _print_lines(prices: Sequence[Price], console: Console) -> None:
    shown = [_figures(price) for price in prices]
    names = list(dict.fromkeys(name for figures in shown for name in figures))
    varied = [
        name for name in prices[0].attributes if len({_plain(price.attributes.get(name)) for price in prices}) > 1
    ]
    table = _table(*varied, *names, "sources", right=[*varied, *names])
    for column in table.columns[:-1]:
        column.no_wrap = True
    for price, figures in zip(prices, shown, strict=True):
        given = [_attribute(name, price.attributes.get(name)) for name in varied]
        known = [figures.get(name) for name in names]
        values = [
            Text(figure_text(float(figure.value), figure.unit)) if figure else Text("-", QUIET) for figure in known
        ]
        sources = dict.fromkeys(f"{figure.source}{_at(figure)}" for figure in known if figure)
        table.add_row(*map(_cell, given), *values, _cell("; ".join(sources), QUIET))
    fixed = {name: value for name, value in prices[0].attributes.items() if name not in varied}
    first = prices[0]
    console.print(_cell(asked_text(Price(first.component, fixed, first.energy)), "bold"))
    console.print(table)


def _at(figure: Figure) -> str:
    return f" ({figure.node_nm:g} nm, {figure.confidence})" if figure.node_nm else f" ({figure.confidence})"


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _attribute(name: str, value: Any) -> str:
    if isinstance(value, str) or value is None:
        return str(value)
    return units.bits(float(value)) if name == "size_bits" else f"{float(value):g}"


def _node(node_nm: float | None) -> str:
    return f"{node_nm:g} nm" if node_nm else ""


# ------------------------------------------------------------------------------------------------- figures of a machine


def print_origins(architecture: Architecture, console: Console, sources: Sequence[str] = ()) -> None:
    """Each component's figures and where they are from, grouped by source; `sources` are remarks of the machine's file."""
    console.print(_cell(architecture.name, "bold"))
    table = _table("component", "figures", "from", "node", "confidence")
    table.columns[0].no_wrap = table.columns[3].no_wrap = True
    groups: dict[tuple[Any, ...], list[Origin]] = {}
    found = origins(architecture)
    writes = {origin.component: origin.value for origin in found if origin.figure == "write"}
    for origin in found:
        if origin.figure == "update" and origin.value == writes.get(origin.component):
            continue
        key = (origin.component, origin.kind, origin.source, origin.confidence, origin.node_nm)
        groups.setdefault(key, []).append(origin)
    last = ""
    for (name, kind, source, confidence, node), listed in groups.items():
        title = Text.assemble((printable(name), "bold"), (f"  {printable(kind)}", QUIET)) if name != last else Text("")
        figures = ", ".join(f"{origin.figure} {figure_text(origin.value, origin.unit)}" for origin in listed)
        table.add_row(title, _cell(figures), _cell(source), _node(node), _cell(confidence))
        last = name
    console.print(table)
    for name, price in architecture.prices.items():
        for sentence in dict.fromkeys(price.warnings):
            console.print(_cell(f"Note: {name}: {sentence.removeprefix(f'{price.component}: ')}.", "yellow"))
    for remark in sources:
        console.print(Text("\n").append(_cell(remark, QUIET)))


def print_comparison(name: str, rows: Sequence[Comparison], console: Console) -> None:
    """What the file states beside what the library charges."""
    console.print(_cell(f"{name}: the file beside the library", "bold"))
    right = ("the file", "the library", "ratio")
    table = _table("component", "figure", *right, "source of the library", right=right)
    for column in table.columns[:-1]:
        column.no_wrap = True
    last = ""
    for row in rows:
        if row.component != last:
            table.add_row(Text(printable(row.component), "bold"), *[""] * 4, _cell(row.asked, QUIET))
            last = row.component
        stated = figure_text(row.stated, row.unit) if row.stated is not None else "-"
        library = figure_text(row.library, row.unit) if row.library is not None else "-"
        ratio = units.times(row.ratio) if row.ratio is not None else ""
        table.add_row("", row.figure, stated, library, ratio, _cell(row.origin))
    console.print(table)
