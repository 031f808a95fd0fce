"""Quadrature: the number of orders of n loops, as a sum of n-th powers, so that the loops of different dims can be counted apart.

n loops have n! orders: a factor that ties all dims of a level together. But n! = sum over k of w_k * t_k**n for all n up to some most
(Gauss and Laguerre: n! is the n-th moment of exp(-t), and K nodes are exact to n = 2K - 1), and a power is a product over the loops.
So one node per level turns the count into a product over dims, and the sum over all nodes of all levels is exact.
All nodes and weights are positive, so the same sum read as a mixture draws samples: first the nodes, then each dim by itself.

Whole numbers are counted in the fields modulo primes in which the nodes exist, and joined by the Chinese remainder theorem.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Nodes", "join_residues", "modular_nodes", "prime_fields", "real_nodes"]

LARGEST = 7
"""Modular Laguerre nodes exist for up to so many loops; more take one node per count."""


@dataclass(frozen=True, eq=False)
class Nodes:
    """K nodes: a level with a free loops and b loops of fixed place counts sum of weight * free**a * fixed**b."""

    free: NDArray[Any]
    fixed: NDArray[Any]
    weight: NDArray[Any]

    def __len__(self) -> int:
        return len(self.weight)


def real_nodes(most: int) -> Nodes:
    """Nodes of n! for n up to `most`, as floats."""
    if most <= 1:
        return Nodes(np.ones(1), np.ones(1), np.ones(1))
    nodes, weights = np.polynomial.laguerre.laggauss((most + 2) // 2)
    return Nodes(nodes, np.ones_like(nodes), weights)


def modular_nodes(free: int, fixed: int, value: Callable[[int, int], int] | None, prime: int) -> Nodes:
    """Nodes modulo a prime for up to `free` free loops and `fixed` loops of fixed place.

    `value(a, b)` is what a free and b fixed loops count; None stands for a!, whatever b.
    """
    if value is None and free <= LARGEST:
        return _laguerre_nodes(free, prime)
    if value is None:
        fixed, value = 0, _factorial
    return _grid_nodes(free, fixed, value, prime)


def _factorial(a: int, _: int) -> int:
    return math.factorial(a)


def _grid_nodes(free: int, fixed: int, value: Callable[[int, int], int], prime: int) -> Nodes:
    """One node for each pair of counts: any function of the two is a sum of their powers (two Vandermonde systems)."""
    table = [[value(a, b) % prime for b in range(fixed + 1)] for a in range(free + 1)]
    table = _solve_powers(table, prime)
    turned = _solve_powers([list(row) for row in zip(*table, strict=True)], prime)
    pairs = [(i, j, turned[j][i]) for i in range(free + 1) for j in range(fixed + 1)]
    columns = np.array(pairs, np.int64).T
    return Nodes(columns[0], columns[1], columns[2])


def _solve_powers(table: list[list[int]], prime: int) -> list[list[int]]:
    """Rows w with sum over i of i**n * w[i] = table[n] modulo a prime, 0**0 = 1 (Gauss elimination on integers)."""
    size = len(table)
    rows = [[pow(i, n, prime) if n else 1 for i in range(size)] + table[n] for n in range(size)]
    for col in range(size):
        pivot = next(r for r in range(col, size) if rows[r][col] % prime)
        rows[col], rows[pivot] = rows[pivot], rows[col]
        inverse = pow(rows[col][col], -1, prime)
        rows[col] = [v * inverse % prime for v in rows[col]]
        for r in range(size):
            if r != col and rows[r][col]:
                factor = rows[r][col]
                rows[r] = [(v - factor * u) % prime for v, u in zip(rows[r], rows[col], strict=True)]
    return [row[size:] for row in rows]


def _laguerre_nodes(most: int, prime: int) -> Nodes:
    order = 1 if most <= 1 else 2 if most <= 3 else 4
    nodes = list(_roots(order, prime))
    moments = [[math.factorial(n) % prime] for n in range(order)]
    weights = _solve_nodes(nodes, moments, prime)
    return Nodes(np.array(nodes, np.int64), np.ones(order, np.int64), np.array(weights, np.int64))


def _solve_nodes(nodes: Sequence[int], moments: list[list[int]], prime: int) -> list[int]:
    """Weights w with sum of w_k * t_k**n = moments[n] for n below the number of nodes (Lagrange's basis)."""
    weights: list[int] = []
    for k, node in enumerate(nodes):
        basis = [1]
        scale = 1
        for j, other in enumerate(nodes):
            if j != k:
                basis = _times(basis, [-other % prime, 1], prime)
                scale = scale * (node - other) % prime
        total = sum(c * m[0] for c, m in zip(basis, moments, strict=True))
        weights.append(total * pow(scale, -1, prime) % prime)
    return weights


# -- the fields ----------------------------------------------------------------------------------------------------------


def prime_fields() -> Iterator[int]:
    """Primes below 2**31, descending, modulo which the Laguerre polynomials of order 2 and 4 have all their roots."""
    k = 0
    while True:
        yield _prime_field(k)
        k += 1


@lru_cache(maxsize=256)
def _prime_field(k: int) -> int:
    number = (_prime_field(k - 1) if k else 2**31) - 1
    # order 2 needs the root of 2, which exists modulo primes 1 and 7 of 8
    while not (number % 8 in (1, 7) and _is_prime(number) and _splits(4, number)):
        number -= 1
    return number


def _is_prime(number: int) -> bool:
    """Miller and Rabin; exact below 2**32 for these bases."""
    if number % 2 == 0:
        return number == 2
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 7, 61):
        x = pow(base, odd, number)
        if x in (1, number - 1):
            continue
        if not any((x := x * x % number) == number - 1 for _ in range(twos - 1)):
            return False
    return True


def _laguerre(order: int, prime: int) -> list[int]:
    """The Laguerre polynomial, monic, lowest coefficient first: sum of C(n, k) (-1)**k / k! x**k, times (-1)**n n!."""
    n = order
    sign = (-1) ** n
    return [sign * (-1) ** k * math.comb(n, k) * math.factorial(n) // math.factorial(k) % prime for k in range(n + 1)]


def _times(one: list[int], two: list[int], prime: int) -> list[int]:
    product = [0] * (len(one) + len(two) - 1)
    for i, a in enumerate(one):
        for j, b in enumerate(two):
            product[i + j] = (product[i + j] + a * b) % prime
    return product


def _remainder(poly: list[int], monic: list[int], prime: int) -> list[int]:
    rest = list(poly)
    while len(rest) >= len(monic):
        lead = rest.pop()
        if lead:
            at = len(rest) - len(monic) + 1
            for j, c in enumerate(monic[:-1]):
                rest[at + j] = (rest[at + j] - lead * c) % prime
    while len(rest) > 1 and rest[-1] == 0:
        rest.pop()
    return rest or [0]


def _power(base: list[int], exponent: int, monic: list[int], prime: int) -> list[int]:
    """A power modulo a monic polynomial."""
    result, square = [1], _remainder(base, monic, prime)
    while exponent:
        if exponent & 1:
            result = _remainder(_times(result, square, prime), monic, prime)
        square = _remainder(_times(square, square, prime), monic, prime)
        exponent >>= 1
    return result


def _splits(order: int, prime: int) -> bool:
    """Whether x**p = x modulo the polynomial: then it divides x**p - x, the product of all (x - root)."""
    return _power([0, 1], prime, _laguerre(order, prime), prime) == [0, 1]


@lru_cache(maxsize=1024)
def _roots(order: int, prime: int) -> tuple[int, ...]:
    if order == 1:
        return (1,)
    return tuple(sorted(_split_roots(_laguerre(order, prime), prime)))


def _split_roots(monic: list[int], prime: int) -> list[int]:
    """The roots of a monic polynomial that splits (Cantor and Zassenhaus, with shifts 0, 1, 2 ... in place of chance)."""
    if len(monic) == 2:
        return [-monic[0] % prime]
    shift = 0
    while True:
        half = _power([shift, 1], (prime - 1) // 2, monic, prime)
        half[0] = (half[0] - 1) % prime
        part = _common(monic, half, prime)
        if 1 < len(part) < len(monic):
            return _split_roots(part, prime) + _split_roots(_quotient(monic, part, prime), prime)
        shift += 1


def _common(one: list[int], two: list[int], prime: int) -> list[int]:
    """The monic greatest common divisor."""
    while len(two) > 1 or two[0]:
        inverse = pow(two[-1], -1, prime)
        two = [c * inverse % prime for c in two]
        one, two = two, _remainder(one, two, prime)
    return one


def _quotient(poly: list[int], monic: list[int], prime: int) -> list[int]:
    rest, found = list(poly), list[int]()
    while len(rest) >= len(monic):
        lead = rest[-1]
        found.append(lead)
        at = len(rest) - len(monic)
        for j, c in enumerate(monic):
            rest[at + j] = (rest[at + j] - lead * c) % prime
        rest.pop()
    return found[::-1]


def join_residues(residues: Sequence[int], primes: Sequence[int]) -> int:
    """The number from 0 to below the product of the primes with these residues (Chinese remainder theorem)."""
    number, product = 0, 1
    for residue, prime in zip(residues, primes, strict=True):
        number += product * ((residue - number) * pow(product, -1, prime) % prime)
        product *= prime
    return number
