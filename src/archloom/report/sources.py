"""Where the numbers of a machine come from, as far as that is known."""

from __future__ import annotations

from itertools import takewhile

from archloom.architecture.hierarchy import Architecture

__all__ = ["sources_of"]


def sources_of(architecture: Architecture) -> tuple[str, ...]:
    """What the zoo says about where its numbers come from, for a machine that is, or whose name is, one of the zoo's."""
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
