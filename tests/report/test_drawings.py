"""Drawings: well-formed SVG that says what the numbers say, whatever the names are."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from archloom.architecture.hierarchy import Architecture, Fanout, Memory
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.model.result import Evaluation
from archloom.report.charts import draw_energy, draw_roofline
from archloom.report.nest_drawing import draw_nest

SVG = "{http://www.w3.org/2000/svg}"


def parsed(drawing: str | None) -> ElementTree.Element:
    assert drawing is not None
    return ElementTree.fromstring(drawing)


def texts(drawing: str | None) -> list[str]:
    """What is written in the drawing, without what appears on hovering."""
    return [element.text or "" for element in parsed(drawing).iter(f"{SVG}text")]


def widest(drawing: str | None) -> float:
    """How far to the right anything is placed, groups left out."""
    places = [float(e.get(key, 0)) for e in parsed(drawing).iter() for key in ("x", "x1", "x2", "cx")]
    return max(places)


def test_the_nest_says_what_lives_where(evaluation: Evaluation) -> None:
    drawing = draw_nest(evaluation.mapping, evaluation.workload, evaluation.architecture)
    shown = texts(drawing)
    for words in ("12,544", "209,764", "802,816", "8,052", "3,136", "56"):
        assert words in shown
    for line in (
        "DRAM",
        "GLB",
        "RF",
        "MAC",
        "tile in GLB",
        "for m in 0..8",
        "p in 0..14 across x",
        "r in 0..7 across y",
    ):
        assert any(line in text.replace("  ", " ") for text in shown), line
    notes = [element.text for element in parsed(drawing).iter(f"{SVG}tspan")]
    assert notes == ["108 KiB", "168 × 1.00 KiB"]


def test_marks_stand_where_a_loop_needs_other_data(evaluation: Evaluation) -> None:
    drawing = parsed(draw_nest(evaluation.mapping, evaluation.workload, evaluation.architecture))
    dots = [e for e in drawing.iter(f"{SVG}circle") if e.get("fill") == "#ffffff" and e.get("cx") != "0"]
    squares = [e for e in drawing.iter(f"{SVG}rect") if e.get("width") == "9" and e.get("x") != "-4.5"]
    nest = evaluation.mapping
    tensors = evaluation.workload.tensors
    in_time = [loop.dim for level in nest.levels for loop in level.temporal]
    in_space = [loop.dim for level in nest.levels for loop in (*level.x, *level.y)]
    assert len(dots) == sum(dim in tensor.dims for dim in in_time for tensor in tensors)
    assert len(squares) == sum(dim in tensor.dims for dim in in_space for tensor in tensors)


def test_a_mapping_alone_has_names_instead_of_sizes(evaluation: Evaluation) -> None:
    shown = texts(draw_nest(evaluation.mapping))
    assert shown.count("Outputs") == 4  # the head of its lane, and three levels that hold it
    assert "3,136" not in shown
    assert parsed(draw_nest(Mapping(()))) is not None


def test_a_chosen_mesh_and_a_deep_nest() -> None:
    dims = [f"dimension_with_a_long_name_{at}" for at in range(40)]
    nest = LevelNest(
        "array",
        tuple(Loop(dim, 2) for dim in dims),
        (Loop("x", 3),),
        keep=frozenset({"T"}),
        mesh=(3, 4),
    )
    machine = Architecture("one", (Memory("array", fanout=Fanout(12, 1, reshapeable=True)),))
    drawing = draw_nest(Mapping((nest,)), None, machine)
    assert "as 3 × 4" in [element.text for element in parsed(drawing).iter(f"{SVG}tspan")]
    width = float(parsed(drawing).get("width", 0))
    assert width < 1000
    assert widest(drawing) <= width


def test_the_energy_chart(evaluation: Evaluation, bare: Evaluation) -> None:
    drawing = draw_energy(evaluation)
    assert {"DRAM", "GLB", "RF", "MAC", "Weights", "leakage", "598 µJ"} <= set(texts(drawing))
    bars = [e for e in parsed(drawing).iter(f"{SVG}rect") if e.find(f"{SVG}title") is not None]
    assert len(bars) == 3 + 2 + 4 + 1  # per level its tensors, the leakage of RF, the MACs
    per_pj = {float(bar.get("width", 0)) for bar in bars}
    assert max(per_pj) < 640
    assert draw_energy(bare) is None


def test_lengths_of_bars_are_energies(evaluation: Evaluation) -> None:
    bars = [e for e in parsed(draw_energy(evaluation)).iter(f"{SVG}rect") if e.find(f"{SVG}title") is not None]
    dram = evaluation.level("DRAM").tensors
    widths = [float(bar.get("width", 0)) for bar in bars[:3]]
    for width, held in zip(widths, dram.values(), strict=True):
        assert width / widths[0] == pytest.approx(held.energy_pj / dram["Weights"].energy_pj, rel=1e-3)


def test_the_roofline_chart(slow: Evaluation, bare: Evaluation) -> None:
    drawing = draw_roofline(slow)
    assert {"DRAM shared", "GLB read", "GLB write", "peak 168"} <= set(texts(drawing))
    for element in parsed(drawing).iter(f"{SVG}circle"):
        assert 0 <= float(element.get("cx", -1)) <= 640
        assert 0 <= float(element.get("cy", -1)) <= 340
    assert draw_roofline(bare) is None


def test_names_cannot_break_out(hostile: Evaluation) -> None:
    drawings = (
        draw_nest(hostile.mapping, hostile.workload, hostile.architecture),
        draw_nest(hostile.mapping),
        draw_energy(hostile),
        draw_roofline(hostile),
    )
    for drawing in drawings:
        tags = {element.tag.removeprefix(SVG) for element in parsed(drawing).iter()}
        assert tags <= {"svg", "title", "rect", "text", "tspan", "line", "circle", "g"}
        assert not re.search(r"<img|onerror=\"", drawing or "")
