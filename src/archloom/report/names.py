"""Names from files, made fit to be shown: no control characters, and no longer than there is room."""

from __future__ import annotations

__all__ = ["clip", "printable", "squeeze"]


def printable(name: str) -> str:
    """The name with a mark in place of each character that a terminal or XML would choke on, or obey."""
    return "".join(c if c.isprintable() else "\ufffd" for c in name)


def clip(name: str, characters: int) -> str:
    """The name in at most so many printable characters."""
    return printable(name if len(name) <= characters else name[: characters - 1] + "…")


def squeeze(name: str, characters: int) -> str:
    """The name in at most so many printable characters, with its end: names of a kind often differ there."""
    if len(name) <= characters:
        return printable(name)
    end = (characters - 1) * 3 // 5
    return printable(f"{name[: characters - 1 - end]}…{name[-end:]}")
