"""Accelergy's tables, in the forms of versions 0.2 to 0.4."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archloom.errors import InputError
from archloom.interop.accelergy import leaf_name, read_art, read_ert, write_art, write_ert

V4 = """
ERT:
  version: '0.4'
  tables:
  - name: system.chip[0..3].PE[0..167].spad[1..2]
    actions:
    - {name: read, arguments: {data_delta: 0}, energy: 1.5}
    - {name: read, arguments: {data_delta: 1}, energy: 2.5}
    - {name: write, arguments: {}, energy: '3e0'}
  - name: system.mac[1..168]
    actions:
    - {name: compute, energy: 0}
"""
V2 = """
ERT:
  version: 0.2
  tables:
    system.DRAM:
      read: {energy: 200}
      write:
      - {arguments: {x: 1}, energy: 100}
      - {arguments: {x: 2}, energy: 300}
"""


def test_versions_of_the_ert() -> None:
    table = read_ert(V4)
    assert table["system.chip[0..3].PE[0..167].spad[1..2]"] == {"read": 2.5, "write": 3.0}
    assert table["system.mac[1..168]"] == {"compute": 0}
    assert read_ert(V2) == {"system.DRAM": {"read": 200, "write": 300}}


def test_versions_of_the_art() -> None:
    assert read_art("ART:\n  version: 0.4\n  tables: [{name: s.GLB, area: 12.5}]") == {"s.GLB": 12.5}
    assert read_art("version: 0.2\ntables: {s.GLB: {area: 12}}\n") == {"s.GLB": 12}


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "ERT.yaml"
    path.write_text(V4, "utf-8")
    assert read_ert(path) == read_ert(V4)
    with pytest.raises(InputError, match=r"no such file"):
        read_art(tmp_path / "ART.yaml")


@pytest.mark.parametrize(
    ("full", "leaf"),
    [
        ("system.DRAM[1..1]", "DRAM"),
        ("system.chip[0..3].PE[0..167].spad", "spad"),
        ("GLB", "GLB"),
        ("system.inter_PE_spatial[1..14]", "inter_PE_spatial"),
        ("", ""),
    ],
)
def test_leaf_names(full: str, leaf: str) -> None:
    assert leaf_name(full) == leaf


names = st.text("abcXYZ_.[]019", min_size=1, max_size=12)
amounts = st.floats(0, 1e12, allow_subnormal=False) | st.integers(0, 2**60)


@given(st.dictionaries(names, st.dictionaries(names, amounts, max_size=4), max_size=5))
def test_written_tables_are_read_back(table: dict[str, dict[str, float]]) -> None:
    assert read_ert(write_ert(table)) == table


@given(st.dictionaries(names, amounts, max_size=5))
def test_written_areas_are_read_back(areas: dict[str, float]) -> None:
    assert read_art(write_art(areas)) == areas


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ERT: 3\n", "the ERT is 3; expected a mapping with 'version' and 'tables'"),
        ("ERT: {version: 0.4}\n", "<text>:1:6: the ERT has no list 'tables'"),
        ("ERT: {version: 0.9, tables: []}\n", "<text>:1:16: the ERT has the version 0.9; expected 0.2, 0.3, 0.4"),
        ("ERT:\n  tables: [3]\n", "<text>:2:12: an entry of the ERT has no 'name'"),
        ("ERT:\n  tables: [{name: a}]\n", "<text>:2:12: the ERT of 'a' has no list 'actions'"),
        (
            "ERT:\n  tables: [{name: a, actions: [{name: read, energy: -1}]}]\n",
            "<text>:2:53: the ERT of 'a', action 'read': energy is -1; expected a number of 0 or more",
        ),
        ("ERT:\n  tables: [{name: a, actions: [{name: r}]}]\n", "the ERT of 'a', action 'r': energy is missing"),
        ("ERT:\n  tables: [{name: a, actions: [{}]}]\n", "an action in the ERT of 'a' has no 'name'"),
        ("ERT: {tables: {a: 3}}\n", "the ERT of 'a' is 3; expected a mapping"),
        ("ERT: {tables: {a: {read: 3}}}\n", "the ERT of 'a', action 'read' is 3; expected a mapping"),
        ("ERT: {tables: {a: {read: {energy: .inf}}}}\n", "energy is inf; expected a number of 0 or more"),
    ],
)
def test_messages(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_ert(text)
    assert message in str(caught.value)


def test_all_faults_at_once() -> None:
    text = "ART:\n  tables:\n  - {name: a, area: x}\n  - {area: 1}\n  - {name: b, area: true}\n"
    with pytest.raises(InputError) as caught:
        read_art(text)
    assert [fault.place.line if fault.place else 0 for fault in caught.value.faults] == [3, 4, 5]
