"""An evaluation as HTML: a page of its own that needs nothing else, or a fragment for a notebook."""

from __future__ import annotations

from typing import Any

from archloom.mapping.nest import Mapping
from archloom.mapping.text import render as nest_text
from archloom.model.result import Evaluation
from archloom.report.charts import draw_energy, draw_roofline
from archloom.report.headline import headline
from archloom.report.nest_drawing import draw_nest
from archloom.report.pages import markup, templates
from archloom.report.tables import detail_rows
from archloom.report.theme import dark_style

__all__ = ["evaluation_contents", "evaluation_fragment", "evaluation_page", "mapping_fragment"]


def evaluation_contents(evaluation: Evaluation, *, sources: bool = True) -> dict[str, Any]:
    """What the template of an evaluation shows; without the `sources` of prices where the page names them elsewhere."""
    return {
        "evaluation": evaluation,
        "headline": headline(evaluation, sources=sources),
        "nest": markup(draw_nest(evaluation.mapping, evaluation.workload, evaluation.architecture)),
        "energy": markup(draw_energy(evaluation)),
        "roofline": markup(draw_roofline(evaluation)),
        "rows": detail_rows(evaluation),
    }


def evaluation_fragment(evaluation: Evaluation) -> str:
    """The report as a piece of HTML with its own style, as notebooks show it."""
    return templates().get_template("evaluation.html.j2").render(evaluation_contents(evaluation))


def evaluation_page(evaluation: Evaluation, *, version: str = "") -> str:
    """The report as a whole HTML page: no script, nothing loaded from elsewhere."""
    text = nest_text(evaluation.mapping, evaluation.workload, evaluation.architecture)
    page = templates().get_template("page.html.j2")
    return page.render(evaluation_contents(evaluation), text=text, version=version, dark=markup(dark_style()))


def mapping_fragment(mapping: Mapping) -> str:
    """The loop nest of a mapping alone: without its workload the sizes of its tiles are not known."""
    return draw_nest(mapping)
