"""Components: what can be asked for (attributes with units and ranges) and what comes out (figures with provenance)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Attribute", "Component", "Confidence", "Figure", "Numbers", "Price", "Pricer"]

Numbers = float | NDArray[np.float64]
"""A number, or an array of them: a component is priced for many variants in one call."""

Confidence = Literal["measured", "published", "modelled", "scaled", "estimated"]
"""How far to trust a figure: measured on silicon, published in a paper, out of a circuit model (CACTI), scaled from another
node, or an estimate of ours."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A number and where it is from.

    `value` is in `unit` (pJ, um2, mW). `source` names paper, tool or table; `node_nm` is the node of the source, before scaling (None:
    no node applies). `note` says what was done to it (interpolated, scaled from 45 nm, ...).
    """

    value: Numbers
    unit: str
    source: str
    confidence: Confidence
    node_nm: float | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class Price:
    """What one instance of a component costs.

    `energy`: action (`read`, `write`, `update`, `compute`, `convert`, `transfer`, ...) -> pJ per action of one full access (a block, not
    a word). `area` in um2, `leakage` in mW; None where no source tells (then nothing is charged, and `warnings` says so).
    `warnings` are sentences for the user (extrapolated, scaled beyond a table, mixed cells, ...).
    """

    component: str
    attributes: Mapping[str, Any]
    energy: Mapping[str, Figure]
    area: Figure | None = None
    leakage: Figure | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attribute:
    """An attribute that a component takes: its unit in words (bit, nm, mm, V, Hz, ...), range and default.

    Without a default (None) it is required; nan stands for what the component chooses, as `about` says.
    `choices` instead of a range for words (`cell: hp, lstp, lop`). Outside `low` to `high` is an InputError that names the range.
    """

    name: str
    unit: str = ""
    default: Any = None
    low: float = 0.0
    high: float = float("inf")
    choices: tuple[str, ...] = ()
    whole: bool = False
    about: str = ""


Pricer = Callable[..., Price]
"""Called with the component's attributes by keyword, each complete and in range; arrays of one common shape where arrays came in."""


@dataclass(frozen=True)
class Component:
    """A kind of component in the library: its name, other names it goes by, its attributes, and the function that prices it."""

    name: str
    about: str
    attributes: tuple[Attribute, ...]
    pricer: Pricer
    aliases: tuple[str, ...] = ()
    sources: tuple[str, ...] = field(default=())
