"""Sweeps of directive sizes: a batch is what the scalar engine says one by one, and fails where it fails."""

from __future__ import annotations

import dataclasses
import math
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest

from archloom.errors import InputError
from archloom.interop.maestro import Cluster, Hardware, Layer, Network, parse_mapping, price_network
from archloom.interop.maestro.directive_sweep import OUTCOMES, directive_sweep

pytest.importorskip("numba")

ENGINES = ("compatible", "corrected")
LAYER = "Network n {{ Layer L {{ Type: {type} {stride} Dimensions {{ {dims} }} Dataflow {{ {flow} }} }} }}"
CONV = "K: 14, C: 11, R: 3, S: 3, Y: 17, X: 12"

KCP = (
    "SpatialMap(1,1) K; TemporalMap(4,4) C; TemporalMap(3,3) R; TemporalMap(3,3) S; TemporalMap(3,1) Y; "
    "TemporalMap(3,1) X; Cluster(4,P); SpatialMap(1,1) C; TemporalMap(3,1) Y; TemporalMap(3,1) X; TemporalMap(3,3) R;"
)
YRP = (
    "TemporalMap(2,2) C; TemporalMap(2,2) K; SpatialMap(3,1) Y; TemporalMap(3,1) X; TemporalMap(3,3) R; "
    "TemporalMap(3,3) S; Cluster(3,P); SpatialMap(1,1) Y; SpatialMap(1,1) R;"
)
OUTPUTS = "SpatialMap(1,1) Y'; TemporalMap(3,3) R; TemporalMap(3,3) S; TemporalMap(2,2) X'; TemporalMap(2,2) K;"
THREE = "SpatialMap(2,2) K; TemporalMap(2,2) C; Cluster(4,P); SpatialMap(1,1) K; TemporalMap(1,1) C; Cluster(2,P); SpatialMap(3,1) Y;"
GROUPS = (
    "SpatialMap(1,1) G; TemporalMap(2,2) C; TemporalMap(3,1) Y; Cluster(2,P); SpatialMap(1,1) K; TemporalMap(2,2) N;"
)
GEMM = "SpatialMap(2,2) M; TemporalMap(3,3) N; TemporalMap(5,5) K; Cluster(2,P); SpatialMap(1,1) K;"

TEMPLATES = {
    "kc-p": LAYER.format(type="CONV", stride="", dims=CONV, flow=KCP),
    "yr-p": LAYER.format(type="CONV", stride="", dims=CONV, flow=YRP),
    "strided": LAYER.format(type="CONV", stride="Stride { X: 2, Y: 3 }", dims=CONV, flow=KCP),
    "outputs": LAYER.format(type="CONV", stride="Stride { X: 2 }", dims=CONV, flow=OUTPUTS),
    "depthwise": LAYER.format(type="DSCONV", stride="", dims="C: 9, R: 3, S: 3, Y: 14, X: 9", flow="SpatialMap(2,2) C; TemporalMap(5,3) Y;"),
    "three": LAYER.format(type="CONV", stride="", dims=CONV, flow=THREE),
    "groups": LAYER.format(type="NGCONV", stride="", dims="N: 3, G: 3, " + CONV, flow=GROUPS),
    "gemm": LAYER.format(type="GEMM", stride="", dims="M: 13, N: 8, K: 21", flow=GEMM),
}  # fmt: skip


def random_sizes(layer: Layer, count: int, rng: random.Random, *, legal: bool) -> np.ndarray:
    """Random sizes and offsets; with `legal` the filters stay whole and windows overlap by what they have to."""
    dataflow = layer.dataflow or ()
    dims = {dimension.name: dimension.size for dimension in layer.dimensions}
    found = np.ones((count, len(dataflow), 2), np.int64)
    for row in found:
        for place, entry in enumerate(dataflow):
            if isinstance(entry, Cluster):
                row[place] = rng.randint(1, 5), 0
            elif entry.variable in ("R", "S"):
                whole = legal or rng.random() < 0.97
                row[place] = (entry.size, entry.offset) if whole else (rng.randint(1, 3), 1)
            else:
                least = 3 if legal and entry.variable in ("X", "Y") and "R" in dims else 1
                size = rng.randint(least, max(dims.get(entry.variable, 9), least) + rng.randint(0, 2))
                halo = size - 2 if entry.variable in ("X", "Y") and size > 2 else size
                row[place] = size, halo if legal or rng.random() < 0.5 else rng.randint(1, 2 * size)
    return found


def same(ours: Any, theirs: Any) -> bool:
    return ours == theirs or (isinstance(theirs, float) and math.isnan(theirs) and math.isnan(ours))


def differences(columns: dict[str, np.ndarray], place: int, layer: dict[str, Any]) -> list[str]:
    summary, row, delays = layer["summary"], layer["csv"], layer["delays"]
    pairs: dict[str, Any] = {
        "runtime": summary["runtime"],
        "macs": layer["num_macs"],
        "throughput": summary["throughput"],
        "energy": summary["total_energy_consumption"],
        "energy_nj": row["Activity count-based Energy (nJ)"],
        "area_um2": row["Area"],
        "power_mw": row["Power"],
        "peak_bandwidth": summary["peak_bandwidth_requirement"],
        "average_bandwidth": summary["avg_bandwidth_requirement"],
        "offchip_bandwidth": row["Offchip BW Req (Elements/cycle)"],
        "active_pes": summary["average_number_of_utilized_pes"],
        "intensity": summary["arithmetic_intensity"],
        "l1_required": summary["total_l1_buffer_requirement"],
        "l2_required": summary["total_l2_buffer_requirement"],
    }
    for stage, numbers in delays.items():
        pairs |= {f"{stage}_{part}": value for part, value in numbers.items()}
    for tensor, block in layer["tensors"].items():
        for memory in ("l1", "l2"):
            pairs[f"{tensor}_{memory}_size"] = block[f"{memory}_size_requirement"]
            for access in ("read", "write"):
                pairs[f"{tensor}_{memory}_{access}"] = block[f"{memory}_buffer_{access}"]
    return [
        f"{name}: {columns[name][place]} in the sweep, {value} one by one"
        for name, value in pairs.items()
        if not same(columns[name][place].item(), value)
    ]


def one_by_one(network: Network, hardware: Hardware, engine: str) -> tuple[dict[str, Any], str]:
    try:
        return price_network(network, hardware, engine=engine)[0], ""
    except InputError as caught:
        return {}, str(caught)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", TEMPLATES)
def test_a_batch_is_what_the_scalar_engine_says_one_by_one(name: str, engine: str) -> None:
    layer = parse_mapping(TEMPLATES[name]).layers[0]
    rng = random.Random(f"{name} {engine}")
    outcomes: Counter[int] = Counter()
    for legal in (True, False):
        count = 40
        pes, lanes = rng.choice([16, 37, 64]), rng.choice([1, 2])
        hardware = Hardware(pes, lanes, rng.choice([2, 8, 100]), rng.choice([0, 1, 4]), rng.choice([3, 500]))
        sweep = directive_sweep(layer, random_sizes(layer, count, rng, legal=legal), hardware, engine=engine)
        for place in range(count):
            network = Network("", (sweep.mapping(place),))
            expected, error = one_by_one(network, hardware, engine)
            assert str(sweep.error(place) or "") == error
            assert (sweep.codes[place] == 0) == (not error)
            if not error:
                assert differences(sweep.columns, place, expected) == []
            outcomes[int(sweep.codes[place])] += 1
    assert outcomes[0] >= 30 and set(outcomes) <= set(OUTCOMES)


def test_codes_say_why_a_mapping_fails() -> None:
    layer = parse_mapping(TEMPLATES["kc-p"]).layers[0]
    sizes = {2: [[3, 3], [2, 2], [3, 3]], 6: [4, 4, 40]}
    sweep = directive_sweep(layer, sizes, Hardware(16))
    assert [OUTCOMES[code] for code in sweep.codes] == [
        "priced",
        "a TemporalMap of R or S does not cover the filter",
        "fewer PEs than the clusters need",
    ]
    assert "does not cover R" in str(sweep.error(1)) and "need 40 PEs and the machine has 16" in str(sweep.error(2))
    assert sweep.priced.tolist() == [True, False, False] and len(sweep) == 3
    assert sweep.best("energy") == 0 and np.isnan(sweep.columns["energy"][1])
    # The notations agree: entries by number, and an array of all.
    again = directive_sweep(layer, sweep.sizes, Hardware(16))
    np.testing.assert_array_equal(again.codes, sweep.codes)


def test_numbers_too_large_for_the_compiled_engine_come_from_the_scalar_one() -> None:
    dims = "K: 60000, C: 60000, R: 1, S: 1, Y: 3000, X: 3000"
    layer = parse_mapping(
        LAYER.format(type="CONV", stride="", dims=dims, flow="SpatialMap(1,1) K; TemporalMap(9,9) C;")
    ).layers[0]
    hardware = Hardware(64, noc_bandwidth=4)
    sweep = directive_sweep(layer, {1: [[9, 9], [60000, 60000]]}, hardware)
    for place in range(2):
        (expected,) = price_network(Network("", (sweep.mapping(place),)), hardware)
        assert differences(sweep.columns, place, expected) == []


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({1: [0]}, "the size of entry 1 is 0 in mapping 0, expected 1 to 2147483647"),
        ({99: [1]}, "entry 99: expected whole numbers"),
        ({1: [[1, 2, 3]]}, r"expected whole numbers \[1\] or \[1, 2\]"),
        (np.ones((3, 2, 2), int), r"expected whole numbers \[N, 11, 2\]"),
        ({}, "expected whole numbers"),
    ],
)
def test_faults_of_sizes(sizes: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        directive_sweep(parse_mapping(TEMPLATES["kc-p"]).layers[0], sizes)


def test_directives_that_no_sizes_would_mend_are_refused_at_once() -> None:
    layer = parse_mapping(TEMPLATES["kc-p"]).layers[0]
    bare = dataclasses.replace(layer, dataflow=(layer.dataflow or ())[1:])
    with pytest.raises(InputError, match="no SpatialMap at this level"):
        directive_sweep(bare, {0: [1, 2]})
    with pytest.raises(InputError, match="the layer L has no Dataflow"):
        directive_sweep(dataclasses.replace(layer, dataflow=None), {0: [1]})


def test_more_mappings_than_one_thread_takes() -> None:
    layer = parse_mapping(TEMPLATES["yr-p"]).layers[0]
    rng = random.Random(3)
    sizes = random_sizes(layer, 5000, rng, legal=True)
    one, two = (directive_sweep(layer, sizes, Hardware(64), threads=threads) for threads in (1, 2))
    for name, values in one.columns.items():
        np.testing.assert_array_equal(values, two.columns[name], err_msg=name)
    best = one.best("edp")
    assert one.columns["edp"][best] == np.nanmin(np.where(one.priced, one.columns["edp"], np.nan))
