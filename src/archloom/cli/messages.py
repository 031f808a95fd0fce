"""What goes to stderr: faults with the line they stand on, warnings, and bugs of ours."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any, TextIO

from archloom.errors import ArchloomError, Fault, InfeasibleError, InputError, Place

__all__ = ["note", "print_bug", "print_error", "print_misuse", "print_warning"]

RED, YELLOW, DIM = "1;31", "1;33", "2"
MOST_EXCERPTS = 20
LONGEST_LINE = 100
LARGEST_SOURCE = 2**22


def print_error(error: ArchloomError) -> None:
    """Print every fault on a line of its own, `error: file:line:column: message (hint)`, with the line in question below."""
    if isinstance(error, InputError):
        for at, fault in enumerate(error.faults):
            _say("error", RED, str(fault))
            if at < MOST_EXCERPTS:
                _excerpt(fault)
    else:
        _say("infeasible" if isinstance(error, InfeasibleError) else "error", RED, str(error))


def print_misuse(error: Any) -> None:
    """Print what is wrong with the command line itself, and where to read about it."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "archloom"
    message = " ".join(error.format_message().split()).rstrip(".")
    _say("error", RED, f"{message} (see {path} --help)")


def print_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Stands in for `warnings.showwarning`: the sentence alone, without where in our code it arose."""
    del category, filename, lineno, file, line
    _say("warning", YELLOW, str(message))


def note(message: str) -> None:
    """Print a remark about what is going on."""
    _say("", DIM, message)


def print_bug(error: Exception, *, verbose: bool) -> None:
    """Say that this is not the user's fault, and how to tell us."""
    if verbose:
        traceback.print_exception(error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    _say("bug", RED, f"{type(error).__name__}: {error} (in {Path(where.filename).name}:{where.lineno})")
    more = "" if verbose else ", with what the same command prints with --verbose"
    note(f"This is a mistake in archloom, not in your files. Please report it{more}.")


def _say(word: str, colour: str, message: str) -> None:
    text = "\n".join(_harmless(line) for line in message.split("\n"))
    if word:
        _write(f"{_coloured(f'{word}:', colour)} {text}")
    else:
        _write(_coloured(text, colour))


def _write(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _harmless(text: str) -> str:
    """Control characters of a hostile file shall not reach the terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def _coloured(text: str, colour: str) -> str:
    if os.environ.get("NO_COLOR") or not sys.stderr.isatty():
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"


def _excerpt(fault: Fault) -> None:
    """The line that a fault points at, with a mark below the column."""
    line = _source_line(fault.place) if fault.place else None
    if line is None or fault.place is None:
        return
    start = max(0, fault.place.column - LONGEST_LINE // 2) if len(line) > LONGEST_LINE else 0
    shown = _harmless(line[start : start + LONGEST_LINE].replace("\t", " "))
    margin = f"{fault.place.line:>6} | "
    _write(_coloured(f"{margin}{shown}", DIM))
    column = fault.place.column - 1 - start
    if 0 <= column <= len(shown):
        _write(_coloured(f"{' ' * (len(margin) - 2)}| {' ' * column}^", DIM))


def _source_line(place: Place) -> str | None:
    path = Path(place.source)
    try:
        if not place.line or not path.is_file() or path.stat().st_size > LARGEST_SOURCE:
            return None
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, ValueError):
        return None
    return lines[place.line - 1].rstrip() if place.line <= len(lines) else None
