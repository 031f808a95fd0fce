"""Fuzzing: whatever a file holds, it loads or ends in an InputError, and soon."""

from __future__ import annotations

import contextlib
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archloom.errors import InputError
from archloom.spec import load, machine_names
from archloom.spec.document import parse, read
from archloom.spec.zoo import find_machine

SECONDS = 2

COMPLETE = """
variables: {n: 4, m: n * 2}
architecture:
  name: small
  clock: 1 GHz
  variables: {columns: 8}
  levels:
    - &outer {name: DRAM, class: dram, word: 16 bit, block: 4, shared_bandwidth: 6.4 GB/s, energy: 8 pJ/bit, keep: all}
    - {name: GLB, size: 64 KiB, energy: {read: 26 pJ, write: 20 pJ}, leak: 0.2 mW, keep: [inputs, outputs], fanout: {x: columns, y: n}}
    - {<<: *outer, name: RF, size: 64 words, power_gated_at: GLB, fanout: 2x2}
  compute: {name: MAC, energy: 1.5 pJ, area: 3000 um2}
workload:
  name: conv
  einsum: O[m,p,q] += W[m,c,r,s] * I[c,p+r,2*q+s]
  bounds: {m: 32, c: 16, p: 28, q: 28, r: 3, s: 3}
  word_bits: {O: 32}
  roles: {I: input}
mapping:
  padding: true
  levels:
    - {level: DRAM, temporal: m4 p7}
    - {level: GLB, keep: [I, O, W], temporal: {p: n, q: 28, c: 4}, x: m8, y: c4, cut: {I: 1}}
    - {level: RF, temporal: r3 s3}
constraints:
  - {level: GLB, x: {dims: [filters], factors: {m: <= 8, c: rest}, order: [m, c]}}
"""
TEXTS = [COMPLETE, *(path.read_text("utf-8") for path in map(find_machine, machine_names()) if path)]
LAYERS = [
    "workload: {conv2d: {M: 8, C: 4, H: 9, W: 9, R: 3, S: 3, stride: [1, 2], padding: 1}, word: 8 bit}\n",
    "workload: {gemm: {M: 8, N: 4, K: 16}, name: g}\n",
]
PIECES = [
    *(
        "&a ",
        "*a",
        "<<: ",
        "<<<: ",
        "!x ",
        "!!int ",
        "!!python/object:os.system ",
        "? ",
        "- ",
        ": ",
        ", ",
        "{",
        "}",
        "[",
        "]",
    ),
    *(
        "'",
        '"',
        "|\n",
        ">\n",
        "#",
        "%TAG ",
        "---\n",
        "...\n",
        "\t",
        "\n",
        "\n  ",
        "\0",
        "\ufeff",
        "\x85",
        "\u2028",
        "~",
        "null",
        "true",
    ),
    *(
        "1e999",
        "-1",
        "0",
        ".inf",
        ".nan",
        "9**9**9",
        "1/0",
        "__class__",
        "().x",
        "x" * 300,
        "9" * 400,
        "é",
        "😀",
        "\\",
        "2**41",
    ),
    *("all", "x", "level", "name", "GLB", "[[[[[[[[", "10 KB", "pJ", "words", "1.5", "-0", "0x", "1:2"),
]


def load_quietly(*texts: str) -> None:
    start = time.process_time()
    try:
        load(*(text if "\n" in text else text + "\n" for text in texts))
    except InputError as error:
        faults = [str(fault) for fault in error.faults]
    else:
        faults = ["none"]
    assert faults
    assert all(0 < len(fault) < 3000 for fault in faults)
    assert time.process_time() - start < SECONDS


def test_the_seed_loads() -> None:
    spec = load(COMPLETE)
    assert spec.mapping is not None
    assert spec.constraints


@given(st.binary(max_size=200))
def test_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(data)
    for reader in (load, lambda path: parse(read(path), "f")):
        with contextlib.suppress(InputError):
            reader(path)


@given(st.text(max_size=200))
def test_text(text: str) -> None:
    load_quietly(text)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES) | st.text(alphabet="abc123 :\n-", max_size=6), max_size=40).map("".join))
def test_pieces_of_yaml(text: str) -> None:
    load_quietly(text)
    load_quietly("architecture: " + text)
    load_quietly("workload: " + text)


@settings(max_examples=600)
@given(st.integers(0, 2**32), st.sampled_from(range(len(TEXTS) + len(LAYERS))), st.integers(1, 6))
def test_mutations(seed: int, which: int, edits: int) -> None:
    source = random.Random(seed)
    text = [*TEXTS, *LAYERS][which]
    for _ in range(edits):
        text = mutated(text, source)
    load_quietly(text)


def mutated(text: str, source: random.Random) -> str:
    """The text with one piece replaced, deleted, doubled, inserted or moved."""
    start = source.randrange(len(text) + 1)
    stop = min(len(text), start + source.choice([0, 1, 1, 2, 5, 20]))
    words = [*PIECES, *text.split()]
    piece = source.choice(
        [source.choice(words), text[start:stop] * 2, "", text[source.randrange(len(text) + 1) :][:15]]
    )
    return text[:start] + piece + text[stop:]


VALUES = st.recursive(
    st.sampled_from(PIECES) | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "x", "level", "dims", "read", "M"]) | st.text(max_size=4), inner, max_size=3
        )
    ),
    max_leaves=5,
)


@settings(max_examples=400)
@given(st.data())
def test_values_of_the_wrong_kind(data: st.DataObject) -> None:
    """Every value of a valid file, one at a time, replaced by another well-formed one."""
    at = data.draw(st.integers(0, COMPLETE.count(": ") - 1))
    parts: list[str] = str(COMPLETE).split(": ")
    rest = parts[at + 1]
    end = min((rest.find(stop) for stop in (",", "}", "\n", "]") if stop in rest), default=len(rest))
    parts[at + 1] = as_yaml(data.draw(VALUES)) + rest[end:]
    load_quietly(": ".join(parts))


def as_yaml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_yaml(key)}: {as_yaml(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_yaml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(c if c.isalnum() or c in " ./*+-<=" else f"\\U{ord(c):08X}" for c in value) + '"'
    return {"True": "true", "False": "false", "None": "null", "inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(
        str(value), str(value)
    )


@given(
    st.text(max_size=30)
    | st.lists(st.sampled_from(["levels", "GLB", ".", "=", "0", "size", "architecture", *PIECES])).map("".join)
)
def test_sets(assignment: str) -> None:
    with contextlib.suppress(InputError):
        load(COMPLETE, sets=[assignment])


def test_many_faults_end_soon(tmp_path: Path) -> None:
    levels = "".join(f"    - {{name: L{i % 1000}, sise: 3 KB, keep: {i}, energy: {{raed: x}}}}\n" for i in range(8000))
    path = tmp_path / "many.yaml"
    path.write_text("architecture:\n  levels:\n" + levels, "utf-8")
    start = time.process_time()
    with pytest.raises(InputError) as error:
        load(path)
    assert time.process_time() - start < SECONDS
    assert len(error.value.faults) == 101
    assert error.value.faults[-1].message == "stopped after 100 faults"
