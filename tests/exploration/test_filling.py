"""Filling the array: what comes out is in the space, uses the array as it says, and as much of it as can be."""

from __future__ import annotations

import numpy as np
import pytest

import archloom as al
from archloom.exploration.filling import array_use, best_filled, chosen, emptied, on_meshes, put
from archloom.mapspace.space import MapSpace
from archloom.search.moves import Moves

CONV = al.einsum(
    "O[m,p,q] += W[m,c,r,s] * I[c,p+r,q+s]", {"m": 64, "c": 3, "p": 56, "q": 56, "r": 3, "s": 3}, name="conv"
)


def space(x: int, y: int, *, padding: bool = False, cuts: str = "level", reshapeable: bool = False) -> MapSpace:
    buffer = al.Memory("buffer", 2**20, keep=frozenset({"all"}), fanout=al.Fanout(x, y, reshapeable=reshapeable))
    levels = (
        al.Memory("spad", 64 * 16, keep=frozenset({"weights"})),
        buffer,
        al.Memory("ram", keep=frozenset({"all"})),
    )
    return MapSpace(CONV, al.Architecture("machine", levels, al.Compute()), padding=padding, cuts=cuts)  # type: ignore[arg-type]


KINDS = [{}, {"padding": True}, {"cuts": "free"}, {"reshapeable": True}]


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_filled_mappings_are_in_the_space_and_use_no_less(options) -> None:
    where, rng = space(14, 12, **options), np.random.default_rng(0)
    moves = Moves(where)
    before = where.sample(50, 1)
    after = best_filled(moves, before, rng, 6)
    assert where.admits(after).all()
    assert (array_use(where, after) >= array_use(where, before)).all()
    assert array_use(where, after).mean() > 2 * array_use(where, before).mean()
    again = best_filled(moves, before, np.random.default_rng(0), 6)
    assert all(np.array_equal(a, b) for a, b in zip(after.arrays().values(), again.arrays().values(), strict=True))


@pytest.mark.parametrize(("x", "y"), [(14, 12), (56, 3), (7, 24), (28, 6)])
def test_fills_every_mesh_that_the_layer_can_fill(x: int, y: int) -> None:
    where, rng = space(x, y), np.random.default_rng(0)
    use = array_use(where, best_filled(Moves(where), where.sample(50, 1), rng, 8))
    assert (use == 1).mean() > 0.3


def test_use_is_what_the_mapping_says() -> None:
    where = space(14, 12)
    batch = where.sample(30, 2)
    for row in range(30):
        mapping = where.mapping(batch, row)
        units = np.prod([loop.trip for level in mapping.levels for mesh in (level.x, level.y) for loop in mesh])
        assert array_use(where, batch)[row] == pytest.approx(units / 168)


def test_emptied_axes_are_empty_and_nothing_else_changes() -> None:
    where = space(14, 12)
    batch = where.sample(40, 3)
    axes = np.random.default_rng(0).random((2, 40)) < 0.5
    after = emptied(where, batch, axes)
    assert where.admits(after).all()
    assert (np.asarray(after.x)[..., axes[0]] == 1).all() and (np.asarray(after.y)[..., axes[1]] == 1).all()
    assert np.array_equal(np.asarray(after.x)[..., ~axes[0]], np.asarray(batch.x)[..., ~axes[0]])


def test_mappings_settle_on_a_smaller_mesh() -> None:
    batch = space(56, 3).sample(40, 4)
    assert not space(14, 12).admits(batch).all()
    assert space(14, 12).admits(on_meshes(space(14, 12), batch)).all()


def test_rows_of_two_batches() -> None:
    one, two = space(14, 12).sample(3, 0), space(14, 12).sample(3, 1)
    mixed = chosen(np.array([True, False, True]), one, two)
    same = put(one, np.array([1]), chosen(np.array([False]), _row(one, 1), _row(two, 1)))
    for a, b, x, y in zip(*(batch.arrays().values() for batch in (mixed, same, one, two)), strict=True):
        assert np.array_equal(a, b)
        assert np.array_equal(a[..., 1], y[..., 1]) and np.array_equal(a[..., [0, 2]], x[..., [0, 2]])


def _row(batch, row):
    from archloom.search.base import rows_of

    return rows_of(batch, np.array([row]))
