"""How fast strategies come near the proven optimum: best objective against evaluations and CPU time, layers x strategies x seeds."""

from __future__ import annotations

import argparse
import csv
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
from archloom.mapspace.space import MapSpace
from archloom.search.exact.problem import Problem, Watch
from archloom.search.exact.solve import solve
from archloom.search.objective import Objective, objective_of
from archloom.search.run import BY_NAME, Progress, run
from archloom.workload.einsum import Workload
from archloom.workload.layers import conv2d, depthwise_conv2d, gemm

try:
    from benchmarks.machines import machine_name
except ImportError:  # run as a script
    from machines import machine_name

BUDGETS = (1_000, 10_000, 100_000)


@dataclass(frozen=True)
class Trace:
    """One search: its progress, and the objective to reach: the proven optimum, or else the best that the exact mapper knows."""

    layer: str
    strategy: str
    seed: int
    steps: tuple[Progress, ...]
    optimum: float
    is_proven: bool

    def distance(self, evaluations: int) -> float:
        """Best / optimum - 1 after so many evaluations (inf: nothing legal was found)."""
        best = min((step.best for step in self.steps if step.evaluations <= evaluations), default=math.inf)
        distance = best / self.optimum - 1
        if self.is_proven and distance < -1e-9:
            raise AssertionError(f"{self.strategy} beats the proven optimum of {self.layer}: {best} < {self.optimum}")
        return distance

    def cpu_s(self, evaluations: int) -> float:
        """CPU seconds until so many evaluations, or until the last one that was noted before."""
        return max((step.cpu_s for step in self.steps if step.evaluations <= evaluations), default=0.0)


def layers() -> list[Workload]:
    """Six layers: three of ResNet-50, a depthwise one of MobileNetV2, two matrix products of BERT-base."""
    return [
        conv2d("resnet 3x3", M=64, C=64, H=58, W=58, R=3, S=3),
        conv2d("resnet 3x3/2", M=128, C=128, H=57, W=57, R=3, S=3, stride=2),
        conv2d("resnet 1x1", M=1024, C=256, H=14, W=14, R=1, S=1),
        depthwise_conv2d("mobilenet dw", C=144, H=58, W=58, R=3, S=3),
        gemm("bert ffn", M=512, N=3072, K=768),
        gemm("bert scores", M=384, N=384, K=64),
    ]


def machine() -> Architecture:
    """Three memories and 12 x 14 elements with sizes and energies like those of Eyeriss (ISCA 2016, JSSC 2017), bypass free at the buffer."""
    levels = (
        Memory("RF", 256 * 16, keep=frozenset({"all"}), read_pj=2.2, write_pj=2.2, update_pj=2.2),
        Memory(
            "GLB", 51_200 * 16, keep=frozenset({"inputs", "outputs"}), read_pj=13.2, write_pj=13.2, update_pj=13.2,
            fanout=Fanout(14, 12),
        ),
        Memory("DRAM", read_pj=440.0, write_pj=440.0, update_pj=440.0, shared_bandwidth=4.0),
    )  # fmt: skip
    return Architecture("eyeriss_like", levels, Compute("MAC", 2.2))


def optimum_of(space: MapSpace, objective: Objective, limit_s: float) -> tuple[float, bool, float]:
    """(least objective that the exact mapper finds, whether it is proven, CPU seconds)."""
    began = time.process_time()
    answers = [
        solve(Problem(space.workload, space.architecture, rules, objective), Watch(time.monotonic() + limit_s))
        for rules in space.parts
    ]
    known = [objective.value(a.best.energy_pj, a.best.cycles) for a in answers if a.best is not None]
    return min(known, default=math.inf), all(answer.finished for answer in answers), time.process_time() - began


def trace(
    space: MapSpace, strategy: str, objective: Objective, seed: int, evaluations: int, goal: tuple[float, bool]
) -> Trace:
    told: list[Progress] = []

    def hear(progress: Progress) -> None:
        if not told or progress.best < told[-1].best or progress.evaluations in BUDGETS or _passes(told[-1], progress):
            told.append(progress)

    run(space, strategy, objective, evaluations=evaluations, seed=seed, tell=hear)
    return Trace(space.workload.name, strategy, seed, tuple(told), *goal)


def _passes(before: Progress, now: Progress) -> bool:
    """Whether a twentieth of a decade lies between two entries, so that the CPU time of each is known."""
    return now.evaluations >= 1.12 * before.evaluations


def table(traces: Sequence[Trace], budgets: Sequence[int]) -> str:
    """Per layer and strategy, the median and the worst distance to the optimum over the seeds, and CPU seconds."""
    head = f"{'layer':14} {'strategy':14}" + "".join(f"{f'{b:,} evaluations':>30}" for b in budgets)
    under = f"{'':29}" + "".join(f"{'median':>11}{'worst':>10}{'CPU s':>9}" for _ in budgets)
    rows = [head, under]
    names = list(dict.fromkeys(t.layer for t in traces))
    strategies = list(dict.fromkeys(t.strategy for t in traces))
    for layer in [*names, "all"]:
        for strategy in strategies:
            chosen = [t for t in traces if t.strategy == strategy and layer in (t.layer, "all")]
            cells = "".join(_cell(chosen, budget) for budget in budgets)
            rows.append(f"{layer:14} {strategy:14}{cells}")
    return "\n".join(rows)


def _cell(traces: Sequence[Trace], budget: int) -> str:
    distances = [t.distance(budget) for t in traces]
    cpu = float(np.median([t.cpu_s(budget) for t in traces]))
    return f"{_percent(float(np.median(distances))):>11}{_percent(max(distances)):>10}{cpu:9.2f}"


def _percent(distance: float) -> str:
    if math.isinf(distance):
        return "none"
    return "0 %" if abs(distance) <= 1e-9 else f"{100 * distance:.2f} %" if distance < 10 else f"{1 + distance:.0f} x"


def write_csv(path: Path, traces: Sequence[Trace]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["layer", "strategy", "seed", "evaluations", "cpu_s", "best", "optimum"])
        for t in traces:
            for step in t.steps:
                writer.writerow(
                    [t.layer, t.strategy, t.seed, step.evaluations, f"{step.cpu_s:.4f}", step.best, t.optimum]
                )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objective", default="edp")
    parser.add_argument("--evaluations", type=int, default=BUDGETS[-1], help="mappings priced by each search")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--layers", type=int, default=6, help="so many of the layers")
    parser.add_argument("--strategies", nargs="+", default=list(BY_NAME), choices=list(BY_NAME))
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for the proof of each layer's optimum")
    parser.add_argument("--csv", type=Path, help="write every step of every search to this file")
    given = parser.parse_args(arguments)
    objective, architecture, found = objective_of(given.objective), machine(), list[Trace]()
    print(f"{machine_name()}; objective {objective.name}, {given.seeds} seeds", flush=True)
    for workload in layers()[: given.layers]:
        space = MapSpace(workload, architecture)
        optimum, is_proven, cpu_s = optimum_of(space, objective, given.limit)
        what = "proven optimum" if is_proven else "not proven in time; best known"
        print(f"{workload.name}: {space.total:.3g} mappings; {what} {optimum:.6g} in {cpu_s:.2f} CPU-s", flush=True)
        for strategy in given.strategies:
            for seed in range(given.seeds):
                found.append(trace(space, strategy, objective, seed, given.evaluations, (optimum, is_proven)))
    print(table(found, [budget for budget in BUDGETS if budget <= given.evaluations] or [given.evaluations]))
    if given.csv:
        write_csv(given.csv, found)


if __name__ == "__main__":
    main()
