"""The divisor lattice: every tile shape of a problem as one cell of a grid, and the moves between shapes.

A shape gives each dim an extent that divides its bound. Cells are addressed by prime exponents, so that multiplying shapes adds
their flat indices, and the best value over all ways to reach a shape by a temporal loop is a running minimum along axes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.mapspace.rules import Range

__all__ = ["Grid", "prime_exponents"]

Values = NDArray[np.float64]
Indices = NDArray[np.int64]


def prime_exponents(number: int) -> dict[int, int]:
    """Prime factorisation of a positive integer: {prime: exponent}."""
    factors: dict[int, int] = {}
    prime = 2
    while prime * prime <= number:
        while number % prime == 0:
            factors[prime] = factors.get(prime, 0) + 1
            number //= prime
        prime += 1
    if number > 1:
        factors[number] = factors.get(number, 0) + 1
    return factors


@dataclass(frozen=True)
class Grid:
    """All shapes of a problem with these bounds; arrays over shapes have one axis per dim (`shape`), divisors in prime order."""

    bounds: tuple[int, ...]

    @cached_property
    def primes(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Per dim: its (prime, exponent) pairs."""
        return tuple(tuple(prime_exponents(bound).items()) for bound in self.bounds)

    @cached_property
    def divisors(self) -> tuple[tuple[int, ...], ...]:
        """Per dim: its divisors, in the order of the grid's axis (last prime fastest)."""
        result: list[tuple[int, ...]] = []
        for pairs in self.primes:
            values = [1]
            for prime, exponent in pairs:
                values = [v * prime**k for v in values for k in range(exponent + 1)]
            result.append(tuple(values))
        return tuple(result)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(values) for values in self.divisors)

    @cached_property
    def size(self) -> int:
        """Number of shapes."""
        return math.prod(self.shape)

    @cached_property
    def prime_axes(self) -> tuple[int, ...]:
        """Lengths of the prime axes of all dims in turn: the finest shape of a table."""
        return tuple(exponent + 1 for pairs in self.primes for _, exponent in pairs) or (1,)

    @cached_property
    def axes_of(self) -> tuple[tuple[int, ...], ...]:
        """Per dim: the numbers of its prime axes."""
        result: list[tuple[int, ...]] = []
        at = 0
        for pairs in self.primes:
            result.append(tuple(range(at, at + len(pairs))))
            at += len(pairs)
        return tuple(result)

    @cached_property
    def extents(self) -> tuple[Values, ...]:
        """Per dim: its divisors as an array that broadcasts over the grid."""
        count = len(self.shape)
        return tuple(
            np.array(values, dtype=np.float64).reshape([-1 if axis == d else 1 for axis in range(count)])
            for d, values in enumerate(self.divisors)
        )

    @cached_property
    def index_of(self) -> tuple[dict[int, int], ...]:
        """Per dim: divisor -> index along its axis."""
        return tuple({value: k for k, value in enumerate(values)} for values in self.divisors)

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """Flat step of each dim's axis."""
        steps = [1]
        for length in reversed(self.shape[1:]):
            steps.append(steps[-1] * length)
        return tuple(reversed(steps)) if self.shape else ()

    @cached_property
    def table(self) -> Values:
        """Extents of every shape: [size, dims]."""
        columns = np.unravel_index(np.arange(self.size), self.shape) if self.shape else ()
        return np.stack(
            [np.array(values, dtype=np.float64)[column] for values, column in zip(self.divisors, columns, strict=True)],
            axis=1,
        )

    @cached_property
    def executions(self) -> Values:
        """X(S) = padded MACs / iterations of the shape: how often a tile of this shape runs, over all instances."""
        result: Any = float(math.prod(self.bounds))
        for extent in self.extents:
            result = result / extent
        return np.broadcast_to(result, self.shape)

    def flat(self, extents: tuple[int, ...]) -> int:
        """Flat index of a shape."""
        return sum(self.index_of[d][e] * step for d, (e, step) in enumerate(zip(extents, self.strides, strict=True)))

    def reach(self, values: Values, dims: tuple[int, ...], allowed: tuple[Range, ...]) -> Values:
        """The least of `values` over all shapes from which loops over `dims`, with allowed trips, lead to each shape."""
        free = tuple(d for d in dims if allowed[d].low <= 1 and allowed[d].high >= self.bounds[d])
        if free:
            values = values.copy()
            for d in free:
                for axis in self.axes_of[d]:
                    self._run_down(values, axis)
        for d in dims:
            if d not in free:
                values = self._reach_some(values, d, allowed[d])
        return values

    def _run_down(self, values: Values, axis: int) -> None:
        """Running minimum along one prime axis, in place (slices: np.minimum.accumulate is ten times slower on short axes)."""
        length = self.prime_axes[axis]
        lines = values.reshape(math.prod(self.prime_axes[:axis]), length, -1)
        for k in range(1, length):
            np.minimum(lines[:, k], lines[:, k - 1], out=lines[:, k])

    def _reach_some(self, values: Values, d: int, allowed: Range) -> Values:
        if allowed.high == 1 and allowed.low <= 1:
            return values
        result = np.full(self.shape, np.inf)
        source = np.moveaxis(values, d, 0)
        target = np.moveaxis(result, d, 0)
        index = self.index_of[d]
        for trip in self.divisors[d]:
            if trip in allowed:
                for extent in self.divisors[d]:
                    if extent * trip in index:
                        row = target[index[extent * trip]]
                        np.minimum(row, source[index[extent]], out=row)
        return result

    def shifted(self, values: Values, factors: tuple[int, ...]) -> Values:
        """The table moved by a spatial step: result[S * factors] = values[S], +inf where no S leads."""
        if all(factor == 1 for factor in factors):
            return values
        result = np.full(self.shape, np.inf)
        pairs = [self._steps[d][factor] for d, factor in enumerate(factors)]
        result[np.ix_(*[to for _, to in pairs])] = values[np.ix_(*[start for start, _ in pairs])]
        return result

    @cached_property
    def _steps(self) -> tuple[dict[int, tuple[Indices, Indices]], ...]:
        """Per dim and factor: (indices of the extents that can grow by it, indices of what they become)."""
        result: list[dict[int, tuple[Indices, Indices]]] = []
        for values, index in zip(self.divisors, self.index_of, strict=True):
            table: dict[int, tuple[Indices, Indices]] = {}
            for factor in values:
                grows = [value for value in values if value * factor in index]
                table[factor] = (
                    np.array([index[value] for value in grows]),
                    np.array([index[value * factor] for value in grows]),
                )
            result.append(table)
        return tuple(result)
