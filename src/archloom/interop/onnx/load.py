"""ONNX models as networks."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.interop.collect import Found
from archloom.interop.onnx.reader import prepare_model, read_model
from archloom.interop.onnx.scope import Scope, tensor_type
from archloom.interop.onnx.walk import walk
from archloom.workload.network import Network
from archloom.workload.sizes import is_whole

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["load_onnx"]

MAX_FAULTS = 20
MAX_SIZE = 2**40


def load_onnx(
    source: str | PathLike[str] | ModelProto, *, dims: Mapping[str, int] | None = None, name: str | None = None
) -> Network:
    """Read an ONNX model, a file of any size or a `ModelProto`, as the network of its layers; weights are not read.

    `dims` gives the sizes of symbolic dimensions, such as `{"batch": 1}`; a dimension without even a name is called
    `input[axis]`. Layers are convolutions, transposed convolutions, matrix products, einsums, attention and recurrent cells, with
    their quantised forms and those of ONNX Runtime; the network lists all other operators as skipped, with their operations.
    What depends on stored values and shapes alone is computed once, when a model is loaded, and not listed; nor is the addition
    of a bias, or an activation fused into a layer. `name` is the network's, by default the file's. Raises InputError: no ONNX
    file, dimensions without a size, a layer whose shapes are not known or do not fit, loops whose length depends on data.
    """
    if isinstance(source, str | PathLike):
        path = Path(source)
        place, model = Place(str(source)), read_model(path)
        name = name or path.stem
    else:
        place = Place(source.graph.name or "ONNX model")
        model = prepare_model(source, place)
        name = name or source.graph.name or "onnx"
    scope = _scope(model, dims or {}, place)
    found = Found()
    walk(model.graph.node, scope, found)
    if found.faults:
        unique = dict.fromkeys(Fault(fault.message, place, fault.hint) for fault in found.faults)
        raise InputError(list(unique)[:MAX_FAULTS])
    try:
        return Network(name, tuple(found.layers), tuple(found.skipped))
    except InputError as error:
        raise InputError(str(error), place) from None


def _scope(model: ModelProto, dims: Mapping[str, int], place: Place) -> Scope:
    """The scope of the outermost graph: its inputs with every dimension given a size."""
    _check_dims(dims, place)
    opsets = {"" if opset.domain == "ai.onnx" else opset.domain: opset.version for opset in model.opset_import}
    scope = Scope(opsets, dims)
    graph = model.graph
    names = [
        text for value in graph.input for text in (value.name, *(d.dim_param for d in value.type.tensor_type.shape.dim))
    ]
    if not all(isinstance(text, str) for text in names):
        raise InputError("the names of its inputs are not UTF-8 text", place)
    symbols: dict[str, str] = {}
    stored = {tensor.name for tensor in graph.initializer}
    for value in graph.input:
        if value.name in stored:
            continue
        scope.types[value.name] = value.type
        if not value.type.HasField("tensor_type"):
            continue
        kind = value.type.tensor_type
        if not kind.HasField("shape"):
            scope.why[value.name] = "the input has no shape in the file"
            continue
        sizes: list[int] = []
        for axis, dim in enumerate(kind.shape.dim):
            symbol = dim.dim_param or f"{value.name}[{axis}]"
            if not dim.dim_param and dim.dim_value > 0:
                sizes.append(dim.dim_value)
                continue
            symbols.setdefault(symbol, f"{value.name}[{axis}]")
            sizes.append(dims.get(symbol, 1))
        scope.types[value.name] = tensor_type(sizes, kind.elem_type)
    _check_symbols(symbols, dims, place)
    scope.add_graph(graph)
    return scope


def _check_dims(dims: Mapping[str, int], place: Place) -> None:
    faults = [
        Fault(f"the dimension {key!r} is given as {size!r}; expected an integer from 1 to 2**40", place)
        for key, size in dims.items()
        if not is_whole(size) or not 1 <= size <= MAX_SIZE
    ]
    if faults:
        raise InputError(faults)


def _check_symbols(symbols: Mapping[str, str], dims: Mapping[str, int], place: Place) -> None:
    faults: list[Fault] = []
    missing = [symbol for symbol in symbols if symbol not in dims]
    if missing:
        shown = ", ".join(
            symbol if symbols[symbol] == symbol else f"{symbol} (of {symbols[symbol]})" for symbol in missing
        )
        example = ", ".join(f"{symbol!r}: 1" for symbol in missing)
        faults.append(
            Fault(f"the inputs have dimensions without a size: {shown}", place, f"give them: dims={{{example}}}")
        )
    for key in dims:
        if key not in symbols:
            hint = did_you_mean(key, symbols) if symbols else "all dimensions of its inputs have sizes"
            faults.append(Fault(f"the model has no symbolic dimension {key!r}", place, hint))
    if faults:
        raise InputError(faults)
