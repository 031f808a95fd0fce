"""Cases whose optima the AccelForge mapper found, as problems for the exact mapper with free cuts."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.mapspace.rules import ONE, Rules
from archloom.mapspace.space import MapSpace
from archloom.search.exact.problem import Problem
from archloom.search.objective import objective_of
from archloom.workload.einsum import Workload, einsum

__all__ = ["Case", "load_cases", "problem_on"]

CASES = Path(__file__).resolve().parents[1] / "tests" / "data" / "accelforge_optimal_mappings.json"


@dataclass(frozen=True)
class Case:
    """One case: the problem, the optimum that AccelForge found, and the CPU-seconds that it took."""

    name: str
    metric: str
    problem: Problem
    optimum: float
    cpu_s: float


def load_cases() -> list[Case]:
    """All cases, in the accounting of AccelForge: outputs are read when they are sent outwards, cuts are free."""
    listed: list[dict[str, Any]] = json.loads(CASES.read_text(encoding="utf-8"))["cases"]
    return [_case(entry) for entry in listed]


def problem_on(workload: Workload, architecture: Architecture, metric: str) -> Problem:
    """The problem of a workload on a machine without constraints."""
    space = MapSpace(workload, architecture, cuts="free")
    return Problem(workload, architecture, space.rules, objective_of(metric), "free", drain_reads=True)


def _case(entry: dict[str, Any]) -> Case:
    workload = einsum(entry["einsum"], entry["bounds"], name=entry["case"])
    levels = tuple(_memory(level, workload) for level in reversed(entry["levels"]))
    unit = Compute(entry["compute"]["name"], energy_pj=entry["compute"]["energy_pj"], word_bits=8)
    problem = problem_on(workload, Architecture(entry["case"], levels, unit), entry["metric"])
    rules = problem.rules
    for at, level in enumerate(reversed(entry["levels"])):
        for axis, fanout in zip("xy", level.get("fanout", ()), strict=False):
            if "reuse" in fanout:
                rules = _reusing(rules, workload, at, axis, fanout["reuse"])
    return Case(entry["case"], entry["metric"], replace(problem, rules=rules), entry["optimum"], entry["cpu_s"])


def _memory(level: dict[str, Any], workload: Workload) -> Memory:
    sizes = [fanout["size"] for fanout in level.get("fanout", ())]
    names = frozenset(tensor.name for tensor in workload.tensors)
    return Memory(
        level["name"],
        size_bits=math.inf if level["size_words"] is None else 8 * level["size_words"],
        word_bits=8,
        shared_bandwidth=level["words_per_cycle"],
        keep=frozenset(level["keep"]),
        bypass=names - frozenset(level["may_keep"]),
        read_pj=level["read_pj"],
        write_pj=level["write_pj"],
        update_pj=level["write_pj"],
        fanout=Fanout(*sizes),
    )


def _reusing(rules: Rules, workload: Workload, at: int, axis: str, name: str) -> Rules:
    """Only loops that reuse a tensor across an axis of the mesh: those over dims irrelevant to it."""
    used = workload.tensor(name).dims
    table = list(getattr(rules, axis))
    table[at] = tuple(ONE if dim in used else span for dim, span in zip(workload.dims, table[at], strict=True))
    return replace(rules, **{axis: tuple(table)})
