"""Groups of parameters that constraints tie together: counted and listed each on its own, for the groups do not know each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archloom.errors import InputError, Place

__all__ = ["Group", "groups_of"]

Test = Callable[[NDArray[np.int64]], NDArray[np.bool_]]
"""Which rows of indices [B, parameters of the group] fulfil the constraints of the group."""

MOST = 200_000_000
"""A group with more combinations is not enumerated."""
KEPT = 1 << 22
"""A group of at most so many combinations is listed once and drawn from the list."""
BLOCK = 1 << 18
TRIES = 64


@dataclass(frozen=True)
class Group:
    """Parameters (their numbers and how many values each has) that constraints tie together, and the test of these."""

    parameters: tuple[int, ...]
    sizes: tuple[int, ...]
    test: Test | None = field(default=None, compare=False, repr=False)
    names: tuple[str, ...] = ()
    place: Place | None = None

    @property
    def size(self) -> int:
        """Combinations, whether admitted or not."""
        size = 1
        for many in self.sizes:
            size *= many
        return size

    def indices(self, flat: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers of combinations [B] as indices [B, parameters]."""
        columns = np.empty((len(flat), len(self.sizes)), np.int64)
        rest = flat
        for at in range(len(self.sizes) - 1, -1, -1):
            rest, columns[:, at] = np.divmod(rest, self.sizes[at])
        return columns

    def admitted(self) -> Iterator[NDArray[np.int64]]:
        """The numbers of the admitted combinations, in order, block by block; InputError for too large a group."""
        if self.size > MOST:
            names = ", ".join(self.names)
            raise InputError(
                f"the constraints tie {names} together, which have {self.size:,} combinations; that is too many to count",
                self.place,
                f"at most {MOST:,}: give these parameters fewer values, or constrain fewer of them at once",
            )
        for start in range(0, self.size, BLOCK):
            flat = np.arange(start, min(start + BLOCK, self.size), dtype=np.int64)
            yield flat if self.test is None else flat[self.test(self.indices(flat))]

    @cached_property
    def count(self) -> int:
        """How many combinations are admitted."""
        if self.test is None:
            return self.size
        return len(self._listed) if self.size <= KEPT else sum(len(block) for block in self.admitted())

    @cached_property
    def _listed(self) -> NDArray[np.int64]:
        return np.concatenate([*self.admitted(), np.empty(0, np.int64)])

    def draw(self, rng: np.random.Generator, many: int) -> NDArray[np.int64]:
        """Indices [many, parameters] of combinations drawn evenly from the admitted ones."""
        if self.test is None:
            return np.stack([rng.integers(0, size, many) for size in self.sizes], axis=1)
        if self.size <= KEPT:
            self._refuse_none()
            return self.indices(self._listed[rng.integers(0, len(self._listed), many)])
        return self._drawn(rng, many)

    def _drawn(self, rng: np.random.Generator, many: int) -> NDArray[np.int64]:
        """By rejection, or from the list where that hardly ever succeeds."""
        assert self.test is not None
        found: list[NDArray[np.int64]] = []
        missing = many
        for _ in range(TRIES):
            draft = np.stack([rng.integers(0, size, max(4 * missing, 4096)) for size in self.sizes], axis=1)
            found.append(draft[self.test(draft)][:missing])
            missing -= len(found[-1])
            if not missing:
                return np.concatenate(found)
        self._refuse_none()
        numbers = self._listed
        found.append(self.indices(numbers[rng.integers(0, len(numbers), missing)]))
        return np.concatenate(found)

    def _refuse_none(self) -> None:
        if not len(self._listed):
            raise InputError(f"no values of {', '.join(self.names)} fulfil the constraints", self.place)

    def __getstate__(self) -> dict[str, object]:
        """Without the list, which is quickly made again."""
        return {key: value for key, value in self.__dict__.items() if key not in ("_listed", "count")}


def groups_of(many: int, ties: Iterable[Iterable[int]]) -> list[tuple[list[int], list[int]]]:
    """The groups of `many` parameters that `ties` join: the parameters of each, and the numbers of its ties."""
    root = list(range(many))

    def find(at: int) -> int:
        while root[at] != at:
            root[at] = root[root[at]]
            at = root[at]
        return at

    listed: list[Sequence[int]] = [sorted(tie) for tie in ties]
    for tie in listed:
        for at in tie[1:]:
            one, two = sorted((find(tie[0]), find(at)))
            root[two] = one
    groups: dict[int, tuple[list[int], list[int]]] = {}
    for at in range(many):
        groups.setdefault(find(at), ([], []))[0].append(at)
    for number, tie in enumerate(listed):
        if tie:
            groups[find(tie[0])][1].append(number)
    return list(groups.values())
