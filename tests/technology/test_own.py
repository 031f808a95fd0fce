from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from archloom.errors import InputError
from archloom.technology import Component, find, from_rows, library, load, price
from archloom.technology.contract import check

TABLE = """\
name: macro
about: memory compiler
source: vendor X, 2024
node_nm: 28
attributes: {size_bits: bit, width_bits: bit}
rows:
  - {size_bits: 8192, width_bits: 32, read_pj: 1, write_pj: 2, area_um2: 1e3}
  - {size_bits: 32768, width_bits: 32, read_pj: 2, write_pj: 4, area_um2: 4e3}
  - {size_bits: 8192, width_bits: 64, read_pj: 3, write_pj: 6, area_um2: 1.5e3}
  - {size_bits: 32768, width_bits: 64, read_pj: 6, write_pj: 12, area_um2: 6e3}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    return path


def test_a_table_is_exact_at_its_rows_and_geometric_between(tmp_path: Path) -> None:
    macro = load(written(tmp_path, TABLE))
    assert check(macro) == []
    at = price(macro, size_bits=8192, width_bits=64)
    assert at.energy["read"].value == pytest.approx(3)
    assert at.area is not None
    assert at.area.value == pytest.approx(1500)
    assert (at.energy["read"].source, at.energy["read"].confidence) == ("vendor X, 2024", "published")
    middle = price(macro, size_bits=16384, width_bits=[32, 64, 32 * np.sqrt(2)])
    assert middle.energy["write"].value == pytest.approx(np.array([2, 6, np.sqrt(12)]) * np.sqrt(2))
    scaled = price(macro, size_bits=8192, width_bits=32, node_nm=22)
    assert scaled.energy["read"].value == pytest.approx(0.57303, rel=1e-4)
    assert scaled.energy["read"].confidence == "scaled"
    with pytest.raises(InputError, match="size_bits is a number from 8192 to 32768 bit, not 65536"):
        price(macro, size_bits=65536, width_bits=32)


def test_an_exact_table_has_its_rows_only(tmp_path: Path) -> None:
    rows = TABLE.replace("node_nm: 28\n", "between: exact\n").rsplit("\n", 2)[0]
    macro = load(written(tmp_path, rows))
    assert price(macro, size_bits=[8192, 32768], width_bits=32).energy["read"].value == pytest.approx([1, 2])
    with pytest.raises(
        InputError, match=r"no row for size_bits 9000 .it has size_bits of 8192, 32768; `between: log-log`"
    ):
        price(macro, size_bits=9000, width_bits=32)
    with pytest.raises(InputError, match="no row for this combination"):
        price(macro, size_bits=32768, width_bits=64)


def test_node_as_an_attribute_and_a_table_of_one_row() -> None:
    rows = [{"node_nm": 45, "compute_pj": 4}, {"node_nm": 22, "compute_pj": 1}]
    unit = from_rows("unit", rows, source="us", units={"node_nm": "nm"}, confidence="measured")
    assert check(unit) == []
    assert price(unit, node_nm=np.sqrt(45 * 22)).energy["compute"].value == pytest.approx(2)
    fixed = from_rows("fixed", [{"transfer_pj": 0.5}], source="us", node_nm=16)
    assert price(fixed).energy["transfer"].value == 0.5
    assert np.asarray(price(fixed, node_nm=[16, 32]).energy["transfer"].value)[1] > 0.5
    idle = from_rows("idle", [{"read_pj": 0, "bits": 1}, {"read_pj": 2, "bits": 4}], source="us", units={"bits": "bit"})
    assert price(idle, bits=2).energy["read"].value == pytest.approx(1), "a zero has no logarithm: straight instead"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rows:", "row:", "own.yaml:6:1: a component table has no 'row' (did you mean 'rows'?)"),
        ("name: macro\n", "", "a component table needs `name`"),
        ("area_um2: 1e3", "area_um2: big", "own.yaml:7:74: area_um2 is a number"),
        ("read_pj: 1,", "read_pj: -1,", "own.yaml:7:48: macro: read_pj is a number of at least zero, not -1"),
        ("write_pj: 12, ", "", "macro: this row has no write_pj"),
        (", read_pj: 3, write_pj: 6", ", reed: 3, write_pj: 6", "macro: reed is neither an attribute nor a figure"),
        ("  - {size_bits: 32768, width_bits: 64", "  - {size_bits: 32768, width_bits: 32", "is given already at"),
        (
            "  - {size_bits: 32768, width_bits: 64",
            "  - {size_bits: 65536, width_bits: 64",
            "a row is needed for size_bits 32768",
        ),
        ("node_nm: 28", "node_nm: 2", "node_nm is from 3 to 250 nm"),
        ("node_nm: 28", "between: linear", "`between` is log-log or exact, not 'linear'"),
        ("node_nm: 28", "confidence: guess", "no confidence 'guess' is known"),
        ("node_nm: 28", "name: twice", "a component table gives 'name' twice"),
        ("rows:", "rows: [", "own.yaml:"),
    ],
)
def test_faults_are_placed(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TABLE
    with pytest.raises(InputError) as caught:
        load(written(tmp_path, TABLE.replace(old, new)))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "- 1", "3", "name: x\nrows: 3\nsource: s", "name: x\nsource: s\nrows: []", "\x00", "rows: [3]"]
)
def test_no_table_is_one_clear_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError):
        load(written(tmp_path, text))
    with pytest.raises(InputError, match="cannot read"):
        load(tmp_path / "missing.yaml")


def test_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        def __init__(self, name: str, what: object) -> None:
            self.name, self.value, self.what = name, f"package:{name}", what

        def load(self) -> object:
            if isinstance(self.what, Exception):
                raise self.what
            return self.what

    made = from_rows("made", [{"compute_pj": 1}], source="us")
    entries = [
        Entry("one", made),
        Entry("several", lambda: [made, make("other")]),
        Entry("bad", ImportError("no torch")),
        Entry("no", 3),
    ]
    monkeypatch.setattr(metadata, "entry_points", lambda group: entries if group == "archloom.components" else [])
    library._plugged_in.cache_clear()
    library._names.cache_clear()
    try:
        assert find("made").name == "made"
        assert find("other").name == "other"
        with pytest.raises(InputError) as caught:
            find("no such thing")
        assert "the component entry point bad = package:bad is left out: no torch" in str(caught.value)
        assert "not a Component but int" in str(caught.value)
    finally:
        library._plugged_in.cache_clear()
        library._names.cache_clear()


def make(name: str) -> Component:
    return from_rows(name, [{"compute_pj": 1}], source="us")


def test_the_examples_of_the_docs_keep_the_contract(tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/technology-sources.md").read_text("utf-8")
    (table,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    macro = load(written(tmp_path, table))
    assert check(macro) == []
    assert price(macro, size_bits=8192, width_bits=32).energy["read"].value == pytest.approx(1)
    names: dict[str, Component] = {}
    exec(code, names)  # type: ignore[arg-type]
    assert check(names["POPCOUNT"]) == []
