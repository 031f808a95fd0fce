"""A drawing of the loop nest as SVG: levels and loops from top to bottom, and a lane per tensor that says what lives where.

In a tensor's lane a box with the words of its tile stands where a level holds it. A dot says that each iteration of a loop
needs other data of this tensor; where the line goes on without one, each needs the same again, which may be reused. For loops
across a mesh a square says that every instance has its own part, no square that all use the same (multicast, or reduction of an
output).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass
from itertools import cycle

from archloom.architecture.hierarchy import Architecture, Memory
from archloom.mapping.nest import Mapping
from archloom.mapping.walk import Axis, Holder, NestLoop, Node, walk
from archloom.report import svg, units
from archloom.report.names import clip
from archloom.workload.einsum import Workload

__all__ = ["draw_nest"]

ROW, HEAD, FOOT, MARGIN = 26.0, 38.0, 40.0, 18.0
LANE, PILL = 108.0, 90.0
STEP, DEEPEST = 13.0, 240.0
WIDE, NARROW = 7.9, 6.6
"""Widths of a character: of a loop or of a name in bold, and of small print."""
LONGEST_NAME = 28
LEGEND_LINE = 20.0


@dataclass(frozen=True, slots=True)
class _Sheet:
    """What is drawn, and where its columns are."""

    nodes: tuple[Node, ...]
    tensors: tuple[str, ...]
    moved_by: MappingABC[str, frozenset[str]]
    """The dims relevant to each tensor; empty without a workload."""
    notes: MappingABC[str, str]
    """Small print beside each level's name."""
    compute: str
    colours: MappingABC[str, str]

    @property
    def step(self) -> float:
        return min(STEP, DEEPEST / max(1, sum(isinstance(node, NestLoop) for node in self.nodes)))

    @property
    def left(self) -> float:
        """Width of the column of levels and loops."""
        return max([260.0, *(_width(node, depth, self) for node, depth in _with_depth(self.nodes))]) + 2 * MARGIN

    @property
    def width(self) -> float:
        return self.left + LANE * len(self.tensors) + MARGIN / 2

    @property
    def height(self) -> float:
        places = _legend_places(self)
        return self.y(len(self.nodes) + 1) - ROW / 2 + (FOOT + LEGEND_LINE * places[-1][1] if places else MARGIN / 2)

    def y(self, row: int) -> float:
        """The middle of a row."""
        return HEAD + ROW * (row + 0.5)

    def lane(self, tensor: str) -> float:
        return self.left + LANE * (self.tensors.index(tensor) + 0.5)

    def colour(self, tensor: str) -> str:
        return self.colours[tensor]


def draw_nest(mapping: Mapping, workload: Workload | None = None, architecture: Architecture | None = None) -> str:
    """The nest as an `<svg>` element.

    Tile sizes in words and marks of reuse take a `workload`; sizes and instances of the levels an `architecture`.
    """
    nodes = walk(mapping, workload)
    held = sorted({name for node in nodes if isinstance(node, Holder) for name in node.words})
    sheet = _Sheet(
        nodes=nodes,
        tensors=tuple(tensor.name for tensor in workload.tensors) if workload else tuple(held),
        moved_by={tensor.name: tensor.dims for tensor in workload.tensors} if workload else {},
        notes=_notes(architecture) if architecture else {},
        compute=architecture.compute.name if architecture else "MAC",
        colours=svg.tensor_colours(workload) if workload else dict(zip(held, cycle(svg.TENSOR_COLOURS), strict=False)),
    )
    label = f"Loop nest of {workload.name} on {architecture.name}" if workload and architecture else "Loop nest"
    parts = [*_bands(sheet), *_heads(sheet), *_lines(sheet), *_rows(sheet), *(_legend(sheet) if workload else ())]
    return svg.drawing(sheet.width, sheet.height, label, *parts)


def _notes(architecture: Architecture) -> dict[str, str]:
    counts = dict(zip(architecture.names, architecture.instances, strict=True))
    return {level.name: _note(level, counts[level.name]) for level in architecture.levels}


def _note(level: Memory, instances: int) -> str:
    size = units.bits(level.size_bits) if 0 < level.size_bits < math.inf else ""
    many = f"{instances:,} ×" if instances > 1 else ""
    return f"{many} {size}".strip()


def _with_depth(nodes: tuple[Node, ...]) -> Iterator[tuple[Node, int]]:
    depth = 0
    for node in nodes:
        yield node, depth
        depth += isinstance(node, NestLoop)


def _loop_label(node: NestLoop) -> str:
    across = "" if node.axis is Axis.TIME else f"  across {node.axis.value}"
    word = "for " if node.axis is Axis.TIME else ""
    return f"{word}{clip(node.loop.dim, LONGEST_NAME)} in 0..{node.loop.trip}{across}"


def _width(node: Node, depth: int, sheet: _Sheet) -> float:
    if isinstance(node, Holder):
        return WIDE * min(len(node.level), LONGEST_NAME) + NARROW * (len(sheet.notes.get(node.level, "")) + 2)
    return sheet.step * depth + MARGIN + WIDE * (len(_loop_label(node)) + 4)


def _bands(sheet: _Sheet) -> Iterator[str]:
    """A background per level, every second one tinted, with a rule above."""
    starts = [row for row, node in enumerate(sheet.nodes) if isinstance(node, Holder) and node.opens]
    starts.append(len(sheet.nodes))
    for at, (start, stop) in enumerate(zip(starts, [*starts[1:], len(sheet.nodes) + 1], strict=True)):
        top, height = HEAD + ROW * start, ROW * (stop - start)
        yield svg.rect(0, top, sheet.width, height, fill=svg.BANDS[at % 2])
        yield svg.line(0, top, sheet.width, top, stroke=svg.LINE)
    if sheet.moved_by:
        bottom = HEAD + ROW * (len(sheet.nodes) + 1)
        yield svg.line(0, bottom, sheet.width, bottom, stroke=svg.LINE)


def _heads(sheet: _Sheet) -> Iterator[str]:
    for tensor in sheet.tensors:
        shown = clip(tensor, 13)
        yield svg.text(
            sheet.lane(tensor),
            HEAD - 13,
            shown,
            title=tensor,
            text_anchor="middle",
            font_weight="600",
            fill=sheet.colour(tensor),
        )


def _lines(sheet: _Sheet) -> Iterator[str]:
    """The lane of each tensor, from where it first lives down to the compute units."""
    end = len(sheet.nodes)
    for tensor in sheet.tensors:
        rows = [row for row, node in enumerate(sheet.nodes) if isinstance(node, Holder) and tensor in node.words]
        if rows:
            x = sheet.lane(tensor)
            yield svg.line(
                x, sheet.y(rows[0]), x, sheet.y(end), stroke=sheet.colour(tensor), stroke_width=2.5, stroke_opacity=0.45
            )
            yield svg.circle(x, sheet.y(end), 3, fill=sheet.colour(tensor))


def _rows(sheet: _Sheet) -> Iterator[str]:
    depth = 0
    for row, (node, depth) in enumerate(_with_depth(sheet.nodes)):
        if isinstance(node, Holder):
            yield from _holder(node, sheet, sheet.y(row), depth)
        else:
            yield from _loop(node, sheet, sheet.y(row), depth)
    depth = sum(isinstance(node, NestLoop) for node in sheet.nodes)
    name = clip(sheet.compute, LONGEST_NAME)
    yield svg.text(MARGIN, sheet.y(len(sheet.nodes)) + 4.5, name, title=sheet.compute, font_weight="600")


def _holder(node: Holder, sheet: _Sheet, y: float, depth: int) -> Iterator[str]:
    name = clip(node.level, LONGEST_NAME)
    if node.opens:
        mesh = f"as {node.mesh[0]} × {node.mesh[1]}" if node.mesh else ""
        note = "  ".join(filter(None, (sheet.notes.get(node.level, ""), mesh)))
        yield svg.text(MARGIN, y + 4.5, name, title=node.level, note=note, font_weight="600")
    else:
        x = MARGIN * 2 + sheet.step * depth
        yield svg.text(
            x, y + 4.5, f"tile in {name}", title=node.level, font_size=11.0, font_style="italic", fill=svg.QUIET
        )
    for tensor, words in node.words.items():
        yield from _pill(sheet, tensor, words, y)


def _pill(sheet: _Sheet, tensor: str, words: int | None, y: float) -> Iterator[str]:
    x, shown = sheet.lane(tensor), clip(tensor, 12) if words is None else _words(words)
    yield svg.rect(x - PILL / 2, y - 9.5, PILL, 19, rx=9.5, fill=sheet.colour(tensor))
    title = f"{tensor}: tile of {words:,} words" if words is not None else tensor
    yield svg.text(
        x, y + 4, shown, title=title, text_anchor="middle", font_size=12.0, font_weight="600", fill="#ffffff"
    )


def _words(words: int) -> str:
    return f"{words:,}" if words < 10**9 else units.short(words)


def _loop(node: NestLoop, sheet: _Sheet, y: float, depth: int) -> Iterator[str]:
    x = MARGIN * 2 + sheet.step * depth
    yield svg.line(x - 9, y - ROW / 2, x - 9, y + ROW / 2, stroke=svg.LINE)
    where = "in time" if node.axis is Axis.TIME else f"side by side across mesh axis {node.axis.value}"
    title = f"{node.loop.dim}: {node.loop.trip:,} iterations {where}"
    if node.axis is not Axis.TIME:
        yield from _mesh(x, y)
        x += 17
    yield svg.text(x, y + 4.5, _loop_label(node), title=title, font_family=svg.MONO, font_size=12.5)
    for tensor, dims in sheet.moved_by.items():
        if node.loop.dim in dims:
            yield _mark(sheet.lane(tensor), y, sheet.colour(tensor), node.axis)


def _mesh(x: float, y: float) -> Iterator[str]:
    """Four little squares: instances side by side."""
    for dx, dy in ((0, -5), (6, -5), (0, 1), (6, 1)):
        yield svg.rect(x + dx, y + dy, 4.5, 4.5, fill=svg.QUIET)


def _mark(x: float, y: float, colour: str, axis: Axis) -> str:
    if axis is Axis.TIME:
        return svg.circle(x, y, 5, fill="#ffffff", stroke=colour, stroke_width=2.5)
    return svg.rect(x - 4.5, y - 4.5, 9, 9, fill="#ffffff", stroke=colour, stroke_width=2.5)


def _legend(sheet: _Sheet) -> Iterator[str]:
    """What the marks mean, in as many lines as the width takes."""
    top = HEAD + ROW * (len(sheet.nodes) + 1) + FOOT / 2
    for (what, mark), (x, line) in zip(MARKS.items(), _legend_places(sheet), strict=True):
        y = top + LEGEND_LINE * line
        yield svg.tag("g", mark, transform=f"translate({x + 9:.1f} {y:.1f})")
        yield svg.text(x + 24, y + 4, what, font_size=11.0, fill=svg.QUIET)


def _legend_places(sheet: _Sheet) -> list[tuple[float, int]]:
    """Where each entry of the legend begins, and on which line."""
    places: list[tuple[float, int]] = []
    x, line = MARGIN, 0
    for what in MARKS if sheet.moved_by else ():
        length = 24 + 0.86 * NARROW * len(what)
        if places and x + length > sheet.width:
            x, line = MARGIN, line + 1
        places.append((x, line))
        x += length + 14
    return places


MARKS = {
    "words of the tile held": svg.rect(-9, -5, 18, 10, rx=5, fill=svg.QUIET),
    "new data each iteration": _mark(0, 0, svg.QUIET, Axis.TIME),
    "own part per instance": _mark(0, 0, svg.QUIET, Axis.X),
    "the same data": svg.line(-8, 0, 8, 0, stroke=svg.QUIET, stroke_width=2.5, stroke_opacity=0.6),
}
