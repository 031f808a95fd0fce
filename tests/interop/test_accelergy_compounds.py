"""Compound components: recipes summed over their parts, and messages for every way of getting one wrong."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archloom.errors import InputError
from archloom.interop.accelergy import (
    PriceBook,
    UnpricedError,
    library_price,
    parse_table,
    read_compounds,
    table_source,
)
from archloom.technology.component import Price

FLOP = parse_table(
    "technology,width,energy,area,action\n45nm,1,0.01,6,read\n45nm,1,0.02,6,write\n45nm,1,1e-4,6,leak\n",
    "flop.csv",
    name="flop",
)
ADDER = parse_table(
    "technology,width,energy,area,action\n45nm,32,0.32,320,add\n45nm,32,0.0032,320,leak\n", "adder.csv", name="adder"
)
TABLES = table_source(FLOP, ADDER)

FILE = """
compound_components:
  version: 0.4
  classes:
  - name: file
    attributes: {technology: must_specify, width: must_specify, depth: must_specify, address_bits: "ceil(log2(depth))"}
    subcomponents:
    - {name: "cells[0..width*depth-1]", class: flop, attributes: {}}
    - {name: "address[1..2]", class: adder, attributes: {width: address_bits}}
    actions:
    - name: read
      subcomponents:
      - {name: "cells[0..width-1]", actions: [{name: read}]}
      - {name: "address[1]", actions: [{name: add}]}
    - name: write
      subcomponents:
      - {name: "cells[0..width-1]", actions: [{name: write}]}
      - {name: "address[2]", actions: [{name: add}]}
    - name: leak
      subcomponents:
      - {name: cells, actions: [{name: leak}]}
      - {name: address, actions: [{name: leak}]}
  - name: pair
    attributes: {technology: 45nm, words: 8, share: 0.5}
    subcomponents:
    - {name: half, class: file, area_scale: share, attributes: {width: 2 * words, depth: words}}
    actions:
    - name: fetch
      arguments: {times: 0..3}
      subcomponents:
      - {name: half, actions: [{name: read, repeat: times}, {name: write, action_share: share, energy_scale: 2}]}
"""


def book(text: str = FILE) -> PriceBook:
    return PriceBook(read_compounds(text), [TABLES])


def energies(price: Price) -> dict[str, float]:
    return {action: float(figure.value) for action, figure in price.energy.items()}


def test_sums_over_the_parts() -> None:
    price = book().price("file", {"technology": "45nm", "width": 8, "depth": 16})
    assert energies(price) == pytest.approx({"read": 8 * 0.01 + 4 * 0.01, "write": 8 * 0.02 + 4 * 0.01})
    assert price.area is not None and price.leakage is not None
    assert price.area.value == pytest.approx(8 * 16 * 6 + 2 * 40)
    assert price.leakage.value == pytest.approx(8 * 16 * 1e-4 + 2 * 4e-4)
    assert (price.area.unit, price.leakage.unit) == ("um2", "mW")
    assert price.energy["read"].source == "table flop.csv; table adder.csv"
    assert price.energy["read"].confidence == "scaled"


def test_nested_compounds_arguments_and_shares() -> None:
    """A nested action counts as often as its dearest argument says; shares and scales multiply."""
    price = book().price("pair", {})
    read, write = 16 * 0.01 + 3 * 0.01, 16 * 0.02 + 3 * 0.01
    assert energies(price) == pytest.approx({"fetch": 3 * read + 0.5 * 2 * write})
    assert price.area is not None
    assert price.area.value == pytest.approx(0.5 * (16 * 8 * 6 + 2 * 30))


def test_leakage_of_all_parts_without_an_action_for_it() -> None:
    price = book().price("pair", {})
    assert price.leakage is not None
    assert price.leakage.value == pytest.approx(16 * 8 * 1e-4 + 2 * 3e-4)


def test_attributes_given_beat_defaults_and_scale_the_whole() -> None:
    given = {"technology": "45nm", "width": 8, "depth": 16}
    plain, narrow = book().price("file", given), book().price("file", {**given, "address_bits": 1})
    assert energies(plain)["read"] - energies(narrow)["read"] == pytest.approx(3 * 0.01)
    scaled = book().price("file", {**given, "energy_scale": 2, "area_scale": 0.25})
    assert energies(scaled) == pytest.approx({name: 2 * value for name, value in energies(plain).items()})
    assert plain.area is not None and scaled.area is not None
    assert scaled.area.value == pytest.approx(0.25 * plain.area.value)


def test_a_class_without_parts_gives_defaults_to_a_primitive() -> None:
    text = "classes:\n- {name: adder, attributes: {technology: 45nm, width: 16}}\n"
    assert energies(book(text).price("adder", {}))["add"] == pytest.approx(0.16)
    assert energies(book(text).price("adder", {"width": 64}))["add"] == pytest.approx(0.64)


def test_the_technology_library_prices_what_the_file_does_not_define() -> None:
    text = "compound_components: {classes: [{name: two, attributes: {technology: 45nm}, subcomponents: [{name: 'm[1..2]', class: intmultiplier, attributes: {width: 8}}], actions: [{name: go, subcomponents: [{name: 'm[1..2]', actions: [{name: mult_random}]}]}]}]}\n"
    alone = library_price("intmultiplier", {"technology": "45nm", "width": 8})
    assert alone is not None
    assert alone.energy["compute"].value == pytest.approx(0.2)  # Horowitz, ISSCC 2014
    both = PriceBook(read_compounds(text)).price("two", {})
    assert both.energy["go"].value == pytest.approx(0.4)
    assert "Horowitz" in both.energy["go"].source


def test_stored_energies_of_a_register_file() -> None:
    """A file of registers with a comparator per word, as the v0.4 designs describe theirs, to the digits of their ERT.

    A simba-like accumulator (128 words of 24 bits, held as 32), 45 nm, with Aladdin's registers, comparators and adders; the energies
    are in the ERT of the design (timeloop-accelergy-exercises).
    """
    tables = [
        parse_table(
            "technology,width,energy,area,action\n45,1,0.009,5.98,read\n45,1,0,5.98,write\n", "r", name="reg_bit"
        ),
        parse_table(
            "technology,width,energy,area,action\n45,32,0.02947,71,compare\n45,32,2.51e-5,71,leak\n", "c", name="match"
        ),
        parse_table(
            "technology,width,energy,area,action\n45,32,0.21,179,add\n45,32,0.0023,179,leak\n", "a", name="step"
        ),
    ]
    text = """
classes:
- name: words
  attributes: {width: must_specify, depth: must_specify}
  subcomponents:
  - {name: "bit[1..width*depth]", class: reg_bit}
  - {name: "tag[1..depth]", class: match}
  actions:
  - {name: read, subcomponents: [{name: "bit[1..width]", actions: [{name: read}]}, {name: "tag[1..depth]", actions: [{name: compare}]}]}
  - {name: write, subcomponents: [{name: "bit[1..width]", actions: [{name: write}]}, {name: "tag[1..depth]", actions: [{name: compare}]}]}
  - {name: leak, subcomponents: [{name: tag, actions: [{name: leak}]}]}
- name: buffer
  attributes: {technology: 45nm, width: 24, depth: 128, held: "max(32, width)", part: width / held, area_scale: part}
  subcomponents:
  - {name: store, class: words, area_scale: part, attributes: {width: held, depth: depth}}
  - {name: "next[0..1]", class: step, attributes: {width: "ceil(log2(depth))"}}
  actions:
  - {name: read, subcomponents: [{name: store, actions: [{name: read, energy_scale: part}]}, {name: "next[1]", actions: [{name: add}]}]}
  - {name: write, subcomponents: [{name: store, actions: [{name: write, energy_scale: part}]}, {name: "next[0]", actions: [{name: add}]}]}
  - {name: leak, subcomponents: [{name: store, actions: [{name: leak, energy_scale: part}]}, {name: "next[0..1]", actions: [{name: leak}]}]}
"""
    price = PriceBook(read_compounds(text), [table_source(*tables)]).price("buffer", {})
    assert energies(price) == pytest.approx({"read": 3.091057, "write": 2.875058}, rel=1e-6)
    assert price.area is not None and price.leakage is not None
    assert price.area.value == pytest.approx(18948.654375, rel=1e-9)
    assert price.leakage.value == pytest.approx(0.003416, rel=1e-3)


def price_both(text: str) -> None:
    priced = book(text)
    priced.price("file", {"technology": "45nm", "width": 8, "depth": 16})
    priced.price("pair", {})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("class: flop", "clas: flop", "<text>:8:41: the class 'file', subcomponent 'cells': 'clas' is not understood (did you mean 'class'?)"),
        ("- name: read\n", "- nam: read\n", "an action has no 'name'; expected a name"),
        ('- {name: "cells[0..width-1]", actions: [{name: read}]}', '- {name: "cell[0..width-1]", actions: [{name: read}]}', "there is no subcomponent 'cell' (did you mean 'cells'?)"),
        ("width*depth-1]", "width*dept-1]", "there is no name 'dept' (did you mean 'depth'?)"),
        ("[{name: add}]}\n    - name: write", "[{name: ad}]}\n    - name: write", "'address' of class 'adder' has no action 'ad' (did you mean 'add'?)"),
        ('"ceil(log2(depth))"', '"ceil(log2(dept))"', "dept"),
        ('"ceil(log2(depth))"', "__import__('os')", "there is no function '__import__'"),
        ("[1..2]", "[2..0]", "the range '2..0' is 2..0; expected the first to be no more than the last"),
        ("[1..2]", "[1..2.5]", "'2.5' is 2.5; expected a whole number"),
        ("[1..2]", "[1..2..3]", "the range is '1..2..3'; expected 'first..last'"),
        ("classes:", "klasses:", "expected a list 'classes'"),
        ("repeat: times", "repeat: [1]", "repeat is a list; expected a number or an expression"),
        ("repeat: times", "repeat: -1", "the scale of half.read is -1; expected a number of 0 or more"),
        ("- name: pair", "- name: file", "the class 'file' is defined twice; it stands first at <text>:5:5"),
        ("class: file", "class: pair", "the class contains itself: pair -> pair"),
    ],
)  # fmt: skip
def test_messages(old: str, new: str, message: str) -> None:
    text = FILE.replace(old, new, 1)
    assert text != FILE
    with pytest.raises(InputError) as caught:
        price_both(text)
    assert message in str(caught.value)
    assert all(fault.place is not None and fault.place.line for fault in caught.value.faults)


def test_what_is_missing_is_no_fault_of_the_file() -> None:
    with pytest.raises(
        UnpricedError, match=r"the class 'file' needs the attributes 'width', 'depth' \(declared at <text>:5:5\)"
    ):
        book().price("file", {"technology": "45nm"})
    with pytest.raises(UnpricedError, match=r"nothing prices the class 'fille' \(did you mean 'file'\?\)"):
        book().price("fille", {})
    with pytest.raises(UnpricedError, match="technology is missing; expected a node such as 45nm"):
        PriceBook().price("SRAM", {"width": 64, "depth": 1024})
    with pytest.raises(UnpricedError, match="technology is 'SET ME'; expected a node such as 45nm"):
        PriceBook().price("SRAM", {"technology": "SET ME", "width": 64, "depth": 1024})


def test_all_faults_at_once() -> None:
    with pytest.raises(InputError) as caught:
        read_compounds("classes:\n- {name: a, sub: 1}\n- {attributes: {}}\n- 3\n- {name: b, actions: {}}\n")
    assert len(caught.value.faults) == 4


def test_work_is_bounded() -> None:
    deep = "".join(
        f"- {{name: c{n}, subcomponents: [{{name: a, class: c{n + 1}}}, {{name: b, class: c{n + 1}}}], actions: []}}\n"
        for n in range(18)
    )
    with pytest.raises(InputError, match="parts to price"):
        PriceBook(read_compounds("classes:\n" + deep), [lambda name, attributes: Price(name, {}, {})]).price("c0", {})


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_broken_files_give_faults_and_never_a_traceback(seed: int) -> None:
    rng = random.Random(seed)
    text = FILE
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(text))
        text = (
            text[:at]
            + rng.choice(["", "[", "}", ":", "x", "-", " ", "0", "..", "*", "'", "\n"])
            + text[at + rng.randint(0, 3) :]
        )
    try:
        priced = book("\n" + text)
        for name in list(priced.classes):
            price = priced.price(name, {"technology": "45nm", "width": 8, "depth": 16})
            assert all(math.isfinite(float(figure.value)) for figure in price.energy.values())
    except InputError:
        return


extremes = st.sampled_from(
    [0, -1, 1e-320, 1e308, 10**290, math.inf, math.nan, True, "45nm", "x", "1", "SET ME", 2.5, 8, 64]
)
words = [
    "technology",
    "width",
    "depth",
    "energy_scale",
    "area_scale",
    "global_cycle_seconds",
    "width_a",
    "width_b",
    "multiplier_width",
    "adder_width",
    "n_banks",
    "type",
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(
        [
            "file",
            "pair",
            "SRAM",
            "DRAM",
            "regfile",
            "intmac",
            "intmultiplier",
            "aladdin_register",
            "fpmac",
            "wire",
            "adc",
        ]
    ),
    st.dictionaries(st.sampled_from(words), extremes),
)
def test_any_attributes_have_a_price_or_a_fault(name: str, attributes: dict[str, float | str]) -> None:
    try:
        price = PriceBook(read_compounds(FILE), [TABLES, library_price]).price(name, attributes)
    except InputError:
        return
    figures = [*price.energy.values(), *(figure for figure in (price.area, price.leakage) if figure is not None)]
    assert all(0 <= float(figure.value) < math.inf for figure in figures)
