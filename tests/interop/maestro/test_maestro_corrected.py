"""The corrected engine against what can be known without it: the layer's own MACs, the array's peak, and a walk."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from tests.interop.maestro.legal_mappings import Legal, legal_mapping
from tests.interop.maestro.walk import Walked, walk

from archloom.errors import InputError
from archloom.interop.maestro import Hardware, Mend, Network, parse_mapping, price_network, run, true_macs
from archloom.interop.maestro.mends import CORRECTED

COUNTED = (("input", "l2_buffer_read"), ("filter", "l2_buffer_read"), ("output", "l2_buffer_write"))


def priced(legal: Legal, engine: str | frozenset[Mend] = "corrected") -> dict[str, Any]:
    return price_network(Network("legal", (legal.layer,)), legal.hardware, engine=engine)[0]


def violations(legal: Legal, found: dict[str, Any]) -> Iterator[str]:
    """What no mapping that covers its layer can do: other MACs, faster than the peak, less than each element once."""
    machine = legal.hardware
    if found["num_macs"] != legal.macs:
        yield "macs"
    if found["summary"]["throughput"] > machine.num_pes * machine.simd_lanes:
        yield "peak"
    if found["summary"]["average_number_of_utilized_pes"] > machine.num_pes * (1 + 1e-12):
        yield "active"
    for tensor, access in COUNTED:
        if found["tensors"][tensor][access] < legal.elements[tensor]:
            yield f"compulsory {tensor}"


def test_ten_thousand_legal_mappings() -> None:
    rng = random.Random(20)
    wrong, compatible = Counter[str](), Counter[str]()
    clusters = Counter[int]()
    for _ in range(10_000):
        legal = legal_mapping(rng)
        assert true_macs(legal.layer) == legal.macs
        clusters[sum(not hasattr(entry, "kind") for entry in legal.layer.dataflow or ())] += 1
        wrong.update(violations(legal, priced(legal)))
        try:
            compatible.update(violations(legal, priced(legal, "compatible")))
        except InputError as error:
            compatible["refused" if "takes no cycles" in str(error) else str(error)] += 1
    assert wrong == {}
    assert min(clusters[depth] for depth in range(4)) > 1000
    # The released MAESTRO fails each of these, so they can fail.
    assert compatible["macs"] > 500 and compatible["refused"] > 100 and compatible["peak"] > 5
    assert all(compatible[f"compulsory {tensor}"] > 500 for tensor, _ in COUNTED)


def test_strided_legal_mappings() -> None:
    rng = random.Random(21)
    wrong, compatible = Counter[str](), Counter[str]()
    for _ in range(3000):
        legal = legal_mapping(rng, strided=True)
        assert true_macs(legal.layer) == legal.macs
        wrong.update(violations(legal, priced(legal)))
        try:
            compatible.update(violations(legal, priced(legal, "compatible")))
        except InputError:
            compatible["refused"] += 1
    assert wrong == {}
    assert compatible["macs"] > 1000


def small_mappings(seed: int, number: int) -> Iterator[tuple[Legal, Walked]]:
    """Draw mappings that can be walked in a moment."""
    rng = random.Random(seed)
    while number:
        legal = legal_mapping(rng, largest=rng.choice([4, 4, 9]), strided=number % 2 == 0)
        if legal.hardware.num_pes <= 40 and legal.macs <= 3000:
            number -= 1
            yield legal, walk(legal)


def compared(found: dict[str, Any], walked: Walked) -> dict[str, tuple[float, float]]:
    """Pair the engine's numbers with those of the walk."""
    tensors, summary = found["tensors"], found["summary"]
    return {
        "macs": (found["num_macs"], walked.macs.size),
        "cycles": (summary["runtime"], walked.cycles),
        "active": (round(summary["average_number_of_utilized_pes"], 9), round(walked.active, 9)),
        "sums": (tensors["output"]["l2_buffer_write"], walked.l2_writes_of_sums),
        **{f"L2 {name}": (tensors[name]["l2_buffer_read"], reads) for name, reads in walked.l2_reads.items()},
    }


def test_walked_step_by_step() -> None:
    """Everything but the writes of L1 and sub-clusters that find their tile again after a rest is exact."""
    exact, resumed, total = 0, 0, 1500
    for legal, walked in small_mappings(22, total):
        found = priced(legal)
        assert (walked.macs == 1).all(), legal
        unlike = {key: pair for key, pair in compared(found, walked).items() if pair[0] != pair[1]}
        if legal.diagonal and "cycles" in unlike:
            # Every PE of a diagonal sends the output that they sum up: too much for a narrow network.
            assert unlike.pop("cycles")[0] > walked.cycles
        if walked.resumed:
            resumed += 1
            unlike = {key: (a, b) for key, (a, b) in unlike.items() if key in ("macs", "active", "sums") or a < b}
        assert unlike == {}, legal
        writes = [(found["tensors"][name]["l1_buffer_write"], least) for name, least in walked.l1_writes.items()]
        assert all(ours >= least for ours, least in writes), legal
        exact += all(ours == least for ours, least in writes)
    assert resumed < total / 10 and exact > 0.94 * total


WALKED = ("B1", "B2", "B4", "B5", "B7", "B22", "B23", "B24", "B25", "B26", "B27")
"""Mends that the walk can tell; B6 is about L1 and the rest have tests of their own."""


def test_no_mend_is_idle() -> None:
    missed = {Mend[name] for name in WALKED}
    for legal, walked in small_mappings(25, 3000):
        if not missed:
            break
        for mend in sorted(missed, key=lambda mend: mend.name):
            try:
                found = compared(priced(legal, CORRECTED - {mend}), walked)
            except InputError:
                continue
            # A rest makes the walk's own count smaller, so more than the walk is no proof.
            if any(ours < theirs if walked.resumed else ours != theirs for ours, theirs in found.values()):
                missed.discard(mend)
    assert missed == set()
    assert {*WALKED, "B3", "B6", "B9", "B12", "B16", "B28", "B29", "B30", "B31"} == Mend.__members__.keys()


LAYER = """
Network own {{
  Layer L {{
    Type: {type}
    {stride}
    Dimensions {{ {dims} }}
    Dataflow {{ {flow} }}
  }}
}}
"""


def text(flow: str, dims: str, kind: str = "CONV", stride: str = "") -> str:
    return LAYER.format(type=kind, stride=stride, dims=dims, flow=flow)


WINDOW = "TemporalMap(Sz(R),1) Y; TemporalMap(Sz(S),1) X;"


def test_b1_by_hand() -> None:
    """10 filters in tiles of 8, four to a PE below: the last tile has 2, and takes half the time."""
    flow = "TemporalMap(8,8) K; SpatialMap(1,1) C; Cluster(2,P); SpatialMap(4,4) K;"
    given = text(flow, "K: 10, C: 4, R: 1, S: 1, Y: 5, X: 5")
    for engine, last in (("compatible", 100), ("corrected", 50)):
        (layer,) = run(given, num_pes=8, engine=engine)
        assert layer["delays"]["computation"] == {"min": last, "max": 100, "avg": (100 + last) // 2}
        assert layer["summary"]["runtime"] == 100 + last


def test_b3_energy_of_the_csv_is_the_energy() -> None:
    given = text(
        "SpatialMap(1,1) K;" + WINDOW + "Cluster(2,P); SpatialMap(1,1) C;", "K: 4, C: 4, R: 3, S: 3, Y: 8, X: 8"
    )
    (layer,) = run(given, num_pes=8, engine="corrected")
    energy = layer["csv"]["Activity count-based Energy (nJ)"]
    assert energy == pytest.approx(0.00023 * layer["summary"]["total_energy_consumption"])
    assert layer["csv"]["Ops/J"] == pytest.approx(layer["num_macs"] / energy * 1e9)


@pytest.mark.parametrize("dims", ["Y: 11, X: 12", "Y': 5, X': 4", "Y': 5, X: 11"])
def test_b4_strides_belong_to_their_own_axis(dims: str) -> None:
    stride = "Stride { Y: 2, X: 3, Y': 2, X': 3 }"
    flow = "SpatialMap(1,1) K; TemporalMap(Sz(R),Sz(R)) R; TemporalMap(Sz(S),Sz(S)) S; TemporalMap(2,2) Y'"
    (layer,) = run(text(flow, f"K: 4, C: 2, R: 3, S: 2, {dims}", stride=stride), num_pes=4, engine="corrected")
    assert layer["num_macs"] == 4 * 2 * 3 * 2 * 5 * 4
    assert layer["tensors"]["output"]["l2_buffer_read"] == 4 * 5 * 4
    # Windows two wide and three apart: of every three columns of inputs one is never used.
    assert layer["tensors"]["input"]["l2_buffer_write"] == 2 * 11 * 8


def test_b5_sums_stay_until_they_are_done_or_come_back() -> None:
    dims = "K: 4, C: 8, R: 3, S: 3, Y: 10, X: 10"
    inner = "TemporalMap(Sz(R),1) Y; TemporalMap(Sz(S),1) X; TemporalMap(1,1) C;"
    outer = "TemporalMap(1,1) C; TemporalMap(Sz(R),1) Y; TemporalMap(Sz(S),1) X;"
    outputs = 4 * 8 * 8
    for flow, passes in ((inner, 1), (outer, 8)):
        (layer,) = run(text("SpatialMap(1,1) K;" + flow, dims), num_pes=4, engine="corrected")
        assert layer["tensors"]["output"]["l2_buffer_write"] == passes * outputs
        assert layer["tensors"]["output"]["l2_buffer_read"] == (passes - 1) * outputs + outputs


def test_b6_multicast_is_written_to_every_l1() -> None:
    flow = "SpatialMap(1,1) K; TemporalMap(Sz(R),Sz(R)) R; TemporalMap(Sz(S),Sz(S)) S;" + WINDOW
    (layer,) = run(text(flow, "K: 4, C: 8, R: 3, S: 3, Y: 10, X: 10"), num_pes=4, engine="corrected")
    read = 8 * 8 * (8 * 9 + 7 * 8 * 3) // 8
    assert layer["tensors"]["input"]["l2_buffer_read"] == read
    assert layer["tensors"]["input"]["l1_buffer_write"] == 4 * read
    assert layer["tensors"]["filter"]["l1_buffer_write"] == 4 * 8 * 9
    assert layer["csv"]["Multicasting Factor (Input)"] == 4
    assert layer["csv"]["Multicasting Factor (Weight)"] == 1


def test_b9_a_layer_takes_the_dataflow_of_the_layer_before() -> None:
    flow = "SpatialMap(1,1) K;" + WINDOW + "Cluster(2,P); SpatialMap(1,1) C;"
    one = text(flow, "K: 4, C: 4, R: 3, S: 3, Y: 8, X: 8")
    second = "Layer M { Type: CONV Dimensions { K: 6, C: 4, R: 3, S: 3, Y: 8, X: 8 } }"
    both = one.rstrip().removesuffix("}") + second + "}"
    layers = run(both, num_pes=8, engine="corrected")
    assert [layer["num_macs"] for layer in layers] == [4 * 4 * 9 * 36, 6 * 4 * 9 * 36]
    with pytest.raises(InputError, match="has no Dataflow"):
        run(both, num_pes=8)
    whole = both.replace("SpatialMap(1,1) K;", "SpatialMap(1,1) K; TemporalMap(3,3) R;", 1)
    unlike = whole.replace("K: 6, C: 4, R: 3", "K: 6, C: 4, R: 1")
    with pytest.raises(InputError, match=r"TemporalMap\(3,3\) R does not cover R, which is 1"):
        run(unlike, num_pes=8, engine="corrected")


def test_b12_off_chip_bandwidth_is_that_of_the_neediest_case() -> None:
    """Tiles of 72 inputs and 4 x 72 weights keep the PEs busy for 72 cycles, and of the ninth channel for 9."""
    given = text("SpatialMap(1,1) K; TemporalMap(8,8) C;" + WINDOW, "K: 4, C: 9, R: 3, S: 3, Y: 10, X: 10")
    column = "Offchip BW Req (Elements/cycle)"
    assert run(given, num_pes=4, engine="corrected")[0]["csv"][column] == (72 + 4 * 72) // 9
    assert run(given, num_pes=4)[0]["csv"][column] < 10


def test_b16_every_layer_has_its_own_batch() -> None:
    one = text("SpatialMap(1,1) K; TemporalMap(1,1) N", "N: 3, K: 4, C: 4, R: 1, S: 1, Y: 8, X: 8")
    second = "Layer M { Type: CONV Dimensions { K: 4, C: 4, R: 1, S: 1, Y: 8, X: 8 } Dataflow { SpatialMap(1,1) K } }"
    both = one.rstrip().removesuffix("}") + second + "}"
    layers = run(both, num_pes=4, engine="corrected")
    assert [layer["num_macs"] for layer in layers] == [3 * 16 * 64, 16 * 64]
    with pytest.raises(InputError):
        run(both, num_pes=4)


def test_b28_l1_holds_outputs_as_outputs() -> None:
    given = text("SpatialMap(1,1) K; TemporalMap(5,3) Y; TemporalMap(9,7) X", "K: 2, C: 1, R: 3, S: 3, Y: 8, X: 6")
    for engine, inputs, outputs in (("compatible", 5 * 9, 5 * 9), ("corrected", 5 * 6, 3 * 4)):
        (layer,) = run(given, num_pes=2, engine=engine)
        assert layer["tensors"]["input"]["l1_size_requirement"] == 2 * inputs
        assert layer["tensors"]["output"]["l1_size_requirement"] == 2 * outputs


def test_b29_large_layers_do_not_wrap_around() -> None:
    flow = "SpatialMap(1,1) K; TemporalMap(1,1) C; TemporalMap(1,1) Y; TemporalMap(1,1) X;"
    given = text(flow, "K: 4096, C: 4096, R: 1, S: 1, Y: 512, X: 512")
    (layer,) = run(given, num_pes=2, engine="corrected")
    assert layer["num_macs"] == 2**42 == true_macs(parse_mapping(given).layers[0])
    assert run(given, num_pes=2)[0]["num_macs"] != 2**42


def test_b30_sending_nothing_takes_no_time() -> None:
    """A depthwise layer has no K: a step along it brings nothing."""
    given = text("SpatialMap(1,1) Y; TemporalMap(1,1) K", "K: 4, C: 8, R: 1, S: 1, Y: 4, X: 1", "DSCONV")
    for engine, latency, least in (
        ("compatible", 0, -1),
        ("compatible", 9, 8),
        ("corrected", 0, 0),
        ("corrected", 9, 0),
    ):
        (layer,) = run(given, num_pes=4, noc_hop_latency=latency, engine=engine)
        assert layer["delays"]["ingress"]["min"] == least


def test_b31_arithmetic_intensity_is_that_of_the_layer() -> None:
    given = text("SpatialMap(1,1) K; TemporalMap(8,8) C;" + WINDOW, "K: 4, C: 9, R: 3, S: 3, Y: 10, X: 10")
    (layer,) = run(given, num_pes=4, engine="corrected")
    read = sum(layer["tensors"][name]["l2_buffer_read"] for name in ("input", "filter"))
    assert layer["csv"]["Arithmetic Intensity"] == layer["num_macs"] / read


@pytest.mark.parametrize(
    ("kind", "dims", "stride", "macs"),
    [
        ("CONV", "K: 4, C: 3, R: 3, S: 2, Y: 8, X: 9", "Stride { Y: 2, X: 2 }", 4 * 3 * 3 * 2 * 3 * 4),
        ("CONV", "N: 2, K: 4, C: 3, R: 3, S: 3, Y': 8, X': 9", "Stride { X': 4 }", 2 * 4 * 3 * 9 * 8 * 9),
        ("DSCONV", "K: 3, C: 3, R: 3, S: 3, Y: 8, X: 9", "", 3 * 9 * 6 * 7),
        ("NGCONV", "G: 2, K: 4, C: 3, R: 1, S: 1, Y: 8, X: 9", "", 2 * 4 * 3 * 8 * 9),
        ("GEMM", "M: 4, N: 5, K: 6", "", 4 * 5 * 6),
    ],
)
def test_true_macs(kind: str, dims: str, stride: str, macs: int) -> None:
    (layer,) = parse_mapping(text("SpatialMap(1,1) K", dims, kind, stride)).layers
    assert true_macs(layer) == macs


def test_gaps_and_overlaps_show_in_the_macs() -> None:
    """The engine prices what a mapping says: tiles of 4 that move by 3 do work twice, by 5 they leave some out."""
    dims = "K: 10, C: 4, R: 1, S: 1, Y: 4, X: 4"
    layers = [run(text(f"SpatialMap(4,{step}) K", dims), num_pes=2, engine="corrected")[0] for step in (3, 4, 5)]
    assert [layer["num_macs"] for layer in layers] == [12 * 64, 10 * 64, 8 * 64]


def test_tiles_without_room_for_a_window_do_no_work() -> None:
    flow = "SpatialMap(1,1) K; TemporalMap(1,1) Y; TemporalMap(1,1) X"
    with pytest.raises(InputError, match="no room for a window"):
        run(text(flow + "; Cluster(1,P); SpatialMap(1,1) C", "K: 4, C: 4, R: 3, S: 3, Y: 8, X: 8"), engine="corrected")


def test_unknown_engines_are_named() -> None:
    with pytest.raises(InputError, match=r"unknown engine: 'correct' \(did you mean 'corrected'"):
        run("", engine="correct")


def test_neither_engine_changes_with_the_sizes_of_buffers() -> None:
    given = text("SpatialMap(1,1) K;" + WINDOW, "K: 4, C: 8, R: 3, S: 3, Y: 10, X: 10")
    network = parse_mapping(given)
    for engine in ("compatible", "corrected"):
        tight = price_network(network, Hardware(num_pes=4, l1_size=1, l2_size=1), engine=engine)
        assert tight == price_network(network, Hardware(num_pes=4), engine=engine)
