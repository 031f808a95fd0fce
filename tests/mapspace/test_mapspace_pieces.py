"""The pieces of counting, each against its definition: factorisations, permutations across a fanout, quadrature, groups."""

from __future__ import annotations

import itertools
import math
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archloom.errors import InputError
from archloom.mapspace.factors import divisors, factorisations
from archloom.mapspace.groups import dims_of_group, expand
from archloom.mapspace.quadrature import join_residues, modular_nodes, prime_fields, real_nodes
from archloom.mapspace.rules import Range
from archloom.mapspace.splits import axis_cases
from archloom.workload.einsum import einsum

SPANS = st.builds(Range, st.integers(1, 3), st.sampled_from([1, 2, 3, 4, 30]))


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 24), st.lists(SPANS, max_size=3), st.booleans())
def test_factorisations(bound: int, spans: list[Range], padding: bool) -> None:
    found = [tuple(row) for row in factorisations(bound, spans, padding=padding).tolist()]
    ranges = [range(span.low, min(span.high, bound) + 1) for span in spans]

    def admissible(row: tuple[int, ...]) -> bool:
        product = math.prod(row)
        if product == bound or not padding or product < bound:
            return product == bound
        return all(product // f * (f - 1) < bound for f in row if f > 1)

    assert len(found) == len(set(found))
    assert set(found) == {row for row in itertools.product(*ranges) if admissible(row)}


@given(st.integers(1, 5000))
def test_divisors(number: int) -> None:
    assert list(divisors(number)) == [f for f in range(1, number + 1) if number % f == 0]


def test_too_many_factorisations_are_refused() -> None:
    with pytest.raises(InputError, match=r"the bound 1048576 has 84,672,315 factorisations over 12 places"):
        factorisations(2**20, [Range()] * 12)
    with pytest.raises(InputError, match="the bound 4194305 is too large for padding; expected at most 4194304"):
        factorisations(2**22 + 1, [Range()] * 2, padding=True)


PLACES = st.lists(st.sampled_from(["", "x", "y", "xy"]), min_size=1, max_size=5)


@settings(deadline=None, max_examples=200)
@given(PLACES, st.data())
def test_axis_cases(places: list[str], data: st.DataObject) -> None:
    """The cases are the placements that some row of all dims, cut at the split, has; none is in two of them."""
    dims = range(len(places))
    order = data.draw(st.lists(st.sampled_from(dims), unique=True))
    split = data.draw(st.none() | st.integers(0, len(places) + 1))
    most = data.draw(st.tuples(*(st.integers(0, len(places)) for _ in "xy")))
    cases = list(axis_cases(order, split, len(places), ["x" in p for p in places], ["y" in p for p in places], most))
    for placement in itertools.product(*(("", *p) for p in places)):
        if any(placement.count(axis) > limit for axis, limit in zip("xy", most, strict=True)):
            continue
        trips = [((2 if axis == "x" else 1), (2 if axis == "y" else 1)) for axis in placement]
        holding = [
            case
            for case in cases
            if all(x in case.x.get(d, Range()) and y in case.y.get(d, Range()) for d, (x, y) in enumerate(trips))
        ]
        assert len(holding) == _some_row_fits(placement, order, split)


def _some_row_fits(placement: tuple[str, ...], order: list[int], split: int | None) -> bool:
    others = [d for d in range(len(placement)) if d not in order]
    splits = range(len(placement) + 1) if split is None else [split]
    return any(
        all(placement[d] != "y" for d in row[:at]) and all(placement[d] != "x" for d in row[at:])
        for rest in itertools.permutations(others)
        for row in [[*order, *rest]]
        for at in splits
    )


class TestQuadrature:
    @pytest.mark.parametrize("most", range(12))
    def test_factorials_are_sums_of_powers(self, most: int) -> None:
        real = real_nodes(most)
        assert (real.weight > 0).all()
        assert (real.free > 0).all()
        for prime in islice(prime_fields(), 2):
            nodes = modular_nodes(most, 0, None, prime)
            assert len(nodes) <= (4 if most <= 7 else most + 1)
            for n in range(most + 1):
                terms = zip(nodes.weight.tolist(), nodes.free.tolist(), strict=True)
                assert sum(w * pow(t, n, prime) for w, t in terms) % prime == math.factorial(n) % prime
                assert float((real.weight * real.free**n).sum()) == pytest.approx(math.factorial(n), rel=1e-9)

    def test_any_function_of_two_counts(self) -> None:
        prime = next(prime_fields())
        nodes = modular_nodes(3, 2, lambda a, b: 7 * a**2 + 1000**b + 5, prime)
        for a, b in itertools.product(range(4), range(3)):
            terms = zip(nodes.weight.tolist(), nodes.free.tolist(), nodes.fixed.tolist(), strict=True)
            total = sum(w * pow(t, a, prime) * pow(u, b, prime) for w, t, u in terms)
            assert total % prime == 7 * a**2 + 1000**b + 5

    def test_fields(self) -> None:
        primes = list(islice(prime_fields(), 12))
        assert primes == sorted(set(primes), reverse=True)
        for prime in primes:
            assert 2**30 < prime < 2**31
            assert all(prime % small for small in range(2, 2000))

    @given(st.integers(0, 10**40))
    def test_residues(self, number: int) -> None:
        primes = list(islice(prime_fields(), 5))
        assert join_residues([number % prime for prime in primes], primes) == number


class TestGroups:
    CONV = einsum("O[n,m,p] += W[m,c,r] * I[n,c,p+r]", dict.fromkeys("nmpcr", 2))

    @pytest.mark.parametrize(
        ("group", "dims"), [("reduction", "cr"), ("filters", "m"), ("pixels", "np"), ("groups", ""), ("all", "nmpcr")]
    )
    def test_convolution(self, group: str, dims: str) -> None:
        assert dims_of_group(group, self.CONV) == tuple(dims)

    def test_depthwise_and_products(self) -> None:
        depthwise = einsum("O[g,p] += W[g,r] * I[g,p+r]", dict.fromkeys("gpr", 2))
        assert dims_of_group("groups", depthwise) == ("g",)
        scores = einsum("S[h,q,k] += Q[h,q,e] * K[h,k,e]", dict.fromkeys("hqke", 2))
        assert [dims_of_group(g, scores) for g in ("reduction", "filters", "pixels", "groups")] == [
            ("e",),
            ("k",),
            ("q",),
            ("h",),
        ]

    def test_names_and_groups_mix(self) -> None:
        assert expand(["p", "filters", "m", "zz", "reduction"], self.CONV) == (["p", "m", "c", "r"], ["zz"])


def test_order_arrays_take_the_place_that_rules_fix() -> None:
    from archloom.architecture.hierarchy import Architecture, Memory
    from archloom.mapspace import Constraints, LevelConstraints, MapSpace
    from archloom.mapspace.orders import positions

    workload = einsum("O[a,b] += W[a,c] * I[b,c,d]", dict.fromkeys("abcd", 2))
    fixed = Constraints((LevelConstraints("one", order_inner=("d",), order_outer=("a",)),))
    rules = MapSpace(workload, Architecture("one", (Memory("one"),)), fixed).rules
    loops = np.array([[[True, True], [True, False], [True, True], [True, True]]])
    keys = np.array([[[0.1, 0.1], [0.9, 0.0], [0.2, 0.2], [0.8, 0.8]]])
    assert positions(rules, loops, keys)[0].T.tolist() == [[3, 2, 1, 0], [2, 3, 1, 0]]
