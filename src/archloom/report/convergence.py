"""How searches went on: the best mapping known and the bound proven, over the time, as series and as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from archloom.report import svg, units
from archloom.report.names import clip
from archloom.search.events import Event, LayerDone, LayerStarted, LayerStatus

__all__ = ["Course", "Moment", "courses", "draw_course"]


@dataclass(frozen=True, slots=True)
class Moment:
    """After so many seconds of search: the objective of the best mapping known (infinite: none yet), and the bound."""

    seconds: float
    objective: float
    bound: float


@dataclass
class Course:
    """All that was heard of the search for one layer, in order; searches that were taken up again follow each other."""

    layer: str
    moments: list[Moment] = field(default_factory=list[Moment])
    finished: bool = False
    before_s: float = 0.0

    def add(self, seconds: float, objective: float, bound: float) -> None:
        """Take note of a moment; of those that say the same as their neighbours nothing is kept. Bounds only rise."""
        last = self.moments[-1] if self.moments else Moment(0.0, math.inf, 0.0)
        objective, bound = min(objective, last.objective), max(bound, last.bound)
        moment = Moment(self.before_s + seconds, objective, bound)
        if len(self.moments) > 1 and (last.objective, last.bound) == (objective, bound):
            before = self.moments[-2]
            if (before.objective, before.bound) == (objective, bound):
                self.moments[-1] = moment
                return
        self.moments.append(moment)


def courses(events: Iterable[Event]) -> dict[str, Course]:
    """The course of every layer that was searched, from the events that a search tells."""
    found: dict[str, Course] = {}
    for event in events:
        if isinstance(event, LayerStarted):
            course = found.setdefault(event.layer, Course(event.layer))
            course.before_s = course.moments[-1].seconds if course.moments else 0.0
        elif isinstance(event, LayerStatus):
            found.setdefault(event.layer, Course(event.layer)).add(event.elapsed_s, event.objective, event.bound)
        elif isinstance(event, LayerDone):
            course = found.setdefault(event.layer, Course(event.layer))
            course.add(event.elapsed_s, event.objective, event.bound)
            course.finished = event.finished
    return found


WIDTH, HEIGHT = 278.0, 138.0
LEFT, RIGHT, TOP, BOTTOM = 34.0, 10.0, 30.0, 24.0
BEST_COLOUR, BOUND_COLOUR = svg.TENSOR_COLOURS[2], svg.TENSOR_COLOURS[0]
HIGHEST = 1.6
"""Where a mapping is so many times as bad as the best, the picture ends."""


def draw_course(course: Course) -> str | None:
    """The best mapping known coming down, the bound coming up, as parts of the final best; None where no mapping was found."""
    best = course.moments[-1].objective if course.moments else math.inf
    if not 0 < best < math.inf:
        return None
    end = course.moments[-1].seconds or 1e-9
    known = [moment.objective / best for moment in course.moments if moment.objective < math.inf]
    top = min(HIGHEST, max([1.15, *known]))

    def place(moment: Moment, value: float) -> tuple[float, float]:
        share = min(top, max(0.0, value / best)) / top
        x = LEFT + moment.seconds / end * (WIDTH - LEFT - RIGHT)
        return x, HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    upper = _steps([place(m, m.objective) for m in course.moments if m.objective < math.inf])
    lower = _steps([place(m, m.bound) for m in course.moments])
    note = "proven" if course.finished else f"gap {units.percent(1 - course.moments[-1].bound / best)}"
    one = place(course.moments[-1], best)[1]
    parts = [
        svg.text(LEFT - 24, 18, clip(course.layer, 24), title=course.layer, note=note, font_size=12.0, font_weight="600"),
        svg.line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, stroke=svg.LINE),
        svg.line(LEFT, one, WIDTH - RIGHT, one, stroke=svg.LINE, stroke_dasharray="2 3"),
        _small(LEFT - 6, one + 4, "1", "end"),
        _small(LEFT - 6, HEIGHT - BOTTOM + 3, "0", "end"),
        _small(LEFT, HEIGHT - 8, "0", "middle"),
        _small(WIDTH - RIGHT, HEIGHT - 8, f"{end:.3g} s", "end"),
        svg.tag("polyline", points=lower, fill="none", stroke=BOUND_COLOUR, stroke_width=1.8),
        svg.tag("polyline", points=upper, fill="none", stroke=BEST_COLOUR, stroke_width=1.8),
        svg.circle(*place(course.moments[-1], course.moments[-1].bound), 2.5, fill=BOUND_COLOUR),
        svg.circle(*place(course.moments[-1], best), 2.5, fill=BEST_COLOUR),
    ]
    return svg.drawing(WIDTH, HEIGHT, f"Search for {course.layer}: best mapping and bound over the time", *parts)


def _small(x: float, y: float, words: str, anchor: str) -> str:
    return svg.text(x, y, words, text_anchor=anchor, font_size=10.5, fill=svg.QUIET)


def _steps(points: list[tuple[float, float]]) -> str:
    """The corners of a line that keeps its height until the next point."""
    corners: list[tuple[float, float]] = []
    for x, y in points:
        if corners:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
