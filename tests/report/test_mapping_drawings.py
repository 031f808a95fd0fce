"""Drawings of mapped networks: well-formed SVG whose lengths and places are the numbers."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from tests.report.conftest import CONV, HOSTILE, NEST, ROWS
from tests.report.mapped_networks import large_network, mapped, network, small_network, without_layer

from archloom.architecture.hierarchy import Architecture
from archloom.model.evaluate import evaluate
from archloom.model.result import Evaluation
from archloom.report import svg
from archloom.report.axes import log_axis, tick, tick_text
from archloom.report.comparison import Case
from archloom.report.comparison_charts import draw_case_energy, draw_case_time, draw_ratios, side_by_side
from archloom.report.convergence import BEST_COLOUR, BOUND_COLOUR, draw_course
from archloom.report.figures import Port
from archloom.report.mapping_charts import EnergyScale, draw_layer_energy, draw_layer_time, piece_paint
from archloom.report.mapping_roofline import Panel, draw_panel, panels
from archloom.report.mapping_shares import busy_ports, energy_pieces
from archloom.report.names import squeeze
from archloom.report.theme import DARK, dark_style
from archloom.search.network_mapping import LayerMapping, NetworkMapping
from archloom.workload.einsum import einsum

SVG = "{http://www.w3.org/2000/svg}"


def parsed(drawing: str | None) -> ElementTree.Element:
    assert drawing is not None
    return ElementTree.fromstring(drawing)


def titled(drawing: str | None, tag: str) -> list[tuple[str, ElementTree.Element]]:
    """What appears on hovering over the elements of a kind, and the elements."""
    found: list[tuple[str, ElementTree.Element]] = []
    for element in parsed(drawing).iter(f"{SVG}{tag}"):
        title = element.find(f"{SVG}title")
        if title is not None:
            found.append((title.text or "", element))
    return found


def number(element: ElementTree.Element, key: str) -> float:
    return float(element.get(key, "nan"))


def slow_network() -> NetworkMapping:
    """A network that waits for its backing store."""
    return small_network(ROWS.with_level("DRAM", shared_bandwidth=0.5))


# ------------------------------------------------------------------------------------------------------------ energy


@pytest.mark.parametrize("mapping", [small_network(), slow_network(), large_network(2)])
def test_pieces_add_up_to_the_energy_of_a_layer(mapping: NetworkMapping) -> None:
    for layer in mapping.layers:
        pieces = list(energy_pieces(layer))
        assert math.fsum(piece.energy_pj for piece in pieces) == pytest.approx(layer.evaluation.energy_pj, rel=1e-12)
        assert [piece.what for piece in pieces if piece.level == "DRAM"] == ["Weights", "Inputs", "Outputs"]


def test_lengths_of_bars_are_energies() -> None:
    mapping = small_network()
    for scale in EnergyScale:
        bars = titled(draw_layer_energy(mapping, scale), "rect")
        pieces = [(layer, piece) for layer in mapping.layers for piece in energy_pieces(layer)]
        assert len(bars) == len(pieces)
        by = {
            layer.name: layer.count if scale is EnergyScale.TOTAL else 1 / layer.macs * layer.count
            for layer in mapping.layers
        }
        widest = max(range(len(pieces)), key=lambda at: pieces[at][1].energy_pj * by[pieces[at][0].name])
        unit = (number(bars[widest][1], "width") + 0.8) / (pieces[widest][1].energy_pj * by[pieces[widest][0].name])
        for (title, bar), (layer, piece) in zip(bars, pieces, strict=True):
            assert title.startswith(f"{layer.name}: {piece.what} at {piece.level}")
            length = piece.energy_pj * by[layer.name] * unit
            assert number(bar, "width") == pytest.approx(length, abs=0.81)


def test_colours_are_roles_and_their_strength_levels() -> None:
    outer, inner = piece_paint(ROWS, "DRAM", "weight"), piece_paint(ROWS, "RF", "weight")
    assert outer.colour == inner.colour == svg.ROLE_COLOURS["weight"]
    assert outer.opacity is None and inner.opacity == 0.34
    assert piece_paint(ROWS, "MAC", "MACs").colour == svg.MACS_COLOUR
    assert piece_paint(ROWS, "RF", "leakage").colour == svg.LEAKAGE_COLOUR
    assert draw_layer_energy(network([mapped(evaluate(CONV, no_energy(), NEST))], no_energy())) is None


def no_energy() -> Architecture:
    bare = replace(ROWS, compute=replace(ROWS.compute, energy_pj=0.0))
    for name in bare.names:
        bare = bare.with_level(name, read_pj=0.0, write_pj=0.0, update_pj=0.0, leak_pj=0.0)
    return bare


def test_tensors_of_a_role_have_its_colour_wherever_they_stand() -> None:
    assert list(svg.tensor_colours(CONV).values()) == list(svg.TENSOR_COLOURS[:3])
    turned = svg.tensor_colours(einsum("O[m] += I[k] * W[m,k]", {"m": 2, "k": 2}))
    assert turned["O"] == svg.ROLE_COLOURS["output"]
    many = svg.tensor_colours(einsum("O[m] += " + " * ".join(f"T{at}[m]" for at in range(8)), {"m": 2}))
    assert len(many) == 9 and len(set(many.values())) == len(svg.TENSOR_COLOURS)


# -------------------------------------------------------------------------------------------------------------- time


@pytest.mark.parametrize("mapping", [small_network(), slow_network()])
def test_what_bounds_a_layer_is_busy_all_the_time(mapping: NetworkMapping) -> None:
    for layer in mapping.layers:
        cost = layer.evaluation
        shares = dict.fromkeys(("compute", *ROWS.names), 0.0)
        shares["compute"] = cost.compute.cycles / cost.cycles
        for busy in busy_ports(layer):
            shares[busy.level] = max(shares[busy.level], busy.share)
        assert shares[cost.bound_by] == pytest.approx(1, abs=1e-3)
        assert max(shares.values()) == pytest.approx(shares[cost.bound_by], abs=1e-3)


def test_marks_stand_at_their_share_and_bars_are_cycles() -> None:
    mapping = slow_network()
    drawing = draw_layer_time(mapping)
    dots = {title.split(":")[0]: dot for title, dot in titled(drawing, "circle")}
    bars = [bar for title, bar in titled(drawing, "rect") if "cycles, bound by" in title]
    assert set(dots) == {"conv1", "fc"}
    assert len(titled(drawing, "polygon")) == 4  # reads and writes of GLB, for each layer
    left, right = 745.0, 1120.0
    for layer in mapping.layers:
        (share,) = (busy.share for busy in busy_ports(layer) if busy.port is Port.SHARED)
        assert number(dots[layer.name], "cx") == pytest.approx(left + min(1, share) * (right - left), abs=0.01)
    conv = mapping.layers[0]
    assert len(bars) == 2
    words = [element.text for element in parsed(drawing).iter(f"{SVG}text")]
    assert {"loops", "DRAM", "GLB reads", "GLB writes", f"{conv.cycles:,}"} <= set(words)


def test_bars_of_the_latency_chart_are_cycles() -> None:
    mapping = large_network(3)
    bars = [bar for title, bar in titled(draw_layer_time(mapping), "rect") if "cycles, bound by" in title]
    one, two, three = (number(bar, "width") for bar in bars)
    assert (two / one, three / one) == (pytest.approx(2, rel=1e-3), pytest.approx(3, rel=1e-3))


# ---------------------------------------------------------------------------------------------------------- roofline


@pytest.mark.parametrize("mapping", [small_network(), slow_network()])
def test_layers_lie_under_their_roofs(mapping: NetworkMapping) -> None:
    drawn = panels(mapping)
    assert [(panel.level, panel.port) for panel in drawn] == [
        ("DRAM", Port.SHARED),
        ("GLB", Port.READ),
        ("GLB", Port.WRITE),
    ]
    for panel in drawn:
        assert panel.balance * panel.words_per_cycle == pytest.approx(panel.peak)
        assert [dot.at for dot in panel.dots] == [0, 1]
        for dot in panel.dots:
            assert dot.performance <= min(panel.peak, dot.roof.macs_per_word * panel.words_per_cycle) * (1 + 1e-12)


def test_dots_stand_where_the_axes_say() -> None:
    mapping = slow_network()
    drawn = panels(mapping)
    for panel in drawn:
        drawing = draw_panel(panel, beside=drawn)
        frame = next(e for e in parsed(drawing).iter(f"{SVG}rect") if e.get("fill") == "none")
        left, width = number(frame, "x"), number(frame, "width")
        every = [dot for other in drawn for dot in other.dots]
        ends = [math.log10(value) for value in (*(d.roof.macs_per_word for d in every), *(p.balance for p in drawn))]
        low, high = min(ends) - 0.3, max(ends) + 0.3
        circles = titled(drawing, "circle")
        assert len(circles) == 2
        for title, circle in circles:
            dot = next(dot for dot in panel.dots if title.startswith(dot.layer.name))
            share = (math.log10(dot.roof.macs_per_word) - low) / (high - low)
            assert number(circle, "cx") == pytest.approx(left + share * width, abs=0.02)
            assert f"bound by {dot.layer.evaluation.bound_by}" in title
            assert "GLB: " in title and "x(" in title
    links = {element.get("href") for element in parsed(drawing).iter(f"{SVG}a")}
    assert links == {"#layer-0", "#layer-1"}
    assert "href" not in draw_panel(drawn[0], links=False)


def test_names_do_not_lie_on_each_other() -> None:
    mapping = large_network(12)
    (panel, *_) = panels(mapping)
    named = [e for e in parsed(draw_panel(panel)).iter(f"{SVG}text") if (e.text or "").startswith("block")]
    assert named
    places = [(number(e, "x"), number(e, "y")) for e in named]
    assert all(abs(a[1] - b[1]) > 10 or abs(a[0] - b[0]) > 60 for a in places for b in places if a != b)


def test_axes() -> None:
    axis = log_axis([1.0, 100.0], 0.0, 100.0, margin=0.5)
    assert axis(1.0) == pytest.approx(100 / 6)
    assert list(axis.decades()) == [0, 1, 2]
    whole = log_axis([5.0, 7.0], 10.0, 0.0)
    assert list(whole.decades()) == [-1, 0, 1] and whole(10.0) == 0.0
    short = log_axis([30.0, 400.0], 0.0, 1.0, margin=0.0)
    assert [tick_text(value) for value in short.ticks()] == ["50", "100", "200"]
    assert [tick_text(value) for value in (0.02, 2.0, 5000.0)] == ["0.02", "2", "5k"]
    assert [tick(exponent) for exponent in (-2, 0, 3, 7, 13)] == ["0.01", "1", "1k", "10M", "10T"]


# --------------------------------------------------------------------------------------------------------- the search


def lines(layer: LayerMapping) -> dict[str, list[tuple[float, float]]]:
    """The corners of both lines, by their colour."""
    found: dict[str, list[tuple[float, float]]] = {}
    for element in parsed(draw_course(layer)).iter(f"{SVG}polyline"):
        pairs = [pair.split(",") for pair in (element.get("points") or "").split()]
        found[element.get("stroke") or ""] = [(float(x), float(y)) for x, y in pairs]
    return found


def test_the_bound_comes_up_to_the_best_mapping() -> None:
    layer = mapped(evaluate(CONV, ROWS, NEST))
    found = lines(layer)
    best, bound = found[BEST_COLOUR], found[BOUND_COLOUR]
    assert best[-1] == bound[-1]
    assert [y for _, y in best] == sorted(y for _, y in best)  # down on the page is less
    assert [y for _, y in bound] == sorted((y for _, y in bound), reverse=True)
    assert bound[0][0] < best[0][0]
    open_end = lines(replace(layer, bound=layer.objective / 2, finished=False))
    assert open_end[BOUND_COLOUR][-1][1] > open_end[BEST_COLOUR][-1][1]


def test_a_bound_on_what_is_left_may_be_above_the_best() -> None:
    layer = mapped(evaluate(CONV, ROWS, NEST))
    last = replace(layer.steps[-1], bound=3 * layer.objective)
    found = lines(replace(layer, steps=(*layer.steps[:-1], last)))
    assert min(y for _, y in found[BOUND_COLOUR]) == found[BEST_COLOUR][-1][1]
    assert draw_course(replace(layer, steps=())) is None


# --------------------------------------------------------------------------------------------------------- comparison


def two_cases() -> list[Case]:
    return [Case("slow", slow_network()), Case("fast", small_network()), Case("none", None)]


def test_cases_have_bars_as_long_as_their_totals() -> None:
    compared = two_cases()
    for drawing, total in (
        (draw_case_energy(compared), lambda mapping: mapping.energy_pj),
        (draw_case_time(compared), lambda mapping: mapping.cycles),
    ):
        lengths = {"slow": 0.0, "fast": 0.0}
        for title, bar in titled(drawing, "rect"):
            lengths[title.split(",")[0]] += number(bar, "width") + 0.8
        slow, fast = (total(case.mapping) for case in compared[:2])
        assert lengths["slow"] / lengths["fast"] == pytest.approx(slow / fast, rel=2e-2)
        assert "no mapping" in [element.text for element in parsed(drawing).iter(f"{SVG}text")]


def test_dots_of_the_best_case_stand_at_one() -> None:
    compared = two_cases()
    drawing = draw_ratios(compared, lambda layer: layer.evaluation.cycles, "cycles")
    slow, fast = (case.mapping for case in compared[:2])
    assert slow and fast
    dots = titled(drawing, "circle")
    assert len(dots) == 4
    places = {title: number(dot, "cx") for title, dot in dots}
    ratio = slow.layers[0].cycles / fast.layers[0].cycles
    at_one = min(places.values())
    assert places["conv1 on fast: 1.00× the best"] == at_one
    (other,) = (x for title, x in places.items() if title.startswith("conv1 on slow"))
    assert (other > at_one) == (ratio > 1)


def test_layers_are_side_by_side_in_the_order_of_the_network() -> None:
    half = without_layer(small_network())
    sides = side_by_side([Case("half", half), Case("whole", small_network()), Case("none", None)])
    assert [(side.name, side.count) for side in sides] == [("conv1", 4), ("fc", 1)]
    assert [layer is None for layer in sides[1].layers] == [True, False, True]


# -------------------------------------------------------------------------------------------------------------- both


def test_names_cannot_break_out(hostile: Evaluation) -> None:
    layer = mapped(hostile, HOSTILE)
    mapping = replace(network([layer], hostile.architecture), name=HOSTILE)
    compared = [Case(HOSTILE, mapping), Case(HOSTILE + "2", mapping)]
    drawings = [
        draw_layer_energy(mapping),
        draw_layer_time(mapping),
        draw_course(layer),
        draw_case_energy(compared),
        draw_case_time(compared),
        draw_ratios(compared, lambda layer: layer.objective, HOSTILE),
        *(draw_panel(panel) for panel in panels(mapping)),
    ]
    for drawing in drawings:
        tags = {element.tag.removeprefix(SVG) for element in parsed(drawing).iter()}
        assert tags <= {"svg", "title", "rect", "text", "tspan", "line", "circle", "g", "a", "polygon", "polyline"}
        assert not re.search(r"<img|onerror=\"", drawing or "")


def test_long_names_keep_their_ends() -> None:
    assert squeeze("layer1.0.conv1", 14) == "layer1.0.conv1"
    assert squeeze("encoder/layer_3/attention/query/MatMul", 20) == "encoder/…uery/MatMul"
    assert all(len(squeeze("x" * many, 12)) == min(many, 12) for many in range(1, 40))


def test_every_colour_of_the_drawings_has_one_for_the_dark() -> None:
    mapping = slow_network()
    drawn: list[Panel] = list(panels(mapping))
    compared = two_cases()
    pictures = [
        draw_layer_energy(mapping),
        draw_layer_time(mapping),
        draw_case_energy(compared),
        draw_ratios(compared, lambda layer: layer.objective, "EDP"),
        *(draw_panel(panel) for panel in drawn),
        *(draw_course(layer) for layer in mapping.layers),
    ]
    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]+)"', "".join(filter(None, pictures))))
    assert used <= set(DARK)
    style = dark_style()
    assert all(f'[fill="{colour}"]' in style for colour in used)
