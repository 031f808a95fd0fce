"""The study of MAESTRO's paper in examples/, in its coarse form: its designs are real, and its picture is drawn."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

from archloom.interop.maestro import Hardware, Network, price_network
from archloom.interop.maestro.sweep import hardware_sweep

FOLDER = Path(__file__).parents[3] / "examples" / "maestro-study"


@pytest.fixture(scope="module")
def study() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        import study  # pyright: ignore[reportMissingImports]

        return study


@pytest.fixture(scope="module")
def outcomes(study: ModuleType) -> list:
    return [
        study.explore(layer, name, engine="corrected", coarse=True)
        for layer in study.LAYERS
        for name in study.DATAFLOWS
    ]


def test_best_designs_are_what_the_engine_says(study: ModuleType, outcomes: list) -> None:
    """Every best design, priced alone: its cycles and energy, the buffers it needs, MACs that are the layer's."""
    for outcome in outcomes:
        for tiling, design in outcome.best().values():
            layer = tiling.layer(outcome.layer)
            machine = Hardware(num_pes=design.pes, noc_bandwidth=design.noc_bw)
            (priced,) = price_network(Network("VGG16", (layer,)), machine, engine="corrected")
            assert (priced["num_macs"], priced["summary"]["runtime"]) == (design.macs, design.runtime)
            assert priced["summary"]["total_energy_consumption"] == pytest.approx(design.energy, rel=1e-12)
            assert priced["summary"]["total_l1_buffer_requirement"] <= design.l1
            assert priced["summary"]["total_l2_buffer_requirement"] <= design.l2
            assert design.area_um2 <= 16e6
            assert design.power_mw <= 450
            assert design.throughput <= design.pes
    macs = {outcome.layer: {design.macs for _, design in outcome.best().values()} for outcome in outcomes}
    assert macs == {"CONV2": {64 * 64 * 9 * 224 * 224}, "CONV11": {512 * 512 * 9 * 14 * 14}}


def test_best_designs_lie_on_the_front(outcomes: list) -> None:
    for outcome in outcomes:
        assert 0 < outcome.feasible < outcome.designs
        front = [(design.energy, design.runtime) for _, design in outcome.front()]
        assert front == sorted(front)
        assert [cycles for _, cycles in front] == sorted((cycles for _, cycles in front), reverse=True)
        assert outcome.best()["energy"][1].energy == front[0][0]
        assert outcome.best()["throughput"][1].runtime == front[-1][1]
        assert outcome.best()["EDP"][1].edp == min(energy * cycles for energy, cycles in front)


def test_other_tile_sizes(study: ModuleType, outcomes: list) -> None:
    """The tilings of the grid are among those tried, and the best of them is what the engine says it is."""
    for outcome in outcomes:
        refined = study.refine(outcome, engine="corrected")
        _, design = outcome.best()["EDP"]
        machine = Hardware(num_pes=design.pes, noc_bandwidth=design.noc_bw)
        (priced,) = price_network(Network("VGG16", (refined.layer,)), machine, engine="corrected")
        summary = priced["summary"]
        assert refined.edp == pytest.approx(summary["runtime"] * summary["total_energy_consumption"], rel=1e-12)
        assert refined.edp <= design.edp
        assert summary["total_l1_buffer_requirement"] <= design.l1
        assert summary["total_l2_buffer_requirement"] <= design.l2


def test_picture(study: ModuleType, outcomes: list) -> None:
    root = ET.fromstring(study.picture(outcomes, "corrected"))
    kinds = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert kinds.count("polygon") == 3 + 3 * len(outcomes)
    assert kinds.count("path") == len(outcomes)
    assert "VGG-16 CONV11" in "".join(root.itertext())


ROW = re.compile(
    r"^(CONV\d+) +(\S+) +(throughput|energy|EDP) +([\d.]+) +(\d+) +(\d+) +(\d+) +([\d,]+) +([\d,]+) +([\d.]+) +(\d+)  (.+)$",
    re.M,
)


def test_table_of_the_readme(study: ModuleType) -> None:
    """Each design that the README shows, priced once more, prints the same row; so do finer tile sizes."""
    text = (FOLDER / "README.md").read_text("utf-8")
    rows = list(ROW.finditer(text))
    assert len(rows) == 12
    assert (FOLDER / "fronts.svg").exists()
    for row in rows:
        layer, dataflow, *_, sizes = row.groups()
        pes, noc, l1, l2 = (int(row[place].replace(",", "")) for place in (6, 7, 8, 9))
        assert (pes in study.GRID["pes"], noc in study.GRID["noc_bw"]) == (True, True)
        (tiling,) = (tiling for tiling in study.DATAFLOWS[dataflow](coarse=False) if tiling.sizes == sizes)
        grid = {"pes": [pes], "noc_bw": [noc], "l1": [l1], "l2": [l2]}
        sweep = hardware_sweep(tiling.layer(layer), grid, engine="corrected", budgets=study.BUDGETS)
        outcome = study.Outcome(layer, dataflow, 1, 1, [(tiling, sweep.front[0])])
        assert row[0] in list(study.table([outcome]))
        if row[3] == "EDP":
            assert study.refined_line(outcome, study.refine(outcome, engine="corrected")) in text
