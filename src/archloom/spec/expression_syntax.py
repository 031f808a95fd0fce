"""The syntax of expressions: which Python syntax is arithmetic here, and what is wrong with the rest."""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from archloom.errors import did_you_mean
from archloom.spec.values import shown

__all__ = ["BINARY", "COMPARE", "CONSTANTS", "UNARY", "ExpressionError", "parse_expression", "problems_in"]

MAX_LENGTH = 1000
MAX_DEPTH = 100


class ExpressionError(Exception):
    """What is wrong at one character of an expression; becomes a Fault."""

    def __init__(self, message: str, node: ast.AST | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.at: int = getattr(node, "col_offset", 0)
        self.hint = hint


@lru_cache(maxsize=4096)
def parse_expression(text: str) -> ast.expr:
    """The syntax tree of an expression, with columns that count from its first character.

    Raises ExpressionError for what is not one Python expression, or too long or deep to look at.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"longer than {MAX_LENGTH} characters")
    stripped = text.strip()
    if not stripped:
        raise ExpressionError("it is empty; expected a number or arithmetic")
    if "\n" in stripped or "\\" in stripped:
        raise ExpressionError("expected one line without backslashes")
    indent = len(text) - len(text.lstrip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(stripped, mode="eval").body
    except SyntaxError as error:
        raise _at(indent + (error.offset or 1) - 1, f"not arithmetic: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError("nested too deeply, or a number of too many digits") from None
    for node in ast.walk(tree) if indent else ():
        if isinstance(node, ast.expr):
            node.col_offset += indent
    if isinstance(tree, ast.Tuple):
        raise ExpressionError("several values with commas; expected one", tree)
    return tree


def _at(offset: int, message: str) -> ExpressionError:
    problem = ExpressionError(message)
    problem.at = max(0, offset)
    return problem


BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: operator.mod,
}
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
CONSTANTS: dict[str, int | float | str | bool] = {"true": True, "false": False, "inf": math.inf}
_NAMED_SYNTAX: dict[type[ast.AST], str] = {
    ast.Attribute: "attribute access (.)",
    ast.Subscript: "subscripts ([...])",
    ast.Lambda: "lambda",
    ast.ListComp: "comprehensions",
    ast.SetComp: "comprehensions",
    ast.DictComp: "comprehensions",
    ast.GeneratorExp: "comprehensions",
    ast.JoinedStr: "f-strings",
    ast.NamedExpr: "assignments (:=)",
    ast.Starred: "stars",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
    ast.List: "lists",
    ast.Tuple: "tuples",
    ast.Set: "sets",
    ast.Dict: "dictionaries",
}


def problems_in(tree: ast.expr, names: Mapping[str, object], functions: Mapping[str, object]) -> list[ExpressionError]:
    """Everything wrong with an expression that can be seen without evaluating it."""
    found: list[ExpressionError] = []
    stack: list[tuple[ast.expr, int]] = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            return [ExpressionError(f"nested more than {MAX_DEPTH} levels deep", node)]
        problem = _problem(node, names, functions)
        if problem is not None:
            found.append(problem)
        else:
            stack += [(child, depth + 1) for child in _operands(node)]
    return sorted(found, key=lambda problem: problem.at)


def _operands(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.Call):
        return node.args
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]


def _problem(node: ast.expr, names: Mapping[str, object], functions: Mapping[str, object]) -> ExpressionError | None:
    match node:
        case ast.Constant(value=bool() | int() | float() | str()) | ast.IfExp() | ast.BoolOp():
            return None
        case ast.Constant():
            return ExpressionError(f"{node.value!r:.40} is not a number", node)
        case ast.Name():
            return _name_problem(node, names, functions)
        case ast.BinOp(op=op) if type(op) in BINARY or isinstance(op, ast.Pow):
            return None
        case ast.UnaryOp(op=op) if type(op) in UNARY or isinstance(op, ast.Not):
            return None
        case ast.Compare(ops=ops) if all(type(op) in COMPARE for op in ops):
            return None
        case ast.Call(func=ast.Name(id=name)):
            if name not in functions:
                return ExpressionError(f"there is no function {name!r}", node, did_you_mean(name, functions))
            return ExpressionError(f"{name}() takes plain arguments only", node) if node.keywords else None
        case ast.Call():
            return ExpressionError("only a function's name can be called", node, did_you_mean("", functions))
        case _:
            kind = _NAMED_SYNTAX.get(type(node), "this operator")
            return ExpressionError(
                f"{kind} cannot be used here",
                node,
                "expected numbers, names, + - * / // % **, comparisons and functions",
            )


def _name_problem(
    node: ast.Name, names: Mapping[str, object], functions: Mapping[str, object]
) -> ExpressionError | None:
    if node.id in names:
        value = names[node.id]
        return (
            None
            if isinstance(value, int | float | str)
            else ExpressionError(f"{node.id!r} is {shown(value)}; expected a number", node)
        )
    if node.id in CONSTANTS:
        return None
    if node.id in functions:
        return ExpressionError(f"{node.id!r} is a function; expected {node.id}(...)", node)
    return ExpressionError(f"there is no name {node.id!r}", node, did_you_mean(node.id, [str(name) for name in names]))
