"""Files and JSON of `archloom maestro`: MAESTRO's own CSV and mapping files, JSON, and pages."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archloom.cli.streams import unwritable, write_files
from archloom.errors import Fault, InputError, Place

if TYPE_CHECKING:
    from archloom.interop.maestro.dataflows import Dataflow
    from archloom.report.maestro import Priced

__all__ = ["check_outputs", "dataflows_json", "json_text", "priced_json", "write_priced"]

SUFFIXES = (".html", ".json", ".csv", ".m")


def check_outputs(paths: Sequence[Path], *, csv: Path | None, force: bool) -> None:
    """Raise InputError before anything is priced where the results could not be written."""
    faults: list[Fault] = []
    for path in [*paths, *([csv] if csv else [])]:
        if path.suffix not in SUFFIXES and path != csv:
            hint = f"expected one of: {', '.join(SUFFIXES)}"
            faults.append(Fault(f"cannot write a {path.suffix or 'file without suffix'}", Place(str(path)), hint))
        elif os.path.lexists(path) and not force:
            faults.append(Fault("the file exists already", Place(str(path)), "give --force to replace it"))
        else:
            faults += filter(None, [unwritable(path)])
    if faults:
        raise InputError(faults)


def write_priced(priced: Priced, paths: Sequence[Path], *, csv: Path | None, force: bool, command: str) -> None:
    """Write everything that was asked for by this `command`."""
    texts = {path: WRITERS[path.suffix](priced, command) for path in paths}
    if csv:
        texts[csv] = csv_text(priced)
    write_files(texts, force=force)


def priced_json(priced: Priced, _: str = "") -> str:
    """All numbers of every engine, and the differences."""
    from archloom.report.maestro import priced_dict

    return json_text(priced_dict(priced))


def json_text(value: Any) -> str:
    """A value as JSON; numbers that are none are null."""
    from archloom.report.maestro import finite

    return json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def dataflows_json(dataflows: Sequence[Dataflow]) -> str:
    """The stock dataflows."""
    from archloom.report.maestro_terminal import step_text

    return json_text(
        [
            {
                "name": flow.name,
                "aliases": list(flow.aliases),
                "about": flow.about,
                "source": flow.source,
                "directives": {kind.name: list(map(step_text, steps)) for kind, steps in flow.templates.items()},
            }
            for flow in dataflows
        ]
    )


def csv_text(priced: Priced, _: str = "") -> str:
    from archloom.report.maestro_csv import maestro_csv

    return maestro_csv(priced)


def html_text(priced: Priced, command: str) -> str:
    from archloom.report.maestro_html import priced_page

    return priced_page(priced, command=command)


def mapping_text(priced: Priced, command: str) -> str:
    """The layers as a mapping file, with what it was made by."""
    from archloom.interop.maestro.write import mapping_text as text

    remarks = [f"{count} times" if count > 1 else "" for count in priced.layers.counts]
    return f"// {' '.join(command.split())}\n{text(priced.layers.network, remarks=remarks)}"


WRITERS: dict[str, Callable[[Priced, str], str]] = {
    ".html": html_text,
    ".json": priced_json,
    ".csv": csv_text,
    ".m": mapping_text,
}
