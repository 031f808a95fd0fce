"""ONNX files as models without weights; whatever is wrong with a file ends in one message."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archloom.errors import InputError, Place, did_you_mean
from archloom.interop.onnx.wire import NotOnnx, without_weights

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

__all__ = ["import_onnx", "prepare_model", "read_model"]

MAX_NODES = 1_000_000


def import_onnx() -> Any:
    """The onnx package; raises InputError with advice when it is not installed."""
    try:
        import onnx
    except ImportError:
        raise InputError("reading ONNX models needs the onnx package", hint="pip install 'archloom[onnx]'") from None
    return onnx


def read_model(path: Path) -> ModelProto:
    """Read an ONNX file of any size without its weights, local functions inlined; raises InputError."""
    onnx = import_onnx()
    place = Place(str(path))
    try:
        data = _weightless(path)
    except NotOnnx as error:
        raise InputError(f"not an ONNX file: {error}", place, _advice(path)) from None
    except OSError as error:
        raise InputError(f"cannot read the file: {error.strerror}", place) from None
    try:
        model = onnx.ModelProto.FromString(data)
    except Exception as error:  # DecodeError of whichever protobuf runtime
        raise InputError(f"not an ONNX file: {_first_line(error)}", place, _advice(path)) from None
    return prepare_model(model, place)


def prepare_model(model: ModelProto, place: Place) -> ModelProto:
    """Check that there is a graph, and inline the model's local functions; raises InputError."""
    if not model.graph.node:
        raise InputError("the ONNX model has no graph with operators", place)
    if not model.opset_import:
        raise InputError("the ONNX model names no operator set (opset_import)", place)
    if not all(isinstance(opset.domain, str) for opset in model.opset_import):
        raise InputError("the name of an operator set (opset_import) is not UTF-8 text", place)
    if not model.functions:
        return model
    _check_functions(model, place)
    from onnx.inliner import inline_local_functions

    try:
        return inline_local_functions(model)
    except Exception as error:
        raise InputError(f"the local functions cannot be inlined: {_first_line(error)}", place) from None


def _weightless(path: Path) -> bytes:
    if path.is_dir():
        raise InputError("is a folder; expected an ONNX file", Place(str(path)))
    if not path.is_file():
        names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = did_you_mean(path.name, names)
        raise InputError("no such file", Place(str(path)), hint if hint.startswith("did") else None)
    if path.stat().st_size == 0:
        raise InputError("the file is empty; expected an ONNX model", Place(str(path)))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return without_weights(data)


def _advice(path: Path) -> str | None:
    with path.open("rb") as file:
        start = file.read(200)
    if start.startswith(b"version https://git-lfs"):
        return "this is a Git LFS pointer; fetch the file itself with git lfs pull"
    if start.startswith(b"PK"):
        return "this is a zip archive, as PyTorch writes; give the module itself, or export it with torch.onnx.export"
    return "this is text" if start.isascii() else None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def _check_functions(model: ModelProto, place: Place) -> None:
    """Inlining ends, and does not explode: no function calls itself, and all calls expand to a bounded number of nodes."""
    bodies = {
        (function.domain, function.name): [(node.domain, node.op_type) for node in _nodes(function.node)]
        for function in model.functions
    }
    try:
        order = list(TopologicalSorter(bodies).static_order())
    except CycleError as error:
        names = " -> ".join(str(name) for _, name in error.args[1])
        raise InputError(f"the local functions call each other in a circle: {names}", place) from None
    sizes: dict[tuple[str, str], int] = {}
    for name in order:
        sizes[name] = sum(sizes[called] for called in bodies[name]) if name in bodies else 1
    total = sum(sizes.get((node.domain, node.op_type), 1) for node in _nodes(model.graph.node))
    if total > MAX_NODES:
        raise InputError(f"the local functions expand to {total:,} operators; expected at most {MAX_NODES:,}", place)


def _nodes(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """All nodes, those of nested graphs included."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _nodes(graph.node)
