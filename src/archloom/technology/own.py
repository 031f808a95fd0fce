"""Components of one's own: tables in YAML, and what other packages register by entry point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.technology.component import Component
from archloom.technology.own_table import Column, Header, table_component

__all__ = ["entry_points", "from_rows", "load", "parse"]

KEYS = ("name", "about", "source", "confidence", "node_nm", "between", "attributes", "aliases", "rows")


def load(path: str | Path) -> Component:
    """Read a component from a YAML table; `register` it to have it by name.

    The file gives `name`, `source`, `attributes` (name: unit), `rows`, and may give `about`, `confidence`, `node_nm` (node of the rows;
    other nodes are scaled from it), `between` (`log-log`, the default, or `exact`) and `aliases`. A row has each attribute, energies as
    `<action>_pj`, and may have `area_um2` and `leakage_mw`. Raises InputError with all faults, each with line and column.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    return parse(text, str(path))


def parse(text: str, source: str) -> Component:
    """Read a component from the text of a table, as `load` does; `source` names it in messages."""
    import yaml

    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = Place(source, mark.line + 1, mark.column + 1) if mark else Place(source)
        raise InputError(f"not YAML: {getattr(error, 'problem', None) or error}", place) from None
    return _component(_Reader(source), tree)


class _Reader:
    """Turns YAML nodes into values, keeping faults with their places."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.faults: list[Fault] = []

    def place(self, node: Any) -> Place:
        return Place(self.source, node.start_mark.line + 1, node.start_mark.column + 1) if node else Place(self.source)

    def fault(self, message: str, node: Any, hint: str | None = None) -> None:
        self.faults.append(Fault(message, self.place(node), hint))

    def mapping(self, node: Any, what: str, keys: Sequence[str] = ()) -> dict[str, Any]:
        """Key -> node; `keys`: the only ones there are."""
        if node is None or node.id != "mapping":
            self.fault(f"{what} is a mapping (key: value)", node)
            return {}
        found: dict[str, Any] = {}
        for key, value in node.value:
            if str(key.value) in found:
                self.fault(f"{what} gives {key.value!r} twice", key)
            if keys and key.value not in keys:
                self.fault(f"{what} has no {key.value!r}", key, did_you_mean(str(key.value), keys))
            found[str(key.value)] = value
        return found

    def sequence(self, node: Any, what: str) -> list[Any]:
        if node is None or node.id != "sequence":
            self.fault(f"{what} is a list", node)
            return []
        return list(node.value)

    def text(self, node: Any, what: str) -> str:
        if node is None or node.id != "scalar":
            self.fault(f"{what} is a text", node)
            return ""
        return str(node.value)

    def number(self, node: Any, what: str) -> float:
        try:
            return float(node.value)
        except (TypeError, ValueError):
            self.fault(f"{what} is a number", node)
            return 1.0


def _component(reader: _Reader, tree: Any) -> Component:
    top = reader.mapping(tree, "a component table", KEYS)
    for key in ("name", "source", "rows"):
        if top and key not in top:
            reader.fault(f"a component table needs `{key}`", tree)
    units = {k: reader.text(v, f"the unit of {k}") for k, v in reader.mapping(top["attributes"], "attributes").items()} if (
        "attributes" in top
    ) else {}  # fmt: skip
    rows = [
        {
            name: (reader.number(value, name), reader.place(value))
            for name, value in reader.mapping(node, "a row").items()
        }
        for node in (reader.sequence(top["rows"], "rows") if "rows" in top else [])
    ]

    def text(key: str, default: str = "") -> str:
        return reader.text(top[key], key) if key in top else default

    header = Header(
        name=text("name"), about=text("about"), source=text("source"), confidence=text("confidence", "published"),
        node_nm=reader.number(top["node_nm"], "node_nm") if "node_nm" in top else None, between=text("between", "log-log"),
        aliases=tuple(reader.text(node, "an alias") for node in reader.sequence(top["aliases"], "aliases")) if "aliases" in top else (),
        units=units, place=reader.place(tree),
    )  # fmt: skip
    if reader.faults:
        raise InputError(reader.faults)
    return table_component(header, rows)


def from_rows(
    name: str,
    rows: Sequence[Mapping[str, float]],
    *,
    source: str,
    units: Mapping[str, str] | None = None,
    about: str = "",
    confidence: str = "published",
    node_nm: float | None = None,
    between: str = "log-log",
    aliases: Sequence[str] = (),
) -> Component:
    """Make a component of rows of numbers, as `load` does of a file; `units` names the attributes and their units."""
    header = Header(name, about, source, confidence, node_nm, between, tuple(aliases), dict(units or {}), Place(name))
    cells: list[dict[str, Column]] = [
        {key: (float(value), Place(f"{name}, row {i}")) for key, value in row.items()} for i, row in enumerate(rows, 1)
    ]
    return table_component(header, cells)


def entry_points(group: str) -> tuple[dict[str, Component], list[Fault]]:
    """Return the components that installed packages name in an entry-point group, and what is wrong with the rest.

    An entry point is a Component, a list of them, or a function without arguments that returns either.
    """
    found: dict[str, Component] = {}
    faults: list[Fault] = []
    for entry in metadata.entry_points(group=group):
        try:
            value = entry.load()
            value = value() if callable(value) else value
            for component in value if isinstance(value, (list, tuple)) else [value]:
                if not isinstance(component, Component):
                    raise TypeError(f"not a Component but {type(component).__name__}")
                found[component.name] = component
        except Exception as error:
            faults.append(Fault(f"the component entry point {entry.name} = {entry.value} is left out: {error}"))
    return found, faults
