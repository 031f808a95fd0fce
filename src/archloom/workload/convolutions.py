"""Convolutions as einsums: plain, grouped and depthwise, with one to three spatial axes.

Dimensions have Timeloop's letters: batch N, groups G, output channels M, input channels C (both per group), output rows and
columns P and Q, kernel rows and columns R and S; a third axis is D (output depth) and T (kernel depth). The tensors are called
Weights, Inputs and Outputs. Zero padding counts as data, as is usual: every output has all its kernel taps.
"""

from __future__ import annotations

from collections.abc import Sequence

from archloom.errors import InputError
from archloom.workload.einsum import Workload, einsum
from archloom.workload.sizes import Sizes, WordBits, check_positive, is_whole, numbered, per_axis

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
    "convolution",
    "depthwise_conv2d",
    "output_size",
]

AXES = {1: ("P", "R"), 2: ("PQ", "RS"), 3: ("DPQ", "TRS")}
"""Letters of the output axes and of the kernel axes, by the number of spatial axes."""


def convolution(
    name: str = "conv",
    *,
    N: int = 1,
    M: int,
    C: int,
    outputs: Sequence[int],
    kernel: Sequence[int],
    stride: Sizes = 1,
    dilation: Sizes = 1,
    groups: int = 1,
    word_bits: WordBits = None,
) -> Workload:
    """A convolution with one to three spatial axes; `M` and `C` are the channels of the whole layer, all groups together.

    `outputs` and `kernel` hold one size per axis. With groups there is a dimension G, and the bounds M and C are per group.
    Raises InputError when a size is not positive or the channels do not divide into the groups.

    >>> print(convolution(M=8, C=4, outputs=(10,), kernel=(3,), stride=2, groups=2))
    conv: Outputs[N,G,M,P] += Weights[G,M,C,R] * Inputs[N,G,C,2*P+R]  (N=1, G=2, M=4, C=2, P=10, R=3)
    """
    if len(outputs) not in AXES or len(kernel) != len(outputs):
        raise InputError(
            f"{name}: {len(outputs)} output axes and {len(kernel)} kernel axes; expected one to three of each"
        )
    axes = len(outputs)
    steps, spreads = per_axis(name, "stride", stride, axes), per_axis(name, "dilation", dilation, axes)
    check_positive(name, N=N, M=M, C=C, groups=groups, **numbered("output", outputs), **numbered("kernel", kernel))
    check_positive(name, **numbered("stride", steps), **numbered("dilation", spreads))
    if M % groups or C % groups:
        raise InputError(f"{name}: M={M} and C={C} channels in {groups} groups; expected multiples of {groups}")
    outs, taps = AXES[axes]
    window = ",".join(f"{s}*{p}+{d}*{r}" for s, p, d, r in zip(steps, outs, spreads, taps, strict=True))
    g = "G," if groups > 1 else ""
    text = f"Outputs[N,{g}M,{','.join(outs)}] += Weights[{g}M,C,{','.join(taps)}] * Inputs[N,{g}C,{window}]"
    bounds = {"N": N} | ({"G": groups} if g else {}) | {"M": M // groups, "C": C // groups}
    bounds |= dict(zip(outs, outputs, strict=True)) | dict(zip(taps, kernel, strict=True))
    return einsum(text, bounds, name=name, word_bits=word_bits)


def conv1d(
    name: str = "conv1d",
    *,
    N: int = 1,
    M: int,
    C: int,
    R: int,
    P: int | None = None,
    H: int | None = None,
    stride: int = 1,
    dilation: int = 1,
    padding: int = 0,
    groups: int = 1,
    word_bits: WordBits = None,
) -> Workload:
    """A one-dimensional convolution, by its output length `P` or by its input length `H` and `padding`.

    >>> conv1d(M=8, C=4, H=100, R=5, padding=2).bounds["P"]
    100
    """
    outputs = _outputs(name, (P,), (H,), (R,), stride, dilation, padding)
    return convolution(
        name,
        N=N,
        M=M,
        C=C,
        outputs=outputs,
        kernel=(R,),
        stride=stride,
        dilation=dilation,
        groups=groups,
        word_bits=word_bits,
    )


def conv2d(
    name: str = "conv2d",
    *,
    N: int = 1,
    M: int,
    C: int,
    R: int,
    S: int,
    P: int | None = None,
    Q: int | None = None,
    H: int | None = None,
    W: int | None = None,
    stride: Sizes = 1,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    groups: int = 1,
    word_bits: WordBits = None,
) -> Workload:
    """A two-dimensional convolution, by its output size `P` x `Q` or by its input size `H` x `W` and `padding`.

    `M` and `C` are the channels of the whole layer, all groups together; see `convolution`.

    >>> print(conv2d(M=64, C=3, H=224, W=224, R=7, S=7, stride=2, padding=3))
    conv2d: Outputs[N,M,P,Q] += Weights[M,C,R,S] * Inputs[N,C,2*P+R,2*Q+S]  (N=1, M=64, C=3, P=112, Q=112, R=7, S=7)
    """
    outputs = _outputs(name, (P, Q), (H, W), (R, S), stride, dilation, padding)
    return convolution(
        name,
        N=N,
        M=M,
        C=C,
        outputs=outputs,
        kernel=(R, S),
        stride=stride,
        dilation=dilation,
        groups=groups,
        word_bits=word_bits,
    )


def conv3d(
    name: str = "conv3d",
    *,
    N: int = 1,
    M: int,
    C: int,
    T: int,
    R: int,
    S: int,
    D: int,
    P: int,
    Q: int,
    stride: Sizes = 1,
    dilation: Sizes = 1,
    groups: int = 1,
    word_bits: WordBits = None,
) -> Workload:
    """A three-dimensional convolution with outputs `D` x `P` x `Q` and a kernel `T` x `R` x `S`.

    >>> conv3d(M=64, C=3, D=16, P=56, Q=56, T=3, R=7, S=7, stride=(1, 2, 2)).text
    'Outputs[N,M,D,P,Q] += Weights[M,C,T,R,S] * Inputs[N,C,D+T,2*P+R,2*Q+S]'
    """
    return convolution(
        name,
        N=N,
        M=M,
        C=C,
        outputs=(D, P, Q),
        kernel=(T, R, S),
        stride=stride,
        dilation=dilation,
        groups=groups,
        word_bits=word_bits,
    )


def depthwise_conv2d(
    name: str = "depthwise_conv2d",
    *,
    N: int = 1,
    C: int,
    R: int,
    S: int,
    P: int | None = None,
    Q: int | None = None,
    H: int | None = None,
    W: int | None = None,
    stride: Sizes = 1,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    multiplier: int = 1,
    word_bits: WordBits = None,
) -> Workload:
    """A depthwise convolution: as many groups as the `C` channels, with `multiplier` outputs each.

    >>> dict(depthwise_conv2d(C=32, P=56, Q=56, R=3, S=3).bounds)
    {'N': 1, 'G': 32, 'M': 1, 'C': 1, 'P': 56, 'Q': 56, 'R': 3, 'S': 3}
    """
    check_positive(name, C=C, multiplier=multiplier)
    return conv2d(
        name,
        N=N,
        M=C * multiplier,
        C=C,
        R=R,
        S=S,
        P=P,
        Q=Q,
        H=H,
        W=W,
        stride=stride,
        dilation=dilation,
        padding=padding,
        groups=C,
        word_bits=word_bits,
    )


def output_size(size: int, kernel: int, *, stride: int = 1, dilation: int = 1, padding: int = 0) -> int:
    """Output positions of a sliding window along one axis, `padding` on both sides; at most 0 when it does not fit once.

    >>> output_size(224, 7, stride=2, padding=3)
    112
    """
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _outputs(
    name: str,
    outputs: tuple[int | None, ...],
    inputs: tuple[int | None, ...],
    kernel: tuple[int, ...],
    stride: Sizes,
    dilation: Sizes,
    padding: Sizes,
) -> list[int]:
    """The output sizes, as given or from the input sizes; exactly one of the two sets has to be given."""
    axes = len(outputs)
    wanted, instead = ("P and Q", "H and W") if axes == 2 else ("P", "H")
    pads = per_axis(name, "padding", padding, axes)
    given = [value for value in outputs if value is not None]
    if len(given) == axes and all(size is None for size in inputs) and not any(pads):
        return given
    sizes = [size for size in inputs if size is not None]
    if given or len(sizes) != axes:
        raise InputError(
            f"{name}: expected either the output size ({wanted}) or the input size ({instead}, and padding)"
        )
    steps, spreads = per_axis(name, "stride", stride, axes), per_axis(name, "dilation", dilation, axes)
    check_positive(
        name,
        **numbered(instead, sizes),
        **numbered("kernel", kernel),
        **numbered("stride", steps),
        **numbered("dilation", spreads),
    )
    if any(not is_whole(pad) or pad < 0 for pad in pads):
        raise InputError(f"{name}: padding={padding!r}; expected integers of at least 0")
    windows = zip(sizes, kernel, steps, spreads, pads, strict=True)
    results = [output_size(h, r, stride=s, dilation=d, padding=p) for h, r, s, d, p in windows]
    if min(results) < 1:
        raise InputError(
            f"{name}: a kernel of {kernel} with dilation {dilation} does not fit an input of {sizes} with padding {padding}"
        )
    return results
