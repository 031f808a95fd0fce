"""The ERT and ART of an architecture: what each of its components costs, under the names that Timeloop gives them."""

from __future__ import annotations

from archloom.architecture.hierarchy import Architecture, Memory

__all__ = ["TOP", "areas_of", "energies_of", "is_pure_fanout", "ranged_names"]

TOP = "system"
"""The subtree in which Timeloop's files have all components of one of our architectures."""


def energies_of(architecture: Architecture) -> dict[str, dict[str, float]]:
    """Component (`system.GLB[1..1]`) -> action -> pJ, outermost first, the compute units last.

    Memories have `read`, `write`, `update` (pJ per access of a block) and `leak` (pJ per cycle), compute units `compute` and, where
    they leak, `leak`; a level that only stands for a fanout has no entry.
    """
    *names, mac = ranged_names(architecture)
    table = {
        f"{TOP}.{name}": {
            "read": level.read_pj,
            "write": level.write_pj,
            "update": level.update_pj,
            "leak": level.leak_pj,
        }
        for name, level in zip(names, reversed(architecture.levels), strict=True)
        if not is_pure_fanout(level)
    }
    compute = architecture.compute
    leak = {"leak": compute.leak_pj} if compute.leak_pj else {}
    return {**table, f"{TOP}.{mac}": {"compute": compute.energy_pj, **leak}}


def areas_of(architecture: Architecture) -> dict[str, float]:
    """Component (`system.GLB[1..1]`) -> um^2 of one instance, outermost first, the compute units last."""
    *names, mac = ranged_names(architecture)
    areas = {f"{TOP}.{name}": level.area_um2 for name, level in zip(names, reversed(architecture.levels), strict=True)}
    return {**areas, f"{TOP}.{mac}": architecture.compute.area_um2}


def ranged_names(architecture: Architecture) -> list[str]:
    """Component names with their ranges (`PE[1..168]`), outermost first, the compute units last."""
    names = [*reversed(architecture.names), architecture.compute.name]
    counts = [*reversed(architecture.instances), architecture.compute_instances]
    return [f"{name}[1..{count}]" for name, count in zip(names, counts, strict=True)]


def is_pure_fanout(level: Memory) -> bool:
    """Whether a level holds nothing and only stands for a fanout (Timeloop's dummy storage)."""
    return level.size_bits == 0 and "all" in level.bypass and not level.keep
