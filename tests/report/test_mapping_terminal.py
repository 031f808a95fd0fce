"""Reports of mapped networks and comparisons in a terminal: right numbers, no line too wide, hostile names tamed."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console
from tests.report.conftest import HOSTILE
from tests.search.mapping_cases import MACHINE, NETWORK, conv

import archloom as al
from archloom.report.comparison import Case, comparison_dict, print_comparison
from archloom.report.mapping_figures import costliest, network_energy, network_roofline, outer_traffic
from archloom.report.mapping_tables import layer_rows, level_rows, to_frame
from archloom.report.mapping_terminal import gap_words, over, print_mapping, space_text
from archloom.report.pareto_terminal import print_front
from archloom.search.network_mapping import LayerMapping, Missing, NetworkMapping, Unmapped

STRANGE = "x" * 300 + HOSTILE


@pytest.fixture(scope="module")
def mapped() -> NetworkMapping:
    return al.map(NETWORK, MACHINE, cache=False)


def shown(draw: object, *, width: int = 100) -> str:
    text = io.StringIO()
    console = Console(file=text, width=width, highlight=False, markup=False, emoji=False)
    if isinstance(draw, NetworkMapping):
        print_mapping(draw, console)
    else:
        print_comparison(draw, console)  # type: ignore[arg-type]
    return text.getvalue()


def strange(mapping: NetworkMapping) -> NetworkMapping:
    """The same with names that nobody wants to see."""

    def renamed(layer: LayerMapping) -> LayerMapping:
        return replace(layer, names=(STRANGE,), evaluation=replace(layer.evaluation, bound_by=STRANGE))

    architecture = replace(mapping.architecture, name=STRANGE)
    return replace(mapping, name=STRANGE, architecture=architecture, layers=tuple(map(renamed, mapping.layers)))


def test_a_network(mapped: NetworkMapping) -> None:
    text = shown(mapped)
    assert text.startswith("three on small\n5 layers, 3 of them distinct, 1,056 MACs\n")
    for layer in mapped.layers:
        assert layer.name in text
    assert f"{mapped.cycles:,} cycles" in text
    assert "gap 0: proven to be the best" in text
    assert "second ×3" in text


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_no_line_is_too_wide(mapped: NetworkMapping, width: int) -> None:
    one = replace(mapped, layers=mapped.layers[:1])
    for case in (mapped, one, strange(mapped), strange(one)):
        assert max(map(len, shown(case, width=width).split("\n"))) <= min(max(width, 80), 100)
    cases = [Case("a", mapped), Case(STRANGE, strange(mapped)), Case("none", None), Case("d", mapped)]
    for some in (cases, cases[:2], [cases[0], cases[3]]):
        assert max(map(len, shown(some, width=width).split("\n"))) <= max(width, 80)


def test_control_characters_do_not_reach_the_terminal(mapped: NetworkMapping) -> None:
    text = shown(strange(mapped)) + shown([Case(HOSTILE, strange(mapped)), Case("b", mapped)])
    assert "\x1b" not in text and "\x07" not in text


def test_what_is_open_shows_its_gap(mapped: NetworkMapping) -> None:
    first, *rest = mapped.layers
    half = replace(first, bound=first.objective / 2, finished=False)
    text = shown(replace(mapped, layers=(half, *rest)))
    assert "2 of 3 layers proven" in text
    assert "50 %" in text


@pytest.mark.parametrize("missing", list(Missing))
def test_what_has_no_mapping_says_so(mapped: NetworkMapping, missing: Missing) -> None:
    lost = Unmapped(("lost",), 2, conv("lost"), missing, "because")
    text = shown(replace(mapped, unmapped=(lost,)))
    assert missing.value in text
    case = Case("a", replace(mapped, unmapped=(lost,)))
    text = shown([case, Case("b", mapped)])
    assert "1 have none" in text
    assert "lost" in comparison_dict([case, Case("b", mapped)])["best_of_each_layer"]


def test_without_energies() -> None:
    free = replace(
        MACHINE,
        levels=tuple(replace(level, read_pj=0, write_pj=0, update_pj=0) for level in MACHINE.levels),
        compute=replace(MACHINE.compute, energy_pj=0),
    )
    found = al.map(NETWORK, free, objective="latency", cache=False)
    text = shown(found) + shown([Case("a", found), Case("b", found)])
    assert "The architecture gives no energies." in text
    assert "nan" not in text


def test_a_comparison(mapped: NetworkMapping) -> None:
    slow = al.map(NETWORK, MACHINE.with_level("DRAM", shared_bandwidth=0.5), cache=False)
    text = shown([Case("fast", mapped), Case("slow", slow)])
    assert "Best for: fast 3 of 3   slow 0 of 3." in text
    assert f"{slow.cycles:,}" in text
    best = comparison_dict([Case("fast", mapped), Case("slow", slow)])["best_of_each_layer"]
    assert best == {"first": ["fast"], "second": ["fast"], "third": ["fast"]}


def test_a_front() -> None:
    text = io.StringIO()
    front = al.pareto(conv(), MACHINE)
    print_front(front, Console(file=text, width=100, highlight=False))
    for point in front.points:
        assert f"{point.cycles:,}" in text.getvalue()
    assert max(map(len, text.getvalue().split("\n"))) <= 100


def test_figures_add_up(mapped: NetworkMapping) -> None:
    spent = network_energy(mapped)
    assert spent.total_pj == pytest.approx(mapped.energy_pj, rel=1e-12)
    assert {name: pytest.approx(sum(row), rel=1e-12) for name, row in spent.rows.items()} == mapped.energy_by_level
    assert sum(part.bits for part in outer_traffic(mapped)) == sum(
        layer.count * 16 * (held.reads + held.fills + held.updates)
        for layer in mapped.layers
        for held in layer.evaluation.levels[0].tensors.values()
    )
    assert all(part.times >= 1 for part in outer_traffic(mapped))
    assert sorted(layer.name for layer in costliest(mapped)) == sorted(layer.name for layer in mapped.layers)
    roof = network_roofline(mapped)
    assert roof.peak == 8
    assert roof.achieved <= min(port.ceiling for port in roof.roofs) * (1 + 1e-12)


def test_rows(mapped: NetworkMapping) -> None:
    rows = layer_rows(mapped)
    assert [row["layer"] for row in rows] == ["first", "second", "third"]
    assert [row["objective_value"] for row in rows] == [layer.objective for layer in mapped.layers]
    frame = to_frame(mapped)
    assert frame.rows(named=True) == rows
    energies = [row["energy_pj"] for row in level_rows(mapped) if row["layer"] == "first"]
    assert sum(float(value or 0) for value in energies) == pytest.approx(
        mapped.layers[0].evaluation.energy_pj, rel=1e-12
    )


def test_words() -> None:
    assert [gap_words(gap) for gap in (1e-9, 0.0012, 0.034, 0.5, 0.996, 1.0)] == [
        *("<0.01 %", "0.12 %", "3.4 %", "50 %", "99.6 %", "100 %"),
    ]
    assert [space_text(size) for size in (None, 7, 99_999, 10**5, 987 * 10**40)] == ["-", "7", "99,999", "1e5", "9e42"]
    assert [over(value, 2.0) for value in (2.0, 2.1, 1.9, 5.0, 0.5)] == ["+0 %", "+5 %", "-5 %", "2.50×", "0.250×"]
