"""The grammar of MAESTRO's files, and what is said about faults in them."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from archloom.errors import Fault, InputError
from archloom.interop.maestro import Cluster, Directive, Hardware, LayerType, Map, parse_hardware, parse_mapping, run

LAYER = """Network n {{
  Layer A {{
    Type: {type}
    {stride}
    Dimensions {{ {dims} }}
    Dataflow {{ {flow} }}
  }}
}}
"""
FLOW = "SpatialMap(1,1) K; TemporalMap(Sz(R),1) Y; TemporalMap(Sz(S),1) X;"


def text(
    flow: str = FLOW, dims: str = "K: 8, C: 8, R: 3, S: 3, Y: 10, X: 10", kind: str = "CONV", stride: str = ""
) -> str:
    return LAYER.format(flow=flow, dims=dims, type=kind, stride=stride)


def test_all_of_the_grammar() -> None:
    network = parse_mapping("""// a comment
    Constant TILE 4;  Accelerator { ignored 3 }
    Network n.et {   // the rest of a line
      Layer Conv2d-7 {
        Type: DSCONV
        Stride { X: 2, Y 3 }
        Dimensions { C TILE, R: 3, S: 3, Y: 12, X: 10 }
        Dataflow { SpatialMap(TILE, 2) C; Cluster(Sz(R), L) TemporalMap ( Sz(S) , 1 ) X' }
      }
      Layer { Type: GEMM Dimensions {M:1,N:1,K:1} }
    }""")
    first, second = network.layers
    assert (network.name, first.name, second.name) == ("n.et", "7", "Layer")
    assert first.type is LayerType.DSCONV and second.dataflow is None
    assert [(d.name, d.size, d.stride) for d in first.dimensions] == [
        ("C", 4, 1), ("R", 3, 1), ("S", 3, 1), ("Y", 12, 3), ("X", 10, 2),
    ]  # fmt: skip
    assert first.dataflow is not None
    spatial, cluster, temporal = first.dataflow
    assert isinstance(spatial, Directive) and (spatial.kind, spatial.size, spatial.offset) == (Map.SPATIAL, 4, 2)
    assert isinstance(cluster, Cluster) and cluster.size == 3
    assert isinstance(temporal, Directive) and (temporal.variable, temporal.size) == ("X'", 3)
    assert str(temporal.place) == "<mapping>:8:61"


def test_hardware() -> None:
    given = parse_hardware("num_pes: 8 // eight\nnoc_bw_cstr 4; NoC_NumHops: 3")
    assert given == Hardware(num_pes=8, noc_bandwidth=4, noc_latency=3)
    assert parse_hardware("") == Hardware(num_pes=1, noc_latency=1)


FAULTS = [
    (text("SpatialMap(1,1) K; TemporalMap(1,1) R"), 6, "R does not cover R, which is 3", "exit code 255"),
    (text("TemporalMap(1,1) K"), 6, "no SpatialMap", "exit code 255: Cluster level: 0, No spatial map"),
    (text("SpatialMap(1,1) K SpatialMap(1,1) C SpatialMap(3,1) Y"), 6, "3 SpatialMaps", "too many spatial maps"),
    (text(FLOW + "Cluster(64,P); SpatialMap(1,1) C"), 6, "need 64 PEs and the machine has 16", "SIGFPE"),
    (text(FLOW + "Cluster(1,P);" * 4), 6, "4 clusters, at most 3", "std::out_of_range"),
    (text(FLOW + "TemporalMap(1,1) Q"), 6, "no dimension Q", "Dimension Q not found"),
    (text("SpatialMap(1,1) K; TemporalMap(Sz(Q),1) C"), 6, "does not declare: 'Q'", "exit code 255"),
    (text("SpatialMap(1,1) K; Tempora1Map(1,1) C"), 6, "'Tempora1Map'", "did you mean 'TemporalMap'"),
    (text("SpatialMap(0,1) K"), 6, "is 0, expected at least 1", "exit code 255"),
    (text("SpatialMap(TILE,1) K"), 6, "found 'TILE'", "no constant is defined"),
    (text("SpatialMap(1,1) K; Cluster(2,Q)"), 6, "expected P or L", "crashes"),
    (text("SpatialMap(1,1) K; TemporalMap(1,1) Y'"), 6, "does not map R", "uninitialised"),
    (text(kind="FC"), 3, "FC, which MAESTRO cannot price", "as a GEMM"),
    (text(kind="CNV"), 3, "unknown type of layer: 'CNV'", "did you mean 'CONV'"),
    (text(dims="K: 0"), 5, "K is 0", "exit code 255"),
    (text(dims="K: 8, C: 8, R: 3, Y: 10, X: 10", flow="SpatialMap(1,1) K"), 2, "no dimension S", "not found"),
    (text(dims="K: 8, C: 8, R: 3, S: 3, Y: 10, X: 10, X': 8"), 5, "both X and X'", "exit code 255"),
    (text(dims="K: 99999999999"), 5, "32 bits cannot hold", "2147483647"),
    (text().replace("Dataflow", "Stride { X: 2 } Dataflow"), 6, "Stride stands after Dimensions", "before"),
    (text().replace("Dataflow", "Dataflaw"), 6, "unknown part of the layer A", "did you mean 'Dataflow'"),
    (text(dims="K: 8, C: 8, R: 1, S: 1, Y: 7, X: 8", flow="SpatialMap(1,5) Y Cluster(8,P) SpatialMap(1,1) X TemporalMap(1,1) Y"), 6, "covers its dimension", "exit code 255"),
    ("Constant A 1 Constant A 2", 1, "given twice", "keep one"),
    ("Network n {", 1, "expected Layer or }", "exit code 255"),
    ("", 1, "no layer", "Network NAME"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "line", "message", "hint"), FAULTS)
def test_faults_say_where_and_what_maestro_does(given: str, line: int, message: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        run(given, "num_pes: 16", mapping_source="own.m")
    (fault,) = caught.value.faults
    assert message in fault.message
    assert hint in (fault.hint or "")
    assert fault.place and fault.place.source == "own.m" and fault.place.line == line and fault.place.column > 0


def test_a_typographic_apostrophe_is_another_letter() -> None:
    with pytest.raises(InputError, match=r"no dimension Y’ \(did you mean \"Y'\"\?"):
        run(text("SpatialMap(1,1) K; TemporalMap(1,1) Y’"))


def test_a_dimension_mapped_again_and_again_is_refused_rather_than_counted_for_hours() -> None:
    with pytest.raises(InputError, match="more than 1,000,000 cases"):
        run(text("SpatialMap(3,3) K;" + "TemporalMap(3,3) C;" * 30))


def test_all_filters_that_are_not_whole_are_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        run(text("SpatialMap(1,1) K; TemporalMap(1,1) R; TemporalMap(3,1) S;"))
    assert [fault.message[:16] for fault in caught.value.faults] == ["TemporalMap(1,1)", "TemporalMap(3,1)"]


def test_a_layer_without_dataflow_is_refused_as_maestro_does() -> None:
    bare = text() + text().replace("Dataflow { " + FLOW + " }", "")
    with pytest.raises(InputError, match=r"<mapping>:10:3: the layer A has no Dataflow .*exit code 255"):
        run(bare)


@pytest.mark.parametrize(
    ("given", "messages"),
    [
        ("num_pe: 4", ["<hardware>:1:1: unknown key: 'num_pe' (did you mean 'num_pes'?; MAESTRO stops"]),
        ("num_pes: 0", ["num_pes is 0, expected 1 to 2147483647"]),
        ("num_pes: x\nnoc_bw_cstr:", ["1:10: expected a whole number", "found the end of the file"]),
    ],
)
def test_faults_of_hardware_files(given: str, messages: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        parse_hardware(given)
    assert len(caught.value.faults) == len(messages)
    for fault, message in zip(caught.value.faults, messages, strict=True):
        assert message in str(fault)


@pytest.mark.parametrize("options", [{"num_pe": "x"}, {"num_pes": 0}, {"noc": 3}, {"l3_size": 3}, {"num_pes": True}])
def test_faults_of_options(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"option|num_pes"):
        run(text(), **options)


def test_damaged_files_never_end_in_a_traceback() -> None:
    rng = random.Random(6)
    words = re.findall(
        r"[\w']+|[{}(),;:]|\s+",
        text(FLOW + "Cluster(4,P); SpatialMap(1,1) C; TemporalMap(1,1) K", stride="Stride { X: 2 }"),
    )
    pool = [*{word for word in words if word.strip()}, "0", "3", "7", "X'", "Y'", "N", "G", "GEMM", "//", "2147483647"]
    outcomes: list[bool] = []
    faults: list[Fault] = []
    for _ in range(1500):
        broken = list(words)
        for _ in range(rng.choice([1, 1, 2, 4])):
            place = rng.randrange(len(broken))
            broken[place : place + rng.choice([0, 1, 1])] = [rng.choice(pool)] if rng.random() < 0.8 else []
        try:
            outcomes.append(bool(run("".join(broken), f"num_pes: {rng.choice([3, 4, 9, 64])}")))
        except InputError as error:
            faults += error.faults
    assert len(outcomes) > 100 and all(outcomes)
    assert len(faults) > 100 and all(fault.place and fault.place.line for fault in faults)
