"""Mapspaces against brute force: the same mappings, counts in total and per axis, on many random small problems."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from tests.mapspace.brute import Point, brute_points, points_of, random_problem

from archloom.mapspace import Axis, MapSpace
from archloom.model.arrays import pack

VARIANTS = [
    (cuts, padding, constrained)
    for cuts in ("level", "free")
    for padding in (False, True)
    for constrained in (False, True)
]
LARGEST = 8000


def problem(seed: int, cuts: str, padding: bool, constrained: bool) -> tuple[MapSpace, set[Point]] | None:
    """A space and its mappings by brute force; None where listing them would take long."""
    workload, architecture, constraints = random_problem(seed, constrained=constrained)
    space = MapSpace(workload, architecture, constraints, cuts=cuts, padding=padding)  # type: ignore[arg-type]
    if space.total > LARGEST:
        return None
    return space, brute_points(workload, architecture, constraints, free_cuts=cuts == "free", padding=padding)


def listed(space: MapSpace) -> list[Point]:
    return [point for batch in space.enumerate(block=1000) for point in points_of(batch)]


def held(point: Point) -> tuple[object, ...]:
    """The residency of a point as arrays have it: a cut only where something is kept and left outside."""
    if point.cut is None:
        return (point.keep,)
    rows = zip(point.cut, point.keep, point.order, strict=True)
    return point.keep, tuple(
        tuple(c if kept and c < len(loops) else -1 for c, kept in zip(cut, keep, strict=True))
        for cut, keep, loops in rows
    )


@pytest.mark.parametrize(("cuts", "padding", "constrained"), VARIANTS)
@pytest.mark.parametrize("seed", range(24))
def test_every_mapping_once(seed: int, cuts: str, padding: bool, constrained: bool) -> None:
    given = problem(seed, cuts, padding, constrained)
    if given is None:
        return
    space, expected = given
    found = listed(space)
    assert len(found) == len(set(found)) == space.total
    assert set(found) == expected
    axes = space.size().axes
    assert space.size().total == len(expected)
    assert axes[Axis.TILING] == len({point.temporal for point in expected})
    assert axes[Axis.ORDER] == len({point.order for point in expected})
    assert axes[Axis.PARALLELISM] == len({(point.x, point.y) for point in expected})
    assert axes[Axis.RESIDENCY] == len({held(point) for point in expected})
    shaped = [
        at for at, level in enumerate(space.architecture.levels) if level.fanout.reshapeable and level.fanout.total > 1
    ]
    assert axes[Axis.SHAPE] == len({tuple((prod(p.x[at]), prod(p.y[at])) for at in shaped) for p in expected})
    assert (space.why_empty() is None) == bool(expected)


@pytest.mark.parametrize(("cuts", "padding", "constrained"), VARIANTS)
@pytest.mark.parametrize("seed", range(24, 34))
def test_around_one_mapping(seed: int, cuts: str, padding: bool, constrained: bool) -> None:
    given = problem(seed, cuts, padding, constrained)
    if given is None or not given[1]:
        return
    space, expected = given
    batch = next(space.enumerate(block=200))
    row = int(np.random.default_rng(seed).integers(len(batch)))
    mapping, point = space.mapping(batch, row), points_of(batch)[row]
    assert space.contains(mapping) is None
    _same_arrays(space, mapping, batch, row)

    near = points_of(space.neighbours(mapping))
    assert len(near) == len(set(near))
    assert set(near) <= expected - {point}
    assert set(points_of(space.neighbours(batch, row))) == set(near)
    assert set(points_of(space.sample(40, seed))) <= expected

    for axis in Axis:
        alone = space.isolated(axis, mapping)
        points = listed(alone)
        assert len(points) == len(set(points)) == alone.total
        assert set(points) <= expected
        assert point in points
    for axis, value in ((Axis.TILING, lambda p: p.temporal), (Axis.PARALLELISM, lambda p: (p.x, p.y))):
        assert set(listed(space.fixed(mapping, axis))) == {p for p in expected if value(p) == value(point)}
    assert {held(p) for p in listed(space.fixed(mapping, Axis.RESIDENCY))} >= {held(point)}


def _same_arrays(space: MapSpace, mapping, batch, row: int) -> None:
    """A mapping of the space, packed, gives the arrays that it came from: they are the canonical form."""
    mapping.check(space.workload, space.architecture)
    packed = pack(space.workload, space.architecture, [mapping])
    for name in ("temporal", "x", "y", "order", "keep"):
        assert (getattr(packed, name)[..., 0] == getattr(batch, name)[..., row]).all(), name
    if batch.cut is not None:
        everything = np.full(batch.keep.shape[:2], len(space.workload.dims))
        assert ((everything if packed.cut is None else packed.cut[..., 0]) == batch.cut[..., row]).all()


@pytest.mark.parametrize(("cuts", "padding"), [("level", False), ("free", True)])
@pytest.mark.parametrize("seed", range(6))
def test_membership_is_the_space(seed: int, cuts: str, padding: bool) -> None:
    """Of the mappings of the space without constraints, exactly those of the constrained space are admitted."""
    workload, architecture, constraints = random_problem(seed, constrained=True)
    space = MapSpace(workload, architecture, constraints, cuts=cuts, padding=padding)  # type: ignore[arg-type]
    whole = space.unconstrained
    if whole.total > 4000:
        return
    for batch in whole.enumerate():
        inside = space.admits(batch)
        points = points_of(batch)
        expected = brute_points(workload, architecture, constraints, free_cuts=cuts == "free", padding=padding)
        assert [point in expected for point in points] == inside.tolist()
        for row in range(0, len(batch), 37):
            assert (space.contains(space.mapping(batch, row)) is None) == inside[row]
