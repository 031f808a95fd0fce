"""Workload sections of YAML files: an einsum with bounds, or one of the usual layers by its sizes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace

from archloom.errors import InputError, Place, did_you_mean
from archloom.spec.architecture_section import read_variables
from archloom.spec.fields import Fields, Scope
from archloom.spec.quantities import WORD
from archloom.spec.values import Value, YamlList, YamlMap, shown
from archloom.workload import layers
from archloom.workload.einsum import ROLES, Tensor, Workload, parse_einsum

__all__ = ["LAYERS", "read_workload"]

LAYERS: dict[str, Callable[..., Workload]] = {
    "conv1d": layers.conv1d,
    "conv2d": layers.conv2d,
    "conv3d": layers.conv3d,
    "depthwise_conv2d": layers.depthwise_conv2d,
    "gemm": layers.gemm,
    "linear": layers.linear,
    "batched_matmul": layers.batched_matmul,
    "mttkrp": layers.mttkrp,
}
"""The layers that a workload section may name, each a function from sizes to one workload."""

_KEYS = ("name", "einsum", "bounds", "word", "word_bits", "roles", "variables", *LAYERS)
MAX_WORD_BITS = 4096

_TIMELOOP_KEYS = ("shape", "instance", "data_spaces", "data-spaces")


def read_workload(value: Value, place: Place, scope: Scope) -> Workload | None:
    """Read a workload section; None, with faults in `scope`, when it has any."""
    before = len(scope.faults)
    if isinstance(value, YamlMap) and any(key in value for key in _TIMELOOP_KEYS):
        scope.fault(
            "this is a workload in Timeloop's form", place, "load it with archloom.interop.timeloop or --timeloop"
        )
        return None
    if isinstance(value, YamlMap) and "variables" in value:
        scope = read_variables(value["variables"], value.value_places["variables"], scope)
    fields = Fields(value, place, "the workload", _KEYS, scope)
    kinds = [key for key in ("einsum", *LAYERS) if key in fields]
    if len(kinds) > 1:
        scope.fault(f"the workload has both {kinds[0]!r} and {kinds[1]!r}; expected one of them", fields.at(kinds[1]))
    elif not kinds and isinstance(value, YamlMap):
        scope.fault(f"the workload has no 'einsum' and no layer; expected one of: einsum, {', '.join(LAYERS)}", place)
    if len(scope.faults) > before:
        return None
    workload = _einsum(fields) if kinds == ["einsum"] else _layer(fields, kinds[0])
    if workload is not None:
        workload = replace(workload, tensors=_tensors(fields, workload))
    return None if len(scope.faults) > before else workload


def _einsum(fields: Fields) -> Workload | None:
    scope = fields.scope
    name = fields.text("name", "einsum")
    bounds: dict[str, int] = {}
    if fields.require("bounds"):
        for dim, bound, where in fields.entries("bounds", of="dimensions to trip counts"):
            bounds[dim] = scope.integer(bound, f"the bound of {dim!r}", where) or 1
    text = fields.text("einsum", "")
    if not text:
        return None
    try:
        tensors = parse_einsum(text, fields.at("einsum"))
    except InputError as error:
        scope.adopt(error, fields.at("einsum"))
        return None
    if "bounds" not in fields:
        return None
    used = {dim for tensor in tensors for dim in tensor.dims}
    for dim in sorted(used - bounds.keys()):
        unused = [bound for bound in bounds if bound not in used]
        hint = did_you_mean(dim, unused) if unused else None
        scope.fault(f"the dimension {dim!r} of the einsum has no bound", fields.at("bounds"), hint)
        bounds[dim] = 1
    for dim in bounds.keys() - used:
        scope.warnings.append(f"the dimension {dim!r} of the workload {name!r} indexes no tensor")
    try:
        return Workload(name, bounds, tensors)
    except InputError as error:
        scope.adopt(error, fields.at("einsum"))
        return None


def _layer(fields: Fields, kind: str) -> Workload | None:
    scope, layer = fields.scope, LAYERS[kind]
    parameters = inspect.signature(layer).parameters
    sizes = [name for name in parameters if name not in ("name", "word_bits")]
    inner = Fields(fields.raw(kind), fields.at(kind), f"{kind}", sizes, scope)
    before = len(scope.faults)
    given: dict[str, object] = {"name": fields.text("name", kind)}
    for size in sizes:
        if size in inner:
            given[size] = _size(inner, size)
        elif parameters[size].default is inspect.Parameter.empty:
            scope.fault(f"{kind} has no {size!r}", inner.place)
    if len(scope.faults) > before:
        return None
    try:
        return layer(**given)
    except InputError as error:
        scope.adopt(error, inner.place)
        return None


def _size(fields: Fields, key: str) -> int | list[int]:
    """A size, or a list of one size per axis; whether zero or a list makes sense is the layer's to say."""
    value = fields.raw(key)
    if isinstance(value, YamlList):
        sides = zip(value, value.value_places, strict=True)
        return [fields.scope.integer(side, fields.label(key), where, least=0) or 0 for side, where in sides]
    return fields.integer(key, 1, least=0)


def _tensors(fields: Fields, workload: Workload) -> tuple[Tensor, ...]:
    """The tensors with the word widths and roles that the section gives them."""
    names = [tensor.name for tensor in workload.tensors]
    widths = _widths(fields, names)
    roles: dict[str, str] = {}
    for name, role, where in fields.entries("roles", of="tensors to roles"):
        if _is_known(fields, name, names, where):
            roles[name] = role if isinstance(role, str) else ""
            if role not in ROLES:
                hint = did_you_mean(str(role), ROLES)
                fields.scope.fault(f"the role of {name!r} is {shown(role)}", where, hint)
            elif (role == "output") != workload.tensor(name).is_output:
                fields.scope.fault(f"the role of {name!r} is {role!r}; only the tensor left of += is the output", where)
    return tuple(
        replace(
            tensor,
            word_bits=widths.get(tensor.name, tensor.word_bits),
            role=roles[tensor.name] if roles.get(tensor.name) in ROLES else tensor.role,
        )
        for tensor in workload.tensors
    )


def _widths(fields: Fields, names: list[str]) -> dict[str, int]:
    key = "word_bits" if "word_bits" in fields else "word"
    if "word" in fields and "word_bits" in fields:
        fields.fault("word", "the workload has both 'word' and 'word_bits'; expected one of them")
    if key not in fields:
        return {}
    if not isinstance(fields.raw(key), YamlMap):
        return dict.fromkeys(names, _width(fields, key, bare=key == "word_bits"))
    inner = Fields(fields.raw(key), fields.at(key), f"{key!r} of the workload", names, fields.scope)
    return {name: _width(inner, name, bare=key == "word_bits") for name in names if name in inner}


def _width(fields: Fields, key: str, *, bare: bool) -> int:
    if bare:
        bits: float = fields.number(key, 1)
    else:
        given = fields.quantity(key, WORD)
        bits = 1 if given is None else given.value
    if not 1 <= bits <= MAX_WORD_BITS or bits % 1:
        wanted = f"expected a whole number of bits from 1 to {MAX_WORD_BITS}"
        fields.fault(key, f"{fields.label(key)} is {shown(fields.raw(key))}; {wanted}")
        return 1
    return int(bits)


def _is_known(fields: Fields, name: str, names: list[str], place: Place) -> bool:
    if name in names:
        return True
    fields.scope.fault(f"{name!r} is not a tensor of the workload", place, did_you_mean(name, names))
    return False
