"""MAESTRO's files as words with their places: what separates words, and where a comment starts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from archloom.errors import Place

__all__ = ["Word", "words_of"]

WORD = re.compile(r"[{}]|[^{}\s,\->():;]+")
"""Braces stand alone; a minus is a separator too, so that nothing is negative and `Conv2d-7` is two words."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a file; the empty word stands for the end of the file."""

    text: str
    place: Place

    @property
    def shown(self) -> str:
        return repr(self.text) if self.text else "the end of the file"


def words_of(text: str, source: str) -> list[Word]:
    """Split a text into words; braces stand alone, and `//` at the start of a word hides the rest of its line."""
    found: list[Word] = []
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        for match in WORD.finditer(line):
            if match[0].startswith("//"):
                break
            found.append(Word(match[0], Place(source, number, match.start() + 1)))
    found.append(Word("", Place(source, len(lines), len(lines[-1]) + 1)))
    return found
