"""Factorisations of one bound: every way to write it as a product over places with limits, perfect or padded.

A factorisation f of a bound N is *admissible* with padding iff its product P is N, or is above N and no factor above 1 can be made
smaller by one without the product falling below N (a minimal cover): for each factor f > 1, P - P/f < N. So the factors of a cover
of P > N are at most ceil(P / (P - N)) - 1, which makes the covers of one product its ordinary factorisations with one more limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from archloom.errors import InputError
from archloom.mapspace.rules import Range

__all__ = ["MAX_FACTORISATIONS", "divisors", "factorisations", "products"]

MAX_FACTORISATIONS = 8_000_000
"""So many factorisations of one bound are listed; a space with more is refused."""

MAX_PADDED_BOUND = 2**22


@lru_cache(maxsize=65536)
def divisors(number: int) -> tuple[int, ...]:
    """All divisors, ascending.

    >>> divisors(12)
    (1, 2, 3, 4, 6, 12)
    """
    found = [1]
    rest, prime = number, 2
    while prime * prime <= rest:
        many = 0
        while rest % prime == 0:
            rest //= prime
            many += 1
        if many:
            found = [f * prime**k for k in range(many + 1) for f in found]
        prime += 1 + (prime > 2)
    if rest > 1:
        found += [f * rest for f in found]
    return tuple(sorted(found))


def products(bound: int, *, padding: bool) -> list[tuple[int, int]]:
    """The products that admissible factorisations of a bound may have, each with the largest factor allowed.

    >>> products(5, padding=True)
    [(5, 5), (6, 5), (8, 2)]
    """
    found = [(bound, bound)]
    if not padding or bound == 1:
        return found
    if bound > MAX_PADDED_BOUND:
        raise InputError(f"the bound {bound} is too large for padding; expected at most {MAX_PADDED_BOUND}")
    total = np.arange(bound + 1, 2 * bound)
    most = -(-total // (total - bound)) - 1
    usable = _largest_primes(2 * bound)[bound + 1 :] <= most
    return found + list(zip(total[usable].tolist(), most[usable].tolist(), strict=True))


@lru_cache(maxsize=16)
def _largest_primes(limit: int) -> NDArray[np.int64]:
    """The largest prime factor of every number below a limit (1 for 0 and 1)."""
    largest = np.ones(limit, np.int64)
    for prime in range(2, limit):
        if largest[prime] == 1:
            largest[prime::prime] = prime
    return largest


def factorisations(bound: int, places: Sequence[Range], *, padding: bool = False) -> NDArray[np.int64]:
    """Every admissible factorisation of a bound over places, as rows [n, places]; each factor lies in its place's range.

    Raises InputError where there are more than MAX_FACTORISATIONS.
    """
    tree = _Tree(tuple((span.low, span.high) for span in places))
    roots = [
        (total, most, many) for total, most in products(bound, padding=padding) if (many := tree.count(total, most, 0))
    ]
    size = sum(many for _, _, many in roots)
    if size > MAX_FACTORISATIONS:
        raise InputError(
            f"the bound {bound} has {size:,} factorisations over {len(places)} places; this is too many to list "
            f"(at most {MAX_FACTORISATIONS:,}): fix some factors, or do without padding"
        )
    rows = np.ones((size, len(places)), np.int64)
    start = 0
    for total, most, many in roots:
        tree.fill(rows[start : start + many], total, most, 0)
        start += many
    return rows


class _Tree:
    """The factorisations of (rest, largest factor) over the places from some place on: counted once each, then written out."""

    def __init__(self, spans: tuple[tuple[int, int], ...]) -> None:
        self.spans = spans
        self.counts: dict[tuple[int, int, int], int] = {}
        self.written: dict[tuple[int, int, int], NDArray[np.int64]] = {}

    def steps(self, rest: int, most: int, at: int) -> list[int]:
        low, high = self.spans[at]
        high = min(high, max(most, 1))
        if at == len(self.spans) - 1:
            return [rest] if low <= rest <= high else []
        return [f for f in divisors(rest) if low <= f <= high]

    def count(self, rest: int, most: int, at: int) -> int:
        if at == len(self.spans):
            return int(rest == 1)
        if most ** (len(self.spans) - at) < rest:
            return 0
        key = (rest, most, at)
        if key not in self.counts:
            self.counts[key] = sum(self.count(rest // f, most, at + 1) for f in self.steps(rest, most, at))
        return self.counts[key]

    def fill(self, rows: NDArray[np.int64], rest: int, most: int, at: int) -> None:
        """Write the factors over the places from `at` on; what was written before for the same rest is copied."""
        key = (rest, most, at)
        if key in self.written:
            rows[:, at:] = self.written[key][:, at:]
            return
        self.written[key] = rows
        if at == len(self.spans):
            return
        start = 0
        for f in self.steps(rest, most, at):
            many = self.count(rest // f, most, at + 1)
            if many:
                rows[start : start + many, at] = f
                self.fill(rows[start : start + many], rest // f, most, at + 1)
                start += many
