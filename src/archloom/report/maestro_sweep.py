"""A sweep of hardware as it is shown: the best design of each objective, the front, and the others as a cloud."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from archloom.report import units
from archloom.report.maestro import power_text
from archloom.report.mapping_terminal import grid
from archloom.report.names import printable
from archloom.report.styles import QUIET

__all__ = [
    "AXES",
    "OBJECTIVES",
    "Design",
    "Shown",
    "Swept",
    "miss_text",
    "print_swept",
    "shown_of",
    "swept_dict",
]

NARROWEST, WIDEST = 80, 160
OBJECTIVES = {"throughput": "throughput", "energy": "energy", "edp": "EDP"}
"""What a design can be best at, and how that is written."""

AXES = {
    "pes": "PEs",
    "simd": "lanes",
    "noc_bw": "NoC",
    "noc_latency": "latency",
    "offchip_bw": "off-chip",
    "l1": "L1",
    "l2": "L2",
}
"""The axes of a sweep as the heads of columns."""


@dataclass(frozen=True, slots=True)
class Design:
    """One machine: its values on the axes, and what the layers cost there; `l1` and `l2` are what they need, in elements.

    Energy in pJ with a MAC at 0.23 pJ, `edp` in pJ times cycles.
    """

    axes: Mapping[str, int]
    cycles: int
    throughput: float
    energy_pj: float
    edp: float
    area_um2: float
    power_mw: float
    l1: int
    l2: int


@dataclass(frozen=True)
class Swept:
    """What one engine finds: how many designs there are and can be built, the best, the front, and a sample of all.

    `failures` says why the layers do not run on some counts of PEs. Where nothing can be built `nearest` is the design that exceeds
    its limits by the least factor, `excess`.
    """

    engine: str
    designs: int
    feasible: int
    best: Mapping[str, Design]
    front: Sequence[Design]
    cloud: Sequence[Design]
    failures: Mapping[int, str] = field(default_factory=dict)
    nearest: Design | None = None
    excess: float = math.nan


@dataclass(frozen=True)
class Shown:
    """A sweep by one engine or both: the layers, the machine that the axes change, and the budgets in um2 and mW.

    `sizes` are those of L1 and L2 where the machine has them and no axis does, in elements: they have to suffice.
    """

    label: str
    dataflow: str
    machine: str
    axes: Mapping[str, Sequence[int]]
    budgets: Mapping[str, float]
    engines: Sequence[Swept]
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of a design with its name and how it is written."""

    name: str
    of: Callable[[Design], float]
    write: Callable[[float], str]


COLUMNS = (
    Column("cycles", lambda design: design.cycles, lambda value: units.short_count(int(value))),
    Column("MACs/cycle", lambda design: design.throughput, units.ratio),
    Column("energy", lambda design: design.energy_pj, units.energy),
    Column("EDP", lambda design: design.edp, units.energy),
    Column("area", lambda design: design.area_um2, units.area),
    Column("power", lambda design: design.power_mw, power_text),
    Column("min L1", lambda design: design.l1, lambda value: units.short_count(int(value))),
    Column("min L2", lambda design: design.l2, lambda value: units.short_count(int(value))),
)


def shown_of(shown: Shown, design: Design) -> list[str]:
    """The cells of a design: its values on the axes, then its figures."""
    values = [units.count(design.axes[axis]) for axis in shown.axes]
    return [*values, *(column.write(column.of(design)) for column in COLUMNS)]


def heads(shown: Shown) -> list[str]:
    """What stands above the cells."""
    return [*(AXES[axis] for axis in shown.axes), *(column.name for column in COLUMNS)]


def print_swept(shown: Shown, console: Console) -> None:
    """Print the best designs of each engine and the size of its front, as wide as the console, 80 to 160 columns."""
    console.width = max(NARROWEST, min(console.width, WIDEST))
    flow = f", dataflow {shown.dataflow}" if shown.dataflow else ""
    console.print(Text.assemble((printable(shown.label), "bold"), flow))
    console.print(Text(f"{space_text(shown)}{budget_text(shown)}\notherwise {shown.machine}", QUIET))
    for swept in shown.engines:
        console.print(Group(Text(f"\n{swept.engine.capitalize()} engine", "bold"), _best(shown, swept, console.width)))
    console.print(Text(f"\n{note(shown)}", QUIET))


def note(shown: Shown) -> str:
    """What is to be known about the numbers."""
    if {"l1", "l2"} & shown.axes.keys():
        return "Area and power with the given L1 and L2 where they are swept; EDP is energy times cycles."
    return "Area and power with just the buffers that are needed; EDP is energy times cycles."


def _best(shown: Shown, swept: Swept, width: int) -> RenderableType:
    if not swept.best:
        return Text(miss_text(shown, swept), "red")
    table = _best_table(shown, swept, len(COLUMNS))
    if Console(width=10 * WIDEST).measure(table).maximum > width:
        table = _best_table(shown, swept, len(COLUMNS) - 2)
    return Group(table, Text(count_text(swept), QUIET), *(Text(text, QUIET) for text in failure_texts(swept)))


def _best_table(shown: Shown, swept: Swept, columns: int) -> Table:
    """The best designs with so many of their figures: the sizes that are needed stand last."""
    last = len(shown.axes) + columns
    table = grid(("best", "left"), *((head, "right") for head in heads(shown)[:last]))
    for objective, name in OBJECTIVES.items():
        table.add_row(name, *shown_of(shown, swept.best[objective])[:last])
    return table


def count_text(swept: Swept) -> str:
    """How many designs there are, how many can be built, and how many are on the front."""
    if swept.feasible == swept.designs:
        which = f"{swept.designs:,} designs"
    else:
        which = f"{swept.feasible:,} of {swept.designs:,} designs can be built"
    return f"{which}; {len(swept.front):,} on the Pareto front of {FRONT}."


def failure_texts(swept: Swept) -> list[str]:
    """Why the layers do not run on some counts of PEs, a line per reason."""
    pes: dict[str, list[int]] = {}
    for count, reason in swept.failures.items():
        pes.setdefault(VARYING.sub(r"\1fewer", reason), []).append(count)
    return [f"{span(counts)} PEs: {reason}" for reason, counts in pes.items()]


VARYING = re.compile(r"\b(the machine has )\d+")
"""What of a reason differs from one count of PEs to the next."""


def span(values: Sequence[int]) -> str:
    return f"{min(values):,} to {max(values):,}" if len(values) > 1 else f"{values[0]:,}"


def miss_text(shown: Shown, swept: Swept) -> str:
    """That no design can be built, and which comes nearest."""
    text = f"none of {swept.designs:,} designs can be built"
    limits = limit_texts(shown)
    text += f" with {' and '.join(limits)}" if limits else ""
    if swept.nearest is None:
        return text
    near = swept.nearest
    values = ", ".join(f"{AXES[axis]} {near.axes[axis]:,}" for axis in shown.axes) or "this machine"
    figures = [f"area {units.area(near.area_um2)}", f"power {power_text(near.power_mw)}"]
    sizes = {"l1": near.l1, "l2": near.l2}
    figures += [
        f"{AXES[axis]} {need:,} needed" for axis, need in sizes.items() if axis in shown.axes or axis in shown.sizes
    ]
    return f"{text}; the nearest misses by {units.times(swept.excess)}: {values} with {', '.join(figures)}"


FRONT = "throughput, energy, area and power"


def space_text(shown: Shown) -> str:
    """The axes in words: `PEs 16 to 1,024 (64 values), NoC 8 to 512 (7)`."""
    parts: list[str] = []
    for axis, values in shown.axes.items():
        span = f"{values[0]:,} to {values[-1]:,}" if len(values) > 1 else f"{values[0]:,}"
        parts.append(f"{AXES[axis]} {span}" + (f" ({len(values):,} values)" if len(values) > 1 else ""))
    return ", ".join(parts) or "one design"


def budget_text(shown: Shown) -> str:
    """The budgets in words, after what is swept."""
    parts = limit_texts(shown)
    return f"; {', '.join(parts)}" if parts else ""


def limit_texts(shown: Shown) -> list[str]:
    """Everything that a design has to hold."""
    parts = [f"{name} up to {BUDGET_TEXT[name](value)}" for name, value in shown.budgets.items()]
    return parts + [f"{AXES[axis]} of {size:,}" for axis, size in shown.sizes.items()]


BUDGET_UNITS = {"area": "um2", "power": "mw"}
BUDGET_TEXT: dict[str, Callable[[float], str]] = {"area": units.area, "power": power_text}


def swept_dict(shown: Shown) -> dict[str, Any]:
    """All of it as plain values, without the cloud."""
    return {
        "network": shown.label,
        "dataflow": shown.dataflow or None,
        "axes": {axis: list(values) for axis, values in shown.axes.items()},
        "budgets": {f"{name}_{BUDGET_UNITS[name]}": value for name, value in shown.budgets.items()},
        "engines": {
            swept.engine: {
                "designs": swept.designs,
                "feasible": swept.feasible,
                "failures": {str(pes): reason for pes, reason in swept.failures.items()},
                "nearest": asdict(swept.nearest) if swept.nearest else None,
                "best": {name: asdict(design) for name, design in swept.best.items()},
                "front": [asdict(design) for design in swept.front],
            }
            for swept in shown.engines
        },
    }
