"""Plain values as YAML that our own reader reads back as the same: words that look like numbers or truth values are quoted."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from archloom.spec.values import plain_scalar

__all__ = ["plain_yaml"]


def plain_yaml(value: Any, *, width: int = 120) -> str:
    """Mappings, lists and scalars as YAML text, in their order; innermost collections on one line."""
    yaml: Any = import_module("yaml")
    # a class of its own: representers belong to the class that they are added to
    writer: Any = type("Writer", (yaml.SafeDumper,), {"ignore_aliases": _always})

    def write_word(dumper: Any, word: str) -> Any:
        quoted = plain_scalar(word) != word
        return dumper.represent_scalar("tag:yaml.org,2002:str", word, style='"' if quoted else None)

    writer.add_representer(str, write_word)
    how: dict[str, Any] = {"sort_keys": False, "default_flow_style": None, "width": width, "allow_unicode": True}
    return str(yaml.dump(_plain(value), Dumper=writer, **how))


def _always(*_: Any) -> bool:
    """Values that are there twice are written twice."""
    return True


def _plain(value: Any) -> Any:
    """Without the places that values of files carry."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in cast("list[Any]", value)]
    return value
