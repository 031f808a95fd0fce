"""CSV tables of primitive components as components of the technology library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from archloom.errors import Fault, InputError, Place
from archloom.interop.accelergy.csv_lookup import price_in
from archloom.interop.accelergy.csv_tables import ComponentTable, read_table
from archloom.interop.accelergy.library import node_of
from archloom.spec.document import YamlMap, parse, read
from archloom.spec.values import shown
from archloom.technology.component import Attribute, Component, Confidence, Figure, Price
from archloom.technology.library import register
from archloom.technology.scaling import NODE

__all__ = ["component_from", "read_component_table", "register_component_tables"]

SCALED = frozenset(("width", "datawidth", "width_a", "width_b", "datawidth_a", "datawidth_b", "depth", "resolution"))
ANYTHING = "*"


def read_component_table(path: str | PathLike[str]) -> tuple[Component, ...]:
    """Read the components of a table `<class>.csv`, of a folder of them, or of a set of tables (`*.table.yaml`).

    Raises InputError with every fault.
    """
    return tuple(component_from(table) for table in _tables(Path(path)))


def register_component_tables(*paths: str | PathLike[str]) -> tuple[Component, ...]:
    """Read tables as `read_component_table` does and make the technology library know them, in the place of equal names."""
    found = [component for path in paths for component in read_component_table(path)]
    return tuple(register(component) for component in found)


def component_from(table: ComponentTable) -> Component:
    """The component that a table prices: its columns are the attributes, `technology` is `node_nm`.

    A column with one value has it as its default, one with several has to be given. Rows that fit no better than in width, depth,
    resolution or node are scaled, and the price says so.
    """
    columns = {_attribute_name(column): column for column in table.columns if table.values_of(column)}

    def pricer(**values: Any) -> Price:
        return _price(table, columns, values)

    attributes = tuple(_attribute(name, table, column) for name, column in columns.items())
    return Component(table.name, f"from the table {table.source}", attributes, pricer, sources=(table.source,))


def _attribute_name(column: str) -> str:
    return "node_nm" if column == "technology" else column


def _attribute(name: str, table: ComponentTable, column: str) -> Attribute:
    values = table.values_of(column)
    about = f"column {column!r} of {table.source}"
    if name == "node_nm":
        nodes = [node for value in values if (node := node_of(value)) is not None]
        default = nodes[0] if len(set(nodes)) == 1 else None
        return Attribute(name, "nm", default, NODE.low, NODE.high, about=about)
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        default = values[0] if len(values) == 1 else None
        return Attribute(name, "", default, choices=(*values, ANYTHING), about=about)
    low, high = (0.0, float("inf")) if column in SCALED else (min(numbers), max(numbers))
    return Attribute(name, "", numbers[0] if len(set(numbers)) == 1 else None, low, high, about=about)


def _price(table: ComponentTable, columns: Mapping[str, str], values: Mapping[str, Any]) -> Price:
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    if not arrays:
        return price_in(table, {columns[name]: value for name, value in values.items()})
    shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    stacked = np.stack([np.broadcast_to(array, shape).ravel() for array in arrays.values()], axis=1)
    variants, which = np.unique(stacked, axis=0, return_inverse=True)
    prices = [
        price_in(table, {columns[name]: value for name, value in {**values, **_plain(arrays, variant)}.items()})
        for variant in variants
    ]
    return _together(prices, which.ravel(), shape)


def _plain(arrays: Mapping[str, Any], variant: Any) -> dict[str, float]:
    return {name: float(value) for name, value in zip(arrays, variant, strict=True)}


def _together(prices: list[Price], which: Any, shape: tuple[int, ...]) -> Price:
    """One price with arrays, from the prices of the different variants."""

    def spread(figures: list[Figure]) -> Figure:
        values = np.array([float(figure.value) for figure in figures])[which].reshape(shape)
        first = figures[0]
        weakest: Confidence = "scaled" if any(figure.confidence == "scaled" for figure in figures) else "published"
        return Figure(values, first.unit, first.source, weakest, first.node_nm, first.note)

    first = prices[0]
    energy = {action: spread([price.energy[action] for price in prices]) for action in first.energy}
    areas = [price.area for price in prices if price.area is not None]
    leaks = [price.leakage for price in prices if price.leakage is not None]
    warnings = tuple(dict.fromkeys(warning for price in prices for warning in price.warnings))
    area = spread(areas) if len(areas) == len(prices) else None
    leakage = spread(leaks) if len(leaks) == len(prices) else None
    return Price(first.component, first.attributes, energy, area, leakage, warnings[:20])


def _tables(path: Path) -> list[ComponentTable]:
    if path.name.endswith(("table.yaml", "table.yml")):
        return _set_of_tables(path)
    if path.is_dir():
        found = sorted(path.glob("*.csv"))
        if not found:
            raise InputError("the folder has no tables; expected files called <class>.csv", Place(str(path)))
        return _all(found)
    return [read_table(path)]


def _all(paths: list[Path]) -> list[ComponentTable]:
    tables: list[ComponentTable] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            tables.append(read_table(path))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)
    return tables


def _set_of_tables(path: Path) -> list[ComponentTable]:
    """The tables of the folder that an identifier file of the table plug-in points to."""
    document = parse(read(path), str(path))
    folder = document.get("path_to_data_dir") if isinstance(document, YamlMap) else None
    if not isinstance(document, YamlMap) or not isinstance(folder, str):
        place = document.value_places.get("path_to_data_dir") if isinstance(document, YamlMap) else None
        raise InputError(
            f"the set of tables has a 'path_to_data_dir' that is {shown(folder)}; expected a folder",
            place or Place(str(path), 1, 1),
        )
    where = path.parent / folder
    if "\0" in folder or not where.is_dir():
        raise InputError(
            f"there is no folder {folder!r}", document.value_places["path_to_data_dir"], "path_to_data_dir"
        )
    technology = document.get("technology")
    if not isinstance(technology, str | int | float):
        return _tables(where)
    return [_made_for(str(technology), table) for table in _tables(where)]


def _made_for(technology: str, table: ComponentTable) -> ComponentTable:
    """The table with the technology of its set, where it has no column for that."""
    if "technology" in table.columns:
        return table
    rows = tuple(replace(row, values={**row.values, "technology": technology}) for row in table.rows)
    return replace(table, columns={**table.columns, "technology": ("technology",)}, rows=rows)
