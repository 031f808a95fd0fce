"""The sentences of a study: what it is about, how far it is, and what was gained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from archloom.exploration.study import Study
from archloom.report import units
from archloom.report.study_figures import StudyFigures
from archloom.report.study_quantities import Quantity, gain_of

__all__ = [
    "aims_words",
    "designs_words",
    "ended_words",
    "gain_sentences",
    "space_words",
    "strategy_of",
    "subject_words",
]

ENDS = {
    "exhausted": "every design was judged, or the strategy has no more to propose",
    "dry": "the strategy proposed no new design any more",
    "evaluations": "as many designs as were asked for",
    "time": "the time limit",
    "stopped": "it was stopped; --resume goes on",
}


def strategy_of(study: Study) -> str:
    """The name of the strategy."""
    return str(study.manifest["inputs"].get("search", {}).get("strategy", "search"))


def designs_words(many: int) -> str:
    """A number of designs."""
    return f"{many:,} design{'' if many == 1 else 's'}"


def aims_words(aims: Sequence[Mapping[str, Any]]) -> str:
    """What is minimised and maximised: `the least energy and the most throughput`."""
    return " and ".join(f"the {'most' if aim['maximise'] else 'least'} {aim['name']}" for aim in aims)


def subject_words(figures: StudyFigures) -> str:
    """What is designed, for what."""
    inputs = figures.inputs
    names = [str(entry["name"]) for entry in inputs["networks"]]
    weights = {float(entry["weight"]) for entry in inputs["networks"]}
    suite = names[0]
    if len(names) > 1:
        kind = f"{'weighted ' if len(weights) > 1 else ''}{inputs['mean']} mean"
        suite = f"{', '.join(names[:-1])} and {names[-1]} ({kind})"
    limits = "; ".join(inputs["budget"])
    return f"{aims_words(inputs['objectives'])} of {suite}" + (f", within {limits}" if limits else "")


def space_words(figures: StudyFigures) -> str:
    """How many designs the space has."""
    space = figures.study.manifest["space"]
    size, admitted = space.get("size"), space.get("admitted")
    if size is None:
        return ""
    if admitted is None or admitted == size:
        return f"of {_large(size)} in the space"
    return f"of {_large(admitted)} that fulfil the constraints, {_large(size)} in all"


def _large(number: int) -> str:
    return units.short(number) if number > 10**9 else f"{number:,}"


def ended_words(study: Study) -> str:
    """Why the search ended."""
    ended = str((study.get("ended") or {}).get("ended", ""))
    return ENDS.get(ended, ended) or "it has not come to its end; --resume goes on"


def gain_sentences(figures: StudyFigures) -> str:
    """Where the gain of the first objective comes from, and what of the baseline is to be known; empty where nothing is."""
    said: list[str] = []
    if figures.gains is not None and figures.objectives:
        said += _gained(figures.objectives[0], figures.gains["figures"])
    row = figures.study.get("baseline")
    if row is None and not figures.progress.running and figures.best is not None:
        said.append("The baseline has no mapping to compare with.")
    elif row and row.get("reason"):
        said.append(f"The baseline itself is no answer: {row['reason']}.")
    return " ".join(said)


def _gained(quantity: Quantity, cases: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    given, base, moved, best = (
        _shown(quantity, cases.get(name)) for name in ("given", "baseline", "transferred", "winner")
    )
    if base is None or best is None:
        return []
    name = quantity.name
    hardware, tone = gain_of(quantity, (base, best))
    if base <= 0 or best <= 0 or hardware.endswith(("lower", "higher")):
        return [f"Both at their best mappings, {name} goes from {quantity.write(base)} to {quantity.write(best)}."]
    whole, mapping = (gain_of(quantity, (given, other))[0] if given is not None else "" for other in (best, base))
    if whole:
        text = f"Beside the baseline as given, {name} is {whole}: {mapping} by mapping it as well as can be, and beyond that"
        return [f"{text}, {hardware} by the hardware." if tone else f"{text} the hardware brings nothing."]
    if not tone:
        return [f"Both at their best mappings, the best design is no better in {name} than the baseline."]
    text = f"Both at their best mappings, the best design is {hardware} in {name} than the baseline"
    if moved is None or moved <= 0:
        return [f"{text}; the baseline's mappings do not fit it."]
    same, again = gain_of(quantity, (base, moved)), gain_of(quantity, (moved, best))
    if not again[1]:
        return [f"{text}; the baseline's mappings are as good on it as its own."]
    return [f"{text}: {same[0]} at the baseline's mappings, and {again[0]} again by mappings of its own."]


def _shown(quantity: Quantity, case: Mapping[str, Any] | None) -> float | None:
    value = None if case is None else case.get(quantity.column)
    return quantity.sign * float(value) if value is not None and math.isfinite(float(value)) else None
