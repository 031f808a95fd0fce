import math

import archloom as al
from archloom.search.layer import LayerQuestion
from archloom.search.network_mapping import Options, bound_of_all
from archloom.search.objective import objective_of
from archloom.search.spaces import space_of

EDP = objective_of("edp")


def machine(size=256.0, **changes) -> al.Architecture:
    buffer = al.Memory(
        "buffer", size_bits=size, keep=frozenset({"all"}), read_pj=1.0, write_pj=1.0, update_pj=1.0, **changes
    )
    return al.Architecture("machine", (buffer, al.Memory("ram", read_pj=9.0, write_pj=9.0, update_pj=9.0)))


def gemm(m: int, n: int, k: int) -> al.Workload:
    return al.einsum("O[m,n] += W[m,k] * I[k,n]", {"m": m, "n": n, "k": k}, name="gemm")


def question(workload, arch, start=None, constraints=None, **options) -> LayerQuestion:
    chosen = Options(EDP, **options)
    return LayerQuestion(space_of(workload, arch, constraints, chosen), chosen, start)


def test_a_single_operation() -> None:
    """All bounds 1: nothing to tile, and still a mapping."""
    answer = question(gemm(1, 1, 1), machine()).answer()
    assert answer.finished
    assert answer.evaluation is not None
    assert answer.evaluation.cycles == 1
    assert al.map(gemm(1, 1, 1), machine(), cache=False).cycles == 1


def test_free_cuts_and_padding_start_too() -> None:
    work = gemm(4, 6, 7)
    for options in ({"cuts": "free"}, {"padding": True}):
        first = question(work, machine(), **options).answer().evaluation
        assert first is not None
        again = question(work, machine(read_bandwidth=100.0), first.mapping, **options)
        assert again.start is not None
        answer = again.answer().evaluation
        assert answer is not None
        assert (answer.energy_pj, answer.cycles) == (first.energy_pj, first.cycles)
        assert answer.mapping == first.mapping


def test_a_start_fills_as_much_as_the_rules_ask() -> None:
    from archloom.mapspace.constraints import Constraints, LevelConstraints

    work = gemm(4, 4, 4)
    small = question(work, machine(size=48.0)).answer().evaluation
    assert small is not None
    half = Constraints((LevelConstraints("buffer", min_utilization=0.5),))
    assert question(work, machine(size=256.0), small.mapping).start is not None
    assert question(work, machine(size=256.0), small.mapping, half).start is None


def test_why_there_is_none_is_said_without_a_search() -> None:
    asked = question(gemm(4, 4, 4), machine(size=16.0))
    assert asked.answer().evaluation is None
    assert asked.answer().finished
    assert asked.why_none().startswith("level 'buffer' is too small: even the smallest tiles")


def test_kept_answers_that_do_not_fit_are_none() -> None:
    asked = question(gemm(4, 4, 4), machine())
    answer = asked.answer().evaluation
    assert answer is not None
    from archloom.search.canonical import to_numbers

    numbers = to_numbers(answer.mapping, asked.space.workload)
    assert asked.recalled(numbers, answer.energy_pj, answer.cycles) == asked.answer()
    assert asked.recalled(numbers, answer.energy_pj, answer.cycles + 1) is None
    assert asked.recalled({"levels": [], "padding": False}, answer.energy_pj, answer.cycles) is None
    assert asked.recalled({}, answer.energy_pj, answer.cycles) is None
    lost = asked.recalled(None, 0.0, 0)
    assert lost is not None and lost.evaluation is None and lost.finished and lost.bound == math.inf


def test_a_bound_on_all_layers() -> None:
    assert bound_of_all(objective_of("energy"), [(2, 3.0), (1, 4.0)], 11.0) == 10.0
    assert bound_of_all(EDP, [(3, 4.0)], 100.0) == 36.0
    assert math.isclose(bound_of_all(EDP, [(1, 4.0), (2, 9.0)], 100.0), 64.0)
    assert bound_of_all(EDP, [(1, 4.0), (2, 9.0)], 63.0) == 63.0
