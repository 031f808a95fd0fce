"""Components made of a table of rows: exact look-up, or log-log interpolation over a full grid, scaled to other nodes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.technology.component import Attribute, Component, Confidence, Figure, Price
from archloom.technology.scaling import NODE, factor, node_warnings

__all__ = ["Column", "Header", "table_component"]

Column = tuple[float, Place]
"""A number of a row and where it stands."""

BETWEEN = ("log-log", "exact")
SCALED = {"area_um2": ("um2", "area"), "leakage_mw": ("mW", "leakage")}


@dataclass(frozen=True)
class Header:
    """All of a table but its rows; `units`: attribute -> unit; `node_nm`: node of the rows, unless it is an attribute."""

    name: str
    about: str
    source: str
    confidence: str
    node_nm: float | None
    between: str
    aliases: tuple[str, ...]
    units: Mapping[str, str]
    place: Place


@dataclass(frozen=True)
class Table:
    """The rows as a grid: ascending values of each attribute, and figures over them (nan where a row is missing)."""

    header: Header
    axes: dict[str, NDArray[np.float64]]
    figures: dict[str, NDArray[np.float64]]

    def price(self, **request: Any) -> Price:
        """Look up or interpolate, and scale to the node asked for."""
        head = self.header
        node = request.get("node_nm")
        home = float("nan") if head.node_nm is None else head.node_nm
        scaled = "node_nm" not in head.units and node is not None and bool(np.any(np.not_equal(node, home)))
        read = self._exact(request) if head.between == "exact" else self._between(request)
        notes = [f"scaled from {home:g} nm"] if scaled else []
        confidence: Any = "scaled" if scaled else head.confidence

        def figure(column: str, unit: str, quantity: str) -> Figure:
            scale = factor(quantity, home, node) if scaled else 1.0
            return Figure(read[column] * scale, unit, head.source, confidence, head.node_nm, "; ".join(notes))

        energy = {c.removesuffix("_pj"): figure(c, "pJ", "energy") for c in self.figures if c.endswith("_pj")}
        rest = {c: figure(c, *SCALED[c]) for c in self.figures if c in SCALED}
        warnings = node_warnings(node) if scaled else ()
        return Price(head.name, {}, energy, rest.get("area_um2"), rest.get("leakage_mw"), warnings)

    def _places(self, request: Mapping[str, Any]) -> list[tuple[Any, Any]]:
        """Cell of each axis, and how far into it, in logarithms."""
        found: list[tuple[Any, Any]] = []
        for name, axis in self.axes.items():
            x = request[name]
            i = np.clip(np.searchsorted(axis, x, "right") - 1, 0, max(len(axis) - 2, 0))
            if len(axis) == 1:
                found.append((i, np.zeros(np.shape(x))))
            else:
                found.append((i, np.log(x / axis[i]) / np.log(axis[i + 1] / axis[i])))
        return found

    def _between(self, request: Mapping[str, Any]) -> dict[str, Any]:
        places = self._places(request)
        read: dict[str, Any] = {}
        for column, grid in self.figures.items():
            zero = not np.all(grid > 0)  # a figure that is nowhere positive has no logarithm
            logs = grid if zero else np.log(grid)
            value: Any = 0.0
            for corner in itertools.product((0, 1), repeat=len(places)):
                weight: Any = 1.0
                index = []
                for side, (i, t), size in zip(corner, places, grid.shape, strict=True):
                    weight = weight * (t if side else 1 - t)
                    index.append(np.minimum(i + side, size - 1))
                value = value + weight * logs[tuple(index)]
            read[column] = value if zero else np.exp(value)
        return read

    def _exact(self, request: Mapping[str, Any]) -> dict[str, Any]:
        index = []
        for name, axis in self.axes.items():
            i = np.clip(np.searchsorted(axis, request[name]), 0, len(axis) - 1)
            wrong = np.ravel(axis[i] != request[name])
            if wrong.any():
                self._refuse(f"{name} {float(np.ravel(request[name])[int(np.argmax(wrong))]):g}", name)
            index.append(i)
        read = {column: grid[tuple(index)] for column, grid in self.figures.items()}
        if any(np.isnan(value).any() for value in read.values()):
            self._refuse("this combination of attributes", "")
        return read

    def _refuse(self, what: str, name: str) -> None:
        values = f"{name} of " + ", ".join(f"{value:g}" for value in self.axes[name][:12]) if name else "others"
        hint = f"it has {values}; `between: log-log` would interpolate"
        raise InputError(Fault(f"{self.header.name}: the table has no row for {what}", hint=hint))


def table_component(header: Header, rows: Sequence[Mapping[str, Column]]) -> Component:
    """Make a component of rows; InputError with every fault of them."""
    faults = [*_header_faults(header), *_row_faults(header, rows)]
    if faults:
        raise InputError(faults)
    axes = {name: np.array(sorted({row[name][0] for row in rows})) for name in header.units}
    columns = [column for column in rows[0] if column not in header.units]
    shape = tuple(len(axis) for axis in axes.values())
    figures = {column: np.full(shape, np.nan) for column in columns}
    seen: dict[tuple[int, ...], Place] = {}
    for row in rows:
        at = tuple(int(np.searchsorted(axes[name], row[name][0])) for name in axes)
        place = next(iter(row.values()))[1]
        if at in seen:
            faults.append(Fault(f"{header.name}: a row for the same attributes is given already at {seen[at]}", place))
        seen[at] = place
        for column in columns:
            figures[column][at] = row[column][0]
    if header.between == "log-log":
        faults += _gaps(header, axes, seen)
    if faults:
        raise InputError(faults)
    return _made(header, Table(header, axes, figures))


def _made(header: Header, table: Table) -> Component:
    attributes = [
        Attribute(name, header.units[name], float(axis[0]) if len(axis) == 1 else None, float(axis[0]), float(axis[-1]))
        for name, axis in table.axes.items()
    ]
    if header.node_nm is not None and "node_nm" not in header.units:
        attributes.append(replace(NODE, default=header.node_nm))
    return Component(header.name, header.about, tuple(attributes), table.price, header.aliases, (header.source,))


def _header_faults(header: Header) -> list[Fault]:
    found = []
    if not header.name or not header.source:
        found.append(Fault("a component table needs a name and a source", header.place))
    if header.between not in BETWEEN:
        message = f"{header.name}: `between` is log-log or exact, not {header.between!r}"
        found.append(Fault(message, header.place, did_you_mean(header.between, BETWEEN)))
    levels = get_args(Confidence)
    if header.confidence not in levels:
        message = f"{header.name}: no confidence {header.confidence!r} is known"
        found.append(Fault(message, header.place, did_you_mean(header.confidence, levels)))
    if header.node_nm is not None and not NODE.low <= header.node_nm <= NODE.high:
        found.append(Fault(f"{header.name}: node_nm is from {NODE.low:g} to {NODE.high:g} nm", header.place))
    return found


def _row_faults(header: Header, rows: Sequence[Mapping[str, Column]]) -> list[Fault]:
    if not rows:
        return [Fault(f"{header.name}: the table has no rows", header.place)]
    found = []
    columns = set(rows[0])
    if not any(column.endswith("_pj") for column in columns):
        found.append(Fault(f"{header.name}: no column is an energy", header.place, "name it <action>_pj, e.g. read_pj"))
    for row in rows:
        place = next((place for _, place in row.values()), header.place)
        for name in sorted((columns | set(header.units)) - set(row)):
            found.append(Fault(f"{header.name}: this row has no {name}", place))
        for name, (value, where) in row.items():
            known = name in header.units or name.endswith("_pj") or name in SCALED
            if not known:
                choices = (*header.units, "read_pj", "write_pj", *SCALED)
                message = f"{header.name}: {name} is neither an attribute nor a figure"
                found.append(Fault(message, where, did_you_mean(name, choices)))
            elif name not in columns:
                found.append(Fault(f"{header.name}: {name} is not in the first row", where))
            elif not math.isfinite(value) or value < 0 or (value == 0 and name in header.units):
                least = "above" if name in header.units else "of at least"
                found.append(Fault(f"{header.name}: {name} is a number {least} zero, not {value:g}", where))
    return found


def _gaps(
    header: Header, axes: Mapping[str, NDArray[np.float64]], seen: Mapping[tuple[int, ...], Place]
) -> list[Fault]:
    """Interpolation needs a row for each combination of attribute values."""
    found = []
    for at in itertools.product(*(range(len(axis)) for axis in axes.values())):
        if at not in seen:
            values = ", ".join(f"{name} {axis[i]:g}" for i, (name, axis) in zip(at, axes.items(), strict=True))
            hint = "add it, or say `between: exact`"
            found.append(Fault(f"{header.name}: to interpolate, a row is needed for {values}", header.place, hint))
    return found[:8]
