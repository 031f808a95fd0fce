"""Names with dots in expressions: `levels.GLB.size` becomes an identifier of the same length, and itself again in messages."""

from __future__ import annotations

import re
from collections.abc import Iterable

from archloom.errors import Fault, InputError

__all__ = ["DottedNames"]

DOT = "\u02d1"
"""A letter to Python, which nobody types; it stands for whatever in a name is none."""

_QUOTED = r"'[^']*'|\"[^\"]*\""
_DOTTED = r"(?<![\w.])[^\W\d]\w*(?:\.\w+)+"


class DottedNames:
    """Puts identifiers for the dotted names in an expression, so that every other character stays where it was."""

    def __init__(self, known: Iterable[str]) -> None:
        self.coded = {name: re.sub(r"\W", DOT, name) for name in known}
        odd = sorted((name for name, coded in self.coded.items() if name != coded), key=len, reverse=True)
        names = "|".join(rf"(?<![\w.]){re.escape(name)}(?!\w|\.\w)" for name in odd)
        self._pattern = re.compile("|".join(part for part in (_QUOTED, names, _DOTTED) if part))
        self._names = {coded: name for name, coded in self.coded.items() if name != coded}

    def encode(self, text: str) -> str:
        """The expression in identifiers, character by character as long as before."""

        def identifier(match: re.Match[str]) -> str:
            found = match[0]
            return found if found[0] in "'\"" else re.sub(r"\W", DOT, found)

        return self._pattern.sub(identifier, text)

    def decode(self, text: str) -> str:
        """A text, such as a message, with the names as they were written."""
        if DOT not in text:
            return text
        for coded in sorted(self._names, key=len, reverse=True):
            text = text.replace(coded, self._names[coded])
        return text.replace(DOT, ".")

    def decoded(self, error: InputError) -> InputError:
        """The error in names as they were written."""
        faults = error.faults
        return InputError(
            [Fault(self.decode(f.message), f.place, None if f.hint is None else self.decode(f.hint)) for f in faults]
        )
