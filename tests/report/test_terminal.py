"""The terminal report: its words, its width, and what is left of it without colour."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from archloom.architecture.hierarchy import Architecture, Fanout, Memory
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.model.evaluate import evaluate
from archloom.model.result import Evaluation
from archloom.report.bars import bar, stacked_bar
from archloom.report.headline import headline
from archloom.report.nest_lanes import nest_lanes
from archloom.report.terminal import print_report
from archloom.workload.einsum import einsum


def report(evaluation: Evaluation, width: int = 100, colour: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=colour, color_system="standard" if colour else None, markup=False
    )
    print_report(evaluation, console)
    return out.getvalue()


def test_the_report_says_why(evaluation: Evaluation) -> None:
    text = report(evaluation)
    for words in (
        "conv1 on rows",
        "157,351,936 MACs",
        "1,605,632 cycles   bound by compute: every memory keeps up",
        "98 of 168 MAC units mapped",
        "8.93 pJ per MAC; 46.5 % of it in RF",
        "Roofline: 98.0 of 168 MACs/cycle.",
    ):
        assert words in text
    lines = text.split("\n")
    (glb,) = [line for line in lines if line.startswith("GLB    read ")]
    assert glb.split() == ["GLB", "read", "2.78", "16.0", "17", "%", "██▏", "35.2", "10.5", "1,605,632"]
    (traffic,) = [line for line in lines if line.startswith("GLB    Inputs ")]
    assert traffic.split() == ["GLB", "Inputs", "8,052", "2,061,312", "1,788,032", "-", "1.15×", "40.9"]
    (energy,) = [line for line in lines if line.startswith("GLB ") and "µJ" in line]
    assert energy.split()[1:9] == ["-", "24.0", "µJ", "35.3", "µJ", "-", "-", "59.3"]
    (memory,) = [line for line in lines if line.startswith("GLB ") and "KiB" in line]
    assert memory.split() == ["GLB", "1", "1", "21.9", "KiB", "108", "KiB", "20", "%", "██▍", "1.20", "mm²"]


def test_the_nest_has_a_lane_per_tensor(evaluation: Evaluation) -> None:
    lines = [line.split() for line in report(evaluation).split("Loop nest\n")[1].split("\n")]
    assert lines[0] == ["Weights", "Inputs", "Outputs"]
    marks = [line[-3:] for line in lines[1:15]]
    assert ["".join(mark) for mark in marks] == [
        *("●●●", "○│○", "│○○", "│○○", "│●│", "○○│", "││●", "│○○", "│□□", "□□│", "●●●", "○│○", "○○│", "╵╵╵")
    ]


def test_a_lane_begins_where_its_tensor_first_lives(bare: Evaluation) -> None:
    out = io.StringIO()
    Console(file=out, width=100).print(nest_lanes(bare, 100))
    assert out.getvalue().split("\n")[1].startswith("padding  # k runs to 10 for 8")


def test_what_bounds_the_latency_is_named(slow: Evaluation) -> None:
    lines = {line.name: line for line in headline(slow)}
    assert lines["Latency"].note == (
        "bound by DRAM: its reads and writes take 3.73× the 1,605,632 cycles of the MACs, and 9 cycles to fill and drain the networks"
    )
    assert lines["Utilisation"].note == "98 of 168 MAC units mapped, waiting 73.2 % of the time"
    assert "373 %" in report(slow)


def test_a_machine_of_which_nothing_is_known(bare: Evaluation) -> None:
    lines = {line.name: line for line in headline(bare)}
    assert lines["Area"].value == "not given"
    assert lines["Energy"].note == "the architecture gives no energies"
    assert lines["Utilisation"].note == "1 of 1 MAC units mapped, 20.0 % of their work is padding"
    assert "The architecture gives no energies." in report(bare)


@pytest.mark.parametrize("width", [60, 80, 90, 100, 250])
def test_width(evaluation: Evaluation, slow: Evaluation, bare: Evaluation, width: int) -> None:
    for costs in (evaluation, slow, bare):
        for line in report(costs, width).split("\n"):
            assert len(line) <= max(80, min(100, width))


def test_long_names_and_large_counts_fit() -> None:
    names = [f"a_tensor_with_quite_a_long_name_{at}" for at in range(4)]
    dims = {f"dimension_{at}": 2**12 for at in range(4)}
    text = f"{names[3]}[{','.join(list(dims)[:3])}] += " + " * ".join(f"{name}[{','.join(dims)}]" for name in names[:3])
    levels = tuple(
        Memory(f"level_{at}_" + "x" * 40, read_pj=1.5, shared_bandwidth=0.1, leak_pj=1.0, fanout=Fanout(4096))
        for at in range(3)
    )
    nest = LevelNest(levels[0].name, tuple(Loop(dim, n) for dim, n in dims.items()), keep=frozenset(names))
    idle = LevelNest(levels[1].name)
    outer = LevelNest(levels[2].name, keep=frozenset(names))
    costs = evaluate(einsum(text, dims, name="n" * 70), Architecture("m" * 70, levels), Mapping((nest, idle, outer)))
    for width in (80, 100):
        lines = report(costs, width).split("\n")
        assert all(len(line) <= width for line in lines)
        assert any("level_0_" in line and "…" in line for line in lines)


def test_colour_only_where_it_is_wanted(evaluation: Evaluation) -> None:
    assert "\x1b[" in report(evaluation, colour=True)
    assert "\x1b[" not in report(evaluation)


def test_control_characters_do_not_reach_the_terminal(hostile: Evaluation) -> None:
    assert "\x07" not in report(hostile)
    assert "\x1b" not in report(hostile)


def test_bars_are_as_long_as_their_share() -> None:
    assert bar(0.5, 12).plain == "██████"
    assert bar(1, 12).plain == bar(7, 12).plain == "█" * 12
    assert bar(1e-9, 12).plain == "▏"
    assert bar(0, 12).plain == ""
    stacked = stacked_bar([0.25, 0.25, 0.5], ["red", "green", "blue"], 8)
    assert stacked.plain == "█" * 8
    assert [(span.start, span.end, span.style) for span in stacked.spans] == [
        (0, 2, "red"),
        (2, 4, "green"),
        (4, 8, "blue"),
    ]
    assert stacked_bar([0.001], ["red"], 8).plain == "▏"
    assert stacked_bar([0.0], ["red"], 8).plain == ""
