"""What each kind of constraint means, checked on every mapping it leaves, and what is said about faulty ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
from tests.mapspace.brute import Point, points_of

from archloom.architecture.hierarchy import Architecture, Fanout, Memory
from archloom.errors import InputError, Place
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.mapspace import Constraints, FactorRule, LevelConstraints, MapSpace, Range
from archloom.mapspace.constraints import as_constraints
from archloom.model.batch import evaluate_batch
from archloom.workload.einsum import einsum

GEMM = einsum("O[m,n] += W[m,k] * I[k,n]", {"m": 4, "n": 6, "k": 4}, name="gemm")
MACHINE = Architecture(
    "machine", (Memory("RF", keep=frozenset({"W"})), Memory("GLB", fanout=Fanout(2, 3)), Memory("DRAM"))
)
M, N, K = range(3)
RF, GLB, DRAM = range(3)
TENSOR = {tensor.name: t for t, tensor in enumerate(GEMM.tensors)}


def space(*levels: LevelConstraints, **more: object) -> MapSpace:
    return MapSpace(GEMM, MACHINE, Constraints(levels, **more))  # type: ignore[arg-type]


def keeps(left: MapSpace, obeys: Callable[[Point], bool]) -> None:
    """The constrained space is just those mappings of the whole one that obey a rule."""
    found = {point for batch in left.enumerate() for point in points_of(batch)}
    whole = _everything(left.unconstrained.architecture)
    assert left.unconstrained.total == len(whole)
    assert found == {point for point in whole if obeys(point)}
    assert 0 < len(found) < len(whole)


@cache
def _everything(machine: Architecture) -> frozenset[Point]:
    """The whole space, listed once: it takes seconds."""
    return frozenset(point for batch in MapSpace(GEMM, machine).enumerate() for point in points_of(batch))


def across(point: Point, at: int, d: int) -> int:
    return point.x[at][d] * point.y[at][d]


def test_temporal_factors() -> None:
    rules = (FactorRule("m", "=", 2), FactorRule("n", "<=", 3), FactorRule("k", ">=", 2))
    keeps(
        space(LevelConstraints("GLB", temporal=rules)),
        lambda p: p.temporal[GLB][M] == 2 and p.temporal[GLB][N] <= 3 and p.temporal[GLB][K] >= 2,
    )


def test_spatial_factors_hold_on_either_axis() -> None:
    left = space(LevelConstraints("GLB", spatial=(FactorRule("m", ">=", 2), FactorRule("n", "=", 1))))
    keeps(left, lambda p: across(p, GLB, M) >= 2 and across(p, GLB, N) == 1)


def test_axis_factors() -> None:
    left = space(LevelConstraints("GLB", x=(FactorRule("m", "=", 2),), y=(FactorRule("n", "<=", 2),)))
    keeps(left, lambda p: p.x[GLB][M] == 2 and p.y[GLB][N] <= 2)


def test_factors_of_a_group() -> None:
    left = space(LevelConstraints("RF", temporal=(FactorRule("filters", "=", 1), FactorRule("reduction", "<=", 2))))
    keeps(left, lambda p: p.temporal[RF][M] == 1 and p.temporal[RF][K] <= 2)


def test_the_rest_is_what_fixed_factors_leave() -> None:
    left = space(
        LevelConstraints("DRAM", temporal=(FactorRule("n", "=", 0),)),
        LevelConstraints("GLB", spatial=(FactorRule("n", "=", 3),)),
    )
    keeps(
        left,
        lambda p: p.temporal[DRAM][N] == 2 and across(p, GLB, N) == 3 and p.temporal[GLB][N] == p.temporal[RF][N] == 1,
    )


def test_the_rest_alone_is_the_whole_bound() -> None:
    """As Timeloop's mapper reads a factor of 0."""
    keeps(space(LevelConstraints("RF", temporal=(FactorRule("k", "=", 0),))), lambda p: p.temporal[RF][K] == 4)


@pytest.mark.parametrize("padding", [False, True])
def test_a_rest_that_does_not_divide(padding: bool) -> None:
    """5 is 3 x 2 without waste; 6 is not 4 x 2, for 3 x 2 does it."""
    rules = Constraints(
        (
            LevelConstraints("DRAM", temporal=(FactorRule("n", "=", 0),)),
            LevelConstraints("RF", temporal=(FactorRule("n", "=", 3),)),
        )
    )
    left = MapSpace(replace(GEMM, bounds={**GEMM.bounds, "n": 5}), MACHINE, rules, padding=padding)
    assert (left.total > 0) == padding
    if padding:
        batch = left.sample(20)
        assert (batch.temporal[DRAM, N] == 2).all()


def test_dims_that_may_have_loops() -> None:
    left = space(
        LevelConstraints("GLB", temporal_dims=frozenset({"pixels"}), x_dims=frozenset({"m", "k"}), y_dims=frozenset())
    )
    keeps(
        left,
        lambda p: (
            p.temporal[GLB][M] == p.temporal[GLB][K] == 1 and p.x[GLB][N] == 1 and all(trip == 1 for trip in p.y[GLB])
        ),
    )


def test_order_innermost_and_outermost() -> None:
    left = space(LevelConstraints("DRAM", order_inner=("n",), order_outer=("m",)))

    def obeys(p: Point) -> bool:
        order = p.order[DRAM]
        return (N not in order or order[0] == N) and (M not in order or order[-1] == M)

    keeps(left, obeys)


def test_an_order_of_several_loops() -> None:
    left = space(LevelConstraints("DRAM", order_inner=("n", "k")))

    def obeys(p: Point) -> bool:
        fixed = [d for d in (N, K) if d in p.order[DRAM]]
        return list(p.order[DRAM][: len(fixed)]) == fixed

    keeps(left, obeys)


@pytest.mark.parametrize("split", [None, 0, 1, 2, 9])
@pytest.mark.parametrize("order", [("m",), ("n", "m"), ("k", "m", "n")])
def test_permutation_and_split(order: tuple[str, ...], split: int | None) -> None:
    """Timeloop: all dims stand in a row that begins with the permutation; those before the split lie on X, the others on Y."""
    wide = Architecture("wide", (Memory("RF", keep=frozenset({"all"})), Memory("DRAM", fanout=Fanout(6, 6))))
    left = MapSpace(GEMM, wide, Constraints((LevelConstraints("DRAM", spatial_order=order, split=split),)))

    def obeys(p: Point) -> bool:
        first = [GEMM.dims.index(dim) for dim in order]
        rows = [[*first, *rest] for rest in itertools.permutations(d for d in range(3) if d not in first)]
        splits = range(4) if split is None else [split]
        return any(
            all(p.y[1][d] == 1 for d in row[:at]) and all(p.x[1][d] == 1 for d in row[at:])
            for row in rows
            for at in splits
        )

    keeps(left, obeys)


def test_keep_and_bypass() -> None:
    left = space(
        LevelConstraints("GLB", keep=frozenset({"O"}), bypass=frozenset({"inputs"})),
        LevelConstraints("RF", bypass=frozenset({"O"})),
    )
    keeps(left, lambda p: p.keep[GLB][TENSOR["O"]] and not p.keep[GLB][TENSOR["I"]] and not p.keep[RF][TENSOR["O"]])


def test_parallelism() -> None:
    def used(p: Point) -> int:
        return math.prod(p.x[GLB]) * math.prod(p.y[GLB])

    keeps(space(LevelConstraints("GLB", min_parallelism=2, max_parallelism=4)), lambda p: 2 <= used(p) <= 4)
    keeps(space(min_total_parallelism=5), lambda p: used(p) >= 5)
    keeps(space(max_total_parallelism=3), lambda p: used(p) <= 3)


def test_pools() -> None:
    """A pooled machine lets an inner fanout use the mesh of an outer one; constraints may take that back."""
    two = Architecture("two", (Memory("L0", fanout=Fanout(2)), Memory("L1", fanout=Fanout(2))), pooled=True)
    own, pooled = (MapSpace(GEMM, two, Constraints(pooled=choice)) for choice in (False, None))
    assert max(b.x[0].prod(axis=0).max() for b in own.enumerate()) == 2
    assert max(b.x[0].prod(axis=0).max() for b in pooled.enumerate()) == 4
    assert own.total < pooled.total


def test_utilization_is_for_the_model() -> None:
    small = Architecture("small", (Memory("RF", size_bits=16 * 12), Memory("DRAM")))
    limited, free = (
        MapSpace(GEMM, small, Constraints((LevelConstraints("RF", min_utilization=u),))) for u in (0.75, 0.0)
    )
    assert limited.total == free.total
    batch = free.sample(500, 0)
    words = evaluate_batch(GEMM, small, batch, counts=True).counts
    assert words is not None
    enough = limited.fills_enough(words["tile_words"])
    assert enough.tolist() == (words["tile_words"][0].sum(axis=0) >= 9).tolist()
    assert 0 < enough.sum() < 500
    assert free.fills_enough(words["tile_words"]).all()


def test_multicast_is_a_property_of_the_machine() -> None:
    left = space(LevelConstraints("GLB", no_multicast=frozenset({"weights"})))
    assert left.architecture.level("GLB").fanout.no_multicast == {"W"}
    assert left.total == left.unconstrained.total
    assert left.unconstrained.architecture == left.architecture
    assert space().architecture is MACHINE


def test_no_reuse_is_pointed_out() -> None:
    left = space(LevelConstraints("RF", no_reuse=frozenset({"I"})))
    assert left.warnings == ("no_reuse of 'I' at 'RF': the model counts reuse over time all the same",)


def test_a_pure_fanout_runs_no_loops_in_time() -> None:
    pure = Memory("net", size_bits=0, bypass=frozenset({"all"}), fanout=Fanout(2))
    left = MapSpace(GEMM, Architecture("pure", (Memory("RF"), pure, Memory("DRAM"))))
    assert all((batch.temporal[1] == 1).all() for batch in left.enumerate())
    whole = Memory("net", size_bits=64, bypass=frozenset({"all"}), fanout=Fanout(2))
    assert MapSpace(GEMM, Architecture("whole", (Memory("RF"), whole, Memory("DRAM")))).total > left.total


class TestFaults:
    def messages(self, *levels: LevelConstraints, **more: object) -> list[str]:
        with pytest.raises(InputError) as caught:
            space(*levels, **more)
        return [str(fault) for fault in caught.value.faults]

    @pytest.mark.parametrize(
        ("level", "message"),
        [
            (
                LevelConstraints("GBL"),
                "the constraints name the level 'GBL', which the architecture does not have (did you mean 'GLB'?)",
            ),
            (
                LevelConstraints("RF", temporal=(FactorRule("mm", "=", 2),)),
                "the temporal factor mm=2 of 'RF': 'mm' is no dimension of 'gemm' (did you mean 'm'?)",
            ),
            (
                LevelConstraints("RF", temporal=(FactorRule("filter", "=", 2),)),
                "the temporal factor filter=2 of 'RF': 'filter' is no dimension of 'gemm' (did you mean 'filters'?)",
            ),
            (
                LevelConstraints("GLB", x=(FactorRule("m", "<", 2),)),  # type: ignore[arg-type]
                "the x factor m<2 of 'GLB' has the relation '<'; expected '=', '<=' or '>='",
            ),
            (
                LevelConstraints("GLB", spatial=(FactorRule("m", "=", -2),)),
                "the spatial factor m=-2 of 'GLB': expected a value of at least 1, or = 0 for the rest",
            ),
            (
                LevelConstraints("GLB", y_dims=frozenset({"q"})),
                "y_dims of 'GLB': 'q' is no dimension of 'gemm' (expected one of: m, n, k, reduction, filters, pixels, groups, all)",
            ),
            (LevelConstraints("GLB", order_inner=("m", "m")), "order_inner of 'GLB' names 'm' twice"),
            (
                LevelConstraints("GLB", order_inner=("m",), order_outer=("m",)),
                "the order of 'GLB' names 'm' as innermost and as outermost",
            ),
            (LevelConstraints("GLB", split=-1), "the split of 'GLB' is -1; expected 0 or more"),
            (
                LevelConstraints("GLB", keep=frozenset({"X"})),
                "keep of 'GLB': 'X' selects no tensor of 'gemm' (expected one of: I, W, O, input, inputs, weight, weights, output, outputs, all)",
            ),
            (
                LevelConstraints("RF", bypass=frozenset({"W"})),
                "the constraints bypass 'W' at 'RF', but level 'RF' keeps it",
            ),
            (
                LevelConstraints("DRAM", bypass=frozenset({"W"})),
                "the constraints bypass 'W' at 'DRAM', but the backing store keeps it",
            ),
            (
                LevelConstraints("GLB", min_parallelism=4, max_parallelism=2),
                "the parallelism of 'GLB' is 4 to 2; expected 1 <= minimum <= maximum",
            ),
            (
                LevelConstraints("GLB", min_utilization=75),
                "the least utilization of 'GLB' is 75; expected a share from 0 to 1",
            ),
        ],
    )
    def test_message(self, level: LevelConstraints, message: str) -> None:
        assert [text.replace("one of: W, I, O", "one of: I, W, O") for text in self.messages(level)] == [message]

    def test_all_at_once_with_places(self) -> None:
        place = Place("rules.yaml", 3, 7)
        levels = (
            LevelConstraints(
                "GLB",
                temporal=(FactorRule("z", "=", 1, place), FactorRule("m", "=", 2)),
                place=Place("rules.yaml", 2, 1),
            ),
            LevelConstraints(
                "GLB", temporal=(FactorRule("m", "=", 4),), spatial_order=("m",), place=Place("more.yaml", 1, 1)
            ),
            LevelConstraints("GLB", spatial_order=("n",), split=1),
            LevelConstraints("GLB", split=2),
        )
        assert self.messages(*levels, min_total_parallelism=0) == [
            "rules.yaml:3:7: the temporal factor z=1 of 'GLB': 'z' is no dimension of 'gemm' (expected one of: m, n, k, reduction, filters, pixels, groups, all)",
            "more.yaml:1:1: the temporal factor m=4 of 'GLB': it is fixed to 2 already",
            "spatial_order of 'GLB' is given twice, differently",
            "the split of 'GLB' is given twice, differently",
            "the total parallelism is 0 to None; expected 1 <= minimum <= maximum",
        ]

    def test_two_rests(self) -> None:
        rest = (FactorRule("m", "=", 0),)
        assert self.messages(LevelConstraints("GLB", temporal=rest), LevelConstraints("RF", temporal=rest)) == [
            "2 factors take the rest of 'm'; expected one"
        ]

    def test_a_machine_may_name_dims_of_other_workloads(self) -> None:
        loose = LevelConstraints(
            "GLB",
            x_dims=frozenset({"m", "p"}),
            temporal=(FactorRule("r", "=", 1),),
            keep=frozenset({"X"}),
            strict=False,
        )
        keeps(space(loose), lambda p: p.x[GLB][N] == p.x[GLB][K] == 1)

    def test_too_many_cases(self) -> None:
        names = [f"d{k}" for k in range(9)]
        wide = einsum(f"O[] += A[{','.join(names)}] * B[]", dict.fromkeys(names, 4))
        arch = Architecture("wide", (Memory("a"), Memory("b", fanout=Fanout(2**9, 2**9))))
        with pytest.raises(InputError, match="the permutations across the fanouts of b leave too many cases open"):
            MapSpace(wide, arch, Constraints((LevelConstraints("b", split=4),)))

    def test_cuts(self) -> None:
        with pytest.raises(InputError, match="cuts is 'some'; expected 'level' or 'free'"):
            MapSpace(GEMM, MACHINE, cuts="some")  # type: ignore[arg-type]


class TestAsConstraints:
    def test_kinds(self) -> None:
        level = LevelConstraints("RF", keep=frozenset({"I"}))
        whole = Constraints((level,), 2, 8)

        class Given:
            def mapspace_constraints(self) -> Constraints:
                return whole

        assert as_constraints(None) == Constraints()
        assert as_constraints(whole) is whole
        assert as_constraints(level) == Constraints((level,))
        assert as_constraints(Given()) is whole
        assert as_constraints([]) == Constraints()
        both = as_constraints([level, Given()])
        assert (both.levels, both.min_total_parallelism, both.max_total_parallelism) == ((level, level), 2, 8)

    def test_together_the_tighter_holds(self) -> None:
        class Given:
            def __init__(self, *limits: object) -> None:
                self.limits = limits

            def mapspace_constraints(self) -> Constraints:
                least, most, pooled = self.limits
                return Constraints((), least, most, pooled)  # type: ignore[arg-type]

        both = as_constraints([Given(2, None, True), Given(3, 7, None), Given(1, 9, False)])
        assert both == Constraints((), 3, 7, False)

    @pytest.mark.parametrize("wrong", [3, "GLB", [4]])
    def test_anything_else(self, wrong: object) -> None:
        with pytest.raises(InputError, match=r"cannot read constraints from (int|str)"):
            MapSpace(GEMM, MACHINE, wrong)  # type: ignore[arg-type]


class TestContains:
    NEST = Mapping(
        (
            LevelNest("RF", (Loop("k", 4),), keep=frozenset("W")),
            LevelNest("GLB", (Loop("n", 3), Loop("m", 2)), x=(Loop("m", 2),), y=(Loop("n", 2),), keep=frozenset("IO")),
            LevelNest("DRAM", keep=frozenset("IWO")),
        )
    )

    @pytest.mark.parametrize(
        ("level", "reason"),
        [
            (LevelConstraints("GLB", order_inner=("m",), order_outer=("n",)), None),
            (
                LevelConstraints("RF", temporal=(FactorRule("k", "<=", 2),)),
                "the trip of 'k' in time at 'RF' is 4; expected at most 2",
            ),
            (
                LevelConstraints("GLB", x_dims=frozenset({"k"})),
                "the trip of 'm' along axis X at 'GLB' is 2; expected 1",
            ),
            (
                LevelConstraints("GLB", spatial=(FactorRule("n", ">=", 3),)),
                "the trip of 'n' across the fanout at 'GLB' is 2; expected 3 to 6",
            ),
            (
                LevelConstraints("GLB", min_parallelism=5),
                "the parallelism across the fanout of 'GLB' is 4; expected 5 or more",
            ),
            (
                LevelConstraints("GLB", order_inner=("n",)),
                "the loop over 'n' lies outside that over 'm' at 'GLB'; expected it inside",
            ),
            (LevelConstraints("GLB", bypass=frozenset({"O"})), "'O' at 'GLB': expected it to bypass it"),
            (LevelConstraints("RF", keep=frozenset({"O"})), "'O' at 'RF': expected it kept"),
            (
                LevelConstraints("GLB", spatial_order=("n", "m")),
                "the permutation across GLB does not let these dims lie on these mesh axes together",
            ),
        ],
    )
    def test_reasons(self, level: LevelConstraints, reason: str | None) -> None:
        assert space(level).contains(self.NEST) == reason

    def test_form(self) -> None:
        nest = Mapping((*self.NEST.levels[:2], LevelNest("DRAM", (Loop("k", 2),), keep=frozenset("IWO"))))
        assert space().contains(nest) == "the factors of 'k' multiply to 8, above its bound 4; set padding to allow it"
        padded = Mapping(nest.levels, padding=True)
        assert space().contains(padded) == "the factors of 'k' multiply to 8; expected its bound 4"
        assert MapSpace(GEMM, MACHINE, padding=True).contains(padded) == (
            "the factors of 'k' multiply to 8, and one of them can be smaller and still cover its bound 4"
        )

    def test_meshes_and_totals(self) -> None:
        wide = LevelNest("GLB", (Loop("m", 4),), x=(Loop("n", 3),), y=(Loop("n", 1),), keep=frozenset("IO"))
        nest = Mapping((LevelNest("RF", (Loop("k", 4), Loop("n", 2)), keep=frozenset("W")), wide, self.NEST.levels[2]))
        assert space().contains(nest) == "the trip of 'n' along axis X at 'GLB' is 3; expected at most 2"
        assert space(min_total_parallelism=6).contains(self.NEST) == "the total parallelism is 4; expected 6 or more"

    def test_cuts(self) -> None:
        cut = LevelNest(
            "GLB",
            (Loop("n", 3), Loop("m", 2)),
            x=(Loop("m", 2),),
            y=(Loop("n", 2),),
            keep=frozenset("IO"),
            cut={"I": 1},
        )
        nest = Mapping((self.NEST.levels[0], cut, self.NEST.levels[2]))
        free = MapSpace(GEMM, MACHINE, cuts="free")
        assert free.contains(nest) is None
        assert space().contains(nest) == (
            "the tile of 'I' at 'GLB' leaves loops of that level outside; expected it to span all of them"
        )


def test_ranges_read_well() -> None:
    texts = [str(Range(*span)) for span in ((1, 1), (3, 3), (1, 8), (2, 8), (2,), (2, 1))]
    assert texts == ["1", "3", "at most 8", "2 to 8", "2 or more", "nothing"]
