"""What `archloom technology` says, as JSON."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from archloom.technology.component import Component, Figure, Price

__all__ = ["described", "echo_json", "priced"]


def described(component: Component) -> dict[str, Any]:
    """What a component is and takes; numbers that are not finite, and defaults that there are none of, are null."""
    attributes = [
        {
            "name": a.name,
            "unit": a.unit,
            "default": _finite(a.default),
            "required": a.default is None,
            "low": _finite(a.low),
            "high": _finite(a.high),
            "choices": list(a.choices),
            "about": a.about,
        }
        for a in component.attributes
    ]
    return {
        "name": component.name,
        "aliases": list(component.aliases),
        "about": component.about,
        "sources": list(component.sources),
        "attributes": attributes,
    }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def priced(price: Price) -> dict[str, Any]:
    """A price with all that is known of each figure."""
    attributes = {name: _finite(value) for name, value in price.attributes.items()}
    return {
        "component": price.component,
        "attributes": {name: value for name, value in attributes.items() if value is not None},
        "energy": {action: _figure(figure) for action, figure in price.energy.items()},
        "area": _figure(price.area),
        "leakage": _figure(price.leakage),
        "warnings": list(price.warnings),
    }


def _figure(figure: Figure | None) -> dict[str, Any] | None:
    if figure is None:
        return None
    return {
        "value": float(figure.value),
        "unit": figure.unit,
        "source": figure.source,
        "confidence": figure.confidence,
        "node_nm": figure.node_nm,
        "note": figure.note,
    }


def echo_json(value: Any) -> None:
    """Print a value as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))
