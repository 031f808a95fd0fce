"""The walk through a nest: order of its nodes, and tile sizes against running the loops below each holder."""

from __future__ import annotations

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.mapping.walk import Axis, Holder, NestLoop, Node, canonical, walk
from archloom.workload.einsum import Tensor, einsum

SLIDING = einsum("O[m,p,q] += W[m,r,s] * I[2*p+3*r,q+s]", {"m": 8, "p": 8, "q": 8, "r": 8, "s": 8})


def test_order_of_the_nodes() -> None:
    mapping = Mapping(
        (
            LevelNest("RF", (Loop("r", 3),), keep=frozenset({"W"})),
            LevelNest(
                "GLB",
                (Loop("m", 2), Loop("p", 4)),
                (Loop("q", 8),),
                (Loop("s", 1), Loop("r", 2)),
                frozenset({"O", "I"}),
                {"O": 1},
                (8, 2),
            ),
        )
    )
    assert walk(mapping) == (
        Holder("GLB", {"I": None}, True, (8, 2)),
        NestLoop("GLB", Loop("m", 2), Axis.TIME),
        Holder("GLB", {"O": None}, False),
        NestLoop("GLB", Loop("p", 4), Axis.TIME),
        NestLoop("GLB", Loop("q", 8), Axis.X),
        NestLoop("GLB", Loop("r", 2), Axis.Y),
        Holder("RF", {"W": None}, True),
        NestLoop("RF", Loop("r", 3), Axis.TIME),
    )


@st.composite
def mappings(draw: st.DrawFn) -> Mapping:
    def loops(choice: list[str]) -> tuple[Loop, ...]:
        chosen = draw(st.lists(st.sampled_from(choice), unique=True, max_size=2)) if choice else []
        return tuple(Loop(dim, draw(st.integers(1, 2))) for dim in chosen)

    nests: list[LevelNest] = []
    for name in ("RF", "GLB"):
        temporal, x = loops(list(SLIDING.dims)), loops(list(SLIDING.dims))
        y = loops([dim for dim in SLIDING.dims if dim not in {loop.dim for loop in x}])
        cut = {tensor: draw(st.integers(0, len(temporal))) for tensor in "OWI"}
        nests.append(LevelNest(name, temporal, x, y, frozenset("OWI"), cut))
    return Mapping(tuple(nests))


def box_by_running(tensor: Tensor, loops: list[Loop]) -> int:
    """Words of the bounding box of all indices that `loops` (outside to inside) visit."""
    seen: list[list[int]] = [[] for _ in tensor.ranks]
    for point in itertools.product(*(range(loop.trip) for loop in loops)):
        at = dict.fromkeys(SLIDING.dims, 0)
        for loop, step in zip(loops, point, strict=True):
            at[loop.dim] = at[loop.dim] * loop.trip + step
        for values, rank in zip(seen, tensor.ranks, strict=True):
            values.append(sum(c * at[dim] for dim, c in rank))
    return math.prod(max(values) - min(values) + 1 for values in seen)


@given(mappings())
def test_tiles_are_what_the_loops_below_touch(mapping: Mapping) -> None:
    nodes: tuple[Node, ...] = walk(mapping, SLIDING)
    for at, node in enumerate(nodes):
        if isinstance(node, Holder):
            below = [inner.loop for inner in nodes[at:] if isinstance(inner, NestLoop)]
            for name, words in node.words.items():
                assert words == box_by_running(SLIDING.tensor(name), below)


@given(mappings())
def test_canonical_is_its_own_canonical_form(mapping: Mapping) -> None:
    once = canonical(mapping)
    assert canonical(once) == once
    assert walk(once, SLIDING) == walk(mapping, SLIDING)
