"""CSV tables of primitive components: exact rows, documented scaling, and the library that knows them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archloom.errors import InputError
from archloom.interop.accelergy import (
    component_from,
    library_price,
    parse_table,
    price_in,
    read_component_table,
    read_table,
    register_component_tables,
)
from archloom.technology import library
from archloom.technology.component import Price
from archloom.technology.scaling import factor

REGFILE = """technology,latency,width,depth,action,data_delta,address_delta,energy,area
45nm,5,8,128,read,0,0,0.03,500
45nm,5,8,128,read,0,1,0.05,500
45nm,5,8,128,read,1,1,0.12,500
45nm,5,8,128,write,1,1,0.2,500
"""
MULTIPLIER = """# a multiplier, as a component library lists it
width_a|datawidth_a, width_b|datawidth_b, technology, energy(fJ), area(um^2), action
32, 32, 65, 5000, 300, multiply|read
32, 32, 65, 10, 300, leak   # per cycle
16, 16, 65, 1500, 120, multiply|read
*, , 65, 10, 300, idle|write
"""


@pytest.fixture
def clean_library() -> Iterator[None]:
    before = dict(library._registered)
    yield
    library._registered.clear()
    library._registered.update(before)
    library._names.cache_clear()


def energies(price: Price) -> dict[str, float]:
    return {action: float(figure.value) for action, figure in price.energy.items()}


def test_rows_that_fit_exactly() -> None:
    """What the table plug-in returns: the row whose attributes are those asked for; variants by their arguments."""
    price = price_in(
        parse_table(REGFILE, "r.csv", name="regfile"), {"technology": "45nm", "width": 8, "depth": 128}, exact=True
    )
    assert energies(price) == {
        "read(address_delta=0, data_delta=0)": 0.03,
        "read(address_delta=1, data_delta=0)": 0.05,
        "read(address_delta=1, data_delta=1)": 0.12,
        "read": 0.12,
        "write": 0.2,
    }
    assert price.area is not None
    assert (price.area.value, price.area.unit) == (500, "um2")
    figure = price.energy["write"]
    assert (figure.confidence, figure.source, figure.node_nm, figure.note) == (
        "published",
        "table r.csv",
        45,
        "r.csv:5:1",
    )
    assert price.warnings == ()


def test_attributes_not_in_the_table_and_not_asked_for_do_not_matter() -> None:
    table = parse_table(REGFILE, "r.csv", name="regfile")
    assert energies(price_in(table, {"banks": 7, "width": 8.0}, exact=True))["write"] == 0.2


def test_no_row_fits() -> None:
    table = parse_table(REGFILE, "r.csv", name="regfile")
    with pytest.raises(InputError) as caught:
        price_in(table, {"width": 16, "depth": 128}, exact=True)
    assert str(caught.value) == "the table r.csv has no row for width 16, depth 128 (it has width: 8; depth: 128)"
    with pytest.raises(InputError, match="has no row for latency 3"):
        price_in(table, {"latency": 3})


def test_documented_scaling() -> None:
    table = parse_table(REGFILE, "r.csv", name="regfile")
    price = price_in(table, {"width": 24, "depth": 256, "technology": "32nm"})
    by_node = factor("energy", 45, 32)
    assert energies(price)["write"] == pytest.approx(0.2 * 3 * 2**0.78 * by_node)
    assert price.area is not None
    assert price.area.value == pytest.approx(500 * 3 * 2 * factor("area", 45, 32))
    assert price.energy["write"].confidence == "scaled"
    assert price.warnings == (
        "regfile: no row of its table fits exactly, scaled: technology from 45nm to 32nm",
        "regfile: no row of its table fits exactly, scaled: width from 8 to 24",
        "regfile: no row of its table fits exactly, scaled: depth from 128 to 256",
    )


def test_the_best_row_wildcards_and_units() -> None:
    table = parse_table(MULTIPLIER, "m.csv", name="mult")
    exact = price_in(table, {"width_a": 16, "datawidth_b": 16, "technology": 65})
    assert energies(exact) == pytest.approx({"multiply": 1.5, "read": 1.5, "write": 0.01})
    assert exact.leakage is not None and exact.area is not None
    assert exact.leakage.value == pytest.approx(0.01 * (16 / 32) ** 2)  # fJ per cycle of 1 ns are uW
    assert exact.area.value == 120
    mixed = price_in(table, {"width_a": 32, "width_b": 16})
    assert energies(mixed)["multiply"] == pytest.approx(2.5)  # both rows agree in one width; the first counts


def test_leakage_is_per_cycle() -> None:
    table = parse_table("global_cycle_seconds,energy,action\n2e-9,0.006,leak\n2e-9,1,read\n", "x.csv", name="x")
    price = price_in(table, {"global_cycle_seconds": 1e-9})
    assert price.leakage is not None
    assert (price.leakage.value, price.leakage.unit) == (pytest.approx(0.003), "mW")
    assert energies(price) == {"read": 1}


def test_components_of_the_library(tmp_path: Path, clean_library: None) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "my_mult.csv").write_text(MULTIPLIER, "utf-8")
    (tmp_path / "mine.table.yaml").write_text(
        "name: mine\ntechnology: 65nm\naccuracy: 80\npath_to_data_dir: ./data\n", "utf-8"
    )
    assert [component.name for component in read_component_table(tmp_path / "data")] == ["my_mult"]
    (component,) = register_component_tables(tmp_path / "mine.table.yaml")
    assert library.find("MY_MULT") is component
    one = library.price("my_mult", width_a=16, width_b=16)
    assert one.energy["multiply"].value == pytest.approx(1.5)
    with pytest.raises(InputError, match="my_mult needs width_a"):
        library.price("my_mult", width_b=16)
    with pytest.raises(InputError, match="has no attribute 'width_c'"):
        library.price("my_mult", width_a=16, width_b=16, width_c=1)


def test_a_set_of_tables_says_the_technology_of_those_that_do_not(tmp_path: Path) -> None:
    (tmp_path / "gate.csv").write_text("energy,area,action\n1,2,read\n", "utf-8")
    (tmp_path / "old.table.yaml").write_text("name: old\ntechnology: 65nm\naccuracy: 5\npath_to_data_dir: .\n", "utf-8")
    (component,) = read_component_table(tmp_path / "old.table.yaml")
    assert library.price(component).energy["read"].value == 1
    assert library.price(component, node_nm=32).energy["read"].value == pytest.approx(factor("energy", 65, 32))


def test_a_table_under_accelergys_own_name_is_asked_first(tmp_path: Path, clean_library: None) -> None:
    (tmp_path / "intmac.csv").write_text("technology,width,energy,action\n45nm,8,7,compute|mac_random\n", "utf-8")
    before = library_price("intmac", {"technology": "45nm", "width": 8})
    register_component_tables(tmp_path / "intmac.csv")
    after = library_price("intmac", {"technology": "45nm", "width": 8, "adder_width": 16})
    assert before is not None
    assert after is not None
    assert before.energy["compute"].value < 1
    assert after.energy["compute"].value == after.energy["mac_random"].value == 7


def test_many_variants_in_one_call() -> None:
    component = component_from(parse_table(MULTIPLIER, "m.csv", name="mult"))
    widths = np.array([[8.0, 16.0], [32.0, 64.0]])
    many = library.price(component, width_a=widths, width_b=widths, node_nm=65)
    assert np.shape(many.energy["multiply"].value) == (2, 2)
    for at in np.ndindex(2, 2):
        one = library.price(component, width_a=widths[at], width_b=widths[at], node_nm=65)
        assert np.asarray(many.energy["multiply"].value)[at] == pytest.approx(float(one.energy["multiply"].value))
        assert one.area is not None and many.area is not None
        assert np.asarray(many.area.value)[at] == pytest.approx(float(one.area.value))


def test_words_are_choices() -> None:
    component = component_from(parse_table("kind,energy,action\nnor,1,read\nnand,2,read\n", "k.csv", name="cell"))
    assert library.price(component, kind="NAND").energy["read"].value == 2
    with pytest.raises(InputError, match="no kind 'xor' is known; there are nor, nand"):
        library.price(component, kind="xor")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t.csv: the table is empty; expected a line with the names of its columns"),
        ("energy,action\n", "t.csv: the table has no rows; expected at least one below the header"),
        ("width,energi,action\n1,2,read\n", "t.csv:1:1: there is no column 'energy' (did you mean 'energi'?)"),
        ("width,energy,action\n1,x,read\n", "t.csv:2:3: energy is 'x'; expected a number of 0 or more"),
        ("width,energy,action\n1,-1,read\n", "t.csv:2:3: energy is '-1'; expected a number of 0 or more"),
        ("width,energy,action\n1, 1e999,read\n", "t.csv:2:4: energy is '1e999'; expected a number of 0 or more"),
        ("width,energy,action\n1,1,\n", "t.csv:2:5: the line has no action"),
        ("width,energy(erg),action\n1,1,read\n", "t.csv:1:7: the column 'energy' is in 'erg'; expected fj, pj, nj"),
        ("width,Width,energy,action\n1,1,1,read\n", "t.csv:1:7: a second column 'Width'"),
        ("energy,energy,action\n1,1,read\n", "t.csv:1:8: a second column 'energy'"),
        ("energy,area,action\n1,?,read\n", "t.csv:2:3: area is '?'; expected a number of 0 or more"),
    ],
)
def test_messages(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_table(text, "t.csv", name="t")
    assert message in str(caught.value)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "x.csv")
    with pytest.raises(InputError, match=r"the folder has no tables; expected files called <class>\.csv"):
        read_component_table(tmp_path)
    (tmp_path / "a.table.yaml").write_text("name: a\n", "utf-8")
    with pytest.raises(InputError, match=r"a.table.yaml:1:1: the set of tables has a 'path_to_data_dir' that is empty"):
        read_component_table(tmp_path / "a.table.yaml")
    (tmp_path / "a.table.yaml").write_text("path_to_data_dir: nowhere\n", "utf-8")
    with pytest.raises(InputError, match=r"a.table.yaml:1:19: there is no folder 'nowhere'"):
        read_component_table(tmp_path / "a.table.yaml")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_broken_tables_give_faults_and_never_a_traceback(seed: int) -> None:
    rng = random.Random(seed)
    text = rng.choice([REGFILE, MULTIPLIER])
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(text))
        text = (
            text[:at]
            + rng.choice(["", ",", '"', "|", "*", "-", "1e400", "nan", "#", "\n", "\0"])
            + text[at + rng.randint(0, 3) :]
        )
    try:
        table = parse_table(text, "t.csv", name="t")
        for price in (price_in(table, {"width": 8, "technology": "28nm"}), library.price(component_from(table))):
            assert all(math.isfinite(value) for value in energies(price).values())
    except InputError:
        return
