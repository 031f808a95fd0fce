"""Mappings: what their form has to be, and every fault of a bad one at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from archloom.architecture.hierarchy import Architecture, Fanout, Memory
from archloom.errors import InputError
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.workload.einsum import einsum

GEMM = einsum("O[m,n] += W[m,k] * I[k,n]", {"m": 4, "n": 6, "k": 5})
CHIP = Architecture(
    "chip",
    (
        Memory("RF", keep=frozenset({"outputs"}), bypass=frozenset({"W"}), fanout=Fanout(4, 3, reshapeable=True)),
        Memory("GLB", fanout=Fanout(2, 2)),
        Memory("DRAM"),
    ),
)
ALL = frozenset("OWI")


def loops(text: str) -> tuple[Loop, ...]:
    return tuple(Loop(word[0], int(word[1:])) for word in text.split())


RF = LevelNest("RF", loops("k5"), loops("n3"), loops("m2"), frozenset("OI"), mesh=(3, 4))
GLB = LevelNest("GLB", loops("m2 n2"), keep=ALL, cut={"W": 1})
DRAM = LevelNest("DRAM", keep=ALL)
GOOD = Mapping((RF, GLB, DRAM))


def faults(*levels: LevelNest, padding: bool = False) -> list[str]:
    """What is said of GOOD with these levels in place of its own."""
    changed = {nest.level: nest for nest in levels}
    mapping = Mapping(tuple(changed.get(nest.level, nest) for nest in GOOD.levels), padding)
    with pytest.raises(InputError) as caught:
        mapping.check(GEMM, CHIP)
    return [fault.message for fault in caught.value.faults]


def test_a_good_mapping_passes() -> None:
    GOOD.check(GEMM, CHIP)
    assert [GOOD.factor(dim) for dim in "mnkz"] == [4, 6, 5, 1]
    assert GOOD.by_level["GLB"] is GLB
    assert list(RF.loops()) == list(loops("k5 n3 m2"))
    assert str(Loop("k", 5)) == "k5"


def test_padding_lets_factors_be_larger() -> None:
    larger = replace(GLB, temporal=loops("m2 n3"))
    assert faults(larger) == ["the factors of 'n' multiply to 9, above its bound 6; set padding to allow it"]
    Mapping((RF, larger, DRAM), padding=True).check(GEMM, CHIP)
    smaller = replace(GLB, temporal=loops("m1 n2"))
    assert faults(smaller, padding=True) == ["the factors of 'm' multiply to 2, below its bound 4"]


@pytest.mark.parametrize(
    ("nest", "messages"),
    [
        (
            replace(GLB, temporal=loops("m2 n2 c3")),
            ["mapping at 'GLB': loop over 'c', which is not a dimension (expected one of: m, n, k)"],
        ),
        (
            replace(GLB, temporal=(*GLB.temporal, Loop("k", 0))),
            [
                "mapping at 'GLB': the loop over 'k' has the trip count 0; expected at least 1",
                "the factors of 'k' multiply to 0, below its bound 5",
            ],
        ),
        (
            replace(GLB, temporal=loops("m2 n2 m1")),
            ["mapping at 'GLB': two loops over 'm' in one block; merge them"],
        ),
        (
            replace(RF, x=loops("n3 m2"), mesh=(6, 2)),
            [
                "mapping at 'RF': 'm' is on both mesh axes; expected at most one",
                "the factors of 'm' multiply to 8, above its bound 4; set padding to allow it",
            ],
        ),
        (
            replace(GLB, keep=frozenset("OWX")),
            ["mapping at 'GLB': keeps 'X', which is not a tensor (expected one of: W, I, O)"],
        ),
        (replace(GLB, cut={"X": 1}), ["mapping at 'GLB': cuts 'X', which is not a tensor (expected one of: W, I, O)"]),
        (
            replace(GLB, cut={"W": 3}),
            ["mapping at 'GLB': the cut of 'W' is 3; expected 0 to 2, the loops of this level"],
        ),
        (
            replace(GLB, cut={"W": -1}),
            ["mapping at 'GLB': the cut of 'W' is -1; expected 0 to 2, the loops of this level"],
        ),
        (replace(RF, keep=ALL), ["mapping at 'RF': keeps 'W', which this memory bypasses"]),
        (replace(RF, keep=frozenset("I")), ["mapping at 'RF': bypasses 'O', which this memory keeps"]),
        (
            replace(DRAM, keep=frozenset("W")),
            [
                "mapping at 'DRAM': does not keep 'I'; the backing store keeps every tensor",
                "mapping at 'DRAM': does not keep 'O'; the backing store keeps every tensor",
            ],
        ),
        (replace(GLB, mesh=(2, 2)), ["mapping at 'GLB': gives the mesh (2, 2), but this fanout is not reshapeable"]),
        (replace(RF, mesh=(3, 0)), ["mapping at 'RF': gives the mesh (3, 0); expected two whole numbers, at least 1"]),
    ],
)
def test_what_a_level_may_not_do(nest: LevelNest, messages: list[str]) -> None:
    assert faults(nest) == messages


@pytest.mark.parametrize(
    ("trip", "message"),
    [
        (2.0, "has the trip count 2.0; expected a whole number"),
        ("2", "has the trip count '2'; expected a whole number"),
        (True, "has the trip count True; expected a whole number"),
        (2**40 + 1, "has a trip count above 2**40"),
        (10**6000, "has a trip count above 2**40"),
    ],
    ids=["float", "text", "bool", "large", "endless"],
)
def test_trips_are_whole_numbers(trip: Any, message: str) -> None:
    found = faults(replace(GLB, temporal=(Loop("m", trip), *loops("n2"))), padding=True)
    assert found == [f"mapping at 'GLB': the loop over 'm' {message}"]
    found = faults(replace(RF, y=(Loop("m", trip),)))
    assert found[0] == f"mapping at 'RF': the loop over 'm' {message}"


def test_the_levels_are_those_of_the_architecture() -> None:
    for levels in ((GLB, RF, DRAM), (RF, GLB), (RF, GLB, replace(DRAM, level="RAM"))):
        with pytest.raises(InputError) as caught:
            Mapping(levels).check(GEMM, CHIP)
        names = [nest.level for nest in reversed(levels)]
        assert (
            str(caught.value) == f"the mapping has the levels {names}; expected ['DRAM', 'GLB', 'RF'] (outer to inner)"
        )


def test_lists_and_sets_settle() -> None:
    loose: Any = LevelNest
    listed = loose("GLB", [*loops("m2 n2")], [], [], {"O", "W", "I"}, {"W": 1})
    assert listed == GLB
    assert hash(listed) == hash(GLB)
    assert loose("GLB", keep="W").keep == frozenset({"W"})
    levels: Any = [RF, listed, DRAM]
    assert Mapping(levels) == GOOD
