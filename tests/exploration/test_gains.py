import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.exploration.test_judge import CONV, GEMM, NET, machine, request

import archloom as al
from archloom.errors import InputError
from archloom.exploration.gains import gains, given_mappings
from archloom.exploration.judge import Judge
from archloom.exploration.metrics import chip_of
from archloom.mapping.text import render
from archloom.workload.network import Layer, Network

BASE = {"size": 1024.0, "x": 2}
WORST = """
ram [ W I O ]
| for m in 0..4
|   for n in 0..8
|     for k in 0..6
buffer [ W I O ]
|       MAC
"""
WORST_CONV = """
ram [ W I O ]
| for m in 0..4
|   for c in 0..2
|     for p in 0..6
|       for r in 0..3
buffer [ W I O ]
|         MAC
"""


def test_the_steps_multiply_to_the_whole() -> None:
    asked = request(baseline=BASE, given={"gemm": WORST, "net: conv": WORST_CONV}, clock=1e9)
    judge = Judge(asked, memo=False)
    found = gains(asked, judge, np.array([3, 2]))
    assert found.given is not None
    arch = machine(**BASE)
    from archloom.mapping.text import parse

    worst = [al.evaluate(work, arch, parse(text, work, arch)) for work, text in ((GEMM, WORST), (CONV, WORST_CONV))]
    assert found.given.figures["energy_pj"] == 2 * worst[0].energy_pj + 3 * worst[1].energy_pj
    best, winner = (al.map(NET, at, cache=False) for at in (arch, machine(size=4096.0, x=4)))
    assert (found.baseline.figures["energy_pj"], found.baseline.figures["cycles"]) == (best.energy_pj, best.cycles)
    assert (found.winner.figures["energy_pj"], found.winner.figures["cycles"]) == (winner.energy_pj, winner.cycles)
    assert found.baseline.proven and found.winner.proven and not found.given.proven and not found.transferred.proven
    for figure in ("energy_pj", "cycles", "edp", "latency_s", "objective:edp"):
        steps = found.factors(figure)
        assert steps.mapping * steps.hardware == pytest.approx(steps.whole)
        assert steps.same_mappings * steps.remapping == pytest.approx(steps.hardware)
    edp = found.factors("edp")
    assert edp.whole == pytest.approx(found.given.figures["edp"] / winner.edp)
    assert edp.mapping > 1 and edp.hardware > 1
    # layer by layer the winner's own mappings are the best, so they cost no more than those of the baseline
    for own, moved in zip(found.winner.layers, found.transferred.layers, strict=True):
        assert own.energy_pj * own.cycles <= moved.energy_pj * moved.cycles * (1 + 1e-12)


def test_without_given_mappings_only_the_hardware_counts() -> None:
    asked = request(baseline=BASE)
    found = gains(asked, Judge(asked, memo=False), np.array([3, 2]))
    assert found.given is None
    steps = found.factors("edp")
    assert math.isnan(steps.mapping) and math.isnan(steps.whole)
    assert steps.hardware > 1


def test_mappings_that_do_not_fit_the_winner() -> None:
    asked = request(baseline={"size": 4096.0, "x": 4})
    found = gains(asked, Judge(asked, memo=False), np.array([1, 0]))
    assert not found.transferred.is_mapped
    assert "fanout" in found.transferred.reason or "capacity" in found.transferred.reason
    assert math.isnan(found.factors("edp").same_mappings)
    assert found.factors("edp").hardware < 1


def test_a_baseline_over_budget_still_has_figures() -> None:
    asked = request(baseline={"size": 4096.0, "x": 4}, budget={"pes": 2})
    found = gains(asked, Judge(asked, memo=False), np.array([2, 1]))
    assert found.baseline.is_mapped
    assert found.baseline.reason == "over budget: pes is 4, over 2 by 100 %"
    assert math.isfinite(found.factors("edp").hardware)


def test_the_baseline_as_one_of_the_designs() -> None:
    asked = request(baseline=BASE, objectives={"loss": "edp * size"}, clock=1e9)
    judge = Judge(asked, memo=False)
    design = np.array([2, 1])
    found = gains(asked, judge, design)
    assert (
        found.baseline.figures
        == found.winner.figures
        == found.transferred.figures | {"gap": found.winner.figures["gap"]}
    )
    assert found.factors("objective:loss").hardware == 1
    elsewhere = request(baseline={"size": 333.0, "x": 2}, objectives={"loss": "edp * size"})
    outside = gains(elsewhere, Judge(elsewhere, memo=False), design)
    assert math.isnan(outside.factors("objective:loss").hardware)
    assert "objective 'loss': it has no value" in outside.baseline.reason
    assert outside.factors("edp").hardware > 1


def test_given_mappings_under_their_names() -> None:
    arch = machine(**BASE)
    judge = Judge(request(baseline=BASE), memo=False)
    texts = [render(answer.evaluation.mapping) for answer in judge.mapper.baseline() if answer.evaluation]
    mappings = [answer.evaluation.mapping for answer in judge.mapper.baseline() if answer.evaluation]
    in_yaml = f"mapping: |\n{''.join(f'  {line}' + chr(10) for line in texts[0].splitlines())}"
    for given_texts in (
        {"net: gemm": texts[0], "net: conv": texts[1]},
        {"gemm": texts[0], "conv": texts[1]},
        {"gemm": in_yaml, "": texts[1]},
    ):
        found = given_mappings(request(baseline=BASE, given=given_texts))
        assert found is not None
        for mapping, expected, work in zip(found, mappings, (GEMM, CONV), strict=True):
            assert al.evaluate(work, arch, mapping).energy_pj == al.evaluate(work, arch, expected).energy_pj
    assert given_mappings(request(baseline=BASE)) is None


def test_faults_of_given_mappings() -> None:
    with pytest.raises(InputError) as error:
        given_mappings(request(baseline=BASE, given={"gem": WORST}))
    assert str(error.value).splitlines() == [
        "no mapping is given for the layer 'net: gemm' (there are some for gem)",
        "no mapping is given for the layer 'net: conv' (there are some for gem)",
    ]
    with pytest.raises(InputError) as error:
        given_mappings(request(baseline=BASE, given={"": WORST.replace("n in", "z in")}))
    assert "mapping of net: gemm:4:" in str(error.value)
    assert "mapping of net: conv:" in str(error.value)


def test_two_networks_that_share_a_layer() -> None:
    other = Network("other", (Layer(GEMM, names=("block.0",)),))
    found = given_mappings(request((NET, other), baseline=BASE, given={"gemm": WORST, "conv": WORST_CONV}))
    assert found is not None and len(found) == 2


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_ratios(before, after) -> None:
    from archloom.exploration.gains import Gains, Judged

    one, two = (Judged({"x": value}, (), "", True) for value in (before, after))
    factor = Gains(one, two, two, two).factors("x")
    assert factor.hardware == 1
    assert factor.mapping == factor.whole
    if after:
        assert factor.mapping == before / after


def test_a_chip_alone() -> None:
    fanout = al.Memory("mesh", bypass=frozenset({"all"}), fanout=al.Fanout(x=4))
    inner = al.Memory("buffer", size_bits=8192.0, area_um2=10.0, fanout=al.Fanout(x=2))
    arch = al.Architecture("m", (inner, fanout, al.Memory("ram", area_um2=5.0)), al.Compute(area_um2=1.0))
    chip = chip_of(arch, None)
    assert (chip.pes[0], chip.onchip_bits[0], chip.area_um2[0]) == (8, 4 * 8192, 5 + 40 + 8)
    assert np.isnan(chip.clock_hz[0])
