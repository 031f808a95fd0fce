"""A study in a terminal: the best design beside the baseline, the front, what each parameter matters, and what failed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from archloom.exploration.study import Study
from archloom.report.mapping_terminal import grid
from archloom.report.names import clip, printable, squeeze
from archloom.report.study_figures import StudyFigures
from archloom.report.study_quantities import number_text
from archloom.report.study_race import race_names, race_rows
from archloom.report.study_sensitivity import profiles_of, sensitivity_of
from archloom.report.study_tables import BestTable, Gain, best_table, miss_rows, network_table, parameter_rows
from archloom.report.study_words import designs_words, ended_words, gain_sentences, space_words, subject_words
from archloom.report.styles import QUIET

__all__ = ["show", "show_race"]

NARROWEST, WIDEST, WIDE = 80, 110, 106
FRONT, REASONS, PARAMETERS, MISSES = 8, 5, 12, 3
"""So many designs of the front, reasons, parameters by what they matter, and designs just over budget are listed."""
TONES = {"good": "green", "bad": "yellow", "": QUIET}


def show(study: Study, console: Console) -> None:
    """Print the summary of a study, as wide as the console, 80 to 110 columns."""
    console.width = max(NARROWEST, min(console.width, WIDEST))
    figures = StudyFigures(study)
    now = figures.progress
    console.print(Text.assemble((printable(study.name), "bold"), (f": {subject_words(figures)}", QUIET)))
    state = "still running" if now.running else ended_words(study)
    space = space_words(figures)
    line = (
        f"{designs_words(now.designs)} judged{f' ({space})' if space else ''}, {now.feasible:,} within budget; {state}"
    )
    console.print(Text(line, QUIET))
    if figures.best is None:
        console.print(_none(figures))
    _print_sections(
        console,
        [
            (
                "" if figures.best is None else f"Best design: {figures.number(figures.best)}",
                _best(figures, console.width),
            ),
            ("Networks", _networks(figures)),
            (_front_title(figures), _front(figures)),
            ("Sensitivity", _sensitivity(figures)),
            ("Not within budget", _failures(figures)),
        ],
    )


def show_race(studies: Sequence[Study], console: Console) -> None:
    """Print several searches of the same space beside each other. Raises InputError where they search for different things."""
    console.width = max(NARROWEST, min(console.width, WIDEST))
    named = race_names([StudyFigures(study) for study in studies])
    first = named[0][1]
    console.print(Text.assemble((f"{len(named)} searches", "bold"), (f": {subject_words(first)}", QUIET)))
    heads = [(clip(f"best {quantity.name}", 22), "right") for quantity in first.objectives]
    table = grid(("", "left"), ("designs", "right"), *heads, ("found at", "right"), ("CPU time", "right"), gap=2)
    for racer in race_rows(named):
        table.add_row(squeeze(racer.name, 32), f"{racer.designs:,}", *racer.bests, racer.after, racer.cpu)
    console.print(Group(Text(""), table))


def _print_sections(console: Console, sections: Sequence[tuple[str, RenderableType | None]]) -> None:
    for name, body in sections:
        if body is not None:
            console.print(Group(Text(f"\n{name}", "bold"), body))


def _none(figures: StudyFigures) -> Text:
    """Why there is no best design, with the nearest misses."""
    from archloom.exploration.explore import why_none

    if not figures.progress.designs:
        return Text("\nno design has been judged yet", "yellow")
    lines = [f"\n{why_none(figures.study)}"]
    for number, values, _ in miss_rows(figures, MISSES)[:1]:
        lines.append(f"design {number}: " + ", ".join(f"{name} {value}" for name, value in values.items()))
    return Text("\n".join(map(_shown_lines, lines)), "yellow")


def _shown_lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def _best(figures: StudyFigures, width: int) -> RenderableType | None:
    """The best design; where it is narrow, of three gains only the whole one (the sentence below has all)."""
    table = best_table(figures)
    if not table.rows:
        return None
    first = len(table.gain_heads) - 1 if len(table.heads) > 2 and width < WIDE else 0
    heads = [(head, "right") for head in (*_short(table), *table.gain_heads[first:])]
    shown = grid(("", "left"), *heads, gap=1 if len(table.heads) > 2 else 2)
    lead, tail = len(table.heads) - 1, len(table.gain_heads) - first
    room = 18 if first else 30
    for name, before, after, _ in parameter_rows(figures):
        own = [Text("")] * max(0, lead - 1) + [Text(clip(before, 18), QUIET)] * min(1, lead)
        shown.add_row(squeeze(name, room), *own, clip(after, 18), *[""] * tail)
    for row in table.rows:
        *before, last = row.cells
        cells = [Text(cell, QUIET) for cell in before]
        shown.add_row(
            squeeze(row.name, room), *cells, Text(last, "bold" if row.aim else ""), *map(_gain, row.gains[first:])
        )
    best = figures.frame.row(figures.best or 0, named=True)
    proof = (
        "Each layer is at its proven best mapping."
        if best.get("proven")
        else "Not every mapping is proven to be the best."
    )
    return Group(shown, Text(f"{gain_sentences(figures)} {proof}".strip(), QUIET))


def _short(table: BestTable) -> list[str]:
    """The heads in few characters."""
    return [
        head.replace("baseline, best mapping", "best mapping").replace("baseline as given", "as given")
        for head in table.heads
    ]


def _gain(gain: Gain) -> Text:
    return Text(gain.text, TONES[gain.tone])


def _networks(figures: StudyFigures) -> RenderableType | None:
    """Two rows per network: its energy and its cycles."""
    rows = network_table(figures)
    if not rows:
        return None
    is_compared = bool(rows[0].gains)
    heads = ["baseline", "best design", "gain"] if is_compared else ["best design"]
    table = grid(("", "left"), ("", "left"), *((head, "right") for head in heads), gap=2)
    each = len(rows[0].cells) // 2
    for row in rows:
        for at, what in enumerate(("energy", "cycles")):
            cells = row.cells[at * each : (at + 1) * each]
            gains = [_gain(gain) for gain in row.gains[at : at + 1]]
            name = "" if at else squeeze(row.name, 32)
            table.add_row(name, what, *(Text(cell, QUIET) for cell in cells[:-1]), cells[-1], *gains)
    return table


def _front_title(figures: StudyFigures) -> str:
    many = len(figures.front)
    what = "Pareto front" if len(figures.objectives) > 1 else "Front of latency and energy"
    return f"{what}: {designs_words(many)}" + (f", {FRONT} of them" if many > FRONT else "")


def _front(figures: StudyFigures) -> RenderableType | None:
    front = figures.front
    if len(front) < 2:
        return None
    chosen = front if len(front) <= FRONT else [front[round(k * (len(front) - 1) / (FRONT - 1))] for k in range(FRONT)]
    scales = [(quantity, *quantity.scale(figures.shown(quantity)[chosen])) for quantity in figures.plane[:4]]
    heads = [clip(quantity.titled(unit), 24) for quantity, _, unit in scales]
    table = grid(("design", "right"), *((head, "right") for head in heads), ("", "left"), gap=2)
    table.columns[-1].no_wrap = False
    short = _short_names(figures.parameters)
    for row in chosen:
        values = [number_text(float(figures.shown(quantity)[row]) * factor) for quantity, factor, _ in scales]
        words = ", ".join(f"{short[name]} {value}" for name, value in figures.values(row).items())
        table.add_row(str(figures.number(row)), *values, Text(printable(words), QUIET))
    return table


def _short_names(names: Sequence[str]) -> dict[str, str]:
    """Each path by as many of its last words as tell it from the others: `GLB.size` for `levels.GLB.size`."""
    found: dict[str, str] = {}
    for name in names:
        steps = name.split(".")
        ends = [".".join(steps[-many:]) for many in range(1, len(steps) + 1)]
        found[name] = next(
            (end for end in ends if sum(other == end or other.endswith(f".{end}") for other in names) == 1), name
        )
    return found


def _sensitivity(figures: StudyFigures) -> RenderableType | None:
    profiles = profiles_of(figures)
    if not profiles:
        return None
    table = grid(("", "left"), ("best", "right"), ("one step off", "right"), ("worst", "right"), ("", "left"), gap=2)
    for profile in profiles[:PARAMETERS]:
        row = sensitivity_of(profile, figures.objectives[0])
        worst = Text(f"at {clip(row.value, 16)}" if row.value else "", QUIET)
        table.add_row(squeeze(row.name, 30), clip(row.best, 14), row.step, row.worst, worst)
    if len(profiles) > PARAMETERS:
        table.add_row(Text(f"and {len(profiles) - PARAMETERS} that matter less", QUIET))
    return table


def _failures(figures: StudyFigures) -> RenderableType | None:
    failures = figures.failures()
    if not failures:
        return None
    table = grid(("", "right"), ("", "left"))
    table.columns[-1].no_wrap = False
    for reason, many in list(failures.items())[:REASONS]:
        table.add_row(f"{many:,}", _shown_lines(reason))
    if len(failures) > REASONS:
        table.add_row("", Text(f"and {len(failures) - REASONS} other reasons", QUIET))
    return table
