"""Networks from any source: the dispatcher, and YAML with every fault in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archloom.errors import InputError, Place
from archloom.spec.networks import load_network
from archloom.workload.layers import gemm
from archloom.workload.network import Layer, Network

YAML = """\
variables: {width: 64}
network:
  name: tiny
  layers:
    - {name: conv1, conv2d: {M: width, C: 3, H: 32, W: 32, R: 3, S: 3, padding: 1}}
    - {name: block, count: 3, conv2d: {M: width, C: width, P: 16, Q: 16, R: 3, S: 3, stride: [2, 1]}}
    - {name: last, count: 2, conv2d: {M: 64, C: 64, P: 16, Q: 16, R: 3, S: 3, stride: [2, 1]}}
    - {name: up, conv_transpose2d: {M: 8, C: 64, H: 16, W: 16, R: 3, S: 3, stride: 2}}
    - {name: self, count: 2, attention: {heads: 4, kv_heads: 2, M: 10, K: 16}}
    - {name: scale, einsum: "O[m,n] += W[m] * I[m,n]", bounds: {m: width, n: 100}}
    - batched_matmul: {B: 2, M: 3, N: 4, K: 5}
    - {batched_matmul: {B: 7, M: 3, N: 4, K: 5}, stored: true}
"""


def faults(source: Any, **kwargs: Any) -> tuple[Any, ...]:
    with pytest.raises(InputError) as caught:
        load_network(source, **kwargs)
    return caught.value.faults


def test_yaml_lists_layers_of_every_kind() -> None:
    network = load_network(YAML)
    conv, block, up = 64 * 3 * 9 * 1024, 64 * 64 * 9 * 256, 8 * 64 * 256 * 9
    attention = 2 * 2 * 4 * 10 * 10 * 16
    assert network.name == "tiny"
    assert network.macs == conv + 5 * block + up + attention + 6400 + 120 + 420
    assert network.weight_words == 64 * 27 + 5 * 64 * 576 + 8 * 64 * 9 + 64 + 7 * 20
    assert (network.layer("last").count, network.layer("last").names) == (5, ("block", "last"))
    assert network.layer("layer6").workload.name == "layer6", "layers without a name are numbered"
    assert network.layer("up.phase3").workload.bounds["R"] == 1
    assert network.layer("self.scores").count == 2


def test_yaml_files_and_one_workload(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(YAML, encoding="utf-8")
    assert load_network(path) == load_network(str(path)) == load_network(YAML)
    single = "workload:\n  name: fc\n  gemm: {M: 2, N: 3, K: 4}\n"
    assert load_network(single).layers == (Layer(gemm("fc", M=2, N=3, K=4)),)


def test_all_faults_of_a_file_with_their_places() -> None:
    text = """\
network:
  layers:
    - {name: a, conv2d: {M: 64, C: 3, R: 3, S: 3}}
    - {name: b, count: 0, gemm: {M: 1, N: 1, K: 1}}
    - {name: c, conv2dd: {M: 1}}
    - {name: d, attention: {heads: 3, kv_heads: 2, M: 1, K: 1}}
    - {name: e, attention: {heads: 3, Mm: 1}}
    - 7
    - {name: f, gemm: {M: 1, N: 1, K: 1}, stored: 3}
    - {name: g, gemm: {M: 1, N: x, K: 1}}
"""
    found = {fault.place.line: str(fault) for fault in faults(text) if fault.place}
    assert "a: expected either the output size (P and Q) or the input size" in found[3]
    assert "'count' of layer 1 is 0; expected a whole number from 1 to 2**40" in found[4]
    assert "did you mean 'conv2d'?" in "".join(str(fault) for fault in faults(text) if fault.place.line == 5)
    assert "3 heads share 2 key-value heads" in found[6]
    assert {str(fault).split(": ", 1)[1] for fault in faults(text) if fault.place.line == 7} == {
        "attention has the unknown key 'Mm' (did you mean 'M'?)",
        "attention has no 'M'",
        "attention has no 'K'",
    }
    assert "layer 5 is 7; expected a mapping" in found[8]
    assert "'stored' of layer 6 is 3; expected true or false" in found[9]
    assert found[10].startswith("text:10:33: in the expression 'x': there is no name 'x'")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("network:\n  name: x\n", "text:2:3: the network has no 'layers'"),
        ("network:\n  layers: []\n", "text:2:11: the network has no layers (expected at least one)"),
        ("network:\n  layers: 3\n", "text:2:11: 'layers' of the network is 3; expected a list of layers"),
        ("networks:\n  layers: []\n", "there is no section 'networks' in a network (did you mean 'network'?)"),
        ("network: {layers: []}\nworkload: {}\n", "the file has both 'network' and 'workload'; expected one"),
        ("variables: {}\n# only\n", "the file has no section 'network'; expected one"),
        ("- 1\n- 2\n", "the file holds a list; expected a mapping with 'network'"),
        ("network: 3\nvariables: {}\n", "the network is 3; expected a mapping with keys such as name, layers"),
    ],
)
def test_faults_of_sections(text: str, expected: str) -> None:
    assert expected in "\n".join(map(str, faults(text)))


def test_names_of_the_zoo() -> None:
    assert load_network("ResNet-50").name == "resnet50_v1.5_torchvision"
    assert load_network("resnet18", name="mine").name == "mine"
    (fault,) = faults("resnet19")
    assert str(fault) == "no such file, and no network 'resnet19' in the zoo (did you mean 'resnet18'?)"
    (fault,) = faults("zzzz")
    assert "(expected one of: alexnet_original_grouped_n1, " in str(fault)


def test_objects_are_taken_as_they_are() -> None:
    network = Network("net", (Layer(gemm(M=1, N=2, K=3)),))
    assert load_network(network) is network
    assert load_network(gemm("fc", M=1, N=2, K=3)).layer("fc").count == 1


def test_files_that_hold_no_network(tmp_path: Path) -> None:
    for name, expected in {
        "weights.pth": "files of PyTorch are not read (load the module with torch and give it, with inputs=...)",
        "notes.txt": "is no file that archloom knows by its ending; expected a network as .onnx or .yaml",
        "folder": "is a folder; expected a network as .onnx or .yaml",
    }.items():
        path = tmp_path / name
        path.mkdir() if name == "folder" else path.write_text("x")
        (fault,) = faults(path)
        assert (fault.place, str(fault)) == (Place(str(path)), f"{path}: {expected}")
    (fault,) = faults(tmp_path / "nowhere.yaml")
    assert "no such file" in str(fault)
    (fault,) = faults("nowhere.onnx")
    assert "no such file" in str(fault)
    (fault,) = faults(7)
    assert str(fault) == "a network cannot be loaded from int; expected a name, a file or a PyTorch module"


def test_options_of_other_sources_are_refused() -> None:
    assert str(faults("resnet18", dims={"n": 1})[0]) == "dims are for ONNX models only; this is none"
    assert str(faults("resnet18", inputs=[(1, 3)])[0]) == "example inputs are for PyTorch modules only; this is none"


def test_onnx_models_and_files(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="the onnx package is not installed")
    from tests.interop.onnx_graphs import model, node, weights

    made = model([node("MatMul", "x w")], {"x": ("n", 8)}, [weights("w", 8, 4)])
    path = tmp_path / "model.onnx"
    path.write_bytes(made.SerializeToString())
    assert load_network(path, dims={"n": 2}).macs == load_network(made, dims={"n": 2}).macs == 64
    assert load_network(str(path), dims={"n": 2}, name="x").name == "x"


def test_torch_modules() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    assert load_network(torch.nn.Linear(4, 5), inputs=[(2, 4)]).macs == 40
