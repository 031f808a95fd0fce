"""How many operations an ATen operator that is no layer takes, by the same rule as for ONNX."""

from __future__ import annotations

import math

from archloom.interop.torch.call import Call
from archloom.workload.network import Skipped

__all__ = ["skip"]

_MOVES = frozenset(
    f"aten.{name}"
    for name in """_reshape_alias _to_copy _unsafe_view alias arange as_strided broadcast_to cat channel_shuffle chunk clone
    concat constant_pad_nd contiguous copy copy_ detach detach_ diagonal dropout dropout_ embedding empty empty_like expand
    expand_as eye fill fill_ flatten flip full full_like gather index index_copy index_put index_put_ index_select lift_fresh_copy
    masked_select mH mT movedim narrow new_empty new_full new_ones new_zeros numpy_T ones ones_like pad permute pixel_shuffle pixel_unshuffle
    reflection_pad1d reflection_pad2d repeat repeat_interleave replication_pad2d reshape roll scalar_tensor scatter select
    select_scatter slice slice_scatter split split_with_sizes squeeze stack swapaxes t tile to transpose type_as unbind unflatten
    unfold unsafe_chunk unsafe_split unsqueeze view view_as zeros zeros_like""".split()  # noqa: SIM905
)
"""Operators that only make, move or rename data."""

_REDUCTIONS = (
    *("adaptive_", "all", "amax", "amin", "aminmax", "any", "argmax", "argmin", "count_nonzero", "linalg_vector_norm"),
    *("logsumexp", "max.", "mean", "median", "min.", "norm.", "prod", "std", "sum", "var"),
)


def skip(call: Call) -> Skipped:
    """What to say of a call that is no layer.

    Operations are the elements of the first result, times the window for pooling, or the elements of the input where that is
    larger (reductions and adaptive pooling, whose windows cover the input). Moving data is no operation.
    """
    kind, output = call.kind, call.output_elements()
    if kind in _MOVES:
        return Skipped(call.name, kind, 0, "moves data")
    if output is None:
        return Skipped(call.name, kind, None, "operations unknown")
    bare = kind.removeprefix("aten.")
    if "pool" in bare and "adaptive" not in bare:
        axes = next((int(letter) for letter in bare if letter in "123"), 1)
        return Skipped(call.name, kind, output * math.prod(call.numbers("kernel_size", axes)))
    if any(bare == word.rstrip(".") or (bare.startswith(word) and word.endswith("_")) for word in _REDUCTIONS):
        return Skipped(call.name, kind, max(output, call.input_elements()))
    note = "" if kind.startswith("aten.") else "not an operator of ATen: products in it would not be counted"
    return Skipped(call.name, kind, output, note)
