"""Small charts as SVG of what each value of each parameter costs at best."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from archloom.report import svg
from archloom.report.names import clip, squeeze
from archloom.report.study_axes import Axis, axis_of
from archloom.report.study_charts import BLUE, ORANGE, WIDTH, legend
from archloom.report.study_sensitivity import Profile

__all__ = ["draw_profiles"]

MARGIN, SIDE_BY_SIDE, HIGH = 16.0, 3, 190.0


def draw_profiles(profiles: Sequence[Profile], objective: str) -> str:
    """Small charts side by side, all with the same vertical axis; values of words are dots without a line."""
    known = [value for profile in profiles for value in (*profile.least, *profile.alone) if math.isfinite(value)]
    wide = (WIDTH - 2 * MARGIN) / SIDE_BY_SIDE
    rows = math.ceil(len(profiles) / SIDE_BY_SIDE)
    parts = list(legend([("best design with this value", BLUE), ("best design, only this value changed", ORANGE)], 74))
    for at, profile in enumerate(profiles):
        left, top = MARGIN + (at % SIDE_BY_SIDE) * wide, 40 + (at // SIDE_BY_SIDE) * HIGH
        y = axis_of(known, top + HIGH - 52, top + 26)
        parts += _profile(profile, y, left + 58, left + wide - 16, top, top + HIGH - 52)
    return svg.drawing(WIDTH, 44 + rows * HIGH, f"The best {objective} for each value of each parameter", *parts)


def _profile(profile: Profile, y: Axis, left: float, right: float, top: float, bottom: float) -> Iterator[str]:
    many = len(profile.values)
    place = [left + (at + 0.5) * (right - left) / many for at in range(many)]
    yield svg.text(left, top + 14, squeeze(profile.name, 38), title=profile.name, font_weight="600", font_size=12.0)
    for value, words in y.marks():
        yield svg.line(left, y(value), right, y(value), stroke=svg.LINE)
        yield svg.text(left - 6, y(value) + 4, words, text_anchor="end", font_size=10.0, fill=svg.QUIET)
    yield from _names(profile, place, bottom, (right - left) / many)
    # orange is the larger, below, so that both are seen where they are one
    yield from _run(place, profile.alone, y, ORANGE, profile, wider=1.8)
    yield from _run(place, profile.least, y, BLUE, profile, wider=0.0)


def _names(profile: Profile, place: Sequence[float], bottom: float, step: float) -> Iterator[str]:
    """The values below, as many as there is room for, that of the best design always and bold."""
    room = max(4, int(step / 6.0)) if len(place) <= 8 else 10
    shown = [clip(value, room) for value in profile.values]
    every = max(1, math.ceil(6.2 * (max(map(len, shown)) + 1) / step))
    for at, words in enumerate(shown):
        is_chosen = at == profile.chosen
        if is_chosen or (at % every == 0 and abs(at - profile.chosen) >= every):
            weight = "700" if is_chosen else None
            style = {"text_anchor": "middle", "font_size": 10.0, "font_weight": weight}
            yield svg.text(place[at], bottom + 16, words, title=profile.values[at], **style)


def _run(
    place: Sequence[float], figures: Sequence[float], y: Axis, colour: str, profile: Profile, *, wider: float
) -> Iterator[str]:
    points = [(at, y(value), value) for at, value in enumerate(figures) if math.isfinite(value)]
    if len(points) > 1 and profile.is_ordered:
        path = "M" + "L".join(f"{place[at]:.1f} {down:.1f}" for at, down, _ in points)
        dash = "4 3" if wider else None
        yield svg.tag("path", d=path, fill="none", stroke=colour, stroke_width=1.6, stroke_dasharray=dash)
    for at, down, value in points:
        title = svg.titled(f"{profile.name} = {profile.values[at]}: {profile.write(value)}")
        size = (4.6 if at == profile.chosen else 3.0) + wider
        yield svg.tag("circle", title, cx=place[at], cy=down, r=size, fill=colour)
