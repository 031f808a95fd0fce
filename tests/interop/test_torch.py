"""PyTorch modules to layers: MACs against torch's own flop counter on a real run."""

from __future__ import annotations

from typing import Any

import pytest

from archloom.errors import InputError
from archloom.interop.torch import load_torch

torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed")
flop_counter: Any = pytest.importorskip("torch.utils.flop_counter", reason="this PyTorch has no flop counter")
nn, functional = torch.nn, torch.nn.functional

pytestmark = pytest.mark.filterwarnings("ignore")
"""Torch warns of itself."""


def message(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(InputError) as caught:
        load_torch(*args, **kwargs)
    return str(caught.value)


def counted_macs(module: Any, *inputs: Any) -> int:
    """Multiply-accumulates of a run, which torch counts as two operations each."""
    counter = flop_counter.FlopCounterMode(display=False)
    # Fused kernels, which the counter does not know, are kept out
    with counter, nn.attention.sdpa_kernel(nn.attention.SDPBackend.MATH), torch.backends.mkldnn.flags(enabled=False):
        module(*inputs)
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return flops // 2


class ResidualBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 16, 3, padding="same")
        self.short = nn.Conv2d(8, 16, 1, stride=2)

    def forward(self, x: Any) -> Any:
        return functional.relu(self.conv2(functional.relu(self.bn1(self.conv1(x)))) + self.short(x))


class Attention(nn.Module):
    def __init__(self, heads: int = 4, kv_heads: int = 4, size: int = 8) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.size = heads, kv_heads, size
        self.query = nn.Linear(32, heads * size)
        self.kv = nn.Linear(32, 2 * kv_heads * size, bias=False)
        self.out = nn.Linear(heads * size, 32)

    def forward(self, x: Any) -> Any:
        batch, length, _ = x.shape
        q = self.query(x).view(batch, length, self.heads, self.size).transpose(1, 2)
        k, v = self.kv(x).view(batch, length, 2, self.kv_heads, self.size).permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(q, k, v, enable_gqa=self.heads != self.kv_heads)
        return self.out(y.transpose(1, 2).reshape(batch, length, -1))


class Products(nn.Module):
    """Every spelling of a matrix product, with shapes that broadcast."""

    def forward(self, a: Any, b: Any, v: Any) -> Any:
        return (
            a @ b,
            torch.matmul(a, b[0]),
            torch.bmm(a, b),
            torch.mm(a[0], b[0]),
            torch.addmm(torch.zeros(3), a[0], b[0]),
            torch.baddbmm(torch.zeros(1), a, b),
            torch.einsum("bij,bjk->ik", a, b),
            functional.linear(a, b[0].t()),
            a.unsqueeze(1) @ b,
            torch.mv(a[0], v),
        )


class Functions(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs)


CASES = {
    "residual": (ResidualBlock(), [(2, 8, 14, 14)]),
    "depthwise": (nn.Sequential(nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 12, 1)), [(1, 8, 9, 9)]),
    "grouped": (nn.Conv2d(8, 12, 3, groups=4, dilation=2, padding=1), [(3, 8, 9, 7)]),
    "unbatched": (nn.Conv2d(8, 12, 3), [(8, 9, 7)]),
    "conv1d": (nn.Conv1d(4, 6, 5, stride=2), [(2, 4, 33)]),
    "conv3d": (nn.Conv3d(2, 4, (1, 3, 3), stride=(1, 2, 2), padding="valid"), [(1, 2, 5, 9, 9)]),
    "transposed": (nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1), [(2, 8, 7, 7)]),
    "transposed uneven": (nn.ConvTranspose2d(8, 4, 3, stride=2, groups=2, output_padding=1, padding=1), [(1, 8, 7, 5)]),
    "transposed 1d": (nn.ConvTranspose1d(8, 4, 5, stride=3, dilation=2), [(1, 8, 7)]),
    "attention": (Attention(), [(2, 10, 32)]),
    "grouped-query": (Attention(kv_heads=2), [(2, 10, 32)]),
    "multi-head module": (Functions(lambda x: x), []),
    "encoder": (nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), [(2, 10, 32)]),
    "products": (Products(), [(2, 5, 4), (2, 4, 3), (4,)]),
    "tensordot": (Functions(lambda a, b: torch.tensordot(a, b, dims=([2, 0], [0, 1]))), [(2, 5, 4), (4, 2, 3)]),
    "lstm": (nn.LSTM(6, 5, num_layers=2, bidirectional=True), [(7, 3, 6)]),
    "gru": (nn.GRU(6, 5, batch_first=True, bias=False), [(3, 7, 6)]),
    "projected lstm": (nn.LSTM(6, 5, proj_size=2), [(7, 3, 6)]),
    "cell": (nn.GRUCell(6, 5), [(3, 6)]),
    "low precision": (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 5)).to(torch.bfloat16), [torch.ones(1, 3, 8, 8, dtype=torch.bfloat16)]),
}  # fmt: skip
CASES["multi-head module"] = (nn.MultiheadAttention(16, 4, batch_first=True), [(2, 6, 16), (2, 9, 16), (2, 9, 16)])


@pytest.mark.parametrize("name", CASES)
def test_macs_are_those_torch_counts(name: str) -> None:
    module, inputs = CASES[name]
    network = load_torch(module.eval(), inputs)
    real = [torch.ones(*item) if isinstance(item, tuple) else item for item in inputs]
    expected = counted_macs(module, *real)
    if name == "products":
        expected += 5 * 4  # torch does not count the matrix-vector product
    assert network.macs == expected
    parameters = sum(
        item.numel()
        for key, item in module.named_parameters()
        if "bias" not in key and "bn" not in key and "norm" not in key
    )
    assert network.weight_words == parameters


def test_names_and_skipped_parts() -> None:
    network = load_torch(ResidualBlock().eval(), [(1, 8, 14, 14)])
    assert network.name == "ResidualBlock"
    assert [layer.names for layer in network.layers] == [("conv1",), ("conv2",), ("short",)]
    assert {part.op: part.operations for part in network.skipped} == {
        "aten.batch_norm": 16 * 49,
        "aten.relu": 16 * 49,
        "aten.add": 16 * 49,
    }
    assert network.skipped_share == pytest.approx(4 * 16 * 49 / (4 * 16 * 49 + 2 * network.macs))


def test_several_products_in_one_module_have_names_of_their_own() -> None:
    network = load_torch(nn.MultiheadAttention(16, 4).eval(), [(6, 2, 16), (6, 2, 16), (6, 2, 16)])
    assert {name for layer in network.layers for name in layer.names} == {
        "linear",
        "linear_1",
        "linear_2",
        "linear_3",
        "bmm",
        "bmm_1",
    }
    nested = load_torch(nn.Sequential(Attention()).eval(), [(2, 10, 32)])
    assert [layer.name for layer in nested.layers] == ["0.query", "0.kv", "0.scores", "0.context"]
    assert nested.layer("0.out") is nested.layer("0.query")


def test_operations_of_pooling_and_reductions() -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.MaxPool2d((3, 2)), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout()
    )
    network = load_torch(module.eval(), [(1, 3, 12, 12)])
    assert {part.op.removeprefix("aten."): part.operations for part in network.skipped} == {
        "max_pool2d": 4 * 4 * 6 * 6,
        "avg_pool2d": 4 * 2 * 3 * 4,
        "adaptive_avg_pool2d": 4 * 2 * 3,
        "flatten": 0,
        "dropout": 0,
    }


def test_a_module_without_memory_for_its_weights() -> None:
    with torch.device("meta"):
        module = nn.Sequential(nn.Linear(100_000, 200_000), nn.ReLU())
    assert load_torch(module, [(3, 100_000)]).macs == 3 * 100_000 * 200_000


class Cache(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("keys", torch.zeros(1, 16, 8))
        self.register_buffer("table", torch.zeros(8, 8))

    def forward(self, x: Any) -> Any:
        self.keys[:, 3:4].copy_(x)
        return x @ self.keys.transpose(1, 2), x @ self.table


def test_a_buffer_that_is_written_is_no_weight() -> None:
    network = load_torch(Cache(), [(1, 1, 8)])
    assert network.macs == 16 * 8 + 8 * 8
    assert network.weight_words == 64


class Regions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Any) -> Any:
        with torch.no_grad():
            y = self.fc(x)
        with torch.autocast("cpu"):
            return self.fc(y)


def test_regions_under_another_mode_are_entered() -> None:
    network = load_torch(Regions(), [(2, 4)])
    assert (network.macs, network.weight_words) == (2 * 2 * 16, 2 * 16)


class Branches(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Any) -> Any:
        def wide(x: Any) -> Any:
            return (x @ torch.ones(8, self.width)).sum(1)

        def narrow(x: Any) -> Any:
            return (x @ torch.ones(8, 3)).sum(1) + 1

        return torch.cond(x.sum() > 0, wide, narrow, (x,))


def test_branches_have_to_compute_the_same_layers() -> None:
    assert load_torch(Branches(3), [(2, 8)]).macs == 2 * 8 * 3
    found = message(Branches(5), [(2, 8)])
    assert "cond 'cond': its branches compute different layers (1 layer with 80 MACs and 1 layer with 48 MACs)" in found


def test_exported_programs_are_taken_as_they_are() -> None:
    program = torch.export.export(ResidualBlock().eval(), (torch.ones(1, 8, 14, 14),))
    network = load_torch(program, name="block")
    assert network.name == "block"
    assert (
        network.macs
        == load_torch(program.run_decompositions()).macs
        == load_torch(ResidualBlock().eval(), [(1, 8, 14, 14)]).macs
    )
    decomposed = load_torch(torch.export.export(Attention().eval(), (torch.ones(2, 10, 32),)).run_decompositions())
    assert (decomposed.macs, decomposed.weight_words) == (94_720, 4_096), "an expanded weight is one weight"
    batch = torch.export.Dim("batch", max=64)
    dynamic = torch.export.export(nn.Linear(4, 5), (torch.ones(2, 4),), dynamic_shapes=({0: batch},))
    assert "has the symbolic shape (s" in message(dynamic)
    assert "(export the module with fixed sizes)" in message(dynamic)


def test_faults_say_what_to_do() -> None:
    linear = nn.Linear(4, 5)
    assert (
        message(linear)
        == "the module Linear needs example inputs (e.g. inputs=[(1, 3, 224, 224)], shapes or tensors in a list)"
    )
    assert message(linear, (1, 4)) == "inputs is (1, 4); expected a list of inputs (for one shape: inputs=[(1, 4)])"
    assert message(linear, "x").startswith("inputs is 'x'; expected a list of tensors and shapes")
    assert message("resnet18").startswith("expected a torch.nn.Module or an ExportedProgram, found str")
    found = message(linear, [(2, 7)])
    assert found.startswith("torch.export cannot export the module Linear: ")
    assert "\n" not in found
    assert "has no layers: all of its operators are skipped (aten.relu)" in message(nn.ReLU(), [(2, 2)])
    packed = Functions(lambda x: torch.linalg.multi_dot([x, x, x]))
    assert "(give torch.export.export(...).run_decompositions() instead of the module)" in message(packed, [(3, 3)])


def test_the_module_is_left_as_it_was() -> None:
    module = ResidualBlock().train()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    load_torch(module, [(2, 8, 14, 14)])
    assert module.training
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


def test_keyword_inputs() -> None:
    assert load_torch(nn.Linear(4, 5), kwargs={"input": torch.ones(3, 4)}).macs == 60
