"""Architectures by name or file."""

from __future__ import annotations

from collections.abc import Iterable

from archloom.architecture.hierarchy import Architecture
from archloom.errors import InputError
from archloom.spec.load import Source, load

__all__ = ["load_architecture"]


def load_architecture(source: Source, *, sets: Iterable[str] = (), warnings: list[str] | None = None) -> Architecture:
    """The architecture in a YAML file, in YAML text (a string with a newline), or of a machine in the zoo, such as `eyeriss`.

    `sets` are changes such as `levels.GLB.size=128KiB`; sentences for the user are appended to `warnings`. Raises InputError
    with all faults, naming the nearest machine.

    >>> load_architecture("eyeriss").compute_instances
    168
    """
    spec = load(source, sets=sets)
    if warnings is not None:
        warnings.extend(spec.warnings)
    if spec.architecture is None:
        raise InputError("the file has no section 'architecture'")
    return spec.architecture
