"""The YAML loader: what it reads, where things stand, and one clear message for everything else."""

from __future__ import annotations

import json
import math
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from archloom.errors import InputError, Place
from archloom.spec.document import YamlList, YamlMap, parse, read, salvage

TAGS = frozenset({"!Component", "!Container"})


def fault(text: str, tags: frozenset[str] = TAGS) -> str:
    """The message of the only fault of a text."""
    with pytest.raises(InputError) as error:
        parse(text, "f.yaml", tags=tags)
    assert len(error.value.faults) == 1, str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *(("1e9", 1e9), ("1E-3", 1e-3), ("+1.5e+3", 1500.0), (".5", 0.5), ("1.", 1.0), ("-3", -3), ("010", 10)),
        *(("0x10", 16), ("0o17", 15), ("0b101", 5), ("1_000", 1000), (".inf", math.inf), ("-.inf", -math.inf)),
        *(("on", "on"), ("off", "off"), ("yes", "yes"), ("no", "no"), ("y", "y"), ("N", "N")),
        *(("true", True), ("False", False), ("null", None), ("~", None), ("", None)),
        *(("2020-01-01", "2020-01-01"), ("12:30", "12:30"), ("1e", "1e"), ("e9", "e9"), ("0x", "0x"), ("1__0", "1__0")),
        *(("'1'", "1"), ('"true"', "true"), ("!!str 12", "12"), ("!!int '3'", 3), ("!!float 3", 3.0), ("! 12", "12")),
        *(("128KiB", "128KiB"), ("1.2.3", "1.2.3"), ("--", "--"), ("٣", "٣")),
    ],
)
def test_scalars(written: str, value: Any) -> None:
    read_back = parse(f"a: {written}\n", "f.yaml")
    assert isinstance(read_back, YamlMap)
    assert (type(read_back["a"]), read_back["a"]) == (type(value), value)


def test_nan() -> None:
    value = parse("[.nan, .NaN]", "f.yaml")
    assert isinstance(value, list)
    assert all(isinstance(item, float) and math.isnan(item) for item in value)


def test_places() -> None:
    text = 'a:\n  - 1\n  - {b: "quoted", c: [x,   y]}\n'
    value: Any = parse(text, "f.yaml")
    assert value.place == Place("f.yaml", 1, 1)
    assert value.key_places["a"] == Place("f.yaml", 1, 1)
    items: Any = value["a"]
    assert isinstance(value["a"], YamlList)
    assert items.value_places == [Place("f.yaml", 2, 5), Place("f.yaml", 3, 5)]
    assert items[1].key_places == {"b": Place("f.yaml", 3, 6), "c": Place("f.yaml", 3, 19)}
    assert items[1].value_places["b"] == Place("f.yaml", 3, 10), "of the first character inside the quotes"
    assert items[1]["c"].value_places[1] == Place("f.yaml", 3, 28)


def test_a_byte_order_mark_does_not_shift_places() -> None:
    value: Any = parse("\ufeffa: 1", "f.yaml")
    assert value.key_places["a"] == Place("f.yaml", 1, 1)


def test_tags_are_kept() -> None:
    value: Any = parse("- !Component {name: x}\n- !Container\n- !Component\n  - 1\n- y: 1", "f.yaml", tags=TAGS)
    assert [item.tag for item in value] == ["!Component", "!Container", "!Component", None]
    assert value[1] == {}


def test_anchors_and_merge_keys() -> None:
    text = """
base: &base {k: 1, m: {p: 1, q: 2}}
more: &more {k: 9, z: 3}
shallow: {<<: *base, k: 2, m: {q: 5}}
spaced:
  << : *base
deep:
  <<<: *base
  m: {q: 5}
several: {<<: [*base, *more]}
inline: {<<: {k: 1}, j: 2}
"""
    value: Any = parse(text, "f.yaml")
    assert value["shallow"] == {"k": 2, "m": {"q": 5}}
    assert value["spaced"] == {"k": 1, "m": {"p": 1, "q": 2}}
    assert value["deep"] == {"k": 1, "m": {"p": 1, "q": 5}}
    assert value["base"]["m"] == {"p": 1, "q": 2}, "a deep merge leaves its source alone"
    assert value["several"] == {"k": 1, "m": {"p": 1, "q": 2}, "z": 3}, "the first merged mapping wins"
    assert value["inline"] == {"k": 1, "j": 2}
    assert value["spaced"].value_places["k"] == Place("f.yaml", 2, 17), "where it was written"


def test_an_anchor_may_be_set_again() -> None:
    assert parse("[&a 1, *a, &a 2, *a]", "f.yaml") == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.yaml: the file is empty; expected YAML"),
        ("# only a comment\n", "f.yaml: the file is empty; expected YAML"),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: the key 'a' is given twice; it stands first at 1:1"),
        ("a: {x: 1, y: 2, x: 3}", "f.yaml:1:17: the key 'x' is given twice; it stands first at 1:5"),
        ("1: a\n01: b\n", "f.yaml:2:1: the key '1' is given twice; it stands first at 1:1"),
        ("{<<: {a: 1}, <<: {b: 1}}", "f.yaml:1:14: the key '<<' is given twice; it stands first at 1:2"),
        ("a: {<<: 3}", "f.yaml:1:5: a merge key (<<) takes a mapping, or a list of mappings"),
        ("? [a]\n: b", "f.yaml:1:3: a mapping or sequence is used as a key; expected a name"),
        (
            "a: &a [*a]",
            "f.yaml:1:8: the alias *a stands inside its own anchor, set at f.yaml:1:4; cycles are not allowed",
        ),
        (
            "a: &a {<<: *a}",
            "f.yaml:1:12: the alias *a stands inside its own anchor, set at f.yaml:1:4; cycles are not allowed",
        ),
        ("a: &here 1\nb: *hear", "f.yaml:2:4: the alias *hear has no anchor before it (did you mean 'here'?)"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: a second YAML document starts here; expected one document per file"),
        ("a:\n\tb: 1", "f.yaml:2:1: a tab stands where YAML wants spaces"),
        ("a: \x00", "f.yaml:1:4: the character U+0000 is not allowed in YAML; expected printable text"),
        ("a: 1\nbc: \x1b[0m", "f.yaml:2:5: the character U+001B is not allowed in YAML; expected printable text"),
        ("a: '\ud800'", "f.yaml:1:5: the character U+D800 is not allowed in YAML; expected printable text"),
        ("a: !Componet {}", "f.yaml:1:4: the tag !Componet is not allowed here (did you mean '!Component'?)"),
        (
            "a: !!python/object:os.system [1]",
            "f.yaml:1:4: the tag !!python/object:os.system is not allowed here (expected one of: !Component, !Container)",
        ),
        ("a: !!set {x}", "f.yaml:1:4: the tag !!set is not allowed here (expected one of: !Component, !Container)"),
        ("a: !Component x", "f.yaml:1:4: !Component stands before a scalar; expected a mapping"),
        ("a: !!int x", "f.yaml:1:4: !!int stands before 'x', which is not one"),
        ("a: 1e400", "f.yaml:1:4: the number 1e400 is too large; write .inf for 'unbounded'"),
        (
            "a: " + "9" * 5000,
            "f.yaml:1:4: the number 99999999999999999999... has 5000 characters; expected at most 300",
        ),
        (
            "a: [1\nb: 2",
            "f.yaml:2:2: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence begun at 1:4",
        ),
        (
            "a: b: c",
            "f.yaml:1:5: not valid YAML: mapping values are not allowed in this context "
            "(is the indentation right, and is text with ': ' in quotes?)",
        ),
    ],
)
def test_faults(text: str, message: str) -> None:
    assert fault(text) == message


def test_tags_where_none_are_used() -> None:
    assert (
        fault("!x {}", frozenset())
        == "f.yaml:1:1: the tag !x is not allowed here (tags are not used in this kind of file)"
    )


def test_all_faults_at_once() -> None:
    with pytest.raises(InputError) as error:
        parse("a: *x\nb: !y {}\nc: 1\nc: 2\nd: 1e999\ne: [", "f.yaml")
    assert [fault.place.line for fault in error.value.faults if fault.place] == [1, 2, 4, 5, 7]


def test_faults_without_end() -> None:
    with pytest.raises(InputError) as error:
        parse("a: 1\n" * 10_000, "f.yaml")
    assert len(error.value.faults) == 51
    assert error.value.faults[-1].message == "stopped after 50 faults"


def test_salvage() -> None:
    faults: list[Any] = []
    assert salvage("a: 1\na: 2\nb: 3", "f.yaml", faults) == {"a": 1, "b": 3}
    assert [fault.message for fault in faults] == ["the key 'a' is given twice; it stands first at 1:1"]
    assert salvage("[", "f.yaml", faults) is None


BOMB = (
    "a: &a ["
    + "x," * 9
    + "]\n"
    + "".join(f"{b}: &{b} [{(f'*{a},') * 9}]\n" for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True))
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "the file expands to more than 1,000,000 values"),
        (
            BOMB.replace("[", "{<<: [").replace("]", "]}").replace("x,", "{x: 1},"),
            "the file expands to more than 1,000,000 values",
        ),
        ("[" * 100_000, "nested more than 100 levels deep"),
        ("[\n" * 100_000, "nested more than 100 levels deep"),
        ("{a: " * 100_000, "nested more than 100 levels deep"),
        ("- " * 100_000, "nested more than 100 levels deep"),
        ("? " * 100_000, "nested more than 100 levels deep"),
        (
            "a0: &a0 [1]\n" + "".join(f"a{i + 1}: &a{i + 1} [*a{i}]\n" for i in range(200)),
            "nested more than 100 levels deep once",
        ),
        ("[" + "1,\n" * 400_000 + "]", "the file has more than 300,000 values"),
        ("!" + "x" * 2_000_000, "a tag, anchor or alias of more than 4096 characters"),
        ("&" + "x" * 2_000_000, "a tag, anchor or alias of more than 4096 characters"),
        ("'" + "x" * 2_000_000, "found unexpected end of stream"),
        ("%TAG !a! b\n" * 100_000, "more than 100 lines start with '%' (YAML directives)"),
        ("\n" * 2_000_000, "the file is empty"),
        ("x" * (64 * 2**20 + 1), "the text has more than 64 Mi characters"),
        ("x: *" + "y" * 4000, "has no anchor before it"),
    ],
)
def test_hostile_texts_end_soon(text: str, message: str) -> None:
    start = time.process_time()
    assert message in fault(text)
    assert time.process_time() - start < 3


def test_large_scalars_are_fine() -> None:
    text = "x" * 5_000_000
    assert parse(f"a: {text}", "f.yaml") == {"a": text}


class TestRead:
    def test_text(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_bytes("\ufeffµ: 1".encode())
        assert read(tmp_path / "a.yaml") == "µ: 1"

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"a: 1\nb: \xff\n", ":2:4: the file is not UTF-8 text: byte 0xff cannot be decoded"),
            ("a: 1".encode("utf-16"), ":1:1: the file is not UTF-8 text: byte 0xff cannot be decoded"),
            (b"\x80", ":1:1: the file is not UTF-8 text: byte 0x80 cannot be decoded"),
        ],
    )
    def test_not_utf8(self, tmp_path: Path, content: bytes, message: str) -> None:
        path = tmp_path / "a.yaml"
        path.write_bytes(content)
        with pytest.raises(InputError, match=re.escape(f"{path}{message}")):
            read(path)

    def test_missing(self, tmp_path: Path) -> None:
        (tmp_path / "machine.yaml").touch()
        with pytest.raises(InputError, match=r"mashine.yaml: no such file \(did you mean 'machine.yaml'\?\)"):
            read(tmp_path / "mashine.yaml")

    def test_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="is a folder; expected a file"):
            read(tmp_path)

    @pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
    def test_no_path_at_all(self, path: str) -> None:
        with pytest.raises(InputError):
            read(path)

    def test_too_large(self, tmp_path: Path) -> None:
        path = tmp_path / "big.yaml"
        with path.open("wb") as file:
            file.truncate(65 * 2**20)
        with pytest.raises(InputError, match="the file has 65 MiB; expected at most 64"):
            read(path)


SCALARS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text(max_size=20)
KEYS = st.text(min_size=1, max_size=8).filter(lambda key: key not in ("<<", "<<<"))
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


@given(TREES.filter(lambda tree: tree is not None))
def test_reads_what_json_writes(tree: Any) -> None:
    """JSON is YAML: another writer and another reader agree with this one."""
    text = json.dumps(tree).replace("Infinity", ".inf")
    if "\\ud" in text:  # a surrogate pair is JSON's, not YAML's
        text = json.dumps(tree, ensure_ascii=False).replace("Infinity", ".inf")
        if not all(character.isprintable() for character in text):
            return
    assert parse(text, "f.yaml") == tree


@given(TREES.filter(lambda tree: tree is not None))
def test_reads_what_pyyaml_writes(tree: Any) -> None:
    text = yaml.safe_dump(tree, default_style='"')
    try:
        assert parse(text, "f.yaml") == tree
    except InputError as error:  # PyYAML writes tags such as !!binary for what has no other form
        assert "tag" in str(error) or "character" in str(error)  # noqa: PT017
