"""The v0.4 designs without their ERT: priced, each figure beside the stored one, and the table of the docs up to date."""

from __future__ import annotations

import random
import warnings
from pathlib import Path

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from tests.interop.timeloop import designs_table as table

from archloom.errors import InputError
from archloom.interop.accelergy import energies_of
from archloom.interop.timeloop import TimeloopInput, TimeloopWarning, load
from archloom.technology.component import Price

PROBLEM = "problem: {shape: gemm-ABZ, instance: {M: 64, N: 32, K: 16}}\n"
NODES = """
variables: {version: 0.4, technology: SET ME, global_cycle_seconds: 2e-9}
architecture:
  version: 0.4
  nodes:
  - !Component {name: DRAM, class: DRAM, attributes: {type: LPDDR4, width: 64, datawidth: 16}}
  - !Container {name: chip, attributes: {technology: 45nm}}
  - !Component {name: GLB, class: SRAM, attributes: {depth: 8192, width: 64, datawidth: 16}}
  - !Container {name: PE, spatial: {meshX: 16}}
  - !Component {name: spad, class: storage, subclass: twin_file, attributes: {depth: 16, width: 16, datawidth: 16}}
  - !Component {name: mac, class: intmac, attributes: {multiplier_width: 8, adder_width: 16}}
components:
  version: 0.4
  classes:
  - name: twin_file
    attributes: {technology: must_specify, width: must_specify, depth: must_specify, lines: "max(8, depth)"}
    subcomponents:
    - {name: "half[0..1]", class: aladdin_register, attributes: {width: width, depth: lines}}
    actions:
    - {name: read, subcomponents: [{name: "half[0]", actions: [{name: read}]}]}
    - {name: write, subcomponents: [{name: "half[0..1]", actions: [{name: write}]}]}
    - {name: update, subcomponents: [{name: "half[0..1]", actions: [{name: write}]}]}
"""
GIVEN = "ERT: {version: 0.4, tables: [{name: x.mac, actions: [{name: compute, energy: 3}]}]}\n"

DEEPER_THAN_THE_SOURCE = ("PEInputBuffer", "PEWeightBuffer")
"""Register files of thousands of words: the library's class is extrapolated from 192, and says so."""

SCALED_BY_THE_RECIPE = ("PEWeightRegs",)
"""One word priced as 1/26 of a file of 64 words."""


def quietly(*sources: str | Path, **variables: object) -> TimeloopInput:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TimeloopWarning)
        return load(*sources, variables=variables)


def pj(price: Price, action: str) -> float:
    return float(price.energy[action].value)


def test_components_are_priced_without_an_ert() -> None:
    given = quietly(NODES + PROBLEM)
    assert list(given.prices) == ["DRAM", "GLB", "spad", "mac"]
    levels = {level.name: level for level in given.architecture.levels}
    assert levels["DRAM"].read_pj == 512  # 8 pJ per bit
    bit = table.library.price("register", width_bits=1, node_nm=45, clock_hz=5e8)
    assert levels["spad"].read_pj == pytest.approx(16 * pj(bit, "read"))
    assert levels["spad"].write_pj == pytest.approx(2 * levels["spad"].read_pj)
    assert given.architecture.compute.energy_pj == pj(given.prices["mac"], "compute") > 0
    assert levels["GLB"].area_um2 > 0
    assert all(figure.source for price in given.prices.values() for figure in price.energy.values())


def test_leakage_is_charged_per_cycle() -> None:
    given = quietly(NODES + PROBLEM)
    slow = quietly(NODES.replace("2e-9", "4e-9") + PROBLEM)
    leakage = given.prices["GLB"].leakage
    assert leakage is not None
    assert given.architecture.level("GLB").leak_pj == pytest.approx(float(leakage.value) * 2)  # mW x ns
    assert slow.architecture.level("GLB").leak_pj == pytest.approx(2 * given.architecture.level("GLB").leak_pj)


def test_an_ert_wins() -> None:
    given = quietly(NODES + PROBLEM + GIVEN)
    assert given.prices == {}
    assert given.architecture.compute.energy_pj == 3
    assert given.architecture.level("GLB").read_pj == 0


def test_what_says_too_little_stays_unpriced() -> None:
    with pytest.warns(TimeloopWarning) as caught:
        given = load(NODES.replace("technology: 45nm", "datawidth: 16").replace("type: LPDDR4, ", "") + PROBLEM)
    assert given.prices == {}
    assert "no ERT: every access energy is 0" in str(caught[0].message)
    part = quietly(NODES.replace("subclass: twin_file", "subclass: twin_fil") + PROBLEM)
    assert "spad" not in part.prices
    assert any("spad is not priced" in warning and "did you mean 'twin_file'?" in warning for warning in part.warnings)
    assert "no ERT entry for spad: its energies are 0" in part.warnings


def test_what_is_to_be_known_of_the_prices_is_said_once() -> None:
    with pytest.warns(TimeloopWarning) as caught:
        given = load(NODES + PROBLEM)
    (about,) = [str(one.message) for one in caught if str(one.message).startswith("there is no ERT; of the prices: ")]
    for name, price in given.prices.items():
        for warning in price.warnings:
            assert about.count(warning) == 1
            assert name in about


@settings(max_examples=100, deadline=None)
@drawn(st.integers(0, 2**32))
def test_broken_recipes_give_faults_and_never_a_traceback(seed: int) -> None:
    rng = random.Random(seed)
    text = NODES + PROBLEM
    start = text.index("components:")
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(start, len(text))
        text = text[:at] + rng.choice(["", "[", "}", ":", "x", "-1", " ", "..", "*"]) + text[at + rng.randint(0, 3) :]
    try:
        priced = quietly(text)
    except InputError as error:
        assert all(fault.message for fault in error.faults)  # noqa: PT017 (either is right)
    else:
        assert all(energy >= 0 for actions in energies_of(priced.architecture).values() for energy in actions.values())


def test_attributes_with_a_say_in_the_price_are_no_longer_pointed_out() -> None:
    unused = [warning for warning in quietly(NODES + PROBLEM).warnings if "(mac)" in warning or "(DRAM)" in warning]
    assert not any(warning.startswith(("type", "multiplier_width", "adder_width")) for warning in unused)


def test_faults_of_recipes_have_their_place() -> None:
    with pytest.raises(InputError) as caught:
        quietly(NODES.replace("max(8, depth)", "max(8, dept)") + PROBLEM)
    assert str(caught.value).startswith(
        "<text>:16:101: spad: in the expression 'max(8, dept)': there is no name 'dept' (did you mean 'depth'?)"
    )
    with pytest.raises(InputError, match=r"<text>:18:28: .*'klass' is not understood \(did you mean 'class'\?\)"):
        quietly(NODES.replace('"half[0..1]", class:', '"half[0..1]", klass:') + PROBLEM)


def near(cell: str, value: float | None) -> bool:
    return cell == "" if value is None else float(cell) == pytest.approx(value, rel=2e-3)


def test_the_table_of_the_docs_is_up_to_date() -> None:
    """Stored figures, the library's classes and the span of the sources; `python -m tests.interop.timeloop.designs_table` renews it."""
    expected = table.lines(with_recipes=False)
    written = table.written()
    assert [row[:2] for row in written] == [[line.design, line.component] for line in expected]
    for row, line in zip(written, expected, strict=True):
        assert row[2] == table.COLUMNS[line.what]
        assert near(row[3], line.stored), row
        assert near(row[6], line.classes), row
        assert row[8:] == [line.span(), line.why]


def test_every_difference_is_explained() -> None:
    text = table.DOCUMENT.read_text("utf-8")
    for line in table.lines(with_recipes=False):
        for letter in line.why.split(", "):
            assert letter == "equal" or f"- **{letter}** " in text
        assert line.why != "equal" or line.classes == line.stored


def is_within(value: float | None, line: table.Line) -> bool:
    return (
        value is not None
        and line.low is not None
        and line.high is not None
        and line.low * 0.99 <= value <= line.high * 1.01
    )


def test_classes_of_the_library_are_within_the_span_of_the_sources() -> None:
    for line in table.lines(with_recipes=False):
        if line.low is not None and line.component not in DEEPER_THAN_THE_SOURCE:
            assert is_within(line.classes, line), line
        elif line.low is not None:
            assert line.classes is not None
            assert is_within(line.classes, line) or line.classes < 2.5 * line.stored, line


@pytest.mark.usefixtures("reference")
def test_recipes_are_within_the_span_of_the_sources() -> None:
    lines = [line for line in table.lines(with_recipes=True) if line.low is not None]
    assert len(lines) == 30
    for line in lines:
        assert is_within(line.recipes, line) or line.component in SCALED_BY_THE_RECIPE, line
        if line.what != "write":
            assert line.recipes is not None
            assert 0.9 < line.recipes / line.stored < 1.2, line


@pytest.mark.usefixtures("reference")
def test_the_column_of_the_recipes_is_up_to_date() -> None:
    for row, line in zip(table.written(), table.lines(with_recipes=True), strict=True):
        assert near(row[4], line.recipes), row


@pytest.mark.parametrize("design", table.DESIGNS)
def test_designs_as_users_write_them(reference: Path, design: str) -> None:
    """The nodes, the template and the recipes, without ERT and ART: every component has its energies, areas and sources."""
    given = quietly(reference / "designs_v04" / "top.yaml.jinja2", architecture=design)
    listed = [*given.architecture.names, given.architecture.compute.name]
    assert set(given.prices) == {name for name in listed if not name.startswith("inter_")}
    for name, actions in energies_of(given.architecture).items():
        assert all(energy > 0 for action, energy in actions.items() if action != "leak"), name
    assert not any("no ERT" in warning or "not priced" in warning for warning in given.warnings)
    for level in given.architecture.levels:
        if level.name in given.prices:
            assert level.read_pj == pj(given.prices[level.name], "read")
            assert level.area_um2 > 0 or level.kind == "DRAM"
