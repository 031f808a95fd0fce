"""Matrix products as einsums: GEMM, batched and broadcast products, attention, contractions, MTTKRP.

The dimensions are batch B, rows M, columns N and inner K. The tensors are called Weights, Inputs and Outputs; what stands where
the weights stand need not be stored parameters: the keys and values of attention do, and so are held as weights are.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Sequence

from archloom.errors import InputError
from archloom.workload.einsum import Workload, einsum
from archloom.workload.sizes import WordBits, check_positive

__all__ = ["attention", "batched_matmul", "contraction", "gemm", "linear", "matmul", "mttkrp"]


def gemm(name: str = "gemm", *, M: int, N: int, K: int, word_bits: WordBits = None) -> Workload:
    """A matrix product: inputs of M rows by K, weights of K by N columns.

    >>> print(gemm(M=128, N=768, K=64))
    gemm: Outputs[M,N] += Weights[K,N] * Inputs[M,K]  (M=128, N=768, K=64)
    """
    return einsum(
        "Outputs[M,N] += Weights[K,N] * Inputs[M,K]", {"M": M, "N": N, "K": K}, name=name, word_bits=word_bits
    )


def linear(
    name: str = "linear", *, rows: int = 1, in_features: int, out_features: int, word_bits: WordBits = None
) -> Workload:
    """A fully connected layer on `rows` vectors (batch times positions): the `gemm` M=rows, N=out_features, K=in_features."""
    return gemm(name, M=rows, N=out_features, K=in_features, word_bits=word_bits)


def batched_matmul(name: str = "matmul", *, B: int, M: int, N: int, K: int, word_bits: WordBits = None) -> Workload:
    """B independent matrix products, each with its own M x K inputs and K x N weights (the second operand, stored or not).

    >>> print(batched_matmul(B=12, M=197, N=197, K=64))
    matmul: Outputs[B,M,N] += Weights[B,K,N] * Inputs[B,M,K]  (B=12, M=197, N=197, K=64)
    """
    text = "Outputs[B,M,N] += Weights[B,K,N] * Inputs[B,M,K]"
    return einsum(text, {"B": B, "M": M, "N": N, "K": K}, name=name, word_bits=word_bits)


def matmul(a: Sequence[int], b: Sequence[int], name: str = "matmul", *, weights: int = 1) -> Workload:
    """The product of operands with the shapes `a` and `b`, broadcast as NumPy's `matmul` does.

    Operand number `weights` (0 or 1) becomes the Weights. Batch axes that only one operand has are further rows or columns, so
    that what is shared is counted once: a weight matrix applied to a batch of sequences is one tall `gemm`. With the first
    operand as Weights the product is that of the transposes. Raises InputError when the shapes do not match.

    >>> print(matmul((8, 197, 768), (768, 3072)))
    matmul: Outputs[M,N] += Weights[K,N] * Inputs[M,K]  (M=1576, N=3072, K=768)
    >>> dict(matmul((2, 12, 197, 64), (2, 12, 64, 197)).bounds)
    {'B': 24, 'M': 197, 'N': 197, 'K': 64}
    """
    check_positive(
        name, **{f"{shape}[{axis}]": size for shape in ("a", "b") for axis, size in enumerate(a if shape == "a" else b)}
    )
    left, right = (1, *a) if len(a) == 1 else tuple(a), (*b, 1) if len(b) == 1 else tuple(b)
    if min(len(left), len(right)) < 2 or left[-1] != right[-2]:
        raise InputError(f"{name}: shapes {tuple(a)} and {tuple(b)} do not multiply; the inner sizes differ")
    batch, rows, columns = 1, left[-2], right[-1]
    depth = max(len(left), len(right)) - 2
    for x, y in zip(
        (1,) * (depth + 2 - len(left)) + left[:-2], (1,) * (depth + 2 - len(right)) + right[:-2], strict=True
    ):
        if x != y and 1 not in (x, y):
            raise InputError(f"{name}: shapes {tuple(a)} and {tuple(b)} do not broadcast: {x} meets {y}")
        if x == y:
            batch *= x
        else:
            rows, columns = rows * x, columns * y
    return _product(name, batch, rows, columns, left[-1], weights)


def _product(name: str, batch: int, rows: int, columns: int, inner: int, weights: int) -> Workload:
    if weights == 0:
        rows, columns = columns, rows
    if batch == 1:
        return gemm(name, M=rows, N=columns, K=inner)
    return batched_matmul(name, B=batch, M=rows, N=columns, K=inner)


def contraction(equation: str, shapes: Sequence[Sequence[int]], name: str = "einsum", *, weights: int = 1) -> Workload:
    """The product that an equation such as `bhid,bhjd->bhij` asks for, of operands with these shapes.

    The rules are those of `numpy.einsum`: `...` stands for broadcast axes, without `->` the labels seen once are the output's.
    Two operands become a `gemm` or `batched_matmul` where they are one; anything else keeps its labels as dimensions and is
    computed as written: a product of three operands is one nest over all labels. Operand number `weights` becomes the Weights.
    Raises InputError when the equation and the shapes do not fit, or there are fewer than two operands.

    >>> print(contraction("bhid,bhjd->bhij", [(2, 12, 197, 64), (2, 12, 197, 64)]))
    einsum: Outputs[B,M,N] += Weights[B,K,N] * Inputs[B,M,K]  (B=24, M=197, N=197, K=64)
    >>> print(contraction("ikl,kj,lj->ij", [(8, 6, 5), (6, 4), (5, 4)]))
    einsum: Outputs[i,j] += Weights[k,j] * Inputs[i,k,l] * Weights2[l,j]  (i=8, j=4, k=6, l=5)
    """
    if len(shapes) < 2:
        raise InputError(f"{name}: {equation!r} with {len(shapes)} operands; expected at least two")
    operands, output = _labels(name, equation, shapes)
    sizes: dict[str, int] = {}
    for labels, shape in zip(operands, shapes, strict=True):
        for label, size in zip(labels, shape, strict=True):
            if sizes.setdefault(label, size) not in (size, 1) and size != 1:
                raise InputError(f"{name}: in {equation!r} the label {label!r} has the sizes {sizes[label]} and {size}")
            sizes[label] = max(size, sizes[label])
    # A label of size 1 in one operand is broadcast there: that operand does not depend on it
    present = [
        dict.fromkeys(label for label, size in zip(labels, shape, strict=True) if size == sizes[label] > 1)
        for labels, shape in zip(operands, shapes, strict=True)
    ]
    output = "".join(label for label in output if sizes[label] > 1)
    kept = set(output)
    if len(operands) == 2 and all(label in kept for label in present[0].keys() ^ present[1].keys()):
        both, (a, b) = present[0].keys() & present[1].keys(), present
        batch, inner = both & kept, both - kept
        batches, rows, columns, depth = (
            math.prod(sizes[label] for label in part) for part in (batch, a.keys() - both, b.keys() - both, inner)
        )
        return _product(name, batches, rows, columns, depth, weights)
    return _as_written(name, present, output, sizes, weights)


def _as_written(
    name: str, operands: Sequence[dict[str, None]], output: str, sizes: dict[str, int], weights: int
) -> Workload:
    order = [weights, *(number for number in range(len(operands)) if number != weights)]
    names = ["Weights", "Inputs", *(f"Weights{number}" for number in range(2, len(operands)))]
    tensors = [f"{tensor}[{','.join(operands[number])}]" for tensor, number in zip(names, order, strict=True)]
    used = dict.fromkeys([*output, *(label for labels in operands for label in labels)])
    bounds = {label: sizes[label] for label in used} or {"K": 1}
    return einsum(f"Outputs[{','.join(output)}] += {' * '.join(tensors)}", bounds, name=name)


def _labels(name: str, equation: str, shapes: Sequence[Sequence[int]]) -> tuple[list[str], str]:
    """The labels of each operand and of the output, with spare letters for the axes under an ellipsis."""
    text = equation.replace(" ", "")
    left, arrow, output = text.partition("->")
    terms = left.split(",")
    if not re.fullmatch(r"(?:[A-Za-z,]|\.\.\.)*(?:->(?:[A-Za-z]|\.\.\.)*)?", text) or len(terms) != len(shapes):
        raise InputError(f"{name}: {equation!r} for {len(shapes)} operands; expected an equation like 'bij,bjk->bik'")
    spare = [letter for letter in string.ascii_letters if letter not in text]
    hidden = [len(shape) - len(term.replace("...", "")) for term, shape in zip(terms, shapes, strict=True)]
    wrong = any(
        h < 0 or (h > 0 and "..." not in term) or term.count("...") > 1 for h, term in zip(hidden, terms, strict=True)
    )
    if wrong or max(hidden) > len(spare) or output.count("...") > 1:
        raise InputError(
            f"{name}: {equation!r} does not fit operands of the shapes {', '.join(str(tuple(s)) for s in shapes)}"
        )
    ellipsis = "".join(spare[: max(hidden)])
    operands = [term.replace("...", ellipsis[len(ellipsis) - h :]) for h, term in zip(hidden, terms, strict=True)]
    if not arrow:
        seen = Counter(left.replace(".", "").replace(",", ""))
        output = "..." + "".join(sorted(label for label, times in seen.items() if times == 1))
    output = output.replace("...", ellipsis)
    missing = set(output) - set("".join(operands))
    if missing or len(set(output)) < len(output):
        raise InputError(f"{name}: the output of {equation!r} has labels twice, or labels that no operand has")
    return operands, output


def attention(
    name: str = "attention",
    *,
    B: int = 1,
    heads: int,
    M: int,
    K: int,
    N: int | None = None,
    kv_heads: int | None = None,
    V: int | None = None,
    word_bits: WordBits = None,
) -> tuple[Workload, Workload]:
    """The two products of attention: scores = queries x keys^T and context = softmax(scores) x values.

    `B` sequences, `M` query positions, `N` key positions (default M), head size `K`, and `V` of the values (default K).
    Keys and values stand where the weights stand, so that a machine holds them as it holds weights. With fewer `kv_heads`
    than `heads` (grouped-query attention) the heads that share keys and values become further rows, and these are counted once:
    the products have B * kv_heads batches and M * heads / kv_heads rows. All M x N scores are computed: a causal mask saves
    nothing. Raises InputError when the heads do not divide evenly.

    >>> scores, context = attention(heads=32, kv_heads=8, M=1, N=2048, K=128)
    >>> dict(scores.bounds), dict(context.bounds)
    ({'B': 8, 'M': 4, 'N': 2048, 'K': 128}, {'B': 8, 'M': 4, 'N': 128, 'K': 2048})
    """
    kv_heads = heads if kv_heads is None else kv_heads
    keys, values = M if N is None else N, K if V is None else V
    check_positive(name, B=B, heads=heads, kv_heads=kv_heads, M=M, N=keys, K=K, V=values)
    if heads % kv_heads:
        raise InputError(f"{name}: {heads} heads share {kv_heads} key-value heads; expected a divisor of {heads}")
    batches, rows = B * kv_heads, M * (heads // kv_heads)
    return (
        batched_matmul(f"{name}.scores", B=batches, M=rows, N=keys, K=K, word_bits=word_bits),
        batched_matmul(f"{name}.context", B=batches, M=rows, N=values, K=keys, word_bits=word_bits),
    )


def mttkrp(name: str = "mttkrp", *, I: int, J: int, K: int, L: int, word_bits: WordBits = None) -> Workload:  # noqa: E741
    """The matricised tensor times Khatri-Rao product of CP decomposition: an I x K x L tensor and two factor matrices.

    >>> mttkrp(I=8, J=4, K=6, L=5).text
    'Outputs[I,J] += WeightsK[K,J] * WeightsL[L,J] * Inputs[I,K,L]'
    """
    text = "Outputs[I,J] += WeightsK[K,J] * WeightsL[L,J] * Inputs[I,K,L]"
    return einsum(text, {"I": I, "J": J, "K": K, "L": L}, name=name, word_bits=word_bits)
