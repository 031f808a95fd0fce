import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archloom.errors import InputError
from archloom.exploration.metrics import METRICS
from archloom.exploration.objective import goal_of
from archloom.spec.document import parse

COLUMNS = {
    **{name: np.array([1.0, 2.0]) for name in METRICS},
    "area_mm2": np.array([15.0, 20.0]),
    "power_mw": np.array([400.0, np.nan]),
    "levels.GLB.size": np.array([8192.0, 16384.0]),
    "levels.GLB.class": np.array(["sram", "edram"], dtype=object),
}
NAMES = {"levels.GLB.size": 8192, "levels.GLB.class": "sram"}


def goal(objectives, budget=None, **others):
    return goal_of(objectives, budget, names=NAMES, **others)


def faults(objectives, budget=None, **others) -> str:
    with pytest.raises(InputError) as error:
        goal(objectives, budget, **others)
    return str(error.value)


def test_names_in_all_forms() -> None:
    assert goal("edp").names == ("edp",)
    assert goal(["energy", "latency", "area_mm2"]).names == ("energy", "latency", "area_mm2")
    assert goal({"loss": "cycles + 2 * energy_uj"}).names == ("loss",)
    assert goal(["edp", {"loss": "cycles"}, {"maximise": "throughput"}]).names == ("edp", "loss", "throughput")
    assert goal(["energy_uj * cycles"]).names == ("energy_uj * cycles",)


def test_values_are_to_be_minimised() -> None:
    found = goal(["edp", {"loss": "0.5 * cycles - levels.GLB.size / KiB"}, {"maximise": "throughput"}]).values(COLUMNS)
    assert found.tolist() == [[1.0, -0.5, -1.0], [2.0, -1.0, -2.0]]


def test_the_published_loss() -> None:
    text = "0.5 * cycles + 2 * energy_uj - 3 * gflops - 4 * utilization"
    columns = {**COLUMNS, "cycles": np.array([10.0]), "energy_uj": np.array([3.0])}
    columns |= {"gflops": np.array([2.0]), "utilization": np.array([0.5])}
    columns = {name: column[:1] for name, column in columns.items()}
    assert goal({"loss": text}).values(columns).tolist() == [[5 + 6 - 6 - 2.0]]


def test_what_is_not_known_is_infinite() -> None:
    assert goal(["power", {"maximise": "power_mw"}, {"ratio": "1 / (cycles - 1)"}]).values(COLUMNS).tolist() == [
        [400.0, -400.0, np.inf],
        [np.inf, np.inf, 1.0],
    ]


def test_a_word_can_be_compared() -> None:
    assert goal({"x": "1 if levels.GLB.class == 'sram' else 5"}).values(COLUMNS).tolist() == [[1.0], [5.0]]
    assert "is a word; expected a number" in faults({"x": "levels.GLB.class * 2"})


def test_latency_and_edp_are_in_seconds_where_the_clock_is_free() -> None:
    columns = {**COLUMNS, "latency_s": np.array([7.0, 8.0]), "edp_js": np.array([3.0, 4.0])}
    aims = ["latency", "edp", "cycles"]
    assert goal(aims).values(columns).tolist() == [[1, 1, 1], [2, 2, 2]]
    assert goal(aims, clocked=True).values(columns).tolist() == [[7, 3, 1], [8, 4, 2]]
    assert goal(aims, clocked=True).figures == {"latency_s", "edp_js", "cycles"}


@pytest.mark.parametrize(
    ("objectives", "expected"),
    [
        ("energy", "energy"),
        (["latency", "energy"], "latency"),
        (["ed2p"], "ed2p"),
        (["area_mm2", "energy"], "edp"),
        ({"loss": "cycles"}, "edp"),
        ({"mine": "latency"}, "latency"),
        ([{"maximise": "energy"}], "edp"),
    ],
)
def test_by_what_mappings_are_chosen(objectives, expected) -> None:
    assert goal(objectives).mapping_objective == expected


def test_budgets_and_how_far_over() -> None:
    found = goal("edp", {"area_mm2": 16, "pes": 4})
    assert found.excess(COLUMNS).tolist() == [0.0, 0.25]
    assert found.within(COLUMNS).tolist() == [True, False]
    assert found.why(COLUMNS, 0) == ""
    assert found.why(COLUMNS, 1) == "over budget: area_mm2 is 20, over 16 by 25 %"


def test_overshoots_add_up_and_the_unknown_is_infinite() -> None:
    found = goal("edp", ["area <= 10", "levels.GLB.size <= 1 * KiB", "power_mw < 400"])
    assert found.excess(COLUMNS).tolist() == [0.5 + 1e-9, np.inf]
    assert found.why(COLUMNS, 0) == "over budget: area is 15, over 10 by 50 %; over budget: power_mw is 400, over 400"
    assert "budget power_mw < 400: power_mw is not known" in found.why(COLUMNS, 1)


def test_lower_limits_and_other_conditions() -> None:
    found = goal("edp", ["utilization >= 2", "pes == 1 or levels.GLB.class == 'edram'", "1 < cycles"])
    assert found.excess(COLUMNS).tolist() == [0.5 + 1e-9, 0.0]
    assert found.why(COLUMNS, 0) == "over budget: utilization is 1, under 2 by 50 %; over budget: 1 is 1, over 1"
    other = goal("edp", ["pes == 2"])
    assert other.excess(COLUMNS).tolist() == [1.0, 0.0]
    assert other.why(COLUMNS, 0) == "over budget: not pes == 2"


def test_limits_may_be_expressions() -> None:
    found = goal("edp", {"area_mm2 / 2": "levels.GLB.size / KiB * 7", "pes": "1 if cycles < 2 else 9"})
    assert found.excess(COLUMNS).tolist() == [pytest.approx(0.5 / 7), 0.0]


def test_which_budgets_need_no_mapping() -> None:
    found = goal("edp", ["area <= 18", "levels.GLB.size <= 1 * KiB", "power_mw <= 1", "pes * cycles <= 1"])
    assert [limit.text for limit in found.static_limits] == ["area <= 18", "levels.GLB.size <= 1 * KiB"]
    static = {name: COLUMNS[name] for name in ("area_mm2", "pes", "onchip_kib", "levels.GLB.size")}
    assert found.static_excess(static).tolist() == [0.0, pytest.approx(1 + 2 / 18)]
    assert found.why(static, 0, static=True) == ""
    assert found.why(static, 1, static=True).count("over budget") == 2


def test_no_budget() -> None:
    assert goal("edp").excess(COLUMNS).tolist() == [0.0, 0.0]
    assert goal("edp").within({"cycles": np.ones(3)}).all()


def test_it_can_be_sent() -> None:
    found = goal(["edp", {"maximise": "gflops"}], {"area_mm2": 16})
    twin = pickle.loads(pickle.dumps(found))
    assert twin == found
    assert np.array_equal(twin.values(COLUMNS), found.values(COLUMNS))


@pytest.mark.parametrize(
    ("objectives", "budget", "message"),
    [
        ("edpp", None, "in the expression 'edpp': there is no name 'edpp' (did you mean 'edp'?)"),
        (["levels.GLB.sise"], None, "in the expression 'levels.GLB.sise': there is no name 'levels.GLB.sise' (did you mean 'levels.GLB.size'?)"),
        ([], None, "no objective is given; expected at least one (expected one of: energy, latency, edp, ed2p)"),
        (["edp", "edp"], None, "the objective 'edp' is given twice"),
        ([["edp"]], None, "['edp'] is no objective; expected a name or an expression"),
        ({"loss": ["edp"]}, None, "the objective 'loss' is ['edp']; expected an expression"),
        (7, None, "the objectives are 7; expected names or expressions"),
        ("edp", {"aera_mm2": 3}, "in the expression 'aera_mm2': there is no name 'aera_mm2' (did you mean 'area_mm2'?)"),
        ("edp", {"area_mm2": [3]}, "the budget of 'area_mm2' is [3]; expected a number"),
        ("edp", ["area_mm2"], "the budget 'area_mm2' is a number; expected a condition such as area_mm2 <= 16"),
        ("edp", 4, "the budget is 4; expected upper limits or conditions"),
        ("edp", [4], "4 is no budget; expected a condition such as area_mm2 <= 16"),
        ("edp", {"pes": "3 < 4"}, "'3 < 4' is a condition; expected a number"),
        ("__import__('os')", None, "in the expression \"__import__('os')\": there is no function '__import__'"),
    ],
)  # fmt: skip
def test_faults(objectives, budget, message) -> None:
    assert faults(objectives, budget).startswith(message)


def test_all_faults_at_their_places() -> None:
    node: Any = parse("objectives: [edp, latncy]\nbudget:\n  area_mm2: 3\n  pes: wat + 1\n", "space.yaml")
    message = faults(node["objectives"], node["budget"])
    assert message.splitlines() == [
        "space.yaml:1:19: in the expression 'latncy': there is no name 'latncy' (did you mean 'latency'?)",
        "space.yaml:4:8: in the expression 'wat + 1': there is no name 'wat' "
        + message.splitlines()[1].partition("'wat' ")[2],
    ]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6), st.floats(-1e3, 1e3))
def test_within_is_what_the_condition_says(values, limit) -> None:
    column = np.array(values)
    columns = {**{name: np.ones(len(values)) for name in METRICS}, "cycles": column}
    for sign, expected in (
        ("<=", column <= limit),
        ("<", column < limit),
        (">=", column >= limit),
        (">", column > limit),
    ):
        found = goal_of("edp", [f"cycles {sign} {limit!r}"])
        assert np.array_equal(found.within(columns), expected)
        assert np.array_equal(found.excess(columns) > 0, ~expected)
        assert [bool(found.why(columns, row)) for row in range(len(values))] == (~expected).tolist()
