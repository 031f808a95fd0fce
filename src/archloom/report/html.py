"""An evaluation as HTML: a page of its own that needs nothing else, or a fragment for a notebook."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from archloom.mapping.nest import Mapping
from archloom.mapping.text import render as nest_text
from archloom.model.result import Evaluation
from archloom.report import units
from archloom.report.charts import draw_energy, draw_roofline
from archloom.report.headline import headline
from archloom.report.nest_drawing import draw_nest
from archloom.report.tables import detail_rows

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["evaluation_fragment", "evaluation_page", "mapping_fragment"]


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(loader=PackageLoader("archloom.report"), autoescape=True, undefined=StrictUndefined)
    made.filters["whole"] = lambda number: "" if number is None else f"{number:,}"
    made.filters["ratio"] = lambda number: "" if number is None else units.ratio(number)
    made.filters["energy"] = lambda number: "" if number is None else units.energy(number)
    return made


def _contents(evaluation: Evaluation) -> dict[str, Any]:
    from markupsafe import Markup

    # The drawings escape every name themselves; everything else is escaped by the template.
    return {
        "evaluation": evaluation,
        "headline": headline(evaluation),
        "nest": Markup(draw_nest(evaluation.mapping, evaluation.workload, evaluation.architecture)),  # noqa: S704
        "energy": Markup(draw_energy(evaluation) or ""),  # noqa: S704
        "roofline": Markup(draw_roofline(evaluation) or ""),  # noqa: S704
        "rows": detail_rows(evaluation),
    }


def evaluation_fragment(evaluation: Evaluation) -> str:
    """The report as a piece of HTML with its own style, as notebooks show it."""
    return _templates().get_template("evaluation.html.j2").render(_contents(evaluation))


def evaluation_page(evaluation: Evaluation, *, version: str = "") -> str:
    """The report as a whole HTML page: no script, nothing loaded from elsewhere."""
    text = nest_text(evaluation.mapping, evaluation.workload, evaluation.architecture)
    return _templates().get_template("page.html.j2").render(_contents(evaluation), text=text, version=version)


def mapping_fragment(mapping: Mapping) -> str:
    """The loop nest of a mapping alone: without its workload the sizes of its tiles are not known."""
    return draw_nest(mapping)
