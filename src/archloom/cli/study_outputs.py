"""What a study says in a terminal, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archloom.cli.streams import console

if TYPE_CHECKING:
    from archloom.exploration.study import Study

__all__ = ["print_study", "study_json"]


def study_json(study: Study) -> str:
    """The study in short (`Study.to_dict`)."""
    import json

    return json.dumps(study.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def print_study(study: Study) -> None:
    """Show it on stdout."""
    from archloom.report.study_terminal import show

    show(study, console())
