"""PyTorch modules as networks."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from archloom.errors import Fault, InputError, Place
from archloom.interop.collect import Found
from archloom.interop.torch.walk import walk
from archloom.workload.network import Network
from archloom.workload.sizes import is_whole

__all__ = ["load_torch"]

MAX_FAULTS = 20


def load_torch(
    source: Any, inputs: Any = None, *, kwargs: Mapping[str, Any] | None = None, name: str | None = None
) -> Network:
    """Read a PyTorch module as the network of its layers, by `torch.export` of the torch that is installed.

    `source` is a `torch.nn.Module`, or an `ExportedProgram`, which needs no inputs. `inputs` are example inputs: a tensor, or a
    list of tensors and shapes, a shape such as `(1, 3, 224, 224)` standing for a float32 tensor; `kwargs` are further ones by
    name. Only shapes are computed, so that the module may be on the `meta` device and take no memory. Layers are convolutions,
    transposed convolutions, matrix products, einsums, attention and recurrent cells, named after their modules; the network
    lists all other calls as skipped, with their operations. What depends on parameters alone is computed once and not listed.
    Raises InputError: torch is missing, the export fails, sizes are symbolic, or layers are run as often as data says.

    >>> import torch  # doctest: +SKIP
    >>> print(load_torch(torch.nn.Linear(8, 4), [(2, 8)]))  # doctest: +SKIP
    Linear: 1 layers, 1 distinct, 64 MACs, 32 weights
    """
    torch = _import_torch()
    exported = isinstance(source, torch.export.ExportedProgram)
    if not exported and not isinstance(source, torch.nn.Module):
        raise InputError(f"expected a torch.nn.Module or an ExportedProgram, found {type(source).__name__}")
    name = name or ("torch" if exported else type(source).__name__)
    program = source if exported else _export(torch, source, inputs, dict(kwargs or {}), name)
    stored = _parameters(program)
    found = Found()
    walk(program.graph_module, stored, found)
    place = Place(name)
    if found.faults:
        unique = dict.fromkeys(Fault(fault.message, place, fault.hint) for fault in found.faults)
        raise InputError(list(unique)[:MAX_FAULTS])
    try:
        return Network(name, tuple(found.layers), tuple(found.skipped))
    except InputError as error:
        raise InputError(str(error), place) from None


def _import_torch() -> Any:
    try:
        torch = importlib.import_module("torch")
        importlib.import_module("torch.export")
    except ImportError:
        raise InputError("reading PyTorch modules needs torch 2.5 or later", hint="pip install torch") from None
    return torch


def _export(torch: Any, module: Any, inputs: Any, kwargs: dict[str, Any], name: str) -> Any:
    if inputs is None and not kwargs:
        raise InputError(
            f"the module {name} needs example inputs",
            hint="e.g. inputs=[(1, 3, 224, 224)], shapes or tensors in a list",
        )
    parameter = next(iter(module.parameters()), None)
    device = parameter.device if parameter is not None else "cpu"
    given = [inputs] if isinstance(inputs, torch.Tensor) else [] if inputs is None else inputs
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise InputError(f"inputs is {given!r}; expected a list of tensors and shapes")
    if given and all(is_whole(item) for item in given):
        raise InputError(
            f"inputs is {given!r}; expected a list of inputs", hint=f"for one shape: inputs=[{tuple(given)!r}]"
        )
    example = tuple(_tensor(torch, item, device) for item in given)
    kwargs = {key: _tensor(torch, item, device) for key, item in kwargs.items()}
    try:
        with warnings.catch_warnings(action="ignore"):
            return torch.export.export(module, example, kwargs)
    except Exception as error:  # whatever the user's forward raises, and torch.export's own kinds
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        message = lines[0] if lines else type(error).__name__
        raise InputError(
            f"torch.export cannot export the module {name}: {type(error).__name__}: {message[:300]}"
        ) from None


def _tensor(torch: Any, item: Any, device: Any) -> Any:
    """A shape as a tensor of zeros; everything else as it is."""
    is_shape = isinstance(item, list | tuple) and item and all(is_whole(size) and size >= 0 for size in item)
    return torch.zeros(*item, device=device) if is_shape else item


def _parameters(program: Any) -> set[Any]:
    """The placeholders that hold parameters, buffers and constants."""
    kinds = {"PARAMETER", "BUFFER", "CONSTANT_TENSOR"}
    names = {spec.arg.name for spec in program.graph_signature.input_specs if spec.kind.name in kinds}
    return {node for node in program.graph_module.graph.nodes if node.op == "placeholder" and node.name in names}
