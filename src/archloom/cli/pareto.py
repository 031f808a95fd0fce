"""`archloom map --pareto`: each layer's trade-offs of energy and latency."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from archloom.cli.mapping_inputs import Machine
from archloom.cli.mapping_progress import stoppable
from archloom.cli.messages import print_error
from archloom.cli.streams import console, progress, write_files
from archloom.errors import InputError, Place

if TYPE_CHECKING:
    from archloom.search.pareto import ParetoFront
    from archloom.workload.network import Network

__all__ = ["show_fronts"]

INTERRUPTED = 130


def show_fronts(
    network: Network, machine: Machine, options: dict[str, Any], *, outputs: Sequence[Path], as_json: bool, force: bool
) -> None:
    """Find and print the front of every distinct layer. Raises typer.Exit where a layer has none, or after Ctrl-C."""
    from archloom.search.network_mapping import NoMappingError
    from archloom.search.pareto import pareto

    for path in outputs:
        if path.suffix != ".json":
            raise InputError("fronts are written as .json only", Place(str(path)))
    options = {name: value for name, value in options.items() if name != "objective"}
    limit = options.pop("time_limit_s")
    ends = None if limit is None else time.monotonic() + limit
    fronts: list[ParetoFront] = []
    code = 0
    with stoppable() as stop:
        for number, layer in enumerate(network.layers):
            share = None if ends is None else max(0.01, (ends - time.monotonic()) / (len(network.layers) - number))
            try:
                with progress(f"{number + 1} of {len(network.layers)}  {layer.name}"):
                    front = pareto(
                        layer.workload,
                        machine.architecture,
                        constraints=machine.constraints,
                        time_limit_s=share,
                        stop=stop,
                        **options,
                    )
            except NoMappingError as error:
                print_error(error)
                code = error.exit_code
                continue
            finally:
                code = INTERRUPTED if stop.is_set() else code
            fronts.append(front)
            if not as_json:
                _print(front, first=number == 0)
            if stop.is_set():
                break
    text = _json(fronts)
    write_files(dict.fromkeys(outputs, text), force=force)
    if as_json:
        typer.echo(text, nl=False)
    if code:
        raise typer.Exit(code)


def _print(front: ParetoFront, *, first: bool) -> None:
    from archloom.report.pareto_terminal import print_front

    if not first:
        typer.echo()
    print_front(front, console())


def _json(fronts: Sequence[ParetoFront]) -> str:
    import json

    return json.dumps([front.to_dict() for front in fronts], indent=2, ensure_ascii=False, allow_nan=False) + "\n"
