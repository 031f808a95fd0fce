"""The canonical form of a mapping problem: all that its answer depends on, and no names, so that equal problems are equal texts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.search.exact.problem import Problem
from archloom.workload.einsum import Tensor, Workload

__all__ = ["canonical_text", "engine_fingerprint", "from_numbers", "key_of", "to_numbers"]

ENGINE = ("workload", "architecture", "mapping", "model", "mapspace", "search")
"""The packages whose code decides what an answer is."""

Numbers = dict[str, Any]
"""A mapping with numbers for the names of levels, dims and tensors, ready for JSON."""


def key_of(parts: Sequence[Problem], options: dict[str, Any]) -> str:
    """The SHA-256 of a problem (all its parts) and of how it is searched, as 64 hex digits: equal for problems that differ in names only."""
    return hashlib.sha256(canonical_text(parts, options).encode()).hexdigest()


def canonical_text(parts: Sequence[Problem], options: dict[str, Any]) -> str:
    """The problem as JSON: numbers for names, selectors resolved to the tensors they mean. Floats keep all their digits."""
    problem = parts[0]
    workload, architecture, objective = problem.workload, problem.architecture, problem.objective
    content = {
        "bounds": list(workload.bounds.values()),
        "tensors": [_tensor(tensor, workload) for tensor in workload.tensors],
        "levels": [_level(level, architecture, workload) for level in architecture.levels],
        "compute": _numbers_of(architecture.compute),
        "pooled": architecture.pooled,
        "rules": [_plain(part.rules) for part in parts],
        "objective": [getattr(objective, f.name) for f in fields(objective) if f.name != "name"],
        "space": [problem.cuts, problem.padding, problem.drain_reads],
        "options": options,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def _tensor(tensor: Tensor, workload: Workload) -> list[Any]:
    at = {dim: k for k, dim in enumerate(workload.dims)}
    return [[[[at[dim], c] for dim, c in rank] for rank in tensor.ranks], tensor.is_output]


def _level(level: Memory, architecture: Architecture, workload: Workload) -> list[Any]:
    return [
        _numbers_of(level),
        _numbers_of(level.fanout),
        None if level.power_gated_at is None else architecture.index(level.power_gated_at),
        [level.tensor_bits(tensor) for tensor in workload.tensors],
        [tensor.is_selected_by(level.fanout.no_multicast) for tensor in workload.tensors],
    ]


def _numbers_of(part: Memory | Fanout | Compute) -> dict[str, Any]:
    """The fields that are numbers; names and selectors are resolved elsewhere, areas and the memory's own word do not matter."""
    values = {f.name: getattr(part, f.name) for f in fields(part) if f.name not in ("area_um2", "word_bits")}
    return {name: value for name, value in values.items() if value is None or isinstance(value, int | float)}


def _plain(value: Any) -> Any:
    """Dataclasses and tuples as lists, enums as their values."""
    if is_dataclass(value):
        return [_plain(getattr(value, f.name)) for f in fields(value)]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def to_numbers(mapping: Mapping, workload: Workload) -> Numbers:
    """The mapping without names."""
    dims = {dim: k for k, dim in enumerate(workload.dims)}
    tensors = {tensor.name: k for k, tensor in enumerate(workload.tensors)}

    def loops(part: tuple[Loop, ...]) -> list[list[int]]:
        return [[dims[loop.dim], loop.trip] for loop in part]

    levels = [
        {
            "temporal": loops(nest.temporal),
            "x": loops(nest.x),
            "y": loops(nest.y),
            "keep": sorted(tensors[name] for name in nest.keep),
            "cut": sorted([tensors[name], cut] for name, cut in nest.cut.items()),
            "mesh": None if nest.mesh is None else list(nest.mesh),
        }
        for nest in mapping.levels
    ]
    return {"padding": mapping.padding, "levels": levels}


def from_numbers(numbers: Numbers, workload: Workload, architecture: Architecture) -> Mapping:
    """The mapping with the names of this workload and architecture; raises LookupError, TypeError or ValueError for nonsense."""
    names = [tensor.name for tensor in workload.tensors]

    def loops(part: list[list[int]]) -> tuple[Loop, ...]:
        return tuple(Loop(workload.dims[dim], trip) for dim, trip in part)

    nests = tuple(
        LevelNest(
            level=level,
            temporal=loops(nest["temporal"]),
            x=loops(nest["x"]),
            y=loops(nest["y"]),
            keep=frozenset(names[t] for t in nest["keep"]),
            cut={names[t]: cut for t, cut in nest["cut"]},
            mesh=None if nest["mesh"] is None else (nest["mesh"][0], nest["mesh"][1]),
        )
        for level, nest in zip(architecture.names, numbers["levels"], strict=True)
    )
    return Mapping(nests, padding=bool(numbers["padding"]))


@cache
def engine_fingerprint() -> str:
    """A digest of the code that finds answers: what another version of it found is not taken for what this one would find."""
    digest = hashlib.sha256()
    root = Path(str(files("archloom")))
    for package in ENGINE:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(f"{path.relative_to(root).as_posix()}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
