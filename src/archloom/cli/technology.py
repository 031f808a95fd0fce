"""`archloom technology`: the library of components, what one costs, and where the figures of a machine come from."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archloom.cli.streams import console, write_files
from archloom.cli.technology_inputs import add_tables, in_options, read_attributes, search
from archloom.cli.technology_json import described, echo_json, priced
from archloom.errors import Fault, InputError, Place

if TYPE_CHECKING:
    from archloom.spec import Spec
    from archloom.technology.component import Component, Price

__all__ = ["technology"]

MOST_VARIANTS = 200
PLOTS = (".svg", ".html")

Values = "VALUE[,VALUE]"


def _option(name: str, what: str) -> Any:
    return typer.Option(name, metavar=Values, help=what)


def technology(
    names: Annotated[list[str] | None, typer.Argument(metavar="[COMPONENT|WORDS]", hidden=True)] = None,
    *,
    size: Annotated[str | None, _option("--size", "Size of a memory, such as 128KiB.")] = None,
    width: Annotated[str | None, _option("--width", "Bits per access, such as 64.")] = None,
    node: Annotated[str | None, _option("--node", "Technology node, such as 28nm.")] = None,
    bits: Annotated[str | None, _option("--bits", "Width of the words of arithmetic.")] = None,
    kind: Annotated[str | None, _option("--type", "Type of DRAM, such as HBM2.")] = None,
    cell: Annotated[str | None, _option("--cell", "Cells of an SRAM: lstp, hp, ...")] = None,
    banks: Annotated[str | None, _option("--banks", "Banks of an SRAM.")] = None,
    ports: Annotated[str | None, _option("--ports", "Ports of an SRAM.")] = None,
    length: Annotated[str | None, _option("--length", "Length of a wire, such as 2mm.")] = None,
    voltage: Annotated[str | None, _option("--voltage", "Supply voltage, such as 0.8V.")] = None,
    clock: Annotated[str | None, _option("--clock", "Clock, such as 1GHz.")] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other attribute; with --of, a value of the file."),
    ] = None,
    of: Annotated[
        str | None,
        typer.Option("--of", metavar="NAME|FILE", help="Where each figure of an architecture comes from."),
    ] = None,
    tables: Annotated[
        list[Path] | None,
        typer.Option("--table", metavar="FILE", help="A table of a component of one's own. May be repeated."),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="With --of: what the file states beside what the library charges.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw energy against size and node into a file: .svg or .html."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON, and nothing else.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show tracebacks of bugs.")] = False,
) -> None:
    """Say what hardware costs, and who says so.

    Without a name it lists the library; with words it searches it; with COMPONENT and its sizes it shows energies, area and
    leakage with their sources. Several values, as in --node 45nm,28nm, are shown side by side.
    """
    del verbose
    add_tables(tables or [])
    texts = {
        "size_bits": size,
        "width_bits": width,
        "node_nm": node,
        "bits": bits,
        "type": kind,
        "cell": cell,
        "banks": banks,
        "ports": ports,
        "length_mm": length,
        "voltage_v": voltage,
        "clock_hz": clock,
    }
    given = {name: text for name, text in texts.items() if text is not None}
    if of is not None:
        _refuse_with_of(names, {**given, **({"plot": plot} if plot else {})}, allowed="node_nm" if compare else "")
        _show_machine(_load(of, sets or [], given.get("node_nm")), compare=compare, as_json=as_json)
        return
    if compare:
        raise InputError("--compare needs an architecture", hint="add --of NAME or --of FILE")
    found = search(names or [])
    if len(found) != 1 or not names:
        _refuse_without_component(given, plot)
        _list(found, as_json=as_json)
        return
    _show_component(found[0], read_attributes(found[0], given, sets or []), plot=plot, as_json=as_json, force=force)


# -------------------------------------------------------------------------------------------------------- components


def _refuse_with_of(names: list[str] | None, given: dict[str, Any], *, allowed: str) -> None:
    others = [name for name in given if name != allowed]
    if names or others:
        what = f"the component {' '.join(names)!r}" if names else "attributes of a component"
        raise InputError(
            f"--of does not go with {what}",
            hint="change a value of the file with --set, as in --set architecture.node=28nm",
        )


def _refuse_without_component(given: dict[str, str], plot: Path | None) -> None:
    if given or plot:
        raise InputError(
            "no component is named", hint="name one, as in: archloom technology sram --size 128KiB --node 28nm"
        )


def _list(found: list[Component], *, as_json: bool) -> None:
    if as_json:
        echo_json([described(component) for component in found])
        return
    from archloom.report.technology_terminal import print_components

    print_components(found, console())


def _show_component(
    component: Component, given: dict[str, list[Any]], *, plot: Path | None, as_json: bool, force: bool
) -> None:
    if plot is not None:
        _plot(component, given, plot, force=force)
        if not as_json:
            return
    missing = [a.name for a in component.attributes if a.default is None and a.name not in given]
    if missing and not given:
        if as_json:
            echo_json(described(component))
            return
        from archloom.report.technology_terminal import print_component

        print_component(component, console())
        return
    prices = _prices(component, given)
    if as_json:
        found = [priced(price) for price in prices]
        echo_json(found[0] if len(found) == 1 else found)
        return
    from archloom.report.technology_terminal import print_component, print_prices

    terminal = console()
    if not given:
        print_component(component, terminal)
        terminal.print()
    print_prices(prices, terminal)


def _prices(component: Component, given: dict[str, list[Any]]) -> list[Price]:
    from archloom.technology import price

    number = 1
    for values in given.values():
        number *= len(values)
    if number > MOST_VARIANTS:
        raise InputError(f"{number:,} variants are asked for; expected at most {MOST_VARIANTS}")
    faults: list[Fault] = []
    prices: list[Price] = []
    for values in itertools.product(*given.values()):
        try:
            prices.append(price(component, **dict(zip(given, values, strict=True))))
        except InputError as error:
            faults += [in_options(fault, component) for fault in error.faults]
    if faults:
        raise InputError(list(dict.fromkeys(faults)))
    return prices


def _plot(component: Component, given: dict[str, list[Any]], path: Path, *, force: bool) -> None:
    import archloom
    from archloom.report.technology_plot import draw_component, plot_page

    if path.suffix not in PLOTS:
        raise InputError(
            f"cannot draw a {path.suffix or 'file without suffix'}", Place(str(path)), "expected .svg or .html"
        )
    if path.suffix == ".svg":
        text = draw_component(component, given) + "\n"
    else:
        text = plot_page(component, given, archloom.__version__)
    write_files({path: text}, force=force)
    typer.echo(f"wrote {path}", err=True)


# ----------------------------------------------------------------------------------------------------------- machines


def _load(of: str, sets: list[str], node: str | None) -> Spec:
    from archloom.spec import load

    spec = load(of, sets=[*sets, *([f"architecture.node={node}"] if node else [])])
    if spec.architecture is None:
        raise InputError("the file has no section 'architecture'", Place(of))
    return spec


def _show_machine(spec: Spec, *, compare: bool, as_json: bool) -> None:
    from dataclasses import asdict

    from archloom.report.sources import sources_of
    from archloom.report.technology_origins import compared, origins

    assert spec.architecture is not None
    if not as_json:
        for sentence in spec.warnings:
            warnings.warn(sentence, stacklevel=2)
    if compare:
        rows = compared(spec)
        if as_json:
            echo_json([{**asdict(row), "ratio": row.ratio} for row in rows])
            return
        from archloom.report.technology_terminal import print_comparison

        print_comparison(spec.architecture.name, rows, console())
    elif as_json:
        echo_json([asdict(origin) for origin in origins(spec.architecture)])
    else:
        from archloom.report.technology_terminal import print_origins

        print_origins(spec.architecture, console(), sources_of(spec.architecture, library=False))
