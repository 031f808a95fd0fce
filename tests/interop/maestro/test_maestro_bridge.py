"""Directives as loops and loops as directives: there and back, and both models of the same work side by side."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from tests.interop.maestro.conftest import SAMPLE, read

import archloom as al
from archloom.errors import InputError
from archloom.interop.maestro import (
    Hardware,
    Layer,
    LayerType,
    Network,
    parse_hardware,
    parse_mapping,
    price_network,
    run,
)
from archloom.interop.maestro.bridge import Cause, Clusters, Traffic, compare_traffic, to_archloom, to_maestro
from archloom.interop.maestro.bridge_machine import machine_of
from archloom.workload.layers import conv2d, depthwise_conv2d, gemm


@dataclass(frozen=True)
class Case:
    """A random mapping of a machine with L2, one to three levels of fanouts, and L1."""

    workload: al.Workload
    machine: al.Architecture
    mapping: al.Mapping

    @property
    def text(self) -> tuple[str, str]:
        try:
            return to_maestro(self.workload, self.machine, self.mapping)
        except InputError as error:
            assume("levels of clusters" not in str(error))  # filters in space may need a level of their own
            raise


@st.composite
def cases(draw: st.DrawFn, *, strides: tuple[int, ...] = (1,), clusters: Clusters = Clusters.WIRES) -> Case:
    """Draw the trips of every dimension at every level, in time or in space, and multiply them up to a layer."""
    kind = draw(st.sampled_from(("conv", "conv", "depthwise", "grouped", "gemm")))
    names = {"gemm": "MNK", "depthwise": "NGPQRS", "grouped": "NGMCPQRS"}.get(kind, "NMCPQRS")
    stride = draw(st.sampled_from(strides))
    depth = draw(st.integers(1, 3))
    outer = [name for name in names if name not in "RS"]
    nests: list[tuple[list[al.Loop], list[al.Loop]]] = []
    counts: list[int] = []
    bounds = dict.fromkeys(names, 1)
    for _ in range(depth):
        looped = draw(st.lists(st.sampled_from(outer), unique=True, max_size=4))
        temporal = [al.Loop(name, draw(st.integers(2, 4))) for name in looped]
        choices = [name for name in names if name not in "RS" or (bounds[name] == 1 and stride == 1)]
        row = al.Loop(draw(st.sampled_from(choices)), draw(st.integers(1, 4)))
        idle = draw(st.integers(0, 2)) if all(loop.dim != row.dim for loop in temporal) else 0
        nests.append((temporal, [row] if row.trip > 1 else []))
        counts.append(row.trip + idle)
        for loop in (*temporal, row):
            bounds[loop.dim] *= loop.trip
    tile = {name: draw(st.integers(1, 3)) for name in names}
    for name, size in tile.items():
        bounds[name] *= size
    if kind == "grouped":
        bounds["G"] = max(bounds["G"], 2)
        inside = bounds["G"] // math.prod(loop.trip for ls in nests for part in ls for loop in part if loop.dim == "G")
        tile["G"] = inside
    workload = layer_with(kind, bounds, stride)
    machine = machine_of(Hardware(num_pes=math.prod(counts), noc_latency=0), counts, clusters)
    everything = frozenset(tensor.name for tensor in workload.tensors)
    levels = [al.LevelNest("DRAM", keep=everything)]
    for level, (temporal, row) in zip(machine.names[-2:0:-1], nests, strict=True):
        keep = everything if level == "L2" or clusters is Clusters.BUFFERS else frozenset[str]()
        levels.append(al.LevelNest(level, tuple(only(temporal, workload)), tuple(only(row, workload)), keep=keep))
    inner = [al.Loop(name, size) for name, size in tile.items() if size > 1]
    levels.append(al.LevelNest("L1", tuple(only(inner, workload)), keep=everything))
    return Case(workload, machine, al.Mapping(tuple(reversed(levels))))


def only(loops: list[al.Loop], workload: al.Workload) -> list[al.Loop]:
    return [loop for loop in loops if loop.dim in workload.bounds]


def layer_with(kind: str, bounds: dict[str, int], stride: int) -> al.Workload:
    if kind == "gemm":
        return gemm(M=bounds["M"], N=bounds["N"], K=bounds["K"])
    place: dict[str, Any] = {name: bounds[name] for name in "NPQRS"} | {"stride": stride}
    if kind == "depthwise":
        return depthwise_conv2d(C=bounds["G"], **place)
    groups = bounds.get("G", 1)
    return conv2d(M=bounds["M"] * groups, C=bounds["C"] * groups, groups=groups, **place)


Shown = list[tuple[str, int] | frozenset[tuple[str, int]]]


def shown(mapping: al.Mapping) -> Shown:
    """The loops of a nest, outermost first: in time in order, what is side by side or inside a PE as sets."""
    found: Shown = []
    for nest in reversed(mapping.levels[1:]):
        for loop in nest.temporal:
            last = found[-1] if found else None
            if isinstance(last, tuple) and last[0] == loop.dim:
                found[-1] = (loop.dim, last[1] * loop.trip)
            elif loop.trip > 1:
                found.append((loop.dim, loop.trip))
        row = frozenset((loop.dim, loop.trip) for loop in (*nest.x, *nest.y) if loop.trip > 1)
        last = found[-1] if found else None
        if isinstance(last, frozenset):
            found[-1] = last | row
        elif row:
            found.append(row)
    return [*found, frozenset((loop.dim, loop.trip) for loop in mapping.levels[0].temporal if loop.trip > 1)]


def there_and_back(case: Case) -> tuple[al.Workload, al.Architecture, al.Mapping]:
    text, machine = case.text
    (layer,) = parse_mapping(text).layers
    return to_archloom(layer, parse_hardware(machine))


@settings(max_examples=250, deadline=None)
@given(cases(strides=(1, 1, 2)))
def test_there_and_back(case: Case) -> None:
    workload, machine, mapping = there_and_back(case)
    assert workload.bounds == case.workload.bounds
    assert workload.tensors == case.workload.tensors
    assert machine.instances[0] <= case.machine.instances[0]
    assert shown(mapping) == shown(case.mapping)


@settings(max_examples=250, deadline=None)
@given(cases(strides=(1, 1, 2)), st.integers(0, 3), st.integers(1, 4))
def test_same_work_in_both_models(case: Case, latency: int, lanes: int) -> None:
    """MACs, PEs at work and cycles are equal.

    The pipeline fill of the network is the one difference: the main model pays the latency once for each fanout, MAESTRO
    once for each time that a level of clusters starts anew.
    """
    text, machine = case.text
    (layer,) = parse_mapping(text).layers
    hardware = replace(parse_hardware(machine), simd_lanes=lanes)
    macs = math.prod(loop.trip for loop in case.mapping.levels[0].temporal)
    if macs % -(-macs // lanes):
        with pytest.raises(InputError, match="lanes cannot share the tile"):
            to_archloom(layer, hardware)
        return
    workload, architecture, mapping = to_archloom(layer, hardware)
    inside = math.prod(loop.trip for loop in mapping.levels[0].temporal)
    hardware = replace(hardware, noc_latency=min(latency, inside))  # a longer one would bound the steps of a PE
    main = al.evaluate(*to_archloom(layer, hardware))
    (priced,) = price_network(Network("own", (layer,)), hardware, engine="corrected")
    assert priced["num_macs"] == main.macs == workload.macs
    assert priced["summary"]["average_number_of_utilized_pes"] == main.level("L1").instances_used
    starts = [math.prod(loop.trip for nest in outside for loop in nest.temporal) for outside in outer_nests(mapping)]
    assert priced["summary"]["runtime"] == main.compute.cycles + hardware.noc_latency * sum(starts)
    used = [
        nest for nest, level in zip(mapping.levels, architecture.levels, strict=True) if nest.x and level.name != "L1"
    ]
    assert main.cycles >= main.compute.cycles + hardware.noc_latency * len(used)
    if layer_stride(workload) == 1:  # where everything divides, the released MAESTRO is right as well
        (released,) = price_network(Network("own", (layer,)), hardware)
        for key in ("runtime", "throughput"):
            assert released["summary"][key] == priced["summary"][key]


def outer_nests(mapping: al.Mapping) -> list[list[al.LevelNest]]:
    """For each level of clusters, outermost first, the nests outside it."""
    nests = list(reversed(mapping.levels[1:]))[1:]  # without DRAM and L1
    return [nests[:depth] for depth in range(len(nests))]


def layer_stride(workload: al.Workload) -> int:
    return max(step for tensor in workload.tensors for rank in tensor.ranks for _, step in rank)


def traffic_of(case: Case) -> tuple[Layer, dict[tuple[str, str], Traffic]]:
    text, machine = case.text
    (layer,) = parse_mapping(text).layers
    return layer, {(row.tensor, row.access): row for row in compare_traffic(layer, parse_hardware(machine))}


MORE_IN_MAESTRO = {Cause.FIRST, Cause.STAY, Cause.READOUT, Cause.MEET, Cause.CHANNELS}


@settings(max_examples=150, deadline=None)
@given(cases())
def test_every_difference_in_traffic_has_a_cause(case: Case) -> None:
    layer, traffic = traffic_of(case)
    words = {tensor.name: case.workload.words(tensor) for tensor in case.workload.tensors}
    for (tensor, access), row in traffic.items():
        assert row.main + sum(row.causes.values()) == row.compatible
        assert Cause.EDGE not in row.causes
        for cause, count in row.causes.items():
            assert (count > 0) == (cause in MORE_IN_MAESTRO), cause
        if Cause.CHANNELS in row.causes:
            assert layer.type is LayerType.NGCONV
        if Cause.MEET in row.causes:
            assert any(loop.dim in "RS" for nest in case.mapping.levels[1:] for loop in nest.x)
        if (tensor, access) == ("Outputs", "L2 reads") and layer.type is not LayerType.NGCONV:
            assert row.causes[Cause.READOUT] == words["Outputs"]


@settings(max_examples=150, deadline=None)
@given(cases())
def test_where_both_models_must_agree(case: Case) -> None:
    """Every input comes into L2 once and every output leaves it once; what no quirk touches is the same number."""
    layer, traffic = traffic_of(case)
    for tensor in ("Inputs", "Weights"):
        row = traffic[tensor, "L2 writes"]
        assert row.main == row.compatible == row.corrected == case.workload.words(case.workload.tensor(tensor))
        assert traffic[tensor, "L2 reads"].main >= row.main
    row = traffic["Outputs", "L2 writes"]
    assert row.main >= case.workload.words(case.workload.output)
    if Cause.CLUSTER not in traffic["Weights", "L2 reads"].causes:
        assert traffic["Weights", "L2 reads"].corrected == traffic["Weights", "L2 reads"].main
    if layer.type is not LayerType.NGCONV and not {Cause.CLUSTER, Cause.MEET} & row.causes.keys():
        assert row.corrected == row.main
    # Windows that do not overlap leave the inputs nothing to share.
    if layer.type is LayerType.GEMM and Cause.CLUSTER not in traffic["Inputs", "L2 reads"].causes:
        assert traffic["Inputs", "L2 reads"].corrected == traffic["Inputs", "L2 reads"].main


def test_recorded_mappings() -> None:
    """Of the mappings that MAESTRO was run on, those that loops can say are the same work there, and come back the same."""
    said = refused = 0
    for record in read(SAMPLE):
        try:
            layers = parse_mapping(record["mapping"]).layers
        except InputError:
            continue
        pes = parse_hardware(record["hw"]).num_pes if record["hw"] else 7
        hardware = Hardware(num_pes=pes, noc_latency=0)
        for layer in layers[:2]:
            try:
                case = to_archloom(layer, hardware)
            except InputError:
                refused += 1
                continue
            main = al.evaluate(*case)
            text, machine = to_maestro(*case)
            for own, where in ((layer, hardware), (parse_mapping(text).layers[0], parse_hardware(machine))):
                (priced,) = price_network(Network("own", (own,)), where, engine="corrected")
                assert (priced["num_macs"], priced["summary"]["runtime"]) == (main.macs, main.compute.cycles)
            said += 1
    assert said > 100
    assert refused > 100


def test_buffers_in_the_clusters_send_less() -> None:
    text = conv("TemporalMap(18,16) X; SpatialMap(1,1) K; Cluster(4,P); SpatialMap(3,1) X;")
    (layer,) = parse_mapping(text).layers
    wires = al.evaluate(*to_archloom(layer, Hardware(num_pes=16)))
    buffers = al.evaluate(*to_archloom(layer, Hardware(num_pes=16), clusters=Clusters.BUFFERS))
    assert buffers.level("L2").tensors["Inputs"].reads < wires.level("L2").tensors["Inputs"].reads
    assert buffers.cycles == wires.cycles
    assert buffers.level("Cluster1").tensors["Inputs"].kept and not wires.level("Cluster1").tensors["Inputs"].kept


def conv(
    dataflow: str, *, kind: str = "CONV", sizes: str = "K: 8, C: 4, R: 3, S: 3, Y: 18, X: 18", stride: str = ""
) -> str:
    return (
        f"Network n {{ Layer CONV1 {{ Type: {kind} {stride}\nDimensions {{ {sizes} }}\nDataflow {{ {dataflow} }} }} }}"
    )


REFUSED = {
    "SpatialMap(1,1) K; TemporalMap(3,3) C;": "conv.m:4:31: TemporalMap(3,3) C: its tiles of 3 do not divide the 4 C (choose a divisor)",
    "SpatialMap(1,1) K; TemporalMap(2,1) C;": "its tiles of 2 C move by 1 and overlap (loops do neither)",
    "SpatialMap(1,1) K; TemporalMap(1,2) C;": "its tiles of 1 C move by 2 and leave gaps (loops do neither)",
    "SpatialMap(1,1) K; TemporalMap(4,1) Y;": "its tiles of 2 Y' (outputs) move by 1 and overlap",
    "SpatialMap(1,1) K; TemporalMap(2,1) Y;": "TemporalMap(2,1) Y: no output: its R is 3 wide (a tile of Y is at least as wide",
    "SpatialMap(1,1) K; SpatialMap(1,1) C;": "laid out in space together with K: a sub-cluster has the same step of both",
    "SpatialMap(8,8) K; SpatialMap(1,1) C;": "laid out after the single tile of K: MAESTRO has one sub-cluster at work",
    "SpatialMap(1,1) R;": "R is cut into 3 and Y does not move with it (lay out both in space with the same offset, or map R whole)",
    "SpatialMap(4,1) Y; SpatialMap(1,1) R;": "R is cut into 3 and Y does not move with it",
    "TemporalMap(3,1) Y; SpatialMap(3,1) X;": "its 16 tiles on 5 sub-clusters leave 4 of them idle in the last row",
    "TemporalMap(1,1) K; SpatialMap(2,2) K;": "K is mapped twice at this level",
    "SpatialMap(1,1) C; Cluster(8,P); SpatialMap(1,1) K;": "the clusters need 8 PEs and the machine has 5",
}


@pytest.mark.parametrize("dataflow", REFUSED)
def test_what_loops_cannot_say(dataflow: str) -> None:
    text = conv(dataflow).replace("Dataflow", "\nDataflow", 1)
    (layer,) = parse_mapping(text, "conv.m").layers
    with pytest.raises(InputError) as caught:
        to_archloom(layer, Hardware(num_pes=5))
    assert REFUSED[dataflow] in str(caught.value)
    assert all(fault.place and fault.place.line for fault in caught.value.faults)


def test_all_faults_at_once() -> None:
    text = conv("SpatialMap(3,3) K; TemporalMap(2,1) C; Cluster(2,P); SpatialMap(2,2) Y;")
    (layer,) = parse_mapping(text, "conv.m").layers
    with pytest.raises(InputError) as caught:
        to_archloom(layer, Hardware(num_pes=8))
    assert len(caught.value.faults) >= 3


def test_lanes_that_do_not_share() -> None:
    (layer,) = parse_mapping(conv("SpatialMap(1,1) K; TemporalMap(1,1) C;")).layers
    with pytest.raises(InputError, match="5 lanes cannot share the tile of a PE evenly: P 16 x Q 16 x R 3 x S 3"):
        to_archloom(layer, Hardware(num_pes=8, simd_lanes=5))


def test_an_index_of_no_tensor() -> None:
    text = conv("SpatialMap(1,1) C; TemporalMap(2,2) K;", kind="DSCONV")
    (layer,) = parse_mapping(text).layers
    with pytest.raises(InputError, match="K is an index of no tensor of this layer"):
        to_archloom(layer, Hardware(num_pes=4))
    assert to_archloom(replace(layer, dataflow=layer.dataflow[:1]), Hardware(num_pes=4))[0].macs == 4 * 16 * 16 * 9  # type: ignore[index]


def test_the_machine() -> None:
    (layer,) = parse_mapping(conv("SpatialMap(1,1) K; Cluster(4,P); SpatialMap(1,1) C;")).layers
    hardware = Hardware(num_pes=34, simd_lanes=3, noc_bandwidth=16, noc_latency=2, offchip_bandwidth=8)
    _, machine, _ = to_archloom(layer, hardware)
    assert machine.names == ("L1", "Cluster1", "L2", "DRAM")
    assert [level.fanout.total for level in machine.levels] == [3, 4, 8, 1]  # 2 PEs are left over
    assert (machine.level("L2").read_bandwidth, machine.level("DRAM").read_bandwidth) == (16, 8)
    assert machine.level("L2").read_pj / machine.compute.energy_pj == pytest.approx(18.61)
    assert machine.level("L1").write_pj / machine.compute.energy_pj == pytest.approx(1.68)


ROW_STATIONARY = """TemporalMap(2,2) C; TemporalMap(2,2) K; SpatialMap(Sz(R),1) Y; TemporalMap(Sz(S),1) X;
    TemporalMap(Sz(R),Sz(R)) R; TemporalMap(Sz(S),Sz(S)) S; Cluster(Sz(R),P); SpatialMap(1,1) Y; SpatialMap(1,1) R;"""


def test_row_stationary_and_its_diagonal() -> None:
    (layer,) = parse_mapping(conv(ROW_STATIONARY)).layers
    _, machine, mapping = to_archloom(layer, Hardware(num_pes=48))
    assert shown(mapping)[-2:] == [frozenset({("P", 16), ("R", 3)}), frozenset({("C", 2), ("M", 2), ("S", 3)})]
    text, hw = to_maestro(*to_archloom(layer, Hardware(num_pes=48)))
    assert "SpatialMap(1,1) Y;\n      SpatialMap(1,1) R;" in text
    assert "num_pes: 48" in hw
    assert machine.names == ("L1", "Cluster1", "L2", "DRAM")


def two_levels(**changes: Any) -> tuple[al.Workload, al.Architecture, al.Mapping]:
    """A matrix product on DRAM, a buffer, 4 x 2 PEs."""
    workload = al.einsum("O[m,n] += W[k,n] * I[m,k]", {"m": 8, "n": 4, "k": 6})
    buffer = al.Memory("Buffer", size_bits=2**20, read_bandwidth=32, fanout=al.Fanout(4, 2))
    machine = al.Architecture("two", (al.Memory("RF", size_bits=640), buffer, al.Memory("DRAM", read_bandwidth=4)))
    loops = {"temporal": (al.Loop("m", 2), al.Loop("k", 3)), "x": (al.Loop("m", 4),), "y": (al.Loop("n", 2),)}
    nests = {
        "RF": al.LevelNest("RF", (al.Loop("n", 2), al.Loop("k", 2)), keep=frozenset("OWI")),
        "Buffer": al.LevelNest("Buffer", **loops, keep=frozenset("OWI")),
        "DRAM": al.LevelNest("DRAM", keep=frozenset("OWI")),
    }
    nests |= {name: replace(nests[name], **change) for name, change in changes.items()}
    return workload, machine, al.Mapping(tuple(nests.values()))


def test_a_mesh_becomes_two_levels_of_clusters() -> None:
    text, hw = to_maestro(*two_levels())
    assert "Dimensions { M: 8, N: 4, K: 6 }" in text
    assert [line.strip() for line in text.splitlines() if "Map" in line or "Cluster" in line] == [
        "SpatialMap(2,2) N;",
        "TemporalMap(4,4) M;",
        "TemporalMap(2,2) K;",
        "Cluster(4, P);",
        "SpatialMap(1,1) M;",
    ]
    assert hw.splitlines() == [
        "num_pes: 8", "l1_size_cstr: 40", "l2_size_cstr: 65536", "noc_bw_cstr: 32", "offchip_bw_cstr: 4", "NoC_NumHops: 0",
    ]  # fmt: skip
    (priced,) = run(text, hw, engine="corrected")
    main = al.evaluate(*two_levels())
    assert priced["num_macs"] == main.macs
    assert priced["summary"]["average_number_of_utilized_pes"] == 8


def test_half_a_word_per_cycle() -> None:
    workload, machine, mapping = two_levels()
    with pytest.raises(InputError, match=r"DRAM moves 0.5 words per cycle; MAESTRO's files have whole numbers only"):
        to_maestro(workload, machine.with_level("DRAM", write_bandwidth=0.5), mapping)


def test_sizes_that_maestro_cannot_hold() -> None:
    workload = al.einsum("O[m] += W[m,k] * I[k]", {"m": 2**33, "k": 2})
    machine = al.Architecture("one", (al.Memory("L1"), al.Memory("L2")))
    outer = al.LevelNest("L2", (al.Loop("m", 2**33), al.Loop("k", 2)), keep=frozenset("OWI"))
    with pytest.raises(InputError, match="N is 8589934592, which MAESTRO's 32 bits cannot hold"):
        to_maestro(workload, machine, al.Mapping((al.LevelNest("L1", keep=frozenset("OWI")), outer)))


def test_loops_of_dram_come_first() -> None:
    workload, machine, mapping = two_levels(
        Buffer={"temporal": (al.Loop("k", 3),)}, DRAM={"temporal": (al.Loop("m", 2),)}
    )
    text, _ = to_maestro(workload, machine, mapping)
    assert text == to_maestro(*two_levels())[0]


UNSAYABLE: list[tuple[dict[str, Any], str]] = [
    ({"Buffer": {"keep": frozenset("OI")}}, "mapping at 'Buffer': bypasses 'W'; MAESTRO's L2 holds every tensor"),
    ({"RF": {"keep": frozenset("OI")}}, "mapping at 'RF': the PE does not hold 'W' around these loops"),
    ({"Buffer": {"cut": {"W": 1}}}, "mapping at 'Buffer': cuts the tile of 'W'; MAESTRO has no such word"),
    (
        {
            "Buffer": {"temporal": (al.Loop("k", 3), al.Loop("n", 2), al.Loop("m", 2))},
            "RF": {"temporal": (al.Loop("k", 2),)},
        },
        "",
    ),
    (
        {
            "DRAM": {"temporal": (al.Loop("k", 2), al.Loop("m", 2))},
            "Buffer": {"temporal": (al.Loop("k", 3),)},
            "RF": {"temporal": (al.Loop("n", 2),)},
        },
        "mapping at 'Buffer': a second loop over K, and others between the two; MAESTRO's L2 has one loop over it",
    ),
]


@pytest.mark.parametrize(("changes", "message"), UNSAYABLE)
def test_what_directives_cannot_say(changes: dict[str, Any], message: str) -> None:
    if not message:
        assert "SpatialMap(1,1) N;\n" in to_maestro(*two_levels(**changes))[0]
        return
    with pytest.raises(InputError, match=re.escape(message)):
        to_maestro(*two_levels(**changes))


@st.composite
def directive_files(draw: st.DrawFn) -> tuple[str, int]:
    """Directives of any sizes and offsets, half of them with windows that move by what they make; and a number of PEs."""
    sizes = {name: draw(st.integers(1, 6)) for name in "KC"} | {name: draw(st.integers(1, 3)) for name in "RS"}
    sizes |= {axis: sizes[kernel] + draw(st.integers(0, 7)) for axis, kernel in (("Y", "R"), ("X", "S"))}
    groups: list[str] = []
    for _ in range(draw(st.integers(1, 2))):
        names = draw(st.permutations(draw(st.lists(st.sampled_from("KCYX"), min_size=1, unique=True))))
        chosen = draw(st.integers(0, len(names) - 1))
        lines: list[str] = []
        for at, name in enumerate(names):
            kernel = sizes[{"Y": "R", "X": "S"}[name]] if name in "YX" else 1
            step = draw(st.integers(1, 4))
            size = step + kernel - 1
            offset = step if draw(st.integers(0, 7)) else draw(st.integers(1, size))
            lines.append(f"{'Spatial' if at == chosen else 'Temporal'}Map({size},{offset}) {name};")
        groups.append(" ".join(lines))
    cluster = draw(st.integers(1, 4))
    text = f" Cluster({cluster},P); ".join(groups)
    return conv(text, sizes=", ".join(f"{name}: {size}" for name, size in sizes.items())), cluster * draw(
        st.integers(1, 6)
    )


@settings(max_examples=400, deadline=None)
@given(directive_files())
def test_directives_that_pass_are_the_same_work(file: tuple[str, int]) -> None:
    text, pes = file
    (layer,) = parse_mapping(text, "own.m").layers
    hardware = Hardware(num_pes=pes, noc_latency=0)
    try:
        main = al.evaluate(*to_archloom(layer, hardware))
    except InputError as error:
        event("cannot be said")
        for fault in error.faults:
            assert fault.place is not None and fault.place.line
        return
    event("the same work")
    (priced,) = price_network(Network("own", (layer,)), hardware, engine="corrected")
    assert (priced["num_macs"], priced["summary"]["runtime"]) == (main.macs, main.cycles)
    assert priced["summary"]["average_number_of_utilized_pes"] == main.level("L1").instances_used


EINSUMS = {
    "O[m,p] += W[m,r] * I[2*p+r]": "",
    "O[m,p,q] += W[m,c] * I[c,p,q]": "",
    "O[m,p] += W[m,r] * I[p+2*r]": "r is dilated by 2; MAESTRO's filters are dense",
    "O[a,b,n] += W[a,b,k] * I[k,n]": "a and b are both what MAESTRO calls K, which it has once",
    "O[m] += A[m,k] * B[k] * C[m]": "has 3 operands; a layer of MAESTRO has two",
    "O[m,p,q,t] += W[m,r,s,u] * I[p+r,q+s,t+u]": "a third window; MAESTRO has two",
    "O[m] += W[m,j] * I[m]": "j is in one tensor only",
}


@pytest.mark.parametrize("text", EINSUMS)
def test_einsums(text: str) -> None:
    workload = al.einsum(text, dict.fromkeys(sorted(set("mpqrsctuabnkj") & set(text)), 2))
    machine = al.Architecture("one", (al.Memory("L1"), al.Memory("L2")))
    names = frozenset(tensor.name for tensor in workload.tensors)
    inner = al.LevelNest("L1", tuple(al.Loop(dim, 2) for dim in workload.dims), keep=names)
    mapping = al.Mapping((inner, al.LevelNest("L2", keep=names)))
    if EINSUMS[text]:
        with pytest.raises(InputError, match=re.escape(EINSUMS[text])):
            to_maestro(workload, machine, mapping)
    else:
        assert run(*to_maestro(workload, machine, mapping), engine="corrected")[0]["num_macs"] == workload.macs
