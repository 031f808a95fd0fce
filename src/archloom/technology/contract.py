"""The contract of components: what any of them, built in or one's own, must keep; for tests of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from archloom.errors import InputError
from archloom.technology.component import Attribute, Component, Figure, Price
from archloom.technology.library import price

__all__ = ["check"]

SHRINKING = (130.0, 90.0, 65.0, 45.0, 32.0, 28.0, 22.0, 16.0, 14.0, 10.0, 7.0)
TOLERANCE = 1e-9


def check(component: Component, **attributes: Any) -> list[str]:
    """Return what is wrong with a component, one sentence each; an empty list is a pass.

    `attributes` are a valid request to start from; required attributes left out are tried over their range. Checked: figures finite
    and not negative, in the right units, with a source; an array gives what its elements give one by one; energy does not rise as the
    node shrinks; a number out of range or an unknown word is an InputError.

    >>> from archloom.technology import find
    >>> check(find("int_multiply"))
    []
    """
    request = {a.name: _usual(a) for a in component.attributes if a.default is None} | attributes
    try:
        priced = price(component, **request)
    except InputError as error:
        return [f"{component.name}: a valid request is refused: {error}"]
    except Exception as error:
        return [f"{component.name}: raises {type(error).__name__}: {error}"]
    return [
        *_sound(component, priced),
        *_alike(component, request),
        *_shrinking(component, request),
        *_refusals(component, request),
    ]


def _usual(attribute: Attribute) -> Any:
    """A value well inside the range."""
    if attribute.choices:
        return attribute.choices[0]
    low, high = max(attribute.low, 1e-3), min(attribute.high, 2.0**20)
    value = float(np.sqrt(low * high)) if high > low else attribute.low
    if not attribute.whole:
        return value
    power = 2.0 ** np.round(np.log2(max(value, 1.0)))
    return float(power if attribute.low <= power <= attribute.high else np.ceil(attribute.low))


def _figures(priced: Price) -> Iterator[tuple[str, Figure, str]]:
    for action, figure in priced.energy.items():
        yield f"energy of {action}", figure, "pJ"
    if priced.area is not None:
        yield "area", priced.area, "um2"
    if priced.leakage is not None:
        yield "leakage", priced.leakage, "mW"


def _sound(component: Component, priced: Price) -> Iterator[str]:
    if not priced.energy:
        yield f"{component.name}: no action has an energy"
    for what, figure, unit in _figures(priced):
        if not np.all(np.isfinite(figure.value)):
            yield f"{component.name}: {what} is not finite: {figure.value}"
        elif np.any(np.less(figure.value, 0)):
            yield f"{component.name}: {what} is negative: {figure.value:g} {unit}"
        if figure.unit != unit:
            yield f"{component.name}: {what} is in {figure.unit}, not {unit}"
        if not figure.source:
            yield f"{component.name}: {what} names no source"


def _numbers(component: Component, request: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Number attributes with two values each: that of the request and one beside it."""
    found: dict[str, tuple[float, float]] = {}
    for a in component.attributes:
        start = request.get(a.name, a.default)
        if a.choices or start is None or np.isnan(start):
            continue
        other = start * 2 if start and start * 2 <= a.high else start
        found[a.name] = (float(start), float(other))
    return found


def _alike(component: Component, request: Mapping[str, Any]) -> Iterator[str]:
    """The array of requests priced at once against each on its own."""
    for name, values in _numbers(component, request).items():
        try:
            single = [price(component, **{**request, name: value}) for value in values]
        except InputError:  # twice the width may be wider than the size
            continue
        try:
            many = price(component, **{**request, name: np.array(values)})
        except Exception as error:
            yield f"{component.name}: an array of {name} raises {type(error).__name__}: {error}"
            continue
        for (what, figure, _), *alone in zip(_figures(many), *(_figures(one) for one in single), strict=False):
            if not np.allclose(figure.value, [one.value for _, one, _ in alone], rtol=TOLERANCE, atol=0):
                yield f"{component.name}: {what} over an array of {name} differs from the same one by one"


def _shrinking(component: Component, request: Mapping[str, Any]) -> Iterator[str]:
    node = next((a for a in component.attributes if a.name == "node_nm"), None)
    if node is None:
        return
    nodes = [n for n in SHRINKING if node.low <= n <= node.high]
    prices = [price(component, **{**request, "node_nm": n}) for n in nodes]
    for action in prices[0].energy if prices else ():
        values = [float(np.ravel(p.energy[action].value)[0]) for p in prices]
        for old, new, before, after in zip(nodes, nodes[1:], values, values[1:], strict=False):
            if after > before * (1 + TOLERANCE):
                yield f"{component.name}: energy of {action} rises from {before:g} to {after:g} pJ from {old:g} to {new:g} nm"


def _refusals(component: Component, request: Mapping[str, Any]) -> Iterator[str]:
    for a in component.attributes:
        bad: list[Any] = ["no such word"] if a.choices else [-1.0 if a.low >= 0 else a.low - 1, float("nan")]
        if not a.choices and np.isfinite(a.high):
            bad.append(a.high * 2 + 1)
        for value in bad:
            try:
                price(component, **{**request, a.name: value})
            except InputError:
                continue
            except Exception as error:
                yield f"{component.name}: {a.name} = {value} raises {type(error).__name__}, not InputError"
                continue
            yield f"{component.name}: {a.name} = {value} is not refused"
