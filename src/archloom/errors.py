"""The errors a user can act on: a place, what was found, what was expected, the nearest valid name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["ArchloomError", "Fault", "InfeasibleError", "InputError", "Place", "did_you_mean", "nearest"]

LONGEST_NAME = 200
"""Spelling is compared over so many characters; hostile input may be a name of many megabytes."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a source text; line and column count from 1."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.source
        return f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: where, what, and what to do about it."""

    message: str
    place: Place | None = None
    hint: str | None = None

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.message}{hint}"


class ArchloomError(Exception):
    """Base of every error archloom raises on purpose; the command line prints it without a traceback."""

    exit_code = 2


class InputError(ArchloomError):
    """Bad input, with every fault found at once (exit code 2)."""

    exit_code = 2

    def __init__(
        self, faults: str | Fault | Iterable[Fault], place: Place | None = None, hint: str | None = None
    ) -> None:
        if isinstance(faults, str):
            faults = (Fault(faults, place, hint),)
        elif isinstance(faults, Fault):
            faults = (faults,)
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class InfeasibleError(ArchloomError):
    """The input is well-formed but has no legal answer, e.g. a tile that does not fit (exit code 1)."""

    exit_code = 1


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Return the valid name closest in spelling to `name` (case ignored), or None if none is close."""
    by_fold = {choice.casefold(): choice for choice in valid}
    found = difflib.get_close_matches(name[:LONGEST_NAME].casefold(), list(by_fold), n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """Return the hint 'did you mean X?' or, when nothing is close, the list of valid names."""
    choices = list(valid)
    close = nearest(name, choices)
    if close is not None:
        return f"did you mean {close!r}?"
    shown = ", ".join(choices[:12]) + (", ..." if len(choices) > 12 else "")
    return f"expected one of: {shown}" if choices else "nothing is defined here"
