"""The stock dataflows: the directives of recorded runs, networks under them with all of their MACs, and what cannot be said."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from archloom.errors import InputError
from archloom.interop.maestro import (
    DATAFLOWS,
    Cluster,
    Hardware,
    Layer,
    LayerType,
    Map,
    Network,
    dataflow,
    hardware_text,
    mapping_text,
    network_of,
    parse_hardware,
    parse_mapping,
    price_network,
    translate,
)
from archloom.interop.maestro.shapes import Unsayable, shapes_of
from archloom.spec import load_network
from archloom.workload import layers
from archloom.workload.einsum import Workload, einsum
from archloom.workload.network import Layer as WorkLayer
from archloom.workload.network import Network as Workloads
from archloom.workload.zoo.tables import zoo_entries

Record = dict[str, Any]

RECORDED = {
    "KC-P(NVDLA kcp_ws)": "kc-p",
    "YR-P(Eyeriss rs)": "yr-p",
    "X-P(xp_ws)": "x-p",
    "YX-P(ShiDianNao yxp_os)": "yx-p",
    "C-P(nlr)": "c-p",
    "YK-P(ykp_os)": "yk-p",
    "CK-P(ckp_ws)": "ck-p",
    "MAERI": "maeri",
    "confx_shi8": "shi8",
    "Y-P(os)": "y-p",
    "dpt": "kc-p",
    "Y-P": "y-p",
    "nmk": "nmk",
    "gm2": "nm-p",
    "tpu16": "nk-p",
}
"""What the records call each of the stock dataflows."""


def outputs(layer: Layer, axis: str, kernel: str) -> int:
    """Positions of the filter along an axis, counted by themselves."""
    sizes = {dimension.name: dimension.size for dimension in layer.dimensions}
    stride = next((dimension.stride for dimension in layer.dimensions if dimension.name == axis), 1)
    return (sizes[axis] - sizes[kernel]) // stride + 1


def true_macs(layer: Layer) -> int:
    sizes = {dimension.name: dimension.size for dimension in layer.dimensions}
    if layer.type is LayerType.GEMM:
        return sizes["M"] * sizes["N"] * sizes["K"]
    channels = math.prod(sizes.get(name, 1) for name in "NGKC")
    return channels * sizes["R"] * sizes["S"] * outputs(layer, "X", "S") * outputs(layer, "Y", "R")


def products(workload: Workload) -> bool:
    """Whether a layer is one matrix product."""
    return any(shape.type is LayerType.GEMM for shape in shapes_of(workload))


def steps_of(layer: Layer) -> list[tuple[Any, ...]]:
    assert layer.dataflow is not None
    return [
        (step.size,) if isinstance(step, Cluster) else (step.kind, step.size, step.offset, step.variable)
        for step in layer.dataflow
    ]


# ------------------------------------------------------------------------------------------------------------ records


def check_records(records: Iterable[Record], differences: Callable[[Record], list[str]]) -> Counter[str]:
    """Put our dataflow onto the layers of recorded runs, price them, and compare; how many of which kind there were."""
    kinds: Counter[str] = Counter()
    for record in records:
        ours = RECORDED.get(record["dataflow"])
        if ours is None:
            continue
        network = parse_mapping(record["mapping"])
        (layer,) = network.layers
        (mine,) = (dataflow(ours).on(layer) for layer in network.layers)
        sizes = {dimension.name: dimension.size for dimension in layer.dimensions}
        found = differences(record | {"mapping": mapping_text(Network(network.name, (mine,)))})
        if steps_of(mine) == steps_of(layer):
            kind = "the same directives"
            assert not found, record["mapping"]
        elif ours == "yx-p" and sizes["S"] != 3:
            kind = "a tile of ten columns, which is eight outputs only for filters three wide"
            assert next(step for step in steps_of(layer) if step[-1] == "X") == (Map.TEMPORAL, 10, 8, "X")
        elif found:
            kind = "a tile larger than the layer, which the bug B2 takes for less"
            assert sizes["Y"] < 10, record["mapping"]
        else:
            kind = "tiles cut to the layer"
        kinds[kind] += 1
    return kinds


def test_the_directives_are_those_of_the_records(
    sample: list[Record], differences: Callable[[Record], list[str]]
) -> None:
    named = [
        record | {"dataflow": record["id"].split(":")[1]} for record in sample if len(record["id"].split(":")) == 3
    ]
    kinds = check_records(named, differences)
    assert kinds["the same directives"] >= 75
    assert kinds["tiles cut to the layer"] >= 3
    assert sum(kinds.values()) == 97


def test_the_directives_are_those_of_all_records(
    recorded: Callable[[str], list[Record]], differences: Callable[[Record], list[str]]
) -> None:
    kinds = check_records(recorded("stock_dataflows"), differences)
    assert kinds == {
        "the same directives": 568,
        "tiles cut to the layer": 24,
        "a tile of ten columns, which is eight outputs only for filters three wide": 32,
        "a tile larger than the layer, which the bug B2 takes for less": 8,
    }


# ----------------------------------------------------------------------------------------------------------- networks


@pytest.mark.parametrize("name", [entry.name for entry in zoo_entries()])
def test_every_network_keeps_its_macs_under_every_dataflow(name: str) -> None:
    network = load_network(name)
    for flow in DATAFLOWS.values():
        if LayerType.GEMM in flow.templates and not any(products(layer.workload) for layer in network.layers):
            with pytest.raises(InputError, match="has no directives"):
                translate(network, flow)
            continue
        found = translate(network, flow)
        macs = sum(true_macs(layer) * n for layer, n in zip(found.network.layers, found.counts, strict=True))
        assert macs + sum(layer.macs for layer in found.left_out) == network.macs
        if LayerType.CONV in flow.templates:
            assert not found.left_out
        assert len(found.unrolled.layers) == sum(found.counts)
        machine = Hardware(num_pes=256, noc_bandwidth=64)
        blocks = price_network(found.network, machine, engine="corrected")
        priced = [block["num_macs"] for block in blocks]
        assert priced == [true_macs(layer) for layer in found.network.layers], flow.name
        assert all(block["summary"]["throughput"] <= 256 for block in blocks)


def test_a_network_is_written_as_maestro_reads_it() -> None:
    for flow in ("kc-p", "yr-p", "shi8", "nmk"):
        network = network_of(load_network("mobilenet_v2"), dataflow(flow))
        text = mapping_text(network, remarks=["one // and { another"] * len(network.layers))
        back = parse_mapping(text)
        assert [layer.name for layer in back.layers] == [layer.name for layer in network.layers]
        assert [steps_of(layer) for layer in back.layers] == [steps_of(layer) for layer in network.layers]
        assert mapping_text(back) == mapping_text(network)
        assert price_network(back, Hardware(256)) == price_network(network, Hardware(256))
    machine = Hardware(num_pes=7, noc_bandwidth=3, noc_latency=2, offchip_bandwidth=5, l1_size=10, l2_size=20)
    assert parse_hardware(hardware_text(machine)) == machine


def one(workload: Workload, flow: str = "kc-p") -> Layer:
    return network_of(Workloads("net", (WorkLayer(workload),)), dataflow(flow)).layers[0]


def said(workload: Workload, flow: str = "kc-p") -> tuple[str, dict[str, int], dict[str, int]]:
    layer = one(workload, flow)
    sizes = {dimension.name: dimension.size for dimension in layer.dimensions}
    strides = {dimension.name: dimension.stride for dimension in layer.dimensions if dimension.stride > 1}
    assert true_macs(layer) == workload.macs
    return layer.type.name, sizes, strides


def test_convolutions() -> None:
    plain = layers.conv2d("c", M=8, C=4, P=10, Q=12, R=3, S=5, stride=(2, 1))
    assert said(plain) == ("CONV", {"K": 8, "C": 4, "R": 3, "S": 5, "Y": 21, "X": 16}, {"Y": 2})
    many = layers.conv2d("c", N=3, M=8, C=4, P=10, Q=12, R=3, S=5)
    assert said(many)[1] == {"K": 8, "N": 3, "C": 4, "R": 3, "S": 5, "Y": 12, "X": 16}
    assert steps_of(one(many))[0] == (Map.TEMPORAL, 1, 1, "N")
    grouped = layers.conv2d("c", M=8, C=4, P=10, Q=12, R=3, S=5, groups=2)
    assert said(grouped)[:2] == ("NGCONV", {"G": 2, "K": 4, "C": 2, "R": 3, "S": 5, "Y": 12, "X": 16})
    assert said(layers.depthwise_conv2d("c", C=6, P=4, Q=4, R=3, S=3, stride=2)) == (
        "DSCONV", {"C": 6, "R": 3, "S": 3, "Y": 9, "X": 9}, {"X": 2, "Y": 2},
    )  # fmt: skip
    assert said(layers.depthwise_conv2d("c", C=6, P=4, Q=4, R=3, S=3, multiplier=2))[0] == "NGCONV"
    assert said(layers.conv1d("c", M=8, C=4, P=10, R=3))[1] == {"K": 8, "C": 4, "R": 3, "S": 1, "Y": 12, "X": 1}
    flat = layers.conv3d("c", M=8, C=4, D=5, P=10, Q=12, T=1, R=3, S=3)
    assert said(flat)[1]["N"] == 5


def test_matrix_products() -> None:
    product = layers.gemm("g", M=20, N=30, K=40)
    assert said(product)[:2] == ("CONV", {"K": 30, "C": 40, "R": 1, "S": 1, "Y": 20, "X": 1})
    assert said(product, "x-p")[1] == {"K": 30, "C": 40, "R": 1, "S": 1, "Y": 1, "X": 20}
    assert said(product, "nmk")[:2] == ("GEMM", {"M": 20, "N": 30, "K": 40})
    assert said(layers.batched_matmul("b", B=3, M=20, N=30, K=40))[:2] == (
        "NGCONV", {"G": 3, "K": 30, "C": 40, "R": 1, "S": 1, "Y": 20, "X": 1},
    )  # fmt: skip
    pointwise = layers.conv2d("p", M=8, C=4, P=10, Q=12, R=1, S=1)
    assert said(pointwise, "nmk")[:2] == ("GEMM", {"M": 120, "N": 8, "K": 4})


def test_a_batch_is_declared_by_all_layers_of_a_type_or_by_none() -> None:
    both = Workloads(
        "net",
        (
            WorkLayer(layers.conv2d("one", M=8, C=4, P=10, Q=12, R=3, S=5)),
            WorkLayer(layers.conv2d("many", N=2, M=8, C=4, P=10, Q=12, R=3, S=5)),
        ),
    )
    network = network_of(both, dataflow("kc-p"))
    assert [layer.declares("N") for layer in network.layers] == [True, True]
    macs = [block["num_macs"] for block in price_network(network, Hardware(64))]
    assert macs == [layer.workload.macs for layer in both.layers]


@pytest.mark.parametrize(
    ("workload", "reason"),
    [
        (layers.conv2d("c", M=8, C=4, P=10, Q=12, R=3, S=3, dilation=2), "its filter is dilated (2*R)"),
        (layers.conv3d("c", M=8, C=4, D=5, P=10, Q=12, T=3, R=3, S=3), "it slides along 3 axes, and MAESTRO knows X and Y"),
        (layers.mttkrp("m", I=4, J=5, K=6, L=7), "it has 3 inputs, and MAESTRO's layers have two"),
        (einsum("O[m,p] += W[m] * I[c,p]", {"m": 2, "p": 3, "c": 4}), "c occurs in one tensor only"),
        (einsum("O[m,p,q] += W[m,r] * I[p+q+r]", {"m": 2, "p": 3, "q": 3, "r": 2}), "the index p+q+r is not an output position with a filter tap"),
        (layers.conv2d("c", M=8, C=4, P=10, Q=12, R=3, S=3), "it is a CONV, for which the dataflow nmk has no directives"),
    ],
)  # fmt: skip
def test_what_cannot_be_said(workload: Workload, reason: str) -> None:
    product = WorkLayer(layers.gemm("g", M=2, N=3, K=4))
    found = translate(Workloads("net", (WorkLayer(workload), product)), dataflow("nmk"))
    assert [(layer.name, layer.macs, layer.reason) for layer in found.left_out] == [
        (workload.name, workload.macs, reason)
    ]
    with pytest.raises(InputError, match="cannot be said"):
        translate(Workloads("net", (WorkLayer(workload),)), dataflow("nmk"))


def test_a_dilated_filter_of_one_tap_is_none() -> None:
    workload = layers.conv2d("c", M=8, C=4, P=10, Q=12, R=1, S=1, dilation=2, stride=2)
    assert said(workload)[1]["Y"] == 19
    with pytest.raises(Unsayable, match="dilated"):
        shapes_of(layers.conv2d("c", M=8, C=4, P=10, Q=12, R=1, S=2, dilation=2))


# -------------------------------------------------------------------------------------------------------------- names


def test_names() -> None:
    assert {dataflow(name).name for name in ("KC-P", "kcp_ws", "NVDLA", "dla")} == {"kc-p"}
    assert [dataflow(name).name for name in ("eye", "rs", "shi", "ShiDianNao", "nlr", "tpu")] == [
        "yr-p", "yr-p", "yx-p", "yx-p", "c-p", "nk-p",
    ]  # fmt: skip
    every = [other.casefold() for flow in DATAFLOWS.values() for other in (flow.name, *flow.aliases)]
    assert len(every) == len(set(every))
    with pytest.raises(InputError, match=r"there is no dataflow 'eyerris' \(did you mean 'eyeriss'\?\)"):
        dataflow("eyerris")


def test_a_dataflow_on_layers_of_a_file() -> None:
    text = "Network n { Layer a { Type: GEMM Dimensions { M: 4, N: 4, K: 4 } } }"
    (layer,) = parse_mapping(text, "model.m").layers
    with pytest.raises(InputError, match=r"model.m:1:13: the dataflow kc-p has no directives for a GEMM \(it knows"):
        dataflow("kc-p").on(layer)
    (layer,) = parse_mapping("Network n { Layer a { Type: CONV Dimensions { K: 4, C: 4 } } }", "model.m").layers
    with pytest.raises(InputError, match=r"the layer a has no dimension R, S, Y, X \(the dataflow kc-p maps it\)"):
        dataflow("kc-p").on(layer)
    text = "Network n { Layer a { Type: CONV Dimensions { K: 4, C: 4, R: 3, S: 3, Y': 6, X': 6 } } }"
    (layer,) = parse_mapping(text).layers
    (block,) = price_network(Network("n", (dataflow("yr-p").on(layer),)), Hardware(64))
    assert block["num_macs"] == 4 * 4 * 9 * 36
