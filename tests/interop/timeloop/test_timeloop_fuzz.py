"""Whatever is done to a valid text, the loader answers with an InputError or a result, and soon."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archloom.errors import InfeasibleError, InputError
from archloom.interop.timeloop import TimeloopWarning, load
from archloom.model.evaluate import evaluate

TREE = """
architecture:
  version: 0.4
  subtree:
  - name: system
    attributes: {technology: 45nm}
    local:
    - {name: "DRAM[1..1]", class: DRAM, attributes: {width: 64, word-bits: 16, read_bandwidth: 4}}
    - {name: GLB, class: SRAM, attributes: {depth: 64, width: 32, datawidth: 16, multiple_buffering: 1}}
    - {name: "RF[1..6]", class: regfile, attributes: {entries: 16, meshX: 3, meshY: 2, power_gated_at: GLB}}
    - {name: "MAC[1..6]", class: intmac, attributes: {meshX: 3, meshY: 2}}
problem:
  shape:
    name: conv
    dimensions: [C, P, R]
    coefficients: [{name: S, default: 1}]
    data_spaces:
    - {name: W, projection: [[[C]], [[R]]]}
    - {name: I, projection: [[[C]], [[P, S], [R]]]}
    - {name: O, projection: [[[P]]], read_write: true}
  instance: {C: 4, P: 6, R: 3, S: 2}
mapping:
- {target: RF, type: temporal, factors: C=2 P=1 R=3, permutation: RCP}
- {target: RF, type: bypass, keep: [W, I], bypass: [O]}
- {target: GLB, type: spatial, factors: C2 P3, permutation: PC, split: 1}
- {target: DRAM, type: temporal, factors: P=2}
ERT:
  version: 0.4
  tables:
  - {name: system.DRAM, actions: [{name: read, energy: 9}, {name: write, energy: 9}]}
  - {name: system.GLB, actions: [{name: read, energy: 3}, {name: write, energy: 3}, {name: leak, energy: 0.5}]}
  - {name: system.RF, actions: [{name: read, energy: 1}, {name: write, energy: 1}]}
  - {name: system.MAC, actions: [{name: compute, energy: 1}]}
"""
NODES = """
variables: {version: 0.4, N: 3}
constraints:
- {target: GLB, type: temporal, factors: [C<=4], permutation: [C]}
architecture:
  version: 0.4
  nodes:
  - !Container {name: system, attributes: {datawidth: 16}}
  - !Component {name: DRAM, class: DRAM, attributes: {width: 64}}
  - !Component {name: GLB, class: smartbuffer_SRAM, attributes: {depth: "16 * N", width: 32}}
  - !Container {name: PE, spatial: {meshX: N, meshY: 2}, constraints: {spatial: {split: 1, permutation: [P, C]}}}
  - !Parallel
    nodes:
    - !Component {name: RF, class: regfile, attributes: {depth: 32, width: 16}, constraints: {dataspace: {keep: [W, I]}}}
    - !Nothing {constraints: {dataspace: {keep: [O]}}}
  - !Component {name: mac, class: intmac}
""" + TREE[TREE.index("problem:") : TREE.index("ERT:")].replace(
    "target: GLB, type: spatial", "target: PE, type: spatial"
)
TOKENS = re.compile(r"[A-Za-z_]\w*|\d+|\S|\s+")
SPICE = [
    *(
        "0",
        "-1",
        "1e999",
        "99999999999999999999",
        "3.5",
        ".inf",
        ".nan",
        "null",
        "true",
        "~",
        "''",
        "'a b'",
        "[]",
        "{}",
    ),
    *(
        "[[]]",
        "{a: 1}",
        "*a",
        "&a ",
        "<<: ",
        "!Component ",
        "!Parallel ",
        "!x ",
        "{{ x }}",
        "{% if %}",
        "#",
        "\t",
        "\n",
    ),
    *(
        "9**9**9",
        "().__class__",
        "C=0",
        "C=2,1",
        "N",
        "RF",
        "DRAM",
        "subtree",
        "nodes",
        "temporal",
        "bypass",
        "\u2028",
        "\0",
    ),
    *(
        " ",
        ":",
        ",",
        "]",
        "}",
        "- ",
        "O",
        "W",
        "name",
        "class",
        "target",
        "factors",
        "é",
        "[1..0]",
        "[1..999999999999]",
    ),
]


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    tokens = TOKENS.findall(text)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(tokens) - 1))
        kind = draw(st.sampled_from(["drop", "replace", "insert", "copy", "swap", "cut"]))
        other = draw(st.integers(0, len(tokens) - 1))
        if kind == "drop":
            del tokens[at : at + draw(st.integers(1, 3))]
        elif kind == "replace":
            tokens[at] = draw(st.sampled_from(SPICE))
        elif kind == "insert":
            tokens.insert(at, draw(st.sampled_from(SPICE)))
        elif kind == "copy":
            tokens[at] = tokens[other]
        elif kind == "swap":
            tokens[at], tokens[other] = tokens[other], tokens[at]
        else:
            tokens = [*tokens[:at], *tokens[other:]]
        if not tokens:
            break
    return "".join(tokens) + "\n"


def answer(text: str) -> str:
    """What loading and evaluating a text ends in: an outcome that a user can act on."""
    before = time.process_time()
    outcome, message = _outcome(text)
    assert message.strip()
    assert time.process_time() - before < 2
    return outcome


def _outcome(text: str) -> tuple[str, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TimeloopWarning)
            given = load(text)
        if given.mapping is None:
            return "loaded", "fine"
        evaluate(given.workload, given.architecture, given.mapping)
    except InputError as error:
        return "refused", str(error)
    except InfeasibleError as error:
        return "infeasible", str(error)
    return "evaluated", "fine"


@pytest.mark.parametrize("text", [TREE, NODES], ids=["tree", "nodes"])
def test_the_texts_are_valid(text: str) -> None:
    assert answer(text) == "evaluated"


@settings(max_examples=600)
@given(mutated(TREE))
def test_mutations_of_the_tree_form(text: str) -> None:
    answer(text)


@settings(max_examples=600)
@given(mutated(NODES))
def test_mutations_of_the_hierarchical_form(text: str) -> None:
    answer(text)


@settings(max_examples=100)
@given(st.text(max_size=200), st.booleans())
def test_any_text(text: str, as_section: bool) -> None:
    answer(f"architecture: {text}\nproblem: {text}\n" if as_section else text + "\n")


scalars = st.none() | st.booleans() | st.integers(-3, 20) | st.floats() | st.text("ab[.]12{}", max_size=6)
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3)
)


@settings(max_examples=300)
@given(values, st.integers(0, 10_000))
def test_any_value_in_any_place(value: Any, place: int) -> None:
    """One node of the parsed text is replaced by something else altogether."""
    import yaml

    data = yaml.safe_load(TREE)
    slots: list[Callable[[Any], None]] = []

    def walk(node: Any) -> None:
        keys = node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            slots.append(lambda new, node=node, key=key: node.__setitem__(key, new))
            walk(node[key])

    walk(data)
    slots[place % len(slots)](value)
    answer(yaml.safe_dump(data, allow_unicode=True) + "\n")


def test_large_files() -> None:
    attributes = ", ".join(f"a{at}: {at}" for at in range(5000))
    assert answer(TREE.replace("entries: 16,", f"entries: 16, {attributes},")) == "evaluated"
    directives = "".join(f"- {{target: GLB, type: bypass, keep: [W]}}\n# {at}\n" for at in range(5000))
    assert answer(TREE.replace("ERT:", directives + "ERT:")) == "evaluated"
    assert (
        answer(TREE.replace("- {target: DRAM", "- {target: DRUM, type: x}\n" * 5000 + "- {target: DRAM")) == "refused"
    )
    locals_ = "".join(f"    - {{name: B{at}, class: SRAM}}\n" for at in range(3000))
    assert answer(TREE.replace('    - {name: "MAC', locals_ + '    - {name: "MAC')) == "refused"
    tables = "".join(f"  - {{name: system.X{at}, actions: [{{name: read, energy: 1}}]}}\n" for at in range(5000))
    assert answer(TREE + tables[: 2**20]) == "evaluated"


def test_long_names() -> None:
    long = "x" * 100_000
    for text in (TREE.replace("GLB", long), TREE.replace("C=2 P=1 R=3", long), TREE.replace("RCP", "C" * 100_000)):
        assert answer(text) in ("refused", "evaluated")
