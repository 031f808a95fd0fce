"""Orders as arrays: the loops that are there stand innermost, as rules and keys say; the others follow in the dims' order."""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.mapspace.rules import Rules

__all__ = ["permutation_table", "positions", "settled_cuts"]

FAR = 1e6


def positions(rules: Rules, loops: NDArray[np.bool_], keys: NDArray[Any]) -> NDArray[Any]:
    """The order array [L, D, B] of blocks whose `loops` [L, D, B] are there, by ascending `keys` [L, D, B] from 0 to FAR.

    Dims that the rules fix innermost or outermost take their place whatever their key; equal keys go by the dim's number.
    This is the form in which mappings are counted: two mappings are the same iff their arrays are.
    """
    levels, dims, _ = loops.shape
    rank = np.array(keys, float)
    for at in range(levels):
        for place, d in enumerate(rules.order_inner[at]):
            rank[at, d] = place - FAR
        for place, d in enumerate(rules.order_outer[at]):
            rank[at, d] = place + 2 * FAR
    rank = np.where(loops, rank, 3 * FAR)
    order: NDArray[Any] = np.zeros(loops.shape, np.int8 if dims < 128 else np.int32)
    for d in range(dims):
        for e in range(d):
            after = rank[:, e] <= rank[:, d]
            order[:, d] += after
            order[:, e] += ~after
    return order


def settled_cuts(cut: NDArray[Any], keep: NDArray[np.bool_], many_loops: NDArray[Any], dims: int) -> NDArray[Any]:
    """Cuts [L, T, B] in the form in which they are counted: all loops (`dims`) where nothing is left outside, or nothing is kept."""
    everything = (cut >= many_loops[:, None, :]) | ~keep
    everything[-1] = True
    return np.where(everything, dims, cut).astype(np.int8 if dims < 128 else np.int32)


@lru_cache(maxsize=16)
def permutation_table(many: int) -> NDArray[np.int8]:
    """[many!, many]: the positions of so many loops in each of their orders."""
    return np.array(list(permutations(range(many))), np.int8).reshape(factorial(many), many)
