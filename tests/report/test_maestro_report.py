"""Layers priced as MAESTRO prices them, and sweeps: totals, tables and pages have the engines' numbers, and draw them."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console
from tests.report.conftest import HOSTILE
from tests.report.test_html import Outline
from tests.report.test_mapping_html import Tables
from tests.report.test_mapping_html_browser import POLICY, browser, show

from archloom.interop import maestro
from archloom.interop.maestro import Hardware, LeftOut, Mend
from archloom.report.axes import log_axis
from archloom.report.maestro import MAC_PJ, Priced, limits, machine_text, miscounts, power_text, priced_dict, totals
from archloom.report.maestro_charts import energy_parts
from archloom.report.maestro_html import priced_page
from archloom.report.maestro_sweep import Design, Shown, Swept, print_swept, swept_dict
from archloom.report.maestro_sweep_charts import AREA, ENERGY, THROUGHPUT, VIEWS, draw_designs, staircase, ticks
from archloom.report.maestro_sweep_html import sweep_page
from archloom.report.maestro_terminal import print_priced
from archloom.spec import load_network

MACHINE = Hardware(num_pes=128, noc_bandwidth=64, offchip_bandwidth=16, l1_size=64, l2_size=4096)


@cache
def priced(engines: tuple[str, ...] = ("compatible", "corrected"), label: str = "resnet18") -> Priced:
    """A network with strides, under a dataflow that the stride bug touches."""
    layers = maestro.translate(load_network("resnet18"), maestro.dataflow("yx-p"))
    blocks = {engine: maestro.price_network(layers.network, MACHINE, engine=engine) for engine in engines}
    differences = tuple(maestro.differences(layers.network, MACHINE)) if len(engines) > 1 else ()
    return Priced(label, "yx-p", MACHINE, layers, blocks, differences)


def printed(show_it: object, *given: object) -> str:
    console = Console(file=io.StringIO(), width=100, highlight=False, markup=False, emoji=False)
    show_it(*given, console)  # type: ignore[operator]
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


# ------------------------------------------------------------------------------------------------------------- layers


def test_totals_count_every_execution() -> None:
    found = priced()
    network = load_network("resnet18")
    total = totals(found, "corrected")
    assert total.macs == network.macs
    assert total.cycles == sum(
        count * block["csv"]["Runtime (Cycles)"]
        for block, count in zip(found.engines["corrected"], found.layers.counts, strict=True)
    )
    assert total.throughput == total.macs / total.cycles
    assert total.edp == total.energy_pj * total.cycles
    areas = [block["csv"]["Area"] for block in found.engines["corrected"]]
    assert max(areas) <= total.area_um2 <= 1.001 * max(areas)
    for engine in found.engines:
        assert math.isclose(sum(energy_parts(found, engine).values()), totals(found, engine).energy_pj)


def test_limits_are_those_of_maestros_last_lines() -> None:
    found = priced()
    for engine, blocks in found.engines.items():
        by_name = {limit.name: limit for limit in limits(found, engine)}
        most = max(block["summary"]["total_l2_buffer_requirement"] for block in blocks)
        assert by_name["L2"].needed == most
        assert by_name["L2"].fits == (most <= MACHINE.l2_size)
        at = found.names.index(by_name["L2"].layer)
        assert blocks[at]["summary"]["total_l2_buffer_requirement"] == most
        assert [limit.given for limit in by_name.values()] == [64, 4096, 64, 16]


def test_the_terminal_shows_both_engines_and_why() -> None:
    found = priced()
    text = printed(print_priced, found)
    assert text.startswith("resnet18, dataflow yx-p\n128 PEs, NoC 64 elements/cycle after 1 cycle, off-chip 16")
    for engine in found.engines:
        assert f"{totals(found, engine).macs:,}" in text
    assert "B4" in text
    assert Mend.B4.reason.split()[0] in text
    assert max(map(len, text.split("\n"))) <= 100
    alone = printed(print_priced, priced(("compatible",)))
    assert "Why they differ" not in alone
    assert "corrected" not in alone


def test_layers_left_out_are_named() -> None:
    found = priced()
    left = replace(found.layers, left_out=(LeftOut("odd", 12, "it has 3 inputs"),))
    text = printed(print_priced, replace(found, layers=left))
    assert re.search(r"odd +12 +it has 3 inputs", text)
    assert "1 layer is left out" in priced_page(replace(found, layers=left))
    assert priced_dict(replace(found, layers=left))["left_out"] == [
        {"name": "odd", "macs": 12, "reason": "it has 3 inputs"}
    ]


def test_the_page_has_the_numbers_and_loads_nothing() -> None:
    found = priced()
    text = priced_page(found, command="archloom maestro --dataflow yx-p", version="1.2.3")
    page = Outline(text)
    for words in (
        "archloom 1.2.3",
        "archloom maestro --dataflow yx-p",
        Mend.B4.reason,
        "SpatialMap(3,1) Y;",
        "too little",
    ):
        assert words in page.text, words
    assert not page.tags & {"link", "iframe", "img", "object"}
    assert not {name for name, _ in page.attributes} & {"src", "srcset"}
    targets = {value.removeprefix("#") for name, value in page.attributes if name == "href" and value}
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert targets <= set(ids)
    for at, row in enumerate(Tables(text).rows("layers", len(found.names))):
        values = [float(value) for value, _ in row if value]
        wanted = [found.layers.counts[at]]
        for blocks in found.engines.values():
            summary = blocks[at]["summary"]
            wanted += [blocks[at]["num_macs"], summary["runtime"], summary["throughput"]]
            wanted += [MAC_PJ * summary["total_energy_consumption"], summary["total_l1_buffer_requirement"]]
            wanted += [summary["total_l2_buffer_requirement"], summary["throughput"] / 128]
        assert values == pytest.approx(wanted)


def test_tiles_that_leave_gaps_or_overlap_are_told() -> None:
    text = """Network n {
      Layer gaps { Type: CONV Dimensions { K: 8, C: 1, R: 1, S: 1, Y: 1, X: 1 } Dataflow { SpatialMap(1,2) K; } }
      Layer twice { Type: CONV Dimensions { K: 8, C: 1, R: 1, S: 1, Y: 1, X: 1 } Dataflow { SpatialMap(2,1) K; } }
      Layer once { Type: CONV Dimensions { K: 8, C: 1, R: 1, S: 1, Y: 1, X: 1 } Dataflow { SpatialMap(2,2) K; } } }"""
    network = maestro.parse_mapping(text)
    blocks = {"corrected": maestro.price_network(network, MACHINE, engine="corrected")}
    found = Priced("n", "", MACHINE, maestro.Translation(network, (1, 1, 1)), blocks)
    assert [(one.layer, one.counted < one.macs, one.macs) for one in miscounts(found)] == [
        ("gaps", True, 8), ("twice", False, 8),
    ]  # fmt: skip
    assert "the tiles of gaps leave gaps: 4 MACs are counted, and it has 8." in printed(print_priced, found)
    assert "2 layers are not covered exactly once" in priced_page(found)
    assert miscounts(priced()) == []


def test_numbers_that_are_none() -> None:
    """Layers whose every case MAESTRO skips: no cycles, no throughput, bandwidths that are no number."""
    text = """Network n { Layer a { Type: CONV Dimensions { K: 8, C: 8, R: 3, S: 3, Y: 9, X: 9 } Dataflow {
      TemporalMap(1,1) K; TemporalMap(1,1) C; SpatialMap(Sz(R),1) Y; TemporalMap(10,8) X; Cluster(8,P);
      SpatialMap(Sz(S),1) X; } } }"""
    network = maestro.parse_mapping(text)
    blocks = {"compatible": maestro.price_network(network, MACHINE)}
    found = Priced("n", "", MACHINE, maestro.Translation(network, (1,)), blocks)
    assert totals(found, "compatible").cycles == 0
    assert "-" in printed(print_priced, found)
    assert "</html>" in priced_page(found)


def test_machines_and_powers_in_words() -> None:
    assert machine_text(Hardware(num_pes=1024, simd_lanes=4, noc_latency=2)) == (
        "1,024 PEs, 4 lanes each, NoC unlimited after 2 cycles, off-chip unlimited, L1 unlimited, L2 unlimited"
    )
    assert machine_text(MACHINE, without=("pes", "noc_bw", "l1")) == (
        "NoC after 1 cycle, off-chip 16 elements/cycle, L2 4,096"
    )
    assert [power_text(value) for value in (450.0, 999.9, 3630.0)] == ["450 mW", "1.00k mW", "3.63 W"]


# -------------------------------------------------------------------------------------------------------------- sweeps


def design(pes: int, noc: int, throughput: float, energy: float, area: float) -> Design:
    cycles = round(1e6 / throughput)
    return Design(
        {"pes": pes, "noc_bw": noc}, cycles, throughput, energy, energy * cycles, area * 1e6, 3 * area, 54, 800
    )


SLOW, FAIR, FAST, BAD = (
    design(64, 8, 10.0, 100.0, 4.0),
    design(64, 16, 20.0, 120.0, 6.0),
    design(128, 16, 40.0, 200.0, 12.0),
    design(128, 8, 15.0, 210.0, 10.0),
)


def shown(label: str = "conv", engines: int = 1) -> Shown:
    best = {"throughput": FAST, "energy": SLOW, "edp": FAST}
    swept = [
        Swept(name, 6, 4, best, [SLOW, FAIR, FAST], [SLOW, FAIR, FAST, BAD])
        for name in ("compatible", "corrected")[:engines]
    ]
    return Shown(label, "kc-p", "NoC after 1 cycle", {"pes": [64, 128], "noc_bw": [8, 16]}, {"area": 16e6}, swept)


def test_a_sweep_in_the_terminal() -> None:
    text = printed(print_swept, shown(engines=2))
    assert text.startswith(
        "conv, dataflow kc-p\nPEs 64 to 128 (2 values), NoC 8 to 16 (2 values); area up to 16.0 mm²\n"
    )
    assert re.search(r"throughput +128 +16 +25\.0k +40\.0 +200 pJ +5\.00 µJ +12\.0 mm² +36\.0 mW +54 +800", text)
    assert text.count("4 of 6 designs can be built; 3 on the Pareto front") == 2
    assert max(map(len, text.split("\n"))) <= 100


def test_a_sweep_as_plain_values() -> None:
    found = swept_dict(shown())
    assert found["budgets"] == {"area_um2": 16e6}
    assert found["axes"] == {"pes": [64, 128], "noc_bw": [8, 16]}
    assert found["engines"]["compatible"]["best"]["energy"]["axes"] == {"pes": 64, "noc_bw": 8}
    assert len(found["engines"]["compatible"]["front"]) == 3


def test_the_front_is_a_staircase_of_what_nothing_beats() -> None:
    assert staircase([FAST, SLOW, BAD, FAIR], ENERGY, THROUGHPUT) == [SLOW, FAIR, FAST]
    assert staircase([BAD, FAST], AREA, THROUGHPUT) == [BAD, FAST]
    assert staircase([], AREA, THROUGHPUT) == []


def test_designs_are_drawn_and_told() -> None:
    for x, y in VIEWS:
        drawing = draw_designs(shown(), shown().engines[0], x, y)
        assert drawing.count("<circle") == 1 + 4 + 3
        assert drawing.count("<polygon") == 3 + 3
        assert "best throughput\nPEs 128, NoC 16\n" in drawing
    assert "budget 16.0 mm²" not in draw_designs(shown(), shown().engines[0], ENERGY, THROUGHPUT)
    tight = replace(shown(), budgets={"area": 9e6})
    assert "budget 9.00 mm²" in draw_designs(tight, tight.engines[0], AREA, THROUGHPUT)


def test_a_single_design_and_designs_without_work_are_drawn() -> None:
    one = replace(shown(), engines=[Swept("compatible", 1, 1, {"energy": SLOW}, [SLOW], [SLOW])])
    assert "<polyline" not in draw_designs(one, one.engines[0], AREA, THROUGHPUT)
    idle = replace(SLOW, throughput=0.0, energy_pj=math.nan)
    none = replace(shown(), engines=[Swept("compatible", 1, 1, {"energy": idle}, [idle], [idle])])
    assert "nan" not in draw_designs(none, none.engines[0], ENERGY, THROUGHPUT)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (186.0, 186.4), (90.0, 130.0), (1.0, 3.0), (5.0, 5e6)])
def test_every_axis_has_some_ticks(low: float, high: float) -> None:
    axis = log_axis([low, high], 0, 500, margin=0.08)
    found = ticks(axis)
    assert 3 <= len(found) <= 12
    assert all(0 <= axis(value) <= 500 for value in found)
    assert found == sorted(set(found))


def test_the_page_of_a_sweep() -> None:
    text = sweep_page(shown(engines=2), command="archloom maestro conv.m", version="1.2.3")
    page = Outline(text)
    assert not page.tags & {"link", "iframe", "img", "object"}
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    for words in ("Best designs, corrected engine", "archloom maestro conv.m", "Pareto front", "12.0 mm²"):
        assert words in page.text, words
    rows = Tables(text).rows("front", 3)
    assert [[float(value or "nan") for value, _ in row[:4]] for row in rows] == [
        [128, 16, 25000, 40], [64, 16, 50000, 20], [64, 8, 100000, 10],
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ browser


@pytest.mark.parametrize("kind", ["priced", "sweep"])
def test_pages_render_without_a_word_on_the_console(kind: str, tmp_path: Path) -> None:
    if browser() is None:
        pytest.skip("there is no chromium here (Debian: apt-get install chromium)")
    page = priced_page(priced()) if kind == "priced" else sweep_page(shown(engines=2))
    dom, console = show(page, tmp_path)
    assert console == []
    assert "<button" in dom
    name = f"<script>document.title='broken'</script>{HOSTILE}"
    page = priced_page(replace(priced(), label=name)) if kind == "priced" else sweep_page(shown(name))
    dom, console = show(POLICY.sub("", page), tmp_path)
    assert console == []
    assert "<title>broken" not in dom
    assert dom.count("<script") == 1


# --------------------------------------------------------------------------------------------------------------- docs


def test_the_docs_name_every_mend_and_every_dataflow() -> None:
    page = (Path(__file__).parents[2] / "docs" / "maestro.md").read_text("utf-8")
    assert [mend.name for mend in Mend if f"| {mend.name} |" not in page] == []
    for flow in maestro.DATAFLOWS.values():
        assert f"| `{flow.name}` | {', '.join(f'`{alias}`' for alias in flow.aliases)} | {flow.about} |" in page
