"""The usual layers as einsums, each a function from sizes to a workload: convolutions, matrix products, attention."""

from __future__ import annotations

from archloom.workload.convolutions import (
    conv1d,
    conv2d,
    conv3d,
    convolution,
    depthwise_conv2d,
    output_size,
)
from archloom.workload.products import attention, batched_matmul, contraction, gemm, linear, matmul, mttkrp
from archloom.workload.transposed import conv_transpose1d, conv_transpose2d, conv_transpose3d, transposed_convolution

__all__ = [
    "attention",
    "batched_matmul",
    "contraction",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "convolution",
    "depthwise_conv2d",
    "gemm",
    "linear",
    "matmul",
    "mttkrp",
    "output_size",
    "transposed_convolution",
]
