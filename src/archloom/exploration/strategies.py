"""The strategies by name, and their options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from typing import Any

from archloom.errors import Fault, InputError, did_you_mean
from archloom.exploration.base import DesignStrategy

__all__ = ["NAMES", "strategy_of"]

_PLACES = {
    "grid": ("archloom.exploration.grid_search", "Grid"),
    "random": ("archloom.exploration.random_search", "Random"),
    "annealing": ("archloom.exploration.annealing", "Annealing"),
    "genetic": ("archloom.exploration.genetic", "Genetic"),
    "nsga2": ("archloom.exploration.genetic", "Genetic"),
    "digamma": ("archloom.exploration.digamma", "DiGamma"),
    "bayesian": ("archloom.exploration.bayesian", "Bayesian"),
    "pymoo": ("archloom.exploration.outside", "Pymoo"),
}

NAMES = tuple(_PLACES)
"""What a study may name as its strategy."""


def strategy_of(what: str | DesignStrategy[Any], options: Mapping[str, Any] | None = None) -> DesignStrategy[Any]:
    """A strategy by its name and options, or the one given; InputError, with the nearest name, for one that does not exist."""
    if isinstance(what, DesignStrategy):
        return what
    if what not in _PLACES:
        raise InputError(f"there is no strategy {what!r}", hint=did_you_mean(str(what), NAMES))
    module, name = _PLACES[what]
    kind = getattr(import_module(module), name)
    known = {field.name: field for field in fields(kind)}
    faults: list[Fault] = []
    for option, value in (options or {}).items():
        if option not in known:
            message = f"the strategy {what!r} has no option {option!r}"
            faults.append(Fault(message, hint=did_you_mean(option, known)))
            continue
        default = known[option].default
        if isinstance(default, int) and not (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
            faults.append(Fault(f"the option {option!r} of {what!r} is {value!r}; expected a whole number, at least 1"))
        elif isinstance(default, float) and not (isinstance(value, int | float) and value >= 0):
            faults.append(Fault(f"the option {option!r} of {what!r} is {value!r}; expected a number, at least 0"))
    if faults:
        raise InputError(faults)
    return kind(**(options or {}))
