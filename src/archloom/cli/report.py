"""`archloom report`: what a study has found, finished or not, to read here or as a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archloom.cli.streams import console, progress, unwritable, write_files
from archloom.cli.study_outputs import print_study, study_json
from archloom.errors import Fault, InfeasibleError, InputError, Place

if TYPE_CHECKING:
    from archloom.exploration.study import Study

__all__ = ["report"]


def report(
    studies: Annotated[list[Path] | None, typer.Argument(metavar="STUDY...", hidden=True)] = None,
    *,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write a page (.html), the numbers (.json), or the best design's file (.yaml). May be repeated.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON, and nothing else.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show tracebacks of bugs.")] = False,
) -> None:
    """Report on a study, also while it is running.

    STUDY is the folder that `archloom explore` writes. After it may come others of the same space, searched by other strategies:
    they are compared, and drawn in one chart.
    """
    del verbose  # main looks for it
    from archloom.exploration.study import open_study

    if not studies:
        raise InputError("no study is given", hint="expected the folder that `archloom explore` wrote")
    files = out or []
    if faults := [fault for path in files for fault in _faults_of(path)]:
        raise InputError(faults)
    first, *others = (open_study(folder) for folder in studies)
    if files:
        with progress("Drawing"):
            texts = {path: WRITERS[path.suffix](first, others) for path in files}
        write_files(texts, force=force)
    if as_json:
        typer.echo(_numbers(first, others), nl=False)
    elif not files:
        _print(first, others)


def _print(first: Study, others: Sequence[Study]) -> None:
    """Show each study, and before them how they compare."""
    if others:
        from archloom.report.study_terminal import show_race

        show_race([first, *others], console())
    for study in (first, *others):
        if others:
            typer.echo()
        print_study(study)


def _faults_of(path: Path) -> list[Fault]:
    """What keeps a file from being written, as far as that can be known before."""
    if path.suffix not in WRITERS:
        what = path.suffix or "file without an ending"
        return [Fault(f"cannot write a {what}", Place(str(path)), f"expected one of: {', '.join(WRITERS)}")]
    fault = unwritable(path)
    return [fault] if fault else []


def _page(study: Study, others: Sequence[Study]) -> str:
    from archloom.report.study_html import render

    return render(study, others)


def _numbers(study: Study, others: Sequence[Study]) -> str:
    """The study in short or, of several, a list of them."""
    if not others:
        return study_json(study)
    texts = [study_json(one).strip() for one in (study, *others)]
    return "[\n" + ",\n".join(texts) + "\n]\n"


def _winner(study: Study, _: Sequence[Study]) -> str:
    from archloom.exploration.explore import why_none

    text = study.winner_yaml()
    if text is None:
        raise InfeasibleError(why_none(study))
    return text


WRITERS: dict[str, Callable[[Study, Sequence[Study]], str]] = {".html": _page, ".json": _numbers, ".yaml": _winner}
