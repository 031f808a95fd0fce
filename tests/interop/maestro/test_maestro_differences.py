"""Where the engines differ, and that the mends named for it are the cause."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from tests.interop.maestro.legal_mappings import legal_mapping

from archloom.errors import InputError
from archloom.interop.maestro import Difference, Hardware, Mend, Network, differences, parse_mapping, price_network
from archloom.interop.maestro.mends import CORRECTED

CONV = """
Network own {
  Layer A {
    Type: CONV
    Dimensions { K: 10, C: 4, R: 1, S: 1, Y: 5, X: 5 }
    Dataflow { TemporalMap(8,8) K; SpatialMap(1,1) C; Cluster(2,P); SpatialMap(4,4) K; }
  }
}
"""


def at(columns: dict[str, Any], key: str) -> Any:
    found: Any = columns
    while key:
        part = next(name for name in sorted(found, key=len, reverse=True) if key == name or key.startswith(f"{name}."))
        found, key = found[part], key[len(part) + 1 :]
    return found


def test_by_hand() -> None:
    """Only the nested edge tile costs time here, and only the CSV's energy leaves out L1 and MACs."""
    found = {d.key: d for d in differences(parse_mapping(CONV), Hardware(num_pes=8))}
    runtime = found["summary.runtime"]
    assert (runtime.layer, runtime.reasons) == (0, (Mend.B1,))
    assert runtime.compatible != runtime.corrected
    energy = found["csv.Activity count-based Energy (nJ)"]
    assert Mend.B3 in energy.reasons and energy.corrected > energy.compatible
    assert "name" not in found and "summary.total_l2_buffer_requirement" not in found


def test_the_values_are_those_of_the_engines_and_the_reasons_change_them() -> None:
    rng = random.Random(24)
    seen = Counter[Mend]()
    for _ in range(60):
        legal = legal_mapping(rng, strided=True)
        network = Network("n", (legal.layer,))

        def value(
            key: str, engine: str | frozenset[Mend], network: Network = network, machine: Hardware = legal.hardware
        ) -> Any:
            try:
                return at(price_network(network, machine, engine=engine)[0], key)
            except InputError:
                return None

        for difference in rng.sample(found := differences(network, legal.hardware), min(len(found), 5)):
            key, reasons = difference.key, difference.reasons
            if key == "error":
                continue
            assert str(value(key, "compatible")) == str(difference.compatible)
            assert str(value(key, "corrected")) == str(difference.corrected)
            assert reasons
            seen.update(reasons)
            changed = [
                value(key, frozenset({mend})) != difference.compatible
                or value(key, CORRECTED - {mend}) != difference.corrected
                for mend in reasons
            ]
            assert all(changed) or value(key, frozenset(reasons)) != difference.compatible
        equal = {d.key for d in found}
        if found and found[0].key != "error":
            assert all(value(key, "compatible") == value(key, "corrected") for key in {"csv.NumPEs"} - equal)
    assert {Mend.B3, Mend.B4, Mend.B5, Mend.B6, Mend.B7, Mend.B25} <= set(seen)


def test_a_layer_that_one_engine_refuses() -> None:
    shared = (
        CONV.rstrip().removesuffix("}") + "Layer B { Type: CONV Dimensions { K: 4, C: 4, R: 1, S: 1, Y: 5, X: 5 } } }"
    )
    found = [d for d in differences(parse_mapping(shared), Hardware(num_pes=8)) if d.layer == 1]
    (difference,) = found
    assert isinstance(difference, Difference)
    assert (difference.key, difference.corrected, difference.reasons) == ("error", None, (Mend.B9,))
    assert "has no Dataflow" in difference.compatible


def test_what_both_engines_refuse_is_no_difference() -> None:
    few = parse_mapping(CONV)
    assert differences(few, Hardware(num_pes=1)) == []


def test_filters_that_are_not_whole_are_refused() -> None:
    with pytest.raises(InputError, match="does not cover R"):
        differences(
            parse_mapping(
                CONV.replace("R: 1", "R: 3").replace("SpatialMap(1,1) C", "TemporalMap(1,1) R; SpatialMap(1,1) C")
            ),
            Hardware(num_pes=8),
        )


def test_every_mend_has_a_reason_of_its_own() -> None:
    reasons = [mend.reason for mend in Mend]
    assert len(set(reasons)) == len(reasons) == len(Mend.__members__)
    assert all((reason and reason[0].islower()) or reason[:2] in ("L1",) for reason in reasons)
