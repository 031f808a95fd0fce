"""Narrowing: tables of what each trip, order and residency may be, which every constraint makes smaller."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from archloom.architecture.hierarchy import Architecture, Memory
from archloom.errors import Fault, Place, did_you_mean
from archloom.mapspace.constraints import Constraints, FactorRule, LevelConstraints
from archloom.mapspace.groups import DIM_GROUPS, expand
from archloom.mapspace.rules import NO_LIMIT, ONE, Range
from archloom.workload.einsum import Tensor, Workload

__all__ = ["Narrowing", "Table"]

NONE = Range(2, 1)

ROLE_WORDS = ("input", "inputs", "weight", "weights", "output", "outputs", "all")

Table = list[list[Range]]
"""[level][dim]"""


@dataclass
class Narrowing:
    """The tables under construction: they start as what the architecture allows, and every constraint narrows them."""

    workload: Workload
    architecture: Architecture
    constraints: Constraints
    faults: list[Fault] = field(default_factory=list[Fault])
    warnings: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        bounds = tuple(self.workload.bounds.values())
        levels = self.architecture.levels
        chosen = self.constraints.pooled
        self.bounds = bounds
        self.strict = True
        self.pooled = self.architecture.pooled if chosen is None else chosen
        pure = [level.size_bits == 0 and not any(map(level.may_keep, self.workload.tensors)) for level in levels]
        # a pure fanout runs no loops in time: they would do what the memory outside it can do as well
        self.temporal: Table = [[ONE if only else Range(1, n) for n in bounds] for only in pure]
        self.x: Table = [[Range(1, min(n, self.room(at, "x"))) for n in bounds] for at in range(len(levels))]
        self.y: Table = [[Range(1, min(n, self.room(at, "y"))) for n in bounds] for at in range(len(levels))]
        self.spatial: Table = [[Range(1, n) for n in bounds] for _ in levels]
        self.inner: list[list[int]] = [[] for _ in levels]
        self.outer: list[list[int]] = [[] for _ in levels]
        self.order: list[tuple[str, ...]] = [() for _ in levels]
        self.split: list[int | None] = [None for _ in levels]
        self.parallelism = [Range() for _ in levels]
        self.min_fill = [0.0 for _ in levels]
        self.no_multicast = [level.fanout.no_multicast for level in levels]
        self.keep = [[_choices(level, tensor) for tensor in self.workload.tensors] for level in levels[:-1]] + [
            [(True,) for _ in self.workload.tensors]
        ]
        self.fixed: dict[tuple[int, str, int], int] = {}
        self.rest: list[tuple[int, str, int, FactorRule]] = []

    def room(self, at: int, axis: str) -> int:
        """The largest trip that the mesh alone lets a loop on this axis have."""
        fanout = self.architecture.levels[at].fanout
        if fanout.total == 1:
            return 1
        across = self.architecture.levels[at:] if self.pooled else (self.architecture.levels[at],)
        if fanout.reshapeable:
            return math.prod(level.fanout.total for level in across)
        return math.prod(getattr(level.fanout, axis) for level in across)

    # -- reading one level's constraints ---------------------------------------------------------------------------------

    def add(self, given: LevelConstraints) -> None:
        """Narrow the tables by the constraints on one level."""
        names = self.architecture.names
        if given.level not in names:
            hint = did_you_mean(given.level, list(reversed(names)))
            self.fault(
                f"the constraints name the level {given.level!r}, which the architecture does not have",
                given.place,
                hint,
            )
            return
        at = names.index(given.level)
        self.strict = given.strict
        tables = {"temporal": self.temporal, "spatial": self.spatial, "x": self.x, "y": self.y}
        for name, table in tables.items():
            for rule in getattr(given, name):
                self._factor(at, name, table, rule, given)
        for name, table in (("temporal_dims", self.temporal), ("x_dims", self.x), ("y_dims", self.y)):
            allowed = getattr(given, name)
            if allowed is not None:
                dims, _ = self._dims(sorted(allowed), f"{name} of {given.level!r}", given.place)
                for d, dim in enumerate(self.workload.dims):
                    if dim not in dims:
                        table[at][d] &= ONE
        self._orders(at, given)
        self._residency(at, given)
        self._use(at, given)

    def fault(self, message: str, place: Place | None, hint: str | None = None) -> None:
        """Note a fault."""
        self.faults.append(Fault(message, place, hint))

    def _dims(self, names: Iterable[str], what: str, place: Place | None) -> tuple[list[str], list[str]]:
        """Names as dims; unknown ones are faults, unless the constraints are a machine's own."""
        found, unknown = expand(names, self.workload)
        if self.strict:
            for name in unknown:
                hint = did_you_mean(name, [*self.workload.dims, *DIM_GROUPS])
                self.fault(f"{what}: {name!r} is no dimension of {self.workload.name!r}", place, hint)
        return found, unknown

    def _factor(self, at: int, kind: str, table: Table, rule: FactorRule, given: LevelConstraints) -> None:
        place = rule.place or given.place
        what = f"the {kind} factor {rule} of {given.level!r}"
        if rule.op not in ("=", "<=", ">="):
            self.fault(f"{what} has the relation {rule.op!r}; expected '=', '<=' or '>='", place)
            return
        if rule.value < 0 or (rule.value == 0 and rule.op == "<="):
            self.fault(f"{what}: expected a value of at least 1, or = 0 for the rest", place)
            return
        dims, _ = self._dims([rule.dim], what, place)
        for dim in dims:
            d = self.workload.dims.index(dim)
            if rule.op == "=" and rule.value == 0:
                self.rest.append((at, kind, d, rule))
                continue
            low, high = {"=": (rule.value,) * 2, "<=": (1, rule.value), ">=": (rule.value, NO_LIMIT)}[rule.op]
            if rule.op == "=":
                before = self.fixed.setdefault((at, kind, d), rule.value)
                if before != rule.value:
                    self.fault(f"{what}: it is fixed to {before} already", place)
            table[at][d] &= Range(low, high)

    def _orders(self, at: int, given: LevelConstraints) -> None:
        for name, mine in (("order_inner", self.inner), ("order_outer", self.outer)):
            listed: Sequence[str] = getattr(given, name)
            dims = self._order(listed, f"{name} of {given.level!r}", given.place)
            if dims and mine[at] and mine[at] != dims:
                self.fault(f"{name} of {given.level!r} is given twice, differently", given.place)
            mine[at] = dims or mine[at]
        for d in self.inner[at]:
            if d in self.outer[at]:
                self.fault(
                    f"the order of {given.level!r} names {self.workload.dims[d]!r} as innermost and as outermost",
                    given.place,
                )
        self._order(given.spatial_order, f"spatial_order of {given.level!r}", given.place)
        if given.spatial_order:
            if self.order[at] and self.order[at] != given.spatial_order:
                self.fault(f"spatial_order of {given.level!r} is given twice, differently", given.place)
            self.order[at] = given.spatial_order
        if given.split is not None:
            if given.split < 0:
                self.fault(f"the split of {given.level!r} is {given.split}; expected 0 or more", given.place)
            if self.split[at] not in (None, given.split):
                self.fault(f"the split of {given.level!r} is given twice, differently", given.place)
            self.split[at] = given.split

    def _order(self, names: Sequence[str], what: str, place: Place | None) -> list[int]:
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.fault(f"{what} names {name!r} twice", place)
        dims, _ = self._dims(names, what, place)
        return [self.workload.dims.index(dim) for dim in dims]

    def _residency(self, at: int, given: LevelConstraints) -> None:
        level = self.architecture.levels[at]
        for name in ("keep", "bypass", "no_multicast", "no_reuse"):
            self._check_selectors(getattr(given, name), f"{name} of {given.level!r}", given.place)
        asked = Memory(given.level, keep=given.keep, bypass=given.bypass)
        for t, tensor in enumerate(self.workload.tensors):
            wanted = tuple(value for value in self.keep[at][t] if value in _choices(asked, tensor))
            if not wanted:
                verb, other = ("keep", "bypasses") if asked.must_keep(tensor) else ("bypass", "keeps")
                who = "the backing store" if at == len(self.architecture.levels) - 1 else f"level {level.name!r}"
                self.fault(
                    f"the constraints {verb} {tensor.name!r} at {given.level!r}, but {who} {other} it", given.place
                )
            self.keep[at][t] = wanted or self.keep[at][t]
        self.no_multicast[at] |= frozenset(
            t.name for t in self.workload.tensors if t.is_selected_by(given.no_multicast)
        )
        for tensor in self.workload.tensors:
            if tensor.is_selected_by(given.no_reuse):
                self.warnings.append(
                    f"no_reuse of {tensor.name!r} at {given.level!r}: the model counts reuse over time all the same"
                )

    def _check_selectors(self, words: frozenset[str], what: str, place: Place | None) -> None:
        known = [*(tensor.name for tensor in self.workload.tensors), *ROLE_WORDS]
        folded = {name.casefold() for name in known}
        for word in sorted(words) if self.strict else ():
            if word.casefold() not in folded:
                self.fault(
                    f"{what}: {word!r} selects no tensor of {self.workload.name!r}", place, did_you_mean(word, known)
                )

    def _use(self, at: int, given: LevelConstraints) -> None:
        high = NO_LIMIT if given.max_parallelism is None else given.max_parallelism
        if given.min_parallelism < 1 or high < given.min_parallelism:
            self.fault(
                f"the parallelism of {given.level!r} is {given.min_parallelism} to {high}; expected 1 <= minimum <= maximum",
                given.place,
            )
        self.parallelism[at] &= Range(given.min_parallelism, high)
        if not 0 <= given.min_utilization <= 1:
            self.fault(
                f"the least utilization of {given.level!r} is {given.min_utilization}; expected a share from 0 to 1",
                given.place,
            )
        self.min_fill[at] = max(self.min_fill[at], given.min_utilization)

    def check_total(self) -> None:
        """Note a fault where the least parallelism of the machine is above the most."""
        low, high = self.constraints.min_total_parallelism, self.constraints.max_total_parallelism
        if low < 1 or (high is not None and high < low):
            self.fault(f"the total parallelism is {low} to {high}; expected 1 <= minimum <= maximum", None)

    def settle_rest(self, *, padding: bool) -> None:
        """Give every `= 0` what the fixed factors leave; the other factors of its dim that are not fixed become 1."""
        for d in sorted({d for _, _, d, _ in self.rest}):
            takers = [taker for taker in self.rest if taker[2] == d]
            dim = self.workload.dims[d]
            if len({(at, kind) for at, kind, _, _ in takers}) > 1:
                self.fault(f"{len(takers)} factors take the rest of {dim!r}; expected one", takers[-1][3].place)
                continue
            at, kind, _, _ = takers[0]
            fixed = {(level, k): value for (level, k, dim_at), value in self.fixed.items() if dim_at == d}
            others = math.prod(
                value
                for (level, k), value in fixed.items()
                if (level, k) != (at, kind) and not (k in "xy" and (level, "spatial") in fixed)
            )
            left, remainder = divmod(self.bounds[d], others)
            if remainder and padding:
                left, remainder = left + 1, 0
            for level in range(len(self.architecture.levels)):
                taken = {k for fixed_at, k in fixed if fixed_at == level} | ({kind} if level == at else set())
                self._close(level, d, taken)
            table = {"temporal": self.temporal, "spatial": self.spatial, "x": self.x, "y": self.y}[kind]
            table[at][d] &= NONE if remainder else Range(left, left)

    def _close(self, level: int, d: int, taken: set[str]) -> None:
        """Leave no loop over d at a level but in the places that are fixed or take the rest."""
        if "temporal" not in taken:
            self.temporal[level][d] &= ONE
        if "spatial" in taken:
            return
        if not taken & {"x", "y"}:
            self.spatial[level][d] &= ONE
        for name, table in (("x", self.x), ("y", self.y)):
            if name not in taken:
                table[level][d] &= ONE


def _choices(level: Memory, tensor: Tensor) -> tuple[bool, ...]:
    """The values of keep that a memory allows for a tensor."""
    if level.must_keep(tensor):
        return (True,)
    return (False, True) if level.may_keep(tensor) else (False,)
