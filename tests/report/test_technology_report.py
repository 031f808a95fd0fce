"""Prices in reports: the table of the zoo in the docs, where figures come from, and the drawings."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

import archloom as al
from archloom.errors import InputError
from archloom.report.headline import headline, sources_lines
from archloom.report.sources import sources_of
from archloom.report.technology_origins import FILE, compared, energy_sources, figure_text, origins
from archloom.report.technology_plot import draw_component, plot_page
from archloom.report.technology_terminal import print_comparison, print_components, print_origins
from archloom.technology import components, find

DOCS = Path(__file__).resolve().parents[2] / "docs" / "technology.md"
BEGIN, END = "<!-- prices of the zoo: begin -->\n", "<!-- prices of the zoo: end -->\n"
COMMAND = "$ archloom technology --of priced.yaml\n"
PUBLISHED = {"eyeriss": 65, "simba_like": 16, "tpu_like": 28, "nvdla_like": 45, "tiny": 45}
"""The node of the chip; for the two that are of no node, that of the file."""
MACHINE = """
architecture:
  name: mixed
  clock: 1 GHz
  node: 28 nm
  levels:
    - {name: DRAM, energy: 8 pJ/bit}
    - {name: GLB, class: sram, size: 128 KiB, width: 64, fanout: 4}
    - {name: RF, class: regfile, size: 16 words, energy: {read: 1 pJ}, area: 10 um2}
  compute: {class: int_mac, word: 8 bit}
"""


def zoo_table() -> str:
    """What the zoo states beside what the library charges, at the node of the file and at that of the chip, as Markdown."""
    lines = [
        "| machine | component | | the file | library, same node | ratio | library, node of the chip |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for name, node in PUBLISHED.items():
        here = compared(al.load(name))
        there = compared(al.load(name, sets=[f"architecture.node={node} nm"]))
        for row, moved in zip(here, there, strict=True):
            if row.figure == "leakage":
                continue
            cells = [figure_text(v, row.unit) if v is not None else "–" for v in (row.stated, row.library)]
            ratio = f"{row.ratio:.2f}" if row.ratio else "–"
            last = figure_text(moved.library, moved.unit) if moved.library is not None else "–"
            lines.append(
                f"| {name} | {row.component} | {row.figure} | {' | '.join(cells)} | {ratio} | {node} nm: {last} |"
            )
    return "\n".join(lines) + "\n"


def test_the_table_in_the_docs_is_what_the_library_says() -> None:
    text = DOCS.read_text("utf-8")
    written = text[text.index(BEGIN) + len(BEGIN) : text.index(END)]
    assert written == zoo_table(), f"out of date: run python {Path(__file__).name}"


def printed_example(text: str) -> str:
    """What `archloom technology --of priced.yaml` prints for the file of that name in the docs."""
    machine = text.split('```yaml title="priced.yaml"\n')[1].split("```")[0]
    lines = printed(print_origins, al.load_architecture(machine)).splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


def test_the_example_in_the_docs_is_what_is_printed() -> None:
    text = DOCS.read_text("utf-8")
    assert text.split(COMMAND)[1].split("```")[0] == printed_example(text), f"run python {Path(__file__).name}"


def test_every_machine_of_the_zoo_is_in_the_table() -> None:
    from archloom.spec import machine_names

    assert set(PUBLISHED) == set(machine_names())


def test_every_part_of_the_zoo_is_known_to_the_library() -> None:
    for name in PUBLISHED:
        spec = al.load(name)
        assert {row.component for row in compared(spec) if row.library is not None} == set(spec.requests), name


def test_origins_say_what_is_the_files_and_what_the_librarys() -> None:
    spec = al.load(MACHINE)
    assert spec.architecture is not None
    found = {(origin.component, origin.figure): origin for origin in origins(spec.architecture)}
    assert found["DRAM", "read"].source == FILE
    assert found["RF", "read"].source == FILE
    assert found["RF", "area"].source == FILE
    assert found["RF", "write"].source != FILE
    glb = found["GLB", "read"]
    assert (glb.source, glb.unit) == ("CACTI 7.0", "pJ")
    assert glb.value == spec.architecture.level("GLB").read_pj
    assert found["GLB", "leakage"].unit == "mW"
    assert found["MAC", "compute"].confidence


def test_a_figure_that_was_changed_is_no_longer_the_librarys() -> None:
    architecture = al.load_architecture(MACHINE).with_level("GLB", read_pj=1.0)
    found = {(origin.component, origin.figure): origin.source for origin in origins(architecture)}
    assert found["GLB", "read"] == FILE
    assert found["GLB", "write"] == "CACTI 7.0"


def test_origins_of_wires_are_apart() -> None:
    spec = al.load(MACHINE, sets=["architecture.network=wires"])
    plain = al.load(MACHINE)
    assert spec.architecture is not None
    assert plain.architecture is not None
    found = {(o.component, o.figure): o.value for o in origins(spec.architecture)}
    assert found["GLB", "read"] == pytest.approx(plain.architecture.level("GLB").read_pj)
    assert found["GLB", "network"] == pytest.approx(
        spec.architecture.level("GLB").read_pj - plain.architecture.level("GLB").read_pj
    )


def test_mixed_sources_are_named_in_the_headline() -> None:
    spec = al.load(MACHINE)
    assert spec.architecture is not None
    (line,) = sources_lines(spec.architecture)
    assert line.name == "Prices"
    assert line.value == f"{len(energy_sources(spec.architecture))} sources"
    assert "the file (DRAM, RF)" in line.note
    assert "CACTI 7.0 (GLB)" in line.note


def test_a_machine_of_stated_energies_has_no_such_line(evaluation: object) -> None:
    assert "Prices" not in [line.name for line in headline(evaluation)]  # type: ignore[arg-type]


def test_sources_of_a_priced_machine() -> None:
    said = sources_of(al.load_architecture(MACHINE))
    assert any(sentence.startswith("GLB: read ") and "CACTI 7.0 (32 nm, modelled" in sentence for sentence in said)
    assert not any(sentence.startswith("DRAM") for sentence in said)


def printed(show: object, *arguments: object) -> str:
    stream = io.StringIO()
    show(*arguments, Console(file=stream, width=100, color_system=None))  # type: ignore[operator]
    return stream.getvalue()


def test_terminal_tables_fit_the_width() -> None:
    architecture = al.load_architecture(MACHINE)
    for text in (
        printed(print_components, components().values()),
        printed(print_origins, architecture),
        printed(print_comparison, "tpu", compared(al.load("tpu_like"))),
    ):
        assert max(map(len, text.splitlines())) <= 100


def test_hostile_names_do_not_reach_the_terminal() -> None:
    architecture = al.load_architecture('architecture:\n  {name: "a\\eb", levels: [{name: "x\\e[31m", energy: 1 pJ}]}')
    assert "\x1b" not in printed(print_origins, architecture)


@pytest.mark.parametrize("name", ["sram", "regfile", "dram", "int_mac", "fp_multiply"])
def test_drawings_are_well_formed_and_inside(name: str) -> None:
    given = {"width_bits": [64.0]} if any(a.name == "size_bits" for a in find(name).attributes) else {}
    root = ElementTree.fromstring(draw_component(find(name), given))
    lines = [element for element in root.iter() if element.tag.endswith("polyline")]
    assert len(lines) >= 4
    for line in lines:
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 490
            assert 0 <= y <= 330


def test_drawings_need_what_the_component_needs() -> None:
    with pytest.raises(InputError, match="give --width"):
        draw_component(find("sram"), {})


def test_the_page_loads_nothing() -> None:
    page = plot_page(find("int_mac"), {}, "1.0")
    assert "<script" not in page
    assert "src=" not in page
    assert "polyline" in page


if __name__ == "__main__":
    text = DOCS.read_text("utf-8")
    head, rest = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    text = head + zoo_table() + rest
    before, after = text.split(COMMAND)
    DOCS.write_text(before + COMMAND + printed_example(text) + after[after.index("```") :], "utf-8")
    sys.stdout.write(f"wrote {DOCS}\n")
