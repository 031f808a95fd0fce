"""The study of MAESTRO's paper: the machine that suits a dataflow and a layer best, within 16 mm2 and 450 mW.

    python examples/maestro-study/study.py [--engine corrected|compatible] [--full] [-o fronts.svg]

KC-P and YR-P dataflows on an early and a late layer of VGG-16: each with many tile sizes, each tiling on every machine of a
grid of PEs, network bandwidths, L1 and L2 sizes. Prints the designs of most throughput, least energy and least EDP, and
draws the fronts of throughput and energy. Without --full, a few tilings and machines only.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from plot import Mark, Series, draw

from archloom.errors import InputError
from archloom.interop.maestro import Directive, Hardware, Layer, parse_mapping
from archloom.interop.maestro.directive_sweep import directive_sweep
from archloom.interop.maestro.sweep import Design, hardware_sweep

LAYERS = {
    "CONV2": "K: 64, C: 64, R: 3, S: 3, Y: 226, X: 226",
    "CONV11": "K: 512, C: 512, R: 3, S: 3, Y: 16, X: 16",
}
"""Inputs with their padding, so that there are 224 x 224 and 14 x 14 outputs."""

BUDGETS = {"area": 16e6, "power": 450.0}
"""um2 and mW."""

MAC_UJ = 0.23e-6
"""MAESTRO's energy unit, one MAC."""

GRID = {
    "pes": range(8, 177, 8),
    "noc_bw": (1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64),
    "l1": tuple(2**n for n in range(5, 13)),
    "l2": tuple(2**n for n in range(9, 18)),
}
COARSE = {"pes": range(16, 177, 32), "noc_bw": (2, 8, 32), "l1": (64, 256, 1024, 4096), "l2": (1024, 8192, 65536)}


@dataclass(frozen=True, slots=True)
class Tiling:
    """A dataflow with its tile sizes: what they are, and the directives."""

    sizes: str
    directives: str

    def layer(self, name: str) -> Layer:
        """Return a layer of the study mapped like this."""
        text = f"Layer {name} {{ Type: CONV Dimensions {{ {LAYERS[name]} }} Dataflow {{ {self.directives} }} }}"
        return parse_mapping(f"Network VGG16 {{ {text} }}").layers[0]


def kc_p(*, coarse: bool) -> Iterator[Tiling]:
    """Yield tilings of KC-P: output channels across clusters, input channels across the PEs of a cluster, as in NVDLA."""
    clusters, channels, outputs = ((8, 32), (1, 4), (1, 14)) if coarse else ((8, 16, 32, 64), (1, 2, 4), (1, 2, 4, 14))
    for cluster, c, k, y, x in product(clusters, (1, 2), channels, channels, outputs):
        inside = cluster * c
        yield Tiling(
            f"cluster {cluster}, C {inside}, K {k}, Y' {y}, X' {x}",
            f"SpatialMap({k},{k}) K; TemporalMap({inside},{inside}) C; TemporalMap(3,3) R; TemporalMap(3,3) S;"
            f"TemporalMap({y + 2},{y}) Y; TemporalMap({x + 2},{x}) X; Cluster({cluster}, P); SpatialMap({c},{c}) C;",
        )


def yr_p(*, coarse: bool) -> Iterator[Tiling]:
    """Yield tilings of YR-P: rows of outputs across clusters, rows of the filter in a cluster, as in Eyeriss."""
    channels, outputs = ((2, 8), (1, 14)) if coarse else ((1, 2, 4, 8, 16), (1, 2, 4, 7, 14))
    for c, k, x in product(channels, channels, outputs):
        yield Tiling(
            f"C {c}, K {k}, X' {x}",
            f"TemporalMap({c},{c}) C; TemporalMap({k},{k}) K; SpatialMap(3,1) Y; TemporalMap({x + 2},{x}) X;"
            "TemporalMap(3,3) R; TemporalMap(3,3) S; Cluster(3, P); SpatialMap(1,1) Y; SpatialMap(1,1) R;",
        )


DATAFLOWS = {"KC-P": kc_p, "YR-P": yr_p}


Found = tuple[Tiling, Design]

RANKS: dict[str, Callable[[Design], tuple[float, ...]]] = {
    "throughput": lambda design: (design.runtime, design.energy, design.area_um2),
    "energy": lambda design: (design.energy, design.runtime, design.area_um2),
    "EDP": lambda design: (design.edp, design.energy, design.area_um2),
}
"""What is least in the best design of each objective; of equals what is better otherwise."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One dataflow on one layer: how many designs were tried, how many fit, and those on the front of each tiling."""

    layer: str
    dataflow: str
    designs: int
    feasible: int
    found: list[Found]

    def best(self) -> dict[str, Found]:
        """Return the best design of each objective."""
        return {objective: min(self.found, key=lambda pair: rank(pair[1])) for objective, rank in RANKS.items()}

    def front(self) -> list[Found]:
        """Return the designs that no other beats in energy and in cycles, from the least energy on."""
        return front_of(self.found)


def front_of(found: Iterable[Found]) -> list[Found]:
    """Return the front of energy and cycles; of equal designs the smallest."""
    front: list[Found] = []
    for tiling, design in sorted(found, key=lambda pair: RANKS["energy"](pair[1])):
        if not front or design.runtime < front[-1][1].runtime:
            front.append((tiling, design))
    return front


def explore(layer: str, dataflow: str, *, engine: str, coarse: bool) -> Outcome:
    """Price every tiling of a dataflow on every machine of the grid."""
    grid = {name: list(values) for name, values in (COARSE if coarse else GRID).items()}
    designs, feasible, found = 0, 0, list[Found]()
    for tiling in DATAFLOWS[dataflow](coarse=coarse):
        sweep = hardware_sweep(
            tiling.layer(layer), grid, engine=engine, budgets=BUDGETS, front=("energy", "runtime", "area_um2")
        )
        designs += sweep.designs
        feasible += sweep.feasible_designs
        found += front_of((tiling, design) for design in sweep.front)
    return Outcome(layer, dataflow, designs, feasible, found)


@dataclass(frozen=True, slots=True)
class Refined:
    """What the machine of least EDP can do with other tile sizes: how many were tried, the best of them, its EDP."""

    tried: int
    layer: Layer
    edp: float
    before: float

    @property
    def sizes(self) -> str:
        """Return the tile sizes that were varied."""
        entries = self.layer.dataflow or ()
        varied = (entries[at] for at in varied_maps(self.layer))
        found = [(entry.variable, entry.offset) for entry in varied if isinstance(entry, Directive)]
        return ", ".join(f"{name}{chr(39) * (name in 'YX')} {step}" for name, step in found)


def varied_maps(layer: Layer) -> list[int]:
    """Return the numbers of the maps that stand alone: not of the filter, and of variables that no cluster maps again."""
    maps = [(at, entry.variable) for at, entry in enumerate(layer.dataflow or ()) if isinstance(entry, Directive)]
    names = [name for _, name in maps]
    return [at for at, name in maps if name not in "RS" and names.count(name) == 1]


def refine(outcome: Outcome, *, engine: str, upto: int = 16) -> Refined:
    """Try all tile sizes up to `upto` on the machine of least EDP, as far as its buffers hold them."""
    tiling, design = outcome.best()["EDP"]
    layer = tiling.layer(outcome.layer)
    varied = varied_maps(layer)
    steps = np.stack(np.meshgrid(*[np.arange(1, upto + 1)] * len(varied), indexing="ij"), axis=-1).reshape(
        -1, len(varied)
    )
    sizes: dict[int, Any] = {}
    for place, at in enumerate(varied):
        entry = (layer.dataflow or ())[at]
        halo = 2 if isinstance(entry, Directive) and entry.variable in "YX" else 0
        sizes[at] = np.stack([steps[:, place] + halo, steps[:, place]], axis=1)
    machine = Hardware(num_pes=design.pes, noc_bandwidth=design.noc_bw)
    sweep = directive_sweep(layer, sizes, machine, engine=engine)
    columns = sweep.columns
    fits = sweep.priced & (columns["l1_required"] <= design.l1) & (columns["l2_required"] <= design.l2)
    best = int(np.argmin(np.where(fits, columns["edp"], np.inf)))
    return Refined(len(sweep), sweep.mapping(best), float(columns["edp"][best]), design.edp)


def refined_line(outcome: Outcome, refined: Refined) -> str:
    """Return what finer tile sizes gain."""
    less = 100 * (1 - refined.edp / refined.before)
    return f"{outcome.layer:7}{outcome.dataflow:6}{refined.tried:,} tried, {less:.1f} % less EDP with {refined.sizes}"


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield a row for each best design."""
    yield (
        f"{'layer':7}{'flow':6}{'most or least':14}{'MACs/cycle':>10}{'energy uJ':>11}{'PEs':>5}{'NoC':>5}"
        f"{'L1 B':>7}{'L2 B':>8}{'mm2':>6}{'mW':>5}  tiles"
    )
    for outcome in outcomes:
        for objective, (tiling, design) in outcome.best().items():
            yield (
                f"{outcome.layer:7}{outcome.dataflow:6}{objective:14}{design.throughput:10.1f}"
                f"{design.energy * MAC_UJ:11.0f}{design.pes:5}{design.noc_bw:5}{design.l1:7,}{design.l2:8,}"
                f"{design.area_um2 / 1e6:6.1f}{design.power_mw:5.0f}  {tiling.sizes}"
            )


def picture(outcomes: Sequence[Outcome], engine: str) -> str:
    """Return the fronts as SVG."""
    panels: dict[str, list[Series]] = {}
    for outcome in outcomes:
        marks = [
            Mark(objective, design.energy * MAC_UJ, design.throughput, title_of(outcome, tiling, design))
            for objective, (tiling, design) in outcome.best().items()
        ]
        cloud = sorted({point_of(design) for _, design in outcome.found})
        series = Series(outcome.dataflow, cloud, [point_of(design) for _, design in outcome.front()], marks)
        panels.setdefault(f"VGG-16 {outcome.layer}", []).append(series)
    note = (
        f"within 16 mm² and 450 mW, {engine} engine; dots are the best of one tiling, lines the fronts of all tilings"
    )
    return draw(panels, "Throughput and energy of MAESTRO's study", note)


def point_of(design: Design) -> tuple[float, float]:
    """Return energy and throughput to the digits that a picture shows."""
    return float(f"{design.energy * MAC_UJ:.4g}"), float(f"{design.throughput:.4g}")


def title_of(outcome: Outcome, tiling: Tiling, design: Design) -> str:
    """Return what appears on hovering over a mark."""
    buffers = f"L1 {design.l1:,} B, L2 {design.l2:,} B"
    return f"{outcome.dataflow} on {outcome.layer}: {tiling.sizes}\n{design.pes} PEs, {design.noc_bw} elements per cycle, {buffers}"


def main() -> None:
    """Run the study, print the best designs, and write the picture where it is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--engine", choices=("corrected", "compatible"), default="corrected")
    parser.add_argument("--full", action="store_true", help="all tilings and machines, 21 million designs")
    parser.add_argument("-o", "--output", type=Path, help="write the fronts as SVG")
    asked = parser.parse_args()
    start = time.perf_counter()
    try:
        outcomes = [
            explore(layer, name, engine=asked.engine, coarse=not asked.full) for layer in LAYERS for name in DATAFLOWS
        ]
    except InputError as error:
        sys.exit(str(error))
    seconds = time.perf_counter() - start
    print(*table(outcomes), sep="\n")
    print("\nother tile sizes on the machines of least EDP:")
    for outcome in outcomes:
        print(refined_line(outcome, refine(outcome, engine=asked.engine)))
    designs, feasible = sum(o.designs for o in outcomes), sum(o.feasible for o in outcomes)
    print(
        f"\n{designs:,} designs, {feasible:,} within the budgets; {designs / seconds / 1e6:.1f} million a second",
        file=sys.stderr,
    )
    if asked.output:
        asked.output.write_text(picture(outcomes, asked.engine), "utf-8")


if __name__ == "__main__":
    main()
