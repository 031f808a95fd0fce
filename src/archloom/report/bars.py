"""Bars made of block characters, to an eighth of a column."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

__all__ = ["bar", "stacked_bar"]

FULL = "█"
EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def bar(share: float, width: int, style: str = "") -> Text:
    """A bar that fills `share` (0 to 1) of `width` columns; anything above nothing shows at least a sliver."""
    eighths = round(8 * width * min(1.0, max(0.0, share)))
    if share > 0:
        eighths = max(1, eighths)
    return Text(FULL * (eighths // 8) + EIGHTHS[eighths % 8], style)


def stacked_bar(shares: Sequence[float], styles: Sequence[str], width: int) -> Text:
    """One bar of `width` columns in pieces: each share (their sum at most 1) in its own style, in whole columns.

    The pieces are rounded so that the bar is as long as the rounded sum.
    """
    text, drawn, reached = Text(), 0, 0.0
    for share, style in zip(shares, styles, strict=True):
        reached += share
        columns = round(reached * width)
        text.append(FULL * (columns - drawn), style)
        drawn = columns
    if not drawn and reached:
        text.append(
            EIGHTHS[max(1, round(8 * reached * width) % 8)], styles[max(range(len(shares)), key=shares.__getitem__)]
        )
    return text
