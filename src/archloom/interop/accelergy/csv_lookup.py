"""Looking up a component in a CSV table: the row that agrees best, and what differs scaled as Accelergy's library documents it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from archloom.errors import InputError
from archloom.interop.accelergy.csv_tables import ANY, ComponentTable, Row
from archloom.interop.accelergy.library import node_of
from archloom.spec.expressions import Result
from archloom.spec.values import shown
from archloom.technology.component import Confidence, Figure, Price
from archloom.technology.scaling import NODE, factor

__all__ = ["LEAK", "price_in", "table_source", "with_arguments"]

Quantity = str
LEAK = ("leak", "idle")
CYCLE = "global_cycle_seconds"
DEFAULT_CYCLE_S = 1e-9
DEPTH_POWER = 1.56 / 2
"""A buffer of twice the depth takes 1.56 times the power in CACTI, half of it per access (Accelergy's library)."""

_LINEAR = frozenset(
    ("width", "datawidth", "width_a", "width_b", "datawidth_a", "datawidth_b", "n_components", "n_instances")
)
_ENERGY_ONLY = frozenset(("energy_scale", "average_input_value", "average_weight_value", "average_output_value"))
_AREA_ONLY = frozenset(("area_scale", "rows", "cols", "columns"))


def table_source(*tables: ComponentTable, exact: bool = False) -> Callable[[str, Mapping[str, Result]], Price | None]:
    """A source of prices for `PriceBook`: the tables by the names of their classes, in Accelergy's words.

    With `exact` a row has to agree in every attribute that is asked for, else what differs is scaled where that is documented.
    """
    by_name = {table.name.casefold(): table for table in tables}

    def source(class_name: str, attributes: Mapping[str, Result]) -> Price | None:
        table = by_name.get(class_name.casefold())
        return None if table is None else price_in(table, attributes, exact=exact)

    return source


def price_in(table: ComponentTable, attributes: Mapping[str, Result], *, exact: bool = False) -> Price:
    """Price a component by a table: pJ per action, um^2, and the leakage in mW of its action `leak` (or `idle`).

    An attribute that is not given matches every row; of rows that agree equally well the first counts. Actions listed for several
    values of `data_delta` and `address_delta` have the largest energy, and each variant is there as `read(address_delta=0, data_delta=1)`.
    Raises InputError, with the values that the table has, when no row can be used.
    """
    asked = _asked(table, attributes)
    energy: dict[str, Figure] = {}
    leakage: Figure | None = None
    warnings: dict[str, None] = {}
    for action, variants in _by_action(table).items():
        found = {name: _best(table, rows, asked, _quantity(action), exact) for name, rows in variants.items()}
        for match in found.values():
            warnings.update(dict.fromkeys(match.warnings(table.name)))
        figures = {name: match.figure(table, match.row.energy_pj, "pJ") for name, match in found.items()}
        if len(figures) > 1:
            energy |= figures
        energy[action] = max(figures.values(), key=lambda figure: figure.value)
    for name in LEAK:
        if name in energy:
            leakage = leakage or _milliwatts(energy[name], _cycle_seconds(table, attributes))
            energy = {action: figure for action, figure in energy.items() if action.split("(")[0] != name}
    with_area = [row for row in table.rows if row.area_um2 is not None]
    area = None
    if with_area:
        match = _best(table, with_area, asked, "area", exact)
        area = match.figure(table, match.row.area_um2 or 0.0, "um2")
    return Price(table.name, dict(attributes), energy, area, leakage, tuple(warnings))


def with_arguments(action: str, arguments: Mapping[str, object]) -> str:
    """The name of an action with these arguments: `read(address_delta=0, data_delta=1)`."""
    listed = ", ".join(f"{name}={arguments[name]}" for name in sorted(arguments))
    return f"{action}({listed})" if arguments else action


@dataclass(frozen=True)
class _Match:
    """A row, the number of attributes in which it agrees, and what the others are scaled by."""

    row: Row
    agreeing: int
    scale: float
    scaled: tuple[str, ...]

    def figure(self, table: ComponentTable, value: float, unit: str) -> Figure:
        confidence: Confidence = "scaled" if self.scaled else "published"
        node = next((node_of(cell) for name, cell in self.row.values.items() if name == "technology"), None)
        note = f"{self.row.place}" + (f", scaled: {'; '.join(self.scaled)}" if self.scaled else "")
        if not math.isfinite(value * self.scale):
            raise InputError(f"the table {table.source} is scaled beyond all numbers: {'; '.join(self.scaled)}")
        return Figure(value * self.scale, unit, f"table {table.source}", confidence, node, note)

    def warnings(self, name: str) -> Iterator[str]:
        for what in self.scaled:
            yield f"{name}: no row of its table fits exactly, scaled: {what}"


def _asked(table: ComponentTable, attributes: Mapping[str, Result]) -> dict[str, Result]:
    """Column -> the value asked for, under any of the column's names (case ignored)."""
    given = {name.casefold(): value for name, value in attributes.items()}
    asked: dict[str, Result] = {}
    for column, names in table.columns.items():
        value = next((given[name.casefold()] for name in names if name.casefold() in given), None)
        if value is not None and value != "*":
            asked[column] = value
    return asked


def _by_action(table: ComponentTable) -> dict[str, dict[str, list[Row]]]:
    """Action -> variant (the action with its arguments) -> rows."""
    found: dict[str, dict[str, list[Row]]] = {}
    for row in table.rows:
        arguments = {name: value for name, value in row.arguments.items() if value not in ANY}
        for action in row.actions:
            found.setdefault(action, {}).setdefault(with_arguments(action, arguments), []).append(row)
    return found


def _quantity(action: str) -> Quantity:
    return "leakage" if action in LEAK else "energy"


def _best(
    table: ComponentTable, rows: list[Row], asked: Mapping[str, Result], quantity: Quantity, exact: bool
) -> _Match:
    best: _Match | None = None
    for row in rows:
        match = _match(row, asked, quantity, exact)
        if match is not None and (best is None or match.agreeing > best.agreeing):
            best = match
    if best is not None:
        return best
    wanted = ", ".join(
        f"{column} {shown(value) if isinstance(value, str) else f'{value:.12g}'}" for column, value in asked.items()
    )
    there = "; ".join(
        f"{column}: {', '.join(values[:8])}{', ...' if len(values) > 8 else ''}"
        for column in asked
        if (values := table.values_of(column))
    )
    raise InputError(f"the table {table.source} has no row for {wanted}", hint=f"it has {there}")


def _match(row: Row, asked: Mapping[str, Result], quantity: Quantity, exact: bool) -> _Match | None:
    agreeing, scale, scaled = 0, 1.0, list[str]()
    for column, wanted in asked.items():
        cell = row.values[column]
        if cell in ANY or _is_same(column, cell, wanted):
            agreeing += 1
            continue
        by = None if exact else _scale(column, cell, wanted, quantity)
        if by is None:
            return None
        scale *= by
        if by == 1:
            agreeing += 1
        else:
            goal = wanted if isinstance(wanted, str) else f"{wanted:.12g}"
            scaled.append(f"{column} from {cell} to {goal}")
    return _Match(row, agreeing, scale, tuple(scaled))


def _is_same(column: str, cell: str, wanted: Result) -> bool:
    if column == "technology" and node_of(cell) is not None:
        return node_of(cell) == node_of(wanted)
    number = _number(cell)
    if number is not None:
        asked = wanted if isinstance(wanted, int | float) else _number(wanted)
        return asked is not None and math.isclose(number, asked, rel_tol=1e-9)
    return cell.casefold() == str(wanted).casefold()


def _scale(column: str, cell: str, wanted: Result, quantity: Quantity) -> float | None:
    """What a figure at `cell` is multiplied by for `wanted`; None where no scaling is documented."""
    if column == "technology":
        known, asked = node_of(cell), node_of(wanted)
        if known is None or asked is None:
            return None
        for node in (known, asked):
            if not NODE.low <= node <= NODE.high:
                raise InputError(f"technology is {node:g} nm; expected {NODE.low:g} to {NODE.high:g} nm")
        return float(factor(quantity, known, asked))
    known, asked = _number(cell), wanted if isinstance(wanted, int | float) else _number(wanted)
    if column == CYCLE:
        return 1.0
    if known is None or asked is None or known <= 0 or asked < 0:
        return None
    ratio, is_area = asked / known, quantity == "area"
    if column in _LINEAR:
        return ratio
    if column == "depth":
        return ratio if quantity != "energy" else ratio**DEPTH_POWER
    if column == "resolution":
        return 2.0 ** (asked - known) if asked - known < 64 else None
    if column in _ENERGY_ONLY:
        return 1.0 if is_area else ratio
    if column in _AREA_ONLY:
        return ratio if is_area else 1.0
    return None


def _number(value: object) -> float | None:
    try:
        found = float(str(value))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _cycle_seconds(table: ComponentTable, attributes: Mapping[str, Result]) -> float:
    """The cycle that the table's leakage per cycle is for."""
    stated = table.values_of(CYCLE) if CYCLE in table.columns else []
    for value in (*stated, attributes.get(CYCLE)):
        number = _number(value)
        if number is not None and number > 0:
            return number
    return DEFAULT_CYCLE_S


def _milliwatts(per_cycle: Figure, cycle_s: float) -> Figure:
    note = f"{per_cycle.note}; per cycle of {cycle_s:g} s"
    value = float(per_cycle.value) * 1e-9 / cycle_s
    return Figure(value, "mW", per_cycle.source, per_cycle.confidence, per_cycle.node_nm, note)
