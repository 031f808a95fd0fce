"""Samples: uniform, reproducible, and from large spaces in no time."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from tests.mapspace.brute import points_of, random_problem

from archloom.architecture.hierarchy import Architecture, Fanout, Memory
from archloom.errors import InfeasibleError
from archloom.mapspace import Constraints, FactorRule, LevelConstraints, MapSpace, sampling
from archloom.workload.einsum import einsum

CONV = einsum(
    "O[m,p,q] += W[m,c,r,s] * I[c,p+r,q+s]", {"m": 64, "c": 48, "p": 28, "q": 28, "r": 3, "s": 3}, name="conv"
)
MACHINE = Architecture(
    "machine",
    (
        Memory("RF", bypass=frozenset({"inputs"})),
        Memory("spad"),
        Memory("GLB", fanout=Fanout(8, 12)),
        Memory("DRAM", fanout=Fanout(2, 2)),
    ),
)


def uniformity(space: MapSpace, seed: int) -> float:
    """Standard deviations by which the chi-square statistic of samples lies above its mean."""
    counts = Counter(points_of(space.sample(space.total * 25, seed)))
    assert len(counts) <= space.total
    statistic = sum((many - 25) ** 2 / 25 for many in counts.values()) + (space.total - len(counts)) * 25
    freedom = space.total - 1
    return (statistic - freedom) / math.sqrt(2 * freedom)


@pytest.mark.parametrize("cuts", ["level", "free"])
@pytest.mark.parametrize("padding", [False, True])
@pytest.mark.parametrize("kept", [sampling.KEPT, 200], ids=["tables once", "tables per call"])
def test_every_mapping_is_equally_likely(cuts: str, padding: bool, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "KEPT", kept)
    above: list[float] = []
    for seed in range(40):
        workload, architecture, constraints = random_problem(seed, constrained=seed % 2 == 0)
        space = MapSpace(workload, architecture, constraints, cuts=cuts, padding=padding)  # type: ignore[arg-type]
        if 20 <= space.total <= 400:
            above.append(uniformity(space, seed))
    assert len(above) >= 5
    assert max(above) < 4.5
    assert abs(sum(above) / len(above)) < 4 / math.sqrt(len(above))


def test_the_test_would_notice() -> None:
    """Samples from a space with one mapping more likely than it should be are told from uniform ones."""
    space = MapSpace(einsum("O[m] += W[m,k] * I[k]", {"m": 4, "k": 6}), Architecture("two", (Memory("a"), Memory("b"))))
    counts = Counter(points_of(space.sample(space.total * 25, 0)))
    skewed = [many + (60 if k == 0 else 0) for k, many in enumerate(counts.values())]
    statistic = sum((many - 25) ** 2 / 25 for many in skewed)
    assert (statistic - space.total) / math.sqrt(2 * space.total) > 4.5


@pytest.mark.parametrize(("cuts", "padding"), [("level", False), ("free", False), ("level", True)])
def test_large_spaces(cuts: str, padding: bool) -> None:
    constraints = Constraints(
        (
            LevelConstraints(
                "GLB", spatial_order=("m", "c"), x=(FactorRule("m", "<=", 4),), order_inner=("r",), order_outer=("p",)
            ),
            LevelConstraints("DRAM", no_multicast=frozenset({"inputs"}), min_parallelism=2, split=3),
        ),
        min_total_parallelism=24,
    )
    space = MapSpace(CONV, MACHINE, constraints, cuts=cuts, padding=padding)  # type: ignore[arg-type]
    assert space.total > 10**15
    batch = space.sample(2000, 3)
    assert space.admits(batch).all()
    assert space.unconstrained.admits(batch).all()
    for row in range(0, 2000, 100):
        mapping = space.mapping(batch, row)
        mapping.check(space.workload, space.architecture)
        assert space.contains(mapping) is None
        near = space.neighbours(batch, row)
        assert len(near) > 20
        assert space.admits(near).all()


def test_seeds() -> None:
    space = MapSpace(CONV, MACHINE)
    one, two, other = space.sample(50, 7), MapSpace(CONV, MACHINE).sample(50, 7), space.sample(50, 8)
    assert all((getattr(one, name) == getattr(two, name)).all() for name in ("temporal", "x", "y", "order", "keep"))
    assert not (one.temporal == other.temporal).all()
    rng = np.random.default_rng(7)
    assert (space.sample(50, rng).temporal == one.temporal).all()
    assert not (space.sample(50, rng).temporal == one.temporal).all()


@pytest.mark.parametrize("cuts", ["level", "free"])
def test_none_and_one(cuts: str) -> None:
    space = MapSpace(CONV, MACHINE, cuts=cuts)  # type: ignore[arg-type]
    assert len(space.sample(0)) == 0
    assert len(space.sample(1)) == 1
    several = MapSpace(CONV, MACHINE, Constraints((LevelConstraints("GLB", spatial_order=("m", "c")),)))
    assert len(several.parts) > 1
    assert len(several.sample(0)) == 0


def test_an_empty_space_says_why() -> None:
    impossible = MapSpace(CONV, MACHINE, Constraints((LevelConstraints("RF", temporal=(FactorRule("r", "=", 2),)),)))
    assert impossible.total == 0
    assert list(impossible.enumerate()) == []
    with pytest.raises(InfeasibleError) as caught:
        impossible.sample(5)
    assert str(caught.value) == (
        "the mapspace of 'conv' on 'machine' is empty: no factorisation of the bound 3 of 'r' obeys the constraints on its loops"
    )
    together = MapSpace(CONV, MACHINE, Constraints(min_total_parallelism=97 * 4))
    assert together.why_empty() == "no tiling obeys the constraints and the sizes of the fanouts for all dims together"
    # 97 of 96 units, padded or not
    assert MapSpace(CONV, MACHINE, Constraints(min_total_parallelism=96 * 4), padding=True).total > 0
