"""The compatible engine against recorded runs of the released MAESTRO: every number of every layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from archloom.interop.maestro import LayerType, parse_mapping, run

Record = dict[str, Any]

FILES = {"handwritten_directives": 95, "random_directives": 1000, "stock_dataflows": 644, "shipped_mappings": 86}


def test_the_sample_agrees(sample: list[Record], differences: Callable[[Record], list[str]]) -> None:
    wrong = {record["id"]: found[:3] for record in sample if (found := differences(record))}
    assert wrong == {}
    assert Counter(record["rc"] for record in sample) == {0: 465, 255: 19, -8: 8, -6: 1}


@pytest.mark.parametrize("name", FILES)
def test_all_records_agree(
    name: str, recorded: Callable[[str], list[Record]], differences: Callable[[Record], list[str]]
) -> None:
    records = recorded(name)
    wrong = [found[:3] for record in records if (found := differences(record))]
    assert wrong == []
    assert len(records) == FILES[name]


def test_shipped_files_parse_even_if_maestro_cannot_run_them(recorded: Callable[[str], list[Record]]) -> None:
    records = recorded("shipped_mappings")
    networks = {record["id"].split(":")[0]: parse_mapping(record["mapping"]) for record in records}
    assert len(networks) >= 41
    failing = {record["id"].split(":")[0] for record in records if record["result"]["rc"]}
    assert {"vgg16_rs", "UNet_kcp_ws", "squeezenet1_0_ykp_os"} <= failing
    assert all(network.layers for network in networks.values())
    for record in records:
        layers = networks[record["id"].split(":")[0]].layers
        assert len(record["result"]["layers"]) in (0, len(layers))


CONV = """
Network own {
  Layer L {
    Type: CONV
    Dimensions { K: 4, C: 8, R: 3, S: 3, Y: 10, X: 10 }
    Dataflow {
      SpatialMap(1,1) K;
      TemporalMap(Sz(R),1) Y;
      TemporalMap(Sz(S),1) X;
    }
  }
}
"""


def test_by_hand() -> None:
    """Four PEs, a filter each; every window of 8 x 3 x 3 inputs goes to all of them."""
    (layer,) = run(CONV, "num_pes: 4\nnoc_bw_cstr: 24\noffchip_bw_cstr: 1000")
    assert layer["num_macs"] == 4 * 8 * 9 * 64
    assert layer["tensors"]["filter"]["l2_buffer_read"] == 4 * 8 * 9
    # The first window of a row comes whole, the others bring one column of 8 x 3.
    assert layer["tensors"]["input"]["l2_buffer_read"] == 8 * (8 * 9 + 7 * 8 * 3)
    assert layer["tensors"]["output"]["l2_buffer_write"] == 4 * 64
    # The first step waits for 72 inputs and 288 weights at 24 per cycle; 72 cycles a window.
    assert layer["summary"]["runtime"] == 64 * 72 + 15
    assert layer["csv"]["Avg number of utilized PEs"] == 4


def test_a_hardware_file_overrides_all_options_but_the_lanes() -> None:
    hardware = "num_pes: 4\nnoc_bw_cstr: 8"
    assert run(CONV, hardware, num_pes=2, noc_bw=1) == run(CONV, hardware)
    (two_lanes,) = run(CONV, hardware, num_simd_lanes=2)
    assert two_lanes["delays"]["computation"]["max"] == 36
    # A hardware file also turns the latency of the network from 0 to 1.
    (with_file,) = run(CONV, hardware)
    (with_options,) = run(CONV, num_pes=4, noc_bw_cstr=8)
    assert with_file["delays"]["ingress"]["min"] == with_options["delays"]["ingress"]["min"] + 1


def test_energy_of_the_csv_takes_the_l1_counts_of_the_layer_before() -> None:
    one, two = CONV, CONV.replace("} \n", "").replace("X;", "X; Cluster(2,P); SpatialMap(1,1) C;")
    body = two[two.index("Layer L") : two.rindex("}")]
    both = one[: one.rindex("}")] + body + "}"
    alone, after = run(two, num_pes=8)[0], run(both, num_pes=8)[1]
    energy = "Activity count-based Energy (nJ)"
    first = run(one, num_pes=8)[0]["tensors"].values()
    l1_of_first = sum(block["l1_buffer_read"] + block["l1_buffer_write"] for block in first)
    assert after["csv"][energy] - alone["csv"][energy] == pytest.approx(0.00023 * 1.68 * l1_of_first)
    assert after["summary"] == alone["summary"]


def test_transposed_convolution_costs_what_a_convolution_costs() -> None:
    assert run(CONV.replace("CONV", LayerType.TRCONV.value), num_pes=4) == run(CONV, num_pes=4)


def test_a_minus_cuts_the_name_of_a_layer() -> None:
    (layer,) = run(CONV.replace("Layer L", "Layer Conv2d-7"), num_pes=4)
    assert (layer["name"], layer["csv"]["Layer Number"], layer["csv"]["Neural Network Name"]) == (7, 7, "own")
