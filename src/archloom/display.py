"""How objects appear in notebooks and are saved, without their knowing the reports: who draws and writes is put in from above."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

__all__ = ["Displayed", "Saved", "renderers", "savers"]

renderers: dict[str, Callable[[Any], str]] = {}
"""For the name of a class, what makes HTML of its objects; filled when `archloom` itself is imported."""

savers: dict[str, Callable[[Any, Any], Any]] = {}
"""For the name of a class, what writes its objects into a folder; filled when `archloom` itself is imported."""


class Displayed:
    """Base of what a notebook shows as HTML; where nobody draws its class, it shows as text."""

    def _repr_html_(self) -> str | None:
        draw = renderers.get(type(self).__name__)
        return draw(self) if draw else None


class Saved:
    """Base of what can be written into a folder."""

    def save(self, folder: str | PathLike[str]) -> list[Path]:
        """Write into a folder, which is made where it is missing, and replace what an earlier call wrote; the paths written."""
        return savers[type(self).__name__](self, folder)
