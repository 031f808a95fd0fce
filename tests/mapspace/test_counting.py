"""Counts in closed form, and sizes no brute force can reach."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from archloom.architecture.hierarchy import Architecture, Fanout, Memory
from archloom.errors import InputError
from archloom.mapspace import Axis, Constraints, LevelConstraints, MapSpace
from archloom.workload.einsum import Workload, einsum


def primes_einsum(many: int) -> Workload:
    """`many` dims of prime bound, all of them reduced."""
    names = [f"d{k}" for k in range(many)]
    return einsum(f"O[] += A[{','.join(names)}] * B[{','.join(names)}]", dict.fromkeys(names, 3))


def held(levels: int) -> Architecture:
    """So many levels that keep everything."""
    return Architecture("chain", tuple(Memory(f"L{at}", keep=frozenset({"all"})) for at in range(levels)))


@pytest.mark.parametrize("many", range(1, 10))
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_orders_of_many_loops(many: int, levels: int) -> None:
    """n loops dealt to L blocks and ordered in each: n! rows of n loops with L - 1 borders in them."""
    space = MapSpace(primes_einsum(many), held(levels))
    expected = math.factorial(many) * math.comb(many + levels - 1, levels - 1)
    assert space.total == expected
    axes = space.size().axes
    assert axes[Axis.ORDER] == expected
    assert axes[Axis.TILING] == levels**many


@pytest.mark.parametrize("many", [3, 7, 9])
def test_free_cuts_in_closed_form(many: int) -> None:
    """Each of two levels has k loops in k! orders; the inner one cuts three kept tensors in k + 1 places."""
    space = MapSpace(primes_einsum(many), held(2), cuts="free")
    expected = sum(
        math.comb(many, k) * math.factorial(k) * math.factorial(many - k) * (k + 1) ** 3 for k in range(many + 1)
    )
    assert space.total == expected


def test_factorisations_as_timeloop_counts_them() -> None:
    """Options per dim over 8 tiling levels, as Timeloop prints them for a 56 x 56 x 256 x 256 layer with 3 x 3 filters.

    Source: github.com/NVlabs/timeloop/issues/19.
    """
    layer = einsum("O[k,p,q] += W[k,c,r,s] * I[c,p+r,q+s]", {"k": 256, "c": 256, "p": 56, "q": 56, "r": 3, "s": 3})
    for dim, options in (("r", 8), ("p", 960), ("k", 6435)):
        alone = einsum(f"O[{dim}] += W[{dim}] * I[{dim}]", {dim: layer.bounds[dim]})
        assert MapSpace(alone, held(8)).size().axes[Axis.TILING] == options


def test_bypass_doubles() -> None:
    workload = einsum("O[m] += W[m,k] * I[k]", {"m": 4, "k": 6})
    kept = MapSpace(workload, held(2))
    free = MapSpace(workload, Architecture("two", (Memory("L0"), Memory("L1"))))
    assert free.total == 8 * kept.total
    assert free.size().axes[Axis.RESIDENCY] == 8


@pytest.mark.parametrize("exponent", [20, 30])
def test_powers_of_two_in_closed_form(exponent: int) -> None:
    """One dim over three levels: its exponent is dealt to three places in time, and three in space of at most 10 each."""
    levels = tuple(Memory(f"L{at}", keep=frozenset({"all"}), fanout=Fanout(2**10)) for at in range(3))
    space = MapSpace(einsum("O[a] += W[a] * I[a]", {"a": 2**exponent}), Architecture("big", levels))
    spatial = [1] + [0] * exponent
    for _ in range(3):
        spatial = [sum(spatial[k - f] for f in range(min(k, 10) + 1)) for k in range(exponent + 1)]
    assert space.total == sum(many * math.comb(exponent - k + 2, 2) for k, many in enumerate(spatial))


def test_independent_dims_multiply() -> None:
    """Dims that share no limit: a count far beyond float64, exact to the last digit."""
    levels = tuple(Memory(f"L{at}", keep=frozenset({"all"}), bypass=frozenset()) for at in range(4))
    arch = Architecture("big", levels)
    names = [f"d{k}" for k in range(12)]
    fixed = tuple(LevelConstraints(f"L{at}", order_inner=tuple(names)) for at in range(4))
    space = MapSpace(
        einsum(f"O[] += A[{','.join(names)}] * B[]", dict.fromkeys(names, 2**10 * 3)), arch, Constraints(fixed)
    )
    assert space.total == (math.comb(13, 3) * 4) ** 12


def test_constraints_only_remove() -> None:
    workload = einsum("O[m,n] += W[m,k] * I[k,n]", {"m": 64, "n": 48, "k": 120})
    arch = Architecture("three", (Memory("RF", fanout=Fanout(4)), Memory("GLB", fanout=Fanout(8, 8)), Memory("DRAM")))
    space = MapSpace(
        workload, arch, Constraints((LevelConstraints("GLB", x_dims=frozenset({"m"}), order_inner=("k",)),))
    )
    assert 0 < space.total < space.unconstrained.total
    for axis, many in space.size().axes.items():
        assert many <= space.unconstrained.size().axes[axis]


def test_sample_of_many_loops_is_uniform() -> None:
    """Of 7 prime dims over two levels, every number of loops in the inner block is equally likely, and so is each order."""
    space = MapSpace(primes_einsum(7), held(2))
    batch = space.sample(40_000, 1)
    inner = Counter((batch.temporal[0] > 1).sum(axis=0).tolist())
    assert set(inner) == set(range(8))
    assert _chi_square([inner[k] for k in range(8)]) < 27  # 99.97 % of 7 degrees of freedom
    full = (batch.temporal[0] > 1).all(axis=0)
    innermost = Counter(np.argmin(batch.order[0][:, full], axis=0).tolist())
    assert _chi_square([innermost[d] for d in range(7)]) < 25


def _chi_square(counts: list[int]) -> float:
    expected = sum(counts) / len(counts)
    return sum((many - expected) ** 2 / expected for many in counts)


def test_a_space_too_large_to_list() -> None:
    space = MapSpace(primes_einsum(9), held(3))
    with pytest.raises(InputError, match=r"the mapspace has 19,958,400 mappings; at most 10,000,000 are listed"):
        next(space.enumerate())
    assert len(next(space.enumerate(limit=10**9, block=500))) <= 500
