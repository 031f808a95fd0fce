"""Arithmetic in input files, evaluated over a whitelist of syntax and with a bound on its cost."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import cast

from archloom.errors import Fault, InputError, Place
from archloom.spec.expression_functions import FUNCTIONS, MAX_BITS, power
from archloom.spec.expression_syntax import (
    BINARY,
    COMPARE,
    CONSTANTS,
    UNARY,
    ExpressionError,
    parse_expression,
    problems_in,
)
from archloom.spec.values import shown

__all__ = ["FUNCTIONS", "Result", "evaluate", "names_in", "resolve_names"]

Result = int | float | str | bool


def evaluate(
    text: str,
    names: Mapping[str, object],
    *,
    place: Place | None = None,
    functions: Mapping[str, Callable[..., object]] | None = None,
) -> Result:
    """Evaluate an expression such as `ceil(rows / 2) * word_bits` or `8 if wide else 4`.

    `names` gives the values (numbers, booleans, strings) that names stand for; `functions` adds to FUNCTIONS. Understood are
    numbers, strings (to compare), names, + - * / // % **, comparisons, and/or/not, `a if c else b` and calls of functions.
    Raises InputError, at the character of `place` where the fault is, for anything else, and for results that are not
    finite-sized numbers: expressions beyond 1000 characters, 100 levels of nesting or 1000-bit integers are refused unevaluated.

    >>> evaluate("2 * n + min(3, m)", {"n": 4, "m": 8})
    11
    """
    known = {**FUNCTIONS, **(functions or {})}
    try:
        tree = parse_expression(text)
        problems = problems_in(tree, names, known)
        if problems:
            raise InputError([_fault(text, problem, place) for problem in problems])
        return _Evaluation(names, known).run(tree)
    except ExpressionError as problem:
        raise InputError(_fault(text, problem, place)) from None


def names_in(text: str) -> frozenset[str]:
    """The names an expression refers to, functions excluded; empty when it is not an expression."""
    try:
        tree = parse_expression(text)
    except ExpressionError:
        return frozenset()
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called)


def resolve_names(
    variables: Mapping[str, object],
    names: Mapping[str, object] | None = None,
    *,
    places: Mapping[str, Place] | None = None,
    functions: Mapping[str, Callable[..., object]] | None = None,
    lenient: bool = False,
) -> dict[str, Result]:
    """Evaluate variables that may refer to each other, in any order, and to `names` around them.

    A string is an expression, anything else is its own value. A variable that mentions its own name means the one of `names`.
    With `lenient`, a string that is no expression over the known names stays as it is (as Timeloop reads attributes).
    Raises InputError with all faults; a cycle is shown as `a -> b -> a`. Returns the values in the order given.

    >>> resolve_names({"pes": "rows * columns", "rows": 12, "columns": "rows + 2"})
    {'pes': 168, 'rows': 12, 'columns': 14}
    """
    outer = names or {}
    where = places or {}
    uses = {name: _uses(name, value, variables) for name, value in variables.items()}
    try:
        order = list(TopologicalSorter(uses).static_order())
    except CycleError as error:
        # graphlib lists each node before one that depends on it
        cycle: list[str] = list(reversed(cast("list[str]", error.args[1])))
        raise InputError(
            f"the variables refer to each other in a circle: {' -> '.join(cycle)}", where.get(cycle[0])
        ) from None
    scope: dict[str, object] = dict(outer)
    done: dict[str, Result] = {}
    broken: set[str] = set()
    faults: list[Fault] = []
    for name in order:
        if uses[name] & broken:
            broken.add(name)
            continue
        value = variables[name]
        try:
            done[name] = (
                evaluate(value, scope, place=where.get(name), functions=functions)
                if isinstance(value, str)
                else _plain(name, value, where.get(name))
            )
        except InputError as error:
            if lenient and isinstance(value, str):
                done[name] = value
            else:
                broken.add(name)
                faults += error.faults
        if name in done:
            scope[name] = done[name]
    if faults:
        raise InputError(faults)
    return {name: done[name] for name in variables}


def _uses(name: str, value: object, variables: Mapping[str, object]) -> frozenset[str]:
    return (names_in(value) & variables.keys()) - {name} if isinstance(value, str) else frozenset()


def _plain(name: str, value: object, place: Place | None) -> Result:
    if isinstance(value, int | float):
        return value
    raise InputError(f"the variable {name!r} is {shown(value)}; expected a number or an expression", place)


def _fault(text: str, problem: ExpressionError, place: Place | None) -> Fault:
    shown = text if len(text) <= 80 else text[:77] + "..."
    where = Place(place.source, place.line, place.column + problem.at) if place and place.line else place
    return Fault(f"in the expression {shown!r}: {problem}", where, problem.hint)


class _Evaluation:
    """Evaluates a tree in which `problems_in` found nothing."""

    def __init__(self, names: Mapping[str, object], functions: Mapping[str, Callable[..., object]]) -> None:
        self.names = names
        self.functions = functions

    def run(self, node: ast.expr) -> Result:
        try:
            return _bounded(self._raw(node), node)
        except ZeroDivisionError:
            raise ExpressionError("division by zero", node) from None
        except OverflowError:
            raise ExpressionError("the result is too large", node) from None
        except (TypeError, ValueError) as error:
            raise ExpressionError(str(error), node) from None

    def _raw(self, node: ast.expr) -> object:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self.names[name] if name in self.names else CONSTANTS[name]
            case ast.BinOp(left=left, op=op, right=right):
                a, b = self._number(left), self._number(right)
                compute = power if isinstance(op, ast.Pow) else BINARY[type(op)]
                return cast(object, compute(a, b))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.run(operand)
            case ast.UnaryOp(op=op, operand=operand):
                return UNARY[type(op)](self._number(operand))
            case ast.BoolOp(op=op, values=values):
                results = (bool(self.run(value)) for value in values)
                return all(results) if isinstance(op, ast.And) else any(results)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.run(body) if self.run(test) else self.run(orelse)
            case ast.Compare():
                return self._compare(node)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self.functions[name](*[self.run(argument) for argument in arguments])
            case _:
                raise ExpressionError("this cannot be used here", node)

    def _compare(self, node: ast.Compare) -> bool:
        values = [self.run(operand) for operand in (node.left, *node.comparators)]
        for op, a, b in zip(node.ops, values, values[1:], strict=False):
            if not isinstance(op, ast.Eq | ast.NotEq) and (isinstance(a, str) or isinstance(b, str)):
                raise ExpressionError("strings can only be compared with == and !=", node)
            if not COMPARE[type(op)](a, b):
                return False
        return True

    def _number(self, node: ast.expr) -> int | float:
        value = self.run(node)
        if isinstance(value, str):
            raise ExpressionError(f"{value[:40]!r} is a string; expected a number", node)
        return value


def _bounded(value: object, node: ast.expr) -> Result:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise ExpressionError("the result is too large", node)
        return value
    if isinstance(value, float):
        if math.isnan(value):
            raise ExpressionError("the result is not a number", node)
        return value
    raise ExpressionError(f"the result is {shown(value)}; expected a number", node)
