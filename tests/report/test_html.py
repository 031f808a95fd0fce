"""Pages and fragments: whole, self-contained, and safe with any name."""

from __future__ import annotations

from html.parser import HTMLParser

import archloom
from archloom.mapping.nest import Mapping
from archloom.model.result import Evaluation
from archloom.report.html import evaluation_fragment, evaluation_page, mapping_fragment

VOID = {"meta", "br", "img", "input", "link"}


class Outline(HTMLParser):
    """Collects tags, attributes and text, and insists that tags are closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_says_it_all_and_loads_nothing(evaluation: Evaluation) -> None:
    page = Outline(evaluation_page(evaluation, version="1.2.3"))
    for words in ("conv1", "1,605,632 cycles", "58.3 %", "1.40 mJ", "2,061,312", "for m in 0..8", "archloom 1.2.3"):
        assert words in page.text, words
    assert not page.tags & {"script", "link", "iframe", "img", "object"}
    names = {name for name, _ in page.attributes}
    assert not names & {"src", "href", "srcset"}
    assert not any(name.startswith("on") for name in names)


def test_reports_without_energy_or_bandwidth(bare: Evaluation) -> None:
    page = Outline(evaluation_page(bare))
    assert "Where the energy goes" not in page.text
    assert "What bounds the latency" not in page.text
    assert "20.0 % of their work is padding" in page.text


def test_names_cannot_break_out(hostile: Evaluation) -> None:
    for made in (evaluation_page(hostile), evaluation_fragment(hostile), mapping_fragment(hostile.mapping)):
        outline = Outline(made)
        assert "img" not in outline.tags
        assert not any(name.startswith("on") for name, _ in outline.attributes)


def test_notebooks_show_evaluations_and_mappings(evaluation: Evaluation) -> None:
    assert archloom.Evaluation is Evaluation
    assert evaluation._repr_html_() == evaluation_fragment(evaluation)
    assert (evaluation.mapping._repr_html_() or "").startswith("<svg")
    assert (Mapping(())._repr_html_() or "").startswith("<svg")


def test_without_a_renderer_notebooks_show_text() -> None:
    from archloom.display import Displayed

    class Other(Displayed):
        pass

    assert Other()._repr_html_() is None
