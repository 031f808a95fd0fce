"""The reference cases: carried as neutral JSON, written here as the YAML that Timeloop's binary reads."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

DATA = Path(__file__).parents[2] / "data"
REFERENCE = Path(__file__).parents[4] / "shared" / "reference" / "timeloop"

Case = dict[str, Any]

ATTRIBUTES = (
    "word_bits",
    "block_size",
    "meshX",
    "meshY",
    "read_bandwidth",
    "write_bandwidth",
    "shared_bandwidth",
    "multiple_buffering",
    "power_gated_at",
    "energy_per_hop",
    "router_energy",
    "wire_energy",
    "network_word_bits",
    "network_fill_latency",
    "network_drain_latency",
    "reduction_supported",
)


def read_cases(name: str) -> list[Case]:
    """The cases of one carried file."""
    with gzip.open(DATA / f"timeloop_{name}_cases.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def ranged(part: Case) -> str:
    return f"{part['name']}[1..{part['instances']}]"


def architecture_section(arch: Case) -> Case:
    local = []
    for level in arch["levels"]:
        attributes = {name: level[name] for name in ATTRIBUTES if level.get(name) is not None}
        if level["entries"] is not None:
            attributes["entries"] = level["entries"]
        local.append({"name": ranged(level), "class": level["class"], "attributes": attributes})
    mac = arch["mac"]
    local.append(
        {
            "name": ranged(mac),
            "class": "intmac",
            "attributes": {name: mac[name] for name in ("word_bits", "meshX", "meshY")},
        }
    )
    return {"version": "0.4", "subtree": [{"name": "system", "attributes": {"technology": "45nm"}, "local": local}]}


def tables(arch: Case) -> Case:
    parts = [*arch["levels"], arch["mac"]]
    energies = [
        {
            "name": f"system.{ranged(part)}",
            "actions": [
                {"name": action, "arguments": {}, "energy": energy} for action, energy in part["energy"].items()
            ],
        }
        for part in parts
    ]
    areas = [{"name": f"system.{ranged(part)}", "area": part["area"]} for part in parts]
    return {"ERT": {"version": "0.4", "tables": energies}, "ART": {"version": "0.4", "tables": areas}}


def problem_section(problem: Case) -> Case:
    shape = {
        "name": problem["name"],
        "dimensions": list(problem["dims"]),
        "coefficients": [{"name": name, "default": 1} for name in problem["coefficients"]],
        "data_spaces": [
            {"name": space["name"], "projection": space["projection"], "read_write": bool(space["read_write"])}
            for space in problem["data_spaces"]
        ],
    }
    return {"version": "0.4", "instance": {**problem["dims"], **problem["coefficients"]}, "shape": shape}


def mapping_section(mapping: Case) -> list[Case]:
    directives: list[Case] = []
    for level in mapping["levels"]:
        target = {"target": level["target"]}
        directives.append({**target, "type": "bypass", "keep": level["keep"], "bypass": level["bypass"]})
        for axis in ("spatial", "temporal"):
            if axis in level:
                loops = level[axis]
                factors = " ".join(f"{dim}={factor}" for dim, factor in loops["factors"].items())
                split = {"split": loops["split"]} if axis == "spatial" else {}
                directives.append(
                    {**target, "type": axis, "factors": factors, "permutation": "".join(loops["permutation"]), **split}
                )
    return directives


def case_yaml(case: Case) -> str:
    """One case as the YAML text that Timeloop's binary reads."""
    sections = {
        "architecture": architecture_section(case["arch"]),
        **tables(case["arch"]),
        "problem": problem_section(case["problem"]),
        "mapping": mapping_section(case["mapping"]),
    }
    return yaml.safe_dump(sections, sort_keys=False, default_flow_style=None, width=100_000)


@pytest.fixture(scope="session")
def dense_cases() -> list[Case]:
    return read_cases("dense")


@pytest.fixture(scope="session")
def rejected_cases() -> list[Case]:
    return read_cases("rejected")


@pytest.fixture(scope="session")
def to_text() -> Callable[[Case], str]:
    return case_yaml


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference files that belong to other projects; absent outside the workplace they are kept in."""
    if not REFERENCE.is_dir():
        pytest.skip("the reference files of other projects are not here")
    return REFERENCE
