"""Dark pages: the drawings keep the colours of paper, and a page that is shown in the dark replaces each of them."""

from __future__ import annotations

from archloom.report import svg

__all__ = ["dark_style"]

DARK_TENSORS = ("#6ba6e6", "#4cbf8a", "#e98a4d", "#bf8ad6", "#d6b23c", "#6fc0e4")
DARK = {
    svg.INK: "#e4e8ef",
    svg.QUIET: "#9aa5b6",
    svg.LINE: "#343c49",
    svg.BANDS[0]: "#1d232d",
    svg.PAPER: "#171c24",
    svg.MACS_COLOUR: "#98a3b3",
    svg.LEAKAGE_COLOUR: "#566072",
    **dict(zip(svg.TENSOR_COLOURS, DARK_TENSORS, strict=True)),
}
"""What stands for each colour of the drawings in the dark."""
PAGE = (
    "body { background: #0e1116; color-scheme: dark; }",
    f".archloom {{ --ink: {DARK[svg.INK]}; --quiet: {DARK[svg.QUIET]}; --line: {DARK[svg.LINE]}; --rule: #272e39; --paper: {DARK[svg.PAPER]}; }}",
    ".archloom { --accent: #6ba6e6; --tint: #1d232d; --share: #2b4a6b; --good: #4cbf8a; --open: #e98a4d; }",
)


def dark_style() -> str:
    """A style sheet for pages that have drawings, for screens of people who like it dark; paper stays white."""
    rules = [*PAGE]
    for colour, dark in DARK.items():
        rules += [
            f'svg [fill="{colour}"], svg[fill="{colour}"] {{ fill: {dark}; }}',
            f'svg [stroke="{colour}"] {{ stroke: {dark}; }}',
        ]
    # words on a coloured ground
    rules.append(f'svg text[fill="{svg.PAPER}"] {{ fill: #10141a; }}')
    return "@media screen and (prefers-color-scheme: dark) {\n" + "\n".join(rules) + "\n}"
