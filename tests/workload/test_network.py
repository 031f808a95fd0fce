"""Networks: merging, totals, and the zoo against its tables and the published MACs."""

from __future__ import annotations

import csv
import math
import time
from importlib.resources import files
from pathlib import Path

import pytest

from archloom.errors import InputError
from archloom.workload.layers import batched_matmul, conv2d, gemm
from archloom.workload.network import Layer, Network, Skipped
from archloom.workload.zoo import load_zoo_network, zoo_entries, zoo_entry

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "networks"

NETWORKS = {
    "alexnet_original_grouped_n1": (724406816, 60954656),
    "alexnet_original_grouped_n4_eyeriss_jssc17": (2897627264, 60954656),
    "alexnet_torchvision": (714188480, 61090496),
    "vgg16_n1": (15470264320, 138344128),
    "vgg16_n3_eyeriss_jssc17": (46410792960, 138344128),
    "resnet18": (1814073344, 11678912),
    "resnet50_v1.5_torchvision": (4089184256, 25502912),
    "mobilenet_v2": (300774272, 3469760),
    "mobilenet_v3_large": (216589760, 5451272),
    "mobilenet_v3_small": (56510400, 2525832),
    "efficientnet_b0": (385814752, 5236192),
    "mnasnet1_0_b1": (314415872, 4344392),
    "bert_base_seq512": (48318382080, 84934656),
    "bert_base_seq128": (11173625856, 84934656),
    "bert_large_seq512": (167503724544, 301989888),
    "gpt2_small_prefill1024": (145824153600, 123532032),
    "gpt2_small_decode_ctx1024": (142406400, 123532032),
    "gpt2_xl_prefill1024": (1753351782400, 1554971200),
    "gpt3_6p7b_prefill2048": (14293857013760, 6648303616),
    "gpt3_6p7b_decode_ctx2048": (7185174528, 6648303616),
    "llama2_7b_prefill2048": (14362501709824, 6607077376),
    "llama2_7b_decode_ctx2048": (7143948288, 6607077376),
    "llama3_8b_prefill2048": (15393688125440, 7504658432),
    "llama3_8b_decode_ctx2048": (8041529344, 7504658432),
    "llama3_8b_decode_b64_ctx2048": (514657878016, 7504658432),
    "vit_b_16_224": (17563828224, 86292480),
    "dlrm_mlperf_criteo_b1": (2458496, 2365184),
    "dlrm_mlperf_criteo_b2048": (5034999808, 2365184),
    "unet_572_valid_original": (150428424448, 31023808),
    "unet_256_same": (48096083968, 31023808),
    "retinanet_r50fpn_800": (151540437248, 60764096),
}
"""MACs and weights of each table, added up from its origin."""


def message(call: object, *args: object, **kwargs: object) -> str:
    assert callable(call)
    with pytest.raises(InputError) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def test_equal_shapes_merge_and_keep_their_names() -> None:
    first, second = conv2d("a", M=8, C=4, P=5, Q=5, R=3, S=3), conv2d("b", M=8, C=4, P=5, Q=5, R=3, S=3)
    strided = conv2d("c", M=8, C=4, P=5, Q=5, R=3, S=3, stride=2)
    network = Network("net", (Layer(first), Layer(strided), Layer(second, 3), Layer(first)))
    assert [(layer.count, layer.names) for layer in network.layers] == [(5, ("a", "b")), (1, ("c",))]
    assert network.macs == 6 * first.macs
    assert network.weight_words == 6 * 8 * 4 * 9
    assert network.layer("b") is network.layers[0]
    assert str(network) == "net: 6 layers, 2 distinct, 43,200 MACs, 1,728 weights"


def test_what_changes_the_cost_does_not_merge() -> None:
    base = gemm("a", M=2, N=3, K=4)
    others = [
        gemm("b", M=2, N=3, K=4, word_bits={"Weights": 4}),
        gemm("c", M=3, N=2, K=4),
        batched_matmul("d", B=1, M=2, N=3, K=4),
    ]
    assert len(Network("net", tuple(map(Layer, [base, *others]))).layers) == 4


def test_products_of_activations_store_nothing() -> None:
    layers = (Layer(gemm("fc", M=2, N=3, K=4)), Layer(gemm("qk", M=2, N=3, K=4), 2, weight_words=0))
    network = Network("net", layers)
    assert len(network.layers) == 1
    assert network.weight_words == 12


def test_skipped_parts_have_a_share() -> None:
    skipped = (Skipped("relu", "Relu", 100), Skipped("nms", "NonMaxSuppression", None, "size unknown"))
    network = Network("net", (Layer(gemm(M=10, N=3, K=10)),), skipped)
    assert network.skipped_operations == 100
    assert network.skipped_share == pytest.approx(100 / (100 + 2 * 300))
    assert str(network).endswith("; 14.29% of all operations skipped")


def test_faults_of_networks() -> None:
    assert "has no layers: expected at least one" in message(Network, "net", ())
    only = (Skipped("r", "Relu", 1), Skipped("s", "Add", 1))
    assert "all of its operators are skipped (Add, Relu)" in message(Network, "net", (), only)
    assert "count 0; expected a positive integer" in message(Layer, gemm(M=1, N=1, K=1), 0)
    network = Network("net", (Layer(gemm("conv1", M=1, N=1, K=1)),))
    assert message(network.layer, "conv2") == "the network 'net' has no layer 'conv2' (did you mean 'conv1'?)"


@pytest.mark.parametrize("name", NETWORKS)
def test_zoo_totals_are_those_of_the_tables(name: str) -> None:
    network, entry = load_zoo_network(name), zoo_entry(name)
    assert (network.macs, network.weight_words) == NETWORKS[name]
    assert entry is not None
    assert (entry.macs, entry.weight_words) == NETWORKS[name]
    if entry.published_macs and "dlrm" not in name:  # its published figure leaves out the interaction
        assert abs(network.macs / entry.published_macs - 1) <= 0.0025


def test_the_zoo_is_whole() -> None:
    names = [entry.name for entry in zoo_entries()]
    assert set(NETWORKS) <= set(names)
    tables = {
        file.name.removesuffix(".csv")
        for file in files("archloom.workload.zoo").iterdir()
        if file.name.endswith(".csv")
    }
    assert tables == {*names, "index"}
    for entry in zoo_entries():
        assert load_zoo_network(entry.name).macs == entry.macs
        assert load_zoo_network(entry.name).weight_words == entry.weight_words
        for alias in entry.aliases:
            assert zoo_entry(alias) is entry


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ResNet-50", "resnet50_v1.5_torchvision"),
        ("vgg16", "vgg16_n1"),
        ("BERT base", "bert_base_seq512"),
        ("mobilenetv2", "mobilenet_v2"),
        ("ViT-B/16", "vit_b_16_224"),
        ("llama3-8b", "llama3_8b_prefill2048"),
    ],
)
def test_zoo_names_are_forgiving(name: str, expected: str) -> None:
    assert load_zoo_network(name).name == expected


def test_an_unknown_name_brings_the_nearest() -> None:
    assert message(load_zoo_network, "resnet19") == "the zoo has no network 'resnet19' (did you mean 'resnet18'?)"


def test_grouped_query_heads_share_their_keys() -> None:
    scores = load_zoo_network("llama3_8b_prefill2048").layer("attn_QKt").workload
    assert scores.words(scores.tensor("Weights")) == 8 * 2048 * 128
    assert scores.words(scores.tensor("Inputs")) == 32 * 2048 * 128


def test_loading_does_not_take_seconds() -> None:
    load_zoo_network.cache_clear()
    zoo_entries()
    start = time.process_time()
    for name in NETWORKS:
        load_zoo_network(name)
    assert time.process_time() - start < 5.0, "31 networks, about 50 ms in all"


@pytest.mark.parametrize("name", NETWORKS)
def test_zoo_rows_are_those_of_the_reference(name: str) -> None:
    """Every layer by name, with its MACs, weights and input sizes, where the reference tables are at hand."""
    table = REFERENCE / f"{name}.csv"
    if not table.is_file():
        pytest.skip("the reference tables are not here")
    network = load_zoo_network(name)
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    assert sum(layer.count for layer in network.layers) == sum(int(row["count"]) for row in rows)
    for row in rows:
        workload = network.layer(row["layer"]).workload
        assert workload.macs == int(row["macs_each"])
        if row["op"] != "bmm":
            assert workload.words(workload.tensor("Weights")) == int(row["weight_elems_each"])
        if row["op"] in ("conv", "dwconv"):
            height = workload.shape(workload.tensor("Inputs"))[-2]
            stride, padded = int(row["Hstride"]), int(row["H"]) + 2 * int(row["pad"])
            assert padded - stride < height <= padded, "the window slides over the padded input"
        assert math.prod(workload.bounds.values()) == workload.macs
