"""Timeloop's `problem` section: dimensions, coefficients, data spaces and an instance become a Workload."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.interop.timeloop.fields import Field, Fields, Notes, as_map, kind_of
from archloom.spec.document import Value, YamlList, YamlMap, parse
from archloom.workload.einsum import Rank, Tensor, Workload, guess_role

__all__ = ["BUILT_IN_SHAPES", "problem_from"]

MAX_DATA_SPACES = 64
_NAME = re.compile(r"[A-Za-z_]\w*")

_CONV = """
name: CNN_Layer
dimensions: [R, S, P, Q, C, K, N]
coefficients:
- {name: Wstride, default: 1}
- {name: Hstride, default: 1}
- {name: Wdilation, default: 1}
- {name: Hdilation, default: 1}
data_spaces:
- {name: Weights, projection: [[[C]], [[K]], [[R]], [[S]]]}
- {name: Inputs, projection: [[[N]], [[C]], [[R, Wdilation], [P, Wstride]], [[S, Hdilation], [Q, Hstride]]]}
- {name: Outputs, projection: [[[N]], [[K]], [[Q]], [[P]]], read_write: true}
"""
_GEMM = """
name: gemm_ABZ
dimensions: [M, N, K]
data_spaces:
- {name: A, projection: [[[M]], [[K]]]}
- {name: B, projection: [[[N]], [[K]]]}
- {name: Z, projection: [[[M]], [[N]]], read_write: true}
"""
_GEMM_ADD = """
name: gemm
dimensions: [M, N, K]
data_spaces:
- {name: A, projection: [[[M]], [[K]]]}
- {name: B, projection: [[[N]], [[K]]]}
- {name: C, projection: [[[M]], [[N]]]}
- {name: D, projection: [[[M]], [[N]]], read_write: true}
"""

BUILT_IN_SHAPES = {"cnn_layer": _CONV, "gemm_ABZ": _GEMM, "gemm": _GEMM_ADD}
"""The shapes that Timeloop ships and a problem may name, as YAML."""


def problem_from(section: Value, place: Place, notes: Notes, names: dict[str, object]) -> Workload | None:
    """Lower a `problem` section; None, with faults in `notes`, when that is not possible."""
    source = as_map(section, "the problem", place, notes)
    if source is None:
        return None
    fields = Fields(source, "problem", notes, names=names)
    fields.take("version")
    shape = _shape(fields, notes)
    if shape is None:
        return None
    dims = _dimensions(shape, notes)
    values = _instance(fields, source, notes, names)
    coefficients = _coefficients(shape, values, notes)
    bounds = {dim: values.integer(dim) for dim in dims}
    for dim, bound in bounds.items():
        given = values.by_name.get(dim)
        if bound is None and (given is None or given.value is None):
            notes.fault(f"{values.owner}: the bound of {dim!r} is missing", values.place)
    _sparsity(values, notes)
    _hint_at_misspelled(values, [*dims, *coefficients], notes)
    tensors = _tensors(shape, dims, coefficients, notes)
    name = shape.text("name", default="problem")
    if shape.take("flatten") is not None:
        notes.fault("problem: flattened dimensions are not supported", shape.by_name["flatten"].place)
    if any(bound is None for bound in bounds.values()) or notes.faults:
        return None
    return _workload(
        name, {dim: bound for dim, bound in bounds.items() if bound is not None}, tensors, shape.place, notes
    )


def _shape(fields: Fields, notes: Notes) -> Fields | None:
    field = fields.take("shape")
    if field is None:
        return _built_in("cnn_layer", fields, notes)
    if isinstance(field.value, str):
        name = field.value.removesuffix(".yaml").removesuffix(".cfg").replace("-", "_")
        if name not in BUILT_IN_SHAPES:
            notes.fault(
                f"problem: there is no built-in shape {field.value!r}", field.place, did_you_mean(name, BUILT_IN_SHAPES)
            )
            return None
        return _built_in(name, fields, notes)
    source = as_map(field.value, "problem: shape", field.place, notes)
    return None if source is None else Fields(source, "problem shape", notes)


def _built_in(name: str, fields: Fields, notes: Notes) -> Fields:
    value = parse(BUILT_IN_SHAPES[name], f"built-in shape {name}")
    assert isinstance(value, YamlMap)
    value.place = fields.place
    return Fields(value, "problem shape", notes)


def _instance(fields: Fields, source: YamlMap, notes: Notes, names: dict[str, object]) -> Fields:
    """The bounds and coefficients: under `instance`, or beside the shape as older files have them."""
    instance = fields.map("instance")
    if instance is not None:
        return Fields(instance, "problem instance", notes, names=names)
    fields.ignore()
    beside = source.copy()
    for key in [key for key in beside if str(key) in ("shape", "version", "instance")]:
        del beside[key]
    return Fields(beside, "problem", notes, names=names)


def _dimensions(shape: Fields, notes: Notes) -> list[str]:
    listed = shape.list("dimensions") or []
    if not listed and not notes.faults:
        notes.fault("problem shape: 'dimensions' is missing; expected a list like [C, M, R, S, N, P, Q]", shape.place)
    dims: list[str] = []
    for dim in listed:
        if not isinstance(dim, str) or not _NAME.fullmatch(dim):
            notes.fault(f"problem shape: the dimension {kind_of(dim)} is not a name", shape.by_name["dimensions"].place)
        elif dim in dims:
            notes.fault(f"problem shape: the dimension {dim!r} is listed twice", shape.by_name["dimensions"].place)
        else:
            dims.append(dim)
    return dims


def _coefficients(shape: Fields, values: Fields, notes: Notes) -> dict[str, int]:
    result: dict[str, int] = {}
    for entry, place in _entries(shape, "coefficients", notes):
        fields = Fields(entry, "coefficient", notes)
        name = fields.text("name")
        if not _NAME.fullmatch(name):
            notes.fault(f"problem shape: a coefficient is called {name!r}; expected a name", place)
            continue
        default = fields.integer("default", default=1)
        value = values.integer(name, default=default)
        result[name] = value if value is not None else 1
    return result


def _entries(fields: Fields, name: str, notes: Notes) -> Iterator[tuple[YamlMap, Place]]:
    listed = fields.list(name)
    if listed is None:
        return
    for item, place in zip(listed, listed.value_places, strict=True):
        entry = as_map(item, f"{fields.owner}: an entry of {name}", place, notes)
        if entry is not None:
            yield entry, place


def _sparsity(values: Fields, notes: Notes) -> None:
    for name in ("densities", "commonDensity"):
        field = values.take(name)
        if field is not None and field.value not in ({}, [], 1, 1.0):
            notes.remark(f"{name}: densities are ignored, every count is that of dense tensors")


def _hint_at_misspelled(values: Fields, known: list[str], notes: Notes) -> None:
    """`HStride` in an instance is no coefficient: Timeloop ignores it, and so do we, but not silently."""
    folded = {name.casefold(): name for name in known}
    for field in values.by_name.values():
        meant = folded.get(field.name.casefold())
        if not field.used and meant is not None:
            field.used = True
            notes.remark(
                f"{field.name} ({field.place}) is not a dimension or coefficient and is ignored, as Timeloop does: did you mean {meant}?"
            )


def _tensors(shape: Fields, dims: list[str], coefficients: dict[str, int], notes: Notes) -> list[Tensor]:
    name = "data_spaces" if "data_spaces" in shape.by_name else "dataSpaces"
    tensors: list[Tensor] = []
    for entry, place in _entries(shape, name, notes):
        fields = Fields(entry, "data space", notes)
        fields.take("ranks")
        tensor = fields.text("name")
        if not tensor:
            notes.fault("problem shape: a data space has no name", place)
            continue
        fields.call(f"data space {tensor!r}")
        is_output = fields.flag("read_write")
        ranks = tuple(_ranks(fields, dims, coefficients, notes))
        tensors.append(Tensor(tensor, ranks, is_output, role="output" if is_output else guess_role(tensor)))
        if len(tensors) > MAX_DATA_SPACES:
            notes.fault(f"problem shape: more than {MAX_DATA_SPACES} data spaces", place)
            break
    if not tensors and not notes.faults:
        notes.fault(
            "problem shape: 'data_spaces' is missing; expected a list of data spaces with their projections",
            shape.place,
        )
    return sorted(tensors, key=lambda tensor: tensor.is_output)


def _ranks(fields: Fields, dims: list[str], coefficients: dict[str, int], notes: Notes) -> Iterator[Rank]:
    field = fields.take("projection")
    if field is None:
        notes.fault(f"{fields.owner}: 'projection' is missing", fields.place)
        return
    for item in _projection(field, notes):
        yield tuple(_terms(item, field, dims, coefficients, notes))


def _projection(field: Field, notes: Notes) -> list[Value]:
    value = field.value
    if isinstance(value, str):
        try:
            value = parse(value, field.place.source)
        except InputError:
            value = field.value
    if isinstance(value, YamlList):
        return list(value)
    notes.fault(
        f"{field.owner}: {field.name} is {kind_of(field.value)}; expected nested lists like [[[N]], [[R, Wdilation], [P, Wstride]]]",
        field.place,
    )
    return []


def _terms(
    item: Value, field: Field, dims: list[str], coefficients: dict[str, int], notes: Notes
) -> Iterator[tuple[str, int]]:
    """The terms of one rank: `N`, `[[N]]`, or `[[R, Wdilation], [P, Wstride]]`; `[R, Wdilation]` is one term, `[P, R]` two."""
    terms = list(item) if isinstance(item, YamlList) else [item]
    if (
        len(terms) == 2
        and all(isinstance(term, str | int) for term in terms)
        and (isinstance(terms[1], int) or terms[1] in coefficients)
    ):
        terms = [item]
    for term in terms:
        parts = list(term) if isinstance(term, YamlList) else [term]
        dim = parts[0] if parts else None
        coefficient = parts[1] if len(parts) == 2 else 1
        if not isinstance(dim, str) or dim not in dims:
            hint = did_you_mean(dim, dims) if isinstance(dim, str) else None
            notes.fault(
                f"{field.owner}: the projection names {kind_of(dim)}, which is not a dimension", field.place, hint
            )
        elif isinstance(coefficient, str) and coefficient in coefficients:
            yield dim, coefficients[coefficient]
        elif isinstance(coefficient, int) and not isinstance(coefficient, bool) and len(parts) <= 2:
            yield dim, coefficient
        else:
            hint = (
                did_you_mean(str(coefficient), coefficients)
                if len(parts) == 2
                else "expected [dimension] or [dimension, coefficient]"
            )
            notes.fault(
                f"{field.owner}: the term {list(parts)!r} of the projection has no known coefficient", field.place, hint
            )


def _workload(name: str, bounds: dict[str, int], tensors: list[Tensor], place: Place, notes: Notes) -> Workload | None:
    try:
        return Workload(name, bounds, tuple(tensors))
    except InputError as error:
        notes.faults += [Fault(fault.message, fault.place or place, fault.hint) for fault in error.faults]
        return None
