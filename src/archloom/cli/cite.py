"""`archloom cite`: BibTeX of the work behind archloom."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["cite"]


def cite(
    topics: Annotated[list[str] | None, typer.Argument(metavar="TOPICS", hidden=True)] = None,
) -> None:
    """Print what to cite, as BibTeX.

    TOPICS are words such as timeloop or eyeriss; without any, everything is printed. The reason stands above each entry.
    """
    from archloom.report.citations import references

    entries = [f"% {reference.topic}: {reference.why}\n{reference.bibtex}" for reference in references(topics or [])]
    typer.echo("\n".join(entries), nl=False)
