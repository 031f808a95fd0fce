"""Proven best mappings by the content of the question: across designs, networks, processes and studies."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from archloom.search.cache import Cache, default_folder
from archloom.search.canonical import Numbers, to_numbers
from archloom.search.layer import LayerAnswer, LayerQuestion

__all__ = ["Memo", "default_memo_folder"]

MOST = 50_000
"""So many answers are held in memory; those used last."""


def default_memo_folder() -> Path:
    """A folder of its own in the user's cache."""
    return default_folder() / "explore"


class Memo:
    """Answers to layer questions, in memory and (with a `folder`) on disk, where other processes find them.

    An answer is a function of its question, so it does not matter who asked first. Only finished proofs are kept: a mapping that is
    proven to be the best, or the proof that there is none. A damaged entry, or one whose mapping does not cost what it says, is none.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._disk = None if folder is None else Cache(folder)
        self._memory: OrderedDict[str, _Entry] = OrderedDict()
        self.asked = self.solved = 0

    def answer(self, question: LayerQuestion, time_limit_s: float | None = None) -> LayerAnswer:
        """The answer to a question, searched for where it is not known yet."""
        self.asked += 1
        key = question.key
        known = self._recall(key, question)
        if known is not None:
            return known
        self.solved += 1
        found = question.answer(time_limit_s)
        if found.finished:
            self._keep(key, _Entry.of(found, question))
        return found

    def _recall(self, key: str, question: LayerQuestion) -> LayerAnswer | None:
        entry = self._memory.get(key)
        if entry is not None:
            self._memory.move_to_end(key)
            return question.recalled(entry.numbers, entry.energy_pj, entry.cycles)
        content = None if self._disk is None else self._disk.load(key)
        if content is None:
            return None
        try:
            entry = _Entry(content["mapping"], float(content["energy_pj"]), int(content["cycles"]))
        except (LookupError, TypeError, ValueError):
            return None
        found = question.recalled(entry.numbers, entry.energy_pj, entry.cycles)
        if found is not None:
            self._remember(key, entry)
        return found

    def _keep(self, key: str, entry: _Entry) -> None:
        self._remember(key, entry)
        if self._disk is not None:
            self._disk.store(
                key, {"finished": True, "mapping": entry.numbers, "energy_pj": entry.energy_pj, "cycles": entry.cycles}
            )

    def _remember(self, key: str, entry: _Entry) -> None:
        self._memory[key] = entry
        if len(self._memory) > MOST:
            self._memory.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A proven answer without names; `numbers` is None where there is no mapping."""

    numbers: Numbers | None
    energy_pj: float = 0.0
    cycles: int = 0

    @classmethod
    def of(cls, answer: LayerAnswer, question: LayerQuestion) -> _Entry:
        cost = answer.evaluation
        return (
            cls(None)
            if cost is None
            else cls(to_numbers(cost.mapping, question.space.workload), cost.energy_pj, cost.cycles)
        )
