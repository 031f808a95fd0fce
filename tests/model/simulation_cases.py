"""Random small problems for holding the model to the simulator: every kind of einsum, nest, fanout and residency."""

from __future__ import annotations

import math
import random
from collections import Counter

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.workload.einsum import Tensor, Workload, einsum

__all__ = ["Case", "random_case"]

Case = tuple[Workload, Architecture, Mapping, bool]
"""A workload, an architecture, a mapping, and whether to count the reads of drained outputs."""

Slot = tuple[int, str]
"""Where a loop goes: a level, and `t` (time), `x` or `y`."""

# Text, with {a} {b} {c} {d} for strides and dilations, and how often it is drawn.
KINDS: dict[str, int] = {
    "O[m,n] += W[m,k] * I[k,n]": 3,
    "O[b,m,n] += A[b,m,k] * B[b,k,n]": 2,
    "O[m,p] += W[m,c,r] * I[c,{a}*p+{b}*r]": 4,
    "O[p] += W[r] * I[{a}*p+{b}*r]": 2,
    "O[n,m,p,q] += W[m,c,r,s] * I[n,c,{a}*p+{b}*r,{c}*q+{d}*s]": 5,
    "O[g,m,p,q] += W[g,m,c,r,s] * I[g,c,{a}*p+{b}*r,{c}*q+{d}*s]": 2,
    "O[c,p,q] += W[c,r,s] * I[c,{a}*p+{b}*r,{c}*q+{d}*s]": 3,
    "O[p,q] += W[r,s] * I[{a}*p+{b}*r,{c}*q+{d}*s]": 4,
    "O[p,q,m] += W[r,s,m] * I[{a}*p+{b}*s,{c}*q+{d}*r]": 2,
    "O[i,f] += T[i,j,k] * B[j,f] * C[k,f]": 2,
    "O[] += A[k] * B[k]": 1,
    "O[m] += A[m,k]": 1,
    "O[p,m] += W[r,k,m] * I[{a}*p+{b}*r+{c}*k]": 2,
    "O[p,m] += S[] * W[m] * I[{a}*p]": 1,
}
SLIDING = frozenset("pqrs")
SELECTORS = ("input", "weights", "output", "all")


def random_case(seed: int) -> Case:
    """Draw a legal mapping of up to 5000 iterations, half of them above 140; the same seed gives the same case."""
    rng = random.Random(seed)
    text = rng.choices(list(KINDS), list(KINDS.values()))[0].format_map({name: _coefficient(rng) for name in "abcd"})
    depth = rng.choices((1, 2, 3, 4, 5), (1, 4, 6, 5, 3))[0]
    fanouts = rng.sample(range(depth), min(depth, rng.choices((0, 1, 2), (2, 4, 5))[0]))
    dims = sorted({character for character in text if character.islower()})
    factors = _factors(rng, dims, depth, fanouts)
    padding = rng.random() < 0.25
    bounds = {dim: math.prod(n for (_, d), n in factors.items() if d == dim) for dim in dims}
    if padding:
        bounds = {dim: n - rng.randint(0, (n - 1) // 2) if rng.random() < 0.6 else n for dim, n in bounds.items()}
    names = [piece[-1] for piece in text.split("[")[:-1]]
    widths = {name: rng.choice((4, 8, 16, 24)) for name in names if rng.random() < 0.2}
    workload = einsum(text, bounds, name=f"case {seed}", word_bits=widths)
    nests = tuple(_nest(rng, at, at == depth - 1, dims, factors, names) for at in range(depth))
    memories = tuple(_memory(rng, nest, factors, at in fanouts, workload) for at, nest in enumerate(nests))
    nests = tuple(_with_mesh(rng, nest, memory.fanout) for nest, memory in zip(nests, memories, strict=True))
    compute = Compute(energy_pj=rng.choice((0.0, 1.0, 0.3)), leak_pj=rng.choice((0.0, 0.01)))
    return workload, Architecture("random", memories, compute), Mapping(nests, padding), rng.random() < 0.3


def _coefficient(rng: random.Random) -> int:
    return rng.choices((1, 2, 3, 4), (6, 3, 2, 1))[0]


def _factors(rng: random.Random, dims: list[str], depth: int, fanouts: list[int]) -> Counter[tuple[Slot, str]]:
    """Trip counts by slot and dimension (1 where absent)."""
    target = math.exp(rng.uniform(math.log(8), math.log(5000)))
    favoured = rng.choice((set(dims), set(dims) & SLIDING, set(rng.sample(dims, min(2, len(dims)))))) or set(dims)
    weights = [6 if dim in favoured else 1 for dim in dims]
    factors: Counter[tuple[Slot, str]] = Counter()

    def put(slot: Slot, dim: str, factor: int) -> None:
        if slot[1] != "t" and factors[(slot[0], "y" if slot[1] == "x" else "x"), dim]:
            slot = (slot[0], "y" if slot[1] == "x" else "x")
        factors[slot, dim] = max(factors[slot, dim], 1) * factor

    if fanouts and {"p", "r"} <= set(dims) and rng.random() < 0.3:  # neighbours whose windows overlap
        for dim in "pr":
            put((rng.choice(fanouts), rng.choice("xy")), dim, rng.choice((2, 3)))
    if rng.random() < 0.5:  # windows that slide in every direction, at several levels
        for dim in sorted(SLIDING & set(dims)):
            put((rng.randrange(depth), "t"), dim, rng.choice((2, 2, 3)))
    while True:
        factor = rng.choice((2, 2, 2, 3, 3, 4, 5))
        if math.prod(factors.values()) * factor > target:
            return +factors
        spatial = fanouts and rng.random() < 0.4
        slot = (rng.choice(fanouts), rng.choice("xy")) if spatial else (rng.randrange(depth), "t")
        put(slot, rng.choices(dims, weights)[0], factor)


def _nest(
    rng: random.Random, at: int, backing: bool, dims: list[str], factors: Counter[tuple[Slot, str]], names: list[str]
) -> LevelNest:
    temporal, x, y = (_loops(rng, (at, where), dims, factors) for where in "txy")
    keep = frozenset(name for name in names if backing or rng.random() < 0.65)
    cut = {name: rng.randint(0, len(temporal)) for name in names if rng.random() < 0.25} if rng.random() < 0.6 else {}
    return LevelNest(f"L{at}", temporal, x, y, keep, cut)


def _loops(rng: random.Random, slot: Slot, dims: list[str], factors: Counter[tuple[Slot, str]]) -> tuple[Loop, ...]:
    """The loops of a slot in random order, with a few of trip 1 among those in time."""
    loops = [Loop(dim, max(1, factors[slot, dim])) for dim in dims]
    loops = [loop for loop in loops if loop.trip > 1 or (slot[1] == "t" and rng.random() < 0.05)]
    rng.shuffle(loops)
    return tuple(loops)


def _memory(
    rng: random.Random, nest: LevelNest, factors: Counter[tuple[Slot, str]], fans_out: bool, workload: Workload
) -> Memory:
    word_bits = rng.choice((8, 16, 16, 32))
    buffering = rng.choice((1.0, 1.0, 1.0, 2.0))
    kept = [tensor for tensor in workload.tensors if tensor.name in nest.keep]
    spare = frozenset(tensor.name for tensor in workload.tensors) - nest.keep
    fits = buffering * sum((tensor.word_bits or word_bits) * _padded_words(tensor, factors) for tensor in kept)
    return Memory(
        nest.level,
        size_bits=fits if rng.random() < 0.15 else math.inf,
        word_bits=word_bits,
        block=rng.choice((1, 1, 2, 4, 8)),
        read_bandwidth=rng.choice((None, None, 0.5, 2, 7)),
        write_bandwidth=rng.choice((None, None, 0.5, 2, 7)),
        shared_bandwidth=rng.choice((None, None, None, 1, 5)),
        buffering=buffering,
        keep=nest.keep if rng.random() < 0.2 else frozenset(),
        bypass=spare if rng.random() < 0.2 else frozenset(),
        read_pj=rng.choice((0.0, 1.0, 2.5)),
        write_pj=rng.choice((0.0, 1.5, 3.0)),
        update_pj=rng.choice((0.0, 1.25, 4.0)),
        leak_pj=rng.choice((0.0, 0.0, 0.125)),
        fanout=_fanout(rng, nest, workload) if fans_out else Fanout(),
    )


def _padded_words(tensor: Tensor, factors: Counter[tuple[Slot, str]]) -> int:
    bounds = {dim: math.prod(n for (_, d), n in factors.items() if d == dim) for dim in tensor.dims}
    return math.prod(1 + sum(c * (bounds[dim] - 1) for dim, c in rank) for rank in tensor.ranks)


def _fanout(rng: random.Random, nest: LevelNest, workload: Workload) -> Fanout:
    """A mesh in which the loops of `nest` fit, or as many units in a row that a mapping may arrange."""
    x, y = (math.prod(loop.trip for loop in axis) + rng.choice((0, 0, 1, 3)) for axis in (nest.x, nest.y))
    choices = (*SELECTORS, *(tensor.name for tensor in workload.tensors))
    apart = frozenset(rng.sample(choices, rng.choice((1, 1, 2)))) if rng.random() < 0.25 else frozenset[str]()
    if rng.random() < 0.2:
        return Fanout(x * y + rng.choice((0, 1, 5)), 1, apart, reshapeable=True)
    return Fanout(x, y, apart)


def _with_mesh(rng: random.Random, nest: LevelNest, fanout: Fanout) -> LevelNest:
    if not fanout.reshapeable:
        return nest
    x, y = (math.prod(loop.trip for loop in axis) for axis in (nest.x, nest.y))
    wide = rng.randint(x, fanout.total // y)
    return LevelNest(
        nest.level, nest.temporal, nest.x, nest.y, nest.keep, nest.cut, (wide, rng.randint(y, fanout.total // wide))
    )
