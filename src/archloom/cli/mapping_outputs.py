"""Files that `map` writes: a folder of mappings, or one file by its ending."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archloom.cli.streams import unwritable, write_files
from archloom.errors import Fault, InputError, Place

if TYPE_CHECKING:
    from archloom.search.network_mapping import NetworkMapping

__all__ = ["check_outputs", "to_json", "write_outputs"]

PARQUET = ".parquet"


def check_outputs(paths: Sequence[Path], *, parquet: Path | None, force: bool) -> None:
    """Raise InputError before a long search, not after it, where its results could not be written."""
    faults: list[Fault] = []
    for path in paths:
        if path.suffix in (*WRITERS, PARQUET) or path == parquet:
            if os.path.lexists(path) and (not force or path.is_dir()):
                what = "the path is a folder" if path.is_dir() else "the file exists already"
                faults.append(Fault(what, Place(str(path)), None if path.is_dir() else "give --force to replace it"))
            else:
                faults += filter(None, [unwritable(path)])
        elif path.suffix and not path.is_dir():
            hint = f"expected a folder, or one of: {', '.join([*WRITERS, PARQUET])}"
            faults.append(Fault(f"cannot write a {path.suffix}", Place(str(path)), hint))
        elif os.path.lexists(path) and not path.is_dir():
            faults.append(Fault("the path is a file; expected a folder", Place(str(path))))
        elif path.is_dir() and any(path.iterdir()) and not force:
            faults.append(Fault("the folder is not empty", Place(str(path)), "give --force to write into it"))
        else:
            faults += filter(None, [unwritable(path)])
    if faults:
        raise InputError(faults)
    if parquet or any(path.suffix == PARQUET for path in paths):
        from archloom.report.mapping_tables import need_polars

        need_polars()


def write_outputs(
    mapping: NetworkMapping, paths: Sequence[Path], *, parquet: Path | None, force: bool, command: str
) -> None:
    """Write everything that was asked for by this `command`."""
    texts: dict[Path, str] = {}
    for path in paths:
        if path.suffix == PARQUET or path == parquet:
            from archloom.report.mapping_tables import write_parquet

            try:
                write_parquet(mapping, path)
            except OSError as error:
                raise InputError(f"cannot write the file: {error.strerror or error}", Place(str(path))) from None
        elif path.suffix in WRITERS:
            texts[path] = WRITERS[path.suffix](mapping, command)
        else:
            from archloom.report.mapping_files import mapping_files

            texts.update({path / name: text for name, text in mapping_files(mapping).items()})
    write_files(texts, force=force)


def _html(mapping: NetworkMapping, command: str) -> str:
    from archloom.report.mapping_html import mapping_page

    return mapping_page(mapping, command=command)


def _csv(mapping: NetworkMapping, _: str) -> str:
    from archloom.report.mapping_tables import layer_rows
    from archloom.report.tables import to_csv

    return to_csv(layer_rows(mapping))


def to_json(mapping: NetworkMapping, _: str = "") -> str:
    """All numbers and mappings."""
    import json

    return json.dumps(mapping.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


WRITERS: dict[str, Callable[[NetworkMapping, str], str]] = {".html": _html, ".csv": _csv, ".json": to_json}
