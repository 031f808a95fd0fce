"""How objects of the core appear in notebooks, without the core knowing the reports: who draws them is put in from above."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Displayed", "renderers"]

renderers: dict[str, Callable[[Any], str]] = {}
"""For the name of a class, what makes HTML of its objects; filled when `archloom` itself is imported."""


class Displayed:
    """Base of what a notebook shows as HTML; where nobody draws its class, it shows as text."""

    def _repr_html_(self) -> str | None:
        draw = renderers.get(type(self).__name__)
        return draw(self) if draw else None
