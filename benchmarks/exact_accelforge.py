"""The exact mapper with free cuts on the cases that AccelForge's mapper solved: CPU-seconds, optima, and a few larger problems.

    python benchmarks/exact_accelforge.py [--repeat 5] [--only c06 ...] [--no-larger]

Ours is the least CPU time of some runs in one process that has compiled its kernels; each run forgets what it has worked out
before, unless --warm. Theirs is the recorded CPU time of a first call on a loaded machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator

from accelforge_cases import load_cases, problem_on
from machines import machine_name

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.search.exact.join_chains import chains_of
from archloom.search.exact.join_layout import layout_of
from archloom.search.exact.join_templates import templates
from archloom.search.exact.joins import solve_joins
from archloom.search.exact.problem import Answer, Problem, Watch
from archloom.workload.einsum import einsum


def timed(problem: Problem, repeat: int, *, warm: bool) -> tuple[Answer, float]:
    """The answer to a problem, and the least CPU-seconds of some runs."""
    least = float("inf")
    for _ in range(repeat):
        if not warm:
            forget()
        start = time.process_time()
        answer = solve_joins(problem, Watch())
        least = min(least, time.process_time() - start)
    return answer, least


def forget() -> None:
    """Empty what the mapper remembers from problem to problem: templates by structure, factorisations by bound."""
    for remembered in (templates, layout_of, chains_of):
        remembered.cache_clear()


def array(
    mesh: Fanout, buffer_words: int, register_words: int, names: str, *, read_pj: tuple[float, float, float]
) -> Architecture:
    """Memories that keep all tensors: DRAM, a buffer, and registers in each element of an array."""
    keep = frozenset(names)
    cost = [{"read_pj": e, "write_pj": e, "update_pj": e, "word_bits": 8} for e in read_pj]
    levels = (
        Memory("Reg", size_bits=8 * register_words, keep=keep, **cost[0]),
        Memory("GLB", size_bits=8 * buffer_words, keep=keep, shared_bandwidth=32, fanout=mesh, **cost[1]),
        Memory("DRAM", shared_bandwidth=16, **cost[2]),
    )
    return Architecture("array", levels, Compute("MAC", energy_pj=1))


def larger() -> Iterator[tuple[str, Callable[[str], Problem]]]:
    """Problems beyond AccelForge's own: it takes seconds for the first (5.7, repeated), and did not finish the second in 120."""
    energies = (0.5, 6.0, 100.0)
    gemm = einsum("Z[m,n] += A[m,k] * B[k,n]", {"m": 512, "n": 3072, "k": 768})
    yield (
        "gemm 512x3072x768, 256 PEs",
        lambda metric: problem_on(gemm, array(Fanout(256), 131_072, 64, "ABZ", read_pj=energies), metric),
    )
    yield (
        "gemm 512x3072x768, 16x16 PEs",
        lambda metric: problem_on(gemm, array(Fanout(16, 16), 131_072, 64, "ABZ", read_pj=energies), metric),
    )
    depthwise = einsum("O[c,p,q] += W[c,r,s] * I[c,p+r,q+s]", {"c": 8, "p": 4, "q": 4, "r": 3, "s": 3})
    yield (
        "depthwise 8x4x4x3x3, 4 PEs",
        lambda metric: problem_on(depthwise, array(Fanout(4), 256, 16, "WIO", read_pj=energies), metric),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description="The exact mapper with free cuts on the cases that AccelForge's mapper solved."
    )
    parser.add_argument("--repeat", type=int, default=5, help="runs of each case; the least time counts")
    parser.add_argument("--only", nargs="*", default=[], help="cases whose names start so")
    parser.add_argument("--no-larger", action="store_true", help="leave out the larger problems")
    parser.add_argument("--warm", action="store_true", help="remember templates and factorisations between runs")
    options = parser.parse_args()
    print(machine_name())
    cases = [case for case in load_cases() if not options.only or case.name.startswith(tuple(options.only))]
    if cases:
        start = time.process_time()
        solve_joins(cases[0].problem, Watch())
        print(f"kernels ready after {time.process_time() - start:.1f} CPU-s\n")
    print(f"{'case':<28}{'metric':<9}{'CPU s':>9}{'theirs':>8}{'ratio':>7}{'optimum / theirs':>18}{'priced':>8}  proof")
    ratios: list[float] = []
    for case in cases:
        answer, cpu_s = timed(case.problem, options.repeat, warm=options.warm)
        assert answer.best is not None
        value = case.problem.objective.value(answer.best.energy_pj, answer.best.cycles)
        ratios.append(case.cpu_s / cpu_s)
        print(
            f"{case.name:<28}{case.metric:<9}{cpu_s:9.4f}{case.cpu_s:8.2f}{ratios[-1]:7.0f}"
            f"{value / case.optimum:18.8f}{answer.priced:8d}  {proof(answer)}"
        )
    if ratios:
        print(f"\nratio: least {min(ratios):.0f}, median {statistics.median(ratios):.0f}\n")
    for name, problem_for in () if options.no_larger else larger():
        for metric in ("energy", "latency", "edp"):
            answer, cpu_s = timed(problem_for(metric), min(options.repeat, 3), warm=options.warm)
            assert answer.best is not None
            best = f"{answer.best.energy_pj:,.0f} pJ, {answer.best.cycles:,} cycles"
            print(
                f"{name:<30}{metric:<9}{cpu_s:9.3f} CPU-s  {best}; {answer.priced} priced, {proof(answer)}", flush=True
            )


def proof(answer: Answer) -> str:
    """What the proof rests on."""
    parts = [f"{many:,} {why}" for why, many in answer.excluded.items() if many]
    return f"{'proven' if answer.finished else 'not proven'}: {', '.join(parts)} excluded"


if __name__ == "__main__":
    main()
