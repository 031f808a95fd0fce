"""The study beside the published one: figures of the original design, of the published optimum, and of the best design found.

Run `archloom explore examples/eyeriss-resources/space.yaml` first, then `python examples/eyeriss-resources/compare.py STUDY`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import archloom as al
from archloom.exploration.gains import gains
from archloom.exploration.judge import Judge
from archloom.exploration.space_file import load_space
from archloom.exploration.study import open_study

HERE = Path(__file__).parent
LAYER = "vgg16:conv1_1"
PUBLISHED: dict[str, dict[str, Any]] = {
    "original": {"cycles": 903168, "utilization": 0.5714, "gflops": 188.44, "energy_uj": 720.99},
    "optimum": {"cycles": 602112, "utilization": 0.8571, "gflops": 282.67, "energy_uj": 305.38},
}
OPTIMUM = (
    *("variables.columns=4", "variables.rows=42", "levels.GLB.size=512*512 bit", "levels.GLB.width=512"),
    *("levels.ifmap_spad.size=6*64 bit", "levels.ifmap_spad.width=64"),
    *("levels.weight_spad.size=48*64 bit", "levels.weight_spad.width=64"),
    *("levels.psum_spad.size=8*128 bit", "levels.psum_spad.width=128"),
)
"""The published optimum as changes to machine.yaml."""


def remapped() -> dict[str, float]:
    """The hardware of the published optimum at its best mapping, priced like all others here."""
    spec = al.load(HERE / "machine.yaml", sets=OPTIMUM)
    network, layer = LAYER.split(":")
    workload = al.load_network(network).layer(layer).workload
    assert spec.architecture is not None
    best = al.map(workload, spec.architecture, objective="edp", constraints=spec, cache=False).layers[0]
    flops = 2 * workload.macs - workload.words(workload.output)
    return {
        "cycles": best.cycles,
        "utilization": best.evaluation.utilization,
        "gflops": flops / best.cycles,
        "energy_uj": best.energy_pj * 1e-6,
    }


def dram_floor_uj() -> float:
    """Every word moved to or from the DRAM once: no design needs less DRAM energy."""
    spec = al.load(HERE / "machine.yaml")
    network, layer = LAYER.split(":")
    workload = al.load_network(network).layer(layer).workload
    assert spec.architecture is not None
    dram = spec.architecture.level("DRAM")
    words = sum(workload.words(tensor) for tensor in workload.tensors)
    return words / dram.block * dram.read_pj * 1e-6


def main(folder: str) -> None:
    """Print the table for the study in a folder."""
    if not Path(folder).exists():
        print(__doc__)
        return
    study = open_study(folder)
    best = study.best()
    if best is None:
        sys.exit("the study has no design yet")
    request = load_space(HERE / "space.yaml")
    (design,) = request.space.unflat([int(best["position"])])
    found = gains(request, Judge(request), design)
    assert found.given is not None
    rows = [
        ("original, published", PUBLISHED["original"]),
        ("original, as many cycles as published", found.given.figures),
        ("original, best mapping", found.baseline.figures),
        ("optimum, published", PUBLISHED["optimum"]),
        ("optimum's hardware, best mapping", remapped()),
        (f"best of {study.progress.designs:,} designs", found.winner.figures),
    ]
    print(f"{'':40} {'cycles':>9} {'used':>7} {'GFLOP/s':>8} {'energy, uJ':>11} {'EDP, J x cycle':>15}")
    for name, row in rows:
        edp = row["cycles"] * row["energy_uj"] * 1e-6
        used, gflops = 100 * row["utilization"], row["gflops"]
        print(f"{name:40} {row['cycles']:9,.0f} {used:6.1f}% {gflops:8.2f} {row['energy_uj']:11.2f} {edp:15.1f}")
    print(f"\nDRAM alone needs at least {dram_floor_uj():.1f} uJ; 168 elements need at least 516,096 cycles.")
    for figure in ("cycles", "energy_uj", "edp"):
        part = found.factors(figure)
        print(f"gain in {figure}: mapping {part.mapping:.3f} x hardware {part.hardware:.3f} = {part.whole:.3f}")
    print("best design:", request.space.described(design))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "eyeriss-resources.study")
