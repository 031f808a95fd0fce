"""Neighbours: which steps there are, one by one, and that they lead everywhere in unconstrained spaces."""

from __future__ import annotations

from tests.mapspace.brute import Point, points_of

from archloom.architecture.hierarchy import Architecture, Fanout, Memory
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.mapspace import Constraints, LevelConstraints, MapSpace
from archloom.workload.einsum import einsum

GEMM = einsum("O[m,n] += W[m,k] * I[k,n]", {"m": 4, "n": 3, "k": 2})
KEPT = frozenset({"all"})
ARCH = Architecture("two", (Memory("RF", keep=KEPT), Memory("DRAM", keep=KEPT, fanout=Fanout(2, 2))))
M, N, K = range(3)


def nest(*inner: Loop, outer: tuple[Loop, ...] = (), x: tuple[Loop, ...] = ()) -> Mapping:
    """Loops outermost first."""
    return Mapping(
        (LevelNest("RF", inner, keep=frozenset("IWO")), LevelNest("DRAM", outer, x=x, keep=frozenset("IWO")))
    )


def near(space: MapSpace, mapping: Mapping) -> list[Point]:
    return points_of(space.neighbours(mapping))


def test_the_steps_of_a_mapping() -> None:
    """Loops m4 k2 inside, n3 outside: every prime moves to each other place, the two loops of the inner block swap."""
    found = near(MapSpace(GEMM, ARCH), nest(Loop("m", 4), Loop("k", 2), outer=(Loop("n", 3),)))
    moves = {(point.temporal, point.x, point.y, point.order) for point in found}
    still = (((4, 1, 2), (1, 3, 1)), ((1, 1, 1), (1, 1, 1)), ((1, 1, 1), (1, 1, 1)))
    one = ((1, 1, 1), (1, 1, 1))
    assert moves == {
        (*still, ((M, K), (N,))),  # the swap: k was innermost
        (((2, 1, 2), (2, 3, 1)), one, one, ((K, M), (N, M))),
        (((2, 1, 2), (1, 3, 1)), ((1, 1, 1), (2, 1, 1)), one, ((K, M), (N,))),
        (((2, 1, 2), (1, 3, 1)), one, ((1, 1, 1), (2, 1, 1)), ((K, M), (N,))),
        (((4, 1, 1), (1, 3, 2)), one, one, ((M,), (N, K))),
        (((4, 1, 1), (1, 3, 1)), ((1, 1, 1), (1, 1, 2)), one, ((M,), (N,))),
        (((4, 1, 1), (1, 3, 1)), one, ((1, 1, 1), (1, 1, 2)), ((M,), (N,))),
        (((4, 3, 2), (1, 1, 1)), one, one, ((K, M, N), ())),
    }


def test_a_dim_changes_its_mesh_axis() -> None:
    start = nest(Loop("m", 2), Loop("k", 2), outer=(Loop("n", 3),), x=(Loop("m", 2),))
    assert any(point.y[1][M] == 2 and point.x[1][M] == 1 for point in near(MapSpace(GEMM, ARCH), start))


def test_keep_bits_and_cuts() -> None:
    arch = Architecture("two", (Memory("RF", bypass=frozenset({"O"})), Memory("DRAM")))
    space = MapSpace(GEMM, arch, cuts="free")
    start = Mapping(
        (
            LevelNest("RF", (Loop("m", 4), Loop("k", 2)), keep=frozenset("W"), cut={"W": 1}),
            LevelNest("DRAM", (Loop("n", 3),), keep=frozenset("IWO")),
        )
    )
    w, i = (next(t for t, tensor in enumerate(GEMM.tensors) if tensor.name == name) for name in "WI")
    found = near(space, start)
    same = [p for p in found if p.temporal[0] == (4, 1, 2) and p.order[0] == (K, M)]
    cuts = {p.cut[0][w] for p in same if p.cut and p.keep[0][w] and not p.keep[0][i]}
    assert cuts == {0, 2}
    assert any(p.keep[0][i] and p.keep[0][w] for p in same)
    assert any(not p.keep[0][w] and not p.keep[0][i] for p in same)
    # a loop inside the cut that vanishes is no longer counted
    gone = [p for p in found if p.temporal[0] == (4, 1, 1)]
    assert gone
    assert all(p.cut and p.cut[0][w] == 0 for p in gone)


def test_padded_steps_change_the_product() -> None:
    workload = einsum("O[m] += W[m] * I[m]", {"m": 7})
    space = MapSpace(workload, Architecture("two", (Memory("RF", keep=KEPT), Memory("DRAM", keep=KEPT))), padding=True)
    start = Mapping(
        (
            LevelNest("RF", (Loop("m", 4),), keep=frozenset("IWO")),
            LevelNest("DRAM", (Loop("m", 2),), keep=frozenset("IWO")),
        ),
        padding=True,
    )
    assert {(p.temporal[0][0], p.temporal[1][0]) for p in near(space, start)} == {(2, 4), (3, 3), (7, 1)}


def test_fixed_places_are_kept() -> None:
    fixed = Constraints((LevelConstraints("RF", order_inner=("n",)),))
    space = MapSpace(GEMM, ARCH, fixed)
    found = near(space, nest(Loop("m", 4), Loop("k", 2), outer=(Loop("n", 3),)))
    assert ((N, K, M), ()) in {point.order for point in found}


def test_steps_lead_everywhere() -> None:
    """From one mapping, step by step, to all others of a space without constraints."""
    for cuts, padding in (("level", False), ("free", False), ("level", True)):
        arch = Architecture("two", (Memory("RF", keep=frozenset("O")), Memory("DRAM", fanout=Fanout(2, 1))))
        space = MapSpace(einsum("O[m] += W[m,k] * I[k]", {"m": 4, "k": 3}), arch, cuts=cuts, padding=padding)  # type: ignore[arg-type]
        first = space.sample(1)
        seen = set(points_of(first))
        todo = [(first, 0)]
        while todo:
            batch, row = todo.pop()
            steps = space.neighbours(batch, row)
            for k, point in enumerate(points_of(steps)):
                if point not in seen:
                    seen.add(point)
                    todo.append((steps, k))
        assert len(seen) == space.total
