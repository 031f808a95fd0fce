"""Machines judged per CPU-second at their certified best mapping: one search for a whole family, and one search per machine.

The family: Eyeriss with its constraints, global buffer, scratchpads and DRAM bandwidth varied, energies and leakage of each size from
the technology library; or a machine of three memories without constraints. Single searches are timed on a sample of the
same machines, whose answers are compared.

    python benchmarks/frontier.py                                         # small families: a few minutes on one core
    python benchmarks/frontier.py --layer layer2.0.conv2 --objective edp --large
    python benchmarks/frontier.py --gemm --objective energy
"""

from __future__ import annotations

import argparse
import itertools
import math
import tempfile
import time
import warnings
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

import archloom as al
from archloom.architecture.hierarchy import Architecture
from archloom.mapspace.space import MapSpace
from archloom.search.exact.problem import Problem, Watch
from archloom.search.frontier import family_best
from archloom.search.frontier.family import family_of
from archloom.search.frontier.one_by_one import solve_each
from archloom.search.objective import objective_of
from archloom.workload.einsum import einsum

Hardware = dict[str, NDArray[np.float64]]
LAYERS = ("layer1.0.conv1", "layer3.0.downsample", "layer4.0.conv1", "fc")
FIELDS = ("size_bits", "read_pj", "write_pj", "update_pj", "leak_pj")
GLB_KIB = (16, 32, 64, 128, 256, 512, 1024)
SPADS = {
    False: {"ifmap_spad": (12, 24), "weight_spad": (112, 224), "psum_spad": (16, 24)},
    True: {"ifmap_spad": (12, 24, 48), "weight_spad": (112, 224, 448), "psum_spad": (12, 24, 48)},
}
BANDWIDTHS = {False: (1.0,), True: (0.25, 0.5, 1.0, 2.0, 4.0)}


def machine_of(path: Path, *sets: str) -> Architecture:
    """The machine of a file."""
    machine = al.load(path, sets=list(sets)).architecture
    assert machine is not None
    return machine


def eyeriss(folder: Path, *, large: bool) -> tuple[Any, Hardware]:
    """The machine as a spec with its rules, priced by the technology library, and the numbers of its family."""
    text = files("archloom").joinpath("architecture", "zoo", "eyeriss.yaml").read_text("utf-8")
    content = yaml.safe_load(text)
    for level in content["architecture"]["levels"][1:]:
        level.pop("energy")
    path = folder / "eyeriss.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    spec = al.load(path)
    assert spec.architecture is not None
    choices = {"GLB": tuple(f"{size} KiB" for size in GLB_KIB)}
    choices |= {name: tuple(f"{size} words" for size in sizes) for name, sizes in SPADS[large].items()}
    priced = {
        (name, size): machine_of(path, f"levels.{name}.size={size}").level(name)
        for name, sizes in choices.items()
        for size in sizes
    }
    bandwidth = spec.architecture.level("DRAM").shared_bandwidth
    assert bandwidth is not None
    hardware: dict[str, list[float]] = {}
    for sizes in itertools.product(*choices.values()):
        for share in BANDWIDTHS[large]:
            for name, size in zip(choices, sizes, strict=True):
                for field in FIELDS:
                    hardware.setdefault(f"{name}.{field}", []).append(getattr(priced[name, size], field))
            hardware.setdefault("DRAM.shared_bandwidth", []).append(bandwidth * share)
    return spec, {name: np.array(values) for name, values in hardware.items()}


def three_memories(folder: Path) -> tuple[Architecture, Hardware]:
    """A machine without rules, and a family of it."""
    path = folder / "three.yaml"
    path.write_text(
        "architecture:\n  name: three\n  word: 16 bit\n  clock: 200 MHz\n  node: 65 nm\n  levels:\n"
        "    - {name: DRAM, class: dram, width: 64, shared_bandwidth: 4 words/cycle}\n"
        "    - {name: GLB, class: sram, size: 64 KiB, width: 64, fanout: 16x16}\n"
        "    - {name: RF, class: regfile, size: 64 words}\n  compute: {class: int_mac, word: 16 bit}\n",
        "utf-8",
    )
    machine = machine_of(path)
    sizes = {"GLB": [f"{size} KiB" for size in GLB_KIB], "RF": [f"{size} words" for size in (16, 32, 64, 128)]}
    priced = {
        (name, size): machine_of(path, f"levels.{name}.size={size}").level(name)
        for name, some in sizes.items()
        for size in some
    }
    hardware: dict[str, list[float]] = {}
    for glb, rf in itertools.product(*sizes.values()):
        for field in FIELDS:
            hardware.setdefault(f"GLB.{field}", []).append(getattr(priced["GLB", glb], field))
            hardware.setdefault(f"RF.{field}", []).append(getattr(priced["RF", rf], field))
    return machine, {name: np.array(values) for name, values in hardware.items()}


def compare(name: str, space: MapSpace, hardware: Hardware, objective: str, sample: int, limit_s: float) -> None:
    """Time both ways and print a line; raises AssertionError where they disagree."""
    began = time.process_time()
    answer = family_best(space, hardware, objective, time_limit_s=limit_s)
    together_s = time.process_time() - began
    aim = objective_of(objective)
    parts = [Problem(space.workload, space.architecture, rules, aim) for rules in space.parts]
    family = family_of(space.architecture, hardware)
    rows = np.unique(np.linspace(0, len(family) - 1, sample).astype(np.int64))
    began = time.process_time()
    singles = solve_each(parts, family.taken(rows), Watch(), seeded=False)
    each_s = (time.process_time() - began) / len(rows)
    for row, single in zip(rows, singles, strict=True):
        if answer.finished[row] and single.best is not None:
            found = aim.key(float(answer.energy_pj[row]), float(answer.cycles[row]))
            expected = aim.key(single.best.energy_pj, single.best.cycles)
            assert all(math.isclose(a, b, rel_tol=1e-9) for a, b in zip(found, expected, strict=True)), (row, found)
        elif answer.finished[row]:
            assert answer.best[row] == -1
    machines = int(answer.finished.sum())
    print(
        f"{name:22s} {objective:8s} {machines:5d}/{len(family):<5d} {together_s:8.1f} s {machines / together_s:9.2f}/s "
        f"{1 / each_s:9.2f}/s {each_s * machines / together_s:7.1f}x {len(answer.mappings):6d} mappings",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layer", action="append", help="layers of ResNet-18 (default: four of them)")
    parser.add_argument("--objective", action="append", help="energy, edp, latency (default: energy and edp)")
    parser.add_argument("--large", action="store_true", help="945 machines instead of 56")
    parser.add_argument("--gemm", action="store_true", help="a matrix product on three memories without rules")
    parser.add_argument("--sample", type=int, default=4, help="machines that are also searched alone")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds for each family")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"{'layer':22s} {'':8s} {'proven':>11s} {'together':>10s} {'':>11s} {'alone':>11s} {'gain':>8s}")
    with tempfile.TemporaryDirectory() as folder:
        for objective in given.objective or ("energy", "edp"):
            if given.gemm:
                product = einsum("O[m,n] += W[m,k] * I[k,n]", {"m": 256, "n": 128, "k": 512}, name="gemm")
                machine, hardware = three_memories(Path(folder))
                compare("gemm", MapSpace(product, machine), hardware, objective, given.sample, given.limit)
                continue
            spec, hardware = eyeriss(Path(folder), large=given.large)
            for layer in al.load_network("resnet18").layers:
                if layer.name in (given.layer or LAYERS):
                    space = MapSpace(layer.workload, spec.architecture, spec)
                    compare(layer.name, space, hardware, objective, given.sample, given.limit)


if __name__ == "__main__":
    main()
