"""Mapping whole families of designs: one search per layer gives every design of a family its best mapping."""

from __future__ import annotations

import copy
import hashlib
import math
import os
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

import numpy as np

from archloom.errors import ArchloomError
from archloom.exploration.base import Designs
from archloom.exploration.families import Families, Family
from archloom.exploration.layerwise import BestMappings, Sheet, record_of
from archloom.exploration.memo import Memo
from archloom.exploration.request import Request
from archloom.exploration.suite import Suite
from archloom.mapping.nest import Mapping
from archloom.mapspace.space import MapSpace
from archloom.model.evaluate import evaluate
from archloom.search.cache import Cache
from archloom.search.canonical import from_numbers, key_of, to_numbers
from archloom.search.layer import LayerQuestion
from archloom.search.network_mapping import REASONS, Missing
from archloom.search.spaces import problems_of

__all__ = ["FrontierMappings"]

MOST = 64
"""So many families are held in memory."""
TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class _Answer:
    """What is best for one layer on the machines of a family: which of the mappings (-1: none), bound on the objective, proven or not."""

    mappings: tuple[Mapping, ...]
    best: tuple[int, ...]
    bound: tuple[float, ...]
    finished: tuple[bool, ...]


@dataclass(frozen=True, eq=False)
class _Answered:
    """A family: the row of each of its designs, and the answer for each layer; those after one without any mapping are left out."""

    rows: dict[tuple[int, ...], int]
    answers: tuple[_Answer, ...]


class FrontierMappings(BestMappings):
    """Each layer at the best mapping that the design has for it, by a search for its whole family (`archloom.exploration.families`).

    Of mappings that are equal in cost, which one is recorded depends on the family alone: not on which of its designs are asked for.
    """

    def __init__(self, request: Request, suite: Suite, memo: Memo) -> None:
        super().__init__(request, suite, memo)
        self.families = Families(request.space, request.machines)
        self._answered: OrderedDict[Family, _Answered] = OrderedDict()

    def without_memory(self) -> FrontierMappings:
        twin = copy.copy(self)
        twin.memo, twin._answered = Memo(self.memo.folder), OrderedDict()
        twin.families = Families(self.request.space, self.request.machines)
        return twin

    def fill(self, designs: Designs, sheet: Sheet) -> None:
        """Map the designs that have not failed, family by family."""
        rows = list(sheet.open())
        groups: dict[Family, list[int]] = {}
        for row, family in zip(rows, self.families.families(designs[rows]), strict=True):
            groups.setdefault(family, []).append(row)
        # processes that judge the same families at the same time find each other's answers if they begin elsewhere
        turn = os.getpid() % max(1, len(groups)) if self.memo.folder else 0
        for family, members in [*list(groups.items())[turn:], *list(groups.items())[:turn]]:
            try:
                answered = self._family(family, designs[members[0]])
            except ArchloomError as error:
                for row in members:
                    sheet.fail(row, str(error))
                continue
            except Exception as error:  # a fault of ours in one family must not cost the others
                for row in members:
                    sheet.fail(row, f"internal fault: {type(error).__name__}: {error}")
                continue
            for row in members:
                self.guarded(row, sheet, partial(self._enter, designs[row], row, sheet, answered))

    def _family(self, family: Family, design: np.ndarray) -> _Answered:
        """The answers for a family, searched for where they are not known yet."""
        known = self._answered.get(family)
        if known is not None:
            self._answered.move_to_end(family)
            return known
        members = self.families.members(design, family)
        rows = {tuple(member.tolist()): row for row, member in enumerate(members)}
        answers: list[_Answer] = []
        if len(members):
            spec, lanes = self.request.machines.spec(members[0]), self.request.machines.lanes(members)
            lanes = {name: lane for name, lane in lanes.items() if not name.endswith((".fanout.x", ".fanout.y"))}
            for layer in range(len(self.suite.layers)):
                answers.append(self._search(self.space(spec, layer), lanes))
                if max(answers[-1].best) < 0:
                    break
        found = _Answered(rows, tuple(answers))
        self._answered[family] = found
        if len(self._answered) > MOST:
            self._answered.popitem(last=False)
        return found

    def _search(self, space: MapSpace, lanes: dict[str, np.ndarray]) -> _Answer:
        """One layer on all machines of a family; proofs are kept on disk."""
        cache = None if self.memo.folder is None else Cache(self.memo.folder)
        key = self._key(space, lanes)
        known = None if cache is None else _recalled(cache, key, space)
        if known is not None:
            return known
        from archloom.search.frontier.best import family_best

        limit_s, objective = self.options.time_limit_s, self.options.objective
        found = family_best(space, lanes, objective, drain_reads=self.options.drain_reads, time_limit_s=limit_s)
        mappings = tuple(space.mapping(found.mappings, row) for row in range(len(found.mappings)))
        answer = _Answer(
            mappings, tuple(found.best.tolist()), tuple(found.bound.tolist()), tuple(found.finished.tolist())
        )
        if cache is not None and all(answer.finished):
            numbers = [to_numbers(mapping, space.workload) for mapping in mappings]
            bound = [value if math.isfinite(value) else None for value in answer.bound]
            content = {"mappings": numbers, "best": list(answer.best), "bound": bound}
            cache.store(key, {"finished": True, **content})
        return answer

    def _key(self, space: MapSpace, lanes: dict[str, np.ndarray]) -> str:
        """The content of a question about a family; levels go by their number in the hierarchy."""
        names = (*space.architecture.names, space.architecture.compute.name)
        digest = hashlib.sha256()
        for name in sorted(lanes):
            part = max((part for part in names if name.startswith(f"{part}.")), key=len)
            digest.update(f"{names.index(part)}{name[len(part) :]}\n".encode())
            digest.update(np.ascontiguousarray(lanes[name], dtype="<f8").tobytes())
        options = {"strategy": "family", "lanes": digest.hexdigest()}
        return key_of(problems_of(space, self.options), options)

    def _enter(self, design: np.ndarray, row: int, sheet: Sheet, answered: _Answered) -> None:
        """Note what the layers cost on one design of a family; a design that the space does not admit is mapped alone."""
        at = answered.rows.get(tuple(design.tolist()))
        if at is None:
            self.map_design(design, row, sheet)
            return
        spec = self.request.machines.spec(design)
        for layer, name in enumerate(self.suite.layer_names):
            space = self.space(spec, layer)
            if layer >= len(answered.answers) or answered.answers[layer].best[at] < 0:
                finished = layer < len(answered.answers) and answered.answers[layer].finished[at]
                why = LayerQuestion(space, self.options).why_none() if finished else REASONS[Missing.NOT_FOUND]
                sheet.fail(row, f"{name}: {why}")
                return
            answer = answered.answers[layer]
            mapping, bound = answer.mappings[answer.best[at]], answer.bound[at]
            cost = evaluate(space.workload, space.architecture, mapping, drain_reads=self.options.drain_reads)
            value = self.options.objective.value(cost.energy_pj, cost.cycles)
            if answer.finished[at] and not math.isclose(value, bound, rel_tol=TOLERANCE):
                raise RuntimeError(f"the search of a family and the model disagree about {name!r}")
            proven = answer.finished[at]
            sheet.enter(row, layer, record_of(name, cost, proven=proven), value if proven else min(value, bound))


def _recalled(cache: Cache, key: str, space: MapSpace) -> _Answer | None:
    """The proven answer that is kept, None where there is none that makes sense."""
    content = cache.load(key)
    if content is None:
        return None
    try:
        mappings = tuple(from_numbers(one, space.workload, space.architecture) for one in content["mappings"])
        best = tuple(int(at) for at in content["best"])
        bound = tuple(math.inf if value is None else float(value) for value in content["bound"])
    except (LookupError, TypeError, ValueError, ArchloomError):
        return None
    if len(best) != len(bound) or not all(-1 <= at < len(mappings) for at in best):
        return None
    return _Answer(mappings, best, bound, (True,) * len(best))
