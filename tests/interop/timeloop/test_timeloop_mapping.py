"""Timeloop's mappings: factors, permutations, splits and residency, with Timeloop's defaults."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archloom.errors import InputError
from archloom.interop.timeloop import TimeloopInput, TimeloopWarning, load
from archloom.mapping.nest import LevelNest, Loop

MACHINE = """
architecture:
  subtree:
  - name: system
    local:
    - {name: DRAM, class: DRAM}
    - {name: GLB, class: SRAM}
    - {name: "RF[1..12]", class: regfile, attributes: {meshX: 4}}
    - {name: "MAC[1..12]", class: mac, attributes: {meshX: 4}}
problem:
  shape:
    name: gemm
    dimensions: [M, N, K]
    data_spaces:
    - {name: A, projection: [[[M]], [[K]]]}
    - {name: B, projection: [[[K]], [[N]]]}
    - {name: Z, projection: [[[M]], [[N]]], read_write: true}
  instance: {M: 8, N: 6, K: 4}
mapping:
"""
REST = "- {target: DRAM, type: temporal, factors: M=8 N=6 K=4}\n"


def loaded(mapping: str) -> TimeloopInput:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TimeloopWarning)
        return load(MACHINE + mapping)


def nest(mapping: str, level: str) -> LevelNest:
    found = loaded(mapping).mapping
    assert found is not None
    return found.by_level[level]


def message(mapping: str) -> str:
    with pytest.raises(InputError) as caught:
        loaded(mapping)
    return str(caught.value).replace("<text>:", "")


def loops(text: str) -> tuple[Loop, ...]:
    return tuple(Loop(word[0], int(word[1:])) for word in text.split())


@pytest.mark.parametrize(
    "factors",
    [
        "M=8 N=6 K=4",
        "M8 N6 K4",
        "M8,N6,K4",
        "M=8,N=6,K=4",
        "'M = 8  N == 6; K=4 # a comment'",
        "[M=8, N=6, K4]",
        "[[M, '=', 8], N6, K4]",
        "{M: 8, N: 6, K: 4}",
        "M=8,8 N=6 K=4",
        "M=0 N=0 K=0",
    ],
)
def test_spellings_of_factors(factors: str) -> None:
    found = nest(f"- {{target: DRAM, type: temporal, factors: {quoted(factors)}, permutation: KNM}}\n", "DRAM")
    assert found.temporal == loops("M8 N6 K4")


def quoted(text: str) -> str:
    return text if text[0] in "'[{" else f"'{text}'"


@pytest.mark.parametrize("order", ["KMN", "'K,M,N'", "'K M N'", "[K, M, N]", "[K, M]", "KM"])
def test_spellings_of_permutations(order: str) -> None:
    found = nest(f"- {{target: DRAM, type: temporal, factors: M8 N6 K4, permutation: {order}}}\n", "DRAM")
    assert found.temporal == loops("N6 M8 K4")


def test_defaults() -> None:
    """Without a permutation the dimensions stand in the problem's order, innermost first; everything is kept."""
    found = loaded(REST).mapping
    assert found is not None
    assert found.by_level["DRAM"].temporal == loops("K4 N6 M8")
    assert all(level.keep == frozenset("ABZ") for level in found.levels)
    assert found.by_level["GLB"] == LevelNest("GLB", keep=frozenset("ABZ"))


def test_no_mapping() -> None:
    assert loaded("").mapping is None
    assert loaded("  []\n").mapping is None


def test_numbers_for_targets() -> None:
    text = "- {target: 2, type: temporal, factors: M8 N6}\n- {target: 0, type: temporal, factors: K4}\n"
    assert nest(text, "RF").temporal == loops("K4")


@pytest.mark.parametrize(
    ("extra", "x", "y"),
    [
        ("permutation: MNK, split: 1", "M4", "N3"),
        ("permutation: NMK, split: 1", "N3", "M4"),
        ("permutation: KMN, split: 2", "M4", "N3"),
        ("permutation: MNK, split: 0", "", "N3 M4"),
        ("permutation: MNK, split: 999", "N3 M4", ""),
        ("permutation: MNK", "N3 M4", ""),
        ("split: 1", "M4", "N3"),
    ],
)
def test_spatial_split(extra: str, x: str, y: str) -> None:
    text = f"- {{target: GLB, type: spatial, factors: M4 N3, {extra}}}\n- {{target: DRAM, type: temporal, factors: M2 N2 K4}}\n"
    found = nest(text, "GLB")
    assert (found.x, found.y) == (loops(x), loops(y))


def test_residency() -> None:
    text = (
        REST + "- {target: GLB, type: bypass, keep: [A], bypass: [B]}\n- {target: RF, type: dataspace, bypass: '*'}\n"
    )
    found = loaded(text).mapping
    assert found is not None
    assert found.by_level["GLB"].keep == frozenset("AZ")
    assert found.by_level["RF"].keep == frozenset()


def test_residency_follows_the_constraints() -> None:
    text = REST + "architecture_constraints:\n  targets:\n  - {target: GLB, type: bypass, bypass: [B]}\n"
    assert nest(text, "GLB").keep == frozenset("AZ")
    told = text.replace(REST, REST + "- {target: GLB, type: datatype, keep: [B], bypass: [Z]}\n")
    assert nest(told, "GLB").keep == frozenset("AB")


@pytest.mark.parametrize("key", ["no_reuse", "no_multicast_no_reduction", "no-multicast"])
def test_without_multicast(key: str) -> None:
    text = f"- {{target: GLB, type: spatial, factors: M4, {key}: [A, Z], no_link_transfer: [B]}}\n- {{target: DRAM, type: temporal, factors: M2 N6 K4}}\n"
    given = loaded(text)
    assert given.architecture.level("GLB").fanout.no_multicast == frozenset("AZ")
    assert given.warnings[0].startswith("no ERT")
    assert len(given.warnings) == 1


def test_the_rest_of_a_bound() -> None:
    text = "- {target: RF, type: temporal, factors: K2 M2}\n- {target: DRAM, type: temporal, factors: M0 N0 K0, permutation: MNK}\n"
    assert nest(text, "DRAM").temporal == loops("K2 N6 M4")


@pytest.mark.parametrize(
    ("directive", "remark"),
    [
        ("{target: GLB, type: skew, modulo: 3, terms: []}", "the skew at GLB is ignored"),
        ("{target: GLB, type: temporal, no_temporal_reuse: [A]}", "no_temporal_reuse (mapping, temporal at GLB)"),
        ("{target: GLB, type: temporal, no_reuse: [A]}", "no_reuse (mapping, temporal at GLB)"),
        ("{target: GLB, type: temporal, rmw_first_update: [Z]}", "rmw_first_update (mapping, temporal at GLB)"),
        ("{target: GLB, type: bypass, passthrough: [A]}", "passthrough (mapping, bypass at GLB)"),
        ("{target: GLB, type: temporal, colour: red}", "colour (mapping, temporal at GLB)"),
    ],
)
def test_what_is_not_modelled_is_pointed_out(directive: str, remark: str) -> None:
    assert any(warning.startswith(remark) for warning in loaded(REST + f"- {directive}\n").warnings)


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        (
            "- {target: DRAM, type: temporal, factors: M=8 N=6}\n",
            "20:1: mapping: the product of all factors of K is 1, not 4, the size of that dimension",
        ),
        (
            REST + "- {target: RF, type: temporal, factors: K=2}\n",
            "20:3: mapping: the product of all factors of K is 8, not 4, the size of that dimension (4 at DRAM x 2 at RF)",
        ),
        (REST.replace("K=4", "X=4"), "20:51: mapping, temporal at DRAM: the factor X=4 is over 'X'"),
        (REST.replace("K=4", "k=4"), "did you mean 'K'?"),
        (REST.replace("K=4", "K<=4"), "the factor K<=4 is a limit; a mapping needs exact factors"),
        (REST.replace("K=4", "K=4 K=1"), "the factor of 'K' is given twice"),
        (REST.replace("K=4", "K=four"), "20:51: mapping, temporal at DRAM: in factors, 'K=four' is not a factor"),
        (REST.replace("K=4", "'K=3,1'").replace("M=8 N=6 'K=3,1'", "'M=8 N=6 K=3,1'"), "has a remainder"),
        (REST.replace("K=4", "K=99999999999999999"), "the factor 'K=99999999999999999' is too large"),
        (REST.replace("M=8 N=6 K=4", "8"), "factors is 8; expected text like 'C=2 M=1'"),
        (REST.replace("M=8 N=6 K=4", "[8]"), "factors has the entry 8; expected text like C=2"),
        (REST.replace("M=8 N=6 K=4", "{M: x}"), "the factor of 'M' is 'x'; expected an integer"),
        (REST.replace("}", ", permutation: MNX}"), "permutation names 'X', which is not a dimension"),
        (REST.replace("}", ", permutation: MNM}"), "permutation names 'M' twice"),
        (REST.replace("}", ", permutation: 3}"), "permutation is 3; expected text like 'RSPQ' or a list"),
        (REST.replace("temporal", "tempral"), "20:24: mapping: the directive has the type 'tempral' (did you mean"),
        (REST.replace("DRAM", "DARM"), "20:12: mapping: there is no storage level 'DARM' (did you mean 'DRAM'?)"),
        (REST.replace("target: DRAM, ", ""), "mapping: a directive has no 'target'"),
        (REST + REST, "mapping, temporal at DRAM: given twice; it stands first at 20:3 (merge the two directives)"),
        (REST + "- {target: GLB, type: bypass, keep: [X]}\n", "keep names 'X', which is not a data space"),
        (REST + "- {target: GLB, type: bypass, keep: [A], bypass: [A]}\n", "'A' is both kept and bypassed"),
        (REST + "- {target: GLB, type: bypass, keep: [[A]]}\n", "keep has the entry a list; expected the name"),
        (REST + "- {target: DRAM, type: bypass, bypass: [A]}\n", "'A'; the backing store keeps every tensor"),
        (REST + "- {target: RF, type: spatial, factors: M=2}\n", "the product of all factors of M is 16, not 8"),
        (
            "- {target: RF, type: spatial, factors: M=2}\n- {target: DRAM, type: temporal, factors: M0 N0 K0}\n",
            "20:3: mapping: RF has no fanout below it for the spatial loops M2",
        ),
        (
            "- {target: RF, type: temporal, factors: M0}\n- {target: DRAM, type: temporal, factors: M0 N0 K0}\n",
            "the factor of M is 0 (the rest) at 2 places; expected at most one",
        ),
        (
            "- {target: RF, type: temporal, factors: M3}\n- {target: DRAM, type: temporal, factors: M0 N0 K0}\n",
            "the others multiply to 3, which does not divide its bound 8",
        ),
        ("  3\n", "the mapping is not a list of directives"),
        ("- 3\n", "20:3: a directive of the mapping is 3; expected a mapping"),
    ],
)
def test_messages(mapping: str, expected: str) -> None:
    assert expected in message(mapping)


def test_every_fault_at_once() -> None:
    found = message(REST.replace("K=4", "X=4") + "- {target: RFF, type: temporal}\n- {target: RF, type: foo}\n")
    assert len(found.splitlines()) == 3


@given(st.text("MNKX=<>0123456789 ,;#", max_size=30))
def test_any_text_of_factors_is_read_or_refused(text: str) -> None:
    try:
        found = nest(REST + f"- target: RF\n  type: temporal\n  factors: {text!r}\n", "RF")
    except InputError:
        return
    assert found.temporal == ()
