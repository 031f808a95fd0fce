"""The loop nest in a terminal: its text, and beside it a lane per tensor that says which loops need other data."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from archloom.mapping.text import render
from archloom.mapping.walk import Axis, Holder, Node, walk
from archloom.model.result import Evaluation
from archloom.report.names import clip
from archloom.report.styles import QUIET, tensor_styles
from archloom.workload.einsum import Tensor

__all__ = ["nest_lanes"]

HELD, MOVED, SPREAD, STAYS, END = "●○□│╵"
LEGEND = f"{HELD} tile held   {MOVED} new data each iteration   {SPREAD} own part per instance   {STAYS} the same data"
LONGEST_NAME = 10
GAP = 3


def nest_lanes(evaluation: Evaluation, width: int) -> RenderableType:
    """The nest of a mapping in `width` columns; the lanes are left out where they do not fit beside the text."""
    nodes = walk(evaluation.mapping, evaluation.workload)
    lines = render(evaluation.mapping, evaluation.workload, evaluation.architecture).rstrip("\n").split("\n")
    before = len(lines) - len(nodes) - 1
    shown = [_line(text, node) for text, node in zip(lines, (*[None] * before, *nodes, None), strict=True)]
    tensors = evaluation.workload.tensors
    lane = max(len(clip(tensor.name, LONGEST_NAME)) for tensor in tensors) + 2
    left = max(len(line) for line in lines) + GAP
    if left + lane * len(tensors) > width:
        for line in shown:
            line.truncate(width, overflow="ellipsis")
        return Group(*shown)
    for line in shown:
        line.pad_right(left - len(line))
    head = Text(" " * left)
    for tensor, style in zip(tensors, tensor_styles(evaluation), strict=True):
        head.append(clip(tensor.name, LONGEST_NAME).center(lane), style)
        _append_lane(shown[before:], nodes, tensor, style, lane)
    for line in (head, *shown):
        line.rstrip()
    return Group(head, *shown, Text(LEGEND, QUIET))


def _line(text: str, node: Node | None) -> Text:
    if isinstance(node, Holder):
        return Text(text, "bold" if node.opens else "")
    line = Text(text)
    if node is not None and node.axis is not Axis.TIME:
        line.highlight_words([f"spatial-{node.axis.value}"], "yellow")
    line.highlight_regex(r"^\|", QUIET)
    return line


def _append_lane(lines: list[Text], nodes: tuple[Node, ...], tensor: Tensor, style: str, width: int) -> None:
    lives = False
    for line, node in zip(lines, (*nodes, None), strict=True):
        held = isinstance(node, Holder) and tensor.name in node.words
        lives = lives or held
        line.append((_mark(node, tensor, held) if lives else "").center(width), style)


def _mark(node: Node | None, tensor: Tensor, held: bool) -> str:
    if node is None:
        return END
    if isinstance(node, Holder):
        return HELD if held else STAYS
    if node.loop.dim not in tensor.dims:
        return STAYS
    return MOVED if node.axis is Axis.TIME else SPREAD
