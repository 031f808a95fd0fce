"""Timeloop's constraints in their neutral form."""

from __future__ import annotations

import warnings

import pytest

from archloom.errors import InputError
from archloom.interop.timeloop import (
    Axis,
    Constraint,
    LoopConstraint,
    Origin,
    OverbookingConstraint,
    ResidencyConstraint,
    TimeloopWarning,
    UtilizationConstraint,
    load,
)

MACHINE = """
architecture:
  subtree:
  - name: system
    local:
    - {name: DRAM, class: DRAM}
    - {name: inter_PE_spatial, class: dummy_storage}
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
"""


def constraints(text: str) -> tuple[Constraint, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TimeloopWarning)
        return load(MACHINE + text).constraints


def only(text: str) -> Constraint:
    (found,) = constraints(text)
    return found


def loop(text: str) -> LoopConstraint:
    found = only("constraints:\n- " + text)
    assert isinstance(found, LoopConstraint)
    return found


def residency(text: str) -> ResidencyConstraint:
    found = only("constraints:\n- " + text)
    assert isinstance(found, ResidencyConstraint)
    return found


def message(text: str) -> str:
    with pytest.raises(InputError) as caught:
        constraints(text)
    return str(caught.value)


def test_loops() -> None:
    found = loop(
        "{target: RF, type: temporal, factors: M=2 N<=3 K>=2, permutation: KM, no_temporal_reuse: [A], rmw_first_update: [Z],"
        " default_max_factor: 4, default_min_factor: 2, remainders: 1}\n"
    )
    assert (found.target, found.axis, found.origin) == ("RF", Axis.TEMPORAL, Origin.ARCHITECTURE)
    assert [str(factor) for factor in found.factors] == ["M=2", "N<=3", "K>=2"]
    assert found.exact() == {"M": 2}
    assert (found.permutation, found.no_reuse, found.rmw_first_update) == (("K", "M"), ("A",), ("Z",))
    assert (found.max_factor, found.min_factor, found.remainders) == (4, 2, True)
    assert (found.place.line, found.factors[1].place.column - found.factors[0].place.column) == (20, 4)


def test_spatial_loops_of_a_container() -> None:
    found = loop("{target: PE, type: spatial, factors: [M=0], split: 1, no_reuse: [B], no_link_transfer: [Z]}\n")
    assert (found.target, found.axis, found.split) == ("inter_PE_spatial", Axis.SPATIAL, 1)
    assert (found.exact(), found.no_reuse, found.no_link_transfer) == ({"M": 0}, ("B",), ("Z",))


@pytest.mark.parametrize(
    ("macro", "factors"),
    [
        ("factors_only: [M=2]", {"M": 2, "N": 1, "K": 1}),
        ("factors: [M=4], factors_only: [M=2]", {"M": 4, "N": 1, "K": 1}),
        ("no_iteration_over_dataspaces: [A]", {"M": 1, "K": 1}),
        ("must_iterate_over_dataspaces: [A]", {"N": 1}),
    ],
)
def test_shorthands_of_loops(macro: str, factors: dict[str, int]) -> None:
    assert loop(f"{{target: RF, type: temporal, {macro}}}\n").exact() == factors


@pytest.mark.parametrize(("given", "groups"), [("[[M, N], [K]]", (("M", "N"), ("K",))), ("[M, N]", (("M", "N"),))])
def test_dimensions_to_maximize(given: str, groups: tuple[tuple[str, ...], ...]) -> None:
    assert loop(f"{{target: RF, type: spatial, maximize_dims: {given}}}\n").maximize == groups


@pytest.mark.parametrize("kind", ["dataspace", "datatype", "bypass", "bypassing"])
def test_residency(kind: str) -> None:
    found = residency(f"{{target: RF, type: {kind}, keep: [A], bypass: [B], no_coalesce: [Z]}}\n")
    assert (found.target, found.keep, found.bypass, found.no_coalesce) == ("RF", ("A",), ("B",), ("Z",))


def test_shorthands_of_residency() -> None:
    found = residency("{target: RF, type: dataspace, keep_only: [A]}\n")
    assert (found.keep, found.bypass) == (("A",), ("B", "Z"))
    found = residency("{target: RF, type: dataspace, bypass_only: [A]}\n")
    assert (found.keep, found.bypass) == (("B", "Z"), ("A",))


def test_other_kinds() -> None:
    found = only("constraints:\n- {target: RF, type: parallelism, min: 0.5}\n")
    assert isinstance(found, UtilizationConstraint)
    assert found.minimum == 0.5
    found = only("constraints:\n- {target: RF, type: max_overbooked_proportion, proportion: 0.1}\n")
    assert isinstance(found, OverbookingConstraint)
    assert found.proportion == 0.1


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("constraints: [{target: RF, type: bypass, keep: [A]}]", Origin.ARCHITECTURE),
        ("architecture-constraints: {targets: [{target: RF, type: bypass, keep: [A]}]}", Origin.ARCHITECTURE),
        ("mapspace_constraints: {version: 0.4, targets: [{target: RF, type: bypass, keep: [A]}]}", Origin.MAPSPACE),
        ("extra_mapping_constraints: {targets: [{name: RF, type: bypass, keep: [A]}]}", Origin.MAPSPACE),
        ("constraints: {targets: [{target: RF, constraints: [{type: bypass, keep: [A]}]}]}", Origin.ARCHITECTURE),
        ("constraints: [{target: 0, type: bypass, attributes: {keep: [A]}}]", Origin.ARCHITECTURE),
    ],
)
def test_where_constraints_stand(text: str, origin: Origin) -> None:
    found = only(text + "\n")
    assert isinstance(found, ResidencyConstraint)
    assert (found.target, found.keep, found.origin) == ("RF", ("A",), origin)


def test_empty_sections() -> None:
    assert constraints("constraints: []\nmapspace_constraints: {targets: []}\narchitecture_constraints: null\n") == ()


def test_unknown_targets_are_pointed_out() -> None:
    with pytest.warns(TimeloopWarning, match=r"the constraint at <text>:20:3 is for 'XY', which is no storage level"):
        load(MACHINE + "constraints:\n- {target: XY, type: temporal}\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{target: RF, type: spacial}",
            "the spacial constraint of RF: expected a known type (did you mean 'spatial'?)",
        ),
        ("{type: spatial}", "the spatial constraint of no target: 'target' is missing"),
        ("{target: RF, type: spatial, factors: X=2}", "the factor X=2 is over 'X', which is not a dimension"),
        ("{target: RF, type: spatial, split: -1}", "split is -1; expected an integer of 0 or more"),
        ("{target: RF, type: bypass, keep: [A], bypass: [A]}", "'A' is both kept and bypassed"),
        ("{target: RF, type: spatial, maximize_dims: [X]}", "maximize_dims names 'X', which is not a dimension"),
        ("{target: RF, type: utilization, min: x}", "min: in the expression 'x'"),
        ("7", "a constraint is 7; expected a mapping"),
    ],
)
def test_messages(text: str, expected: str) -> None:
    assert expected in message(f"constraints:\n- {text}\n")
    assert message("constraints: 7\n").endswith("the constraints are not a list (expected a list of targets)")
