"""How near strategies over designs come to the true optimum: spaces small enough to exhaust, against evaluations and CPU time of the strategy.

Run: python benchmarks/explore_strategies.py [--seeds N] [--csv FILE] [--spaces NAME ...] [--strategies NAME ...]

Every admitted design is judged once at its best mapping, proven, by the exact mapper: that is the truth, and where the strategies look
their scores up. Then `mapping: frontier` has to say the same of every design. DiGamma, which brings its own mappings, has them priced.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from archloom.exploration.base import DesignStrategy, Proposal, Scores
from archloom.exploration.joint import JointSpace
from archloom.exploration.judge import Judge, Verdicts
from archloom.exploration.request import Request
from archloom.exploration.space_file import load_space
from archloom.exploration.strategies import strategy_of

try:
    from benchmarks.machines import machine_name
except ImportError:  # run as a script
    from machines import machine_name

BUDGETS = (10, 30, 100, 200)
GOALS = ("edp", "area_mm2")
"""The first alone, and both together."""
IDLE = 20
"""So many proposals in a row without a new design end a search."""
GENERAL = ("grid", "random", "annealing", "genetic", "bayesian", "pymoo")
JOINT_BUDGETS = (100, 300, 1000)
"""DiGamma prices a mapping per evaluation where the others search for the best one, so it may have more of them."""

SPACES = {
    "row stationary": """
explore:
  networks: [{workload: {name: conv3x3, conv2d: {M: 8, C: 8, H: 9, W: 9, R: 3, S: 3}}}]
  parameters:
    columns: {divisors_of: 168}
    rows: 168 // columns
    levels.GLB.size: {log2: [1 KiB, 8 KiB]}
    levels.weight_spad.size: {log2: [8 words, 32 words]}
    levels.psum_spad.size: [2 words, 8 words]
  constraints: [columns >= 4, rows >= 3]
  objectives: [edp, area_mm2]
architecture:
  name: row_stationary
  word: 16 bit
  node: 45 nm
  clock: 200 MHz
  variables: {columns: 14, rows: 12}
  levels:
    - {name: DRAM, class: dram, type: LPDDR4, width: 64, shared_bandwidth: 4 words/cycle, keep: all}
    - {name: GLB, class: sram, size: 4 KiB, width: 64, keep: [inputs, outputs], bypass: weights, fanout: {x: columns, y: rows}}
    - {name: ifmap_spad, class: regfile, size: 12 words, keep: inputs, bypass: [weights, outputs]}
    - {name: weight_spad, class: regfile, size: 32 words, keep: weights, bypass: [inputs, outputs]}
    - {name: psum_spad, class: regfile, size: 8 words, keep: outputs, bypass: [inputs, weights]}
  compute: {name: MAC, class: int_mac}
constraints:
  - {level: GLB, temporal: {dims: [P, C, filters]}, x: {dims: [P]}, y: {dims: [R, filters]}}
  - {level: ifmap_spad, temporal: {dims: []}}
  - {level: weight_spad, temporal: {dims: [S, C]}}
  - {level: psum_spad, temporal: {dims: [filters]}}
""",
    "systolic": """
explore:
  networks: [{workload: {name: scores, gemm: {M: 16, N: 32, K: 16}}}]
  parameters:
    levels.Buffer.fanout.x: {log2: [1, 16]}
    levels.Buffer.fanout.y: {log2: [1, 16]}
    levels.Buffer.size: {log2: [1 KiB, 8 KiB]}
    levels.Registers.size: [1 words, 4 words, 16 words]
  constraints: [levels.Buffer.fanout.x * levels.Buffer.fanout.y <= 64]
  objectives: [edp, area_mm2]
architecture:
  name: systolic
  word: 8 bit
  node: 45 nm
  clock: 500 MHz
  levels:
    - {name: DRAM, class: dram, type: LPDDR4, width: 64, shared_bandwidth: 8 words/cycle, keep: all}
    - {name: Buffer, class: sram, size: 4 KiB, width: 64, shared_bandwidth: 16 words/cycle, keep: all, fanout: {x: 4, y: 4}}
    - {name: Registers, class: regfile, size: 16 words, keep: outputs, bypass: [inputs, weights]}
  compute: {name: MAC, class: int_mac}
constraints:
  - {level: Buffer, x: {dims: [N]}, y: {dims: [K]}}
""",
}


@dataclass(frozen=True)
class Truth:
    """A space with every design judged at its proven best mapping; `row` is the place of a design among them."""

    name: str
    request: Request
    designs: np.ndarray
    verdicts: Verdicts
    cpu_s: float

    @property
    def row(self) -> dict[int, int]:
        return {int(place): row for row, place in enumerate(self.request.space.flat(self.designs))}

    def scores(self, objectives: int) -> Scores:
        values = [self.verdicts.columns[f"objective:{goal}"] for goal in GOALS[:objectives]]
        return Scores(np.stack(values, axis=1), self.verdicts.columns["excess"])


@dataclass(frozen=True)
class Trace:
    """One search: how near it was after so many designs, and the CPU time that the strategy itself had taken by then."""

    space: str
    strategy: str
    objectives: int
    seed: int
    steps: dict[int, tuple[float, float]]


def exhausted(name: str, kind: str = "best") -> Truth:
    """All designs of a space at their best mappings: one by one (`best`), or family by family (`frontier`)."""
    request = load_space(SPACES[name].replace("  objectives:", f"  mapping: {kind}\n  objectives:"))
    judge = Judge(request, memo=False)
    designs = np.concatenate(list(request.space.blocks(4096)))
    began = time.process_time()
    verdicts = judge(designs)
    cpu_s = time.process_time() - began
    assert verdicts.columns["proven"][verdicts.columns["feasible"]].all()
    return Truth(name, request, designs, verdicts, cpu_s)


def compared(one: Truth, other: Truth) -> str:
    """Whether two judges say the same of every design: which are feasible, the objective, energy and cycles."""
    mine, theirs = one.verdicts.columns, other.verdicts.columns
    if not np.array_equal(mine["feasible"], theirs["feasible"]):
        raise AssertionError(f"{one.name}: the frontier and the grid disagree on which designs have a mapping")
    good, worst, same = mine["feasible"], 0.0, True
    for figure in ("objective:edp", "energy_pj", "cycles"):
        a, b = mine[figure][good], theirs[figure][good]
        worst, same = max(worst, float(np.max(np.abs(a - b) / a))), same and bool((a == b).all())
    if worst > 1e-12:
        raise AssertionError(f"{one.name}: the frontier differs from the grid by {worst:.2g}")
    return "equal to the last bit" if same else f"equal to {worst:.1g}"


def made(name: str, objectives: int) -> DesignStrategy[Any]:
    options: dict[str, Any] = {"grid": {"batch": 10}, "random": {"batch": 10}}.get(name, {})
    if name == "pymoo":
        options = {"algorithm": "ga" if objectives == 1 else "nsga2"}
    return strategy_of(name, options)


def trace(truth: Truth, name: str, objectives: int, seed: int) -> Trace:
    """Search by looking scores up; each design counts once."""
    strategy, space, scores, row = made(name, objectives), truth.request.space, truth.scores(objectives), truth.row
    steps: dict[int, tuple[float, float]] = {}
    seen: list[int] = []
    known: set[int] = set()
    cpu_s, idle, most = 0.0, 0, min(BUDGETS[-1], len(truth.designs))
    began = time.process_time()
    state = strategy.init(space, seed)
    while len(seen) < most and idle < IDLE:
        proposal = strategy.ask(space, state)
        cpu_s += time.process_time() - began
        if not len(proposal):
            break
        rows = np.array([row[int(place)] for place in space.flat(proposal.designs)])
        new = [at for at in dict.fromkeys(rows.tolist()) if at not in known]
        known.update(new)
        idle = 0 if new else idle + 1
        for budget in BUDGETS:
            if len(seen) < budget <= len(seen) + len(new):
                steps[budget] = nearness(scores, [*seen, *new][:budget]), cpu_s
        seen += new
        began = time.process_time()
        state = strategy.tell(space, state, proposal, scores.rows(rows))
    for budget in BUDGETS:
        steps.setdefault(budget, (nearness(scores, seen), cpu_s))
    return Trace(truth.name, name, objectives, seed, steps)


def nearness(scores: Scores, rows: Sequence[int]) -> float:
    """One objective: best / optimum - 1. Several: the share of the whole front's hypervolume, in the logarithms of the objectives."""
    good = scores.is_feasible
    chosen = [row for row in rows if good[row]]
    if scores.values.shape[1] == 1:
        best = min((float(scores.values[row, 0]) for row in chosen), default=np.inf)
        return best / float(scores.values[good, 0].min()) - 1
    import moocore

    logs = np.log(scores.values)
    worst = logs[good].max(axis=0)
    share = moocore.hypervolume(logs[chosen], ref=worst) if chosen else 0.0
    return float(share / moocore.hypervolume(logs[good], ref=worst))


def joint_trace(truth: Truth, seed: int) -> Trace:
    """DiGamma, with each individual priced at the mappings that it brings; the CPU time includes that."""
    request, strategy = truth.request, strategy_of("digamma")
    judge = Judge(request, memo=False)
    joint = JointSpace(request.space, request.machines, request.suite.layers, request.mapping.cuts)
    optimum = float(truth.scores(1).values[truth.scores(1).is_feasible, 0].min())
    steps: dict[int, tuple[float, float]] = {}
    priced, best = 0, np.inf
    began = time.process_time()
    state = strategy.init(joint, seed)
    while priced < JOINT_BUDGETS[-1]:
        proposal: Proposal = strategy.ask(joint, state)
        columns = judge(proposal).columns
        scores = Scores(columns["objective:edp"][:, None], columns["excess"])
        state = strategy.tell(joint, state, proposal, scores)
        values = np.where(scores.is_feasible, scores.values[:, 0], np.inf)
        for budget in JOINT_BUDGETS:
            if priced < budget <= priced + len(proposal):
                reached = min(best, float(values[: budget - priced].min()))
                steps[budget] = reached / optimum - 1, time.process_time() - began
        priced, best = priced + len(proposal), min(best, float(values.min()))
    if best < optimum * (1 - 1e-9):
        raise AssertionError(f"{truth.name}: a mapping of DiGamma's beats the proven optimum")
    return Trace(truth.name, "digamma", 1, seed, steps)


def table(traces: Sequence[Trace], objectives: int, budgets: Sequence[int]) -> str:
    """Medians over the seeds: distance or share, and CPU milliseconds of the strategy."""
    head = f"{'space':16}{'strategy':12}" + "".join(f"{f'{budget:,} designs':>16}" for budget in budgets)
    lines = [f"{head}{'CPU s':>10}"]
    chosen = [trace for trace in traces if trace.objectives == objectives and tuple(trace.steps) == tuple(budgets)]
    for space, strategy in dict.fromkeys((trace.space, trace.strategy) for trace in chosen):
        own = [trace for trace in chosen if (trace.space, trace.strategy) == (space, strategy)]
        cells = "".join(f"{_percent([t.steps[budget][0] for t in own]):>16}" for budget in budgets)
        lines.append(f"{space:16}{strategy:12}{cells}{np.median([t.steps[budgets[-1]][1] for t in own]):10.2f}")
    return "\n".join(lines)


def _percent(values: Sequence[float]) -> str:
    middle = float(np.median(values))
    return "none" if not np.isfinite(middle) else "0 %" if abs(middle) < 1e-9 else f"{100 * middle:.1f} %"


def write_csv(path: Path, traces: Sequence[Trace]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["space", "strategy", "objectives", "seed", "designs", "distance_or_share", "cpu_s"])
        for one in traces:
            for budget, (near, cpu_s) in one.steps.items():
                writer.writerow([one.space, one.strategy, one.objectives, one.seed, budget, near, f"{cpu_s:.4f}"])


def versions() -> str:
    found: list[str] = []
    for name in ("archloom", "moocore", "optuna", "pymoo"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return ", ".join(found)


def truth_of(name: str) -> Truth:
    """The truth about a space, the frontier beside it, and how many designs each judges per CPU-second."""
    grid = exhausted(name)
    family = exhausted(name, "frontier")
    many, good = len(grid.designs), int(grid.verdicts.columns["feasible"].sum())
    print(
        f"{name}: {grid.request.space.size:,} designs, {many:,} admitted, {good:,} with a mapping; each at its proven best:"
    )
    for what, truth in (("one by one", grid), ("frontier", family)):
        print(f"  {what:12}{truth.cpu_s:8.1f} CPU-s{many / truth.cpu_s:10.1f} designs per CPU-second")
    print(f"  energy, cycles and EDP of all designs: {compared(grid, family)}", flush=True)
    return grid


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--spaces", nargs="+", default=list(SPACES), choices=list(SPACES))
    parser.add_argument("--strategies", nargs="+", default=[*GENERAL, "digamma"], choices=[*GENERAL, "digamma"])
    parser.add_argument("--csv", type=Path, help="write every search to this file")
    given = parser.parse_args(arguments)
    print(f"{machine_name()}; {versions()}; {given.seeds} seeds", flush=True)
    found: list[Trace] = []
    for name in given.spaces:
        truth = truth_of(name)
        for strategy in given.strategies:
            for seed in range(given.seeds):
                if strategy == "digamma":
                    found.append(joint_trace(truth, seed))
                else:
                    found += [trace(truth, strategy, objectives, seed) for objectives in (1, 2)]
        if given.csv:
            write_csv(given.csv, found)
    print("\nEDP, median distance to the optimum, and CPU seconds of the strategy itself")
    print(table(found, 1, BUDGETS))
    print("\nEDP and area, median share of the hypervolume of the true front (in logarithms)")
    print(table(found, 2, BUDGETS))
    if "digamma" in given.strategies:
        print("\nEDP, designs with mappings of their own, each priced once; CPU seconds of all")
        print(table(found, 1, JOINT_BUDGETS))


if __name__ == "__main__":
    main()
