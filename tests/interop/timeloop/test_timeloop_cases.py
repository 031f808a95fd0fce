"""Timeloop's own numbers: 488 mappings with every count, and 59 that it rejects, from text through `load` and `evaluate`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest

from archloom.errors import ArchloomError, InfeasibleError, InputError
from archloom.interop.timeloop import TimeloopInput, load, to_yaml
from archloom.model.evaluate import evaluate

Case = dict[str, Any]

pytestmark = pytest.mark.filterwarnings("ignore::archloom.interop.timeloop.TimeloopWarning")


def evaluated(given: TimeloopInput) -> Case:
    assert given.mapping is not None
    return evaluate(given.workload, given.architecture, given.mapping).to_dict()


def is_near(found: float, expected: float) -> bool:
    return math.isclose(found, expected, rel_tol=1e-6, abs_tol=1e-9)


def differences(case: Case, found: Case) -> list[str]:
    """Everything that is not as Timeloop says."""
    expected = case["expected"]
    levels = {level["name"]: level for level in expected["levels_inner_to_outer"]}
    networks = sum(network["energy_total_pJ"] or 0 for network in expected["networks"])
    wrong: list[str] = []
    for level in found["levels"]:
        theirs = levels[level["name"]]
        for name, tensor in level["tensors"].items():
            ours = [tensor["reads"], tensor["fills"], tensor["updates"], tensor["tile_words"], int(tensor["kept"])]
            counts = [int(theirs[key][name]) for key in ("reads", "fills", "updates", "utilized_capacity", "keep")]
            if ours != counts:
                wrong.append(f"{level['name']} {name}: {ours} is not {counts}")
        if level["instances_used"] != max(theirs["utilized_instances"].values()):
            wrong.append(f"{level['name']}: {level['instances_used']} instances are used")
        if not is_near(level["energy_pj"], theirs["energy_total_pJ"]):
            wrong.append(f"{level['name']}: energy {level['energy_pj']} is not {theirs['energy_total_pJ']}")
    if not is_near(found["energy_pj"] + networks, expected["energy_pJ"]):
        wrong.append(f"energy {found['energy_pj']} + {networks} is not {expected['energy_pJ']}")
    # Timeloop takes the ceiling of a floating-point quotient, which may come out one above the exact one
    if expected["cycles"] - found["cycles"] not in (0, 1):
        wrong.append(f"{found['cycles']} cycles are not {expected['cycles']}")
    return wrong


def test_dense_cases(dense_cases: list[Case], to_text: Callable[[Case], str]) -> None:
    wrong = {case["id"]: differences(case, evaluated(load(to_text(case)))) for case in dense_cases}
    assert len(wrong) == 488
    assert {name: found for name, found in wrong.items() if found} == {}


def test_cycles_differ_only_by_the_float_ceiling(dense_cases: list[Case], to_text: Callable[[Case], str]) -> None:
    off = [
        case["id"]
        for case in dense_cases
        if any("bandwidth" in key for level in case["arch"]["levels"] for key in level)
        if evaluated(load(to_text(case)))["cycles"] != case["expected"]["cycles"]
    ]
    assert len(off) == 5


def test_round_trip_evaluates_identically(dense_cases: list[Case], to_text: Callable[[Case], str]) -> None:
    for case in dense_cases:
        given = load(to_text(case))
        again = load(to_yaml(given.workload, given.architecture, given.mapping))
        assert again.warnings == ()
        assert evaluated(again) == evaluated(given), case["id"]


def test_rejected_cases(rejected_cases: list[Case], to_text: Callable[[Case], str]) -> None:
    assert len(rejected_cases) == 59
    for case in rejected_cases:
        kind = InputError if case["intent"] == "reject_factors" else InfeasibleError
        with pytest.raises(kind) as caught:
            evaluated(load(to_text(case)))
        assert says_why(case, caught.value), (case["message"], str(caught.value))


def says_why(case: Case, error: ArchloomError) -> bool:
    text = str(error)
    factors = re.search(r"dimension (\w) is (\d+), .* workload (\d+)", case["message"])
    if factors is not None:
        dim, product, bound = factors.groups()
        return f"the product of all factors of {dim} is {product}, not {bound}" in text
    match = re.search(r"couldn't map level (\w+): (.*)", case["message"])
    assert match is not None
    level, reason = match.groups()
    if "buffer capacity" in reason:
        return text.startswith(f"level {level!r}: capacity") and re.findall(r"\d+", reason)[0] in words_of(text)
    # Timeloop may report the total where an axis is exceeded, too, and names the innermost level
    return "fanout" in text and " mesh axis " in text


def words_of(text: str) -> set[str]:
    """The tiles' sizes in words, and their sum, as a capacity message gives them."""
    sizes = [int(size.replace(",", "")) for size in re.findall(r"([\d,]+) words", text)]
    return {str(size) for size in [*sizes, sum(sizes)]}
