"""Reports of any mapping: made without a hitch, in the width there is, and true to the evaluation."""

from __future__ import annotations

import csv
import io
from xml.etree import ElementTree

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rich.console import Console

from archloom.architecture.hierarchy import Architecture, Fanout, Memory
from archloom.errors import InfeasibleError
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.mapping.walk import Holder, walk
from archloom.model.evaluate import evaluate
from archloom.model.result import Evaluation
from archloom.report.charts import draw_energy, draw_roofline
from archloom.report.figures import energy_table, reuse, roofline
from archloom.report.html import evaluation_page
from archloom.report.nest_drawing import draw_nest
from archloom.report.tables import detail_rows, to_csv
from archloom.report.terminal import print_report
from archloom.workload.einsum import einsum

DIMS = "mcpqr"
TENSORS = "OWI"
maybe = st.none() | st.floats(0.01, 100)


@st.composite
def evaluations(draw: st.DrawFn) -> Evaluation:
    """Any mapping of a small convolution onto any machine of one to four levels."""
    names = ["A", "Bb", "a level", "DRAM"][: draw(st.integers(1, 4))]
    nests: list[LevelNest] = []
    for name in names:
        loops = [Loop(d, draw(st.integers(1, 6))) for d in draw(st.permutations(DIMS))[: draw(st.integers(0, 5))]]
        across = [Loop(d, draw(st.integers(1, 3))) for d in draw(st.permutations(DIMS))[: draw(st.integers(0, 2))]]
        keep = frozenset(TENSORS if name == names[-1] else draw(st.sets(st.sampled_from(TENSORS))))
        cut = {t: draw(st.integers(0, len(loops))) for t in draw(st.sets(st.sampled_from(TENSORS)))}
        nests.append(LevelNest(name, tuple(loops), tuple(across[:1]), tuple(across[1:]), keep, cut))
    mapping = Mapping(tuple(nests), padding=True)
    bounds = {d: max(1, mapping.factor(d) - draw(st.integers(0, 2))) for d in DIMS}
    energy = st.sampled_from([0.0, 1e-6, 3.0, 1e9])
    levels = tuple(
        Memory(
            name,
            draw(st.sampled_from([float("inf"), 1e12])),
            read_bandwidth=draw(maybe),
            write_bandwidth=draw(maybe),
            shared_bandwidth=draw(maybe),
            read_pj=draw(energy),
            update_pj=draw(energy),
            leak_pj=draw(energy),
            area_um2=draw(energy),
            fanout=Fanout(3, 3, fill_latency=draw(st.integers(0, 5))),
        )
        for name in names
    )
    workload = einsum("O[m,p,q] += W[m,c,r] * I[c,2*p+r,q]", bounds)
    try:
        return evaluate(workload, Architecture("any", levels), mapping, drain_reads=draw(st.booleans()))
    except InfeasibleError:
        assume(False)
        raise


@given(evaluations())
@settings(max_examples=30)
def test_any_mapping_can_be_reported(costs: Evaluation) -> None:
    for width in (80, 100):
        out = io.StringIO()
        print_report(costs, Console(file=out, width=width))
        assert max(map(len, out.getvalue().split("\n"))) <= width
    for drawing in (
        draw_nest(costs.mapping, costs.workload, costs.architecture),
        draw_energy(costs),
        draw_roofline(costs),
    ):
        assert drawing is None or ElementTree.fromstring(drawing).tag.endswith("svg")
    assert costs.workload.name in evaluation_page(costs)


@given(evaluations())
@settings(max_examples=30)
def test_any_report_is_true_to_the_evaluation(costs: Evaluation) -> None:
    assert energy_table(costs).total_pj == pytest.approx(costs.energy_pj, rel=1e-9)
    rows = list(csv.DictReader(io.StringIO(to_csv(detail_rows(costs)))))
    assert sum(float(row["energy_pj"]) for row in rows) == pytest.approx(costs.energy_pj, rel=1e-9)
    tiles = {
        (node.level, tensor): words
        for node in walk(costs.mapping, costs.workload)
        if isinstance(node, Holder)
        for tensor, words in node.words.items()
    }
    for level in costs.levels:
        for tensor, held in level.tensors.items():
            assert held.kept == ((level.name, tensor) in tiles)
            assert not held.kept or tiles[level.name, tensor] == held.tile_words
    roof = roofline(costs)
    for line in roof.roofs:
        assert roof.achieved <= line.ceiling * (1 + 1e-9)


@given(evaluations())
@settings(max_examples=30)
def test_uses_of_outputs_are_updates_per_word_sent_out(costs: Evaluation) -> None:
    plain = evaluate(costs.workload, costs.architecture, costs.mapping)
    for level in plain.levels[1:]:
        held = level.tensors["O"]
        if held.kept:
            first_visits = held.updates - held.reads  # what comes for the first time is not read
            assert reuse(plain, level.name, "O").uses_per_word == held.updates / (held.fills + first_visits)
            assert reuse(costs, level.name, "O").uses_per_word == held.updates / (held.fills + first_visits)
