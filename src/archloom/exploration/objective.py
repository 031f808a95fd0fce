"""Goals: what a study minimises, and the budgets that a design has to keep, over columns of figures and parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.exploration.expressions import Expression, Undefined, read_expression
from archloom.exploration.metrics import ALIASES, METRICS, STATIC
from archloom.exploration.names import DottedNames
from archloom.spec.expression_syntax import parse_expression

__all__ = ["MAPPING_OBJECTIVES", "Aim", "Goal", "Limit", "goal_of"]

Values = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]

MAPPING_OBJECTIVES = ("energy", "latency", "edp", "ed2p")
"""The objectives by which a mapping can be chosen."""

MAXIMISE = ("maximise", "maximize")
SIGNS: dict[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
LEAST = 1e-9
"""The overshoot of what is not within a budget, and yet no larger."""


@dataclass(frozen=True)
class Aim:
    """One objective: the value of an expression, or with `maximise` its negative, is minimised."""

    name: str
    expression: Expression
    maximise: bool = False

    def values(self, columns: Columns) -> Values:
        """[B]: to minimise; +inf where it is not known."""
        values = _numbers(self.expression, columns)
        return np.where(np.isnan(values), np.inf, -values if self.maximise else values)


@dataclass(frozen=True)
class Limit:
    """One budget: a condition such as `area_mm2 <= 16`; `sides`: what it compares and how, where it is one comparison by <, <=, > or >=."""

    expression: Expression
    sides: tuple[Expression, str, Expression] | None = None

    @property
    def text(self) -> str:
        return self.expression.text

    def excess(self, columns: Columns) -> Values:
        """[B]: 0 within the budget; outside, the relative overshoot (1 for a condition of another kind), +inf if not known."""
        if self.sides is None:
            return np.where(_numbers(self.expression, columns) != 0, 0.0, 1.0)
        left, sign, right = (_numbers(self.sides[0], columns), self.sides[1], _numbers(self.sides[2], columns))
        small, large = (left, right) if sign.startswith("<") else (right, left)
        within = small < large if len(sign) == 1 else small <= large
        with np.errstate(divide="ignore", invalid="ignore"):
            over = (small - large) / np.where(right == 0, 1.0, np.abs(right))
        return np.where(within, 0.0, np.where(np.isnan(over), np.inf, np.maximum(over, LEAST)))

    def why(self, columns: Columns) -> str:
        """In a sentence, how the one row of these columns, which is over this budget, is over it."""
        if self.sides is None:
            return f"over budget: not {self.text}"
        left, sign, right = self.sides
        a, b = float(_numbers(left, columns)[0]), float(_numbers(right, columns)[0])
        if np.isnan(a) or np.isnan(b):
            return f"budget {self.text}: {left.text if np.isnan(a) else right.text} is not known"
        side = "over" if sign.startswith("<") else "under"
        amount = f" by {_percent(abs(a - b) / abs(b))}" if b and a != b else ""
        return f"over budget: {left.text} is {a:.6g}, {side} {b:.6g}{amount}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %" if share < 10 else f"a factor of {share + 1:.3g}"


@dataclass(frozen=True)
class Goal:
    """What is minimised (one objective or several), within which budgets. Columns are figures of merit and parameters, [B] each.

    `clocked`: the clock is part of the design, so latency and EDP are meant in seconds, not in cycles.
    """

    aims: tuple[Aim, ...]
    limits: tuple[Limit, ...] = ()
    clocked: bool = False

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the objectives."""
        return tuple(aim.name for aim in self.aims)

    def values(self, columns: Columns) -> Values:
        """[B, objectives]: all to be minimised; +inf where not known."""
        scope = self._scope(columns)
        return np.stack([aim.values(scope) for aim in self.aims], axis=1)

    def excess(self, columns: Columns) -> Values:
        """[B]: 0 within all budgets, else the sum of the relative overshoots; +inf where a figure is not known."""
        return self._excess(self.limits, columns)

    def within(self, columns: Columns) -> NDArray[np.bool_]:
        """[B]: whether all budgets are kept."""
        return self.excess(columns) == 0

    def static_excess(self, columns: Columns) -> Values:
        """[B]: `excess` of the budgets that need no mapping; columns need only have STATIC figures and parameters."""
        return self._excess(self.static_limits, columns)

    def why(self, columns: Columns, row: int, *, static: bool = False) -> str:
        """How a row is over its budgets, in sentences; "" if it is not."""
        one = self._scope({name: column[row : row + 1] for name, column in columns.items()})
        limits = self.static_limits if static else self.limits
        return "; ".join(limit.why(one) for limit in limits if limit.excess(one)[0] > 0)

    @cached_property
    def static_limits(self) -> tuple[Limit, ...]:
        """The budgets on area, PEs, memory and parameters alone."""
        mapped = {*METRICS, *ALIASES} - {*STATIC, "area"}
        return tuple(limit for limit in self.limits if not limit.expression.names & mapped)

    def figures_of(self, part: Aim | Limit) -> frozenset[str]:
        """The figures (METRICS) that an objective or a budget depends on."""
        used = {ALIASES[name][self.clocked] if name in ALIASES else name for name in part.expression.names}
        return frozenset(used & METRICS.keys())

    @cached_property
    def figures(self) -> frozenset[str]:
        """All figures (METRICS) that objectives and budgets depend on."""
        return frozenset[str]().union(*map(self.figures_of, (*self.aims, *self.limits)))

    @property
    def mapping_objective(self) -> str:
        """By what a mapping is chosen where nothing else is said: the first objective if it is one of those, else EDP."""
        first = self.aims[0]
        text = first.expression.text
        return text if text in MAPPING_OBJECTIVES and not first.maximise else "edp"

    def _excess(self, limits: tuple[Limit, ...], columns: Columns) -> Values:
        scope = self._scope(columns)
        rows = len(next(iter(columns.values()))) if columns else 1
        total = np.zeros(rows)
        for limit in limits:
            total = total + limit.excess(scope)
        return total

    def _scope(self, columns: Columns) -> dict[str, NDArray[Any]]:
        others = {name: columns[own[self.clocked]] for name, own in ALIASES.items() if own[self.clocked] in columns}
        return {**columns, **others}


def goal_of(
    objectives: Any,
    budget: Any = None,
    *,
    names: Iterable[str] | Mapping[str, Any] = (),
    clocked: bool = False,
    place: Place | None = None,
) -> Goal:
    """A goal as a space file writes it.

    `objectives`: a name, a list of names, expressions and `{maximise: ...}`, or a mapping from names to expressions. `budget`: a
    mapping from figures (or expressions) to upper limits, or a list of conditions. `names`: those of parameters, which expressions
    may use beside METRICS (with values, strings where a parameter's values are words). YAML nodes bring their own places.
    Raises InputError with all faults.
    """
    given = dict(names) if isinstance(names, Mapping) else dict.fromkeys(names, 1.0)
    reader = _Reader({**dict.fromkeys((*METRICS, *ALIASES), 1.0), **given})
    aims = list(reader.aims(objectives, place))
    limits = list(reader.limits(budget, place))
    if not aims and not reader.faults:
        reader.fault("no objective is given; expected at least one", place, did_you_mean("", MAPPING_OBJECTIVES))
    if reader.faults:
        raise InputError(reader.faults)
    return Goal(tuple(aims), tuple(limits), clocked)


class _Reader:
    """Reads objectives and budgets over names, whose sample values tell numbers from words; collects the faults."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self.known = known
        self.faults: list[Fault] = []
        self.names: set[str] = set()
        self.sample = {
            name: np.array([value], dtype=object if isinstance(value, str) else np.float64)
            for name, value in known.items()
        }

    def fault(self, message: str, place: Place | None, hint: str | None = None) -> None:
        self.faults.append(Fault(message, place, hint))

    def aims(self, given: Any, place: Place | None) -> Iterator[Aim]:
        if isinstance(given, str):
            yield from self._aim(given.strip(), given, place)
        elif isinstance(given, Mapping):
            for name, text in given.items():
                where = _place(given, name, place)
                if not isinstance(text, str | int | float):
                    self.fault(f"the objective {name!r} is {text!r:.60}; expected an expression", where)
                elif name in MAXIMISE:
                    yield from self._aim(str(text).strip(), str(text), where, maximise=True)
                else:
                    yield from self._aim(str(name), str(text), where)
        elif isinstance(given, Sequence):
            for at, item in enumerate(given):
                if isinstance(item, str | Mapping):
                    yield from self.aims(item, _place(given, at, place))
                else:
                    where = _place(given, at, place)
                    self.fault(f"{item!r:.60} is no objective; expected a name or an expression", where)
        elif given is not None:
            self.fault(f"the objectives are {given!r:.60}; expected names or expressions", place)

    def _aim(self, name: str, text: str, place: Place | None, *, maximise: bool = False) -> Iterator[Aim]:
        if name in self.names:
            self.fault(f"the objective {name!r} is given twice", place)
        self.names.add(name)
        expression = self._read(text, place)
        if expression is not None:
            yield Aim(name, expression, maximise)

    def limits(self, given: Any, place: Place | None) -> Iterator[Limit]:
        if isinstance(given, str):
            yield from self._limit(given, place)
        elif isinstance(given, Mapping):
            for name, most in given.items():
                where = _place(given, name, place)
                if isinstance(most, bool) or not isinstance(most, str | int | float):
                    self.fault(f"the budget of {name!r} is {most!r:.60}; expected a number", where)
                else:
                    yield from self._upper(str(name), str(most), where)
        elif isinstance(given, Sequence):
            for at, item in enumerate(given):
                if isinstance(item, str | Mapping):
                    yield from self.limits(item, _place(given, at, place))
                else:
                    what = f"{item!r:.60} is no budget; expected a condition such as area_mm2 <= 16"
                    self.fault(what, _place(given, at, place))
        elif given is not None:
            self.fault(f"the budget is {given!r:.60}; expected upper limits or conditions", place)

    def _upper(self, name: str, most: str, place: Place | None) -> Iterator[Limit]:
        parts = [self._read(name, place), self._read(most, place)]
        for part in parts:
            if part is not None and part.is_test:
                self.fault(f"{part.text!r} is a condition; expected a number", place)
                return
        if None not in parts:
            yield from self._limit(f"({name}) <= ({most})" if _is_loose(name, most) else f"{name} <= {most}", place)

    def _limit(self, text: str, place: Place | None) -> Iterator[Limit]:
        expression = self._read(text, place)
        if expression is None:
            return
        if not expression.is_test:
            self.fault(f"the budget {text!r} is a number; expected a condition such as area_mm2 <= 16", place)
            return
        yield Limit(expression, self._sides(expression))

    def _sides(self, expression: Expression) -> tuple[Expression, str, Expression] | None:
        match parse_expression(expression.coded):
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in SIGNS:
                one, two = (self._read(_between(expression, node), expression.place) for node in (left, right))
                return None if one is None or two is None else (one, SIGNS[type(op)], two)
            case _:
                return None

    def _read(self, text: str, place: Place | None) -> Expression | None:
        try:
            expression = read_expression(text.strip(), self.known, place)
            expression(self.sample, strict=False)
        except InputError as error:
            self.faults += error.faults
        except Undefined as error:
            self.fault(f"in the expression {text.strip()!r:.80}: {error}", place)
        else:
            return expression
        return None


def _numbers(expression: Expression, columns: Columns) -> Values:
    """[B]: the values of an expression, nan where there is none; conditions are 1 and 0."""
    rows = len(next(iter(columns.values()))) if columns else 1
    return np.broadcast_to(np.asarray(expression(columns, strict=False), dtype=np.float64), (rows,))


def _is_loose(*texts: str) -> bool:
    """Whether a text is more than a sum or a product, so that a comparison beside it would tear it apart."""
    return any(isinstance(parse_expression(DottedNames([]).encode(text)), ast.IfExp) for text in texts)


def _between(expression: Expression, node: ast.expr) -> str:
    """The text of a node as written; the columns of a tree count the bytes of what was parsed."""
    code = expression.coded.encode()
    first, last = (len(code[:at].decode()) for at in (node.col_offset, node.end_col_offset or len(code)))
    return expression.text[first:last]


def _place(node: Any, key: Any, place: Place | None) -> Place | None:
    """Where an entry of a YAML node stands."""
    places = getattr(node, "value_places", None)
    if places is None:
        return place
    return places[key]
