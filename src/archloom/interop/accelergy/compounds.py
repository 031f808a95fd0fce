"""What compound components cost: the sum over their parts, down to primitives that the library or given tables price."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.interop.accelergy.compound_files import Action, CompoundClass, Located, Subcomponent, Use
from archloom.interop.accelergy.csv_lookup import with_arguments
from archloom.interop.accelergy.expressions import (
    Scope,
    argument_values,
    attributes_of,
    count_of,
    missing_in,
    number,
    word_or_number,
)
from archloom.interop.accelergy.library import library_price
from archloom.interop.accelergy.sums import Term, total
from archloom.spec.expressions import Result
from archloom.spec.values import shown
from archloom.technology.component import Figure, Price

__all__ = ["PriceBook", "PrimitiveSource", "UnpricedError"]

PrimitiveSource = Callable[[str, Mapping[str, Result]], Price | None]
"""Prices a primitive class with its attributes, in Accelergy's words for both; None when it does not know the class."""

ENVIRONMENT = ("technology", "global_cycle_seconds")
"""Attributes that a part has from its compound unless it says otherwise."""

LEAK = ("leak", "idle")
MAX_DEPTH = 20
MAX_STEPS = 20_000


class UnpricedError(InputError):
    """Nothing is wrong with the files, but nothing says what was asked for: an attribute is missing, or beyond what is known."""


@dataclass
class PriceBook:
    """Prices components: those of `classes` by their parts, all others by the first of `sources` that knows them.

    Without sources, the technology library is asked.
    """

    classes: Mapping[str, CompoundClass] = field(default_factory=dict)
    sources: Sequence[PrimitiveSource] = (library_price,)
    steps: int = 0

    def price(self, class_name: str, attributes: Mapping[str, Result], place: Place | None = None) -> Price:
        """What one instance costs: pJ per action, um^2, mW; `place` is where errors point that are about the request.

        The energy of an action with arguments is that of the dearest combination of them. Leakage is that of the action `leak`
        (or `idle`), and where the class has none, of all its parts. Raises InputError with every fault.
        """
        self.steps = 0
        return self._price(class_name, attributes, place, ())

    def _price(self, name: str, given: Mapping[str, Result], place: Place | None, path: tuple[str, ...]) -> Price:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise InputError(f"{path[0] if path else name}: more than {MAX_STEPS:,} parts to price", place)
        definition = self.classes.get(name)
        if definition is None:
            return _scaled(self._primitive(name, given, place), given, place)
        if name in path or len(path) >= MAX_DEPTH:
            raise InputError(f"the class contains itself: {' -> '.join((*path, name))}", definition.place)
        missing = missing_in(definition, given)
        if missing:
            words = f"{'attribute' if len(missing) == 1 else 'attributes'} {', '.join(map(repr, missing))}"
            raise UnpricedError(f"the class {name!r} needs the {words}", place, f"declared at {definition.place}")
        scope = attributes_of(definition, given)
        if definition.parts:
            return _scaled(self._compound(definition, scope, (*path, name)), scope, place)
        return _scaled(self._primitive(name, scope, place), scope, place)

    def _primitive(self, name: str, attributes: Mapping[str, Result], place: Place | None) -> Price:
        for source in self.sources:
            try:
                found = source(name, attributes)
            except InputError as error:
                faults = [Fault(f"{name}: {f.message}", f.place or place, f.hint) for f in error.faults]
                raise UnpricedError(faults) from None
            if found is not None:
                return found
        hint = did_you_mean(name, self.classes) if self.classes else None
        close = hint if hint is not None and hint.startswith("did") else "define it in compound_components"
        raise UnpricedError(f"nothing prices the class {name!r}", place, close)

    def _compound(self, definition: CompoundClass, scope: Scope, path: tuple[str, ...]) -> Price:
        what = f"the class {definition.name!r}"
        faults = _Faults()
        parts: dict[str, Price] = {}
        for part in definition.parts.values():
            with faults.kept():
                parts[part.name] = self._price(part.class_name, _attributes(part, scope), part.place, path)
        faults.check()
        sums = _Sums(definition, scope, parts)
        energy: dict[str, Figure] = {}
        leakage: Figure | None = None
        for action in definition.actions.values():
            with faults.kept():
                if action.name in LEAK:
                    leakage = sums.leakage(action)
                else:
                    energy[action.name] = sums.energy(action, f"{what}, action {action.name!r}")
        area: Figure | None = None
        with faults.kept():
            area = sums.area()
            leakage = leakage or sums.all_leakage()
        faults.check()
        warnings = dict.fromkeys(warning for part in parts.values() for warning in part.warnings)
        return Price(definition.name, dict(scope), energy, area, leakage, tuple(warnings))


def _scaled(price: Price, attributes: Scope, place: Place | None) -> Price:
    """Accelergy 0.4 scales any component by its attributes `energy_scale` and `area_scale`."""
    by_energy, by_area = (_scale_of(attributes, name, place) for name in ("energy_scale", "area_scale"))
    if by_energy != 1:
        energy = {action: _times(figure, by_energy) for action, figure in price.energy.items()}
        price = replace(price, energy=energy)
    if by_area != 1 and price.area is not None:
        price = replace(price, area=_times(price.area, by_area))
    return price


def _scale_of(attributes: Scope, name: str, place: Place | None) -> float:
    value = attributes.get(name, 1)
    if isinstance(value, str) or not 0 <= value < 1e300:
        raise InputError(f"{name} is {shown(value)}; expected a number of 0 or more", place)
    return float(value)


def _times(figure: Figure, factor: float) -> Figure:
    return replace(figure, value=figure.value * factor, note=f"{figure.note}, times {factor:g}")


def _attributes(part: Subcomponent, scope: Scope) -> dict[str, Result]:
    passed: dict[str, Result] = {name: scope[name] for name in ENVIRONMENT if name in scope}
    faults = _Faults()
    for name, located in part.attributes.items():
        with faults.kept():
            passed[name] = word_or_number(located, scope)
    faults.check()
    return passed


@dataclass(frozen=True)
class _Sums:
    """The sums over the parts of one compound, with its attributes in `scope`."""

    definition: CompoundClass
    scope: Scope
    parts: Mapping[str, Price]

    def energy(self, action: Action, what: str) -> Figure:
        """The dearest of the energies for each combination of the action's arguments."""
        dearest: Figure | None = None
        for arguments in argument_values(action, self.scope, what):
            scope = {**self.scope, **arguments}
            terms = [term for use in action.uses for term in self._terms(use, scope, what, _energy_of)]
            figure = total(terms, "pJ", self.definition.name)
            if dearest is None or figure.value > dearest.value:
                dearest = figure
        assert dearest is not None, "no arguments are one combination"
        return dearest

    def leakage(self, action: Action) -> Figure:
        what = f"the class {self.definition.name!r}, action {action.name!r}"
        scope = {**self.scope, **argument_values(action, self.scope, what)[-1]}
        terms = [term for use in action.uses for term in self._terms(use, scope, what, _leakage_of)]
        return total(terms, "mW", self.definition.name)

    def all_leakage(self) -> Figure | None:
        leaks = [(part, self.parts[part.name].leakage) for part in self.definition.parts.values()]
        terms = [Term(figure, self._count(part)) for part, figure in leaks if figure is not None]
        return total(terms, "mW", self.definition.name) if terms else None

    def area(self) -> Figure | None:
        areas = [(part, self.parts[part.name].area) for part in self.definition.parts.values()]
        terms = [
            Term(figure, self._count(part) * self._scale(part.area_scales, part, "area_scale"))
            for part, figure in areas
            if figure is not None
        ]
        return total(terms, "um2", self.definition.name) if terms else None

    def _count(self, part: Subcomponent) -> float:
        return count_of(part.indices, self.scope, f"the subcomponent {part.name!r}")

    def _scale(self, scales: Iterable[Located], part: Subcomponent, what: str) -> float:
        factor = 1.0
        for scale in scales:
            factor *= number(scale, self.scope, f"{what} of the subcomponent {part.name!r}")
        return factor

    def _terms(
        self, use: Use, scope: Scope, what: str, figure_of: Callable[[Price, str, Mapping[str, Result]], Figure | None]
    ) -> list[Term]:
        price = self.parts[use.part]
        part = self.definition.parts[use.part]
        own = self._scale(part.energy_scales, part, "energy_scale")
        if use.indices is None:
            count = self._count(part)
        else:
            count = count_of(use.indices, scope, f"{what}, subcomponent {use.part!r}")
        terms: list[Term] = []
        for action in use.actions:
            factor = count * own
            for scale in action.scales:
                factor *= number(scale, scope, f"{what}: the scale of {use.part}.{action.name}")
            arguments = {name: word_or_number(value, scope) for name, value in action.arguments.items()}
            figure = figure_of(price, action.name, arguments)
            if figure is not None:
                terms.append(Term(figure, factor))
            elif figure_of is _energy_of:
                raise InputError(
                    f"{what}: {use.part!r} of class {part.class_name!r} has no action {action.name!r}",
                    action.place,
                    did_you_mean(action.name, [name for name in price.energy if "(" not in name]),
                )
        return terms


def _energy_of(price: Price, action: str, arguments: Mapping[str, Result]) -> Figure | None:
    """A primitive table may have the energy for just these arguments."""
    return price.energy.get(with_arguments(action, arguments)) or price.energy.get(action)


def _leakage_of(price: Price, action: str, arguments: Mapping[str, Result]) -> Figure | None:
    del action, arguments
    return price.leakage


class _Faults:
    """Faults gathered on the way; together they are an UnpricedError when each of them is."""

    def __init__(self) -> None:
        self.found: list[Fault] = []
        self.wrong = False

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the faults of an InputError and go on."""
        try:
            yield
        except InputError as error:
            self.found += error.faults
            self.wrong = self.wrong or not isinstance(error, UnpricedError)

    def check(self) -> None:
        if self.found:
            once = dict.fromkeys(self.found)
            raise InputError(once) if self.wrong else UnpricedError(once)
