"""Networks from wherever they are: the zoo, ONNX files, YAML, PyTorch modules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archloom.errors import Fault, InputError, Place, did_you_mean, nearest
from archloom.spec.architecture_section import read_variables
from archloom.spec.document import parse, read
from archloom.spec.fields import Scope, shown
from archloom.spec.network_section import read_network
from archloom.spec.values import YamlMap
from archloom.spec.workload_section import read_workload
from archloom.workload.einsum import Workload
from archloom.workload.network import Layer, Network
from archloom.workload.zoo import load_zoo_network, zoo_entries, zoo_entry

__all__ = ["load_network"]

_SECTIONS = ("network", "workload", "variables")
_TORCH_FILES = (".pt", ".pth", ".pt2", ".safetensors", ".bin")


def load_network(
    source: Any,
    *,
    dims: Mapping[str, int] | None = None,
    inputs: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> Network:
    """Load a network: a name in the zoo, an `.onnx` file, a `.yaml` file or YAML text, or a PyTorch module.

    `dims` gives sizes to the symbolic dimensions of an ONNX model (see `archloom.interop.onnx.load_onnx`); `inputs` and `kwargs`
    are example inputs of a PyTorch module (see `archloom.interop.torch.load_torch`). YAML has a section `network` with `layers`,
    each a workload with a name and a `count`, or a section `workload` alone. A `Network` or `Workload` is taken as it is.
    Raises InputError with all faults; an unknown name brings the nearest one.

    >>> print(load_network("resnet18"))
    resnet18: 21 layers, 12 distinct, 1,814,073,344 MACs, 11,678,912 weights
    """
    kind = _kind(source)
    if dims is not None and kind != "onnx":
        raise InputError("dims are for ONNX models only; this is none")
    if (inputs is not None or kwargs is not None) and kind != "torch":
        raise InputError("example inputs are for PyTorch modules only; this is none")
    if kind == "onnx":
        from archloom.interop.onnx import load_onnx

        return load_onnx(source, dims=dims, name=name)
    if kind == "torch":
        from archloom.interop.torch import load_torch

        return load_torch(source, inputs, kwargs=kwargs, name=name)
    network = _READERS[kind](source)
    return network if name is None else Network(name, network.layers, network.skipped)


def _kind(source: Any) -> str:
    """Which reader a source is for; raises InputError when there is none."""
    if isinstance(source, Network | Workload):
        return "object"
    families = {ancestor.__module__.partition(".")[0] for ancestor in type(source).__mro__}
    for family in ("torch", "onnx"):
        if family in families:
            return family
    if not isinstance(source, str | Path):
        raise InputError(
            f"a network cannot be loaded from {type(source).__name__}; expected a name, a file or a PyTorch module"
        )
    if isinstance(source, str) and "\n" in source:
        return "yaml"
    suffix = Path(source).suffix.casefold()
    if suffix in (".onnx", ".yaml", ".yml"):
        return "onnx" if suffix == ".onnx" else "yaml"
    if isinstance(source, str) and zoo_entry(source) is not None:
        return "zoo"
    raise _unknown(Path(source))


def _unknown(path: Path) -> InputError:
    place, suffix = Place(str(path)), path.suffix.casefold()
    if suffix in _TORCH_FILES:
        return InputError(
            "files of PyTorch are not read", place, "load the module with torch and give it, with inputs=..."
        )
    try:
        exists = path.exists()
    except (OSError, ValueError):
        exists = False
    if exists:
        what = "is a folder" if path.is_dir() else "is no file that archloom knows by its ending"
        return InputError(f"{what}; expected a network as .onnx or .yaml", place)
    names = [name for entry in zoo_entries() for name in (entry.name, *entry.aliases)]
    close = nearest(str(path), names)
    hint = f"did you mean {close!r}?" if close else did_you_mean("", [entry.name for entry in zoo_entries()])
    return InputError(Fault(f"no such file, and no network {str(path)[:80]!r} in the zoo", None, hint))


def _from_yaml(source: str | Path) -> Network:
    is_text = isinstance(source, str) and "\n" in source
    origin = "text" if is_text else str(source)
    document = parse(str(source) if is_text else read(source), origin)
    scope = outer = Scope()
    if not isinstance(document, YamlMap):
        raise InputError(f"the file holds {shown(document)}; expected a mapping with 'network'", Place(origin))
    for key in document:
        if key not in _SECTIONS:
            scope.fault(
                f"there is no section {shown(key)} in a network",
                document.key_places[key],
                did_you_mean(str(key), _SECTIONS),
            )
    sections = [section for section in ("network", "workload") if section in document]
    if len(sections) != 1:
        found = "both 'network' and 'workload'" if sections else "no section 'network'"
        scope.fault(f"the file has {found}; expected one", document.place)
    scope.check()
    if "variables" in document:
        scope = read_variables(document["variables"], document.value_places["variables"], scope)
    value, place = document[sections[0]], document.value_places[sections[0]]
    if sections == ["network"]:
        network = read_network(value, place, scope)
    else:
        workload = read_workload(value, place, scope)
        network = None if workload is None else _from_object(workload)
    outer.check()
    assert network is not None
    return network


def _from_object(source: Network | Workload) -> Network:
    return source if isinstance(source, Network) else Network(source.name, (Layer(source),))


_READERS: dict[str, Any] = {"zoo": load_zoo_network, "yaml": _from_yaml, "object": _from_object}
