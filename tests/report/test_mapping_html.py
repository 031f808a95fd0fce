"""Pages of mapped networks: whole, self-contained, safe with any name, and their numbers are those of the evaluations."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from tests.report.conftest import CONV, HOSTILE, NEST, ROWS
from tests.report.mapped_networks import large_network, mapped, network, small_network, without_layer
from tests.report.test_html import Outline

import archloom
from archloom.architecture.hierarchy import Architecture, Memory
from archloom.model.evaluate import evaluate
from archloom.model.result import Evaluation
from archloom.report.comparison import Case
from archloom.report.comparison_html import comparison_page
from archloom.report.mapping_html import layer_fragment, mapping_page, network_fragment
from archloom.report.sources import sources_of
from archloom.search.network_mapping import NetworkMapping


class Tables(HTMLParser):
    """The tables of a page by the id of their section: rows of cells, each with its value for sorting and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[tuple[str | None, str]]]] = {}
        self.section, self.value, self.text, self.inside = "", None, "", False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("section", "header"):
            self.section = given.get("id") or ""
        elif tag == "tr":
            self.tables.setdefault(self.section, []).append([])
        elif tag == "td":
            self.value, self.text, self.inside = given.get("data-v"), "", True

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self.tables[self.section][-1].append((self.value, " ".join(self.text.split())))
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.text += data

    def rows(self, section: str, count: int) -> list[list[tuple[str | None, str]]]:
        """The first rows of a section with cells."""
        return [row for row in self.tables[section] if row][:count]


# ------------------------------------------------------------------------------------------------------- one network


def test_the_page_says_it_all_and_loads_nothing() -> None:
    page = Outline(
        mapping_page(small_network(), command="archloom map net", version="1.2.3", warnings=["mind the <gap>"])
    )
    for words in (
        "5 layers, 2 of them distinct",
        "1 of 2 layers proven",
        "fc could be up to 12.5 % better",
        "1.0 × 10²¹",
        "Proven: none of the 1.0 × 10²¹ mappings of its mapspace has a lower EDP.",
        "by dominance",
        "archloom map net",
        "archloom 1.2.3",
        "exact, seed 0",
        "mind the <gap>",
        "Relu",
        "1,024",
        "not known",
        "108 KiB",
        "16 read, 8 write",
        "One of the same shape as conv2.",
    ):
        assert words in page.text, words
    assert not page.tags & {"link", "iframe", "img", "object"}
    names = {name for name, _ in page.attributes}
    assert not names & {"src", "srcset"}
    assert not any(name.startswith("on") for name in names)
    targets = [value or "" for name, value in page.attributes if name == "href"]
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert targets and {target.removeprefix("#") for target in targets} <= set(ids)


def test_numbers_are_those_of_the_evaluations() -> None:
    mapping = small_network()
    tables = Tables(mapping_page(mapping))
    for row, layer in zip(tables.rows("layers", 2), mapping.layers, strict=True):
        cost = layer.evaluation
        values = [float(value) for value, _ in row if value is not None]
        assert values[:4] == [
            layer.count,
            layer.count * cost.macs,
            layer.count * cost.cycles,
            layer.count * cost.cycles,
        ]
        assert values[4:6] == [layer.count * cost.energy_pj] * 2
        assert values[6:] == [cost.energy_pj / cost.macs, cost.utilization, layer.gap]
        assert row[4][1] == f"{layer.count * cost.cycles:,}"
        assert row[10][1] == cost.bound_by
    total = tables.rows("layers", 3)[2]
    assert total[1][1] == "5"
    assert total[4][1] == f"{mapping.cycles:,}"
    for row, layer in zip(tables.rows("proof", 2), mapping.layers, strict=True):
        values = [value for value, _ in row if value is not None]
        assert [float(value) for value in values[:3]] == [layer.objective, layer.bound, layer.gap]
        assert [int(value) for value in values[4:7]] == [7, 12, 345]
    assert [row[3][1] for row in tables.rows("proof", 2)] == ["proven", "12 %"]


def test_the_energy_table_is_the_sum_over_the_layers() -> None:
    mapping = small_network()
    rows = Tables(mapping_page(mapping)).rows("energy", 4)
    assert [row[0][1] for row in rows] == ["DRAM", "GLB", "RF", "MAC"]
    for row in rows[:3]:
        for at, role in enumerate(("weight", "input", "output")):
            least = sum(
                layer.count * layer.evaluation.level(row[0][1]).tensors[tensor.name].energy_pj
                for layer in mapping.layers
                for tensor in layer.workload.tensors
                if tensor.role == role
            )
            assert float(row[1 + at][0] or 0) == pytest.approx(least, rel=1e-12)
    spent = sum(float(value or 0) for row in rows for value, _ in row[1:6])
    assert spent == pytest.approx(mapping.energy_pj, rel=1e-12)


def test_layers_without_a_mapping_are_named_first() -> None:
    page = Outline(mapping_page(without_layer(small_network())))
    assert "1 layer has no mapping; all totals are without it." in page.text
    assert "fc: no tile of it fits <RF>" in page.text


def test_a_machine_of_which_nothing_is_known(bare: Evaluation) -> None:
    mapping = network([mapped(bare, space=None)], bare.architecture)
    page = Outline(mapping_page(mapping))
    assert "Where the energy goes" not in page.text
    assert "Roofline" not in page.text
    assert "the architecture gives no energies" in page.text
    assert "Proven: none of the mappings of its mapspace has a lower EDP." in page.text
    unknown = replace(mapped(bare), objective=0.0, bound=0.0, steps=())
    assert "How the search went" not in mapping_page(network([unknown], bare.architecture))


def test_names_cannot_break_out(hostile: Evaluation) -> None:
    layer = replace(mapped(hostile, HOSTILE, HOSTILE + "2", count=2, gap=0.5), excluded={HOSTILE: 3})
    mapping = replace(network([layer, mapped(hostile)], hostile.architecture), name=HOSTILE)
    page = mapping_page(mapping, command=HOSTILE, version=HOSTILE, sources=[HOSTILE], warnings=[HOSTILE])
    cases = [
        Case(HOSTILE, mapping),
        Case("</title><script>alert(1)</script>", without_layer(mapping)),
        Case(HOSTILE, None),
    ]
    for made in (page, comparison_page(cases), network_fragment(mapping), layer_fragment(layer)):
        outline = Outline(made)
        assert "img" not in outline.tags
        assert not any(name.startswith("on") for name, _ in outline.attributes)
        assert made.count("<script") <= 1
        assert "\x07" not in made and "\x1b" not in made


def test_a_layer_called_like_a_script_does_not_run() -> None:
    name = "<script>alert(1)</script>"
    page = mapping_page(network([mapped(evaluate(CONV, ROWS, NEST), name)], name=name))
    assert name not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_only_the_page_s_own_script_may_run() -> None:
    page = mapping_page(small_network())
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="(.*?)">', page)
    assert f"script-src 'sha256-{allowed}'" in policy
    assert "default-src 'none'" in policy


def test_a_large_network_stays_light() -> None:
    began = time.process_time()
    page = mapping_page(large_network(24))
    assert time.process_time() - began < 5
    assert len(page.encode()) < 1_000_000
    assert page.count('<details class="layer">') == 24


def test_the_same_network_makes_the_same_page() -> None:
    assert mapping_page(small_network()) == mapping_page(small_network())


def test_numbers_of_the_zoo_say_where_they_come_from() -> None:
    eyeriss = archloom.load_architecture("eyeriss")
    (source,) = sources_of(eyeriss)
    assert "ISCA 2016" in source
    assert not source.startswith("#")
    source, change = sources_of(eyeriss.with_level("GLB", size_bits=8))
    assert "ISCA 2016" in source
    assert change == "Not as it is there: GLB."
    assert sources_of(ROWS) == ()
    assert "ISCA 2016" in mapping_page(replace(small_network(), architecture=replace(ROWS, name="eyeriss")))


def test_fragments_are_pieces_of_a_page() -> None:
    mapping = small_network()
    made = network_fragment(mapping)
    outline = Outline(made)
    assert "5 layers, 2 of them distinct" in outline.text
    assert "script" not in outline.tags and "body {" not in made
    assert not any(name == "href" and value != "#" and "table" in str(value) for name, value in outline.attributes)
    shown = Outline(layer_fragment(mapping.layers[1])).text
    assert "Not proven: another mapping may have a lower objective" in shown
    assert "What lives where" in shown


# ------------------------------------------------------------------------------------------------------- comparison


def faster() -> Architecture:
    """The machine of the tests with four times the bandwidth, and a cheaper backing store."""
    return ROWS.with_level("DRAM", shared_bandwidth=16, read_pj=50.0, write_pj=50.0, update_pj=50.0)


def cases() -> list[Case]:
    return [Case("rows", small_network()), Case("rows, faster", small_network(faster())), Case("broken", None)]


def test_the_comparison_has_every_case_side_by_side() -> None:
    compared = cases()
    page = comparison_page(compared, command="archloom compare net")
    tables, text = Tables(page), Outline(page).text
    rows = tables.rows("", 3)
    for row, case in zip(rows, compared, strict=True):
        assert row[0][1] == case.label
        if case.mapping is None:
            assert row[1] == ("None", "none")
            continue
        assert [float(row[at][0] or 0) for at in (1, 2, 3)] == [
            case.mapping.cycles,
            case.mapping.energy_pj,
            case.mapping.edp,
        ]
        assert row[-2][1] == "1 of 2"
    for words in (
        "archloom compare net",
        "broken: no layer has a mapping.",
        "Rooflines",
        "rows, faster: DRAM",
        "EDP, in times the best",
    ):
        assert words in text, words


def test_the_best_case_of_a_layer_is_marked() -> None:
    compared = cases()[:2]
    page = comparison_page(compared)
    rows = Tables(page).rows("layers", 2)
    assert all(case.mapping for case in compared)
    first, second = (case.mapping.layers[0] for case in compared if case.mapping)
    assert [float(rows[0][at][0] or 0) for at in (2, 7)] == [first.objective, second.objective]
    assert rows[0][2][1].endswith("×") and not rows[0][7][1].endswith("×")
    assert second.objective < first.objective
    assert page.count('class="good">') >= 2


def test_cases_that_lack_layers_win_no_totals() -> None:
    page = comparison_page([Case("whole", small_network()), Case("half", without_layer(small_network(faster())))])
    header = page[: page.index("</header>")]
    assert "its totals are without it, and compare with no other's" in header
    assert 'class="good">' not in header.replace('class="good">proven', "")


def test_comparisons_of_machines_without_energies(bare: Evaluation) -> None:
    mapping = network([mapped(bare)], bare.architecture)
    other = replace(mapping, architecture=Architecture("other", (Memory("RAM"),)))
    page = Outline(comparison_page([Case("one", mapping), Case("other", other)])).text
    assert "Where the energy goes" not in page
    assert "Where the cycles go" in page


@pytest.mark.parametrize("mapping", [small_network(), large_network(3)])
def test_outlines_are_in_order(mapping: NetworkMapping) -> None:
    Outline(mapping_page(mapping))
    Outline(comparison_page([Case("a", mapping), Case("b", mapping)]))
