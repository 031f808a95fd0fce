"""Where a gain comes from: from mapping the baseline well, or from other hardware."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archloom.errors import Fault, InputError
from archloom.exploration.judge import Judge
from archloom.exploration.metrics import METRICS
from archloom.exploration.request import Request
from archloom.exploration.suite import Suite
from archloom.exploration.verdicts import GOAL, LayerRecord, Verdicts, records_of
from archloom.mapping.nest import Mapping as LoopMapping
from archloom.mapping.text import parse
from archloom.spec.load import Spec
from archloom.spec.sections import mapping_from_yaml
from archloom.workload.einsum import Workload

__all__ = ["Factors", "Gains", "Judged", "gains", "given_mappings"]


@dataclass(frozen=True)
class Judged:
    """A machine at certain mappings: figures of merit and objectives (`objective:NAME`) by name, and its layers; `reason`: why not."""

    figures: dict[str, float]
    layers: tuple[LayerRecord, ...]
    reason: str
    proven: bool

    @property
    def is_mapped(self) -> bool:
        """Whether all layers have a mapping; `reason` may still name a budget."""
        return bool(self.layers)


@dataclass(frozen=True, slots=True)
class Factors:
    """How many times smaller a figure became, step by step; the steps multiply to the whole. nan: a step is not known.

    `mapping`: the baseline from its given mappings to its best. `hardware`: from there to the winner at its best. Of the latter,
    `same_mappings` is what the winner saves at the baseline's best mappings, and `remapping` what its own best save beyond.
    """

    mapping: float
    hardware: float
    whole: float
    same_mappings: float
    remapping: float


@dataclass(frozen=True)
class Gains:
    """A design beside the baseline: the baseline as given (None: no mapping is), at its best; the design at its best, and at the baseline's best."""

    given: Judged | None
    baseline: Judged
    winner: Judged
    transferred: Judged

    def factors(self, figure: str) -> Factors:
        """The gains in a figure of merit or objective that is better when smaller (of one that is better when larger, their inverses)."""
        given, best, winner, moved = (
            math.nan if judged is None else judged.figures.get(figure, math.nan)
            for judged in (self.given, self.baseline, self.winner, self.transferred)
        )
        return Factors(
            mapping=_ratio(given, best),
            hardware=_ratio(best, winner),
            whole=_ratio(given, winner),
            same_mappings=_ratio(best, moved),
            remapping=_ratio(moved, winner),
        )


def _ratio(before: float, after: float) -> float:
    if math.isnan(before) or math.isnan(after) or not math.isfinite(before) or not math.isfinite(after):
        return math.nan
    if after == 0:
        return 1.0 if before == 0 else math.copysign(math.inf, before)
    return before / after


def gains(request: Request, judge: Judge, design: NDArray[np.int64]) -> Gains:
    """Compare a design with the baseline: the gain of the mapping and the gain of the hardware apart.

    Raises InputError for given mappings that are none for the baseline's layers, InfeasibleError where the baseline has no mapping.
    """
    best = [None if answer.evaluation is None else answer.evaluation.mapping for answer in judge.mapper.baseline()]
    given = given_mappings(request)
    return Gains(
        given=None if given is None else _judged(judge.judge_baseline(given)),
        baseline=_judged(judge.judge_baseline()),
        winner=_judged(judge(design[None, :])),
        transferred=_judged(judge.judge_one(design, best)),
    )


def _judged(verdicts: Verdicts) -> Judged:
    columns = verdicts.columns
    names = [name for name in columns if name in METRICS or name.startswith((GOAL, "energy_pj@", "cycles@"))]
    return Judged(
        {name: float(columns[name][0]) for name in names},
        tuple(records_of(verdicts.mappings[0])),
        str(columns["reason"][0]),
        bool(columns["proven"][0]),
    )


def given_mappings(request: Request) -> list[LoopMapping] | None:
    """The mappings that a request gives for the distinct layers on the baseline, None where it gives none.

    Raises InputError with all faults: a layer without a mapping, a mapping that is none for its layer.
    """
    texts = request.mapping.given
    if not texts:
        return None
    suite, spec = request.suite, request.machines.baseline
    found: list[LoopMapping] = []
    faults: list[Fault] = []
    for workload, name in zip(suite.layers, suite.layer_names, strict=True):
        try:
            text = _text_for(texts, suite, workload, name)
            found.append(_read(text, workload, spec, name))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)
    return found


def _text_for(texts: Mapping[str, str], suite: Suite, workload: Workload, name: str) -> str:
    """The text for a layer: under its full name, under any of its own names, or the one for all."""
    own = [
        layer.names
        for network in suite.networks
        for layer in network.layers
        if layer.workload.bounds == workload.bounds and layer.workload.tensors == workload.tensors
    ]
    for key in (name, *(one for names in own for one in names), workload.name, ""):
        if key in texts:
            return texts[key]
    raise InputError(f"no mapping is given for the layer {name!r}", hint=f"there are some for {', '.join(texts)}")


def _read(text: str, workload: Workload, spec: Spec, name: str) -> LoopMapping:
    assert spec.architecture is not None
    source = f"mapping of {name}"
    if "mapping:" in text:
        return mapping_from_yaml(text, workload, spec.architecture, source=source)
    return parse(text, workload, spec.architecture, source=source)
