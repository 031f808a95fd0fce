"""How many operations an ONNX operator that is no layer takes: one rule, for a fair share of the whole."""

from __future__ import annotations

import math

from archloom.interop.onnx.scope import Op, words
from archloom.workload.network import Skipped

__all__ = ["skip"]

_MOVES = words(
    """Cast CastLike CenterCropPad Compress Concat ConcatFromSequence Constant ConstantOfShape DepthToSpace Dropout Expand EyeLike
    Flatten Gather GatherElements GatherND Identity Optional OptionalGetElement OptionalHasElement Pad Range Reshape ReverseSequence
    ScatterElements ScatterND SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape Size Slice
    SpaceToDepth Split SplitToSequence Squeeze Tile Transpose Trilu Unsqueeze"""
)
"""Operators that only move or rename data."""

_WINDOWS = frozenset({"AveragePool", "LpPool", "MaxPool", "NhwcMaxPool", "QLinearAveragePool"})


def skip(op: Op) -> Skipped:
    """What to say of an operator that is no layer.

    Operations are the elements of the first output, times the window where there is one (pooling), or the elements of the input
    where that is larger (global pooling and reductions, whose window is the whole input). Moving data is no operation.
    """
    kind, output = op.node.op_type, op.scope.known(op.node.output[0]) if op.node.output else None
    if kind in _MOVES:
        return Skipped(op.name, op.kind, 0, "moves data")
    if output is None:
        reason = op.scope.why.get(op.node.output[0], "") if op.node.output else ""
        return Skipped(op.name, op.kind, None, f"operations unknown: {reason}" if reason else "operations unknown")
    if kind in _WINDOWS:
        return Skipped(op.name, op.kind, math.prod(output) * math.prod(op.integers("kernel_shape", [1])))
    if kind.startswith(("Global", "Reduce", "Arg", "QLinearGlobal", "QLinearReduce")):
        return Skipped(op.name, op.kind, max(math.prod(output), math.prod(op.maybe_shape(0) or ())))
    return Skipped(op.name, op.kind, math.prod(output))
