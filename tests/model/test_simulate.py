"""The simulator against counts worked out by hand, and against a second one that moves sets of words about one by one."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from tests.model.simulation_cases import random_case

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.errors import InputError
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.model.simulate import MAX_POINTS, SimulatedTensor, simulate
from archloom.workload.einsum import Tensor, Workload, einsum

GEMM = einsum("O[m,n] += W[m,k] * I[k,n]", {"m": 2, "n": 3, "k": 4})
CONV = einsum("O[p] += W[r] * I[p+r]", {"p": 4, "r": 3})
ALL = frozenset("OWI")


def loops(text: str) -> tuple[Loop, ...]:
    """`m2 k4` as loops, outermost first."""
    return tuple(Loop(word[0], int(word[1:])) for word in text.split())


def machine(*fanouts: Fanout) -> Architecture:
    """Levels L0, L1 ... (inner to outer), each with the fanout below it."""
    return Architecture(
        "machine", tuple(Memory(f"L{at}", fanout=fanout) for at, fanout in enumerate(fanouts)), Compute()
    )


def nest(at: int, temporal: str = "", x: str = "", y: str = "", keep: Iterable[str] = ALL, **cut: int) -> LevelNest:
    return LevelNest(f"L{at}", loops(temporal), loops(x), loops(y), frozenset(keep), cut)


def counts(
    workload: Workload, architecture: Architecture, *nests: LevelNest, padding: bool = False, drain_reads: bool = False
) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """(tile words, reads, fills, updates) by level and tensor, for what is kept."""
    result = simulate(workload, architecture, Mapping(nests, padding), drain_reads=drain_reads)
    return {
        (level.name, name): (tensor.tile_words, tensor.reads, tensor.fills, tensor.updates)
        for level in result.levels
        for name, tensor in level.tensors.items()
        if tensor.kept
    }


# ------------------------------------------------------------------------------------------------------------- by hand


def test_one_memory_serves_every_multiplication() -> None:
    assert counts(GEMM, machine(Fanout()), nest(0, "m2 n3 k4")) == {
        ("L0", "W"): (8, 24, 0, 0),
        ("L0", "I"): (12, 24, 0, 0),
        ("L0", "O"): (6, 24 - 6, 0, 24),  # the first of the four visits to each of 6 words needs no read
    }


def test_a_window_slides_word_by_word() -> None:
    assert counts(CONV, machine(Fanout(), Fanout()), nest(0, "r3"), nest(1, "p4")) == {
        ("L0", "W"): (3, 12, 3, 0),  # stays for all of p
        ("L0", "I"): (3, 12, 3 + 1 + 1 + 1, 0),
        ("L0", "O"): (1, 12 - 4, 0, 12),
        ("L1", "W"): (3, 3, 0, 0),
        ("L1", "I"): (6, 6, 0, 0),
        ("L1", "O"): (4, 0, 0, 4),
    }


def test_a_slide_goes_on_through_the_levels_and_a_turn_fetches_the_whole_tile() -> None:
    workload = einsum("O[m,p] += W[m,r] * I[p+r]", {"m": 2, "p": 4, "r": 3})
    three = machine(Fanout(), Fanout(), Fanout())
    held = counts(workload, three, nest(0, "r3"), nest(1, "p2", keep="O"), nest(2, "m2 p2"))
    assert held["L0", "I"] == (3, 24, 2 * (3 + 1 + 1 + 1), 0)
    assert held["L0", "W"] == (3, 24, 2 * 3, 0)
    held = counts(workload, three, nest(0, "r3"), nest(1, "p2", keep="O"), nest(2, "p2 m2"))
    # corners 0 1 0 1 2 3 2 3: the step from 1 to 2, two levels up, is one more of the same slide
    assert held["L0", "I"] == (3, 24, 3 + 1 + 3 + 1 + 1 + 1 + 3 + 1, 0)


def test_the_window_of_two_dims_slides_on_when_both_move_alike() -> None:
    workload = einsum("O[p] += W[r] * I[p+r]", {"p": 4, "r": 4})
    held = counts(workload, machine(Fanout(), Fanout()), nest(0, "p2 r2"), nest(1, "p2 r2"))
    # corners 0 2 2 4 of tiles of 3 words: on by 2, stay, on by 2
    assert held["L0", "I"] == (3, 16, 3 + 2 + 0 + 2, 0)


def test_a_move_against_the_slide_turns_although_words_overlap() -> None:
    workload = einsum("O[p,q] += W[r,s] * I[p+r,q+s]", {"p": 2, "q": 2, "r": 3, "s": 3})
    held = counts(workload, machine(Fanout(), Fanout()), nest(0, "r3 s3"), nest(1, "p2 q2"))
    # 3x3 tiles: a column more, turn to the next row (by (1, -1)), a column more
    assert held["L0", "I"] == (9, 36, 9 + 3 + 9 + 3, 0)


def test_stride_holes_belong_to_the_tile() -> None:
    workload = einsum("O[p] += W[r] * I[3*p+2*r]", {"p": 2, "r": 2})
    held = counts(workload, machine(Fanout(), Fanout()), nest(0, "r2"), nest(1, "p2"))
    assert held["L0", "I"] == (3, 4, 3 + 3, 0)  # words 0..2, then 3..5
    assert held["L1", "I"] == (6, 6, 0, 0)


def test_a_spilled_partial_sum_is_filled_again() -> None:
    held = counts(GEMM, machine(Fanout(), Fanout()), nest(0, "k2"), nest(1, "k2 m2 n3"))
    assert held["L0", "O"] == (1, 24 - 6, 12 - 6, 24)
    assert held["L1", "O"] == (6, 12 - 6, 0, 12)


def test_drain_reads_count_what_an_instance_sends_up() -> None:
    nests = nest(0, "k2"), nest(1, "k2 m2 n3")
    held = counts(GEMM, machine(Fanout(), Fanout()), *nests, drain_reads=True)
    assert held["L0", "O"] == (1, 24 - 6 + 12, 12 - 6, 24)
    assert held["L1", "O"] == (6, 12 - 6, 0, 12)  # nobody above
    assert held["L0", "W"] == counts(GEMM, machine(Fanout(), Fanout()), *nests)["L0", "W"]


def test_multicast_and_spatial_reduction() -> None:
    mesh = machine(Fanout(3, 4))
    held = counts(GEMM, mesh, nest(0, "m2", x="n3", y="k4"))
    assert held["L0", "W"] == (8, 2 * 4, 0, 0)  # one read for the three units of a row
    assert held["L0", "I"] == (12, 2 * 12, 0, 0)
    assert held["L0", "O"] == (6, 0, 0, 2 * 3)  # four partial sums arrive as one


def test_without_multicast_every_unit_is_served_apart() -> None:
    mesh = machine(Fanout(3, 4, frozenset({"O", "weight"})))
    held = counts(GEMM, mesh, nest(0, "m2", x="n3", y="k4"))
    assert held["L0", "W"] == (8, 24, 0, 0)
    assert held["L0", "I"] == (12, 24, 0, 0)
    assert held["L0", "O"] == (6, 24 - 6, 0, 24)


def test_units_on_a_diagonal_share_their_word() -> None:
    held = counts(CONV, machine(Fanout(4, 3)), nest(0, x="p4", y="r3"))
    assert held["L0", "I"] == (6, 6, 0, 0)  # 12 units, 6 diagonals
    workload = einsum("O[p] += W[r] * I[2*p+3*r]", {"p": 4, "r": 3})
    held = counts(workload, machine(Fanout(4, 3)), nest(0, x="p4", y="r3"))
    assert held["L0", "I"] == (13, 12 - 1, 0, 0)  # only 2*3 + 3*0 = 2*0 + 3*2


def test_each_fanout_merges_only_what_is_wholly_the_same() -> None:
    fans = machine(Fanout(3), Fanout(4))
    held = counts(CONV, fans, nest(0, x="r3", keep="WO"), nest(1, x="p4"))
    assert held["L1", "I"] == (6, 3 * 4, 0, 0)  # rows of three words overlap in part, so each is sent
    assert held["L0", "O"] == (1, 0, 0, 1)


def test_cut_leaves_own_loops_outside_the_tile() -> None:
    buffers = machine(Fanout(), Fanout())
    assert counts(GEMM, buffers, nest(0, "m2 k4"), nest(1, "n3"))["L0", "I"] == (4, 24, 3 * 4, 0)
    # k inside, m outside: m does not move the tile
    assert counts(GEMM, buffers, nest(0, "m2 k4", I=1), nest(1, "n3"))["L0", "I"] == (4, 24, 3 * 4, 0)
    assert counts(GEMM, buffers, nest(0, "m2 k4", I=0), nest(1, "n3"))["L0", "I"] == (1, 24, 3 * 8, 0)
    held = counts(GEMM, buffers, nest(0, "m2 k4", O=0), nest(1, "n3"))
    assert held["L0", "O"] == (1, 24 - 6, 0, 24)


def test_padding_is_executed() -> None:
    held = counts(GEMM, machine(Fanout(2), Fanout()), nest(0, "k4", x="n2"), nest(1, "m2 n2"), padding=True)
    assert held["L0", "O"] == (2, 32 - 8, 0, 32)
    assert held["L1", "O"] == (8, 0, 0, 8)
    assert simulate(GEMM, machine(Fanout()), Mapping((nest(0, "m2 n4 k4"),), padding=True)).macs == 32


def test_instances_steps_and_levels_that_keep_nothing() -> None:
    fans = machine(Fanout(2), Fanout(3), Fanout())
    result = simulate(GEMM, fans, Mapping((nest(0, "k4", x="m2"), nest(1, x="n3", keep=""), nest(2))))
    assert [level.name for level in result.levels] == ["L2", "L1", "L0"]
    assert [level.instances_used for level in result.levels] == [1, 1, 3]
    assert (result.compute_instances_used, result.compute_cycles, result.macs) == (6, 4, 24)
    assert result.level("L1").tensors["W"] == SimulatedTensor(kept=False, tile_words=0, reads=0, fills=0, updates=0)


def test_refuses_what_it_cannot_run() -> None:
    with pytest.raises(InputError, match="the factors of 'k' multiply to 2, below its bound 4"):
        simulate(GEMM, machine(Fanout()), Mapping((nest(0, "m2 n3 k2"),)))
    large = GEMM.with_bounds(m=MAX_POINTS)
    message = f"has {12 * MAX_POINTS} iterations in this mapping; simulate runs at most {MAX_POINTS}"
    with pytest.raises(InputError, match=message):
        simulate(large, machine(Fanout()), Mapping((nest(0, f"m{MAX_POINTS} n3 k4"),)))


# ------------------------------------------------------------------------------------------------ a second simulator

Word = tuple[int, ...]
Words = frozenset[Word]
Index = tuple[int, ...]


class Literal:
    """One tensor of a mapping, run with dicts and sets: no arrays, no shortcuts, every instance for itself."""

    def __init__(self, workload: Workload, architecture: Architecture, mapping: Mapping, tensor: Tensor) -> None:
        self.architecture, self.mapping, self.tensor = architecture, mapping, tensor
        self.time: list[tuple[int, str, int, int]] = []  # level, dim, trip, step; outermost first
        self.space: list[tuple[int, str, int, int]] = []
        covered = dict.fromkeys(workload.dims, 1)
        for level, nest in enumerate(mapping.levels):
            for block, found in ((nest.y, self.space), (nest.x, self.space), (nest.temporal, self.time)):
                for loop in reversed(block):
                    found.insert(0, (level, loop.dim, loop.trip, covered[loop.dim]))
                    covered[loop.dim] *= loop.trip
        self.keepers = [at for at, nest in enumerate(mapping.levels) if tensor.name in nest.keep]
        self.boxes: dict[tuple[int, Index, Index], Words] = {}
        self.tally: dict[int, dict[str, Counter[Index]]] = {at: {} for at in self.keepers}

    def depth(self, level: int) -> int:
        """Spatial loops that tell instances of `level` apart."""
        return sum(at > level for at, *_ in self.space)

    def outside(self, level: int) -> int:
        """Temporal loops outside the tile at `level`."""
        nest = self.mapping.levels[level]
        return sum(at >= level for at, *_ in self.time) - nest.cut.get(self.tensor.name, len(nest.temporal))

    def word(self, now: Index, unit: Index) -> Word:
        value: Counter[str] = Counter()
        for (_, dim, _, step), index in zip(self.time + self.space, now + unit, strict=True):
            value[dim] += step * index
        return tuple(sum(c * value[dim] for dim, c in rank) for rank in self.tensor.ranks)

    def box(self, level: int, now: Index, instance: Index) -> Words:
        """Bounding box of all that is touched below an instance until its tile moves."""
        now, instance = now[: self.outside(level)], instance[: self.depth(level)]
        key = level, now, instance
        if key not in self.boxes:
            inner = [range(trip) for _, _, trip, _ in self.time[len(now) :]]
            below = [range(trip) for _, _, trip, _ in self.space[len(instance) :]]
            words = [
                self.word(now + rest, instance + unit)
                for rest in itertools.product(*inner)
                for unit in itertools.product(*below)
            ]
            spans = [range(min(column), max(column) + 1) for column in zip(*words, strict=True)]
            self.boxes[key] = frozenset(itertools.product(*spans))
        return self.boxes[key]

    def instances(self, level: int) -> list[Index]:
        return list(itertools.product(*[range(trip) for _, _, trip, _ in self.space[: self.depth(level)]]))

    def count(self, level: int, action: str, instance: Index, words: int) -> None:
        self.tally[level].setdefault(action, Counter())[instance] += words

    def requests(self, wants: dict[Index, Words], child: int, parent: int) -> Iterator[tuple[Index, Words]]:
        """(parent instance, words) for each transfer left after every fanout on the way has merged the same ones."""
        nodes = {instance: [words] for instance, words in wants.items()}
        for level in range(child + 1, parent + 1):
            above: dict[Index, list[list[Words]]] = {}
            for node, lists in nodes.items():
                above.setdefault(node[: self.depth(level)], []).append(lists)
            if not self.tensor.is_selected_by(self.architecture.levels[level].fanout.no_multicast):
                above = {node: distinct(lists) for node, lists in above.items()}
            nodes = {node: list(itertools.chain.from_iterable(lists)) for node, lists in above.items()}
        for node, lists in nodes.items():
            for words in lists:
                yield node, words

    def run(self, drain_reads: bool) -> dict[int, tuple[int, int, int, int]]:
        held: dict[tuple[int, Index], Words] = {}
        slide: dict[tuple[int, Index], Word | None] = {}
        seen: dict[tuple[int, str, Index], set[Word]] = {}

        def first_visits(level: int, side: str, instance: Index, words: Words) -> int:
            known = seen.setdefault((level, side, instance), set())
            fresh = len(words - known)
            known |= words
            return fresh

        def send_up(child: int, parent: int, drained: dict[Index, Words]) -> None:
            for instance, words in self.requests(drained, child, parent):
                self.count(parent, "updates", instance, len(words))
                self.count(parent, "reads", instance, len(words) - first_visits(parent, "below", instance, words))
            if drain_reads and child >= 0:
                for instance, words in drained.items():
                    self.count(child, "reads", instance, len(words))

        family = list(zip([-1, *self.keepers], self.keepers, strict=False))
        for now in itertools.product(*[range(trip) for _, _, trip, _ in self.time]):
            for child, parent in family:
                fetched: dict[Index, Words] = {}
                drained: dict[Index, Words] = {}
                for instance in self.instances(child):
                    if child < 0:
                        fetched[instance] = drained[instance] = frozenset({self.word(now, instance)})
                    else:
                        self.move(child, now, instance, held, slide, fetched, drained)
                for instance, words in fetched.items():
                    assert words <= self.box(parent, now, instance), "a parent does not hold what its child wants"
                if self.tensor.is_output:
                    send_up(child, parent, drained)
                    for instance, words in fetched.items() if child >= 0 else ():
                        self.count(child, "fills", instance, len(words) - first_visits(child, "above", instance, words))
                else:
                    for instance, words in self.requests(fetched, child, parent):
                        self.count(parent, "reads", instance, len(words))
                    for instance, words in fetched.items() if child >= 0 else ():
                        self.count(child, "fills", instance, len(words))
        if self.tensor.is_output:
            for child, parent in family[1:]:
                send_up(child, parent, {instance: held[child, instance] for instance in self.instances(child)})
        start = (0,) * len(self.time)
        return {at: (len(self.box(at, start, (0,) * len(self.space))), *self.totals(at)) for at in self.keepers}

    def move(
        self,
        level: int,
        now: Index,
        instance: Index,
        held: dict[tuple[int, Index], Words],
        slide: dict[tuple[int, Index], Word | None],
        fetched: dict[Index, Words],
        drained: dict[Index, Words],
    ) -> None:
        old, new = held.get((level, instance)), self.box(level, now, instance)
        held[level, instance] = new
        if old is None:
            fetched[instance] = new
        elif old != new:
            step = tuple(b - a for a, b in zip(min(old), min(new), strict=True))
            if slide.get((level, instance)) in {None, step}:
                slide[level, instance] = step
                fetched[instance], drained[instance] = new - old, old - new
            else:
                slide[level, instance] = None
                fetched[instance], drained[instance] = new, old

    def totals(self, level: int) -> tuple[int, int, int]:
        totals: list[int] = []
        for action in ("reads", "fills", "updates"):
            counter = self.tally[level].get(action, Counter())
            each = {counter[instance] for instance in self.instances(level)}
            assert len(each) == 1, f"instances differ in {action}"
            totals.append(each.pop())
        return totals[0], totals[1], totals[2]


def distinct(lists: list[list[Words]]) -> list[list[Words]]:
    unique = {frozenset(Counter(words).items()): words for words in lists}
    return list(unique.values())


def literal(
    workload: Workload, architecture: Architecture, mapping: Mapping, drain_reads: bool
) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    return {
        (mapping.levels[at].level, tensor.name): found
        for tensor in workload.tensors
        for at, found in Literal(workload, architecture, mapping, tensor).run(drain_reads).items()
    }


@pytest.mark.parametrize("start", range(0, 1000, 100))
def test_agrees_with_sets_of_words_moved_one_by_one(start: int) -> None:
    for seed in range(start, start + 100):
        workload, architecture, mapping, drain_reads = random_case(seed)
        if math.prod(mapping.factor(dim) for dim in workload.dims) > 200:
            continue
        expected = literal(workload, architecture, mapping, drain_reads)
        found = counts(workload, architecture, *mapping.levels, padding=mapping.padding, drain_reads=drain_reads)
        assert found == expected, f"seed {seed}: {workload}\n{mapping}"


# ------------------------------------------------------------------------------------------------- the random problems


def test_a_seed_gives_the_same_case_each_time() -> None:
    assert [random_case(seed) for seed in range(50)] == [random_case(seed) for seed in range(50)]


def test_random_cases_are_legal_and_reach_every_corner() -> None:
    reached: Counter[str] = Counter()
    for seed in range(2000):
        workload, architecture, mapping, drain_reads = random_case(seed)
        mapping.check(workload, architecture)
        reached.update(corners(workload, architecture, mapping, drain_reads))
    rare = {name: reached[name] for name in CORNERS if reached[name] < 20}
    assert not rare


CORNERS = (
    """
1 levels, 5 levels, 0 fanouts, 1 fanouts, 2 fanouts, both axes, several dims on an axis, mesh,
p and r across one fanout, p and r across two fanouts, slides at several levels, slides in two directions,
bypass, nothing kept, cut, padding, apart, drain, finite, trip 1, word widths, stride, no ranks
""".strip()
    .replace("\n", " ")
    .split(", ")
)


def corners(workload: Workload, architecture: Architecture, mapping: Mapping, drain_reads: bool) -> Iterator[str]:
    """Which of the CORNERS a case is in."""
    nests = mapping.levels
    across = [{loop.dim for loop in (*nest.x, *nest.y)} for nest in nests]
    slides = [{loop.dim for loop in nest.temporal if loop.trip > 1} & set("pqrs") for nest in nests]
    times = Counter(itertools.chain.from_iterable(slides))
    coefficients = [c for tensor in workload.tensors for rank in tensor.ranks for _, c in rank]
    yield f"{len(nests)} levels"
    yield f"{sum(map(bool, across))} fanouts"
    facts = {
        "both axes": any(nest.x and nest.y for nest in nests),
        "several dims on an axis": any(len(axis) > 1 for nest in nests for axis in (nest.x, nest.y)),
        "mesh": any(nest.mesh for nest in nests),
        "p and r across one fanout": any({"p", "r"} <= dims for dims in across),
        "p and r across two fanouts": any("p" in a and "r" in b for a, b in itertools.permutations(across, 2)),
        "slides at several levels": max(times.values(), default=0) > 1,
        "slides in two directions": {"p", "q", "r", "s"} <= set(times),
        "bypass": any(len(nest.keep) < len(workload.tensors) for nest in nests),
        "nothing kept": any(not nest.keep for nest in nests),
        "cut": any(nest.cut.get(name, math.inf) < len(nest.temporal) for nest in nests for name in nest.keep),
        "padding": any(mapping.factor(dim) > bound for dim, bound in workload.bounds.items()),
        "apart": any(m.fanout.no_multicast and dims for m, dims in zip(architecture.levels, across, strict=True)),
        "drain": drain_reads,
        "finite": any(level.size_bits < math.inf for level in architecture.levels),
        "trip 1": any(loop.trip == 1 for nest in nests for loop in nest.temporal),
        "word widths": len({tensor.word_bits for tensor in workload.tensors}) > 1,
        "stride": max(coefficients, default=1) > 1,
        "no ranks": not workload.output.ranks,
    }
    yield from (name for name, holds in facts.items() if holds)


def test_a_loop_of_trip_one_changes_nothing() -> None:
    for seed in range(100):
        workload, architecture, mapping, _ = random_case(seed)
        bare = replace(mapping, levels=tuple(without_idle_loops(nest) for nest in mapping.levels))
        assert simulate(workload, architecture, mapping) == simulate(workload, architecture, bare)


def without_idle_loops(nest: LevelNest) -> LevelNest:
    def inside(cut: int) -> int:
        return sum(loop.trip > 1 for loop in nest.temporal[len(nest.temporal) - cut :])

    temporal = tuple(loop for loop in nest.temporal if loop.trip > 1)
    return replace(nest, temporal=temporal, cut={name: inside(cut) for name, cut in nest.cut.items()})
