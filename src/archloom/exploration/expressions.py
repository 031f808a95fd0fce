"""Expressions over columns: the arithmetic of input files for many designs at once, with the same whitelist of syntax."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from archloom.errors import Fault, InputError, Place
from archloom.exploration.column_arithmetic import ARITIES, Undefined, compute
from archloom.exploration.names import DottedNames
from archloom.spec.expression_syntax import CONSTANTS, ExpressionError, parse_expression, problems_in

__all__ = ["UNIT_CONSTANTS", "Expression", "Undefined", "read_expression"]

UNIT_CONSTANTS: dict[str, float] = {
    "bit": 1,
    "byte": 8,
    "B": 8,
    "KiB": 8 * 2**10,
    "MiB": 8 * 2**20,
    "GiB": 8 * 2**30,
    "Hz": 1,
    "kHz": 1e3,
    "MHz": 1e6,
    "GHz": 1e9,
}
"""Names that any expression knows: sizes are in bits and frequencies in Hz."""


@dataclass(frozen=True)
class Expression:
    """An expression that has been checked: its text as written, where it stands, and the names that it refers to."""

    text: str
    names: frozenset[str]
    coded: str
    codes: tuple[tuple[str, str], ...]
    place: Place | None = None

    def __call__(self, columns: Mapping[str, Any], *, strict: bool = True) -> Any:
        """The values [B] over columns [B]: float64, or booleans where the expression is a comparison.

        A value that does not exist, such as a division by zero, raises `Undefined` with its row; if not `strict`, it is nan.
        """
        tree = _tree(self.coded)
        known: dict[str, Any] = dict(UNIT_CONSTANTS)
        known |= {code: columns[name] for name, code in self.codes}
        return compute(tree, known, strict=strict)

    @property
    def is_test(self) -> bool:
        """Whether it is true or false rather than a number."""
        return _is_test(_tree(self.coded))

    def __str__(self) -> str:
        return self.text


def read_expression(text: str, known: Iterable[str], place: Place | None = None) -> Expression:
    """Check an expression over the names `known` (dots and all), UNIT_CONSTANTS and the functions of input files.

    Raises InputError with every fault, at the character of `place` where it is, with the nearest name.
    """
    names = list(known)
    dotted = DottedNames(names)
    coded = dotted.encode(text)
    back = {dotted.coded[name]: name for name in reversed(names)}
    try:
        tree = parse_expression(coded)
        problems = problems_in(tree, {**dict.fromkeys(back, 1), **dict.fromkeys(UNIT_CONSTANTS, 1)}, ARITIES)
        problems += _wrong_arities(tree)
    except ExpressionError as problem:
        problems = [problem]
    if problems:
        raise dotted.decoded(InputError([_fault(text, problem, place) for problem in problems]))
    used = {node.id for node in ast.walk(_tree(coded)) if isinstance(node, ast.Name)} & back.keys()
    codes = tuple(sorted((back[code], code) for code in used))
    return Expression(text, frozenset(name for name, _ in codes), coded, codes, place)


@lru_cache(maxsize=4096)
def _tree(coded: str) -> ast.expr:
    return parse_expression(coded)


def _is_test(tree: ast.expr) -> bool:
    if isinstance(tree, ast.IfExp):
        return _is_test(tree.body) and _is_test(tree.orelse)
    if isinstance(tree, ast.UnaryOp):
        return isinstance(tree.op, ast.Not)
    if isinstance(tree, ast.Name):
        return isinstance(CONSTANTS.get(tree.id), bool)
    return isinstance(tree, ast.Compare | ast.BoolOp) or (
        isinstance(tree, ast.Constant) and isinstance(tree.value, bool)
    )


def _wrong_arities(tree: ast.expr) -> list[ExpressionError]:
    found: list[ExpressionError] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ARITIES:
            least, most = ARITIES[node.func.id]
            if not least <= len(node.args) <= most:
                wanted = f"{least}" if least == most else f"{least} or more" if most > 2 else f"{least} to {most}"
                numbers = "number" if wanted == "1" else "numbers"
                found.append(
                    ExpressionError(f"{node.func.id}() takes {wanted} {numbers}, {len(node.args)} given", node)
                )
    return found


def _fault(text: str, problem: ExpressionError, place: Place | None) -> Fault:
    shown = text if len(text) <= 80 else text[:77] + "..."
    where = Place(place.source, place.line, place.column + problem.at) if place and place.line else place
    return Fault(f"in the expression {shown!r}: {problem}", where, problem.hint)
