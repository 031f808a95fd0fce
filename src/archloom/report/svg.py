"""The few shapes that the drawings are made of, as SVG text with every name escaped."""

from __future__ import annotations

from html import escape

from archloom.report.names import printable
from archloom.workload.einsum import Workload

__all__ = [
    "BANDS",
    "INK",
    "LEAKAGE_COLOUR",
    "LINE",
    "MACS_COLOUR",
    "MONO",
    "PAPER",
    "QUIET",
    "ROLE_COLOURS",
    "SANS",
    "TENSOR_COLOURS",
    "circle",
    "drawing",
    "line",
    "rect",
    "tag",
    "tensor_colours",
    "text",
    "titled",
]

INK, QUIET, LINE, PAPER = "#1f2430", "#6b7280", "#d7dbe2", "#ffffff"
BANDS = ("#f6f8fb", "#ffffff")
"""Backgrounds of every second level."""
TENSOR_COLOURS = ("#2563a8", "#1c8a5a", "#c2571a", "#8a4fa3", "#b08900", "#3a8fb7")
ROLE_COLOURS: dict[str, str] = dict(zip(("weight", "input", "output"), TENSOR_COLOURS, strict=False))
"""What the first tensor of each role is drawn in, so that it is the same in every layer of a network."""
MACS_COLOUR, LEAKAGE_COLOUR = "#5b6472", "#c9ced6"
SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def tensor_colours(workload: Workload) -> dict[str, str]:
    """A colour for each tensor: that of its role, for the first with this role; further ones take those that are left."""
    free, found = list(TENSOR_COLOURS[len(ROLE_COLOURS) :]), dict[str, str]()
    for at, tensor in enumerate(workload.tensors):
        colour = ROLE_COLOURS[tensor.role]
        if colour in found.values():
            colour = free.pop(0) if free else TENSOR_COLOURS[at % len(TENSOR_COLOURS)]
        found[tensor.name] = colour
    return found


def tag(name: str, *children: str, **attributes: str | float | None) -> str:
    """An element; an underscore in an attribute's name is a hyphen, one at its end is dropped, None leaves it out."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    body = "".join(children)
    return f"<{name}{shown}>{body}</{name}>" if body else f"<{name}{shown}/>"


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def drawing(width: float, height: float, label: str, *children: str) -> str:
    """A whole picture on white, that scales down with its page; `label` is for those who hear it read."""
    ground = rect(0, 0, width, height, fill=PAPER, rx=8)
    return tag(
        "svg",
        tag("title", escape(printable(label))),
        ground,
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        width=width,
        height=height,
        role="img",
        style="max-width:100%;height:auto",
        font_family=SANS,
        font_size=13.0,
        fill=INK,
    )


def titled(words: str) -> str:
    """What appears on hovering over the element that this is put into; lines are kept."""
    return tag("title", escape("\n".join(map(printable, words.split("\n")))))


def text(
    x: float, y: float, content: str, *, title: str | None = None, note: str = "", **attributes: str | float | None
) -> str:
    """Text with its baseline at `y`; `title` appears on hovering, `note` follows in small print."""
    inner = [escape(printable(content))]
    if title:
        inner.append(titled(title))
    if note:
        inner.append(tag("tspan", escape(printable(note)), dx=8, font_size=11, font_weight="400", fill=QUIET))
    return tag("text", *inner, x=x, y=y, **attributes)


def rect(
    x: float, y: float, width: float, height: float, *, title: str | None = None, **attributes: str | float | None
) -> str:
    """A box; `title` appears on hovering."""
    inner = (titled(title),) if title else ()
    return tag("rect", *inner, x=x, y=y, width=width, height=height, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, **attributes: str | float | None) -> str:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, **attributes)


def circle(cx: float, cy: float, r: float, **attributes: str | float | None) -> str:
    """A circle."""
    return tag("circle", cx=cx, cy=cy, r=r, **attributes)
