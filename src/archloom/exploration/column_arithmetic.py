"""The evaluator of expressions over columns: NumPy float64, row by row what the evaluator of input files says of one row."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from archloom.spec.expression_functions import power
from archloom.spec.expression_syntax import COMPARE, CONSTANTS, ExpressionError

__all__ = ["ARITIES", "Undefined", "compute"]

MANY = 1000

ARITIES: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("min", "max"), (1, MANY)),
    **dict.fromkeys(("ceil", "floor", "abs", "log2", "log10", "sqrt", "int", "float"), (1, 1)),
    **dict.fromkeys(("round", "log"), (1, 2)),
    "pow": (2, 2),
}
"""The functions, with the least and the largest number of arguments."""


class Undefined(Exception):  # noqa: N818
    """A value that does not exist, and the first row where it is needed (0 where it is the same for all rows)."""

    def __init__(self, message: str, row: int) -> None:
        super().__init__(message)
        self.row = row


def compute(tree: ast.expr, names: Mapping[str, Any], *, strict: bool) -> Any:
    """Evaluate a checked tree over columns [B] (float64, or objects for words) and numbers; see `expressions.Expression`."""
    with np.errstate(all="ignore"):
        return _Columns(names, strict).run(tree, True)


class _Columns:
    """Evaluates a tree; `active` says which rows need the value, for `a if c else b`, `and` and `or`."""

    def __init__(self, names: Mapping[str, Any], strict: bool) -> None:
        self.names = names
        self.strict = strict

    def run(self, node: ast.expr, active: Any) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self.names[name] if name in self.names else CONSTANTS[name]
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(type(op), self._number(left, active), self._number(right, active), active)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return ~_truth(self.run(operand, active))
            case ast.UnaryOp(op=op, operand=operand):
                value = self._number(operand, active)
                return -value if isinstance(op, ast.USub) else value
            case ast.BoolOp(op=op, values=values):
                return self._logic(isinstance(op, ast.And), values, active)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                holds = _truth(self.run(test, active))
                yes, no = self.run(body, active & holds), self.run(orelse, active & ~holds)
                return np.where(holds, yes, no)
            case ast.Compare():
                return self._compare(node, active)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._call(name, [self._number(argument, active) for argument in arguments], active)
            case _:
                raise ExpressionError("this cannot be used here", node)

    def _number(self, node: ast.expr, active: Any) -> Any:
        value = self.run(node, active)
        array = np.asarray(value)
        if array.dtype.kind in "OUS":
            if not isinstance(value, int):
                raise Undefined(f"{array.flat[0] if array.size else value!r} is a word; expected a number", 0)
        elif array.dtype.kind == "b":
            return array.astype(np.float64)
        return value

    def _binary(self, op: type[ast.operator], a: Any, b: Any, active: Any) -> Any:
        if isinstance(a, int | float) and isinstance(b, int | float):
            return self._plain(op, a, b, active)
        if op in (ast.Div, ast.FloorDiv, ast.Mod):
            zero = np.asarray(b) == 0
            functions: dict[Any, Callable[..., Any]] = {
                ast.Div: np.true_divide,
                ast.FloorDiv: np.floor_divide,
                ast.Mod: np.mod,
            }
            return self._kept(functions[op](a, b), zero, "division by zero", active)
        if op is ast.Pow:
            result = np.power(np.asarray(a, np.float64), b)
            return self._kept(result, _born_nan(result, a, b), "the result is not a number", active)
        return a + b if op is ast.Add else a - b if op is ast.Sub else a * b

    def _plain(self, op: type[ast.operator], a: float, b: float, active: Any) -> Any:
        """Arithmetic on two numbers, by the rules of input files."""
        try:
            if op is ast.Pow:
                result: Any = power(a, b)
            elif op in (ast.Div, ast.FloorDiv, ast.Mod):
                result = a / b if op is ast.Div else a // b if op is ast.FloorDiv else a % b
            else:
                result = a + b if op is ast.Add else a - b if op is ast.Sub else a * b
        except ZeroDivisionError:
            return self._kept(np.float64(np.nan), np.True_, "division by zero", active)
        except OverflowError:
            return self._kept(np.float64(np.inf), np.True_, "the result is too large", active)
        if isinstance(result, complex):
            return self._kept(np.float64(np.nan), np.True_, "the result is not a number", active)
        return float(result) if isinstance(result, int) and abs(result) > 2**53 else result

    def _call(self, name: str, values: list[Any], active: Any) -> Any:
        arrays = [np.asarray(value, np.float64) for value in values]
        first = arrays[0]
        if name in ("min", "max"):
            reduce = np.minimum if name == "min" else np.maximum
            for other in arrays[1:]:
                first = reduce(first, other)
            return first
        if name == "pow":
            return self._binary(ast.Pow, values[0], values[1], active)
        result = _FUNCTIONS[name](*arrays)
        below = name.startswith(("log", "sqrt"))
        wrong = _born_nan(result, *arrays)
        if name.startswith("log"):
            wrong = wrong | (first <= 0)
        return self._kept(
            result, wrong, f"{name}() of a number that it does not take" if below else "not a number", active
        )

    def _logic(self, is_and: bool, nodes: list[ast.expr], active: Any) -> Any:
        holds: Any = np.bool_(is_and)
        for node in nodes:
            rest = active & (holds if is_and else ~holds)
            value = _truth(self.run(node, rest))
            holds = holds & value if is_and else holds | value
        return holds

    def _compare(self, node: ast.Compare, active: Any) -> Any:
        values = [self.run(operand, active) for operand in (node.left, *node.comparators)]
        holds: Any = np.True_
        for op, a, b in zip(node.ops, values, values[1:], strict=False):
            words = any(np.asarray(value).dtype.kind in "OUS" for value in (a, b))
            if words and not isinstance(op, ast.Eq | ast.NotEq):
                raise Undefined("words can only be compared with == and !=", 0)
            result = np.asarray(np.asarray(a, object) == np.asarray(b, object), bool) if words else None
            if result is None:
                holds = holds & COMPARE[type(op)](np.asarray(a), np.asarray(b))
            else:
                holds = holds & (result if isinstance(op, ast.Eq) else ~result)
        return holds

    def _kept(self, result: Any, wrong: Any, message: str, active: Any) -> Any:
        """The result, with nan where there is none; raises Undefined if strict and a row needs it."""
        needed = np.asarray(wrong & active)
        if not needed.any():
            return result if not np.any(wrong) else np.where(wrong, np.nan, result)
        if self.strict:
            raise Undefined(message, int(np.argmax(needed.reshape(-1))))
        return np.where(wrong, np.nan, result)


def _truth(value: Any) -> Any:
    array = np.asarray(value)
    return array if array.dtype.kind == "b" else (array != 0) & ~_is_nan(array)


def _is_nan(array: Any) -> Any:
    return np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool)


def _born_nan(result: Any, *inputs: Any) -> Any:
    """Where a result is no number although what it is made of is."""
    wrong = np.isnan(result)
    for value in inputs:
        wrong = wrong & ~_is_nan(np.asarray(value))
    return wrong


def _log(value: Any, base: Any = None) -> Any:
    return np.log(value) if base is None else np.log(value) / np.log(base)


def _round(value: Any, digits: Any = 0) -> Any:
    return np.round(value, int(np.asarray(digits).flat[0])) if np.asarray(digits).size else value


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ceil": np.ceil,
    "floor": np.floor,
    "round": _round,
    "abs": np.abs,
    "log2": np.log2,
    "log10": np.log10,
    "log": _log,
    "sqrt": np.sqrt,
    "int": np.trunc,
    "float": lambda value: value,
}
