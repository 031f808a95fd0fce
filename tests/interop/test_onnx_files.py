"""ONNX files: of any size without their weights, and whatever is no ONNX file refused in one message."""

from __future__ import annotations

import contextlib
import random
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("onnx", reason="the onnx package is not installed")

from onnx import ModelProto, helper, save_model
from tests.interop.onnx_graphs import constant, model, node, weights

from archloom.errors import InputError
from archloom.interop.onnx import load_onnx
from archloom.interop.onnx.wire import NotOnnx, without_weights


def message(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(InputError) as caught:
        load_onnx(*args, **kwargs)
    return str(caught.value)


def sample() -> ModelProto:
    body = helper.make_graph([node("Constant", "", "k", value=weights("", 100, 100))], "b", [], [])
    nodes = [
        node("Conv", "x w", "c", pads=[1, 1, 1, 1]),
        node("Constant", "", "big", value=weights("", 64, 90)),
        node("Reshape", "c shape", "f"),
        node("MatMul", "f big"),
        node("If", "t", "z", then_branch=body, else_branch=body),
    ]
    return model(nodes, {"x": (1, 3, 8, 8)}, [weights("w", 64, 3, 3, 3), constant("shape", [64, 64])])


def varint(number: int) -> bytes:
    result = b""
    while number > 127:
        result, number = result + bytes([number & 127 | 128]), number >> 7
    return result + bytes([number])


def field(number: int, body: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(body)) + body


def test_weights_are_dropped_and_everything_else_is_kept() -> None:
    made = sample()
    small = ModelProto.FromString(without_weights(made.SerializeToString()))
    assert small.ByteSize() < 2000 < made.ByteSize()
    stored = {tensor.name: tensor for tensor in small.graph.initializer}
    assert list(stored["w"].dims) == [64, 3, 3, 3]
    assert stored["w"].data_location == stored["w"].EXTERNAL
    assert stored["shape"].raw_data, "small tensors may be shapes, and stay"
    for kept, original in zip(small.graph.node, made.graph.node, strict=True):
        assert kept.output == original.output
        if original.op_type != "Constant" and original.op_type != "If":
            assert kept == original
    assert load_onnx(made).macs == 64 * 27 * 64 + 64 * 64 * 90


@pytest.mark.parametrize("kind", ["float_data", "int64_data", "string_data"])
def test_weights_in_any_form_are_dropped(kind: str) -> None:
    made = sample()
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    getattr(tensor, kind).extend([b"abc"] * 5000 if kind == "string_data" else [1] * 5000)
    assert len(without_weights(made.SerializeToString())) < 2000


def test_a_file_larger_than_memory_allows_is_read_without_its_weights(tmp_path: Path) -> None:
    """Three GiB of weights inside the file, beyond what protobuf can parse; the file is sparse on disk."""
    rows, columns = 2**20, 768
    size = 4 * rows * columns
    tensor = (
        b"".join(b"\x08" + varint(n) for n in (columns, rows))
        + b"\x10\x01"
        + field(8, b"w")
        + varint(9 << 3 | 2)
        + varint(size)
    )
    small = model([node("MatMul", "x w")], {"x": (2, columns)})
    rest = small.graph.SerializeToString()
    small.ClearField("graph")
    length = len(rest) + len(tensor) + size
    initializer = varint(5 << 3 | 2) + varint(len(tensor) + size) + tensor
    head = (
        small.SerializeToString()
        + varint(7 << 3 | 2)
        + varint(length + len(initializer) - len(tensor))
        + rest
        + initializer
    )
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + size)
    tracemalloc.start()
    try:
        start = time.process_time()
        network = load_onnx(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 3 * 2**30
    assert (network.macs, network.weight_words) == (2 * columns * rows, columns * rows)
    assert peak < 20 * 2**20
    assert time.process_time() - start < 5


def test_external_weights_are_not_needed(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    made = sample()
    expected = load_onnx(made).macs
    save_model(
        made, path, save_as_external_data=True, location="weights.bin", size_threshold=0, convert_attribute=False
    )
    (tmp_path / "weights.bin").unlink()
    # The target of the reshape is external as well here, and only its declared shape can stand in
    assert "Reshape 'f' has a size that depends on data" in message(path)
    save_model(sample(), path, save_as_external_data=True, location="weights.bin", size_threshold=1024)
    (tmp_path / "weights.bin").unlink()
    assert load_onnx(path).macs == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "the file is empty; expected an ONNX model"),
        (b"\x00" * 100, "not an ONNX file: byte 0 starts no field of a protobuf message"),
        (b"PK\x03\x04" + b"\x00" * 90, "this is a zip archive, as PyTorch writes"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "fetch the file itself with git lfs pull"),
        (b"workload:\n  name: conv\n", "this is text"),
        (b"\x7fELF" + bytes(range(60)), "not an ONNX file"),
        (b"\x08\x07", "the ONNX model has no graph with operators"),
        (field(7, field(1, b"")), "names no operator set (opset_import)"),
        (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "the number at byte 1 does not end"),
        (b"\x98\x06\x01", "the field 99 at byte 0 is none of an ONNX model"),
        (b"\x3a\xff\xff\xff\xff\x0f", "the file is damaged or cut off"),
    ],
    ids=["empty", "zeros", "zip", "lfs", "text", "elf", "no graph", "no opset", "number", "unknown field", "cut"],
)
def test_what_is_no_onnx_file_is_refused(tmp_path: Path, data: bytes, expected: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    found = message(path)
    assert expected in found
    assert found.startswith(str(path))
    assert "\n" not in found


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    data = sample().SerializeToString()
    for part in (10, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:part])
        assert "not an ONNX file" in message(path) or "no graph" in message(path)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "resnet.onnx").write_bytes(b"x")
    assert message(tmp_path / "resent.onnx").endswith("no such file (did you mean 'resnet.onnx'?)")
    assert message(tmp_path / "nowhere" / "a.onnx").endswith("no such file")
    assert message(tmp_path).endswith("is a folder; expected an ONNX file")


def test_deep_nesting_ends() -> None:
    graph = field(1, field(4, b"If"))
    for _ in range(3000):
        graph = field(1, field(5, field(6, graph)))
    with pytest.raises(NotOnnx, match="nested more than 60 levels deep"):
        without_weights(field(7, graph))


def test_many_fields_are_quick() -> None:
    data = field(7, field(1, field(4, b"Relu")) * 100_000)
    start = time.process_time()
    assert without_weights(data) == data
    assert time.process_time() - start < 2


DATA = sample().SerializeToString()


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, len(DATA) - 1), st.integers(0, 255)), max_size=12), st.integers(0, len(DATA)))
def test_damaged_bytes_are_read_or_refused(tmp_path_factory: Any, changes: list[tuple[int, int]], cut: int) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    data = bytearray(DATA)
    for at, byte in changes:
        data[at] = byte
    path.write_bytes(data if cut % 3 else data[:cut])
    with contextlib.suppress(InputError):
        assert load_onnx(path).macs > 0


SIZES = (-1, 0, 1, 2, 3, 7, 2**31, 2**40, 2**62)


@settings(max_examples=150)
@given(st.randoms(use_true_random=False))
def test_damaged_models_are_read_or_refused(dice: random.Random) -> None:
    made = sample()
    for _ in range(dice.randint(1, 6)):
        target: Any = dice.choice([*made.graph.node, *made.graph.initializer, *made.graph.input])
        if hasattr(target, "dims"):
            target.dims[:] = [dice.choice(SIZES) for _ in range(dice.randint(0, 5))]
        elif hasattr(target, "op_type"):
            if dice.random() < 0.3:
                target.op_type = dice.choice(
                    ["Conv", "Gemm", "MatMul", "Einsum", "LSTM", "Loop", "Scan", "If", "Shape", "Gather", "Tile"]
                )
            elif dice.random() < 0.5:
                target.input[:] = [
                    dice.choice(["x", "w", "c", "f", "shape", "", "nope"]) for _ in range(dice.randint(0, 4))
                ]
            else:
                name = dice.choice(
                    ["strides", "pads", "group", "perm", "axis", "equation", "body", "num_scan_inputs", "transA"]
                )
                target.attribute.append(
                    helper.make_attribute(name, dice.choice([1, -5, [1, 2], [2**62], "a,b->c", 1.5]))
                )
        else:
            for dim in target.type.tensor_type.shape.dim:
                dim.dim_value = dice.choice(SIZES)
    with contextlib.suppress(InputError):
        assert load_onnx(made).macs > 0
