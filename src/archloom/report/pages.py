"""What all HTML pages share: the templates, how they write numbers and names, and the one script with its fingerprint."""

from __future__ import annotations

import base64
import hashlib
import math
from functools import cache
from typing import TYPE_CHECKING, Any

from archloom.report import svg, units
from archloom.report.names import clip, printable, squeeze
from archloom.workload.einsum import Workload

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["markup", "page_script", "swatch", "templates"]


def markup(text: str | None) -> Markup:
    """Text that is HTML or SVG already: the drawings escape every name themselves; everything else the templates escape."""
    from markupsafe import Markup

    return Markup(text or "")  # noqa: S704


@cache
def templates() -> Environment:
    """The templates, with filters that write numbers and names; all text put into them is escaped, and made printable."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("archloom.report"), autoescape=True, undefined=StrictUndefined, finalize=_finalized
    )
    made.filters |= {name: _or_nothing(write) for name, write in _WRITERS.items()}
    made.filters |= {"clip": clip, "squeeze": squeeze, "share": _share, "shape": _shape, "log10": _log10}
    return made


def _finalized(value: Any) -> Any:
    """Text without control characters, line by line."""
    from markupsafe import Markup

    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return "\n".join(map(printable, value.split("\n")))


def _or_nothing(write: Any) -> Any:
    return lambda value: "" if value is None else write(value)


def _picojoules(value: float) -> str:
    return f"{value:.4g} pJ" if value else "–"


_WRITERS: dict[str, Any] = {
    "whole": lambda number: f"{number:,}",
    "ratio": units.ratio,
    "energy": units.energy,
    "short": units.short,
    "percent": units.percent,
    "bits": units.bits,
    "times": units.times,
    "picojoules": _picojoules,
}


def _share(part: float, whole: float) -> str:
    """A part of a whole as a length in CSS."""
    return f"{100 * part / whole:.2f}%" if whole else "0%"


def _shape(workload: Workload) -> str:
    """The bounds above 1."""
    shown = [f"{clip(dim, 12)}={bound}" for dim, bound in workload.bounds.items() if bound > 1]
    return " ".join(shown) or "1"


def _log10(number: int | None) -> str:
    """By which long integers are sorted."""
    return "" if not number else f"{math.log10(number):.6f}"


def swatch(colour: str, opacity: float | None = None) -> Markup:
    """A little square in a colour of the drawings, to stand before a name."""
    square = svg.tag("rect", width=10, height=10, fill=colour, fill_opacity=opacity)
    return markup(svg.tag("svg", square, class_="swatch", width=10, height=10, aria_hidden="true"))


@cache
def page_script() -> dict[str, Any]:
    """The script of the pages, and the only one that they let run, by its fingerprint."""
    text = templates().get_template("mapping.js.j2").render()
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return {"script": markup(text), "script_hash": f"sha256-{digest}"}
