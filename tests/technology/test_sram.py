from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archloom.errors import InputError
from archloom.technology import price
from archloom.technology.scaling import factor
from archloom.technology.sram_grid import Sweep, sweep
from archloom.technology.sram_sweep import CELLS, NODES, QUANTITIES, Sample, samples

DOCS = Path(__file__).resolve().parents[2] / "docs/technology-sources.md"
DENSE = [s for s in samples() if s.key[:3] == (45, "lstp", 1)]
SHRINKING = (250, 130, 110, 90, 75, 65, 55, 45, 40, 36, 32, 28, 25, 22, 20, 16, 14, 12, 10, 7, 5, 3)


def errors(left: list[Sample], held: list[Sample]) -> list[list[float]]:
    """Relative errors (read, write, leakage, area) of the sweep without the held-out points, at those points."""
    without = Sweep(left)
    found = []
    for sample in held:
        node, cell, banks, size, width = sample.key
        got = without.figures(size * 8.0, float(width), float(node), cell, banks)
        found.append([abs(float(g) / f - 1) for g, f in zip(got, sample.figures, strict=True)])
    return found


def inside(among: list[Sample]) -> list[Sample]:
    """Points with a smaller and a larger memory of the same node, cell, banks and width."""
    series: dict[tuple[object, ...], list[int]] = {}
    for node, cell, banks, size, width in (s.key for s in among):
        series.setdefault((node, cell, banks, width), []).append(size)
    ends = {key: (min(sizes), max(sizes)) for key, sizes in series.items()}
    return [s for s in among if s.key[3] not in ends[s.key[0], s.key[1], s.key[2], s.key[4]]]


def summary(found: list[list[float]]) -> dict[str, tuple[float, float]]:
    """Median error and the error that nine in ten points stay within."""
    table = np.array(found)
    return {q: (float(np.median(table[:, i])), float(np.quantile(table[:, i], 0.9))) for i, q in enumerate(QUANTITIES)}


def test_equal_to_the_sweep_at_its_points() -> None:
    assert len(samples()) == 309
    for sample in samples():
        node, cell, banks, size, width = sample.key
        got = sweep().figures(size * 8.0, float(width), float(node), cell, banks)
        assert got == pytest.approx(sample.figures, rel=1e-12)


def test_a_point_as_cacti_printed_it() -> None:
    priced = price("SRAM", size_bits=16384 * 8, width_bits=64, node_nm=45)
    assert priced.energy["read"].value == pytest.approx(11.6097)
    assert priced.energy["write"].value == pytest.approx(10.6968)
    assert priced.energy["update"] is priced.energy["update"]
    assert priced.area is not None
    assert priced.area.value == pytest.approx(50742)
    assert priced.leakage is not None
    assert priced.leakage.value == pytest.approx(0.000469172)
    fast = price("sram", size_bits=2**23, width_bits=64, node_nm=45, cell="hp")
    assert fast.leakage is not None
    assert fast.leakage.value == pytest.approx(497.338)


def test_each_point_held_out_in_turn_errs_as_the_docs_say() -> None:
    """The bar is a median of 7 % and 25 % for nine in ten."""
    (stated,) = [line for line in DOCS.read_text("utf-8").splitlines() if line.startswith("| each point in turn")]
    everything = list(samples())
    held = inside(everything)
    found = summary([row for s in held for row in errors([x for x in everything if x is not s], [s])])
    cells = [f"{median * 100:.1f} %, {ninety * 100:.1f} %" for median, ninety in found.values()]
    assert stated.split("|")[2:-1] == [f" {cell} " for cell in (str(len(held)), *cells)]
    for median, ninety in found.values():
        assert median <= 0.07
        assert ninety <= 0.25


def test_every_other_size_held_out() -> None:
    """Plain interpolation along size, as between any two points, over twice the distance."""
    found = []
    for parity in (0, 1):
        held = [s for s in DENSE if s.key[3].bit_length() % 2 == parity]
        rest = [s for s in samples() if s not in held]
        ends = {
            w: [s.key[3] for s in rest if s.key[:3] == (45, "lstp", 1) and s.key[4] == w]
            for w in {s.key[4] for s in held}
        }
        found += errors(rest, [s for s in held if min(ends[s.key[4]]) < s.key[3] < max(ends[s.key[4]])])
    for median, ninety in summary(found).values():
        assert median <= 0.055
        assert ninety <= 0.19


def test_a_whole_width_held_out() -> None:
    found = []
    for width in (16, 32, 64, 128, 256, 512):
        held = [s for s in DENSE if s.key[4] == width]
        found += errors([s for s in samples() if s not in held], held)
    for median, ninety in summary(found).values():
        assert median <= 0.08
        assert ninety <= 0.20


def test_a_whole_node_held_out() -> None:
    found = []
    for node in (32, 65):
        held = [s for s in samples() if s.key[0] == node]
        found += errors([s for s in samples() if s.key[0] != node], held)
    figures = summary(found)
    for quantity in ("read", "write", "area"):
        assert figures[quantity][0] <= 0.085
        assert figures[quantity][1] <= 0.18
    assert figures["leakage"][0] > 0.3, (
        "leakage goes up and down with the node: the docs say that it is rough between nodes"
    )


@pytest.mark.parametrize("cell", CELLS)
def test_energy_and_area_fall_with_the_node_everywhere_in_the_sweep(cell: str) -> None:
    """All corners of the cubes; between them they are interpolated, so it holds there too."""
    cube = sweep().cubes[cell]
    assert np.isfinite(cube).all()
    for quantity in ("read", "write", "area"):
        assert (np.diff(cube[..., QUANTITIES.index(quantity)], axis=0) > 0).all(), quantity


memories = st.tuples(st.floats(2, 14), st.floats(0, 22))


@given(
    memories=st.lists(memories, min_size=1, max_size=20),
    cell=st.sampled_from(CELLS),
    banks=st.sampled_from([1, 3, 16, 64]),
)
def test_positive_and_never_rising_as_the_node_shrinks(
    memories: list[tuple[float, float]], cell: str, banks: int
) -> None:
    width = 2.0 ** np.array([m[0] for m in memories])
    size = width * 2.0 ** np.array([m[1] for m in memories])
    nodes = np.array(SHRINKING, dtype=float)[:, None]
    figures = sweep().figures(size, width, nodes, cell, float(banks))
    for quantity, values in zip(QUANTITIES, figures, strict=True):
        assert np.isfinite(values).all()
        assert (values > 0).all()
        if quantity != "leakage":  # which CACTI has going up and down
            assert (np.diff(values, axis=0) <= 1e-12 * values[1:]).all()


@given(
    requests=st.lists(
        st.tuples(
            st.integers(6, 30),
            st.sampled_from([1, 8, 24, 64, 1000, 4096]),
            st.sampled_from([3, 7, 22, 28, 45, 90, 130]),
        ),
        min_size=1,
        max_size=8,
    ),
    cell=st.sampled_from(CELLS),
)
def test_an_array_gives_what_its_elements_give(requests: list[tuple[int, int, int]], cell: str) -> None:
    size = np.array([max(2.0**s, w, 128) for s, w, _ in requests])
    width, node = (np.array([float(r[i]) for r in requests]) for i in (1, 2))
    many = price("sram", size_bits=size, width_bits=width, node_nm=node, cell=cell)
    for i in range(len(requests)):
        one = price("sram", size_bits=size[i], width_bits=width[i], node_nm=node[i], cell=cell)
        assert many.area is not None
        assert one.area is not None
        assert np.asarray(many.area.value)[i] == pytest.approx(one.area.value, rel=1e-12)
        for action, figure in many.energy.items():
            assert np.asarray(figure.value)[i] == pytest.approx(one.energy[action].value, rel=1e-12)


def test_a_wide_access_is_slices_side_by_side() -> None:
    one = price("sram", size_bits=2**20, width_bits=1024)
    four = price("sram", size_bits=2**22, width_bits=4096)
    assert four.energy["read"].value == pytest.approx(4 * np.asarray(one.energy["read"].value))
    assert any("slices" in warning for warning in four.warnings)


def test_voltage_and_ports() -> None:
    plain = price("sram", size_bits=2**17, width_bits=64)
    low = price("sram", size_bits=2**17, width_bits=64, voltage_v=0.55)
    assert low.energy["read"].value == pytest.approx(np.asarray(plain.energy["read"].value) / 4)
    two = price("sram", size_bits=2**17, width_bits=64, ports=2)
    assert two.area is not None
    assert plain.area is not None
    assert two.area.value == pytest.approx(2 * np.asarray(plain.area.value))
    assert two.energy["read"].confidence == "estimated"


def test_below_the_sweep_each_quantity_is_scaled_by_its_own_factor() -> None:
    request = {"size_bits": 2**17, "width_bits": 64}
    edge, small = price("sram", node_nm=22, **request), price("sram", node_nm=7, **request)
    assert edge.area is not None
    assert small.area is not None
    assert edge.leakage is not None
    assert small.leakage is not None
    assert small.energy["write"].value == pytest.approx(
        np.asarray(edge.energy["write"].value) * factor("energy", 22, 7)
    )
    assert small.area.value == pytest.approx(np.asarray(edge.area.value) * factor("area", 22, 7))
    assert small.leakage.value == pytest.approx(np.asarray(edge.leakage.value) * factor("leakage", 22, 7))


def test_provenance() -> None:
    point = price("sram", size_bits=2**17, width_bits=64, node_nm=32).energy["read"]
    assert (point.source, point.confidence, point.node_nm) == ("CACTI 7.0", "modelled", 32)
    assert point.note == "lstp cells; a point of the sweep"
    scaled = price("sram", size_bits=2**17, width_bits=64, node_nm=7).energy["read"]
    assert (scaled.confidence, scaled.node_nm) == ("scaled", 22)
    assert "scaled from 22 nm" in scaled.note
    assert any("5 nm is beyond" in w for w in price("sram", size_bits=2**17, width_bits=64, node_nm=5).warnings)
    assert NODES == (22, 32, 45, 65, 90)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            {"size_bits": 24, "width_bits": 8},
            "size_bits is a whole number from 128 to 68719476736 bit, not 24 (16 bytes to 8 GiB",
        ),
        ({"size_bits": 24, "width_bits": 8}, "class regfile, or register"),
        ({"size_bits": 1024, "width_bits": 8, "node_nm": 2}, "node_nm is a number from 3 to 250 nm, not 2"),
        ({"size_bits": 1024, "width_bits": -8}, "width_bits is a whole number from 1 to 65536 bit, not -8"),
        ({"size_bits": 1024.5, "width_bits": 8}, "size_bits is a whole number from 128 to 68719476736 bit, not 1024.5"),
        ({"size_bits": 1024, "width_bits": 2048}, "an access of 2048 bit is wider than the memory of 1024 bit"),
        ({"size_bits": 1024, "width_bits": 64, "banks": 32}, "is wider than one of 32 banks of 1024 bit in all"),
        (
            {"size_bits": 1024, "width_bits": 8, "cell": "fast"},
            "no cell 'fast' is known; there are lstp, hp, lop, lstp-hp",
        ),
        ({"width_bits": 8}, "sram needs size_bits (bit)"),
        ({"size_bits": [1024, 1024.5], "width_bits": 8}, "not 1024.5 at index 1 (1 of 2 are wrong)"),
        ({"size_bits": [1024, 64, 8], "width_bits": 8}, "not 64 at index 1 (2 of 3 are wrong)"),
        ({"size_bits": [1024, 2048], "width_bits": [8, 8, 8]}, "do not go together: size_bits (2,), width_bits (3,)"),
    ],
)
def test_impossible_requests_say_the_range(request_: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        price("sram", **request_)
    assert message in str(caught.value)
