"""Writing: what is written reads back equal, bit for bit, for every field there is."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.errors import InputError
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.spec import load, machine_names, to_yaml
from archloom.workload.einsum import ROLES, Tensor, Workload, einsum

NAMES = st.text(min_size=1, max_size=12)
"""Any text: level names are free, and reserved words, numbers and control characters have to survive."""
TRICKY = st.sampled_from(
    [
        "true",
        "null",
        "1e9",
        "010",
        "~",
        "a: b",
        "#x",
        "- x",
        "{",
        "'",
        '"',
        "\\",
        "a b ",
        " a",
        "<<",
        "*a",
        "&a",
        "!t",
        "é",
        "\x7f",
        "\u2028",
        "\ufeff",
        "😀",
        "%",
        "@",
        "a,b",
        "10 KiB",
    ]
)
COSTS = st.floats(0, 1e15, allow_nan=False) | st.integers(0, 10**9)
COUNTS = st.integers(1, 2**40)
SELECTORS = st.frozensets(st.sampled_from(["inputs", "weights", "outputs", "all", "W", "null", "2"]), max_size=3)
RATES = st.none() | st.floats(1e-6, 1e9)
FANOUTS = st.builds(Fanout, COUNTS, COUNTS, SELECTORS, st.booleans(), st.integers(0, 99), st.integers(0, 99))
MEMORIES = st.builds(
    Memory,
    name=st.just("?"),
    size_bits=st.just(math.inf)
    | st.integers(0, 2**50)
    | st.floats(0, 1e12)
    | st.integers(0, 99).map(lambda n: n * 8192),
    word_bits=st.integers(1, 2**20),
    block=COUNTS,
    cluster=COUNTS,
    read_bandwidth=RATES,
    write_bandwidth=RATES,
    shared_bandwidth=RATES,
    buffering=st.floats(1, 16),
    keep=SELECTORS,
    bypass=SELECTORS,
    read_pj=COSTS,
    write_pj=COSTS,
    update_pj=COSTS,
    leak_pj=COSTS,
    power_gated_at=st.none(),
    area_um2=COSTS,
    fanout=FANOUTS,
    kind=NAMES | TRICKY,
)
COMPUTES = st.builds(
    Compute,
    name=st.just("?"),
    energy_pj=COSTS,
    leak_pj=COSTS,
    area_um2=COSTS,
    word_bits=st.integers(1, 2**20),
    kind=NAMES | TRICKY,
)


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    memories = draw(st.lists(MEMORIES, min_size=1, max_size=4))
    names = draw(st.lists(NAMES | TRICKY, min_size=len(memories) + 1, max_size=len(memories) + 1, unique=True))
    names = [name.encode("utf-8", "replace").decode() for name in names]
    if len(set(names)) < len(names):
        names = [f"L{at}" for at in range(len(names))]
    levels: list[Memory] = []
    for at, memory in enumerate(memories):
        gate = draw(st.none() | st.integers(at, len(memories) - 1))
        bypass = frozenset[str]() if at == len(memories) - 1 else memory.bypass - memory.keep
        levels.append(
            replace(memory, name=names[at], bypass=bypass, power_gated_at=None if gate is None else names[gate])
        )
    compute = replace(draw(COMPUTES), name=names[-1])
    return Architecture(draw(NAMES | TRICKY), tuple(levels), compute, pooled=draw(st.booleans()))


IDENTIFIERS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True) | st.sampled_from(
    ["null", "true", "on", "e9", "né", "n", "h0"]
)


@st.composite
def workloads(draw: st.DrawFn) -> Workload:
    dims = draw(st.lists(IDENTIFIERS, min_size=1, max_size=5, unique=True))
    names = draw(st.lists(IDENTIFIERS, min_size=2, max_size=4, unique=True))
    tensors: list[Tensor] = []
    for at, name in enumerate(names):
        own = draw(st.lists(st.sampled_from(dims), max_size=4, unique=True))
        is_output = at == len(names) - 1
        ranks: list[tuple[tuple[str, int], ...]] = []
        for dim in own:
            term = (dim, 1 if is_output else draw(st.integers(1, 9)))
            if ranks and not is_output and draw(st.booleans()):
                ranks[-1] = (*ranks[-1], term)
            else:
                ranks.append((term,))
        role = "output" if is_output else draw(st.sampled_from(ROLES[:2]))
        tensors.append(Tensor(name, tuple(ranks), is_output, draw(st.none() | st.integers(1, 4096)), role))
    bounds = {dim: draw(st.integers(1, 2**40)) for dim in dims}
    return Workload(draw(NAMES | TRICKY), bounds, tuple(tensors))


@st.composite
def mappings(draw: st.DrawFn) -> tuple[Workload, Architecture, Mapping]:
    workload = draw(workloads())
    machine = draw(architectures())
    free = [replace(level, keep=frozenset(), bypass=frozenset()) for level in machine.levels]
    machine = replace(machine, levels=tuple(free))
    nests: list[LevelNest] = []
    tensors = [tensor.name for tensor in workload.tensors]
    trips: dict[str, int] = dict.fromkeys(workload.dims, 1)
    for at, level in enumerate(free):
        axes: list[tuple[Loop, ...]] = []
        taken: set[str] = set()
        for axis in range(3):
            dims = draw(st.permutations([dim for dim in workload.dims if axis == 0 or dim not in taken]))
            loops = tuple(Loop(dim, draw(st.integers(1, 4))) for dim in dims[: draw(st.integers(0, len(dims)))])
            taken |= {loop.dim for loop in loops if axis}
            for loop in loops:
                trips[loop.dim] *= loop.trip
            axes.append(loops)
        last = at == len(free) - 1
        keep = frozenset(tensors) if last else frozenset(draw(st.lists(st.sampled_from(tensors))))
        cut = {
            name: draw(st.integers(0, len(axes[0]))) for name in draw(st.lists(st.sampled_from(tensors), unique=True))
        }
        mesh = (draw(COUNTS), draw(COUNTS)) if level.fanout.reshapeable and draw(st.booleans()) else None
        nests.append(LevelNest(level.name, axes[0], axes[1], axes[2], keep, cut, mesh))
    workload = replace(workload, bounds=trips)
    return workload, machine, Mapping(tuple(nests), padding=draw(st.booleans()))


def storable(text: str) -> bool:
    return text.encode("utf-8", "replace").decode() == text


@given(architectures())
def test_architectures(machine: Architecture) -> None:
    if not all(
        storable(text) for text in (machine.name, machine.compute.kind, *(level.kind for level in machine.levels))
    ):
        return  # a lone surrogate is no text
    assert load(to_yaml(machine)).architecture == machine


@given(workloads())
def test_workloads(workload: Workload) -> None:
    assert load(to_yaml(workload)).workload == workload


@given(mappings())
def test_mappings(case: tuple[Workload, Architecture, Mapping]) -> None:
    workload, machine, mapping = case
    mapping.check(workload, machine)
    spec = load(to_yaml(mapping), to_yaml(workload), to_yaml(machine))
    assert spec.mapping == mapping
    assert load(to_yaml(workload, machine, mapping)) == spec


@pytest.mark.parametrize("name", machine_names())
def test_machines_of_the_zoo(name: str) -> None:
    machine = load(name).architecture
    assert machine is not None
    spec = load(to_yaml(machine))
    assert spec.architecture == machine
    assert spec.warnings == ()


def test_every_field_is_drawn() -> None:
    """A new field of the core has to be written too: this fails until the strategies above know it."""
    drawn = {
        "name",
        "size_bits",
        "word_bits",
        "block",
        "cluster",
        "read_bandwidth",
        "write_bandwidth",
        "shared_bandwidth",
        "buffering",
    }
    drawn |= {
        "keep",
        "bypass",
        "read_pj",
        "write_pj",
        "update_pj",
        "leak_pj",
        "power_gated_at",
        "area_um2",
        "fanout",
        "kind",
    }
    assert {field.name for field in fields(Memory)} == drawn
    assert {field.name for field in fields(Compute)} == {
        "name",
        "energy_pj",
        "leak_pj",
        "area_um2",
        "word_bits",
        "kind",
    }
    assert [field.name for field in fields(Fanout)] == [
        "x",
        "y",
        "no_multicast",
        "reshapeable",
        "fill_latency",
        "drain_latency",
    ]
    assert [field.name for field in fields(Architecture) if field.compare] == ["name", "levels", "compute", "pooled"]
    assert [field.name for field in fields(LevelNest)] == ["level", "temporal", "x", "y", "keep", "cut", "mesh"]
    assert [field.name for field in fields(Mapping)] == ["levels", "padding"]
    assert [field.name for field in fields(Workload)] == ["name", "bounds", "tensors"]
    assert [field.name for field in fields(Tensor)] == ["name", "ranks", "is_output", "word_bits", "role"]


def test_text() -> None:
    machine = Architecture(
        "m",
        (
            Memory("RF", size_bits=64, read_pj=0.5, write_pj=0.5, update_pj=0.5),
            Memory(
                "10", read_pj=2, write_pj=3, update_pj=4, keep=frozenset({"all"}), fanout=Fanout(2, 3, reshapeable=True)
            ),
        ),
    )
    layer = einsum("O[m] += W[m,k] * I[k]", {"m": 2, "k": 3}, name="true", word_bits={"O": 32}, roles={"I": "weight"})
    nest = Mapping(
        (
            LevelNest("RF", (Loop("m", 2),), keep=frozenset("O")),
            LevelNest("10", (), (Loop("k", 3),), keep=frozenset("OWI"), mesh=(3, 2)),
        )
    )
    assert to_yaml(layer, machine, nest) == (
        """\
workload:
  name: "true"
  einsum: "O[m] += W[m,k] * I[k]"
  bounds: {m: 2, k: 3}
  word_bits: {O: 32}
  roles: {I: weight}

architecture:
  name: m
  levels:
    - {name: "10", word: 16 bit, energy: {read: 2 pJ, write: 3 pJ, update: 4 pJ}, keep: [all], fanout: {x: 2, y: 3, reshapeable: true}}
    - {name: RF, size: 64 bit, word: 16 bit, energy: 0.5 pJ}
  compute: {name: MAC, word: 16 bit, energy: 0.0 pJ}

mapping:
  levels:
    - {level: "10", keep: [I, O, W], x: k3, mesh: 3x2}
    - {level: RF, keep: [O], temporal: m2}
"""
    )


def test_what_has_no_einsum_text() -> None:
    tensors: Any = (Tensor("a b", ((("m", 1),),)), Tensor("O", ((("m", 1),),), is_output=True, role="output"))
    with pytest.raises(InputError, match="the workload 'x' cannot be written as an einsum: O"):
        to_yaml(Workload("x", {"m": 2}, tensors))
