"""A study as one HTML page: the best design beside the baseline, the front, sensitivity, convergence, the winner's file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import archloom
from archloom.errors import ArchloomError
from archloom.exploration.study import Study
from archloom.report.pages import markup, page_script, templates
from archloom.report.study_area import draw_areas
from archloom.report.study_drawings import breakdown, convergence, fronts, parallel
from archloom.report.study_figures import StudyFigures
from archloom.report.study_profiles import draw_profiles
from archloom.report.study_quantities import gain_of, number_text
from archloom.report.study_race import race_names, race_rows
from archloom.report.study_sensitivity import profiles_of, sensitivity_of
from archloom.report.study_tables import best_table, miss_rows, network_table, parameter_rows
from archloom.report.study_words import (
    aims_words,
    designs_words,
    ended_words,
    gain_sentences,
    space_words,
    strategy_of,
    subject_words,
)
from archloom.report.theme import dark_style

__all__ = ["render"]

ROWS, REASONS, PROFILES, MISSES = 60, 20, 12, 10
"""So many designs of the front, reasons of failures, charts of parameters, and designs just over budget are shown."""


def render(study: Study, others: Sequence[Study] = (), *, version: str = "") -> str:
    """The page of a study, which loads nothing; `others` are searches of the same space, which are set beside it.

    Raises InputError for others that search for something else.
    """
    figures = StudyFigures(study)
    named = race_names([figures, *map(StudyFigures, others)])
    version = version or archloom.__version__
    profiles = profiles_of(figures)
    drawings, front_note = fronts(figures)
    lines, parallel_note = parallel(figures, profiles)
    table = best_table(figures)
    portraits = figures.portraits
    return (
        templates()
        .get_template("study.html.j2")
        .render(
            name=study.name,
            subject=subject_words(figures),
            progress=figures.progress,
            judged=designs_words(figures.progress.designs),
            best=figures.best,
            facts=_facts(figures),
            table=table,
            gain_text=gain_sentences(figures),
            parameters=parameter_rows(figures),
            networks=network_table(figures),
            portraits=[portrait.label for portrait in portraits],
            breakdown=[(name, [markup(drawing) for drawing in parts]) for name, parts in breakdown(portraits)],
            areas=markup(draw_areas([(portrait.label, portrait.area_by_level) for portrait in portraits])),
            several=len(figures.objectives) > 1,
            fronts=[markup(drawing) for drawing in drawings],
            front_note=front_note,
            **_front_table(figures),
            parallel=markup(lines),
            parallel_note=parallel_note,
            objective=figures.objectives[0].name if figures.objectives else "",
            is_least=not figures.objectives or figures.objectives[0].least,
            profiles=markup(draw_profiles(profiles[:PROFILES], _axis_name(figures)) if profiles else ""),
            axis=_axis_name(figures),
            sensitivity=[sensitivity_of(profile, figures.objectives[0]) for profile in profiles],
            profiles_left=max(0, len(profiles) - PROFILES),
            convergence=markup(convergence(named)),
            race=race_rows(named) if others else [],
            race_aims=[quantity.name for quantity in figures.objectives],
            yaml=_yaml(study, figures),
            misses=miss_rows(figures, MISSES),
            failures=list(figures.failures().items())[:REASONS],
            failures_left=max(0, len(figures.failures()) - REASONS),
            made=_made(study, version),
            version=version,
            dark=markup(dark_style()),
            **page_script(),
        )
    )


@dataclass(frozen=True, slots=True)
class Fact:
    """A card: what, how much, and a remark."""

    name: str
    value: str
    note: str


def _facts(figures: StudyFigures) -> list[Fact]:
    now = figures.progress
    over = now.designs - now.feasible - now.failed
    notes = [f"{over:,} over budget" if over else "", f"{now.failed:,} without an answer" if now.failed else ""]
    none = "" if figures.inputs["budget"] else "no budget is given"
    facts = [
        Fact("designs judged", f"{now.designs:,}", space_words(figures)),
        Fact("within budget", f"{now.feasible:,}", ", ".join(filter(None, notes)) or none),
    ]
    for quantity in figures.objectives[:3]:
        row = figures.best_of(quantity)
        if row is not None:
            value = float(figures.shown(quantity)[row])
            note = f"design {figures.number(row)}"
            base = (figures.baseline or {}).get(quantity.column)
            if base is not None:
                shown = float(base) * quantity.sign
                note += f"; the baseline has {quantity.write(shown)}: {gain_of(quantity, (shown, value))[0]}"
            word = "least" if quantity.least else "most"
            facts.append(Fact(f"{word} {quantity.name}", quantity.write(value), note))
    spent = f"{number_text(now.designs / now.cpu_s)} designs per CPU-second" if now.cpu_s else ""
    facts.append(Fact("CPU time", f"{number_text(now.cpu_s)} s", spent))
    return facts


def _front_table(figures: StudyFigures) -> dict[str, Any]:
    """Heads and rows, each cell as (by what it is sorted, text)."""
    scales = [(quantity, *quantity.scale(figures.shown(quantity)[figures.front])) for quantity in figures.plane]
    heads = [quantity.titled(unit) for quantity, _, unit in scales]
    rows: list[list[tuple[object, str]]] = []
    for row in figures.front[:ROWS]:
        values = [float(figures.shown(quantity)[row]) * factor for quantity, factor, _ in scales]
        shown = figures.values(row)
        rows.append(
            [
                (figures.number(row), str(figures.number(row))),
                *((value, number_text(value)) for value in values),
                *((_sorted_by(figures, name, row), value) for name, value in shown.items()),
            ]
        )
    left = max(0, len(figures.front) - ROWS)
    return {"front_heads": [*heads, *figures.parameters], "front_rows": rows, "front_left": left}


def _sorted_by(figures: StudyFigures, name: str, row: int) -> object:
    value = figures.frame[f"p:{name}"][row]
    return "" if value is None else value


def _axis_name(figures: StudyFigures) -> str:
    """The first objective with the unit in which it is drawn."""
    if not figures.objectives:
        return ""
    quantity = figures.objectives[0]
    return quantity.titled(quantity.scale(figures.shown(quantity)[figures.feasible])[1])


def _yaml(study: Study, figures: StudyFigures) -> str:
    """The file of the best design, "" where there is none, or it is not known."""
    try:
        return "" if figures.request is None else study.winner_yaml() or ""
    except ArchloomError:
        return ""


def _made(study: Study, version: str) -> dict[str, str]:
    inputs = study.manifest["inputs"]
    mapping = inputs["mapping"]
    options = [f"{name} {value}" for name, value in inputs["search"]["options"].items()]
    kept = [
        f"{part['name']} = {part['expression']}" for part in inputs["objectives"] if part["name"] != part["expression"]
    ]
    limits = {"cuts": mapping["cuts"] != "level", "padding": mapping["padding"], "drain_reads": mapping["drain_reads"]}
    more = [f"{name} {mapping[name]}" if name == "cuts" else name for name, said in limits.items() if said]
    made = {
        "command": study.manifest.get("command") or "",
        "networks": ", ".join(f"{entry['name']} (weight {entry['weight']:g})" for entry in inputs["networks"]),
        "objectives": aims_words(inputs["objectives"]) + (f" ({'; '.join(kept)})" if kept else ""),
        "budget": "; ".join(inputs["budget"]),
        "constraints": "; ".join(inputs["constraints"]),
        "strategy": ", ".join([strategy_of(study), *options]),
        "seed": str(study.manifest.get("seed", "")),
        "mappings": ", ".join([f"{mapping['kind']}, by {mapping['objective']}", *more]),
        "ended": "it is still running" if study.progress.running else ended_words(study),
        "inputs": f"SHA-256 {study.manifest['inputs_sha256'][:16]}",
        "versions": ", ".join(f"{name} {number}" for name, number in study.manifest["versions"].items() if number),
        "page": f"archloom {version}",
    }
    return {name: value for name, value in made.items() if value}
