"""Where the numbers of a machine come from, as far as that is known."""

from __future__ import annotations

from itertools import takewhile

from archloom.architecture.hierarchy import Architecture
from archloom.report.technology_origins import figure_text, origins

__all__ = ["sources_of"]


def sources_of(architecture: Architecture, *, library: bool = True) -> tuple[str, ...]:
    """Where the numbers of a machine come from: what the zoo says of it, and what the technology library priced (`library`).

    The zoo speaks for a machine that is, or whose name is, one of its own.
    """
    return (*_zoo_sources(architecture), *(_library_sources(architecture) if library else ()))


def _library_sources(architecture: Architecture) -> tuple[str, ...]:
    """A sentence for each component and source: the figures, their node and confidence, and what was done to them."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for origin in origins(architecture):
        if origin.confidence:
            node = f"{origin.node_nm:g} nm" if origin.node_nm else ""
            key = (origin.component, origin.source, node, origin.confidence, origin.note)
            groups.setdefault(key, []).append(f"{origin.figure} {figure_text(origin.value, origin.unit)}")
    return tuple(
        f"{name}: {', '.join(figures)}: {source} ({', '.join(filter(None, about))})."
        for (name, source, *about), figures in groups.items()
    )


def _zoo_sources(architecture: Architecture) -> tuple[str, ...]:
    """What the zoo says about where its numbers come from."""
    from archloom.spec import load_architecture
    from archloom.spec.zoo import find_machine

    file = find_machine(architecture.name)
    if file is None:
        return ()
    comment = " ".join(line.lstrip("# ").strip() for line in _head(file.read_text("utf-8")))
    if architecture == load_architecture(file):
        return (comment,)
    changed = _changes(architecture, load_architecture(file))
    return (
        f"The machine {file.stem} of archloom's zoo, of which it is said: {comment}",
        f"Not as it is there: {changed}.",
    )


def _head(text: str) -> list[str]:
    """The comment at the top of a file."""
    return list(takewhile(lambda line: line.startswith("#"), text.splitlines()))


def _changes(architecture: Architecture, known: Architecture) -> str:
    """The parts that are not the same in both machines."""
    mine = {level.name: level for level in architecture.levels}
    theirs = {level.name: level for level in known.levels}
    names = [name for name in reversed(dict.fromkeys([*theirs, *mine])) if mine.get(name) != theirs.get(name)]
    if architecture.compute != known.compute:
        names.append(architecture.compute.name)
    return ", ".join(names) or "its whole"
