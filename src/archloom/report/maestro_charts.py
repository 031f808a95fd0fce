"""Charts of layers priced as MAESTRO prices them, as SVG: where the energy of each engine goes."""

from __future__ import annotations

from collections.abc import Iterator

from archloom.report import svg, units
from archloom.report.maestro import MAC_PJ, Priced

__all__ = ["draw_energy_of_engines", "energy_parts"]

WIDTH, MARGIN, NAMES, NUMBERS = 1180.0, 18.0, 110.0, 90.0
BAR, GAP, TOP = 26.0, 16.0, 54.0
ROLES = {"input": "input", "filter": "weight", "output": "output"}
INNER = 0.45
"""How strong the colour of L1 is beside that of L2."""


def energy_parts(priced: Priced, engine: str) -> dict[tuple[str, str], float]:
    """The pJ of all layers by (memory, tensor); the MACs are ("MACs", "")."""
    parts: dict[tuple[str, str], float] = {}
    rows = list(zip(priced.engines[engine], priced.layers.counts, strict=True))
    for memory in ("l2", "l1"):
        for tensor in ROLES:
            keys = (f"{memory}_buffer_read_energy", f"{memory}_buffer_write_energy")
            units_of_mac = sum(count * row["tensors"][tensor][key] for row, count in rows for key in keys)
            parts[memory.upper(), tensor] = MAC_PJ * units_of_mac
    parts["MACs", ""] = MAC_PJ * sum(count * row["summary"]["total_mac_energy"] for row, count in rows)
    return parts


def draw_energy_of_engines(priced: Priced) -> str:
    """A stacked bar for each engine: L2 and L1 by tensor, and the MACs."""
    parts = {engine: energy_parts(priced, engine) for engine in priced.engines}
    longest = max(sum(map(abs, pieces.values())) for pieces in parts.values()) or 1.0
    scale = (WIDTH - NAMES - NUMBERS - 2 * MARGIN) / longest
    drawn = list(_key())
    for at, (engine, pieces) in enumerate(parts.items()):
        y = TOP + at * (BAR + GAP)
        total = sum(pieces.values())
        drawn.append(svg.text(MARGIN, y + 17.5, engine, font_weight="600"))
        x = MARGIN + NAMES
        for (memory, tensor), energy in pieces.items():
            if energy > 0:
                share = units.percent(energy / total) if total else ""
                title = f"{engine}: {memory} {tensor}".rstrip() + f" {units.energy(energy)}, {share}"
                colour, opacity = _colour(memory, tensor)
                drawn.append(svg.rect(x, y, energy * scale, BAR, title=title, fill=colour, fill_opacity=opacity))
                x += energy * scale
        drawn.append(svg.text(x + 8, y + 17.5, units.energy(total)))
    label = f"Energy of {priced.label} by memory and tensor"
    return svg.drawing(WIDTH, TOP + len(parts) * (BAR + GAP), label, *drawn)


def _colour(memory: str, tensor: str) -> tuple[str, float | None]:
    if memory == "MACs":
        return svg.MACS_COLOUR, None
    return svg.ROLE_COLOURS[ROLES[tensor]], None if memory == "L2" else INNER


def _key() -> Iterator[str]:
    x = MARGIN + NAMES
    for memory, tensor in [*((memory, tensor) for memory in ("L2", "L1") for tensor in ROLES), ("MACs", "")]:
        colour, opacity = _colour(memory, tensor)
        name = f"{memory} {tensor}".rstrip()
        yield svg.rect(x, 20, 11, 11, rx=2, fill=colour, fill_opacity=opacity)
        yield svg.text(x + 17, 30, name, font_size=12.0, fill=svg.QUIET)
        x += 17 + 7.0 * len(name) + 18
