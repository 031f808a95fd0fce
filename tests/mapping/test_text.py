"""Loop-nest text: what is written reads back, and what cannot be read says where and why."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.errors import Fault, InputError
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.mapping.text import parse, render
from archloom.mapping.walk import canonical
from archloom.workload.einsum import Tensor, Workload, einsum

CONV = einsum(
    "Outputs[m,p,q] += Weights[m,c,r,s] * Inputs[c,2*p+r,2*q+s]",
    {"m": 64, "c": 3, "r": 7, "s": 7, "p": 112, "q": 112},
    name="conv1",
)
TINY = Architecture("tiny", (Memory("RF"), Memory("GLB", fanout=Fanout(112, 1)), Memory("DRAM")))
NEST = Mapping(
    (
        LevelNest("RF", (Loop("m", 16), Loop("c", 3), Loop("r", 7), Loop("s", 7)), keep=frozenset({"Weights"})),
        LevelNest(
            "GLB", (Loop("p", 112),), (Loop("q", 112),), keep=frozenset({"Inputs", "Outputs"}), cut={"Outputs": 0}
        ),
        LevelNest("DRAM", (Loop("m", 4),), keep=frozenset({"Inputs", "Outputs", "Weights"})),
    )
)
TEXT = """\
DRAM [ Weights 9,408  Inputs 157,323  Outputs 802,816 ]
| for m in 0..4
GLB [ Inputs 157,323 ]
|   for p in 0..112
GLB [ Outputs 1,792 ]
|     spatial-x for q in 0..112
RF [ Weights 2,352 ]
|       for m in 0..16
|         for c in 0..3
|           for r in 0..7
|             for s in 0..7
|               MAC
"""


def faults(text: str, workload: Workload = CONV, architecture: Architecture = TINY) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse(text, workload, architecture, source="a.nest")
    return [str(fault) for fault in caught.value.faults]


def faults_if_any(text: str) -> tuple[Fault, ...]:
    try:
        parse(text, CONV, TINY)
    except InputError as error:
        return error.faults
    return ()


def test_a_nest_reads_as_its_text() -> None:
    assert render(NEST, CONV, TINY) == TEXT
    assert parse(TEXT, CONV, TINY) == NEST


def test_sizes_bars_indentation_comments_and_commas_are_for_the_eye() -> None:
    bare = "\n".join(
        [
            "# a comment",
            "DRAM [Weights, Inputs Outputs]  # everything",
            "for m in 0..4",
            "GLB [ Inputs 7 ]",
            "",
            "    for p in 0..112\r",
            "GLB [ Outputs ]",
            "spatial-x for q in 0..112",
            "RF [ Weights ]",
            "| | for m in 0..16",
            "for c in 0..3",
            "for r in 0..7",
            "for s in 0..7",
        ]
    )
    assert parse(bare, CONV, TINY) == NEST


def test_the_doc_of_the_module_shows_what_render_writes() -> None:
    from archloom.mapping import text

    shown = "".join(line[4:] + "\n" for line in (text.__doc__ or "").split("\n") if line.startswith("    "))
    assert shown == TEXT


def test_without_a_workload_the_sizes_are_left_out() -> None:
    assert render(NEST).split("\n")[0] == "DRAM [ Inputs  Outputs  Weights ]"
    assert parse(render(NEST), CONV, TINY) == NEST


def test_padding_says_what_grows() -> None:
    padded = replace(NEST, levels=(*NEST.levels[:2], replace(NEST.levels[2], temporal=(Loop("m", 5),))), padding=True)
    text = render(padded, CONV, TINY)
    assert text.startswith("padding  # m runs to 80 for 64\nDRAM [ Weights 11,760 ")
    assert parse(text, CONV, TINY) == padded
    assert faults(text.split("\n", 1)[1]) == [
        "a.nest: the factors of 'm' multiply to 80, above its bound 64; set padding to allow it"
    ]


def test_loops_of_one_iteration_and_idle_cuts_are_not_written() -> None:
    idle = replace(
        NEST.levels[1],
        temporal=(Loop("m", 1), Loop("p", 112), Loop("r", 1)),
        cut={"Outputs": 1, "Inputs": 2, "Weights": 1},
    )
    assert canonical(replace(NEST, levels=(NEST.levels[0], idle, NEST.levels[2]))) == NEST


def test_a_deep_nest_is_indented_less() -> None:
    dims = {f"d{i}": 2 for i in range(31)}
    deep = einsum(f"O[{','.join(dims)}] += I[{','.join(dims)}]", dims)
    mapping = Mapping((LevelNest("M", tuple(Loop(d, 2) for d in dims), keep=frozenset({"O", "I"})),))
    assert render(mapping, deep).split("\n")[31] == "| " + " " * 30 + "for d30 in 0..2"


# ---------------------------------------------------------------------------------------------------- every mapping

NAMES = st.one_of(
    st.sampled_from(
        [
            "for",
            "padding",
            "spatial-x",
            "in",
            "mesh",
            "MAC",
            "12",
            "3,4",
            "a b",
            'say "x"',
            "a,",
            "]",
            "[",
            "#1",
            "",
            "é",
            "x\ny",
        ]
    ),
    st.text(max_size=6),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Mapping, Workload, Architecture]:
    """A workload with odd names, a machine of one to four levels, and any mapping of one onto the other."""
    dims = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    tensor_names = draw(st.lists(NAMES, min_size=2, max_size=3, unique=True))
    used = [draw(st.lists(st.sampled_from(dims), unique=True)) for _ in tensor_names]
    tensors = tuple(
        Tensor(name, tuple(((dim, 1),) for dim in ranks), is_output=at == len(used) - 1)
        for at, (name, ranks) in enumerate(zip(tensor_names, used, strict=True))
    )
    names = draw(st.lists(NAMES, min_size=2, max_size=5, unique=True))
    nests = [draw(level_nests(name, dims, tensor_names)) for name in names[1:]]
    nests[-1] = replace(nests[-1], keep=frozenset(tensor_names))
    mapping = Mapping(tuple(nests), padding=draw(st.booleans()))
    bounds = {dim: mapping.factor(dim) for dim in dims}
    if mapping.padding:
        bounds = {dim: draw(st.integers(1, bound)) for dim, bound in bounds.items()}
    workload = Workload("any", bounds, tensors)
    levels = tuple(Memory(name, fanout=Fanout(8, 8, reshapeable=True)) for name in names[1:])
    return mapping, workload, Architecture("any", levels, Compute(names[0]))


@st.composite
def level_nests(draw: st.DrawFn, name: str, dims: list[str], tensors: list[str]) -> LevelNest:
    def loops(choice: list[str]) -> tuple[Loop, ...]:
        chosen = draw(st.lists(st.sampled_from(choice), unique=True)) if choice else []
        return tuple(Loop(dim, draw(st.integers(1, 3))) for dim in chosen)

    temporal, x = loops(dims), loops(dims)
    y = loops([dim for dim in dims if dim not in {loop.dim for loop in x}])
    keep = frozenset(draw(st.lists(st.sampled_from(tensors), unique=True)))
    cut = {
        tensor: draw(st.integers(0, len(temporal))) for tensor in draw(st.lists(st.sampled_from(tensors), unique=True))
    }
    mesh = draw(st.none() | st.tuples(st.integers(1, 8), st.integers(1, 8)))
    return LevelNest(name, temporal, x, y, keep, cut, mesh)


@given(cases())
def test_every_mapping_reads_back(case: tuple[Mapping, Workload, Architecture]) -> None:
    mapping, workload, architecture = case
    text = render(mapping, workload, architecture)
    again = parse(text, workload, architecture)
    assert again == canonical(mapping)
    assert render(again, workload, architecture) == text


@given(
    st.text(alphabet=st.sampled_from('DRAMGLBmpqc012.[]|"\\# \nfor inspatial-xy,é\u2028\0'), max_size=200) | st.text()
)
def test_any_text_gives_a_mapping_or_places(text: str) -> None:
    assert all(fault.place is not None for fault in faults_if_any(text))


@given(st.data())
def test_a_broken_nest_gives_a_mapping_or_places(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(TEXT)))
    stop = data.draw(st.integers(start, min(len(TEXT), start + 9)))
    put = data.draw(st.text(max_size=5))
    assert all(fault.place is not None for fault in faults_if_any(TEXT[:start] + put + TEXT[stop:]))


# ---------------------------------------------------------------------------------------------------------- messages


def test_faults_come_all_at_once_each_with_its_place() -> None:
    text = "DRAM [ Weights Input 4 Outputs ]\n| fro m in 0..4\n|  for mm in 0..x\n| spatial-x m in 0..3\nGLB [\nRF"
    assert faults(text) == [
        "a.nest:1:16: 'Input' is not a tensor of 'conv1' (did you mean 'Inputs'?)",
        "a.nest:2:3: 'fro' is neither a level, a loop nor the compute units (did you mean 'for'?)",
        "a.nest:3:14: '0..x' is not a range of iterations (expected 0..N with N from 1 to 2**40)",
        "a.nest:3:8: 'mm' is not a dimension of 'conv1' (did you mean 'm'?)",
        "a.nest:4:13: found 'm'; expected 'for' (a loop is written 'for m in 0..4', 'spatial-x for m in 0..4' or 'spatial-y for m in 0..4')",
        "a.nest:5:6: the list of tensors does not end (expected ']')",
        "a.nest:6:3: expected the tensors that 'RF' holds (write '[ ]' for none)",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            "a.nest:1:1: no loop nest here; expected the levels 'DRAM', 'GLB', 'RF' (write 'NAME [ ]' for a level that holds nothing)",
        ),
        (
            "DRAM [ ]\nGLB [ ]",
            "a.nest:2:1: the nest ends before 'RF' (write 'NAME [ ]' for a level that holds nothing)",
        ),
        ("GLB [ ]", "a.nest:1:1: the level 'DRAM' is missing before 'GLB' (write 'DRAM [ ]' if it holds nothing)"),
        (
            "DRAM [ ]\nGLB [ ]\nDRAM [ ]",
            "a.nest:3:1: the level 'DRAM' again: it lies outside 'GLB' (expected the levels in the order DRAM, GLB, RF)",
        ),
        (
            "DRAM [ ]\nspatial-x for m in 0..2\nDRAM [ Inputs ]",
            "a.nest:3:1: the level 'DRAM' again: its tiles lie outside its spatial loops (expected the levels in the order DRAM, GLB, RF)",
        ),
        (
            "for m in 0..4",
            "a.nest:1:1: a loop outside of every level (expected the outermost level first: 'DRAM [ ... ]')",
        ),
        (
            "DRAM [ ]\nspatial-y for m in 0..2\n  for p in 0..2",
            "a.nest:3:3: a loop in time inside the spatial loops of 'DRAM' (start the level 'GLB' before it)",
        ),
        (
            "DRAM [ ]\nfor m in 0..2\nfor m in 0..2",
            "a.nest:3:5: a second loop over 'm' in time at 'DRAM' (merge the two)",
        ),
        (
            "DRAM [ ]\nfor m in 0..0",
            "a.nest:2:10: '0..0' is not a range of iterations (expected 0..N with N from 1 to 2**40)",
        ),
        (
            "DRAM [ ]\nfor m in 0..4 5",
            "a.nest:2:15: found '5'; expected nothing more (a loop is written 'for m in 0..4', 'spatial-x for m in 0..4' or 'spatial-y for m in 0..4')",
        ),
        (
            "DRAM [ ]\nfor m",
            "a.nest:2:6: the line ends; expected 'in' (a loop is written 'for m in 0..4', 'spatial-x for m in 0..4' or 'spatial-y for m in 0..4')",
        ),
        (
            "DRAM [ Inputs ]\nfor m in 0..2\nDRAM [ Inputs ]",
            "a.nest:3:8: 'Inputs' is held at 'DRAM' twice (expected it once per level)",
        ),
        (
            "DRAM [ Inputs ] mash 2x2",
            "a.nest:1:17: found 'mash' after the tensors (expected nothing, or a shape like 'mesh 8x14')",
        ),
        ("SRAM [ ]", "a.nest:1:1: 'SRAM' is not a level (did you mean 'DRAM'?)"),
        ('"DRAM', "a.nest:1:1: a name in quotes does not end (expected a closing '\"')"),
        ("MAC\nDRAM [ ]", "a.nest:2:1: found 'DRAM' after 'MAC'; expected nothing inside the compute units"),
        (r'"\x" [ ]', r"""a.nest:1:1: bad name in quotes "\x": Invalid \escape (expected a JSON string)"""),
    ],
)
def test_message(text: str, message: str) -> None:
    assert message in faults(text)


def test_a_mapping_of_the_wrong_form_names_the_source() -> None:
    assert faults(TEXT.replace("0..16", "0..15")) == ["a.nest: the factors of 'm' multiply to 60, below its bound 64"]


def test_a_huge_text_is_refused() -> None:
    assert faults("#" * 1_000_001) == ["a.nest: longer than 1,000,000 characters"]


def test_many_faults_stop_early() -> None:
    assert len(faults("what\n" * 100_000)) <= 60
