"""The cost of a level of clusters, added up over its cases and, through them, over the levels below."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from archloom.errors import Fault, InputError, Place
from archloom.interop.maestro.hardware import Hardware
from archloom.interop.maestro.levels import Level
from archloom.interop.maestro.mends import COMPATIBLE, Mend
from archloom.interop.maestro.network import Tensors
from archloom.interop.maestro.states import cases_of
from archloom.interop.maestro.strides import SLIDING
from archloom.interop.maestro.traffic import Case
from archloom.interop.maestro.whole import divided, ratio

__all__ = ["NO_CASE", "Cost", "Counts", "Delays", "price"]

NO_CASE = -(2**63)
"""What MAESTRO prints where it divides zero by zero and makes a whole number of it."""


@dataclass(slots=True)
class Counts:
    """Of one tensor, in elements: what the buffers must hold, and the accesses to them.

    `moves` says that the tile changes while the level runs.
    """

    l2_size: int = 0
    l1_size: int = 0
    l2_write: int = 0
    l2_read: int = 0
    l1_write: int = 0
    l1_read: int = 0
    moves: bool = False


@dataclass(slots=True)
class Delays:
    """Cycles of one stage over the cases; `total` is weighted by how often a case occurs."""

    least: int | None = None
    most: int = 0
    total: int = 0

    def add(self, cycles: int, occurrences: int) -> None:
        self.least = cycles if self.least is None else min(self.least, cycles)
        self.most = max(self.most, cycles)
        self.total += cycles * occurrences

    def summary(self, occurrences: int) -> dict[str, int]:
        if self.least is None or not occurrences:
            return {"min": NO_CASE if self.least is None else self.least, "max": self.most, "avg": NO_CASE}
        return {"min": self.least, "max": self.most, "avg": divided(self.total, occurrences)}


@dataclass(slots=True)
class Cost:
    """What a level costs: cycles, MACs, sub-clusters at work, elements per cycle, and the counts of each tensor.

    `innermost` is the cost of the lowest level that was priced first, and `alone` says that nothing lies below.
    """

    runtime: int = 0
    macs: int = 0
    active: float = 0.0
    occurrences: int = 0
    peak_bandwidth: int = 0
    average_bandwidth: float = 0.0
    offchip_bandwidth: int = 0
    intensity: float = 0.0
    input: Counts = field(default_factory=Counts)
    filter: Counts = field(default_factory=Counts)
    output: Counts = field(default_factory=Counts)
    ingress: Delays = field(default_factory=Delays)
    egress: Delays = field(default_factory=Delays)
    computation: Delays = field(default_factory=Delays)
    innermost: Cost | None = None

    @property
    def tensors(self) -> dict[str, Counts]:
        return {"input": self.input, "filter": self.filter, "output": self.output}

    @property
    def first_priced(self) -> Cost:
        return self.innermost or self


def price(
    levels: tuple[Level, ...],
    tensors: Tensors,
    hardware: Hardware,
    place: Place,
    mends: frozenset[Mend] = COMPATIBLE,
) -> Cost:
    """Return the cost of the top level, bugs of MAESTRO included but for the mends. Raises InputError where it dies."""
    cost = Pricing(levels, tensors, hardware, place, mends).level(0, levels[0].dimensions)
    if Mend.B2 in mends and not cost.occurrences:
        message = "no case of the outermost level does any work: its tiles have no room for a window of the filter"
        raise InputError(Fault(message, place, "make the tiles of X and Y at least as large as S and R"))
    return cost


class Pricing:
    """The recursion over levels; a level of the same actual dimensions is priced once."""

    def __init__(
        self,
        levels: tuple[Level, ...],
        tensors: Tensors,
        hardware: Hardware,
        place: Place,
        mends: frozenset[Mend] = COMPATIBLE,
    ) -> None:
        self.levels = levels
        self.tensors = tensors
        self.hardware = hardware
        self.place = place
        self.mends = mends
        self.known: dict[tuple[int, ...], Cost] = {}

    def level(self, depth: int, dimensions: Mapping[str, int]) -> Cost:
        key = (depth, *dimensions.values())
        if key not in self.known:
            self.known[key] = self.fresh(depth, dimensions)
        return self.known[key]

    def fresh(self, depth: int, dimensions: Mapping[str, int]) -> Cost:
        cost = Cost()
        level = self.levels[depth]
        if Mend.B1 in self.mends:
            level = level.resized(dimensions)
        started = False
        for occurrences, states in cases_of(level, dimensions):
            case = Case(level, self.tensors, states)
            started |= self.add(cost, depth, case, occurrences, dimensions, started=started)
        weight = cost.occurrences
        cost.active = cost.active / weight if weight else 0.0
        cost.average_bandwidth = ratio(cost.average_bandwidth, weight)
        if Mend.B31 in self.mends:
            cost.intensity = ratio(cost.macs, cost.input.l2_read + cost.filter.l2_read)
        if Mend.B5 in self.mends:
            # L2 adds up: but for the first, every write reads what was there; at the end each output is read once.
            cost.output.l2_read = max(cost.output.l2_read, cost.output.l2_write)
        return cost

    def add(
        self, cost: Cost, depth: int, case: Case, occurrences: int, dimensions: Mapping[str, int], *, started: bool
    ) -> bool:
        """Add one case; return False for a case without work, which MAESTRO skips half way."""
        taken = {"input": case.ingress(self.tensors.input), "filter": case.ingress(self.tensors.filter)}
        egress = case.egress()
        sums = case.sums()
        if not started:
            self.require(cost, case, taken, egress, dimensions)
        cost.output.l2_write += occurrences * egress
        cost.output.l1_write += occurrences * sums
        cost.output.l1_read += occurrences * sums
        critical = case.critical_sums()
        if critical <= 0:
            return False
        parts = self.below(depth, case)
        for name, amount in taken.items():
            counts = cost.tensors[name]
            counts.l2_read += occurrences * amount
            if Mend.B6 not in self.mends:
                counts.l1_write = counts.l2_read
            counts.l1_read += occurrences * sums
        if Mend.B6 in self.mends:
            self.fill(cost, depth, case, occurrences, parts)
        ingress = sum(taken.values())
        cost.intensity = ratio(sums, ingress)
        cycles, active = self.compute(cost, case, critical, parts)
        ingress_delay, egress_delay = self.delay(ingress), self.delay(egress)
        step = cycles + ingress_delay if case.changed < 0 else max(cycles, ingress_delay, egress_delay)
        if depth == 0:
            step = self.off_chip(cost, cycles, step)
        cost.runtime += occurrences * step
        cost.macs += occurrences * sums
        cost.active += occurrences * active
        cost.occurrences += occurrences
        cycles = max(cycles, 1)
        busiest = max(ingress, egress)
        cost.peak_bandwidth = max(cost.peak_bandwidth, divided(busiest, cycles))
        cost.average_bandwidth += divided(occurrences * busiest, cycles)
        cost.ingress.add(ingress_delay, occurrences)
        cost.egress.add(egress_delay, occurrences)
        cost.computation.add(cycles, occurrences)
        return True

    def require(
        self, cost: Cost, case: Case, taken: Mapping[str, int], egress: int, dimensions: Mapping[str, int]
    ) -> None:
        """Double-buffered sizes, and the whole tensors that go in and out once."""
        for name, variables in (("input", self.tensors.input), ("filter", self.tensors.filter)):
            counts = cost.tensors[name]
            counts.l2_size += 2 * taken[name]
            counts.l1_size += 2 * self.held(case.level, variables)
            counts.l2_write = math.prod(dimensions[variable] for variable in variables)
        variables = self.tensors.output
        whole = {
            axis: divided(dimensions.get(axis, 0) - dimensions.get(kernel, 0), case.level.steps.get(axis, 1)) + 1
            for axis, kernel in SLIDING
        }
        cost.output.l2_size = 2 * egress
        cost.output.l1_size = 2 * self.held(case.level, variables, outputs=True)
        cost.output.l2_read = math.prod(whole[v] if v in whole else dimensions[v] for v in variables)

    def fill(self, cost: Cost, depth: int, case: Case, occurrences: int, parts: Sequence[tuple[Cost, int]]) -> None:
        """Add what the case writes to the L1s of all PEs: the tiles that change, each PE for itself (B6)."""
        for name, variables in (("input", self.tensors.input), ("filter", self.tensors.filter)):
            counts = cost.tensors[name]
            moves = case.moves(variables)
            counts.moves |= moves and case.changed >= 0
            if not parts:
                counts.l1_write += occurrences * case.deliveries(variables)
            for part, weight in parts:
                below = part.tensors[name]
                counts.moves |= below.moves
                if moves or below.moves:
                    new, tile = (1, 1) if below.moves else case.slide(variables, self.levels[depth + 1 :])
                    counts.l1_write += occurrences * weight * (below.l1_write * new // tile)

    def held(self, level: Level, variables: Sequence[str], *, outputs: bool = False) -> int:
        """Return how many elements of a tensor a tile has, for the size of L1."""
        if Mend.B28 not in self.mends:
            return math.prod(level.sizes[variable].tile for variable in variables)
        total = 1
        for variable in variables:
            sizes = level.sizes[level.output_name(variable) if outputs else variable]
            total *= sizes.edge_tile if level.sizes[variable].tile > level.dimensions[variable] else sizes.tile
        return total

    def below(self, depth: int, case: Case) -> list[tuple[Cost, int]]:
        """Return the costs of the sub-clusters, each with how many there are; none for those of the lowest level."""
        if depth == len(self.levels) - 1:
            return []
        edge = case.spatial.edge
        count = case.active if edge else case.level.sub_clusters
        variables = self.tensors.read
        if edge and case.spatial.short:
            parts = [(self.level(depth + 1, case.dimensions_below(variables, cut=True)), 1)]
            if case.active > 1:
                parts.append((self.level(depth + 1, case.dimensions_below(variables, cut=False)), case.active - 1))
        else:
            parts = [(self.level(depth + 1, case.dimensions_below(variables, cut=False)), count)]
        return parts

    def compute(self, cost: Cost, case: Case, critical: int, parts: Sequence[tuple[Cost, int]]) -> tuple[int, float]:
        """Return the cycles of the slowest sub-cluster and how many PEs work."""
        if not parts:
            count = case.active if case.spatial.edge else case.level.sub_clusters
            return -(-critical // self.hardware.simd_lanes), count
        if cost.innermost is None:
            cost.innermost = parts[0][0].first_priced
        # A level without any case counts as one PE at work, so MAESTRO.
        active = sum(max(part.active, 1.0) * weight for part, weight in parts)
        return max(part.runtime for part, _ in parts), active

    def delay(self, elements: int) -> int:
        """Return the cycles that a transfer takes."""
        if not elements and Mend.B30 in self.mends:
            return 0
        return self.hardware.noc_latency - (-elements // self.hardware.noc_bandwidth) - 1

    def off_chip(self, cost: Cost, cycles: int, step: int) -> int:
        """Bound a step by the off-chip bandwidth, and note what it would need."""
        if cycles == 0:
            message = "a case of the outermost level takes no cycles: its tiles do not fit the level below"
            hint = "MAESTRO dies of a division by zero (SIGFPE)"
            raise InputError(Fault(message, self.place, hint))
        read = cost.input.l2_size + cost.filter.l2_size
        written = cost.output.l2_size
        bandwidth = self.hardware.offchip_bandwidth
        most = max(divided(written, cycles), divided(read, cycles))
        if Mend.B12 in self.mends:
            cost.offchip_bandwidth = max(cost.offchip_bandwidth, divided(most, 2))
        else:
            cost.offchip_bandwidth = divided(max(cost.offchip_bandwidth, most), 2)
        return max(step, divided(divided(read, bandwidth), 2), divided(divided(written, bandwidth), 2))
