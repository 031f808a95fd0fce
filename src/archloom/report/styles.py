"""The colours of the terminal report: few, from the terminal's own palette, and the same per tensor everywhere."""

from __future__ import annotations

from archloom.model.result import Evaluation

__all__ = ["QUIET", "tensor_styles"]

QUIET = "dim"
TENSORS = ("blue", "green", "magenta", "cyan", "yellow")


def tensor_styles(evaluation: Evaluation) -> list[str]:
    """A style per tensor, in the order of the workload."""
    return [TENSORS[at % len(TENSORS)] for at in range(len(evaluation.workload.tensors))]
