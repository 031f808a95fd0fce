"""Primitive components in CSV tables, as Accelergy's table plug-in and its component library have them, looked up and scaled."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.spec.document import read
from archloom.spec.values import shown

__all__ = ["ComponentTable", "Row", "parse_table", "read_table"]

ARGUMENTS = ("data_delta", "address_delta")
"""Columns that tell actions apart and not components."""

ANY = ("", "*")
MAX_ROWS = 100_000
_HEADER = re.compile(r"\s*(?:dynamic\s+)?(energy|area|action)s?\s*(?:\(\s*([^()]*?)\s*\))?\s*", re.I)
_TO_PJ = {"": 1.0, "fj": 1e-3, "pj": 1.0, "nj": 1e3}
_TO_UM2 = {"": 1.0, "um2": 1.0, "um^2": 1.0, "u^2": 1.0, "mm2": 1e6, "mm^2": 1e6}


@dataclass(frozen=True)
class Row:
    """One line: what it is for, and its figures. `values` has the cells of the attribute columns, `*` or blank for any."""

    values: Mapping[str, str]
    arguments: Mapping[str, str]
    actions: tuple[str, ...]
    energy_pj: float
    area_um2: float | None
    place: Place


@dataclass(frozen=True)
class ComponentTable:
    """The table of one class of primitive components; `columns` are its attributes, each with its other names (`width|datawidth`)."""

    name: str
    columns: Mapping[str, tuple[str, ...]]
    rows: tuple[Row, ...]
    source: str

    def values_of(self, column: str) -> list[str]:
        """The different values in a column, wildcards left out, in the order of the file."""
        return list(dict.fromkeys(row.values[column] for row in self.rows if row.values[column] not in ANY))


def read_table(path: str | PathLike[str], *, name: str | None = None) -> ComponentTable:
    """Read `<class>.csv`; the name of the class is that of the file unless given. Raises InputError with every fault.

    The first line names the columns: attributes (`width|datawidth` is one column with two names), `action`, `energy` in pJ and `area`
    in um^2 (other units in brackets: `energy(fJ)`). `read|compare` is one line for two actions, `#` begins a remark.
    """
    return parse_table(read(path), str(path), name=name or Path(path).stem)


def parse_table(text: str, source: str, *, name: str) -> ComponentTable:
    """Read the text of a table, as `read_table` does; `source` names it in messages."""
    reader = _Reader(source)
    lines = list(reader.lines(text))
    columns = reader.header(lines)
    rows = reader.rows(lines[1:], columns) if columns is not None else []
    if columns is not None and not rows and not reader.faults:
        reader.fault("the table has no rows; expected at least one below the header", Place(source))
    if reader.faults or columns is None:
        raise InputError(reader.faults)
    return ComponentTable(name, {column.names[0]: column.names for column in columns.attributes}, tuple(rows), source)


@dataclass(frozen=True)
class _Line:
    """One line of the file: its cells, and the column where each begins (none where quotes make that unclear)."""

    source: str
    number: int
    cells: list[str]
    starts: list[int]

    def place(self, index: int | None = None) -> Place:
        found = index is not None and index < len(self.starts)
        return Place(self.source, self.number, self.starts[index] if found and index is not None else 1)

    def cell(self, index: int | None) -> str:
        return self.cells[index] if index is not None and index < len(self.cells) else ""


def _starts(line: str) -> list[int]:
    if '"' in line:
        return []
    starts: list[int] = []
    at = 0
    for cell in line.split(","):
        starts.append(at + len(cell) - len(cell.lstrip()) + 1)
        at += len(cell) + 1
    return starts


@dataclass(frozen=True)
class _Column:
    names: tuple[str, ...]
    index: int


@dataclass(frozen=True)
class _Columns:
    attributes: list[_Column]
    arguments: list[_Column]
    action: int
    energy: int
    energy_factor: float
    area: int | None
    area_factor: float


@dataclass
class _Reader:
    source: str
    faults: list[Fault] = field(default_factory=list)

    def fault(self, message: str, place: Place, hint: str | None = None) -> None:
        if len(self.faults) < 100:
            self.faults.append(Fault(message, place, hint))

    def lines(self, text: str) -> Iterator[_Line]:
        """The lines with their cells; remarks and empty lines left out."""
        for number, line in enumerate(text.splitlines(), 1):
            content = line.split("#")[0]
            cells = self._cells(content, number)
            if any(cells):
                yield _Line(self.source, number, cells, _starts(content))
            if number > MAX_ROWS:
                self.fault(f"the table has more than {MAX_ROWS:,} lines", Place(self.source, number, 1))
                return

    def _cells(self, line: str, number: int) -> list[str]:
        try:
            return [cell.strip() for row in csv.reader(io.StringIO(line), skipinitialspace=True) for cell in row]
        except csv.Error as error:
            self.fault(f"not a line of CSV: {error}", Place(self.source, number, 1))
            return []

    def header(self, lines: Sequence[_Line]) -> _Columns | None:
        if not lines:
            self.fault("the table is empty; expected a line with the names of its columns", Place(self.source))
            return None
        line, cells = lines[0], lines[0].cells
        special: dict[str, tuple[int, float]] = {}
        attributes: list[_Column] = []
        seen: set[str] = set()
        for index, cell in enumerate(cells):
            place = line.place(index)
            match = _HEADER.fullmatch(cell)
            names = tuple(name.strip() for name in cell.split("|") if name.strip())
            if match is not None:
                kind = match.group(1).casefold()
                if kind in special:
                    self.fault(f"a second column {kind!r}", place)
                special[kind] = index, self._factor(kind, (match.group(2) or "").casefold(), place)
            elif names:
                twice = [name for name in names if name.casefold() in seen]
                if twice:
                    self.fault(f"a second column {twice[0]!r}", place)
                seen |= {name.casefold() for name in names}
                attributes.append(_Column(names, index))
        for kind in ("action", "energy"):
            if kind not in special:
                hint = did_you_mean(kind, [cell for cell in cells if cell])
                self.fault(f"there is no column {kind!r}", line.place(), hint if hint.startswith("did") else None)
        if self.faults:
            return None
        area = special.get("area")
        return _Columns(
            [column for column in attributes if column.names[0] not in ARGUMENTS],
            [column for column in attributes if column.names[0] in ARGUMENTS],
            special["action"][0],
            *special["energy"],
            *(area if area is not None else (None, 1.0)),
        )

    def _factor(self, kind: str, unit: str, place: Place) -> float:
        known = {"energy": _TO_PJ, "area": _TO_UM2}.get(kind, {"": 1.0})
        if unit not in known:
            self.fault(f"the column {kind!r} is in {unit!r}; expected {', '.join(filter(None, known))}", place)
        return known.get(unit, 1.0)

    def rows(self, lines: Sequence[_Line], columns: _Columns) -> list[Row]:
        return [self._row(line, columns) for line in lines]

    def _row(self, line: _Line, columns: _Columns) -> Row:
        energy = self._number(line.cell(columns.energy), "energy", line.place(columns.energy))
        area_text = line.cell(columns.area)
        area = None if area_text in ANY else self._number(area_text, "area", line.place(columns.area))
        actions = tuple(name.strip() for name in line.cell(columns.action).split("|") if name.strip())
        if not actions:
            self.fault("the line has no action", line.place(columns.action))
        return Row(
            {column.names[0]: line.cell(column.index) for column in columns.attributes},
            {column.names[0]: line.cell(column.index) for column in columns.arguments},
            actions,
            energy * columns.energy_factor,
            None if area is None else area * columns.area_factor,
            line.place(),
        )

    def _number(self, text: str, what: str, place: Place) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if 0 <= value < math.inf:
            return value
        self.fault(f"{what} is {shown(text)}; expected a number of 0 or more", place)
        return 0.0
