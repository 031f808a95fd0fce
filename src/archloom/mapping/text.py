"""Loop-nest text: a mapping as people write and read it, both ways.

One line per holder of tiles and per loop, outside to inside::

    DRAM [ Weights 9,408  Inputs 157,323  Outputs 802,816 ]
    | for m in 0..4
    GLB [ Inputs 157,323 ]
    |   for p in 0..112
    GLB [ Outputs 1,792 ]
    |     spatial-x for q in 0..112
    RF [ Weights 2,352 ]
    |       for m in 0..16
    |         for c in 0..3
    |           for r in 0..7
    |             for s in 0..7
    |               MAC

A tensor in brackets lives there, and its tile is what the loops below it touch: its size in words follows its name (derived:
read over when parsing). A level named a second time, between its own loops, holds tensors whose tile is only the loops below
(a cut). `spatial-x` and `spatial-y` loops run across the mesh below their level; `mesh 8x14` after the brackets is the shape
chosen for a reshapeable one; a line `padding` allows factors beyond the bounds; `#` starts a comment; bars and indentation
are for the eye. Names other than plain words are written as JSON strings.
"""

from __future__ import annotations

from archloom.architecture.hierarchy import Architecture
from archloom.errors import Fault, InputError, Place
from archloom.mapping.nest import Mapping
from archloom.mapping.text_reader import PADDING, Reader, quote
from archloom.mapping.walk import Axis, Holder, NestLoop, walk
from archloom.workload.einsum import Workload

__all__ = ["parse", "render"]

MAX_CHARACTERS = 1_000_000
MAX_FAULTS = 50


def render(mapping: Mapping, workload: Workload | None = None, architecture: Architecture | None = None) -> str:
    """The mapping as loop-nest text, ending in a newline; tile sizes in words where a `workload` is given.

    `parse` reads it back as `canonical(mapping)`: loops of trip 1 and cuts without meaning are not written.
    """
    nodes = walk(mapping, workload)
    lines = [_padding_line(mapping, workload)] if mapping.padding else []
    step = " " if sum(isinstance(node, NestLoop) for node in nodes) > 30 else "  "
    depth = 0
    for node in nodes:
        if isinstance(node, Holder):
            lines.append(_holder_line(node))
        else:
            lines.append(f"| {step * depth}{_loop_text(node)}")
            depth += 1
    lines.append(f"| {step * depth}{quote(architecture.compute.name if architecture else 'MAC')}")
    return "\n".join(lines) + "\n"


def _padding_line(mapping: Mapping, workload: Workload | None) -> str:
    if workload is None:
        return PADDING
    grown = [
        f"{quote(dim)} runs to {mapping.factor(dim):,} for {n:,}"
        for dim, n in workload.bounds.items()
        if mapping.factor(dim) > n
    ]
    return f"{PADDING}  # {', '.join(grown)}" if grown else PADDING


def _holder_line(node: Holder) -> str:
    held = "  ".join(quote(name) if words is None else f"{quote(name)} {words:,}" for name, words in node.words.items())
    mesh = f" mesh {node.mesh[0]}x{node.mesh[1]}" if node.mesh else ""
    return f"{quote(node.level)} [ {held} ]{mesh}" if held else f"{quote(node.level)} [ ]{mesh}"


def _loop_text(node: NestLoop) -> str:
    spatial = "" if node.axis is Axis.TIME else f"spatial-{node.axis.value} "
    return f"{spatial}for {quote(node.loop.dim)} in 0..{node.loop.trip}"


def parse(text: str, workload: Workload, architecture: Architecture, *, source: str = "mapping") -> Mapping:
    """Read loop-nest text (see the module's docstring) into a mapping for this workload and architecture.

    `source` names the text in messages. Raises InputError with every fault found, each at its line and column.
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"longer than {MAX_CHARACTERS:,} characters", Place(source))
    reader = Reader(workload, architecture, source)
    for number, line in enumerate(text.split("\n"), start=1):
        reader.read(number, line)
        if len(reader.faults) >= MAX_FAULTS:
            break
    mapping = reader.finish()
    try:
        mapping.check(workload, architecture)
    except InputError as error:
        raise InputError([Fault(fault.message, Place(source), fault.hint) for fault in error.faults]) from None
    return mapping
