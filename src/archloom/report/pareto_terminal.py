"""Fronts of energy and latency in a terminal."""

from __future__ import annotations

from rich.console import Console, Group
from rich.text import Text

from archloom.report import units
from archloom.report.bars import bar
from archloom.report.mapping_headline import space_text
from archloom.report.mapping_terminal import grid, over
from archloom.report.names import clip, printable
from archloom.report.styles import QUIET
from archloom.search.pareto import ParetoFront

__all__ = ["print_front"]

NARROWEST, WIDEST = 80, 100


def print_front(front: ParetoFront, console: Console) -> None:
    """Print a front: a row per point, from the least energy to the least latency."""
    console.width = max(NARROWEST, min(console.width, WIDEST))
    title = Text.assemble(
        (printable(front.workload.name), "bold"), " on ", (printable(front.architecture.name), "bold")
    )
    table = grid(
        *((name, "right") for name in ("energy", "")),
        ("", "left"),
        ("cycles", "right"),
        ("", "right"),
        ("", "left"),
        ("EDP", "right"),
        ("util", "right"),
        ("bound by", "left"),
    )
    least_energy, least_cycles = front.points[0].energy_pj, front.points[-1].cycles
    most_energy = max(point.energy_pj for point in front.points)
    most_cycles = max(point.cycles for point in front.points)
    least_edp = min(point.evaluation.edp for point in front.points)
    for point in front.points:
        edp = point.evaluation.edp
        table.add_row(
            units.energy(point.energy_pj),
            Text(_times(point.energy_pj, least_energy), QUIET),
            bar(point.energy_pj / most_energy if most_energy else 0.0, 14, "green"),
            f"{point.cycles:,}",
            Text(_times(point.cycles, least_cycles), QUIET),
            bar(point.cycles / most_cycles, 14, "blue"),
            Text(units.energy(edp), "bold" if edp == least_edp else ""),
            f"{100 * point.evaluation.utilization:.0f} %",
            clip(point.evaluation.bound_by, 10),
        )
    many = (
        f"{len(front.points)} points"
        if len(front.points) > 1
        else "one point: the least energy and the least latency together"
    )
    proof = "no mapping beats any of them in both" if front.finished else "ended early: faster ones are missing"
    note = f"{many}; {proof}, of {space_text(front.space_size)}. {front.cpu_s:.2f} CPU-s"
    console.print(Group(title, table, Text(note, QUIET)))


def _times(value: float, least: float) -> str:
    return over(value, least) if least and value != least else ""
