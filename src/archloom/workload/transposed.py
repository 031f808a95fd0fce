"""Transposed convolutions as einsums: one ordinary convolution for each kind of output phase."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

from archloom.errors import InputError
from archloom.workload.convolutions import AXES, convolution
from archloom.workload.einsum import Workload
from archloom.workload.sizes import Sizes, WordBits, check_positive, numbered, per_axis

__all__ = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "transposed_convolution"]


def transposed_convolution(
    name: str = "conv_transpose",
    *,
    N: int = 1,
    M: int,
    C: int,
    inputs: Sequence[int],
    kernel: Sequence[int],
    stride: Sizes = 1,
    dilation: Sizes = 1,
    groups: int = 1,
    word_bits: WordBits = None,
) -> tuple[Workload, ...]:
    """A transposed convolution with one to three axes, as ordinary convolutions over its output phases.

    Along one axis with stride s, output s*i + f sees only the taps r with dilation*r = f (mod s): each phase f is a dense
    convolution with stride 1, as many outputs as inputs, and its share of the taps. Phases with equally many taps become extra
    output channels of one convolution; where the stride divides the kernel that is a single one with M * s outputs and
    kernel / s taps per axis, and otherwise there are up to two kinds per axis. `inputs` holds the input sizes. The MACs
    add up to N * C * M / groups * inputs * kernel: every input meets every tap once, also where cropping (padding) later drops
    the result. Phases without a tap are zeros and cost nothing. Raises InputError as `convolution` does.
    """
    axes = len(inputs)
    if axes not in AXES or len(kernel) != axes:
        raise InputError(f"{name}: {axes} input axes and {len(kernel)} kernel axes; expected one to three of each")
    steps, spreads = per_axis(name, "stride", stride, axes), per_axis(name, "dilation", dilation, axes)
    check_positive(name, M=M, **numbered("input", inputs), **numbered("kernel", kernel))
    check_positive(name, **numbered("stride", steps), **numbered("dilation", spreads))
    kinds = list(product(*(_phases(k, s, d) for k, s, d in zip(kernel, steps, spreads, strict=True))))
    return tuple(
        convolution(
            name if len(kinds) == 1 else f"{name}.phase{number}",
            N=N,
            M=M * math.prod(phases for _, phases in kind),
            C=C,
            outputs=inputs,
            kernel=[taps for taps, _ in kind],
            dilation=[d // math.gcd(s, d) for s, d in zip(steps, spreads, strict=True)],
            groups=groups,
            word_bits=word_bits,
        )
        for number, kind in enumerate(kinds)
    )


def _phases(kernel: int, stride: int, dilation: int) -> list[tuple[int, int]]:
    """The (taps, number of output phases with so many taps) of one axis, most taps first; phases without taps left out."""
    cycle = stride // math.gcd(stride, dilation)
    most, more = divmod(kernel, cycle)
    return [(taps, phases) for taps, phases in ((most + 1, more), (most, cycle - more)) if taps and phases]


def conv_transpose1d(
    name: str = "conv_transpose1d",
    *,
    N: int = 1,
    M: int,
    C: int,
    H: int,
    R: int,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    word_bits: WordBits = None,
) -> tuple[Workload, ...]:
    """A one-dimensional transposed convolution of inputs of length `H`; see `transposed_convolution`."""
    return transposed_convolution(
        name,
        N=N,
        M=M,
        C=C,
        inputs=(H,),
        kernel=(R,),
        stride=stride,
        dilation=dilation,
        groups=groups,
        word_bits=word_bits,
    )


def conv_transpose2d(
    name: str = "conv_transpose2d",
    *,
    N: int = 1,
    M: int,
    C: int,
    H: int,
    W: int,
    R: int,
    S: int,
    stride: Sizes = 1,
    dilation: Sizes = 1,
    groups: int = 1,
    word_bits: WordBits = None,
) -> tuple[Workload, ...]:
    """A two-dimensional transposed convolution of `H` x `W` inputs; see `transposed_convolution`.

    >>> (up,) = conv_transpose2d(M=64, C=128, H=28, W=28, R=2, S=2, stride=2)
    >>> dict(up.bounds)
    {'N': 1, 'M': 256, 'C': 128, 'P': 28, 'Q': 28, 'R': 1, 'S': 1}
    >>> [part.bounds["M"] for part in conv_transpose2d(M=1, C=1, H=8, W=8, R=3, S=3, stride=2)]
    [1, 1, 1, 1]
    """
    return transposed_convolution(
        name,
        N=N,
        M=M,
        C=C,
        inputs=(H, W),
        kernel=(R, S),
        stride=stride,
        dilation=dilation,
        groups=groups,
        word_bits=word_bits,
    )


def conv_transpose3d(
    name: str = "conv_transpose3d",
    *,
    N: int = 1,
    M: int,
    C: int,
    inputs: Sequence[int],
    kernel: Sequence[int],
    stride: Sizes = 1,
    dilation: Sizes = 1,
    groups: int = 1,
    word_bits: WordBits = None,
) -> tuple[Workload, ...]:
    """A three-dimensional transposed convolution, `inputs` and `kernel` as (depth, rows, columns)."""
    if len(inputs) != 3:
        raise InputError(f"{name}: {len(inputs)} input sizes; expected three (depth, rows, columns)")
    return transposed_convolution(
        name,
        N=N,
        M=M,
        C=C,
        inputs=inputs,
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        groups=groups,
        word_bits=word_bits,
    )
