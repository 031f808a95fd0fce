"""The Eyeriss case of the examples: published cycles and rates, the under-mapped baseline, and a design that beats the published one."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from archloom.exploration.gains import gains
from archloom.exploration.judge import Judge
from archloom.exploration.space_file import load_space

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "eyeriss-resources"
FOUND = {
    "columns": 14,
    "levels.GLB.size": "32 KiB",
    "levels.GLB.width": "64 B",
    "levels.ifmap_spad.size": "16 B",
    "levels.ifmap_spad.width": "8 B",
    "levels.weight_spad.size": "16 B",
    "levels.weight_spad.width": "8 B",
    "levels.psum_spad.size": "8 B",
    "levels.psum_spad.width": "8 B",
}
"""The best design of README.md."""


def test_the_gains_of_mapping_and_hardware() -> None:
    request = load_space(EXAMPLE / "space.yaml")
    design = request.space.nearest(FOUND)
    assert design is not None and request.space.values(design) == {**FOUND, "rows": 12}
    found = gains(request, Judge(request, memo=False), np.asarray(design))
    assert found.given is not None
    given, baseline, winner = found.given.figures, found.baseline.figures, found.winner.figures
    # as published: cycles, utilisation, GFLOP/s of the original design
    assert given["cycles"] == 903168
    assert given["utilization"] == pytest.approx(0.5714, abs=1e-4)
    assert given["gflops"] == pytest.approx(188.44, abs=0.01)
    # the same design at its best mapping: what no design of 168 elements can beat
    assert baseline["cycles"] == 516096 == 86_704_128 // 168
    assert baseline["utilization"] == 1.0 and found.baseline.proven
    # better than the published optimum in every figure
    assert found.winner.proven
    assert winner["cycles"] == 516096 < 602112
    assert winner["energy_uj"] == pytest.approx(271.43, abs=0.01) and winner["energy_uj"] < 305.38
    assert winner["gflops"] > 282.67 and winner["utilization"] > 0.8571
    factors = found.factors("edp")
    assert factors.mapping * factors.hardware == pytest.approx(factors.whole)
    assert factors.mapping == pytest.approx(1.75, abs=0.001)


def test_the_hardware_of_the_published_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    compare = __import__("compare")
    try:
        figures = compare.remapped()
        assert figures["cycles"] == 602112
        assert figures["gflops"] == pytest.approx(282.67, abs=0.01)
        assert compare.dram_floor_uj() == pytest.approx(215.4, abs=0.1) and figures["energy_uj"] > 215.4
    finally:
        sys.modules.pop("compare", None)
