"""`archloom maestro`: MAESTRO's mapping files and dataflows priced as MAESTRO does, and as it should; hardware swept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archloom.cli.maestro_inputs import Subject, read_budgets, read_machine, read_subject, read_sweep, warn_refused
from archloom.cli.maestro_outputs import check_outputs, priced_json, write_priced
from archloom.cli.streams import console, progress
from archloom.errors import InputError, Place, did_you_mean

if TYPE_CHECKING:
    from archloom.interop.maestro.hardware import Hardware
    from archloom.report.maestro import Priced

__all__ = ["maestro"]

BOTH = "both"


def maestro(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="FILE.m", hidden=True)] = None,
    *,
    hw: Annotated[Path | None, typer.Option("--hw", metavar="FILE", help="The hardware file of MAESTRO.")] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Change the machine: pes, simd, noc_bw, noc_latency, offchip_bw, l1 or l2. May be repeated.",
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", metavar="NAME", help="compatible (MAESTRO's numbers), corrected, or both.")
    ] = BOTH,
    dataflow: Annotated[
        str | None,
        typer.Option("--dataflow", metavar="NAME", help="A stock dataflow for every layer, such as kc-p or eyeriss."),
    ] = None,
    dataflows: Annotated[
        bool, typer.Option("--dataflows", help="List the stock dataflows with their directives.")
    ] = False,
    network: Annotated[
        str | None,
        typer.Option(
            "--network", metavar="NAME|FILE", help="A network of the zoo or a layer of it, an ONNX file or YAML."
        ),
    ] = None,
    layers: Annotated[
        list[str] | None, typer.Option("--layer", metavar="NAME", help="Only this layer. May be repeated.")
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            "--sweep",
            metavar="AXIS=VALUES",
            help="Try every value: pes=16:1024:16, noc_bw=8:512:x2 or l2=64Ki,128Ki. Each axis multiplies the designs.",
        ),
    ] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option("--budget", metavar="WHAT=AMOUNT", help="area=16mm2 or power=450mW: what a design may take."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON, and nothing else.")] = False,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write MAESTRO's CSV columns; of a sweep, the designs.")
    ] = None,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Also write a file: .html, .json, .csv, or .m. May be repeated."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show tracebacks of bugs.")] = False,
) -> None:
    """Price MAESTRO's mappings, and sweep hardware.

    FILE.m is a mapping file of MAESTRO; or --network gives the layers and --dataflow the directives. Both engines are shown side
    by side, with the reasons where they differ. Energy is in units of MAESTRO, a MAC at 0.23 pJ.
    """
    del verbose
    if dataflows:
        show_dataflows(as_json=as_json)
        return
    outputs = [*(out or [])]
    check_outputs(outputs, csv=csv, force=force)
    engines = engines_of(engine)
    axes, budgets = read_sweep(sweep or []), read_budgets(budget or [])
    with progress("Reading"):
        subject = read_subject(file, network, dataflow, layers or [])
        machine = read_machine(hw, sets or [], swept=bool(axes or budgets))
    command = str(context.find_root().obj)
    if axes or budgets:
        from archloom.cli.maestro_sweeps import show_sweep

        show_sweep(
            subject,
            machine,
            engines,
            axes,
            budgets,
            outputs=outputs,
            csv=csv,
            as_json=as_json,
            force=force,
            command=command,
        )
        return
    with progress("Pricing"):
        priced = price(subject, machine, engines)
    write_priced(priced, outputs, csv=csv, force=force, command=command)
    if as_json:
        typer.echo(priced_json(priced), nl=False)
    else:
        from archloom.report.maestro_terminal import print_priced

        print_priced(priced, console())


def engines_of(name: str) -> tuple[str, ...]:
    """The engines that are asked for. Raises InputError."""
    known = ("compatible", "corrected")
    if name == BOTH:
        return known
    if name not in known:
        raise InputError(f"there is no engine {name!r}", Place("--engine"), did_you_mean(name, (*known, BOTH)))
    return (name,)


def price(subject: Subject, machine: Hardware, engines: tuple[str, ...]) -> Priced:
    """Price the layers by each engine, and compare two. Raises InputError where none of them can price the layers."""
    from archloom.interop import maestro as files
    from archloom.report.maestro import Priced

    network = subject.translation.network
    blocks: dict[str, list[dict[str, Any]]] = {}
    refused: dict[str, InputError] = {}
    for engine in engines:
        try:
            blocks[engine] = files.price_network(network, machine, engine=engine)
        except InputError as error:
            refused[engine] = error
    warn_refused(refused, priced=bool(blocks))
    differences = tuple(files.differences(network, machine)) if len(blocks) > 1 else ()
    return Priced(subject.label, subject.dataflow, machine, subject.translation, blocks, differences)


def show_dataflows(*, as_json: bool) -> None:
    from archloom.interop.maestro.dataflows_zoo import DATAFLOWS

    if as_json:
        from archloom.cli.maestro_outputs import dataflows_json

        typer.echo(dataflows_json(list(DATAFLOWS.values())), nl=False)
        return
    from archloom.report.maestro_terminal import print_dataflows

    print_dataflows(list(DATAFLOWS.values()), console())
