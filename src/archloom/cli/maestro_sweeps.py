"""`archloom maestro --sweep`: many machines priced, those within the budgets compared, and the nearest miss where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from archloom.cli.maestro_inputs import Subject, warn_refused
from archloom.cli.maestro_outputs import json_text
from archloom.cli.streams import console, progress, write_files
from archloom.errors import InfeasibleError, InputError, Place

if TYPE_CHECKING:
    from archloom.interop.maestro.hardware import Hardware
    from archloom.interop.maestro.sweep import Sweep
    from archloom.report.maestro_sweep import Design, Shown, Swept

__all__ = ["show_sweep"]

DRAWN = 4000
"""Designs that a page shows beside the front."""

MOST_ROWS = 1_000_000
COLUMNS = (
    "runtime",
    "macs",
    "throughput",
    "energy_nj",
    "area_um2",
    "power_mw",
    "l1_required",
    "l2_required",
    "feasible",
)


def show_sweep(
    subject: Subject,
    machine: Hardware,
    engines: Sequence[str],
    axes: Mapping[str, Sequence[int]],
    budgets: Mapping[str, float],
    *,
    outputs: Sequence[Path],
    csv: Path | None,
    as_json: bool,
    force: bool,
    command: str,
) -> None:
    """Price all designs by each engine, write and print what comes out. Raises InfeasibleError where nothing can be built."""
    from archloom.interop.maestro.sweep import hardware_sweep
    from archloom.report.maestro import UNLIMITED, machine_text
    from archloom.report.maestro_sweep import Shown, miss_text, print_swept, swept_dict

    network = subject.translation.unrolled
    sweeps: dict[str, Sweep] = {}
    refused: dict[str, InputError] = {}
    for engine in engines:
        try:
            with progress(f"Pricing designs, {engine} engine"):
                sweeps[engine] = hardware_sweep(network, axes, hardware=machine, engine=engine, budgets=budgets)
        except InputError as error:
            refused[engine] = error
    warn_refused(refused, priced=bool(sweeps))
    swept = [swept_of(engine, sweep, axes) for engine, sweep in sweeps.items()]
    sizes = {axis: size for axis, size in (("l1", machine.l1_size), ("l2", machine.l2_size)) if axis not in axes}
    limits = {axis: size for axis, size in sizes.items() if size < UNLIMITED}
    shown = Shown(
        label_of(subject), subject.dataflow, machine_text(machine, without=axes), axes, budgets, swept, limits
    )
    tables = [path for path in (*outputs, *([csv] if csv else [])) if path.suffix == ".csv" or path == csv]
    texts = dict.fromkeys(tables, designs_csv(sweeps, axes)) if tables else {}
    texts |= {path: text_of(path, shown, subject, command) for path in outputs if path not in texts}
    write_files(texts, force=force)
    if as_json:
        typer.echo(json_text(swept_dict(shown)), nl=False)
    elif any(part.best for part in swept):
        print_swept(shown, console())
    if not any(part.best for part in swept):
        raise InfeasibleError("\n".join(f"{part.engine} engine: {miss_text(shown, part)}" for part in swept))


def label_of(subject: Subject) -> str:
    """The layers in words: `resnet50`, or one layer by its name too."""
    layers = subject.translation.network.layers
    if len(layers) == 1 and layers[0].name != subject.label:
        return f"{subject.label}: {layers[0].name}"
    return subject.label


def swept_of(engine: str, sweep: Sweep, axes: Mapping[str, Sequence[int]]) -> Swept:
    """A sweep as the reports show it."""
    from archloom.report.maestro_sweep import Swept

    return Swept(
        engine,
        sweep.designs,
        sweep.feasible_designs,
        {name: design_of(design, axes) for name, design in sweep.best.items()},
        [design_of(design, axes) for design in sweep.front],
        [design_of(design, axes) for design in sample_of(sweep)],
        sweep.failures,
        design_of(sweep.nearest, axes) if sweep.nearest else None,
        sweep.nearest_excess,
    )


def design_of(design: Any, axes: Mapping[str, Sequence[int]]) -> Design:
    from archloom.report.maestro import MAC_PJ
    from archloom.report.maestro_sweep import Design

    return Design(
        {axis: getattr(design, axis) for axis in axes},
        design.runtime,
        design.throughput,
        MAC_PJ * design.energy,
        MAC_PJ * design.edp,
        design.area_um2,
        design.power_mw,
        design.l1_required,
        design.l2_required,
    )


def sample_of(sweep: Sweep) -> list[Any]:
    """Designs that can be built, spread evenly over the space."""
    from archloom.interop.maestro.sweep import Design as Machine

    step = max(1, sweep.designs // DRAWN)
    places = range(0, sweep.designs, step) if sweep.best else ()
    machines = [Machine(**values) for values in sweep.pricer.designs(list(places))] if places else []
    limits = sweep.pricer.limits(sweep.budgets) | sweep.budgets
    return [
        machine
        for machine in machines
        if machine.runtime and machine.l1_required <= machine.l1 and machine.l2_required <= machine.l2
        if all(getattr(machine, column) <= limit for column, limit in limits.items())
    ]


def text_of(path: Path, shown: Shown, subject: Subject, command: str) -> str:
    """What is written into a file, by its ending."""
    if path.suffix == ".html":
        from archloom.report.maestro_sweep_html import sweep_page

        return sweep_page(shown, command=command)
    if path.suffix == ".json":
        from archloom.report.maestro_sweep import swept_dict

        return json_text(swept_dict(shown))
    from archloom.interop.maestro.write import mapping_text

    return f"// {' '.join(command.split())}\n{mapping_text(subject.translation.network)}"


def designs_csv(sweeps: Mapping[str, Sweep], axes: Mapping[str, Sequence[int]]) -> str:
    """All designs with their figures, a row each; with two engines a row of each. Raises InputError where they are too many."""
    import csv as writing
    import io

    import numpy as np

    rows = sum(sweep.designs for sweep in sweeps.values())
    if rows > MOST_ROWS:
        hint = f"at most {MOST_ROWS:,} are written: sweep fewer values, or write .json or .html, which have the front"
        raise InputError(f"{rows:,} designs are too many for a CSV file", Place("--csv"), hint)
    text = io.StringIO()
    writer = writing.writer(text, lineterminator="\n")
    writer.writerow([*axes, *COLUMNS, *(["engine"] if len(sweeps) > 1 else [])])
    for engine, sweep in sweeps.items():
        grids = dict(zip(sweep.axes, np.meshgrid(*sweep.axes.values(), indexing="ij"), strict=True))
        columns = [grids[axis].ravel().tolist() for axis in axes]
        columns += [sweep.column(name).ravel().tolist() for name in COLUMNS]
        columns += [[engine] * sweep.designs] if len(sweeps) > 1 else []
        writer.writerows(zip(*columns, strict=True))
    return text.getvalue()
